"""The pair ledger and the open items: where every cent is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from ..engine import fast_matching
from ..engine.matching import Rank, order_by, queue_segments
from ..errors import InputError
from .blocks import in_blocks, stacked
from .books import KINDS, Books, Options, open_books, plan_labels
from .currency import convert
from .disputes import allowances_told, as_lists, carried, disputes_told, notes_told
from .plain import PlainBooks, Queue, plain_books
from .settling import Position, receipt_ties, settle
from .tables import Tables, names_in, own_columns, refuse_own_names, take_tables

__all__ = ["NAMED", "ledger", "open_items"]

_DAY = np.int64(86_400_000_000)  # in microseconds
_NEVER = np.iinfo(np.int64).min  # NaT, and below any day
_SHOWN = ("date", "amount", "kind", "invoice_date", "due_date", "payment_date", "as_of",
          "named_invoice")  # fmt: skip
_ITEMS = ("kind", "invoice_date", "due_date", "amount", "paid", "outstanding", "days_past_due",
          "future", "remaining", "as_of")  # fmt: skip
_OWN = {"kind", "payment_date", "as_of"}  # columns that only a ledger has
NAMED = "named_invoice"  # column of a ledger: what the receipt says that it is for


def ledger(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    keep: Any = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Which payment paid what, when: one row a match, every cent somewhere.

    Parameters
    ----------
    invoices : DataFrame
        One row a document: ``invoice_id``, ``customer_id``, ``invoice_date``, ``due_date`` (may
        be missing), ``amount``; optional ``currency``, ``type`` (``invoice``, ``credit_note``),
        ``parent`` (the invoice or plan a credit note is for; the plan an instalment belongs to),
        ``security`` and ``burden`` (for ``cn_560``). Negative amounts are credit notes.
    payments : DataFrame, optional
        ``payment_id``, ``customer_id``, ``date``, ``amount``; optional ``invoice_id`` (missing:
        the payment names none; a ``parent``: its instalments, oldest due first), ``parent`` (the
        same for payments that name no invoice) and ``currency``. Negative amounts are refunds:
        they undo what the payment they name paid, or take back what is left of the customer's
        receipts, the latest first.
    adjustments : DataFrame, optional
        ``customer_id``, ``date``, ``amount``, ``kind``; optional ``invoice_id``. A ``write_off``
        or ``allowance`` settles like a payment; a ``recovery`` (money on a debt already written
        off) and a ``dispute`` leave the balance as it is. Amounts settle whichever sign all of
        them are written with; beside positive ones, a negative one takes an earlier one back.
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
        Rates into one currency: by currency, or a frame (``date``, ``currency``, ``rate``; or a
        column a currency, dates in ``date`` or the index). None: currencies stay apart and
        ``currency`` is a column.
    keep : str or list of str, optional
        Further columns of ``invoices`` that the ledger is to carry beside ``rep`` and
        ``region``, so that other functions can split it by them (``by="大区"``).
    **options
        ``step``, ``invalid``, ``credit_notes``, ``terms``, ``revalue``, and names of columns
        (``customer="..."``, ``amount="..."``).

    Returns
    -------
    DataFrame
        ``customer_id``, ``invoice_id``, ``payment_id``, ``date`` (when both the document and the
        money exist), ``amount``, ``kind`` (``payment``, ``write_off``, ``allowance``,
        ``credit_note``; ``open`` for what is left of a document, ``unapplied`` for what is left
        of a receipt), ``currency`` if there is one, ``invoice_date``, ``due_date``
        (missing where the invoice has none), ``payment_date``, further columns of the invoice
        (type, parent, tax, rep, region, those of ``keep``), ``named_invoice`` (what the receipt
        says it is for) if any receipt names something, ``as_of``. Amounts of a document's rows
        add up to its amount, those of a payment's rows to the payment. ``attrs``: ``method``,
        ``credit_notes``, ``converted``, ``disputes``, ``kept``,
        ``notes`` (credit notes settled to the end, which stand in no row of their own) and
        ``allowances`` (what is left of them is ``unapplied`` like what is left of write-offs).

        Every other function of this desk takes the result in place of ``invoices``, at its own
        date or any before. At an earlier date only what was booked by then counts: what later
        receipts have named or taken back is settled as it was then. Without the ``attrs`` (a
        file keeps none), and of a ledger converted by ``fx``, the matches dated up to then are
        taken as they are, and disputes are not known.

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

    facts = {
        "method": method, "credit_notes": options.get("credit_notes", "parent"),
        "converted": fx is not None, "columns": own_columns(options), "kept": [],
    }  # fmt: skip
    told: dict[str, list[pd.DataFrame]] = {"disputes": [], "notes": [], "allowances": []}

    def work(tables: Any, day: Any) -> pd.DataFrame:
        if isinstance(tables, Tables) and fx is None:
            plain = plain_books(tables, as_of=day, method=method)
            if plain is not None:
                return _plain_frame(plain, named)
        position = take_position(
            "ledger", tables, payments, adjustments, as_of=day, method=method, fx=fx,
            options=options,
        )  # fmt: skip
        told["disputes"].append(disputes_told(position.books))
        told["notes"].append(notes_told(position))
        told["allowances"].append(allowances_told(position))
        return _ledger_frame(position, named)

    invoices = as_ledger(invoices, "ledger")
    if is_ledger(invoices):
        named = NAMED in invoices
        if keep is not None:
            kept = _kept(keep, invoices.attrs.get("kept", []), invoices, options)
            invoices = invoices.copy(deep=False)
            invoices.attrs = {**invoices.attrs, "kept": kept}
        out = work(invoices, as_of)
        facts = {k: v for k, v in invoices.attrs.items() if k in facts}
    else:
        tables = take_tables("ledger", invoices, payments, adjustments, options, method)
        tables.kept = tuple(_kept(keep, [], tables.rows[0].frame, options))
        facts["kept"] = list(tables.kept)
        refuse_own_names("ledger", tables.names, _roles(tables), _SHOWN)
        named = tables.naming()
        out = stacked(in_blocks(tables, as_of=as_of, fx=fx, work=work), tables.lines())
    if named:
        out[NAMED] = _like_ids(out[NAMED], out[names_in(invoices, options)["invoice"]])
    out.attrs = {**facts, **{name: as_lists(parts) for name, parts in told.items()}}
    return out


def _roles(tables: Tables) -> list[str]:
    """What a ledger shows under the caller's names."""
    known = any("currency" in rows for rows in tables.rows)
    return ["customer", "invoice", "payment", *(["currency"] if known else [])]


def _kept(keep: Any, before: list[Any], frame: pd.DataFrame, options: Options) -> list[Any]:
    """Further columns to carry: there, and no other column's name in the result."""
    caller, names = "ledger", names_in(frame, options)
    more = door.check_names(keep, "keep", caller=caller)
    roles = ("customer", "invoice", "payment", "currency")
    door.refuse_names(more, [*(names[r] for r in roles), *_SHOWN], caller=caller, option="keep")
    for column in more:
        if column not in frame:
            have = ", ".join(map(repr, frame.columns))
            raise InputError(
                f"{caller}(): keep: invoices has no column {column!r}; there are: {have}."
            )
    return list(dict.fromkeys([*before, *more]))


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
    future: bool = False,
    each: bool = True,
) -> Position:
    """The settled books: from the frames, from tables taken in, or from a ledger made once."""
    invoices = as_ledger(invoices, caller)
    if is_ledger(invoices):
        from .reading import position_from_ledger

        return position_from_ledger(
            caller, invoices, payments, adjustments, as_of=as_of, fx=fx, options=options,
            pairs=pairs, future=future,
        )  # fmt: skip
    tables = invoices
    if not isinstance(tables, Tables):
        tables = take_tables(caller, invoices, payments, adjustments, options, method)
    books = open_books(tables, as_of=as_of)
    position = settle(books, method, pairs=pairs, future=future, each=each)
    revalue = door.check_bool(options.get("revalue", False), "revalue", caller=caller)
    return position if fx is None else convert(position, fx, revalue=revalue)


def is_ledger(frame: Any) -> bool:
    """Whether a frame is what :func:`ledger` returned."""
    return isinstance(frame, pd.DataFrame) and set(frame.columns) >= _OWN


def as_ledger(frame: Any, caller: str) -> Any:
    """A ledger that another engine has read as pandas; anything else as it is."""
    if isinstance(frame, pd.DataFrame | Tables) or not hasattr(type(frame), "columns"):
        return frame
    names = door.lazy(frame, caller=caller, arg="invoices").collect_schema().names()
    return door.to_pandas(frame, caller=caller, arg="invoices") if set(names) >= _OWN else frame


class _Lines:
    """Matches, then open documents, then unapplied receipts: positions, -1 where there is none."""

    def __init__(self, position: Position) -> None:
        books = position.books
        opened = np.flatnonzero((position.open != 0) | (books.documents.units == 0))
        rests = np.flatnonzero(position.rest)
        no_document = np.full(len(rests), -1, dtype=np.int64)
        no_receipt = np.full(len(opened), -1, dtype=np.int64)
        document = np.concatenate([position.document, opened, no_document])
        receipt = np.concatenate([position.receipt, no_receipt, rests])
        units = np.concatenate([position.units, position.open[opened], position.rest[rests]])
        order = _line_order(books, document, receipt)
        self.document, self.receipt, self.units = document[order], receipt[order], units[order]


def _line_order(books: Books, document: np.ndarray, receipt: np.ndarray) -> np.ndarray:
    """By customer, currency, document (date, id) and receipt (date, id); open and rest last."""
    documents, receipts = books.documents, books.receipts
    group, last = _dense(documents.group, receipts.group)
    ids = documents.rows[books.names["invoice"]]
    by_document = order_by((group[: len(documents)], documents.day), _ties(ids))
    by_receipt = order_by((receipts.day,), receipt_ties(receipts))
    slot = np.empty(len(documents), dtype=np.int64)
    slot[by_document] = np.arange(len(documents))
    slot += group[: len(documents)]  # leaves one slot a group for what names no document
    turn = np.full(len(receipts) + 1, len(receipts), dtype=np.int64)  # the last: no receipt
    turn[by_receipt] = np.arange(len(receipts))
    end = np.searchsorted(group[: len(documents)][by_document], np.arange(last), side="right")
    rests = end[group[len(documents) :]] + group[len(documents) :]
    key = _of_both(document, receipt, slot, rests)
    key <<= len(receipts).bit_length()
    key |= turn[receipt]
    return np.argsort(key, kind="stable")


def _of_both(document: np.ndarray, receipt: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The document's value of each line, or the receipt's where there is no document."""
    none = np.flatnonzero(document < 0)
    if not len(a):
        return b[receipt]
    out = a[document]
    out[none] = b[receipt[none]]
    return out


def _ties(labels: pd.Series) -> Rank | None:
    """How to order equals: by label; None where rows stand in that order."""
    return None if labels.is_monotonic_increasing else lambda rows: _rank(labels.iloc[rows])


def _dense(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, int]:
    """Codes without gaps for two arrays of codes, and how many there are."""
    both = np.concatenate([a, b])
    used = np.bincount(both) > 0 if len(both) else np.empty(0, dtype=bool)
    return (np.cumsum(used) - 1)[both], int(used.sum())


def _ledger_frame(position: Position, named: bool) -> pd.DataFrame:
    """Matches, open documents and unapplied receipts as one frame."""
    lines = _Lines(position)
    return _frame(position.books, lines.document, lines.receipt, lines.units, named)


def _plain_frame(plain: PlainBooks, named: bool) -> pd.DataFrame:
    """The same for plain books, whose lines come out of one merge in their order."""
    debits, credits = plain.debits(), plain.credits()
    if not plain.oldest_due and len(debits) + len(credits) >= fast_matching.LEAST:
        lines = fast_matching.compiled_lines()
        if lines is not None:
            return _compiled_frame(plain, debits, credits, lines, named)
    books = plain.queued(debits, credits)
    documents, receipts = books.documents, books.receipts
    document, receipt, units = queue_segments(
        documents.group, documents.units, receipts.group, receipts.units, plain.groups
    )
    if plain.oldest_due:  # settled by due date, shown by invoice date
        order = _line_order(books, document, receipt)
        document, receipt, units = document[order], receipt[order], units[order]
    return _frame(books, document, receipt, units, named)


def _compiled_frame(
    plain: PlainBooks, debits: Queue, credits: Queue, write: Callable[..., int], named: bool
) -> pd.DataFrame:
    documents, receipts = plain.books.documents, plain.books.receipts
    bare = None if named else _whole_labels(plain)
    # In order first: the pass itself then never waits for memory.
    if bare is not None:  # the pass writes the labels themselves
        who, ids, slips = bare
        groups = who[debits.customer], who[credits.customer]
        ids, slips = ids[debits.at], slips[credits.at]
    else:
        groups, ids, slips = (debits.customer, credits.customer), debits.at, credits.at
    room = len(debits) + len(credits)
    lines, times = np.empty((4, room), dtype=np.int64), np.empty((4, room), dtype=np.int64)
    kind = np.empty(room, dtype=np.int8)
    n = write(
        groups[0], documents.units[debits.at], ids, debits.day, documents.due[debits.at],
        groups[1], receipts.units[credits.at], slips, credits.day,
        int(_DAY), len(KINDS), lines, times, kind,
    )  # fmt: skip
    document, receipt, customer, units = (line[:n] for line in lines)
    of_lines, kind = [t[:n] for t in times], kind[:n]
    if bare is None:
        return _assembled(plain.books, document, receipt, units, customer, kind, of_lines, named)
    names = plain.books.names
    columns = {
        names["customer"]: customer,
        names["invoice"]: _whole_numbers(document, kind == len(KINDS) + 1),
        names["payment"]: _whole_numbers(receipt, kind == len(KINDS)),
    }
    return _columns(plain.books, columns, units, kind, of_lines, {})


def _whole_labels(plain: PlainBooks) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Labels of customers and ids of documents and receipts, if all are plain whole numbers."""
    books = plain.books
    if plain.carried():
        return None
    columns = (books.customers.labels.iloc[:, 0], books.documents.rows[books.names["invoice"]],
               books.receipts.label)  # fmt: skip
    if not all(c.dtype == np.int64 for c in columns):
        return None
    who, ids, slips = (c.to_numpy() for c in columns)
    return who, ids, slips


def _whole_numbers(values: np.ndarray, lost: np.ndarray) -> Any:
    """Whole numbers, missing where they are lost."""
    return pd.arrays.IntegerArray(values, lost) if lost.any() else values


def _frame(
    books: Books, document: np.ndarray, receipt: np.ndarray, units: np.ndarray, named: bool
) -> pd.DataFrame:
    """One row a line: positions of document and receipt (-1: none) and what is matched or left."""
    documents, receipts = books.documents, books.receipts
    issued = _taken(documents.day * _DAY, document, _NEVER)
    paid = _taken(receipts.day * _DAY, receipt, _NEVER)
    due = documents.due * _DAY
    due[documents.no_due] = _NEVER  # read back, the ledger is to say so again
    due = _taken(due, document, _NEVER)
    kind = _taken(receipts.kind, receipt, len(KINDS))
    kind[document < 0] = len(KINDS) + 1
    customer = _of_both(document, receipt, documents.customer, receipts.customer)
    times = [np.maximum(issued, paid), issued, due, paid]
    return _assembled(books, document, receipt, units, customer, kind, times, named)


def _assembled(
    books: Books,
    document: np.ndarray,
    receipt: np.ndarray,
    units: np.ndarray,
    customer: np.ndarray,
    kind: np.ndarray,
    times: list[np.ndarray],
    named: bool,
) -> pd.DataFrame:
    """The frame of lines; ``times`` in microseconds: of the match, document, due date, receipt.

    ``named``: with a column of what receipts name.
    """
    documents, receipts, names = books.documents, books.receipts, books.names
    columns: dict[str, Any] = {
        names["customer"]: _labels(books.customers, customer),
        names["invoice"]: _pick(documents.rows[names["invoice"]], document),
        names["payment"]: _pick(receipts.label, receipt),
    }
    more: dict[str, Any] = {}
    if books.currencies is not None:
        currency = _of_both(document, receipt, documents.currency, receipts.currency)
        more[names["currency"]] = _labels(books.currencies, currency)
    more |= {"invoice_date": None, "due_date": None, "payment_date": None}
    for column in carried(books).values():
        more[column] = _pick(documents.rows[column], document)
    if named:
        more[NAMED] = _named_by(books, receipt)
    return _columns(books, columns, units, kind, times, more)


def _columns(
    books: Books,
    columns: dict[str, Any],
    units: np.ndarray,
    kind: np.ndarray,
    times: list[np.ndarray],
    more: dict[str, Any],
) -> pd.DataFrame:
    """Keys and ids, what is matched, when and how, dates, and what there is ``more``."""
    later, issued, due, paid = (t.view("datetime64[us]") for t in times)
    columns |= {
        "date": later,
        "amount": door.money(units, books.step),
        "kind": _words((*KINDS, "open", "unapplied"), kind),
    }
    columns |= more
    columns |= {"invoice_date": issued, "due_date": due, "payment_date": paid}
    columns["as_of"] = np.full(len(units), books.as_of.to_datetime64())
    return pd.DataFrame(columns, copy=False)


def _words(words: Sequence[str], codes: np.ndarray) -> Any:
    """A column of words by their codes."""
    return pd.Series(words).array.take(codes)


def _named_by(books: Books, receipt: np.ndarray) -> pd.Series:
    """The document or instalment plan that the receipt of each line names, None: none."""
    documents, receipts = books.documents, books.receipts
    labels = np.full(len(receipts) + 1, None, dtype=object)  # the last: no receipt
    if books.awaited is not None:
        labels[:-1] = books.awaited
    one, plan = (np.flatnonzero(rows) for rows in (receipts.named >= 0, receipts.named == -2))
    ids = documents.rows[books.names["invoice"]]
    labels[one] = ids.iloc[receipts.named[one]].to_numpy(dtype=object)
    labels[plan] = plan_labels(documents, books.names)[receipts.parent[plan]]
    return pd.Series(labels[receipt], dtype=object)


def _like_ids(names: pd.Series, ids: pd.Series) -> pd.Series:
    """Names in the dtype of the ids, where they are all of its kind."""
    kind = pd.api.types.infer_dtype(names, skipna=True)
    text = isinstance(ids.dtype, pd.StringDtype) and kind in ("string", "empty")
    whole = pd.api.types.is_integer_dtype(ids.dtype) and kind in ("integer", "empty")
    dtype = "Int64" if whole else ids.dtype
    return names.astype(dtype) if text or whole else names


def _taken(values: np.ndarray, rows: np.ndarray, fill: int) -> np.ndarray:
    """Values at positions, ``fill`` where there is none (-1: the place behind the last)."""
    return np.append(values, values.dtype.type(fill))[rows]


def _labels(keys: door.Keys, codes: np.ndarray) -> Any:
    return _pick(keys.labels.iloc[:, 0], codes)


def _pick(column: pd.Series, rows: np.ndarray) -> Any:
    """Values at positions, missing where the position is -1; the dtype is kept if it can be."""
    own = isinstance(column.dtype, np.dtype)
    values = column.to_numpy() if own else column.array
    lost = rows < 0
    if not lost.any():
        out = values[rows] if own else values.take(rows)
    elif own and column.dtype.kind in "iu":
        return pd.arrays.IntegerArray(_taken(values, rows, 0), lost)
    else:
        out = pd.api.extensions.take(values, rows, allow_fill=True)
    if own and column.dtype == object:  # a bare array of texts would become another dtype
        return pd.Series(out, dtype=object)
    return out


def _rank(labels: pd.Series) -> np.ndarray:
    if labels.is_monotonic_increasing:
        return np.arange(len(labels), dtype=np.int64)
    return door.factorise(labels.to_frame("id"), ["id"]).codes


def as_days(days: np.ndarray, real: np.ndarray | None = None) -> np.ndarray:
    """Days since 1970 as datetimes; missing where not ``real``."""
    out = days * _DAY
    if real is not None:
        out[~real] = np.iinfo(np.int64).min  # NaT
    return out.view("datetime64[us]")


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
        As for :func:`ledger`. Any past ``as_of`` brings back what has been paid since, from the
        frames and from a ledger alike.
    include : {"open", "all"}
        ``"all"`` also returns documents that are settled (``outstanding`` 0).

    Returns
    -------
    DataFrame
        ``customer_id``, ``invoice_id``, ``payment_id`` (of an unapplied receipt), ``kind``
        (``invoice``, ``credit_note``, ``unapplied``), ``currency`` if there is one,
        ``invoice_date`` (date of the receipt), ``due_date`` (missing where the invoice has
        none), ``amount``, ``paid``, ``outstanding`` (negative: a credit of the customer's),
        ``days_past_due`` (negative: not due yet; without a due date: since the invoice date),
        ``future`` (receipts dated after ``as_of`` that will settle it; of a ledger: those up to
        its own date), ``remaining``,
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

    def work(tables: Any, day: Any) -> pd.DataFrame:
        position = take_position(
            "open_items", tables, payments, adjustments, as_of=day, method=method, fx=fx,
            options=options, pairs=fx is not None, future=True,
        )  # fmt: skip
        return _items_frame(position, every=include == "all")

    invoices = as_ledger(invoices, "open_items")
    if is_ledger(invoices):
        return work(invoices, as_of)
    tables = take_tables("open_items", invoices, payments, adjustments, options, method)
    refuse_own_names("open_items", tables.names, _roles(tables), _ITEMS)
    return stacked(in_blocks(tables, as_of=as_of, fx=fx, work=work), tables.lines())


def _items_frame(position: Position, *, every: bool) -> pd.DataFrame:
    books = position.books
    documents, receipts, names, step = books.documents, books.receipts, books.names, books.step
    order = _item_order(books.documents.rows[names["invoice"]], documents)
    rows = order if every else order[position.open[order] != 0]
    rest = np.flatnonzero(position.rest)
    ties = receipt_ties(receipts)
    rest = rest[order_by((receipts.day[rest],), ties and (lambda at: ties(rest[at])))]
    customer = np.concatenate([documents.customer[rows], receipts.customer[rest]])
    place = np.argsort(customer, kind="stable")  # documents before receipts of each customer
    document = np.concatenate([rows, np.full(len(rest), -1, dtype=np.int64)])[place]
    receipt = np.concatenate([np.full(len(rows), -1, dtype=np.int64), rest])[place]

    def joined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.concatenate([a, b])[place]

    due = joined(documents.due[rows], receipts.day[rest])
    given = joined(~documents.no_due[rows], np.zeros(len(rest), dtype=bool))
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
            "kind": _words(("invoice", "credit_note", "unapplied"), kind),
        }
    )
    if books.currencies is not None:
        currency = joined(documents.currency[rows], receipts.currency[rest])
        labels = books.currencies.labels.iloc[:, 0]
        out[names["currency"]] = labels.take(currency).reset_index(drop=True)
    out["invoice_date"] = as_days(joined(documents.day[rows], receipts.day[rest]))
    out["due_date"] = as_days(due, given)
    for name, units in (
        ("amount", amount), ("paid", amount - left), ("outstanding", left),
    ):  # fmt: skip
        out[name] = door.money(units, step)
    out["days_past_due"] = books.today - due
    out["future"] = door.money(future, step)
    out["remaining"] = door.money(left - future, step)
    for column in carried(books).values():
        out[column] = _pick(documents.rows[column], document)
    out["as_of"] = books.as_of
    return out


def _item_order(ids: pd.Series, documents: Any) -> np.ndarray:
    return np.lexsort((_rank(ids), documents.day, documents.customer))
