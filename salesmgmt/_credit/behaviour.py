"""How each customer has paid: facts by document and by customer, at a date."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .books import KINDS
from .settling import Position

__all__ = ["by_customer", "documents_table"]

YEAR = 365


def documents_table(position: Position) -> pd.DataFrame:
    """One row an invoice: what was paid how late, in how many parts, what is open.

    ``in_time``: what was paid up to the due date.
    ``late``: days past due, weighted by what was paid or is open past due (early is 0).
    ``lateness_known``: whether anything was paid or fell due.
    """
    books = position.books
    documents, receipts = books.documents, books.receipts
    n, today = len(documents), books.today
    paid_by = receipts.kind[position.receipt]
    counts = (position.units > 0) & (paid_by == KINDS.index("payment"))
    at, day = position.document[counts], position.day[counts]
    units = position.units[counts].astype(np.float64)
    late = (day - documents.due[at]).clip(0)
    paid = np.bincount(at, units, n)
    in_time = np.bincount(at, units * (late == 0), n)
    weighted = np.bincount(at, units * late, n).astype(np.float64)
    overdue = np.where(documents.due < today, position.open.clip(0), 0).astype(np.float64)
    weighted += overdue * (today - documents.due).clip(0)
    weight = paid + overdue
    last = np.full(n, -(2**40))
    np.maximum.at(last, at, day)
    lost = position.units * (paid_by == KINDS.index("write_off"))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(weight > 0, weighted / np.where(weight > 0, weight, 1), np.nan)
    table = pd.DataFrame(
        {
            "customer": documents.customer,
            "day": documents.day,
            "due": documents.due,
            "units": documents.units,
            "open": position.open,
            "overdue": overdue,
            "paid": paid,
            "in_time": in_time,
            "parts": np.bincount(at, minlength=n),
            "last_paid": last,
            "late": mean,
            "weight": weight,
            "written_off": np.bincount(position.document, lost, n),
        }
    )
    return table[(documents.units > 0)]


def _sales_of_the_year(position: Position) -> np.ndarray:
    """Units invoiced less credit notes in the year up to the position, by customer."""
    books = position.books
    recent = books.documents.day > books.today - YEAR
    out = np.zeros(len(books.customers), dtype=np.int64)
    np.add.at(out, books.documents.customer[recent], books.documents.units[recent])
    return out.clip(0)


def by_customer(position: Position) -> pd.DataFrame:
    """One row a customer with any document or receipt, indexed by customer code."""
    books = position.books
    today = books.today
    rows = documents_table(position)
    year = rows[rows["due"] > today - YEAR]
    groups, recent = rows.groupby("customer"), year.groupby("customer")
    balance = np.zeros(len(books.customers), dtype=np.int64)
    np.add.at(balance, books.documents.customer, position.open)
    np.subtract.at(balance, books.receipts.customer, position.rest)
    out = pd.DataFrame({"balance": balance})
    out["invoices"] = groups.size()
    out["first"] = groups["day"].min()
    out["last"] = groups["day"].max()
    out["overdue"] = groups["overdue"].sum()
    out["sales_year"] = _sales_of_the_year(position)
    paid = recent["paid"].sum()
    weight = recent["weight"].sum()
    lateness = (year["late"].fillna(0) * year["weight"]).groupby(year["customer"]).sum()
    out["days_late"] = (lateness / weight.where(weight > 0)).astype(float)
    on_time = recent["in_time"].sum()
    out["on_time"] = (on_time / weight.where(weight > 0)).astype(float)
    out["paid"] = paid
    open_rows = rows[rows["open"] > 0]
    out["max_past_due"] = (today - open_rows["due"]).groupby(open_rows["customer"]).max()
    out["written_off"] = groups["written_off"].sum()
    months = rows[rows["day"] > today - YEAR]
    month = months["day"].to_numpy().astype("datetime64[D]").astype("datetime64[M]").astype(int)
    out["active_months"] = months.assign(m=month).groupby("customer")["m"].nunique()
    fill = ["invoices", "overdue", "paid", "written_off", "active_months"]
    out[fill] = out[fill].fillna(0)
    out["max_past_due"] = out["max_past_due"].fillna(0).clip(lower=0)
    return out
