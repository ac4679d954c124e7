"""When the money will come: expected cash by period with bands that were right in the past.

Every open document is followed through the hazards of payment at its own age past due. The bands
come from the forecasts that would have been made at past dates and what then came in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Amount, Date, Key
from ..engine import periods
from ..errors import InputError
from .aging import keys_of
from .books import Options
from .cash_curves import CLOCKS, Curves, History
from .currency import rates_of
from .ledger import take_position
from .pay_days import PayDays
from .reading import position_at
from .settling import Position

__all__ = ["cash_backtest", "cash_forecast"]

_FREQS = ("D", "W", "M", "Q", "Y")
_LONGEST_DAYS = 3660
_CALENDAR_DAYS = 1826
_FEWEST_SETTLED = 10
_PRIOR_SCORES = 10
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COLUMNS = (
    "date", "period_end", "expected", "p10", "p90", "from_open", "from_sales", "due", "as_of",
    "origin", "step", "actual",
)  # fmt: skip


def cash_forecast(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    horizon: int,
    freq: str = "W",
    sales: Any = None,
    method: str = "specific_then_fifo",
    fx: Any = None,
    by: Any = None,
    clock: str = "due",
    half_life: float | None = 90.0,
    calibrate: int = 26,
    calendar: Any = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Cash that open invoices, and planned sales, will bring in, by period, with 80 % bands.

    The share of open money that is paid on each day before or after the due date (the hazard) is
    taken from all settlements up to ``as_of``, recent ones weighing more, unsettled invoices
    included as what they are: not paid yet. Each open amount then follows it from its own age.
    Where payments keep to certain days of the week more than chance would, so does the forecast;
    a day of the week on which nobody ever paid, though some were to be expected, gets none.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`. Nothing dated after ``as_of`` is used.
    horizon : int
        Number of periods.
    freq : {"W", "D", "M", "Q", "Y"}
        Weeks are the seven days after ``as_of``, and so on; months, quarters and years are those
        of the calendar, the first one being the rest of the one that ``as_of`` lies in.
    sales : DataFrame, optional
        Planned invoicing: ``date``, ``amount`` (tax included, as on invoices), and the key
        columns if there are any; a column ``currency`` is converted by ``fx`` as well. A sales
        forecast will do, ``forecast`` renamed to ``amount``; of days rather than of months, for
        each row is invoiced on its ``date``. Samples (a column ``draw``) count as their mean.
        Without a currency it is that of the invoices, if these have one. Rows up to ``as_of``
        are taken to be invoiced already.
    by : str or list of str, optional
        Key columns (``customer_id``, or columns of ``invoices``). The currency, if there is one
        and no ``fx``, is always a key.
    clock : {"due", "customer"}
        Zero of the clock: the due date; or the due date plus the customer's own usual delay
        (drawn to everybody's where little is known), for forecasts by customer.
    half_life : float or None, default=90
        An invoice counts half as much for every so many days of age; None: all alike.
    calibrate : int, default=26
        Past dates, a period apart, whose forecasts the width of the bands is learned from.
    calendar : str or Series, optional
        Days of rest: a country code (``"CN"``, exchanged weekends included), or weights by day
        (0 off, 1 worked). A holiday then counts as a Sunday, and what waits for its end comes
        in on the first day worked. Default: days of the week alone.

    Returns
    -------
    DataFrame
        Keys, ``date`` (first day), ``period_end`` (last day), ``expected``, ``p10``, ``p90``,
        ``from_open``, ``from_sales`` (add up to ``expected``; over the keys, to the forecast
        without ``by``), ``due`` (what falls due in the period, of what is open: the simple rule
        to compare with), ``as_of``. Bands tell of the timing of payments; planned sales count as
        planned. Unapplied receipts and open credit notes are not taken off; ``.attrs`` has their
        sum (``"unapplied"``, a dict by currency where there are several), how many errors of
        past forecasts the bands rest on (``"past_forecasts"``), and how much likelier than on an
        average day a payment is on each day of the week (``"weekdays"``; with ``calendar``, of
        the days that are like it: ``"Mon"`` after a rest, ``"Sun"`` on holidays).

    Raises
    ------
    InputError
        As for :func:`ledger`; fewer than ten settlements by payment are known at ``as_of``; an
        option is out of range; ``sales`` has a key that no invoice has.

    References
    ----------
    .. [1] E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", Journal
       of the American Statistical Association 53 (1958), 457-481.
    .. [2] T. R. Holford, "The analysis of rates and of survivorship using log-linear models",
       Biometrics 36 (1980), 299-305: the factors of the days of the week.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.credit import cash_forecast
    >>> day = pd.date_range("2025-01-01", periods=40, freq="D")
    >>> invoices = pd.DataFrame({"invoice_id": range(40), "customer_id": "A", "amount": 100.0,
    ...                          "invoice_date": day, "due_date": day + pd.Timedelta(days=10)})
    >>> paid = pd.DataFrame({"payment_id": range(40), "customer_id": "A", "amount": 100.0,
    ...                      "date": day + pd.Timedelta(days=9), "invoice_id": range(40)})
    >>> got = cash_forecast(invoices, paid, as_of="2025-02-09", horizon=2)
    >>> got[["date", "expected", "due"]]
            date  expected    due
    0 2025-02-10     700.0  600.0
    1 2025-02-17     200.0  300.0
    """
    caller = "cash_forecast"
    plan = _Plan(caller, horizon, freq, clock, half_life, calibrate, calendar)
    position = take_position(
        caller, invoices, payments, adjustments, as_of=as_of, method=method, fx=fx, options=options
    )
    keys, (document, _) = keys_of(position, by)
    history = History.of(position, document)
    today = position.books.today
    _enough(history, today, caller)
    plan.look_up(history, today)
    future = _sales(caller, sales, position, keys, fx)
    seen = plan.past(history, today, max(len(keys), 1))
    return _frame(plan, position, keys, history, seen, future)


def cash_backtest(
    invoices: Any,
    payments: Any = None,
    adjustments: Any = None,
    *,
    as_of: Any = None,
    horizon: int,
    freq: str = "W",
    method: str = "specific_then_fifo",
    fx: Any = None,
    by: Any = None,
    clock: str = "due",
    half_life: float | None = 90.0,
    calibrate: int = 26,
    origins: int = 13,
    calendar: Any = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Forecasts as they would have been made at past dates, beside what came in.

    Each is made from what was known on its date, bands included.

    Parameters
    ----------
    invoices, payments, adjustments, as_of, method, fx, **options
        As for :func:`ledger`.
    horizon, freq, by, clock, half_life, calibrate, calendar
        As for :func:`cash_forecast`.
    origins : int, default=13
        Past dates, a period apart, the last one a horizon before ``as_of``.

    Returns
    -------
    DataFrame
        Keys, ``origin``, ``step`` (1 .. horizon), ``date``, ``period_end``, ``expected``,
        ``p10``, ``p90``, ``actual`` (cash on documents open at the origin), ``due``.

    Raises
    ------
    InputError
        As for :func:`cash_forecast`; the history is too short for a single origin.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> from salesmgmt.credit import cash_backtest
    >>> got = cash_backtest(load_sample("invoices"), load_sample("payments"), horizon=4, origins=2,
    ...                     fx={"USD": 7.1})
    >>> got["step"].tolist()
    [1, 2, 3, 4, 1, 2, 3, 4]
    """
    caller = "cash_backtest"
    plan = _Plan(caller, horizon, freq, clock, half_life, calibrate, calendar)
    door.check_int(origins, "origins", caller=caller, low=1)
    position = take_position(
        caller, invoices, payments, adjustments, as_of=as_of, method=method, fx=fx, options=options
    )
    keys, (document, _) = keys_of(position, by)
    history = History.of(position, document)
    today = position.books.today
    _enough(history, today, caller)
    plan.look_up(history, today)
    parts = []
    for back in range(horizon + origins - 1, horizon - 1, -1):
        origin = plan.earlier(today, back)
        known = _known(position, document, origin)
        if known.settled(origin) < _FEWEST_SETTLED:
            continue
        edges = plan.edges(origin)
        seen = plan.past(known, origin, max(len(keys), 1))
        actual = history.actual(origin, edges, max(len(keys), 1))
        parts.append(_past_frame(plan, position, keys, known, seen, origin, actual))
    if not parts:
        raise InputError(
            f"{caller}(): fewer than {_FEWEST_SETTLED} settlements are known {horizon} periods "
            "before as_of; give more history or a shorter horizon."
        )
    return pd.concat(parts, ignore_index=True)


def _known(position: Position, group: np.ndarray, origin: int) -> History:
    """What was known on a past day: later receipts have named and taken back nothing yet."""
    moment = pd.Timestamp(np.datetime64(origin, "D")).as_unit("us")
    issued = position.books.documents.day <= origin
    return History.of(position_at(position, moment, pairs=True), group[issued])


def _enough(history: History, today: int, caller: str) -> None:
    known = history.settled(today)
    if known < _FEWEST_SETTLED:
        raise InputError(
            f"{caller}(): only {known} settlement(s) by payment are known at as_of; at least "
            f"{_FEWEST_SETTLED} are needed to learn when customers pay. Give payments."
        )


@dataclass
class _Plan:
    """How a forecast is made, whatever the day it is made on."""

    caller: str
    horizon: int
    freq: str
    clock: str
    half_life: float | None
    calibrate: int
    calendar: Any
    days: PayDays = field(default_factory=PayDays)

    def __post_init__(self) -> None:
        caller = self.caller
        door.check_int(self.horizon, "horizon", caller=caller, low=1)
        door.check_freq(self.freq, caller=caller, choices=_FREQS)
        door.check_choice(self.clock, "clock", CLOCKS, caller=caller)
        door.check_int(self.calibrate, "calibrate", caller=caller, low=0)
        if self.half_life is not None:
            door.check_number(self.half_life, "half_life", caller=caller, low=0, open_low=True)
        if self.edges(0)[-1] > _LONGEST_DAYS:
            raise InputError(
                f"{caller}(): horizon={self.horizon} with freq={self.freq!r} is more than ten "
                "years; give fewer periods."
            )

    def look_up(self, history: History, today: int) -> None:
        """Days of rest, from the first invoice (five years ago at most) to the last period."""
        if self.calendar is None:
            return
        if not isinstance(self.calendar, str | pd.Series | Mapping):
            raise InputError(
                f"{self.caller}(): calendar must be a country code or a Series of weights by day, "
                f"got {type(self.calendar).__name__}."
            )
        first = max(int(history.day.min()), today - _CALENDAR_DAYS)
        last = today + int(self.edges(today)[-1])
        self.days = PayDays(self.calendar, first, last, caller=self.caller)

    def edges(self, origin: int) -> np.ndarray:
        """Days after ``origin`` on which periods end, 0 first."""
        count = np.arange(self.horizon + 1)
        if self.freq in ("D", "W"):
            return count * (7 if self.freq == "W" else 1)
        first = int(periods.period_of(np.array([origin + 1]), self.freq)[0])
        ends = periods.period_end(first + count[:-1], self.freq)
        return np.concatenate([[0], ends - origin])

    def earlier(self, origin: int, back: int) -> int:
        """The day ``back`` periods before."""
        if self.freq in ("D", "W"):
            return origin - back * (7 if self.freq == "W" else 1)
        months = {"M": 1, "Q": 3, "Y": 12}[self.freq] * back
        day = pd.Timestamp(np.datetime64(origin, "D"))
        moved = day - pd.DateOffset(months=months)
        if day.is_month_end:
            moved = moved + pd.offsets.MonthEnd(0)
        return int(moved.to_datetime64().astype("datetime64[D]").astype(np.int64))

    def curves(self, history: History, origin: int) -> Curves:
        return Curves(history, origin, self.clock, self.half_life, self.days)

    def past(self, history: History, today: int, groups: int) -> np.ndarray:
        """Errors of past forecasts in standard deviations, for periods over by ``today``."""
        scores = []
        for back in range(1, self.calibrate + 1):
            origin = self.earlier(today, back)
            if history.settled(origin) < _FEWEST_SETTLED:
                break
            edges = self.edges(origin)
            over = edges[1:] <= today - origin
            if not over.any():
                continue
            look = self.curves(history, origin).outlook(edges, groups)
            miss = history.actual(origin, edges, groups) - look.expected
            known = (look.variance > 0) & over
            scores.append(miss[known] / np.sqrt(look.variance[known]))
        return np.concatenate(scores) if scores else np.zeros(0)


def _limits(seen: np.ndarray, horizon: int) -> tuple[float, float]:
    """The 10 % and 90 % points of past errors, with a few normal ones for short histories.

    The next error falls under the k-th smallest of m with probability k / (m + 1); periods of
    one past date err together, so dates are counted, not periods.
    """
    from scipy.special import ndtri

    prior = ndtri((np.arange(_PRIOR_SCORES) + 0.5) / _PRIOR_SCORES)
    dates = len(seen) / horizon + _PRIOR_SCORES
    tail = max((0.1 * (dates + 1) - 1) / (dates - 1), 0.0)
    low, high = np.quantile(np.concatenate([seen, prior]), [tail, 1 - tail])
    return min(float(low), 0.0), max(float(high), 0.0)


@dataclass
class _Sales:
    """Planned sales after ``as_of`` in whole units."""

    day: np.ndarray
    units: np.ndarray
    group: np.ndarray


def _sales(caller: str, sales: Any, position: Position, keys: pd.DataFrame, fx: Any) -> _Sales:
    names = position.books.names
    empty = np.zeros(0, dtype=np.int64)
    if sales is None:
        return _Sales(empty, np.zeros(0), empty)
    labels = [str(c) for c in keys.columns]
    frame = _in_its_currency(sales, keys, names["currency"], caller=caller)
    drawn = "draw" in frame.columns and "draw" not in (names["amount"], *labels)
    rows = door.take(
        frame, caller=caller, arg="sales", empty="allow", day=Date(names["date"], option=""),
        amount=Amount(names["amount"], option="", low=None if drawn else 0),
        draw=Key("draw", option="") if drawn else None,
        currency=Key(names["currency"], optional=True, missing="allow") if fx is not None else None,
        by=labels,
    )  # fmt: skip
    amount = rows["amount"]
    if len(rows) and "currency" in rows:
        amount = amount * rates_of(caller, rows.series("currency"), rows.days("day"), fx)
    group = np.zeros(len(rows), dtype=np.int64)
    if labels and len(rows):
        have = pd.MultiIndex.from_frame(keys.astype(object))
        group = have.get_indexer(pd.MultiIndex.from_frame(rows.frame[labels].astype(object)))
        if (group < 0).any():
            first = rows.frame[labels].iloc[int(np.argmax(group < 0))].tolist()
            raise InputError(
                f"{caller}(): sales: {int((group < 0).sum())} row(s) have a key that no invoice "
                f"has ({', '.join(labels)}: {first}); forecast them under a key that is known."
            )
    units = door.units(amount, position.books.step, name=names["amount"], caller=caller)
    ahead = rows.days("day") > position.books.today if len(rows) else np.zeros(0, dtype=bool)
    days = rows.days("day")[ahead] if len(rows) else empty
    planned = _Sales(days, units[ahead].astype(np.float64), group[ahead])
    return _mean_of_draws(planned, len(rows.keys("draw")), caller) if drawn else planned


def _in_its_currency(sales: Any, keys: pd.DataFrame, currency: str, *, caller: str) -> pd.DataFrame:
    """Planned sales that tell no currency, where invoices are in one: in that."""
    frame = door.to_pandas(sales, caller=caller, arg="sales")
    if currency in keys.columns and currency not in frame.columns:
        known = keys[currency].unique()
        if len(known) == 1:
            return frame.assign(**{currency: known[0]})
    return frame


def _mean_of_draws(planned: _Sales, draws: int, caller: str) -> _Sales:
    """Samples of what may be sold count once, not once a draw: their mean, by day and group."""
    place = np.stack([planned.group, planned.day])
    cell, at = np.unique(place, axis=1, return_inverse=True)
    units = np.bincount(at.reshape(-1), planned.units, minlength=cell.shape[1])
    if (units < 0).any():
        raise InputError(
            f"{caller}(): sales: the mean of the draws is below 0 on {int((units < 0).sum())} "
            "day(s); draw with non_negative=True, or leave these days out."
        )
    return _Sales(cell[1], units / max(draws, 1), cell[0])


def _frame(
    plan: _Plan,
    position: Position,
    keys: pd.DataFrame,
    history: History,
    seen: np.ndarray,
    future: _Sales,
) -> pd.DataFrame:
    today, groups = position.books.today, max(len(keys), 1)
    edges = plan.edges(today)
    curves = plan.curves(history, today)
    look = curves.outlook(edges, groups)
    planned, spread, sold = _from_sales(curves, future, edges, groups)
    variance = look.variance + spread
    limit = curves.left_by_group(groups) + sold
    door.refuse_names(keys, _COLUMNS, caller=plan.caller, option="by")
    out = _periods(keys, today, edges)
    out |= _amounts(
        position, keys, look.expected, planned, variance, limit[:, None],
        _limits(seen, plan.horizon),
    )  # fmt: skip
    out["due"] = _money(position, curves.falling_due(edges, groups))
    out["as_of"] = np.datetime64(today, "D").astype("datetime64[us]")
    frame = pd.DataFrame(out)
    frame.attrs |= {"past_forecasts": len(seen), "unapplied": _unapplied(position)}
    frame.attrs["weekdays"] = dict(zip(_DAYS, curves.weekday.round(3).tolist(), strict=True))
    return frame


def _unapplied(position: Position) -> float | dict[Any, float]:
    """Free receipts and open credit notes; by currency, where there are several."""
    books = position.books
    notes, own = books.documents.units < 0, books.receipts.source < 0
    n = 1 if books.currencies is None else len(books.currencies)
    units = np.zeros(n, dtype=np.int64)
    np.subtract.at(units, books.documents.currency[notes], position.open[notes])
    np.add.at(units, books.receipts.currency[own], position.rest[own])
    money = door.money(units, books.step)
    if books.currencies is None or n < 2:
        return float(money.sum())
    labels = books.currencies.labels.iloc[:, 0].tolist()
    return dict(zip(labels, money.tolist(), strict=True))


def _from_sales(
    curves: Curves, future: _Sales, edges: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected cash of planned sales, its variance, and what is sold in all, by group."""
    width = len(edges) - 1
    expected, spread = np.zeros((groups, width)), np.zeros((groups, width))
    inside = future.day - curves.origin <= edges[-1]
    day, units, group = future.day[inside], future.units[inside], future.group[inside]
    sold = np.bincount(group, units, minlength=groups)
    if len(day):
        days, at = np.unique(day, return_inverse=True)
        share = curves.of_sales(days, edges)[at]
        # A plan has no invoices yet: let it come in as many as the usual size makes.
        size = np.minimum(units, float(curves.history.units[curves.known].mean()))
        for k in range(width):
            p = share[:, k]
            expected[:, k] = np.bincount(group, units * p, minlength=groups)
            spread[:, k] = np.bincount(group, units * size * p * (1 - p), minlength=groups)
    return expected, spread, sold


def _past_frame(
    plan: _Plan,
    position: Position,
    keys: pd.DataFrame,
    history: History,
    seen: np.ndarray,
    origin: int,
    actual: np.ndarray,
) -> pd.DataFrame:
    groups, edges = max(len(keys), 1), plan.edges(origin)
    curves = plan.curves(history, origin)
    look = curves.outlook(edges, groups)
    door.refuse_names(keys, _COLUMNS, caller=plan.caller, option="by")
    out = _periods(keys, origin, edges)
    none = np.zeros_like(look.expected)
    limit = curves.left_by_group(groups)[:, None]
    amounts = _amounts(
        position, keys, look.expected, none, look.variance, limit, _limits(seen, plan.horizon)
    )
    out |= {k: amounts[k] for k in ("expected", "p10", "p90")}
    out["actual"] = _money(position, actual)
    out["due"] = _money(position, curves.falling_due(edges, groups))
    frame = pd.DataFrame(out)
    at = len(keys.columns)
    frame.insert(at, "origin", np.datetime64(origin, "D").astype("datetime64[us]"))
    frame.insert(at + 1, "step", np.tile(np.arange(1, len(edges)), groups))
    return frame


def _periods(keys: pd.DataFrame, origin: int, edges: np.ndarray) -> dict[str, Any]:
    width, groups = len(edges) - 1, max(len(keys), 1)
    rows = np.repeat(np.arange(groups), width)
    out: dict[str, Any] = {c: keys[c].take(rows).reset_index(drop=True) for c in keys.columns}
    first, last = origin + edges[:-1] + 1, origin + edges[1:]
    out["date"] = np.tile(first.astype("datetime64[D]").astype("datetime64[us]"), groups)
    out["period_end"] = np.tile(last.astype("datetime64[D]").astype("datetime64[us]"), groups)
    return out


def _amounts(
    position: Position,
    keys: pd.DataFrame,
    open_part: np.ndarray,
    planned: np.ndarray,
    variance: np.ndarray,
    limit: np.ndarray,
    scores: tuple[float, float],
) -> dict[str, np.ndarray]:
    open_part, planned = (_whole(position, keys, part) for part in (open_part, planned))
    whole = open_part + planned
    sd = np.sqrt(variance)
    low = np.clip(whole + scores[0] * sd, 0, None)
    high = np.maximum(np.minimum(whole + scores[1] * sd, limit), whole)
    values = (whole, low, high, open_part, planned)
    names = ("expected", "p10", "p90", "from_open", "from_sales")
    return {n: _money(position, v) for n, v in zip(names, values, strict=True)}


def _whole(position: Position, keys: pd.DataFrame, units: np.ndarray) -> np.ndarray:
    """Whole units by group and window; the groups of a currency add up to its rounded total."""
    books = position.books
    apart = np.zeros(len(units), dtype=np.int64)
    if books.currencies is not None:
        apart = pd.factorize(keys[books.names["currency"]])[0]
    out = np.floor(units)
    for n in np.unique(apart):
        rows = np.flatnonzero(apart == n)
        more = np.rint(units[rows].sum(axis=0)) - out[rows].sum(axis=0)
        order = np.argsort(-np.round(units[rows] - out[rows], 6), axis=0, kind="stable")
        out[rows] += np.argsort(order, axis=0) < more
    return out


def _money(position: Position, units: np.ndarray) -> np.ndarray:
    return door.money(np.rint(units).astype(np.int64).reshape(-1), position.books.step)
