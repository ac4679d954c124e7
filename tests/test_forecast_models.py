"""Models by name: transformations, what the summary says, processes, drivers in paths."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import InputError
from salesmgmt.forecast import Forecaster, forecast, simulate


def monthly(values, start="2015-01-01", **keys):
    dates = pd.date_range(start, periods=len(values), freq="MS")
    return pd.DataFrame({**keys, "date": dates, "amount": np.asarray(values, dtype=float)})


@pytest.fixture
def growing():
    """Three series whose swings grow with their level."""
    rng = np.random.default_rng(11)
    t = np.arange(96)
    wave = 0.25 * np.sin(t * np.pi / 6)
    parts = [
        monthly(size * np.exp(0.012 * t + wave + 0.05 * rng.normal(size=96)), store=store)
        for store, size in (("a", 40.0), ("b", 900.0), ("c", 7.0))
    ]
    return pd.concat(parts, ignore_index=True)


# --------------------------------------------------------------------------------------
# transform


@pytest.mark.parametrize("model", ["ets", "theta", "arima", "ces", "mstl", "regression", "auto"])
@pytest.mark.parametrize("transform", ["log", "boxcox", "auto", 0.5])
def test_transformed_forecasts_are_finite_positive_and_ordered(growing, model, transform):
    out = forecast(growing, 24, by="store", model=model, transform=transform)
    columns = ["lo_95", "lo_80", "forecast", "hi_80", "hi_95"]
    numbers = out[columns].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (np.diff(numbers, axis=1) >= -1e-9 * numbers[:, 1:]).all()


@pytest.mark.parametrize("transform", ["log", "boxcox", "auto", 0.5])
def test_transformation_does_not_depend_on_the_unit(growing, transform):
    made = [
        forecast(
            growing.assign(amount=growing["amount"] * k),
            6,
            by="store",
            model="theta",
            transform=transform,
        )
        for k in (1.0, 1000.0)
    ]
    columns = ["forecast", "lo_95", "hi_95"]
    np.testing.assert_allclose(made[1][columns], 1000 * made[0][columns], rtol=1e-6)


def test_the_mean_of_a_lognormal_is_brought_back_without_bias():
    """exp of independent normals: the mean is exp(mu + sigma^2 / 2), the median exp(mu)."""
    rng = np.random.default_rng(2)
    x = 3 + 0.5 * rng.normal(size=2000)
    history = monthly(np.exp(x), "1850-01-01")
    out = forecast(history, 1, model="mean", transform="log", season_length=1)
    assert out["forecast"][0] == pytest.approx(np.exp(x).mean(), rel=0.02)
    middle = np.sqrt(out["lo_80"][0] * out["hi_80"][0])
    assert middle == pytest.approx(np.exp(x.mean()), rel=0.01)
    assert np.log(out["hi_95"][0] / out["lo_95"][0]) == pytest.approx(2 * 1.96 * 0.5, rel=0.06)


def test_a_power_of_one_changes_nothing(growing):
    plain = forecast(growing, 6, by="store", model="theta")
    pd.testing.assert_frame_equal(
        forecast(growing, 6, by="store", model="theta", transform=1), plain
    )


def test_multiplicative_growth_is_found_and_even_noise_left_alone(growing):
    rng = np.random.default_rng(4)
    even = pd.concat(
        [monthly(500 + rng.normal(0, 5, 96).cumsum(), store=f"e{i}") for i in range(20)]
    )
    model = Forecaster(by="store", model="theta", transform="auto")
    found = model.fit(pd.concat([growing, even])).summary_.set_index("store")["parameters"]
    powers = found.map(lambda p: p.get("lambda", 1.0))
    assert (powers[["a", "b", "c"]] < 0.5).all()
    assert (powers.drop(["a", "b", "c"]) == 1.0).mean() >= 0.9


def test_series_that_are_not_positive_are_refused_or_left_alone(growing):
    zero = growing.copy()
    zero.loc[zero["store"] == "b", "amount"] -= 900
    for transform in ("log", "boxcox", 0, 0.5):
        with pytest.raises(InputError, match=r"1 of 3 series .*'b'.*transform=\"auto\""):
            forecast(zero, 3, by="store", model="theta", transform=transform)
    left = forecast(zero, 3, by="store", model="theta", transform="auto")
    plain = forecast(zero, 3, by="store", model="theta")
    pick = left["store"] == "b"
    np.testing.assert_allclose(left.loc[pick, "forecast"], plain.loc[pick, "forecast"], rtol=1e-9)
    some = growing.assign(amount=growing["amount"].where(growing.index != 5, 0.0))
    assert np.isfinite(
        forecast(some, 3, by="store", model="theta", transform=0.5)["forecast"]
    ).all()


@pytest.mark.parametrize("transform", ["sqrt", -0.5, 3, np.nan, True, [0.5]])
def test_wrong_transformations_are_named(growing, transform):
    with pytest.raises(InputError, match="transform"):
        forecast(growing, 3, by="store", model="theta", transform=transform)
    with pytest.raises(InputError, match="transform"):
        Forecaster(by="store", transform=transform).fit(growing)


def test_several_transformed_models_are_averaged(growing):
    both = forecast(growing, 4, by="store", model=["naive", "drift"], transform="log")
    one = [forecast(growing, 4, by="store", model=m, transform="log") for m in ("naive", "drift")]
    want = (one[0]["forecast"] + one[1]["forecast"]) / 2
    np.testing.assert_allclose(both["forecast"], want, rtol=1e-9)


def test_transformed_paths_have_the_transformed_intervals(growing):
    told = forecast(growing, 3, by="store", model="theta", transform="log", level=(80,))
    drawn = simulate(growing, 3, n=4000, by="store", model="theta", transform="log")
    ends = drawn.groupby(["store", "date"])["amount"].quantile([0.1, 0.9]).unstack()
    np.testing.assert_allclose(ends[0.1], told["lo_80"], rtol=0.02)
    np.testing.assert_allclose(ends[0.9], told["hi_80"], rtol=0.02)
    model = Forecaster(by="store", model="theta", transform="log", level=(80,)).fit(growing)
    pd.testing.assert_frame_equal(model.predict(3), told)
    pd.testing.assert_frame_equal(model.simulate(3, 4000), drawn)


# --------------------------------------------------------------------------------------
# clean


def seasonal_panel(series=200, n=96, seed=7):
    """Level, wave and normal noise of size 4: (time, series)."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)[:, None]
    return (
        200 + 10 * np.sin(t * np.pi / 6 + rng.uniform(0, 6, series)) + rng.normal(0, 4, (n, series))
    )


def as_history(y):
    return pd.concat([monthly(v, item=f"i{j:03d}") for j, v in enumerate(y.T)], ignore_index=True)


def spoiled(y, kind, size, seed=8):
    """Each series with one outlier or one lasting shift of ``size`` standard errors."""
    rng = np.random.default_rng(seed)
    out, at = y.copy(), rng.integers(15, len(y) - 8, y.shape[1])
    for j, sign in enumerate(rng.choice([-1.0, 1.0], y.shape[1])):
        rows = slice(at[j], at[j] + 1) if kind == "outlier" else slice(at[j], None)
        out[rows, j] += sign * size * 4
    return out, at


def found_in(y):
    return Forecaster(by="item").fit(as_history(y)).cleaned_


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clean_series_are_seldom_taken_for_spoiled(seed):
    rng = np.random.default_rng(seed)
    t = np.arange(72)[:, None]
    noise = rng.normal(0, 4, (72, 150))
    kinds = [
        seasonal_panel(150, 72, seed),
        100 + 0.7 * t + noise,
        300 + noise.cumsum(axis=0),
        np.exp(4 + 0.006 * t + noise / 40),
        rng.poisson(9 + 4 * np.sin(t * np.pi / 6), (72, 150)).astype(float),
    ]
    assert found_in(np.hstack(kinds))["item"].nunique() <= 0.01 * 750


@pytest.mark.parametrize("kind, share", [("outlier", 0.95), ("level shift", 0.9)])
def test_what_was_put_in_is_found_dated_and_sized(kind, share):
    y, at = spoiled(seasonal_panel(), kind, 12)
    found = found_in(y)
    assert len(found) <= 1.05 * y.shape[1]
    found = found[found["kind"] == kind].assign(column=lambda f: f["item"].str[1:].astype(int))
    want = pd.Timestamp("2015-01-01")
    months = (found["date"].dt.year - want.year) * 12 + found["date"].dt.month - 1
    right = months.to_numpy() == at[found["column"]]
    assert right.mean() > 0.95
    assert right.sum() >= share * y.shape[1]
    assert np.abs(found["size"][right]).median() == pytest.approx(48, rel=0.1)
    given = y[at[found["column"][right]], found["column"][right]]
    np.testing.assert_allclose(found["amount"][right], given)


@pytest.mark.parametrize("kind", ["outlier", "level shift"])
@pytest.mark.parametrize("model", ["theta", "mstl", "auto"])
def test_forecasts_of_spoiled_series_are_those_of_the_sound(kind, model):
    sound = seasonal_panel(120)
    y, _ = spoiled(sound, kind, 15)
    if kind == "level shift":
        sound = sound + (y[-1] - sound[-1])  # the level the future has
    ask = {"by": "item", "model": model, "level": None}
    want = forecast(as_history(sound), 12, **ask)["forecast"]
    raw = (forecast(as_history(y), 12, **ask)["forecast"] - want).abs().mean()
    mended = (forecast(as_history(y), 12, clean=True, **ask)["forecast"] - want).abs().mean()
    assert mended < 0.5 * raw
    assert mended < 0.3 * 4  # of the noise


def test_nothing_changes_where_nothing_is_found():
    history = as_history(seasonal_panel(20))
    plain = forecast(history, 6, by="item")
    cleaned = forecast(history, 6, by="item", clean=True)
    assert cleaned.attrs["cleaned"] == []
    pd.testing.assert_frame_equal(cleaned, plain, check_exact=True)
    pd.concat([plain, cleaned])


def test_the_newest_values_are_named_and_left_alone():
    y = seasonal_panel(12)
    y[-1] += 80
    found = found_in(y)
    assert (found["kind"] == "unsettled").all()
    assert found["item"].nunique() == 12
    history = as_history(y)
    pd.testing.assert_frame_equal(
        forecast(history, 3, by="item", clean=True), forecast(history, 3, by="item")
    )


def test_result_forecaster_and_paths_tell_the_same():
    y, _ = spoiled(seasonal_panel(6), "outlier", 20)
    history = as_history(y)
    out = forecast(history, 4, by="item", clean=True, model="theta")
    model = Forecaster(by="item", clean=True, model="theta").fit(history)
    table = model.cleaned_
    assert list(table.columns) == ["item", "date", "kind", "amount", "size"]
    pd.testing.assert_frame_equal(pd.DataFrame(out.attrs["cleaned"]), table, check_dtype=False)
    pd.testing.assert_frame_equal(model.predict(4), out)
    drawn = simulate(history, 4, n=3000, by="item", clean=True, model="theta")
    middle = drawn.groupby(["item", "date"])["amount"].median().to_numpy()
    np.testing.assert_allclose(middle, out["forecast"], rtol=0.02)
    raw = Forecaster(by="item", model="theta").fit(history)
    assert (model.summary_["rmse"] < raw.summary_["rmse"]).all()


def test_cleaning_knows_no_unit_no_gap_and_no_intermittent_demand():
    y, _ = spoiled(seasonal_panel(20), "outlier", 20)
    small, large = found_in(y), found_in(1000 * y)
    assert small[["item", "date", "kind"]].equals(large[["item", "date", "kind"]])
    np.testing.assert_allclose(1000 * small["size"], large["size"], rtol=1e-6)
    holes = y.copy()
    holes[40:43] = np.nan
    assert len(found_in(holes)) >= 0.8 * len(small)
    rng = np.random.default_rng(5)
    assert found_in(rng.poisson(0.4, (90, 40)) * rng.lognormal(2, 1, (90, 40))).empty


def test_clean_must_be_true_or_false(growing):
    for call in (forecast, simulate):
        with pytest.raises(InputError, match="clean"):
            call(growing, 3, by="store", clean="yes")


# --------------------------------------------------------------------------------------
# processes, drivers in paths


@pytest.mark.slow
def test_two_processes_give_the_result_of_one():
    y, _ = spoiled(seasonal_panel(600, 40), "outlier", 20)
    history = as_history(y)
    one, two = (forecast(history, 3, by="item", clean=True, n_jobs=k) for k in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert one.attrs["cleaned"] == two.attrs["cleaned"]


# --------------------------------------------------------------------------------------
# intervals of models by name


@pytest.mark.parametrize("model", ["theta", "ces", "mstl", "regression", "ensemble", "arima"])
def test_intervals_hold_what_they_promise_on_moving_levels(model):
    rng = np.random.default_rng(9)
    t = np.arange(84)[:, None]
    count = 80 if model == "arima" else 250  # which takes its time
    level = rng.normal(0, 2, (84, count)).cumsum(axis=0)
    y = 300 + level + 15 * np.sin(t * np.pi / 6) + rng.normal(0, 5, (84, count))
    out = forecast(as_history(y[:72]), 12, by="item", model=model)
    actual = y[72:].T.ravel()
    inside = {x: out[f"lo_{x}"].le(actual) & out[f"hi_{x}"].ge(actual) for x in (80, 95)}
    assert 0.90 <= inside[95].mean() <= 0.99
    assert 0.70 <= inside[80].mean() <= 0.93


@pytest.mark.parametrize("name, season, horizon", [("m3_quarterly", 4, 8), ("m3_yearly", 1, 6)])
@pytest.mark.parametrize(
    "model",
    [
        *("theta", "ces", "mstl", "regression", "ensemble"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("ets", "arima")),
    ],
)
def test_intervals_hold_what_they_promise_on_real_series(data_dir, name, season, horizon, model):
    """Origins inside the training part: the last values of it are the future."""
    train = pd.read_parquet(data_dir / "forecast" / f"{name}_train.parquet")
    if model in ("ets", "arima"):  # a fifth of the series
        train = train[train["unique_id"].str[1:].astype(int) % 5 == 0]
    back = train.groupby("unique_id")["ds"].transform("max") - train["ds"]
    train["date"] = pd.Timestamp("1900-01-01") + pd.to_timedelta(train["ds"] * 7, unit="D")
    train = train.rename(columns={"unique_id": "item", "y": "amount"})[["item", "date", "amount"]]
    past, future = train[back >= horizon], train[back < horizon]
    enough = past.groupby("item")["amount"].transform("size") >= max(8, 3 * season)
    ask = {"by": "item", "freq": "W", "season_length": season, "gaps": "missing"}
    out = forecast(past[enough], horizon, model=model, **ask).merge(future, on=["item", "date"])
    assert len(out) > 200
    most = 0.998 if model in ("ets", "arima") else 0.985  # never narrower than their own
    assert 0.90 <= out["amount"].between(out["lo_95"], out["hi_95"]).mean() <= most


def test_asking_for_intervals_does_not_move_the_forecast(growing):
    for model in ("theta", "ces"):
        with_, without = (
            forecast(growing, 6, by="store", model=model, level=x) for x in ((80,), None)
        )
        pd.testing.assert_series_equal(with_["forecast"], without["forecast"], check_exact=True)


# --------------------------------------------------------------------------------------
# two seasons; drivers in paths


def hours(n, series=6):
    """A wave by day, weekends 40 lower, noise of 6: (time, series)."""
    rng = np.random.default_rng(3)
    t = np.arange(n)[:, None]
    day = 30 * np.sin(2 * np.pi * t / 24 + rng.uniform(0, 6, series))
    return 200 + day - 40.0 * ((t // 24) % 7 >= 5) + rng.normal(0, 6, (n, series)), "h", 48


def days(n, series=6):
    """A pattern by weekday, a wave by year, noise of 8."""
    rng = np.random.default_rng(4)
    t = np.arange(n)[:, None]
    week = rng.normal(0, 15, (7, series))[np.arange(n) % 7]
    year = 40 * np.sin(2 * np.pi * t / 365.25 + rng.uniform(0, 6, series))
    return 200 + week + year + rng.normal(0, 8, (n, series)), "D", 56


def long_history(y, freq):
    dates = pd.date_range("2021-01-04", periods=len(y), freq=freq)
    parts = [pd.DataFrame({"item": f"i{j}", "date": dates, "amount": v}) for j, v in enumerate(y.T)]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    "make, length, model",
    [
        (hours, 252, "mstl"),  # one and a half weeks
        (hours, 300, "auto"),
        (hours, 700, "auto"),
        (days, 550, "mstl"),  # one and a half years
        (days, 602, "auto"),
        (days, 1100, "auto"),
    ],
)
def test_day_and_week_and_week_and_year_are_both_seen(make, length, model):
    y, freq, horizon = make(length + make(1)[2])
    history = long_history(y[:length], freq)
    actual = y[length:].T.ravel()
    off = {}
    for name in (model, "seasonal_naive"):
        made = forecast(history, horizon, by="item", freq=freq, model=name)
        off[name] = np.abs(made["forecast"] - actual).mean()
    assert off[model] < 0.8 * off["seasonal_naive"]
    assert off[model] < 1.7 * np.sqrt(2 / np.pi) * (6 if freq == "h" else 8)  # of the noise alone


def test_hourly_sales_of_the_m4_competition(data_dir):
    """The newest two days of each training part: better than the last day and a week ago."""
    train = pd.read_parquet(data_dir / "forecast" / "m4_hourly_train.parquet")
    train = train[train["unique_id"].isin(sorted(train["unique_id"].unique())[::4])]
    back = train.groupby("unique_id")["ds"].transform("max") - train["ds"]
    train["date"] = pd.Timestamp("2000-01-01") + pd.to_timedelta(train["ds"], unit="h")
    train = train.rename(columns={"unique_id": "item", "y": "amount"})[["item", "date", "amount"]]
    past, future = train[back >= 48], train[back < 48]
    error = {}
    for model, season in (("auto", 24), ("seasonal_naive", 24), ("seasonal_naive", 168)):
        ask = {"by": "item", "freq": "h", "season_length": season, "model": model}
        out = forecast(past, 48, level=(95,), **ask).merge(future, on=["item", "date"])
        step = past.groupby("item")["amount"].diff(24).abs().groupby(past["item"]).mean()
        scaled = (out["forecast"] - out["amount"]).abs() / out["item"].map(step)
        error[model, season] = scaled[np.isfinite(scaled)].mean()
        if model == "auto":
            inside = out["amount"].between(out["lo_95"], out["hi_95"]).mean()
    assert error["auto", 24] < 0.95 * min(error["seasonal_naive", k] for k in (24, 168))
    assert 0.90 <= inside <= 0.98


def test_prices_and_calendars_reach_the_paths():
    """Promotion adds a third; paths of a promoted month lie as far above as forecasts do."""
    rng = np.random.default_rng(6)
    promo = (rng.random(72) < 0.3).astype(float)
    history = monthly(100 * (1 + promo / 3) * np.exp(0.03 * rng.normal(size=72)))
    history["promo"] = promo
    ahead = pd.DataFrame({"date": pd.date_range("2021-01-01", periods=2, freq="MS")})
    ahead["promo"] = [0.0, 1.0]
    ask = {"exog": "promo", "future": ahead}
    told = forecast(history, 2, level=(80,), **ask)
    assert told["forecast"][1] / told["forecast"][0] == pytest.approx(4 / 3, rel=0.05)
    drawn = simulate(history, 2, n=3000, **ask).groupby("date")["amount"]
    np.testing.assert_allclose(drawn.median(), told["forecast"], rtol=0.02)
    np.testing.assert_allclose(drawn.quantile(0.9), told["hi_80"], rtol=0.03)
    model = Forecaster(exog="promo", level=(80,)).fit(history)
    pd.testing.assert_frame_equal(model.predict(2, future=ahead), told)
    again = model.simulate(2, 3000, future=ahead).groupby("date")["amount"].median()
    np.testing.assert_allclose(again, drawn.median())
    by_day = pd.DataFrame({"date": pd.date_range("2019-01-01", "2024-12-31", freq="D")})
    by_day["amount"] = np.where(by_day["date"].dt.day_of_week < 5, 100.0, 0.0)
    months = by_day.groupby(by_day["date"].dt.to_period("M").dt.to_timestamp())["amount"].sum()
    months = months.reset_index()
    plain, known = (
        simulate(months, 3, n=400, calendar=c).groupby("date")["amount"].mean().to_numpy()
        for c in (None, "DE")
    )
    assert np.abs(known - plain).max() > 20


def test_intervals_of_smoothing_stay_in_sight_of_the_data():
    """One value ten thousand times the others: multiplicative variances grow without end."""
    amounts = 100 + 20 * np.sin(np.arange(60) * np.pi / 6)
    amounts[30] = 1e6
    out = forecast(monthly(amounts), 14, model="ets")
    assert np.isfinite(out["hi_95"]).all()
    assert out["hi_95"].max() < 1e7


def test_what_lies_below_zero_is_the_mirror_image_of_what_lies_above(growing):
    """The networks have learned from sales; costs with a minus sign are the same, turned round."""
    plain = forecast(growing, 12, by="store")
    mirror = forecast(growing.assign(amount=-growing["amount"]), 12, by="store")
    for name, other in (("forecast", "forecast"), ("lo_80", "hi_80"), ("hi_95", "lo_95")):
        np.testing.assert_allclose(mirror[name], -plain[other], rtol=1e-9)


@pytest.mark.parametrize("moved", [380.0, 520.0])
def test_net_flows_are_forecast_as_well_as_sales(moved):
    """The same series moved until a little of it, or half, is negative: so do forecasts."""
    rng = np.random.default_rng(12)
    t = np.arange(96)
    parts = [
        monthly(400 + 2.5 * t + 60 * np.sin(t * np.pi / 6) + rng.normal(0, 15, 96), store=store)
        for store in "abcd"
    ]
    sales = pd.concat(parts, ignore_index=True)
    plain = forecast(sales, 12, by="store")
    net = forecast(sales.assign(amount=sales["amount"] - moved), 12, by="store")
    assert (sales["amount"] < moved).any()
    apart = (net["forecast"] + moved - plain["forecast"]).abs()
    assert apart.mean() < 8
    width, usual = ((f["hi_95"] - f["lo_95"]).mean() for f in (net, plain))
    assert 0.7 < width / usual < 1.5


# --------------------------------------------------------------------------------------
# the naive family

# R 4.2.2, forecast 8.20: y <- window(JohnsonJohnson, start = c(1976, 1)); naive(y, h = 6),
# rwf(y, h = 6, drift = TRUE), snaive(y, h = 6): lower[, 2] and upper[, 1] of steps 1 and 6.
EARNINGS = [
    *(7.74, 8.91, 8.28, 6.84, 9.54, 10.26, 9.54, 8.73, 11.88, 12.06, 12.15, 8.91),
    *(14.04, 12.96, 14.85, 9.99, 16.20, 14.67, 16.02, 11.61),
]
ENDS = {
    "naive": (6.10052654, -1.88539872, 15.2124511, 20.4341669),
    "drift": (6.02145511, -3.03056743, 15.6010193, 23.2041494),
    "seasonal_naive": (12.69057995, 9.70693057, 18.4946864, 17.9151767),
}


@pytest.mark.parametrize("model", ENDS)
def test_intervals_of_the_naive_family_are_those_of_r(model):
    dates = pd.date_range("1976-01-01", periods=20, freq="QS")
    history = pd.DataFrame({"date": dates, "amount": EARNINGS})
    out = forecast(history, 6, model=model, non_negative=False)
    found = [out["lo_95"][0], out["lo_95"][5], out["hi_80"][0], out["hi_80"][5]]
    np.testing.assert_allclose(found, ENDS[model], rtol=1e-7)


@pytest.mark.parametrize("model", ["auto", "regression"])
def test_readings_a_quarter_apart_do_not_run_away(model):
    """Dates of github.com/facebook/prophet issue 513: of 208 weeks 18 are known, two of them
    neighbours. Their one step was taken for the slope of all weeks, and for known without error."""
    days = (
        "2010-12-27 2011-03-28 2011-06-27 2011-09-26 2011-12-26 2012-01-02 2012-03-26 2012-06-25 "
        "2012-09-24 2013-01-07 2013-04-01 2013-07-01 2013-10-07 2013-12-02 2014-01-06 2014-04-07 "
        "2014-07-07 2014-10-06"
    )
    rng = np.random.default_rng(3)
    amount = np.arange(18.0) + 10 + 0.3 * rng.normal(size=18)
    given = pd.DataFrame({"date": pd.to_datetime(days.split()), "amount": amount})
    made = forecast(given, 26, model=model).iloc[-1]  # was 71, 28 to 29 follow the line
    assert 26 < made["forecast"] < 32
    assert made["hi_95"] - made["lo_95"] > 1  # was .00001


@pytest.mark.parametrize("model", ["auto", "regression", "theta"])
def test_what_is_sold_in_one_season_only_stays_in_its_range(model):
    """Goods of Christmas, like department 18 of Walmart's shops: a sale of 2,000 in a week in
    which 20 is usual made hundreds of times the season of it."""
    rng = np.random.default_rng(1)
    week = np.arange(52 * 3)
    amount = 20000 * np.exp(-(((week % 52 - 40) / 4.0) ** 2)) + rng.gamma(0.5, 40, len(week)) + 1
    amount[[-6, -3]] = 2000.0
    dates = pd.date_range("2020-01-06", periods=len(week), freq="7D")
    made = forecast(pd.DataFrame({"date": dates, "amount": amount}), 50, model=model, level=None)
    assert made["forecast"].max() < 2 * amount.max()
