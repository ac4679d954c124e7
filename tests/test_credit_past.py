"""A ledger read at a past date: only what had been booked by then may matter."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

from salesmgmt import InputError, credit, load_sample

OPTIONS = {"method": "specific_then_fifo"}


def bills(*rows, **more):
    names = ["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]
    return pd.DataFrame(rows, columns=names).assign(**more)


def money(*rows):
    return pd.DataFrame(rows, columns=["payment_id", "customer_id", "date", "amount", "invoice_id"])


def _open(frames, as_of, **options):
    items = credit.open_items(*frames, as_of=as_of, **options)
    names = items["invoice_id"].astype(object).where(items["invoice_id"].notna(), "unapplied")
    return dict(zip(names, items["outstanding"], strict=True))


TWO = bills(
    ("I1", "A", "2025-01-01", "2025-01-31", 100.0),
    ("I2", "A", "2025-01-05", "2025-02-04", 100.0),
)
LATER = bills(
    ("I1", "A", "2025-01-01", "2025-03-31", 100.0),
    ("I2", "A", "2025-02-01", "2025-02-15", 100.0),
)

# What stands open at the end of January, worked out by hand: frames, options, open by invoice.
CASES = {
    # P1 settled the oldest debt when it came; that P2 will name it in February, nobody knew.
    "a later payment names what was paid": (
        TWO,
        money(("P1", "A", "2025-01-10", 100.0, None), ("P2", "A", "2025-02-10", 100.0, "I1")),
        {},
        {"I2": 100.0},
    ),
    # The money of January is taken back in March: in January it had settled I1.
    "a later refund": (
        TWO,
        money(("P1", "A", "2025-01-10", 100.0, None), ("R", "A", "2025-03-01", -100.0, None)),
        {},
        {"I2": 100.0},
    ),
    # I2 is due first, but in January only I1 was there.
    "a later invoice that is due earlier": (
        LATER,
        money(("P1", "A", "2025-01-10", 100.0, None)),
        {"method": "specific_then_oldest_due"},
        {},
    ),
    # Paid in advance by name: the money waits for its invoice, as it does in the frames.
    "a name that is not issued yet": (
        LATER,
        money(("P1", "A", "2025-01-10", 60.0, "I2")),
        {},
        {"I1": 100.0, "unapplied": -60.0},
    ),
    # The note settled I1 in January, as credit that is netted; the payment that names I1 followed.
    "a netted credit note before a payment by name": (
        pd.concat([TWO, bills(("C", "A", "2025-01-20", None, -100.0))], ignore_index=True),
        money(("P2", "A", "2025-02-10", 100.0, "I1"), ("P3", "A", "2025-02-11", 100.0, "I2")),
        {"credit_notes": "net"},
        {"I2": 100.0},
    ),
    # Instalments of a plan: half of the first one is paid by name of the plan.
    "a plan named later": (
        TWO.assign(parent="PLAN"),
        money(("P1", "A", "2025-01-10", 150.0, None), ("P2", "A", "2025-02-10", 100.0, "PLAN")),
        {},
        {"I2": 50.0},
    ),
}


@pytest.mark.parametrize(("invoices", "payments", "options", "want"), CASES.values(), ids=CASES)
def test_a_ledger_at_a_past_date_knows_nothing_of_what_came_later(
    invoices, payments, options, want
):
    frames = (invoices, payments)
    assert _open(frames, "2025-01-31", **options) == want
    book = credit.ledger(*frames, as_of="2025-04-30", **options)
    assert _open((book,), "2025-01-31") == want
    again = credit.ledger(book, as_of="2025-01-31")  # a ledger of a ledger is a ledger
    assert _open((again,), None) == want


def test_what_a_receipt_names_stands_in_the_ledger():
    payments = money(("P1", "A", "2025-01-10", 150.0, "I2"), ("P2", "A", "2025-02-10", 20.0, None))
    book = credit.ledger(TWO, payments)
    assert book["invoice_id"].tolist() == ["I1", "I1", "I1", "I2"]
    assert book["named_invoice"].astype(object).where(book["named_invoice"].notna(), "-").tolist() \
        == ["I2", "-", "-", "I2"]  # fmt: skip
    assert "named_invoice" not in credit.ledger(TWO, payments.assign(invoice_id=None))
    numbers = TWO.assign(invoice_id=[1, 2])
    book = credit.ledger(numbers, payments.assign(invoice_id=[2, None]))
    assert book["named_invoice"].dtype == "Int64"


def test_a_ledger_from_a_file_keeps_its_matches():
    payments = CASES["a later payment names what was paid"][1]
    book = credit.ledger(TWO, payments)
    bare = pd.read_csv(io.StringIO(book.to_csv(index=False)))
    assert not bare.attrs
    matched = book[(book["kind"] == "payment") & (book["date"] <= "2025-01-31")]
    assert matched["invoice_id"].tolist() == ["I2"]  # I1 waits for P2
    assert _open((bare,), "2025-01-31") == {"I1": 100.0}
    pd.testing.assert_frame_equal(
        credit.aging(bare).drop(columns="as_of"), credit.aging(book).drop(columns="as_of")
    )


def test_a_ledger_knows_the_columns_it_was_made_with():
    mine = {"invoice_id": "发票", "customer_id": "客户", "payment_id": "收款"}
    own = {"invoice": "发票", "customer": "客户", "payment": "收款"}
    payments = money(("P1", "A", "2025-02-10", 120.0, "I1"))
    book = credit.ledger(TWO, payments)
    named = credit.ledger(TWO.rename(columns=mine), payments.rename(columns=mine), **own)
    for name in ("aging", "open_items", "dso", "statement", "worklist", "concentration"):
        want = getattr(credit, name)(book).rename(columns=mine)
        pd.testing.assert_frame_equal(getattr(credit, name)(named), want)
    order = ("A", 10.0, {"A": 1000.0})
    assert credit.check_order(named, *order)["exposure"].item() == 80.0  # 200 less 120
    back = named.rename(columns={v: k for k, v in mine.items()})
    pd.testing.assert_frame_equal(credit.aging(back), credit.aging(book))
    text = pd.read_csv(io.StringIO(book.to_csv(index=False)))
    pd.testing.assert_frame_equal(
        credit.check_order(text, *order), credit.check_order(book, *order)
    )


def test_invoices_with_columns_of_their_payment_are_no_ledger():
    own = TWO.assign(kind="goods", payment_id="P1", payment_date="2025-02-10")
    assert credit.aging(own, as_of="2025-03-31")["total"].sum() == TWO["amount"].sum()


def test_a_ledger_that_lacks_something_is_told_so():
    book = credit.ledger(TWO, money(("P1", "A", "2025-02-10", 20.0, "I1")))
    with pytest.raises(InputError, match=r"ledger\(\) without its column 'payment_date'"):
        credit.aging(book.drop(columns="payment_date"))
    items = credit.open_items(book)
    with pytest.raises(InputError, match="result of open_items"):
        credit.aging(items)
    left = credit.aging(items, amount="outstanding", as_of="2025-03-31")["total"]
    assert left.tolist() == credit.aging(book)["total"].tolist()
    blank = book.assign(invoice_id=book["invoice_id"].where(book["kind"] != "open"))
    with pytest.raises(InputError, match="'invoice_id' is missing in 2 row"):
        credit.rate_customers(blank)


@pytest.fixture(scope="module")
def company():
    invoices, payments, adjustments = (
        load_sample(t) for t in ("invoices", "payments", "adjustments")
    )
    home = invoices["customer_id"][invoices["currency"] == "USD"].unique()
    return tuple(f[~f["customer_id"].isin(home)] for f in (invoices, payments, adjustments))


@pytest.mark.parametrize("as_of", [None, "2025-03-31"])
def test_disputes_are_in_the_ledger(company, as_of):
    assert (company[2]["kind"] == "dispute").any()
    book = credit.ledger(*company)
    json.dumps(book.attrs)  # plain values: a Parquet file can keep them
    frames = tuple(f if as_of is None else f[f[c] <= as_of] for f, c in zip(
        company, ("invoice_date", "date", "date"), strict=True))  # fmt: skip
    options = {"as_of": book["as_of"].iloc[0] if as_of is None else as_of}
    for function in (credit.early_warning, credit.worklist):
        got, want = function(book, **options), function(*frames, **options)
        pd.testing.assert_frame_equal(got, want)
    warnings = credit.early_warning(book)
    if as_of is None:
        assert (warnings["signal"] == "disputes").any()
        assert credit.worklist(book)["disputed"].sum() > 0


def test_disputes_follow_the_customers_of_a_cut_ledger():
    disputes = pd.DataFrame(
        {"customer_id": ["A", "B"], "date": "2025-02-01", "amount": [5.0, 7.0], "kind": "dispute",
         "invoice_id": ["I1", "J"]}
    )  # fmt: skip
    both = pd.concat([TWO, bills(("J", "B", "2025-01-01", "2025-01-31", 9.0))])
    for number in (False, True):  # ids of any kind
        invoices, changes = both, disputes
        if number:
            code = {"A": 1, "B": 2}
            invoices, changes = (
                f.assign(customer_id=f["customer_id"].map(code)) for f in (both, disputes)
            )
        book = credit.ledger(invoices, None, changes, as_of="2025-02-28")
        mine = book[book["customer_id"] == (1 if number else "A")]
        got = credit.early_warning(mine)
        assert got.loc[got["signal"] == "disputes", "value"].tolist() == [1.0]
        work = credit.worklist(mine, grain="invoice")
        assert dict(zip(work["invoice_id"], work["disputed"], strict=True))["I1"] == 100.0
        assert work["disputed"].sum() == 100.0
        before = credit.early_warning(book, as_of="2025-01-31")
        assert not (before["signal"] == "disputes").any()


def test_due_dates_that_nobody_gave_stay_missing():
    invoices = TWO.assign(due_date=["2025-01-31", None])
    items = credit.open_items(invoices, as_of="2025-03-02")
    assert items["due_date"].isna().tolist() == [False, True]
    assert items["days_past_due"].tolist() == [30, 56]  # I2: since its invoice date
    book = credit.ledger(invoices, as_of="2025-03-02")
    assert credit.open_items(book)["due_date"].isna().tolist() == [False, True]
    work = credit.worklist(invoices, as_of="2025-03-02", grain="invoice")
    assert work.set_index("invoice_id")["due_date"].isna().to_dict() == {"I1": False, "I2": True}
    lines = credit.statement(invoices, as_of="2025-03-02", start="2025-01-01")
    assert lines.loc[lines["entry"] == "invoice", "due_date"].isna().tolist() == [False, True]
    given = credit.open_items(invoices, as_of="2025-03-02", terms=pd.Series({"A": 10}))
    assert given["due_date"].tolist() == [pd.Timestamp("2025-01-31"), pd.Timestamp("2025-01-15")]


def test_names_and_disputes_of_a_converted_ledger_stay_with_their_invoices():
    invoices = pd.DataFrame({
        "invoice_id": ["a", "b", "c"], "customer_id": ["A", "B", "C"], "amount": 100.0,
        "invoice_date": ["2025-03-01", "2025-01-01", "2025-01-01"],
        "due_date": ["2025-03-31", "2025-01-31", "2025-01-31"], "currency": "USD"})  # fmt: skip
    payments = pd.DataFrame({
        "payment_id": ["p", "q"], "customer_id": ["B", "A"], "amount": 40.0, "currency": "USD",
        "date": ["2025-02-01", "2025-02-02"], "invoice_id": ["b", "a"]})  # fmt: skip
    disputes = pd.DataFrame({
        "customer_id": ["B"], "date": ["2025-02-05"], "amount": [9.0], "kind": ["dispute"],
        "invoice_id": ["b"], "currency": "USD"})  # fmt: skip
    book = credit.ledger(invoices, payments, disputes, fx={"USD": 7.0})
    then = credit.ledger(book, as_of="2025-02-10").dropna(subset="payment_id")
    assert then[["payment_id", "named_invoice"]].to_numpy().tolist() == [["q", "a"], ["p", "b"]]
    calls = credit.worklist(book, as_of="2025-02-10", grain="invoice")
    assert calls["invoice_id"][calls["disputed"] > 0].tolist() == ["b"]
