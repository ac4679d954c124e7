"""Matching step sequences in event streams: which attempts got how far, and when.

Events of each step's stage are kept as sorted integer keys ``unit << bits | tick``, so that
"the next event of this stage" is one binary search for all attempts at once. Times are int64
microseconds. Windows and gaps include their ends.

References
----------
.. [1] ClickHouse, ``windowFunnel``: windows from the first step, deepest chain wins.
.. [2] Mixpanel, *Funnels*: totals re-enter after completion, expiry or exclusion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import fast
from .packed import Packed, heads

__all__ = ["NEVER", "Attempts", "Rule", "match"]

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Rule:
    """How steps are counted.

    ``gaps``: one (minimum, maximum) per step after the first, None for no limit.
    ``exclude``: (stage, from step, to step), zero-based. ``reuse``: one event may serve several
    equal steps. ``collapse``: in strict order, repeats of a stage in a row count once.
    """

    steps: tuple[int, ...]
    order: str = "ordered"
    window: int | None = None
    gaps: tuple[tuple[int, int | None], ...] | None = None
    later: bool = False
    reentry: str = "best"
    exclude: tuple[tuple[int, int, int], ...] = ()
    remove: bool = True
    reuse: bool = False
    collapse: bool = False


@dataclass(slots=True)
class Attempts:
    """Attempts by unit and start: ``times`` (n, steps), ``NEVER`` beyond ``level``.

    ``may_go_on``: the windows of the attempt (or, with re-entry "best", of another one of the
    same unit) are not over at the horizon.
    """

    unit: np.ndarray
    times: np.ndarray
    level: np.ndarray
    may_go_on: np.ndarray

    def take(self, rows: np.ndarray) -> Attempts:
        return Attempts(self.unit[rows], self.times[rows], self.level[rows], self.may_go_on[rows])


def match(store: Packed, rule: Rule, *, horizon: int) -> Attempts:
    """The counted attempts of every unit.

    Parameters
    ----------
    store : Packed
        The events.
    rule : Rule
        What counts.
    horizon : int
        Time up to which events are known.
    """
    if store.fast and _is_plain(rule):
        return _compiled(store, rule, horizon)
    if rule.order == "strict":
        starts, times = _consecutive(store, rule)
    elif rule.order == "any":
        starts, times = _distinct(store, rule)
    elif rule.gaps is not None:
        starts, times = _gapped(store, rule)
    else:
        starts, times = _chained(store, rule)
    who, over = store.unit(starts), _over(store, starts, times, rule)
    spoilt = _spoil(store, who, times, over, rule)
    times[times > spoilt[:, None]] = NEVER
    level = (times != NEVER).sum(axis=1)
    found = Attempts(who, times, level, (spoilt == NEVER) & (over > horizon))
    rows = np.arange(len(who))
    if rule.reentry == "every":  # an attempt that does not count takes its time all the same
        rows = _successive(store, starts, found, np.minimum(over, spoilt))
    if rule.exclude and rule.remove:
        rows = rows[spoilt[rows] == NEVER]
    if len(rows) < len(who):
        found = found.take(rows)
    return _deepest(found) if rule.reentry == "best" else found


def _is_plain(rule: Rule) -> bool:
    """Whether the compiled pass knows the rule: ordered, distinct steps, one window."""
    return (
        rule.order == "ordered"
        and rule.gaps is None
        and not rule.exclude
        and rule.reentry != "every"
        and rule.steps == tuple(range(len(rule.steps)))
    )


def _compiled(store: Packed, rule: Rule, horizon: int) -> Attempts:
    window = -1 if rule.window is None else min(rule.window // store.tick, store.mask)
    over = 0 if rule.window is None else (horizon - rule.window - store.t0) // store.tick
    run = fast.kernels() or {}
    entered = run["starters"](store.key, store.bits + store.low, store.low)
    found = run["scan"](
        store.key,
        store.bits,
        store.low,
        len(rule.steps),
        window,
        rule.later,
        rule.reentry == "first",
        entered,
        store.t0,
        store.tick,
        over,
    )
    return Attempts(*found)


def _starts(store: Packed, rule: Rule) -> np.ndarray:
    keys = store.of(rule.steps[0])
    return keys[heads(store.unit(keys))] if rule.reentry == "first" else keys


# --------------------------------------------------------------------------------------
# One way of matching each


def _chained(store: Packed, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Ordered steps: from each start always the earliest next event, which is never worse."""
    starts = _starts(store, rule)
    times = np.full((len(starts), len(rule.steps)), NEVER)
    times[:, 0] = store.time(starts)
    alive, key = np.arange(len(starts)), starts
    used = {rule.steps[0]: alive}
    if rule.reentry == "first":
        used = {rule.steps[0]: np.searchsorted(store.of(rule.steps[0]), starts)}
    again = {s for s in rule.steps if rule.steps.count(s) > 1}
    for k, stage in enumerate(rule.steps[1:], start=1):
        pool = store.of(stage)
        if not len(pool) or not len(alive):
            break
        at = np.searchsorted(pool, key, side="right" if rule.later else "left")
        if stage in used and not rule.reuse and not rule.later:
            at = np.maximum(at, used[stage] + 1)  # one event serves one step
        found = pool[np.minimum(at, len(pool) - 1)]
        good = (at < len(pool)) & (store.unit(found) == store.unit(key))
        when = store.time(found)
        if rule.window is not None:
            good &= when - times[alive, 0] <= rule.window
        alive, key = alive[good], found[good]
        times[alive, k] = when[good]
        used = {s: rows[good] for s, rows in used.items() if s in again}
        used[stage] = at[good]
    return starts, times


def _consecutive(store: Packed, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Strict order: the steps are neighbours in the unit's stream of all events.

    Events of one unit at one time (a moment) stand in the order that helps: a chain takes any of
    the first moment, all of each later one, and any of the last one.
    """
    if rule.collapse:
        return _collapsed(store, rule)
    moments = _Moments(store)
    begin = np.flatnonzero(moments.count(np.arange(len(moments.size)), rule.steps[0]))
    if rule.reentry == "first":
        begin = begin[heads(moments.unit[begin])]
    best = np.full((len(begin), len(rule.steps)), NEVER)
    for taken in range(1, len(rule.steps) + 1):
        times = _neighbours(moments, begin, taken, rule)
        # Of equals, the one that does more steps at the first moment is the earlier one.
        deeper = (times != NEVER).sum(axis=1) >= (best != NEVER).sum(axis=1)
        best[deeper] = times[deeper]
    return (moments.unit[begin] << store.bits) | store.floor(moments.time[begin]), best


class _Moments:
    """The times at which each unit has events: how many there are, and of which stages."""

    def __init__(self, store: Packed):
        unit, time, stage = store.raw
        by = np.lexsort((stage, time, unit))
        unit, time = unit[by], time[by]
        new = (unit[1:] != unit[:-1]) | (time[1:] != time[:-1])
        first = np.flatnonzero(np.append(np.ones(min(len(unit), 1), dtype=bool), new))
        self.unit, self.time = unit[first].astype(np.int64), time[first]
        self.size = np.diff(np.append(first, len(unit)))
        self._stages = 1 << (store.low + 1)
        place = np.repeat(np.arange(len(first)), self.size)
        self._key = place * self._stages + stage[by] + 1  # other events are stage -1

    def count(self, at: np.ndarray, stage: int) -> np.ndarray:
        """Events of ``stage`` at these moments."""
        key = at * self._stages + stage + 1
        return np.searchsorted(self._key, key, side="right") - np.searchsorted(self._key, key)


def _neighbours(moments: _Moments, begin: np.ndarray, taken: int, rule: Rule) -> np.ndarray:
    """Times of the chains that do ``taken`` steps, or as many as there are, where they begin."""
    times = np.full((len(begin), len(rule.steps)), NEVER)
    done = _steps_at(moments, begin, 0, taken, times, np.arange(len(begin)), rule)
    on = done == taken
    if rule.reentry == "first":  # a further first step would stand between
        on &= moments.count(begin, rule.steps[0]) == rule.steps[:taken].count(rule.steps[0])
    here = begin.copy()
    for k in range(taken, len(rule.steps)):
        rows = np.flatnonzero(on & (done == k))
        after = np.minimum(here[rows] + 1, len(moments.unit) - 1)
        same = (after > here[rows]) & (moments.unit[after] == moments.unit[here[rows]])
        on[rows[~same]] = False
        rows, after = rows[same], after[same]
        more = _steps_at(moments, after, k, len(rule.steps) - k, times, rows, rule)
        here[rows], done[rows] = after, k + more
        on[rows] = more == moments.size[after]
    return times


def _steps_at(
    moments: _Moments,
    at: np.ndarray,
    k: int,
    most: int,
    times: np.ndarray,
    rows: np.ndarray,
    rule: Rule,
) -> np.ndarray:
    """How many steps from ``k`` on the moments ``at`` hold; their times are put down."""
    fits, when = np.ones(len(at), dtype=bool), moments.time[at]
    found = np.zeros(len(at), dtype=np.int64)
    if k and rule.window is not None:
        fits &= when - times[rows, 0] <= rule.window
    for j in range(k, k + most):
        fits &= moments.count(at, rule.steps[j]) >= rule.steps[k : j + 1].count(rule.steps[j])
        if j > k:
            fits &= not rule.later
        if j and rule.gaps is not None:
            low, high = rule.gaps[j - 1]
            gap = np.zeros(len(at), dtype=np.int64) if j > k else when - times[rows, j - 1]
            fits &= (gap >= low) & (gap <= (NEVER if high is None else high))
        times[rows[fits], j] = when[fits]
        found += fits
    return found


def _collapsed(store: Packed, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Strict order where repeats of a step in a row count once (ClickHouse's ``strict_order``).

    At one time, other events come first, then the steps in their order, as ClickHouse sorts
    them: the order of rows must not matter.
    """
    unit, time, stage = store.raw
    rank = np.full(len(stage), -1)
    for k, code in reversed(list(enumerate(rule.steps))):
        rank[stage == code] = k
    by = np.lexsort((rank, time, unit))
    unit, time, stage, rank = unit[by], time[by], stage[by], rank[by]
    # Repeats may start an attempt each, but stand in nobody's way.
    head = np.ones(len(stage), dtype=bool)
    head[1:] = (unit[1:] != unit[:-1]) | (stage[1:] != stage[:-1])
    first, run = np.flatnonzero(head), np.cumsum(head) - 1
    at = np.flatnonzero(stage == rule.steps[0])
    if rule.reentry == "first":
        at = at[heads(unit[at])]
    times = np.full((len(at), len(rule.steps)), NEVER)
    times[:, 0] = time[at]
    alive, here, step = np.arange(len(at)), at, rule.steps[0]
    for k, code in enumerate(rule.steps[1:], start=1):
        if code == step:  # one event serves equal steps, unless it is late
            after = _next_time(unit, time)[here] if rule.later else here
            after = np.where(run[np.minimum(after, len(run) - 1)] == run[here], after, len(unit))
        else:
            after = np.append(first, len(unit))[run[here] + 1]
        good = after < len(unit)
        alive, here, before, step = alive[good], after[good], here[good], code
        good = (stage[here] == code) & (unit[here] == unit[before])
        gap = time[here] - times[alive, k - 1]
        good &= gap >= int(rule.later)
        if rule.window is not None:
            good &= time[here] - times[alive, 0] <= rule.window
        if rule.gaps is not None:
            low, high = rule.gaps[k - 1]
            good &= (gap >= low) & (gap <= (NEVER if high is None else high))
        alive, here = alive[good], here[good]
        times[alive, k] = time[here]
    return (unit[at] << store.bits) | store.floor(time[at]), times


def _next_time(unit: np.ndarray, time: np.ndarray) -> np.ndarray:
    """For each sorted row the first one after it at another time, or of another unit."""
    new = np.append(True, (unit[1:] != unit[:-1]) | (time[1:] != time[:-1]))
    block = np.cumsum(new)
    return np.append(np.flatnonzero(new), len(unit))[block]


def _distinct(store: Packed, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Any order: how many of the steps were done in a window opened by any step's event."""
    stages = dict.fromkeys(rule.steps)
    starts = np.unique(np.concatenate([store.of(s) for s in stages]))
    if rule.reentry == "first":
        starts = starts[heads(store.unit(starts))]
    times = np.full((len(starts), len(rule.steps)), NEVER)
    column = 0
    for stage in stages:
        pool = store.of(stage)
        first = np.searchsorted(pool, starts)
        for nth in range(rule.steps.count(stage)):
            at = first + nth
            inside = np.flatnonzero(at < len(pool))
            found = pool[at[inside]]
            same = store.unit(found) == store.unit(starts[inside])
            times[inside[same], column] = store.time(found[same])
            column += 1
    times.sort(axis=1)
    if rule.window is not None:
        with np.errstate(over="ignore"):
            late = times - times[:, :1] > rule.window
        times[late & (times != NEVER)] = NEVER
    return starts, times


def _gapped(store: Packed, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Ordered steps with limits between neighbours: the earliest next event may be a dead end.

    For each depth the earliest possible end is found backwards; a start's depth is the largest
    whose end lies in its window, and its path takes the earliest events that still lead there.
    """
    pools = [store.of(s) for s in rule.steps]
    reach = [_reach(store, rule, k, pools) for k in range(len(pools) - 1)]
    starts = _starts(store, rule)
    at = np.searchsorted(pools[0], starts)
    times = np.full((len(starts), len(pools)), NEVER)
    times[:, 0] = store.time(starts)
    limit = (
        times[:, 0] + rule.window if rule.window is not None else np.full(len(starts), NEVER - 1)
    )
    paths = np.full(times.shape, -1)
    paths[:, 0] = at
    todo = np.ones(len(starts), dtype=bool)
    for depth in range(len(pools), 1, -1):
        ends = _ends(store, pools, reach, depth)
        rows = np.flatnonzero(todo & (ends[0][at] <= limit))
        todo[rows] = False
        here = at[rows]
        for k in range(1, depth):
            here = _first_leading(ends[k], reach[k - 1][0][here], limit[rows])
            times[rows, k] = store.time(pools[k][here])
            paths[rows, k] = here
    for row in _serving_twice(paths, rule):
        path = _longest_path(paths[row, 0], limit[row], reach, [store.time(p) for p in pools], rule)
        times[row] = NEVER
        times[row, : len(path)] = [store.time(pools[k][i]) for k, i in enumerate(path)]
    return starts, times


def _serving_twice(paths: np.ndarray, rule: Rule) -> np.ndarray:
    """Rows whose path gives one event to two equal steps (possible at equal times only)."""
    twice = np.zeros(len(paths), dtype=bool)
    if not rule.reuse and not rule.later:
        for k, stage in enumerate(rule.steps):
            for earlier in range(k):
                if rule.steps[earlier] == stage:
                    twice |= (paths[:, k] >= 0) & (paths[:, k] == paths[:, earlier])
    return np.flatnonzero(twice)


def _longest_path(
    start: int,
    limit: int,
    reach: Sequence[tuple[np.ndarray, np.ndarray]],
    when: Sequence[np.ndarray],
    rule: Rule,
) -> list[int]:
    """The deepest, then earliest, path from one start that uses no event twice."""
    best = [start]
    stack = [[start]]
    while stack:
        path = stack.pop()
        k = len(path)
        if k > len(best):
            best = path
        if len(best) == len(rule.steps):
            break
        if k == len(rule.steps):
            continue
        taken = {path[i] for i in range(k) if rule.steps[i] == rule.steps[k]}
        lo, hi = (int(side[path[-1]]) for side in reach[k - 1])
        nexts = [j for j in range(lo, hi) if j not in taken and when[k][j] <= limit]
        stack += [[*path, j] for j in reversed(nexts)]
    return best


def _reach(
    store: Packed, rule: Rule, k: int, pools: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """For each event of step k, the rows of step k + 1's events within the gap."""
    assert rule.gaps is not None
    low, high = rule.gaps[k]
    when, who = store.time(pools[k]), store.unit(pools[k])
    lo = np.searchsorted(pools[k + 1], store.at(who, when + max(low, int(rule.later))))
    end = (who + 1) << store.bits if high is None else store.after(who, when + high)
    hi = np.searchsorted(pools[k + 1], end)
    if rule.steps[k] == rule.steps[k + 1] and not rule.reuse:
        lo = np.maximum(lo, np.arange(len(lo)) + 1)
    return lo, np.maximum(hi, lo)


def _ends(
    store: Packed,
    pools: Sequence[np.ndarray],
    reach: Sequence[tuple[np.ndarray, np.ndarray]],
    depth: int,
) -> list[np.ndarray]:
    """For each event of each step, the earliest time a chain from it ends at ``depth``."""
    ends = [store.time(pools[depth - 1])]
    for k in range(depth - 2, -1, -1):
        ends.insert(0, _range_min(ends[0], *reach[k]))
    return ends


def _range_min(values: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Minimum of ``values[lo:hi]`` by doubling; ``NEVER`` for empty ranges."""
    out = np.full(len(lo), NEVER)
    length = hi - lo
    power, table = 0, values
    while (rows := np.flatnonzero(length >= 1 << power)).size:
        sure = rows[length[rows] < 2 << power]
        if sure.size:
            left = table[lo[sure]]
            out[sure] = np.minimum(left, table[hi[sure] - (1 << power)])
        table = np.minimum(table[: -(1 << power)], table[1 << power :])
        power += 1
    return out


def _first_leading(ends: np.ndarray, at: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """The first row from ``at`` on whose chain ends within ``limit`` (there is one)."""
    at = at.copy()
    rows = np.arange(len(at))
    while (rows := rows[ends[at[rows]] > limit[rows]]).size:
        at[rows] += 1
    return at


# --------------------------------------------------------------------------------------
# Exclusions, and which attempts count


def _over(store: Packed, starts: np.ndarray, times: np.ndarray, rule: Rule) -> np.ndarray:
    """When each attempt is over: complete, or too late for every step that it waits for."""
    out = np.full(len(times), NEVER)
    if rule.window is not None:
        out = times[:, 0] + rule.window
    if rule.gaps is not None:
        ordered = rule.order == "ordered"
        wait = _longest_wait(store, starts, rule) if ordered else _last_wait(times, rule)
        out = np.minimum(out, wait)
    return np.where(times[:, -1] != NEVER, times[:, -1], out)


def _last_wait(times: np.ndarray, rule: Rule) -> np.ndarray:
    """Until when the step after the last one done may come."""
    assert rule.gaps is not None
    level = (times != NEVER).sum(axis=1)
    high = np.array([NEVER if most is None else most for _, most in rule.gaps] + [NEVER])
    return _later(times[np.arange(len(times)), level - 1], high[level - 1])


def _longest_wait(store: Packed, starts: np.ndarray, rule: Rule) -> np.ndarray:
    """Until when any chain of events from the start waits for its next step.

    A repeated step opens a chain of its own: of ``a b b`` the second ``b`` waits longer.
    """
    assert rule.gaps is not None
    pools = [store.of(s) for s in rule.steps]
    until = store.time(pools[-1])
    for k in range(len(pools) - 2, -1, -1):
        lo, hi = _reach(store, rule, k, pools)
        most = rule.gaps[k][1]
        own = _later(store.time(pools[k]), np.array(NEVER if most is None else most))
        known = np.where(hi > lo, -_range_min(-until, lo, hi), own)
        if rule.steps[k + 1] in rule.steps[:k] and not rule.later:
            # What comes at the same time may be the event that served the earlier, equal step.
            rows = np.flatnonzero(hi > lo)
            rows = rows[store.time(pools[k + 1][hi[rows] - 1]) == store.time(pools[k][rows])]
            known[rows] = np.maximum(known[rows], own[rows])
        until = known
    return until[np.searchsorted(pools[0], starts)]


def _later(time: np.ndarray, span: np.ndarray) -> np.ndarray:
    """``time + span`` without overflow: ``NEVER`` stays ``NEVER``."""
    return np.where(span == NEVER, NEVER, time + np.where(span == NEVER, 0, span))


def _spoil(
    store: Packed, who: np.ndarray, times: np.ndarray, over: np.ndarray, rule: Rule
) -> np.ndarray:
    """When an excluded event fell between two steps of the attempt; ``NEVER`` if none did."""
    spoilt = np.full(len(who), NEVER)
    for stage, begin, end in rule.exclude:
        pool = store.of(stage)
        rows = np.flatnonzero(times[:, begin] != NEVER)
        at = np.searchsorted(pool, store.after(who[rows], times[rows, begin]))
        rows, at = rows[at < len(pool)], at[at < len(pool)]
        when = store.time(pool[at])
        hit = (store.unit(pool[at]) == who[rows]) & (when < times[rows, end])
        hit &= when <= over[rows]
        spoilt[rows[hit]] = np.minimum(spoilt[rows[hit]], when[hit])
    return spoilt


def _deepest(found: Attempts) -> Attempts:
    """Per unit the deepest attempt, of equals the earliest."""
    if not len(found.unit):
        return found
    begin = np.flatnonzero(heads(found.unit))
    sizes = np.diff(np.append(begin, len(found.unit)))
    best = np.repeat(np.maximum.reduceat(found.level, begin), sizes)
    rows = np.flatnonzero(found.level == best)
    out = found.take(rows[heads(found.unit[rows])])
    out.may_go_on = np.logical_or.reduceat(found.may_go_on, begin)
    return out


def _successive(
    store: Packed, starts: np.ndarray, found: Attempts, ended: np.ndarray
) -> np.ndarray:
    """Rows of attempts one after the other: each begins after the one before has ended."""
    rows = np.flatnonzero(heads(found.unit))
    kept = []
    while rows.size:
        kept.append(rows)
        rows = rows[ended[rows] != NEVER]
        who = found.unit[rows]
        after = np.searchsorted(starts, store.after(who, ended[rows]))
        inside = after < len(starts)
        after, who = after[inside], who[inside]
        rows = after[found.unit[after] == who]
    return np.sort(np.concatenate(kept)) if kept else rows
