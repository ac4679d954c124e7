"""Sums by group that do not depend on the order of rows, and rows by group."""

from __future__ import annotations

import numpy as np

__all__ = ["group_sums", "rows_of"]


def group_sums(codes: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Sum of ``values`` by code, (n,); the same whatever the order of rows.

    Floats are added as whole multiples of a power of two, one a group, that is small enough not
    to matter (the sum of the group's absolute values takes 61 bits): whole numbers add up exactly
    in any order, whatever size those of other groups have.
    """
    if not len(values):
        return np.zeros(n)
    size = np.bincount(codes, np.abs(values), n)
    bits = np.ceil(np.log2(np.where(size > 0, size, 1.0)))
    shift = np.clip(61 - bits, -1000, 1000).astype(np.int32)
    whole = np.zeros(n, dtype=np.int64)
    np.add.at(whole, codes, np.rint(np.ldexp(values, shift[codes])).astype(np.int64))
    return np.ldexp(whole.astype(np.float64), -shift)


def rows_of(codes: np.ndarray, n: int) -> list[np.ndarray]:
    """Rows of each of ``n`` groups, ascending; one sort instead of a look at all rows a group.

    Rows with a negative code are in no group.
    """
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(n + 1))
    return [order[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
