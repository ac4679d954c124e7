"""Counting: who reached which step, who went on, who is lost, who is still open."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._deal_states import IS_LOST, states_of
from .._frames import check_bool, check_choice, check_int
from .._messages import warn
from ..engine.moves import moves
from ..engine.packed import Packed
from ..engine.proportions import INTERVALS
from ..engine.proportions import interval as proportion_interval
from ..engine.steps import NEVER, Attempts, Rule, match
from ..engine.sums import rows_of
from ..errors import InputError
from ._events import (
    DAY,
    Stream,
    check_share,
    labels_of,
    microseconds,
    read_events,
    refuse_names,
    stage_list,
    tell_misspelt,
)

__all__ = ["Counted", "Plan", "conversion", "count", "counts_by_group"]

# What each vendor's funnel does; see docs/funnel.md for the sources.
RULES: dict[str, dict[str, Any]] = {
    "posthog": {"window": pd.Timedelta(days=14), "ties": "strict"},
    "clickhouse": {},
    "mixpanel": {"window": pd.Timedelta(days=7), "reentry": "first", "exclude_mode": "drop"},
    "hubspot": {"reentry": "first"},
}


def conversion(
    events: pd.DataFrame,
    stages: Sequence[Hashable],
    *,
    by: str | Sequence[str] | None = None,
    order: str = "ordered",
    window: pd.Timedelta | str | None = None,
    step_window: Any = None,
    ties: str = "allow",
    reentry: str = "best",
    exclude: Sequence[tuple[Hashable, int, int]] | None = None,
    exclude_mode: str = "remove",
    won: Hashable | Sequence[Hashable] | None = None,
    lost: Hashable | Sequence[Hashable] | None = None,
    rules: str | None = None,
    interval: str = "wilson",
    members: bool = False,
    as_of: object = None,
    confidence: float = 0.95,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Conversion through a sequence of stages, open deals apart from lost ones.

    Parameters
    ----------
    events : DataFrame
        Stage events, one row an entry into a stage, in any order. Also a Polars, Arrow,
        DuckDB or Spark frame.
    stages : sequence
        The steps, in order. A stage may stand twice: the second needs an event of its own. A
        stage that nobody has entered counts zero; where another stage of ``events`` is spelt
        much like it, a ``DataWarning`` asks whether that one was meant (also for ``won``,
        ``lost`` and ``exclude``).
    by : str or sequence of str, optional
        Columns to break the funnel down by; a deal belongs to the group of its first event.
    order : {"ordered", "strict", "any"}
        Other events may lie between steps; none may (neighbouring events); or the number of
        distinct steps done, whatever their order.
    window : Timedelta, optional
        Longest time from the first step to any other, end included.
    step_window : Timedelta, tuple or list, optional
        Limits from each step to the next, ends included: a longest time, a (minimum, maximum)
        tuple, or a list with one of these (or None) per step after the first.
    ties : {"allow", "strict"}
        Whether a step may happen at the very time of the one before. Between events with
        equal times, steps come in the order that helps; no meaning for ``order="any"``.
    reentry : {"best", "first", "every"}
        Any first-step event may start an attempt and the deepest counts (of equals the
        earliest); only the first may; or attempts count one after the other, each beginning
        after the one before was completed, ran out of its window or step window, or was ended
        by an exclusion.
    exclude : list of (stage, from_step, to_step), optional
        Events that spoil an attempt when they fall between two steps (zero-based), both apart.
    exclude_mode : {"remove", "drop"}
        A spoilt attempt does not count at all, or ends at the step it had reached.
    won, lost : stage or list of stages, optional
        Stages that close a deal, until it enters another stage again. A lost deal is lost at
        the step it had reached; a deal won past the remaining steps went on.
    rules : {"posthog", "clickhouse", "mixpanel", "hubspot"}, optional
        A vendor's way of counting: sets the options above that still have their default.
    interval : {"wilson", "newcombe", "clopper_pearson", "jeffreys", "agresti_coull"}
        Interval of ``rate``.
    members : bool, default=False
        Add the lists behind each bar: ``members``, ``members_lost``, ``members_open``.
    as_of : date, optional
        What is later is not known; a date counts to its end. Default: the last event.
    confidence : float, default=0.95
        Two-sided coverage of the interval.
    deal, stage, entered : str
        Columns of ``events``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a step (a group): ``step`` (1-based), ``stage``, ``entered``, ``rate`` (share
        of the previous step's entrants), ``lo``, ``hi``, ``rate_decided`` (share of those
        decided), ``overall`` (share of the first step), ``median_days`` and ``p25_days``,
        ``p75_days``, ``p90_days``, ``mean_days`` from the previous step, ``total_days``
        (median from the first step); of those who reached it ``went_on`` (in the last row all),
        ``lost`` (a window over, ended by an exclusion, or closed as lost), ``open``; and of all
        deals ``visits`` of the stage, ``skipped`` (deals that went beyond it without it),
        ``backward_moves`` and ``reopens`` into it (all four missing for ``order="any"``),
        ``as_of``.

    Raises
    ------
    InputError
        A column is missing or unusable, no stage occurs, or an option is not understood.

    References
    ----------
    .. [1] R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872.
    .. [2] ClickHouse documentation, ``windowFunnel``.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({
    ...     "deal_id": ["a", "a", "b", "c", "c"],
    ...     "stage": ["lead", "order", "lead", "lead", "lost"],
    ...     "entered_at": pd.to_datetime(
    ...         ["2025-01-01", "2025-01-05", "2025-01-06", "2025-01-02", "2025-01-09"])})
    >>> conversion(events, ["lead", "order"], lost="lost")[
    ...     ["step", "stage", "entered", "rate_decided", "went_on", "lost", "open"]]
       step  stage  entered  rate_decided  went_on  lost  open
    0     1   lead        3           NaN        1     1     1
    1     2  order        1           0.5        1     0     0
    """
    caller = "conversion"
    steps = stage_list([] if stages is None else stages, name="stages", caller=caller)
    asked = {
        "order": order,
        "window": window,
        "step_window": step_window,
        "ties": ties,
        "reentry": reentry,
        "exclude": exclude,
        "exclude_mode": exclude_mode,
    }
    plan = Plan.make(steps, asked, rules=rules, won=won, lost=lost, caller=caller)
    if isinstance(interval, str):  # "Clopper-Pearson" is the same name
        interval = interval.strip().lower().replace("-", "_").replace(" ", "_")
    check_choice(interval, "interval", INTERVALS, caller=caller)
    check_share(confidence, "confidence", caller=caller)
    check_bool(members, "members", caller=caller)
    refuse_names(by, [*_COLUMNS, *_MORE, *_LISTS], caller=caller)
    stream = read_events(
        events,
        caller=caller,
        deal=deal,
        stage=stage,
        entered=entered,
        by=by,
        as_of=as_of,
        invalid=invalid,
    )
    counted = count(stream, plan, caller=caller)
    return _table(counted, plan, interval=interval, confidence=confidence, members=members)


# --------------------------------------------------------------------------------------
# Options


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages by code (steps first) and the rule to count by."""

    steps: list[Hashable]
    names: list[Hashable]
    rule: Rule
    won: tuple[int, ...]
    lost: tuple[int, ...]

    def stage_names(self) -> list[Hashable]:
        """One name a row of a result."""
        k = len(self.steps)
        if self.rule.order == "any":
            return [f"{i} of {k}" for i in range(1, k + 1)]
        return self.steps

    @staticmethod
    def make(
        steps: list[Hashable],
        asked: dict[str, Any],
        *,
        rules: str | None = None,
        won: Any = None,
        lost: Any = None,
        caller: str,
    ) -> Plan:
        o = _with_rules({**_DEFAULTS, **asked}, rules, caller)
        check_choice(o["order"], "order", ("ordered", "strict", "any"), caller=caller)
        check_choice(o["ties"], "ties", ("allow", "strict"), caller=caller)
        check_choice(o["reentry"], "reentry", ("best", "first", "every"), caller=caller)
        check_choice(o["exclude_mode"], "exclude_mode", ("remove", "drop"), caller=caller)
        if o["order"] == "any" and o["step_window"] is not None:
            raise InputError(
                f'{caller}(): step_window has no meaning with order="any"; use window.'
            )
        out = _exclusions(o["exclude"], len(steps), caller)
        ends = [stage_list(s, name=n, caller=caller) for s, n in ((won, "won"), (lost, "lost"))]
        names = list(dict.fromkeys([*steps, *(x[0] for x in out), *ends[0], *ends[1]]))
        code = {s: i for i, s in enumerate(names)}
        window = o["window"]
        rule = Rule(
            steps=tuple(code[s] for s in steps),
            order=o["order"],
            window=None if window is None else microseconds(window, name="window", caller=caller),
            gaps=_gaps(o["step_window"], len(steps) - 1, caller),
            later=o["ties"] == "strict",
            reentry=o["reentry"],
            exclude=tuple((code[s], a, b) for s, a, b in out),
            remove=o["exclude_mode"] == "remove",
            reuse=rules == "clickhouse",
            collapse=rules == "clickhouse",
        )
        both = set(ends[0]) & set(ends[1])
        if both:
            raise InputError(f"{caller}(): {sorted(map(str, both))[0]!r} is both won and lost.")
        return Plan(
            steps, names, rule, tuple(code[s] for s in ends[0]), tuple(code[s] for s in ends[1])
        )


_DEFAULTS = {
    "order": "ordered",
    "window": None,
    "step_window": None,
    "ties": "allow",
    "reentry": "best",
    "exclude": None,
    "exclude_mode": "remove",
}


def _with_rules(asked: dict[str, Any], rules: str | None, caller: str) -> dict[str, Any]:
    if rules is None:
        return asked
    check_choice(rules, "rules", tuple(RULES), caller=caller)
    preset = RULES[rules]
    free = {k: v for k, v in preset.items() if asked[k] is None or asked[k] == _DEFAULTS[k]}
    return {**asked, **free}


def _exclusions(exclude: Any, n: int, caller: str) -> list[tuple[Hashable, int, int]]:
    out = []
    if exclude is not None and not isinstance(exclude, list | tuple):
        raise InputError(
            f"{caller}(): exclude must be a list of (stage, from_step, to_step), got {exclude!r}."
        )
    for item in exclude or []:
        if isinstance(item, str) or not hasattr(item, "__len__") or len(item) != 3:
            raise InputError(
                f"{caller}(): exclude must be a list of (stage, from_step, to_step), got {item!r}."
            )
        stage, begin, end = item
        check_int(begin, "exclude's from_step", caller=caller, low=0, high=n - 2)
        check_int(end, "exclude's to_step", caller=caller, low=begin + 1, high=n - 1)
        out.append((stage, int(begin), int(end)))
    return out


def _gaps(step_window: Any, n: int, caller: str) -> tuple[tuple[int, int | None], ...] | None:
    if step_window is None:
        return None
    if not isinstance(step_window, list):
        step_window = [step_window] * n
    if len(step_window) != n:
        raise InputError(
            f"{caller}(): step_window needs one entry per step after the first ({n}), "
            f"got {len(step_window)}."
        )
    return tuple(_gap(item, caller) for item in step_window)


def _gap(item: Any, caller: str) -> tuple[int, int | None]:
    low, high = item if isinstance(item, tuple) and len(item) == 2 else (None, item)
    least = 0 if low is None else microseconds(low, name="step_window", caller=caller)
    most = None if high is None else microseconds(high, name="step_window", caller=caller)
    if most is not None and most < least:
        raise InputError(f"{caller}(): step_window has a minimum above its maximum: {item!r}.")
    return least, most


# --------------------------------------------------------------------------------------
# Counting


@dataclass(slots=True)
class Counted:
    """Attempts with their fate, groups of deals, and the history of moves."""

    stream: Stream
    store: Packed
    found: Attempts
    lost: np.ndarray
    open: np.ndarray
    group: np.ndarray
    groups: pd.DataFrame
    group_of_deal: np.ndarray
    codes: np.ndarray

    def closed_at(self, which: Sequence[int]) -> np.ndarray:
        """Per deal the time of its last event in one of these stages; ``NEVER`` if none."""
        out = np.full(len(self.stream.labels), np.iinfo(np.int64).min)
        rows = np.isin(self.codes, which)
        np.maximum.at(out, self.stream.unit[rows], self.stream.time[rows])
        return np.where(out == np.iinfo(np.int64).min, NEVER, out)


def counts_by_group(c: Counted, k: int) -> dict[str, np.ndarray]:
    """Entered, went on, lost and open by group and step, each (groups, steps)."""
    n = len(c.groups)

    def at(rows: np.ndarray | slice) -> np.ndarray:
        cell = c.group[rows] * (k + 1) + c.found.level[rows]
        return np.bincount(cell, minlength=n * (k + 1)).reshape(n, k + 1)

    entered = at(slice(None))[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    gone, kept = at(c.lost)[:, 1:], at(c.open)[:, 1:]
    return {"entered": entered, "went_on": entered - gone - kept, "lost": gone, "open": kept}


def count(stream: Stream, plan: Plan, *, caller: str) -> Counted:
    """Match the steps and decide, for each attempt, whether it is lost or still open."""
    codes = stream.stages(plan.names)
    labels_of(stream, codes, plan.steps, caller)
    _tell_misspelt(stream, codes, plan, caller)
    store = Packed(stream.unit, stream.time, codes, len(plan.names))
    found = match(store, plan.rule, horizon=stream.horizon)
    k = len(plan.steps)
    stopped = found.level < k
    closed = _closed(stream, codes, plan)[found.unit]
    lost = stopped & ((closed == 2) | (~found.may_go_on & (closed != 1)))
    still = stopped & found.may_go_on & (closed == 0)
    _tell_unnamed_losses(stream, codes, plan, found.unit[still], caller)
    group_of_deal, groups = stream.groups()
    return Counted(
        stream, store, found, lost, still, group_of_deal[found.unit], groups, group_of_deal, codes
    )


def _tell_misspelt(stream: Stream, codes: np.ndarray, plan: Plan, caller: str) -> None:
    if all((codes == i).any() for i in range(len(plan.names))):
        return
    named = {
        "stages": plan.steps,
        "won": [plan.names[i] for i in plan.won],
        "lost": [plan.names[i] for i in plan.lost],
        "exclude": [plan.names[i] for i, _, _ in plan.rule.exclude],
    }
    there = stream.rows.series("stage").drop_duplicates()  # also those later than as_of
    tell_misspelt(there, named, caller=caller)


def _tell_unnamed_losses(
    stream: Stream, codes: np.ndarray, plan: Plan, still: np.ndarray, caller: str
) -> None:
    """Open deals whose newest stage is called lost, where no stage was named that loses them."""
    other = np.flatnonzero(codes < 0)
    if plan.lost or not len(other) or not len(still):
        return
    labels = stream.rows.series("stage")
    labels = labels if stream.kept is None else labels.iloc[stream.kept]
    says = other[states_of(labels.iloc[other])[0] == IS_LOST]
    if not len(says):
        return
    open_deal = np.zeros(len(stream.labels), dtype=bool)
    open_deal[still] = True
    says = says[open_deal[stream.unit[says]]]
    newest = np.full(len(stream.labels), np.iinfo(np.int64).min)
    np.maximum.at(newest, stream.unit, stream.time)
    says = says[stream.time[says] == newest[stream.unit[says]]]
    if len(says):
        names = labels.iloc[says].drop_duplicates().tolist()
        named = repr(names[0]) if len(names) == 1 else repr(names)
        warn(
            f"{caller}(): {len(np.unique(stream.unit[says]))} deal(s) that count as open entered "
            f"{named} last; name stages that lose a deal with lost={named}."
        )


def _closed(stream: Stream, codes: np.ndarray, plan: Plan) -> np.ndarray:
    """Per deal 1 if its last event closed it as won, 2 as lost, else 0."""
    out = np.zeros(len(stream.labels), dtype=np.int8)
    if not (plan.won or plan.lost):
        return out
    last = np.full(len(out), np.iinfo(np.int64).min)
    np.maximum.at(last, stream.unit, stream.time)
    at_end = stream.time == last[stream.unit]
    for mark, which in ((2, plan.lost), (1, plan.won)):
        out[stream.unit[at_end & np.isin(codes, which)]] = mark
    return out


def _table(
    c: Counted, plan: Plan, *, interval: str, confidence: float, members: bool
) -> pd.DataFrame:
    k = len(plan.steps)
    parts = []
    alone = len(c.groups) == 1
    for rows in [slice(None)] if alone else rows_of(c.group, len(c.groups)):
        part = _durations(c.found.times[rows], k)
        if members:
            part.update(_members(c, rows, k))
        parts.append(part)
    out = pd.DataFrame({n: v.reshape(-1) for n, v in counts_by_group(c, k).items()})
    for name in parts[0]:
        out[name] = np.concatenate([part[name] for part in parts])
    out.insert(0, "step", np.tile(np.arange(1, k + 1), len(c.groups)))
    out.insert(1, "stage", plan.stage_names() * len(c.groups))
    _rates(out, interval, confidence)
    _history(out, c, plan)
    for i, name in enumerate(c.groups.columns):
        values = c.groups[name].repeat(k).reset_index(drop=True)
        out.insert(i, name, values)
    out["as_of"] = c.stream.as_of
    front = [*c.groups.columns, *_COLUMNS]
    return out[front + [x for x in out.columns if x not in front]]


_COLUMNS = [
    "step",
    "stage",
    "entered",
    "rate",
    "lo",
    "hi",
    "rate_decided",
    "overall",
    "median_days",
    "went_on",
    "lost",
    "open",
    "visits",
    "skipped",
    "backward_moves",
    "reopens",
]
_LISTS = ["members", "members_lost", "members_open"]
_MORE = ["p25_days", "p75_days", "p90_days", "mean_days", "total_days", "as_of"]


def _durations(times: np.ndarray, k: int) -> dict[str, np.ndarray]:
    names = ("median_days", "p25_days", "p75_days", "p90_days", "mean_days", "total_days")
    out = {n: np.full(k, np.nan) for n in names}
    for step in range(1, k):
        there = times[:, step] != NEVER
        if not there.any():
            break
        gaps = times[there, step] - times[there, step - 1]
        out["median_days"][step] = _median(gaps)
        quartiles = np.quantile(gaps, [0.25, 0.75, 0.9]) / DAY
        out["p25_days"][step], out["p75_days"][step], out["p90_days"][step] = quartiles
        out["mean_days"][step] = gaps.mean() / DAY
        out["total_days"][step] = _median(times[there, step] - times[there, 0])
    return out


def _median(gaps: np.ndarray) -> float:
    return float(np.median(gaps)) / DAY


def _members(c: Counted, rows: np.ndarray | slice, k: int) -> dict[str, np.ndarray]:
    who, level = c.found.unit[rows], c.found.level[rows]
    lost, still = c.lost[rows], c.open[rows]
    labels = c.stream.labels.to_numpy()

    def lists(masks: list[np.ndarray]) -> np.ndarray:
        out = np.empty(k, dtype=object)
        for i, mask in enumerate(masks):
            out[i] = labels[who[mask]].tolist()
        return out

    at = range(1, k + 1)
    return {
        "members": lists([level >= s for s in at]),
        "members_lost": lists([(level == s) & lost for s in at]),
        "members_open": lists([(level == s) & still for s in at]),
    }


def _rates(out: pd.DataFrame, method: str, confidence: float) -> None:
    """Rates among the previous step's entrants; NaN in each group's first row."""
    first = out["step"].to_numpy() == 1
    entered = out["entered"].to_numpy().astype(float)
    before = np.where(first, 0.0, np.roll(entered, 1))
    decided = np.where(first, 0.0, np.roll(entered - out["open"].to_numpy(), 1))
    start = np.repeat(entered[first], np.diff(np.append(np.flatnonzero(first), len(first))))
    with np.errstate(divide="ignore", invalid="ignore"):
        out["rate"] = np.where(before > 0, entered / before, np.nan)
        out["rate_decided"] = np.where(decided > 0, entered / decided, np.nan)
        out["overall"] = np.where(start > 0, entered / start, np.nan)
    out["lo"], out["hi"] = proportion_interval(
        np.where(first, 0, entered), before, method=method, confidence=confidence
    )


def _history(out: pd.DataFrame, c: Counted, plan: Plan) -> None:
    """Visits, skips, backward moves and re-openings by stage, of all deals of the group."""
    names = ("visits", "skipped", "backward_moves", "reopens")
    if plan.rule.order == "any":
        for name in names:
            out[name] = np.nan
        return
    found = moves(
        c.store,
        steps=plan.rule.steps,
        won=plan.won,
        lost=plan.lost,
        group=c.group_of_deal,
        groups=len(c.groups),
    )
    for name, values in zip(names, found, strict=True):
        out[name] = values.reshape(-1)
