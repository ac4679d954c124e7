"""Pareto/NBD and Gamma-Gompertz/NBD: Poisson purchases until an unseen end of the lifetime.

Both are one model with two distributions of the lifetime. The likelihood of (x, t_x, T) is

    G(r + x) / G(r) a**-x * [ (1 + T / a)**-(r + x) S(T) + I ],
    I = integral from t_x to T of (1 + y / a)**-(r + x) f(y) dy,

with survival S and density f. Instead of the hypergeometric functions of the textbooks, whose
derivatives have no closed form, I is integrated: on a grid of the distinct times, cell by cell,
once for each distinct x, so that customers only look it up; or row by row where times are
continuous. The gradient is made of the same integrals with one more factor each.

References
----------
.. [1] D. C. Schmittlein, D. G. Morrison and R. Colombo, "Counting Your Customers: Who Are They
   and What Will They Do Next?", Management Science 33 (1987), 1-24.
.. [2] A. C. Bemmaor and N. Glady, "Modeling Purchasing Behavior with Sudden 'Death': A Flexible
   Customer Lifetime Model", Management Science 58 (2012), 1012-1021.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.special import gammaln

from .btyd_rows import Histories
from .gamma_ratios import log_gamma_ratio, slope_of_ratio

__all__ = [
    "Gompertz",
    "Lifetime",
    "Pareto",
    "expected",
    "log_odds_dead",
    "loglik",
    "loglik_by_row",
    "probability_of",
]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_FINE, _FINE_WEIGHTS = np.polynomial.legendre.leggauss(24)
_ONES = np.ones(4)
_CELLS = 6_000_000
_GRID_GAIN = 2.0  # a node of a row costs as much as so many of the grid
_FOLDS = 30.0  # beyond so many e-folds an exponential adds nothing in double precision
_RANGE = 600.0
_STEEPEST = 200.0  # a risk that grows by more e-folds within the time seen is none


# r, alpha and the lifetime's parameters: one number each, or one a row.
Params = Sequence[np.ndarray] | np.ndarray


class Lifetime(Protocol):
    """A distribution of lifetimes with parameters ``p`` (positive)."""

    size: int

    def survival(self, p: Params, y: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Log survival at y and its derivatives in log-parameters."""
        ...

    def density(self, p: Params, y: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Log density at y and its derivatives in log-parameters."""
        ...

    def width(self, p: Params) -> tuple[np.ndarray, np.ndarray]:
        """Offset m and rate: steps must be small against m + y, and against 1 / rate."""
        ...


class Pareto:
    """Exponential lifetimes with gamma rates: parameters s (shape) and beta (scale)."""

    size = 2

    def survival(self, p: Params, y: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        s, beta = p
        log_ratio = -np.log1p(y / beta)
        return s * log_ratio, [s * log_ratio, s * y / (beta + y)]

    def density(self, p: Params, y: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        s, beta = p
        log_ratio = -np.log1p(y / beta)
        value = np.log(s / beta) + (s + 1) * log_ratio
        return value, [1 + s * log_ratio, (s * y - beta) / (beta + y)]

    def width(self, p: Params) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(p[1]), np.zeros(())


class Gompertz:
    """Gompertz lifetimes with gamma scales: parameters b, s and beta."""

    size = 3

    def survival(self, p: Params, y: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        b, s, beta = p
        log_ratio, rise, grown, _ = self._parts(b, beta, y)
        return s * log_ratio, [-s * rise, s * log_ratio, s * grown]

    def density(self, p: Params, y: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        b, s, beta = p
        log_ratio, rise, grown, left = self._parts(b, beta, y)
        value = np.log(b) + np.log(s / beta) + b * y + (s + 1) * log_ratio
        return value, [1 + b * y - (s + 1) * rise, 1 + s * log_ratio, s * grown - left]

    @staticmethod
    def _parts(b: np.ndarray, beta: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """With e = exp(b y) - 1: log of beta / (beta + e), and three shares of beta + e."""
        by = b * y
        decay, gone = np.exp(-by), -np.expm1(-by)
        whole = beta * decay + gone
        early = -np.log1p(np.expm1(np.minimum(by, 1.0)) / beta)
        log_ratio = np.where(by < 1, early, -(by + np.log(np.maximum(whole, 1e-300) / beta)))
        return log_ratio, by / whole, gone / whole, beta * decay / whole

    def width(self, p: Params) -> tuple[np.ndarray, np.ndarray]:
        b, _, beta = p
        return np.asarray(beta / b), np.asarray(b)


def loglik(theta: np.ndarray, rows: Histories, lifetime: Lifetime) -> tuple[float, np.ndarray]:
    """Mean log-likelihood and its gradient in log(r, alpha, lifetime parameters...)."""
    params = np.exp(theta)
    r, alpha = params[:2]
    x, ix, iT = rows.x, rows.ix, rows.iT
    if float(lifetime.width(params[2:])[1]) * float(rows.T.max()) > _STEEPEST:
        return -np.inf, np.zeros(len(theta))
    w = rows.share
    rx = (r + x)[ix]
    log_T = np.log1p(rows.T / alpha)
    survives, d_survives = lifetime.survival(params[2:], rows.T)
    log_a = -rx * log_T[iT] + survives[iT]
    log_i, mean_log, mean_share, means = _integrals(params, rows, lifetime)
    total = np.logaddexp(log_a, log_i)
    base = log_gamma_ratio(r, x) - x * np.log(alpha)
    by_x = rows.share_of_x
    value = by_x @ base + w @ total
    pa, pi = w * np.exp(log_a - total), w * np.exp(log_i - total)
    d_r = by_x @ slope_of_ratio(r, x) - pa @ log_T[iT] - pi @ mean_log
    share_T = (rows.T / (alpha + rows.T))[iT]
    d_alpha = rx @ (pa * share_T + pi * mean_share) - by_x @ x
    rest = [pa @ d[iT] + pi @ m for d, m in zip(d_survives, means, strict=True)]
    return float(value), np.array([d_r * r, d_alpha, *rest])


def loglik_by_row(
    theta: Sequence[np.ndarray],
    x: np.ndarray,
    t_x: np.ndarray,
    T: np.ndarray,
    lifetime: Lifetime,
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of each row and its gradient; each log-parameter may differ by row."""
    params = [np.exp(v) for v in theta]
    r, alpha = params[:2]
    if float(np.max(lifetime.width(params[2:])[1] * T)) > _STEEPEST:
        return np.full(len(x), -np.inf), np.zeros((len(params), len(x)))
    log_T = np.log1p(T / alpha)
    survives, d_survives = lifetime.survival(params[2:], T)
    log_a = -(r + x) * log_T + survives
    log_i, mean_log, mean_share, means = _by_row(params, x, t_x, T, lifetime)
    total = np.logaddexp(log_a, log_i)
    value = log_gamma_ratio(r, x) - x * np.log(alpha) + total
    pa, pi = np.exp(log_a - total), np.exp(log_i - total)
    d_r = slope_of_ratio(r, x) - pa * log_T - pi * mean_log
    d_alpha = (r + x) * (pa * T / (alpha + T) + pi * mean_share) - x
    rest = [pa * d + pi * m for d, m in zip(d_survives, means, strict=True)]
    return value, np.stack([d_r * r, d_alpha, *rest])


def log_odds_dead(
    params: Params, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, lifetime: Lifetime
) -> np.ndarray:
    """Logarithm of P(dead) / P(alive) at T."""
    r, alpha = params[:2]
    survives, _ = lifetime.survival(params[2:], T)
    log_a = -(r + x) * np.log1p(T / alpha) + survives
    return _by_row(params, x, t_x, T, lifetime)[0] - log_a


# --------------------------------------------------------------------------------------
# The integral


def _integrals(
    params: np.ndarray, rows: Histories, lifetime: Lifetime
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """log I of each row; means of log(1 + y / a), of y / (a + y), of the density's slopes."""
    r, alpha = params[:2]
    edges = _edges(params, rows, lifetime)
    span = (r + rows.x) * np.log1p(rows.T.max() / alpha)
    cells = len(edges) * len(rows.x) * len(_NODES)
    most = min(_CELLS, _GRID_GAIN * len(rows.ix) * len(_FINE))
    if cells > most or span.max() > _RANGE * 100:
        return _by_row(params, rows.x[rows.ix], rows.t_x[rows.it], rows.T[rows.iT], lifetime)
    parts = _on_grid(params, rows, lifetime, edges)
    hard = (span > _RANGE)[rows.ix]
    if hard.any():
        x, t_x, T = rows.x[rows.ix[hard]], rows.t_x[rows.it[hard]], rows.T[rows.iT[hard]]
        mended = _by_row(params, x, t_x, T, lifetime)
        for whole, some in zip((*parts[:3], *parts[3]), (*mended[:3], *mended[3]), strict=True):
            whole[hard] = some
    return parts


def _edges(params: np.ndarray, rows: Histories, lifetime: Lifetime) -> np.ndarray:
    """Cell borders: every distinct time, and enough between them for four nodes a cell."""
    top = float(max(rows.T.max(), rows.t_x.max()))
    offset, rate = (float(v) for v in lifetime.width(params[2:]))
    m = min(float(params[1]), offset)
    power = float(params[0] + rows.x.max() + 3.0)
    step = min(0.25, 0.7 / power)
    n = int(np.ceil(np.log1p(top / m) / step))
    parts = [rows.t_x, rows.T, m * np.expm1(np.arange(min(n, 20_000) + 1) * step)]
    if rate > 0:
        parts.append(np.arange(0.0, top, 0.3 / rate))
    edges = np.unique(np.concatenate(parts))
    return edges[: np.searchsorted(edges, top, side="right")]


def _on_grid(
    params: np.ndarray, rows: Histories, lifetime: Lifetime, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Integrals from each edge to the last one, a table a factor, then looked up."""
    r, alpha = params[:2]
    half = np.diff(edges) / 2
    y = ((edges[:-1] + edges[1:]) / 2)[:, None] + half[:, None] * _NODES
    log_y = np.log1p(y / alpha).ravel()
    density, slopes = lifetime.density(params[2:], y.ravel())
    density = density + np.log(half[:, None] * _WEIGHTS).ravel()
    at = np.log1p(rows.earliest / alpha)[:, None]
    # Before its first t_x nobody looks, and the power would overflow there.
    cells = np.exp(density - (r + rows.x)[:, None] * np.maximum(log_y - at, 0.0))
    n = len(edges)
    first = np.searchsorted(edges, rows.t_x)[rows.it] + rows.ix * n
    last = np.searchsorted(edges, rows.T)[rows.iT] + rows.ix * n

    def between(factor: np.ndarray | None) -> np.ndarray:
        values = cells if factor is None else cells * factor
        sums = (values.reshape(-1, 4) @ _ONES).reshape(len(rows.x), n - 1)
        tail = np.zeros((len(rows.x), n))
        tail[:, :-1] = np.cumsum(sums[:, ::-1], axis=1)[:, ::-1]
        flat = tail.ravel()
        return flat[first] - flat[last]

    mass = between(None)
    with np.errstate(divide="ignore"):
        log_i = np.where(first < last, np.log(mass), -np.inf)
    safe = np.where(mass > 0, mass, 1.0)
    log_i = log_i - ((r + rows.x) * at[:, 0])[rows.ix]
    mean_log, mean_share, *means = (
        between(f) / safe for f in (log_y, (y / (alpha + y)).ravel(), *slopes)
    )
    return log_i, mean_log, mean_share, means


def _by_row(
    params: Params, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, lifetime: Lifetime
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """The same, each row on nodes of its own, in log(m + y), cut where nothing is left."""
    out: list[list[np.ndarray]] = []
    for at in range(0, max(len(x), 1), 65_536):
        cut = slice(at, at + 65_536)
        own = [p if np.ndim(p) == 0 else p[cut] for p in params]
        out.append(_row_block(own, x[cut], t_x[cut], T[cut], lifetime))
    joined = [np.concatenate(parts) for parts in zip(*out, strict=True)]
    return joined[0], joined[1], joined[2], joined[3:]


def _row_block(
    params: Params, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, lifetime: Lifetime
) -> list[np.ndarray]:
    r, alpha = params[:2]
    m = np.minimum(alpha, lifetime.width(params[2:])[0])
    z0 = np.log(m + t_x)
    length = np.log((m + T) / (m + t_x))
    # The integrand falls like (alpha + y)**-(r + x): in z at least by this rate at t_x.
    fall = np.maximum((r + x) * (m + t_x) / (alpha + t_x) - 1.0, 0.0)
    length = np.minimum(length, _FOLDS / np.maximum(fall, 1e-300))
    # Where the risk of leaving changes fast, the range is cut into pieces.
    steep = float(np.max(lifetime.width(params[2:])[1] * (T - t_x), initial=0.0))
    nodes, weights = _pieces(1 + int(min(steep, _STEEPEST) // 8))
    z = z0[:, None] + length[:, None] * nodes
    deep = _columns(params)
    y = np.maximum(np.exp(z) - np.asarray(m)[..., None], 0.0)
    log_y = np.log1p(y / deep[1])
    density, slopes = lifetime.density(deep[2:], y)
    with np.errstate(divide="ignore"):
        log_w = np.log(weights) + np.log(length)[:, None]
    terms = density - (r + x)[:, None] * log_y + z + log_w
    top = terms.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    mass = np.exp(terms - top[:, None])
    total = mass.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_i = np.log(total) + top
    share = mass / np.where(total > 0, total, 1.0)[:, None]
    means = [(share * f).sum(axis=1) for f in (log_y, y / (deep[1] + y), *slopes)]
    return [log_i, *means]


@functools.cache
def _pieces(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1) in ``n`` pieces."""
    nodes = (np.arange(n)[:, None] + (_FINE + 1) / 2).ravel() / n
    return nodes, np.tile(_FINE_WEIGHTS / 2, n) / n


def _columns(params: Params) -> list[np.ndarray]:
    """Parameters shaped to meet (rows, nodes)."""
    return [np.asarray(p)[..., None] for p in params]


# --------------------------------------------------------------------------------------
# Predictions, for customers alive at T


def survival_after(params: Params, T: np.ndarray, u: np.ndarray, lifetime: Lifetime) -> np.ndarray:
    """Chance to be alive at T + u of one alive at T; shapes broadcast."""
    later, _ = lifetime.survival(params[2:], T + u)
    now, _ = lifetime.survival(params[2:], T)
    return np.exp(later - now)


def expected(
    params: Params, x: np.ndarray, T: np.ndarray, t: np.ndarray, lifetime: Lifetime
) -> np.ndarray:
    """Expected purchases in (T, T + t] of a customer alive at T: rate times time alive."""
    r, alpha = params[:2]
    if isinstance(lifetime, Pareto):
        s, beta = params[2:]
        log_ratio = np.log((beta + T) / (beta + T + t))
        power = (s - 1) * log_ratio
        small = np.abs(power) < 1e-8
        safe = np.where(small, 1.0, power)
        grown = np.where(small, 1.0 + power / 2, np.expm1(safe) / safe)
        alive = (beta + T) * -log_ratio * grown
    else:
        alive = np.empty(len(T))
        for cut in _blocks(len(T)):
            own, u, w = _ahead(params, T, t, cut, lifetime)
            stays = survival_after(_columns(own), T[cut, None], u, lifetime)
            alive[cut] = (stays * w).sum(axis=1)
    return (r + x) / (alpha + T) * alive


def probability_of(
    params: Params,
    x: np.ndarray,
    T: np.ndarray,
    n: int,
    t: np.ndarray,
    lifetime: Lifetime,
) -> np.ndarray:
    """Chance of n purchases in (T, T + t] of a customer alive at T.

    Integrated by parts: the chance of n purchases by time u, weighed by when the lifetime ends.
    """
    r, alpha = params[0] + x, params[1] + T
    gone = np.empty(len(T))
    for cut in _blocks(len(T)):
        own, u, w = _ahead(params, T, t, cut, lifetime, _bump(n, r[cut], alpha[cut], t[cut]))
        ends, _ = lifetime.density(_columns(own)[2:], T[cut, None] + u)
        now, _ = lifetime.survival(own[2:], T[cut])
        by_then = np.exp(ends - now[:, None]) * _nb(n, r[cut, None], alpha[cut, None], u)
        gone[cut] = (by_then * w).sum(axis=1)
    return survival_after(params, T, t, lifetime) * _nb(n, r, alpha, t) + gone


def _blocks(n: int) -> list[slice]:
    return [slice(at, at + 16_384) for at in range(0, n, 16_384)]


def _ahead(
    params: Params,
    T: np.ndarray,
    t: np.ndarray,
    cut: slice,
    lifetime: Lifetime,
    bump: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Parameters of a block of rows, and nodes and weights over the time (0, t) ahead of each.

    The nodes are even in log(m + T + u), so that ends of lifetimes soon after T are met too.
    Where the integrand is a ``bump`` (where it begins and ends, how wide it is in the logarithm
    of time), they are those of the bump.
    """
    own = [p if np.ndim(p) == 0 else p[cut] for p in params]
    offset, rate = lifetime.width(own[2:])
    now = np.minimum(own[1], offset) + T[cut]
    low, high, width = (np.zeros(len(now)), t[cut], np.inf) if bump is None else bump
    length = np.log1p((high - low) / (now + low))
    steep = float(np.max(rate * (high - low), initial=0.0))
    many = float(np.max(length / np.minimum(1.5, 10 * width), initial=0.0))
    nodes, weights = _pieces(1 + int(many) + int(min(steep, _STEEPEST) // 8))
    begin = (now + low)[:, None]
    more = begin * np.expm1(length[:, None] * nodes)
    return own, low[:, None] + more, (begin + more) * length[:, None] * weights


def _bump(
    n: int, r: np.ndarray, alpha: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Between which times up to t all but 1e-13 of ``_nb`` lies, and its width in their logarithm.

    The time of n + 1 purchases at a rate is a quotient of gamma variables; each is bounded by
    Chernoff's inequality. Who has bought often has a rate that is well known, and a bump so narrow
    that nodes over all of the time would pass it by.
    """
    ways = n + 1.0
    least = max(ways - np.sqrt(2 * _FOLDS * ways), 0.0)
    most = ways + np.sqrt(2 * _FOLDS * ways) + _FOLDS
    slow = np.maximum(r - np.sqrt(2 * _FOLDS * r), r * np.exp(-1 - _FOLDS / r))
    fast = r + np.sqrt(2 * _FOLDS * r) + _FOLDS
    with np.errstate(over="ignore", divide="ignore"):
        high = np.minimum(alpha * (most / slow), t)
    return np.minimum(alpha * (least / fast), high), high, np.sqrt(ways / (r * (r + ways)))


def _nb(n: int, r: np.ndarray, alpha: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Chance of n purchases in t at gamma(r, alpha) rates."""
    log_p = gammaln(r + n) - gammaln(r) - gammaln(n + 1.0) - r * np.log1p(t / alpha)
    if n:
        with np.errstate(divide="ignore"):
            log_p = log_p + n * np.log(t / (alpha + t))
    return np.exp(log_p)
