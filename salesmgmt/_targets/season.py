"""The shape of a year, learnt from history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    check_choice,
    check_int,
    check_names,
    is_pandas,
    lazy,
    one_currency,
    refuse_names,
    resolve_as_of,
    take,
    warn,
)
from ..engine.periods import (
    period_end,
    period_of,
    period_start,
    periods_a_year,
    week_anchor,
    whole_periods,
)
from ..engine.seasonal_shares import seasonal_index
from ..engine.sums import group_sums
from ..errors import InputError
from .organisation import of_measure_alone
from .shape import day_weights
from .spans import SEASONS, Spans, season_of, stamps

__all__ = ["seasonal_profile"]


def seasonal_profile(
    history: pd.DataFrame,
    *,
    freq: str = "M",
    by: Any = None,
    calendar: Any = None,
    method: str = "robust",
    as_of: object = None,
    year_start: int = 1,
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Share of each season in a year (or of each weekday in a week), from history.

    Parameters
    ----------
    history : DataFrame
        ``date``, ``amount`` and the columns of ``by``; amounts are summed to ``freq``, periods
        without rows count as zero from a key's own first row on. Net negative periods count as
        zero.
    freq : {"M", "Q", "W", "D"}, default="M"
        Seasons: months 1-12, quarters 1-4, ISO weeks 1-53, weekdays 1-7 (Monday is 1).
    by : str or list of str, optional
        Key columns; one profile for each. A key with less than a whole cycle of history takes
        that of all keys together, with a ``DataWarning``.
    calendar : str, Series or DataFrame, optional
        ISO country code or day weights by date (a Series, or ``date`` and ``weight``): the
        profile is then per working day, and :func:`decompose` multiplies it by the working days
        of the periods it is used for.
    method : {"robust", "mean", "share"}, default="robust"
        ``"robust"``: medians of ratios to a local trend, single odd periods mended (two cycles
        at least, else ``"share"``; so, too, where sales come in so few periods that the middle
        one of a season is zero); ``"mean"``: means of ratios to a centred moving average;
        ``"share"``: shares of the plain means of each season, growth included.
    as_of : date, optional
        Last day of history that is known; a period not over by then is left out with a
        ``DataWarning``. Default: the last date.
    year_start : int, default=1
        First month of the fiscal year; numbers quarters.
    date, amount : str
        Columns of ``history``.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        ``by``, ``season``, ``share`` (adds up to 1), ``index`` (1 on average) and ``basis``
        (``"period"`` or ``"working_day"``), in order of keys and season.

    Raises
    ------
    InputError
        Less than one whole period of history, or seasons of the year that never occur.

    References
    ----------
    .. [1] J. Shiskin, A. H. Young and J. C. Musgrave, Bureau of the Census technical paper 15,
       1967 (ratio to moving average).

    Examples
    --------
    >>> import pandas as pd
    >>> history = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=12, freq="QS"),
    ...                         "amount": [100, 200, 300, 400] * 3})
    >>> seasonal_profile(history, freq="Q")["share"].round(6).tolist()
    [0.1, 0.2, 0.3, 0.4]
    """
    caller = "seasonal_profile"
    check_choice(freq, "freq", tuple(SEASONS), caller=caller)
    check_choice(method, "method", ("robust", "mean", "share"), caller=caller)
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    names = check_names(by, "by", caller=caller)
    refuse_names(names, ("season", "share", "index", "basis"), caller=caller, option="by")
    one_currency(history, names, caller=caller, arg="history")
    if "measure" not in names:
        _refuse_measures(history, caller=caller)
    rows = take(
        history,
        caller=caller,
        arg="history",
        invalid=invalid,
        by=by,
        date=Date(date),
        amount=Amount(amount),
    )
    days = rows.days("date")
    last = int(np.datetime64(resolve_as_of(as_of, days, caller=caller), "D").astype(np.int64))
    anchor = week_anchor(days) if freq == "W" else 0
    at = period_of(days, freq, week_start=anchor, year_start=year_start)
    final = _last_whole(days, at, last, freq, anchor, year_start, as_of, caller=caller)
    use = (at <= final) & (days <= last)
    if not use.any():
        raise InputError(f"{caller}(): history has no whole period of freq {freq!r}.")
    first = int(at[use].min())
    numbers = np.arange(first, final + 1)
    start = period_start(numbers, freq, week_start=anchor, year_start=year_start)
    end = period_end(numbers, freq, week_start=anchor, year_start=year_start)
    season = season_of(start + (3 if freq == "W" else 0), freq, year_start=year_start) - 1
    keys = rows.keys(*[f"by{i}" for i in range(len(names))]) if names else None
    codes = keys.codes if keys is not None else np.zeros(len(days), dtype=np.int64)
    count = len(keys) if keys is not None else 1
    flat = codes[use] * len(numbers) + (at[use] - first)
    sums = group_sums(flat, rows["amount"][use], count * len(numbers))
    table = np.maximum(sums.reshape(count, -1), 0.0)
    basis = "period"
    if calendar is not None:
        spans = Spans(start, end, freq, np.ones(len(start)), {"year": start})
        worked = day_weights(spans, calendar, caller=caller)
        assert worked is not None
        table = np.divide(table, worked, out=np.full(table.shape, np.nan), where=worked > 0)
        table = _fill(table)
        basis = "working_day"
    sold = _sold(table, keys, caller=caller)
    table[~sold] = 1.0  # no season is known: every period alike
    begun = np.full(count, len(numbers))
    np.minimum.at(begun, codes[use], at[use] - first)
    begun[~sold] = 0
    index = _indices(table, sold, begun, season, keys, freq, method, caller=caller)
    out = _frame(index, keys, freq, basis)
    out.attrs["year_start"] = year_start  # whose first quarter is season 1
    return out


def _refuse_measures(history: Any, *, caller: str) -> None:
    """Several measures are never added (of other engines' frames their labels are collected)."""
    if not is_pandas(history):
        table = lazy(history, caller=caller, arg="history")
        if "measure" not in table.collect_schema().names():
            return
        history = table.select(["measure"]).unique().collect().to_pandas()
    of_measure_alone(history, None, caller=caller, arg="history")


def _last_whole(
    days: np.ndarray,
    at: np.ndarray,
    last: int,
    freq: str,
    anchor: int,
    year_start: int,
    as_of: object,
    *,
    caller: str,
) -> int:
    """The last period that is over; tells when one is left out."""
    final = int(at[days <= last].max(initial=at.min() - 1))
    if as_of is None and whole_periods(days, freq, week_start=anchor, year_start=year_start):
        return final
    if as_of is None and freq == "Q" and whole_periods(days, "M"):  # a row stands for its month
        last = int(period_end(period_of(np.array([last]), "M"), "M")[0])
    over = int(period_end(np.array([final]), freq, week_start=anchor, year_start=year_start)[0])
    if over <= last:
        return final
    begun = int(period_start(np.array([final]), freq, week_start=anchor, year_start=year_start)[0])
    a, b = (d.date() for d in stamps(np.array([begun, over])))
    warn(f"{caller}(): left out the last period ({a} to {b}): it is not over at as_of.")
    return final - 1


def _sold(table: np.ndarray, keys: Any, *, caller: str) -> np.ndarray:
    """Keys with sales in any period; told where there are none, refused where nobody has any."""
    sold = np.nan_to_num(table).sum(axis=1) > 0
    if not sold.any():
        raise InputError(
            f"{caller}(): history has no period with an amount above zero; a profile needs sales."
        )
    if not sold.all():
        first = keys.index[int(np.flatnonzero(~sold)[0])]
        warn(
            f"{caller}(): {int((~sold).sum())} key(s) have no period with an amount above zero, "
            f"first {first!r}; their profile is the same for each period."
        )
    return sold


def _fill(table: np.ndarray) -> np.ndarray:
    """Periods without working days take the mean of their neighbours in the same series."""
    out = table.copy()
    for line in out:
        lost = np.isnan(line)
        if lost.any() and not lost.all():
            good = np.flatnonzero(~lost)
            line[lost] = np.interp(np.flatnonzero(lost), good, line[good])
    return np.nan_to_num(out)


def _indices(
    table: np.ndarray,
    sold: np.ndarray,
    begun: np.ndarray,
    season: np.ndarray,
    keys: Any,
    freq: str,
    method: str,
    *,
    caller: str,
) -> np.ndarray:
    """Index of each key from its own first period on; too short ones take that of all together."""
    cycle = {"D": 7, "W": 52}.get(freq, periods_a_year(freq))

    def one(line: np.ndarray, begin: int) -> np.ndarray:
        index = seasonal_index(line[begin:], season[begin:], SEASONS[freq], cycle, method=method)
        if freq == "W" and np.isnan(index[52]):  # the 53rd week is rare
            index[52] = index[51]
        return index

    index = np.array([one(line, int(b)) for line, b in zip(table, begun, strict=True)])
    short = np.isnan(index).any(axis=1)
    if short.any():
        index[short] = _complete(one(table[sold].sum(axis=0), 0), caller=caller)
        first = keys.index[int(np.flatnonzero(short)[0])] if keys is not None else ""
        warn(
            f"{caller}(): {int(short.sum())} key(s) have less than a whole cycle of history, first "
            f"{first!r}; they take the profile of all keys together."
        )
    return index / index.mean(axis=1, keepdims=True)


def _complete(index: np.ndarray, *, caller: str) -> np.ndarray:
    """Every season needs a value."""
    lost = np.flatnonzero(np.isnan(index))
    if len(lost):
        named = ", ".join(str(s + 1) for s in lost[:6])
        raise InputError(
            f"{caller}(): history has no period of {len(lost)} season(s) ({named}); give "
            "at least one whole cycle, or a coarser freq."
        )
    return index


def _frame(index: np.ndarray, keys: Any, freq: str, basis: str) -> pd.DataFrame:
    count, seasons = index.shape
    columns: dict[str, Any] = {}
    if keys is not None:
        labels = keys.labels.iloc[np.repeat(np.arange(count), seasons)].reset_index(drop=True)
        columns = {name: labels[name] for name in labels.columns}
    columns["season"] = np.tile(np.arange(1, seasons + 1), count)
    columns["share"] = (index / index.sum(axis=1, keepdims=True)).ravel()
    columns["index"] = index.ravel()
    columns["basis"] = [basis] * (count * seasons)
    out = pd.DataFrame(columns)
    out.attrs["freq"] = freq
    return out
