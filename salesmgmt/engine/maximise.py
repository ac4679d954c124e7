"""Maximum likelihood for a handful of positive parameters, with analytic gradients.

The parameters are moved in their logarithms by BFGS and finished by Newton steps whose matrix,
differences of the gradient, also gives the standard errors. Nothing is to be tuned: the
objective is a mean over customers on a time axis of its own, so a stop rule of 1e-9 means the
same for every data set.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Fit", "doubtful", "maximise"]

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

_BOUND = 18.0  # logarithms: a parameter beyond e**18 times its scale is at its limit
_STEP = 1e-4
_FAR = 3.5  # logarithms: beyond it a parameter is far from its scale


@dataclass(frozen=True)
class Fit:
    """Log-parameters at the maximum, the mean log-likelihood there, and its curvature."""

    theta: np.ndarray
    value: float
    hessian: np.ndarray  # of the mean negative log-likelihood, in log-parameters
    converged: bool


def maximise(
    mean_loglik: Objective, start: np.ndarray, *, curvature: bool = True, strict: bool = False
) -> Fit:
    """Maximise ``mean_loglik(theta) -> (value, gradient)`` from ``start`` (log-parameters).

    ``strict`` goes on where hardly anything is gained any more, as along the ridge of a model
    that tends to a simpler one.
    """

    def cost(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = mean_loglik(theta)
        if not math.isfinite(value) or not np.isfinite(slope).all():
            return np.inf, np.zeros_like(theta)
        return -value, -slope

    theta, f, g, stalled = _bfgs(cost, np.asarray(start, dtype=np.float64), strict=strict)
    if not curvature:
        return Fit(theta, -f, np.full((len(theta),) * 2, np.nan), True)
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
    return Fit(theta, -f, matrix, converged)


def doubtful(fit: Fit) -> bool:
    """Whether a fit may have ended on a ridge or a side peak: then other starts are worth it."""
    values = np.linalg.eigvalsh(fit.hessian) if np.isfinite(fit.hessian).all() else np.zeros(1)
    flat = values.min() <= 1e-7 * max(float(values.max()), 1e-300)
    return bool(flat or not fit.converged or np.abs(fit.theta).max() > _FAR)


def _bfgs(
    cost: Objective, theta: np.ndarray, *, strict: bool = False
) -> tuple[np.ndarray, float, np.ndarray, bool]:
    """Quasi-Newton descent with a backtracking line search inside the bounds."""
    k = len(theta)
    f, g = cost(theta)
    inverse, fresh = np.eye(k), True
    small, held, limited = 0, np.zeros(k, dtype=bool), False
    nothing, flat, rounds = (1e-15, 1e-12, 1500) if strict else (1e-12, 3e-6, 400)
    for _ in range(rounds):
        g_free = g
        if limited or np.abs(theta).max() >= _BOUND:
            # A parameter at its limit that would go beyond stays there.
            now = (np.abs(theta) >= _BOUND) & (theta * g < 0)
            if (now != held).any():
                inverse, fresh, held = np.eye(k), True, now
            limited = bool(held.any())
            g_free = np.where(held, 0.0, g)
        direction = -(inverse @ g_free)
        if limited:
            direction[held] = 0.0
        slope = float(g_free @ direction)
        if slope >= 0:
            inverse, direction, fresh = np.eye(k), -g_free, True
            slope = float(g_free @ direction)
        size = min(1.0, 2.0 / max(float(np.abs(direction).max()), 1e-300))
        moved, f_new, g_new = _search(cost, theta, f, direction, slope, size)
        if moved is None:
            if fresh:
                break
            inverse, fresh = np.eye(k), True
            continue
        s, y = moved - theta, g_new - g
        small = small + 1 if f - f_new < nothing * max(1.0, abs(f)) else 0
        theta, f, g = moved, f_new, g_new
        if small >= 3 or float(np.abs(g[~held] if limited else g).max(initial=0.0)) < flat:
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
        moved = np.minimum(np.maximum(theta + size * direction, -_BOUND), _BOUND)
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
    if sy <= 1e-12 * math.sqrt(float(s @ s) * float(y @ y)):
        return inverse
    if fresh:
        inverse = np.eye(len(s)) * (sy / float(y @ y))
    hy = inverse @ y
    outer = s[:, None] * (((1 + float(y @ hy) / sy) * s - 2 * hy) / sy)
    return inverse + (outer + outer.T) / 2


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
