"""Apportionment: one whole number split by weights, exactly, under floors and caps.

Everything here is in whole units. Quotas are computed with twice the precision of float64, so
that a remainder is right to the last digit even where a quota has twelve digits before the
point; remainders that differ by no more than the weights' own rounding are ties, and ties go
to the smaller rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["DIVISORS", "apportion", "bounded_shares", "droop", "quotas"]

_SPLIT = 134217729.0  # 2**27 + 1, Veltkamp's constant for float64


def apportion(
    total: int,
    weights: np.ndarray,
    *,
    lower: np.ndarray | None = None,
    upper: np.ndarray | None = None,
    method: str = "largest_remainder",
) -> np.ndarray:
    """Whole parts of ``total`` in proportion to ``weights`` within bounds, int64, shape (n,).

    Position is the rank for ties: the earlier one wins. The bounds must leave room for
    ``total``; a weight of zero gets its floor.

    Parameters
    ----------
    total : int
        At least 0.
    weights : float64 array of shape (n,)
        At least 0, finite.
    lower, upper : int64 arrays of shape (n,), optional
        Floors (default 0) and caps (default none).
    method : {"largest_remainder", "webster", "dhondt", "huntington_hill", "adams", "dean"}
        Rounding rule.

    References
    ----------
    .. [1] M. L. Balinski and H. P. Young, "Fair Representation", 2nd ed., 2001: largest
       remainders (Hamilton) and the five divisor methods.
    """
    weights = np.asarray(weights, dtype=np.float64)
    low = np.zeros(len(weights), dtype=np.int64) if lower is None else lower
    high = np.full(len(weights), total, dtype=np.int64) if upper is None else upper
    low, high = np.minimum(low, total), np.minimum(high, total)
    high = np.where(weights > 0, high, low)
    if method != "largest_remainder":
        return _by_divisor(total, weights, low, high, method)
    ideal, free = bounded_shares(
        np.array([total], dtype=np.float64), weights[None, :], low[None, :], high[None, :]
    )
    free = free[0]
    out = np.where(free, 0, np.rint(ideal[0])).astype(np.int64)
    if free.any():
        rest = total - int(out.sum())
        out[free] = _largest_remainder(rest, weights[free], low[free], high[free])
    return out


def quotas(total: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floors (int64) of ``total * weights / sum(weights)`` and comparable remainders (int64).

    A larger remainder is a larger fractional part; equal remainders are ties; zero is whole.
    """
    if not len(weights) or total == 0:
        zero = np.zeros(len(weights), dtype=np.int64)
        return zero, zero
    if (weights == np.rint(weights)).all() and total * float(weights.sum()) < 2.0**62:
        whole = weights.astype(np.int64)
        return np.divmod(total * whole, whole.sum())
    return _quotas_of_fractions(total, weights)


def _quotas_of_fractions(total: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`quotas`, in double-double arithmetic (Dekker's exact product)."""
    scaled = np.ldexp(weights, -math.frexp(float(weights.max()))[1])
    high = math.fsum(scaled)
    low = math.fsum([*scaled.tolist(), -high])
    product, error = _two_product(float(total), scaled)
    floor = np.floor(product / high)
    back, back_error = _two_product(floor, high)
    rest = ((product - back) - back_error) + error - floor * low
    part = rest / high
    shift = np.floor(part)
    # What is left of the weights' own rounding: no finer difference is meant by anybody.
    grain = max(1e-12, 16 * np.finfo(np.float64).eps * float(floor.max() + 1))
    remainder = np.rint((part - shift) / grain)
    full = remainder >= np.floor(1 / grain)
    floor = floor + shift + full
    return floor.astype(np.int64), np.where(full, 0, remainder).astype(np.int64)


def _two_product(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """``a * b`` as a float64 and its exact rounding error."""
    a, b = np.asarray(a), np.asarray(b)
    product = a * b
    a_high = _SPLIT * a - (_SPLIT * a - a)
    b_high = _SPLIT * b - (_SPLIT * b - b)
    a_low, b_low = a - a_high, b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def _largest_remainder(
    total: int, weights: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Floors of the quotas, then one more for the largest remainders."""
    whole, remainder = quotas(total, weights)
    short = total - int(whole.sum())
    order = np.argsort(-remainder, kind="stable")
    if short > 0:
        order = order[whole[order] < high[order]]
        whole[order[:short]] += 1
    elif short < 0:  # several quotas a hair below a whole number were taken as whole
        order = order[::-1]
        order = order[whole[order] > low[order]]
        whole[order[:-short]] -= 1
    return whole


def bounded_shares(
    totals: np.ndarray, weights: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each row's total in proportion to its weights, within bounds: the row's own multiplier.

    ``x[i, j] = min(max(t[i] * weights[i, j], lower[i, j]), upper[i, j])`` with ``t[i]`` such
    that row ``i`` adds up to ``totals[i]``: of all rows that respect the bounds, the one of
    least relative entropy to the weights. A weight of zero stays on its lower bound.

    Returns
    -------
    (x, free) : float64 and bool arrays of shape (n, m)
        The shares, and which of them are on no bound.
    """
    x = np.array(np.broadcast_to(lower, weights.shape), dtype=np.float64)
    free = (weights > 0) & (lower < upper)
    lower, upper = np.broadcast_to(lower, x.shape), np.broadcast_to(upper, x.shape)
    slice_ = max(1, 2**15 // max(weights.shape[1], 1))  # rows that stay in the cache together
    for first in range(0, len(x), slice_):
        part = slice(first, first + slice_)
        _fill_rows(x[part], free[part], totals[part], weights[part], lower[part], upper[part])
    return x, free


def _fill_rows(
    x: np.ndarray,
    free: np.ndarray,
    totals: np.ndarray,
    weights: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> None:
    """Fill ``x`` and ``free`` in place; each round puts the cells beyond a bound on it."""
    rows = np.flatnonzero(free.any(axis=1))
    rest = totals - np.where(free, 0.0, x).sum(axis=1)
    while len(rows):
        open_ = free[rows]
        w = np.where(open_, weights[rows], 0.0)
        share = w * (rest[rows] / w.sum(axis=1))[:, None]
        lo, hi = lower[rows], upper[rows]
        held = np.where(open_, np.clip(share, lo, hi), 0.0)
        change = held - share
        # More cut off than filled up: the multiplier can only rise, so caps stay caps; and
        # the other way round. Where both cancel, all of them stay.
        gap = change.sum(axis=1)[:, None]
        fixed = ((change < 0) & (gap <= 0)) | ((change > 0) & (gap >= 0))
        moved = fixed.any(axis=1)
        x[rows] = np.where(fixed | (open_ & ~moved[:, None]), held, x[rows])
        free[rows] = open_ & ~fixed
        rest[rows] -= np.where(fixed, held, 0.0).sum(axis=1)
        rows = rows[moved & free[rows].any(axis=1)]


# --------------------------------------------------------------------------------------
# Divisor methods

# Each rule by its signposts: a part grows from k to k + 1 at signpost(k).
DIVISORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "webster": lambda k: k + 0.5,
    "dhondt": lambda k: k + 1.0,
    "huntington_hill": lambda k: np.sqrt(k * (k + 1.0)),
    "adams": lambda k: k * 1.0,
    "dean": lambda k: k * (k + 1.0) / (k + 0.5),
}


def _by_divisor(
    total: int, weights: np.ndarray, low: np.ndarray, high: np.ndarray, method: str
) -> np.ndarray:
    """Bisect the common multiplier, then hand out the last few by rank of their signposts."""
    signpost = DIVISORS[method]

    def parts(multiplier: float) -> np.ndarray:
        share = weights * multiplier
        floor = np.floor(share)
        grown = floor + (share >= signpost(floor))
        return np.clip(grown, low, high).astype(np.int64)

    small, large = 0.0, 1.0 / max(float(weights.sum()), 1e-300)
    while parts(large).sum() < total and large < 1e300:
        large *= 2
    for _ in range(200):
        middle = 0.5 * (small + large)
        if not small < middle < large:
            break
        if parts(middle).sum() <= total:
            small = middle
        else:
            large = middle
    # A step back below every tie: floats let one claim in a hair before its equals.
    below = parts(small * (1 - 4e-12)) if small > 0 else np.clip(np.zeros_like(low), low, high)
    return _hand_out(total, below, weights, high, signpost)


def _hand_out(
    total: int,
    out: np.ndarray,
    weights: np.ndarray,
    high: np.ndarray,
    signpost: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Give what is left to the largest ``weight / signpost``, ties in order of rank."""
    while (left := total - int(out.sum())) > 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            claim = weights / signpost(out.astype(np.float64))
        claim[(out >= high) | (weights <= 0)] = -1.0
        best = claim.max()
        # All that tie with the best are next; infinite claims (no part yet) go by weight.
        if np.isinf(best):
            claim = np.where(np.isinf(claim), weights, -1.0)
            best = claim.max()
        out[np.flatnonzero(claim >= best * (1 - 1e-12))[:left]] += 1
    return out


def droop(total: int, weights: np.ndarray) -> np.ndarray:
    """Largest remainders over the Droop quota, ``floor(sum / (total + 1)) + 1`` votes a seat.

    Raises ``ValueError`` where the weights are too small for such a quota (fewer votes than
    seats).
    """
    quota = np.floor(weights.sum() / (total + 1)) + 1
    whole = np.floor(weights / quota).astype(np.int64)
    left = total - int(whole.sum())
    if not 0 <= left <= int((weights > 0).sum()):
        raise ValueError("the Droop quota needs many more votes than seats")
    order = np.argsort(-(weights - whole * quota), kind="stable")
    whole[order[weights[order] > 0][:left]] += 1
    return whole
