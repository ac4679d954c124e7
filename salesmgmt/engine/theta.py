"""The Theta method for many series at once.

References
----------
V. Assimakopoulos, K. Nikolopoulos, "The theta model: a decomposition approach to
forecasting", International Journal of Forecasting 16 (2000), 521-530.
R. J. Hyndman, B. Billah, "Unmasking the Theta method", International Journal of Forecasting
19 (2003), 287-290: simple exponential smoothing with half the slope of the trend line.
"""

from __future__ import annotations

import numpy as np

from .estimates import Estimates
from .ets import Smoothed, fit_additive, refine

__all__ = ["line", "theta"]

# Smoothing parameters that are looked at before and after the search; the ends are R's bounds.
_ALPHA = np.array([1e-4, 0.01, 0.05, 0.12, 0.3, 0.5, 0.75, 0.95, 0.9999])
_START = 4
_END, _NEAR = 40.0, 4.0  # logits that stand for a bound, and beside it
# By how much another dip must be deeper than the one at hand. Less is chance, and forecasts of
# R's search, which looks for the nearest dip, are met more often.
_DEEPER = 0.975


def line(y: np.ndarray) -> np.ndarray:
    """Slope of each column's least-squares line over time; 0 with fewer than two values."""
    known = np.isfinite(y)
    count = np.maximum(known.sum(axis=0), 1)
    t = np.where(known, np.arange(len(y))[:, None], 0.0)
    v = np.where(known, y, 0.0)
    dt = np.where(known, t - t.sum(axis=0) / count, 0.0)
    dv = np.where(known, v - v.sum(axis=0) / count, 0.0)
    return (dt * dv).sum(axis=0) / np.maximum((dt * dt).sum(axis=0), 1e-12)


def theta(y: np.ndarray, n: np.ndarray, horizon: int, *, held: Estimates | None = None) -> Smoothed:
    """Standard Theta of each column (already free of seasonality)."""
    held = held or Estimates()
    some = held.part("ses")
    some.of("theta", _smoothing, y)
    ses = fit_additive(y, n, horizon, held=some)
    alpha = ses.parameters["alpha"]
    steps = np.arange(horizon)[:, None] + (1 - (1 - alpha) ** n) / alpha
    half = held.of("half", lambda: 0.5 * line(y))
    return Smoothed(
        ses.forecast + half * steps,
        ses.errors,
        ses.sse,
        ses.count,
        {**ses.parameters, "drift": half},
    )


def _smoothing(y: np.ndarray) -> np.ndarray:
    """Smoothing parameter (as a logit) and first level of least squares, (2, series)."""
    sse, level = _by_alpha(y)
    column = np.arange(y.shape[1])
    at = np.full(len(column), _START)
    for _ in _ALPHA:  # downhill
        low, high = np.maximum(at - 1, 1), np.minimum(at + 1, len(_ALPHA) - 2)
        near = np.where(sse[high, column] < sse[low, column], high, low)
        at = np.where(sse[near, column] < sse[at, column], near, at)
    best = 1 + sse[1:-1].argmin(axis=0)
    at = np.where(sse[best, column] < _DEEPER * sse[at, column], best, at)
    found = refine(y, np.stack((_logit(_ALPHA[at]), level[at, column])))
    reached = _one(y, found)
    for i, end in ((0, -_END), (-1, _END)):
        beside = found[0] * np.sign(end) > _NEAR
        better = sse[i] < np.where(beside, 1.0, _DEEPER) * reached
        found = np.where(better, np.stack((np.full(len(column), end), level[i])), found)
        reached = np.where(better, sse[i], reached)
    return found


def _logit(alpha: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.log((alpha - _ALPHA[0]) / (_ALPHA[-1] - alpha))
    return out


def _by_alpha(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least sum of squares and the first level that has it, (parameters, series).

    Errors are linear in the first level: what they are without one, less what is left of it.
    """
    known = np.isfinite(y)
    v = np.where(known, y, 0.0)
    alpha = _ALPHA[:, None]
    state, left = np.zeros((2, len(alpha), y.shape[1]))
    left += 1.0
    ee, el, ll = np.zeros((3, len(alpha), y.shape[1]))
    for t in range(len(y)):
        e, w = (v[t] - state) * known[t], left * known[t]
        ee, el, ll = ee + e * e, el + e * w, ll + w * w
        state, left = state + alpha * e, left - alpha * w
    level = el / np.maximum(ll, 1e-300)
    return np.maximum(ee - level * el, 0.0), level


def _one(y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Sum of squares with given parameters."""
    known = np.isfinite(y)
    alpha = _ALPHA[0] + (_ALPHA[-1] - _ALPHA[0]) / (1 + np.exp(-theta[0]))
    level, out = theta[1].copy(), np.zeros(y.shape[1])
    for t in range(len(y)):
        e = np.where(known[t], y[t] - level, 0.0)
        out, level = out + e * e, level + alpha * e
    return out
