"""Random plans, one after the other, against a calculator of fractions and plain loops.

The calculator is written from the docstrings of ``CommissionPlan`` and ``payout`` alone: credits,
threshold, gate, tiers, multiplier, caps, returns on earlier sales, draws; two plans in a year.
"""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor

import pandas as pd
import pytest

from salesmgmt import InputError
from salesmgmt.incentives import CommissionPlan, payout, trace

CENT = Fraction(1, 100)
MONTHS = [(2024, 11), (2024, 12), (2025, 1), (2025, 2), (2025, 3)]
RULES = ("commission", "clawback", "multiplier", "cap", "earned", "carried", "draw", "recovered",
         "payout", "balance")  # fmt: skip


def told(value) -> Fraction:
    return Fraction(repr(float(value)))


def whole(x: Fraction, mode: str) -> int:
    size, sign = abs(x), -1 if x < 0 else 1
    low, rest = floor(size), size - floor(size)
    half = Fraction(1, 2)
    up = {
        "half_up": rest >= half,
        "half_down": rest > half,
        "half_even": rest > half or (rest == half and low % 2 == 1),
        "down": False,
        "up": rest > 0,
        "floor": x < 0 and rest > 0,
        "ceiling": x > 0 and rest > 0,
    }[mode]
    return sign * (low + up)


def quarters(year_start):
    return {m: (12 * m[0] + m[1] - year_start) // 3 for m in MONTHS}


class Desk:
    """One payee: sales ``{month: [(day, cents)]}``, goals ``{month: {...}}``, plans by month."""

    def __init__(self, sales, goals, plan_of, year_start, wide):
        self.sales, self.goals, self.plan_of, self.wide = sales, goals, plan_of, wide
        self.year = {m: m[0] + (year_start > 1 and m[1] >= year_start) for m in MONTHS}
        self.quarter = quarters(year_start)

    def span(self, plan):
        """Over what the tiers are climbed: years, or quarters."""
        return self.quarter if plan.cumulative == "Q" else self.year

    def total(self, month):
        return sum((c for _, c in self.sales.get(month, [])), Fraction(0))

    def goal(self, month, what="target"):
        return told(self.goals[month][what]) / CENT if month in self.goals else Fraction(0)

    def to_date(self, value, month, before=False, span=None):
        span = self.year if span is None else span
        same = [m for m in MONTHS if span[m] == span[month] and m <= month]
        return sum((value(m) for m in same if not (before and m == month)), Fraction(0))

    def tiers(self, plan, month):
        scale = {"flat": CENT}.get(plan.pays, Fraction(1))
        tiers = [(told(s), told(v) / scale) for s, v in plan.tiers]
        if plan.base == "amount":
            tiers = [(s / CENT, v) for s, v in tiers]
        rule = plan.gate_rule
        if rule is not None:
            need = told(rule["attainment"]) * self.to_date(self.goal, month)
            if self.to_date(self.total, month) < need:
                one = 1 if plan.base == "attainment" else Fraction(1, 10**9)
                slow = sum(s < one for s, _ in tiers)
                hold = told(rule["rate"]) / scale if "rate" in rule else tiers[slow - 1][1]
                tiers = [(s, v if j < slow else min(v, hold)) for j, (s, v) in enumerate(tiers)]
        return tiers

    def unit(self, plan, month):
        """Cents that 1 on the axis of the tiers stands for."""
        if plan.base == "amount":
            return Fraction(1)
        if not plan.cumulative:
            return self.goal(month)
        return self.to_date(self.goal, month, span=self.span(plan))

    def alive(self, plan, month, state):
        if plan.threshold is None:
            return True
        unit = 1 / CENT if plan.base == "amount" else self.unit(plan, month)
        return state >= told(plan.threshold) * unit

    def value(self, plan, month, state):
        """What the tier reached is worth (marginal sums: all tiers reached)."""
        tiers, unit = self.tiers(plan, month), self.unit(plan, month)
        edges = [s * unit for s, _ in tiers]
        upper = plan.boundary == "upper"
        at = max(
            [0, *[j for j, e in enumerate(edges) if j and (state > e or (upper and state == e))]]
        )
        if plan.mode == "interpolated" and at + 1 < len(tiers):
            way = (max(state, 0) - edges[at]) / (edges[at + 1] - edges[at])
            return tiers[at][1] + (tiers[at + 1][1] - tiers[at][1]) * way
        if plan.mode == "marginal":
            return sum(v for _, v in tiers[: at + 1])
        return tiers[at][1]

    def slices(self, plan, month, x):
        tiers, unit = self.tiers(plan, month), self.unit(plan, month)
        pay = Fraction(0)
        for j, (start, rate) in enumerate(tiers):
            end = tiers[j + 1][0] * unit if j + 1 < len(tiers) else x
            low = start * unit if j else min(x, 0)
            pay += rate * max(min(x, end) - low, 0) if j else rate * min(x, end)
        return pay

    def earns(self, plan, month, x, state=None):
        """Exact pay of a total of ``x`` where ``state`` decides the tier."""
        state = x if state is None else state
        if plan.base == "attainment" and self.unit(plan, month) <= 0:
            return Fraction(0)
        if not self.alive(plan, month, state):
            return Fraction(0)
        if plan.pays == "rate" and plan.mode == "marginal":
            return self.slices(plan, month, x)
        value = self.value(plan, month, state)
        if plan.pays == "target_pay":
            due = lambda m: self.goal(m, "target_pay")  # noqa: E731
            if plan.cumulative:
                return value * self.to_date(due, month, span=self.span(plan))
            return value * due(month)
        return value * x if plan.pays == "rate" else value

    def before(self, plan, month):
        """What the year to date had earned before the month."""
        there = sorted({*self.sales, *self.goals})
        span = self.span(plan)
        last = [m for m in there if m < month and span[m] == span[month]]
        if not plan.cumulative or not last:
            return Fraction(0)
        return self.earns(plan, last[-1], self.to_date(self.total, last[-1], span=span))

    def commission(self, plan, month):
        """Pay by row or by month, in whole cents or exact; and what the cap of a row takes off."""
        state, before, then = self.total(month), Fraction(0), self.before(plan, month)
        if plan.cumulative:
            span = self.span(plan)
            state = self.to_date(self.total, month, span=span)
            before = self.to_date(self.total, month, before=True, span=span)
        if plan.round_at != "row" or plan.pays != "rate":
            if not plan.true_up:
                return self.earns(plan, month, self.total(month), state), 0
            return self.earns(plan, month, state) - then, 0
        cut, most = 0, plan.caps.get("row")
        paid, run, alive = 0, before, self.alive(plan, month, state)
        for _, cents in sorted(self.sales.get(month, [])):
            if plan.mode == "marginal":
                exact = self.slices(plan, month, run + cents) - self.slices(plan, month, run)
            else:
                exact = self.value(plan, month, state) * cents
            run += cents
            own = whole(exact if alive else Fraction(0), plan.rounding)
            paid += own
            if most is not None:
                ceiling = floor(told(most) / CENT)
                cut += max(min(own, ceiling), -ceiling) - own
        if plan.cumulative and plan.true_up:
            paid += whole(self.earns(plan, month, before, state) - then, plan.rounding)
        return Fraction(paid), cut

    def pay(self, returns):
        there = sorted({*self.sales, *self.goals})
        out, spent, run, ceilings, kept_of = {}, {}, {}, {}, {}
        for month in there:
            plan = self.plan_of[month]
            exact, cut = self.commission(plan, month)
            if plan.round_at == "rep":
                upto, done = run.get(id(plan), (Fraction(0), 0))
                upto += exact
                paid = whole(upto, plan.rounding) - done
                run[id(plan)] = (upto, done + paid)
            else:
                paid = whole(exact, plan.rounding)
            factor = told(self.goals[month]["k"]) if plan.multiplier else Fraction(1)
            scaled = whole((paid + cut) * factor, plan.rounding)
            caps, year = plan.caps, self.year[month]
            room = [floor(told(caps["period"]) / CENT)] if "period" in caps else []
            if "target_pay" in caps and self.wide:
                # One target pay for the whole span, of which earlier months have had their part.
                span = self.span(plan)
                due = self.to_date(lambda m: self.goal(m, "target_pay"), month, span=span)
                had = sum(v for m, v in kept_of.items() if span[m] == span[month])
                room.append(max(floor(told(caps["target_pay"]) * due) - had, 0))
            elif "target_pay" in caps:
                room.append(floor(told(caps["target_pay"]) * self.goal(month, "target_pay")))
            if "year" in caps:
                # An earlier plan may have paid more: that stays paid.
                room.append(max(floor(told(caps["year"]) / CENT) - spent.get(year, 0), 0))
            kept = min([scaled, *room])
            spent[year] = spent.get(year, 0) + kept
            kept_of[month] = kept
            ceilings[month] = room
            out[month] = {"commission": paid, "multiplier": scaled - paid - cut,
                          "cap": cut + kept - scaled, "clawback": 0}  # fmt: skip
        self.take_back(returns, ceilings, out)
        self.settle(there, out)
        return out

    def take_back(self, returns, ceilings, out):
        taken = {}
        for month, _, sold, cents in sorted(returns):
            plan = self.plan_of[sold]
            factor = told(self.goals[sold]["k"]) if plan.multiplier else Fraction(1)
            total = self.to_date(self.total, sold) if plan.cumulative else self.total(sold)
            then, run = self.before(plan, sold), total + taken.get(sold, Fraction(0))
            two = []
            for x in (run + cents, run):
                pay = whole((self.earns(plan, sold, x) - then) * factor, plan.rounding)
                two.append(min([pay, *ceilings[sold]]))
            taken[sold] = taken.get(sold, Fraction(0)) + cents
            out[month]["clawback"] += two[0] - two[1]

    def settle(self, there, out):
        owed = 0
        for month in there:
            plan, row = self.plan_of[month], out[month]
            rule, negative = plan.draw_rule, plan.clawback_rule["settle"]
            earned = row["earned"] = sum(row.values())
            lift = max(-earned, 0) if negative != "pay" else 0
            owed += lift if negative == "carry" else 0
            level, least = earned + lift, int(told(rule["amount"]) / CENT)
            advance = max(least - max(level, 0), 0)
            if rule["recoverable"] and rule["limit"] is not None:
                advance = min(advance, max(int(told(rule["limit"]) / CENT) - owed, 0))
            back = min(owed, floor(max(level - least, 0) * told(rule["share"])))
            owed += (advance if rule["recoverable"] else 0) - back
            row |= {"carried": lift, "draw": advance, "recovered": -back, "balance": owed}
            row["payout"] = level + advance - back


def some_plan(rng, **dates):
    base = rng.choice(["attainment", "amount"])
    pays = rng.choice(["rate", "rate", "rate", "flat", "target_pay"])
    n = rng.randint(1, 4)
    values = [rng.choice([0, 0.01, 0.031, 0.05, 0.0825, 0.125]) for _ in range(n)]
    pool = [0.5, 0.8, 1.0, 1.2, 1 / 3] if base == "attainment" else [500, 1234.56, 2500, 5000.5]
    starts = [0, *sorted(rng.sample(pool, n - 1))]
    back = {"basis": "original", "settle": "pay"}
    return CommissionPlan(
        [(s, v * (1000 if pays == "flat" else 1)) for s, v in zip(starts, values, strict=True)],
        base=base,
        pays=pays,
        mode=rng.choice(["marginal", "retroactive", "interpolated"]),
        boundary=rng.choice(["upper", "lower"]),
        cumulative=rng.choice([False, False, False, True, "Q"]),
        threshold=rng.choice([None, None, 0.5 if base == "attainment" else 500]),
        gate=rng.choice([None, None, 1.0, {"attainment": 0.9, "rate": 0.02}]),
        cap=rng.choice([None, 100.5, {"year": 300}, {"target_pay": 0.7, "year": 500}, {"row": 30}]),
        draw=rng.choice([None, 80, {"amount": 90, "limit": 150},
                         {"amount": 60, "recoverable": False}, {"amount": 60, "share": 0.3}]),
        clawback=rng.choice([None, "carry", "pay", "original", back]),
        multiplier=rng.choice([None, None, "k"]),
        rounding=rng.choice(["half_up", "half_even", "half_down", "down", "up", "floor",
                             "ceiling"]),
        round_at=rng.choice(["row", "rep", "period"]),
        true_up=rng.random() < 0.8,
        **dates,
    )  # fmt: skip


@pytest.mark.parametrize("block", range(12))
def test_pay_is_what_plain_loops_say(block):
    for seed in range(40 * block, 40 * block + 40):
        rng = random.Random(seed)
        try:
            plans = [some_plan(rng)]
            if rng.random() < 0.5:
                plans = [some_plan(rng, end="2024-12-31"), some_plan(rng, start="2025-01-01")]
        except InputError:  # rules that do not go together
            continue
        back = any(p.clawback_rule["basis"] == "original" for p in plans)
        if back and any("row" in p.caps for p in plans):
            continue  # refused
        check(rng, plans, rng.choice([1, 1, 4, 12]), rng.choice([1, 1, 100, 10**9]))


def one_goal_a_span(goals, plans, year_start):
    """One goal a year or quarter: it stands in its first month. First and last month of each."""
    span = {m: m[0] + (year_start > 1 and m[1] >= year_start) for m in MONTHS}
    if any(p.cumulative == "Q" for p in plans):
        span = quarters(year_start)
    ends, first = {}, {}
    for m in MONTHS:
        lead = first.setdefault(span[m], m)
        ends[lead] = m
        if m != lead:
            goals[m] = {"target": 0.0, "target_pay": 0.0, "k": goals[lead]["k"]}
    return ends


def check(rng, plans, year_start, size):
    plan_of = {m: plans[-1] if m >= (2025, 1) else plans[0] for m in MONTHS}
    rows, sales, returns = [], {}, []
    for _ in range(rng.randint(1, 14)):
        month, day = rng.choice(MONTHS), rng.randint(1, 28)
        cents = rng.choice([rng.randint(0, 150_000), 100_000, -rng.randint(1, 80_000)]) * size
        sold = rng.choice([m for m in MONTHS if m <= month]) if cents < 0 else month
        row = {"date": pd.Timestamp(*month, day), "amount": cents / 100, "sale_date": pd.NaT}
        if cents < 0:
            row["sale_date"] = pd.Timestamp(*sold, 1)
        rows.append(row)
        original = plan_of[month].clawback_rule["basis"] == "original"
        if original and sold < month:
            returns.append((month, day, sold, Fraction(cents)))
            sales.setdefault(month, [])
        else:
            sales.setdefault(month, []).append((day, Fraction(cents)))
    last = max(r["date"] for r in rows)
    goals = {  # whole cents
        m: {"target": round(rng.choice([rng.randint(100, 300_000) / 100, 1000.0]) * size, 2),
            "target_pay": rng.choice([0.0, 100.0, 333.0]), "k": rng.choice([1, 0.8, 1.15])}
        for m in MONTHS
    }  # fmt: skip
    ends = {m: m for m in MONTHS}
    wide = all(p.cumulative for p in plans) and rng.random() < 0.7
    if wide:
        ends = one_goal_a_span(goals, plans, year_start)
    targets = pd.DataFrame([goals[m] for m in ends]).assign(
        rep="r",
        period_start=[pd.Timestamp(*m, 1) for m in ends],
        period_end=[pd.Timestamp(*m, 1) + pd.offsets.MonthEnd(0) for m in ends.values()],
    )
    frame = pd.DataFrame(rows).assign(rep="r").sample(frac=1, random_state=1)
    options = {"by": "rep", "targets": targets, "year_start": year_start}
    got = payout(frame, plans, **options)
    due = {m: g for m, g in goals.items() if pd.Timestamp(*m, 1) <= last}
    want = Desk(sales, due, plan_of, year_start, wide).pay(returns)
    assert [(d.year, d.month) for d in got["date"]] == sorted(want)
    for rule in RULES:
        cents = [want[m][rule] for m in sorted(want)]
        assert [round(v * 100) for v in got[rule]] == cents, (rule, plans)
    added = trace(frame, plans, **options).groupby("date")["pay"].sum()
    paid = got.set_index("date")["payout"]
    pd.testing.assert_series_equal(
        added.reindex(paid.index, fill_value=0.0), paid, check_names=False, atol=1e-9 * size + 1e-6
    )
