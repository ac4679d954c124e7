"""Bucket ladders by name, by edges or written out; whose rules say what about boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from .. import _frames as door
from ..errors import InputError

__all__ = [
    "INDIVIDUAL",
    "RULES",
    "SHEET",
    "UNAPPLIED",
    "Ladder",
    "Rules",
    "ladder",
    "rules_named",
    "translated",
]

Bucket = tuple[str, int | None, int | None]


@dataclass(frozen=True)
class Ladder:
    """Buckets in ascending age. ``years``: bounds are calendar anniversaries, not days."""

    buckets: tuple[Bucket, ...]
    years: bool = False

    @property
    def names(self) -> list[str]:
        return [b[0] for b in self.buckets]

    def place(self, date: np.ndarray, today: int) -> np.ndarray:
        """Bucket of each date (days since 1970)."""
        if self.years:
            return _anniversaries(date, today, len(self.buckets))
        highs = np.array([high for _, _, high in self.buckets[:-1]], dtype=np.int64)
        return np.searchsorted(highs, today - date, side="left")


@dataclass(frozen=True)
class Rules:
    """What a system's ageing report does at its boundaries."""

    basis: str
    buckets: tuple[Bucket, ...]
    no_due: str = "invoice"  # "invoice" date, "current" or "oldest"


def _steps(first: Sequence[Bucket], highs: Sequence[int], *, low: int) -> tuple[Bucket, ...]:
    out = list(first)
    for high in highs:
        out.append((f"{low}-{high}", low, high))
        low = high + 1
    return (*out, (f"{low}+", low, None))


_CURRENT: Bucket = ("current", None, 0)
_NOT_DUE: Bucket = ("not_due", None, -1)
_CN: tuple[Bucket, ...] = (
    ("within_terms", None, 0),
    ("1-30", 1, 30),
    ("31-60", 31, 60),
    ("61-90", 61, 90),
    ("91-180", 91, 180),
    ("181-365", 181, 365),
    ("1-2y", 366, 730),
    ("2-3y", 731, 1095),
    (">3y", 1096, None),
)
_CN_YEARS: tuple[Bucket, ...] = (
    ("<=1y", None, 1),
    ("1-2y", 1, 2),
    ("2-3y", 2, 3),
    ("3-4y", 3, 4),
    ("4-5y", 4, 5),
    (">5y", 5, None),
)
_PRESETS = {
    "30": Ladder(_steps([_CURRENT], (30, 60, 90), low=1)),
    "cn": Ladder(_CN),
    "cn_years": Ladder(_CN_YEARS, years=True),
}
RULES = {
    "erpnext": Rules("due", _steps([_NOT_DUE], (30, 60, 90, 120), low=0)),
    "oca": Rules("due", _steps([_CURRENT], (30, 60, 90, 120), low=1), no_due="current"),
    "oca_statement": Rules("due", _steps([_CURRENT], (29, 59, 89, 119), low=1)),
    "tryton": Rules("due", _steps([_NOT_DUE], (29, 59, 89), low=0), no_due="oldest"),
    "oracle": Rules("due", _steps([_NOT_DUE, ("due", 0, 0)], (30, 60, 90, 120), low=1)),
}
UNAPPLIED, INDIVIDUAL = ("unapplied", "未核销收款"), ("individual", "单项计提")
_TAKEN = ("total", "as_of", "paid", "written_off", *UNAPPLIED, *INDIVIDUAL)
_ZH = {
    "current": "未到期",
    "not_due": "未到期",
    "due": "当日到期",
    "within_terms": "信用期内",
    UNAPPLIED[0]: UNAPPLIED[1],
    "total": "合计",
    "<=1y": "1年以内",
    "1-2y": "1-2年",
    "2-3y": "2-3年",
    "3-4y": "3-4年",
    "4-5y": "4-5年",
    ">3y": "3年以上",
    ">5y": "5年以上",
}


#: Headings of a Chinese sheet that are no buckets, and our names of them.
SHEET = {
    _ZH["unapplied"]: "unapplied", _ZH["total"]: "total",
    "截止日": "as_of", "截止日期": "as_of",
}  # fmt: skip


def translated(name: str, lang: str) -> str:
    """A bucket's name in the reader's language."""
    if lang != "zh":
        return name
    if name in _ZH:
        return _ZH[name]
    if name.endswith("+") and name[:-1].isdigit():
        return f"{name[:-1]}天以上"
    if name.startswith("<=") and name[2:].isdigit():
        return f"{name[2:]}天以内"
    return f"{name}天" if name.replace("-", "").isdigit() else name


def rules_named(rules: Any, *, caller: str) -> Rules | None:
    """The preset of that name."""
    if rules is None:
        return None
    door.check_choice(rules, "rules", tuple(RULES), caller=caller)
    return RULES[rules]


def ladder(buckets: Any, *, caller: str) -> Ladder:
    """The ladder meant by ``buckets=``: a name, upper edges, or written out."""
    if isinstance(buckets, str):
        door.check_choice(buckets, "buckets", tuple(_PRESETS), caller=caller)
        return _PRESETS[buckets]
    if isinstance(buckets, Ladder):
        return buckets
    if isinstance(buckets, np.ndarray):
        buckets = buckets.tolist()
    if not isinstance(buckets, Sequence) or not len(buckets):
        raise InputError(
            f"{caller}(): buckets must be a name ({', '.join(map(repr, _PRESETS))}), upper edges "
            f"in days, or a list of (name, low, high); got {buckets!r}."
        )
    if all(isinstance(b, Integral) and not isinstance(b, bool) for b in buckets):
        return Ladder(_from_edges([int(b) for b in buckets], caller))
    return Ladder(_written_out(buckets, caller))


def _from_edges(edges: list[int], caller: str) -> tuple[Bucket, ...]:
    if any(b <= a for a, b in zip(edges, edges[1:])):
        raise InputError(f"{caller}(): buckets: edges must ascend, got {edges!r}.")
    first = _CURRENT if edges[0] == 0 else (f"<={edges[0]}", None, edges[0])
    return _steps([first], edges[1:], low=edges[0] + 1)


def _written_out(buckets: Sequence[Any], caller: str) -> tuple[Bucket, ...]:
    out = []
    for b in buckets:
        if not isinstance(b, Sequence) or isinstance(b, str) or len(b) != 3:
            raise InputError(f"{caller}(): buckets: {b!r} is not (name, low, high).")
        name, low, high = b
        for bound in (low, high):
            if bound is not None:
                door.check_int(bound, f"buckets: bound of {name!r}", caller=caller)
        out.append((str(name), low, high))
    out.sort(key=lambda b: -(10**9) if b[1] is None else b[1])
    taken = [b[0] for b in out if b[0] in _TAKEN]
    if taken:
        raise InputError(
            f"{caller}(): buckets: {taken[0]!r} is the name of something else in the results; "
            "choose another name."
        )
    if len({b[0] for b in out}) < len(out):
        raise InputError(f"{caller}(): buckets: a name stands twice.")
    for one, two in zip(out, out[1:]):
        if one[2] is None or two[1] is None or two[1] != one[2] + 1:
            raise InputError(
                f"{caller}(): buckets: {one[0]!r} ends at day {one[2]} and {two[0]!r} starts at "
                f"day {two[1]}; they must meet without gap or overlap, or amounts would be lost."
            )
    if out[0][1] is not None or out[-1][2] is not None:
        raise InputError(
            f"{caller}(): buckets: the first must be open below and the last open above (None), "
            "or amounts would be lost."
        )
    return tuple(out)


def _anniversaries(date: np.ndarray, today: int, buckets: int) -> np.ndarray:
    """Whole years passed, the anniversary itself still in the younger bucket."""
    out = np.zeros(len(date), dtype=np.int64)
    for years in range(1, buckets):
        out += today > _years_later(date, years)
    return out


def _years_later(date: np.ndarray, years: int) -> np.ndarray:
    """The same calendar day years later; 29 February becomes the last day of February."""
    day = date.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    of_month = (day - month.astype("datetime64[D]")).astype(np.int64)
    later = month + np.timedelta64(12 * years, "M")
    first = later.astype("datetime64[D]").astype(np.int64)
    length = (later + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64) - first
    return first + np.minimum(of_month, length - 1)
