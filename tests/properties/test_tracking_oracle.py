"""Tracking against plain loops over days: own spans, calendars, levels, directions."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from salesmgmt.targets import decompose, track

DAYS = pd.date_range("2024-01-01", "2026-01-01")


def attained(actual: float, target: float, lower: bool) -> float:
    actual, target = round(actual, 6), round(target, 6)
    if target > 0 and lower:
        return target / actual if actual > 0 else np.inf
    if target > 0:
        return actual / target
    sign = -1 if lower else 1
    if target == 0:
        return float(sign * actual >= 0)
    return 1 + sign * (actual - target) / abs(target)


def by_hand(plan, sales, as_of, weight, lower, projection):
    """One key (or several together): every sum day by day."""
    target, actual, expected, days = plan["target"].sum(), 0.0, 0.0, set()
    for row in plan.itertuples():
        own = pd.date_range(row.period_start, row.period_end)
        days |= set(own)
        whole, over = sum(weight[d] for d in own), sum(weight[d] for d in own if d <= as_of)
        if row.period_end <= as_of:
            expected += row.target
        elif row.period_start <= as_of:
            plain = sum(d <= as_of for d in own) / len(own)
            expected += row.target * (over / whole if whole > 0 else plain)
        mine = sales[(sales["rep"] == row.rep) & (sales["date"] >= row.period_start)]
        actual += mine.loc[mine["date"] <= min(row.period_end, as_of), "amount"].sum()
    passed = sum(weight[d] for d in days if d <= as_of)
    left = sum(weight[d] for d in days if d > as_of)
    run = actual / passed if passed else np.nan
    out = {"target": target, "actual": actual, "expected": expected, "gap": target - actual}
    out |= {"attainment": attained(actual, target, lower), "run_rate": run}
    out["required_rate"] = (target - actual) / left if left else np.nan
    if projection == "run_rate" and passed:
        out["projected"] = actual + left * run
    elif projection == "seasonal" and expected > 0:
        out["projected"] = actual + (target - expected) * actual / expected
    return out


@pytest.mark.parametrize("seed", range(60))
def test_tracking_is_what_plain_loops_say(seed):
    rng = random.Random(seed)
    n = rng.randint(1, 4)
    keys = pd.MultiIndex.from_tuples([(f"t{i % 2}", f"r{i}") for i in range(n)],
                                     names=["team", "rep"])  # fmt: skip
    freq = rng.choice(["M", "W", "Q"])
    plan = decompose(
        rng.choice([0.0, -500.0, 1234.56, 1e6]), periods=("2024-11-01", "2025-04-30", freq),
        weights=pd.Series([float(rng.randint(1, 5)) for _ in range(n)], keys),
    )  # fmt: skip
    late = plan["period_start"].unique()[rng.choice([0, 2, -1])]
    plan = plan[(plan["rep"] != "r0") | (plan["period_start"] >= late)]  # came in the middle
    work = pd.Series([rng.choice([0, 1, 1, 0.5]) for _ in DAYS], DAYS)
    calendar = rng.choice([None, work])
    weight = dict.fromkeys(DAYS, 1.0) if calendar is None else work.to_dict()
    many = rng.randint(1, 50)
    start = pd.Timestamp("2024-10-20")
    sales = pd.DataFrame(
        {
            "rep": [f"r{rng.randint(0, n - 1)}" for _ in range(many)],
            "date": [start + pd.Timedelta(days=rng.randint(0, 200)) for _ in range(many)],
            "amount": [
                round(rng.choice([300, 300, -60, 0]) * rng.random(), 2) for _ in range(many)
            ],
        }
    )
    as_of = start + pd.Timedelta(days=rng.randint(5, 205))
    by, lower = rng.choice([None, ["rep"], ["team"], []]), rng.random() < 0.3
    projection = rng.choice(["seasonal", "run_rate"])
    got = track(
        plan.sample(frac=1, random_state=seed), sales.sample(frac=1, random_state=seed),
        as_of=as_of, calendar=calendar, projection=projection, by=by,
        direction="lower" if lower else "higher",
    )  # fmt: skip
    names = ["team", "rep"] if by is None else by
    for row in got.itertuples():
        mine = plan
        for name in names:
            mine = mine[mine[name] == getattr(row, name)]
        for column, want in by_hand(mine, sales, as_of, weight, lower, projection).items():
            assert getattr(row, column) == pytest.approx(want, rel=1e-9, abs=1e-6, nan_ok=True), (
                column
            )
