"""The newest era of a record that has fallen to another size: lost customers, dying products.

Errors of a time when ten times as much was sold say nothing of those to come, though they are
most of the record. The fall has to be plain: nothing as large since, in either half of the time
since no more than a third of the same places of the season before, and never before so long
without anything as large.
"""

from __future__ import annotations

import numpy as np

__all__ = ["begun", "newness"]

_FALL = 1 / 3  # of what was usual that is never reached since
_ALIKE = 1.5  # times the largest since: a pause before that stayed below it was like this one
# Periods of an era from which, and at which wholly, its own errors count: what has lasted so long
# can still end. Later where there were pauses before: slow sellers come back.
_FROM, _WHOLLY, _LATER = 6, 18, 8
_SLOW = 0.1  # share of zeros before the era
_LEAST = 8  # values since, and before


def begun(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Row in which the newest era of each column begins, (series,); 0 where there is only one.

    Parameters
    ----------
    y : (time, series)
        Values, NaN where nothing is known, every column starting in row 0.
    n : (series,)
        Lengths.
    m : int
        Season length.
    """
    out = np.zeros(len(n), dtype=np.int64)
    least = _shortest(m)
    size = np.where(np.isfinite(y), np.abs(y), 0.0)
    row = np.arange(len(y))[:, None]
    newest = np.where((row < n) & (row >= n - least), size, 0.0).max(axis=0, initial=0.0)
    both = (np.where(np.isfinite(y), y, 0.0) < 0).any(axis=0) & (y > 0).any(axis=0)
    maybe = ~both & (n >= least + max(_LEAST, m)) & (newest <= _FALL * size.max(axis=0, initial=0))
    for j in np.flatnonzero(maybe):
        out[j] = _start(np.abs(y[: n[j], j]), m, least)
    return out


def newness(y: np.ndarray, n: np.ndarray, start: np.ndarray) -> np.ndarray:
    """How far each column's newest era counts by itself, 0 (there is none) to 1, (series,)."""
    row = np.arange(len(y))[:, None]
    known = np.isfinite(y) & (row < n)
    since, before = (known & at for at in (row >= start, row < start))
    zeros = (before & (y == 0)).sum(axis=0)
    later = np.where(zeros > _SLOW * before.sum(axis=0), _LATER, 0)
    share = (since.sum(axis=0) - _FROM - later) / (_WHOLLY - _FROM)
    return np.where(start > 0, np.clip(share, 0.0, 1.0), 0.0)


def _shortest(m: int) -> int:
    """Periods: half a cycle; eight weeks of days, eight days of hours."""
    return max(_LEAST, 8 * m if m in (7, 24) else m // 2)


def _start(size: np.ndarray, m: int, least: int) -> int:
    """The first row after which nothing comes near what was usual; 0 where that is no new era."""
    known = np.isfinite(size)
    usual = np.quantile(size[known], 0.75)
    start = int(np.flatnonzero(known & (size > _FALL * usual)).max(initial=-1)) + 1
    since, before = size[start:], size[:start]
    if usual <= 0 or np.isfinite(since).sum() < least or start < max(_LEAST, m):
        return 0
    top = np.nanmax(since)
    if top > _FALL * np.median(before[known[:start]]) or not _is_less(size, start, m):
        return 0
    width = min(len(since), start // 2)
    tops = np.lib.stride_tricks.sliding_window_view(
        np.where(known[:start], before, np.inf), width
    ).max(axis=1)
    return start if tops.min() > _ALIKE * top else 0


def _is_less(size: np.ndarray, start: int, m: int) -> bool:
    """Whether both halves of the time since bring less than the same places of the cycle before."""
    if m <= 1:
        return True
    since = np.arange(start, len(size))
    before = size[since - m * ((since - start) // m + 1)]
    now = size[start:]
    both = np.isfinite(before) & np.isfinite(now)
    half = len(now) // 2
    for part in (slice(None, half), slice(half, None)):
        ok = both[part]
        if now[part][ok].sum() > _FALL * before[part][ok].sum():
            return False
    return True
