"""Temporal hierarchies: sums over the calendar, dense textbook algebra, what must hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from salesmgmt.errors import InputError
from salesmgmt.forecast import forecast, reconcile_temporal

WHOLE = {"D": "D", "M": "MS", "Q": "QS", "Y": "YS"}


def calendar(freqs="DWMQY", seed=0, start="2024-01-01", end="2024-12-29"):
    """Rows of every frequency; weeks run from Monday 1 January to Sunday 29 December 2024."""
    rng = np.random.default_rng(seed)
    parts = []
    for f in freqs:
        stop = "2024-12-31" if f != "W" else end
        dates = pd.date_range(start, stop, freq="W-MON" if f == "W" else WHOLE[f])
        size = {"D": 1, "W": 7, "M": 30, "Q": 91, "Y": 366}[f]
        noise = rng.normal(0, 0.2 * size, len(dates))
        parts.append(pd.DataFrame({"freq": f, "date": dates, "forecast": 10 * size + noise}))
    return pd.concat(parts, ignore_index=True)


def summing(frame, fine):
    """Which finest rows lie in each row, by pandas' own periods."""
    alias = {"D": "D", "W": "W-SUN", "M": "M", "Q": "Q", "Y": "Y"}
    bottom = frame.loc[frame["freq"] == fine, "date"]
    rows = []
    for f, d in zip(frame["freq"], frame["date"]):
        rows.append((bottom.dt.to_period(alias[f]) == d.to_period(alias[f])).to_numpy())
    return np.array(rows, dtype=float)


def dense(frame, fine, variance):
    """S (S' W^-1 S)^-1 S' W^-1 y: Athanasopoulos et al. (2017), section 3."""
    S = summing(frame, fine)
    weighed = S.T / variance
    return S @ np.linalg.solve(weighed @ S, weighed @ frame["forecast"].to_numpy())


@pytest.mark.parametrize("freqs", ["DWMQY", "MQY", "MY", "DW", "DM"])
def test_equals_dense_algebra_and_adds_up(freqs):
    base = calendar(freqs)
    S = summing(base, freqs[0])
    for method, variance in (("wls", S.sum(axis=1)), ("ols", np.ones(len(S)))):
        made = reconcile_temporal(base, method=method)
        np.testing.assert_allclose(made["forecast"], dense(base, freqs[0], variance), rtol=1e-9)
        low = made.loc[made["freq"] == freqs[0], "forecast"].to_numpy()
        np.testing.assert_allclose(made["forecast"], S @ low, rtol=1e-9)


def test_residuals_give_one_variance_a_frequency():
    base, rng = calendar("MQY"), np.random.default_rng(1)
    sd = {"M": 3.0, "Q": 20.0, "Y": 5.0}
    past = pd.DataFrame({"freq": rng.permutation(list("MQY") * 20)})
    past["forecast"] = 1.0
    past["actual"] = 1 + rng.normal(size=60) * past["freq"].map(sd)
    squares = ((past["actual"] - 1) ** 2).groupby(past["freq"]).mean()
    made = reconcile_temporal(base, residuals=past)
    expected = dense(base, "M", base["freq"].map(squares).to_numpy())
    np.testing.assert_allclose(made["forecast"], expected, rtol=1e-9)


def test_quarter_of_three_months_by_hand():
    # The gap of 6 is shared by variance: 3 for the quarter, 1 for each month.
    base = pd.DataFrame(
        {
            "freq": ["M", "Q", "M", "M"],
            "date": ["2026-02-17", "2026-03-31", "2026-01-31", "2026-03-01"],
            "forecast": [30.0, 96.0, 20.0, 40.0],
        },
        index=[7, 7, 1, 0],
    )
    made = reconcile_temporal(base)
    np.testing.assert_allclose(made["forecast"], [31, 93, 21, 41], rtol=1e-12)
    assert made.index.tolist() == [7, 7, 1, 0]
    assert base["forecast"].tolist() == [30.0, 96.0, 20.0, 40.0]
    up = reconcile_temporal(base, method="bottom_up")
    np.testing.assert_allclose(up["forecast"], [30, 90, 20, 40], rtol=1e-12)


@given(seed=st.integers(0, 50), method=st.sampled_from(["wls", "ols", "bottom_up"]))
def test_coherent_base_stays_and_mean_of_errors_is_kept_out(seed, method):
    # S P S = S: what adds up already is left alone, so an unbiased base stays unbiased.
    base = calendar("MQY", seed)
    low = base.loc[base["freq"] == "M", "forecast"].to_numpy()
    base["forecast"] = summing(base, "M") @ low
    made = reconcile_temporal(base, method=method)
    np.testing.assert_allclose(made["forecast"], base["forecast"], rtol=1e-9)


def test_keys_rows_and_other_series_change_nothing():
    a, b = calendar("MQY", 1).assign(shop="a"), calendar("MY", 2).assign(shop="b")
    both = pd.concat([a, b], ignore_index=True)
    mixed = both.sample(frac=1, random_state=0)
    made = reconcile_temporal(mixed, by="shop").sort_index()
    alone = [reconcile_temporal(x)["forecast"] for x in (a, b)]
    np.testing.assert_allclose(made["forecast"], np.concatenate(alone), rtol=1e-12)


def test_weeks_keep_the_weekday_they_start_on():
    days = pd.DataFrame({"freq": "D", "date": pd.date_range("2026-01-04", periods=14)})
    weeks = pd.DataFrame({"freq": "W", "date": pd.to_datetime(["2026-01-04", "2026-01-11"])})
    base = pd.concat([days.assign(forecast=1.0), weeks.assign(forecast=[7.0, 21.0])])
    made = reconcile_temporal(base, method="ols")["forecast"].to_numpy()
    # One week's gap of 14 over eight equal variances.
    np.testing.assert_allclose(made, [1.0] * 7 + [2.75] * 7 + [7.0, 19.25], rtol=1e-12)


def test_non_negative_is_the_constrained_optimum():
    base = pd.DataFrame(
        {
            "freq": ["Q", "M", "M", "M"],
            "date": ["2026-01-01", "2026-01-01", "2026-02-01", "2026-03-01"],
            "forecast": [60.0, -20.0, 30.0, 40.0],
        }
    )
    made = reconcile_temporal(base, non_negative=True)["forecast"].to_numpy()

    def loss(x):
        return (x.sum() - 60) ** 2 / 3 + ((x - [-20, 30, 40]) ** 2).sum()

    best = minimize(loss, [1.0, 1, 1], bounds=[(0, None)] * 3).x
    np.testing.assert_allclose(made[1:], best, atol=1e-3)
    assert made[0] == pytest.approx(made[1:].sum(), rel=1e-9)
    assert (made >= 0).all()


def test_intervals_have_the_width_of_the_combination():
    base = pd.DataFrame(
        {
            "freq": ["Q", "M", "M", "M"],
            "date": ["2026-01-01", "2026-01-01", "2026-02-01", "2026-03-01"],
            "forecast": [96.0, 20.0, 30.0, 40.0],
        }
    )
    half = np.array([np.sqrt(3.0), 1, 1, 1])  # as wide as the weights say
    base["lo_80"], base["hi_80"] = base["forecast"] - half, base["forecast"] + half
    made = reconcile_temporal(base)
    # Quarter: two equally sure sources, 3 / 2. A month: 1 - 1 / 6.
    wanted = np.sqrt([1.5, 5 / 6, 5 / 6, 5 / 6])
    np.testing.assert_allclose(made["hi_80"] - made["forecast"], wanted, rtol=1e-9)
    np.testing.assert_allclose(made["forecast"] - made["lo_80"], wanted, rtol=1e-9)


def test_forecasts_of_two_frequencies():
    sales = pd.DataFrame({"date": pd.date_range("2021-01-01", "2025-12-31")})
    sales["amount"] = 100 + 20 * np.sin(np.arange(len(sales)) / 58.1) + sales.index / 50
    months, quarters = (forecast(sales, h, freq=f) for f, h in (("M", 12), ("Q", 4)))
    both = pd.concat([months.assign(freq="M"), quarters.assign(freq="Q")], ignore_index=True)
    made = reconcile_temporal(both)
    sums = made[made["freq"] == "M"].groupby(made["date"].dt.quarter)["forecast"].sum()
    whole = made.loc[made["freq"] == "Q", "forecast"]
    np.testing.assert_allclose(sums.to_numpy(), whole.to_numpy(), rtol=1e-9)
    assert ((made["lo_80"] <= made["forecast"]) & (made["forecast"] <= made["hi_80"])).all()


def test_what_cannot_add_up_is_refused():
    base = calendar("MQY")
    with pytest.raises(InputError, match="begin or end within a period of 'W'"):
        reconcile_temporal(calendar("WM"))
    with pytest.raises(InputError, match="lack some of their 'M'"):
        reconcile_temporal(base.drop(index=3))
    with pytest.raises(InputError, match="are there twice"):
        reconcile_temporal(pd.concat([base, base.iloc[[0]]]))
    with pytest.raises(InputError, match="name no frequency"):
        reconcile_temporal(base.replace({"freq": {"Q": "quarter"}}))
    with pytest.raises(InputError, match="residuals lack"):
        reconcile_temporal(base, residuals=pd.DataFrame({"freq": ["M"], "residual": [1.0]}))
    two = pd.DataFrame({"freq": [*"MMQ"], "model": [*"aba"], "residual": [1.0, 9.0, 2.0]})
    with pytest.raises(
        InputError, match="errors of 2 models for 1 series and frequencies, first M"
    ):
        reconcile_temporal(base, residuals=two)
    with pytest.raises(InputError, match='residuals are for method "wls"'):
        reconcile_temporal(base, method="ols", residuals=base)
