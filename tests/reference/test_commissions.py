"""Published commission examples, to the cent."""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt.incentives import CommissionPlan, payout, trace


def test_spiff_trailhead_marginal_with_prior_attainment():
    tiers = [(0, 150_000, 0.04), (150_000, 250_000, 0.06), (250_000, None, 0.08)]
    deals = pd.DataFrame({"rep": "a", "period": [1, 2], "amount": [145_000, 20_000]})
    plan = CommissionPlan(tiers, base="amount", cumulative=True)
    got = payout(deals, plan, by="rep")
    assert got["payout"].tolist() == [5800, 1100]
    assert got["payout"].iloc[1] / 20_000 == 0.055
    rows = trace(deals, plan, by="rep")
    assert rows.loc[rows["period"] == 2, "pay"].tolist() == [200, 900]


def test_oracle_step_rates_on_each_transaction_alone():
    tiers = [(0, 1000, 0.01), (1000, 3000, 0.02), (3000, 8000, 0.03), (8000, 20000, 0.05)]
    deals = pd.DataFrame({"rep": "a", "amount": [200, 300, 1500, 1200, 2000, 4500]})
    plan = CommissionPlan(tiers, base="amount", scope="row")
    assert payout(deals, plan, by="rep")["payout"].tolist() == [164]
    rows = trace(deals, plan, by="rep").sort_values("row")
    assert rows["pay"].tolist() == [2, 3, 20, 14, 30, 95]


def test_oracle_recoverable_draw():
    earnings = pd.DataFrame({"rep": "a", "period": [1, 2, 3, 4], "amount": [500, 700, 400, 1800]})
    plan = CommissionPlan([(0, 1.0)], base="amount", draw=1000)
    got = payout(earnings, plan, by="rep")
    assert got["payout"].tolist() == [1000, 1000, 1000, 1000]
    assert got["balance"].tolist() == [500, 800, 1400, 600]
    assert got["recovered"].tolist() == [0, 0, 0, -800]


def test_two_tiers_of_the_public_scenarios():
    sales = pd.DataFrame({"rep": list("abc"), "amount": [6000, 4000, 5000]})
    plan = CommissionPlan([(0, 5000, 0.10), (5000, None, 0.12)], base="amount")
    assert payout(sales, plan, by="rep")["payout"].tolist() == [620, 400, 500]


def test_three_tiers_of_the_calculator_page():
    plan = CommissionPlan([(0, 0.05), (10_000, 0.07), (25_000, 0.10)], base="amount")
    got = payout(pd.DataFrame({"rep": ["a"], "amount": [30_000]}), plan, by="rep")
    assert got["payout"].tolist() == [2050]


@pytest.mark.parametrize(("boundary", "pay"), [("upper", 6000), ("lower", 4000)])
def test_a_sale_on_the_edge_is_where_the_vendor_puts_it(boundary, pay):
    # Oracle: the higher tier; Spiff: the lower one.
    plan = CommissionPlan(
        [(0, 0.04), (100_000, 0.06)], base="amount", mode="retroactive", boundary=boundary
    )
    got = payout(pd.DataFrame({"rep": ["a"], "amount": [100_000]}), plan, by="rep")
    assert got["payout"].tolist() == [pay]
