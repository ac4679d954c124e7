"""Discrete hazards of settlement: what share of what is still open is settled on each day.

A document is at risk from its first day until it is settled or the observation ends. Part
settlements take their share out of risk, so a hazard is a share of what is open, whatever the
number of instalments. Time is a clock with a common zero (the due date, say); a document enters
where its own clock starts (late entry), and leaves unsettled where observation ends (censoring):
the product-limit estimator [1]_ of several exits [2]_, with a weight a document.

References
----------
.. [1] E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", Journal of
   the American Statistical Association 53 (1958), 457-481.
.. [2] R. L. Prentice et al., "The analysis of failure times in the presence of competing risks",
   Biometrics 34 (1978), 541-554.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Clock", "conditional_shares", "count_risk", "tail_hazards"]


class Clock:
    """Whole days on a common clock, as cells ``0 .. size - 1``; what lies outside is clipped."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.size = first, max(last - first + 1, 1)

    def cell(self, time: np.ndarray) -> np.ndarray:
        """Cell of each time."""
        return np.clip(np.asarray(time, dtype=np.int64) - self.first, 0, self.size - 1)


def count_risk(
    clock: Clock,
    entry: np.ndarray,
    end: np.ndarray,
    weight: np.ndarray,
    document: np.ndarray,
    time: np.ndarray,
    share: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted share at risk, and settled, in each cell of the clock.

    Parameters
    ----------
    clock : Clock
        The common clock.
    entry, end : ndarray (documents,)
        First and last time under observation.
    weight : ndarray (documents,)
        What each document counts.
    document, time, share : ndarray (exits,)
        Which document, when, and what share of it left; within ``entry`` and ``end``.

    Returns
    -------
    risk, exits : ndarray (clock.size,)
    """
    left = np.maximum(1.0 - np.bincount(document, share, minlength=len(entry)), 0.0)
    size = clock.size + 1
    comes = np.bincount(clock.cell(entry), weight, minlength=size)
    goes = np.bincount(clock.cell(end) + 1, weight * left, minlength=size)
    gone = weight[document] * share
    at = clock.cell(time)
    goes += np.bincount(at + 1, gone, minlength=size)
    risk = np.cumsum(comes - goes)[: clock.size]
    return np.maximum(risk, 0.0), np.bincount(at, gone, minlength=clock.size)


def tail_hazards(risk: np.ndarray, exits: np.ndarray, least: float) -> np.ndarray:
    """Hazard of each cell; the last ``least`` exits share one level.

    Where few documents are left, cell by cell hazards jump between none and all. From where only
    ``least`` exits are still to come, one level holds to the end of the clock and beyond.

    Parameters
    ----------
    risk : ndarray (n,)
        Weighted share at risk in each cell.
    exits : ndarray (causes, n)
        Weighted share that left by each cause.
    least : float
        Exits in the tail, at most.

    Returns
    -------
    ndarray (causes, n)
        Their sum over causes is at most 1.
    """
    every = exits.sum(axis=0)
    before = np.cumsum(every) - every
    thin = before >= before[-1] + every[-1] - least
    block = np.arange(len(risk))
    block[thin] = int(np.argmax(thin))
    base = np.bincount(block, risk, minlength=len(risk))
    sums = np.stack([np.bincount(block, e, minlength=len(risk)) for e in exits])
    level = np.divide(sums, base, out=np.zeros_like(sums), where=base > 1e-9)
    level /= np.maximum(level.sum(axis=0), 1.0)
    return level[:, block]


def conditional_shares(hazards: np.ndarray, cell: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Expected share of what is open now that exits by the first cause in each window.

    Parameters
    ----------
    hazards : ndarray (causes, n)
        Hazard of each cause in each cell of the clock; the last one goes on for ever.
    cell : ndarray (documents,)
        Cell of the last day that has passed; may be -1 (before the clock's first day) or lower.
    edges : ndarray (windows + 1,)
        Days from now, ascending: a window holds the days after one edge up to the next.

    Returns
    -------
    ndarray (documents, windows)
    """
    cells, back = np.unique(cell, return_inverse=True)
    days = np.arange(1, int(edges[-1]) + 1)
    out = np.empty((len(cells), len(edges) - 1))
    for first in range(0, len(cells), 512):  # blocks that stay in the cache
        at = np.clip(cells[first : first + 512, None] + days, -1, hazards.shape[1] - 1)
        here = np.where(at >= 0, hazards[0][at], 0.0)
        stays = 1.0 - np.where(at >= 0, hazards.sum(axis=0)[at], 0.0)
        open_before = np.cumprod(np.column_stack([np.ones(len(at)), stays[:, :-1]]), axis=1)
        paid = np.cumsum(open_before * here, axis=1)
        paid = np.column_stack([np.zeros(len(at)), paid])[:, edges.astype(np.int64)]
        out[first : first + 512] = np.diff(paid, axis=1)
    return out[back]
