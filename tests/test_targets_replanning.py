"""Replanning where things meet: people who come and go, what came in, days off, row order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import InputError
from salesmgmt.targets import decompose, replan

METHODS = ["proportional", "even", "catch_up", "minimal"]
TEAMS = pd.MultiIndex.from_tuples(
    [("a", "r1"), ("a", "r2"), ("b", "r3"), ("b", "r4"), ("b", "r5")], names=["team", "rep"]
)


def year_plan(weights=1.0, total=4800.0) -> pd.DataFrame:
    return decompose(
        total, periods=("2025-01-01", "2025-12-31", "M"), weights=pd.Series(weights, TEAMS)
    )


def three_months(short: str) -> pd.DataFrame:
    sales = pd.DataFrame(
        {"rep": ["r1", "r2", "r3", "r4", "r5"] * 3, "date": ["2025-01-10"] * 15, "amount": 80.0}
    )
    sales["date"] = np.repeat(["2025-01-10", "2025-02-10", "2025-03-10"], 5)
    sales.loc[sales["rep"] == short, "amount"] = 10.0
    return sales


@pytest.mark.parametrize("method", METHODS)
def test_nobody_gets_a_target_while_not_there(method):
    """What a leaver has missed goes to the others, not into months after the last day."""
    joiner = pd.DataFrame({"team": ["b"], "rep": ["new"], "start": ["2025-06-01"]})
    plan = year_plan()
    for last in ("2025-03-31", "2025-04-15"):
        out = replan(
            plan, three_months("r1"), as_of="2025-03-31", method=method,
            leavers={"r1": last}, joiners=joiner,
        )  # fmt: skip
        assert round(out["target"].sum(), 2) == 4800.0
        gone = out[(out["rep"] == "r1") & (out["period_start"] > last)]
        assert (gone["target"] == 0).all()
        early = out[(out["rep"] == "new") & (out["period_end"] < "2025-06-01")]
        assert (early["target"] == 0).all()
        assert (out.loc[out["closed"] & (out["rep"] == "r1"), "target"] == 10).all()


@pytest.mark.parametrize("method", METHODS)
def test_days_off_stay_days_off(method):
    """The next period after a Friday is a Monday: a Saturday without a target takes nothing."""
    plan = decompose(9200, periods=("2025-01-01", "2025-03-31", "D"), calendar="US", step=1)
    sales = pd.DataFrame({"date": ["2025-01-06"], "amount": [77.0]})
    out = replan(plan, sales, as_of="2025-01-10", method=method, step=1)
    off = (plan["target"] == 0) & ~out["closed"]
    assert off.sum() > 20
    assert (out.loc[off, "target"] == 0).all()
    assert out["target"].sum() == 9200
    if method == "catch_up":
        monday = out.loc[out["period_start"] == "2025-01-13"]
        assert (monday["target"] - monday["previous"]).item() > 500


def test_days_off_help_where_nothing_else_is_left():
    plan = decompose(100, periods=("2025-01-01", "2025-01-05", "D"), calendar="US", step=1)
    sales = pd.DataFrame({"date": ["2025-01-02"], "amount": [40.0]})
    for method in METHODS:
        out = replan(plan, sales, as_of="2025-01-03", method=method, step=1)
        assert out["target"].sum() == 100
        assert out.loc[~out["closed"], "target"].sum() == 60


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_rows_says_nothing_about_the_last_cent(method):
    rng = np.random.default_rng(3)
    plan = year_plan(total=4799.99)
    joiner = pd.DataFrame({"team": ["b"], "rep": ["new"], "start": ["2025-05-09"], "weight": 0.5})
    options = {"as_of": "2025-03-31", "method": method, "joiners": joiner,
               "leavers": {"r3": "2025-05-20"}}  # fmt: skip
    seen = []
    for _ in range(4):
        mixed = plan.sample(frac=1, random_state=int(rng.integers(1e6)))
        out = replan(mixed, three_months("r2"), **options)
        seen.append(out.sort_values(["rep", "period_start"])["target"].tolist())
    assert seen.count(seen[0]) == 4


def test_who_comes_or_goes_outside_the_plan_changes_nothing():
    plan = year_plan()
    joiner = pd.DataFrame({"team": ["b"], "rep": ["new"], "start": ["2026-02-01"]})
    assert replan(plan, None, as_of=None, leavers={"r1": "2026-01-31"})["target"].equals(
        plan["target"]
    )
    out = replan(plan, None, as_of=None, joiners=joiner)
    assert out.loc[out["rep"] == "new", "target"].sum() == 0
    assert round(out["target"].sum(), 2) == 4800.0


@pytest.mark.parametrize("method", METHODS)
def test_each_year_of_a_longer_plan_stays_exact(method):
    plan = decompose(
        pd.Series([1200, 2400], index=[2025, 2026]), periods=("2025-01-01", "2026-12-31", "M")
    )
    sales = pd.DataFrame({"date": ["2025-01-10"], "amount": [45.0]})
    out = replan(plan, sales, as_of="2025-01-31", method=method)
    assert out["target"].tolist()[0] == 45.0
    assert out.groupby(out["period_start"].dt.year)["target"].sum().tolist() == [1200.0, 2400.0]


def test_fiscal_years_begin_with_the_plan_and_what_a_year_cannot_take_goes_on():
    total = pd.Series([1200, 2400], index=[2025, 2026])
    plan = decompose(total, periods=("2025-04-01", "2027-03-31", "M"), year_start=4)
    sales = pd.DataFrame({"date": ["2025-04-10"], "amount": [45.0]})
    out = replan(plan, sales, as_of="2025-04-30")["target"].tolist()
    assert out == [45.0] + [105.0] * 11 + [200.0] * 12
    tight = pd.concat([plan.iloc[:12], plan.iloc[12:].assign(target=100.0)])
    capped = replan(tight, sales, as_of="2025-04-30", upper=104)["target"].tolist()
    assert capped[:12] == [45.0] + [104.0] * 11  # the caps of the first year refuse 11
    assert round(sum(capped[12:]), 2) == 1211.0
    late = replan(plan, sales, as_of="2026-03-31")["target"]  # the first year brought 45 of 1200
    assert late.iloc[:12].sum() == 45.0
    assert round(late.sum(), 2) == 3600.0
    calendar = replan(plan, sales, as_of="2025-04-30", year_start=1)["target"].tolist()
    assert round(sum(calendar[:9]), 2) == 900.0
    assert calendar[9:12] == [100.0] * 3
    short = plan[plan["period_end"] <= "2026-12-31"]  # ends in December: calendar years
    assert replan(short, sales, as_of="2025-04-30")["target"].tolist() == calendar[:21]


def test_one_measure_never_makes_up_for_another():
    totals = pd.Series({"销售额": 1200.0, "回款": 600.0})
    weights = pd.Series(1.0, index=pd.Index(["a", "b"], name="rep"))
    plan = decompose(totals, periods=("2025-01-01", "2025-12-31", "M"), weights=weights)
    came = pd.DataFrame({"rep": ["a", "b"] * 2, "date": "2025-01-15", "measure": [*["销售额"] * 2,
                         *["回款"] * 2], "amount": [700.0, 50.0, 20.0, 25.0]})  # fmt: skip
    out = replan(plan, came, as_of="2025-01-31")
    assert out.groupby("measure")["target"].sum().to_dict() == {"销售额": 1200.0, "回款": 600.0}
    assert out.groupby(["measure", "rep"])["target"].sum().round(2).loc[("销售额", "b")] == 500.0


@pytest.mark.parametrize("count", [2049, 3000])
def test_thousands_of_keys_without_caps_have_room(count):
    # 2,049 to 4,096 open caps of 2**52 add up to a negative number in 64 bits.
    reps = pd.Index(range(count), name="rep")
    plan = decompose(
        count * 400.0, periods=("2025-01-01", "2025-12-31", "Q"), weights=pd.Series(1.0, index=reps)
    )
    came = pd.DataFrame({"rep": reps, "date": "2025-01-15", "amount": 70.0})
    out = replan(plan, came, as_of="2025-03-31")["target"].to_numpy().reshape(count, 4)
    assert (out == [70.0, 110.0, 110.0, 110.0]).all()


def test_leavers_that_are_only_named_leave_with_as_of():
    plan = year_plan()
    dated = replan(plan, None, as_of="2025-05-31", leavers={"r1": "2025-05-31"})
    for named in (["r1"], "r1", ("r1",)):
        assert replan(plan, None, as_of="2025-05-31", leavers=named).equals(dated)


def test_a_plan_that_is_over_is_told_so():
    plan = decompose(1200, periods=("2025-01-01", "2025-12-31", "M"))
    sales = pd.DataFrame({"date": ["2025-01-10"], "amount": [45.0]})
    with pytest.raises(InputError, match=r"1,155.00 is missing, and no open period is left"):
        replan(plan, sales, as_of="2025-12-31")


def test_bounds_are_for_keys_of_the_plan():
    plan = year_plan()
    for unknown in ({"zz": 5.0}, pd.Series({"a": 50.0}).rename_axis("team")):
        with pytest.raises(InputError, match="the plan's lowest key 'rep' does not have"):
            replan(plan, three_months("r1"), as_of="2025-03-31", upper=unknown)
    some = {"r1": float("nan"), "r2": 90.0}  # missing: no cap
    capped = replan(plan, three_months("r1"), as_of="2025-03-31", upper=some)
    only = replan(plan, three_months("r1"), as_of="2025-03-31", upper={"r2": 90.0})
    assert capped.equals(only)


def small_team(**weights: float) -> pd.DataFrame:
    """Team T with its reps, team U with two of 1,000 a month."""
    index = pd.MultiIndex.from_tuples(
        [*(("T", r) for r in weights), ("U", "c"), ("U", "d")], names=["team", "rep"]
    )
    shares = pd.Series([*weights.values(), 10.0, 10.0], index)
    total = 6 * 100 * shares.sum()
    return decompose(total, periods=("2025-01-01", "2025-06-30", "M"), weights=shares)


def by_month(out: pd.DataFrame) -> pd.DataFrame:
    return out.pivot_table(index="period_start", columns="rep", values="target")


def test_who_comes_in_the_place_of_the_only_rep_takes_over_what_he_had():
    joiner = pd.DataFrame({"team": ["T"], "rep": ["x"], "start": ["2025-02-15"]})
    out = replan(small_team(a=2), None, as_of="2025-01-31", leavers={"a": "2025-02-14"},
                 joiners=joiner)  # fmt: skip
    got = by_month(out)
    assert got["a"].tolist() == [200, 100, 0, 0, 0, 0]
    assert got["x"].tolist() == [0, 100, 200, 200, 200, 200]
    assert (got[["c", "d"]] == 1000).all(axis=None)


def test_a_place_that_is_empty_for_a_while_is_kept_by_others_so_long():
    joiner = pd.DataFrame({"team": ["T"], "rep": ["x"], "start": ["2025-04-16"]})
    out = replan(small_team(a=2), None, as_of="2025-01-31", leavers={"a": "2025-02-28"},
                 joiners=joiner)  # fmt: skip
    got = by_month(out)
    assert got["a"].tolist() == [200, 200, 0, 0, 0, 0]
    assert got["x"].tolist() == [0, 0, 0, 100, 200, 200]  # half of April
    assert got["c"].tolist() == got["d"].tolist() == [1000, 1000, 1100, 1050, 1000, 1000]


def test_two_in_the_place_of_two_share_by_weight_and_days():
    joiners = pd.DataFrame(
        {"team": "T", "rep": ["x", "y"], "start": ["2025-03-01", "2025-04-16"], "weight": [3, 2]}
    )
    out = replan(small_team(a=2, b=2), None, as_of="2025-01-31", joiners=joiners,
                 leavers={"a": "2025-02-28", "b": "2025-02-28"})  # fmt: skip
    got = by_month(out)
    assert got["x"].tolist() == [0, 0, 400, 300, 240, 240]  # April: 3 to 2 times a half
    assert got["y"].tolist() == [0, 0, 0, 100, 160, 160]
    assert (got[["c", "d"]] == 1000).all(axis=None)


def test_who_joins_later_is_no_colleague_yet():
    """c alone, x from March, y from July: halves, then thirds."""
    plan = decompose(3600, periods=("2025-01-01", "2025-12-31", "M"),
                     weights=pd.Series({("T", "c"): 1.0}).rename_axis(["team", "rep"]))  # fmt: skip
    joiners = pd.DataFrame({"team": "T", "rep": ["x", "y"], "start": ["2025-03-01", "2025-07-01"]})
    got = by_month(replan(plan, None, as_of=None, joiners=joiners))
    assert got["x"].tolist() == [0, 0, *[150] * 4, *[100] * 6]
    assert got["y"].tolist() == [*[0] * 6, *[100] * 6]
    assert got["c"].tolist() == [300, 300, *[150] * 4, *[100] * 6]


def test_caps_hold_also_where_only_people_move():
    plan = pd.DataFrame([
        {"rep": rep, "period_start": f"2026-0{m}-01", "period_end": f"2026-0{m}-28", "target": t}
        for rep in "abc" for m, t in ((2, 100.0), (3, 50.0))
    ])  # fmt: skip
    moved = replan(plan, None, as_of=None, leavers={"a": "2026-01-31"}, upper=130)
    assert moved["target"].tolist() == [0, 0, 130, 95, 130, 95]  # without the cap 150 and 75


def test_a_measure_column_that_is_named_and_not_there_is_refused():
    plan = pd.DataFrame({"period_start": ["2026-02-01"], "period_end": "2026-02-28", "target": 1.0})
    with pytest.raises(InputError, match="no column '指标'"):
        replan(plan, None, as_of=None, measure="指标", lower=0)


def test_bounds_for_nobody_bound_nothing_and_leavers_may_be_a_set():
    plan = year_plan()
    gone = {"r1", "r3"}
    want = replan(plan, None, as_of="2026-03-31", leavers=sorted(gone))
    got = replan(plan, None, as_of="2026-03-31", leavers=gone, lower={}, upper={})
    pd.testing.assert_frame_equal(got, want)


def test_a_leavers_part_stays_under_the_parent_also_where_actuals_come_in():
    plan = pd.DataFrame([
        {"team": team, "rep": rep, "period_start": f"2026-0{m}-01", "period_end": f"2026-0{m}-28",
         "target": 100.0}
        for team, rep in (("N", "a"), ("N", "b"), ("S", "c")) for m in (2, 3)
    ])  # fmt: skip
    came = pd.DataFrame({"rep": list("abc"), "date": "2026-02-09", "amount": 100.0})
    again = replan(plan, came, as_of="2026-02-28", leavers={"a": "2026-02-28"})
    assert again["target"].tolist() == [100, 0, 100, 200, 100, 100]  # c has nothing to do with it
