"""Rolling origins and forecasters brought up to date with what was estimated once."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import InputError
from salesmgmt.forecast import Forecaster, backtest

SPREAD = ["forecast", "lo_80", "hi_80", "lo_95", "hi_95"]
MODELS = ("auto", "theta", "ces", "mstl", "regression", "ensemble", "tsb", "adida", "imapa")
KNOWN = ("naive", "seasonal_naive", "drift", "mean", "croston", "sba")


def shops(series=3, n=44, seed=0):
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2022-01-01", periods=n, freq="MS")
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(n) / 12)
    rows = [
        pd.DataFrame({"shop": f"s{i}", "date": dates, "amount": 50 * season + rng.gamma(5, 5, n)})
        for i in range(series)
    ]
    return pd.concat(rows, ignore_index=True)


def promoted(**options):
    sales = shops(**options)
    rng = np.random.default_rng(9)
    sales["promo"] = rng.integers(0, 2, len(sales)).astype(float)
    sales["amount"] += 30 * sales["promo"]
    return sales


FAIR = pd.DataFrame(
    {"name": "fair", "start": pd.to_datetime(["2022-05-05", "2023-03-05", "2024-06-05"])}
)
ASKED = {
    "plain": {},
    "calendar": {"calendar": "CN"},
    "events": {"events": FAIR},
    "exog": {"exog": {"promo": [0, 1]}},
    "log": {"transform": "log"},
    "auto": {"transform": "auto"},
    "clean": {"clean": True},
    "many": {"models": [*MODELS, *KNOWN]},
    "list": {"models": {"two": ["auto", "theta"], "three": ["mstl", "naive", "ces"]}},
    "fitted": {"models": ["ets", "arima"], "by": None, "windows": 2},
}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_at_the_first_cutoff_it_is_the_same(name):
    sales = promoted(seed=4)
    sales.loc[30, "amount"] *= 5
    options = {"by": "shop", "windows": 3, "step": 2, "models": ["auto", "theta"]} | ASKED[name]
    anew, kept = (backtest(sales, 3, refit=refit, **options) for refit in (True, False))
    first = anew["cutoff"] == anew["cutoff"].min()
    pd.testing.assert_frame_equal(anew[first], kept[first])
    same = [c for c in anew.columns if c not in SPREAD]
    pd.testing.assert_frame_equal(anew[same], kept[same])
    assert not anew["forecast"].equals(kept["forecast"])
    assert np.isfinite(kept[SPREAD]).all(axis=None)


def test_at_the_first_cutoff_it_is_the_same_with_many_series():
    options = {"by": "shop", "windows": 2, "models": "auto"}
    sales = shops(series=40, n=60)
    anew, kept = (backtest(sales, 6, refit=refit, **options) for refit in (True, False))
    first = anew["cutoff"] == anew["cutoff"].min()
    pd.testing.assert_frame_equal(anew[first], kept[first])
    assert (anew["hi_95"] != kept["hi_95"])[~first].all()


@pytest.mark.parametrize("gaps", ["zero", "missing"])
def test_models_that_estimate_nothing_are_as_fitted_anew(gaps):
    sales = shops()
    sales = sales[np.random.default_rng(2).random(len(sales)) < 0.8]
    options = {"by": "shop", "windows": 4, "step": 3, "models": KNOWN, "gaps": gaps, "freq": "M"}
    anew, kept = (backtest(sales, 2, refit=refit, **options) for refit in (True, False))
    pd.testing.assert_frame_equal(anew, kept, rtol=1e-9)


@pytest.mark.parametrize("options", [{}, {"calendar": "CN", "clean": True}, {"exog": "promo"}])
def test_a_poisoned_future_changes_no_forecast(options):
    sales = promoted()
    spoilt = sales.copy()
    spoilt.loc[spoilt["date"] > "2025-02-01", "amount"] = 1e9
    options = {"windows": 4, "step": 2, "by": "shop", "refit": False, **options}
    a, b = (backtest(x, 2, models=["auto", "mstl", "ces"], **options) for x in (sales, spoilt))
    early = a["cutoff"] <= "2025-02-01"
    assert early.sum() == 36
    pd.testing.assert_frame_equal(a.loc[early, SPREAD], b.loc[early, SPREAD])


def test_it_depends_on_the_first_cutoff_alone():
    """Fewer cutoffs in between change nothing: states are those of the record."""
    sales = shops()
    options = {"by": "shop", "models": ["auto", "theta"], "refit": False}
    every = backtest(sales, 2, windows=9, step=1, **options)
    some = backtest(sales, 2, windows=3, step=4, **options)
    both = every.merge(some, on=["cutoff", "model", "shop", "date"])
    assert len(both) == len(some) == 36
    np.testing.assert_array_equal(both["forecast_x"], both["forecast_y"])
    np.testing.assert_array_equal(both["hi_95_x"], both["hi_95_y"])


def test_rows_in_any_order_give_the_same():
    sales = promoted()
    mixed = sales.sample(frac=1, random_state=1).set_axis([3] * len(sales), axis=0)
    options = {"by": "shop", "windows": 3, "exog": "promo", "refit": False, "models": "auto"}
    a, b = (backtest(x, 2, **options) for x in (sales, mixed))
    pd.testing.assert_frame_equal(a, b)


def test_series_that_begin_later_are_estimated_when_they_can_be():
    sales = shops(series=4, n=48)
    late = (sales["shop"] == "s3") & (sales["date"] < "2024-11-01")
    flat = (sales["shop"] == "s2") & (sales["date"] < "2025-06-01")
    sales.loc[flat, "amount"] = 40.0
    sales = sales[~late]
    options = {"by": "shop", "windows": 7, "step": 2, "models": ["theta"]}
    anew, kept = (backtest(sales, 1, refit=refit, **options) for refit in (True, False))
    assert len(anew) == len(kept)
    apart = (anew["forecast"] - kept["forecast"]).abs()
    cuts = anew["cutoff"].dt.strftime("%Y-%m")
    new = anew["shop"] == "s3"
    first = cuts[new & (anew["lo_80"].notna())].min()
    assert apart[new & (cuts == "2025-03")].item() == pytest.approx(0, abs=1e-9)  # five values
    assert apart[new & (cuts > "2025-03")].gt(1e-9).any()
    assert first <= "2025-03"
    constant = anew["shop"] == "s2"
    assert apart[constant & (cuts <= "2025-07")].max() < 1e-9  # as long as nothing has moved
    assert (anew.loc[constant & (cuts < "2025-05"), "forecast"] == 40).all()


def test_own_functions_are_called_each_time():
    sales = shops(series=1)
    seen = []

    def own(history, horizon):
        seen.append(len(history))
        dates = pd.date_range(history["date"].max(), periods=horizon + 1, freq="MS")[1:]
        return pd.DataFrame({"date": dates, "forecast": 1.0})

    backtest(sales[["date", "amount"]], 2, models={"own": own}, refit=False)
    assert seen == [38, 40, 42]


def test_refit_must_be_a_truth_value():
    with pytest.raises(InputError, match="refit"):
        backtest(shops(), 2, by="shop", refit="no")


# --------------------------------------------------------------------------------------
# transform and clean


def test_transform_and_clean_are_those_of_forecast():
    from salesmgmt.forecast import forecast

    sales = shops()
    sales.loc[20, "amount"] *= 9
    options = {"by": "shop", "transform": "log", "clean": True}
    got = backtest(sales, 3, windows=2, models="theta", **options)
    for cut in got["cutoff"].unique():
        alone = forecast(sales[sales["date"] <= cut], 3, model="theta", **options)
        ours = got[got["cutoff"] == cut]
        np.testing.assert_allclose(ours[SPREAD], alone[SPREAD], rtol=1e-12)
    with pytest.raises(InputError, match=r"backtest\(\): transform='log' needs positive"):
        backtest(sales.assign(amount=sales["amount"] - 60), 3, by="shop", transform="log")


def test_newer_outliers_are_taken_out_and_level_shifts_followed():
    rng = np.random.default_rng(0)
    dates = pd.date_range("2019-01-01", periods=80, freq="MS")
    plain = pd.DataFrame({"date": dates, "amount": 100 + rng.normal(0, 3, 80)})
    options = {"windows": 12, "step": 1, "models": "theta", "level": None, "refit": False}
    spoilt = plain.copy()
    spoilt.loc[72, "amount"] += 400  # after the first cutoff
    want = backtest(plain, 1, **options)
    got = backtest(spoilt, 1, clean=True, **options)
    dirty = backtest(spoilt, 1, **options)
    last = want["cutoff"] > dates[76]  # settled by then
    apart, worse = (
        (x.loc[last, "forecast"] - want.loc[last, "forecast"]).abs() for x in (got, dirty)
    )
    assert apart.max() < 3
    assert worse.max() > 2 * apart.max()
    moved = plain.copy()
    moved.loc[70:, "amount"] += 100
    got = backtest(moved, 1, clean=True, **options)
    assert got["forecast"].iloc[-1] > 120


# --------------------------------------------------------------------------------------
# Forecaster.update


@pytest.mark.parametrize(
    "model",
    ["auto", "theta", ["ces", "mstl"], "tsb", "arima", pytest.param("ets", marks=pytest.mark.slow)],
)
def test_a_forecaster_is_updated_as_a_backtest_is(model):
    sales = shops()
    cuts = sorted(sales["date"].unique())
    first, last = cuts[36], cuts[40]
    tried = backtest(sales, 3, by="shop", windows=2, step=4, models={"m": model}, refit=False)
    assert list(tried["cutoff"].unique()) == [first, last]
    held = Forecaster(by="shop", model=model).fit(sales[sales["date"] <= first])
    before = held.predict(3)
    new = sales[(sales["date"] > first) & (sales["date"] <= last)]
    got = held.update(new, refit=False).predict(3)
    want = tried[tried["cutoff"] == last]
    np.testing.assert_allclose(got[SPREAD], want[SPREAD], rtol=1e-9)
    np.testing.assert_array_equal(before[SPREAD], tried.loc[tried["cutoff"] == first, SPREAD])
    again = held.predict(3)
    pd.testing.assert_frame_equal(again, got)
    anew = held.update(new.iloc[:0]).predict(3)  # with refit
    pd.testing.assert_frame_equal(
        anew, Forecaster(by="shop", model=model).fit(sales[sales["date"] <= last]).predict(3)
    )


@pytest.mark.parametrize("asked", [False, True])
def test_updates_in_steps_are_one_update(asked):
    sales = promoted(n=50)
    sales = sales[~((sales["shop"] == "s2") & (sales["date"] < "2025-08-01"))]  # five values, late
    ahead = pd.DataFrame({"date": pd.date_range("2026-03-01", periods=3, freq="MS"), "promo": 1.0})
    cut = [pd.Timestamp(x) for x in ("2024-12-01", "2025-06-01", "2025-12-01", "2026-02-01")]
    parts = [
        sales[(sales["date"] > a) & (sales["date"] <= b)]
        for a, b in zip([pd.Timestamp("2000-01-01"), *cut], cut)
    ]
    options = {"by": "shop", "exog": "promo", "calendar": "CN", "clean": True}
    held = Forecaster(**options).fit(parts[0])
    for part in parts[1:]:
        held.update(part, refit=False)
        if asked:  # looking in between changes nothing
            next_two = pd.date_range(part["date"].max(), periods=4, freq="MS")[1:]
            held.predict(2, future=ahead.assign(date=next_two))
    assert set(held.predict(3, future=ahead)["shop"]) == {"s0", "s1", "s2"}
    got = held.predict(3, future=ahead)
    assert np.isfinite(got[SPREAD]).all(axis=None)
    once = Forecaster(**options).fit(parts[0])
    once.update(pd.concat(parts[1:]), refit=False)
    known = got["shop"] != "s2"  # s2 itself is estimated at the update that brings it
    want = once.predict(3, future=ahead)
    np.testing.assert_allclose(got.loc[known, SPREAD], want.loc[known, SPREAD], rtol=1e-9)
    assert len(held.history_) == len(sales)
    summary = held.summary_
    assert summary["shop"].tolist() == ["s0", "s1", "s2"]
    early = Forecaster(**options).fit(parts[0]).summary_  # what it was estimated from
    pd.testing.assert_frame_equal(summary.head(2), early)
    assert summary["n"].iloc[-1] in (4, 5)


def test_an_update_before_the_record_is_told():
    sales = shops()
    held = Forecaster(by="shop").fit(sales[sales["date"] >= "2023-01-01"])
    held.update(sales[sales["date"] < "2023-01-01"], refit=False)
    with pytest.raises(InputError, match=r"3 series have values before .*refit=True"):
        held.predict(2)
    with pytest.raises(InputError, match="refit"):
        held.update(sales, refit=1)


def test_updated_paths_have_the_updated_intervals():
    sales = shops()
    held = Forecaster(by="shop").fit(sales[sales["date"] < "2025-03-01"])
    held.update(sales[sales["date"] >= "2025-03-01"], refit=False)
    drawn = held.simulate(2, 4000)
    ends = drawn.groupby(["shop", "date"])["amount"].quantile([0.1, 0.9]).unstack()
    want = held.predict(2).set_index(["shop", "date"])[["lo_80", "hi_80"]]
    width = (want["hi_80"] - want["lo_80"]).to_numpy()[:, None]
    assert (np.abs(ends.to_numpy() - want.to_numpy()) < 0.05 * width).all()


def test_drivers_of_updated_paths():
    sales = promoted()
    ahead = pd.DataFrame({"date": pd.date_range("2025-09-01", periods=2, freq="MS")})
    held = Forecaster(by="shop", exog="promo").fit(sales[sales["date"] < "2025-03-01"])
    held.update(sales[sales["date"] >= "2025-03-01"], refit=False)
    low, high = (held.simulate(2, 300, future=ahead.assign(promo=x)) for x in (0.0, 1.0))
    apart = high["amount"].mean() - low["amount"].mean()
    assert 20 < apart < 40


def test_options_set_later_are_estimated_from_the_same_rows():
    sales = shops()
    early, late = sales[sales["date"] < "2025-03-01"], sales[sales["date"] >= "2025-03-01"]
    held = Forecaster(by="shop", model="ces").fit(early).update(late, refit=False)
    held.predict(2)
    got = held.set_params(model="theta").predict(2)
    want = Forecaster(by="shop", model="theta").fit(early).update(late, refit=False).predict(2)
    pd.testing.assert_frame_equal(got, want)
    copied = pickle.loads(pickle.dumps(held))
    pd.testing.assert_frame_equal(copied.predict(2), want)
