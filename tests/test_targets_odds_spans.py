"""Odds of a plan: spans that differ by key, draws that end too early, samples given in part."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import forecast, simulate, summarise
from salesmgmt.incentives import CommissionPlan, payout
from salesmgmt.targets import attainment_probability, burn_up, decompose, replan, track


def draws(months: int = 12, n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    dates = pd.date_range("2026-01-01", periods=months, freq="MS")
    index = pd.MultiIndex.from_product([["Li", "Wu"], dates, range(n)])
    frame = index.set_names(["rep", "date", "draw"]).to_frame(index=False)
    return frame.assign(amount=rng.normal(100, 10, len(frame)).round(2))


def test_each_key_is_judged_over_its_own_span():
    plan = pd.DataFrame(
        {
            "rep": ["Li", "Wu"],
            "period_start": ["2026-01-01", "2026-07-01"],
            "period_end": ["2026-06-30", "2026-12-31"],
            "target": [600.0, 610.0],
        }
    )
    samples = draws()
    past = pd.DataFrame({"rep": ["Li", "Wu"], "date": "2026-01-10", "amount": [5.0, 7.0]})
    later = samples[samples["date"] >= "2026-02-01"]
    got = attainment_probability(plan, samples).set_index("rep")
    then = attainment_probability(plan, later, actuals=past).set_index("rep")
    for rep, half, target in (("Li", 1, 600.0), ("Wu", 2, 610.0)):
        mine = samples[(samples["rep"] == rep) & ((samples["date"].dt.month > 6) == (half == 2))]
        total = mine.groupby("draw")["amount"].sum()
        assert got.loc[rep, "p_attain"] == (total >= target).mean()
        assert got.loc[rep, "p50"] == pytest.approx(total.median())
        known = 5.0 if rep == "Li" else 0.0  # January lies outside the plan of Wu
        total = mine[mine["date"] >= "2026-02-01"].groupby("draw")["amount"].sum() + known
        assert then.loc[rep, "p50"] == pytest.approx(total.median())


def test_a_plan_beyond_the_last_draws_is_told():
    plan = pd.DataFrame(
        {
            "rep": ["Li", "Wu"],
            "period_start": "2026-01-01",
            "period_end": "2026-12-31",
            "target": 1200.0,
        }
    )
    with pytest.warns(match="draws end with the period of 2026-06-01, the plan on 2026-12-31"):
        attainment_probability(plan, draws(6))
    assert len(attainment_probability(plan, draws(12))) == 2
    one = draws(1)
    one.attrs["freq"] = "M"  # as simulate says
    with pytest.warns(match="draws end with the period of 2026-01-01, the plan on 2026-12-31"):
        attainment_probability(plan, one)
    samples = draws(12)
    early = samples[(samples["rep"] != "Wu") | (samples["date"] < "2026-10-01")]
    with pytest.warns(match="period of 2026-09-01.*for 1 of 2 key.*first 'Wu'.*Simulate to"):
        attainment_probability(plan, early)


def test_what_has_come_in_counts_up_to_the_first_draw_of_its_own_key():
    plan = pd.DataFrame(
        {"rep": ["Li", "Wu"], "period_start": "2026-01-01", "period_end": "2026-12-31"}
    ).assign(target=1200.0)
    samples = draws(12)
    later = samples[(samples["rep"] != "Wu") | (samples["date"] >= "2026-04-01")]
    past = pd.DataFrame({"rep": "Wu", "date": ["2026-01-10", "2026-03-31"], "amount": [50.0, 20.0]})
    got = attainment_probability(plan, later, actuals=past).set_index("rep")
    total = later[later["rep"] == "Wu"].groupby("draw")["amount"].sum() + 70
    assert got.loc["Wu", "p50"] == pytest.approx(total.median())
    total = samples[samples["rep"] == "Li"].groupby("draw")["amount"].sum()
    assert got.loc["Li", "p50"] == pytest.approx(total.median())


def test_a_target_reached_exactly_is_reached_whatever_the_unit():
    part = np.array([0.1, 0.2, 0.3]) * 1e9 + 1 / 3
    dates = pd.date_range("2026-01-01", periods=3, freq="MS")
    samples = pd.DataFrame({"rep": "Li", "date": dates, "draw": 0, "amount": part})
    plan = pd.DataFrame(
        {"rep": ["Li"], "period_start": "2026-01-01", "period_end": "2026-03-31"}
    ).assign(target=float(np.sum(part[::-1])) * (1 + 1e-15))
    assert attainment_probability(plan, samples)["p_attain"].item() == 1


def test_summarise_refuses_draws_that_are_not_whole():
    samples = draws(3)
    with pytest.raises(InputError, match="samples lack some draws"):
        summarise(samples.drop(index=samples.index[:5]), by="date")
    with pytest.raises(InputError, match="quantiles must be a list"):
        summarise(samples, quantiles=0.5)


def test_summarise_takes_arrow_tables_without_naming_columns():
    pa = pytest.importorskip("pyarrow")
    samples = draws(3)
    got = summarise(pa.Table.from_pandas(samples))
    pd.testing.assert_frame_equal(got, summarise(samples), check_dtype=False)


@pytest.mark.parametrize("seed", ["x", -1, 1.5, True])
def test_a_seed_that_is_none_is_named(seed):
    history = pd.DataFrame(
        {"date": pd.date_range("2024-01-01", periods=24, freq="MS"), "amount": [1.0, 2.0] * 12}
    )
    with pytest.raises(InputError, match=r"simulate\(\): random_state must be"):
        simulate(history, 2, n=5, random_state=seed)


def test_actuals_of_keys_without_a_plan_are_told():
    plan = pd.DataFrame(
        {"rep": ["Li"], "period_start": "2026-01-01", "period_end": "2026-12-31", "target": 1200.0}
    )
    later = draws()[lambda x: x["date"] >= "2026-03-01"]
    known = pd.DataFrame({"rep": ["Li", "Xu"], "date": "2026-01-10", "amount": [100.0, 40.0]})
    with pytest.warns(match=r"left out 1 row\(s\) of actuals, 40.00 in all.*'Xu'"):
        got = attainment_probability(plan, later, actuals=known)
    want = attainment_probability(plan, later, actuals=known[:1])
    pd.testing.assert_frame_equal(got, want)


def test_draws_of_a_month_that_the_plan_begins_within_are_told_of():
    """A retail year from 2 February and draws by month: February stands on the 1st."""
    plan = decompose(1200, periods=("4-5-4", 2025), step=1, year_start=2)
    dates = pd.date_range("2025-02-01", periods=12, freq="MS")
    months = pd.DataFrame({"date": dates, "amount": 50.0}).merge(
        pd.DataFrame({"draw": [0, 1]}), how="cross"
    )
    with pytest.warns(DataWarning, match="those of 2025-02-01 reach over 2025-02-02"):
        assert attainment_probability(plan, months)["p50"].tolist() == [550.0]
    moved = months.assign(date=months["date"].replace(dates[0], pd.Timestamp("2025-02-02")))
    assert attainment_probability(plan, moved)["p50"].tolist() == [600.0]
    came = pd.DataFrame({"date": ["2025-03-02"], "amount": [10.0]})
    with pytest.warns(DataWarning, match="those of 2025-03-01 reach over 2025-03-15"):
        track(plan, came, as_of="2025-03-14", projection=moved)
    with pytest.warns(DataWarning, match="burn_up.*those of 2025-03-01 reach over 2025-03-15"):
        burn_up(plan, came, as_of="2025-03-14", samples=moved)


# ---- samples and keys at the wrong door


def _year(rep="a"):
    start = pd.date_range("2025-01-01", periods=12, freq="MS")
    plan = pd.DataFrame({"rep": rep, "period_start": start, "target": 100.0})
    return plan.assign(period_end=plan["period_start"] + pd.offsets.MonthEnd(0))


@pytest.mark.parametrize(
    "call",
    [
        lambda plan, drawn: track(plan, drawn, as_of="2025-03-31"),
        lambda plan, drawn: replan(plan, drawn, as_of="2025-03-31"),
        lambda plan, drawn: attainment_probability(plan, drawn, actuals=drawn),
        lambda plan, drawn: burn_up(plan, drawn, as_of="2025-03-31"),
        lambda plan, drawn: payout(drawn, CommissionPlan([(0, 0.1)], base="amount"), by="rep"),
        lambda plan, drawn: forecast(drawn, 3, by="rep"),
    ],
)
def test_draws_are_refused_where_amounts_are_asked_for(call):
    """Forty draws were forty times the sales."""
    drawn = pd.DataFrame({"rep": "a", "date": _year()["period_start"].repeat(40)})
    drawn = drawn.assign(draw=list(range(40)) * 12, amount=10.0)
    with pytest.raises(InputError, match=r"holds 40 draws of the same amounts \(column 'draw'\)"):
        call(_year(), drawn)


@pytest.mark.parametrize("kind", ["int64", "Int64", "category"])
def test_keys_of_another_kind_are_refused_and_not_left_out(kind):
    """Actuals of '1' beside a plan of 1 were nobody's: 0.00 came in, with a warning."""
    plan = _year(1).assign(rep=pd.Series([1] * 12).astype(kind))
    sold = pd.DataFrame({"rep": ["1"], "date": ["2025-02-01"], "amount": [70.0]})
    drawn = sold.assign(draw=0)
    told = r"column 'rep' holds numbers in plan and text in {}, which are never equal"
    with pytest.raises(InputError, match=told.format("actuals")):
        track(plan, sold, as_of="2025-03-31")
    with pytest.raises(InputError, match=told.format("actuals")):
        replan(plan, sold, as_of="2025-03-31")
    with pytest.raises(InputError, match=told.format("samples")):
        attainment_probability(plan, drawn)
    own = sold.assign(rep=[1])
    assert track(plan, own, as_of="2025-03-31")["actual"].tolist() == [70.0]


def test_regions_of_samples_by_rep_are_those_of_the_plan():
    drawn = draws()
    plan = pd.concat([_year("Li").assign(region="N"), _year("Wu").assign(region="S")])
    plan = plan.assign(
        period_start=plan["period_start"] + pd.DateOffset(years=1),
        period_end=plan["period_end"] + pd.DateOffset(years=1),
    )
    names = {"Li": "N", "Wu": "S"}
    want = attainment_probability(plan, drawn.assign(region=drawn["rep"].map(names)), by="region")
    got = attainment_probability(plan, drawn, by="region")
    pd.testing.assert_frame_equal(got, want)
    assert got["region"].tolist() == ["N", "S"]
    moved = plan.assign(region=["N"] * 6 + ["S"] * 18)  # Li stands in both
    with pytest.raises(InputError, match="samples has no column 'region'"):
        attainment_probability(moved, drawn, by="region")


def test_draws_from_before_what_has_come_in_are_told_of():
    """The simulation of the year's beginning beside the sales of six months of it."""
    plan = decompose(1200, periods=("2026-01-01", "2026-12-31", "M"))
    months = pd.DataFrame({"date": pd.date_range("2026-01-01", periods=6, freq="MS")})
    came = months.assign(amount=150.0)
    old = draws().drop(columns="rep").groupby(["date", "draw"], as_index=False).sum()
    says = "draws begin with 2026-01-01, but actuals go on to 2026-06-01: .* does not count"
    with pytest.warns(DataWarning, match=says):
        attainment_probability(plan, old, actuals=came)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = old[old["date"] >= "2026-07-01"]
        attainment_probability(plan, new, actuals=came)
        begun = pd.DataFrame({"date": pd.to_datetime(["2026-07-15"]), "amount": 80.0})  # in July
        attainment_probability(plan, new, actuals=pd.concat([came, begun]))
