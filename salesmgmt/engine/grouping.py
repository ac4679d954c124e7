"""Sums, first and last values by group, from dense integer codes: linear time, no sorting.

Sums are made in whole numbers of a small unit, so that they do not depend on the order of the
rows (adding floats in another order changes the last digits, and with them ties).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "counted_sum",
    "dense",
    "distinct",
    "distinct_per_group",
    "exact_sum",
    "extent",
    "first_last",
    "fixed_point",
    "kept",
    "row_counts",
]

_EXACT = 2.0**53
_FEW = 1_000  # gaps that are worth stepping over one by one
_BLOCK = 2**14  # rows at once: their temporaries stay in the cache


def extent(values: np.ndarray) -> tuple[Any, Any]:
    """Least and greatest value of an array that is not empty; both NaN if one value is."""
    ends = [
        (part.min(), part.max())
        for part in (values[at : at + 4 * _BLOCK] for at in range(0, len(values), 4 * _BLOCK))
    ]
    lows, highs = zip(*ends, strict=True)
    return np.min(lows), np.max(highs)


def row_counts(codes: np.ndarray, n: int) -> np.ndarray:
    """Number of rows in each of ``n`` groups, int64; reads memory that cannot be written to.

    ``numpy.bincount`` would copy such codes first.
    """
    narrow = np.int32 if len(codes) < 2**31 else np.int64
    total, one = np.zeros(n, dtype=narrow), np.ones(_BLOCK, dtype=narrow)
    for at in range(0, len(codes), _BLOCK):
        part = codes[at : at + _BLOCK]
        np.add.at(total, part, one[: len(part)])
    return total.astype(np.int64)


def distinct(values: np.ndarray) -> np.ndarray:
    """Distinct int64 values, ascending; sorting whole numbers is faster than hashing them."""
    ordered = np.sort(values)
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def dense(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct non-negative whole numbers, ascending, and the place of each row among them.

    Numbers that lie close together are marked in a table instead of sorting all rows.
    """
    room = int(cells.max(initial=-1)) + 1
    if room > 4 * len(cells):
        seen, at = np.unique(cells, return_inverse=True)
        return seen, at.reshape(-1)
    there = np.zeros(room, dtype=bool)
    there[cells] = True
    place = np.cumsum(there, dtype=np.int32 if room < 2**31 else np.int64)
    return np.flatnonzero(there), place[cells] - np.int64(1)


def fixed_point(amounts: np.ndarray, unit: float) -> np.ndarray:
    """Whole numbers of ``unit`` (a power of ten) nearest to ``amounts``, as float64."""
    scale = round(1 / unit) if unit < 1 else 1 / unit
    out = amounts * scale
    return np.rint(out, out=out)


def counted_sum(
    codes: np.ndarray, amounts: np.ndarray, n: int, unit: float
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`exact_sum` and :func:`row_counts` in one pass over the groups' memory.

    One whole number a group holds the count above the digits of the sum. Where both do not fit
    (the amounts take more digits, or the counts found do not add up to all rows) they are made
    one after the other.
    """
    scale = round(1 / unit) if unit < 1 else 1 / unit
    bits = _digits(amounts, scale)
    if bits < 60:
        both, size = np.zeros(n, dtype=np.int64), 0.0
        for at in range(0, len(amounts), _BLOCK):
            with np.errstate(over="ignore"):  # found in the size
                whole = fixed_point(amounts[at : at + _BLOCK], unit)
            size += float(np.abs(whole).sum())
            if size >= 2.0 ** (bits - 1):
                break
            np.add.at(both, codes[at : at + _BLOCK], whole.astype(np.int64) + (1 << bits))
        counts = (both + (1 << (bits - 1))) >> bits
        if size < 2.0 ** (bits - 1) and int(counts.sum()) == len(amounts):
            both -= counts << bits
            return both / scale, counts
    return exact_sum(codes, amounts, n, unit), row_counts(codes, n)


def _digits(amounts: np.ndarray, scale: float) -> int:
    """Binary digits, sign included, that the sum of all amounts will need: a guess from some."""
    some = np.abs(amounts[:: max(len(amounts) // _BLOCK, 1)])
    with np.errstate(over="ignore"):
        size = 2.0 * scale * float(some.mean()) * len(amounts) if len(some) else 0.0
    return int(size + len(amounts)).bit_length() + 1 if size < _EXACT else 63


def exact_sum(codes: np.ndarray, amounts: np.ndarray, n: int, unit: float) -> np.ndarray:
    """Sum of ``amounts`` in each of ``n`` groups, exact to ``unit``, float64.

    The result is the float nearest to the sum of the amounts rounded to ``unit``, whatever the
    order of the rows.
    """
    scale = round(1 / unit) if unit < 1 else 1 / unit
    if not len(amounts):
        return np.zeros(n)
    low, high = extent(amounts)
    largest = float(max(high, -low, 0.0)) * scale + 1
    if largest * len(amounts) < _EXACT:
        total = np.zeros(n)
        for at in range(0, len(amounts), _BLOCK):  # blocks that stay in the cache
            cut = slice(at, at + _BLOCK)
            np.add.at(total, codes[cut], fixed_point(amounts[cut], unit))
        return total / scale
    # Too many digits for one float: before and after the point apart.
    whole = np.floor(amounts) if unit < 1 else fixed_point(amounts, unit)
    with np.errstate(over="ignore"):
        size = float(np.abs(whole).sum())
    if size >= 2.0**62:
        raise OverflowError(
            f"amounts up to {largest / scale:.6g} are too large to be added up exactly"
        )
    wholes, rests = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    np.add.at(wholes, codes, whole.astype(np.int64))
    if unit >= 1:
        return wholes / scale
    np.add.at(rests, codes, fixed_point(amounts - whole, unit).astype(np.int64))
    more, rests = np.divmod(rests, int(scale))
    return (wholes + more) + rests / scale


def first_last(
    codes: np.ndarray,
    values: np.ndarray,
    n: int,
    per: int = 1,
    ends: tuple[int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest of ``values // per`` (int64) in each group; every group has a row.

    ``ends``: bounds of ``values``, where they are known.
    """
    info = np.iinfo(np.int64)
    if not len(values):
        return np.full(n, info.max, dtype=np.int64), np.full(n, info.min, dtype=np.int64)
    start, end = (int(v) // per for v in ends or extent(values))
    span = end - start
    small: type[np.signedinteger] = np.int64
    if span < 2**30:  # narrow accumulators stay in the cache
        small = np.int16 if span < 2**14 else np.int32
    first, last = np.full(n, np.iinfo(small).max, dtype=small), np.full(n, -1, dtype=small)
    for at in range(0, len(values), _BLOCK):
        cut = slice(at, at + _BLOCK)
        near = values[cut] if per == 1 else values[cut] // per
        near = (near - start).astype(small)
        np.minimum.at(first, codes[cut], near)
        np.maximum.at(last, codes[cut], near)
    empty = np.flatnonzero(last < 0)
    out = first.astype(np.int64), last.astype(np.int64)
    for part, nothing in zip(out, (info.max, info.min), strict=True):
        part += start
        part[empty] = nothing
    return out


def kept(values: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """``values[keep]``, fast where few are left out: what lies between them is copied whole."""
    gaps = np.flatnonzero(~keep)
    if len(gaps) > _FEW:
        return values[keep]
    starts, ends = np.append(-1, gaps) + 1, np.append(gaps, len(values))
    return np.concatenate(
        [values[i:j] for i, j in zip(starts.tolist(), ends.tolist(), strict=True)]
    )


def distinct_per_group(codes: np.ndarray, items: np.ndarray, n: int, n_items: int) -> np.ndarray:
    """Number of distinct ``items`` (dense codes) in each group, int64.

    Most items belong to one group only (an order has one customer): those are counted without
    sorting; only the rest is deduplicated.
    """
    owner = np.full(n_items, -1, dtype=np.int64)
    owner[items] = codes
    strays = owner[items] != codes
    held = owner[owner >= 0]
    counts = np.bincount(held, minlength=n).astype(np.int64)
    if strays.any():
        pairs = distinct(codes[strays].astype(np.int64) * n_items + items[strays])
        counts += np.bincount(pairs // n_items, minlength=n)
    return counts
