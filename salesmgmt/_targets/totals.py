"""The totals to be met: one number, one a year, one a measure, or a coarser plan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, check_series, days_of, take, units
from ..engine.units import off_grid
from ..errors import InputError
from .allocation import whole_total
from .shape import named_seasons
from .spans import Spans, dated, label_days, stamps

__all__ = ["Group", "read_totals", "year_labels"]


@dataclass(frozen=True)
class Group:
    """Rows that share totals: whole ``amounts`` of blocks, and the block of each leaf.

    Block -1: no total is given for that leaf (to be extrapolated).
    """

    rows: np.ndarray
    amounts: np.ndarray
    block: np.ndarray


def read_totals(
    total: Any,
    organisation: pd.Index | None,
    spans: Spans,
    step: float,
    *,
    caller: str,
) -> tuple[list[list[Group]], pd.Index | None]:
    """Groups of each measure, and the measures if there are any."""
    tasks, measures = _read(total, organisation, spans, step, caller=caller)
    _refuse_mixed(tasks, organisation, caller=caller)
    return tasks, measures


def _read(
    total: Any,
    organisation: pd.Index | None,
    spans: Spans,
    step: float,
    *,
    caller: str,
) -> tuple[list[list[Group]], pd.Index | None]:
    rows = np.arange(1 if organisation is None else len(organisation))
    if isinstance(total, pd.Series):
        total = _as_plan(total, organisation, spans, caller=caller)
    if isinstance(total, pd.DataFrame):
        return _of_plan(total, organisation, spans, step, caller=caller)
    one = np.zeros(len(spans), dtype=np.int64)
    if not isinstance(total, pd.Series):
        return [[Group(rows, np.array([whole_total(total, step, caller=caller)]), one)]], None
    amounts = check_series(total, "total", caller=caller)
    if not len(amounts):
        raise InputError(f"{caller}(): total has no entries; give at least one.")
    whole = np.array([whole_total(v, step, caller=caller) for v in amounts.tolist()], np.int64)
    years = year_labels(amounts.index)
    if years is None:
        return [[Group(rows, np.array([value]), one)] for value in whole], amounts.index
    return [[_by_year(rows, whole, years, spans, caller=caller)]], None


def _refuse_mixed(tasks: list[list[Group]], organisation: pd.Index | None, *, caller: str) -> None:
    """A total is money of one currency: its parts cannot be of several."""
    if organisation is None or "currency" not in organisation.names:
        return
    own = organisation.get_level_values("currency")
    for group in (group for groups in tasks for group in groups):
        have = own[group.rows].dropna().unique()
        if len(have) > 1:
            raise InputError(
                f"{caller}(): a total is to be divided over {len(have)} currencies "
                f"({', '.join(sorted(map(str, have))[:5])}), which are never added; give each "
                "its own total (a Series by currency), or drop the level 'currency' of weights "
                "where the total is in one."
            )


# --------------------------------------------------------------------------------------
# Totals by something else than one year or one measure


def _as_plan(
    total: pd.Series, organisation: pd.Index | None, spans: Spans, *, caller: str
) -> pd.Series | pd.DataFrame:
    """Totals by quarter, by key, or by several things at once, as the coarser plan they are.

    Totals by year or by measure alone are handed on as they are.
    """
    index = total.index
    levels = [index.get_level_values(i) for i in range(index.nlevels)]
    kinds = [_kind(labels, organisation) for labels in levels]
    _refuse_names_of_times(levels, kinds, caller=caller)
    if kinds in (["year"], ["measure"]):
        return total
    times = [i for i, kind in enumerate(kinds) if kind in ("year", "date")]
    measures = [i for i, kind in enumerate(kinds) if kind == "measure"]
    if len(times) > 1 or len(measures) > 1:
        told = ", ".join(f"{n!r} ({k})" for n, k in zip(index.names, kinds, strict=True))
        raise InputError(
            f"{caller}(): total is a Series by {told}; at most one level may be a time and one "
            "a measure, the others keys that are named as those of weights."
        )
    frame = pd.DataFrame(index=range(len(total)))
    for i, kind in enumerate(kinds):
        if i not in times:
            frame["measure" if kind == "measure" else kind] = index.get_level_values(i)
    start, end = np.full(len(total), spans.start.min()), np.full(len(total), spans.end.max())
    if times:
        labels = index.get_level_values(times[0])
        read = _years_in if kinds[times[0]] == "year" else _dates_in
        start, end = read(labels, spans, caller=caller)
    frame["period_start"], frame["period_end"] = stamps(start), stamps(end)
    frame["target"] = total.to_numpy()
    return frame


def _kind(labels: pd.Index, organisation: pd.Index | None) -> Any:
    """``"year"``, ``"date"``, ``"measure"``, or the level of the organisation that is meant."""
    if isinstance(labels, pd.PeriodIndex | pd.DatetimeIndex):
        years = year_labels(labels)
        whole = not isinstance(labels, pd.PeriodIndex) or labels.freqstr.startswith(("Y", "A"))
        distinct = len(np.unique(years)) == len(labels.unique())  # type: ignore[arg-type]
        return "year" if whole and distinct else "date"
    names = [] if organisation is None else list(organisation.names)
    for name in names:
        own = organisation.get_level_values(name)  # type: ignore[union-attr]
        if labels.name == name or (labels.name is None and len(labels) and labels.isin(own).all()):
            return name
    if year_labels(labels) is not None:
        return "year"
    return "date" if dated(labels) else "measure"


#: How companies name fiscal years; whether by their first or last calendar year differs.
_FISCAL = re.compile(
    r"(fy|cy|fiscal year)\s*'?\d{2}(\d{2})?|\d{2}(\d{2})?\s*(fy|财年|财政年度)", re.I
)


_PART = re.compile(
    r"(\d{2,4}年?\s*)?(第?[一二三四1-4]季度|[上下]半年|[qh][1-4])(\s*'?\d{2,4})?", re.IGNORECASE
)


def _refuse_names_of_times(levels: list[pd.Index], kinds: list[Any], *, caller: str) -> None:
    """Times by name are no measures; the calendar year that is meant must be said."""
    for labels, kind in zip(levels, kinds, strict=True):
        text = [v.strip() for v in labels if isinstance(v, str)]
        if kind != "measure" or labels.name == "measure" or len(text) < len(labels):
            continue
        if any(map(_FISCAL.fullmatch, text)):
            raise InputError(
                f"{caller}(): total has labels that read as fiscal years, first {text[0]!r}; "
                "name each by the calendar year in which it begins (2025 for a year from April "
                "2025 on), with year_start= for its first month."
            )
        if text and (named_seasons(labels) is not None or all(map(_PART.fullmatch, text))):
            raise InputError(
                f"{caller}(): total has labels that read as parts of a year, first {text[0]!r}; "
                'name each with its year ("2026Q1", "2026-01") or by its first day (halves: '
                '"2026-01-01", "2026-07-01"). Measures of such names: call the index "measure".'
            )


def _years_in(labels: pd.Index, spans: Spans, *, caller: str) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of the plan in each year."""
    years = year_labels(labels)
    assert years is not None
    bad = ~np.isin(years, spans.year)
    if bad.any():
        raise InputError(
            f"{caller}(): total has the year {int(years[bad][0])}, in which no period of the plan "
            f"begins ({spans.year.min()} to {spans.year.max()}); widen periods."
        )
    first = np.array([spans.start[spans.year == y].min() for y in years])
    last = np.array([spans.end[spans.year == y].max() for y in years])
    return first, last


def _dates_in(labels: pd.Index, spans: Spans, *, caller: str) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of each period of a total; of plain dates until the next one."""
    start = label_days(labels, "total", caller=caller)
    if isinstance(labels, pd.PeriodIndex):
        return start, days_of(labels.end_time.to_numpy())
    distinct = np.unique(start)
    until = np.r_[distinct[1:] - 1, max(spans.end.max(), distinct[-1])]
    return start, until[np.searchsorted(distinct, start)]


def year_labels(labels: pd.Index) -> np.ndarray | None:
    """Labels that are years, as numbers; None where they are something else."""
    if isinstance(labels, pd.PeriodIndex):
        labels = labels.to_timestamp()  # the year in which a fiscal year begins
    if isinstance(labels, pd.DatetimeIndex):
        return np.asarray(labels.year, dtype=np.int64)
    text = [re.sub("年度?$", "", str(v)) for v in labels]
    if all(len(v) == 4 and v.isdigit() and 1900 <= int(v) <= 2200 for v in text):
        return np.array([int(v) for v in text], dtype=np.int64)
    return None


def _by_year(
    rows: np.ndarray,
    whole: np.ndarray,
    years: np.ndarray,
    spans: Spans,
    *,
    caller: str,
) -> Group:
    have = np.unique(spans.year)
    unplanned = sorted(set(years.tolist()).difference(have.tolist()))
    if unplanned:
        raise InputError(
            f"{caller}(): total has the years {sorted(years.tolist())}, the periods lie in "
            f"{have.tolist()}; they differ in {unplanned}. Widen periods, or leave these out."
        )
    order = np.argsort(years)
    at = np.searchsorted(years[order], spans.year)
    known = np.isin(spans.year, years)
    return Group(rows, whole[order], np.where(known, at, -1))


# --------------------------------------------------------------------------------------
# A coarser plan


def _of_plan(
    plan: pd.DataFrame,
    organisation: pd.Index | None,
    spans: Spans,
    step: float,
    *,
    caller: str,
) -> tuple[list[list[Group]], pd.Index | None]:
    names = [] if organisation is None else [n for n in organisation.names if n in plan.columns]
    roles: dict[str, Any] = {f"key{i}": Key(n) for i, n in enumerate(names)}
    rows = take(
        plan,
        caller=caller,
        arg="total",
        start=Date("period_start", option=""),
        end=Date("period_end", last=True, option=""),
        target=Amount("target", option=""),
        measure=Key("measure", optional=True),
        **roles,
    )
    bad = off_grid(rows["target"], step)
    if bad.any():
        raise InputError(
            f"{caller}(): total: {int(bad.sum())} target(s) are no multiple of step {step!r}, "
            f"first {float(rows['target'][bad][0])!r}."
        )
    whole = units(rows["target"], step, name="target", caller=caller)
    start, end = rows.days("start"), rows.days("end")
    if "measure" not in rows:
        return [_groups(rows, names, whole, start, end, organisation, spans, caller=caller)], None
    measure = rows.keys("measure")
    tasks = []
    for code in range(len(measure)):
        at = measure.codes == code
        tasks.append(
            _groups(rows, names, whole, start, end, organisation, spans, at=at, caller=caller)
        )
    return tasks, measure.index


def _groups(
    rows: Any,
    names: list[Any],
    whole: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    organisation: pd.Index | None,
    spans: Spans,
    *,
    caller: str,
    at: np.ndarray | None = None,
) -> list[Group]:
    """One group a key of the coarser plan: the rows of the organisation under it."""
    n = 1 if organisation is None else len(organisation)
    chosen = np.ones(len(whole), dtype=bool) if at is None else at
    if not names:
        everything = np.arange(n)
        return [_group(everything, whole[chosen], start[chosen], end[chosen], spans, caller)]
    assert organisation is not None
    keys = rows.keys(*[f"key{i}" for i in range(len(names))])
    own = organisation.to_frame(index=False)[names]
    own_index = pd.MultiIndex.from_frame(own) if len(names) > 1 else pd.Index(own[names[0]])
    belongs = keys.index.get_indexer(own_index)
    if (belongs < 0).any():
        first = own_index[np.flatnonzero(belongs < 0)[0]]
        raise InputError(
            f"{caller}(): total has no row for {int((belongs < 0).sum())} key(s) of weights, "
            f"first {first!r}."
        )
    out = []
    for code in range(len(keys)):
        mine = chosen & (keys.codes == code)
        members = np.flatnonzero(belongs == code)
        if not len(members):
            raise InputError(f"{caller}(): weights has nobody under {keys.index[code]!r}.")
        out.append(_group(members, whole[mine], start[mine], end[mine], spans, caller))
    return out


def _group(
    members: np.ndarray,
    whole: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    spans: Spans,
    caller: str,
) -> Group:
    order = np.argsort(start, kind="stable")
    whole, start, end = whole[order], start[order], end[order]
    if len(start) == 0 or (start[1:] <= end[:-1]).any():
        raise InputError(
            f"{caller}(): total: periods of one key overlap or are repeated; sum them first."
        )
    block = np.searchsorted(start, spans.start, side="right") - 1
    inside = (block >= 0) & (spans.end <= end[np.maximum(block, 0)])
    if not inside.all():
        first = stamps(spans.start[~inside][:1])[0].date()
        raise InputError(
            f"{caller}(): total covers no period around {first} as a whole; {int((~inside).sum())} "
            "period(s) of the plan lie in none of its own. Use periods that lie within them."
        )
    empty = np.setdiff1d(np.arange(len(whole)), block)
    if len(empty):
        first = stamps(start[empty[:1]])[0].date()
        raise InputError(
            f"{caller}(): {len(empty)} period(s) of total have no period in the plan, first the "
            f"one from {first}; widen periods."
        )
    return Group(members, whole, block)
