"""Matching by rules that look at what is open on the day: latest first, proportional, by law.

Unlike a queue, these depend on which documents exist when a receipt arrives, so each group is
replayed day by day: documents enter, then money that waits and money that comes is spread over
what is open. Whole units throughout; ties go to the smaller rank.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["RULES", "replay"]

# (open documents, their open units, the day) -> groups of documents in order of settlement;
# within a group the money is split in proportion to what is open.
Rule = Callable[[list[int], int, "Documents"], list[list[int]]]


class Documents:
    """Columns that rules look at, as plain lists."""

    def __init__(
        self,
        day: np.ndarray,
        due: np.ndarray,
        rank: np.ndarray,
        security: np.ndarray,
        burden: np.ndarray,
    ) -> None:
        self.day, self.due, self.rank = day.tolist(), due.tolist(), rank.tolist()
        self.security, self.burden = security.tolist(), burden.tolist()


def replay(
    rule: str,
    groups: tuple[np.ndarray, np.ndarray],
    days: tuple[np.ndarray, np.ndarray],
    units: tuple[np.ndarray, np.ndarray],
    documents: Documents,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matches (document, receipt, units) of all groups; the pairs of arrays are (debits, credits).

    Both sides sorted by group; credits in the order in which they are to be spent.
    """
    pairs: list[tuple[int, int, int]] = []
    debit_group, credit_group = groups
    shared = np.intersect1d(debit_group, credit_group)
    bounds = [
        (np.searchsorted(g, shared), np.searchsorted(g, shared, side="right")) for g in groups
    ]
    open_units = units[0].tolist()
    left = units[1].tolist()
    credit_day = days[1].tolist()
    for k in range(len(shared)):
        debits = range(int(bounds[0][0][k]), int(bounds[0][1][k]))
        credits = range(int(bounds[1][0][k]), int(bounds[1][1][k]))
        _replay_group(RULES[rule], debits, credits, open_units, left, credit_day, documents, pairs)
    table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _replay_group(
    rule: Rule,
    debits: range,
    credits: range,
    open_units: list[int],
    left: list[int],
    credit_day: list[int],
    documents: Documents,
    pairs: list[tuple[int, int, int]],
) -> None:
    to_come = sorted(debits, key=lambda i: (documents.day[i], documents.rank[i]))
    waiting: list[int] = []
    arriving = list(credits)
    live: list[int] = []
    for today in sorted({documents.day[i] for i in debits} | {credit_day[j] for j in credits}):
        while to_come and documents.day[to_come[0]] <= today:
            live.append(to_come.pop(0))
        while arriving and credit_day[arriving[0]] <= today:
            waiting.append(arriving.pop(0))
        while waiting and live:
            _spend(rule, waiting[0], today, live, open_units, left, documents, pairs)
            live[:] = [i for i in live if open_units[i]]
            if left[waiting[0]]:
                break
            waiting.pop(0)


def _spend(
    rule: Rule,
    receipt: int,
    today: int,
    live: list[int],
    open_units: list[int],
    left: list[int],
    documents: Documents,
    pairs: list[tuple[int, int, int]],
) -> None:
    for tier in rule(live, today, documents):
        if not left[receipt]:
            return
        amount = min(left[receipt], sum(open_units[i] for i in tier))
        ranked = sorted(tier, key=lambda i: documents.rank[i])
        for i, part in zip(ranked, _split(amount, [open_units[i] for i in ranked]), strict=True):
            if part:
                pairs.append((i, receipt, part))
                open_units[i] -= part
                left[receipt] -= part


def _split(amount: int, weights: list[int]) -> list[int]:
    """``amount`` in proportion to ``weights``, largest remainder; exact in integers."""
    total = sum(weights)
    if amount >= total:
        return weights
    parts = [amount * w // total for w in weights]
    by_remainder = sorted(range(len(weights)), key=lambda k: (-(amount * weights[k] % total), k))
    for k in by_remainder[: amount - sum(parts)]:
        parts[k] += 1
    return parts


def _latest_first(live: list[int], today: int, documents: Documents) -> list[list[int]]:
    order = sorted(live, key=lambda i: (-documents.day[i], documents.rank[i]))
    return [[i] for i in order]


def _all_alike(live: list[int], today: int, documents: Documents) -> list[list[int]]:
    return [list(live)]


def _civil_code_560(live: list[int], today: int, documents: Documents) -> list[list[int]]:
    """Due debts first: least secured, most burdensome, earliest due; equals in proportion."""
    tiers: dict[tuple[float, ...], list[int]] = {}
    for i in live:
        due = documents.due[i]
        if due <= today:
            key = (0.0, documents.security[i], -documents.burden[i], due)
        else:
            key = (1.0, 0.0, 0.0, due)
        tiers.setdefault(key, []).append(i)
    return [tiers[key] for key in sorted(tiers)]


RULES: dict[str, Rule] = {
    "lifo": _latest_first,
    "proportional": _all_alike,
    "cn_560": _civil_code_560,
}
