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
