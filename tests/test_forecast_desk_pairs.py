"""What meets: two features of the desk that are right alone must be right together."""

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import (
    Forecaster,
    accuracy,
    anomalies,
    backtest,
    components,
    forecast,
    forecast_hierarchy,
    forecast_sparse,
    impact,
    reconcile,
    reconcile_temporal,
)

MONTHS = pd.date_range("2021-01-01", periods=48, freq="MS")


def shops(weeks: int = 20) -> pd.DataFrame:
    """Six shops in two regions, of which the first two are open on Sundays."""
    rng = np.random.default_rng(3)
    date = pd.date_range("2023-01-02", periods=7 * weeks)
    swing = 1 + 0.5 * np.sin(np.arange(len(date)) / 30)
    parts = []
    for shop in "abcdef":
        sold = rng.poisson(10 * swing).astype(float)
        one = pd.DataFrame({"region": "xy"[shop > "b"], "shop": shop, "date": date, "amount": sold})
        parts.append(one if shop < "c" else one[one["date"].dt.day_of_week != 6])
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("method", ["auto", "wls", "mint_shrink", "ols", "top_down"])
def test_a_shop_that_is_closed_stays_closed_beside_those_that_open(method):
    got = forecast_hierarchy(shops(), 7, keys=["region", "shop"], method=method, level=[95])
    sunday = got[got["date"].dt.day_of_week == 6].set_index(["region", "shop"])
    closed = [("y", shop) for shop in "cdef"]
    assert (sunday.loc[closed, ["forecast", "lo_95", "hi_95"]] == 0).all(axis=None)
    node = sunday["forecast"]
    total = node[sunday.index.get_level_values("region").isna()]
    assert total.iloc[0] == pytest.approx(node[("x", "a")] + node[("x", "b")])
    assert total.iloc[0] > 5


@pytest.mark.parametrize("method", ["wls", "mint_shrink", "ols", "top_down", "middle_out"])
def test_closed_leaves_are_reconciled_as_if_they_were_not_there(method):
    rng = np.random.default_rng(1)
    nodes = pd.DataFrame(
        {"region": [None, "x", "y", "x", "x", "y", "y"], "shop": [None] * 3 + list("abcd")}
    )
    base = nodes.assign(date="2026-01-04", forecast=[100.0, 40, 50, 25, 20, 35, 0])
    base = base.assign(lo_80=base["forecast"] * 0.8, hi_80=base["forecast"] * 1.3)
    past = pd.concat(
        [
            nodes.assign(date=d, residual=rng.normal(0, 5, 7))
            for d in pd.date_range("2025-01-05", periods=30)
        ]
    )
    given = {"keys": ["region", "shop"], "method": method}
    if method in ("wls", "mint_shrink"):
        given["residuals"] = past
    whole = reconcile(base, **given)
    assert (whole[["forecast", "lo_80", "hi_80"]].iloc[-1] == 0).all()
    if method != "mint_shrink":  # its shrinkage is that of all nodes
        part = reconcile(base.iloc[:-1], **given)
        np.testing.assert_allclose(whole["forecast"].iloc[:-1], part["forecast"], rtol=1e-9)
    sums = whole["forecast"].to_numpy()
    np.testing.assert_allclose([sums[0], sums[1]], [sums[3:].sum(), sums[3:5].sum()], rtol=1e-9)


def test_draws_of_a_closed_shop_stay_zero():
    rng = np.random.default_rng(2)
    draws = np.arange(200)
    parts = [
        pd.DataFrame({"shop": shop, "date": "2026-01-04", "draw": draws, "amount": amount})
        for shop, amount in (
            (None, rng.normal(30, 5, 200)),
            ("a", rng.normal(25, 5, 200)),
            ("b", 0.0),
        )
    ]
    got = reconcile(pd.concat(parts, ignore_index=True), keys="shop", method="ols")
    assert (got.loc[got["shop"] == "b", "amount"] == 0).all()
    by_draw = got.pivot_table(index="draw", columns=got["shop"].fillna("all"), values="amount")
    np.testing.assert_allclose(by_draw["all"], by_draw["a"])


def test_weeks_are_shared_by_the_days_that_are_open():
    days = pd.DataFrame(
        {"date": pd.date_range("2026-01-05", periods=7), "freq": "D", "forecast": 10.0}
    )
    days.loc[6, "forecast"] = 0.0
    week = pd.DataFrame({"date": [pd.Timestamp("2026-01-05")], "freq": "W", "forecast": [90.0]})
    both = pd.concat([days, week], ignore_index=True)
    both = both.assign(lo_80=both["forecast"] * 0.7, hi_80=both["forecast"] * 1.4)
    got = reconcile_temporal(both)
    assert (got.loc[6, ["forecast", "lo_80", "hi_80"]] == 0).all()
    # six days of weight 1 and a week of weight 6: half of the gap of 30 each
    np.testing.assert_allclose(got.loc[:5, "forecast"], 12.5)
    assert got.loc[7, "forecast"] == pytest.approx(75.0)


def test_the_band_of_a_series_does_not_depend_on_its_neighbours():
    rng = np.random.default_rng(0)
    few = pd.DataFrame({"k": "a", "date": MONTHS, "amount": rng.poisson(3, 48).astype(float)})
    refunds = pd.DataFrame({"k": "b", "date": MONTHS, "amount": rng.normal(0, 100, 48)})
    alone = anomalies(few, by="k")
    among = anomalies(pd.concat([few, refunds]), by="k")
    pd.testing.assert_frame_equal(among[among["k"] == "a"].reset_index(drop=True), alone)


def test_rows_after_as_of_are_no_future_values_of_a_driver():
    rng = np.random.default_rng(0)
    sales = pd.DataFrame(
        {"date": MONTHS, "amount": rng.normal(100, 9, 48), "price": rng.uniform(1, 2, 48)}
    )
    with pytest.raises(InputError, match="future lacks 3 value"):
        forecast(sales, 3, exog="price", as_of="2024-06-30")
    future = sales.loc[MONTHS > "2024-06-30", ["date", "price"]]
    known = sales[MONTHS <= "2024-06-30"]
    pd.testing.assert_frame_equal(
        forecast(sales, 3, exog="price", as_of="2024-06-30", future=future),
        forecast(known, 3, exog="price", future=future),
    )


def test_what_was_cleaned_is_told_with_the_amount_of_the_history():
    rng = np.random.default_rng(0)
    weeks = pd.date_range("2020-01-05", periods=200, freq="W")
    sales = pd.DataFrame({"date": weeks, "amount": rng.normal(100, 5, 200)})
    sales.loc[(weeks.month == 2), "amount"] *= 0.7
    sales.loc[57, "amount"] = 400.0
    told = pd.DataFrame(forecast(sales, 8, calendar="CN", clean=True).attrs["cleaned"])
    given = told.merge(sales, on="date", suffixes=("_told", ""))
    assert 400.0 in set(given["amount_told"])
    np.testing.assert_array_equal(given["amount_told"], given["amount"])


def test_days_that_turn_out_to_be_seldom_worked_are_not_known_at_a_cutoff():
    rng = np.random.default_rng(0)
    date = pd.date_range("2024-01-01", periods=7 * 20)
    sales = pd.DataFrame({"date": date, "amount": rng.normal(100, 10, len(date))})
    week = np.arange(len(date)) // 7
    worked = (date.day_of_week < 5) | ((date.day_of_week == 5) & (week % 4 == 0))
    sales = sales[worked]  # one Saturday in four, which six weeks do not tell yet
    tried = backtest(sales, 7, windows=13, freq="D", models="auto", level=None)
    first = tried[tried["cutoff"] == tried["cutoff"].min()]
    then = forecast(sales[sales["date"] <= first["cutoff"].iloc[0]], 7, level=None)
    both = first.merge(then, on="date", suffixes=("", "_then"))
    assert len(both) == len(first)
    np.testing.assert_allclose(both["forecast"], both["forecast_then"])


@pytest.mark.parametrize(("freq", "periods"), [("MS", 40), ("MS", 68), ("W-SUN", 90), ("QS", 20)])
def test_how_far_is_asked_for_does_not_change_the_next_periods(freq, periods):
    rng = np.random.default_rng(0)
    date = pd.date_range("2016-01-01", periods=periods, freq=freq)
    parts = [
        pd.DataFrame({"k": k, "date": date, "amount": rng.lognormal(4, 0.3, periods)})
        for k in "abc"
    ]
    sales = pd.concat(parts, ignore_index=True)
    for country in ("CN", "US"):
        near, far = (forecast(sales, h, by="k", model="ets", calendar=country) for h in (2, 13))
        far = far.groupby("k").head(2).reset_index(drop=True)
        pd.testing.assert_frame_equal(near, far)


def test_a_backtest_with_drivers_needs_no_plans_where_nothing_is_judged():
    rng = np.random.default_rng(0)
    price = rng.uniform(1, 2, 48)
    sales = pd.DataFrame({"k": "a", "date": MONTHS, "price": price})
    sales["amount"] = 200 - 50 * price + rng.normal(0, 2, 48)
    gone = sales.assign(k="b").drop(index=[43, 45])  # no rows in the window, and before it
    both = pd.concat([sales, gone], ignore_index=True)
    tried = backtest(both, 4, by="k", windows=1, exog={"price": [0, 1]}, models="mean", level=None)
    assert len(tried) == 7
    own = tried[tried["k"] == "a"]
    assert (own["forecast"] - own["actual"]).abs().mean() < 10
    controls = both.rename(columns={"price": "market"})
    got = impact(controls, start="2024-09-01", by="k", controls="market", placebos=2)
    assert np.isfinite(got[["expected", "effect_lo", "cumulative_hi"]]).all(axis=None)


@pytest.mark.parametrize("calendar", [None, "CN"])
def test_an_anomaly_is_what_lies_outside_its_band(calendar):
    rng = np.random.default_rng(4)
    weeks = pd.date_range("2019-01-06", periods=160, freq="W")
    level = np.exp(np.linspace(0, 1.5, 160))
    parts = [
        pd.DataFrame({"k": k, "date": weeks, "amount": level * rng.lognormal(3, spread, 160)})
        for k, spread in (("a", 0.1), ("b", 0.4))
    ]
    seen = anomalies(pd.concat(parts), by="k", level=80, calendar=calendar)
    outside = (seen["amount"] < seen["lo"]) | (seen["amount"] > seen["hi"])
    assert outside.sum() > 20
    pd.testing.assert_series_equal(seen["anomaly"], outside, check_names=False)


def test_a_driver_without_future_values_is_told_of_by_the_caller():
    sales = pd.DataFrame({"date": MONTHS, "amount": np.arange(48.0), "price": 1.0})
    model = Forecaster(exog="price").fit(sales)
    for ask, name in ((model.predict, "predict"), (model.simulate, "simulate")):
        with pytest.raises(InputError, match=rf"Forecaster\.{name}\(\): future lacks 3 value"):
            ask(3)


def shop_average(past: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """A judgemental forecast: no intervals."""
    ahead = pd.date_range(past["date"].max(), periods=horizon + 1, freq="MS")[1:]
    return pd.DataFrame({"date": ahead, "forecast": past["amount"].mean()})


def test_a_model_without_intervals_is_judged_beside_one_that_has_them():
    rng = np.random.default_rng(0)
    sales = pd.DataFrame({"date": MONTHS, "amount": rng.normal(100, 9, 48)})
    tried = backtest(sales, 3, models={"auto": "auto", "own": shop_average})
    got = accuracy(tried, history=sales).set_index("model")
    interval = ["coverage_80", "msis_80", "coverage_95", "msis_95", "pinball"]
    assert got.loc["own", interval].isna().all()
    assert got.loc["auto", interval].notna().all()
    plain = accuracy(tried.drop(columns=["lo_80", "hi_80", "lo_95", "hi_95"]), history=sales)
    same = ["mase", "rmsse", "smape", "wape", "owa", "fva"]
    np.testing.assert_allclose(got.loc["own", same].astype(float), plain.loc[1, same].astype(float))
    alone = accuracy(tried[tried["model"] == "auto"], history=sales).set_index("model")
    pd.testing.assert_frame_equal(got.loc[["auto"]], alone)


def test_predictions_without_interval_ends_are_left_out_of_coverage_and_told_of():
    rows = {"date": "2026-01-01", "actual": [1.0, 2, 3, 4], "forecast": [1.0, 2, 3, 5]}
    known = pd.DataFrame(rows).assign(
        k=list("abcd"), lo_80=[0.0, 3, np.nan, 1], hi_80=[2.0, 4, 9, 6]
    )
    with pytest.warns(DataWarning, match="1 of 4 predictions lack interval ends"):
        got = accuracy(known, by=None)
    assert got["coverage_80"].iloc[0] == pytest.approx(2 / 3)
    assert got["mae"].iloc[0] == pytest.approx(0.25)


def test_forecasts_of_a_few_values_go_on_to_be_reconciled():
    rng = np.random.default_rng(0)
    date = pd.date_range("2025-01-01", periods=3, freq="MS")
    parts = [pd.DataFrame({"k": k, "date": date, "amount": rng.normal(100, 9, 3)}) for k in "ab"]
    sales = pd.concat(parts, ignore_index=True)
    months = forecast(sales, 3, by="k")
    total = forecast(sales, 3).assign(k=None)
    got = reconcile(pd.concat([total, months], ignore_index=True), keys="k", method="wls")
    assert got["lo_80"].isna().all()
    sums = got.groupby(got["k"].fillna("all"))["forecast"].sum()
    assert sums["all"] == pytest.approx(sums["a"] + sums["b"])
    quarter = forecast(sales, 1, by="k", freq="Q")
    both = pd.concat([months.assign(freq="M"), quarter.assign(freq="Q")])
    again = reconcile_temporal(both, by="k").groupby(["k", "freq"])["forecast"].sum().unstack()
    np.testing.assert_allclose(again["M"], again["Q"])


def test_zeros_on_closed_days_are_expected_and_tell_nothing_of_open_ones():
    rng = np.random.default_rng(7)
    date = pd.date_range("2023-01-02", periods=7 * 40 - 1)
    sold = rng.poisson(60, len(date)).astype(float)
    sales = pd.DataFrame({"date": date, "amount": np.where(date.day_of_week == 6, 0.0, sold)})
    closed = (sales["date"].dt.day_of_week == 6).to_numpy()
    written = anomalies(sales)
    left_out = anomalies(sales[~closed])
    assert (written.loc[closed, ["expected", "lo", "hi", "score"]] == 0).all(axis=None)
    pd.testing.assert_frame_equal(written[~closed].reset_index(drop=True), left_out)
    parts = components(sales)
    names = ["trend", "season", "holiday", "exog", "remainder"]
    np.testing.assert_allclose(parts[names].sum(axis=1), parts["amount"], atol=1e-9)
    assert (parts.loc[closed, "remainder"] == 0).all()
    assert (parts.loc[closed, "trend"] > 30).all()


def test_slow_sellers_are_not_forecast_on_closed_days_nor_is_a_daily_seller_slow():
    rng = np.random.default_rng(8)
    date = pd.date_range("2023-01-02", periods=7 * 40)
    often = [0.4, 0.4, 0.5, 1.0]
    sales = pd.DataFrame(
        {"part": part, "date": date, "amount": np.where(rng.random(len(date)) < p, 2.0, 0.0)}
        for part, p in zip("abcd", often)
    )
    sales = sales.explode(["date", "amount"], ignore_index=True)
    sales["amount"] = sales["amount"].astype(float)
    weekend = pd.to_datetime(sales["date"]).dt.day_of_week > 4
    sales = sales[~weekend | sales["part"].eq("c")]
    got = forecast_sparse(sales, 14, by="part", freq="D")
    status = got.groupby("part")["status"].first()
    assert status.tolist() == ["pooled", "pooled", "pooled", "ok"]
    shut = (got["date"].dt.day_of_week > 4) & got["part"].ne("c")
    ends = ["forecast", "hi_80", "hi_95"]
    assert (got.loc[shut, ends] == 0).all(axis=None)
    assert (got.loc[shut & got["part"].ne("d"), "chance"] == 0).all()
    open_days = got[~shut].groupby("part")["forecast"].mean()
    np.testing.assert_allclose(open_days, 2 * np.array(often), rtol=0.25)


@pytest.mark.slow
def test_a_shop_that_closes_at_christmas_but_not_on_the_day_in_lieu():
    rng = np.random.default_rng(1)
    date = pd.date_range("2011-01-01", "2014-11-30")
    usual = 30000 * np.array([9, 8, 8, 8, 10, 13, 14])[date.day_of_week] / 10
    sold = usual * rng.lognormal(0, 0.05, len(date))
    sold[(date.month == 12) & (date.day == 25)] = 12.0  # but open on Monday, 26 December 2011
    sales = pd.DataFrame({"date": date, "amount": sold})
    plain, known = (forecast(sales, 28, model="mstl", calendar=c) for c in (None, "US"))
    ahead = 30000 * np.array([9, 8, 8, 8, 10, 13, 14])[known["date"].dt.day_of_week] / 10
    christmas = known["date"].eq("2014-12-25").to_numpy()
    np.testing.assert_allclose(known["forecast"][~christmas], ahead[~christmas], rtol=0.12)
    assert (known["forecast"][christmas] < 3000).all()
    wide = [(f["hi_95"] - f["lo_95"])[~christmas].mean() for f in (plain, known)]
    assert wide[1] < 1.3 * wide[0]
