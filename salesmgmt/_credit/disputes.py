"""Disputes that a ledger carries: plain lists in its attributes, read back by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .books import Books, Documents

__all__ = ["as_lists", "disputes_told", "told_again"]

_COLUMNS = ("customer", "currency", "invoice", "date", "amount")


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


def as_lists(parts: list[pd.DataFrame]) -> dict[str, list[Any]]:
    """One list a column, of nothing but Python's own values."""
    have = [p for p in parts if len(p)]
    if not have:
        return {c: [] for c in _COLUMNS}
    table = pd.concat(have, ignore_index=True)
    return {c: [_own(v) for v in table[c].tolist()] for c in _COLUMNS}


def _own(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


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
