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

__all__ = [
    "Clock",
    "between_weeks",
    "conditional_shares",
    "count_risk",
    "tail_hazards",
    "weekday_factors",
]

_FREE, _CHANCE = 6.0, 12.59  # chi-square of seven weekdays: its mean, and once in twenty
_FEWEST_WEEKS = 4
_REST, _WEEKEND = 5.0, 3.0  # so many were to be expected, none came: a day (weekend) of rest


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
    lane: np.ndarray | None = None,
    lanes: int = 1,
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
    lane : ndarray (documents,), optional
        Documents are counted apart by it.
    lanes : int, default=1
        It runs from 0 to ``lanes`` - 1.

    Returns
    -------
    risk, exits : ndarray (clock.size,), or (lanes, clock.size) with ``lane``
    """
    left = np.maximum(1.0 - np.bincount(document, share, minlength=len(entry)), 0.0)
    size = clock.size + 1
    first = np.zeros(len(entry), dtype=np.int64) if lane is None else lane * size
    comes = np.bincount(first + clock.cell(entry), weight, minlength=lanes * size)
    goes = np.bincount(first + clock.cell(end) + 1, weight * left, minlength=lanes * size)
    gone = weight[document] * share
    at = first[document] + clock.cell(time)
    goes += np.bincount(at + 1, gone, minlength=lanes * size)
    risk = np.cumsum((comes - goes).reshape(lanes, size), axis=1)[:, :-1]
    exits = np.bincount(at, gone, minlength=lanes * size).reshape(lanes, size)[:, :-1]
    return np.maximum(risk, 0.0)[_row(lane)], exits[_row(lane)]


def _row(lane: np.ndarray | None) -> int | slice:
    return 0 if lane is None else slice(None)


def tail_hazards(risk: np.ndarray, exits: np.ndarray, least: float) -> np.ndarray:
    """Hazard of each cell; the last ``least`` exits share one level.

    Where few documents are left, cell by cell hazards jump between none and all. From where only
    ``least`` exits are still to come, one level holds to the end of the clock and beyond.

    Parameters
    ----------
    risk : ndarray (n,) or (causes, n)
        Weighted share at risk in each cell (of each cause).
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
    n = exits.shape[1]
    block = np.arange(n)
    block[thin] = int(np.argmax(thin))
    base, sums = (
        np.stack([np.bincount(block, row, minlength=n) for row in rows])
        for rows in (np.broadcast_to(risk, exits.shape), exits)
    )
    level = np.divide(sums, base, out=np.zeros_like(sums), where=base > 1e-9)
    level /= np.maximum(level.sum(axis=0), 1.0)
    return level[:, block]


def weekday_factors(risk: np.ndarray, exits: np.ndarray, unit: float) -> np.ndarray:
    """How much likelier an exit is on each day of the week than its age alone says.

    The hazard of a cell on a weekday is the cell's level times the weekday's factor, both found
    by proportional fitting (the likelihood equations of a log-linear Poisson model [3]_). Where
    Pearson's chi-square is one that chance reaches once in twenty there are no factors; else they
    are drawn to 1 by the share of it that chance makes on average. A weekday that saw no exit
    where five were to be expected gets 0, and so do Saturday and Sunday where three were to be
    expected on both together.

    Parameters
    ----------
    risk, exits : ndarray (7, n)
        Weighted share at risk, and of exits, by weekday (Monday first) and cell of the clock.
    unit : float
        Weight of one independent exit.

    Returns
    -------
    ndarray (7,)
        Their mean is 1.

    References
    ----------
    .. [3] T. R. Holford, "The analysis of rates and of survivorship using log-linear models",
       Biometrics 36 (1980), 299-305.
    """
    factor, seen, by_cell = np.ones(7), exits.sum(axis=1), exits.sum(axis=0)
    even = np.zeros(0)
    for _ in range(100):
        weighed = factor @ risk
        level = np.divide(by_cell, weighed, out=np.zeros_like(weighed), where=weighed > 1e-9)
        base = risk @ level
        even = even if len(even) else base
        new = np.divide(seen, base, out=np.ones(7), where=base > 1e-9)
        new /= max(new.mean(), 1e-12)
        moved, factor = np.abs(new - factor).max(), new
        if moved < 1e-9:
            break
    chi = ((seen - even) ** 2 / np.maximum(even, 1e-12)).sum() / max(unit, 1e-12)
    factor = 1 + (1 - _FREE / chi if chi > _CHANCE else 0.0) * (factor - 1)
    none = seen <= 1e-9
    factor[none & (even > _REST * unit)] = 0.0
    if none[5:].all() and even[5:].sum() > _WEEKEND * unit:
        factor[5:] = 0.0
    return factor / factor.mean()


def between_weeks(exits: np.ndarray) -> float:
    """Weight of one independent exit, by how much the shares of weekdays vary between weeks.

    The dispersion of a table of weeks by weekdays around the product of its margins (1 for
    single exits on their own, more where they come in runs).

    Parameters
    ----------
    exits : ndarray (weeks, 7)
        Weighted exits by week and day of the week.

    Returns
    -------
    float
        Infinite for fewer than four weeks with exits.
    """
    held = exits[exits.sum(axis=1) > 0]
    if len(held) < _FEWEST_WEEKS:
        return np.inf
    alike = np.outer(held.sum(axis=1), held.sum(axis=0)) / held.sum()
    share = (held.sum(axis=0) / held.sum()) ** 2
    free = max(1 - share.sum(), 1e-12) * (1 - 1 / len(held))
    return float(((held - alike) ** 2).sum() / alike.sum() / free)


def conditional_shares(
    hazards: np.ndarray, cell: np.ndarray, edges: np.ndarray, pace: np.ndarray | None = None
) -> np.ndarray:
    """Expected share of what is open now that exits by the first cause in each window.

    Parameters
    ----------
    hazards : ndarray (causes, n)
        Hazard of each cause in each cell of the clock; the last one goes on for ever.
    cell : ndarray (documents,)
        Cell of the last day that has passed; may be -1 (before the clock's first day) or lower.
    edges : ndarray (windows + 1,)
        Days from now, ascending: a window holds the days after one edge up to the next.
    pace : ndarray (days,), optional
        What the hazard of the first cause is multiplied by on each day from now on.

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
        every = np.where(at >= 0, hazards.sum(axis=0)[at], 0.0)
        if pace is not None:
            rest = every - here
            here = np.minimum(here * pace[: len(days)], 1.0 - rest)
            every = here + rest
        stays = 1.0 - every
        open_before = np.cumprod(np.column_stack([np.ones(len(at)), stays[:, :-1]]), axis=1)
        paid = np.cumsum(open_before * here, axis=1)
        paid = np.column_stack([np.zeros(len(at)), paid])[:, edges.astype(np.int64)]
        out[first : first + 512] = np.diff(paid, axis=1)
    return out[back]
