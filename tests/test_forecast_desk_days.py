"""Calendars learned from days: planted factors come back, months are forecast better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import calendars
from salesmgmt.engine.calendar_factors import day_factors
from salesmgmt.forecast import Forecaster, backtest, forecast, forecast_hierarchy

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
