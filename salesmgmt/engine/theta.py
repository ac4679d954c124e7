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
from .ets import Smoothed, fit_additive

__all__ = ["line", "theta"]


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
    ses = fit_additive(y, n, horizon, iterations=40, tolerance=1e-9, held=held.part("ses"))
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
