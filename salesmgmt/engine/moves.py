"""What a clean sequence hides: repeated visits, skipped steps, backward moves, re-openings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import fast
from .packed import Packed, heads

__all__ = ["moves"]


def moves(
    store: Packed,
    *,
    steps: Sequence[int],
    won: Sequence[int] = (),
    lost: Sequence[int] = (),
    group: np.ndarray,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per group and step: visits, units beyond it without it, moves back and re-openings into it.

    ``group`` is by unit; all results have shape (groups, steps). Events at one time are taken
    in the order of their codes (steps first, closing stages last), so ties never make a
    backward move.
    """
    k = len(steps)
    rank = np.full((1 << store.low) + 1, -1, dtype=np.int8)
    rank[list(lost)], rank[list(won)] = k + 1, k
    for i in range(k - 1, -1, -1):
        rank[steps[i]] = i
    closing = np.zeros(k + 2, dtype=bool)
    closing[rank[[*won, *lost]]] = True
    first = [steps.index(s) for s in steps]
    if store.fast:
        run = (fast.kernels() or {})["history"]
        found = run(store.key, store.bits, store.low, rank, closing, k, group, groups)
        return found[0][:, first], found[1][:, first], found[2][:, first], found[3][:, first]
    who, code = store.stages()
    at = rank[code]
    if (at < 0).any():
        who, at = who[at >= 0], at[at >= 0]
    back, reopened = _returns(who, at, closing, group, groups, k)
    return (
        _table(group, who, at, groups, k)[:, first],
        _skipped(who, at, group, groups, k)[:, first],
        back[:, first],
        reopened[:, first],
    )


def _table(group: np.ndarray, who: np.ndarray, at: np.ndarray, groups: int, k: int) -> np.ndarray:
    if groups == 1:
        return np.array([[np.count_nonzero(at == i) for i in range(k)]])
    inside = at < k
    cell = group[who[inside]] * k + at[inside]
    return np.bincount(cell, minlength=groups * k).reshape(groups, k)


def _skipped(who: np.ndarray, at: np.ndarray, group: np.ndarray, groups: int, k: int) -> np.ndarray:
    """Units that reached a later step (or were won) without this one."""
    out = np.zeros((groups, k), dtype=np.int64)
    if not len(who):
        return out
    on = at <= k  # lost is no progress
    if not on.all():
        who, at = who[on], at[on]
    start = np.flatnonzero(heads(who))
    group = group[who[start]]
    far = np.maximum.reduceat(at, start)
    for step in range(k):
        seen = np.logical_or.reduceat(at == step, start)
        out[:, step] = np.bincount(group[(far > step) & ~seen], minlength=groups)
    return out


def _returns(
    who: np.ndarray,
    at: np.ndarray,
    closing: np.ndarray,
    group: np.ndarray,
    groups: int,
    k: int,
) -> tuple[np.ndarray, np.ndarray]:
    back = np.flatnonzero((at[1:] < at[:-1]) & (who[1:] == who[:-1]))
    before, now, unit = at[back], at[back + 1], who[back + 1]
    fine = (now < k) & ~closing[now]
    again = fine & closing[before]
    fine &= ~closing[before]
    return (
        _table(group, unit[fine], now[fine], groups, k),
        _table(group, unit[again], now[again], groups, k),
    )
