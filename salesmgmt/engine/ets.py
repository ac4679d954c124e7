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

__all__ = ["Smoothed", "fit_additive"]

_LOW = {"alpha": 1e-4, "beta": 1e-4, "gamma": 1e-4, "phi": 0.8}
_HIGH = {"alpha": 0.9999, "beta": 0.9999, "gamma": 0.9999, "phi": 0.98}
_START = {"alpha": 0.3, "beta": 0.1, "gamma": 0.1, "phi": 0.95}


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


@dataclass(slots=True)
class _Form:
    trend: bool
    damped: bool
    m: int  # 1: no seasonal states

    @property
    def names(self) -> list[str]:
        names = ["alpha"] + ["beta"] * self.trend
        return names + ["gamma"] * (self.m > 1) + ["phi"] * self.damped


def fit_additive(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    *,
    trend: bool = False,
    damped: bool = False,
    season: np.ndarray | None = None,
    iterations: int = 12,
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
    trend, damped : bool
        Form of the trend.
    season : (m, series) array, optional
        Initial seasonal states; None: a model without seasonal states.
    iterations : int
        Most Levenberg-Marquardt steps.
    """
    form = _Form(trend, trend and damped, 1 if season is None else len(season))
    k = len(form.names)
    theta = np.empty((k + 1 + trend, y.shape[1]))
    for i, name in enumerate(form.names):
        z = (_START[name] - _LOW[name]) / (_HIGH[name] - _LOW[name])
        theta[i] = np.log(z / (1 - z))
    theta[k:] = _first_states(y, season, trend)
    theta = _improve(y, theta, form, season, iterations)
    errors, path = _filter(y, theta, form, season, horizon)
    rows = n[None] + np.arange(horizon)[:, None]
    sse = np.nansum(errors**2, axis=0)
    count = np.isfinite(errors).sum(axis=0)
    named = {name: _bounded(theta[i], name) for i, name in enumerate(form.names)}
    return Smoothed(path[rows, np.arange(y.shape[1])[None]], errors, sse, count, named)


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


def _bounded(theta: np.ndarray, name: str) -> np.ndarray:
    return _LOW[name] + (_HIGH[name] - _LOW[name]) / (1 + np.exp(-theta))


def _improve(
    y: np.ndarray, theta: np.ndarray, form: _Form, season: np.ndarray | None, iterations: int
) -> np.ndarray:
    """Levenberg-Marquardt on all columns at once; a column that gains nothing stays put."""
    k = len(form.names)
    damp = np.full(y.shape[1], 1e-2)
    sse, J, r = _pass(y, theta, form, season)
    for _ in range(iterations):
        A = np.moveaxis(J, 2, 0).copy()
        d = np.arange(len(theta))
        A[:, d, d] = A[:, d, d] * (1 + damp)[:, None] + 1e-9 * sse[:, None] + 1e-12
        step = np.linalg.solve(A, r.T[..., None])[..., 0].T
        step[:k] = np.clip(step[:k], -2, 2)
        tried = theta + step
        tried[:k] = np.clip(tried[:k], -8, 8)
        new_sse, new_J, new_r = _pass(y, tried, form, season)
        with np.errstate(invalid="ignore"):
            better = new_sse < sse
        gain = np.where(better, sse - new_sse, 0.0)
        theta = np.where(better, tried, theta)
        J, r = np.where(better, new_J, J), np.where(better, new_r, r)
        done = gain <= 1e-6 * sse
        sse = np.where(better, new_sse, sse)
        damp = np.clip(np.where(better, damp * 0.3, damp * 5), 1e-9, 1e9)
        if (done & (better | (damp > 1e3))).all():
            break
    return theta


def _pass(
    y: np.ndarray, theta: np.ndarray, form: _Form, season: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SSE (series,), J'J (P, P, series) and J'e (P, series) of one forward pass."""
    T, B = y.shape
    P, k, m = len(theta), len(form.names), form.m
    par = {name: _bounded(theta[i], name) for i, name in enumerate(form.names)}
    at = {name: i for i, name in enumerate(form.names)}
    zero = np.zeros(B)
    a, b, g = (par.get(x, zero) for x in ("alpha", "beta", "gamma"))
    phi = par.get("phi")
    level = theta[k].copy()
    slope = theta[k + 1].copy() if form.trend else None
    s = None if season is None else season.copy()
    dl, db = np.zeros((P, B)), np.zeros((P, B))
    dl[k] = 1.0
    if form.trend:
        db[k + 1] = 1.0
    ds = np.zeros((m, P, B)) if s is not None else None
    sse, J, r = np.zeros(B), np.zeros((P, P, B)), np.zeros((P, B))
    known = np.isfinite(y)
    full = known.all(axis=1)
    for t in range(T):
        f, df = level, dl
        if slope is not None:
            ahead, dahead = slope, db
            if phi is not None:
                ahead, dahead = phi * slope, phi * db
                dahead[at["phi"]] += slope
            f, df = f + ahead, df + dahead
        whole, dwhole = f, df
        if s is not None and ds is not None:
            j = t % m
            whole, dwhole = f + s[j], df + ds[j]
        e = y[t] - whole
        if not full[t]:
            e = np.where(known[t], e, 0.0)
            dwhole = np.where(known[t], dwhole, 0.0)
        sse += e * e
        r += e * dwhole
        for u in range(P):
            J[u, u:] += dwhole[u] * dwhole[u:]
        level = f + a * e
        dl = df - a * dwhole
        dl[0] += e
        if slope is not None:
            slope = ahead + b * e
            db = dahead - b * dwhole
            db[at["beta"]] += e
        if s is not None and ds is not None:
            s[j] += g * e
            ds[j] -= g * dwhole
            ds[j, at["gamma"]] += e
    for u, name in enumerate(form.names):
        z = 1 / (1 + np.exp(-theta[u]))
        chain = (_HIGH[name] - _LOW[name]) * z * (1 - z)
        r[u] *= chain
        J[u, :] *= chain
        J[:, u] *= chain
    for u in range(P):
        J[u:, u] = J[u, u:]
    return sse, J, r


def _filter(
    y: np.ndarray, theta: np.ndarray, form: _Form, season: np.ndarray | None, horizon: int
) -> tuple[np.ndarray, np.ndarray]:
    """One-step errors (time, series), and the path of forecasts (time + horizon, series).

    After a column's end there is no news, so its path goes on as its forecast.
    """
    T, B = y.shape
    k, m = len(form.names), form.m
    par = {name: _bounded(theta[i], name) for i, name in enumerate(form.names)}
    zero = np.zeros(B)
    a, b, g = (par.get(x, zero) for x in ("alpha", "beta", "gamma"))
    phi = par.get("phi")
    level = theta[k]
    slope = theta[k + 1] if form.trend else None
    s = None if season is None else season.copy()
    errors, path = np.full((T, B), np.nan), np.empty((T + horizon, B))
    for t in range(T + horizon):
        f = level
        if slope is not None:
            slope = slope if phi is None else phi * slope
            f = f + slope
        path[t] = f if s is None else f + s[t % m]
        if t >= T:
            level = f
            continue
        errors[t] = y[t] - path[t]
        e = np.nan_to_num(errors[t], nan=0.0)
        level = f + a * e
        if slope is not None:
            slope = slope + b * e
        if s is not None:
            s[t % m] += g * e
    return errors, path
