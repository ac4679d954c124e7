"""Logistic regression with a ridge and a floor under the weights.

Weights of evidence all point one way: a negative weight would turn a bin that was found risky
into a safe one, and reads as nonsense in a points table. So weights may be held at zero or
above; the intercept is free and carries no ridge. Newton's method on the weights that are free
to move, the others waiting at the floor.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

__all__ = ["fit_logistic"]

_STEPS = 100
_TOLERANCE = 1e-10


def fit_logistic(
    X: np.ndarray,
    y: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    ridge: float = 0.0,
    floor: float | None = None,
) -> tuple[np.ndarray, float]:
    """Weights and intercept of the largest penalised likelihood.

    Parameters
    ----------
    X : ndarray (n, k)
        Features.
    y : ndarray (n,)
        0 or 1, or the share of ones among ``weight`` rows.
    weight : ndarray (n,), optional
        Rows that each row stands for.
    ridge : float
        Half of it times the sum of squared weights is added to the negative log-likelihood.
    floor : float, optional
        Least value of a weight.

    Returns
    -------
    coefficients : ndarray (k,)
    intercept : float
    """
    n, k = X.shape
    w = np.ones(n) if weight is None else weight
    X = np.column_stack([X, np.ones(n)])
    strength = np.append(np.full(k, ridge), 0.0)
    low = np.append(np.full(k, -np.inf if floor is None else floor), -np.inf)
    mean = float(w @ y / w.sum())
    theta = np.maximum(np.append(np.zeros(k), np.log(mean / (1 - mean))), low)
    value, p = _loss(theta, X, y, w, strength)
    for _ in range(_STEPS):
        slope = X.T @ (w * (p - y)) + strength * theta
        free = np.flatnonzero((theta > low) | (slope < 0))
        if np.abs(slope[free]).max(initial=0.0) <= _TOLERANCE * w.sum():
            break
        step = _newton_step(X[:, free], w * p * (1 - p), slope[free], strength[free])
        moved = _shorten(theta, free, step, low, value, (X, y, w, strength))
        if moved is None:
            break
        theta, value, p = moved
    return theta[:-1], float(theta[-1])


def _loss(
    theta: np.ndarray, X: np.ndarray, y: np.ndarray, w: np.ndarray, strength: np.ndarray
) -> tuple[float, np.ndarray]:
    z = X @ theta
    p = expit(z)
    # log(1 + e^z) - y z, written so that neither end loses digits
    each = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - y * z
    return float(w @ each + 0.5 * (strength * theta) @ theta), p


def _newton_step(
    X: np.ndarray, weight: np.ndarray, slope: np.ndarray, strength: np.ndarray
) -> np.ndarray:
    curvature = X.T @ (X * weight[:, None])
    # A trace of a ridge keeps twins among the features (one weight for two) solvable.
    strength = strength + 1e-10 * max(float(np.trace(curvature)), 1e-300)
    return np.linalg.solve(curvature + np.diag(strength), slope)


def _shorten(
    theta: np.ndarray,
    free: np.ndarray,
    step: np.ndarray,
    low: np.ndarray,
    value: float,
    data: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """The first of the full step, half of it, ... that lowers the loss within the bounds."""
    length = 1.0
    for _ in range(30):
        trial = theta.copy()
        trial[free] = np.maximum(theta[free] - length * step, low[free])
        found, p = _loss(trial, *data)
        if found < value:
            return trial, found, p
        length /= 2
    return None
