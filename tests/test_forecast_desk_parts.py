"""Components and anomalies: sums, known shapes, planted outliers; hierarchies in one call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt import calendars
from salesmgmt.engine.robust_parts import split
from salesmgmt.errors import InputError
from salesmgmt.forecast import anomalies, components, forecast_hierarchy

PARTS = ["trend", "season", "holiday", "exog", "remainder"]


def shops(n=72, seed=0):
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2019-01-01", periods=n, freq="MS")
    season = 1 + 0.3 * np.sin(np.arange(n) * np.pi / 6)
    rows = []
    for i, size in enumerate([100, 1000, 50]):
        amount = size * season * np.exp(0.005 * np.arange(n) + rng.normal(0, 0.04, n))
        rows.append(pd.DataFrame({"shop": f"s{i}", "date": dates, "amount": amount}))
    return pd.concat(rows, ignore_index=True)


@settings(max_examples=30)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 12))
def test_components_add_up_to_the_cent(values, season):
    dates = pd.date_range("2020-01-01", periods=len(values), freq="MS")
    sales = pd.DataFrame({"date": dates, "amount": values})
    parts = components(sales, season_length=season)
    np.testing.assert_allclose(parts[PARTS].sum(axis=1), parts["amount"], atol=1e-6, rtol=1e-9)
    assert np.isfinite(parts[PARTS].to_numpy()).all()


def test_amounts_hundreds_of_orders_apart_do_not_overflow_and_add_up():
    for values in (
        [4.04e-191, 1.0, 97.0, 1.0],
        [1.99e-262, 1.0, 126.0, 1.0],
        [1e-300, 1e300, 1.0, 2.0, 1e-300, 5.0],
    ):
        dates = pd.date_range("2020-01-01", periods=len(values), freq="MS")
        sales = pd.DataFrame({"date": dates, "amount": values})
        parts = components(sales, season_length=1)
        assert np.isfinite(parts[PARTS].to_numpy()).all()
        largest = parts["amount"].max()
        np.testing.assert_allclose(
            parts[PARTS].sum(axis=1), parts["amount"], atol=1e-9 * largest, rtol=1e-9
        )
        assert np.isfinite(anomalies(sales, season_length=1)["score"]).all()


def test_trend_and_season_are_those_that_made_the_series():
    t = np.arange(60)
    season = np.tile([5.0, -3, 0, -2], 15)
    dates = pd.date_range("2010-01-01", periods=60, freq="QS")
    sales = pd.DataFrame({"date": dates, "amount": -20 + 0.5 * t + season})
    parts = components(sales)
    np.testing.assert_allclose(parts["trend"], -20 + 0.5 * t, atol=1e-4)
    np.testing.assert_allclose(parts["season"], season, atol=1e-4)


def test_holiday_and_driver_parts_are_told_apart():
    sales = shops()
    promo = (np.arange(len(sales)) % 7 == 0).astype(float)
    sales = sales.assign(promo=promo, amount=sales["amount"] * np.exp(0.3 * promo))
    parts = components(sales, by="shop", calendar="CN", exog="promo")
    np.testing.assert_allclose(parts[PARTS].sum(axis=1), parts["amount"], rtol=1e-9)
    on, off = parts[promo == 1], parts[promo == 0]
    gap = (on["exog"] / on["amount"]).mean() - (off["exog"] / off["amount"]).mean()
    assert gap == pytest.approx(1 - np.exp(-0.3), abs=0.04)


def test_left_out_prediction_is_that_of_a_fit_without_the_value():
    rng = np.random.default_rng(0)
    z = rng.normal(0, 1, 30) + np.arange(30) * 0.1
    whole = split(z, 1)
    without = z.copy()
    without[12] = np.nan
    alone = split(without, 1)
    assert whole.left_out[12] == pytest.approx(z[12] - alone.trend[12], abs=0.15)


def test_planted_outliers_are_found_and_little_else():
    sales = shops()
    hit = [10, 40, 100, 150, 200]
    sales.loc[hit, "amount"] *= [2, 0.4, 2, 0.3, 1.9]
    seen = anomalies(sales, by="shop")
    assert seen.loc[hit, "anomaly"].all()
    assert seen["anomaly"].sum() <= len(hit) + 8
    assert (seen["lo"] <= seen["expected"]).all()
    assert (seen["expected"] <= seen["hi"]).all()
    inside = seen["amount"].between(seen["lo"], seen["hi"])
    assert (inside == ~seen["anomaly"]).mean() > 0.99


def test_a_low_spring_festival_is_no_anomaly_with_the_calendar():
    days = pd.date_range("2018-01-01", "2025-12-28")
    festival = calendars.events(days[0], days[-1])["spring_festival"].to_numpy()
    rng = np.random.default_rng(3)
    amount = 100 * (1 - 0.9 * festival) * rng.normal(1, 0.05, len(days))
    monday = days - pd.to_timedelta(days.day_of_week, unit="D")
    week = pd.Series(amount).groupby(monday).sum().rename_axis("date").reset_index(name="amount")
    low = week["amount"] < 400
    assert low.sum() >= 6
    plain, known = anomalies(week), anomalies(week, calendar="CN")
    assert plain.loc[low.to_numpy(), "anomaly"].mean() > 0.8
    assert known.loc[low.to_numpy(), "anomaly"].mean() < 0.3


def test_nothing_below_zero_is_expected_of_sales_with_many_zeros():
    rng = np.random.default_rng(0)
    days = pd.date_range("2023-01-01", periods=500)
    amount = 100.0 * rng.poisson(3, 500) * (rng.random(500) < 0.3)
    amount[250] = 6000.0
    seen = anomalies(pd.DataFrame({"date": days, "amount": amount}), freq="D")
    assert (seen[["expected", "lo"]] >= 0).all(axis=None)
    assert (seen["lo"] <= seen["expected"]).all()
    assert (seen["expected"] <= seen["hi"]).all()
    assert seen.loc[250, "anomaly"]
    inside = seen["amount"].between(seen["lo"], seen["hi"])
    assert (inside == ~seen["anomaly"]).all()


def test_two_years_of_noise_are_seldom_called_odd():
    rng = np.random.default_rng(5)
    month = pd.date_range("2019-01-01", periods=24, freq="MS")
    season = 1 + 0.3 * np.sin(np.arange(24) * np.pi / 6)
    share = [
        anomalies(
            pd.DataFrame({"date": month, "amount": 1e3 * season * np.exp(rng.normal(0, 0.05, 24))})
        )["anomaly"].mean()
        for _ in range(60)
    ]
    assert np.mean(share) < 0.03


def test_wider_band_fewer_anomalies():
    sales = shops()
    few, many = (anomalies(sales, by="shop", level=x)["anomaly"].sum() for x in (99.9, 80))
    assert few < many
    with pytest.raises(InputError, match="level"):
        anomalies(sales, level=100)


def test_a_hierarchy_in_one_call_adds_up():
    sales = shops()
    sales["region"] = np.where(sales["shop"] == "s0", "north", "south")
    got = forecast_hierarchy(sales, 3, keys=["region", "shop"])
    assert got["date"].nunique() == 3
    nodes = got.assign(n=got["region"].notna() * 1 + got["shop"].notna() * 2)
    top = nodes[nodes.n == 0].set_index("date")["forecast"]
    for level in (1, 2, 3):
        part = nodes[nodes.n == level].groupby("date")["forecast"].sum()
        np.testing.assert_allclose(part, top, rtol=1e-9)
    assert (got["lo_80"] <= got["forecast"]).all()
    assert got["base"].ne(got["forecast"]).any()
    two = forecast_hierarchy(sales, 3, keys=["region", "shop"], levels=[["region"]])
    assert len(two) == 3 * (2 + 3)
    with pytest.raises(InputError, match="levels names 'x'"):
        forecast_hierarchy(sales, 3, keys=["shop"], levels=[["x"]])


def test_a_hierarchy_with_series_that_end_early_and_whole_number_keys():
    sales = shops().assign(code=lambda x: x["shop"].str[1:].astype(int))
    late = sales["date"] >= "2024-06-01"
    sales = sales[~(late & (sales["code"] == 2))]
    got = forecast_hierarchy(sales, 2, keys="code", gaps="missing", level=None)
    assert got["code"].isna().sum() == 2
    assert set(got["code"].dropna()) == {0, 1, 2}
    assert got["date"].min() == pd.Timestamp("2025-01-01")


@pytest.mark.parametrize("unit", [1024.0, 1e-6, 1e12])
def test_units_move_no_part_of_what_swings_with_its_level(unit):
    """In logarithms a unit is an offset, which is no size to measure rounding by."""
    rng = np.random.default_rng(2)
    t = np.arange(40)
    amount = np.exp(0.05 * t + 0.3 * np.sin(t * np.pi / 6) + 0.1 * rng.normal(size=40))
    amount[30:] *= 1e4
    dates = pd.date_range("2020-01-01", periods=40, freq="MS")
    own = components(pd.DataFrame({"date": dates, "amount": amount}), freq="M")
    other = components(pd.DataFrame({"date": dates, "amount": amount * unit}), freq="M")
    for part in ("trend", "season", "remainder"):
        np.testing.assert_allclose(other[part] / unit, own[part], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("tell", [components, anomalies])
@pytest.mark.parametrize("name", ["_series", "_expected", "_free"])
def test_keys_named_like_columns_in_between_are_refused(tell, name):
    sales = pd.DataFrame({name: "a", "date": pd.date_range("2024-01-01", periods=9), "amount": 1.0})
    with pytest.raises(InputError, match=f"by names '{name}'"):
        tell(sales, by=name)
