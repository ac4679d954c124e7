"""Hierarchies some of whose leaves are shut: on a Sunday the shops that open are the whole.

A leaf that sells nothing for certain is no unknown. It is left out of the sums, so that what the
levels contradict each other by is shared by those that are open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from .hierarchy import Nodes

__all__ = ["Part", "by_part"]


@dataclass(slots=True)
class Part:
    """The nodes in which something may be sold."""

    nodes: Nodes
    rows: np.ndarray  # their rows in the whole hierarchy
    open: np.ndarray  # their leaves among all leaves


def by_part(
    nodes: Nodes, shut: np.ndarray, make: Callable[[Part, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Leaves (..., leaves, columns), zero where they are ``shut`` (leaves, columns).

    ``make`` gets the part of the hierarchy that is open, and the columns in which it is.
    """
    if not shut.any():
        every = (np.arange(size) for size in (len(nodes), *shut.shape))
        rows, leaves, columns = every
        return make(Part(nodes, rows, leaves), columns)
    made = [(part, where, make(part, where)) for part, where in _parts(nodes, shut)]
    kinds = made[0][2].shape[:-2] if made else ()
    out = np.zeros((*kinds, *shut.shape))
    for part, where, leaves in made:
        out[..., part.open[:, None], where] = leaves
    return out


def _parts(nodes: Nodes, shut: np.ndarray) -> Iterator[tuple[Part, np.ndarray]]:
    """What is open, and the columns in which it is; none for columns in which nothing is."""
    for closed, where in _alike(shut):
        spot = np.flatnonzero(~closed)
        if not len(spot):
            continue
        summing = sparse.csr_array(nodes.summing[:, spot])
        rows = np.flatnonzero(np.asarray(summing.sum(axis=1)).ravel() > 0)
        part = replace(
            nodes,
            labels=nodes.labels.iloc[rows].reset_index(drop=True),
            codes=nodes.codes[rows],
            leaves=np.searchsorted(rows, nodes.leaves[spot]),
            summing=sparse.csr_array(summing[rows]),
        )
        yield Part(part, rows, spot), where


def _alike(shut: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which leaves are shut, and the columns in which they are."""
    found: dict[bytes, list[int]] = {}
    for j, column in enumerate(np.ascontiguousarray(shut.T)):
        found.setdefault(column.tobytes(), []).append(j)
    for where in found.values():
        yield shut[:, where[0]], np.asarray(where)
