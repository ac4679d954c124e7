"""Items that sell too seldom to be forecast one by one: together with their like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_int,
    check_names,
    check_number,
    factorise,
    take,
)
from ..engine.pooled_demand import Sizes, decay, recent_rates
from ..errors import InputError
from .daily import Days
from .drivers import Drivers, read_drivers
from .fit import check_levels, check_models, forecast_panel
from .intake import Panel, known_rows, read_history
from .opening import closed_ahead, closed_then

__all__ = ["forecast_sparse"]

_LEAST = 3  # sparse items that make a group
_Read = Callable[[Panel], Drivers | None]


def forecast_sparse(
    history: pd.DataFrame,
    horizon: int,
    *,
    by: str | Sequence[str],
    within: str | Sequence[str] | None = None,
    adi: float = 1.32,
    freq: str | None = None,
    season_length: int | None = None,
    model: str | Sequence[str] = "auto",
    level: Sequence[float] | None = (80, 95),
    partial: str = "drop",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    calendar: Any = None,
    events: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Forecast spare parts and other slow sellers together with their like.

    The sparse items of a group are forecast as one series, with its trend and season, and the
    result is shared out by what each has sold of late; how far back that reaches is learned from
    all of them. Their intervals are those of amounts that are mostly zero: a chance of a sale,
    drawn to the group's, and sizes of sales, the item's own and those of the group. Items that
    sell often enough keep a forecast of their own.

    Parameters
    ----------
    history : DataFrame
        As for :func:`forecast`. A period without a row is one without a sale; a missing amount
        is not known. Returns lower an item's mean.
    horizon : int
        Periods to forecast, at least 1, from the last period of the data on.
    by : str or sequence of str
        Key columns of the items.
    within : str or sequence of str, optional
        Columns that say which items are alike: one value an item (kind, department), or some of
        ``by``. None: all are.
    adi : float, default=1.32
        Periods per sale (average demand interval) from which on an item is sparse; days on which
        it is closed do not count.
    freq, season_length, model, level, partial, as_of, invalid, date, amount
        As in :func:`forecast`; ``model`` forecasts the groups and the items that are not sparse.
    calendar, events
        As in :func:`forecast`: effects of working days, moving holidays and events of one's own are
        learned from the groups' sums, where single parts show nothing, and are those of each part.

    Returns
    -------
    DataFrame
        Keys, ``date``, ``forecast`` (mean), ``lo_80``, ``hi_80``, ... , ``chance`` (probability
        that anything is sold in the period; NaN with a forecast of its own), ``status``:
        ``"pooled"``, or for items with a forecast of their own what :func:`forecast` says. The
        ends of an interval are quantiles of what is sold, whole numbers where sales are: both
        may be zero while the mean is not. Groups of fewer than three sparse items are not pooled.

    Raises
    ------
    InputError
        As in :func:`forecast`; ``adi`` is below 1, or an item has several values of ``within``.

    References
    ----------
    A. A. Syntetos, J. E. Boylan, J. D. Croston, "On the categorization of demand patterns",
    Journal of the Operational Research Society 56 (2005), 495-503 (from where on demand is
    intermittent). G. Zotteri, M. Kalchschmidt, F. Caniato, "The impact of aggregation level on
    forecasting performance", International Journal of Production Economics 93 (2005), 479-491.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.to_datetime(["2025-01-06", "2025-03-03", "2025-06-02"])
    >>> sales = pd.concat([pd.DataFrame({"part": p, "date": day + pd.DateOffset(months=k),
    ...                                  "amount": 6.0}) for k, p in enumerate("abc")])
    >>> got = forecast_sparse(sales, 2, by="part", freq="M", model="mean", level=None,
    ...                       as_of="2025-08-31")
    >>> got.loc[got["date"] == "2025-09-01", ["part", "status"]].reset_index(drop=True)
      part  status
    0    a  pooled
    1    b  pooled
    2    c  pooled
    """
    caller = "forecast_sparse"
    horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
    check_number(adi, "adi", caller=caller, low=1)
    models, levels = check_models(model, caller=caller), check_levels(level, caller=caller)
    keys = check_names(by, "by", caller=caller)
    if not keys:
        raise InputError(f"{caller}(): give by=, the key columns of the items.")
    names = [] if within is None else check_names(within, "within", caller=caller)
    like = _take_likeness(history, keys, names, (date, amount), invalid, caller)
    history = history if like is None else like.frame
    panel = read_history(
        history,
        caller=caller,
        by=by,
        freq=freq,
        season_length=season_length,
        partial=partial,
        gaps="zero",
        date=date,
        amount=amount,
        as_of=as_of,
        invalid=invalid,
    )
    groups = _groups(like, panel, keys, names)
    pooled, group = _sparse(panel, groups, adi)
    columns = ["forecast", *(f"{side}_{x:g}" for x in levels for side in ("lo", "hi")), "chance"]
    made = {c: np.full((len(panel), horizon), np.nan) for c in columns}
    status = np.full(len(panel), "pooled", dtype=object)
    days = Days.beneath(panel, history, date, calendar)

    def read(part: Panel) -> Drivers | None:
        return read_drivers(
            history, part, horizon, by=keys, date=date, calendar=calendar, events=events, days=days
        )

    if len(pooled):
        together = _together(panel.take(pooled), group, horizon, models, levels, read)
        for name, values in together.items():
            made[name][pooled] = values
    alone = np.setdiff1d(np.arange(len(panel)), pooled)
    if len(alone):
        some = panel.take(alone)
        own = forecast_panel(some, horizon, models, levels, "auto", drivers=read(some))
        for name in columns[:-1]:
            made[name][alone] = own[name].to_numpy().reshape(-1, horizon)
        status[alone] = own["status"].to_numpy()[::horizon]
    return _table(panel, made, status)


def _take_likeness(
    history: Any,
    keys: list[str],
    names: list[str],
    columns: tuple[str, str],
    invalid: str,
    caller: str,
) -> Rows | None:
    """Rows with a value in all columns that say which items are alike; None without any.

    ``columns``: of date and amount.
    """
    if not names:
        return None
    date, amount = columns
    roles: dict[str, Any] = {f"within{i}": Key(c, option="within") for i, c in enumerate(names)}
    roles |= {"date": Date(date), "amount": Amount(amount, missing="allow")}
    return take(history, caller=caller, arg="history", invalid=invalid, by=keys, **roles)


def _table(panel: Panel, made: dict[str, np.ndarray], status: np.ndarray) -> pd.DataFrame:
    """Keys, dates and columns, one row an item and period."""
    horizon = made["forecast"].shape[1]
    out = panel.labels.iloc[np.repeat(np.arange(len(panel)), horizon)].reset_index(drop=True)
    out["date"] = np.tile(panel.grid.dates(panel.end[0] + np.arange(1, horizon + 1)), len(panel))
    for name, values in made.items():
        out[name] = values.ravel()
    out["status"] = pd.Series(np.repeat(status, horizon), dtype="str")
    return out


# --------------------------------------------------------------------------------------
# Which items belong together


def _groups(like: Rows | None, panel: Panel, keys: list[str], names: list[str]) -> np.ndarray:
    """Number of the group of each item."""
    if like is None:
        return np.zeros(len(panel), dtype=np.int64)
    distinct = like.frame[known_rows(like, panel)][
        list(dict.fromkeys([*keys, *names]))
    ].drop_duplicates()
    both = pd.concat([panel.labels[keys], distinct[keys]], ignore_index=True)
    item = factorise(both, keys).codes
    seen = item[len(panel) :]
    number = np.bincount(seen, minlength=int(item.max()) + 1)
    twice = np.flatnonzero(number[item[: len(panel)]] > 1)
    if len(twice):
        raise InputError(
            f"{panel.caller}(): {len(twice)} item(s) have several values of {names}, first "
            f"{panel.names(twice[:3].tolist())}; give each item one, or add the column to by."
        )
    group = np.zeros(len(number), dtype=np.int64)
    group[seen] = factorise(distinct, names).codes
    return np.asarray(group[item[: len(panel)]])


def _sparse(panel: Panel, groups: np.ndarray, adi: float) -> tuple[np.ndarray, np.ndarray]:
    """Items to be pooled, and the group of each, numbered from zero."""
    code, _, value = _cells(panel)
    sales = np.bincount(code, value > 0, len(panel))
    lost = np.bincount(_items(panel), ~np.isfinite(panel.values), len(panel))
    opened = _open_cells(panel).sum(axis=0)
    sparse = (sales > 0) & (opened - lost >= adi * sales)
    sparse &= np.bincount(groups, sparse)[groups] >= _LEAST
    pooled = np.flatnonzero(sparse)
    return pooled, np.unique(groups[pooled], return_inverse=True)[1]


def _items(panel: Panel) -> np.ndarray:
    """Item of each cell."""
    return np.repeat(np.arange(len(panel)), np.diff(panel.starts))


def _cells(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Item, periods ago and amount of what is known."""
    code, fine = _items(panel), np.isfinite(panel.values)
    return code[fine], (panel.end[code] - panel.at)[fine], panel.values[fine]


def _length(panel: Panel) -> np.ndarray:
    """Periods from the first row of each item to the last period; 0 without rows."""
    some = np.diff(panel.starts) > 0
    out = np.zeros(len(panel), dtype=np.int64)
    out[some] = panel.end[some] - panel.at[panel.starts[:-1][some]] + 1
    return out


# --------------------------------------------------------------------------------------
# One forecast a group, shared out


def _together(
    panel: Panel,
    group: np.ndarray,
    horizon: int,
    models: list[str],
    levels: list[float],
    read: _Read,
) -> dict[str, np.ndarray]:
    """Mean, interval ends and chance of every item, (items, horizon)."""
    code, age, value = _cells(panel)
    sold, known = _grid(panel)
    rate = recent_rates(code, age, value, known, group, decay(sold, known, group))
    rates = _share_out(panel, rate, group, horizon, models, read)
    sizes = Sizes(code, value, group)
    out = {"forecast": rates, "chance": sizes.chance(rates)}
    for x in levels:
        out[f"lo_{x:g}"] = sizes.quantile(0.5 - x / 200, rates)
        out[f"hi_{x:g}"] = sizes.quantile(0.5 + x / 200, rates)
    return out


def _open_cells(panel: Panel) -> np.ndarray:
    """Which of the newest periods lie in each item's record and are not closed: (time, items)."""
    length = _length(panel)
    time, items = int(length.max()), len(panel)
    age = np.arange(time)[::-1, None]
    out = age < length
    if panel.closes:
        at = (panel.end - age).ravel()
        out &= ~closed_then(panel, np.tile(np.arange(items), time), at).reshape(time, items)
    return np.asarray(out)


def _grid(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Whether each item had a sale in each period, and whether that is known: (time, items)."""
    known, code = _open_cells(panel), _items(panel)
    row = len(known) - 1 - (panel.end[code] - panel.at)
    sold = np.zeros_like(known)
    fine = np.isfinite(panel.values)
    known[row[~fine], code[~fine]] = False
    sold[row[fine], code[fine]] = panel.values[fine] > 0
    return sold, known


def _share_out(
    panel: Panel,
    rate: np.ndarray,
    group: np.ndarray,
    horizon: int,
    models: list[str],
    read: _Read,
) -> np.ndarray:
    """The groups' forecasts by item: shares are those of the recent rates.

    The level is the geometric mean of two: that of the group's forecast, and the sum of the rates.
    What the calendar makes of the periods to come is no part of it, and is put on whole.
    """
    totals = _totals(panel, group)
    drivers = read(totals)
    free = totals if drivers is None else drivers.fit(totals)
    ahead = _of_groups(free, horizon, models)
    shut = closed_ahead(panel, horizon)
    rates = np.repeat(rate[:, None], horizon, axis=1)
    rates = rates if shut is None else np.where(shut, 0.0, rates)
    recent = np.stack([np.bincount(group, x) for x in rates.T], axis=1)
    level = ahead.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where(
            level[:, None] > 0, ahead * np.sqrt(recent.mean(axis=1) / level)[:, None], 0.0
        )
        share = np.where(recent[group] > 0, rates / recent[group], 0.0)
        if drivers is not None:
            driven = _of_groups(totals, horizon, models, drivers)
            out *= np.where(ahead > 0, driven / ahead, 1.0)
    return np.asarray(share * out[group])


def _of_groups(
    totals: Panel, horizon: int, models: list[str], drivers: Drivers | None = None
) -> np.ndarray:
    """Forecasts of the sums of groups, (groups, horizon)."""
    made = forecast_panel(totals, horizon, models, [], "auto", drivers=drivers)
    return np.maximum(made["forecast"].to_numpy().reshape(-1, horizon), 0.0)


def _totals(panel: Panel, group: np.ndarray) -> Panel:
    """One series a group: the sum of its items; an amount not known counts as the item's mean."""
    code, fine = _items(panel), np.isfinite(panel.values)
    lost = np.bincount(code, ~fine, len(panel))
    mean = np.bincount(code[fine], panel.values[fine], len(panel)) / (_length(panel) - lost)
    values = np.where(fine, panel.values, mean[code])
    low, width = int(panel.at.min()), int(panel.end.max() - panel.at.min()) + 1
    place, cell = np.unique(group[code] * width + (panel.at - low), return_inverse=True)
    count = int(group.max()) + 1
    return replace(
        panel,
        keys=None,
        starts=np.searchsorted(place, np.arange(count + 1) * width),
        at=place % width + low,
        values=np.bincount(cell, values),
        end=np.full(count, panel.end[0]),
    )
