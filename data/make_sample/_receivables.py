"""How invoices are settled: the common source of payments and adjustments."""

from __future__ import annotations

from functools import cache

import _company as co
import invoices
import numpy as np
import pandas as pd

LATEST = 84  # days past due
WRITE_OFF_AFTER = 200  # days after a defaulter has stopped paying


@cache
def settled() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Payments and adjustments that belong together."""
    r = co.rng("payments")
    people = co.customers().set_index("customer_id")
    bills = invoices.make()
    credit = bills[bills["type"] == "credit_note"].groupby("parent")["amount"].sum()
    paid: list[dict] = []
    other: list[dict] = []
    for bill in bills[bills["type"] == "invoice"].itertuples():
        owed = bill.amount + int(credit.get(bill.invoice_id, 0))
        if owed > 0:
            _settle(bill, owed, people.loc[bill.customer_id], r, paid, other)
    payments = pd.DataFrame(paid)
    payments = payments[payments["date"] < co.N_DAYS]
    adjustments = pd.DataFrame(other)
    adjustments = adjustments[adjustments["date"] < co.N_DAYS]
    payments = payments.sort_values(["date", "customer_id", "bill", "amount"], ignore_index=True)
    payments["payment_id"] = [f"P{i + 1:05d}" for i in range(len(payments))]
    adjustments = pd.concat([adjustments, _write_offs(bills, credit, payments, adjustments, r)])
    keys = ["date", "customer_id", "invoice_id", "kind"]
    return payments, adjustments.sort_values(keys, ignore_index=True)


def _settle(bill, owed: int, customer, r, paid: list[dict], other: list[dict]) -> None:
    """Payments (and a dispute or an allowance now and then) of one invoice."""
    u = r.random(8)
    noise = int(np.rint(r.normal(0, 5)))
    trouble = _trouble(customer, bill.due_date)
    delay = int(customer["habit"] + noise + trouble * 70)
    if u[0] < 0.02 and trouble == 0:  # in dispute: paid long after, sometimes with an allowance
        delay += int(25 + 35 * u[1])
        other.append(_row(bill, bill.invoice_date + 5 + int(15 * u[2]), owed, "dispute"))
        if u[3] < 0.4:
            off = owed * int(2 + 6 * u[4]) // 100
            other.append(_row(bill, bill.due_date + 20, off, "allowance"))
            owed -= off
    elif trouble > 0.4 and u[0] < 0.25:
        other.append(_row(bill, bill.invoice_date + 8 + int(15 * u[2]), owed, "dispute"))
    when = _next_working(max(bill.due_date + delay, bill.invoice_date + 1))
    named = bill.invoice_id if u[5] > 0.05 else ""
    if u[6] < 0.012:  # paid in advance, before there was an invoice to name
        when, named = _next_working(max(bill.invoice_date - int(8 + 15 * u[1]), 0)), ""
    parts = 0.10 + 0.55 * trouble
    if u[7] < parts:
        first = owed * int(30 + 40 * u[2]) // 100
        later = _next_working(when + 15 + int(20 * u[3] + 40 * trouble))
        amounts = [(when, first), (later, owed - first)]
    else:
        over = 10_000 if u[4] < 0.004 else 0  # a round sum too much: stays unapplied
        amounts = [(when, owed + over)]
    if trouble == 0:  # nobody in good health is ever 90 days late
        amounts = [(min(date, bill.due_date + LATEST), amount) for date, amount in amounts]
    stop = customer["default_day"]
    if stop != co.NONE and stop - bill.due_date <= 100:  # the last bills: a part, then nothing
        part = owed * int(30 + 40 * u[2]) // 100
        amounts = [(when, part)] if stop - bill.due_date > 50 else []
    for date, amount in amounts:
        if stop == co.NONE or date < stop:
            paid.append(
                {**_row(bill, date, amount, ""), "invoice_id": named, "bill": bill.invoice_id}
            )


def _trouble(customer, due: int) -> float:
    """0 in good times; grows to 1 in the half year before a customer stops paying."""
    if customer["default_day"] != co.NONE:
        return float(np.clip((due - customer["default_day"] + co.SIGNS_FROM) / co.SIGNS_FROM, 0, 1))
    if customer["scare_day"] != co.NONE:
        away = abs(due - customer["scare_day"])
        return float(np.clip(0.55 - away / 140, 0, 0.35))
    return 0.0


def _row(bill, date: int, amount: int, kind: str) -> dict:
    return {
        "customer_id": bill.customer_id,
        "date": date,
        "amount": amount,
        "kind": kind,
        "invoice_id": bill.invoice_id,
        "currency": bill.currency,
    }


def _next_working(when: int) -> int:
    while when < co.N_DAYS and not co.working()[when]:
        when += 1
    return when


def _write_offs(bills, credit, payments, adjustments, r) -> pd.DataFrame:
    """What defaulters still owe is written off in the end; now and then some comes back."""
    people = co.customers().set_index("customer_id")
    paid = payments.groupby("bill")["amount"].sum()
    let = adjustments[adjustments["kind"] == "allowance"].groupby("invoice_id")["amount"].sum()
    out = []
    for bill in bills[bills["type"] == "invoice"].itertuples():
        stop = people.at[bill.customer_id, "default_day"]
        rest = bill.amount + int(credit.get(bill.invoice_id, 0))
        rest -= int(paid.get(bill.invoice_id, 0)) + int(let.get(bill.invoice_id, 0))
        date = stop + WRITE_OFF_AFTER
        if stop == co.NONE or rest <= 0 or date >= co.N_DAYS:
            continue
        out.append(_row(bill, date, rest, "write_off"))
        u = r.random(2)
        if u[0] < 0.3 and date + 120 < co.N_DAYS:
            back = rest * int(10 + 25 * u[1]) // 100
            out.append(_row(bill, date + 60 + int(60 * u[1]), back, "recovery"))
    return pd.DataFrame(out)
