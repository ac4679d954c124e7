"""Options of a call: single values, names and amounts, each checked and told by its name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from .engine.periods import FREQS
from .engine.units import LARGEST, from_units, to_units
from .errors import InputError

__all__ = [
    "check_bool",
    "check_choice",
    "check_column",
    "check_freq",
    "check_int",
    "check_labels",
    "check_lang",
    "check_names",
    "check_number",
    "check_seed",
    "money",
    "refuse_names",
    "units",
]

# What pandas calls them, before the anchor ("W-MON", "QS-FEB").
_LETTERS = {"A": "Y", "AS": "Y", "B": "D", "H": "h", "ME": "M", "MS": "M", "Q": "Q", "QE": "Q"}
_LETTERS |= {"QS": "Q", "W": "W", "Y": "Y", "YE": "Y", "YS": "Y"}


def check_choice(value: object, name: str, choices: Sequence[object], *, caller: str) -> None:
    """``value`` is one of ``choices``."""
    kind = str if isinstance(value, str) else type(value)  # text of an array is text too
    if not any(value is c or (type(c) is kind and value == c) for c in choices):
        names = {str(c).casefold(): str(c) for c in choices}
        close = difflib.get_close_matches(str(value).casefold(), list(names), n=1)
        hint = f" Did you mean {names[close[0]]!r}?" if close else ""
        known = ", ".join(repr(c) for c in choices)
        raise InputError(f"{caller}(): {name} must be one of {known}; got {value!r}.{hint}")


def check_bool(value: object, name: str, *, caller: str) -> bool:
    """``value`` is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{caller}(): {name} must be True or False, got {value!r}.")
    return bool(value)


def check_lang(lang: object, *, caller: str) -> None:
    """``lang`` is ``"en"`` or ``"zh"``."""
    check_choice(lang, "lang", ("en", "zh"), caller=caller)


def check_freq(freq: object, *, caller: str, choices: Sequence[str] = FREQS) -> None:
    """``freq`` is one of the library's letters."""
    letter = _LETTERS.get(freq.split("-")[0]) if isinstance(freq, str) else None
    if letter in choices and freq not in choices:
        known = ", ".join(repr(c) for c in choices)
        raise InputError(
            f"{caller}(): freq must be one of {known}; got {freq!r}. Did you mean {letter!r}?"
        )
    check_choice(freq, "freq", choices, caller=caller)


def check_int(
    value: Any, name: str, *, caller: str, low: int | None = None, high: int | None = None
) -> int:
    """``value`` as an int in ``[low, high]``."""
    # A timedelta64 calls itself a whole number, too.
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, Integral):
        raise InputError(f"{caller}(): {name} must be a whole number, got {value!r}.")
    _check_range(float(value), name, caller=caller, low=low, high=high)
    return int(value)


def check_number(
    value: Any,
    name: str,
    *,
    caller: str,
    low: float | None = None,
    high: float | None = None,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """``value`` as a finite float in ``[low, high]`` (ends left out where ``open_...``)."""
    plain = isinstance(value, Real | Decimal) and not isinstance(value, bool | np.timedelta64)
    if not plain or not np.isfinite(float(value)):
        raise InputError(f"{caller}(): {name} must be a finite number, got {value!r}.")
    out = float(value)
    if (open_low and out == low) or (open_high and out == high):
        edge = low if out == low else high
        raise InputError(f"{caller}(): {name} must not be {edge:g}.")
    _check_range(out, name, caller=caller, low=low, high=high)
    return out


def _check_range(
    value: float, name: str, *, caller: str, low: float | None, high: float | None
) -> None:
    if (low is not None and value < low) or (high is not None and value > high):
        if low is not None and high is not None:
            span = f"between {low:g} and {high:g}"
        else:
            span = f"at least {low:g}" if low is not None else f"at most {high:g}"
        raise InputError(f"{caller}(): {name} must be {span}, got {value:g}.")


def check_seed(random_state: Any, *, caller: str) -> Any:
    """``random_state`` as a whole number from 0 on, a NumPy generator (old or new), or None."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):  # it moves on, like a Generator
        return np.random.default_rng(int(random_state.randint(2**31 - 1)))
    return check_int(random_state, "random_state", caller=caller, low=0)


def check_column(name: Any, option: str, *, caller: str) -> None:
    """``name`` can be the name of a column; whether there is one the door looks up."""
    try:
        hash(name)
    except TypeError:
        raise InputError(
            f"{caller}(): {option} must be a column name, got {type(name).__name__}."
        ) from None
    if name is pd.NA:
        raise InputError(f"{caller}(): {option} must be a column name, got {name!r}.")


def check_names(names: Any, option: str, *, caller: str) -> list[str]:
    """Column names given as None, one name or several, as a list without repeats."""
    if names is None:
        return []
    if isinstance(names, str):
        return [names]
    if not isinstance(names, Iterable) or hasattr(names, "items"):  # mappings, Series
        raise InputError(
            f"{caller}(): {option} must be a column name or a list of them, "
            f"got {type(names).__name__}."
        )
    out = list(names)
    for name in out:
        check_column(name, option, caller=caller)
    if len(set(out)) != len(out):
        raise InputError(f"{caller}(): {option} names a column twice: {out!r}.")
    return out


def check_labels(labels: Any, option: str, *, caller: str) -> list[Any]:
    """Values to look for in a column, given as one or several (a Series, too), each once."""
    if isinstance(labels, pd.Series):
        labels = labels.tolist()
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        labels = [labels]
    out = list(labels)
    for label in out:
        try:
            hash(label)
        except TypeError:
            raise InputError(
                f"{caller}(): {option} must be a value or a list of them, got {label!r} in it."
            ) from None
    return list(dict.fromkeys(out))


def refuse_names(names: Iterable[Any], taken: Iterable[str], *, caller: str, option: str) -> None:
    """Keys must not be named like a column of the result, which would take their place."""
    own, names = list(taken), list(names)
    for name in names:
        check_column(name, option, caller=caller)
    both = [n for n in names if n in own]
    if both:
        raise InputError(
            f"{caller}(): {option} names {both[0]!r}, which is a column of the result too; "
            f"rename yours first: .rename(columns={{{both[0]!r}: ...}})."
        )


def units(amounts: np.ndarray, step: float, *, name: str, caller: str) -> np.ndarray:
    """Amounts as whole numbers of ``step`` (int64, nearest); too large for that raises."""
    check_number(step, "step", caller=caller, low=0, open_low=True)
    try:
        return to_units(amounts, step)
    except OverflowError:
        largest = float(np.max(np.abs(amounts)))
        raise InputError(
            f"{caller}(): {name} holds {largest:.17g}, more than {LARGEST} steps of {step!r}: "
            "too large to be exact. Use a larger step."
        ) from None


def money(whole: np.ndarray, step: float) -> np.ndarray:
    """Whole numbers of ``step`` as amounts, each the float nearest to the true value."""
    return from_units(whole, step)
