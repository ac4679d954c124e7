"""Matching by rules that look at what is open on the day: latest first, proportional, by law.

Unlike a queue, these depend on which documents exist when a receipt arrives: documents of a day
enter, then money that waits and money that comes is spread over what is open. Latest first is a
stack, which one pass over all events replays; what it leaves open follows from the levels that
the balance sinks to. The other rules spread a receipt over many documents; there the groups go
forward side by side, each by one receipt a round. Whole units throughout; ties go to the smaller
rank.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from .matching import order_by

__all__ = ["RULES", "Side", "balances", "replay"]

RULES = ("lifo", "proportional", "cn_560")
_FAR = 2**62
Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class Side:
    """Documents or receipts as parallel arrays: int64, units above 0.

    Documents have ``rank`` (order among equals), ``due``, ``security`` and ``burden`` too;
    receipts stand by group in the order in which they are to be spent.
    """

    group: np.ndarray
    day: np.ndarray
    units: np.ndarray
    rank: np.ndarray
    due: np.ndarray
    security: np.ndarray
    burden: np.ndarray

    @classmethod
    def of_receipts(cls, group: np.ndarray, day: np.ndarray, units: np.ndarray) -> Side:
        """Receipts, which have no more than these."""
        none = np.empty(0, dtype=np.int64)
        return cls(group, day, units, none, none, none, none)


def replay(rule: str, documents: Side, receipts: Side) -> Pairs:
    """Matches (document, receipt, units) of all groups under a rule of ``RULES``."""
    if not len(documents.group) or not len(receipts.group):
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    if rule == "lifo":
        return _latest_first(documents, receipts)
    return _Rounds(rule, documents, receipts).run()


def balances(rule: str, documents: Side, receipts: Side) -> tuple[np.ndarray, np.ndarray]:
    """What is open of each document and left of each receipt in the end, without the matches."""
    if not len(documents.group) or not len(receipts.group):
        return documents.units.copy(), receipts.units.copy()
    if rule == "lifo":
        return _latest_first_balances(documents, receipts)
    rounds = _Rounds(rule, documents, receipts)
    rounds.run(pairs=False)
    left = np.empty_like(rounds.open)
    left[rounds.place] = rounds.open
    return left, rounds.rest


# --------------------------------------------------------------------------------------
# Latest first


def _latest_first_balances(documents: Side, receipts: Side) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the stack from the levels of the balance, all groups at once.

    A document lies on the stack between the level before it and the level after it; what is
    below every later level is never reached, and stays open. Money that finds no document waits
    in a queue; what waits in the end came last into it.
    """
    entering = order_by((documents.group, documents.day, -documents.rank))
    count = len(entering)
    group = np.concatenate([documents.group[entering], receipts.group])
    day = np.concatenate([documents.day[entering], receipts.day])
    is_receipt = np.arange(len(group)) >= count
    order = order_by((group, day, is_receipt.astype(np.int64)))  # stable
    units = np.concatenate([documents.units[entering], -receipts.units])[order]
    group, day, paid = group[order], day[order], is_receipt[order]
    fresh = np.concatenate([[True], np.diff(group) != 0])
    running = np.cumsum(units)
    start = (running - units)[np.maximum.accumulate(np.where(fresh, np.arange(len(fresh)), 0))]
    after = running - start  # what is owed less what has come, after each event
    before = after - units
    # Documents of a day enter all together, on what is open; then money that waits takes.
    moment = fresh | np.concatenate([[True], np.diff(day) != 0])
    opening = before[np.maximum.accumulate(np.where(moment, np.arange(len(fresh)), 0))]
    base = before + np.maximum(-opening, 0)
    # Within a day only the last document's level is one that money has sunk to.
    last = np.concatenate([paid[1:] | moment[1:], [True]])
    level = np.where(paid | last, np.maximum(after, 0), _FAR)
    lowest = _lowest_from_here(level, fresh)
    open_units = np.where(paid, 0, np.clip(lowest - base, 0, units))
    # Money goes into the queue where the balance falls below nought.
    entered = np.where(paid, np.maximum(-after, 0) - np.maximum(-before, 0), 0)
    ends = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(fresh) - 1]])
    code = np.cumsum(fresh) - 1
    total = np.cumsum(entered)
    behind = total[ends][code] - total  # what came into the queue later
    waiting = np.maximum(-after[ends], 0)[code]
    rest = np.clip(waiting - behind, 0, entered)
    out = np.empty(len(order), dtype=np.int64)
    out[order] = np.where(paid, rest, open_units)
    left = np.empty(count, dtype=np.int64)
    left[entering] = out[:count]
    return left, out[count:]


def _lowest_from_here(level: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Least level from each event to the end of its group.

    One running minimum over all groups from behind: each group lies lower than those behind it
    by more than any level is high.
    """
    code = np.cumsum(fresh) - 1
    high = int(level[level < _FAR].max(initial=0)) + 1
    if high * int(code[-1] + 1) > _FAR:  # levels as ranks, which take less room
        known, ranks = np.unique(level, return_inverse=True)
        return known[_lowest_from_here(ranks.reshape(-1).astype(np.int64), fresh)]
    shifted = np.minimum(level, high) + code * (high + 1)
    return np.minimum.accumulate(shifted[::-1])[::-1] - code * (high + 1)


def _latest_first(documents: Side, receipts: Side) -> Pairs:
    """Documents of a day go on the stack, the smallest rank on top; money takes from the top."""
    entering = order_by((documents.group, documents.day, -documents.rank))
    count = len(entering)
    keys = tuple(
        np.concatenate([a[entering], b])
        for a, b in ((documents.group, receipts.group), (documents.day, receipts.day))
    )
    is_receipt = np.arange(count + len(receipts.group)) >= count
    order = order_by((*keys, is_receipt.astype(np.int64)))  # stable: documents, then receipts
    moment = np.concatenate(
        [[True], (np.diff(keys[0][order]) != 0) | (np.diff(keys[1][order]) != 0)]
    )
    fresh = np.concatenate([[True], np.diff(keys[0][order]) != 0])
    left = np.concatenate([documents.units[entering], receipts.units]).tolist()
    matched: list[tuple[int, int, int]] = []
    stack: list[int] = []
    waiting: deque[int] = deque()

    def spend() -> None:
        while waiting and stack:
            top, money = stack[-1], waiting[0]
            part = min(left[top], left[money])
            matched.append((top, money, part))
            left[top] -= part
            left[money] -= part
            if not left[top]:
                stack.pop()
            if not left[money]:
                waiting.popleft()

    for event, new_day, new_group in zip(
        order.tolist(), moment.tolist(), fresh.tolist(), strict=True
    ):
        if new_day and waiting and stack:
            spend()  # money that waited takes from all documents of the day that is over
        if new_group:
            stack.clear()
            waiting.clear()
        if event < count:
            stack.append(event)
        else:
            if waiting and stack:
                spend()
            waiting.append(event)
            if stack:
                spend()
    spend()
    table = np.array(matched, dtype=np.int64).reshape(-1, 3)
    return entering[table[:, 0]], table[:, 1] - count, table[:, 2]


# --------------------------------------------------------------------------------------
# Proportional and by law


class _Rounds:
    """Groups side by side; in each round every group spends its receipt that is next.

    Documents are kept by group and rank, so that what is open stands in the order of ties.
    """

    def __init__(self, rule: str, documents: Side, receipts: Side) -> None:
        self.by_law = rule == "cn_560"
        self.receipts = receipts
        self.place = order_by((documents.group, documents.rank))
        self.group = documents.group[self.place]
        self.due = documents.due[self.place]
        self.open = documents.units[self.place]
        if self.by_law:
            self.tiers = _tiers(documents, self.place)
        day = documents.day[self.place]
        self.entering = order_by((self.group, day))  # stable: by group, day, rank
        self.low = min(int(day.min()), int(receipts.day.min()))
        self.span = max(int(day.max()), int(receipts.day.max())) - self.low + 1
        self.entry_day = day[self.entering]
        self.entry_key = self.group[self.entering] * self.span + self.entry_day - self.low
        count = 1 + max(int(self.group[-1]), int(receipts.group[-1]))
        both = [np.bincount(g, minlength=count) > 0 for g in (self.group, receipts.group)]
        groups = np.flatnonzero(both[0] & both[1])
        self.who = groups
        self.next = np.searchsorted(self.group, groups)
        self.last = np.searchsorted(self.group, groups, side="right")
        self.head = np.searchsorted(receipts.group, groups)
        self.tail = np.searchsorted(receipts.group, groups, side="right")
        self.rest = receipts.units.copy()
        self.left = receipts.units[self.head]
        self.today = np.full(len(groups), self.low, dtype=np.int64)
        self.at = np.zeros(int(self.group.max()) + 1, dtype=np.int64)
        self.live = np.empty(0, dtype=np.int64)

    def run(self, *, pairs: bool = True) -> Pairs:
        """All rounds; positions in the caller's order (without ``pairs``: none)."""
        empty = np.empty(0, dtype=np.int64)
        found: list[Pairs] = [(empty, empty, empty)]
        self.at[self.who] = np.arange(len(self.who))
        while self._move_on():
            paid = self._spread()
            if pairs:
                real = paid > 0
                rows = self.live[real]
                found.append((rows, self.head[self.at[self.group[rows]]], paid[real]))
            self._take(paid)
        document, receipt, units = (np.concatenate([f[k] for f in found]) for k in range(3))
        return self.place[document], receipt, units

    def _move_on(self) -> bool:
        """To the day of each group's next payment; whether any group has one."""
        bare = np.bincount(self.at[self.group[self.live]], minlength=len(self.who)) == 0
        over = bare & (self.next == self.last)
        if over.any():
            self._drop(over)
            bare = bare[~over]
        if not len(self.who):
            return False
        today = np.maximum(self.today, self.receipts.day[self.head])
        coming = self.entry_day[np.minimum(self.next, len(self.entry_day) - 1)]
        self.today = np.where(bare, np.maximum(today, coming), today)
        until = np.searchsorted(
            self.entry_key, self.who * self.span + self.today - self.low, side="right"
        )
        count = until - self.next
        total = int(count.sum())
        if total:
            first = np.repeat(self.next - (np.cumsum(count) - count), count)
            new = self.entering[first + np.arange(total)]
            self.live = np.sort(np.concatenate([self.live, new]))
            self.next = until
        return True

    def _spread(self) -> np.ndarray:
        """What each open document is paid of its group's receipt."""
        live = self.live
        at, weight = self.at[self.group[live]], self.open[live]
        order = None
        head = np.empty(len(live), dtype=bool)
        head[0] = True
        if self.by_law:
            is_due = self.due[live] <= self.today[at]
            tier = np.where(is_due, self.tiers[0][live], self.tiers[1][live])
            order = order_by((at, tier))
            at, weight, tier = at[order], weight[order], tier[order]
            np.not_equal(tier[1:], tier[:-1], out=head[1:])
            head[1:] |= at[1:] != at[:-1]
        else:
            np.not_equal(at[1:], at[:-1], out=head[1:])
        first = np.flatnonzero(head)
        sums = np.add.reduceat(weight, first)
        owner = at[first]
        before = np.cumsum(sums) - sums
        new_owner = np.r_[True, owner[1:] != owner[:-1]]
        before -= np.repeat(
            before[new_owner], np.diff(np.r_[np.flatnonzero(new_owner), len(owner)])
        )
        given = np.clip(self.left[owner] - before, 0, sums)
        paid = _split(given, weight, sums, np.diff(np.r_[first, len(live)]))
        if order is None:
            return paid
        out = np.empty_like(paid)
        out[order] = paid
        return out

    def _take(self, paid: np.ndarray) -> None:
        """Book what is paid; groups whose last receipt is spent are through."""
        at = self.at[self.group[self.live]]
        first = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])
        self.left[at[first]] -= np.add.reduceat(paid, first)
        self.rest[self.head] = self.left
        self.open[self.live] -= paid
        self.live = self.live[self.open[self.live] > 0]
        spent = self.left == 0
        self.head[spent] += 1
        through = self.head == self.tail
        self._drop(through)
        spent = spent[~through]
        self.left[spent] = self.receipts.units[self.head[spent]]

    def _drop(self, gone: np.ndarray) -> None:
        """Leave groups out from now on."""
        if not gone.any():
            return
        self.live = self.live[~gone[self.at[self.group[self.live]]]]
        keep = ~gone
        for name in ("who", "next", "last", "head", "tail", "left", "today"):
            setattr(self, name, getattr(self, name)[keep])
        self.at[self.who] = np.arange(len(self.who))


def _tiers(documents: Side, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of settlement of debts that are due, and behind them of those that are not.

    Due debts: least secured, most burdensome, earliest due. Others: earliest due.
    """
    due = documents.due[place] - int(documents.due.min())
    behind = max(int(due.max()) + 1, len(due))
    if not np.ptp(documents.security) and not np.ptp(documents.burden):
        return due, due + behind
    order = np.lexsort((due, -documents.burden[place], documents.security[place]))
    columns = [due[order], documents.burden[place][order], documents.security[place][order]]
    new = np.zeros(len(order), dtype=bool)
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    when_due = np.empty(len(order), dtype=np.int64)
    when_due[order] = np.cumsum(new)
    return when_due, due + behind


def _largest_first(
    rest: np.ndarray, tier: np.ndarray, turn: np.ndarray, begin: np.ndarray
) -> np.ndarray:
    """Positions by tier (ascending already), the largest remainder first, ties in their order."""
    bits = [int(a.max()).bit_length() for a in (tier, rest, turn)]
    if sum(bits) > 62:
        return np.lexsort((-rest, tier))
    packed = (tier << bits[1] | rest.max() - rest) << bits[2] | turn
    packed.sort()  # one number each sorts several times faster than keys do
    packed &= (1 << bits[2]) - 1
    packed += begin
    return packed


def _split(
    given: np.ndarray, weight: np.ndarray, sums: np.ndarray, count: np.ndarray
) -> np.ndarray:
    """Each tier's money in proportion to the weights of its ``count`` documents.

    By largest remainder, ties to the earlier; exact in integers. Where money covers the tier,
    its documents get all.
    """
    share, total = np.repeat(given, count), np.repeat(sums, count)
    out = np.where(share == total, weight, 0)
    part = np.flatnonzero((share != total) & (share > 0))
    if not len(part):
        return out
    share, total, w = share[part], total[part], weight[part]
    # The quotient by floats is off by a few units at most; integers that wrap around tell.
    whole = (share.astype(np.float64) * w / total).astype(np.int64)
    rest = share * w - whole * total
    carry = rest // total
    whole += carry
    rest -= carry * total
    tier = np.repeat(np.arange(len(count)), count)[part]
    first = np.flatnonzero(np.r_[True, tier[1:] != tier[:-1]])
    length = np.diff(np.r_[first, len(tier)])
    short = share[first] - np.add.reduceat(whole, first)
    begin = np.repeat(first, length)
    turn = np.arange(len(tier)) - begin
    by_rest = _largest_first(rest, tier, turn, begin)
    whole[by_rest[turn < np.repeat(short, length)]] += 1
    out[part] = whole
    return out
