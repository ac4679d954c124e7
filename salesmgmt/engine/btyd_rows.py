"""Customers as distinct (x, t_x, T) rows with counts: what purchase models are fitted on.

Customers with equal histories have equal likelihoods. With times in whole days, a million
customers are some hundred thousand rows, and the special functions depend on fewer still: on
the distinct x, t_x or T.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["Histories", "compress", "thin"]

# Days, and days as weeks, months and years: times on such a grid are found without sorting.
_GRIDS = (1.0, 7.0, 30.4375, 365.25)
_CELLS = 2**24


@dataclass(frozen=True)
class Histories:
    """Distinct histories: values of x, t_x and T, and where each row takes them from."""

    x: np.ndarray  # distinct x
    t_x: np.ndarray  # distinct t_x, scaled
    T: np.ndarray  # distinct T, scaled
    ix: np.ndarray
    it: np.ndarray
    iT: np.ndarray  # noqa: N815
    weight: np.ndarray
    scale: float  # one unit here is so many of the caller's

    @cached_property
    def total(self) -> float:
        return float(self.weight.sum())

    @cached_property
    def share(self) -> np.ndarray:
        """Weights that add up to one."""
        return self.weight / self.total

    @cached_property
    def share_of_x(self) -> np.ndarray:
        """Share of each distinct x."""
        return np.bincount(self.ix, self.share, len(self.x))

    @cached_property
    def earliest(self) -> np.ndarray:
        """Least t_x of each distinct x; infinite where no row has it."""
        out = np.full(len(self.x), np.inf)
        np.minimum.at(out, self.ix, self.t_x[self.it])
        return out


def compress(
    x: np.ndarray,
    t_x: np.ndarray,
    T: np.ndarray,
    count: np.ndarray | None = None,
    *,
    scale: float | None = None,
) -> Histories:
    """Distinct rows with counts, times scaled so that the mean of T is ten (or as given)."""
    ux, ix = _codes(x)
    ut, it = _codes(t_x)
    uT, iT = _codes(T)
    key = (ix * len(ut) + it) * len(uT) + iT
    cells = len(ux) * len(ut) * len(uT)
    if cells <= min(_CELLS, 32 * len(key)):
        sums = np.bincount(key, count, cells)
        used = np.flatnonzero(sums)
        weight = sums[used].astype(np.float64)
    else:
        used, at = np.unique(key, return_inverse=True)
        weight = np.bincount(at.reshape(-1), count).astype(np.float64)
    # From the distinct values, so that the order of rows does not touch the last digits.
    if scale is None:
        mean = float(np.average(uT, weights=np.bincount(iT, count)))
        scale = mean / 10.0 or 1.0  # one day only
    return Histories(
        ux,
        ut / scale,
        uT / scale,
        used // (len(ut) * len(uT)),
        used // len(uT) % len(ut),
        used % len(uT),
        weight,
        scale,
    )


def thin(rows: Histories, limit: int) -> Histories | None:
    """A systematic sample of at most some ``limit`` rows, for a first fit; None: not worth it."""
    n = len(rows.weight)
    if n <= 3 * limit:
        return None
    # Evenly spaced in the customers counted, so that a row's chance follows its count.
    steps = np.cumsum(rows.weight)
    at = np.searchsorted(steps, (np.arange(limit) + 0.5) * steps[-1] / limit)
    pick, weight = np.unique(at, return_counts=True)
    return Histories(
        rows.x,
        rows.t_x,
        rows.T,
        rows.ix[pick],
        rows.it[pick],
        rows.iT[pick],
        weight.astype(np.float64),
        rows.scale,
    )


def _codes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values ascending, and the position of each value among them."""
    values = np.asarray(values, dtype=np.float64)
    for per in _GRIDS:
        scaled = values * per
        whole = np.rint(scaled)
        top = float(whole.max())
        if top > 10 * _CELLS or float(np.abs(scaled - whole).max()) > 1e-9 * max(top, 1.0):
            continue
        if top > 4 * len(values) + 100_000:
            break
        at = whole.astype(np.int64)
        used = np.flatnonzero(np.bincount(at))
        place = np.zeros(int(top) + 1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return used / per, place[at]
    distinct, at = np.unique(values, return_inverse=True)
    return distinct, at.reshape(-1).astype(np.int64)
