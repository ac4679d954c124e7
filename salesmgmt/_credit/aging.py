"""Aging: what is open, by age, so that it always adds up to the balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from ..engine.matching import exact_sums, queue_open
from ..errors import InputError
from .blocks import in_blocks
from .books import Books, Options, column_names, constant
from .buckets import SHEET, Ladder, Rules, ladder, rules_named, translated
from .elsewhere import condensed_payments
from .ledger import as_ledger, is_ledger, take_position
from .plain import PlainBooks, plain_books
from .settling import Position
from .tables import Tables, label_ranks, refuse_other_kinds, take_tables

__all__ = ["aging", "aging_movement", "bucket_columns", "from_sheet"]


def aging(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    buckets: Any = "30",
    basis: Literal["due", "invoice"] = "due",
    by: str | Sequence[str] | None = "customer_id",
    rules: str | None = None,
    unapplied: Literal["own", "current", "bucket"] = "own",
    shape: Literal["wide", "long"] = "wide",
    lang: str = "en",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Open receivables by age: the buckets and what is unapplied add up to the balance.

    Parameters
    ----------
    invoices, payments, adjustments : DataFrame
        As for :func:`ledger`, or a ledger in place of the first. Also frames of Polars, Arrow,
        DuckDB or Spark.
    as_of, method, fx, **options
        As for :func:`ledger`.
    buckets : str, sequence of int, or list of (name, low, high)
        ``"30"``: ``current``, ``1-30``, ``31-60``, ``61-90``, ``91+``. ``"cn"``: the Chinese
        ladder of overdue days up to three years. ``"cn_years"``: years since the invoice date by
        calendar anniversary (notes to accounts; the anniversary itself is the younger year).
        Upper edges ``(0, 30, 60, 90)``, or buckets of inclusive days past the basis, None for
        open; they must cover every age.
    basis : {"due", "invoice"}
        Count days from the due date or the invoice date. A document without due date is aged by
        its invoice date, and a ``DataWarning`` says how many.
    by : str, sequence of str or None
        Key columns of the result: columns of ``invoices`` (customer, rep, region, currency).
        None: one row. Currencies stay apart in any case unless ``fx`` converts. Money that is
        unapplied goes to the key of the customer's latest invoice (of one day: the smallest id).
    rules : {"erpnext", "oca", "oca_statement", "tryton", "oracle"}, optional
        Basis, buckets and the treatment of missing due dates of another system's report, with
        a bucket for what it leaves out. ``buckets`` and ``basis`` other than the defaults win.
    unapplied : {"own", "current", "bucket"}
        Money that settles nothing yet: in its own column; with what is not due; or aged by its
        own date. Always negative.
    shape : {"wide", "long"}
        One column a bucket, or one row a key and bucket.
    lang : {"en", "zh"}
        Language of the bucket names.

    Returns
    -------
    DataFrame
        Wide: key columns, one column a bucket, ``unapplied``, ``total``, ``as_of``. Long: key
        columns, ``bucket`` (``unapplied`` last), ``amount``, ``as_of``. One row a key with a
        document or receipt up to ``as_of``, in ascending order.

    Raises
    ------
    InputError
        As for :func:`ledger`; buckets leave a gap or overlap; a ``by`` column is missing.

    References
    ----------
    .. [1] ERPNext, report "Accounts Receivable"; Odoo Community Association,
       account-financial-reporting 17.0, aged partner balance and partner statement; Tryton,
       aged balance; Oracle Receivables, aging buckets (for ``rules``).

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import aging
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["I1", "I2"], "customer_id": "A", "amount": [100.0, 50.0],
    ...     "invoice_date": ["2025-01-01", "2025-02-01"],
    ...     "due_date": ["2025-01-31", "2025-03-03"]})
    >>> aging(invoices, as_of="2025-03-02")[["customer_id", "current", "1-30", "total"]]
      customer_id  current   1-30  total
    0           A     50.0  100.0  150.0
    """
    for name, value, choices in (
        ("basis", basis, ("due", "invoice")),
        ("unapplied", unapplied, ("own", "current", "bucket")),
        ("shape", shape, ("wide", "long")),
    ):
        door.check_choice(value, name, choices, caller="aging")
    door.check_lang(lang, caller="aging")
    rule = rules_named(rules, caller="aging")
    steps = ladder(buckets, caller="aging")
    own = ("unapplied", "total") if shape == "wide" else ("bucket", "amount")
    grouping = door.check_names(by, "by", caller="aging")
    door.refuse_names(grouping, (*own, "as_of"), caller="aging", option="by")
    if rule is not None:
        steps = Ladder(rule.buckets) if _is_default(buckets, "30") else steps
        basis = rule.basis if basis == "due" else basis  # type: ignore[assignment]
    names = [translated(n, lang) for n in steps.names]
    if shape == "wide":
        door.refuse_names(grouping, names, caller="aging", option="by")

    def tally(tables: Any, day: Any) -> _Tally:
        if isinstance(tables, Tables) and fx is None and unapplied != "bucket":
            plain = plain_books(tables, as_of=day, method=method)
            only = None if plain is None else _only_customers(plain, by)
            if plain is not None and only is not None:
                return _plain_tally(plain, steps, basis, unapplied, only)
        position = take_position(
            "aging", tables, payments, adjustments, as_of=day, method=method, fx=fx,
            options=options, pairs=False, each=unapplied != "own" or fx is not None,
        )  # fmt: skip
        document, lost = bucket_of(position, steps, basis, rule)
        receipt = _bucket_of_receipts(position, steps, unapplied)
        keys, codes = keys_of(position, by)
        whole = _sums(position, keys, codes, document, receipt, len(steps.buckets) + 1)
        if not _only_who(position, keys):  # money that is all applied stands in no key of its own
            some = np.zeros(len(whole), dtype=bool)
            some[codes[0]] = True
            some |= whole.any(axis=1)
            keys, whole = keys[some].reset_index(drop=True), whole[some]
        return _Tally(keys, whole, position.books.as_of, position.books.step, lost)

    invoices = as_ledger(invoices, "aging")
    if is_ledger(invoices):
        tallies = [tally(invoices, as_of)]
    else:
        if unapplied != "bucket" and fx is None:
            payments = condensed_payments(
                payments, as_of=as_of, method=method, options=options, caller="aging"
            )
        tables = take_tables("aging", invoices, payments, adjustments, options, method)
        tallies = list(in_blocks(tables, as_of=as_of, fx=fx, work=tally))
    _say_no_due(sum(t.no_due for t in tallies), rule, options)
    return _frame(_together(tallies), names, shape, lang)


@dataclass
class _Tally:
    """Whole units by key and bucket."""

    keys: pd.DataFrame
    whole: np.ndarray
    as_of: pd.Timestamp
    step: float
    no_due: int = 0


def _together(tallies: list[_Tally]) -> _Tally:
    """Blocks of customers put together, keys in ascending order again."""
    if len(tallies) == 1:
        return tallies[0]
    whole = np.concatenate([t.whole for t in tallies])
    keys = pd.concat([t.keys for t in tallies], ignore_index=True)
    first = tallies[0]
    if not len(keys.columns):
        return replace(first, whole=whole.sum(axis=0, keepdims=True))
    labels, (codes, _) = _coded(keys, list(keys.columns), len(keys))
    out = np.zeros((len(labels), whole.shape[1]), dtype=np.int64)
    np.add.at(out, codes, whole)
    return replace(first, keys=labels, whole=out)


def _is_default(value: Any, default: str) -> bool:
    return isinstance(value, str) and value == default


def _youngest(steps: Ladder) -> int:
    """The bucket of what falls due today."""
    return int(steps.place(np.zeros(1, dtype=np.int64), 0)[0])


def _not_due(steps: Ladder) -> int:
    """The bucket of what falls due tomorrow."""
    return int(steps.place(np.ones(1, dtype=np.int64), 0)[0])


def bucket_of(
    position: Position, steps: Ladder, basis: str, rule: Rules | None = None
) -> tuple[np.ndarray, int]:
    """Bucket of each document, and how many that are open have no due date to be aged by."""
    books = position.books
    documents = books.documents
    if basis == "invoice" or steps.years:
        return steps.place(documents.day, books.today), 0
    place = steps.place(documents.due, books.today)
    lost = int((documents.no_due & (position.open != 0)).sum())
    if lost and rule is not None and rule.no_due != "invoice":
        youngest = rule.no_due == "current"
        place[documents.no_due] = _youngest(steps) if youngest else len(steps.buckets) - 1
    return place, lost


def _say_no_due(lost: int, rule: Rules | None, options: Options) -> None:
    """Warn of open documents that have no due date."""
    if not lost:
        return
    words = {"invoice": "aged by their invoice date", "current": "taken as current",
             "oldest": "put in the oldest bucket"}  # fmt: skip
    door.warn(
        f"aging(): {lost} open document(s) without due date are "
        f"{words[rule.no_due if rule is not None else 'invoice']}; give terms= (days by customer) "
        f"or fill in {column_names(options)['due_date']!r}."
    )


def _only_customers(plain: PlainBooks, by: Any) -> bool | None:
    """Whether the only key is the customer; False: there is none, None: others are asked for."""
    names = door.check_names(by, "by", caller="aging")
    if not names:
        return False
    return True if names[0] in ("customer_id", plain.books.names["customer"]) and not names[1:] \
        else None  # fmt: skip


def _plain_tally(
    plain: PlainBooks, steps: Ladder, basis: str, unapplied: str, each: bool
) -> _Tally:
    """Sums by customer and bucket of plain books, customers in ascending order."""
    books, documents = plain.books, plain.books.documents
    queue = plain.debits()
    group, units = queue.customer, documents.units[queue.at]
    received, there = plain.received()
    there[group] = True
    opened, left = queue_open(group, units, received)
    some = np.flatnonzero(opened)
    date = documents.day if basis == "invoice" or steps.years else documents.due
    place = steps.place(date[queue.at[some]], books.today)
    width = len(steps.buckets) + 1
    whole = exact_sums(group[some] * width + place, opened[some], plain.groups * width)
    whole = whole.reshape(-1, width)
    whole[:, width - 1 if unapplied == "own" else _not_due(steps)] -= left
    if not each:
        return _Tally(pd.DataFrame(index=[0]), whole.sum(axis=0)[None], books.as_of, books.step)
    rows = np.flatnonzero(there)
    labels = books.customers.labels.iloc[:, 0].take(rows).reset_index(drop=True)
    keys = pd.DataFrame({books.names["customer"]: labels})
    return _Tally(keys, whole[rows], books.as_of, books.step)


def _bucket_of_receipts(position: Position, steps: Ladder, unapplied: str) -> np.ndarray:
    """Where what is left of receipts goes: the column of its own is the last."""
    receipts = position.books.receipts
    if unapplied == "bucket":
        return steps.place(receipts.day, position.books.today)
    own = len(steps.buckets) if unapplied == "own" else _not_due(steps)
    return constant(len(receipts), np.int64(own))


def keys_of(
    position: Position, by: str | Sequence[str] | None
) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray]]:
    """Labels of the result's keys and the key code of each document and receipt."""
    books = position.books
    names = [
        books.names["customer"] if n == "customer_id" else n
        for n in door.check_names(by, "by", caller=books.caller)
    ]
    currency = books.names["currency"]
    if books.currencies is not None and currency not in names:
        names.append(currency)
    if not names:
        one = np.zeros(len(books.documents), dtype=np.int64)
        return pd.DataFrame(index=[0]), (one, np.zeros(len(books.receipts), dtype=np.int64))
    if names in ([books.names["customer"]], [books.names["customer"], currency]):
        return _customer_codes(position, names)
    columns = [_key_column(position, n) for n in names]
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)))
    return _coded(frame, names, len(books.documents))


def _only_who(position: Position, keys: pd.DataFrame) -> bool:
    """Whether a receipt has the keys by itself, with no invoice to lend them."""
    return {position.books.names["customer"], position.books.names["currency"]}.issuperset(
        keys.columns
    )


def _customer_codes(
    position: Position, names: list[str]
) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray]]:
    """Customers (and currencies) have codes already; only those that occur get a row."""
    books = position.books
    width = len(books.currencies) if books.currencies is not None else 1
    groups = np.concatenate([books.documents.group, books.receipts.group])
    used = np.bincount(groups, minlength=1) > 0
    dense = (np.cumsum(used) - 1)[groups]
    at = np.flatnonzero(used)
    labels = {names[0]: books.customers.labels.iloc[:, 0].take(at // width)}
    if books.currencies is not None:
        labels[names[1]] = books.currencies.labels.iloc[:, 0].take(at % width)
    frame = pd.DataFrame({n: c.reset_index(drop=True) for n, c in labels.items()})
    cut = len(books.documents)
    return frame, (dense[:cut], dense[cut:])


def _coded(
    frame: pd.DataFrame, names: list[str], cut: int
) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray]]:
    """Codes of the keys, labels ascending; a missing value is a value of its own, the last."""
    codes = np.zeros(len(frame), dtype=np.int64)
    columns: list[tuple[int, pd.Series]] = []
    for name in names:
        one = door.factorise(frame[[name]], [name])
        labels, own = one.labels.iloc[:, 0], one.codes
        if (own < 0).any():
            own = np.where(own < 0, len(labels), own)
            blank = pd.Series([None], dtype=object)
            labels = pd.concat([labels.astype(object), blank], ignore_index=True)
        columns.append((max(len(labels), 1), labels))
        codes = codes * columns[-1][0] + own
    seen, dense = np.unique(codes, return_inverse=True)
    out = {}
    for name, (width, labels) in zip(names[::-1], columns[::-1], strict=True):
        out[name] = labels.take(seen % width).reset_index(drop=True)
        seen = seen // width
    dense = dense.reshape(-1)
    return pd.DataFrame({n: out[n] for n in names}), (dense[:cut], dense[cut:])


def _key_column(position: Position, name: str) -> pd.Series:
    books = position.books
    documents, receipts = books.documents, books.receipts
    if name == books.names["customer"]:
        codes = np.concatenate([documents.customer, receipts.customer])
        return books.customers.labels.iloc[:, 0].take(codes).reset_index(drop=True)
    if name == books.names["currency"] and books.currencies is not None:
        codes = np.concatenate([documents.currency, receipts.currency])
        return books.currencies.labels.iloc[:, 0].take(codes).reset_index(drop=True)
    if name not in documents.rows:
        have = ", ".join(repr(str(c)) for c in documents.rows.columns)
        hint = "" if "payment_date" not in documents.rows else (
            f" A ledger carries the columns it is told to: ledger(..., keep=[{name!r}])."
        )  # fmt: skip
        raise InputError(
            f"{books.caller}(): by: invoices has no column {name!r}; there are: {have}.{hint}"
        )
    own = documents.rows[name].reset_index(drop=True)
    if not len(receipts):
        return own
    at = latest_invoices(books)[receipts.customer]
    at = np.where(receipts.source >= 0, receipts.source, at)  # a netted note is its own document
    theirs = own.reindex(np.where(at >= 0, at, len(own)))
    return pd.concat([own, theirs], ignore_index=True)


def latest_invoices(books: Books, day: int | None = None) -> np.ndarray:
    """Position of each customer's latest invoice up to a day; -1 where there is none.

    Of one day it is the one with the smallest id; a credit note only where there is no invoice.
    """
    documents = books.documents
    out = np.full(len(books.customers), -1, dtype=np.int64)
    at = np.arange(len(documents)) if day is None else np.flatnonzero(documents.day <= day)
    for kind in (documents.note[at], ~documents.note[at]):
        rows = at[kind]
        last = np.full(len(out), np.iinfo(np.int64).min)
        np.maximum.at(last, documents.customer[rows], documents.day[rows])
        rows = rows[documents.day[rows] == last[documents.customer[rows]]]
        ids = documents.rows[books.names["invoice"]].iloc[rows]
        rank = door.factorise(ids.to_frame(), [ids.name]).codes
        rows = rows[np.argsort(-rank, kind="stable")]
        out[documents.customer[rows]] = rows
    return out


def with_currency(books: Books, keys: pd.DataFrame, codes: np.ndarray) -> np.ndarray:
    """For each receipt the key like the one given, but of its own currency; -1: there is none."""
    if books.currencies is None:
        return codes
    currency = books.names["currency"]
    kind = books.currencies.index.get_indexer(pd.Index(keys[currency]))
    _, (rest, _) = _coded(keys, [c for c in keys.columns if c != currency], len(keys))
    table = np.full((len(keys), len(books.currencies)), -1, dtype=np.int64)
    table[rest, kind] = np.arange(len(keys))
    return table[rest[codes], books.receipts.currency]


def _sums(
    position: Position,
    keys: pd.DataFrame,
    codes: tuple[np.ndarray, np.ndarray],
    document: np.ndarray,
    receipt: np.ndarray,
    width: int,
) -> np.ndarray:
    """Whole units by key and bucket, the last column unapplied."""
    cells = len(keys) * width
    owed, held = position.open != 0, np.flatnonzero(position.rest)
    out = exact_sums((codes[0] * width + document)[owed], position.open[owed], cells)
    out -= exact_sums(codes[1][held] * width + receipt[held], position.rest[held], cells)
    return out.reshape(-1, width)


def _frame(tally: _Tally, names: list[str], shape: str, lang: str) -> pd.DataFrame:
    keys, whole, step = tally.keys, tally.whole, tally.step
    last = translated("unapplied", lang) if shape == "long" else "unapplied"
    own = (*names, last, "total") if shape == "wide" else ("bucket", "amount")
    door.refuse_names(keys, (*own, "as_of"), caller="aging", option="by")
    if shape == "wide":
        out = keys.copy()
        for k, name in enumerate([*names, last]):
            out[name] = door.money(whole[:, k], step)
        out["total"] = door.money(whole.sum(axis=1), step)
    else:
        out = keys.loc[keys.index.repeat(len(names) + 1)].reset_index(drop=True)
        out["bucket"] = np.tile(np.array([*names, last], dtype=object), len(keys))
        out["amount"] = door.money(whole.reshape(-1), step)
    out["as_of"] = tally.as_of
    out.attrs["buckets"] = names
    return out


def _same_buckets(before: Sequence[Any], after: Sequence[Any]) -> None:
    """Two ladders cannot be told from one another row by row."""
    only = set(before) ^ set(after)
    if len(before) and len(after) and only:
        raise InputError(
            "aging_movement(): before and after have different buckets ("
            f"{', '.join(map(repr, sorted(map(str, only))[:3]))} in one of them only); make both "
            "with the same buckets= and lang=."
        )


def bucket_columns(frame: pd.DataFrame) -> list[Any]:
    """Buckets of a wide aging: by its ``attrs``; of one from a file, what adds up to the total."""
    names = list(frame.columns)
    told = frame.attrs.get("buckets")
    if told and set(told) <= set(names):
        return list(told)
    ends = [c for c in ("unapplied", "total") if c in names]
    if len(ends) < 2 or not all(pd.api.types.is_numeric_dtype(frame[c]) for c in ends):
        return []
    before = names[: names.index("unapplied")]
    numbers = [c for c in before if pd.api.types.is_numeric_dtype(frame[c])]
    wanted = (frame["total"] - frame["unapplied"]).to_numpy(dtype=np.float64)
    slack = 1e-6 + 1e-9 * np.abs(wanted)
    for first in range(len(numbers)):  # keys stand before the buckets and may be numbers too
        sums = frame[numbers[first:]].to_numpy(dtype=np.float64).sum(axis=1)
        if (np.abs(sums - wanted) <= slack).all():
            return numbers[first:]
    return []


def from_sheet(frame: pd.DataFrame) -> pd.DataFrame:
    """An aging with Chinese headings (未核销收款, 合计, 截止日) under our names of them."""
    ours = {own: name for name, own in SHEET.items() if name in frame and own not in frame}
    return frame.rename(columns={name: own for own, name in ours.items()})


def _made_long(frame: pd.DataFrame) -> pd.DataFrame:
    """A wide aging as rows of key and bucket; any other frame as it is."""
    names = [*bucket_columns(frame), "unapplied"]
    if "bucket" in frame or len(names) == 1 or not {*names, "as_of"} <= set(frame.columns):
        return frame
    keys = [c for c in frame.columns if c not in (*names, "total", "as_of")]
    out = frame[keys].iloc[np.repeat(np.arange(len(frame)), len(names))].reset_index(drop=True)
    out["bucket"] = np.tile(np.array(names, dtype=object), len(frame))
    out["amount"] = frame[names].to_numpy().reshape(-1)
    out["as_of"] = frame["as_of"].repeat(len(names)).to_numpy()
    return out


def _aged(frame: Any, arg: str) -> pd.DataFrame:
    """An aging in long form, its amounts as numbers; each key and bucket once."""
    caller = "aging_movement"
    long = _made_long(from_sheet(door.to_pandas(frame, caller=caller, arg=arg)))
    rows = door.take(
        long, caller=caller, arg=arg, bucket=door.Key("bucket", option=""),
        amount=door.Amount("amount", option=""), as_of=door.Date("as_of", option=""),
    )  # fmt: skip
    out = rows.frame.assign(amount=rows["amount"], as_of=rows["as_of"])
    out = out.assign(bucket=out["bucket"].astype(object)).reset_index(drop=True)
    keys = [c for c in out.columns if c not in ("amount", "as_of")]
    twice = out[keys].duplicated().to_numpy()
    if twice.any():
        first = out[keys][twice].iloc[0].tolist()
        raise InputError(
            f"{caller}(): {arg} holds {int(twice.sum())} key(s) and bucket(s) more than once "
            f"(first: {first!r}); pass the aging of one date."
        )
    return out


def aging_movement(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """What changed between two agings: one row a key and bucket, before plus change is after.

    Parameters
    ----------
    before, after : DataFrame
        Results of :func:`aging`, wide or long, with the same keys and buckets.

    Returns
    -------
    DataFrame
        Key columns, ``bucket``, ``before``, ``after``, ``change``, ``as_of``.

    Raises
    ------
    InputError
        A frame is not an aging, keys or buckets differ, or ``before`` is not
        the earlier one.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import aging, aging_movement
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["I1"], "customer_id": "A", "amount": [100.0],
    ...     "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})
    >>> january = aging(invoices, as_of="2025-01-31", shape="long")
    >>> february = aging(invoices, as_of="2025-02-28", shape="long")
    >>> aging_movement(january, february).head(2)[["bucket", "before", "after", "change"]]
        bucket  before  after  change
    0  current   100.0    0.0  -100.0
    1     1-30     0.0  100.0   100.0
    """
    before, after = (_aged(f, arg) for f, arg in ((before, "before"), (after, "after")))
    if before["as_of"].max() > after["as_of"].max():
        raise InputError("aging_movement(): before must be made at an earlier date than after.")
    keys = [c for c in before.columns if c not in ("amount", "as_of")]
    if keys != [c for c in after.columns if c not in ("amount", "as_of")]:
        raise InputError("aging_movement(): before and after have different key columns.")
    for key in keys:
        held = {"before": before[key], "after": after[key]}
        refuse_other_kinds("aging_movement", key, held)
    _same_buckets(before["bucket"].unique(), after["bucket"].unique())
    both = before[[*keys, "amount"]].merge(
        after[[*keys, "amount"]], on=keys, how="outer", suffixes=("_before", "_after"), sort=False
    )
    ladder_order = {
        b: k for k, b in enumerate(dict.fromkeys([*after["bucket"], *before["bucket"]]))
    }
    both = both.assign(_at=both["bucket"].map(ladder_order))
    order = [both["_at"].to_numpy()]
    if len(keys) > 1:
        order.append(label_ranks(both, [k for k in keys if k != "bucket"]))
    both = both.iloc[np.lexsort(order)].reset_index(drop=True)
    out = both[keys].copy()
    out["before"] = both["amount_before"].fillna(0.0)
    out["after"] = both["amount_after"].fillna(0.0)
    out["change"] = (out["after"] - out["before"]).round(10)
    out["as_of"] = after["as_of"].iloc[0]
    return out
