"""Interest on a balance that changes: day counts, rates by date, simple or compounded."""

from __future__ import annotations

import math
from datetime import date

__all__ = ["DAY_COUNTS", "growth", "year_fraction"]

DAY_COUNTS = {"act/365": 365.0, "act/360": 360.0, "30/360": 360.0}  # days a year
_EPOCH = date(1970, 1, 1).toordinal()
_TIMES_A_YEAR = {"monthly": 12.0, "yearly": 1.0}


def year_fraction(start: int, end: int, day_count: str) -> float:
    """Years from ``start`` to ``end`` (days since 1970).

    ``30/360`` is the bond basis: a 31st counts as the 30th where the period starts on one, and
    where it ends on one that started on a 30th or 31st.
    """
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
