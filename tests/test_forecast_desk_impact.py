"""Impact: planted effects are inside the intervals, nothing is found where nothing happened."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import InputError
from salesmgmt.forecast import impact


def stores(n=60, count=30, seed=0, noise=0.05):
    """Stores that share a market, each with noise of its own."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2020-01-01", periods=n, freq="MS")
    market = np.exp(np.cumsum(rng.normal(0, 0.05, n)))
    rows = [
        pd.DataFrame(
            {
                "store": f"s{i:02d}",
                "date": dates,
                "amount": 100 * (i + 1) * market * np.exp(rng.normal(0, noise, n)),
                "market": market,
            }
        )
        for i in range(count)
    ]
    return pd.concat(rows, ignore_index=True)


def test_planted_effect_is_found_with_its_interval():
    sales = stores(count=6)
    hit = sales["date"] >= "2024-07-01"
    truth = 0.5 * sales["amount"].where(hit, 0.0)
    got = impact(sales.assign(amount=sales["amount"] + truth), start="2024-07-01", by="store")
    last = got.groupby("store").tail(1).set_index("store")
    planted = truth.groupby(sales["store"]).sum()
    inside = planted.between(last["cumulative_lo"], last["cumulative_hi"])
    assert inside.sum() >= 5
    assert (last["p_value"] < 0.05).sum() >= 4
    np.testing.assert_allclose(got["effect"], got["actual"] - got["expected"])
    sums = got.groupby("store")["effect"].cumsum()
    np.testing.assert_allclose(got["cumulative"], sums)
    assert (got["effect_lo"] <= got["effect"]).all()


def test_controls_narrow_the_interval():
    sales = stores(count=8, noise=0.02)
    start = {"s00": "2024-07-01", "s03": "2024-07-01"}
    alone = impact(sales, start=start, by="store")
    market = impact(sales, start=start, by="store", controls="market")
    others = impact(sales, start=start, by="store", controls="others")
    width = [(x["cumulative_hi"] - x["cumulative_lo"]).mean() for x in (alone, market, others)]
    assert width[1] < 0.8 * width[0]
    assert width[2] < 0.9 * width[0]
    assert set(others["store"]) == {"s00", "s03"}


def test_starts_may_differ_by_key():
    start = pd.Series({"s01": "2024-03-01", "s02": "2024-09-01"})
    got = impact(stores(count=4), start=start, by="store", placebos=0)
    begin = got.groupby("store")["date"].min()
    assert begin["s01"] == pd.Timestamp("2024-03-01")
    assert begin["s02"] == pd.Timestamp("2024-09-01")
    assert got["placebo"].isna().all()


def test_nothing_before_the_start_depends_on_what_came_after():
    sales = stores(count=3)
    worse = sales.assign(amount=sales["amount"].where(sales["date"] < "2024-07-01", 1e9))
    a, b = (impact(x, start="2024-07-01", by="store") for x in (sales, worse))
    np.testing.assert_array_equal(a["expected"], b["expected"])


@pytest.mark.slow
def test_false_alarms_and_coverage_are_near_nominal():
    sales = stores(n=72, count=120, seed=5, noise=0.1)
    rng = np.random.default_rng(1)
    jitter = np.exp(rng.normal(0, 0.1, len(sales)))
    sales = sales.assign(amount=sales["amount"] / sales["market"] * jitter)
    got = impact(sales, start="2025-07-01", by="store", season_length=1)
    last = got.groupby("store").tail(1)
    assert (last["p_value"] < 0.05).mean() <= 0.12
    assert last["placebo"].between(0, 1).all()


def test_bad_starts_are_told():
    sales = stores(count=2)
    with pytest.raises(InputError, match="have no period before their start"):
        impact(sales, start="2019-01-01", by="store")
    with pytest.raises(InputError, match="have no period from their start"):
        impact(sales, start="2031-01-01", by="store")
    with pytest.raises(InputError, match="start names 'x'"):
        impact(sales, start={"x": "2024-01-01"}, by="store")
    with pytest.raises(InputError, match="needs by="):
        impact(sales, start={"s00": "2024-01-01"})
    with pytest.raises(InputError, match="keys that start does not name"):
        impact(sales, start="2024-07-01", by="store", controls="others")
