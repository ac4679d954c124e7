"""Complex exponential smoothing for many series at once.

Level and information potential form one complex state that is smoothed by one complex
parameter; a second such pair, a season old, carries the season. No trend is chosen: the state
grows, declines or turns by itself. Both parameters are found by Levenberg-Marquardt steps with
forward sensitivities, all series together.

References
----------
I. Svetunkov, N. Kourentzes, J. K. Ord, "Complex exponential smoothing", Naval Research
Logistics 69 (2022), 1108-1123.
"""

from __future__ import annotations

import numpy as np

from .estimates import Estimates
from .ets import Smoothed

__all__ = ["fit_ces"]

_LOW, _HIGH = np.array([0.01, 0.01]), np.array([1.99, 1.99])
_START = np.array([1.3, 1.0])
_STEPS = 15


def fit_ces(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    *,
    m: int = 1,
    full: bool = False,
    held: Estimates | None = None,
) -> Smoothed:
    """Fit CES to each column of ``y`` (time, series), all from row 0.

    Parameters
    ----------
    y : (time, series)
        Scaled values, NaN where nothing is known.
    n : (series,)
        Lengths.
    horizon : int
        Steps to forecast after row ``n - 1``.
    m : int
        Season length; above 1: the state of a cycle ago is smoothed ("simple seasonal").
    full : bool
        With a season: a non-seasonal pair beside the seasonal one.
    held : Estimates, optional
        Parameters, first states and errors' size as they were estimated before.
    """
    held = held or Estimates()
    pairs = 2 if full and m > 1 else 1
    first = held.of("first", lambda: _first(y, n, m))
    best = held.of("theta", lambda: _estimate(y, first, m, pairs))
    path, M = _pass(y, first, best, horizon, m, pairs)
    sse, count = held.of("size", lambda: (M[0, 0], np.isfinite(y).sum(axis=0)))
    rows = n[None] + np.arange(horizon)[:, None]
    ahead = path[rows, np.arange(y.shape[1])[None]]
    named = dict(zip(("a0", "a1", "b0", "b1"), best))
    return Smoothed(ahead, y - path[: len(y)], sse, count, named)


def _estimate(y: np.ndarray, first: np.ndarray, m: int, pairs: int) -> np.ndarray:
    """Levenberg-Marquardt steps on the complex parameters, (parameters, series)."""
    theta = np.tile(_START[:, None], (pairs, y.shape[1]))
    best, M = theta, _pass(y, first, theta, 0, m, pairs)[1]
    damp = np.full(y.shape[1], 1e-2)
    d = np.arange(2 * pairs)
    done = np.zeros(y.shape[1], dtype=bool)
    for _ in range(_STEPS):
        A = np.moveaxis(M[1:, 1:], 2, 0).copy()
        A[:, d, d] = A[:, d, d] * (1 + damp)[:, None] + 1e-9 * M[0, 0][:, None] + 1e-12
        A[~np.isfinite(A).all(axis=(1, 2))] = np.eye(len(d))
        step = -np.linalg.solve(A, np.nan_to_num(M[0, 1:]).T[..., None])[..., 0].T
        low, high = np.tile(_LOW, pairs)[:, None], np.tile(_HIGH, pairs)[:, None]
        tried = np.clip(best + np.clip(step, -0.3, 0.3), low, high)
        new = _pass(y, first, tried, 0, m, pairs)[1]
        with np.errstate(invalid="ignore"):
            better = (new[0, 0] < M[0, 0]) & np.isfinite(new[0, 0]) & ~done
            small = M[0, 0] - new[0, 0] < 1e-5 * M[0, 0]
        best, M = np.where(better, tried, best), np.where(better, new, M)
        damp = np.where(better, damp * 0.3, damp * 8)
        done |= (better & small) | (damp > 1e4)
        if done.all():
            break
    return best


def _first(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Mean of the first cycle (or ten values), and for a season its first values."""
    head = y[: max(m, 10)]
    known = np.isfinite(head)
    mean = np.where(known, head, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    out = np.repeat(mean[None], m, axis=0)
    if m > 1:
        first = y[:m] if len(y) >= m else np.vstack((y, np.full((m - len(y), y.shape[1]), np.nan)))
        out = np.where(np.isfinite(first), first, mean)
    return out


def _pass(
    y: np.ndarray, first: np.ndarray, theta: np.ndarray, horizon: int, m: int, pairs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Path of one-step forecasts (time + horizon, series) and products of error derivatives.

    States are kept as ``(1 + parameters, series)``: value, then derivatives.
    """
    T, B = y.shape
    P = len(theta)
    lags = [m] if pairs == 1 else [1, m]
    level, potential = [], []
    for lag in lags:
        start = np.zeros((lag, P + 1, B))
        start[:, 0] = first if lag == m and pairs == 1 else 0.0
        if pairs == 2:
            mean = first.mean(axis=0)
            start[:, 0] = mean if lag == 1 else first - mean
        level.append(start)
        half = np.zeros((lag, P + 1, B))
        half[:, 0] = start[:, 0] / 1.1
        potential.append(half)
    path, E = np.empty((T + horizon, B)), np.zeros((T, P + 1, B))
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(T + horizon):
            at = [t % lag for lag in lags]
            whole = level[0][at[0]] + (level[1][at[1]] if pairs == 2 else 0.0)
            path[t] = whole[0]
            e = -whole
            if t < T:
                known = np.isfinite(y[t])
                e[0] = np.where(known, y[t] - whole[0], 0.0)
                e[1:] = np.where(known, e[1:], 0.0)
                E[t] = e
            else:
                e = np.zeros_like(e)
            for i in range(pairs):
                a0, a1 = theta[2 * i], theta[2 * i + 1]
                old, c = level[i][at[i]].copy(), potential[i][at[i]].copy()
                new_l = old - (1 - a1) * c + (a0 - a1) * e
                new_c = old + (1 - a0) * c + (a0 + a1) * e
                new_l[1 + 2 * i] += e[0]
                new_l[2 + 2 * i] += c[0] - e[0]
                new_c[1 + 2 * i] += e[0] - c[0]
                new_c[2 + 2 * i] += e[0]
                level[i][at[i]], potential[i][at[i]] = new_l, new_c
        M = np.einsum("tub,tvb->uvb", E, E, optimize=False)
    return path, M
