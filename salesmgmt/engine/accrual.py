"""Interest on a balance that changes: day counts, rates by date, simple or compounded."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["DAY_COUNTS", "growth", "year_fraction"]

DAY_COUNTS = {"act/365": 365.0, "act/360": 360.0, "30/360": 360.0}  # days a year
_TIMES_A_YEAR = {"monthly": 12.0, "yearly": 1.0}


def year_fraction(start: np.ndarray, end: np.ndarray, day_count: str) -> np.ndarray:
    """Years from ``start`` to ``end`` (days since 1970), float64.

    ``30/360`` is the bond basis: a 31st counts as the 30th where the period starts on one, and
    where it ends on one that started on a 30th or 31st.
    """
    if day_count == "act/365":
        return (end - start) / 365.0
    if day_count == "act/360":
        return (end - start) / 360.0
    month_a, day_a = _calendar(start)
    month_b, day_b = _calendar(end)
    day_a = np.minimum(day_a, 30)
    day_b = np.where((day_b == 31) & (day_a == 30), 30, day_b)
    return ((month_b - month_a) * 30 + day_b - day_a) / 360.0


def _calendar(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Month number and day of the month."""
    day = np.asarray(days, dtype=np.int64).astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    return month.astype(np.int64), (day - month.astype("datetime64[D]")).astype(np.int64) + 1


def growth(rate: float, years: float, compounding: str, days_a_year: float = 365.0) -> float:
    """Interest on one unit of balance over ``years`` at an annual ``rate``.

    Compounded ``daily``, each day bears the annual rate over the days that the day count gives
    a year.
    """
    if compounding == "simple":
        return rate * years
    times = _TIMES_A_YEAR.get(compounding, days_a_year)
    return math.expm1(times * years * math.log1p(rate / times))
