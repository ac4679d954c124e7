"""Proportional shares in a tree, every node within its own bounds.

The share of a leaf is its weight times one multiplier; a node on a bound gets a multiplier of
its own for everything below it. Of all shares that respect the bounds this is the one of least
relative entropy to the weights, the same rule as for a single list, applied to nested families.
"""

from __future__ import annotations

import numpy as np

from .apportionment import bounded_shares
from .controlled_rounding import Tree

__all__ = ["implied_bounds", "laminar_shares"]


def implied_bounds(
    tree: Tree, lower: list[np.ndarray], upper: list[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Bounds of every level tightened by what the levels below can carry, bottom up."""
    low, high = [lower[-1]], [upper[-1]]
    for k in range(len(tree.parents) - 1, 0, -1):
        size = len(tree.parents[k - 1])
        below_low = np.bincount(tree.parents[k], weights=low[-1], minlength=size)
        below_high = np.bincount(tree.parents[k], weights=high[-1], minlength=size)
        low.append(np.maximum(lower[k - 1], below_low))
        high.append(np.minimum(upper[k - 1], below_high))
    return low[::-1], high[::-1]


def laminar_shares(
    total: float,
    weights: np.ndarray,
    tree: Tree,
    lower: list[np.ndarray],
    upper: list[np.ndarray],
) -> np.ndarray:
    """Shares of the leaves that add up to ``total`` with every node inside its bounds.

    Parameters
    ----------
    total : float
        Within the implied bounds of the root.
    weights : float64 array of shape (n,)
        At least 0; a leaf without weight stays on its lower bound.
    tree : Tree
        Families of the leaves.
    lower, upper : lists of float64 arrays, one a level, top down
        Implied bounds of every node (see :func:`implied_bounds`), finite.
    """
    inner_free = all(
        (lo <= below_lo).all() and (hi >= below_hi).all()
        for lo, hi, below_lo, below_hi in _inner(tree, lower, upper)
    )
    if inner_free:
        share, _ = bounded_shares(
            np.array([float(total)]), weights[None, :], lower[-1][None, :], upper[-1][None, :]
        )
        return share[0]
    above = np.array([float(total)])
    for k, parents in enumerate(tree.parents):
        multiplier = _solve(above, k, weights, tree, lower, upper)
        above = _amounts(multiplier[parents], k, weights, tree, lower, upper)
    return above


def _inner(tree: Tree, lower: list[np.ndarray], upper: list[np.ndarray]) -> list[tuple]:
    """Bounds of each inner level beside what its children imply."""
    out = []
    for k in range(len(tree.parents) - 1):
        size = len(tree.parents[k])
        below_low = np.bincount(tree.parents[k + 1], weights=lower[k + 1], minlength=size)
        below_high = np.bincount(tree.parents[k + 1], weights=upper[k + 1], minlength=size)
        out.append((lower[k], upper[k], below_low, below_high))
    return out


def _amounts(
    multiplier: np.ndarray,
    level: int,
    weights: np.ndarray,
    tree: Tree,
    lower: list[np.ndarray],
    upper: list[np.ndarray],
) -> np.ndarray:
    """What each node of ``level`` takes when its leaves use the node's ``multiplier``."""
    at_leaf = multiplier
    for parents in tree.parents[level + 1 :]:
        at_leaf = at_leaf[parents]
    out = np.clip(weights * at_leaf, lower[-1], upper[-1])
    for k in range(len(tree.parents) - 1, level, -1):
        out = np.bincount(tree.parents[k], weights=out, minlength=len(tree.parents[k - 1]))
        out = np.clip(out, lower[k - 1], upper[k - 1])
    return out


def _solve(
    wanted: np.ndarray,
    level: int,
    weights: np.ndarray,
    tree: Tree,
    lower: list[np.ndarray],
    upper: list[np.ndarray],
) -> np.ndarray:
    """For each node above ``level`` the multiplier at which its children add up to ``wanted``."""
    parents = tree.parents[level]

    def sums(multiplier: np.ndarray) -> np.ndarray:
        parts = _amounts(multiplier[parents], level, weights, tree, lower, upper)
        return np.bincount(parents, weights=parts, minlength=len(wanted))

    smallest = weights[weights > 0].min(initial=1.0)
    small = np.zeros(len(wanted))
    large = np.full(len(wanted), 2.0 * (float(upper[-1].max()) + 1.0) / smallest)
    for _ in range(200):
        middle = np.where(small > 0, np.sqrt(small) * np.sqrt(large), large * 1e-9)
        middle = np.where(large > 4 * small, middle, 0.5 * (small + large))
        if ((middle <= small) | (middle >= large)).all():
            break
        enough = sums(middle) >= wanted
        large = np.where(enough, middle, large)
        small = np.where(enough, small, middle)
    return large
