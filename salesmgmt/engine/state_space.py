"""Exponential smoothing by likelihood: all forms, many series at once, a model by AICc.

ETS(error, trend, season) with additive or multiplicative errors; no, additive or damped
trend; no, additive or multiplicative season. Smoothing parameters and all initial states are
found together by Levenberg-Marquardt steps with forward sensitivities. A multiplicative
likelihood, ``n log sum(eps^2) + 2 sum log|f|``, is that of the least squares of ``eps`` times
the geometric mean of ``|f|``, so both kinds take the same steps.

References
----------
R. J. Hyndman, A. B. Koehler, R. D. Snyder, S. Grose, "A state space framework for automatic
forecasting using exponential smoothing methods", Int. J. Forecasting 18 (2002), 439-454.
R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
Smoothing", Springer 2008: chapters 5 (estimation), 6 (variances), 7 (selection).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import decomposition
from .estimates import Estimates

__all__ = ["FORMS", "Fitted", "choose", "fit_form", "variance"]

FORMS = tuple(
    [e + t + "N" for e in "AM" for t in ("N", "A", "Ad")]
    + [e + t + "A" for e in "AM" for t in ("N", "A", "Ad")]
    + ["M" + t + "M" for t in ("N", "A", "Ad")]
)
_RANGE = {
    "alpha": (1e-4, 0.9999),
    "beta": (1e-4, 0.9999),
    "gamma": (1e-4, 0.9999),
    "phi": (0.8, 0.98),
}
_STARTS = (
    {"alpha": 0.3, "beta": 0.1, "gamma": 0.1, "phi": 0.95},
    {"alpha": 0.75, "beta": 0.3, "gamma": 0.3, "phi": 0.9},
    {"alpha": 0.05, "beta": 0.05, "gamma": 0.05, "phi": 0.97},
)
_RESTLESS = {"alpha": 0.97, "beta": 0.95, "gamma": 0.1, "phi": 0.9}  # one more without a season


@dataclass(slots=True)
class Fitted:
    """One form fitted to a block; arrays by series.

    ``forecast`` (horizon, series); ``errors`` one-step, in units of the data; ``states`` the
    last level, slope and seasonal states.
    """

    form: str
    loglik: np.ndarray
    aicc: np.ndarray
    forecast: np.ndarray
    errors: np.ndarray
    sigma2: np.ndarray
    parameters: dict[str, np.ndarray]


@dataclass(slots=True)
class _Form:
    error: str
    trend: str
    season: str
    m: int

    @property
    def smoothing(self) -> list[str]:
        names = ["alpha"] + (["beta"] if self.trend != "N" else [])
        return names + ["gamma"] * (self.season != "N") + ["phi"] * (self.trend == "Ad")

    @property
    def size(self) -> int:
        return len(self.smoothing) + 1 + (self.trend != "N") + (self.m - 1) * (self.season != "N")


def _parse(form: str, m: int) -> _Form:
    return _Form(form[0], form[1:-1], form[-1], m if form[-1] != "N" else 1)


def fit_form(y: np.ndarray, n: np.ndarray, m: int, form: str, horizon: int) -> Fitted:
    """Fit one form, e.g. ``"MAdM"``, to each column of ``y`` (time, series) from row 0 on.

    Columns that are too short for it, or not positive where it needs that, get an AICc of
    infinity.
    """
    f = _parse(form, m)
    with np.errstate(all="ignore"):
        theta = _improve(y, _roughly(y, n, f), f, 50)[0]
        return _finish(y, n, theta, f, form, horizon, Estimates())


def _roughly(y: np.ndarray, n: np.ndarray, f: _Form) -> np.ndarray:
    """The best of some starts, side by side, after a few steps."""
    B = y.shape[1]
    states = _initial(y, n, f)
    starts = (*_STARTS, _RESTLESS) if f.season == "N" else _STARTS
    tried = [
        np.vstack([*(np.full((1, B), _logit(start[p], p)) for p in f.smoothing), states])
        for start in starts
    ]
    theta, loss = _improve(np.tile(y, len(tried)), np.hstack(tried), f, 10)
    best = loss.reshape(len(tried), B).argmin(axis=0) * B + np.arange(B)
    return theta[:, best]


def _logit(value: float, name: str) -> float:
    low, high = _RANGE[name]
    z = (value - low) / (high - low)
    return float(np.log(z / (1 - z)))


def _initial(y: np.ndarray, n: np.ndarray, f: _Form) -> np.ndarray:
    """First level, slope and seasonal states by decomposition and a straight line."""
    rows = min(len(y), max(10, 2 * f.m))
    head, out = y[:rows], []
    if f.season != "N":
        filled = decomposition.fill_gaps(y, n, f.m)
        times = f.season == "M"
        span = min(len(y), 5 * f.m)
        s = decomposition.seasonal_indices(
            filled[:span], np.minimum(n, span), f.m, multiplicative=times
        )
        s = np.where(n >= 2 * f.m, s, 1.0 if times else 0.0)
        if times:
            s = np.maximum(s, 0.05)
            s = s / s.mean(axis=0)
        tiled = s[np.arange(rows) % f.m]
        head = head / tiled if times else head - tiled
        out = [s[:-1]]
    known = np.isfinite(head)
    count = np.maximum(known.sum(axis=0), 1)
    t = np.where(known, np.arange(1.0, rows + 1)[:, None], 0.0)
    v = np.where(known, head, 0.0)
    mt, mv = t.sum(axis=0) / count, v.sum(axis=0) / count
    if f.trend == "N":
        return np.vstack([mv[None], *out])
    dt = np.where(known, t - mt, 0.0)
    slope = (dt * v).sum(axis=0) / np.maximum((dt * dt).sum(axis=0), 1e-12)
    return np.vstack([(mv - slope * mt)[None], slope[None], *out])


def _natural(theta: np.ndarray, f: _Form) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Smoothing parameters in their own region (beta < alpha, gamma < 1 - alpha), and slopes."""
    par, slope = {}, {}
    for i, name in enumerate(f.smoothing):
        low, high = _RANGE[name]
        z = 1 / (1 + np.exp(-theta[i]))
        par[name], slope[name] = low + (high - low) * z, (high - low) * z * (1 - z)
    return par, slope


def _improve(
    y: np.ndarray, theta: np.ndarray, f: _Form, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt; parameters and loss of each column."""
    k, d = len(f.smoothing), np.arange(f.size)
    live = np.arange(y.shape[1])
    out, final = theta.copy(), np.full(y.shape[1], np.inf)
    damp, done = np.full(y.shape[1], 1e-2), np.zeros(y.shape[1], dtype=bool)
    loss, A, g = _pass(y, theta, f)
    for _ in range(steps):
        M = np.moveaxis(A, 2, 0).copy()
        top = M[:, d, d].max(axis=1)
        M[:, d, d] = M[:, d, d] * (1 + damp)[:, None] + 1e-11 * top[:, None] + 1e-300
        M[~np.isfinite(M).all(axis=(1, 2))] = np.eye(len(d))
        step = -np.linalg.solve(M, np.nan_to_num(g).T[..., None])[..., 0].T
        step[:k] = np.clip(step[:k], -1.5, 1.5)
        tried = theta + step
        tried[:k] = np.clip(tried[:k], -9, 9)
        new_loss, new_A, new_g = _pass(y, tried, f)
        better = (new_loss < loss) & ~done
        small = loss - new_loss < 1e-5
        theta = np.where(better, tried, theta)
        loss, A, g = (np.where(better, a, b) for a, b in ((new_loss, loss), (new_A, A), (new_g, g)))
        damp = np.where(better, damp * 0.25, damp * 6)
        out[:, live], final[live] = theta, loss
        done |= (small & better) | (damp > 1e6)
        if done.all():
            break
        if done.mean() > 0.3:
            keep = ~done
            live, y, theta, loss = live[keep], y[:, keep], theta[:, keep], loss[keep]
            A, g, damp, done = A[..., keep], g[:, keep], damp[keep], done[keep]
    return out, final


def _pass(y: np.ndarray, theta: np.ndarray, f: _Form) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loss (series,), normal matrix (P, P, series) and right side (P, series) of one pass."""
    T, B = y.shape
    P, k, m = f.size, len(f.smoothing), f.m
    par, slope = _natural(theta, f)
    at = {name: 1 + i for i, name in enumerate(f.smoothing)}
    row = {"l": 1 + k, "b": 2 + k, "s": 2 + k + (f.trend != "N")}
    alpha, phi = par["alpha"], par.get("phi")
    star_b, star_g = par.get("beta"), par.get("gamma")
    level = np.zeros((P + 1, B))
    level[0], level[row["l"]] = theta[k], 1.0
    trend = None
    if f.trend != "N":
        trend = np.zeros((P + 1, B))
        trend[0], trend[row["b"]] = theta[k + 1], 1.0
    states = np.zeros((m, P + 1, B))
    if f.season != "N":
        first = theta[row["s"] - 1 :]
        states[:-1, 0] = first
        for j in range(m - 1):
            states[j, row["s"] + j] = 1.0
            states[m - 1, row["s"] + j] = -1.0
        states[-1, 0] = (m if f.season == "M" else 0.0) - first.sum(axis=0)
    known = np.isfinite(y)
    E, L = np.zeros((T, P + 1, B)), np.zeros((P + 1, B))
    bad = np.zeros(B, dtype=bool)
    for t in range(T):
        if trend is not None:
            if phi is not None:
                old = trend[0].copy()
                trend = trend * phi
                trend[at["phi"]] += old * slope["phi"]
            level = level + trend
        s = states[t % m]
        if f.season == "M":
            whole = level * s[0] + s * level[0]
            whole[0] = level[0] * s[0]
        else:
            whole = level + s if f.season == "A" else level
        here = known[t]
        v = np.where(here, y[t], 0.0)
        if f.season == "M":
            news_l = -v / s[0] ** 2 * s - level
            news_l[0] = v / s[0] - level[0]
            news_s = -v / level[0] ** 2 * level - s
            news_s[0] = v / level[0] - s[0]
        else:
            news_l = -whole
            news_l[0] += v
            news_s = news_l
        if f.error == "A":
            E[t] = np.where(here, -whole, 0.0)
            E[t, 0] = np.where(here, v - whole[0], 0.0)
        else:
            bad |= here & ~(whole[0] > 0)
            E[t] = np.where(here, -v / whole[0] ** 2 * whole, 0.0)
            E[t, 0] = np.where(here, v / whole[0] - 1, 0.0)
            L[1:] += np.where(here, whole[1:] / whole[0], 0.0)
            L[0] += np.where(here, np.log(np.abs(whole[0])), 0.0)
        if not here.all():
            news_l, news_s = np.where(here, news_l, 0.0), np.where(here, news_s, 0.0)
        level = level + alpha * news_l
        level[at["alpha"]] += news_l[0] * slope["alpha"]
        if trend is not None and star_b is not None:
            trend = trend + alpha * star_b * news_l
            trend[at["alpha"]] += star_b * slope["alpha"] * news_l[0]
            trend[at["beta"]] += alpha * slope["beta"] * news_l[0]
        if star_g is not None:
            s = s + (1 - alpha) * star_g * news_s
            s[at["alpha"]] -= star_g * slope["alpha"] * news_s[0]
            s[at["gamma"]] += (1 - alpha) * slope["gamma"] * news_s[0]
            states[t % m] = s
    count = np.maximum(known.sum(axis=0), 1)
    if f.error == "M":
        L /= count
        E[:, 1:] += E[:, :1] * L[1:]
    sse = np.einsum("tb,tb->b", E[:, 0], E[:, 0])
    loss = count * np.log(sse + 1e-300) + 2 * count * L[0]
    loss = np.where(np.isfinite(loss) & ~bad, loss, np.inf)
    flat = np.ascontiguousarray(np.moveaxis(E, 2, 0))
    M = flat.transpose(0, 2, 1) @ flat
    return loss, np.moveaxis(M[:, 1:, 1:], 0, 2), M[:, 0, 1:].T


def _finish(
    y: np.ndarray,
    n: np.ndarray,
    theta: np.ndarray,
    f: _Form,
    form: str,
    horizon: int,
    held: Estimates,
) -> Fitted:
    """Forecasts and errors with given parameters; criteria and variance where not held."""
    par, _ = _natural(theta, f)
    if "beta" in par:
        par["beta"] = par["alpha"] * par["beta"]
    if "gamma" in par:
        par["gamma"] = (1 - par["alpha"]) * par["gamma"]
    k, T, B = len(f.smoothing), len(y), y.shape[1]
    level, trend = theta[k].copy(), np.zeros(B)
    if f.trend != "N":
        trend = theta[k + 1].copy()
    states = np.ones((1, B)) if f.season == "N" else theta[k + 1 + (f.trend != "N") :]
    if f.season != "N":
        rest = (f.m if f.season == "M" else 0.0) - states.sum(axis=0)
        states = np.vstack((states, rest[None]))
    path = np.empty((T + horizon, B))
    for t in range(T + horizon):
        trend = trend * par["phi"] if "phi" in par else trend
        level = level + trend
        s = states[t % f.m]
        path[t] = level * s if f.season == "M" else level + s if f.season == "A" else level
        if t >= T:
            continue
        here = np.isfinite(y[t])
        v = np.where(here, y[t], path[t])
        news = v / s - level if f.season == "M" else v - path[t]
        if "gamma" in par:
            states[t % f.m] = s + par["gamma"] * ((v / level - s) if f.season == "M" else news)
        if "beta" in par:
            trend = trend + par["beta"] * news
        level = level + par["alpha"] * news
    errors = y - path[:T]
    loss = held.of("loss", lambda: _pass(y, theta, f)[0])
    aicc = held.of("aicc", lambda: _aicc(y, n, loss, f))
    sigma2 = held.of("sigma2", lambda: _variance(errors, path[:T], f))
    ahead = path[n[None] + np.arange(horizon)[:, None], np.arange(B)[None]]
    return Fitted(form, -0.5 * loss, aicc, ahead, errors, sigma2, par)


def _variance(errors: np.ndarray, path: np.ndarray, f: _Form) -> np.ndarray:
    """Of one-step errors, relative ones where they multiply."""
    relative = errors / path if f.error == "M" else errors
    free = np.isfinite(errors).sum(axis=0) - f.size
    return np.nansum(relative**2, axis=0) / np.maximum(free, 1)


def _aicc(y: np.ndarray, n: np.ndarray, loss: np.ndarray, f: _Form) -> np.ndarray:
    """AICc; infinite where the form does not apply to the column."""
    count, size = np.isfinite(y).sum(axis=0), f.size + 1
    wrong = count <= size + 1
    if f.error == "M":
        wrong = wrong | ~np.where(np.isfinite(y), y > 0, True).all(axis=0)
    if f.season != "N":
        wrong = wrong | (n < 2 * f.m) | (f.m > 24)
    correction = 2 * size * (size + 1) / np.maximum(count - size - 1, 1)
    return np.where(wrong, np.inf, loss + 2 * size + correction)


def variance(fit: Fitted, m: int) -> np.ndarray:
    """Variance of each step ahead, (horizon, series)."""
    f = _parse(fit.form, m)
    horizon, B = fit.forecast.shape
    zero = np.zeros(B)
    alpha, beta = fit.parameters["alpha"], fit.parameters.get("beta", zero)
    gamma, phi = fit.parameters.get("gamma", zero), fit.parameters.get("phi", zero + 1)
    j = np.arange(1, horizon)[:, None]
    run = np.cumsum(phi ** np.arange(1, horizon)[:, None], axis=0) if f.trend != "N" else 0.0 * j
    c = alpha + beta * run + np.where((j % f.m == 0) & (f.season == "A"), gamma, 0.0)
    if f.error == "A":
        return fit.sigma2 * np.vstack((np.ones((1, B)), 1 + np.cumsum(c**2, axis=0)))
    mean = fit.forecast
    theta = np.empty_like(mean)
    for h in range(horizon):
        inner = sum((c[i - 1] ** 2 * theta[h - i] for i in range(1, h + 1)), zero)
        theta[h] = mean[h] ** 2 + fit.sigma2 * inner
    extra = (1 + gamma**2 * fit.sigma2) ** (np.arange(horizon)[:, None] // f.m)
    grow = extra if f.season == "M" else 1.0
    return np.maximum((1 + fit.sigma2) * theta * grow - mean**2, 0.0)


def choose(
    y: np.ndarray, n: np.ndarray, m: int, horizon: int, *, held: Estimates | None = None
) -> list[tuple[np.ndarray, Fitted]]:
    """The form of lowest AICc for each column: pairs of columns and their fit.

    ``held``: forms, parameters, initial states and variances as they were estimated before.
    """
    held = held or Estimates()
    out = []
    with np.errstate(all="ignore"):
        for which, form, theta in held.of("forms", lambda: _select(y, n, m)):
            some, f = held.part(form), _parse(form, m)
            out.append((which, _finish(y[:, which], n[which], theta, f, form, horizon, some)))
    return out


def _select(y: np.ndarray, n: np.ndarray, m: int) -> list[tuple[np.ndarray, str, np.ndarray]]:
    """Columns that share their best form, the form, and its parameters and initial states.

    Every form takes a few steps; those that may still win are fitted to the end.
    """
    known = np.isfinite(y)
    positive = np.where(known, y > 0, True).all(axis=0)
    forms = [g for g in FORMS if (g[-1] == "N" or 1 < m <= 24) and (g[0] == "A" or positive.any())]
    rough, aicc = [], []
    with np.errstate(all="ignore"):
        for form in forms:
            f = _parse(form, m)
            rough.append(_roughly(y, n, f))
            aicc.append(_aicc(y, n, _pass(y, rough[-1], f)[0], f))
        score = np.stack(aicc)
        near = score <= score.min(axis=0) + 12
        for i, form in enumerate(forms):
            which = np.flatnonzero(near[i] & np.isfinite(score[i]))
            if len(which):
                f = _parse(form, m)
                theta, loss = _improve(y[:, which], rough[i][:, which], f, 50)
                rough[i][:, which] = theta
                score[i, which] = _aicc(y[:, which], n[which], loss, f)
        best = np.where(np.isfinite(score).any(axis=0), score.argmin(axis=0), 0)
        out = []
        for i in np.unique(best):
            which = np.flatnonzero(best == i)
            out.append((which, forms[i], rough[i][:, which]))
    return out
