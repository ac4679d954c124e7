"""Plans that go from one call to the next, and rules of the targets desk worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, plots
from salesmgmt.forecast import summarise
from salesmgmt.incentives import CommissionPlan, simulate_payout
from salesmgmt.targets import (
    allocate,
    attainment_probability,
    balance_territories,
    blend_weights,
    burn_up,
    capacity,
    check_smart,
    decompose,
    disaggregate,
    equal_probability_quotas,
    growth_path,
    rake,
    reconcile,
    replan,
    roll_up,
    round_plan,
    seasonal_profile,
    track,
)

MONTHS = pd.DataFrame(
    {
        "period_start": pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"]),
        "period_end": pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31"]),
    }
)


def plan() -> pd.DataFrame:
    a = MONTHS.assign(rep="a", target=[310.0, 280.0, 310.0])
    b = MONTHS.assign(rep="b", target=[100.0, 200.0, 300.0])
    return pd.concat([a, b], ignore_index=True)


CAME = pd.DataFrame({"rep": ["a", "a", "b"], "date": ["2026-01-20", "2026-02-10", "2026-02-01"],
                     "amount": [341.0, 100.0, 50.0]})  # fmt: skip


def test_a_replanned_plan_is_replanned_again_next_month():
    january = replan(plan(), CAME, as_of="2026-01-31")
    again = replan(january, CAME, as_of="2026-01-31")
    assert again["target"].tolist() == january["target"].tolist()
    february = replan(january, CAME, as_of="2026-02-28")
    # What came in is fixed, the rest of 900 and 600 is left for March.
    assert february["target"].tolist() == [341.0, 100.0, 459.0, 0.0, 50.0, 550.0]
    assert february.columns.tolist() == january.columns.tolist()


def test_a_replanned_plan_is_tracked_and_rolled_up():
    new = replan(plan(), CAME, as_of="2026-01-31")
    assert roll_up(new, freq="all")["target"].tolist() == [900.0, 600.0]
    now = track(new, CAME, as_of="2026-02-14")
    assert now["rep"].tolist() == ["a", "b"]
    assert now["expected"].tolist() == pytest.approx([341 + 265.29 / 2, 120.0])
    draws = pd.DataFrame({"rep": ["a", "b"], "date": "2026-03-01", "draw": 0, "amount": 500.0})
    assert attainment_probability(new, draws, actuals=CAME)["target"].tolist() == [900.0, 600.0]
    assert len(check_smart(new, CAME)) == 5
    assert burn_up(new, CAME, as_of="2026-02-14")["total"].iloc[0] == 1500.0
    weeks = decompose(new, periods=("2026-01-01", "2026-03-31", ("W", "M")))
    assert weeks.groupby("rep")["target"].sum().round(2).tolist() == [900.0, 600.0]


def test_a_reconciled_plan_is_a_plan():
    below = plan().assign(target=lambda p: 2 * p["target"]).astype({"period_start": "str"})
    both = reconcile(plan(), below)
    assert both["period_end"].tolist() == plan()["period_end"].tolist()
    assert both["target"].sum() == 1500
    assert track(both, CAME, as_of="2026-02-14")["rep"].tolist() == ["a", "b"]


def test_two_plans_are_reconciled_whatever_the_order_of_their_keys():
    top = plan().assign(region="N")
    reps = top[["region", "period_end", "target", "rep", "period_start"]]
    got = reconcile(top[["rep", "region", "period_start", "period_end", "target"]], reps)
    assert got["target"].tolist() == got["top_down"].tolist() == got["bottom_up"].tolist()


def test_amounts_below_zero_are_reconciled_like_their_opposites():
    above = pd.Series({"a": 600.0, "b": 400.0, "c": 100.0})
    below = pd.Series({"a": 510.0, "b": 430.0, "c": 100.0})
    # Halfway is (555, 415, 100), 30 short of 1,100: 10 more each.
    assert reconcile(above, below)["target"].tolist() == [565.0, 425.0, 110.0]
    assert reconcile(-above, -below)["target"].tolist() == [-565.0, -425.0, -110.0]
    # Halfway is (95, -30), 15 short of 80: 7.5 more each.
    mixed = reconcile(pd.Series({"a": 100.0, "b": -20.0}), pd.Series({"a": 90.0, "b": -40.0}))
    assert mixed["target"].tolist() == [102.5, -22.5]
    many = pd.Series(np.r_[-5.0, np.ones(20)])
    assert reconcile(many, many)["target"].tolist() == many.tolist()


def test_the_whole_is_tracked_without_keys():
    now = track(plan(), CAME.drop(columns="rep"), as_of="2026-01-31", by=[])
    assert (now["actual"].item(), now["expected"].item()) == (341.0, 410.0)
    teams = plan().assign(team="t")
    team = track(teams, CAME[["date", "amount"]].assign(team="t"), as_of="2026-01-31", by="team")
    assert team["actual"].item() == 341.0


def test_a_direction_for_no_measure_is_refused():
    with pytest.raises(InputError, match="'cots'"):
        track(plan().assign(measure="cost"), CAME, as_of="2026-01-31", direction={"cots": "lower"})


def test_accounts_known_by_their_city_still_make_as_many_territories():
    rng = np.random.default_rng(0)
    city = rng.integers(0, 5, 60)
    accounts = pd.DataFrame({"value": rng.lognormal(3, 1, 60).round(2),
                             "x": np.array([0.0, 1, 3, 5, 9])[city],
                             "y": np.array([0.0, 4, 1, 5, 2])[city]})  # fmt: skip
    for n in (2, 4, 8):
        out = balance_territories(accounts, n, xy=("x", "y"))
        assert sorted(out["territory"].unique()) == list(range(1, n + 1))
        # The largest account alone may be more than an even share; 15 % over it is enough here.
        assert out.attrs["after"]["value"] < 0.15
        mixed = balance_territories(accounts.sample(frac=1, random_state=n), n, xy=("x", "y"))
        assert (mixed["territory"].sort_index() == out["territory"]).all()


def test_shares_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="growth"):
        growth_path(100.0, years=2, growth=-1.5)
    with pytest.raises(InputError, match="likely"):
        check_smart(plan(), CAME, likely=(0.9, 0.1))


def test_actuals_of_two_currencies_are_never_added():
    mixed = CAME.assign(currency=["CNY", "CNY", "USD"])
    for call in (track, replan, burn_up):
        with pytest.raises(InputError, match="currencies"):
            call(plan(), mixed, as_of="2026-01-31")
    with pytest.raises(InputError, match="currencies"):
        seasonal_profile(mixed)
    with pytest.raises(InputError, match="currencies"):
        check_smart(plan(), mixed)
    draws = pd.DataFrame({"rep": ["a", "b"], "date": "2026-01-01", "draw": 0, "amount": [9.0, 1.0]})
    with pytest.raises(InputError, match="currencies"):
        equal_probability_quotas(draws, 10, history=mixed.assign(rep="a"))
    each = plan().assign(currency=lambda p: p["rep"].map({"a": "CNY", "b": "USD"}))
    assert track(each, mixed, as_of="2026-03-31")["actual"].tolist() == [441.0, 50.0]


@pytest.mark.parametrize(
    "options",
    [{"rho": 0.5}, {"intercept": False}, {"method": "pro_rata", "differences": 2},
     {"method": "chow_lin", "cholette": False}],
)  # fmt: skip
def test_options_of_another_method_of_disaggregation_are_refused(options):
    years = pd.Series({2024: 100.0, 2025: 120.0, 2026: 110.0})
    with pytest.raises(InputError, match="goes with method"):
        disaggregate(years, **options)


def test_many_accounts_on_a_map_are_divided_in_reasonable_time():
    """Ten thousand accounts: each move once compared every account with every other."""
    rng = np.random.default_rng(2)
    accounts = pd.DataFrame({"value": rng.lognormal(5, 1, 10_000)})
    accounts[["x", "y"]] = rng.random((10_000, 2))
    got = balance_territories(accounts, 12, xy=("x", "y"))
    assert got.attrs["after"]["value"] < 0.1
    assert sorted(got["territory"].unique()) == list(range(1, 13))


@pytest.mark.parametrize("often", [0.45, 0.2, 0.05])
def test_a_rep_who_sells_on_few_days_has_a_week_all_the_same(often):
    """The middle Monday of such a rep is zero; Mondays are not."""
    rng = np.random.default_rng(7)
    days = pd.date_range("2021-01-04", periods=7 * 200)
    sold = rng.random(len(days)) < often
    amount = rng.lognormal(3, 0.3, len(days)) * np.tile([2, 1, 1, 1, 1, 1, 1], 200) * sold
    history = pd.DataFrame({"date": days, "amount": np.round(amount, 2)})
    shares = seasonal_profile(history, freq="D")["share"]
    assert shares.sum() == pytest.approx(1)
    assert shares.min() > 0.03
    assert shares.idxmax() == 0
    whole = seasonal_profile(history.assign(amount=history["amount"] * 100), freq="D")["share"]
    np.testing.assert_allclose(whole, shares)


def test_a_day_that_is_closed_but_once_stays_closed():
    days = pd.date_range("2021-01-04", periods=7 * 60)
    amount = np.tile([100.0] * 6 + [0.0], 60)
    amount[6] = 500.0
    profile = seasonal_profile(pd.DataFrame({"date": days, "amount": amount}), freq="D")
    assert profile["share"].iloc[6] == 0


def test_days_between_the_periods_of_a_plan_are_no_days_of_it():
    spring_and_autumn = MONTHS.iloc[[0, 2]].assign(rep="a", target=[310.0, 310.0])
    now = track(spring_and_autumn, CAME[:2], as_of="2026-02-10", projection="run_rate").iloc[0]
    assert now["actual"] == 341.0  # the 100 of February lie outside the plan
    assert now["run_rate"] == pytest.approx(341 / 31)
    assert now["required_rate"] == pytest.approx((620 - 341) / 31)
    assert now["projected"] == pytest.approx(341 * 2)


@pytest.mark.parametrize("step", [0.01, 1, 100])
def test_quotas_are_reached_by_the_same_draws_as_their_plan(step):
    rng = np.random.default_rng(5)
    draws = pd.DataFrame(
        {"rep": np.repeat(["a", "b"], 40), "date": pd.Timestamp("2026-01-01"),
         "draw": np.tile(range(40), 2), "amount": rng.integers(0, 60, 80) * 10.0}
    )  # fmt: skip
    quotas = equal_probability_quotas(draws, 500, step=step)
    plan = quotas[["rep", "target"]].assign(period_start="2026-01-01", period_end="2026-01-31")
    assert quotas["p_attain"].tolist() == attainment_probability(plan, draws)["p_attain"].tolist()


def test_quotas_of_losses_add_up():
    draws = pd.DataFrame({"rep": list("aaabbb"), "date": pd.Timestamp("2026-01-01"),
                          "draw": [0, 1, 2] * 2, "amount": [-9.0, -6, -3, 1, 4, 7]})  # fmt: skip
    assert equal_probability_quotas(draws, -2)["target"].tolist() == [-6.0, 4.0]
    assert equal_probability_quotas(draws, -5)["target"].tolist() == [-7.5, 2.5]
    nothing = equal_probability_quotas(draws, 0)["target"].tolist()
    assert nothing == [-5.0, 5.0]


def test_equal_claims_of_unequal_weights_go_to_the_smaller_label():
    # 5 / 12.5 = 1 / 2.5: after 12, 12, 2, 2 all four claim the 29th and 30th unit alike.
    weights = pd.Series([5.0, 1.0, 5.0, 1.0], index=[1, 17, 30, 20])
    assert allocate(30, weights, step=1, method="webster").to_dict() == {
        1: 13,
        17: 3,
        30: 12,
        20: 2,
    }


def test_missing_weights_are_the_same_in_any_order():
    weights = pd.Series([None, 0.1, None, 0.2, 0.2, 0.2, 0.1], index=list("bdfcega"))
    got = allocate(38761.85, weights)
    assert got[list("abdf")].tolist() == [3876.19, 3876.19, 3876.18, 3876.18]  # .1 of the whole
    assert allocate(38761.85, weights[::-1])[weights.index].equals(got)


def test_who_was_there_at_the_start_does_not_ramp():
    heads = pd.Series([10, 12], index=pd.period_range("2026-01", periods=2, freq="M"))
    team = capacity(heads, productivity=100, ramp=(0.3, 0.8), periods=("2026-01", "2026-02", "M"))
    assert team["productive"].tolist() == [10.0, 10.6]


def test_growth_after_nothing_is_left_is_not_known():
    path = growth_path(100.0, years=3, growth=-1)
    assert path["amount"].tolist() == [0, 0, 0]
    assert path["growth"].fillna(9).tolist() == [-1, 9, 9]


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_the_same_span_of_the_year_before_has_its_own_first_days(year):
    """Months dated by their first day: around a leap year one was left out, or one too many."""
    months = pd.date_range("2022-01-01", "2025-12-01", freq="MS")
    history = pd.DataFrame({"rep": "a", "date": months, "amount": 100.0, "measure": "sales"})
    cash = history.assign(measure="cash", amount=7.0)
    year_plan = pd.DataFrame({"rep": ["a"], "measure": "sales", "period_start": [f"{year}-01-01"],
                              "period_end": [f"{year}-12-31"], "target": [1320.0]})  # fmt: skip
    evidence = check_smart(year_plan, pd.concat([history, cash]))["evidence"][2]
    assert evidence.startswith("asks for +10.0%")


FEBRUARY = [pd.Timestamp("2026-02-01")]


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (10, 5, "first 'N / a' in the period from 2026-01-01: 10 > 5"),
        (pd.Series([10.0], FEBRUARY), pd.Series([5.0], FEBRUARY), "first the period from 2026-02-"),
        (pd.Series({"S": 10.0}), pd.Series({"S": 5.0}), r"first 'S': 10 > 5 \(gap 5\)"),
        (pd.Series({"c": 10.0}), pd.Series({"c": 5.0}), r"first 'S / c': 10 > 5 \(gap 5\)"),
    ],
)
def test_a_floor_above_its_cap_is_named_as_what_it_bounds(lower, upper, message):
    tree = pd.MultiIndex.from_tuples([("N", "a"), ("N", "b"), ("S", "c")], names=["region", "rep"])
    weights = pd.Series([1.0, 2.0, 3.0], index=tree)
    with pytest.raises(InputError, match=message):
        decompose(
            100, periods=("2026-01", "2026-02", "M"), weights=weights, lower=lower, upper=upper
        )


def test_the_heat_map_runs_in_time_and_adds_no_measures():
    late_first = plan().iloc[1:]
    both = pd.concat([late_first.assign(measure="销售额"), late_first.assign(measure="回款")])
    ax = plots.plan_heatmap(both)
    assert [v.get_text() for v in ax.get_xticklabels()] == ["2026-01", "2026-02", "2026-03"]
    assert [v.get_text() for v in ax.get_yticklabels()][:2] == ["a / 销售额", "b / 销售额"]
    assert [v.get_text() for v in ax.texts][:6] == ["", "280", "310", "100", "200", "300"]


def test_a_key_has_its_season_from_its_own_first_row_on():
    """What a region was before it was opened says nothing of its months."""
    months = pd.date_range("2021-01-01", "2025-06-01", freq="MS")
    shape = np.tile([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 5)[: len(months)] * 10
    old = pd.DataFrame({"region": "old", "date": months, "amount": shape[::-1].copy()})
    new = pd.DataFrame({"region": "new", "date": months, "amount": shape})[30:]  # July 2023
    for method in ("robust", "share", "mean"):
        both = seasonal_profile(pd.concat([old, new]), by="region", method=method)
        alone = seasonal_profile(new, method=method)
        got = both.loc[both["region"] == "new", "share"].to_numpy()
        assert got == pytest.approx(alone["share"].to_numpy())
    assert got[6] == pytest.approx(7 / 78)
    fresh = new[-4:].assign(region="newest")
    with pytest.warns(DataWarning, match="less than a whole cycle of history, first 'newest'"):
        three = seasonal_profile(pd.concat([old, new, fresh]), by="region")
    whole = seasonal_profile(pd.concat([old, new, fresh]))
    got = three.loc[three["region"] == "newest", "share"].to_numpy()
    assert got == pytest.approx(whole["share"].to_numpy())


@pytest.mark.parametrize("method", ["proportional", "even", "catch_up", "minimal"])
def test_bounds_of_replan_hold_where_nothing_else_changes(method):
    on_plan = pd.DataFrame({"rep": ["a", "b"], "date": "2026-01-05", "amount": [310.0, 100.0]})
    new = replan(plan(), on_plan, as_of="2026-01-31", upper={"a": 300, "b": 260}, method=method)
    assert new["target"].tolist() == [310.0, 290.0, 300.0, 100.0, 240.0, 260.0]
    losses = plan().assign(target=[310.0, 280, -10, 100, 200, 300])
    assert replan(losses, on_plan, as_of="2026-01-31")["target"].tolist()[2] == -10


def test_totals_by_key_leave_the_columns_exact():
    """Thirds of an odd amount for each of nine: rounded one by one, a column was up to 3 off."""
    weights = pd.Series(1.0, index=pd.Index(list("abcdefghi"), name="rep"))
    totals = pd.Series(100.0, index=weights.index)
    by_key = decompose(totals, periods=("2026-01", "2026-03", "M"), weights=weights, step=1)
    assert by_key.groupby("rep")["target"].sum().eq(100).all()
    assert by_key.groupby("period_start")["target"].sum().tolist() == [300, 300, 300]


def test_a_curve_within_quarters_of_one_year_is_a_curve():
    """Only totals of two years and more tell an indicator from a curve."""
    months = pd.period_range("2026-01", periods=12, freq="M")
    curve = pd.Series([1.0, 2, 3] * 2 + [5, 1, 1] * 2, index=months)
    quarters = pd.Series([60.0, 600, 70, 700], index=pd.period_range("2026Q1", periods=4, freq="Q"))
    told = decompose(quarters, periods=months, profile=curve, step=1)["target"].tolist()
    assert told == [10, 20, 30, 100, 200, 300, 50, 10, 10, 500, 100, 100]


@pytest.mark.parametrize("option", ["calendar", "profile"])
def test_one_day_has_one_weight(option):
    """Two clock times of a day: the later row won, so the order of rows moved the plan."""
    moments = [pd.Timestamp("2026-01-01 08:00"), pd.Timestamp("2026-01-01 17:00"), FEBRUARY[0]]
    weights = {option: pd.Series([1.0, 0.0, 1.0], index=pd.DatetimeIndex(moments))}
    with pytest.raises(InputError, match=f"{option} has 1 date.s. more than once, first 2026-01"):
        decompose(100, periods=("2026-01-01", "2026-01-02", "D"), **weights)


def test_limits_by_named_levels_in_any_order():
    levels = ["region", "team", "rep"]
    tree = pd.MultiIndex.from_tuples(
        [("N", "t1", "a"), ("N", "t1", "b"), ("S", "t1", "a")], names=levels
    )
    call = {"periods": ("2026-01", "2026-02", "M"), "weights": pd.Series(1.0, index=tree)}
    full = pd.Series([50.0], pd.MultiIndex.from_tuples([("N", "t1", "a")], names=levels))
    expected = decompose(90, lower=full, **call)
    assert expected["target"].tolist() == [25.0, 25.0, 10.0, 10.0, 10.0, 10.0]
    for names in (["rep", "region"], ["rep", "team", "region"]):
        part = pd.Series([50.0], pd.MultiIndex.from_tuples(full.index, names=levels))
        part = part.droplevel([n for n in levels if n not in names]).reorder_levels(names)
        pd.testing.assert_frame_equal(decompose(90, lower=part, **call), expected)
    unclear = full.droplevel("region")
    with pytest.raises(InputError, match="'team', 'rep' alone"):
        decompose(90, lower=unclear, **call)


@pytest.mark.parametrize("calendar", [None, "CN"])
def test_a_plan_by_day_cuts_months_as_one_by_month_does(calendar):
    """Half a January has half its share, whatever the leaves; by day it had all of it."""
    flat = pd.Series(1.0, index=range(1, 13))
    by_month, by_day = (
        decompose(7500, periods=("2025-01-15", "2025-03-10", freq), profile=flat, calendar=calendar)
        for freq in "MD"
    )
    expected = by_month["target"].tolist()
    months = by_day.groupby(by_day["period_start"].dt.month)["target"].sum()
    assert months.tolist() == pytest.approx(expected, abs=0.01)
    parts = np.array([17 / 31, 1, 10 / 31])
    assert expected == pytest.approx((7500 * parts / parts.sum()).tolist(), abs=0.01)


@pytest.mark.parametrize("xy", [None, ("x", "y")])
def test_an_account_larger_than_an_even_share_leaves_the_others_level(xy):
    """What is left is divided evenly: nobody else is far above or below the mean of the rest."""
    rng = np.random.default_rng(1)
    accounts = pd.DataFrame({"value": rng.lognormal(9.5, 0.8, 90).round(2)})
    accounts[["x", "y"]] = rng.uniform(0, 100, (90, 2))
    accounts.loc[0, "value"] = 2 * accounts["value"].sum() / 6
    got = balance_territories(accounts, 6, xy=xy)
    sums = got.groupby("territory")["value"].sum()
    assert (got["territory"] == got["territory"][0]).sum() == 1
    rest = sums.drop(got["territory"][0])
    assert (rest / rest.mean() - 1).abs().max() < 0.1
    # A lock in each territory: none is free for the account alone, and all locks hold.
    locked = accounts.assign(stay=[np.nan] * 10 + [1.0, 2, 3, 4, 5, 6] + [np.nan] * 74)
    kept = balance_territories(locked, 6, xy=xy, locked="stay")
    assert kept["territory"][10:16].tolist() == [1, 2, 3, 4, 5, 6]


def test_territories_on_a_map_are_even_and_cells_of_the_map():
    rng = np.random.default_rng(3)
    towns = rng.uniform(0, 100, (40, 2))
    accounts = pd.DataFrame({"value": rng.lognormal(5, 1, 1500)})
    accounts[["x", "y"]] = towns[rng.integers(0, 40, 1500)] + rng.normal(0, 3, (1500, 2))
    got = balance_territories(accounts, 15, xy=("x", "y"))
    sums = got.groupby("territory")["value"].sum()
    assert (sums / sums.mean() - 1).abs().max() < 0.05
    # Hardly anybody lies among accounts of another territory only.
    from scipy.spatial import cKDTree

    place = accounts[["x", "y"]].to_numpy()
    near = cKDTree(place).query(place, k=6)[1][:, 1:]
    group = got["territory"].to_numpy()
    assert (group[near] == group[:, None]).any(axis=1).mean() > 0.98


def test_who_changes_the_team_is_told_by_the_date():
    """ERPNext and others hold targets by person and group; sales name the person alone."""
    moved = pd.DataFrame(
        {
            "team": ["N", "S", "S", "S"],
            "rep": ["Li", "Li", "Wang", "Wang"],
            "period_start": ["2026-01-01", "2026-02-01"] * 2,
            "period_end": ["2026-01-31", "2026-02-28"] * 2,
            "target": [310.0, 280.0, 155.0, 140.0],
        }
    )
    sales = pd.DataFrame(
        {
            "rep": ["Li", "Wang", "Li", "Li"],
            "date": ["2026-01-05", "2026-01-06", "2026-02-02", "2026-03-02"],
            "amount": [300.0, 100.0, 50.0, 7.0],
        }
    )
    now = track(moved, sales, as_of="2026-02-28")
    assert now[["team", "rep"]].to_numpy().tolist() == [["N", "Li"], ["S", "Li"], ["S", "Wang"]]
    assert now["actual"].tolist() == [300.0, 50.0, 100.0]
    assert track(moved, sales, as_of="2026-02-28", by="team")["actual"].tolist() == [300.0, 150.0]
    again = replan(moved, sales, as_of="2026-01-31")
    assert again["target"].tolist()[::2] == [300.0, 100.0]
    with pytest.raises(InputError, match=r"none of the plan's key columns .* use .reset_index"):
        track(moved, sales.set_index("rep"), as_of="2026-02-28")
    both = pd.concat([moved, moved.head(1).assign(team="S")])
    with pytest.raises(InputError, match="'Li' belong to several rows"):
        track(both, sales, as_of="2026-02-28")
    with pytest.raises(InputError, match="several parents at the same time"):
        replan(both, sales, as_of="2026-01-31")


@pytest.mark.parametrize(
    "months", [["2026-01", "2026-02"], pd.PeriodIndex(["2026-01", "2026-02"], freq="M")]
)
def test_one_column_of_months_is_start_and_end(months):
    own = pd.DataFrame({"rep": "Li", "month": months, "target": [310.0, 280.0]})
    sales = pd.DataFrame({"rep": ["Li"], "date": ["2026-01-31"], "amount": [300.0]})
    how = {"period_start": "month", "period_end": "month"}
    assert track(own, sales, as_of="2026-02-14", **how)["expected"].tolist() == [450.0]
    again = replan(own, sales, as_of="2026-01-31", **how)
    assert again["target"].tolist() == [300.0, 290.0]
    assert track(again, sales, as_of="2026-02-14")["expected"].tolist() == [445.0]
    assert roll_up(own, freq="Q", **how)["period_end"].tolist() == [pd.Timestamp("2026-02-28")]
    joined = replan(own, None, as_of="2026-01-31", joiners={"Wu": "2026-02-01"}, **how)
    assert joined["target"].tolist() == [310.0, 140.0, 0.0, 140.0]
    with pytest.raises(InputError, match="has both 'month' and 'period_end'"):
        replan(own.assign(period_end="2026-12-31"), sales, as_of="2026-01-31", **how)


def test_currencies_of_a_plan_are_never_added_nor_make_up_for_each_other():
    start = pd.date_range("2026-01-01", periods=4, freq="MS")
    plan = pd.DataFrame(
        {"currency": ["EUR"] * 8 + ["USD"] * 4, "rep": ["a"] * 4 + ["b"] * 4 + ["c"] * 4}
    ).assign(period_start=[*start] * 3, target=100.0)
    plan["period_end"] = plan["period_start"] + pd.offsets.MonthEnd(0)
    sold = pd.DataFrame(
        {"currency": ["EUR"], "rep": ["a"], "date": ["2026-01-09"], "amount": [450.0]}
    )
    # a has sold 50 more than in all was asked: b, not c, who is paid in dollars, has less to do.
    again = replan(plan, sold, as_of="2026-01-31")
    assert again.groupby("rep")["target"].sum().to_dict() == {"a": 450.0, "b": 350.0, "c": 400.0}
    drawn = plan.rename(columns={"period_start": "date", "target": "amount"}).assign(draw=0)
    told = r"\(\): (plan|samples) holds amounts of 2 currencies \(EUR, USD\), which are never added"
    for call in (
        lambda: roll_up(plan, levels=[], freq="Y"),
        lambda: track(plan, sold.iloc[:0], as_of="2026-01-31", by=[]),
        lambda: attainment_probability(plan, drawn, by=[]),
        lambda: attainment_probability(plan.drop(columns="currency"), drawn, by=[]),
        lambda: equal_probability_quotas(drawn, 1200.0, by="rep"),
        lambda: burn_up(plan, sold, as_of="2026-01-31"),
        lambda: simulate_payout(drawn, CommissionPlan([(0, 0.1)], base="amount"), by="rep"),
        lambda: summarise(drawn[["currency", "rep", "date", "draw", "amount"]], by="date"),
    ):
        with pytest.raises(InputError, match=told):
            call()
    assert roll_up(plan, levels="currency", freq="Y")["target"].tolist() == [800.0, 400.0]
    assert roll_up(plan, levels="rep", freq="Y")["target"].tolist() == [400.0] * 3


def test_one_total_is_not_divided_over_currencies():
    keys = [("CNY", "a"), ("CNY", "b"), ("USD", "c")]
    weights = pd.Series(1.0, pd.MultiIndex.from_tuples(keys, names=["currency", "rep"]))
    year = ("2026-01-01", "2026-12-31", "Q")
    for total in (900, {2026: 900}, {"sales": 900, "margin": 90}):
        with pytest.raises(InputError, match=r"over 2 currencies \(CNY, USD\).*own total"):
            decompose(total, periods=year, weights=weights)
    each = decompose({"CNY": 800, "USD": 100}, periods=year, weights=weights)
    assert each.groupby("rep")["target"].sum().to_dict() == {"a": 400.0, "b": 400.0, "c": 100.0}
    yuan = decompose(900, periods=year, weights=weights.loc[["CNY"]])
    assert yuan["target"].sum() == 900.0


def test_weeks_of_a_plan_keep_their_weekday():
    weights = pd.Series({"a": 1.0, "b": 2.0}).rename_axis("rep")
    plan = decompose(5300, periods=("4-4-5", 2025, "W"), weights=weights)  # Sundays
    weeks = roll_up(plan, levels=[], freq="W")
    assert weeks["period_start"].dt.day_name().eq("Sunday").all()
    assert len(weeks) == 53
    pd.testing.assert_frame_equal(weeks, roll_up(plan, levels=[]))
    days = decompose(700, periods=("2025-01-05", "2025-01-18", "D"), weights=weights)
    cut = roll_up(days, levels=[], freq="W")["period_start"]
    assert cut.dt.day_name().tolist() == ["Sunday", "Monday", "Monday"]


def test_a_plan_in_yuan_is_not_compared_with_dollars():
    """One table in one currency, the next in another: nothing is mixed within either."""
    draws = pd.DataFrame({"rep": ["a", "b"], "date": "2026-02-01", "draw": 0, "amount": [9.0, 1.0]})
    yuan, dollars = plan().assign(currency="CNY"), CAME.assign(currency="USD")
    told = r"plan and actuals hold amounts of 2 currencies \(CNY, USD\)"
    with pytest.raises(InputError, match=told):
        burn_up(yuan, dollars, as_of="2026-01-31")
    made, history = draws.assign(currency="CNY"), dollars.assign(rep="a")
    with pytest.raises(InputError, match="samples and actuals hold amounts of 2 currencies"):
        attainment_probability(plan(), made, actuals=dollars)
    with pytest.raises(InputError, match="samples and history hold amounts of 2 currencies"):
        equal_probability_quotas(made, 10, by="rep", history=history)
    with pytest.raises(InputError, match="plan and history hold amounts of 2 currencies"):
        check_smart(yuan, dollars)
    same = burn_up(yuan, CAME.assign(currency="CNY"), as_of="2026-01-31")
    pd.testing.assert_frame_equal(same, burn_up(plan(), CAME, as_of="2026-01-31"))


def test_a_fan_begins_with_the_plan_and_ends_where_track_projects():
    plan = MONTHS.iloc[1:].assign(target=100.0)  # February and March, seen from December
    came = pd.DataFrame({"date": ["2025-12-15"], "amount": [5.0]})
    draws = pd.DataFrame({"date": ["2026-01-01", "2026-02-01", "2026-03-01"] * 2,
                          "draw": [0] * 3 + [1] * 3,
                          "amount": [10.0] * 3 + [30.0] * 3})  # fmt: skip
    fan = burn_up(plan, came, as_of="2025-12-31", samples=draws)["p50"]
    assert fan.tolist() == [0.0, 20.0, 40.0]  # January is no part of it
    assert track(plan, came, as_of="2025-12-31", projection=draws)["projected"].item() == 40.0


def test_what_would_add_or_move_currencies_keeps_them_apart_or_refuses():
    cells = pd.DataFrame({"rep": list("aabb"), "currency": ["EUR", "USD"] * 2, **MONTHS.iloc[0],
                          "target": [600.0, 400.0, 100.0, 100.0], "value": 1.0})  # fmt: skip
    below = cells.assign(target=[500.0, 450.0, 100.0, 100.0])
    agreed = reconcile(cells.drop(columns="value"), below.drop(columns="value"))
    assert agreed.groupby("currency")["target"].sum().to_dict() == {"EUR": 700.0, "USD": 500.0}
    by_rep = pd.Series([1000.0, 200.0], index=pd.Index(["a", "b"], name="rep"))
    past = pd.DataFrame({"rep": ["a", "b"], "date": "2025-01-05", "amount": 9.0})
    for call in (
        lambda: rake(cells, [by_rep]),
        lambda: round_plan(cells.drop(columns="value"), step=1000),
        lambda: check_smart(cells.drop(columns="value"), past),
        lambda: balance_territories(cells, 2),
        lambda: blend_weights(cells, {"value": 1.0}, by=["rep", "currency"]),
    ):
        with pytest.raises(InputError, match="currencies"):
            call()


def test_a_supply_caps_teams_together():
    months = pd.period_range("2026-01", periods=2, freq="M")
    heads = pd.DataFrame([[10.0, 10.0], [5.0, 5.0]], index=["x", "y"], columns=months)
    got = capacity(heads, productivity=10, periods=("2026-01", "2026-02", "M"),
                   supply=pd.Series([200.0, 60.0], index=months))  # fmt: skip
    assert got["capacity"].tolist() == [100.0, 40.0, 50.0, 20.0]  # February: 60 for 150


def test_a_growth_path_leaves_no_year_out():
    base = pd.Series({2024: 100.0, 2025: 110.0})
    for years in ([2027], [2026, 2028], [2027, 2026]):
        with pytest.raises(InputError, match="follow one another from 2026"):
            growth_path(base, years=years, growth=0.1)
    size = pd.Series({"2026年": 440.0, "2027年": 550.0})
    assert growth_path(base, years=2, share=0.3, market=size)["share"].tolist() == [0.275, 0.3]
    assert growth_path(9.0, years=1, growth=pd.Series({1: 1.0}))["amount"].item() == 18.0
    months = pd.period_range("2026-11", periods=3, freq="M")
    for market in (size * 0, pd.Series(9.0, index=months)):
        with pytest.raises(InputError, match="market must"):
            growth_path(base, years=2, growth=0.1, market=market)


def test_nothing_to_break_down_or_to_count_is_said():
    with pytest.raises(InputError, match="totals has no entries"):
        disaggregate(pd.Series(dtype=float))
    with pytest.raises(InputError, match="headcount has no rows"):
        capacity(pd.DataFrame(), productivity=1, periods=("2026-01", "2026-02", "M"))


def test_the_pace_of_what_was_to_be_below_zero_is_the_better_the_more():
    loss = MONTHS.iloc[:1].assign(target=-100.0)
    came = pd.DataFrame({"date": ["2026-01-09"], "amount": [-80.0]})
    assert track(loss, came, as_of="2026-01-31")["pace"].item() == pytest.approx(1.2)


def test_a_season_of_returns_alone_counts_as_none():
    past = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=12, freq="QS"),
                         "amount": [100.0, -50.0, 100.0, 100.0] * 3})  # fmt: skip
    share = seasonal_profile(past, freq="Q", method="share")["share"]
    assert share.tolist() == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3])


def test_what_came_in_of_another_measure_is_no_part_of_a_plan():
    plan = MONTHS.iloc[:2].assign(rep="a", measure="销售额", target=10.0)
    came = pd.DataFrame({"rep": "a", "date": "2026-01-09", "measure": ["销售额", "回款"],
                         "amount": [4.0, 99.0]})  # fmt: skip
    draws = pd.DataFrame({"rep": "a", "date": "2026-02-01", "draw": [0, 0],
                          "measure": ["销售额", "回款"], "amount": [3.0, 50.0]})  # fmt: skip
    with pytest.warns(DataWarning, match="of other measures than '销售额'"):
        assert burn_up(plan, came, as_of="2026-01-31")["actual"].iloc[0] == 4.0
    with pytest.warns(DataWarning, match="of other measures than '销售额'"):
        odds = attainment_probability(plan, draws, actuals=came)
    with pytest.warns(DataWarning, match="of other measures than '销售额'"):
        seen = track(plan, came.head(1), as_of="2026-01-31", projection=draws)
    assert (odds["p50"].item(), seen["projected"].item()) == (7.0, 7.0)
    own = came.head(1).drop(columns="measure")  # those who name none are taken for the plan's
    assert replan(plan, own, as_of="2026-01-31")["target"].tolist() == [4.0, 16.0]
    by_rep = pd.Series([9.0], index=pd.Index(["a"], name="rep"))
    both = pd.concat([plan, plan.assign(measure="回款")])
    for call in (
        lambda: track(plan.drop(columns="measure"), came, as_of="2026-01-31"),
        lambda: replan(plan.drop(columns="measure"), came, as_of="2026-01-31"),
        lambda: equal_probability_quotas(draws, 5),
        lambda: seasonal_profile(came),
        lambda: rake(both, [by_rep]),
        lambda: round_plan(both.assign(rep=["a", "a", "b", "b"]), step=100),
    ):
        with pytest.raises(InputError, match="2 measures"):
            call()


@pytest.mark.parametrize(("years", "at", "times"), [(2, 8, 1000), (3, 8, 1000), (3, 8, 4),
                                                    (3, 20, 4), (4, 26, 30)])  # fmt: skip
def test_one_odd_month_is_no_season(years, at, times):
    """September of one year times 4 or a thousand: the shares stay those of the other years."""
    shape = 1 + 0.3 * np.sin(np.arange(12) * np.pi / 6)
    noise = np.random.default_rng(8).lognormal(0, 0.03, 12 * years)
    sales = pd.DataFrame({"date": pd.date_range("2022-01-01", periods=12 * years, freq="MS"),
                          "amount": 1000 * np.tile(shape, years) * noise})  # fmt: skip
    sales.loc[at, "amount"] *= times
    share = seasonal_profile(sales, freq="M")["share"].to_numpy()
    assert np.abs(share - shape / shape.sum()).max() < 0.01
