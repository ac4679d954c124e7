"""Options of the scorecard: what may be given, and what it says of each column."""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from ..engine.binning import TRENDS
from ..errors import InputError

__all__ = ["by_column", "check", "listed", "refuse_unknown", "special_of"]

_SELF = "CreditScorecard"


def check(card: Any) -> None:
    """Refuse options out of range, before any work."""
    trends = card.trend.values() if isinstance(card.trend, Mapping) else [card.trend]
    for trend in trends:
        door.check_choice(trend, "trend", ("auto", *TRENDS), caller=_SELF)
    door.check_choice(card.criterion, "criterion", ("iv", "likelihood"), caller=_SELF)
    door.check_choice(card.empty, "empty", ("neutral", "worst"), caller=_SELF)
    door.check_int(card.max_bins, "max_bins", caller=_SELF, low=1)
    door.check_int(card.max_candidates, "max_candidates", caller=_SELF, low=2)
    door.check_number(card.min_share, "min_share", caller=_SELF, low=0, high=0.5)
    door.check_number(card.rare, "rare", caller=_SELF, low=0, high=0.5)
    for name in ("pdo", "base_odds", "smoothing"):
        door.check_number(getattr(card, name), name, caller=_SELF, low=0, open_low=True)
    for name in ("min_iv", "ridge"):
        door.check_number(getattr(card, name), name, caller=_SELF, low=0)
    door.check_number(card.base_score, "base_score", caller=_SELF)
    for name in ("nonnegative", "positive"):
        door.check_bool(getattr(card, name), name, caller=_SELF)
    listed(card.categorical, "categorical")
    for column in card.special if isinstance(card.special, Mapping) else [None]:
        special_of(card.special, column)


def refuse_unknown(card: Any, columns: pd.Index) -> None:
    """Refuse options that name a column which is not there."""
    known = {*columns, *map(str, columns)}
    named = {"categorical": listed(card.categorical, "categorical")}
    named |= {
        n: list(v) for n in ("special", "trend") if isinstance(v := getattr(card, n), Mapping)
    }
    for option, names in named.items():
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(
                f"{_SELF}: {option} names {unknown[0]!r}, which is no column of X; its columns are "
                f"{', '.join(map(repr, list(columns)[:10]))}{', ...' if len(columns) > 10 else ''}."
            )


def by_column(option: Any, name: Any, default: Any) -> Any:
    """What an option says of a column: its own entry of a mapping, else the same for all."""
    if not isinstance(option, Mapping):
        return option
    return option[name] if name in option else option.get(str(name), default)


def special_of(special: Any, name: Any) -> tuple[Any, ...]:
    """Special values of a column, each once; missing ones have a bin anyway."""
    given = by_column(special, name, ())
    one = isinstance(special, Mapping) and isinstance(given, str)
    values = [given] if one else listed(given, "special")
    return tuple(dict.fromkeys(v for v in values if not pd.isna(v)))


def listed(values: Any, option: str) -> list[Any]:
    """What an option lists; a single number is a list of one."""
    if values is None or isinstance(values, numbers.Number):
        return [] if values is None else [values]
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise InputError(f"{_SELF}: {option} takes a list, not one text; got {values!r}.")
    found = list(values)
    if not all(np.ndim(v) == 0 and isinstance(v, Hashable) for v in found):
        raise InputError(f"{_SELF}: {option} takes a list of single values, got {found!r}.")
    return found
