"""Large books in blocks of customers: the same sums in a fraction of the memory.

Customers do not touch each other, so a block of them can be aged by itself. Only plain books go
this way (no currencies, names, credit notes or adjustments, every due date there), since their
checks need one row at a time and are made for all rows before any block is worked on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from .books import Options, check_options, take_invoices, take_payments

__all__ = ["blocks"]

SMALL = 4_000_000  # rows up to which one block is as good
_ROWS = 1_000_000  # rows of a block, about


def blocks(
    caller: str, invoices: Any, payments: Any, adjustments: Any, *, as_of: Any, options: Options
) -> tuple[pd.Timestamp, Iterator[tuple[pd.DataFrame, pd.DataFrame]]] | None:
    """The day and the blocks of plain, large books; None for all others."""
    if not _is_large(invoices, payments) or (adjustments is not None and len(adjustments)):
        return None
    names = check_options(caller, options)
    strange = [names[k] for k in ("currency", "type", "parent", "security", "burden")]
    named = names["invoice"] in payments and payments[names["invoice"]].notna().any()
    if named or any(c in invoices for c in strange) or names["currency"] in payments:
        return None
    invalid = options.get("invalid", "raise")
    bills = take_invoices(caller, invoices, names, invalid)
    money = take_payments(caller, payments, names, invalid)
    if np.isnat(bills["due"]).any() or (bills["amount"] < 0).any():
        return None
    who = [rows.series("customer") for rows in (bills, money)]
    if who[0].dtype != who[1].dtype:
        return None
    latest = max((rows["day"].max() for rows in (bills, money) if len(rows)), default=None)
    last = None if latest is None else door.days_of(np.array([latest]))
    moment = door.resolve_as_of(as_of, last, caller=caller)
    count = (len(bills) + len(money)) // _ROWS + 1
    frames = [bills.frame, money.frame]
    del bills, money
    return moment, _cut(frames, [_block_of(w, count) for w in who], count)


def _is_large(invoices: Any, payments: Any) -> bool:
    if not door.is_pandas(invoices) or not door.is_pandas(payments):
        return False
    return len(invoices) + len(payments) > SMALL


def _block_of(customers: pd.Series, count: int) -> np.ndarray:
    """A block for each customer: a hash of the key, the same in each frame."""
    out = np.empty(len(customers), dtype=np.int16)
    for start in range(0, len(customers), _ROWS):
        part = customers.iloc[start : start + _ROWS]
        hashed = pd.util.hash_pandas_object(part, index=False).to_numpy()
        out[start : start + _ROWS] = hashed % np.uint64(count)
    return out


def _cut(
    frames: list[pd.DataFrame], at: list[np.ndarray], count: int
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    for k in range(count):
        bills, money = (f.iloc[np.flatnonzero(b == k)] for f, b in zip(frames, at, strict=True))
        if len(bills) or len(money):
            yield bills, money
