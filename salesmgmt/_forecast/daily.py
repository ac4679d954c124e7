"""Calendar effects from the days beneath weeks, months and quarters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import calendars
from .._frames import Amount, Date, take
from ..engine.calendar_factors import day_logs
from ..engine.estimates import Estimates
from ..errors import DataWarning
from .intake import Grid, Panel

__all__ = ["SHAPE", "Days", "festival_shape", "period_factors"]

_LEAST = 300  # days of record from which the calendar is learned from them
_SHARE = 0.3  # of these days that must have sales
SHAPE = (28, 17)  # days before and after the Spring Festival that it reaches
_FESTIVAL = 7  # days of the festival itself
_FAR = 6.0  # clip of the logarithm of a factor
_LARGE = 0.95  # amounts above this quantile count as it: a few large orders say little of the day
_MOST = 0.5  # but where more than this share of a day's rows is large, the day itself is busy


@dataclass(slots=True)
class Days:
    """Rows of a history as days and amounts, whatever their keys, and the last day known."""

    day: np.ndarray
    amount: np.ndarray
    until: int

    @classmethod
    def beneath(cls, panel: Panel, history: Any, date: str, calendar: Any) -> Days | None:
        """Of the history that was summed to ``panel``; None where no calendar asks for them.

        It has been checked: what it lost then has been told.
        """
        if calendar is None:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            rows = take(
                history,
                caller=panel.caller,
                arg="history",
                invalid="drop",
                date=Date(date, missing="allow"),
                amount=Amount(panel.amount, missing="allow"),
            )
        dated = ~np.isnat(rows["date"])
        day = rows["date"][dated].astype("datetime64[D]").astype(np.int64)
        until = int(day.max(initial=0)) if panel.until is None else panel.until
        fine = np.isfinite(rows["amount"][dated]) & (day <= until)
        return cls(day[fine], rows["amount"][dated][fine], until)

    def begins_inside(self, grid: Grid, at: int) -> bool:
        """Whether the record begins after the first day of period ``at``."""
        return bool(self.day.min(initial=2**62) > grid.first_day(np.asarray(at)))

    def totals(self, last: int) -> tuple[int, np.ndarray] | None:
        """First day and totals up to ``last``; None where the record is no daily one.

        Days of a period that is not over are not there yet: they are no days without sales.
        """
        last = min(last, self.until)
        known = (self.day <= last) & (self.amount > 0)
        day, amount = self.day[known], self.amount[known]
        if not len(day):
            return None
        first = int(day.min())
        size = last - first + 1
        if size < _LEAST or len(np.unique(day)) < _SHARE * size:
            return None
        order = np.lexsort((amount, day))  # the order of rows must not change the sums
        day, amount = day[order], amount[order]
        day, most = day - first, np.quantile(amount, _LARGE)
        large = amount > most
        share = np.bincount(day, large, minlength=size) / np.maximum(
            np.bincount(day, minlength=size), 1
        )
        few = large & (share[day] <= _MOST)
        return first, np.bincount(day, np.where(few, most, amount), minlength=size)


def period_factors(
    days: Days,
    grid: Grid,
    low: int,
    high: int,
    last: int,
    columns: dict[str, np.ndarray],
    code: str,
    held: Estimates,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Logarithm of what the calendar makes of each period ``low`` to ``high``, in two parts.

    The first is what its ordinary and free days are worth, the second what holidays that move
    and events add to that (0 where there are none). ``columns`` holds the regressors by day from
    the first day of ``low``; ``last`` is the last day known. None where the history is no daily
    record. ``held``: what was learned before.
    """
    begin, end = int(grid.first_day(np.asarray(low))), int(grid.last_day(np.asarray(high)))
    learned = _learned(days, begin, end, last, columns, code, held)
    if learned is None:
        return None
    known, (of_kind, of_effect, of_shape) = learned
    usual, moved = (np.exp(np.clip(v, -_FAR, _FAR)) for v in (of_kind, of_effect + of_shape))
    scale = held.of("scale", lambda: (usual * moved)[known].mean())
    starts = grid.first_day(np.arange(low, high + 1)) - begin
    plain, whole = (
        np.log(np.maximum(np.add.reduceat(v / scale, starts), 1e-3)) for v in (usual, usual * moved)
    )
    return plain, whole - plain


def festival_shape(
    days: Days,
    begin: int,
    end: int,
    last: int,
    columns: dict[str, np.ndarray],
    code: str,
    held: Estimates,
) -> np.ndarray | None:
    """What the shape of the Spring Festival adds to its windows from day ``begin`` to ``end``.

    In logarithms; None where the record shows none. Arguments as in :func:`period_factors`.
    """
    learned = _learned(days, begin, end, last, columns, code, held)
    if learned is None or not learned[1][2].any():
        return None
    return learned[1][2]


def _learned(
    days: Days,
    begin: int,
    end: int,
    last: int,
    columns: dict[str, np.ndarray],
    code: str,
    held: Estimates,
) -> tuple[slice, tuple[np.ndarray, np.ndarray, np.ndarray]] | None:
    """Which days are known, and the logarithms of what each day is worth, in three parts."""
    found = held.of("totals", days.totals, last)
    if found is None:
        return None
    first, y = found
    y, skip = y[max(begin - first, 0) :], max(first - begin, 0)
    known = slice(skip, skip + len(y))
    names = [c for c in columns if c not in ("working_days", "weekday_off", "make_up_workday")]
    effects = np.column_stack([columns[c] for c in names])
    moves = held.of("moves", lambda: [c for c, x in zip(names, effects[known].T) if np.ptp(x) > 0])
    effects = effects[:, [names.index(c) for c in moves]]
    near = _around_festival(begin, end, code) if "spring_festival" in columns else None
    return known, day_logs(y, _kinds(begin, end, code), effects, skip, near=near, held=held)


def _around_festival(first: int, last: int, code: str) -> np.ndarray:
    """Which day of the weeks around the Spring Festival each is, from 0 on; -1 far from it."""
    wide = [
        pd.Timestamp(np.datetime64(d, "D")) for d in (first - 2 * SHAPE[1], last + 2 * SHAPE[0])
    ]
    there = calendars.events(*wide, country=code)["spring_festival"].to_numpy(float) > 0
    starts = np.flatnonzero(there & ~np.r_[False, there[:-1]]) + first - 2 * SHAPE[1]
    out = np.full(last - first + 1, -1)
    for day in starts:
        for k in range(-SHAPE[0], _FESTIVAL + SHAPE[1]):
            if first <= day + k <= last:
                out[day + k - first] = k + SHAPE[0]
    return out


def _kinds(first: int, last: int, code: str) -> np.ndarray:
    """Weekday, and whether it is worked: half worked counts as worked."""
    at = pd.Timestamp(np.datetime64(first, "D")), pd.Timestamp(np.datetime64(last, "D"))
    weight = calendars.working_days(*at, country=code)["weight"].to_numpy(float)
    weekday = (np.arange(first, last + 1) + 3) % 7
    # Weekdays that are free are one kind, weekends worked another: they are few.
    off, made = (weight <= 0) & (weekday < 5), (weight > 0) & (weekday >= 5)
    return np.where(off, 7, np.where(made, 8, weekday))
