"""Running the process: how long deals stay, who is late, where money is stuck."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Key,
    check_bool,
    check_choice,
    check_column,
    check_number,
    factorise,
    one_currency,
    warn,
)
from ..engine.proportions import adjust, chi_square, fisher_exact, interval
from ..engine.sums import rows_of
from ..engine.survival import mean_and_quantiles
from ..errors import InputError
from ._events import DAY, Stream, refuse_names, stage_list, tell_misspelt
from ._limits import Allowed, limit_of, read_limits
from ._visits import Visits, stream_of
from ._worktime import worked
from .counting import Counted, Plan, count, counts_by_group

__all__ = ["bottlenecks", "dwell", "service_levels"]


_STAY_MEASURES = ["n", "censored", "mean", "p25", "median", "p75", "p90", "cycle_days"]


def dwell(
    events: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    won: Any = None,
    lost: Any = None,
    as_of: object = None,
    details: bool = False,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Days that deals spend in each stage, all visits of a deal added up.

    A deal that is still in the stage counts with the days so far (Kaplan-Meier); a closing
    stage counts only where the deal was re-opened.

    Parameters
    ----------
    events : DataFrame
        Stage events.
    by : str or sequence of str, optional
        Columns to break down by; a deal belongs to the group of its first event.
    won, lost : stage or list of stages, optional
        Stages that close a deal. Default: those with a usual name.
    as_of : date, optional
        What is later is not known. Default: the last event.
    details : bool, default=False
        One row a deal and stage instead: ``days``, ``visits``, ``censored``, ``as_of`` (and the
        deal's group, with ``by``).
    deal, stage, entered : str
        Columns of ``events``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a stage, in the order deals pass them: ``stage``, ``n`` deals, ``censored``
        (still in it), ``mean`` (up to the longest stay), ``p25``, ``median``, ``p75``, ``p90``
        days, ``cycle_days`` (median days from first event to closing of the closed deals that
        were ever in the stage), ``as_of``. Stages entered at one time are taken in the order
        that :func:`stage_order` finds.

    Raises
    ------
    InputError
        A column is missing or unusable.

    References
    ----------
    .. [1] E. L. Kaplan, P. Meier, Journal of the American Statistical Association 53 (1958),
       457-481.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": "d1", "stage": ["lead", "demo", "lead", "won"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-08", "2025-01-10"])})
    >>> dwell(events)[["stage", "n", "censored", "mean", "cycle_days"]]
      stage  n  censored  mean  cycle_days
    0  lead  1         0   6.0         9.0
    1  demo  1         0   3.0         9.0
    """
    caller = "dwell"
    refuse_names(by, ["stage", *_STAY_MEASURES, "as_of"], caller=caller)
    check_bool(details, "details", caller=caller)
    if details:
        own = ["stage", "days", "visits", "censored", "as_of"]
        refuse_names(deal, own, caller=caller, option="deal")
        refuse_names(by, own, caller=caller)
    stream = stream_of(events, caller, by, as_of, deal, stage, entered, invalid)
    visits = Visits(stream, won, lost, caller)
    table = _stays(visits)
    group, labels = stream.groups()
    if details:
        out = _stay_rows(table, stream, visits)
        for i, name in enumerate(c for c in labels.columns if c != deal):
            out.insert(i, name, labels[name].iloc[group[table["who"]]].array)
        return out
    cycle = _cycles(visits, len(stream.labels))
    at, out = _dwell_cells(table, group[table["who"]], cycle, visits.rank)
    out.insert(0, "stage", visits.labels.iloc[at["at"]].array)
    for i, name in enumerate(labels.columns):
        out.insert(i, name, labels[name].iloc[at["group"]].array)
    out["as_of"] = stream.as_of
    return out


def _stays(visits: Visits) -> pd.DataFrame:
    """One row a deal and stage: microseconds in it, visits, whether it has ended."""
    raw = pd.DataFrame(
        {
            "who": visits.who,
            "at": visits.stage,
            "stay": visits.stay,
            "ended": visits.left,
        }
    )[~visits.closed]
    grouped = raw.groupby(["who", "at"], sort=True)
    out = grouped.agg(stay=("stay", "sum"), visits=("stay", "size"), ended=("ended", "all"))
    return out.reset_index()


def _stay_rows(table: pd.DataFrame, stream: Stream, visits: Visits) -> pd.DataFrame:
    out = pd.DataFrame(
        {
            stream.labels.name: stream.labels.iloc[table["who"]].array,
            "stage": visits.labels.iloc[table["at"]].array,
            "days": table["stay"] / DAY,
            "visits": table["visits"],
            "censored": ~table["ended"],
        }
    )
    return out.assign(as_of=stream.as_of)


def _cycles(visits: Visits, deals: int) -> np.ndarray:
    """Days from first event to the closing, NaN for deals that are not closed."""
    out = np.full(deals, np.nan)
    start = visits.time[visits.first]
    end = np.where(visits.closed[visits.last], visits.time[visits.last], -1)
    days = np.where(end >= 0, (end - start) / DAY, np.nan)
    out[visits.who[visits.first]] = days
    return out


def _dwell_cells(
    table: pd.DataFrame, group: np.ndarray, cycle: np.ndarray, rank: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Group and stage of each row of the result, in order, and its measures."""
    at, who = table["at"].to_numpy(), table["who"].to_numpy()
    days, ended = table["stay"].to_numpy() / DAY, table["ended"].to_numpy()
    cells, cell = np.unique(group * len(rank) + rank[at], return_inverse=True)
    rows = []
    for part in rows_of(cell.reshape(-1), len(cells)):
        mean, quantiles = mean_and_quantiles(days[part], ended[part], (0.25, 0.5, 0.75, 0.9))
        own = cycle[who[part]]
        own = own[~np.isnan(own)]
        middle = float(np.median(own)) if len(own) else np.nan
        rows.append((len(part), int((~ended[part]).sum()), mean, *quantiles, middle))
    place = np.argsort(rank)
    where = pd.DataFrame({"group": cells // len(rank), "at": place[cells % len(rank)]})
    return where, pd.DataFrame(rows, columns=_STAY_MEASURES)


# --------------------------------------------------------------------------------------
# Service levels

_LATE = [
    "stage",
    "entered_at",
    "left_at",
    "days",
    "limit_days",
    "late_days",
    "still_there",
    "as_of",
]
_LATE_SUMMARY = ["visits", "late", "share_late", "lo", "hi", "median_late_days"]


def service_levels(
    events: pd.DataFrame,
    limits: Mapping[Hashable, Any] | pd.Series | pd.DataFrame,
    *,
    owner: str | None = None,
    calendar: str | pd.Series | None = None,
    summary: bool = False,
    won: Any = None,
    lost: Any = None,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Who is late: visits to a stage that took, or have so far taken, longer than allowed.

    Parameters
    ----------
    events : DataFrame
        Stage events.
    limits : mapping, Series or DataFrame
        Longest stay by stage: a time span (``"3D"``, ``"4h"``) or a number of days; or a frame
        with the columns ``stage`` and ``limit``, and the one named in ``owner`` where limits
        differ by it (rows without an owner hold for everybody else). A ``DataWarning`` tells
        where none of these owners is in ``events``.
    owner : str, optional
        Column of ``events`` with who is responsible (at the entry into the stage).
    calendar : str or Series, optional
        Count working time alone, so that limits are in working days: a country code, or weights
        by day (0 off, 1 worked). Default: all time counts.
    summary : bool, default=False
        One row an owner and stage instead: visits, how many late, share with interval.
    won, lost : stage or list of stages, optional
        Stages that close a deal. Default: those with a usual name.
    as_of : date, optional
        What is later is not known. Default: the last event.
    deal, stage, entered : str
        Columns of ``events``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a late visit, the latest first: deal, ``stage``, owner, ``entered_at``,
        ``left_at`` (missing while still there), ``days``, ``limit_days``, ``late_days``,
        ``still_there``, ``as_of``. With ``summary``: owner, ``stage``, ``visits`` (left, or
        over the limit), ``late``, ``share_late``, ``lo``, ``hi`` (Wilson), ``median_late_days``.

    Raises
    ------
    InputError
        A column is unusable, a limit is no time span, or the calendar is unknown or too short.

    References
    ----------
    .. [1] E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": [1, 1, 2], "stage": ["lead", "demo", "lead"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-09", "2025-01-08"])})
    >>> service_levels(events, {"lead": "3D"})[["deal_id", "days", "late_days"]]
       deal_id  days  late_days
    0        1   8.0        5.0
    """
    caller = "service_levels"
    check_bool(summary, "summary", caller=caller)
    check_column(owner, "owner", caller=caller)
    allowed = read_limits(limits, owner, caller)
    refuse_names(deal, [*_LATE, *([owner] if owner else [])], caller=caller, option="deal")
    refuse_names(owner, [*_LATE, *_LATE_SUMMARY], caller=caller, option="owner")
    more = {} if owner is None else {"owner": Key(owner)}
    stream = stream_of(events, caller, None, as_of, deal, stage, entered, invalid, **more)
    visits = Visits(stream, won, lost, caller, tie=_owner_codes(stream))
    tell_misspelt(visits.labels, {"limits": [s for _, s in allowed]}, caller=caller)
    owners = None if owner is None else _owners(stream, visits)
    _tell_strangers(allowed, owners, caller)
    limit = limit_of(allowed, visits.labels, visits.stage, owners)
    watched = (limit >= 0) & ~visits.closed
    stay = worked(visits.time, visits.time + visits.stay, calendar, caller=caller)
    late = watched & (stay > limit)
    frame = pd.DataFrame(
        {
            deal: stream.labels.iloc[visits.who].array,
            "stage": visits.labels.iloc[visits.stage].array,
            "entered_at": visits.time.astype("datetime64[us]"),
            "left_at": np.where(visits.left, visits.time + visits.stay, np.iinfo(np.int64).min)
            .astype(np.int64)
            .astype("datetime64[us]"),
            "days": stay / DAY,
            "limit_days": limit / DAY,
            "late_days": (stay - limit) / DAY,
            "still_there": ~visits.left,
        }
    )
    if owners is not None:
        frame.insert(2, owner, owners.array)
    if summary:
        counted = watched & (visits.left | late)
        return _late_summary(frame[counted], late[counted], owner, stream)
    out = frame[late].sort_values(
        ["late_days", deal, "entered_at"], ascending=[False, True, True], kind="stable"
    )
    return out.assign(as_of=stream.as_of).reset_index(drop=True)


def _tell_strangers(allowed: Allowed, owners: pd.Series | None, caller: str) -> None:
    """Warn where none of the owners with limits of their own is in the events: '7' is not 7."""
    named = {o for o, _ in allowed if o is not None}
    there = [] if owners is None else owners.drop_duplicates().tolist()
    if named and there and named.isdisjoint(there):
        warn(
            f"{caller}(): none of the {len(named)} owner(s) with limits of their own is in events, "
            f"first {min(named, key=str)!r}; in events there is {there[0]!r}."
        )


def _owner_codes(stream: Stream) -> np.ndarray | None:
    """Of two equal visits, the one of the smaller owner is the first: row order must not matter."""
    if "owner" not in stream.rows:
        return None
    codes = stream.rows.keys("owner").codes
    return codes if stream.kept is None else codes[stream.kept]


def _owners(stream: Stream, visits: Visits) -> pd.Series:
    """Who is responsible for each visit."""
    own = stream.rows.series("owner")
    return (own if stream.kept is None else own.iloc[stream.kept]).iloc[visits.order]


def _late_summary(
    frame: pd.DataFrame, late: np.ndarray, owner: str | None, stream: Stream
) -> pd.DataFrame:
    names = ["stage"] if owner is None else [owner, "stage"]
    key = factorise(frame, names)
    over = np.where(late, frame["late_days"].to_numpy(), np.nan)
    out = key.labels.copy()
    out["visits"] = np.bincount(key.codes, minlength=len(key))
    out["late"] = np.bincount(key.codes[late], minlength=len(key))
    out["share_late"] = out["late"] / out["visits"]
    out["lo"], out["hi"] = interval(out["late"].to_numpy(), out["visits"].to_numpy())
    out["median_late_days"] = pd.Series(over).groupby(key.codes).median().to_numpy()
    return out.assign(as_of=stream.as_of)


# --------------------------------------------------------------------------------------
# Bottlenecks


def bottlenecks(
    events: pd.DataFrame,
    stages: Sequence[Hashable],
    *,
    by: str | Sequence[str] | None = None,
    value: str | float | None = None,
    benchmark: str | Mapping[Hashable, float] = "others",
    window: pd.Timedelta | str | None = None,
    won: Any = None,
    lost: Any = None,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Steps ranked by what lifting them to the benchmark would bring.

    The gain of a step is the number of decided deals at it, times the gap to the benchmark,
    times the share that later goes all the way, times the value of a converted deal.

    Parameters
    ----------
    events : DataFrame
        Stage events.
    stages : sequence
        The steps, in order.
    by : str or sequence of str, optional
        Columns of groups: the same step elsewhere is then the benchmark.
    value : str or float, optional
        Value of a deal: a column of ``events`` (the mean of converted deals is used; of all,
        while none has converted; a deal whose rows differ counts with the largest), or an
        amount. Default: 1, so that gains are numbers of deals.
    benchmark : {"others", "best"} or mapping, default="others"
        All other groups together, or the best of them; without ``by``, all other steps, or the
        best step. Or rates by stage.
    window, won, lost, as_of
        As in :func:`conversion`.
    deal, stage, entered : str
        Columns of ``events``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a step left (and group), the largest gain first: ``step``, ``stage`` (the one
        that deals do not leave), ``decided``, ``went_on``, ``rate``, ``benchmark``, ``gap``,
        ``downstream`` (share of those who go on that converts; where nobody decided went on,
        the mean of the other groups), ``value``, ``gain`` (0 where the step is at or above its
        benchmark), ``p_value`` (against the others: Fisher's exact
        test, of more than 20,000 deals Pearson's chi-square; NaN where the benchmark is a
        number), ``p_corrected`` (Holm), ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, or a benchmark is no rate.

    References
    ----------
    .. [1] S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": [1, 1, 2, 2, 3, 3, 4, 4], "region": list("aaaabbbb"),
    ...     "stage": ["x", "y", "x", "y", "x", "y", "x", "lost"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-02"] * 4)})
    >>> out = bottlenecks(events, ["x", "y"], by="region", lost="lost", value=1000.0)
    >>> out[["region", "stage", "rate", "benchmark", "gain"]]
      region stage  rate  benchmark    gain
    0      b     x   0.5        1.0  1000.0
    1      a     x   1.0        0.5     0.0
    """
    caller = "bottlenecks"
    steps = stage_list([] if stages is None else stages, name="stages", caller=caller, least=2)
    plan = Plan.make(steps, {"window": window}, won=won, lost=lost, caller=caller)
    _check_benchmark(benchmark, steps[:-1], caller)
    more = {"value": Amount(value)} if isinstance(value, str) else {}
    if value is not None and not isinstance(value, str):
        check_number(value, "value", caller=caller, low=0)
    refuse_names(by, _BOTTLENECK, caller=caller)
    stream = stream_of(events, caller, by, as_of, deal, stage, entered, invalid, **more)
    if more:
        one_currency(events, [], caller=caller, arg="events")
    counted = count(stream, plan, caller=caller)
    worth = _worth(counted, plan, value)
    out = _step_table(counted, plan, worth)
    _against(out, benchmark, grouped=len(counted.groups) > 1)
    out["gap"] = out["benchmark"] - out["rate"]
    out["gain"] = (
        out["decided"] * out["gap"].clip(lower=0) * out["downstream"] * out["value"]
    ).fillna(0.0)
    out["p_corrected"] = adjust(out["p_value"].to_numpy())
    out["as_of"] = stream.as_of
    out = out.sort_values(["gain", "step", "g"], ascending=[False, True, True], kind="stable")
    group, out = out["g"].to_numpy(), out[_BOTTLENECK].reset_index(drop=True)
    for i, name in enumerate(counted.groups.columns):
        out.insert(i, name, counted.groups[name].iloc[group].array)
    return out


_BOTTLENECK = [
    "step",
    "stage",
    "decided",
    "went_on",
    "rate",
    "benchmark",
    "gap",
    "downstream",
    "value",
    "gain",
    "p_value",
    "p_corrected",
    "as_of",
]


def _check_benchmark(benchmark: Any, left: Sequence[Hashable], caller: str) -> None:
    if isinstance(benchmark, Mapping):
        if strange := [name for name in benchmark if name not in left]:
            raise InputError(
                f"{caller}(): benchmark names {strange[0]!r}, which is no step that deals leave; "
                f"these are: {', '.join(map(repr, left))}."
            )
        for name, rate in benchmark.items():
            check_number(rate, f"benchmark[{name!r}]", caller=caller, low=0, high=1)
    else:
        check_choice(benchmark, "benchmark", ("others", "best"), caller=caller)


def _worth(counted: Counted, plan: Plan, value: Any) -> float:
    if value is None:
        return 1.0
    if not isinstance(value, str):
        return float(value)
    amounts = counted.stream.rows["value"]
    kept = counted.stream.kept
    amounts = amounts if kept is None else amounts[kept]
    deals = counted.found.unit[counted.found.level == len(plan.steps)]
    mine = np.isin(counted.stream.unit, deals if len(deals) else counted.found.unit)
    frame = pd.DataFrame({"u": counted.stream.unit[mine], "v": amounts[mine]})
    return float(frame.groupby("u")["v"].max().mean())


def _step_table(counted: Counted, plan: Plan, worth: float) -> pd.DataFrame:
    k, n = len(plan.steps), len(counted.groups)
    c = counts_by_group(counted, k)
    entered, went_on, still = c["entered"], c["went_on"], c["open"]
    # Of those ahead of a step, the ones that are open before the last step are not decided.
    ahead = entered[:, 1:] - (np.cumsum(still[:, ::-1], axis=1)[:, ::-1] - still[:, -1:])[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        downstream = np.where(ahead > 0, entered[:, -1:] / ahead, np.nan)
    out = pd.DataFrame(
        {
            "g": np.repeat(np.arange(n), k - 1),
            "step": np.tile(np.arange(1, k), n),
            "stage": list(plan.steps[:-1]) * n,
            "decided": (went_on + c["lost"])[:, :-1].reshape(-1),
            "went_on": went_on[:, :-1].reshape(-1),
            "downstream": downstream.reshape(-1),
        }
    )
    out["rate"] = out["went_on"] / out["decided"].where(out["decided"] > 0)
    out["value"] = worth
    pooled = out.groupby("step")["downstream"].transform("mean")
    out["downstream"] = out["downstream"].fillna(pooled)
    return out


def _against(out: pd.DataFrame, benchmark: Any, *, grouped: bool) -> None:
    """Benchmark and p-value of each row: against the same step of other groups, or other steps."""
    out["benchmark"], out["p_value"] = np.nan, np.nan
    if isinstance(benchmark, Mapping):
        out["benchmark"] = out["stage"].map(dict(benchmark)).astype(float)
        return
    block = out["step"].to_numpy() if grouped else np.zeros(len(out), dtype=np.int64)
    n, k = out["decided"].to_numpy(), out["went_on"].to_numpy()
    others, hits = (np.bincount(block, weights=v)[block].astype(np.int64) - v for v in (n, k))
    there = others > 0
    if benchmark == "best":
        out["benchmark"] = np.where(there, _best_other(out["rate"].to_numpy(), block), np.nan)
    else:
        out["benchmark"] = np.where(there, hits / np.maximum(others, 1), np.nan)
    rows = np.flatnonzero(there & (n > 0))
    p = np.full(len(out), np.nan)
    p[rows] = [_p(int(k[i]), int(n[i]), int(hits[i]), int(others[i])) for i in rows]
    out["p_value"] = p


def _best_other(rate: np.ndarray, block: np.ndarray) -> np.ndarray:
    """The highest rate of the other rows of a block (minus infinity where there is none)."""
    value = np.where(np.isnan(rate), -np.inf, rate)
    first, second = (np.full(int(block.max()) + 1, -np.inf) for _ in range(2))
    np.maximum.at(first, block, value)
    top = value == first[block]
    alone = np.bincount(block[top], minlength=len(first)) == 1
    np.maximum.at(second, block[~top], value[~top])
    return np.where(top & alone[block], second[block], first[block])


def _p(k1: int, n1: int, k2: int, n2: int) -> float:
    if n1 + n2 <= 20_000:
        return fisher_exact(k1, n1, k2, n2)
    return chi_square(np.array([k1, k2]), np.array([n1, n2]))[1]
