"""Draws, balances owed and returns of earlier periods, against a reckoning in fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from math import floor

import pandas as pd
import pytest

from salesmgmt.incentives import CommissionPlan, payout

TIERS = ((0, "0.03"), (2000, "0.05"), (5000, "0.08"))
PLAN = {"tiers": [(start, float(rate)) for start, rate in TIERS], "base": "amount"}
PLAN |= {"round_at": "period"}


def cents(x: Fraction) -> Fraction:
    """Rounded half away from zero."""
    size = Fraction(floor(abs(x) * 100 + Fraction(1, 2)), 100)
    return size if x >= 0 else -size


def commission(total: Fraction, mode: str) -> Fraction:
    if total <= 0 or mode == "retroactive":
        reached = [Fraction(rate) for start, rate in TIERS if total >= start]
        return cents(total * (reached or [Fraction(TIERS[0][1])])[-1])
    ends = [*(start for start, _ in TIERS[1:]), None]
    pay = Fraction(0)
    for (start, rate), end in zip(TIERS, ends, strict=True):
        inside = (total if end is None else min(total, Fraction(end))) - start
        pay += max(inside, Fraction(0)) * Fraction(rate)
    return cents(pay)


def settled(earned: list[Fraction], carry: bool, draw: dict | None) -> list[tuple]:
    """Payout and balance, period by period: one account for draws and for returns carried over."""
    owed, out = Fraction(0), []
    for pay in earned:
        if pay < 0:
            owed += -pay if carry else 0
            pay = Fraction(0)
        least = Fraction(str(draw["amount"])) if draw else Fraction(0)
        if pay < least:
            top = least - pay
            if draw.get("recoverable", True):
                if "limit" in draw:
                    top = max(min(top, draw["limit"] - owed), Fraction(0))
                owed += top
            pay += top
        else:
            share = Fraction(str((draw or {}).get("share", 1)))
            back = min(owed, Fraction(floor(share * (pay - least) * 100), 100))
            owed, pay = owed - back, pay - back
        out.append((pay, owed))
    return out


@pytest.mark.parametrize("seed", range(40))
def test_draws_and_what_is_owed(seed):
    rng = random.Random(seed)
    amounts = [round(rng.choice([0, rng.uniform(-3000, 8000)]), 2) for _ in range(8)]
    carry = rng.random() < 0.6
    draw = rng.choice(
        [
            None,
            {"amount": 250.5},
            {"amount": 200, "share": rng.choice([0.5, 0.33, 0])},
            {"amount": 200, "limit": rng.choice([150, 500])},
            {"amount": 150, "recoverable": False},
        ]
    )
    days = pd.date_range("2025-01-05", periods=8, freq="MS")
    sales = pd.DataFrame({"rep": "a", "date": days, "amount": amounts})
    plan = CommissionPlan(**PLAN, draw=draw, clawback="carry" if carry else None)
    made = payout(sales.sample(frac=1, random_state=seed), plan, by="rep")
    earned = [commission(Fraction(str(a)), "marginal") for a in amounts]
    found = [(Fraction(str(p)), Fraction(str(b))) for p, b in zip(made["payout"], made["balance"])]
    assert found == settled(earned, carry, draw)


@pytest.mark.parametrize("seed", range(40))
def test_returns_of_earlier_periods(seed):
    """What the period of the sale would have paid without them, under its ceiling, is due now."""
    rng = random.Random(seed)
    mode, cap = rng.choice(["marginal", "retroactive"]), rng.choice([None, 150])
    within = rng.choice([None, 45])
    rows = []
    for month in range(5):
        for _ in range(rng.randint(1, 3)):
            day = pd.Timestamp("2025-01-01") + pd.DateOffset(months=month, days=rng.randint(0, 27))
            rows.append((day, day, round(rng.uniform(100, 4000), 2)))
            if rng.random() < 0.4:
                back = day + pd.Timedelta(days=rng.randint(0, 120))
                rows.append((back, day, -rows[-1][2]))
    sales = pd.DataFrame(rows, columns=["date", "sale_date", "amount"]).assign(rep="a")
    rule = {"basis": "original", "settle": "pay"} | ({"within_days": within} if within else {})
    plan = CommissionPlan(**PLAN, mode=mode, cap=cap, clawback=rule)
    made = payout(sales.sample(frac=1, random_state=seed), plan, by="rep")

    def due(total: Fraction) -> Fraction:
        pay = commission(total, mode)
        return pay if cap is None else min(pay, Fraction(cap))

    sold: dict[pd.Period, Fraction] = {}
    later = []
    for day, of, amount in rows:
        now, then, worth = day.to_period("M"), of.to_period("M"), Fraction(str(amount))
        if now == then:
            sold[now] = sold.get(now, Fraction(0)) + worth
        elif within is None or (day - of).days <= within:
            later.append((now, then, worth))
    left, taken = dict(sold), {}
    for now, then, worth in sorted(later, key=lambda v: v[:2]):
        taken[now] = taken.get(now, Fraction(0)) + due(left[then]) - due(left[then] + worth)
        left[then] += worth
    for day, earned in zip(made["date"], made["earned"], strict=True):
        now = day.to_period("M")
        assert Fraction(str(earned)) == due(sold.get(now, Fraction(0))) - taken.get(now, 0)
