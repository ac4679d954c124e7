"""Products that began to sell within the record: zeros before a launch are no sales history."""

import numpy as np
import pandas as pd
import pytest

from salesmgmt.forecast import Forecaster, backtest, forecast, simulate


def launched(ago: int, *, n: int = 48, freq: str = "MS", keys: int = 12, seed: int = 1):
    """Some 100 +- 20 a period since the launch, zeros written before it; what comes after."""
    rng = np.random.default_rng(seed)
    amount = rng.gamma(25, 4, (keys, n + 6))
    amount[:, : n - ago] = 0
    date = pd.date_range("2019-01-06", periods=n + 6, freq=freq)
    frame = pd.DataFrame(
        {
            "key": np.repeat(np.arange(keys), n + 6),
            "date": np.tile(date, keys),
            "amount": amount.ravel(),
        }
    )
    return frame[frame["date"] < date[n]], frame[frame["date"] >= date[n]]


@pytest.mark.parametrize(("freq", "n"), [("MS", 48), ("W", 104), ("QS", 24)])
@pytest.mark.parametrize("ago", [3, 6, 12])
def test_zeros_before_a_launch_do_not_draw_the_forecast_down(freq, n, ago):
    known, after = launched(ago, n=n, freq=freq)
    made = forecast(known, 6, by="key").merge(after, on=["key", "date"])
    bias = made["forecast"].sum() / made["amount"].sum() - 1
    assert abs(bias) < 0.15  # it was -85 % three months after a launch, -40 % eight after
    held = made["amount"].between(made["lo_95"], made["hi_95"]).mean()
    assert held > (0.7 if ago < 6 else 0.85)


def test_the_record_from_the_launch_on_gives_the_same_forecast():
    known, _ = launched(14)
    begun = known[known.groupby("key").cumcount() >= 34]
    made, alone = (forecast(x, 6, by="key").drop(columns="status") for x in (known, begun))
    pd.testing.assert_frame_equal(made, alone, rtol=1e-3)
    draws, few = (simulate(x, 6, by="key", n=300)["amount"].mean() for x in (known, begun))
    assert draws == pytest.approx(few, rel=0.03)


def test_summary_and_update_know_the_launch():
    known, _ = launched(14)
    cut = known["date"].unique()[44]
    model = Forecaster(by="key").fit(known[known["date"] < cut])
    assert model.summary_["mae"].between(5, 40).all()
    assert (model.summary_["n"] <= 10).all()
    later = model.update(known[known["date"] >= cut], refit=False).predict(3)
    assert later.groupby("key")["forecast"].mean().between(70, 135).all()
    tried = backtest(known, 3, by="key", windows=2, models=["auto"], level=None)
    assert (tried["forecast"] - tried["actual"]).abs().mean() < 40


@pytest.mark.parametrize(
    "amount",
    [
        [0] * 20 + [7] + [0] * 9 + [3] + [0] * 5,  # a slow item, slow before
        ([0] * 9 + [80, 100, 90]) * 4,  # one season a year: nine quiet months are usual
    ],
    ids=["slow", "seasonal"],
)
def test_slow_and_seasonal_goods_were_not_launched(amount):
    given = pd.DataFrame(
        {"date": pd.date_range("2020-01-01", periods=len(amount), freq="MS"), "amount": amount}
    )
    made = forecast(given, 12)
    assert made["forecast"].mean() < 2.5 * np.mean(amount)
