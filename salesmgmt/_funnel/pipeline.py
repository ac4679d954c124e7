"""The open pipeline: what is in it, what moved between two days, and whether it is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    AsIs,
    Date,
    Key,
    Keys,
    check_bool,
    check_column,
    check_names,
    check_number,
    day,
    factorise,
    money,
    one_currency,
    stack_keys,
    take,
    to_pandas,
    units,
    warn,
)
from ..engine.sums import group_sums
from ..errors import InputError
from ._deals import IS_WON, NO_DAY, OPEN, Deals, days, read_deals, status_codes, wrong_status
from ._events import refuse_names

__all__ = ["pipeline", "waterfall"]

_STAGE_COLUMNS = ["stage", "deals", "amount", "average", "probability", "weighted", "overdue"]

_MORE = ["overdue_amount", "undated", "median_age", "as_of"]


def pipeline(
    deals: pd.DataFrame,
    *,
    as_of: object = None,
    stage_probability: Mapping[Any, float] | pd.Series | None = None,
    by: str | Sequence[str] | None = None,
    step: float = 0.01,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Open deals by stage: how many, how much, how old, and what they are worth.

    Parameters
    ----------
    deals : DataFrame
        One row a deal.
    as_of : date, optional
        The day that is looked at. Default: the last creation or closing. Deals that closed after
        it count as open, under the stage that stands in the table now (a deal table does not say
        where they stood then; stage events do).
    stage_probability : mapping or Series, optional
        Chance of winning by stage. Default: the share won among all closed deals, the same for
        each stage (a deal table does not say which stages a closed deal went through); missing
        while no deal is closed.
    by : str or sequence of str, optional
        Columns to break down by.
    step : float, default=0.01
        Smallest unit of money.
    deal, stage, amount, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a stage with open deals: ``stage``, ``deals``, ``amount``, ``average``,
        ``probability``, ``weighted`` (expected amount), ``overdue`` and ``overdue_amount``
        (expected closing day before ``as_of``), ``undated`` (no expected day), ``median_age``
        (days), ``as_of``. Stages by name.

    Raises
    ------
    InputError
        A column is unusable, or a stage with open deals has no probability.

    References
    ----------
    .. [1] Weighted pipeline: amount times probability, as CRM systems define it.

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"deal_id": [1, 2, 3], "stage": ["demo", "won", "lost"],
    ...     "amount": [100.0, 50.0, 70.0], "created_at": pd.to_datetime(["2025-01-01"] * 3),
    ...     "close_date": pd.to_datetime(["2025-03-01", "2025-01-20", "2025-01-31"])})
    >>> pipeline(deals)[["stage", "deals", "amount", "probability", "weighted"]]
      stage  deals  amount  probability  weighted
    0  demo      1   100.0          0.5      50.0
    """
    caller = "pipeline"
    refuse_names(by, [*_STAGE_COLUMNS, *_MORE], caller=caller)
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
    frame = _open_frame(known, step, caller)
    frame["probability"] = _probability(frame, known, stage_probability, caller)
    worth = frame["amount"].to_numpy() * frame["probability"].to_numpy()
    keys = [*[c for c in frame.columns if str(c).startswith("_by")], "stage"]
    cell = factorise(frame, keys)  # by name, in whatever order categories are listed
    out = frame.groupby(cell.codes, sort=True).agg(
        deals=("amount", "size"),
        units=("units", "sum"),
        probability=("probability", "mean"),
        overdue=("overdue", "sum"),
        late_units=("late_units", "sum"),
        undated=("undated", "sum"),
        median_age=("age", "median"),
    )
    out = pd.concat([cell.labels, out.reset_index(drop=True)], axis=1)
    known_worth = group_sums(cell.codes, np.nan_to_num(worth), len(out))
    out["weighted"] = np.where(out["probability"].isna(), np.nan, known_worth)
    out["amount"] = money(out.pop("units").to_numpy(np.int64), step)
    out["overdue_amount"] = money(out.pop("late_units").to_numpy(np.int64), step)
    out["average"] = out["amount"] / out["deals"]
    out["as_of"] = known.as_of
    names = dict(zip(keys[:-1], [known.rows.columns[k[1:]] for k in keys[:-1]], strict=True))
    front = [*keys[:-1], *_STAGE_COLUMNS, *_MORE]
    return out[front].rename(columns=names)


def _open_frame(known: Deals, step: float, caller: str) -> pd.DataFrame:
    rows = np.flatnonzero(known.status == OPEN)
    amount = known.amount()[rows]
    whole = units(amount, step, name="amount", caller=caller) if len(rows) else rows
    late = (known.close[rows] != NO_DAY) & (known.close[rows] < known.until)
    frame = pd.DataFrame(
        {
            "stage": known.column("stage").iloc[rows].reset_index(drop=True),
            "amount": amount,
            "units": whole,
            "overdue": late,
            "late_units": np.where(late, whole, 0),
            "undated": known.close[rows] == NO_DAY,
            "age": known.until - known.created[rows],
        }
    )
    for i, option in enumerate(o for o in known.rows.columns if o.startswith("by")):
        frame.insert(i, f"_{option}", known.column(option).iloc[rows].array)
    return frame


def _probability(
    frame: pd.DataFrame, known: Deals, given: Mapping[Any, float] | pd.Series | None, caller: str
) -> np.ndarray:
    if given is None:
        closed = int((known.status != OPEN).sum())
        won = int((known.status == IS_WON).sum())
        return np.full(len(frame), won / closed if closed else np.nan)
    if not isinstance(given, Mapping | pd.Series):
        raise InputError(
            f"{caller}(): stage_probability must be a mapping or a Series by stage, "
            f"got {type(given).__name__}."
        )
    table = dict(given)
    for name, value in table.items():
        check_number(value, f"stage_probability[{name!r}]", caller=caller, low=0, high=1)
    absent = [s for s in frame["stage"].drop_duplicates() if s not in table]
    if absent:
        raise InputError(
            f"{caller}(): stage_probability has no entry for stage {absent[0]!r}; add one."
        )
    return frame["stage"].map(table).to_numpy(dtype=float)


# --------------------------------------------------------------------------------------
# Waterfall


_BUCKETS = (
    "opening",
    "new",
    "increased",
    "decreased",
    "pushed",
    "pulled",
    "won",
    "lost",
    "removed",
    "closing",
)


def waterfall(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    start: object = None,
    end: object = None,
    step: float = 0.01,
    details: bool = False,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """What moved the open pipeline from one snapshot to the next; adds up to the cent.

    Every deal is in one primary bucket. With ``start`` and ``end`` the pipeline is what is
    expected to close in that period, and a deal is *pushed* when its expected day moved out of
    it, *pulled* when it moved in. Without, the pipeline is everything open, and a deal whose
    day moved while its amount stayed is counted under ``pushed`` or ``pulled`` with amount 0.
    A deal that came and was closed in between was in neither pipeline and is in no bucket; tools
    that follow every change show it as new and as won.

    Parameters
    ----------
    before, after : DataFrame
        The deals at the two days, one row a deal. A deal that is not in ``before`` is new, one
        that is not in ``after`` is removed.
    by : str or sequence of str, optional
        Columns to break down by; a deal that moved between groups leaves one (``removed``) and
        enters the other (``new``).
    start, end : date, optional
        Period of expected closing, both days inside.
    step : float, default=0.01
        Smallest unit of money; all sums are exact in it.
    details : bool, default=False
        One row a deal instead: ``bucket``, ``before``, ``after``, ``amount``.
    deal, stage, amount, close, status : str
        Columns of both frames.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used; a deal left out of one frame is left out of
        both.

    Returns
    -------
    DataFrame
        ``bucket``, ``amount`` (signed change; totals for ``opening`` and ``closing``),
        ``deals``. A won or lost deal leaves with its opening amount; ``removed`` is there only
        where a deal is missing from ``after`` or left its group. ``opening`` plus all
        changes is ``closing``, exactly, in every group; the same holds for the numbers of
        deals with ``new`` and ``pulled`` coming in, ``pushed`` (with a period), ``won``,
        ``lost`` and ``removed`` going out.

    Raises
    ------
    InputError
        A column is unusable, a deal stands twice, or only one of ``start`` and ``end`` is given.

    References
    ----------
    .. [1] Salesforce Help, *Pipeline Inspection* (opening, new, moved in, moved out, increased,
       decreased, closed won, closed lost).

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.DataFrame({"deal_id": [1, 2, 3], "stage": "demo", "amount": [10.0, 20.0, 5.0]})
    >>> after = pd.DataFrame({"deal_id": [1, 2, 4], "stage": ["won", "demo", "demo"],
    ...     "amount": [10.0, 25.0, 7.0]})
    >>> out = waterfall(before, after)
    >>> out[out["deals"] > 0]
        bucket  amount  deals
    0  opening    35.0      3
    1      new     7.0      1
    2 increased    5.0      1
    6      won   -10.0      1
    8  removed    -5.0      1
    9  closing    32.0      2
    """
    caller = "waterfall"
    check_bool(details, "details", caller=caller)
    refuse_names(by, ["bucket", "amount", "deals", "before", "after"], caller=caller)
    if details:
        refuse_names(deal, ["bucket", "amount", "before", "after"], caller=caller, option="deal")
    span = _span(start, end, caller)
    own = check_names(by, "by", caller=caller)
    check_column(deal, "deal", caller=caller)
    names = list(dict.fromkeys([deal, *own]))
    sides = [
        _side(frame, arg, deal, stage, amount, close, status, by, step, invalid, span, caller)
        for frame, arg in ((before, "before"), (after, "after"))
    ]
    if invalid == "drop":
        sides = _known_on_both(sides, (before, after), deal, caller)
    _refuse_currencies([k for k, _ in sides], own, caller)
    key = _meet([k[names] for k, _ in sides], names, caller)
    cut = len(sides[0][0])
    old, new = (
        _by_key(facts, codes, len(key))
        for (_, facts), codes in zip(sides, (key.codes[:cut], key.codes[cut:]), strict=True)
    )
    moved = _classify(old, new, framed=span is not None)
    inside = np.flatnonzero(moved["in0"] | moved["in1"])
    labels = key.labels.iloc[inside].reset_index(drop=True)
    moved = {name: values[inside] for name, values in moved.items()}
    return _per_deal(moved, labels, step) if details else _bridge(moved, labels, own, step)


_Side = tuple[pd.DataFrame, dict[str, np.ndarray]]


def _known_on_both(
    sides: list[_Side], frames: tuple[Any, Any], deal: str, caller: str
) -> list[_Side]:
    """A deal that is left out of one snapshot is left out of the other: it is not removed, nor
    new."""
    ids = [to_pandas(f, caller=caller, arg=a)[deal].dropna().astype(object)
           for f, a in zip(frames, ("before", "after"), strict=True)]  # fmt: skip
    gone = [own[~own.isin(kept[deal].astype(object))] for own, (kept, _) in zip(ids, sides)]
    out = []
    for (keys, facts), other, arg in zip(sides, reversed(gone), ("before", "after"), strict=True):
        stays = ~keys[deal].astype(object).isin(other).to_numpy()
        if not stays.all():
            who = keys[deal].iloc[int(np.flatnonzero(~stays)[0])]
            warn(
                f"{caller}(): left out {int((~stays).sum())} deal(s) of {arg} that had to be left "
                f"out of the other snapshot, first {who!r}."
            )
        out.append((keys[stays], {name: values[stays] for name, values in facts.items()}))
    return out


def _refuse_currencies(parts: list[pd.DataFrame], keys: list[Any], caller: str) -> None:
    """What a key held in one currency before must not be compared with another after."""
    if all("currency" in part for part in parts):
        names = list(dict.fromkeys([*keys, "currency"]))
        both = pd.concat([part[names].astype(object) for part in parts], ignore_index=True)
        one_currency(both, keys, caller=caller, arg="before and after", each=True)


def _meet(parts: list[pd.DataFrame], names: list[Any], caller: str) -> Keys:
    """Keys of both snapshots in one dtype, so that a deal meets itself."""
    told = [part for part in parts if len(part)]
    if len(told) < 2:  # of an empty one, the dtype says nothing
        return factorise((told or parts)[0], names)
    return factorise(stack_keys(told, names, caller=caller, args=("before", "after")), names)


def _span(start: object, end: object, caller: str) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InputError(f"{caller}(): give both start and end, or neither.")
    first, last = (
        int(np.datetime64(day(d, name=n, caller=caller, last=n == "end"), "D").astype(np.int64))
        for d, n in ((start, "start"), (end, "end"))
    )
    if last < first:
        raise InputError(f"{caller}(): end is before start.")
    return first, last


def _side(
    frame: Any,
    arg: str,
    deal: str,
    stage: str,
    amount: str,
    close: str,
    status: str,
    by: Any,
    step: float,
    invalid: str,
    span: tuple[int, int] | None,
    caller: str,
) -> _Side:
    """One snapshot: keys; units of money, expected day, state, whether it is in the pipeline."""
    names = check_names(by, "by", caller=caller)
    one_currency(frame, names, caller=caller, arg=arg, each=True)
    rows = take(
        frame,
        caller=caller,
        arg=arg,
        invalid=invalid,
        unique=("deal",),
        empty="allow",
        by=by,
        deal=Key(deal),
        stage=Key(stage),
        amount=Amount(amount),
        close=Date(close, optional=span is None and close == "close_date", missing="allow"),
        status=AsIs(status, optional=status == "status"),
        currency=Key("currency", optional=True, missing="allow"),
        further=wrong_status,
    )
    state = status_codes(rows)
    due = np.full(len(rows), NO_DAY)
    if "close" in rows:
        due = np.where(np.isnat(rows["close"]), NO_DAY, days(rows["close"]))
    inside = np.ones(len(rows), dtype=bool)
    if span is not None:
        inside = (due >= span[0]) & (due <= span[1])
    also = ["currency"] if "currency" in rows else []
    keys = rows.frame[list(dict.fromkeys([deal, *names, *also]))]
    facts = {
        "units": units(rows["amount"], step, name=amount, caller=caller),
        "due": due,
        "state": state,
        "inside": inside & (state == OPEN),
    }
    return keys, facts


def _by_key(facts: dict[str, np.ndarray], codes: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """One place a key; the state is -1 where a deal is not in this snapshot."""
    out = {"units": np.zeros(n, np.int64), "due": np.full(n, NO_DAY), "state": np.full(n, -1),
           "inside": np.zeros(n, dtype=bool)}  # fmt: skip
    for name, values in facts.items():
        out[name][codes] = values
    return out


def _classify(
    old: dict[str, np.ndarray], new: dict[str, np.ndarray], *, framed: bool
) -> dict[str, np.ndarray]:
    """The primary bucket of each deal, and its amounts before and after in whole units."""
    in0, in1 = old["inside"], new["inside"]
    u0, u1 = (np.where(side["inside"], side["units"], 0) for side in (old, new))
    stay = in0 & in1
    dated = (old["due"] != NO_DAY) & (new["due"] != NO_DAY)  # a day that is new has not moved
    later, earlier = dated & (new["due"] > old["due"]), dated & (new["due"] < old["due"])
    bucket = np.select(
        [
            in0 & (new["state"] == IS_WON),
            in0 & (new["state"] > IS_WON),
            in0 & (new["state"] < 0),
            in0 & ~in1,
            in1 & ~in0 & (old["state"] == OPEN),
            in1 & ~in0,
            stay & (u1 > u0),
            stay & (u1 < u0),
            stay & later & (not framed),
            stay & earlier & (not framed),
        ],
        ["won", "lost", "removed", "pushed", "pulled", "new", "increased", "decreased",
         "pushed", "pulled"],
        default="unchanged",
    )  # fmt: skip
    return {"bucket": bucket, "before": u0, "after": u1, "amount": u1 - u0, "in0": in0, "in1": in1}


def _bridge(
    moved: dict[str, np.ndarray], labels: pd.DataFrame, keys: list[Any], step: float
) -> pd.DataFrame:
    group = factorise(labels, keys) if keys else None
    n = len(group) if group is not None else 1
    at = group.codes if group is not None else np.zeros(len(labels), dtype=np.int64)
    amount, deals = (np.zeros((n, len(_BUCKETS)), dtype=np.int64) for _ in range(2))
    for j, name in enumerate(_BUCKETS):
        here, change = moved["bucket"] == name, moved["amount"]
        if name in ("opening", "closing"):
            side = "before" if name == "opening" else "after"
            here, change = moved["in0" if name == "opening" else "in1"], moved[side]
        np.add.at(amount[:, j], at[here], change[here])
        deals[:, j] = np.bincount(at[here], minlength=n)
    shown = pd.DataFrame(index=range(1)) if group is None else group.labels
    there = [j for j, name in enumerate(_BUCKETS) if name != "removed" or deals[:, j].any()]
    amount, deals = amount[:, there], deals[:, there]
    out = shown.loc[np.repeat(np.arange(n), len(there))].reset_index(drop=True)
    out["bucket"] = [_BUCKETS[j] for j in there] * n
    out["amount"], out["deals"] = money(amount.reshape(-1), step), deals.reshape(-1)
    return out


def _per_deal(moved: dict[str, np.ndarray], labels: pd.DataFrame, step: float) -> pd.DataFrame:
    out = labels.copy()
    out["bucket"] = moved["bucket"].astype(object)
    out["bucket"] = out["bucket"].astype("str")
    for name in ("before", "after", "amount"):
        out[name] = money(moved[name], step)
    return out
