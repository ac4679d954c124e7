"""Large books in blocks of customers: the same numbers in a fraction of the memory.

Customers do not touch each other, so a block of them can be settled by itself. Rows have been
checked one by one before, and blocks follow the order of customers, so that results can be put
one below the other. What can only be said of the whole (a name that stands in no block) is found
when a block refuses: then everything is done at once, and refuses in the right words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from .. import _frames as door
from .._keys import spread_together
from ..errors import InputError
from .currency import check_rates
from .tables import Tables

__all__ = ["in_blocks", "stacked"]

SMALL = 4_000_000  # rows up to which one block is as good
_ROWS = 1_000_000  # rows of a block, about
T = TypeVar("T")


def in_blocks(
    tables: Tables, *, as_of: Any, fx: Any, work: Callable[[Tables, Any], T]
) -> Iterator[T]:
    """``work(tables, as_of)`` of each block of customers, or of all at once where that is small."""
    if sum(map(len, tables.rows)) <= SMALL or not _parts(tables, fx):
        yield work(tables, as_of)
        return
    moment = door.resolve_as_of(as_of, tables.last_day(), caller=tables.caller)
    try:
        for part in _cut(tables):
            yield work(part, moment)
    except InputError:
        work(tables, as_of)
        raise


def _parts(tables: Tables, fx: Any) -> bool:
    """Whether customers stand for themselves, currencies included."""
    some = [rows for rows in tables.rows if len(rows)]
    have = [rows for rows in some if "currency" in rows]
    if fx is not None:
        if not have:
            return False
        names = pd.concat([rows.series("currency") for rows in have]).unique()
        check_rates(tables.caller, list(names), fx)
    same = len({rows.series("customer").dtype for rows in some}) == 1
    return same and len(have) in (0, len(some))


def _cut(tables: Tables) -> Iterator[Tables]:
    blocks = _block_of(tables)
    last = max(int(b.max(initial=0)) for b in blocks)
    for k in range(last + 1):
        at = tuple(np.flatnonzero(b == k) for b in blocks)
        if any(map(len, at)):
            yield tables.cut(at)  # type: ignore[arg-type]


def _block_of(tables: Tables) -> list[np.ndarray]:
    """A block for each row: customers in ascending order, about as many rows in each."""
    codes, labels = spread_together([rows.series("customer") for rows in tables.rows])
    count = np.zeros(len(labels), dtype=np.int64)
    for own in codes:
        count += np.bincount(own, minlength=len(labels))
    block = ((np.cumsum(count) - count) // _ROWS).astype(np.int16)
    return [block[own] for own in codes]


def stacked(frames: Iterator[pd.DataFrame], room: int) -> pd.DataFrame:
    """Frames of the same columns one below the other, never twice in memory; ``room`` rows, about.

    Each block is written to its place at once: putting parts together in the end would hold
    every column twice, and what parts leave behind is too scattered to be given back.
    """
    first = next(frames)
    second = next(frames, None)
    if second is None:
        return first
    columns = {c: _Column(first[c], room) for c in first.columns}
    for c, column in columns.items():
        column.add(second[c])
    del first, second
    for frame in frames:
        for c, column in columns.items():
            column.add(frame[c])
    return pd.DataFrame({c: columns.pop(c).whole() for c in list(columns)}, copy=False)


class _Column:
    """A column that grows: numbers and times in one array, all else as parts."""

    def __init__(self, first: pd.Series, room: int) -> None:
        self.parts: list[pd.Series] = []
        self.values: np.ndarray | None = None
        self.lost: np.ndarray | None = None
        self.length = 0
        values = _bare(first)[0]
        if values is not None:
            self.values = np.empty(max(room, len(first)), dtype=values.dtype)
        self.add(first)

    def add(self, series: pd.Series) -> None:
        """Put a part behind the others."""
        values, lost = _bare(series)
        fits = self.values is not None and values is not None and not self.parts
        if not fits or values.dtype != self.values.dtype:  # type: ignore[union-attr]
            if self.length:
                self.parts.append(pd.Series(self.whole()))
                self.values, self.lost, self.length = None, None, 0
            self.parts.append(series)
            return
        assert values is not None
        end = self.length + len(values)
        self.values = _grown(self.values, end)
        self.values[self.length : end] = values
        if lost is not None or self.lost is not None:
            if self.lost is None:
                self.lost = np.zeros(len(self.values), dtype=bool)
            self.lost = _grown(self.lost, end)
            self.lost[self.length : end] = False if lost is None else lost
        self.length = end

    def whole(self) -> Any:
        """All parts as one column."""
        if self.parts:
            return pd.concat(self.parts, ignore_index=True)
        assert self.values is not None
        values = self.values[: self.length]
        if self.lost is None:
            return values
        return pd.arrays.IntegerArray(values, self.lost[: self.length])


def _bare(series: pd.Series) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Values and mask of a column of numbers or times; None for any other."""
    if isinstance(series.dtype, np.dtype):
        values = series.to_numpy()
        return (None if values.dtype == object else values), None
    array = series.array
    if isinstance(array, pd.arrays.IntegerArray):
        lost = array.isna()
        return array.to_numpy(array.dtype.numpy_dtype, na_value=0), lost
    return None, None


def _grown(values: np.ndarray | None, length: int) -> np.ndarray:
    assert values is not None
    if length <= len(values):
        return values
    out = np.empty(length + length // 2, dtype=values.dtype)
    out[: len(values)] = values
    return out
