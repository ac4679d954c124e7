"""The engine brought up to date: estimates of earlier rows, states of all rows."""

from __future__ import annotations

import numpy as np
import pytest

from salesmgmt.engine import ces, ets, smoothing_likelihood, state_space
from salesmgmt.engine.arima import choose as choose_arima
from salesmgmt.engine.bank import METHODS, forecast_block
from salesmgmt.engine.estimates import Estimates

CHEAP = sorted(set(METHODS) - {"arima", "ets"})
KNOWN = ("naive", "seasonal_naive", "drift", "mean", "croston", "sba")


def wandering(T=70, B=4, m=12, seed=3):
    rng = np.random.default_rng(seed)
    t = np.arange(T)[:, None]
    season = 20 * np.sin(2 * np.pi * t / m) * (m > 1)
    y = 200 + rng.normal(0, 4, (T, B)).cumsum(axis=0) + season + rng.normal(0, 6, (T, B))
    return y, np.full(B, T)


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("m", [1, 12])
def test_the_first_answer_is_that_of_an_estimate(name, m):
    y, n = wandering(60, 3, m)
    held = Estimates()
    first = forecast_block(y, n, 4, m, [name], held=held)
    plain = forecast_block(y, n, 4, m, [name])
    np.testing.assert_array_equal(first.mean, plain.mean)
    np.testing.assert_array_equal(first.bounds(80), plain.bounds(80))
    again = forecast_block(y, n, 7, m, [name], held=held)
    np.testing.assert_allclose(again.mean[:4], first.mean, rtol=1e-9)
    np.testing.assert_allclose(np.stack(again.bounds(80))[:, :4], first.bounds(80), rtol=1e-7)


@pytest.mark.parametrize("name", KNOWN)
def test_models_without_estimates_are_as_fitted_anew(name):
    y, n = wandering()
    y = np.where(np.random.default_rng(1).random(y.shape) < 0.4, np.abs(y), 0.0)
    held = Estimates()
    forecast_block(y[:50], n - 20, 3, 12, [name], held=held)
    got = forecast_block(y, n, 5, 12, [name], held=held)
    want = forecast_block(y, n, 5, 12, [name])
    np.testing.assert_allclose(got.mean, want.mean, rtol=1e-12)
    np.testing.assert_allclose(got.bounds(95), want.bounds(95), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("transform", [None, "log", 0.5])
@pytest.mark.parametrize("name", CHEAP)
def test_one_update_is_many_small_ones(name, transform):
    """States depend on the record alone, not on how often it was looked at in between."""
    y, n = wandering()
    slow, fast = Estimates(), Estimates()
    forecast_block(y[:50], n - 20, 3, 12, [name], held=slow, transform=transform)
    forecast_block(y[:50], n - 20, 3, 12, [name], held=fast, transform=transform)
    for k in (15, 9, 4):
        forecast_block(y[:-k], n - k, 6, 12, [name], held=slow, transform=transform)
    got = forecast_block(y, n, 6, 12, [name], held=slow, transform=transform)
    want = forecast_block(y, n, 6, 12, [name], held=fast, transform=transform)
    np.testing.assert_array_equal(got.mean, want.mean)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_forecasts_follow_a_level_that_has_moved(name):
    y, n = wandering(48, 2, 1)
    held = Estimates()
    forecast_block(y, n, 3, 1, [name], held=held)
    moved = np.vstack((y, np.full((40, 2), 800.0)))
    got = forecast_block(moved, n + 40, 1, 1, [name], held=held).mean
    lagging = {"mean", "drift", "croston", "sba", "tsb", "regression", "arima"}
    if name not in lagging:
        assert (np.abs(got - 800) < 150).all()
    assert (got > y.mean()).all()


def test_simple_smoothing_goes_on_by_its_recursion():
    y, n = wandering(60, 3, 1)
    held = Estimates()
    fit = ets.fit_additive(y[:40], n - 20, 1, held=held)
    level, alpha = fit.forecast[0].copy(), fit.parameters["alpha"]
    for row in y[40:]:
        level = level + alpha * (row - level)
    later = ets.fit_additive(y, n, 1, held=held)
    np.testing.assert_allclose(later.forecast[0], level, rtol=1e-12)
    np.testing.assert_array_equal(later.parameters["alpha"], alpha)
    np.testing.assert_array_equal(later.sse, fit.sse)


def test_gaps_are_no_news():
    y, n = wandering(60, 3, 1)
    held = Estimates()
    before = ets.fit_additive(y[:40], n - 20, 1, held=held).forecast
    gap = np.where((np.arange(60) >= 40)[:, None], np.nan, y)
    np.testing.assert_allclose(ets.fit_additive(gap, n, 1, held=held).forecast, before)


def test_holts_trend_and_season_go_on_by_their_recursions():
    y, n = wandering(96, 2, 4)
    y = y + np.arange(96)[:, None]
    held = Estimates()
    (which, fit), *_ = state_space.choose(y[:72], n - 24, 4, 1, held=held)
    form, theta = held.of("forms", list)[0][1:]
    names = smoothing_likelihood.parse(form, 4).smoothing
    for i, j in enumerate(which):
        p = {k: float(v[i]) for k, v in fit.parameters.items()}
        states = list(theta[len(names) :, i])
        level = states.pop(0)
        slope = states.pop(0) if form[1] == "A" else 0.0
        s = [*states, (4.0 if form[-1] == "M" else 0.0) - sum(states)] if form[-1] != "N" else []
        for t in range(97):
            slope *= p.get("phi", 1.0)
            base = level + slope
            place = t % 4
            factor = s[place] if s else (1.0 if form[-1] == "M" else 0.0)
            path = base * factor if form[-1] == "M" else base + factor
            if t == 96:
                break
            v = y[t, j]
            news = v / factor - base if form[-1] == "M" else v - path
            level = base + p["alpha"] * news
            slope += p.get("beta", 0.0) * news
            if s:
                own = v / base - factor if form[-1] == "M" else news
                s[place] = factor + p["gamma"] * own
        for which2, later in state_space.choose(y, n, 4, 1, held=held):
            if j in which2:
                got = later.forecast[0, list(which2).index(j)]
        assert got == pytest.approx(path, rel=1e-9)


def test_arima_means_orders_and_variances_stay():
    y, n = wandering(90, 3, 1)
    y[70, 1] = np.nan  # a gap that was not there when orders were chosen
    held = Estimates()
    first = choose_arima(y[:60], n - 30, 1, 2, held=held)
    later = choose_arima(y, n, 1, 2, held=held)
    assert first.orders == later.orders
    assert first.parameters == later.parameters
    np.testing.assert_array_equal(first.sigma2, later.sigma2)
    assert np.isfinite(later.mean).all()
    assert np.isnan(later.errors[70, 1])


def test_complex_smoothing_keeps_its_first_states():
    y, n = wandering(40, 2, 1)
    held = Estimates()
    ces.fit_ces(y[:6], n - 34, 1, held=held)  # shorter than the head it starts from
    spoilt = y.copy()
    spoilt[6:] += 1e3
    a = ces.fit_ces(y, n, 1, held=held).errors[:6]
    b = ces.fit_ces(spoilt, n, 1, held=held).errors[:6]
    np.testing.assert_array_equal(a, b)


def test_a_positive_series_may_fall_to_zero_later():
    y, n = wandering(60, 2, 12)
    held = Estimates()
    forecast_block(y[:48], n - 12, 3, 12, ["auto"], held=held)
    y[48:] = 0.0
    got = forecast_block(y, n, 3, 12, ["auto"], held=held).mean
    assert np.isfinite(got).all()
    assert (np.abs(got) < 0.8 * y[:48].mean()).all()
    held = Estimates()
    forecast_block(y[:48], n - 12, 3, 12, ["theta"], transform="log", held=held)
    got = forecast_block(y, n, 3, 12, ["theta"], transform="log", held=held).mean
    assert np.isfinite(got).all()


def test_a_record_longer_than_is_looked_at_keeps_its_first_row():
    y, n = wandering(460, 2, 1)
    held = Estimates()
    forecast_block(y[:430], n - 30, 3, 1, ["auto"], held=held)
    got = forecast_block(y, n, 3, 1, ["auto"], held=held).mean
    apart = np.abs(got - forecast_block(y, n, 3, 1, ["auto"]).mean)
    assert (apart < 0.25 * y.std(axis=0)).all()
