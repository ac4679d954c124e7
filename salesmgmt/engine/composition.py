"""What ``"auto"`` did for each series: its kind and who had which weight; one-step errors.

Both are read off the estimates a forecast has left behind, so they tell what was done, not what
would be done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .bank import LONGER, SPARSE_SHARES, forecast_block
from .combination import final_shares, member_names
from .estimates import Estimates

__all__ = ["Composition", "compositions", "one_step_errors"]

_PAST = (24, 120)  # newest periods whose one-step errors are looked at: least, most
_ROWS = 12_000  # rows run through for them, about


@dataclass(frozen=True, slots=True)
class Composition:
    """Kind of a series, the season it was treated with (1: none), weights by member."""

    form: str
    season: int
    weights: dict[str, float]


def compositions(y: np.ndarray, m: int, held: Estimates) -> list[Composition]:
    """For each column of a block that was forecast with ``held``."""
    everyone = np.arange(y.shape[1])
    auto = held.part("auto")
    y = np.where(np.arange(len(y))[:, None] < auto.known("launch"), np.nan, y)
    if auto.known("positive") is not None:  # mirrored or lifted before
        auto = auto.part("positive")
    found = auto.known("season")
    out: list[Composition] = [Composition("no data", 1, {})] * len(everyone)
    if found is not None and found.any():
        for season in np.unique(found):
            which = np.flatnonzero(found == season)
            some = auto.part(f"season {season}")
            _tell(out, y[:, which], which, max(int(season), 1), some)
    elif auto.known("both") is not None and len(auto.known("both")):
        _tell(out, y, everyone, m, auto.part("near"))
        for j, share in zip(auto.known("both"), auto.known("share")[0].T):
            names = (f"season {m}", f"season {LONGER[m]}", "mstl")
            form = f"two seasons[{m}, {LONGER[m]}]"
            out[j] = Composition(form, m, _rounded(dict(zip(names, share))))
    else:
        _tell(out, y, everyone, m, auto)
    share = held.part("auto").known("newness")
    for j in np.flatnonzero(share):  # what its newest era says counts beside the whole record
        weights = {name: w * (1 - share[j] / 2) for name, w in out[j].weights.items()}
        weights = _rounded({**weights, "newest era": share[j] / 2})
        out[j] = Composition(f"{out[j].form}, newest era", out[j].season, weights)
    return out


def _tell(
    out: list[Composition], y: np.ndarray, which: np.ndarray, m: int, held: Estimates
) -> None:
    """Columns ``which`` of the block, forecast with one season."""
    kinds = held.known("kinds")
    count = np.isfinite(y).sum(axis=0)
    for kind in dict.fromkeys(kinds):
        columns, some = np.flatnonzero(kinds == kind), held.part(kind)
        if kind == "few":
            for i in columns[count[columns] > 0]:
                few = count[i] < 4
                weights = {"mean": 1.0} if few else {"ses": 0.5, "theta": 0.5}
                out[which[i]] = Composition("mean" if few else "smoothing and Theta", m, weights)
        elif kind == "intermittent":
            still = np.nanmin(y[:, columns], axis=0) == np.nanmax(y[:, columns], axis=0)
            for i, zero in zip(columns, still):
                form = "constant" if zero else "intermittent"
                out[which[i]] = Composition(form, m, dict(SPARSE_SHARES))
        else:
            flat, names = some.known("flat"), member_names(kind)
            shares = final_shares(kind, some.known("features"), some.known("misfit"))
            for k, i in enumerate(columns):
                weights = {"naive": 1.0} if flat[k] else _rounded(dict(zip(names, shares[:, k])))
                form = "constant" if flat[k] else f"combination[{m}]" if m > 1 else "combination"
                out[which[i]] = Composition(form, m, weights)


def _rounded(weights: dict[str, Any]) -> dict[str, float]:
    return {name: round(float(w), 4) for name, w in weights.items()}


def one_step_errors(
    y: np.ndarray, n: np.ndarray, m: int, model: str, held: Estimates
) -> np.ndarray:
    """What each of the newest values was less what the model said of it, (time, series).

    With parameters, weights and initial states as they were estimated from the whole record.
    For each period the record before it is run through again: fewer periods of longer records.
    """
    errors = np.full_like(y, np.nan)
    launch = held.part("auto").known("launch")
    since = n if launch is None else n - launch
    past = np.minimum(np.clip(_ROWS // np.maximum(n, 1), *_PAST), since - 1)
    for back in range(1, int(past.max(initial=0)) + 1):
        before = np.maximum(n - np.minimum(back, since - 1), 1)
        rows = int(before.max())
        seen = np.where(np.arange(rows)[:, None] < before, y[:rows], np.nan)
        made = forecast_block(seen, before, 1, m, [model], learned=False, held=held).mean[0]
        which = np.flatnonzero(past >= back)
        at = n[which] - back
        errors[at, which] = y[at, which] - made[which]
    return errors
