"""Closed for once, as in a lockdown: forecasts do not repeat it; closures of every year they do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine.empty_periods import without_closures
from salesmgmt.forecast import forecast


def sales(freq: str, n: int, ahead: int, m: int) -> np.ndarray:
    rng = np.random.default_rng(8)
    season = 1 + 0.2 * np.sin(2 * np.pi * np.arange(n + ahead) / m) if m > 1 else np.ones(n + ahead)
    return 300 * season[:, None] * rng.lognormal(0, 0.1, (n + ahead, 20))


def told(y: np.ndarray, freq: str, ahead: int) -> pd.DataFrame:
    dates = pd.period_range("2001-01-01", periods=len(y), freq=freq).to_timestamp()
    frame = pd.DataFrame(y, index=dates).rename_axis("date").reset_index()
    frame = frame.melt("date", var_name="k", value_name="amount")
    frame["k"] = frame["k"].astype(int)
    return forecast(frame, ahead, by="k", freq=freq, gaps="zero")


@pytest.mark.parametrize("left", [0, 0.05])
@pytest.mark.parametrize(
    ("freq", "n", "ahead", "m"), [("M", 60, 12, 12), ("Q", 32, 4, 4), ("W", 130, 13, 52)]
)
def test_one_closure_is_not_repeated(freq, n, ahead, m, left):
    y = sales(freq, n, ahead, m)
    y[n - ahead : n - ahead + 3] *= left  # a year ago for months and quarters
    out = told(y[:n], freq, ahead)
    missed = np.abs(out["forecast"] - y[n:].T.ravel()).mean() / y[n:].mean()
    assert missed < 0.13  # noise alone 0.08; the closed months were forecast closed again
    held = (out["lo_95"] <= y[n:].T.ravel()) & (y[n:].T.ravel() <= out["hi_95"])
    assert held.mean() > 0.85  # of 80 to 260; without a closure 94 to 98 %


def test_closures_of_every_year_and_natural_zeros_stay():
    y = sales("M", 60, 12, 12)
    y[7::12] = 0  # each August
    out = told(y[:60], "M", 12)
    august = out["date"].dt.month == 8
    assert out.loc[august, "forecast"].max() < 0.1 * out.loc[~august, "forecast"].min()
    rng = np.random.default_rng(9)
    kept = np.column_stack([
        y[:60, 0],
        rng.poisson(3, 60),  # counts that may be zero
        np.where(np.arange(60) > 56, 0, y[:60, 1] + 300),  # closed, and not yet open again
        np.where(np.arange(60) == 30, 0, rng.lognormal(0, 1, 60)),  # sizes of all kinds
        np.where(np.arange(60) == 30, 0, y[:60, 2] - 150),  # net flows
        np.where(np.arange(60) % 9 == 5, 0, 100.0),  # now and then
    ]).astype(float)  # fmt: skip
    kept[7::12, 2] = 400
    n = np.full(kept.shape[1], 60)
    assert without_closures(kept, n, 12) is kept
    once = kept[:, [0]].copy()
    once[[7, 19, 31, 43], 0] = 300.0  # the fifth August alone
    filled = without_closures(once, n[:1], 12)
    assert np.flatnonzero(filled != once).tolist() == [55]
    assert 150 < filled[55, 0] < 450


@pytest.mark.parametrize("freq", ["W", "M"])
@pytest.mark.parametrize("first", ["2024-03-04", "2025-01-06", "2023-01-02", "2022-01-03"])
@pytest.mark.parametrize("last", ["2026-02-09", "2026-12-28"])
def test_closures_of_a_festival_that_moves_stay(freq, first, last):
    # Spring Festival: late January in one year, mid February in the next.
    periods = pd.period_range(first, last, freq=freq)
    festival = pd.to_datetime(["2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29",
                               "2026-02-17"])  # fmt: skip
    y = 300 * np.random.default_rng(3).lognormal(0, 0.1, (len(periods), 1))
    y[periods.isin(festival.to_period(freq)), 0] = 0
    assert without_closures(y, np.array([len(y)]), {"W": 52, "M": 12}[freq]) is y


def test_a_closure_is_told_and_counted():
    y = sales("M", 60, 12, 12)
    y[40:43, :10] = 0
    out = told(np.vstack([np.zeros((12, 20)), y[:60]]), "M", 12)  # launched after a year
    by_key = out.groupby("k").agg({"status": "first", "lo_95": "max"})
    assert by_key["status"].tolist() == ["set aside"] * 10 + ["ok"] * 10
    assert (by_key["lo_95"] == 0).tolist() == [True] * 10 + [False] * 10  # one month in twenty
