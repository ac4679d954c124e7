"""Association rules: brute force, contingency tables, and counts known from elsewhere."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from salesmgmt import DataWarning, InputError
from salesmgmt.engine import offers as offers_engine
from salesmgmt.segmentation import baskets, cross_sell, itemsets

lines = st.lists(st.tuples(st.integers(1, 12), st.sampled_from("abcdef")), min_size=1, max_size=60)


def _frame(rows):
    return pd.DataFrame(rows, columns=["order_id", "product"])


@settings(max_examples=40)
@given(lines, st.sampled_from([0.1, 0.25, 0.5]))
def test_itemsets_by_brute_force(rows, support):
    frame = _frame(rows)
    held = [set(g) for _, g in frame.groupby("order_id")["product"]]
    want = {}
    for size in range(1, 7):
        for items in itertools.combinations("abcdef", size):
            n = sum(set(items) <= h for h in held)
            if n and n / len(held) >= support - 1e-12:
                want[items] = n
    out = itemsets(frame, min_support=support)
    assert dict(zip(out["items"], out["count"], strict=True)) == want


@settings(max_examples=40)
@given(lines)
def test_pairs_equal_rules_of_two_and_ignore_row_order(rows):
    frame = _frame(rows)
    fast = baskets(frame, min_support=0.1)
    slow = baskets(frame, min_support=0.1, max_len=None)
    slow = slow[slow["antecedent"].map(len) == 1]
    key = ["antecedent", "consequent"]
    slow = slow.assign(
        antecedent=slow["antecedent"].map(lambda t: t[0]).astype(fast["antecedent"].dtype)
    )
    pd.testing.assert_frame_equal(
        slow.sort_values(key).reset_index(drop=True), fast.sort_values(key).reset_index(drop=True)
    )
    mixed = frame.sample(frac=1, random_state=0).set_axis([0] * len(frame))
    pd.testing.assert_frame_equal(baskets(mixed, min_support=0.1), fast)


def test_measures_by_contingency_table():
    held = ["ab"] * 30 + ["a"] * 10 + ["b"] * 20 + ["c"] * 40
    rows = [(i, item) for i, items in enumerate(held) for item in items]
    rule = baskets(_frame(rows)).set_index(["antecedent", "consequent"]).loc[("a", "b")]
    assert rule["support"] == 0.3
    assert rule["confidence"] == 0.75
    assert rule["lift"] == 1.5
    assert rule["leverage"] == pytest.approx(0.3 - 0.4 * 0.5)
    assert rule["conviction"] == pytest.approx(0.5 / 0.25)
    want = chi2_contingency([[30, 10], [20, 40]], correction=True)
    assert rule["chi2"] == pytest.approx(want.statistic)
    assert rule["p_value"] == pytest.approx(want.pvalue)


def test_a_rule_without_exception():
    rule = baskets(_frame([(1, "a"), (1, "b"), (2, "b"), (3, "c")])).set_index("antecedent")
    assert np.isinf(rule.loc["a", "conviction"])
    assert rule.loc["a", "confidence"] == 1.0


def test_returns_are_no_purchase_and_repeats_count_once():
    frame = _frame([(1, "a"), (1, "b"), (1, "b"), (2, "a"), (2, "b")])
    frame["amount"] = [1.0, 1.0, 1.0, 1.0, -1.0]
    assert set(baskets(frame)["support"]) == {0.5}
    with pytest.raises(InputError, match="every row"):
        baskets(frame.assign(amount=-1.0))


def test_cross_sell_never_offers_what_is_owned():
    rows = [
        ("x", 1, "a"),
        ("x", 1, "b"),
        ("y", 2, "a"),
        ("y", 2, "b"),
        ("z", 3, "a"),
        ("w", 4, "c"),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "product"])
    out = cross_sell(frame, baskets(frame))
    assert out[["customer_id", "rank", "product", "because"]].values.tolist() == [
        ["z", 1, "b", "a"]
    ]
    assert cross_sell(frame, baskets(frame, min_confidence=1.0), min_lift=2).empty


@pytest.mark.filterwarnings("ignore:.*no rule speaks of anything")
@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abcdef")), min_size=1, max_size=40),
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcdefz"), min_size=1, max_size=2, unique=True),
            st.sampled_from("abcdefz"),
            st.sampled_from([0.2, 0.5, 0.5000001, 0.9]),
            st.sampled_from([0.9, 1.5, 2.0]),
        ),
        max_size=12,
    ),
    st.integers(1, 4),
    st.sampled_from([1, 4_000_000]),
)
def test_cross_sell_by_brute_force(rows, given_rules, n, many):
    sold = pd.DataFrame(rows, columns=["customer_id", "product"])
    rules = pd.DataFrame(
        [(tuple(a) if len(a) > 1 else a[0], b, c, d) for a, b, c, d in given_rules],
        columns=["antecedent", "consequent", "confidence", "lift"],
    ).astype({"confidence": float, "lift": float})
    want = []
    for customer, owned in sold.groupby("customer_id")["product"]:
        offers = {}
        for a, b, c, d in sorted(given_rules, key=lambda r: -r[2]):
            if d > 1 and set(a) <= set(owned) and b not in set(owned):
                offers.setdefault(b, (-c, -d, b))
        for rank, (c, d, b) in enumerate(sorted(offers.values())[:n], 1):
            want.append((customer, rank, b, -c, -d))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offers_engine, "_MANY", many)
        out = cross_sell(sold, rules, n=n)
    columns = ["customer_id", "rank", "product", "confidence", "lift"]
    assert list(out[columns].itertuples(index=False, name=None)) == want


@pytest.mark.filterwarnings("ignore:.*no rule speaks of anything")
def test_cross_sell_to_some_customers_is_that_to_all():
    """What these few have not bought themselves is offered, too."""
    rng = np.random.default_rng(2)
    sold = pd.DataFrame({
        "order_id": rng.integers(0, 120, 400), "customer_id": rng.integers(0, 30, 400),
        "product": rng.choice(list("abcdefghij"), 400),
    })  # fmt: skip
    for max_len in (2, 3):
        rules = baskets(sold, min_support=0.005, max_len=max_len)
        every = cross_sell(sold, rules, n=4)
        for kind in ("str", "category", "object"):
            table = sold.astype({"product": kind})
            one = pd.concat([cross_sell(f, rules, n=4) for _, f in table.groupby("customer_id")])
            assert one.astype(str).values.tolist() == every.astype(str).values.tolist()
    numbers = sold.assign(product=sold["product"].map(ord))
    rules = baskets(numbers, min_support=0.005)
    few = cross_sell(numbers[numbers["customer_id"] < 2], rules)
    assert few["product"].dtype == numbers["product"].dtype
    with pytest.raises(InputError, match=r"'product' holds text in transactions and numbers in"):
        cross_sell(sold, rules)


def test_cross_sell_refuses_tuples_that_became_text():
    sold = pd.DataFrame({"order_id": [1, 1, 2, 2, 3], "product": list("ababa"),
                         "customer_id": list("xxyyz")})  # fmt: skip
    rules = baskets(sold, max_len=3)
    assert len(cross_sell(sold, rules, min_lift=0)) == 1
    with pytest.raises(InputError, match="literal_eval"):
        cross_sell(sold, rules.astype({"antecedent": str}))
    odd = sold.replace("a", "(new) pump (2)")
    assert len(cross_sell(odd, baskets(odd), min_lift=0)) == 1
    lines = sold.assign(line=sold["product"].map({"a": "A", "b": "B"}))
    with pytest.warns(DataWarning, match=r"no rule speaks of anything in column 'product'"):
        assert cross_sell(lines, baskets(lines, product="line")).empty  # without a word


def test_cross_sell_asked_for_more_offers_than_there_are():
    sold = pd.DataFrame({
        "order_id": [1, 1, 1, 2, 2, 3, 4, 5], "product": list("abcabcad"),
        "customer_id": list("xxxyyzwv"),
    })  # fmt: skip
    rules = baskets(sold)
    every = cross_sell(sold, rules, n=1_000, min_lift=0)
    assert len(every) == 5
    for n in range(3, 16):
        pd.testing.assert_frame_equal(cross_sell(sold, rules, n=n, min_lift=0), every)


def test_groceries_counts_as_elsewhere(data_dir):
    """Rules as arules prints them (support .001, confidence .5: 5,668 by length, {honey}).

    The numbers of item sets are not published ones: mlxtend 0.25 counted them on these baskets.
    """
    lines = pd.read_parquet(data_dir / "segmentation" / "groceries_9835.parquet")
    assert len(itemsets(lines, product="item")) == 333
    assert len(itemsets(lines, product="item", min_support=0.001)) == 13_492
    rules = baskets(lines, product="item", min_support=0.001, max_len=None, min_confidence=0.5)
    assert len(rules) == 5_668
    sizes = rules["antecedent"].map(len).add(1).value_counts()
    assert sizes.sort_index().to_dict() == {2: 11, 3: 1461, 4: 3211, 5: 939, 6: 46}
    honey = rules[rules["antecedent"].map(lambda items: items == ("honey",))].iloc[0]
    printed = [0.001118454, 0.7333333, 2.870009]
    assert honey[["support", "confidence", "lift"]].tolist() == pytest.approx(printed, rel=1e-6)


def test_online_retail_pairs_as_counted_elsewhere(data_dir):
    """Counted by efficient-apriori 2.0.6 and mlxtend 0.25 on these orders; nowhere published."""
    lines = pd.read_parquet(data_dir / "segmentation" / "online_retail_2011.parquet")
    sold = lines[(lines["quantity"] > 0) & lines["item"].notna()].drop(columns="amount")
    rules = baskets(sold, product="item_id")
    assert (rules.attrs["orders"], rules.attrs["items"]) == (20_136, 3_925)
    assert len(rules) == 2 * 891
    assert len(itemsets(sold, product="item_id")) == 1_976


def test_a_share_that_is_just_reached_is_enough_and_a_lift_of_one_is_none():
    """7 of 100 are 7 %, though .07 * 100 is more than 7 in floating point."""
    orders = [("a", "b")] * 7 + [("a", "c")] * 93
    sold = pd.DataFrame([(i, p) for i, o in enumerate(orders) for p in o])
    sold.columns = ["order_id", "product"]
    found = baskets(sold, min_support=0.07)
    assert sorted(found["antecedent"] + found["consequent"]) == ["ab", "ac", "ba", "ca"]
    # Half hold a, half b, a quarter both: owning a says nothing of b.
    apart = pd.DataFrame({"order_id": [1, 1, 2, 3, 4], "product": list("ababc")})
    apart["customer_id"] = [9, 9, 2, 3, 4]
    rules = baskets(apart)
    assert rules["lift"].tolist() == [1.0, 1.0]
    assert cross_sell(apart, rules).empty
    assert cross_sell(apart, rules, min_lift=0.99)["product"].tolist() == ["b", "a"]
