"""Every node of a hierarchy by other models, and by how much they would have erred."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..engine.bank import opinion
from ..engine.estimates import Estimates
from ..engine.ets import fit_additive
from ..engine.preparation import prepare
from .cleaning import clean_block, possible_block
from .fit import floors
from .hindsight import Ahead, Make, ahead_of, missed_ahead, origins_of
from .intake import Block, Panel, read_history
from .opening import closed_ahead

__all__ = ["View", "closed_nodes", "node_blocks", "node_panel", "smoothed", "views_of"]

_TRENDS = ("damped", "holt")  # of exponential smoothing
_OPINIONS = ("mstl", "ces")  # models by name


@dataclass(slots=True)
class View:
    """Forecasts of every label by one model, and the errors of the same model.

    ``base`` (labels, horizon), zero where nothing is known of a label, NaN where the model has
    nothing to say of it; ``errors`` (labels, periods), one step ahead, NaN where there is none,
    None where those of the record must do; ``ahead``: those of several steps.
    """

    base: np.ndarray
    errors: np.ndarray | None
    ahead: Ahead | None = None

    def without(self, ended: np.ndarray, certain: float) -> View:
        """The same with nothing left to come, and little to err by, for some labels."""
        base, errors = self.base.copy(), self.errors
        base[ended] = 0.0
        if errors is not None:
            errors = errors.copy()
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
) -> dict[str, View]:
    """What other models say after period ``end``, from what was known by then."""
    known = frame[frame["_at"] <= end]
    first = int(known["_at"].min())
    panel = node_panel(known, made)
    back = origins_of(panel, horizon)
    out = {name: View(np.zeros((count, horizon)), None) for name in (*_TRENDS, *_OPINIONS)}
    for name in _TRENDS:
        out[name].errors = np.full((count, end - first + 1), np.nan)
    steps = np.arange(horizon)[:, None]
    missed: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in out}
    for label, block in node_blocks(panel, made):
        block, _ = possible_block(block, panel.season, ["auto"])  # any model would follow the odd
        newest = block.last - block.ahead  # the period of each column's last row
        away = end - newest
        for name, view in out.items():
            held = Estimates()
            make = _maker(block, panel.season, name, held)
            ahead = make(block.y, block.n, horizon + int(away.max()))
            view.base[label] = ahead[away + steps, np.arange(len(label))].T
            if view.errors is not None:
                _, e = smoothed(block, panel.season, trend=name, held=held)
                row, column = np.nonzero(np.isfinite(e) & (np.arange(len(e))[:, None] < block.n))
                at = (newest - block.n + 1)[column] + row
                view.errors[label[column], at - first] = e[row, column]
            found = missed_ahead(block, make, end, back, horizon, panel.season)
            missed[name].append((label, found))
    closed = closed_nodes(panel, count, end, horizon)
    for name, view in out.items():
        view.ahead = ahead_of(missed[name], count, back, horizon)
        view.base[closed] = 0.0
    return out


def _maker(block: Block, season: int, name: str, held: Estimates) -> Make:
    """A model's forecasts of a block and of shorter records of it, with nothing estimated anew."""
    if name in _TRENDS:
        return lambda y, n, horizon: smoothed(
            replace(block, y=y, n=n), season, horizon, name, held
        )[0]
    floor = floors(block.y, "auto")
    return lambda y, n, horizon: np.maximum(opinion(y, n, horizon, season, name, held), floor)


def closed_nodes(panel: Panel, count: int, end: int, horizon: int) -> np.ndarray:
    """Which labels are closed in the periods after ``end``, (labels, horizon)."""
    out = np.zeros((count, horizon), dtype=bool)
    late = end - panel.end
    shut = closed_ahead(panel, horizon + int(late.max()))
    if shut is not None:
        steps = late[:, None] + np.arange(horizon)
        out[panel.labels["_node"]] = np.take_along_axis(shut, steps, axis=1)
    return out
