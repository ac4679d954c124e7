"""Plans that follow one another in a year, and sales that come back under the next one."""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt import InputError
from salesmgmt.incentives import CommissionPlan, payout, trace


def goals(months: int = 4, **more) -> pd.DataFrame:
    start = pd.date_range("2025-01-01", periods=months, freq="MS")
    end = start + pd.offsets.MonthEnd(0)
    frame = pd.DataFrame({"rep": "A", "period_start": start, "period_end": end, "target": 100.0})
    return frame.assign(**more)


def sales(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["date", "amount"]).assign(rep="A")


def test_no_plan_pays_a_period_it_is_not_in_force_in():
    plan = CommissionPlan([(0, 0.1)], draw=50, start="2025-03-01")
    got = payout(
        sales(("2025-03-05", 100.0), ("2025-04-05", 200.0)), plan, by="rep", targets=goals()
    )
    # January and February have a target, but no plan: no draw is due, nothing is owed.
    assert got["draw"].tolist() == [0, 0, 40, 30]
    assert got["payout"].tolist() == [0, 0, 50, 50]
    assert got["balance"].tolist() == [0, 0, 40, 70]


@pytest.mark.parametrize("mode", ["marginal", "retroactive", "interpolated"])
@pytest.mark.parametrize("round_at", ["row", "period", "rep"])
def test_the_trace_adds_up_and_the_year_cap_goes_on_under_the_next_plan(mode, round_at):
    rows = sales(("2025-01-05", 90), ("2025-02-05", 200), ("2025-03-05", 10), ("2025-04-05", 500))
    tiers = [(0, 0.1), (1, 0.2), (2, 0.3)]
    old = CommissionPlan(tiers, mode=mode, cumulative=True, round_at=round_at, end="2025-02-28")
    new = CommissionPlan(
        [(0, 0.05), (1, 0.4), (2, 0.6)], mode=mode, cumulative=True, round_at=round_at,
        start="2025-03-01", cap={"year": 150}, clawback="pay",
    )  # fmt: skip
    for order in ([old, new], [new, old]):
        got = payout(rows, order, by="rep", targets=goals())
        added = trace(rows, order, by="rep", targets=goals()).groupby("date")["pay"].sum()
        assert added.round(2).tolist() == got["payout"].tolist()
        # What January and February were paid counts in the year's 150.
        assert round(got["payout"].sum(), 2) == 150.0


def test_a_sale_comes_back_at_what_its_own_plan_paid():
    rows = sales(("2025-01-05", 1000.0), ("2025-03-05", 500.0), ("2025-03-20", -400.0))
    rows["sale_date"] = [None, None, "2025-01-05"]
    old = CommissionPlan([(0, 0.05)], base="amount", multiplier="k", end="2025-02-28")
    new = CommissionPlan([(0, 0.10)], base="amount", clawback="original", start="2025-03-01")
    wanted = goals(3, k=[2.0, 1.0, 1.0])
    got = payout(rows, [old, new], by="rep", targets=wanted)
    assert got["clawback"].tolist() == [0, 0, -40.0]  # 400 at 5 %, twice
    # The plan of the return says whether it goes back to the sale, and how late it may come.
    swapped = [
        CommissionPlan([(0, 0.05)], base="amount", clawback="original", end="2025-02-28"),
        CommissionPlan([(0, 0.10)], base="amount", start="2025-03-01"),
    ]
    got = payout(rows, swapped, by="rep", targets=wanted)
    assert got["clawback"].tolist() == [0, 0, 0]
    assert got["commission"].tolist() == [50, 0, 10]
    with pytest.raises(InputError, match=r"2025-01-01.*give the plan of then"):
        payout(rows.iloc[1:], new, by="rep", targets=wanted.iloc[2:])


def test_no_more_comes_back_than_the_ceiling_let_through():
    rows = sales(("2025-01-05", 1000.0), ("2025-02-20", -200.0), ("2025-02-21", -500.0))
    rows["sale_date"] = [None, "2025-01-05", "2025-01-05"]
    for cap in (60, {"year": 60}, {"target_pay": 0.6}):
        plan = CommissionPlan([(0, 0.1)], base="amount", clawback="original", cap=cap)
        got = payout(rows, plan, by="rep", targets=goals(2, target_pay=100.0))
        # 1,000 paid 60 instead of 100; 800 would have paid 60, too; 300 pay 30.
        assert got["clawback"].tolist() == [0, -30.0]
        told = trace(rows, plan, by="rep", targets=goals(2, target_pay=100.0))
        assert told.loc[told["rule"] == "clawback", "pay"].tolist() == [0, -30.0]


def test_a_sale_of_a_period_without_target_is_not_taken_back_at_the_top_rate():
    rows = sales(("2025-02-20", 50.0), ("2025-02-20", -20.0))
    rows["sale_date"] = [None, "2025-01-05"]
    plan = CommissionPlan([(0, 0.1), (1, 0.5)], mode="retroactive", clawback="original")
    with pytest.raises(InputError, match=r"2025-01-01.*had a sale that came back"):
        payout(rows, plan, by="rep", targets=goals(2).iloc[1:])


def test_two_multipliers_of_one_period_are_refused():
    twice = pd.concat([goals(1, k=1.0), goals(1, k=2.0)])
    plan = CommissionPlan([(0, 0.1)], multiplier="k")
    with pytest.raises(InputError, match="'k' differs"):
        payout(sales(("2025-01-05", 90)), plan, by="rep", targets=twice)
    same = pd.concat([goals(1, k=2.0), goals(1, k=2.0)])
    assert payout(sales(("2025-01-05", 90)), plan, by="rep", targets=same)["payout"].item() == 18


def test_a_sum_for_the_year_is_paid_in_the_first_month_of_work():
    rows = pd.DataFrame({"rep": ["A", "B"], "date": ["2025-01-05", "2025-02-05"], "amount": 100.0})
    plan = CommissionPlan([(0, 10), (150, 25)], base="amount", pays="flat", cumulative=True)
    assert payout(rows, plan, by="rep")["payout"].tolist() == [10.0, 10.0]


def test_edges_of_many_digits_stay_exact():
    plan = CommissionPlan(
        [(0, 0.05), (1 / 3, 0.125), (1.5, 0.333)], cumulative=True, round_at="rep"
    )
    got = payout(sales(("2025-01-05", 300)), plan, by="rep", targets=goals(1))
    third = 100 * 0.3333333333333333
    paid = third * 0.05 + (150 - third) * 0.125 + 150 * 0.333
    assert got["payout"].item() == round(paid, 2)


def test_a_year_cap_takes_nothing_back_that_another_plan_paid():
    sold = pd.DataFrame({"rep": "a", "amount": [10_000.0, 1000.0, 1000.0],
                         "date": ["2025-01-05", "2025-02-05", "2025-03-05"]})  # fmt: skip
    plans = [CommissionPlan([(0, 1)], base="amount", end="2025-01-31"),
             CommissionPlan([(0, 1)], base="amount", cap={"year": 8000}, start="2025-02-01",
                            clawback="carry")]  # fmt: skip
    out = payout(sold, plans, by="rep")
    assert out["cap"].tolist() == [0.0, -1000.0, -1000.0]
    assert out["balance"].tolist() == [0.0, 0.0, 0.0]
