"""Dense codes of many keys: whole numbers by a table of slots, short texts as whole numbers.

Everything is done for all rows at once, so that no row costs a step of Python.
"""

from __future__ import annotations

import numpy as np

__all__ = ["number_codes", "text_numbers"]

_BLOCK = 2**17
_ROUNDS = 32
_FACTOR = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio; round k takes its k-th power
_LONGEST = 64


def number_codes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Code of each 64-bit whole number (int64) and the distinct numbers, ascending.

    Each number is written into the slot that a multiplicative hash names; the rows that read
    another number there go on to the next round with another hash. None where numbers hardly
    repeat, so that the table would not do.

    References
    ----------
    .. [1] D. E. Knuth, "The Art of Computer Programming", vol. 3, 2nd ed., Addison-Wesley,
       1998, section 6.4 (multiplicative hashing).
    """
    tables: list[np.ndarray] = []
    used: list[np.ndarray] = []
    slots = np.empty(0, dtype=np.int64)
    rows, left, base = slots, values, 0
    for turn in range(_ROUNDS):
        bits = max(int(len(left) // 3).bit_length(), 10)
        own = _hashed(left, pow(_FACTOR, turn + 1, 2**64), 64 - bits)
        table = np.full(2**bits, left[0])
        table[own] = left
        lost = _misses(table, own, left)
        if len(lost) > 0.4 * len(left) and len(left) > 2**10:
            return None
        filled = table != left[0]
        filled[own[0]] = True  # the one slot where the filler may be meant
        tables.append(table)
        used.append(filled)
        if turn == 0:
            slots = own
        else:
            slots[rows] = own + base
        if not len(lost):
            return _ranked(slots, np.concatenate(tables), np.concatenate(used))
        rows, left = lost if turn == 0 else rows[lost], left[lost]
        base += len(table)
    return None


def _hashed(values: np.ndarray, factor: int, shift: int) -> np.ndarray:
    """The leading bits of each product, int64."""
    out = values.view(np.uint64) * np.uint64(factor)
    out >>= np.uint64(shift)
    return out.view(np.int64)


def _misses(table: np.ndarray, own: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Positions whose slot holds another number."""
    found = []
    for at in range(0, len(own), _BLOCK):
        cut = slice(at, at + _BLOCK)
        found.append(np.flatnonzero(table[own[cut]] != values[cut]) + at)
    return np.concatenate(found)


def _ranked(
    slots: np.ndarray, table: np.ndarray, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Codes in ascending order of the numbers, in place of their slots; and the numbers."""
    filled = np.flatnonzero(used)
    keys = table[filled]
    order = np.argsort(keys)
    ordered = keys[order]
    new = np.ones(len(keys), dtype=bool)  # a number never has two slots; if so, one code
    new[1:] = ordered[1:] != ordered[:-1]
    rank = np.empty(len(table), dtype=np.int32)
    rank[filled[order]] = np.cumsum(new) - 1
    for at in range(0, len(slots), _BLOCK):
        cut = slice(at, at + _BLOCK)
        slots[cut] = rank[slots[cut]]
    return slots, ordered[new]


def text_numbers(data: np.ndarray, offsets: np.ndarray) -> np.ndarray | None:
    """Short texts as int64, equal for equal texts and in the same order; None if too long.

    ``data`` holds the UTF-8 bytes, text ``i`` those from ``offsets[i]`` to ``offsets[i + 1]``.
    Each place of the text is a digit of a number of mixed radix: from the least to the greatest
    byte that the place has in any text, and a zero below them where a text has ended before.
    """
    n = len(offsets) - 1
    cuts = [offsets[at : at + _BLOCK + 1] for at in range(0, n, _BLOCK)]
    longest = max(int(np.diff(c).max()) for c in cuts)
    if not 0 < longest <= _LONGEST:
        return None
    same = all(int(np.diff(c).min()) == longest for c in cuts)
    low, high = np.full(longest, 255), np.zeros(longest, dtype=np.int64)
    for cut in cuts:
        for j, column in enumerate(_columns(data, cut, longest, same)):
            there = column if same else column[np.diff(cut) > j]
            low[j] = min(low[j], int(there.min(initial=255)))
            high[j] = max(high[j], int(there.max(initial=0)))
    short = 0 if same else 1
    radix = [int(h - w) + 1 + short for w, h in zip(low, high, strict=True)]
    room = 1
    for r in radix:
        room *= r
    if room >= 2**63:
        return None
    out = np.zeros(n, dtype=np.int64)
    for at, cut in zip(range(0, n, _BLOCK), cuts, strict=True):
        part = out[at : at + _BLOCK]
        for j, column in enumerate(_columns(data, cut, longest, same)):
            if radix[j] == 1:
                continue
            part *= radix[j]
            digit = column - np.uint8(low[j])  # wraps where a text has ended: set below
            part += digit if same else np.where(np.diff(cut) > j, digit.astype(np.int64) + 1, 0)
    return out


def _columns(data: np.ndarray, offsets: np.ndarray, longest: int, same: bool) -> np.ndarray:
    """First, second, ... byte of each text, a row a place; anything where a text has ended."""
    if same:
        block = data[int(offsets[0]) : int(offsets[-1])].reshape(-1, longest)
        return np.ascontiguousarray(block.T)
    last = len(data) - 1
    starts = offsets[:-1].astype(np.int64)
    return np.stack([data[np.minimum(starts + j, last)] for j in range(longest)])
