"""Totals near the largest that whole cents of float64 can hold, and over-assigned negatives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine.controlled_rounding import Tree, round_tree
from salesmgmt.engine.units import to_units
from salesmgmt.targets import (
    allocate,
    decompose,
    disaggregate,
    reconcile,
    replan,
    roll_up,
    round_plan,
)

YEAR = ("2025-01-01", "2025-12-31", "M")


def cents(values) -> int:
    return int(to_units(np.asarray(values, dtype=np.float64)).sum())


def team(n: int, seed: int) -> pd.Series:
    rng = np.random.default_rng(seed)
    keys = [(f"t{i % 3}", f"r{i:02d}") for i in range(n)]
    weights = rng.integers(1, 100, n) if seed % 2 else np.ones(n)
    return pd.Series(weights.astype(float), pd.MultiIndex.from_tuples(keys, names=["team", "rep"]))


@pytest.mark.parametrize("total", [1e11, 1e12, 1e13, 8e13])
@pytest.mark.parametrize(
    "periods",
    [
        YEAR,
        ("2025-01-01", "2025-12-31", ("W", "M")),
        ("2025-01-01", "2025-03-31", "D"),
    ],
    ids=["months", "weeks and months", "days"],
)
def test_trillions_are_broken_down_to_the_cent(total, periods):
    for seed in range(4):
        weights = team(5 + 8 * seed, seed)
        plan = decompose(total, periods=periods, weights=weights)
        assert cents(plan["target"]) == round(total * 100)
        rows = plan.groupby("rep")["target"].sum().to_numpy()
        ideal = (weights / weights.sum()).droplevel("team").sort_index().to_numpy() * total
        # A float of 1e15 cents has eighths of a cent.
        assert np.abs(rows - ideal).max() < 0.01 + 2e-15 * total
        months = roll_up(plan, levels="rep", freq="Q")
        assert cents(months["target"]) == round(total * 100)


@pytest.mark.parametrize("total", [1e12, 8e13])
def test_years_and_locks_of_trillions_are_met(total):
    years = pd.Series({2025: total, 2026: total / 10})
    plan = decompose(
        years, periods=("2025-01-01", "2026-12-31", "Q"), weights=team(7, 1),
        overassign={"rep": 1.05},
    )  # fmt: skip
    got = plan.groupby(plan["period_start"].dt.year)["target"].apply(cents)
    assert got.tolist() == [round(total * 100), round(total * 10)]
    lock = pd.Series({"r00": round(total * 0.013, 2)}).rename_axis("rep")
    plan = decompose(total, periods=YEAR, weights=team(7, 1), locked=lock)
    assert cents(plan.loc[plan["rep"] == "r00", "target"]) == cents(lock)


@pytest.mark.parametrize("method", ["proportional", "even", "catch_up", "minimal"])
def test_trillions_are_replanned_and_agreed_to_the_cent(method):
    total = 1e13
    rng = np.random.default_rng(5)
    weights = pd.Series(rng.random(7), index=[f"r{i}" for i in range(7)]).rename_axis("rep")
    plan = decompose(total, periods=YEAR, weights=weights)
    sales = pd.DataFrame(
        {
            "rep": rng.choice(weights.index, 200),
            "date": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 120, 200), "D"),
            "amount": np.round(rng.random(200) * total / 400, 2),
        }
    )
    assert cents(replan(plan, sales, as_of="2025-04-30", method=method)["target"]) == 10**15
    moved = replan(plan, None, as_of="2025-04-30", leavers={"r1": "2025-05-10"})
    assert cents(moved["target"]) == 10**15
    above = allocate(total, weights)
    assert cents(reconcile(above, above[::-1] * 1.1)["target"]) == 10**15
    assert cents(disaggregate(pd.Series({2025: total}), freq="M", step=0.01)["amount"]) == 10**15
    assert cents(round_plan(plan, step=1000)["target"]) == 10**15


def test_children_add_up_whatever_floats_lose():
    tree = Tree((np.zeros(2, dtype=np.int64), np.array([0, 0, 1, 1, 1])))
    ideal = [np.array([3.0, 7.0]) * 1e14, np.array([1.5, 1.5, 2.0, 2.0, 3.0]) * 1e14]
    for off in (-9, -1, 1, 4, 12):
        levels = round_tree(ideal, tree, 10**15 + off)
        assert [int(level.sum()) for level in levels] == [10**15 + off] * 2
        assert np.abs(np.diff(levels[1] - ideal[1])).max() <= 12


@pytest.mark.parametrize("total", [-666_495.0, pd.Series({2025: 900.0, 2026: -900.0})])
def test_what_is_below_zero_is_over_assigned_too(total):
    plan = decompose(
        total, periods=("2025-01-01", "2026-12-31", "Q"), weights=team(4, 1),
        overassign={"rep": 1.1},
    )  # fmt: skip
    whole = np.rint(plan[["target", "assigned"]].to_numpy() * 100)
    assert whole[:, 1].sum() == round(1.1 * whole[:, 0].sum())
    assert np.abs(whole[:, 1] - 1.1 * whole[:, 0]).max() < 2.2
