"""Retail calendars: years of whole weeks, cut 4-4-5 and the like."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
import pandas as pd

from .._frames import check_choice, check_int
from ..engine.retail_weeks import period_weeks, year_starts
from ..errors import InputError
from .days import WEEKDAYS, timestamps

__all__ = ["retail_calendar"]


def retail_calendar(
    year: int | Sequence[int],
    *,
    pattern: str = "4-4-5",
    freq: str = "M",
    year_start: int = 2,
    week_start: str = "sunday",
    rule: str = "nearest",
) -> pd.DataFrame:
    """Periods of a retail year of 52 or 53 whole weeks.

    The defaults follow the National Retail Federation: weeks from Sunday to Saturday, the year
    ends on the Saturday nearest 31 January, and is named after the calendar year it starts in.
    (The federation itself cuts quarters ``"4-5-4"``.) A 53rd week belongs to the last period.

    Parameters
    ----------
    year : int or sequence of int
        Retail year(s): the calendar year in which their month ``year_start`` lies.
    pattern : {"4-4-5", "4-5-4", "5-4-4"}, default="4-4-5"
        Weeks in the three periods of a quarter.
    freq : {"W", "M", "Q", "Y"}, default="M"
        Rows: weeks, periods (of four or five weeks), quarters or years.
    year_start : int in 1..12, default=2
        First month; the year ends about the last day of the month before.
    week_start : str, default="sunday"
        Weekday on which weeks start.
    rule : {"nearest", "last"}, default="nearest"
        The year's last week ends on the day nearest the end of that month, or on the last one
        inside it.

    Returns
    -------
    DataFrame
        ``year``, ``quarter`` (1..4), ``period`` (1..12), ``week`` (1..53), as far as ``freq``
        goes; ``period_start``, ``period_end`` (dates, both inside), ``weeks``. In order of time.

    Raises
    ------
    InputError
        An option is not valid, or a year is given twice.

    References
    ----------
    .. [1] National Retail Federation, 4-5-4 calendar (years of 53 weeks: 2006, 2012, 2017, 2023).

    Examples
    --------
    >>> retail_calendar(2023, freq="Q")[["quarter", "period_start", "period_end", "weeks"]]
       quarter period_start period_end  weeks
    0        1   2023-01-29 2023-04-29     13
    1        2   2023-04-30 2023-07-29     13
    2        3   2023-07-30 2023-10-28     13
    3        4   2023-10-29 2024-02-03     14
    """
    caller = "retail_calendar"
    check_choice(pattern, "pattern", ("4-4-5", "4-5-4", "5-4-4"), caller=caller)
    check_choice(freq, "freq", ("W", "M", "Q", "Y"), caller=caller)
    check_choice(rule, "rule", ("nearest", "last"), caller=caller)
    check_choice(week_start, "week_start", WEEKDAYS, caller=caller)
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    years = _retail_years(year, caller=caller)
    cut = (int(pattern[0]), int(pattern[2]), int(pattern[4]))
    bounds = year_starts(
        np.stack([years, years + 1]),
        year_start=year_start,
        week_start=WEEKDAYS.index(week_start),
        nearest=rule == "nearest",
    )
    weeks = pd.concat(
        [
            _retail_weeks(int(y), int(a), int(b), cut)
            for y, a, b in zip(years, *bounds, strict=True)
        ],
        ignore_index=True,
    )
    return _retail_rows(weeks, freq)


def _retail_years(year: int | Sequence[int], *, caller: str) -> np.ndarray:
    asked = [year] if isinstance(year, Integral) else list(year)  # type: ignore[arg-type]
    found = [check_int(y, "year", caller=caller, low=1900, high=2200) for y in asked]
    if not found or len(set(found)) < len(found):
        raise InputError(f"{caller}(): year must hold distinct years, got {asked!r}.")
    return np.array(sorted(found), dtype=np.int64)


def _retail_weeks(year: int, start: int, nxt: int, cut: tuple[int, int, int]) -> pd.DataFrame:
    """One row a week of a retail year."""
    n = (nxt - start) // 7
    lengths = period_weeks(cut, n)
    period = np.repeat(np.arange(1, 13), lengths)
    monday = start + 7 * np.arange(n)
    return pd.DataFrame(
        {
            "year": year,
            "quarter": (period - 1) // 3 + 1,
            "period": period,
            "week": np.arange(1, n + 1),
            "period_start": timestamps(monday),
            "period_end": timestamps(monday + 6),
            "weeks": 1,
        }
    )


def _retail_rows(weeks: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Weeks put together to periods, quarters or years."""
    if freq == "W":
        return weeks
    keys = {"M": ["year", "quarter", "period"], "Q": ["year", "quarter"], "Y": ["year"]}[freq]
    grouped = weeks.groupby(keys, as_index=False, sort=True)
    return grouped.agg(
        period_start=("period_start", "min"),
        period_end=("period_end", "max"),
        weeks=("weeks", "sum"),
    )
