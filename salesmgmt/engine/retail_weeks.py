"""Retail years of 52 or 53 whole weeks, cut into 12 periods of four or five."""

from __future__ import annotations

import numpy as np

__all__ = ["period_weeks", "year_starts"]


def year_starts(
    years: np.ndarray, *, year_start: int, week_start: int, nearest: bool
) -> np.ndarray:
    """First day (since 1970-01-01) of retail years.

    A year ends on the last day of a week: the one nearest the last day of the month before
    ``year_start`` (three days either way), or the last one inside that month.

    Parameters
    ----------
    years : int array
        Calendar year in which the month ``year_start`` of the retail year lies.
    year_start : int in 1..12
        First month, 2 for years that end about 31 January.
    week_start : int in 0..6
        Weekday on which weeks start, Monday is 0.
    nearest : bool
        Nearest (True) or last inside (False).
    """
    months = (np.asarray(years, dtype=np.int64) - 1970) * 12 + year_start - 1
    eve = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    latest = eve + 3 if nearest else eve
    closing = (week_start - 1) % 7
    weekday = (latest + 3) % 7
    return latest - (weekday - closing) % 7 + 1


def period_weeks(pattern: tuple[int, int, int], weeks: int) -> np.ndarray:
    """Weeks in each of the 12 periods; a 53rd week lengthens the last one."""
    out = np.array(pattern * 4, dtype=np.int64)
    out[-1] += weeks - out.sum()
    return out
