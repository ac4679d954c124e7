"""What open documents bring in, as seen from any past day: the arithmetic under a cash forecast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..engine.hazards import (
    Clock,
    between_weeks,
    conditional_shares,
    count_risk,
    tail_hazards,
    weekday_factors,
)
from .books import KINDS
from .pay_days import PayDays
from .settling import Position

__all__ = ["CLOCKS", "Curves", "History", "Outlook"]

CLOCKS = ("due", "customer")
_LONGEST = 1500
_LEAST_EXITS = 5.0
# A customer's own delay counts like this many invoices of the average delay.
_PRIOR_INVOICES = 10.0
_MONDAY_FIRST = 3  # day 0 was a Thursday
_DAY_BY_DAY = 730  # due dates so long ago are told apart by their day of the week alone


@dataclass
class History:
    """Documents that customers owe, and everything that settled them, in whole units.

    ``cash`` is true where money came in on the day itself; what an advance, a credit note or a
    write-off settled brings none.
    """

    day: np.ndarray
    due: np.ndarray
    units: np.ndarray
    customer: np.ndarray
    group: np.ndarray
    document: np.ndarray
    paid: np.ndarray
    amount: np.ndarray
    cash: np.ndarray

    @classmethod
    def of(cls, position: Position, group: np.ndarray) -> History:
        """From settled books; ``group`` is the key code of each document."""
        documents, receipts = position.books.documents, position.books.receipts
        owed = np.flatnonzero(documents.units > 0)
        new = np.full(len(documents), -1, dtype=np.int64)
        new[owed] = np.arange(len(owed))
        use = np.flatnonzero(new[position.document] >= 0)
        which, by = position.document[use], position.receipt[use]
        fresh = receipts.day[by] >= documents.day[which]
        return cls(
            day=documents.day[owed],
            due=documents.due[owed],
            units=documents.units[owed].astype(np.float64),
            customer=documents.customer[owed],
            group=group[owed],
            document=new[which],
            paid=position.day[use],
            amount=position.units[use].astype(np.float64),
            cash=(receipts.kind[by] == KINDS.index("payment")) & fresh,
        )

    @cached_property
    def runs(self) -> np.ndarray:
        """Number of the payment run each settlement was part of: a customer's on one day."""
        day = self.paid - self.paid.min(initial=0)
        who = self.customer[self.document]
        return np.unique(who * (day.max(initial=0) + 1) + day, return_inverse=True)[1]

    def settled(self, origin: int) -> int:
        """How many payments were known on a day; other settlements bring none."""
        return int(np.count_nonzero(self.cash & (self.paid <= origin)))

    def actual(self, origin: int, edges: np.ndarray, groups: int) -> np.ndarray:
        """Cash that came in, in each window after a day, on documents open on that day."""
        at = self.paid - origin
        mine = self.cash & (at > 0) & (at <= edges[-1]) & (self.day[self.document] <= origin)
        window = np.searchsorted(edges, at[mine], side="left") - 1
        width = len(edges) - 1
        cell = self.group[self.document[mine]] * width + window
        out = np.bincount(cell, self.amount[mine], minlength=groups * width)
        return out.reshape(groups, width)


@dataclass
class Outlook:
    """Expected cash by group and window, and its variance if every document paid on its own."""

    expected: np.ndarray
    variance: np.ndarray


class Curves:
    """Hazards of payment as they were known on one day, on one clock."""

    def __init__(
        self, history: History, origin: int, clock: str, half_life: float | None, days: PayDays
    ) -> None:
        self.history, self.origin, self.days = history, origin, days
        self.known = np.flatnonzero(history.day <= origin)
        self.weight = np.ones(len(self.known))
        if half_life is not None:
            day = history.day[self.known]
            # Against the newest: long after the last invoice all would count as nothing.
            self.weight = 0.5 ** ((day.max(initial=0) - day) / half_life)
        place = np.full(len(history.day), -1, dtype=np.int64)
        place[self.known] = np.arange(len(self.known))
        flows = np.flatnonzero((history.paid <= origin) & (place[history.document] >= 0))
        self.document, self.flows = place[history.document[flows]], flows
        self.share = history.amount[flows] / history.units[history.document[flows]]
        self.zero = history.due[self.known]
        if clock == "customer":
            self.delay = self._usual_delay()
            self.zero = self.zero + self.delay[history.customer[self.known]]
        self._fit()

    def _usual_delay(self) -> np.ndarray:
        """Whole days after due at which each customer pays, drawn to the average of all."""
        history = self.history
        late = history.paid[self.flows] - self.zero[self.document]
        w = self.weight[self.document] * np.clip(self.share, 0, 1) * history.cash[self.flows]
        who = history.customer[history.document[self.flows]]
        n = int(history.customer.max(initial=0)) + 1
        mean = (w @ late) / max(w.sum(), 1e-12)
        held, total = np.bincount(who, w, minlength=n), np.bincount(who, w * late, minlength=n)
        own = (total + _PRIOR_INVOICES * mean) / (held + _PRIOR_INVOICES)
        return np.rint(own).astype(np.int64)

    def _fit(self) -> None:
        history = self.history
        entry = history.day[self.known] - self.zero
        end = self.origin - self.zero
        low, high = int(entry.min(initial=0)), int(end.max(initial=0))
        self.clock = Clock(max(low, -_LONGEST), min(high, _LONGEST))
        zero, risk, paid, other = self._by_day(entry, end)
        days = np.arange(zero[0], zero[-1] + self.clock.size) + self.clock.first
        kind, rest = self.days.of(days)

        def diagonals(by_day: np.ndarray) -> np.ndarray:
            """(days of zero, cells) of what is known by day."""
            return sliding_window_view(by_day, self.clock.size)[zero - zero[0]]

        usual = diagonals(np.where(self.days.ordinary(kind, rest), kind, 7))
        seen, gone = (_by_kind(usual, x) for x in (risk, paid))
        self.weekday = weekday_factors(seen, gone, self._one_payment())
        pace = diagonals(self.days.pace(self.weekday, kind, rest))
        least = _LEAST_EXITS * float(self.weight.mean()) if len(self.weight) else _LEAST_EXITS
        bases = np.stack([np.einsum("ij,ij->j", risk, pace), risk.sum(axis=0)])
        exits = np.stack([paid.sum(axis=0), other.sum(axis=0)])
        self.hazards = tail_hazards(bases, exits, least)

    def _by_day(self, entry: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, ...]:
        """Days of zero; at risk, settled by money and otherwise: each (days of zero, cells)."""
        history = self.history
        time = history.paid[self.flows] - self.zero[self.document]
        money = self.weight[self.document] * self.share * history.cash[self.flows]
        zero, lane = self.days.lanes(self.zero, self.origin - _DAY_BY_DAY)
        risk, every = count_risk(
            self.clock, entry, end, self.weight, self.document, time, self.share,
            lane=lane, lanes=len(zero),
        )  # fmt: skip
        at = lane[self.document] * self.clock.size + self.clock.cell(time)
        paid = np.bincount(at, money, minlength=every.size).reshape(every.shape)
        other = np.where(every - paid > 1e-9, every - paid, 0.0)
        return zero, risk, np.maximum(paid, 0.0), other

    def _one_payment(self) -> float:
        """What one payment weighs, by how much the days of the week vary from week to week.

        All that a customer pays on a day is one at most. Where all pay on one day of the month,
        each week has its own day: whole months then weigh like one payment.
        """
        cash = self.history.cash[self.flows]
        gone = np.maximum(self.weight[self.document] * self.share * cash, 0.0)
        each = np.bincount(self.history.runs[self.flows], gone)
        day = self.history.paid[self.flows]
        kind, _ = self.days.of(day)
        week = (day + _MONDAY_FIRST) // 7
        week -= week.min(initial=0)
        weeks = int(week.max(initial=0)) + 1
        table = np.bincount(week * 7 + kind, gone, minlength=7 * weeks).reshape(weeks, 7)
        return max((each**2).sum() / max(each.sum(), 1e-12), between_weeks(table))

    def _pace(self, days: int) -> np.ndarray | None:
        """The factor of each day from the one after the origin; None: all days are alike."""
        if np.ptp(self.weekday) == 0:
            return None
        return self.days.pace(self.weekday, *self.days.of(self.origin + 1 + np.arange(days)))

    def _open(self) -> tuple[np.ndarray, np.ndarray]:
        """Known documents that are open now, and what is left of each."""
        history = self.history
        paid = np.bincount(self.document, history.amount[self.flows], minlength=len(self.known))
        left = history.units[self.known] - paid
        open_now = np.flatnonzero(left > 0.5)
        return open_now, left[open_now]

    def left_by_group(self, groups: int) -> np.ndarray:
        """What is open now, by group."""
        open_now, left = self._open()
        return np.bincount(self.history.group[self.known[open_now]], left, minlength=groups)

    def falling_due(self, edges: np.ndarray, groups: int) -> np.ndarray:
        """What is open and falls due in each window, by group."""
        open_now, left = self._open()
        rows = self.known[open_now]
        ahead = self.history.due[rows] - self.origin
        inside = (ahead > 0) & (ahead <= edges[-1])
        width = len(edges) - 1
        cell = self.history.group[rows] * width + np.searchsorted(edges, ahead) - 1
        out = np.bincount(cell[inside], left[inside], minlength=groups * width)
        return out.reshape(groups, width)

    def outlook(self, edges: np.ndarray, groups: int) -> Outlook:
        """What is open now brings in, by group and window."""
        open_now, left = self._open()
        age = self.origin - self.zero[open_now]
        pace = self._pace(int(edges[-1]))
        shares = conditional_shares(self.hazards, self.clock.cell(age), edges, pace)
        group = self.history.group[self.known[open_now]]
        width = len(edges) - 1
        out = Outlook(np.zeros((groups, width)), np.zeros((groups, width)))
        for k in range(width):
            p = shares[:, k]
            out.expected[:, k] = np.bincount(group, left * p, minlength=groups)
            out.variance[:, k] = np.bincount(group, left**2 * p * (1 - p), minlength=groups)
        return out

    def _due_mean(self) -> float:
        return float(self.history.due[self.known].mean())

    def of_sales(self, day: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Share of a sale on each future day that comes in in each window."""
        terms = (self.history.due - self.history.day)[self.known]
        kinds, which = np.unique(terms, return_inverse=True)
        weight = np.bincount(which, self.weight * self.history.units[self.known])
        weight = weight / weight.sum()
        entry = -kinds - (round(float(self.zero.mean() - self._due_mean())))
        out = np.zeros((len(day), len(edges) - 1))
        cell = self.clock.cell(entry) - 1
        pace = self._pace(int(edges[-1]))
        for i, sold in enumerate(day):
            ahead = sold - 1 - self.origin  # days that pass before the sale
            window = np.clip(edges - ahead, 0, None)
            mine = None if pace is None else pace[ahead:]
            out[i] = weight @ conditional_shares(self.hazards, cell, window, mine)
        return out


def _by_kind(kind: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums over rows, apart by kind of day 0 .. 6: (7, cells); the eighth is left out."""
    n = values.shape[1]
    at = (kind * n + np.arange(n)).reshape(-1)
    return np.bincount(at, values.reshape(-1), minlength=8 * n).reshape(8, n)[:7]
