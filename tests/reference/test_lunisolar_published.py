"""The Chinese calendar against published dates, and against the astronomy it is defined by.

Dates: Hong Kong Observatory, Gregorian-lunar calendar conversion tables 1901-2100 (recalled).
Astronomy: J. Meeus, "Astronomical Algorithms", 2nd ed. 1998, chapter 49 (new moon).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from salesmgmt.calendars import lunar_date
from salesmgmt.engine import lunisolar

_NEW_YEARS = """
1950-02-17 1955-01-24 1960-01-28 1965-02-02 1970-02-06 1975-02-11 1980-02-16 1985-02-20 1990-01-27
1995-01-31 2000-02-05 2001-01-24 2002-02-12 2003-02-01 2004-01-22 2005-02-09 2006-01-29 2007-02-18
2008-02-07 2009-01-26 2010-02-14 2011-02-03 2012-01-23 2013-02-10 2014-01-31 2015-02-19 2016-02-08
2017-01-28 2018-02-16 2019-02-05 2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29
2026-02-17 2027-02-06 2028-01-26 2029-02-13 2030-02-03 2031-01-23 2032-02-11 2033-01-31 2034-02-19
2035-02-08 2036-01-28 2037-02-15 2038-02-04 2039-01-24 2040-02-12 2041-02-01 2042-01-22 2043-02-10
2044-01-30 2045-02-17 2046-02-06 2047-01-26 2048-02-14 2049-02-02 2050-01-23 2100-02-09
"""
_DRAGON_BOAT = "2023-06-22 2024-06-10 2025-05-31 2026-06-19 2027-06-09 2028-05-28 2029-06-16"
_MID_AUTUMN = "2023-09-29 2024-09-17 2025-10-06 2026-09-25 2027-09-15 2028-10-03 2029-09-22"
_LEAP = {2001: 4, 2004: 2, 2006: 7, 2009: 5, 2012: 4, 2014: 9, 2017: 6, 2020: 4, 2023: 2, 2025: 6,
         2028: 5, 2031: 3, 2033: 11, 2036: 6, 2039: 5}  # fmt: skip


@pytest.mark.parametrize("date", _NEW_YEARS.split())
def test_new_year(date):
    assert lunar_date(int(date[:4]), 1, 1) == pd.Timestamp(date)


def test_dragon_boat_and_mid_autumn():
    for date in _DRAGON_BOAT.split():
        assert lunar_date(int(date[:4]), 5, 5) == pd.Timestamp(date)
    for date in _MID_AUTUMN.split():
        assert lunar_date(int(date[:4]), 8, 15) == pd.Timestamp(date)


def test_leap_months_of_2001_to_2040():
    got = {y: int(lunisolar.leap_month(y)) for y in range(2001, 2041)}
    assert {y: m for y, m in got.items() if m} == _LEAP


def test_months_follow_each_other_and_have_29_or_30_days():
    starts = []
    for year in range(1900, 2101):
        for month in range(1, 13):
            starts.append((int(lunisolar.lunar_day(year, month)), year, month, False))
            if lunisolar.leap_month(year) == month:
                at = int(lunisolar.lunar_day(year, month, leap=True))
                starts.append((at, year, month, True))
    for (day, year, month, leap), (nxt, *_) in zip(starts, starts[1:], strict=False):
        assert nxt - day == lunisolar.month_length(year, month, leap=leap)
    assert set(np.diff([s[0] for s in starts])) == {29, 30}
    # 235 months in 19 years: 201 lunar years hold 74 leap months.
    assert sum(int(lunisolar.leap_month(y)) > 0 for y in range(1900, 2101)) == 74


def test_qingming_by_the_rule_of_thumb_for_each_century():
    """Day of April: floor(0.2422 Y + C) - floor(Y / 4); C is 5.59 until 1999, then 4.81."""
    for year in range(1901, 2100):
        c = 5.59 if year < 2000 else 4.81
        day = int(year % 100 * 0.2422 + c) - year % 100 // 4
        got = np.int64(lunisolar.qingming(year)).astype("datetime64[D]")
        assert got == np.datetime64(f"{year}-04-{day:02d}")


def _new_moon(k: int) -> float:
    """Julian day (dynamical time) of the k-th new moon after 2000-01-06."""
    t = k / 1236.85
    e = 1 - 0.002516 * t - 0.0000074 * t * t
    sun = math.radians(2.5534 + 29.10535670 * k - 0.0000014 * t * t)
    moon = math.radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t + 0.00001238 * t**3)
    node = math.radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t - 0.00000227 * t**3)
    omega = math.radians(124.7746 - 1.56375588 * k + 0.0020672 * t * t)
    terms = [
        (-0.40720, moon), (0.17241 * e, sun), (0.01608, 2 * moon), (0.01039, 2 * node),
        (0.00739 * e, moon - sun), (-0.00514 * e, moon + sun), (0.00208 * e * e, 2 * sun),
        (-0.00111, moon - 2 * node), (-0.00057, moon + 2 * node), (0.00056 * e, 2 * moon + sun),
        (-0.00042, 3 * moon), (0.00042 * e, sun + 2 * node), (0.00038 * e, sun - 2 * node),
        (-0.00024 * e, 2 * moon - sun), (-0.00017, omega), (-0.00007, moon + 2 * sun),
    ]  # fmt: skip
    mean = 2451550.09766 + 29.530588861 * k + 0.00015437 * t * t - 0.000000150 * t**3
    planets = 0.000325 * math.sin(math.radians(299.77 + 0.107408 * k - 0.009173 * t * t))
    planets += 0.000165 * math.sin(math.radians(251.88 + 0.016321 * k))
    return mean + sum(a * math.sin(x) for a, x in terms) + planets


def test_months_begin_on_the_day_of_the_new_moon():
    """1950 to 2050, UTC+8; moons within two minutes of midnight decide nothing here."""
    checked = 0
    for year in range(1950, 2051):
        for month in range(1, 13):
            day = int(lunisolar.lunar_day(year, month))
            k = round((day - 10962.25) / 29.530588861)  # 10962: 2000-01-06
            on = (day - 10957) / 365.25  # years since 2000
            delta_t = 63.86 + 0.3345 * on if on > -15 else 45.45 + 1.067 * (on + 25)
            local = _new_moon(k) - delta_t / 86400 + 8 / 24 + 0.5 - 2440588
            if min(local % 1, 1 - local % 1) > 120 / 86400:
                assert math.floor(local) == day, (year, month)
                checked += 1
    assert checked > 1200
