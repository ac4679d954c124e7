"""What ``summary_`` tells of a combination: what was done, its own errors, a named likelihood."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine import state_space
from salesmgmt.engine.bank import forecast_block
from salesmgmt.engine.combination import describe, kind_of, member_names
from salesmgmt.engine.composition import one_step_errors
from salesmgmt.engine.estimates import Estimates
from salesmgmt.engine.preparation import prepare
from salesmgmt.forecast import Forecaster, forecast

RNG = np.random.default_rng(8)
T = np.arange(72)
SEASON = 100 + T + 20 * np.sin(T * np.pi / 6) + RNG.normal(0, 5, 72)
SERIES = {
    "constant": [7.0] * 40,
    "five": SEASON[:5],
    "intermittent": (RNG.random(60) < 0.2) * RNG.integers(1, 9, 60),
    "long": RNG.gamma(4, 9, 140),
    "season": SEASON,
    "three": SEASON[:3],
    "zero": [0.0] * 30,
}


def monthly(values, item):
    dates = pd.date_range("2015-01-01", periods=len(values), freq="MS")
    return pd.DataFrame({"item": item, "date": dates, "amount": np.asarray(values, dtype=float)})


@pytest.fixture(scope="module")
def history():
    return pd.concat([monthly(v, k) for k, v in SERIES.items()], ignore_index=True)


@pytest.fixture(scope="module")
def told(history):
    return Forecaster(by="item", freq="M").fit(history).summary_.set_index("item")


def test_form_tells_what_was_done(told):
    assert told["form"].to_dict() == {
        "constant": "constant",
        "five": "smoothing and Theta",
        "intermittent": "intermittent",
        "long": "combination[12]",
        "season": "combination[12]",
        "three": "mean",
        "zero": "constant",
    }


@pytest.mark.slow
def test_days_have_two_seasons_and_a_hidden_one_is_found():
    days = pd.date_range("2020-01-01", periods=700)
    y = 50 + 10 * (np.arange(700) % 7 == 5) + RNG.normal(0, 2, 700)
    row = Forecaster(freq="D").fit(pd.DataFrame({"date": days, "amount": y})).summary_.iloc[0]
    assert row["form"] == "two seasons[7, 364]"
    assert list(row["weights"]) == ["season 7", "season 364", "mstl"]
    assert sum(row["weights"].values()) == pytest.approx(1, abs=2e-4)
    yearly = Forecaster(freq="D", season_length=1)
    row = yearly.fit(pd.DataFrame({"date": days[:200], "amount": y[:200]})).summary_.iloc[0]
    assert (row["form"], row["parameters"]) == ("combination[7]", {"season": 7})


@pytest.mark.parametrize("item", ["season", "long"])
def test_weights_are_those_the_forecast_was_made_with(history, told, item):
    """Members' forecasts times the weights told are the forecast."""
    y = np.asarray(SERIES[item], dtype=float)[:, None]
    p = prepare(y, np.array([len(y)]), 12)
    kind = kind_of(12, len(y))
    made, _, _ = describe(p, 6, kind, Estimates())
    weights = told.loc[item, "weights"]
    assert tuple(weights) == member_names(kind)
    mean = sum(w * f[:, 0] for w, f in zip(weights.values(), made.forecast)) * p.scale[0]
    out = forecast(history, 6, by="item", freq="M", level=None)
    want = out.loc[out["item"] == item, "forecast"]
    np.testing.assert_allclose(mean, want, rtol=2e-3)


def test_weights_that_settle_a_short_or_intermittent_series(told):
    assert told.loc["three", "weights"] == {"mean": 1.0}
    assert told.loc["five", "weights"] == {"ses": 0.5, "theta": 0.5}
    assert told.loc["intermittent", "weights"] == {"imapa": 0.46, "newest mean": 0.46}
    assert told.loc["constant", "weights"] == {"naive": 1.0}
    assert told.loc["constant", "mae"] == 0


def test_a_likelihood_is_that_of_the_model_named(history, told):
    ets = Forecaster(by="item", freq="M", model="ets").fit(history).summary_.set_index("item")
    for item in ("season", "long", "intermittent"):
        assert told.loc[item, "likelihood_of"] == ets.loc[item, "form"]
        assert told.loc[item, "aicc"] == pytest.approx(ets.loc[item, "aicc"], rel=1e-9)
        assert ets.loc[item, "likelihood_of"] == ets.loc[item, "form"]
    for item in ("constant", "zero", "three"):  # no errors, too few values
        assert pd.isna(told.loc[item, "likelihood_of"])
        assert np.isnan(told.loc[item, "aicc"])
        assert np.isnan(told.loc[item, "loglik"])


@pytest.mark.parametrize("m", [1, 12])
def test_running_through_the_past_gives_a_model_its_own_errors(m):
    """With what was estimated held, a shorter record is forecast as the model saw it then."""
    y = np.column_stack((SEASON, 50 + RNG.normal(0, 5, 72).cumsum()))
    n = np.array([72, 72])
    held = Estimates()
    forecast_block(y, n, 1, m, ["ets"], learned=False, held=held)
    found = one_step_errors(y, n, m, "ets", held)
    p = prepare(y, n, m)
    for which, fit in state_space.choose(p.y, n, m, 1):
        np.testing.assert_allclose(
            found[1:, which], (fit.errors * p.scale[which])[1:], atol=1e-9 * np.abs(y).max()
        )


def test_errors_of_the_combination_are_smaller_than_those_of_a_naive_one(history, told):
    naive = Forecaster(by="item", freq="M", model="naive").fit(history).summary_
    naive = naive.set_index("item")
    assert told.loc["season", "rmse"] < 0.7 * naive.loc["season", "rmse"]
    assert told.loc["long", "rmse"] == pytest.approx(np.std(SERIES["long"]), rel=0.1)
    assert told["n"].to_dict() == {
        "constant": 39,
        "five": 4,
        "intermittent": 59,
        "long": 85,
        "season": 71,
        "three": 2,
        "zero": 29,
    }


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("ensemble", "ets")]


@pytest.mark.parametrize("model", ["auto", "croston", "imapa", *SLOW])
def test_rows_units_and_neighbours_do_not_matter(history, model):
    history = history[history["item"].isin(["five", "intermittent", "season"])]
    options = {"by": "item", "freq": "M", "model": model}
    plain = Forecaster(**options).fit(history).summary_
    mixed = Forecaster(**options).fit(history.sample(frac=1, random_state=3)).summary_
    large = Forecaster(**options).fit(history.assign(amount=history["amount"] * 1000)).summary_
    assert mixed["form"].tolist() == plain["form"].tolist() == large["form"].tolist()
    for name in ("mae", "rmse", "aicc"):
        np.testing.assert_allclose(mixed[name], plain[name], rtol=1e-9)
    np.testing.assert_allclose(large["rmse"], 1000 * plain["rmse"], rtol=1e-7)
    shift = 2 * np.log(1000) * history.groupby("item")["amount"].size().to_numpy()
    np.testing.assert_allclose(large["aicc"], plain["aicc"] + shift, rtol=1e-7)
    for item in ("five", "intermittent"):
        alone = Forecaster(**options).fit(history[history["item"] == item]).summary_.iloc[0]
        row = plain[plain["item"] == item].iloc[0]
        assert alone["form"] == row["form"]
        assert (alone["mae"], alone["n"]) == (pytest.approx(row["mae"], rel=1e-9), row["n"])


def test_a_median_of_members_does_not_move_with_its_neighbours():
    """Short and long records without a season have members of their own, in one block, too."""
    short, long = RNG.normal(50, 5, 30), RNG.normal(50, 5, 60)
    both = pd.concat([monthly(short, "a"), monthly(long, "b")])
    options = {"by": "item", "freq": "M", "model": "ensemble", "season_length": 1, "level": None}
    together = forecast(both, 6, **options)
    for item in ("a", "b"):
        alone = forecast(both[both["item"] == item], 6, **options)["forecast"]
        want = together.loc[together["item"] == item, "forecast"]
        np.testing.assert_allclose(alone, want, rtol=1e-9)
