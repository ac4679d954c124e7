"""Purchase histories: how often, until when, observed how long, and what was spent."""

from __future__ import annotations

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
    check_number,
    day,
    one_currency,
    refuse_names,
    resolve_as_of,
    take,
)
from ..engine.grouping import distinct, first_last
from ..errors import InputError
from .condense import COUNT, added_up, condensed, no_purchase

__all__ = ["DAYS", "purchases"]

# One period in days, exactly; months and years are mean ones.
DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Q": 91.3125, "Y": 365.25}


_HELD_OUT = ("x_holdout", "T_holdout", "monetary_holdout")


def purchases(
    transactions: pd.DataFrame,
    *,
    freq: str = "W",
    as_of: Any = None,
    holdout: Any = None,
    returns: str = "net",
    regularity: bool = False,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Repeat purchases of each customer, as purchase models need them.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; also a Polars, Arrow, DuckDB or Spark frame. Not modified.
    freq : {"W", "D", "M", "Q", "Y"}
        Unit of time: days divided by exactly 7, 1, 30.4375, 91.3125 or 365.25.
    as_of : date, optional
        End of observation, that day included. None: the last date in the data.
    holdout : number or date, optional
        Keep the time after it apart: a number of periods before ``as_of``, or the last day of
        the first part. The history then ends there, and ``x_holdout``, ``T_holdout`` and
        ``monetary_holdout`` tell what followed; customers who came later are left out.
    returns : {"net", "exclude"}
        Rows with a negative amount are never purchases; ``net``: they reduce what was spent.
    regularity : bool, default=False
        Also return ``log_gaps``, the sum of the logarithms of the times between purchases, in
        the unit of time, which :class:`MBGCNBD` needs.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a customer, ascending: the customer, ``x`` (repeat purchases; several on one
        day count once), ``t_x`` (time from the first to the last purchase), ``T`` (time from
        the first purchase to the end of observation), ``monetary`` (mean of the repeat
        purchases; missing without any), ``as_of`` (the last day of the history).

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or nobody bought before the end.

    References
    ----------
    .. [1] P. S. Fader and B. G. S. Hardie, "A Note on Deriving the Pareto/NBD Model and
       Related Expressions", 2005, www.brucehardie.com/notes/009 (recency and frequency as
       sufficient statistics).

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [50.0, 70.0, 20.0],
    ...     "date": pd.to_datetime(["2025-01-06", "2025-01-20", "2025-01-13"])})
    >>> purchases(orders, as_of="2025-01-27")[["customer_id", "x", "t_x", "T", "monetary"]]
      customer_id  x  t_x    T  monetary
    0           a  1  2.0  3.0      70.0
    1           b  0  0.0  2.0       NaN
    """
    check_choice(freq, "freq", tuple(DAYS), caller="purchases")
    own = ("x", "t_x", "T", "monetary", "log_gaps", "as_of", *_HELD_OUT)
    refuse_names([customer], own, caller="purchases", option="customer")
    check_choice(returns, "returns", ("net", "exclude"), caller="purchases")
    check_bool(regularity, "regularity", caller="purchases")
    one_currency(transactions, (customer,), caller="purchases", arg="transactions")
    rows = take(
        condensed(
            transactions, [customer], date=date, amount=amount, unit=1e-6, caller="purchases"
        ),
        caller="purchases",
        arg="transactions",
        invalid=invalid,
        customer=Key(customer),
        date=Date(date),
        amount=Amount(amount),
        n=Amount(COUNT, optional=True),
    )
    days = rows.days("date")
    until = _day_number(resolve_as_of(as_of, days, caller="purchases"))
    end = until if holdout is None else _split(holdout, until, int(days.min()), freq)
    amounts = rows["amount"]
    keys = rows.keys("customer")
    bought = amounts >= 0
    if returns == "exclude":
        days, amounts, codes = days[bought], amounts[bought], keys.codes[bought]
        bought = bought[bought]
    else:
        codes = keys.codes
    known = _Counted(codes, days, amounts, bought, end, len(keys))
    if not known.there.any():
        shorter = "" if holdout is None else " or a shorter holdout"
        raise no_purchase(rows["amount"], end, caller="purchases", also=shorter)
    unit = DAYS[freq]
    there = known.there
    out = keys.labels[there].reset_index(drop=True)
    out["x"] = known.x[there]
    out["t_x"] = (known.last - known.first)[there] / unit
    out["T"] = (end - known.first)[there] / unit
    out["monetary"] = known.monetary[there]
    if regularity:
        at = bought & (days <= end)
        out["log_gaps"] = _log_gaps(codes[at], days[at], len(keys), unit)[there]
    if holdout is not None:
        later = _Later(codes, days, amounts, bought, end, until, len(keys))
        out["x_holdout"] = later.x[there]
        out["T_holdout"] = (until - end) / unit
        out["monetary_holdout"] = later.monetary[there]
    out["as_of"] = np.full(len(out), np.datetime64(end, "D").astype("M8[us]"))
    out.attrs["freq"] = freq
    out.attrs["amount_a_purchase"] = known.amount_a_purchase
    out.attrs["rows"] = _account(rows, until) | {"customers_after_the_split": int((~there).sum())}
    return out


def _account(rows: Rows, until: int) -> dict[str, int]:
    """What became of every row given."""
    counted = rows["n"] if "n" in rows else np.ones(len(rows))
    return {
        "given": int(counted.sum()) + len(rows.dropped),
        "invalid": len(rows.dropped),
        "after_as_of": int(counted[rows.days("date") > until].sum()),
        "returns": int(counted[rows["amount"] < 0].sum()),
    }


def _day_number(stamp: pd.Timestamp) -> int:
    return int(np.datetime64(stamp.to_datetime64(), "D").astype(np.int64))


def _split(holdout: Any, until: int, first: int, freq: str) -> int:
    """Last day of the first part, from a number of periods or a date."""
    if isinstance(holdout, int | float | np.number) and not isinstance(holdout, bool):
        length = check_number(holdout, "holdout", caller="purchases", low=0, open_low=True)
        kept = round(min(length * DAYS[freq], 1e9))
        if not 1 <= kept <= until - first:
            raise InputError(
                f"purchases(): holdout={length:g} is {length * DAYS[freq]:.6g} day(s) at "
                f"freq={freq!r}; the data hold {until - first + 1}, from "
                f"{np.datetime64(first, 'D')} to {np.datetime64(until, 'D')}, and each part needs "
                "at least one."
            )
        return until - kept
    end = _day_number(day(holdout, name="holdout", caller="purchases", last=True))
    if end >= until:
        raise InputError("purchases(): holdout must begin before as_of; choose an earlier date.")
    return end


class _Counted:
    """Purchase days of each customer up to ``end``."""

    def __init__(
        self,
        codes: np.ndarray,
        days: np.ndarray,
        amounts: np.ndarray,
        bought: np.ndarray,
        end: int,
        n: int,
    ):
        at = bought & (days <= end)
        self.first, self.last = first_last(codes[at], days[at], n)
        self.there = np.bincount(codes[at], minlength=n) > 0
        self.x = np.maximum(_purchase_days(codes[at], days[at], n) - 1, 0)
        repeat = (days <= end) & (days > self.first[codes])
        spent = added_up(codes[repeat], amounts[repeat], n, caller="purchases")
        self.monetary = np.where(self.x > 0, spent / np.maximum(self.x, 1), np.nan)
        seen = amounts[days <= end]
        whole = added_up(np.zeros(len(seen), dtype=np.int64), seen, 1, caller="purchases")[0]
        times = int(self.x.sum()) + int(self.there.sum())
        self.amount_a_purchase = float(whole) / times if times else float("nan")


class _Later:
    """Purchase days and mean spend of each customer after ``end``."""

    def __init__(
        self,
        codes: np.ndarray,
        days: np.ndarray,
        amounts: np.ndarray,
        bought: np.ndarray,
        end: int,
        until: int,
        n: int,
    ):
        inside = (days > end) & (days <= until)
        at = bought & inside
        self.x = _purchase_days(codes[at], days[at], n)
        spent = added_up(codes[inside], amounts[inside], n, caller="purchases")
        self.monetary = np.where(self.x > 0, spent / np.maximum(self.x, 1), np.nan)


def _log_gaps(codes: np.ndarray, days: np.ndarray, n: int, unit: float) -> np.ndarray:
    """Sum of the logarithms of the times between purchase days of each customer."""
    start = int(days.min())
    width = int(days.max()) - start + 1
    cells = distinct(codes * width + (days - start))
    who, day = cells // width, cells % width
    again = who[1:] == who[:-1]
    gaps = np.log((day[1:] - day[:-1])[again] / unit)
    return np.bincount(who[1:][again], gaps, n)


def _purchase_days(codes: np.ndarray, days: np.ndarray, n: int) -> np.ndarray:
    """Distinct days of each customer."""
    if not len(days):
        return np.zeros(n, dtype=np.int64)
    start = int(days.min())
    width = int(days.max()) - start + 1
    if n * width <= 64 * max(len(days), 1_000_000):
        seen = np.zeros(n * width, dtype=bool)
        seen[codes * width + (days - start)] = True
        return seen.reshape(n, width).sum(axis=1)
    cells = distinct(codes * width + (days - start))
    return np.bincount(cells // width, minlength=n)
