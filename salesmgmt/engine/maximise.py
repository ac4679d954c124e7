"""Maximum likelihood for a handful of positive parameters, with analytic gradients.

The parameters are moved in their logarithms by BFGS and finished by Newton steps whose matrix,
differences of the gradient, also gives the standard errors. Nothing is to be tuned: the
objective is a mean over customers on a time axis of its own, so a stop rule of 1e-9 means the
same for every data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Fit", "maximise"]

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

_BOUND = 18.0  # logarithms: a parameter beyond e**18 times its scale is at its limit
_STEP = 1e-4


@dataclass(frozen=True)
class Fit:
    """Log-parameters at the maximum, the mean log-likelihood there, and its curvature."""

    theta: np.ndarray
    value: float
    hessian: np.ndarray  # of the mean negative log-likelihood, in log-parameters
    converged: bool
    evaluations: int


def maximise(mean_loglik: Objective, start: np.ndarray, *, curvature: bool = True) -> Fit:
    """Maximise ``mean_loglik(theta) -> (value, gradient)`` from ``start`` (log-parameters)."""
    count = 0

    def cost(theta: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal count
        count += 1
        value, slope = mean_loglik(theta)
        if not np.isfinite(value) or not np.isfinite(slope).all():
            return np.inf, np.zeros_like(theta)
        return -value, -slope

    theta, f, g, stalled = _bfgs(cost, np.asarray(start, dtype=np.float64))
    if not curvature:
        return Fit(theta, -f, np.full((len(theta),) * 2, np.nan), True, count)
    matrix = _differences(cost, theta)
    for _ in range(12):  # the same matrix serves as long as it makes steps shrink
        if float(np.abs(g).max()) < 1e-10:
            break
        step = _newton_step(matrix, g)
        if step is None:
            break
        moved = np.clip(theta + step, -_BOUND, _BOUND)
        f_new, g_new = cost(moved)
        better = float(np.abs(g_new).max()) / float(np.abs(g).max())
        if not f_new <= f + 1e-12 * max(1.0, abs(f)) or better >= 1:
            break
        theta, f, g = moved, f_new, g_new
        if better > 0.3:
            matrix = _differences(cost, theta)
    free = np.abs(theta) < _BOUND - 0.5
    # On a ridge (a model that tends to a simpler one) nothing is left to gain: also an end.
    converged = stalled or bool(np.abs(g[free]).max(initial=0.0) < 1e-5)
    return Fit(theta, -f, matrix, converged, count)


def _bfgs(cost: Objective, theta: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, bool]:
    """Quasi-Newton descent with a backtracking line search inside the bounds."""
    k = len(theta)
    f, g = cost(theta)
    inverse, fresh = np.eye(k), True
    small = 0
    for _ in range(400):
        direction = -inverse @ g
        slope = float(g @ direction)
        if slope >= 0:
            inverse, direction, fresh = np.eye(k), -g, True
            slope = float(g @ direction)
        size = min(1.0, 2.0 / max(float(np.abs(direction).max()), 1e-300))
        moved, f_new, g_new = _search(cost, theta, f, direction, slope, size)
        if moved is None:
            if fresh:
                break
            inverse, fresh = np.eye(k), True
            continue
        s, y = moved - theta, g_new - g
        small = small + 1 if f - f_new < 1e-12 * max(1.0, abs(f)) else 0
        theta, f, g = moved, f_new, g_new
        if small >= 3 or float(np.abs(g).max()) < 3e-6:
            break
        inverse = _update(inverse, s, y, fresh)
        fresh = False
    return theta, f, g, small >= 3


def _search(
    cost: Objective,
    theta: np.ndarray,
    f: float,
    direction: np.ndarray,
    slope: float,
    size: float,
) -> tuple[np.ndarray | None, float, np.ndarray]:
    """First step that descends enough; quadratic backtracking."""
    for _ in range(40):
        moved = np.clip(theta + size * direction, -_BOUND, _BOUND)
        f_new, g_new = cost(moved)
        if f_new <= f + 1e-4 * size * slope and (moved != theta).any():
            return moved, f_new, g_new
        if np.isfinite(f_new) and f_new - f - size * slope > 0:
            size = float(
                np.clip(-slope * size**2 / (2 * (f_new - f - size * slope)), 0.1 * size, 0.5 * size)
            )
        else:
            size *= 0.25
    return None, f, direction


def _update(inverse: np.ndarray, s: np.ndarray, y: np.ndarray, fresh: bool) -> np.ndarray:
    sy = float(s @ y)
    if sy <= 1e-12 * float(np.sqrt((s @ s) * (y @ y))):
        return inverse
    if fresh:
        inverse = np.eye(len(s)) * (sy / float(y @ y))
    hy = inverse @ y
    outer = np.outer(s, hy)
    return inverse + (1 + float(y @ hy) / sy) * np.outer(s, s) / sy - (outer + outer.T) / sy


def _differences(cost: Objective, theta: np.ndarray) -> np.ndarray:
    """Second derivatives as central differences of the gradient."""
    k = len(theta)
    rows = np.empty((k, k))
    for i in range(k):
        up, down = theta.copy(), theta.copy()
        up[i] += _STEP
        down[i] -= _STEP
        rows[i] = (cost(up)[1] - cost(down)[1]) / (2 * _STEP)
    return (rows + rows.T) / 2


def _newton_step(matrix: np.ndarray, g: np.ndarray) -> np.ndarray | None:
    """Newton step where the matrix is positive definite, short enough to be trusted."""
    if not np.isfinite(matrix).all():
        return None
    values, vectors = np.linalg.eigh(matrix)
    if values.min() <= 1e-14 * max(values.max(), 1e-300):
        return None
    step = -vectors @ ((vectors.T @ g) / values)
    return step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-300))
