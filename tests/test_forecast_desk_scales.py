"""Transformed and cleaned histories in what is built around the forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import plots
from salesmgmt.errors import InputError
from salesmgmt.forecast import (
    Forecaster,
    accuracy,
    backtest,
    forecast,
    forecast_hierarchy,
    impact,
)


def growing(n=60, odd=None):
    """Months that grow by a share, with a season that grows along."""
    t = np.arange(n)
    noise = np.exp(np.random.default_rng(5).normal(0, 0.03, n))
    amount = 100 * 1.02**t * (1 + 0.3 * np.sin(2 * np.pi * t / 12)) * noise
    if odd is not None:
        amount[odd] *= 4
    return pd.DataFrame(
        {"date": pd.date_range("2020-01-01", periods=n, freq="MS"), "amount": amount}
    )


@pytest.mark.parametrize("options", [{"transform": "log"}, {"transform": 0.3}, {"clean": True}])
def test_impact_expects_what_forecast_says_with_the_same_options(options):
    sales = growing(odd=20)
    got = impact(sales, start="2024-07-01", model="theta", **options)
    alone = forecast(sales[sales["date"] < "2024-07-01"], 6, model="theta", level=(95,), **options)
    np.testing.assert_allclose(got["expected"], alone["forecast"], rtol=1e-12)
    plain = impact(sales, start="2024-07-01", model="theta")
    assert not np.allclose(plain["expected"], got["expected"])


def test_an_odd_month_before_no_longer_hides_an_effect():
    sales, spoilt = growing(), growing(odd=50)
    sales.loc[54:, "amount"] *= 1.25
    spoilt.loc[54:, "amount"] *= 1.25
    want = impact(sales, start="2024-07-01", model="theta", clean=True)["cumulative"].iloc[-1]
    clean = impact(spoilt, start="2024-07-01", model="theta", clean=True)
    dirty = impact(spoilt, start="2024-07-01", model="theta")
    assert clean["cumulative"].iloc[-1] == pytest.approx(want, rel=0.1)
    width = (clean["cumulative_hi"] - clean["cumulative_lo"]).iloc[-1]
    assert width < 0.8 * (dirty["cumulative_hi"] - dirty["cumulative_lo"]).iloc[-1]
    pd.testing.assert_series_equal(clean["actual"], dirty["actual"])  # the effect is not cleaned


def shops():
    parts = [growing(odd=30 + 9 * i).assign(shop=f"s{i}") for i in range(3)]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("options", [{"transform": "log"}, {"clean": True}])
def test_nodes_of_a_hierarchy_are_forecast_with_the_same_options(options):
    sales = shops()
    options = {"model": "theta", "level": None, **options}
    got = forecast_hierarchy(sales, 3, keys="shop", method="wls", **options)
    bottom = forecast(sales, 3, by="shop", **options)
    top = forecast(sales.groupby("date", as_index=False)["amount"].sum(), 3, **options)
    np.testing.assert_allclose(got["base"].tail(9), bottom["forecast"], rtol=1e-9)
    np.testing.assert_allclose(got["base"].head(3), top["forecast"], rtol=1e-9)
    total = got["forecast"].tail(9).to_numpy().reshape(3, 3).sum(axis=0)
    np.testing.assert_allclose(got["forecast"].head(3), total, rtol=1e-9)


@pytest.mark.parametrize("call", ["impact", "forecast_hierarchy"])
def test_amounts_without_a_logarithm_are_told(call):
    sales = shops()
    sales.loc[7, "amount"] = -1.0
    ask = {
        "impact": lambda x, **more: impact(x, start="2024-07-01", by="shop", **more),
        "forecast_hierarchy": lambda x, **more: forecast_hierarchy(x, 2, keys="shop", **more),
    }[call]
    with pytest.raises(InputError, match=rf"{call}\(\): transform='log' needs positive.*s0"):
        ask(sales, transform="log")
    with pytest.raises(InputError, match="clean"):
        ask(sales, clean="yes")


# --------------------------------------------------------------------------------------
# Rows that come again


def test_months_that_are_known_are_not_added_up_again():
    sales = shops()
    held = Forecaster(by="shop", model="naive").fit(sales)
    with pytest.raises(InputError, match=r"new has 6 row\(s\) .*'s0 / 2024-11-01'"):
        held.update(sales[sales["date"] >= "2024-11-01"])
    assert len(held.history_) == len(sales)
    new = sales.head(1).assign(date=pd.Timestamp("2025-01-01"))
    with pytest.raises(InputError, match=r"new has 1 row\(s\)"):
        held.update(pd.concat([new, new]), refit=False)
    text = new.assign(date="2024-12-01")
    with pytest.raises(InputError, match=r"new has 1 row\(s\)"):
        held.update(text)
    held.update(new, refit=False)
    assert held.predict(1)["forecast"].iloc[0] == new["amount"].item()


def test_a_value_that_was_missing_may_come_later_and_orders_may_share_a_day():
    sales = growing(30)
    late = sales.tail(1)
    early = sales.assign(amount=sales["amount"].where(sales["date"] < late["date"].item()))
    got = Forecaster(model="naive").fit(early).update(late).predict(1)
    assert got["forecast"].item() == pytest.approx(late["amount"].item())
    orders = pd.concat([sales, sales.head(3)])
    held = Forecaster(model="naive", freq="M").fit(orders).update(late)
    assert held.predict(1)["forecast"].item() == pytest.approx(2 * late["amount"].item())


# --------------------------------------------------------------------------------------
# Tables of accuracy as a planner asks for them


def judged(n=6):
    """Two shops and their total (no name), two cutoffs, two models."""
    rng = np.random.default_rng(0)
    rows = [
        (shop, cut, model, step, 100.0 + rng.integers(50), 100.0 + rng.integers(50))
        for shop in ("a", "b", None)
        for cut in ("2024-12-01", "2025-01-01")
        for model in ("m", "n")
        for step in range(1, n + 1)
    ]
    frame = pd.DataFrame(rows, columns=["shop", "cutoff", "model", "step", "actual", "forecast"])
    frame["date"] = pd.to_datetime(frame["cutoff"]) + pd.to_timedelta(31 * frame["step"], unit="D")
    return frame


@pytest.mark.parametrize("by", ["model", "step", None, ["model", "step"], "cutoff"])
def test_series_are_counted_once_and_the_total_is_one(by):
    table = judged()
    got = accuracy(table, by=by)
    assert (got["series"] == 3).all()
    loss = 200 * (table["actual"] - table["forecast"]).abs() / (table["actual"] + table["forecast"])
    names = [] if by is None else [by] if isinstance(by, str) else by
    runs = table.assign(loss=loss, shop=table["shop"].fillna("all"))
    runs = runs.groupby(list(dict.fromkeys([*names, "shop", "model", "cutoff"])))["loss"].mean()
    want = [runs.mean()] if by is None else runs.groupby(names).mean()
    np.testing.assert_allclose(got["smape"], want)


def test_naive_forecasts_do_not_know_more_where_it_is_reported_by_date():
    """Without cutoffs the first date predicted tells, not the first one of each row reported."""
    history = growing(60)
    made = history.tail(6).rename(columns={"amount": "actual"}).assign(forecast=200.0)
    whole = accuracy(made, history=history)
    each = accuracy(made, history=history, by="date")
    size = made["actual"].to_numpy()
    added = (each["fva"] * size).sum() / size.sum()
    assert added == pytest.approx(whole["fva"].item(), rel=1e-12)
    assert each["mase"].mean() == pytest.approx(whole["mase"].item(), rel=1e-12)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bars_say_what_they_are_reported_by(lang):
    history = pd.concat([growing(40).assign(shop=s) for s in ("a", "b")])
    tried = backtest(history, 2, by="shop", models=["naive", "mean"])
    told = accuracy(tried, history=history, by=("model", "shop"))
    ax = plots.accuracy_against_naive(told, lang=lang)
    labels = [x.get_text() for x in ax.get_yticklabels()]
    assert len(set(labels)) == 4
    assert sum(x.endswith(" · a") for x in labels) == 2
