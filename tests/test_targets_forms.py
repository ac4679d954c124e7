"""The forms in which a stranger gives dates, totals, limits and calendars to the targets desk."""

from __future__ import annotations

import itertools
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, calendars, plots
from salesmgmt.targets import (
    allocate,
    balance_territories,
    burn_up,
    capacity,
    check_smart,
    decompose,
    disaggregate,
    growth_path,
    rake,
    ramp,
    reconcile,
    replan,
    roll_up,
    round_plan,
    seasonal_profile,
    track,
)

YEAR = ("2025-01-01", "2025-12-31", "M")
WORKED = [19, 19, 21, 22, 19, 20, 23, 21, 23, 18, 20, 23]  # State Council's 2025, by month


def organisation() -> pd.Series:
    index = pd.MultiIndex.from_tuples(
        [("N", "t1", "a"), ("N", "t1", "b"), ("N", "t2", "c"), ("S", "t3", "d")],
        names=["region", "team", "rep"],
    )
    return pd.Series([3.0, 1.0, 2.0, 6.0], index)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2025-01", "2025-12"),
        ("2025", "2025"),
        ("2025Q1", "2025Q4"),
        (pd.Period("2025-01", "M"), pd.Period("2025-12", "M")),
        (pd.Period("2025", "Y"), pd.Period("2025", "Y")),
    ],
)
def test_months_and_periods_are_meant_as_a_whole(first, last):
    assert decompose(1200, periods=(first, last, "M"))["target"].tolist() == [100.0] * 12
    assert len(calendars.working_days(first, last)) == 365
    assert calendars.count_working_days(first, last) == sum(WORKED)


@pytest.mark.parametrize("kind", ["text", "period", "object"])
def test_a_plan_by_month_names_its_ends_by_month_too(kind):
    months = pd.period_range("2025-01", periods=12, freq="M")
    given = {"text": months.astype(str), "period": months, "object": months.astype(object)}[kind]
    plan = pd.DataFrame({"rep": "a", "period_start": given, "period_end": given, "target": 100.0})
    came = pd.DataFrame({"rep": ["a"], "date": ["2025-06-10"], "amount": [50.0]})
    now = track(plan, came, as_of="2025-06-15").iloc[0]
    assert (now["expected"], now["actual"]) == (550.0, 50.0)
    assert track(plan, came, as_of="2025-06").loc[0, "expected"] == 600.0  # all of June is over
    assert roll_up(plan, freq="Q")["period_end"].iloc[0] == pd.Timestamp("2025-03-31")


def test_a_working_day_table_is_a_calendar():
    days = calendars.working_days("2025-01-01", "2025-12-31")
    assert decompose(248, periods=YEAR, calendar=days, step=1)["target"].tolist() == WORKED
    plan = decompose(248, periods=YEAR, step=1)
    came = pd.DataFrame({"date": ["2025-01-10"], "amount": [10.0]})
    by_code = track(plan, came, as_of="2025-05-14", calendar="CN")
    assert track(plan, came, as_of="2025-05-14", calendar=days).equals(by_code)
    with pytest.raises(InputError, match="calendar has no column 'weight'"):
        decompose(248, periods=YEAR, calendar=days[["date"]])


def test_totals_by_quarter_key_or_measure_and_year():
    quarters = pd.Series([100.0, 200, 300, 400], pd.period_range("2025Q1", periods=4, freq="Q"))
    for given in (quarters, quarters.to_timestamp(), quarters.rename(index=str)):
        plan = decompose(given, periods=YEAR)
        assert roll_up(plan, freq="Q")["target"].tolist() == [100.0, 200.0, 300.0, 400.0]
    regions = pd.Series({"N": 700.0, "S": 500.0})
    for given in (regions, regions.rename_axis("region")):
        plan = decompose(given, periods=YEAR, weights=organisation())
        assert roll_up(plan, levels="region", freq="Y")["target"].tolist() == [700.0, 500.0]
    both = pd.Series(
        [1000.0, 1200.0, 800.0, 900.0],
        pd.MultiIndex.from_product([["销售额", "回款"], [2025, 2026]], names=["measure", "year"]),
    )
    plan = decompose(both, periods=("2025-01-01", "2026-12-31", "Q"))
    sums = roll_up(plan, freq="Y").set_index(["measure", "period_start"])["target"]
    assert sums["回款"].tolist() == [800.0, 900.0]
    assert sums["销售额"].tolist() == [1000.0, 1200.0]
    fiscal = pd.Series([1200.0, 2400.0], pd.PeriodIndex(["2026", "2027"], freq="Y-MAR"))
    plan = decompose(fiscal, periods=("2025-04-01", "2027-03-31", "M"), year_start=4)
    assert plan["target"].tolist() == [100.0] * 12 + [200.0] * 12
    with pytest.raises(InputError, match="at most one level may be a time and one a measure"):
        decompose(both.rename({2025: "u", 2026: "v"}, level=1), periods=YEAR)


def test_limits_by_a_lower_key_and_by_text_dates():
    lock = pd.DataFrame({"rep": ["a"], "period_start": ["2025-03-01"], "target": [100.0]})
    plan = decompose(1200, periods=YEAR, weights=organisation(), locked=lock)
    cell = plan[(plan["rep"] == "a") & (plan["period_start"] == "2025-03-01")]
    assert cell["target"].item() == 100.0
    assert plan["target"].sum() == pytest.approx(1200, abs=1e-9)
    by_date = pd.Series({("2025-03-01", "a"): 100.0}).rename_axis(["period_start", "rep"])
    assert decompose(1200, periods=YEAR, weights=organisation(), locked=by_date).equals(plan)
    for month in ("2025-12", "2025-12-01", pd.Period("2025-12", "M")):
        capped = decompose(1200, periods=YEAR, weights=organisation(), upper=pd.Series({month: 80}))
        assert roll_up(capped, levels=[])["target"].iloc[-1] == 80.0
    days = ("2025-01-01", "2025-12-31", "D")
    with pytest.raises(InputError, match="hold several periods of the plan, first '2025-12'"):
        decompose(365, periods=days, upper=pd.Series({"2025-12": 1.0}))
    worked = decompose(1000, periods=days, calendar="CN", locked=pd.Series({"2025-01-01": 5.0}))
    assert worked["target"].iloc[0] == 5.0  # a sale on New Year's day is planned by hand
    with pytest.raises(InputError, match="locked has no column 'rep'"):
        decompose(1200, periods=YEAR, weights=organisation(),
                  locked=lock.rename(columns={"rep": "team"}).assign(team="t1"))  # fmt: skip


def test_a_hire_on_the_first_of_a_month_ramps_as_if_the_plan_had_begun_before():
    curve = (0, 0.25, 0.5, 0.75, 1.0)
    for hired, age in {"2024-12-01": 1, "2024-11-01": 2, "2024-10-01": 3, "2024-12-31": 1}.items():
        got = ramp(pd.Series({"n": hired}), YEAR).to_numpy()[0]
        assert got.tolist() == [curve[min(age + k, 4)] for k in range(12)]
    assert ramp(pd.Series({"n": "2024-10-01"}), (*YEAR[:2], "Q")).to_numpy()[0][0] == 0.25
    weeks = ramp(pd.Series({"n": "2024-12-16"}), ("2025-01-01", "2025-12-31", "W"))
    assert weeks.to_numpy()[0][:4].tolist() == [0.75, 1.0, 1.0, 1.0]  # weeks of 16, 23, 30 December


def test_a_hire_before_a_retail_year_ramps_by_the_length_of_its_periods():
    """364 days in twelve periods: one that began k periods and a half before is in its k + 2nd."""
    curve = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    first = ramp(pd.Series({"n": None}), ("4-4-5", 2025)).columns[0]
    for k in range(5):
        hired = first - pd.Timedelta(days=int((k + 0.5) * 364 / 12))
        got = ramp(pd.Series({"n": hired}), ("4-4-5", 2025), curve=curve).to_numpy()[0]
        assert got.tolist()[:3] == [curve[min(k + 1 + i, 6)] for i in range(3)]


def test_fiscal_quarters_of_ramp_and_capacity():
    quarters = ("2025-02-01", "2026-01-31", "Q")
    got = ramp(pd.Series({"n": "2025-01-20"}), quarters, year_start=2)
    assert got.to_numpy().tolist() == [[0.25, 0.5, 0.75, 1.0]]
    assert len(capacity(10, productivity=100, periods=quarters, year_start=2)) == 4


def test_a_profile_by_fiscal_quarter_keeps_its_own_numbers():
    starts = pd.date_range("2023-02-01", periods=8, freq="QS-FEB")
    history = pd.DataFrame({"date": starts, "amount": [100.0, 200.0, 300.0, 400.0] * 2})
    profile = seasonal_profile(history, freq="Q", year_start=2, method="share")
    plan = decompose(1000, periods=("2025-02-01", "2026-01-31", "Q"), profile=profile, year_start=2)
    assert plan["target"].tolist() == [100.0, 200.0, 300.0, 400.0]
    came = pd.DataFrame({"date": ["2025-04-30"], "amount": [100.0]})
    year = plan.assign(period_start=plan["period_start"].min(), period_end=plan["period_end"].max())
    one = roll_up(year)
    assert track(one, came, as_of="2025-04-30", profile=profile).loc[0, "expected"] == (
        pytest.approx(100.0)
    )


def test_growth_from_a_history_of_years():
    past = pd.Series({2023: 80.0, 2025: 100.0, 2024: 90.0})
    path = growth_path(past, years=2, growth=0.1)
    assert path["year"].tolist() == [2026, 2027]
    assert path["amount"].tolist() == pytest.approx([110.0, 121.0])


@pytest.mark.parametrize(
    ("name", "seats"),
    [
        # Balinski and Young, American Mathematical Monthly 82 (1975), second example.
        ("Sainte-Lague", [9, 8, 5, 3, 1]),
        ("d'Hondt", [10, 7, 5, 3, 1]),
        ("Huntington-Hill", [9, 7, 6, 3, 1]),
        ("equal proportions", [9, 7, 6, 3, 1]),
        ("largest remainder", [9, 7, 5, 4, 1]),
        ("adams", [9, 7, 5, 3, 2]),
        ("dean", [9, 7, 5, 4, 1]),
    ],
)
def test_methods_by_the_names_of_the_literature(name, seats):
    votes = pd.Series([9061, 7179, 5259, 3319, 1182])
    assert allocate(26, votes, step=1, method=name).tolist() == seats


def test_margins_by_text_dates_and_smart_without_owners():
    plan = decompose(1200, periods=YEAR, weights=organisation())
    by_text = pd.Series(100.0, pd.Index([f"2025-{m:02d}-01" for m in range(1, 13)]))
    raked = rake(plan, [by_text.rename_axis("period_start")])
    months = pd.Series(100.0, pd.period_range("2025-01", periods=12, freq="M", name="period_start"))
    assert raked.equals(rake(plan, [months]))
    past = pd.DataFrame({"rep": list("abcd"), "date": "2024-05-01", "amount": 300.0})
    said = check_smart(plan, past).set_index("criterion")["evidence"]["specific"]
    assert said == "48 of 48 targets are fully named; no owners were given"


def test_territories_are_exchanged_where_no_single_move_helps():
    # Largest first gives 3 + 2 + 2 against 3 + 2; a 3 for a 2 makes them even.
    uneven = pd.DataFrame({"value": [3.0, 3.0, 2.0, 2.0, 2.0]})
    assert balance_territories(uneven, 2).groupby("territory")["value"].sum().tolist() == [6.0, 6.0]
    values = [58.0, 49.0, 44.0, 37.0, 31.0, 25.0, 17.0, 12.0, 5.0]
    best = min(  # by brute force
        max(sum(v for v, g in zip(values, groups, strict=True) if g == k) for k in range(3))
        for groups in itertools.product(range(3), repeat=9)
    )
    made = balance_territories(pd.DataFrame({"value": values}), 3)
    assert made.groupby("territory")["value"].sum().max() <= 1.02 * best


def test_the_report_keeps_a_fiscal_year_together_and_names_the_measure():
    from salesmgmt.report.sections import targets as section

    months = pd.period_range("2024-04", periods=24, freq="M").astype(str)
    plan = pd.concat(
        pd.DataFrame({"rep": "a", "period_start": months, "period_end": months, "measure": name,
                      "target": amount})
        for name, amount in {"回款": 1.0, "销售额": 100.0}.items()
    )  # fmt: skip
    for today in ("2025-06-30", "2026-02-15"):
        text = section.build({"plan": plan}, as_of=today, lang="en")[0].text
        assert text == "The plan of 销售额 from 2025-04-01 to 2026-03-31 adds up to 1,200.00."
    text = section.build({"plan": plan}, as_of="2025-02", lang="zh")[0].text
    assert text == "2024-04-01 至 2025-03-31 的销售额计划合计 1,200.00。"


def test_frames_of_another_engine_are_plans_limits_and_calendars():
    pl = pytest.importorskip("polars")
    weights = pd.Series([1.0, 2.0], pd.Index(["a", "b"], name="rep"))
    plan = decompose(1200, periods=(*YEAR[:2], "Q"), weights=weights)
    given = pl.from_pandas(plan)
    assert decompose(given, periods=YEAR).equals(decompose(plan, periods=YEAR))
    assert decompose(given.lazy(), periods=YEAR).equals(decompose(plan, periods=YEAR))
    locked = decompose(2400, periods=(*YEAR[:2], "Q"), weights=weights, locked=given.head(3))
    assert locked["target"].tolist()[:3] == plan["target"].tolist()[:3]
    assert reconcile(given, given).equals(reconcile(plan, plan))
    days = pl.from_pandas(calendars.working_days(*YEAR[:2]))
    assert decompose(248, periods=YEAR, calendar=days, step=1)["target"].tolist() == WORKED


def test_what_was_assigned_does_not_outlive_its_targets():
    plan = decompose(1200, periods=YEAR, weights=organisation(), overassign={"team": 1.05})
    came = pd.DataFrame({"rep": ["a"], "date": ["2025-01-10"], "amount": [10.0]})
    with pytest.warns(DataWarning, match="left out the column 'assigned'"):
        assert "assigned" not in replan(plan, came, as_of="2025-01-31")
    with pytest.warns(DataWarning, match="left out the column 'assigned'"):
        assert "assigned" not in round_plan(plan, step=10)


def two_measures() -> pd.DataFrame:
    weights = pd.Series(1.0, pd.Index(["a", "b"], name="rep"))
    totals = pd.Series({"销售额": 1200.0, "回款": 600.0})
    return decompose(totals, periods=(*YEAR[:2], "Q"), weights=weights)


def test_measures_are_reconciled_and_locked_each_for_itself():
    above = two_measures()
    below = above.copy()
    below.loc[below["measure"] == "销售额", "target"] *= 0.5
    sums = reconcile(above, below).groupby("measure")["target"].sum()
    assert sums.to_dict() == {"销售额": 1200.0, "回款": 600.0}
    lock = above[above["measure"] == "销售额"].iloc[:1].assign(target=100.0)
    totals = pd.Series({"销售额": 1200.0, "回款": 600.0})
    weights = pd.Series(1.0, pd.Index(["a", "b"], name="rep"))
    plan = decompose(totals, periods=(*YEAR[:2], "Q"), weights=weights, locked=[lock])
    assert plan.groupby("measure")["target"].first().to_dict() == {"销售额": 100.0, "回款": 75.0}


def test_keys_without_sales_have_no_season():
    months = pd.date_range("2023-01-01", periods=24, freq="MS")
    history = pd.DataFrame({"date": months, "amount": [2.0] + [1.0] * 11 + [2.0] + [1.0] * 11})
    both = pd.concat([history.assign(rep="a"), history.assign(rep="new", amount=0.0)])
    with pytest.warns(DataWarning, match=r"1 key\(s\) have no period .* first 'new'"):
        shares = seasonal_profile(both, by="rep").set_index("rep")["share"]
    assert shares["new"].tolist() == pytest.approx([1 / 12] * 12)
    assert shares["a"].tolist() == pytest.approx([2 / 13] + [1 / 13] * 11)
    with pytest.raises(InputError, match="no period with an amount above zero"):
        seasonal_profile(history.assign(amount=-1.0))


def test_months_of_weeks_roll_up_into_quarters_of_weeks():
    plan = decompose(5200, periods=("4-4-5", 2024))
    quarters = roll_up(plan, freq="Q")
    assert quarters["target"].tolist() == [1300.0] * 4
    assert (quarters["period_end"] - quarters["period_start"]).dt.days.tolist() == [90] * 4
    # The National Retail Federation's 2023 has 53 weeks, to 3 February 2024.
    years = pd.Series({2023: 530.0, 2024: 520.0})
    plan = decompose(years, periods=("4-5-4", [2023, 2024]), year_start=2)
    whole = roll_up(plan, freq="Y", year_start=2)
    assert whole["target"].tolist() == [530.0, 520.0]
    assert whole["period_end"].tolist() == [pd.Timestamp("2024-02-03"), pd.Timestamp("2025-02-01")]
    with pytest.raises(InputError, match="cross the end of a period of freq 'Q'"):
        roll_up(decompose(52, periods=("4-4-5", 2024, "W")), freq="Q")  # weeks: which quarters?


def test_one_total_has_no_second_differences():
    quarters = pd.Series([1.0, 2.0, 3.0, 4.0], pd.period_range("2025Q1", periods=4, freq="Q"))
    with pytest.raises(InputError, match="differences=2 needs 2 totals, there is 1"):
        disaggregate(pd.Series({2025: 100.0}), quarters, differences=2)
    path = disaggregate(pd.Series({2025: 100.0}), quarters)["amount"]
    assert path.tolist() == pytest.approx([10.0, 20.0, 30.0, 40.0])


def test_a_tidy_frame_of_weights_is_told_how_to_go_in():
    tidy = organisation().rename("weight").reset_index()
    with pytest.raises(InputError, match=r"\('region', 'team', 'rep', 'weight'\) are no dates"):
        decompose(1200, periods=YEAR, weights=tidy)


def test_periods_that_overlap_or_end_before_they_start():
    year = pd.concat([decompose(1200, periods=(*YEAR[:2], freq)) for freq in "YQ"])
    came = pd.DataFrame({"date": ["2025-01-20"], "amount": [50.0]})
    with pytest.warns(DataWarning, match="one key overlap .*2025-12-31 .* are added up"):
        assert track(year, came, as_of="2025-01-25").loc[0, "target"] == 2400.0
    for plan in (year, pd.concat([year.iloc[:1]] * 2)):
        with pytest.raises(InputError, match="overlap or are repeated"):
            replan(plan, came, as_of="2025-01-25")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the same periods twice are the sum of two plans
        twice = pd.concat([decompose(600, periods=YEAR)] * 2)
        assert track(twice, came, as_of="2025-01-25").loc[0, "target"] == 1200.0
    back = year.assign(period_end=pd.Timestamp("2024-12-31"))
    for call in (track, replan, burn_up):
        with pytest.raises(InputError, match="period_end lies before period_start"):
            call(back, came, as_of="2025-01-25")
    with pytest.raises(InputError, match="period_end lies before period_start"):
        roll_up(back, freq="Y")


def _by_day(periods: pd.DataFrame, density) -> np.ndarray:
    """Sums over the days of each period, as shares of the whole."""
    ends = zip(periods["period_start"], periods["period_end"], strict=True)
    sums = np.array([sum(density(day) for day in pd.date_range(a, b)) for a, b in ends])
    return sums / sums.sum()


@pytest.mark.parametrize(
    ("periods", "year_start"),
    [
        (("2026", "2026", "M"), 1),
        (("2026", "2026", "W"), 1),
        (("2026", "2026", "Q"), 1),
        (("4-4-5", 2024), 1),
        (("4-5-4", 2023), 2),
        (("4-5-4", 2023, "W"), 2),
    ],
)
def test_periods_across_seasons_take_from_each_by_its_days(periods, year_start):
    weekday = pd.Series([5.0, 1, 1, 1, 1, 3, 0], index=range(1, 8))
    month = pd.Series(np.arange(1.0, 13), index=range(1, 13))
    how = {"periods": periods, "year_start": year_start}
    plan = decompose(1e6, profile=weekday, **how)
    want = _by_day(plan, lambda day: weekday[day.isoweekday()])
    np.testing.assert_allclose(plan["target"] / 1e6, want, atol=2e-8)
    plan = decompose(1e6, profile=month, **how)
    want = _by_day(plan, lambda day: month[day.month] / day.days_in_month)
    # Months at the ends that the plan cuts have their days in it alone.
    np.testing.assert_allclose(plan["target"] / 1e6, want, atol=2e-8)


def test_weeks_of_working_days_take_their_months_by_those():
    month = pd.Series(np.arange(1.0, 13), index=range(1, 13))
    calendar = calendars.working_days("2026-01-01", "2026-12-31", country="GB")
    weight = pd.Series(calendar["weight"].to_numpy(), index=calendar["date"])
    whole = weight.groupby(weight.index.month).sum()
    plan = decompose(1e6, periods=("2026", "2026", "W"), profile=month, calendar="GB")
    want = _by_day(plan, lambda day: month[day.month] * weight[day] / whole[day.month])
    np.testing.assert_allclose(plan["target"] / 1e6, want, atol=2e-8)


def test_a_profile_a_working_day_by_month_shapes_quarters():
    days = pd.date_range("2024-01-01", "2025-12-31")
    history = pd.DataFrame({"date": days, "amount": days.month * 10.0})
    profile = seasonal_profile(history, calendar="GB")
    how = {"profile": profile, "calendar": "GB", "step": 1}
    months = decompose(10**6, periods=("2026", "2026", "M"), **how)
    quarters = decompose(10**6, periods=("2026", "2026", "Q"), **how)
    sums = months["target"].to_numpy().reshape(4, 3).sum(axis=1)
    assert np.abs(quarters["target"].to_numpy() - sums).max() <= 3


def test_any_calendar_of_periods_will_do():
    apple = calendars.retail_calendar([2025, 2026], pattern="5-4-4", year_start=10, rule="last")
    plan = decompose(pd.Series({2025: 1000, 2026: 2000}), periods=apple, step=1, year_start=10)
    assert plan["period_start"].tolist() == apple["period_start"].tolist()
    quarters = roll_up(plan, freq="Q", year_start=10)
    assert quarters["target"].tolist() == [250.0] * 4 + [500.0] * 4
    starts = pd.date_range("2026-01-05", periods=13, freq="28D")
    thirteen = pd.DataFrame({"period_start": starts, "period_end": starts + pd.Timedelta("27D")})
    even = decompose(1300, periods=thirteen[::-1], step=1)
    assert even["target"].tolist() == [100.0] * 13
    halves = pd.DataFrame(
        {"period_start": ["2026-01", "2026-07"], "period_end": ["2026-06", "2026-12"]}
    )
    month = pd.Series(np.arange(1.0, 13), index=range(1, 13))
    assert decompose(78, periods=halves, profile=month, step=1)["target"].tolist() == [21, 57]
    assert ramp({"Li": "2026-07-01"}, halves, curve=(0.5,)).to_numpy().tolist() == [[0.0, 0.5]]
    with pytest.raises(InputError, match=r"2 period\(s\) end before they start or reach into"):
        decompose(78, periods=halves.assign(period_end=["2026-07", "2026-06"]))
    with pytest.raises(InputError, match=r"no column 'period_end'.*Rename your own column"):
        decompose(78, periods=halves[["period_start"]])


@pytest.mark.parametrize("freq", ["MS", "ME", "QS-APR", "YS", "D"])
def test_dates_of_a_known_frequency_are_periods(freq):
    dates = pd.date_range("2026-04-01", periods=3, freq=freq)
    how = {"total": 300, "step": 1, "year_start": 4 if freq == "QS-APR" else 1}
    assert decompose(periods=dates, **how).equals(decompose(periods=dates.to_period(), **how))


def test_weeks_of_a_retail_year_roll_up_to_its_own_periods():
    weeks = decompose(5300, periods=("4-5-4", 2023, "W"), step=1, year_start=2)
    periods = calendars.retail_calendar(2023, pattern="4-5-4")
    assert roll_up(weeks, freq=periods)["target"].tolist() == (periods["weeks"] * 100.0).tolist()
    quarters = roll_up(weeks, freq=calendars.retail_calendar(2023, pattern="4-5-4", freq="Q"))
    assert quarters["target"].tolist() == [1300.0, 1300.0, 1300.0, 1400.0]
    assert str(quarters["period_end"].iloc[-1].date()) == "2024-02-03"
    with pytest.raises(InputError, match=r"1 period\(s\) of the plan lie in no period of freq"):
        roll_up(weeks, freq=calendars.retail_calendar(2023, freq="W").iloc[:-1])
    with pytest.raises(InputError, match="give freq= the periods that are meant"):
        roll_up(weeks, freq="Q", year_start=2)


def test_the_heat_map_tells_two_periods_of_one_month_apart():
    labels = {}
    for name, periods in {"retail": ("4-5-4", 2025), "months": ("2025-02", "2026-01", "M")}.items():
        plan = decompose(1200, periods=periods, step=1, year_start=2)
        ax = plots.plan_heatmap(plan)
        labels[name] = [tick.get_text() for tick in ax.get_xticklabels()]
        plt.close(ax.figure)
    assert labels["retail"] == ["02-02", "04-06", "06-01", "08-03", "10-05", "11-30"]
    assert labels["months"] == ["2025-02", "2025-04", "2025-06", "2025-08", "2025-10", "2025-12"]


@pytest.mark.parametrize(
    "names",
    [
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
        [
            "一月",
            "二月",
            "三月",
            "四月",
            "五月",
            "六月",
            "七月",
            "八月",
            "九月",
            "十月",
            "十一月",
            "十二月",
        ],
    ],
)
def test_seasons_have_names(names):
    curve = dict(zip(names, np.arange(1.0, 13), strict=True))
    year = ("2026", "2026", "M")
    assert decompose(78, periods=year, profile=curve, step=1)["target"].tolist() == [*range(1, 13)]
    quarters = {"Q4": 4.0, "Q1": 1.0, "Q2": 2.0, "Q3": 3.0}
    plan = decompose(10, periods=("2026", "2026", "Q"), profile=quarters, step=1)
    assert plan["target"].tolist() == [1, 2, 3, 4]
    week = dict(zip([f"周{d}" for d in "一二三四五六日"], [1.0] * 5 + [0.0] * 2, strict=True))
    days = decompose(5, periods=("2026-06-01", "2026-06-07", "D"), profile=week, step=1)
    assert days["target"].tolist() == [1, 1, 1, 1, 1, 0, 0]
    last = pd.Series(np.ones(12), index=pd.period_range("2025-01", periods=12, freq="M"))
    with pytest.raises(InputError, match="A curve of another year goes in by season"):
        decompose(78, periods=year, profile=last)


def test_fiscal_years_by_name_are_no_measures():
    how = {"periods": ("2026-04", "2028-03", "Q"), "year_start": 4, "step": 1}
    with pytest.raises(InputError, match="read as fiscal years, first 'FY26'"):
        decompose(pd.Series({"FY26": 100, "FY27": 200}), **how)
    want = [25.0] * 4 + [50.0] * 4
    assert decompose({2026: 100, 2027: 200}, **how)["target"].tolist() == want
    assert decompose({"2026年": 100, "2027年": 200}, **how)["target"].tolist() == want


@pytest.mark.parametrize("names", ["Q1 Q2", "一季度 二季度", "上半年 下半年", "Jan Feb", "H1 H2"])
def test_parts_of_a_year_by_name_are_no_measures(names):
    total = pd.Series([10.0, 20.0], index=names.split())
    how = {"periods": ("2026", "2026", "M"), "step": 1}
    with pytest.raises(InputError, match="read as parts of a year"):
        decompose(total, **how)
    assert set(decompose(total.rename_axis("measure"), **how)["measure"]) == set(total.index)
    halves = decompose({"2026-01-01": 12.0, "2026-07-01": 24.0}, **how)
    assert halves["target"].tolist() == [2.0] * 6 + [4.0] * 6


def test_weights_of_a_pivot_have_their_months_below_a_heading():
    months = pd.period_range("2026-01", periods=2, freq="M")
    sales = pd.DataFrame(
        {"rep": ["Li"] * 2 + ["Wu"] * 2, "month": [*months] * 2, "amount": [1.0, 2, 3, 4], "n": 1.0}
    )
    table = sales.pivot_table(index="rep", columns="month", values=["amount"])
    how = {"periods": ("2026-01", "2026-02", "M"), "step": 1}
    plan = decompose(10, weights=table, **how)
    assert plan.groupby("rep")["target"].sum().tolist() == [3.0, 7.0]
    with pytest.raises(InputError, match="are no dates"):
        decompose(10, weights=sales.pivot_table(index="rep", columns="month"), **how)


@pytest.mark.parametrize("dates", ["first", "period"])
def test_months_make_whole_quarters(dates):
    months = pd.period_range("2024-01", "2025-12", freq="M")
    history = pd.DataFrame(
        {
            "date": months if dates == "period" else months.start_time,
            "amount": np.tile(np.repeat([1.0, 2, 3, 4], 3), 2),
        }
    )
    assert seasonal_profile(history, freq="Q")["share"].tolist() == [0.1, 0.2, 0.3, 0.4]
    with pytest.warns(DataWarning, match="left out the last period"):
        seasonal_profile(history.iloc[:-1], freq="Q")


def test_dates_of_month_ends_are_periods_of_an_indicator():
    years = pd.Series([100.0, 120.0], index=[2020, 2021])
    for ends, periods in (("ME", "M"), ("QE", "Q")):
        index = pd.period_range("2020-01-01", "2021-12-31", freq=periods)
        line = pd.Series(np.arange(1.0, len(index) + 1), index=index)
        by_end = pd.Series(line.to_numpy(), index=pd.date_range("2020", "2022", freq=ends))
        pd.testing.assert_frame_equal(disaggregate(years, by_end), disaggregate(years, line))
        how = {"periods": ("2020", "2021", periods)}
        want = decompose(1000, profile=line, **how)
        pd.testing.assert_frame_equal(decompose(1000, profile=by_end, **how), want)


@pytest.mark.parametrize(("freq", "says"), [("MS", "2025-02-01 is outside"), ("ME", "is in")])
def test_months_of_which_a_plan_holds_a_part_are_told_of(freq, says):
    plan = decompose(1200, periods=("4-5-4", 2025), year_start=2)  # 2 February to 31 January
    months = pd.DataFrame({"date": pd.date_range("2025-02-01", periods=12, freq=freq)})
    months["amount"] = 100.0
    with pytest.warns(DataWarning, match=f"by month, .* holds a part of 2025-02: .*{says}"):
        track(plan, months, as_of="2026-01-31")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        track(decompose(1200, periods=("2025-02-01", "2026-01-31", "W")), months, as_of=None)
        days = pd.DataFrame({"date": pd.date_range("2025-01-30", periods=40), "amount": 1.0})
        track(plan, days, as_of=None)
