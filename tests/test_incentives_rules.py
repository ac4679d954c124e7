"""Rules of pay worked out by hand: gates, draws, pools, period labels, cliffs."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError
from salesmgmt.incentives import (
    CommissionPlan,
    adjustments,
    bonus_tax,
    cliffs,
    fairness,
    payout,
    simulate_payout,
    trace,
)


def month(amount: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One rep's month with a target of 1,000."""
    sold = pd.DataFrame({"rep": ["a"], "date": ["2025-01-05"], "amount": [amount]})
    goal = pd.DataFrame({"rep": ["a"], "period_start": ["2025-01-01"],
                         "period_end": ["2025-01-31"], "target": [1000.0]})  # fmt: skip
    return sold, goal


def paid(plan: CommissionPlan, amount: float) -> float:
    sold, goal = month(amount)
    return payout(sold, plan, by="rep", targets=goal)["payout"].item()


def test_a_gate_holds_at_the_very_rate_it_names():
    plan = CommissionPlan([(0, 0.03), (0.8, 0.05), (1.0, 0.08)], mode="retroactive",
                          gate={"attainment": 1.5, "rate": 0.055})  # fmt: skip
    assert paid(plan, 1300) == 71.5  # 5.5 % of 1,300
    assert paid(plan, 900) == 45.0
    assert paid(plan, 1600) == 128.0  # the gate is open


def test_a_gate_on_sums_of_money_holds_at_a_sum():
    plan = CommissionPlan([(0, 10), (0.8, 50), (1.0, 80)], mode="retroactive", pays="flat",
                          gate={"attainment": 1.5, "rate": 60})  # fmt: skip
    assert (paid(plan, 900), paid(plan, 1300), paid(plan, 1600)) == (50, 60, 80)


@pytest.mark.parametrize("gate", [1.5, {"attainment": 1.5, "rate": 0.02}])
def test_a_gate_leaves_tiers_before_the_target_as_they_are(gate):
    plan = CommissionPlan([(0, 0.05), (0.8, 0.03), (1.0, 0.08)], mode="retroactive", gate=gate)
    held = 0.03 if gate == 1.5 else 0.02
    assert paid(plan, 500) == 25.0
    assert paid(plan, 900) == 27.0
    assert paid(plan, 1100) == pytest.approx(1100 * held)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2024-12", "2025-01"),
        ("2024-12-31", "2025-01-31"),
        (202412, 202501),
        ("2024Q4", "2025Q1"),
        ("2024年12月", "2025年1月"),
        (2024, 2025),
        ("Dec-24", "Jan-25"),
        ("December 2024", "Jan 2025"),
        ("Q4 2024", "Q1 2025"),
        ("FY24", "FY25"),
        ("H2 2024", "H1 2025"),
        ("2024下半年", "2025上半年"),
        ("2024-W52", "2025-W01"),
        ("12/2024", "01/2025"),
        (pd.Period("2024-12", "M"), pd.Period("2025-01", "M")),
    ],
)
def test_a_new_year_begins_with_a_period_label_too(before, after):
    sold = pd.DataFrame({"rep": "a", "period": [before, after], "amount": [900.0, 900.0]})
    plan = CommissionPlan([(0, 0.01), (1000, 0.10)], base="amount", cumulative=True)
    assert payout(sold, plan, by="rep")["payout"].tolist() == [9.0, 9.0]


def test_a_fiscal_year_goes_on_through_december():
    sold = pd.DataFrame({"rep": "a", "period": ["2024-12", "2025-01"], "amount": [900.0, 900.0]})
    plan = CommissionPlan([(0, 0.01), (1000, 0.10)], base="amount", cumulative=True)
    out = payout(sold, plan, by="rep", year_start=4)
    assert out["payout"].tolist() == [9.0, 81.0]  # 100 at 1 %, 800 at 10 %


@pytest.mark.parametrize(
    "labels",
    [
        ["2025-9", "2025-10", "2025-11"],
        ["P9", "P10", "P11"],
        ["Jan", "Feb", "Mar"],
        ["9月", "10月", "11月"],
        ["第一季度", "第二季度", "第三季度"],
        ["Jul-25", "Aug-25", "Sept 2025"],
        ["Q1 2025", "Q2 2025", "Q3 2025"],
        ["FY25-Q1", "FY25-Q2", "Q3 FY25"],
        ["1Q25", "2Q25", "3Q25"],
        ["9/2025", "10/2025", "11.2025"],
        ["Mar-05", "Mar-12", "Mar-19"],
        ["2025-W9", "2025-W10", "2025-W11"],
    ],
)
def test_period_labels_are_taken_in_the_order_of_time(labels):
    plan = CommissionPlan([(0, 0.0), (1000, 0.10)], base="amount", cumulative=True)
    for order in itertools.permutations(range(3)):
        sold = pd.DataFrame({"rep": "a", "period": labels, "amount": [600.0, 500.0, 400.0]})
        out = payout(sold.iloc[list(order)], plan, by="rep")
        assert out["period"].tolist() == labels
        assert out["payout"].tolist() == [0.0, 10.0, 40.0]


def test_a_draw_is_due_in_a_month_without_sales():
    sold = pd.DataFrame({"rep": ["a", "a", "b"], "amount": [2600.0, 1500.0, 100.0],
                         "date": ["2025-04-05", "2025-06-05", "2025-06-01"]})  # fmt: skip
    out = payout(sold, CommissionPlan([(0, 1.0)], base="amount", draw=1000), by="rep")
    assert out["rep"].tolist() == ["a", "a", "a", "b"]
    assert out["payout"].tolist() == [2600.0, 1000.0, 1000.0, 1000.0]
    assert out["balance"].tolist() == [0.0, 1000.0, 500.0, 900.0]


def test_a_fixed_pool_without_sales_is_divided_evenly():
    sold = pd.DataFrame({"rep": list("abc"), "team": "t", "amount": [0.0, 0.0, -5.0]})
    plan = CommissionPlan([(0, 0)], base="amount", pool={"by": "team", "amount": 99})
    assert payout(sold, plan, by="rep")["pool"].tolist() == [33.0, 33.0, 33.0]


def test_which_of_two_like_sales_is_collected_first_is_no_matter():
    sold = pd.DataFrame(
        {
            "rep": "a",
            "date": "2025-01-05",
            "amount": [33.35] * 3,
            "collected_date": ["2025-01-31", "2025-02-05", "2025-03-05"],
        }
    )
    sold = pd.concat([sold, sold.assign(date=["2025-02-01"] * 3)])
    plan = CommissionPlan([(0, 0.1)], base="amount", pay_on="collection", round_at="period")
    first = payout(sold, plan, by="rep")
    for order in itertools.islice(itertools.permutations(range(6)), 0, None, 11):
        pd.testing.assert_frame_equal(payout(sold.iloc[list(order)], plan, by="rep"), first)


def test_a_rising_rate_gets_too_steep_inside_its_tier():
    # Pay x * 0.9 x / 100: one more yuan pays 0.018 x, which is 1 at 55.56 and 1.8 at 100.
    plan = CommissionPlan([(0, 0.0), (1.0, 0.9)], mode="interpolated")
    out = cliffs(plan, target=100)
    assert out["kind"].tolist() == ["steep"]
    assert out["at"].item() == pytest.approx(100 / 1.8)
    assert out["rate_after"].item() == pytest.approx(1.0)
    assert cliffs(plan, target=100, margin=1.81).empty


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"draw": {"amount": 10, "recoverable": False, "limit": 5}}, "limit"),
        ({"draw": {"limit": 5}}, "amount"),
        ({"start": "2025-03-01", "end": "2025-01-01"}, "before start"),
        ({"tiers": [(0, 10, 0.1), (10, 5, 0.2)]}, "tier 2 ends at 5"),
        ({"spiffs": 5}, "spiffs"),
        ({"multiplier": 5}, "multiplier"),
    ],
)
def test_rules_without_sense_name_themselves(options, says):
    with pytest.raises(InputError, match=says):
        CommissionPlan(**{"tiers": [(0, 0.1)], **options})


def test_draws_that_lack_a_payee_and_empty_scenarios_are_refused():
    draws = pd.DataFrame({"rep": ["a", "a", "b"], "date": "2025-01-01", "draw": [0, 1, 0],
                          "amount": [800.0, 1200.0, 500.0]})  # fmt: skip
    plan = CommissionPlan([(0, 0.1)], base="amount")
    with pytest.raises(InputError, match=r"1 pair.*first: b, draw 1"):
        simulate_payout(draws, plan)
    with pytest.raises(InputError, match="quotas"):
        simulate_payout(draws[:2], plan, quotas=[])


def test_sales_of_two_currencies_are_never_added():
    sold = pd.DataFrame({"rep": ["a", "a"], "currency": ["CNY", "USD"], "amount": [100.0, 50.0]})
    plan = CommissionPlan([(0, 0.1)], base="amount")
    with pytest.raises(InputError, match="currencies"):
        payout(sold, plan, by="rep")
    assert payout(sold, plan, by=["rep", "currency"])["payout"].tolist() == [10.0, 5.0]


def test_payees_keep_their_dtype_beside_those_who_share():
    sold = pd.DataFrame({"rep": ["a", "b"], "mate": [None, None], "amount": [100.0, 50.0]})
    plan = CommissionPlan([(0, 0.1)], base="amount", splits={"rep": 0.7, "mate": 0.3})
    for dtype in ("category", "string", "object"):
        typed = sold.astype({"rep": dtype})
        assert payout(typed, plan, by="rep")["rep"].dtype == typed["rep"].dtype


def test_a_member_who_sold_nothing_is_still_in_the_team():
    sold = pd.DataFrame({"rep": ["a", "b", "a"], "team": "t", "amount": [100.0, 100.0, 100.0],
                         "date": ["2025-01-05", "2025-01-06", "2025-02-05"]})  # fmt: skip
    goals = pd.DataFrame({"rep": ["a", "b"] * 2, "target": 100.0,
                          "period_start": ["2025-01-01"] * 2 + ["2025-02-01"] * 2,
                          "period_end": ["2025-01-31"] * 2 + ["2025-02-28"] * 2})  # fmt: skip
    pool = {"by": "team", "amount": 50, "share": "equal"}
    plan = CommissionPlan([(0, 0.0)], pool=pool)
    out = payout(sold, plan, by="rep", targets=goals)
    assert out["pool"].tolist() == [25.0, 25.0, 25.0, 25.0]
    # In February the team has 100 of 200: too little.
    needs = CommissionPlan([(0, 0.0)], pool={**pool, "threshold": 0.9})
    out = payout(sold, needs, by="rep", targets=goals)
    assert out.set_index(["rep", "date"])["pool"].tolist() == [25.0, 0.0, 25.0, 0.0]


def test_a_plan_that_splits_by_column_is_not_simulated():
    draws = pd.DataFrame({"rep": ["a"], "boss": ["b"], "date": "2025-01-01", "draw": [0],
                          "amount": [800.0]})  # fmt: skip
    with pytest.raises(InputError, match="splits and overlays"):
        simulate_payout(draws, CommissionPlan([(0, 0.1)], base="amount", overlays={"boss": 0.1}))


def test_tiers_read_from_a_table_are_the_tiers_as_typed():
    want = CommissionPlan([(0, 10_000, 0.05), (10_000, None, 0.07)], base="amount")
    for tiers in (
        [(0, 10_000, 0.05), (10_000, float("nan"), 0.07)],
        np.array([[0, 10_000, 0.05], [10_000, np.nan, 0.07]]),
        pd.Series({0: 0.05, 10_000: 0.07}),
    ):
        assert CommissionPlan(tiers, base="amount").tiers == want.tiers


MONTHS = pd.to_datetime(["2025-01-01", "2025-02-01"])
PAIRS = pd.MultiIndex.from_arrays([["a", "a"], MONTHS])


@pytest.mark.parametrize(
    "told",
    [
        {"period_start": MONTHS},
        {"date": ["2025-01-01", "2025-02-01"]},
        {"period": ["2025-01", "2025-02"]},
        {"period": [202501, 202502]},
        {"period": ["2025年1月", "2025年2月"]},
        {"period": pd.PeriodIndex(MONTHS, freq="M")},
        pd.Series([100.0, 50], index=PAIRS),
        pd.Series([100.0, 50], index=PAIRS.swaplevel().set_names(["month", "rep"])),
        {("a", "2025-01"): 100.0, ("a", "2025-02"): 50.0},
    ],
)
def test_targets_of_periods_are_read_in_every_form(told):
    # A frame with the month in "date" or "period" was taken for targets without a period: their
    # sum, 150, was the target of each month.
    sold = pd.DataFrame({"rep": "a", "date": ["2025-01-09", "2025-02-09"], "amount": [70.0, 70]})
    if isinstance(told, dict) and isinstance(next(iter(told)), str):
        told = pd.DataFrame({"rep": ["a", "a"], **told, "target": [100.0, 50]})
    plan = CommissionPlan([(0, 0.05), (0.5, 0.1), (1, 0.2)])
    got = payout(sold, plan, by="rep", targets=told)
    assert got["target"].tolist() == [100, 50]
    assert got["payout"].tolist() == [4.5, 7.75]  # 2.5 + 2; 1.25 + 2.5 + 4
    assert trace(sold, plan, by="rep", targets=told)["pay"].sum() == pytest.approx(12.25)
    drawn = simulate_payout(sold.assign(draw=7), plan, by="rep", targets=told)
    assert drawn["payout"].tolist() == [12.25]


def test_quarters_named_by_label_are_fiscal_ones():
    sold = pd.DataFrame({"rep": "a", "date": ["2025-04-05", "2026-01-05"], "amount": [9.0, 9.0]})
    goal = pd.DataFrame({"rep": "a", "period": ["2025Q1", "2025Q4"], "target": [9.0, 90.0]})
    plan = CommissionPlan([(0, 0), (1, 1)], mode="retroactive")
    got = payout(sold, plan, by="rep", targets=goal, freq="Q", year_start=4)
    assert got["payout"].tolist() == [9, 0]


@pytest.mark.parametrize(
    ("results", "goal", "says"),
    [
        ({}, {"month": ["2025-01", "2025-02"]}, "no period. If .* 'period_start'"),
        ({}, {"period": ["P1", "P2"]}, "'P1'"),
        ({"period": ["2025-01"]}, {"period_start": MONTHS}, "give both the same"),
    ],
)
def test_targets_whose_period_is_not_told_are_not_added(results, goal, says):
    sold = pd.DataFrame({"rep": "a", "date": ["2025-01-09"], "amount": [70.0], **results})
    goals = pd.DataFrame({"rep": ["a", "a"], **goal, "target": [100.0, 50]})
    with pytest.raises(InputError, match=says):
        payout(sold, CommissionPlan([(0, 0.05)]), by="rep", targets=goals)
    wrong = pd.Series([1.0], index=pd.MultiIndex.from_tuples([("a", 1, 2)]))
    with pytest.raises(InputError, match="3 level"):
        payout(sold, CommissionPlan([(0, 0.05)]), by="rep", targets=wrong)


def test_money_collected_after_the_last_sale_is_paid_when_it_comes():
    # Nothing was sold in March: what came in then was held for ever.
    sold = pd.DataFrame({"rep": "a", "date": ["2025-01-05", "2025-01-06"],
                         "amount": [1000.0, 500],
                         "collected_date": ["2025-03-10", None]})  # fmt: skip
    for end in (None, "2025-01-31"):
        plan = CommissionPlan([(0, 0.1)], base="amount", pay_on="collection", end=end)
        got = payout(sold, plan, by="rep")
        assert got["date"].dt.month.tolist() == [1, 3]
        assert got["held"].tolist() == [-150, 0]
        assert got["payout"].tolist() == [0, 100]
        assert trace(sold, plan, by="rep")["pay"].sum() == 100


def test_fairness_of_a_statement_is_among_payees_not_among_their_months():
    sold = pd.DataFrame({"rep": list("aabb"), "date": ["2025-01-05", "2025-02-05"] * 2,
                         "amount": [100.0, 300, 100, 100]})  # fmt: skip
    paid = payout(sold, CommissionPlan([(0, 0.1)], base="amount"), by="rep")
    got = fairness(paid).set_index("metric")["value"]
    assert got["payees"] == 2
    assert got["gini"] == pytest.approx((40 - 20) / 60 / 2)
    alone = paid.groupby("rep")["payout"].sum()
    assert fairness(alone)["value"][3] == pytest.approx(got["gini"])


def test_one_bonus_may_be_a_number():
    for one in (36_001, [36_001], np.array([36_001.0]), np.int64(36_001)):
        assert bonus_tax(one)["tax"].tolist() == [3390.1]
    for bad in ("36001", True, [None], -1):
        with pytest.raises(InputError, match="bonus"):
            bonus_tax(bad)


@pytest.mark.parametrize(
    ("tiers", "options"),
    [
        ([(0, 0.05), (80, 0.08), (100, 0.1)], {}),
        ([(0, 0.05)], {"threshold": 80}),
        ([(0, 0.05), (1, 0.1)], {"gate": 100}),
        ([(0, 0.05), (9000, 0.1)], {"base": "amount", "gate": 100}),
    ],
)
def test_attainments_in_per_cent_are_refused(tiers, options):
    # Such a plan paid the first tier for ever, or nothing at all.
    with pytest.raises(InputError, match="it is a share: write"):
        CommissionPlan(tiers, **options)


def test_factors_in_per_cent_are_refused():
    sold = pd.DataFrame({"rep": "a", "date": ["2025-01-05"], "amount": [100.0], "kpi": [110.0]})
    with pytest.raises(InputError, match="the multiplier is a factor"):
        payout(sold, CommissionPlan([(0, 0.1)], base="amount", multiplier="kpi"), by="rep")
    plan = CommissionPlan([(0, 0.1), (1, 0.2)])
    for quotas in ([90, 110], [100_000.0]):
        with pytest.raises(InputError, match="quotas are factors"):
            simulate_payout(sold, plan, by="rep", targets={"a": 100.0}, quotas=quotas)
    with pytest.raises(InputError, match="the cap by target_pay"):
        CommissionPlan([(0, 0.1)], base="amount", cap={"target_pay": 200})
    with pytest.raises(InputError, match=r"gate lies at 100 .*: write 1\.$"):
        CommissionPlan([(0, 0.1)], base="amount", gate=100)


def test_thirds_are_exact_in_shares_multipliers_and_quantities():
    # They were kept in millionths: three thirds of 9,000,000 were 8,999,991.
    third = 1 / 3
    sold = pd.DataFrame({"rep": ["a", "b", "c"], "order_id": "o", "share": third,
                         "amount": 9_000_000.0, "k": [0.123456789, third, 1.0],
                         "quantity": [0.00024, third, 2.0]})  # fmt: skip
    plan = CommissionPlan([(0, 0.1)], base="amount", splits="share", multiplier="k",
                          spiffs=[{"pay": 300, "per": "unit"}])  # fmt: skip
    for frame in (sold, sold.drop(columns="order_id")):
        out = payout(frame, plan, by="rep")
        assert out["amount"].tolist() == [3_000_000.0] * 3
        assert out["multiplier"].tolist() == [37_037.04 - 300_000, -200_000.0, 0.0]
        assert out["spiff"].tolist() == [0.07, 100.0, 600.0]


def test_the_order_of_rows_does_not_move_the_shares_of_one_payee():
    sold = pd.DataFrame({"rep": "a", "order_id": "o", "share": [0.5, 0.5, 0.25], "amount": 0.05,
                         "date": ["2025-01-05", "2025-02-05", "2025-03-05"]})  # fmt: skip
    plan = CommissionPlan([(0, 1)], base="amount", splits="share")
    first = payout(sold, plan, by="rep")
    for order in itertools.permutations(range(3)):
        pd.testing.assert_frame_equal(payout(sold.iloc[list(order)], plan, by="rep"), first)


def test_a_returned_unit_takes_its_spiff_back_in_whichever_sign_it_is_counted():
    plan = CommissionPlan([(0, 0)], base="amount", clawback="pay",
                          spiffs=[{"pay": 5, "per": "unit"}])  # fmt: skip
    for returned in (2, -2):
        sold = pd.DataFrame({"rep": "a", "amount": [100.0, -100.0], "quantity": [3, returned]})
        assert payout(sold, plan, by="rep")["payout"].tolist() == [5.0]


@pytest.mark.parametrize(("per", "pay"), [("row", 30), ("unit", 10)])
def test_a_spiff_is_the_row_s_own_payee_s_unless_he_has_no_share_of_it(per, pay):
    plan = CommissionPlan(
        [(0, 0)], base="amount", splits="share", spiffs=[{"pay": pay, "per": per}]
    )
    sold = pd.DataFrame({"rep": ["a", "b"], "share": [0.4, 0], "amount": 100.0, "quantity": 3})
    assert payout(sold, plan, by="rep")["spiff"].tolist() == [30.0, 0.0]


@pytest.mark.parametrize("form", [list, tuple, set, np.array, pd.Series, pd.Index])
def test_what_a_spiff_is_for_may_be_told_in_any_form(form, tmp_path):
    sold = pd.DataFrame({"rep": ["a", "b", "c"], "amount": 100.0, "product": ["X", "Y", "Z"]})
    spiffs = [{"where": {"product": form(["X", "Y"])}, "pay": 5, "name": "开\r门\t\x01\x7f红"}]
    plan = CommissionPlan([(0, 0)], base="amount", spiffs=spiffs)
    assert payout(sold, plan, by="rep")["spiff"].tolist() == [5.0, 5.0, 0.0]
    plan.save(tmp_path / "plan.toml")
    assert CommissionPlan.load(tmp_path / "plan.toml") == plan
    with pytest.raises(InputError, match="no column 'product'"):
        payout(sold.drop(columns="product"), plan, by="rep")


YEAR = {"period_start": "2025-01-01", "period_end": "2025-12-31"}


@pytest.mark.parametrize("round_at", ["row", "period", "rep"])
@pytest.mark.parametrize("mode", ["marginal", "retroactive"])
def test_quarters_to_date_are_years_of_three_months(mode, round_at):
    rng = np.random.default_rng(5)
    sales = pd.DataFrame({
        "rep": rng.choice(["a", "b"], 60),
        "date": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 180, 60), "D"),
        "amount": rng.integers(-2000, 9000, 60) / 7,
    })  # fmt: skip
    sales["amount"] = sales["amount"].round(2)
    goal = pd.DataFrame({"rep": ["a", "b"] * 2, "period": ["2025Q1"] * 2 + ["2025Q2"] * 2,
                         "target": [6000.0, 8000, 7000, 5000]})  # fmt: skip
    rules = {"mode": mode, "round_at": round_at, "clawback": "pay"}
    tiers = [(0, 0.031), (0.5, 0.07), (1, 0.1234)]
    got = payout(sales, CommissionPlan(tiers, cumulative="Q", **rules), by="rep", targets=goal)
    parts = []
    year = CommissionPlan(tiers, cumulative=True, **rules)
    for label, first, last in (("2025Q1", 1, 3), ("2025Q2", 4, 6)):
        own = sales[sales["date"].dt.month.between(first, last)]
        parts.append(payout(own, year, by="rep", targets=goal[goal["period"] == label]))
    want = pd.concat(parts).sort_values(["rep", "date"], ignore_index=True)
    pd.testing.assert_frame_equal(got[["rep", "date", "target"]], want[["rep", "date", "target"]])
    if round_at == "rep":  # a running total rounds over all periods
        np.testing.assert_allclose(got["payout"], want["payout"], atol=0.0101)
    else:
        assert got["payout"].tolist() == want["payout"].tolist()


def test_a_target_of_the_year_is_the_edge_of_its_tiers():
    sales = pd.DataFrame({
        "rep": "a", "date": pd.date_range("2025-02-03", periods=9, freq="31D"),
        "amount": [100.0, 250, 80, 0, 310, 90, 400, 20, 330],
    })  # fmt: skip
    goal = pd.DataFrame({"rep": ["a"], **YEAR, "target": [1000.0], "target_pay": [120.0]})
    by_goal = CommissionPlan([(0, 0.05), (0.8, 0.10), (1.2, 0.2)], cumulative=True)
    by_sum = CommissionPlan([(0, 0.05), (800, 0.10), (1200, 0.2)], base="amount", cumulative=True)
    got = payout(sales, by_goal, by="rep", targets=goal)
    want = payout(sales, by_sum, by="rep")
    # January to the last month of sales, whether anything was sold in it or not.
    assert got["date"].dt.month.tolist() == list(range(1, 11))
    paid_by_sum = want.set_index("date")["payout"].reindex(got["date"], fill_value=0.0)
    assert got["payout"].tolist() == paid_by_sum.tolist()
    assert got["attainment"].iloc[-1] == 1.58
    # A ceiling of twice the year's target pay is one of the year, too.
    capped = CommissionPlan(by_goal.tiers, cumulative=True, cap={"target_pay": 1.0})
    got = payout(sales, capped, by="rep", targets=goal)
    assert got["payout"].sum() == 120
    assert (trace(sales, capped, by="rep", targets=goal)["pay"].sum()) == 120


def test_weeks_climb_to_the_target_of_the_year_they_begin_in():
    # The week of 30 December 2024 is the last of 2024, though the target begins in it.
    sales = pd.DataFrame({"rep": "a", "date": ["2025-01-08", "2025-07-10"], "amount": [80.0, 80]})
    goal = pd.DataFrame({"rep": ["a"], **YEAR, "target": [100.0]})
    plan = CommissionPlan([(0, 0.1), (1, 0.2)], cumulative=True)
    got = payout(sales, plan, by="rep", targets=goal, freq="W")
    assert got.loc[got["amount"] > 0, "payout"].tolist() == [8, 14]
    assert got["date"].iloc[0] == pd.Timestamp("2025-01-06")


@pytest.mark.parametrize(
    ("rules", "extra", "says"),
    [
        ({}, [], "take a plan that is cumulative"),
        ({"cumulative": "Q"}, [], "span more than the quarter"),
        ({"cumulative": True}, [("2025-03-01", "2025-03-31", 5.0)], "lies over another one"),
        ({"cumulative": True, "pool": {"by": "rep", "rate": 0.1, "threshold": 1}}, [], "pool"),
        ({"cumulative": True}, [("2025-09-01", "2026-02-28", 5.0)], "more than the fiscal year"),
    ],
)
def test_targets_of_several_periods_that_make_no_sense(rules, extra, says):
    sales = pd.DataFrame({"rep": ["a"], "date": ["2025-02-03"], "amount": [100.0]})
    goal = pd.DataFrame([(*YEAR.values(), 1000.0), *extra],
                        columns=["period_start", "period_end", "target"])  # fmt: skip
    goal["rep"] = "a"
    with pytest.raises(InputError, match=says):
        payout(sales, CommissionPlan([(0, 0.05)], **rules), by="rep", targets=goal)


def test_a_quarter_named_in_any_way_is_that_quarter():
    sales = pd.DataFrame({"rep": "a", "date": ["2025-04-10", "2025-06-10"], "amount": [60.0, 60]})
    plan = CommissionPlan([(0, 0.1), (1, 0.2)], cumulative="Q")
    for label in ("2025Q2", "Q2 2025", "2Q25", "Q2'25", "FY25-Q2", "2025年第二季度", "2025二季度"):
        goal = pd.DataFrame({"rep": ["a"], "period": [label], "target": [100.0]})
        assert payout(sales, plan, by="rep", targets=goal)["payout"].tolist() == [6, 0, 8]
    # Fiscal years are named after either of their calendar years: then dates must say which.
    goal = pd.DataFrame({"rep": ["a"], "period": ["FY25-Q1"], "target": [100.0]})
    with pytest.raises(InputError, match="labels that are no dates"):
        payout(sales, plan, by="rep", targets=goal, year_start=4)


@pytest.mark.parametrize(("held", "wanted"), [([1, 2], "1"), (["1", "2"], [1, 2])])
def test_a_spiff_for_text_is_not_for_numbers(held, wanted):
    # Both are written 1, and such a SPIFF paid nobody.
    sales = pd.DataFrame({"rep": "a", "product": held, "amount": [100.0, 100]})
    plan = CommissionPlan([(0, 0.1)], base="amount",
                          spiffs=[{"where": {"product": wanted}, "pay": 5}])  # fmt: skip
    with pytest.raises(InputError, match="never equal"):
        payout(sales, plan, by="rep")


def test_periods_of_targets_are_not_left_unread():
    # A quarter's target in a column of another name stood as that of every month.
    sales = pd.DataFrame({"rep": "a", "date": ["2025-01-10", "2025-02-10"], "amount": [60.0, 60]})
    plan = CommissionPlan([(0, 0.1), (1, 0.2)], cumulative="Q")
    goal = pd.DataFrame({"rep": ["a"], "target": [100.0]})
    for column, label in (("Quarter", "Q1 2025"), ("季度", "2025年一季度"), ("year", 2025)):
        with pytest.raises(InputError, match="tells periods"):
            payout(sales, plan, by="rep", targets=goal.assign(**{column: label}))
    named = goal.assign(Quarter="Q1 2025")
    assert payout(sales, plan, by="rep", targets=named, period="Quarter")["payout"].sum() == 14
    for extra in ({"hired": "2024-03-01"}, {"grade": 2025}, {"region": "N"}):
        assert payout(sales, plan, by="rep", targets=goal.assign(**extra))["payout"].sum() == 12


def test_quarters_need_periods_that_tell_them():
    plan = CommissionPlan([(0, 0.1), (2500, 0.2)], base="amount", cumulative="Q")
    sales = pd.DataFrame({"rep": "a", "period": ["2025-03", "2025-04", "2025-05"],
                          "amount": [1000.0, 2000, 3000]})  # fmt: skip
    assert payout(sales, plan, by="rep")["payout"].tolist() == [100, 200, 550]
    with pytest.raises(InputError, match="tell their quarter"):
        payout(sales.assign(period=["P1", "P2", "P3"]), plan, by="rep")
    assert CommissionPlan([(0, 0.1)], cumulative="Y") == CommissionPlan([(0, 0.1)], cumulative=True)
    for wrong in ({"cumulative": "M"}, {"true_up": False}, {"cumulative": 3}):
        with pytest.raises(InputError):
            CommissionPlan([(0, 0.1)], **wrong)


def deals() -> pd.DataFrame:
    """A large sale, a small one, the large one back (in part), a month later the rest."""
    return pd.DataFrame({"rep": "a", "amount": [90_000.0, 8_000.0, -70_000.0, -20_000.0],
                         "date": ["2025-01-05", "2025-01-06", "2025-02-03",
                                  "2025-02-04"]})  # fmt: skip


@pytest.mark.parametrize("scope", ["period", "row"])
def test_no_sale_pays_more_than_the_cap_of_a_row(scope):
    rules = {"scope": scope, "cap": {"row": 5000}, "clawback": "pay"}
    plan = CommissionPlan([(0, 0.1)], base="amount", **rules)
    got = payout(deals(), plan, by="rep")
    assert got["commission"].tolist() == [9800.0, -9000.0]
    assert got["cap"].tolist() == [-4000.0, 2000.0]  # 9,000 held at 5,000; 7,000 likewise
    assert got["payout"].tolist() == [5800.0, -7000.0]
    both = CommissionPlan(
        [(0, 0.1)], base="amount", **rules | {"cap": {"row": 5000, "period": 5500}}
    )
    assert payout(deals(), both, by="rep")["payout"].tolist() == [5500.0, -7000.0]


def test_the_cap_of_a_row_comes_before_the_multiplier():
    plan = CommissionPlan([(0, 0.1)], base="amount", cap={"row": 5000}, multiplier="k")
    got = payout(deals().head(2).assign(k=1.2), plan, by="rep", targets=pd.DataFrame(
        {"rep": ["a"], "target": [1.0], "k": [1.2]}))  # fmt: skip
    assert got["payout"].item() == 6960.0  # (5,000 + 800) x 1.2


@pytest.mark.parametrize(
    "wrong",
    [
        {"round_at": "period"},
        {"pays": "flat"},
        {"clawback": "original"},
        {"cumulative": True, "mode": "retroactive"},
    ],
)
def test_a_cap_by_row_needs_pay_that_is_of_a_row(wrong):
    with pytest.raises(InputError, match="cap by row"):
        CommissionPlan([(0, 0.1)], cap={"row": 5000}, **wrong)


def test_a_cap_by_row_is_not_taken_for_what_it_cannot_be():
    capped = CommissionPlan([(0, 0.1)], base="amount", cap={"row": 5000}, end="2025-01-31")
    back = CommissionPlan([(0, 0.1)], base="amount", clawback="original", start="2025-02-01")
    with pytest.raises(InputError, match="cap by row and clawback"):
        payout(deals(), [capped, back], by="rep", sale_date="date")
    draws = pd.DataFrame({"rep": ["a"] * 2, "draw": [0, 1], "amount": [1e5, 2e5]})
    with pytest.raises(InputError, match="cap by row cannot cut"):
        simulate_payout(
            draws, CommissionPlan([(0, 0.1)], base="amount", cap={"row": 5000}), by="rep"
        )


# ---- plans from the targets desk: periods without a target, weeks of their own


def test_a_target_of_zero_with_nothing_sold_pays_nothing():
    """A ramp begins with months of zero, a leaver's plan ends with them."""
    goals = pd.DataFrame(
        {
            "rep": ["a"] * 3 + ["b"] * 3,
            "period_start": ["2026-01-01", "2026-02-01", "2026-03-01"] * 2,
            "period_end": ["2026-01-31", "2026-02-28", "2026-03-31"] * 2,
            "target": [100.0, 100.0, 100.0, 0.0, 0.0, 50.0],
        }
    )
    sold = pd.DataFrame(
        {"rep": ["a", "b"], "date": ["2026-01-09", "2026-03-09"], "amount": [120.0, 60.0]}
    )
    tiers = [(0, 0.05), (1, 0.1)]
    for cumulative in (False, True):
        paid = payout(sold, CommissionPlan(tiers, cumulative=cumulative), by="rep", targets=goals)
        b = paid[paid["rep"] == "b"]
        assert b["payout"].tolist() == [0.0, 0.0, 3.5]
        assert b["attainment"].isna().tolist() == [True, True, False]
    # A leaver's late sale has the year to date to be measured against, but no month.
    gone = goals.assign(target=[100.0, 0.0, 0.0, 50.0, 0.0, 0.0])
    late = payout(sold, CommissionPlan(tiers, cumulative=True), by="rep", targets=gone)
    assert late["payout"].tolist()[-1] == 50 * 0.05 + 10 * 0.1
    with pytest.raises(InputError, match=r"1 payee period\(s\) \(first: b, 2026-03-01\) has a tar"):
        payout(sold, CommissionPlan(tiers), by="rep", targets=gone)
    for rule in ({"draw": 10}, {"pool": {"by": "rep", "amount": 10}}):
        with pytest.raises(InputError, match="leave these rows of targets out"):
            payout(sold, CommissionPlan(tiers, **rule), by="rep", targets=goals)


@pytest.mark.parametrize("first", ["2026-01-05", "2026-01-03"])
def test_pay_weeks_are_those_of_the_targets(first):
    """Results of one Wednesday tell no week; a plan does (Mondays, or Saturdays)."""
    start = pd.date_range(first, periods=3, freq="7D")
    goals = pd.DataFrame(
        {"rep": "a", "period_start": start, "period_end": start + pd.Timedelta(days=6)}
    ).assign(target=50.0)
    sold = pd.DataFrame({"rep": ["a"], "date": ["2026-01-07"], "amount": [60.0]})
    paid = payout(sold, CommissionPlan([(0, 0.05), (1, 0.1)]), by="rep", targets=goals, freq="W")
    assert paid["date"].tolist() == [pd.Timestamp(first)]
    assert paid["payout"].tolist() == [3.5]


def test_results_in_dollars_are_not_held_against_targets_in_yuan():
    results = pd.DataFrame({"rep": ["a"], "date": ["2025-01-05"], "amount": [120.0]})
    targets = pd.DataFrame({"rep": ["a"], "period": ["2025-01-01"], "target": [100.0]})
    plan = CommissionPlan(tiers=[(0.0, 0.01), (1.0, 0.02)])
    told = "results and targets hold amounts of 2 currencies"
    with pytest.raises(InputError, match=told):
        payout(
            results.assign(currency="USD"), plan, by="rep", targets=targets.assign(currency="CNY")
        )
    paid = pd.DataFrame({"rep": ["a"], "payout": [1.2], "currency": "USD"})
    with pytest.raises(InputError, match="paid and due hold amounts of 2 currencies"):
        adjustments(paid, paid.assign(currency="CNY"), by="rep")


def test_columns_that_are_named_and_not_there():
    # Without its dates all of a year was one period, and climbed the tiers as one.
    sold = pd.DataFrame({"rep": "a", "date": ["2025-01-05", "2025-02-05"], "amount": 100.0})
    plan = CommissionPlan([(0, 0.1), (150, 0.2)], base="amount")
    for option in ("date", "period", "quantity", "sale_date", "collected_date", "target_pay"):
        with pytest.raises(InputError, match=rf"no column 'x' in results, which {option}= names"):
            payout(sold, plan, by="rep", **{option: "x"})
    with pytest.raises(InputError, match="no column 'x', which draw= names"):
        simulate_payout(sold.assign(draw=[0, 1]), plan, by="rep", draw="x")  # the draws as one
    due = {"targets": pd.DataFrame({"rep": ["a"], "tag": ["2025-01-01"], "target": 100.0})}
    late = payout(sold.rename(columns={"date": "tag"})[:1], plan, by="rep", date="tag", **due)
    assert late["payout"].tolist() == [10.0]


def test_rates_in_per_cent_are_asked_about():
    with pytest.warns(DataWarning, match=r"a rate of 3 pays 300% of what is sold.*write 0\.03"):
        CommissionPlan([(0, 2), (1, 3)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CommissionPlan([(0, 0.02), (1, 1.0)])
        CommissionPlan([(0, 200), (1, 300)], pays="flat")  # sums
