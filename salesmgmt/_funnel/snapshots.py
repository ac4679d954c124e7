"""Deals as they stood: snapshots rebuilt, closing days that slip, calls against outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from .._deal_states import states_of, wrong_status
from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    days_of,
    factorise,
    one_currency,
    resolve_as_of,
    stack_keys,
    take,
    to_pandas,
    warn,
)
from ..engine.proportions import interval
from ..errors import InputError
from ._deals import IS_WON, NO_DAY, OPEN, Deals, read_deals
from ._events import date_list, refuse_names

__all__ = ["slippage", "snapshots", "submissions"]


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
    if changed != "snapshot_date" and "snapshot_date" in names:
        raise InputError(
            f"{caller}(): history has a column 'snapshot_date', which the result adds; rename it."
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
    return pd.concat(parts, ignore_index=True)


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
        (all are where ``status`` is absent; where it is missing in a row, that one is).
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
        further=lambda found: wrong_status(found, missing=False),
    )
    keys = rows.keys("deal")
    order = np.lexsort((rows["snapshot"].astype(np.int64), keys.codes))
    who = keys.codes[order]
    text, still = _told(rows)
    dated = (~np.isnat(rows["close"]) & still)[order]
    frame = pd.DataFrame(
        {
            "who": who,
            "close": rows["close"][order].astype("datetime64[D]").astype("datetime64[us]"),
            "amount": rows["amount"][order],
            "status": text[order],
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


def _told(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Status of each row as text, open where it does not say; and whether it is open."""
    if "status" not in rows:
        return np.full(len(rows), "open", dtype=object), np.ones(len(rows), dtype=bool)
    own = rows.series("status")
    return own.astype(object).where(own.notna(), "open").to_numpy(), states_of(own)[0] == OPEN


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
        day; only rows of deals that are open in them count (without ``status``: those of a day
        before the deal's end).
    deals : DataFrame
        How the deals ended. A ``DataWarning`` tells of called deals that are not in it.
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
    one_currency(snapshots, [by], caller=caller, arg="snapshots")
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
        further=lambda found: wrong_status(found, missing=False),
    )
    names = [by, category] if "category" in rows else [by]
    calls = _ended(rows, known, deal, caller)
    if not len(calls):
        raise InputError(f"{caller}(): no deal of snapshots is closed in deals.")
    key = factorise(rows.frame.iloc[calls["row"]], names)
    out = _called(calls, key.codes)
    return pd.concat([key.labels, out], axis=1).assign(as_of=known.as_of)


def _ended(rows: Rows, known: Deals, deal: str, caller: str) -> pd.DataFrame:
    """The calls of open deals that are closed by now, each with how its deal ended."""
    frames = [rows.frame[[deal]], known.column("deal").to_frame()]
    both = stack_keys(frames, [deal], caller=caller, args=("snapshots", "deals"))
    key = factorise(both, [deal])
    at = np.full(len(key), -1)
    at[key.codes[len(rows) :]] = np.arange(len(known))
    at = at[key.codes[: len(rows)]]
    if (lost := at < 0).any():
        first = rows.series("deal").iloc[int(np.flatnonzero(lost)[0])]
        warn(
            f"{caller}(): left out {int(lost.sum())} row(s) of snapshots whose deal is not in "
            f"deals, first {first!r}."
        )
    open_, later = np.ones(len(rows), dtype=bool), 1  # a call is made before the day of the end
    if "status" in rows:  # which says itself whether the deal was still open on that day
        open_, later = states_of(rows.series("status"))[0] == OPEN, 0
    told = rows["close"].astype("datetime64[D]")
    due = np.where(np.isnat(told), NO_DAY, told.astype(np.int64))
    out = pd.DataFrame({"row": np.arange(len(rows)), "day": rows.days("snapshot"), "due": due})
    out["called"] = rows["amount"]
    out, at = out[(at >= 0) & open_], at[(at >= 0) & open_]
    out["end"], out["state"] = known.close[at], known.status[at]
    out["final"] = known.amount()[at]
    return out[(out["state"] != OPEN) & (out["end"] >= out["day"] + later)].reset_index(drop=True)


def _called(calls: pd.DataFrame, group: np.ndarray) -> pd.DataFrame:
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
    grouped = calls.groupby(group, sort=True)
    out = grouped.agg(calls=("won", "size"), won=("won", "sum"))
    out["win_rate"] = out["won"] / out["calls"]
    out["lo"], out["hi"] = interval(out["won"].to_numpy(), out["calls"].to_numpy())
    out["on_time"] = grouped["punctual"].apply(lambda s: s.dropna().astype(float).mean())
    told = grouped["told"].sum()
    out["amount_ratio"] = grouped["got"].sum() / told.where(told > 0)
    out["days_late"] = grouped["late"].median()
    return out.reset_index(drop=True)
