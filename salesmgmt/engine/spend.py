"""What a customer will spend: a random number of purchases of random size, exactly mixed.

Given n purchases, the total of a Gamma-Gamma customer is gamma(p n, v) with v ~ gamma(q', g'):
a scaled beta-prime. The distribution of the total is the mixture over n; its quantiles are found
by bisection, without drawing random numbers.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, expit

__all__ = ["total_quantile"]

_BLOCK = 4_000
_FAR = 64.0  # of log(total / g)
_STEPS = 40  # 128 / 2 ** 40 is left of the span


def total_quantile(
    counts: np.ndarray, p: float, q: np.ndarray, g: np.ndarray, level: float
) -> np.ndarray:
    """Quantile of the total spend of each customer.

    Parameters
    ----------
    counts : (customers, n + 1) array
        Chances of 0..n purchases; what is missing to one lies beyond n.
    p : float
        Shape of one purchase.
    q, g : (customers,) arrays
        Shape and scale of the customer's own rate, after what has been seen.
    level : float
        In (0, 1).
    """
    out = np.zeros(len(counts))
    for at in range(0, len(counts), _BLOCK):
        cut = slice(at, at + _BLOCK)
        out[cut] = _block(counts[cut], p, q[cut], g[cut], level)
    return out


def _block(counts: np.ndarray, p: float, q: np.ndarray, g: np.ndarray, level: float) -> np.ndarray:
    """Bisection in log(total / g): precise to 1e-10 of the total, however large g is."""
    rows = np.flatnonzero(counts[:, 0] < level)
    out = np.zeros(len(counts))
    if not len(rows):
        return out
    used = np.flatnonzero(counts[rows].max(axis=0) > 1e-12)
    used = used[used > 0]
    shapes, weights = p * used, counts[np.ix_(rows, used)]
    zero, q, g = counts[rows, 0], q[rows], g[rows]
    low, high = np.full(len(rows), -_FAR), np.full(len(rows), _FAR)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        share = expit(middle)[:, None]  # total / (total + g) is a mixture of betas
        below = zero + (weights * betainc(shapes[None, :], q[:, None], share)).sum(axis=1)
        low, high = np.where(below < level, middle, low), np.where(below < level, high, middle)
    out[rows] = g * np.exp((low + high) / 2)
    return out
