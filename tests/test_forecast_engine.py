"""The forecast engine: what goes in, what comes out, identities of the simple methods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from r_series import SERIES
from sklearn.base import clone

from salesmgmt import plots
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import (
    Forecaster,
    accuracy,
    fit_chunk,
    forecast,
    simulate,
    summarise,
)

MODELS = [
    "auto", "naive", "seasonal_naive", "drift", "mean", "ets", "theta", "arima", "ces", "croston",
    "sba", "tsb", "adida", "imapa", "mstl", "regression", "ensemble",
]  # fmt: skip
AIR = SERIES["AirPassengers"]


def monthly(values, start="2020-01-01", **keys):
    dates = pd.date_range(start, periods=len(values), freq="MS")
    return pd.DataFrame({**keys, "date": dates, "amount": np.asarray(values, dtype=float)})


@pytest.fixture
def two():
    rng = np.random.default_rng(3)
    t = np.arange(60)
    a = 100 + t + 20 * np.sin(t * np.pi / 6) + rng.normal(0, 5, 60)
    b = 50 + rng.normal(0, 5, 40)
    return pd.concat([monthly(a, store="a"), monthly(b, "2021-05-01", store="b")])


def test_columns_dates_and_order(two):
    out = forecast(two, 3, by="store")
    assert list(out.columns) == [
        "store", "date", "forecast", "lo_80", "hi_80", "lo_95", "hi_95", "status",
    ]  # fmt: skip
    assert list(out["store"]) == ["a"] * 3 + ["b"] * 3
    assert list(out["date"][:3]) == list(pd.date_range("2025-01-01", periods=3, freq="MS"))
    assert list(out["date"][3:]) == list(pd.date_range("2024-09-01", periods=3, freq="MS"))
    assert (out["lo_95"] <= out["lo_80"]).all()
    assert (out["lo_80"] <= out["forecast"]).all()
    assert (out["forecast"] <= out["hi_80"]).all()
    assert (out["hi_80"] <= out["hi_95"]).all()


def test_neither_row_order_nor_index_nor_company_changes_a_number(two):
    want = forecast(two, 4, by="store")
    mixed = two.sample(frac=1, random_state=1).set_axis(["x"] * len(two))
    pd.testing.assert_frame_equal(forecast(mixed, 4, by="store"), want)
    alone = forecast(two[two["store"] == "b"], 4, by="store")
    np.testing.assert_allclose(alone["forecast"], want["forecast"][4:], rtol=1e-9)


@pytest.mark.parametrize("model", ["auto", "ets", "theta", "naive", "seasonal_naive", "drift"])
def test_scaling_the_data_scales_the_forecast(two, model):
    base = forecast(two, 5, by="store", model=model, level=(90,))
    big = forecast(two.assign(amount=two["amount"] * 1e6), 5, by="store", model=model, level=(90,))
    for column in ("forecast", "lo_90", "hi_90"):
        np.testing.assert_allclose(big[column], base[column] * 1e6, rtol=1e-6)


def test_naive_family_by_hand():
    y = [3.0, 5, 4, 8, 6, 7]
    h = monthly(y)
    get = lambda model, **k: list(forecast(h, 3, model=model, level=None, **k)["forecast"])  # noqa: E731
    assert get("naive") == [7, 7, 7]
    assert get("seasonal_naive", season_length=4) == [4, 8, 6]
    np.testing.assert_allclose(get("drift"), [7.8, 8.6, 9.4])
    np.testing.assert_allclose(get("mean"), [5.5] * 3)


def test_naive_interval_is_the_random_walk():
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 3, 400)
    out = forecast(monthly(1000 + np.cumsum(steps), "1990-01-01"), 9, model="naive", level=(95,))
    half = (out["hi_95"] - out["lo_95"]) / 2
    sd = np.sqrt(np.mean(np.square(steps[1:])))
    np.testing.assert_allclose(half, 1.96 * sd * np.sqrt(np.arange(1, 10)), rtol=0.01)


@pytest.mark.parametrize(
    "values, status",
    [
        ([5.0], "short"),
        ([np.nan, np.nan], "no data"),
        ([5.0, np.nan, 7.0], "short"),
        ([4.0] * 30, "constant"),
        ([0.0] * 30, "constant"),
        ([-3.0, -5, -1, -2, -4, -3, -2], "ok"),
        ([0.0] * 29 + [9.0], "ok"),
        ([1e12, 1.0, 1e12, 3.0] * 8, "ok"),
        ([1e-12, 2e-12, 3e-12, 2e-12] * 8, "ok"),
        ([1.0, 2, np.nan, 4, 5, np.nan, np.nan, 8] * 5, "ok"),
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_always_finite_with_a_status(values, status, model):
    out = forecast(monthly(values), 14, model=model)
    assert (out["status"] == status).all()
    numbers = out[["forecast", "lo_80", "hi_80", "lo_95", "hi_95"]].to_numpy()
    assert np.isfinite(out["forecast"]).all()
    if status in ("short", "no data"):  # alone, nothing says how uncertain they are
        assert np.isnan(numbers[:, 1:]).all()
        return
    assert np.isfinite(numbers).all()
    if np.nanmin([0, *values]) >= 0:
        assert (numbers >= 0).all()


def test_a_single_value_takes_the_relative_widths_of_the_others(two):
    """1.6 times their median: it has no errors of its own, and errs by more than they do."""
    new = monthly([80.0], "2024-06-01", store="new")
    out = forecast(pd.concat([two, new]), 2, by="store")
    row = out[out["store"] == "new"].iloc[0]
    assert row["status"] == "short"
    assert row["forecast"] == 80.0
    others = out[out["store"] != "new"].groupby("store").head(1)
    relative = np.median((others["hi_95"] - others["forecast"]) / others["forecast"])
    assert row["hi_95"] == pytest.approx(80 * (1 + 1.6 * relative))


def test_constants_are_forecast_exactly():
    out = forecast(monthly([250.0] * 24), 6)
    np.testing.assert_allclose(out[["forecast", "lo_95", "hi_95"]], 250.0, rtol=1e-9)


def test_duplicates_are_summed(two):
    half = two.assign(amount=two["amount"] / 2)
    twice = pd.concat([half, half])
    got = forecast(twice, 3, by="store", freq="M", gaps="missing")
    want = forecast(two, 3, by="store")
    np.testing.assert_allclose(got["forecast"], want["forecast"], rtol=1e-9)


def test_weeks_keep_their_weekday():
    fridays = pd.date_range("2024-01-05", periods=60, freq="7D")
    out = forecast(pd.DataFrame({"date": fridays, "amount": np.arange(60.0)}), 2, model="naive")
    assert list(out["date"]) == [pd.Timestamp("2025-02-28"), pd.Timestamp("2025-03-07")]


@pytest.mark.parametrize(
    "dates, want",
    [
        (pd.date_range("2024-01-31", periods=14, freq="ME"), "2025-03-31"),
        (pd.date_range("2023-01-15", periods=14, freq="MS") + pd.Timedelta(days=14), "2024-04-15"),
        (pd.date_range("2020-02-01", periods=14, freq="QS-FEB"), "2023-08-01"),
        (pd.date_range("2000-04-01", periods=14, freq="YS-APR"), "2014-04-01"),
        (pd.date_range("2024-01-01", periods=14, freq="D"), "2024-01-15"),
        (pd.date_range("2024-01-01", periods=14, freq="h"), "2024-01-01 14:00"),
    ],
)
def test_dates_go_on_as_the_data_write_them(dates, want):
    out = forecast(pd.DataFrame({"date": dates, "amount": 1.0}), 1)
    assert out["date"][0] == pd.Timestamp(want)


def test_transactions_are_summed_by_month_and_the_open_month_left_out():
    days = pd.date_range("2024-01-01", "2025-03-10", freq="D")
    sales = pd.DataFrame({"date": days.repeat(2), "amount": 5.0, "customer_id": "c"})
    with pytest.warns(DataWarning, match="2025-03-01 is not over at 2025-03-10"):
        out = forecast(sales, 1, model="naive")
    assert out["date"][0] == pd.Timestamp("2025-03-01")
    assert out["forecast"][0] == 280.0
    kept = forecast(sales, 1, model="naive", partial="keep")
    assert kept["date"][0] == pd.Timestamp("2025-04-01")
    assert kept["forecast"][0] == 100.0
    scaled = forecast(sales, 1, model="naive", partial="scale")
    assert scaled["forecast"][0] == pytest.approx(310.0)


def test_gaps_are_zero_in_transactions_and_unknown_in_series():
    series = monthly([10.0, 20, 30, 40]).drop(index=2)
    mean = lambda frame, **k: forecast(frame, 1, model="mean", **k)["forecast"][0]  # noqa: E731
    assert mean(series, freq="M") == pytest.approx(70 / 3)
    assert mean(series, freq="M", gaps="zero") == pytest.approx(70 / 4)
    receipts = series.assign(date=series["date"] + pd.to_timedelta([3, 9, 29], unit="D"))
    assert mean(receipts, partial="keep") == pytest.approx(70 / 4)


def test_levels_and_list_of_models():
    h = monthly(np.arange(30.0))
    out = forecast(h, 2, level=[97.5, 50], model=["naive", "drift"])
    assert list(out.columns[2:6]) == ["lo_50", "hi_50", "lo_97.5", "hi_97.5"]
    np.testing.assert_allclose(out["forecast"], [29.5, 30.0])


def test_chunk_equals_whole(two):
    whole = forecast(two, 3, by="store", freq="M", gaps="missing")
    parts = [fit_chunk(g, 3, by="store", freq="M", gaps="missing") for _, g in two.groupby("store")]
    joined = pd.concat(parts, ignore_index=True)
    assert (joined[["store", "date", "status"]] == whole[["store", "date", "status"]]).all(
        axis=None
    )
    np.testing.assert_allclose(joined["forecast"], whole["forecast"], rtol=1e-9)


@pytest.mark.parametrize(
    "change, word",
    [
        ({"model": "etz"}, "ets"),
        ({"model": []}, "model"),
        ({"level": (0,)}, "level"),
        ({"level": (101,)}, "level"),
        ({"partial": "no"}, "partial"),
        ({"freq": "X"}, "freq"),
        ({"freq": "W-MON"}, "mean 'W'"),  # as pandas writes it
        ({"freq": "QS-FEB"}, "mean 'Q'"),
        ({"season_length": 0}, "season_length"),
        ({"non_negative": "yes"}, "non_negative"),
        ({"by": "shop"}, "shop"),
    ],
)
def test_wrong_options_are_named(change, word):
    with pytest.raises(InputError, match=word):
        forecast(monthly(np.arange(9.0)), 2, **change)


def test_wrong_horizon_is_named():
    for bad in (0, -1, 2.5, "12"):
        with pytest.raises(InputError, match="horizon"):
            forecast(monthly(np.arange(9.0)), bad)


def test_input_is_not_changed(two):
    before = two.copy(deep=True)
    forecast(two, 2, by="store")
    pd.testing.assert_frame_equal(two, before)


@pytest.mark.parametrize(
    "law",
    [
        lambda t: 100 + 10 * t,
        lambda t: 100 * 1.05**t,
        lambda t: 50 + np.array([3, 5, 9, 1, 4, 7, 2, 8, 6, 5, 4, 3])[t % 12],
        lambda t: 100 + 2 * t + np.array([3, 5, 9, 1, 4, 7, 2, 8, 6, 5, 4, 3])[t % 12],
    ],
)
def test_a_law_without_noise_is_found(law):
    t = np.arange(53)
    out = forecast(monthly(law(t[:48])), 5)
    np.testing.assert_allclose(out["forecast"], law(t[48:]), rtol=2e-3)
    width = out["hi_95"] - out["lo_95"]
    assert (width < 0.05 * out["forecast"]).all()


def test_a_short_horizon_is_the_beginning_of_a_long_one(two):
    near = forecast(two, 3, by="store")
    far = forecast(two, 24, by="store")
    first = far.groupby("store").head(3).reset_index(drop=True)
    np.testing.assert_allclose(near["forecast"], first["forecast"], rtol=1e-9)
    np.testing.assert_allclose(near["hi_95"], first["hi_95"], rtol=1e-9)


# --------------------------------------------------------------------------------------
# exponential smoothing by likelihood


def test_ets_agrees_with_r_on_the_nile():
    """R forecast 8.20, ets(Nile): ETS(M,N,N), AICc 1458.552 (annual flow at Aswan, 1871-1970)."""
    from statsmodels.datasets import nile

    flow = nile.load_pandas().data["volume"].to_numpy(float)
    dates = pd.date_range("1871-01-01", periods=100, freq="YS")
    model = Forecaster(model="ets").fit(pd.DataFrame({"date": dates, "amount": flow}))
    row = model.summary_.iloc[0]
    assert row["form"] == "ETS(M,N,N)"
    assert row["aicc"] == pytest.approx(1458.552, abs=0.01)
    assert row["loglik"] == pytest.approx(3 - (1458.552 - 24 / 96) / 2, abs=0.01)


def test_ets_on_accidental_deaths_is_as_likely_as_in_r():
    """R forecast 8.20, ets(USAccDeaths): ETS(A,N,A), AICc 1148.716; ours may be lower."""
    deaths = [
        9007, 8106, 8928, 9137, 10017, 10826, 11317, 10744, 9713, 9938, 9161, 8927,
        7750, 6981, 8038, 8422, 8714, 9512, 10120, 9823, 8743, 9129, 8710, 8680,
        8162, 7306, 8124, 7870, 9387, 9556, 10093, 9620, 8285, 8466, 8160, 8034,
        7717, 7461, 7767, 7925, 8623, 8945, 10078, 9179, 8037, 8488, 7874, 8647,
        7792, 6957, 7726, 8106, 8890, 9299, 10625, 9302, 8314, 8850, 8265, 8796,
        7836, 6892, 7791, 8192, 9115, 9434, 10484, 9827, 9110, 9070, 8633, 9240,
    ]  # fmt: skip
    row = Forecaster(model="ets").fit(monthly(deaths, "1973-01-01")).summary_.iloc[0]
    assert row["form"] == "ETS(A,N,A)"
    assert row["aicc"] <= 1148.716 + 0.5


def test_ets_of_a_step_is_not_a_season():
    """Relative errors end at -1: a mad season is likelier than a level that moved once.

    AICc 434 for ETS(M,N,M), which forecasts fifty times the record's maximum; 569.02 for
    ETS(A,N,N), as by R's ``forecast::ets(y, "ANN")``.
    """
    t = np.arange(40)
    y = (1 + 0.1 * np.sin(t)) * np.where(t >= 20, 1000.0, 1.0)
    sales = pd.DataFrame({"date": pd.date_range("2020-01-01", periods=40, freq="MS"), "amount": y})
    fitted = Forecaster(model="ets", freq="M").fit(sales)
    assert fitted.summary_["form"].tolist() == ["ETS(A,N,N)"]
    assert fitted.summary_["aicc"].iloc[0] == pytest.approx(569.02, abs=0.05)
    assert fitted.predict(18)["forecast"].max() < 1100


def test_arima_finds_the_airline_model():
    """Box and Jenkins, series G: (0,1,1)(0,1,1)12 of the logarithms; R's forecasts to 0.5 %."""
    history = monthly(np.log(AIR), "1949-01-01")
    model = Forecaster(model="arima", level=None).fit(history)
    assert model.summary_["form"][0] == "ARIMA(0,1,1)(0,1,1)[12]"
    want = [6.110186, 6.053775, 6.171715, 6.199300, 6.232556, 6.368779]
    np.testing.assert_allclose(model.predict(6)["forecast"], want, rtol=5e-3)


def test_intermittent_methods_by_hand():
    """Demands 4, 2 after 1 and 3 periods, smoothed with 0.1; SBA times 0.95."""
    history = monthly([4.0, 0, 0, 2, 0])
    get = lambda model: forecast(history, 1, model=model, level=None)["forecast"][0]  # noqa: E731
    size, interval = 4 + 0.1 * (2 - 4), 1 + 0.1 * (3 - 1)
    assert get("croston") == pytest.approx(size / interval)
    assert get("sba") == pytest.approx(0.95 * size / interval)
    chance = 0.4
    for hit in (1, 0, 0, 1, 0):
        chance += 0.1 * (hit - chance)
    assert get("tsb") == pytest.approx(size * chance)


@pytest.mark.parametrize(
    "values, want",
    [
        ([1, 0, 0, 0, 2, 0, 0], 0.8461538),  # R issue 26: croston(alpha = 0.1)
        ([0, 0, 0, 3], 0.75),  # fitted values of pull request 1126, one step on
        ([0, 0, 0, 3, 0, 0, 2], 0.7436),
        ([7, 7, 7, 6, 6], 6.81),  # no zeros (fable issue 278): simple smoothing of sizes
    ],
)
def test_croston_forecasts_what_r_does(values, want):
    """Numbers printed in threads of robjhyndman/forecast on GitHub; SBA takes 5 % off."""
    found = forecast(monthly(values), 2, model="croston", level=None)
    np.testing.assert_allclose(found["forecast"], want, atol=5e-5)
    less = forecast(monthly(values), 2, model="sba", level=None)
    np.testing.assert_allclose(less["forecast"], 0.95 * found["forecast"], rtol=1e-12)


@pytest.mark.parametrize("step, length", [(2, 26), (3, 26), (3, 41), (4, 40), (6, 40)])
def test_billing_every_few_months_is_forecast_where_it_falls(step, length):
    rng = np.random.default_rng(step)
    due = np.arange(length + 12) % step == 1
    exact = forecast(monthly(np.where(due, 100.0, 0.0)[:length]), 12)
    np.testing.assert_allclose(exact["forecast"], np.where(due, 100.0, 0.0)[length:], atol=0.5)
    sizes = np.where(due, 100 * np.exp(rng.normal(0, 0.2, length + 12)), 0.0)
    found = forecast(monthly(sizes[:length]), 12)["forecast"].to_numpy()
    assert found[due[length:]].min() > 50
    assert found[~due[length:]].max() < 25


def test_sales_that_stop_for_years_keep_to_no_places():
    """One long stop agrees with itself a year on, too."""
    rng = np.random.default_rng(1)
    sales = np.r_[np.zeros(50), rng.poisson(2, 30), np.zeros(40), rng.poisson(2, 10)]
    found = Forecaster().fit(monthly(sales)).summary_
    assert found.loc[0, "form"] == "intermittent"


def test_dead_demand_dies_out():
    history = monthly([5.0, 0, 7, 0, 0, 6] * 4 + [0.0] * 36)
    assert forecast(history, 1, model="tsb")["forecast"][0] < 0.1
    assert forecast(history, 1)["forecast"][0] < 0.6


# --------------------------------------------------------------------------------------
# paths


def test_paths_have_the_spread_of_the_intervals_and_belong_together():
    rng = np.random.default_rng(5)
    shared = rng.normal(size=90)
    parts = [
        monthly(300 + 20 * (0.9 * shared + 0.44 * rng.normal(size=90)), store=s) for s in "abc"
    ]
    history = pd.concat(parts)
    samples = simulate(history, 4, n=4000, by="store")
    wide = samples.pivot_table(index=["store", "date"], columns="draw", values="amount")
    want = forecast(history, 4, by="store", level=(80,)).set_index(["store", "date"])
    low, high = np.quantile(wide, [0.1, 0.9], axis=1)
    np.testing.assert_allclose(low, want["lo_80"], atol=2.5)
    np.testing.assert_allclose(high, want["hi_80"], atol=2.5)
    r = np.corrcoef(wide.loc[("a", slice(None))].iloc[0], wide.loc[("b", slice(None))].iloc[0])
    assert r[0, 1] > 0.4
    pd.testing.assert_frame_equal(samples, simulate(history, 4, n=4000, by="store"))


def test_summarise_adds_up_draw_by_draw():
    samples = pd.DataFrame(
        {
            "store": ["a"] * 4 + ["b"] * 4,
            "date": (["2025-01-01"] * 2 + ["2025-02-01"] * 2) * 2,
            "draw": [0, 1] * 4,
            "amount": [1.0, 2, 3, 4, 10, 20, 30, 40],
        }
    )
    total = summarise(samples, by=[], quantiles=(0, 0.5, 1))
    assert list(total.loc[0, ["mean", "p0", "p50", "p100"]]) == [55.0, 44.0, 55.0, 66.0]
    by_store = summarise(samples, by="store")
    assert list(by_store["mean"]) == [5.0, 50.0]
    assert list(summarise(samples)["p50"]) == [1.5, 3.5, 15.0, 35.0]


def test_forecaster_is_kept_and_brought_up_to_date(two, tmp_path):
    model = Forecaster(by="store", level=(80,)).fit(two.groupby("store").head(30))
    before = model.predict(2)
    model.save(tmp_path / "model.bin")
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path / "model.bin").predict(2), before)
    rest = two.groupby("store").tail(-30)
    pd.testing.assert_frame_equal(
        model.update(rest).predict(2), forecast(two, 2, by="store", level=(80,))
    )
    assert clone(model).get_params() == model.get_params()


# --------------------------------------------------------------------------------------
# accuracy


def test_accuracy_by_hand():
    history = monthly([10.0, 12, 11, 13, 12, 16], store="s")
    future = monthly([15.0, 20], "2020-07-01", store="s")
    p = future.rename(columns={"amount": "actual"}).assign(
        forecast=[14.0, 17.0], lo_80=[12.0, 13.0], hi_80=[16.0, 19.0], model="m"
    )
    out = accuracy(p, history=history, season_length=1).iloc[0]
    scale = np.mean([2, 1, 2, 1, 4])
    assert out["mase"] == pytest.approx(2 / scale)
    assert out["rmsse"] == pytest.approx(np.sqrt(5 / np.mean([4, 1, 4, 1, 16])))
    assert out["smape"] == pytest.approx(100 * (1 / 29 + 3 / 37))
    assert out["mape"] == pytest.approx(50 * (1 / 15 + 3 / 20))
    assert out["wape"] == pytest.approx(4 / 35)
    assert out["bias"] == pytest.approx(-4 / 35)
    assert out["mae"] == pytest.approx(2)
    assert out["rmse"] == pytest.approx(np.sqrt(5))
    assert out["coverage_80"] == 0.5
    assert out["msis_80"] == pytest.approx((4 + 6 + 10 * 1) / 2 / scale)
    n2_smape, n2_mase = 100 * (1 / 31 + 4 / 36), 2.5 / scale
    assert out["owa"] == pytest.approx(0.5 * (out["smape"] / n2_smape + out["mase"] / n2_mase))
    assert out["fva"] == pytest.approx((5 - 4) / 35)


def test_accuracy_of_the_naive_forecast_is_one_in_owa(two):
    cut = two.groupby("store").head(36)
    rest = two.groupby("store").tail(-36)
    p = forecast(cut, 4, by="store", model="naive", season_length=1)
    out = accuracy(p, history=pd.concat([cut, rest]), season_length=1, by=None)
    assert out["owa"][0] == pytest.approx(1.0)
    assert out["fva"][0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "name, freq, season, horizon, smape, mase",
    [("m3_yearly", "Y", 1, 6, 17.4867, 3.2338), ("tourism_yearly", "Y", 1, 4, 24.0224, 3.0844)],
)
def test_naive_figures_of_competitions(data_dir, name, freq, season, horizon, smape, mase):
    """Half of the M3 and tourism yearly series: figures of another implementation."""
    train, test = (
        pd.read_parquet(data_dir / f"forecast/{name}_{p}.parquet") for p in ("train", "test")
    )
    for f in (train, test):
        f["date"] = pd.to_datetime((1900 + f["ds"]).astype(int).astype(str), format="%Y")
    history = train.rename(columns={"y": "amount"})[["unique_id", "date", "amount"]]
    p = forecast(history, horizon, by="unique_id", model="naive", freq=freq)
    p = p.merge(test[["unique_id", "date", "y"]].rename(columns={"y": "actual"}))
    out = accuracy(p, history=history, freq=freq, season_length=season).iloc[0]
    assert out["smape"] == pytest.approx(smape, abs=5e-4)
    assert out["mase"] == pytest.approx(mase, abs=5e-4)
    assert out["owa"] == pytest.approx(1.0)


# --------------------------------------------------------------------------------------
# figure


def test_fan_chart_draws_and_refuses_a_history_that_is_finer(two):
    result = forecast(two, 3, by="store")
    ax = plots.fan_chart(result, history=two, lang="zh")
    assert ax.get_ylabel() == "金额"
    days = pd.date_range("2024-01-01", periods=90, freq="D")
    receipts = pd.DataFrame({"store": "a", "date": days, "amount": 1.0})
    with pytest.raises(InputError, match="finer"):
        plots.fan_chart(result, history=receipts)
    with pytest.raises(InputError, match="at most 6"):
        plots.fan_chart(
            pd.concat([result.assign(store=str(i)) for i in range(7)], ignore_index=True)
        )
