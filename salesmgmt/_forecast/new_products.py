"""Products without a history: what similar ones sold in their first months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Date, Key, Rows, check_int, check_names, take, warn
from ..errors import InputError
from .fit import check_levels
from .intake import Panel, known_rows, one_key, read_history

__all__ = ["forecast_new"]

_LEAST = 0.05  # factor of a season, which curves are divided by
_ROUNDING = 1e-9  # of the largest value: means of rows that are all alike differ by so little


def forecast_new(
    history: pd.DataFrame,
    launches: pd.DataFrame,
    horizon: int,
    *,
    by: str | Sequence[str],
    attributes: str | Sequence[str],
    n_analogues: int = 5,
    level: Sequence[float] | None = (80,),
    freq: str | None = None,
    season_length: int | None = None,
    gaps: str = "auto",
    partial: str = "drop",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    launch: str = "launch",
) -> pd.DataFrame:
    """Forecast products that have no history from the launches of products like them.

    Parameters
    ----------
    history : DataFrame
        ``by``, ``date``, ``amount`` of products sold so far, and their ``attributes`` (of a product
        with several: the mean of numbers, else what most rows say). A product was launched in the
        period of its first sale, whatever zeros come before. Those sold in the first period of
        the history are no launches, and no analogues.
    launches : DataFrame
        One row a new product: ``by``, ``launch`` (date) and the ``attributes``.
    horizon : int
        Periods from the launch on.
    by : str
        Product column (a list of one will do).
    attributes : str or sequence of str
        Columns that say how alike products are: text counts as the same or not, numbers by
        their distance in standard deviations.
    n_analogues : int, default=5
        How many of the most similar launches to learn from; equally similar ones all count.
    level : sequence of float, default=(80,)
        Percent of launches each interval should hold; None: no intervals.
    freq, season_length, gaps, partial, as_of, invalid, date, amount
        As in :func:`forecast`.
    launch : str
        Column of ``launches``.

    Returns
    -------
    DataFrame
        ``by``, ``date``, ``age`` (1: period of the launch), ``forecast`` (weighted median of the
        analogues at that age, the season of all products taken out and put on), intervals,
        ``analogues`` (how many of them had reached that age), ``status``: ``"ok"``, ``"few"``
        (fewer than three).

    Raises
    ------
    InputError
        A column is missing, a product is in both frames or twice in ``launches``, or no product
        was launched within the history.

    References
    ----------
    D. M. Miller, D. Williams, "Shrinkage estimators of time series seasonal factors and their
    effect on forecasting accuracy", International Journal of Forecasting 19 (2003), 669-684.
    K. J. Ferreira, B. H. A. Lee, D. Simchi-Levi, "Analytics for an online retailer", Manufacturing
    & Service Operations Management 18 (2016), 69-88 (new items from the sales of similar ones).

    Examples
    --------
    >>> import pandas as pd
    >>> month = pd.date_range("2024-01-01", periods=12, freq="MS")
    >>> old = pd.DataFrame({"sku": "a", "date": month, "amount": 50.0, "kind": "pump"})
    >>> one = old.iloc[4:].assign(sku="b", amount=[10.0, 20, 30, 30, 30, 30, 30, 30])
    >>> new = pd.DataFrame({"sku": ["c"], "launch": ["2025-01-01"], "kind": ["pump"]})
    >>> got = forecast_new(pd.concat([old, one]), new, 3, by="sku", attributes="kind",
    ...                    season_length=1, level=None)
    >>> got[["sku", "age", "forecast", "status"]]
      sku  age  forecast status
    0   c    1      10.0    few
    1   c    2      20.0    few
    2   c    3      30.0    few
    """
    caller = "forecast_new"
    horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
    n_analogues = check_int(n_analogues, "n_analogues", caller=caller, low=1)
    levels = check_levels(level, caller=caller)
    by = one_key(by, caller=caller)
    names = check_names(attributes, "attributes", caller=caller)
    old = _take(history, "history", by, {"date": date}, names, invalid, caller)
    new = _take(launches, "launches", by, {"launch": launch}, names, invalid, caller)
    _refuse_other_kinds(old.frame, new.frame, names, caller)
    panel = read_history(
        history,
        caller=caller,
        by=by,
        freq=freq,
        season_length=season_length,
        partial=partial,
        gaps=gaps,
        date=date,
        amount=amount,
        as_of=as_of,
        invalid=invalid,
    )
    _refuse_known(panel, new.frame, by)
    panel, fresh = _launched(panel)
    season = _common_season(panel)
    curves = _curves(panel, fresh, horizon, season)
    known_as = old.frame[known_rows(old, panel)].groupby(by, observed=True)[names].agg(_usual)
    like = known_as.loc[panel.labels[by].iloc[fresh]]
    _tell_of_strangers(like, new.frame, by, caller)
    parts = []
    for i, start in enumerate(panel.grid.period_of(new["launch"])):
        weight = _similarity(like, new.frame[names].iloc[i], n_analogues)
        at = int(start) + np.arange(horizon)
        part = _one(curves, weight, season[at % len(season)], levels)
        part.insert(0, "date", panel.grid.dates(at))
        part.insert(0, by, new.frame[by].iloc[[i] * horizon].to_numpy())
        parts.append(part)
    out = pd.concat(parts, ignore_index=True)
    out[by] = out[by].astype(new.frame[by].dtype)
    return out


def _take(
    frame: Any,
    arg: str,
    by: str,
    dates: dict[str, str],
    names: list[str],
    invalid: str,
    caller: str,
) -> Rows:
    """Checked products with their date and attributes; launches stand once for each."""
    roles: dict[str, Any] = {"product": Key(by, option="by")}
    roles |= {role: Date(column) for role, column in dates.items()}
    roles |= {f"x{i}": Key(c) for i, c in enumerate(names)}
    unique = ("product",) if arg == "launches" else ()
    rows = take(frame, caller=caller, arg=arg, invalid=invalid, unique=unique, **roles)
    _refuse_endless(rows.frame, arg, names, caller)
    decimals = {c: rows.frame[c].astype(float) for c in names if _is_decimal(rows.frame[c])}
    return replace(rows, frame=rows.frame.assign(**decimals)) if decimals else rows


def _refuse_endless(frame: pd.DataFrame, arg: str, names: list[str], caller: str) -> None:
    """What is infinitely far from everything is like nothing."""
    for name in names:
        if not (_is_number(frame[name]) or _is_decimal(frame[name])):
            continue
        values = frame[name].to_numpy(float)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise InputError(
                f"{caller}(): {arg}: attribute {name!r} is not a finite number in {len(bad)} "
                f"row(s), first in row {frame.index[bad[0]]}: {values[bad[0]]}. To mend: fill in "
                "the value, or remove the rows."
            )


def _is_decimal(values: pd.Series) -> bool:
    return values.dtype == object and all(isinstance(x, Decimal) for x in values)


def _refuse_known(panel: Panel, new: pd.DataFrame, by: str) -> None:
    """What has a history is forecast from it."""
    known = set(panel.labels[by])
    both = [p for p in new[by] if p in known]
    if both:
        raise InputError(
            f"{panel.caller}(): {len(both)} product(s) of launches have a history, first "
            f"{both[0]!r}; forecast them with forecast()."
        )


def _launched(panel: Panel) -> tuple[Panel, np.ndarray]:
    """Every product from its first sale on, and which were launched within the history.

    Those that sold from the first period on are older than it, nobody knows by how much.
    """
    panel = _from_first_sale(panel)
    begin = panel.begin
    fresh = np.flatnonzero(begin > begin.min(initial=np.iinfo(np.int64).max))
    if not len(fresh):
        raise InputError(f"{panel.caller}(): no product of history was launched within it.")
    return panel, fresh


def _refuse_other_kinds(
    old: pd.DataFrame, new: pd.DataFrame, names: list[str], caller: str
) -> None:
    """Text is like no number: an attribute is of one kind in both frames."""
    for name in names:
        kinds = [_is_number(frame[name]) for frame in (old, new)]
        if kinds[0] != kinds[1]:
            have = ["numbers" if kind else "no numbers" for kind in kinds]
            raise InputError(
                f"{caller}(): attribute {name!r} holds {have[0]} in history and {have[1]} in "
                f"launches (first {new[name].iloc[0]!r}); give both the same type."
            )


def _tell_of_strangers(like: pd.DataFrame, new: pd.DataFrame, by: str, caller: str) -> None:
    """What no launched product has makes none more alike than another."""
    for name in like.columns:
        if _is_number(like[name]):
            continue
        alone = ~new[name].astype(object).isin(set(like[name]))
        if alone.any():
            row = new[alone].iloc[0]
            warn(
                f"{caller}(): {int(alone.sum())} product(s) of launches have a {name!r} that no "
                f"launched product has, first {row[by]!r} ({row[name]!r}); there it tells none "
                "from another."
            )


def _is_number(values: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    return bool(numeric and not pd.api.types.is_bool_dtype(values.dtype))


def _from_first_sale(panel: Panel) -> Panel:
    """Without the zeros and gaps before a product's first sale, and products never sold."""
    series = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
    sold = np.isfinite(panel.values) & (panel.values != 0)
    begun = np.full(len(panel), np.iinfo(np.int64).max)
    np.minimum.at(begun, series[sold], panel.at[sold])
    keep = panel.at >= begun[series]
    panel.at, panel.values = panel.at[keep], panel.values[keep]
    panel.starts = np.searchsorted(series[keep], np.arange(len(panel) + 1))
    return panel.take(np.flatnonzero(np.diff(panel.starts)))


def _usual(values: pd.Series) -> Any:
    """One value for a product with several: the mean of numbers, else what most rows say."""
    if _is_number(values):
        return values.mean()
    return values.mode().iloc[0]  # of equally frequent ones the smallest


def _common_season(panel: Any) -> np.ndarray:
    """Factors of the whole by place in the season; ones where two seasons are not there.

    Shrunk by how well cycles agree: launches make waves of their own in the whole.
    """
    low, high, m = int(panel.at.min()), int(panel.end.max()), panel.season
    if m < 2 or high - low + 1 < 2 * m:
        return np.ones(max(m, 1))
    total = np.bincount(panel.at - low, np.nan_to_num(panel.values), minlength=high - low + 1)
    trend = np.convolve(np.pad(total, m // 2, mode="edge"), np.ones(m) / m, mode="same")
    trend = trend[m // 2 : m // 2 + len(total)]
    place = np.arange(low, high + 1) % m
    ratio = np.where(trend > 0, total / np.where(trend > 0, trend, 1.0), 1.0)
    factor = np.array([np.median(ratio[place == k]) for k in range(m)])
    factor = np.maximum(factor, _LEAST)
    factor = factor / factor.mean()
    noise = ((ratio - factor[place]) ** 2).sum() / max(len(ratio) - m, 1) * m / len(ratio)
    signal = np.clip(1 - noise / max(float(factor.var()), 1e-300), 0.0, 1.0)
    return np.asarray(1 + signal * (factor - 1))


def _curves(panel: Any, which: np.ndarray, horizon: int, season: np.ndarray) -> np.ndarray:
    """Sales by age without the season, (products, horizon); NaN where not reached."""
    out = np.full((len(which), horizon), np.nan)
    last = int(panel.end.max())
    for row, i in enumerate(which):
        run = slice(panel.starts[i], panel.starts[i + 1])
        at, values = panel.at[run], panel.values[run]
        reached = min(last - int(at[0]) + 1, horizon)
        curve = np.zeros(reached) if panel.zero_gaps else np.full(reached, np.nan)
        inside = at - at[0] < reached
        curve[at[inside] - at[0]] = values[inside]
        out[row, :reached] = curve / season[(at[0] + np.arange(reached)) % len(season)]
    return out


def _similarity(like: pd.DataFrame, new: pd.Series, most: int) -> np.ndarray:
    """Weight of each launched product; zero beyond the most similar ones and their equals."""
    distance = np.zeros(len(like))
    for name in like.columns:
        old = like[name]
        if _is_number(old):
            values = old.to_numpy(float)
            spread = values.std()
            if spread > _ROUNDING * np.abs(values).max():  # else it tells none from another
                distance += ((values - float(new[name])) / spread) ** 2
        else:
            distance += (old.astype(object).to_numpy() != new[name]).astype(float)
    limit = np.sort(distance)[min(most, len(distance)) - 1]
    return np.where(distance <= limit, 1.0 / (1.0 + distance), 0.0)


def _one(
    curves: np.ndarray, weight: np.ndarray, season: np.ndarray, levels: list[float]
) -> pd.DataFrame:
    """Weighted quantiles of the analogues by age; ages nobody reached carry the last on."""
    horizon = curves.shape[1]
    q = [0.5] + [p for x in levels for p in (0.5 - x / 200, 0.5 + x / 200)]
    found, count = np.full((horizon, len(q)), np.nan), np.zeros(horizon, dtype=np.int64)
    for age in range(horizon):
        fine = np.isfinite(curves[:, age]) & (weight > 0)
        count[age] = int(fine.sum())
        if count[age]:
            found[age] = _quantiles(curves[fine, age], weight[fine], q)
        elif age:
            found[age] = found[age - 1]
    found = np.nan_to_num(found) * season[:, None]
    out = pd.DataFrame({"age": np.arange(1, horizon + 1), "forecast": found[:, 0]})
    for k, x in enumerate(levels):
        out[f"lo_{x:g}"], out[f"hi_{x:g}"] = found[:, 1 + 2 * k], found[:, 2 + 2 * k]
    out["analogues"] = count
    out["status"] = np.where(count >= 3, "ok", "few")
    return out


def _quantiles(values: np.ndarray, weight: np.ndarray, q: list[float]) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    v, w = values[order], weight[order]
    place = (np.cumsum(w) - w / 2) / w.sum()
    return np.interp(q, place, v)
