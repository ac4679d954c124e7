"""Every node of a hierarchy by exponential smoothing, and by how much that erred in one step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..engine.estimates import Estimates
from ..engine.ets import fit_additive
from ..engine.preparation import prepare
from .cleaning import clean_block
from .fit import floors
from .hindsight import Ahead, Make, ahead_of, missed_ahead, origins_of
from .intake import Block, Panel, read_history
from .opening import closed_ahead

__all__ = ["TRENDS", "View", "closed_nodes", "node_blocks", "node_panel", "smoothed", "views_of"]

TRENDS = ("damped", "holt")


@dataclass(slots=True)
class View:
    """Forecasts of every label by one model, and the errors of the same model.

    ``base`` (labels, horizon), zero where nothing is known of a label; ``errors`` (labels,
    periods), one step ahead, NaN where there is none; ``ahead``: those of several steps.
    """

    base: np.ndarray
    errors: np.ndarray
    ahead: Ahead | None = None

    def without(self, ended: np.ndarray, certain: float) -> View:
        """The same with nothing left to come, and little to err by, for some labels."""
        base, errors = self.base.copy(), self.errors.copy()
        base[ended] = 0.0
        errors[ended] *= certain
        ahead = None if self.ahead is None else self.ahead.without(ended, certain)
        return View(base, errors, ahead)


def node_panel(frame: pd.DataFrame, made: dict[str, Any]) -> Panel:
    """The nodes as series, read as they are read to be forecast."""
    options = {k: made[k] for k in ("by", "freq", "season_length", "partial", "gaps")}
    rows = frame.drop(columns="_at")
    options |= {"date": "date", "amount": "amount", "again": True}
    return read_history(rows, caller=made["caller"], **options)


def node_blocks(
    panel: Panel, made: dict[str, Any], longest: int | None = None
) -> Iterator[tuple[np.ndarray, Block]]:
    """Labels and values of all nodes, block by block, cleaned if that is asked."""
    label = panel.labels["_node"].to_numpy()
    for block in panel.blocks(longest=longest):
        if made.get("clean"):
            block, _ = clean_block(block, panel.season)
        yield label[block.series], block


def smoothed(
    block: Block,
    season: int,
    horizon: int = 1,
    trend: str = "damped",
    held: Estimates | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts (horizon, series) and one-step errors (time, series) in units of the data.

    The season is taken out before and put on again; as for every method, what was never below
    zero is not forecast to be. ``held``: what is not estimated again.
    """
    held = held or Estimates()
    ready = prepare(block.y, block.n, season, held=held.part("prepared"))
    fit = fit_additive(ready.z, block.n, horizon, trend=trend, held=held.part("fitted"))
    floor = held.of("floor", floors, block.y, "auto")
    ahead = np.maximum(ready.back(fit.forecast) * ready.scale, floor)
    factor = ready.season[np.arange(len(fit.errors)) % ready.m]
    errors = np.where(ready.multiplicative, fit.errors * factor, fit.errors)
    return ahead, errors * ready.scale


def views_of(
    frame: pd.DataFrame, count: int, end: int, horizon: int, made: dict[str, Any]
) -> list[View]:
    """What smoothing with each trend says after period ``end``, from what was known by then."""
    known = frame[frame["_at"] <= end]
    first = int(known["_at"].min())
    out = [
        View(np.zeros((count, horizon)), np.full((count, end - first + 1), np.nan)) for _ in TRENDS
    ]
    steps = np.arange(horizon)[:, None]
    panel = node_panel(known, made)
    back = origins_of(panel, horizon)
    missed: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in TRENDS]
    for label, block in node_blocks(panel, made):
        newest = block.last - block.ahead  # the period of each column's last row
        away = end - newest
        for trend, view, parts in zip(TRENDS, out, missed):
            held = Estimates()
            ahead, e = smoothed(block, panel.season, horizon + int(away.max()), trend, held)
            view.base[label] = ahead[away + steps, np.arange(len(label))].T
            row, column = np.nonzero(np.isfinite(e) & (np.arange(len(e))[:, None] < block.n))
            at = (newest - block.n + 1)[column] + row
            view.errors[label[column], at - first] = e[row, column]
            make = _again(block, panel.season, trend, held)
            found = missed_ahead(block, make, end, back, horizon, panel.season)
            parts.append((label, found))
    for view, parts in zip(out, missed):
        view.ahead = ahead_of(parts, count, back, horizon)
        view.base[closed_nodes(panel, count, end, horizon)] = 0.0
    return out


def _again(block: Block, season: int, trend: str, held: Estimates) -> Make:
    """The same smoothing of shorter records, with nothing estimated anew."""

    def make(y: np.ndarray, n: np.ndarray, horizon: int) -> np.ndarray:
        return smoothed(replace(block, y=y, n=n), season, horizon, trend, held)[0]

    return make


def closed_nodes(panel: Panel, count: int, end: int, horizon: int) -> np.ndarray:
    """Which labels are closed in the periods after ``end``, (labels, horizon)."""
    out = np.zeros((count, horizon), dtype=bool)
    late = end - panel.end
    shut = closed_ahead(panel, horizon + int(late.max()))
    if shut is not None:
        steps = late[:, None] + np.arange(horizon)
        out[panel.labels["_node"]] = np.take_along_axis(shut, steps, axis=1)
    return out
