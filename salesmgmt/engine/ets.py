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
_WIDE = 1600  # columns in a pass from which its cost is that of its numbers, not of its steps


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
    some = [held or Estimates()]
    options = (season, iterations, tolerance, prior or {})
    return _fit(y, n, horizon, [trend], some, *options)[0]


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
    size = max(_WIDE // max(y.shape[1], 1), 1)
    out = []
    for first in range(0, len(trends), size):
        some = slice(first, first + size)
        options = (season, iterations, 1e-4, prior or {})
        out += _fit(y, n, horizon, trends[some], held[some], *options)
    return out


def _fit(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    trends: Sequence[str],
    held: Sequence[Estimates],
    season: np.ndarray | None,
    iterations: int,
    tolerance: float,
    prior: dict[str, tuple[float, float]],
) -> list[Smoothed]:
    """Some trends side by side; what their estimates do not hold is worked out."""
    waiting = [i for i, some in enumerate(held) if some.known("theta") is None]
    if waiting:
        asked = [trends[i] for i in waiting]
        found = _estimate(y, asked, season, iterations, tolerance, prior)
        for i, theta in zip(waiting, found):
            held[i].of("theta", np.array, theta)
    thetas = [some.known("theta") for some in held]
    path = _paths(y, thetas, trends, season, horizon)
    rows, column = n[None] + np.arange(horizon)[:, None], np.arange(y.shape[1])[None]
    out = []
    for j, (trend, theta, some) in enumerate(zip(trends, thetas, held)):
        errors = y - path[: len(y), j]
        sse, count = some.of("size", _size, errors)
        named = {x: bounded(theta[i], x) for i, x in enumerate(_names(trend, season))}
        out.append(Smoothed(path[rows, j, column], errors, sse, count, named))
    return out


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


def _paths(
    y: np.ndarray,
    thetas: Sequence[np.ndarray],
    trends: Sequence[str],
    season: np.ndarray | None,
    horizon: int,
) -> np.ndarray:
    """One-step forecasts with given parameters, and what follows, (time + horizon, trends, series).

    After a column's end there is no news, so its path goes on as its forecast.
    """
    (T, B), moves = y.shape, any(trend != "none" for trend in trends)
    level, slope = np.empty((len(trends), B)), np.zeros((len(trends), B))
    alpha, gamma, beta = level.copy(), level.copy(), slope.copy()
    phi = np.ones_like(slope)
    for j, (trend, theta) in enumerate(zip(trends, thetas)):
        names = _names(trend, season)
        level[j] = theta[len(names)]
        if trend != "none":
            slope[j] = theta[len(names) + 1]
        for name, into in (("alpha", alpha), ("beta", beta), ("gamma", gamma), ("phi", phi)):
            if name in names:
                into[j] = bounded(theta[names.index(name)], name)
    damps, turns = bool((phi != 1.0).any()), bool(beta.any())
    s = None if season is None else np.repeat(season[:, None], len(trends), axis=1)
    path = np.empty((T + horizon, *level.shape))
    known = np.isfinite(y)
    whole = known.all(axis=1)
    for t in range(T + horizon):
        if moves:
            if damps:
                slope *= phi
            level += slope
        p = path[t]
        p[...] = level if s is None else level + s[t % len(s)]
        if t >= T:
            continue
        e = y[t] - p
        if not whole[t]:
            e[:, ~known[t]] = 0.0
        level += alpha * e
        if turns:
            slope += beta * e
        if s is not None:
            s[t % len(s)] += gamma * e
    return path
