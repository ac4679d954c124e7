"""Which items are bought together: pairs by a sparse product, longer sets by bit vectors.

References
----------
.. [1] R. Agrawal and R. Srikant, "Fast Algorithms for Mining Association Rules", VLDB 1994,
   487-499.
.. [2] M. J. Zaki, "Scalable Algorithms for Association Mining", IEEE Transactions on Knowledge
   and Data Engineering 12 (2000), 372-390 (vertical bit vectors).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from .grouping import distinct

_MOST = 2_000_000

__all__ = ["distinct_cells", "frequent_pairs", "frequent_sets"]


def distinct_cells(
    baskets: np.ndarray, items: np.ndarray, n_items: int
) -> tuple[np.ndarray, np.ndarray]:
    """Each basket and item once, ordered."""
    cells = distinct(baskets * n_items + items)
    return cells // n_items, cells % n_items


def frequent_pairs(
    baskets: np.ndarray, items: np.ndarray, n_items: int, least: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs in at least ``least`` baskets: first, second (first < second), count; item counts.

    ``baskets`` and ``items`` are dense codes without repeats.
    """
    counts = np.bincount(items, minlength=n_items)
    keep = counts[items] >= least
    use, place = np.unique(items[keep], return_inverse=True)
    n_baskets = int(baskets.max()) + 1 if len(baskets) else 0
    ones = np.ones(int(keep.sum()), dtype=np.int32)
    matrix = csr_matrix((ones, (baskets[keep], place.reshape(-1))), shape=(n_baskets, len(use)))
    both = (matrix.T @ matrix).tocoo()
    upper = (both.row < both.col) & (both.data >= least)
    first, second, n = use[both.row[upper]], use[both.col[upper]], both.data[upper]
    order = np.lexsort((second, first))
    return first[order], second[order], n[order].astype(np.int64), counts


def frequent_sets(
    baskets: np.ndarray, items: np.ndarray, n_items: int, least: int, max_len: int | None
) -> list[tuple[tuple[int, ...], int]]:
    """All sets of items in at least ``least`` baskets, with their counts, in ascending order.

    Raises ``OverflowError`` where there are more than two million.
    """
    counts = np.bincount(items, minlength=n_items)
    use = np.flatnonzero(counts >= least)
    use = use[np.argsort(counts[use], kind="stable")]  # rare first: short branches
    bits = _bit_vectors(baskets, items, use, n_items)
    found: list[tuple[tuple[int, ...], int]] = []
    longest = n_items if max_len is None else max_len
    # Each entry: the set so far, the items that may follow, their bits within it, their counts.
    stack: list[tuple[tuple[int, ...], np.ndarray, np.ndarray, np.ndarray]] = []
    if longest > 0:
        stack.append(((), use, bits, counts[use]))
    while stack:
        prefix, tail, rows, sizes = stack.pop()
        if len(found) > _MOST:
            raise OverflowError(f"more than {_MOST} sets")
        for i in range(len(tail)):
            grown = (*prefix, int(tail[i]))
            found.append((tuple(sorted(grown)), int(sizes[i])))
            if len(grown) == longest or i + 1 == len(tail):
                continue
            both = rows[i + 1 :] & rows[i]
            n = np.bitwise_count(both).sum(axis=1, dtype=np.int64)
            keep = n >= least
            if keep.any():
                stack.append((grown, tail[i + 1 :][keep], both[keep], n[keep]))
    return sorted(found, key=lambda pair: (len(pair[0]), pair[0]))


def _bit_vectors(
    baskets: np.ndarray, items: np.ndarray, use: np.ndarray, n_items: int
) -> np.ndarray:
    """One row an item: bit b is set if basket b holds it; only baskets with two such items."""
    place = np.full(n_items, -1, dtype=np.int64)
    place[use] = np.arange(len(use))
    keep = place[items] >= 0
    rows, columns = place[items[keep]], baskets[keep]
    n_baskets = int(baskets.max()) + 1 if len(baskets) else 1
    words = (n_baskets + 63) // 64
    out = np.zeros(len(use) * words, dtype=np.uint64)
    np.bitwise_or.at(
        out, rows * words + columns // 64, np.uint64(1) << (columns % 64).astype(np.uint64)
    )
    return out.reshape(len(use), words)
