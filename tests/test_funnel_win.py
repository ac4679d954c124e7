"""The win model: calibrated, honest without signal, explained, watched."""

from __future__ import annotations

import pickle
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from salesmgmt import DataWarning, InputError
from salesmgmt._funnel._features import as_outcome
from salesmgmt._funnel.leaks import find_drift, find_leaks
from salesmgmt.funnel import WinModel


def world(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "source": rng.choice(["web", "fair", "referral"], n),
            "size": rng.lognormal(3, 1, n),
            "city": [f"c{i}" for i in rng.integers(0, 300, n)],
            "budget": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
        }
    )
    z = 1.5 * X["source"].eq("referral") + X["budget"].fillna(0) - 0.8
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int).to_numpy()


@pytest.fixture(scope="module")
def fitted():
    X, y = world()
    return WinModel().fit(X.iloc[:1000], y[:1000])


def test_it_ranks_and_is_calibrated_on_later_deals(fitted):
    X, y = world()
    p = fitted.predict_proba(X.iloc[1000:])[:, 1]
    assert roc_auc_score(y[1000:], p) > 0.72
    assert p.sum() / y[1000:].sum() == pytest.approx(1, abs=0.15)
    np.testing.assert_allclose(fitted.predict_proba(X.head(9)).sum(axis=1), 1)
    assert set(fitted.predict(X)) == {0, 1}


def test_explanations_add_up_to_the_score(fitted):
    X, _ = world()
    parts = fitted.explain(X.head(12))
    total = parts.groupby("row")["contribution"].sum()
    p = fitted.predict_proba(X.head(12))[:, 1]
    np.testing.assert_allclose(total, np.log(p / (1 - p)), rtol=0, atol=1e-9)
    strongest = parts[parts["column"] != "(base)"].groupby("column")["contribution"].std()
    assert strongest.idxmax() in ("source", "budget")


def test_without_signal_it_is_the_share_won():
    X, y = world()
    y = np.random.default_rng(3).permutation(y)
    model = WinModel().fit(X, y)
    assert model.status_ == "no signal"
    assert np.ptp(model.predict_proba(X)[:, 1]) == 0
    assert model.base_rate_ == pytest.approx(y.mean(), abs=0.002)


def test_too_few_outcomes_are_said():
    X, y = world(80)
    with pytest.warns(DataWarning, match="fewer than min_outcomes=50"):
        model = WinModel().fit(X, y)
    assert model.status_ == "too few outcomes"


def test_a_column_filled_in_afterwards_is_flagged_unprompted():
    X, y = world()
    X = X.assign(paid=np.where(y == 1, "yes", "no"), last_activity=np.where(y == 1, "call", "mail"))
    with pytest.warns(DataWarning, match="may know the outcome"):
        model = WinModel().fit(X, y)
    assert set(model.leaks_["column"]) == {"paid", "last_activity"}
    assert model.leaks_["evidence"].str.contains("AUC").all()
    clean = WinModel(exclude_leaks=True).fit(X, y)
    assert "paid" not in clean.columns_


def test_innocent_columns_are_not_flagged(fitted):
    assert fitted.leaks_.empty


def test_the_level_follows_the_outcomes_and_drift_is_told():
    X, y = world(3000)
    later = np.arange(3000) >= 2000
    rng = np.random.default_rng(1)
    y = np.where(later & (rng.random(3000) < 0.5), 0, y)
    model = WinModel(window=300).fit(X[:2000], y[:2000])
    p = model.predict_rolling(X[2000:], y[2000:])
    frozen = model.predict_proba(X[2000:])[:, 1]
    assert abs(p.sum() / y[2000:].sum() - 1) < 0.25 < abs(frozen.sum() / y[2000:].sum() - 1)
    updated = clone(model).fit(X[:2000], y[:2000]).update(X[2000:2500], y[2000:2500])
    assert updated.predict_proba(X[2500:])[:, 1].mean() < frozen.mean() * 0.8
    moved = model.drift(X[2000:].assign(source="trade"))
    assert moved.set_index("column").loc["source", "alarm"]
    whole = WinModel().fit(X, y)
    assert bool(whole.drift_.loc[0, "alarm"])


@pytest.mark.parametrize(
    ("lost", "won"),
    [("输单", "赢单"), ("丢单", "赢单"), ("流失", "成交"), ("lost", "Won"),
     ("Closed Lost", "Closed Won"), ("无效", "赢单"), ("a", "b"), (0.0, 1.0)],
)  # fmt: skip
def test_what_says_won_is_won_however_it_sorts(lost, won):
    """赢单 sorts before 输单, "Won" before "lost": the larger label was taken for won."""
    hit, classes = as_outcome([lost, won, won], 3, "fit")
    assert classes.tolist() == [lost, won]
    assert hit.tolist() == [0, 1, 1]


def test_open_deals_among_the_outcomes_are_named():
    with pytest.raises(InputError, match="leave out the deals that are still open"):
        as_outcome(["won", "lost", "open"], 3, "fit")


def test_chance_alone_raises_no_alarm():
    """Columns that do not move: at most three in a hundred alarms, with few rows or many values.

    The index of two stretches of n and m rows is (1/n + 1/m) times chi-square by chance
    (B. Yurdakul, Statistical Properties of Population Stability Index, 2018): 0.45 of 40 rows.
    """
    rng = np.random.default_rng(7)
    drift, leaks = [], 0
    for _ in range(24):
        n = int(rng.choice([30, 120, 300]))
        table = pd.DataFrame(
            {"size": rng.normal(size=n), "owner": rng.integers(0, 30, n).astype(str),
             "deal": np.arange(n).astype(str), "day": pd.date_range("2025-01-01", periods=n),
             "gaps": np.where(rng.random(n) < 0.3, np.nan, 1.0)}
        )  # fmt: skip
        won = rng.random(n) < 0.3
        third = n // 3
        shares = float(won[:third].mean()), float(won[-third:].mean())
        drift.append(find_drift(table[:third], table[-third:], *shares)["alarm"].mean())
        leaks += len(find_leaks(table, won))
    assert np.mean(drift) <= 0.03
    assert leaks <= 4  # of 120


def test_new_values_missing_columns_and_plain_matrices(fitted):
    X, y = world()
    odd = X.head(3).assign(source=["mars", None, "web"], size=[np.inf, np.nan, -1.0])
    assert np.isfinite(fitted.predict_proba(odd)).all()
    with pytest.raises(InputError, match="no column 'size'"):
        fitted.predict_proba(X.drop(columns="size"))
    with pytest.raises(InputError, match="y must hold"):
        WinModel().fit(X, np.full(len(X), "maybe"))
    matrix = X[["size", "budget"]].to_numpy()
    assert WinModel().fit(matrix, y).n_features_in_ == 2


def test_any_two_outcomes_will_do_and_the_larger_is_won():
    X, y = world(600)
    text = WinModel().fit(X, np.where(y == 1, "won", "lost"))
    assert text.classes_.tolist() == ["lost", "won"]
    np.testing.assert_array_equal(
        text.predict_proba(X), WinModel().fit(X, y.astype(bool)).predict_proba(X)
    )
    assert set(text.predict(X)) == {"lost", "won"}
    with pytest.raises(InputError, match="multiclass"):
        WinModel().fit(X, np.arange(len(X)) % 3)


def test_it_clones_and_pickles(fitted):
    X, y = world()
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    other = clone(fitted).fit(X.iloc[:1000], y[:1000])
    np.testing.assert_array_equal(other.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([WinModel(min_outcomes=5)])
def test_sklearn_contract(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_leads_on_arrival_and_their_late_columns(data_dir):
    leads = pd.read_parquet(data_dir / "funnel" / "xedu_leads_first70.parquet")
    leads = leads.sort_values("Lead Number").reset_index(drop=True)
    won = leads.pop("Converted").to_numpy()
    leads = leads.drop(columns="Lead Number")
    cut = int(len(leads) * 0.7)
    late = [c for c in leads if c in ("Tags", "Lead Quality", "Lead Profile")]
    late += [c for c in leads if c.startswith(("Last ", "Asymmetrique "))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flagged = set(WinModel().fit(leads[:cut], won[:cut]).leaks_["column"])
        model = WinModel().fit(leads.drop(columns=late)[:cut], won[:cut])
    assert set(late) <= flagged
    p = model.predict_proba(leads.drop(columns=late)[cut:])[:, 1]
    assert roc_auc_score(won[cut:], p) > 0.86
    cell = np.minimum((p * 10).astype(int), 9)
    gaps = [abs(p[cell == i].mean() - won[cut:][cell == i].mean()) for i in range(10)]
    assert np.average(gaps, weights=np.bincount(cell, minlength=10)) <= 0.03


def test_deals_that_all_end_alike_give_the_base_rate_without_a_stray_warning():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    for outcome in (0, 1):
        with pytest.warns(DataWarning, match="min_outcomes"):
            model = WinModel().fit(X, [outcome] * 3)
        assert not len(model.leaks_)
        p = model.predict_proba(X)[:, 1]
        assert np.ptp(p) == 0
        assert 0 < p[0] < 1
        assert (p[0] > 0.5) == bool(outcome)


def _plain_deals(n=400):
    rng = np.random.default_rng(3)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 600, n), "D")
    X = pd.DataFrame({"source": rng.choice(["web", "fair"], n), "size": rng.normal(size=n)})
    chance = 1 / (1 + np.exp(-0.8 * X["size"]))
    return X.assign(created_at=day), (rng.random(n) < chance).to_numpy()


@pytest.mark.parametrize("nothing", [np.nan, np.inf, None, pd.NaT])
def test_a_column_without_any_value_is_no_obstacle(nothing):
    X, y = _plain_deals()
    X = X.drop(columns="created_at")
    plain = WinModel().fit(X, y).predict_proba(X)
    column = pd.Series([nothing] * len(X), index=X.index)
    empty = X.assign(empty=column)
    np.testing.assert_allclose(WinModel().fit(empty, y).predict_proba(empty), plain, atol=0.02)


def test_dates_in_text_are_dates():
    X, y = _plain_deals()
    text = X.assign(created_at=X["created_at"].dt.strftime("%d/%m/%Y"))
    one, two = (WinModel(date="created_at").fit(f, y) for f in (X, text))
    pd.testing.assert_frame_equal(one.scores_, two.scores_)


def _typed_deals(n=300):
    rng = np.random.default_rng(4)
    X = pd.DataFrame(
        {
            "amount": np.round(rng.lognormal(8, 1, n), 2),
            "due": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "seats": rng.integers(1, 50, n),
            "key": rng.random(n) < 0.4,
        }
    )
    z = (8 - np.log(X["amount"])) + X["key"] - X["due"].dt.month / 5 + 1
    return X, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int).to_numpy()


def test_numbers_and_dates_are_read_as_such_whatever_holds_them():
    """Decimals, dates and days in a zone were labels of their own in the fit, or missing later."""
    X, y = _typed_deals()
    model = WinModel(min_outcomes=20).fit(X, y)
    want = model.predict_proba(X)
    other = X.assign(
        amount=[Decimal(str(v)) for v in X["amount"]],
        due=X["due"].dt.date,
        seats=X["seats"].astype(object),
    )
    again = WinModel(min_outcomes=20).fit(other, y)
    np.testing.assert_allclose(again.predict_proba(other), want)
    pd.testing.assert_frame_equal(again.drift_, model.drift_)
    for due in (X["due"].dt.strftime("%Y-%m-%d"), X["due"].dt.tz_localize("Asia/Shanghai")):
        late = other.assign(due=due, key=X["key"].astype(int), amount=X["amount"].astype(str))
        np.testing.assert_allclose(model.predict_proba(late), want)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"amount": "1,234.50"}, "'amount' held numbers in the fit; 300 row"),
        ({"due": 20250105}, "'due' held dates in the fit; 300 row"),
        ({"seats": pd.Timestamp("2025-01-05")}, "'seats' held numbers in the fit"),
        ({"key": 7}, "'key' held True/False in the fit"),
    ],
)
def test_what_cannot_be_read_as_in_the_fit_is_refused(column, told):
    """Such deals were scored as if the value were missing."""
    X, y = _typed_deals()
    model = WinModel(min_outcomes=20).fit(X, y)
    with pytest.raises(InputError, match=told):
        model.predict_proba(X.assign(**column))


@pytest.mark.parametrize(
    ("options", "told"),
    [({"exclude_leaks": "yes"}, "exclude_leaks"), ({"random_state": "a"}, "random_state")],
)
def test_options_of_the_model_are_checked(options, told):
    X, y = _plain_deals()
    with pytest.raises(InputError, match=told):
        WinModel(**options).fit(X.drop(columns="created_at"), y)


def test_deals_without_their_date_are_refused():
    X, y = _plain_deals()
    with pytest.raises(InputError, match=r"WinModel.fit.*'created_at' is missing in 1 row"):
        WinModel(date="created_at").fit(X.assign(created_at=X["created_at"].mask(X.index == 3)), y)
    late = X.assign(created_at=np.where(X.index == 3, np.nan, X.index))
    with pytest.raises(InputError, match=r"'created_at' is missing in 1 row"):
        WinModel(date="created_at").fit(late, y)


def test_a_chinese_name_that_comes_late_is_told_by_its_name():
    rng = np.random.default_rng(0)
    won = rng.integers(0, 2, 600)
    hint = np.where(rng.random(600) < 0.62, won, 1 - won)
    table = pd.DataFrame({"线索评分": hint, "Lead Score": hint, "来源": hint})
    found = find_leaks(table, won).set_index("column")
    assert found["kind"].to_dict() == {"线索评分": "name", "Lead Score": "name"}
    assert "'评分'" in found.loc["线索评分", "evidence"]
