"""The naive family for many series at once: last value, last cycle, drift, mean.

Blocks are ``(time, series)``, NaN where nothing is known; column ``j`` ends in row
``n[j] - 1``. Each function returns ``(horizon, series)`` point forecasts.
"""

from __future__ import annotations

import numpy as np

__all__ = ["drift", "last_value", "mean", "seasonal_last"]


def last_value(y: np.ndarray, n: np.ndarray, horizon: int) -> np.ndarray:
    """The last known value, repeated."""
    return np.repeat(_last_known(y)[None], horizon, axis=0)


def seasonal_last(y: np.ndarray, n: np.ndarray, horizon: int, m: int) -> np.ndarray:
    """The value one cycle ago, or as many whole cycles ago as it takes to find one known.

    Series shorter than a cycle, and seasons never seen, get the last known value.
    """
    out = np.repeat(_last_known(y)[None], horizon, axis=0)
    column = np.arange(y.shape[1])
    for h in range(min(horizon, m)):
        found = np.full(y.shape[1], np.nan)
        row = n + h - m
        while (row >= 0).any() and np.isnan(found).any():
            ask = np.isnan(found) & (row >= 0)
            found[ask] = y[row[ask], column[ask]]
            row = row - m
        known = np.isfinite(found)
        for k in range(h, horizon, m):
            out[k, known] = found[known]
    return out


def drift(y: np.ndarray, n: np.ndarray, horizon: int) -> np.ndarray:
    """The last known value plus the mean change a step between first and last value."""
    known = np.isfinite(y)
    first = known.argmax(axis=0)
    last = len(y) - 1 - known[::-1].argmax(axis=0)
    column = np.arange(y.shape[1])
    span = np.maximum(last - first, 1)
    slope = np.where(last > first, (y[last, column] - y[first, column]) / span, 0.0)
    end = np.where(known.any(axis=0), y[last, column], 0.0)
    steps = (n - 1 - last)[None] + np.arange(1, horizon + 1)[:, None]
    return end + np.nan_to_num(slope) * steps


def mean(y: np.ndarray, n: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of all known values."""
    known = np.isfinite(y)
    total = np.where(known, y, 0.0).sum(axis=0)
    return np.repeat((total / np.maximum(known.sum(axis=0), 1))[None], horizon, axis=0)


def _last_known(y: np.ndarray) -> np.ndarray:
    known = np.isfinite(y)
    last = len(y) - 1 - known[::-1].argmax(axis=0)
    return np.where(known.any(axis=0), y[last, np.arange(y.shape[1])], 0.0)
