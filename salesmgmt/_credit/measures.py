"""How fast money comes in: DSO and its kin, collection, turnover, bad debts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from ..engine import periods
from ..errors import InputError
from .books import Options
from .flows import Flows, day_number, take_flows

__all__ = ["bad_debt_rate", "cei", "collection_rate", "delinquent_days", "dso", "turnover"]

Basis = Literal["gross", "net"]


def dso(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: Literal["simple", "countback", "best_possible", "sales_weighted"] = "simple",
    days: int = 90,
    by: Any = None,
    freq: str | None = None,
    window: int | Literal["M"] = 30,
    allocation: str = "specific_then_fifo",
    fx: Any = None,
    sales_basis: Basis = "gross",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Days sales outstanding, by the method named.

    Parameters
    ----------
    invoices, payments, adjustments : DataFrame
        As for :func:`ledger`, or a ledger in place of the first.
    as_of : date, optional
        End of the period; None: the last date in the data.
    method : {"simple", "countback", "best_possible", "sales_weighted"}
        ``simple``: receivables / sales of the last ``days`` days × ``days``. ``best_possible``:
        the same with what is not past due in place of all receivables. ``countback``: how many
        days of sales, latest first, make up the receivables. ``sales_weighted``: the sum over
        past windows of (still open of its sales / its sales) × its days.
    days : int, default=90
        Length of the sales period of ``simple`` and ``best_possible``; how far ``sales_weighted``
        looks back.
    by : str or list of str, optional
        Key columns; None: one row (a currency).
    freq : {"W", "M", "Q", "Y"}, optional
        One row a period end up to ``as_of``: the trend.
    window : int or "M", default=30
        Step of ``countback`` and ``sales_weighted``: days, or calendar months.
    allocation : str
        The ``method`` of :func:`ledger`; matters for what is past due.
    fx : mapping or DataFrame, optional
        As for :func:`ledger`.
    sales_basis : {"gross", "net"}
        Sales with the tax they were invoiced with, or without (column ``tax``): tax-inclusive
        receivables against tax-exclusive sales overstate days; the result says which.
    **options
        As for :func:`ledger`.

    Returns
    -------
    DataFrame
        Keys, ``receivables``, ``sales`` (of the period looked at), ``dso``, ``uncovered``
        (receivables that no sales were found for; ``countback`` only, else 0), ``sales_basis``,
        ``as_of``. NaN where there were no sales. Where the data begin later than ``days`` before a
        row's ``as_of``, its sales are fewer and its days more than they would have been.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    References
    ----------
    .. [1] Credit Research Foundation, "Calculating days sales outstanding".
    .. [2] Oracle, "JD Edwards EnterpriseOne accounts receivable", days sales outstanding.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import dso
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": "A", "amount": [60.0, 40.0],
    ...     "invoice_date": ["2025-01-10", "2025-03-10"],
    ...     "due_date": ["2025-02-10", "2025-04-10"]})
    >>> paid = pd.DataFrame({"payment_id": ["P"], "customer_id": ["A"],
    ...                      "date": ["2025-02-20"], "amount": [50.0]})
    >>> dso(invoices, paid, as_of="2025-03-31")[["receivables", "sales", "dso"]]
       receivables  sales   dso
    0         50.0  100.0  45.0
    """
    how: dict[str, Callable[[Flows, int], dict[str, Any]]] = {
        "simple": lambda f, day: _simple(f, day, days, f.balance(day)),
        "best_possible": lambda f, day: _simple(f, day, days, f.current(day)),
        "countback": lambda f, day: _countback(f, day, window),
        "sales_weighted": lambda f, day: _sales_weighted(f, day, days, window),
    }
    door.check_choice(method, "method", tuple(how), caller="dso")
    door.check_int(days, "days", caller="dso", low=1)
    if not (isinstance(window, str) and window == "M"):
        if isinstance(window, str):
            raise InputError(f"dso(): window must be a number of days or 'M', got {window!r}.")
        door.check_int(window, "window", caller="dso", low=1)
    with door.speaking_for("dso", method="allocation"):
        flows = take_flows(
            "dso", (invoices, payments, adjustments), as_of=as_of, method=allocation, fx=fx, by=by,
            sales_basis=sales_basis, options=options,
        )  # fmt: skip
    return _over_time(flows, freq, how[method])


def _over_time(
    flows: Flows, freq: str | None, measure: Callable[[Flows, int], dict[str, Any]]
) -> pd.DataFrame:
    parts = []
    for day in flows.moments(freq):
        columns = measure(flows, day)
        parts.append(flows.frame({**columns, "sales_basis": flows.basis}, day))
    return pd.concat(parts, ignore_index=True)


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1), np.nan)


def _simple(flows: Flows, day: int, days: int, receivables: np.ndarray) -> dict[str, Any]:
    sales = flows.sales(day - days, day)
    return {
        "receivables": flows.money(receivables),
        "sales": flows.money(sales),
        "dso": _ratio(receivables, sales) * days,
        "uncovered": 0.0,
    }


def _windows(flows: Flows, day: int, window: int | str) -> list[tuple[int, int]]:
    """Windows ``(after, until]`` from ``day`` back to the first document, latest first."""
    first = int(flows.books.documents.day.min(initial=day))
    out: list[tuple[int, int]] = []
    until = day
    while until >= first:
        if window == "M":
            month = periods.period_of(np.array([until]), "M")
            after = int(periods.period_start(month, "M")[0]) - 1
        else:
            after = until - int(window)
        out.append((after, until))
        until = after
    return out


def _countback(flows: Flows, day: int, window: int | str) -> dict[str, Any]:
    receivables = flows.balance(day)
    left = receivables.clip(0).astype(np.float64)
    passed, covered = np.zeros(len(left)), np.zeros(len(left))
    for after, until in _windows(flows, day, window):
        sales = flows.sales(after, until)
        share = np.where(sales > 0, np.minimum(left / np.where(sales > 0, sales, 1), 1.0), 1.0)
        share = np.where(left > 0, share, 0.0)
        passed += share * (until - after)
        # a window with more credit notes than invoices leaves more for the sales before it
        used = np.where(left > 0, np.minimum(left, sales), 0.0)
        covered += used
        left -= used
        if not left.any():
            break
    return {
        "receivables": flows.money(receivables),
        "sales": flows.money(covered),
        "dso": passed,
        "uncovered": flows.money(left),
    }


def _sales_weighted(flows: Flows, day: int, days: int, window: int | str) -> dict[str, Any]:
    total = np.zeros(len(flows.keys))
    sold = np.zeros(len(total), dtype=np.int64)
    for after, until in _windows(flows, day, window):
        if day - until >= days:
            break
        sales = flows.sales(after, until)
        still = flows.open_from(day, after, until)
        total += np.nan_to_num(_ratio(still, sales)) * (until - after)
        sold += sales
    return {
        "receivables": flows.money(flows.balance(day)),
        "sales": flows.money(sold),
        "dso": np.where(sold > 0, total, np.nan),
        "uncovered": 0.0,
    }


def delinquent_days(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    days: int = 90,
    by: Any = None,
    freq: str | None = None,
    sales_basis: Basis = "gross",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Average days delinquent: DSO less the best possible DSO.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    days, by, freq, sales_basis
        As for :func:`dso`.

    Returns
    -------
    DataFrame
        Keys, ``dso``, ``best_possible``, ``delinquent_days``, ``sales_basis``, ``as_of``.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    References
    ----------
    .. [1] Credit Research Foundation, "Average days delinquent".

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import delinquent_days
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": "A", "amount": [60.0, 40.0],
    ...     "invoice_date": ["2025-01-10", "2025-03-10"],
    ...     "due_date": ["2025-02-10", "2025-04-10"]})
    >>> delinquent_days(invoices, as_of="2025-03-31").iloc[0, :3].tolist()
    [90.0, 36.0, 54.0]
    """
    door.check_int(days, "days", caller="delinquent_days", low=1)
    flows = take_flows(
        "delinquent_days", (invoices, payments, adjustments), as_of=as_of, method=method, fx=fx,
        by=by, sales_basis=sales_basis, options=options,
    )  # fmt: skip

    def measure(f: Flows, day: int) -> dict[str, Any]:
        whole = _simple(f, day, days, f.balance(day))["dso"]
        best = _simple(f, day, days, f.current(day))["dso"]
        return {"dso": whole, "best_possible": best, "delinquent_days": whole - best}

    return _over_time(flows, freq, measure)


def _period(flows: Flows, start: Any, day: int, default: str) -> int:
    """The day before the period starts; by default the month or the year up to ``day``."""
    caller = flows.books.caller
    if start is not None:
        first = day_number(door.day(start, name="start", caller=caller))
        if first > day:
            raise InputError(f"{caller}(): start lies after as_of.")
        return first - 1
    if default == "M":
        return int(periods.period_start(periods.period_of(np.array([day]), "M"), "M")[0]) - 1
    return day_number(pd.Timestamp(np.datetime64(day, "D")) - pd.DateOffset(years=1))


def _periods(flows: Flows, start: Any, freq: str | None, default: str) -> list[tuple[int, int]]:
    """Periods ``(after, until]``: one from ``start``, or each of a frequency from there on."""
    if freq is None:
        return [(_period(flows, start, flows.books.today, default), flows.books.today)]
    ends = flows.moments(freq)
    first = int(periods.period_start(periods.period_of(np.array(ends[:1]), freq), freq)[0]) - 1
    spans = zip([first, *ends[:-1]], ends, strict=True)
    if start is None:
        return list(spans)
    before = _period(flows, start, flows.books.today, default)
    return [(max(after, before), until) for after, until in spans if until > before]


def cei(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    convention: Literal["period", "monthly"] = "period",
    start: Any = None,
    by: Any = None,
    freq: str | None = None,
    sales_basis: Basis = "gross",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Collection effectiveness index, in percent: of what could be collected, how much was.

    (opening + sales - closing) / (opening + sales - closing not past due) × 100.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    convention : {"period", "monthly"}
        ``period``: all sales of the period. ``monthly``: sales divided by the number of months
        in it, as the Credit Research Foundation writes it for periods of several months.
    start : date, optional
        First day of the period; None: of the month of ``as_of``.
    by, freq, sales_basis
        As for :func:`dso`; with ``freq`` one row a period, from ``start`` on if that is given.

    Returns
    -------
    DataFrame
        Keys, ``opening``, ``sales``, ``closing``, ``closing_current``, ``cei``,
        ``sales_basis``, ``as_of``.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    References
    ----------
    .. [1] Credit Research Foundation, "Collection effectiveness index".

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import cei
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": "A", "amount": [100.0, 100.0],
    ...     "invoice_date": ["2025-01-10", "2025-03-10"],
    ...     "due_date": ["2025-02-10", "2025-04-10"]})
    >>> paid = pd.DataFrame({"payment_id": ["P"], "customer_id": ["A"],
    ...                      "date": ["2025-03-20"], "amount": [80.0]})
    >>> float(cei(invoices, paid, as_of="2025-03-31")["cei"].iloc[0])
    80.0
    """
    door.check_choice(convention, "convention", ("period", "monthly"), caller="cei")
    flows = take_flows(
        "cei", (invoices, payments, adjustments), as_of=as_of, method=method, fx=fx, by=by,
        sales_basis=sales_basis, options=options,
    )  # fmt: skip
    parts = []
    for after, until in _periods(flows, start, freq, "M"):
        opening, closing = flows.balance(after), flows.balance(until)
        current, sales = flows.current(until), flows.sales(after, until)
        months = 1.0 if convention == "period" else max(1.0, round((until - after) / 30.4375))
        top, bottom = (opening + sales / months - end for end in (closing, current))
        columns = {
            "opening": flows.money(opening),
            "sales": flows.money(sales),
            "closing": flows.money(closing),
            "closing_current": flows.money(current),
            "cei": _ratio(top, bottom) * 100,
            "sales_basis": flows.basis,
        }
        parts.append(flows.frame(columns, until))
    return pd.concat(parts, ignore_index=True)


def collection_rate(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    convention: Literal["opening_and_sales", "sales"] = "opening_and_sales",
    start: Any = None,
    by: Any = None,
    freq: str | None = None,
    sales_basis: Basis = "gross",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Collection rate (回款率): money received against what there was to collect.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    convention : {"opening_and_sales", "sales"}
        Divided by opening receivables plus sales of the period, or by its sales alone.
    start : date, optional
        First day of the period; None: of the month of ``as_of``.
    by, freq, sales_basis
        As for :func:`dso`; with ``freq`` one row a period, from ``start`` on if that is given.

    Returns
    -------
    DataFrame
        Keys, ``opening``, ``sales``, ``collected``, ``collection_rate``, ``sales_basis``,
        ``as_of``.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import collection_rate
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": "A", "amount": [100.0, 100.0],
    ...     "invoice_date": ["2025-01-10", "2025-03-10"],
    ...     "due_date": ["2025-02-10", "2025-04-10"]})
    >>> paid = pd.DataFrame({"payment_id": ["P"], "customer_id": ["A"],
    ...                      "date": ["2025-03-20"], "amount": [80.0]})
    >>> float(collection_rate(invoices, paid, as_of="2025-03-31")["collection_rate"].iloc[0])
    0.4
    """
    choices = ("opening_and_sales", "sales")
    door.check_choice(convention, "convention", choices, caller="collection_rate")
    flows = take_flows(
        "collection_rate", (invoices, payments, adjustments), as_of=as_of, method=method, fx=fx,
        by=by, sales_basis=sales_basis, options=options,
    )  # fmt: skip
    parts = []
    for after, until in _periods(flows, start, freq, "M"):
        opening, sales = flows.balance(after), flows.sales(after, until)
        collected = flows.received(after, until)
        columns = {
            "opening": flows.money(opening),
            "sales": flows.money(sales),
            "collected": flows.money(collected),
            "collection_rate": _ratio(
                collected, sales + (opening if convention == "opening_and_sales" else 0)
            ),
            "sales_basis": flows.basis,
        }
        parts.append(flows.frame(columns, until))
    return pd.concat(parts, ignore_index=True)


def turnover(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    days: Literal[365, 360] = 365,
    start: Any = None,
    by: Any = None,
    sales_basis: Basis = "gross",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Receivables turnover (周转率) and its days: sales of a year over average receivables.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    days : {365, 360}
        Days of a year.
    start : date, optional
        First day of the period; None: a year up to ``as_of``. Sales of another length are
        brought to a year.
    by, sales_basis
        As for :func:`dso`.

    Returns
    -------
    DataFrame
        Keys, ``sales``, ``opening``, ``closing``, ``turnover`` (times a year),
        ``turnover_days``, ``sales_basis``, ``as_of``.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    References
    ----------
    .. [1] Chinese Institute of Certified Public Accountants, "Financial Cost Management",
       turnover of receivables.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import turnover
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a", "b"], "customer_id": "A", "amount": [100.0, 100.0],
    ...     "invoice_date": ["2024-12-10", "2025-03-10"],
    ...     "due_date": ["2025-01-10", "2025-04-10"]})
    >>> got = turnover(invoices, as_of="2025-12-31", start="2025-01-01", days=360)
    >>> got[["turnover", "turnover_days"]].round(4).to_numpy().tolist()
    [[0.6667, 540.0]]
    """
    door.check_choice(days, "days", (365, 360), caller="turnover")
    flows = take_flows(
        "turnover", (invoices, payments, adjustments), as_of=as_of, method=method, fx=fx, by=by,
        sales_basis=sales_basis, options=options,
    )  # fmt: skip
    until = flows.books.today
    after = _period(flows, start, until, "Y")
    opening, closing = flows.balance(after), flows.balance(until)
    sales = flows.sales(after, until)
    length = until - after
    years = 1.0 if 365 <= length <= 366 else length / 365
    times = _ratio(sales / years, (opening + closing) / 2)
    columns = {
        "sales": flows.money(sales),
        "opening": flows.money(opening),
        "closing": flows.money(closing),
        "turnover": times,
        "turnover_days": _ratio(np.full(len(times), float(days)), np.nan_to_num(times)),
        "sales_basis": flows.basis,
    }
    return flows.frame(columns, until)


def bad_debt_rate(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    convention: Literal["sales", "receivables"] = "sales",
    start: Any = None,
    by: Any = None,
    freq: str | None = None,
    sales_basis: Basis = "gross",
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Bad debt rate (坏账率): what was written off against sales or receivables.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    convention : {"sales", "receivables"}
        Divided by sales of the period, or by the average of its opening and closing balance.
    start : date, optional
        First day of the period; None: a year up to ``as_of``.
    by, freq, sales_basis
        As for :func:`dso`; with ``freq`` one row a period, from ``start`` on if that is given.

    Returns
    -------
    DataFrame
        Keys, ``written_off``, ``sales``, ``opening``, ``closing``, ``bad_debt_rate``,
        ``sales_basis``, ``as_of``. Recoveries are not taken off: see ``provision_movement``.

    Raises
    ------
    InputError
        As for :func:`ledger`.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import bad_debt_rate
    >>> invoices = pd.DataFrame({
    ...     "invoice_id": ["a"], "customer_id": ["A"], "amount": [200.0],
    ...     "invoice_date": ["2025-01-10"], "due_date": ["2025-02-10"]})
    >>> gone = pd.DataFrame({"customer_id": ["A"], "date": ["2025-12-20"], "amount": [10.0],
    ...                      "kind": ["write_off"]})
    >>> float(bad_debt_rate(invoices, None, gone)["bad_debt_rate"].iloc[0])
    0.05
    """
    door.check_choice(convention, "convention", ("sales", "receivables"), caller="bad_debt_rate")
    flows = take_flows(
        "bad_debt_rate", (invoices, payments, adjustments), as_of=as_of, method=method, fx=fx,
        by=by, sales_basis=sales_basis, options=options,
    )  # fmt: skip
    parts = []
    for after, until in _periods(flows, start, freq, "Y"):
        gone, sales = flows.received(after, until, "write_off"), flows.sales(after, until)
        opening, closing = flows.balance(after), flows.balance(until)
        base = sales if convention == "sales" else (opening + closing) / 2
        columns = {
            "written_off": flows.money(gone),
            "sales": flows.money(sales),
            "opening": flows.money(opening),
            "closing": flows.money(closing),
            "bad_debt_rate": _ratio(gone, base),
            "sales_basis": flows.basis,
        }
        parts.append(flows.frame(columns, until))
    return pd.concat(parts, ignore_index=True)
