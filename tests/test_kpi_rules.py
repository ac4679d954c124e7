"""Scores, weights and service measures worked out by hand where rules meet."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError
from salesmgmt.incentives import CommissionPlan, payout
from salesmgmt.kpi import (
    Metric,
    acquisition_cost,
    break_even,
    bridge,
    complaints,
    contribution,
    control_chart,
    cost_to_serve,
    delivery,
    distribution,
    indicators,
    rank,
    review,
    satisfaction,
    scorecard,
    sensitivity,
    shrink,
    totals,
    visits,
    weights,
)
from salesmgmt.targets import track

MONTHS = ["2025-9", "2025-10", "2025-11"]


def card(months, revenue, reps="a"):
    frame = pd.DataFrame({"rep": reps, "month": months, "revenue": revenue})
    return scorecard(frame, [Metric("revenue", target=2)], keys=["rep", "month"])


@pytest.mark.parametrize(
    "months", [MONTHS, ["2025年9月", "2025年10月", "2025年11月"], [202509, 202510, 202511]]
)
def test_totals_and_review_follow_the_months_and_not_their_spelling(months):
    got = totals(card(months, [1.0, 2.0, 4.0]), period="month").set_index("month")
    assert got.loc[months, "total"].tolist() == [0.5, 1.0, 2.0]
    assert np.isnan(got.loc[months[0], "previous"])
    assert got.loc[months[1:], "previous"].tolist() == [0.5, 1.0]
    assert got.loc[months[2], "trend"] == 0.75  # of 0.5, 1, 2
    last = review(card(months, [1.0, 2.0, 4.0]), "a", period="month")
    assert (last["previous"].item(), last["weighted"].item()) == (1.0, 2.0)


def test_other_keys_periods_do_not_move_a_trend():
    alone = card(["2025-01", "2025-02", "2025-04"], [1.0, 2.0, 4.0])
    more = card(["2025-01", "2025-02", "2025-04", "2025-03"], [1.0, 2.0, 4.0, 9.0], list("aaab"))
    one, two = (totals(c, period="month") for c in (alone, more))
    assert one["trend"].tolist()[1:] == two.loc[two["rep"] == "a", "trend"].tolist()[1:]


def test_a_review_compares_with_the_last_time_the_key_was_scored():
    cards = card(["2025-01", "2025-03", "2025-02"], [1.0, 4.0, 9.0], list("aab"))
    out = review(cards, "a", period="month")
    assert out["previous"].item() == 0.5
    assert out["change"].item() == 1.5


def test_a_ratio_to_nothing_needs_a_cap():
    frame = pd.DataFrame({"rep": list("abc"), "returns": [0.04, 0.0, -0.01]})
    plain = Metric("returns", direction="lower", target=0.02, inverse="ratio")
    with pytest.raises(InputError, match=r"'returns' holds 2 value\(s\) of zero or less"):
        scorecard(frame, [plain], keys="rep")
    capped = Metric("returns", direction="lower", target=0.02, inverse="ratio", cap=1.5)
    assert scorecard(frame, [capped], keys="rep")["score"].tolist() == [0.5, 1.5, 1.5]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"inverse": "ratio"}, "goes with direction='lower'"),
        ({"error": 5}, "error must be text"),
        ({"unit": 5}, "unit must be text"),
        ({"curve": [(0, 0), (0, 1), (0, 2)]}, "stands thrice"),
    ],
)
def test_metrics_without_sense_are_refused(options, says):
    with pytest.raises(InputError, match=says):
        Metric("x", **options)


def test_weights_of_a_published_matrix_without_column_names():
    # scikit-criteria's value for the entropy of [[1, 2], [4, 16]].
    matrix = [[1, 2], [4, 16]]
    for data in (pd.DataFrame(matrix), np.array(matrix, dtype=float)):
        got = weights(data, method="entropy")
        assert got.index.tolist() == [0, 1]
        assert got.tolist() == pytest.approx([0.358889, 0.641111], abs=1e-6)


def test_weights_count_decimal_columns():
    frame = pd.DataFrame({"rep": ["a", "b"], "x": [1, 4], "y": [Decimal(2), Decimal(16)]})
    got = weights(frame, method="entropy")
    assert got.to_dict() == pytest.approx({"x": 0.358889, "y": 0.641111}, abs=1e-6)


def test_options_of_other_methods_are_refused():
    frame = pd.DataFrame({"rep": list("abc"), "x": [1.0, 2, 3], "y": [3.0, 1, 2]})
    both = [Metric("x"), Metric("y")]
    for call in (
        lambda: weights(frame, method="critic", estimate="geometric_mean"),
        lambda: weights(frame, method="pca", components=1.5),
        lambda: weights(pd.DataFrame([[2.0, 3], [1 / 3, 1]], list("ab"), list("ab"))),
        lambda: rank(frame, both, keys="rep", method="saw", v=0.3),
        lambda: rank(frame, both, keys="rep", method="topsis", q=1.0),
        lambda: rank(frame, both, keys="rep", method="vikor", rho=0.3),
        lambda: control_chart(pd.Series([5, 8]), method="p", n=100, spread="median"),
        lambda: shrink(frame, numerator="x", denominator="y", by="rep", tau2="pm"),
        lambda: distribution(frame, score="x", potential="y", cuts=(0.8, 0.2)),
    ):
        with pytest.raises(InputError):
            call()


def test_a_tier_nobody_visits_has_a_coverage_of_zero():
    done = pd.DataFrame(
        {
            "rep": ["r", "r", "r", "s"],
            "customer_id": ["a", "a", "b", "z"],
            "type": ["visit", "visit", "call", "visit"],
            "date": ["2025-01-01", "2025-01-11", "2025-01-03", "2025-01-03"],
        }
    )
    tiers = pd.Series({"a": "A", "b": "B", "c": "B"})
    out = visits(done, tier=tiers)
    assert out["tier"].isna().tolist() == [False, False, True]
    assert out["visits"].tolist() == [2, 0, 1]
    assert out["coverage"].tolist()[:2] == [1.0, 0.0]
    assert out["customers"].tolist()[:2] == [1.0, 2.0]
    each = visits(done, tier=tiers, by="rep")
    assert each["rep"].tolist() == ["r", "r", "s", "s", "s"]
    assert each["visits"].tolist() == [2, 0, 0, 0, 1]
    assert each.groupby("rep")["share"].sum().tolist() == [1.0, 1.0]


def test_a_kind_of_activity_that_never_occurs_is_told():
    done = pd.DataFrame(
        {"rep": "r", "customer_id": ["a"], "type": ["电话"], "date": ["2025-01-01"]}
    )
    sales = done.assign(amount=1.0)
    for count in (lambda t: visits(t, by="rep"), lambda t: _visits_of(sales, t)):
        with pytest.warns(DataWarning, match="电话"):
            assert count(done)["visits"].tolist() == [0]
        assert count(done.assign(type=" 拜访"))["visits"].tolist() == [1]  # a visit in Chinese
    assert visits(done, by="rep", only="电话")["visits"].tolist() == [1]
    both = pd.concat([done.assign(type=t) for t in ("visit", "拜访", "电话")])
    for count in (lambda t: visits(t, by="rep"), lambda t: _visits_of(sales, t)):
        assert count(both)["visits"].tolist() == [2]


def _visits_of(sales: pd.DataFrame, done: pd.DataFrame) -> pd.DataFrame:
    return indicators(sales, by="rep", activities=done, shape="wide")


def test_goods_do_not_arrive_before_they_are_ordered():
    orders = pd.DataFrame({"order_date": ["2025-01-02"], "promised_date": ["2025-01-10"],
                           "delivered_date": ["2025-01-01"]})  # fmt: skip
    with pytest.raises(InputError, match="'delivered_date' is before the order was made in 1 row"):
        delivery(orders)


def test_break_even_goes_by_label_and_knows_percentages():
    fixed, share = pd.Series({"a": 100.0, "b": 50.0}), pd.Series({"b": 0.5, "a": 0.25})
    assert break_even(fixed, margin=share)["amount"].to_dict() == {"a": 400.0, "b": 100.0}
    with pytest.raises(InputError, match="share of sales"):
        break_even(100.0, margin=25)


def test_satisfaction_of_a_period_is_on_the_scale_it_says():
    sales = pd.DataFrame({"customer_id": ["a"], "date": ["2025-01-02"], "amount": [1.0]})
    with pytest.raises(InputError, match="csat"):
        indicators(sales, surveys=pd.DataFrame({"date": ["2025-01-03"], "csat": [7]}))


def test_no_returns_are_a_rate_of_plain_zero():
    sales = pd.DataFrame({"customer_id": ["a"], "date": ["2025-01-02"], "amount": [1.0]})
    rate = indicators(sales, shape="wide")["return_rate"].item()
    assert rate == 0
    assert not np.signbit(rate)


@pytest.mark.parametrize("engine", ["pandas", "polars", "lazy", "arrow"])
def test_amounts_of_two_currencies_are_never_added(engine):
    pl = pytest.importorskip("polars")
    sales = pd.DataFrame({"customer_id": ["a", "b"], "date": ["2025-01-02", "2025-01-20"],
                          "amount": [500.0, 300.0], "currency": ["CNY", "USD"]})  # fmt: skip
    table = {"pandas": sales, "polars": pl.from_pandas(sales), "lazy": pl.from_pandas(sales).lazy(),
             "arrow": pl.from_pandas(sales).to_arrow()}[engine]  # fmt: skip
    with pytest.raises(InputError, match=r"2 currencies \(CNY, USD\)"):
        indicators(table)
    each = indicators(table, by="currency")
    assert each.loc[each["metric"] == "revenue", "value"].tolist() == [500.0, 300.0]
    one = sales.drop(columns="currency")
    told = indicators(one, payments=sales, shape="wide")
    assert told[["collected", "collection_rate"]].isna().all(axis=None)
    told = indicators(one, payments=sales.assign(currency="CNY"), shape="wide")
    assert told["collected"].item() == 800.0
    with pytest.raises(InputError, match="currencies"):
        contribution(sales, sales, by="customer_id")


def test_keys_named_like_a_column_of_the_result_are_refused():
    # They were overwritten: a report by status came out without its status.
    sales = pd.DataFrame({"key": ["a", "b"], "amount": [5.0, 7.0], "x": [1.0, 2.0],
                          "y": [2.0, 1.0], "csat": [4.0, 5.0], "customer_id": ["p", "q"],
                          "date": pd.to_datetime(["2025-01-05", "2025-01-06"])})  # fmt: skip
    sales = sales.assign(order_date=sales["date"], promised_date=sales["date"],
                         delivered_date=sales["date"], opened_at=sales["date"],
                         closed_at=sales["date"])  # fmt: skip
    goals = pd.DataFrame({"key": ["a", "b"], "period_start": "2025-01-01",
                          "period_end": "2025-01-31", "target": 9.0})  # fmt: skip
    both = [Metric("x"), Metric("y")]
    plain = CommissionPlan([(0, 0.1)], base="amount")

    def named(name: str) -> pd.DataFrame:
        return sales.rename(columns={"key": name})

    for name, call in (
        ("r", lambda n: rank(named(n), both, keys=n, method="vikor")),
        ("plus", lambda n: rank(named(n), both, keys=n, method="promethee")),
        ("status", lambda n: contribution(named(n), named(n), by=n)),
        ("open", lambda n: delivery(named(n), by=n)),
        ("share", lambda n: complaints(named(n), by=n)),
        ("share", lambda n: visits(named(n), by=n)),
        ("direct", lambda n: cost_to_serve(named(n), named(n), by=n)),
        ("grade", lambda n: totals(scorecard(named(n), both, keys=n))),
        ("weight", lambda n: shrink(named(n), numerator="x", denominator="y", by=n)),
        ("value", lambda n: satisfaction(named(n), by=n)),
        ("pool", lambda n: payout(named(n), plain, by=n)),
        ("status", lambda n: track(goals.rename(columns={"key": n}), named(n), as_of=None)),
    ):
        with pytest.raises(InputError, match=f"'{name}'"):
            call(name)
    assert rank(named("r"), both, keys="r", method="topsis")["r"].tolist() == ["a", "b"]


@pytest.mark.filterwarnings("ignore:.* is not over at:salesmgmt.DataWarning")
def test_the_price_index_leaves_lines_without_a_product_aside():
    # They stood for the last product of the key before (N).
    sold = [("N", "2024-01-05", "q", 100.0), ("N", "2025-01-05", "q", 100.0),
            ("S", "2024-01-05", "p", 10.0), ("S", "2025-01-05", "p", 20.0),
            ("S", "2024-01-05", None, 7.0), ("S", "2025-01-05", None, 7.0)]  # fmt: skip
    sales = pd.DataFrame(sold, columns=["region", "date", "product", "amount"])
    sales = sales.assign(customer_id="c", quantity=1)
    out = indicators(sales, by="region", shape="wide").set_index(["region", "date"])
    january = pd.Timestamp("2025-01-01")
    assert out.loc[("N", january), "price_index"] == 1.0
    assert out.loc[("S", january), "price_index"] == 2.0


def test_bands_with_the_same_remainder_go_to_the_better_one():
    for n in (5, 15, 45, 85, 165):  # 0.7 n and 0.1 n both end in one half
        band = distribution(pd.Series(np.arange(n, dtype=float)))["band"].value_counts()
        assert band["middle"] == np.ceil(Decimal("0.7") * n)


def test_the_order_of_rows_does_not_move_a_shrunk_rate():
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"rep": list("abc") * 40, "n": random.integers(0, 9, 120),
                         "months": random.uniform(0.1, 2, 120)})  # fmt: skip
    options = {"numerator": "n", "denominator": "months", "by": "rep", "method": "poisson"}
    first = shrink(rows, **options)
    for seed in range(5):
        mixed = shrink(rows.sample(frac=1, random_state=seed), **options)
        pd.testing.assert_frame_equal(mixed, first, check_exact=True)


def test_what_is_no_pair_of_metrics_is_refused_by_name():
    for wrong in ({1: 3.0}, {"revenue": 3.0}):
        with pytest.raises(InputError, match="a judgement is"):
            weights(wrong)


def test_one_metric_alone_has_all_the_weight():
    two = pd.DataFrame({"k": ["b", "a"], "m": [2.0, 1.0]})
    assert sensitivity(two, ["m"], keys="k").empty


@pytest.mark.parametrize("method", ["topsis", "saw", "wpm", "vikor", "promethee", "grey"])
def test_binary_noise_is_no_difference_between_keys(method):
    # 0.1 + 0.2 beside 0.3: brought to 0..1 the one was best and the others worst.
    frame = pd.DataFrame({"k": list("abc"), "x": [0.1 + 0.2, 0.3, 0.3], "y": [1.0, 2, 3]})
    got = rank(frame, ["x", "y"], keys="k", method=method)
    exact = rank(frame.assign(x=0.3), ["x", "y"], keys="k", method=method)
    assert got["rank"].tolist() == [3, 2, 1]
    np.testing.assert_allclose(got["score"], exact["score"], atol=1e-12)
    for how in ("entropy", "critic", "merec"):
        assert weights(frame, keys="k", method=how)["x"] == 0


def test_binary_noise_is_no_place_among_the_others():
    noisy = distribution(pd.Series([0.1 + 0.2, 0.3, 0.3, 0.1], index=list("abcd")))
    plain = distribution(pd.Series([0.3, 0.3, 0.3, 0.1], index=list("abcd")))
    pd.testing.assert_frame_equal(noisy, plain)
    same = distribution(pd.Series([-0.087] * 3, index=list("abc")))  # their std is 1e-17
    assert same["z"].tolist() == [0, 0, 0]
    ties = pd.DataFrame({"k": list("ab"), "x": [0.1 + 0.2, 0.3], "y": [1.0, 1.0]})
    assert rank(ties, ["x", "y"], keys="k", method="promethee")["score"].tolist() == [0, 0]


def test_judgements_as_people_write_them():
    # Inverses of two decimals, as in printed matrices; fractions, as spreadsheets export them.
    exact = weights(np.array([[1, 3, 7], [1 / 3, 1, 2], [1 / 7, 1 / 2, 1]]))
    for told in (
        np.array([[1, 3, 7], [0.33, 1, 2], [0.14, 0.5, 1]]),
        np.array([["1", "3", "7"], ["1/3", "1", "2"], ["1/7", "1/2", "1"]], dtype=object),
    ):
        np.testing.assert_allclose(weights(told), exact, rtol=1e-12)
    square = pd.DataFrame([[1, 3, 7], ["1/3", 1, 2], ["1/7", "1/2", 1]], columns=list("abc"))
    square.insert(0, "Unnamed: 0", ["a", "b", "c"])  # as read_csv leaves the names of rows
    assert weights(square).index.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(weights(square), exact, rtol=1e-12)
    turned = exact.to_numpy()[::-1]
    got = weights(np.array([[1, 0.5, 0.14], [2, 1, 0.33], [7, 3, 1]]))
    np.testing.assert_allclose(got, turned, rtol=1e-12)
    assert weights([("a", "b", "1/3")]).tolist() == pytest.approx([0.25, 0.75])
    with pytest.raises(InputError, match="judged twice"):
        weights(np.array([[1, 3, 7], [0.5, 1, 2], [0.14, 0.5, 1]]))
    with pytest.raises(InputError, match="Leave out"):
        weights(np.array([[1, 3, 7], [0, 1, 2], [0, 0, 1.0]]))


def test_shares_in_place_of_counts_are_told():
    with pytest.warns(DataWarning, match="seems to hold shares"):
        control_chart(pd.Series([0.1, 0.2, 0.15]), method="p", n=100)
    won = pd.DataFrame({"rep": list("ab"), "won": [0.3, 0.5], "n": [10, 5]})
    with pytest.warns(DataWarning, match="seems to hold shares"):
        shrink(won, numerator="won", denominator="n", by="rep")


def test_dates_told_as_text_go_in_the_order_of_time():
    for labels in (["2025-10", "2025-9", "2025-11"], ["Jan-25", "Dec-24", "Feb-25"]):
        got = control_chart(pd.Series([3.0, 1.0, 2.0], index=labels))
        assert got["value"].tolist() == [1, 3, 2]
    got = control_chart(pd.Series([3.0, 1.0, 2.0], index=["lot b", "lot a", "lot c"]))
    assert got["value"].tolist() == [3, 1, 2]


def test_promoters_of_answers_that_are_no_whole_numbers_or_on_another_scale():
    # 6.5 lies below 7 and 8.5 below 9: every answer is in one of the three.
    halves = pd.DataFrame({"nps": [6.5, 8.5, 9.5, 10.0, 0.0], "date": "2025-01-05"})
    assert satisfaction(halves)["value"].item() == 0
    sales = pd.DataFrame({"customer_id": ["a"], "date": ["2025-01-05"], "amount": [1.0]})
    same = indicators(sales, surveys=halves).set_index("metric")["value"]
    assert same["nps"] == 0
    with pytest.warns(DataWarning, match="on 0 to 10 all detract"):
        satisfaction(pd.DataFrame({"nps": [4, 3, 5, 5, 5] * 3}))


def test_dollars_before_are_not_compared_with_yuan_after():
    before = pd.DataFrame({"item": ["x"], "price": [10.0], "quantity": [2.0], "amount": 20.0})
    before["currency"] = "USD"
    after = before.assign(currency="CNY")
    told = "before and after hold amounts of 2 currencies"
    with pytest.raises(InputError, match=told):
        bridge(before, after, keys="item", method="price_volume")
    with pytest.raises(InputError, match=told):
        contribution(before, after, by="item")
    assert contribution(before, before, by="item")["change"].tolist() == [0.0]
    assert len(contribution(before, after, by=["item", "currency"])) == 2
    day = {"date": ["2025-01-01"], "customer_id": ["a"], "amount": [50.0], "category": "ads"}
    sales, spent = (pd.DataFrame(day).assign(currency=c) for c in ("USD", "CNY"))
    with pytest.raises(InputError, match="transactions and expenses hold amounts of 2 cur"):
        acquisition_cost(sales, spent)
    for table, made in (("market", "market_share"), ("payments", "collection_rate")):
        for currency, share in (("CNY", None), ("USD", 1.0)):
            given = {table: pd.DataFrame(day).assign(currency=currency)}
            out = indicators(sales, **given).set_index("metric")["value"]
            assert out[made] == share or (share is None and pd.isna(out[made]))


TWO = pd.DataFrame({"item": ["a", "b"], "price": [10.0, 70.0], "quantity": [10.0, 10.0],
                    "fx": [7.0, 1.0], "currency": ["USD", "CNY"]})  # fmt: skip


@pytest.mark.parametrize("method", ["price_volume_mix", "average_price_mix", "mix_change"])
def test_an_average_price_over_currencies_is_one_of_the_report(method):
    # Both sell at 70 yuan, so a share that moves is worth nothing: 5 more of a are 350 of volume.
    after = TWO.assign(quantity=[15.0, 10.0])
    got = bridge(TWO, after, keys="item", method=method, rate="fx").set_index("effect")["amount"]
    assert (got["volume"], got["mix"], got["currency"]) == (350.0, 0.0, 0.0)


@pytest.mark.parametrize(("price", "cost"), [(0.0, None), (8.0, "cost")])
def test_a_rate_that_stands_moves_nothing_though_an_item_made_no_money_before(price, cost):
    before = TWO.iloc[[0]].assign(price=price, cost=8.0)
    got = bridge(before, before.assign(price=price + 2), keys="item", method="joint", rate="fx",
                 cost=cost).set_index("effect")["amount"]  # fmt: skip
    assert (got["price"], got["currency"]) == (140.0, 0.0)  # 2 a unit, 10 units, at 7


def test_currencies_among_the_keys_are_never_added():
    after = TWO.assign(quantity=[15.0, 10.0])
    with pytest.raises(InputError, match="name 'currency' in by="):
        bridge(TWO, after, keys=["item", "currency"], method="price_volume")
    mixed = pd.concat([TWO, TWO.assign(currency="EUR")])
    with pytest.raises(InputError, match="currencies"):
        bridge(mixed, mixed, keys="item", method="joint", rate="fx")
    each = bridge(TWO, after, keys=["item", "currency"], method="average_price_mix", by="currency")
    assert each.query("currency == 'USD' and effect == 'volume'")["amount"].item() == 50.0
    old = pd.DataFrame({"rep": list("aab"), "currency": ["USD", "CNY", "CNY"],
                        "customer_id": "x", "date": "2025-01-05",
                        "amount": [100.0, 700.0, 700.0]})  # fmt: skip
    new = old.assign(amount=[120.0, 700.0, 800.0])
    moved = contribution(old, new, by=["rep", "currency"]).set_index(["rep", "currency"])
    assert moved.loc[("a", "USD"), ["contribution", "share_of_change"]].tolist() == [0.2, 1.0]
    part = indicators(old, by=["rep", "currency"], shape="wide")["share_of_total"]
    assert part.tolist() == [0.5, 1.0, 0.5]
    spent = pd.DataFrame({"rep": ["b", None], "currency": "USD", "amount": [10.0, 5.0]})
    served = cost_to_serve(old, spent, by=["rep", "currency"])
    assert served.set_index(["rep", "currency"])["shared"].to_dict() == {
        ("a", "CNY"): 0.0, ("a", "USD"): 15.0, ("b", "CNY"): 0.0}  # fmt: skip
    for told in ({"currency": "EUR"}, {"currency": None}):
        with pytest.raises(InputError, match="no currency of the sales"):
            cost_to_serve(old, spent.assign(**told), by=["rep", "currency"])


def test_a_price_beside_a_margin_gives_units_and_idle_options_are_refused():
    assert break_even(60_000, margin=0.4, price=20)["units"].item() == 7500.0
    with pytest.raises(InputError, match="give either"):
        break_even(60_000, margin=0.4, unit_cost=12)
    reps = pd.DataFrame({"rep": list("ab"), "m": [1.0, 2.0]})
    for told in ({"q": 0.5}, {"p": 0.5}, {"preference": "v_shape", "p": 1, "q": {"m": 1}}):
        with pytest.raises(InputError, match="goes with preference"):
            rank(reps, ["m"], keys="rep", method="promethee", **told)


def test_an_order_is_late_with_its_first_late_line():
    lines = pd.DataFrame({"order": [1, 1], "order_date": "2025-01-01",
                          "promised_date": ["2025-01-10", "2025-03-10"],
                          "delivered_date": ["2025-01-20", None]})  # fmt: skip
    got = delivery(lines, order="order").iloc[0]
    assert (got["open"], got["judged"], got["on_time"]) == (0, 1, 0.0)


def test_a_column_that_is_named_and_not_there_is_refused():
    # A cost that is misspelled would make the gross profit the revenue.
    sales = pd.DataFrame({"customer_id": ["x"], "date": "2025-01-05", "amount": [9.0]})
    order = pd.DataFrame({"order_date": ["2025-01-01"], "promised_date": "2025-01-09",
                          "delivered_date": "2025-01-05", "quantity": 3})  # fmt: skip
    for call, option in (
        *((indicators, {c: "unit"}) for c in ("product", "quantity", "cost", "discount", "rep")),
        (lambda t, **o: cost_to_serve(t, t, by="customer_id", **o), {"cost": "unit"}),
        (lambda t, **o: acquisition_cost(t, t, **o), {"category": "unit"}),
        (visits, {"kind": "unit"}),
        (lambda t, **o: delivery(order, **o), {"delivered_quantity": "unit"}),
    ):
        with pytest.raises(InputError, match=f"no column 'unit'.*{next(iter(option))}="):
            call(sales, **option)


def test_options_that_nothing_reads_are_refused():
    measures = pd.DataFrame({"a": [1.0, 2.0]})
    for call in (
        lambda: bridge(TWO, TWO, keys=["item", "currency"], by="currency", method="joint",
                       within="currency"),
        lambda: weights([("a", "b", 3)], metrics=["a"]),
        lambda: distribution(measures, score="a", cuts=(0.1, 0.2)),
        lambda: satisfaction(pd.DataFrame({"nps": [9, 3]}), top=3),
    ):  # fmt: skip
        with pytest.raises(InputError, match=r"go(es)? with"):
            call()


def test_options_may_be_decimals():
    def told(number):
        metrics = [Metric("a", target=number("4"), cap=number("1.1"), gate=("b", number("0.5"))),
                   Metric("b", direction="target", target=number("3"))]  # fmt: skip
        reps = pd.DataFrame({"rep": list("xyz"), "a": [5.0, 3.0, 9.0], "b": [1.0, 2.0, 3.0]})
        card = scorecard(reps, metrics, keys="rep")
        return [
            card, totals(card, grades=[("A", number("0.9")), ("B", number("-5"))]),
            rank(reps, metrics, keys="rep", method="vikor", v=number("0.4")),
            rank(reps, metrics, keys="rep", method="grey", rho=number("0.4")),
            bridge(TWO, TWO, keys="item", method="joint", rate="fx", step=number("0.5")),
            weights(reps, keys="rep", method="pca", components=number("0.9")).to_frame(),
        ]  # fmt: skip

    for exact, plain in zip(told(Decimal), told(float), strict=True):
        pd.testing.assert_frame_equal(exact, plain)


def test_a_scorecard_of_decimals_is_reviewed_as_one_of_floats():
    frame = card(MONTHS, [1.0, 2.0, 4.0])
    exact = frame.assign(**{c: frame[c].map(Decimal) for c in ("value", "score", "weighted")})
    pd.testing.assert_frame_equal(
        review(exact, "a", period="month"), review(frame, "a", period="month")
    )


def test_dates_in_the_wrong_order_are_left_out_like_other_rows_that_cannot_be_used():
    cases = pd.DataFrame({"customer_id": list("ab"), "category": "x", "opened_at": "2025-02-01",
                          "closed_at": ["2025-02-03", "2025-01-03"]})  # fmt: skip
    orders = pd.DataFrame({"order_date": "2025-02-01", "promised_date": "2025-02-09",
                           "delivered_date": ["2025-02-03", "2025-01-03"]})  # fmt: skip
    for call, rows, told in ((complaints, cases, "cases"), (delivery, orders, "orders")):
        with pytest.raises(InputError, match=r'is before the .* was .*pass invalid="drop"'):
            call(rows)
        with pytest.warns(DataWarning, match=f"left out 1 of 2 .*{told}"):
            got = call(rows, invalid="drop")
        pd.testing.assert_frame_equal(got, call(rows.head(1)))


def test_what_was_not_measured_shuts_its_gate_and_shares_out_a_weight_of_100():
    reps = pd.DataFrame({"rep": ["a", "b"], "x": [3.0, 3.0], "y": [np.nan, 1.0], "z": 1.0})
    metrics = [Metric("x", target=2, weight=30, gate=("y", 0.5)), Metric("y", target=1, weight=50),
               Metric("z", target=1, weight=20)]  # fmt: skip
    got = scorecard(reps, metrics, keys="rep", missing="reweight").set_index(["rep", "metric"])
    assert got["score"].unstack()["x"].tolist() == [1.0, 1.5]
    assert got.loc["a", "weight"].fillna(0).tolist() == pytest.approx([60, 0, 40])


def test_judgements_are_warned_of_from_a_consistency_ratio_of_a_tenth_on():
    with pytest.warns(DataWarning, match=r"ratio is 0\.117, above 0\.1"):
        weights([("a", "b", 3), ("b", "c", 3), ("a", "c", 3)])
    weights([("a", "b", 2), ("b", "c", 4), ("a", "c", 3)])  # 0.093: no warning, or this fails


def test_scorecards_of_different_scales_are_not_compared():
    frame = pd.DataFrame({"rep": ["a"], "x": [3.0]})
    shares, hundred, points = (
        scorecard(frame, [Metric("x", target=2, weight=w, curve=c)], keys="rep")
        for w, c in ((1, None), (100, None), (1, [(0, 0), (2, 150)]))
    )
    assert review([shares, shares], "a")["change"].item() == 0
    for pair in ((points, shares), (shares, hundred)):
        with pytest.raises(InputError, match="different scales"):
            review(list(pair), "a")


def test_amounts_finer_than_a_step_are_added_before_they_are_rounded():
    old, new = (pd.DataFrame({"rep": ["a"] * 1000, "amount": x, "cost": x / 2})
                for x in (0.004, 0.006))  # fmt: skip
    moved = contribution(old, new, by="rep").iloc[0]
    assert (moved["before"], moved["change"]) == (4.0, 2.0)  # not 0 and 10
    for spent, column in ((old, "direct"), (old[["amount"]], "shared")):
        served = cost_to_serve(new, spent, by="rep").iloc[0]
        assert (served["revenue"], served["gross_profit"], served[column]) == (6.0, 3.0, 4.0)
