"""Periods that come as labels: what comes after what, and in which fiscal year each one lies."""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from .engine.periods import fiscal_year

__all__ = ["end_of", "in_time", "start_of"]

_YEAR = r"(?P<year>(?:19|20)\d\d)"
_SHORT = r"(?P<year>(?:19|20)?\d\d)"  # 25 for 2025, beside what can be no day
_MONTHS = {
    name.lower(): i
    for names in (calendar.month_abbr, calendar.month_name)
    for i, name in enumerate(names)
    if name
} | {"sept": 9}
_NAME = "(?P<name>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + ")"
_WEEK = -1
#: What a label may look like, and how many months it spans (0: a day).
_FORMS = [
    (re.compile(form + "$", re.IGNORECASE), months)
    for form, months in (
        (_YEAR + r"年?", 12),
        (_YEAR + r"[-/.年 ]*(?P<quarter>[qQ第][1-4]|[1-4](?=季))季?度?", 3),
        (_YEAR + r"[-/.年 ]?(?P<month>0?[1-9]|1[0-2])月?份?", 1),
        (
            _YEAR + r"[-/.年](?P<month>0?[1-9]|1[0-2])[-/.月](?P<day>\d\d?)日?(?: 00:00:00)?",
            0,
        ),
        ("FY[-' ]?" + _SHORT, 12),
        ("FY[-' ]?" + _SHORT + r"[-/ ]*Q(?P<quarter>[1-4])", 3),
        (r"Q(?P<quarter>[1-4])[-/' ]*(?:FY)?[-' ]?" + _SHORT, 3),
        (_NAME + r"[-/.,' ]+" + _SHORT, 1),
        (_YEAR + r"[-/. ]+" + _NAME, 1),
        (r"(?P<quarter>[1-4])Q[-/' ]*" + _SHORT, 3),
        (r"(?P<month>0?[1-9]|1[0-2])[-/.]" + _YEAR, 1),
        (_YEAR + r"[-/ ]*H(?P<half>[12])", 6),
        (r"H(?P<half>[12])[-/' ]*" + _SHORT, 6),
        (_YEAR + r"年?(?P<half>[上下])半年", 6),
        (_YEAR + r"[-/ ]*W(?P<week>0?[1-9]|[1-4]\d|5[0-3])", _WEEK),
    )
]


def in_time(labels: pd.Series, year_start: int) -> tuple[np.ndarray, np.ndarray]:
    """Place of each label in time (0 first), and its fiscal year (one for all if none is told).

    Dates, Periods and ordered categories say it themselves; texts and whole numbers such as
    ``"2025-03"``, ``202503``, ``"2025Q1"``, ``"Q1 2025"``, ``"FY25-Q1"``, ``"Mar 2025"``,
    ``"Mar-25"``, ``"2025-W07"``, ``"H1 2025"`` or ``2025`` are read; others go in natural
    order: ``"P2"`` before ``"P10"``, ``"Feb"`` before ``"Mar"``.
    """
    same = np.zeros(len(labels), dtype=np.int64)
    if isinstance(labels.dtype, pd.PeriodDtype):
        return _from_start(labels.dt.start_time, year_start)
    if pd.api.types.is_datetime64_any_dtype(labels.dtype):
        return _from_start(labels, year_start)
    if isinstance(labels.dtype, pd.CategoricalDtype) and labels.cat.ordered:
        return np.arange(len(labels)), same
    texts = [_text(v) for v in labels]
    read = [_read(t, year_start) for t in texts]
    if all(r is not None for r in read) and not _days_of_months(texts):
        return _places([r[:3] for r in read if r is not None]), np.array(
            [r[3] for r in read if r is not None], dtype=np.int64
        )
    if all(t.lower() in _MONTHS for t in texts):
        # The months of one fiscal year.
        return _places([((_MONTHS[t.lower()] - year_start) % 12,) for t in texts]), same
    return _places([_natural(t) for t in texts]), same


def start_of(labels: pd.Series, year_start: int) -> pd.Series | None:
    """First day of the period each label names; None where one names none."""
    if isinstance(labels.dtype, pd.PeriodDtype):
        return labels.dt.start_time
    if pd.api.types.is_datetime64_any_dtype(labels.dtype):
        return labels
    days = []
    if _days_of_months([_text(label) for label in labels]):
        return None
    for label in labels:
        text = _text(label)
        read = _read(text, year_start)
        # FY25 begins in 2025 for some and ends in it for others.
        if read is None or (year_start > 1 and "FY" in text.upper()):
            return None
        year, month, day, fiscal = read
        if year_start > 1 and day == 1 and _is_fiscal(text):
            months = 12 * year + year_start - 1 + month - 1
            first = np.datetime64(f"{months // 12:04d}-{months % 12 + 1:02d}-01", "D")
            own = int(fiscal_year(np.array([first.astype(np.int64)]), year_start=year_start)[0])
            months -= 12 * (own - fiscal)
            year, month = months // 12, months % 12 + 1
        days.append(f"{year:04d}-{month:02d}-{day:02d}")
    return pd.Series(pd.to_datetime(days), index=labels.index)


def end_of(labels: pd.Series, starts: pd.Series) -> pd.Series:
    """Last day of the period each label names, which :func:`start_of` has read."""
    if isinstance(labels.dtype, pd.PeriodDtype):
        return labels.dt.end_time.dt.normalize()
    if pd.api.types.is_datetime64_any_dtype(labels.dtype):
        return starts
    ends = []
    for label, start in zip(labels, starts, strict=True):
        text = _text(label)
        months = next(months for form, months in _FORMS if form.match(text))
        if months == _WEEK:
            ends.append(start + pd.Timedelta(days=6))
        elif months:
            ends.append(start + pd.DateOffset(months=months) - pd.Timedelta(days=1))
        else:
            ends.append(start)
    return pd.Series(pd.to_datetime(ends), index=labels.index)


def _days_of_months(texts: list[str]) -> bool:
    """Whether ``Mar-05``, ``Mar-12`` are days, and no years: more numbers than months."""
    form = re.compile(_NAME + r"[-/.,' ]+(?P<number>\d\d)$", re.IGNORECASE)
    found = [m for m in map(form.match, texts) if m is not None]
    months, numbers = ({m[k].lower()[:3] for m in found} for k in ("name", "number"))
    return len(numbers) > len(months)


def _is_fiscal(text: str) -> bool:
    """Whether a label is a quarter, a half or a year, which are fiscal ones."""
    return any(form.match(text) for form, months in _FORMS if months > 1)


def _from_start(starts: pd.Series, year_start: int) -> tuple[np.ndarray, np.ndarray]:
    days = starts.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.argsort(np.argsort(days, kind="stable")), fiscal_year(days, year_start=year_start)


def _text(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    text = str(int(value) if whole else value).strip()
    return re.sub("[一二三四五六七八九十]+(?=[月季])", lambda found: _number(found[0]), text)


def _number(numeral: str) -> str:
    """``十一`` is 11."""
    digits = {c: i for i, c in enumerate("一二三四五六七八九", start=1)}
    tens, ten, ones = numeral.rpartition("十")
    return str((10 * digits.get(tens, 1) if ten else 0) + digits.get(ones, 0))


def _read(text: str, year_start: int) -> tuple[int, int, int, int] | None:
    """Year, month, day, and fiscal year; None if the text says no time."""
    for form, months in _FORMS:
        found = form.match(text)
        if found is None:
            continue
        part = found.groupdict()
        year, month, day = int(part["year"]), int(part.get("month") or 1), int(part.get("day") or 1)
        year += 2000 if year < 100 else 0
        if part.get("name"):
            month = _MONTHS[part["name"].lower()]
        if months == _WEEK:  # of an ISO year, Mondays first
            return _monday(year, int(part["week"]), year_start)
        if months > 1:  # quarters and years are fiscal ones themselves
            quarter = int((part.get("quarter") or "1")[-1])
            half = "1上2下".index(part.get("half") or "1") // 2
            return year, 3 * quarter - 2 + 6 * half, 1, year
        start = np.datetime64(f"{year:04d}-{month:02d}-01", "D").astype(np.int64)
        return year, month, day, int(fiscal_year(np.array([start]), year_start=year_start)[0])
    return None


def _monday(year: int, week: int, year_start: int) -> tuple[int, int, int, int] | None:
    """First day of an ISO week, and its fiscal year; None where the year has no such week."""
    try:
        day = date.fromisocalendar(year, week, 1)
    except ValueError:
        return None
    number = np.array([np.datetime64(day, "D").astype(np.int64)])
    own = int(fiscal_year(number, year_start=year_start)[0]) if year_start > 1 else year
    return day.year, day.month, day.day, own


def _natural(text: str) -> tuple[Any, ...]:
    """Sort key in which runs of digits count as numbers."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(p), "") if p.isdigit() else (-1, p) for p in parts)


def _places(keys: list[Any]) -> np.ndarray:
    place = np.empty(len(keys), dtype=np.int64)
    place[sorted(range(len(keys)), key=lambda i: (keys[i], i))] = np.arange(len(keys))
    return place
