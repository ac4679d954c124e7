"""Late payment: only what was known at invoice date, and the customer's own history beside it."""

from __future__ import annotations

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from salesmgmt import load_sample
from salesmgmt.credit import LatePaymentModel, open_items
from salesmgmt.engine.lines import mean_line, median_line
from salesmgmt.engine.payment_history import NEVER, Past, common_median, running_median
from salesmgmt.errors import InputError

DAY = pd.Timedelta(days=1)


def book(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Six customers, each with a habit of its own."""
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 500, n)), "D")
    who = rng.integers(0, 6, n)
    took = np.maximum(15 + 6 * who + rng.normal(0, 6, n), 1).astype(int)
    invoices = pd.DataFrame(
        {
            "invoice_id": [f"i{k:04d}" for k in range(n)],
            "customer_id": np.array(list("ABCDEF"))[who],
            "invoice_date": day,
            "due_date": day + 30 * DAY,
            "amount": rng.integers(100, 9000, n) / 1.0,
            "channel": rng.choice(["web", "field"], n),
            "disputed": took > 40,
            "dispute_date": day + 20 * DAY,
            "since_date": pd.Timestamp("2023-01-01"),
        }
    )
    payments = pd.DataFrame(
        {
            "payment_id": invoices["invoice_id"],
            "customer_id": invoices["customer_id"],
            "date": day + pd.to_timedelta(took, "D"),
            "amount": invoices["amount"],
            "invoice_id": invoices["invoice_id"],
        }
    )
    return invoices, payments


@pytest.fixture(scope="module")
def fitted():
    invoices, payments = book()
    return LatePaymentModel().fit(invoices, payments, as_of="2025-01-31"), invoices, payments


# ------------------------------------------------------------------ engine


def test_past_sums_by_counting():
    rng = np.random.default_rng(0)
    n = 60
    who, issued = rng.integers(0, 4, n), rng.integers(0, 50, n)
    settled = np.where(rng.random(n) < 0.2, NEVER, issued + rng.integers(0, 30, n))
    value = rng.normal(size=n)
    past = Past(who, issued, issued + 5, settled)
    got = past.sums(settled, {"v": value}, who, issued)["v"]
    last = past.last(settled, settled.astype(float), who, issued)
    median = running_median(who, settled, value, who, issued)
    faded = past.faded(settled, {"v": value}, who, issued, 0.5)["v"]  # 100 half-lives in all
    for i in range(n):
        before = (who == who[i]) & (settled < issued[i])
        assert got[i] == pytest.approx(value[before].sum(), abs=1e-9)
        weight = 0.5 ** ((issued[i] - settled[before]) / 0.5)
        assert faded[i] == pytest.approx(value[before] @ weight, rel=1e-12)
        if before.any():
            assert last[i] == settled[before].max()
            assert median[i] == pytest.approx(np.median(value[before]))
        else:
            assert np.isnan(last[i])
            assert np.isnan(median[i])
        every = value[settled < issued[i]]
        if len(every):
            assert common_median(settled, value, issued)[i] == pytest.approx(np.median(every))


def test_lines_through_means_and_medians():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 3))
    y = X @ [2.0, -1.0, 0.0] + 5 + rng.standard_cauchy(300) * 0.1
    peer = Ridge(alpha=7.0).fit(X, y)
    slope, intercept = mean_line(X, y, weight=np.ones(300), ridge=7.0)
    np.testing.assert_allclose(slope, peer.coef_, atol=1e-9)
    assert intercept == pytest.approx(peer.intercept_)
    slope, intercept = median_line(X, y, ridge=0.1, least=0.01)
    np.testing.assert_allclose(slope, [2, -1, 0], atol=0.05)  # outliers leave it alone
    assert intercept == pytest.approx(5, abs=0.05)


# ------------------------------------------------------------------- model


def test_the_record_is_what_had_happened_before_the_invoice_date(fitted):
    model, invoices, payments = fitted
    got = model.predict(invoices, payments)
    settled = payments["date"]
    late = settled > invoices["due_date"]
    for i in range(0, len(invoices), 7):
        today = invoices["invoice_date"].iloc[i]
        before = (settled < today).to_numpy()
        mine = before & (invoices["customer_id"] == invoices["customer_id"].iloc[i]).to_numpy()
        common = (late[before].sum() + 1) / (before.sum() + 2)
        assert got["invoices_settled"].iloc[i] == mine.sum()
        want = (late[mine].sum() + common) / (mine.sum() + 1)
        assert got["baseline_p_late"].iloc[i] == pytest.approx(want)
        if mine.any():
            days = (settled - invoices["invoice_date"]).dt.days[mine].median()
            assert got["baseline_days"].iloc[i] == pytest.approx(days)


def test_the_recent_record_is_exact_over_many_half_lives_and_late_after_the_days_of_grace(fitted):
    _, invoices, payments = fitted
    model = LatePaymentModel(half_life=5.0, grace_days=6)
    model.fit(invoices, payments, as_of="2025-01-31")
    got = model.known_at_invoice(invoices, payments)
    base = model.predict(invoices, payments)["baseline_p_late"]
    settled = payments["date"]
    late = (settled > invoices["due_date"] + 6 * DAY).to_numpy()
    for i in range(0, len(invoices), 7):
        today = invoices["invoice_date"].iloc[i]
        before = (settled < today).to_numpy()
        common = (late[before].sum() + 1) / (before.sum() + 2)
        mine = before & (invoices["customer_id"] == invoices["customer_id"].iloc[i]).to_numpy()
        weight = 0.5 ** ((today - settled[mine]).dt.days / 5.0)
        want = ((weight * late[mine]).sum() + 2 * common) / (weight.sum() + 2)
        assert got["late_share_recent"].iloc[i] == pytest.approx(want, rel=1e-9)
        assert base.iloc[i] == pytest.approx((late[mine].sum() + common) / (mine.sum() + 1))


def test_what_is_not_known_since_as_of_makes_nobody_later():
    # always paid ten days after the invoice; what stays open at as_of is not overdue for ever
    rng = np.random.default_rng(3)
    day = pd.Timestamp("2024-01-01") + DAY * np.sort(rng.integers(0, 300, 240))
    who = np.array(["early", "late"])[np.arange(240) % 2]
    invoices = pd.DataFrame(
        {"invoice_id": np.arange(240), "customer_id": who, "invoice_date": day,
         "due_date": day + 30 * DAY, "amount": 100.0}
    )  # fmt: skip
    delay = np.where(who == "late", 45, 20) + rng.integers(-4, 5, 240)
    payments = pd.DataFrame(
        {"payment_id": np.arange(240), "customer_id": who, "amount": 100.0,
         "date": day + pd.to_timedelta(delay, "D"), "invoice_id": np.arange(240)}
    )  # fmt: skip
    model = LatePaymentModel().fit(invoices, payments, as_of="2024-09-30")
    ahead = pd.Timestamp("2024-10-01") + DAY * np.array([0, 30, 90, 200] * 2)
    new = pd.DataFrame(
        {"invoice_id": np.arange(900, 908), "customer_id": np.repeat(["early", "late"], 4),
         "invoice_date": ahead, "due_date": ahead + 30 * DAY, "amount": 100.0}
    )  # fmt: skip
    known = payments[payments["date"] <= "2024-09-30"]
    for got in (model.predict(new), model.predict(new, known)):
        told = got.groupby("customer_id")[["p_late", "expected_days", "baseline_days"]]
        assert (told.nunique() == 1).all(axis=None)  # as seen on the last day that is known
    with pytest.raises(InputError, match="give later invoices and payments"):
        model.evaluate(pd.concat([invoices, new]))  # nothing is known of them


def test_what_happens_later_changes_no_answer(fitted):
    model, invoices, payments = fitted
    new = invoices[invoices["invoice_date"] > "2025-02-10"]
    first = new["invoice_date"].min()
    a = model.predict(new, payments)
    shifted = payments.copy()
    later = shifted["date"] >= first
    shifted.loc[later, "date"] += 200 * DAY
    b = model.predict(new, shifted)
    one = (new["invoice_date"] == first).to_numpy()
    pd.testing.assert_frame_equal(a[one], b[one])
    # and training does not see beyond as_of
    other = LatePaymentModel().fit(
        invoices, payments.assign(date=shifted["date"]), as_of="2025-01-31"
    )
    pd.testing.assert_frame_equal(model.features_, other.features_)


def test_habits_are_found_and_history_stands_beside(fitted):
    model, invoices, payments = fitted
    told = model.evaluate(invoices, payments)
    assert told["by"].tolist() == ["model", "customer history"]
    assert told["auc"].min() > 0.8
    assert told["mae_days"].max() < 8
    assert 0.65 <= told["coverage"].iloc[0] <= 0.92
    got = model.predict(invoices, payments)
    assert ((got["lo_80"] <= got["expected_days"]) & (got["expected_days"] <= got["hi_80"])).all()
    assert got["p_late"].between(0, 1).all()


def test_without_payments_the_record_of_fit_is_used(fitted):
    model, invoices, payments = fitted
    new = invoices[invoices["invoice_date"].between("2025-02-01", "2025-02-03")]
    known = payments[payments["date"] <= "2025-01-31"]
    pd.testing.assert_frame_equal(model.predict(new), model.predict(new, known))


def test_neither_row_order_nor_index_changes_a_number(fitted):
    model, invoices, payments = fitted
    order = np.random.default_rng(0).permutation(len(invoices))
    mixed = invoices.iloc[order].set_axis(["x"] * len(invoices))
    again = LatePaymentModel().fit(mixed, payments.iloc[::-1], as_of="2025-01-31")
    pd.testing.assert_frame_equal(model.features_, again.features_, rtol=1e-9)
    a = model.predict(invoices, payments).iloc[order]
    b = again.predict(mixed, payments.iloc[::-1])
    assert b.index.tolist() == ["x"] * len(invoices)
    pd.testing.assert_frame_equal(a.reset_index(drop=True), b.reset_index(drop=True))


def test_invoices_within_their_days_of_grace_are_neither_late_nor_in_time_yet():
    """A tenth pays 75 days after the invoice, all others within a month of grace."""
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 365, 900)), "D")
    took = np.where(rng.random(900) < 0.1, 75, 30 + rng.integers(5, 25, 900))
    invoices = pd.DataFrame(
        {"invoice_id": range(900), "customer_id": rng.choice(list("ABCDEF"), 900), "amount": 100.0,
         "invoice_date": day, "due_date": day + 30 * DAY}
    )  # fmt: skip
    payments = invoices[["invoice_id", "customer_id", "amount"]].assign(
        payment_id=range(900), date=day + pd.to_timedelta(took, "D")
    )
    model = LatePaymentModel(grace_days=30).fit(invoices, payments, as_of="2024-09-30")
    assert model.n_invoices_ == (day < "2024-08-01").sum()  # due and grace over by 29 September
    assert model.predict(invoices[day > "2024-09-30"])["p_late"].mean() < 0.15
    known = payments[payments["date"] <= "2024-12-31"]
    seen = model.evaluate(invoices, known, after="2024-08-31")
    assert seen["late_share"].iloc[0] < 0.15
    with pytest.raises(InputError, match="were paid in time; give more"):
        model.evaluate(invoices[took < 75], payments[took < 75])


def test_own_column_names_and_dates_as_text(fitted):
    model, invoices, payments = fitted
    names = {
        "invoice_id": "发票号",
        "customer_id": "客户",
        "invoice_date": "开票",
        "amount": "金额",
    }
    mine = invoices.rename(columns=names)
    mine["开票"] = mine["开票"].dt.strftime("%Y-%m-%d")
    paid = payments.rename(columns=names | {"date": "日期"})
    options = {"invoice": "发票号", "customer": "客户", "invoice_date": "开票", "amount": "金额"}
    other = LatePaymentModel().fit(mine, paid, as_of="2025-01-31", date="日期", **options)
    a, b = model.predict(invoices, payments), other.predict(mine, paid)
    assert b.columns[:2].tolist() == ["客户", "发票号"]
    np.testing.assert_allclose(a.iloc[:, 2:-1], b.iloc[:, 2:-1])


def test_clone_and_pickle(fitted):
    model, invoices, payments = fitted
    new = invoices.tail(5)
    copy = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(copy.predict(new), model.predict(new))
    again = clone(model).fit(invoices, payments, as_of="2025-01-31")
    pd.testing.assert_frame_equal(again.predict(new), model.predict(new))


def test_credit_notes_get_no_answer(fitted):
    model, invoices, _payments = fitted
    new = invoices.tail(3).assign(amount=[10.0, -10.0, 5.0], invoice_id=["p", "q", "r"])
    got = model.predict(new)
    assert got["p_late"].isna().tolist() == [False, True, False]
    assert got["expected_days"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"channel": "dispute_date"}, r"'channel' is dated later than the invoice.*304 row"),
        (["dispute_date"], "'dispute_date' is dated later"),
        (["disputed"], "known only after the invoice date"),
        ({"disputed": "dispute_date"}, "dated later"),
        (["days_late"], "known only after"),
        (["taken"], "it is the outcome"),
        (["colour"], "no column 'colour'"),
        ("channel", "takes a list"),
        (5, "features takes a list"),
        ([["channel"]], r"names of columns, got \['channel'\]"),
        ({"channel": ["since_date"]}, "takes the name of a date column"),
        (["endless"], "'endless' is infinite in 304 row"),
        (["several"], r"'several' must hold numbers, dates or labels; row 0 holds \[1\]"),
    ],
)
def test_what_was_not_known_then_is_refused(features, words):
    invoices, payments = book()
    invoices["taken"] = (payments["date"] - invoices["invoice_date"]).dt.days
    invoices["endless"], invoices["several"] = np.inf, [[1]] * len(invoices)
    with pytest.raises(InputError, match=words):
        LatePaymentModel(features=features).fit(invoices, payments, as_of="2025-01-31")


@pytest.mark.parametrize("kind", ["number", "text", "missing"])
def test_a_feature_that_says_who_was_late_is_refused(kind):
    invoices, payments = book()
    late = (payments["date"] > invoices["due_date"]).to_numpy()
    flag = {
        "number": late * 1.0, "text": np.where(late, "overdue", "paid"),
        "missing": np.where(late, np.nan, 1.0),
    }[kind]  # fmt: skip
    with pytest.raises(InputError, match="parts late invoices from all others"):
        LatePaymentModel(features=["state"]).fit(
            invoices.assign(state=flag), payments, as_of="2025-06-30"
        )


def test_customers_of_another_kind_than_in_fit_are_refused(fitted):
    model, invoices, _ = fitted
    with pytest.raises(InputError, match=r"'customer_id' .*invoices of fit"):
        model.predict(invoices.tail(3).assign(customer_id=5))


def test_features_known_then_are_used():
    invoices, payments = book()
    model = LatePaymentModel(features={"channel": "since_date", "since_date": "since_date"})
    model.fit(invoices, payments, as_of="2025-01-31")
    names = model.features_["feature"].tolist()
    assert {"channel = web", "channel = field", "since_date"} <= set(names)
    seen = model.known_at_invoice(invoices.head(2))
    assert seen["channel = web"].tolist() == (invoices["channel"].head(2) == "web").tolist()
    late = invoices.tail(1).assign(since_date=pd.Timestamp("2030-01-01"))
    with pytest.raises(InputError, match="dated later"):
        model.predict(late)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("size", lambda v: [Decimal(str(x)) for x in v]),
        ("size", lambda v: v.astype(object)),
        ("begun", lambda v: v.dt.date),
        ("begun", lambda v: v.dt.to_period("D")),
    ],
)
def test_features_say_the_same_whatever_holds_them(name, held):
    invoices, payments = book()
    rng = np.random.default_rng(1)
    invoices["size"] = np.round(rng.gamma(2, 10, len(invoices)), 2)
    invoices["begun"] = invoices["invoice_date"] - pd.to_timedelta(rng.integers(9, 999, 400), "D")
    made = []
    for given in (invoices, invoices.assign(**{name: held(invoices[name])})):
        model = LatePaymentModel(features=["size", "begun"])
        made.append(model.fit(given, payments, as_of="2025-01-31").predict(given, payments))
    pd.testing.assert_frame_equal(*made)


def test_features_may_be_numbered_or_called_like_the_models_own():
    invoices, payments = book()
    invoices[3] = invoices["amount"] % 7
    model = LatePaymentModel(features=pd.Index([3, "amount"], dtype=object))
    model.fit(invoices, payments, as_of="2025-01-31")
    seen = model.known_at_invoice(invoices.head(5))
    assert seen.columns.is_unique
    assert seen["amount (given)"].tolist() == invoices["amount"].head(5).tolist()
    assert seen["3"].tolist() == invoices[3].head(5).tolist()


def test_too_little_to_learn_from_is_said():
    invoices, payments = book(40)
    with pytest.raises(InputError, match="at least 30"):
        LatePaymentModel().fit(invoices.head(10), payments.head(10))
    with pytest.raises(InputError, match="level must not be 1"):
        LatePaymentModel(level=1).fit(invoices, payments)
    early = payments.assign(date=invoices["invoice_date"])
    with pytest.raises(InputError, match="in time"):
        LatePaymentModel().fit(invoices, early, as_of="2025-12-31")


def test_on_the_sample_company():
    invoices, payments = load_sample("invoices"), load_sample("payments")
    adjustments = load_sample("adjustments")
    model = LatePaymentModel().fit(
        invoices, payments, adjustments, as_of="2024-12-31", fx={"USD": 7.1}
    )
    told = model.evaluate(invoices, payments, adjustments).set_index("by")
    assert told.loc["model", "brier"] < told.loc["customer history", "brier"]
    assert 0.7 <= told.loc["model", "coverage"] <= 0.9


def test_open_items_are_scored_by_what_their_invoices_were_for():
    invoices, paid = book()
    end = pd.Timestamp("2025-01-31")
    model = LatePaymentModel().fit(invoices, paid, as_of=end)
    items = open_items(invoices, paid, as_of=end)
    items = items[items["invoice_id"].notna()]
    asked = invoices.set_index("invoice_id").loc[items["invoice_id"]].reset_index()
    assert len(items)
    got, want = model.predict(items), model.predict(asked)
    assert got["p_late"].tolist() == pytest.approx(want["p_late"].tolist(), abs=1e-12)


def test_real_invoices_against_logistic_ridge_and_the_customers_own_history(data_dir):
    """Rolling quarterly origins, no dispute flag, labels only if settled before the origin."""
    d = pd.read_parquet(data_dir / "credit" / "ibm_late_payments_train.parquet")
    paid = d[["invoice_id", "customer_id", "amount"]].assign(
        payment_id=d["invoice_id"], date=d["settled_date"]
    )
    invoices = d[["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]]
    ends = pd.to_datetime(["2012-07-01", "2012-10-01", "2013-01-01", "2013-04-01", "2013-06-01"])
    auc, mae, rows = [], [], []
    for start, end in zip(ends[:-1], ends[1:], strict=True):
        model = LatePaymentModel().fit(invoices, paid, as_of=start - DAY)
        X = model.known_at_invoice(invoices, paid)
        got = model.predict(invoices, paid)
        train = (d["settled_date"] < start).to_numpy()
        test = ((d["invoice_date"] >= start) & (d["invoice_date"] < end)).to_numpy()
        late, days = (d["days_late"] > 0).to_numpy(), d["days_to_settle"].to_numpy()
        line = make_pipeline(StandardScaler(), Ridge()).fit(X[train], days[train])
        logit = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        logit.fit(X[train], late[train])
        auc.append(
            [
                roc_auc_score(late[test], p)
                for p in (
                    got["p_late"][test], logit.predict_proba(X[test])[:, 1],
                    got["baseline_p_late"][test],
                )
            ]
        )  # fmt: skip
        told = (got["expected_days"][test], line.predict(X[test]), got["baseline_days"][test])
        mae.append([np.abs(days[test] - t).mean() for t in told])
        rows.append(test.sum())
    ours, peer, history = np.average(auc, axis=0, weights=rows)
    assert ours >= peer - 0.001
    assert ours > history + 0.01
    ours, peer, history = np.average(mae, axis=0, weights=rows)
    assert ours <= peer
    assert ours < history - 0.1
