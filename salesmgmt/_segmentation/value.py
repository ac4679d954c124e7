"""Where the money is: ABC classes, the whale curve, the Gini coefficient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, check_choice, one_currency, refuse_names, take
from ..engine.grouping import dense
from ..engine.periods import period_of
from ..errors import InputError
from .condense import added_up, condensed

__all__ = ["abc", "whale_curve"]


def abc(
    frame: pd.DataFrame,
    *,
    item: str,
    value: str,
    cuts: tuple[float, float] = (0.8, 0.95),
    date: str | None = None,
    freq: str = "M",
    xyz_cuts: tuple[float, float] = (0.5, 1.0),
    invalid: str = "raise",
) -> pd.DataFrame:
    """ABC classes of items (customers, products, ...) by their share of a value.

    Parameters
    ----------
    frame : DataFrame
        Any rows; also a Polars, Arrow, DuckDB or Spark frame. Values of an item are added up.
    item, value : str
        Columns of the item and of what counts.
    cuts : two floats, ascending, default=(0.8, 0.95)
        An item is A if the cumulative share up to and with it does not exceed the first cut, B
        if not the second, else C. The largest item is always A.
    date : str, optional
        Column of dates: also return how steady each item is (XYZ).
    freq : {"M", "D", "W", "Q", "Y"}
        Length of the periods whose sums are compared for XYZ, from the first to the last in the
        data.
    xyz_cuts : two floats, ascending, default=(0.5, 1.0)
        Coefficients of variation up to which an item is X, Y; else Z. The standard deviation
        is that of all the periods (divided by their number); ``(.1, .25)`` is usual, too.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row an item, the largest first (equal values by item): the item, the value,
        ``share``, ``cumulative``, ``class``; with ``date`` also ``cv`` (infinite without a
        positive mean) and ``xyz``.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or the values add up to nothing positive.

    References
    ----------
    .. [1] B. E. Flores and D. C. Whybark, "Multiple Criteria ABC Analysis", International
       Journal of Operations & Production Management 6 (1986), 38-46.

    Examples
    --------
    >>> import pandas as pd
    >>> sold = pd.DataFrame({"product": ["a", "b", "c"], "amount": [80.0, 15.0, 5.0]})
    >>> abc(sold, item="product", value="amount")
      product  amount  share  cumulative class
    0       a    80.0   0.80        0.80     A
    1       b    15.0   0.15        0.95     B
    2       c     5.0   0.05        1.00     C
    """
    _check_cuts(cuts, "cuts", 1.0)
    check_choice(freq, "freq", ("D", "W", "M", "Q", "Y"), caller="abc")
    own = ("share", "cumulative", "class", *(() if date is None else ("cv", "xyz")))
    refuse_names([item, value], own, caller="abc", option="item or value")
    _check_cuts(xyz_cuts, "xyz_cuts", np.inf)
    if value != "quantity":  # pieces have no currency
        one_currency(frame, (item,), caller="abc", arg="frame")
    rows = take(
        condensed(frame, [item], date=date, amount=value, unit=1e-6, caller="abc"),
        caller="abc",
        arg="frame",
        invalid=invalid,
        item=Key(item),
        value=Amount(value),
        date=None if date is None else Date(date),
    )
    keys = rows.keys("item")
    total = added_up(keys.codes, rows["value"], len(keys), caller="abc")
    order = np.argsort(-total, kind="stable")
    whole = added_up(np.zeros(len(total), dtype=np.int64), total, 1, caller="abc")[0]
    if whole <= 0:
        raise InputError(f"abc(): {value!r} adds up to {whole:g}; classes need a positive total.")
    share = total[order] / whole
    cumulative = np.round(np.cumsum(total[order]), 6) / whole
    beyond = (cumulative[:, None] > np.asarray(cuts) + 1e-12).sum(axis=1)
    beyond[0] = 0
    out = keys.labels.iloc[order].reset_index(drop=True)
    out[value] = total[order]
    out["share"] = share
    out["cumulative"] = cumulative
    out["class"] = pd.Series(list("ABC")).take(beyond).reset_index(drop=True)
    if date is not None:
        cv = _variation(keys.codes, rows["value"], rows.days("date"), len(keys), freq)[order]
        steady = (~(cv[:, None] <= np.asarray(xyz_cuts))).sum(axis=1)
        out["cv"] = cv
        out["xyz"] = pd.Series(list("XYZ")).take(steady).reset_index(drop=True)
    return out


def _check_cuts(cuts: Any, name: str, top: float) -> None:
    values = tuple(cuts) if isinstance(cuts, list | tuple | np.ndarray) else ()
    good = len(values) == 2 and all(isinstance(v, int | float | np.number) for v in values)
    if not good or not 0 < values[0] <= values[1] <= top:
        within = "" if top == np.inf else " between 0 and 1 (80 % is 0.8)"
        raise InputError(f"abc(): {name} must be two ascending numbers{within}, got {cuts!r}.")


def _variation(
    codes: np.ndarray, values: np.ndarray, days: np.ndarray, n: int, freq: str
) -> np.ndarray:
    """Standard deviation over mean of each item's periods; infinite without a positive mean."""
    period = period_of(days, freq)
    period = period - period.min()
    width = int(period.max()) + 1
    cell, at = dense(codes * width + period)
    sums = added_up(at, values, len(cell), caller="abc")
    item = cell // width
    mean = added_up(item, sums, n, caller="abc") / width
    empty = width - np.bincount(item, minlength=n)
    square = (np.bincount(item, (sums - mean[item]) ** 2, n) + empty * mean**2) / width
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = np.round(np.sqrt(square) / mean, 12)  # a variation of 0.5 is not above it
    return np.where(mean > 0, cv, np.inf)


def whale_curve(
    transactions: pd.DataFrame,
    *,
    customer: str = "customer_id",
    amount: str = "amount",
    cost: str | None = None,
    invalid: str = "raise",
) -> pd.DataFrame:
    """Cumulative profit of customers, the most profitable first.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; not modified.
    customer, amount : str
        Columns of the customer and the amount.
    cost : str, optional
        Column of costs; None: ``"cost"`` if there is one. Profit is amount minus cost; without
        costs the amount itself is taken.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a customer, the most profitable first: ``rank``, the customer, ``amount``,
        ``profit``, ``customers_share`` (of customers so far), ``cumulative``,
        ``cumulative_share`` (of the total profit; rises above 1 where later customers lose
        money; missing without a positive total). ``attrs``: ``gini`` (of the amounts, negative
        ones as zero), ``peak`` (highest cumulative share), ``peak_customers`` (share of
        customers up to the peak), ``basis``.

    Raises
    ------
    InputError
        A column is missing or rows cannot be used.

    References
    ----------
    .. [1] R. S. Kaplan and V. G. Narayanan, "Measuring and Managing Customer Profitability",
       Journal of Cost Management 15 (2001), 5-15.

    Examples
    --------
    >>> import pandas as pd
    >>> sold = pd.DataFrame({"customer_id": list("abc"), "amount": [100.0, 50.0, 40.0],
    ...                      "cost": [60.0, 30.0, 60.0]})
    >>> whale_curve(sold)[["customer_id", "profit", "cumulative_share"]]
      customer_id  profit  cumulative_share
    0           a    40.0               1.0
    1           b    20.0               1.5
    2           c   -20.0               1.0
    """
    own = ("rank", "amount", "profit", "customers_share", "cumulative", "cumulative_share")
    refuse_names([customer], own, caller="whale_curve", option="customer")
    one_currency(transactions, (customer,), caller="whale_curve", arg="transactions")
    rows = take(
        transactions,
        caller="whale_curve",
        arg="transactions",
        invalid=invalid,
        customer=Key(customer),
        amount=Amount(amount),
        cost=Amount("cost" if cost is None else cost, optional=cost is None),
    )
    keys = rows.keys("customer")
    n = len(keys)
    amounts = added_up(keys.codes, rows["amount"], n, caller="whale_curve")
    costs = (
        added_up(keys.codes, rows["cost"], n, caller="whale_curve")
        if "cost" in rows
        else np.zeros(n)
    )
    profit = np.round(amounts - costs, 6)
    order = np.argsort(-profit, kind="stable")
    cumulative = np.round(np.cumsum(profit[order]), 6)
    total = cumulative[-1]
    share = cumulative / total if total > 0 else np.full(n, np.nan)
    out = pd.DataFrame({"rank": np.arange(1, n + 1)})
    out[customer] = keys.labels[customer].iloc[order].reset_index(drop=True)
    out["amount"] = amounts[order]
    out["profit"] = profit[order]
    out["customers_share"] = np.arange(1, n + 1) / n
    out["cumulative"] = cumulative
    out["cumulative_share"] = share
    top = int(np.argmax(cumulative))
    out.attrs["gini"] = _gini(amounts)
    out.attrs["peak"] = float(share[top])
    out.attrs["peak_customers"] = (top + 1) / n
    out.attrs["basis"] = "profit" if "cost" in rows else "amount"
    return out


def _gini(values: np.ndarray) -> float:
    """Gini coefficient of amounts; negative ones count as zero, missing if all are zero."""
    x = np.sort(np.maximum(values, 0.0))
    if x.sum() == 0:
        return float("nan")
    n = len(x)
    return float((2 * np.arange(1, n + 1) - n - 1) @ x / (n * x.sum()))
