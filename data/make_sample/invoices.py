"""invoices.csv: one invoice an order of a customer on credit, and credit notes for returns."""

from functools import cache

import _company as co
import numpy as np
import orders
import pandas as pd
import transactions


@cache
def make() -> pd.DataFrame:
    """Invoices in the customer's currency, tax inside; ``amount - tax`` is the order's value."""
    people = co.customers().set_index("customer_id")
    on_credit = people.index[people["credit"]]
    sold = transactions.make()
    sold = sold[sold["customer_id"].isin(on_credit)]
    bills = _bills(sold[sold["quantity"] > 0])
    notes = _notes(sold[sold["quantity"] < 0], bills)
    out = pd.concat([bills, notes], ignore_index=True)
    out = out.sort_values(["invoice_date", "type", "order_id", "net"], ascending=[1, 0, 1, 1])
    out = out.reset_index(drop=True)
    out["invoice_id"] = [f"I{i + 1:05d}" for i in range(len(out))]
    number = out[out["type"] == "invoice"].set_index("order_id")["invoice_id"]
    note = out["type"] == "credit_note"
    out["parent"] = np.where(note, out["order_id"].map(number), "")
    out = _in_currency(out, people)
    columns = ["invoice_id", "customer_id", "order_id", "invoice_date", "due_date", "amount", "tax"]
    return out[[*columns, "currency", "type", "parent", "rep", "region"]]


def _bills(sold: pd.DataFrame) -> pd.DataFrame:
    keys = ["order_id", "customer_id", "region", "rep"]
    out = sold.groupby(keys, as_index=False).agg(net=("amount", "sum"))
    sent = orders.make().set_index("order_id")["delivered_date"]
    out["invoice_date"] = out["order_id"].map(sent)
    return out[out["invoice_date"] != co.NONE].assign(type="invoice")


def _notes(back: pd.DataFrame, bills: pd.DataFrame) -> pd.DataFrame:
    """Credit notes: never before the invoice that they are for."""
    sent = bills.set_index("order_id")["invoice_date"]
    keys = ["order_id", "customer_id", "region", "rep", "date"]
    out = back.groupby(keys, as_index=False).agg(net=("amount", "sum"))
    out = out[out["order_id"].isin(sent.index)]
    day = np.maximum(out.pop("date"), out["order_id"].map(sent) + 2)
    out = out.assign(invoice_date=day, type="credit_note")
    return out[out["invoice_date"] < co.N_DAYS]


def _in_currency(out: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    terms = out["customer_id"].map(people["payment_days"])
    currency = out["customer_id"].map(people["currency"])
    rate = pd.Series(co.YEAR[out["invoice_date"]], index=out.index).map(co.FX)
    net = np.where(currency == "USD", np.rint(out["net"] / rate), out["net"]).astype(int)
    taxed = out["region"] != "International"
    tax = np.where(taxed, np.rint(net * co.VAT / 100), 0).astype(int)
    due = np.where(out["type"] == "invoice", out["invoice_date"] + terms, out["invoice_date"])
    return out.assign(currency=currency, amount=net + tax, tax=tax, due_date=due)


if __name__ == "__main__":
    co.run("invoices", make)
