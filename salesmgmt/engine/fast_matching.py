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
    owner: np.ndarray,
    owed: np.ndarray,
    bill: np.ndarray,
    issued: np.ndarray,
    due_day: np.ndarray,
    payer: np.ndarray,
    given: np.ndarray,
    slip: np.ndarray,
    came: np.ndarray,
    tick: int,
    open_kind: int,
    lines: np.ndarray,
    times: np.ndarray,
    kind: np.ndarray,
) -> int:
    """Matches and rests of all groups in queue order, with what a line shows of its two sides.

    Both sides stand by group, then in queue order. Of each document: ``owner`` (its group),
    ``owed`` (units, > 0), ``bill`` (what to call it), ``issued`` and ``due_day``; of each receipt
    ``payer`` (its group), ``given`` (units), ``slip`` and ``came``. Writes the rows of ``lines``
    (document, receipt, -1: none; group, units), of ``times`` (in ``tick`` a day: the later one, of
    the document, its due date, of the receipt) and ``kind`` (0: match, ``open_kind``: rest of a
    document, one more: of a receipt), and returns how many lines there are.
    """
    never = np.iinfo(np.int64).min
    n, i, j, bills, slips = 0, 0, 0, len(owner), len(payer)
    owes, has = np.int64(0), np.int64(0)  # what is left of the two at hand
    when, due, paid = never, never, never
    while i < bills or j < slips:
        group = owner[i] if j >= slips or (i < bills and owner[i] <= payer[j]) else payer[j]
        last_i, last_j = i, j
        while last_i < bills and owner[last_i] == group:
            last_i += 1
        while last_j < slips and payer[last_j] == group:
            last_j += 1
        while True:
            while has == 0 and j < last_j:  # receipts of nothing pay nothing
                has = given[j]
                paid = came[j] * tick
                if has == 0:
                    j += 1
            if owes == 0 and i < last_i:
                owes = owed[i]
                when = issued[i] * tick
                due = due_day[i] * tick
            if i == last_i or j == last_j:
                break
            take = min(owes, has)
            kind[n] = 0
            lines[0, n] = bill[i]
            lines[1, n] = slip[j]
            lines[2, n] = group
            lines[3, n] = take
            times[0, n] = max(when, paid)
            times[1, n], times[2, n], times[3, n] = when, due, paid
            n += 1
            owes -= take
            has -= take
            i += owes == 0
            j += has == 0
        while i < last_i:
            when = issued[i] * tick
            kind[n] = open_kind
            lines[0, n], lines[1, n], lines[2, n], lines[3, n] = bill[i], -1, group, owes
            times[0, n], times[1, n] = when, when
            times[2, n], times[3, n] = due_day[i] * tick, never
            n += 1
            i += 1
            owes = owed[i] if i < last_i else np.int64(0)
        while j < last_j:
            if has:
                paid = came[j] * tick
                kind[n] = open_kind + 1
                lines[0, n], lines[1, n], lines[2, n], lines[3, n] = -1, slip[j], group, has
                times[0, n], times[1, n], times[2, n], times[3, n] = paid, never, never, paid
                n += 1
            j += 1
            has = given[j] if j < last_j else np.int64(0)
    return n
