"""Day weights of a country: from the engine for China, from ``holidays`` for the others."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, check_choice, take, warn
from ..engine import china_days
from ..engine.workdays import DayTable
from ..errors import InputError

if TYPE_CHECKING:
    from holidays import HolidayBase

__all__ = [
    "WEEKDAYS",
    "Country",
    "calendar_year",
    "day_table",
    "exchanges_weekends",
    "known_days",
    "named_days",
    "stand_ins",
    "resolve_country",
    "settle",
    "timestamps",
    "year_bounds",
]

Country = tuple[str, str | None]  # ISO 3166-1 alpha-2, and the ISO 3166-2 part after the hyphen
_CHINA = "CN"
# General holidays, as their governments publish them: more than the days that employers must give.
_GENERAL = {"HK": ("optional", "public"), "MO": ("optional", "public")}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def calendar_year(day: int) -> int:
    """Calendar year of a day since 1970-01-01."""
    return int(np.int64(day).astype("datetime64[D]").astype("datetime64[Y]").astype(int)) + 1970


def year_bounds(year: int) -> tuple[int, int]:
    """First and last day of a calendar year."""
    first = np.array([year - 1970, year - 1969], dtype="datetime64[Y]").astype("datetime64[D]")
    start, nxt = first.astype(np.int64)
    return int(start), int(nxt) - 1


# --------------------------------------------------------------------------------------
# Which country


def resolve_country(country: object, *, caller: str) -> Country:
    """An ISO code (``CN``, ``CHN``, ``DE-BY``), checked; close ones are named if it is unknown."""
    if not isinstance(country, str) or not country.strip():
        raise InputError(
            f"{caller}(): country must be an ISO 3166 code such as 'CN' or 'DE-BY', "
            f"got {country!r}."
        )
    code, _, part = country.strip().upper().replace("_", "-").partition("-")
    if code in (_CHINA, "CHN") and not part:
        return _CHINA, None
    known = _codes()
    if code not in known:
        raise InputError(f"{caller}(): country {country!r} is not known. {_nearest(country)}")
    alpha2 = known[code]
    if not part:
        return alpha2, None
    parts = () if alpha2 == _CHINA else _subdivisions()[alpha2]
    if part not in parts:
        close = difflib.get_close_matches(part, parts, n=5, cutoff=0.3) or list(parts)[:5]
        shown = ", ".join(f"{alpha2}-{p}" for p in close)
        hint = f"Closest: {shown}." if close else f"{alpha2} has no subdivisions here."
        raise InputError(f"{caller}(): country {country!r} is not known. {hint}")
    return alpha2, part


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """Alpha-2 code of every alpha-2 and alpha-3 code."""
    from holidays.registry import COUNTRIES

    return {alias: names[1] for names in COUNTRIES.values() for alias in names[1:]}


@lru_cache(maxsize=1)
def _subdivisions() -> dict[str, list[str]]:
    from holidays import list_supported_countries

    return list_supported_countries()


def _nearest(country: str) -> str:
    """The closest codes, and the codes of countries with a close name."""
    from holidays.registry import COUNTRIES

    by_name = {name.replace("_", " "): names[1] for name, names in COUNTRIES.items()}
    asked = country.strip()
    named = difflib.get_close_matches(asked.lower(), by_name, n=3, cutoff=0.7)
    found = [f"{by_name[name]} ({name.title()})" for name in named]
    titles = {code: name for name, code in by_name.items()}
    for code in difflib.get_close_matches(asked.upper()[:3], _codes(), n=5, cutoff=0.5):
        alpha2 = _codes()[code]
        found.append(f"{code} ({titles[alpha2].title()})")
    return f"Closest: {', '.join(dict.fromkeys(found))}." if found else "Use its ISO 3166 code."


# --------------------------------------------------------------------------------------
# Weights of days


def day_table(
    country: Country, low: int, high: int, *, schedule: Any = None, caller: str
) -> DayTable:
    """Weights of the calendar years that hold the days ``low`` to ``high``, both inside."""
    first, last = calendar_year(low), calendar_year(high)
    _check_years(first, last, country, caller)
    if country[0] == _CHINA:
        table = _china_table()
    else:
        years = [_year_days(country, year) for year in range(first, last + 1)]
        weight = np.concatenate([y[0] for y in years])
        provisional = np.concatenate([y[1] for y in years])
        table = DayTable(year_bounds(first)[0], weight, provisional)
    return table if schedule is None else _with_schedule(table, schedule, caller=caller)


@lru_cache(maxsize=1)
def _china_table() -> DayTable:
    return DayTable(china_days.FIRST_DAY, *china_days.day_weights())


def _check_years(first: int, last: int, country: Country, caller: str) -> None:
    low, high = _known_years(country)
    if first < low or last > high:
        asked = f"{first}" if first == last else f"{first} to {last}"
        raise InputError(
            f"{caller}(): the calendar of {_code(country)} goes from {low} to {high}; "
            f"{asked} was asked for."
        )


def known_days(country: Country) -> tuple[int, int]:
    """First and last day of a country's calendar."""
    low, high = _known_years(country)
    return year_bounds(low)[0], year_bounds(high)[1]


def _code(country: Country) -> str:
    return "-".join(filter(None, country))


def _with_schedule(table: DayTable, schedule: Any, *, caller: str) -> DayTable:
    """``table`` with the weights of the caller's own days, which are then not provisional."""
    rows = take(
        schedule,
        caller=caller,
        arg="schedule",
        empty="allow",
        date=Date("date"),
        weight=Amount("weight", low=0),
    )
    days = rows.days("date")
    distinct, counts = np.unique(days, return_counts=True)
    if (counts > 1).any():
        twice = [str(d) for d in distinct[counts > 1][:3].astype("datetime64[D]")]
        raise InputError(
            f"{caller}(): schedule has {int((counts > 1).sum())} day(s) more than once "
            f"({', '.join(twice)}); keep one row a day."
        )
    inside = (days >= table.first) & (days <= table.last)
    at = days[inside] - table.first
    weight, provisional = table.weight.copy(), table.provisional.copy()
    weight[at] = rows["weight"][inside]
    provisional[at] = False
    return DayTable(table.first, weight, provisional)


def settle(
    country: Country, days: np.ndarray, provisional: np.ndarray, unannounced: str, *, caller: str
) -> None:
    """Warn of provisional days, or raise on request; ``days`` by ``provisional``."""
    check_choice(unannounced, "unannounced", ("provisional", "raise"), caller=caller)
    if not provisional.any():
        return
    touched = days[provisional].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    years = np.unique(touched) + 1970
    shown = ", ".join(map(str, years[:5])) + (", ..." if len(years) > 5 else "")
    problem = (
        f"{caller}(): no official schedule of working days of {_code(country)} is on file for "
        f"{shown} ({int(provisional.sum())} day(s) asked for)"
    )
    if unannounced == "raise":
        raise InputError(
            f"{problem}. Give it as schedule= (see calendars.notice), or pass "
            "unannounced='provisional' for public holidays by law and ordinary weekends."
        )
    warn(
        f"{problem}: these days follow the public holidays of the law and ordinary weekends; "
        "exchanged weekends are not known, nor holidays that wait for a sighting of the moon. "
        "They are provisional: give the notice as schedule= once it is out (calendars.notice)."
    )


# --------------------------------------------------------------------------------------
# Other countries, by the holidays package


def _holidays(country: Country, years: range) -> HolidayBase:
    import holidays

    code, part = country
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asked about and told by _incomplete
        return holidays.country_holidays(
            code,
            part,
            years=years,
            expand=False,
            language=_language(code),
            categories=_GENERAL.get(code),
        )


@lru_cache(maxsize=512)
def _language(code: str) -> str | None:
    """English where the country's holidays have English names, else their own language.

    Never left open: the package would then look at the locale of the machine.
    """
    import holidays

    plain = holidays.country_holidays(code)
    english = sorted(x for x in plain.supported_languages if x.startswith("en"))
    return "en_US" if "en_US" in english else english[0] if english else plain.default_language


def _incomplete(country: Country, year: int) -> bool:
    """Whether moving holidays of ``year`` are beyond what the package knows; it warns of it."""
    import holidays

    code, part = country
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        holidays.country_holidays(code, part, years=year, expand=False, language=_language(code))
    return any("available only from" in str(w.message) for w in told)


@lru_cache(maxsize=512)
def _known_years(country: Country) -> tuple[int, int]:
    if country[0] == _CHINA:
        return china_days.FIRST_YEAR, china_days.LAST_YEAR
    plain = _holidays(country, range(0))
    return max(plain.start_year, 1900), min(plain.end_year, 2100)


@lru_cache(maxsize=8192)
def _year_days(country: Country, year: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and provisional flags of one calendar year; read-only and shared."""
    found = _holidays(country, range(year - 1, year + 2))  # neighbours may move days into it
    low, high = year_bounds(year)
    dates = [date.fromordinal(d + _EPOCH) for d in range(low, high + 1)]
    weight = np.array([found.is_working_day(d) for d in dates], dtype=np.float64)
    unsure = year > _last_moved_year(country) or _incomplete(country, year)
    provisional = np.full(len(dates), unsure)
    for at in _estimated(found):
        # A date that waits for the sighting of the moon may come out a day earlier or later.
        near = at - _EPOCH - low
        provisional[max(near - 1, 0) : max(near + 2, 0)] = True
    weight.setflags(write=False)
    provisional.setflags(write=False)
    return weight, provisional


_EPOCH = date(1970, 1, 1).toordinal()
_STANDS_IN = re.compile(r"[(（][^)）]*\b(observed|in lieu)\b", re.IGNORECASE)


@lru_cache(maxsize=512)
def _last_moved_year(country: Country) -> int:
    """Last year with a schedule on file, of countries that exchange weekends by yearly decree.

    Others have no such year: their law alone fixes every day.
    """
    listed = sorted(getattr(_holidays(country, range(0)), "special_public_holidays", None) or {})
    if not listed:
        return 9999
    recent = range(listed[-1] - 7, listed[-1] + 1)
    exchanged = {d.year for d in _holidays(country, recent).weekend_workdays if d.year in recent}
    return listed[-1] if len(exchanged) >= 2 else 9999


def exchanges_weekends(country: Country) -> bool:
    """Whether the country moves working days to weekends by yearly decree."""
    return country[0] == _CHINA or _last_moved_year(country) < 9999


def _estimated(found: HolidayBase) -> list[int]:
    """Ordinals of holidays that are marked as estimated."""
    marks = {"estimated"}
    for attribute in ("estimated_label", "observed_estimated_label"):
        label = getattr(found, attribute, None)
        if label:
            marks.add(found.tr(label).replace("%s", "").strip(" ()（）"))
    return [d.toordinal() for d, name in found.items() if any(m in name for m in marks)]


def named_days(country: Country, low: int, high: int) -> dict[str, np.ndarray]:
    """Days since 1970-01-01 of each public holiday from ``low`` to ``high``, by key.

    A key is the name in lower case with underscores, without ``(observed)`` and the like.
    """
    days: dict[str, list[int]] = {}
    for day, key, _ in _named(country, low, high):
        days.setdefault(key, []).append(day)
    return {key: np.array(v, dtype=np.int64) for key, v in sorted(days.items())}


def stand_ins(country: Country, low: int, high: int) -> dict[str, np.ndarray]:
    """Those of :func:`named_days` on which a holiday of the weekend is made up for."""
    days: dict[str, list[int]] = {}
    for day, key, name in _named(country, low, high):
        if _STANDS_IN.search(name):
            days.setdefault(key, []).append(day)
    return {key: np.array(v, dtype=np.int64) for key, v in sorted(days.items())}


def _named(country: Country, low: int, high: int) -> Iterator[tuple[int, str, str]]:
    """Day, key and name of each public holiday, by day."""
    found = _holidays(country, range(calendar_year(low), calendar_year(high) + 1))
    for at, names in sorted(found.items()):
        for name in names.split("; "):
            key = re.sub(r"\W+", "_", re.sub(r"[(（].*?[)）]|['’]", "", name).lower()).strip("_")
            yield at.toordinal() - _EPOCH, key, name


def timestamps(days: np.ndarray) -> pd.Series:
    """Days since 1970-01-01 as a column of dates."""
    return pd.Series(np.asarray(days).astype("datetime64[D]").astype("datetime64[us]"))
