"""The Chinese lunisolar calendar: month lengths 1900-2100 and the solar term Qingming.

A lunar year is one integer: bit ``i`` (from the lowest) tells whether its ``i``-th month, leap
month included, has 30 days (else 29); the bits above 13 are the number of the leap month (0:
none), which follows the month of the same number. Everything else is sums.

The lengths follow the rules of GB/T 33661-2017: months begin on the day (UTC+8) of the new moon,
the winter solstice lies in month 11, and the leap month is the first without a major solar term.
Two new moons lie within seconds of midnight, so that the month they open could still move by a
day as the Earth's rotation drifts: month 9 of 2057 and month 7 of 2097. No public holiday is in
either.
"""

from __future__ import annotations

import numpy as np

__all__ = ["FIRST_YEAR", "LAST_YEAR", "leap_month", "lunar_day", "month_length", "qingming"]

FIRST_YEAR, LAST_YEAR = 1900, 2100
_NEW_YEAR_1900 = int(np.datetime64("1900-01-31", "D").astype(np.int64))

_TABLE = """
116D2 00752 00EA5 0B64A 0064B 00A9B 09556 0056A 00B59 05752 00752 0DB25 00B25 00A4B 0B4AB
002AD 0056B 04B69 00DA9 0FD92 00E92 00D25 0BA4D 00A56 002B6 095B5 006D4 00EA9 05E92 00E92
0CD26 0052B 00A57 0B2B6 00B5A 006D4 06EC9 00749 0F693 00A93 0052B 0CA5B 00AAD 0056A 09B55
00BA4 00B49 05A93 00A95 0F52D 00536 00AAD 0B5AA 005B2 00DA5 07D4A 00D4A 10A95 00A97 00556
0CAB5 00AD5 006D2 08EA5 00EA5 0064A 06C97 00A9B 0F55A 0056A 00B69 0B752 00B52 00B25 0964B
00A4B 114AB 002AD 0056D 0CB69 00DA9 00D92 09D25 00D25 15A4D 00A56 002B6 0C5B5 006D5 00EA9
0BE92 00E92 00D26 06A56 00A57 114D6 0035A 006D5 0B6C9 00749 00693 0952B 0052B 00A5B 0555A
0056A 0FB55 00BA4 00B49 0BA93 00A95 0052D 08AAD 00AB5 135AA 005D2 00DA5 0DD4A 00D4A 00C95
0952E 00556 00AB5 055B2 006D2 0CEA5 00725 0064B 0AC97 00CAB 0055A 06AD6 00B69 17752 00B52
00B25 0DA4B 00A4B 004AB 0A55B 005AD 00B6A 05B52 00D92 0FD25 00D25 00A55 0B4AD 004B6 005B5
06DAA 00EC9 11E92 00E92 00D26 0CA56 00A57 00556 086D5 00755 00749 06E93 00693 0F52B 0052B
00A5B 0B55A 0056A 00B65 0974A 00B4A 11A95 00A95 0052D 0CAAD 00AB5 005AA 08BA5 00DA5 00D4A
07C95 00C96 0F94E 00556 00AB5 0B5B2 006D2 00EA5 08E4A 0068B 10C97 004AB 0055B 0CAD6 00B6A
00752 09725 00B25 00A8B 0549B 004AB
"""
_YEARS = np.array([int(word, 16) for word in _TABLE.split()], dtype=np.int64)
_LEAP = _YEARS >> 13
_LENGTHS = 29 + (_YEARS[:, None] >> np.arange(13) & 1)
_LENGTHS[_LEAP == 0, 12] = 0
_NEW_YEARS = _NEW_YEAR_1900 + np.concatenate([[0], np.cumsum(_LENGTHS.sum(axis=1))])


def lunar_day(
    year: np.ndarray | int,
    month: np.ndarray | int,
    day: np.ndarray | int = 1,
    *,
    leap: np.ndarray | bool = False,
) -> np.ndarray:
    """Days since 1970-01-01 of lunar dates, int64, of the broadcast shape of the arguments.

    Parameters
    ----------
    year : int array
        Lunar year, named after the calendar year its first day lies in: 1900 to 2100 (the first
        day of 2101 is known too).
    month : int array
        1 to 12.
    day : int array
        Day of the month counted from 1; the caller keeps it within the month (0 is the eve).
    leap : bool array
        The leap month of that number; the caller makes sure that the year has it.
    """
    year, month, day, leap = np.broadcast_arrays(year, month, day, leap)
    after_leap = (_leap(year) > 0) & ((month > _leap(year)) | leap)
    place = month - 1 + after_leap
    before = np.cumsum(_LENGTHS, axis=1) - _LENGTHS
    row = np.minimum(year - FIRST_YEAR, len(_YEARS) - 1)
    offset = np.where(year > LAST_YEAR, 0, before[row, place])
    return _NEW_YEARS[year - FIRST_YEAR] + offset + day - 1


def leap_month(year: np.ndarray | int) -> np.ndarray:
    """Number of the leap month of lunar years, 0 where there is none."""
    return _leap(np.asarray(year))


def month_length(year: int, month: int, *, leap: bool = False) -> int:
    """Days in one lunar month, 29 or 30; 0 for a leap month the year does not have."""
    has = int(_leap(np.asarray(year)))
    if leap and has != month:
        return 0
    after_leap = bool(has) and (month > has or leap)
    return int(_LENGTHS[year - FIRST_YEAR, month - 1 + after_leap])


def _leap(year: np.ndarray) -> np.ndarray:
    inside = (year >= FIRST_YEAR) & (year <= LAST_YEAR)
    return np.where(inside, _LEAP[np.where(inside, year - FIRST_YEAR, 0)], 0)


def qingming(year: np.ndarray | int) -> np.ndarray:
    """Days since 1970-01-01 of Qingming: the day (UTC+8) the sun reaches longitude 15 degrees.

    Good for 1900 to 2100: the longitude is right to 0.01 degrees (some 15 minutes of time), and
    no Qingming of these years falls on another day for it.

    References
    ----------
    .. [1] J. Meeus, "Astronomical Algorithms", 2nd ed., Willmann-Bell 1998, chapter 25 (sun,
       lower accuracy, apparent longitude).
    .. [2] F. Espenak and J. Meeus, polynomial expressions for Delta T, 1950 to 2050.
    """
    years_on = np.asarray(year, dtype=np.float64) - 2000.0
    julian = 2451545.0 + years_on * 365.2422 + 95 / 360 * 365.2422  # near enough to start from
    for _ in range(6):
        gap = (15.0 - _sun_longitude(julian) + 180.0) % 360.0 - 180.0
        julian = julian + gap * 365.2422 / 360.0
    delta_t = 62.92 + 0.32217 * years_on + 0.005589 * years_on**2  # dynamical minus universal, s
    local = julian - delta_t / 86400.0 + 8.0 / 24.0
    return np.floor(local + 0.5).astype(np.int64) - 2440588  # Julian day of 1970-01-01


def _sun_longitude(julian: np.ndarray) -> np.ndarray:
    """Apparent geocentric longitude of the sun in degrees, not reduced to a circle."""
    t = (julian - 2451545.0) / 36525.0
    mean = 280.46646 + 36000.76983 * t + 0.0003032 * t**2
    anomaly = np.radians(357.52911 + 35999.05029 * t - 0.0001537 * t**2)
    centre = (
        (1.914602 - 0.004817 * t - 0.000014 * t**2) * np.sin(anomaly)
        + (0.019993 - 0.000101 * t) * np.sin(2 * anomaly)
        + 0.000289 * np.sin(3 * anomaly)
    )
    node = np.radians(125.04 - 1934.136 * t)
    return mean + centre - 0.00569 - 0.00478 * np.sin(node)
