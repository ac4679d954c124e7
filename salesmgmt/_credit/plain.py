"""Plain books: nothing but invoices and receipts that name none, first in first out.

Money of a customer then goes to the oldest debts whoever sent it when, so balances need but one
sum a customer, and the pair ledger one merge. Same numbers as the long way, in a fraction of
time and memory; whatever is not plain (names, credit notes, refunds, currencies, adjustments,
documents without due date or amount) takes the long way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Keys
from .._keys import spread_together
from ..engine import matching
from .books import Books, Documents, Receipts, constant, whole_units
from .disputes import carried
from .settling import METHODS
from .tables import Tables, say_other_spellings

__all__ = ["QUEUES", "PlainBooks", "Queue", "plain_books"]

QUEUES = ("fifo", "specific_then_fifo", "specific_then_oldest_due")
_LARGEST_SUM = 2.0**60
assert set(QUEUES) <= set(METHODS)


@dataclass
class PlainBooks:
    """The books uncut, with the rows (positions, None: all) that count at ``as_of``."""

    books: Books
    rows: tuple[np.ndarray | None, np.ndarray | None]
    oldest_due: bool

    @property
    def groups(self) -> int:
        """Places for customers, of which some may have no row."""
        return len(self.books.customers.labels)

    def debits(self) -> Queue:
        """The documents that count, by customer and oldest first."""
        documents, rows = self.books.documents, self.rows[0]
        ids = documents.rows[self.books.names["invoice"]]
        ties = None if ids.is_monotonic_increasing else (lambda at: _ranks(ids.iloc[at]))
        keys = [documents.customer, documents.day]
        if self.oldest_due:
            keys.insert(1, documents.due)
        return _sorted(keys, rows, ties)

    def credits(self) -> Queue:
        """The receipts that count, by customer and oldest first."""
        receipts, rows = self.books.receipts, self.rows[1]

        def rank(at: np.ndarray) -> np.ndarray:  # one id may stand in several rows
            out = np.empty(len(at), dtype=np.int64)
            ids = _ranks(receipts.label.iloc[at])
            out[np.lexsort((receipts.units[at], ids))] = np.arange(len(at))
            return out

        ties = None if receipts.label.is_monotonic_increasing else rank
        return _sorted([receipts.customer, receipts.day], rows, ties)

    def carried(self) -> list[str]:
        """Columns of the invoices that a ledger shows besides."""
        return list(carried(self.books).values())

    def queued(self, debits: Queue, credits: Queue) -> Books:
        """The books with nothing but these rows in this order: then lines read side by side."""
        books = self.books
        rows = books.documents.rows[[books.names["invoice"], *self.carried()]]
        return replace(
            books,
            documents=_in_turn(replace(books.documents, rows=rows), debits),
            receipts=_in_turn(books.receipts, credits),
        )

    def received(self) -> tuple[np.ndarray, np.ndarray]:
        """Money received by customer in whole units; which customers have a receipt."""
        receipts = self.books.receipts
        payer, units = receipts.customer, receipts.units
        if self.rows[1] is not None:
            units = np.where(receipts.day <= self.books.today, units, 0)
        sums = matching.exact_sums(payer, units, self.groups)
        there = sums > 0
        if len(units) and not units.min():  # receipts of nothing are receipts
            none = receipts.units == 0
            there[payer[none & (receipts.day <= self.books.today)]] = True
        return sums, there


@dataclass
class Queue:
    """Positions of rows by customer and in queue order, with their customers and days."""

    at: np.ndarray
    customer: np.ndarray
    day: np.ndarray | None  # None: not a key of the order

    def __len__(self) -> int:
        return len(self.at)


T = TypeVar("T", Documents, Receipts)


def _in_turn(table: T, queue: Queue) -> T:
    """Rows of a queue; what the queue knows of them is not looked up again."""
    nought = constant(len(table), np.int64(0))
    known: dict[str, Any] = {"customer": queue.customer, "group": queue.customer}
    if queue.day is not None:
        known["day"] = queue.day
    return replace(replace(table, **dict.fromkeys(known, nought)).cut(queue.at), **known)


def plain_books(tables: Tables, *, as_of: Any, method: str) -> PlainBooks | None:
    """The books if they are plain; None if they have to take the long way."""
    door.check_choice(method, "method", METHODS, caller=tables.caller)
    bills, money, changes = tables.rows
    strange = any(k in bills for k in ("currency", "type", "parent")) or "currency" in money
    if method not in QUEUES or strange or len(changes) or not len(bills):
        return None
    if any(k in money and money.series(k).notna().any() for k in ("named", "plan")):
        return None
    if np.isnat(bills["due"]).any() or (len(money) and money["amount"].min() < 0):
        return None
    if bills["amount"].min() <= 0:
        return None
    caller, step = tables.caller, tables.options.get("step", 0.01)
    units = [whole_units(caller, rows, step) for rows in (bills, money)]
    if units[0].min() <= 0 or sum(float(u.sum(dtype=np.float64)) for u in units) > _LARGEST_SUM:
        return None
    moment = door.resolve_as_of(as_of, tables.last_day(), caller=caller).as_unit("us")
    today = int(moment.to_datetime64().astype("datetime64[D]").astype(np.int64))
    codes, labels = spread_together([rows.series("customer") for rows in (bills, money)])
    say_other_spellings(caller, labels, *codes)
    nought = constant(len(bills), np.int64(0)), constant(len(money), np.int64(0))
    none = constant(len(bills), np.int64(-1)), constant(len(money), np.int64(-1))
    days = [rows.days("day") if len(rows) else np.empty(0, np.int64) for rows in (bills, money)]
    never = constant(len(bills), False)
    documents = Documents(
        rows=bills.frame, customer=codes[0], currency=nought[0], group=codes[0], day=days[0],
        due=bills.days("due"), no_due=never, units=units[0], note=never, parent=none[0],
        security=nought[0], burden=nought[0],
    )  # fmt: skip
    receipts = Receipts(
        label=money.series("payment"), customer=codes[1], currency=nought[1], group=codes[1],
        day=days[1], units=units[1], kind=constant(len(money), np.int8(0)), named=none[1],
        parent=none[1], source=none[1],
    )  # fmt: skip
    events = pd.DataFrame(columns=["customer", "document", "day", "amount", "kind"])
    customers = Keys(np.empty(0, np.int64), labels.to_frame())
    books = Books(
        caller, step, tables.names, moment, today, customers, None, documents, receipts,
        receipts, events, events, 0, tables.options.get("credit_notes", "parent"),
        kept=tables.kept,
    )  # fmt: skip
    rows = (_until(documents.day, today), _until(receipts.day, today))
    return PlainBooks(books, rows, method.endswith("oldest_due"))


def _until(days: np.ndarray, today: int) -> np.ndarray | None:
    """Positions up to a day; None where all are."""
    return np.flatnonzero(days <= today) if days.max(initial=today) > today else None


def _sorted(keys: list[np.ndarray], rows: np.ndarray | None, ties: matching.Rank | None) -> Queue:
    if rows is None:
        order, column = matching.ordered(tuple(keys), ties)
    else:
        among = ties and (lambda at: ties(rows[at]))
        order, column = matching.ordered(tuple(k[rows] for k in keys), among)
        order = rows[order]
    return Queue(order, column(0), column(1) if len(keys) == 2 else None)


def _ranks(labels: pd.Series) -> np.ndarray:
    return door.factorise(labels.to_frame("id"), ["id"]).codes
