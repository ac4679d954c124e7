"""Invoices, payments and adjustments become checked arrays: the desk's one way in."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Keys, Rows
from ..engine.units import LARGEST, to_units
from ..errors import InputError
from .tables import (
    SETTLING,
    Options,
    Tables,
    column_names,
    names_mended,
    say_currencies_alike,
    say_other_spellings,
    take_tables,
)

__all__ = [
    "KINDS",
    "Books",
    "Documents",
    "Options",
    "Receipts",
    "books_at",
    "column_names",
    "constant",
    "fill_due_dates",
    "nearest_step",
    "open_books",
    "plan_labels",
    "plans_of",
    "take_tables",
    "whole_units",
]

KINDS = ("payment", "write_off", "allowance", "credit_note")
_LARGEST_SUM = 2.0**62


class _Table:
    """Arrays of equal length that are cut together."""

    def cut(self, rows: np.ndarray) -> Self:
        """These rows (mask or positions)."""
        parts = {}
        for f in fields(self):  # type: ignore[arg-type]
            parts[f.name] = _cut(getattr(self, f.name), rows)
        return type(self)(**parts)

    def joined(self, other: Self) -> Self:
        """These rows and those of another table below them."""
        parts = {}
        for f in fields(self):  # type: ignore[arg-type]
            a, b = getattr(self, f.name), getattr(other, f.name)
            frames = hasattr(a, "iloc")
            parts[f.name] = pd.concat([a, b]) if frames else np.concatenate([a, b])
        return type(self)(**parts)


def _cut(values: Any, rows: np.ndarray) -> Any:
    if hasattr(values, "iloc"):
        return values.iloc[rows]
    if values.strides == (0,) and len(values):  # a constant stays one
        return constant(int(rows.sum()) if rows.dtype == bool else len(rows), values[0])
    return values[rows]


def constant(n: int, value: Any) -> np.ndarray:
    """The same value ``n`` times in the space of one (read-only)."""
    return np.broadcast_to(np.asarray(value), (n,))


@dataclass
class Documents(_Table):
    """Invoices and credit notes; ``units`` positive where the customer owes."""

    rows: pd.DataFrame
    customer: np.ndarray
    currency: np.ndarray
    group: np.ndarray
    day: np.ndarray
    due: np.ndarray
    no_due: np.ndarray
    units: np.ndarray
    note: np.ndarray
    parent: np.ndarray
    security: np.ndarray
    burden: np.ndarray

    def __len__(self) -> int:
        return len(self.units)


@dataclass
class Receipts(_Table):
    """What settles documents: payments, write-offs, allowances, netted credit notes.

    ``named``: position of the document it is for, -1: none, -2: the instalments of ``parent``,
    -3: a document that is not issued yet. ``source``: position of the credit note it stems from.
    """

    label: pd.Series
    customer: np.ndarray
    currency: np.ndarray
    group: np.ndarray
    day: np.ndarray
    units: np.ndarray
    kind: np.ndarray
    named: np.ndarray
    parent: np.ndarray
    source: np.ndarray

    def __len__(self) -> int:
        return len(self.units)


@dataclass
class Books:
    """Everything that came in, by ``as_of``; ``future`` holds receipts dated later."""

    caller: str
    step: float
    names: dict[str, str]
    as_of: pd.Timestamp
    today: int
    customers: Keys
    currencies: Keys | None
    documents: Documents
    receipts: Receipts
    future: Receipts
    disputes: pd.DataFrame
    recoveries: pd.DataFrame
    later: int
    notes: str
    awaited: np.ndarray | None = None  # by receipt: the name of what is not issued yet
    kept: tuple[Any, ...] = ()  # further columns of the invoices that a ledger is to carry


def open_books(tables: Tables, *, as_of: Any) -> Books:
    """Bring the three tables on common codes, as they stand at ``as_of``."""
    caller, names, options, taken = tables.caller, tables.names, tables.options, list(tables.rows)
    customers, customer_codes = _joint_keys(taken, "customer")
    say_other_spellings(caller, customers.labels.iloc[:, 0], *customer_codes)
    currencies, currency_codes = _currencies(caller, taken, customer_codes)
    if currencies is not None:
        say_currencies_alike(caller, currencies.labels.iloc[:, 0])
    width = max(len(currencies), 1) if currencies is not None else 1
    groups = [c * width + k for c, k in zip(customer_codes, currency_codes, strict=True)]
    step = options.get("step", 0.01)
    documents = _documents(caller, taken[0], customer_codes[0], currency_codes[0], groups[0], step)
    fill_due_dates(caller, documents, customers, options.get("terms"))
    receipts, disputes, recoveries = _receipts(
        caller, taken, customer_codes, currency_codes, groups, step, documents
    )
    moment = door.resolve_as_of(as_of, tables.last_day(), caller=caller).as_unit("us")
    today = int(moment.to_datetime64().astype("datetime64[D]").astype(np.int64))
    notes = options.get("credit_notes", "parent")
    return _up_to(
        Books(
            caller, step, names, moment, today, customers, currencies,
            documents, receipts, receipts, disputes, recoveries, 0, notes, kept=tables.kept,
        )
    )  # fmt: skip


# --------------------------------------------------------------------------------------
# Keys in common


def _joint_keys(taken: list[Rows], option: str) -> tuple[Keys, list[np.ndarray]]:
    """One set of codes for a key that stands in several frames."""
    columns = [rows.series(option) for rows in taken if len(rows)]
    name = taken[0].columns[option]
    together = pd.concat(columns, ignore_index=True) if len(columns) > 1 else columns[0]
    keys = door.factorise(together.rename(name).to_frame(), [name])
    return keys, _deal_out(keys.codes, taken)


def _deal_out(codes: np.ndarray, taken: list[Rows]) -> list[np.ndarray]:
    ends = np.cumsum([len(rows) for rows in taken])
    return np.split(codes, ends[:-1])


def _currencies(
    caller: str, taken: list[Rows], customers: list[np.ndarray]
) -> tuple[Keys | None, list[np.ndarray]]:
    """Currency codes; rows of a frame without the column take what they name or can only be."""
    if not any("currency" in rows for rows in taken):
        return None, [constant(len(rows), np.int64(0)) for rows in taken]
    have = [rows for rows in taken if "currency" in rows and len(rows)]
    if not have:
        return None, [constant(len(rows), np.int64(0)) for rows in taken]
    keys, _ = _joint_keys_of(have, "currency")
    codes, at = [], 0
    for rows in taken:
        if "currency" in rows and len(rows):
            codes.append(keys.codes[at : at + len(rows)])
            at += len(rows)
        else:
            codes.append(np.full(len(rows), -1, dtype=np.int64))
    if len(codes[0]) and codes[0][0] == -1:
        raise InputError(
            f"{caller}(): payments or adjustments have a currency, invoices have none; "
            "give invoices a currency column too."
        )
    for n in (1, 2):
        lost = np.flatnonzero(codes[n] == -1)
        if len(lost):
            only = _only_currency(customers, codes[0], len(keys))
            codes[n] = codes[n].copy()
            codes[n][lost] = _inherit(taken[0], taken[n], codes[0], only[customers[n]])[lost]
            _refuse_unclear(caller, "payments" if n == 1 else "adjustments", taken[n], codes[n])
    return keys, codes


def _joint_keys_of(have: list[Rows], option: str) -> tuple[Keys, None]:
    name = have[0].columns[option]
    together = pd.concat([r.series(option).rename(name) for r in have], ignore_index=True)
    return door.factorise(together.to_frame(), [name]), None


def _only_currency(customers: list[np.ndarray], codes: np.ndarray, currencies: int) -> np.ndarray:
    """Currency of customers whose invoices have but one, -2 of others."""
    count = 1 + max(int(c.max(initial=-1)) for c in customers)
    if currencies == 1:  # with one currency in the books, it is everybody's
        return np.zeros(count, dtype=np.int64)
    least, most = np.full(count, currencies, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    np.minimum.at(least, customers[0], codes)
    np.maximum.at(most, customers[0], codes)
    return np.where(least == most, least, -2)


def _inherit(invoices: Rows, rows: Rows, codes: np.ndarray, only: np.ndarray) -> np.ndarray:
    """Currency of the document that a row names, else the customer's only one."""
    out = only.copy()
    if "named" in rows:
        at = _look_up(invoices.series("invoice"), rows.series("named"))
        out[at >= 0] = codes[at[at >= 0]]
    return out


def _refuse_unclear(caller: str, arg: str, rows: Rows, codes: np.ndarray) -> None:
    unclear = codes < 0
    if unclear.any():
        first = rows.series("customer").iloc[int(np.argmax(unclear))]
        raise InputError(
            f"{caller}(): {arg}: {int(unclear.sum())} row(s) without currency belong to customers "
            f"with several (first: {first!r}); give {arg} a currency column."
        )


def _look_up(ids: pd.Series, wanted: pd.Series) -> np.ndarray:
    """Position of each wanted id; -1 where it is missing or blank, -9 where it is unknown."""
    given = wanted.notna().to_numpy() & ~(wanted.astype(object) == "").to_numpy() \
        if wanted.dtype == object or isinstance(wanted.dtype, pd.StringDtype) \
        else wanted.notna().to_numpy()  # fmt: skip
    out = np.full(len(wanted), -1, dtype=np.int64)
    if given.any():
        found = pd.Index(ids).get_indexer(pd.Index(wanted[given]))
        out[given] = np.where(found < 0, -9, found)
    return out


# --------------------------------------------------------------------------------------
# Documents


def _documents(
    caller: str, rows: Rows, customer: np.ndarray, currency: np.ndarray, group: np.ndarray,
    step: float,
) -> Documents:  # fmt: skip
    units = whole_units(caller, rows, step)
    note = np.zeros(len(rows), dtype=bool)
    if "type" in rows:
        note = (rows.series("type") == "credit_note").to_numpy(dtype=bool, na_value=False)
        units = np.where(note, -np.abs(units), units)  # a credit whichever sign it is written with
    note = note | (units < 0)
    day = rows.days("day") if len(rows) else np.empty(0, dtype=np.int64)
    no_due = np.isnat(rows["due"])
    due = rows.days("due")
    if no_due.any():
        due = np.where(no_due, day, due)
    none = constant(len(rows), np.int64(-1))
    return Documents(
        rows=rows.frame, customer=customer, currency=currency, group=group, day=day, due=due,
        no_due=no_due, units=units, note=note, parent=none,
        security=_filled(rows, "security"), burden=_filled(rows, "burden"),
    )  # fmt: skip


def nearest_step(values: Any, step: float) -> np.ndarray:
    """Amounts as whole steps; what is missing, or too large to be exact, stays as it is."""
    amounts = np.asarray(values, dtype=np.float64)
    small = np.abs(amounts) < LARGEST * step
    whole = door.money(to_units(np.where(small, amounts, 0.0), step), step)
    return np.where(small, whole, amounts)


def whole_units(caller: str, rows: Rows, step: float) -> np.ndarray:
    """Amounts in whole steps; more than add up exactly raise."""
    amounts = rows["amount"]
    if not len(amounts):
        return np.empty(0, dtype=np.int64)
    units = door.units(amounts, step, name=rows.columns["amount"], caller=caller)
    largest = max(int(units.max()), -int(units.min()))
    if float(largest) * len(units) > _LARGEST_SUM and (
        np.abs(units.astype(np.float64)).sum() > _LARGEST_SUM
    ):
        raise InputError(f"{caller}(): the amounts add up to more than whole units of {step!r} "
                         "can hold; use a larger step.")  # fmt: skip
    return units


def _filled(rows: Rows, option: str) -> np.ndarray:
    return np.nan_to_num(rows[option]) if option in rows else constant(len(rows), 0.0)


def fill_due_dates(caller: str, documents: Documents, customers: Keys, terms: Any) -> None:
    """Due dates from customers' terms where documents have none."""
    if terms is not None and documents.no_due.any():
        days = door.check_series(terms, "terms", caller=caller, low=0)
        if (days != np.floor(days)).any():
            first = days.index[(days != np.floor(days)).to_numpy()][0]
            raise InputError(
                f"{caller}(): terms must be whole days; that of {first!r} is {days[first]:g}."
            )
        by_code = days.reindex(customers.index).to_numpy()
        agreed = by_code[documents.customer]
        known = documents.no_due & np.isfinite(agreed)
        documents.due[known] = documents.day[known] + agreed[known].astype(np.int64)
        documents.no_due = documents.no_due & ~known


# --------------------------------------------------------------------------------------
# Receipts


def _receipts(
    caller: str,
    taken: list[Rows],
    customers: list[np.ndarray],
    currencies: list[np.ndarray],
    groups: list[np.ndarray],
    step: float,
    documents: Documents,
) -> tuple[Receipts, pd.DataFrame, pd.DataFrame]:
    """Payments, then write-offs and allowances; disputes and recoveries apart."""
    invoices, payments, adjustments = taken
    plans = plans_of(invoices, documents, 1 + max(int(g.max(initial=0)) for g in groups))
    parts = []
    for n, rows, arg in ((1, payments, "payments"), (2, adjustments, "adjustments")):
        named, parent = _named(caller, arg, rows, invoices, plans, documents, groups[n])
        parts.append((named, parent))
    kinds = adjustments.series("kind").to_numpy(dtype=object)
    events = pd.DataFrame(
        {
            "customer": customers[2],
            "document": parts[1][0],
            "day": adjustments.days("day") if len(adjustments) else np.empty(0, np.int64),
            "amount": adjustments["amount"],
            "currency": currencies[2],
            "kind": kinds,
        }
    )
    settles = np.isin(kinds.astype(str), SETTLING)
    codes = np.where(kinds.astype(str) == "write_off", 1, 2).astype(np.int8)
    labels = payments.series("payment")
    if settles.any():
        holds = not isinstance(labels.dtype, np.dtype) or labels.dtype.kind in "OfM"
        blank = pd.Series([None] * int(settles.sum()), dtype=labels.dtype if holds else object)
        labels = _one_below(labels, blank)

    def both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.concatenate([a, b[settles]]) if settles.any() else a

    receipts = Receipts(
        label=labels,
        customer=both(customers[1], customers[2]),
        currency=both(currencies[1], currencies[2]),
        group=both(groups[1], groups[2]),
        day=both(_days(payments), _days(adjustments)),
        units=both(whole_units(caller, payments, step), whole_units(caller, adjustments, step)),
        kind=both(constant(len(payments), np.int8(0)), codes),
        named=both(parts[0][0], parts[1][0]),
        parent=both(parts[0][1], parts[1][1]),
        source=constant(len(payments) + int(settles.sum()), np.int64(-1)),
    )
    return receipts, events[events["kind"] == "dispute"], events[events["kind"] == "recovery"]


def _one_below(a: pd.Series, b: pd.Series) -> pd.Series:
    """Labels of one dtype keep it; of two they become objects."""
    if a.dtype != b.dtype:
        a, b = a.astype(object), b.astype(object)
    return pd.concat([a, b], ignore_index=True)


def _days(rows: Rows) -> np.ndarray:
    return rows.days("day") if len(rows) else np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Plans:
    """Instalment plans: labels of ``parent``, and which customer (and currency) has which."""

    labels: pd.Index
    pairs: np.ndarray  # label code and group in one number, ascending
    width: int

    def find(self, names: pd.Series, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Code of the plan that each row names (-1: none), and whether it is another's."""
        label = self.labels.get_indexer(pd.Index(names))
        wanted = label * self.width + groups
        at = np.searchsorted(self.pairs, wanted)
        own = (at < len(self.pairs)) & (label >= 0)
        own[own] = self.pairs[at[own]] == wanted[own]
        return np.where(own, at, -1), (label >= 0) & ~own


def plans_of(invoices: Rows, documents: Documents, groups: int) -> Plans | None:
    """The instalment plans; their codes go into ``documents.parent``."""
    if "parent" not in invoices or not len(invoices):
        return None
    series = invoices.series("parent")
    blank = (series.astype(object) == "").to_numpy() | documents.note  # a note's is its invoice
    codes, labels = pd.factorize(series.where(~blank, None))
    pairs = codes * groups + documents.group
    seen, plan = np.unique(pairs[codes >= 0], return_inverse=True)
    documents.parent = np.full(len(codes), -1, dtype=np.int64)
    documents.parent[codes >= 0] = plan.reshape(-1)
    return Plans(pd.Index(labels), seen, groups)


def _wanted(rows: Rows) -> tuple[pd.Series, str]:
    """What each row names: an invoice, else the plan its instalments belong to; the column."""
    if "plan" not in rows:
        return rows.series("named"), rows.columns["named"]
    plan = rows.series("plan")
    if "named" not in rows:
        return plan, rows.columns["plan"]
    named = rows.series("named")
    blank = named.isna() | (named.astype(object) == "")
    if not (blank & plan.notna()).any():
        return named, rows.columns["named"]
    return named.astype(object).where(~blank, plan.astype(object)), rows.columns["named"]


def _named(
    caller: str,
    arg: str,
    rows: Rows,
    invoices: Rows,
    plans: Plans | None,
    documents: Documents,
    groups: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Document named by each row, or the instalment group; unknown names raise."""
    if not ("named" in rows or "plan" in rows) or not len(rows):
        return constant(len(rows), np.int64(-1)), constant(len(rows), np.int64(-1))
    none = np.full(len(rows), -1, dtype=np.int64)
    wanted, column = _wanted(rows)
    at = _look_up(invoices.series("invoice"), wanted)
    parent = none.copy()
    unknown = at == -9
    foreign = np.zeros(len(rows), dtype=bool)
    if unknown.any() and plans is not None:
        found, others = plans.find(wanted[unknown], groups[unknown])
        rest = np.flatnonzero(unknown)
        parent[rest] = found
        at[rest[found >= 0]] = -2
        foreign[rest[others]] = True
        unknown = (at == -9) & ~foreign
    if unknown.any():
        names = wanted[unknown].unique().tolist()
        first = ", ".join(map(repr, names[:3]))
        mend = names_mended(names, invoices.series("invoice"))
        raise InputError(
            f"{caller}(): {arg}: column {column!r} names an invoice that is not in "
            f"invoices, in {int(unknown.sum())} row(s) (first: {first}). {mend}, or "
            "leave the name empty: the money is then unapplied."
        )
    direct = at >= 0
    foreign[direct] = documents.group[at[direct]] != groups[direct]
    if foreign.any():
        n = int(np.argmax(foreign))
        raise InputError(
            f"{caller}(): {arg}: {int(foreign.sum())} row(s) name an invoice of another customer "
            f"or currency (first: invoice {wanted.iloc[n]!r} for customer "
            f"{rows.series('customer').iloc[n]!r}); mend the customer, or leave the name empty."
        )
    return at, parent


# --------------------------------------------------------------------------------------
# The cut at as_of


def _up_to(books: Books) -> Books:
    """Keep what is dated up to ``as_of``; receipts of later dates go to ``future``."""
    documents, receipts, today = books.documents, books.receipts, books.today
    issued = documents.day <= today
    if not issued.all():
        before = receipts.named
        receipts.named, books.disputes = _renamed(books, receipts, issued)
        books.documents = documents.cut(issued)
        books.later = int((~issued).sum())
        books.awaited = _awaited(books, documents, receipts, before)
    in_time = receipts.day <= today
    books.future = receipts.cut(~in_time)
    if not in_time.all():
        receipts = receipts.cut(in_time)
        books.awaited = None if books.awaited is None else books.awaited[in_time]
    books.receipts = _with_credit_notes(books, receipts, books.notes)
    if books.awaited is not None:
        notes = len(books.receipts) - len(receipts)
        books.awaited = np.concatenate([books.awaited, np.full(notes, None, dtype=object)])
    return books


def _renamed(
    books: Books, receipts: Receipts, issued: np.ndarray
) -> tuple[np.ndarray, pd.DataFrame]:
    """What receipts and disputes name among the documents ``issued`` alone."""
    new = np.where(issued, np.cumsum(issued) - 1, -3)
    if not len(new):
        return receipts.named, books.disputes
    named = np.where(receipts.named >= 0, new[receipts.named.clip(0)], receipts.named)
    waits = (named == -2) & ~np.isin(receipts.parent, books.documents.parent[issued])
    at = books.disputes["document"].to_numpy(dtype=np.int64)
    disputes = books.disputes.assign(document=np.where(at >= 0, new[at.clip(0)], at))
    return np.where(waits, -3, named), disputes


def _awaited(
    books: Books, documents: Documents, receipts: Receipts, before: np.ndarray
) -> np.ndarray | None:
    """By receipt, the name of the document or plan that is not issued yet; None: there is none."""
    waits = receipts.named == -3
    if not waits.any():
        return None
    out = np.full(len(receipts), None, dtype=object)
    if books.awaited is not None:  # what was not there yet on a later day
        out[:] = books.awaited
    one = np.flatnonzero(waits & (before >= 0))
    out[one] = documents.rows[books.names["invoice"]].iloc[before[one]].to_numpy(dtype=object)
    plan = np.flatnonzero(waits & (before == -2))
    out[plan] = plan_labels(documents, books.names)[receipts.parent[plan]]
    return out


def plan_labels(documents: Documents, names: dict[str, str]) -> np.ndarray:
    """The name of each instalment plan, by its code."""
    own = np.flatnonzero(documents.parent >= 0)
    out = np.full(int(documents.parent.max(initial=-1)) + 1, None, dtype=object)
    if len(own):
        labels = documents.rows[names["parent"]].iloc[own].to_numpy(dtype=object)
        out[documents.parent[own]] = labels
    return out


def books_at(books: Books, moment: pd.Timestamp) -> Books:
    """The books as they stood at an earlier date, receipts of later dates in ``future``.

    Nothing that came later is left: a receipt that names a document of a later date waits for it.
    """
    today = int(moment.to_datetime64().astype("datetime64[D]").astype(np.int64))
    documents, receipts = books.documents, books.receipts
    issued, came = documents.day <= today, receipts.day <= today
    named, disputes = _renamed(books, receipts, issued)
    note = receipts.source >= 0
    if books.notes == "net":  # a note is free money as long as its invoice is not there
        named = np.where(note & (named == -3), -1, named)
    new = np.cumsum(issued) - 1
    source = np.where(note, new[receipts.source], -1) if len(new) else receipts.source
    known = replace(receipts, named=named, source=source)
    awaited = _awaited(books, documents, known, receipts.named)
    return replace(
        books, as_of=moment, today=today, documents=documents.cut(issued),
        receipts=known.cut(came), future=known.cut(~came & ~note), disputes=disputes,
        later=int((~issued).sum()), awaited=None if awaited is None else awaited[came],
    )  # fmt: skip


def _with_credit_notes(books: Books, receipts: Receipts, notes: str) -> Receipts:
    """Credit notes that settle other documents join the receipts."""
    documents = books.documents
    ids = documents.rows[books.names["invoice"]]
    target = np.full(len(documents), -1, dtype=np.int64)
    plan = target.copy()
    if notes != "own" and books.names["parent"] in documents.rows and documents.note.any():
        at = np.flatnonzero(documents.note)
        wanted = documents.rows[books.names["parent"]].iloc[at]
        found = _look_up(ids, wanted)
        good = found >= 0
        good[good] = (documents.group[found[good]] == documents.group[at[good]]) & ~documents.note[
            found[good]
        ]
        target[at[good]] = found[good]
        plan[at[~good]] = _plan_of_notes(books, wanted[~good], documents.group[at[~good]])
        target[plan >= 0] = -2
    chosen = documents.note if notes == "net" else target != -1
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return receipts
    extra = {
        "label": ids.iloc[rows],
        "customer": documents.customer[rows],
        "currency": documents.currency[rows],
        "group": documents.group[rows],
        "day": documents.day[rows],
        "units": -documents.units[rows],
        "kind": np.full(len(rows), KINDS.index("credit_note"), dtype=np.int8),
        "named": target[rows],
        "parent": plan[rows],
        "source": rows,
    }
    label = _one_below(receipts.label, extra.pop("label"))
    merged = {k: np.concatenate([getattr(receipts, k), v]) for k, v in extra.items()}
    return Receipts(label=label, **merged)


def _plan_of_notes(books: Books, names: pd.Series, groups: np.ndarray) -> np.ndarray:
    """Code of the instalment plan that each credit note is for; -1: none of its customer's."""
    documents = books.documents
    own = np.flatnonzero(documents.parent >= 0)
    if not len(own) or not len(names):
        return np.full(len(names), -1, dtype=np.int64)
    codes, labels = pd.factorize(documents.rows[books.names["parent"]].iloc[own])
    width = 1 + int(documents.group.max())
    seen, first = np.unique(codes * width + documents.group[own], return_index=True)
    found, _ = Plans(pd.Index(labels), seen, width).find(names, groups)
    return np.where(found >= 0, documents.parent[own[first]][found], -1)
