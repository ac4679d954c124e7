"""Sample paths: serial correlation of smoothing errors, correlation across series.

The shocks of all series in one draw and step are a random mix of what happened at the same
time in the past (normal weights on standardised past errors), so their correlations are those
of the past without any series-by-series matrix; a share is kept independent, which shrinks
the correlations. Along time, errors have the covariance of simple exponential smoothing:
a shock counts once in full and from then on by the smoothing parameter.

References
----------
R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
Smoothing", Springer 2008, chapter 6. J. Schäfer, K. Strimmer, "A shrinkage approach to
large-scale covariance matrix estimation", Stat. Appl. Genet. Mol. Biol. 4 (2005), 32.
"""

from __future__ import annotations

import numpy as np

__all__ = ["deviates", "persistence", "shrinkage"]


def persistence(width: np.ndarray) -> np.ndarray:
    """What share of a shock stays, by how the widths (horizon, series) grow."""
    if len(width) == 1:
        return np.ones(width.shape[1])
    first, last = np.maximum(width[0], 1e-300), width[-1]
    growth = (last / first) ** 2 - 1
    return np.sqrt(np.clip(growth / (len(width) - 1), 0.0, 1.0))


def shrinkage(past: np.ndarray) -> float:
    """Share of independence that makes the correlations of ``past`` (time, series) credible."""
    T, N = past.shape
    if N < 2 or T < 3:
        return 1.0
    some = past[:, : min(N, 200)]
    r = some.T @ some / T
    off = ~np.eye(len(r), dtype=bool)
    variance = ((some**2).T @ (some**2) / T - r**2) / T
    total = (r[off] ** 2).sum()
    return float(np.clip(variance[off].sum() / total, 0.05, 1.0)) if total > 0 else 1.0


def deviates(
    past: np.ndarray, stays: np.ndarray, horizon: int, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Standard normal deviates (n, horizon, series) correlated along time and across series.

    Parameters
    ----------
    past : (time, series)
        Standardised past errors at the same times, 0 where unknown.
    stays : (series,)
        Share of a shock that stays, 0..1.
    horizon, n : int
        Steps and draws.
    rng : Generator
        Source of randomness.
    """
    T, N = past.shape
    alone = shrinkage(past)
    size = np.sqrt(np.maximum((past**2).sum(axis=0), 1e-300))
    mix = rng.standard_normal((n, horizon, T))
    u = np.sqrt(1 - alone) * (mix @ (past / size)) if T else np.zeros((n, horizon, N))
    known = (past != 0).any(axis=0) if T else np.zeros(N, dtype=bool)
    own = np.where(known, np.sqrt(alone), 1.0)
    u = np.where(known, u, 0.0) + own * rng.standard_normal((n, horizon, N))
    kept = np.cumsum(u, axis=1) - u
    steps = np.arange(horizon)[:, None]
    return (u + stays * kept) / np.sqrt(1 + steps * stays**2)
