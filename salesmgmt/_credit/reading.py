"""A ledger made once, read back: every other result then ties with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key
from ..errors import InputError
from .books import (
    KINDS,
    Books,
    Documents,
    Options,
    Receipts,
    books_at,
    plans_of,
)
from .currency import convert
from .disputes import carried_columns, idle_allowances, notes_again, told_again
from .ledger import NAMED
from .settling import METHODS, Position, settled_at, stands
from .tables import names_in, rows_at

__all__ = ["position_at", "position_from_ledger"]

_SETTLING = (*KINDS, "open", "unapplied")
_OPEN, _UNAPPLIED = len(KINDS), len(KINDS) + 1
_NOTE, _WRITE_OFF, _ALLOWANCE = (KINDS.index(k) for k in ("credit_note", "write_off", "allowance"))


def position_from_ledger(
    caller: str,
    frame: pd.DataFrame,
    payments: Any,
    adjustments: Any,
    *,
    as_of: Any,
    fx: Any,
    options: Options,
    pairs: bool = True,
    future: bool = False,
) -> Position:
    """The position that a ledger describes, at its own date or any before."""
    if isinstance(payments, str):  # a customer, as check_order takes one
        way = "; the customer goes into of=" if caller == "statement" else ""
        raise InputError(f"{caller}(): payments must be a frame, got {payments!r}{way}.")
    if payments is not None or adjustments is not None:
        raise InputError(
            f"{caller}(): a ledger already holds payments and adjustments; pass it alone."
        )
    if fx is not None:
        raise InputError(f"{caller}(): fx: convert when the ledger is made, ledger(..., fx=).")
    lines = _Lines(caller, frame, names_in(frame, options), options.get("step", 0.01))
    position = lines.position()
    made = position.books.as_of
    moment = made if as_of is None else door.resolve_as_of(as_of, caller=caller).as_unit("us")
    if moment > made:
        raise InputError(
            f"{caller}(): as_of {moment.date()} lies after the ledger's own {made.date()}; "
            "make the ledger at the later date."
        )
    again = bool(position.method) and (future or lines.names_any() or not stands(position))
    if again or future or lines.names_any():
        position = lines.whole_receipts(position)
    if moment == made:
        return position
    if again:
        return settled_at(position, moment, pairs=pairs, future=future)
    return position_at(position, moment)


class _Lines:
    """The rows of a ledger, and what they say of documents and receipts."""

    def __init__(self, caller: str, frame: pd.DataFrame, names: dict[str, str], step: float):
        # What a ledger tells of itself is read once: pandas copies it deep at every step otherwise.
        self.facts = frame.attrs
        frame = frame.copy(deep=False)
        frame.attrs = {}
        rows = door.take(
            frame, caller=caller, arg="the ledger",
            customer=Key(names["customer"]),
            invoice=Key(names["invoice"], missing="allow"),
            payment=Key(names["payment"], missing="allow"),
            amount=Amount("amount", option=""),
            kind=Key("kind", option=""),
            currency=Key(names["currency"], optional=True),
            invoice_date=Date("invoice_date", missing="allow", option=""),
            due=Date("due_date", missing="allow", option=""),
            paid=Date("payment_date", missing="allow", option=""),
            as_of=Date("as_of", option=""),
            parent=Key(names["parent"], optional=True, missing="allow"),
            named=Key(NAMED, optional=True, missing="allow"),
            security=Amount(names["security"], optional=True, missing="allow"),
            burden=Amount(names["burden"], optional=True, missing="allow"),
        )  # fmt: skip
        self.caller, self.names, self.step, self.rows = caller, names, step, rows
        self.units = door.units(rows["amount"], step, name="amount", caller=caller)
        self.kind = pd.Categorical(rows.series("kind").astype(object), categories=_SETTLING).codes
        if (self.kind < 0).any():
            raise InputError(f"{caller}(): the ledger's column 'kind' holds unknown values.")
        self.customers = rows.keys("customer")
        self.currencies = rows.keys("currency") if "currency" in rows else None
        width = 1
        self.currency = np.zeros(len(rows), dtype=np.int64)
        if self.currencies is not None:
            width, self.currency = max(1, len(self.currencies)), self.currencies.codes
        self.group = self.customers.codes * width + self.currency
        of_document = ~np.isnat(rows["invoice_date"])
        nameless = of_document & rows.series("invoice").isna().to_numpy()
        if nameless.any():
            raise InputError(
                f"{caller}(): the ledger's column {names['invoice']!r} is missing in "
                f"{int(nameless.sum())} row(s) that have an invoice date."
            )
        self.document, _ = pd.factorize(rows.series("invoice").where(of_document), sort=False)
        again = pd.Series(self.document).duplicated().to_numpy()
        self.first = np.flatnonzero(of_document & ~again)
        self.matched = np.flatnonzero(~np.isnat(rows["paid"]))

    def position(self) -> Position:
        """The matches as they are; each row of a receipt stands for a receipt."""
        at = self.matched
        lost = self.kind[at] == _UNAPPLIED
        none = np.full(len(at), -1, dtype=np.int64)
        receipts = Receipts(
            label=self.rows.series("payment").iloc[at],
            customer=self.customers.codes[at],
            currency=self.currency[at],
            group=self.group[at],
            day=self.rows["paid"][at].astype("M8[D]").astype(np.int64),
            units=self.units[at],
            kind=np.where(lost, 0, self.kind[at]).astype(np.int8),
            named=none,
            parent=none,
            source=none,
        )
        documents, pair = self._documents(), np.flatnonzero(~lost)
        books = self._books(documents, receipts)
        receipts.kind = self._kinds(books)
        return Position(
            books,
            document=self.document[at[pair]].astype(np.int64),
            receipt=pair,
            units=self.units[at[pair]],
            open=self._sums(self.document, self.kind == _OPEN, len(documents)),
            rest=np.where(lost, self.units[at], 0),
            expected=np.zeros(len(documents), dtype=np.int64),
            method=self._method(),
        )

    def _sums(self, codes: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
        out = np.zeros(count, dtype=np.int64)
        np.add.at(out, codes[rows], self.units[rows])
        return out

    def _method(self) -> str:
        """The method that the ledger was made by, where it can be applied again."""
        method = self.facts.get("method", "")
        return str(method) if method in METHODS and not self.facts.get("converted", True) else ""

    def _documents(self) -> Documents:
        rows, first, count = self.rows, self.first, len(self.first)
        amount = self._sums(self.document, self.document >= 0, count)
        day = rows["invoice_date"][first].astype("M8[D]").astype(np.int64)
        no_due = np.isnat(rows["due"][first])
        due = np.where(no_due, day, rows["due"][first].astype("M8[D]").astype(np.int64))
        note = _notes(rows.frame.iloc[first], self.names)
        return Documents(
            rows=rows.frame.iloc[first], customer=self.customers.codes[first],
            currency=self.currency[first], group=self.group[first], day=day, due=due,
            no_due=no_due, units=amount, note=(amount < 0) | note,
            parent=np.full(count, -1, dtype=np.int64),
            security=self._extra("security"), burden=self._extra("burden"),
        )  # fmt: skip

    def _extra(self, option: str) -> np.ndarray:
        if option not in self.rows:
            return np.zeros(len(self.first))
        return np.nan_to_num(self.rows[option][self.first])

    def _books(self, documents: Documents, receipts: Receipts) -> Books:
        made = pd.Timestamp(self.rows["as_of"].max()).as_unit("us")
        today = int(made.to_datetime64().astype("datetime64[D]").astype(np.int64))
        events = told_again(
            self.facts.get("disputes"), self.customers.index,
            None if self.currencies is None else self.currencies.index,
            documents, documents.rows[self.names["invoice"]],
        )  # fmt: skip
        return Books(
            self.caller, self.step, self.names, made, today, self.customers, self.currencies,
            documents, receipts, receipts.cut(np.zeros(len(receipts), dtype=bool)), events,
            events.iloc[:0], 0, str(self.facts.get("credit_notes", "parent")),
            kept=tuple(self.facts.get("kept", ())),
        )  # fmt: skip

    # ----------------------------------------------------------------------------------
    # Receipts in one piece, so that they can be settled again

    def whole_receipts(self, position: Position) -> Position:
        """The same position with one receipt for all rows of it, and what each of them names."""
        books, kind = position.books, position.books.receipts.kind
        named = self._names()
        of = self._same_receipt(books.receipts, kind, named)
        first = np.full(int(of.max(initial=-1)) + 1, len(of), dtype=np.int64)
        np.minimum.at(first, of, np.arange(len(of)))
        count = len(first)
        units, rest = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        np.add.at(units, of, books.receipts.units)
        np.add.at(rest, of, position.rest)
        receipts = replace(books.receipts.cut(first), units=units, kind=kind[first])
        plans = plans_of(rows_at(self.rows, self.first), books.documents, int(self.group.max()) + 1)
        names = np.full(count, None, dtype=object) if named is None else named[first]
        documents, receipts = self._with_notes(books.documents, receipts, first)
        if books.notes != "own":
            free = books.notes == "net"
            receipts, names = self._with_idle_notes(documents, receipts, names, free)
        books = replace(books, documents=documents, receipts=receipts)
        _find_names(books, names, plans)
        return replace(
            position, books=books, receipt=of[position.receipt],
            open=_longer(position.open, len(documents)), rest=_longer(rest, len(receipts)),
            expected=np.zeros(len(documents), dtype=np.int64),
        )  # fmt: skip

    def names_any(self) -> bool:
        """Whether any receipt is for a document of its own."""
        told = "named" in self.rows and bool(self.rows.series("named").notna().any())
        return told or bool((self.kind == _NOTE).any())

    def _kinds(self, books: Books) -> np.ndarray:
        """Kinds with those of unapplied adjustments, which have no id, told from payments."""
        receipts = books.receipts
        lost = self.kind[self.matched] == _UNAPPLIED
        nameless = receipts.label.isna().to_numpy()
        out = receipts.kind.copy()
        idle = np.flatnonzero(lost & nameless)
        out[idle] = _WRITE_OFF
        told = self.facts.get("allowances")
        out[idle[idle_allowances(told, books, idle, receipts.units[idle])]] = _ALLOWANCE
        return out

    def _names(self) -> np.ndarray | None:
        """What the receipt of each of its rows names; None where none names anything."""
        if "named" not in self.rows:
            return None
        return self.rows.series("named").iloc[self.matched].to_numpy(dtype=object)

    def _same_receipt(
        self, receipts: Receipts, kind: np.ndarray, named: np.ndarray | None
    ) -> np.ndarray:
        """A code for each receipt: an id (and what it names); else a day, kind and name."""
        label, _ = pd.factorize(receipts.label)
        names = np.zeros(len(label), dtype=np.int64)
        if named is not None:
            names = pd.factorize(pd.Series(named, dtype=object))[0]
        day = np.where(label < 0, receipts.day, 0)
        out = np.zeros(len(label), dtype=np.int64)
        for key in (label, names, kind.astype(np.int64), receipts.group, day):
            values, code = np.unique(key, return_inverse=True)
            _, out = np.unique(out * len(values) + code.reshape(-1), return_inverse=True)
            out = out.reshape(-1)
        return out

    def _with_notes(
        self, documents: Documents, receipts: Receipts, first: np.ndarray
    ) -> tuple[Documents, Receipts]:
        """Credit notes as documents of their whole amount, from which their receipts stem."""
        notes = np.flatnonzero(receipts.kind == _NOTE)
        if not len(notes):
            return documents, receipts
        name = self.names["invoice"]
        label = receipts.label.iloc[notes].to_numpy(dtype=object)
        at = pd.Index(documents.rows[name].astype(object)).get_indexer(pd.Index(label))
        new = np.flatnonzero(at < 0)  # settled to the end: no row of its own
        at[new] = len(documents) + np.arange(len(new))
        fresh = notes[new]
        rows = self.rows.frame.iloc[self.matched[first[fresh]]]
        own = pd.Series(receipts.label.iloc[fresh].to_list(), rows.index, rows[name].dtype)
        rows = rows.assign(**{name: own})
        count, nought = len(fresh), np.zeros(len(fresh))
        day = receipts.day[fresh]
        more = Documents(
            rows, receipts.customer[fresh], receipts.currency[fresh], receipts.group[fresh], day,
            day.copy(), np.zeros(count, dtype=bool), np.zeros(count, dtype=np.int64),
            np.ones(count, dtype=bool), np.full(count, -1, dtype=np.int64), nought, nought,
        )  # fmt: skip
        told = carried_columns(self.names, self.facts.get("kept", ()), rows)
        documents = documents.joined(notes_again(self.facts.get("notes"), more, own, told))
        np.subtract.at(documents.units, at, receipts.units[notes])
        receipts.units[notes] = -documents.units[at]
        source = np.full(len(receipts), -1, dtype=np.int64)
        source[notes] = at
        return documents, replace(receipts, source=source)

    def _with_idle_notes(
        self, documents: Documents, receipts: Receipts, names: np.ndarray, free: bool
    ) -> tuple[Receipts, np.ndarray]:
        """Credit notes that settle nothing at the end, but may have settled before.

        Not ``free``: only those that name an invoice.
        """
        used = np.zeros(len(documents), dtype=bool)
        used[receipts.source[receipts.source >= 0]] = True
        parent = self.names["parent"]
        if not free:
            used |= documents.rows[parent].isna().to_numpy() if parent in documents.rows else True
        at = np.flatnonzero(documents.note & ~used)
        if not len(at):
            return receipts, names
        none = np.full(len(at), -1, dtype=np.int64)
        rows = documents.rows.iloc[at]
        more = Receipts(
            rows[self.names["invoice"]], documents.customer[at], documents.currency[at],
            documents.group[at], documents.day[at], -documents.units[at],
            np.full(len(at), _NOTE, dtype=np.int8), none, none, at,
        )  # fmt: skip
        own = rows[parent].to_numpy(dtype=object) if parent in rows else np.full(len(at), None)
        return receipts.joined(more), np.concatenate([names, own])


def _longer(values: np.ndarray, length: int) -> np.ndarray:
    """Whole numbers with noughts behind them."""
    return np.concatenate([values, np.zeros(length - len(values), dtype=np.int64)])


def _find_names(books: Books, named: np.ndarray, plans: Any) -> None:
    """Positions of what receipts name; what is in no row is not issued yet."""
    documents, receipts = books.documents, books.receipts
    given = pd.notna(named)
    ids = pd.Index(documents.rows[books.names["invoice"]].astype(object))
    at = np.full(len(named), -1, dtype=np.int64)
    at[given] = np.where((found := ids.get_indexer(pd.Index(named[given]))) < 0, -3, found)
    parent = np.full(len(named), -1, dtype=np.int64)
    rest = np.flatnonzero(at == -3)
    if plans is not None and len(rest):
        parent[rest], _ = plans.find(pd.Series(named[rest]), receipts.group[rest])
        at[rest[parent[rest] >= 0]] = -2
    at[(at == -3) & (receipts.source >= 0)] = -1  # a note whose invoice is unknown is for none
    receipts.named, receipts.parent = at, parent
    if (at == -3).any():
        books.awaited = named
        books.awaited[at != -3] = None


def _notes(rows: pd.DataFrame, names: dict[str, str]) -> np.ndarray:
    if names["type"] not in rows:
        return np.zeros(len(rows), dtype=bool)
    return (rows[names["type"]] == "credit_note").to_numpy(dtype=bool, na_value=False)


def position_at(position: Position, moment: pd.Timestamp, *, pairs: bool = False) -> Position:
    """The position at an earlier date, by what had been booked by then.

    Where later bookings cannot have touched them, the matches up to the date are taken as they
    are; so they are where nothing else is known of them (a converted ledger). Converted frames
    go back to their own currencies. Without ``pairs`` the matches may be left out.
    """
    if position.converted is not None:
        own, fx, revalue = position.converted
        return convert(position_at(own, moment, pairs=True), fx, revalue=revalue)
    if not stands(position):
        return settled_at(position, moment, pairs=pairs)
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
    return Position(
        books_at(books, moment),
        document=new_document[document],
        receipt=new_receipt[receipt],
        units=units,
        open=left[issued],
        rest=rest[paid],
        expected=np.zeros(int(issued.sum()), dtype=np.int64),
    )
