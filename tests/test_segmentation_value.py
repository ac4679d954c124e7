"""Cohorts, life cycle, ABC, whale curve, migration and lifetime value."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from salesmgmt import DataWarning, InputError, load_sample
from salesmgmt.engine.spend import total_quantile
from salesmgmt.segmentation import (
    BGNBD,
    MBGNBD,
    GammaGamma,
    ParetoNBD,
    RFMSegmenter,
    abc,
    clv,
    cohorts,
    compare_models,
    lifecycle,
    migration,
    purchases,
    rfm,
    triangle,
    whale_curve,
)


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return load_sample("transactions")


def _lines(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


# -- cohorts --------------------------------------------------------------------------


def test_cohorts_by_hand():
    out = cohorts(
        _lines(
            [
                ("a", "2025-01-06", 10.0),
                ("a", "2025-01-20", 5.0),
                ("b", "2025-01-31", 20.0),
                ("b", "2025-03-01", 30.0),
                ("b", "2025-03-02", -4.0),
                ("c", "2025-02-02", 7.0),
            ]
        ),
        as_of="2025-03-31",
    )
    key = [(f"{c:%m}", a) for c, a in zip(out["cohort"], out["age"], strict=True)]
    assert key == [("01", 0), ("01", 1), ("01", 2), ("02", 0), ("02", 1)]
    assert out["active"].tolist() == [2, 0, 1, 1, 0]
    assert out["retention"].tolist() == [1.0, 0.0, 0.5, 1.0, 0.0]
    assert out["amount"].tolist() == [35.0, 0.0, 26.0, 7.0, 0.0]
    assert out["ltv"].tolist() == [17.5, 17.5, 30.5, 7.0, 7.0]
    assert out["complete"].all()
    assert triangle(out, value="active").iloc[0].tolist()[1:] == [2, 2, 0, 1]


def test_cohorts_add_up(sample):
    out = cohorts(sample)
    assert out["amount"].sum() == pytest.approx(sample["amount"].sum())
    first = out[out["age"] == 0]
    assert first["size"].sum() == sample.loc[sample["amount"] >= 0, "customer_id"].nunique()
    assert (first["active"] == first["size"]).all()
    inside = out["retention"].between(out["retention_lo"] - 1e-12, out["retention_hi"] + 1e-12)
    assert inside.all()


def test_ltv_interval_is_the_mean_of_customers_by_hand(sample):
    out = cohorts(sample, freq="Y")
    year = sample["date"].dt.year
    born = sample[sample["amount"] >= 0].groupby("customer_id")["date"].min().dt.year
    mine = sample[(sample["customer_id"].map(born) == 2024) & (year <= 2025)]
    total = mine.groupby("customer_id")["amount"].sum()
    row = out[(out["cohort"].dt.year == 2024) & (out["age"] == 1)].iloc[0]
    assert row.ltv == pytest.approx(total.mean())
    half = 1.959964 * total.std(ddof=1) / np.sqrt(len(total))
    assert row.ltv_hi - row.ltv == pytest.approx(half, rel=1e-6)


def test_ltv_of_customers_who_are_all_alike_has_no_range():
    days = pd.to_datetime(["2025-01-06", "2025-02-06", "2025-03-06"])
    sold = pd.DataFrame({"customer_id": np.repeat(range(7), 3), "date": [*days] * 7})
    out = cohorts(sold.assign(amount=1_234_567.89))
    assert (out["ltv_lo"] == out["ltv"]).all()
    assert (out["ltv_hi"] == out["ltv"]).all()


def test_a_return_before_the_first_purchase_is_told():
    lines = _lines([("a", "2025-01-01", -5.0), ("a", "2025-02-01", 9.0)])
    with pytest.warns(DataWarning, match="1 return"):
        assert cohorts(lines)["amount"].sum() == 9.0


# -- life cycle -----------------------------------------------------------------------


def test_lifecycle_judges_each_customer_by_its_own_rhythm():
    rows = []
    for i in range(20):
        rows += [
            (f"w{i}", pd.Timestamp("2025-01-01") + pd.Timedelta(days=7 * k), 1.0) for k in range(20)
        ]
        rows += [
            (f"q{i}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=91 * k), 1.0) for k in range(6)
        ]
    out = lifecycle(_lines(rows), as_of="2025-07-01").set_index("customer_id")
    weekly, quarterly = out.filter(regex="^w", axis=0), out.filter(regex="^q", axis=0)
    assert set(weekly["stage"]) == {"lost"}  # 7 weeks of silence
    assert set(quarterly["stage"]) == {"active"}  # 13 weeks of it
    assert weekly["recency"].max() < quarterly["recency"].min()
    assert quarterly["rhythm"].between(80, 100).all()


def test_who_came_back_is_who_looked_lost_not_who_looked_at_risk(sample):
    """The limit of those at risk says nothing of them."""
    wide, narrow = (lifecycle(sample, limits=(0.5, at, 0.05)) for at in (0.4, 0.06))
    fine = wide["p_longer"] >= 0.5
    assert (wide["stage"][fine] == "reactivated").any()
    assert wide["stage"][fine].tolist() == narrow["stage"][fine].tolist()


def test_lifecycle_finds_those_who_left(sample):
    import json
    from pathlib import Path

    truths = Path(__file__).resolve().parent.parent / "data" / "sample" / "truths.json"
    kinds = json.loads(truths.read_text(encoding="utf-8"))["customers"]["kinds"]
    out = lifecycle(sample).set_index("customer_id")["p_longer"]
    gone = out.reindex(kinds["lost"]).dropna()
    steady = out.reindex(kinds["stable"]).dropna()
    assert gone.median() < 0.1 < steady.median()


def test_lifecycle_without_a_second_purchase():
    out = lifecycle(_lines([("a", "2025-01-01", 1.0), ("b", "2025-01-02", 1.0)]))
    assert out["stage"].tolist() == ["new", "new"]
    assert out["rhythm"].isna().all()


@pytest.mark.parametrize(
    "rows",
    [
        [(str(i), f"2025-01-{1 + i % 28:02d}", 5.0 + i) for i in range(40)],
        [("a", "2025-01-01", 0.0), ("a", "2025-02-01", 0.0), ("b", "2025-01-05", 0.0)],
        [("a", f"2025-{m:02d}-01", 10.0) for m in range(1, 13)],
        [("a", "2025-01-01", 5.0), ("a", "2025-01-11", 7.0), ("b", "2025-01-03", 9.0)],
    ],
    ids=["one-time buyers", "free goods", "one customer", "three rows"],
)
def test_small_and_odd_tables_have_values(rows):
    out = clv(_lines(rows))
    assert out["clv"].ge(0).all()
    assert np.isfinite(out[["p_alive", "expected_purchases", "clv", "clv_lo", "clv_hi"]]).all(
        axis=None
    )


@pytest.mark.parametrize("model", ["auto", "bgnbd", "mbgnbd"])
def test_one_day_of_sales_has_values_and_a_warning(model):
    with pytest.warns(DataWarning, match=r"clv\(\): no customer was observed for any time"):
        out = clv(_lines([("a", "2025-01-01", 5.0), ("b", "2025-01-01", 7.0)]), model=model)
    assert np.isfinite(out[["p_alive", "expected_purchases", "clv"]]).all(axis=None)


# -- where the money is ---------------------------------------------------------------


def test_abc_classes_by_cumulative_share():
    sold = pd.DataFrame({"item": list("cabda"), "v": [20.0, 25.0, 30.0, 5.0, 20.0]})
    out = abc(sold, item="item", value="v")
    assert out["item"].tolist() == ["a", "b", "c", "d"]
    assert out["class"].tolist() == ["A", "A", "B", "C"]
    assert out["cumulative"].round(6).tolist() == [0.45, 0.75, 0.95, 1.0]
    alone = abc(pd.DataFrame({"item": ["a", "b"], "v": [99.0, 1.0]}), item="item", value="v")
    assert alone["class"].tolist() == ["A", "C"]
    tied = abc(pd.DataFrame({"item": ["b", "a"], "v": [1.0, 1.0]}), item="item", value="v")
    assert tied["item"].tolist() == ["a", "b"]
    with pytest.raises(InputError, match="positive total"):
        abc(pd.DataFrame({"item": ["b"], "v": [-1.0]}), item="item", value="v")


def test_xyz_by_the_variation_of_periods():
    rows = [("x", f"2025-{m:02d}-05", 10.0) for m in range(1, 13)] + [("z", "2025-03-05", 10.0)]
    frame = pd.DataFrame(rows, columns=["item", "date", "v"])
    out = abc(frame, item="item", value="v", date="date").set_index("item")
    assert out.loc["x", ["cv", "xyz"]].tolist() == [0.0, "X"]
    assert out.loc["z", "cv"] == pytest.approx(np.sqrt(11))
    assert out.loc["z", "xyz"] == "Z"
    # Sums of c and 3 c cents vary by exactly a half, whatever binary digits say.
    half = pd.DataFrame({"item": [1, 1, 2, 2], "amount": [0.09, 0.27, 1e8 + 0.1, 1e8 + 0.1],
                         "date": ["2025-01-05", "2025-02-05"] * 2})  # fmt: skip
    steady = abc(half, item="item", value="amount", date="date").set_index("item")
    assert steady.loc[[1, 2], "cv"].tolist() == [0.5, 0.0]
    assert steady["xyz"].tolist() == ["X", "X"]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 900)), min_size=1, max_size=30))
def test_whale_curve_and_gini(rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "amount"])
    out = whale_curve(frame)
    assert out["cumulative"].iloc[-1] == frame["amount"].sum()
    assert out["profit"].is_monotonic_decreasing
    totals = frame.groupby("customer_id")["amount"].sum().to_numpy(float)
    pairs = np.abs(totals[:, None] - totals[None, :]).mean() / (2 * totals.mean())
    assert out.attrs["gini"] == pytest.approx(pairs)
    again = whale_curve(frame.iloc[::-1].set_axis([0] * len(frame)))
    pd.testing.assert_frame_equal(again, out)


def test_superstore_loses_money_on_some_customers(data_dir):
    lines = pd.read_parquet(data_dir / "segmentation" / "superstore_10194.parquet")
    lines["cost"] = lines["amount"] - lines["profit"]
    out = whale_curve(lines)
    assert out["cumulative"].iloc[-1] == pytest.approx(292_296.81, abs=0.01)
    assert out.attrs["peak"] > 1.1
    assert len(out) == 804


# -- over time ------------------------------------------------------------------------


def test_segmenter_keeps_its_cuts(sample):
    segmenter = RFMSegmenter()
    same = segmenter.fit_transform(sample, as_of="2024-12-31")
    pd.testing.assert_frame_equal(same, rfm(sample, as_of="2024-12-31"))
    later = segmenter.transform(sample, as_of="2025-12-31")
    steady = same.merge(later, on="customer_id")
    steady = steady[steady["frequency_x"] == steady["frequency_y"]]
    assert (steady["f_x"] == steady["f_y"]).all()
    assert (steady["r_x"] >= steady["r_y"]).all()
    with pytest.raises(InputError, match="no cut points"):
        RFMSegmenter(method="rank").fit(sample)


def test_migration_adds_up_and_tests_independence(sample):
    segmenter = RFMSegmenter().fit(sample, as_of="2024-12-31")
    one = segmenter.transform(sample, as_of="2024-12-31")
    two = segmenter.transform(sample, as_of="2025-12-31")
    out = migration(one, two)
    assert out["customers"].sum() == len(two)
    assert out["change"].sum() == pytest.approx(two["monetary"].sum() - one["monetary"].sum())
    np.testing.assert_allclose(out.groupby("from")["share"].sum(), 1)
    both = one.merge(two, on="customer_id")
    want = chi2_contingency(pd.crosstab(both["segment_x"], both["segment_y"]), correction=False)
    assert out.attrs["chi2"] == pytest.approx(want.statistic)
    assert out.attrs["df"] == want.dof
    with pytest.raises(InputError, match="before is of 2025-12-31, after of 2024-12-31"):
        migration(two, one)  # all moves were told backwards


def test_migration_by_hand():
    before = pd.DataFrame(
        {"customer_id": list("abcdefg"), "segment": list("XXXYYYX"), "monetary": np.arange(1.0, 8)}
    )
    after = pd.DataFrame(
        {
            "customer_id": list("abcdefh"),
            "segment": list("XXYYYXX"),
            "monetary": np.arange(11.0, 18),
        }
    )
    out = migration(before, after)
    rows = out[["from", "to", "customers", "share", "amount", "amount_before", "change"]]
    assert rows.to_numpy().tolist() == [
        ["(new)", "X", 1, 1.0, 17.0, 0.0, 17.0],
        ["X", "(gone)", 1, 0.25, 7.0, 7.0, -7.0],
        ["X", "X", 2, 0.5, 11.0 + 12, 1.0 + 2, 20.0],
        ["X", "Y", 1, 0.25, 13.0, 3.0, 10.0],
        ["Y", "X", 1, 1 / 3, 16.0, 6.0, 10.0],
        ["Y", "Y", 2, 2 / 3, 14.0 + 15, 4.0 + 5, 20.0],
    ]
    # Of those in both: [[2, 1], [1, 2]] with 1.5 expected everywhere.
    assert out.attrs["chi2"] == pytest.approx(4 * 0.5**2 / 1.5)
    assert out.attrs["df"] == 1


# -- lifetime value -------------------------------------------------------------------


def test_clv_is_purchases_times_value_times_margin(sample):
    sample = sample[sample["customer_id"] < "C0400"]
    out = clv(sample, model="paretonbd", level=None)
    product = out["expected_purchases"] * out["expected_value"]
    np.testing.assert_allclose(out["clv"], product)
    less = clv(sample, model="paretonbd", level=None, margin=0.25)
    np.testing.assert_allclose(less["clv"], product * 0.25)
    assert (clv(sample, model="paretonbd", level=None, discount_rate=0.1)["clv"] < out["clv"]).all()
    by_id = pd.Series(30.0, index=sample["customer_id"].unique())
    for wrong in (30, np.int64(30), by_id, by_id.astype("Float64"), by_id.to_dict()):
        with pytest.raises(InputError, match=r"at most 1; got 30.* A margin of 30 % is 0\.3"):
            clv(sample, margin=wrong)
    with pytest.warns(DataWarning, match=r"800% a year; 8 % is 0\.08"):
        clv(sample, model="paretonbd", level=None, discount_rate=8)


def test_clv_discounts_each_period_from_its_end(sample):
    seen = purchases(sample, freq="Y")
    model = BGNBD.from_params(r=1.0, alpha=0.5, a=1.5, b=6.0)
    out = clv(sample, model=model, freq="Y", horizon=3, discount_rate=0.1, level=None)
    steps = np.diff(
        [np.zeros(len(seen))] + [model.expected_purchases(seen, k) for k in (1, 2, 3)], axis=0
    )
    want = sum(s / 1.1 ** (k + 1) for k, s in enumerate(steps)) * out["expected_value"]
    np.testing.assert_allclose(out["clv"], want)


def test_rates_of_a_year_compound_over_periods_of_any_length(sample):
    sold = sample[sample["customer_id"] < "C0100"]
    seen = purchases(sold, freq="Q")
    model = BGNBD.from_params(r=1.0, alpha=2.0, a=1.5, b=6.0)
    risk = pd.Series(0.1, index=seen["customer_id"])
    options = {"model": model, "freq": "Q", "horizon": 6, "level": None}
    out = clv(sold, discount_rate=0.25, credit_risk=risk, **options)
    plain = clv(sold, **options)
    by = [0.0 * plain["clv"], *(model.expected_purchases(seen, k) for k in range(1, 7))]
    worth = [(0.9 / 1.25) ** (k / 4) for k in range(1, 7)]  # a year of four quarters
    want = sum(w * (b - a) for w, a, b in zip(worth, by, by[1:], strict=False))
    np.testing.assert_allclose(out["clv"], want * out["expected_value"], rtol=1e-12)


def test_what_comes_after_as_of_is_not_known(sample):
    lines = sample[sample["customer_id"] < "C0200"]
    day = pd.Timestamp("2024-06-30")
    past = lines[lines["date"] <= day]
    ours, theirs = (
        purchases(x, as_of=day, holdout=26, regularity=True).drop(columns="as_of")
        for x in (lines, past)
    )
    pd.testing.assert_frame_equal(ours, theirs)
    once = lines.drop_duplicates("customer_id")  # a first purchase is all there is to go by
    options = {"model": "bgnbd", "as_of": day}
    pd.testing.assert_frame_equal(clv(once, **options), clv(once[once["date"] <= day], **options))


def test_credit_risk_and_margin_by_customer(sample):
    ids = sorted(sample["customer_id"].unique())
    risk = pd.Series(0.0, index=ids)
    risk.iloc[0] = 1.0
    out = clv(sample, model="bgnbd", credit_risk=risk, level=None)
    assert out["clv"].iloc[0] == 0
    assert (out["clv"].iloc[1:] > 0).all()
    with pytest.warns(DataWarning, match="1 customer"):
        clv(sample, model="bgnbd", credit_risk=risk.iloc[1:], level=None)
    with pytest.raises(InputError, match="credit_risk has no value for any customer"):
        clv(sample, model="bgnbd", credit_risk=risk.reset_index(drop=True), level=None)
    with pytest.raises(InputError, match="chances"):
        clv(sample, model="bgnbd", credit_risk=risk + 1, level=None)


def test_clv_range_under_credit_risk_goes_from_what_is_surely_paid_to_all(sample):
    sold = sample[sample["customer_id"] < "C0300"]
    model = BGNBD().fit(purchases(sold, freq="M"))
    safe = clv(sold, model=model)
    kinds = np.arange(len(safe)) % 3
    # .5 a year: 5.6 % stop within the first month, more than may lie below the range.
    risk = pd.Series(np.array([0.5, 1.0, 1e-9])[kinds], index=safe["customer_id"])
    out = clv(sold, model=model, credit_risk=risk)
    assert (out["clv_lo"][kinds == 0] == 0).all()
    assert (out.loc[kinds == 1, ["clv", "clv_lo", "clv_hi"]] == 0).all(axis=None)
    same = (kinds != 1) & (safe["clv"] < safe["clv_hi"])  # not widened to the mean
    assert np.allclose(out["clv_hi"][same], safe["clv_hi"][same])
    # .15 a year: 1.3 % stop within a month, half of the 5 % below a range of 90 %.
    month = clv(sold, model=model, level=0.9, credit_risk=risk * 0 + 0.15)
    assert np.allclose(month["clv_lo"], clv(sold, model=model, horizon=1)["clv_lo"])


def test_half_of_what_lies_below_a_range_is_for_who_stops_paying():
    """2.5 % lie below: 1.25 % for who stops so soon, 1.25 % for little being bought until then."""
    days = pd.date_range("2025-01-01", "2025-12-31", freq="9D")
    lines = pd.concat(
        pd.DataFrame({"customer_id": f"c{i}", "date": days[i % 3 :], "amount": 50.0 + 20 * i})
        for i in range(8)
    )
    lines["amount"] += np.arange(len(lines)) * 37 % 41
    model = BGNBD.from_params(r=40.0, alpha=10.0, a=0.01, b=50.0)
    ids = lines["customer_id"].unique()

    def low(risk=None, **options):
        out = clv(lines, model=model, credit_risk=risk, **options)
        assert out.attrs["spend"] == "gamma-gamma"
        return out["clv_lo"].to_numpy()

    at_most = low(level=0.975)
    assert (low(level=0.95) > at_most * 1.01).all()
    assert (at_most > 0).all()
    # 1.2 % stop within the 12 months: all of them are counted on.
    np.testing.assert_allclose(low(pd.Series(0.012, index=ids)), at_most)
    # 2.45 % do, and 1.24 % within six.
    half = low(level=0.975, horizon=6)
    np.testing.assert_allclose(low(pd.Series(0.0245, index=ids)), half)


def test_total_spend_quantiles_against_simulation():
    rng = np.random.default_rng(1)
    counts = np.array([[0.5, 0.2, 0.2, 0.1]])
    p, q, g = 6.0, 4.0, 15.0
    n = rng.choice(4, 400_000, p=counts[0])
    total = np.where(n > 0, rng.gamma(np.maximum(p * n, 1e-9)), 0) / rng.gamma(q, 1 / g, len(n))
    for level in (0.3, 0.7, 0.95):
        got = total_quantile(counts, p, np.array([q]), np.array([g]), level)[0]
        assert got == pytest.approx(np.quantile(total, level), rel=0.01, abs=1e-9)


def test_clv_interval_holds_what_came(sample):
    sample = sample[sample["customer_id"] < "C0600"]
    before = sample[sample["date"] < "2025-01-01"]
    out = clv(before, as_of="2024-12-31", horizon=12)
    later = sample[sample["date"] >= "2025-01-01"].groupby("customer_id")["amount"].sum()
    came = out["customer_id"].map(later).fillna(0.0)
    covered = came.between(out["clv_lo"], out["clv_hi"] * 1.0 + 1e-9) | (came <= 0) & (
        out["clv_lo"] == 0
    )
    assert covered.mean() > 0.88
    assert out["clv"].sum() == pytest.approx(came.sum(), rel=0.25)


def test_clv_lies_in_its_own_range():
    lines = [(f"{i}", f"2025-01-{1 + i % 9:02d}", 20.0 + i) for i in range(30)]
    lines += [
        (f"{i}", f"2025-{m:02d}-{1 + i % 9:02d}", 21.0) for m in range(2, 7) for i in range(9)
    ]
    lines += [("0", "2026-12-31", 20.0)]
    for margin in (1.0, -0.5):
        out = clv(_lines(lines), model="bgnbd", margin=margin)
        assert out["p_alive"].min() < 0.02  # gone for two years: 0 or more in 39 of 40 cases
        inside = out["clv"].between(out["clv_lo"], out["clv_hi"])
        assert inside.all()
        assert out["clv"].abs().gt(0).all()


@pytest.mark.parametrize("model", ["BG/NBD", "bg_nbd", "BGNBD", BGNBD()])
def test_models_by_name_as_in_papers_and_by_object(sample, model):
    some = sample[sample["customer_id"] < "C0100"]
    want = clv(some, model="bgnbd", level=None)
    out = clv(some, model=model, level=None)
    pd.testing.assert_frame_equal(out, want)
    assert out.attrs["model"] == "bgnbd"


def test_models_are_compared_without_the_last_part(sample):
    table = compare_models(sample, holdout=26)
    assert table["score"].is_monotonic_increasing
    assert table["rmse"].gt(0).all()
    assert sorted(table["model"]) == ["bgnbd", "mbgnbd", "paretonbd"]
    assert table["as_of"].eq(sample["date"].max()).all()  # of the data, not of the split


def test_models_are_judged_by_what_each_forecast_of_the_held_out_time(sample):
    lines = sample[sample["customer_id"] < "C0060"]
    seen = purchases(lines, holdout=26)
    came = seen["x_holdout"].to_numpy(float)
    want = {}
    for kind in (BGNBD, MBGNBD, ParetoNBD):
        off = kind().fit(seen).expected_purchases(seen, 26.0).to_numpy() - came
        size = np.abs(off)
        measures = [np.sqrt((off**2).mean()), size.mean(), off.sum() / came.sum()]
        want[kind.__name__.lower()] = measures
    table = compare_models(lines, holdout=26).set_index("model")
    for model, measures in want.items():
        np.testing.assert_allclose(table.loc[model, ["rmse", "mae", "bias"]].tolist(), measures)
    best = np.min([m[:2] for m in want.values()], axis=0)
    scores = {model: np.mean(m[:2] / best) for model, m in want.items()}
    assert table["score"].to_dict() == pytest.approx(scores)
    # Without a holdout the mean over the last quarter, third and half of the time.
    length = (lines["date"].max() - lines["date"].min()).days / 7
    splits = [compare_models(lines, holdout=length / k).set_index("model") for k in (4, 3, 2)]
    mean = sum(s.sort_index().drop(columns="as_of") for s in splits) / 3
    whole = compare_models(lines).set_index("model").sort_index().drop(columns="as_of")
    pd.testing.assert_frame_equal(whole, mean)


def test_lifecycle_and_cohorts_account_for_every_row():
    rows = _lines(
        [
            ("a", "2025-01-01", 5.0),
            ("a", "2025-02-01", 5.0),
            ("b", "2024-12-01", -2.0),
            ("b", "2025-01-15", 9.0),
            ("r", "2025-01-15", -9.0),
            ("z", "2025-09-01", 1.0),
            (None, "2025-01-01", 1.0),
        ]
    )
    with pytest.warns(DataWarning):
        out = lifecycle(rows, as_of="2025-06-30", invalid="drop")
    assert out["customer_id"].tolist() == ["a", "b"]
    assert out.attrs["rows"] == {
        "given": 7, "invalid": 1, "after_as_of": 1, "without_a_purchase": 1, "used": 4,
    }  # fmt: skip
    with pytest.warns(DataWarning):
        out = cohorts(rows, as_of="2025-06-30", invalid="drop")
    assert out.attrs["rows"] == {
        "given": 7, "invalid": 1, "after_as_of": 1, "returns_before_a_purchase": 2, "used": 3,
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"as_of": "2020-01-01"}, {"amount": "minus"}])
def test_a_life_cycle_of_nobody_is_an_error(change):
    rows = _lines([("a", "2025-01-01", 5.0), ("b", "2025-02-01", 6.0)]).assign(minus=-1.0)
    with pytest.raises(InputError, match=r"lifecycle.*no purchase on or before"):
        lifecycle(rows, **change)


def test_who_bought_once_is_expected_to_spend_like_all(sample):
    """Fader, Hardie and Lee (2005): without a repeat purchase, the mean of the population."""
    value = clv(sample, model="bgnbd", level=None)
    seen = purchases(sample, freq="M")
    p, q, g = GammaGamma().fit(seen).params_
    once = (seen["x"] == 0).to_numpy()
    np.testing.assert_allclose(value["expected_value"][once], p * g / (q - 1))
    assert (value["clv"][once] > 0).all()


def test_where_spending_varies_within_customers_alone_their_own_mean_counts():
    """Customers much alike: the Gamma-Gamma model has no maximum, its parameters run away."""
    lines = pd.DataFrame(
        [
            (f"c{i:02d}", pd.Timestamp("2025-01-01") + pd.Timedelta(days=20 * j + i), j % 2)
            for i in range(12)
            for j in range(4)
        ],
        columns=["customer_id", "date", "amount"],
    )
    lines["amount"] = 20.0 + 10 * lines["amount"] + 0.01 * (lines.index // 4) ** 2
    once = pd.DataFrame({"customer_id": ["d"], "date": lines["date"].iloc[:1], "amount": [99.0]})
    out = clv(pd.concat([lines, once]), model="bgnbd", level=None)
    assert out.attrs["spend"] == "mean"
    own = [(30 + 20 + 30) / 3 + 0.01 * i**2 for i in range(12)]
    assert out["expected_value"].tolist() == pytest.approx([*own, np.mean(own)])


def test_where_nobody_bought_again_first_purchases_count():
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "date": pd.to_datetime(["2025-01-02", "2025-01-02", "2025-02-01", "2025-03-01"]),
            "amount": [60.0, 40.0, 50.0, 30.0],
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no repeat purchase: the model has no clear maximum
        out = clv(lines, model="paretonbd")
    assert out["expected_value"].tolist() == [60.0] * 3
    assert out.attrs["spend"] == "first purchases"
