"""What a call may know: amounts that are missing, days after ``as_of``, periods not yet over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import (
    Forecaster,
    accuracy,
    backtest,
    compare_models,
    components,
    forecast,
    forecast_ending,
    forecast_hierarchy,
    forecast_new,
    forecast_sparse,
    impact,
)

MONTHS = pd.date_range("2022-01-01", periods=30, freq="MS")


def orders(keys: str = "ab", *, until: str = "2024-06-10", every: int = 1) -> pd.DataFrame:
    """Transactions by day, some receipts each."""
    rng = np.random.default_rng(4)
    days = pd.date_range("2022-01-03", until, freq=f"{every}D")
    parts = [
        pd.DataFrame({"k": k, "date": days, "amount": rng.gamma(9, 10, len(days)).round(2)})
        for k in keys
    ]
    return pd.concat(parts, ignore_index=True)


def month(rest: str, amounts: object) -> pd.DataFrame:
    return pd.DataFrame({"k": rest, "date": MONTHS, "amount": amounts})


# --------------------------------------------------------------------------------------
# A missing amount is not known, whatever a period without rows means


def test_a_missing_amount_is_no_zero_where_periods_without_rows_are():
    amounts = 100.0 + np.arange(30.0)
    amounts[10:14] = np.nan
    sales = month("a", amounts)
    known = np.nanmean(amounts)
    got = forecast(sales, 1, gaps="zero", model="mean", level=None)
    assert got["forecast"].tolist() == pytest.approx([known])
    without = forecast(sales.dropna(), 1, gaps="zero", model="mean", level=None)
    assert without["forecast"].tolist() == pytest.approx([known * 26 / 30])
    assert len(components(sales, gaps="zero")) == 26


def test_missing_amounts_at_the_end_are_waited_for():
    amounts = 100.0 + np.arange(30.0)
    amounts[27:] = np.nan
    got = forecast(month("a", amounts), 2, gaps="zero", model="naive", level=None)
    assert got["forecast"].tolist() == [126.0, 126.0]
    assert got["date"].iloc[0] == pd.Timestamp("2024-07-01")


def test_scales_of_accuracy_leave_missing_amounts_out():
    amounts = np.tile([100.0, 110.0], 15)
    amounts[[5, 6, 11]] = np.nan
    seen = pd.DataFrame({"date": ["2024-07-01"], "forecast": [105.0], "actual": [100.0]})
    options = {"history": month("a", amounts)[["date", "amount"]], "season_length": 1}
    got = accuracy(seen, gaps="zero", **options)
    assert got["mase"].tolist() == pytest.approx([0.5])  # every known change is of 10
    assert got["rmsse"].tolist() == pytest.approx([0.5])


# --------------------------------------------------------------------------------------
# as_of: what comes after it is not there

SOLD = orders("abcd", every=2).assign(kind="x", price=lambda f: f["date"].dt.year - 2000.0)
NEW = pd.DataFrame({"k": ["n"], "launch": ["2024-07-01"], "kind": ["x"], "price": [22.0]})
BEGAN = pd.to_datetime(SOLD["k"].map({"a": "2022-01-01", "b": "2022-05-01", "c": "2022-09-01",
                                      "d": "2023-04-01"}))  # fmt: skip


@pytest.mark.parametrize("partial", ["keep", "scale"])
def test_days_after_as_of_teach_no_calendar(partial):
    sales = orders(until="2024-06-30")
    options = {"as_of": "2024-06-10", "partial": partial, "calendar": "CN", "freq": "M"}
    cut = sales[sales["date"] <= "2024-06-10"]
    call = {"by": "k", "model": "naive", "level": None}
    pd.testing.assert_frame_equal(
        forecast(sales, 2, **call, **options), forecast(cut, 2, **call, **options)
    )
    pd.testing.assert_frame_equal(components(sales, **options), components(cut, **options))
    mine = {"calendar": "CN", "freq": "M", "partial": partial, "as_of": "2024-06-10"}
    model = Forecaster(**call, **mine)
    pd.testing.assert_frame_equal(model.fit(sales).predict(2), model.fit(cut).predict(2))


def test_days_that_are_still_to_come_are_no_days_without_sales():
    """A month of ten days, half of it over: what a day is worth is as the days before say."""
    sales = orders("a", until="2024-06-10")
    half = components(sales, calendar="CN", freq="M", partial="keep")
    over = components(sales[sales["date"] < "2024-06-01"], calendar="CN", freq="M")
    got, usual = half["holiday"].iloc[:29], over["holiday"]
    assert np.abs(got - usual).max() < 0.01 * sales["amount"].sum() / 29


def test_attributes_of_products_are_those_known_by_as_of():
    old = SOLD[SOLD["date"] >= BEGAN]
    options = {"by": "k", "attributes": ["kind", "price"], "freq": "M"}
    options |= {"as_of": "2023-06-30", "level": None}
    cut = old[old["date"] <= "2023-06-30"]
    pd.testing.assert_frame_equal(
        forecast_new(old, NEW, 3, n_analogues=2, **options),
        forecast_new(cut, NEW, 3, n_analogues=2, **options),
    )


def test_an_item_may_change_its_kind_after_as_of():
    rare = orders("abc", every=70)
    late = rare["date"] > "2024-01-01"
    moved = rare.assign(kind=np.where(late & (rare["k"] == "a"), "y", "x"))
    got = forecast_sparse(
        moved, 1, by="k", within="kind", freq="M", as_of="2023-12-31", model="mean", level=None
    )
    assert set(got["status"]) == {"pooled"}


# --------------------------------------------------------------------------------------
# A product whose only rows are in the period that is not over


@pytest.mark.parametrize("name", ["0", "z"])  # first and last in the order of keys
@pytest.mark.filterwarnings("ignore::salesmgmt.errors.DataWarning")
def test_a_product_of_this_month_has_no_past(name):
    old = orders()
    fresh = pd.DataFrame({"k": name, "date": pd.to_datetime(["2024-06-03"] * 2), "amount": 5.0})
    sales = pd.concat([old, fresh], ignore_index=True)
    options = {"by": "k", "freq": "M", "models": "mean", "level": None, "windows": 2}
    pd.testing.assert_frame_equal(backtest(sales, 2, **options), backtest(old, 2, **options))
    start = {"a": "2024-01-01"}
    options = {"by": "k", "freq": "M", "model": "mean", "start": start, "placebos": 0}
    pd.testing.assert_frame_equal(impact(sales, **options), impact(old, **options))
    others = {**options, "controls": "others"}
    pd.testing.assert_frame_equal(impact(sales, **others), impact(old, **others))
    with pytest.raises(InputError, match=f"no period before their start, first {name}"):
        impact(sales, **{**options, "start": "2024-01-01"})


@pytest.mark.parametrize("name", ["0", "z"])
@pytest.mark.filterwarnings("ignore::salesmgmt.errors.DataWarning")
def test_a_hierarchy_takes_a_product_of_this_month(name):
    old = orders()
    fresh = pd.DataFrame({"k": name, "date": pd.to_datetime(["2024-06-03"] * 2), "amount": 5.0})
    options = {"keys": "k", "freq": "M", "model": "mean", "level": None, "method": "wls"}
    got = forecast_hierarchy(pd.concat([old, fresh]), 2, **options)
    rest = forecast_hierarchy(old, 2, **options)
    mine = got["k"] == name
    assert got.loc[mine, "forecast"].tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    np.testing.assert_allclose(got.loc[~mine, "forecast"], rest["forecast"], rtol=1e-9)


# --------------------------------------------------------------------------------------
# Other things that would be wrong without a word


def test_a_refused_history_leaves_the_forecaster_as_it_was():
    model = Forecaster(model="naive", level=None, transform="log")
    model.fit(month("a", np.linspace(10, 40, 30)))
    before = model.predict(1)
    bad = pd.DataFrame({"date": pd.to_datetime(["2024-07-01"]), "amount": -5.0})
    with pytest.raises(InputError, match="needs positive amounts"):
        model.update(bad, refit=False)
    pd.testing.assert_frame_equal(model.predict(1), before)
    with pytest.raises(InputError, match="needs positive amounts"):
        model.fit(month("a", -1.0))
    pd.testing.assert_frame_equal(model.predict(1), before)


def test_a_model_that_says_a_month_twice_is_refused():
    def own(past: pd.DataFrame, horizon: int) -> pd.DataFrame:
        dates = pd.date_range(past["date"].max(), periods=horizon + 1, freq="MS")
        return pd.DataFrame({"date": dates[[2, 2, 3]], "forecast": 1.0})  # the first is lacking

    with pytest.raises(InputError, match=r"'own' gave 1 row\(s\) more than one for a key and per"):
        backtest(month("a", 1.0 * np.arange(30)), 3, windows=1, models={"own": own}, level=None)


def test_an_attribute_that_is_the_same_everywhere_does_not_choose_analogues():
    """Ten of each kind; means of 0.1 differ by rounding, which is no difference of products."""
    parts = [month("first", 5.0).assign(kind="x")]
    parts += [
        month(f"p{i}", 10.0 if i % 2 else 1000.0).assign(kind="uv"[i % 2 == 0]).iloc[3 + i :]
        for i in range(8)
    ]
    old = pd.concat(parts, ignore_index=True).assign(price=0.1)
    for price in (0.1, 0.2):
        new = pd.DataFrame({"k": ["n"], "launch": ["2024-07-01"], "kind": ["u"], "price": [price]})
        got = forecast_new(old, new, 2, by="k", attributes=["price", "kind"], n_analogues=4,
                           season_length=1, level=None)  # fmt: skip
        assert got["forecast"].tolist() == [10.0, 10.0]
        assert got["analogues"].tolist() == [4, 4]


def test_steps_are_counted_where_predictions_do_not_tell_them():
    amounts = np.random.default_rng(2).normal(0, 9, 30).cumsum()
    made = backtest(month("a", amounts)[["date", "amount"]], 6, models=("naive", "mean"))
    whole = compare_models(made, reference="naive")
    bare = compare_models(made.drop(columns="step"), reference="naive")
    pd.testing.assert_frame_equal(bare, whole)


@pytest.mark.parametrize("level", [(80, 80.0000001), 99.9999999])
def test_levels_that_would_share_a_column_are_refused(level):
    with pytest.raises(InputError, match="columns named by six digits cannot tell apart"):
        forecast(month("a", 1.0), 1, level=level)


def test_options_of_a_hierarchy_are_checked_before_any_work():
    with pytest.raises(InputError, match=r"forecast_hierarchy\(\): non_negative must be True or"):
        forecast_hierarchy(orders(), 2, keys="k", non_negative="x")


def test_a_record_without_gaps_is_the_same_whatever_gaps_mean():
    """Days on which a holiday leaves next to nothing tell nothing of the level, no zeros."""
    rng = np.random.default_rng(8)
    days = pd.date_range("2021-01-01", "2023-06-30")
    amount = rng.gamma(90, 1, len(days)) * np.where(days.strftime("%m-%d") == "12-25", 1e-3, 1)
    sales = pd.DataFrame({"date": days, "amount": amount})
    options = {"calendar": "US", "model": "mean", "level": None}
    pd.testing.assert_frame_equal(
        forecast(sales, 7, gaps="zero", **options), forecast(sales, 7, gaps="missing", **options)
    )


@pytest.mark.parametrize("gaps", ["zero", "missing"])
@pytest.mark.filterwarnings("ignore:.*lack the newest period:salesmgmt.errors.DataWarning")
def test_sums_are_not_made_without_a_missing_part(gaps):
    sales = pd.concat([month("a", 100.0), month("b", 50.0)], ignore_index=True)
    sales.loc[(sales["k"] == "b") & sales["date"].isin(MONTHS[[7, 28, 29]]), "amount"] = np.nan
    made = forecast_hierarchy(sales, 1, keys="k", model="mean", level=None, gaps=gaps)
    assert made["base"].tolist() == pytest.approx([150.0, 100.0, 50.0])
    seen = pd.DataFrame({"k": [None] * 2, "date": MONTHS[[27, 28]], "forecast": 150.0})
    with pytest.warns(DataWarning, match="no value yet for 1 of 2"):
        got = accuracy(seen, history=sales, gaps=gaps)
    assert got["mae"].tolist() == [0.0]


# --------------------------------------------------------------------------------------
# How products ended


def ended(sales: pd.DataFrame, ends: list[str], **options: object) -> list[float]:
    """What remains of the last key's forecast in the months up to its end at December."""
    table = pd.DataFrame({"k": list("abcd"), "end": [*ends, "2024-12-31"]})
    dates = pd.date_range("2024-07-01", "2024-12-01", freq="MS")
    ahead = pd.DataFrame({"k": "d", "date": dates, "forecast": 1.0})
    made = forecast_ending(ahead, sales, table, by="k", freq="M", **options)
    return made["remaining"].tolist()


def test_an_end_in_a_month_that_is_not_over_teaches_nothing_yet():
    days = pd.date_range("2023-01-01", "2024-06-10")
    sales = pd.concat([pd.DataFrame({"k": k, "date": days, "amount": 10.0}) for k in "abcd"])
    straight = [0.75, 0.5, 0.25]
    assert ended(sales, ["2024-06-30"] * 3, ramp=3) == [1.0, 1.0, 1.0, *straight]


def test_slow_sellers_that_sold_on_as_before_had_no_way_down():
    """Every other month, to the end: a month without a row sold nothing before it as in it."""
    months = pd.date_range("2021-01-01", "2024-06-01", freq="MS")
    parts = [pd.DataFrame({"k": k, "date": months[i % 2 :: 2], "amount": 10.0})
             for i, k in enumerate("abcd")]  # fmt: skip
    sales = pd.concat(parts, ignore_index=True)
    sales = sales[(sales["k"] == "d") | (sales["date"] <= "2023-12-01")]
    more = sales[sales["k"] == "b"].assign(k="e")  # as many on either beat
    table = pd.DataFrame({"k": list("abced"), "end": ["2023-12-31"] * 4 + ["2024-12-31"]})
    ahead = pd.DataFrame({"k": "d", "date": MONTHS[-6:] + pd.DateOffset(months=6), "forecast": 1.0})
    made = forecast_ending(ahead, pd.concat([sales, more]), table, by="k", ramp=4, freq="M")
    assert made["remaining"].tolist() == [1.0] * 6
