"""The pair ledger and the open items: where every cent is."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .books import KINDS, Options, open_books
from .currency import convert
from .settling import Position, settle

__all__ = ["ledger", "open_items"]

_CARRIED = ("type", "parent", "tax", "rep", "region")


def ledger(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Which payment paid what, when: one row a match, every cent somewhere.

    Parameters
    ----------
    invoices : DataFrame
        One row a document: ``invoice_id``, ``customer_id``, ``invoice_date``, ``due_date`` (may
        be missing), ``amount``; optional ``currency``, ``type`` (``invoice``, ``credit_note``),
        ``parent`` (the invoice a credit note is for; the invoice an instalment belongs to),
        ``security`` and ``burden`` (for ``cn_560``). Negative amounts are credit notes.
    payments : DataFrame, optional
        ``payment_id``, ``customer_id``, ``date``, ``amount``; optional ``invoice_id`` (missing:
        the payment names none; a ``parent``: its instalments, oldest due first) and
        ``currency``. Negative amounts are refunds: they undo what the payment they name paid,
        or take back what is left of the customer's receipts, the latest first.
    adjustments : DataFrame, optional
        ``customer_id``, ``date``, ``amount``, ``kind``; optional ``invoice_id``. A ``write_off``
        or ``allowance`` settles like a payment; a ``recovery`` (money on a debt already written
        off) and a ``dispute`` leave the balance as it is.
    as_of : date, optional
        Position at the end of this day: what is dated later does not count yet. None: the last
        date in the data.
    method : str
        ``"specific_then_fifo"``: documents named on payments first, the rest settles the oldest
        invoice date first; ``"specific"``: names only; ``"specific_then_oldest_due"`` (due date,
        invoice date, id); ``"specific_then_lifo"``, ``"specific_then_proportional"``; ``"fifo"``,
        ``"lifo"``, ``"proportional"``: names are ignored; ``"cn_560"``: names, then article 560 of
        the Chinese Civil Code (due debts first, then least secured, most burdensome, earliest
        due, equals in proportion).
    fx : mapping or DataFrame, optional
        Rates into one currency: by currency, or a frame (``date``, ``currency``, ``rate``). None:
        currencies stay apart and ``currency`` is a column.
    **options
        ``step``, ``invalid``, ``credit_notes``, ``terms``, ``revalue``, and names of columns
        (``customer="..."``, ``amount="..."``).

    Returns
    -------
    DataFrame
        ``customer_id``, ``invoice_id``, ``payment_id``, ``date`` (when both the document and the
        money exist), ``amount``, ``kind`` (``payment``, ``write_off``, ``allowance``,
        ``credit_note``; ``open`` for what is left of a document, ``unapplied`` for what is left
        of a receipt), ``currency`` if there is one, ``invoice_date``, ``due_date``,
        ``payment_date``, further columns of the invoice, ``as_of``. Amounts of a document's rows
        add up to its amount, those of a payment's rows to the payment. Every other function of
        this desk takes the result in place of ``invoices``.

    Raises
    ------
    InputError
        A column is missing or holds unusable values, an id is repeated, a payment names an
        unknown invoice or another customer's.

    References
    ----------
    .. [1] Civil Code of the People's Republic of China, article 560.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import ledger
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["I1", "I2"], "customer_id": "A", "amount": [100.0, 50.0],
    ...     "invoice_date": ["2025-01-01", "2025-02-01"],
    ...     "due_date": ["2025-01-31", "2025-03-03"]})
    >>> payments = pd.DataFrame({"payment_id": ["P1"], "customer_id": ["A"],
    ...                          "date": ["2025-02-10"], "amount": [120.0]})
    >>> ledger(invoices, payments)[["invoice_id", "payment_id", "amount", "kind"]].fillna("-")
      invoice_id payment_id  amount     kind
    0         I1         P1   100.0  payment
    1         I2         P1    20.0  payment
    2         I2          -    30.0     open
    """
    position = take_position(
        "ledger", invoices, payments, adjustments, as_of=as_of, method=method, fx=fx,
        options=options,
    )  # fmt: skip
    return _ledger_frame(position)


def take_position(
    caller: str,
    invoices: Any,
    payments: Any,
    adjustments: Any,
    *,
    as_of: Any,
    method: str,
    fx: Any,
    options: Options,
    pairs: bool = True,
) -> Position:
    """The settled books: from the three frames, or from a ledger made once."""
    if is_ledger(invoices):
        from .reading import position_from_ledger

        return position_from_ledger(
            caller, invoices, payments, adjustments, as_of=as_of, fx=fx, options=options
        )
    books = open_books(caller, invoices, payments, adjustments, as_of=as_of, options=options)
    position = settle(books, method, pairs=pairs)
    revalue = door.check_bool(options.get("revalue", False), "revalue", caller=caller)
    return position if fx is None else convert(position, fx, revalue=revalue)


def is_ledger(frame: Any) -> bool:
    """Whether a frame is what :func:`ledger` returned."""
    return isinstance(frame, pd.DataFrame) and {"kind", "payment_date", "as_of"} <= set(
        frame.columns
    )


def _ledger_frame(position: Position) -> pd.DataFrame:
    """Matches, open documents and unapplied receipts as one frame, by customer and document."""
    books = position.books
    documents, receipts, names = books.documents, books.receipts, books.names
    open_rows = np.flatnonzero((position.open != 0) | (documents.units == 0))
    rest_rows = np.flatnonzero(position.rest)
    none_d = np.full(len(rest_rows), -1, dtype=np.int64)
    none_r = np.full(len(open_rows), -1, dtype=np.int64)
    document = np.concatenate([position.document, open_rows, none_d])
    receipt = np.concatenate([position.receipt, none_r, rest_rows])
    units = np.concatenate([position.units, position.open[open_rows], position.rest[rest_rows]])
    kind = np.concatenate(
        [
            receipts.kind[position.receipt],
            np.full(len(open_rows), len(KINDS), dtype=np.int8),
            np.full(len(rest_rows), len(KINDS) + 1, dtype=np.int8),
        ]
    )
    has_d, has_r = document >= 0, receipt >= 0
    d, r = np.where(has_d, document, 0), np.where(has_r, receipt, 0)
    day_d = _at(documents.day, d, has_d)
    day_r = _at(receipts.day, r, has_r)
    customer = np.where(has_d, _at(documents.customer, d, has_d), _at(receipts.customer, r, has_r))
    currency = np.where(has_d, _at(documents.currency, d, has_d), _at(receipts.currency, r, has_r))
    day = np.maximum(day_d, day_r)
    rank = _rank(documents.rows[names["invoice"]])
    keys = (customer, currency, np.where(has_d, _at(documents.day, d, has_d), 2**31),
            np.where(has_d, _at(rank, d, has_d), 2**40), kind == len(KINDS),
            day, _at(_rank(receipts.label), r, has_r))  # fmt: skip
    order = np.lexsort(keys[::-1])
    out = pd.DataFrame(
        {
            names["customer"]: books.customers.labels.iloc[:, 0]
            .take(customer[order])
            .reset_index(drop=True),
            names["invoice"]: _pick(documents.rows[names["invoice"]], document[order]),
            names["payment"]: _pick(receipts.label, receipt[order]),
            "date": as_days(day[order]),
            "amount": door.money(units[order], books.step),
            "kind": np.array([*KINDS, "open", "unapplied"], dtype=object)[kind[order]],
        }
    )
    if books.currencies is not None:
        labels = books.currencies.labels.iloc[:, 0]
        out[names["currency"]] = labels.take(currency[order]).reset_index(drop=True)
    out["invoice_date"] = as_days(day_d[order], has_d[order])
    out["due_date"] = as_days(_at(documents.due, d, has_d)[order], has_d[order])
    out["payment_date"] = as_days(day_r[order], has_r[order])
    for column in (names.get(c, c) for c in _CARRIED):
        if column in documents.rows:
            out[column] = _pick(documents.rows[column], document[order])
    out["as_of"] = books.as_of
    return out


def _at(values: np.ndarray, rows: np.ndarray, real: np.ndarray) -> np.ndarray:
    """``values[rows]`` where ``real``, else -1."""
    if not len(values):
        return np.full(len(rows), -1, dtype=np.int64)
    return np.where(real, values[rows], -1)


def _pick(column: pd.Series, rows: np.ndarray) -> pd.Series:
    """Values at positions, missing where the position is -1; the dtype is kept if it can be."""
    if (rows >= 0).all():
        return column.take(rows).reset_index(drop=True)
    values = column.reset_index(drop=True)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        values = values.astype("Int64" if values.dtype.kind == "i" else "UInt64")
    return values.reindex(np.where(rows >= 0, rows, len(values))).reset_index(drop=True)


def _rank(labels: pd.Series) -> np.ndarray:
    if labels.is_monotonic_increasing:
        return np.arange(len(labels), dtype=np.int64)
    return door.factorise(labels.to_frame("id"), ["id"]).codes


def as_days(days: np.ndarray, real: np.ndarray | None = None) -> np.ndarray:
    """Days since 1970 as datetimes; missing where not ``real``."""
    out = days.astype("datetime64[D]").astype("datetime64[us]")
    if real is not None:
        out[~real] = np.datetime64("NaT")
    return out


def open_items(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    include: str = "open",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """What is open at a date: one row a document or unapplied receipt that is not settled.

    Parameters
    ----------
    invoices, payments, adjustments : DataFrame
        As for :func:`ledger`, or a ledger in place of the first. Also frames of Polars, Arrow,
        DuckDB or Spark.
    as_of, method, fx, **options
        As for :func:`ledger`. Any past ``as_of`` brings back what has been paid since.
    include : {"open", "all"}
        ``"all"`` also returns documents that are settled (``outstanding`` 0).

    Returns
    -------
    DataFrame
        ``customer_id``, ``invoice_id``, ``payment_id`` (of an unapplied receipt), ``kind``
        (``invoice``, ``credit_note``, ``unapplied``), ``currency`` if there is one,
        ``invoice_date`` (date of the receipt), ``due_date``, ``amount``, ``paid``,
        ``outstanding`` (negative: a credit of the customer's), ``days_past_due`` (negative: not
        due yet), ``future`` (receipts dated after ``as_of`` that will settle it), ``remaining``,
        further columns of the invoice, ``as_of``. ``outstanding`` adds up to invoices minus
        payments minus adjustments.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import open_items
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["I1", "I2"], "customer_id": "A", "amount": [100.0, 50.0],
    ...     "invoice_date": ["2025-01-01", "2025-02-01"],
    ...     "due_date": ["2025-01-31", "2025-03-03"]})
    >>> payments = pd.DataFrame({"payment_id": ["P1"], "customer_id": ["A"],
    ...                          "date": ["2025-02-10"], "amount": [120.0]})
    >>> open_items(invoices, payments)[["invoice_id", "paid", "outstanding", "days_past_due"]]
      invoice_id  paid  outstanding  days_past_due
    0         I2  20.0         30.0            -21
    """
    door.check_choice(include, "include", ("open", "all"), caller="open_items")
    position = take_position(
        "open_items", invoices, payments, adjustments, as_of=as_of, method=method, fx=fx,
        options=options, pairs=False,
    )  # fmt: skip
    return _items_frame(position, every=include == "all")


def _items_frame(position: Position, *, every: bool) -> pd.DataFrame:
    books = position.books
    documents, receipts, names, step = books.documents, books.receipts, books.names, books.step
    order = _item_order(books.documents.rows[names["invoice"]], documents)
    rows = order if every else order[position.open[order] != 0]
    rest = np.flatnonzero(position.rest)
    rest = rest[np.lexsort((_rank(receipts.label)[rest], receipts.day[rest]))]
    customer = np.concatenate([documents.customer[rows], receipts.customer[rest]])
    place = np.argsort(customer, kind="stable")  # documents before receipts of each customer
    document = np.concatenate([rows, np.full(len(rest), -1, dtype=np.int64)])[place]
    receipt = np.concatenate([np.full(len(rows), -1, dtype=np.int64), rest])[place]

    def joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.concatenate([a, b])[place]

    due = joined(documents.due[rows], receipts.day[rest])
    left = joined(position.open[rows], -position.rest[rest])
    amount = joined(documents.units[rows], -receipts.units[rest])
    future = joined(position.expected[rows], np.zeros(len(rest), dtype=np.int64))
    kind = joined(np.where(documents.note[rows], 1, 0), np.full(len(rest), 2))
    out = pd.DataFrame(
        {
            names["customer"]: books.customers.labels.iloc[:, 0]
            .take(customer[place])
            .reset_index(drop=True),
            names["invoice"]: _pick(documents.rows[names["invoice"]], document),
            names["payment"]: _pick(receipts.label, receipt),
            "kind": np.array(["invoice", "credit_note", "unapplied"], dtype=object)[kind],
        }
    )
    if books.currencies is not None:
        currency = joined(documents.currency[rows], receipts.currency[rest])
        labels = books.currencies.labels.iloc[:, 0]
        out[names["currency"]] = labels.take(currency).reset_index(drop=True)
    out["invoice_date"] = as_days(joined(documents.day[rows], receipts.day[rest]))
    out["due_date"] = as_days(due, document >= 0)
    for name, units in (
        ("amount", amount), ("paid", amount - left), ("outstanding", left),
    ):  # fmt: skip
        out[name] = door.money(units, step)
    out["days_past_due"] = books.today - due
    out["future"] = door.money(future, step)
    out["remaining"] = door.money(left - future, step)
    for column in (names.get(c, c) for c in _CARRIED):
        if column in documents.rows:
            out[column] = _pick(documents.rows[column], document)
    out["as_of"] = books.as_of
    return out


def _item_order(ids: pd.Series, documents: Any) -> np.ndarray:
    return np.lexsort((_rank(ids), documents.day, documents.customer))
