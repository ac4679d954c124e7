"""What a ledger carries besides its rows: plain lists in its attributes, read back by name.

Disputes settle nothing; a credit note that is settled to the end, and the kind of an adjustment
that settles nothing, stand in no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from .books import KINDS, Books, Documents
from .settling import Position

__all__ = [
    "allowances_told",
    "as_lists",
    "carried",
    "carried_columns",
    "disputes_told",
    "idle_allowances",
    "notes_again",
    "notes_told",
    "standing",
    "told_again",
]

_CARRIED = ("type", "parent", "tax", "rep", "region", "security", "burden")
_COLUMNS = ("customer", "currency", "invoice", "date", "amount")


def carried(books: Books) -> dict[str, Any]:
    """Columns of the invoices that a ledger shows besides, by what it calls them in its attrs."""
    return carried_columns(books.names, books.kept, books.documents.rows)


def carried_columns(
    names: dict[str, str], kept: Iterable[Any], rows: pd.DataFrame
) -> dict[str, Any]:
    """Those that every ledger carries where there are any, and those it was told to keep."""
    others = set(names.values())  # a customer or an amount called "rep" is no rep
    always = {c: names.get(c, c) for c in _CARRIED if c in names or c not in others}
    more = {f"kept {c}": c for c in kept if c not in always.values()}
    return {told: c for told, c in (always | more).items() if c in rows}


def standing(books: Books) -> pd.DataFrame:
    """Disputes up to the books' date that were not taken back, positive as they were raised.

    Written below zero, they are raised all the same where all of them are; beside positive ones,
    they take back what was raised on their document (or, without one, by their customer).
    """
    events = books.disputes[books.disputes["day"].to_numpy(dtype=np.int64) <= books.today]
    amount = events["amount"].astype(np.float64)
    amount = amount.abs() if (amount <= 0).all() else amount
    events = events.assign(amount=amount)
    own = events.groupby(["customer", "document"])["amount"]
    gone = (own.transform("min") < 0) & (own.transform("sum").round(9) <= 0)
    return events[~gone]


def disputes_told(books: Books) -> pd.DataFrame:
    """Disputes up to the books' own date under the caller's names of everything."""
    events = books.disputes
    events = events[events["day"].to_numpy(dtype=np.int64) <= books.today]
    if not len(events):
        return pd.DataFrame(columns=list(_COLUMNS))
    code, currency, at, day = (
        events[c].to_numpy(dtype=np.int64) for c in ("customer", "currency", "document", "day")
    )
    ids = books.documents.rows[books.names["invoice"]].to_numpy(dtype=object)
    named = np.full(len(events), None, dtype=object)
    named[at >= 0] = ids[at[at >= 0]]
    kinds = None if books.currencies is None else books.currencies.labels.iloc[:, 0]
    return pd.DataFrame(
        {
            "customer": books.customers.labels.iloc[code, 0].to_numpy(dtype=object),
            "currency": None if kinds is None else kinds.iloc[currency].to_numpy(dtype=object),
            "invoice": named,
            "date": np.datetime_as_string(day.astype("datetime64[D]")).astype(object),
            "amount": events["amount"].to_numpy(dtype=np.float64),
        }
    )


def notes_told(position: Position) -> pd.DataFrame:
    """Credit notes that are settled to the end: their due date and further columns."""
    books = position.books
    documents, names = books.documents, books.names
    source = books.receipts.source
    gone = np.zeros(len(documents), dtype=bool)
    gone[source[source >= 0]] = True
    gone[position.document] = False
    at = np.flatnonzero(gone & (position.open == 0) & (documents.units != 0))
    rows = documents.rows
    due = np.datetime_as_string(documents.due[at].astype("datetime64[D]")).astype(object)
    due[documents.no_due[at]] = None
    out = {"invoice": rows[names["invoice"]].iloc[at].to_numpy(dtype=object), "due_date": due}
    for told, column in carried(books).items():
        values = rows[column].iloc[at].astype(object)
        out[told] = values.where(values.notna(), None).to_numpy(dtype=object)
    return pd.DataFrame(out)


def notes_again(
    told: dict[str, list[Any]] | None, notes: Documents, ids: pd.Series, columns: dict[str, Any]
) -> Documents:
    """Credit notes that stand in no row, with what the ledger tells of them."""
    at = pd.Index((told or {}).get("invoice", []), dtype=object).get_indexer(
        pd.Index(ids.astype(object))
    )
    known = np.flatnonzero(at >= 0)
    if told is None or not len(known):
        return notes
    due = np.array(told["due_date"], dtype="datetime64[D]")[at[known]]
    given = ~np.isnat(due)
    notes.due[known[given]] = due[given].astype(np.int64)
    notes.no_due[known] = ~given
    rows = notes.rows.copy()
    for name, column in columns.items():
        if name in told:
            values = rows[column].to_numpy(dtype=object, copy=True)
            values[known] = np.array(told[name], dtype=object)[at[known]]
            rows[column] = pd.Series(values, rows.index).astype(rows[column].dtype)
    notes.rows = rows
    return notes


def allowances_told(position: Position) -> pd.DataFrame:
    """What is left of allowances: in rows, it looks like what is left of write-offs."""
    books = position.books
    receipts = books.receipts
    at = np.flatnonzero((receipts.kind == KINDS.index("allowance")) & (position.rest != 0))
    kinds = None if books.currencies is None else books.currencies.labels.iloc[:, 0]
    return pd.DataFrame(
        {
            "customer": books.customers.labels.iloc[receipts.customer[at], 0].to_numpy(object),
            "currency": None
            if kinds is None
            else kinds.iloc[receipts.currency[at]].to_numpy(object),
            "date": np.datetime_as_string(receipts.day[at].astype("datetime64[D]")).astype(object),
            "amount": position.rest[at] * books.step,
        }
    )


def idle_allowances(
    told: dict[str, list[Any]] | None, books: Books, rows: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """Which of these receipts without an id are what is left of allowances."""
    out = np.zeros(len(rows), dtype=bool)
    if not told or not told.get("customer") or not len(rows):
        return out
    code = books.customers.index.get_indexer(pd.Index(told["customer"], dtype=object))
    kinds = np.zeros(len(code), dtype=np.int64)
    if books.currencies is not None:
        kinds = books.currencies.index.get_indexer(pd.Index(told["currency"], dtype=object))
    day = np.array(told["date"], dtype="datetime64[D]").astype(np.int64)
    left = np.rint(np.array(told["amount"], dtype=np.float64) / books.step).astype(np.int64)
    wanted = Counter(zip(code.tolist(), kinds.tolist(), day.tolist(), left.tolist(), strict=True))
    receipts = books.receipts
    mine = (receipts.customer, receipts.currency, receipts.day)
    keys = zip(*(v[rows].tolist() for v in mine), units.tolist(), strict=True)
    for n, key in enumerate(keys):
        out[n] = wanted[key] > 0
        wanted[key] -= int(out[n])
    return out


def as_lists(parts: list[pd.DataFrame]) -> dict[str, list[Any]]:
    """One list a column, of nothing but Python's own values."""
    have = [p for p in parts if len(p)]
    if not have:
        return {c: [] for c in (parts[0].columns if parts else _COLUMNS)}
    table = pd.concat(have, ignore_index=True)
    return {str(c): [_own(v) for v in table[c].tolist()] for c in table.columns}


def _own(value: Any) -> Any:
    """A value that JSON can hold, so that a Parquet file keeps it."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or pd.isna(value):  # a missing date among texts is a float to pandas
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)


def told_again(
    told: dict[str, list[Any]] | None,
    customers: pd.Index,
    currencies: pd.Index | None,
    documents: Documents,
    ids: pd.Series,
) -> pd.DataFrame:
    """Disputes of a ledger's attributes as the books hold them; customers left out stay out."""
    columns = ("customer", "document", "day", "amount", "currency", "kind")
    if not told or not told.get("customer"):
        return pd.DataFrame(columns=list(columns))
    code = customers.get_indexer(pd.Index(told["customer"]))
    known = code >= 0
    kinds = np.zeros(len(code), dtype=np.int64)
    if currencies is not None:
        kinds = currencies.get_indexer(pd.Index(told["currency"], dtype=object)).clip(0)
    at = pd.Index(ids.astype(object)).get_indexer(pd.Index(told["invoice"], dtype=object))
    at[at >= 0] = np.where(documents.customer[at[at >= 0]] == code[at >= 0], at[at >= 0], -1)
    day = np.array(told["date"], dtype="datetime64[D]").astype(np.int64)
    amount = np.array(told["amount"], dtype=np.float64)
    values = (code, at.astype(np.int64), day, amount, kinds, np.full(len(code), "dispute"))
    table = pd.DataFrame(dict(zip(columns, values, strict=True)))
    return table[known].reset_index(drop=True)
