"""The three tables as they come in: options, names of columns, rows checked one by one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key, Rows
from ..errors import InputError

__all__ = [
    "LINK",
    "SETTLING",
    "Options",
    "Tables",
    "check_options",
    "column_names",
    "names_in",
    "names_mended",
    "own_columns",
    "refuse_other_kinds",
    "refuse_unknown_kinds",
    "reversals_kept",
    "rows_at",
    "say_currencies_alike",
    "say_other_spellings",
    "take_tables",
]

_ADJUSTMENTS = ("write_off", "recovery", "allowance", "dispute")
_FIRST = 100  # values that tell the kind of a column
_NAMELESS = ("fifo", "lifo", "proportional")  # methods that look at no name
LINK = re.compile(
    r"invoice|bill|inv_|applied|apply|document|voucher|发票|账单|单据|单号|核销", re.I
)
_NO_LINK = re.compile(r"date|amount|status|type|total|日期|金额|状态|类型", re.I)
SETTLING = ("write_off", "allowance")


class Options(TypedDict, total=False):
    """Options that every function of the desk takes beside its own.

    ``step`` (0.01): smallest unit of money. ``invalid`` (``"raise"``): ``"drop"`` leaves
    unusable rows out with a warning. ``credit_notes`` (``"parent"``): a credit note reduces
    the invoice or plan that its ``parent`` names, else it is an own negative line; ``"own"``:
    always an own line; ``"net"``: what is left of it settles other invoices like a receipt.
    ``terms``: days of credit by customer (Series) for invoices without due date. ``revalue``
    (False): with ``fx``, convert what is open at the rate of ``as_of``, not of its own date.
    The others name the caller's columns.
    """

    step: float
    invalid: Literal["raise", "drop"]
    credit_notes: Literal["parent", "own", "net"]
    terms: Any
    revalue: bool
    invoice: str
    customer: str
    invoice_date: str
    due_date: str
    amount: str
    currency: str
    type: str
    parent: str
    payment: str
    date: str
    kind: str
    security: str
    burden: str


_COLUMNS = {
    "invoice": "invoice_id",
    "customer": "customer_id",
    "invoice_date": "invoice_date",
    "due_date": "due_date",
    "amount": "amount",
    "currency": "currency",
    "type": "type",
    "parent": "parent",
    "payment": "payment_id",
    "date": "date",
    "kind": "kind",
    "security": "security",
    "burden": "burden",
}


def column_names(options: Options) -> dict[str, str]:
    """The caller's name of each canonical column."""
    return {k: str(options.get(k, v)) for k, v in _COLUMNS.items()}


def names_in(frame: Any, options: Options) -> dict[str, str]:
    """The caller's names; a ledger knows those it was made with."""
    told = getattr(frame, "attrs", {}).get("columns", {})
    told = {k: v for k, v in told.items() if v in frame.columns}
    return column_names({**told, **options})  # type: ignore[typeddict-item]


def own_columns(options: Options) -> dict[str, str]:
    """The columns that the caller names otherwise than we do."""
    return {k: v for k, v in column_names(options).items() if v != _COLUMNS[k]}


def check_options(caller: str, options: Options) -> dict[str, str]:
    """The caller's column names; an option that is not known raises as Python itself would."""
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise TypeError(f"{caller}() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    return column_names(options)


@dataclass
class Tables:
    """Invoices, payments and adjustments whose every row has been checked by itself."""

    caller: str
    names: dict[str, str]
    options: Options
    rows: tuple[Rows, Rows, Rows]
    kept: tuple[Any, ...] = ()  # further columns of the invoices that a ledger is to carry

    def cut(self, at: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Tables:
        """Some rows of each table, by position."""
        some = tuple(rows_at(r, a) for r, a in zip(self.rows, at, strict=True))
        return replace(self, rows=some)  # type: ignore[arg-type]

    def lines(self) -> int:
        """Rows of a pair ledger at most, if every receipt pays its share of a queue."""
        return sum(map(len, self.rows)) + len(self.rows[0])

    def naming(self) -> bool:
        """Whether any receipt names what it is for."""
        bills, payments, changes = self.rows
        own = [payments.series(k) for k in ("named", "plan") if k in payments]
        if "parent" in bills:  # of a credit note: what it is for
            own.append(bills.series("parent")[bills["amount"] < 0])
            if "type" in bills:
                own.append(bills.series("parent")[bills.series("type") == "credit_note"])
        if "named" in changes:
            own.append(changes.series("named")[changes.series("kind").isin(SETTLING)])
        return any(bool(names.notna().any()) for names in own)

    def last_day(self) -> np.ndarray:
        """The last day that anything is dated; empty if there is nothing."""
        latest = [rows["day"].max() for rows in self.rows if len(rows)]
        return (
            door.days_of(np.array(latest).max(keepdims=True)) if latest else np.empty(0, np.int64)
        )


def as_frame(value: Any, *, caller: str, arg: str) -> Any:
    """A frame of another engine as pandas; a Series, a mapping, a number as it is."""
    known = isinstance(value, pd.DataFrame) or not hasattr(type(value), "columns")
    return value if known else door.to_pandas(value, caller=caller, arg=arg)


def label_ranks(frame: pd.DataFrame, names: Iterable[Any]) -> np.ndarray:
    """Places of rows in the order of their labels that all results have; missing ones last.

    Categories that are not ordered go by label, too, not as they happen to be listed.
    """
    codes = door.factorise(frame, list(names)).codes
    return np.where(codes < 0, codes.max(initial=-1) + 1, codes)


def refuse_own_names(
    caller: str, names: dict[str, str], roles: Iterable[str], taken: Iterable[str]
) -> None:
    """Columns that a result shows under the caller's name must not be named like its others."""
    taken = list(taken)
    for role in roles:
        door.refuse_names([names[role]], taken, caller=caller, option=role)


def rows_at(rows: Rows, at: np.ndarray) -> Rows:
    """Some of the rows, by position."""
    values = {option: v[at] for option, v in rows.values.items()}
    return Rows(rows.frame.iloc[at], rows.columns, values, rows.dropped, rows.caller)


def take_tables(
    caller: str,
    invoices: Any,
    payments: Any,
    adjustments: Any,
    options: Options,
    method: str = "specific_then_fifo",
) -> Tables:
    """Check the rows of the three frames."""
    names = check_options(caller, options)
    invalid = options.get("invalid", "raise")
    notes = options.get("credit_notes", "parent")
    door.check_choice(notes, "credit_notes", ("parent", "own", "net"), caller=caller)
    door.check_bool(options.get("revalue", False), "revalue", caller=caller)
    try:
        rows = (
            _take_invoices(caller, invoices, names, invalid),
            _take_payments(caller, payments, names, invalid),
            _take_adjustments(caller, adjustments, names, invalid),
        )
    except InputError as error:
        frames = {"invoices": invoices, "payments": payments, "adjustments": adjustments}
        raise InputError(_of_names_in_common(str(error), frames)) from None
    if not any(map(len, rows)):
        raise InputError(f"{caller}(): invoices has no rows, and there are no payments.")
    args = ("invoices", "payments", "adjustments")
    for option in ("customer", "currency"):
        held = {a: r.series(option) for a, r in zip(args, rows, strict=True) if option in r}
        refuse_other_kinds(caller, names[option], held)
    if "named" not in rows[1] and method not in _NAMELESS:
        _say_unused_link(caller, rows, names)
    return Tables(caller, names, options, rows)


_ABSENT = re.compile(r"\(\): (\w+) has no column '(.+?)'\.(?: Did .+?)? (Name .+ (\w+=));")


def _of_names_in_common(said: str, frames: dict[str, Any]) -> str:
    """An option names a column in every frame: giving this one's name would lose another's."""
    found = _ABSENT.search(said)
    if found is None:
        return said
    arg, column, advice, option = found.groups()
    others = [a for a, f in frames.items() if a != arg and column in _columns_of(f)]
    if not others:
        return said
    more = (
        f"{option} names it in all frames, and {' and '.join(others)} have {column!r}: rename the "
        f"column of {arg} to {column!r}"
    )
    return said.replace(advice, more)


def _columns_of(frame: Any) -> list[str]:
    """Names of the columns of a frame of any engine; a table of Arrow calls them otherwise."""
    names: Iterable[str] = getattr(frame, "columns", ())
    return list(getattr(frame, "column_names", names))


def say_other_spellings(
    caller: str, labels: pd.Series, invoiced: np.ndarray, *paying: np.ndarray
) -> None:
    """Warn of payers without invoices who are a customer with invoices but for the spelling.

    Codes from fixed-width exports are filled up with spaces, names hold brackets of either width:
    the money then stands as a credit of somebody who owes nothing.
    """
    if pd.api.types.is_numeric_dtype(labels) or not len(labels):
        return
    _say_empty(caller, labels, invoiced, *paying)
    alone = np.zeros(len(labels), dtype=bool)
    for codes in paying:
        alone[codes] = True
    alone[invoiced] = False
    if not alone.any():
        return
    owing = np.zeros(len(labels), dtype=bool)
    owing[invoiced] = True
    known = {_spelt(v): v for v in labels[owing]}
    same = [(v, known[_spelt(v)]) for v in labels[alone] if _spelt(v) in known]
    if same:
        door.warn(
            f"{caller}(): payments or adjustments of {len(same)} customer(s) without invoices "
            f"may be another's under a different spelling (first: {same[0][0]!r} beside "
            f"{same[0][1]!r}); write them alike, for instance with "
            '.str.normalize("NFKC").str.strip().'
        )


def say_currencies_alike(caller: str, labels: pd.Series) -> None:
    """Warn of one currency written in several ways, which would never meet."""
    ways: dict[str, list[Any]] = {}
    for label in labels:
        ways.setdefault(_spelt(label), []).append(label)
    alike = [w for w in ways.values() if len(w) > 1]
    if alike:
        door.warn(
            f"{caller}(): a currency is written in {len(alike[0])} ways "
            f"({', '.join(map(repr, alike[0]))}), each taken for a currency of its own; write "
            "them alike, for instance with .str.strip().str.upper()."
        )


_BETWEEN_NAMES = re.compile(r"[\s,;|/+&、]+")


def names_mended(unknown: list[Any], invoices: pd.Series) -> str:
    """What to do about names of invoices that there are not, by what is nearest to them."""
    written = set(invoices.astype(str))
    if not written.isdisjoint(map(str, unknown)):
        return "Text and numbers never match: bring both columns to one dtype"
    plain = {_spelt(v): v for v in invoices}
    for name in (v for v in unknown if isinstance(v, str)):
        parts = _BETWEEN_NAMES.split(unicodedata.normalize("NFKC", name).strip())
        if not name.strip():
            return 'Make empty text missing: .replace(r"^\\s*$", None, regex=True)'
        if len(parts) > 1 and written.issuperset(parts):
            return (
                f"{name!r} names several: write a row for each, with its part of the amount (the "
                "id of the payment may repeat)"
            )
        if _spelt(name) in plain:
            return f"{name!r} is {plain[_spelt(name)]!r} but for the spelling: write them alike"
    return "Add those invoices"


def _say_empty(caller: str, labels: pd.Series, *rows: np.ndarray) -> None:
    """Warn of customers whose name is empty text, which is nobody's; it sorts before all others."""
    blank = [k for k, v in enumerate(labels.iloc[:3]) if isinstance(v, str) and not v.strip()]
    if blank:
        count = sum(int(np.isin(r, blank).sum()) for r in rows)
        door.warn(
            f"{caller}(): {count} row(s) have empty text for their customer, taken for a "
            "customer of that name; fill it in, or make it missing: "
            '.replace(r"^\\s*$", None, regex=True).'
        )


def _spelt(label: Any) -> str:
    """A label without spaces, capitals and full widths."""
    return "".join(unicodedata.normalize("NFKC", str(label)).split()).casefold()


def reversals_kept(amounts: np.ndarray) -> np.ndarray:
    """Adjustments as amounts that settle: where the table writes all below zero, above it.

    With both signs in a table, what is below zero takes an earlier one back.
    """
    return amounts if (amounts > 0).any() else np.abs(amounts)


def refuse_other_kinds(caller: str, name: str, columns: dict[str, pd.Series]) -> None:
    """The same key as numbers here and as text there would never meet."""
    some = {a: c[:_FIRST].rename(name).to_frame() for a, c in columns.items() if len(c)}
    if len(some) > 1:
        door.stack_keys(list(some.values()), [name], caller=caller, args=list(some))


def _say_unused_link(caller: str, rows: tuple[Rows, Rows, Rows], names: dict[str, str]) -> None:
    """Warn where another column of the payments looks as if it named the customer's invoices."""
    invoices, payments, _ = rows
    known = set(payments.columns.values())
    for column in payments.frame.columns:
        if column in known or not LINK.search(str(column)) or _NO_LINK.search(str(column)):
            continue
        if not len(invoices):
            return
        given = np.flatnonzero(payments.frame[column].notna())
        some = given[:: max(len(given) // 200, 1)]
        values = payments.frame[column].iloc[some]
        if not all(isinstance(v, Hashable) for v in values):
            continue
        at = pd.Index(invoices.series("invoice")).get_indexer(pd.Index(values))
        who = [rows[k].series("customer").to_numpy() for k in (0, 1)]
        if len(at) and (at >= 0).all() and (who[0][at] == who[1][some]).all():
            door.warn(
                f"{caller}(): payments has no column {names['invoice']!r}, so no payment is "
                f"matched by name, but {column!r} holds ids of invoices ({len(given)} value(s)); "
                f"rename it to {names['invoice']!r} if it says what each payment is for."
            )
            return


_NEARLY_A_NOTE = re.compile(r"credit|refund|红字|红票|贷项|退货|退款|冲红", re.I)


def _refuse_unread_notes(caller: str, rows: Rows, names: dict[str, str]) -> None:
    """Credit notes under another name would count as invoices."""
    if "type" not in rows or not len(rows):
        return
    types = rows.series("type")
    told = [t for t in types.dropna().unique() if t != "credit_note"]
    nearly = [t for t in told if isinstance(t, str) and _NEARLY_A_NOTE.search(t)]
    wrong = types.isin(nearly).to_numpy(dtype=bool) & (rows["amount"] > 0) if nearly else None
    if wrong is not None and wrong.any():
        first = types[wrong].iloc[0]
        raise InputError(
            f"{caller}(): invoices: column {names['type']!r} holds {first!r} in "
            f"{int(wrong.sum())} row(s) with positive amounts; a credit note is written "
            "'credit_note' (or has a negative amount): map your labels first."
        )


_LEDGER_KINDS = ("payment", "write_off", "allowance", "credit_note", "open", "unapplied")


def _refuse_part_of_ledger(caller: str, frame: pd.DataFrame, names: dict[str, str]) -> None:
    """A ledger without some of its columns would be read as invoices with repeated ids."""
    own = {"kind", "payment_date", "as_of", names["invoice"], names["payment"]}
    lacks = [c for c in ("kind", "payment_date", "as_of") if c not in frame.columns]
    ours = len(lacks) == 1 and own - set(lacks) <= set(frame.columns)
    if ours and "kind" in frame.columns:  # invoices may have kinds of their own
        ours = bool(frame["kind"].isin(_LEDGER_KINDS).all())
    if ours and "outstanding" not in frame.columns:  # open items have
        raise InputError(
            f"{caller}(): invoices looks like a result of ledger() without its column "
            f"{lacks[0]!r}; pass the whole ledger, or the invoices themselves."
        )


_NO_MATTER = ("LatePaymentModel.predict",)  # asks what invoices were for, not what is left of them
_OPEN_ITEMS = {"paid", "outstanding", "days_past_due", "future", "remaining", "as_of"}


def _refuse_open_items(caller: str, frame: pd.DataFrame, names: dict[str, str]) -> None:
    """Open items read as invoices would be open with what was paid on them long ago."""
    if caller in _NO_MATTER or names["amount"] != "amount":
        return
    if set(frame.columns) >= _OPEN_ITEMS:
        raise InputError(
            f"{caller}(): invoices is a result of open_items(), whose 'amount' is not what is "
            "open; pass the ledger or the invoices themselves, or name amount='outstanding'."
        )


def _take_invoices(caller: str, frame: Any, names: dict[str, str], invalid: str) -> Rows:
    frame = door.to_pandas(frame, caller=caller, arg="invoices")  # with the columns of by=
    _refuse_part_of_ledger(caller, frame, names)
    _refuse_open_items(caller, frame, names)
    try:
        rows = _invoice_rows(caller, frame, names, invalid)
    except InputError as error:
        raise InputError(_of_instalments(str(error), frame, names)) from None
    _refuse_unread_notes(caller, rows, names)
    return rows


def _of_instalments(said: str, frame: pd.DataFrame, names: dict[str, str]) -> str:
    """An id that stands once for each due date is no mistake to be summed."""
    advice = "keep one row of each, or sum them first"
    keys = [names["invoice"], names["due_date"]]
    if advice not in said or frame[keys].duplicated().any():
        return said
    more = "; instalments: give each an id of its own, and theirs in common in "
    return said.replace(advice, f"{advice}{more}{names['parent']!r}")


def _invoice_rows(caller: str, frame: pd.DataFrame, names: dict[str, str], invalid: str) -> Rows:
    def usual(option: str) -> bool:
        """A column of the usual name may be absent; one that the caller names may not."""
        return names[option] == _COLUMNS[option]

    return door.take(
        frame, caller=caller, arg="invoices", invalid=invalid, empty="allow", unique=("invoice",),
        customer=Key(names["customer"]),
        invoice=Key(names["invoice"]),
        day=Date(names["invoice_date"], option="invoice_date"),
        due=Date(names["due_date"], missing="allow", option="due_date"),
        amount=Amount(names["amount"]),
        currency=Key(names["currency"], optional=usual("currency")),
        type=Key(names["type"], optional=usual("type"), missing="allow"),
        parent=Key(names["parent"], optional=usual("parent"), missing="allow"),
        security=Amount(names["security"], optional=usual("security"), missing="allow"),
        burden=Amount(names["burden"], optional=usual("burden"), missing="allow"),
    )  # fmt: skip


def _take_payments(caller: str, frame: Any, names: dict[str, str], invalid: str) -> Rows:
    if frame is None or (door.is_pandas(frame) and not len(frame) and not len(frame.columns)):
        columns = (names["payment"], names["customer"], names["date"], names["amount"])
        frame = pd.DataFrame({c: pd.Series([], dtype=object) for c in columns})
    frame = door.to_pandas(frame, caller=caller, arg="payments")
    rows = door.take(
        frame, caller=caller, arg="payments", invalid=invalid, empty="allow",
        unique=("payment", "named") if names["invoice"] in frame.columns else ("payment",),
        customer=Key(names["customer"]),
        payment=Key(names["payment"]),
        day=Date(names["date"], option="date"),
        amount=Amount(names["amount"]),
        named=Key(names["invoice"], optional=True, missing="allow", option="invoice"),
        plan=Key(names["parent"], optional=True, missing="allow", option="parent"),
        currency=Key(names["currency"], optional=True),
    )  # fmt: skip
    if len(rows) > 1 and rows["amount"].max() < 0:
        door.warn(
            f"{caller}(): payments: all {len(rows)} amounts are below zero, so each counts as a "
            "refund; a receipt is written above zero: turn the sign if these are receipts."
        )
    return rows


def _take_adjustments(caller: str, frame: Any, names: dict[str, str], invalid: str) -> Rows:
    if frame is None or (door.is_pandas(frame) and not len(frame) and not len(frame.columns)):
        columns = (names["customer"], names["date"], names["amount"], names["kind"])
        frame = pd.DataFrame({c: pd.Series([], dtype=object) for c in columns})
    rows = door.take(
        frame, caller=caller, arg="adjustments", invalid=invalid, empty="allow",
        customer=Key(names["customer"]),
        day=Date(names["date"], option="date"),
        amount=Amount(names["amount"]),
        kind=Key(names["kind"]),
        named=Key(names["invoice"], optional=True, missing="allow", option="invoice"),
        currency=Key(names["currency"], optional=True),
    )  # fmt: skip
    refuse_unknown_kinds(caller, rows, names["kind"])
    settles = rows.series("kind").isin(SETTLING).to_numpy(dtype=bool)
    if len(rows) and (rows["amount"][settles] < 0).any():
        amounts = rows["amount"].copy()
        amounts[settles] = reversals_kept(amounts[settles])
        rows.values["amount"] = amounts
    return rows


def refuse_unknown_kinds(caller: str, rows: Rows, column: str) -> None:
    """Adjustments of a kind that nothing would be done with."""
    strange = ~rows.series("kind").isin(_ADJUSTMENTS).to_numpy()
    if strange.any():
        first = rows.series("kind").iloc[int(np.argmax(strange))]
        raise InputError(
            f"{caller}(): adjustments: column {column!r} holds {first!r} (and "
            f"{int(strange.sum()) - 1} more unknown value(s)) in {int(strange.sum())} row(s); "
            f"known kinds are {', '.join(map(repr, _ADJUSTMENTS))}."
        )
