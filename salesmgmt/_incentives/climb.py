"""One plan's tiers over a job: where each payee stands, and what that pays, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..engine.tiers import Tiers, exact, reached, tier_pay
from ..engine.units import fraction_of
from ..errors import InputError
from .job import Job
from .plan import CommissionPlan, fraction

__all__ = ["Climb", "Piece"]


@dataclass
class Piece:
    """Trace rows of one rule: cell, amount it is about, rate, pay in units, credit row (-1)."""

    rule: str
    cell: np.ndarray
    base: np.ndarray
    rate: np.ndarray
    pay: np.ndarray
    row: np.ndarray


@dataclass
class Climb:
    """Tiers of ``plan`` applied to totals by cell (flat: payee × period)."""

    job: Job
    plan: CommissionPlan
    total: np.ndarray  # amounts the tiers see, (payees, periods)

    @cached_property
    def table(self) -> Tiers:
        return self.plan.table(self.job.step)

    @cached_property
    def same_year(self) -> np.ndarray:
        """Whether a period is in the year of the one before it."""
        year = self.job.year
        return np.r_[False, year[1:] == year[:-1]]

    @cached_property
    def same_span(self) -> np.ndarray:
        """Whether a period is in the year or quarter, over which tiers are climbed, of the last."""
        if self.plan.cumulative != "Q":
            return self.same_year
        assert self.job.quarter is not None
        return np.r_[False, self.job.quarter[1:] == self.job.quarter[:-1]]

    def to_date(self, values: np.ndarray, same: np.ndarray | None = None) -> np.ndarray:
        """Running sum over the year or quarter that tiers are climbed over, along periods."""
        same = self.same_span if same is None else same
        out = values.copy()
        for p in range(1, values.shape[1]):
            if same[p]:
                out[:, p] += out[:, p - 1]
        return out

    @cached_property
    def amount(self) -> np.ndarray:
        """What climbs: the period's total, or the year's or quarter's to date; flat."""
        return (self.to_date(self.total) if self.plan.cumulative else self.total).reshape(-1)

    @cached_property
    def goal(self) -> np.ndarray:
        """Target of the period, or of the year or quarter to date; flat."""
        target = self.job.target
        return (self.to_date(target) if self.plan.cumulative else target).reshape(-1)

    @cached_property
    def before(self) -> np.ndarray:
        """Total to date before the period (zero where the plan is not cumulative); flat."""
        if not self.plan.cumulative:
            return np.zeros_like(self.amount)
        return self._previous(self.amount)

    def _previous(self, values: np.ndarray) -> np.ndarray:
        grid = values.reshape(self.job.shape)
        out = np.zeros_like(grid)
        out[:, 1:] = np.where(self.same_span[1:], grid[:, :-1], 0)
        return out.reshape(-1)

    def check(self, used: np.ndarray) -> None:
        """Whatever is measured against a target must have one."""
        plan, job, needs = self.plan, self.job, self._needs_target
        lost = used & ~job.known
        if needs and lost.any():
            self._refuse(lost, "has no target; give targets= or a target column")
        low = used & self._immeasurable
        if needs and low.any():
            self._refuse(low, "has a target that is not positive; give one, or a plan by amount")
        idle = used & (job.aim == 0) & ~self._credited
        if needs and idle.any() and (plan.draw is not None or plan.pool is not None):
            rule = "draw" if plan.draw is not None else "pool"
            self._refuse(
                idle,
                f"has a target of zero and no results; whether the {rule} is due there is not "
                "told: leave these rows of targets out, or give a target",
            )
        if job.wide and "threshold" in (plan.pool or {}):
            raise InputError(
                f"{job.caller}(): the pool's threshold needs targets by period, and targets has "
                "some of a whole year or quarter; break the plan down, or leave the threshold out."
            )
        uses_pay = plan.pays == "target_pay" or "target_pay" in plan.caps
        if uses_pay and job.target_pay is None:
            raise InputError(
                f"{job.caller}(): the plan pays a share of 'target_pay'; "
                "there is no such column in targets or results."
            )
        if plan.multiplier is not None and job.multiplier is None:
            raise InputError(
                f"{job.caller}(): the plan's multiplier {plan.multiplier!r} is no column of "
                "targets or results."
            )

    def check_origins(self, inside: np.ndarray) -> None:
        """A sale that came back is paid anew: its period needs a target, too."""
        job = self.job
        if job.origin is None or not self._needs_target:
            return
        at = job.origin[job.origin >= 0]
        at = at[inside[at % job.shape[1]]]
        lost = np.zeros(job.shape, dtype=bool)
        lost.reshape(-1)[at] = job.target.reshape(-1)[at] <= 0
        if lost.any():
            self._refuse(
                lost,
                "had a sale that came back but has no positive target, which its pay is computed "
                "again with; give the results and the target of that period, too",
            )

    @cached_property
    def _credited(self) -> np.ndarray:
        """Cells with credits that climb there, (payees, periods)."""
        job = self.job
        live = job.credit != 0
        if job.origin is not None:
            live &= job.origin == -1
        out = np.zeros(job.there.size, dtype=np.int64)
        out[job.cell[live]] = 1
        return out.reshape(job.shape) > 0

    @property
    def _immeasurable(self) -> np.ndarray:
        """Cells whose credits have no positive target to be measured against.

        A target of zero where nothing came in, before a ramp begins or after somebody left,
        measures nothing and pays nothing.
        """
        job, some = self.job, self._credited.astype(np.int64)
        bad = job.aim < 0
        if self.plan.base == "attainment":
            upto = self.to_date(some) if self.plan.cumulative else some
            bad |= (self.goal.reshape(job.shape) <= 0) & (upto > 0)
        if self.plan.gate is not None:
            goal = self.to_date(job.target, self.same_year)
            bad |= (goal <= 0) & (self.to_date(some, self.same_year) > 0)
        return np.asarray(bad)

    @property
    def _needs_target(self) -> bool:
        return self.plan.base == "attainment" or self.plan.gate is not None

    def _refuse(self, bad: np.ndarray, what: str) -> None:
        job = self.job
        at = int(np.flatnonzero(bad.reshape(-1))[0])
        who = " / ".join(str(v) for v in job.payees.iloc[at // job.shape[1]])
        when = ""
        if job.period_labels is not None:
            label = job.period_labels.iloc[at % job.shape[1]]
            when = f", {label:%Y-%m-%d}" if isinstance(label, pd.Timestamp) else f", {label}"
        raise InputError(
            f"{job.caller}(): {int(bad.sum())} payee period(s) (first: {who}{when}) {what}."
        )

    # ---- where the tiers start, what they pay

    def edges(self, cells: np.ndarray, bound: int) -> list[np.ndarray]:
        """Starts of the tiers in the scale of ``amount * edge_scale``, by row."""
        if self.plan.base == "amount":
            return [np.asarray(e) for e in self.table.edges]
        goal = exact(self.goal[cells], bound)
        return [goal * e for e in self.table.edges]

    @cached_property
    def shut(self) -> np.ndarray | None:
        """Cells whose gate is shut; None without a gate."""
        rule = self.plan.gate_rule
        if rule is None:
            return None
        need = fraction(rule["attainment"])
        amount = self.to_date(self.total, self.same_year).reshape(-1)
        goal = self.to_date(self.job.target, self.same_year).reshape(-1)
        size = _size(amount) * need.denominator + _size(goal) * need.numerator
        shut = exact(amount, size) * need.denominator < exact(goal, size) * need.numerator
        return np.asarray(shut, dtype=bool)

    @cached_property
    def held_rates(self) -> tuple[int, ...]:
        """Rates while the gate is shut."""
        rates, hold = self.table.rates, self.table.held
        one = self.table.edge_scale if self.plan.base == "attainment" else 1
        before = sum(e < one for e in self.table.edges)
        if hold is None:
            hold = rates[before - 1]
        return rates[:before] + tuple(min(r, hold) for r in rates[before:])

    def rates(self, cells: np.ndarray) -> list[Any]:
        """Rate of each tier; by row where a gate is."""
        if self.shut is None:
            return list(self.table.rates)
        shut = self.shut[cells]
        return [
            np.where(shut, h, r) for r, h in zip(self.table.rates, self.held_rates, strict=True)
        ]

    def alive(self, cells: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Whether the threshold is met by a total ``x``."""
        if self.plan.threshold is None:
            return np.ones(len(x), dtype=bool)
        least = fraction(self.plan.threshold)
        if self.plan.base == "amount":
            least = least / fraction_of(self.job.step)
            goal = np.ones(len(x), dtype=np.int64)
        else:
            goal = self.goal[cells]
        size = _size(x) * least.denominator + _size(goal) * least.numerator
        met = exact(x, size) * least.denominator >= exact(goal, size) * least.numerator
        return np.asarray(met, dtype=bool)

    # ---- pay of a total

    def bound(self, x: np.ndarray) -> int:
        """Largest number that may turn up on the way."""
        rate = max(1, max(abs(r) for r in self.table.rates)) * (len(self.table.rates) + 1)
        edge = max(1, max(self.table.edges))
        size = _size(x) * self.table.edge_scale
        if self.plan.base == "attainment":
            size += _size(self.goal) * edge
        return 4 * rate * (size + edge)

    def pay(
        self, cells: np.ndarray, x: np.ndarray, state: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | int]:
        """Exact pay of totals ``x`` in ``cells``: numerator and denominator, in units.

        ``state``: the totals that decide the tier and the threshold, where they are not ``x``.
        """
        plan, table = self.plan, self.table
        state = x if state is None else state
        live = self.alive(cells, state)
        bound = self.bound(np.r_[x, state]) if len(x) else 1
        if plan.pays == "rate" and plan.mode == "marginal":
            scaled = exact(x, bound) * table.edge_scale
            top = tier_pay(scaled, self.edges(cells, bound), self.rates(cells))
            return np.where(live, top, 0), table.scale
        top, bottom = self.level(cells, state, bound)
        if plan.pays == "rate":
            top = _times(top, x)
        elif plan.pays == "target_pay":
            assert self.job.target_pay is not None
            due = self.job.target_pay
            due = (self.to_date(due) if plan.cumulative else due).reshape(-1)[cells]
            top = _times(top, due)
        return np.where(live, top, 0), bottom

    def level(
        self, cells: np.ndarray, state: np.ndarray, bound: int
    ) -> tuple[np.ndarray, np.ndarray | int]:
        """Value of the tier reached (marginal flats: of all reached), as a fraction."""
        table, plan = self.table, self.plan
        at = exact(state, bound) * table.edge_scale
        edges = [e + np.zeros(len(state), dtype=np.int64) for e in self.edges(cells, bound)]
        rates = [np.asarray(r) + np.zeros(len(state), dtype=np.int64) for r in self.rates(cells)]
        upper = plan.boundary == "upper"
        tier = reached(at, edges, upper=upper)
        if plan.mode == "interpolated":
            return _between(at, edges, rates, tier, table.rate_scale)
        if plan.mode == "marginal":  # flats: all tiers reached
            rates = list(np.cumsum(np.array(rates), axis=0))
        return np.choose(tier, rates) if len(rates) < 32 else np.array(rates)[
            tier, np.arange(len(tier))
        ], table.rate_scale

    def whole(self) -> tuple[np.ndarray, np.ndarray | int]:
        """Exact pay of every period: numerator and denominator; flat.

        Cumulative plans pay what the total to date earns more than it did before (without a
        true-up: the period's own amount at the rate of the total to date).
        """
        if not self.plan.true_up:
            return self._own_pay()
        top, bottom = self._to_date_pay()
        if not self.plan.cumulative:
            return np.where(self.job.there.reshape(-1), top, 0), bottom
        return _less(top, bottom, *self._before_pay(top, bottom))

    def _own_pay(self) -> tuple[np.ndarray, np.ndarray | int]:
        """Exact pay of each period's own amount at the rate that the total to date has reached."""
        cells, own = np.arange(len(self.amount)), self.amount - self.before
        top, bottom = self.pay(cells, own, self.amount)
        return np.where(self.job.there.reshape(-1) & self._measured, top, 0), bottom

    def again(self, cells: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | int]:
        """Exact pay of the periods of ``cells``, had the totals that climb been ``x``."""
        top, bottom = self.pay(cells, x)
        if not self.plan.cumulative:
            return top, bottom
        last, under = self._before_pay(*self._to_date_pay())
        under = under if isinstance(under, int) else under[cells]
        return _less(top, bottom, last[cells], under)

    def _to_date_pay(self) -> tuple[np.ndarray, np.ndarray | int]:
        """Exact pay of what climbs in every cell."""
        top, bottom = self.pay(np.arange(len(self.amount)), self.amount)
        if self.plan.base == "attainment" or self.plan.pays == "target_pay":
            top = np.where(self._measured, top, 0)
        if self.plan.cumulative:
            top = self._kept(top, 0)
            bottom = bottom if isinstance(bottom, int) else self._kept(bottom, 1)
        return top, bottom

    def _before_pay(
        self, top: np.ndarray, bottom: np.ndarray | int
    ) -> tuple[np.ndarray, np.ndarray | int]:
        """Pay to date of the period before, from that of every period."""
        if isinstance(bottom, int):
            return self._previous(top), bottom
        under = self._previous(bottom)
        return self._previous(top), np.where(under == 0, 1, under)

    def _kept(self, values: np.ndarray, first: int) -> np.ndarray:
        """Values to date, which periods that do not count for the payee leave as they were."""
        out = values.reshape(self.job.shape).copy()
        for p in range(out.shape[1]):
            last = out[:, p - 1] if self.same_span[p] else first
            out[:, p] = np.where(self.job.there[:, p], out[:, p], last)
        return out.reshape(-1)

    @cached_property
    def _measured(self) -> np.ndarray:
        """Cells with something to measure against (absent payees have no target to date)."""
        return (
            (self.goal > 0)
            if self.plan.base == "attainment"
            else np.ones(len(self.amount), dtype=bool)
        )


def _less(
    top: np.ndarray, bottom: np.ndarray | int, last: np.ndarray, under: np.ndarray | int
) -> tuple[np.ndarray, np.ndarray | int]:
    """Difference of two pays over their denominators."""
    if isinstance(bottom, int):
        return top - last, bottom
    return top * under - last * bottom, bottom * under


def _between(
    at: np.ndarray, edges: list[np.ndarray], rates: list[np.ndarray], tier: np.ndarray, scale: int
) -> tuple[np.ndarray, np.ndarray]:
    """Values on straight lines between the starts of tiers; the last goes on flat."""
    rows = np.arange(len(tier))
    e = np.array([np.asarray(v, dtype=object) for v in edges])
    r = np.array([v.astype(object) for v in rates])
    nxt = np.minimum(tier + 1, len(edges) - 1)
    low, high = e[tier, rows], e[nxt, rows]
    x = np.maximum(np.asarray(at, dtype=object), 0)
    width = high - low
    flat = width == 0
    width = np.where(flat, 1, width)
    top = np.where(flat, r[tier, rows], r[tier, rows] * (high - x) + r[nxt, rows] * (x - low))
    return top, width * scale


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product, exact."""
    if a.dtype == object:
        return a * b.astype(object)
    size = _size(a) * _size(b)
    return exact(a, size) * exact(b, size)


def _size(values: np.ndarray) -> int:
    return int(np.abs(values).max(initial=0)) + 1
