"""Calendars learned from days: planted factors come back, months are forecast better."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import holidays
import numpy as np
import pandas as pd
import pytest

import salesmgmt
from salesmgmt import calendars
from salesmgmt.engine.calendar_factors import day_factors, day_parts
from salesmgmt.errors import DataWarning
from salesmgmt.forecast import (
    Forecaster,
    anomalies,
    backtest,
    components,
    forecast,
    forecast_hierarchy,
)

FESTIVALS = ("2023-01-22", "2024-02-10", "2025-01-29")


def company(last: str, keys: int, seed: int) -> pd.DataFrame:
    """Orders by day: closed on free days, busy before the festival, quiet around it."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2023-01-01", last)
    weight = calendars.working_days(days[0], days[-1])["weight"].to_numpy(float)
    factor = np.where(weight > 0, 1.0, 0.02)
    for day in FESTIVALS:
        away = (days - pd.Timestamp(day)).days.to_numpy()
        factor *= np.where((away >= -24) & (away <= -11), 1.4, 1.0)
        factor *= np.where((away >= -10) & (away <= -1), 0.5, 1.0)
        factor *= np.where((away >= 8) & (away <= 17), 0.6, 1.0)
    parts = []
    for k in range(keys):
        count = rng.poisson(3.0 * factor)
        amount = rng.gamma(4.0 * np.maximum(count, 1e-9), 25.0) * (count > 0)
        parts.append(pd.DataFrame({"shop": f"s{k}", "date": days, "amount": amount}))
    frame = pd.concat(parts, ignore_index=True)
    ends = frame["date"].dt.is_month_end  # a correction of no worth closes each month
    return frame[(frame["amount"] > 0) | ends]


def test_planted_factors_of_days_come_back():
    rng = np.random.default_rng(0)
    n = 1100
    kinds = np.arange(n) % 7
    effect = np.zeros((n, 1))
    for at in (40, 390, 790, 1090):  # a window that moves
        effect[at : at + 10] = 1.0
    truth = np.array([1.0, 1.2, 1.1, 1.0, 1.3, 0.3, 0.1])[kinds] * np.where(effect[:, 0], 0.5, 1.0)
    level = 200 * np.exp(0.3 * np.sin(np.arange(n) / 150))
    y = rng.poisson(level[:1000] * truth[:1000]).astype(float)
    got = day_factors(y, kinds, effect)
    np.testing.assert_allclose(got, truth / truth[:1000].mean(), rtol=0.08)


def test_a_day_with_one_enormous_order_moves_little():
    rng = np.random.default_rng(1)
    kinds = np.arange(700) % 7
    y = rng.poisson(100.0, 700).astype(float)
    wild = y.copy()
    wild[350] = 1e5
    none = np.zeros((700, 0))
    np.testing.assert_allclose(
        day_factors(wild, kinds, none), day_factors(y, kinds, none), rtol=0.1
    )


@pytest.mark.parametrize("known", ["2023-12-31", "2024-01-31"])
def test_months_with_a_moving_festival_are_forecast_better(known):
    gains = []
    for seed in range(3):
        sales = company("2024-03-31", 8, seed)
        past = sales[sales["date"] <= known]
        errors = []
        for calendar in (None, "CN"):
            made = forecast(past, 3, by="shop", freq="M", calendar=calendar, level=None)
            later = sales.assign(date=sales["date"].dt.to_period("M").dt.to_timestamp())
            truth = later.groupby(["shop", "date"], as_index=False)["amount"].sum()
            both = made.merge(truth, on=["shop", "date"])
            errors.append((both["forecast"] - both["amount"]).abs().sum())
        gains.append(1 - errors[1] / errors[0])
    assert min(gains) > 0.2


def test_days_after_the_cutoff_teach_nothing():
    sales = company("2024-06-30", 2, 5)
    worse = sales.assign(amount=sales["amount"].where(sales["date"] < "2024-04-01", 1e6))
    options = {"by": "shop", "freq": "M", "calendar": "CN", "models": "auto", "windows": 1}
    a, b = (backtest(x, 3, **options) for x in (sales, worse))
    columns = ["forecast", "lo_80", "hi_95"]
    np.testing.assert_array_equal(a[columns], b[columns])
    by_hand = forecast(
        sales[sales["date"] < "2024-04-01"], 3, by="shop", freq="M", calendar="CN", gaps="zero"
    )
    np.testing.assert_allclose(a["forecast"], by_hand["forecast"])
    kept = Forecaster(by="shop", freq="M", calendar="CN").fit(sales[sales["date"] < "2024-04-01"])
    np.testing.assert_allclose(kept.predict(3)["forecast"], by_hand["forecast"])


def test_order_of_rows_changes_nothing():
    sales = company("2024-06-30", 2, 6)
    mixed = sales.sample(frac=1, random_state=0)
    a, b = (forecast(x, 3, by="shop", freq="M", calendar="CN") for x in (sales, mixed))
    pd.testing.assert_frame_equal(a, b)


def test_a_hierarchy_learns_from_days_too():
    sales = company("2023-12-31", 3, 8)
    options = {"keys": "shop", "freq": "M", "calendar": "CN", "level": None}
    whole = forecast_hierarchy(sales, 3, levels=[[]], **options)
    base = whole[whole["shop"].notna()].sort_values(["shop", "date"])["base"].to_numpy()
    alone = forecast(sales, 3, by="shop", freq="M", calendar="CN", level=None)
    assert np.abs(base / alone["forecast"] - 1).max() < 0.1
    months = sales.assign(date=sales["date"].dt.to_period("M").dt.to_timestamp())
    months = months.groupby(["shop", "date"], as_index=False)["amount"].sum()
    without = forecast(months, 3, by="shop", freq="M", calendar="CN", level=None)
    assert np.abs(without["forecast"] / alone["forecast"] - 1).max() > 0.2


PARTS = ["trend", "season", "holiday", "exog", "remainder"]


def orders(last: str, seed: int, *, festival: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders of a company with a yearly season, and what each day is worth: usual and in all."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2023-01-01", last)
    usual, moved = (days.day_of_week < 5).astype(float), np.ones(len(days))
    if festival:
        weight = calendars.working_days(days[0], days[-1])["weight"].to_numpy(float)
        usual = np.where(weight > 0, 1.0, 0.02)
        for day in FESTIVALS:
            away = (days - pd.Timestamp(day)).days.to_numpy()
            moved *= np.where((away >= -28) & (away <= -11), 1.4, 1.0)
            moved *= np.where((away >= -10) & (away <= -1), 0.5, 1.0)
            moved *= np.where((away >= 8) & (away <= 17), 0.6, 1.0)
    season = 1 + 0.2 * np.cos(2 * np.pi * (np.arange(len(days)) - 170) / 365.25)
    count = rng.poisson(40 * usual * moved * season)
    amount = rng.gamma(4.0 * np.maximum(count, 1e-9), 25.0) * (count > 0)
    sales = pd.DataFrame({"date": days, "amount": amount})
    return sales[sales["amount"] > 0], pd.DataFrame({"date": days, "usual": usual, "moved": moved})


def by_period(truth: pd.DataFrame, freq: str) -> pd.Series:
    """What the calendar makes of each week or month, as a share of its usual days.

    Usual for a month: its mean over the years, which is season; for a week: its own.
    """
    when = truth["date"].dt.to_period(freq).dt.start_time
    whole = (truth["usual"] * truth["moved"]).groupby(when).sum()
    usual = np.log(truth["usual"].groupby(when).sum())
    if freq == "M":
        usual = usual.groupby(usual.index.month).transform("mean")
    return whole / np.exp(usual) - 1


@pytest.mark.parametrize("last", ["2024-12-31", "2025-12-31"])
@pytest.mark.parametrize("seed", range(3))
def test_a_festival_between_january_and_february_stands_in_the_holiday_part(last, seed):
    sales, truth = orders(last, seed, festival=True)
    parts = components(sales, freq="M", calendar="CN", as_of=last)
    np.testing.assert_allclose(parts[PARTS].sum(axis=1), parts["amount"], rtol=1e-9)
    share = (parts["holiday"] / (parts["trend"] + parts["season"])).to_numpy()
    share = pd.Series(share, parts["date"])
    wanted = by_period(truth, "M")
    early, late = share["2023-01-01":"2023-02-01"], share["2024-01-01":"2024-02-01"]
    assert early.max() < 0
    assert late.iloc[0] > 0.1
    assert late.iloc[1] < -0.25
    for year in wanted.index.year.unique():
        months = [f"{year}-01-01", f"{year}-02-01"]
        np.testing.assert_allclose(share[months], wanted[months], atol=0.13)
    summer = share[(share.index.month > 5) & (share.index.month < 9)]
    assert summer.abs().max() < 0.1


@pytest.mark.parametrize("freq", ["M", "W"])
def test_a_company_without_a_festival_shows_none(freq):
    for seed in range(3):
        sales, _ = orders("2025-12-31", seed, festival=False)
        last = {"M": "2025-12-31", "W": "2025-12-28"}[freq]
        sales = sales[sales["date"].between("2023-01-02" if freq == "W" else "2023-01-01", last)]
        parts = components(sales, freq=freq, calendar="CN", as_of=last)
        share = parts["holiday"] / (parts["trend"] + parts["season"])
        assert share[parts["date"].dt.month <= 3].abs().max() < 0.12
        assert share.abs().mean() < 0.04


@pytest.mark.parametrize("whole_weeks", ["2024-12-29", "2025-12-28"])
def test_low_weeks_of_the_festival_are_no_anomalies_with_few_years_of_days(whole_weeks):
    missed = found = 0
    for seed in range(4):
        sales, truth = orders(whole_weeks, seed, festival=True)
        strange = sales["date"].between("2024-06-17", "2024-06-23")
        sales = sales.assign(amount=sales["amount"].where(~strange, sales["amount"] * 0.4))
        sales = sales[sales["date"].between("2023-01-02", whole_weeks)]
        moved = by_period(truth, "W").loc["2023-01-02":]
        plain, known = (
            anomalies(sales, freq="W", calendar=c, as_of=whole_weeks) for c in (None, "CN")
        )
        low = moved.reindex(known["date"]).to_numpy() < -0.3
        assert low.sum() >= 5
        missed += int(plain.loc[low, "anomaly"].sum())
        found += int(known.loc[low, "anomaly"].sum())
        assert known.loc[known["date"] == "2024-06-17", "anomaly"].all()
        assert known.loc[~low, "anomaly"].mean() < 0.06
    assert found <= 0.35 * missed


def test_weekly_sums_of_few_years_expect_the_festival_too():
    odd = there = 0
    for seed in range(3):
        sales, truth = orders("2024-12-29", seed, festival=True)
        weeks = sales.assign(date=sales["date"].dt.to_period("W").dt.start_time)
        weeks = weeks[weeks["date"] >= "2023-01-02"].groupby("date", as_index=False)["amount"].sum()
        seen = anomalies(weeks, calendar="CN")
        low = by_period(truth, "W").reindex(seen["date"]).to_numpy() < -0.3
        odd, there = odd + int(seen.loc[low, "anomaly"].sum()), there + int(low.sum())
        parts = components(weeks, calendar="CN")
        share = parts["holiday"] / (parts["trend"] + parts["season"])
        assert (share[low] < -0.1).all()
        assert share[parts["date"].dt.month == 7].abs().max() < 0.05
    assert there >= 12
    assert odd <= 0.2 * there


def test_four_quarters_do_not_invent_effects():
    days = pd.date_range("2022-12-15", periods=320)
    rng = np.random.default_rng(0)
    sales = pd.DataFrame({"date": days, "amount": 100.0 * rng.poisson(3, 320)})
    sales = pd.concat([sales, sales.iloc[:1]])
    fair = pd.DataFrame({"name": ["fair"], "start": ["2023-05-10"], "end": ["2023-05-12"]})
    with pytest.warns(DataWarning, match="not over"):
        parts = components(sales, freq="Q", calendar="CN", events=fair)
    assert parts["holiday"].abs().max() < 0.3 * parts["amount"].mean()
    assert (parts["trend"] < 2 * parts["amount"].max()).all()


def test_the_planted_festival_of_the_sample_company_is_found():
    truth = json.loads(
        (Path(salesmgmt.__file__).parents[1] / "data" / "sample" / "truths.json").read_text(
            encoding="utf-8"
        )
    )["spring_festival"]
    assert tuple(truth["dates"]) == FESTIVALS
    sales = salesmgmt.load_sample("transactions")
    sales = sales[sales["date"] < "2025-12-29"]  # whole weeks
    options = {"calendar": "CN", "as_of": "2025-12-28"}
    parts = components(sales, freq="W", **options).set_index("date")
    share = parts["holiday"] / (parts["trend"] + parts["season"])
    busy = share[["2024-01-22", "2025-01-06", "2025-01-13"]]  # wholly in the busy days
    np.testing.assert_allclose(busy, truth["factor_days_-24_to_-11"] - 1, atol=0.15)
    low = anomalies(sales, freq="W", **options).set_index("date")["anomaly"]
    for day in truth["dates"][1:]:
        weeks = pd.date_range(pd.Timestamp(day) - pd.Timedelta(days=14), periods=5, freq="W-MON")
        assert not low.reindex(weeks).any()
    sales = sales[sales["date"] < "2025-12-01"]
    options["as_of"] = "2025-11-30"
    months = components(sales, freq="M", **options).set_index("date")["holiday"]
    assert months["2024-01-01"] > 0 > months["2024-02-01"]
    assert months["2023-01-01"] < 0


def test_a_record_that_begins_within_a_week_does_not_bend_the_calendar():
    sales, _ = orders("2025-12-31", 0, festival=False)
    sales = sales[sales["date"].between("2023-01-02", "2025-12-28")]
    options = {"freq": "W", "calendar": "CN", "as_of": "2025-12-28"}
    whole = components(sales, **options)
    sunday = pd.DataFrame({"date": [pd.Timestamp("2023-01-01")], "amount": [1.0]})
    cut = components(pd.concat([sunday, sales]), **options).iloc[1:]
    scale = whole["amount"].mean()
    np.testing.assert_allclose(cut["holiday"] / scale, whole["holiday"] / scale, atol=0.05)


def test_one_year_of_months_does_not_take_its_season_for_the_calendar():
    rng = np.random.default_rng(3)
    days = pd.date_range("2023-01-01", "2023-12-31")
    weight = calendars.working_days(days[0], days[-1])["weight"].to_numpy(float)
    season = np.array([0.6, 0.6, 0.9, 1, 1.2, 1.4, 1.4, 1.2, 1, 0.9, 0.9, 1])[days.month - 1]
    count = rng.poisson(60 * np.where(weight > 0, 1.0, 0.02) * season)
    sales = pd.DataFrame({"date": days, "amount": 10.0 * count})
    sales = pd.concat([sales, sales.assign(amount=1.0)])
    plain, known = (
        forecast(sales, 2, freq="M", calendar=c, level=None)["forecast"] for c in (None, "CN")
    )
    assert np.abs(np.log(known / plain)).max() < 0.35


@pytest.mark.parametrize("calendar", ["CN", None])
def test_units_move_no_part(calendar):
    sales, _ = orders("2024-12-29", 0, festival=True)
    weeks = sales.groupby(pd.Grouper(key="date", freq="W-SUN"))["amount"].sum().reset_index()
    weeks = weeks.iloc[1:-1]
    ours = anomalies(weeks, freq="W", calendar=calendar)
    other = anomalies(weeks.assign(amount=weeks["amount"] * 0.3), freq="W", calendar=calendar)
    for column in ("expected", "lo", "hi"):
        np.testing.assert_allclose(other[column], 0.3 * ours[column], rtol=1e-6)
    np.testing.assert_allclose(other["score"], ours["score"], rtol=1e-6, atol=1e-9)


def test_units_move_no_forecast():
    sales = salesmgmt.load_sample("transactions").query("date < '2025-12-29'")
    ours = forecast(sales, 6, by="region", freq="W", calendar="CN")
    tripled = sales.assign(amount=sales["amount"] * 3)
    other = forecast(tripled, 6, by="region", freq="W", calendar="CN")
    for column in ("forecast", "lo_95", "hi_95"):
        np.testing.assert_allclose(other[column], 3 * ours[column], rtol=1e-9)


def test_the_shape_of_a_festival_is_learned_where_three_agree():
    rng = np.random.default_rng(4)
    near = np.full(1500, -1)
    for at in (200, 560, 930, 1290):
        near[at : at + 20] = np.arange(20)
    shape = np.r_[np.full(8, 1.3), 1.0, np.full(6, 0.4), np.linspace(0.6, 1.0, 5)]
    truth = np.where(near >= 0, shape[near], 1.0)
    y = rng.poisson(200 * truth[:1250]).astype(float)
    kinds, effects = np.zeros(1500, dtype=int), (near >= 9).astype(float)[:, None]
    _, found = day_parts(y, kinds, effects, near=near)
    np.testing.assert_allclose(found[1290:1310], shape, rtol=0.12)
    np.testing.assert_allclose(found[near < 0], 1.0, rtol=0.01)
    two = day_parts(y[:900], kinds, effects, near=near)[1]  # might be chance
    np.testing.assert_allclose(two[1290:1299], 1.0, rtol=0.01)
    flat = rng.poisson(200, 1250).astype(float)
    np.testing.assert_allclose(day_parts(flat, kinds, effects, near=near)[1], 1.0, rtol=0.03)


def moving(years: int) -> pd.DataFrame:
    """One row a day: more for two weeks before the festival, half in it, less in the week after."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2014-12-29", periods=years * 364)
    amount = 100 + rng.normal(0, 4, len(days))
    eves = ["2015-02-18", "2016-02-07", "2017-01-27", "2018-02-15", "2019-02-04", "2020-01-24"]
    for eve in pd.to_datetime(eves):
        away = (days - eve).days
        for low, high, more in ((-14, 0, 25), (0, 7, -50), (7, 14, -20)):
            amount[(away >= low) & (away < high)] += more
    return pd.DataFrame({"date": days, "amount": amount})


def test_no_week_around_a_festival_is_odd_once_its_shape_is_known():
    odd = anomalies(moving(6), freq="W", calendar="CN").set_index("date")["anomaly"]
    plain = anomalies(moving(6), freq="W").set_index("date")["anomaly"]
    winter = odd.index.month.isin([1, 2, 3])
    assert plain[winter].sum() > 20
    assert odd[winter].sum() <= 4


def test_an_event_of_ones_own_is_worth_as_much_with_a_calendar():
    sales = moving(6)
    sales.loc[sales["date"].dt.strftime("%m-%d") == "11-11", "amount"] += 400
    known = sales[sales["date"] < "2020-11-09"]
    fair = pd.DataFrame({"name": "double11", "start": [f"{y}-11-11" for y in range(2015, 2021)]})
    made = forecast(known, 2, freq="W", calendar="CN", events=fair)
    assert made["forecast"][0] == pytest.approx(1100, rel=0.03)
    assert made["forecast"][1] == pytest.approx(700, rel=0.03)


def test_days_around_a_festival_follow_its_shape():
    sales = moving(6)
    known = sales[sales["date"] < "2020-01-06"]
    truth = sales.loc[sales["date"] >= "2020-01-06", "amount"].to_numpy()[:35]
    errors = []
    for history in (known, known.assign(amount=known["amount"].where(known.index != 700, 0.0))):
        made = forecast(history, 35, freq="D", calendar="CN", model="theta", level=None)
        errors.append(np.abs(made["forecast"] - truth[: len(made)]).mean())
    assert errors[0] < 5  # noise alone: 3.2
    assert errors[1] < 12  # a day without sales: windows alone
    odd = anomalies(known, freq="D", calendar="CN")["anomaly"]
    assert odd.mean() < 0.02


@pytest.fixture(scope="module")
def by_weeks() -> pd.DataFrame:
    """Three shops by the weeks of Monday to Sunday, dated by Mondays; a festival and a fair."""
    rng = np.random.default_rng(3)
    days = pd.date_range("2019-01-07", "2023-12-31")
    new_years = ("2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10")
    away = np.min([abs((days - pd.Timestamp(day)).days) for day in new_years], axis=0)
    daily = np.where(away <= 4, 0.2, 1.0) * np.where(days.isin(FAIRS), 4.0, 1.0)
    weeks = daily.reshape(-1, 7).sum(axis=1)
    noise = rng.normal(0, 0.02, (3, len(weeks))) + rng.normal(0, 0.02, (3, len(weeks))).cumsum(1)
    return pd.concat(
        pd.DataFrame({"k": k, "date": days[::7], "amount": 100 * weeks * np.exp(e)})
        for k, e in zip("abc", noise)
    )


FAIRS = pd.to_datetime(["2019-03-04", "2020-06-10", "2021-04-21", "2022-09-01", "2023-05-17"])


@pytest.mark.parametrize("what", ["calendar", "events"])
def test_weeks_dated_by_their_last_day_know_their_holidays(by_weeks, what):
    """As `resample("W")` and many a retailer (Walmart's Fridays) date them: "week ending"."""
    fairs = pd.DataFrame({"name": "fair", "start": [*FAIRS, pd.Timestamp("2024-01-10")]})
    options = {"calendar": "CN"} if what == "calendar" else {"events": fairs}
    options |= {"by": "k", "model": "ets", "level": None}
    want = forecast(by_weeks, 8, **options)
    ending = by_weeks.assign(date=by_weeks["date"] + pd.Timedelta(days=6))
    got = forecast(ending, 8, **options)
    assert (got["date"] == want["date"] + pd.Timedelta(days=6)).all()
    np.testing.assert_allclose(got["forecast"], want["forecast"], rtol=1e-9)
    begins = by_weeks.assign(date=by_weeks["date"] - pd.Timedelta(days=1))
    got = forecast(begins, 8, **options)  # Sundays that weeks begin on stay what they are
    away = np.abs(got["forecast"] / want["forecast"] - 1)
    assert away.median() < 0.06
    assert away.max() < 0.35


def test_weeks_without_holidays_in_them_begin_on_their_date(by_weeks):
    rng = np.random.default_rng(0)
    plain = by_weeks.assign(
        date=by_weeks["date"] + pd.Timedelta(days=6), amount=rng.normal(100, 3, len(by_weeks))
    )
    got = forecast(plain, 8, by="k", calendar="CN", model="mean", level=None)
    np.testing.assert_allclose(got["forecast"], 100, rtol=0.06)


@pytest.mark.parametrize("freq, reach, days", [("M", 5, 90), ("W", 20, 73), ("D", 120, 59)])
def test_a_year_without_a_schedule_is_told_once(freq, reach, days):
    """What was asked for: 2027 up to the end of the horizon."""
    dates = pd.date_range("2024-01-01", "2026-10-31")
    sales = pd.DataFrame({"date": dates, "amount": 100.0 + dates.day_of_week})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        forecast(sales, reach, freq=freq, calendar="CN")
    about = [w for w in told if "schedule" in str(w.message)]
    assert [f"2027 ({days} day(s)" in str(w.message) for w in about] == [True]
    assert about[0].filename == __file__


def test_each_call_tells_once():
    dates = pd.date_range("2024-01-01", "2027-06-01", freq="MS")
    sales = pd.DataFrame({"date": dates, "amount": 100.0 + dates.month})
    for _ in range(2):
        with pytest.warns(DataWarning) as told:
            backtest(sales, 2, windows=2, models="naive", freq="M", calendar="CN")
        assert len([w for w in told if "schedule" in str(w.message)]) == 1


@pytest.mark.parametrize("closed", ["christmas", "holidays"])
def test_monday_after_a_sunday_christmas(closed):
    """A shop that closes on 25 December alone is open on the day off that makes up for it."""
    dates = pd.date_range("2019-01-01", "2023-01-05")
    rng = np.random.default_rng(0)
    usual = 100 + 15 * (dates.day_of_week >= 5) + rng.normal(0, 5, len(dates))
    days_off = pd.DatetimeIndex(list(holidays.country_holidays("US", years=range(2019, 2024))))
    shut = dates.isin(days_off)
    if closed == "christmas":
        shut = (dates.month == 12) & (dates.day == 25)
    sales = pd.DataFrame({"date": dates, "amount": np.where(shut, 0.0, usual)})
    known = sales["date"] <= "2022-12-20"
    made = forecast(sales[known], 16, freq="D", calendar="US", level=None)
    made = made.set_index("date")["forecast"]
    assert made["2022-12-25"] < 25
    made_up = made[["2022-12-26", "2023-01-02"]]
    assert (made_up > 80).all() if closed == "christmas" else (made_up < 35).all()
