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


def monthly(amounts):
    dates = [f"2025-{m:02d}-10" for m in range(1, len(amounts) + 1)]
    return pd.DataFrame({"rep": "a", "date": dates, "amount": amounts})


def test_a_quarter_goal_is_climbed_to_month_by_month():
    # Sales Cookie, "How to calculate sales commissions for monthly plans with quarterly targets"
    # (9 May 2019): goal 250K; 3 % to half of it, 7 % to all of it, 12 % beyond. Each month is
    # computed from the start of the quarter, less what was paid in it.
    goal = pd.DataFrame({"rep": ["a", "a"], "period": ["2025Q1", "2025Q2"], "target": 250_000.0})
    plan = CommissionPlan([(0, 0.03), (0.5, 0.07), (1, 0.12)], cumulative="Q")
    got = payout(monthly([100_000.0] * 4), plan, by="rep", targets=goal)
    q1 = 125_000 * 0.03 + 125_000 * 0.07 + 50_000 * 0.12
    assert got["payout"].tolist() == [3000, 6000, q1 - 9000, 3000]
    assert got["target"].tolist() == [250_000] * 4


def test_attainment_to_date_may_set_the_rate_of_the_period_alone():
    # Sales Cookie, "Recipe: how to set up a monthly plan with YTD attainment": approach 1
    # deducts what was paid before, approach 2 pays the transactions of the period only.
    goal = pd.DataFrame({"rep": ["a"], "period_start": ["2025-01-01"], "period_end": ["2025-12-31"],
                         "target": [250_000.0]})  # fmt: skip
    for true_up, want in ((True, [6000, 10_000, 20_000]), (False, [6000, 8000, 12_000])):
        for round_at in ("row", "period", "rep"):
            plan = CommissionPlan([(0, 0.06), (0.8, 0.08), (1.2, 0.12)], mode="retroactive",
                                  cumulative=True, true_up=true_up, round_at=round_at)  # fmt: skip
            args = {"by": "rep", "targets": goal}
            deals = monthly([100_000.0] * 3)
            assert payout(deals, plan, **args)["payout"].tolist() == want
            assert trace(deals, plan, **args)["pay"].sum() == sum(want)


def test_overachievement_of_an_annual_quota():
    # MrExcel thread 857705: 2 % of the annual opportunity of 21,000 for each 1 % over the annual
    # quota up to 150 %, 1 % up to 200 %, nothing beyond; what the year earned before is set off.
    # (Two sums of the thread are added up wrongly in it; the parts are its own.)
    year = pd.DataFrame({"rep": ["a"], "period_start": ["2025-01-01"], "period_end": ["2025-12-31"],
                         "target": [1_000_000.0], "target_pay": [21_000.0]})  # fmt: skip
    plan = CommissionPlan([(0, 0), (1, 1), (1.5, 2), (2, 2.5)], mode="interpolated",
                          pays="target_pay", cumulative=True)  # fmt: skip
    deals = monthly([1_050_000.0, 100_000.0, 1_000_000.0])
    got = payout(deals, plan, by="rep", targets=year)
    assert got["payout"].tolist() == [21_000 + 2100, 6300 - 2100, 2.5 * 21_000 - 27_300]


def test_oracle_interpolated_amounts_one_by_one_and_by_month():
    # Oracle Fusion, "Examples of Calculating Earnings Using Interpolated Rates": 10, 40, 100 and
    # 2,000 for the whole of each tier; 149 for the transactions one by one.
    tiers = [(0, 0), (1000, 10), (3000, 50), (8000, 150), (20_000, 2150)]
    deals = pd.DataFrame({"rep": "a", "amount": [200, 300, 1500, 1200, 2000, 4500]})
    plan = CommissionPlan(tiers, base="amount", mode="interpolated", pays="flat", scope="row")
    assert trace(deals, plan, by="rep").sort_values("row")["pay"].tolist() == [2, 3, 20, 14, 30, 80]
    assert payout(deals, plan, by="rep")["payout"].tolist() == [149]


def test_oracle_recoverable_draw_of_six_months():
    # Oracle Siebel Incentive Compensation Administration Guide, "Recoverable Draw Scenario",
    # table 4.
    earned = pd.DataFrame({"rep": "a", "period": range(1, 7),
                           "amount": [2750, 3000, 1500, 2375, 3000, 2750]})  # fmt: skip
    got = payout(earned, CommissionPlan([(0, 1)], base="amount", draw=2000), by="rep")
    assert got["payout"].tolist() == [2750, 3000, 2000, 2000, 2875, 2750]
    assert got["balance"].tolist() == [0, 0, 500, 125, 0, 0]


@pytest.mark.parametrize(("recoverable", "paid"), [(True, [1500, 2000]), (False, [1500, 3000])])
def test_xactly_draws(recoverable, paid):
    # Xactly, "The non-recoverable draw against commission": August 500, September 3,000.
    plan = CommissionPlan([(0, 1)], base="amount",
                          draw={"amount": 1500, "recoverable": recoverable})  # fmt: skip
    earned = pd.DataFrame({"rep": "a", "period": [8, 9], "amount": [500, 3000]})
    assert payout(earned, plan, by="rep")["payout"].tolist() == paid


@pytest.mark.parametrize(
    ("tiers", "sales", "pay"),
    [
        # O. Cronquist, get-digital-help.com, "How to do tiered calculations in one formula".
        ([(0, 0.045), (100_000, 0.02), (250_000, 0.012), (500_000, 0.002)],
         [65_000, 125_000, 280_000, 540_000], [2925, 5000, 7860, 10_580]),
        # 阶梯提成: studyofnet.com 469505589, 38,000 of sales.
        ([(0, 0.01), (10_000, 0.02), (30_000, 0.03)], [38_000], [740]),
        # sparrowgenie.com, "Non-retroactive commission".
        ([(0, 0.03), (300_000, 0.05), (500_000, 0.07)], [600_000], [26_000]),
    ],
)  # fmt: skip
def test_tiers_of_formula_threads(tiers, sales, pay):
    frame = pd.DataFrame({"rep": range(len(sales)), "amount": sales})
    got = payout(frame, CommissionPlan(tiers, base="amount"), by="rep")
    assert got["payout"].tolist() == pay


def test_accelerators_wait_for_the_year_to_date():
    # Excel Forum thread 861932: 5 % to the quarter's 100,000, 6 % to 125,000, 7 % beyond; none of
    # it while the year to date is short (there 50,000 and 75,000 before a strong third quarter).
    deals = pd.DataFrame({"rep": "a", "period": ["2025Q1", "2025Q2", "2025Q3", "2025Q4"],
                          "amount": [50_000, 75_000, 150_000, 150_000],
                          "target": 100_000})  # fmt: skip
    plan = CommissionPlan([(0, 0.05), (1, 0.06), (1.25, 0.07)], gate=1.0)
    got = payout(deals, plan, by="rep", freq="Q")["payout"].tolist()
    # 275,000 of 300,000 to date in the third quarter: held; 425,000 of 400,000 in the fourth.
    assert got == [2500, 3750, 7500, 5000 + 1500 + 1750]


def test_payout_curve_of_quota_attainment():
    # Excel Campus, "Calculate commissions with tiered rate structure" (14 October 2020): 20 % of
    # the commission at 40 % of quota, 35 % at 60 %; half of the quota pays 27.5 %.
    frame = pd.DataFrame({"rep": list("abc"), "amount": [40, 50, 60], "target": 100,
                          "target_pay": 1000})  # fmt: skip
    plan = CommissionPlan([(0, 0), (0.4, 0.2), (0.6, 0.35)], mode="interpolated",
                          pays="target_pay")  # fmt: skip
    assert payout(frame, plan, by="rep")["payout"].tolist() == [200, 275, 350]


def test_a_tier_that_lifts_all_below_it_beside_one_that_does_not():
    # QuotaPath, "Commission with accelerators and decelerators", sample account executive:
    # monthly quota 33,000; 5 % to half of it, then 10 % on all, 20 % on what exceeds the quota.
    # Two plans: what every sale earns, and what comes on top once the half is met.
    sales = pd.DataFrame({"rep": list("abcd"), "amount": [10_000, 16_500, 30_000, 40_000],
                          "target": 33_000})  # fmt: skip
    base = CommissionPlan([(0, 0.05)])
    more = CommissionPlan([(0, 0.05), (1, 0.15)], threshold=0.5)
    got = sum(payout(sales, p, by="rep")["payout"] for p in (base, more))
    assert got.tolist() == [500, 1650, 3000, 3300 + 7000 * 0.2]
