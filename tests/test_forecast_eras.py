"""Records that have fallen to another size: their newest era says how far off forecasts are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine import eras
from salesmgmt.forecast import Forecaster, forecast, simulate

MONTHS = pd.date_range("2019-01-01", periods=60, freq="MS")


def history(values: np.ndarray) -> pd.DataFrame:
    """One series a column, of the 60 months."""
    frame = pd.DataFrame(values[:60], index=MONTHS).rename_axis("date").reset_index()
    return frame.melt("date", var_name="k", value_name="amount")


def fallen(rng: np.random.Generator, since: int, to: float) -> np.ndarray:
    """72 months of twenty products of which few are sold any more, (72, 20)."""
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(72) / 12)[:, None]
    level = 400 * rng.lognormal(0, 0.5, 20) * np.where(np.arange(72) < since, 1.0, to)[:, None]
    return rng.poisson(level * season).astype(float)


@pytest.mark.parametrize(("since", "to"), [(40, 0.1), (36, 0.02), (38, 0.0)])
def test_intervals_and_draws_are_those_of_the_new_size(since, to):
    y = fallen(np.random.default_rng(1), since, to)
    told = forecast(history(y), 12, by="k", level=(95,))
    came = y[60:].T.ravel()
    held = (told["lo_95"] <= came + 1e-9) & (came <= told["hi_95"] + 1e-9)
    assert held.mean() > 0.9
    # They reached up to the old size, twenty times as far as was needed.
    old = y[:since].mean()
    assert told["hi_95"].mean() < max(4 * to, 0.03) * old
    drawn = simulate(history(y), 12, by="k", n=50)["amount"].mean()
    assert abs(drawn - told["forecast"].mean()) < max(0.4 * to, 0.01) * old


@pytest.mark.parametrize("season", [1, 4, 12])
@pytest.mark.parametrize("unit", [1.0, -1e6, 1e-6])
def test_where_an_era_begins(season, unit):
    rng = np.random.default_rng(2)
    y = fallen(rng, 37, 0.1)[:60]
    n = np.full(y.shape[1], 60)
    assert eras.begun(unit * y, n, season).tolist() == [37] * 20
    share = eras.newness(unit * y, n, eras.begun(unit * y, n, season))
    assert share.tolist() == [1.0] * 20
    # What is not over a year ago may still end; less than eight periods say nothing.
    assert 0 < eras.newness(y[:46], n - 14, np.full(20, 37)).max() < 0.5
    assert not eras.begun(y[:44], n - 16, season).any()


def test_what_is_no_era():
    rng = np.random.default_rng(3)
    months = np.arange(60)
    bought = rng.poisson(100, 60).astype(float)
    y = np.column_stack([
        np.where(months % 12 < 3, bought, 1.0),  # three months of the year, the last in its pause
        np.where((months > 48) | (abs(months - 24) < 8), 5.0, bought),  # not the first such pause
        rng.poisson(0.7, 60) * (months < 50),  # a slow seller, ten months without a sale
        bought * np.where(months > 40, 0.5, 1.0),  # half of it
        bought * np.where(months < 20, 0.05, 1.0),  # a launch
        np.where(months > 40, -bought, bought),  # sales, then returns
        rng.lognormal(0, 1.5, 60),  # large orders now and then
    ])  # fmt: skip
    start = eras.begun(y, np.full(y.shape[1], 60), 12)
    assert not eras.newness(y, np.full(y.shape[1], 60), start).any()


def test_gaps_and_lengths_do_not_matter():
    y = fallen(np.random.default_rng(4), 40, 0.1)[:60]
    y[50, :] = np.nan
    n = np.full(20, 60)
    n[::2] = 56
    y[56:, ::2] = np.nan
    assert eras.begun(y, n, 12).tolist() == [40] * 20


def test_the_summary_tells_of_an_era():
    y = np.column_stack([fallen(np.random.default_rng(5), 37, 0.1)[:60, :1], np.full(60, 9.0)])
    y[::2, 1] = 11.0
    told = Forecaster(by="k").fit(history(y)).summary_
    assert told["form"].str.endswith(", newest era").tolist() == [True, False]
    weights = told["weights"].iloc[0]
    assert weights["newest era"] == 0.5
    assert sum(weights.values()) == pytest.approx(1, abs=2e-3)
