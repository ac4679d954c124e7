"""The best rules each customer holds the left side of, but not the right: never all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["best_offers"]

_MANY = 4_000_000  # candidates at hand before the lesser ones are dropped


def best_offers(
    who: np.ndarray,
    what: np.ndarray,
    shape: tuple[int, int],
    rules: Sequence[tuple[tuple[int, ...], int]],
    confidence: np.ndarray,
    lift: np.ndarray,
    n: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Customer and rule of at most ``n`` offers each, by customer and descending confidence.

    ``who`` and ``what`` are dense codes without repeats, below ``shape``; a rule is the items
    needed and the item given. An item is offered for the rule of highest confidence (the first
    of equals); offers of equal confidence go by lift, then by item.
    """
    holders = _holders(who, what, shape[1])
    gives = np.array([give for _, give in rules], dtype=np.int64)
    ranked = np.lexsort((gives, -lift, -confidence))
    rank = np.empty(len(rules), dtype=np.int64)
    rank[ranked] = np.arange(len(rules))
    best = _Best(shape[0], len(rules), n)
    by_item: dict[int, list[int]] = {}
    for i in np.argsort(-confidence, kind="stable").tolist():
        by_item.setdefault(rules[i][1], []).append(i)
    for give, mine in by_item.items():
        there = np.zeros(shape[0], dtype=bool)
        there[holders[give]] = True
        for i in mine:
            able = _holding(holders, rules[i][0])
            able = able[~there[able]]
            there[able] = True
            best.add(able, int(rank[i]))
    keys = best.keys()
    return keys // max(len(rules), 1), ranked[keys % max(len(rules), 1)]


class _Best:
    """The ``n`` lowest ranks of each customer, as keys ``customer * ranks + rank``."""

    def __init__(self, customers: int, ranks: int, n: int):
        self.ranks, self.n = ranks, n
        self.limit = np.full(customers, ranks, dtype=np.int64)  # ranks from here on are too late
        self.parts: list[np.ndarray] = []
        self.waiting = 0

    def add(self, customers: np.ndarray, rank: int) -> None:
        fresh = customers[self.limit[customers] > rank]
        self.parts.append(fresh * self.ranks + rank)
        self.waiting += len(fresh)
        if self.waiting > _MANY:
            self.keys()

    def keys(self) -> np.ndarray:
        """The best so far, ascending; the rest is forgotten."""
        keys = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *self.parts]))
        who, n = keys // max(self.ranks, 1), self.n
        keep = np.ones(len(keys), dtype=bool)
        keep[n:] = who[n:] != who[:-n]
        keys, who = keys[keep], who[keep]
        full = np.flatnonzero(who[n - 1 :] == who[: max(len(who) - n + 1, 0)]) + n - 1
        self.limit[who[full]] = keys[full] % max(self.ranks, 1)
        self.parts, self.waiting = [keys], 0
        return keys


def _holders(who: np.ndarray, what: np.ndarray, n_items: int) -> list[np.ndarray]:
    """Customers of each item, ascending."""
    order = np.lexsort((who, what))
    ends = np.cumsum(np.bincount(what, minlength=n_items))
    return np.split(who[order], ends[:-1])


def _holding(holders: list[np.ndarray], items: tuple[int, ...]) -> np.ndarray:
    """Customers of all the items."""
    able = holders[items[0]]
    for item in items[1:]:
        able = np.intersect1d(able, holders[item], assume_unique=True)
    return able
