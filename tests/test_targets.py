"""The targets desk: exact to the step, at every level, whatever the order of rows."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from common import english_on

from salesmgmt import DataWarning, InputError, load_sample, plots
from salesmgmt.targets import (
    allocate,
    attainment_probability,
    balance_territories,
    blend_weights,
    burn_up,
    capacity,
    check_smart,
    decompose,
    equal_probability_quotas,
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

YEAR = ("2026-01-01", "2026-12-31")


def _team(n=12, seed=0):
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_arrays(
        [
            [f"R{i % 2}" for i in range(n)],
            [f"T{i % 4}" for i in range(n)],
            [f"p{i:02d}" for i in range(n)],
        ],
        names=["region", "team", "rep"],
    )
    return pd.Series(rng.gamma(2, 1, n), index=index)


def _cents(values):
    return np.rint(np.asarray(values) * 100).astype(np.int64)


def test_equal_claims_go_to_the_smaller_label_whatever_the_order():
    weights = pd.Series(1.0, index=["c", "a", "b"])
    assert allocate(100, weights).to_dict() == {"c": 33.33, "a": 33.34, "b": 33.33}


def test_zero_weight_gets_nothing_and_no_input_shares():
    out = allocate(90, pd.Series({"a": 2.0, "b": 1.0, "c": 0.0, "d": np.nan}))
    assert out["c"] == 0
    assert out["d"] == 30.0  # counts as the mean of the known ones
    assert allocate(100, pd.Series([0.5, 0.3, np.nan])).tolist() == [50, 30, 20]


def test_bounds_and_locks_hold_and_the_rest_stays_in_proportion():
    weights = pd.Series({"a": 5.0, "b": 3.0, "c": 1.0, "d": 1.0})
    out = allocate(1000, weights, upper={"a": 300}, lower={"d": 200}, locked={"c": 50})
    assert out.to_dict() == {"a": 300, "b": 450, "c": 50, "d": 200}


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lower": {"a": 60, "b": 55}}, "2 of them ('a': 60.0, 'b': 55.0) already make 115.0"),
        ({"upper": 20}, "hold 60.0 at most, 40.0 too little"),
        ({"lower": {"a": 5}, "upper": {"a": 3}}, "'a': 5.0 > 3.0 (gap 2.0)"),
        ({"locked": {"a": 1.005}}, "first 'a': 1.005; round them to the step"),
        ({"locked": {"z": 1}}, "label(s) that weights does not have ('z')"),
        ({"method": "hamiltom"}, "method must be one of"),
        ({"step": 0}, "step"),
    ],
)
def test_what_cannot_be_met_is_told_with_names_and_gap(kwargs, message):
    with pytest.raises(InputError, match=re.escape(message)):
        allocate(100, pd.Series(1.0, index=["a", "b", "c"]), **kwargs)


@pytest.mark.parametrize(
    ("total", "weights", "message"),
    [
        (100.005, {"a": 1}, "no multiple of step"),
        (100, {"a": 0, "b": 0}, "all weights are zero"),
        (100, {"a": -1, "b": 2}, "below 0"),
        (np.inf, {"a": 1}, "finite"),
        (1e15, {"a": 1}, "too large to be exact"),
    ],
)
def test_bad_totals_and_weights_are_refused(total, weights, message):
    with pytest.raises(InputError, match=message):
        allocate(total, pd.Series(weights, dtype=float))


def test_a_larger_total_lowers_nobody_with_previous():
    votes = pd.Series([1500, 1500, 900, 500, 500, 200], index=list("abcdef"))
    before = allocate(25, votes, step=1)
    after = allocate(26, votes, step=1, previous=before)
    assert (after >= before).all()
    assert after.sum() == 26


def test_plan_is_floor_or_ceiling_everywhere():
    weights, total = _team(), 1_234_567.89
    plan = decompose(total, periods=(*YEAR, "M"), weights=weights)
    share = weights / weights.sum()
    ideal = total * 100 * np.repeat(share.sort_index().to_numpy(), 12) / 12
    assert np.abs(_cents(plan["target"]) - ideal).max() < 1
    assert _cents(plan["target"]).sum() == 123456789
    plan["ideal"], plan["cents"] = ideal, _cents(plan["target"])
    plan["quarter"] = plan["period_start"].dt.quarter
    for key in (
        ["region"],
        ["region", "team"],
        ["region", "team", "rep"],
        ["period_start"],
        ["quarter"],
    ):
        sums = plan.groupby(key)[["ideal", "cents"]].sum()
        assert (sums["cents"] - sums["ideal"]).abs().max() < 1, key
    cross = plan.groupby(["region", "quarter"])[["ideal", "cents"]].sum()
    worst = (cross["cents"] - cross["ideal"]).abs().max()
    assert plan.attrs["max_cross_deviation"] >= worst / 100 - 1e-9


def test_row_order_of_the_weights_never_matters():
    weights = _team()
    plan = decompose(10_000, periods=(*YEAR, "W"), weights=weights)
    again = decompose(10_000, periods=(*YEAR, "W"), weights=weights.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(plan, again)


def test_a_sparse_table_needs_an_augmenting_path_and_gets_it():
    # No direct move exists: margins must be changed with the cells.
    weights = pd.DataFrame(
        [[1.0, 0.0], [0.0, 1.0]],
        index=["a", "b"],
        columns=pd.PeriodIndex(["2026-01", "2026-02"], freq="M"),
    )
    plan = decompose(
        1, periods=pd.PeriodIndex(["2026-01", "2026-02"], freq="M"), weights=weights, step=1
    )
    assert plan["target"].sum() == 1
    assert plan.loc[weights.to_numpy().ravel() == 0, "target"].eq(0).all()


def test_days_off_stay_as_rows_of_zero_and_years_are_exact():
    total = pd.Series({2025: 1000.0, 2026: 1100.0})
    plan = decompose(total, periods=("2025-01-01", "2026-12-31", "D"), calendar="CN")
    assert len(plan) == 730
    by_year = plan.groupby(plan["period_start"].dt.year)["target"].sum().round(2)
    assert by_year.to_dict() == {2025: 1000.0, 2026: 1100.0}
    off = plan.set_index("period_start")["target"]
    assert off["2026-02-17"] == 0  # Spring Festival
    assert off["2026-02-14"] > 0  # a Saturday that is worked


def test_measures_become_a_column():
    total = pd.Series({"sales": 120.0, "collections": 60.0})
    plan = decompose(total, periods=(*YEAR, "M"))
    assert plan.groupby("measure", sort=False)["target"].sum().to_dict() == {
        "sales": 120.0,
        "collections": 60.0,
    }


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"periods": "2026"}, "given as"),
        ({"periods": (*YEAR, "X")}, "freq in periods"),
        ({"periods": (YEAR[1], YEAR[0], "M")}, "end before they start"),
        ({"weights": pd.Series([0.0, 0.0])}, "all weights are zero"),
        (
            {"profile": pd.Series(1.0, index=pd.to_datetime(["2026-01-01"]))},
            "no value for 11 of 12",
        ),
        (
            {"calendar": pd.Series(1.0, index=pd.to_datetime(["2026-01-01"]))},
            "no weight for 364 day",
        ),
        ({"total": 1.005}, "no multiple of step"),
        ({"total": pd.Series({2027: 1.0})}, "differ in"),
    ],
)
def test_bad_input_to_decompose_is_named(kwargs, message):
    call = {"total": 100, "periods": (*YEAR, "M"), **kwargs}
    with pytest.raises(InputError, match=re.escape(message)):
        decompose(call.pop("total"), **call)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_heat_map_draws_each_cell(lang):
    plan = decompose(1200, periods=(*YEAR, "Q"), weights=_team(4))
    ax = plots.plan_heatmap(plan, lang=lang)
    assert len(ax.texts) == 16


# --------------------------------------------------------------------------------------
# The rest of the desk


def _plan():
    return decompose(
        pd.Series({2026: 1200.0}), periods=(*YEAR, "M"), weights=pd.Series({"Li": 2.0, "Wu": 1.0})
    ).rename(columns={"key": "rep"})


def test_four_four_five_has_weeks_of_four_four_and_five():
    plan = decompose(5200, periods=("4-4-5", 2026), step=1)
    weeks = ((plan["period_end"] - plan["period_start"]).dt.days + 1) // 7
    assert weeks.tolist()[:3] == [4, 4, 5]
    assert (plan["target"] == 100 * weeks).all()
    days = decompose(5200, periods=("4-4-5", 2026, "D"), step=0.01)
    assert len(days) == 364
    assert round(days["target"].sum(), 2) == 5200


def test_weeks_and_months_are_both_exact_where_both_are_asked_for():
    call = {"weights": _team(6), "step": 0.01}
    plan = decompose(98_765.43, periods=(*YEAR, ("W", "M")), **call)
    ideal = 9_876_543 * np.repeat((_team(6) / _team(6).sum()).sort_index().to_numpy(), 12)
    months = roll_up(plan, levels=[], freq="M")
    weeks = roll_up(plan, levels=[], freq="W")
    assert len(months) == 12
    assert _cents(months["target"]).sum() == _cents(weeks["target"]).sum() == 9_876_543
    assert len(ideal) == 72
    with pytest.raises(InputError, match="cross the end"):
        roll_up(decompose(100, periods=(*YEAR, "W")), freq="M")


def test_coarser_plan_is_met_row_by_row():
    coarse = decompose(100_000, periods=(*YEAR, "Q"), weights=_team()).drop(columns=["team", "rep"])
    coarse = coarse.groupby(["region", "period_start", "period_end"], as_index=False)[
        "target"
    ].sum()
    coarse["target"] = coarse["target"].round(2)
    fine = decompose(coarse, periods=(*YEAR, "M"), weights=_team())
    again = roll_up(fine, levels="region", freq="Q")
    assert again["target"].tolist() == coarse["target"].tolist()
    alone = decompose(coarse, periods=(*YEAR, "M"))  # its own keys, finer in time only
    assert list(alone.columns) == ["region", "period_start", "period_end", "target"]


def test_parent_child_frames_and_ragged_branches_make_the_same_tree():
    frame = pd.DataFrame(
        {
            "unit": ["board", "north", "south", "n1", "n2"],
            "parent": [None, "board", "board", "north", "north"],
            "weight": [np.nan, np.nan, 2.0, 1.0, 1.0],
        }
    )
    plan = decompose(400, periods=(*YEAR, "Y"), weights=frame)
    assert plan["level_3"].tolist() == ["n1", "n2", "south"]
    assert plan["target"].tolist() == [100.0, 100.0, 200.0]
    ragged = pd.Series(
        [1.0, 1.0, 2.0],
        index=pd.MultiIndex.from_tuples(
            [("north", "n1"), ("north", "n2"), ("south", None)], names=["branch", "unit"]
        ),
    )
    assert decompose(400, periods=(*YEAR, "Y"), weights=ragged)["target"].tolist() == [
        100,
        100,
        200,
    ]


def test_over_assignment_multiplies_down_and_stands_apart():
    plan = decompose(
        1000, periods=(*YEAR, "M"), weights=_team(), overassign={"region": 1.1, "rep": 1.2}
    )
    assert round(plan["target"].sum(), 2) == 1000
    assert round(plan["assigned"].sum(), 2) == 1320
    assert plan.attrs["overassign"] == pytest.approx(
        {"total": 1.0, "region": 1.1, "team": 1.1, "rep": 1.32}
    )


def test_limits_of_every_kind_hold_together():
    weights = _team()
    march = pd.Series([30_000.0], index=pd.PeriodIndex(["2026-03"], freq="M"))
    region = pd.Series({"R0": 70_000.0})
    plan = decompose(
        120_000, periods=(*YEAR, "M"), weights=weights, lower=[march, 20.0], upper=[region, 8000.0]
    )
    assert round(plan["target"].sum(), 2) == 120_000
    assert round(plan.loc[plan["period_start"] == "2026-03-01", "target"].sum(), 2) >= 30_000
    assert round(plan.loc[plan["region"] == "R0", "target"].sum(), 2) <= 70_000
    assert plan["target"].between(20, 8000).all()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lower": pd.Series({"p00": 900.0, "p01": 800.0})}, "2 of them (R0 / T0 / p00: 900"),
        ({"upper": 0.5}, "caps and locks contradict the total 1000"),
        ({"lower": pd.Series({"R0": 500.0}), "upper": pd.Series({"p00": 1.0})}, None),
        ({"lower": 10.0, "upper": pd.Series({"R0": 5.0})}, "R0 contradict each other"),
        ({"locked": pd.Series({"nobody": 1.0})}, "label that weights does not have"),
        ({"lower": pd.Series([2000.0], index=pd.PeriodIndex(["2026-01"], freq="M"))}, "gap 1000"),
    ],
)
def test_contradicting_limits_are_named_with_the_gap(kwargs, message):
    call = {"periods": (*YEAR, "M"), "weights": _team()}
    if message is None:
        assert round(decompose(1000, **call, **kwargs)["target"].sum(), 2) == 1000
        return
    with pytest.raises(InputError, match=re.escape(message)):
        decompose(1000, **call, **kwargs)


def test_locked_cell_keeps_its_row_total_and_the_row_gives_way():
    free = decompose(12_000, periods=(*YEAR, "M"), weights=pd.Series({"a": 1.0, "b": 1.0}))
    lock = free[(free["key"] == "a") & (free["period_start"] == "2026-05-01")].assign(target=950.0)
    plan = decompose(
        12_000, periods=(*YEAR, "M"), weights=pd.Series({"a": 1.0, "b": 1.0}), locked=lock
    )
    by_key = plan.groupby("key")["target"].sum().round(2)
    assert by_key.to_dict() == {"a": 6000.0, "b": 6000.0}
    assert plan.loc[4, "target"] == 950.0
    assert (
        plan.loc[plan["key"] == "b", "target"].tolist()
        == free.loc[free["key"] == "b", "target"].tolist()
    )


def test_seasonal_profile_finds_the_season_through_growth_and_an_odd_month():
    season = np.array([0.6, 0.8, 1.0, 1.0, 1.1, 1.2, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8])
    t = np.arange(48)
    amounts = 1000 * (1 + 0.02 * t) * season[t % 12]
    amounts[17] *= 6  # one odd month
    history = pd.DataFrame(
        {"date": pd.date_range("2022-01-01", periods=48, freq="MS"), "amount": amounts}
    )
    profile = seasonal_profile(history)
    np.testing.assert_allclose(profile["index"], season / season.mean(), rtol=0.02)
    assert profile["share"].sum() == pytest.approx(1)
    plain = seasonal_profile(history, method="share")["index"].to_numpy()
    assert np.abs(plain - season / season.mean()).max() > 0.1


def test_profile_by_key_and_per_working_day_shape_the_plan():
    days = pd.date_range("2024-01-01", "2025-12-31")
    worked = pd.Series((days.day_of_week < 5).astype(float), index=days)
    history = pd.DataFrame({"rep": "a", "date": days, "amount": worked.to_numpy() * 10})
    profile = seasonal_profile(history, by="rep", calendar=worked)
    np.testing.assert_allclose(profile["index"], 1.0, atol=0.01)
    coming = pd.date_range("2026-01-01", "2026-12-31")
    ahead = pd.Series((coming.day_of_week < 5).astype(float), index=coming)
    plan = decompose(
        2610,
        periods=(*YEAR, "M"),
        weights=pd.Series({"a": 1.0}).rename_axis("rep"),
        profile=profile,
        calendar=ahead,
    )
    per_day = plan["target"] / ahead.groupby(ahead.index.month).sum().to_numpy()
    np.testing.assert_allclose(per_day, 10, rtol=0.01)


def test_track_counts_the_running_period_by_working_days():
    actuals = pd.DataFrame(
        {
            "rep": ["Li", "Li", "Wu"],
            "date": pd.to_datetime(["2026-01-31", "2026-02-13", "2026-02-02"]),
            "amount": [80.0, 30.0, 50.0],
        }
    )
    now = track(_plan(), actuals, as_of="2026-02-14", calendar="CN").set_index("rep")
    # The running February counts by its working days: Spring Festival, worked Saturdays.
    from salesmgmt.calendars import working_days

    weight = working_days("2026-02-01", "2026-02-28").set_index("date")["weight"]
    part = weight[:"2026-02-14"].sum() / weight.sum()
    li = now.loc["Li"]
    assert li["actual"] == 110
    assert li["expected"] == pytest.approx(66.67 + 66.67 * part, abs=0.02)
    assert li["gap"] == pytest.approx(li["target"] - li["actual"])
    left = working_days("2026-02-15", "2026-12-31")["weight"].sum()
    assert li["required_rate"] == pytest.approx(li["gap"] / left)
    assert li["projected"] == pytest.approx(110 + (li["target"] - li["expected"]) * li["pace"])


def test_track_rules_for_costs_and_for_zero_and_negative_targets():
    plan = pd.DataFrame(
        {
            "rep": list("abcd"),
            "period_start": "2026-01-01",
            "period_end": "2026-12-31",
            "target": [100.0, 0.0, -50.0, 100.0],
        }
    )
    actuals = pd.DataFrame(
        {"rep": list("abcd"), "date": "2026-06-30", "amount": [80.0, 1.0, -40.0, 125.0]}
    )
    more = track(plan, actuals, as_of="2026-12-31")["attainment"].tolist()
    assert more == pytest.approx([0.8, 1.0, 1.2, 1.25])
    less = track(plan, actuals, as_of="2026-12-31", direction="lower")["attainment"].tolist()
    assert less == pytest.approx([1.25, 0.0, 0.8, 0.8])


def test_actuals_without_a_plan_are_told():
    actuals = pd.DataFrame({"rep": ["Li", "new"], "date": "2026-01-05", "amount": [1.0, 7.0]})
    with pytest.warns(DataWarning, match=r"left out 1 row\(s\) of actuals, 7.00 in all"):
        track(_plan(), actuals, as_of="2026-01-31")


def test_replan_methods_put_the_gap_where_they_say():
    plan = _plan()
    actuals = pd.DataFrame({"rep": ["Li", "Wu"], "date": "2026-01-10", "amount": [40.0, 33.34]})
    before = plan[plan["rep"] == "Li"]["target"]
    gap = before.iloc[0] - 40.0
    for method in ("proportional", "even", "catch_up", "minimal"):
        out = replan(plan, actuals, as_of="2026-01-31", method=method)
        assert _cents(out["target"]).sum() == 120_000
        moved = (out["target"] - out["previous"])[(out["rep"] == "Li") & ~out["closed"]].round(2)
        assert moved.sum() == pytest.approx(gap)
        if method in ("catch_up", "minimal"):
            assert (moved != 0).sum() == 1
        else:
            assert moved.nunique() <= 2
    capped = replan(plan, actuals, as_of="2026-01-31", method="catch_up", upper=80.0)
    assert capped["target"].max() == 80.0
    with pytest.raises(InputError, match="gap"):
        replan(plan, actuals, as_of="2026-01-31", upper=50.0)


def test_a_leaver_moves_only_cells_of_his_team_and_a_joiner_takes_from_his():
    plan = decompose(120_000, periods=(*YEAR, "M"), weights=_team())
    out = replan(plan, None, as_of=None, leavers={"p00": "2026-06-30"})
    changed = out[out["target"] != out["previous"]]
    assert set(changed["team"]) == {"T0"}
    assert changed["period_start"].min() == pd.Timestamp("2026-07-01")
    assert (
        out.loc[(out["rep"] == "p00") & (out["period_start"] >= "2026-07-01"), "target"].eq(0).all()
    )
    assert _cents(out["target"]).sum() == 12_000_000
    new = pd.DataFrame({"region": ["R1"], "team": ["T1"], "rep": ["z"], "start": ["2026-10-01"]})
    out = replan(plan, None, as_of=None, joiners=new)
    mine = out[out["rep"] == "z"]
    assert (mine["target"] > 0).sum() == 3
    assert _cents(out["target"]).sum() == 12_000_000
    assert set(out[out["target"] != out["previous"]]["team"]) == {"T1"}


def test_attainment_probability_matches_the_closed_form_of_the_lognormal():
    from scipy.stats import norm

    draws = 100_000
    grid = (np.arange(draws) + 0.5) / draws
    samples = pd.DataFrame(
        {"date": "2026-01-01", "draw": range(draws), "amount": np.exp(0.25 * norm.ppf(grid))}
    )
    plan = pd.DataFrame(
        {"period_start": ["2026-01-01"], "period_end": ["2026-12-31"], "target": [1.1]}
    )
    got = attainment_probability(plan, samples).iloc[0]
    assert got["p_attain"] == pytest.approx(0.351512, abs=1e-5)
    assert got["p50"] == pytest.approx(1.0, abs=1e-4)


def _plan_and_draws():
    """Two reps; A's plan is the first quarter, B's the second; four draws a month."""
    plan = pd.DataFrame(
        {
            "rep": ["A", "B"],
            "period_start": ["2026-01-01", "2026-04-01"],
            "period_end": ["2026-03-31", "2026-06-30"],
            "target": [30.0, 60.0],
        }
    )
    months = pd.date_range("2026-01-01", periods=6, freq="MS")
    draws = pd.DataFrame(
        [
            {"rep": r, "date": m, "draw": k, "amount": (10.0 if r == "A" else 20.0) + k - 1}
            for r in "AB"
            for m in months
            for k in range(4)
        ]
    )
    return plan, draws


def test_draws_count_in_their_own_keys_periods():
    """Three months of 9, 10, 11, 12 against 30; of 19, 20, 21, 22 against 60."""
    plan, draws = _plan_and_draws()
    got = attainment_probability(plan, draws).set_index("rep")
    assert got["p_attain"].to_dict() == {"A": 0.75, "B": 0.75}
    assert got["p50"].to_dict() == {"A": 31.5, "B": 61.5}
    whole = attainment_probability(plan, draws, by=[]).iloc[0]
    assert (whole["target"], whole["p_attain"], whole["p50"]) == (90.0, 0.75, 93.0)
    shuffled = attainment_probability(plan.iloc[::-1], draws.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(shuffled.set_index("rep"), got)


def test_what_came_in_counts_in_its_own_keys_periods():
    plan, draws = _plan_and_draws()
    came = pd.DataFrame(
        {
            "rep": ["A", "A", "B"],
            "date": ["2025-12-31", "2026-01-20", "2026-01-20"],
            "amount": [500.0, 8.0, 500.0],
        }
    )
    got = attainment_probability(plan, draws[draws["date"] >= "2026-02-01"], actuals=came)
    got = got.set_index("rep")
    assert got["p50"].to_dict() == {"A": 8.0 + 21.0, "B": 61.5}
    total = attainment_probability(
        plan, draws[draws["date"] >= "2026-02-01"], actuals=came.drop(columns="rep"), by=[]
    )
    assert total["p50"].tolist() == [508.0 + 21.0 + 61.5]


def test_keys_that_the_plan_lacks_are_not_in_the_whole():
    plan, draws = _plan_and_draws()
    got = attainment_probability(plan[plan["rep"] == "A"], draws, by=[])
    assert got["p50"].tolist() == [31.5]


def test_plans_that_draws_cannot_answer_are_refused():
    plan, draws = _plan_and_draws()
    with pytest.raises(InputError, match="lack rows of some draws for 1 key"):
        attainment_probability(plan, draws.drop(index=[5]))
    far = plan.assign(period_start="2031-01-01", period_end="2031-12-31")
    with pytest.raises(InputError, match="no draw of samples has a date"):
        attainment_probability(far, draws)
    one = plan.assign(
        period_start=["2026-01-01", "2020-01-01"], period_end=["2026-03-31", "2020-12-31"]
    )
    with pytest.warns(DataWarning, match=r"1 of 2 key.*first 'B'"):
        attainment_probability(one, draws)
    with pytest.raises(InputError, match="lies before"):
        attainment_probability(plan.assign(period_end="2025-01-01"), draws)
    with pytest.raises(InputError, match="name of a column of the result"):
        attainment_probability(
            plan.rename(columns={"rep": "p50"}), draws.rename(columns={"rep": "p50"})
        )


def test_equal_probability_quotas_are_the_same_quantile_of_normals():
    from scipy.stats import norm

    grid = (np.arange(4001) + 0.5) / 4001
    mean, sd = np.array([100.0, 200.0, 50.0]), np.array([10.0, 40.0, 2.0])
    samples = pd.concat(
        pd.DataFrame(
            {
                "rep": f"r{i}",
                "date": "2026-01-01",
                "draw": range(4001),
                "amount": mean[i] + sd[i] * norm.ppf(grid),
            }
        )
        for i in range(3)
    )
    total = 376.0  # half a standard deviation over each mean, all together
    out = equal_probability_quotas(samples, total)
    np.testing.assert_allclose(out["target"], mean + 0.5 * sd, atol=0.02)
    assert out.attrs["probability"] == pytest.approx(norm.sf(0.5), abs=1e-3)
    with pytest.raises(InputError, match="no common probability"):
        equal_probability_quotas(samples, 10_000)


def test_reconcile_is_the_nearest_point_with_the_total():
    top, low = pd.Series({"a": 100.0, "b": 200.0}), pd.Series({"a": 150.0, "b": np.nan})
    out = reconcile(top, low)
    assert out["target"].tolist() == [112.5, 187.5]  # 125 and 200, both moved by 12.5
    assert out["gap"].iloc[0] == -50
    assert reconcile(top, low, trust=1.0)["target"].tolist() == [100, 200]


def test_blend_ramp_capacity_and_growth():
    reps = pd.DataFrame({"rep": ["a", "b", "c"], "x": [1.0, 3.0, np.nan], "y": [1.0, 1.0, 2.0]})
    blended = blend_weights(reps, {"x": 1, "y": 1}, by="rep")
    assert blended.tolist() == [0.25, 0.5, 0.5]
    factor = ramp(
        pd.DataFrame(
            {"hired": ["2026-01-16", None], "left": [None, "2026-02-14"]}, index=["new", "old"]
        ),
        ("2026-01-01", "2026-03-31", "M"),
        curve=(0.5, 1.0),
    )
    np.testing.assert_allclose(factor.to_numpy(), [[0.5 * 16 / 31, 1, 1], [1, 14 / 28, 0]])
    plan = decompose(1000, periods=("2026-01-01", "2026-03-31", "M"), weights=factor)
    assert round(plan["target"].sum(), 2) == 1000
    team = capacity(10, productivity=5.0, attrition=0.5, periods=("2026-01-01", "2026-12-31", "Y"))
    assert team["capacity"].tolist() == [50.0]
    path = growth_path(pd.Series({2025: 100.0}), years=2, market=[1000.0, 2000.0], share=0.2)
    assert path["year"].tolist() == [2026, 2027]
    np.testing.assert_allclose(path["amount"], [150.0, 400.0])


def test_smart_check_says_what_is_wrong():
    history = pd.DataFrame({"rep": ["Li", "Wu"], "date": "2025-06-30", "amount": [500.0, 500.0]})
    good = check_smart(_plan(), history, strategy=["Li", "Wu"])
    for same in (pd.Series(["Wu", "Li"]), {"Li": "grow", "Wu": "hold"}, ["Li", "Li", "Wu"]):
        pd.testing.assert_frame_equal(check_smart(_plan(), history, strategy=same), good)
    assert good["passed"].tolist() == [True] * 5
    bad = _plan()
    bad.loc[0, "rep"] = None
    bad["target"] *= 3
    bad = pd.concat([bad, bad.iloc[[5]]])
    found = check_smart(bad, history).set_index("criterion")["passed"]
    assert not found["specific"]
    assert not found["achievable"]
    assert not found["time_bound"]
    assert found.isna()["relevant"]
    named = history.rename(columns={"date": "日期", "amount": "金额"})
    again = check_smart(_plan(), named, strategy=["Li", "Wu"], date="日期", amount="金额")
    pd.testing.assert_frame_equal(again, good)


def test_territories_are_balanced_compact_and_respect_locks():
    rng = np.random.default_rng(0)
    accounts = pd.DataFrame(
        {
            "value": rng.lognormal(0, 1, 300),
            "hours": rng.uniform(1, 5, 300),
            "x": rng.uniform(0, 10, 300),
            "y": rng.uniform(0, 10, 300),
        }
    )
    accounts["stay"] = np.where(np.arange(300) < 3, 2, np.nan)
    accounts["now"] = np.where(accounts["x"] < 2, "w", np.where(accounts["x"] < 8, "m", "e"))
    out = balance_territories(accounts, 5, workload="hours", locked="stay", current="now")
    assert out.loc[:2, "territory"].eq(2).all()
    assert max(out.attrs["after"].values()) < 0.02 < max(out.attrs["before"].values())
    placed = balance_territories(accounts, 5, xy=("x", "y"))
    assert placed.attrs["after"]["value"] < 0.1
    within = placed.groupby("territory")[["x", "y"]].std().to_numpy().mean()
    assert within < 0.75 * accounts[["x", "y"]].std().mean()
    again = balance_territories(accounts.sample(frac=1, random_state=3), 5, xy=("x", "y"))
    assert again["territory"].sort_index().tolist() == placed["territory"].tolist()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_figures_draw_what_the_desk_returned(lang):
    actuals = pd.DataFrame({"rep": ["Li", "Wu"], "date": "2026-01-20", "amount": [40.0, 50.0]})
    samples = pd.DataFrame(
        {
            "rep": ["Li"] * 5 + ["Wu"] * 5,
            "date": "2026-03-01",
            "draw": list(range(5)) * 2,
            "amount": [700.0, 750, 800, 850, 900] * 2,
        }
    )
    assert plots.pace(track(_plan(), actuals, as_of="2026-02-28"), lang=lang).get_title(loc="left")
    fan = burn_up(_plan(), actuals, as_of="2026-02-28", samples=samples)
    assert fan["p10"].iloc[-1] <= fan["p50"].iloc[-1] <= fan["p90"].iloc[-1]
    quotas = equal_probability_quotas(samples, 1600)
    drawn = [plots.burn_up(fan, lang=lang), plots.quota_fairness(quotas, lang=lang)]
    assert drawn[0].collections
    assert len(drawn[1].texts) == 2
    assert lang == "en" or not [word for ax in drawn for word in english_on(ax, "Li|Wu")]


def test_the_fan_of_a_plan_to_come_begins_at_what_has_come_in():
    """Draws of a month are in at its end; on the plan's first day nothing is in yet."""
    starts = pd.date_range("2026-01-01", periods=3, freq="MS")
    plan = pd.DataFrame({"period_start": starts, "period_end": starts + pd.offsets.MonthEnd(),
                         "target": [31.0, 28.0, 31.0]})  # fmt: skip
    draws = pd.DataFrame({"date": starts.repeat(3), "draw": [0, 1, 2] * 3,
                          "amount": [10.0, 20.0, 30.0, 5.0, 5.0, 5.0, 1.0, 2.0, 3.0]})  # fmt: skip
    none = pd.DataFrame({"date": pd.to_datetime([]), "amount": np.zeros(0)})
    fan = burn_up(plan, none, as_of="2025-12-31", samples=draws)
    assert fan["p50"].tolist() == [0.0, 20.0, 25.0, 27.0]
    assert fan["target"].tolist() == [1.0, 31.0, 59.0, 90.0]
    late = burn_up(plan, none, as_of="2026-01-31", samples=draws)
    assert late["p50"].tolist() == [0.0, 5.0, 7.0]
    days = plan.assign(period_start=starts, period_end=starts)
    assert burn_up(days, none, as_of="2025-12-31", samples=draws)["p50"].tolist() == [20, 25, 27]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_section_works_with_either_table(lang):
    from salesmgmt.report.sections import targets as section

    sample = load_sample()
    both = section.build(sample, lang=lang)
    assert len(both) == 5
    assert len(section.build({"plan": sample["plan"]}, lang=lang)) == 2
    bare = sample["transactions"][["customer_id", "date", "amount"]]
    assert len(section.build({"transactions": bare}, lang=lang)) == 2
    assert section.build({"deals": sample["deals"]}, lang=lang) == []


def test_margins_nested_by_the_data_are_compared_where_they_speak_of_the_same_cells():
    plan = pd.DataFrame(
        {"region": ["N", "N", "S"], "team": ["t1", "t2", "t3"], "target": [1.0, 1.0, 1.0]}
    )
    regions = pd.Series({"N": 700_000.0, "S": 500_000.0}).rename_axis("region")
    teams = pd.Series({"t1": 1_000_000.0, "t2": 100_000.0, "t3": 100_000.0}).rename_axis("team")
    with pytest.raises(InputError, match=r"\(region\) and .*\(team\).* for 'N' .*gap of 400000"):
        rake(plan, [regions, teams])
    teams[:] = [600_000.0, 100_000.0, 500_000.0]
    fit = rake(plan, [regions, teams])
    assert fit["target"].tolist() == [600_000.0, 100_000.0, 500_000.0]


def test_three_margins_say_which_gave_way_and_implied_ones_are_exact():
    rng = np.random.default_rng(1)
    cells = pd.MultiIndex.from_product([range(6), range(5), range(4)], names=["a", "b", "c"])
    plan = pd.DataFrame({"target": rng.uniform(1, 9, 120)}, index=cells).reset_index()
    whole = plan.assign(target=rng.integers(10, 99, 120).astype(float))
    margins = [whole.groupby(k)["target"].sum() for k in ("a", "b", "c")]
    out = rake(plan, margins, step=1)
    for name, margin in zip("ab", margins, strict=False):
        assert out.groupby(name)["target"].sum().tolist() == margin.tolist()
    assert set(out.attrs["gave_way"]) <= {"c"}
    plan["ab"] = plan["a"] * 10 + plan["b"]
    pair = whole.assign(ab=plan["ab"]).groupby("ab")["target"].sum()
    implied = rake(plan, [margins[0], pair, margins[2]], step=1)
    assert implied.attrs["gave_way"] == {}
    assert implied.groupby("c")["target"].sum().tolist() == margins[2].tolist()


def test_an_indicator_is_followed_by_itself_and_a_curve_is_not():
    quarters = pd.period_range("2025Q1", periods=12, freq="Q")
    indicator = pd.Series([10.0, 11, 12, 11, 12, 13, 14, 13, 14, 15, 16, 15], index=quarters)
    annual = pd.Series({2025: 440.0, 2026: 624.0})
    call = {"periods": ("2025-01-01", "2026-12-31", "Q")}
    followed = decompose(annual, profile=indicator, **call)
    asked = decompose(annual, profile=indicator, method="denton", **call)
    plain = decompose(annual, profile=indicator, method="pro_rata", **call)
    pd.testing.assert_frame_equal(followed, asked)
    assert followed["target"].tolist() != plain["target"].tolist()
    curve = pd.Series([0.1, 0.2, 0.3, 0.4] * 3, index=quarters)
    shares = decompose(annual, profile=curve, **call)
    assert shares["target"].head(4).tolist() == [44.0, 88.0, 132.0, 176.0]
    longer = decompose(annual, profile=indicator, periods=("2025-01-01", "2027-12-31", "Q"))
    assert len(longer) == 12
    ratio = longer["target"] / indicator.to_numpy()
    assert ratio.tail(5).std() < 0.01 * ratio.mean()  # extrapolated at the last ratio
    with pytest.raises(InputError, match="differ"):
        decompose(
            annual, profile=curve, method="pro_rata", periods=("2025-01-01", "2027-12-31", "Q")
        )


def test_track_projects_by_the_median_of_draws_after_as_of():
    plan = _plan().assign(measure="sales")
    actuals = pd.DataFrame({"rep": ["Li", "Wu"], "date": "2026-01-20", "amount": [40.0, 50.0]})
    draws = pd.DataFrame(
        {
            "rep": ["Li"] * 6 + ["Wu"] * 6,
            "date": ["2026-01-01", "2026-03-01"] * 6,
            "draw": [0, 0, 1, 1, 2, 2] * 2,
            "amount": [9.0, 100.0, 9.0, 200.0, 9.0, 300.0] * 2,
        }
    )
    now = track(plan, actuals.assign(measure="sales"), as_of="2026-02-28", projection=draws)
    assert now["projected"].tolist() == [240.0, 250.0]


def test_retail_years_may_come_from_the_totals():
    plan = decompose(pd.Series({2026: 5200.0, 2027: 5200.0}), periods="4-4-5", step=1)
    assert len(plan) == 24
    assert plan["target"].head(3).tolist() == [400.0, 400.0, 500.0]


def test_before_anything_came_in_actuals_are_zero_amounts():
    early = pd.DataFrame({"rep": ["Li"], "date": ["2020-01-05"], "amount": [5.0]})
    found = track(_plan(), early, as_of="2020-02-01")
    assert found["actual"].dtype == np.float64
    assert found["actual"].eq(0).all()


# Own names of the plan's columns ---------------------------------------------------------

OWN = {"period_start": "期初", "period_end": "期末", "target": "目标"}


def _own_plan_and_sales():
    plan = decompose(1200, periods=(*YEAR, "M"), weights=pd.Series({"Li": 2.0, "Wu": 1.0}))
    plan = plan.rename(columns={"key": "业务员"})
    days = pd.date_range("2026-01-05", periods=12, freq="W")
    sales = pd.DataFrame({"业务员": ["Li", "Wu"] * 6, "date": days, "amount": range(10, 130, 10)})
    draws = pd.DataFrame(
        {
            "业务员": np.repeat(["Li", "Wu"], 20),
            "date": pd.Timestamp("2026-05-01"),
            "draw": list(range(20)) * 2,
            "amount": np.r_[np.linspace(300, 800, 20), np.linspace(100, 500, 20)],
        }
    )
    return plan, sales, draws


@pytest.mark.parametrize(
    "call",
    [
        lambda plan, sales, draws, **own: track(plan, sales, as_of="2026-03-31", **own),
        lambda plan, sales, draws, **own: replan(plan, sales, as_of="2026-03-31", **own),
        lambda plan, sales, draws, **own: replan(
            plan, None, as_of=None, leavers={"Wu": "2026-06-30"}, **own
        ),
        lambda plan, sales, draws, **own: replan(
            plan,
            None,
            as_of=None,
            joiners=pd.DataFrame({"业务员": ["Xu"], "start": ["2026-07-01"]}),
            **own,
        ),
        lambda plan, sales, draws, **own: roll_up(plan, freq="Q", **own),
        lambda plan, sales, draws, **own: burn_up(plan, sales, as_of="2026-03-31", **own),
        lambda plan, sales, draws, **own: attainment_probability(plan, draws, **own),
        lambda plan, sales, draws, **own: check_smart(plan, sales, samples=draws, **own),
        lambda plan, sales, draws, **own: round_plan(
            plan,
            step=10,
            columns=own.get("period_start", "period_start"),
            target=own.get("target", "target"),
        ).rename(columns={v: k for k, v in own.items()}),
        lambda plan, sales, draws, **own: rake(
            plan,
            [pd.Series([700.0, 500.0], index=pd.Index(["Li", "Wu"], name="业务员"))],
            target=own.get("target", "target"),
        ).rename(columns={v: k for k, v in own.items()}),
    ],
)
def test_own_names_of_the_plan_change_no_number(call):
    plan, sales, draws = _own_plan_and_sales()
    mine = plan.rename(columns=OWN)
    kept = mine.copy()
    got = call(mine, sales, draws, **OWN)
    pd.testing.assert_frame_equal(mine, kept)
    pd.testing.assert_frame_equal(got, call(plan, sales, draws))


def test_own_name_of_the_measure_keeps_measures_apart():
    plan, sales, _ = _own_plan_and_sales()
    plan = pd.concat([plan.assign(指标="销售额"), plan.assign(指标="回款")], ignore_index=True)
    sales = sales.assign(指标="销售额")
    now = track(plan, sales, as_of="2026-03-31", measure="指标", direction={"回款": "lower"})
    assert now["指标"].tolist() == ["回款", "销售额"] * 2
    assert now["actual"].tolist() == [0, 360, 0, 420]
    assert now["attainment"].tolist()[0] == np.inf
    with pytest.raises(InputError, match=r"2 measures in column '指标'.*cannot be added"):
        burn_up(plan, sales, as_of="2026-03-31", measure="指标")
    with pytest.raises(InputError, match="no column 'measure'"):
        track(plan, sales, as_of="2026-03-31", direction={"回款": "lower"})


def test_targets_of_several_measures_are_not_added():
    plan, sales, draws = _own_plan_and_sales()
    both = pd.concat([plan.assign(measure="sales"), plan.assign(measure="cash")])
    with pytest.raises(InputError, match="2 measures"):
        attainment_probability(both, draws)
    with pytest.raises(InputError, match="2 measures"):
        burn_up(both, sales, as_of="2026-03-31")
    smart = check_smart(both, sales, samples=draws).set_index("criterion")
    assert pd.isna(smart.loc["achievable", "passed"])
    assert "several measures" in smart.loc["achievable", "evidence"]


def test_a_name_that_the_result_needs_is_refused_when_taken():
    plan, sales, _ = _own_plan_and_sales()
    mine = plan.rename(columns=OWN).assign(target=1.0)
    with pytest.raises(InputError, match=r"both '目标' and 'target'.*rename 'target'"):
        replan(mine, sales, as_of="2026-03-31", **OWN)


@pytest.mark.parametrize(
    ("goal", "came", "direction", "status"),
    [
        (0.0, -5.0, "higher", "behind"),
        (0.0, 0.0, "higher", "achieved"),
        (0.0, 5.0, "lower", "behind"),
        (0.0, 0.0, "lower", "on_track"),  # no cost so far; it may still come
        (-100.0, -40.0, "higher", "on_track"),  # a loss smaller than expected by now
        (-100.0, -60.0, "higher", "behind"),
        (-100.0, -60.0, "lower", "on_track"),
        (100.0, 40.0, "higher", "behind"),
        (100.0, 48.0, "higher", "at_risk"),
        (100.0, 40.0, "lower", "on_track"),
    ],
)
def test_status_of_zero_and_negative_targets_at_half_time(goal, came, direction, status):
    days = pd.Series(1.0, index=pd.date_range("2026-01-01", "2026-01-10"))
    plan = pd.DataFrame(
        {"rep": ["a"], "period_start": "2026-01-01", "period_end": "2026-01-10", "target": goal}
    )
    sales = pd.DataFrame({"rep": ["a"], "date": ["2026-01-02"], "amount": [came]})
    now = track(plan, sales, as_of="2026-01-05", calendar=days, direction=direction)
    assert now["expected"].tolist() == [goal / 2]
    assert now["status"].tolist() == [status]


def test_nothing_expected_yet_is_not_started():
    plan = pd.DataFrame(
        {"rep": ["a"], "period_start": "2026-02-01", "period_end": "2026-02-28", "target": 10.0}
    )
    early = pd.DataFrame({"rep": ["a"], "date": ["2026-01-02"], "amount": [3.0]})
    assert track(plan, early, as_of="2026-01-31")["status"].tolist() == ["not_started"]


def test_territories_of_other_engines_keep_all_columns():
    polars = pytest.importorskip("polars")
    places = pd.DataFrame({"name": list("abc"), "value": [3.0, 2.0, 1.0], "now": [1, 1, 2]})
    got = balance_territories(polars.from_pandas(places).lazy(), 2, current="now")
    base = balance_territories(places, 2, current="now")
    pd.testing.assert_frame_equal(got, base, check_dtype=False)


def test_row_order_moves_not_the_last_digit():
    rng = np.random.default_rng(0)
    plan = decompose(1234.56, periods=(*YEAR, "D"), weights=pd.Series({"Li": 2.0, "Wu": 1.1}))
    sales = pd.DataFrame(
        {
            "key": rng.choice(["Li", "Wu"], 500),
            "date": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 200, 500), "D"),
            "amount": np.round(rng.gamma(2, 5, 500), 2),
        }
    )
    draws = pd.DataFrame(
        {
            "key": np.repeat(["Li", "Wu"], 300),
            "date": pd.to_datetime(["2026-08-01", "2026-10-01", "2026-12-01"] * 200),
            "draw": np.tile(np.repeat(np.arange(100), 3), 2),
            "amount": rng.gamma(2, 50, 600),
        }
    )
    calls = (
        lambda p, s, d: track(p, s, as_of="2026-07-15"),
        lambda p, s, d: burn_up(p, s, as_of="2026-07-15", samples=d),
        lambda p, s, d: attainment_probability(p, d, actuals=s),
        lambda p, s, d: seasonal_profile(s, by="key", freq="D"),
    )
    mixed = [f.sample(frac=1, random_state=1) for f in (plan, sales, draws)]
    for call in calls:
        pd.testing.assert_frame_equal(
            call(*mixed), call(plan, sales, draws), check_exact=True, rtol=0, atol=0
        )


def test_a_plan_finer_than_the_step_is_added_before_it_is_rounded():
    plan = pd.DataFrame(
        {
            "rep": ["a"] * 3,
            "period_start": pd.date_range("2026-01-01", periods=3, freq="MS"),
            "period_end": pd.date_range("2026-01-31", periods=3, freq="ME"),
            "target": [100 / 3] * 3,
        }
    )
    assert roll_up(plan, freq="Q")["target"].tolist() == [100.0]
    with pytest.raises(InputError, match=r"no multiple of step 0.01 in 3 row\(s\) \(row 0: 33.33"):
        replan(plan, None, as_of=None, leavers={"a": "2026-01-31"})


def test_a_dict_of_weights_and_a_decimal_total_will_do():
    from decimal import Decimal

    assert allocate(Decimal("100.01"), {"a": 1, "b": 1}).to_dict() == {"a": 50.01, "b": 50.0}
    with pytest.raises(InputError, match="leavers are only named"):
        replan(_plan(), None, as_of=None, leavers=["Li"])


def test_every_text_of_the_plan_heatmap_is_set_in_a_font_that_knows_chinese():
    from salesmgmt.plots._style import families

    many = pd.Series(1.0, index=[f"r{i:02d}" for i in range(30)])
    plan = decompose(3_600_000, periods=(*YEAR, "M"), weights=many)
    ax = plots.plan_heatmap(plan, lang="zh")
    ax.figure.canvas.draw()
    bars = [a for a in ax.figure.axes if a is not ax]
    assert bars  # so many keys are told by a bar of colours
    for one in (ax, *bars):
        labels = [*one.get_xticklabels(), *one.get_yticklabels()]
        for label in labels:
            assert not label.get_text() or label.get_fontfamily() == list(families())
