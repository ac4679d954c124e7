"""Payments in frames of other engines: added up there by customer where balances need no more."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _frames as door
from .plain import QUEUES
from .tables import LINK, Options, column_names

__all__ = ["condensed_payments"]


def condensed_payments(
    payments: Any, *, as_of: Any, method: str, options: Options, caller: str
) -> Any:
    """One payment a customer, as pandas, where the queue of debts is paid whoever paid when.

    Balances first in first out depend on the sum alone. A pandas frame comes back as it is; so
    does one with names, currencies, refunds or anything to be told of (missing values, repeated
    ids, fractions of a step), for the door to look at row by row.
    """
    if payments is None or door.is_pandas(payments) or method not in QUEUES:
        return payments
    import narwhals.stable.v2 as nw

    names = column_names(options)
    table = door.lazy(payments, caller=caller, arg="payments")
    schema = table.collect_schema()
    payment, customer, date, amount = (names[k] for k in ("payment", "customer", "date", "amount"))
    if not {payment, customer, date, amount} <= set(schema.names()):
        return payments
    rest = set(schema.names()) - {payment, customer, date, amount}
    zone = getattr(schema[date], "time_zone", None)
    if (
        rest & {names[k] for k in ("invoice", "currency", "parent")}
        or any(LINK.search(c) for c in rest)
        or not schema[amount].is_numeric()
        or schema[date] not in (nw.Date, nw.Datetime)
        or zone
    ):
        return payments
    step = door.check_number(options.get("step", 0.01), "step", caller=caller, low=0, open_low=True)
    value = nw.col(amount).cast(nw.Float64) / step
    off = value.is_null() | ~value.is_finite() | (value < 0) | (value > 1e11)
    off = off | ((value - value.round(0)).abs() > 1e-4)
    for name in (payment, customer, date):
        off = off | nw.col(name).is_null()
    try:
        found = table.select(
            off=off.cast(nw.Int64).sum(), n=nw.len(), ids=nw.col(payment).n_unique()
        ).collect()
    except TypeError:  # DuckDB before 1.1 takes no expressions: its rows are collected instead
        return payments
    count, strange = int(found["n"][0]), found["off"][0]
    if not count or strange is None or int(strange) or int(found["ids"][0]) != count:
        return payments
    rows = table.select(
        nw.col(customer), nw.col(date).cast(nw.Date), value.round(0).cast(nw.Int64).alias(amount)
    )
    if as_of is not None:
        last = door.resolve_as_of(as_of, caller=caller).date()
        rows = rows.filter(nw.col(date) <= last)
    sums = rows.group_by(customer).agg(nw.col(amount).sum(), nw.col(date).max())
    out = sums.collect().to_pandas()
    if not len(out) or float(out[amount].max()) > 2.0**52:
        return payments
    out[amount] = door.money(out[amount].to_numpy(np.int64), step)
    out[payment] = np.arange(len(out))
    return out
