"""What a clean sequence hides: repeated visits, skipped steps, backward moves, re-openings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .steps import by_time

__all__ = ["moves"]


def moves(
    unit: np.ndarray,
    time: np.ndarray,
    stage: np.ndarray,
    *,
    steps: Sequence[int],
    won: Sequence[int] = (),
    lost: Sequence[int] = (),
    group: np.ndarray,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per group and step: visits, units beyond it without it, moves back and re-openings into it.

    ``group`` is by unit; all results have shape (groups, steps). Events at one time are taken
    in the order of the steps, closing stages last, so ties never make a backward move.
    """
    k = len(steps)
    rank = np.full(max([*steps, *won, *lost, 0]) + 2, -1)  # the last entry answers for code -1
    rank[list(lost)], rank[list(won)] = k + 1, k
    for i in range(k - 1, -1, -1):
        rank[steps[i]] = i
    closing = np.zeros(k + 2, dtype=bool)
    closing[rank[[*won, *lost]]] = True
    code = np.where(stage < len(rank) - 1, stage, -1)
    rows = np.flatnonzero(rank[code] >= 0)
    who, at = by_time(unit[rows], time[rows], rank[code[rows]], k + 2)
    first = [steps.index(s) for s in steps]
    back, reopened = _returns(who, at, closing, group, groups, k)
    return (
        _table(group[who], at, groups, k)[:, first],
        _skipped(who, at, group, groups, k)[:, first],
        back[:, first],
        reopened[:, first],
    )


def _table(group: np.ndarray, at: np.ndarray, groups: int, k: int) -> np.ndarray:
    inside = at < k
    return np.bincount(group[inside] * k + at[inside], minlength=groups * k).reshape(groups, k)


def _skipped(who: np.ndarray, at: np.ndarray, group: np.ndarray, groups: int, k: int) -> np.ndarray:
    """Units that reached a later step (or were won) without this one."""
    out = np.zeros((groups, k), dtype=np.int64)
    far = np.full(len(group), -1)
    on = at <= k  # lost is no progress
    np.maximum.at(far, who[on], at[on])
    for step in range(k):
        seen = np.zeros(len(group), dtype=bool)
        seen[who[at == step]] = True
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
    same = who[1:] == who[:-1]
    before, now, unit = at[:-1][same], at[1:][same], who[1:][same]
    back = (now < before) & (now < k) & ~closing[now]
    reopened = back & closing[before]
    back &= ~closing[before]
    return (
        _table(group[unit[back]], now[back], groups, k),
        _table(group[unit[reopened]], now[reopened], groups, k),
    )
