"""Options that only some methods read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import InputError

__all__ = ["only_for"]


def only_for(
    method: str, methods: tuple[str, ...], told: Mapping[str, bool], *, caller: str
) -> None:
    """Refuse options that were given to a method which has no use for them."""
    idle = [o for o, given in told.items() if not isinstance(given, bool | np.bool_) or given]
    if idle and method not in methods:
        known = " or ".join(repr(m) for m in methods)
        raise InputError(f"{caller}(): {idle[0]} goes with method={known}, not {method!r}.")
