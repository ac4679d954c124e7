"""What is counted of each customer: options, and recency, frequency and monetary value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_bool,
    check_choice,
    check_column,
    check_int,
    check_number,
    is_pandas,
    lazy,
    one_currency,
    resolve_as_of,
    take,
    warn,
)
from ..engine.grouping import (
    counted_sum,
    dense,
    distinct_per_group,
    exact_sum,
    first_last,
    kept,
    row_counts,
)
from ..errors import InputError
from .condense import COUNT, condensed, no_purchase
from .schemes import Scheme, resolve_scheme

__all__ = ["AXES", "DAY", "Spec", "Values", "money_of", "take_values"]

METHODS = ("quantile", "rank", "fixed", "log", "natural")
RETURNS = ("net", "exclude", "offset")
FREQUENCY = ("orders", "days", "net_days")
DAY = 86_400_000_000  # in microseconds
_ALL = slice(None)
AXES = ("recency", "frequency", "monetary")
_COLUMNS = (
    *AXES,
    "first_date",
    "last_date",
    "tenure",
    "r",
    "f",
    "m",
    "rfm",
    "segment",
    "label",
    "as_of",
)
_TOTAL = "total"  # of the amounts, next to their mean


# --------------------------------------------------------------------------------------
# Options


@dataclass(frozen=True)
class Spec:
    """All options that say how customers are counted, scored and named."""

    bins: int
    method: str
    scheme: Any
    monetary: str
    returns: str
    frequency: str
    nested: bool
    cuts: Mapping[str, Sequence[float]] | None
    thresholds: Any
    step: float

    def check(self, *, caller: str) -> Scheme | None:
        """Refuse wrong options; the scheme, spread over all cells."""
        check_int(self.bins, "bins", caller=caller, low=2, high=100)
        check_choice(self.method, "method", METHODS, caller=caller)
        check_choice(self.monetary, "monetary", ("sum", "mean"), caller=caller)
        check_choice(self.returns, "returns", RETURNS, caller=caller)
        check_choice(self.frequency, "frequency", FREQUENCY, caller=caller)
        check_bool(self.nested, "nested", caller=caller)
        check_number(self.step, "step", caller=caller, low=0, open_low=True)
        self._check_cuts(caller=caller)
        self._check_thresholds(caller=caller)
        return resolve_scheme(self.scheme, self.bins, caller=caller)

    def _check_cuts(self, *, caller: str) -> None:
        if (self.method == "fixed") != (self.cuts is not None):
            raise InputError(f'{caller}(): cuts= goes with method="fixed", and only with it.')
        if self.cuts is None:
            return
        if not isinstance(self.cuts, Mapping) or set(self.cuts) != set(AXES):
            raise InputError(f"{caller}(): cuts must be a mapping with the keys {AXES}.")
        for axis, given in self.cuts.items():
            try:
                values = np.asarray(given, dtype=np.float64)
            except (TypeError, ValueError):
                values = np.empty((0, 0))
            good = values.shape == (self.bins - 1,) and bool(np.isfinite(values).all())
            if not good or not (np.diff(values) > 0).all():
                raise InputError(
                    f"{caller}(): cuts[{axis!r}] must be {self.bins - 1} ascending numbers "
                    f"(bins - 1), got {given!r}."
                )

    def _check_thresholds(self, *, caller: str) -> None:
        if isinstance(self.thresholds, Mapping):
            if set(self.thresholds) != set(AXES):
                raise InputError(f"{caller}(): thresholds must have the keys {AXES}.")
            for axis, value in self.thresholds.items():
                check_number(value, f"thresholds[{axis!r}]", caller=caller)
            return
        if not isinstance(self.thresholds, str):
            raise InputError(
                f"{caller}(): thresholds must be 'mean', 'mean_score', 'median' or a mapping of "
                f"{AXES} to numbers; got {self.thresholds!r}."
            )
        check_choice(self.thresholds, "thresholds", ("mean", "mean_score", "median"), caller=caller)


# --------------------------------------------------------------------------------------
# From rows to values


@dataclass(frozen=True)
class Values:
    """One row a customer: what is scored, and where the rows given went."""

    labels: pd.DataFrame
    first: np.ndarray
    last: np.ndarray
    frequency: np.ndarray
    monetary: np.ndarray
    total: np.ndarray | None  # where ``monetary`` is a mean
    as_of: int
    rows: dict[str, int]

    @property
    def recency(self) -> np.ndarray:
        return self.as_of - self.last


def take_values(
    transactions: Any,
    spec: Spec,
    *,
    caller: str,
    customer: str,
    date: str,
    amount: str,
    order: str | None,
    as_of: Any,
    invalid: str,
) -> Values:
    """Check the rows and add them up by customer."""
    check_column(customer, "customer", caller=caller)
    if customer in _COLUMNS or (spec.monetary == "mean" and customer == _TOTAL):
        raise InputError(f"{caller}(): the customer column must not be called {customer!r}.")
    one_currency(transactions, (customer,), caller=caller, arg="transactions")
    rows = take(
        _condensed(transactions, spec, customer, date, amount, order, caller),
        caller=caller,
        arg="transactions",
        invalid=invalid,
        customer=Key(customer),
        date=Date(date),
        amount=Amount(amount),
        order=Key("order_id" if order is None else order, optional=order is None, missing="allow"),
        n=Amount(COUNT, optional=True),
    )
    latest = np.array([rows.extent("date")[1] // DAY])
    until = int(
        resolve_as_of(as_of, latest, caller=caller).to_datetime64().astype("M8[D]").astype(int)
    )
    use = _use(rows, spec, until)
    if not use.any:
        raise no_purchase(rows["amount"], until, caller=caller)
    account = {
        "given": _count(rows, _ALL) + len(rows.dropped),
        "invalid": len(rows.dropped),
        "after_as_of": _count(rows, use.late),
        "returns_left_out": _count(rows, use.left_out),
    }
    return _add_up(rows, spec, use, until, account, caller=caller)


@dataclass(frozen=True)
class _Use:
    """Which rows count for what: masks, ``_ALL`` or (where none does) None."""

    late: Any  # after as_of
    bought: Any  # purchases: they make orders and dates
    paid: Any  # they make amounts
    left_out: Any  # returns that are left out

    @property
    def any(self) -> bool:
        return isinstance(self.bought, slice) or bool(self.bought.any())


def _use(rows: Rows, spec: Spec, until: int) -> _Use:
    """Masks are made only where rows differ: most frames hold no late rows and no returns."""
    end = (until + 1) * DAY
    late = rows["date"].view(np.int64) >= end if rows.extent("date")[1] >= end else None
    keep = _ALL if late is None else ~late
    if spec.returns == "net" or rows.extent("amount")[0] >= 0:
        return _Use(late, keep, keep, None)
    returned = rows["amount"] < 0
    bought = ~returned if late is None else ~returned & ~late
    if spec.returns == "offset":
        return _Use(late, bought, keep, None)
    return _Use(late, bought, bought, returned if late is None else returned & ~late)


def _condensed(
    transactions: Any,
    spec: Spec,
    customer: str,
    date: str,
    amount: str,
    order: str | None,
    caller: str,
) -> Any:
    """A frame of another engine, added up there; with orders, by order."""
    if is_pandas(transactions):
        return transactions
    names = lazy(transactions, caller=caller, arg="transactions").collect_schema().names()
    by = [order] if order else ["order_id"] if "order_id" in names else []
    keys = [customer, *by]
    unit = spec.step * 1e-4
    return condensed(transactions, keys, date=date, amount=amount, unit=unit, caller=caller)


def _count(rows: Rows, at: Any) -> int:
    """Number of the caller's rows."""
    if at is None:
        return 0
    if "n" in rows:
        return int(rows["n"][at].sum())
    return len(rows) if isinstance(at, slice) else int(at.sum())


def _add_up(
    rows: Rows, spec: Spec, use: _Use, until: int, account: dict[str, int], *, caller: str
) -> Values:
    keys = rows.slots("customer")
    codes, n = keys.codes, keys.size
    times = rows["date"].view(np.int64)
    bought = use.bought
    first, last = first_last(codes[bought], times[bought], n, DAY, rows.extent("date"))
    try:
        money, orders = _money(rows, spec, use, codes, n)
    except OverflowError as err:
        raise InputError(f"{caller}(): {err}; use a larger step.") from None
    count = orders if spec.frequency == "orders" else _days(spec, rows, use, codes, n)
    seen = last >= first
    if not isinstance(use.bought, slice):
        _tell_the_bought_nothing(rows, use, codes, seen, account, caller=caller)
    account["used"] = account["given"] - sum(
        v for k, v in account.items() if k not in ("given", "customers_without_a_purchase")
    )
    labels, whole = keys.labels, None
    if not seen.all():
        parts = (first, last, count, money, orders)
        first, last, count, money, orders = (kept(v, seen) for v in parts)
        labels = _labels_of(keys.labels, seen)
    if spec.monetary == "mean":
        whole, money = money, money / orders
    return Values(labels, first, last, count, money, whole, until, account)


def money_of(scored: pd.DataFrame, monetary: str = "monetary") -> str:
    """The column with each customer's whole amount in a table of scores."""
    mean = scored.attrs.get("monetary", "mean" if _TOTAL in scored.columns else "sum") == "mean"
    return _TOTAL if mean and monetary == "monetary" else monetary


def _labels_of(labels: pd.DataFrame, seen: np.ndarray) -> pd.DataFrame:
    """The labels of the customers seen."""
    name = labels.columns[0]
    if isinstance(labels[name].dtype, np.dtype) and labels[name].dtype != object:
        return pd.DataFrame({name: kept(labels[name].to_numpy(), seen)}, copy=False)
    return labels[seen].reset_index(drop=True)


def _tell_the_bought_nothing(
    rows: Rows, use: _Use, codes: np.ndarray, seen: np.ndarray, account: dict[str, int], *,
    caller: str,
) -> None:  # fmt: skip
    """Count and tell of customers who have returns, but no purchase."""
    known = codes if use.late is None else codes[~use.late]
    account["customers_without_a_purchase"] = int(
        (np.bincount(known, minlength=len(seen))[~seen] > 0).sum()
    )
    weight = rows["n"][use.paid] if "n" in rows else None
    lost = np.bincount(codes[use.paid], weight, len(seen))[~seen]
    account["without_a_purchase"] = int(lost.sum())
    if lost.any():
        warn(
            f"{caller}(): {int((lost > 0).sum())} customer(s) have returns but no purchase "
            f"and are left out ({int(lost.sum())} row(s))."
        )


def _money(
    rows: Rows, spec: Spec, use: _Use, codes: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Amount and orders of each customer."""
    unit = spec.step * 1e-4
    amounts, own = rows["amount"][use.paid], codes[use.paid]
    if "order" in rows or "n" in rows or use.paid is not use.bought:
        return exact_sum(own, amounts, n, unit), _orders(rows, codes, use.bought, n)
    return counted_sum(own, amounts, n, unit)


def _orders(rows: Rows, codes: np.ndarray, at: Any, n: int) -> np.ndarray:
    """Distinct orders of each customer; rows without an order id are an order each."""
    if "order" not in rows:
        if "n" not in rows:
            return row_counts(codes[at], n)
        return np.bincount(codes[at], rows["n"][at], n).astype(np.int64)
    items = rows.keys("order").codes[at]
    named = items >= 0
    size = len(rows.keys("order"))
    if named.all():
        return distinct_per_group(codes[at], items, n, size)
    own = codes[at]
    count = distinct_per_group(own[named], items[named], n, size)
    return count + np.bincount(own[~named], minlength=n)


def _days(spec: Spec, rows: Rows, use: _Use, codes: np.ndarray, n: int) -> np.ndarray:
    """Distinct days of each customer, or those of them with a positive net amount."""
    days = rows.days("date")
    bought = np.ones(len(days), dtype=bool) if isinstance(use.bought, slice) else use.bought
    start, width = int(days.min()), int(days.max() - days.min()) + 1
    cell, at = dense(codes * width + (days - start))
    if spec.frequency == "days":
        counted = np.bincount(at[bought], minlength=len(cell)) > 0
    else:
        paid = bought if spec.returns == "exclude" else np.ones(len(at), dtype=bool)
        paid = paid & (days <= int(days[bought].max()))
        net = exact_sum(at[paid], rows["amount"][paid], len(cell), spec.step * 1e-4)
        counted = net > 0
    return np.bincount(cell[counted] // width, minlength=n)
