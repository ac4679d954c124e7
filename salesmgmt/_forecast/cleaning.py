"""Odd values and level shifts of a history, taken out of its blocks and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..engine.cleaning import KINDS, Found, clean
from ..engine.empty_periods import without_closures
from ..engine.estimates import Estimates
from ..engine.impossible import without_impossible
from .intake import Block, Panel

__all__ = [
    "NONE",
    "Oddities",
    "clean_block",
    "oddities_of",
    "possible_block",
    "records",
    "table_of",
]


@dataclass(frozen=True, slots=True)
class Oddities:
    """One entry each: series, period, kind (index of ``KINDS``), the value as given, and by how
    much it, or all from it on, differ from what was to be expected."""

    series: np.ndarray
    period: np.ndarray
    kind: np.ndarray
    amount: np.ndarray
    size: np.ndarray

    def of(self, series: np.ndarray) -> Oddities:
        """Those of some series."""
        kept = np.isin(self.series, series)
        parts = (self.series, self.period, self.kind, self.amount, self.size)
        return Oddities(*(v[kept] for v in parts))


_WHOLE = np.zeros(0, dtype=np.int64)
NONE = Oddities(_WHOLE, _WHOLE, _WHOLE, np.zeros(0), np.zeros(0))


def clean_block(block: Block, season: int, held: Estimates | None = None) -> tuple[Block, Oddities]:
    """The block without odd values, and what they were.

    ``held``: what was cleaned before. Those rows stay as they were then; of newer ones outliers
    are taken out, and level shifts are left to the states of a model to follow.
    """
    held = held or Estimates()
    y, found = held.of("clean", clean, block.y, block.n, season)
    old = held.of("n", block.n.copy)
    if (block.n > old).any():
        y, found = _newer_cleaned(block, season, y, found, old)
    first = block.last - block.ahead - (block.n - 1)
    told = Oddities(
        block.series[found.column],
        first[found.column] + found.row,
        found.kind,
        block.y[found.row, found.column],
        found.size,
    )
    return replace(block, y=y), told


def possible_block(block: Block, season: int, models: Sequence[str]) -> tuple[Block, np.ndarray]:
    """The block without values that cannot be true or closures of once, and columns with one.

    Only for the learned combination: models by name take a record as it is.
    """
    if list(models) != ["auto"]:
        return block, np.zeros(len(block.n), dtype=bool)
    y, odd = without_impossible(block.y, block.n, season)
    filled = without_closures(y, block.n, season)
    closed = np.zeros(len(block.n), dtype=bool)
    if filled is not y:
        closed = (np.isfinite(y) & (filled != y)).any(axis=0)
    return replace(block, y=filled), np.asarray(odd.any(axis=0) | closed)


def _newer_cleaned(
    block: Block, season: int, y: np.ndarray, found: Found, old: np.ndarray
) -> tuple[np.ndarray, Found]:
    """Rows from ``old`` on without outliers, after what was cleaned before."""
    out = block.y.copy()
    known = np.arange(len(y))[:, None] < old
    out[: len(y)] = np.where(known, y, out[: len(y)])
    _, more = clean(out, block.n, season)
    new = (more.row >= old[more.column]) & (more.kind != 1)
    parts = [v[new] for v in (more.column, more.row, more.kind, more.size)]
    single = parts[2] == 0
    out[parts[1][single], parts[0][single]] -= parts[3][single]
    whole = (found.column, found.row, found.kind, found.size)
    return out, Found(*(np.concatenate(v) for v in zip(whole, parts)))


def oddities_of(panel: Panel) -> Oddities:
    """Those of all series of a panel."""
    return _joined([clean_block(block, panel.season)[1] for block in panel.blocks()])


def table_of(panel: Panel, told: Oddities | Sequence[Oddities]) -> pd.DataFrame:
    """Keys, ``date``, ``kind``, ``amount``, ``size``; in key and date order."""
    all_of = told if isinstance(told, Oddities) else _joined(told)
    order = np.lexsort((all_of.period, all_of.series))
    out = panel.labels.iloc[all_of.series[order]].reset_index(drop=True)
    out["date"] = panel.grid.dates(all_of.period[order])
    kinds = np.array(KINDS, dtype=object)[all_of.kind[order].astype(int)]
    out["kind"] = pd.Series(kinds, dtype="str")
    out["amount"], out["size"] = _as_given(panel, all_of)[order], all_of.size[order]
    return out


def _as_given(panel: Panel, told: Oddities) -> np.ndarray:
    """Amounts as the history has them: effects of drivers are taken out before it is cleaned."""
    if not len(panel.at):
        return told.amount
    low = min(int(panel.at.min()), int(told.period.min(initial=panel.at.min())))
    width = max(int(panel.at.max()), int(told.period.max(initial=low))) - low + 1
    cell = np.repeat(np.arange(len(panel)), np.diff(panel.starts)) * width + (panel.at - low)
    asked = told.series * width + (told.period - low)
    place = np.minimum(np.searchsorted(cell, asked), len(cell) - 1)
    return np.where(cell[place] == asked, panel.values[place], told.amount)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as plain records: what frames carry in ``.attrs`` must compare without fuss."""
    return [dict(zip(table.columns, row)) for row in table.itertuples(index=False)]


def _joined(parts: Sequence[Oddities]) -> Oddities:
    some = [NONE, *parts]
    return Oddities(
        np.concatenate([p.series for p in some]),
        np.concatenate([p.period for p in some]),
        np.concatenate([p.kind for p in some]),
        np.concatenate([p.amount for p in some]),
        np.concatenate([p.size for p in some]),
    )
