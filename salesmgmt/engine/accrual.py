"""Interest on a balance that changes: day counts, rates by date, simple or compounded."""

from __future__ import annotations

import math
from datetime import date

__all__ = ["DAY_COUNTS", "compounded_by_year", "growth", "year_fraction"]

# days a year; of act/act those of a common year, a leap year has one more
DAY_COUNTS = {"act/365": 365.0, "act/360": 360.0, "30/360": 360.0, "act/act": 365.0}
_EPOCH = date(1970, 1, 1).toordinal()
_TIMES_A_YEAR = {"monthly": 12.0, "yearly": 1.0}


def year_fraction(start: int, end: int, day_count: str) -> float:
    """Years from ``start`` to ``end`` (days since 1970).

    ``30/360`` is the bond basis: a 31st counts as the 30th where the period starts on one, and
    where it ends on one that started on a 30th or 31st. ``act/act`` divides the days in leap
    years by 366 and the others by 365 (ISDA 2006 Definitions, section 4.16 (b)).
    """
    if day_count == "act/act":
        return sum(days / of for days, of in _by_year(start, end))
    if day_count != "30/360":
        return (end - start) / DAY_COUNTS[day_count]
    a, b = date.fromordinal(start + _EPOCH), date.fromordinal(end + _EPOCH)
    first = min(a.day, 30)
    last = 30 if b.day == 31 and first == 30 else b.day
    return (360 * (b.year - a.year) + 30 * (b.month - a.month) + last - first) / 360


def growth(rate: float, years: float, compounding: str, days_a_year: float = 365.0) -> float:
    """Interest on one unit of balance over ``years`` at an annual ``rate``.

    Compounded ``daily``, each day bears the annual rate over the days that the day count gives
    a year.
    """
    if compounding == "simple":
        return rate * years
    times = _TIMES_A_YEAR.get(compounding, days_a_year)
    return math.expm1(times * years * math.log1p(rate / times))


def compounded_by_year(rate: float, start: int, end: int) -> float:
    """Interest on one unit compounded daily, each day at the rate over the days of its year."""
    return math.expm1(sum(days * math.log1p(rate / of) for days, of in _by_year(start, end)))


def _by_year(start: int, end: int) -> list[tuple[int, int]]:
    """(days, days of their year) from the day after ``start`` to ``end``, both counted."""
    first, last = (date.fromordinal(day + _EPOCH).year for day in (start + 1, max(end, start + 1)))
    out = []
    for year in range(first, last + 1):
        before, until = (date(y, 12, 31).toordinal() - _EPOCH for y in (year - 1, year))
        out.append((max(0, min(end, until) - max(start, before)), until - before))
    return out
