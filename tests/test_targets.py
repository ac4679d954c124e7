"""The targets desk: exact to the step, at every level, whatever the order of rows."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from salesmgmt import InputError, plots
from salesmgmt.targets import allocate, decompose

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
