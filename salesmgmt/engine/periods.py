"""Periods as whole numbers: hours, days, weeks, months, quarters and years on one line each.

A date is a day number since 1970-01-01 (``datetime64[D]`` seen as int64). A period is a whole
number too: consecutive periods differ by one, whatever their length in days. Weeks carry the
weekday they start on, quarters and years the month the fiscal year starts in.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "FREQS",
    "fiscal_year",
    "period_end",
    "period_of",
    "period_start",
    "periods_a_year",
    "week_anchor",
    "whole_periods",
]

FREQS = ("h", "D", "W", "M", "Q", "Y")
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_THURSDAY = 3  # 1970-01-01, day 0, with Monday as 0


def period_of(
    days: np.ndarray, freq: str, *, week_start: int = 0, year_start: int = 1
) -> np.ndarray:
    """Number of the period each day lies in, int64, same shape as ``days``.

    Parameters
    ----------
    days : int64 array
        Days since 1970-01-01.
    freq : {"D", "W", "M", "Q", "Y"}
        Length of the period.
    week_start : int in 0..6
        Weekday on which weeks start, Monday is 0.
    year_start : int in 1..12
        First month of the fiscal year; moves quarters and years.
    """
    days = np.asarray(days, dtype=np.int64)
    if freq == "D":
        return days
    if freq == "W":
        return (days + _THURSDAY - week_start) // 7
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    if freq == "M":
        return months
    return (months - (year_start - 1)) // _MONTHS[freq]


def period_start(
    periods: np.ndarray, freq: str, *, week_start: int = 0, year_start: int = 1
) -> np.ndarray:
    """First day of each period, days since 1970-01-01; the inverse of :func:`period_of`."""
    periods = np.asarray(periods, dtype=np.int64)
    if freq == "D":
        return periods
    if freq == "W":
        return periods * 7 - _THURSDAY + week_start
    months = periods * _MONTHS[freq] + (year_start - 1 if freq != "M" else 0)
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def period_end(
    periods: np.ndarray, freq: str, *, week_start: int = 0, year_start: int = 1
) -> np.ndarray:
    """Last day of each period (inside it), days since 1970-01-01."""
    nxt = np.asarray(periods, dtype=np.int64) + 1
    return period_start(nxt, freq, week_start=week_start, year_start=year_start) - 1


def fiscal_year(days: np.ndarray, *, year_start: int = 1) -> np.ndarray:
    """Calendar year in which each day's fiscal year begins."""
    return period_of(days, "Y", year_start=year_start) + 1970


def periods_a_year(freq: str) -> int:
    """Natural season of a frequency: 24 hours, 7 days, 52 weeks, 12 months, 4 quarters, 1 year."""
    return {"h": 24, "D": 7, "W": 52, "M": 12, "Q": 4, "Y": 1}[freq]


def week_anchor(days: np.ndarray) -> int:
    """Weekday (Monday 0) on which the data's weeks start.

    Dates that all fall on one weekday keep it: data stamped on Fridays stay on Fridays.
    Anything else starts on Monday.
    """
    weekday = (np.asarray(days, dtype=np.int64) + _THURSDAY) % 7
    if weekday.size and (weekday == weekday[0]).all():
        return int(weekday[0])
    return 0


def whole_periods(days: np.ndarray, freq: str, *, week_start: int = 0, year_start: int = 1) -> bool:
    """Whether the dates name whole periods: all of them first days, or all of them last days."""
    days = np.asarray(days, dtype=np.int64)
    if freq in ("h", "D"):
        return True
    at = period_of(days, freq, week_start=week_start, year_start=year_start)
    starts = period_start(at, freq, week_start=week_start, year_start=year_start)
    if (starts == days).all():
        return True
    ends = period_end(at, freq, week_start=week_start, year_start=year_start)
    return bool((ends == days).all())
