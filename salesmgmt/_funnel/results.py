"""What the pipeline earns: velocity, reasons of wins and losses, coverage of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    check_column,
    check_names,
    check_number,
    factorise,
    money,
    one_currency,
    stack_keys,
    take,
    to_pandas,
    units,
    warn,
)
from ..engine.proportions import interval
from ..engine.sums import group_sums
from ..errors import InputError
from ._deals import IS_LOST, IS_WON, NO_DAY, OPEN, Deals, read_deals
from ._events import check_share, refuse_names

__all__ = ["coverage", "velocity", "win_loss"]


_VELOCITY = [
    *("deals", "open", "won", "lost", "win_rate", "value", "cycle_days", "velocity"),
    *("deals_10", "win_rate_10", "value_10", "cycle_10", "as_of"),
]


def velocity(
    deals: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Sales velocity: deals x win rate x value / cycle, money a day, and what 10 % is worth.

    Parameters
    ----------
    deals : DataFrame
        One row a deal; give those of the period you mean (all of them count as ``deals``).
    by : str or sequence of str, optional
        Columns to break down by.
    as_of : date, optional
        The day that is looked at. Default: the last creation or closing.
    deal, stage, amount, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        ``deals``, ``open``, ``won``, ``lost``, ``win_rate`` (won of closed), ``value`` (mean
        of won), ``cycle_days`` (mean of won, from the day of creation to that of
        closing: clock times do not count), ``velocity`` (a day), and the exact change of the
        velocity with 10 % more deals, win rate or value, or a 10 % shorter cycle:
        ``deals_10``, ``win_rate_10`` (a rate stops at 1), ``value_10``, ``cycle_10``;
        ``as_of``. NaN where nothing was won, and a velocity where all was won on its first day.

    Raises
    ------
    InputError
        A column is unusable.

    References
    ----------
    .. [1] HubSpot, *Sales velocity* (number of deals x average value x win rate / cycle).

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"deal_id": [1, 2, 3, 4], "stage": ["won", "lost", "demo", "won"],
    ...     "amount": [100.0, 100.0, 50.0, 300.0], "created_at": pd.to_datetime(["2025-01-01"] * 4),
    ...     "close_date": pd.to_datetime(["2025-01-11", "2025-01-21", None, "2025-01-31"])})
    >>> velocity(deals)[["deals", "win_rate", "value", "cycle_days", "velocity"]].round(2)
       deals  win_rate  value  cycle_days  velocity
    0      4      0.67  200.0        20.0     26.67
    """
    caller = "velocity"
    refuse_names(by, _VELOCITY, caller=caller)
    known = read_deals(
        deals,
        caller=caller,
        deal=deal,
        stage=stage,
        amount=amount,
        created=created,
        close=close,
        status=status,
        by=by,
        as_of=as_of,
        invalid=invalid,
    )
    group, labels = known.groups()
    size = len(labels)
    won, lost = known.status == IS_WON, known.status == IS_LOST
    out = labels.reset_index(drop=True).copy() if labels.shape[1] else pd.DataFrame(index=[0])
    n = np.bincount(group, minlength=size)
    k, m = np.bincount(group[won], minlength=size), np.bincount(group[lost], minlength=size)
    out["deals"], out["open"], out["won"], out["lost"] = n, n - k - m, k, m
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(k + m > 0, k / (k + m), np.nan)
        value = group_sums(group[won], known.amount()[won], size) / k
        cycle = np.bincount(group[won], weights=known.age[won], minlength=size) / k
        out["win_rate"], out["value"], out["cycle_days"] = rate, value, cycle
        cycle = np.where(cycle > 0, cycle, np.nan)
        speed = n * rate * value / cycle
        out["velocity"] = speed
        out["deals_10"] = 1.1 * n * rate * value / cycle - speed
        out["win_rate_10"] = n * np.minimum(1.1 * rate, 1.0) * value / cycle - speed
        out["value_10"] = n * rate * (1.1 * value) / cycle - speed
        out["cycle_10"] = n * rate * value / (0.9 * cycle) - speed
    out["as_of"] = known.as_of
    out = out[out["deals"] > 0] if labels.shape[1] else out
    return out.reset_index(drop=True)


def win_loss(
    deals: pd.DataFrame,
    *,
    dimensions: Sequence[str] | None = None,
    as_of: object = None,
    step: float = 0.01,
    confidence: float = 0.95,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Why deals are lost, against whom, and where they are won.

    Parameters
    ----------
    deals : DataFrame
        One row a deal.
    dimensions : sequence of str, optional
        Columns to look at. Default: those of ``lost_reason``, ``competitor``, ``source``,
        ``owner`` that are there.
    as_of : date, optional
        The day that is looked at. Default: the last creation or closing.
    step : float, default=0.01
        Smallest unit of money.
    confidence : float, default=0.95
        Coverage of the interval of the win rate (Wilson).
    deal, stage, amount, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a dimension and value (missing values apart, as ``None``), most lost money
        first: ``dimension``, ``value``, ``closed``, ``won``, ``lost``, ``amount_won``,
        ``amount_lost``, ``share_lost`` (of the dimension's lost money), ``win_rate``, ``lo``,
        ``hi`` (NaN for reasons, which only lost deals have), ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, or no dimension is there.

    References
    ----------
    .. [1] E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"deal_id": [1, 2, 3], "stage": ["won", "lost", "lost"],
    ...     "amount": [100.0, 80.0, 20.0], "created_at": pd.to_datetime(["2025-01-01"] * 3),
    ...     "close_date": pd.to_datetime(["2025-01-11", "2025-01-21", "2025-01-31"]),
    ...     "lost_reason": [None, "price", "timing"]})
    >>> win_loss(deals)[["dimension", "value", "lost", "amount_lost", "share_lost"]]
         dimension   value  lost  amount_lost  share_lost
    0  lost_reason   price     1         80.0         0.8
    1  lost_reason  timing     1         20.0         0.2
    """
    caller = "win_loss"
    check_share(confidence, "confidence", caller=caller)
    frame = to_pandas(deals, caller=caller, arg="deals")
    usual = ("lost_reason", "competitor", "source", "owner")
    wanted = check_names(dimensions, "dimensions", caller=caller)
    if dimensions is None:
        wanted = [c for c in usual if c in frame.columns]
    if not wanted:
        raise InputError(
            f"{caller}(): deals has none of {', '.join(usual)}; name columns with dimensions=."
        )
    looks: dict[str, Any] = {f"look{i}": Key(c, missing="allow") for i, c in enumerate(wanted)}
    known = read_deals(
        frame,
        caller=caller,
        deal=deal,
        stage=stage,
        amount=amount,
        created=created,
        close=close,
        status=status,
        as_of=as_of,
        invalid=invalid,
        **looks,
    )
    parts = [_one_dimension(known, look, step, confidence, caller) for look in looks]
    out = pd.concat(parts, ignore_index=True)
    out["as_of"] = known.as_of
    return out


def _one_dimension(
    known: Deals, option: str, step: float, confidence: float, caller: str
) -> pd.DataFrame:
    name = known.rows.columns[option]
    reason = _is_reason(name, known.column(option)[known.status == IS_WON])
    closed = known.status == IS_LOST if reason else known.status != OPEN
    frame = pd.DataFrame(
        {
            "value": known.column(option).astype(object).where(lambda s: s.notna(), None),
            "won": known.status == IS_WON,
            "units": units(known.amount(), step, name="amount", caller=caller),
        }
    )[closed]
    frame["uw"] = np.where(frame["won"], frame["units"], 0)
    frame["ul"] = np.where(frame["won"], 0, frame["units"])
    grouped = frame.groupby("value", dropna=False, sort=False)
    out = grouped.agg(
        closed=("won", "size"), won=("won", "sum"), uw=("uw", "sum"), ul=("ul", "sum")
    )
    out = out.reset_index()
    out["lost"] = out["closed"] - out["won"]
    total = out["ul"].sum()
    out["share_lost"] = out["ul"] / total if total else np.nan
    lo, hi = interval(out["won"].to_numpy(), out["closed"].to_numpy(), confidence=confidence)
    rate = out["won"] / out["closed"]
    out["win_rate"], out["lo"], out["hi"] = (np.nan, np.nan, np.nan) if reason else (rate, lo, hi)
    out["amount_won"] = money(out["uw"].to_numpy(np.int64), step)
    out["amount_lost"] = money(out["ul"].to_numpy(np.int64), step)
    out["dimension"], out["_text"] = name, out["value"].astype(str)
    out = out.sort_values(["ul", "_text"], ascending=[False, True], kind="stable")
    front = ["dimension", "value", "closed", "won", "lost", "amount_won", "amount_lost"]
    return out[[*front, "share_lost", "win_rate", "lo", "hi"]]


def _is_reason(name: str, of_won: pd.Series) -> bool:
    """Whether only lost deals have a value, as a reason of losing; all have a source and an owner.

    While nothing is won, its name must say so.
    """
    if name in ("source", "owner"):
        return False
    return bool(of_won.isna().all()) if len(of_won) else name == "lost_reason"


# --------------------------------------------------------------------------------------
# Coverage


_COVERAGE = [
    *("period_start", "period_end", "target", "won", "gap", "open", "coverage", "win_rate"),
    *("needed", "shortfall", "as_of"),
]


def coverage(
    deals: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    by: str | Sequence[str] | Mapping[str, str] | None = None,
    measure: Any = None,
    win_rate: float | None = None,
    as_of: object = None,
    step: float = 0.01,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    period_start: str = "period_start",
    period_end: str = "period_end",
    target: str = "target",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Whether the open pipeline is enough for what the plan still asks.

    Parameters
    ----------
    deals : DataFrame
        One row a deal.
    plan : DataFrame
        ``period_start``, ``period_end``, ``target``, key columns, and possibly ``measure``.
    by : str, sequence of str or mapping, optional
        Key columns of both frames; or plan column to deals column (``{"rep": "owner"}``).
        Default: the company.
    measure : scalar, optional
        Which measure of the plan. Needed where it has several.
    win_rate : float, optional
        Share of open money that is won. Default: won money of closed money, so far (of the same
        ``currency``, where keys differ in it).
    as_of : date, optional
        The day that is looked at. Default: the last creation or closing.
    step : float, default=0.01
        Smallest unit of money.
    deal, stage, amount, created, close, status : str
        Columns of ``deals``.
    period_start, period_end, target : str
        Columns of ``plan``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a key and period not over at ``as_of``: ``period_start``, ``period_end``,
        ``target``, ``won`` (closed in the period), ``gap`` (target less won, at least 0),
        ``open`` (expected to close in the period, from ``as_of`` on; overdue deals in the
        current period), ``coverage`` (open / gap), ``win_rate``, ``needed`` (gap / win rate),
        ``shortfall`` (needed less open, at least 0), ``as_of``. A ``DataWarning`` tells of deals
        of keys without a plan, another of open deals without an expected day: these are in no
        period (:func:`pipeline` counts them, ``undated``).

    Raises
    ------
    InputError
        A column is unusable, a period ends before it starts, periods of a key overlap, the
        plan has several measures, or a key is planned in one currency and sold in another.

    References
    ----------
    .. [1] Pipeline coverage: open pipeline over remaining quota, as in Gong and Clari.

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"deal_id": [1, 2, 3], "stage": ["won", "lost", "demo"],
    ...     "amount": [100.0, 100.0, 300.0], "created_at": pd.to_datetime(["2025-01-01"] * 3),
    ...     "close_date": pd.to_datetime(["2025-01-11", "2025-01-21", "2025-03-31"])})
    >>> plan = pd.DataFrame({"period_start": ["2025-01-01"], "period_end": ["2025-03-31"],
    ...     "target": [250.0]})
    >>> coverage(deals, plan)[["won", "gap", "open", "coverage", "needed", "shortfall"]]
         won    gap   open  coverage  needed  shortfall
    0  100.0  150.0  300.0       2.0   300.0        0.0
    """
    caller = "coverage"
    if win_rate is not None:
        check_number(win_rate, "win_rate", caller=caller, low=0, high=1, open_low=True)
    names = [] if isinstance(by, Mapping) else check_names(by, "by", caller=caller)
    pairs = dict(by) if isinstance(by, Mapping) else {name: name for name in names}
    refuse_names(list(pairs), _COVERAGE, caller=caller)
    known = read_deals(
        deals,
        caller=caller,
        deal=deal,
        stage=stage,
        amount=amount,
        created=created,
        close=close,
        status=status,
        by=list(pairs.values()),
        as_of=as_of,
        invalid=invalid,
        currency=Key("currency", optional=True, missing="allow"),
    )
    columns = {"period_start": period_start, "period_end": period_end, "target": target}
    goals, labels, planned = _plan_rows(plan, list(pairs), columns, measure, invalid, step, caller)
    _refuse_overlap(goals, labels, caller)
    goals = goals[goals["last"] >= known.until].reset_index(drop=True)
    if goals.empty:
        raise InputError(f"{caller}(): every period of plan is over at {known.as_of.date()}.")
    whole = units(known.amount(), step, name=amount, caller=caller)
    key = _codes_of(known, labels, caller)
    rates = _win_rates(known, whole, key, labels, planned, caller)
    rate = (rates if win_rate is None else np.full(len(labels), float(win_rate)))[goals["key"]]
    _tell_left_out(known, goals, key, list(pairs.values()), caller)
    _tell_undated(known, whole, key, step, caller)
    got, due = _period_sums(known, whole, goals, key)
    gap = np.maximum(goals["units"].to_numpy() - got, 0)
    out = labels.iloc[goals["key"]].reset_index(drop=True)
    for name, column in (("period_start", "first"), ("period_end", "last")):
        out[name] = goals[column].to_numpy().astype("datetime64[D]").astype("datetime64[us]")
    out["target"], out["won"] = money(goals["units"].to_numpy(), step), money(got, step)
    out["gap"], out["open"] = money(gap, step), money(due, step)
    with np.errstate(divide="ignore", invalid="ignore"):
        out["coverage"] = np.where(gap > 0, due / np.where(gap > 0, gap, 1), np.nan)
        out["win_rate"] = rate
        endless = np.where(gap > 0, np.inf, 0.0)
        out["needed"] = np.where(rate == 0, endless, out["gap"] / rate)
    out["shortfall"] = (out["needed"] - out["open"]).clip(lower=0)
    return out.assign(as_of=known.as_of)


def _plan_rows(
    plan: Any,
    keys: list[str],
    names: Mapping[str, str],
    measure: Any,
    invalid: str,
    step: float,
    caller: str,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str | None]]:
    """Targets by key (a code), first and last day, in whole units; each key's label, currency."""
    one_currency(plan, keys, caller=caller, arg="plan", each=True)
    rows = take(
        plan,
        caller=caller,
        arg="plan",
        invalid=invalid,
        by=keys,
        period_start=Date(names["period_start"]),
        period_end=Date(names["period_end"], last=True),
        target=Amount(names["target"]),
        measure=Key("measure", optional=True, missing="allow"),
        currency=Key("currency", optional=True, missing="allow"),
    )
    codes, labels = np.zeros(len(rows), dtype=np.int64), pd.DataFrame(index=range(1))
    if keys:
        key = rows.keys(*(f"by{i}" for i in range(len(keys))))
        codes, labels = key.codes, key.labels
    frame = pd.DataFrame({"key": codes})
    frame["first"], frame["last"] = rows.days("period_start"), rows.days("period_end")
    if (back := frame["last"] < frame["first"]).any():
        raise InputError(
            f"{caller}(): plan: {names['period_end']!r} is before {names['period_start']!r} in "
            f"{int(back.sum())} row(s)."
        )
    frame["units"] = units(rows["target"], step, name=names["target"], caller=caller)
    check_column(measure, "measure", caller=caller)
    if measure is not None and "measure" not in rows:
        raise InputError(f"{caller}(): plan has no column 'measure' to look up {measure!r} in.")
    if "measure" in rows:
        kinds = rows.series("measure").drop_duplicates().tolist()
        if measure is None and len(kinds) > 1:
            raise InputError(
                f"{caller}(): plan has several measures ({', '.join(map(repr, kinds[:4]))}); "
                "name one with measure=."
            )
        if measure is not None:
            if measure not in kinds:
                raise InputError(f"{caller}(): plan has no measure {measure!r}; it has {kinds!r}.")
            frame = frame[rows.series("measure").eq(measure).to_numpy()]
    out = frame.groupby(["key", "first", "last"], sort=True)["units"].sum()
    money_of = rows.series("currency") if "currency" in rows else None
    return out.reset_index(), labels, _currencies(money_of, codes, len(labels))


def _currencies(told: pd.Series | None, codes: np.ndarray, n: int) -> list[str | None]:
    """The currency of each key, which has one at most; None where none is told."""
    out: list[str | None] = [None] * n
    if told is not None:
        there = np.flatnonzero(told.notna().to_numpy() & (codes >= 0))
        for code, first in zip(*np.unique(codes[there], return_index=True), strict=True):
            out[code] = str(told.iloc[there[first]])
    return out


def _win_rates(
    known: Deals,
    whole: np.ndarray,
    key: np.ndarray,
    labels: pd.DataFrame,
    planned: list[str | None],
    caller: str,
) -> np.ndarray:
    """Won money of closed money, by key of the plan: that of all deals in the key's currency."""
    own, groups = known.groups()
    told = known.column("currency") if "currency" in known.rows else None
    of_group = _currencies(told, own, len(groups))
    of_key = _currencies(told, key, len(labels))
    for i, (ours, theirs) in enumerate(zip(of_key, planned, strict=True)):
        if ours is not None and theirs is not None and ours != theirs:
            who = "".join(f" of {name}={value!r}" for name, value in labels.iloc[i].items())
            raise InputError(
                f"{caller}(): the plan{who} is in {theirs}, its deals in {ours}; convert one of "
                "them."
            )
    several = len(set(of_group) - {None}) > 1
    won, closed = known.status == IS_WON, known.status != OPEN
    rates: dict[str | None, float] = {}
    for name in dict.fromkeys([*of_group, *of_key, *planned]):
        mine = np.isin(own, [g for g, c in enumerate(of_group) if c == name or not several])
        total = int(whole[mine & closed].sum())
        rates[name] = int(whole[mine & won].sum()) / total if total else np.nan
    return np.array([rates[a or b] for a, b in zip(of_key, planned, strict=True)])


def _refuse_overlap(goals: pd.DataFrame, labels: pd.DataFrame, caller: str) -> None:
    """Periods of one key must not share days: a deal would count in each of them."""
    key, first, last = (goals[name].to_numpy() for name in ("key", "first", "last"))
    hit = np.flatnonzero((key[1:] == key[:-1]) & (first[1:] <= last[:-1]))
    if not len(hit):
        return
    at = int(hit[0])
    spans = [
        f"{np.datetime64(int(first[i]), 'D')} to {np.datetime64(int(last[i]), 'D')}"
        for i in (at, at + 1)
    ]
    who = "".join(f" of {name}={own!r}" for name, own in labels.iloc[key[at]].items())
    raise InputError(
        f"{caller}(): plan: {len(hit)} period(s) overlap the one before{who}, first {spans[0]} and "
        f"{spans[1]}; deals would count in both. Give months or quarters, not both, and periods "
        "that end the day before the next begins."
    )


_SPAN = 2**33  # more days than there are dates
_EVER = -(2**31)  # before all of them


def _codes_of(known: Deals, labels: pd.DataFrame, caller: str) -> np.ndarray:
    """Each deal's key among those of the plan; -1 where it is in none."""
    names = list(labels.columns)
    if not names:
        return np.zeros(len(known), dtype=np.int64)
    own = pd.concat([known.column(f"by{i}") for i in range(len(names))], axis=1)
    own.columns = labels.columns
    both = stack_keys([labels, own], names, caller=caller, args=("plan", "deals"))
    key = factorise(both, names)
    place = np.full(len(key), -1)
    place[key.codes[: len(labels)]] = np.arange(len(labels))
    return place[key.codes[len(labels) :]]


def _tell_left_out(
    known: Deals, goals: pd.DataFrame, key: np.ndarray, names: list[str], caller: str
) -> None:
    """Warn of deals that would count, were their key in the plan."""
    first, last = int(goals["first"].min()), int(goals["last"].max())
    counted = (known.status == OPEN) | ((known.status == IS_WON) & (known.close >= first))
    lost = (key < 0) & counted & (known.close <= last)
    if lost.any():
        who = tuple(known.column(f"by{i}").iloc[int(np.flatnonzero(lost)[0])]
                    for i in range(len(names)))  # fmt: skip
        warn(
            f"{caller}(): left out {int(lost.sum())} deal(s) of keys without a plan, first "
            f"{', '.join(f'{n}={w!r}' for n, w in zip(names, who, strict=True))}."
        )


def _tell_undated(
    known: Deals, whole: np.ndarray, key: np.ndarray, step: float, caller: str
) -> None:
    """Warn of open deals that no period can hold: without them the pipeline looks empty."""
    undated = (known.status == OPEN) & (known.close == NO_DAY) & (key >= 0)
    if undated.any():
        worth = float(money(whole[undated].sum(keepdims=True), step)[0])
        warn(
            f"{caller}(): {int(undated.sum())} of {int((known.status == OPEN).sum())} open deal(s) "
            f"have no expected day of closing at {known.as_of.date()}; their {worth:,.2f} are open "
            "in no period. Fill the day in (for a past as_of, from a snapshot of then); "
            "pipeline() has them as undated."
        )


def _period_sums(
    known: Deals, whole: np.ndarray, goals: pd.DataFrame, key: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Won in each period so far, and open money expected in what is left of it.

    Overdue deals are due in the period that is under way: all that was expected up to its end.
    """
    at, first, last = (goals[c].to_numpy() for c in ("key", "first", "last"))
    dated = (key >= 0) & (known.close != NO_DAY)
    begin = np.where(first <= known.until, _EVER, first)
    sums = []
    for which, start in ((IS_WON, first), (OPEN, begin)):
        rows = np.flatnonzero(dated & (known.status == which))
        # Sorted by key and day, a period is a stretch of rows.
        place = key[rows] * _SPAN + known.close[rows]
        order = np.argsort(place, kind="stable")
        total = np.append(0, np.cumsum(whole[rows][order]))
        low = np.searchsorted(place[order], at * _SPAN + start)
        high = np.searchsorted(place[order], at * _SPAN + last, side="right")
        sums.append(total[high] - total[low])
    return sums[0], sums[1]
