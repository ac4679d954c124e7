"""Files as shops write them: closed days, open hours, summer time, receipts, empty periods."""

import warnings

import numpy as np
import pandas as pd
import pytest

from salesmgmt import calendars
from salesmgmt.errors import DataWarning
from salesmgmt.forecast import (
    Forecaster,
    backtest,
    forecast,
    forecast_hierarchy,
    simulate,
)

RNG = np.random.default_rng(5)
SERIES = 12


def days(start: str, end: str, **keys) -> pd.DataFrame:
    date = pd.date_range(start, end)
    level = 100 * np.array([1, 1, 1.1, 1.2, 1.5, 2, 2])[date.day_of_week]
    return pd.DataFrame({"date": date, "amount": RNG.poisson(level).astype(float), **keys})


def without_sundays(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["date"].dt.day_of_week != 6]


def sundays(frame: pd.DataFrame) -> pd.Series:
    return frame["date"].dt.day_of_week == 6


@pytest.mark.parametrize("model", ["auto", "ets", "mstl", "seasonal_naive"])
def test_a_shop_that_is_closed_on_sundays_sells_nothing_next_sunday(model):
    made = forecast(without_sundays(days("2024-01-01", "2024-06-29")), 14, model=model)
    closed = sundays(made)
    assert closed.sum() == 2
    assert (made.loc[closed, ["forecast", "lo_95", "hi_95"]] == 0).all(axis=None)
    assert made.loc[~closed, "forecast"].between(70, 260).all()


@pytest.mark.parametrize("how", ["zeros written", "several receipts a day"])
def test_closed_days_are_closed_however_they_are_written(how):
    whole = days("2024-01-01", "2024-06-29")
    given = without_sundays(whole)
    if how == "zeros written":
        given = whole.assign(amount=whole["amount"].where(~sundays(whole), 0.0))
    else:
        given = pd.concat([given, given])
    made = forecast(given, 7, freq="D")
    assert (made.loc[sundays(made), ["forecast", "hi_95"]] == 0).all(axis=None)
    assert (made.loc[~sundays(made), "forecast"] > 50).all()


def test_each_shop_has_its_own_closed_days_everywhere_on_the_desk():
    shut = without_sundays(days("2024-01-01", "2024-06-29", shop="shut"))
    given = pd.concat([shut, days("2024-01-01", "2024-06-29", shop="open")])
    made = forecast(given, 7, by="shop")
    paths = simulate(given, 7, by="shop", n=20)
    fitted = Forecaster(by="shop").fit(given.head(-5)).update(given.tail(5), refit=False).predict(7)
    for frame, column in ((made, "forecast"), (paths, "amount"), (fitted, "forecast")):
        gone = sundays(frame) & (frame["shop"] == "shut")
        assert gone.any()
        assert (frame.loc[gone, column] == 0).all()
        assert (frame.loc[~gone, column] > 0).all()
    tree = forecast_hierarchy(given, 7, keys="shop", method="bottom_up").set_index("shop")
    assert tree.loc["shut", "forecast"][sundays(tree.loc["shut"])].eq(0).all()


def test_closed_days_are_those_known_at_the_cutoff():
    """A shop that opens its Sundays in June was still a closed one in May."""
    closed = without_sundays(days("2024-01-01", "2024-05-31"))
    tried = backtest(
        pd.concat([closed, days("2024-06-01", "2024-06-30")]),
        15,
        windows=2,
        models=["auto"],
        freq="D",
        level=None,
    )
    first = tried[tried["cutoff"] < "2024-06-01"]
    assert sundays(first).sum() == 2  # of the first half of June, with amounts of their own
    assert (first.loc[sundays(first), "forecast"] == 0).all()
    later = tried[tried["cutoff"] > "2024-06-01"]
    assert (later.loc[sundays(later), "forecast"] > 0).all()


def test_sundays_may_be_taken_as_not_known():
    made = forecast(without_sundays(days("2024-01-01", "2024-06-29")), 7, gaps="missing")
    assert (made["forecast"] > 0).all()


def test_a_few_weeks_and_rare_sales_do_not_close_a_day():
    made = forecast(without_sundays(days("2024-06-10", "2024-06-29")), 7)  # under three weeks
    assert (made["forecast"] > 0).all()
    rare = pd.DataFrame({"date": pd.date_range("2024-01-01", "2024-06-29"), "amount": 0.0})
    rare.loc[[3, 30, 60, 92, 130, 170], "amount"] = 5.0  # six sales say nothing of Sundays
    made = forecast(rare, 7, model="croston")
    assert (made["forecast"] > 0).all()


def test_hours_outside_opening_times_are_closed():
    hours = pd.date_range("2024-01-01", "2024-03-01", freq="h", inclusive="left")
    hours = hours[(hours.hour >= 9) & (hours.hour < 18) & (hours.day_of_week != 6)]
    given = pd.DataFrame({"date": hours, "amount": RNG.poisson(50, len(hours)).astype(float)})
    made = forecast(given, 7 * 24)
    hour = made["date"].dt.hour
    open_now = (hour >= 9) & (hour < 18) & ~sundays(made)
    assert open_now.sum() == 54
    assert (made.loc[~open_now, "hi_95"] == 0).all()
    assert made.loc[open_now, "forecast"].between(20, 100).all()


@pytest.mark.parametrize("calendar", [None, "CN"])
def test_weekends_worked_now_and_then_are_not_worked_always(calendar):
    """A firm with rows on working days only, those exchanged for a holiday among them."""
    day = calendars.working_days("2023-01-01", "2025-08-31")
    worked = day.loc[day["weight"] > 0, ["date"]]
    given = worked.assign(amount=RNG.gamma(25, 4, len(worked)))
    assert (given["date"].dt.day_of_week == 6).sum() > 8
    made = forecast(given, 42, calendar=calendar, level=None)
    weekend = made["date"].dt.day_of_week > 4
    exchanged = made["date"].isin(pd.to_datetime(["2025-09-28", "2025-10-11"]))
    assert made.loc[weekend & ~exchanged, "forecast"].mean() < 20  # was 96
    assert made.loc[~weekend & (made["date"] < "2025-10-01"), "forecast"].between(80, 120).all()
    if calendar:
        assert made.loc[exchanged, "forecast"].between(70, 130).all()


@pytest.mark.parametrize("zone", ["Europe/Berlin", None])
def test_hours_stay_hours_when_the_clock_is_set_back(zone):
    utc = pd.date_range("2024-10-01", periods=900, freq="h", tz="UTC")
    date = utc.tz_convert(zone or "Europe/Berlin")
    if zone is None:  # as a meter writes it: wall time without a zone
        date = date.tz_localize(None)
    made = forecast(pd.DataFrame({"date": date, "amount": 10.0 + utc.hour}), 24, level=None)
    assert (made["date"].diff().dropna() == pd.Timedelta(hours=1)).all()
    assert made["forecast"].between(8, 40).all()


def test_receipts_with_clock_times_are_months_not_hours():
    minute = np.sort(RNG.choice(540 * 1440, 3000, replace=False))
    date = pd.Timestamp("2023-01-01") + pd.to_timedelta(minute, unit="min")
    made = forecast(pd.DataFrame({"date": date, "amount": 20.0}), 2, partial="keep", level=None)
    assert made["date"].dt.day.eq(1).all()
    assert made["forecast"].between(2000, 4500).all()  # some 167 receipts a month


@pytest.mark.parametrize("step", ["30min", "15min", "h"])
def test_readings_within_the_hour_are_hours(step):
    date = pd.date_range("2024-01-01", "2024-01-15", freq=step, inclusive="left")
    made = forecast(pd.DataFrame({"date": date, "amount": 1.0}), 3, level=None)
    assert made["date"].iloc[0] == pd.Timestamp("2024-01-15")
    assert made["forecast"].eq(len(date) / 336).all()


def test_amounts_of_longer_periods_are_told_of():
    """Four-week periods look like weeks with gaps, quarters beside months like months with gaps."""
    four = pd.DataFrame(
        {"date": pd.date_range("2023-01-02", periods=26, freq="28D"), "amount": 9.0}
    )
    with pytest.warns(DataWarning, match="never have rows in neighbouring weeks.*not known"):
        forecast(four, 2)
    month = pd.date_range("2020-01-01", periods=36, freq="MS")
    both = pd.concat(
        [
            pd.DataFrame({"date": month, "amount": 9.0, "key": "months"}),
            pd.DataFrame({"date": month[::3], "amount": 27.0, "key": "quarters"}),
        ]
    )
    with pytest.warns(DataWarning, match=r"1 of 2 series.*month.*first \['quarters'\]"):
        forecast(both, 2, by="key")
    with pytest.warns(DataWarning, match="1 of 2 series") as told:
        backtest(both, 2, by="key", models=["naive"])
    assert len(told) == 1  # once, not at every cutoff


@pytest.mark.parametrize("gaps", ["zero", "missing"])
def test_who_says_what_gaps_mean_is_not_told(gaps):
    four = pd.DataFrame(
        {"date": pd.date_range("2023-01-02", periods=26, freq="28D"), "amount": 9.0}
    )
    forecast(four, 2, gaps=gaps)


def test_some_gaps_are_nothing_to_tell():
    month = pd.date_range("2020-01-01", periods=36, freq="MS")
    forecast(
        pd.DataFrame({"date": month, "amount": 9.0}).iloc[[0, 1, *range(4, 20), *range(25, 36)]], 2
    )


def test_what_sells_now_and_then_is_nothing_to_tell():
    """One row in four weeks on average, but now sooner, now later: slow, not four-weekly."""
    week = pd.date_range("2021-01-03", periods=121, freq="W")
    rows = np.cumsum([0, *([2, 4, 6] * 10)])
    forecast(pd.DataFrame({"date": week, "amount": 9.0}).iloc[rows], 2)


@pytest.mark.parametrize(("freq", "n"), [("MS", 60), ("W", 120), ("D", 610)])
@pytest.mark.parametrize("empty", [0.15, 0.5])
def test_lower_ends_know_of_empty_periods(freq, n, empty):
    """Amounts around 100 with a share of empty periods: 95 % intervals must hold the zeros."""
    rng = np.random.default_rng(11)
    date = pd.date_range("2020-01-05", periods=n + 6, freq=freq)
    amount = rng.gamma(11, 9, (SERIES, n + 6)) * (rng.random((SERIES, n + 6)) > empty)
    given = pd.DataFrame(
        {
            "key": np.repeat(np.arange(SERIES), n + 6),
            "date": np.tile(date, SERIES),
            "amount": amount.ravel(),
        }
    )
    known = given[given["date"] < date[n]]
    made = forecast(known, 6, by="key").merge(given, on=["key", "date"])
    assert (made["amount"] < made["lo_95"]).mean() <= 0.05
    paths = simulate(known, 6, n=400, by="key")
    ends = paths.groupby(["key", "date"])["amount"].quantile(0.025).reset_index(name="low")
    both = made.merge(ends, on=["key", "date"])
    assert (both["amount"] < both["low"]).mean() <= 0.05


def test_places_of_the_season_without_sales_do_not_widen_the_others():
    """Ice cream: nothing in winter, always something in summer."""
    month = pd.date_range("2018-01-01", periods=84, freq="MS")
    summer = month.month.isin([4, 5, 6, 7, 8, 9])
    amount = np.where(summer, RNG.normal(100, 5, 84), 0.0)
    made = forecast(pd.DataFrame({"date": month, "amount": amount}), 12)
    warm = made["date"].dt.month.isin([5, 6, 7, 8])
    assert (made.loc[warm, "lo_95"] > 30).all()


def test_nothing_is_mixed_into_a_closed_day():
    """Shops that grow together and are closed on Sundays: no part of the mixture opens them."""
    date = pd.date_range("2024-01-01", "2025-03-29", freq="D")
    date = date[date.day_of_week != 6]
    sales = pd.concat(
        pd.DataFrame(
            {
                "shop": shop,
                "date": date,
                "amount": 100 + 0.3 * np.arange(len(date)) + RNG.normal(0, 25, len(date)),
            }
        )
        for shop in "abcdef"
    )
    made = forecast_hierarchy(sales, 14, keys="shop", level=None)
    assert made.attrs["method"] == "mixture"
    closed = made["date"].dt.day_of_week == 6
    assert made.loc[closed, "forecast"].eq(0).all()
    assert made.loc[~closed, "forecast"].gt(50).all()


@pytest.mark.parametrize(("dates", "says"), [("MS", "first days"), ("ME", "last days")])
def test_sums_of_months_that_are_asked_for_by_week_are_told_of(dates, says):
    sales = pd.DataFrame({"date": pd.date_range("2022-01-01", periods=36, freq=dates)})
    sales["amount"] = 100.0
    with pytest.warns(DataWarning, match=rf"all 36 dates are {says} of months; .* freq=\"M\""):
        forecast(sales, 2, freq="W", model="mean", level=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forecast(sales, 2, freq="W", model="mean", level=None, gaps="zero")
        forecast(sales, 2, freq="M", model="mean", level=None)
