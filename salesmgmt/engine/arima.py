"""Seasonal ARIMA for many series at once, orders by AICc of the exact likelihood.

Differences are settled first: seasonal ones by the strength of the season, plain ones by the
KPSS test. A second plain difference makes forecasts run on with the newest slope, so it must
also halve the variance of the changes (whose first autocorrelation is then above 3/4). A list
of orders is fitted by conditional least squares, all series side by side; the best few of each
series, with and without a constant, and their neighbours are fitted by exact maximum likelihood.

References
----------
R. J. Hyndman, Y. Khandakar, "Automatic time series forecasting: the forecast package for R",
Journal of Statistical Software 27 (2008), no. 3. D. Kwiatkowski, P. C. B. Phillips,
P. Schmidt, Y. Shin, "Testing the null hypothesis of stationarity against the alternative of a
unit root", Journal of Econometrics 54 (1992), 159-178. X. Wang, K. Smith, R. J. Hyndman,
"Characteristic-based clustering for time series data", Data Mining and Knowledge Discovery
13 (2006), 335-364 (strength of season).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import decomposition
from .arma import Order, coefficients, fit_conditional, polynomials
from .arma_likelihood import Exact, Part, exact
from .estimates import Estimates

__all__ = ["Chosen", "Order", "choose", "fit_order"]

_PLAIN = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2), (2, 2))
_SEASONAL = ((0, 0), (0, 1), (1, 0), (2, 0))
_CLOSE = 2  # orders of the list that are fitted by exact likelihood
_ROUNDS = 1  # of looking at neighbours
_SPARE = 4  # orders that may stand in for one not trusted, where neighbours are not looked at
_MOST = (3, 3, 2, 2)  # of p, q, P, Q
_SHORT = 12  # longest season at which neighbours are looked at
_KPSS = 0.463  # 5 % point
_HALF = 0.5  # of the variance must go by a second difference
_STEPS = 30
_ENOUGH = 1e-3  # gain in twice the likelihood at which an order tried is left
_FINE = 1e-6  # and the order chosen
_NEAR = 1.01  # roots nearer to the unit circle are not trusted
_WORK = 1_500_000  # numbers in one batch of error columns
_HOLES = 40  # missing values that are estimated; where there are more, they are filled before


@dataclass(slots=True)
class Chosen:
    """What was chosen for each column; arrays by series.

    ``mean``, ``sd`` (horizon, series); ``errors`` (time, series), NaN where nothing is known;
    ``count``: values behind the likelihood; ``parameters``: coefficients by name.
    """

    mean: np.ndarray
    sd: np.ndarray
    errors: np.ndarray
    loglik: np.ndarray
    aicc: np.ndarray
    sigma2: np.ndarray
    count: np.ndarray
    orders: list[Order]
    parameters: list[dict[str, float]]


@dataclass(slots=True)
class _Fits:
    """One order fitted by exact likelihood to some columns."""

    order: Order
    theta: np.ndarray
    loglik: np.ndarray
    aicc: np.ndarray

    def take(self, which: np.ndarray) -> _Fits:
        """Some columns."""
        return _Fits(self.order, self.theta[:, which], self.loglik[which], self.aicc[which])


def choose(
    y: np.ndarray, n: np.ndarray, m: int, horizon: int, *, held: Estimates | None = None
) -> Chosen:
    """The order of lowest AICc for each column of ``y`` (time, series), and its forecasts.

    ``held``: orders, coefficients, means and variances as they were estimated before.
    """
    held = held or Estimates()
    filled = decomposition.fill_gaps(y, n, m)
    out = _empty(y, horizon)
    laws: list[_Law | None] = held.of("laws", lambda: [None] * len(n))
    for which, fits in held.of("fits", lambda: _choose(y, filled, n, m)):
        for part in _alike(y, n, which):
            _put(out, part, fits.take(np.searchsorted(which, part)), y, filled, n, m, laws)
    return out


def _choose(
    y: np.ndarray, filled: np.ndarray, n: np.ndarray, m: int
) -> list[tuple[np.ndarray, _Fits]]:
    """Columns that share an order, and how it fitted."""
    d, D = _differences(filled, n, m)
    out = []
    for pair in sorted({(int(a), int(b)) for a, b in zip(d, D)}):
        which = np.flatnonzero((d == pair[0]) & (pair[1] == D))
        for part in _alike(y, n, which):
            out += _search(part, y, filled, n, m, *pair)
    return out


def fit_order(y: np.ndarray, n: np.ndarray, m: int, order: Order, horizon: int) -> Chosen:
    """One order fitted by exact maximum likelihood to every column."""
    filled = decomposition.fill_gaps(y, n, m)
    out = _empty(y, horizon)
    k = order.size - order.constant
    for part in _alike(y, n, np.arange(len(n))):
        data = _part(y[:, part], filled[:, part], n[part], m, order.d, order.D)
        starts = [fit_conditional(_known(data), m, order).theta[:k]]
        starts += [np.full_like(starts[0], x) for x in (0.1, 0.8)]
        best = _exactly(data, _inside(starts[0]), order, m, enough=_FINE)
        for start in starts[1:] if k else []:
            other = _exactly(data, start, order, m, enough=_FINE)
            better = other.loglik > best.loglik
            for name in ("theta", "loglik", "aicc"):
                old, new = getattr(best, name), getattr(other, name)
                setattr(best, name, np.where(better, new, old))
        _put(out, part, best, y, filled, n, m, [None] * len(n))
    return out


def _empty(y: np.ndarray, horizon: int) -> Chosen:
    B = y.shape[1]
    return Chosen(
        np.zeros((horizon, B)),
        np.zeros((horizon, B)),
        np.full_like(y, np.nan),
        np.full(B, np.nan),
        np.full(B, np.nan),
        np.full(B, np.nan),
        np.zeros(B, dtype=int),
        [Order(0, 1, 0, 0, 0, 0, False)] * B,
        [{} for _ in range(B)],
    )


def _alike(y: np.ndarray, n: np.ndarray, which: np.ndarray) -> list[np.ndarray]:
    """Columns without gaps together, those with gaps together."""
    lost = (np.isnan(y[:, which]) & (np.arange(len(y))[:, None] < n[which])).sum(axis=0)
    gaps = (lost > 0) & (lost <= _HOLES)
    return [part for part in (which[~gaps], which[gaps]) if len(part)]


# --------------------------------------------------------------------------------------
# Differences


def _differences(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Plain and seasonal differences of each column."""
    D = np.zeros(len(n), dtype=int)
    x = y
    if m > 1:
        D = ((_strength(y, n, m) > 0.64) & (n >= 3 * m)).astype(int)
        x = np.where(D > 0, _lagged(y, m), y)
    d = np.zeros(len(n), dtype=int)
    for done in (0, 1):
        change = _lagged(x, 1)
        more = (_kpss(x) > _KPSS) & (d == done) & (n - m * D > 5)
        if done:
            more &= _variance(change) < _HALF * _variance(x)
        d[more] += 1
        x = np.where(more, change, x)
    return d, D


def _strength(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Share of the variance around the trend that a slowly changing season explains."""
    smooth = decomposition.centred_average(y, m)
    smooth[np.arange(len(y))[:, None] >= n - m // 2] = np.nan
    x, found, cycles = y - smooth, np.zeros(len(n)), -(-n // m)
    for count in np.unique(cycles):  # the span of loess is of the column's own record
        which = cycles == count
        found[which] = _seasonal_share(x[: count * m, which], m)
    return found


def _seasonal_share(x: np.ndarray, m: int) -> np.ndarray:
    """Share of the variance of columns that are over after as many cycles."""
    B, pad = x.shape[1], (-len(x)) % m
    x = np.vstack((x, np.full((pad, B), np.nan))).reshape(-1, m * B)
    known = np.isfinite(x)
    cycle = np.arange(len(x))
    reach = np.maximum(6.0, len(x) / 2)  # eleven cycles, as loess with that span
    weight = np.clip(1 - (np.abs(cycle[:, None] - cycle) / reach) ** 3, 0.0, 1.0) ** 3
    total = weight @ known
    season = weight @ np.where(known, x, 0.0) / np.maximum(total, 1e-12)
    rest = np.where(known, x - season, np.nan).reshape(-1, B)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = 1 - _variance(rest) / _variance(x.reshape(-1, B))
    return np.nan_to_num(share, nan=0.0)


def _lagged(y: np.ndarray, lag: int) -> np.ndarray:
    out = np.full_like(y, np.nan)
    out[lag:] = y[lag:] - y[:-lag] if lag < len(y) else np.nan
    return out


def _variance(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / count
    return np.where(known, (x - mean) ** 2, 0.0).sum(axis=0) / count


def _kpss(x: np.ndarray) -> np.ndarray:
    """Statistic of the KPSS test of a level, by series; 0 for what does not move."""
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / count
    e = np.where(known, x - mean, 0.0)
    walk = np.where(known, np.cumsum(e, axis=0), 0.0)
    lags = (3 * np.sqrt(count) / 13).astype(int)
    spread = (e * e).sum(axis=0)
    for k in range(1, int(lags.max(initial=0)) + 1):
        weight = np.where(k <= lags, 1 - k / (lags + 1), 0.0)
        spread = spread + 2 * weight * (e[k:] * e[:-k]).sum(axis=0)
    moves = spread > 1e-18 * np.where(known, x * x, 0.0).sum(axis=0)
    return np.where(moves, (walk**2).sum(axis=0) / np.where(moves, spread, 1.0) / count, 0.0)


def _part(y: np.ndarray, filled: np.ndarray, n: np.ndarray, m: int, d: int, D: int) -> Part:
    """Differenced columns as the likelihood needs them."""
    lost = np.isnan(y) & (np.arange(len(y))[:, None] < n)
    gaps = lost.sum(axis=0)
    most = int(gaps.max(initial=0)) if gaps.max(initial=0) <= _HOLES else 0
    holes = np.zeros((len(y), most, y.shape[1]))
    x = filled
    if most:
        x = np.where(lost, 0.0, filled)
        for j in range(y.shape[1]):
            at = np.flatnonzero(lost[:, j])
            holes[at, np.arange(len(at)), j] = 1.0
    for lag in [m] * D + [1] * d:
        x = x[lag:] - x[:-lag] if lag < len(x) else x[:0]
        holes = holes[lag:] - holes[:-lag] if lag < len(holes) else holes[:0]
    left = np.maximum(n - d - D * m, 0)
    rows = int(left.max(initial=0))
    x, holes = x[:rows], holes[:rows]
    inside = np.arange(len(x))[:, None] < left
    return Part(np.where(inside, x, 0.0), left, np.where(inside[:, None], holes, 0.0))


def _known(part: Part) -> np.ndarray:
    """Differences for conditional least squares, NaN where not known."""
    w = part.w if len(part.w) else np.zeros((1, part.w.shape[1]))
    over = np.arange(len(w))[:, None] >= part.n
    touched = (part.holes != 0).any(axis=1) if len(part.w) else over
    return np.where(over | touched, np.nan, w)


# --------------------------------------------------------------------------------------
# The search


def _search(
    which: np.ndarray,
    y: np.ndarray,
    filled: np.ndarray,
    n: np.ndarray,
    m: int,
    d: int,
    D: int,
) -> list[tuple[np.ndarray, _Fits]]:
    """The best order for columns that share their differences."""
    part = _part(y[:, which], filled[:, which], n[which], m, d, D)
    free = d + D < 2
    seasonal = _SEASONAL if m > 1 else ((0, 0),)
    tried = [Order(p, d, q, P, D, Q, free) for p, q in _PLAIN for P, Q in seasonal]
    w = _known(part)
    fits = [fit_conditional(w, m, order) for order in tried]
    rank = np.argsort(np.stack([f.aicc for f in fits]), axis=0, kind="stable")
    best: list[_Fits | None] = [None] * len(which)
    seen: list[set[Order]] = [set() for _ in which]
    wide = m <= _SHORT
    todo: dict[Order, list[int]] = {}
    starts: dict[tuple[Order, int], np.ndarray] = {}
    for j in range(len(which)):
        for i in _first(rank[:, j], tried, wide):
            order, theta = tried[i], fits[i].theta[:, j]
            for constant in {free, False} if wide else {free}:
                one = replace(order, constant=constant)
                todo.setdefault(one, []).append(j)
                starts[one, j] = theta[: order.size - order.constant]
    _try(best, seen, todo, starts, part, m)
    if not wide:
        _instead(best, seen, rank, tried, [f.theta for f in fits], part, m)
    moved = list(range(len(which)))
    for _ in range(_ROUNDS if wide else 0):
        todo = {}
        for j in moved:
            now = best[j]
            if now is not None and now.aicc[0] < np.inf:
                for one in _neighbours(now.order, m, free):
                    if one not in seen[j]:
                        todo.setdefault(one, []).append(j)
                        starts[one, j] = _carried(now.theta[:, 0], now.order, one)
        moved = _try(best, seen, todo, starts, part, m)
    orders = [f.order for f in best if f is not None]
    thetas = [f.theta[:, 0] for f in best if f is not None]
    out = []
    for order in dict.fromkeys(orders):
        js = np.array([j for j, o in enumerate(orders) if o == order])
        start = np.stack([thetas[j] for j in js], axis=1)
        found = _exactly(part.take(js), start, order, m, enough=_FINE)
        gone = _largest(found.theta, order, m) > 1 / _NEAR
        if gone.any():  # where it was trusted a little earlier
            kept = _exactly(part.take(js), start, order, m, enough=np.inf)
            found.theta[:, gone] = kept.theta[:, gone]
            found.loglik[gone], found.aicc[gone] = kept.loglik[gone], kept.aicc[gone]
        out.append((which[js], found))
    return out


def _first(rank: np.ndarray, tried: list[Order], wide: bool) -> list[int]:
    """Orders of the list that are fitted by exact likelihood: the best, and white noise.

    And the best with another seasonal part: a seasonal moving average that takes out a fixed
    season has its root on the unit circle, and whole families of orders fall with it.
    """
    if not wide:
        return list(dict.fromkeys((int(rank[0]), 0)))
    part = [(order.P, order.Q) for order in tried]
    other = [i for i in rank if part[i] != part[rank[0]]][:1]
    return list(dict.fromkeys(int(i) for i in (*rank[:_CLOSE], *other, 0)))


def _instead(
    best: list[_Fits | None],
    seen: list[set[Order]],
    rank: np.ndarray,
    tried: list[Order],
    thetas: list[np.ndarray],
    part: Part,
    m: int,
) -> None:
    """The next of the list where nothing but white noise is left, until one can be trusted."""
    bare = [j for j, now in enumerate(best) if now is None or now.order == tried[0]]
    for turn in range(_SPARE):
        todo: dict[Order, list[int]] = {}
        starts: dict[tuple[Order, int], np.ndarray] = {}
        for j in bare:
            others = _spare(rank[:, j], tried)
            if rank[0, j] and turn < len(others):
                order = tried[others[turn]]
                todo.setdefault(order, []).append(j)
                starts[order, j] = thetas[others[turn]][: order.size - order.constant, j]
        moved = set(_try(best, seen, todo, starts, part, m))
        bare = [j for j in bare if j not in moved]


def _spare(rank: np.ndarray, tried: list[Order]) -> list[int]:
    """Orders that stand in for the best: the first with another seasonal part (:func:`_first`).

    Then those that do not hold it: larger ones have its root, too.
    """
    best = tried[rank[0]]
    other = [i for i in rank if (tried[i].P, tried[i].Q) != (best.P, best.Q)][:1]
    less = [i for i in rank if tried[i].p < best.p or tried[i].q < best.q]
    return [int(i) for i in dict.fromkeys((*other, *less)) if i]


def _try(
    best: list[_Fits | None],
    seen: list[set[Order]],
    todo: dict[Order, list[int]],
    starts: dict[tuple[Order, int], np.ndarray],
    part: Part,
    m: int,
) -> list[int]:
    """Fit each order to its columns; those whose best has changed."""
    moved: dict[int, None] = {}
    for order, js in todo.items():
        some = part.take(np.array(js))
        k = order.size - order.constant
        theta = np.full((k, len(js)), 0.1)
        for i, j in enumerate(js):
            if (order, j) in starts:
                theta[:, i] = starts[order, j]
        found = _exactly(some, _inside(theta), order, m)
        found.aicc[_largest(found.theta, order, m) > 1 / _NEAR] = np.inf
        for i, j in enumerate(js):
            seen[j].add(order)
            now = best[j]
            if now is None or found.aicc[i] < now.aicc[0] - 1e-9:
                one = slice(i, i + 1)
                best[j] = _Fits(order, found.theta[:, one], found.loglik[one], found.aicc[one])
                moved[j] = None
    return list(moved)


def _neighbours(order: Order, m: int, free: bool) -> list[Order]:
    """Orders one step away: p, q, P, Q more or less, two of them together, the constant."""
    steps = [(1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0)]
    if m > 1:
        steps += [(0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 1, -1)]
    out = []
    for step in steps:
        for sign in (1, -1):
            at = [a + sign * b for a, b in zip((order.p, order.q, order.P, order.Q), step)]
            if all(0 <= a <= most for a, most in zip(at, _MOST)):
                out.append(replace(order, p=at[0], q=at[1], P=at[2], Q=at[3]))
    if free:
        out.append(replace(order, constant=not order.constant))
    return out


def _carried(theta: np.ndarray, old: Order, new: Order) -> np.ndarray:
    """Parameters of one order as a start for another: partial autocorrelations stay."""
    out, at = [], 0
    for have, want in zip((old.p, old.P, old.q, old.Q), (new.p, new.P, new.q, new.Q)):
        own = theta[at : at + have][:want]
        out.append(np.concatenate((own, np.full(want - len(own), 0.05))))
        at += have
    return np.concatenate(out)


# --------------------------------------------------------------------------------------
# Exact maximum likelihood


def _exactly(
    part: Part, theta: np.ndarray, order: Order, m: int, *, enough: float = _ENOUGH
) -> _Fits:
    """Quasi-Newton steps (BFGS) on the exact likelihood, all columns together.

    A column is done when a step gains less than ``enough`` in twice its likelihood.
    """
    k, B = order.size - order.constant, len(part.n)
    count = np.maximum(part.count, 1)
    theta = theta[:k].copy()
    loss, slope = _loss(part, theta, order, m)
    inverse = np.tile(np.eye(k), (B, 1, 1))
    reach, live = np.ones(B), np.arange(B)
    for _ in range(_STEPS if k and np.isfinite(enough) else 0):
        g = slope[:, live]
        step = -np.einsum("bij,jb->ib", inverse[live], g)
        downhill = (step * g).sum(axis=0) < 0
        step = np.where(downhill, step, -g)
        step *= reach[live] / np.maximum(np.abs(step).max(axis=0), 1.0)
        tried = np.clip(theta[:, live] + step, -6.0, 6.0)
        new, new_slope = _loss(part.take(live), tried, order, m)
        better = new < loss[live]
        small = better & ((loss[live] - new) * count[live] < enough)
        _learn(
            inverse, live[better], (tried - theta[:, live])[:, better], (new_slope - g)[:, better]
        )
        theta[:, live[better]] = tried[:, better]
        slope[:, live[better]], loss[live[better]] = new_slope[:, better], new[better]
        reach[live] = np.where(better, 1.0, reach[live] * 0.25)
        live = live[~small & (reach[live] > 1e-3)]
        if not len(live):
            break
    size = order.size + 1
    correction = 2 * size * (size + 1) / np.maximum(count - size - 1, 1)
    aicc = np.where(count > size + 1, loss * count + 2 * size + correction, np.inf)
    return _Fits(order, theta, -0.5 * loss * count, aicc)


def _inside(theta: np.ndarray) -> np.ndarray:
    """Starts far enough from the bounds to move."""
    return np.clip(theta, -2.0, 2.0)


def _largest(theta: np.ndarray, order: Order, m: int) -> np.ndarray:
    """Largest inverse root of AR and MA of each column."""
    named = coefficients(theta, order)
    at = 0
    out: np.ndarray = np.zeros(theta.shape[1])
    lags = ((order.p, 1, 1.0), (order.P, m, 1.0), (order.q, 1, -1.0), (order.Q, m, -1.0))
    for k, lag, sign in lags:
        if k:
            companion = np.tile(np.eye(k, k=-1), (theta.shape[1], 1, 1))
            companion[:, 0] = sign * named[at : at + k].T
            root = np.abs(np.linalg.eigvals(companion)).max(axis=1)
            out = np.maximum(out, root ** (1 / lag))
        at += k
    return out


def _learn(inverse: np.ndarray, which: np.ndarray, s: np.ndarray, g: np.ndarray) -> None:
    """BFGS update of the inverse Hessians of some columns."""
    along = (s * g).sum(axis=0)
    fine = along > 1e-10
    which, s, g, along = which[fine], s[:, fine].T, g[:, fine].T, along[fine]
    H = inverse[which]
    first = np.abs(H - np.eye(H.shape[1])).max(axis=(1, 2), initial=0) == 0
    usual = along / np.maximum((g * g).sum(axis=1), 1e-300)
    H = np.where(first[:, None, None], H * usual[:, None, None], H)
    Hg = np.einsum("bij,bj->bi", H, g)
    ratio = (along + (g * Hg).sum(axis=1)) / along**2
    cross = Hg[:, :, None] * s[:, None, :] / along[:, None, None]
    outer = ratio[:, None, None] * s[:, :, None] * s[:, None, :]
    inverse[which] = H + outer - cross - cross.transpose(0, 2, 1)


def _loss(part: Part, theta: np.ndarray, order: Order, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Minus twice the likelihood a value, and its slopes by differences, (parameters, series)."""
    k, B = theta.shape
    near = np.tile(theta, (1, k + 1))
    step = 1e-6
    for i in range(k):
        near[i, (i + 1) * B : (i + 2) * B] += step
    whole = part.tiled(k + 1)
    count = np.maximum(whole.count, 1)
    width = 2 + part.holes.shape[1] + max(order.p + order.P * m, order.q + order.Q * m)
    most = max(_WORK // (max(len(part.w), 1) * width), 1)
    value: np.ndarray = np.empty(near.shape[1])
    for lo in range(0, len(value), most):
        some = slice(lo, lo + most)
        ar, ma, _, _ = polynomials(near[:, some], order, m)
        piece = Part(whole.w[:, some], whole.n[some], whole.holes[:, :, some])
        found = exact(piece, ar, ma, constant=order.constant, errors=False)
        value[some] = -2 * found.loglik / count[some]
    value = np.where(np.isfinite(value), value, 1e6).reshape(k + 1, B)
    return value[0], (value[1:] - value[0]) / step


# --------------------------------------------------------------------------------------
# What was found, and the way ahead


def _put(
    out: Chosen,
    which: np.ndarray,
    found: _Fits,
    y: np.ndarray,
    filled: np.ndarray,
    n: np.ndarray,
    m: int,
    laws: list[_Law | None],
) -> None:
    """Forecasts, errors and coefficients of columns that share an order.

    ``laws``: mean and variance of each column of the block; what is not there yet is estimated.
    """
    order, theta = found.order, found.theta
    part = _part(y[:, which], filled[:, which], n[which], m, order.d, order.D)
    ar, ma, _, _ = polynomials(theta, order, m)
    made, law = _errors(part, ar, ma, order, [laws[j] for j in which])
    for i, j in enumerate(which):
        laws[j] = _Law(law.mean[i], law.sigma2[i], law.count[i])
    x = filled[:, which].copy()
    lost = np.isnan(y[:, which]) & (np.arange(len(y))[:, None] < n[which])
    for i in range(len(which) if len(made.missing) else 0):
        at = np.flatnonzero(lost[:, i])
        x[at, i] = made.missing[: len(at), i]
    skip = order.d + order.D * m
    mean, sd = _ahead(
        x, made.errors, n[which], ar, ma, law.mean, law.sigma2, order, m, len(out.mean), skip
    )
    out.mean[:, which], out.sd[:, which] = mean, sd
    whole = np.full((len(y), len(which)), np.nan)
    whole[skip : skip + len(made.errors)] = made.errors
    out.errors[:, which] = np.where(np.isfinite(y[:, which]), whole, np.nan)
    out.loglik[which], out.aicc[which] = found.loglik, found.aicc
    out.sigma2[which], out.count[which] = law.sigma2, law.count
    named = coefficients(theta, order)
    for i, j in enumerate(which):
        out.orders[j] = order
        out.parameters[j] = dict(zip(order.names, (float(v) for v in named[:, i])))
        if order.constant:
            out.parameters[j]["mean" if skip == 0 else "drift"] = float(law.mean[i]) / (
                m if order.D else 1
            )


@dataclass(frozen=True, slots=True)
class _Law:
    """Mean of the differences, variance of the errors, and how many values stand behind them."""

    mean: np.ndarray
    sigma2: np.ndarray
    count: np.ndarray


def _errors(
    part: Part, ar: np.ndarray, ma: np.ndarray, order: Order, known: list[_Law | None]
) -> tuple[Exact, _Law]:
    """Errors given all the data, with the mean and variance that are known or the likeliest."""
    laws = [law for law in known if law is not None]
    if len(laws) < len(known):
        made = exact(part, ar, ma, constant=order.constant)
        count = np.maximum(part.count, 0)
        sigma2 = made.sigma2 * count / np.maximum(count - order.size, 1)
        return made, _Law(made.mean, sigma2, count)
    law = _Law(*(np.array([getattr(x, k) for x in laws]) for k in ("mean", "sigma2", "count")))
    inside = np.arange(len(part.w))[:, None] < part.n
    centred = replace(part, w=np.where(inside, part.w - law.mean, 0.0))
    return exact(centred, ar, ma, constant=False), law


def _ahead(
    y: np.ndarray,
    errors: np.ndarray,
    n: np.ndarray,
    ar: np.ndarray,
    ma: np.ndarray,
    mean: np.ndarray,
    sigma2: np.ndarray,
    order: Order,
    m: int,
    horizon: int,
    skip: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts of the differences run on and summed up; variance by the psi weights."""
    B, column = y.shape[1], np.arange(y.shape[1])
    full = np.vstack((np.ones((1, B)), -ar))
    for lag in [m] * order.D + [1] * order.d:
        longer = np.zeros((len(full) + lag, B))
        longer[: len(full)] += full
        longer[lag:] -= full
        full = longer
    back = -full[1:]  # y_t = sum back_k y_{t-k} + constant + e_t + sum of MA
    drift = mean * (1 - ar.sum(axis=0))
    past = np.zeros((len(back), B))
    for k in range(len(back)):
        row = n - 1 - k
        past[k] = np.where(row >= 0, y[np.maximum(row, 0), column], 0.0)
    shocks = np.zeros((len(ma), B))
    for j in range(len(ma) if len(errors) else 0):
        row = n - skip - 1 - j
        ok = (row >= 0) & (row < len(errors))
        shocks[j] = np.where(ok, errors[np.clip(row, 0, len(errors) - 1), column], 0.0)
    out, psi = np.empty((horizon, B)), np.zeros((horizon, B))
    for h in range(horizon):
        out[h] = (back * past).sum(axis=0) + drift - (ma * shocks).sum(axis=0)
        psi[h] = 1.0 if h == 0 else (-ma[h - 1] if h - 1 < len(ma) else 0.0)
        for k in range(min(h, len(back))):
            psi[h] += back[k] * psi[h - 1 - k]
        past = np.vstack((out[h][None], past[:-1])) if len(past) else past
        shocks = np.vstack((np.zeros((1, B)), shocks[:-1])) if len(shocks) else shocks
    return out, np.sqrt(sigma2 * np.cumsum(psi**2, axis=0))
