"""Every complaint of the credit desk names the function that was called, never one inside it."""

from __future__ import annotations

import inspect
import re
import warnings

import pandas as pd
import pytest
import test_bad_input as bad
from common import evaluate, namespace, read_contract

from salesmgmt import DataWarning, InputError, credit
from salesmgmt._credit.tables import Options

CASES = [c for c in bad._frames() if c[0].stem.startswith("credit")]


@pytest.mark.parametrize(("path", "name", "frame"), CASES, ids=bad._ids)
def test_a_missing_column_and_bad_rows_are_told_by_the_function_called(path, name, frame):
    table = bad._table(path, frame)
    column = list(read_contract(path)[name]["frames"][frame])[-1]
    broken = table.assign(**{column: table[column].astype(object)})
    broken.loc[broken.index[[1, 2]], column] = None
    for given in (table.drop(columns=column), broken):
        with pytest.raises(InputError, match=rf"^{name}[(.]"):
            bad._call(path, name, **{frame: given})


NESTED = {
    "expected_loss": [
        "expected_loss(invoices, buckets='x')",
        "expected_loss(invoices, by='nowhere')", "expected_loss(invoices, freq='q')",
        "expected_loss(invoices, method='x')", "expected_loss(invoices)",  # several currencies
        "expected_loss(invoices, fx={'USD': 7}, rates=[1, 2])",
        "expected_loss(invoices, fx={'USD': 7}, rates=[.1]*5, individual={'nobody': 1.0})",
    ],
    "loss_rates": [
        "loss_rates(invoices, freq='x')", "loss_rates(invoices, allocation='x')",
        "loss_rates(invoices, periods=0)", "loss_rates(invoices, method='vintage', freq='x')",
        "loss_rates(invoices, as_of='1990-01-01')",
    ],
    "backtest_loss_rates": [
        "backtest_loss_rates(invoices, fx={'USD': 7}, allocation='x')",
        "backtest_loss_rates(invoices, fx={'USD': 7}, loss_given_default=2)",
    ],
    "dso": ["dso(invoices, allocation='x')", "dso(invoices, freq='x')", "dso(invoices, by='x')"],
    "worklist": [
        "worklist(invoices, method='x')", "worklist(invoices, fx={'GBP': 1})",
        "worklist(invoices, levels=[(1, 0)])",
    ],
    "cash_backtest": ["cash_backtest(invoices, payments, horizon=0)"],
}  # fmt: skip


@pytest.mark.parametrize("name", list(NESTED))
def test_nested_calls_speak_for_the_outer_one(name):
    space = namespace("salesmgmt.credit")
    for call in NESTED[name]:
        says = rf"^{name}\(\): " + ("allocation must be" if "allocation" in call else "")
        with pytest.raises(InputError, match=says):
            evaluate(call, space)


def test_warnings_too():
    bills = pd.DataFrame(
        {
            "invoice_id": ["a", "b"], "customer_id": "A", "amount": 100.0,
            "invoice_date": ["2025-01-01", "2025-02-01"], "due_date": [None, "2025-03-01"],
        }
    )  # fmt: skip
    with pytest.warns(DataWarning, match=r"^expected_loss\(\): .*due_date") as told:
        credit.expected_loss(bills, rates=[0.1] * 5, as_of="2025-03-31")
    assert all(w.filename == __file__ for w in told)


def test_the_contracts_name_every_required_column():
    required = {
        "invoices": {"invoice_id", "customer_id", "invoice_date", "amount"},
        "payments": {"payment_id", "customer_id", "date", "amount"},
    }
    path = next(c[0] for c in CASES if c[0].stem == "credit")
    for name, entry in read_contract(path).items():
        for frame, columns in required.items():
            if isinstance(entry, dict) and frame in entry.get("frames", {}):
                assert set(entry["frames"][frame]) == columns, (name, frame)


FRAMES = {
    "credit_limits(ratings.drop(columns='{c}'), CN_LIMIT_POLICY, basis='{b}')": [
        ("grade", "sales"), ("monthly_sales", "sales"), ("exposure", "exposure"), ("clv", "clv"),
    ],
    "cash_forecast(invoices, payments, fx=home, horizon=2, sales=sales.drop(columns='{c}'))": [
        ("date", ""), ("amount", ""),
    ],
    "expected_loss(invoices, fx=home, rates=[.1] * 5, scenarios=scenes.drop(columns='{c}'))": [
        ("probability", ""), ("factor", ""),
    ],
    "provision({{'current': 1.0}}, rates.drop(columns='{c}'))": [("bucket", ""), ("rate", "")],
    "provision(long, [.1] * 5, individual=single.drop(columns='{c}'))": [
        ("customer_id", ""), ("allowance", ""),
    ],
    "aging(invoices, fx=course.drop(columns='{c}'))": [("currency", ""), ("rate", "")],
    "aging_movement(long.drop(columns='{c}'), long)": [("bucket", ""), ("amount", "")],
    "check_order(book.drop(columns='{c}'), 1, 5.0, {{1: 9.0}})": [("amount", ""), ("due_date", "")],
    "aging(book.drop(columns='{c}'))": [("due_date", ""), ("amount", ""), ("as_of", "")],
    "late_interest(invoices, fx=home, rates=course.drop(columns='{c}'))": [("rate", "")],
}  # fmt: skip


@pytest.mark.parametrize("call", list(FRAMES), ids=lambda c: c.split("(")[0])
def test_an_absent_column_is_told_by_an_option_that_there_is(call):
    space = namespace("salesmgmt.credit")
    space["ratings"] = pd.DataFrame(
        {"customer_id": ["A"], "grade": "A", "monthly_sales": 1.0, "exposure": 1.0, "clv": 1.0}
    )
    space["home"] = {"USD": 7.0}
    space["sales"] = pd.DataFrame({"date": ["2026-01-05"], "amount": [1.0]})
    space["scenes"] = pd.DataFrame({"probability": [1.0], "factor": [1.0]})
    space["rates"] = pd.DataFrame({"bucket": ["current"], "rate": [0.1]})
    space["course"] = pd.DataFrame({"currency": ["USD"], "date": ["2020-01-01"], "rate": [7.0]})
    own = "expected_loss(invoices, fx={'USD': 7}, rates=[.1] * 5)"
    space["long"] = evaluate("aging(invoices, fx={'USD': 7}, shape='long')", space)
    space["single"] = evaluate(own, space)[["customer_id"]].head(1).assign(allowance=0.0)
    space["book"] = evaluate("ledger(invoices, payments, fx={'USD': 7})", space)
    for column, basis in FRAMES[call]:
        with pytest.raises(InputError, match=column) as caught:
            evaluate(call.format(c=column, b=basis), space)
        options = inspect.signature(getattr(credit, call.split("(")[0])).parameters
        known = {*options, *(Options.__annotations__ if "options" in options else ())}
        assert set(re.findall(r"with (\w+)=", str(caught.value))) <= known


def test_instalments_under_one_id_are_told_how_to_be_written():
    plan = pd.DataFrame({
        "invoice_id": "SI", "customer_id": "A", "invoice_date": "2025-01-10", "amount": 50.0,
        "due_date": ["2025-02-09", "2025-03-11"]})  # fmt: skip
    with pytest.raises(InputError, match="id of its own, and theirs in common in 'parent'"):
        credit.aging(plan)
    with pytest.raises(InputError, match="sum them first; or"):
        credit.aging(plan.assign(due_date="2025-02-09"))


def test_a_column_given_for_its_name_is_told_in_short():
    invoices = namespace("salesmgmt.credit")["invoices"]
    with pytest.raises(InputError, match=r"by must be a column name or a list of them, got Series"):
        credit.aging(invoices, by=invoices["customer_id"])


def test_names_of_another_dtype_are_told_as_such():
    bills = pd.DataFrame({"invoice_id": [1], "customer_id": "A", "amount": [5.0]})
    bills = bills.assign(invoice_date="2025-01-01", due_date="2025-01-31")
    money = pd.DataFrame({"payment_id": ["P"], "customer_id": "A", "amount": [5.0]})
    money = money.assign(date="2025-02-01", invoice_id="1")
    with pytest.raises(InputError, match="bring both columns to one dtype"):
        credit.ledger(bills, money)
    with pytest.raises(InputError, match="Add those invoices"):
        credit.ledger(bills, money.assign(invoice_id=7))


OWED = pd.DataFrame({
    "invoice_id": ["a", "b"], "customer_id": ["C1", "华为(深圳)"], "invoice_date": "2025-01-01",
    "due_date": "2025-01-31", "amount": [100.0, 50.0]})  # fmt: skip
CAME = pd.DataFrame({
    "payment_id": ["p", "q"], "customer_id": ["C1   ", "华为（深圳）"], "date": "2025-02-01",
    "amount": [100.0, 50.0]})  # fmt: skip


@pytest.mark.parametrize("method", ["fifo", "lifo"])  # the short way and the long one
def test_payers_who_are_customers_but_for_the_spelling_are_told(method):
    with pytest.warns(DataWarning, match=r"2 customer\(s\) without invoices.*'C1   ' beside 'C1'"):
        credit.aging(OWED, CAME, method=method)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        credit.aging(OWED, CAME.assign(customer_id=["C1", "somebody else"]), method=method)


@pytest.mark.parametrize(("name", "arg"), [("开票金额", "payments"), ("收款金额", "invoices")])
def test_a_heading_that_only_one_frame_has_is_not_asked_for_in_a_circle(name, arg):
    bills = OWED.rename(columns={"amount": "开票金额"})
    money = CAME.rename(columns={"amount": "收款金额"})
    with pytest.raises(InputError, match=f"rename the column of {arg} to '{name}'"):
        credit.aging(bills, money, amount=name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (" ", "Make empty text missing"),
        ("a; b", "'a; b' names several"),
        ("a、b", "names several"),
        ("A ", "'A ' is 'a' but for the spelling"),
        ("a; c", "Add those invoices"),
    ],
)
def test_a_name_that_is_no_invoice_is_told_what_it_may_be(name, told):
    money = CAME.assign(customer_id="C1", invoice_id=[name, None])
    with pytest.raises(InputError, match=told):
        credit.aging(OWED.assign(customer_id="C1"), money)
    blank = money.assign(invoice_id=[" ", "a"]).replace(r"^\s*$", None, regex=True)
    assert len(credit.aging(OWED.assign(customer_id="C1"), blank)) == 1


def test_one_currency_in_two_spellings_is_told():
    bills = OWED.assign(currency=["EUR", "eur "])
    with pytest.warns(DataWarning, match=r"written in 2 ways \('EUR', 'eur '\)"):
        credit.aging(bills, as_of="2025-03-31")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        credit.aging(bills.assign(currency=["EUR", "USD"]), as_of="2025-03-31")


@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_customers_without_a_name_are_told(method):
    with pytest.warns(DataWarning, match=r"2 row\(s\) have empty text for their customer"):
        credit.aging(OWED.assign(customer_id=["C1", " "]), CAME.assign(customer_id=["C1", " "]),
                     method=method)  # fmt: skip


def test_what_a_newcomer_tries_first_is_answered():
    bills = pd.DataFrame({"发票": ["1", "2"], "客户": ["甲", "乙"], "金额": [100.0, 50.0],
                          "开票日": ["2025-01-05", "2025-03-05"],
                          "到期日": ["2025-02-05", "2025-04-05"]})  # fmt: skip
    own = {"invoice": "发票", "customer": "客户", "amount": "金额", "invoice_date": "开票日",
           "due_date": "到期日"}  # fmt: skip
    none = pd.DataFrame({"payment_id": [], "客户": [], "date": [], "金额": []})
    book = credit.ledger(bills, none, as_of="2025-03-31", **own)
    with pytest.raises(InputError, match="got '甲'; the customer goes into of="):
        credit.statement(book, "甲")
    with pytest.raises(
        InputError, match="CN_AGING_POLICY goes with an aging by buckets='cn_years'"
    ):
        credit.provision(credit.aging(book), credit.CN_AGING_POLICY)
    rated = credit.rate_customers(book)
    with pytest.raises(InputError, match=r'no factor for grade .*give \{"factors": \{'):
        credit.credit_limits(rated, {"months": 2})
    limits = credit.credit_limits(rated, {"factors": dict.fromkeys(rated["grade"], 1.0)})
    assert limits["客户"].tolist() == rated["客户"].tolist()
