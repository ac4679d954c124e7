"""Small, strange and renamed tables: same numbers, same types, clear refusals."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, credit

DAYS = pd.date_range("2024-01-05", periods=40, freq="9D")
BILLS = pd.DataFrame(
    {
        "invoice_id": np.arange(40), "customer_id": np.repeat([7, 3], 20), "invoice_date": DAYS,
        "due_date": DAYS + pd.Timedelta(days=30), "amount": np.linspace(10, 500, 40).round(2),
    }
)  # fmt: skip
CASH = pd.DataFrame(
    {
        "payment_id": np.arange(30), "customer_id": BILLS["customer_id"][:30],
        "date": BILLS["due_date"][:30] + pd.to_timedelta(np.arange(30) % 7 * 5 - 10, unit="D"),
        "amount": BILLS["amount"][:30], "invoice_id": BILLS["invoice_id"][:30],
    }
)  # fmt: skip
OTHER = pd.DataFrame(
    {
        "customer_id": [7, 3, 3, 7], "invoice_id": [10, 35, 35, 12],
        "date": pd.to_datetime(["2024-12-01", "2024-12-05", "2025-01-05", "2025-01-10"]),
        "amount": [5.0, 6.0, 2.0, 1.0], "kind": ["write_off", "dispute", "recovery", "allowance"],
    }
)  # fmt: skip
BOOK = (BILLS, CASH, OTHER)
CALLS = {
    "dso": lambda *b: credit.dso(*b, by="customer_id", freq="Q"),
    "cei": lambda *b: credit.cei(*b, freq="M"),
    "bad_debt_rate": credit.bad_debt_rate,
    "expected_loss": credit.expected_loss,
    "loss_rates": lambda *b: credit.loss_rates(*b, method="markov"),
    "rate_customers": credit.rate_customers,
    "early_warning": credit.early_warning,
    "concentration": credit.concentration,
    "worklist": lambda *b: credit.worklist(*b, grain="invoice"),
    "statement": lambda *b: credit.statement(*b, start="2024-01-01"),
    "late_interest": lambda *b: credit.late_interest(*b, annual_rate=0.1),
    "cash_forecast": lambda *b: credit.cash_forecast(*b, horizon=2, by="customer_id"),
}


def zoned(frame: pd.DataFrame) -> pd.DataFrame:
    dates = frame.select_dtypes("datetime")
    return frame.assign(**{c: dates[c].dt.tz_localize("Asia/Shanghai") for c in dates})


FORMS = {
    "nullable": lambda f: f.convert_dtypes(),
    "arrow": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "zone": zoned,
    "texts": lambda f: f.assign(**{c: f[c].astype(str) for c in f if "date" in c or c == "amount"}),
    "index": lambda f: f.set_index(pd.Index([5] * len(f))),
    "shuffled": lambda f: f.sample(frac=1, random_state=3),
}


def same(name: str, got: pd.DataFrame, want: pd.DataFrame) -> None:
    assert len(got) == len(want), name
    for column in want:
        have, right = got[column], want[column]
        if pd.api.types.is_numeric_dtype(right.dtype):
            numbers = (v.to_numpy(dtype=float, na_value=np.nan) for v in (have, right))
            np.testing.assert_allclose(*numbers, atol=1e-9, err_msg=f"{name} {column}")
        else:
            assert have.astype(str).tolist() == right.astype(str).tolist(), (name, column)


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("name", list(CALLS))
def test_the_form_of_a_table_never_changes_an_answer(name, form):
    if form == "arrow":
        pytest.importorskip("pyarrow")
    frames = [FORMS[form](f) for f in BOOK]
    got, want = CALLS[name](*frames), CALLS[name](*BOOK)
    same(name, got, want)
    for key in ("customer_id", "invoice_id"):
        if key in got:
            assert got[key].dtype == frames[0][key].dtype, (name, key)


@pytest.mark.parametrize("name", list(CALLS))
def test_one_invoice_and_no_payment(name):
    if name in ("cash_forecast", "loss_rates", "expected_loss"):  # no history, and they say so
        with pytest.raises(InputError, match=rf"^{name}\(\)"):
            CALLS[name](BILLS.head(1))
        return
    got = CALLS[name](BILLS.head(1))
    assert len(got) <= 15
    assert not np.isinf(got.select_dtypes("number").to_numpy()).any()


def test_all_paid_owes_nothing():
    book = (BILLS.head(30), CASH)
    assert credit.concentration(*book)["share"].sum() == 0
    assert not len(credit.worklist(*book))
    assert (credit.expected_loss(*book)["allowance"] == 0).all()
    assert (credit.cash_forecast(*book, horizon=1)["expected"] == 0).all()
    got = credit.statement(*book, start="2024-01-01")
    assert (got["balance"][got["entry"] == "closing"] == 0).all()


def test_statements_close_on_the_balance_of_the_aging():
    for day in ("2024-06-30", "2025-01-31"):
        ages = credit.aging(*BOOK, as_of=day).set_index("customer_id")["total"]
        got = credit.statement(*BOOK, as_of=day, start="2024-05-01")
        closing = got[got["entry"] == "closing"].set_index("customer_id")["balance"]
        pd.testing.assert_series_equal(closing, ages, check_names=False)
        moved = got.groupby("customer_id")[["debit", "credit"]].sum()
        opening = got[got["entry"] == "opening"].set_index("customer_id")["balance"]
        np.testing.assert_allclose(opening + moved["debit"] - moved["credit"], closing)


def test_receipts_written_below_zero_are_told():
    bill = pd.DataFrame({"invoice_id": ["a"], "customer_id": ["A"], "invoice_date": "2025-01-01",
                         "due_date": "2025-01-31", "amount": 100.0})  # fmt: skip
    paid = pd.DataFrame({"payment_id": [1, 2], "customer_id": "A", "date": "2025-02-01",
                         "amount": [-30.0, -20.0]})  # fmt: skip
    with pytest.warns(DataWarning, match=r"all 2 amounts are below zero.*turn the sign"):
        assert credit.aging(bill, paid)["total"].item() == 150.0
    assert credit.aging(bill, paid.head(1))["total"].item() == 130.0  # a refund alone


def test_headings_of_ones_own():
    names = {
        "customer_id": "客户",
        "date": "日期",
        "amount": "金额",
        "kind": "类别",
        "currency": "币种",
    }
    book = [f.assign(currency=np.where(f["customer_id"] == 7, "CNY", "USD")) for f in BOOK]
    days, rates = ("2024-09-30", "2025-01-31"), [0.01, 0.03, 0.1, 0.3, 0.8]
    plain = [credit.provision(credit.aging(*book, as_of=d), rates) for d in days]
    want = credit.provision_movement(*plain, book[2])
    renamed = [f.rename(columns=names) for f in (*plain, book[2])]
    got = credit.provision_movement(
        *(f.rename(columns={"金额": "amount"}) for f in renamed[:2]), renamed[2], customer="客户",
        date="日期", amount="金额", kind="类别", currency="币种",
    )  # fmt: skip
    assert list(got.columns) == ["币种", "item", "amount", "as_of"]
    assert got["amount"].tolist() == want["amount"].tolist()

    two = pd.DataFrame({"客户": "A", "币种": ["CNY", "USD"], "invoice_id": [1, 2], "amount": 5.0,
                        "invoice_date": "2025-01-01", "due_date": "2025-01-31"})  # fmt: skip
    made = credit.ledger(two, customer="客户", currency="币种")
    for own in ({"customer": "客户", "currency": "币种"}, {}):
        with pytest.raises(InputError, match="several currencies"):
            credit.check_order(made, "A", 1.0, {"A": 9.0}, **own)
    made.attrs.clear()
    with pytest.raises(InputError, match="no column 'customer_id'"):
        credit.check_order(made, "A", 1.0, {"A": 9.0})

    terms = pd.DataFrame({"合同": [1], "客户": ["A"], "账期": [90], "罚息": [0.0], "额度": [1e5],
                          "签署": ["2025-01-01"]})  # fmt: skip
    found = credit.check_terms(
        terms, {"max_payment_days": 60}, contract="合同", customer="客户", payment_days="账期",
        penalty_rate="罚息", credit_limit="额度", signed_date="签署",
    )  # fmt: skip
    assert found["rule"].tolist() == ["no_penalty_clause", "terms_too_long"]
    with pytest.raises(InputError, match="maximum"):
        credit.credit_limits(
            pd.DataFrame({"customer_id": [1], "grade": "A", "monthly_sales": 1.0}),
            {"factors": {"A": 1.0}, "minimum": 10.0, "maximum": 5.0},
        )


def test_promises_and_orders_under_the_callers_heading():
    promises = pd.DataFrame({"customer_id": [3], "date": ["2024-10-01"], "promised_date":
                             ["2024-12-20"], "promised_amount": [1e6]})  # fmt: skip
    orders = pd.DataFrame({"customer_id": 7, "date": pd.date_range("2024-06-01", periods=9)})
    want = credit.early_warning(*BOOK, as_of="2025-01-15", promises=promises, orders=orders)
    assert {"broken_promises", "order_stop"} <= set(want["signal"])
    cash, other, told, asked = (f.rename(columns={"date": "日期"}) for f in
                                (CASH, OTHER, promises, orders))  # fmt: skip
    for given in ((told, asked), (promises, orders)):
        got = credit.early_warning(
            BILLS, cash, other, as_of="2025-01-15", promises=given[0], orders=given[1], date="日期"
        )
        pd.testing.assert_frame_equal(got, want)


def test_work_list_shows_what_a_customer_owes_in_all():
    items = credit.open_items(*BOOK, as_of="2024-12-10")
    items = items[(items["kind"] == "invoice") & (items["outstanding"] > 0)]
    late = items[items["days_past_due"] > 0]
    got = credit.worklist(*BOOK, as_of="2024-12-10").set_index("customer_id")
    for column, rows in (("outstanding", items), ("overdue", late)):
        want = rows.groupby("customer_id")["outstanding"].sum().round(2).reindex(got.index)
        pd.testing.assert_series_equal(got[column], want, check_names=False)
    assert (got["outstanding"] > got["overdue"]).any()


@pytest.mark.parametrize("revalue", [False, True])
def test_everything_ties_in_a_currency_whose_rate_moves(revalue):
    """Receipts come in at another rate than their invoices had: no balance may show it."""
    book = [f.assign(currency=np.where(f["customer_id"] == 7, "CNY", "USD")) for f in BOOK]
    rates = pd.DataFrame({"date": ["2023-01-01", "2024-05-01", "2024-09-01", "2024-12-01"],
                          "USD": [6.5, 7.03, 7.51, 8.17]})  # fmt: skip
    options = {"fx": rates, "revalue": revalue}
    ages = credit.aging(*book, by="customer_id", **options).set_index("customer_id")["total"]
    made = credit.ledger(*book, **options)
    for frames, more in ((book, options), ((made,), {})):
        closing = credit.statement(*frames, **more).query("entry == 'closing'")
        got = [
            credit.dso(*frames, by="customer_id", **more).set_index("customer_id")["receivables"],
            credit.cei(*frames, by="customer_id", **more).set_index("customer_id")["closing"],
            credit.concentration(*frames, **more).set_index("customer_id")["outstanding"],
            closing.set_index("customer_id")["balance"],
        ]
        for balance in got:
            np.testing.assert_allclose(balance.loc[ages.index], ages, atol=1e-6)
    for freq in ("M", "Q"):
        direct, read = (credit.cei(*f, freq=freq, **o) for f, o in ((book, options), ((made,), {})))
        if revalue:  # a ledger knows its own day's rates alone
            direct, read = (f.iloc[-1:].filter(like="closing") for f in (direct, read))
        pd.testing.assert_frame_equal(direct, read)


def test_a_receipt_for_two_invoices_is_one_line_of_the_statement():
    bills = BILLS.head(3).assign(amount=[100.0, 50.0, -20.0], type=["invoice", "invoice",
                                 "credit_note"], parent=[None, None, 0])  # fmt: skip
    paid = pd.DataFrame({"payment_id": ["P", "P"], "customer_id": 7, "date": "2024-02-20",
                         "amount": [80.0, 50.0], "invoice_id": [0, 1]})  # fmt: skip
    got = credit.statement(bills, paid, start="2024-01-01", as_of="2024-02-29")
    assert got["entry"].tolist() == [
        "opening", "invoice", "invoice", "credit_note", "payment", "closing",
    ]  # fmt: skip
    assert got["balance"].tolist() == [0.0, 100.0, 150.0, 130.0, 0.0, 0.0]
    assert got["due_date"].notna().tolist() == [False, True, True, False, False, False]
    made = credit.ledger(bills, paid, as_of="2024-02-29")
    pd.testing.assert_frame_equal(
        credit.statement(made, start="2024-01-01"), got, check_dtype=False
    )


def test_movement_converts_write_offs_at_their_own_day():
    day = pd.to_datetime(["2024-12-31", "2025-12-31"])
    first, last = (
        credit.provision(pd.DataFrame({"91+": [1000.0], "as_of": day[k : k + 1]}), [0.5])
        for k in (0, 1)
    )
    gone = pd.DataFrame({
        "customer_id": ["A", "B"], "date": ["2025-03-31", "2025-09-30"], "amount": [10.0, 20.0],
        "kind": "write_off", "currency": ["USD", "CNY"]})  # fmt: skip
    rates = pd.DataFrame({"date": ["2025-01-01", "2025-06-01"], "USD": [7.0, 8.0]})
    got = credit.provision_movement(first, last, gone, fx=rates)["amount"].tolist()
    assert got == [500.0, 90.0, 0.0, -90.0, 0.0, 500.0]
    with pytest.warns(DataWarning, match="several currencies"):
        assert credit.provision_movement(first, last, gone)["amount"].iloc[3] == -30
    with pytest.raises(InputError, match="no rate of 'USD'"):
        credit.provision_movement(first, last, gone, fx=rates.tail(1))
    with pytest.raises(InputError, match="currency"):
        credit.provision_movement(first, last, gone.drop(columns="currency"), fx=rates)


def test_disputes_are_told_in_the_currency_asked_for():
    book = [f.assign(currency="USD") for f in BOOK]
    got = credit.early_warning(*book, as_of="2025-01-15", fx={"USD": 7.1})
    words = got.loc[got["signal"] == "disputes", "evidence"]
    assert words.tolist() == ["1 dispute(s) in the last 90 days, 42.60"]


def test_planned_sales_are_converted_too():
    book = [f.assign(currency="USD") for f in BOOK]
    plan = pd.DataFrame({"date": ["2025-02-03"], "amount": [1000.0], "currency": ["USD"]})
    options = {"horizon": 12, "as_of": "2025-01-31", "fx": {"USD": 7.1}}
    dollars = credit.cash_forecast(*book, sales=plan, **options)["from_sales"]
    yuan = credit.cash_forecast(
        *book, sales=plan.assign(amount=7100.0).drop(columns="currency"), **options
    )["from_sales"]
    assert dollars.sum() > 1000
    np.testing.assert_allclose(dollars, yuan, atol=0.02)


def test_items_assessed_on_their_own_are_told_in_the_language_of_the_buckets():
    invoices = pd.DataFrame({
        "invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": [100.0, 50.0],
        "invoice_date": "2025-01-01", "due_date": "2025-01-31"})  # fmt: skip
    for lang, name in (("en", "individual"), ("zh", "单项计提")):
        ages = credit.aging(invoices, as_of="2025-03-31", buckets="cn_years", lang=lang)
        got = credit.provision(ages, credit.CN_AGING_POLICY, individual={"A": 30.0})
        assert got.loc[got["bucket"] == name, ["amount", "allowance"]].to_numpy().tolist() == [
            [100.0, 30.0]
        ]
        assert got["amount"].sum() == 150.0
    sheet = pd.DataFrame(ages.rename(columns={"unapplied": "未核销收款", "total": "合计"}))
    sheet.attrs = {}  # as from a file
    got = credit.provision(sheet, credit.CN_AGING_POLICY)
    assert got["allowance"].sum() == 7.5


def test_rates_without_their_dates_are_told_what_they_may_look_like():
    invoices = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "amount": [100.0], "currency": ["USD"],
        "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})  # fmt: skip
    wide = pd.DataFrame({"Datum": ["2025-01-01"], "USD": [7.1]})
    with pytest.raises(InputError, match=r"fx has no column 'date'.*a column a currency.*'Datum'"):
        credit.aging(invoices, fx=wide)


def test_expected_losses_in_chinese_are_the_same():
    invoices = pd.DataFrame({
        "invoice_id": list("abcd"), "customer_id": list("AABB"), "amount": [100.0, 50.0, 70.0, 9.0],
        "invoice_date": ["2024-10-01", "2025-01-01", "2025-02-01", "2025-03-01"],
        "due_date": ["2024-11-01", "2025-02-01", "2025-03-01", "2025-04-01"]})  # fmt: skip
    payments = pd.DataFrame(
        {"payment_id": ["p"], "customer_id": ["B"], "date": ["2025-03-20"], "amount": [95.0]}
    )
    for rates in (None, [0.1, 0.2, 0.3, 0.4, 0.5]):
        en, zh = (
            credit.expected_loss(invoices, payments, as_of="2025-03-31", rates=rates, lang=lang)
            for lang in ("en", "zh")
        )
        pd.testing.assert_frame_equal(en.drop(columns="bucket"), zh.drop(columns="bucket"))
        assert zh["bucket"].unique().tolist() == [
            "未到期",
            "1-30天",
            "31-60天",
            "61-90天",
            "91天以上",
        ]
    with pytest.raises(InputError, match="aging is a ledger"):
        credit.provision(credit.ledger(invoices, payments), [0.1])


def test_money_that_is_all_applied_makes_no_row_of_a_key_without_document():
    invoices = pd.DataFrame({
        "invoice_id": ["a", "b"], "customer_id": "A", "amount": [100.0, 50.0], "rep": ["x", "y"],
        "currency": ["EUR", "USD"], "invoice_date": ["2025-01-01", "2025-02-01"],
        "due_date": ["2025-01-31", "2025-03-01"]})  # fmt: skip
    payments = pd.DataFrame({
        "payment_id": ["p"], "customer_id": ["A"], "date": ["2025-02-10"], "amount": [40.0],
        "currency": ["EUR"]})  # fmt: skip
    for over, more in ((0.0, []), (70.0, [["y", "EUR", -10.0]])):  # y has the latest invoice
        came = payments.assign(amount=40.0 + over)
        got = credit.aging(invoices, came, as_of="2025-03-31", by="rep")
        want = [["x", "EUR", 60.0 - min(over, 60.0)], *more, ["y", "USD", 50.0]]
        assert got[["rep", "currency", "total"]].to_numpy().tolist() == want


def _two_agings():
    invoices = pd.DataFrame({
        "invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": [100.0, 50.1],
        "invoice_date": ["2025-01-01", "2025-01-05"],
        "due_date": ["2025-01-31", "2025-02-04"]})  # fmt: skip
    return [credit.aging(invoices, as_of=d, shape="long") for d in ("2025-01-31", "2025-02-28")]


@pytest.mark.parametrize(
    "form",
    [
        lambda f: f.assign(amount=[Decimal(str(v)) for v in f["amount"]]),
        lambda f: f.assign(amount=f["amount"].astype(object)),
        lambda f: f.set_index("customer_id", drop=False),
        lambda f: f.assign(bucket=pd.Categorical(f["bucket"])),
    ],
    ids=["decimal", "object", "index named like a key", "categories"],
)
def test_an_aging_from_elsewhere_moves_and_is_provided_for_like_our_own(form):
    old, new = _two_agings()
    want = credit.aging_movement(old, new)
    pd.testing.assert_frame_equal(credit.aging_movement(form(old), form(new)), want)
    rates, own = [0.0, 0.1, 0.2, 0.3, 0.4], pd.DataFrame({"customer_id": ["A"], "allowance": [5.0]})
    want = credit.provision(new, rates, individual=own)
    own.index = pd.Index(["x"], name="customer_id")
    got = credit.provision(form(new), rates, individual=own)
    pd.testing.assert_frame_equal(got.astype({"bucket": want["bucket"].dtype}), want)


def test_agings_of_several_dates_or_other_customers_do_not_move():
    old, new = _two_agings()
    with pytest.raises(InputError, match=r"12 key\(s\) and bucket\(s\) more than once"):
        credit.aging_movement(pd.concat([old, old]), new)
    with pytest.raises(InputError, match="numbers in after"):
        credit.aging_movement(old, new.assign(customer_id=new["customer_id"].map({"A": 1, "B": 2})))


def test_an_order_of_a_customer_number_does_not_pass_by_the_ledger_of_texts():
    bill = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["1001"], "amount": [900.0],
        "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})  # fmt: skip
    with pytest.raises(InputError, match="text in the ledger and numbers in customer_id"):
        credit.check_order(credit.ledger(bill), 1001, 500.0, {1001: 1000.0})


def test_categories_without_an_order_are_listed_by_their_labels():
    text = pd.DataFrame({
        "invoice_id": ["a", "b", "c"], "customer_id": ["A", "B", "B"], "amount": 100.0,
        "currency": ["EUR", "USD", "USD"], "invoice_date": "2025-01-01",
        "due_date": "2025-01-31"})  # fmt: skip
    coded = text.assign(
        **{c: pd.Categorical(text[c], sorted(set(text[c]))[::-1])
           for c in ("invoice_id", "customer_id", "currency")}
    )  # fmt: skip
    for call in (
        lambda f: credit.concentration(f, as_of="2025-03-01"),
        lambda f: credit.worklist(f, as_of="2025-03-01", grain="invoice"),
        lambda f: credit.worklist(f, as_of="2025-03-01"),
        lambda f: credit.credit_limits(f.head(2).assign(grade="A", monthly_sales=1.0), {"A": 1}),
    ):
        assert call(coded).astype(str).equals(call(text).astype(str))


def test_results_read_by_another_engine_are_results():
    pl = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    invoices = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "amount": [900.0],
        "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})  # fmt: skip
    book = credit.ledger(invoices, as_of="2025-03-31")
    theirs, limits = pl.from_pandas(book), pd.DataFrame({"customer_id": ["A"], "limit": [1000.0]})
    assert credit.aging(theirs).equals(credit.aging(book))
    assert credit.dso(theirs).equals(credit.dso(book))
    want = credit.check_order(book, "A", 500.0, limits)
    assert credit.check_order(theirs, "A", 500.0, pl.from_pandas(limits)).equals(want)
    rolls = credit.roll_rates(book)
    rates = credit.loss_rates(rolls)
    assert credit.loss_rates(pl.from_pandas(rolls)).equals(rates)
    ages = credit.aging(book)
    want = credit.provision(ages, rates)
    assert credit.provision(ages, pl.from_pandas(rates)).equals(want)


def test_a_sheet_with_its_date_in_chinese_moves_like_the_aging_itself():
    invoices = BILLS.head(6)
    wide = [credit.aging(invoices, as_of=d, lang="zh") for d in ("2024-03-01", "2024-06-30")]
    heads = {"unapplied": "未核销收款", "total": "合计", "as_of": "截止日"}
    sheets = [w.rename(columns=heads) for w in wide]
    for sheet in sheets:
        sheet.attrs = {}  # as from a file
    rates = [0.1, 0.2, 0.3, 0.4, 0.5]
    made, read = ([credit.provision(f, rates) for f in some] for some in (wide, sheets))
    want = credit.provision_movement(*made)
    assert credit.provision_movement(*read).equals(want)  # all was charged, and all reversed
    assert credit.aging_movement(*sheets).equals(credit.aging_movement(*wide))


def test_use_of_ninety_percent_of_a_limit_is_ninety_percent():
    limit = np.arange(1, 200) / 10
    bills = pd.DataFrame({
        "invoice_id": np.arange(1, 200), "customer_id": np.arange(1, 200),
        "invoice_date": "2025-01-01", "due_date": "2025-12-31",
        "amount": np.arange(9, 1800, 9) / 100})  # fmt: skip
    limits = dict(zip(bills["customer_id"], limit, strict=True))
    assert len(credit.early_warning(bills, as_of="2025-01-31", limits=limits)) == 199


@pytest.mark.parametrize("plain", [True, False])
def test_a_ledger_carries_the_columns_that_it_is_told_to_keep(plain):
    bills = BILLS.assign(大区=np.where(BILLS["invoice_id"] % 2, "华东", "华南"))
    if not plain:  # a note that is settled to the end stands in no row of its own
        note = bills.iloc[[1]].assign(
            invoice_id=99, amount=-3.0, parent=1, invoice_date=pd.Timestamp("2024-03-01")
        )
        bills = pd.concat([bills.assign(parent=np.nan), note], ignore_index=True)
    book = credit.ledger(bills, CASH, keep="大区")
    with pytest.raises(InputError, match=r"ledger\(\.\.\., keep=\['大区'\]\)"):
        credit.aging(credit.ledger(bills, CASH), by="大区")
    again = credit.ledger(book, as_of="2024-11-30")
    for call in (
        lambda *b, **k: credit.aging(*b, by="大区", **k),
        lambda *b, **k: credit.collection_rate(*b, by="大区", start="2024-02-01", **k),
    ):
        assert call(book).equals(call(bills, CASH))
        assert call(again).equals(call(bills, CASH, as_of="2024-11-30"))
    assert set(credit.open_items(book)["大区"].dropna()) == {"华东", "华南"}
    for wrong, said in (("amount", "column of the result"), ("地区", "no column '地区'")):
        with pytest.raises(InputError, match=said):
            credit.ledger(bills, CASH, keep=wrong)


@pytest.mark.parametrize("rules", ["erpnext", "tryton", "oracle"])
@pytest.mark.parametrize("kind", ["invoice", "retainage"])  # the short way and the long way
def test_money_over_stands_with_what_is_not_due_where_due_today_is_late(rules, kind):
    bill = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "amount": [10.0],
        "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})  # fmt: skip
    bill = bill if kind == "invoice" else bill.assign(type=kind)
    paid = pd.DataFrame({
        "payment_id": ["p"], "customer_id": ["A"], "amount": [25.0],
        "date": ["2025-01-31"]})  # fmt: skip
    got = credit.aging(bill, paid, rules=rules, unapplied="current").iloc[0]
    assert (got["not_due"], got["total"]) == (-15.0, -15.0)


@pytest.mark.parametrize(
    ("role", "name", "call"),
    [
        ("customer", "payment_date", credit.ledger),
        ("invoice", "as_of", credit.ledger),
        ("payment", "named_invoice", credit.ledger),
        ("currency", "outstanding", credit.open_items),
        ("currency", "unapplied", credit.aging),
        ("customer", "bucket", lambda *f, **k: credit.expected_loss(*f, rates=[0.1] * 5, **k)),
        ("customer", "text", credit.statement),
        ("currency", "balance", credit.statement),
        ("customer", "overdue", credit.worklist),
        ("invoice", "level", lambda *f, **k: credit.worklist(*f, grain="invoice", **k)),
        ("invoice", "scope", lambda *f, **k: credit.late_interest(*f, annual_rate=0.1, **k)),
        ("customer", "days", lambda *f, **k: credit.late_interest(
            *f, annual_rate=0.1, detail=True, **k)),
    ],
)  # fmt: skip
def test_no_key_is_named_like_another_column_of_the_result(role, name, call):
    bills = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "amount": [10.0], "currency": ["EUR"],
        "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})  # fmt: skip
    paid = pd.DataFrame({
        "payment_id": ["p"], "customer_id": ["A"], "amount": [5.0], "currency": ["EUR"],
        "date": ["2025-02-28"], "invoice_id": ["a"]})  # fmt: skip
    own = {f"{role}_id": name, role: name}
    with pytest.raises(InputError, match=f"names '{name}', which is a column of the result"):
        call(bills.rename(columns=own), paid.rename(columns=own), **{role: name})


def test_customers_in_a_column_called_rep_keep_their_free_money():
    bills = BILLS.head(3).rename(columns={"customer_id": "rep"})
    paid = (
        CASH.tail(1).assign(customer_id=9, invoice_id=None).rename(columns={"customer_id": "rep"})
    )
    book = credit.ledger(bills, paid, customer="rep")
    assert book.loc[book["kind"] == "unapplied", "rep"].tolist() == [9]


def test_the_ends_of_a_movement_and_the_bounds_of_what_is_asked_for():
    ages = pd.DataFrame({"customer_id": ["A"], "91+": [100.0], "as_of": ["2024-12-31"]})
    made = [credit.provision(ages.assign(as_of=d), [0.5]) for d in ("2024-12-31", "2025-12-31")]
    gone = pd.DataFrame({
        "customer_id": "A", "kind": "write_off", "amount": [1.0, 2.0, 4.0, 8.0], "currency": "EUR",
        "date": ["2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01"]})  # fmt: skip
    rates = pd.DataFrame({
        "currency": "EUR", "date": ["2024-01-01", "2025-12-31"], "rate": [1.0, 3.0]})  # fmt: skip
    moved = credit.provision_movement(*made, gone, fx=rates).set_index("item")["amount"]
    assert moved["write_off"] == -(2.0 + 3 * 4.0)  # days of the year, each at the rate of its day
    own = {"A": 100.0}
    assert credit.provision(ages, [0.5], individual=own)["allowance"].tolist() == [100.0]
    with pytest.raises(InputError, match="above what is owed"):
        credit.provision(ages, [0.5], individual={"A": 100.01})
    terms = pd.DataFrame({
        "contract_id": ["a", "b"], "customer_id": "A", "payment_days": [60, 61],
        "penalty_rate": [0.0005, 0.0004], "credit_limit": [100.0, 101.0]})  # fmt: skip
    policy = {"max_payment_days": 60, "min_penalty_rate": 0.0005, "max_credit_limit": 100.0}
    assert set(credit.check_terms(terms, policy)["contract_id"]) == {"b"}
