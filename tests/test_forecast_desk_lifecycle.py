"""Products that are phased out: the way down is that of earlier endings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import forecast, forecast_ending, simulate

MONTHS = pd.date_range("2023-01-01", periods=24, freq="MS")
WAY = [0.8, 0.5, 0.2]  # of the last three months


def history():
    parts = []
    for k, last in enumerate([12, 15, 18, 20]):
        amount = np.full(last, 100.0 * (k + 1))
        amount[-3:] *= WAY
        parts.append(pd.DataFrame({"sku": f"old{k}", "date": MONTHS[:last], "amount": amount}))
    for sku in ("going", "staying"):
        parts.append(pd.DataFrame({"sku": sku, "date": MONTHS, "amount": 60.0}))
    return pd.concat(parts, ignore_index=True)


def endings():
    ends = [MONTHS[last - 1] + pd.offsets.MonthEnd(0) for last in (12, 15, 18, 20)]
    old = pd.DataFrame({"sku": [f"old{k}" for k in range(4)], "end": ends})
    return pd.concat([old, pd.DataFrame({"sku": ["going"], "end": [pd.Timestamp("2025-05-31")]})])


def ahead():
    made = forecast(history(), 7, by="sku", freq="M", model="naive", gaps="missing")
    return made[made["sku"].isin(["going", "staying"])].reset_index(drop=True)


def test_the_way_down_is_that_of_earlier_endings():
    got = forecast_ending(ahead(), history(), endings(), by="sku", ramp=3)
    going, staying = (got[got["sku"] == s] for s in ("going", "staying"))
    np.testing.assert_allclose(going["remaining"], [1, 1, *WAY, 0, 0])
    np.testing.assert_allclose(going["forecast"], 60 * going["remaining"])
    assert list(going["status"]) == ["constant"] * 2 + ["ending"] * 3 + ["ended"] * 2
    pd.testing.assert_frame_equal(
        staying.drop(columns="remaining"), ahead()[ahead()["sku"] == "staying"]
    )
    assert (staying["remaining"] == 1).all()


def test_sales_after_an_end_are_told_of():
    ends = endings().assign(end=lambda d: d["end"].where(d["sku"] != "going", "2024-03-31"))
    with pytest.warns(DataWarning, match="1 product.*sales in history after.*first going;"):
        got = forecast_ending(ahead(), history(), ends, by="sku")
    assert (got.loc[got["sku"] == "going", "forecast"] == 0).all()


def test_few_endings_give_a_straight_line():
    some = endings().iloc[[0, -1]]
    got = forecast_ending(ahead(), history(), some, by="sku", ramp=4)
    left = got[got["sku"] == "going"]["remaining"]
    np.testing.assert_allclose(left, [1, 0.8, 0.6, 0.4, 0.2, 0, 0])


def test_draws_are_run_down_too_and_row_order_does_not_matter():
    past = history()
    draws = simulate(past[past["sku"].isin(["going", "staying"])], 7, n=5, by="sku", freq="M")
    got = forecast_ending(draws, past, endings(), by="sku", ramp=3)
    np.testing.assert_allclose(got["amount"], draws["amount"] * got["remaining"])
    mixed = past.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        forecast_ending(draws, mixed, endings().iloc[::-1], by="sku", ramp=3), got
    )


def test_bad_input_is_told():
    with pytest.raises(InputError, match="neither 'forecast' nor 'draw'"):
        forecast_ending(history(), history(), endings(), by="sku")
    twice = pd.concat([endings(), endings().tail(1)])
    with pytest.raises(InputError, match="sku"):
        forecast_ending(ahead(), history(), twice, by="sku")


def test_scenarios_by_changed_drivers():
    """Twice the promotion, more sales: by ``future`` in forecast and simulate alike."""
    rng = np.random.default_rng(0)
    months = pd.date_range("2018-01-01", periods=84, freq="MS")
    promo = (rng.random(84) < 0.3).astype(float)
    sales = pd.DataFrame(
        {
            "date": months,
            "promo": promo,
            "amount": 100 * np.exp(0.4 * promo + rng.normal(0, 0.05, 84)),
        }
    )
    later = pd.date_range("2025-01-01", periods=3, freq="MS")
    made = {}
    for name, value in (("none", 0.0), ("all", 1.0)):
        future = pd.DataFrame({"date": later, "promo": value})
        draws = simulate(sales, 3, n=300, exog="promo", future=future)
        made[name] = draws.groupby("date")["amount"].mean().to_numpy()
    np.testing.assert_allclose(made["all"] / made["none"], np.exp(0.4), rtol=0.1)


def test_calendars_refuse_hours_with_a_reason():
    hours = pd.date_range("2025-01-01", periods=100, freq="h")
    sales = pd.DataFrame({"date": hours, "amount": np.arange(100.0)})
    with pytest.raises(InputError, match="by day or longer, not by hour"):
        forecast(sales, 3, calendar="CN")
