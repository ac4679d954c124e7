"""What holds for every model by name, whatever the history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from salesmgmt.forecast import Forecaster, forecast

MODELS = [
    "auto", "naive", "seasonal_naive", "drift", "mean", "ets", "theta", "arima", "ces", "croston",
    "sba", "tsb", "adida", "imapa", "mstl", "regression", "ensemble",
]  # fmt: skip
LEVELS = (50, 80, 95, 99)

usual = st.floats(-100, 100, allow_subnormal=False)
values = st.one_of(usual, st.just(0.0), st.just(float("nan")), st.integers(0, 3).map(float))
series = st.one_of(
    st.lists(values, min_size=1, max_size=45),
    st.integers(1, 60).map(lambda n: [7.0] * n),
    st.integers(2, 60).map(lambda n: [float(k) for k in range(n)]),
    st.integers(5, 60).map(lambda n: [0.0] * (n // 2) + [9.0] * (n - n // 2)),
    st.integers(5, 60).map(lambda n: [1.0] * (n - 1) + [1e9]),
    st.integers(1, 30).map(lambda n: [float("nan")] * n),
)
panels = st.lists(series, min_size=1, max_size=4)
units = st.sampled_from([1.0, 1e-9, 1e12, 37.0])


def frame(panel: list[list[float]], unit: float = 1.0) -> pd.DataFrame:
    parts = []
    for i, one in enumerate(panel):
        dates = pd.date_range(f"201{i}-01-01", periods=len(one), freq="MS")
        amount = np.array(one, dtype=float) * unit
        parts.append(pd.DataFrame({"item": f"i{i}", "date": dates, "amount": amount}))
    return pd.concat(parts, ignore_index=True)


SLOW = ("ets", "arima")  # dozens of fits a series
QUICK = [name for name in MODELS if name not in SLOW]
options = st.fixed_dictionaries(
    {
        "season_length": st.sampled_from([1, 4, 12, 53]),
        "transform": st.sampled_from([None, "auto"]),
        "clean": st.booleans(),
        "gaps": st.sampled_from(["zero", "missing"]),
    }
)
# A series of zeros to the end beside one of which nothing is known.
UNKNOWN = {"season_length": 4, "transform": None, "clean": False, "gaps": "zero"}


@pytest.mark.parametrize("model", QUICK)
@settings(max_examples=5)
@example([[7.0], [float("nan")] * 2], 1.0, UNKNOWN, 1)
@given(panels, units, options, st.sampled_from([1, 12, 200]))
def test_every_model_is_finite_with_nested_intervals(model, panel, unit, options, horizon):
    holds(model, panel, unit, options, horizon)


@pytest.mark.slow
@pytest.mark.parametrize("model", SLOW)
@settings(max_examples=6)
@given(panels, units, options, st.sampled_from([1, 12, 200]))
def test_fitted_models_are_finite_with_nested_intervals(model, panel, unit, options, horizon):
    holds(model, panel, unit, options, horizon)


def holds(model, panel, unit, options, horizon):
    history = frame(panel, unit)
    options = {**options, "by": "item", "freq": "M", "model": model, "level": LEVELS}
    out = forecast(history, horizon, **options)
    assert np.isfinite(out["forecast"]).all()
    assert set(out["status"]) <= {"ok", "short", "constant", "no data", "set aside"}
    sides = [f"lo_{x}" for x in LEVELS[::-1]] + [f"hi_{x}" for x in LEVELS]
    told = out[sides].dropna().to_numpy()
    assert np.isfinite(told).all()
    size = 1e-7 * np.abs(told).max(axis=1, keepdims=True, initial=0.0)
    assert (np.diff(told, axis=1) >= -size).all()
    assert out.loc[out["status"] == "ok", sides].notna().all(axis=None)
    if model not in SLOW:  # the same fits again
        summary = Forecaster(**options).fit(history).summary_
        assert summary["item"].tolist() == [f"i{i}" for i in range(len(panel))]


def steady() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    t = np.arange(60)
    return frame(
        [
            (100 + t + 20 * np.sin(t * np.pi / 6) + rng.normal(0, 5, 60)).tolist(),
            (50 + rng.normal(0, 5, 40)).tolist(),
            rng.normal(0, 5, 48).tolist(),
            (rng.poisson(0.4, 50) * 3.0).tolist(),
            (300 + rng.normal(0, 5, 72).cumsum()).tolist(),
            [3.0, 5.0, 4.0, 6.0, 8.0, 7.0],
            np.where(rng.random(60) < 0.2, np.nan, 100 + rng.normal(0, 9, 60)).tolist(),
        ]
    )


NUMBERS = ["forecast", "lo_80", "hi_80", "lo_95", "hi_95"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("unit", [1000.0, 1e-9])
def test_a_thousand_times_the_amounts_are_a_thousand_times_the_forecast(model, unit):
    history = steady() if model in QUICK else steady().query("item in ['i1', 'i6']")
    ask = {"by": "item", "freq": "M", "model": model, "gaps": "missing"}
    plain = forecast(history, 6, **ask)
    scaled = forecast(history.assign(amount=history["amount"] * unit), 6, **ask)
    size = history.groupby("item")["amount"].transform(lambda v: v.abs().max())
    size = plain["item"].map(dict(zip(history["item"], size))).to_numpy()[:, None]
    apart = np.abs(scaled[NUMBERS].to_numpy() / unit - plain[NUMBERS].to_numpy())
    assert (apart <= 1e-6 * size).all()


@pytest.mark.parametrize("model", ["auto", "theta", "ces", "mstl", "imapa", "arima"])
def test_whole_years_later_only_the_dates_differ(model):
    history = steady() if model in QUICK else steady().query("item in ['i1', 'i6']")
    ask = {"by": "item", "freq": "M", "model": model, "gaps": "missing"}
    plain = forecast(history, 6, **ask)
    later = history.assign(date=history["date"] + pd.DateOffset(years=8))
    moved = forecast(later, 6, **ask)
    pd.testing.assert_series_equal(moved["date"], plain["date"] + pd.DateOffset(years=8))
    pd.testing.assert_frame_equal(moved[NUMBERS], plain[NUMBERS], check_exact=True)


@pytest.mark.parametrize(
    "dtype", ["int32", "Int64", "float32", "double[pyarrow]", "int64[pyarrow]"]
)
@pytest.mark.parametrize("model", ["auto", "ets", "arima", "imapa"])
def test_dtype_of_amounts_does_not_matter(dtype, model):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    rng = np.random.default_rng(1)
    history = frame([rng.poisson(20, 40).astype(float).tolist(), rng.poisson(1, 30).tolist()])
    want = forecast(history, 4, by="item", model=model)
    got = forecast(
        history.assign(amount=history["amount"].astype(dtype)), 4, by="item", model=model
    )
    pd.testing.assert_frame_equal(got, want)
