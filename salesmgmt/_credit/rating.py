"""Customers' credit: rating from how they pay, limits, the order at hand, contract terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key
from ..errors import InputError
from .behaviour import YEAR, by_customer
from .books import Options
from .ledger import is_ledger, take_position
from .tables import as_frame, label_ranks, names_in, refuse_other_kinds

__all__ = [
    "CN_LIMIT_POLICY",
    "check_order",
    "check_terms",
    "credit_limits",
    "rate_customers",
]

#: Grades and factors of a policy common in China: limit = monthly sales x months x factor.
CN_LIMIT_POLICY = {
    "months": 2.0,
    "factors": {"AAA": 1.5, "AA": 1.0, "A": 0.8, "B": 0.6, "C": 0.0, "D": 0.0, "NR": 0.0},
}
_GRADES = {"AAA": 90.0, "AA": 80.0, "A": 70.0, "B": 60.0, "C": 0.0}
_WEIGHTS = {"payment": 0.35, "overdue": 0.20, "activity": 0.25, "tenure": 0.20, "extra": 0.20}
_RATED = (
    "score", "grade", "reasons", "payment", "overdue", "activity", "tenure", "extra", "days_late",
    "on_time", "max_days_past_due", "monthly_sales", "exposure", "default", "as_of",
)  # fmt: skip
_LIMITED = ("grade", "limit", "exposure", "available", "use", "as_of")
_ORDERED = (
    "amount", "exposure", "limit", "available", "days_past_due", "decision", "reason", "as_of",
)  # fmt: skip
_FOUND = ("rule", "value", "limit", "severity", "remedy")
_LONG = 60.0  # days late at which the payment part of the score is spent
_TENURE = 3 * 365.0
_ACTIVE = 6.0  # months with invoices in twelve that make a regular customer


def rate_customers(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    extra: pd.DataFrame | None = None,
    default_days: int = 90,
    weights: Mapping[str, float] | pd.Series | None = None,
    grades: Mapping[str, float] | pd.Series | None = None,
    lang: str = "en",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Score and grade of each customer from how it pays, with the reasons in words.

    Four parts of 0 to 100, weighted: ``payment`` (of invoices due in the last 365 days or later,
    half the share of the money paid or past due that was paid on time, half its days late on
    average, spent at 60), ``overdue`` (share of the balance past due and age of the oldest, spent
    at 90 days), ``activity`` (months with invoices of the last 365 days, full at six), ``tenure``
    (years since the first invoice, full at three).
    A part without data is left out of the average.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`. A customer with several currencies needs ``fx``.
    extra : DataFrame, optional
        Given facts: ``customer_id`` and one or more columns of points from 0 to 100
        (financials, references, ...), averaged into a fifth part.
    default_days : int, default=90
        A customer with anything open more than this past due, or written off, is in default:
        score 0, grade ``D``. One without data for any weighted part is ``NR``, not rated.
    weights : mapping or Series, optional
        Weights of ``payment``, ``overdue``, ``activity``, ``tenure``, ``extra``.
    grades : mapping or Series, optional
        Lowest score of each grade; by default AAA 90, AA 80, A 70, B 60, C 0.
    lang : {"en", "zh"}
        Language of the reasons.

    Returns
    -------
    DataFrame
        ``customer_id``, ``score``, ``grade``, ``reasons``, ``payment``, ``overdue``,
        ``activity``, ``tenure``, ``extra`` if given, ``days_late``, ``on_time``,
        ``max_days_past_due``, ``monthly_sales`` (invoices less credit notes of the last 365
        days, a month; of a newer customer since its first invoice), ``exposure`` (what is open),
        ``default``, ``as_of``.

    Raises
    ------
    InputError
        As for :func:`ledger`; points outside 0 to 100; unknown weights.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import rate_customers
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": [100.0, 100.0],
    ...     "invoice_date": ["2025-01-01", "2025-01-01"],
    ...     "due_date": ["2025-01-31", "2025-01-31"]})
    >>> paid = pd.DataFrame({"payment_id": ["P"], "customer_id": ["A"], "amount": [100.0],
    ...                      "date": ["2025-01-20"]})
    >>> rate_customers(invoices, paid, as_of="2025-06-30")[["customer_id", "grade", "default"]]
      customer_id grade  default
    0           A     B    False
    1           B     D     True
    """
    caller = "rate_customers"
    door.check_int(default_days, "default_days", caller=caller, low=0)
    door.check_lang(lang, caller=caller)
    share = _checked_weights(weights, caller)
    floor = _checked_grades(grades, caller)
    position = take_position(
        caller, invoices, payments, adjustments, as_of=as_of, method=method, fx=fx, options=options
    )
    books = position.books
    door.refuse_names([books.names["customer"]], _RATED, caller=caller, option="customer")
    _one_currency(position, caller)
    facts = by_customer(position)
    parts = _parts(facts, books.today)
    if extra is not None:
        parts["extra"] = _extra(extra, books.customers.index, books.names["customer"], caller)
    weight = pd.Series(share)[list(parts.columns)]
    present = parts.notna().mul(weight)
    score = parts.fillna(0).mul(weight).sum(axis=1) / present.sum(axis=1)
    default = ((facts["max_past_due"] > default_days) | (facts["written_off"] > 0)).to_numpy()
    score = score.where(~default, 0.0).round(1)
    customer = books.customers.labels.iloc[:, 0].reset_index(drop=True)
    out = pd.DataFrame({books.names["customer"]: customer})
    out["score"] = score
    out["grade"] = [_grade(s, d, floor) for s, d in zip(score, default, strict=True)]
    out["reasons"] = _reasons(facts, parts, weight, default, default_days, lang)
    for name in parts:
        out[name] = parts[name].round(1)
    out["days_late"] = facts["days_late"]
    out["on_time"] = facts["on_time"]
    out["max_days_past_due"] = facts["max_past_due"].astype(np.int64)
    months = ((books.today - facts["first"] + 1) * 12 / YEAR).clip(upper=12, lower=1).fillna(12)
    decimals = max(2, math.ceil(-math.log10(books.step) - 1e-9))  # limits are made from it
    monthly = door.money(facts["sales_year"].to_numpy(), books.step) / months
    out["monthly_sales"] = monthly.round(decimals)
    out["exposure"] = door.money(facts["balance"].to_numpy(), books.step)
    out["default"] = default
    out["as_of"] = books.as_of
    seen = np.zeros(len(out), dtype=bool)  # a customer of later dates only is not one yet
    seen[books.documents.customer] = seen[books.receipts.customer] = True
    out = out[seen].reset_index(drop=True)
    out.attrs["columns"] = {"customer": str(out.columns[0])}  # for credit_limits
    return out


def _grade(score: float, default: bool, floor: list[tuple[str, float]]) -> str:
    """``D`` in default, ``NR`` (not rated) where no weighted part has data."""
    if default:
        return "D"
    return "NR" if np.isnan(score) else next(name for name, low in floor if score >= low)


def _one_currency(position: Any, caller: str) -> None:
    books = position.books
    if books.currencies is None or len(books.currencies) < 2:
        return
    pairs = np.unique(np.column_stack([books.documents.customer, books.documents.currency]), axis=0)
    several = pd.Series(pairs[:, 0]).value_counts()
    if (several > 1).any():
        first = books.customers.labels.iloc[int(several.idxmax()), 0]
        raise InputError(
            f"{caller}(): {int((several > 1).sum())} customer(s) have invoices in several "
            f"currencies (first: {first!r}); give fx= to convert."
        )


def _checked_weights(weights: Any, caller: str) -> dict[str, float]:
    if weights is None:
        return dict(_WEIGHTS)
    weights = _mapping(weights, "weights", caller)
    unknown = set(weights) - set(_WEIGHTS)
    if unknown:
        raise InputError(
            f"{caller}(): weights: unknown part {sorted(unknown)[0]!r}; "
            f"known are {', '.join(map(repr, _WEIGHTS))}."
        )
    for name, value in weights.items():
        door.check_number(value, f"weight of {name!r}", caller=caller, low=0)
    if not sum(weights.get(k, 0.0) for k in _WEIGHTS if k != "extra") > 0:
        raise InputError(f"{caller}(): weights: all are zero.")
    return {k: float(weights.get(k, 0.0)) for k in _WEIGHTS}


def _mapping(value: Any, name: str, caller: str) -> Mapping[Any, Any]:
    """A mapping, or a Series whose labels are its keys."""
    if isinstance(value, pd.Series):
        if not value.index.is_unique:
            twice = value.index[value.index.duplicated()].tolist()[0]
            raise InputError(f"{caller}(): {name} has several values for {twice!r}; give one.")
        return dict(zip(value.index.tolist(), value.tolist(), strict=True))
    if not isinstance(value, Mapping):
        raise InputError(
            f"{caller}(): {name} must be a mapping or a Series, got {type(value).__name__}."
        )
    return value


def _checked_grades(grades: Any, caller: str) -> list[tuple[str, float]]:
    """Grades from the best down; the lowest takes every score."""
    chosen = _GRADES if grades is None else _mapping(grades, "grades", caller)
    if not chosen:
        raise InputError(f"{caller}(): grades must name at least one grade.")
    for name, value in chosen.items():
        door.check_number(value, f"grade {name!r}", caller=caller, low=0, high=100)
    table = sorted(((str(k), float(v)) for k, v in chosen.items()), key=lambda g: -g[1])
    return [*table[:-1], (table[-1][0], -1.0)]


def _parts(facts: pd.DataFrame, today: int) -> pd.DataFrame:
    late = (1 - facts["days_late"] / _LONG).clip(0, 1)
    share = (facts["overdue"] / facts["balance"].where(facts["balance"] > 0)).clip(0, 1).fillna(0)
    age = (1 - facts["max_past_due"] / 90).clip(0, 1)
    return pd.DataFrame(
        {
            "payment": 100 * (0.5 * facts["on_time"] + 0.5 * late),
            "overdue": 100 * (1 - share) * age,
            "activity": 100 * (facts["active_months"] / _ACTIVE).clip(upper=1),
            "tenure": 100 * ((today - facts["first"]) / _TENURE).clip(0, 1).fillna(0),
        }
    )


def _extra(extra: Any, customers: pd.Index, name: str, caller: str) -> np.ndarray:
    table = door.to_pandas(extra, caller=caller, arg="extra")
    columns = [c for c in table.columns if c != name]
    if not columns:
        raise InputError(f"{caller}(): extra must have a column of points beside {name!r}.")
    roles: dict[str, Any] = {
        f"c{n}": Amount(c, missing="allow", low=0, high=100) for n, c in enumerate(columns)
    }
    rows = door.take(table, caller=caller, arg="extra", unique=("customer",),
                     customer=Key(name), **roles)  # fmt: skip
    held = {"invoices": customers.to_series(), "extra": rows.series("customer")}
    refuse_other_kinds(caller, name, held)
    points = pd.DataFrame({c: rows[c] for c in roles}).mean(axis=1)
    points.index = pd.Index(rows.series("customer"))
    return points.reindex(customers).to_numpy()


def _reasons(
    facts: pd.DataFrame,
    parts: pd.DataFrame,
    weight: pd.Series,
    default: np.ndarray,
    default_days: int,
    lang: str,
) -> list[str]:
    """What costs most, at least a point of the score, at most three reasons, in words."""
    each = parts.notna().mul(weight)
    lost = (100 - parts).mul(each.div(each.sum(axis=1), axis=0)).fillna(0).to_numpy()
    worst = np.argsort(-lost, axis=1, kind="stable")[:, :3]
    names, points = list(parts.columns), parts.to_numpy()
    out = []
    for k, row in enumerate(facts.to_dict("records")):
        said = [_default_words(row, default_days, lang)] if default[k] else []
        for c in worst[k]:
            if lost[k, c] >= 1:
                said.append(_words(names[c], row, points[k, c], lang))
        out.append(_say(lang, "; ", "；").join(said[:3]) or _say(lang, "pays on time", "按时付款"))
    return out


def _say(lang: str, en: str, zh: str) -> str:
    return zh if lang == "zh" else en


def _default_words(row: dict[str, Any], days: int, lang: str) -> str:
    if row["written_off"] > 0:
        return _say(lang, "debt was written off", "曾有坏账核销")
    return _say(lang, f"open more than {days} days past due", f"逾期超过{days}天")


def _words(name: str, row: dict[str, Any], points: float, lang: str) -> str:
    if name == "payment":
        late, share = row["days_late"], row["on_time"]
        return _say(
            lang,
            f"pays {late:.0f} days late on average, {share:.0%} on time",
            f"平均逾期{late:.0f}天付款，按时付款{share:.0%}",
        )
    if name == "overdue":
        share = min(row["overdue"] / row["balance"], 1) if row["balance"] > 0 else 0
        days = row["max_past_due"]
        return _say(
            lang,
            f"{share:.0%} of the balance is past due, the oldest {days:.0f} days",
            f"余额中{share:.0%}已逾期，最长{days:.0f}天",
        )
    if name == "activity":
        n = int(row["active_months"])
        return _say(lang, f"invoices in {n} of the last 12 months", f"近12个月中有{n}个月开票")
    if name == "tenure":
        return _say(lang, "customer for less than three years", "合作不足三年")
    return _say(lang, f"given facts score {points:.0f}", f"其他信息得分{points:.0f}")


def credit_limits(
    ratings: pd.DataFrame,
    policy: Mapping[str, Any] | pd.Series,
    *,
    basis: Literal["sales", "exposure", "clv"] = "sales",
    customer: str = "customer_id",
    grade: str = "grade",
    sales: str = "monthly_sales",
    exposure: str = "exposure",
    clv: str = "clv",
    step: float = 0.01,
) -> pd.DataFrame:
    """Credit limit of each customer by policy.

    Parameters
    ----------
    ratings : DataFrame
        A result of :func:`rate_customers`, or any frame with ``customer_id``, ``grade`` and what
        ``basis`` needs.
    policy : mapping or Series
        Factor by grade, or: ``factors`` (by grade), ``months`` (default 1), ``minimum``,
        ``maximum`` (of limits above 0), ``round_to`` (down, never under the minimum),
        ``clv_share`` (default 0.5). Every grade needs a factor.
    basis : {"sales", "exposure", "clv"}
        Average monthly sales × months × factor; what is open now × factor; or the sales limit,
        at most ``clv_share`` of the customer's lifetime value (column ``clv``).
    customer, grade, sales, exposure, clv : str
        Names of the columns of ``ratings`` (a result of :func:`rate_customers` knows that of its
        customers); ``sales`` are those of an average month. A limit of
        10 % of net worth has ``sales="net_worth"`` and ``months`` 0.1.
    step : float, default=0.01
        Smallest unit of money, to which limits are rounded: 1 for yen, 0.001 for Kuwaiti dinars.

    Returns
    -------
    DataFrame
        ``customer_id``, ``grade``, ``limit``, ``exposure``, ``available`` (never below 0),
        ``use`` (exposure / limit), ``as_of`` if the ratings have it.

    Raises
    ------
    InputError
        A column is missing, a grade has no factor, a policy entry is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import credit_limits
    >>> ratings = pd.DataFrame({"customer_id": ["A", "B"], "grade": ["AA", "C"],
    ...                         "monthly_sales": [1000.0, 500.0], "exposure": [1500.0, 100.0]})
    >>> credit_limits(ratings, {"months": 2, "factors": {"AA": 1.0, "C": 0.0}})
      customer_id grade   limit  exposure  available   use
    0           A    AA  2000.0    1500.0      500.0  0.75
    1           B     C     0.0     100.0        0.0   inf
    """
    caller = "credit_limits"
    told = isinstance(customer, str) and customer == "customer_id"
    if told and isinstance(ratings, pd.DataFrame):
        customer = names_in(ratings, {})["customer"]
    door.check_choice(basis, "basis", ("sales", "exposure", "clv"), caller=caller)
    rule = _policy(policy, caller)
    door.refuse_names([customer], _LIMITED, caller=caller, option="customer")
    ratings = door.to_pandas(ratings, caller=caller, arg="ratings")
    rows = door.take(
        ratings, caller=caller, arg="ratings", unique=("customer",),
        customer=Key(customer), grade=Key(grade),
        sales=Amount(sales, optional=basis == "exposure", low=0),
        exposure=Amount(exposure, optional=basis != "exposure" and exposure == "exposure"),
        clv=Amount(clv, low=0) if basis == "clv" else None,
    )  # fmt: skip
    grades = rows.series("grade").astype(str)
    unknown = sorted(set(grades) - set(rule["factors"]))
    if unknown:
        raise InputError(
            f"{caller}(): policy has no factor for grade {', '.join(map(repr, unknown))}; give "
            f'{{"factors": {{{unknown[0]!r}: 1.0, ...}}}}, 0 for no credit.'
        )
    factor = grades.map(rule["factors"]).to_numpy(dtype=np.float64)
    if basis == "exposure":
        limit = rows["exposure"].clip(0) * factor
    else:
        limit = rows["sales"] * rule["months"] * factor
    if basis == "clv":
        limit = np.minimum(limit, rows["clv"] * rule["clv_share"])
    limit = np.where(limit > 0, np.clip(limit, rule["minimum"], rule["maximum"]), 0.0)
    if rule["round_to"]:
        whole = np.floor(limit / rule["round_to"] + 1e-9) * rule["round_to"]
        limit = np.where(limit > 0, np.maximum(whole, rule["minimum"]), 0.0)
    owed = rows["exposure"] if "exposure" in rows else np.zeros(len(rows))
    out = pd.DataFrame({customer: rows.series("customer").reset_index(drop=True)})
    out["grade"] = rows.series("grade").reset_index(drop=True)
    out["limit"] = door.money(door.units(limit, step, name="limit", caller=caller), step)
    out["exposure"] = owed
    free = (out["limit"] - owed.clip(0)).clip(lower=0).to_numpy()
    out["available"] = door.money(door.units(free, step, name="limit", caller=caller), step)
    with np.errstate(divide="ignore", invalid="ignore"):
        use = owed.clip(0) / out["limit"].to_numpy()
    out["use"] = np.where(owed > 0, use, 0.0)
    if "as_of" in rows.frame:
        out["as_of"] = rows.frame["as_of"].reset_index(drop=True)
    return out.iloc[np.argsort(label_ranks(out, [customer]))].reset_index(drop=True)


def _policy(policy: Any, caller: str) -> dict[str, Any]:
    policy = _mapping(policy, "policy (see CN_LIMIT_POLICY)", caller)
    rule: dict[str, Any] = {
        "months": 1.0, "minimum": 0.0, "maximum": np.inf, "round_to": 0.0, "clv_share": 0.5,
    }  # fmt: skip
    if "factors" not in policy:
        policy = {"factors": policy}
    unknown = set(policy) - set(rule) - {"factors"}
    if unknown:
        raise InputError(
            f"{caller}(): policy: unknown entry {sorted(map(str, unknown))[0]!r}; known are "
            f"'factors', {', '.join(map(repr, rule))}."
        )
    rule.update(policy)
    factors = {}
    for grade, value in _mapping(rule["factors"], "policy: factors", caller).items():
        factors[str(grade)] = door.check_number(
            value, f"factor of grade {grade!r}", caller=caller, low=0
        )
    for name in ("months", "minimum", "round_to", "clv_share"):
        door.check_number(rule[name], f"policy: {name}", caller=caller, low=0)
    if rule["maximum"] != np.inf:
        door.check_number(rule["maximum"], "policy: maximum", caller=caller, low=rule["minimum"])
    return {**rule, "factors": factors}


def check_order(
    ledger: pd.DataFrame,
    customer_id: Any,
    amount: float,
    limits: Any,
    *,
    max_days_past_due: int = 30,
    customer: str = "customer_id",
    currency: str = "currency",
    lang: str = "en",
) -> pd.DataFrame:
    """Whether an order at hand can go out on credit, and why not.

    Parameters
    ----------
    ledger : DataFrame
        A result of :func:`ledger`.
    customer_id : scalar
        The customer who orders. One without a ledger line owes nothing.
    amount : float
        What the order will add to the receivables, > 0.
    limits : DataFrame, Series, mapping or float
        A result of :func:`credit_limits`, or limits by customer, or the limit of this one.
    max_days_past_due : int, default=30
        More than this past due holds the order whatever the limit.
    customer, currency : str
        Names of the key columns.
    lang : {"en", "zh"}
        Language of the reason.

    Returns
    -------
    DataFrame
        One row: ``customer_id``, ``amount``, ``exposure``, ``limit``, ``available``,
        ``days_past_due``, ``decision`` (``accept``, ``hold``), ``reason``, ``as_of``.

    Raises
    ------
    InputError
        ``ledger`` is none; the customer has no limit, or several currencies, or a limit in
        another than the ledger's.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import check_order, ledger
    >>> book = ledger(pd.DataFrame({
    ...     "invoice_id": ["a"], "customer_id": ["A"], "amount": [800.0],
    ...     "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]}))
    >>> check_order(book, "A", 300.0, {"A": 1000.0})[["available", "decision", "reason"]]
       available decision                                     reason
    0      200.0     hold  100.00 above the limit of 1,000.00
    """
    caller = "check_order"
    door.check_number(amount, "amount", caller=caller, low=0, open_low=True)
    door.check_int(max_days_past_due, "max_days_past_due", caller=caller, low=0)
    door.check_lang(lang, caller=caller)
    ledger = as_frame(ledger, caller=caller, arg="ledger")
    limits = as_frame(limits, caller=caller, arg="limits")
    if not is_ledger(ledger):
        raise InputError(f"{caller}(): ledger must be a result of ledger().")
    names = names_in(ledger, {})
    for name, option in ((customer, "customer"), (currency, "currency")):
        door.check_column(name, option, caller=caller)
    customer = customer if customer in ledger else names["customer"]
    currency = currency if currency in ledger else names["currency"]
    if customer not in ledger:
        raise InputError(f"{caller}(): the ledger has no column {customer!r} (customer=).")
    door.refuse_names([customer], _ORDERED, caller=caller, option="customer")
    mine, as_of = _lines_of(ledger, customer_id, customer, caller)
    held = {"the ledger": ledger[customer], "customer_id": pd.Series([customer_id])}
    refuse_other_kinds(caller, customer, held)
    if currency in mine and mine[currency].nunique() > 1:
        raise InputError(
            f"{caller}(): {customer_id!r} has several currencies; make the ledger with fx=."
        )
    if isinstance(limits, pd.DataFrame) and currency in mine:
        told = {"ledger": mine.rename(columns={currency: "currency"}), "limits": limits}
        if customer in limits:
            told["limits"] = limits[(limits[customer] == customer_id).fillna(False).astype(bool)]
        door.same_currency(told, (), caller=caller)
    limit = _limit_of(limits, customer_id, customer, caller)
    opened = mine["kind"] == "open"
    exposure = float(mine["amount"][opened].sum())
    exposure -= float(mine["amount"][mine["kind"] == "unapplied"].sum())
    exposure = round(exposure, 6)
    waits = mine["_late"][opened & (mine["amount"] > 0)]
    late = int(waits.max()) if len(waits) else 0
    available = round(max(limit - max(exposure, 0.0), 0.0), 6)
    said = []
    if late > max_days_past_due:
        said.append(_say(lang, f"{late} days past due", f"已逾期{late}天"))
    if round(amount - available, 6) > 0:  # not for the last binary digit of a sum
        over = max(exposure, 0.0) + amount - limit
        said.append(
            _say(
                lang,
                f"{over:,.2f} above the limit of {limit:,.2f}",
                f"超出信用额度 {limit:,.2f} 共 {over:,.2f}",
            )
        )
    row = {
        customer: customer_id, "amount": amount, "exposure": exposure, "limit": limit,
        "available": available, "days_past_due": max(late, 0),
        "decision": "hold" if said else "accept",
        "reason": _say(lang, "; ", "；").join(said) or _say(lang, "within the limit", "额度内"),
        "as_of": as_of,
    }  # fmt: skip
    return pd.DataFrame([row])


def _lines_of(
    ledger: pd.DataFrame, customer_id: Any, customer: str, caller: str
) -> tuple[pd.DataFrame, pd.Timestamp]:
    """A customer's lines with how long each is past due, and the date of the ledger."""
    own = (ledger[customer] == customer_id).to_numpy(dtype=bool, na_value=False)
    some = own.copy()
    some[:1] = True  # one line at least, for the date
    rows = door.take(
        ledger[some], caller=caller, arg="the ledger", customer=Key(customer),
        amount=Amount("amount", option=""), kind=Key("kind", option=""),
        issued=Date("invoice_date", missing="allow", option=""),
        due=Date("due_date", missing="allow", option=""), as_of=Date("as_of", option=""),
    )  # fmt: skip
    since = np.where(np.isnat(rows["due"]), rows["issued"], rows["due"]).astype("M8[D]")
    late = (rows["as_of"].astype("M8[D]") - since).astype(np.float64)
    lines = rows.frame.assign(amount=rows["amount"], _late=late)
    return lines[own[some]], pd.Timestamp(rows["as_of"].max())


def _limit_of(limits: Any, customer_id: Any, customer: str, caller: str) -> float:
    if isinstance(limits, Real | Decimal):
        return float(door.check_number(limits, "limits", caller=caller, low=0))
    if isinstance(limits, pd.DataFrame):
        column = "credit_limit" if "limit" not in limits and "credit_limit" in limits else "limit"
        rows = door.take(limits, caller=caller, arg="limits", unique=("customer",),
                         customer=Key(customer), limit=Amount(column, missing="allow", low=0,
                                                              option=""))  # fmt: skip
        limits = pd.Series(rows["limit"], index=pd.Index(rows.series("customer"))).dropna()
    series = door.check_series(limits, "limits", caller=caller, low=0)
    if customer_id not in series.index:
        raise InputError(f"{caller}(): limits has none for customer {customer_id!r}.")
    return float(series[customer_id])


_TERMS = {
    "no_due_terms": (
        "high", "agree on days of payment or a due date", "约定付款期限",
    ),
    "terms_too_long": (
        "medium", "shorten the days of payment, or have them approved", "缩短账期或报批",
    ),
    "no_penalty_clause": (
        "medium", "add interest for late payment", "补充逾期付款违约金条款",
    ),
    "penalty_too_low": ("low", "raise the rate of late interest", "提高违约金比例"),
    "no_credit_limit": ("medium", "set a credit limit", "设定信用额度"),
    "limit_too_high": ("high", "lower the limit, or have it approved", "降低额度或报批"),
    "not_signed": ("high", "have the contract signed", "签署合同"),
}  # fmt: skip


def check_terms(
    contracts: pd.DataFrame,
    policy: Mapping[str, Any] | None = None,
    *,
    contract: str = "contract_id",
    customer: str = "customer_id",
    payment_days: str = "payment_days",
    due_date: str = "due_date",
    penalty_rate: str = "penalty_rate",
    credit_limit: str = "credit_limit",
    signed_date: str = "signed_date",
    lang: str = "en",
) -> pd.DataFrame:
    """What contracts lack: a due date, a penalty clause, a limit, or reasonable values of them.

    Parameters
    ----------
    contracts : DataFrame
        ``contract_id``, ``customer_id``; looked at if present: ``payment_days`` or ``due_date``,
        ``penalty_rate`` (share a day), ``credit_limit``, ``signed_date``. None of the terms'
        columns at all means that no contract has the term.
    policy : mapping, optional
        ``max_payment_days``, ``min_penalty_rate``, ``max_credit_limit``. What is not named is
        not limited.
    contract, customer, payment_days, due_date, penalty_rate, credit_limit, signed_date : str
        Names of the columns.
    lang : {"en", "zh"}
        Language of the remedy.

    Returns
    -------
    DataFrame
        One row a finding: ``contract_id``, ``customer_id``, ``rule``, ``value``, ``limit``,
        ``severity``, ``remedy``. Empty: all contracts are in order.

    Raises
    ------
    InputError
        A column is missing or unusable; an unknown policy entry.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import check_terms
    >>> contracts = pd.DataFrame({
    ...     "contract_id": ["F1", "F2"], "customer_id": ["A", "B"], "payment_days": [120, None],
    ...     "penalty_rate": [0.0005, 0.0005], "credit_limit": [1e4, 1e4]})
    >>> check_terms(contracts, {"max_payment_days": 60})[["contract_id", "rule", "value"]]
      contract_id            rule  value
    0          F1  terms_too_long  120.0
    1          F2    no_due_terms    NaN
    """
    caller = "check_terms"
    door.check_lang(lang, caller=caller)
    for name, option in ((contract, "contract"), (customer, "customer")):
        door.refuse_names([name], _FOUND, caller=caller, option=option)
    bounds = {} if policy is None else dict(_mapping(policy, "policy", caller))
    known = ("max_payment_days", "min_penalty_rate", "max_credit_limit")
    for name, value in bounds.items():
        if name not in known:
            raise InputError(
                f"{caller}(): policy: unknown entry {name!r}; known are "
                f"{', '.join(map(repr, known))}."
            )
        door.check_number(value, f"policy: {name}", caller=caller, low=0)
    number = partial(Amount, low=0)
    roles: dict[str, Any] = {
        name: role(column, optional=column == name, missing="allow", option=name)
        for name, column, role in (
            ("payment_days", payment_days, number),
            ("due_date", due_date, Date),
            ("penalty_rate", penalty_rate, number),
            ("credit_limit", credit_limit, number),
            ("signed_date", signed_date, Date),
        )
    }
    rows = door.take(
        contracts, caller=caller, arg="contracts", unique=("contract",),
        contract=Key(contract), customer=Key(customer), **roles,
    )  # fmt: skip
    found = list(_term_findings(rows, bounds))
    parts = []
    for rule, mask, value, limit in found:
        at = np.flatnonzero(mask)
        severity, en, zh = _TERMS[rule]
        parts.append(
            pd.DataFrame(
                {
                    contract: rows.series("contract").iloc[at].array,
                    customer: rows.series("customer").iloc[at].array,
                    "rule": rule,
                    "value": value[at],
                    "limit": limit,
                    "severity": severity,
                    "remedy": _say(lang, en, zh),
                }
            )
        )
    out = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    order = np.lexsort((label_ranks(out, ["rule"]), label_ranks(out, [contract])))
    return out.iloc[order].reset_index(drop=True)


def _term_findings(rows: Any, bounds: dict[str, float]) -> Any:
    """(rule, rows, value, limit) of every rule."""
    nothing = np.full(len(rows), np.nan)

    def values(option: str) -> np.ndarray:
        return rows.values.get(option, nothing)

    days, penalty, limit = (values(v) for v in ("payment_days", "penalty_rate", "credit_limit"))
    dated = ~np.isnat(rows["due_date"]) if "due_date" in rows else np.zeros(len(rows), dtype=bool)
    yield "no_due_terms", np.isnan(days) & ~dated, nothing, np.nan
    longest = bounds.get("max_payment_days", np.inf)
    yield "terms_too_long", days > longest, days, longest
    lowest = bounds.get("min_penalty_rate", 0.0)
    yield "no_penalty_clause", np.isnan(penalty) | (penalty == 0), nothing, np.nan
    yield "penalty_too_low", (penalty > 0) & (penalty < lowest), penalty, lowest
    yield "no_credit_limit", np.isnan(limit), nothing, np.nan
    highest = bounds.get("max_credit_limit", np.inf)
    yield "limit_too_high", limit > highest, limit, highest
    if "signed_date" in rows:
        yield "not_signed", np.isnat(rows["signed_date"]), nothing, np.nan
