"""Receivables and credit: behaviour and identities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, credit, load_sample


def bills(*rows, **columns):
    names = ["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]
    return pd.DataFrame(rows, columns=names).assign(**columns)


def money(*rows):
    return pd.DataFrame(rows, columns=["payment_id", "customer_id", "date", "amount", "invoice_id"])


@pytest.fixture(scope="module")
def company():
    return tuple(load_sample(t) for t in ("invoices", "payments", "adjustments"))


THREE = bills(
    ("I1", "A", "2025-01-01", "2025-03-31", 100.0),
    ("I2", "A", "2025-02-01", "2025-03-03", 50.0),
    ("I3", "A", "2025-03-01", "2025-03-31", 30.0),
)


@pytest.mark.parametrize(
    ("method", "left"),
    [
        ("specific", [100, 0, 30]),
        ("specific_then_fifo", [80, 0, 30]),
        ("specific_then_oldest_due", [80, 0, 30]),
        ("specific_then_lifo", [100, 0, 10]),
        ("fifo", [30, 50, 30]),
        ("lifo", [100, 10, 0]),
        ("cn_560", [85, 0, 25]),  # 20 over two debts due on one day, 100 : 30, by shares
    ],
)
def test_each_method_pays_in_its_own_order(method, left):
    payments = money(("P1", "A", "2025-03-10", 70.0, "I2"))
    got = credit.open_items(THREE, payments, method=method, include="all", as_of="2025-03-31")
    invoices = got[got["kind"] == "invoice"].set_index("invoice_id")["outstanding"]
    if method == "cn_560":
        assert invoices["I1"] == pytest.approx(100 - 20 * 100 / 130, abs=0.01)
        assert invoices["I3"] == pytest.approx(30 - 20 * 30 / 130, abs=0.01)
    else:
        assert invoices.tolist() == left
    assert got["outstanding"].sum() == pytest.approx(110)


def test_proportional_splits_a_payment_over_all_that_is_open():
    payments = money(("P1", "A", "2025-03-10", 90.0, None))
    got = credit.open_items(THREE, payments, method="proportional", as_of="2025-03-31")
    assert got["outstanding"].tolist() == [50.0, 25.0, 15.0]


def test_what_is_overpaid_or_paid_in_advance_stays_in_sight():
    payments = money(("P1", "A", "2024-12-20", 40.0, None), ("P2", "A", "2025-03-02", 60.0, "I2"))
    got = credit.ledger(THREE, payments, method="specific", as_of="2025-03-31")
    rests = got[got["kind"] == "unapplied"].set_index("payment_id")["amount"]
    assert rests.to_dict() == {"P1": 40.0, "P2": 10.0}
    first = credit.ledger(THREE, payments, as_of="2025-03-31").iloc[0]
    assert (first["payment_id"], first["date"], first["amount"]) == (
        "P1", pd.Timestamp("2025-01-01"), 40.0,
    )  # fmt: skip


def test_credit_note_reduces_its_invoice_or_stands_alone():
    note = bills(("C1", "A", "2025-02-10", "2025-02-10", -20.0))
    invoices = pd.concat([THREE, note.assign(type="credit_note", parent="I2")])
    for choice, left in (("parent", [100, 30, 30]), ("own", [100, 50, -20, 30])):
        got = credit.open_items(invoices, credit_notes=choice, as_of="2025-03-31")
        assert got["outstanding"].tolist() == left
    got = credit.open_items(invoices.assign(parent=None), credit_notes="net", as_of="2025-03-31")
    assert got["outstanding"].tolist() == [80, 50, 30]
    written_positive = invoices.assign(amount=invoices["amount"].abs())
    same = credit.open_items(written_positive, as_of="2025-03-31")
    assert same["outstanding"].tolist() == [100, 30, 30]


def test_refund_reopens_what_its_payment_had_paid():
    payments = money(("P1", "A", "2025-02-05", 50.0, "I2"), ("P2", "A", "2025-02-20", -15.0, "I2"))
    got = credit.open_items(THREE, payments, method="specific", as_of="2025-03-31")
    assert got["outstanding"].tolist() == [100, 15, 30]


def test_write_off_settles_and_recovery_does_not():
    adjustments = pd.DataFrame(
        {
            "customer_id": "A", "date": ["2025-03-05", "2025-03-20"], "amount": [100.0, 30.0],
            "kind": ["write_off", "recovery"], "invoice_id": "I1",
        }
    )  # fmt: skip
    got = credit.open_items(THREE, None, adjustments, as_of="2025-03-31")
    assert got["invoice_id"].tolist() == ["I2", "I3"]


@pytest.mark.parametrize(
    ("rules", "today", "day_30", "future", "blank"),
    [
        ("erpnext", "0-30", "0-30", "not_due", "31-60"),
        ("oca", "current", "1-30", "current", "current"),
        ("oca_statement", "current", "30-59", "current", "30-59"),
        ("tryton", "0-29", "30-59", "not_due", "90+"),
        ("oracle", "due", "1-30", "not_due", "31-60"),
    ],
)
def test_boundaries_of_other_systems(rules, today, day_30, future, blank):
    invoices = bills(
        ("a", "A", "2025-05-01", "2025-06-30", 1.0),
        ("b", "A", "2025-05-01", "2025-05-31", 2.0),
        ("c", "A", "2025-05-01", "2025-07-01", 4.0),
        ("d", "A", "2025-05-20", None, 8.0),
    )
    with pytest.warns(DataWarning, match="1 open document"):
        got = credit.aging(invoices, as_of="2025-06-30", rules=rules, shape="long")
    have = dict.fromkeys(got["bucket"], 0.0)
    want = dict(have)
    for bucket, amount in ((today, 1.0), (day_30, 2.0), (future, 4.0), (blank, 8.0)):
        want[bucket] += amount
    have.update(zip(got["bucket"], got["amount"]))
    if rules in ("oracle", "erpnext"):  # 41 days from the invoice date
        assert have == want
    elif rules == "oca_statement":
        assert have["30-59"] == want["30-59"]
    assert have == want


def test_years_are_calendar_anniversaries():
    invoices = bills(
        ("a", "A", "2023-12-31", "2024-01-31", 1.0),
        ("b", "A", "2023-12-30", "2024-01-31", 2.0),
        ("c", "A", "2024-02-29", "2024-03-31", 4.0),
    )
    got = credit.aging(invoices, as_of="2024-12-31", buckets="cn_years").iloc[0]
    assert (got["<=1y"], got["1-2y"]) == (5.0, 2.0)
    later = credit.aging(invoices, as_of="2025-02-28", buckets="cn_years", lang="zh").iloc[0]
    assert (later["1年以内"], later["1-2年"]) == (4.0, 3.0)
    after = credit.aging(invoices, as_of="2025-03-01", buckets="cn_years").iloc[0]
    assert after["<=1y"] == 0


def test_customers_own_terms_stand_in_for_a_missing_due_date():
    invoices = bills(("a", "A", "2025-05-01", None, 1.0), ("b", "B", "2025-05-01", None, 2.0))
    got = credit.aging(invoices, as_of="2025-06-15", terms=pd.Series({"A": 60, "B": 30}), by=None)
    assert got[["current", "1-30"]].to_numpy().tolist() == [[1.0, 2.0]]


def test_buckets_that_would_lose_money_are_refused():
    for bad in ([("a", None, 0), ("b", 2, None)], [("a", None, 0), ("b", 1, 30)], (0, 0, 30)):
        with pytest.raises(InputError, match="buckets"):
            credit.aging(THREE, buckets=bad)


def test_unknown_invoice_and_foreign_customer_are_refused():
    with pytest.raises(InputError, match="not in invoices, in 1 row"):
        credit.aging(THREE, money(("P1", "A", "2025-03-10", 1.0, "I9")))
    with pytest.raises(InputError, match="another customer"):
        credit.aging(THREE, money(("P1", "B", "2025-03-10", 1.0, "I1")))


def test_currencies_stay_apart_until_rates_are_given():
    invoices = THREE.assign(currency=["CNY", "USD", "USD"])
    payments = money(("P1", "A", "2025-03-10", 40.0, None)).assign(currency="USD")
    apart = credit.aging(invoices, payments, as_of="2025-03-31")
    assert apart[["currency", "total"]].to_numpy().tolist() == [["CNY", 100.0], ["USD", 40.0]]
    rates = pd.DataFrame(
        {"date": ["2025-01-01", "2025-02-15", "2025-03-31"], "currency": "USD", "rate": [7, 7.5, 8]}
    )
    own = credit.aging(invoices, payments, as_of="2025-03-31", fx=rates)
    assert own["total"].tolist() == [100 + 10 * 7 + 30 * 7.5]
    new = credit.aging(invoices, payments, as_of="2025-03-31", fx=rates, revalue=True)
    assert new["total"].tolist() == [100 + 40 * 8]
    with pytest.raises(InputError, match="no rate of 'USD'"):
        credit.aging(invoices, payments, fx=rates.iloc[1:])


def test_ledger_ties_with_everything_at_its_date_and_before(company):
    pairs = credit.ledger(*company)
    pd.testing.assert_frame_equal(credit.aging(pairs), credit.aging(*company))
    early = credit.aging(pairs, as_of="2024-06-30", by=None)
    straight = credit.aging(*company, as_of="2024-06-30", by=None)
    assert early["total"].round(2).tolist() == straight["total"].round(2).tolist()
    with pytest.raises(InputError, match="after the ledger's own"):
        credit.aging(pairs, as_of="2030-01-01")


def test_order_of_rows_and_index_change_nothing(company):
    shuffled = [f.sample(frac=1, random_state=3).set_axis([7] * len(f)) for f in company]
    pd.testing.assert_frame_equal(credit.ledger(*shuffled), credit.ledger(*company))
    pd.testing.assert_frame_equal(credit.open_items(*shuffled), credit.open_items(*company))


def test_own_column_names_and_other_engines(company):
    pl = pytest.importorskip("polars")
    invoices, payments, _ = company
    names = {"customer_id": "客户编号", "amount": "金额", "invoice_id": "发票号"}
    got = credit.aging(
        invoices.rename(columns=names), payments.rename(columns=names),
        customer="客户编号", amount="金额", invoice="发票号",
    )  # fmt: skip
    want = credit.aging(invoices, payments)
    assert got.columns[0] == "客户编号"
    assert got["total"].tolist() == want["total"].tolist()
    there = credit.aging(pl.from_pandas(invoices).lazy(), pl.from_pandas(payments).lazy())
    assert there["total"].tolist() == want["total"].tolist()


def test_dso_trend_and_tax_basis(company):
    trend = credit.dso(*company, freq="M", as_of="2025-12-31")
    assert trend["as_of"].is_monotonic_increasing or "currency" in trend
    single = credit.dso(*company, as_of="2025-06-30")
    month = trend[trend["as_of"] == "2025-06-30"].reset_index(drop=True)
    pd.testing.assert_frame_equal(month, single)
    net = credit.dso(*company, as_of="2025-06-30", sales_basis="net")
    assert net["sales_basis"].eq("net").all()
    cny = net["currency"] == "CNY"
    assert 1.1 < net["dso"][cny].iloc[0] / single["dso"][cny].iloc[0] <= 1.13


def test_measures_agree_between_frames_and_ledger(company):
    pairs = credit.ledger(*company)
    for measure in (
        credit.dso, credit.delinquent_days, credit.cei, credit.collection_rate, credit.turnover,
        credit.bad_debt_rate,
    ):  # fmt: skip
        pd.testing.assert_frame_equal(measure(pairs), measure(*company))


def test_collection_rate_in_both_conventions(company):
    both = credit.collection_rate(*company, start="2025-01-01")
    sales = credit.collection_rate(*company, start="2025-01-01", convention="sales")
    assert (both["collected"] == sales["collected"]).all()
    want = both["collected"] / (both["opening"] + both["sales"])
    assert both["collection_rate"].tolist() == pytest.approx(want.tolist())
    assert (sales["collection_rate"] > both["collection_rate"]).all()


def test_rates_of_each_bucket_add_up_to_one_and_amounts_to_what_was_open(company):
    rolls = credit.roll_rates(*company, fx={"USD": 7.0}, detail=True)
    sums = rolls.dropna(subset=["rate"]).groupby(["period_end", "from"])["rate"].sum()
    assert (sums - 1).abs().max() < 1e-12
    ages = credit.aging(*company, fx={"USD": 7.0}, by=None, as_of="2024-05-31", credit_notes="net",
                        unapplied="own")  # fmt: skip
    moved = rolls[rolls["period_end"] == "2024-06-30"].groupby("from")["amount"].sum()
    assert moved["31-60"] == pytest.approx(ages["31-60"].iloc[0], abs=1.0)


def test_loss_rates_rise_with_age_and_markov_agrees_with_simulation(company):
    flow = credit.loss_rates(*company, fx={"USD": 7.0})["loss_rate"]
    assert flow.is_monotonic_increasing
    assert flow.between(0, 1).all()
    chain = credit.loss_rates(*company, fx={"USD": 7.0}, method="markov")["loss_rate"]
    assert chain.is_monotonic_increasing
    half = credit.loss_rates(*company, fx={"USD": 7.0}, loss_given_default=0.5)["loss_rate"]
    assert half.tolist() == pytest.approx((flow / 2).tolist())
    vintage = credit.loss_rates(*company, fx={"USD": 7.0}, method="vintage")
    assert vintage["loss_rate"].between(0, 1).all()
    assert (vintage["lost"] <= vintage["invoiced"]).all()


def test_provision_takes_every_form_of_an_aging(company):
    rates = [0.01, 0.03, 0.1, 0.3, 0.8]
    wide = credit.aging(*company, fx={"USD": 7.0})
    long = credit.aging(*company, fx={"USD": 7.0}, shape="long")
    one, two = credit.provision(wide, rates), credit.provision(long, rates)
    pd.testing.assert_frame_equal(one, two)
    names = wide.attrs["buckets"]
    by_hand = (wide[names].clip(lower=0) * rates).to_numpy().sum()
    assert one["allowance"].sum() == pytest.approx(by_hand, abs=0.01 * len(one))
    with pytest.raises(InputError, match="in percent"):
        credit.provision(wide, [1, 3, 10, 30, 80])
    with pytest.raises(InputError, match="one rate for each of the 5"):
        credit.provision(wide, [0.1])
    with pytest.raises(InputError, match=r"none for bucket '1-30'"):
        credit.provision(wide, {"current": 0.1})


def test_rates_by_english_names_fit_a_chinese_aging(company):
    options = {"by": None, "buckets": "cn_years", "fx": {"USD": 7.0}}
    want = credit.provision(credit.aging(*company, **options), credit.CN_AGING_POLICY)
    for shape in ("wide", "long"):
        ages = credit.aging(*company, **options, lang="zh", shape=shape)
        got = credit.provision(ages, credit.CN_AGING_POLICY)
        assert got["allowance"].tolist() == want["allowance"].tolist()
        assert got["bucket"].iloc[0] == "1年以内"


def test_customers_whose_ids_are_fractions_stay_keys_of_a_long_aging():
    invoices = pd.DataFrame(
        {"invoice_id": ["a", "b"], "customer_id": [101.0, 102.0], "amount": [100.0, 50.0],
         "invoice_date": "2025-01-01", "due_date": "2025-01-31"}
    )  # fmt: skip
    rates = [0.0, 0.1, 0.2, 0.3, 0.4]
    got = credit.expected_loss(invoices, as_of="2025-02-10", rates=rates)
    assert got.groupby("customer_id")["allowance"].sum().to_dict() == {101.0: 10.0, 102.0: 5.0}
    apart = pd.Series({101.0: 30.0})
    got = credit.expected_loss(invoices, as_of="2025-02-10", rates=rates, individual=apart)
    assert got.groupby("customer_id")["allowance"].sum().to_dict() == {101.0: 30.0, 102.0: 5.0}
    before = credit.expected_loss(invoices, as_of="2024-12-31", rates=rates)
    assert before.columns.tolist() == got.columns.tolist()
    assert before.empty


def test_individually_assessed_items_leave_the_matrix():
    ages = pd.DataFrame({"customer_id": ["A", "B"], "current": [100.0, 50.0], "91+": [0.0, 80.0]})
    own = pd.DataFrame({"customer_id": ["B"], "allowance": [100.0]})
    got = credit.provision(ages, [0.1, 0.5], individual=own)
    assert got["bucket"].tolist() == ["current", "91+", "individual"]
    assert got["allowance"].tolist() == [10.0, 0.0, 100.0]
    assert got["amount"].sum() == 230
    with pytest.raises(InputError, match="not in the aging"):
        credit.provision(ages, [0.1, 0.5], individual=own.assign(customer_id="C"))


def test_scenarios_are_capped_before_they_are_weighted():
    late = bills(("a", "A", "2024-01-01", "2024-01-31", 100.0))
    got = credit.expected_loss(
        late, as_of="2025-01-01", rates=[0, 0, 0, 0, 0.8], scenarios={"a": (0.5, 1), "b": (0.5, 2)}
    )
    assert got["rate"].iloc[-1] == 0.9
    assert got["allowance"].sum() == 90
    with pytest.raises(InputError, match=r"add up to 0\.5"):
        credit.expected_loss(late, rates=[0] * 5, scenarios={"a": (0.5, 1)})


def test_movement_adds_up_by_customer_and_currency(company):
    rates = [0.01, 0.03, 0.1, 0.3, 0.8]
    days = ("2024-12-31", "2025-12-31")
    first, last = (credit.provision(credit.aging(*company, as_of=d), rates) for d in days)
    got = credit.provision_movement(first, last, company[2])
    for _, part in got.groupby("currency"):
        amounts = part.set_index("item")["amount"]
        assert amounts.drop("closing").sum() == pytest.approx(amounts["closing"], abs=1e-6)
        assert amounts["charge"] >= 0 >= amounts["reversal"]
    assert set(got["item"]) == {
        "opening", "charge", "reversal", "write_off", "recovery", "closing",
    }  # fmt: skip


LATE = bills(("a", "A", "2025-01-01", "2025-01-31", 1000.0))


def test_interest_on_part_payments_and_after_the_principal_is_paid():
    payments = money(("P", "A", "2025-02-10", 400.0, "a"), ("Q", "A", "2025-02-20", 600.0, "a"))
    got = credit.late_interest(LATE, payments, annual_rate=0.365, as_of="2025-03-31").iloc[0]
    assert got["interest"] == pytest.approx(1000 * 0.001 * 10 + 600 * 0.001 * 10)
    assert (got["principal"], got["interest_due"], got["days_late"]) == (0.0, 16.0, 20)
    first = credit.late_interest(
        LATE, payments, annual_rate=0.365, as_of="2025-02-20", order="interest_first"
    ).iloc[0]
    # 10.00 of the first payment is interest, 390 principal; then 6.10 on 610
    assert (first["interest_paid"], first["principal"]) == (16.1, 16.1)
    with_costs = credit.late_interest(
        LATE, payments, annual_rate=0.365, as_of="2025-02-20", order="interest_first",
        costs=pd.Series({"a": 40.0}),
    ).iloc[0]  # fmt: skip
    assert with_costs["principal"] == pytest.approx(1000 - 350 - (600 - 6.5))


def test_rates_by_date_day_counts_grace_and_compounding():
    rates = pd.DataFrame({"date": ["2024-01-01", "2025-02-11"], "rate": [0.10, 0.20]})
    got = credit.late_interest(LATE, rates=rates, as_of="2025-02-20")["interest"].iloc[0]
    assert got == round(1000 * (0.10 * 10 + 0.20 * 10) / 365, 2)
    for count, days in (("act/365", 28 / 365), ("act/360", 28 / 360), ("30/360", 28 / 360)):
        got = credit.late_interest(LATE, annual_rate=0.1, as_of="2025-02-28", day_count=count)
        assert got["interest"].iloc[0] == round(100 * days, 2)
    month = credit.late_interest(LATE, annual_rate=0.1, as_of="2025-03-31", day_count="30/360")
    assert month["interest"].iloc[0] == round(1000 * 0.1 * 60 / 360, 2)
    later = credit.late_interest(LATE, annual_rate=0.1, as_of="2025-02-28", grace_days=10)
    assert later["days_late"].iloc[0] == 18
    daily = credit.late_interest(
        LATE, annual_rate=0.365, as_of="2026-01-31", compounding="daily"
    )["interest"].iloc[0]  # fmt: skip
    assert daily == round(1000 * (1.001**365 - 1), 2)
    assert not len(credit.late_interest(LATE, annual_rate=0.1, as_of="2025-01-31"))


def test_rules_that_need_a_rate_say_so_and_state_their_scope():
    lpr = pd.DataFrame({"date": ["2024-10-21", "2025-05-20"], "rate": [0.031, 0.03]})
    got = credit.late_interest(LATE, rules="cn_lpr", rates=lpr, as_of="2025-06-30", margin=0.5)
    before = (pd.Timestamp("2025-05-19") - pd.Timestamp("2025-01-31")).days
    after = (pd.Timestamp("2025-06-30") - pd.Timestamp("2025-05-19")).days
    assert got["interest"].iloc[0] == round(1500 * (0.031 * before + 0.03 * after) / 365, 2)
    assert "sale contracts" in got["scope"].iloc[0]
    floor = credit.late_interest(
        LATE, rules="cn_order_802", rates=lpr, annual_rate=0.01, as_of="2025-03-31"
    )
    assert floor["rate"].iloc[0] == 0.031
    eu = pd.DataFrame({"date": ["2025-01-01", "2025-07-01"], "rate": [0.0315, 0.0215]})
    got = credit.late_interest(LATE, rules="eu", rates=eu, as_of="2025-07-31").iloc[0]
    assert got["interest"] == round(1000 * (0.1115 * 150 + 0.1015 * 31) / 365, 2)
    for rules in ("cn_lpr", "uk", "eu", None):
        with pytest.raises(InputError, match="rate"):
            credit.late_interest(LATE, rules=rules)


def test_back_test_knows_nothing_of_what_came_after(company):
    whole = credit.backtest_loss_rates(*company, fx={"USD": 7.0}, horizon_days=120, origins=12)
    short = [f[f[d] <= "2025-06-30"] for f, d in zip(company, ("invoice_date", "date", "date"))]
    early = credit.backtest_loss_rates(*short, fx={"USD": 7.0}, horizon_days=120, origins=1)
    same = whole[whole["origin"].isin(early["origin"])].reset_index(drop=True)
    known = early["expected_rate"].tolist()
    assert same["expected_rate"].tolist() == pytest.approx(known, abs=1e-3)
    assert (whole["lost"] <= whole["amount"] + 0.005).all()
    assert 0.3 < whole["expected"].sum() / whole["lost"].sum() < 3


def test_large_books_in_blocks_are_the_same_as_in_one(monkeypatch):
    rng = np.random.default_rng(5)
    n = 4000
    day = np.datetime64("2024-01-01") + rng.integers(0, 300, n).astype("timedelta64[D]")
    invoices = pd.DataFrame(
        {
            "invoice_id": np.arange(n), "customer_id": rng.integers(0, 200, n).astype(str),
            "invoice_date": day, "due_date": day + np.timedelta64(30, "D"),
            "amount": rng.integers(1, 10**6, n) / 100, "rep": rng.integers(0, 5, n),
        }
    )  # fmt: skip
    payments = pd.DataFrame(
        {
            "payment_id": np.arange(n), "customer_id": rng.integers(0, 210, n).astype(str),
            "date": np.datetime64("2024-01-01") + rng.integers(0, 330, n).astype("timedelta64[D]"),
            "amount": rng.integers(1, 8 * 10**5, n) / 100,
        }
    )  # fmt: skip
    calls = [{}, {"by": None}, {"by": "rep", "shape": "long"}, {"unapplied": "bucket"},
             {"as_of": "2024-07-01"}]  # fmt: skip
    whole = [credit.aging(invoices, payments, **call) for call in calls]
    monkeypatch.setattr("salesmgmt._credit.blocks.SMALL", 100)
    monkeypatch.setattr("salesmgmt._credit.blocks._ROWS", 900)
    for call, want in zip(calls, whole, strict=True):
        pd.testing.assert_frame_equal(credit.aging(invoices, payments, **call), want)
    with pytest.raises(InputError, match=r"'amount' is missing in 1 row"):
        credit.aging(
            invoices, payments.assign(amount=payments["amount"].where(lambda a: a > a.min()))
        )


def test_a_missing_key_keeps_the_others():
    invoices = THREE.assign(region=["N", None, "N"], rep=[1, 2, 2])
    got = credit.aging(invoices, by=["customer_id", "region", "rep"], as_of="2025-03-31")
    assert got["customer_id"].tolist() == ["A"] * 3
    assert got["region"].isna().tolist() == [False, False, True]
    assert got["rep"].tolist() == [1, 2, 2]
    assert got["total"].tolist() == [100.0, 30.0, 50.0]


def test_converted_ledger_adds_up_by_document_and_ties(company):
    invoices, payments, adjustments = company
    rates = pd.DataFrame(
        {"date": ["2023-01-01", "2024-01-01", "2025-01-01"], "currency": "USD",
         "rate": [7.0001, 7.1003, 7.2007]}
    )  # fmt: skip
    book = credit.ledger(invoices, payments, adjustments, fx=rates, credit_notes="own")
    assert "currency" not in book
    by_document = book.groupby("invoice_id")["amount"].sum().round(2)
    year = invoices["invoice_date"].dt.year.map({2023: 7.0001, 2024: 7.1003, 2025: 7.2007})
    worth = invoices["amount"].where(invoices["currency"] == "CNY", invoices["amount"] * year)
    want = worth.set_axis(invoices["invoice_id"]).sort_index()
    assert (by_document.sort_index() - want).abs().max() <= 0.00501
    straight = credit.aging(invoices, payments, adjustments, fx=rates, credit_notes="own")
    pd.testing.assert_frame_equal(credit.aging(book), straight)


def test_movement_of_provisions_without_dates_counts_every_adjustment():
    first = credit.provision({"a": 1000.0}, [0.5])
    last = credit.provision({"a": 100.0}, [0.5])
    gone = pd.DataFrame(
        {"customer_id": ["A", "A"], "date": ["2020-01-01", "2025-01-01"], "amount": [30.0, 5.0],
         "kind": ["write_off", "recovery"]}
    )  # fmt: skip
    got = credit.provision_movement(first, last, gone).set_index("item")["amount"]
    assert got.to_dict() == {
        "opening": 500, "charge": 0, "reversal": -425, "write_off": -30, "recovery": 5,
        "closing": 50,
    }  # fmt: skip


def test_a_link_under_another_name_is_told_and_others_are_not():
    payments = money(("P1", "A", "2025-03-10", 70.0, "I2")).rename(columns={"invoice_id": "发票号"})
    with pytest.warns(DataWarning, match="'发票号' holds ids of invoices"):
        got = credit.open_items(THREE, payments, as_of="2025-03-31")
    assert got["outstanding"].tolist() == [30.0, 50.0, 30.0]
    credit.open_items(THREE, payments, method="fifo")  # names do not matter there
    credit.ledger(THREE, payments.assign(invoice_id="I2"))
    numbers = THREE.assign(invoice_id=[1, 2, 3])
    other = payments.drop(columns="发票号")
    for name in ("invoice_amount", "bill_date", "note", "applied_by"):
        credit.aging(numbers, other.assign(**{name: 1 if name != "applied_by" else 9}))
    running = other.assign(document_no=1, customer_id="B")  # a number, but not of B's invoice
    credit.aging(numbers, running)
    credit.aging(THREE.head(0), payments)
    credit.aging(THREE, other.assign(applied_to=[["I1", "I2"]]))


def test_a_plan_is_its_own_customers():
    plan = bills(
        ("I1", "A", "2025-01-01", "2025-03-01", 60.0),
        ("I2", "A", "2025-01-01", "2025-02-01", 50.0),
        ("I3", "B", "2025-01-01", "2025-01-15", 70.0),
        ("I4", "A", "2025-01-01", "2025-01-02", 10.0),
        parent=["plan", "plan", "plan", None],
    )
    payments = money(("P1", "A", "2025-01-20", 80.0, "plan"))
    got = credit.open_items(plan, payments, method="specific", include="all")
    left = got.set_index("invoice_id")["outstanding"].to_dict()
    assert left == {"I1": 30.0, "I2": 0.0, "I3": 70.0, "I4": 10.0}  # earliest due date first
    by_parent = payments.assign(invoice_id=None, parent="plan")
    again = credit.open_items(plan, by_parent, method="specific", include="all")
    pd.testing.assert_frame_equal(got, again)
    alone = credit.aging(plan, by_parent.drop(columns="invoice_id"), method="specific")
    assert alone["total"].tolist() == [40.0, 70.0]
    early = credit.aging(plan, payments.assign(date="2024-12-20"), as_of="2024-12-31")
    assert early[["unapplied", "total"]].to_numpy().tolist() == [[-80.0, -80.0]]
    with pytest.raises(InputError, match="name an invoice of another customer"):
        credit.ledger(plan, payments.assign(customer_id="C"))


def test_money_for_a_plan_not_issued_yet_waits():
    plan = bills(
        ("I1", "A", "2025-02-01", "2025-03-01", 60.0),
        ("I2", "A", "2025-01-01", "2025-02-01", 50.0),
        parent=["plan", None],
    )
    payments = money(("P1", "A", "2025-01-10", 40.0, "plan"))
    got = credit.aging(plan, payments, as_of="2025-01-20").iloc[0]
    assert (got["current"], got["unapplied"]) == (50.0, -40.0)
    later = credit.open_items(plan, payments, as_of="2025-02-02")
    assert later["outstanding"].tolist() == [50.0, 20.0]


def other_engines(frame):
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    import pyarrow

    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    yield polars.from_pandas(frame).lazy()
    yield table
    connection = duckdb.connect()  # lives as long as the relation is in use
    yield connection.from_arrow(table)


@pytest.mark.parametrize("as_of", ["2025-03-10", None])
def test_payments_of_other_engines_are_added_up_there(as_of):
    from salesmgmt._credit.elsewhere import condensed_payments

    random = np.random.default_rng(3)
    days = pd.to_datetime("2025-01-15") + pd.to_timedelta(random.integers(0, 90, 400), unit="D")
    payments = pd.DataFrame(
        {
            "payment_id": [f"P{k}" for k in range(400)],
            "customer_id": random.choice(["A", "B", "C", "D"], 400),
            "date": days,
            "amount": random.integers(1, 60, 400) / 100,
        }
    )
    invoices = pd.concat([THREE, THREE.assign(customer_id="B", invoice_id=["I4", "I5", "I6"])])
    for column in ("invoice_date", "due_date"):
        invoices[column] = pd.to_datetime(invoices[column])
    options = {"as_of": as_of, "method": "fifo"}
    want, condensed = credit.aging(invoices, payments, **options), 0
    for bills_, paid in zip(other_engines(invoices), other_engines(payments), strict=True):
        got = credit.aging(bills_, paid, **options)
        pd.testing.assert_frame_equal(got, want, check_dtype=False)
        few = condensed_payments(paid, **options, options={}, caller="aging")
        if few is not paid:  # an old DuckDB hands all rows over
            assert len(few) == 4  # one row a customer has come over
            condensed += 1
        pd.testing.assert_frame_equal(
            credit.open_items(bills_, paid, **options),
            credit.open_items(invoices, payments, **options),
            check_dtype=False,
        )
    assert condensed >= 2


@pytest.mark.parametrize(
    "change",
    [{"amount": 1.005}, {"amount": -1.0}, {"invoice_id": "I1"}, {"payment_id": "P1"},
     {"customer_id": None}],
)  # fmt: skip
def test_payments_with_anything_to_be_told_of_are_looked_at_row_by_row(change):
    from salesmgmt._credit.elsewhere import condensed_payments

    payments = money(*[(f"P{k}", "A", "2025-02-10", 10.0, None) for k in range(4)])
    payments = payments.drop(columns="invoice_id").assign(date=pd.Timestamp("2025-02-10"))
    payments = payments.assign(**change)
    for frame in other_engines(payments):
        options = {"as_of": "2025-03-10", "method": "fifo"}
        assert condensed_payments(frame, **options, options={}, caller="aging") is frame


@pytest.mark.parametrize("rules", [None, "oca", "tryton"])
def test_a_ledger_still_knows_which_documents_have_no_due_date(rules):
    invoices = THREE.assign(due_date=["2025-03-31", None, None])
    options = {"rules": rules, "as_of": "2025-04-10"}
    with pytest.warns(DataWarning, match="2 open document"):
        want = credit.aging(invoices, **options)
    book = credit.ledger(invoices, as_of="2025-04-10")
    assert book["due_date"].isna().tolist() == [False, True, True]
    with pytest.warns(DataWarning, match="2 open document"):
        pd.testing.assert_frame_equal(credit.aging(book, **options), want)
    items = [credit.open_items(f, as_of="2025-04-10") for f in (invoices, book)]
    assert items[0]["days_past_due"].tolist() == items[1]["days_past_due"].tolist()
    limits = pd.DataFrame({"customer_id": ["A"], "limit": [1_000.0]})
    assert len(credit.check_order(book, "A", 10.0, limits))


def test_keys_keep_their_dtype(company):
    everybody = pd.CategoricalDtype(sorted({c for f in company for c in f["customer_id"]}))
    for kind in (object, everybody):
        frames = [f.astype({"customer_id": kind}) for f in company]
        for result in (credit.ledger(*frames), credit.open_items(*frames), credit.aging(*frames)):
            assert result["customer_id"].dtype == kind
    plain = [THREE.astype({"customer_id": object}), money(("P1", "A", "2025-03-10", 70.0, None))]
    plain[1] = plain[1].astype({"customer_id": object})
    assert credit.ledger(*plain)["customer_id"].dtype == object
