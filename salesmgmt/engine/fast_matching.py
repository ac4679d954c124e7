"""The pair ledger in one compiled pass (extra ``fast``: numba); the lines are the same.

Used from half a million rows on, where compiling pays; without numba NumPy does the work.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LEAST", "compiled_lines"]

LEAST = 500_000


@functools.cache
def compiled_lines() -> Callable[..., Any] | None:
    """The compiled pass; None where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    compiled: Callable[..., Any] = numba.njit(cache=True, nogil=True)(_lines)
    return compiled


def _lines(
    debits: np.ndarray,
    credits: np.ndarray,
    bills: np.ndarray,
    money: np.ndarray,
    tick: int,
    open_kind: int,
    lines: np.ndarray,
    times: np.ndarray,
    kind: np.ndarray,
) -> int:
    """Matches and rests of all groups in queue order, with what a line shows of its two sides.

    ``debits`` and ``credits`` are positions by group, then in queue order, and the other two
    what stands there: a row of ``bills`` holds group, units (> 0), day and due day, one of
    ``money`` group, units and day. Writes the rows of ``lines`` (document, receipt, group,
    units), of ``times`` (in ``tick`` a day: the later one, of the document, its due date, of the
    receipt) and ``kind`` (0: match, ``open_kind``: rest of a document, one more: of a receipt),
    and returns how many lines there are.
    """
    never = np.iinfo(np.int64).min
    n, i, j = 0, 0, 0
    owes, has = np.int64(0), np.int64(0)  # what is left of the two at hand
    while True:
        if owes == 0 and i < len(debits):
            owes = bills[i, 1]
        while has == 0 and j < len(credits):
            has = money[j, 1]
            if has == 0:
                j += 1
        if i >= len(debits) and j >= len(credits):
            return n
        with_d = i < len(debits) and (j >= len(credits) or bills[i, 0] <= money[j, 0])
        with_r = j < len(credits) and (i >= len(debits) or money[j, 0] <= bills[i, 0])
        take = min(owes, has) if with_d and with_r else (owes if with_d else has)
        when, due, paid = never, never, never
        kind[n] = 0
        lines[3, n] = take
        if with_d:
            lines[0, n] = debits[i]
            lines[2, n] = bills[i, 0]
            when = bills[i, 2] * tick
            due = bills[i, 3] * tick
            owes -= take
            if owes == 0:
                i += 1
        else:
            lines[0, n] = -1
            lines[2, n] = money[j, 0]
            kind[n] = open_kind + 1
        if with_r:
            lines[1, n] = credits[j]
            paid = money[j, 2] * tick
            has -= take
            if has == 0:
                j += 1
        else:
            lines[1, n] = -1
            kind[n] = open_kind
        times[0, n] = max(when, paid)
        times[1, n], times[2, n], times[3, n] = when, due, paid
        n += 1
