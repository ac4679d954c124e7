"""Sample paths: serial correlation of forecast errors, correlation across series.

The shocks of all series in one draw and step are a random mix of what happened at the same
time in the past (normal weights on standardised past errors), so their correlations are those
of the past without any series-by-series matrix; a share is kept independent, which shrinks
the correlations. Along time, errors have the correlations of simple exponential smoothing: a
shock counts once in full and from then on by the share that stays. That share is guessed from
how the widths grow, and corrected by how errors of earlier origins belonged together.

How wide the errors of a series are is itself known only roughly, and a series that errs widely
does so at all steps: the steps of one series share a t distribution's scale (a t copula).

References
----------
R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
Smoothing", Springer 2008, chapter 6. J. Schäfer, K. Strimmer, "A shrinkage approach to
large-scale covariance matrix estimation", Stat. Appl. Genet. Mol. Biol. 4 (2005), 32.
S. Demarta, A. J. McNeil, "The t copula and related copulas", International Statistical Review
73 (2005), 111-129.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtr

__all__ = [
    "correlation_law",
    "deviates",
    "evidence",
    "kept_share",
    "mean_correlation",
    "persistence",
    "shrinkage",
]

# Learned by benchmarks/train_paths.py on origins inside the training parts of fifteen sets
# (years to weeks): the mean correlation of errors up to a horizon against the one assumed, what
# a series says of it, and how far squared errors belong together beyond that.
_USUAL = (0.26, 0.54)
_USUAL_WEIGHT = np.array([[2.5, 0.67], [0.67, 0.37]])
_FREEDOM = 6.0  # of the t copula
_WORTH = 30.0  # series and origins that the usual law counts for
_MANY = 10  # series from which a time's common error can be told from their own
_GRID = np.linspace(0.0, 1.0, 201)
_FAR = 8.0  # deviates beyond it are rounding of a tail


def persistence(width: np.ndarray) -> np.ndarray:
    """What share of a shock stays, by how the widths (horizon, series) grow."""
    if len(width) == 1:
        return np.ones(width.shape[1])
    first, last = np.maximum(width[0], 1e-300), width[-1]
    growth = (last / first) ** 2 - 1
    return np.sqrt(np.clip(growth / (len(width) - 1), 0.0, 1.0))


def mean_correlation(stays: np.ndarray, horizon: int) -> np.ndarray:
    """Mean correlation of the errors at two steps of a horizon, by the share that stays."""
    return np.interp(stays, _GRID, _correlations(horizon))


def kept_share(correlation: np.ndarray, horizon: int) -> np.ndarray:
    """The share of a shock that stays at which :func:`mean_correlation` is so much."""
    return np.interp(correlation, _correlations(horizon), _GRID)


def _correlations(horizon: int) -> np.ndarray:
    """Mean over pairs of steps ``s < t``: ``(k + k^2 s) / sqrt((1 + k^2 s) (1 + k^2 t))``."""
    if horizon < 2:
        return _GRID
    k, steps = _GRID[:, None], np.arange(horizon)
    size = 1 / np.sqrt(1 + steps * k**2)
    later = np.cumsum(size[:, ::-1], axis=1)[:, ::-1] - size  # sum over later steps
    total = ((k + k**2 * steps) * size * later).sum(axis=1)
    return np.asarray(total / (horizon * (horizon - 1) / 2))


def correlation_law(
    scores: Sequence[np.ndarray], assumed: Sequence[np.ndarray]
) -> tuple[float, float]:
    """How the mean correlation of errors follows from the assumed one: intercept and slope.

    Parameters
    ----------
    scores : sequence of (horizon, series) arrays
        Standard normal deviates of what happened after earlier origins.
    assumed : sequence of (series,) arrays
        The mean correlation that the widths at these origins suggest.

    Returns
    -------
    tuple of float
        Weighted least squares, drawn to what many sets of series show by as much as little
        evidence asks for.
    """
    gram, moment = _WORTH * _USUAL_WEIGHT, _WORTH * _USUAL_WEIGHT @ np.array(_USUAL)
    for z, rho in zip(scores, assumed):
        seen = evidence(z, rho)
        gram, moment = gram + seen[0], moment + seen[1]
    slope = float(np.clip(np.linalg.solve(gram, moment)[1], 0.0, 1.0))
    return float((moment[0] - slope * gram[0, 1]) / gram[0, 0]), slope


def evidence(z: np.ndarray, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What one origin says of the law, as normal equations: Gram matrix (2, 2), moment (2,).

    ``z`` (horizon, series) are deviates, ``rho`` (series,) the correlation assumed of each.
    """
    horizon = len(z)
    z = np.clip(z, -3.0, 3.0)
    if len(rho) >= _MANY:  # what hit all series at once is one event, however many they are
        z = z - z.mean(axis=1, keepdims=True)
    squares = (z * z).sum(axis=0)
    size = squares.mean() if len(rho) else 0.0
    if horizon < 2 or size <= 0:
        return np.zeros((2, 2)), np.zeros(2)
    seen = (z.sum(axis=0) ** 2 - squares) / ((horizon - 1) * size)
    x = np.column_stack([np.ones(len(rho)), rho])
    weighed = x / (0.3 + rho)[:, None] ** 2  # squares vary as their mean does
    return weighed.T @ x, weighed.T @ seen


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
    z = (u + stays * kept) / np.sqrt(1 + steps * stays**2)
    return _share_a_scale(z, rng) if horizon > 1 else z


def _share_a_scale(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deviates of a draw and series made wide or narrow together, each still standard normal."""
    n, _, series = z.shape
    scale = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, (n, 1, series)))
    grid = np.concatenate([np.linspace(0, 4, 400), np.geomspace(4.05, 200, 200)])
    normal = -ndtri(stdtr(_FREEDOM, -grid))
    return np.copysign(np.minimum(np.interp(np.abs(z) * scale, grid, normal), _FAR), z)
