"""Additive exponential smoothing for many series at once.

All series of a block are filtered side by side; smoothing parameters and initial level and
slope of every series move together by Levenberg-Marquardt steps whose derivatives come from
the same forward pass (forward sensitivities). A gap is a step without news: the error is zero.

References
----------
R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
Smoothing: The State Space Approach", Springer 2008, chapters 2 and 5.
K. Levenberg (1944), D. W. Marquardt (1963): damped least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .estimates import Estimates

__all__ = ["Smoothed", "fit_additive", "refine", "spread_ahead"]

_LOW = {"alpha": 1e-4, "beta": 1e-4, "gamma": 1e-4, "phi": 0.8}
_HIGH = {"alpha": 0.9999, "beta": 0.9999, "gamma": 0.9999, "phi": 0.98}
_START = {"alpha": 0.3, "beta": 0.1, "gamma": 0.1, "phi": 0.95}
_SMOOTHING = {
    "none": ("alpha",),
    "drift": ("alpha",),
    "holt": ("alpha", "beta"),
    "damped": ("alpha", "beta", "phi"),
}


@dataclass(slots=True)
class Smoothed:
    """A fitted block: forecasts, one-step errors and parameters, all by series.

    ``forecast`` (horizon, series); ``errors`` (time, series), NaN where nothing was known;
    ``sse``, ``count`` (series,); ``parameters`` name to (series,).
    """

    forecast: np.ndarray
    errors: np.ndarray
    sse: np.ndarray
    count: np.ndarray
    parameters: dict[str, np.ndarray]


def fit_additive(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    *,
    trend: str = "none",
    season: np.ndarray | None = None,
    iterations: int = 10,
    tolerance: float = 1e-4,
    prior: dict[str, tuple[float, float]] | None = None,
    held: Estimates | None = None,
) -> Smoothed:
    """Fit ETS(A, N|A|Ad, N|A) to each column by least squares of one-step errors.

    Parameters
    ----------
    y : (time, series) array
        Scaled values, NaN where nothing is known, every column starting in row 0.
    n : (series,) int array
        Length of each column.
    horizon : int
        Steps to forecast after row ``n - 1``.
    trend : {"none", "drift", "holt", "damped"}
        "drift": a slope that is estimated and stays.
    season : (m, series) array, optional
        Initial seasonal states; None: a model without seasonal states.
    iterations : int
        Most Levenberg-Marquardt steps.
    prior : dict, optional
        For each smoothing parameter its usual value and spread (in logits); None: no belief.
    tolerance : float
        A column is done when a step gains less than this share of its sum of squares.
    held : Estimates, optional
        Parameters, initial states and errors' size as they were estimated before; what it does
        not hold yet is estimated and put into it.
    """
    held = held or Estimates()
    names = [*_SMOOTHING[trend], *(["gamma"] if season is not None else [])]
    theta = held.of(
        "theta",
        lambda: _estimate(y, names, trend != "none", season, iterations, tolerance, prior or {}),
    )
    errors, path = _filter(y, theta, names, season, horizon)
    rows = n[None] + np.arange(horizon)[:, None]
    sse, count = held.of("size", lambda: _size(errors))
    named = {name: _bounded(theta[i], name) for i, name in enumerate(names)}
    return Smoothed(path[rows, np.arange(y.shape[1])[None]], errors, sse, count, named)


def spread_ahead(fit: Smoothed, horizon: int) -> np.ndarray:
    """Standard errors of each step ahead, (horizon, series), parameters taken as known."""
    a = fit.parameters["alpha"]
    b = fit.parameters.get("beta", np.zeros_like(a))
    phi = fit.parameters.get("phi", np.ones_like(a))
    h = np.arange(horizon)[:, None]
    run = np.cumsum(phi ** np.arange(1, horizon + 1)[:, None], axis=0)
    c = np.where(h == 0, 1.0, a + b * np.vstack((np.zeros_like(a)[None], run[:-1])))
    grow = np.sqrt(np.cumsum(c**2, axis=0))
    out: np.ndarray = np.sqrt(fit.sse / np.maximum(fit.count - 2, 1)) * grow
    return out


def _estimate(
    y: np.ndarray,
    names: list[str],
    trend: bool,
    season: np.ndarray | None,
    iterations: int,
    tolerance: float,
    prior: dict[str, tuple[float, float]],
) -> np.ndarray:
    """Smoothing parameters (as logits), first level and slope of each column."""
    k = len(names)
    theta = np.empty((k + 1 + trend, y.shape[1]))
    for i, name in enumerate(names):
        theta[i] = _logit(_START[name], name)
    theta[k:] = _first_states(y, season, trend)
    mean, precision = np.zeros((k, 1)), np.zeros((k, 1))
    for i, name in enumerate(names if prior else []):
        usual, spread = prior[name]
        mean[i], precision[i] = _logit(usual, name), spread**-2
        theta[i] = mean[i]
    return _improve(y, theta, names, season, iterations, tolerance, mean, precision)


def refine(y: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Simple smoothing to the end, from a smoothing parameter (as a logit) and first level."""
    free = np.zeros((1, 1))
    return _improve(y, start, ["alpha"], None, 40, 1e-9, free, free)


def _size(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of squares and number of the errors of each column."""
    known = np.isfinite(errors)
    e = np.where(known, errors, 0.0)
    return np.einsum("tb,tb->b", e, e), known.sum(axis=0)


def _first_states(y: np.ndarray, season: np.ndarray | None, trend: bool) -> np.ndarray:
    """Level (and slope) by a straight line through the first ten known rows, or one cycle."""
    rows = min(len(y), max(10, 0 if season is None else len(season)))
    head = y[:rows]
    if season is not None:
        head = head - season[np.arange(rows) % len(season)]
    known = np.isfinite(head)
    count = np.maximum(known.sum(axis=0), 1)
    t = np.where(known, np.arange(rows)[:, None], 0.0)
    v = np.where(known, head, 0.0)
    mean_t, mean_v = t.sum(axis=0) / count, v.sum(axis=0) / count
    if not trend:
        return mean_v[None]
    dt = np.where(known, t - mean_t, 0.0)
    slope = (dt * v).sum(axis=0) / np.maximum((dt * dt).sum(axis=0), 1e-12)
    slope = np.where(count > 2, slope, 0.0)
    return np.stack((mean_v - slope * (mean_t + 1), slope))


def _logit(value: float, name: str) -> float:
    z = (value - _LOW[name]) / (_HIGH[name] - _LOW[name])
    return float(np.log(z / (1 - z)))


def _bounded(theta: np.ndarray, name: str) -> np.ndarray:
    return _LOW[name] + (_HIGH[name] - _LOW[name]) / (1 + np.exp(-theta))


def _improve(
    y: np.ndarray,
    theta: np.ndarray,
    names: list[str],
    season: np.ndarray | None,
    iterations: int,
    tolerance: float,
    mean: np.ndarray,
    precision: np.ndarray,
) -> np.ndarray:
    """Levenberg-Marquardt on all columns at once; columns that are done leave the block."""
    k, d = len(names), np.arange(len(theta))
    out = theta.copy()
    live = np.arange(y.shape[1])
    done = np.zeros(y.shape[1], dtype=bool)  # stays put, whatever its neighbours need
    damp = np.full(y.shape[1], 1e-2)
    count = np.maximum(np.isfinite(y).sum(axis=0), 1)
    M = _moments(y, theta, names, season)
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
        new = _moments(y, tried, names, season)
        new_loss = _loss(new, tried, count, mean, precision)
        better = (new_loss < loss) & ~done
        small = loss - new_loss <= tolerance
        loss = np.where(better, new_loss, loss)
        theta = np.where(better, tried, theta)
        M = np.where(better, new, M)
        damp = np.where(better, damp * 0.3, damp * 8)
        out[:, live] = theta
        done |= (small & better) | (damp >= 1e3)
        going = ~done
        if done.all():
            break
        if going.mean() < 0.7:
            live, theta, M, damp = live[going], theta[:, going], M[..., going], damp[going]
            y, count, loss = y[:, going], count[going], loss[going]
            done = done[going]
            season = None if season is None else season[:, going]
    return out


def _loss(
    M: np.ndarray, theta: np.ndarray, count: np.ndarray, mean: np.ndarray, precision: np.ndarray
) -> np.ndarray:
    """Log of the mean square error, plus the distance from the prior as one observation's share."""
    apart = (precision * (theta[: len(mean)] - mean) ** 2).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(M[0, 0]), np.log(M[0, 0] + 1e-300), np.inf) + apart / count


def _moments(
    y: np.ndarray, theta: np.ndarray, names: list[str], season: np.ndarray | None
) -> np.ndarray:
    """Products of the errors and their derivatives, ``(1 + P, 1 + P, series)``, summed over time.

    Every state is carried as ``(1 + P, series)``: its value, then its derivatives by the
    parameters. The same recursion moves both; only the parameters' own rows gain a term.
    """
    T, B = y.shape
    P, k = len(theta), len(names)
    at = {name: 1 + i for i, name in enumerate(names)}
    par = {name: _bounded(theta[i], name) for i, name in enumerate(names)}
    alpha, beta, gamma, phi = (par.get(x) for x in ("alpha", "beta", "gamma", "phi"))
    level = np.zeros((P + 1, B))
    level[0], level[1 + k] = theta[k], 1.0
    slope = None
    if k + 1 < P:
        slope = np.zeros((P + 1, B))
        slope[0], slope[2 + k] = theta[k + 1], 1.0
    if season is not None:
        m = len(season)
        states = np.zeros((m, P + 1, B))
        states[:, 0] = season
    known = np.isfinite(y)
    whole = known.all(axis=1)
    E = np.empty((T, P + 1, B))
    for t in range(T):
        e = E[t]
        if slope is not None:
            if phi is not None:
                old = slope[0].copy()
                slope *= phi
                slope[at["phi"]] += old
            level += slope
        np.negative(level, out=e)
        if season is not None:
            s = states[t % m]
            e -= s
        e[0] += y[t]
        if not whole[t]:
            e[:, ~known[t]] = 0.0
        level += alpha * e
        level[1] += e[0]
        if beta is not None and slope is not None:
            slope += beta * e
            slope[at["beta"]] += e[0]
        if gamma is not None:
            s += gamma * e
            s[at["gamma"]] += e[0]
    M = np.empty((P + 1, P + 1, B))
    for u in range(P + 1):
        for v in range(u, P + 1):
            M[u, v] = M[v, u] = np.einsum("tb,tb->b", E[:, u], E[:, v])
    for i, name in enumerate(names):
        z = 1 / (1 + np.exp(-theta[i]))
        chain = (_HIGH[name] - _LOW[name]) * z * (1 - z)
        M[1 + i] *= chain
        M[:, 1 + i] *= chain
    return M


def _filter(
    y: np.ndarray,
    theta: np.ndarray,
    names: list[str],
    season: np.ndarray | None,
    horizon: int,
) -> tuple[np.ndarray, np.ndarray]:
    """One-step errors (time, series), and the path of forecasts (time + horizon, series).

    After a column's end there is no news, so its path goes on as its forecast.
    """
    T, B = y.shape
    k = len(names)
    par = {name: _bounded(theta[i], name) for i, name in enumerate(names)}
    alpha, beta, gamma, phi = (par.get(x) for x in ("alpha", "beta", "gamma", "phi"))
    level = theta[k].copy()
    slope = theta[k + 1].copy() if len(theta) > k + 1 else None
    s = None if season is None else season.copy()
    path = np.empty((T + horizon, B))
    known = np.isfinite(y)
    whole = known.all(axis=1)
    for t in range(T + horizon):
        if slope is not None:
            if phi is not None:
                slope *= phi
            level += slope
        path[t] = level if s is None else level + s[t % len(s)]
        if t >= T:
            continue
        e = y[t] - path[t]
        if not whole[t]:
            e[~known[t]] = 0.0
        level += alpha * e
        if beta is not None and slope is not None:
            slope += beta * e
        if s is not None and gamma is not None:
            s[t % len(s)] += gamma * e
    return y - path[:T], path
