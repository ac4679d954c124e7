"""Reconciliation and measures of accuracy against published examples and other programs.

hierarchicalforecast 1.5.3 (Nixtla): MinTrace(method=...), TopDown(method=...), MiddleOut on the
summing matrix of its own test-suite (tests/test_methods.py: a total, two groups, four series).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning
from salesmgmt.forecast import accuracy, reconcile

KEYS = ["group", "series"]
NODES = pd.DataFrame(
    [(None, None), ("A", None), ("B", None), ("A", "1"), ("A", "2"), ("B", "3"), ("B", "4")],
    columns=KEYS,
)
BASE = [107.0, 52, 49, 28, 20, 31, 24]
ERRORS = np.array(
    [
        [1.2, -0.7, 3.1, 0.4, -2.2, 1.9, 0.8, -1.5],
        [0.9, -1.1, 1.6, 1.2, -1.4, 2.9, -0.2, -0.6],
        [0.5, 0.2, 1.9, -0.4, -1.1, -0.6, 0.7, -1.2],
        [0.4, -0.9, 0.8, 0.5, -0.6, 1.3, -0.3, -0.1],
        [0.2, -0.1, 1.1, 0.4, -0.9, 1.2, 0.3, -0.8],
        [0.6, 0.3, 0.7, -0.5, -0.2, -0.9, 0.1, -0.4],
        [-0.2, 0.1, 1.3, 0.3, -0.8, 0.2, 0.6, -0.9],
    ]
)
PAST = np.array([[35.0, 30, 40], [25, 25, 30], [10, 25, 20], [30, 30, 30]])  # of the four series
MONTHS = pd.date_range("2024-01-01", periods=8, freq="MS")


def forecasts(values=BASE) -> pd.DataFrame:
    return NODES.assign(date=pd.Timestamp("2024-09-01"), forecast=values)


def residuals() -> pd.DataFrame:
    parts = [NODES.iloc[[i] * 8].assign(date=MONTHS, residual=e) for i, e in enumerate(ERRORS)]
    return pd.concat(parts)


def history(values=PAST) -> pd.DataFrame:
    parts = [
        NODES.iloc[[3 + i] * 3].assign(date=MONTHS[:3], amount=y) for i, y in enumerate(values)
    ]
    return pd.concat(parts)


@pytest.mark.parametrize(
    ("method", "with_errors", "want"),
    [
        ("ols", False, (104.714285714, 52.190476190, 52.523809524, 30.095238095, 22.095238095,
                        29.761904762, 22.761904762)),
        ("wls", False, (103.666666667, 50.833333333, 52.833333333, 29.416666667, 21.416666667,
                        29.916666667, 22.916666667)),
        ("wls", True, (103.183849395, 50.263008733, 52.920840662, 29.079032704, 21.183976030,
                       30.219873986, 22.700966675)),
    ],
)  # fmt: skip
def test_ols_structural_and_variance_scaling(method, with_errors, want):
    errors = residuals() if with_errors else None
    got = reconcile(forecasts(), keys=KEYS, method=method, residuals=errors)
    np.testing.assert_allclose(got["forecast"], want, rtol=2e-9)


@pytest.mark.parametrize(
    ("method", "want"),
    [("ols", (34.6, 0, 34.6, 0, 0, 20.8, 13.8)), ("wls", (43.6, 0, 43.6, 0, 0, 25.3, 18.3))],
)
def test_non_negative_is_the_constrained_solution(method, want):
    base = forecasts([10.0, -20, 49, -28, -2, 31, 24])
    got = reconcile(base, keys=KEYS, method=method, non_negative=True)
    np.testing.assert_allclose(got["forecast"], want, atol=1e-7)


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (None, (107, 55.089108911, 51.910891089, 32.135313531, 22.953795380, 29.258865887,
                22.652025203)),  # forecast_proportions
        (PAST, (107, 59.984848485, 47.015151515, 34.045454545, 25.939393939, 17.833333333,
                29.181818182)),  # proportion_averages
        (PAST / [100, 110, 120], (107, 60.038888889, 46.961111111, 34.099494949, 25.939393939,
                                  17.617171717, 29.343939394)),  # average_proportions
    ],
    ids=["forecasts", "averages", "proportions"],
)  # fmt: skip
def test_top_down_by_all_three_kinds_of_shares(given, want):
    """Averages' proportions are the shares of sums, average proportions those of shares."""
    past = None if given is None else history(given)
    got = reconcile(forecasts(), keys=KEYS, method="top_down", history=past)
    np.testing.assert_allclose(got["forecast"], want, rtol=1e-9)


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (None, (101, 52, 49, 30.333333333, 21.666666667, 27.618181818, 21.381818182)),
        (PAST, (101, 52, 49, 29.513513514, 22.486486486, 18.586206897, 30.413793103)),
    ],
    ids=["forecasts", "averages"],
)
def test_middle_out(given, want):
    past = None if given is None else history(given)
    got = reconcile(forecasts(), keys=KEYS, method="middle_out", history=past)
    np.testing.assert_allclose(got["forecast"], want, rtol=1e-9)


def test_history_of_nodes_that_are_not_forecast_is_told():
    more = pd.concat([history(), history().assign(series="9")])
    with pytest.warns(DataWarning, match=r"12 row\(s\) of history are of no node .* first A / 9"):
        got = reconcile(forecasts(), keys=KEYS, method="top_down", history=more)
    want = reconcile(forecasts(), keys=KEYS, method="top_down", history=history())
    np.testing.assert_allclose(got["forecast"], want["forecast"])


def test_mint_shrink_is_that_of_hts_and_fable():
    """Schaefer and Strimmer (2005) on errors that are not centred, as R's hts::shrink.estim and
    fabletools::min_trace have it, written out by loops."""
    n, t = ERRORS.shape
    second = ERRORS @ ERRORS.T / t
    size = np.sqrt(np.diag(second))
    x = ERRORS / size[:, None]
    noise = squares = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                w = x[i] * x[j]
                noise += ((w**2).sum() - w.sum() ** 2 / t) / (t * (t - 1))
                squares += w.mean() ** 2
    intensity = min(max(noise / squares, 0.0), 1.0)
    covariance = intensity * np.diag(np.diag(second)) + (1 - intensity) * second
    bottom = np.eye(4)
    summing = np.vstack([np.ones(4), [1, 1, 0, 0], [0, 0, 1, 1], bottom])
    weight = np.linalg.inv(covariance)
    leaves = np.linalg.solve(summing.T @ weight @ summing, summing.T @ weight @ BASE)
    got = reconcile(forecasts(), keys=KEYS, method="mint_shrink", residuals=residuals())
    assert got.attrs["shrinkage"] == pytest.approx(intensity, rel=1e-12)
    np.testing.assert_allclose(got["forecast"], summing @ leaves, rtol=1e-10)


def test_top_down_leaves_the_total_alone():
    """unit8co/darts issue 1582: the total is 9, its parts 3, 5 and 1."""
    base = pd.DataFrame({"k": [None, "T1", "T2", "T3"], "date": "2020-01-01"})
    base["forecast"] = [9.0, 3.0, 5.0, 1.0]
    for method in ("top_down", "middle_out", "bottom_up", "ols", "wls"):
        got = reconcile(base, keys="k", method=method)
        np.testing.assert_allclose(got["forecast"], base["forecast"], rtol=1e-12)


# The examples of sktime's documentation (performance_metrics.forecasting, functions of the names
# mean_absolute_scaled_error, mean_squared_scaled_error(square_root=True),
# mean_absolute_percentage_error with symmetric False and True, here in per cent).
TRAIN, ACTUAL, FORECAST = [5, 0.5, 4, 6, 3, 5, 2], [3, -0.5, 2, 7, 2], [2.5, 0.0, 2, 8, 1.25]


def test_measures_of_the_textbook_series():
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    past = pd.DataFrame({"date": months[:7], "amount": TRAIN})
    seen = pd.DataFrame({"date": months[7:], "actual": ACTUAL, "forecast": FORECAST})
    got = accuracy(seen, history=past, season_length=1).iloc[0]
    assert got["mase"] == pytest.approx(0.18333333333333335)
    assert got["rmsse"] == pytest.approx(0.20568833780033832, rel=1e-6)
    assert got["mape"] == pytest.approx(33.690476190476193)
    assert got["smape"] == pytest.approx(55.53379953379953)
    assert got["mae"] == pytest.approx(0.55)
    assert got["rmse"] ** 2 == pytest.approx(0.4125)


def test_a_constant_series_makes_no_scaled_error_infinite():
    """awslabs/gluonts issue 3097: one series that never changes among others."""
    months = pd.date_range("2021-01-01", periods=39, freq="MS")
    amount = np.arange(100.0, 139.0)
    past = pd.concat(
        pd.DataFrame({"k": k, "date": months[:36], "amount": y[:36]})
        for k, y in (("line", amount), ("flat", np.full(39, 5.0)))
    )
    seen = pd.DataFrame({"k": "line", "date": months[36:], "actual": amount[36:]})
    seen["forecast"] = [130.0, 140.0, 138.0]
    flat = seen.assign(k="flat", actual=5.0, forecast=5.0)
    alone = accuracy(seen, history=past).iloc[0]
    both = accuracy(pd.concat([seen, flat]), history=past).iloc[0]
    for name in ("mase", "rmsse", "owa"):
        assert np.isfinite(alone[name])
        assert both[name] == pytest.approx(alone[name])
