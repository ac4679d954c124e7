"""Exponential smoothing parameters of many series by least squares of one-step errors.

All columns are filtered side by side; smoothing parameters and first states of every column move
together by Levenberg-Marquardt steps whose derivatives come from the same forward pass (forward
sensitivities). A gap is a step without news: the error is zero.

References
----------
K. Levenberg, "A method for the solution of certain non-linear problems in least squares",
Quarterly of Applied Mathematics 2 (1944), 164-168. D. W. Marquardt, "An algorithm for
least-squares estimation of nonlinear parameters", SIAM Journal 11 (1963), 431-441.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Problem", "bounded", "improve", "logit"]

_LOW = {"alpha": 1e-4, "beta": 1e-4, "gamma": 1e-4, "phi": 0.8}
_HIGH = {"alpha": 0.9999, "beta": 0.9999, "gamma": 0.9999, "phi": 0.98}
_STILL = {"beta": 0.0, "phi": 1.0}  # of a trend that has no such parameter


@dataclass(slots=True)
class Problem:
    """Columns to be fitted: values, names of smoothing parameters, first seasonal states.

    ``free`` (parameters, series): which are estimated; the others stay still.
    """

    y: np.ndarray
    names: list[str]
    season: np.ndarray | None
    free: np.ndarray

    def take(self, which: np.ndarray) -> Problem:
        """Some columns, as many rows as they need."""
        y = self.y[:, which]
        y = y[: int(_lengths(np.isfinite(y)).max(initial=1))]
        season = None if self.season is None else self.season[:, which]
        return Problem(y, self.names, season, self.free[:, which])


def _lengths(known: np.ndarray) -> np.ndarray:
    """Rows up to the last known value of each column."""
    if known[-1:].all():  # nearly always: argmax along columns is slow
        return np.full(known.shape[1], len(known))
    return np.where(known.any(axis=0), len(known) - known[::-1].argmax(axis=0), 0)


def improve(
    problem: Problem,
    start: np.ndarray,
    iterations: int,
    tolerance: float,
    mean: np.ndarray,
    precision: np.ndarray,
) -> np.ndarray:
    """Levenberg-Marquardt on all columns at once; columns that are done leave the block.

    Long columns stand first, so that a pass leaves those behind that are over.
    """
    live = np.argsort(-_lengths(np.isfinite(problem.y)), kind="stable")
    problem, theta, out = problem.take(live), start[:, live], start.copy()
    k, d = len(problem.names), np.arange(len(theta))
    precision = np.where(problem.free[:k], precision, 0.0)
    done = np.zeros(len(live), dtype=bool)  # stays put, whatever its neighbours need
    damp = np.full(len(live), 1e-2)
    count = np.maximum(np.isfinite(problem.y).sum(axis=0), 1)
    M = _moments(problem, theta)
    loss = _loss(M, theta, count, mean, precision)
    for _ in range(iterations):
        A = np.moveaxis(M[1:, 1:], 2, 0).copy()
        var = M[0, 0] / count
        A[:, d[:k], d[:k]] += (precision * var).T
        g = M[0, 1:].copy()
        g[:k] += precision * var * (theta[:k] - mean)
        A[:, d, d] = A[:, d, d] * (1 + damp)[:, None] + 1e-9 * M[0, 0][:, None] + 1e-12
        step = -np.linalg.solve(A, g.T[..., None])[..., 0].T
        step[:k] = np.clip(step[:k], -2, 2)
        tried = theta + step
        tried[:k] = np.clip(tried[:k], -8, 8)
        new = _moments(problem, tried)
        new_loss = _loss(new, tried, count, mean, precision)
        better = (new_loss < loss) & ~done
        small = loss - new_loss <= tolerance
        loss = np.where(better, new_loss, loss)
        theta = np.where(better, tried, theta)
        M = np.where(better, new, M)
        damp = np.where(better, damp * 0.3, damp * 8)
        out[:, live] = theta
        done |= (small & better) | (damp >= 1e3)
        going = np.flatnonzero(~done)
        if not len(going):
            break
        if len(going) < 0.85 * len(done):
            live, theta, M, damp = live[going], theta[:, going], M[..., going], damp[going]
            problem, precision = problem.take(going), precision[:, going]
            count, loss, done = count[going], loss[going], done[going]
    return out


def _loss(
    M: np.ndarray, theta: np.ndarray, count: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> np.ndarray:
    """Log of the mean square error, plus the distance from the prior as one observation's share."""
    apart = (precision * (theta[: len(mean)] - mean) ** 2).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(M[0, 0]), np.log(M[0, 0] + 1e-300), np.inf) + apart / count


def _moments(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Products of the errors and their derivatives, ``(1 + P, 1 + P, series)``, summed over time.

    Every state is carried as ``(1 + P, series)``: its value, then its derivatives by the
    parameters. The same recursion moves both; only the parameters' own rows gain a term. Columns
    are in order of length, the longest first.
    """
    E = _sensitivities(problem, theta)
    P = len(theta)
    M = np.empty((P + 1, P + 1, theta.shape[1]))
    for u in range(P + 1):
        for v in range(u, P + 1):
            M[u, v] = M[v, u] = np.einsum("tb,tb->b", E[:, u], E[:, v])
    scale = np.ones((P + 1, theta.shape[1]))
    scale[1:] = problem.free
    for i, name in enumerate(problem.names):
        z = 1 / (1 + np.exp(-theta[i]))
        scale[1 + i] *= (_HIGH[name] - _LOW[name]) * z * (1 - z)
    M *= scale[:, None]
    M *= scale
    return M


def _sensitivities(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Errors and their derivatives by the bounded parameters, ``(time, 1 + P, series)``."""
    y, names, season = problem.y, problem.names, problem.season
    (T, B), P, k = y.shape, len(theta), len(names)
    row = {name: 1 + i for i, name in enumerate(names)}
    par = {
        name: np.where(problem.free[i], bounded(theta[i], name), _STILL.get(name, 0.0))
        for i, name in enumerate(names)
    }
    alpha, beta, phi = par["alpha"], par.get("beta"), par.get("phi")
    gamma = par.get("gamma", alpha)  # moves nothing without seasonal states
    level, slope = np.zeros((P + 1, B)), np.zeros((P + 1, B))
    level[0], level[1 + k] = -theta[k], -1.0  # below zero, so that an error is a sum
    moves = k + 1 < P
    if moves:
        slope[0], slope[2 + k] = theta[k + 1], 1.0
    m = 0 if season is None else len(season)
    states = np.zeros((m, P + 1, B))
    if season is not None:
        states[:, 0] = season
    known = np.isfinite(y)
    ends = _lengths(known)
    full = np.searchsorted(-ends, -np.arange(T), side="left")  # columns that are not over
    whole = (np.count_nonzero(known, axis=1) == full).tolist()
    E, news = np.empty((T, P + 1, B)), np.empty((P + 1, B))
    width, now = B, E
    for t, going in enumerate(full.tolist()):
        if going < width:
            width = going
            E[t:, :, width:] = 0.0
            now, y, known = E[..., :width], y[:, :width], known[:, :width]
            level, slope, states, news = (v[..., :width] for v in (level, slope, states, news))
            alpha, gamma = alpha[:width], gamma[:width]
            beta, phi = (v if v is None else v[:width] for v in (beta, phi))
        e = now[t]
        if moves:
            if phi is not None:
                old = slope[0].copy()
                slope *= phi
                slope[row["phi"]] += old
            level -= slope
        if m:
            s = states[t % m]
            np.subtract(level, s, out=e)
        else:
            e[...] = level
        e[0] += y[t]
        if not whole[t]:
            e[:, ~known[t]] = 0.0
        level -= np.multiply(alpha, e, out=news)
        level[1] -= e[0]
        if beta is not None:
            slope += np.multiply(beta, e, out=news)
            slope[row["beta"]] += e[0]
        if m:
            s += np.multiply(gamma, e, out=news)
            s[row["gamma"]] += e[0]
    return E


def logit(value: float, name: str) -> float:
    z = (value - _LOW[name]) / (_HIGH[name] - _LOW[name])
    return float(np.log(z / (1 - z)))


def bounded(theta: np.ndarray, name: str) -> np.ndarray:
    return _LOW[name] + (_HIGH[name] - _LOW[name]) / (1 + np.exp(-theta))
