"""Days off and days worked in mainland China: official schedules, and the law where none is out.

Every November or December the General Office of the State Council announces the next year's days
off (国务院办公厅关于……部分节假日安排的通知). A notice does two things to the ordinary five-day
week: some weekdays are off, and some Saturdays and Sundays are worked in exchange (调休). Both
are kept here as ``mmdd`` or ``mmdd-mmdd``: all there is to know about an announced year.

For other years the law tells which days are public holidays (全国年节及纪念日放假办法), but not
which weekends will be worked, nor which day is off for a holiday on a weekend (the next working
day here); what is computed from it is provisional.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from . import lunisolar

__all__ = ["ANNOUNCED", "FIRST_DAY", "FIRST_YEAR", "LAST_YEAR", "day_weights", "festivals"]

FIRST_YEAR, LAST_YEAR = 1950, 2100
_FIVE_DAY_WEEK = int(np.datetime64("1995-05-01", "D").astype(np.int64))  # State Council order 174

# Year: weekdays off; Saturdays and Sundays worked. With the later changes of a year: the memorial
# days of September 2015, Labour Day 2019, Spring Festival 2020.
_NOTICES: dict[int, tuple[str, str]] = {
    2004: (
        "0101 0122-0123 0126-0128 0503-0507 1001 1004-1007",
        "0117 0118 0508 0509 1009 1010",
    ),
    2005: (
        "0103 0209-0211 0214-0215 0502-0506 1003-1007",
        "0205 0206 0430 0508 1008 1009 1231",
    ),
    2006: (
        "0102-0103 0130-0203 0501-0505 1002-1006",
        "0128 0205 0429 0430 0930 1008 1230 1231",
    ),
    2007: (
        "0101-0103 0219-0223 0501-0504 0507 1001-1005 1231",
        "0217 0225 0428 0429 0929 0930 1229",
    ),
    2008: (
        "0101 0206-0208 0211-0212 0404 0501-0502 0609 0915 0929-1003",
        "0202 0203 0504 0927 0928",
    ),
    2009: (
        "0101-0102 0126-0130 0406 0501 0528-0529 1001-1002 1005-1008",
        "0104 0124 0201 0531 0927 1010",
    ),
    2010: (
        "0101 0215-0219 0405 0503 0614-0616 0922-0924 1001 1004-1007",
        "0220 0221 0612 0613 0919 0925 0926 1009",
    ),
    2011: (
        "0103 0202-0204 0207-0208 0404-0405 0502 0606 0912 1003-1007",
        "0130 0212 0402 1008 1009 1231",
    ),
    2012: (
        "0102-0103 0123-0127 0402-0404 0430-0501 0622 1001-1005",
        "0121 0129 0331 0401 0428 0929",
    ),
    2013: (
        "0101-0103 0211-0215 0404-0405 0429-0501 0610-0612 0919-0920 1001-1004 1007",
        "0105 0106 0216 0217 0407 0427 0428 0608 0609 0922 0929 1012",
    ),
    2014: (
        "0101 0131 0203-0206 0407 0501-0502 0602 0908 1001-1003 1006-1007",
        "0126 0208 0504 0928 1011",
    ),
    2015: (
        "0101-0102 0218-0220 0223-0224 0406 0501 0622 0903-0904 1001-1002 1005-1007",
        "0104 0215 0228 0906 1010",
    ),
    2016: (
        "0101 0208-0212 0404 0502 0609-0610 0915-0916 1003-1007",
        "0206 0214 0612 0918 1008 1009",
    ),
    2017: (
        "0102 0127 0130-0202 0403-0404 0501 0529-0530 1002-1006",
        "0122 0204 0401 0527 0930",
    ),
    2018: (
        "0101 0215-0216 0219-0221 0405-0406 0430-0501 0618 0924 1001-1005 1231",
        "0211 0224 0408 0428 0929 0930 1229",
    ),
    2019: (
        "0101 0204-0208 0405 0501-0503 0607 0913 1001-1004 1007",
        "0202 0203 0428 0505 0929 1012",
    ),
    2020: (
        "0101 0124 0127-0131 0406 0501 0504-0505 0625-0626 1001-1002 1005-1008",
        "0119 0426 0509 0628 0927 1010",
    ),
    2021: (
        "0101 0211-0212 0215-0217 0405 0503-0505 0614 0920-0921 1001 1004-1007",
        "0207 0220 0425 0508 0918 0926 1009",
    ),
    2022: (
        "0103 0131-0204 0404-0405 0502-0504 0603 0912 1003-1007",
        "0129 0130 0402 0424 0507 1008 1009",
    ),
    2023: (
        "0102 0123-0127 0405 0501-0503 0622-0623 0929 1002-1006",
        "0128 0129 0423 0506 0625 1007 1008",
    ),
    2024: (
        "0101 0212-0216 0404-0405 0501-0503 0610 0916-0917 1001-1004 1007",
        "0204 0218 0407 0428 0511 0914 0929 1012",
    ),
    2025: (
        "0101 0128-0131 0203-0204 0404 0501-0502 0505 0602 1001-1003 1006-1008",
        "0126 0208 0427 0928 1011",
    ),
    2026: (
        "0101-0102 0216-0220 0223 0406 0501 0504-0505 0619 0925 1001-1002 1005-1007",
        "0104 0214 0228 0509 0920 1010",
    ),
}
ANNOUNCED = (min(_NOTICES), max(_NOTICES))


def _day(year: int, month: int, day: int) -> int:
    months = (year - 1970) * 12 + month - 1
    return int(np.datetime64(months, "M").astype("datetime64[D]").astype(np.int64)) + day - 1


FIRST_DAY = _day(FIRST_YEAR, 1, 1)


@cache
def day_weights() -> tuple[np.ndarray, np.ndarray]:
    """Every day from 1950-01-01 to 2100-12-31: weight (1.0 worked, 0.0 off), and whether the
    schedule of its year has not been announced (or is older than the ones kept here).

    The arrays are read-only and shared.
    """
    days = np.arange(FIRST_DAY, _day(LAST_YEAR + 1, 1, 1))
    weekday = (days + 3) % 7
    weight = (weekday < 5) | ((weekday == 5) & (days < _FIVE_DAY_WEEK))
    provisional = np.ones(len(days), dtype=bool)
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        if year in _NOTICES:
            off, worked = (_dates(year, text) for text in _NOTICES[year])
            weight[worked - FIRST_DAY] = True
            provisional[_day(year, 1, 1) - FIRST_DAY : _day(year + 1, 1, 1) - FIRST_DAY] = False
        else:
            off = _statutory(year)
        weight[off - FIRST_DAY] = False
    out = weight.astype(np.float64)
    out.setflags(write=False)
    provisional.setflags(write=False)
    return out, provisional


def _dates(year: int, text: str) -> np.ndarray:
    """Days of ``mmdd`` and ``mmdd-mmdd`` words; ranges hold both ends."""
    days: list[int] = []
    for word in text.split():
        ends = [_day(year, int(part[:2]), int(part[2:])) for part in word.split("-")]
        days.extend(range(ends[0], ends[-1] + 1))
    return np.array(days, dtype=np.int64)


def _statutory(year: int) -> np.ndarray:
    """Public holidays of the law in force in ``year`` (1949, revised 1999, 2007, 2013, 2024).

    From 2008 on with days in lieu of those on weekends.
    """
    new_year = int(lunisolar.lunar_day(year, 1, 1))
    eve = 2008 <= year <= 2013 or year >= 2025
    third = not 2008 <= year <= 2013
    labour = 3 if 2000 <= year <= 2007 else 2 if year >= 2025 else 1
    national = 3 if year >= 1999 else 2
    days = [_day(year, 1, 1), new_year, new_year + 1]
    days += [new_year - 1] * eve + [new_year + 2] * third
    days += [_day(year, 5, 1 + i) for i in range(labour)]
    days += [_day(year, 10, 1 + i) for i in range(national)]
    if year >= 2008:
        days += [int(lunisolar.qingming(year))]
        days += [int(lunisolar.lunar_day(year, 5, 5)), int(lunisolar.lunar_day(year, 8, 15))]
        days += _in_lieu(days)
    return np.array(days, dtype=np.int64)


def _in_lieu(days: list[int]) -> list[int]:
    """The next working day for each holiday on a weekend, and for the second of two on one day.

    That there is one is law (全年节及纪念日放假办法), which one the notice says. Against notices
    for 2008 to 2026 the months' working days are wrong by 3.1 days a year, by 6.0 without these.
    """
    given: list[int] = []
    for i, day in enumerate(sorted(days)):
        if (day + 3) % 7 < 5 and day not in sorted(days)[:i]:
            continue
        while day in days or day in given or (day + 3) % 7 >= 5:
            day += 1
        given.append(day)
    return given


def festivals(first_year: int, last_year: int) -> dict[str, np.ndarray]:
    """First and last day of each festival's window in each year, shape ``(years, 2)``.

    The windows have the same length in every year, announced or not, so that one coefficient
    fits all: New Year 1 day; Spring Festival 7 (New Year's Eve to the 6th of the first month);
    Qingming, Dragon Boat and Mid-Autumn 1; Labour Day 5 (1 to 5 May); National Day 7 (1 to 7
    October). Years from 1900 to 2100; of 2101 New Year and Spring Festival only.
    """
    years = np.arange(first_year, last_year + 1)
    known = years[years <= LAST_YEAR]
    spring = lunisolar.lunar_day(years, 1, 1)
    starts = {
        "new_year": (_fixed(years, 1), 1),
        "spring_festival": (spring - 1, 7),
        "qingming": (lunisolar.qingming(known), 1),
        "labour_day": (_fixed(known, 5), 5),
        "dragon_boat": (lunisolar.lunar_day(known, 5, 5), 1),
        "mid_autumn": (lunisolar.lunar_day(known, 8, 15), 1),
        "national_day": (_fixed(known, 10), 7),
    }
    return {key: np.column_stack([at, at + n - 1]) for key, (at, n) in starts.items()}


def _fixed(years: np.ndarray, month: int) -> np.ndarray:
    """The first of a month in each year."""
    months = (years - 1970) * 12 + month - 1
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
