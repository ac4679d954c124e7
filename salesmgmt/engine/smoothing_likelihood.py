"""Parameters and first states of exponential smoothing by likelihood, forms side by side.

Smoothing parameters and all first states of a column are found together by Levenberg-Marquardt
steps with forward sensitivities. A multiplicative likelihood, ``n log sum(eps^2) + 2 sum log|f|``,
is that of the least squares of ``eps`` times the geometric mean of ``|f|``, so both kinds take the
same steps. Columns are few where series are: then forms that share a kind of season are fitted in
one pass, each column estimating what its form has.

Relative errors below zero end at -1: a forecast a thousand times the value costs no more than one
of three times, and seasonal states may lie anywhere to make other errors smaller. Such maxima of
the likelihood are high, and no model of the record; see :func:`believable`.

References
----------
R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
Smoothing", Springer 2008, chapter 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import decomposition

__all__ = [
    "Form",
    "believable",
    "best_starts",
    "fitted",
    "logit",
    "loss_of",
    "natural",
    "parse",
    "path_of",
]

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
_WIDE = 600  # columns in a pass from which its cost is that of its numbers, not of its steps
_RESTLESS = {"alpha": 0.97, "beta": 0.95, "gamma": 0.1, "phi": 0.9}  # one more without a season
# And where a slope dies out: from elsewhere the search creeps along two bounds to this corner.
_CORNER = {"alpha": 0.999, "beta": 0.2, "gamma": 0.1, "phi": 0.802}


@dataclass(slots=True)
class Form:
    """Kinds of error, trend and season (``"N"``, ``"A"``, ``"Ad"``, ``"M"``); season length."""

    error: str
    trend: str
    season: str
    m: int

    @property
    def smoothing(self) -> list[str]:
        """Its smoothing parameters, in order."""
        names = ["alpha"] + (["beta"] if self.trend != "N" else [])
        return names + ["gamma"] * (self.season != "N") + ["phi"] * (self.trend == "Ad")

    @property
    def size(self) -> int:
        """Smoothing parameters and first states."""
        return len(self.smoothing) + 1 + (self.trend != "N") + (self.m - 1) * (self.season != "N")


def parse(form: str, m: int) -> Form:
    """From its name, e.g. ``"MAdM"``."""
    return Form(form[0], form[1:-1], form[-1], m if form[-1] != "N" else 1)


@dataclass(slots=True)
class _Block:
    """Columns to be fitted, each with a form of its own; all forms have the same kind of season.

    ``names``: smoothing parameters that any of them has; ``trend``: whether any has a slope;
    ``relative`` (series,): whether errors multiply; ``free`` (parameters, series): what a column
    estimates, the rest stays still.
    """

    y: np.ndarray
    m: int
    season: str
    names: list[str]
    trend: bool
    relative: np.ndarray
    free: np.ndarray

    def take(self, which: np.ndarray) -> _Block:
        """Some of the columns."""
        y, relative, free = self.y[:, which], self.relative[which], self.free[:, which]
        return _Block(y, self.m, self.season, self.names, self.trend, relative, free)


def _side_by_side(parts: Sequence[tuple[np.ndarray, Form]]) -> _Block:
    """Columns of some forms next to each other, form by form."""
    forms = [f for _, f in parts]
    names = [x for x in _RANGE if any(x in f.smoothing for f in forms)]
    trend, first = any(f.trend != "N" for f in forms), forms[0]
    rest = (first.m - 1) * (first.season != "N")
    free = []
    for y, f in parts:
        own = [x in f.smoothing for x in names] + [True] + [f.trend != "N"] * trend
        free.append(np.repeat(np.array(own + [True] * rest)[:, None], y.shape[1], axis=1))
    relative = np.repeat([f.error == "M" for f in forms], [y.shape[1] for y, _ in parts])
    return _Block(
        np.hstack([y for y, _ in parts]),
        first.m,
        first.season,
        names,
        trend,
        relative,
        np.hstack(free),
    )


def fitted(
    parts: Sequence[tuple[np.ndarray, np.ndarray, Form]], steps: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parameters and loss after some steps, from values, starts and form of each part.

    Parts with the same kind of season are fitted side by side as far as a pass has room.
    """
    out: list[tuple[np.ndarray, np.ndarray]] = [(start, np.empty(0)) for _, start, _ in parts]
    for group in _groups(parts):
        block = _side_by_side([(parts[i][0], parts[i][2]) for i in group])
        theta = np.zeros(block.free.shape)
        ends = np.cumsum([0, *(parts[i][0].shape[1] for i in group)])
        spans = [slice(*pair) for pair in zip(ends[:-1], ends[1:])]
        rows = [block.free[:, span.start] for span in spans]
        for i, span, own in zip(group, spans, rows):
            theta[own, span] = parts[i][1]
        theta, loss = _improve(block, theta, steps)
        for i, span, own in zip(group, spans, rows):
            out[i] = theta[own, span], loss[span]
    return out


def _groups(parts: Sequence[tuple[np.ndarray, np.ndarray, Form]]) -> list[list[int]]:
    """Which parts are fitted side by side."""
    out: list[list[int]] = []
    width = 0
    for i, (y, _, f) in enumerate(parts):
        if not y.shape[1]:
            continue
        fits = out and width + y.shape[1] <= _WIDE and parts[out[-1][0]][2].season == f.season
        if fits:
            out[-1].append(i)
            width += y.shape[1]
        else:
            out.append([i])
            width = y.shape[1]
    return out


def best_starts(
    y: np.ndarray, n: np.ndarray, forms: Sequence[Form]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each form the best of some starts after a few steps, and its loss."""
    B = y.shape[1]
    parts = []
    for f in forms:
        states = _initial(y, n, f)
        plain = f.season == "N"
        starts = [*_STARTS, *[_RESTLESS] * plain, *[_CORNER] * (plain and f.trend == "Ad")]
        tried = [
            np.vstack([*(np.full((1, B), logit(start[p], p)) for p in f.smoothing), states])
            for start in starts
        ]
        parts.append((np.tile(y, len(tried)), np.hstack(tried), f))
    out = []
    for (theta, loss), (tiled, _, f) in zip(fitted(parts, 10), parts):
        loss = np.where(believable(tiled, theta, f), loss, np.inf)
        best = loss.reshape(-1, B).argmin(axis=0) * B + np.arange(B)
        out.append((theta[:, best], loss[best]))
    return out


def logit(value: float, name: str) -> float:
    """A smoothing parameter as the search sees it: without bounds."""
    low, high = _RANGE[name]
    z = (value - low) / (high - low)
    return float(np.log(z / (1 - z)))


def _initial(y: np.ndarray, n: np.ndarray, f: Form) -> np.ndarray:
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


def natural(
    theta: np.ndarray, names: Sequence[str], free: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Smoothing parameters in their own region (beta < alpha, gamma < 1 - alpha), and slopes.

    Where a column has no such parameter it takes the value that changes nothing.
    """
    par, slope = {}, {}
    for i, name in enumerate(names):
        low, high = _RANGE[name]
        z = 1 / (1 + np.exp(-theta[i]))
        par[name], slope[name] = low + (high - low) * z, (high - low) * z * (1 - z)
        if free is not None and not free[i].all():
            par[name] = np.where(free[i], par[name], 1.0 if name == "phi" else 0.0)
    return par, slope


def _improve(block: _Block, theta: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt; parameters and loss of each column."""
    k, d = len(block.names), np.arange(len(theta))
    live = np.arange(theta.shape[1])
    out, final = theta.copy(), np.full(len(live), np.inf)
    damp, done = np.full(len(live), 1e-2), np.zeros(len(live), dtype=bool)
    loss, A, g = _pass(block, theta)
    for _ in range(steps):
        M = np.moveaxis(A, 2, 0).copy()
        top = M[:, d, d].max(axis=1)
        M[:, d, d] = M[:, d, d] * (1 + damp)[:, None] + 1e-11 * top[:, None] + 1e-300
        M[~np.isfinite(M).all(axis=(1, 2))] = np.eye(len(d))
        step = -np.linalg.solve(M, np.nan_to_num(g).T[..., None])[..., 0].T
        step[:k] = np.clip(step[:k], -1.5, 1.5)
        tried = theta + step
        tried[:k] = np.clip(tried[:k], -9, 9)
        new_loss, new_A, new_g = _pass(block, tried)
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
            keep = np.flatnonzero(~done)
            live, block, theta, loss = live[keep], block.take(keep), theta[:, keep], loss[keep]
            A, g, damp, done = A[..., keep], g[:, keep], damp[keep], done[keep]
    return out, final


def _pass(block: _Block, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loss (series,), normal matrix (P, P, series) and right side (P, series) of one pass."""
    E, L, bad = _sensitivities(block, theta)
    count = np.maximum(np.isfinite(block.y).sum(axis=0), 1)
    L /= count
    if block.relative.any():
        E[:, 1:] += E[:, :1] * L[1:]
    sse = np.einsum("tb,tb->b", E[:, 0], E[:, 0])
    loss = count * np.log(sse + 1e-300) + 2 * count * L[0]
    loss = np.where(np.isfinite(loss) & ~bad, loss, np.inf)
    flat = np.ascontiguousarray(np.moveaxis(E, 2, 0))
    M = np.moveaxis(flat.transpose(0, 2, 1) @ flat, 0, 2)
    A, g = M[1:, 1:], M[0, 1:]
    if not block.free.all():
        A = np.where(block.free & block.free[:, None], A, 0.0)
        g = np.where(block.free, g, 0.0)
    return loss, A, g


def _sensitivities(block: _Block, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors and derivatives (time, 1 + P, series), those of the sum of the logarithms of one-step
    forecasts (1 + P, series) where errors are relative, and columns that left the positive."""
    y, m, season = block.y, block.m, block.season
    (T, B), P, k = y.shape, len(theta), len(block.names)
    par, slope = natural(theta, block.names, block.free)
    at = {name: 1 + i for i, name in enumerate(block.names)}
    row = {"l": 1 + k, "b": 2 + k, "s": 2 + k + block.trend}
    alpha, phi = par["alpha"], par.get("phi")
    star_b, star_g = par.get("beta"), par.get("gamma")
    level, trend, states = np.zeros((P + 1, B)), np.zeros((P + 1, B)), np.zeros((m, P + 1, B))
    level[0], level[row["l"]] = theta[k], 1.0
    if block.trend:
        trend[0], trend[row["b"]] = np.where(block.free[k + 1], theta[k + 1], 0.0), 1.0
    if season != "N":
        first = theta[row["s"] - 1 :]
        states[:-1, 0] = first
        for j in range(m - 1):
            states[j, row["s"] + j] = 1.0
            states[m - 1, row["s"] + j] = -1.0
        states[-1, 0] = (m if season == "M" else 0.0) - first.sum(axis=0)
    known = np.isfinite(y)
    y, complete = np.where(known, y, 0.0), known.all(axis=1)
    E, L = np.zeros((T, P + 1, B)), np.zeros((P + 1, B))
    bad = np.zeros(B, dtype=bool)
    times, any_times = block.relative, block.relative.any()
    for t in range(T):
        if block.trend:
            if phi is not None:
                old = trend[0].copy()
                trend = trend * phi
                trend[at["phi"]] += old * slope["phi"]
            level = level + trend
        s = states[t % m]
        if season == "M":
            whole = level * s[0] + s * level[0]
            whole[0] = level[0] * s[0]
        else:
            whole = level + s if season == "A" else level
        here, v = known[t], y[t]
        if season == "M":
            news_l = -v / s[0] ** 2 * s - level
            news_l[0] = v / s[0] - level[0]
            news_s = -v / level[0] ** 2 * level - s
            news_s[0] = v / level[0] - s[0]
        else:
            news_l = -whole
            news_l[0] += v
            news_s = news_l
        E[t] = (np.where(times, -v / whole[0] ** 2, -1.0) if any_times else -1.0) * whole
        E[t, 0] = np.where(times, v / whole[0] - 1, v - whole[0]) if any_times else v - whole[0]
        if any_times:
            some = here & times
            bad |= some & ~(whole[0] > 0)
            L[1:] += np.where(some, whole[1:] / whole[0], 0.0)
            L[0] += np.where(some, np.log(np.abs(whole[0])), 0.0)
        if not complete[t]:
            E[t] = np.where(here, E[t], 0.0)
            news_l, news_s = np.where(here, news_l, 0.0), np.where(here, news_s, 0.0)
        level = level + alpha * news_l
        level[at["alpha"]] += news_l[0] * slope["alpha"]
        if star_b is not None:
            trend = trend + alpha * star_b * news_l
            trend[at["alpha"]] += star_b * slope["alpha"] * news_l[0]
            trend[at["beta"]] += alpha * slope["beta"] * news_l[0]
        if star_g is not None:
            s = s + (1 - alpha) * star_g * news_s
            s[at["alpha"]] -= star_g * slope["alpha"] * news_s[0]
            s[at["gamma"]] += (1 - alpha) * slope["gamma"] * news_s[0]
            states[t % m] = s
    return E, L, bad


def loss_of(y: np.ndarray, theta: np.ndarray, f: Form) -> np.ndarray:
    """Minus twice the log likelihood of each column, up to a constant of its length."""
    return _pass(_side_by_side([(y, f)]), theta)[0]


def path_of(
    y: np.ndarray, theta: np.ndarray, f: Form, horizon: int = 0
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One-step forecasts and what follows (time + horizon, series), and smoothing parameters.

    Parameters as in the textbook: beta and gamma as they move the states.
    """
    par, _ = natural(theta, f.smoothing)
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
    return path, par


def believable(y: np.ndarray, theta: np.ndarray, f: Form) -> np.ndarray:
    """Whether the errors of each column are such as its form supposes; only relative ones may not.

    Their root mean square is below 1 (else one value in six would be below zero, where there is
    none); in logarithms, where too much weighs as heavily as too little, their squares sum up to no
    more than twice those of the last value as a forecast; and errors around a season that
    multiplies have a mean within three standard errors of zero.
    """
    if f.error == "A":
        return np.ones(y.shape[1], dtype=bool)
    with np.errstate(all="ignore"):
        path = path_of(y, theta, f)[0]
        known = np.isfinite(y)
        e = np.where(known, y / path - 1, 0.0)
        size = (e * e).sum(axis=0)
        out: np.ndarray = size < known.sum(axis=0)
        pairs = known[1:] & known[:-1]
        missed = np.where(pairs, np.log(y[1:] / path[1:]), 0.0)
        moved = np.where(pairs, np.log(y[1:] / y[:-1]), 0.0)
        out &= ~((missed**2).sum(axis=0) > 2 * (moved**2).sum(axis=0))
        if f.season == "M":
            out &= e.sum(axis=0) ** 2 <= 9 * size
    return out
