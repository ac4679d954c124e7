"""Ranks with their uncertainty, and the classic multi-criteria rankings."""

from __future__ import annotations

import numpy as np

__all__ = ["competition_rank", "rank_interval"]

_BLOCK = 4_000_000  # cells of a pairwise block


def competition_rank(score: np.ndarray) -> np.ndarray:
    """Rank of each score, 1 is the largest; equal scores share the smallest rank. int64."""
    descending = np.sort(-score)
    return np.searchsorted(descending, -score, side="left").astype(np.int64) + 1


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
