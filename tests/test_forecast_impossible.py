"""``model="auto"`` and values that cannot be true: a decimal point misplaced, another unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine.impossible import impossible, without_impossible
from salesmgmt.forecast import Forecaster, forecast, simulate

MONTHS = np.arange(60)
SALES = (100 + 10 * np.sin(MONTHS * np.pi / 6)) * np.exp(
    0.05 * np.random.default_rng(3).normal(size=60)
)


def history(amounts: np.ndarray) -> pd.DataFrame:
    dates = pd.date_range("2020-01-01", periods=len(amounts), freq="MS")
    return pd.DataFrame({"date": dates, "amount": amounts})


@pytest.mark.parametrize(
    ("months", "factor"),
    [
        ([30], 1000),
        ([59], 1000),
        ([0], 1000),
        ([30], -1000),
        ([30], 100),
        ([10, 31, 47], 1000),
        ([12, 36, 48], 1000),
    ],
)
def test_a_misplaced_decimal_point_does_not_lead(months: list[int], factor: float) -> None:
    wrong = SALES.copy()
    wrong[months] *= factor
    plain, made = forecast(history(SALES), 12), forecast(history(wrong), 12)
    assert (made["status"] == "set aside").all()
    assert (plain["status"] == "ok").all()
    for column in ("forecast", "lo_95", "hi_95"):
        assert made[column].to_numpy() == pytest.approx(plain[column].to_numpy(), rel=0.12)
    drawn = simulate(history(wrong), 3, n=50, random_state=1)["amount"]
    assert drawn.between(50, 200).all()


def test_models_by_name_take_a_record_as_it_is() -> None:
    wrong = SALES.copy()
    wrong[59] *= 1000
    made = forecast(history(wrong), 1, model="naive", level=None)
    assert made["forecast"].iloc[0] == wrong[59]
    assert made["status"].iloc[0] == "ok"


def test_an_estimator_says_the_same_before_and_after_an_update() -> None:
    wrong = SALES.copy()
    wrong[59] *= 1000
    kept = Forecaster().fit(history(wrong[:59])).update(history(wrong).iloc[59:], refit=False)
    made = kept.predict(3)
    assert (made["status"] == "set aside").all()
    assert made["forecast"].between(70, 130).all()


def _spikes(rows: slice | list[int], factor: float, count: int = 60) -> np.ndarray:
    out = np.resize(SALES, count)
    out[rows] *= factor
    return out


@pytest.mark.parametrize(
    ("amounts", "m"),
    [
        (_spikes(slice(10, None, 12), 15.0), 12),  # every November
        (_spikes([29, 392, 758], 300.0, 1000), 7),  # once a year, by days, on a day that moves
        (_spikes([24, 36, 48], 90.0), 12),  # every year since it began
        (_spikes([30], 10.0), 12),  # one large order
        (_spikes([58, 59], 1000.0), 12),  # perhaps a new level
        (np.where(MONTHS % 3 == 0, SALES * 1000, 0.0), 12),  # lumps
        (np.where(MONTHS == 30, 1000.0, 0.0) + (MONTHS > 20), 12),  # before a launch nothing
        (1.3**MONTHS, 1),  # growth
        (np.where(MONTHS < 40, SALES, SALES * 1000), 12),  # another unit from then on
        (np.random.default_rng(5).pareto(1.2, 60) + 1, 1),
        (np.append(SALES[:8], 1e6), 12),  # too few values to know
    ],
)
def test_what_sales_really_do_stays(amounts: np.ndarray, m: int) -> None:
    y = amounts[:, None]
    made, odd = without_impossible(y, np.array([len(y)]), m)
    assert not odd.any()
    assert made is y


def test_competition_and_business_series_stay_as_they_are(data_dir) -> None:  # type: ignore[no-untyped-def]
    for name, m in (("walmart_weekly", 52), ("tourism_monthly", 12), ("m3_yearly", 1)):
        frame = pd.read_parquet(data_dir / "forecast" / f"{name}_train.parquet")
        key, value = frame.columns[0], next(c for c in ("y", "amount", "value") if c in frame)
        row = frame.groupby(key).cumcount()
        y = frame.assign(row=row).pivot(index="row", columns=key, values=value).to_numpy(float)
        length = np.isfinite(y).cumsum(axis=0).argmax(axis=0) + 1
        for back in (0, 6, 24):
            n = np.maximum(length - back, 1)
            assert not impossible(np.where(np.arange(len(y))[:, None] < n, y, np.nan), n, m).any()
