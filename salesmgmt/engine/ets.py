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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .estimates import Estimates
from .smoothing_parameters import Problem, bounded, improve, logit

__all__ = ["Smoothed", "fit_additive", "fit_trends", "refine", "spread_ahead"]

_START = {"alpha": 0.3, "beta": 0.1, "gamma": 0.1, "phi": 0.95}
_SMOOTHING = {
    "none": ("alpha",),
    "drift": ("alpha",),
    "holt": ("alpha", "beta"),
    "damped": ("alpha", "beta", "phi"),
}
_WIDE = 1000  # columns in a pass from which its cost is that of its numbers, not of its steps


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
    names = _names(trend, season)
    theta = held.of(
        "theta", lambda: _estimate(y, [trend], season, iterations, tolerance, prior or {})[0]
    )
    errors, path = _filter(y, theta, names, season, horizon)
    rows = n[None] + np.arange(horizon)[:, None]
    sse, count = held.of("size", lambda: _size(errors))
    named = {name: bounded(theta[i], name) for i, name in enumerate(names)}
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


def fit_trends(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    trends: Sequence[str],
    held: Sequence[Estimates],
    *,
    season: np.ndarray | None = None,
    iterations: int = 10,
    prior: dict[str, tuple[float, float]] | None = None,
) -> list[Smoothed]:
    """What :func:`fit_additive` says with each of some trends, each with estimates of its own.

    Trends are estimated side by side as far as a pass over few columns has room for them.
    """
    waiting = [i for i, some in enumerate(held) if some.known("theta") is None]
    size = max(_WIDE // max(y.shape[1], 1), 1)
    for first in range(0, len(waiting), size):
        group = waiting[first : first + size]
        found = _estimate(y, [trends[i] for i in group], season, iterations, 1e-4, prior or {})
        for i, theta in zip(group, found):
            held[i].of("theta", np.array, theta)
    return [
        fit_additive(y, n, horizon, trend=trend, season=season, held=some)
        for trend, some in zip(trends, held)
    ]


def _estimate(
    y: np.ndarray,
    trends: Sequence[str],
    season: np.ndarray | None,
    iterations: int,
    tolerance: float,
    prior: dict[str, tuple[float, float]],
) -> list[np.ndarray]:
    """Smoothing parameters (as logits), first level and slope of each column, for each trend.

    Trends stand side by side in one block; what one lacks of the others' parameters stays still.
    """
    own = [_names(trend, season) for trend in trends]
    names = [x for x in ("alpha", "beta", "phi", "gamma") if any(x in some for some in own)]
    k, B = len(names), y.shape[1]
    P = k + 1 + any(trend != "none" for trend in trends)
    theta, free = np.zeros((P, len(trends), B)), np.zeros((P, len(trends), 1), dtype=bool)
    mean, precision = np.zeros((k, 1)), np.zeros((k, 1))
    for i, name in enumerate(names):
        start = logit(_START[name], name)
        if prior:
            usual, spread = prior[name]
            start, precision[i] = logit(usual, name), spread**-2
            mean[i] = start
        theta[i] = start
        free[i, :, 0] = [name in some for some in own]
    for j, trend in enumerate(trends):
        rows = k + 1 + (trend != "none")
        theta[k:rows, j], free[k:rows, j] = _first_states(y, season, trend != "none"), True
    problem = Problem(
        np.tile(y, len(trends)),
        names,
        None if season is None else np.tile(season, len(trends)),
        np.repeat(free, B, axis=2).reshape(P, -1),
    )
    found = improve(problem, theta.reshape(P, -1), iterations, tolerance, mean, precision)
    found = found.reshape(P, len(trends), B)
    return [found[free[:, j, 0], j] for j in range(len(trends))]


def _names(trend: str, season: np.ndarray | None) -> list[str]:
    """The smoothing parameters of a form, in order."""
    return [*_SMOOTHING[trend], *(["gamma"] if season is not None else [])]


def refine(y: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Simple smoothing to the end, from a smoothing parameter (as a logit) and first level."""
    no = np.zeros((1, 1))
    problem = Problem(y, ["alpha"], None, np.ones((2, y.shape[1]), dtype=bool))
    return improve(problem, start, 40, 1e-9, no, no)


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
    par = {name: bounded(theta[i], name) for i, name in enumerate(names)}
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
