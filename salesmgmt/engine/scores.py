"""Scores 1..k from values: cut points and how to apply them. Equal values get equal scores.

A score is ``1 +`` the number of cuts that lie *below* the value, so a value on a cut belongs to
the lower score. Cuts may repeat where many values are equal; a score between two equal cuts is
then empty, which is reported, never mended by splitting equals.
"""

from __future__ import annotations

import numpy as np

__all__ = ["apply_cuts", "log_cuts", "natural_cuts", "quantile_cuts", "rank_scores"]

_GROUPS = 2048
_FEW = 20


def apply_cuts(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Scores 1..len(cuts) + 1, int64: how many cuts lie below each value, plus one."""
    if len(cuts) > _FEW:
        return 1 + np.searchsorted(cuts, values, side="left").astype(np.int64)
    scores = np.ones(len(values), dtype=np.int8)
    if values.dtype.kind == "i":  # whole numbers above a cut are those above its whole part
        cuts = np.floor(np.clip(cuts, -(2.0**62), 2.0**62)).astype(np.int64)
    for cut in cuts:  # a few comparisons of all values are faster than a search for each
        scores += (values > cut).view(np.int8)
    return scores.astype(np.int64)


def quantile_cuts(values: np.ndarray, k: int) -> np.ndarray:
    """The ``k - 1`` quantiles j/k, interpolated between neighbours; positions are exact.

    References
    ----------
    .. [1] R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American
       Statistician 50 (1996), 361-365, definition 7.
    """
    whole, rest = np.divmod((len(values) - 1) * np.arange(1, k), k)
    above = np.minimum(whole + 1, len(values) - 1)
    low, high = _at(values, whole, above)
    return low + (high - low) * (rest / k)


def _at(values: np.ndarray, *places: np.ndarray) -> list[np.ndarray]:
    """The values at given places of the ascending order, float64."""
    if values.dtype.kind == "i":
        least = int(values.min())
        if int(values.max()) - least < len(values):  # whole numbers close together: count them
            upto = np.cumsum(np.bincount(values - least))
            return [np.searchsorted(upto, p, side="right") + float(least) for p in places]
    ordered = np.sort(values)  # faster than a partition around several places
    return [ordered[p].astype(np.float64) for p in places]


def rank_scores(values: np.ndarray, k: int) -> np.ndarray:
    """Scores from mid-ranks: tied values share the score of the middle of their block."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    # Twice the mid-rank, minus one, over twice n: whole numbers, so no rounding decides.
    doubled = 2 * below + counts
    scores = 1 + (doubled * k) // (2 * len(values))
    edge = (doubled * k) % (2 * len(values)) == 0  # on a border: the lower score, as elsewhere
    return np.clip(scores - edge, 1, k)[at.reshape(-1)].astype(np.int64)


def log_cuts(values: np.ndarray, k: int) -> np.ndarray:
    """``k - 1`` cuts equally spaced in the logarithm between the least and greatest positive."""
    positive = values[values > 0]
    if not len(positive):
        return np.zeros(k - 1)
    low, high = np.log(positive.min()), np.log(positive.max())
    return np.exp(low + (high - low) * np.arange(1, k) / k)


def natural_cuts(values: np.ndarray, k: int) -> np.ndarray:
    """``k - 1`` cuts with the least squared distance within classes (natural breaks).

    Exact for up to 2,048 distinct values; more are first put into 2,048 neighbouring groups of
    about equal numbers.

    References
    ----------
    .. [1] W. D. Fisher, "On Grouping for Maximum Homogeneity", Journal of the American
       Statistical Association 53 (1958), 789-798.
    """
    distinct, counts = np.unique(values.astype(np.float64), return_counts=True)
    if len(distinct) <= k:
        cuts = distinct[:-1]
        return np.concatenate([np.repeat(distinct[:1], k - 1 - len(cuts)), cuts])
    upper, weight, total, square = _grouped(distinct, counts.astype(np.float64))
    back = _fisher(weight, total, square, k)
    ends, end = [], len(upper)
    for layer in range(k - 1, 0, -1):
        end = back[layer][end - 1]
        ends.append(end - 1)
    return upper[ends[::-1]]


def _grouped(
    distinct: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Upper value, weight, sum and sum of squares of at most 2,048 neighbouring groups."""
    centred = distinct - distinct.mean()
    if len(distinct) <= _GROUPS:
        start = np.arange(len(distinct))
    else:
        share = (np.cumsum(counts) - counts) / counts.sum()
        start = np.unique(np.searchsorted(share, np.arange(_GROUPS) / _GROUPS))
    end = np.append(start[1:], len(distinct)) - 1
    sums = [np.add.reduceat(counts * centred**p, start) for p in (0, 1, 2)]
    return distinct[end], sums[0], sums[1], sums[2]


def _fisher(weight: np.ndarray, total: np.ndarray, square: np.ndarray, k: int) -> list[np.ndarray]:
    """For each layer and end, where its last class starts in the best grouping."""
    w, s, q = (np.concatenate([[0.0], np.cumsum(x)]) for x in (weight, total, square))
    m = len(weight)

    def cost(start: np.ndarray, end: int) -> np.ndarray:
        inside = w[end] - w[start]
        spread = (q[end] - q[start]) - (s[end] - s[start]) ** 2 / np.maximum(inside, 1e-300)
        return np.maximum(spread, 0.0)

    best = np.array([np.inf] + [cost(np.array([0]), e)[0] for e in range(1, m + 1)])
    back: list[np.ndarray] = [np.zeros(m, dtype=np.int64)]
    for layer in range(1, k):
        new = np.full(m + 1, np.inf)
        at = np.zeros(m, dtype=np.int64)
        for end in range(layer + 1, m + 1):
            starts = np.arange(layer, end)
            sums = best[starts] + cost(starts, end)
            pick = int(np.argmin(sums))
            new[end], at[end - 1] = sums[pick], starts[pick]
        best = new
        back.append(at)
    return back
