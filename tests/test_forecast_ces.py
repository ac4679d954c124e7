"""Complex exponential smoothing: the recursion against plain numbers, its forms, their weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine.ces import fit_ces
from salesmgmt.forecast import Forecaster, forecast


def plainly(y, fit, horizon, m, season):
    """One series by the equations of Svetunkov, Kourentzes and Ord (2022) in complex numbers.

    With the real part the level and the imaginary part the information potential:
    ``z' = F z + (a0 - a1 + i (a0 + a1)) e``, ``F = [[1, -(1 - a1)], [1, 1 - a0]]``.
    """
    p = {k: float(v[0]) for k, v in fit.parameters.items()}
    errors = fit.errors[:, 0]
    first = float(np.mean(y[: max(m, 10)]))

    def moved(z, a0, a1, e):
        step = complex(a0 - a1, a0 + a1) * e
        return complex(z.real - (1 - a1) * z.imag, z.real + (1 - a0) * z.imag) + step

    z, far = complex(first, first / 1.1), []
    if season == "full":
        z = complex(y[:m].mean(), y[:m].mean() / 1.1)
        far = [complex(v, v / 1.1) for v in y[:m] - y[:m].mean()]
    out = []
    for t in range(len(y) + horizon):
        made = z.real + (far[t % m].real if season == "full" else 0.0)
        e = y[t] - made if t < len(y) else 0.0
        if t < len(y):
            assert e == pytest.approx(errors[t], abs=1e-9)
        else:
            out.append(made)
        z = moved(z, p["a0"], p["a1"], e)
        if season == "full":
            far[t % m] = moved(far[t % m], p["b0"], p["b1"], e)
    return out


@pytest.mark.parametrize("season, m", [("none", 1), ("full", 4)])
def test_recursion_is_that_of_the_paper(season, m):
    rng = np.random.default_rng(1)
    y = 3 + 0.5 * np.sin(np.arange(40) * np.pi / 2) + 0.1 * rng.normal(size=40).cumsum()
    fit = fit_ces(y[:, None], np.array([40]), 6, m=m, season=season)
    np.testing.assert_allclose(fit.forecast[:, 0], plainly(y, fit, 6, m, season), rtol=1e-9)


@pytest.mark.parametrize("season", ["none", "partial", "full"])
def test_no_neighbouring_parameters_fit_better(season):
    """What the derivatives found is at least a dip of the sum of squares."""
    rng = np.random.default_rng(2)
    t = np.arange(60)[:, None]
    y = 3 + 0.4 * np.sin(t * np.pi / 2) + 0.1 * rng.normal(size=(60, 5)).cumsum(axis=0)
    from salesmgmt.engine import ces

    n = np.full(5, 60)
    fit = fit_ces(y, n, 1, m=4, season=season)
    theta = np.stack(list(fit.parameters.values()))
    m = 1 if season == "none" else 4
    first = ces._first(y, n, m, season)
    for i, name in enumerate(fit.parameters):
        for step in (-0.01, 0.01):
            moved = theta.copy()
            moved[i] = np.clip(moved[i] + step, ces._LOW[name], ces._HIGH[name])
            worse = ces._pass(y, first, moved, 0, m, season)[1][0, 0]
            assert (worse >= fit.sse * (1 - 2e-3)).all()


def test_a_partial_season_keeps_its_shape():
    rng = np.random.default_rng(3)
    pattern = rng.uniform(0.5, 1.5, (12, 6))
    y = np.vstack([pattern] * 6) + 0.01 * rng.normal(size=(72, 6))
    fit = fit_ces(y, np.full(6, 72), 12, m=12, season="partial")
    assert np.abs(fit.forecast - pattern).mean() < 0.03


def test_summary_names_the_form_that_weighs_most():
    rng = np.random.default_rng(4)
    t = np.arange(96)
    dates = pd.date_range("2015-01-01", periods=96, freq="MS")
    flat = 100 + rng.normal(0, 3, (12, 96))
    wavy = 100 + 40 * np.sin(t * np.pi / 6) + rng.normal(0, 3, (12, 96))
    sales = pd.concat(
        [
            pd.DataFrame({"kind": kind, "item": j, "date": dates, "amount": v})
            for kind, values in (("flat", flat), ("wavy", wavy))
            for j, v in enumerate(values)
        ]
    )
    told = Forecaster(by=["kind", "item"], model="ces").fit(sales).summary_
    assert (told.loc[told["kind"] == "flat", "form"] == "CES(none)").sum() >= 10
    assert (told.loc[told["kind"] == "wavy", "form"] == "CES(none)").sum() == 0
    made = forecast(sales, 12, by=["kind", "item"], model="ces", level=None)
    made = made.loc[made["kind"] == "wavy", "forecast"].to_numpy().reshape(12, 12)
    assert np.abs(made - (100 + 40 * np.sin((96 + np.arange(12)) * np.pi / 6))).mean() < 6


def test_a_season_of_two_cycles_is_seen_where_they_agree():
    """Noise of the size of a tenth of the wave; a flat forecast misses the wave by 25."""
    rng = np.random.default_rng(5)
    t = np.arange(36)
    dates = pd.date_range("2022-01-01", periods=24, freq="MS")
    wave = 100 + 40 * np.sin(t * np.pi / 6)
    noise = rng.normal(0, 4, (20, 24))
    kinds = {"wavy": wave[:24] + noise, "flat": 100 + noise}
    sales = pd.concat(
        [
            pd.DataFrame({"kind": kind, "item": j, "date": dates, "amount": v})
            for kind, values in kinds.items()
            for j, v in enumerate(values)
        ]
    )
    fitted = Forecaster(by=["kind", "item"], model="ces", level=None).fit(sales)
    form = fitted.summary_.set_index("kind")["form"]
    assert (form["flat"] == "CES(none)").sum() >= 18
    assert (form["wavy"] != "CES(none)").all()
    made = fitted.predict(12)
    made = made.loc[made["kind"] == "wavy", "forecast"].to_numpy().reshape(20, 12)
    assert np.abs(made - wave[24:]).mean() < 8


@pytest.mark.parametrize("size", [10.0, 1e3, 1e6])
def test_one_last_value_is_no_evidence_of_growth(size):
    """Forty quiet months and one of another size: the others say that nothing grows by itself."""
    y = np.append(1 + 0.1 * np.sin(np.arange(39)), size)
    dates = pd.date_range("2020-01-01", periods=40, freq="MS")
    made = forecast(pd.DataFrame({"date": dates, "amount": y}), 26, freq="M", model="ces")
    assert made["forecast"].between(0, size).all()


def test_growth_all_along_goes_on():
    y = 100 * 1.05 ** np.arange(40)
    dates = pd.date_range("2020-01-01", periods=40, freq="MS")
    made = forecast(pd.DataFrame({"date": dates, "amount": y}), 12, freq="M", model="ces")
    assert made["forecast"].iloc[-1] > 1.3 * y[-1]


@pytest.mark.parametrize("amounts", [[88.8, 0], [3, 40, 1], [20, 1, 30, 60], [9, 2, 80, 0, 31, 2]])
def test_a_handful_of_values_shows_no_growth(amounts):
    """Fewer values than numbers estimated: 88.8 and 0 were forecast at 1,325 in half a year."""
    dates = pd.date_range("2020-01-01", periods=len(amounts), freq="MS")
    made = forecast(pd.DataFrame({"date": dates, "amount": amounts}), 12, freq="M", model="ces")
    assert made["forecast"].max() < 2 * max(amounts)
