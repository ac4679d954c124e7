"""Box-Cox transformations, likelihoods of fixed forms and of random walks against R.

R 4.2.2, package forecast 8.20: ``BoxCox.lambda(y)``, ``InvBoxCox(x, lambda, biasadj = TRUE,
fvar)``, ``Arima(y, ..., lambda, method = "ML")``, ``ets(y, model, damped = FALSE)``,
``rwf(y, lambda, biasadj = TRUE)``, for series of R's ``datasets``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from r_series import SEASON, SERIES, STEP

from salesmgmt.engine.state_space import fit_form
from salesmgmt.engine.transformation import box_cox, guerrero, inverse, mean_of
from salesmgmt.forecast import Forecaster, forecast

# BoxCox.lambda(y, lower = -1, upper = 2); R's search stops within 1e-4
GUERRERO = {
    "AirPassengers": -0.29472,
    "Nile": 0.99889,
    "lynx": 0.15219,
    "WWWusage": 0.35963,
    "USAccDeaths": -0.03976,
    "UKgas": -0.44570,
    "JohnsonJohnson": 0.15408,
    "airmiles": 0.53754,
    "ldeaths": -0.19353,
    "nhtemp": 1.70822,
}
BACK = {  # lambda: InvBoxCox of (1.5, 1, 2.5, 5) with variances (0.1, 0.4, 1, 2)
    0.0: (4.705773524, 3.261938194, 18.27374094, 296.8263182),
    0.25: (3.645361328, 2.67578125, 7.963134766, 29.42578125),
    0.5: (3.0875, 2.35, 5.3125, 12.75),
    0.8: (2.684879062, 2.11066576, 3.992091173, 7.536557857),
    1.0: (2.5, 2.0, 3.5, 6.0),
    1.5: (2.188902613, 1.812543497, 2.794409746, 4.136153722),
}
ETS = [
    ("Nile", "ANN", -726.39052),
    ("Nile", "MNN", -726.1509578),
    ("WWWusage", "AAN", -359.3468652),
    ("USAccDeaths", "ANA", -555.072335),
    ("airmiles", "AAN", -204.7461939),
    ("lh", "ANN", -59.36362455),
    ("uspop", "AAN", -54.17199585),
    ("lynx", "MNN", -1026.068773),
    ("nhtemp", "ANN", -129.9649237),
    ("BJsales", "AAN", -421.5647315),
    ("UKgas", "MAM", -618.3607797),
    ("JohnsonJohnson", "MAA", -72.81959662),
    ("ldeaths", "MNM", -525.3985458),
    ("AirPassengers", "MAM", -682.4036191),
]
# Log likelihood and AICc of Arima(y, c(0, 1, 0)), with drift, and of the mean alone
WALKS = {
    "Nile": ((-647.348567, 1296.738371), (-647.3225117, 1298.770023), (-654.5157333, 1313.155178)),
    "lynx": ((-960.3181517, 1922.672339), (-960.2874522, 1924.683995), (-1001.308193, 2006.724494)),
    "BJsales": (
        (-271.7583241, 545.543859),
        (-265.665167, 535.4125257),
        (-672.4052511, 1348.892135),
    ),
}


def monthly(name: str) -> pd.DataFrame:
    values = np.array(SERIES[name], dtype=float)
    dates = pd.date_range("1800-01-01", periods=len(values), freq=STEP[SEASON[name]])
    return pd.DataFrame({"date": dates, "amount": values})


@pytest.mark.parametrize("name", list(GUERRERO))
def test_power_of_guerrero(name):
    y = np.array(SERIES[name], dtype=float)[:, None]
    found = guerrero(y, np.array([len(y)]), SEASON[name], low=-1.0, high=2.0)
    assert found[0] == pytest.approx(GUERRERO[name], abs=2e-4)


@pytest.mark.parametrize("power", list(BACK))
def test_means_come_back_as_in_r(power):
    x, variance = np.array([1.5, 1.0, 2.5, 5.0]), np.array([0.1, 0.4, 1.0, 2.0])
    got = mean_of(x, variance, np.full(4, power))
    np.testing.assert_allclose(got, BACK[power], rtol=1e-8)


@pytest.mark.parametrize("power", [0.0, 1e-9, 0.3, 1.0, 2.0])
def test_there_and_back(power):
    y = np.array([[1e-3], [0.5], [1.0], [7.0], [1e6]])
    lam = np.array([power])
    np.testing.assert_allclose(inverse(box_cox(y, lam), lam), y, rtol=1e-7)


def test_arima_of_logarithms_as_in_r():
    model = Forecaster(model="arima", transform="log").fit(monthly("AirPassengers"))
    row = model.summary_.iloc[0]
    assert row["form"] == "ARIMA(0,1,1)(0,1,1)[12]"
    assert row["parameters"]["lambda"] == 0.0
    assert row["loglik"] == pytest.approx(244.6995, abs=5e-3)
    assert row["aicc"] == pytest.approx(-483.21008, abs=1e-2)
    made = model.predict(6)
    # R's variance of the errors divides by the differences less the coefficients, as ours.
    mean = [450.7311793, 426.1135344, 479.5703598, 493.1044438, 509.9034839, 584.4604409]
    np.testing.assert_allclose(made["forecast"], mean, rtol=1e-3)
    low = [418.8895001, 391.1937821, 435.567762, 443.5415643, 454.5864987, 516.7551353]
    high = [484.3289186, 463.2873812, 526.7782461, 546.6503009, 570.0497365, 658.5155855]
    np.testing.assert_allclose(made["lo_95"], low, rtol=2e-3)
    np.testing.assert_allclose(made["hi_95"], high, rtol=2e-3)


def test_random_walk_of_roots_and_logarithms_as_in_r():
    history = monthly("AirPassengers")
    root = forecast(history, 3, model="naive", transform=0.5)
    np.testing.assert_allclose(root["forecast"], [432.8257, 433.6514, 434.4771], rtol=1e-4)
    np.testing.assert_allclose(root["lo_80"], [384.9479, 366.2526, 352.2228], rtol=2e-3)
    np.testing.assert_allclose(root["hi_95"], [509.2059, 543.0437, 569.7464], rtol=2e-3)
    log = forecast(history, 3, model="drift", transform="log")
    np.testing.assert_allclose(log["forecast"], [438.5905, 445.3021, 452.1368], rtol=1e-3)


@pytest.mark.parametrize("name, form, loglik", ETS)
def test_likelihood_of_a_fixed_form_is_at_least_that_of_r(name, form, loglik):
    """Not far above either, except where R's search stops short of the optimum."""
    y = np.array(SERIES[name], dtype=float)[:, None]
    found = fit_form(y, np.array([len(y)]), SEASON[name], form, 1)
    assert found.loglik[0] >= loglik - 0.05
    assert found.loglik[0] <= loglik + 7.0
    k = {"N": 1, "A": 2}[form[1]] * 2 + 1 + (SEASON[name] if form[2] != "N" else 0)
    n = len(y)
    aicc = -2 * found.loglik[0] + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    assert found.aicc[0] == pytest.approx(aicc)


@pytest.mark.parametrize("name", list(WALKS))
def test_naive_family_has_the_likelihood_of_its_arima(name):
    models = ["naive", "drift", "mean"]
    found = Forecaster(model=models).fit(monthly(name)).summary_
    for (_, row), (loglik, aicc) in zip(found.iterrows(), WALKS[name], strict=True):
        assert row["loglik"] == pytest.approx(loglik, abs=1e-4)
        assert row["aicc"] == pytest.approx(aicc, abs=1e-3)


def test_seasonal_walk_has_the_likelihood_of_its_arima():
    row = Forecaster(model="seasonal_naive").fit(monthly("USAccDeaths")).summary_.iloc[0]
    assert row["loglik"] == pytest.approx(-464.7487731, abs=1e-4)
    assert row["aicc"] == pytest.approx(931.5665117, abs=1e-3)
