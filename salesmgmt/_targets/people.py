"""What a team can carry: weights from several factors, new hires, headcount, years ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    as_dates,
    check_int,
    check_names,
    check_number,
    check_series,
    days_of,
    one_currency,
    take,
)
from ..engine.periods import period_of, period_start
from ..errors import InputError
from .organisation import as_table
from .spans import Spans, label_days, plan_spans, stamps
from .totals import year_labels

__all__ = ["blend_weights", "capacity", "growth_path", "ramp"]


def blend_weights(
    frame: pd.DataFrame, factors: Mapping[str, float], *, by: str | Sequence[str]
) -> pd.Series:
    """One weight a key from several factors, each normalised first.

    Parameters
    ----------
    frame : DataFrame
        One row a key: the columns of ``by`` and one column a factor (not negative; missing is
        "no input").
    factors : dict of str to float
        Columns and how much each counts, for example
        ``{"history": .5, "potential": .3, "headcount": .2}``; made to add up to 1.
    by : str or list of str
        Key columns, from the top level down.

    Returns
    -------
    Series
        ``weight``, indexed by ``by`` in the order of rows: the mean of the key's shares in
        each factor, weighted by ``factors``; a factor that is missing for a key is left out of
        its mean, and NaN stands where all are. Adds up to 1 where nothing is missing.

    Raises
    ------
    InputError
        A column is missing, negative or zero throughout, a key is repeated, no factor counts, or
        amounts are in several currencies.

    Examples
    --------
    >>> import pandas as pd
    >>> reps = pd.DataFrame({"rep": ["a", "b"], "history": [30.0, 10.0], "potential": [1.0, 1.0]})
    >>> blend_weights(reps, {"history": 0.5, "potential": 0.5}, by="rep").tolist()
    [0.625, 0.375]
    """
    caller = "blend_weights"
    names = check_names(by, "by", caller=caller)
    one_currency(frame, (), caller=caller, arg="frame")  # shares are of the total of all keys
    if not isinstance(factors, Mapping) or not factors:
        raise InputError(f"{caller}(): factors must be a dict of column to weight, not empty.")
    weight = np.array(
        [check_number(v, f"factors[{k!r}]", caller=caller, low=0) for k, v in factors.items()]
    )
    if weight.sum() <= 0:
        raise InputError(f"{caller}(): factors are all zero; give at least one a weight.")
    columns: dict[str, Any] = {
        f"factors{i}": Amount(c, low=0, missing="allow", option="factors")
        for i, c in enumerate(factors)
    }
    keyed = [f"by{i}" for i in range(len(names))]
    if not names:
        raise InputError(f"{caller}(): by names no column; give at least one.")
    rows = take(frame, caller=caller, by=names, unique=keyed, **columns)
    table = np.column_stack([rows[c] for c in columns])
    sums = np.nansum(table, axis=0)
    if (sums <= 0).any():
        name = list(factors)[int(np.flatnonzero(sums <= 0)[0])]
        raise InputError(f"{caller}(): factor {name!r} is zero throughout; leave it out.")
    share = table / sums
    have = ~np.isnan(share)
    mass = have @ weight
    with np.errstate(divide="ignore", invalid="ignore"):
        blended = np.where(mass > 0, np.nan_to_num(share) @ weight / mass, np.nan)
    keys = rows.frame[names]
    index = pd.MultiIndex.from_frame(keys) if len(names) > 1 else pd.Index(keys[names[0]])
    return pd.Series(blended, index=index, name="weight")


def ramp(
    starts: pd.Series | pd.DataFrame | Mapping[Any, Any],
    periods: Any,
    *,
    curve: Sequence[float] = (0, 0.25, 0.5, 0.75, 1.0),
    year_start: int = 1,
) -> pd.DataFrame:
    """How productive each rep is in each period: new hires by a curve, days there by proration.

    Parameters
    ----------
    starts : Series, dict or DataFrame
        First day by rep (missing: has always been there); a frame's second column is the last
        day (missing: stays).
    periods : (start, end, freq) or PeriodIndex
        Periods, as in :func:`decompose`.
    curve : sequence of float, default=(0, .25, .5, .75, 1.0)
        Productivity in the first, second, ... period of being there; the last value stays.
    year_start : int, default=1
        First month of the fiscal year; moves quarters and years.

    Returns
    -------
    DataFrame
        Index of ``starts``, one column a period (its first day), values from 0: multiply it
        into weights, ``ramp(...).mul(weights, axis=0)``, and give that to :func:`decompose`.

    Raises
    ------
    InputError
        A start is no date, a last day lies before the first, or the curve is negative.

    Examples
    --------
    >>> import pandas as pd
    >>> starts = pd.Series({"old": None, "new": "2026-02-01"})
    >>> ramp(starts, ("2026-01-01", "2026-04-30", "M"), curve=(0.5, 1.0)).to_numpy().tolist()
    [[1.0, 1.0, 1.0, 1.0], [0.0, 0.5, 1.0, 1.0]]
    """
    caller = "ramp"
    steps = _curve(curve, caller=caller)
    periods = as_table(periods, "periods", caller=caller)
    spans = plan_spans(periods, year_start=year_start, caller=caller)
    if isinstance(starts, Mapping):
        starts = pd.Series(starts, dtype=object)
    frame = starts.to_frame() if isinstance(starts, pd.Series) else starts
    if not isinstance(frame, pd.DataFrame) or frame.shape[1] not in (1, 2):
        raise InputError(
            f"{caller}(): starts must be a Series of first days, or a frame with the first and "
            "the last day of each rep."
        )
    first = _days_or(frame.iloc[:, 0], -(2**40), "starts", caller=caller)
    last = np.full(len(frame), 2**40)
    if frame.shape[1] == 2:
        last = _days_or(frame.iloc[:, 1], 2**40, "last day", caller=caller)
    bad = last < first
    if bad.any():
        raise InputError(
            f"{caller}(): {int(bad.sum())} last day(s) lie before the first day, first "
            f"{frame.index[int(np.flatnonzero(bad)[0])]!r}."
        )
    low = np.maximum(first[:, None], spans.start)
    high = np.minimum(last[:, None], spans.end)
    there = np.maximum(high - low + 1, 0) / (spans.end - spans.start + 1)
    hired_in = np.searchsorted(spans.end, first)  # period of the first day, if in the plan
    age = np.arange(len(spans)) - hired_in[:, None]
    before = _age_before(first, spans, year_start)
    age = np.clip(age + before[:, None], 0, len(steps) - 1)
    value = np.where(first[:, None] <= -(2**40), 1.0, steps[age])
    return pd.DataFrame(
        there * value, index=frame.index, columns=pd.Index(stamps(spans.start), name="period_start")
    )


def _curve(curve: Any, *, caller: str) -> np.ndarray:
    try:
        steps = np.array([float(v) for v in curve], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{caller}(): curve must be a sequence of numbers.") from None
    if not len(steps) or not np.isfinite(steps).all() or (steps < 0).any():
        raise InputError(f"{caller}(): curve must have at least one value, none negative.")
    return steps


def _days_or(values: pd.Series, default: int, name: str, *, caller: str) -> np.ndarray:
    if values.isna().all():
        return np.full(len(values), default)
    dates = as_dates(values, name=name, caller=caller, missing="allow")
    lost = np.isnat(dates)
    out = np.full(len(values), default)
    out[~lost] = days_of(dates[~lost])
    return out


def _age_before(first: np.ndarray, spans: Spans, year_start: int) -> np.ndarray:
    """Periods begun before the plan starts, by the calendar; of retail years by their length."""
    out = np.zeros(len(first), dtype=np.int64)
    known = (first < spans.start[0]) & (first > -(2**40))
    if spans.freq in ("M", "Q", "Y"):
        own = period_of(spans.start, spans.freq, year_start=year_start)
        begins = period_start(own, spans.freq, year_start=year_start)
        if (begins[1:] == spans.start[1:]).all():
            out[known] = own[0] - period_of(first[known], spans.freq, year_start=year_start)
            return out
    length = {"D": 1.0, "W": 7.0}.get(spans.freq, float((spans.end - spans.start + 1).mean()))
    out[known] = np.ceil((spans.start[0] - first[known]) / length)
    return out


def capacity(
    headcount: Any,
    *,
    productivity: Any,
    ramp: Sequence[float] | None = None,
    attrition: float = 0.0,
    periods: Any,
    supply: pd.Series | None = None,
    year_start: int = 1,
) -> pd.DataFrame:
    """What a team can bring: heads, how productive they are, and what each brings.

    Parameters
    ----------
    headcount : float, Series or DataFrame
        Heads at the start (nobody is hired later); or a Series of planned heads by period
        (dates or Periods), a rise being new hires; or a frame team by period.
    productivity : float or Series
        Amount a fully productive head brings in a period; a Series by period.
    ramp : sequence of float, optional
        Productivity of a hire in the first, second, ... period; the last value stays. Default:
        full at once, as that of heads who are there at the start.
    attrition : float in [0, 1), default=0.0
        Share of heads who leave in a year. Where heads are planned by period leavers are
        replaced by hires, who ramp.
    periods : (start, end, freq) or PeriodIndex
        Periods, as in :func:`decompose`.
    supply : Series, optional
        Most that can be delivered in each period (by period); caps the capacity, that of
        several teams together: each then gives way in proportion.
    year_start : int, default=1
        First month of the fiscal year; moves quarters and years.

    Returns
    -------
    DataFrame
        One row a team and period: ``team`` (where a frame was given), ``period_start``,
        ``period_end``, ``headcount``, ``hires``, ``productive`` (full-time equivalents after
        ramp), ``capacity``.

    Raises
    ------
    InputError
        Heads or productivity are negative or missing for a period, or attrition is no share.

    Examples
    --------
    >>> import pandas as pd
    >>> heads = pd.Series([10, 12, 12], index=pd.period_range("2026-01", periods=3, freq="M"))
    >>> team = capacity(heads, productivity=100, ramp=(0, 0.5, 1),
    ...                 periods=("2026-01-01", "2026-03-31", "M"))
    >>> team["capacity"].tolist()
    [1000.0, 1000.0, 1100.0]
    """
    caller = "capacity"
    periods = as_table(periods, "periods", caller=caller)
    spans = plan_spans(periods, year_start=year_start, caller=caller)
    rate = check_number(attrition, "attrition", caller=caller, low=0, high=1, open_high=True)
    years = (spans.end - spans.start + 1) / 365.25
    stay = (1.0 - rate) ** years
    each = _by_period(productivity, "productivity", spans, caller=caller)
    steps = _curve((1.0,) if ramp is None else ramp, caller=caller)
    frame = headcount if isinstance(headcount, pd.DataFrame) else None
    if frame is not None and not len(frame):
        raise InputError(f"{caller}(): headcount has no rows; give one a team.")
    teams = [None] if frame is None else list(frame.index)
    parts = []
    for i, team in enumerate(teams):
        given = headcount if frame is None else frame.iloc[i]
        planned = isinstance(given, pd.Series)
        heads = _by_period(given, "headcount", spans, caller=caller)
        if not planned:
            heads = heads * np.r_[1.0, np.cumprod(stay[:-1])]
        hires, productive = _cohorts(heads, stay, steps, planned)
        part = pd.DataFrame({"period_start": stamps(spans.start), "period_end": stamps(spans.end)})
        part["headcount"], part["hires"], part["productive"] = heads, hires, productive
        part["capacity"] = productive * each
        if frame is not None:
            part.insert(0, frame.index.name or "team", [team] * len(part))
        parts.append(part)
    out = pd.concat(parts, ignore_index=True)
    if supply is not None:
        most = _by_period(supply, "supply", spans, caller=caller)
        wanted = out["capacity"].to_numpy().reshape(len(teams), -1)
        whole = wanted.sum(axis=0)
        cut = np.where(whole > most, most / np.where(whole > 0, whole, 1.0), 1.0)
        out["capacity"] = (wanted * cut).ravel()
    return out


def _by_period(given: Any, name: str, spans: Spans, *, caller: str) -> np.ndarray:
    if not isinstance(given, pd.Series):
        return np.full(len(spans), check_number(given, name, caller=caller, low=0))
    series = check_series(given, name, caller=caller, low=0)
    if not len(series):
        raise InputError(f"{caller}(): {name} has no entries; give one a period.")
    at = label_days(series.index, name, caller=caller)
    order = np.argsort(at, kind="stable")
    found = np.searchsorted(at[order], spans.start, side="right") - 1
    good = (found >= 0) & (at[order][np.maximum(found, 0)] == spans.start)
    if not good.all():
        first = stamps(spans.start[~good][:1])[0].date()
        raise InputError(
            f"{caller}(): {name} has no value for {int((~good).sum())} period(s), first the one "
            f"from {first}."
        )
    return series.to_numpy()[order][found]


def _cohorts(
    heads: np.ndarray, stay: np.ndarray, steps: np.ndarray, planned: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Hires and full-time equivalents: everybody there at the start is fully productive."""
    cohorts = [(heads[0], -len(heads))]  # never hired: of an age below zero throughout
    hires, productive = np.zeros(len(heads)), np.zeros(len(heads))
    for t in range(len(heads)):
        if t:
            cohorts = [(size * stay[t - 1], age + 1) for size, age in cohorts]
            have = sum(size for size, _ in cohorts)
            if planned and heads[t] > have + 1e-12:
                hires[t] = heads[t] - have
                cohorts.append((hires[t], 0))
            elif have > 0:
                cohorts = [(size * heads[t] / have, age) for size, age in cohorts]
        productive[t] = sum(
            size * (steps[min(age, len(steps) - 1)] if age >= 0 else 1.0) for size, age in cohorts
        )
    return hires, productive


def growth_path(
    base: float | pd.Series,
    *,
    years: int | Sequence[int],
    target: float | None = None,
    growth: float | Sequence[float] | None = None,
    market: Any = None,
    share: float | Sequence[float] | None = None,
) -> pd.DataFrame:
    """Amounts of the years ahead, to a size, by growth rates, or to a share of the market.

    Parameters
    ----------
    base : float or Series
        Amount of the year before the first; a Series by year: its last year.
    years : int or sequence of int
        How many years, or which: one after the other, from the year after the base on.
    target : float, optional
        Amount of the last year, reached at one growth rate.
    growth : float or sequence of float, optional
        Growth of each year (0.1 is 10 %).
    market : float, Series or sequence, optional
        Size of the market in each year (one number: it stays); a Series by year.
    share : float or sequence of float, optional
        With ``market``: share in the last year, reached in even steps from the share of
        ``base`` in the first year's market, or the share of each year.

    Returns
    -------
    DataFrame
        One row a year: ``year`` (or 1, 2, ... where no year is known), ``amount``, ``growth``
        (over the year before), and with ``market`` ``market`` and ``share``.

    Raises
    ------
    InputError
        Not exactly one of ``target``, ``growth`` and ``share`` is given, ``share`` comes
        without ``market``, a market is not positive, a sequence has another length than
        ``years``, or years do not follow one another.

    Examples
    --------
    >>> growth_path(100.0, years=2, target=121.0)["amount"].round(6).tolist()
    [110.0, 121.0]
    """
    caller = "growth_path"
    start, labels = _years_ahead(base, years, caller=caller)
    n = len(labels)
    if sum(v is not None for v in (target, growth, share)) != 1:
        raise InputError(f"{caller}(): give exactly one of target, growth and share.")
    size = None
    if market is not None:
        size = _each_year(market, "market", labels, caller=caller)
        if (size <= 0).any():
            at = int(np.argmax(size <= 0))
            raise InputError(
                f"{caller}(): market must be positive, got {size[at]:g} for {labels[at]}."
            )
    if target is not None:
        end = check_number(target, "target", caller=caller, low=0, open_low=True)
        amount: np.ndarray = start * (end / start) ** (np.arange(1, n + 1) / n)
        amount[-1] = end
    elif growth is not None:
        rates = _each_year(growth, "growth", labels, caller=caller)
        if (rates < -1).any():
            raise InputError(
                f"{caller}(): growth must be at least -1 (all is lost), got {rates.min():g}."
            )
        amount = start * np.cumprod(1.0 + rates)
    else:
        if size is None:
            raise InputError(f"{caller}(): share needs market=, the size of the market by year.")
        amount = _to_share(start, share, size, labels, caller=caller)
    out = pd.DataFrame({"year": labels, "amount": amount})
    before = np.r_[start, amount[:-1]]
    out["growth"] = np.where(before > 0, amount / np.where(before > 0, before, 1.0) - 1.0, np.nan)
    if size is not None:
        out["market"], out["share"] = size, amount / size
    return out


def _years_ahead(base: Any, years: Any, *, caller: str) -> tuple[float, list[int]]:
    first = 1
    if isinstance(base, pd.Series):
        series = check_series(base, "base", caller=caller)
        known = year_labels(series.index)
        if not len(series) or (known is None and len(series) > 1):
            raise InputError(
                f"{caller}(): base must have one value, or one a year; it has {len(series)}."
            )
        at = 0 if known is None else int(np.argmax(known))
        first = 1 if known is None else int(known[at]) + 1
        base = float(series.iloc[at])
    start = check_number(base, "base", caller=caller, low=0, open_low=True)
    if isinstance(years, Sequence | range | np.ndarray) and not isinstance(years, str):
        labels = [check_int(y, "years", caller=caller, low=1, high=9999) for y in years]
        if not labels:
            raise InputError(f"{caller}(): years is empty; give at least one.")
        # Growth is that of a year: a year left out would pass for none.
        begin = labels[0] if first == 1 else first
        if labels != list(range(begin, begin + len(labels))):
            raise InputError(
                f"{caller}(): years must follow one another"
                + (f" from {begin}, the year after the base, on" if first != 1 else "")
                + f"; got {labels[:6]}."
            )
        return start, labels
    count = check_int(years, "years", caller=caller, low=1, high=9999)
    return start, list(range(first, first + count))


def _each_year(given: Any, name: str, labels: list[int], *, caller: str) -> np.ndarray:
    if isinstance(given, pd.Series):
        series = check_series(given, name, caller=caller)
        whole = pd.api.types.is_integer_dtype(series.index.dtype)  # or 1, 2, ... of no year
        known = series.index.to_numpy() if whole else year_labels(series.index)
        if known is None or pd.Index(known).duplicated().any():
            raise InputError(
                f"{caller}(): {name} must have one value a year, labelled by it; got "
                f"{', '.join(map(str, series.index[:4]))}."
            )
        series.index = pd.Index(known)
        lost = [y for y in labels if y not in series.index]
        if lost:
            raise InputError(f"{caller}(): {name} has no value for the year(s) {lost}.")
        return series.reindex(labels).to_numpy()
    if isinstance(given, Sequence | np.ndarray):
        if len(given) != len(labels):
            raise InputError(
                f"{caller}(): {name} has {len(given)} values for {len(labels)} year(s)."
            )
        return np.array([check_number(v, name, caller=caller) for v in given])
    return np.full(len(labels), check_number(given, name, caller=caller))


def _to_share(
    start: float, share: Any, size: np.ndarray, labels: list[int], *, caller: str
) -> np.ndarray:
    if isinstance(share, Sequence | np.ndarray | pd.Series):
        return size * _each_year(share, "share", labels, caller=caller)
    end = check_number(share, "share", caller=caller, low=0, high=1)
    first = start / size[0]
    return size * (first + (end - first) * np.arange(1, len(size) + 1) / len(size))
