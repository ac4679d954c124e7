"""Attainment of targets and piecewise-linear score curves, for whole columns at once."""

from __future__ import annotations

import numpy as np

__all__ = ["attainment", "piecewise"]

_SIGN = {"higher": 1.0, "lower": -1.0}


def attainment(
    value: np.ndarray, target: np.ndarray, direction: str, *, inverse: str = "difference"
) -> np.ndarray:
    """Share of the target reached, 1 where it is met exactly; NaN passes through.

    ``1 + d (value - target) / |target|`` with ``d`` = 1 for ``"higher"`` and -1 for
    ``"lower"``; ``1 - |value - target| / |target|`` for ``"target"``. For a positive target
    that is ``value / target`` and ``2 - value / target``. ``inverse="ratio"`` takes
    ``target / value`` for ``"lower"`` instead, infinite where the value is zero or less. A
    zero target has no scale: 1 where it is met, else 0.
    """
    value, target = np.broadcast_arrays(value, target)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = (value - target) / np.abs(target)
        if direction == "target":
            share = np.round(1.0 - np.abs(gap), 12)
        elif direction == "lower" and inverse == "ratio":
            share = np.where((value <= 0) & (target > 0), np.inf, target / value)
        elif direction == "lower":
            share = np.round(1.0 - gap, 12)  # 0.93 and not 0.9299999999999999: gates, steps
        else:
            # value / target and not 1 + gap: 0.35 and not 0.35000000000000009.
            share = np.where(target > 0, value / target, np.round(1.0 + gap, 12))
    if direction == "target":
        met = value == target
    else:
        met = _SIGN[direction] * value >= _SIGN[direction] * target
    share = np.where(target == 0, met.astype(np.float64), share)
    return np.where(np.isnan(value) | np.isnan(target), np.nan, share)


def piecewise(x: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Piecewise-linear curve through ``(xs, ys)``, flat outside.

    ``xs`` ascend; one that stands twice is a step, whose upper value holds from there on.
    """
    right = np.searchsorted(xs, x, side="right")
    low = np.clip(right - 1, 0, len(xs) - 1)
    high = np.clip(right, 0, len(xs) - 1)
    width = xs[high] - xs[low]
    inside = (width > 0) & (right > 0)
    part = np.where(inside, (x - xs[low]) / np.where(width > 0, width, 1.0), 0.0)
    out = ys[low] + part * (ys[high] - ys[low])
    return np.where(np.isnan(x), np.nan, out)
