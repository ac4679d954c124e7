"""What the calendar functions are given: single dates, pairs of dates by position, options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._frames import as_dates, check_choice, check_int, day, days_of
from ..errors import InputError
from .days import WEEKDAYS

__all__ = [
    "aligned",
    "as_given",
    "check_order",
    "days_given",
    "grain_of",
    "index_of",
    "one_day",
    "span",
    "whole_given",
]

_FREQS = ("D", "W", "M", "Q", "Y")
_NOT_A_DAY = np.datetime64("NaT", "D").astype(np.int64)


def one_day(value: object, name: str, caller: str, *, first: bool = True) -> int:
    """One date as days since 1970-01-01; of a whole month or Period its first or last day."""
    found = day(value, name=name, caller=caller, last=not first)
    return int(days_of(np.array([found.to_datetime64()]))[0])


def span(start: object, end: object, *, caller: str) -> tuple[int, int]:
    """First and last day since 1970-01-01, in order."""
    low, high = one_day(start, "start", caller), one_day(end, "end", caller, first=False)
    if low > high:
        raise InputError(
            f"{caller}(): start ({np.datetime64(low, 'D')}) is after end "
            f"({np.datetime64(high, 'D')}); swap them."
        )
    return low, high


def grain_of(freq: str, week_start: str, year_start: int, *, caller: str) -> dict[str, int]:
    check_choice(freq, "freq", _FREQS, caller=caller)
    check_choice(week_start, "week_start", WEEKDAYS, caller=caller)
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    return {"week_start": WEEKDAYS.index(week_start), "year_start": year_start}


def _is_one(value: Any) -> bool:
    return isinstance(value, str) or np.ndim(value) == 0


def days_given(values: Any, name: str, caller: str, *, first: bool = True) -> np.ndarray:
    """Dates as days since 1970-01-01, one-dimensional; of whole months the first or last day."""
    if _is_one(values):
        return np.array([one_day(values, name, caller, first=first)])
    _check_flat(values, name, caller)
    raw = values.to_numpy() if isinstance(values, pd.Series | pd.Index) else values
    if isinstance(raw, np.ndarray) and raw.dtype.kind == "M":
        days = raw.astype("datetime64[D]", copy=False).view(np.int64)  # in one pass
        if not days.size or days.min() != _NOT_A_DAY:
            return days
    return days_of(as_dates(values, name=name, caller=caller, last=not first))


def whole_given(values: Any, name: str, caller: str) -> np.ndarray:
    """Whole numbers, one-dimensional."""
    if _is_one(values):
        return np.array([check_int(values, name, caller=caller)])
    _check_flat(values, name, caller)
    found = pd.Series(values)
    if found.isna().any() or not pd.api.types.is_integer_dtype(found):
        missing = int(found.isna().sum())
        told = f"{missing} are missing" if missing else f"got {found.dtype}"
        raise InputError(f"{caller}(): {name} must hold whole numbers; {told}.")
    return found.to_numpy(dtype=np.int64)


def _check_flat(values: Any, name: str, caller: str) -> None:
    if np.ndim(values) != 1:
        raise InputError(f"{caller}(): {name} must be one-dimensional, has {np.ndim(values)} axes.")


def aligned(
    left: np.ndarray, right: np.ndarray, left_name: str, right_name: str, caller: str
) -> tuple[np.ndarray, np.ndarray]:
    """Both of one length; a single value goes with every other."""
    if len(left) != len(right) and 1 not in (len(left), len(right)):
        raise InputError(
            f"{caller}(): {left_name} has {len(left)} value(s) and {right_name} {len(right)}; "
            "they go together by position."
        )
    one, other = np.broadcast_arrays(left, right)
    return one, other


def index_of(
    left: Any, right: Any, left_name: str, right_name: str, caller: str
) -> pd.Index | None:
    """Index of the first Series, if any; two Series must have the same labels in one order."""
    found = [v.index for v in (left, right) if isinstance(v, pd.Series)]
    if len(found) == 2 and not found[0].equals(found[1]):
        raise InputError(
            f"{caller}(): {left_name} and {right_name} are Series with different labels; pairs "
            "go by position, so align them first (or pass .to_numpy())."
        )
    return found[0] if found else None


def as_given(out: np.ndarray, index: pd.Index | None, *given: Any) -> Any:
    """The result as a Series, an array or one value, as the arguments were."""
    if index is not None:
        # A single date beside a one-row Series, or a list beside a longer one, have no index.
        return pd.Series(out, index=index if len(index) == len(out) else None)
    if all(_is_one(v) for v in given):
        return pd.Timestamp(out[0]) if out.dtype.kind == "M" else out[0].item()
    return out


def check_order(
    first: np.ndarray, last: np.ndarray, index: pd.Index | None, *, caller: str
) -> None:
    wrong = last < first
    if not wrong.any():
        return
    at = np.flatnonzero(wrong)
    labels = index if index is not None and len(index) == len(first) else range(len(first))
    shown = "; ".join(
        f"row {labels[i]!r}: {np.datetime64(int(first[i]), 'D')} to "
        f"{np.datetime64(int(last[i]), 'D')}"
        for i in at[:3]
    )
    raise InputError(
        f"{caller}(): ends lies before starts in {len(at)} row(s) ({shown}"
        f"{'; ...' if len(at) > 3 else ''}). Swap them or leave these rows out."
    )
