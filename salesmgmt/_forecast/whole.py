"""Values that sums need: what single series lack is not zero.

Where a shop's value of a month is not known, the sum of all shops without it is no sum of all
shops. Inner gaps are filled from the values around them, and the newest periods of a series that is
reported late from the season it has; a series that has been silent for longer adds nothing.
"""

from __future__ import annotations

import numpy as np

from .._frames import warn
from ..engine.decomposition import fill_gaps
from .intake import Block, Panel
from .opening import closed_then

__all__ = ["with_gaps_filled"]

_LATE = 4  # part of a season by which a series may be reported late
_ENOUGH = 4  # values that tell what is lacking


Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def with_gaps_filled(panel: Panel, rows: Rows) -> Rows:
    """Series, period and value of all ``rows`` of a panel, with what is not known filled in."""
    known = np.isfinite(rows[2])
    parts = [tuple(v[known] for v in rows)]
    newest, late = int(panel.end.max()), 0
    for block in panel.blocks():
        series, at, values, after = _lacking(block, newest, panel.season)
        open_then = ~closed_then(panel, series, at)
        late += len(np.unique(series[after & open_then]))
        parts.append((series[open_then], at[open_then], values[open_then]))
    if late:
        warn(
            f"{panel.caller}(): {late} of {len(panel)} series lack the newest period(s) of the "
            "others; sums of them count what is to be expected of their past."
        )
    a, b, c = (np.concatenate(v) for v in zip(*parts, strict=True))
    order = np.lexsort((b, a))
    return a[order], b[order], c[order]


def _lacking(
    block: Block, newest: int, season: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Series, period and value of the cells to be filled; which come after a series' last."""
    last = block.last - block.ahead  # last known period
    behind = newest - last
    enough = np.isfinite(block.y).sum(axis=0) >= _ENOUGH
    waits = (behind > 0) & (behind <= max(season // _LATE, 1)) & enough
    n = block.n + np.where(waits, behind, 0)
    y = np.full((int(n.max(initial=1)), len(n)), np.nan)
    y[: len(block.y)] = block.y
    inner = np.isnan(y) & (np.arange(len(y))[:, None] < n) & enough
    row, column = np.nonzero(inner)
    if not len(row):
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, np.zeros(0), np.zeros(0, dtype=bool)
    some = np.flatnonzero(inner.any(axis=0))
    y[:, some] = fill_gaps(y[:, some], n[some], season)
    first = last - block.n + 1
    after = row >= block.n[column]
    return block.series[column], first[column] + row, y[row, column], after
