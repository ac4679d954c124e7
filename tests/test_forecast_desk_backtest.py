"""Backtests: what was known, what happened, and nothing of the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import accuracy, backtest, forecast, forecast_hierarchy


def panel(series=4, n=40, seed=0):
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2022-01-01", periods=n, freq="MS")
    rows = [
        pd.DataFrame({"shop": f"s{i}", "date": dates, "amount": 50 + rng.gamma(5, 10, n)})
        for i in range(series)
    ]
    return pd.concat(rows, ignore_index=True)


def test_each_window_is_the_forecast_of_that_day():
    sales = panel()
    got = backtest(sales, 3, windows=3, step=2, models=["auto", "naive"], by="shop")
    assert list(got.columns[:6]) == ["cutoff", "model", "shop", "date", "actual", "forecast"]
    cuts = got["cutoff"].drop_duplicates().tolist()
    assert cuts == [
        pd.Timestamp("2024-09-01"),
        pd.Timestamp("2024-11-01"),
        pd.Timestamp("2025-01-01"),
    ]
    for cut in cuts:
        for model in ["auto", "naive"]:
            alone = forecast(sales[sales.date <= cut], 3, by="shop", model=model)
            ours = got[(got.cutoff == cut) & (got.model == model)]
            np.testing.assert_allclose(ours["forecast"], alone["forecast"], rtol=1e-12)
            np.testing.assert_allclose(ours["hi_95"], alone["hi_95"], rtol=1e-12)
    truth = got.merge(sales, on=["shop", "date"])
    np.testing.assert_array_equal(truth["actual"], truth["amount"])
    assert got["step"].tolist()[:3] == [1, 2, 3]


def test_a_poisoned_future_changes_no_forecast():
    sales = panel()
    poisoned = sales.copy()
    late = poisoned.date > "2024-11-01"
    poisoned.loc[late, "amount"] = -1e9
    options = {"windows": 2, "step": 2, "by": "shop", "models": ["auto", "seasonal_naive"]}
    a, b = backtest(sales, 3, **options), backtest(poisoned, 3, **options)
    early = a["cutoff"] <= "2024-11-01"
    assert early.sum() == 24
    spread = ["forecast", "lo_80", "hi_80", "lo_95", "hi_95"]
    pd.testing.assert_frame_equal(a.loc[early, spread], b.loc[early, spread])


def test_row_order_and_index_do_not_matter():
    sales = panel()
    mixed = sales.sample(frac=1, random_state=1).set_axis([7] * len(sales), axis=0)
    a, b = (backtest(x, 2, by="shop", models="auto") for x in (sales, mixed))
    pd.testing.assert_frame_equal(a, b)


def test_own_function_and_combination():
    sales = panel()

    def twice(history, horizon):
        last = history.sort_values("date").groupby("shop").tail(1)
        ahead = [
            last.assign(date=last["date"] + pd.DateOffset(months=k), forecast=2.0 * last["amount"])
            for k in range(1, horizon + 1)
        ]
        return pd.concat(ahead)[["shop", "date", "forecast"]]

    models = {"twice": twice, "two": ["naive", "mean"]}
    got = backtest(sales, 2, windows=1, models=models, by="shop", level=None)
    naive = backtest(sales, 2, windows=1, models="naive", by="shop", level=None)
    ours = got[got.model == "twice"]["forecast"].to_numpy()
    np.testing.assert_allclose(ours, 2 * naive["forecast"])
    assert set(got["model"]) == {"twice", "two"}


def test_short_gappy_and_late_series():
    sales = panel(2)
    late = sales[(sales.shop == "s0") & (sales.date >= "2025-03-01")].assign(shop="late")
    gone = sales[(sales.shop == "s0") & (sales.date < "2024-12-01")].assign(shop="gone")
    both = pd.concat([sales, late, gone])
    with pytest.warns(DataWarning, match=r"2 of 4 series are not judged.*'gone'.*'late'"):
        got = backtest(both, 2, windows=2, by="shop", models="naive", level=None, gaps="missing")
    assert not got[(got.shop == "late") & (got.cutoff < "2025-02-01")].size
    assert not got[got.shop == "gone"].size
    with pytest.warns(DataWarning, match=r"1 of 4 series are not judged.*'late'"):
        zero = backtest(both, 2, windows=2, by="shop", models="naive", level=None, gaps="zero")
    assert (zero[zero.shop == "gone"]["actual"] == 0).all()
    assert (zero[zero.shop == "gone"]["forecast"] == 0).all()


def test_accuracy_by_step_and_value_added():
    sales = panel()
    got = backtest(sales, 3, windows=2, by="shop")
    table = accuracy(got, history=sales, by=("model", "step"))
    assert len(table) == 6
    whole = accuracy(got, history=sales).set_index("model")
    assert whole.loc["seasonal_naive", "fva"] == pytest.approx(0.0, abs=1e-12)
    gain = whole.loc["seasonal_naive", "wape"] - whole.loc["auto", "wape"]
    assert whole.loc["auto", "fva"] == pytest.approx(gain)


def test_too_short_a_history_is_told():
    with pytest.raises(InputError, match=r"3 window\(s\) of 12 period\(s\)"):
        backtest(panel(1, 30), 12)
    with pytest.raises(InputError, match="model must be one of"):
        backtest(panel(1), 2, models="magic")


def test_two_columns_of_one_name_are_told():
    seen = pd.DataFrame([["m", "2025-01-01", 1.0, 2.0, 3, 4]])
    seen.columns = ["model", "date", "actual", "forecast", "x", "x"]
    with pytest.raises(InputError, match="2 columns named 'x'"):
        accuracy(seen)
    with pytest.raises(InputError) as told:
        accuracy(seen.drop(columns=["forecast", "x"]))
    assert "forecast=" not in str(told.value)


def test_naive_forecasts_count_from_the_cutoff_also_where_values_are_missing_before_it():
    quarters = pd.date_range("2018-01-01", periods=28, freq="QS")
    values = np.random.default_rng(3).normal(100, 20, 28).round()
    whole = pd.DataFrame({"date": quarters, "amount": values})
    known, later = whole.iloc[:22], whole.iloc[24:]
    newest = {d.quarter: v for d, v in zip(known["date"], known["amount"], strict=True)}
    made = later.rename(columns={"amount": "actual"}).assign(cutoff=quarters[23], model="own")
    made["forecast"] = [newest[d.quarter] for d in made["date"]]
    got = accuracy(made, history=pd.concat([known, later]))
    assert got["fva"][0] == pytest.approx(0.0, abs=1e-12)


def test_sums_are_judged_by_the_summed_history():
    """Predictions of totals against the same ones of a history summed by hand."""
    rng = np.random.default_rng(3)
    dates = pd.date_range("2022-01-01", periods=36, freq="MS")
    cells = [(r, p) for r in ("a", "b") for p in ("x", "y", "z")]
    sales = pd.concat(
        [
            pd.DataFrame({"region": r, "item": p, "date": dates[3 * k :]}).assign(
                amount=rng.integers(0, 60, 36 - 3 * k).astype(float)
            )
            for k, (r, p) in enumerate(cells)
        ]
    )
    past = sales[sales["date"] < "2024-10-01"]
    keys = ["region", "item"]
    nodes = forecast_hierarchy(past, 3, keys=keys, freq="M", method="wls")
    judged = {"freq": "M", "gaps": "zero", "by": None}
    for level in ([], ["region"], ["item"], keys):
        some = nodes[(nodes[keys].notna() == [k in level for k in keys]).all(axis=1)]
        got = accuracy(some, history=sales, **judged)
        hand = sales.groupby([*level, "date"], as_index=False)["amount"].sum()
        expected = accuracy(some.drop(columns=[k for k in keys if k not in level]), history=hand,
                            **judged)  # fmt: skip
        pd.testing.assert_frame_equal(got, expected)
    whole = accuracy(nodes, history=sales.sample(frac=1, random_state=0), **judged)
    assert whole["series"].item() == 12
    assert whole["mase"].notna().all()
    unknown = nodes.assign(region=nodes["region"].fillna("c"))
    with pytest.raises(InputError, match="history lacks"):
        accuracy(unknown, history=sales, **judged)


def test_a_backtest_of_nodes_is_judged_with_its_cutoffs():
    rng = np.random.default_rng(4)
    dates = pd.date_range("2021-01-01", periods=40, freq="MS")
    sales = pd.DataFrame({"shop": np.repeat(["a", "b"], 40), "date": np.tile(dates, 2)})
    sales["amount"] = rng.integers(20, 60, 80).astype(float)
    total = sales.groupby("date", as_index=False)["amount"].sum()
    tried = backtest(total, 2, windows=3, models="naive").assign(shop=None)
    got = accuracy(tried, history=sales, by=None)
    expected = accuracy(tried.drop(columns="shop"), history=total, by=None)
    pd.testing.assert_frame_equal(got, expected)


def test_a_backtest_of_own_names_is_judged_by_its_own_history():
    dates = pd.date_range("2022-01-01", periods=40, freq="MS")
    amounts = 100 + 10 * np.sin(np.arange(40)) + np.arange(40)
    plain = pd.DataFrame({"region": "a", "date": dates, "amount": amounts})
    options = {"freq": "M", "windows": 2, "models": ["naive"]}
    want = accuracy(backtest(plain, 3, by="region", **options), history=plain, freq="M")
    own = plain.rename(columns={"region": "大区", "date": "日期", "amount": "金额"})
    names = {"date": "日期", "amount": "金额"}
    tried = backtest(own, 3, by="大区", **options, **names)
    assert "date" in tried.columns
    pd.testing.assert_frame_equal(accuracy(tried, history=own, freq="M", **names), want)
    renamed = tried.rename(columns={"date": "日期"})
    pd.testing.assert_frame_equal(accuracy(renamed, history=own, freq="M", **names), want)
