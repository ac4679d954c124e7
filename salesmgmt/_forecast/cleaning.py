"""Odd values and level shifts of a history, taken out of its blocks and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..engine.cleaning import KINDS, clean
from .intake import Block, Panel

__all__ = ["NONE", "Oddities", "clean_block", "oddities_of", "records", "table_of"]


@dataclass(frozen=True, slots=True)
class Oddities:
    """One entry each: series, period, kind (index of ``KINDS``), the value as given, and by how
    much it, or all from it on, differ from what was to be expected."""

    series: np.ndarray
    period: np.ndarray
    kind: np.ndarray
    amount: np.ndarray
    size: np.ndarray


_WHOLE = np.zeros(0, dtype=np.int64)
NONE = Oddities(_WHOLE, _WHOLE, _WHOLE, np.zeros(0), np.zeros(0))


def clean_block(block: Block, season: int) -> tuple[Block, Oddities]:
    """The block without odd values, and what they were."""
    y, found = clean(block.y, block.n, season)
    first = block.last - block.ahead - (block.n - 1)
    told = Oddities(
        block.series[found.column],
        first[found.column] + found.row,
        found.kind,
        block.y[found.row, found.column],
        found.size,
    )
    return replace(block, y=y), told


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
    out["amount"], out["size"] = all_of.amount[order], all_of.size[order]
    return out


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
