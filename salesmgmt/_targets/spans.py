"""The periods of a plan: leaves with first and last day, and the calendar above them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, as_dates, check_choice, check_int, day, days_of, take
from ..engine.controlled_rounding import Tree
from ..engine.periods import fiscal_year, period_end, period_of, period_start
from ..errors import InputError

__all__ = ["Spans", "dated", "label_days", "plan_spans", "season_of", "stamps", "table_spans"]

RETAIL = ("4-4-5", "4-5-4", "5-4-4")
LEAVES = ("D", "W", "M", "Q", "Y")
SEASONS = {"D": 7, "W": 53, "M": 12, "Q": 4}
_FIRSTS = re.compile("D|(MS|ME|M)|(QS|QE|Q|YS|YE|AS|A|Y)(-[A-Z]{3})?")  # of pd.date_range


@dataclass(frozen=True)
class Spans:
    """Leaf periods in order of time.

    ``start``/``end``: days since 1970-01-01, both inside. ``covered``: share of the whole
    period that lies in the plan (1 but for cut ends). ``levels``: coarser calendar periods by
    name, top down, each an int code a leaf.
    """

    start: np.ndarray
    end: np.ndarray
    freq: str
    covered: np.ndarray
    levels: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def year(self) -> np.ndarray:
        """Calendar year (of the first month of the fiscal year) of each leaf."""
        return self.levels["year"]

    def tree(self, block: np.ndarray | None = None) -> Tree:
        """The calendar as a tree; ``block`` adds a family of periods whose totals are given."""
        families = [codes for name, codes in self.levels.items() if name != "week"]
        if block is not None:
            families = [f for f in families if _nested(f, block) or _nested(block, f)]
            families.append(block)
        families.append(np.arange(len(self)))
        families.sort(key=lambda f: len(np.unique(f)))
        parents, above = [], np.zeros(len(self), dtype=np.int64)
        for family in families:
            _, first, codes = np.unique(family, return_index=True, return_inverse=True)
            parents.append(above[first])
            above = codes.reshape(-1)
        return Tree(tuple(parents))


def _nested(inner: np.ndarray, outer: np.ndarray) -> bool:
    """Whether each group of ``inner`` lies in one group of ``outer``."""
    pairs = np.unique(np.column_stack([inner, outer]), axis=0)
    return len(pairs) == len(np.unique(inner))


def stamps(days: np.ndarray) -> pd.DatetimeIndex:
    """Days since 1970-01-01 as timestamps."""
    return pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[us]"))


def plan_spans(periods: Any, *, year_start: int, caller: str) -> Spans:
    """``(start, end, freq)``, a PeriodIndex or a table of periods as leaves."""
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    if isinstance(periods, pd.DatetimeIndex) and _FIRSTS.fullmatch(periods.freqstr or ""):
        periods = periods.to_period()
    if isinstance(periods, pd.PeriodIndex):
        return _of_index(periods, year_start, caller=caller)
    if isinstance(periods, pd.DataFrame):
        return table_spans(periods, "periods", year_start=year_start, caller=caller)
    if isinstance(periods, str) or (
        isinstance(periods, tuple | list) and len(periods) in (2, 3) and periods[0] in RETAIL
    ):
        return _of_retail(periods, year_start, caller=caller)
    if isinstance(periods, tuple | list) and len(periods) == 3:
        first, last, freq = periods
        return _of_range(first, last, freq, year_start, caller=caller)
    raise InputError(
        f"{caller}(): periods must be (start, end, freq), a PeriodIndex, ('4-4-5', year) or a "
        f"table with period_start and period_end, got {periods!r}."
    )


def _of_range(first: Any, last: Any, freq: Any, year_start: int, *, caller: str) -> Spans:
    if isinstance(freq, tuple | list) and set(freq) == {"W", "M"}:
        freq = "WM"
    else:
        freq = str(freq) if isinstance(freq, str) else freq  # NumPy's own strings, too
        check_choice(freq, "freq in periods", LEAVES, caller=caller)
    ends = [
        day(first, name="periods[0]", caller=caller),
        day(last, name="periods[1]", caller=caller, last=True),  # "2026-12" is all of December
    ]
    low, high = (int(d) for d in days_of(np.array(ends, dtype="M8[us]")))
    if low > high:
        raise InputError(f"{caller}(): periods end before they start: {first!r} > {last!r}.")
    whole = np.arange(low, high + 1)
    year = fiscal_year(whole, year_start=year_start)
    number = period_of(whole, freq[0], year_start=year_start)
    # Weeks that run over the end of a fiscal year are cut there, so that years stay exact.
    change = (np.diff(number) != 0) | (np.diff(year) != 0)
    if freq == "WM":
        change |= np.diff(period_of(whole, "M")) != 0
    start = whole[np.r_[True, change]]
    end = np.r_[start[1:] - 1, high]
    return _spans(start, end, freq, year_start)


def _of_retail(periods: Any, year_start: int, *, caller: str) -> Spans:
    """Periods, weeks, quarters or days of retail years; a week is a week, whatever its period."""
    from ..calendars import retail_calendar

    parts: list[Any] = periods.rsplit(" ", 1) if isinstance(periods, str) else list(periods)
    if len(parts) < 2 or parts[0] not in RETAIL:
        raise InputError(
            f"{caller}(): periods of a retail year are given as ('4-4-5', 2026), got {periods!r}."
        )
    pattern, years = parts[0], parts[1]
    years = int(years) if isinstance(years, str) and years.isdigit() else years
    freq = parts[2] if len(parts) == 3 else "M"
    check_choice(freq, "freq in periods", LEAVES, caller=caller)
    read = "W" if freq == "D" else freq
    table = retail_calendar(years, pattern=pattern, freq=read, year_start=year_start)
    start = days_of(table["period_start"].to_numpy().astype("datetime64[us]"))
    end = days_of(table["period_end"].to_numpy().astype("datetime64[us]"))
    levels = {"year": table["year"].to_numpy(dtype=np.int64)}
    if "quarter" in table and freq != "Y":
        levels["quarter"] = levels["year"] * 4 + table["quarter"].to_numpy(dtype=np.int64)
    if "period" in table and read == "W":
        levels["month"] = levels["year"] * 12 + table["period"].to_numpy(dtype=np.int64)
    if freq == "D":
        days = np.concatenate([np.arange(a, b + 1) for a, b in zip(start, end, strict=True)])
        at = np.searchsorted(start, days, side="right") - 1
        levels = {name: codes[at] for name, codes in levels.items()}
        return Spans(days, days, "D", np.ones(len(days)), levels)
    return Spans(start, end, freq, (end - start + 1) / 7.0, levels)


def _of_index(periods: pd.PeriodIndex, year_start: int, *, caller: str) -> Spans:
    freq = periods.freqstr.split("-")[0].replace("A", "Y").replace("E", "")
    if freq not in LEAVES:
        raise InputError(
            f"{caller}(): periods has the frequency {periods.freqstr!r}; use one of "
            f"{', '.join(LEAVES)}."
        )
    if not len(periods) or periods.hasnans or not periods.is_unique:
        raise InputError(f"{caller}(): periods must be distinct, without gaps in it (NaT).")
    ordered = periods.sort_values()
    start = days_of(ordered.start_time.to_numpy())
    end = days_of(ordered.end_time.to_numpy())
    return _spans(start, end, freq, year_start)


def table_spans(table: pd.DataFrame, arg: str, *, year_start: int, caller: str) -> Spans:
    """Periods of one's own, as ``calendars.retail_calendar`` gives them, or 13 of four weeks."""
    rows = take(
        table,
        caller=caller,
        arg=arg,
        unique=("period_start",),
        period_start=Date("period_start", option=""),
        period_end=Date("period_end", last=True, option=""),
        year=Amount("year", whole=True, optional=True),
        quarter=Amount("quarter", whole=True, optional=True),
        # A number of its own only where the rows are weeks, whose months it makes.
        period=Amount("period", whole=True, optional=True) if "week" in table.columns else None,
    )
    order = np.argsort(rows.days("period_start"), kind="stable")
    start, end = rows.days("period_start")[order], rows.days("period_end")[order]
    wrong = np.flatnonzero((start > end) | (np.r_[start[1:], end[-1] + 1] <= end))
    if len(wrong):
        at = wrong[0]
        told = " to ".join(str(stamps(days[at : at + 1])[0].date()) for days in (start, end))
        raise InputError(
            f"{caller}(): {arg}: {len(wrong)} period(s) end before they start or reach into the "
            f"next one, first {told}; period_end is the last day inside."
        )
    levels = {"year": fiscal_year(start, year_start=year_start)}
    if "year" in rows:
        levels["year"] = rows["year"][order].astype(np.int64)
    if "quarter" in rows:
        levels["quarter"] = levels["year"] * 4 + rows["quarter"][order].astype(np.int64)
    if "period" in rows:
        levels["month"] = levels["year"] * 100 + rows["period"][order].astype(np.int64)
    length = end - start + 1
    same = {1: "D", 7: "W"}.get(int(length[0]), "") if (length == length[0]).all() else ""
    return Spans(start, end, same or "own", length.astype(np.float64), levels)


def _spans(start: np.ndarray, end: np.ndarray, freq: str, year_start: int) -> Spans:
    whole = _length(start, freq[0], year_start)
    levels = {"year": fiscal_year(start, year_start=year_start)}
    if freq in ("D", "M", "WM"):
        levels["quarter"] = period_of(start, "Q", year_start=year_start)
    if freq in ("D", "WM"):
        levels["month"] = period_of(start, "M")
    if freq == "WM":
        levels["week"] = period_of(start, "W")
    return Spans(start, end, freq[0], (end - start + 1) / whole, levels)


def _length(start: np.ndarray, freq: str, year_start: int) -> np.ndarray:
    """Days in the whole period each leaf is (part of)."""
    if freq == "W":
        return np.full(len(start), 7)
    number = period_of(start, freq, year_start=year_start)
    first = period_start(number, freq, year_start=year_start)
    return period_end(number, freq, year_start=year_start) - first + 1


def season_of(days: np.ndarray, freq: str, *, year_start: int = 1) -> np.ndarray:
    """Number of the season: month 1-12, quarter 1-4, ISO week 1-53, weekday 1-7 (Monday 1)."""
    if freq == "M":
        return period_of(days, "M") % 12 + 1
    if freq == "Q":
        return period_of(days, "Q", year_start=year_start) % 4 + 1
    if freq == "D":
        return (days + 3) % 7 + 1
    return stamps(days).isocalendar().week.to_numpy(dtype=np.int64)


_DATED = re.compile(r"\d{4}([-/.年]\d|-?[Qq][1-4]).*")


def dated(labels: pd.Index) -> bool:
    """Whether labels are dates, Periods or text that is written as dates."""
    if isinstance(labels, pd.MultiIndex):
        return False
    if isinstance(labels, pd.PeriodIndex | pd.DatetimeIndex):
        return True
    if not len(labels) or pd.api.types.is_numeric_dtype(labels.dtype):
        return False
    return all(
        bool(_DATED.fullmatch(v)) if isinstance(v, str) else isinstance(v, date | pd.Period)
        for v in labels
    )


def label_days(labels: pd.Index, name: str, *, caller: str) -> np.ndarray:
    """First day of each label (Period, date or date text), days since 1970-01-01."""
    if isinstance(labels, pd.PeriodIndex):
        return days_of(labels.start_time.to_numpy())
    if isinstance(labels, pd.MultiIndex):
        raise InputError(
            f"{caller}(): {name} has labels of {labels.nlevels} levels where dates are needed, "
            f"first {labels[0]!r}; keep the dates alone (droplevel)."
        )
    return days_of(as_dates(labels, name=name, caller=caller))
