"""What holds for every history: finite, ordered, and each series for itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt.forecast import accuracy, forecast

amounts = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False), st.just(0.0), st.just(float("nan"))
)
series = st.lists(amounts, min_size=1, max_size=40)
panels = st.lists(series, min_size=1, max_size=4)


def frame(panel: list[list[float]]) -> pd.DataFrame:
    parts = []
    for i, values in enumerate(panel):
        dates = pd.date_range("2020-01-01", periods=len(values), freq="MS")
        parts.append(pd.DataFrame({"item": f"i{i}", "date": dates, "amount": values}))
    return pd.concat(parts, ignore_index=True)


@settings(max_examples=60)
@given(panels, st.sampled_from(["auto", "theta", "mstl", "imapa", "drift"]))
def test_forecasts_are_finite_and_intervals_nested(panel, model):
    out = forecast(frame(panel), 5, by="item", freq="M", model=model)
    assert np.isfinite(out["forecast"]).all()
    told = out.dropna()
    size = 1e-9 * (1 + told["forecast"].abs())
    assert (told["lo_95"] <= told["lo_80"] + size).all()
    assert (told["lo_80"] <= told["forecast"] + size).all()
    assert (told["forecast"] <= told["hi_80"] + size).all()
    assert (told["hi_80"] <= told["hi_95"] + size).all()
    assert set(out["status"]) <= {"ok", "short", "constant", "no data", "set aside"}


@settings(max_examples=30)
@given(panels, st.integers(0, 10**6))
def test_neither_neighbours_nor_row_order_move_a_forecast(panel, seed):
    history = frame(panel)
    together = forecast(history, 3, by="item", freq="M", level=None)
    order = np.random.default_rng(seed).permutation(len(history))
    mixed = forecast(history.iloc[order], 3, by="item", freq="M", level=None)
    pd.testing.assert_frame_equal(mixed, together)
    first = history[history["item"] == "i0"]
    alone = forecast(first, 3, by="item", freq="M", level=None)
    size = max(1.0, first["amount"].abs().fillna(0).max())
    np.testing.assert_allclose(alone["forecast"], together["forecast"][:3], atol=1e-6 * size)


@settings(max_examples=25)
@given(st.lists(st.floats(1, 1e4), min_size=30, max_size=30), st.floats(0.01, 100))
def test_scaled_measures_do_not_depend_on_the_unit(values, unit):
    history = frame([values[:24]])
    p = frame([values]).tail(6).rename(columns={"amount": "actual"})
    p["forecast"] = np.roll(p["actual"], 1)
    both = [
        accuracy(
            p.assign(actual=p["actual"] * k, forecast=p["forecast"] * k),
            history=history.assign(amount=history["amount"] * k),
            by=None,
            freq="M",
        ).iloc[0]
        for k in (1.0, unit)
    ]
    for name in ("mase", "rmsse", "smape", "mape", "wape", "bias", "owa"):
        np.testing.assert_allclose(both[0][name], both[1][name], rtol=1e-6, atol=1e-12)


def test_a_season_that_never_came_back_is_no_law():
    short, long = [0.0, 0.0, 0.0, -1.0, 0.0, 0.0], [0.0, -1.0] + [0.0] * 11
    together = forecast(frame([short, long]), 3, by="item", freq="M", level=None)
    alone = forecast(frame([short]), 3, by="item", freq="M", level=None)
    np.testing.assert_allclose(alone["forecast"], together["forecast"][:3], atol=1e-6)
    # One value a year ago is no season: the fall is not expected again as it was.
    assert together["forecast"].iloc[3] > -0.9
