"""The forecast desk from outside: data that fit exactly, other engines' frames, coarser periods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import plots
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import (
    accuracy,
    anomalies,
    backtest,
    components,
    forecast,
    forecast_ending,
    impact,
    reconcile,
    reconcile_temporal,
)


def months(n: int = 36, keys: tuple = ("a", "b")) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    dates = pd.date_range("2020-01-01", periods=n, freq="MS")
    parts = [
        pd.DataFrame({"k": k, "date": dates, "amount": rng.normal(100, 5, n).round(2)})
        for k in keys
    ]
    return pd.concat(parts, ignore_index=True)


# --------------------------------------------------------------------------------------
# Data that fit exactly


@pytest.mark.parametrize(
    "values",
    [
        np.full(30, 3.0),
        np.full(60, 100.0),
        np.full(48, 0.1),
        -np.arange(1.0, 31.0),
        np.arange(60) * 7 + np.tile([0.0, 5, -5, 9], 15),
        1e8 + 1000.0 * np.sin(np.arange(48) * 2 * np.pi / 12),
    ],
    ids=["threes", "hundreds", "tenths", "line", "line and season", "far from zero"],
)
def test_what_fits_exactly_has_no_anomalies(values):
    dates = pd.date_range("2020-01-01", periods=len(values), freq="MS")
    seen = anomalies(pd.DataFrame({"date": dates, "amount": values}))
    assert not seen["anomaly"].any()
    np.testing.assert_allclose(seen["expected"], values, rtol=1e-5, atol=1e-5)


def test_one_odd_value_in_a_constant_is_the_only_anomaly():
    dates = pd.date_range("2020-01-01", periods=48, freq="MS")
    values = np.where(np.arange(48) == 30, 130.0, 100.0)
    seen = anomalies(pd.DataFrame({"date": dates, "amount": values}))
    assert list(seen.index[seen["anomaly"]]) == [30]


def test_a_series_without_values_is_told():
    history = months()
    history.loc[history["k"] == "b", "amount"] = np.nan
    with pytest.warns(match=r"1 of 2 series have no value and no row.*\['b'\]"):
        assert set(components(history, by="k")["k"]) == {"a"}
    with pytest.raises(InputError, match=r"anomalies\(\): history has no known amount"):
        anomalies(history[history["k"] == "b"], by="k")


@pytest.mark.parametrize("call", [anomalies, lambda h, **o: impact(h, start="2022-06-01", **o)])
def test_one_level_is_a_percentage(call):
    with pytest.raises(InputError, match="level is in percent"):
        call(months(), by="k", level=0.95)
    with pytest.raises(InputError, match="level must be a finite number"):
        call(months(), by="k", level=(80, 95))


@pytest.mark.parametrize("name", ["amount", "date", "k"])
def test_controls_are_other_columns(name):
    with pytest.raises(InputError, match=f"controls names '{name}'"):
        impact(months(), start="2022-06-01", by="k", controls=name)


def test_starts_for_nobody_are_told():
    with pytest.raises(InputError, match="start is empty"):
        impact(months(), start={}, by="k")


# --------------------------------------------------------------------------------------
# Months, quarters and weeks given, longer periods asked for


@pytest.mark.parametrize(
    ("given", "asked", "first"),
    [("MS", "Q", "2023-01-01"), ("ME", "Q", "2023-01-01"), ("MS", "Y", "2023-01-01")],
)
def test_whole_months_make_whole_quarters_and_years(given, asked, first, recwarn):
    dates = pd.date_range("2016-01-01", periods=84, freq=given)
    history = pd.DataFrame({"date": dates, "amount": 10.0})
    got = forecast(history, 1, freq=asked, model="naive")
    assert got["date"].item() == pd.Timestamp(first)
    assert got["forecast"].item() == (30.0 if asked == "Q" else 120.0)
    assert not len(recwarn)


def test_weeks_fill_a_month_when_the_next_one_lies_beyond_it(recwarn):
    dates = pd.date_range("2020-01-03", "2022-12-30", freq="W-FRI")
    history = pd.DataFrame({"date": dates, "amount": 10.0})
    got = forecast(history, 1, freq="M", model="naive")
    assert (got["date"].item(), got["forecast"].item()) == (pd.Timestamp("2023-01-01"), 50.0)
    assert not len(recwarn)
    with pytest.warns(match="2022-12-01 is not over"):
        forecast(history[:-1], 1, freq="M", model="naive")


def test_two_months_are_no_quarter():
    dates = pd.date_range("2016-01-01", periods=83, freq="MS")
    with pytest.warns(match="2022-10-01 is not over at 2022-11-30"):
        forecast(pd.DataFrame({"date": dates, "amount": 10.0}), 1, freq="Q", model="naive")


# --------------------------------------------------------------------------------------
# Frames of other engines


def test_reconcile_keeps_all_columns_of_other_engines_frames(give):
    history = months()
    whole = history.groupby("date", as_index=False)["amount"].sum()
    base = [forecast(history, 3, by="k"), forecast(whole, 3).assign(k=None)]
    base = pd.concat(base, ignore_index=True)
    past = pd.concat([history, whole.assign(k=None)], ignore_index=True)
    past = past.assign(residual=np.sin(np.arange(len(past)))).drop(columns="amount")
    want = reconcile(base, keys="k", residuals=past)
    got = reconcile(give(base), keys="k", residuals=give(past))
    assert list(got) == list(want)
    assert got["k"].isna().tolist() == want["k"].isna().tolist()
    pd.testing.assert_frame_equal(got.drop(columns="k"), want.drop(columns="k"), check_dtype=False)


def test_reconcile_temporal_keeps_intervals_of_other_engines_frames(give):
    history = months()
    base = [forecast(history, h, by="k", freq=f).assign(freq=f) for f, h in (("M", 12), ("Q", 4))]
    base = pd.concat(base, ignore_index=True)
    got, want = reconcile_temporal(give(base), by="k"), reconcile_temporal(base, by="k")
    assert "lo_80" in got
    pd.testing.assert_frame_equal(got, want, check_dtype=False)


def test_forecast_ending_of_other_engines_frames(give):
    history = months()
    ahead = forecast(history, 6, by="k")
    ends = pd.DataFrame({"k": ["a"], "end": pd.to_datetime(["2023-03-31"])})
    got = forecast_ending(give(ahead), give(history), give(ends), by="k")
    want = forecast_ending(ahead, history, ends, by="k")
    pd.testing.assert_frame_equal(got, want, check_dtype=False)


def test_an_ordinary_sale_of_a_slow_item_is_no_anomaly():
    rng = np.random.default_rng(0)
    dates = pd.date_range("2019-01-01", periods=72, freq="MS")
    parts = [
        pd.DataFrame(
            {
                "k": i,
                "date": dates,
                "amount": np.where(rng.random(72) < 0.2, rng.integers(1, 10, 72), 0),
            }
        )
        for i in range(40)
    ]
    assert anomalies(pd.concat(parts), by="k")["anomaly"].mean() < 0.1


# --------------------------------------------------------------------------------------
# What a message says must be of use


@pytest.mark.parametrize(
    ("numbers", "remedy"),
    [([1, 2, 3], "count periods"), ([45000, 45031, 45061], "1899-12-30"),
     ([20250101, 20250201, 20250301], "%Y%m%d")],
)  # fmt: skip
def test_numbers_for_dates_are_told_what_they_look_like(numbers, remedy):
    with pytest.raises(InputError, match=remedy):
        forecast(pd.DataFrame({"date": numbers, "amount": [1.0, 2, 3]}), 1)


def test_a_missing_column_of_another_engine_is_told_with_all_that_are_there():
    pl = pytest.importorskip("polars")
    with pytest.raises(InputError, match=r"Did you mean 'dat'.*'dat', 'amount', 'shop'"):
        forecast(pl.DataFrame({"dat": ["2025-01-01"], "amount": [1.0], "shop": ["a"]}), 1)


def test_drivers_of_a_series_that_ended_are_asked_for_from_its_end_on():
    two = months(12).assign(price=1.0)
    two = two[(two["k"] == "a") | (two["date"] < "2020-10-01")]
    ahead = pd.DataFrame({"date": pd.date_range("2021-01-01", periods=2, freq="MS"), "price": 1.0})
    with pytest.raises(InputError, match="begin at 2020-10-01"):
        forecast(two, 2, by="k", exog="price", future=ahead)


def test_outcomes_of_a_last_month_that_as_of_says_is_over():
    sales = months(12, ("a",)).drop(columns="k")
    sales.loc[len(sales) - 1, "date"] = pd.Timestamp("2020-12-28")
    told = pd.DataFrame({"date": ["2020-11-01", "2020-12-01"], "forecast": 100.0})
    with pytest.warns(DataWarning) as told_of:
        assert accuracy(told, history=sales, freq="M", by=None)["n"].tolist() == [1]
    assert "as_of=" in str(told_of[0].message)
    assert "partial" not in str(told_of[0].message)
    whole = accuracy(told, history=sales, freq="M", by=None, as_of="2020-12-31")
    assert whole["n"].tolist() == [2]
    assert whole["mae"].iloc[0] == pytest.approx(np.abs(100 - sales["amount"].tail(2)).mean())


def test_starts_that_cannot_be_used_are_told_of():
    sales = months(24)
    with pytest.raises(InputError, match="there are: 'a', 'b'"):
        impact(sales, start={"c": "2021-06-01"}, by="k")
    with pytest.raises(InputError, match="start is a frame"):
        impact(sales, start=pd.DataFrame({"k": ["a"], "start": ["2021-06-01"]}), by="k")
    with pytest.raises(InputError, match="2 series have no period before their start, first a"):
        impact(sales, start="2019-01-01", by="k")


def test_a_plot_does_not_tell_of_options_it_has_not():
    pytest.importorskip("matplotlib")
    ahead = forecast(months(24), 2, by="k")
    with pytest.raises(InputError, match=r"'date'\. Rename"):
        plots.fan_chart(ahead, history=months(24).rename(columns={"date": "day"}))


def test_a_model_of_ones_own_gets_sums_under_the_canonical_names():
    sales = months(24, ("a",)).rename(columns={"k": "Kunde", "date": "Tag", "amount": "Umsatz"})
    sales = pd.concat([sales, sales])
    seen = []

    def last(history: pd.DataFrame, horizon: int) -> pd.DataFrame:
        seen.append(list(history.columns))
        assert history["date"].is_unique
        ahead = pd.date_range(history["date"].max(), periods=horizon + 1, freq="MS")[1:]
        return pd.DataFrame({"Kunde": "a", "date": ahead, "forecast": 1.0})

    backtest(sales, 2, by="Kunde", freq="M", windows=1, models={"last": last}, date="Tag",
             amount="Umsatz")  # fmt: skip
    assert seen == [["Kunde", "date", "amount"]]


@pytest.mark.parametrize(("months", "at"), [(24, 12), (30, 5), (36, 18), (36, 0)])
def test_one_value_of_a_thousand_times_the_others_is_no_season(months, at):
    """What a decimal point in the wrong place did to the same month of other years: nothing.

    Without that row the split is the measure of what it should be with it.
    """
    wave = 1 + 0.3 * np.sin(np.arange(months) * np.pi / 6)
    noise = np.random.default_rng(3).lognormal(0, 0.05, months)
    dates = pd.date_range("2022-01-01", periods=months, freq="MS")
    sound = pd.DataFrame({"date": dates, "amount": 10_000 * wave * noise})
    wrong = sound.assign(amount=sound["amount"].where(sound.index != at, 1e7))
    parts = components(wrong, freq="M").drop(index=at)
    assert parts["season"].abs().max() < 8_000  # half a million, where the two were averaged
    assert (parts["trend"] - 10_000).abs().max() < 3_500
    seen = anomalies(wrong, freq="M")
    assert seen.loc[at, "anomaly"]
    others = seen.drop(index=at)
    assert others["anomaly"].sum() <= 3
    assert (others["expected"] - others["amount"]).abs().median() < 3_000
