"""Counting and stepping in working days, by look-up in cumulative sums."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["DayTable", "count_between", "ordinarily_worked", "shift", "sum_runs", "touched"]

_BLOCK = 1 << 15  # rows at a time: what is in flight stays in the cache


@dataclass(frozen=True)
class DayTable:
    """Weights of consecutive days.

    Attributes
    ----------
    first : int
        Days since 1970-01-01 of the first entry.
    weight : float64 array (n_days,)
        What a day counts: 1 a working day, 0 a day off, parts for parts of a day.
    provisional : bool array (n_days,)
        Days whose schedule is not official.
    total : float64 or int64 array (n_days + 1,)
        Sum of the weights before each day; integers when all weights are whole.
    """

    first: int
    weight: np.ndarray
    provisional: np.ndarray
    total: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        whole = bool((self.weight == np.floor(self.weight)).all())
        sums = np.concatenate([[0.0], np.cumsum(self.weight)])
        object.__setattr__(self, "total", sums.astype(np.int64) if whole else sums)

    @property
    def last(self) -> int:
        """Days since 1970-01-01 of the last entry."""
        return self.first + len(self.weight) - 1

    def inside(self, low: int, high: int) -> slice:
        """Positions of the days from ``low`` to ``high``, both inside."""
        return slice(low - self.first, high - self.first + 1)


def count_between(
    table: DayTable, start: np.ndarray, end: np.ndarray, *, skip: int = 0, take: int = 0
) -> np.ndarray:
    """Sum of the weights from ``start + skip`` to before ``end + take``, by pair.

    Days since 1970-01-01, in the table or one after its end. An empty span counts zero.
    """
    out = np.empty(len(start), dtype=table.total.dtype)
    for at in range(0, len(start), _BLOCK):
        part = slice(at, at + _BLOCK)
        low = start[part] - (table.first - skip)
        high = end[part] - (table.first - take)
        if skip > take:
            np.maximum(low, high, out=high)
        np.subtract(table.total.take(high), table.total.take(low), out=out[part])
    return out


def shift(table: DayTable, days: np.ndarray, n: np.ndarray) -> np.ndarray:
    """The ``n``-th working day after each day, before it for negative ``n``.

    Zero gives the day itself if it is a working day, else the next one. A working day is one
    with a positive weight. What lies outside the table comes back as ``table.first - 1``.
    """
    worked = table.weight > 0
    places = np.flatnonzero(worked)
    upto = np.concatenate([[0], np.cumsum(worked)])  # working days before each position
    at = days - table.first
    target = np.where(n > 0, upto[at + 1] + n - 1, upto[at] + n)
    good = (target >= 0) & (target < len(places))
    found = places[np.where(good, target, 0)]
    return table.first + np.where(good, found, -1)


def sum_runs(values: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of ``values`` (n, ...) over runs of equal, ascending ``keys`` (n,); and the keys."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return np.add.reduceat(values, starts, axis=0), keys[starts]


def touched(low: int, high: int, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whether each day from ``low`` to ``high`` lies in some span ``first`` to ``last``."""
    n = high - low + 2
    change = np.bincount(first - low, minlength=n) - np.bincount(last - low + 1, minlength=n)
    return np.cumsum(change)[:-1] > 0


def ordinarily_worked(days: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Whether each day falls on a weekday that is mostly worked in its calendar year.

    ``days`` are consecutive and make whole years.
    """
    year = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
    group = (year - year[0]) * 7 + (days + 3) % 7
    worked = np.bincount(group, weights=weight > 0) / np.bincount(group)
    return worked[group] >= 0.5
