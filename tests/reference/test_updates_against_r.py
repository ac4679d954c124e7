"""Fixed parameters run through newer values, against R.

R 4.2.2, package forecast 8.20. ``fit <- ets(window(y, end = 1957), model = "MAM", damped =
FALSE)``, ``forecast(ets(y, model = fit, use.initial.values = TRUE))``; ``fit <- Arima(window(n,
end = 1940), order)``, ``forecast(Arima(n, model = fit))``. The parameters below are R's
(``fit$par``, ``coef(fit)``, ``fit$sigma2``). Like ``Arima``, the engine keeps the variance of the
errors; R's ``ets`` counts it anew.
"""

from __future__ import annotations

import numpy as np
import pytest
from r_series import SERIES
from scipy.optimize import root

from salesmgmt.engine import arima, smoothing_likelihood, state_space
from salesmgmt.engine.arma import Order, coefficients
from salesmgmt.engine.estimates import Estimates

AIR = np.array(SERIES["AirPassengers"], dtype=float)[:, None]
NILE = np.array(SERIES["Nile"], dtype=float)[:, None]


def smoothed(y, form, m, smoothing, states):
    """The engine's forecasts with R's parameters as what was estimated before."""
    alpha, beta, gamma = (*smoothing, None, None)[:3]
    shares = [alpha]
    if beta is not None:
        shares.append(beta / alpha)
    if gamma is not None:
        shares.append(gamma / (1 - alpha))
    logits = [
        smoothing_likelihood.logit(v, k)
        for v, k in zip(shares, ("alpha", "beta", "gamma"), strict=False)
    ]
    held = Estimates()
    theta = np.array([*logits, *states])[:, None]
    held.of("forms", lambda: [(np.array([0]), form, theta)])
    return state_space.choose(y, np.array([len(y)]), m, 3, held=held)[0][1].forecast[:, 0]


def test_multiplicative_season_goes_on_as_in_r():
    season = [0.900872049034, 0.797297554621, 0.915478019773, 1.05003682923, 1.19293037724,
              1.21954336743, 1.11250952068, 0.983610147412, 0.987159734456, 1.04011141088,
              0.905208232651]  # fmt: skip
    first = [12 - sum(season), *season[::-1]][:-1]  # R names the newest season first
    smoothing = (0.67153071194, 0.0731577002637, 0.0272596573275)
    got = smoothed(AIR, "MAM", 12, smoothing, [118.860266292, -1.39123777199, *first])
    np.testing.assert_allclose(got, [440.847491322, 441.771186229, 511.673450229], rtol=1e-7)


def test_simple_smoothing_goes_on_as_in_r():
    got = smoothed(NILE, "ANN", 1, (0.246938902275,), [1111.01171548])
    np.testing.assert_allclose(got, 804.911657833, rtol=1e-9)


ARIMA = [
    # y, season, order, coefficients, mean of the differences, sigma2, forecasts
    (NILE, 1, Order(1, 0, 1, 0, 0, 0, True), (0.861725010123, -0.511432884996), 943.184548737,
     23600.5570442, [805.310611857, 824.375129083, 840.803500383, 854.960238808]),
    (NILE, 1, Order(0, 1, 1, 0, 0, 0, True), (-0.793904703251,), -4.48691961796,
     23735.6385343, [797.348428812, 792.861509194, 788.374589577]),
    (np.log(AIR), 12, Order(0, 1, 1, 0, 1, 1, False), (-0.386382313784, -0.588465117618), 0.0,
     0.00141567514026,
     [6.10974618397, 6.05451207942, 6.17494398232, 6.19877459098, 6.23151658806]),
]  # fmt: skip


@pytest.mark.parametrize(("y", "m", "order", "named", "mean", "sigma2", "want"), ARIMA)
def test_arima_goes_on_as_in_r(y, m, order, named, mean, sigma2, want):
    theta = root(lambda x: coefficients(x[:, None], order)[:, 0] - named, np.zeros(len(named))).x
    nothing = np.zeros(1)
    held = Estimates()
    fits = arima._Fits(order, theta[:, None], nothing, nothing)
    held.of("fits", lambda: [(np.array([0]), fits)])
    held.of("laws", lambda: [arima._Law(mean, sigma2, len(y))])
    found = arima.choose(y, np.array([len(y)]), m, len(want), held=held)
    np.testing.assert_allclose(found.mean[:, 0], want, rtol=2e-6)
    assert found.sd[0, 0] == pytest.approx(np.sqrt(sigma2), rel=1e-9)
    if order.p:  # lower ends of R's 80 % intervals
        low = found.mean[:, 0] - 1.2815515655446004 * found.sd[:, 0]
        want = [608.432601219, 615.767609995, 623.895989486, 632.08929937]
        np.testing.assert_allclose(low, want, rtol=1e-5)
