"""What a customer will spend: a random number of purchases of random size, exactly mixed.

Given n purchases, the total of a Gamma-Gamma customer is gamma(p n, v) with v ~ gamma(q', g'):
a scaled beta-prime. The distribution of the total is the mixture over n; its quantiles are found
by Newton steps inside a bracket, without drawing random numbers.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaln, expit

__all__ = ["total_quantile"]

_BLOCK = 4_000
_FAR = 64.0  # of log(total / g)
_STEPS = 300  # enough for steps of 1 over all of the span; some seven are usual
_NEAR = 1e-10


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
    """Newton steps in log(total / g): precise to 1e-10 of the total, however large g is."""
    rows = np.flatnonzero(counts[:, 0] < level)
    out = np.zeros(len(counts))
    if not len(rows):
        return out
    used = np.flatnonzero(counts[rows].max(axis=0) > 1e-12)
    used = used[used > 0]
    shapes, weights = p * used, counts[np.ix_(rows, used)]
    missing, q = level - counts[rows, 0], q[rows]
    usual = shapes @ weights.T / (np.maximum(weights.sum(axis=1), 1e-300) * q)
    z = np.clip(np.log(np.maximum(usual, 1e-300)), -_FAR / 2, _FAR / 2)
    low, high = np.full(len(rows), -_FAR), np.full(len(rows), _FAR)
    size = betaln(shapes, q[:, None])
    left, last = np.arange(len(rows)), np.full(len(rows), 2.0)
    for _ in range(_STEPS):
        over, slope = _mixture(z[left], shapes, weights[left], q[left], size[left])
        over = over - missing[left]
        low[left] = np.where(over < 0, z[left], low[left])
        high[left] = np.where(over < 0, high[left], z[left])
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = z[left] - np.nan_to_num(np.clip(over / slope, -1.0, 1.0))
        # Halved where Newton leaves the bracket, or goes to and fro in it.
        searching = (low[left] == -_FAR) | (high[left] == _FAR)
        shrinks = searching | (np.abs(moved - z[left]) <= last[left] / 2)
        inside = (low[left] < moved) & (moved < high[left]) & shrinks
        moved = np.where(inside, moved, (low[left] + high[left]) / 2)
        last[left] = np.abs(moved - z[left])
        near = (last[left] < _NEAR) | (high[left] - low[left] < _NEAR)
        z[left] = moved
        left = left[~near]
        if not len(left):
            break
    out[rows] = g[rows] * np.exp(z)
    return out


def _mixture(
    z: np.ndarray, shapes: np.ndarray, weights: np.ndarray, q: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Chance that something is bought for at most g exp(z), and its slope in z."""
    share, other = expit(z)[:, None], -np.logaddexp(0.0, z)[:, None]  # a mixture of betas
    density = np.exp(shapes * (z[:, None] + other) + q[:, None] * other - size)
    below = betainc(shapes, q[:, None], share)
    return (weights * below).sum(axis=1), (weights * density).sum(axis=1)
