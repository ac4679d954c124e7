"""What the forecast desk refuses at its doors, and what it must not refuse."""

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
    forecast,
    forecast_hierarchy,
)

MONTHS = pd.date_range("2021-01-01", periods=36, freq="MS")
SPLIT = "2023-07-01"


def shops(keys: str = "abc") -> pd.DataFrame:
    rng = np.random.default_rng(11)
    parts = [
        pd.DataFrame({"k": k, "date": MONTHS, "amount": rng.normal(100, 9, len(MONTHS)).round(2)})
        for k in keys
    ]
    return pd.concat(parts, ignore_index=True)


# --------------------------------------------------------------------------------------
# Judging


def naive_scale(y: np.ndarray) -> float:
    """Mean absolute change over twelve months."""
    return float(np.abs(y[12:] - y[:-12]).mean())


@pytest.mark.parametrize("chosen", [(1, 4, None), (3, 3, 3)])
def test_windows_further_apart_than_their_horizon_are_judged(chosen):
    horizon, step, only = chosen
    sales = shops("a")
    tried = backtest(sales, horizon, windows=3, step=step, by="k", models="naive", level=None)
    tried = tried if only is None else tried[tried["step"] == only]
    got = accuracy(tried, history=sales)["mase"].item()
    want = []
    for cut, part in tried.groupby("cutoff"):
        past = sales.loc[sales["date"] <= cut, "amount"].to_numpy()
        want.append((part["forecast"] - part["actual"]).abs().mean() / naive_scale(past))
    assert got == pytest.approx(np.mean(want))
    quarters = backtest(sales, 2, windows=2, freq="Q", by="k", models="naive", level=None)
    with pytest.raises(InputError, match="give their freq="):  # summed to months, it seems
        accuracy(quarters, history=sales)


def test_a_key_that_the_history_lacks_is_told():
    sales = shops()
    tried = backtest(sales, 3, windows=2, by="k", freq="M", models="naive", level=None)
    with pytest.raises(InputError, match="no column 'k', by which predictions"):
        accuracy(tried, history=sales.drop(columns="k"), freq="M")
    # what tells nothing apart is no key
    named = accuracy(tried.assign(note="x"), history=sales, freq="M")
    pd.testing.assert_frame_equal(named, accuracy(tried, history=sales, freq="M"))
    only = tried[tried["k"] == "a"]
    own = sales[sales["k"] == "a"]
    assert accuracy(only, history=own.drop(columns="k"), freq="M")["mase"].item() == pytest.approx(
        accuracy(only, history=own, freq="M")["mase"].item()
    )


def test_nodes_are_reported_by_their_keys():
    sales = shops().assign(r="east")
    made = forecast_hierarchy(sales[sales["date"] < SPLIT], 3, keys=["r", "k"], freq="M")
    got = accuracy(made, history=sales, by=["r", "k"], freq="M")
    assert got["k"].isna().tolist() == [True, False, False, False] * 2  # all first
    assert got["r"].isna().tolist() == [True] * 4 + [False] * 4
    assert (got["n"] == 3).all()
    for node in (got.iloc[0], got.iloc[6]):
        same = [made[c].isna() if pd.isna(node[c]) else made[c] == node[c] for c in ("r", "k")]
        alone = accuracy(made[same[0] & same[1]], history=sales, freq="M").iloc[0]
        assert node[["mase", "wape", "fva"]].tolist() == alone[["mase", "wape", "fva"]].tolist()
    with pytest.raises(InputError, match="'model' is missing in 1 row"):
        accuracy(made.assign(model=[None] + ["m"] * (len(made) - 1)), history=sales, freq="M")


def test_a_forecast_made_within_its_period_is_not_scaled_by_what_came():
    sales = shops("a")
    made = pd.DataFrame({"k": "a", "date": MONTHS[-3:], "forecast": [90.0, 95.0, 100.0]})
    made["cutoff"] = MONTHS[-3] + pd.Timedelta(days=11)  # half of the first month is known
    got = accuracy(made, history=sales, freq="M")
    past = sales["amount"].to_numpy()[:-3]
    away = np.abs(made["forecast"].to_numpy() - sales["amount"].to_numpy()[-3:]).mean()
    assert got["mase"].item() == pytest.approx(away / naive_scale(past))
    made["cutoff"] = MONTHS[-1]
    with pytest.raises(InputError, match="2 of 3 predictions are of periods before their own"):
        accuracy(made, history=sales, freq="M")


def test_a_history_without_amounts_has_nothing_to_compare_with():
    with pytest.raises(InputError, match="holds no amount: all of its 36"):
        backtest(shops("a").assign(amount=np.nan), 2, by="k", models="naive")
    late = shops("a").assign(amount=lambda t: t["amount"].where(t["date"] >= MONTHS[30]))
    with pytest.raises(InputError, match="need 7 periods; history has 6"):
        backtest(late, 2, by="k", models="naive")


def test_what_a_model_of_ones_own_returns_is_read_as_numbers_and_keys_of_the_history():
    sales = shops().assign(k=lambda t: t["k"].astype("category"))

    def own(history: pd.DataFrame, horizon: int) -> pd.DataFrame:
        made = forecast(history, horizon, by="k", freq="M", model="naive", level=[80])
        text = made[["forecast", "lo_80", "hi_80"]].astype(str)
        return made.assign(**text, k=made["k"].astype(str)).iloc[::-1]

    ask = {"windows": 2, "by": "k", "freq": "M", "level": [80]}
    got = backtest(sales, 3, models={"naive": own}, **ask)
    pd.testing.assert_frame_equal(got, backtest(sales, 3, models="naive", **ask))
    numbers = sales.assign(k=sales["k"].cat.codes.astype("int64"))
    with pytest.raises(InputError, match="holds numbers in history and text in what model 'mine'"):
        backtest(numbers, 3, models={"mine": own}, **ask)


def test_an_actual_value_that_is_a_guess_is_told(recwarn):
    days = pd.date_range("2023-01-01", "2024-03-20")
    sales = pd.DataFrame({"date": days, "amount": 10.0})
    ask = {"windows": 1, "freq": "M", "models": "naive", "level": None}
    with pytest.warns(DataWarning, match="judged by a guess"):
        assert backtest(sales, 1, partial="scale", **ask)["actual"].item() == pytest.approx(310.0)
    whole = backtest(sales, 1, partial="scale", as_of="2024-02-29", **ask)
    assert whole["actual"].item() == 290.0
    assert not recwarn.list


# --------------------------------------------------------------------------------------
# Fitting and updating


def test_drivers_are_looked_at_when_fitting():
    sales = shops().assign(price=2.0)
    with pytest.raises(InputError, match=r"Forecaster.fit\(\): history has no column 'prize'"):
        Forecaster(by="k", exog="prize").fit(sales)
    with pytest.raises(InputError, match=r"Forecaster.fit\(\): exog names 'amount'"):
        Forecaster(by="k", exog="amount").fit(sales)
    with pytest.raises(InputError, match="'price' is not a finite number in 1 row"):
        Forecaster(by="k", exog="price").fit(sales.assign(price=[np.inf] + [2.0] * 107))


def test_newer_rows_are_checked_as_the_callers_own():
    sales = shops()
    old, new = (sales[sales["date"].lt(SPLIT) == first] for first in (True, False))
    model = Forecaster(by="k", freq="M", model="naive", level=None).fit(old)
    first = new.index[0]
    bad = new.assign(amount=new["amount"].where(new.index != first, np.inf))
    with pytest.raises(InputError, match=rf"update\(\): new: .*'amount'.*\(row {first}: inf\)"):
        model.update(bad)
    with pytest.raises(InputError, match="2 columns named 'amount'"):
        model.update(pd.concat([new, new[["amount"]]], axis=1))
    whole = model.update(new).predict(2)
    pd.testing.assert_frame_equal(
        whole, forecast(sales, 2, by="k", freq="M", model="naive", level=None)
    )


@pytest.mark.parametrize("kind", ["category", "str"])
def test_categories_stay_categories(kind):
    sales = shops()
    old, new = (sales[sales["date"].lt(SPLIT) == first] for first in (True, False))
    old = old[old["k"] != "c"].assign(k=lambda t: pd.Categorical(t["k"], categories=["b", "a"]))
    model = Forecaster(by="k", freq="M", model="naive", level=None).fit(old)
    got = model.update(new[new["k"] != "a"].astype({"k": kind})).predict(1)
    assert got["k"].cat.categories.tolist() == ["b", "a", "c"]
    assert set(got["k"]) == {"a", "b", "c"}


def test_newer_rows_that_as_of_leaves_out_are_told():
    sales = shops()
    old, new = (sales[sales["date"].lt(SPLIT) == first] for first in (True, False))
    model = Forecaster(by="k", freq="M", model="naive", level=None, as_of="2023-06-30").fit(old)
    with pytest.warns(DataWarning, match="18 of 18 rows of new are later than as_of 2023-06-30"):
        model.update(new)
    assert model.predict(1)["date"].min() == pd.Timestamp(SPLIT)
    later = Forecaster(by="k", freq="M", model="naive", level=None, as_of="2023-06-30").fit(old)
    got = later.set_params(as_of="2023-12-31").update(new).predict(1)
    assert got["date"].tolist() == [pd.Timestamp("2024-01-01")] * 3


def test_newer_rows_that_change_the_frequency_are_told():
    sundays = pd.date_range("2022-01-02", periods=60, freq="7D")
    weeks = pd.DataFrame({"date": sundays, "amount": 10.0})
    late = weeks.tail(4).assign(date=lambda t: t["date"] + pd.Timedelta(days=1))
    model = Forecaster(model="naive", level=None, partial="keep").fit(weeks.head(56))
    with pytest.warns(DataWarning, match="freq='W' and, with the newer rows, are now by freq='M'"):
        model.update(late)
    kept = Forecaster(model="naive", level=None, partial="keep", freq="W").fit(weeks.head(56))
    assert kept.update(late).predict(1)["forecast"].item() == 10.0


def test_keys_of_another_kind_are_no_newer_rows():
    sales = shops().assign(k=lambda t: t["k"].map({"a": 1, "b": 2, "c": 3}))
    old, new = (sales[sales["date"].lt(SPLIT) == first] for first in (True, False))
    model = Forecaster(by="k", freq="M", model="naive").fit(old)
    with pytest.raises(InputError, match="'k' holds numbers in the history and text in new"):
        model.update(new.assign(k=new["k"].astype(str)))


@pytest.mark.parametrize("text", ["old", "new"])
@pytest.mark.parametrize("refit", [True, False])
def test_dates_as_text_beside_dates(text, refit):
    sales = shops()
    part = dict(zip(("old", "new"), (sales[sales["date"].lt(SPLIT) == x] for x in (True, False))))
    part[text] = part[text].assign(date=part[text]["date"].dt.strftime("%Y-%m-%d"))
    model = Forecaster(by="k", freq="M", model="naive", level=None).fit(part["old"])
    got = model.update(part["new"], refit=refit).predict(2)
    pd.testing.assert_frame_equal(
        got, forecast(sales, 2, by="k", freq="M", model="naive", level=None)
    )


def test_a_calendar_without_a_name_is_not_that_of_china():
    with pytest.raises(InputError, match="calendar must be an ISO 3166 code"):
        forecast(shops("a"), 1, by="k", calendar="")


@pytest.mark.parametrize("name", ["_at", "_series"])
def test_names_of_columns_that_are_made_inside_are_refused(name):
    sales = shops().assign(price=2.0)
    with pytest.raises(InputError, match=f"by names '{name}'.*rename"):
        backtest(sales.rename(columns={"k": name}), 2, by=name, models="naive", refit=False)
    with pytest.raises(InputError, match=f"exog names '{name}'.*rename yours"):
        forecast(sales.rename(columns={"price": name}), 1, by="k", exog=name)


def test_groups_of_a_comparison_are_not_named_like_its_columns():
    tried = backtest(shops(), 2, by="k", models=("naive", "mean"), level=None)
    with pytest.raises(InputError, match="by names 'n', which is a column of the result"):
        compare_models(tried.rename(columns={"k": "n"}), reference="mean", by="n")


# --------------------------------------------------------------------------------------
# Days and hours that are not over


@pytest.mark.parametrize(("every", "freq", "size"), [("h", "D", 24), ("10min", "h", 6)])
def test_a_last_day_or_hour_that_breaks_off_is_not_over(every, freq, size):
    readings = pd.date_range("2024-01-01", periods=size * 30 + size // 2, freq=every)
    sales = pd.DataFrame({"date": readings, "amount": 1.0})
    ask = {"freq": freq, "model": "naive", "level": None}
    with pytest.warns(DataWarning, match=f"{'hour' if freq == 'h' else 'day'} has readings until"):
        dropped = forecast(sales, 1, **ask)
    scaled = forecast(sales, 1, partial="scale", **ask)
    assert dropped["forecast"].item() == scaled["forecast"].item() == size
    assert scaled["date"].item() - dropped["date"].item() == pd.Timedelta(1, freq)
    kept = [forecast(sales, 1, partial="keep", **ask)["forecast"].item()]
    kept.append(forecast(sales, 1, as_of=readings[-1], **ask)["forecast"].item())
    assert kept == [size / 2, size / 2]


def test_a_key_that_is_read_later_in_the_day_breaks_nothing_off(recwarn):
    days = pd.date_range("2024-01-01", periods=40)
    early = pd.DataFrame({"k": "a", "date": days, "amount": 1.0})
    late = pd.DataFrame({"k": "b", "date": days[:-1] + pd.Timedelta(hours=12), "amount": 1.0})
    both = pd.concat([early, late])
    got = forecast(both, 1, by="k", freq="D", model="naive", level=None)
    assert got["date"].tolist() == [pd.Timestamp("2024-02-10"), pd.Timestamp("2024-02-09")]
    assert not recwarn.list


def test_receipts_and_shorter_days_break_nothing_off(recwarn):
    rng = np.random.default_rng(3)
    days = np.repeat(pd.date_range("2024-01-01", periods=60), 20)
    clock = pd.to_timedelta(rng.integers(9 * 60, 21 * 60, len(days)), unit="min")
    receipts = pd.DataFrame({"date": days + clock, "amount": 1.0})
    early = receipts.drop(receipts.index[-20:]).iloc[:-5]
    for given in (receipts, early):
        assert len(forecast(given, 1, freq="D", model="naive", level=None)) == 1
    hours = pd.date_range("2024-01-01", "2024-01-28 23:00", freq="h")  # a Sunday
    closing = np.where(hours.day_of_week == 6, 17, 21)
    opened = hours[(hours.hour >= 9) & (hours.hour <= closing)]
    got = forecast(
        pd.DataFrame({"date": opened, "amount": 1.0}), 1, freq="D", model="naive", level=None
    )
    assert got["forecast"].item() == 9.0
    assert not recwarn.list
