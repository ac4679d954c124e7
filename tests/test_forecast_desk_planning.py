"""Comparing models by the Diebold-Mariano test; products without a history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from salesmgmt._forecast.comparison import cosine_weighted
from salesmgmt.errors import InputError
from salesmgmt.forecast import backtest, compare_models, forecast_new


def predictions(n=40, steps=1, seed=0, better=0.0):
    rng = np.random.default_rng(seed)
    frames = []
    for model, scale in [("naive", 1.0), ("ets", 1.0 - better)]:
        frames.append(
            pd.DataFrame(
                {
                    "date": pd.date_range("2020-01-01", periods=n, freq="MS"),
                    "model": model,
                    "actual": 100.0,
                    "forecast": 100 + scale * rng.normal(0, 10, n),
                    "step": steps,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def test_statistic_is_that_of_harvey_leybourne_newbold():
    seen = predictions(30, steps=3)
    e = (seen["forecast"] - 100).to_numpy().reshape(2, -1)
    d = e[1] ** 2 - e[0] ** 2
    n, h = 30, 3
    gamma = [np.sum((d[k:] - d.mean()) * (d[: n - k] - d.mean())) / n for k in range(h)]
    plain = d.mean() / np.sqrt((gamma[0] + 2 * sum(gamma[1:])) / n)
    corrected = plain * np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    got = compare_models(seen, reference="naive", loss="squared").iloc[0]
    assert got["statistic"] == pytest.approx(corrected, rel=1e-12)
    assert got["p_value"] == pytest.approx(2 * stats.t.sf(abs(corrected), n - 1), rel=1e-10)
    assert got["gain"] == pytest.approx(-d.mean() / (e[0] ** 2).mean())


def test_size_is_right_and_a_better_model_is_seen():
    equal = [compare_models(predictions(seed=s), reference="naive") for s in range(200)]
    share = np.mean([x["p_value"].iloc[0] < 0.05 for x in equal])
    assert 0.01 <= share <= 0.1
    better = compare_models(predictions(200, better=0.4), reference="naive").iloc[0]
    assert better["statistic"] < 0
    assert better["p_value"] < 0.01


def rolling(windows, horizon, step, seed=0):
    """Forecasts of a random walk, too high by one and too low by one: equally good."""
    rng = np.random.default_rng(seed)
    walk = rng.normal(size=windows * step + horizon + 1).cumsum()
    date = pd.date_range("2015-01-01", periods=len(walk), freq="MS")
    cut = np.repeat(np.arange(windows) * step, horizon)
    ahead = np.tile(np.arange(1, horizon + 1), windows)
    rows = {"cutoff": date[cut], "date": date[cut + ahead], "actual": walk[cut + ahead]}
    parts = [
        pd.DataFrame({**rows, "model": name, "forecast": walk[cut] + b, "step": ahead})
        for name, b in (("high", 1.0), ("low", -1.0))
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("layout", [(3, 12, 12), (24, 6, 1)])
def test_size_is_right_where_origins_forecast_several_steps(layout):
    equal = [compare_models(rolling(*layout, seed=s), reference="low") for s in range(120)]
    assert np.mean([x["p_value"].item() < 0.05 for x in equal]) <= 0.15


def test_origins_a_horizon_apart_are_a_sample_of_means():
    seen = rolling(5, 4, 4, seed=3)
    lost = (seen["forecast"] - seen["actual"]).abs().groupby([seen["model"], seen["cutoff"]]).mean()
    want = stats.ttest_1samp(lost["high"] - lost["low"], 0.0)
    for given in (seen, seen.drop(columns="step"), seen.drop(columns="cutoff")):
        got = compare_models(given, reference="low").iloc[0]
        assert got["n"] == 5
        assert got["statistic"] == pytest.approx(want.statistic)
        assert got["p_value"] == pytest.approx(want.pvalue)


def test_all_cosine_waves_together_are_the_variance():
    d = np.random.default_rng(8).normal(0.3, 1.0, 15)
    want = stats.ttest_1samp(d, 0.0)
    got = cosine_weighted(d, 14)
    assert got == pytest.approx((want.statistic, want.pvalue))


def test_origins_within_one_horizon_tell_nothing():
    got = compare_models(rolling(4, 6, 1), reference="low").iloc[0]
    assert got["n"] == 4
    assert np.isnan(got["p_value"])
    assert np.isfinite(got["gain"])


def test_backtest_goes_in_and_groups_come_out():
    rng = np.random.default_rng(0)
    dates = pd.date_range("2020-01-01", periods=48, freq="MS")
    rows = [pd.DataFrame({"shop": s, "date": dates, "amount": rng.gamma(9, 9, 48)}) for s in "ab"]
    seen = backtest(pd.concat(rows), 3, windows=6, by="shop", level=None)
    whole = compare_models(seen)
    assert whole["model"].tolist() == ["auto"]
    assert whole["n"].tolist() == [6]
    assert len(compare_models(seen, by="shop")) == 2
    mixed = compare_models(seen.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(whole, mixed)
    with pytest.raises(InputError, match="reference 'ets' is not a model"):
        compare_models(seen, reference="ets")
    with pytest.raises(InputError, match="over the same rows"):
        compare_models(seen.drop(index=seen.index[:2]))


def launches():
    month = pd.date_range("2022-01-01", periods=24, freq="MS")
    old = pd.DataFrame({"sku": "old", "date": month, "amount": 100.0, "kind": "pump", "price": 9.0})
    frames = [old]
    for i, (kind, price) in enumerate([("pump", 10.0)] * 4 + [("valve", 50.0)] * 4):
        ramp = np.minimum(np.arange(1, 13), 4) * (10.0 if kind == "pump" else 100.0) + i
        part = old.iloc[i + 4 : i + 16]
        frames.append(part.assign(sku=f"{kind}{i}", amount=ramp, kind=kind, price=price))
    return pd.concat(frames, ignore_index=True)


def test_a_new_product_follows_the_ramp_of_its_kind():
    new = pd.DataFrame(
        {"sku": ["x", "y"], "launch": "2024-01-01", "kind": ["pump", "valve"], "price": [10.0, 50]}
    )
    got = forecast_new(
        launches(), new, 6, by="sku", attributes=["kind", "price"], n_analogues=4, season_length=1
    )
    x, y = got[got.sku == "x"], got[got.sku == "y"]
    assert x["forecast"].tolist() == pytest.approx([11.5, 21.5, 31.5, 41.5, 41.5, 41.5])
    assert y["forecast"].iloc[3] == pytest.approx(405.5)
    assert (x["lo_80"] <= x["forecast"]).all()
    assert (x["forecast"] <= x["hi_80"]).all()
    assert (got["status"] == "ok").all()
    assert x["date"].iloc[0] == pd.Timestamp("2024-01-01")


def test_new_products_are_checked():
    new = pd.DataFrame({"sku": ["old"], "launch": "2024-01-01", "kind": "pump"})
    with pytest.raises(InputError, match="have a history, first 'old'"):
        forecast_new(launches(), new, 3, by="sku", attributes="kind")
    only = launches().query("sku == 'old'")
    with pytest.raises(InputError, match="no product of history was launched"):
        forecast_new(only, new.assign(sku="z"), 3, by="sku", attributes="kind")
