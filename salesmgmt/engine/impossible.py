"""Values that cannot be true: a misplaced decimal point, a sum in another unit.

Sales have heavy tails: promotions, Christmas and large orders are many times the usual, and they
stay. What is set aside lies apart from everything else: twenty times as large as any other value
of a record that has no such range itself. Of several, all must be sixty times as large, and
they must not come back every year, nor stand together at the end, where they may be a new
level. What neighbours and season say takes their place.
"""

from __future__ import annotations

import numpy as np

from .decomposition import fill_gaps

__all__ = ["impossible", "without_impossible"]

_ONE, _SEVERAL = 20.0, 60.0  # times the largest of the others
_RANGE = 10.0  # most that the largest of the others may be, in their medians
_FEWEST = 10  # values
_SHARE, _MOST = 0.05, 5  # of values that are set aside
_SPARSE = 0.2  # share of zeros from which nothing is known of sizes
_NEAR = 0.05  # of a year by which what comes back may move


def without_impossible(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """``y`` (time, series) with likely values for impossible ones, and which these were.

    Parameters
    ----------
    y : (time, series)
        Values, NaN where nothing is known, every column starting in row 0.
    n : (series,)
        Lengths.
    m : int
        Season length.
    """
    odd = impossible(y, n, m)
    some = np.flatnonzero(odd.any(axis=0))
    if not len(some):
        return y, odd
    out = y.copy()
    lost = np.where(odd, np.nan, y)[:, some]
    out[:, some] = np.where(odd[:, some], fill_gaps(lost, n[some], m), y[:, some])
    return out, odd


def impossible(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Which values cannot be true, (time, series)."""
    known = np.isfinite(y)
    size = np.where(known, np.abs(y), -1.0)
    count = known.sum(axis=0)
    zeros = (size == 0).sum(axis=0)
    odd = np.zeros(y.shape, dtype=bool)
    least = _ONE * np.nanmedian(np.where(known | ~known.any(axis=0), size, np.nan), axis=0)
    fits = (count >= _FEWEST) & (zeros < _SPARSE * count)
    fits &= size.max(axis=0, initial=0.0) >= least  # most have nothing of the kind
    for j in np.flatnonzero(fits):
        rows = _apart(size[: n[j], j], int(count[j]))
        if len(rows) and not _is_real(rows, int(n[j]), m):
            odd[rows, j] = True
    return odd


def _apart(size: np.ndarray, count: int) -> np.ndarray:
    """Rows of values that lie far above all others of a column."""
    most = int(np.clip(_SHARE * count, 1, _MOST))
    order = np.argsort(-size, kind="stable")[:count]
    for k in range(most, 0, -1):
        least, rest = size[order[k - 1]], size[order[k:]]
        if least >= (_ONE if k == 1 else _SEVERAL) * rest[0] and rest[0] > 0:
            tame = rest[0] <= _RANGE * np.median(rest)
            return np.sort(order[:k]) if tame else order[:0]
    return order[:0]


def _is_real(rows: np.ndarray, n: int, m: int) -> bool:
    """Whether several values come back every year up to now, or may be a new level at the end."""
    if len(rows) == 1:
        return False
    if rows[0] == n - len(rows):
        return True
    year = {1: 0, 7: 365}.get(m, m)
    if not year:
        return False
    apart = np.diff(rows)
    usual, reach = apart.mean(), max(_NEAR * year, 0.5)
    even = np.abs(apart - usual).max() <= reach
    yearly = abs(usual - year * max(round(usual / year), 1)) <= reach
    return bool(even and yearly and rows[-1] + usual + reach >= n)
