"""Budget and actuals: what was allowed, what came, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Rows,
    check_choice,
    check_freq,
    check_int,
    check_names,
    check_number,
    factorise,
    money,
    resolve_as_of,
    stack_keys,
    take,
    to_pandas,
    units,
)
from ..engine.periods import period_of, period_start
from ..errors import InputError

__all__ = ["budget_variance"]

_FIXED = ("budget", "actual", "variance", "rate", "favourable", "status", "total", "used")


def budget_variance(
    budget: pd.DataFrame,
    actuals: pd.DataFrame,
    *,
    by: str | Sequence[str],
    freq: str | None = None,
    as_of: object = None,
    amount: str = "amount",
    date: str = "date",
    period_start: str = "period_start",
    period_end: str = "period_end",
    direction: str = "lower",
    tolerance: float = 0.05,
    year_start: int = 1,
    step: float = 0.01,
    invalid: str = "raise",
) -> pd.DataFrame:
    """Actual amounts against their budget: to date, and how much of the whole is used.

    Parameters
    ----------
    budget : DataFrame
        ``by`` columns and amounts; with ``period_start`` and ``period_end`` (both inside) the
        budget of that time, without them one budget for all of ``actuals``. Not modified.
    actuals : DataFrame
        ``by`` columns and amounts; with a budget by periods also ``date``. Dates outside the
        budget's periods, or after ``as_of``, do not count.
    by : str or sequence of str
        Key columns of both frames (``"category"``, ``["region", "category"]``).
    freq : {"W", "M", "Q", "Y"}, optional
        One row a key and period as well. Default: one row a key.
    as_of : date, optional
        Last day that counts; a budget period under way counts by its days. Default: the last
        date of ``actuals``.
    amount : str
        Column of amounts in both frames.
    date, period_start, period_end : str
        Columns of ``actuals`` and of ``budget``.
    direction : {"lower", "higher"}, default="lower"
        Whether it is good to stay below the budget (expenses) or above it (income).
    tolerance : float, default=0.05
        Variance, as a share of the budget, up to which a row is ``within``.
    year_start : int, default=1
        First month of the fiscal year (quarters and years).
    step : float, default=0.01
        Smallest unit of money; the parts of a budget add up to it exactly.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        Keys, ``date`` (period start, with ``freq``), ``budget`` (to date), ``actual``,
        ``variance`` (actual - budget), ``rate`` (of the budget; missing where it is zero),
        ``favourable`` (on the good side of the budget, or on it), ``status`` (``within``,
        ``over``, ``under``, ``unbudgeted``), ``total`` (budget of the key or period as a whole),
        ``used`` (actual / total), and ``as_of`` where there are periods. Keys ascending.

    Raises
    ------
    InputError
        A column is missing or cannot be used, or a period ends before it starts.

    References
    ----------
    .. [1] C. T. Horngren, S. M. Datar and M. V. Rajan, Cost Accounting, 14th edition (2012),
       chapter 7 (static-budget variances, favourable and unfavourable).

    Examples
    --------
    >>> import pandas as pd
    >>> budget = pd.DataFrame({"category": ["travel", "marketing"], "amount": [100.0, 300.0]})
    >>> spent = pd.DataFrame({"category": ["travel"] * 2 + ["gifts"], "amount": [80.0, 40.0, 9.0]})
    >>> out = budget_variance(budget, spent, by="category")
    >>> out[["category", "variance", "favourable", "status", "used"]]
        category  variance  favourable      status  used
    0      gifts       9.0       False  unbudgeted   NaN
    1  marketing    -300.0        True       under   0.0
    2     travel      20.0       False        over   1.2
    """
    caller = "budget_variance"
    check_choice(direction, "direction", ("lower", "higher"), caller=caller)
    check_number(tolerance, "tolerance", caller=caller, low=0)
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    names = check_names(by, "by", caller=caller)
    clash = [n for n in names if n in (*_FIXED, "date")]
    if not names or clash:
        what = f"{clash[0]!r} is a column of the result; rename yours" if clash else "name a column"
        raise InputError(f"{caller}(): by: {what}.")
    frame = to_pandas(budget, caller=caller, arg="budget")
    timed = any((frame.columns == c).any() for c in (period_start, period_end))
    if not timed and (freq is not None or as_of is not None):
        raise InputError(
            f"{caller}(): freq and as_of need a budget by periods; budget has no column "
            f"{period_start!r}. Name your own column with period_start=."
        )
    spans: dict[str, Any] = {}
    days: dict[str, Any] = {}
    if timed:
        spans = {"period_start": Date(period_start), "period_end": Date(period_end)}
        days = {"date": Date(date)}
    planned = take(frame, caller=caller, arg="budget", invalid=invalid, by=names,
                   amount=Amount(amount), **spans)  # fmt: skip
    came = take(actuals, caller=caller, arg="actuals", invalid=invalid, by=names, empty="allow",
                amount=Amount(amount), **days)  # fmt: skip
    args = ("budget", "actuals")
    both = stack_keys([planned.frame, came.frame], names, caller=caller, args=args)
    key = factorise(both, names)
    whole = [units(r["amount"], step, name=amount, caller=caller) for r in (planned, came)]
    cut = len(planned)
    own, theirs = key.codes[:cut], key.codes[cut:]
    if not timed:
        sums = [_sums(c, w, len(key)) for c, w in ((own, whole[0]), (theirs, whole[1]))]
        out = key.labels.copy()
        return _told(out, sums[0], sums[1], sums[0], _sums(own, 1, len(key)) > 0,
                     direction, tolerance, step)  # fmt: skip
    time = _Time.of(planned, came, freq, as_of, year_start, caller=caller)
    cells = len(key) * len(time.starts)
    total, due, known = time.spread(own, whole[0], cells)
    at, here = time.cells(theirs)
    actual = _sums(at[here], whole[1][here], cells)
    out = key.labels.loc[np.repeat(np.arange(len(key)), len(time.starts))].reset_index(drop=True)
    if freq is not None:
        starts = time.starts.astype("datetime64[D]").astype("datetime64[us]")
        out["date"] = np.tile(starts, len(key))
    out = _told(out, due, actual, total, known, direction, tolerance, step)
    out["as_of"] = time.as_of
    seen = known | (_sums(at[here], 1, cells) > 0)
    return out[seen].reset_index(drop=True) if freq is not None else out


def _sums(codes: np.ndarray, values: Any, count: int) -> np.ndarray:
    """Exact whole sums by code."""
    out = np.zeros(count, dtype=np.int64)
    np.add.at(out, codes, values)
    return out


def _told(
    out: pd.DataFrame,
    due: np.ndarray,
    actual: np.ndarray,
    total: np.ndarray,
    known: np.ndarray,
    direction: str,
    tolerance: float,
    step: float,
) -> pd.DataFrame:
    """The columns of the result beside the keys."""
    gap = actual - due
    out["budget"], out["actual"] = money(due, step), money(actual, step)
    out["variance"] = money(gap, step)
    with np.errstate(divide="ignore", invalid="ignore"):
        out["rate"] = np.where(due != 0, gap / np.abs(due), np.nan)
        out["favourable"] = gap <= 0 if direction == "lower" else gap >= 0
        close = np.abs(gap) <= tolerance * np.abs(due)
        kinds = [~known, close, gap > 0]
        words = np.select(kinds, ["unbudgeted", "within", "over"], default="under")
        out["status"] = pd.Series(words, index=out.index, dtype="str")
        out["total"] = money(total, step)
        out["used"] = np.where(total != 0, actual / total, np.nan)
    return out


@dataclass(frozen=True)
class _Time:
    """Budget rows and actuals in time: days since 1970-01-01, first days of the periods."""

    first: np.ndarray
    last: np.ndarray
    days: np.ndarray
    starts: np.ndarray
    as_of: pd.Timestamp

    @staticmethod
    def of(
        planned: Rows, came: Rows, freq: str | None, as_of: object, year_start: int, *, caller: str
    ) -> _Time:
        first, last = planned.days("period_start"), planned.days("period_end")
        if (back := last < first).any():
            at = planned.index[int(np.flatnonzero(back)[0])]
            names = planned.columns
            raise InputError(
                f"{caller}(): budget: {names['period_end']!r} is before "
                f"{names['period_start']!r} in {int(back.sum())} row(s), first row {at!r}."
            )
        days = came.days("date") if len(came) else np.empty(0, dtype=np.int64)
        now = resolve_as_of(as_of, days if len(days) else None, caller=caller)
        low, high = int(first.min()), int(last.max())
        starts = np.array([low])
        if freq is not None:
            check_freq(freq, caller=caller, choices=("W", "M", "Q", "Y"))
            a, b = period_of(np.array([low, high]), freq, year_start=year_start)
            starts = period_start(np.arange(a, b + 1), freq, year_start=year_start)
        return _Time(first, last, days, starts, now)

    @property
    def until(self) -> int:
        return int(np.datetime64(self.as_of, "D").astype(np.int64))

    def cells(self, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cell (key by period) of each row of actuals, and whether it counts."""
        here = (self.days >= self.first.min()) & (self.days <= min(self.until, self.last.max()))
        at = np.searchsorted(self.starts, self.days, side="right") - 1
        return key * len(self.starts) + np.maximum(at, 0), here

    def spread(
        self, key: np.ndarray, whole: np.ndarray, cells: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Budget by cell: as a whole, and up to ``as_of``; and the cells that have one."""
        ends = np.append(self.starts[1:] - 1, max(int(self.last.max()), self.starts[-1]))
        begin = np.searchsorted(self.starts, self.first, side="right") - 1
        count = np.searchsorted(self.starts, self.last, side="right") - begin
        row = np.repeat(np.arange(len(key)), count)
        period = begin[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        low = np.maximum(self.first[row], self.starts[period])
        high = np.minimum(self.last[row], ends[period])
        cell = key[row] * len(self.starts) + period

        def upto(day: np.ndarray) -> np.ndarray:
            """Part of each row's amount up to the end of a day, in whole steps."""
            length = (self.last - self.first + 1)[row]
            gone = np.clip(day - self.first[row] + 1, 0, length)
            each, rest = whole[row] // length, whole[row] % length
            return each * gone + rest * gone // length

        total = _sums(cell, upto(high) - upto(low - 1), cells)
        due = _sums(cell, upto(np.clip(self.until, low - 1, high)) - upto(low - 1), cells)
        return total, due, _sums(cell, 1, cells) > 0
