"""Least squares with one sum and bounds: the point of a box and a plane nearest to a given one."""

from __future__ import annotations

import numpy as np

__all__ = ["nearest_with_sum"]


def nearest_with_sum(
    point: np.ndarray,
    total: float,
    lower: np.ndarray,
    upper: np.ndarray,
    spread: np.ndarray | None = None,
) -> np.ndarray:
    """``x`` of least ``sum((x - point)**2 / spread)`` with ``sum(x) == total`` in bounds.

    ``x = min(max(point + t * spread, lower), upper)`` with one ``t`` for all; found by fixing
    what lies beyond a bound until nothing does.

    Parameters
    ----------
    point, lower, upper : float64 arrays of shape (n,)
        Where to be near, and the bounds, which leave room for ``total``.
    total : float
        The sum.
    spread : float64 array of shape (n,), optional
        How readily each part moves, positive; default: all alike.

    References
    ----------
    .. [1] P. Brucker, "An O(n) algorithm for quadratic knapsack problems", Operations Research
       Letters 3 (1984), 163-166.
    """
    pull = np.ones(len(point)) if spread is None else spread
    out = np.clip(point, lower, upper)
    free = lower < upper
    out[~free] = lower[~free]
    while free.any():
        rest = total - float(out[~free].sum())
        step = (rest - float(point[free].sum())) / float(pull[free].sum())
        moved = point[free] + step * pull[free]
        held = np.clip(moved, lower[free], upper[free])
        gap = float((held - moved).sum())
        change = held - moved
        fixed = ((change < 0) & (gap <= 0)) | ((change > 0) & (gap >= 0))
        out[free] = held
        if not fixed.any():
            return out
        at = np.flatnonzero(free)
        free[at[fixed]] = False
    return out
