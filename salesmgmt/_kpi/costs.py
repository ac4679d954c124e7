"""What sales cost: to serve, to win a customer, to break even."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_choice,
    check_column,
    check_freq,
    check_int,
    check_labels,
    check_names,
    check_number,
    factorise,
    money,
    one_currency,
    refuse_names,
    same_currency,
    stack_keys,
    take,
    to_pandas,
    warn,
)
from ..engine.periods import period_of, period_start, week_anchor
from ..engine.sums import group_sums
from ..engine.tiers import cumulative_parts
from ..errors import InputError
from .sums import whole_sums

__all__ = ["acquisition_cost", "break_even", "cost_to_serve"]

#: Columns of results: no key may have their names.
_SERVED = (
    "revenue",
    "gross_profit",
    "direct",
    "shared",
    "cost_to_serve",
    "contribution",
    "cost_rate",
    "contribution_rate",
)
_ACQUIRED = ("date", "expenses", "new_customers", "cost", "first_amount", "ratio")


def cost_to_serve(
    transactions: pd.DataFrame,
    expenses: pd.DataFrame,
    *,
    by: str | Sequence[str],
    amount: str = "amount",
    cost: str = "cost",
    expense: str = "amount",
    share: str = "revenue",
    step: float = 0.01,
    invalid: str = "raise",
) -> pd.DataFrame:
    """What is left of each key's sales after what it took to make them.

    Parameters
    ----------
    transactions : DataFrame
        Sales lines: ``by`` columns, amount, and ``cost`` if known. Not modified.
    expenses : DataFrame
        Expenses: amount, and those ``by`` columns it is booked by. A row that names no key, or
        one without sales, is shared among all keys; one that names part of it (its region, not
        its channel) among the keys of that part. With a key ``currency`` each stays among the
        keys of its own.
    by : str or sequence of str
        Key columns (``"rep"``, ``["region", "channel"]``).
    amount, cost : str
        Columns of the transactions.
    expense : str, default="amount"
        Column of the expenses.
    share : {"revenue", "gross_profit", "equal"}, default="revenue"
        How expenses without a key are shared; negative weights count as zero.
    step : float, default=0.01
        Smallest unit of money; shared expenses add up exactly.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        Keys, ``revenue``, ``gross_profit`` (revenue where no cost is known), ``direct``,
        ``shared``, ``cost_to_serve``, ``contribution`` (gross profit less it), ``cost_rate`` and
        ``contribution_rate`` (of revenue). Keys ascending.

    Raises
    ------
    InputError
        A column is missing or holds no numbers, or expenses are in no currency of the sales.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"region": ["N", "S"], "amount": [300.0, 100.0]})
    >>> spent = pd.DataFrame({"region": ["N", None], "amount": [20.0, 40.0]})
    >>> cost_to_serve(sales, spent, by="region")[["region", "direct", "shared", "contribution"]]
      region  direct  shared  contribution
    0      N    20.0    30.0         250.0
    1      S     0.0    10.0          90.0
    """
    caller = "cost_to_serve"
    check_choice(share, "share", ("revenue", "gross_profit", "equal"), caller=caller)
    names = check_names(by, "by", caller=caller)
    refuse_names(names, _SERVED, caller=caller, option="by")
    if not names:
        raise InputError(f"{caller}(): by must name a column.")
    sales, spent = _booked(
        transactions, expenses, names, amount, cost, expense, invalid, caller=caller
    )
    args = ("transactions", "expenses")
    both = stack_keys([sales.frame, spent.frame], names, caller=caller, args=args)
    every = factorise(both, names)
    cut = len(sales)
    sold = np.bincount(every.codes[:cut], minlength=len(every)) > 0
    place = np.cumsum(sold) - 1
    codes = place[every.codes[:cut]]
    count = int(sold.sum())
    revenue = whole_sums(codes, sales["amount"], count, step, name=amount, caller=caller)
    charge = np.nan_to_num(sales["cost"]) if "cost" in sales else np.zeros(cut)
    profit = revenue - whole_sums(codes, charge, count, step, name=cost, caller=caller)
    own = every.codes[cut:]
    known = (own >= 0) & sold[np.maximum(own, 0)]
    paid = spent["amount"]
    direct = whole_sums(place[own[known]], paid[known], count, step, name=expense, caller=caller)
    weight = {"revenue": revenue, "gross_profit": profit, "equal": np.ones_like(revenue)}[share]
    part = np.column_stack([factorise(both, [n]).codes for n in names])
    of_key = np.empty((len(revenue), len(names)), dtype=np.int64)
    of_key[codes] = part[:cut]
    apart = _currency_apart(both, cut, names, caller=caller)
    seen, at = np.unique(part[cut:][~known], axis=0, return_inverse=True)
    at = at.reshape(-1)
    pools = whole_sums(at, paid[~known], len(seen), step, name=expense, caller=caller)
    shared = _shared(seen, of_key, pools, np.maximum(weight, 0), apart)
    first = np.unique(codes, return_index=True)[1]
    out = sales.frame[names].iloc[first].reset_index(drop=True)
    return _served(out, revenue, profit, direct, shared, step)


def _booked(
    transactions: Any,
    expenses: Any,
    names: list[str],
    amount: str,
    cost: str,
    expense: str,
    invalid: str,
    *,
    caller: str,
) -> tuple[Rows, Rows]:
    """Sales and expenses, checked; expenses have no key where they are not booked by a column."""
    spent = to_pandas(expenses, caller=caller, arg="expenses")
    for arg, frame in (("transactions", transactions), ("expenses", spent)):
        one_currency(frame, names, caller=caller, arg=arg)
    same_currency({"transactions": transactions, "expenses": spent}, names, caller=caller)
    apart = [n for n in names if n not in spent.columns]
    spent = pd.concat([spent, pd.DataFrame(index=spent.index, columns=apart, dtype=object)], axis=1)
    sales = take(
        transactions, caller=caller, arg="transactions", invalid=invalid, by=names,
        amount=Amount(amount), cost=Amount(cost, optional=cost == "cost", missing="allow"),
    )  # fmt: skip
    booked: dict[str, Any] = {f"by{i}": Key(n, missing="allow") for i, n in enumerate(names)}
    return sales, take(spent, caller=caller, arg="expenses", invalid=invalid,
                       amount=Amount(expense, option="expense"), **booked)  # fmt: skip


def _currency_apart(both: pd.DataFrame, cut: int, names: list[str], *, caller: str) -> int | None:
    """Place of the key ``currency`` where sales are in several, which expenses must name."""
    if "currency" not in names:
        return None
    have = set(both["currency"].iloc[:cut])
    told = both["currency"].iloc[cut:]
    lost = told.isna() if len(have) > 1 else told.isna() & False
    lost |= told.notna() & ~told.isin(have)
    if lost.any():
        first = told[lost].iloc[0]
        raise InputError(
            f"{caller}(): {int(lost.sum())} expense(s) are in no currency of the sales "
            f"({', '.join(sorted(map(str, have))[:5])}; first: "
            f"{'none' if pd.isna(first) else repr(str(first))}), so nobody can bear them; convert "
            "them, and name their currency."
        )
    return names.index("currency") if len(have) > 1 else None


def _shared(
    seen: np.ndarray,
    of_key: np.ndarray,
    pools: np.ndarray,
    weight: np.ndarray,
    apart: int | None = None,
) -> Any:
    """Expenses without a key of their own, among the keys that have the part they name.

    ``seen`` and ``of_key`` hold a code a key column, -1 where an expense has none; ``pools`` what
    was spent by row of ``seen``, in whole steps; of the column
    ``apart`` nothing goes to a key with another code.
    """
    out = np.zeros(len(weight), dtype=np.int64)
    everyone: dict[int, int] = {}
    for codes, whole in zip(seen, pools, strict=True):
        fits = ((of_key == codes) | (codes < 0)).all(axis=1)
        if (codes >= 0).any() and fits.any():
            out[fits] += _share(int(whole), weight[fits])
        else:
            own = -1 if apart is None else int(codes[apart])
            everyone[own] = everyone.get(own, 0) + int(whole)
    for own, due in everyone.items():
        fits = np.ones(len(weight), dtype=bool) if own < 0 else of_key[:, apart] == own
        out[fits] += _share(due, weight[fits])
    return out


def _served(
    out: pd.DataFrame,
    revenue: np.ndarray,
    profit: np.ndarray,
    direct: np.ndarray,
    shared: np.ndarray,
    step: float,
) -> pd.DataFrame:
    total = direct + shared
    for name, column in (
        ("revenue", revenue), ("gross_profit", profit), ("direct", direct), ("shared", shared),
        ("cost_to_serve", total), ("contribution", profit - total),
    ):  # fmt: skip
        out[name] = money(column, step)
    with np.errstate(divide="ignore", invalid="ignore"):
        safe = np.where(revenue > 0, revenue, np.nan)
        out["cost_rate"], out["contribution_rate"] = total / safe, (profit - total) / safe
    return out


def _share(whole: int, weight: np.ndarray) -> np.ndarray:
    """``whole`` by weight, adding up to it; all the same where nothing weighs."""
    if not weight.any():
        weight = np.ones_like(weight)
    n = len(weight)
    total = np.full(n, weight.sum())
    return cumulative_parts(np.full(n, whole), weight, total, np.zeros(1, dtype=np.int64))


def acquisition_cost(
    transactions: pd.DataFrame,
    expenses: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    freq: str = "M",
    categories: Sequence[str] | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    category: str = "category",
    expense: str | None = None,
    year_start: int = 1,
    invalid: str = "raise",
) -> pd.DataFrame:
    """What a new customer costs, and how soon the sales to them pay for it.

    Parameters
    ----------
    transactions : DataFrame
        Sales: customer, date, amount (``cost`` if known). Not modified.
    expenses : DataFrame
        Expenses: date, amount, ``category``.
    by : str or sequence of str, optional
        Key columns of both frames. A customer is new where the first purchase was made.
    freq : {"W", "M", "Q", "Y"}, default="M"
        Length of a period. Weeks start on the weekday the sales start them on.
    categories : sequence of str, optional
        Expenses that win customers (``["travel", "marketing"]``); None: all, which is said in a
        ``DataWarning`` where the expenses have categories.
    customer, date, amount, category : str
        Column names of both frames.
    expense : str, optional
        Column of the expenses' amounts; None: named as ``amount``.
    year_start : int, default=1
        First month of the fiscal year.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        Keys, ``date`` (period start), ``expenses``, ``new_customers``, ``cost`` (of one; NaN
        without any), ``first_amount`` (mean amount of the new customers in their first period),
        ``ratio`` (first amount over cost). Every key in every period from first to last.

    Raises
    ------
    InputError
        A column is missing, or a category is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"customer_id": ["a", "b"], "date": ["2025-01-02", "2025-01-20"],
    ...                       "amount": [500.0, 300.0]})
    >>> spent = pd.DataFrame({"date": ["2025-01-31"], "amount": [100.0]})
    >>> acquisition_cost(sales, spent)[["expenses", "new_customers", "cost", "ratio"]]
       expenses  new_customers  cost  ratio
    0     100.0              2  50.0    8.0
    """
    caller = "acquisition_cost"
    check_freq(freq, caller=caller, choices=("W", "M", "Q", "Y"))
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    names = check_names(by, "by", caller=caller)
    refuse_names(names, _ACQUIRED, caller=caller, option="by")
    check_column(expense, "expense", caller=caller)
    for arg, frame in (("transactions", transactions), ("expenses", expenses)):
        one_currency(frame, names, caller=caller, arg=arg)
    same_currency({"transactions": transactions, "expenses": expenses}, names, caller=caller)
    sales = take(transactions, caller=caller, arg="transactions", invalid=invalid, by=names,
                 customer=Key(customer), date=Date(date), amount=Amount(amount))  # fmt: skip
    unnamed = categories is None and category == "category"
    spent = take(expenses, caller=caller, arg="expenses", invalid=invalid, by=names,
                 date=Date(date), amount=Amount(expense or amount, option="expense"),
                 category=Key(category, optional=unnamed))  # fmt: skip
    chosen = _chosen(spent, categories, category, caller=caller)
    frames = [sales.frame[names], spent.frame[names]]
    if names:
        args = ("transactions", "expenses")
        key = factorise(stack_keys(frames, names, caller=caller, args=args), names)
        labels, own, paid = key.labels, key.codes[: len(sales)], key.codes[len(sales) :]
    else:
        labels = pd.DataFrame(index=range(1))
        own, paid = (np.zeros(len(f), dtype=np.int64) for f in frames)
    week = week_anchor(sales.days("date")) if freq == "W" else 0
    at, then = (
        period_of(r.days("date"), freq, week_start=week, year_start=year_start)
        for r in (sales, spent)
    )
    first, last = min(at.min(), then.min()), max(at.max(), then.max())
    span = int(last - first) + 1
    cells = len(labels) * span
    cost = group_sums((paid * span + then - first)[chosen], spent["amount"][chosen], cells)
    count, worth = _new_customers(sales, own * span + at - first, cells)
    out = labels.loc[np.repeat(np.arange(len(labels)), span)].reset_index(drop=True)
    starts = period_start(np.arange(first, last + 1), freq, week_start=week, year_start=year_start)
    dates = pd.to_datetime(starts.astype("datetime64[D]").astype("datetime64[s]")).to_numpy()
    out["date"] = np.tile(dates, len(labels))
    out["expenses"], out["new_customers"] = cost, count
    some = np.where(count > 0, count, np.nan)
    out["cost"], out["first_amount"] = cost / some, worth / some
    out["ratio"] = out["first_amount"] / out["cost"].where(out["cost"] > 0)
    return out


def _chosen(spent: Any, categories: Any, column: str, *, caller: str) -> np.ndarray:
    if categories is None:
        if "category" in spent:
            warn(
                f"{caller}(): all expenses are counted; name those that win customers with "
                "categories=."
            )
        return np.ones(len(spent), dtype=bool)
    have = spent.series("category")
    wanted = check_labels(categories, "categories", caller=caller)
    lost = [c for c in wanted if not (have == c).any()]
    if lost:
        raise InputError(
            f"{caller}(): categories: {lost[0]!r} is not in column {column!r}; there are "
            f"{sorted(map(str, have.unique()))[:12]}."
        )
    return have.isin(wanted).to_numpy()


def _new_customers(sales: Any, cell: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """New customers by cell, and what they bought in their first period there."""
    who, day = sales.keys("customer").codes, sales.days("date")
    bought = np.flatnonzero(sales["amount"] > 0)
    order = bought[np.lexsort((cell[bought], day[bought], who[bought]))]
    fresh = order[np.r_[True, np.diff(who[order]) != 0]] if len(order) else order
    count = np.bincount(cell[fresh], minlength=cells)
    home = np.full(int(who.max(initial=0)) + 1, -1)
    home[who[fresh]] = cell[fresh]
    first = cell == home[who]
    return count, group_sums(cell[first], sales["amount"][first], cells)


def break_even(
    fixed_cost: float | pd.Series,
    *,
    price: float | pd.Series | None = None,
    unit_cost: float | pd.Series | None = None,
    margin: float | pd.Series | None = None,
    sales: float | pd.Series | None = None,
    profit: float | pd.Series = 0.0,
) -> pd.DataFrame:
    """Sales at which costs are met (or a profit is reached), and the margin of safety.

    Parameters
    ----------
    fixed_cost : float or Series
        Costs that do not depend on sales. Series, of this or of the others, give one row a label.
    price, unit_cost : float or Series, optional
        Of a unit; with a price units are given too.
    margin : float or Series, optional
        Contribution margin as a share of sales; in place of the unit cost.
    sales : float or Series, optional
        Actual or planned sales, for the margin of safety.
    profit : float or Series, default=0
        Profit to be reached.

    Returns
    -------
    DataFrame
        Index of the Series (else one row): ``fixed_cost``, ``margin`` (share), ``amount`` (sales
        needed), ``units`` (with a price; not rounded up), ``sales``, ``safety`` (sales - amount),
        ``safety_rate`` (of sales), ``leverage`` (contribution over profit at ``sales``). Sales
        that no volume makes enough (margin at or below zero) are infinite.

    Raises
    ------
    InputError
        Neither a margin nor price and unit cost are given, or a margin and a unit cost.

    References
    ----------
    .. [1] C. T. Horngren, S. M. Datar and M. V. Rajan, Cost Accounting, 13th ed., ch. 3.

    Examples
    --------
    >>> break_even(60_000, price=20, unit_cost=12, sales=200_000).iloc[0][
    ...     ["amount", "units", "safety"]].tolist()
    [150000.0, 7500.0, 50000.0]
    """
    caller = "break_even"
    if (margin is None) == (unit_cost is None) or (unit_cost is not None and price is None):
        raise InputError(f"{caller}(): give either margin, or price and unit_cost.")
    given: dict[str, Any] = {
        "fixed_cost": fixed_cost,
        "price": price,
        "unit_cost": unit_cost,
        "margin": margin,
        "sales": sales,
        "profit": profit,
    }
    lead = next((n for n, value in given.items() if isinstance(value, pd.Series)), "fixed_cost")
    index = given[lead].index if isinstance(given[lead], pd.Series) else pd.RangeIndex(1)

    def column(value: Any, name: str, low: float | None = None) -> np.ndarray:
        if isinstance(value, pd.Series):
            if name != lead:
                if not (value.index.is_unique and set(value.index) == set(index)):
                    raise InputError(f"{caller}(): {name} must have the labels of {lead}.")
                value = value.reindex(index)
            frame = value.rename(name).to_frame()
            return take(frame, caller=caller, arg=name, value=Amount(name, low=low))["value"]
        return np.full(len(index), check_number(value, name, caller=caller, low=low))

    fixed = column(fixed_cost, "fixed_cost", 0.0)
    unit = None if price is None else column(price, "price", 0.0)
    if margin is not None:
        share = column(margin, "margin")
        if (share > 1).any():
            raise InputError(
                f"{caller}(): margin is a share of sales, at most 1, got {share.max():g}; divide "
                "percentages by 100."
            )
    else:
        assert unit is not None
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(unit > 0, (unit - column(unit_cost, "unit_cost")) / unit, np.nan)
    need = fixed + column(profit, "profit")
    with np.errstate(divide="ignore", invalid="ignore"):
        amount = np.where(share > 0, need / share, np.inf)
        out = pd.DataFrame({"fixed_cost": fixed, "margin": share, "amount": amount}, index=index)
        if unit is not None:
            out["units"] = amount / unit
        if sales is not None:
            sold = column(sales, "sales", 0.0)
            out["sales"], out["safety"] = sold, sold - amount
            out["safety_rate"] = np.where(sold > 0, (sold - amount) / sold, np.nan)
            gain = sold * share - fixed
            out["leverage"] = np.where(gain > 0, sold * share / gain, np.nan)
    return out
