"""Products before their first sale and after their last: tables as catalogues really are."""

import numpy as np
import pandas as pd
import pytest

from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import forecast, forecast_ending, forecast_new, reconcile

MONTHS = pd.date_range("2022-01-01", periods=30, freq="MS")


def sold() -> pd.DataFrame:
    """Eight products that grow to their level within half a year, launched month after month."""
    parts = []
    for i in range(8):
        age = np.arange(1, 30 - 2 * i + 1)
        amount = 100 * (1 + i % 2) * np.minimum(age / 6, 1)
        parts.append(pd.DataFrame({"sku": f"s{i}", "date": MONTHS[2 * i :], "amount": amount}))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(kind=np.where(frame["sku"].str[-1].astype(int) % 2, "B", "A"))


NEW = pd.DataFrame({"sku": ["n"], "launch": ["2024-07-01"], "kind": ["A"], "price": [5.0]})
ASK = {"by": "sku", "season_length": 1, "level": None}


def test_zeros_before_a_first_sale_change_nothing():
    given = sold()
    full = given.pivot(index="date", columns="sku", values="amount").reindex(MONTHS).fillna(0)
    padded = full.stack().rename("amount").rename_axis(["date", "sku"]).reset_index()
    padded = padded.merge(given[["sku", "kind"]].drop_duplicates())
    plain = forecast_new(given, NEW, 6, attributes="kind", n_analogues=3, **ASK)
    zeros = forecast_new(padded, NEW, 6, attributes="kind", n_analogues=3, **ASK)
    pd.testing.assert_frame_equal(plain, zeros)
    np.testing.assert_allclose(plain["forecast"], 100 * np.arange(1, 7) / 6)
    with pytest.raises(InputError, match="no product of history was launched"):
        forecast_new(padded.assign(amount=0.0), NEW, 6, attributes="kind", **ASK)


def test_attributes_that_vary_do_not_follow_the_order_of_rows():
    given = sold()
    price = np.where(given["kind"] == "A", 5.0, 9.0) + np.linspace(-1, 1, len(given))
    given["price"] = price  # of every month its own
    given.loc[given["sku"].eq("s3") & given["date"].eq(MONTHS[-1]), "kind"] = "A"  # one slip
    asked = {"attributes": ["kind", "price"], "n_analogues": 3}
    one = forecast_new(given, NEW, 6, **asked, **ASK)
    for seed in range(3):
        mixed = forecast_new(given.sample(frac=1, random_state=seed), NEW, 6, **asked, **ASK)
        pd.testing.assert_frame_equal(one, mixed)
    np.testing.assert_allclose(one["forecast"], 100 * np.arange(1, 7) / 6)


def test_endings_of_products_nobody_knows_are_told():
    given = sold()
    ahead = forecast(given, 3, by="sku", level=None)
    ends = pd.DataFrame({"sku": ["s1", "slip"], "end": ["2024-08-31", "2024-08-31"]})
    with pytest.warns(DataWarning, match="1 product.*neither in forecasts nor in history.*'slip'"):
        made = forecast_ending(ahead, given, ends, by="sku")
    assert made.loc[made["sku"] == "s1", "remaining"].iloc[-1] == 0


def test_a_wrong_column_is_answered_with_the_option_that_names_it():
    given = sold()
    with pytest.raises(InputError, match="attributes="):
        forecast_new(given, NEW, 6, attributes="colour", **ASK)
    with pytest.raises(InputError, match="keys="):
        reconcile(forecast(given, 1, by="sku"), keys=["sku", "region"], method="ols")


def test_columns_have_the_callers_names():
    given = sold().rename(columns={"sku": "产品"})
    new = NEW.rename(columns={"sku": "产品", "launch": "上市"})
    asked = {**ASK, "by": ["产品"], "attributes": "kind", "n_analogues": 3}
    made = forecast_new(given, new, 6, launch="上市", **asked)
    np.testing.assert_allclose(made["forecast"], 100 * np.arange(1, 7) / 6)
    with pytest.raises(InputError, match=r"launches has no column 'launch'.*with launch="):
        forecast_new(given, new, 6, **asked)
    with pytest.raises(InputError, match="by must name one column"):
        forecast_new(given, new, 6, launch="上市", **{**asked, "by": ["产品", "kind"]})
    ahead = forecast(given, 3, by="产品", level=None)
    ends = pd.DataFrame({"产品": ["s1"], "停售": ["2024-08-31"]})
    made = forecast_ending(ahead, given, ends, by=["产品"], end="停售")
    assert made.loc[made["产品"] == "s1", "remaining"].iloc[-1] == 0


def test_attributes_that_cannot_be_compared_are_told():
    given = sold().assign(price=5.0)
    strange = NEW.assign(kind="Z")
    with pytest.warns(DataWarning, match=r"1 product.*'kind' that no launched.*'n' \('Z'\)"):
        forecast_new(given, strange, 6, attributes="kind", **ASK)
    with pytest.raises(InputError, match="'price' holds numbers in history and no numbers in"):
        forecast_new(given, NEW.assign(price="cheap"), 6, attributes="price", **ASK)


def test_launches_month_after_month_are_no_season():
    rng = np.random.default_rng(3)
    parts = []
    for i in range(10):
        amount = np.r_[10.0, 20.0, np.full(16, 40.0)] * np.exp(rng.normal(0, 0.03, 18))
        dates = pd.date_range(MONTHS[0] + pd.DateOffset(months=2 * i), periods=18, freq="MS")
        parts.append(pd.DataFrame({"sku": f"s{i}", "date": dates, "amount": amount}))
    given = pd.concat(parts, ignore_index=True).assign(kind="A")
    new = NEW.assign(launch=given["date"].max() + pd.DateOffset(months=1))
    made = forecast_new(given, new, 6, by="sku", attributes="kind", level=None)
    np.testing.assert_allclose(made["forecast"], [10, 20, 40, 40, 40, 40], rtol=0.06)


def test_attributes_are_finite_numbers_of_any_kind():
    from decimal import Decimal

    given = sold().assign(price=lambda d: 5.0 + d["sku"].str[-1].astype(int))
    asked = {"attributes": "price", "n_analogues": 2}
    plain = forecast_new(given, NEW, 3, **asked, **ASK)
    exact = given.assign(price=[Decimal(str(x)) for x in given["price"]])
    pd.testing.assert_frame_equal(forecast_new(exact, NEW, 3, **asked, **ASK), plain)
    for old, new, where in (
        (given, NEW.assign(price=np.inf), "launches: attribute 'price'.*1 row"),
        (given.assign(price=given["price"].where(given["sku"] != "s1", np.inf)), NEW, "history:"),
    ):
        with pytest.raises(InputError, match=where):
            forecast_new(old, new, 3, **asked, **ASK)
