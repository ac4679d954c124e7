"""A key column named like a result's column is refused by name, never overwritten."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from salesmgmt import InputError, funnel, load_sample, segmentation

XYZ = {"value": "amount", "date": "date"}
YEARS = [("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")]

# (function, the sample table, its option, the canonical column, a name that is taken, the rest)
KEYS: list[tuple[Any, str, str, str, str, dict[str, Any]]] = [
    (segmentation.lifecycle, "transactions", "customer", "customer_id", "recency", {}),
    (segmentation.lifecycle, "transactions", "customer", "customer_id", "label", {}),
    (segmentation.purchases, "transactions", "customer", "customer_id", "x_holdout", {}),
    (segmentation.churn_risk, "transactions", "customer", "customer_id", "p_churn", {}),
    (segmentation.next_purchase, "transactions", "customer", "customer_id", "as_of", {}),
    (segmentation.whale_curve, "transactions", "customer", "customer_id", "profit", {}),
    (segmentation.abc, "transactions", "item", "product", "xyz", XYZ),
    (segmentation.portfolio, "transactions", "product", "product", "class", {"periods": YEARS}),
    (segmentation.elasticity, "transactions", "by", "product_line", "lines", {}),
    (funnel.conversion, "stage_events", "by", "owner", "members", {"stages": ["lead"]}),
    (funnel.dwell, "stage_events", "by", "owner", "p25", {}),
    (funnel.dwell, "stage_events", "deal", "deal_id", "days", {"details": True}),
    (funnel.service_levels, "stage_events", "owner", "owner", "days", {"limits": {"lead": "3D"}}),
    (funnel.service_levels, "stage_events", "deal", "deal_id", "as_of", {"limits": {"lead": "3D"}}),
    (funnel.velocity, "deals", "by", "owner", "win_rate", {}),
    (funnel.slippage, "deal_snapshots", "deal", "deal_id", "pushes", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "table", "option", "column", "taken", "rest"),
    KEYS,
    ids=[f"{k[0].__name__}-{k[4]}" for k in KEYS],
)
def test_a_key_named_like_a_result_is_refused(
    function: Any, table: str, option: str, column: str, taken: str, rest: dict[str, Any]
) -> None:
    frame = load_sample(table).head(200).rename(columns={column: taken})
    with pytest.raises(InputError, match=f"{function.__name__}.*{option}.*'{taken}'"):
        function(frame, **rest, **{option: taken})


def test_offers_keep_customer_and_product_apart() -> None:
    sold = pd.DataFrame({"order_id": [1, 1, 2, 2, 3], "rank": list("ababa"), "who": list("xxyyz")})
    rules = segmentation.baskets(sold, product="rank")
    with pytest.raises(InputError, match=r"product.*'rank'"):
        segmentation.cross_sell(sold, rules, customer="who", product="rank")


def test_waterfall_rows_keep_the_deal() -> None:
    seen = pd.DataFrame({"before": [1, 2], "stage": "demo", "amount": [10.0, 20.0]})
    with pytest.raises(InputError, match=r"deal.*'before'"):
        funnel.waterfall(seen, seen, deal="before", details=True)


def test_market_keys_are_refused_too() -> None:
    ours = pd.DataFrame({"share": ["a"], "date": pd.to_datetime(["2025-01-01"]), "amount": [1.0]})
    with pytest.raises(InputError, match=r"market_share.*'share'"):
        segmentation.market_share(ours, ours, by="share")


BOUGHT = pd.DataFrame(
    {"customer_id": ["a", "b"], "date": pd.to_datetime(["2025-03-01"] * 2), "amount": [5.0, 7.0]}
)
ONE_LINERS = [
    segmentation.clv,
    segmentation.compare_models,
    segmentation.churn_risk,
    segmentation.next_purchase,
    segmentation.lifecycle,
    segmentation.cohorts,
]


@pytest.mark.parametrize("function", ONE_LINERS, ids=lambda f: f.__name__)
def test_errors_name_the_function_that_was_called(function: Any) -> None:
    with pytest.raises(InputError, match=rf"^{function.__name__}\(\): .*no column 'date'"):
        function(BOUGHT.drop(columns="date"))


@pytest.mark.parametrize("function", ONE_LINERS, ids=lambda f: f.__name__)
def test_a_table_of_returns_is_not_told_to_choose_a_later_day(function: Any) -> None:
    with pytest.raises(
        InputError, match=rf"^{function.__name__}\(\): no purchase .* all 2 amounts are negative"
    ):
        function(BOUGHT.assign(amount=-BOUGHT["amount"]))
