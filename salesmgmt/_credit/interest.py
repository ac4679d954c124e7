"""Interest on late payment: agreed or by law, on every part of the debt for every day of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date
from ..engine.accrual import DAY_COUNTS, compounded_by_year, growth, year_fraction
from ..errors import InputError
from .books import KINDS, Options
from .ledger import as_days, take_position
from .settling import Position
from .tables import refuse_own_names

__all__ = ["INTEREST_RULES", "apply_payment", "late_interest"]

INTEREST_RULES = {
    "cn_order_802": (
        "China, State Council Order 802, article 17 (in force 2025-06-01): a small or medium firm "
        "owed for goods, works or services by a public body or a large firm. Agreed rate, at "
        "least the one-year LPR when the contract was made; without agreement 0.05 % a day."
    ),
    "cn_lpr": (
        "China, interpretation on sale contracts, article 18: sale contracts between other firms "
        "without an agreed rate. One-year LPR, increased by 30 % to 50 %."
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
_SCOPES_ZH = {
    "cn_order_802": (
        "中国，国务院令第802号第十七条（2025年6月1日起施行）：机关、事业单位、大型企业拖欠中小企业的货物、工程、"
        "服务款项。有约定的从约定，且不低于合同订立时一年期LPR；未约定的按每日万分之五。"
    ),
    "cn_lpr": (
        "中国，买卖合同司法解释第十八条：其他企业之间未约定利率的买卖合同。一年期LPR加计30%至50%。"
    ),
    "uk": (
        "英国，《1998年商业债务延迟支付（利息）法》：企业之间未另行约定实质性补救的合同。基准利率（逾期前最近一个"
        "12月31日或6月30日的英格兰银行基准利率）加8个百分点，单利；每笔另加40、70或100英镑。"
    ),
    "eu": (
        "欧盟，第2011/7/EU号指令：企业之间以及公共机构。每半年1月1日或7月1日的欧洲央行基准利率加8个百分点，"
        "单利；每笔至少40欧元；成员国可规定更高。"
    ),
}
_CLAIMED = ("due_date", "days_late", "principal", "interest", "interest_paid", "interest_due",
            "costs_due", "compensation", "rate", "scope", "as_of")  # fmt: skip
_SPANS = ("first_day", "last_day", "days", "principal", "rate", "interest", "as_of")
_DAILY_802 = 0.0005
_POINTS, _OVER_LPR = 0.08, 0.3
_LEAST, _MOST = -0.05, 0.25  # no reference rate was ever beyond: -0.88 % and 17 % are the ends
# In which the fixed sums are; what looks like the code of another currency is not.
_SUMS_IN = {"uk": ("GBP", "£", "英镑"), "eu": ("EUR", "€", "欧元")}


def late_interest(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    annual_rate: Any = None,
    grace_days: int = 0,
    day_count: Literal["act/365", "act/360", "30/360", "act/act"] = "act/365",
    compounding: Literal["simple", "daily", "monthly", "yearly"] = "simple",
    rates: pd.DataFrame | pd.Series | None = None,
    order: Literal["principal_first", "interest_first"] = "principal_first",
    rules: Literal["cn_order_802", "cn_lpr", "uk", "eu"] | None = None,
    margin: float | None = None,
    lpr: Literal["each_day", "breach"] = "each_day",
    costs: Any = None,
    detail: bool = False,
    lang: str = "en",
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
    day_count : {"act/365", "act/360", "30/360", "act/act"}
        How days become years; 30/360 is the bond basis, and by act/act a day of a leap year is
        1/366 of it. Interest runs from the day after the
        due date (and grace) to the day of payment or ``as_of``, both counted; a rate applies
        from its date on.
    compounding : {"simple", "daily", "monthly", "yearly"}
        Whether interest bears interest.
    rates : DataFrame or Series, optional
        ``date``, ``rate`` (a Series: rates by date): rates a year by the date they apply from
        (LPR, base rate), accrued piecewise. With ``rules="eu"`` they may be below 0 (the German
        Basiszinssatz was from 2013 to 2022).
    order : {"principal_first", "interest_first"}
        What a payment settles first. ``interest_first``: costs, then interest accrued so far,
        then principal (Civil Code art. 561, BGB section 367), so that principal lasts longer;
        a refund gives back principal, then interest, then costs.
        Write-offs, allowances and credit notes reduce principal only; money that the ledger
        leaves unapplied then pays what is left on the customer's settled invoices, the oldest
        due first. Either way interest stays due after the principal is paid.
    rules : {"cn_order_802", "cn_lpr", "uk", "eu"}, optional
        Statutory interest; each result line states the scope of its rule.
    margin : float, optional
        For ``"cn_lpr"``: increase over the LPR, 0.3 unless given; the text allows 0.3 to 0.5.
        For ``"eu"``: what is added to the reference rate, 0.08 unless given, the least that the
        Directive allows; member states have set more (Germany 0.09, France 0.10).
    lpr : {"each_day", "breach"}
        For ``"cn_lpr"``: the LPR in force on each day of the delay, or throughout the one in
        force when the debt became late (the wording of article 18; courts do both).
    costs : Series or mapping, optional
        Costs of collection by invoice, settled before interest with ``order="interest_first"``.
    detail : bool, default=False
        The sheet behind the sums: one row for each span of days with one principal and one rate.
    lang : {"en", "zh"}
        Language of ``scope``.

    Returns
    -------
    DataFrame
        One row an invoice that was ever late (without a due date: from its invoice date, and a
        ``DataWarning`` says how many): ``customer_id``, ``invoice_id``, ``currency`` if
        there is one, ``due_date``, ``days_late`` (days on which interest ran), ``principal``
        (still open), ``interest`` (accrued), ``interest_paid``, ``interest_due``, ``costs_due``,
        ``compensation`` (fixed sum of the rule, in pounds or euro; missing, with a warning, on
        documents in another currency), ``rate`` (on the last day), ``scope``, ``as_of``.
        With ``detail``: the keys, ``first_day``, ``last_day`` (both bear interest), ``days``,
        ``principal``, ``rate``, ``interest``, ``as_of``; the interest of an invoice's rows adds
        up to its sum to the cent.

    Raises
    ------
    InputError
        No rate is given, a rate is negative or in percent (a reference rate above 0.25 is),
        ``rates`` starts too late, ``costs`` names an unknown invoice.

    Warns
    -----
    DataWarning
        A rate is above 1, more than 100 % a year; invoices have no due date; the fixed sum of
        the rule is in another currency than a document.

    References
    ----------
    .. [1] Regulations on Ensuring Payments to Small and Medium-sized Enterprises, State Council
       Order 802 (2025), article 17.
    .. [2] Late Payment of Commercial Debts (Interest) Act 1998.
    .. [3] Directive 2011/7/EU on combating late payment in commercial transactions; German Civil
       Code (BGB) section 288 (2); French Commercial Code, article L441-10.

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
    door.check_choice(day_count, "day_count", tuple(DAY_COUNTS), caller=caller)
    door.check_choice(
        compounding, "compounding", ("simple", "daily", "monthly", "yearly"), caller=caller
    )
    door.check_choice(order, "order", ("principal_first", "interest_first"), caller=caller)
    if rules is not None:
        door.check_choice(rules, "rules", tuple(INTEREST_RULES), caller=caller)
    margin = _margin(margin, rules, caller)
    door.check_choice(lpr, "lpr", ("each_day", "breach"), caller=caller)
    if lpr == "breach" and rules != "cn_lpr":
        raise InputError(f"{caller}(): lpr='breach' is for rules='cn_lpr'; leave it out.")
    door.check_bool(detail, "detail", caller=caller)
    door.check_lang(lang, caller=caller)
    position = take_position(
        caller, invoices, payments, adjustments, as_of=as_of, method=method, fx=fx, options=options
    )
    names, known = position.books.names, position.books.currencies is not None
    who = ("customer", "invoice", *(("currency",) if known else ()))
    refuse_own_names(caller, names, who, _SPANS if detail else _CLAIMED)
    law = _Law(position, annual_rate, rates, rules, (margin, lpr), caller)
    law.count(grace_days, day_count, compounding)
    late = _in_order(position, np.flatnonzero(_ever_late(position, grace_days)))
    _say_no_due(position, late, caller)
    fees = _costs(costs, position, late, caller)
    debts = _debts(position, late, law, fees, order)
    if detail:
        return _sheet(position, late, debts)
    return _frame(position, late, debts, rules, lang)


def _margin(margin: float | None, rules: str | None, caller: str) -> float:
    """What is added to the reference rate: a share of the LPR, or points."""
    if margin is None:
        return _POINTS if rules in ("uk", "eu") else _OVER_LPR
    if rules not in ("cn_lpr", "eu"):
        raise InputError(
            f"{caller}(): margin is for rules='cn_lpr' or 'eu'; leave it out (the rate of the "
            "other rules is fixed, and an agreed one goes into annual_rate= or rates=)."
        )
    door.check_number(margin, "margin", caller=caller, low=0)
    if rules == "eu" and not _POINTS <= margin < 1:
        raise InputError(
            f"{caller}(): margin={margin:g} is no margin of rules='eu': the Directive asks for at "
            "least 0.08 (8 points) over the reference rate."
        )
    if margin > 3:  # four times the LPR is the most that Chinese courts grant
        raise InputError(
            f"{caller}(): margin={margin:g} adds {margin:.0%} of the LPR; 0.3 is 30 %."
        )
    return margin


def _in_order(position: Position, late: np.ndarray) -> np.ndarray:
    """Late documents by customer, due date and id."""
    documents = position.books.documents
    ids = documents.rows[position.books.names["invoice"]].iloc[late]
    codes = door.factorise(ids.to_frame(), [ids.name]).codes if len(late) else late
    return late[np.lexsort((codes, documents.due[late], documents.customer[late]))]


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


def _say_no_due(position: Position, late: np.ndarray, caller: str) -> None:
    """Warn of interest on documents whose due date nobody gave."""
    lost = int(position.books.documents.no_due[late].sum())
    if lost:
        door.warn(
            f"{caller}(): {lost} invoice(s) without due date bear interest from their invoice "
            f"date; give terms= (days by customer) or fill in "
            f"{position.books.names['due_date']!r}."
        )


def _events(position: Position, late: np.ndarray) -> list[list[tuple[int, int, bool]]]:
    """Of each late document: (day, units settled, whether by money), in order of days."""
    out: dict[int, list[tuple[int, int, bool]]] = {int(i): [] for i in late}
    mine = np.isin(position.document, late)
    day, document = position.day[mine], position.document[mine]
    money = position.books.receipts.kind[position.receipt[mine]] == KINDS.index("payment")
    order = np.lexsort((money, day, document))  # what was never owed goes before what is paid
    rows = (document[order], day[order], position.units[mine][order], money[order])
    for at, when, units, cash in zip(*(r.tolist() for r in rows), strict=True):
        out[at].append((when, units, cash))
    return [out[int(i)] for i in late]


def _spare(position: Position) -> dict[int, list[list[int]]]:
    """By customer and currency: [day, units] of money that settles no document, by day.

    What refunds have taken back, the latest first, is no longer there.
    """
    receipts = position.books.receipts
    at = np.flatnonzero((position.rest != 0) & (receipts.kind == KINDS.index("payment")))
    at = at[np.argsort(receipts.day[at], kind="stable")]
    out: dict[int, list[list[int]]] = {}
    refunds: dict[int, int] = {}
    for k in at.tolist():
        group, units = int(receipts.group[k]), int(position.rest[k])
        if units > 0:
            out.setdefault(group, []).append([int(receipts.day[k]), units])
        else:
            refunds[group] = refunds.get(group, 0) - units
    for group, back in refunds.items():
        for pair in reversed(out.get(group, [])):
            part = min(back, pair[1])
            pair[1] -= part
            back -= part
    return out


def _costs(costs: Any, position: Position, late: np.ndarray, caller: str) -> list[int]:
    if costs is None:
        return [0] * len(late)
    series = door.check_series(costs, "costs", caller=caller, low=0)
    every = position.books.documents.rows[position.books.names["invoice"]]
    unknown = ~series.index.isin(every)
    if unknown.any():
        first = ", ".join(repr(v) for v in series.index[unknown][:3])
        raise InputError(
            f"{caller}(): costs names {int(unknown.sum())} invoice(s) that are not in invoices up "
            f"to as_of (first: {first}); mend the labels of its index."
        )
    ids = every.iloc[late]
    known = series.reindex(pd.Index(ids)).fillna(0.0).to_numpy()
    return door.units(known, position.books.step, name="costs", caller=caller).tolist()


class _Debt:
    """One late document under way, in units; interest is rounded when it is paid or shown.

    ``booked`` is what the ledger has open. Where interest took a payment first, ``principal``
    is larger: what that payment no longer covered. ``by_money`` is the principal that money paid.
    """

    def __init__(self, i: int, units: int, start: int, law: _Law, fee: int, first: bool) -> None:
        self.i, self.start, self.law, self.fee, self.interest_first = i, start, law, fee, first
        self.principal = self.booked = self.late = units
        self.today, self.days, self.rate = start, 0, math.nan
        self.accrued, self.paid, self.costs, self.by_money = 0.0, 0, fee, 0
        self.spans: list[tuple[int, int, int, float, int]] = []  # the sheet behind the sums

    def run(self, day: int) -> None:
        """Let interest accrue up to the end of a day."""
        law = self.law
        compound = law.compounding != "simple"
        if day > self.today and (self.principal > 0 or (compound and self.accrued > self.paid)):
            self.days += day - self.today if self.principal > 0 else 0
            for a, b, rate in law.spans(self.i, self.today, day):
                base = self.principal + (self.accrued - self.paid if compound else 0.0)
                self.accrued += base * law.growth(rate, self.start, a, b)
                self.rate = rate
                self.spans.append((a, b, self.principal, rate, _nearest(self.accrued)))
        self.today = max(self.today, day)

    def settle(self, day: int, units: int, money: bool) -> None:
        """Something the ledger matched: money may go to costs and interest first."""
        self.run(day)
        self.booked -= units
        if money and self.interest_first:
            if units < 0:
                units = -self._back(-units)
            elif day > self.start:
                units = self._to_interest(self._to_costs(units))
            self.by_money += units
        self.principal -= units
        if day <= self.start:
            self.late = self.principal

    def draw(self, day: int, spare: list[list[int]]) -> None:
        """Money that the ledger has over pays what is left once the document is settled there."""
        if day <= self.start or self.booked:
            return
        for pair in spare:
            if pair[0] > day:
                return
            left = self._to_interest(self._to_costs(pair[1]))
            part = min(left, self.principal)
            self.principal -= part
            pair[1] = left - part

    def _back(self, units: int) -> int:
        """A refund undoes what money has settled, the last first; returns the principal of it."""
        principal = min(units, max(self.by_money, 0))
        interest = min(units - principal, self.paid)
        costs = min(units - principal - interest, self.costs - self.fee)
        self.paid -= interest
        self.fee += costs
        return units - interest - costs

    def _to_costs(self, units: int) -> int:
        part = min(units, self.fee)
        self.fee -= part
        return units - part

    def _to_interest(self, units: int) -> int:
        part = min(units, max(0, _nearest(self.accrued - self.paid)))
        self.paid += part
        return units - part


def _nearest(units: float) -> int:
    """The nearest whole number; a half goes up, also one that is a few last bits short."""
    return math.floor(units + 0.5 + max(1e-9, 1e-14 * units))


def _debts(
    position: Position, late: np.ndarray, law: _Law, fees: list[int], order: str
) -> list[_Debt]:
    """Every late document walked to the last day; those of one customer share what is over."""
    documents, today = position.books.documents, position.books.today
    first = order == "interest_first"
    spare = _spare(position) if first else {}
    done = []
    for i, fee, events in zip(late.tolist(), fees, _events(position, late), strict=True):
        start = int(documents.due[i]) + law.grace
        debt = _Debt(i, int(documents.units[i]), start, law, fee, first)
        settled = position.open[i] == 0
        mine = spare.get(int(documents.group[i]), []) if settled else []
        mine[:] = [pair for pair in mine if pair[1]]
        days = [*(pair[0] for pair in mine), *(event[0] for event in events)]
        coming: dict[int, list[tuple[int, int, bool]]] = {day: [] for day in days}
        for event in events:
            coming[event[0]].append(event)
        for day in sorted(coming):
            for event in coming[day]:
                debt.settle(*event)
            debt.run(day)
            debt.draw(day, mine)
        debt.run(today)
        done.append(debt)
    return done


class _Law:
    """Which rate runs on which day for which document."""

    def __init__(
        self,
        position: Position,
        annual_rate: Any,
        rates: Any,
        rules: str | None,
        over: tuple[float, str],
        caller: str,
    ) -> None:
        self.rules, self.caller = rules, caller
        self.margin, self.lpr = over
        self.documents = position.books.documents
        self.agreed = _agreed(annual_rate, position, rules, caller)
        self.from_day, self.rate = _table(rates, rules, caller)
        by_table = rates is not None
        if rules is None and (annual_rate is None) == (not by_table):
            raise InputError(f"{caller}(): give annual_rate= or rates= (one of them), or rules=.")
        if rules not in (None, "cn_order_802") and by_table and annual_rate is not None:
            raise InputError(f"{caller}(): rules={rules!r} takes rates= or annual_rate=, not both.")
        if rules == "cn_lpr" and not by_table:
            raise InputError(f"{caller}(): rules='cn_lpr' needs rates=, the one-year LPR by date.")
        if rules in ("uk", "eu") and not by_table and annual_rate is None:
            raise InputError(
                f"{caller}(): rules={rules!r} needs the reference rate: rates= by date, or "
                "annual_rate=."
            )

    def count(self, grace: int, day_count: str, compounding: str) -> None:
        """How days are counted; 0.05 % a day counts days whatever the day count is."""
        by_day = self.rules == "cn_order_802" and self.agreed is None
        self.grace, self.compounding = grace, compounding
        self.day_count = "act/365" if by_day else day_count
        self.days_a_year = DAY_COUNTS[self.day_count]

    def growth(self, rate: float, origin: int, start: int, end: int) -> float:
        """Interest on one unit between two days of a debt that runs from ``origin`` on.

        Counted from the origin each time: cutting a span in two then never changes the sum,
        which 30/360 by itself does not keep at the end of a month.
        """
        if self.day_count == "act/act" and self.compounding == "daily":
            return compounded_by_year(rate, start, end)
        a, b = (year_fraction(origin, day, self.day_count) for day in (start, end))
        return growth(rate, b - a, self.compounding, self.days_a_year)

    def spans(self, i: int, start: int, end: int) -> list[tuple[int, int, float]]:
        """(from, to, rate) of one document between two days; the rate of the days after from."""
        cuts = [start, *self._changes(start, end), end]
        return [(a, b, self._on(i, a + 1)) for a, b in zip(cuts, cuts[1:]) if b > a]

    def _changes(self, start: int, end: int) -> list[int]:
        """Last days before the rate changes, strictly inside."""
        if self.rules in ("uk", "cn_order_802") or not len(self.rate):
            return []
        if self.rules == "cn_lpr" and self.lpr == "breach":
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
        late_from = int(self.documents.due[i]) + self.grace + 1
        if self.rules == "cn_lpr":
            at = late_from if self.lpr == "breach" else day
            return self._quoted(at) * (1.0 + self.margin)
        if len(self.rate):
            at = _half_before(late_from) if self.rules == "uk" else _half_of(day)
            return self._quoted(at) + self.margin
        return (agreed or 0.0) + self.margin

    def _quoted(self, day: int) -> float:
        at = int(np.searchsorted(self.from_day, day, side="right")) - 1
        if at < 0:
            when = np.datetime64(day, "D")
            raise InputError(f"{self.caller}(): rates starts after {when}, when a rate is needed.")
        return float(self.rate[at])


def _agreed(
    annual_rate: Any, position: Position, rules: str | None, caller: str
) -> np.ndarray | None:
    """Agreed rate of each document, or the reference rate given in its place."""
    if annual_rate is None:
        return None
    books = position.books
    least = _LEAST if rules == "eu" else 0
    reference = rules in _SUMS_IN
    if isinstance(annual_rate, pd.Series | Mapping):
        series = door.check_series(annual_rate, "annual_rate", caller=caller, low=least)
        whose = f" of {series.idxmax()!r}" if len(series) else ""
        _refuse_percent(series.max(), whose, reference, caller)
        known = series.reindex(books.customers.index).to_numpy()
        by_document = known[books.documents.customer]
        without = np.isnan(by_document)
        if without.any():
            lost = books.customers.index[books.documents.customer[without].min()]
            raise InputError(f"{caller}(): annual_rate has no rate for customer {lost!r}.")
        return by_document
    door.check_number(annual_rate, "annual_rate", caller=caller, low=least)
    _refuse_percent(float(annual_rate), "", reference, caller)
    return np.full(len(books.documents), float(annual_rate))


def _refuse_percent(rate: float, whose: str, reference: bool, caller: str) -> None:
    if reference and rate > _MOST:
        raise InputError(
            f"{caller}(): annual_rate={rate:g}{whose} is no reference rate ({rate:.0%} a year, "
            f"without the points of the rule); {rate:g} % is {rate / 100:g}."
        )
    if rate >= 3:
        raise InputError(
            f"{caller}(): annual_rate={rate:g}{whose} is {rate:.0%} a year; 0.12 is 12 %."
        )
    if rate > 1:  # a penalty of so much a day may be agreed: told, not refused
        door.warn(
            f"{caller}(): annual_rate={rate:g}{whose} is {rate:.0%} a year; if {rate:g} % was "
            f"meant, give {rate / 100:g}."
        )


def _table(rates: Any, rules: str | None, caller: str) -> tuple[np.ndarray, np.ndarray]:
    if rates is None:
        return np.empty(0, dtype=np.int64), np.empty(0)
    if isinstance(rates, pd.Series):
        rates = pd.DataFrame({"date": rates.index, "rate": rates.to_numpy()})
    rows = door.take(
        rates, caller=caller, arg="rates", unique=("date",),
        date=Date("date", option=""),
        rate=Amount("rate", low=_LEAST if rules == "eu" else 0, option=""),
    )  # fmt: skip
    most = 1.0 if rules is None else _MOST
    above = rows["rate"] > most
    if above.any():
        first = float(rows["rate"][above][0])
        what = "" if rules is None else " and no reference rate was ever so high"
        raise InputError(
            f"{caller}(): rates: column 'rate' is above {most:g} in {int(above.sum())} row(s) "
            f"(first: {first:g}, which is {first:.0%} a year{what}); 0.03 is 3 %, so divide per "
            "cent by 100."
        )
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


def _compensation(
    owed: np.ndarray, currency: pd.Series | None, rules: str | None, caller: str
) -> np.ndarray:
    """Fixed sums of the rule, by the size of the debt when it became late.

    They are in one currency: missing where a debt is in another, so that nobody adds up the two.
    """
    if rules not in _SUMS_IN:
        return np.zeros(len(owed))
    out = np.full(len(owed), 40.0)
    if rules == "uk":
        out = np.select([owed < 1000, owed < 10_000], [40.0, 70.0], 100.0)
    if currency is None:
        return out
    words = currency.astype(str).str.strip().str.upper()
    codes = words.str.fullmatch("[A-Z]{3}") | words.isin([n for v in _SUMS_IN.values() for n in v])
    other = (codes & ~words.isin(_SUMS_IN[rules])).to_numpy(dtype=bool)
    if other.any():
        names = ", ".join(repr(v) for v in sorted(currency[other].unique(), key=str)[:3])
        door.warn(
            f"{caller}(): the fixed sum of rules={rules!r} is in {_SUMS_IN[rules][0]}; "
            f"compensation is missing for {int(other.sum())} invoice(s) in another currency "
            f"({names}). Convert with fx=, or add what the law there sets."
        )
    return np.where(other, np.nan, out)


def _frame(
    position: Position, late: np.ndarray, debts: list[_Debt], rules: str | None, lang: str
) -> pd.DataFrame:
    books = position.books
    documents = books.documents

    def money(units: list[int]) -> np.ndarray:
        return door.money(np.array(units, dtype=np.int64), books.step)

    out = _keys(position, late)
    accrued = [_nearest(d.accrued) for d in debts]
    out["due_date"] = as_days(documents.due[late], ~documents.no_due[late])
    out["days_late"] = np.array([d.days for d in debts], dtype=np.int64)
    out["principal"] = money([d.principal for d in debts])
    out["interest"] = money(accrued)
    out["interest_paid"] = money([d.paid for d in debts])
    out["interest_due"] = money([a - d.paid for a, d in zip(accrued, debts, strict=True)])
    out["costs_due"] = money([d.fee for d in debts])
    currency = None if books.currencies is None else out[books.names["currency"]]
    owed = money([d.late for d in debts])
    out["compensation"] = _compensation(owed, currency, rules, books.caller)
    out["rate"] = np.array([d.rate for d in debts], dtype=np.float64)
    scopes, agreed = (_SCOPES_ZH, "按约定") if lang == "zh" else (INTEREST_RULES, "as agreed")
    out["scope"] = scopes[rules] if rules else agreed
    out["as_of"] = books.as_of
    return out


def _keys(position: Position, rows: np.ndarray) -> pd.DataFrame:
    """Customer, invoice and currency of documents."""
    books = position.books
    documents, names = books.documents, books.names
    customer = books.customers.labels.iloc[:, 0]
    ids = documents.rows[names["invoice"]]
    out = pd.DataFrame(
        {
            names["customer"]: customer.take(documents.customer[rows]).reset_index(drop=True),
            names["invoice"]: ids.iloc[rows].reset_index(drop=True),
        }
    )
    if books.currencies is not None:
        labels = books.currencies.labels.iloc[:, 0]
        out[names["currency"]] = labels.take(documents.currency[rows]).reset_index(drop=True)
    return out


def _sheet(position: Position, late: np.ndarray, debts: list[_Debt]) -> pd.DataFrame:
    """One row a span; each bears what the rounded sum has grown by."""
    count = np.array([len(d.spans) for d in debts], dtype=np.int64)
    spans = [span for d in debts for span in d.spans]
    a, b, principal, rate, accrued = (
        np.array([span[k] for span in spans], dtype=np.float64 if k == 3 else np.int64)
        for k in range(5)
    )
    before = np.r_[0, accrued[:-1]] if len(accrued) else accrued
    before[(np.cumsum(count) - count)[count > 0]] = 0
    step = position.books.step
    out = _keys(position, np.repeat(late, count))
    out["first_day"], out["last_day"] = as_days(a + 1), as_days(b)
    out["days"] = b - a
    out["principal"] = door.money(principal, step)
    out["rate"] = rate
    out["interest"] = door.money(accrued - before, step)
    out["as_of"] = position.books.as_of
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

    References
    ----------
    .. [1] Civil Code of the People's Republic of China, article 561; German Civil Code (BGB),
       section 367.

    Examples
    --------
    >>> from salesmgmt.credit import apply_payment
    >>> apply_payment(50.0, fee=5.0, interest=0.25, principal=100.0).to_dict()
    {'fee': 0.0, 'interest': 0.0, 'principal': 55.25, 'unapplied': 0.0}
    """
    caller = "apply_payment"
    owed = {"fee": fee, "interest": interest, "principal": principal}
    if not isinstance(order, Sequence) or set(order) != set(owed) or len(order) != len(owed):
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
