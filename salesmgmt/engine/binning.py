"""Optimal binning: the most valuable partition of ordered pre-bins, by dynamic programming.

The value of a partition is a sum over its bins, so the best one that ends with a given bin needs
only the best ones that end where it starts. A trend (rates that rise, fall, or turn once) compares
neighbours only and keeps that property: the state is the last bin, and the search is exact over
the pre-bins. Arrays of all bins ``(start, end)`` are filled at once; one pass costs
``O(n^2 log n)`` for ``n`` pre-bins.

Two values are offered: the information value, and the log-likelihood gained over a constant rate,
which knows how little a small bin can tell. See [1]_ for the problem and its constraints.

References
----------
.. [1] G. Navas-Palencia, "Optimal binning: mathematical programming formulation",
   arXiv:2001.08025 (2020).
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

__all__ = [
    "TRENDS",
    "best_partition",
    "candidate_edges",
    "information_value",
    "monotone_bound",
    "weight_of_evidence",
]

TRENDS = ("ascending", "descending", "peak", "valley", "none")

# The legs of each trend; +1: the rate may not fall, -1: it may not rise, 0: it is free. A bin on
# the second leg continues one on either leg, a bin on the first leg one on the first.
_LEGS = {
    "ascending": (1,),
    "descending": (-1,),
    "peak": (1, -1),
    "valley": (-1, 1),
    "none": (0,),
}


def candidate_edges(values: np.ndarray, most: int) -> np.ndarray:
    """Ascending edges between distinct values: at most ``most - 1``, at even shares of rows.

    Parameters
    ----------
    values : ndarray (n,)
        Finite numbers, in any order.
    most : int
        Largest number of pre-bins.

    Returns
    -------
    ndarray
        Edges; a pre-bin holds the values above one edge up to and including the next.
    """
    ordered = np.sort(values)
    distinct = np.flatnonzero(ordered[1:] != ordered[:-1])
    if len(distinct) >= most:
        # The first change of value at or after each even share of the rows.
        wanted = len(ordered) * np.arange(1, most) / most - 1
        place = np.searchsorted(distinct, wanted)
        distinct = distinct[np.unique(place[place < len(distinct)])]
    low, high = ordered[distinct], ordered[distinct + 1]
    middle = low + (high - low) / 2
    return np.where((middle >= low) & (middle < high), middle, low)


def best_partition(
    good: np.ndarray,
    bad: np.ndarray,
    *,
    trend: str = "ascending",
    max_bins: int = 8,
    min_count: float = 1.0,
    criterion: str = "iv",
    prior: float = 0.5,
) -> tuple[np.ndarray, float]:
    """The partition of ordered pre-bins of the largest value.

    Parameters
    ----------
    good, bad : ndarray (n,)
        Rows of either kind in each pre-bin.
    trend : {"ascending", "descending", "peak", "valley", "none"}
        What the bad rate may do from one bin to the next; equal rates are allowed.
    max_bins : int
        Largest number of bins.
    min_count : float
        Fewest rows of a bin.
    criterion : {"iv", "likelihood"}
        Information value, or log-likelihood gained over one common rate.
    prior : float
        Rows of either kind added to each bin before its information value is taken.

    Returns
    -------
    starts : ndarray of int
        First pre-bin of each bin; the first is 0. One bin where no other partition is allowed.
    value : float
        Value of the partition.
    """
    n = len(good)
    value, rate, allowed = _all_bins(good, bad, min_count, criterion, prior)
    legs = _LEGS[trend]
    most = min(max_bins, n)
    best = np.full((len(legs), most, n, n + 1), -np.inf)
    back = np.full((len(legs), most, n, n + 1), -1, dtype=np.int32)
    best[0, 0, 0, :] = np.where(allowed[0], value[0], -np.inf)
    for start in range(1, n):
        ends = np.flatnonzero(allowed[start])
        if len(ends):
            _extend(best, back, start, ends, value, rate, legs)
    return _trace(best, back, n)


def monotone_bound(good: np.ndarray, bad: np.ndarray, *, sign: int, criterion: str) -> float:
    """No partition whose bad rate only rises (``sign=1``) or only falls (-1) is worth more.

    Pooling neighbours that go the wrong way gives the monotone rates that are best for every
    convex measure at once (Robertson, Wright, Dykstra 1988, theorem 1.5.1): for the likelihood,
    and for the information value without prior rows, which only lower it. Infinite where a pool
    lacks one kind.
    """
    pools: list[list[float]] = []
    for g, b in zip(good[::sign].tolist(), bad[::sign].tolist(), strict=True):
        pool = [float(g), float(b)]
        # rates b / (g + b) compared across, so that empty pre-bins need no division
        while pools and pools[-1][1] * (pool[0] + pool[1]) >= pool[1] * sum(pools[-1]):
            last = pools.pop()
            pool = [last[0] + pool[0], last[1] + pool[1]]
        pools.append(pool)
    g, b = np.array(pools).T
    if criterion == "iv":
        if not (g * b).all():
            return np.inf
        return float(information_value(g, b, g.sum(), b.sum(), 0.0).sum())
    rate, common = b / (g + b), b.sum() / (g.sum() + b.sum())
    each = xlogy(b, rate) + xlogy(g, 1 - rate) - xlogy(b, common) - xlogy(g, 1 - common)
    return float(each.sum())


def _all_bins(
    good: np.ndarray, bad: np.ndarray, min_count: float, criterion: str, prior: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, bad rate and admissibility of every bin ``[start, end)``, each ``(n, n + 1)``."""
    n = len(good)
    sums = [np.concatenate([[0.0], np.cumsum(x, dtype=np.float64)]) for x in (good, bad)]
    g, b = (s[None, :] - s[:-1, None] for s in sums)
    later = np.arange(n + 1)[None, :] > np.arange(n)[:, None]
    g, b = np.where(later, g, 0.0), np.where(later, b, 0.0)
    size = g + b
    rate = np.divide(b, size, out=np.zeros_like(b), where=size > 0)
    total_g, total_b = sums[0][-1], sums[1][-1]
    if criterion == "iv":
        value = information_value(g, b, total_g, total_b, prior)
    else:
        common = total_b / (total_g + total_b)
        value = xlogy(b, rate) + xlogy(g, 1 - rate) - xlogy(b, common) - xlogy(g, 1 - common)
    return value, rate, later & (size >= min_count) & (size > 0)


def _extend(
    best: np.ndarray,
    back: np.ndarray,
    start: int,
    ends: np.ndarray,
    value: np.ndarray,
    rate: np.ndarray,
    legs: tuple[int, ...],
) -> None:
    """Fill all bins that begin at ``start`` from those that end there."""
    before = np.flatnonzero((best[:, :, :start, start] > -np.inf).any(axis=(0, 1)))
    if not len(before):
        return
    last, new = rate[before, start], rate[start, ends]
    for leg, sign in enumerate(legs):
        order = np.argsort(sign * last, kind="stable")
        reach = np.searchsorted(sign * last[order], sign * new, side="right") - 1
        for source in range(leg + 1):
            _continue(best, back, leg, source, start, ends, before[order], reach, value)


def _continue(
    best: np.ndarray,
    back: np.ndarray,
    leg: int,
    source: int,
    start: int,
    ends: np.ndarray,
    before: np.ndarray,
    reach: np.ndarray,
    value: np.ndarray,
) -> None:
    """One more bin after the best of those that stand in the right relation to it.

    ``before`` is in order of rates, so "the best that may precede" is a running maximum.
    """
    earlier = best[source, :-1][:, before, start]
    top = np.maximum.accumulate(earlier, axis=1)
    fresh = np.ones(top.shape, dtype=bool)
    fresh[:, 1:] = top[:, 1:] > top[:, :-1]
    which = np.maximum.accumulate(np.where(fresh, np.arange(len(before)), 0), axis=1)
    fine = reach >= 0
    cells, reach = ends[fine], reach[fine]
    offered = top[:, reach] + value[start, cells]
    came = before[which[:, reach]] * 2 + source
    have, origin = best[leg, 1:, start], back[leg, 1:, start]
    better = offered > have[:, cells]
    have[:, cells] = np.where(better, offered, have[:, cells])
    origin[:, cells] = np.where(better, came, origin[:, cells])


def _trace(best: np.ndarray, back: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    """Walk back from the best last bin; the fewest bins among equal values."""
    final = best[:, :, :, n].transpose(1, 0, 2)
    if not (final > -np.inf).any():
        return np.zeros(1, dtype=np.int64), 0.0
    bins, leg, start = (int(i) for i in np.unravel_index(int(np.argmax(final)), final.shape))
    value, starts, end = float(final[bins, leg, start]), [start], n
    while bins > 0:
        came = int(back[leg, bins, start, end])
        start, leg, bins, end = came // 2, came % 2, bins - 1, start
        starts.append(start)
    return np.array(starts[::-1], dtype=np.int64), value


def weight_of_evidence(
    good: np.ndarray, bad: np.ndarray, total_good: float, total_bad: float, prior: float
) -> np.ndarray:
    """``ln((good / all good) / (bad / all bad))``, with ``prior`` rows spread as in the total.

    The prior draws small bins towards zero and keeps bins without a good or a bad row finite; an
    empty bin has weight zero.
    """
    share = total_bad / (total_good + total_bad)
    g = (good + 2 * prior * (1 - share)) / total_good
    b = (bad + 2 * prior * share) / total_bad
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(good + bad > 0, np.log(g / b), 0.0)


def information_value(
    good: np.ndarray, bad: np.ndarray, total_good: float, total_bad: float, prior: float
) -> np.ndarray:
    """Each bin's part of the information value (non-negative)."""
    woe = weight_of_evidence(good, bad, total_good, total_bad, prior)
    return (good / total_good - bad / total_bad) * woe
