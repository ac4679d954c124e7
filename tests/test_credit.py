"""Receivables and credit: behaviour and identities."""

from __future__ import annotations

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
