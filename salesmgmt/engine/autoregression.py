"""Autoregressions of many series at once, by ridge regression on changes, plain and seasonal.

References
----------
G. E. P. Box, G. M. Jenkins, "Time Series Analysis: Forecasting and Control", Holden-Day 1970.
A. E. Hoerl, R. W. Kennard, "Ridge regression", Technometrics 12 (1970), 55-67.
"""

from __future__ import annotations

import numpy as np

from . import naive
from .estimates import Estimates
from .ets import Smoothed

__all__ = ["fit_changes", "seasonal_changes"]

_STABLE = 0.98  # most that absolute coefficients add up to
# Of changes of seasonal differences: they mostly undo each other, so more of them is stable.
_STABLE_TWICE = 1.9


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
    mean = held.of("mean", _mean_change, y, d, known)
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


def _mean_change(y: np.ndarray, d: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean of the changes; where the record has gaps, of those across them too.

    The few changes between neighbours then say little of the slope.
    """
    count, there = known.sum(axis=0), np.isfinite(y)
    mean = np.asarray(d.sum(axis=0) / np.maximum(count, 1))
    gaps = np.flatnonzero(count < there.sum(axis=0) - 1)
    first, last = there.argmax(axis=0)[gaps], len(y) - 1 - there[::-1].argmax(axis=0)[gaps]
    mean[gaps] = (y[last, gaps] - y[first, gaps]) / (last - first)
    return mean


def _coefficients(
    X: np.ndarray, c: np.ndarray, known: np.ndarray, ridge: float, most: float = _STABLE
) -> np.ndarray:
    """Ridge regression of changes ``c`` on their lags ``X``, (order, series)."""
    A = np.einsum("itb,jtb->bij", X, X)
    g = np.einsum("itb,tb->bi", X, c)
    power = np.einsum("tb,tb->b", c, c) / np.maximum(known.sum(axis=0), 1)
    at = np.arange(len(X))
    A[:, at, at] += (ridge * power + 1e-12)[:, None]
    coef: np.ndarray = np.linalg.solve(A, g[..., None])[..., 0].T
    coef /= np.maximum(np.abs(coef).sum(axis=0) / most, 1.0)  # never explosive
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


def seasonal_changes(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    m: int,
    *,
    twice: bool,
    ridge: float = 4.0,
    held: Estimates | None = None,
) -> np.ndarray:
    """Forecasts (horizon, series) by regressing seasonal differences on their own past.

    What is shorter than three cycles is forecast as its last one. No forecast leaves the range
    of the record by more than its width.

    Parameters
    ----------
    y : (time, series)
        Values without inner gaps.
    n : (series,)
        Lengths.
    horizon : int
        Steps to forecast after row ``n - 1``.
    m : int
        Season length.
    twice : bool
        Whether the changes of the seasonal differences are regressed (on lags 1 to 3, ``m`` and
        ``m + 1``, no constant), not the differences (on a constant and lags 1 to 3 and ``m``).
    ridge : float
        How many observations the belief in coefficients of zero is worth.
    held : Estimates, optional
        Coefficients, and what else was estimated before.
    """
    held = held or Estimates()
    lags = tuple(dict.fromkeys((1, 2, 3, m, m + 1) if twice else (1, 2, 3, m)))
    first = m + int(twice)
    enough = held.of("enough", lambda: n >= max(3 * m, 2 * m + 6))
    last = naive.seasonal_last(y, n, horizon, m)
    if not enough.any():
        return last
    w = np.full_like(y, np.nan)
    w[first:] = np.diff(y[m:] - y[:-m], axis=0) if twice else y[m:] - y[:-m]
    known = np.isfinite(w)
    w = np.where(known, w, 0.0)
    mean = held.of("mean", lambda: (not twice) * w.sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    c = np.where(known, w - mean, 0.0)
    coef = held.of("coef", _on_lags, c, known, lags, ridge, _STABLE_TWICE if twice else _STABLE)
    out = _seasonal_ahead(y, n, horizon, c, mean, dict(zip(lags, coef)), m, twice)
    low, high = held.of("range", lambda: (np.fmin.reduce(y), np.fmax.reduce(y)))
    out = np.clip(out, 2 * low - high, 2 * high - low)
    return np.where(enough, out, last)


def _on_lags(
    c: np.ndarray, known: np.ndarray, lags: tuple[int, ...], ridge: float, most: float
) -> np.ndarray:
    """Coefficients (lags, series) of changes on their values some lags before."""
    X = np.zeros((len(lags), *c.shape))
    for i, k in enumerate(lags):
        X[i, k:] = c[:-k] if k < len(c) else 0.0
    return _coefficients(X * known, c, known, ridge, most)


def _seasonal_ahead(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    c: np.ndarray,
    mean: np.ndarray,
    coef: dict[int, np.ndarray],
    m: int,
    twice: bool,
) -> np.ndarray:
    """Changes run on by the recursion, added to the value a season ago."""
    column, far = np.arange(len(n)), max(coef)
    at = n - far + np.arange(far)[:, None]
    past = np.where(at >= 0, c[np.maximum(at, 0), column], 0.0)
    change = np.vstack((past, np.empty((horizon, len(n)))))
    at = n - m - 1 + np.arange(m + 1)[:, None]
    level = np.vstack((y[np.maximum(at, 0), column], np.empty((horizon, len(n)))))
    for h in range(horizon):
        change[far + h] = sum(a * change[far + h - k] for k, a in coef.items())
        new = level[h + 1] + change[far + h] + mean
        level[m + 1 + h] = new + level[m + h] - level[h] if twice else new
    return level[m + 1 :]
