"""Discounted purchases of all time to come, from the expected purchases up to any time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["discounted", "discounted_steps"]

_STEP = 0.4  # in the logarithm of time: halving it changes nothing before the 9th digit
_HALVINGS, _NEAR = 4, 1e-8  # unless lifetimes may end all at about the same time
_SOON, _LATE = 1e-12, 40.0  # in units of 1 / delta
_LEFT = 1e-16

Expected = Callable[[float], np.ndarray]


def discounted(expected: Expected, rate: float, *, sudden: bool = False) -> np.ndarray:
    """Purchases weighed with ``(1 + rate) ** -t``, in continuous time.

    With ``delta = log(1 + rate)``, the integral over ``exp(-delta t) dE(t)`` is by parts that
    over ``exp(-u) E(u / delta) du``; the trapezoidal rule in ``log u`` converges exponentially.
    Where ends may be ``sudden``, steps are halved until that changes nothing.
    """
    delta = np.log1p(rate)

    def rule(shift: float, step: float) -> np.ndarray:
        u = np.exp(np.arange(np.log(_SOON) + shift, np.log(_LATE), step))
        return np.asarray(step * sum(np.exp(-v) * v * expected(v / delta) for v in u))

    step = _STEP
    total = rule(0.0, step)
    for _ in range(_HALVINGS if sudden else 0):
        finer = (total + rule(step / 2, step)) / 2
        near = np.all(np.abs(finer - total) <= _NEAR * finer)
        step, total = step / 2, finer
        if near:
            break
    return total


def discounted_steps(expected: Expected, rate: float) -> np.ndarray:
    """Purchases weighed with ``(1 + rate) ** -k`` at the opportunities ``k = 1, 2, ...``."""
    factor = 1.0 / (1.0 + rate)
    last = int(np.ceil(np.log(_LEFT) / np.log(factor)))
    total = sum(factor**k * expected(float(k)) for k in range(1, last + 1))
    return np.asarray((1.0 - factor) * total)
