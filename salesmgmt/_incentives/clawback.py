"""Returns on earlier sales: what the period of the sale earns less without them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tiers import group_cumsum, round_div
from .climb import Climb, Piece
from .job import Job

__all__ = ["taken_back"]


def taken_back(
    job: Job, climbs: dict[int, tuple[Climb, np.ndarray]], pieces: list[Piece] | None
) -> np.ndarray:
    """Clawbacks by cell of the return (<= 0), each by the plan that paid the sale.

    ``climbs``: by number, the plans and their ceilings.
    """
    out = np.zeros(job.there.size, dtype=np.int64)
    if job.origin is None:
        return out.reshape(job.shape)
    back = np.flatnonzero(job.origin >= 0)
    payer = job.plan_of[job.origin[back] % job.shape[1]]
    for i, (climb, ceiling) in climbs.items():
        rows = back[payer == i]
        if not len(rows):
            continue
        origin = job.origin[rows]
        order = np.lexsort((job.credit[rows], job.time[rows], origin))
        rows, origin = rows[order], origin[order]
        credit = job.credit[rows]
        taken = _less(climb, ceiling.reshape(-1)[origin], origin, credit)
        np.add.at(out, job.cell[rows], taken)
        if pieces is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                rate = taken / credit
            base = credit.astype(float)
            pieces.append(Piece("clawback", job.cell[rows], base, rate, taken, rows))
    return out.reshape(job.shape)


def _less(climb: Climb, ceiling: np.ndarray, origin: np.ndarray, credit: np.ndarray) -> np.ndarray:
    """What each return takes off the pay of its sale's period, one after the other."""
    if climb.plan.scope == "row":
        top, below = climb.pay(origin, -credit)
        top = -top
        return _whole(climb, top, below, origin)
    starts = np.flatnonzero(np.r_[True, np.diff(origin) != 0])
    after = climb.amount[origin] + group_cumsum(credit, starts)
    paid = []
    for total in (after, after - credit):
        top, bottom = climb.again(origin, total)
        paid.append(np.minimum(_whole(climb, top, bottom, origin), ceiling))
    return paid[0] - paid[1]


def _whole(climb: Climb, top: np.ndarray, bottom: Any, origin: np.ndarray) -> np.ndarray:
    """Pay in units, with the multiplier of the sale's period."""
    job, plan = climb.job, climb.plan
    if plan.multiplier is not None and job.multiplier is not None:
        scale = job.multiplier.reshape(-1)[origin].astype(object)
        top, bottom = top.astype(object) * scale, bottom * job.multiplier_scale
    return np.asarray(round_div(top, bottom, plan.rounding)).astype(np.int64)
