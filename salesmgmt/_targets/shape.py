"""The shape of a plan over time: profile, calendar and plain days as one weight a period."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, check_names, check_series, take
from ..engine.periods import period_end, period_of, period_start
from ..errors import InputError
from .organisation import as_table
from .spans import SEASONS, Spans, label_days, season_of, stamps

__all__ = ["day_weights", "named_seasons", "period_weights"]


def period_weights(
    spans: Spans,
    profile: Any,
    calendar: Any,
    organisation: pd.Index | None,
    year_start: int,
    *,
    caller: str,
) -> np.ndarray:
    """Weight of each leaf period, shape (m,), or (n, m) where the profile differs by key."""
    worked = _each_day(spans, calendar, caller=caller)
    if profile is None:
        return spans.covered if worked is None else _in_leaves(worked, spans)
    if isinstance(profile, pd.DataFrame):
        return _of_profile(spans, profile, worked, organisation, year_start, caller=caller)
    return _of_curve(spans, profile, worked, year_start, caller=caller)


def day_weights(spans: Spans, calendar: Any, *, caller: str) -> np.ndarray | None:
    """Sum of the day weights in each leaf; None where no calendar is given."""
    worked = _each_day(spans, calendar, caller=caller)
    return None if worked is None else _in_leaves(worked, spans)


def _in_leaves(worked: np.ndarray, spans: Spans) -> np.ndarray:
    """Sums of weights by day, from the first day of the first leaf on, in each leaf."""
    low = int(spans.start.min())
    before = np.r_[0.0, np.cumsum(worked)]
    sums = before[spans.end - low + 1] - before[spans.start - low]
    return np.where(np.abs(sums) < 1e-9, 0.0, sums)


def _each_day(spans: Spans, calendar: Any, *, caller: str) -> np.ndarray | None:
    """Weight of each day from the first leaf to the last; None where no calendar is given."""
    if calendar is None:
        return None
    low, high = int(spans.start.min()), int(spans.end.max())
    if isinstance(calendar, str):
        from .. import calendars

        told = calendars.working_days(
            stamps(np.array([low]))[0], stamps(np.array([high]))[0], country=calendar
        )
        weight = told["weight"].to_numpy(np.float64)
    else:
        series = check_series(_day_series(calendar, caller), "calendar", caller=caller, low=0)
        at = _one_a_day(series.index, "calendar", caller=caller)
        weight = np.full(high - low + 1, np.nan)
        inside = (at >= low) & (at <= high)
        weight[at[inside] - low] = series.to_numpy()[inside]
        lost = np.zeros(len(weight), dtype=bool)
        for a, b in zip(spans.start - low, spans.end - low, strict=True):
            lost[a : b + 1] = np.isnan(weight[a : b + 1])
        if lost.any():
            first = stamps(np.array([low + int(np.flatnonzero(lost)[0])]))[0].date()
            raise InputError(
                f"{caller}(): calendar has no weight for {int(lost.sum())} day(s) of the plan, "
                f"first {first}; give every day one (0 for days off)."
            )
        weight = np.nan_to_num(weight)
    return np.asarray(weight)


def _day_series(calendar: Any, caller: str) -> Any:
    """A frame of ``calendars.working_days`` (``date``, ``weight``) as weights by date."""
    calendar = as_table(calendar, "calendar", caller=caller)
    if not isinstance(calendar, pd.DataFrame):
        return calendar
    rows = take(
        calendar,
        caller=caller,
        arg="calendar",
        unique=("date",),
        date=Date("date", option=""),
        weight=Amount("weight", low=0, option=""),
    )
    return pd.Series(rows["weight"], index=stamps(rows.days("date")))


def _one_a_day(labels: pd.Index, name: str, *, caller: str) -> np.ndarray:
    """Days of labels, which may stand on no day twice (by their clock times, say)."""
    at = label_days(labels, name, caller=caller)
    twice = pd.Index(at).duplicated()
    if twice.any():
        raise InputError(
            f"{caller}(): {name} has {int(twice.sum())} date(s) more than once, first "
            f"{stamps(at[twice])[0].date()}; give one value a date."
        )
    return at


def _of_curve(
    spans: Spans,
    profile: Any,
    worked: np.ndarray | None,
    year_start: int,
    *,
    caller: str,
) -> np.ndarray:
    """A Series by date, one value a leaf, or by season, shared out over its leaves."""
    curve = check_series(profile, "profile", caller=caller, low=0)
    numbers = named_seasons(curve.index)
    if numbers is not None:
        curve.index = numbers
    if pd.api.types.is_integer_dtype(curve.index.dtype):
        freq = {12: "M", 4: "Q", 7: "D", 52: "W", 53: "W"}.get(len(curve))
        if freq is None or sorted(curve.index) != list(range(1, len(curve) + 1)):
            raise InputError(
                f"{caller}(): profile must be indexed by period (dates or Periods), or by season "
                f"1..12, 1..4, 1..7 or 1..53; got {list(curve.index[:4])!r}."
            )
        share = curve.to_numpy()[np.argsort(curve.index.to_numpy(), kind="stable")]
        return _seasonal(
            spans, share[None, :], freq, worked, year_start, per_day=False, caller=caller
        )[0]
    at = _one_a_day(curve.index, "profile", caller=caller)
    order = np.argsort(at, kind="stable")
    at, values = at[order], curve.to_numpy()[order]
    found = np.searchsorted(at, spans.start, side="right") - 1
    hit = (found >= 0) & (at[np.maximum(found, 0)] == spans.start)
    if not hit.any() and np.isin(spans.end, at).all():  # dates of resample("ME")
        found, hit = np.searchsorted(at, spans.end), ~hit
    if not hit.all():
        first = stamps(spans.start[~hit][:1])[0].date()
        other = "" if hit.any() else " A curve of another year goes in by season (1..12, 1..4)."
        raise InputError(
            f"{caller}(): profile has no value for {int((~hit).sum())} of {len(spans)} "
            f"period(s), first the one that starts on {first}; give one for each period.{other}"
        )
    weights = values[found]
    return weights if worked is None else weights * _in_leaves(worked, spans)


def _season_names() -> list[dict[str, int]]:
    """Numbers of months, quarters and weekdays by their English and Chinese names."""
    months = "January February March April May June July August September October November December"
    days = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
    numerals = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"]
    out = []
    for names in (months, days):
        known: dict[str, int] = {}
        for i, name in enumerate(names.lower().split(), 1):
            known |= {name: i, name[:3]: i}
        out.append(known)
    for i, numeral in enumerate(numerals, 1):
        out[0] |= {f"{n}月{tail}": i for n in (i, numeral) for tail in ("", "份")}
        if i <= 7:
            last = numeral if i < 7 else "日"
            out[1] |= {f"{week}{last}": i for week in ("周", "星期")}
    quarters = {f"q{i}": i for i in range(1, 5)}
    for i, numeral in enumerate(numerals[:4], 1):
        quarters |= {f"{head}{n}季度": i for n in (i, numeral) for head in ("", "第")}
    return [*out, quarters]


def named_seasons(labels: pd.Index) -> pd.Index | None:
    """Seasons by name as numbers; None where the labels are something else."""
    if not all(isinstance(v, str) for v in labels):
        return None
    text = [v.strip().lower() for v in labels]
    for names in _season_names():
        if text and all(v in names for v in text):
            return pd.Index([names[v] for v in text])
    return None


def _of_profile(
    spans: Spans,
    profile: pd.DataFrame,
    worked: np.ndarray | None,
    organisation: pd.Index | None,
    year_start: int,
    *,
    caller: str,
) -> np.ndarray:
    """A ``seasonal_profile`` frame, of the whole or by keys of the organisation."""
    known = {"season", "share", "index", "basis"}
    names = [c for c in profile.columns if c not in known]
    by = check_names(
        [n for n in names if organisation is not None and n in organisation.names],
        "profile",
        caller=caller,
    )
    keyed = [f"by{i}" for i in range(len(by))]
    rows = take(
        profile,
        caller=caller,
        arg="profile",
        unique=("season", *keyed),
        by=by,
        season=Amount("season", whole=True, low=1, option=""),
        share=Amount("share", low=0, option=""),
    )
    season = rows["season"].astype(np.int64)
    year_start = int(profile.attrs.get("year_start", year_start))
    freq = profile.attrs.get("freq") or _freq_of(int(season.max()), caller=caller)
    keys = rows.keys(*keyed) if by else None
    count = len(keys) if keys is not None else 1
    codes = keys.codes if keys is not None else np.zeros(len(season), dtype=np.int64)
    share = np.zeros((count, SEASONS[freq]))
    share[codes, season - 1] = rows["share"]
    per_day = "basis" in profile.columns and bool((profile["basis"] == "working_day").all())
    weights = _seasonal(spans, share, freq, worked, year_start, per_day=per_day, caller=caller)
    if keys is None:
        return weights[0]
    assert organisation is not None
    own = organisation.to_frame(index=False)[by]
    own_index = pd.MultiIndex.from_frame(own) if len(by) > 1 else pd.Index(own[by[0]])
    at = keys.index.get_indexer(own_index)
    if (at < 0).any():
        first = own_index[np.flatnonzero(at < 0)[0]]
        raise InputError(
            f"{caller}(): profile has no rows for {int((at < 0).sum())} key(s) of weights, first "
            f"{first!r}; give each key its profile, or one profile without keys."
        )
    return weights[at]


def _seasonal(
    spans: Spans,
    share: np.ndarray,
    freq: str,
    worked: np.ndarray | None,
    year_start: int,
    *,
    per_day: bool,
    caller: str,
) -> np.ndarray:
    """Season shares (k, seasons) on the leaves, (k, m); leaves that hold several by their days.

    A period of weeks, a week across two months, a month of weekdays: each of its days counts
    by the season that day is in.
    """
    if per_day and worked is None:
        raise InputError(
            f"{caller}(): profile is per working day (it was made with calendar=); give calendar= "
            "here, too."
        )
    if _in_one_season(spans, freq, year_start):
        days = None if worked is None else _in_leaves(worked, spans)
        return _on_leaves(spans, share, freq, days, year_start, per_day=per_day)
    length = spans.end - spans.start + 1
    first = np.r_[0, np.cumsum(length)[:-1]]
    each = np.arange(int(length.sum())) - np.repeat(first - spans.start, length)
    fine = Spans(each, each, "D", np.ones(len(each)), {"year": each})
    own = None if worked is None else worked[each - each[0]]
    weights = _on_leaves(fine, share, freq, own, year_start, per_day=per_day)
    return np.asarray(np.add.reduceat(weights, first, axis=1))


def _in_one_season(spans: Spans, freq: str, year_start: int) -> bool:
    """Whether no leaf reaches over the end of a season."""
    if freq == "D":
        return bool((spans.start == spans.end).all())
    ends = [period_of(days, freq, year_start=year_start) for days in (spans.start, spans.end)]
    return bool((ends[0] == ends[1]).all())


def _on_leaves(
    spans: Spans,
    share: np.ndarray,
    freq: str,
    days: np.ndarray | None,
    year_start: int,
    *,
    per_day: bool,
) -> np.ndarray:
    """Shares of leaves that lie in one season each: its part of the period the season stands for.

    Per working day the share counts as often as the leaf has such days.
    """
    season = season_of(spans.start, freq, year_start=year_start) - 1
    if per_day:
        assert days is not None
        return share[:, season] * days
    within = spans.covered if days is None else days
    if freq == "D" or freq == spans.freq:
        part = within if freq == "D" or days is None else (within > 0) * spans.covered
        return share[:, season] * part
    period = period_of(spans.start, freq, year_start=year_start)
    mass = np.bincount(period - period.min(), weights=within)[period - period.min()]
    part = np.divide(within, mass, out=np.zeros_like(mass), where=mass > 0)
    return share[:, season] * part * _in_plan(spans, period, freq, year_start)


def _in_plan(spans: Spans, period: np.ndarray, freq: str, year_start: int) -> np.ndarray:
    """Part of each leaf's season period that lies in the plan: 1 but where the plan cuts one."""
    first = period_start(period, freq, year_start=year_start)
    last = period_end(period, freq, year_start=year_start)
    held = np.bincount(period - period.min(), weights=spans.end - spans.start + 1)
    return np.asarray(held[period - period.min()] / (last - first + 1))


def _freq_of(seasons: int, *, caller: str) -> str:
    for freq, count in (("Q", 4), ("D", 7), ("M", 12), ("W", 53)):
        if seasons <= count:
            return freq
    raise InputError(f"{caller}(): profile has season {seasons}; there are at most 53.")
