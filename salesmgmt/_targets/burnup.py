"""Cumulated plan, actuals and outlook: the data of a burn-up chart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .._frames import Amount, Date, one_currency, resolve_as_of, same_currency, take, to_pandas
from ..engine.sums import group_sums
from .odds import PlanSpans, tell_of_cut_start
from .organisation import PlanColumns, of_measure_alone, one_measure
from .spans import stamps

__all__ = ["burn_up"]


def burn_up(
    plan: pd.DataFrame,
    actuals: pd.DataFrame,
    *,
    as_of: object,
    samples: pd.DataFrame | None = None,
    date: str = "date",
    amount: str = "amount",
    period_start: str = "period_start",
    period_end: str = "period_end",
    target: str = "target",
    measure: str = "measure",
) -> pd.DataFrame:
    """Plan and actuals added up over time, and the fan of what may come.

    Parameters
    ----------
    plan : DataFrame
        ``period_start``, ``period_end``, ``target``; keys are added together, so pass the part
        of the organisation that is meant, and one ``measure`` if there are several.
    actuals : DataFrame
        ``date``, ``amount``; amounts before the plan or after ``as_of`` do not count, nor do
        those of another ``measure`` than the plan's (a ``DataWarning`` says so).
    as_of : date or None
        Last day that is over. None: the last date in ``actuals``.
    samples : DataFrame, optional
        Draws of what may come: ``date`` (period start), ``draw``, ``amount``; dates after
        ``as_of`` from the plan's first day to its last count, keys are added together within a
        draw.
    date, amount : str
        Columns of ``actuals``.
    period_start, period_end, target, measure : str
        Columns of ``plan``.

    Returns
    -------
    DataFrame
        One row a period end of the plan and the day ``as_of`` (the plan's first day where that
        is to come): ``date``, ``target`` (cumulated; inside a period by its days), ``actual``
        (cumulated, missing after ``as_of``), ``p10``, ``p50``, ``p90`` (actual plus draws,
        missing before ``as_of`` or without samples), ``total`` (of the whole plan), ``as_of``.

    Raises
    ------
    InputError
        A column is missing, a value cannot be used, or the plan has several measures.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"period_start": ["2026-01-01", "2026-02-01"],
    ...     "period_end": ["2026-01-31", "2026-02-28"], "target": [100.0, 200.0]})
    >>> sales = pd.DataFrame({"date": ["2026-01-10"], "amount": [90.0]})
    >>> burn_up(plan, sales, as_of="2026-01-31")[["target", "actual"]].to_numpy().tolist()
    [[100.0, 90.0], [300.0, nan]]
    """
    caller = "burn_up"
    columns = PlanColumns(period_start, period_end, target, measure).check(caller)
    frame = to_pandas(plan, caller=caller, arg="plan")
    rows = take(frame, caller=caller, arg="plan", **columns.roles())
    columns.check_days(rows, caller=caller)
    own = one_measure(rows, caller=caller)
    one_currency(rows.frame, (), caller=caller, arg="plan")
    one_currency(actuals, (), caller=caller, arg="actuals")
    tables = {"plan": frame, "actuals": actuals, "samples": samples}
    same_currency(tables, (), caller=caller)
    came = to_pandas(actuals, caller=caller, arg="actuals")
    done = take(
        of_measure_alone(came, own, caller=caller, arg="actuals", column=measure),
        caller=caller,
        arg="actuals",
        empty="allow",
        date=Date(date),
        amount=Amount(amount),
    )
    start, end = rows.days("period_start"), rows.days("period_end")
    days = done.days("date")
    now = resolve_as_of(as_of, days if len(days) else None, caller=caller)
    today = int(np.datetime64(now, "D").astype(np.int64))
    points = np.unique(np.r_[end, np.clip(today, start.min(), end.max())])
    out = pd.DataFrame({"date": stamps(points)})
    out["target"] = _cumulated_plan(points, start, end, rows["target"])
    use = (days >= start.min()) & (days <= today)
    sold, at = np.unique(days[use], return_inverse=True)
    running = np.r_[0.0, np.cumsum(group_sums(at.reshape(-1), done["amount"][use], len(sold)))]
    actual = running[np.searchsorted(sold, points, side="right")]
    out["actual"] = np.where(points <= today, actual, np.nan)
    for name in ("p10", "p50", "p90"):
        out[name] = np.nan
    if samples is not None:
        first = max(today + 1, int(start.min()))
        samples = to_pandas(samples, caller=caller, arg="samples")
        samples = of_measure_alone(samples, own, caller=caller, arg="samples")
        _add_fan(out, points, samples, first, np.unique(end), float(running[-1]), caller=caller)
    out["total"] = float(group_sums(np.zeros(len(rows), dtype=np.int64), rows["target"], 1)[0])
    out["as_of"] = now
    return out


def _cumulated_plan(
    points: np.ndarray, start: np.ndarray, end: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Target up to each day: whole periods, and the part by days of those under way."""
    order_end, order_start = np.argsort(end, kind="stable"), np.argsort(start, kind="stable")
    rate = target / (end - start + 1)
    whole = np.r_[0.0, np.cumsum(target[order_end])]
    over = np.searchsorted(end[order_end], points, side="right")
    # Under way at a day: begun and not over; sum(rate * (day - start + 1)) by running sums.
    begun = np.searchsorted(start[order_start], points, side="right")
    slope = np.r_[0.0, np.cumsum(rate[order_start])][begun]
    offset = np.r_[0.0, np.cumsum((rate * (start - 1))[order_start])][begun]
    slope -= np.r_[0.0, np.cumsum(rate[order_end])][over]
    offset -= np.r_[0.0, np.cumsum((rate * (start - 1))[order_end])][over]
    return np.round(whole[over] + slope * points - offset, 6)


def _add_fan(
    out: pd.DataFrame,
    points: np.ndarray,
    samples: pd.DataFrame,
    first: int,
    ends: np.ndarray,
    actual: float,
    *,
    caller: str,
) -> None:
    """The fan of what has come in and the draws from the day ``first`` on."""
    rows = take(
        samples,
        caller=caller,
        arg="samples",
        date=Date("date", option=""),
        draw=Amount("draw", whole=True, low=0, option=""),
        amount=Amount("amount", option=""),
    )
    days = rows.days("date")
    all_in_one = np.zeros(len(days), dtype=np.int64)
    ahead = PlanSpans(np.zeros(1, dtype=np.int64), np.array([first]), ends[-1:])
    tell_of_cut_start(ahead, all_in_one, days, pd.DataFrame(index=range(1)), caller)
    use = (days >= first) & (days <= ends[-1])
    numbers, draw = np.unique(rows["draw"], return_inverse=True)
    # A draw's amount is in by the end of the period it starts, not on the plan's first day.
    over = ends[np.searchsorted(ends, days[use], side="left")]
    at = np.searchsorted(points, over)
    flat = at * len(numbers) + draw.reshape(-1)[use]
    table = group_sums(flat, rows["amount"][use], len(points) * len(numbers))
    table = table.reshape(len(points), len(numbers))
    running = actual + np.cumsum(table, axis=0)
    shown = points >= first - 1
    for name, level in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        out[name] = np.where(shown, np.quantile(running, level, axis=1), np.nan)
