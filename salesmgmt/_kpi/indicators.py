"""The measures a sales organisation runs on, by key and period, and what each one means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    check_names,
    factorise,
    one_currency,
    refuse_names,
    resolve_as_of,
    stack_keys,
    take,
    warn,
)
from ..engine.grouping import distinct
from ..engine.periods import (
    fiscal_year,
    period_end,
    period_of,
    period_start,
    week_anchor,
    whole_periods,
)
from ..engine.sums import group_sums
from ..errors import InputError
from .dictionary import DICTIONARY
from .extras import Extra, extra_metrics, ratio, take_extra

__all__ = ["DICTIONARY", "indicators"]

_YEAR = {"W": 52, "M": 12, "Q": 4, "Y": 1}


@dataclass(frozen=True)
class _Grid:
    """Cells of key × period: every key in every period between the first and the last."""

    labels: pd.DataFrame
    periods: np.ndarray
    starts: np.ndarray
    freq: str
    year_start: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.labels), len(self.periods)

    @property
    def cells(self) -> int:
        return len(self.labels) * len(self.periods)


def indicators(
    transactions: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    freq: str = "M",
    deals: pd.DataFrame | None = None,
    activities: pd.DataFrame | None = None,
    surveys: pd.DataFrame | None = None,
    expenses: pd.DataFrame | None = None,
    market: pd.DataFrame | None = None,
    payments: pd.DataFrame | None = None,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    order: str | None = None,
    product: str = "product",
    quantity: str = "quantity",
    cost: str = "cost",
    discount: str = "discount",
    rep: str = "rep",
    as_of: object = None,
    inactive: int = 365,
    year_start: int = 1,
    shape: str = "long",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Sales indicators by key and period.

    Parameters
    ----------
    transactions : DataFrame
        One row a sales line: customer, date, amount; with the columns ``order``, ``product``,
        ``quantity``, ``cost``, ``discount`` more indicators are given. Not modified.
    by : str or sequence of str, optional
        Key columns (``"rep"``, ``["region", "channel"]``); None: the company.
    freq : {"D", "W", "M", "Q", "Y"}, default="M"
        Length of a period. Weeks start on the weekday the data starts them on.
    deals, activities, surveys, expenses, market, payments : DataFrame, optional
        Further tables, with canonical columns and those of ``by`` (a deal's ``owner`` stands for
        ``rep``); each adds its indicators. Rows outside the periods of the sales are left aside.
        deals: ``status``, ``amount``, ``created_at``, ``close_date``; activities: ``date``,
        ``type``; surveys: ``date``, ``csat`` (1 to 5), ``nps`` (0 to 10); expenses, payments,
        market: ``date``, ``amount``. Amounts of several currencies (a column ``currency``), or of
        another than the sales, are never added or compared: their indicators are NaN until they
        are converted into that of the sales.
    customer, date, amount, order, product, quantity, cost, discount, rep : str
        Column names of the sales; one that is named and not there is refused. ``order`` None:
        ``order_id`` if there is one, else every row is an order.
    as_of : date, optional
        Later rows are left aside; None: the last date in the data.
    inactive : int, default=365
        A customer who buys after more than so many days without a purchase is reactivated.
    year_start : int, default=1
        First month of the fiscal year (quarters, years, year to date).
    shape : {"long", "wide"}, default="long"
        One row a metric, or one column a metric.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        Keys, ``date`` (period start), ``metric``, ``value``, ``as_of``; every key in every period
        from the first to the last. Sums and counts are 0 where nothing was sold, rates NaN where
        their denominator is zero. What each metric means stands in :data:`DICTIONARY`.

    Raises
    ------
    InputError
        A column is missing or holds what it must not, the sales are in several currencies, or an
        option is unknown.

    Notes
    -----
    A last period that is not over at ``as_of`` is told of: its values are those to date, while
    growth compares it with whole periods. Dates that all lie on first or last days of periods stand
    for whole ones.

    Negative amounts are returns: they lower the revenue, and are no orders. A customer is new
    to the company once, in the key where the first purchase was made, so that keys add up. With
    a key ``currency`` a share of the total is that of the revenue in its currency.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": [100.0, 50.0, 75.0],
    ...                       "date": pd.to_datetime(["2025-01-05", "2025-01-09", "2025-02-28"])})
    >>> indicators(sales, shape="wide")[["date", "revenue", "customers", "new_customers"]]
            date  revenue  customers  new_customers
    0 2025-01-01    150.0        2.0            2.0
    1 2025-02-01     75.0        1.0            0.0
    """
    caller = "indicators"
    check_freq(freq, caller=caller, choices=("D", "W", "M", "Q", "Y"))
    check_choice(shape, "shape", ("long", "wide"), caller=caller)
    own = ("date", "metric", "value", "as_of")
    if shape == "wide":
        own = ("date", "as_of", *DICTIONARY["name"])
    refuse_names(check_names(by, "by", caller=caller), own, caller=caller, option="by")
    check_column(order, "order", caller=caller)
    check_int(inactive, "inactive", caller=caller, low=1)
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    names = check_names(by, "by", caller=caller)
    one_currency(transactions, names, caller=caller, arg="transactions")
    rows = take(
        transactions,
        caller=caller,
        arg="transactions",
        invalid=invalid,
        by=by,
        customer=Key(customer),
        date=Date(date),
        amount=Amount(amount),
        order=Key(order or "order_id", optional=order is None, missing="allow"),
        product=Key(product, optional=product == "product", missing="allow"),
        quantity=Amount(quantity, optional=quantity == "quantity", missing="allow"),
        cost=Amount(cost, optional=cost == "cost", missing="allow"),
        discount=Amount(discount, optional=discount == "discount", missing="allow"),
        rep=Key(rep, optional=rep == "rep", missing="allow"),
    )
    given = {
        "deals": deals,
        "activities": activities,
        "surveys": surveys,
        "expenses": expenses,
        "payments": payments,
        "market": market,
    }
    extras = [
        take_extra(name, frame, names, invalid=invalid, caller=caller)
        for name, frame in given.items()
        if frame is not None
    ]
    if "currency" in rows.frame.columns and "currency" not in names:
        for extra in extras:
            extra.money_of_sales = frozenset(map(str, rows.frame["currency"].dropna()))
    until = resolve_as_of(as_of, rows.days("date"), caller=caller)
    sales = _Sales.of(rows, until, freq, year_start, names, extras)
    values = _sales_metrics(sales, inactive)
    for extra in extras:
        values |= extra_metrics(extra, sales.grid.cells, values["revenue"], values["new_customers"])
    return _frame(sales.grid, values, until, shape)


@dataclass(frozen=True)
class _Sales:
    """Rows up to ``as_of`` as arrays, and the cell each lies in."""

    grid: _Grid
    cell: np.ndarray
    day: np.ndarray
    period: np.ndarray
    amount: np.ndarray
    customer: np.ndarray
    order: np.ndarray
    product: np.ndarray | None
    quantity: np.ndarray | None
    cost: np.ndarray | None
    discount: np.ndarray | None
    rep: np.ndarray | None

    @staticmethod
    def of(
        rows: Rows,
        until: pd.Timestamp,
        freq: str,
        year_start: int,
        by: list[str],
        extras: list[Extra],
    ) -> _Sales:
        days = rows.days("date")
        keep = days <= until.to_datetime64().astype("datetime64[D]").astype(np.int64)
        if not keep.any():
            raise InputError(
                f"indicators(): no row of transactions is dated up to {until:%Y-%m-%d}."
            )
        days = days[keep]
        week = week_anchor(days) if freq == "W" else 0
        period = period_of(days, freq, week_start=week, year_start=year_start)
        last = until.to_datetime64().astype("datetime64[D]")
        labels, (codes, *coded) = _common_keys(rows, by, extras, keep, last)
        span = np.arange(period.min(), period.max() + 1)
        starts = period_start(span, freq, week_start=week, year_start=year_start)
        _tell_of_running(days, last, freq, starts[-1], week, year_start)
        grid = _Grid(labels, span, starts, freq, year_start)
        for extra, code in zip(extras, coded, strict=True):
            extra.cell = _cells(extra, code, grid, week, last)

        def numbers(option: str) -> np.ndarray | None:
            return rows[option][keep] if option in rows else None

        order = rows.keys("order").codes[keep] if "order" in rows else np.arange(len(days))
        return _Sales(
            grid,
            codes * len(span) + period - span[0],
            days,
            period,
            rows["amount"][keep],
            rows.keys("customer").codes[keep],
            np.where(order >= 0, order, order.max(initial=0) + 1 + np.arange(len(days))),
            rows.keys("product").codes[keep] if "product" in rows else None,
            numbers("quantity"),
            numbers("cost"),
            numbers("discount"),
            rows.keys("rep").codes[keep] if "rep" in rows else None,
        )

    def sum(self, values: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
        """Sum by cell; the order of rows is no matter."""
        cell = self.cell if where is None else self.cell[where]
        part = values if where is None else values[where]
        return group_sums(cell, part, self.grid.cells)

    def distinct(self, ids: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Number of distinct ids by cell."""
        return np.bincount(self.pairs(ids, where)[0], minlength=self.grid.cells).astype(np.float64)

    def pairs(self, ids: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The distinct (cell, id) that occur."""
        width = int(ids.max(initial=0)) + 1
        seen = distinct(self.cell[where] * width + ids[where])
        return seen // width, seen % width


def _tell_of_running(
    days: np.ndarray, last: np.datetime64, freq: str, start: int, week: int, year_start: int
) -> None:
    """A period that is not over, beside whole ones that its growth compares it with."""
    options: dict[str, int] = {"week_start": week, "year_start": year_start}
    if days.min() >= start or whole_periods(days, freq, **options):
        return
    known = last.astype("datetime64[D]").astype(np.int64)
    if freq in ("Q", "Y") and whole_periods(days, "M"):  # a row stands for its month
        known = period_end(period_of(days.max(keepdims=True), "M"), "M")[0]
    end = period_end(period_of(np.array([start]), freq, **options), freq, **options)[0]
    if end > known:
        begun, over = np.array([start, end]).astype("datetime64[D]")
        warn(
            f"indicators(): the last period ({begun} to {over}) is not over at {last}: its sums "
            "are those to date, and its growth compares them with whole periods. If the data do "
            "reach to its end, say so with as_of=."
        )


def _common_keys(
    rows: Rows, by: list[str], extras: list[Extra], keep: np.ndarray, last: np.datetime64
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Labels of the keys of all tables that are known on the last day, and each table's codes
    into them: of the sales that are kept, and of all rows of the others (-1: not known yet)."""
    known = [keep, *(_known(e, last) for e in extras)]
    if not by:
        none = [np.zeros(len(k), dtype=np.int64) for k in known[1:]]
        return pd.DataFrame(index=range(1)), [np.zeros(int(keep.sum()), dtype=np.int64), *none]
    frames = [rows.frame[by].reset_index(drop=True), *(e.keys for e in extras)]
    frames = [f[k] for f, k in zip(frames, known, strict=True)]
    args = ("transactions", *(e.name for e in extras))
    both = stack_keys(frames, by, caller=rows.caller, args=args) if extras else frames[0]
    key = factorise(both, by)
    codes, *others = np.split(key.codes, np.cumsum([len(f) for f in frames])[:-1])
    full = [np.full(len(k), -1) for k in known[1:]]
    for out, there, part in zip(full, known[1:], others, strict=True):
        out[there] = part
    return key.labels, [codes, *full]


def _known(extra: Extra, last: np.datetime64) -> np.ndarray:
    """Rows of a further table that are known on the last day (open deals by their creation)."""
    when = extra.rows["date"]
    if "created" in extra.rows:
        when = extra.rows["created"]
    return when.astype("datetime64[D]") <= last


def _cells(
    extra: Extra, codes: np.ndarray, grid: _Grid, week: int, last: np.datetime64
) -> np.ndarray:
    """Cell of each row of a further table; -1 for rows outside the grid or after ``as_of``."""
    when = extra.rows["date"].astype("datetime64[D]")
    inside = ~np.isnat(when) & (when <= last)
    days = np.where(inside, when, last).astype(np.int64)
    period = period_of(days, grid.freq, week_start=week, year_start=grid.year_start)
    at = period - grid.periods[0]
    inside &= (at >= 0) & (at < len(grid.periods))
    return np.where(inside, codes * len(grid.periods) + at, -1)


def _sales_metrics(s: _Sales, inactive: int) -> dict[str, np.ndarray]:
    sold = s.amount > 0
    revenue = s.sum(s.amount)
    orders = s.distinct(s.order, sold)
    out = {"revenue": revenue, **_growth(revenue, s.grid), "orders": orders}
    out |= _customers(s, sold, inactive)
    out["average_order_value"] = ratio(revenue, orders)
    if s.discount is not None:
        known = ~np.isnan(s.discount)
        given = s.sum(s.discount, known)
        out["discount_rate"] = ratio(given, given + s.sum(s.amount, known))
    if s.cost is not None:
        known = ~np.isnan(s.cost)
        taken = s.sum(s.amount, known)
        out["gross_profit"] = taken - s.sum(s.cost, known)
        out["gross_margin"] = ratio(out["gross_profit"], taken)
    out["return_rate"] = ratio(0.0 - s.sum(s.amount, s.amount < 0), s.sum(s.amount, sold))
    if s.rep is not None:
        heads = s.distinct(np.maximum(s.rep, 0), sold & (s.rep >= 0))
        out["revenue_per_head"] = ratio(revenue, heads)
    out["share_of_total"] = ratio(revenue, _company(revenue, s.grid))
    if s.product is not None and s.quantity is not None and s.grid.freq in _YEAR:
        out["price_index"] = _price_index(s)
    return out


def _company(revenue: np.ndarray, grid: _Grid) -> np.ndarray:
    """Revenue of all keys by cell; currencies are never added: that of the key's own."""
    own = np.zeros(len(grid.labels), dtype=np.int64)
    if "currency" in grid.labels:
        own = factorise(grid.labels, ["currency"]).codes
    total = np.zeros((int(own.max(initial=0)) + 1, len(grid.periods)))
    np.add.at(total, own, revenue.reshape(grid.shape))
    return total[own].reshape(-1)


def _growth(revenue: np.ndarray, grid: _Grid) -> dict[str, np.ndarray]:
    table = revenue.reshape(grid.shape)
    firsts = grid.starts.astype("datetime64[D]")
    year = fiscal_year(firsts.astype(np.int64), year_start=grid.year_start)
    to_date = np.empty_like(table)
    for y in np.unique(year):
        to_date[:, year == y] = np.cumsum(table[:, year == y], axis=1)
    lag = _YEAR.get(grid.freq)
    out = {"growth_mom": _change(table, 1), "revenue_ytd": to_date}
    if lag is not None:
        # The year so far against the same periods a year before: weeks are 52 back, which is
        # not the same number of weeks into its year where a year has 53 of them.
        before = np.full(table.shape, np.nan)
        for y in np.unique(year):
            at = np.flatnonzero(year == y)
            if at[0] >= lag:  # the year before is there from its start
                before[:, at] = np.cumsum(table[:, at - lag], axis=1)
        out |= {"growth_yoy": _change(table, lag), "growth_ytd": ratio(to_date, before) - 1}
    return {k: v.reshape(-1) for k, v in out.items()}


def _change(table: np.ndarray, lag: int) -> np.ndarray:
    out = np.full(table.shape, np.nan)
    if table.shape[1] > lag:
        out[:, lag:] = ratio(table[:, lag:], table[:, :-lag]) - 1
    return out


def _customers(s: _Sales, sold: np.ndarray, inactive: int) -> dict[str, np.ndarray]:
    cell, buyer = s.pairs(s.customer, sold)
    n = s.grid.cells
    count = np.bincount(cell, minlength=n).astype(np.float64)
    order = np.lexsort((s.cell[sold], s.day[sold], s.customer[sold]))
    who, day, where = (v[sold][order] for v in (s.customer, s.day, s.cell))
    # A table of returns alone has no sale: both stay as empty as ``who``.
    same = np.r_[False, who[1:] == who[:-1]][: len(who)]
    gap = np.r_[0, np.diff(day)][: len(who)]
    fresh = ~same
    back = same & (gap > inactive)
    first = np.full(int(s.customer.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, s.customer[sold], s.period[sold])
    before = first[buyer] < s.grid.periods[cell % len(s.grid.periods)]
    # One row a (cell, customer, order); then how many orders each (cell, customer) has.
    width = int(s.customer.max(initial=0)) + 1
    again = distinct(where[back] * width + who[back]) // width  # once, after however many pauses
    own = np.searchsorted(cell * width + buyer, s.cell[sold] * width + s.customer[sold])
    each = distinct(own * (int(s.order.max(initial=0)) + 1) + s.order[sold])
    times = np.bincount(each // (int(s.order.max(initial=0)) + 1), minlength=len(cell))
    twice = np.bincount(cell[times > 1], minlength=n)
    return {
        "customers": count,
        "new_customers": np.bincount(where[fresh], minlength=n).astype(np.float64),
        "reactivated_customers": np.bincount(again, minlength=n).astype(np.float64),
        "repeat_rate": ratio(twice.astype(np.float64), count),
        "returning_share": ratio(np.bincount(cell[before], minlength=n).astype(float), count),
    }


def _price_index(s: _Sales) -> np.ndarray:
    """Paasche index of unit values against a year before, over products sold both times."""
    assert s.product is not None
    assert s.quantity is not None
    fine = (s.amount > 0) & (s.quantity > 0) & (s.product >= 0)
    width = int(s.product.max(initial=0)) + 1
    at, inverse = np.unique(s.cell[fine] * width + s.product[fine], return_inverse=True)
    value = group_sums(inverse, s.amount[fine], len(at))
    units = group_sums(inverse, s.quantity[fine], len(at))
    lag = _YEAR[s.grid.freq]
    cell, span = at // width, len(s.grid.periods)
    year_ago = np.searchsorted(at, at - lag * width)
    year_ago = np.minimum(year_ago, len(at) - 1)
    both = (at[year_ago] == at - lag * width) & (cell % span >= lag)
    then = value[year_ago] / units[year_ago] * units
    now, base = (group_sums(cell[both], v[both], s.grid.cells) for v in (value, then))
    return ratio(now, base)


def _frame(
    grid: _Grid, values: dict[str, np.ndarray], until: pd.Timestamp, shape: str
) -> pd.DataFrame:
    k, p = grid.shape
    wide = grid.labels.loc[np.repeat(np.arange(k), p)].reset_index(drop=True)
    dates = pd.to_datetime(grid.starts.astype("datetime64[D]").astype("datetime64[s]"))
    wide["date"] = np.tile(dates.to_numpy(), k)
    names = [m for m in DICTIONARY["name"] if m in values]
    if shape == "wide":
        for name in names:
            wide[name] = values[name]
        wide["as_of"] = until
        return wide
    long = wide.loc[np.repeat(np.arange(len(wide)), len(names))].reset_index(drop=True)
    long["metric"] = np.tile(np.array(names, dtype=object), len(wide))
    long["metric"] = long["metric"].astype("str")
    long["value"] = np.column_stack([values[m] for m in names]).reshape(-1)
    long["as_of"] = until
    return long
