"""Effects of regressors on series that also have a wandering level and a season.

Each series is a regression with errors ARIMA(0, 1, 1): both sides pass the filter
``(1 - B) / (1 - (1 - a) B)``, nuisance columns (level, slope, season) are projected out, and what
is left says how much the data know of each effect; a series with few values, or hardly any but
zeros, says nothing. Effects are then shrunk: towards their common
mean where there are many series, towards zero where there are few, by as much as the spread
between series asks for (empirical Bayes).

References
----------
W. R. Bell, S. C. Hillmer, "Modeling time series with calendar variation", Journal of the American
Statistical Association 78 (1983), 526-534. D. F. Findley et al., "New capabilities and methods of
the X-12-ARIMA seasonal-adjustment program", Journal of Business & Economic Statistics 16 (1998),
127-152. B. Efron, C. Morris, "Stein's estimation rule and its competitors: an empirical Bayes
approach", Journal of the American Statistical Association 68 (1973), 117-130.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

__all__ = ["Evidence", "evidence", "nuisance", "shrunken", "told"]

_MEMORY = (0.02, 0.1, 0.25, 0.5, 0.8)  # gains of the level: from nearly fixed to nearly a walk
_MANY = 8  # series from which a common mean is learned
_GUESS, _WEIGHT = 0.01, 1.0  # a weak idea of the size of effects, worth one series
_WIDE = 0.3  # where the search for it starts
_TOLD = 8  # values that are not zero, beyond one an effect, from which a series says anything
_LEFT = 4  # and degrees of freedom, once level and season are taken out
_BURSTS = 0.25  # of the root mean square: what few large values leave of a robust scale
_TYPICAL = 0.1  # size of an effect, where two sets of regressors are compared
_NOISELESS = 1e4  # times the usual information: such a series has no noise to weigh it by


@dataclass(slots=True)
class Evidence:
    """What some series say of the effects: ``information`` (series, k, k), ``score`` (series, k).

    ``logs``: whether effects are on the logarithm; else they are shares of ``scale``, and so are
    nothing where there is nothing.
    """

    information: np.ndarray
    score: np.ndarray
    logs: np.ndarray
    scale: np.ndarray


def nuisance(n: int, season: int, yearly: float = 0.0) -> np.ndarray:
    """Level, slope and indicators of the season; (n, columns).

    ``yearly``: periods in a year, for waves beside a shorter season.
    """
    t = np.arange(n)
    columns = [np.ones(n), (t - n / 2) / n]
    if season > 1 and n >= 1.5 * season + 4:
        columns += [(t % season == k).astype(float) for k in range(1, season)]
    if yearly > 1.5 * season and n >= 1.4 * yearly:
        for k in range(1, 4):
            columns += [np.sin(2 * np.pi * k * t / yearly), np.cos(2 * np.pi * k * t / yearly)]
    return np.column_stack(columns)


def evidence(
    y: np.ndarray, x: np.ndarray, season: int, *, yearly: float = 0.0, logs: bool | None = None
) -> Evidence:
    """What series of the same span say of the effects.

    Parameters
    ----------
    y : (time, series) array
        Values, NaN where nothing is known.
    x : (time, k) or (series, time, k) array
        Regressors, the same for all these series or one table for each.
    season : int
        Periods in a season, 1 for none.
    yearly : float
        See :func:`nuisance`.
    logs : bool, optional
        Fix the scale of the effects; None: logarithms where all values are positive and the
        likelihood prefers them.
    """
    known = np.isfinite(y)
    scale = np.where(known, np.abs(y), 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    z = y / np.where(scale > 0, scale, 1.0)
    x = x[None] if x.ndim == 2 else x
    base = nuisance(len(y), season, yearly)
    positive = np.where(known, z > 0, True).all(axis=0) & known.any(axis=0)
    mute = (known & (y != 0)).sum(axis=0) < x.shape[2] + _TOLD
    if logs is False or not positive.any():
        _, information, score = _fit(z[None], x, base, known, season)
        information[:, mute], score[:, mute] = 0.0, 0.0
        return Evidence(information[0], score[0], np.zeros(len(scale), bool), scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        lz = np.where(known & positive, np.log(np.where(z > 0, z, 1.0)), np.nan)
    sides = [np.where(positive, lz, z)] + [z] * (not (logs and positive.all()))
    likelihood, information, score = _fit(np.stack(sides), x, base, known, season)
    information[:, mute], score[:, mute] = 0.0, 0.0
    jacobian = np.where(known & positive, lz, 0.0).sum(axis=0)
    steeper = likelihood[0] - jacobian > likelihood[-1]
    take = positive & (True if logs else steeper | np.isneginf(likelihood[-1]))
    best, each = np.where(take, 0, len(sides) - 1), np.arange(len(scale))
    return Evidence(information[best, each], score[best, each], take, scale)


def _fit(
    sides: np.ndarray, x: np.ndarray, base: np.ndarray, known: np.ndarray, season: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best log-likelihood over the filters, with information and score there.

    ``sides`` (scales, time, series): the same values on one scale or two. Results are by scale
    and series.
    """
    n, k = sides.shape[1], x.shape[2]
    shape = (len(sides), sides.shape[2])
    filled = np.stack([_bridge(z, known) for z in sides])
    best = np.full(shape, -np.inf)
    information, score = np.zeros((*shape, k, k)), np.zeros((*shape, k))
    groups = _same_gaps(known)
    for a, b in _filters(n, season):
        parts = (base, x, filled) if b is None else (base[:, :2], x, filled)
        f, g, e = (_whiten(v, a, b, season) for v in parts)
        lost = 0 if b is None else season
        for rows, which in groups:
            rows = rows & (np.arange(n) >= lost)
            if rows.sum() < 4:
                continue
            own = g if len(g) == 1 else g[which]
            likelihood, info, sc = _side_by_side(f[rows], own[:, rows], e[:, rows][:, :, which])
            likelihood *= n / (n - lost)
            side, at = np.nonzero(likelihood > best[:, which])
            target = side, which[at]
            best[target] = likelihood[side, at]
            information[target], score[target] = info[side, at], sc[side, at]
    return best, information, score


def _same_gaps(known: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which rows are known, and the series of which this holds."""
    found: dict[bytes, list[int]] = {}
    packed = np.packbits(known, axis=0)
    for j in range(known.shape[1]):
        found.setdefault(packed[:, j].tobytes(), []).append(j)
    return [(known[:, which[0]], np.asarray(which)) for which in found.values()]


def _side_by_side(
    f: np.ndarray, g: np.ndarray, e: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """:func:`_project` of ``e`` (scales, time, series), each result by scale and series."""
    if len(g) > 1:
        found = _project(f, g, e.transpose(2, 1, 0))
        return tuple(v.swapaxes(0, 1) for v in found)  # type: ignore[return-value]
    scales, n, series = e.shape
    found = _project(f, g, e.swapaxes(0, 1).reshape(1, n, scales * series))
    return tuple(  # type: ignore[return-value]
        v[0].reshape(scales, series, *v.shape[2:]) for v in found
    )


def _filters(n: int, season: int) -> list[tuple[float, float | None]]:
    """Gains of level and season to try; None: the season is fixed."""
    out: list[tuple[float, float | None]] = [(a, None) for a in _MEMORY]
    if 1 < season <= 24 and n >= 6 * season:
        out += [(a, b) for a in _MEMORY[1:] for b in (0.25, 0.5)]
    return out


def _whiten(v: np.ndarray, a: float, b: float | None, season: int) -> np.ndarray:
    """``(1 - B) / (1 - (1 - a) B)``, and the same with the lag of the season and ``b``.

    Time is the last axis but one.
    """
    out = lfilter([1.0, -1.0], [1.0, a - 1.0], v, axis=-2)
    if b is None:
        return out
    gap = np.zeros(season - 1)
    return lfilter(np.r_[1.0, gap, -1.0], np.r_[1.0, gap, b - 1.0], out, axis=-2)


def _project(
    f: np.ndarray, g: np.ndarray, e: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regression on ``g`` with ``f`` projected out, outliers drawn in.

    ``f`` (time, nuisances), ``g`` (tables, time, k), ``e`` (tables, time, columns): all tables at
    once. Log-likelihood, information and score by table and column.
    """
    if len(f) < f.shape[1] + 4:
        f = f[:, :2]
    q = _span(f)
    g, e = g - q @ (q.T @ g), e - q @ (q.T @ e)
    turned = g.swapaxes(1, 2)
    gram = turned @ g
    k = gram.shape[1]
    small = 1e-8 * np.trace(gram, axis1=1, axis2=2) / k + 1e-12
    ridge = gram + np.eye(k) * small[:, None, None]
    loose = (q**2).sum(axis=1) < 1 - 1e-9  # a value that is alone in its season has no error
    raw = e
    for _ in range(3):
        fit = g @ np.linalg.solve(ridge, turned @ e)
        rest = e - fit
        limit = 3.0 * _scale(rest[:, loose]) + 1e-12
        e = fit + np.clip(rest, -limit, limit)
    score = turned @ e
    sse = ((e - g @ np.linalg.solve(ridge, score)) ** 2).sum(axis=1)
    # Drawn in by more than rounding.
    far = np.abs(e - raw) > 1e-9 * np.abs(raw).max(axis=1, keepdims=True)
    sse /= (1 - np.minimum(far.mean(axis=1), 0.5)) ** 2
    left = len(f) - q.shape[1] - np.linalg.matrix_rank(gram)
    variance = np.maximum(sse / np.maximum(left - 1, 1)[:, None], 1e-10)
    likelihood = np.where(left[:, None] < _LEFT, -np.inf, -0.5 * len(f) * np.log(variance))
    return (
        likelihood,
        gram[:, None] / variance[..., None, None],
        score.swapaxes(1, 2) / variance[..., None],
    )


def _scale(rest: np.ndarray) -> np.ndarray:
    """Typical size along the second axis, whatever a few values do."""
    if not rest.shape[1]:
        return np.zeros((len(rest), 1, rest.shape[2]))
    middle = 1.4826 * np.median(np.abs(rest), axis=1, keepdims=True)
    return np.asarray(np.maximum(middle, _BURSTS * _size(rest)))


def _size(rest: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt((rest**2).mean(axis=1, keepdims=True)))


def _span(f: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span those of ``f``."""
    q, r = np.linalg.qr(f)
    size = np.abs(np.diag(r))
    if size.min() > 1e-6 * size.max():
        return np.asarray(q)
    # Columns that (nearly) hang together: the costlier way, which tells how many are left.
    left, sizes, _ = np.linalg.svd(f, full_matrices=False)
    return np.asarray(left[:, sizes > 1e-9 * sizes[0]])


def _bridge(z: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Gaps filled by straight lines, so that the filter can run through."""
    if known.all():
        return z
    out, t = z.copy(), np.arange(len(z))
    for j in np.flatnonzero(~known.all(axis=0)):
        k = known[:, j]
        out[:, j] = np.interp(t, t[k], z[k, j]) if k.any() else 0.0
    return out


def shrunken(
    information: np.ndarray,
    score: np.ndarray,
    *,
    centre: np.ndarray | None = None,
    rounds: int = 40,
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and covariance of the effects of each series, (series, k) and (.., k, k).

    Series of one company err together: however many they are, their common mean is taken to
    rest on the evidence of three. ``centre`` (k,): what effects are shrunk to, zero by default.
    """
    series, k = score.shape
    prior = np.zeros((1, k)) if centre is None else centre[None]
    if series < _MANY:
        return _towards(information, score, prior, True, rounds)
    size = np.einsum("sii->s", information)
    usual = size <= _NOISELESS * np.median(size[size > 0]) if (size > 0).any() else size == 0
    worth = [3.0 * v[usual].mean(axis=0, keepdims=True) for v in (information, score)]
    centre, _ = _towards(worth[0], worth[1], prior, True, rounds)
    return _towards(information, score, centre, False, rounds)


def told(found: Evidence) -> np.ndarray:
    """How much better each series is fitted with effects of a typical size than without any.

    As a logarithm of likelihood, less what noise alone would gain on average.
    """
    k = found.score.shape[1]
    inner = np.eye(k) + _TYPICAL**2 * found.information
    score = _TYPICAL * found.score
    gained = (score * np.linalg.solve(inner, score[..., None])[..., 0]).sum(axis=1)
    by_noise = k - np.trace(np.linalg.inv(inner), axis1=1, axis2=2)
    return np.asarray((gained - by_noise) / 2)


def _towards(
    information: np.ndarray, score: np.ndarray, centre: np.ndarray, common: bool, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Effects drawn to ``centre`` by the spread around it that the data show.

    ``common``: one spread for all effects, else one for each.
    """
    series, k = score.shape
    spread = np.full(k, _WIDE**2)
    beta, post = np.zeros((series, k)), np.zeros((series, k, k))
    for _ in range(rounds):
        post = np.linalg.inv(information + np.diag(1.0 / spread))
        beta = np.einsum("sij,sj->si", post, score + centre / spread)
        away = (beta - centre) ** 2 + np.einsum("sii->si", post)
        total = np.full(k, away.mean() * series) if common else away.sum(axis=0)
        spread = np.maximum((total + _WEIGHT * _GUESS**2) / (series + _WEIGHT), 1e-8)
    return beta, post
