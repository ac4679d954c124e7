"""Who is paid by what: the books settled by a method, at a date, to the last unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from ..engine import matching, matching_daily
from ..engine.matching import exact_sums
from .books import Books, Documents, Receipts, books_at

__all__ = ["METHODS", "Position", "receipt_ties", "settle", "settled_at", "stands"]

METHODS = (
    "specific_then_fifo",
    "specific",
    "specific_then_oldest_due",
    "specific_then_lifo",
    "specific_then_proportional",
    "fifo",
    "lifo",
    "proportional",
    "cn_560",
)
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class Position:
    """The books with every match: ``document``, ``receipt``, ``units`` are parallel arrays.

    ``open`` is what is left of each document, ``rest`` what is left of each receipt,
    ``expected`` what later-dated receipts will take off each document. Documents that a netted
    credit note stems from are open by what the note has not settled.
    """

    books: Books
    document: np.ndarray
    receipt: np.ndarray
    units: np.ndarray
    open: np.ndarray
    rest: np.ndarray
    expected: np.ndarray
    method: str = ""  # by which it can be settled again; none: matches are what they are
    converted: tuple[Position, Any, bool] | None = None  # from which, at what rates, revalued

    @property
    def day(self) -> np.ndarray:
        """Day on which each match takes effect: when both the document and the money exist."""
        d, r = self.books.documents.day[self.document], self.books.receipts.day[self.receipt]
        return np.maximum(d, r)


def settle(
    books: Books, method: str, *, pairs: bool = True, future: bool = False, each: bool = True
) -> Position:
    """Match receipts with documents.

    Without ``pairs`` only what is left is worked out; without ``each`` what is left of receipts
    is right by customer and currency only; with ``future`` also what receipts dated later will
    settle.
    """
    door.check_choice(method, "method", METHODS, caller=books.caller)
    documents, receipts = books.documents, books.receipts
    run = _Run(books, documents, receipts, documents.units.copy(), receipts.units.copy(), pairs)
    run.each = each or pairs
    if method.startswith("specific") or method == "cn_560":
        run.by_name()
    else:
        run.by_name(only_notes=True)
    run.take_back()
    run.by_rule(method)
    position = run.position()
    position.method = method
    if future and len(books.future):
        position.expected = _expected(books, position, method)
    return position


def settled_at(
    position: Position, moment: pd.Timestamp, *, pairs: bool = False, future: bool = False
) -> Position:
    """The books as they were settled at an earlier date, by what was known then."""
    return settle(books_at(position.books, moment), position.method, pairs=pairs, future=future)


def stands(position: Position) -> bool:
    """Whether the matches up to any earlier date are those that were made by then.

    So it is where money settles in the order in which it comes and takes what is there; not
    where a later receipt can name what an earlier one has settled, take it back, or where an
    invoice of a later date is due before those of earlier dates.
    """
    receipts = position.books.receipts
    free = (receipts.named == -1) | (receipts.named == -3)
    known = position.method in METHODS and not position.method.endswith("oldest_due")
    plain = bool(free.all() and (receipts.source < 0).all() and (receipts.units >= 0).all())
    return not position.method or (known and plain)


def _expected(books: Books, position: Position, method: str) -> np.ndarray:
    """What receipts dated after ``as_of`` take off the documents open now."""
    future = books.future
    run = _Run(books, books.documents, future, position.open.copy(), future.units.copy(), False)
    if method.startswith("specific") or method == "cn_560":
        run.by_name()
    run.take_back()
    run.by_rule(method)
    return position.open - run.open


class _Run:
    """One settlement: what is open, what is left, and the matches so far."""

    def __init__(
        self,
        books: Books,
        documents: Documents,
        receipts: Receipts,
        open_units: np.ndarray,
        rest: np.ndarray,
        pairs: bool,
    ) -> None:
        self.books, self.documents, self.receipts = books, documents, receipts
        self.open, self.rest, self.pairs = open_units, rest, pairs
        self.matches: list[Pairs] = []
        self.taken = np.zeros_like(rest)
        self.each = True

    def by_name(self, *, only_notes: bool = False) -> None:
        """Receipts that name a document or an instalment group, in order of their dates."""
        receipts = self.receipts
        wanted = receipts.named >= 0
        if only_notes:
            wanted &= receipts.source >= 0
        rows = np.flatnonzero(wanted)
        stems = np.flatnonzero(receipts.source >= 0)
        if len(rows) and len(stems):
            # What is paid back on a credit note is no longer there for other invoices.
            paid_back = np.isin(receipts.named[rows], receipts.source[stems])
            self._in_turn(rows[paid_back])
            self.rest[stems] = -self.open[receipts.source[stems]]
            rows = rows[~paid_back]
        self._in_turn(rows)
        of_plan = receipts.named == -2
        if only_notes:
            of_plan &= receipts.source >= 0
        if of_plan.any():
            self._queue(*self._of_groups(of_plan))

    def _in_turn(self, rows: np.ndarray) -> None:
        """Receipts to the documents they name, in order of their dates."""
        if len(rows):
            keys = (self.receipts.named[rows], self.receipts.day[rows])
            self._capped(rows[matching.order_by(keys, self._receipt_ties(rows))])

    def _capped(self, rows: np.ndarray) -> None:
        """Named documents take what they can; a refund gives back, a note's refund settles it."""
        target = self.receipts.named[rows]
        sign = np.where(self.open[target] < 0, -1, 1)
        documents, group = np.unique(target, return_inverse=True)
        limits = np.abs(self.open[documents])
        done, _ = matching.capped(group.reshape(-1), self.rest[rows] * sign, limits)
        self._record(target, rows, done * sign)

    def _of_groups(self, of_plan: np.ndarray) -> tuple[np.ndarray, ...]:
        """Instalments by group, oldest due first, and the receipts that name their group."""
        documents, receipts = self.documents, self.receipts
        named = np.flatnonzero(of_plan & (self.rest > 0))
        chosen = np.isin(documents.parent, receipts.parent[named]) & (self.open > 0)
        debits = np.flatnonzero(chosen & ~documents.note)
        keys: tuple[np.ndarray, ...]
        keys = (documents.parent[debits], documents.due[debits], documents.day[debits])
        debits = debits[matching.order_by(keys, self._document_ties(debits))]
        keys = (receipts.parent[named], receipts.day[named])
        named = named[matching.order_by(keys, self._receipt_ties(named))]
        return debits, named, documents.parent[debits], receipts.parent[named]

    def take_back(self) -> None:
        """Refunds take back what is left of the customer's receipts, the latest first.

        A write-off or allowance below zero takes back what is left of its own kind.
        """
        receipts = self.receipts
        back = np.flatnonzero((self.rest < 0) & (receipts.named != -3))
        for kind in np.unique(receipts.kind[back]):
            self._take_back(back[receipts.kind[back] == kind], int(kind))
        self.rest += self.taken

    def _take_back(self, back: np.ndarray, kind: int) -> None:
        receipts = self.receipts
        have = np.flatnonzero((self.rest > 0) & np.isin(receipts.group, receipts.group[back]))
        have = have[(receipts.kind[have] == kind) & (receipts.named[have] != -3)]
        if not len(have):
            return
        keys = (receipts.group[have], -receipts.day[have])
        have = have[matching.order_by(keys, self._receipt_ties(have))]
        keys = (receipts.group[back], receipts.day[back])
        back = back[matching.order_by(keys, self._receipt_ties(back))]
        i, j, units = matching.queue_pairs(
            receipts.group[back], -self.rest[back], receipts.group[have], self.rest[have]
        )
        np.add.at(self.taken, back[i], units)
        np.subtract.at(self.taken, have[j], units)

    def by_rule(self, method: str) -> None:
        """What is left settles what is open, by the method's order."""
        rule = method.removeprefix("specific_then_")
        if rule == "specific":
            return
        documents, receipts = self.documents, self.receipts
        free = (self.rest > 0) & (receipts.named != -3)
        if self.books.notes != "net":  # what a note has left over stays its own line
            free &= receipts.source < 0
        debits = np.flatnonzero(self.open > 0)
        credits = np.flatnonzero(free)
        if not len(debits) or not len(credits):
            return
        # What a netted note has left is open on the note: then it matters whose money is left.
        alike = not self.each and bool((receipts.source[credits] < 0).all())
        if alike and rule in ("fifo", "oldest_due"):
            self._pool(self._in_queue(debits, rule), credits)
            return
        keys: tuple[np.ndarray, ...] = (receipts.group[credits], receipts.day[credits])
        credits = credits[matching.order_by(keys, self._receipt_ties(credits))]
        if rule in ("fifo", "oldest_due"):
            debits = self._in_queue(debits, rule)
            self._queue(debits, credits, documents.group[debits], receipts.group[credits])
        else:
            self._replay(rule, debits, credits)

    def _in_queue(self, debits: np.ndarray, rule: str) -> np.ndarray:
        """Open documents by group, oldest first."""
        documents = self.documents
        keys: tuple[np.ndarray, ...] = (documents.group[debits], documents.day[debits])
        if rule == "oldest_due":
            keys = (keys[0], documents.due[debits], keys[1])
        return debits[matching.order_by(keys, self._document_ties(debits))]

    def _pool(self, debits: np.ndarray, credits: np.ndarray) -> None:
        """A group's free money as one sum; what is left of it stands on its first receipt."""
        group, free = self.receipts.group[credits], self.rest[credits]
        debit_group = self.documents.group[debits]
        groups = 1 + max(int(group.max()), int(debit_group[-1]))
        given = exact_sums(group, free, groups)
        self.open[debits], left = matching.queue_open(debit_group, self.open[debits], given)
        self.rest[credits] = 0
        first = np.empty(groups, dtype=np.int64)
        first[group[::-1]] = credits[::-1]
        holds = np.flatnonzero(left)
        self.rest[first[holds]] = left[holds]

    def _queue(
        self,
        debits: np.ndarray,
        credits: np.ndarray,
        debit_group: np.ndarray,
        credit_group: np.ndarray,
    ) -> None:
        owed, given = self.open[debits], self.rest[credits]
        if self.pairs:
            i, j, units = matching.queue_pairs(debit_group, owed, credit_group, given)
            self.matches.append((debits[i], credits[j], units))
        paid, used = matching.queue_balances(debit_group, owed, credit_group, given)
        self.open[debits] -= paid
        self.rest[credits] -= used

    def _replay(self, rule: str, debits: np.ndarray, credits: np.ndarray) -> None:
        documents, receipts = self.documents, self.receipts
        sides = (
            matching_daily.Side(
                documents.group[debits], documents.day[debits], self.open[debits],
                self._document_rank(debits), documents.due[debits],
                documents.security[debits], documents.burden[debits],
            ),
            matching_daily.Side.of_receipts(
                receipts.group[credits], receipts.day[credits], self.rest[credits]
            ),
        )  # fmt: skip
        if self.pairs:
            i, j, units = matching_daily.replay(rule, *sides)
            self._record(debits[i], credits[j], units)
            return
        self.open[debits], self.rest[credits] = matching_daily.balances(rule, *sides)

    def _record(self, target: np.ndarray, rows: np.ndarray, units: np.ndarray) -> None:
        real = units != 0
        target, rows, units = target[real], rows[real], units[real]
        if self.pairs:
            self.matches.append((target, rows, units))
        np.subtract.at(self.open, target, units)
        np.subtract.at(self.rest, rows, units)

    def position(self) -> Position:
        """The matches put together; a netted note is open by what it has not settled."""
        empty = np.empty(0, dtype=np.int64)
        document, receipt, units = (
            np.concatenate([m[k] for m in self.matches] or [empty]) for k in range(3)
        )
        open_units, rest = self.open, self.rest - self.taken  # refund and receipt both shown
        stems = np.flatnonzero(self.receipts.source >= 0)
        if len(stems):
            open_units[self.receipts.source[stems]] = -rest[stems]
            rest[stems] = 0
        return Position(
            self.books, document, receipt, units, open_units, rest, np.zeros_like(open_units)
        )

    def _document_ties(self, rows: np.ndarray) -> matching.Rank | None:
        """How to order documents of one day: by id; None where they stand in that order."""
        ids = self.documents.rows[self.books.names["invoice"]]
        if ids.is_monotonic_increasing and (rows[1:] > rows[:-1]).all():
            return None
        return lambda at: self._document_rank(rows[at])

    def _receipt_ties(self, rows: np.ndarray) -> matching.Rank | None:
        ties = receipt_ties(self.receipts)
        if ties is None and (rows[1:] > rows[:-1]).all():
            return None
        return lambda at: _receipt_rank(self.receipts, rows[at])

    def _document_rank(self, rows: np.ndarray) -> np.ndarray:
        ids = self.documents.rows[self.books.names["invoice"]].iloc[rows]
        return door.factorise(ids.to_frame(), [ids.name]).codes


def receipt_ties(receipts: Receipts) -> matching.Rank | None:
    """How to order receipts of one day; None where they stand in that order."""
    if receipts.kind.strides == (0,) and receipts.label.is_monotonic_increasing:
        return None
    return lambda rows: _receipt_rank(receipts, rows)


def _receipt_rank(receipts: Receipts, rows: np.ndarray) -> np.ndarray:
    """Ranks by kind, then id (rows without one last), then amount: never by place in the frame."""
    labels = receipts.label.iloc[rows]
    codes = door.factorise(labels.to_frame("id"), ["id"]).codes
    codes = np.where(codes < 0, codes.max(initial=0) + 1, codes)
    rank = np.empty(len(rows), dtype=np.int64)
    rank[np.lexsort((receipts.units[rows], codes, receipts.kind[rows]))] = np.arange(len(rows))
    return rank
