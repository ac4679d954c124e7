"""The ways deals take: variants, rework, conformance, and moves from stage to stage."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_int
from ._events import DAY, refuse_names, stage_list, tell_misspelt
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
    line, plain = _standard_process(visits, standard, caller)
    bounds = np.flatnonzero(np.append(visits.first, True)).tolist()
    days = (visits.time[visits.last] - visits.time[visits.first]) / DAY
    codes = visits.stage.tolist()
    seen: dict[tuple[int, ...], list[float]] = {}
    for begin, end, span in zip(bounds[:-1], bounds[1:], days, strict=True):
        seen.setdefault(tuple(codes[begin:end]), []).append(span)
    texts, kinds = [str(s) for s in visits.labels], visits.kinds.tolist()
    rows = [
        (" > ".join(texts[s] for s in path), len(spans), *_fit(path, kinds, line, plain),
         float(np.median(spans)))
        for path, spans in seen.items()
    ]  # fmt: skip
    names = ["variant", "deals", "steps", "rework", "skipped", "outcome", "conforms", "median_days"]
    out = pd.DataFrame(rows, columns=names)
    out = out.sort_values(["deals", "variant"], ascending=[False, True], kind="stable")
    out = out.reset_index(drop=True)
    out.insert(2, "share", out["deals"] / out["deals"].sum())
    out.insert(3, "cumulative", out["share"].cumsum())
    out["as_of"] = stream.as_of
    return out if top is None else out.head(top)


def _standard_process(
    visits: Visits, standard: Sequence[Hashable] | None, caller: str
) -> tuple[list[int], list[int]]:
    """Stages of the standard process, and for each stage the one it stands for in it."""
    plain = np.arange(len(visits.labels))
    if standard is not None:
        names = stage_list(standard, name="standard", caller=caller)
        tell_misspelt(visits.labels, {"standard": names}, caller=caller)
        place = {s: i for i, s in enumerate(visits.labels)}
        return [place.get(s, -1) for s in names], plain.tolist()
    there = np.unique(visits.stage)  # not those entered after as_of
    ordered = there[np.argsort(visits.rank[there])]
    won = ordered[visits.kinds[ordered] == "won"]
    plain[won] = won[:1]  # one is as good as another
    return [*ordered[visits.kinds[ordered] == "open"].tolist(), *won[:1].tolist()], plain.tolist()


def _fit(path: tuple[int, ...], kinds: list[str], line: list[int], plain: list[int]) -> tuple:
    """Steps, rework, standard stages passed over, outcome, whether the path conforms."""
    kind, own = kinds[path[-1]], [plain[s] for s in path]
    body = own[:-1] if kind == "lost" else own
    far = max((line.index(s) for s in own if s in line), default=-1)
    passed = sum(s not in own for s in line[: far + 1])  # a stage may stand twice in the standard
    return len(path), len(path) - len(set(path)), passed, kind, body == line[: len(body)]


# --------------------------------------------------------------------------------------
# Moves

_MOVE = ["from", "to", "kind", "moves", "deals", "share", "median_days"]


def transitions(
    events: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
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
    by : str or sequence of str, optional
        Columns to break down by; a deal belongs to the group of its first event.
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
        Columns of ``by``, ``from``, ``to``, ``kind`` (``forward``, ``backward``, ``repeat``,
        ``won``, ``lost``, ``reopen``), ``moves``, ``deals``, ``share`` (of the moves out of
        ``from`` in the group), ``median_days``, ``as_of``; in the order in which deals of all
        groups pass the stages.

    Raises
    ------
    InputError
        A column is unusable, or one of ``by`` is named like a column of the result.

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
    refuse_names(by, [*_MOVE, "as_of"], caller=caller)
    stream = stream_of(events, caller, by, as_of, deal, stage, entered, invalid)
    visits = Visits(stream, won, lost, caller)
    group, labels = stream.groups()
    at = np.flatnonzero(visits.left)
    who, a, b = visits.who[at], visits.rank[visits.stage[at]], visits.rank[visits.stage[at + 1]]
    frame = pd.DataFrame(
        {"group": group[who], "a": a, "b": b, "who": who, "days": visits.stay[at] / DAY}
    )
    out = frame.groupby(["group", "a", "b"], sort=True).agg(
        moves=("who", "size"), deals=("who", "nunique"), median_days=("days", "median")
    )
    out = out.reset_index()
    out["share"] = out["moves"] / out.groupby(["group", "a"])["moves"].transform("sum")
    order = np.argsort(visits.rank)
    start, end = order[out["a"]], order[out["b"]]
    out["from"] = visits.labels.iloc[start].array
    out["to"] = visits.labels.iloc[end].array
    out["kind"] = _move_kinds(visits.kinds[start], visits.kinds[end], out["b"] - out["a"])
    table = out[_MOVE].assign(as_of=stream.as_of)
    for i, name in enumerate(labels.columns):
        table.insert(i, name, labels[name].iloc[out["group"]].array)
    return table


def _move_kinds(left: np.ndarray, entered: np.ndarray, ahead: pd.Series) -> np.ndarray:
    """What each move is, by the kinds of its stages and how many places it goes ahead."""
    plain = np.select([ahead == 0, ahead > 0], ["repeat", "forward"], default="backward")
    return np.where(entered != "open", entered, np.where(left != "open", "reopen", plain))
