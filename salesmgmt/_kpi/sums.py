"""Sums of money by key, in whole steps."""

from __future__ import annotations

import numpy as np

from .._frames import check_number, units
from ..engine.sums import group_sums
from ..engine.units import off_grid

__all__ = ["whole_sums"]


def whole_sums(
    codes: np.ndarray, amounts: np.ndarray, count: int, step: float, *, name: str, caller: str
) -> np.ndarray:
    """Sums by code in whole steps: exact where amounts are whole steps; finer ones are added
    before they are rounded, so that a thousand of 0.004 are 4.00 and not nothing."""
    step = check_number(step, "step", caller=caller, low=0, open_low=True)
    if off_grid(amounts, step).any():
        return units(group_sums(codes, amounts, count), step, name=name, caller=caller)
    out = np.zeros(count, dtype=np.int64)
    np.add.at(out, codes, units(amounts, step, name=name, caller=caller))
    return out
