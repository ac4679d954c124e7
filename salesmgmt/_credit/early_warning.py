"""Early warning: what shows months before a customer stops paying, with its evidence."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key
from .behaviour import documents_table
from .books import Options
from .disputes import standing
from .ledger import as_days, take_position
from .rating import _one_currency
from .settling import Position
from .tables import as_frame, refuse_other_kinds

__all__ = ["SIGNALS", "early_warning"]

SIGNALS = {
    "overdue": "逾期",
    "slowing_payments": "付款变慢",
    "partial_payments": "部分付款",
    "broken_promises": "失约",
    "disputes": "争议",
    "limit_use": "额度占用",
    "order_stop": "停止下单",
}
_COLUMNS = ("signal", "evidence", "severity", "since", "value", "signals", "as_of")
_SEVERITY = np.array(["low", "medium", "high"], dtype=object)


def early_warning(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    limits: Any = None,
    promises: pd.DataFrame | None = None,
    orders: pd.DataFrame | None = None,
    window: int = 90,
    min_days: int = 10,
    lang: str = "en",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Signs that a customer slides into default, each with evidence, severity and beginning.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`. ``adjustments`` of kind ``dispute`` are counted, also those that
        a ledger carries in ``attrs``, unless a negative one took them back.
    limits : DataFrame, Series or mapping, optional
        Credit limits by customer: use of 90 % warns, of 100 % is severe.
    promises : DataFrame, optional
        ``customer_id``, ``date``, ``promised_date``, ``promised_amount``: a promise is broken if
        less than 99 % of it came in between the two dates (and three days more). Rows without a
        promised date or amount are no promises. Its date may also be called as ``date=`` says,
        like that of ``orders``.
    orders : DataFrame, optional
        ``customer_id``, ``date``: orders (``transactions`` will do). None: invoice dates. A
        customer of at least five order days who has been silent for four of its usual gaps and
        at least 30 days has stopped.
    window : int, default=90
        Days up to ``as_of`` that are held against the year before them.
    min_days : int, default=10
        Slowing payments: so many days later than usual.
    lang : {"en", "zh"}
        Language of the evidence.

    Returns
    -------
    DataFrame
        One row a customer and signal: ``customer_id``, ``signal`` (a key of ``SIGNALS``),
        ``evidence``, ``severity`` (``low``, ``medium``, ``high``), ``since``, ``value``,
        ``signals`` (how many the customer shows: two or more are worth a call), ``as_of``.
        Customers with most signals first.

    Raises
    ------
    InputError
        As for :func:`ledger`; a frame lacks a column.

    Notes
    -----
    ``overdue``: anything open for more than 30 days past due; high for more than 60.
    ``slowing_payments``: of invoices due in the window, money paid or past due is ``min_days``
    later on average than of those due in the year before (three at least); high from 30 days on.
    ``partial_payments``: two invoices due in the window or more, and three in ten, were paid in
    parts, and by more than 15 points more often than in the year before; high from four on.
    ``disputes``: raised in the window; high from three on. ``broken_promises``: high from two on.
    ``order_stop``: high from eight gaps on. ``since`` is the day after the due date, the first
    such due date, the day of the dispute, the end of the promise, the day after the last order.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import early_warning
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a"], "customer_id": ["A"], "amount": [100.0],
    ...     "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})
    >>> got = early_warning(invoices, as_of="2025-04-30", limits={"A": 100.0})
    >>> got[["signal", "evidence", "severity"]]
          signal                       evidence severity
    0    overdue  100.00 past due up to 89 days     high
    1  limit_use   100% of the limit of 100.00     high
    """
    caller = "early_warning"
    door.check_int(window, "window", caller=caller, low=1)
    door.check_int(min_days, "min_days", caller=caller, low=1)
    door.check_lang(lang, caller=caller)
    position = take_position(
        caller, invoices, payments, adjustments, as_of=as_of, method=method, fx=fx, options=options
    )
    name = position.books.names["customer"]
    door.refuse_names([name], _COLUMNS, caller=caller, option="customer")
    _one_currency(position, caller)
    table = documents_table(position)
    found = [
        _overdue(position, table, lang),
        _slowing(position, table, window, min_days, lang),
        _partial(position, table, window, lang),
        _disputes(position, window, lang),
        _order_stop(position, table, orders, lang),
    ]
    if promises is not None:
        found.append(_broken(position, promises, window, lang))
    if limits is not None:
        found.append(_limit_use(position, limits, lang))
    return _frame(position, found)


def _say(lang: str, en: str, zh: str) -> str:
    return zh if lang == "zh" else en


def _frame(position: Position, found: list[pd.DataFrame]) -> pd.DataFrame:
    books = position.books
    every = pd.concat([f for f in found if len(f)] or found[:1], ignore_index=True)
    every["signals"] = every.groupby("customer")["signal"].transform("size").astype(np.int64)
    rank = {name: n for n, name in enumerate(SIGNALS)}
    worst = every["severity"].groupby(every["customer"]).transform("max")
    every = every.assign(_rank=every["signal"].map(rank).astype(float), _worst=worst)
    every = every.sort_values(
        ["signals", "_worst", "customer", "_rank"], ascending=[False, False, True, True]
    ).reset_index(drop=True)
    labels = books.customers.labels.iloc[:, 0]
    codes = every["customer"].to_numpy(dtype=np.int64)
    out = pd.DataFrame({books.names["customer"]: labels.take(codes).reset_index(drop=True)})
    out["signal"] = every["signal"]
    out["evidence"] = every["evidence"]
    out["severity"] = _SEVERITY[every["severity"].to_numpy(dtype=np.int64)]
    since = every["since"].to_numpy(dtype=np.int64)
    out["since"] = as_days(since)
    out["value"] = every["value"].astype(float)
    out["signals"] = every["signals"]
    out["as_of"] = books.as_of
    return out


def _signal(
    name: str,
    customer: Any,
    evidence: list[str],
    severity: Any,
    since: Any,
    value: Any,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer": np.asarray(customer, dtype=np.int64),
            "signal": name,
            "evidence": pd.Series(evidence, dtype=object),
            "severity": np.asarray(severity, dtype=np.int64),
            "since": np.asarray(since, dtype=np.int64),
            "value": np.asarray(value, dtype=np.float64),
        }
    )


def _overdue(position: Position, table: pd.DataFrame, lang: str) -> pd.DataFrame:
    """Anything open for more than 30 days past due; severe for more than 60."""
    today, step = position.books.today, position.books.step
    late = table[(table["overdue"] > 0) & (today - table["due"] > 30)]
    groups = late.groupby("customer")
    first, units = groups["due"].min(), groups["overdue"].sum()
    days = today - first
    money = door.money(units.to_numpy(), step)
    words = [
        _say(lang, f"{m:,.2f} past due up to {d} days", f"逾期 {m:,.2f}，最长 {d} 天")
        for m, d in zip(money, days, strict=True)
    ]
    return _signal("overdue", first.index, words, np.where(days > 60, 2, 1), first + 1, days)


def _slowing(
    position: Position, table: pd.DataFrame, window: int, min_days: int, lang: str
) -> pd.DataFrame:
    """Money due lately is later than the customer's money of the year before."""
    today = position.books.today
    seen = table[table["late"].notna() & (table["due"] <= today)]
    recent = seen[seen["due"] > today - window]
    usual = seen[(seen["due"] <= today - window) & (seen["due"] > today - window - 365)]
    now = _weighted(recent)
    both = pd.DataFrame(
        {"now": now, "usual": _weighted(usual), "n": usual.groupby("customer").size()}
    )
    both = both[(both["n"] >= 3) & (both["now"] - both["usual"] >= min_days)]
    slow = recent[recent["late"] >= min_days].groupby("customer")["due"].min()
    since = slow.reindex(both.index).fillna(today - window) + 1
    more = both["now"] - both["usual"]
    words = [
        _say(
            lang,
            f"{n:.0f} days late on average in the last {window} days, {u:.0f} in the year before",
            f"近{window}天平均逾期{n:.0f}天，此前一年{u:.0f}天",
        )
        for n, u in zip(both["now"], both["usual"], strict=True)
    ]
    return _signal("slowing_payments", both.index, words, np.where(more >= 30, 2, 1), since, more)


def _weighted(rows: pd.DataFrame) -> pd.Series:
    total = (rows["late"] * rows["weight"]).groupby(rows["customer"]).sum()
    weight = rows.groupby("customer")["weight"].sum()
    return total / weight.where(weight > 0)


def _partial(position: Position, table: pd.DataFrame, window: int, lang: str) -> pd.DataFrame:
    """Invoices due lately that were paid in parts: at least two, and more often than before."""
    today = position.books.today
    part = (table["parts"] >= 2) | ((table["parts"] == 1) & (table["open"] > 0))
    table = table.assign(part=part & (table["due"] <= today))
    recent = table[(table["due"] > today - window) & (table["due"] <= today)]
    before = table[(table["due"] <= today - window) & (table["due"] > today - window - 365)]
    count = recent.groupby("customer")["part"].agg(["sum", "size"])
    usual = before.groupby("customer")["part"].mean().reindex(count.index).fillna(0.0)
    share = count["sum"] / count["size"]
    hit = (count["sum"] >= 2) & (share >= 0.3) & (share > usual + 0.15)
    first = recent[recent["part"]].groupby("customer")["due"].min()
    rows = count[hit]
    words = [
        _say(
            lang,
            f"{s} of {n} invoices due in the last {window} days were paid in parts",
            f"近{window}天到期的{n}张发票中有{s}张部分付款",
        )
        for s, n in zip(rows["sum"], rows["size"], strict=True)
    ]
    severity = np.where(rows["sum"] >= 4, 2, 1)
    since = first.reindex(rows.index)
    return _signal("partial_payments", rows.index, words, severity, since, share[hit])


def _disputes(position: Position, window: int, lang: str) -> pd.DataFrame:
    """Disputes raised lately, less what was taken back of them."""
    events = standing(position.books)
    recent = events[events["day"].to_numpy(dtype=np.int64) > position.books.today - window]
    raised = recent[recent["amount"] >= 0]
    groups = raised.groupby(raised["customer"].astype(np.int64))
    count, first = groups.size(), groups["day"].min()
    amount = recent.groupby("customer")["amount"].sum().reindex(count.index).clip(lower=0)
    words = [
        _say(
            lang,
            f"{n} dispute(s) in the last {window} days, {a:,.2f}",
            f"近{window}天争议{n}笔，共 {a:,.2f}",
        )
        for n, a in zip(count, amount, strict=True)
    ]
    return _signal("disputes", count.index, words, np.clip(count - 1, 0, 2), first, count)


def _codes_of(customers: pd.Series, position: Position, arg: str) -> np.ndarray:
    """Codes of customers that another table names; -1: not in the books, or only later."""
    books = position.books
    known = books.customers.labels.iloc[:, 0]
    refuse_other_kinds(books.caller, books.names["customer"], {"invoices": known, arg: customers})
    codes = books.customers.index.get_indexer(pd.Index(customers))
    seen = np.union1d(books.documents.customer, books.receipts.customer)
    return np.where(np.isin(codes, seen), codes, -1)


def _date_of(frame: Any, position: Position) -> str:
    """The date column as ``date=`` names it, else as everybody does."""
    name = position.books.names["date"]
    return name if name in getattr(frame, "columns", ()) else "date"


def _order_stop(position: Position, table: pd.DataFrame, orders: Any, lang: str) -> pd.DataFrame:
    """Silence of a regular buyer."""
    books = position.books
    if orders is None:
        days = table[["customer", "day"]]
    else:
        rows = door.take(orders, caller=books.caller, arg="orders", empty="allow",
                         customer=Key(books.names["customer"]),
                         date=Date(_date_of(orders, position)))  # fmt: skip
        codes = _codes_of(rows.series("customer"), position, "orders")
        days = pd.DataFrame({"customer": codes, "day": rows.days("date") if len(rows) else []})
        days = days[(codes >= 0) & (days["day"] <= books.today)]
    days = days.drop_duplicates().sort_values(["customer", "day"])
    groups = days.groupby("customer")["day"]
    last, count = groups.max(), groups.size()
    gaps = days.assign(gap=groups.diff()).groupby("customer")["gap"].median()
    silent = books.today - last
    hit = (count >= 5) & (silent >= 30) & (silent >= 4 * gaps) & (silent <= 365)
    words = [
        _say(
            lang,
            f"no order for {s} days, usually one in {g:.0f}",
            f"已{s}天未下单，通常{g:.0f}天一单",
        )
        for s, g in zip(silent[hit], gaps[hit], strict=True)
    ]
    severity = np.where(silent[hit] >= 8 * gaps[hit], 2, 1)
    return _signal("order_stop", last[hit].index, words, severity, last[hit] + 1, silent[hit])


def _broken(position: Position, promises: Any, window: int, lang: str) -> pd.DataFrame:
    """Promises of the window that less money followed than was promised."""
    books = position.books
    rows = door.take(
        promises, caller=books.caller, arg="promises", empty="allow",
        customer=Key(books.names["customer"]), date=Date(_date_of(promises, position)),
        until=Date("promised_date", missing="allow", option=""),
        amount=Amount("promised_amount", missing="allow", low=0, option=""),
    )  # fmt: skip
    real = ~np.isnat(rows["until"]) & ~np.isnan(rows["amount"])
    codes = _codes_of(rows.series("customer"), position, "promises")
    keep = real & (codes >= 0)
    made = rows["date"].astype("M8[D]").astype(np.int64)[keep]
    until = rows["until"].astype("M8[D]").astype(np.int64)[keep] + 3
    codes, amount = codes[keep], rows["amount"][keep]
    judged = (until < books.today) & (until > books.today - window)
    codes, made, until, amount = codes[judged], made[judged], until[judged], amount[judged]
    came = _came_in(position, codes, made, until)
    broken = came < amount * 0.99
    table = pd.DataFrame({"customer": codes[broken], "until": until[broken]})
    groups = table.groupby("customer")["until"]
    count, first = groups.size(), groups.min()
    words = [
        _say(lang, f"{n} promise(s) to pay broken in the last {window} days",
             f"近{window}天付款承诺失约{n}次")
        for n in count
    ]  # fmt: skip
    return _signal("broken_promises", count.index, words, np.clip(count, 1, 2), first, count)


def _came_in(
    position: Position, customer: np.ndarray, after: np.ndarray, until: np.ndarray
) -> np.ndarray:
    """Payments of each customer in ``[after, until]``."""
    receipts = position.books.receipts
    cash = receipts.kind == 0
    order = np.lexsort((receipts.day[cash], receipts.customer[cash]))
    who, day = receipts.customer[cash][order], receipts.day[cash][order]
    running = np.r_[0, np.cumsum(receipts.units[cash][order])]
    wide = np.int64(1) << 32
    key = who * wide + day
    low = np.searchsorted(key, customer * wide + after, side="left")
    high = np.searchsorted(key, customer * wide + until, side="right")
    return door.money(running[high] - running[low], position.books.step)


def _limit_use(position: Position, limits: Any, lang: str) -> pd.DataFrame:
    """Use of the credit limit from 90 % on."""
    books = position.books
    limits = as_frame(limits, caller=books.caller, arg="limits")
    if isinstance(limits, pd.DataFrame):
        if books.currencies is not None:
            owing = pd.DataFrame({
                books.names["customer"]: books.customers.labels.iloc[:, 0].take(
                    books.documents.customer).to_numpy(),
                "currency": books.currencies.labels.iloc[:, 0].take(
                    books.documents.currency).to_numpy(),
            })  # fmt: skip
            door.same_currency({"invoices": owing, "limits": limits}, [books.names["customer"]],
                               caller=books.caller)  # fmt: skip
        column = "limit" if "limit" in limits else "credit_limit"
        rows = door.take(limits, caller=books.caller, arg="limits", unique=("customer",),
                         customer=Key(books.names["customer"]),
                         limit=Amount(column, missing="allow", low=0, option=""))  # fmt: skip
        limits = pd.Series(rows["limit"], index=pd.Index(rows.series("customer"))).dropna()
    series = door.check_series(limits, "limits", caller=books.caller, low=0)
    _codes_of(series.index.to_series(), position, "limits")
    limit = series.reindex(books.customers.index).to_numpy()
    units = np.zeros(len(books.customers), dtype=np.int64)
    np.add.at(units, books.documents.customer, position.open)
    np.subtract.at(units, books.receipts.customer, position.rest)
    balance = door.money(units, books.step)
    with np.errstate(divide="ignore", invalid="ignore"):
        use = np.where(limit > 0, balance / limit, np.where(balance > 0, np.inf, 0.0))
    use = np.round(use, 9)  # 90 % is 90 %, whatever its last binary digit
    hit = np.flatnonzero((use >= 0.9) & ~np.isnan(limit))
    words = [
        _say(lang, f"{u:.0%} of the limit of {x:,.2f}", f"占用额度 {x:,.2f} 的 {u:.0%}")
        if x > 0
        else _say(lang, f"owes {b:,.2f} without a limit", f"无信用额度，欠款 {b:,.2f}")
        for u, x, b in zip(use[hit], limit[hit], balance[hit], strict=True)
    ]
    return _signal(
        "limit_use", hit, words, np.where(use[hit] >= 1, 2, 1),
        np.full(len(hit), books.today), np.where(np.isinf(use[hit]), np.nan, use[hit]),
    )  # fmt: skip
