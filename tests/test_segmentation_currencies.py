"""Amounts of different currencies are never added; a table in one currency is as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import InputError
from salesmgmt import segmentation as seg

YEARS = [("2023-01-01", "2023-12-31"), ("2024-01-01", "2024-12-31")]


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 900
    return pd.DataFrame({
        "customer_id": rng.integers(0, 80, n),
        "date": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 730, n), "D"),
        "amount": np.round(rng.gamma(2, 50, n), 2), "quantity": rng.integers(1, 9, n),
        "product": rng.choice(list("pqr"), n), "currency": rng.choice(["CNY", "USD"], n),
    })  # fmt: skip


MARKET = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=8, freq="QS"), "amount": 9e5})
SPRING = pd.DataFrame({"promotion": ["s"], "product": ["p"], "start": ["2024-03-01"],
                       "end": ["2024-03-21"]})  # fmt: skip
CALLS = {
    "rfm": seg.rfm,
    "RFMSegmenter": lambda f: seg.RFMSegmenter().fit(f),
    "cohorts": seg.cohorts,
    "lifecycle": seg.lifecycle,
    "purchases": seg.purchases,
    "clv": lambda f: seg.clv(f, model="bgnbd"),
    "abc": lambda f: seg.abc(f, item="product", value="amount"),
    "whale_curve": seg.whale_curve,
    "churn_risk": seg.churn_risk,
    "next_purchase": lambda f: seg.next_purchase(f, horizon=30),
    "portfolio": lambda f: seg.portfolio(f, product="product", periods=YEARS),
    "market_share": lambda f: seg.market_share(f, MARKET),
    "promotion_effect": lambda f: seg.promotion_effect(f, SPRING, scope="product"),
}


@pytest.mark.parametrize("name", CALLS)
def test_two_currencies_are_never_added(name, sales):
    told = rf"{name}.*2 currencies \(CNY, USD\)"
    with pytest.raises(InputError, match=told):
        CALLS[name](sales)
    with pytest.raises(InputError, match=told):
        CALLS[name](sales.astype({"currency": "category"}))
    CALLS[name](sales.assign(currency="CNY"))


def test_several_columns_called_currency_are_told(sales):
    twice = pd.concat([sales, sales["currency"]], axis=1)
    with pytest.raises(InputError, match="several columns called 'currency'"):
        seg.rfm(twice)


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow"])
def test_nor_in_frames_of_other_engines(kind, sales):
    pl = pytest.importorskip("polars")
    made = pl.from_pandas(sales)
    table = {"polars": made, "lazy": made.lazy(), "arrow": made.to_arrow()}[kind]
    for call in (seg.rfm, seg.cohorts, seg.purchases):
        with pytest.raises(InputError, match=r"2 currencies \(CNY, USD\)"):
            call(table)


def test_the_currency_may_be_a_key_and_pieces_have_none(sales):
    split = seg.portfolio(sales, product="product", market="currency", periods=YEARS)
    want = sales[sales["date"] >= "2024-01-01"].groupby(["product", "currency"])["amount"].sum()
    got = split.set_index(["product", "currency"])["after"].sort_index()
    np.testing.assert_allclose(got, want)
    markets = pd.concat([MARKET.assign(currency=c) for c in ("CNY", "USD")])
    assert len(seg.market_share(sales, markets)) == 16
    assert len(seg.abc(sales, item="currency", value="amount")) == 2
    assert seg.abc(sales, item="product", value="quantity")["quantity"].sum() == (
        sales["quantity"].sum()
    )


def test_segments_in_dollars_do_not_move_to_segments_in_yuan():
    one = pd.DataFrame({"customer_id": ["a", "b"], "segment": "x", "monetary": 5.0})
    one["currency"] = "USD"
    assert seg.migration(one, one)["amount"].tolist() == [10.0]
    with pytest.raises(InputError, match="before and after hold amounts of 2 currencies"):
        seg.migration(one, one.assign(currency="CNY"))
    with pytest.raises(InputError, match="after holds amounts of 2 currencies"):
        seg.migration(one, one.assign(currency=["USD", "CNY"]))
