"""A plan in its course: where everybody stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_choice,
    check_names,
    check_number,
    one_currency,
    refuse_names,
    resolve_as_of,
    take,
    to_pandas,
    warn,
)
from ..engine.sums import group_sums
from ..errors import InputError
from .odds import PlanSpans, draw_totals
from .organisation import (
    PlanColumns,
    cell_positions,
    lookup,
    of_measure_alone,
    one_measure,
    overlap,
)
from .shape import period_weights
from .spans import Spans
from .turnover import key_of

__all__ = ["Course", "read_course", "track"]

#: Columns of results: no key may have their names.
_TRACKED = (
    "target",
    "actual",
    "attainment",
    "expected",
    "pace",
    "gap",
    "required_rate",
    "run_rate",
    "projected",
    "status",
    "as_of",
)


def track(
    plan: pd.DataFrame,
    actuals: pd.DataFrame,
    *,
    as_of: object,
    calendar: Any = None,
    profile: Any = None,
    projection: str | pd.DataFrame = "seasonal",
    by: Any = None,
    date: str = "date",
    amount: str = "amount",
    period_start: str = "period_start",
    period_end: str = "period_end",
    target: str = "target",
    measure: str = "measure",
    direction: str | Mapping[str, str] = "higher",
    at_risk: float = 0.9,
    invalid: str = "raise",
) -> pd.DataFrame:
    """Where every key stands against its plan: to date, to the end, and what it takes.

    Parameters
    ----------
    plan : DataFrame
        Key columns, ``period_start``, ``period_end``, ``target`` (and ``measure``). Periods of
        one key that overlap are added up, with a ``DataWarning``.
    actuals : DataFrame
        Rows with some of the plan's key columns, ``date`` and ``amount`` (and ``measure``),
        transactions for instance. Amounts outside the plan periods of their own key or after
        ``as_of`` do not count; amounts of keys without a plan are left out with a
        ``DataWarning``, and sums of months of which the plan holds a part are told of.
    as_of : date or None
        Last day that counts as over. None: the last date in ``actuals``.
    calendar : str, Series or DataFrame, optional
        Working days: an ISO country code or day weights by date (a Series, or ``date`` and
        ``weight``). They share out the running
        period and count the days of ``required_rate`` and ``run_rate``. Default: every day.
    profile : Series or DataFrame, optional
        Shape inside the running period: day weights by date, by weekday (1..7), or a
        :func:`seasonal_profile`.
    projection : {"seasonal", "run_rate"} or DataFrame, default="seasonal"
        ``"seasonal"``: the rest of the plan comes in at the pace so far, so its season is kept;
        ``"run_rate"``: each working day left brings what a day has brought so far; a samples
        frame (keys, ``date``, ``draw``, ``amount``): the median of actual plus the draws after
        ``as_of``.
    by : str or list of str, optional
        Key columns to report by. Default: all keys of the plan.
    date, amount : str
        Columns of ``actuals``.
    period_start, period_end, target, measure : str
        Columns of ``plan``.
    direction : {"higher", "lower"} or dict by measure, default="higher"
        Whether more is better. Attainment is ``actual / target``; for lower-is-better
        ``target / actual``; for a target of zero or below ``1 + (actual - target) / |target|``
        (the other way round for lower), and with a target of exactly zero 1 where it is met
        and 0 where it is not. ``status`` compares ``actual`` with ``expected`` by the same rule.
    at_risk : float, default=0.9
        Pace from which on a key that is not on track is only at risk.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows of ``plan`` and ``actuals`` that cannot be used.

    Returns
    -------
    DataFrame
        One row a key (and measure): ``target`` (whole plan), ``actual`` (to date),
        ``attainment``, ``expected`` (plan to date), ``pace`` (actual / expected; where
        less than nothing is expected ``1 + (actual - expected) / |expected|``), ``gap``
        (target minus actual: what is still missing), ``required_rate`` (gap a working day
        left), ``run_rate`` (actual a working day so far), ``projected`` (at the end),
        ``status`` (achieved, on_track, at_risk, behind; not_started where nothing is expected
        yet) and ``as_of``.

    Raises
    ------
    InputError
        A column is missing, keys of ``actuals`` do not name one row of the plan, or a value
        cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"rep": ["Li"] * 2, "period_start": ["2026-01-01", "2026-02-01"],
    ...     "period_end": ["2026-01-31", "2026-02-28"], "target": [310.0, 280.0]})
    >>> sales = pd.DataFrame({"rep": ["Li"], "date": ["2026-01-20"], "amount": [341.0]})
    >>> now = track(plan, sales, as_of="2026-01-31")
    >>> now[["attainment", "pace", "required_rate", "projected", "status"]].round(2)
       attainment  pace  required_rate  projected    status
    0        0.58   1.1           8.89      649.0  on_track
    """
    caller = "track"
    course = read_course(
        plan,
        actuals,
        columns=PlanColumns(period_start, period_end, target, measure).check(caller),
        as_of=as_of,
        by=by,
        date=date,
        amount=amount,
        invalid=invalid,
        caller=caller,
    )
    refuse_names(course.names, _TRACKED, caller=caller, option="by")
    work = _days(course, calendar, profile, caller=caller)
    whole, actual = course.sums(course.target), course.actual
    expected = course.sums(course.target * work.share)
    passed, left = work.passed, work.left
    out = course.labels.copy()
    out["target"], out["actual"] = whole, actual
    lower = _is_lower(out, direction, measure, caller=caller)
    out["attainment"] = _attainment(actual, whole, lower)
    out["expected"] = expected
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(expected != 0, actual / expected, np.nan)
        out["pace"] = np.where(expected < 0, 2.0 - ratio, ratio)
        out["gap"] = whole - actual
        out["required_rate"] = np.where(left > 0, (whole - actual) / left, np.nan)
        run = np.where(passed > 0, actual / passed, np.nan)
    out["run_rate"] = run
    if isinstance(projection, pd.DataFrame):
        out["projected"] = _from_samples(projection, course, caller=caller)
    else:
        check_choice(projection, "projection", ("seasonal", "run_rate"), caller=caller)
        rest = whole - expected
        seasonal = actual + np.where(np.isnan(ratio), rest, rest * ratio)
        out["projected"] = (
            seasonal
            if projection == "seasonal"
            else actual + np.where(left > 0, np.nan_to_num(run) * left, 0.0)
        )
    out["status"] = _status(actual, whole, expected, lower, at_risk, left, caller=caller)
    out["as_of"] = course.as_of
    return out


def _is_lower(out: pd.DataFrame, direction: Any, measure: str, *, caller: str) -> np.ndarray:
    if isinstance(direction, Mapping):
        if measure not in out.columns:
            raise InputError(
                f"{caller}(): direction is by measure, but the plan has no column {measure!r}."
            )
        for name, value in direction.items():
            check_choice(value, f"direction[{name!r}]", ("higher", "lower"), caller=caller)
        measures = list(out[measure].unique())
        for name in direction:
            check_choice(name, "a measure in direction", measures, caller=caller)
        return np.array([direction.get(m, "higher") == "lower" for m in out[measure]])
    check_choice(direction, "direction", ("higher", "lower"), caller=caller)
    return np.full(len(out), direction == "lower")


def _attainment(actual: np.ndarray, target: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Share of the target reached, by the rule in :func:`track`."""
    sign = np.where(lower, -1.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(lower, target / actual, actual / target)
        shifted = 1.0 + sign * (actual - target) / np.abs(target)
    plain = np.where(lower & (actual <= 0), np.inf, plain)
    met = np.where(sign * (actual - target) >= 0, 1.0, 0.0)
    return np.where(target > 0, plain, np.where(target < 0, shifted, met))


def _status(
    actual: np.ndarray,
    target: np.ndarray,
    expected: np.ndarray,
    lower: np.ndarray,
    at_risk: float,
    left: np.ndarray,
    *,
    caller: str,
) -> np.ndarray:
    edge = check_number(at_risk, "at_risk", caller=caller, low=0, high=1)
    good = _attainment(actual, expected, lower)
    met = np.where(lower, actual <= target, actual >= target)
    # A cost target, and one below zero, is met only when the time is over.
    over = np.where(lower | (target < 0), left <= 0, True)
    nothing_yet = (expected == 0) & (target != 0)
    kinds = np.select(
        [met & over, nothing_yet, good >= 1 - 1e-12, good >= edge],
        ["achieved", "not_started", "on_track", "at_risk"],
        default="behind",
    )
    return kinds.astype(object)


# --------------------------------------------------------------------------------------
# Plan and actuals together


@dataclass(frozen=True)
class Course:
    """A plan with what has come in: rows of the plan, groups reported by, sums of actuals."""

    rows: Rows
    group: np.ndarray
    labels: pd.DataFrame
    target: np.ndarray
    start: np.ndarray
    end: np.ndarray
    as_of: pd.Timestamp
    today: int
    actual: np.ndarray
    names: list[Any]

    def sums(self, values: np.ndarray) -> np.ndarray:
        return group_sums(self.group, values, len(self.labels))


def read_course(
    plan: Any,
    actuals: Any,
    *,
    columns: PlanColumns,
    as_of: object,
    by: Any,
    date: str,
    amount: str,
    invalid: str,
    caller: str,
) -> Course:
    """Plan rows, groups, and actuals to date by group."""
    frame = to_pandas(plan, caller=caller, arg="plan")
    keys = columns.keys(frame.columns)
    names = keys if by is None else check_names(by, "by", caller=caller)
    for name in names:
        check_choice(name, "by", keys, caller=caller)
    one_currency(frame, names, caller=caller, arg="plan", each=True)
    roles: dict[str, Any] = {f"key{i}": Key(n) for i, n in enumerate(keys)}
    rows = take(
        frame,
        caller=caller,
        arg="plan",
        invalid=invalid,
        **columns.roles(),
        **roles,
    )
    start, end = rows.days("period_start"), rows.days("period_end")
    columns.check_days(rows, caller=caller)
    told = overlap(lambda: key_of(rows, len(keys)), start, end)
    if told:
        warn(f"{caller}(): plan: {told}; targets and days of both are added up.")
    measured = columns.measure if "measure" in rows else None
    if measured is None:  # a plan that names none is one of a single measure
        actuals = to_pandas(actuals, caller=caller, arg="actuals")
        of_measure_alone(actuals, None, caller=caller, arg="actuals")
    done = _read_actuals(actuals, keys, names, measured, date, amount, invalid, caller=caller)
    days = done.days("date")
    now = resolve_as_of(as_of, days if len(days) else None, caller=caller)
    today = int(np.datetime64(now, "D").astype(np.int64))
    options = [f"key{keys.index(n)}" for n in names] + (["measure"] if "measure" in rows else [])
    if options:
        found = rows.keys(*options)
        group, labels = found.codes, found.labels
    else:
        group, labels = np.zeros(len(rows), dtype=np.int64), pd.DataFrame(index=range(1))
    counts = (days >= start.min()) & (days <= min(today, int(end.max())))
    spans = (start, end)
    _tell_months(days[days <= today], int(start.min()), int(end.max()), caller=caller)
    place = _groups_of(rows, done, keys, group, len(labels), counts, spans, caller=caller)
    use = counts & (place >= 0)
    actual = group_sums(place[use], done["amount"][use], len(labels))
    return Course(rows, group, labels, rows["target"], start, end, now, today, actual, names)


def _tell_months(days: np.ndarray, first: int, last: int, *, caller: str) -> None:
    """Warn of sums of months, dated by one of their days, of which the plan holds a part."""
    when = np.unique(days)
    month = when.astype("datetime64[D]").astype("datetime64[M]")
    begin = month.astype("datetime64[D]").astype(np.int64)
    end = (month + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64) - 1
    if len(when) < 3 or not ((when == begin).all() or (when == end).all()):
        return
    cut = ((begin < first) & (end >= first)) | ((begin <= last) & (end > last))
    if cut.any():
        named = " and ".join(f"{m}" for m in month[cut])
        whole = "; ".join(
            f"{np.datetime64(int(d), 'D')} is {'in' if first <= d <= last else 'outside'}"
            for d in when[cut]
        )
        warn(
            f"{caller}(): actuals are dated by month, and the plan holds a part of {named}: the "
            f"whole month counts where its date lies ({whole}). Give actuals by day or week."
        )


def _read_actuals(
    actuals: Any,
    keys: list[Any],
    names: list[Any],
    measured: str | None,
    date: str,
    amount: str,
    invalid: str,
    *,
    caller: str,
) -> Rows:
    frame = to_pandas(actuals, caller=caller, arg="actuals")
    have = [n for n in keys if n in frame.columns]
    if names and not have:
        held = any(n in frame.index.names for n in keys)
        how = "use .reset_index()" if held else "rename your own column to one of them"
        raise InputError(
            f"{caller}(): actuals has none of the plan's key columns "
            f"({', '.join(map(str, keys))}); {how}."
        )
    one_currency(frame, have, caller=caller, arg="actuals")
    roles: dict[str, Any] = {f"key{keys.index(n)}": Key(n) for n in have}
    if measured is not None and measured in frame.columns:
        roles["measure"] = Key(measured)
    return take(
        frame,
        caller=caller,
        arg="actuals",
        invalid=invalid,
        empty="allow",
        date=Date(date),
        amount=Amount(amount),
        **roles,
    )


def _groups_of(
    rows: Rows,
    done: Rows,
    keys: list[Any],
    group: np.ndarray,
    count: int,
    counts: np.ndarray,
    spans: tuple[np.ndarray, np.ndarray],
    *,
    caller: str,
) -> np.ndarray:
    """Group of each row of actuals; -1 for keys without a plan, or outside its periods."""
    common = [
        o for o in [f"key{i}" for i in range(len(keys))] + ["measure"] if o in rows and o in done
    ]
    if "measure" in rows and "measure" not in done and len(rows.keys("measure")) > 1:
        raise InputError(
            f"{caller}(): plan has several measures, so actuals needs a column "
            f"{rows.columns['measure']!r}, too."
        )
    if not common or not len(done):
        every = PlanSpans(np.zeros(len(rows), dtype=np.int64), *spans)
        out = np.zeros(len(done), dtype=np.int64)
        return np.where(every.hold(out, done.days("date")), out, -1)
    mine, theirs = rows.keys(*common), done.keys(*common)
    low = np.full(len(mine), count, dtype=np.int64)
    high = np.full(len(mine), -1, dtype=np.int64)
    np.minimum.at(low, mine.codes, group)
    np.maximum.at(high, mine.codes, group)
    at = lookup(mine.labels, theirs.labels, caller=caller, args=("plan", "actuals"))
    known = at >= 0
    unclear = known & (low[np.maximum(at, 0)] != high[np.maximum(at, 0)])
    out = np.where(known, low[np.maximum(at, 0)], -1)[theirs.codes]
    if unclear.any():  # who changed the team is told by the date, as long as there is one
        some = np.isin(mine.codes, at[unclear])
        if overlap(lambda: mine.codes[some], spans[0][some], spans[1][some], same=True):
            first = theirs.text()[int(np.flatnonzero(unclear)[0])]
            raise InputError(
                f"{caller}(): actuals of {first!r} belong to several rows of the result; give "
                "actuals the plan's other key columns too, or report by= a coarser key."
            )
        days = done.days("date")
        row = cell_positions(mine.codes, *spans, at[theirs.codes], days, int(spans[1].max()))
        own = np.where(row >= 0, group[np.maximum(row, 0)], out)
        out = np.where(unclear[theirs.codes], own, out)
    lost = (out < 0) & counts
    if lost.any():
        who = theirs.text()[int(theirs.codes[np.flatnonzero(lost)[0]])]
        warn(
            f"{caller}(): left out {int(lost.sum())} row(s) of actuals, "
            f"{float(done['amount'][lost].sum()):,.2f} in all, of "
            f"{len(np.unique(theirs.codes[lost]))} key(s) without a plan, first {who!r}."
        )
    # Who came in the middle is judged from then on: each key's amounts in its own periods.
    inside = PlanSpans(mine.codes, *spans).hold(at[theirs.codes], done.days("date"))
    return np.where(inside, out, -1)


# --------------------------------------------------------------------------------------
# Days


@dataclass(frozen=True)
class _Work:
    """Share of each plan row that is over, and working days passed and left by group."""

    share: np.ndarray
    passed: np.ndarray
    left: np.ndarray


def _days(course: Course, calendar: Any, profile: Any, *, caller: str) -> _Work:
    low, high = int(course.start.min()), int(course.end.max())
    days = np.arange(low, high + 1)
    every = Spans(days, days, "D", np.ones(len(days)), {"year": days})
    worked = period_weights(every, None, calendar, None, 1, caller=caller)
    shape = worked
    if profile is not None:
        shape = period_weights(every, profile, calendar, None, 1, caller=caller)
        if shape.ndim != 1:
            raise InputError(f"{caller}(): profile must not differ by key here.")
    share = _elapsed(course, shape, low)
    before = np.r_[0.0, np.cumsum(worked)]
    group, first, last = PlanSpans(course.group, course.start, course.end).runs()
    now = np.clip(course.today, first - 1, last) + 1 - low
    passed = group_sums(group, before[now] - before[first - low], len(course.labels))
    left = group_sums(group, before[last + 1 - low] - before[now], len(course.labels))
    return _Work(share, passed, left)


def _elapsed(course: Course, shape: np.ndarray, low: int) -> np.ndarray:
    """Share of each plan row's period that is over at the end of ``as_of``."""
    share = (course.end <= course.today).astype(np.float64)
    running = (course.start <= course.today) & (course.end > course.today)
    if running.any():
        before = np.r_[0.0, np.cumsum(shape)]
        a, b = course.start[running] - low, course.end[running] - low + 1
        whole = before[b] - before[a]
        part = before[course.today - low + 1] - before[a]
        plain = (course.today - course.start[running] + 1) / (b - a)
        share[running] = np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), plain)
    return share


def _from_samples(samples: pd.DataFrame, course: Course, *, caller: str) -> np.ndarray:
    """Median over the draws of actual plus what the draws bring after ``as_of``."""
    if "measure" in course.rows and len(course.rows.keys("measure")) > 1:
        raise InputError(
            f"{caller}(): samples are draws of one measure, the plan has several; pass one."
        )
    own = one_measure(course.rows, caller=caller)
    samples = of_measure_alone(samples, own, caller=caller, arg="samples")
    totals = draw_totals(
        samples,
        course.labels[course.names],
        course.names,
        spans=PlanSpans(course.group, np.maximum(course.start, course.today + 1), course.end),
        caller=caller,
    )
    return course.actual + np.median(totals, axis=1)
