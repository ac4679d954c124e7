"""Balances and flows between dates, by key: what every measure is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from ..engine import periods
from ..engine.matching import exact_sums
from ..errors import InputError
from .aging import keys_of, latest_invoices, with_currency
from .books import KINDS, Options
from .ledger import take_position
from .reading import position_at
from .settling import Position

__all__ = ["Flows", "day_number", "take_flows"]


def day_number(moment: pd.Timestamp) -> int:
    """Days since 1970-01-01."""
    return int(moment.to_datetime64().astype("datetime64[D]").astype(np.int64))


def take_flows(
    caller: str,
    frames: tuple[Any, Any, Any],
    *,
    as_of: Any,
    method: str,
    fx: Any,
    by: Any,
    sales_basis: str,
    options: Options,
) -> Flows:
    """The settled books, ready to be asked for balances and flows."""
    door.check_choice(sales_basis, "sales_basis", ("gross", "net"), caller=caller)
    position = take_position(caller, *frames, as_of=as_of, method=method, fx=fx, options=options)
    if sales_basis == "net" and "tax" not in position.books.documents.rows:
        raise InputError(f"{caller}(): sales_basis='net' needs a column 'tax' in invoices.")
    return Flows(position, by, sales_basis)


class Flows:
    """Sums by key over the documents and receipts of a position, in whole units.

    Money belongs to the key of the documents it has settled; what it has settled nothing with,
    to that of the customer's latest invoice. Where keys are customers and currencies, that is
    always its own.
    """

    def __init__(self, position: Position, by: str | Sequence[str] | None, basis: str) -> None:
        self.position, self.books, self.basis = position, position.books, basis
        self.keys, (self.document, self.receipt) = keys_of(position, by)
        self.step = self.books.step
        own = {self.books.names["customer"], self.books.names["currency"]}
        # One customer in several keys, or money that counts as what it has settled by a day.
        self._splits = not own.issuperset(self.keys.columns) or position.converted is not None
        self._pairs = self._splits  # whether past matches are asked for
        self._lately: dict[int, Position] = {}
        documents, receipts = self.books.documents, self.books.receipts
        self._own = receipts.source < 0  # a netted note already counts as a document
        self._sales = documents.units
        if basis == "net":
            caller, role = self.books.caller, door.Amount("tax", missing="allow")
            rows = door.take(documents.rows, caller=caller, arg="invoices", empty="allow", tax=role)
            tax = rows["tax"]
            units = door.units(np.nan_to_num(tax), self.step, name="tax", caller=self.books.caller)
            self._sales = documents.units - np.where(documents.units < 0, -np.abs(units), units)

    def refuse_keys(self, columns: Iterable[str]) -> None:
        """A key must not be named like a column of the result, which would take its place."""
        door.refuse_names(self.keys, (*columns, "as_of"), caller=self.books.caller, option="by")

    def moments(self, freq: str | None) -> list[int]:
        """The last day, or every period end from the first document on, the last day included."""
        today = self.books.today
        if freq is None:
            return [today]
        door.check_freq(freq, caller=self.books.caller, choices=("W", "M", "Q", "Y"))
        first = int(self.books.documents.day.min(initial=today))
        span = periods.period_of(np.array([first, today]), freq)
        ends = periods.period_end(np.arange(span[0], span[1] + 1), freq)
        return [int(e) for e in ends if e < today] + [today]

    def money(self, units: np.ndarray) -> np.ndarray:
        """Whole units as amounts."""
        return door.money(units, self.step)

    def _by_document(self, mask: np.ndarray, units: np.ndarray) -> np.ndarray:
        return exact_sums(self.document[mask], units[mask], len(self.keys))

    def _by_receipt(self, mask: np.ndarray, units: np.ndarray) -> np.ndarray:
        return exact_sums(self.receipt[mask], units[mask], len(self.keys))

    def balance(self, day: int) -> np.ndarray:
        """Receivables at the end of a day, money that is unapplied taken off."""
        documents, receipts = self.books.documents, self.books.receipts
        if self._splits:
            at = self.at(day)
            owed = exact_sums(self._codes_at(day), at.open, len(self.keys))
            return owed - exact_sums(self._holders(day), at.rest, len(self.keys))
        owed = self._by_document(documents.day <= day, documents.units)
        return owed - self._by_receipt(self._own & (receipts.day <= day), receipts.units)

    def current(self, day: int) -> np.ndarray:
        """What is not past due at the end of a day, money that is unapplied taken off."""
        at = self.at(day)
        keep = at.books.documents.due >= day
        count = len(self.keys)
        owed = exact_sums(self._codes_at(day)[keep], at.open[keep], count)
        return owed - exact_sums(self._holders(day), at.rest, count)

    def _codes_at(self, day: int) -> np.ndarray:
        """Key of each document of the position as it stood on a day."""
        return self.document[self.books.documents.day <= day]

    def _holders(self, day: int) -> np.ndarray:
        """Key of what is left of each receipt of the position as it stood on a day."""
        receipts = self.books.receipts
        paid = receipts.day <= day
        if not self._splits or day == self.books.today or not len(self.document):
            return self.receipt[paid]
        latest = latest_invoices(self.books, day)[receipts.customer]
        theirs = with_currency(self.books, self.keys, self.document[latest])
        return np.where((latest >= 0) & (theirs >= 0), theirs, self.receipt)[paid]

    def _held(self, day: int, kind: str) -> np.ndarray:
        """Receipts of a kind up to a day, by the key that they stand in on that day."""
        at, count = self.at(day), len(self.keys)
        mine = (at.books.receipts.kind == KINDS.index(kind)) & (at.books.receipts.source < 0)
        some = mine[at.receipt]
        used = exact_sums(self._codes_at(day)[at.document[some]], at.units[some], count)
        return used + exact_sums(self._holders(day)[mine], at.rest[mine], count)

    def at(self, day: int) -> Position:
        """The position as it stood on a day."""
        if day == self.books.today:
            return self.position
        if day not in self._lately:
            moment = pd.Timestamp(np.datetime64(day, "D")).as_unit("us")
            while len(self._lately) > 1:  # a period needs its start and its end
                self._lately.pop(next(iter(self._lately)))
            self._lately[day] = position_at(self.position, moment, pairs=self._pairs)
        return self._lately[day]

    def sales(self, after: int, until: int) -> np.ndarray:
        """Invoices less credit notes dated in ``(after, until]``."""
        documents = self.books.documents
        inside = (documents.day > after) & (documents.day <= until)
        noted = self.received(after, until, "credit_note")
        return self._by_document(inside, self._sales) - noted

    def received(self, after: int, until: int, kind: str = "payment") -> np.ndarray:
        """Receipts of a kind dated in ``(after, until]``; refunds taken off.

        Where a customer has several keys, what each key holds at the end less what it held
        before: an advance moves with what it comes to settle.
        """
        receipts = self.books.receipts
        mine = self._own & (receipts.kind == KINDS.index(kind))
        if self._splits and mine.any():
            return self._held(until, kind) - self._held(after, kind)
        inside = mine & (receipts.day > after) & (receipts.day <= until)
        return self._by_receipt(inside, receipts.units)

    def written_off(self, day: int) -> np.ndarray:
        """What write-offs had settled of each document by a day, as it was known then."""
        kind, documents = KINDS.index("write_off"), self.books.documents
        out = np.zeros(len(documents), dtype=np.int64)
        if not (self.books.receipts.kind == kind).any():
            return out
        if not self._pairs:
            self._pairs = True
            self._lately.clear()
        at, rows = self.at(day), np.flatnonzero(documents.day <= day)
        mine = at.books.receipts.kind[at.receipt] == kind
        np.add.at(out, rows[at.document[mine]], at.units[mine])
        return out

    def open_from(self, day: int, after: int, until: int) -> np.ndarray:
        """Open at ``day`` of what was invoiced in ``(after, until]``."""
        at = self.at(day)
        mine = at.books.documents.day
        inside = (mine > after) & (mine <= until)
        return exact_sums(self._codes_at(day)[inside], at.open[inside], len(self.keys))

    def frame(self, columns: dict[str, Any], day: int) -> pd.DataFrame:
        """Keys, the given columns and ``as_of``."""
        self.refuse_keys(columns)
        out = self.keys.reset_index(drop=True).copy()
        for name, values in columns.items():
            out[name] = values
        out["as_of"] = np.datetime64(day, "D").astype("datetime64[us]")
        return out
