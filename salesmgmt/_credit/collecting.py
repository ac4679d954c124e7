"""Collections: where the money stands, whom to call today, statements of account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from ..errors import InputError
from .aging import keys_of
from .books import KINDS, Options, nearest_step
from .buckets import ladder
from .disputes import standing
from .flows import day_number
from .ledger import as_days, open_items, take_position
from .migration import PAID, TooShortError, roll_rates
from .settling import Position
from .tables import label_ranks, names_in, refuse_own_names

__all__ = ["DUNNING_LEVELS", "concentration", "dunning_level", "statement", "worklist"]

#: (level, least days past due). Due today is level 0: nobody is reminded on the due day.
DUNNING_LEVELS = ((1, 1), (2, 15), (3, 30), (4, 60), (5, 90))
_LISTED = ("due_date", "overdue", "outstanding", "disputed", "days_past_due", "invoices", "level",
           "expected", "action", "rank", "as_of")  # fmt: skip
_STATED = ("date", "entry", "text", "document", "due_date", "debit", "credit", "balance", "overdue",
           "as_of")  # fmt: skip
_ACTIONS = (
    ("none", "无需催收"),
    ("friendly reminder", "友好提醒"),
    ("written reminder", "书面催款"),
    ("call, agree on a date", "电话催收，约定付款日"),
    ("final notice, stop deliveries", "最后通知，暂停发货"),
    ("hand over to legal", "移交法务"),
)


def concentration(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    by: Any = "customer_id",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Share of the receivables that each key holds, largest first.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    by : str or list of str
        Key columns, as for :func:`aging`.

    Returns
    -------
    DataFrame
        Keys, ``outstanding``, ``share`` (of all positive balances; of its currency),
        ``cumulative``, ``rank``, ``herfindahl`` (sum of squared shares, the same in each row of
        a currency: 1 / herfindahl customers of equal size would be as concentrated), ``as_of``.
        Keys that owe nothing have share 0.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    References
    ----------
    .. [1] A. O. Hirschman, "The paternity of an index", American Economic Review 54 (1964), 761.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import concentration
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": [100.0, 300.0],
    ...     "invoice_date": ["2025-01-01", "2025-01-01"],
    ...     "due_date": ["2025-01-31", "2025-01-31"]})
    >>> concentration(invoices)[["customer_id", "share", "cumulative", "herfindahl"]]
      customer_id  share  cumulative  herfindahl
    0           B   0.75        0.75       0.625
    1           A   0.25        1.00       0.625
    """
    position = take_position(
        "concentration", invoices, payments, adjustments, as_of=as_of, method=method, fx=fx,
        options=options, pairs=False,
    )  # fmt: skip
    books = position.books
    keys, (document, receipt) = keys_of(position, by)
    own = ("outstanding", "share", "cumulative", "rank", "herfindahl", "as_of")
    door.refuse_names(keys, own, caller="concentration", option="by")
    units = np.zeros(len(keys), dtype=np.int64)
    np.add.at(units, document, position.open)
    np.subtract.at(units, receipt, position.rest)
    out = keys.reset_index(drop=True).copy()
    out["outstanding"] = door.money(units, books.step)
    parts = [out]
    if books.currencies is not None and len(out):
        parts = [p for _, p in out.groupby(label_ranks(out, [books.names["currency"]]))]
    done = []
    for part in parts:
        ranked = part.sort_values("outstanding", ascending=False, kind="stable")
        owed = ranked["outstanding"].clip(lower=0)
        total = owed.sum()
        ranked["share"] = owed / total if total > 0 else 0.0
        ranked["cumulative"] = ranked["share"].cumsum().clip(upper=1.0)
        ranked["rank"] = np.arange(1, len(ranked) + 1)
        ranked["herfindahl"] = float((ranked["share"] ** 2).sum())
        done.append(ranked)
    result = pd.concat(done, ignore_index=True)
    result["as_of"] = books.as_of
    return result


def dunning_level(
    days_past_due: Any, levels: Sequence[tuple[int, int]] = DUNNING_LEVELS
) -> np.ndarray:
    """Dunning level of each number of days past due.

    Parameters
    ----------
    days_past_due : array-like of int
        Negative or 0: not past due.
    levels : sequence of (level, days)
        Least days past due of each level, at least 1.

    Returns
    -------
    ndarray of int64
        0 where nothing is past due.

    Raises
    ------
    InputError
        ``days_past_due`` holds something else than whole numbers; ``levels`` are no pairs of
        whole numbers, do not ascend, or start before day 1.

    Examples
    --------
    >>> from salesmgmt.credit import dunning_level
    >>> dunning_level([0, 1, 20, 95]).tolist()
    [0, 1, 2, 5]
    """
    pairs = _checked_levels(levels, "dunning_level")
    days = _whole_days(days_past_due)
    edges = np.array([d for _, d in pairs], dtype=np.int64)
    names = np.array([0, *(n for n, _ in pairs)], dtype=np.int64)
    return names[np.searchsorted(edges, days, side="right")]


def _whole_days(values: Any) -> np.ndarray:
    """Days past due as whole numbers, checked."""
    series = pd.Series(values)
    days = door.check_series(
        pd.Series(series.array), "days_past_due", caller="dunning_level"
    ).to_numpy()
    part = np.flatnonzero(days != np.floor(days))
    if len(part):
        raise InputError(
            f"dunning_level(): days_past_due: {len(part)} value(s) are no whole number of days "
            f"(position {part[0]}: {days[part[0]]:g})."
        )
    return days.astype(np.int64)


def _checked_levels(levels: Any, caller: str) -> list[tuple[int, int]]:
    try:
        pairs = [(int(level), int(days)) for level, days in levels]
        whole = all((a, b) == tuple(pair) for (a, b), pair in zip(pairs, levels, strict=True))
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise InputError(
            f"{caller}(): levels must be pairs (level, days) of whole numbers, got {levels!r}."
        )
    if not pairs or any(b[1] <= a[1] for a, b in zip(pairs, pairs[1:])):
        raise InputError(f"{caller}(): levels: days must ascend, got {levels!r}.")
    if any(b[0] <= a[0] for a, b in zip([(0, 0), *pairs], pairs)):
        raise InputError(
            f"{caller}(): levels: their numbers must ascend from 1 on, got {levels!r}; 0 is what "
            "is not past due."
        )
    if pairs[0][1] < 1:
        raise InputError(f"{caller}(): levels: what is due today is not past due; start at day 1.")
    return pairs


def worklist(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    levels: Sequence[tuple[int, int]] = DUNNING_LEVELS,
    grain: Literal["customer", "invoice"] = "customer",
    minimum: float = 0.0,
    lang: str = "en",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Whom to call today: who is past due, how much of it usually comes, what to do next.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`. A ledger carries its disputes in ``attrs``.
    levels : sequence of (level, days)
        Dunning levels by least days past due.
    grain : {"customer", "invoice"}
        One row a customer, or one an open invoice (those not past due have level 0).
    minimum : float, default=0
        Leave out customers (by invoice: invoices) with less past due than this.
    lang : {"en", "zh"}
        Language of the action.

    Returns
    -------
    DataFrame
        ``customer_id``, ``currency`` if there is one, ``overdue``, ``outstanding``, ``disputed``
        (past due on invoices that a dispute names, whatever part of them it is about),
        ``days_past_due`` (the oldest), ``invoices``, ``level``,
        ``expected`` (of what is past due, what comes within 30 days if each bucket pays as it
        has so far, in its currency; missing where there is no history), ``action``, ``rank``,
        ``as_of``. Largest amount past due first. By invoice: ``invoice_id``, ``due_date`` and
        the same.

    Raises
    ------
    InputError
        As for :func:`ledger`; unusable levels.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import worklist
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": [100.0, 300.0],
    ...     "invoice_date": ["2025-01-03", "2025-01-02"],
    ...     "due_date": ["2025-02-03", "2025-02-02"]})
    >>> worklist(invoices, as_of="2025-02-03")[["customer_id", "overdue", "level", "action"]]
      customer_id  overdue  level             action
    0           B    300.0      1  friendly reminder
    """
    caller = "worklist"
    door.check_choice(grain, "grain", ("customer", "invoice"), caller=caller)
    door.check_number(minimum, "minimum", caller=caller, low=0)
    door.check_lang(lang, caller=caller)
    pairs = _checked_levels(levels, caller)
    frames = (invoices, payments, adjustments)
    with door.speaking_for(caller):
        items = open_items(*frames, as_of=as_of, method=method, fx=fx, **options)
    position = take_position(caller, *frames, as_of=as_of, method=method, fx=fx, options=options)
    names = position.books.names
    who = ["customer", *(["currency"] if position.books.currencies is not None else [])]
    who += ["invoice"] if grain == "invoice" else []
    refuse_own_names(caller, names, who, _LISTED)
    items = items[(items["kind"] == "invoice") & (items["outstanding"] > 0)].reset_index(drop=True)
    own = position.books.documents.rows[names["invoice"]].dtype
    items[names["invoice"]] = items[names["invoice"]].astype(own)  # no rows without an id now
    late = items["days_past_due"].to_numpy() > 0
    items["overdue"] = np.where(late, items["outstanding"], 0.0)
    items["level"] = dunning_level(items["days_past_due"], pairs)
    items["expected"] = items["overdue"] * _share_paid(frames, items, as_of, method, fx, options)
    disputed = _in_dispute(position, items[names["invoice"]])
    items["disputed"] = np.where(disputed, items["overdue"], 0.0)
    if grain == "invoice":
        out = _most_overdue_first(items, [names["customer"], names["invoice"]])
        out = out[[names["customer"], names["invoice"],
                   *([names["currency"]] if names["currency"] in out else []),
                   "due_date", "overdue", "outstanding", "disputed", "days_past_due", "level",
                   "expected"]].copy()  # fmt: skip
    else:
        out = _by_customer(items, late, names)
    for name in ("overdue", "outstanding", "disputed", "expected"):
        out[name] = nearest_step(out[name], position.books.step)
    out = out[out["overdue"] >= minimum].reset_index(drop=True)
    text = 1 if lang == "zh" else 0
    steps = [0, *(level for level, _ in pairs)]
    action = {n: _ACTIONS[min(k, len(_ACTIONS) - 1)][text] for k, n in enumerate(steps)}
    out["action"] = out["level"].map(action).astype(object)
    out["rank"] = np.arange(1, len(out) + 1)
    out["as_of"] = position.books.as_of
    return out


def _by_customer(items: pd.DataFrame, late: np.ndarray, names: dict[str, str]) -> pd.DataFrame:
    """Customers with anything past due; what they owe in all stands beside it."""
    keys = [names["customer"], *([names["currency"]] if names["currency"] in items else [])]
    owed = items["outstanding"].groupby([items[k] for k in keys], observed=True)
    items = items.assign(outstanding=owed.transform("sum"))
    groups = items[late].groupby(keys, sort=True, observed=True)
    out = groups.agg(
        overdue=("overdue", "sum"),
        outstanding=("outstanding", "first"),
        disputed=("disputed", "sum"),
        days_past_due=("days_past_due", "max"),
        invoices=("overdue", "size"),
        level=("level", "max"),
        expected=("expected", lambda v: v.sum(min_count=1)),
    ).reset_index()
    return _most_overdue_first(out, keys)


def _most_overdue_first(table: pd.DataFrame, keys: list[Any]) -> pd.DataFrame:
    late = -table["overdue"].to_numpy(dtype=np.float64)
    order = np.lexsort((label_ranks(table, keys), late))
    return table.iloc[order].reset_index(drop=True)


def _in_dispute(position: Position, ids: pd.Series) -> np.ndarray:
    """Whether an invoice has an open dispute: one was raised and not taken back or settled."""
    books = position.books
    at = standing(books)["document"].to_numpy(dtype=np.int64)
    at = at[at >= 0]
    named = books.documents.rows[books.names["invoice"]].iloc[at]
    return ids.isin(set(named)).to_numpy()


def _share_paid(
    frames: tuple[Any, Any, Any],
    items: pd.DataFrame,
    as_of: Any,
    method: str,
    fx: Any,
    options: Options,
) -> np.ndarray:
    """Share of what is open in each item's bucket that has been paid within a month so far."""
    try:
        with door.speaking_for("worklist"):
            rolls = roll_rates(*frames, as_of=as_of, method=method, fx=fx, **options)
    except TooShortError:
        return np.full(len(items), np.nan)
    name = names_in(frames[0], options)["currency"]
    keys = [name, "from"] if name in rolls else ["from"]
    paid = rolls[rolls["to"] == PAID].groupby(keys, observed=True)["amount"].sum()
    total = rolls.groupby(keys, observed=True)["amount"].sum()
    share = (paid / total.where(total > 0)).astype(float)
    days = items["days_past_due"].to_numpy()
    steps = ladder("30", caller="worklist")  # that of the roll rates
    bucket = np.array(steps.names, dtype=object)[steps.place(-days, 0)]
    if len(keys) == 1:
        return share.reindex(bucket).to_numpy()
    return share.reindex(pd.MultiIndex.from_arrays([items[name].astype(object), bucket])).to_numpy()


def statement(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    start: Any = None,
    of: Any = None,
    lang: str = "en",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Statement of account (对账单): opening balance, every document and receipt, closing balance.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    start : date, optional
        First day; None: of the month of ``as_of``.
    of : scalar or list, optional
        Customers; None: all.
    lang : {"en", "zh"}
        Language of ``text``.

    Returns
    -------
    DataFrame
        ``customer_id``, ``currency`` if there is one, ``date``, ``entry`` (``opening``,
        ``invoice``, ``credit_note``, ``payment``, ``write_off``, ``allowance``, ``closing``),
        ``text`` (the entry in words), ``document``, ``due_date``, ``debit``, ``credit``,
        ``balance`` (running), ``overdue`` (of the closing balance), ``as_of``. By customer,
        currency and date.

    Raises
    ------
    InputError
        As for :func:`ledger`; an unknown customer; ``start`` after ``as_of``.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import statement
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": "A", "amount": [100.0, 50.0],
    ...     "invoice_date": ["2024-12-20", "2025-01-10"],
    ...     "due_date": ["2025-01-19", "2025-02-09"]})
    >>> paid = pd.DataFrame({"payment_id": ["P"], "customer_id": ["A"], "date": ["2025-01-15"],
    ...                      "amount": [100.0]})
    >>> got = statement(invoices, paid, as_of="2025-01-31")
    >>> got[["entry", "document", "debit", "credit", "balance"]].fillna("")
         entry document  debit  credit  balance
    0  opening             0.0     0.0    100.0
    1  invoice        b   50.0     0.0    150.0
    2  payment        P    0.0   100.0     50.0
    3  closing            0.0     0.0     50.0
    """
    caller = "statement"
    door.check_lang(lang, caller=caller)
    position = take_position(
        caller, invoices, payments, adjustments, as_of=as_of, method=method, fx=fx, options=options
    )
    books = position.books
    who = ("customer", "currency") if books.currencies is not None else ("customer",)
    refuse_own_names(caller, books.names, who, _STATED)
    first = _first_day(start, books.today, caller)
    chosen = _chosen(of, books.customers.index, caller)
    lines = _lines(position)
    lines = lines[np.isin(lines["customer"], chosen)]
    return _statement_frame(position, _accounts(position, lines, first), lang)


def _first_day(start: Any, today: int, caller: str) -> int:
    if start is None:
        month = np.datetime64(today, "D").astype("datetime64[M]")
        return int(month.astype("datetime64[D]").astype(np.int64))
    first = day_number(door.day(start, name="start", caller=caller))
    if first > today:
        raise InputError(f"{caller}(): start lies after as_of.")
    return first


def _chosen(of: Any, customers: pd.Index, caller: str) -> np.ndarray:
    if of is None:
        return np.arange(len(customers))
    wanted = list(of) if isinstance(of, list | tuple | pd.Series | np.ndarray | pd.Index) else [of]
    at = customers.get_indexer(pd.Index(wanted))
    if (at < 0).any():
        raise InputError(f"{caller}(): of: no customer {wanted[int(np.argmax(at < 0))]!r}.")
    return at


def _lines(position: Position) -> pd.DataFrame:
    """Documents and receipts as signed lines in order of days."""
    books = position.books
    documents, receipts = books.documents, books.receipts
    own = np.flatnonzero(receipts.source < 0)
    labels = documents.rows[books.names["invoice"]].astype(object)
    kinds = np.array([*KINDS], dtype=object)
    table = pd.DataFrame(
        {
            "customer": np.r_[documents.customer, receipts.customer[own]],
            "currency": np.r_[documents.currency, receipts.currency[own]],
            "day": np.r_[documents.day, receipts.day[own]],
            "entry": np.r_[
                np.where(documents.note, "credit_note", "invoice").astype(object),
                kinds[receipts.kind[own]],
            ],
            "document": pd.concat(
                [labels, receipts.label.iloc[own].astype(object)], ignore_index=True
            ),
            "due": np.r_[
                np.where(documents.note | documents.no_due, -(2**40), documents.due),
                np.full(len(own), -(2**40)),
            ],
            "units": np.r_[documents.units, -receipts.units[own]],
        }
    )
    named = table["document"].notna()
    table["document"] = table["document"].where(named, None)  # one word for what has no id
    table["_receipt"] = np.r_[np.zeros(len(documents)), np.ones(len(own))]
    table["_blank"], table["_text"] = ~named, table["document"].where(named, "").astype(str)
    order = ["customer", "currency", "day", "_receipt", "_blank", "_text", "entry"]
    table = _one_line_a_receipt(table, order)
    table = table.sort_values([*order, "units"], ignore_index=True)
    return table.drop(columns=["_receipt", "_blank", "_text"])


def _one_line_a_receipt(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """A receipt that paid several invoices is one line; what has no id stays as it is."""
    parts = (table["_receipt"] == 1) & table["document"].notna()
    whole = table[parts].groupby(keys, sort=False, as_index=False).agg(
        {"document": "first", "due": "first", "units": "sum"}
    )  # fmt: skip
    return pd.concat([table[~parts], whole[table.columns]], ignore_index=True)


def _overdue(position: Position) -> pd.Series:
    documents = position.books.documents
    late = (documents.due < position.books.today) & (position.open > 0)
    table = pd.DataFrame(
        {
            "customer": documents.customer[late],
            "currency": documents.currency[late],
            "units": position.open[late],
        }
    )
    return table.groupby(["customer", "currency"])["units"].sum()


def _accounts(position: Position, lines: pd.DataFrame, first: int) -> pd.DataFrame:
    """Each account's opening balance, its lines from ``first`` on, its closing balance."""
    keys = ["customer", "currency"]
    accounts = lines[keys].drop_duplicates().sort_values(keys, ignore_index=True)
    index = pd.MultiIndex.from_frame(accounts)

    def of(sums: pd.Series) -> np.ndarray:
        return sums.reindex(index).fillna(0).to_numpy().astype(np.int64)

    blank = pd.Series([None] * len(accounts), dtype=object)
    ends = accounts.assign(document=blank, due=np.int64(-(2**40)), units=np.int64(0))
    before = of(lines[lines["day"] < first].groupby(keys)["units"].sum())
    opening = ends.assign(day=first - 1, entry="opening", brought=before, turn=0)
    closing = ends.assign(day=position.books.today, entry="closing", brought=0, turn=2)
    inside = lines[lines["day"] >= first].assign(brought=np.int64(0), turn=1)
    opening["overdue"] = inside["overdue"] = np.int64(0)
    closing["overdue"] = of(_overdue(position))
    parts = [p for p in (opening, inside, closing) if len(p)] or [opening]
    table = pd.concat(parts, ignore_index=True)
    table = table.sort_values([*keys, "turn"], kind="stable", ignore_index=True)
    run = (table["units"] + table["brought"]).groupby([table[k] for k in keys]).cumsum()
    return table.assign(balance=run)


_ENTRIES = {
    "opening": ("opening balance", "期初余额"),
    "invoice": ("invoice", "发票"),
    "credit_note": ("credit note", "红字发票"),
    "payment": ("payment", "收款"),
    "write_off": ("write-off", "坏账核销"),
    "allowance": ("allowance", "折让"),
    "closing": ("closing balance", "期末余额"),
}


def _statement_frame(position: Position, table: pd.DataFrame, lang: str) -> pd.DataFrame:
    books = position.books
    customer = table["customer"].to_numpy(dtype=np.int64)
    labels = books.customers.labels.iloc[:, 0]
    out = pd.DataFrame({books.names["customer"]: labels.take(customer).reset_index(drop=True)})
    if books.currencies is not None:
        codes = table["currency"].to_numpy(dtype=np.int64)
        names = books.currencies.labels.iloc[:, 0]
        out[books.names["currency"]] = names.take(codes).reset_index(drop=True)
    out["date"] = as_days(table["day"].to_numpy(dtype=np.int64))
    out["entry"] = table["entry"].astype(object)
    words = {k: v[1 if lang == "zh" else 0] for k, v in _ENTRIES.items()}
    out["text"] = table["entry"].map(words).astype(object)
    out["document"] = table["document"].astype(object)
    due = table["due"].to_numpy(dtype=np.int64)
    out["due_date"] = as_days(np.where(due > -(2**40), due, 0), due > -(2**40))
    units = table["units"].to_numpy(dtype=np.int64)
    out["debit"] = door.money(units.clip(0), books.step)
    out["credit"] = door.money((-units).clip(0), books.step)
    out["balance"] = door.money(table["balance"].to_numpy(dtype=np.int64), books.step)
    out["overdue"] = door.money(table["overdue"].to_numpy(dtype=np.int64), books.step)
    out["as_of"] = books.as_of
    return out
