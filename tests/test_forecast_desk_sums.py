"""Sums of series that are late, have gaps or have ended; sums that contradict their parts."""

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning
from salesmgmt.forecast import forecast_hierarchy, reconcile

MONTHS = pd.date_range("2021-01-01", periods=40, freq="MS")


def shops(names: str = "abc", level: float = 100.0, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame({"shop": s, "date": MONTHS, "amount": rng.normal(level, 4, 40)}) for s in names
    ]
    return pd.concat(parts, ignore_index=True)


def total(frame: pd.DataFrame) -> pd.Series:
    return frame[frame["shop"].isna()].set_index("date")["forecast"]


@pytest.mark.parametrize("method", ["auto", "mint_shrink", "wls"])
def test_months_that_a_shop_has_not_reported_are_not_zero(method):
    """Three shops of 100 a month stay 300, whatever one of them has not reported yet."""
    given = shops()
    late = given[~((given["shop"] == "b") & (given["date"] >= MONTHS[38]))]
    with pytest.warns(DataWarning, match="1 of 3 series lack the newest period"):
        made = forecast_hierarchy(late, 3, keys="shop", method=method, level=None)
    assert made["date"].min() == pd.Timestamp("2024-05-01")
    np.testing.assert_allclose(total(made), 300, atol=8)  # was 258
    gaps = given[~((given["shop"] == "b") & given["date"].isin(MONTHS[[34, 35, 37]]))]
    np.testing.assert_allclose(
        total(forecast_hierarchy(gaps, 3, keys="shop", method=method, level=None)), 300, atol=8
    )


def test_a_shop_that_has_ended_is_not_late():
    given = shops()
    gone = given[~((given["shop"] == "b") & (given["date"] >= MONTHS[25]))]
    made = forecast_hierarchy(gone, 3, keys="shop", level=None)
    np.testing.assert_allclose(total(made), 200, atol=8)
    assert made.loc[made["shop"] == "b", "forecast"].abs().max() < 1e-4


def test_gaps_that_mean_nothing_sold_are_zero_in_sums():
    given = shops()
    late = given[~((given["shop"] == "b") & (given["date"] >= MONTHS[38]))]
    made = forecast_hierarchy(late, 3, keys="shop", level=None, gaps="zero", method="bottom_up")
    whole = forecast_hierarchy(
        given.assign(amount=given["amount"].where(given.index.isin(late.index), 0.0)),
        3, keys="shop", level=None, method="bottom_up",
    )  # fmt: skip
    pd.testing.assert_frame_equal(made, whole)


def test_a_department_whose_only_shop_has_ended_sells_nothing():
    given = pd.concat([shops().assign(dept="d1"), shops(seed=2).assign(dept="d2")])
    last = shops("c", 20.0, 3).assign(dept="d3")
    given = pd.concat([given, last[last["date"] < MONTHS[24]]])
    for method in ("auto", "mint_shrink"):
        made = forecast_hierarchy(given, 3, keys=["dept", "shop"], level=None, method=method)
        gone = made[(made["dept"] == "d3")]
        assert gone["forecast"].abs().max() < 1e-4
        assert gone["status"].eq("ended").all()
        np.testing.assert_allclose(total(made[made["dept"].isna()]), 600, atol=20)


@pytest.mark.parametrize("tiny", [1e-2, 1e-4, 1e-6])
def test_a_sum_that_contradicts_its_only_part_does_not_move_the_others(tiny):
    """Errors of such a sum were tiny and went with those of all others: its distance from its
    part is then thousands of standard errors, and was taken for theirs."""
    rng = np.random.default_rng(0)
    shock = rng.normal(0, 1, 40)
    nodes, errors = [], []
    for dept, shop in [(d, s) for d in "xy" for s in "123"] + [("z", "1")]:
        nodes.append((dept, shop, 0.0 if dept == "z" else 100.0))
    for dept, value in (("x", 300.0), ("y", 300.0), ("z", 20.0), (None, 600.0)):
        nodes.append((dept, None, value))
    frame = pd.DataFrame(nodes, columns=["dept", "shop", "forecast"]).assign(date="2025-01-01")
    for dept, shop, value in nodes:
        size = tiny if dept == "z" else max(value, 1.0) / 20
        e = size * (shock + 0.3 * rng.normal(0, 1, 40))
        errors.append(pd.DataFrame({"dept": dept, "shop": shop, "residual": e, "date": MONTHS}))
    made = reconcile(
        frame, keys=["dept", "shop"], method="mint_shrink", residuals=pd.concat(errors)
    )
    made = made.assign(base=frame["forecast"].to_numpy())
    others = made[made["dept"] != "z"]
    np.testing.assert_allclose(others["forecast"], others["base"], rtol=0.05)


@pytest.mark.parametrize("method", ["auto", "mint_shrink", "wls", "bottom_up"])
@pytest.mark.parametrize("months", [1, 2, 3, 5])
def test_young_hierarchies_are_forecast_too(method, months):
    """A few months of all shops, or of one beside shops with years: no exception, nothing lost."""
    young = shops()
    young = young[young["date"] >= MONTHS[-months]]
    made = forecast_hierarchy(young, 3, keys="shop", method=method)
    np.testing.assert_allclose(total(made), 300, rtol=0.1)
    assert made["lo_80"].isna().all() == (months < 4)
    mixed = pd.concat([young, shops("xy", seed=4)])
    made = forecast_hierarchy(mixed, 3, keys="shop", method=method)
    assert np.isfinite(made[["forecast", "lo_80", "hi_95"]].to_numpy()).all()
    bottom = made[made["shop"].notna()].groupby("date")["forecast"].sum()
    np.testing.assert_allclose(bottom, total(made), rtol=1e-9)
