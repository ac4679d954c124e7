"""Compiled passes over large event streams (extra ``fast``: numba); the results are the same.

Used from a million rows on, where compiling pays; without numba NumPy does the work.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["LEAST", "kernels"]

LEAST = 1_000_000
NEVER = np.iinfo(np.int64).max


@functools.cache
def kernels() -> dict[str, Callable[..., Any]] | None:
    """The compiled passes by name; None where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    compile_ = numba.njit(cache=True, nogil=True)
    return {f.__name__[1:]: compile_(f) for f in (_pack, _starters, _scan, _history)}


def _pack(
    unit: np.ndarray,
    time: np.ndarray,
    stage: np.ndarray,
    count: int,
    t0: int,
    tick: int,
    bits: int,
    low: int,
) -> np.ndarray:
    """Keys ``unit | tick | stage`` of the events that matter; empty if a time is no whole tick."""
    key = np.empty(count, np.int64)
    j = 0
    for i in range(len(stage)):
        if stage[i] >= 0:
            rest = time[i] - t0
            ticks = rest // tick
            if ticks * tick != rest:
                return np.empty(0, np.int64)
            key[j] = (((np.int64(unit[i]) << bits) | ticks) << low) | stage[i]
            j += 1
    return key


def _starters(key: np.ndarray, shift: int, low: int) -> int:
    """Number of units with an event of stage 0."""
    codes = (1 << low) - 1
    out, last = 0, -1
    for i in range(len(key)):
        if (key[i] & codes) == 0 and (key[i] >> shift) != last:
            last = key[i] >> shift
            out += 1
    return out


def _scan(
    key: np.ndarray,
    bits: int,
    low: int,
    steps: int,
    window: int,
    later: bool,
    first_only: bool,
    entered: int,
    t0: int,
    tick: int,
    over: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Deepest, then earliest, attempt of each unit over distinct steps with the codes 0, 1, ...

    ``window`` and ``over`` (starts after it may go on) are in ticks; negative ``window``: none.
    """
    who = np.empty(entered, np.int64)
    times = np.full((entered, steps), NEVER, np.int64)
    level = np.empty(entered, np.int64)
    may = np.empty(entered, np.bool_)
    at = np.zeros(steps, np.int64)
    start = np.zeros(steps, np.int64)
    shift, codes, ticks = bits + low, (1 << low) - 1, (1 << bits) - 1
    n, a, out = len(key), 0, 0
    while a < n:
        unit = key[a] >> shift
        b = a
        head = -1
        tail = -1
        while b < n and (key[b] >> shift) == unit:
            if (key[b] & codes) == 0:
                if head < 0:
                    head = b
                tail = b
            b += 1
        if head >= 0:
            if first_only:
                tail = head
            # How deep: the latest start that still reaches each step, event by event.
            for k in range(steps):
                start[k] = -1
            deep = 1
            i = head
            while i < b:
                now = (key[i] >> low) & ticks
                end = i
                while end < b and ((key[end] >> low) & ticks) == now:
                    end += 1
                for p in range(end - i):
                    # Strictly later: within one time, later steps first, so none builds on another.
                    e = end - 1 - p if later else i + p
                    k = key[e] & codes
                    if k == 0:
                        if not first_only or e == head:
                            start[0] = now
                    elif (
                        k < steps
                        and start[k - 1] >= 0
                        and (window < 0 or now - start[k - 1] <= window)
                    ):
                        start[k] = start[k - 1]
                        if k + 1 > deep:
                            deep = k + 1
                i = end
            # The earliest start that gets there; its path only ever moves forward.
            for k in range(1, deep):
                at[k] = head
            i = head
            done = False
            while not done and i <= tail:
                if (key[i] & codes) == 0:
                    begin = (key[i] >> low) & ticks
                    at[0] = i
                    reached = 1
                    for k in range(1, deep):
                        p = max(at[k], at[k - 1] + 1)
                        before = (key[at[k - 1]] >> low) & ticks
                        while p < b:
                            now = (key[p] >> low) & ticks
                            if (key[p] & codes) == k and (now > before or not later):
                                break
                            p += 1
                        at[k] = p
                        if p >= b:
                            break
                        if window >= 0 and ((key[p] >> low) & ticks) - begin > window:
                            break
                        reached += 1
                    done = reached == deep
                i += 1
            who[out] = unit
            level[out] = deep
            for k in range(deep):
                times[out, k] = t0 + ((key[at[k]] >> low) & ticks) * tick
            may[out] = window < 0 or ((key[tail] >> low) & ticks) > over
            out += 1
        a = b
    return who[:out], times[:out], level[:out], may[:out]


def _history(
    key: np.ndarray,
    bits: int,
    low: int,
    rank: np.ndarray,
    closing: np.ndarray,
    steps: int,
    group: np.ndarray,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Visits, skipped, moves back and re-openings by group and step; see ``moves``."""
    visits = np.zeros((groups, steps), np.int64)
    skipped = np.zeros((groups, steps), np.int64)
    back = np.zeros((groups, steps), np.int64)
    again = np.zeros((groups, steps), np.int64)
    seen = np.zeros(steps + 2, np.bool_)
    shift, codes = bits + low, (1 << low) - 1
    n, a = len(key), 0
    while a < n:
        unit = key[a] >> shift
        g = group[unit]
        before, far = -1, -1
        seen[:] = False
        while a < n and (key[a] >> shift) == unit:
            at = rank[key[a] & codes]
            a += 1
            if at < 0:
                continue
            seen[at] = True
            if at <= steps and at > far:
                far = at
            if at < steps:
                visits[g, at] += 1
                if at < before and not closing[at]:
                    if closing[before]:
                        again[g, at] += 1
                    else:
                        back[g, at] += 1
            before = at
        for k in range(steps):
            if far > k and not seen[k]:
                skipped[g, k] += 1
    return visits, skipped, back, again
