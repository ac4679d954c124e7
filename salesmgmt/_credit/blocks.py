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


def stacked(frames: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns one below the other, never twice in memory."""
    first = next(frames)
    parts = {c: [first[c]] for c in first.columns}
    rest = False
    for frame in frames:
        rest = True
        for c in parts:
            parts[c].append(frame[c])
    if not rest:
        return first
    del first, frame
    return pd.DataFrame(
        {c: pd.concat(parts.pop(c), ignore_index=True) for c in list(parts)}, copy=False
    )
