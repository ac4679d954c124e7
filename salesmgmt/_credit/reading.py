"""A ledger made once, read back: every other result then ties with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key
from ..errors import InputError
from .books import KINDS, Books, Documents, Options, Receipts, column_names
from .settling import Position

__all__ = ["position_from_ledger"]

_SETTLING = (*KINDS, "open", "unapplied")


def position_from_ledger(
    caller: str,
    frame: pd.DataFrame,
    payments: Any,
    adjustments: Any,
    *,
    as_of: Any,
    fx: Any,
    options: Options,
) -> Position:
    """The position that a ledger describes, at its own date or any before."""
    if payments is not None or adjustments is not None:
        raise InputError(
            f"{caller}(): a ledger already holds payments and adjustments; pass it alone."
        )
    if fx is not None:
        raise InputError(f"{caller}(): fx: convert when the ledger is made, ledger(..., fx=).")
    names = column_names(options)
    step = options.get("step", 0.01)
    position = _whole(caller, frame, names, step)
    made = position.books.as_of
    moment = made if as_of is None else door.day(as_of, name="as_of", caller=caller).as_unit("us")
    if moment > made:
        raise InputError(
            f"{caller}(): as_of {moment.date()} lies after the ledger's own {made.date()}; "
            "make the ledger at the later date."
        )
    return position if moment == made else position_at(position, moment)


def _whole(caller: str, frame: pd.DataFrame, names: dict[str, str], step: float) -> Position:
    rows = door.take(
        frame, caller=caller, arg="the ledger",
        customer=Key(names["customer"]),
        invoice=Key(names["invoice"], missing="allow"),
        payment=Key(names["payment"], missing="allow"),
        amount=Amount("amount"),
        kind=Key("kind"),
        currency=Key(names["currency"], optional=True),
        invoice_date=Date("invoice_date", missing="allow"),
        due=Date("due_date", missing="allow"),
        paid=Date("payment_date", missing="allow"),
        as_of=Date("as_of"),
    )  # fmt: skip
    units = door.units(rows["amount"], step, name="amount", caller=caller)
    kind = pd.Categorical(rows.series("kind").astype(object), categories=_SETTLING).codes
    if (kind < 0).any():
        raise InputError(f"{caller}(): the ledger's column 'kind' holds unknown values.")
    customers = rows.keys("customer")
    currencies = rows.keys("currency") if "currency" in rows else None
    currency = currencies.codes if currencies is not None else np.zeros(len(rows), np.int64)
    group = customers.codes * max(1, len(currencies) if currencies is not None else 1) + currency
    made = pd.Timestamp(rows["as_of"].max()).as_unit("us")
    today = int(made.to_datetime64().astype("datetime64[D]").astype(np.int64))
    of_document = ~np.isnat(rows["invoice_date"])
    of_receipt = ~np.isnat(rows["paid"])
    ids = rows.series("invoice").where(of_document)
    codes, _ = pd.factorize(ids, sort=False)
    first = np.flatnonzero(of_document & ~pd.Series(codes).duplicated().to_numpy())
    count = len(first)
    amount = np.zeros(count, dtype=np.int64)
    np.add.at(amount, codes[of_document], units[of_document])
    left = np.zeros(count, dtype=np.int64)
    is_open = kind == _SETTLING.index("open")
    np.add.at(left, codes[is_open], units[is_open])
    day = rows["invoice_date"][first].astype("M8[D]").astype(np.int64)
    no_due = np.isnat(rows["due"][first])
    due = np.where(no_due, day, rows["due"][first].astype("M8[D]").astype(np.int64))
    documents = Documents(
        rows=rows.frame.iloc[first],
        customer=customers.codes[first],
        currency=currency[first],
        group=group[first],
        day=day,
        due=due,
        no_due=no_due,
        units=amount,
        note=(amount < 0) | _notes(rows.frame.iloc[first], names),
        parent=np.full(count, -1, dtype=np.int64),
        security=np.zeros(count),
        burden=np.zeros(count),
    )
    matched = np.flatnonzero(of_receipt)
    lost = kind[matched] == _SETTLING.index("unapplied")
    receipts = Receipts(
        label=rows.series("payment").iloc[matched],
        customer=customers.codes[matched],
        currency=currency[matched],
        group=group[matched],
        day=rows["paid"][matched].astype("M8[D]").astype(np.int64),
        units=units[matched],
        kind=np.where(lost, 0, kind[matched]).astype(np.int8),
        named=np.full(len(matched), -1, dtype=np.int64),
        parent=np.full(len(matched), -1, dtype=np.int64),
        source=np.full(len(matched), -1, dtype=np.int64),
    )
    events = pd.DataFrame(columns=["customer", "document", "day", "amount", "currency", "kind"])
    books = Books(
        caller, step, names, made, today, customers, currencies, documents, receipts,
        receipts.cut(np.zeros(len(receipts), dtype=bool)), events, events, 0, "parent",
    )  # fmt: skip
    pair = np.flatnonzero(~lost)
    return Position(
        books,
        document=codes[matched[pair]].astype(np.int64),
        receipt=pair,
        units=units[matched[pair]],
        open=left,
        rest=np.where(lost, units[matched], 0),
        expected=np.zeros(count, dtype=np.int64),
    )


def _notes(rows: pd.DataFrame, names: dict[str, str]) -> np.ndarray:
    if names["type"] not in rows:
        return np.zeros(len(rows), dtype=bool)
    return (rows[names["type"]] == "credit_note").to_numpy(dtype=bool, na_value=False)


def position_at(position: Position, moment: pd.Timestamp) -> Position:
    """The same matches as they stood at an earlier date."""
    books = position.books
    today = int(moment.to_datetime64().astype("datetime64[D]").astype(np.int64))
    documents, receipts = books.documents, books.receipts
    counts = position.day <= today
    document, receipt, units = (
        a[counts] for a in (position.document, position.receipt, position.units)
    )
    left, rest = documents.units.copy(), receipts.units.copy()
    np.subtract.at(left, document, units)
    np.subtract.at(rest, receipt, units)
    source = receipts.source
    stems = source >= 0
    np.add.at(left, source[receipt][stems[receipt]], units[stems[receipt]])
    rest[stems] = 0  # what a note has left is open on the note itself
    issued, paid = documents.day <= today, receipts.day <= today
    new_document, new_receipt = np.cumsum(issued) - 1, np.cumsum(paid) - 1
    later = receipts.cut(paid)
    later.source = np.where(later.source >= 0, new_document[later.source], -1) \
        if len(new_document) else later.source  # fmt: skip
    return Position(
        replace(books, as_of=moment, today=today, documents=documents.cut(issued), receipts=later),
        document=new_document[document],
        receipt=new_receipt[receipt],
        units=units,
        open=left[issued],
        rest=rest[paid],
        expected=np.zeros(int(issued.sum()), dtype=np.int64),
    )
