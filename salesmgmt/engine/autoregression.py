"""Autoregressions of many series at once, by ridge regression on changes.

References
----------
G. E. P. Box, G. M. Jenkins, "Time Series Analysis: Forecasting and Control", Holden-Day 1970.
A. E. Hoerl, R. W. Kennard, "Ridge regression", Technometrics 12 (1970), 55-67.
"""

from __future__ import annotations

import numpy as np

from .estimates import Estimates
from .ets import Smoothed

__all__ = ["fit_changes"]


def fit_changes(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    *,
    order: int = 3,
    ridge: float = 4.0,
    held: Estimates | None = None,
) -> Smoothed:
    """Regress each column's changes on a constant and their last ``order`` values.

    Parameters
    ----------
    y : (time, series)
        Values, NaN where nothing is known.
    n : (series,)
        Lengths.
    horizon : int
        Steps to forecast after row ``n - 1``.
    order : int
        Number of lags.
    ridge : float
        How many observations the belief in coefficients of zero is worth.
    held : Estimates, optional
        Coefficients and errors' size as they were estimated before.
    """
    held = held or Estimates()
    T, B = y.shape
    d = np.diff(y, axis=0)
    known = np.isfinite(d)
    d = np.where(known, d, 0.0)
    mean = held.of("mean", lambda: d.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    c = np.where(known, d - mean, 0.0)
    lags = [np.zeros_like(c) for _ in range(order)]
    for k in range(1, order + 1):
        lags[k - 1][k:] = c[:-k]
    X = np.stack(lags) * known if T > 1 else np.zeros((order, 0, B))
    coef = held.of("coef", lambda: _coefficients(X, c, known, ridge))
    errors = np.full((T, B), np.nan)
    if T > 1:
        errors[1:] = np.where(known, c - np.einsum("ib,itb->tb", coef, X), np.nan)
    forecast = _ahead(y, n, horizon, c, mean, coef)
    e = np.nan_to_num(errors)
    sse = held.of("sse", lambda: np.einsum("tb,tb->b", e, e))
    count = held.of("count", lambda: np.maximum(known.sum(axis=0), 1))
    named = {"mean": mean, **{f"lag{k + 1}": coef[k] for k in range(order)}}
    return Smoothed(forecast, errors, sse, count, named)


def _coefficients(X: np.ndarray, c: np.ndarray, known: np.ndarray, ridge: float) -> np.ndarray:
    """Ridge regression of changes ``c`` on their lags ``X``, (order, series)."""
    A = np.einsum("itb,jtb->bij", X, X)
    g = np.einsum("itb,tb->bi", X, c)
    power = np.einsum("tb,tb->b", c, c) / np.maximum(known.sum(axis=0), 1)
    at = np.arange(len(X))
    A[:, at, at] += (ridge * power + 1e-12)[:, None]
    coef: np.ndarray = np.linalg.solve(A, g[..., None])[..., 0].T
    coef /= np.maximum(np.abs(coef).sum(axis=0) / 0.98, 1.0)  # never explosive
    return coef


def _ahead(
    y: np.ndarray, n: np.ndarray, horizon: int, c: np.ndarray, mean: np.ndarray, coef: np.ndarray
) -> np.ndarray:
    """Changes run on by the recursion, added to the last value."""
    order, B = coef.shape
    column = np.arange(B)
    past = np.zeros((order, B))
    for k in range(order):
        row = n - 2 - k
        past[k] = np.where(row >= 0, c[np.maximum(row, 0), column] if len(c) else 0.0, 0.0)
    level = y[np.maximum(n - 1, 0), column]
    out = np.empty((horizon, B))
    for h in range(horizon):
        new = (coef * past).sum(axis=0)
        past = np.vstack((new[None], past[:-1]))
        level = level + new + mean
        out[h] = level
    return out
