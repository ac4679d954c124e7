"""Clusters, propensity, portfolio, elasticity, promotions and market share."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.utils.estimator_checks import parametrize_with_checks

from salesmgmt import DataWarning, InputError, load_sample
from salesmgmt.engine.panel import within_slope
from salesmgmt.segmentation import (
    BGNBD,
    ChurnModel,
    Clusterer,
    NextPurchaseModel,
    calibration,
    churn_risk,
    cluster,
    cohorts,
    elasticity,
    market_share,
    next_purchase,
    portfolio,
    promotion_effect,
    purchases,
)

TRUTHS = Path(__file__).resolve().parent.parent / "data" / "sample" / "truths.json"
YEARS = [("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")]


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return load_sample("transactions")


@pytest.fixture(scope="module")
def truths() -> dict:
    return json.loads(TRUTHS.read_text(encoding="utf-8"))


# -- clusters -------------------------------------------------------------------------


@parametrize_with_checks([Clusterer(k=2)])
def test_clusterer_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


def _blobs(seed=0):
    rng = np.random.default_rng(seed)
    centres = np.array([[5.0, 40, 900], [30, 10, 300], [200, 2, 50]])
    X = np.repeat(centres, 60, axis=0) * rng.lognormal(0, 0.08, (180, 3))
    return pd.DataFrame(X, columns=["recency", "frequency", "monetary"])


def test_clusters_are_found_counted_and_ordered_by_value():
    frame = _blobs()
    out = cluster(frame)
    assert out.attrs["k"] == 3
    assert out["cluster"].tolist() == [1] * 60 + [2] * 60 + [3] * 60
    mixed = frame.sample(frac=1, random_state=2)
    again = cluster(mixed)
    pd.testing.assert_series_equal(again["cluster"].sort_index(), out["cluster"])
    scaled = cluster(frame * [1, 1, 7.3])
    pd.testing.assert_series_equal(scaled["cluster"], out["cluster"])
    assert cluster(frame, lang="zh")["label"].iloc[0].startswith("1: ")


def test_columns_named_by_numbers_are_features():
    frame = _blobs()
    plain = cluster(frame.set_axis(range(3), axis=1), k=3, lower_is_better=[0])
    assert plain["cluster"].tolist() == cluster(frame, k=3)["cluster"].tolist()


def test_cluster_names_what_is_wrong():
    with pytest.raises(InputError, match="whole number"):
        cluster(_blobs(), k=0)
    with pytest.raises(InputError, match="no numeric column"):
        cluster(pd.DataFrame({"a": ["x", "y"]}))
    alike = pd.DataFrame({"a": [1.0, 1.0, 1.0, 2.0]})
    with pytest.raises(InputError, match=r"k=3 .* only 2"):  # gave two without a word
        cluster(alike, k=3)
    assert cluster(alike, k=2)["cluster"].tolist() == [2, 2, 2, 1]
    # Misspelt, it was ignored: who had not bought for longest came first.
    with pytest.raises(InputError, match=r"lower_is_better: features has no column 'Recency'"):
        cluster(_blobs(), lower_is_better=["Recency"])
    assert cluster(_blobs()[["monetary"]], k=2)["cluster"].iloc[0] == 1  # the default needs none


def test_cluster_labels_tell_what_lies_half_a_deviation_off():
    """Centres 0, 1.15 and 2 of even groups lie at -1.28, 0.12 and 1.16 deviations."""
    at = np.repeat([0.0, 1.15, 2.0], 20) + np.tile(np.linspace(-0.01, 0.01, 20), 3)
    out = cluster(pd.DataFrame({"size": at}), k=3, log=False)
    assert out["label"].drop_duplicates().tolist() == ["3: low size", "2: average", "1: high size"]


def test_the_largest_number_of_clusters_within_the_slack_is_taken():
    """Two pairs of pairs: halves agree on two groups wholly, on all four nearly."""
    at = np.arange(120) % 4
    noise = np.random.default_rng(2).normal(0, 0.6, (120, 2))
    found = Clusterer().fit(np.column_stack([20.0 * (at // 2), 3.0 * (at % 2)]) + noise)
    best = max(found.stability_.values())
    near = [k for k, s in found.stability_.items() if s >= best - 0.02]
    assert found.stability_[2] == best > found.stability_[4]
    assert near == [2, 4]
    assert found.k_ == 4


def test_only_skewed_features_are_taken_in_logarithms():
    even = (np.arange(50) + 0.5) / 50
    for values, moved in ((-np.log(even), True), (even, False)):  # of skewness 2 and 0
        frame = pd.DataFrame({"spend": values})
        plain, shown = (cluster(frame, k=2, log=log)["distance"] for log in (False, True))
        assert (np.abs(plain - shown).max() > 0.01) == moved


# -- propensity -----------------------------------------------------------------------


def test_churn_is_ranked_and_calibrated_on_held_out_time(sample):
    model = ChurnModel(horizon=90).fit(sample)
    assert model.score_["auc"] > 0.75
    base = model.score_["base_rate"]
    assert model.score_["brier"] < 0.85 * base * (1 - base)
    gap = (model.calibration_["predicted"] - model.calibration_["actual"]).abs()
    assert np.average(gap, weights=model.calibration_["customers"]) < 0.07


@pytest.mark.parametrize("predict", [churn_risk, next_purchase])
def test_rows_left_out_are_told_once(sample, predict):
    some = sample.head(2000)
    odd = some.assign(date=some["date"].where(np.arange(2000) != 5))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        predict(odd, horizon=30, invalid="drop")
    assert [str(w.message).startswith(predict.__name__) for w in told] == [True]


def test_calibration_says_how_to_hold_out(sample):
    seen = purchases(sample.head(500))
    model = BGNBD.from_params(r=0.2, alpha=4.4, a=0.8, b=2.4)
    with pytest.raises(InputError, match=r"'x_holdout'.*make them with purchases\(.*holdout="):
        calibration(model, seen)


def test_past_model_predicts_the_future_it_has_not_seen(sample):
    model = ChurnModel(horizon=90).fit(sample, as_of="2025-06-30")
    ahead = model.predict_proba(sample, as_of="2025-06-30").set_index("customer_id")["p_churn"]
    later = sample[sample["date"].between("2025-07-01", "2025-09-28") & (sample["amount"] >= 0)]
    gone = ~ahead.index.isin(later["customer_id"])
    assert ahead[gone].mean() > ahead[~gone].mean() + 0.2
    assert ahead.mean() == pytest.approx(gone.mean(), abs=0.08)


def test_base_rate_counts_who_bought_in_the_last_horizon(sample):
    """From the day after the newest past date to the last day, both inside; returns are none."""
    lines = sample[["customer_id", "date", "amount"]]
    day, horizon = lines["date"].max(), 45
    cut = day - pd.Timedelta(days=horizon)
    asleep = lines.groupby("customer_id")["date"].max().loc[lambda d: d < cut].index
    extra = [
        pd.DataFrame({"customer_id": asleep[at], "date": when, "amount": amount})
        for at, when, amount in (
            (slice(0, 40), day, 9.0),  # on the last day: bought
            (slice(40, 80), cut, 9.0),  # on the day itself: known, not yet ahead
            (slice(80, 120), day, -9.0),  # a return: nothing bought
        )
    ]
    lines = pd.concat([lines, *extra], ignore_index=True)
    bought = lines[lines["amount"] >= 0]
    known = bought.loc[bought["date"] <= cut, "customer_id"].unique()
    came = bought.loc[bought["date"] > cut, "customer_id"].unique()
    score = NextPurchaseModel(horizon=horizon).fit(lines).score_
    assert score["customers"] == len(known)
    assert score["base_rate"] == pytest.approx(np.isin(known, came).mean(), abs=1e-12)


def _alike(seed, customers=60, days=540, gap=70.0):
    """Customers who all buy at the same rate at any time: nothing tells them apart."""
    rng = np.random.default_rng(seed)
    when = np.cumsum(rng.exponential(gap, (customers, 60)), axis=1)
    who, _ = np.nonzero(when < days)
    day = pd.to_timedelta(when[when < days].astype(int), unit="D")
    amounts = rng.lognormal(4, 1, len(who))
    date = pd.Timestamp("2024-01-01") + day
    return pd.DataFrame({"customer_id": who, "date": date, "amount": amounts})


def test_nothing_is_foreseen_where_nothing_can_be():
    """A fit judged on what it has seen would find .65 and more in so few customers."""
    told = [ChurnModel(horizon=90).fit(_alike(seed)).score_["auc"] for seed in range(12)]
    assert np.mean(told) == pytest.approx(0.5, abs=0.06)


def test_chances_are_those_of_the_newest_time():
    """Three in four stop buying; what ranked the others before is by chance the wrong way now."""
    lines = _alike(0, customers=400, days=720)
    stops = np.random.default_rng(0).random(400) < 0.75
    gone = (lines["date"] >= "2025-07-01") & stops[lines["customer_id"]]
    model = NextPurchaseModel(horizon=90).fit(lines[~gone], as_of="2025-12-20")
    share = model.score_["base_rate"]
    assert share < 0.25  # it was two thirds
    found = model.calibration_
    mean = np.average(found["predicted"], weights=found["customers"])
    assert mean == pytest.approx(share, abs=0.02)  # .50
    then = model.predict_proba(lines[~gone], as_of="2025-09-21")  # the day it was judged on
    assert then["p_purchase"].mean() == pytest.approx(share, abs=0.02)  # .36
    assert model.score_["brier"] < share * (1 - share) * 1.02  # no worse than the share alone


def test_a_chance_is_the_same_whoever_else_is_in_the_table(sample):
    model = ChurnModel().fit(sample)
    whole = model.predict_proba(sample).set_index("customer_id")["p_churn"]
    large = sample.groupby("customer_id")["amount"].sum().nlargest(30).index
    some = sample[sample["customer_id"].isin(large)]
    alone = model.predict_proba(some, as_of=sample["date"].max()).set_index("customer_id")
    np.testing.assert_allclose(alone["p_churn"], whole[alone.index], rtol=1e-12)


def test_churn_and_purchase_are_two_sides(sample):
    stay = NextPurchaseModel(horizon=90).fit(sample).predict_proba(sample)["p_purchase"]
    leave = churn_risk(sample, horizon=90)["p_churn"]
    np.testing.assert_allclose(stay + leave, 1, atol=1e-3)


def test_future_rows_never_change_a_chance(sample):
    cut = sample[sample["date"] <= "2025-06-30"]
    a = churn_risk(sample, as_of="2025-06-30")
    b = churn_risk(cut.sample(frac=1, random_state=1), as_of="2025-06-30")
    both = a.merge(b, on="customer_id")
    np.testing.assert_allclose(both["p_churn_x"], both["p_churn_y"], atol=1e-6)


def test_short_history_is_named(sample):
    with pytest.raises(InputError, match="three times the horizon"):
        ChurnModel(horizon=800).fit(sample)


# -- products and markets -------------------------------------------------------------


def test_portfolio_adds_up(sample):
    out = portfolio(sample, product="product_line", market="region", periods=YEARS)
    total = [sample.loc[sample["date"].between(*span), "amount"].sum() for span in YEARS]
    assert out["after"].sum() == pytest.approx(total[1])
    assert out["contribution"].sum() == pytest.approx(total[1] / total[0] - 1)
    assert out["share"].sum() == pytest.approx(1)
    with pytest.raises(InputError, match="in order"):
        portfolio(sample, product="product_line", periods=YEARS[::-1])


@pytest.mark.parametrize(
    ("named", "spans"),
    [
        (("2024", "2025"), YEARS),
        ((2024, 2025), YEARS),
        (pd.PeriodIndex(["2024", "2025"], freq="Y"), YEARS),
        (
            ("2024Q1", pd.Period("2025Q1")),
            [("2024-01-01", "2024-03-31"), ("2025-01-01", "2025-03-31")],
        ),
        (("2024-2", "2025-02"), [("2024-02-01", "2024-02-29"), ("2025-02-01", "2025-02-28")]),
        (("2024", ("2025-01-01", pd.Timestamp("2025-12-31"))), YEARS),
    ],
)
def test_periods_of_a_portfolio_by_name(sample, named, spans):
    pd.testing.assert_frame_equal(
        portfolio(sample, product="product_line", periods=named),
        portfolio(sample, product="product_line", periods=spans),
    )


@pytest.mark.parametrize("wrong", [("2024-01-01", "2024-12-31"), "2024", ("ab", "cd"), None])
def test_odd_periods_of_a_portfolio_are_named(sample, wrong):
    with pytest.raises(InputError, match="periods must be two"):
        portfolio(sample, product="product_line", periods=wrong)


def test_portfolio_classes():
    rows = [("star", 50, 90), ("cow", 60, 60), ("question", 5, 20), ("dog", 20, 10)]
    rows += [("new", 0, 5), ("gone", 5, 0)]
    lines = [(p, "2024-05-01", float(b)) for p, b, _ in rows if b]
    lines += [(p, "2025-05-01", float(a)) for p, _, a in rows if a]
    frame = pd.DataFrame(lines, columns=["product", "date", "amount"])
    out = portfolio(frame, product="product", periods=YEARS).set_index("product")["class"]
    assert out.to_dict() == {
        "star": "star", "cow": "cash_cow", "question": "question_mark", "dog": "dog",
        "new": "new", "gone": "gone",
    }  # fmt: skip


def _chained_effects(n: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Three effects whose levels meet only neighbour by neighbour: slow to sweep out in turn."""
    place = np.arange(n) // 3
    return np.random.default_rng(n).normal(size=n), [place // 2, (place + 1) // 2, np.arange(n) % 4]


def test_products_that_lose_money_neither_grow_nor_have_a_margin():
    amounts = [("a", 50, 60), ("b", -40, -10), ("c", 5, -20)]
    lines = [
        (p, d, float(v)) for p, x, y in amounts for d, v in (("2024-05-01", x), ("2025-05-01", y))
    ]
    frame = pd.DataFrame(lines, columns=["product", "date", "amount"]).assign(cost=5.0)
    out = portfolio(frame, product="product", periods=YEARS).set_index("product")
    assert out["class"].to_dict() == {"a": "cash_cow", "b": "dog", "c": "gone"}
    assert out["margin"]["a"] == pytest.approx(55 / 60)
    assert out["margin"][["b", "c"]].isna().all()  # was 1.5 and 1.25


@pytest.mark.parametrize("n", [60, 200])
def test_slope_within_groups_equals_dummy_regression(n):
    x, effects = _chained_effects(n)
    cluster = np.arange(n) % 25
    y = -1.5 * x + sum(effects) + np.random.default_rng(0).normal(0, 0.1, n)
    dummies = np.column_stack([np.eye(e.max() + 1)[e] for e in effects])
    rank = np.linalg.matrix_rank(dummies)
    assert rank == sum(e.max() + 1 for e in effects) - 2
    x_rest, y_rest = (v - dummies @ np.linalg.lstsq(dummies, v, rcond=None)[0] for v in (x, y))
    slope = (x_rest @ y_rest) / (x_rest @ x_rest)
    scores = np.bincount(cluster, x_rest * (y_rest - slope * x_rest))
    small = 25 / 24 * (n - 1) / (n - 1 - rank)
    got, error = within_slope(x, y, effects, cluster)
    assert got == pytest.approx(slope, abs=1e-9)
    assert error == pytest.approx(np.sqrt(scores @ scores * small) / (x_rest @ x_rest), rel=1e-8)


def test_elasticity_of_as_many_lines_as_effects_is_missing():
    # Any slope fits three lines of two products and two months exactly: it was 0.74 +- 1e-16.
    lines = pd.DataFrame(
        {
            "product": ["a", "b", "a", "a"],
            "date": pd.to_datetime(["2025-01-05", "2025-01-09", "2025-02-05", "2025-02-07"]),
            "price": [5.0, 7.0, 6.5, 5.5],
            "quantity": [10.0, 7.0, 12.0, 9.0],
        }
    )
    few = elasticity(lines.head(3)), elasticity(lines), elasticity(lines.head(1))
    assert [t["status"][0] for t in few] == ["no_price_change", "too_few_lines", "too_few_lines"]
    assert few[1][["elasticity", "standard_error", "lo", "hi", "p_value"]].isna().all(axis=None)


def test_elasticity_by_group_is_that_of_each_group_alone(sample):
    lines = sample[sample["product_line"].isin(["Tools", "Pumps"])]
    alone = [elasticity(g) for _, g in lines.groupby("product_line")]
    together = elasticity(lines, by="product_line").drop(columns="product_line")
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))


def test_elasticity_finds_the_truth(sample, truths):
    out = elasticity(sample, by="product_line").set_index("product_line")
    assert out.loc["Tools", "lo"] < truths["elasticity"]["Tools"] < out.loc["Tools", "hi"]
    # Prices that only move together with the year cannot be told from the year.
    assert out.loc["Drives", "elasticity"] != out.loc["Drives", "elasticity"]
    assert out.loc[["Tools", "Drives"], "status"].tolist() == ["ok", "no_price_change"]


def test_elasticity_says_why_it_is_missing():
    rng = np.random.default_rng(0)
    price = rng.uniform(5, 15, 48)
    lines = pd.DataFrame(
        {
            "product": "A",
            "date": pd.date_range("2022-01-01", periods=48, freq="MS"),
            "price": price,
            "quantity": np.exp(8 - 1.8 * np.log(price) + rng.normal(0, 0.05, 48)),
        }
    )
    assert elasticity(lines)["status"].tolist() == ["no_price_change"]  # one line a month
    year = elasticity(lines, freq="Y").iloc[0]
    assert (year["status"], year["lo"] < -1.8 < year["hi"]) == ("ok", True)
    once = elasticity(lines.assign(customer_id=range(48)), freq="Y")
    assert once["status"].tolist() == ["no_price_change"]
    unit = elasticity(lines.assign(quantity=1.0), freq="Y")  # was 0, from 0 to 0
    assert unit["status"].tolist() == ["same_quantity"]
    assert unit[["elasticity", "standard_error", "lo", "hi", "p_value"]].isna().all(axis=None)


def test_elasticity_range_is_students_t_on_clusters_less_one(sample):
    lines = sample[(sample["product_line"] == "Tools") & (sample["customer_id"] < "C0200")]
    found = elasticity(lines, freq="Q", level=0.9).iloc[0]
    groups = lines.groupby(["product", lines["date"].dt.to_period("Q")]).ngroups
    half = student(groups - 1).ppf(0.95) * found["standard_error"]
    assert found["lo"] == pytest.approx(found["elasticity"] - half)
    assert found["hi"] == pytest.approx(found["elasticity"] + half)
    t = abs(found["elasticity"]) / found["standard_error"]
    assert found["p_value"] == pytest.approx(2 * student(groups - 1).sf(t))


def _flat(days, **regions):
    """Sales of one amount a day in each region."""
    date = pd.date_range("2024-01-01", periods=days)
    rows = [pd.DataFrame({"date": date, "region": r, "amount": v}) for r, v in regions.items()]
    return pd.concat(rows, ignore_index=True)


def test_days_of_a_promotion_of_all_regions_teach_nothing_of_one():
    sold = _flat(400, A=10.0, B=30.0)
    plan = pd.DataFrame(
        {
            "promotion": ["everywhere", "here"],
            "region": [None, "A"],
            "start": pd.to_datetime(["2024-05-01", "2024-07-01"]),
            "end": pd.to_datetime(["2024-05-20", "2024-07-10"]),
        }
    )
    during = sold["date"].between("2024-05-01", "2024-05-20") & (sold["region"] == "A")
    sold.loc[during, "amount"] = 500.0
    out = promotion_effect(sold, plan, scope="region")
    assert out["expected"].iloc[1] == pytest.approx(100.0)
    assert out["uplift"].iloc[1] == pytest.approx(0.0, abs=1e-12)


def test_expected_are_sales_of_the_120_days_before_and_after():
    start = pd.Timestamp("2024-10-01")
    plan = pd.DataFrame({"promotion": ["p"], "region": "A", "start": [start], "end": [start]})
    for days, counts in ((-121, False), (-120, True), (134, True), (135, False)):
        sold = _flat(600, A=10.0, B=30.0)
        at = (sold["date"] == start + pd.Timedelta(days=days)) & (sold["region"] == "A")
        sold.loc[at, "amount"] = 250.0
        found = promotion_effect(sold, plan, scope="region")["expected"].iloc[0]
        # 120 quiet days on either side, without the 14 days after it.
        assert found == pytest.approx(10.0 + counts * 240.0 / 240)


def test_ranges_of_promotions_follow_from_their_spans_and_from_what_was_tried():
    rng = np.random.default_rng(11)
    date = pd.date_range("2024-01-01", periods=200)
    parts = [(r, p) for r in "AB" for p in "xy"]
    sold = pd.concat(
        pd.DataFrame({"date": date, "region": r, "product": p, "amount": rng.gamma(5.0, 20.0, 200)})
        for r, p in parts
    )
    plan = pd.DataFrame({"promotion": ["one", "two"], "region": "A", "product": "x"})
    plan["start"], plan["end"] = date[[60, 130]], date[[69, 139]]

    def halves(plan, level):  # of the logarithm of the uplift
        found = promotion_effect(sold, plan, scope=["region", "product"], level=level)
        return np.log((1 + found["hi"]) / (1 + found["lo"])).to_numpy() / 2, found["expected"]

    wide, expected = halves(plan, 0.95)
    # 60 + 46 + 46 quiet days hold 6 + 4 + 4 stretches of ten side by side; five comparisons
    # were tried, of which each but the first costs half a degree of freedom.
    free = student(6 + 4 + 4 - 1 - 4 / 2)
    narrow, _ = halves(plan, 0.5)
    np.testing.assert_allclose(wide / narrow, free.ppf(0.975) / free.ppf(0.75), rtol=1e-9)
    together, _ = halves(plan.assign(promotion="both"), 0.95)
    share = expected / expected.sum()  # errors of the spans are independent
    assert together[0] == pytest.approx(wide[0] * np.sqrt((share**2).sum()), rel=1e-9)


def test_growth_of_weeks_is_against_the_52nd_before():
    weeks = pd.date_range("2024-01-01", periods=60, freq="7D")
    ours = pd.DataFrame({"date": weeks, "amount": np.arange(1.0, 61.0)})
    whole = pd.DataFrame({"date": weeks, "amount": 1_000.0 + np.arange(60) ** 2})
    out = market_share(ours, whole, freq="W")
    assert out["growth"].isna().tolist() == [True] * 52 + [False] * 8
    assert out["growth"].iloc[52:].tolist() == pytest.approx([52 / n for n in range(1, 9)])


def test_promotions_find_the_truth(sample, truths):
    rows = [
        {"promotion": p["name"], "start": a, "end": b} | p["scope"]
        for p in truths["promotions"]
        for a, b in p["spans"]
    ]
    scope = ["channel", "product_line", "region"]
    out = promotion_effect(sample, pd.DataFrame(rows), scope=scope).set_index("promotion")
    known = [p["uplift_of_all_lines"] for p in truths["promotions"]]
    assert out["lo"].iloc[0] > 0.2
    assert out["lo"].iloc[1] < known[1] < out["hi"].iloc[1]
    assert out["lo"].iloc[0] < known[0] < out["hi"].iloc[0]
    assert out["lo"].iloc[2] < 0.25
    assert (out["incremental"] == out["actual"] - out["expected"]).all()


def test_promotion_by_hand():
    days = pd.date_range("2025-01-01", periods=140)
    base = pd.DataFrame({"date": days, "amount": 100.0, "line": "x"})
    rest = pd.DataFrame({"date": days, "amount": 300.0, "line": "y"})
    on = days[70:77]
    base.loc[base["date"].isin(on), "amount"] = 150.0
    plan = pd.DataFrame(
        {"promotion": ["p"], "start": [on[0]], "end": [on[-1]], "line": ["x"], "cost": [70.0]}
    )
    out = promotion_effect(pd.concat([base, rest]), plan, scope="line").iloc[0]
    assert (out["days"], out["actual"], out["expected"]) == (7, 1050.0, pytest.approx(700))
    assert out["uplift"] == pytest.approx(0.5)
    assert out["return_on_cost"] == pytest.approx(5)


def _two_lines_two_regions():
    days = pd.date_range("2025-01-01", periods=140)
    flat = {("x", 1): 100.0, ("x", 2): 200.0, ("y", 1): 300.0, ("y", 2): 400.0}
    parts = [
        pd.DataFrame({"date": days, "amount": v, "line": line, "region": region})
        for (line, region), v in flat.items()
    ]
    return days, pd.concat(parts, ignore_index=True)


def test_a_promotion_may_have_several_scopes():
    days, sold = _two_lines_two_regions()
    on = days[70:77]
    sold.loc[sold["date"].isin(on) & (sold["line"] == "x"), "amount"] *= 1.5
    plan = pd.DataFrame({"promotion": 7, "start": on[0], "end": on[-1], "region": [1, 2]})
    out = promotion_effect(sold, plan.assign(line="x"), scope=["line", "region"])
    assert out["promotion"].tolist() == [7]  # a number stays one
    row = out.iloc[0]  # was region 1 alone, without a word
    assert (row["days"], row["actual"], row["expected"]) == (7, 3150.0, pytest.approx(2100))
    with pytest.warns(DataWarning, match=r"both have 'region', .* scope=\['line', 'region'\]"):
        whole = promotion_effect(sold, plan.head(1).assign(line="x"), scope="line")
    assert whole["actual"][0] == 3150.0
    with pytest.warns(
        DataWarning, match=r"the scope of 2 row.* first 7 .*line='z', region=1; 'line' holds 'x'"
    ):
        promotion_effect(sold, plan.assign(line="z"), scope=["line", "region"])
    after = {"start": on[0] + pd.Timedelta("9999D"), "end": on[-1] + pd.Timedelta("9999D")}
    later = pd.concat([plan, plan.tail(1).assign(**after)])
    with pytest.raises(InputError, match=r"1 promotion\(s\) lie outside the dates .* first 7 \(2"):
        promotion_effect(sold, later, scope="region")
    apart = plan.assign(line=["x", "y"], start=[on[0], on[3]])
    with pytest.raises(InputError, match="promotion 7 has other dates in one scope"):
        promotion_effect(sold, apart, scope=["line", "region"])


def test_the_days_after_a_promotion_are_not_those_of_the_next():
    days, sold = _two_lines_two_regions()
    first, second = days[70:77], days[80:91]
    own = sold["line"] == "x"
    sold.loc[sold["date"].isin(first) & own, "amount"] *= 1.5
    sold.loc[sold["date"].isin(second) & own, "amount"] *= 3.0
    sold.loc[sold["date"].isin(days[77:80]) & own, "amount"] *= 0.8
    plan = pd.DataFrame({"promotion": ["a", "b"], "line": "x"}).assign(
        start=[first[0], second[0]], end=[first[-1], second[-1]]
    )
    out = promotion_effect(sold, plan, scope="line").set_index("promotion")
    assert out.loc["a", "dip"] == pytest.approx(-0.2)  # was + 1.7: the sales of the second one
    assert out.loc["a", "net"] == pytest.approx(0.5 * 2100 - 0.2 * 900)
    assert out.loc["b", "dip"] == pytest.approx(0.0, abs=1e-12)


def _heavy_tailed(seed, length, uplift):
    """Three years of few, very unequal orders; regions drift, one product has a season."""
    rng = np.random.default_rng(seed)
    t = np.arange(3 * 365)
    start = int(rng.integers(140, len(t) - 140 - length))
    parts = []
    for region in "NSE":
        drift = np.exp(0.15 * np.repeat(rng.normal(0, 1, len(t) // 14 + 1), 14)[: len(t)])
        for line in "abc":
            season = 1 + 0.3 * np.sin(2 * np.pi * t / 365.25) * (line == "a")
            rate = 1.5 * drift * season
            if (region, line) == ("S", "b"):
                rate[start : start + length] *= 1 + uplift
            day = np.repeat(t, rng.poisson(rate))
            money = 100 * np.exp(rng.normal(0, 1.5, len(day)))
            parts.append(
                pd.DataFrame({"day": day, "amount": money, "region": region, "line": line})
            )
    lines = pd.concat(parts, ignore_index=True)
    lines["date"] = np.datetime64("2022-01-01") + lines["day"].to_numpy()
    first = pd.Timestamp("2022-01-01") + pd.Timedelta(days=start)
    plan = pd.DataFrame({"promotion": ["p"], "start": [first], "region": ["S"], "line": ["b"]})
    return lines, plan.assign(end=first + pd.Timedelta(days=length - 1))


@pytest.mark.slow
@pytest.mark.parametrize("length", [14, 56])
def test_promotion_range_holds_the_truth_on_heavy_tails(length):
    held, false = [], []
    for seed in range(80):
        uplift = 0.5 * (seed % 2)
        lines, plan = _heavy_tailed(seed, length, uplift)
        out = promotion_effect(lines, plan, scope=["line", "region"]).iloc[0]
        held.append(out["lo"] <= uplift <= out["hi"])
        if not uplift:
            false.append(out["p_value"] < 0.05)
        assert (out["p_value"] < 0.05) == (out["lo"] > 0 or out["hi"] < 0)
    # 95 % of 80 is 76; fewer than 70 has a chance below 1 %, as has more than 6 of 40 at 5 %.
    assert sum(held) >= 70
    assert sum(false) <= 6


def test_promotion_takes_the_comparison_that_shares_the_season():
    """Region and product: only the same product elsewhere has the summer, and no promotion."""
    days = pd.date_range("2023-01-01", "2025-12-31")
    summer = 1 + 0.8 * np.sin(2 * np.pi * (days.day_of_year.to_numpy() - 100) / 365)
    parts = [
        pd.DataFrame(
            {
                "date": days,
                "region": r,
                "line": p,
                "amount": level * (summer if p == "ice" else 1.0),
            }
        )
        for r, p, level in (("S", "ice", 10), ("N", "ice", 30), ("S", "tea", 50), ("N", "tea", 60))
    ]
    plan = pd.DataFrame(
        {
            "promotion": ["p"],
            "start": ["2025-06-20"],
            "end": ["2025-07-31"],
            "region": ["S"],
            "line": ["ice"],
        }
    )
    out = promotion_effect(pd.concat(parts), plan, scope=["line", "region"]).iloc[0]
    assert out["uplift"] == pytest.approx(0, abs=1e-6)
    twice = pd.concat([plan, plan.assign(start="2025-07-01")])  # days counted once
    again = promotion_effect(pd.concat(parts), twice, scope=["line", "region"]).iloc[0]
    assert again["days"] == out["days"]
    assert again["actual"] == out["actual"]


def test_promotion_without_quiet_time_to_judge_by_has_no_range():
    days = pd.date_range("2025-01-01", periods=60)
    parts = [pd.DataFrame({"date": days, "line": p, "amount": 1.0}) for p in "xy"]
    plan = pd.DataFrame({"promotion": ["p"], "start": [days[3]], "end": [days[56]], "line": ["x"]})
    out = promotion_effect(pd.concat(parts), plan, scope="line", after=2).iloc[0]
    assert out["uplift"] == pytest.approx(0)
    assert out[["lo", "hi", "p_value"]].isna().all()


def test_market_share_by_hand_and_truth(sample):
    market = load_sample("market")
    out = market_share(sample, market)
    assert len(out) == len(market)
    row = out.iloc[0]
    mine = sample[
        (sample["product_line"] == row.product_line)
        & (sample["region"] == row.region)
        & (sample["date"] < "2023-04-01")
    ]
    assert row["amount"] == pytest.approx(mine["amount"].sum())
    assert row["share"] == pytest.approx(row["amount"] / row["market"])
    drives = out[(out["product_line"] == "Drives") & (out["region"] == "华东")]
    assert drives["growth_gap"].mean() < -0.1
    with pytest.raises(InputError, match="needs a market"):
        market_share(sample, market.assign(amount=0.0))
    with pytest.warns(DataWarning, match=r"216 of 432 row\(s\) of market repeat another"):
        market_share(sample, pd.concat([market, market]))  # half the share, without a word
    with pytest.warns(DataWarning, match="lie 3 or more periods of freq='M' apart"):
        market_share(sample, market, freq="M")  # a quarter's market against a month of sales
    with pytest.warns(DataWarning, match=r"in \d+ of \d+ row\(s\) our amount .* same unit"):
        market_share(sample, market.assign(amount=market["amount"] / 1000))  # was 300 times


def test_our_growth_does_not_wait_for_the_market():
    ours = pd.DataFrame(
        {"date": pd.to_datetime(["2024-02-01", "2025-02-01"]), "amount": [10.0, 12.0]}
    )
    market = pd.DataFrame({"date": [pd.Timestamp("2025-01-01")], "amount": [100.0]})
    out = market_share(ours, market).iloc[0]
    assert (out["growth"], out["share"]) == (pytest.approx(0.2), 0.12)  # growth was missing
    assert out[["share_change", "market_growth", "growth_gap"]].isna().all()


def test_market_share_and_clusters_of_other_engines(sample):
    polars = pytest.importorskip("polars")
    market = load_sample("market")
    want = market_share(sample, market)
    got = market_share(polars.from_pandas(sample), polars.from_pandas(market))
    np.testing.assert_array_equal(got["share"], want["share"])
    table = pd.DataFrame({"recency": [3, 5, 90, 95], "monetary": [90.0, 80.0, 5.0, 6.0]})
    other = cluster(polars.from_pandas(table), k=2, columns=["recency", "monetary"])
    assert other["cluster"].tolist() == [1, 1, 2, 2]


def test_portfolio_tells_of_amounts_that_cannot_be_added_up_exactly():
    days = pd.to_datetime(["2024-01-05", "2024-06-01", "2025-01-05", "2025-06-01"])
    lines = pd.DataFrame({"item": ["a", "b"] * 2, "date": days, "amount": 1e300})
    spans = [("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")]
    with pytest.raises(InputError, match="larger unit"):
        portfolio(lines, product="item", periods=spans)
    assert portfolio(lines.assign(amount=1e14), product="item", periods=spans)["growth"].eq(0).all()


def test_sales_that_no_market_knows_are_told_of():
    ours = pd.DataFrame(
        {
            "region": ["north", "North ", "south", "north"],
            "date": pd.to_datetime(["2025-02-01", "2025-02-01", "2025-02-01", "2026-02-01"]),
            "amount": [10.0, 20.0, 30.0, 40.0],
        }
    )
    whole = pd.DataFrame(
        {"region": ["north", "south"], "date": pd.to_datetime(["2025-01-01"] * 2), "amount": 100.0}
    )
    with pytest.warns(DataWarning, match=r"1 row\(s\) .*region.*'North '"):
        out = market_share(ours, whole)
    assert out["share"].tolist() == [0.1, 0.3]
    assert out.attrs["rows"] == {"given": 4, "invalid": 0, "without_a_market": 2, "used": 2}


def test_a_fiscal_year_begins_with_its_own_month():
    days = pd.to_datetime(["2024-03-31", "2024-04-01", "2025-03-31"])
    ours = pd.DataFrame({"date": days, "amount": [1.0, 2.0, 4.0]})
    whole = pd.DataFrame({"date": days, "amount": [10.0, 10.0, 10.0]})
    out = market_share(ours, whole, freq="Y", year_start=4)
    assert out["date"].dt.strftime("%Y-%m-%d").tolist() == ["2023-04-01", "2024-04-01"]
    assert out["amount"].tolist() == [1.0, 6.0]
    assert out["market"].tolist() == [10.0, 20.0]


def test_cohorts_of_fiscal_years():
    bought = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "a"],
            "date": pd.to_datetime(["2024-03-31", "2024-04-01", "2024-05-01", "2025-03-31"]),
            "amount": [1.0, 2.0, 4.0, 8.0],
        }
    )
    out = cohorts(bought, freq="Y", year_start=4)
    assert out["cohort"].dt.strftime("%Y-%m-%d").tolist() == ["2023-04-01"] * 2 + ["2024-04-01"]
    assert out["amount"].tolist() == [1.0, 10.0, 4.0]
    assert out["complete"].tolist() == [True, True, True]
