"""By how much forecasts of several steps, made earlier with today's estimates, would have missed.

One-step errors do not tell which nodes err together at the horizon that is forecast: what grows
apart slowly is hidden in them by what passes with the next value.

References
----------
D. Girolimetto, G. Athanasopoulos, T. Di Fonzo, R. J. Hyndman, "Cross-temporal probabilistic
forecast reconciliation: methodological and practical issues", International Journal of Forecasting
40 (2024), 1134-1151 (in-sample errors of several steps, parameters as they are).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.bank import forecast_block
from ..engine.combination import longest
from ..engine.estimates import Estimates
from ..engine.reconciliation import winsorised
from .cleaning import clean_block
from .fit import check_models, floors
from .intake import Block, Panel
from .widening import weighs_two_seasons

__all__ = ["Ahead", "Make", "ahead_of", "missed_ahead", "origins_of", "panel_missed"]

_ORIGINS, _STEPS = 30, 12  # as many say what all of them would
_PERIODS = 50  # over which the origins are spread, if four horizons are not more
_LEAST = 14  # values before an origin, at least
_ROUNDING = 1e-12  # of the largest value: what never moves has no errors

Make = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(slots=True)
class Ahead:
    """Errors of several steps (labels, cases), NaN where there is none, and which cases overlap.

    Cases with one number in ``together`` are of origins less than a horizon apart.
    """

    errors: np.ndarray
    together: np.ndarray

    @classmethod
    def of(cls, missed: np.ndarray, back: np.ndarray, horizon: int) -> Ahead:
        """From errors (labels, origins, steps), odd ones bounded."""
        flat = winsorised(missed.reshape(len(missed), -1))
        return cls(flat, np.repeat((back - back.min()) // horizon, missed.shape[2]))

    def without(self, ended: np.ndarray, certain: float) -> Ahead:
        """The same with little to err by for some labels."""
        errors = self.errors.copy()
        errors[ended] *= certain
        return Ahead(errors, self.together)

    def filled(self, other: Ahead | None) -> Ahead:
        """With another's errors of the same cases for labels that have none here."""
        if other is None or not np.array_equal(self.together, other.together):
            return self
        lost = ~np.isfinite(self.errors).any(axis=1)
        return Ahead(np.where(lost[:, None], other.errors, self.errors), self.together)

    def joined(self, one_step: np.ndarray) -> Ahead:
        """With one-step errors, enlarged as is usual, of labels that have no others."""
        lost = ~np.isfinite(self.errors).any(axis=1)
        if not lost.any():
            return self
        far, near = (_size(e) for e in (self.errors, one_step))
        both = ~lost & (far > 0) & (near > 0)
        times = float(np.median(far[both] / near[both])) if both.any() else 1.0
        rest = np.where(lost[:, None], one_step * times, np.nan)
        own = self.together.max() + 1 + np.arange(rest.shape[1])
        return Ahead(np.hstack([self.errors, rest]), np.concatenate([self.together, own]))


def _size(errors: np.ndarray) -> np.ndarray:
    """Root mean square of each row; zero where nothing is known."""
    known = np.isfinite(errors)
    total = (np.where(known, errors, 0.0) ** 2).sum(axis=1)
    return np.asarray(np.sqrt(total / np.maximum(known.sum(axis=1), 1)))


def origins_of(panel: Panel, horizon: int) -> np.ndarray:
    """How many periods back earlier origins lie; none where they would tell of one window only."""
    length = int((panel.end - panel.first_values()).max(initial=0)) + 1
    length = min(length, longest(panel.season))
    span = min(max(_PERIODS, 4 * horizon), length - _least(panel.season) - horizon)
    if span < horizon or weighs_two_seasons(panel):
        return np.empty(0, dtype=np.int64)
    return horizon + np.arange(0, span + 1, -(-(span + 1) // _ORIGINS))


def _least(season: int) -> int:
    return max(2 * season + 2, _LEAST)


def missed_ahead(
    block: Block, make: Make, end: int, back: np.ndarray, horizon: int, season: int
) -> np.ndarray:
    """What came less what ``make`` says from earlier rows, (columns, origins, steps).

    ``make(y, n, horizon)`` forecasts (horizon, columns) from a shorter record of the same columns.
    Columns of which too little is known by an origin have no errors there.
    """
    steps = np.unique(np.linspace(0, horizon - 1, min(horizon, _STEPS)).round().astype(int))
    out = np.full((len(block.n), len(back), len(steps)), np.nan)
    rows, columns = np.arange(len(block.y))[:, None], np.arange(len(block.n))
    newest = block.last - block.ahead
    size = np.nanmax(np.abs(block.y), axis=0, initial=0.0)
    first = np.where(np.nan_to_num(block.y) != 0, rows, len(rows)).min(axis=0, initial=len(rows))
    for i, away in enumerate(back):
        n = block.n - newest + end - away
        told = (n - first >= _least(season)) & (n < block.n)
        if not told.any():
            continue
        n = np.where(told, n, block.n)  # the others are carried along
        past = np.where(rows < n, block.y, np.nan)[: int(n.max())]
        at = n + steps[:, None]
        came = np.where(at < block.n, block.y[np.minimum(at, len(rows) - 1), columns], np.nan)
        apart = came - make(past, n, horizon)[steps]
        apart[np.abs(apart) < _ROUNDING * size] = 0.0
        out[told, i] = apart[:, told].T
    return out


def panel_missed(
    held: Estimates, count: int, end: int, horizon: int, made: dict[str, Any]
) -> Ahead | None:
    """Of every label by the models of a call, with the estimates held from it.

    None where the record is too short, or effects of drivers are no part of what is held.
    """
    if made["calendar"] is not None or made["events"] is not None:
        return None
    panel: Panel = held.known("free")
    back = origins_of(panel, horizon)
    if not len(back):
        return None
    label, parts = panel.labels["_node"].to_numpy(), []
    models = check_models(made["model"], caller=made["caller"])
    for piece in held.known("pieces"):
        block, own = piece.block, piece.estimates
        if made["clean"]:
            block, _ = clean_block(block, panel.season, own.part("clean"))
        make = _forecaster(models, panel.season, floors(piece.block.y, "auto"), own, made)
        found = missed_ahead(block, make, end, back, horizon, panel.season)
        parts.append((label[block.series], found))
    return ahead_of(parts, count, back, horizon)


def ahead_of(
    parts: list[tuple[np.ndarray, np.ndarray]], count: int, back: np.ndarray, horizon: int
) -> Ahead | None:
    """Errors of some labels each, put together; None where there are none at all."""
    if not len(back) or not parts:
        return None
    missed = np.full((count, *parts[0][1].shape[1:]), np.nan)
    for label, found in parts:
        missed[label] = found
    return Ahead.of(missed, back, horizon) if np.isfinite(missed).any() else None


def _forecaster(
    models: list[str], season: int, floor: np.ndarray, held: Estimates, made: dict[str, Any]
) -> Make:
    def make(y: np.ndarray, n: np.ndarray, horizon: int) -> np.ndarray:
        options: dict[str, Any] = {"transform": made["transform"], "learned": False, "held": held}
        return np.maximum(forecast_block(y, n, horizon, season, models, **options).mean, floor)

    return make
