"""Behaviour of the KPI desk: what a score means, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt import InputError, kpi, load_sample, plots
from salesmgmt.engine.scoring import attainment, piecewise


def one(value, **metric):
    """Score row of one value under one metric."""
    frame = pd.DataFrame({"k": ["a"], "m": [float(value)]})
    return kpi.scorecard(frame, [kpi.Metric("m", **metric)], keys="k").iloc[0]


@pytest.mark.parametrize(
    ("direction", "value", "target", "share"),
    [
        ("higher", 90, 120, 0.75),
        ("higher", -50, -100, 1.5),  # half the planned loss
        ("higher", 5, 0, 1.0),
        ("higher", -5, 0, 0.0),
        ("lower", 90, 100, 1.1),
        ("lower", 250, 100, -0.5),
        ("lower", 0, 0, 1.0),
        ("lower", 1, 0, 0.0),
        ("target", 90, 100, 0.9),
        ("target", 110, 100, 0.9),
        ("target", 0, 0, 1.0),
    ],
)
def test_attainment_follows_the_stated_rule(direction, value, target, share):
    assert one(value, direction=direction, target=target)["attainment"] == pytest.approx(share)


def test_lower_is_better_can_be_scored_as_a_ratio():
    assert one(80, direction="lower", target=100, inverse="ratio")["score"] == 1.25


def test_curve_is_linear_between_points_flat_outside_and_steps_at_doubled_points():
    curve = [(0.5, 0.0), (1.0, 1.0), (1.0, 1.2), (1.5, 2.0)]
    got = piecewise(np.array([0.2, 0.75, 0.999, 1.0, 1.25, 9.0]), *map(np.array, zip(*curve)))
    np.testing.assert_allclose(got, [0, 0.5, 0.998, 1.2, 1.6, 2.0])
    assert one(100, target=100, curve=curve)["score"] == 1.2


def test_floor_and_cap_bound_the_score_and_not_the_attainment():
    row = one(200, target=100, cap=1.2)
    assert (row["attainment"], row["score"]) == (2.0, 1.2)
    assert one(10, target=100, floor=0.5)["score"] == 0.5


def test_a_gate_takes_the_bonus_points_and_only_them():
    frame = pd.DataFrame({"k": ["a", "b", "c"], "m": [130.0, 130, 70], "g": [0.8, 0.95, 0.8]})
    gated = [kpi.Metric("m", target=100, gate=("g", 0.9)), kpi.Metric("g", target=1.0)]
    card = kpi.scorecard(frame, gated, keys="k")
    assert card.loc[card["metric"] == "m", "score"].tolist() == [1.0, 1.3, 0.7]
    shut = [kpi.Metric("m", target=100, gate=("g", 0.9, 0.0)), kpi.Metric("g", target=1.0)]
    card = kpi.scorecard(frame, shut, keys="k")
    assert card.loc[card["metric"] == "m", "score"].tolist() == [0.0, 1.3, 0.0]


def test_a_missing_value_never_counts_as_zero():
    frame = pd.DataFrame({"k": ["a", "b"], "m": [100.0, 100], "n": [np.nan, 50], "o": [80.0, 80]})
    metrics = [
        kpi.Metric(name, target=100, weight=w) for name, w in (("m", 0.5), ("n", 0.25), ("o", 0.25))
    ]
    with pytest.raises(InputError, match=r"'n' is missing in 1 row"):
        kpi.scorecard(frame, metrics, keys="k")
    card = kpi.scorecard(frame, metrics, keys="k", missing="reweight")
    a = card[card["k"] == "a"]
    np.testing.assert_allclose(a["weight"], [2 / 3, 0, 1 / 3])
    got = kpi.totals(card).set_index("k")["total"]
    assert got["a"] == pytest.approx(2 / 3 + 0.8 / 3)
    assert got["b"] == pytest.approx(0.5 + 0.125 + 0.2)
    with pytest.raises(InputError, match="no value in any weighted metric"):
        kpi.scorecard(frame.assign(m=np.nan, o=np.nan), metrics, keys="k", missing="reweight")


@pytest.mark.parametrize(
    "weights", [{"m": 0.5, "n": 0.4}, {"m": 1.0}, {"m": 0.5, "n": 0.5, "x": 0}]
)
def test_weights_must_fit_the_metrics_and_add_up(weights):
    frame = pd.DataFrame({"k": ["a"], "m": [1.0], "n": [1.0]})
    with pytest.raises(InputError, match="weight"):
        kpi.scorecard(frame, [kpi.Metric("m"), kpi.Metric("n")], keys="k", weights=weights)


def test_weights_may_add_up_to_100_and_totals_then_are_points():
    frame = pd.DataFrame({"k": ["a"], "m": [90.0], "n": [100.0]})
    metrics = [kpi.Metric("m", target=100, weight=60), kpi.Metric("n", target=100, weight=40)]
    assert kpi.totals(kpi.scorecard(frame, metrics, keys="k"))["total"].tolist() == [94.0]


def test_targets_may_be_a_column_and_keys_keep_their_dtype():
    frame = pd.DataFrame({"k": pd.Categorical(["b", "a"]), "m": [50.0, 80], "goal": [50.0, 100]})
    card = kpi.scorecard(frame, [kpi.Metric("m", target="goal")], keys="k")
    assert card["k"].dtype == frame["k"].dtype
    assert card["score"].tolist() == [0.8, 1.0]


def test_repeated_keys_are_refused():
    frame = pd.DataFrame({"k": ["a", "a"], "m": [1.0, 2]})
    with pytest.raises(InputError, match=r"k is repeated|'k' is repeated"):
        kpi.scorecard(frame, [kpi.Metric("m")], keys="k")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"direction": "up"}, "direction must be one of"),
        ({"floor": 2, "cap": 1}, "floor 2 exceeds cap 1"),
        ({"curve": [(1, 1), (0, 0)]}, "must ascend"),
        ({"gate": ("m", 1)}, "another metric"),
        ({"weight": -1}, "at least 0"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused(options, says):
    with pytest.raises(InputError, match=re.escape(says)):
        kpi.Metric("m", **options)


def test_a_metric_that_cannot_be_scored_is_refused_by_the_scorecard():
    with pytest.raises(InputError, match="needs a target or a curve"):
        one(1, direction="lower")


def test_ranks_share_ties_and_errors_widen_their_interval():
    frame = pd.DataFrame({"k": list("abcd"), "m": [1.0, 0.9, 0.9, 0.2], "e": [0.2, 0.2, 0.2, 0.01]})
    plain = kpi.totals(kpi.scorecard(frame, [kpi.Metric("m")], keys="k"))
    assert plain["rank"].tolist() == [1, 2, 2, 4]
    assert plain[["rank_lo", "rank_hi"]].isna().all(axis=None)
    noisy = kpi.totals(kpi.scorecard(frame, [kpi.Metric("m", error="e")], keys="k"))
    assert noisy["rank_lo"].tolist() == [1, 1, 1, 4]
    assert noisy["rank_hi"].tolist() == [3, 3, 3, 4]


def test_rank_intervals_cover_the_true_ranks():
    rng = np.random.default_rng(0)
    seen = np.arange(12) * 0.4 + rng.normal(0, 0.5, (300, 12))
    draw, k = (v.ravel() for v in np.indices(seen.shape))
    frame = pd.DataFrame({"draw": draw, "k": k, "m": seen.ravel(), "e": 0.5})
    card = kpi.scorecard(frame, [kpi.Metric("m", error="e")], keys=["draw", "k"])
    got = kpi.totals(card, by="draw")
    true_rank = 12 - got["k"]
    assert ((got["rank_lo"] <= true_rank) & (true_rank <= got["rank_hi"])).mean() >= 0.95


def test_totals_of_several_periods_show_the_trend():
    frame = pd.DataFrame(
        {"k": list("aaabbb"), "t": [1, 2, 4] * 2, "m": [0.5, 0.7, 1.0, 0.6, 0.6, 0.6]}
    )
    card = kpi.scorecard(frame, [kpi.Metric("m")], keys=["k", "t"])
    got = kpi.totals(card, period="t").set_index(["k", "t"])
    assert got["rank"].tolist() == [2, 1, 1, 1, 2, 2]
    assert got["rank_change"].tolist()[1:3] == [1, 0]
    assert got.loc[("a", 4), "change"] == pytest.approx(0.3)
    # Periods are counted as they come: 1, 2, 4 are three in a row.
    assert got.loc[("a", 4), "trend"] == pytest.approx(np.polyfit([0, 1, 2], [0.5, 0.7, 1.0], 1)[0])
    assert got.loc[("b", 4), "trend"] == pytest.approx(0)
    assert got.xs(1, level="t")[["previous", "trend"]].isna().all(axis=None)


def test_review_explains_the_whole_change_of_the_total():
    frame = pd.DataFrame({"k": ["a"] * 2, "t": [1, 2], "m": [1.2, 0.7], "n": [0.5, 0.9]})
    card = kpi.scorecard(frame, [kpi.Metric("m"), kpi.Metric("n")], keys=["k", "t"])
    total = kpi.totals(card).set_index("t")["total"]
    got = kpi.review(card, "a", period="t")
    assert got["change"].sum() == pytest.approx(total[2] - total[1])
    assert got["change"].to_numpy() == pytest.approx(
        (got["change_by_score"] + got["change_by_weight"]).to_numpy()
    )
    assert got["metric"].iloc[0] == "m"
    with pytest.raises(InputError, match="not in the scorecard"):
        kpi.review(card, "b", period="t")


def test_a_review_explains_metrics_that_came_and_went():
    frame = pd.DataFrame({"k": ["a"], "m": [0.8], "n": [0.5], "o": [0.5]})
    last = kpi.scorecard(frame, [kpi.Metric("m"), kpi.Metric("n")], keys="k")
    now = kpi.scorecard(frame, [kpi.Metric("m", weight=0.7), kpi.Metric("o", weight=0.3)], keys="k")
    got = kpi.review([last, now], "a").set_index("metric")
    assert got.index.tolist() == ["o", "m", "n"]  # by points lost, then what is no more
    assert got["change"].tolist() == pytest.approx([0.15, 0.16, -0.25])
    assert got["change"].sum() == pytest.approx(0.71 - 0.65)
    assert got["change_by_weight"].tolist() == pytest.approx([0.15, 0.16, -0.25])
    assert got["change_by_score"].tolist() == pytest.approx([0, 0, 0])
    assert got.loc["n", ["value", "score"]].isna().all()
    assert got.loc["n", "weight"] == got.loc["n", "lost"] == 0


measured = st.lists(
    st.tuples(st.floats(-1e6, 1e6), st.floats(1, 1e6), st.sampled_from(["higher", "lower"])),
    min_size=2,
    max_size=6,
)


@settings(max_examples=30)
@given(measured, st.randoms())
def test_row_order_and_index_change_no_score(cells, random):
    values = {f"m{i}": [c[0], c[0] / 2, c[1]] for i, c in enumerate(cells)}
    frame = pd.DataFrame({"k": ["x", "y", "z"], **values})
    metrics = [
        kpi.Metric(f"m{i}", target=c[1], direction=c[2], cap=2.0, floor=-2.0)
        for i, c in enumerate(cells)
    ]
    order = random.sample(range(3), 3)
    odd = frame.iloc[order].set_axis(["same"] * 3, axis=0)
    kept = odd.copy()
    one, two = (kpi.scorecard(f, metrics, keys="k") for f in (frame, odd))
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(kpi.totals(one), kpi.totals(one.iloc[::-1]))
    pd.testing.assert_frame_equal(odd, kept)


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.floats(0, 1e6))
def test_doing_better_never_scores_less(value, target, more):
    for direction, sign in (("higher", 1), ("lower", -1)):
        low, high = attainment(
            np.array([value, value + sign * more]), np.array([target] * 2), direction
        )
        assert high >= low


# ---------------------------------------------------------------------------------------
# Indicators


def brute(sales, keys):
    """Revenue, orders and customers the long way."""
    month = sales["date"].dt.to_period("M").dt.start_time
    groups = sales.groupby([*(sales[k] for k in keys), month.rename("date")])
    sold = sales[sales["amount"] > 0]
    many = sold.groupby([*(sold[k] for k in keys), month[sold.index].rename("date")])
    return pd.DataFrame(
        {
            "revenue": groups["amount"].sum(),
            "orders": many["order_id"].nunique(),
            "customers": many["customer_id"].nunique(),
        }
    ).reset_index()


def test_indicators_of_the_sample_agree_with_counting_by_hand():
    sales = load_sample("transactions")
    got = kpi.indicators(sales, by="region", shape="wide")
    want = brute(sales, ["region"])
    both = want.merge(got, on=["region", "date"], suffixes=("", "_got"))
    assert len(both) == len(want)
    for name in ("revenue", "orders", "customers"):
        np.testing.assert_allclose(both[name], both[f"{name}_got"])
    assert got["new_customers"].sum() == sales.loc[sales["amount"] > 0, "customer_id"].nunique()
    shares = got.groupby("date")["share_of_total"].sum()
    np.testing.assert_allclose(shares, 1)


@pytest.mark.filterwarnings("ignore:.* is not over at:salesmgmt.DataWarning")
def test_growth_new_and_reactivated_customers_by_hand():
    days = ["2024-01-10", "2024-01-20", "2025-01-05", "2025-01-08", "2025-02-01"]
    sales = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "c", "b"],
            "date": days,
            "amount": [100.0, 100, 150, 150, -30],
        }
    )
    got = kpi.indicators(sales, shape="wide", inactive=300).set_index("date")
    jan = got.loc["2025-01-01"]
    assert (jan["growth_yoy"], jan["new_customers"], jan["reactivated_customers"]) == (0.5, 1, 1)
    assert jan["returning_share"] == 0.5
    feb = got.loc["2025-02-01"]
    assert (feb["revenue"], feb["orders"], feb["customers"]) == (-30, 0, 0)
    assert feb["revenue_ytd"] == 270
    assert np.isnan(feb["average_order_value"])
    # Two pauses in one year are one customer who came back.
    twice = sales.iloc[[0, 2, 4]].assign(customer_id="a", amount=1.0)
    twice["date"] = ["2024-01-10", "2024-05-10", "2024-09-10"]
    year = kpi.indicators(twice, shape="wide", freq="Y", inactive=90)
    assert year["reactivated_customers"].tolist() == [1]


@pytest.mark.filterwarnings("ignore:.* is not over at:salesmgmt.DataWarning")
def test_price_index_sees_prices_and_not_quantities():
    rows = [
        ("2024-01-03", "p", 10, 100.0),
        ("2024-01-03", "q", 10, 50.0),
        ("2025-01-03", "p", 30, 330.0),
        ("2025-01-03", "q", 1, 5.5),
    ]
    sales = pd.DataFrame(rows, columns=["date", "product", "quantity", "amount"])
    got = kpi.indicators(sales.assign(customer_id="c"), shape="wide", freq="Y")
    assert got["price_index"].iloc[1] == pytest.approx(1.1)


def test_every_indicator_is_in_the_dictionary_and_the_other_way_round():
    got = set(kpi.indicators(load_sample("transactions"))["metric"])
    entries = kpi.DICTIONARY
    sold = entries.loc[entries["source"] == "transactions", "name"]
    assert got == set(sold)
    more = {n: load_sample(n) for n in ("deals", "activities", "surveys", "expenses", "market")}
    every = kpi.indicators(load_sample("transactions"), payments=load_sample("payments"), **more)
    assert set(every["metric"]) == set(entries["name"])
    assert not entries.isna().any(axis=None)
    assert entries["name"].is_unique
    assert entries["中文"].str.contains(r"[\u4e00-\u9fff]").all()


# ---------------------------------------------------------------------------------------
# Plots


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_scorecard_plot_draws_every_bullet(lang):
    frame = pd.DataFrame({"k": list("ab"), "m": [1.0, 0.5], "n": [0.1, 1.4]})
    card = kpi.scorecard(frame, [kpi.Metric("m", target=1), kpi.Metric("n")], keys="k")
    ax = plots.scorecard(card, lang=lang)
    assert len(ax.get_yticklabels()) == 4
    assert len(plots.scorecard(card, key="a").get_yticklabels()) == 2
    with pytest.raises(InputError, match="not in the scorecard"):
        plots.scorecard(card, key="z")


def test_indicators_of_other_tables_by_hand():
    sales = pd.DataFrame(
        {"customer_id": ["a", "b"], "date": ["2025-01-05", "2025-02-05"], "amount": [100.0, 300.0],
         "rep": ["x", "y"]}
    )  # fmt: skip
    deals = pd.DataFrame(
        {
            "owner": ["x", "x", "x", "z"],
            "status": ["won", "lost", "open", "won"],
            "amount": 1.0,
            "created_at": ["2025-01-01", "2025-01-01", "2025-01-01", "2025-02-01"],
            "close_date": ["2025-01-11", "2025-01-20", None, "2025-02-03"],
        }
    )
    spent = pd.DataFrame({"rep": ["x", "y"], "date": ["2025-01-31", "2025-02-28"],
                          "amount": [30.0, 60.0]})  # fmt: skip
    got = kpi.indicators(sales, by="rep", deals=deals, expenses=spent, as_of="2025-02-28",
                         shape="wide").set_index(["rep", "date"])  # fmt: skip
    jan = got.loc[("x", "2025-01-01")]
    assert jan[["conversion_rate", "sales_cycle_days", "expense_ratio"]].tolist() == [0.5, 10, 0.3]
    assert got.loc[("z", "2025-02-01"), "deals_won"] == 1
    assert got.loc[("y", "2025-02-01"), "acquisition_cost"] == 60
    with pytest.raises(InputError, match="market has no column 'rep'"):
        kpi.indicators(sales, by="rep", market=spent.drop(columns="rep"))


def test_net_promoter_score_and_its_interval_cover():
    from salesmgmt.engine.promoters import nps_interval

    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1500):
        p, x, d = rng.multinomial(25, [0.5, 0.3, 0.2])
        _, low, high = nps_interval(*np.array([[p], [d], [p + x + d]]), confidence=0.95)
        hits += bool(low[0] <= 30 <= high[0])
    assert 0.93 < hits / 1500 < 0.985


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-1e9, 1e9)), min_size=1), st.randoms())
def test_group_sums_are_near_the_exact_sum_in_any_order(rows, random):
    from fractions import Fraction

    from salesmgmt.engine.sums import group_sums

    def total(pairs):
        return group_sums(np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs]), 3)

    mixed = random.sample(rows, len(rows))
    np.testing.assert_array_equal(total(rows), total(mixed))
    exact = [float(sum((Fraction(v) for g, v in rows if g == i), Fraction(0))) for i in range(3)]
    sizes = [sum(abs(v) for g, v in rows if g == i) for i in range(3)]  # of each group its own
    for got, want, size in zip(total(rows), exact, sizes, strict=True):
        np.testing.assert_allclose(got, want, atol=max(size, 1e-280) * 1e-15 * len(rows))
    assert total([(0, 1e17), (1, 600.3)])[1] == 600.3


def test_indicators_of_other_engines_are_equal():
    pl = pytest.importorskip("polars")
    duckdb = pytest.importorskip("duckdb")
    sales = load_sample("transactions")
    want = kpi.indicators(sales, by="region", freq="Q")
    for frame in (pl.from_pandas(sales), pl.from_pandas(sales).lazy(), duckdb.from_df(sales)):
        got = kpi.indicators(frame, by="region", freq="Q")
        pd.testing.assert_frame_equal(got, want, check_dtype=False)


def test_indicators_of_returns_alone_count_no_buyer():
    back = pd.DataFrame({"customer_id": ["007"], "date": ["2024-01-01"], "amount": [-5.0]})
    found = kpi.indicators(back).set_index("metric")["value"]
    assert found["revenue"] == -5
    assert found[["orders", "customers", "new_customers", "reactivated_customers"]].eq(0).all()
    assert np.isnan(found["repeat_rate"])
