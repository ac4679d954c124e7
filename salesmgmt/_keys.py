"""Keys as dense codes: one column or several, of any dtype, labels in ascending order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .engine.codes import number_codes, text_numbers
from .engine.grouping import extent

__all__ = ["Keys", "Slots", "factorise", "is_whole", "spread", "spread_together"]

_BLOCK = 2**15
_MANY = 2**15  # rows from which on tables for all rows at once are worth their making


@dataclass(frozen=True, slots=True)
class Keys:
    """A key, factorised: ``codes`` (int64, -1 for missing) into the rows of ``labels``."""

    codes: np.ndarray
    labels: pd.DataFrame

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def index(self) -> pd.Index:
        """The labels as an Index (one column) or a MultiIndex (several)."""
        if self.labels.shape[1] == 1:
            return pd.Index(self.labels.iloc[:, 0], name=self.labels.columns[0])
        return pd.MultiIndex.from_frame(self.labels)

    def text(self) -> list[str]:
        """Each label as text, parts joined by `` / ``."""
        return [" / ".join(map(str, row)) for row in self.labels.itertuples(index=False)]


@dataclass(frozen=True, slots=True)
class Slots:
    """A key as places 0..size - 1 in label order, of which some may have no row."""

    codes: np.ndarray
    size: int
    labels: pd.DataFrame


def factorise(frame: pd.DataFrame, names: Sequence[str]) -> Keys:
    """Dense int64 codes of the key made of ``names``, labels ascending, dtypes kept.

    Missing values get the code -1. The order of labels does not depend on the order of rows.
    """
    codes, firsts = _column_codes(frame[names[0]])
    labels = {names[0]: firsts}
    for name in names[1:]:
        codes, labels = _cross(codes, labels, name, frame[name])
    return Keys(codes, pd.DataFrame(labels))


def spread(series: pd.Series) -> Slots | None:
    """Whole numbers and short texts that lie closest together as their own places; else None."""
    if is_whole(series) and len(series):
        low, high = (int(v) for v in extent(series.to_numpy()))
        if _too_wide(low, high, len(series)):
            return None
        labels = pd.Series(np.arange(low, high + 1).astype(series.dtype), name=series.name)
        return Slots(_offsets(series, low), high - low + 1, labels.to_frame())
    numbers = _as_numbers(series) if len(series) >= _MANY else None
    if numbers is None:
        return None
    low, high = (int(v) for v in extent(numbers))
    if _too_wide(low, high, len(series)):
        numbers, distinct = _column_codes(pd.Series(numbers, copy=False))
        low, high = 0, len(distinct) - 1
    elif low:
        numbers -= low
    size = high - low + 1
    return Slots(numbers, size, _shown(series, numbers, size).to_frame())


def _too_wide(low: int, high: int, rows: int) -> bool:
    return high - low >= max(rows // 4, 1) or high >= 2**63


def spread_together(columns: Sequence[pd.Series]) -> tuple[list[np.ndarray], pd.Series]:
    """Places of one key that stands in several columns, and the labels of all places, ascending.

    Close whole numbers of one dtype are their own places, of which some may have no row.
    """
    some = [c for c in columns if len(c)] or list(columns[:1])
    if all(is_whole(c) and c.dtype == some[0].dtype and len(c) for c in some):
        low, high = min(int(c.min()) for c in some), max(int(c.max()) for c in some)
        if high - low < 4 * sum(map(len, some)) and high < 2**63:
            labels = pd.Series(np.arange(low, high + 1).astype(some[0].dtype), name=some[0].name)
            return [_offsets(c, low) if len(c) else np.empty(0, np.int64) for c in columns], labels
    one = pd.concat(some, ignore_index=True) if len(some) > 1 else some[0]
    codes, labels = _column_codes(one.rename(some[0].name))
    ends = np.cumsum([len(c) for c in columns])
    return np.split(codes, ends[:-1]), labels


def _column_codes(series: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """Codes of one column and its distinct values, ascending (ordered categories: as ordered)."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _category_codes(series)
    if is_whole(series) and len(series):
        low, high = (int(v) for v in extent(series.to_numpy()))
        if high - low < 4 * len(series):
            return _close_codes(series, low, high)
    if len(series) >= _MANY:
        found = _many_numbers(series) or _many_texts(series)
        if found is not None:
            return found
    codes, uniques = pd.factorize(series)
    uniques = pd.Series(uniques, dtype=series.dtype, name=series.name)
    order = _ascending(uniques)
    rank = np.empty(len(order) + 1, dtype=_narrow(len(order)))
    rank[order] = np.arange(len(order))
    rank[-1] = -1
    return _look_up(rank, codes), uniques.iloc[order].reset_index(drop=True)


def _many_numbers(series: pd.Series) -> tuple[np.ndarray, pd.Series] | None:
    """Codes of many whole numbers; None if they are none, or may be too large for int64."""
    if not is_whole(series) or series.dtype == np.dtype(np.uint64):
        return None
    codes, distinct = number_codes(np.ascontiguousarray(series.to_numpy(), dtype=np.int64))
    return codes, pd.Series(distinct.astype(series.dtype, copy=False), name=series.name)


def _many_texts(series: pd.Series) -> tuple[np.ndarray, pd.Series] | None:
    """Codes of many short Arrow texts by way of numbers; None if they are none, or too long."""
    numbers = _as_numbers(series)
    if numbers is None:
        return None
    codes, distinct = _column_codes(pd.Series(numbers, copy=False))
    return codes, _shown(series, codes, len(distinct))


def _shown(series: pd.Series, codes: np.ndarray, size: int) -> pd.Series:
    """The value of each code, from any of its rows (of a code without rows: some value)."""
    row = np.zeros(size, dtype=np.int64)
    for at in range(0, len(codes), _BLOCK):
        cut = codes[at : at + _BLOCK]
        row[cut] = np.arange(at, at + len(cut))
    return series.iloc[row].reset_index(drop=True)


def _as_numbers(series: pd.Series) -> np.ndarray | None:
    """Arrow text without gaps as whole numbers of the same order, where it is short enough."""
    if not _is_arrow_text(series.dtype):
        return None
    import pyarrow as pa

    column = pa.array(series.array)
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(column, pa.ChunkedArray) or column.null_count:
        return None
    wide = np.int64 if pa.types.is_large_string(column.type) else np.int32
    if not (pa.types.is_string(column.type) or wide is np.int64):
        return None
    _, ends, data = column.buffers()
    if data is None or not len(column):
        return None
    offsets = np.frombuffer(ends, wide)[column.offset : column.offset + len(column) + 1]
    return text_numbers(np.frombuffer(data, np.uint8), offsets)


def _is_arrow_text(dtype: Any) -> bool:
    if isinstance(dtype, pd.ArrowDtype):
        return "string" in str(dtype)
    return isinstance(dtype, pd.StringDtype) and dtype.storage == "pyarrow"


def _close_codes(series: pd.Series, low: int, high: int) -> tuple[np.ndarray, pd.Series]:
    """Codes of whole numbers that lie close together: a table of which occur, no hashing."""
    at = _offsets(series, low)
    used = np.zeros(high - low + 1, dtype=bool)
    used[at] = True
    labels = (np.flatnonzero(used) + low).astype(series.dtype)
    if len(labels) == len(used):  # never the caller's own memory
        return at if low else at.copy(), pd.Series(labels, name=series.name)
    place = np.cumsum(used, dtype=_narrow(len(used))) - 1
    return _look_up(place, at), pd.Series(labels, name=series.name)


def is_whole(series: pd.Series) -> bool:
    """Whether a column holds NumPy whole numbers: none of them can be missing."""
    return isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu"


def _offsets(series: pd.Series, low: int) -> np.ndarray:
    """Distance of each whole number from the lowest, int64; may be the caller's own memory."""
    values = series.to_numpy()
    if series.dtype.kind == "i":
        at = values.astype(np.int64, copy=False)
        return at - low if low else at
    return (values - values.dtype.type(low)).astype(np.int64)


def _narrow(size: int) -> type[np.signedinteger]:
    """Type of a table of ``size`` positions: a narrow one stays in the cache."""
    return np.int32 if size < 2**31 else np.int64


def _look_up(table: np.ndarray, at: np.ndarray) -> np.ndarray:
    """``table[at]`` as int64, in blocks that stay in the cache."""
    out = np.empty(len(at), dtype=np.int64)
    for start in range(0, len(at), _BLOCK):
        cut = slice(start, start + _BLOCK)
        out[cut] = table[at[cut]]
    return out


def _category_codes(series: pd.Series) -> tuple[np.ndarray, pd.Series]:
    raw = series.cat.codes.to_numpy()
    categories = pd.Series(series.cat.categories)
    used = np.zeros(len(categories) + 1, dtype=bool)
    used[raw] = True
    order = np.arange(len(categories)) if series.cat.ordered else _ascending(categories)
    order = order[used[:-1][order]]
    rank = np.full(len(categories) + 1, -1, dtype=_narrow(len(order)))
    rank[order] = np.arange(len(order))
    labels = pd.Series(pd.Categorical.from_codes(order, dtype=series.dtype), name=series.name)
    return _look_up(rank, raw), labels


def _ascending(values: pd.Series) -> np.ndarray:
    """Stable ascending order; values that do not compare go by type, then by text."""
    try:
        return values.argsort(kind="stable").to_numpy()
    except TypeError:
        keyed = sorted(range(len(values)), key=lambda i: _any_order(values.iloc[i]))
        return np.asarray(keyed, dtype=np.int64)


def _any_order(value: object) -> tuple[str, str]:
    return type(value).__name__, str(value)


def _cross(
    codes: np.ndarray, labels: dict[str, pd.Series], name: str, series: pd.Series
) -> tuple[np.ndarray, dict[str, pd.Series]]:
    """The key so far crossed with one more column; only combinations that occur get a code."""
    more, values = _column_codes(series)
    width = max(len(values), 1)
    both = codes * width + more
    both[(codes < 0) | (more < 0)] = -1
    seen, dense = _dense(both)
    out = {k: v.iloc[seen // width].reset_index(drop=True) for k, v in labels.items()}
    out[name] = values.iloc[seen % width].reset_index(drop=True)
    return dense.astype(np.int64), out


def _dense(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes that occur, ascending, and the place of each code among them (-1 stays -1)."""
    room = int(codes.max(initial=-1)) + 1
    if room <= 4 * len(codes):  # few possible codes: mark them instead of sorting all rows
        there = np.zeros(room + 1, dtype=bool)  # the last place takes the -1
        there[codes] = True
        seen = np.flatnonzero(there[:-1])
        place = np.cumsum(there) - 1
        place[-1] = -1
        return seen, place[codes]
    seen, dense = np.unique(codes, return_inverse=True)
    gap = int(len(seen) > 0 and seen[0] < 0)
    return seen[gap:], dense.reshape(-1) - gap
