"""Several currencies into one: each document at its own day's rate, or all at today's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key
from ..engine.matching import exact_sums
from ..engine.units import to_units
from ..errors import InputError
from .books import Books
from .settling import Position

__all__ = ["check_rates", "convert", "rates_of"]


def convert(position: Position, fx: Any, *, revalue: bool) -> Position:
    """The position in the currency that ``fx`` leads to; matches still add up to documents."""
    books = position.books
    if books.currencies is None:
        raise InputError(
            f"{books.caller}(): fx is given, but invoices have no column "
            f"{books.names['currency']!r} that says what is to be converted."
        )
    rate = _Rates(books, fx)
    documents, receipts = books.documents, books.receipts
    now = np.int64(books.today)
    at_document = rate.of(documents.currency, documents.day)
    at_receipt = rate.of(receipts.currency, receipts.day)
    units = _spread(position, at_document)
    open_rate = (
        rate.of(documents.currency, np.full(len(documents), now)) if revalue else at_document
    )
    rest_rate = rate.of(receipts.currency, np.full(len(receipts), now)) if revalue else at_receipt
    settled = _round((documents.units - position.open) * at_document)
    left = _round(position.open * open_rate)
    if not revalue:  # the document's own value is what its rows must add up to
        left = _round(documents.units * at_document) - settled
    paid_out = _round((receipts.units - position.rest) * at_receipt)
    rest = _round(position.rest * rest_rate)
    if not revalue:
        rest = _round(receipts.units * at_receipt) - paid_out
    if len(position.document):
        settled, paid_out = _as_matched(position, units, settled)
    one = replace(
        books,
        documents=replace(documents, units=settled + left, currency=documents.currency * 0,
                          group=documents.customer,
                          rows=_taxed(documents.rows, at_document, books.step)),
        receipts=replace(receipts, units=paid_out + rest, currency=receipts.currency * 0,
                         group=receipts.customer),
        currencies=None,
        disputes=_valued(rate, books.disputes), recoveries=_valued(rate, books.recoveries),
    )  # fmt: skip
    expected = _round(position.expected * open_rate)
    return replace(
        position, books=one, units=units, open=left, rest=rest, expected=expected,
        method="",  # in one currency the matches cannot be made again
        converted=(position, fx, revalue),
    )  # fmt: skip


def _as_matched(
    position: Position, units: np.ndarray, settled: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What documents were settled by and receipts paid, at what it settled.

    Balances from receipts and credit notes then tie with what is open; the exchange difference
    against the day they came in is no part of the receivables.
    """
    source = position.books.receipts.source
    paid_out = exact_sums(position.receipt, units, len(source))
    stems = np.flatnonzero(source >= 0)
    notes = source[stems]
    settled = settled.copy()
    settled[notes] = exact_sums(position.document, units, len(settled))[notes] - paid_out[stems]
    return settled, paid_out


def _taxed(rows: pd.DataFrame, rate: np.ndarray, step: float) -> pd.DataFrame:
    """The documents' columns with the tax at the documents' own rates, like their amounts."""
    if "tax" not in rows:
        return rows
    numbers = pd.to_numeric(rows["tax"], errors="coerce")
    if (numbers.isna() & rows["tax"].notna()).any():  # words: whoever needs the tax refuses them
        return rows
    tax = numbers.to_numpy(dtype=np.float64, na_value=np.nan) * rate
    units = _round(np.nan_to_num(tax) / step)
    return rows.assign(tax=np.where(np.isnan(tax), np.nan, door.money(units, step)))


def _valued(rate: _Rates, events: pd.DataFrame) -> pd.DataFrame:
    """Disputes or recoveries at their own day's rate."""
    if not len(events):
        return events
    code, day = (events[c].to_numpy(dtype=np.int64) for c in ("currency", "day"))
    amount = events["amount"].to_numpy(dtype=np.float64) * rate.of(code, day)
    return events.assign(amount=amount, currency=np.int64(0))


def _round(values: np.ndarray) -> np.ndarray:
    return to_units(values, 1)


def _spread(position: Position, rate: np.ndarray) -> np.ndarray:
    """Converted matches: differences of converted running sums, so they add up by document."""
    if not len(position.document):
        return position.units
    order = np.argsort(position.document, kind="stable")
    at, units = position.document[order], position.units[order]
    running = np.cumsum(units)
    first = np.r_[True, at[1:] != at[:-1]]
    start = np.maximum.accumulate(np.where(first, np.arange(len(at)), 0))
    base = (running - units)[start]
    end = _round((running - base) * rate[at])
    before = np.where(first, 0, np.r_[0, end[:-1]])
    out = np.empty_like(units)
    out[order] = end - before
    return out


def check_rates(caller: str, names: list[Any], fx: Any) -> dict[Any, pd.DataFrame]:
    """Rates by currency; only the one that is converted into may be left out."""
    table = dict(list(_long(fx, caller).groupby("currency", sort=True, observed=True)))
    base = [n for n in names if n not in table]
    if len(base) > 1:
        raise InputError(
            f"{caller}(): fx has no rate for {', '.join(map(repr, sorted(base, key=str)))}; only "
            "one currency, the one that is converted into, may be left out."
        )
    return table


def rates_of(caller: str, held: pd.Series, days: np.ndarray, fx: Any) -> np.ndarray:
    """What one unit of each row's currency is, by the last rate up to its day; missing: 1."""
    out = np.ones(len(held))
    names = sorted(held.dropna().unique(), key=str)
    for name, table in check_rates(caller, names, fx).items():
        mine = (held == name).to_numpy(dtype=bool, na_value=False)
        at = np.searchsorted(table["day"].to_numpy(), days[mine], side="right") - 1
        if (at < 0).any():
            raise InputError(
                f"{caller}(): fx has no rate of {name!r} early enough for {int((at < 0).sum())} "
                "row(s)."
            )
        out[mine] = table["rate"].to_numpy()[at]
    return out


class _Rates:
    """Units of the base currency for one unit of each currency, by day."""

    def __init__(self, books: Books, fx: Any) -> None:
        self.books = books
        assert books.currencies is not None
        self.names = list(books.currencies.labels.iloc[:, 0])
        self.table = check_rates(books.caller, self.names, fx)

    def of(self, currency: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Rate of each row: the last one quoted up to its day."""
        out = np.ones(len(currency))
        for code, name in enumerate(self.names):
            rows = np.flatnonzero(currency == code)
            if not len(rows) or name not in self.table:
                continue
            part = self.table[name]
            at = np.searchsorted(part["day"].to_numpy(), days[rows], side="right") - 1
            if (at < 0).any():
                first = np.datetime64(int(days[rows][at < 0].min()), "D")
                raise InputError(
                    f"{self.books.caller}(): fx has no rate of {name!r} up to {first}; "
                    f"{int((at < 0).sum())} row(s) need one."
                )
            out[rows] = part["rate"].to_numpy()[at]
        return out


def _long(fx: Any, caller: str) -> pd.DataFrame:
    """Rates as ``currency``, ``day``, ``rate``, in order of days."""
    if isinstance(fx, Mapping | pd.Series):
        rates = door.check_series(fx, "fx", caller=caller, low=0)
        frame = pd.DataFrame({"currency": rates.index, "day": -(2**40), "rate": rates.to_numpy()})
    else:
        frame = _from_frame(door.to_pandas(fx, caller=caller, arg="fx"), caller)
    if (frame["rate"] <= 0).any():
        raise InputError(f"{caller}(): fx: rates must be above 0.")
    return frame.sort_values(["currency", "day"], ignore_index=True)


def _from_frame(fx: pd.DataFrame, caller: str) -> pd.DataFrame:
    if "date" not in fx.columns and isinstance(fx.index, pd.DatetimeIndex | pd.PeriodIndex):
        fx = fx.rename_axis(index="date").reset_index()
    if "date" in fx.columns and not {"currency", "rate"} & set(fx.columns):
        fx = fx.melt("date", var_name="currency", value_name="rate").dropna(subset=["rate"])
    if "date" not in fx.columns and not {"currency", "rate"} <= set(fx.columns):
        raise InputError(
            f"{caller}(): fx has no column 'date'; give date, currency and rate, or date and a "
            "column a currency, or the rates alone as {'USD': 7.1}. There are: "
            f"{', '.join(map(repr, fx.columns))}."
        )
    rows = door.take(
        fx, caller=caller, arg="fx", unique=("currency", "date"),
        currency=Key("currency", option=""), date=Date("date", option=""),
        rate=Amount("rate", option=""),
    )  # fmt: skip
    return pd.DataFrame(
        {"currency": rows.series("currency").array, "day": rows.days("date"), "rate": rows["rate"]}
    )
