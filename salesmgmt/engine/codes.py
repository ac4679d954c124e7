"""Dense codes of many keys: whole numbers by a table of slots, short texts as whole numbers.

Everything is done for all rows at once, so that no row costs a step of Python.
"""

from __future__ import annotations

import numpy as np

__all__ = ["number_codes", "text_numbers"]

_BLOCK = 2**15
_WIDE = 2**17  # texts are turned into columns of bytes in longer blocks
_ROUNDS = 32
_FACTOR = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio; round k takes its k-th power
_LONGEST = 64


def number_codes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Code of each 64-bit whole number (int64) and the distinct numbers, ascending.

    Sorting a copy finds the distinct numbers; each of them writes its code into the slot that a
    multiplicative hash names. Numbers that meet in a slot leave it empty and go on to the next
    table with another hash, so that a row needs no comparison: what its slot holds is its code.

    References
    ----------
    .. [1] D. E. Knuth, "The Art of Computer Programming", vol. 3, 2nd ed., Addison-Wesley,
       1998, section 6.4 (multiplicative hashing).
    """
    codes = np.sort(values)  # written over with the codes
    labels = _distinct(codes)
    left = np.arange(len(labels), dtype=np.int32 if len(labels) < 2**31 else np.int64)
    tables: list[tuple[np.ndarray, int, int]] = []
    while len(left) and len(tables) < _ROUNDS:
        table, left = _table(labels, left, len(tables))
        tables.append(table)
    for at in range(0, len(values), _BLOCK):
        part, out = values[at : at + _BLOCK], codes[at : at + _BLOCK]
        found = _looked_up(tables[0], part)
        out[:] = found
        rest = np.flatnonzero(found < 0)
        for table in tables[1:]:
            if not len(rest):
                break
            found = _looked_up(table, part[rest])
            out[rest] = found
            rest = rest[found < 0]
        if len(rest):  # a pattern that no factor spreads
            out[rest] = np.searchsorted(labels, part[rest])
    return codes, labels


def _distinct(ordered: np.ndarray) -> np.ndarray:
    """Distinct values of an ascending array."""
    found = [ordered[:1]]
    for at in range(0, len(ordered) - 1, _BLOCK):
        part = ordered[at : at + _BLOCK + 1]
        found.append(part[1:][part[1:] != part[:-1]])
    return np.concatenate(found)


def _table(
    labels: np.ndarray, left: np.ndarray, turn: int
) -> tuple[tuple[np.ndarray, int, int], np.ndarray]:
    """Slots with the codes ``left`` (-1: none, or several met), and the codes that met."""
    factor = pow(_FACTOR, turn + 1, 2**64)
    bits = max(int(4 * len(left)).bit_length(), 10)
    slot = _hashed(labels[left] if turn else labels, factor, 64 - bits)
    slots = np.full(2**bits, -1, dtype=left.dtype)
    slots[slot] = left
    lost = np.flatnonzero(slots[slot] != left)
    shared = slot[lost]
    met = np.unique(np.concatenate([left[lost], slots[shared]]))
    slots[shared] = -1
    return (slots, factor, 64 - bits), met


def _looked_up(table: tuple[np.ndarray, int, int], values: np.ndarray) -> np.ndarray:
    slots, factor, shift = table
    return slots[_hashed(values, factor, shift)]


def _hashed(values: np.ndarray, factor: int, shift: int) -> np.ndarray:
    """The leading bits of each product, int64."""
    out = values.view(np.uint64) * np.uint64(factor)
    out >>= np.uint64(shift)
    return out.view(np.int64)


def text_numbers(data: np.ndarray, offsets: np.ndarray) -> np.ndarray | None:
    """Short texts as int64, equal for equal texts and in the same order; None if too long.

    ``data`` holds the UTF-8 bytes, text ``i`` those from ``offsets[i]`` to ``offsets[i + 1]``.
    Each place of the text is a digit of a number of mixed radix: from the least to the greatest
    byte that the place has in any text, and a zero below them where a text has ended before.
    """
    n = len(offsets) - 1
    cuts = [offsets[at : at + _WIDE + 1] for at in range(0, n, _WIDE)]
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
    for at, cut in zip(range(0, n, _WIDE), cuts, strict=True):
        part = out[at : at + _WIDE]
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
