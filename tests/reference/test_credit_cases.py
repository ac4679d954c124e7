"""Ledgers worked out by hand: boundaries, calendar, methods, notes, instalments, rates.

Each case says what is owed to whom on a day; amounts were added up on paper. Days are counted
from the due date (or invoice date) to ``as_of``; powers of two show which item went astray.
"""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt import DataWarning, credit


def bills(*rows, **more):
    columns = ["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]
    return pd.DataFrame(rows, columns=columns).assign(**more)


def money(*rows, **more):
    columns = ["payment_id", "customer_id", "date", "amount", "invoice_id"]
    return pd.DataFrame(rows, columns=columns).assign(**more)


def changes(*rows):
    columns = ["customer_id", "date", "amount", "kind", "invoice_id"]
    return pd.DataFrame(rows, columns=columns)


def due(*days, issued="2020-01-01"):
    """Invoices of one customer over 1, 2, 4, 8, ... by due date."""
    rows = [(f"I{n}", "A", issued, day, float(2**n)) for n, day in enumerate(days)]
    return bills(*rows)


def aged(*frames, **options):
    """Buckets that are not empty, of all customers together."""
    options = {"by": None, **options}
    row = credit.aging(*frames, **options).iloc[0].drop("as_of")
    assert row["total"] == pytest.approx(row.drop("total").sum(), abs=1e-9)
    return {k: v for k, v in row.items() if v and k != "total"}


def left(*frames, **options):
    """What is open of each document, settled ones too."""
    items = credit.open_items(*frames, include="all", **options)
    items = items[items["kind"] != "unapplied"]
    return dict(zip(items["invoice_id"], items["outstanding"].tolist(), strict=True))


def unapplied(*frames, **options):
    items = credit.open_items(*frames, **options)
    return -float(items.loc[items["kind"] == "unapplied", "outstanding"].sum())


# --------------------------------------------------------------------------------------
# Boundaries of buckets and of other systems


SEVEN = due("2025-07-01", "2025-06-30", "2025-06-29", "2025-06-01", "2025-05-31", "2025-05-30",
            "2025-04-01", "2025-03-31", "2025-03-02", "2025-03-01")  # fmt: skip
# days past due on 30 June 2025: -1, 0, 1, 29, 30, 31, 90, 91, 120, 121


@pytest.mark.parametrize(
    ("options", "want"),
    [
        ({}, {"current": 3, "1-30": 28, "31-60": 32, "61-90": 64, "91+": 896}),
        ({"buckets": (0, 30, 60, 90)},
         {"current": 3, "1-30": 28, "31-60": 32, "61-90": 64, "91+": 896}),
        ({"buckets": (0, 15, 30)}, {"current": 3, "1-15": 4, "16-30": 24, "31+": 992}),
        ({"buckets": (-1, 0, 29)}, {"<=-1": 1, "0-0": 2, "1-29": 12, "30+": 1008}),
        ({"rules": "erpnext"},
         {"not_due": 1, "0-30": 30, "31-60": 32, "61-90": 64, "91-120": 384, "121+": 512}),
        ({"rules": "oca"},
         {"current": 3, "1-30": 28, "31-60": 32, "61-90": 64, "91-120": 384, "121+": 512}),
        ({"rules": "oca_statement"},
         {"current": 3, "1-29": 12, "30-59": 48, "90-119": 192, "120+": 768}),
        ({"rules": "tryton"}, {"not_due": 1, "0-29": 14, "30-59": 48, "90+": 960}),
        ({"rules": "oracle"},
         {"not_due": 1, "due": 2, "1-30": 28, "31-60": 32, "61-90": 64, "91-120": 384,
          "121+": 512}),
        ({"buckets": "cn"},
         {"within_terms": 3, "1-30": 28, "31-60": 32, "61-90": 64, "91-180": 896}),
    ],
)  # fmt: skip
def test_each_day_falls_into_its_bucket(options, want):
    assert aged(SEVEN, as_of="2025-06-30", **options) == want


@pytest.mark.parametrize(
    ("rules", "want"),
    [
        (None, "31-60"),
        ("erpnext", "31-60"),
        ("oca", "current"),
        ("oca_statement", "30-59"),
        ("tryton", "90+"),
        ("oracle", "31-60"),
    ],
)
def test_no_due_date_goes_where_each_system_puts_it(rules, want):
    invoices = bills(("I1", "A", "2025-05-20", None, 5.0))  # 41 days before the day
    with pytest.warns(DataWarning, match="without due date"):
        assert aged(invoices, as_of="2025-06-30", rules=rules) == {want: 5.0}


def test_terms_of_the_customer_come_before_the_invoice_date():
    invoices = bills(("I1", "A", "2025-05-01", None, 5.0), ("I2", "B", "2025-05-01", None, 7.0))
    with pytest.warns(DataWarning, match="1 open document"):
        got = aged(invoices, as_of="2025-06-30", terms={"A": 45})
    assert got == {"1-30": 5.0, "31-60": 7.0}  # A: due 15 June, 15 days; B: 60 days


# --------------------------------------------------------------------------------------
# The calendar


@pytest.mark.parametrize(
    ("as_of", "want"),
    [
        ("2024-02-28", {"<=1y": 1.0}),  # the second is not issued yet
        ("2024-02-29", {"<=1y": 2.0, "1-2y": 1.0}),  # 28 February 2023 plus a year is the 28th
        ("2025-02-28", {"<=1y": 2.0, "1-2y": 1.0}),  # both are on their anniversary
        ("2025-03-01", {"1-2y": 2.0, "2-3y": 1.0}),
        ("2028-02-28", {"3-4y": 2.0, "4-5y": 1.0}),
        ("2028-02-29", {"3-4y": 2.0, ">5y": 1.0}),
        ("2028-03-01", {"4-5y": 2.0, ">5y": 1.0}),
    ],
)
def test_years_end_on_the_anniversary_also_of_29_february(as_of, want):
    invoices = bills(
        ("I1", "A", "2023-02-28", "2023-03-30", 1.0), ("I2", "A", "2024-02-29", "2024-03-30", 2.0)
    )
    assert aged(invoices, as_of=as_of, buckets="cn_years") == want


@pytest.mark.parametrize(
    ("years", "bucket"),
    [(1, "<=1y"), (2, "1-2y"), (3, "2-3y"), (4, "3-4y"), (5, "4-5y"), (6, ">5y")],
)
def test_chinese_years_take_their_upper_end(years, bucket):
    invoices = bills(("I1", "A", "2019-12-31", "2020-01-30", 9.0))
    assert aged(invoices, as_of=f"{2019 + years}-12-31", buckets="cn_years") == {bucket: 9.0}
    names = ("1年以内", "1-2年", "2-3年", "3-4年", "4-5年", "5年以上")
    wide = credit.aging(invoices, as_of=f"{2019 + years}-12-31", buckets="cn_years", lang="zh")
    assert wide[names[years - 1]].tolist() == [9.0]


@pytest.mark.parametrize(
    ("day", "as_of", "days"),
    [
        ("2024-02-29", "2024-03-01", 1),
        ("2024-01-30", "2024-03-01", 31),  # over a leap day
        ("2023-01-30", "2023-03-01", 30),
        ("2025-02-28", "2025-03-31", 31),
        ("2025-01-31", "2025-03-31", 59),
        ("2024-12-31", "2025-03-31", 90),
        ("2023-12-31", "2024-03-31", 91),
    ],
)
def test_days_over_month_ends_and_leap_days(day, as_of, days):
    bucket = {1: "1-30", 30: "1-30", 31: "31-60", 59: "31-60", 90: "61-90", 91: "91+"}[days]
    assert aged(due(day), as_of=as_of) == {bucket: 1.0}
    item = credit.open_items(due(day), as_of=as_of)
    assert item["days_past_due"].tolist() == [days]


def test_clock_times_and_zones_never_shift_a_day():
    invoices = due("2025-06-29")
    invoices["due_date"] = pd.to_datetime(["2025-06-29 23:59:59"]).tz_localize("Asia/Shanghai")
    assert aged(invoices, as_of="2025-06-30") == {"1-30": 1.0}
    assert aged(invoices, as_of=pd.Timestamp("2025-06-29 00:00:01")) == {"current": 1.0}


# --------------------------------------------------------------------------------------
# Any past date


PAST = bills(("I1", "A", "2024-10-01", "2024-10-31", 800.0),
             ("I2", "A", "2024-11-15", "2024-12-15", 1200.0),
             ("I3", "A", "2025-01-02", "2025-02-01", 50.0))  # fmt: skip
PAID = money(("P1", "A", "2024-12-31", 300.0, "I1"), ("P2", "A", "2025-01-05", 1200.0, "I2"))


@pytest.mark.parametrize(
    ("as_of", "want", "future"),
    [
        ("2024-10-31", {"current": 800.0}, {"I1": 300.0}),
        ("2024-12-30", {"1-30": 1200.0, "31-60": 800.0}, {"I1": 300.0, "I2": 1200.0}),
        ("2024-12-31", {"1-30": 1200.0, "61-90": 500.0}, {"I1": 0.0, "I2": 1200.0}),
        ("2025-01-04", {"current": 50.0, "1-30": 1200.0, "61-90": 500.0}, {"I2": 1200.0}),
        ("2025-01-05", {"current": 50.0, "61-90": 500.0}, {"I1": 0.0, "I3": 0.0}),
    ],
)
def test_a_past_day_brings_back_what_has_been_paid_since(as_of, want, future):
    assert aged(PAST, PAID, as_of=as_of, method="specific") == want
    items = credit.open_items(PAST, PAID, as_of=as_of, method="specific", include="all")
    items = items.set_index("invoice_id")
    for invoice, amount in future.items():
        assert items["future"][invoice] == amount
        assert items["remaining"][invoice] == items["outstanding"][invoice] - amount


# --------------------------------------------------------------------------------------
# Allocation


QUEUE = bills(("I1", "A", "2025-01-10", "2025-04-10", 100.0),
              ("I2", "A", "2025-02-10", "2025-03-12", 60.0),
              ("I3", "A", "2025-03-10", "2025-03-12", 40.0))  # fmt: skip
PART = money(("P1", "A", "2025-03-20", 90.0, None))


@pytest.mark.parametrize(
    ("method", "want"),
    [
        ("specific", [100, 60, 40]),
        ("specific_then_fifo", [10, 60, 40]),
        ("fifo", [10, 60, 40]),
        ("specific_then_oldest_due", [100, 0, 10]),  # 12 March twice: the earlier invoice first
        ("lifo", [100, 10, 0]),
        ("specific_then_lifo", [100, 10, 0]),
        ("proportional", [55, 33, 22]),
        ("cn_560", [100, 6, 4]),  # only what is due; 60 : 40 by shares
    ],
)
def test_one_payment_under_each_method(method, want):
    got = left(QUEUE, PART, method=method, as_of="2025-03-31")
    assert [got[i] for i in ("I1", "I2", "I3")] == want


@pytest.mark.parametrize(
    ("method", "want"),
    [
        ("specific_then_fifo", [0, 60, 20]),  # 20 on I3 by name, 100 over: I1
        ("specific_then_lifo", [80, 0, 0]),  # I3 is the latest: 20 more of it, then 60, then 20
        ("lifo", [80, 0, 0]),
        ("fifo", [0, 40, 40]),
    ],
)
def test_a_name_counts_before_the_rule_or_not_at_all(method, want):
    payments = money(("P1", "A", "2025-03-20", 20.0, "I3"), ("P2", "A", "2025-03-21", 100.0, None))
    got = left(QUEUE, payments, method=method, as_of="2025-03-31")
    assert [got[i] for i in ("I1", "I2", "I3")] == want


@pytest.mark.parametrize(
    ("security", "burden", "want"),
    [
        ([0, 1, 0], [0, 0, 0], [100, 50, 0]),  # unsecured I3 first
        ([0, 0, 0], [0, 0, 0.1], [100, 50, 0]),  # the more burdensome I3 first
        ([0, 0, 1], [0, 0, 0.1], [100, 10, 40]),  # security counts before burden
        ([1, 0, 0], [0, 0, 0], [100, 30, 20]),  # alike: 50 of 100, by shares
    ],
)
def test_civil_code_560_orders_by_security_then_burden(security, burden, want):
    invoices = QUEUE.assign(security=security, burden=burden)
    got = left(invoices, PART.assign(amount=50.0), method="cn_560", as_of="2025-03-31")
    assert [got[i] for i in ("I1", "I2", "I3")] == want


def test_civil_code_560_takes_what_is_not_due_last_and_earliest_due_first():
    invoices = bills(("I1", "A", "2025-01-01", "2025-06-30", 100.0),
                     ("I2", "A", "2025-01-01", "2025-05-31", 100.0),
                     ("I3", "A", "2025-01-01", "2025-02-28", 30.0))  # fmt: skip
    got = left(invoices, money(("P1", "A", "2025-03-01", 150.0, None)), method="cn_560",
               as_of="2025-03-31")  # fmt: skip
    assert got == {"I1": 80.0, "I2": 0.0, "I3": 0.0}


def test_cents_of_shares_go_to_the_largest_remainder_then_the_smaller_id():
    invoices = bills(*[(f"I{k}", "A", "2025-01-01", "2025-01-31", 1.0) for k in (1, 2, 3)])
    got = left(invoices, money(("P1", "A", "2025-02-01", 1.0, None)), method="proportional")
    assert got == {"I1": 0.66, "I2": 0.67, "I3": 0.67}


@pytest.mark.parametrize(
    ("method", "want", "rest"),
    [
        ("specific", [70, 50], 60.0),
        ("specific_then_fifo", [10, 50], 0.0),
        ("lifo", [10, 50], 0.0),  # the advance goes to the first invoice that comes
    ],
)
def test_overpaid_and_paid_in_advance(method, want, rest):
    invoices = bills(("I1", "A", "2025-03-01", "2025-03-31", 70.0),
                     ("I2", "A", "2025-04-01", "2025-05-01", 50.0))  # fmt: skip
    payments = money(("P0", "A", "2025-01-15", 60.0, None))
    assert list(left(invoices, payments, method=method, as_of="2025-04-02").values()) == want
    assert unapplied(invoices, payments, method=method, as_of="2025-04-02") == rest


@pytest.mark.parametrize(
    ("where", "want"),
    [
        ("own", {"current": 30.0, "unapplied": -45.0}),
        ("current", {"current": -15.0}),
        ("bucket", {"current": 30.0, "31-60": -45.0}),  # the receipt is 41 days old
    ],
)
def test_money_that_settles_nothing_stands_where_asked(where, want):
    invoices = bills(("I1", "B", "2025-06-01", "2025-07-01", 30.0))
    payments = money(("P1", "A", "2025-05-20", 45.0, None))
    assert aged(invoices, payments, as_of="2025-06-30", unapplied=where) == want


def test_refunds_and_write_offs():
    invoices = bills(("I1", "A", "2025-01-01", "2025-01-31", 100.0))
    payments = money(("P1", "A", "2025-02-10", 80.0, "I1"), ("R1", "A", "2025-02-20", -30.0, "I1"))
    off = changes(("A", "2025-03-15", 20.0, "write_off", "I1"),
                  ("A", "2025-03-16", 5.0, "allowance", None),
                  ("A", "2025-03-17", 20.0, "recovery", "I1"),
                  ("A", "2025-03-18", 9.0, "dispute", "I1"))  # fmt: skip
    for as_of, open_ in (("2025-02-15", 20.0), ("2025-02-25", 50.0), ("2025-03-15", 30.0),
                         ("2025-03-31", 25.0)):  # fmt: skip
        assert left(invoices, payments, off, as_of=as_of) == {"I1": open_}


# --------------------------------------------------------------------------------------
# Credit notes, retainage, instalments


NOTED = bills(("I1", "A", "2025-01-01", "2025-01-31", 100.0),
              ("I2", "A", "2025-02-01", "2025-03-03", 50.0),
              ("C1", "A", "2025-02-10", "2025-02-10", -120.0),
              type=["invoice", "invoice", "credit_note"], parent=[None, None, "I1"])  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "want"),
    [
        ("own", {"1-30": 50.0, "31-60": -20.0}),  # 41, 10 and 31 days: 100 and -120 together
        ("parent", {"1-30": 50.0, "31-60": -20.0}),
        ("net", {"1-30": 30.0}),
    ],
)
def test_a_credit_note_over_its_invoice(choice, want):
    assert aged(NOTED, as_of="2025-03-13", credit_notes=choice) == want


def test_a_credit_note_waits_for_its_own_day():
    assert left(NOTED, as_of="2025-02-09") == {"I1": 100.0, "I2": 50.0}
    assert left(NOTED, as_of="2025-02-10") == {"I1": 0.0, "I2": 50.0, "C1": -20.0}


def test_a_paid_invoice_that_is_credited_leaves_the_customer_in_credit():
    payments = money(("P1", "A", "2025-01-31", 100.0, "I1"))
    got = left(NOTED, payments, as_of="2025-03-13", method="specific")
    assert got == {"I1": 0.0, "I2": 50.0, "C1": -120.0}


@pytest.mark.parametrize(
    ("as_of", "want"),
    [
        ("2025-06-30", {"current": 5_000.0, "91+": 35_000.0}),
        ("2025-12-01", {"current": 5_000.0, "91+": 35_000.0}),
        ("2025-12-02", {"1-30": 5_000.0, "91+": 35_000.0}),
        ("2024-12-31", {"current": 100_000.0}),
        ("2025-01-30", {"current": 5_000.0, "1-30": 95_000.0}),
        ("2025-01-31", {"current": 5_000.0, "31-60": 95_000.0}),
    ],
)
def test_retainage_is_aged_by_its_own_due_date(as_of, want):
    invoices = bills(("I1", "A", "2024-12-01", "2024-12-31", 95_000.0),
                     ("I1-R", "A", "2024-12-01", "2025-12-01", 5_000.0),
                     type=["invoice", "retainage"])  # fmt: skip
    payments = money(("P1", "A", "2025-02-10", 60_000.0, "I1"))
    assert aged(invoices, payments, as_of=as_of, method="specific") == want


TERMS = bills(("S-1", "A", "2025-01-10", "2025-02-09", 60.0),
              ("S-2", "A", "2025-01-10", "2025-03-11", 100.0),
              ("S-3", "A", "2025-01-10", "2025-04-10", 40.0), parent="S")  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "want"),
    [(40, [20, 100, 40]), (60, [0, 100, 40]), (170, [0, 0, 30]), (210, [0, 0, 0])],
)
def test_a_payment_for_the_whole_fills_the_earliest_instalment(amount, want):
    payments = money(("P1", "A", "2025-01-15", float(amount), "S"))
    got = left(TERMS, payments, method="specific", as_of="2025-03-12")
    assert list(got.values()) == want
    assert unapplied(TERMS, payments, method="specific", as_of="2025-03-12") == max(amount - 200, 0)


def test_instalments_are_aged_each_by_its_own_due_date():
    assert aged(TERMS, as_of="2025-03-12") == {"current": 40.0, "1-30": 100.0, "31-60": 60.0}


# --------------------------------------------------------------------------------------
# Currencies


ABROAD = bills(("I1", "A", "2025-01-10", "2025-02-09", 100.0),
               ("I2", "A", "2025-01-20", "2025-02-19", 1_000.0),
               currency=["USD", "CNY"])  # fmt: skip
RATES = pd.DataFrame({"date": ["2025-01-01", "2025-01-15", "2025-03-01"], "currency": "USD",
                      "rate": [7.30, 7.20, 7.00]})  # fmt: skip


@pytest.mark.parametrize(
    ("fx", "revalue", "want"),
    [
        ({"USD": 7.1}, False, 710.0),
        (RATES, False, 730.0),  # the document's own day
        (RATES, True, 700.0),  # the day asked for
    ],
)
def test_converted_at_the_document_or_at_the_day(fx, revalue, want):
    options = {"as_of": "2025-03-15", "fx": fx, "revalue": revalue, "by": "currency"}
    if fx is not None:
        options["by"] = None
    assert aged(ABROAD, **options) == {"1-30": 1_000.0, "31-60": want}


def test_revaluation_of_what_is_left_after_a_part_payment():
    payments = money(("P1", "A", "2025-01-20", 40.0, "I1"), currency="USD")
    got = left(ABROAD, payments, as_of="2025-03-15", fx=RATES, revalue=True)
    assert got == {"I1": 420.0, "I2": 1_000.0}  # 60 at 7.00
    got = left(ABROAD, payments, as_of="2025-03-15", fx=RATES)
    assert got == {"I1": 438.0, "I2": 1_000.0}  # 60 at 7.30


def test_currencies_stay_apart_and_never_pay_each_other():
    payments = money(("P1", "A", "2025-02-01", 150.0, None), currency="USD")
    got = credit.aging(ABROAD, payments, as_of="2025-03-15").set_index("currency")
    assert got["total"].to_dict() == {"CNY": 1_000.0, "USD": -50.0}
    assert got["unapplied"].to_dict() == {"CNY": 0.0, "USD": -50.0}


@pytest.mark.parametrize(
    ("amount", "paid"), [(100.0, 99.99), (0.01, 0.0), (1_234_567.89, 1_234_567.88)]
)
def test_the_last_cent_stays_in_the_report(amount, paid):
    invoices = bills(("I1", "A", "2025-01-10", "2025-01-10", amount))
    payments = money(("P1", "A", "2025-01-10", paid, "I1"))
    assert aged(invoices, payments, as_of="2025-01-10") == {"current": 0.01}


def test_amounts_written_as_text_with_two_decimals():
    invoices = bills(("I1", "A", "2025-01-10", "2025-01-10", "100.10"),
                     ("I2", "A", "2025-01-10", "2025-01-11", "0.20"))  # fmt: skip
    assert aged(invoices, as_of="2025-01-11") == {"current": 0.2, "1-30": 100.1}
