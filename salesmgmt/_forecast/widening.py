"""By how much the learned intervals of a call are too narrow or too wide, by its own past."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import calibration
from ..engine.bank import LEARNED, misses_before, past_misses, two_seasons_from
from .cleaning import possible_block
from .intake import Panel

__all__ = ["lent_width", "of_sums", "weighs_two_seasons", "widening_of"]

# A series of two or three values errs by more, in proportion, than those that have more; its own
# few errors tell a part of it. With these 95 % intervals of pieces cut from twelve sets hold 94 to
# 95 % in the mean; without them 74 %. No script in benchmarks/ finds them again.
_LENT, _OWN = 1.6, 0.7

_SHORTEST = 4  # steps by which earlier origins lie apart, at least: quantiles of fewer say little


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
    if weighs_two_seasons(panel):
        return 1.0
    steps = calibration.steps_of(m)
    most = calibration.most_past(m) + calibration.ORIGINS * steps
    block = panel.sample(calibration.series_of(m), calibration.least_past(m) + steps, most)
    block, _ = possible_block(block, m, models)
    return calibration.widening(past_misses(block.y, block.n, m, cleaned=clean))


def lent_width(usual: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Half widths of series of fewer than four values.

    By what is usual among the others of their call and by what their own errors say.
    """
    return np.hypot(_LENT * usual, _OWN * np.nan_to_num(own))


def of_sums(
    panel: Panel, level: np.ndarray, size: np.ndarray, horizon: int, common: float, clean: bool
) -> np.ndarray:
    """The factor of each level of a hierarchy's sums, on top of the ``common`` one.

    Parameters
    ----------
    panel : Panel
        All nodes, free of drivers.
    level : (series,) int array
        Level of each, 0, 1, ...; -1 for those that are no sums.
    size : (levels,) array
        Mean logarithm of how many bottom series a node adds up.
    horizon : int
        Steps that are forecast: earlier origins lie as far apart, if the season does not bound it.
    common : float
        The factor that all learned widths of the call have.
    clean : bool
        Whether outliers are taken out before each origin.
    """
    m, sums = panel.season, np.flatnonzero(level >= 0)
    if not len(sums) or weighs_two_seasons(panel):
        return np.ones(len(size))
    steps = min(max(horizon, _SHORTEST), calibration.steps_of(m))
    most = calibration.most_past(m) + calibration.ORIGINS * steps
    own = panel.take(sums)
    asked: list[np.ndarray] = []
    for block in own.blocks(longest=most):
        found = misses_before(block.y, block.n, m, steps, cleaned=clean)
        for k, one in enumerate(found):
            if k == len(asked):
                asked.append(np.full((*one.shape[:2], len(sums)), np.nan))
            asked[k][..., block.series] = one
    return calibration.by_level(asked, level[sums], size, common)


def weighs_two_seasons(panel: Panel) -> bool:
    longest = (panel.end - panel.first_values()).max() + 1
    return bool(longest >= two_seasons_from(panel.season))
