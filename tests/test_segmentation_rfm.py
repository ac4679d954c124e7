"""RFM: the values, the scores, the segments, and the data on which RFM tables usually break."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt import DataWarning, InputError
from salesmgmt.segmentation import migration, rfm, score_grid, segment_summary


def _orders(rows, columns=("customer_id", "date", "amount")):
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.assign(date=pd.to_datetime(frame["date"]))


PLAIN = _orders(
    [
        ("a", "2025-01-05", 50.0),
        ("a", "2025-03-01", 70.0),
        ("b", "2025-01-10", 20.0),
        ("c", "2025-02-27", 10.0),
        ("c", "2025-02-28", 10.0),
        ("c", "2025-02-28", -5.0),
    ]
)


def _by(frame, column):
    return dict(zip(frame["customer_id"], frame[column], strict=True))


# -- values ---------------------------------------------------------------------------


def test_values_by_hand():
    out = rfm(PLAIN, as_of="2025-03-31")
    assert _by(out, "recency") == {"a": 30, "b": 80, "c": 31}
    assert _by(out, "frequency") == {"a": 2, "b": 1, "c": 3}
    assert _by(out, "monetary") == {"a": 120.0, "b": 20.0, "c": 15.0}
    assert _by(out, "tenure") == {"a": 85, "b": 80, "c": 32}
    assert (out["as_of"] == pd.Timestamp("2025-03-31")).all()
    assert isinstance(out.index, pd.RangeIndex)


def test_as_of_is_the_last_date_and_includes_its_day():
    assert rfm(PLAIN)["as_of"].iloc[0] == pd.Timestamp("2025-03-01")
    cut = rfm(PLAIN, as_of="2025-02-28")
    assert _by(cut, "frequency") == {"a": 1, "b": 1, "c": 3}
    assert cut.attrs["rows"]["after_as_of"] == 1


def test_orders_are_distinct_ids_and_rows_without_an_id_count_each():
    frame = PLAIN.assign(order_id=["1", "2", "3", "4", "4", None])
    assert _by(rfm(frame), "frequency") == {"a": 2, "b": 1, "c": 2}
    shared = PLAIN.assign(order_id=["1", "1", "1", "4", "4", "5"])  # one id, two customers
    assert _by(rfm(shared), "frequency") == {"a": 1, "b": 1, "c": 2}
    assert _by(rfm(frame, frequency="days"), "frequency") == {"a": 2, "b": 1, "c": 2}


@pytest.mark.parametrize(
    ("returns", "frequency", "monetary", "recency"),
    [("net", 2, 0.0, 0), ("exclude", 1, 100.0, 10), ("offset", 1, 0.0, 10)],
)
def test_returns(returns, frequency, monetary, recency):
    frame = _orders([("a", "2025-01-01", 100.0), ("a", "2025-01-11", -100.0)])
    out = rfm(frame, returns=returns).iloc[0]
    assert (out.frequency, out.monetary, out.recency) == (frequency, monetary, recency)


def test_net_positive_days():
    frame = _orders([("a", "2025-01-01", 9.0), ("a", "2025-01-01", -9.0), ("a", "2025-01-02", 5.0)])
    assert rfm(frame, frequency="net_days")["frequency"].tolist() == [1]


def test_monetary_mean_is_per_order():
    assert _by(rfm(PLAIN, monetary="mean"), "monetary") == {"a": 60.0, "b": 20.0, "c": 5.0}


# -- scores ---------------------------------------------------------------------------


def _one_time_heavy(n=1000, repeat=3):
    rows = [(i, "2025-01-01", 10.0) for i in range(n)]
    rows += [(i, "2025-02-01", 10.0) for i in range(repeat)]
    return _orders(rows)


@pytest.mark.parametrize("method", ["quantile", "rank", "log", "natural"])
def test_one_time_buyers_get_one_score_and_lost_bins_are_reported(method):
    out = rfm(_one_time_heavy(), method=method)
    once = out[out["frequency"] == 1]
    assert once[["r", "f", "m"]].drop_duplicates().shape[0] == 1
    assert (out.loc[out["frequency"] == 2, "f"] > once["f"].iloc[0]).all()
    assert len(out.attrs["lost"]["f"]) == 5 - out["f"].nunique()


def test_quantile_scores_of_distinct_values_are_equal_fifths():
    n = 100
    frame = _orders(
        [(i, pd.Timestamp("2025-01-01") + pd.Timedelta(days=i), i + 1.0) for i in range(n)]
    )
    out = rfm(frame)
    for axis in ("r", "m"):
        assert out[axis].value_counts().to_dict() == dict.fromkeys(range(1, 6), n // 5)
    assert out["r"].tolist() == out["m"].tolist()


def test_fixed_cuts_on_the_cut_is_better():
    frame = _orders(
        [("a", "2025-03-01", 10.0), ("b", "2025-01-30", 20.0), ("c", "2025-01-29", 9.99)]
    )
    cuts = {"recency": [30], "frequency": [2], "monetary": [10]}
    out = rfm(frame, bins=2, method="fixed", cuts=cuts)
    assert _by(out, "r") == {"a": 2, "b": 2, "c": 1}
    assert _by(out, "m") == {"a": 2, "b": 2, "c": 1}


def test_natural_breaks_are_the_best_grouping_by_brute_force():
    from salesmgmt.engine.scores import apply_cuts, natural_cuts

    rng = np.random.default_rng(3)
    for _ in range(20):
        x = np.sort(rng.choice(40, size=9, replace=False).astype(float))
        got = apply_cuts(x, natural_cuts(x, 3))

        def loss(groups, x=x):
            return sum(((x[groups == g] - x[groups == g].mean()) ** 2).sum() for g in set(groups))

        best = min(
            loss(np.repeat([1, 2, 3], [i, j - i, 9 - j]))
            for i, j in itertools.combinations(range(1, 9), 2)
        )
        assert loss(got) == pytest.approx(best)


def test_nested_scores_frequency_within_recency():
    rows = [(i, f"2025-01-{1 + 10 * (i // 10):02d}", 1.0) for i in range(20)]
    rows += [(i, "2025-01-01", 1.0) for i in range(10, 20) for _ in range(i)]
    out = rfm(_orders(rows), bins=2, nested=True)
    for _, group in out.groupby("r"):
        assert set(group["f"]) <= {1, 2}
    recent = out[out["r"] == 2]
    assert recent["f"].value_counts().to_dict() == {1: 5, 2: 5}


def test_money_is_compared_in_steps():
    frame = _orders([("a", "2025-01-01", 0.1), ("a", "2025-01-01", 0.2), ("b", "2025-01-01", 0.3)])
    out = rfm(frame)
    assert out["m"].nunique() == 1
    assert out["monetary"].tolist() == [0.3, 0.3]


def test_scores_as_text():
    assert set(rfm(PLAIN, bins=3)["rfm"].str.len()) == {3}
    out = rfm(PLAIN, bins=12)
    assert out["rfm"].tolist() == [
        f"{r}-{f}-{m}" for r, f, m in zip(out["r"], out["f"], out["m"], strict=True)
    ]


# -- segments -------------------------------------------------------------------------


def _every_cell():
    """125 customers, one in each cell of fixed cuts."""
    rows = []
    for i, (r, f, m) in enumerate(itertools.product(range(5), repeat=3)):
        day = pd.Timestamp("2025-01-01") - pd.Timedelta(days=10 * r)
        amounts = [float(10**m)] + [0.0] * f
        rows += [(i, day, a) for a in amounts]
    cuts = {"recency": [0, 10, 20, 30], "frequency": [2, 3, 4, 5], "monetary": [10, 100, 1e3, 1e4]}
    return rfm(_orders(rows), method="fixed", cuts=cuts), _orders(rows), cuts


def test_classic_grid_names_every_cell():
    out, _, _ = _every_cell()
    named = {row.rfm: row.segment for row in out.itertuples()}
    assert len(named) == 125
    assert (named["555"], named["111"], named["511"]) == ("champions", "lost", "new")
    assert (named["155"], named["144"], named["333"]) == ("cant_lose", "at_risk", "need_attention")
    assert len(set(named.values())) == 11


def test_chinese_eight_by_given_thresholds():
    """Which answers make which name: e-com-net.com/article/1755565884027453440.

    It says 召回 for 保持 and 挽回 for 挽留, and has names of their own for 一般保持 (潜力客户),
    一般发展 (新客户) and 一般挽留 (流失客户).
    """
    rows = []
    want = {}
    for r, f, m in itertools.product([1, 0], repeat=3):
        name = f"{r}{f}{m}"
        day = "2025-01-30" if r else "2025-01-01"
        n, total = (4 if f else 2), (1000.0 if m else 100.0)
        rows += [(name, day, total / n)] * n
        want[name] = ("重要" if m else "一般") + {
            (1, 1): "价值", (1, 0): "发展", (0, 1): "保持", (0, 0): "挽留",
        }[(r, f)] + "客户"  # fmt: skip
    limits = {"recency": 10, "frequency": 3, "monetary": 200}
    out = rfm(_orders(rows), scheme="cn8", thresholds=limits, lang="zh")
    assert _by(out, "label") == want
    by_mean = rfm(_orders(rows), scheme="cn8", lang="zh")
    assert _by(by_mean, "label") == want
    assert by_mean.attrs["thresholds"] == {"recency": 14.5, "frequency": 3.0, "monetary": 550.0}


def test_chinese_eight_equal_to_the_threshold_is_not_better():
    same = _orders([(i, "2025-01-01", 0.1) for i in range(7)])
    assert set(rfm(same, scheme="cn8")["segment"]) == {"general_retain"}


def test_own_rules():
    rules = pd.DataFrame(
        {"segment": ["good", "rest"], "r_min": [4, 1], "r_max": [5, 3], "label": ["Good", "Rest"]}
    )
    out = rfm(PLAIN, scheme=rules)
    assert set(out["segment"]) == {"good", "rest"}
    assert set(out["label"]) == {"Good", "Rest"}
    with pytest.raises(InputError, match="leaves 25 of 125 score cells"):
        rfm(PLAIN, scheme=rules.assign(r_max=[5, 2]))
    with pytest.raises(InputError, match="to 'good' and 'rest'"):
        rfm(PLAIN, scheme=rules.assign(r_max=[5, 4]))


def test_summary_and_grid_add_up():
    out = rfm(PLAIN)
    for lang, label in (("en", "Champions"), ("zh", "冠军客户")):
        summary = segment_summary(out, lang=lang)
        assert label in set(summary["label"])
        assert summary["customers"].sum() == 3
        assert summary["amount"].sum() == 155.0
    assert score_grid(out)["amount"].sum() == 155.0
    mean = segment_summary(rfm(PLAIN, monetary="mean"))
    assert mean["amount"].sum() == 155.0


def test_own_labels_last_where_a_merge_forgets_the_scheme():
    rules = pd.DataFrame({"segment": ["top", "rest"], "r_min": [3, 1], "r_max": [5, 2],
                          "label": ["Top!", "The rest"]})  # fmt: skip
    scored = rfm(PLAIN, scheme=rules)
    merged = pd.DataFrame(scored.to_dict("list"))
    want = segment_summary(scored)["label"].tolist()
    assert set(want) == {"Top!", "The rest"}
    assert segment_summary(merged)["label"].tolist() == want
    # Labels of something else (clusters) are none of the segments'.
    other = merged.assign(segment="top", label=["1", "2", "3"])
    assert segment_summary(other)["label"].tolist() == ["top"]


@pytest.mark.parametrize("frequency", ["orders", "days", "net_days"])
@pytest.mark.parametrize("returns", ["net", "exclude", "offset"])
def test_mean_amounts_are_added_up_to_what_was_spent(frequency, returns):
    """Two orders on one day, a third with a rest in cents: the mean times a count is not it."""
    sold = pd.DataFrame({
        "customer_id": list("aaaabbbc"), "order_id": [1, 2, 3, 4, 5, 6, 7, 8],
        "date": pd.to_datetime(["2025-03-01"] * 2 + ["2025-03-09"] * 2 + ["2025-03-05"] * 4),
        "amount": [10.0, 20.0, 40.1, -5.0, 30.0, 3.0, 0.01, 7.0],
    })  # fmt: skip
    told = {"frequency": frequency, "returns": returns}
    spent = sold.loc[(sold["amount"] >= 0) | (returns != "exclude"), "amount"].sum()
    mean = rfm(sold, monetary="mean", **told)
    assert mean["total"].tolist() == rfm(sold, **told)["monetary"].tolist()
    assert "total" not in rfm(sold, **told)
    assert segment_summary(mean)["amount"].sum() == pytest.approx(spent, abs=1e-9)
    assert score_grid(mean)["amount"].sum() == pytest.approx(spent, abs=1e-9)
    before = rfm(sold, monetary="mean", as_of="2025-03-06", **told)
    moved = migration(before, mean)
    assert moved["amount"].sum() == pytest.approx(spent, abs=1e-9)
    assert moved["amount_before"].sum() == pytest.approx(70.01, abs=1e-9)
    # A table that has been through a file has lost what it knew of its options.
    plain = pd.DataFrame(mean.to_dict("list"))
    assert segment_summary(plain)["amount"].sum() == pytest.approx(spent, abs=1e-9)
    with pytest.raises(InputError, match="'total'"):
        segment_summary(mean.drop(columns="total"))
    with pytest.raises(InputError, match="'total'"):
        rfm(sold.rename(columns={"customer_id": "total"}), customer="total", monetary="mean")


# -- the ten edge cases ----------------------------------------------------------------


def test_text_ids_that_look_like_numbers_stay_text():
    out = rfm(PLAIN.assign(customer_id=["007", "007", "7", "07", "07", "07"]))
    assert out["customer_id"].tolist() == ["007", "07", "7"]


def test_categorical_ids_with_unused_levels():
    ids = pd.Categorical(PLAIN["customer_id"], categories=list("zyxcba"))
    out = rfm(PLAIN.assign(customer_id=ids))
    assert out["frequency"].tolist() == [2, 1, 3]
    assert out["customer_id"].dtype == ids.dtype


@pytest.mark.parametrize(
    ("column", "value"), [("customer_id", None), ("date", pd.NaT), ("amount", np.nan)]
)
def test_missing_values_raise_or_are_counted(column, value):
    frame = PLAIN.copy()
    frame.loc[2, column] = value
    with pytest.raises(InputError, match=column):
        rfm(frame)
    with pytest.warns(DataWarning, match="1"):
        out = rfm(frame, invalid="drop")
    assert out["customer_id"].tolist() == ["a", "c"]
    assert out.attrs["rows"] == {
        "given": 6, "invalid": 1, "after_as_of": 0, "returns_left_out": 0, "used": 5,
    }  # fmt: skip


def test_customers_with_returns_only_are_told():
    frame = pd.concat([PLAIN, _orders([("d", "2025-02-01", -5.0)])])
    with pytest.warns(DataWarning, match="1 customer"):
        out = rfm(frame, returns="offset")
    assert "d" not in set(out["customer_id"])
    assert out.attrs["rows"]["without_a_purchase"] == 1


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles"])
def test_time_zone_never_moves_a_day(zone):
    late = PLAIN.assign(date=PLAIN["date"] + pd.Timedelta(hours=1))
    want = rfm(late)
    got = rfm(late.assign(date=late["date"].dt.tz_localize(zone)))
    pd.testing.assert_frame_equal(got, want)


def test_only_order_on_the_last_day():
    out = rfm(_orders([("a", "2025-01-01", 9.0)]))
    assert out[["recency", "tenure", "frequency"]].iloc[0].tolist() == [0, 0, 1]


def test_several_orders_a_day_follow_the_option():
    frame = _orders([("a", "2025-01-01", 1.0)] * 3)
    assert rfm(frame)["frequency"].tolist() == [3]
    assert rfm(frame, frequency="days")["frequency"].tolist() == [1]


tidy = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.integers(0, 400),
        st.integers(-5_000, 50_000),
        st.sampled_from(["1", "2", "3", "4"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40)
@given(tidy, st.integers(2, 7), st.sampled_from(["quantile", "rank", "log", "natural"]))
def test_row_order_index_and_id_type_never_change_a_number(rows, bins, method):
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "cents", "order_id"])
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    frame["amount"] = frame.pop("cents") / 100
    out = rfm(frame, bins=bins, method=method)
    mixed = frame.sample(frac=1, random_state=1).set_axis([0] * len(frame))
    pd.testing.assert_frame_equal(rfm(mixed, bins=bins, method=method), out)
    numbers = frame.assign(customer_id=frame["customer_id"].map(ord))
    again = rfm(numbers, bins=bins, method=method)
    pd.testing.assert_frame_equal(
        again.drop(columns="customer_id"), out.drop(columns="customer_id")
    )
    for value, mark in (("recency", "r"), ("frequency", "f"), ("monetary", "m")):
        assert out.groupby(value)[mark].nunique().eq(1).all()
        assert out[mark].between(1, bins).all()
        better = out.sort_values(value, ascending=value != "recency")[mark]
        assert better.is_monotonic_increasing


# -- real data ------------------------------------------------------------------------


def test_online_retail_equals_a_ten_line_query(data_dir):
    duckdb = pytest.importorskip("duckdb")
    lines = pd.read_parquet(data_dir / "segmentation" / "online_retail_2011.parquet")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        out = rfm(lines, invalid="drop")
    assert "135080" in str(told[0].message)
    want = duckdb.sql(
        """
        SELECT customer_id,
               date_diff('day', max(date)::date, DATE '2011-12-09') AS recency,
               count(DISTINCT order_id) AS frequency,
               sum(amount) AS monetary,
               min(date)::date AS first_date,
               max(date)::date AS last_date
        FROM lines
        WHERE customer_id IS NOT NULL
        GROUP BY customer_id
        ORDER BY customer_id
        """
    ).df()
    assert len(out) == 4372
    for column in ("recency", "frequency"):
        np.testing.assert_array_equal(out[column], want[column])
    for column in ("first_date", "last_date"):
        assert (out[column].to_numpy() == want[column].to_numpy()).all()
    np.testing.assert_allclose(out["monetary"], want["monetary"], rtol=0, atol=1e-8)
    assert out["customer_id"].tolist() == want["customer_id"].tolist()
    assert out.attrs["rows"]["used"] == 541909 - 135080


def test_returns_left_out_count_the_customers_who_never_bought():
    frame = pd.concat([PLAIN, _orders([("d", "2025-01-01", -5.0), ("e", "2025-12-31", 5.0)])])
    out = rfm(frame, returns="exclude", as_of="2025-06-30")
    rows = out.attrs["rows"]
    assert rows["customers_without_a_purchase"] == 1
    assert rows["given"] == sum(
        rows[k]
        for k in ("invalid", "after_as_of", "returns_left_out", "without_a_purchase", "used")
    )


def test_a_value_on_a_logarithmic_cut_has_the_lower_score():
    """Cuts of 1 .. base ** bins are the powers of the base, up to rounding of the logarithm."""
    for base in (2, 3, 5, 7, 10):
        for bins in (2, 3, 4, 5):
            amounts = [float(base**j) for j in range(bins + 1)]
            frame = _orders([(j, "2025-01-01", a) for j, a in enumerate(amounts)])
            out = rfm(frame, method="log", bins=bins, step=1.0)
            assert out["m"].tolist() == [1, *range(1, bins + 1)]
            days = [base**j - 1 for j in range(bins + 1)]
            if days[-1] > 20_000:
                continue
            end = pd.Timestamp("2025-01-01")
            last = [(j, end - pd.Timedelta(days=d), 1.0) for j, d in enumerate(days)]
            assert rfm(_orders(last), method="log", bins=bins)["r"].tolist() == [
                *range(bins, 0, -1), 1,
            ]  # fmt: skip


def test_one_amount_for_all_has_one_logarithm():
    for amount in np.random.default_rng(0).integers(1, 10**7, 300) / 100:
        frame = _orders([("a", "2025-01-01", float(amount)), ("b", "2025-01-01", float(amount))])
        assert rfm(frame, method="log")["m"].tolist() == [1, 1]


def test_migration_refuses_ids_that_can_never_meet():
    numbers = pd.DataFrame({"customer_id": [1, 2], "segment": "new", "monetary": [1.0, 2.0]})
    texts = numbers.assign(customer_id=["1", "2"])
    with pytest.raises(InputError, match=r"migration.*numbers in before and text in after"):
        migration(numbers, texts)
    mixed = numbers.astype({"customer_id": "Int64"})
    assert migration(numbers, mixed)["customers"].tolist() == [2]


@pytest.mark.parametrize(
    "ids",
    [
        np.array([3, 5, 9], dtype=np.int16), np.array([3, 5, 9], dtype=np.uint64),
        np.array([3.5, 5.0, 9.0]), np.array(["x", "y", "z"], dtype=object),
        np.array(["2024-01-01", "2024-01-02", "2024-01-05"], dtype="M8[s]"),
        pd.array(["x", "y", "z"], dtype="string"), pd.array([3, 5, 9], dtype="Int32"),
        pd.Categorical(["x", "y", "z"]), np.array([False, True, True]),
    ],
    ids=lambda v: str(v.dtype),
)  # fmt: skip
def test_the_customers_keep_their_dtype_also_where_one_is_left_out(ids):
    frame = _orders([(0, "2025-01-01", 5.0), (1, "2025-01-02", -6.0), (2, "2025-01-03", 7.0)])
    frame["customer_id"] = pd.Series(ids).astype(object) if ids.dtype == object else pd.Series(ids)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        out = rfm(frame, returns="offset")
    assert out["customer_id"].dtype == frame["customer_id"].dtype
    assert out["customer_id"].tolist() == sorted({ids[0], ids[2]})


@pytest.mark.parametrize("given", [["a", "b"], 10, [10], [10, 10], [10, np.nan], [[1, 2]], None])
def test_cuts_that_are_no_cuts_are_told(given):
    cuts = {"recency": given, "frequency": [1, 2], "monetary": [20, 100]}
    with pytest.raises(InputError, match=r"cuts\['recency'\] must be 2 ascending numbers"):
        rfm(PLAIN, method="fixed", bins=3, cuts=cuts)


def test_rules_may_lack_a_label_and_come_from_another_engine():
    rules = pd.DataFrame(
        {
            "segment": ["champions", "rest"],
            "r_min": [4, None],
            "r_max": [None, 3],
            "label": ["Best", None],
        }
    )
    out = rfm(PLAIN, scheme=rules)
    assert set(out["label"]) == {"Best", "rest"}
    other = pytest.importorskip("polars").from_pandas(rules)
    pd.testing.assert_frame_equal(rfm(PLAIN, scheme=other), out)
    with pytest.raises(InputError, match="scheme"):
        rfm(PLAIN, scheme=3)
    with pytest.raises(InputError, match="scheme must be one of"):
        rfm(PLAIN, scheme=None)


def test_fixed_cuts_and_medians_by_hand():
    """On a cut is the better side of orders and money, the better (shorter) one of days, too."""
    rng = np.random.default_rng(8)
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 200, 400), unit="D")
    lines = pd.DataFrame({"customer_id": rng.integers(0, 90, 400), "date": day})
    lines["amount"] = rng.integers(1, 40, 400) * 5.0
    few = {"recency": [10, 15, 60], "frequency": [2, 4, 7], "monetary": [150, 200, 700]}
    steps = {"recency": 5, "frequency": 1, "monetary": 20}
    many = {axis: step * np.arange(1, 39) for axis, step in steps.items()}
    for cuts in (few, many):
        bins = len(cuts["recency"]) + 1
        out = rfm(lines, bins=bins, method="fixed", cuts=cuts, scheme="cn8")
        want = [bins - sum(v > c for c in cuts["recency"]) for v in out["recency"]]
        assert out["r"].tolist() == want
        for score, axis in (("f", "frequency"), ("m", "monetary")):
            assert out[score].tolist() == [1 + sum(v >= c for c in cuts[axis]) for v in out[axis]]
    eight = rfm(lines, scheme="cn8", thresholds="median")
    middle = {a: np.median(out[a]) for a in few}
    assert eight.attrs["thresholds"] == middle
    value = (out["recency"] < middle["recency"]) & (out["frequency"] > middle["frequency"])
    value &= out["monetary"] > middle["monetary"]
    assert (eight["segment"] == "important_value").tolist() == value.tolist()
