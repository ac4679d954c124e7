"""The ways deals take: variants, rework, conformance, and moves from stage to stage."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_int
from ._events import DAY, stage_list, tell_misspelt
from ._visits import Visits, stream_of

__all__ = ["paths", "transitions"]


def paths(
    events: pd.DataFrame,
    *,
    standard: Sequence[Hashable] | None = None,
    top: int | None = None,
    won: Any = None,
    lost: Any = None,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """The ways deals take through the stages, their rework, and whether they keep to the rule.

    Parameters
    ----------
    events : DataFrame
        Stage events.
    standard : sequence, optional
        Stages of the standard process, in order, the winning one included. Default: the open
        stages in the order deals pass them, then a won one. A deal conforms when its path is
        the standard one up to where it is, or up to where it was lost.
    top : int, optional
        Only so many variants. Default: all.
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
        One row a variant, the most frequent first: ``variant`` (stages joined by `` > ``),
        ``deals``, ``share``, ``cumulative``, ``steps``, ``rework`` (visits to a stage visited
        before), ``skipped`` (standard stages passed over), ``outcome`` (``open``, ``won``,
        ``lost``), ``conforms``, ``median_days`` (first to last event), ``as_of``.

    Raises
    ------
    InputError
        A column is unusable.

    References
    ----------
    .. [1] W. van der Aalst, *Process Mining*, 2nd edition (2016), chapters 5 and 8.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": [1, 1, 2, 2, 2], "stage": ["a", "won", "a", "a", "won"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-03", "2025-01-01", "2025-01-02",
    ...                                   "2025-01-04"])})
    >>> paths(events)[["variant", "deals", "rework", "conforms"]]
           variant  deals  rework  conforms
    0  a > a > won      1       1     False
    1      a > won      1       0      True
    """
    caller = "paths"
    if top is not None:
        check_int(top, "top", caller=caller, low=1)
    stream = stream_of(events, caller, None, as_of, deal, stage, entered, invalid)
    visits = Visits(stream, won, lost, caller)
    same = np.arange(len(visits.labels))
    if standard is None:
        there = np.unique(visits.stage)  # not those entered after as_of
        ordered = there[np.argsort(visits.rank[there])]
        line = [i for i in ordered if visits.kinds[i] == "open"]
        if len(won_ones := ordered[visits.kinds[ordered] == "won"]):  # one is as good as another
            line.append(won_ones[0])
            same[won_ones] = won_ones[0]
    else:
        names = stage_list(standard, name="standard", caller=caller)
        tell_misspelt(visits.labels, {"standard": names}, caller=caller)
        place = {s: i for i, s in enumerate(visits.labels)}
        line = [place.get(s, -1) for s in names]
    bounds = np.flatnonzero(np.append(visits.first, True))
    days = (visits.time[visits.last] - visits.time[visits.first]) / DAY
    seen: dict[bytes, list[float]] = {}
    kept: dict[bytes, np.ndarray] = {}
    codes = visits.stage.astype(np.int32)
    for i, (a, b) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
        key = codes[a:b].tobytes()
        seen.setdefault(key, []).append(days[i])
        kept.setdefault(key, codes[a:b])
    rows = [_variant(kept[k], same[kept[k]], s, visits, line) for k, s in seen.items()]
    names = ["variant", "deals", "steps", "rework", "skipped", "outcome", "conforms", "median_days"]
    out = pd.DataFrame(rows, columns=names)
    out = out.sort_values(["deals", "variant"], ascending=[False, True], kind="stable")
    out = out.reset_index(drop=True)
    out.insert(2, "share", out["deals"] / out["deals"].sum())
    out.insert(3, "cumulative", out["share"].cumsum())
    out["as_of"] = stream.as_of
    return out if top is None else out.head(top)


def _variant(
    path: np.ndarray, plain: np.ndarray, spans: list[float], visits: Visits, line: list[int]
) -> tuple:
    """One row; ``plain`` is the path in the stages of the standard process."""
    kind = str(visits.kinds[path[-1]])
    body = plain[:-1] if kind == "lost" else plain
    conforms = len(body) <= len(line) and list(body) == list(line[: len(body)])
    on_line = [line.index(s) for s in plain if s in line]
    passed = set(range(max(on_line) + 1)) if on_line else set()
    return (
        " > ".join(str(visits.labels.iloc[s]) for s in path),
        len(spans),
        len(path),
        len(path) - len(set(path.tolist())),
        len(passed - set(on_line)),
        kind,
        bool(conforms),
        float(np.median(spans)),
    )


# --------------------------------------------------------------------------------------
# Moves


def transitions(
    events: pd.DataFrame,
    *,
    won: Any = None,
    lost: Any = None,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Moves from stage to stage: how many, of how many deals, after how long.

    Parameters
    ----------
    events : DataFrame
        Stage events.
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
        ``from``, ``to``, ``kind`` (``forward``, ``backward``, ``repeat``, ``won``, ``lost``,
        ``reopen``), ``moves``, ``deals``, ``share`` (of the moves out of ``from``),
        ``median_days``, ``as_of``; in the order in which deals pass the stages.

    Raises
    ------
    InputError
        A column is unusable.

    References
    ----------
    .. [1] W. van der Aalst, *Process Mining*, 2nd edition (2016), chapter 6 (directly follows).

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": [1, 1, 2, 2], "stage": ["lead", "won", "lead", "lost"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-02", "2025-01-03"])})
    >>> transitions(events)[["from", "to", "kind", "moves", "share"]]
       from    to  kind  moves  share
    0  lead   won   won      1    0.5
    1  lead  lost  lost      1    0.5
    """
    caller = "transitions"
    stream = stream_of(events, caller, None, as_of, deal, stage, entered, invalid)
    visits = Visits(stream, won, lost, caller)
    rank = visits.rank
    at = np.flatnonzero(visits.left)
    a, b = visits.stage[at], visits.stage[at + 1]
    frame = pd.DataFrame(
        {"a": rank[a], "b": rank[b], "who": visits.who[at], "days": visits.stay[at] / DAY}
    )
    grouped = frame.groupby(["a", "b"], sort=True)
    out = grouped.agg(
        moves=("who", "size"), deals=("who", "nunique"), median_days=("days", "median")
    ).reset_index()
    order = np.argsort(rank)
    start, end = order[out["a"]], order[out["b"]]
    closed, closing = visits.kinds[start] != "open", visits.kinds[end]
    plain = np.select(
        [out["a"] == out["b"], out["b"] > out["a"]], ["repeat", "forward"], default="backward"
    )
    kind = np.where(closing != "open", closing, np.where(closed, "reopen", plain))
    out.insert(0, "from", visits.labels.iloc[start].array)
    out.insert(1, "to", visits.labels.iloc[end].array)
    out.insert(2, "kind", kind)
    out["share"] = out["moves"] / out.groupby("a")["moves"].transform("sum")
    front = ["from", "to", "kind", "moves", "deals", "share", "median_days"]
    return out[front].assign(as_of=stream.as_of)
