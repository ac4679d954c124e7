"""Ranks with their uncertainty, and the classic multi-criteria rankings."""

from __future__ import annotations

import numpy as np

__all__ = [
    "NORMS",
    "PREFERENCES",
    "competition_rank",
    "grey_grade",
    "normalise",
    "promethee",
    "rank_interval",
    "topsis",
    "vikor",
    "weighted_product",
    "without_noise",
]

NORMS = ("vector", "minmax", "max", "sum", "none")
PREFERENCES = ("usual", "u_shape", "v_shape", "level", "linear", "gaussian")

_BLOCK = 4_000_000  # cells of a pairwise block


def competition_rank(score: np.ndarray) -> np.ndarray:
    """Rank of each score, 1 is the largest; equal scores share the smallest rank. int64."""
    order = np.argsort(-score)
    ordered = score[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(score) else np.zeros(0, dtype=bool)
    place = np.maximum.accumulate(np.where(first, np.arange(1, len(score) + 1), 0))
    out = np.empty(len(score), dtype=np.int64)
    out[order] = place
    return out


def rank_interval(
    score: np.ndarray, error: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks between which each score lies, given independent standard errors.

    A score counts as better than another when their difference exceeds its standard error by
    the normal quantile, Bonferroni-corrected for the n - 1 comparisons of each (Klein, Wright
    and Wieczorek 2020). Without errors the interval spans ties alone.
    """
    n = len(score)
    descending = np.sort(-score)
    best = np.searchsorted(descending, -score, side="left")
    worst = np.searchsorted(descending, -score, side="right")
    if n < 2 or not (error > 0).any():
        return best + 1, worst
    from scipy.special import ndtri

    z = float(ndtri(1 - (1 - confidence) / (2 * (n - 1))))
    low, high = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    width = max(1, _BLOCK // n)
    for at in range(0, n, width):
        rows = slice(at, at + width)
        gap = score[None, :] - score[rows, None]
        sure = z * np.sqrt(error[None, :] ** 2 + error[rows, None] ** 2)
        low[rows] = 1 + (gap > sure).sum(axis=1)
        high[rows] = n - (gap < -sure).sum(axis=1)
    return low, high


# --------------------------------------------------------------------------------------
# Multi-criteria rankings: x is (alternatives, criteria), higher says per criterion which way


def without_noise(x: np.ndarray) -> np.ndarray:
    """Criteria that are the same for all but for the last binary digits, exactly the same.

    0.1 + 0.2 beside 0.3 would be best and worst once the range is brought to 0..1.
    """
    low, high = x.min(axis=0), x.max(axis=0)
    noise = 4 * np.spacing(np.maximum(np.abs(low), np.abs(high)))
    flat = (high > low) & (high - low <= noise)
    if flat.any():
        x = x.copy(order="K")
        x[:, flat] = low[flat]
    return x


def normalise(x: np.ndarray, higher: np.ndarray, norm: str) -> np.ndarray:
    """Criteria on one scale.

    ``vector``: by the root of the sum of squares, ``sum``: by the sum, ``none``: as they are
    (directions are left to the method). ``minmax``: 0 worst, 1 best. ``max``: ``x / max``, and
    ``min / x`` where less is better. A criterion that is the same for all becomes 0 (``minmax``)
    or stays what it is.
    """
    if norm == "none":
        return x
    if norm == "minmax":
        low, high = x.min(axis=0), x.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        return np.where(higher, x - low, high - x) / span
    if norm == "max":
        with np.errstate(divide="ignore", invalid="ignore"):
            top, bottom = x.max(axis=0), x.min(axis=0)
            out = np.where(higher, x / np.where(top == 0, 1.0, top), bottom / x)
        return np.where(np.isnan(out), 1.0, out)
    size = np.sqrt(np.einsum("ij,ij->j", x, x)) if norm == "vector" else x.sum(axis=0)
    return x / np.where(size == 0, 1.0, size)


def topsis(
    x: np.ndarray, weights: np.ndarray, higher: np.ndarray, norm: str = "vector"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Closeness to the ideal, distance to it and to the worst (Hwang and Yoon 1981).

    Weights and norms enter as one factor a criterion, so the matrix is passed over twice only.
    """
    if norm in ("vector", "sum"):
        size = np.sqrt(np.einsum("ij,ij->j", x, x)) if norm == "vector" else x.sum(axis=0)
        factor = weights / np.where(size == 0, 1.0, size)
        values, up = x, np.asarray(higher)
    else:
        values, factor = normalise(x, higher, norm), weights
        up = np.asarray(higher) if norm == "none" else np.ones(x.shape[1], dtype=bool)
    low, high = values.min(axis=0), values.max(axis=0)
    best, worst = np.where(up, high, low), np.where(up, low, high)
    to_best, to_worst = (_distance(values, point, factor) for point in (best, worst))
    total = to_best + to_worst
    close = np.where(total > 0, to_worst / np.where(total > 0, total, 1.0), 0.5)
    return close, to_best, to_worst


def _distance(x: np.ndarray, point: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Euclidean distance of rows from a point, columns scaled by a factor.

    Columns that lie together in memory are taken one by one, rows all at once.
    """
    if not x.flags.f_contiguous:
        gap = x - point
        return np.sqrt(np.einsum("ij,ij,j->i", gap, gap, factor**2))
    total, gap = np.zeros(len(x)), np.empty(len(x))
    for j in range(x.shape[1]):
        np.subtract(x[:, j], point[j], out=gap)
        gap *= factor[j]
        gap *= gap
        total += gap
    return np.sqrt(total)


def weighted_product(x: np.ndarray, weights: np.ndarray, higher: np.ndarray) -> np.ndarray:
    """Product of values to the power of their weights (of its inverse where less is better)."""
    return np.exp(np.log(x) @ np.where(higher, weights, -weights))


def vikor(
    x: np.ndarray, weights: np.ndarray, higher: np.ndarray, v: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """S, R, Q (the less the better) and the compromise set (Opricovic and Tzeng 2004)."""
    regret = weights * (1 - normalise(x, higher, "minmax"))
    regret[:, np.ptp(x, axis=0) == 0] = 0.0
    s, r = regret.sum(axis=1), regret.max(axis=1)
    q = v * _unit(s) + (1 - v) * _unit(r)
    order = np.lexsort((r, s, q))
    if len(q) == 1:
        return s, r, q, np.ones(1, dtype=bool)
    first, second = order[0], order[1]
    gap = 1 / (len(q) - 1)
    clear = q[second] - q[first] >= gap - 1e-12
    stable = s[first] <= s.min() + 1e-12 or r[first] <= r.min() + 1e-12
    chosen = np.zeros(len(q), dtype=bool)
    chosen[first] = True
    if not clear:
        chosen |= q - q[first] < gap - 1e-12
    elif not stable:
        chosen[second] = True
    return s, r, q, chosen


def _unit(values: np.ndarray) -> np.ndarray:
    span = np.ptp(values)
    return (values - values.min()) / span if span > 1e-15 else np.zeros(len(values))


def grey_grade(
    x: np.ndarray, weights: np.ndarray, higher: np.ndarray, rho: float = 0.5
) -> np.ndarray:
    """Grey relational grade against the best of each criterion (Deng 1982); weights sum to 1."""
    gap = 1 - normalise(x, higher, "minmax")
    gap[:, np.ptp(x, axis=0) == 0] = 0.0
    least, most = gap.min(), gap.max()
    if most == 0:
        return np.full(len(x), weights.sum())
    return ((least + rho * most) / (gap + rho * most)) @ weights


def promethee(
    x: np.ndarray,
    weights: np.ndarray,
    higher: np.ndarray,
    preference: list[str],
    q: np.ndarray,
    p: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Positive and negative flow (Brans and Vincke 1985), n log n but for ``gaussian``.

    For each alternative the others' preferences are sums over a stretch of the sorted values:
    counts and prefix sums, no pairs. ``p`` of a Gaussian is its inflection point.
    """
    n = len(x)
    plus, minus = np.zeros(n), np.zeros(n)
    if n < 2:
        return plus, minus
    for j, kind in enumerate(preference):
        values = x[:, j] if higher[j] else -x[:, j]
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        if kind == "gaussian":
            up, down = _gaussian_flows(ordered, float(p[j]))
        else:
            up = _flow(ordered, kind, float(q[j]), float(p[j]))
            down = _flow(-ordered[::-1], kind, float(q[j]), float(p[j]))[::-1]
        plus[order] += weights[j] * up
        minus[order] += weights[j] * down
    return plus / (n - 1), minus / (n - 1)


def _flow(ordered: np.ndarray, kind: str, q: float, p: float) -> np.ndarray:
    """Sum of each sorted value's preferences over all others."""
    # Steps: 8.3 - 7.3 is one, and not above it; 0.1 + 0.2 is no better than 0.3.
    noise = 4 * np.spacing(max(float(np.abs(ordered).max()), q, p if np.isfinite(p) else 0.0))
    if kind == "usual":
        return np.searchsorted(ordered, ordered - noise, side="left").astype(np.float64)
    if kind in ("u_shape", "level"):
        some = np.searchsorted(ordered, ordered - (q + noise), side="left")
        if kind == "u_shape":
            return some.astype(np.float64)
        return (some + np.searchsorted(ordered, ordered - (p + noise), side="left")) / 2
    low = q if kind == "linear" else 0.0
    centred = ordered - ordered[len(ordered) // 2]
    sure = np.searchsorted(centred, centred - p, side="right")
    some = np.searchsorted(centred, centred - low, side="left")
    some = np.maximum(some, sure)
    running = np.concatenate([[0.0], np.cumsum(centred)])
    partly = (some - sure) * (centred - low) - (running[some] - running[sure])
    return sure + np.maximum(partly, 0.0) / (p - low)


def _gaussian_flows(ordered: np.ndarray, s: float) -> tuple[np.ndarray, np.ndarray]:
    n = len(ordered)
    up, down = np.empty(n), np.empty(n)
    width = max(1, _BLOCK // n)
    for at in range(0, n, width):
        gap = ordered[at : at + width, None] - ordered[None, :]
        share = 1 - np.exp(-(gap**2) / (2 * s * s))
        up[at : at + width] = np.where(gap > 0, share, 0.0).sum(axis=1)
        down[at : at + width] = np.where(gap < 0, share, 0.0).sum(axis=1)
    return up, down
