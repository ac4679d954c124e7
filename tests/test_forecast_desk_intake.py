"""What the forecast desk takes in: keys, levels, horizons that would give a wrong table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.calendars import events, working_days
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import (
    Forecaster,
    accuracy,
    anomalies,
    backtest,
    compare_models,
    components,
    forecast,
    forecast_hierarchy,
    impact,
    simulate,
)

CALLS = {
    "forecast": lambda h, by: forecast(h, 2, by=by),
    "simulate": lambda h, by: simulate(h, 2, by=by, n=3),
    "backtest": lambda h, by: backtest(h, 2, by=by, windows=1),
    "components": lambda h, by: components(h, by=by),
    "anomalies": lambda h, by: anomalies(h, by=by),
    "impact": lambda h, by: impact(h, start="2021-10-01", by=by),
    "forecast_hierarchy": lambda h, by: forecast_hierarchy(h, 2, keys=by),
    "Forecaster.fit": lambda h, by: Forecaster(by=by).fit(h),
}


def months(n: int = 24, keys: tuple = ("a", "b")) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    dates = pd.date_range("2020-01-01", periods=n, freq="MS")
    parts = [
        pd.DataFrame({"k": k, "date": dates, "amount": rng.normal(100, 5, n).round(2)})
        for k in keys
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("call", "key"),
    [
        ("forecast", "forecast"),
        ("forecast", "lo_80"),
        ("forecast", "status"),
        ("simulate", "draw"),
        ("backtest", "model"),
        ("backtest", "cutoff"),
        ("components", "trend"),
        ("anomalies", "score"),
        ("impact", "effect_lo"),
        ("forecast_hierarchy", "base"),
        ("Forecaster.fit", "draw"),
    ],
)
def test_a_key_named_like_a_column_of_the_result_is_refused(call, key):
    with pytest.raises(InputError, match=rf"^{call}\(\): (by|keys) names '{key}'.*rename"):
        CALLS[call](months().rename(columns={"k": key}), key)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("key", ["date", "amount"])
def test_dates_and_amounts_are_no_keys(call, key):
    with pytest.raises(InputError, match=rf"^{call}\(\): (by|keys) names '{key}'"):
        CALLS[call](months(), key)


@pytest.mark.parametrize("call", CALLS)
def test_lists_in_a_key_column_are_told(call):
    history = months()
    history["k"] = history["k"].astype(object)
    history.at[3, "k"] = ["a", "b"]
    with pytest.raises(InputError, match=r"'k' holds a list, which is no key, in 1 row"):
        CALLS[call](history, "k")


def test_levels_are_percentages_not_shares():
    with pytest.raises(InputError, match=r"level is in percent.*did you mean 95"):
        forecast(months(), 2, by="k", level=(0.8, 0.95)[1])


def test_a_horizon_beyond_all_dates_is_refused():
    with pytest.raises(InputError, match="horizon must be between 1 and 100000"):
        forecast(months(), 10**7, by="k")


# --------------------------------------------------------------------------------------
# Outcomes taken from a history


def receipts() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    days = pd.date_range("2020-01-01", "2024-11-15", freq="D")
    return pd.DataFrame(
        {
            "k": np.tile(["a", "b"], len(days)),
            "date": np.repeat(days, 2),
            "amount": rng.gamma(2, 10, 2 * len(days)).round(2),
        }
    )


def by_month(frame: pd.DataFrame) -> pd.DataFrame:
    month = frame["date"].dt.to_period("M").dt.start_time
    return frame.assign(date=month).groupby(["k", "date"], as_index=False)["amount"].sum()


def ahead() -> pd.DataFrame:
    dates = pd.date_range("2024-07-01", periods=4, freq="MS")
    return pd.DataFrame({"k": ["a"] * 4 + ["b"] * 4, "date": [*dates] * 2, "forecast": 600.0})


def test_outcomes_are_sums_of_the_period_not_of_its_first_day():
    sums = ahead().merge(by_month(receipts()), on=["k", "date"])
    mae = (sums["forecast"] - sums["amount"]).abs().mean()
    with pytest.warns(match="2024-11-01 is not over"):
        got = accuracy(ahead(), history=receipts(), by=None, freq="M")
    assert got["mae"].item() == pytest.approx(mae, rel=1e-12)
    got = accuracy(ahead(), history=by_month(receipts())[lambda x: x["date"] < "2024-11"], by=None)
    assert got["mae"].item() == pytest.approx(mae, rel=1e-12)


def test_a_month_that_is_not_over_is_no_outcome():
    dates = pd.date_range("2024-10-01", periods=2, freq="MS")
    two = pd.DataFrame({"k": "a", "date": dates, "forecast": 600.0})
    with (
        pytest.warns(match="2024-11-01 is not over"),
        pytest.warns(match="no value yet for 1 of 2 predictions"),
    ):
        assert accuracy(two, history=receipts(), by=None, freq="M")["n"].item() == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda h: h.assign(date=h["date"] + pd.offsets.MonthEnd(0)),
        lambda h: h.assign(date=h["date"].dt.tz_localize("Asia/Shanghai")),
        lambda h: h.assign(date=h["date"].dt.strftime("%Y-%m-%d")),
        lambda h: h.assign(k=h["k"].astype("category")),
    ],
    ids=["month ends", "zone", "text", "category"],
)
def test_outcomes_are_found_however_dates_and_keys_are_written(other):
    whole = by_month(receipts())[lambda x: x["date"] < "2024-11"]
    want = accuracy(ahead(), history=whole, by=("k",), season_length=12)
    got = accuracy(ahead(), history=other(whole), by=("k",), season_length=12)
    pd.testing.assert_frame_equal(got, want, check_dtype=False, check_categorical=False)


def test_scales_see_nothing_of_the_first_predicted_month_when_dates_are_month_ends():
    whole = by_month(receipts())[lambda x: x["date"] < "2024-11"]
    at_end = whole.assign(date=whole["date"] + pd.offsets.MonthEnd(0))
    seen = ahead().assign(date=lambda x: x["date"] + pd.offsets.MonthEnd(0))
    want = accuracy(seen, history=at_end, by=None)["mase"].item()
    later = at_end["date"] > "2024-06-30"
    seen = seen.merge(at_end.rename(columns={"amount": "actual"}), on=["k", "date"])
    poisoned = at_end.assign(amount=at_end["amount"].where(~later, 1e9))
    assert accuracy(seen, history=poisoned, by=None)["mase"].item() == pytest.approx(want)


def test_keys_that_can_never_meet_are_named():
    number = ahead().assign(k=lambda x: x["k"].map({"a": 1, "b": 2}))
    with pytest.raises(InputError, match=r"accuracy\(\): column 'k' holds .*never equal"):
        accuracy(number, history=by_month(receipts()), by=None)


@pytest.mark.parametrize(("freq", "step"), [(None, "D"), ("M", "M")])
def test_a_history_read_by_the_wrong_frequency_is_told(freq, step):
    weeks = pd.date_range("2024-06-03", periods=6, freq="W-MON")
    seen = pd.DataFrame({"k": "a", "date": weeks, "forecast": 140.0, "actual": 150.0})
    with pytest.raises(InputError, match=rf"freq='{step}'.*2024-06-03 and 2024-06-10.*freq="):
        accuracy(seen, history=receipts(), by=None, freq=freq)
    assert accuracy(seen, history=receipts(), by=None, freq="W")["mae"].item() == 10


def test_accuracy_of_other_engines_frames(give):
    history = months(36)
    tried = backtest(history, 3, by="k", windows=2, models=("naive", "seasonal_naive"))
    got = accuracy(give(tried), history=give(history))
    pd.testing.assert_frame_equal(got, accuracy(tried, history=history), check_dtype=False)


def test_compare_models_keeps_the_dtype_of_keys_and_names_a_missing_reference():
    history = months(36).assign(k=lambda x: x["k"].astype("category"))
    tried = backtest(history, 3, by="k", windows=2, models=("naive", "seasonal_naive"))
    assert compare_models(tried, by="k")["k"].dtype == history["k"].dtype
    part = tried[(tried["k"] != "a") | (tried["model"] != "seasonal_naive")]
    with pytest.raises(InputError, match="model 'seasonal_naive' lacks 6 of 6 forecasts"):
        compare_models(part, by="k")


# --------------------------------------------------------------------------------------
# Dates of fiscal quarters and years


@pytest.mark.parametrize(
    "freq", ["QS-FEB", "QE-FEB", "QE-JAN", "QS", "QE", "YS-APR", "YE-MAR", "YS", "YE", "QS-MAR"]
)
@pytest.mark.parametrize("given", [True, False])
def test_fiscal_quarters_and_years_go_on_where_they_stand(freq, given, recwarn):
    dates = pd.date_range("2015-01-01", periods=27, freq=freq)
    history = pd.DataFrame({"date": dates[:24], "amount": 100.0 + np.arange(24) % 5})
    got = forecast(history, 3, model="naive", freq=freq[0] if given else None)
    assert list(got["date"]) == list(dates[24:])
    assert got["forecast"].iloc[0] == history["amount"].iloc[-1]  # no quarter was left out
    assert not len(recwarn)


def test_a_fiscal_quarter_has_the_working_days_of_its_own_months():
    # A value that is exactly the working days of the quarter it stands for.
    days = working_days("2008-01-01", "2025-12-31")
    dates = pd.date_range("2008-02-01", "2025-11-01", freq="QS-FEB")
    place = np.searchsorted(dates, days["date"], side="right") - 1
    value = np.bincount(place[place >= 0], days["weight"][place >= 0])[: len(dates) - 1]
    history = pd.DataFrame({"date": dates[:-5], "amount": 10.0 * value[: len(dates) - 5]})
    got = forecast(history, 4, model="ets", calendar="CN")["forecast"].to_numpy()
    want = 10.0 * value[len(dates) - 5 :]
    assert np.abs(got / want - 1).max() < 0.01


def test_amounts_beyond_all_sums_are_refused():
    with pytest.raises(InputError, match=r"1.7e\+308 in one period is too large"):
        forecast(months().assign(amount=1.7e308), 2, by="k")


# --------------------------------------------------------------------------------------
# Drivers


def driven() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(2)
    dates = pd.date_range("2020-01-01", periods=40, freq="MS")
    promo = (rng.random(40) < 0.3).astype(float)
    parts = [
        pd.DataFrame(
            {"k": k, "date": dates[:36], "promo": promo[:36], "amount": 100 + 50 * promo[:36]}
        ).assign(amount=lambda x: (x["amount"] + rng.normal(0, 2, 36)).round(2))
        for k in "ab"
    ]
    plan = pd.DataFrame({"date": dates[36:], "promo": [0.0, 1, 0, 1]})
    ahead = pd.concat([plan.assign(k="a"), plan.assign(k="b", promo=1 - plan["promo"])])
    return pd.concat(parts, ignore_index=True), ahead.reset_index(drop=True)


@pytest.mark.parametrize(
    ("exog", "words"),
    [
        ("amount", "exog names 'amount', which is a key, the date or the amount"),
        ("k", "exog names 'k'"),
        ("date", "exog names 'date'"),
        (3, "exog must be a column name or a list"),
        (["promo", "promo"], "exog names a column twice"),
        ({"promo": []}, r"exog gives 'promo' the lags \[\]"),
        ({"promo": [1, 1]}, r"exog gives 'promo' the lags \[1, 1\]"),
        ({"promo": 36}, "exog gives 'promo' a lag of 36, but the history has 36"),
    ],
)
def test_drivers_that_make_no_sense_are_refused(exog, words):
    history, ahead = driven()
    ahead = ahead.assign(amount=1.0)
    with pytest.raises(InputError, match=rf"^forecast\(\): {words}"):
        forecast(history, 4, by="k", exog=exog, future=ahead)
    with pytest.raises(InputError, match=rf"^backtest\(\): {words}"):
        backtest(history, 2, by="k", exog=exog)


def test_two_values_of_a_driver_for_one_date_are_refused():
    history, ahead = driven()
    want = forecast(history, 4, by="k", exog="promo", future=ahead)
    twice = pd.concat([ahead, ahead])
    pd.testing.assert_frame_equal(forecast(history, 4, by="k", exog="promo", future=twice), want)
    other = pd.concat([ahead, ahead.assign(promo=1 - ahead["promo"])])
    with pytest.raises(InputError, match="future gives 16 different values for the same key"):
        forecast(history, 4, by="k", exog="promo", future=other)


def test_keys_of_future_that_can_never_meet_are_named():
    history, ahead = driven()
    ahead["k"] = ahead["k"].map({"a": 1, "b": 2})
    with pytest.raises(InputError, match="column 'k' holds text in history and numbers in future"):
        forecast(history, 4, by="k", exog="promo", future=ahead)


def test_drivers_of_other_engines_frames(give):
    history, ahead = driven()
    got = forecast(give(history), 4, by="k", exog="promo", future=give(ahead))
    want = forecast(history, 4, by="k", exog="promo", future=ahead)
    pd.testing.assert_frame_equal(got, want, check_dtype=False)


def test_rows_that_are_dropped_are_dropped_for_calendar_and_drivers_too():
    history, ahead = driven()
    history["date"] = history["date"].dt.strftime("%Y-%m-%d")
    history.loc[5, "date"] = "soon"
    options = {"by": "k", "exog": "promo", "future": ahead, "calendar": "CN", "invalid": "drop"}
    with pytest.warns(match="left out 1 of 72 row"):
        got = forecast(history, 4, **options)
    assert len(got) == 8


def test_a_driver_without_any_value_in_a_series_is_told():
    history, ahead = driven()
    history.loc[history["k"] == "b", "promo"] = np.nan
    with pytest.warns(match=r"no value in the history of 1 of 2 series, first \['b'\]"):
        forecast(history, 4, by="k", exog="promo", future=ahead)


def test_a_calendar_by_day_holds_all_days_of_its_periods():
    history, _ = driven()
    given = events("2020-01-01", "2023-04-30")
    forecast(history, 4, by="k", calendar=given)
    with pytest.raises(InputError, match=r"lacks 15 day\(s\).*2023-04-30, first 2023-04-16"):
        forecast(history, 4, by="k", calendar=given[given["date"] < "2023-04-16"])


def test_working_days_can_be_the_calendar():
    history, _ = driven()
    given = working_days("2020-01-01", "2023-04-30")
    by_month = working_days("2020-01-01", "2023-04-30", freq="M")[["date", "weight"]]
    got = forecast(history, 4, by="k", calendar=given)
    pd.testing.assert_frame_equal(got, forecast(history, 4, by="k", calendar=by_month))


# --------------------------------------------------------------------------------------
# Models of the caller's own


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (3, "what model 'mine' returned must be a DataFrame"),
        (pd.DataFrame({"k": ["a"], "forecast": [1.0]}), "has no column 'date'"),
        (pd.DataFrame({"k": ["a"], "date": ["soon"], "forecast": [1.0]}), "'date' does not read"),
        (
            pd.DataFrame({"k": ["a"], "date": ["2021-11-01"], "forecast": [np.nan]}),
            "'forecast' is missing in 1 row",
        ),
    ],
)
def test_what_a_model_of_ones_own_returns_is_checked(made, words):
    with pytest.raises(InputError, match=rf"^backtest\(\): .*{words}"):
        backtest(months(), 2, by="k", models={"mine": lambda history, horizon: made})


@pytest.mark.parametrize("rule", ["BMS", "BME", "BQS", "BQE", "BQE-NOV", "BYS", "BYE"])
@pytest.mark.parametrize("n", [5, 30])
def test_periods_that_stand_on_weekdays_are_whole(rule, n):
    """As pandas goes on, with the values of the same record on first days of its periods."""
    dates = pd.date_range("2018-08-15", periods=n + 3, freq=rule)
    amount = np.random.default_rng(0).integers(50, 90, n).astype(float)
    sales = pd.DataFrame({"date": dates[:n], "amount": amount})
    got = forecast(sales.sample(frac=1, random_state=1), 3)  # a warning would be an error
    assert got["date"].tolist() == dates[n:].tolist()
    first = (dates[:n].to_period("M").start_time if "S" in rule
             else dates[:n].to_period("M").end_time.normalize())  # fmt: skip
    plain = forecast(sales.assign(date=first), 3)
    values = ["forecast", "lo_80", "hi_80", "lo_95", "hi_95"]
    pd.testing.assert_frame_equal(got[values], plain[values])
    if n > 8:
        tried = backtest(sales, 2, models="naive", level=None)
        assert tried["actual"].tolist() == amount[-6:].tolist()
        assert tried["date"].tolist() == dates[n - 6 : n].tolist()


def test_weekdays_are_looked_for_in_months_only():
    """Days, weeks, and months of which one date is no first weekday, are read as before."""
    week = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=9, freq="7D"), "amount": 1.0})
    assert (forecast(week, 1)["date"] == pd.Timestamp("2024-03-04")).all()
    dates = [*pd.date_range("2024-01-01", periods=8, freq="BMS"), pd.Timestamp("2024-09-05")]
    with pytest.warns(DataWarning, match="not over"):
        got = forecast(pd.DataFrame({"date": dates, "amount": 1.0}), 1)
    assert got["date"].item() == pd.Timestamp("2024-09-01")


def test_text_out_of_an_array_names_a_model_and_a_truth_value_is_no_number():
    month = pd.date_range("2024-01-01", periods=12, freq="MS")
    given = pd.DataFrame({"date": month, "amount": 5.0})
    for model in np.array(["naive", "mean"]):
        assert forecast(given, 1, model=model, level=None)["forecast"].iloc[0] == 5.0
    with pytest.raises(InputError, match="non_negative must be one of"):
        forecast(given, 1, non_negative=1)
