"""Sums of a panel's series: what a prediction of a total is judged against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .._frames import factorise, stack_keys
from ..errors import InputError
from .intake import Panel

__all__ = ["with_sums"]


def with_sums(
    panel: Panel, frame: pd.DataFrame, keys: list[str], caller: str
) -> tuple[Panel, np.ndarray]:
    """The panel with the sums that ``frame`` names, and the series of each of its rows.

    A missing key means "all". Only runs of values and their ends are those of the sums.
    """
    missing = [frame[k].isna().to_numpy() for k in keys]
    if panel.keys is None or not np.any(missing):
        return panel, _series_of(frame, keys, panel, caller)
    kind = sum((m.astype(np.int64) << i for i, m in enumerate(missing)), np.int64(0))
    place = np.zeros(len(frame), dtype=np.int64)
    parts, offset = [panel], len(panel)
    for one in np.unique(kind):
        rows = kind == one
        if one == 0:
            place[rows] = _series_of(frame[rows], keys, panel, caller)
            continue
        known = [k for i, k in enumerate(keys) if not one >> i & 1]
        part, labels = _summed(panel, known)
        place[rows] = offset + _numbers(frame[rows], known, labels, caller)
        parts.append(part)
        offset += len(part)
    return _joined(parts), place


def _summed(panel: Panel, known: list[str]) -> tuple[Panel, pd.DataFrame]:
    """The sum of the series that share these keys, and the keys of each.

    Not known where the amount of one of them is missing: without it the sum is no sum of them all.
    """
    labels = panel.labels[known]
    found = factorise(labels, known) if known else None
    group = np.zeros(len(panel), dtype=np.int64) if found is None else found.codes
    first = np.unique(group, return_index=True)[1]
    code = np.repeat(group, np.diff(panel.starts))
    low, width = int(panel.at.min()), int(np.ptp(panel.at)) + 1
    cell, where = np.unique(code * width + panel.at - low, return_inverse=True)
    values = np.bincount(where, panel.values, len(cell))  # of a missing amount none is known
    end = np.full(len(first), panel.end.min())
    np.maximum.at(end, group, panel.end)
    starts = np.searchsorted(cell, np.arange(len(first) + 1) * width)
    made = replace(panel, starts=starts, at=cell % width + low, values=values, end=end)
    return made, labels.iloc[first].reset_index(drop=True)


def _joined(parts: list[Panel]) -> Panel:
    """Series of all parts, one after the other."""
    size = np.concatenate([np.diff(p.starts) for p in parts])
    return replace(
        parts[0],
        keys=None,
        starts=np.concatenate([[0], np.cumsum(size)]),
        at=np.concatenate([p.at for p in parts]),
        values=np.concatenate([p.values for p in parts]),
        end=np.concatenate([p.end for p in parts]),
    )


def _series_of(frame: pd.DataFrame, keys: list[str], panel: Panel, caller: str) -> np.ndarray:
    """Number of the panel's series of each row."""
    if panel.keys is None:
        return np.zeros(len(frame), dtype=np.int64)
    return _numbers(frame, keys, panel.labels, caller)


def _numbers(frame: pd.DataFrame, keys: list[str], labels: pd.DataFrame, caller: str) -> np.ndarray:
    """Row of ``labels`` of each row of the predictions."""
    if not keys:
        return np.zeros(len(frame), dtype=np.int64)
    both = stack_keys((labels, frame), keys, caller=caller, args=("history", "predictions"))
    codes = factorise(both, keys).codes
    place = np.full(int(codes.max()) + 2, -1)
    place[codes[: len(labels)]] = np.arange(len(labels))
    found = place[codes[len(labels) :]]
    lost = found < 0
    if lost.any():
        shown = [tuple(r) for r in frame[keys][lost].drop_duplicates().itertuples(index=False)]
        raise InputError(
            f"{caller}(): history lacks {len(shown)} predicted series, first {shown[:3]}; "
            "give the history of all of them."
        )
    return np.asarray(found)
