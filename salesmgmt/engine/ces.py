"""Complex exponential smoothing for many series at once.

Level and information potential form one complex state that is smoothed by one complex
parameter. The season is a plain state ("partial") or a second such pair, a season old ("full").
No trend is chosen: the state grows, declines or turns by itself. Parameters are found by
Levenberg-Marquardt steps with forward sensitivities, all series together.

References
----------
I. Svetunkov, N. Kourentzes, J. K. Ord, "Complex exponential smoothing", Naval Research
Logistics 69 (2022), 1108-1123.
"""

from __future__ import annotations

import numpy as np

from .decomposition import fill_gaps, seasonal_differences, seasonal_indices
from .estimates import Estimates
from .ets import Smoothed

__all__ = ["fit_ces"]

# What is estimated, its bounds and where the search starts. Below 1 the state oscillates.
_NAMES = {"none": ("a0", "a1"), "partial": ("a0", "a1", "b"), "full": ("a0", "a1", "b0", "b1")}
_LOW = {"a0": 1.0, "a1": 0.01, "b": 1e-3, "b0": 0.01, "b1": 0.01}
_HIGH = {"a0": 1.8, "a1": 1.9, "b": 0.999, "b0": 1.99, "b1": 1.99}
_START = {"a0": 1.3, "a1": 1.0, "b": 0.1, "b0": 1.3, "b1": 1.0}
_STEPS = 15
# Bounds of the imaginary parts of a state that does not grow: a root of its recursion passes 1
# with them.
_STILL = {"a1": 1.0, "b1": 1.0}
# Growth is left out if all but one moment are missed by this much worse with it (sums of squares),
# and, where that moment has this share of all the squares, unless they are missed this much less.
_WORSE, _ALONE, _BETTER = 3.0, 0.98, 0.5
_LEAST = 7  # values that may show growth: fewer than that are hardly more than what is estimated


def fit_ces(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    *,
    m: int = 1,
    season: str = "none",
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
        Season length.
    season : {"none", "partial", "full"}
        Without a season; a state for each position; a complex pair for each.
    held : Estimates, optional
        Parameters, first states and errors' size as they were estimated before.
    """
    held = held or Estimates()
    m = m if season != "none" else 1
    first = held.of("first", lambda: _first(y, n, m, season))
    best = held.of("theta", lambda: _borne_out(y, first, _estimate(y, first, m, season), m, season))
    path, M = _pass(y, first, best, horizon, m, season)
    sse, count = held.of("size", lambda: (M[0, 0], np.isfinite(y).sum(axis=0)))
    rows = n[None] + np.arange(horizon)[:, None]
    ahead = path[rows, np.arange(y.shape[1])[None]]
    return Smoothed(ahead, y - path[: len(y)], sse, count, dict(zip(_NAMES[season], best)))


def _estimate(
    y: np.ndarray, first: np.ndarray, m: int, season: str, most: dict[str, float] = _HIGH
) -> np.ndarray:
    """Levenberg-Marquardt steps on the smoothing parameters, (parameters, series)."""
    low, high, start = (
        np.array([of[name] for name in _NAMES[season]])[:, None] for of in (_LOW, most, _START)
    )
    best = np.repeat(start, y.shape[1], axis=1)
    out, live = best.copy(), np.arange(y.shape[1])
    M = _pass(y, first, best, 0, m, season)[1]
    damp = np.full(y.shape[1], 1e-2)
    d = np.arange(len(best))
    done = np.zeros(y.shape[1], dtype=bool)
    for _ in range(_STEPS):
        A = np.moveaxis(M[1:, 1:], 2, 0).copy()
        A[:, d, d] = A[:, d, d] * (1 + damp)[:, None] + 1e-9 * M[0, 0][:, None] + 1e-12
        A[~np.isfinite(A).all(axis=(1, 2))] = np.eye(len(d))
        step = -np.linalg.solve(A, np.nan_to_num(M[0, 1:]).T[..., None])[..., 0].T
        tried = np.clip(best + np.clip(step, -0.3, 0.3), low, high)
        new = _pass(y, first, tried, 0, m, season)[1]
        with np.errstate(invalid="ignore"):
            better = (new[0, 0] < M[0, 0]) & np.isfinite(new[0, 0]) & ~done
            small = M[0, 0] - new[0, 0] < 1e-5 * M[0, 0]
        best, M = np.where(better, tried, best), np.where(better, new, M)
        damp = np.where(better, damp * 0.3, damp * 8)
        out[:, live] = best
        done |= (better & small) | (damp > 1e4)
        if done.all():
            break
        if done.mean() > 0.3:
            going = ~done
            live, y, first, best = live[going], y[:, going], first[:, going], best[:, going]
            M, damp, done = M[..., going], damp[going], done[going]
    return out


def _borne_out(
    y: np.ndarray, first: np.ndarray, theta: np.ndarray, m: int, season: str
) -> np.ndarray:
    """No growth where the record is too short, or one moment speaks for it and the rest against.

    Where the last value is a thousand times the others, any parameters that blow up what went
    before come a little nearer to it, and go on from there without end.
    """
    growing = [i for i, name in enumerate(_NAMES[season]) if name in _STILL]
    tame = theta.copy()
    tame[growing] = np.minimum(tame[growing], 1.0)
    which = np.flatnonzero((theta != tame).any(axis=0))
    if not len(which):
        return theta
    rest, largest = _without_largest(_squares(y, first, tame, which, m, season))[0]
    few = np.isfinite(y[:, which]).sum(axis=0) < _LEAST
    which, few = which[few | (largest > rest)], few[few | (largest > rest)]  # refitted: not many
    if not len(which):
        return theta
    some = y[:, which], first[:, which]
    tame = _estimate(*some, m, season, _HIGH | _STILL)
    every = np.arange(len(which))
    calm = _squares(*some, tame, every, m, season)
    wild = _squares(*some, theta[:, which], every, m, season)
    worse = few
    for (a, most), (b, _) in zip(_without_largest(calm), _without_largest(wild, calm)):
        worse |= ~(b <= _WORSE * a) | ((most > _ALONE * (most + a)) & ~(b <= _BETTER * a))
    out = theta.copy()
    out[:, which[worse]] = tame[:, worse]
    return out


def _squares(
    y: np.ndarray, first: np.ndarray, theta: np.ndarray, which: np.ndarray, m: int, season: str
) -> np.ndarray:
    """Squared errors (time, series) of some columns, zero where nothing was known."""
    y = y[:, which]
    path = _pass(y, first[:, which], theta[:, which], 0, m, season)[0]
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isfinite(y), (y - path) ** 2, 0.0)


def _without_largest(
    squares: np.ndarray, of: np.ndarray | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sums without the row that is largest (in ``of``), and without the next one too; and it."""
    column, left, out = np.arange(squares.shape[1]), squares.copy(), []
    at = (squares if of is None else of).argmax(axis=0)
    for row in (at, np.minimum(at + 1, len(squares) - 1)):
        left[row, column] = 0.0
        out.append((left.sum(axis=0), squares[at, column]))
    return out


def _first(y: np.ndarray, n: np.ndarray, m: int, season: str) -> np.ndarray:
    """Mean of the first cycle (or ten values), and for a season its first values.

    A plain state learns slowly: it starts from seasonal indices of the whole record.
    """
    head = y[: max(m, 10)]
    known = np.isfinite(head)
    mean = np.where(known, head, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    if season == "partial":
        filled = fill_gaps(y, n, m)
        few = seasonal_differences(filled, n, m)
        many = seasonal_indices(filled, n, m, multiplicative=False)
        return mean + np.where(n >= 3 * m, many, few)
    out = np.repeat(mean[None], m, axis=0)
    if m > 1:
        first = y[:m] if len(y) >= m else np.vstack((y, np.full((m - len(y), y.shape[1]), np.nan)))
        out = np.where(np.isfinite(first), first, mean)
    return out


def _pass(
    y: np.ndarray, first: np.ndarray, theta: np.ndarray, horizon: int, m: int, season: str
) -> tuple[np.ndarray, np.ndarray]:
    """Path of one-step forecasts (time + horizon, series) and products of error derivatives.

    States are kept as ``(1 + parameters, series)``: value, then derivatives.
    """
    T, B = y.shape
    P = len(theta)
    pairs = 2 if season == "full" else 1
    level, potential = _states(first, P, m, season)
    path, E = np.empty((T + horizon, B)), np.zeros((T, P + 1, B))
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(T + horizon):
            whole = level[0][0] if season == "none" else level[0][0] + level[1][t % m]
            path[t] = whole[0]
            e = -whole
            if t < T:
                known = np.isfinite(y[t])
                e[0] = np.where(known, y[t] - whole[0], 0.0)
                e[1:] = np.where(known, e[1:], 0.0)
                E[t] = e
            else:
                e = np.zeros_like(e)
            if season == "partial":
                level[1][t % m] += theta[2] * e
                level[1][t % m, 3] += e[0]
            for i in range(pairs):
                at = t % len(level[i])
                a0, a1 = theta[2 * i], theta[2 * i + 1]
                old, c = level[i][at].copy(), potential[i][at].copy()
                new_l = old - (1 - a1) * c + (a0 - a1) * e
                new_c = old + (1 - a0) * c + (a0 + a1) * e
                new_l[1 + 2 * i] += e[0]
                new_l[2 + 2 * i] += c[0] - e[0]
                new_c[1 + 2 * i] += e[0] - c[0]
                new_c[2 + 2 * i] += e[0]
                level[i][at], potential[i][at] = new_l, new_c
        M = np.einsum("tub,tvb->uvb", E, E, optimize=False)
    return path, M


def _states(
    first: np.ndarray, P: int, m: int, season: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """First levels, of all positions of a season, and information potentials."""
    mean = first.mean(axis=0)
    level = [np.zeros((1, P + 1, first.shape[1]))]
    level[0][0, 0] = mean
    if season != "none":
        level.append(np.zeros((m, P + 1, first.shape[1])))
        level[1][:, 0] = first - mean
    potential = []
    for one in level:
        potential.append(np.zeros_like(one))
        potential[-1][:, 0] = one[:, 0] / 1.1
    return level, potential
