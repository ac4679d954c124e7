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
from .aging import keys_of
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
    """Sums by key over the documents and receipts of a position, in whole units."""

    def __init__(self, position: Position, by: str | Sequence[str] | None, basis: str) -> None:
        self.position, self.books, self.basis = position, position.books, basis
        self.keys, (self.document, self.receipt) = keys_of(position, by)
        self.step = self.books.step
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
        owed = self._by_document(documents.day <= day, documents.units)
        return owed - self._by_receipt(self._own & (receipts.day <= day), receipts.units)

    def current(self, day: int) -> np.ndarray:
        """What is not past due at the end of a day, money that is unapplied taken off."""
        at = self.at(day)
        issued = self.books.documents.day <= day
        paid = self.books.receipts.day <= day
        keep = at.books.documents.due >= day
        count = len(self.keys)
        owed = exact_sums(self.document[issued][keep], at.open[keep], count)
        return owed - exact_sums(self.receipt[paid], at.rest, count)

    def at(self, day: int) -> Position:
        """The position as it stood on a day."""
        if day == self.books.today:
            return self.position
        if day not in self._lately:
            moment = pd.Timestamp(np.datetime64(day, "D")).as_unit("us")
            while len(self._lately) > 1:  # a period needs its start and its end
                self._lately.pop(next(iter(self._lately)))
            self._lately[day] = position_at(self.position, moment)
        return self._lately[day]

    def sales(self, after: int, until: int) -> np.ndarray:
        """Invoices less credit notes dated in ``(after, until]``."""
        documents, receipts = self.books.documents, self.books.receipts
        inside = (documents.day > after) & (documents.day <= until)
        noted = self._own & (receipts.kind == KINDS.index("credit_note"))
        noted &= (receipts.day > after) & (receipts.day <= until)
        return self._by_document(inside, self._sales) - self._by_receipt(noted, receipts.units)

    def received(self, after: int, until: int, kind: str = "payment") -> np.ndarray:
        """Receipts of a kind dated in ``(after, until]``; refunds taken off."""
        receipts = self.books.receipts
        inside = (receipts.kind == KINDS.index(kind)) & (receipts.day > after)
        return self._by_receipt(inside & (receipts.day <= until), receipts.units)

    def open_from(self, day: int, after: int, until: int) -> np.ndarray:
        """Open at ``day`` of what was invoiced in ``(after, until]``."""
        at = self.at(day)
        mine = at.books.documents.day
        inside = (mine > after) & (mine <= until)
        code = self.document[self.books.documents.day <= day]
        return exact_sums(code[inside], at.open[inside], len(self.keys))

    def frame(self, columns: dict[str, Any], day: int) -> pd.DataFrame:
        """Keys, the given columns and ``as_of``."""
        self.refuse_keys(columns)
        out = self.keys.reset_index(drop=True).copy()
        for name, values in columns.items():
            out[name] = values
        out["as_of"] = np.datetime64(day, "D").astype("datetime64[us]")
        return out
