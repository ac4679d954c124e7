"""What a plan costs, where it jumps, how evenly it pays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesmgmt import InputError
from salesmgmt.incentives import (
    CommissionPlan,
    adjustments,
    bonus_tax,
    cliffs,
    fairness,
    pay_curve,
    payout,
    simulate_payout,
)

INCOMES = [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261]


def values(frame):
    return frame.set_index("metric")["value"]


def test_gini_of_the_ineq_documentation():
    got = values(fairness(pd.DataFrame({"payout": INCOMES})))
    assert got["gini"] == pytest.approx(0.4620911, abs=1e-6)
    assert got["gini_corrected"] == pytest.approx(0.5134346, abs=1e-6)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30).filter(any))
def test_gini_is_the_mean_difference(pays):
    x = np.array(pays, dtype=float)
    want = np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean())
    assert values(fairness(pd.DataFrame({"payout": pays})))["gini"] == pytest.approx(want)


def test_slope_and_mix_by_hand():
    frame = pd.DataFrame({"rep": ["a", "b", "c"], "attainment": [0.5, 1.0, 1.5],
                          "payout": [100.0, 200, 300], "base": 300.0})  # fmt: skip
    got = values(fairness(frame, base_pay="base"))
    assert got["slope"] == pytest.approx(200)
    assert got["r2"] == pytest.approx(1)
    assert got["variable_share"] == pytest.approx(600 / 1500)
    teams = fairness(frame.assign(team=["x", "x", "y"]), group="team")
    assert teams["team"].unique().tolist() == ["all", "x", "y"]
    twice = pd.concat([frame, frame])
    assert values(fairness(twice, by="rep"))["mean_pay"] == 400


def test_simulation_is_the_payout_of_each_draw():
    rng = np.random.default_rng(0)
    draws = pd.DataFrame(
        {
            "rep": np.tile(["a", "b"], 12),
            "date": np.repeat(pd.date_range("2025-01-01", periods=3, freq="MS"), 8),
            "draw": np.tile(np.repeat([0, 1, 2, 3], 2), 3),
            "amount": rng.uniform(50, 200, 24).round(2),
        }
    )
    plan = CommissionPlan([(0, 0.03), (1.0, 0.08)], gate=1.0, draw=2, cap=9)
    goals = pd.Series({"a": 100.0, "b": 120.0})
    got = simulate_payout(draws, plan, targets=goals)
    for draw, part in draws.groupby("draw"):
        want = payout(part, plan, by="rep", targets=goals)
        row = got[got["draw"] == draw].iloc[0]
        assert row["payout"] == pytest.approx(want["payout"].sum())
        assert row["amount"] == pytest.approx(part["amount"].sum())
        assert row["capped"] == (want["cap"] < 0).sum()
    scaled = simulate_payout(draws, plan, targets=goals, quotas=[1.0, 1.1])
    assert scaled["quota"].tolist() == [1.0] * 4 + [1.1] * 4
    higher = simulate_payout(draws, plan, targets=(goals * 1.1).round(2))
    np.testing.assert_allclose(scaled["payout"][:4], got["payout"])
    np.testing.assert_allclose(scaled["payout"][4:], higher["payout"])


@pytest.mark.parametrize(
    "pool",
    [
        {"by": "team", "rate": 0.01},
        {"by": "team", "amount": 33.33, "share": "equal"},
        {"by": "team", "amount": 100, "threshold": 0.9},
    ],
)
def test_every_draw_has_its_own_pools(pool):
    rng = np.random.default_rng(4)
    keys = pd.MultiIndex.from_product(
        [["a", "b", "c"], pd.date_range("2025-01-01", periods=3, freq="MS"), range(4)],
        names=["rep", "date", "draw"],
    )
    draws = keys.to_frame(index=False)
    draws["amount"] = np.round(rng.random(len(draws)) * 2500 - 300, 2)
    draws["team"] = np.where(draws["rep"] == "c", "y", "x")
    plan = CommissionPlan([(0, 0.02), (1, 0.05)], pool=pool, round_at="period")
    targets = pd.Series({"a": 900.0, "b": 1200.0, "c": 1000.0}).rename_axis("rep")
    got = simulate_payout(draws, plan, by="rep", targets=targets)
    for draw, want in got.set_index("draw")["payout"].items():
        one = draws[draws["draw"] == draw].drop(columns="draw")
        paid = payout(one, plan, by="rep", targets=targets)
        assert round(paid["payout"].sum(), 2) == want
        assert paid["pool"].sum() > 0


def test_actuals_without_draws_are_one_future():
    sales = pd.DataFrame({"rep": ["a"], "date": ["2025-01-01"], "amount": [100.0]})
    got = simulate_payout(sales, CommissionPlan([(0, 0.1)], base="amount"))
    assert got[["draw", "payout"]].to_numpy().tolist() == [[0, 10.0]]


@pytest.mark.parametrize(
    "plan",
    [
        CommissionPlan([(0, 0.02), (0.8, 0.05), (1.2, 0.04)], mode="retroactive"),
        CommissionPlan([(0, 0.02), (0.8, 0.05)], threshold=0.5),
        CommissionPlan([(0, 0), (0.7, 50), (1.1, 30)], pays="flat"),
        CommissionPlan([(0, 0.5), (1.0, 1.0)], pays="target_pay", mode="retroactive"),
        CommissionPlan([(0, 0.02), (0.8, 0.05), (1.2, 0.09)], mode="retroactive", cap=47.5),
        CommissionPlan([(0, 0.02), (0.8, 0.05)], mode="retroactive", cap={"target_pay": 0.05}),
    ],
)
def test_every_cliff_is_on_the_curve_and_nowhere_else_is_one(plan):
    options = {"target": 1000.0, "target_pay": 200.0}
    got = cliffs(plan, **options)
    sold = np.arange(0, 150_001) / 100
    frame = pd.DataFrame({"k": range(len(sold)), "amount": sold, "target": 1000.0,
                          "target_pay": 200.0})  # fmt: skip
    paid = payout(frame, plan, by="k")["payout"].to_numpy()
    jumps = np.flatnonzero(np.abs(np.diff(paid)) > 0.02) + 1
    assert sold[jumps].tolist() == got["at"].tolist()
    np.testing.assert_allclose(paid[jumps - 1], got["below"], atol=0.011)
    np.testing.assert_allclose(paid[jumps], got["above"], atol=0.011)


def test_nothing_is_steep_beyond_the_cap_and_no_cliffs_are_still_numbers():
    capped = CommissionPlan([(0, 0.1), (1, 0.4)], cap=100)
    assert cliffs(capped, target=1000.0, margin=0.3).empty
    assert cliffs(capped)["at"].dtype == "float64"
    with pytest.raises(InputError, match=r"cliffs.*target_pay; give it"):
        cliffs(CommissionPlan([(0, 0.1)], cap={"target_pay": 2}))


def test_a_smooth_plan_has_no_cliffs_and_a_greedy_one_is_steep():
    assert cliffs(CommissionPlan([(0, 0.1), (1, 0.2)])).empty
    assert cliffs(CommissionPlan([(0, 0.1), (1, 0.2)], mode="interpolated")).empty
    steep = cliffs(CommissionPlan([(0, 0.1), (1, 0.4)]), margin=0.3)
    assert steep[["at", "kind"]].to_numpy().tolist() == [[1.0, "steep"]]


def test_the_curve_is_the_payout():
    plan = CommissionPlan([(0, 0.02), (1.0, 0.05)], gate=1.0, cap=30, draw=5)
    got = pay_curve(plan, target=500, points=101)
    frame = got[["amount"]].assign(k=range(101), target=500.0)
    want = payout(frame, CommissionPlan(plan.tiers, cap=30, draw=5), by="k")
    np.testing.assert_allclose(got["payout"], want["payout"])
    with pytest.raises(InputError, match="need target="):
        pay_curve(plan)


def test_adjustments_are_the_difference():
    paid = pd.DataFrame({"rep": ["a", "b"], "m": [1, 1], "payout": [10.0, 5]})
    due = pd.DataFrame({"rep": ["a", "b", "b"], "m": [1, 1, 2], "payout": [10.0, 7.5, 1]})
    got = adjustments(paid, due, by=["rep", "m"])
    assert got["adjustment"].tolist() == [2.5, 1.0]


# Edges of the lump-sum table and the bonus from which it pays again, as widely published.
BLIND = [
    (36_000, 38_566.67),
    (144_000, 160_500.00),
    (300_000, 318_333.33),
    (420_000, 447_500.00),
    (660_000, 706_538.46),
    (960_000, 1_120_000.00),
]


@pytest.mark.parametrize(("edge", "end"), BLIND)
def test_cliffs_of_the_year_end_bonus(edge, end):
    got = bonus_tax(pd.Series([edge, edge + 0.01, end - 1, end + 1]))
    assert got["in_cliff"].tolist() == [False, True, True, False]
    assert got["cliff_end"].iloc[1] == pytest.approx(end, abs=0.011)
    assert got["better_bonus"].iloc[1] == edge
    assert got["net"].iloc[3] > got["net"].iloc[0] > got["net"].iloc[2]


def test_bonus_with_and_apart_from_income():
    got = bonus_tax(pd.Series([30_000.0, 30_000.0], index=["x", "x"]), taxable_income=0)
    assert got["tax"].tolist() == [900, 900]
    assert got["tax_together"].tolist() == [900, 900]
    rich = bonus_tax(pd.Series([30_000.0]), taxable_income=300_000)
    assert rich["tax_together"].iloc[0] == 30_000 * 0.25
    assert rich["cheaper"].iloc[0] == "lump_sum"
    poor = bonus_tax(pd.Series([40_000.0]), taxable_income=0)
    assert (poor["tax"].iloc[0], poor["tax_together"].iloc[0]) == (3790, 1480)
    assert poor["cheaper"].iloc[0] == "together"
