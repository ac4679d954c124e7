"""Points cards: exact bins, points that add up, rules that run elsewhere."""

from __future__ import annotations

import itertools
import pickle
import sqlite3

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from salesmgmt._credit.score_reports import strength
from salesmgmt.credit import CreditScorecard
from salesmgmt.engine.binning import (
    best_partition,
    candidate_edges,
    monotone_bound,
)
from salesmgmt.engine.logistic import fit_logistic
from salesmgmt.errors import InputError


def customers(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    late = rng.gamma(1.5, 12, n).round(1)
    frame = pd.DataFrame(
        {
            "days_late": np.where(rng.random(n) < 0.1, np.nan, late),
            "turnover": np.where(rng.random(n) < 0.15, -999.0, rng.lognormal(3, 1, n)),
            "sector": rng.choice(["retail", "steel", "food", "IT's"], n, p=[0.4, 0.3, 0.25, 0.05]),
            "staff": rng.integers(1, 500, n),
        }
    )
    frame.loc[rng.random(n) < 0.05, "sector"] = None
    log_odds = -1.5 + 0.05 * late - 0.5 * (frame["sector"] == "food")
    return frame, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int).to_numpy()


# ------------------------------------------------------------------ engine


def _follows(rates: list[float], trend: str) -> bool:
    steps = np.diff(rates)
    if trend == "ascending":
        return bool((steps >= 0).all())
    if trend == "descending":
        return bool((steps <= 0).all())
    if trend == "none":
        return True
    sign = 1 if trend == "peak" else -1
    return any(
        (sign * steps[:k] >= 0).all() and (sign * steps[k:] <= 0).all()
        for k in range(len(steps) + 1)
    )


def _brute(good, bad, trend, max_bins, min_count, criterion) -> float:
    n, best = len(good), -np.inf
    totals = sum(good), sum(bad)
    for k in range(min(max_bins, n)):
        for cut in itertools.combinations(range(1, n), k):
            edges = [0, *cut, n]
            g = [sum(good[a:b]) for a, b in itertools.pairwise(edges)]
            b = [sum(bad[a:c]) for a, c in itertools.pairwise(edges)]
            if min(x + y for x, y in zip(g, b, strict=True)) < max(min_count, 1):
                continue
            if not _follows([y / (x + y) for x, y in zip(g, b, strict=True)], trend):
                continue
            value = 0.0
            for x, y in zip(g, b, strict=True):
                if criterion == "iv":
                    share = totals[1] / sum(totals)
                    p, q = (x + 1 - share) / totals[0], (y + share) / totals[1]
                    value += (x / totals[0] - y / totals[1]) * np.log(p / q)
                else:
                    for hit, rate in ((y, totals[1]), (x, totals[0])):
                        if hit:
                            value += hit * np.log(hit / (x + y) / (rate / sum(totals)))
            best = max(best, value)
    return best


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=8),
    st.sampled_from(["ascending", "descending", "peak", "valley", "none"]),
    st.integers(1, 5),
    st.integers(0, 12),
    st.sampled_from(["iv", "likelihood"]),
)
def test_best_partition_is_the_best_of_all(cells, trend, max_bins, min_count, criterion):
    good, bad = (list(x) for x in zip(*cells, strict=True))
    if not sum(good) or not sum(bad):
        good[0], bad[0] = good[0] + 1, bad[0] + 1
    starts, value = best_partition(
        np.array(good), np.array(bad), trend=trend, max_bins=max_bins,
        min_count=min_count, criterion=criterion,
    )  # fmt: skip
    wanted = _brute(good, bad, trend, max_bins, min_count, criterion)
    if np.isinf(wanted):  # not even one bin is large enough
        assert starts.tolist() == [0]
        return
    assert value == pytest.approx(wanted, abs=1e-9)
    edges = [*starts.tolist(), len(good)]
    g = np.array([sum(good[a:b]) for a, b in itertools.pairwise(edges)])
    b = np.array([sum(bad[a:c]) for a, c in itertools.pairwise(edges)])
    assert _follows((b / (g + b)).tolist(), trend)
    assert len(g) <= max_bins


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=8),
    st.sampled_from([1, -1]),
    st.sampled_from(["iv", "likelihood"]),
)
def test_pooled_neighbours_bound_every_monotone_partition(cells, sign, criterion):
    good, bad = (np.array(x) for x in zip(*cells, strict=True))
    if not good.sum() or not bad.sum():
        good[0], bad[0] = good[0] + 1, bad[0] + 1
    trend = "ascending" if sign == 1 else "descending"
    _, value = best_partition(good, bad, trend=trend, max_bins=8, criterion=criterion)
    assert value <= monotone_bound(good, bad, sign=sign, criterion=criterion) + 1e-9


def test_candidate_edges_part_distinct_values_and_floats_next_to_each_other():
    near = np.nextafter(1.0, 2.0)
    edges = candidate_edges(np.array([1.0, near, 3.0, 3.0, 1.0]), 50)
    assert np.searchsorted(edges, [1.0, near, 3.0]).tolist() == [0, 1, 2]
    assert len(candidate_edges(np.arange(1000.0), 20)) == 19


def test_logistic_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 4))
    y = (rng.random(400) < 1 / (1 + np.exp(-X @ [1, -0.5, 0, 0.3] + 0.4))).astype(float)
    weights, intercept = fit_logistic(X, y, ridge=2.0)
    peer = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(X, y)
    np.testing.assert_allclose(weights, peer.coef_[0], atol=1e-5)
    assert intercept == pytest.approx(peer.intercept_[0], abs=1e-5)
    held, _ = fit_logistic(X, y, ridge=2.0, floor=0.0)
    assert held[1] == 0
    assert (held >= 0).all()


# --------------------------------------------------------------- estimator


@parametrize_with_checks([CreditScorecard(), CreditScorecard(trend="peak", max_bins=3)])
def test_sklearn_contract(estimator, check):
    check(estimator)


def _by_rules(rules: pd.DataFrame, record: dict) -> int:
    """A rules engine of its own: plain Python over the exported table."""
    total = int(rules.loc[rules["rule"] == "always", "points"].sum())
    for feature, mine in rules[rules["feature"] != ""].groupby("feature"):
        value = record[feature]
        hit = None
        if value is None or value != value:
            hit = mine[mine["rule"] == "missing"]
        else:
            hit = mine[(mine["rule"] == "equals") & np.array([v == value for v in mine["value"]])]
            if hit.empty and not isinstance(value, str):
                hit = mine[(mine["rule"] == "range") & (mine["low"] < value)]
                hit = hit[hit["high"] >= value]
            if hit.empty:
                hit = mine[mine["rule"] == "other"]
        assert len(hit) == 1, (feature, value)
        total += int(hit["points"].iloc[0])
    return total


@pytest.mark.parametrize("positive", [False, True])
def test_rules_points_and_record_give_the_score_of_every_row(positive):
    X, y = customers()
    card = CreditScorecard(special={"turnover": [-999]}, positive=positive).fit(X, y)
    new = X.head(60).copy()
    new.loc[0, "sector"] = "never seen"
    new.loc[1, ["days_late", "turnover", "staff"]] = np.nan
    new.loc[2, "sector"] = None
    score = card.predict_score(new)
    assert score.dtype == np.int64
    assert (card.predict_points(new).sum(axis=1) == score).all()
    rules = card.export()
    records = new.astype(object).where(new.notna(), None).to_dict("records")
    assert [_by_rules(rules, r) for r in records] == score.tolist()
    assert [card.score_record(r)["score"] for r in records] == score.tolist()
    if positive:
        assert (card.table_.loc[card.table_["kind"] != "base", "points"] >= 0).all()


@pytest.mark.parametrize("trend", ["auto", "peak", "none"])
@pytest.mark.parametrize("options", [{}, {"max_bins": 1}, {"empty": "worst", "positive": True}])
def test_columns_that_say_little_are_carried(trend, options):
    """All missing, constant, one class where known, nullable, categories, missing later only."""
    X, y = customers()
    rng = np.random.default_rng(0)
    n, gap = len(X), rng.random(len(X)) < 0.2
    X = X.assign(
        nothing=np.nan, same=3.0, one_class=np.where(y == 1, np.nan, X["days_late"]),
        whole=pd.array(np.where(gap, None, rng.integers(0, 9, n)), dtype="Int64"),
        truth=pd.array(np.where(gap, None, rng.random(n) < 0.5), dtype="boolean"),
        level=pd.Categorical(rng.choice(["低", "中", "高"], n), ["低", "中", "高"], ordered=True),
    )  # fmt: skip
    card = CreditScorecard(special={"turnover": [-999]}, trend=trend, **options).fit(X, y)
    new = X.head(40).astype({"level": object})
    new.loc[:9, "same"], new.loc[5:15, "nothing"], new.loc[3:6, "level"] = np.nan, 1.0, "新"
    score = card.predict_score(new)
    records = new.astype(object).where(new.notna(), None).to_dict("records")
    assert [_by_rules(card.export(), r) for r in records] == score.tolist()
    assert [card.score_record(r)["score"] for r in records] == score.tolist()
    assert (card.psi(X)["psi"].abs() < 1e-12).all()


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_few_rows_make_a_plain_card(rows):
    X, _ = customers()
    card = CreditScorecard().fit(X.head(rows), ([0, 1] * 4)[:rows])
    assert (card.predict_points(X).sum(axis=1) == card.predict_score(X)).all()


@pytest.mark.parametrize("special", [-999, "none told"])
def test_sql_gives_the_score_of_every_row(special):
    X, y = customers()
    if isinstance(special, str):  # texts among numbers: a column of texts in the database
        X["turnover"] = X["turnover"].astype(object).where(X["turnover"] != -999, special)
    card = CreditScorecard(special={"turnover": [special]}, empty="worst").fit(X, y)
    new = X.copy()
    new.loc[0, "sector"] = "never seen"
    new.loc[3, "staff"] = np.nan
    with sqlite3.connect(":memory:") as base:
        new.to_sql("applicants", base, index=False)
        got = [r[0] for r in base.execute(f"SELECT {card.export('sql')} FROM applicants")]
    base.close()
    assert got == card.predict_score(new).tolist()


def test_a_feature_too_good_to_be_true_is_suspect():
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.2).astype(int)
    X = pd.DataFrame({"noise": rng.random(500), "settled": y + rng.normal(0, 0.01, 500)})
    card = CreditScorecard(max_bins=2, min_share=0.2).fit(X, y)
    assert card.features_["strength"].iloc[1] == "suspect"
    # Siddiqi 2006, chapter 6: under 0.02 unpredictive, to 0.1 weak, to 0.3 medium, above strong
    read = strength(np.array([0.019, 0.02, 0.099, 0.1, 0.29, 0.3, 0.49, 0.51]))
    assert read.tolist() == ["none", *["weak"] * 2, *["medium"] * 2, *["strong"] * 2, "suspect"]


def test_points_follow_the_scale():
    X, y = customers()
    card = CreditScorecard(pdo=40, base_score=500, base_odds=10).fit(X, y)
    odds = card.score_to_probability([500, 540, 460])
    np.testing.assert_allclose((1 - odds) / odds, [10, 20, 5])
    exact = 500 - 40 / np.log(2) * (card.decision_function(X) + np.log(10))
    # half a point for the base row and half for each feature, at most
    assert np.abs(card.predict_score(X) - exact).max() <= 0.5 * 5


def test_bins_are_monotone_in_every_number():
    X, y = customers(900, seed=3)
    table = CreditScorecard().fit(X, y).table_
    for _, part in table[table["kind"] == "interval"].groupby("feature"):
        steps = np.diff(part["bad_rate"])
        assert (steps >= 0).all() or (steps <= 0).all()
        assert (part["rows"] >= 0.05 * 900).all()


def test_peak_and_valley_by_column():
    rng = np.random.default_rng(4)
    x = rng.uniform(0, 10, 2000)
    y = (rng.random(2000) < 0.1 + 0.6 * (np.abs(x - 5) < 2)).astype(int)
    X = pd.DataFrame({"x": x})
    rate = CreditScorecard(trend={"x": "peak"}).fit(X, y).table_.query("kind == 'interval'")
    steps = np.diff(rate["bad_rate"])
    top = int(np.argmax(rate["bad_rate"]))
    assert 0 < top < len(rate) - 1
    assert (steps[:top] >= 0).all()
    assert (steps[top:] <= 0).all()


def test_neither_row_order_nor_index_nor_column_type_changes_a_point():
    X, y = customers()
    order = np.random.default_rng(0).permutation(len(X))
    card = CreditScorecard().fit(X, y)
    other = CreditScorecard().fit(X.iloc[order].set_axis(["a"] * len(X)), y[order])
    pd.testing.assert_frame_equal(card.table_, other.table_)
    category = X.assign(sector=X["sector"].astype("category"))
    pd.testing.assert_frame_equal(card.table_, CreditScorecard().fit(category, y).table_)
    assert card.predict_score(category).tolist() == card.predict_score(X).tolist()
    assert pickle.loads(pickle.dumps(card)).predict_score(X).equals(card.predict_score(X))
    assert clone(card).fit(X, y).table_.equals(card.table_)


def test_frames_of_other_engines_give_the_same_card():
    pl = pytest.importorskip("polars")
    X, y = customers()
    X["days_late"] = X["days_late"].fillna(-1)
    card = CreditScorecard().fit(X, y)
    other = CreditScorecard().fit(pl.from_pandas(X), y)
    pd.testing.assert_frame_equal(card.table_, other.table_)
    assert other.predict_score(pl.from_pandas(X)).tolist() == card.predict_score(X).tolist()


def test_numbers_as_levels_and_unseen_levels():
    X, y = customers()
    X["code"] = np.random.default_rng(5).integers(1, 4, len(X)) * 10
    card = CreditScorecard(categorical=["code"]).fit(X, y)
    assert set(card.table_.query("feature == 'code'")["kind"]) == {"levels", "missing", "other"}
    assert card.score_record({**X.iloc[0].to_dict(), "code": 99})["bins"]["code"] == "other"
    worst = CreditScorecard(categorical=["code"], empty="worst").fit(X, y).table_
    part = worst.query("feature == 'code'")
    assert part["points"].min() == part.query("kind == 'other'")["points"].item()


def test_the_worst_bin_is_worst_in_points_also_where_a_weight_is_negative():
    rng = np.random.default_rng(0)
    risk = rng.integers(0, 4, 3000)
    near = np.where(rng.random(3000) < 0.7, risk, rng.integers(0, 4, 3000))
    odds = 1.5 * risk - 0.7 * near - 1  # alone, near seems to raise the risk
    X = pd.DataFrame({"risk": risk, "near": near})
    y = (rng.random(3000) < 1 / (1 + np.exp(-odds))).astype(int)
    card = CreditScorecard(nonnegative=False, empty="worst").fit(X, y)
    assert card.coef_[1] < 0
    points = card.table_.query("feature == 'near'").set_index("kind")["points"]
    assert points["missing"] == points["interval"].min()
    assert card.predict_proba(X.assign(near=np.nan))[:, 1].mean() > y.mean()


def test_the_bad_class_is_named_and_not_guessed_from_the_alphabet():
    X, y = customers()
    words = np.where(y == 1, "bad", "good")
    card = CreditScorecard().fit(X, y)
    with pytest.raises(InputError, match="say which class is the bad one"):
        CreditScorecard().fit(X, words)
    with pytest.raises(InputError, match="none of the classes"):
        CreditScorecard(bad="poor").fit(X, words)
    for pair in (("Charged Off", "Fully Paid"), ("late", "on time"), ("逾期", "未逾期")):
        with pytest.raises(InputError, match="say which class is the bad one"):
            CreditScorecard().fit(X, np.where(y == 1, *pair))
    with pytest.raises(InputError, match=r"give frame\['bad'\] and leave it out of X"):
        CreditScorecard().fit(X.assign(bad=y), "bad")
    named = CreditScorecard(bad="bad").fit(X, words)
    assert named.predict_score(X).equals(card.predict_score(X))
    np.testing.assert_allclose(named.predict_proba(X)[:, 0], card.predict_proba(X)[:, 1])
    assert (named.predict(X) == "bad").tolist() == (card.predict(X) == 1).tolist()
    assert named.performance(X, words).equals(card.performance(X, y))
    assert named.calibration(X, words).equals(card.calibration(X, y))
    turned = CreditScorecard(bad=0).fit(X, y)
    assert np.corrcoef(turned.predict_score(X), card.predict_score(X))[0, 1] < -0.9


def test_special_values_of_any_kind_are_rows_of_their_own():
    X, y = customers()
    X["turnover"] = X["turnover"].astype(object)
    card = CreditScorecard(special=[-999, "n/a", "IT's"]).fit(X, y)
    kinds = card.table_[card.table_["kind"] == "special"].groupby("feature")["rows"].sum()
    assert kinds["turnover"] == (X["turnover"] == -999).sum()
    assert kinds["sector"] == (X["sector"] == "IT's").sum()


def test_numbers_among_texts_are_no_levels_unless_it_is_said():
    X, y = customers()
    held = X["turnover"].iloc[3]
    X["turnover"] = X["turnover"].astype(object)
    read = X.assign(turnover=X["turnover"].where(X.index != X.index[3], f"{held} "))
    plain = CreditScorecard().fit(X, y)
    pd.testing.assert_frame_equal(CreditScorecard().fit(read, y).table_, plain.table_)
    X.loc[X.index[[3, 7]], "turnover"] = ["none", "n/a"]
    with pytest.raises(InputError, match=r"'turnover' holds numbers, and texts in 2 row\(s\)"):
        CreditScorecard().fit(X, y)
    card = CreditScorecard(special={"turnover": ["none", "n/a"]}).fit(X, y)
    part = card.table_.query("feature == 'turnover'")
    assert part.query("kind == 'special'")["rows"].tolist() == [1, 1]
    assert (part["kind"] == "interval").any()
    record = X.astype(object).iloc[3].to_dict()
    assert card.score_record(record)["bins"]["turnover"] == "none"
    named = CreditScorecard(categorical=["turnover"]).fit(X, y).table_
    assert "levels" in named.query("feature == 'turnover'")["kind"].tolist()


def test_a_column_of_ids_tells_nothing():
    X, y = customers()
    X["id"] = [f"C{k}" for k in range(len(X))]
    X["base"] = X["staff"]
    card = CreditScorecard().fit(X, y)
    ids = card.table_.query("feature == 'id'").set_index("kind")
    assert ids.loc["other", "rows"] == len(X)
    assert not ids["points"].any()
    assert (card.predict_points(X).sum(axis=1) == card.predict_score(X)).all()
    open_to_all = CreditScorecard(rare=0).fit(X, y)
    assert open_to_all.features_.set_index("feature").loc["id", "iv"] > 1


def test_reports_against_plain_counts():
    X, y = customers()
    card = CreditScorecard().fit(X, y)
    score = card.predict_score(X)
    row = card.performance(X, y).iloc[0]
    assert row["auc"] == pytest.approx(roc_auc_score(y, -score))
    bands = card.bands(X, y, width=10)
    assert bands["rows"].sum() == len(X)
    assert bands["bad"].sum() == y.sum()
    at = bands.iloc[len(bands) // 2]
    let_in = score >= at["low"]
    assert at["approved"] == pytest.approx(let_in.mean())
    assert at["approved_bad_rate"] == pytest.approx(y[let_in].mean())
    table = card.calibration(X, y, bins=5)
    assert table["rows"].sum() == len(X)
    # a logistic regression with a free intercept predicts the training rate on average
    assert (table["predicted"] * table["rows"]).sum() == pytest.approx(y.sum(), rel=1e-6)
    assert card.psi(X)["psi"].max() == 0
    moved = card.psi(X.assign(days_late=200.0)).set_index("feature")
    assert moved.loc["days_late", "status"] == "shifted"
    assert moved.loc["staff", "psi"] == 0


def test_population_stability_index_by_hand():
    """Two bands, 50/50 against 60/40: 0.1 ln(0.6/0.5) - 0.1 ln(0.4/0.5)."""
    X = pd.DataFrame({"x": [0, 1] * 50})
    card = CreditScorecard().fit(X, [0, 1, 0, 1, 0, 1, 0, 0, 1, 1] * 10)
    new = pd.DataFrame({"x": [0] * 60 + [1] * 40})
    got = card.psi(new).set_index("feature").loc["x", "psi"]
    assert got == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pdo": 0}, "pdo must not be 0"),
        ({"trend": "up"}, "trend must be one of"),
        ({"min_share": 0.9}, "min_share must be between"),
        ({"special": "x"}, "takes a list"),
        ({"empty": "best"}, "empty must be one of"),
        ({"special": object()}, "special takes a list"),
        ({"special": {"staff": [[1]]}}, "special takes a list of single values"),
        ({"categorical": [["staff"]]}, "categorical takes a list of single values"),
        ({"special": {"stuff": [-1]}}, "special names 'stuff', which is no column.*'days_late'"),
        ({"categorical": ["stuff"]}, "categorical names 'stuff'"),
        ({"trend": {"stuff": "peak"}}, "trend names 'stuff'"),
        ({"bad": np.array([0, 1])}, "is none of the classes"),
    ],
)
def test_options_are_checked(change, words):
    X, y = customers(100)
    with pytest.raises(InputError, match=words):
        CreditScorecard(**change).fit(X, y)


def test_options_by_column_take_single_values_and_columns_that_are_numbers():
    X, y = customers(200)
    card = CreditScorecard(special={"sector": "food", "staff": -1}).fit(X, y)
    special = card.table_[card.table_["kind"] == "special"]
    assert special[["feature", "label"]].to_numpy().tolist() == [
        ["sector", "food"],
        ["staff", "-1"],
    ]
    numbered = pd.DataFrame(X[["days_late", "staff"]].to_numpy(), columns=[7, 8])
    card = CreditScorecard(special={8: [3]}, categorical=pd.Index([7])).fit(numbered, y)
    assert card.table_.groupby("feature")["kind"].agg(set)["8"] >= {"special", "interval"}
    assert card.features_["type"].tolist() == ["levels", "number"]
    card = CreditScorecard(special=[None, np.nan]).fit(X, y)
    assert "special" not in set(card.table_["kind"])
    assert "nan" not in card.export("sql")


def test_unusable_input_is_named():
    X, y = customers(100)
    with pytest.raises(InputError, match="one class only"):
        CreditScorecard().fit(X, np.zeros(100))
    with pytest.raises(InputError, match=r"'staff'.*no finite number"):
        CreditScorecard().fit(X.assign(staff=np.inf), y)
    with pytest.raises(InputError, match=r"'day'.*holds dates"):
        CreditScorecard().fit(X.assign(day=pd.Timestamp("2025-01-01")), y)
    with pytest.raises(InputError, match=r"'month'.*holds dates"):
        CreditScorecard().fit(X.assign(month=pd.Period("2025-01")), y)
    card = CreditScorecard().fit(X, y)
    with pytest.raises(InputError, match="record has no 'staff'"):
        card.score_record({"days_late": 1, "turnover": 2, "sector": "food"})
    with pytest.raises(InputError, match=r"'staff'.*'many'"):
        card.predict_score(X.assign(staff="many"))


def test_other_columns_than_those_of_fit_are_told_with_the_remedy():
    X, y = customers(200)
    card = CreditScorecard().fit(X, y)
    expected = card.predict_score(X)
    for other in (X[X.columns[::-1]], X.assign(note=1), X.drop(columns="staff")):
        with pytest.raises(InputError, match=r"X\[card.feature_names_in_\]"):
            card.predict_score(other)
    extra = X.assign(note=1)[["note", *X.columns[::-1]]]
    pd.testing.assert_series_equal(card.predict_score(extra[card.feature_names_in_]), expected)
