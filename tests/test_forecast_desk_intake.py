"""What the forecast desk takes in: keys, levels, horizons that would give a wrong table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import InputError
from salesmgmt.forecast import (
    Forecaster,
    anomalies,
    backtest,
    components,
    forecast,
    forecast_hierarchy,
    impact,
    simulate,
)

CALLS = {
    "forecast": lambda h, by: forecast(h, 2, by=by),
    "simulate": lambda h, by: simulate(h, 2, by=by, n=3),
    "backtest": lambda h, by: backtest(h, 2, by=by, windows=1),
    "components": lambda h, by: components(h, by=by),
    "anomalies": lambda h, by: anomalies(h, by=by),
    "impact": lambda h, by: impact(h, start="2021-10-01", by=by),
    "forecast_hierarchy": lambda h, by: forecast_hierarchy(h, 2, keys=by),
    "Forecaster.fit": lambda h, by: Forecaster(by=by).fit(h),
}


def months(n: int = 24, keys: tuple = ("a", "b")) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    dates = pd.date_range("2020-01-01", periods=n, freq="MS")
    parts = [
        pd.DataFrame({"k": k, "date": dates, "amount": rng.normal(100, 5, n).round(2)})
        for k in keys
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("call", "key"),
    [
        ("forecast", "forecast"),
        ("forecast", "lo_80"),
        ("forecast", "status"),
        ("simulate", "draw"),
        ("backtest", "model"),
        ("backtest", "cutoff"),
        ("components", "trend"),
        ("anomalies", "score"),
        ("impact", "effect_lo"),
        ("forecast_hierarchy", "base"),
        ("Forecaster.fit", "draw"),
    ],
)
def test_a_key_named_like_a_column_of_the_result_is_refused(call, key):
    with pytest.raises(InputError, match=rf"^{call}\(\): by names '{key}'.*rename"):
        CALLS[call](months().rename(columns={"k": key}), key)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("key", ["date", "amount"])
def test_dates_and_amounts_are_no_keys(call, key):
    with pytest.raises(InputError, match=rf"^{call}\(\): by names '{key}'"):
        CALLS[call](months(), key)


@pytest.mark.parametrize("call", CALLS)
def test_lists_in_a_key_column_are_told(call):
    history = months()
    history["k"] = history["k"].astype(object)
    history.at[3, "k"] = ["a", "b"]
    with pytest.raises(InputError, match=r"'k' holds a list, which is no key, in 1 row"):
        CALLS[call](history, "k")


def test_levels_are_percentages_not_shares():
    with pytest.raises(InputError, match=r"level is in percent.*did you mean 95"):
        forecast(months(), 2, by="k", level=(0.8, 0.95)[1])


def test_a_horizon_beyond_all_dates_is_refused():
    with pytest.raises(InputError, match="horizon must be between 1 and 100000"):
        forecast(months(), 10**7, by="k")
