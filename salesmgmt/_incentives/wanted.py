"""What was asked for: the targets of a payout, by payee and period, in each form they come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, Rows, check_choice, take, to_pandas
from .._period_labels import end_of, start_of
from ..engine.periods import period_of
from ..errors import InputError
from .plan import CommissionPlan

__all__ = ["Columns", "Wanted", "target_rows"]


#: What columns of periods are called, though they hold numbers (2025, 202501).
_TIMES = {"year", "quarter", "month", "week", "年", "年份", "年度", "季度", "月", "月份", "期间"}


@dataclass(frozen=True)
class Columns:
    """Names of the columns a payout reads."""

    amount: str = "amount"
    date: str = "date"
    period: str = "period"
    target: str = "target"
    target_pay: str = "target_pay"
    quantity: str = "quantity"
    sale_date: str = "sale_date"
    collected_date: str = "collected_date"


@dataclass
class Wanted:
    """Rows of the targets frame."""

    rows: Rows
    payee: pd.DataFrame
    start: np.ndarray | None
    end: np.ndarray | None
    period: pd.Series | None
    at: np.ndarray | None = None

    @staticmethod
    def of(
        targets: Any,
        results: Rows,
        plans: list[CommissionPlan],
        names: list[str],
        columns: Columns,
        measure: str | None,
        year_start: int,
        *,
        caller: str,
    ) -> Wanted | None:
        if targets is None:
            return None
        if isinstance(targets, pd.Series | Mapping):
            targets = target_rows(targets, names, columns, caller=caller)
        frame = to_pandas(targets, caller=caller, arg="targets")
        frame = _one_measure(frame, measure, caller=caller)
        dated = "date" in results and "period" not in results
        first = "period_start"
        if dated and first not in frame.columns:
            frame, first = _dated(frame, columns, year_start, caller=caller)
        roles: dict[str, Any] = {
            "target": Amount(columns.target),
            "start": Date(first, optional=True),
            "end": Date("period_end", optional=True, last=True),
            "period": Key(columns.period, optional=True),
            "target_pay": Amount(columns.target_pay, optional=True),
        }
        for p in plans:
            if p.multiplier is not None:
                roles["multiplier"] = Amount(p.multiplier, optional=True, low=0)
        rows = take(frame, caller=caller, arg="targets", by=names, **roles)
        start = rows.values.get("start")
        end = rows.values.get("end", start)
        period = rows.series("period") if "period" in rows else None
        payee = rows.frame[names].reset_index(drop=True)
        if start is None and period is None:
            _once_each(payee, columns, caller=caller)
            if "date" in results or "period" in results:
                _no_other_periods(frame, {*names, *rows.columns.values()}, columns, caller=caller)
        elif period is None and "period" in results:
            raise InputError(
                f"{caller}(): results has periods as labels (column {columns.period!r}), targets "
                f"as dates ({first!r}); give both the same."
            )
        return Wanted(rows, payee, start, end, period)

    def spans(
        self, freq: str, options: dict[str, Any], *, wide: bool, caller: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Period of the first and the last day of each target: one, unless ``wide``."""
        assert self.start is not None
        assert self.end is not None
        first, last = (
            period_of(v.astype("datetime64[D]").astype(np.int64), freq, **options)
            for v in (self.start, self.end)
        )
        back = first > last
        if back.any():
            raise InputError(
                f"{caller}(): targets: {int(back.sum())} row(s) end before they start; swap "
                "'period_start' and 'period_end'."
            )
        several = first != last
        if several.any() and not wide:
            raise InputError(
                f"{caller}(): targets: {int(several.sum())} row(s) span several periods of freq="
                f"{freq!r}; give a coarser freq, break the plan down first, or take a plan that is "
                "cumulative, which climbs to the target of the whole span. Periods of another "
                "calendar (4-4-5) are paid by name: a column 'period' in both frames."
            )
        return first, last


def target_rows(targets: Any, names: list[str], columns: Columns, *, caller: str) -> pd.DataFrame:
    """Targets by payee, or by payee and period, as a frame."""
    series = targets if isinstance(targets, pd.Series) else pd.Series(targets)
    levels = list(series.index.names)
    if len(levels) not in (len(names), len(names) + 1):
        raise InputError(
            f"{caller}(): targets must have {names} in its index, and the period if they differ "
            f"by it; it has {len(levels)} level(s)."
        )
    if len(levels) == len(names):
        levels = names
    elif set(names) < set(levels):
        levels = [n if n in names else columns.period for n in levels]
    else:
        levels = [*names, columns.period]
    return series.rename(columns.target).rename_axis(levels).reset_index()


def _dated(
    frame: pd.DataFrame, columns: Columns, year_start: int, *, caller: str
) -> tuple[pd.DataFrame, str]:
    """Targets whose periods are told by a date, or by labels, and the column of dates."""
    if columns.date in frame.columns or columns.period not in frame.columns:
        return frame, columns.date
    starts = start_of(frame[columns.period], year_start)
    if starts is None:
        raise InputError(
            f"{caller}(): targets: column {columns.period!r} holds labels that are no dates "
            f"(first: {frame[columns.period].iloc[0]!r}), but results is dated; give dates in "
            "'period_start', or results the same labels."
        )
    told = {columns.period: starts}
    if "period_end" not in frame.columns:
        told["period_end"] = end_of(frame[columns.period], starts)
    return frame.assign(**told), columns.period


def _no_other_periods(
    frame: pd.DataFrame, used: set[Any], columns: Columns, *, caller: str
) -> None:
    """A quarter's target, its quarter unread, would stand as that of every month."""
    for name in frame.columns:
        told = frame[name]
        called = str(name).strip().lower() in _TIMES
        plain = pd.api.types.is_numeric_dtype(told.dtype) or pd.api.types.is_datetime64_any_dtype(
            told.dtype
        )
        if name in used or told.isna().any() or (plain and not called):
            continue
        starts = start_of(told, 1)
        # A day (of hiring) is no period, unless its column says so.
        if starts is None or not (called or (end_of(told, starts) > starts).all()):
            continue
        raise InputError(
            f"{caller}(): targets: column {name!r} tells periods (first: {str(told.iloc[0])!r}), "
            f"but none is named {columns.period!r} or 'period_start'. Name it with "
            f"period={name!r}, or drop it if the target is that of each period."
        )


def _once_each(payee: pd.DataFrame, columns: Columns, *, caller: str) -> None:
    """Without a period a payee has one target: two would be added, month by month."""
    twice = payee.duplicated()
    if twice.any():
        who = " / ".join(map(str, payee[twice].iloc[0]))
        raise InputError(
            f"{caller}(): targets has {int(twice.sum())} row(s) more than one a payee (first: "
            f"{who}), and no period. If they are for periods name the columns 'period_start' and "
            f"'period_end' (or {columns.period!r}); if they are parts of one target add them."
        )


def _one_measure(frame: pd.DataFrame, measure: str | None, *, caller: str) -> pd.DataFrame:
    if "measure" not in frame.columns:
        if measure is not None:
            raise InputError(f"{caller}(): targets has no column 'measure' to choose from.")
        return frame
    have = list(pd.unique(frame["measure"].dropna()))
    if measure is None:
        if len(have) > 1:
            raise InputError(
                f"{caller}(): targets holds several measures {have}; choose with measure=."
            )
        return frame
    check_choice(measure, "measure", have, caller=caller)
    return frame[frame["measure"] == measure]
