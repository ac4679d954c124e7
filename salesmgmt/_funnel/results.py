"""What the pipeline earned and how it changed: velocity, reasons, slips, snapshots, coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    check_names,
    check_number,
    days_of,
    money,
    resolve_as_of,
    stack_keys,
    take,
    to_pandas,
    units,
)
from ..engine.proportions import interval
from ..engine.sums import group_sums
from ..errors import InputError
from ._deals import IS_LOST, IS_WON, NO_DAY, OPEN, Deals, read_deals
from ._events import check_share, date_list, refuse_names

__all__ = ["coverage", "slippage", "snapshots", "submissions", "velocity", "win_loss"]


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
        of won), ``cycle_days`` (mean of won), ``velocity`` (a day), and the exact change of the
        velocity with 10 % more deals, win rate or value, or a 10 % shorter cycle:
        ``deals_10``, ``win_rate_10`` (a rate stops at 1), ``value_10``, ``cycle_10``;
        ``as_of``. NaN where nothing was won.

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
        cycle = np.where(cycle > 0, cycle, np.nan)
        speed = n * rate * value / cycle
        out["win_rate"], out["value"], out["cycle_days"] = rate, value, cycle
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
    reason = bool((known.column(option)[known.status == IS_WON]).isna().all())
    closed = known.status == (IS_LOST if reason else known.status)
    closed &= known.status != OPEN
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


# --------------------------------------------------------------------------------------
# Snapshots


def snapshots(
    history: pd.DataFrame,
    dates: Iterable[Any],
    *,
    deal: str = "deal_id",
    changed: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """The deals as they stood at the end of each date, rebuilt from a history of changes.

    Parameters
    ----------
    history : DataFrame
        One row a change: the deal, when, and the columns that changed; a missing value means
        "unchanged". Of changes at one time the later row holds.
    dates : iterable of dates
        Days to rebuild.
    deal, changed : str
        Columns of ``history``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        ``snapshot_date``, the deal and all other columns of ``history`` but the time of
        change; by date, then deal. A deal is there from its first change on.

    Raises
    ------
    InputError
        A column is unusable, or a date is none.

    References
    ----------
    .. [1] Slowly changing dimensions, type 2: R. Kimball, M. Ross, *The Data Warehouse
       Toolkit*, 3rd edition (2013), chapter 5.

    Examples
    --------
    >>> import pandas as pd
    >>> history = pd.DataFrame({"deal_id": [1, 1, 2], "stage": ["lead", "demo", "lead"],
    ...     "entered_at": pd.to_datetime(["2025-01-03", "2025-01-20", "2025-02-02"])})
    >>> snapshots(history, ["2025-01-10", "2025-01-31"])
      snapshot_date  deal_id stage
    0    2025-01-10        1  lead
    1    2025-01-31        1  demo
    """
    caller = "snapshots"
    refuse_names(deal, ["snapshot_date"], caller=caller, option="deal")
    rows = take(
        to_pandas(history, caller=caller, arg="history"),  # with all its columns
        caller=caller,
        arg="history",
        invalid=invalid,
        deal=Key(deal),
        changed=Date(changed),
    )
    names = rows.frame.columns
    if not names.is_unique:
        raise InputError(
            f"{caller}(): history has {int(names.duplicated(keep=False).sum())} columns of the "
            f"same name ({names[names.duplicated()][0]!r}); rename all but one."
        )
    days = np.unique(days_of(date_list(dates, caller=caller)))
    codes, time = rows.keys("deal").codes, rows["changed"].astype(np.int64)
    order = np.lexsort((np.arange(len(codes)), time, codes))
    frame = rows.frame.iloc[order].drop(columns=changed).reset_index(drop=True)
    others = [c for c in frame.columns if c != deal]
    frame[others] = frame.groupby(codes[order], sort=False)[others].ffill()
    day = rows.days("changed")[order]
    who = codes[order]
    parts = []
    for d in days:
        known = np.flatnonzero(day <= d)
        last = known[np.append(who[known][1:] != who[known][:-1], True)] if len(known) else known
        part = frame.iloc[last].copy()
        stamp = np.datetime64(int(d), "D").astype("datetime64[us]")
        part.insert(0, "snapshot_date", np.full(len(part), stamp))
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else frame.iloc[:0]


_SLIPS = [
    *("snapshots", "pushes", "pulls", "months_pushed", "first_close", "last_close"),
    *("days_slipped", "first_amount", "last_amount", "status", "as_of"),
]


def slippage(
    snapshots: pd.DataFrame,
    *,
    snapshot: str = "snapshot_date",
    deal: str = "deal_id",
    amount: str = "amount",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """How often and how far each deal's expected closing day was moved.

    Parameters
    ----------
    snapshots : DataFrame
        One row a deal and snapshot. Only snapshots at which a deal is open count for moves
        (``status`` may be absent: then all are open).
    snapshot, deal, amount, close, status : str
        Columns of ``snapshots``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a deal, most pushed first: deal, ``snapshots``, ``pushes`` (moved later),
        ``pulls`` (moved earlier), ``months_pushed`` (pushes into another calendar month),
        ``first_close``, ``last_close``, ``days_slipped`` (last minus first),
        ``first_amount``, ``last_amount``, ``status`` (last seen), ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, or a deal stands twice in one snapshot.

    References
    ----------
    .. [1] HubSpot, *Deal push count* (number of times a close date moved to a later month).

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"snapshot_date": pd.to_datetime(["2025-01-31", "2025-02-28"]),
    ...     "deal_id": 1, "amount": [10.0, 8.0],
    ...     "close_date": pd.to_datetime(["2025-02-15", "2025-03-10"])})
    >>> slippage(seen)[["deal_id", "pushes", "days_slipped", "last_amount"]]
       deal_id  pushes  days_slipped  last_amount
    0        1       1            23          8.0
    """
    caller = "slippage"
    refuse_names(deal, _SLIPS, caller=caller, option="deal")
    rows = take(
        snapshots,
        caller=caller,
        arg="snapshots",
        invalid=invalid,
        unique=("deal", "snapshot"),
        snapshot=Date(snapshot),
        deal=Key(deal),
        amount=Amount(amount),
        close=Date(close, missing="allow"),
        status=Key(status, optional=status == "status", missing="allow"),
    )
    keys = rows.keys("deal")
    order = np.lexsort((rows["snapshot"].astype(np.int64), keys.codes))
    who = keys.codes[order]
    text = rows.series("status").astype(str).to_numpy() if "status" in rows else None
    state = np.full(len(who), "open", dtype=object) if text is None else text[order]
    dated = ~np.isnat(rows["close"][order]) & (state == "open")
    frame = pd.DataFrame(
        {
            "who": who,
            "close": rows["close"][order].astype("datetime64[D]").astype("datetime64[us]"),
            "amount": rows["amount"][order],
            "status": state,
        }
    )
    moves = _close_moves(frame[dated], len(keys))
    grouped = frame.groupby("who", sort=True)
    out = pd.DataFrame({deal: keys.labels.iloc[:, 0]})
    out["snapshots"] = grouped.size().to_numpy()
    for name in ("pushes", "pulls", "months_pushed", "first_close", "last_close", "days_slipped"):
        out[name] = moves[name]
    out["first_amount"] = grouped["amount"].first().to_numpy()
    out["last_amount"] = grouped["amount"].last().to_numpy()
    out["status"] = grouped["status"].last().to_numpy()
    out["as_of"] = resolve_as_of(None, rows.days("snapshot"), caller=caller)
    by = ["pushes", "days_slipped", deal]
    return out.sort_values(by, ascending=[False, False, True], kind="stable").reset_index(drop=True)


def _close_moves(frame: pd.DataFrame, deals: int) -> dict[str, Any]:
    who, close = frame["who"].to_numpy(), frame["close"].to_numpy()
    same = who[1:] == who[:-1]
    later, earlier = same & (close[1:] > close[:-1]), same & (close[1:] < close[:-1])
    month = close.astype("datetime64[M]").astype(np.int64)
    over = later & (month[1:] > month[:-1])
    first = np.full(deals, np.datetime64("NaT", "us"))
    last = first.copy()
    first[who[::-1]] = close[::-1]
    last[who] = close
    days = np.zeros(deals, dtype=np.int64)
    seen = ~np.isnat(first)
    days[seen] = (last[seen] - first[seen]).astype("timedelta64[D]").astype(np.int64)

    def tally(mask: np.ndarray) -> np.ndarray:
        return np.bincount(who[1:][mask], minlength=deals)

    return {
        "pushes": tally(later),
        "pulls": tally(earlier),
        "months_pushed": tally(over),
        "first_close": first,
        "last_close": last,
        "days_slipped": days,
    }


# --------------------------------------------------------------------------------------
# Submissions


_SUBMISSIONS = [
    *("calls", "won", "win_rate", "lo", "hi", "on_time", "amount_ratio", "days_late", "as_of"),
]


def submissions(
    snapshots: pd.DataFrame,
    deals: pd.DataFrame,
    *,
    by: str = "owner",
    category: str = "category",
    snapshot: str = "snapshot_date",
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Whose forecasts to trust: what was called for open deals against how they ended.

    Parameters
    ----------
    snapshots : DataFrame
        What was written down: one row a deal and snapshot, with amount and expected closing
        day; only rows of deals that are open in them count.
    deals : DataFrame
        How the deals ended.
    by, category : str
        Columns of ``snapshots``: who called it (``owner``), and the forecast category
        (``commit``, ``best_case``, ``pipeline``; may be absent).
    snapshot, deal, stage, amount, created, close, status : str
        Columns of both frames.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a caller and category: ``calls`` (of deals that are closed by now), ``won``
        (calls whose deal was won), ``win_rate``, ``lo``, ``hi`` (Wilson), ``on_time`` (share of
        the won calls that closed by the month called), ``amount_ratio`` (final over called
        amount of won calls: above 1 is sandbagging, below 1 happy ears), ``days_late`` (median,
        final less called day, of won calls: negative is sandbagging), ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, or no called deal is closed.

    References
    ----------
    .. [1] E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> out = submissions(load_sample("deal_snapshots"), load_sample("deals"))
    >>> won = out[out["category"] == "pipeline"].set_index("owner")["amount_ratio"]
    >>> bool(won["R10"] > 1.3 and won["R21"] < 0.9)
    True
    """
    caller = "submissions"
    refuse_names(by, _SUBMISSIONS, caller=caller)
    refuse_names(category, [*_SUBMISSIONS, by], caller=caller, option="category")
    known = read_deals(
        deals, caller=caller, deal=deal, stage=stage, amount=amount, created=created,
        close=close, status=status, invalid=invalid,
    )  # fmt: skip
    rows = take(
        snapshots,
        caller=caller,
        arg="snapshots",
        invalid=invalid,
        snapshot=Date(snapshot),
        deal=Key(deal),
        amount=Amount(amount),
        close=Date(close, missing="allow"),
        owner=Key(by, option="by"),
        category=Key(category, optional=category == "category"),
        status=Key(status, optional=status == "status", missing="allow"),
    )
    ends = pd.DataFrame(
        {
            deal: known.column("deal"),
            "end": known.close,
            "state": known.status,
            "final": known.amount(),
        }
    )
    names = [by, category] if "category" in rows else [by]
    calls = rows.frame[[deal, *names]].reset_index(drop=True)
    calls["day"] = rows.days("snapshot")
    calls["called"] = rows["amount"]
    told = rows["close"].astype("datetime64[D]")
    calls["due"] = np.where(np.isnat(told), NO_DAY, told.astype(np.int64))
    if "status" in rows:
        calls = calls[rows.series("status").astype(str).str.lower().eq("open").to_numpy()]
    stack_keys([calls, ends], [deal], caller=caller, args=("snapshots", "deals"))
    calls = calls.merge(ends, on=deal, how="inner")
    calls = calls[(calls["state"] != OPEN) & (calls["end"] > calls["day"])]
    if calls.empty:
        raise InputError(f"{caller}(): no deal of snapshots is closed in deals.")
    return _called(calls, names).assign(as_of=known.as_of)


def _called(calls: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    won = calls["state"].eq(IS_WON)
    dated = won & calls["due"].ne(NO_DAY)
    month = {c: calls[c].to_numpy().astype("datetime64[D]").astype("datetime64[M]")
             for c in ("end", "due")}  # fmt: skip
    calls = calls.assign(
        won=won,
        late=(calls["end"] - calls["due"]).where(dated),
        punctual=pd.Series(month["end"] <= month["due"], index=calls.index).where(dated),
        told=calls["called"].where(won, 0.0),
        got=calls["final"].where(won, 0.0),
    )
    grouped = calls.groupby(names, observed=True, sort=True)
    out = grouped.agg(calls=("won", "size"), won=("won", "sum"))
    out["win_rate"] = out["won"] / out["calls"]
    out["lo"], out["hi"] = interval(out["won"].to_numpy(), out["calls"].to_numpy())
    out["on_time"] = grouped["punctual"].apply(lambda s: s.dropna().astype(float).mean())
    told = grouped["told"].sum()
    out["amount_ratio"] = grouped["got"].sum() / told.where(told > 0)
    out["days_late"] = grouped["late"].median()
    return out.reset_index()


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
        Share of open money that is won. Default: won money of closed money, so far.
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
        ``shortfall`` (needed less open, at least 0), ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, a period ends before it starts, or the plan has several measures.

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
    )
    columns = {"period_start": period_start, "period_end": period_end, "target": target}
    goals = _plan_rows(plan, list(pairs), columns, measure, invalid, step, caller)
    goals = goals[goals["last"] >= known.until].reset_index(drop=True)
    if goals.empty:
        raise InputError(f"{caller}(): every period of plan is over at {known.as_of.date()}.")
    whole = units(known.amount(), step, name=amount, caller=caller)
    won, lost = known.status == IS_WON, known.status == IS_LOST
    closed = int(whole[won].sum() + whole[lost].sum())
    rate = win_rate if win_rate is not None else (whole[won].sum() / closed if closed else np.nan)
    sums = [_period_sums(known, whole, row, pairs) for row in goals.to_dict("records")]
    got, due = (np.array(v, dtype=np.int64) for v in zip(*sums, strict=True))
    gap = np.maximum(goals["units"].to_numpy() - got, 0)
    out = goals[[*pairs, "period_start", "period_end"]].copy()
    out["target"], out["won"] = money(goals["units"].to_numpy(), step), money(got, step)
    out["gap"], out["open"] = money(gap, step), money(due, step)
    with np.errstate(divide="ignore", invalid="ignore"):
        out["coverage"] = np.where(gap > 0, due / np.where(gap > 0, gap, 1), np.nan)
        out["win_rate"] = float(rate)
        out["needed"] = out["gap"] / rate if rate else np.where(gap > 0, np.inf, 0.0)
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
) -> pd.DataFrame:
    rows = take(
        plan,
        caller=caller,
        arg="plan",
        invalid=invalid,
        by=keys,
        period_start=Date(names["period_start"]),
        period_end=Date(names["period_end"]),
        target=Amount(names["target"]),
        measure=Key("measure", optional=True, missing="allow"),
    )
    frame = rows.frame[keys].copy()
    frame["first"], frame["last"] = rows.days("period_start"), rows.days("period_end")
    if (back := frame["last"] < frame["first"]).any():
        raise InputError(
            f"{caller}(): plan: {names['period_end']!r} is before {names['period_start']!r} in "
            f"{int(back.sum())} row(s)."
        )
    frame["units"] = units(rows["target"], step, name=names["target"], caller=caller)
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
    out = frame.groupby([*keys, "first", "last"], observed=True, sort=True)["units"].sum()
    out = out.reset_index()
    for name, column in (("period_start", "first"), ("period_end", "last")):
        out[name] = out[column].to_numpy().astype("datetime64[D]").astype("datetime64[us]")
    return out


def _period_sums(
    known: Deals, whole: np.ndarray, row: dict[Any, Any], pairs: Mapping[str, str]
) -> tuple[int, int]:
    """Won in the period so far, and open money expected in what is left of it."""
    mine = np.ones(len(known), dtype=bool)
    for i, key in enumerate(pairs):
        mine &= known.column(f"by{i}").eq(row[key]).fillna(False).to_numpy(dtype=bool)
    inside = (known.close >= row["first"]) & (known.close <= row["last"])
    won = mine & (known.status == IS_WON) & inside
    current = row["first"] <= known.until
    overdue = (known.close < known.until) & current
    open_ = mine & (known.status == OPEN) & (known.close != NO_DAY) & (inside | overdue)
    return int(whole[won].sum()), int(whole[open_].sum())
