"""Customers: worked examples and fault reports that others have published, typed in by hand."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.special import hyp2f1

from salesmgmt.errors import InputError
from salesmgmt.segmentation import (
    BGNBD,
    MBGNBD,
    GammaGamma,
    ParetoNBD,
    abc,
    baskets,
    cluster,
    clv,
    cohorts,
    itemsets,
    portfolio,
    promotion_effect,
    purchases,
    rfm,
    whale_curve,
)

BG = BGNBD.from_params(r=0.2425945, alpha=4.4135932, a=0.7929199, b=2.4258950)
MBG = MBGNBD.from_params(r=0.525, alpha=6.183, a=0.891, b=1.614)
PARETO = ParetoNBD.from_params(r=0.5532798, alpha=10.5776574, s=0.6062268, beta=11.6688)


def _histories(*rows):
    return pd.DataFrame(rows, columns=["x", "t_x", "T"])


def _sold(orders):
    rows = [(i, item) for i, items in enumerate(orders) for item in items]
    return pd.DataFrame(rows, columns=["order_id", "product"])


# -- purchase models ------------------------------------------------------------------


def test_bg_nbd_new_customers_as_in_the_spreadsheet():
    """Fader and Hardie, brucehardie.com/notes/004; as in the tests of lifetimes.

    The sheet breaks off its series: at 78 weeks it prints 1.8576, the sum is 1.8580.
    """
    times = (0.1429, 1, 3, 31.8571, 32)
    assert [round(BG.expected_new(t), 4) for t in times] == [0.0078, 0.0532, 0.1506, 1.0405, 1.0437]
    r, alpha, a, b = BG.params_
    whole = hyp2f1(r, b, a + b - 1, 78 / (alpha + 78))
    want = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + 78)) ** r * whole)
    assert BG.expected_new(78) == pytest.approx(want, rel=1e-9)
    assert want == pytest.approx(1.8576, abs=5e-4)


@pytest.mark.parametrize("model", [PARETO, BG, MBG])
def test_many_purchases_have_finite_predictions(model):
    """github.com/bachmannpatrick/CLVTools/issues/100: these gave NaN."""
    seen = _histories((221, 103.42857, 103.57143), (161, 94.71429, 98.0), (204, 98.57143, 99.42857))
    alive = model.probability_alive(seen)
    assert alive.between(0.5, 1).all()
    ahead = model.expected_purchases(seen, 52)
    assert ((ahead > 30) & (ahead < 52 * seen["x"] / seen["T"])).all()
    with pytest.raises(InputError, match="t_x lies beyond T in 1 row"):
        model.probability_alive(_histories((254, 97.42857, 97.28571)))


def test_pareto_nbd_where_theirs_overflows():
    """lifetimes, test_overflow_error: they have bought hundreds of times, and then stopped."""
    model = ParetoNBD.from_params(r=10.465, alpha=7.98565181e-03, s=3.0516, beta=2.820)
    seen = _histories((400, 5, 6), (500, 1, 37), (500, 4, 37))
    with np.errstate(all="raise", under="ignore"):
        assert model.probability_alive(seen).between(0, 1e-20).all()
        assert model.expected_purchases(seen, 10).between(0, 1e-20).all()


def test_residual_purchases_where_theirs_are_infinite():
    """github.com/bachmannpatrick/CLVTools/issues/132: s of 64 and beta of 7,722."""
    model = ParetoNBD.from_params(r=0.5329, alpha=38.0598, s=64.2792, beta=7721.5264)
    seen = _histories((1, 10, 145), (0, 0, 145), (5, 100, 145))
    rest = model.discounted_purchases(seen, 0.0017)
    # Whoever is alive leaves with chance (s / (beta + T)) a week or more slowly later: less than
    # the purchases of all the rest without a discount, r + x over alpha + T times its mean.
    mean_life = (7721.5264 + 145) / (64.2792 - 1)
    most = (0.5329 + seen["x"]) / (38.0598 + 145) * mean_life * model.probability_alive(seen)
    assert ((rest > 0.5 * most) & (rest < most)).all()


def test_purchases_of_the_tests_of_lifetimes():
    """lifetimes, tests/test_utils.py: frequency, recency, T and monetary value by the day."""
    rows = [
        (1, "2015-01-01", 1), (1, "2015-02-06", 2), (2, "2015-01-01", 2), (3, "2015-01-01", 3),
        (3, "2015-01-02", 1), (3, "2015-01-05", 5), (4, "2015-01-16", 6), (4, "2015-02-02", 3),
        (4, "2015-02-05", 3), (5, "2015-01-16", 3), (5, "2015-01-17", 1), (5, "2015-01-18", 8),
        (6, "2015-02-02", 5),
    ]  # fmt: skip
    sold = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    seen = purchases(sold, freq="D", as_of="2015-02-07").fillna(0)
    assert seen[["x", "t_x", "T", "monetary"]].to_numpy().tolist() == [
        [1, 36, 37, 2], [0, 0, 37, 0], [2, 4, 37, 3], [2, 20, 22, 3], [2, 2, 22, 4.5], [0, 0, 5, 0]
    ]  # fmt: skip
    split = purchases(sold, freq="D", as_of="2015-02-07", holdout="2015-02-01").fillna(0)
    assert split["monetary"].tolist() == [0, 0, 3, 0, 4.5]
    assert split["monetary_holdout"].tolist() == [2, 0, 0, 3, 0]


def test_purchases_of_reports_to_lifetimes():
    """Issues 48 (days before months), 184 and 244 (several purchases on one day)."""
    dates = ["08/03/2014", "21/05/2014", "14/03/2014", "09/04/2014", "21/05/2014"]
    sold = pd.DataFrame({"customer_id": [0, 1, 2, 2, 2], "date": dates, "amount": 1.0})
    seen = purchases(sold, freq="D", as_of="2014-12-31")
    assert seen[["x", "t_x", "T"]].to_numpy().tolist() == [[0, 0, 298], [0, 0, 224], [2, 68, 292]]
    days = ["06-11", "07-24", "07-08", "06-24", "07-24", "06-11", "07-08", "06-24"]
    sold = pd.DataFrame({"customer_id": 1, "date": [f"2017-{d}" for d in days], "amount": 75.0})
    seen = purchases(sold, freq="D", as_of="2017-12-31")
    assert seen[["x", "t_x", "T", "monetary"]].to_numpy().tolist() == [[3, 43, 203, 150]]
    times = ["2018-04-24 19:19:25", "2018-04-24 20:13:28", "2018-05-24 04:00:01"]
    sold = pd.DataFrame({"customer_id": 4125, "date": pd.to_datetime(times), "amount": 1.0})
    seen = purchases(sold, freq="D", as_of="2019-01-31")
    assert seen[["x", "t_x", "T"]].to_numpy().tolist() == [[1, 30, 282]]


def test_online_retail_in_a_walkthrough_of_lifetimes(data_dir):
    """A walkthrough of lifetimes in the repository anitatea/blog: days, returns left out."""
    sold = pd.read_parquet(
        data_dir / "segmentation" / "online_retail_2011.parquet",
        columns=["customer_id", "date", "quantity", "amount"],
    ).dropna()
    sold = sold[sold["quantity"] > 0]
    seen = purchases(sold, freq="D", as_of="2011-12-09")
    assert len(seen) == 4339
    assert (seen["x"] > 0).sum() == 2790
    fitted = BGNBD().fit(seen)
    assert fitted.params_.round(2).to_dict() == {"r": 0.83, "alpha": 68.89, "a": 0.0, "b": 6.75}
    seen = seen.set_index("customer_id")
    tomorrow = fitted.expected_purchases(seen, 1).sort_values().tail(3)
    printed = {"17841": 0.253053, "12748": 0.257581, "14911": 0.298312}
    assert tomorrow.to_dict() == pytest.approx(printed, abs=5e-6)
    # Its forecast of ten days comes from the fit to the half before June 8th, made in between.
    half = purchases(sold, freq="D", as_of="2011-12-09", holdout="2011-06-08")
    ten = BGNBD().fit(half).expected_purchases(_histories((6, 365, 367)), 10)
    assert ten.tolist() == pytest.approx([0.1572774363], abs=5e-6)
    spend = GammaGamma().fit(seen)
    assert spend.params_.round(2).to_dict() == {"p": 2.1, "q": 3.45, "gamma": 485.57}
    printed = [416.917667, 569.988807, 333.762672, 416.917667, 416.917667, 376.166864]
    assert spend.expected_spend(seen).head(6).tolist() == pytest.approx(printed, abs=2e-3)
    # Value of twelve months, of 30 days there: where hardly anybody leaves, so much less.
    worth = clv(sold, model="bgnbd", discount_rate=1.01**12 - 1, level=None)
    printed = pd.Series({"14646": 222_128.930290, "18102": 178_895.333435, "16029": 58_729.618772})
    months = worth.set_index("customer_id")["clv"] / (365.25 / 360)
    assert months[printed.index].tolist() == pytest.approx(printed.tolist(), rel=2e-4)


# -- baskets --------------------------------------------------------------------------


def test_rules_of_the_user_guide_of_mlxtend():
    """mlxtend, user guide of association_rules, example 1 (support .6, confidence .7)."""
    orders = [
        ["Milk", "Onion", "Nutmeg", "Kidney Beans", "Eggs", "Yogurt"],
        ["Dill", "Onion", "Nutmeg", "Kidney Beans", "Eggs", "Yogurt"],
        ["Milk", "Apple", "Kidney Beans", "Eggs"],
        ["Milk", "Unicorn", "Corn", "Kidney Beans", "Yogurt"],
        ["Corn", "Onion", "Onion", "Kidney Beans", "Ice cream", "Eggs"],
    ]
    rules = baskets(_sold(orders), min_support=0.6, min_confidence=0.7)
    rules = rules.set_index(["antecedent", "consequent"])
    measures = ["support", "confidence", "lift", "leverage", "conviction"]
    for rule, printed in {
        ("Eggs", "Kidney Beans"): [0.8, 1.0, 1.0, 0.0, np.inf],
        ("Kidney Beans", "Eggs"): [0.8, 0.8, 1.0, 0.0, 1.0],
        ("Eggs", "Onion"): [0.6, 0.75, 1.25, 0.12, 1.6],
        ("Onion", "Eggs"): [0.6, 1.0, 1.25, 0.12, np.inf],
        ("Milk", "Kidney Beans"): [0.6, 1.0, 1.0, 0.0, np.inf],
        ("Onion", "Kidney Beans"): [0.6, 1.0, 1.0, 0.0, np.inf],
        ("Yogurt", "Kidney Beans"): [0.6, 1.0, 1.0, 0.0, np.inf],
    }.items():
        assert rules.loc[rule, measures].tolist() == pytest.approx(printed), rule
    assert len(rules) == 7


def test_item_sets_of_a_worked_example_in_chinese():
    """blog.csdn.net/weixin_44723899/article/details/117481098: pairs at a support of .2."""
    orders = [
        "西红柿 排骨 鸡蛋",
        "西红柿 茄子",
        "鸡蛋 袜子",
        "西红柿 排骨 茄子",
        "西红柿 排骨 袜子 酸奶",
        "鸡蛋 茄子 酸奶",
        "排骨 鸡蛋 茄子",
        "土豆 鸡蛋 袜子",
        "西红柿 排骨 鞋子 土豆",
    ]
    found = itemsets(_sold([o.split() for o in orders]), min_support=0.2)
    pairs = found[found["size"] == 2]
    assert {frozenset(s): n for s, n in zip(pairs["items"], pairs["count"], strict=True)} == {
        frozenset(("西红柿", "排骨")): 4, frozenset(("排骨", "茄子")): 2,
        frozenset(("鸡蛋", "排骨")): 2, frozenset(("西红柿", "茄子")): 2,
        frozenset(("鸡蛋", "茄子")): 2, frozenset(("鸡蛋", "袜子")): 2,
    }  # fmt: skip


def _counts(orders, least):
    found = itemsets(_sold(orders), min_support=least / len(orders))
    return dict(zip(found["items"], found["count"], strict=True))


def test_item_sets_that_others_counted_wrongly():
    """github.com/enaeseth/python-fp-growth/issues: 2, 7 and 6; rasbt/mlxtend/issues/690."""
    orders = ["ade", "bcd", "ace", "acde", "ae", "acd", "bc", "acde", "bce", "ade"]
    assert _counts(orders, 5)[("a", "d")] == 5
    assert _counts(["adef", "adef", "ac", "acdef", "ac", "ac"], 3)[("a", "e", "f")] == 3
    orders = list(itertools.combinations(range(20), 4))
    want = Counter(s for o in orders for k in range(1, 5) for s in itertools.combinations(o, k))
    assert _counts(orders, 2) == {s: n for s, n in want.items() if n >= 2}
    assert _counts(["ab", "ac", "c"], 1)[("a", "c")] == 1


def test_rules_that_others_lost():
    """chonyy/fpgrowth_py/issues/3 (confidence 1), tommyod/Efficient-Apriori/issues/57."""
    orders = [["eggs", "bacon", "soup"], ["eggs", "bacon", "apple"], ["soup", "bacon", "banana"]]
    rules = baskets(_sold(orders), min_support=0.5, min_confidence=1)
    found = rules[["antecedent", "consequent"]].to_numpy().tolist()
    assert found == [["eggs", "bacon"], ["soup", "bacon"]]
    orders = [(1, 2, 3)] * 3 + [(1, 2), (2, 3)]
    rules = baskets(_sold(orders), min_support=0.4, min_confidence=0.8, max_len=None)
    found = set(zip(rules["antecedent"], rules["consequent"], strict=True))
    assert found == {((1,), 2), ((2,), 1), ((2,), 3), ((3,), 2), ((1, 3), 2)}


# -- recency, frequency, monetary value ------------------------------------------------


def test_scores_of_the_r_package_rfm():
    """R package rfm 0.2.2, vignette: first ten customers; cuts of rfm_table_order's example."""
    printed = [
        ("2006-06-09", 6, 472, 205, "343"), ("2006-08-13", 3, 340, 140, "412"),
        ("2006-06-20", 4, 405, 194, "323"), ("2006-08-21", 5, 448, 132, "433"),
        ("2006-10-02", 9, 843, 90, "555"), ("2006-10-08", 9, 763, 84, "555"),
        ("2006-03-25", 8, 699, 281, "355"), ("2006-04-29", 4, 157, 246, "321"),
        ("2006-01-16", 3, 363, 349, "212"), ("2005-04-21", 4, 196, 619, "121"),
    ]  # fmt: skip
    rows = [
        (who, last if i == 0 else "2004-12-31", spent if i == 0 else 0.0)
        for who, (last, times, spent, *_) in enumerate(printed)
        for i in range(times)
    ]
    sold = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    cuts = {
        "recency": [115, 181, 297, 482],
        "frequency": [4, 5, 6, 8],
        "monetary": [256, 382, 506, 666],
    }
    out = rfm(sold, as_of="2006-12-31", method="fixed", cuts=cuts)
    assert out["recency"].tolist() == [days for *_, days, _ in printed]
    assert out["rfm"].tolist() == [scores for *_, scores in printed]


def test_champions_of_the_r_package_rfm(data_dir):
    """R package rfm 0.3.0, tests/testthat/test-rfm-segment.R: customers, orders and revenue.

    It cuts at the quantiles plus one (type 7), and a value has to reach a cut to leave its class.
    """
    orders = pd.read_parquet(data_dir / "segmentation" / "rfm_orders_4906.parquet")
    values = rfm(orders, as_of="2006-12-31")[["recency", "frequency", "monetary"]]
    ends = values.quantile([0.2, 0.4, 0.6, 0.8]) + 1
    cuts = {axis: ends[axis].tolist() for axis in ("frequency", "monetary")}
    cuts["recency"] = (np.ceil(ends["recency"]) - 1).tolist()  # below a cut, so at most this
    out = rfm(orders, as_of="2006-12-31", method="fixed", cuts=cuts)
    best = out[(out[["r", "f", "m"]] >= 4).all(axis=1)]
    assert (len(best), best["frequency"].sum(), best["monetary"].sum()) == (158, 1234, 120_178)


def test_every_segment_of_the_r_package_rfm():
    """R package rfm 0.3.0, help page of rfm_segment: lower and upper scores in their order."""
    r = ["5-5", "3-5", "2-4", "3-4", "4-5", "1-2", "1-2", "1-3", "2-3", "1-1"]
    f = ["5-5", "3-5", "2-4", "1-3", "1-3", "3-4", "2-5", "3-5", "1-3", "1-5"]
    m = ["5-5", "2-5", "2-4", "3-5", "1-5", "4-5", "4-5", "3-5", "1-4", "1-5"]
    names = [
        "champions", "potential_loyalist", "loyal", "promising", "new", "cant_lose", "at_risk",
        "need_attention", "about_to_sleep", "lost",
    ]  # fmt: skip
    rows = [
        (f"{a}{b}{c}", day, 10.0 * c / b)
        for a, day in zip(range(1, 6), pd.date_range("2025-01-01", periods=5), strict=True)
        for b, c in itertools.product(range(1, 6), repeat=2)
        for _ in range(b)
    ]
    sold = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    cuts = {"recency": [0, 1, 2, 3], "frequency": [2, 3, 4, 5], "monetary": [20, 30, 40, 50]}
    out = rfm(sold, method="fixed", cuts=cuts, scheme="r_package")
    assert (out["rfm"] == out["customer_id"]).all()
    for row in out.itertuples():
        inside = [
            name
            for name, *spans in zip(names, r, f, m, strict=True)
            if all(s[0] <= v <= s[2] for s, v in zip(spans, row.rfm, strict=True))
        ]
        assert row.segment == (inside or ["others"])[0], row.rfm


# -- value, cohorts, products ---------------------------------------------------------


def test_abc_of_a_course_exercise():
    """homeworksource.com/p/1006462: sixteen items at cut-off points of 80 % and 95 %."""
    usage = {5: 36385, 15: 22436, 12: 12516, 1: 9028, 9: 3374, 8: 3231, 3: 2024, 11: 1919,
             7: 1881, 16: 1786, 4: 1408, 6: 1092, 14: 484, 13: 315, 2: 252, 10: 120}  # fmt: skip
    frame = pd.DataFrame({"item": list(usage), "usage": list(usage.values())})
    out = abc(frame.sample(frac=1, random_state=0), item="item", value="usage")
    assert out["item"].tolist() == list(usage)
    assert "".join(out["class"]) == "AAABBBBBBCCCCCCC"
    printed = [37.0, 59.9, 72.6, 81.8, 85.2, 88.5, 90.6, 92.5, 94.4, 96.3, 97.7, 98.8]
    assert (out["cumulative"].head(12) * 100).round(1).tolist() == printed
    with pytest.raises(InputError, match=r"between 0 and 1 \(80 % is 0\.8\), got \(80, 95\)"):
        abc(frame, item="item", value="usage", cuts=(80, 95))


def test_cohort_months_of_a_walkthrough():
    """datost.com/blog/cohort-retention-in-sql: three events of two users."""
    times = ["2026-01-04 09:12", "2026-02-18 14:03", "2026-01-22 08:40"]
    users = ["u_001", "u_001", "u_002"]
    sold = pd.DataFrame({"customer_id": users, "date": pd.to_datetime(times), "amount": 1.0})
    assert cohorts(sold)[["age", "size", "active"]].to_numpy().tolist() == [[0, 2, 2], [1, 2, 1]]


def test_cohort_weeks_that_begin_on_sundays():
    """github.com/PostHog/posthog/issues/25841: the day set for weeks was not kept to."""
    days = pd.to_datetime(["2024-10-26", "2024-10-27", "2024-10-28"])  # Saturday to Monday
    sold = pd.DataFrame({"customer_id": list("abc"), "date": days, "amount": 1.0})
    starts = {
        day: cohorts(sold, freq="W", week_start=day)["cohort"].dt.day.unique().tolist()
        for day in ("sunday", "monday", "saturday")
    }
    assert starts == {"sunday": [20, 27], "monday": [21, 28], "saturday": [26]}
    with pytest.raises(InputError, match="week_start must be one of 'monday'"):
        cohorts(sold, freq="W", week_start="SUN")


@pytest.mark.parametrize(
    ("whole", "part", "points"),
    [((1000, 1180), (250, 315), 6.50), ((5000, 5600), (1100, 1320), 4.40),
     ((2200, 2420), (680, 748), 3.09)],
)  # fmt: skip
def test_contribution_to_growth_of_a_calculator(whole, part, points):
    """codingace.net, "Contribution to Growth", example data table."""
    rows = [
        (year, name, amount)
        for year, all_, own in zip(("2024", "2025"), whole, part, strict=True)
        for name, amount in (("own", own), ("rest", all_ - own))
    ]
    sold = pd.DataFrame(rows, columns=["date", "product", "amount"])
    sold["date"] = pd.to_datetime(sold["date"] + "-06-30")
    out = portfolio(sold, product="product", periods=("2024", "2025")).set_index("product")
    assert round(out.loc["own", "contribution"] * 100, 2) == points


@pytest.mark.parametrize(
    ("amounts", "printed"),
    [([8.1, 11.5, 20.0, 22.8, 37.6], 0.2812), ([5000.0] * 7 + [150_000.0], 0.6858108108)],
)
def test_gini_coefficients_of_exercises(amounts, printed):
    """wizedu.com/questions/80265 (fifths of income); scribd.com/document/523444415."""
    sold = pd.DataFrame({"customer_id": range(len(amounts)), "amount": amounts})
    assert whale_curve(sold).attrs["gini"] == pytest.approx(printed, abs=1e-10)


def test_a_campaign_against_control_stores():
    """pathformance.com/differencefaq.html: dollars a store and week, six weeks of campaign."""
    days = pd.date_range("2025-01-06", periods=84)
    weeks = {"control": (800 * 40, 800 * 60), "test": (4000 * 100, 4000 * 160)}
    rows = [
        (day, stores, amounts[i >= 42] / 7)
        for i, day in enumerate(days)
        for stores, amounts in weeks.items()
    ]
    sold = pd.DataFrame(rows, columns=["date", "stores", "amount"])
    plan = pd.DataFrame({"promotion": ["campaign"], "start": days[42], "end": days[-1]})
    out = promotion_effect(sold, plan.assign(stores="test", cost=100_000), scope="stores").iloc[0]
    assert out["incremental"] == pytest.approx(240_000, abs=0.01)
    assert round(out["uplift"] * 100, 1) == 6.7
    assert round(out["return_on_cost"], 2) == 2.40


@pytest.mark.parametrize("name", ["customer_id", "CustomerID", "Customer ID", "客户编号"])
def test_numbers_that_name_customers_are_no_features(name):
    """Ids of the Online Retail data are whole numbers; they measure nothing."""
    spend = pd.DataFrame({"orders": [1.0, 9, 1, 9, 2, 8], "paid": [5.0, 90, 6, 80, 4, 95]})
    with_id = spend.assign(**{name: range(12345, 12351)})
    want = cluster(spend, k=2)["cluster"].tolist()
    assert cluster(with_id, k=2)["cluster"].tolist() == want == [2, 1, 2, 1, 2, 1]
    with pytest.raises(InputError, match="look like ids; name some with columns="):
        cluster(with_id[[name]])
    assert cluster(with_id, k=2, columns=[name])["cluster"].nunique() == 2
