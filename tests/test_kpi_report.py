"""The report sections work on whatever tables a user has."""

from __future__ import annotations

from fractions import Fraction

import pandas as pd
import pytest

from salesmgmt import InputError, load_sample
from salesmgmt.report._blocks import Figure, Table, Text
from salesmgmt.report.sections import incentives, kpi, targets


def tables(case: str) -> dict[str, pd.DataFrame]:
    sales, plan = load_sample("transactions"), load_sample("plan")
    small = sales[["customer_id", "date", "amount"]].head(300)
    text = {c: plan[c].astype(str) for c in ("period_start", "period_end")}
    return {
        "three columns, dates as text": {
            "transactions": small.assign(date=small["date"].astype(str))
        },
        "one row": {"transactions": small.head(1)},
        "rep without a plan": {"transactions": sales.head(3000)},
        "plan as text": {"transactions": sales, "plan": plan.assign(**text)},
        "some rows without a rep": {
            "transactions": sales.assign(rep=sales["rep"].where(sales["rep"] != "R01")),
            "plan": plan,
        },
        "plan of another measure": {
            "transactions": sales,
            "plan": plan[plan["measure"] != "销售额"],
        },
    }[case]


CASES = {
    "three columns, dates as text": (1, None),
    "one row": (1, None),
    "rep without a plan": (1, None),
    "plan as text": (5, 3),
    "some rows without a rep": (5, 4),
    "plan of another measure": (5, 0),
}


@pytest.mark.parametrize("case", sorted(CASES))
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_sections_of_any_tables(case, lang):
    given = tables(case)
    least, pay = CASES[case]
    blocks = kpi.build(given, as_of=None, lang=lang)
    assert len(blocks) >= least
    assert all(isinstance(b, Text | Table | Figure) for b in blocks)
    if pay is not None:
        assert len(incentives.build(given, as_of=None, lang=lang)) == pay


def test_rows_left_out_are_told():
    texts = [b.text for b in kpi.build(tables("some rows without a rep"), as_of=None, lang="en")
             if isinstance(b, Text)]  # fmt: skip
    assert any("rows without rep are left out" in t for t in texts)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_one_payee_has_no_correlation_to_tell(lang):
    sales = pd.DataFrame({"customer_id": "c", "rep": "a", "date": ["2025-01-05", "2025-02-06"],
                          "amount": [100.0, -100.0]})  # fmt: skip
    plan = pd.DataFrame({"rep": ["a"], "period_start": ["2025-01-01"],
                         "period_end": ["2025-03-31"], "target": [1000.0]})  # fmt: skip
    given = {"transactions": sales, "plan": plan}
    told = incentives.build(given, as_of="2025-03-31", lang=lang)[0].text
    assert "nan" not in told
    assert "inf" not in told


def test_only_a_plan_of_sales_in_their_currency_is_held_against_sales():
    sales = pd.DataFrame({"customer_id": "c", "rep": ["a", "b"], "amount": 100.0,
                          "date": ["2026-01-05", "2026-01-06"]})  # fmt: skip
    plan = pd.DataFrame({"rep": ["a", "b"], "period_start": ["2026-01-01"] * 2,
                         "period_end": ["2026-01-31"] * 2, "target": [5.0, 5.0]})  # fmt: skip
    heads = plan.assign(measure="新客户数")
    both = pd.concat([heads, plan.assign(measure="Sales", target=400.0)])

    def told(plan):
        given = {"plan": plan, "transactions": sales}
        return " ".join(b.text for b in targets.build(given, lang="en") if isinstance(b, Text))

    assert "not held against it" in told(heads)
    assert "reached" not in told(heads)  # 200 sold are no 20 times 10 new customers
    assert "25.0% of the target is reached" in told(both)
    with pytest.raises(InputError, match="currencies"):
        told(plan.assign(currency=["USD", "CNY"]))


def test_who_has_no_score_is_told_and_equal_leaders_are_all_named():
    rows = [("a", "2024-10-05", 100), ("b", "2024-10-05", 100), ("gone", "2024-10-05", 9),
            ("a", "2025-10-05", 400), ("b", "2025-10-05", 500), ("new", "2025-10-05", 7),
            (None, "2025-10-06", 3), ("a", "2025-12-31", 1)]  # fmt: skip
    sales = pd.DataFrame(rows, columns=["rep", "date", "amount"]).assign(customer_id="c")
    given = {"transactions": sales}
    told = next(b.text for b in kpi.build(given, as_of=None, lang="en") if isinstance(b, Text))
    assert "a, b lead with 150%" in told  # each of them four times last year and more
    assert "each counts 150% at most" in told
    assert "the rest against" not in told  # there is revenue alone
    assert "1 of 8 rows without rep are left out." in told
    assert "a year before has nothing to compare with: new." in told
    assert "nothing was sold (but the same period a year before has them): gone." in told
    nobody = sales.assign(rep=sales["rep"].where(sales["rep"] == "gone"))
    told = [b.text for b in kpi.build({"transactions": nobody}, as_of=None, lang="zh")
            if isinstance(b, Text)]  # fmt: skip
    assert "8 行中有 7 行没有业务员，未计入。" in told[0]


def test_pay_in_the_report_can_be_reckoned_from_the_columns_beside_it():
    """2 % of sales, a hundredth more beyond the target and beyond 120 % of it, by plain sums."""
    sales, plan = load_sample("transactions"), load_sample("plan")
    sales = sales.assign(rep=sales["rep"].where(sales["rep"] != "R21"))
    _, table, _, beside = incentives.build(
        {"transactions": sales, "plan": plan}, as_of=None, lang="en"
    )
    quarter = sales[sales["date"] >= "2025-10-01"]
    sold = (quarter.groupby("rep")["amount"].sum() * 100).round().astype(int)
    own = plan[
        (plan["measure"] == "销售额") & plan["period_start"].between("2025-10-01", "2025-12-31")
    ]
    goal = (own.groupby("rep")["target"].sum() * 100).round().astype(int)
    for rep, paid in zip(table.frame["rep"], table.frame["payout"]):
        money, aim = int(sold.get(rep, 0)), int(goal[rep])  # cents
        cents = 2 * Fraction(money) + max(money - aim, 0) + max(money - aim * Fraction(6, 5), 0)
        assert round(100 * paid) == int(cents / 100 + Fraction(1, 2)), rep
    left = quarter["amount"][quarter["rep"].isna()]
    assert f"{left.sum():,.2f} of the quarter's sales ({len(left)} rows)" in beside.text
