"""Interest on late payment: agreed or by law, on every part of the debt for every day of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date
from ..engine.accrual import DAY_COUNTS, growth, year_fraction
from ..engine.units import to_units
from ..errors import InputError
from .books import Options
from .ledger import as_days, take_position
from .settling import Position

__all__ = ["INTEREST_RULES", "apply_payment", "late_interest"]

INTEREST_RULES = {
    "cn_order_802": (
        "China, State Council Order 802, article 17 (in force 2025-06-01): a small or medium firm "
        "owed for goods, works or services by a public body or a large firm. Agreed rate, at "
        "least the one-year LPR when the contract was made; without agreement 0.05 % a day."
    ),
    "cn_lpr": (
        "China, interpretation on sale contracts, article 18: sale contracts between other firms "
        "without an agreed rate. One-year LPR of each day, increased by 30 % to 50 %."
    ),
    "uk": (
        "United Kingdom, Late Payment of Commercial Debts (Interest) Act 1998: contracts between "
        "businesses without a substantial remedy of their own. Reference rate (Bank of England "
        "base rate of the last 31 December or 30 June before the debt was late) plus 8 points, "
        "simple, and 40, 70 or 100 pounds a debt."
    ),
    "eu": (
        "European Union, Directive 2011/7/EU: between businesses, and by public authorities. ECB "
        "reference rate of 1 January or 1 July of each half-year plus 8 points, simple, and at "
        "least 40 euro a claim; member states may set more."
    ),
}
_DAILY_802 = 0.0005
_POINTS = 0.08


def late_interest(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    annual_rate: Any = None,
    grace_days: int = 0,
    day_count: Literal["act/365", "act/360", "30/360"] = "act/365",
    compounding: Literal["simple", "daily", "monthly", "yearly"] = "simple",
    rates: pd.DataFrame | None = None,
    order: Literal["principal_first", "interest_first"] = "principal_first",
    rules: Literal["cn_order_802", "cn_lpr", "uk", "eu"] | None = None,
    margin: float = 0.3,
    costs: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Interest due on what was paid late or is late still, invoice by invoice.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`: it says which payment reduced which invoice, and when.
    annual_rate : float or Series, optional
        Agreed rate a year (0.12 is 12 %), or by customer. With ``rules="uk"`` or ``"eu"``: the
        reference rate, without the eight points.
    grace_days : int, default=0
        Interest starts that many days after the due date.
    day_count : {"act/365", "act/360", "30/360"}
        How days become years.
    compounding : {"simple", "daily", "monthly", "yearly"}
        Whether interest bears interest.
    rates : DataFrame, optional
        ``date``, ``rate``: rates a year by the date they apply from (LPR, base rate), accrued
        piecewise.
    order : {"principal_first", "interest_first"}
        What a payment settles first. ``interest_first``: costs, then interest accrued so far,
        then principal (Civil Code art. 561, BGB section 367), so that principal lasts longer.
        Either way interest stays due after the principal is paid.
    rules : {"cn_order_802", "cn_lpr", "uk", "eu"}, optional
        Statutory interest; each result line states the scope of its rule.
    margin : float, default=0.3
        Increase over the LPR for ``"cn_lpr"``; the text allows 0.3 to 0.5.
    costs : Series, optional
        Costs of collection by invoice, settled before interest with ``order="interest_first"``.

    Returns
    -------
    DataFrame
        One row an invoice that was ever late: ``customer_id``, ``invoice_id``, ``currency`` if
        there is one, ``due_date``, ``days_late`` (days on which interest ran), ``principal``
        (still open), ``interest`` (accrued), ``interest_paid``, ``interest_due``, ``costs_due``,
        ``compensation`` (fixed sum of the rule), ``rate`` (on the last day), ``scope``, ``as_of``.

    Raises
    ------
    InputError
        No rate is given, a rate is negative, ``rates`` starts too late.

    References
    ----------
    .. [1] Regulations on Ensuring Payments to Small and Medium-sized Enterprises, State Council
       Order 802 (2025), article 17.
    .. [2] Late Payment of Commercial Debts (Interest) Act 1998.
    .. [3] Directive 2011/7/EU on combating late payment in commercial transactions.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import late_interest
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a"], "customer_id": ["A"], "amount": [100000.0],
    ...     "invoice_date": ["2025-07-01"], "due_date": ["2025-08-30"]})
    >>> got = late_interest(invoices, as_of="2025-10-14", rules="cn_order_802")
    >>> got[["days_late", "interest"]].to_numpy().tolist()
    [[45.0, 2250.0]]
    """
    caller = "late_interest"
    door.check_int(grace_days, "grace_days", caller=caller, low=0)
    door.check_choice(day_count, "day_count", DAY_COUNTS, caller=caller)
    door.check_choice(
        compounding, "compounding", ("simple", "daily", "monthly", "yearly"), caller=caller
    )
    door.check_choice(order, "order", ("principal_first", "interest_first"), caller=caller)
    if rules is not None:
        door.check_choice(rules, "rules", tuple(INTEREST_RULES), caller=caller)
    door.check_number(margin, "margin", caller=caller, low=0)
    position = take_position(
        caller, invoices, payments, adjustments, as_of=as_of, method=method, fx=fx, options=options
    )
    law = _Law(position, annual_rate, rates, rules, margin, day_count, caller)
    late = np.flatnonzero(_ever_late(position, grace_days))
    fees = _costs(costs, position, late, caller)
    table = [
        _of_invoice(position, int(i), law, grace_days, compounding, order, fee, events)
        for i, fee, events in zip(late, fees, _events(position, late), strict=True)
    ]
    return _frame(position, late, np.array(table).reshape(-1, 6), rules, law)


def _ever_late(position: Position, grace: int) -> np.ndarray:
    """Documents of which some part was open after its due date and the days of grace."""
    documents = position.books.documents
    start = documents.due + grace
    paid_late = np.zeros(len(documents), dtype=bool)
    after = position.day > start[position.document]
    paid_late[position.document[after & (position.units > 0)]] = True
    return (documents.units > 0) & (
        paid_late | ((position.open > 0) & (start < position.books.today))
    )


def _events(position: Position, late: np.ndarray) -> list[list[tuple[int, int]]]:
    """Of each late document: (day, units settled), in order of days."""
    out: dict[int, list[tuple[int, int]]] = {int(i): [] for i in late}
    day = position.day
    for k in np.argsort(day, kind="stable").tolist():
        at = int(position.document[k])
        if at in out:
            out[at].append((int(day[k]), int(position.units[k])))
    return [out[int(i)] for i in late]


def _costs(costs: Any, position: Position, late: np.ndarray, caller: str) -> list[int]:
    if costs is None:
        return [0] * len(late)
    series = door.check_series(costs, "costs", caller=caller, low=0)
    ids = position.books.documents.rows[position.books.names["invoice"]].iloc[late]
    known = series.reindex(pd.Index(ids)).fillna(0.0).to_numpy()
    return door.units(known, position.books.step, name="costs", caller=caller).tolist()


def _of_invoice(
    position: Position,
    i: int,
    law: _Law,
    grace: int,
    compounding: str,
    order: str,
    fee: float,
    events: list[tuple[int, int]],
) -> tuple[float, float, float, float, float, float]:
    """Days, principal, interest, interest paid, costs left and the last rate of one document.

    Everything in units; interest is carried unrounded and rounded when it is paid or shown.
    """
    documents = position.books.documents
    principal = float(documents.units[i])
    start = int(documents.due[i]) + grace
    last = position.books.today
    accrued = paid = 0.0
    days, rate = 0, float("nan")
    today = start
    for day, units in [*events, (last, 0)]:
        if day > today and principal > 0:
            days += day - today
            for a, b, rate in law.spans(i, today, day):
                base = principal + (accrued - paid if compounding != "simple" else 0.0)
                years = law.years(a, b)
                accrued += base * float(growth(np.array(rate), np.array(years), compounding))
        today = max(today, day)
        money = float(units)
        if order == "interest_first" and day > start and money > 0:
            off = min(money, fee)
            fee, money = fee - off, money - off
            due = float(to_units(np.array([accrued - paid]), 1)[0])
            share = min(money, due)
            paid, money = paid + share, money - share
        principal -= money
    return days, principal, accrued, paid, fee, rate


class _Law:
    """Which rate runs on which day for which document."""

    def __init__(
        self,
        position: Position,
        annual_rate: Any,
        rates: Any,
        rules: str | None,
        margin: float,
        day_count: str,
        caller: str,
    ) -> None:
        self.rules, self.margin, self.day_count, self.caller = rules, margin, day_count, caller
        self.documents = position.books.documents
        self.agreed = _agreed(annual_rate, position, caller)
        self.from_day, self.rate = _table(rates, caller)
        by_table = rates is not None
        if rules is None and (annual_rate is None) == (not by_table):
            raise InputError(f"{caller}(): give annual_rate= or rates= (one of them), or rules=.")
        if rules == "cn_lpr" and not by_table:
            raise InputError(f"{caller}(): rules='cn_lpr' needs rates=, the one-year LPR by date.")
        if rules in ("uk", "eu") and not by_table and annual_rate is None:
            raise InputError(
                f"{caller}(): rules={rules!r} needs the reference rate: rates= by date, or "
                "annual_rate=."
            )

    def spans(self, i: int, start: int, end: int) -> list[tuple[int, int, float]]:
        """(from, to, rate) of one document between two days; the rate of the days after from."""
        cuts = [start, *self._changes(i, start, end), end]
        return [(a, b, self._on(i, a + 1)) for a, b in zip(cuts, cuts[1:]) if b > a]

    def years(self, start: int, end: int) -> float:
        """Length of a span; 0.05 % a day counts days whatever the day count is."""
        if self._daily:
            return (end - start) / 365.0
        return float(year_fraction(np.array([start]), np.array([end]), self.day_count)[0])

    @property
    def _daily(self) -> bool:
        return self.rules == "cn_order_802" and self.agreed is None

    def _changes(self, i: int, start: int, end: int) -> list[int]:
        """Last days before the rate changes, strictly inside."""
        if self.rules in ("uk", "cn_order_802") or not len(self.rate):
            return []
        if self.rules == "eu":
            halves = _halves(start, end)
            return [h - 1 for h in halves if start < h - 1 < end]
        return [int(d) - 1 for d in self.from_day if start < d - 1 < end]

    def _on(self, i: int, day: int) -> float:
        agreed = None if self.agreed is None else float(self.agreed[i])
        if self.rules is None:
            return agreed if agreed is not None else self._quoted(day)
        if self.rules == "cn_order_802":
            if agreed is None:
                return _DAILY_802 * 365.0
            made = int(self.documents.day[i])
            return max(agreed, self._quoted(made)) if len(self.rate) else agreed
        if self.rules == "cn_lpr":
            return self._quoted(day) * (1.0 + self.margin)
        if len(self.rate):
            late_from = int(self.documents.due[i]) + 1
            at = _half_before(late_from) if self.rules == "uk" else _half_of(day)
            return self._quoted(at) + _POINTS
        return (agreed or 0.0) + _POINTS

    def _quoted(self, day: int) -> float:
        at = int(np.searchsorted(self.from_day, day, side="right")) - 1
        if at < 0:
            when = np.datetime64(day, "D")
            raise InputError(f"{self.caller}(): rates starts after {when}, when a rate is needed.")
        return float(self.rate[at])


def _agreed(annual_rate: Any, position: Position, caller: str) -> np.ndarray | None:
    """Agreed rate of each document."""
    if annual_rate is None:
        return None
    books = position.books
    if isinstance(annual_rate, pd.Series | dict):
        series = door.check_series(annual_rate, "annual_rate", caller=caller, low=0)
        known = series.reindex(books.customers.index).to_numpy()
        if np.isnan(known[books.documents.customer]).any():
            lost = books.customers.index[np.isnan(known)][0]
            raise InputError(f"{caller}(): annual_rate has no rate for customer {lost!r}.")
        return known[books.documents.customer]
    door.check_number(annual_rate, "annual_rate", caller=caller, low=0)
    if annual_rate >= 3:
        raise InputError(
            f"{caller}(): annual_rate={annual_rate:g} is {annual_rate:.0%} a year; 0.12 is 12 %."
        )
    return np.full(len(books.documents), float(annual_rate))


def _table(rates: Any, caller: str) -> tuple[np.ndarray, np.ndarray]:
    if rates is None:
        return np.empty(0, dtype=np.int64), np.empty(0)
    rows = door.take(
        rates, caller=caller, arg="rates", unique=("date",),
        date=Date("date"), rate=Amount("rate", low=0, high=1),
    )  # fmt: skip
    at = np.argsort(rows.days("date"), kind="stable")
    return rows.days("date")[at], rows["rate"][at]


def _half_of(day: int) -> int:
    """First day of the half-year a day lies in."""
    month = np.datetime64(day, "D").astype("datetime64[M]").astype(int)
    first = np.datetime64(int(month) // 6 * 6, "M")
    return int(first.astype("datetime64[D]").astype(int))


def _half_before(day: int) -> int:
    """The last 31 December or 30 June before a day."""
    return _half_of(day) - 1


def _halves(start: int, end: int) -> list[int]:
    out, at = [], _half_of(end)
    while at > start:
        out.append(at)
        at = _half_of(at - 1)
    return out[::-1]


def _compensation(principal: np.ndarray, rules: str | None) -> np.ndarray:
    """Fixed sums of the rule, by the size of the debt, in its currency."""
    if rules == "uk":
        return np.select([principal < 1000, principal < 10_000], [40.0, 70.0], 100.0)
    return np.full(len(principal), 40.0 if rules == "eu" else 0.0)


def _frame(
    position: Position, late: np.ndarray, table: np.ndarray, rules: str | None, law: _Law
) -> pd.DataFrame:
    books = position.books
    documents, names, step = books.documents, books.names, books.step
    ids = documents.rows[names["invoice"]].iloc[late]
    order = np.lexsort(
        (door.factorise(ids.to_frame(), [ids.name]).codes if len(late) else late,
         documents.due[late], documents.customer[late])
    )  # fmt: skip
    late, table = late[order], table[order]
    units = to_units(table[:, 1:5], 1)
    customer = books.customers.labels.iloc[:, 0]
    out = pd.DataFrame(
        {
            names["customer"]: customer.take(documents.customer[late]).reset_index(drop=True),
            names["invoice"]: ids.iloc[order].reset_index(drop=True),
        }
    )
    if books.currencies is not None:
        labels = books.currencies.labels.iloc[:, 0]
        out[names["currency"]] = labels.take(documents.currency[late]).reset_index(drop=True)
    out["due_date"] = as_days(documents.due[late])
    out["days_late"] = table[:, 0].astype(np.int64)
    out["principal"] = door.money(units[:, 0], step)
    out["interest"] = door.money(units[:, 1], step)
    out["interest_paid"] = door.money(units[:, 2], step)
    out["interest_due"] = door.money(units[:, 1] - units[:, 2], step)
    out["costs_due"] = door.money(units[:, 3], step)
    out["compensation"] = _compensation(door.money(documents.units[late], step), rules)
    out["rate"] = table[:, 5]
    out["scope"] = INTEREST_RULES[rules] if rules else "as agreed"
    out["as_of"] = books.as_of
    return out


def apply_payment(
    payment: float,
    *,
    fee: float = 0.0,
    interest: float = 0.0,
    principal: float,
    order: Sequence[str] = ("fee", "interest", "principal"),
    step: float = 0.01,
) -> pd.Series:
    """What is left of costs, interest and principal after one payment.

    Parameters
    ----------
    payment : float
        The money received, >= 0.
    fee, interest, principal : float
        What is owed of each, >= 0.
    order : sequence of str
        Which is settled first; by default costs, interest, principal (Civil Code art. 561, BGB
        section 367).
    step : float, default=0.01
        Smallest unit.

    Returns
    -------
    Series
        ``fee``, ``interest``, ``principal``: what is left; ``unapplied``: what the payment has
        over.

    Raises
    ------
    InputError
        An amount is negative; ``order`` does not name the three once each.

    Examples
    --------
    >>> from salesmgmt.credit import apply_payment
    >>> apply_payment(50.0, fee=5.0, interest=0.25, principal=100.0).to_dict()
    {'fee': 0.0, 'interest': 0.0, 'principal': 55.25, 'unapplied': 0.0}
    """
    caller = "apply_payment"
    owed = {"fee": fee, "interest": interest, "principal": principal}
    if sorted(order) != sorted(owed):
        raise InputError(f"{caller}(): order must name {', '.join(owed)} once each.")
    for name, value in [("payment", payment), *owed.items()]:
        door.check_number(value, name, caller=caller, low=0)
    units = door.units(np.array([payment, *owed.values()]), step, name="amounts", caller=caller)
    left = dict(zip(owed, units[1:].tolist(), strict=True))
    money = int(units[0])
    for name in order:
        part = min(money, left[name])
        left[name] -= part
        money -= part
    amounts = door.money(np.array([*left.values(), money]), step)
    return pd.Series(amounts, index=[*left, "unapplied"])
