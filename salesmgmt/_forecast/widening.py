"""By how much the learned intervals of a call are too narrow or too wide, by its own past."""

from __future__ import annotations

from typing import Any

from ..engine import calibration
from ..engine.bank import LEARNED, past_misses, two_seasons_from
from .intake import Panel

__all__ = ["widening_of"]


def widening_of(
    panel: Panel, models: list[str], transform: Any = None, clean: bool = False
) -> float:
    """The factor of learned widths that earlier origins of the panel's series ask for.

    A sample of series, forecast by ``"auto"``, tells it for all models with learned widths; with
    few of them it is 1, so that a series alone costs nothing and small calls do not follow chance.
    """
    if LEARNED.isdisjoint(models) or transform is not None or len(panel) < calibration.FEWEST:
        return 1.0
    m = panel.season
    if (panel.end - panel.first_values()).max() + 1 >= two_seasons_from(m):
        return 1.0
    steps = calibration.steps_of(m)
    most = calibration.most_past(m) + calibration.ORIGINS * steps
    block = panel.sample(calibration.SERIES, calibration.least_past(m) + steps, most)
    return calibration.widening(past_misses(block.y, block.n, m, cleaned=clean))
