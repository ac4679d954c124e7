"""Matching debits with credits: who is paid by what, in whole units, all groups at once.

Debits (open documents) and credits (receipts) of a group stand in two queues. First in, first
out is then a merge of two cumulative sums: the k-th unit of credit pays the k-th unit of debit.
Laid end to end, the groups make one axis, and one merge settles them all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = [
    "Rank",
    "capped",
    "exact_sums",
    "order_by",
    "ordered",
    "queue_balances",
    "queue_open",
    "queue_pairs",
    "queue_segments",
]

_EXACT = 2.0**53
_BLOCK = 2**15

Rank = Callable[[np.ndarray], np.ndarray]


def order_by(keys: tuple[np.ndarray, ...], tie_rank: Rank | None = None) -> np.ndarray:
    """Positions in ascending order of the ``keys`` (first counts most); int64, shape (n,).

    Parameters
    ----------
    keys : tuple of int64 arrays, shape (n,) each
        Packed into one 64-bit number where they fit, which sorts several times faster than a
        lexical sort.
    tie_rank : callable, optional
        Given positions whose keys are equal to another's, returns ranks to order them by; asked
        only for those. Without it, ties keep their order.
    """
    return ordered(keys, tie_rank)[0]


def ordered(
    keys: tuple[np.ndarray, ...], tie_rank: Rank | None = None
) -> tuple[np.ndarray, Callable[[int], np.ndarray]]:
    """As :func:`order_by`, and each key in that order, which costs less than to look it up."""
    order, packed, fields = _packed_order(keys)

    def column(k: int) -> np.ndarray:
        if packed is None:
            return keys[k][order]
        low, width, shift = fields[k]
        out = packed >> shift if shift else packed.copy()
        out &= (1 << width) - 1
        out += low
        return out

    if tie_rank is not None and len(order) > 1:
        _break_ties(order, [packed] if packed is not None else [k[order] for k in keys], tie_rank)
    return order, column


def _break_ties(order: np.ndarray, sorted_keys: list[np.ndarray], tie_rank: Rank) -> None:
    """Put rows of equal keys in the order of their ranks, in place."""
    same = np.ones(len(order) - 1, dtype=bool)
    for key in sorted_keys:
        same &= key[1:] == key[:-1]
    tied = np.r_[same, False] | np.r_[False, same]
    if not tied.any():
        return
    run = np.cumsum(np.r_[True, ~same])[tied]
    rows = order[tied]
    order[tied] = rows[np.lexsort((tie_rank(rows), run))]


def _packed_order(
    keys: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray | None, list[tuple[int, int, int]]]:
    """Stable order of the keys, the keys in it as one number (None: too long for one).

    Of each key the fields: its lowest value, its bits, and by how much they are shifted.
    """
    n = len(keys[0])
    if n == 0:
        return np.empty(0, dtype=np.int64), None, []
    low = [int(k.min()) for k in keys]
    bits = [(int(k.max()) - lo).bit_length() for k, lo in zip(keys, low, strict=True)]
    row_bits = (n - 1).bit_length()
    if sum(bits) + row_bits > 62:
        return np.lexsort(keys[::-1]).astype(np.int64), None, []
    packed = np.empty(n, dtype=np.int64)
    for at in range(0, n, _BLOCK):  # a block at a time stays in the cache
        part = packed[at : at + _BLOCK]
        np.subtract(keys[0][at : at + _BLOCK], low[0], out=part)
        for key, lo, width in zip(keys[1:], low[1:], bits[1:], strict=True):
            part <<= width
            part |= key[at : at + _BLOCK] - lo
        part <<= row_bits
        part |= np.arange(at, at + len(part))
    packed.sort()
    order = packed & ((1 << row_bits) - 1)
    packed >>= row_bits
    shifts = [sum(bits[k + 1 :]) for k in range(len(bits))]
    return order, packed, list(zip(low, bits, shifts, strict=True))


def queue_balances(
    debit_group: np.ndarray, debit: np.ndarray, credit_group: np.ndarray, credit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What each debit has been paid and each credit has been used, first in first out.

    Both sides sorted by group, then in queue order; amounts >= 0. Returns two int64 arrays of
    the shapes of ``debit`` and ``credit``.
    """
    groups = _groups(debit_group, credit_group)
    owed = _totals(debit_group, debit, groups)
    given = _totals(credit_group, credit, groups)
    paid = np.clip(given[debit_group] - _before(debit_group, debit, owed), 0, debit)
    used = np.clip(owed[credit_group] - _before(credit_group, credit, given), 0, credit)
    return paid, used


def queue_open(
    debit_group: np.ndarray, debit: np.ndarray, given: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What is open of each debit when its group's money goes to the first debits first.

    Debits sorted by group, then in queue order; ``given`` by group, amounts >= 0. Returns what
    is open (int64, the shape of ``debit``) and what is left of ``given``.
    """
    count = np.bincount(debit_group, minlength=len(given))
    running = np.cumsum(debit)
    ends = np.concatenate([[0], running])[np.cumsum(count)]
    before = np.concatenate([[0], ends[:-1]])
    left = np.maximum(given - (ends - before), 0)
    running -= np.repeat(before + given, count)  # the k-th unit is paid if k is within the money
    np.maximum(running, 0, out=running)
    return np.minimum(running, debit, out=running), left


def queue_segments(
    debit_group: np.ndarray,
    debit: np.ndarray,
    credit_group: np.ndarray,
    credit: np.ndarray,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every match and every rest, first in first out: positions and units, in queue order.

    Both sides sorted by group, then in queue order; debits above 0, credits 0 or more, their sum
    below 2**61. What is left of a debit stands behind its matches with the credit -1, what is
    left of a group's credits behind its debits with the debit -1.
    """
    keys, shifts = _axis(debit_group, debit, credit_group, credit, groups)
    keys.sort()
    is_debit = (keys & 1) == 0
    keys >>= 1
    units = keys.copy()
    units[1:] -= keys[:-1]
    real = units > 0
    at_debit: np.ndarray = np.cumsum(is_debit)
    at_debit -= is_debit
    at_credit = np.arange(len(keys)) - at_debit
    keys, at_debit, at_credit, units = keys[real], at_debit[real], at_credit[real], units[real]
    for at, starts in ((at_debit, shifts[0]), (at_credit, shifts[1])):
        # The next in line is there only where it has begun: not behind its group's last one.
        begun = np.append(starts, np.iinfo(np.int64).max)[at] < keys
        at[~begun] = -1
    return at_debit, at_credit, units


def _axis(
    debit_group: np.ndarray,
    debit: np.ndarray,
    credit_group: np.ndarray,
    credit: np.ndarray,
    groups: int,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Where each amount ends on one axis of all groups, doubled, credits plus one; the starts."""
    totals, ends = [], []
    for group, amounts in ((debit_group, debit), (credit_group, credit)):
        count = np.bincount(group, minlength=groups)
        running = np.cumsum(amounts)
        last = np.concatenate([[0], running])[np.cumsum(count)]
        totals.append((count, last, np.diff(last, prepend=0)))
        ends.append(running)
    span = np.maximum(totals[0][2], totals[1][2])
    begin = np.cumsum(span) - span
    keys = np.empty(len(debit) + len(credit), dtype=np.int64)
    starts = []
    parts = (keys[: len(debit)], keys[len(debit) :])
    for (count, last, total), end, part, amounts in zip(
        totals, ends, parts, (debit, credit), strict=True
    ):
        end += np.repeat(begin - (last - total), count)
        np.left_shift(end, 1, out=part)
        starts.append(np.subtract(end, amounts, out=end))
    parts[1][:] |= 1
    return keys, (starts[0], starts[1])


def queue_pairs(
    debit_group: np.ndarray, debit: np.ndarray, credit_group: np.ndarray, credit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every match of a debit with a credit, first in first out: positions and units.

    Both sides sorted by group, then in queue order; amounts >= 0. Returns positions of the
    debits, positions of the credits and the units matched, in queue order.
    """
    groups = _groups(debit_group, credit_group)
    owed = _totals(debit_group, debit, groups)
    given = _totals(credit_group, credit, groups)
    span = np.maximum(owed, given)
    base = np.cumsum(span) - span
    debit_end = np.cumsum(debit) + (base - (np.cumsum(owed) - owed))[debit_group]
    credit_end = np.cumsum(credit) + (base - (np.cumsum(given) - given))[credit_group]
    ends = np.concatenate([debit_end, credit_end])
    merge = np.argsort(ends, kind="stable")  # two ascending runs: one linear pass
    ends = ends[merge]
    is_debit = merge < len(debit)
    at_debit: np.ndarray = np.cumsum(is_debit) - is_debit
    at_credit = np.arange(len(merge)) - at_debit
    inside = (at_debit < len(debit)) & (at_credit < len(credit))
    start = np.r_[0, ends[:-1]][inside]
    at_debit, at_credit, ends = at_debit[inside], at_credit[inside], ends[inside]
    start = np.maximum(start, (debit_end - debit)[at_debit])
    start = np.maximum(start, (credit_end - credit)[at_credit])
    units = ends - start
    real = units > 0
    return at_debit[real], at_credit[real], units[real]


def capped(
    group: np.ndarray, amounts: np.ndarray, limits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Amounts taken in order, signed, so that each group's sum stays in ``[0, limit]``.

    ``group`` ascending, in order of events within it; ``limits`` by group, >= 0. Returns what
    of each amount counts, and the level each group ends at.
    """
    total = _totals(group, amounts, len(limits))
    if not len(amounts):
        return amounts.copy(), total
    positive = amounts >= 0
    plain = np.bincount(group, ~positive, len(limits)) == 0
    done = np.clip(limits[group] - _before(group, amounts, total), 0, amounts.clip(0))
    mixed = ~plain[group]
    if mixed.any():
        done[mixed] = _step_by_step(group[mixed], amounts[mixed], limits)
    return done, _totals(group, done, len(limits))


def _step_by_step(group: np.ndarray, amounts: np.ndarray, limits: np.ndarray) -> np.ndarray:
    done = np.zeros_like(amounts)
    level, last = 0, -1
    for n, (g, amount) in enumerate(zip(group.tolist(), amounts.tolist(), strict=True)):
        if g != last:
            level, last = 0, g
        reached = min(max(level + amount, 0), int(limits[g]))
        done[n] = reached - level
        level = reached
    return done


def exact_sums(cell: np.ndarray, units: np.ndarray, cells: int) -> np.ndarray:
    """Sums of whole units by cell, exact: floats hold each half of the number exactly."""
    if not len(units):
        return np.zeros(cells, dtype=np.int64)
    largest = max(int(units.max()), -int(units.min()))
    if largest * len(units) < _EXACT:  # a float holds every sum that can come about
        return np.bincount(cell, units, cells).astype(np.int64)
    high, low = np.divmod(units, 1 << 26)
    top = np.bincount(cell, high.astype(np.float64), cells).astype(np.int64)
    return (top << 26) + np.bincount(cell, low.astype(np.float64), cells).astype(np.int64)


def _groups(a: np.ndarray, b: np.ndarray) -> int:
    return 1 + max(int(a[-1]) if len(a) else -1, int(b[-1]) if len(b) else -1)


def _totals(group: np.ndarray, amounts: np.ndarray, groups: int) -> np.ndarray:
    """Exact sums by group (ascending codes): differences of one running sum, never floats."""
    running = np.r_[0, np.cumsum(amounts)]
    edges = np.searchsorted(group, np.arange(groups + 1))
    return running[edges[1:]] - running[edges[:-1]]


def _before(group: np.ndarray, amounts: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Sum of what stands before each amount within its group."""
    return np.cumsum(amounts) - amounts - (np.cumsum(totals) - totals)[group]
