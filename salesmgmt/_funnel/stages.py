"""What stages there are, in which order deals pass them, and which ones close a deal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .._deal_states import LOST, WON
from ..errors import InputError
from ._events import Stream, read_events, stage_list, tell_misspelt

__all__ = ["kinds_of", "place_of", "stage_codes", "stage_order"]


def stage_order(
    events: pd.DataFrame,
    *,
    won: object = None,
    lost: object = None,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Stages in the order in which deals enter them first.

    Parameters
    ----------
    events : DataFrame
        Stage events.
    won, lost : stage or list of stages, optional
        Stages that close a deal. Default: those with a usual name (``won``, ``closed lost``,
        ``赢单``, ...), whatever their case.
    as_of : date, optional
        What is later is not known. Default: the last event.
    deal, stage, entered : str
        Columns of ``events``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        ``stage``, ``kind`` (``open``, ``won``, ``lost``), ``deals`` that were ever in it; open
        stages by the mean position of their first visit in a deal's first visits (those at one
        time share it), then won, then lost ones; equal positions by label.

    Raises
    ------
    InputError
        A column is missing or unusable.

    References
    ----------
    .. [1] W. van der Aalst, *Process Mining*, 2nd edition (2016), chapter 6 (ordering relations).

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": [1, 1, 2, 2], "stage": ["lead", "won", "lead", "lost"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-02", "2025-01-03"])})
    >>> stage_order(events)
      stage  kind  deals
    0  lead  open      2
    1   won   won      1
    2  lost  lost      1
    """
    caller = "stage_order"
    stream = read_events(
        events,
        caller=caller,
        deal=deal,
        stage=stage,
        entered=entered,
        as_of=as_of,
        invalid=invalid,
    )
    labels, codes = stage_codes(stream)
    kinds = np.array(kinds_of(labels, won, lost, caller=caller))
    place, deals = place_of(stream, codes, kinds)
    out = pd.DataFrame({"stage": labels, "kind": kinds.tolist(), "deals": deals})
    out = out.iloc[np.argsort(place)]
    return out[out["deals"] > 0].reset_index(drop=True)


def place_of(stream: Stream, codes: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of each stage in the order deals pass them, and how many deals were ever in it.

    First visits at one time share their position, but a closing stage comes after the others.
    """
    closing = (kinds != "open")[codes]
    by = np.lexsort((codes, closing, stream.time, stream.unit))
    who, at = stream.unit[by], codes[by]
    first = np.sort(np.unique(who * len(kinds) + at, return_index=True)[1])
    who, at, time, closing = who[first], at[first], stream.time[by][first], closing[by][first]
    start = np.flatnonzero(np.append(True, who[1:] != who[:-1]))
    position = np.arange(len(who)) - np.repeat(start, np.diff(np.append(start, len(who))))
    same = (who[1:] == who[:-1]) & (time[1:] == time[:-1]) & (closing[1:] == closing[:-1])
    run = np.cumsum(np.append(True, ~same)) - 1
    shared = (np.bincount(run, weights=position) / np.bincount(run))[run]
    deals = np.bincount(at, minlength=len(kinds))
    mean = np.bincount(at, weights=shared, minlength=len(kinds)) / np.maximum(deals, 1)
    rank = pd.Series(kinds).map({"open": 0, "won": 1, "lost": 2}).to_numpy()
    order = np.lexsort((np.arange(len(kinds)), mean, rank, deals == 0))
    place = np.empty(len(kinds), dtype=np.int64)
    place[order] = np.arange(len(kinds))
    return place, deals


def stage_codes(stream: Stream) -> tuple[pd.Series, np.ndarray]:
    """All stages, ascending, and each event's position among them."""
    keys = stream.rows.keys("stage")
    codes = keys.codes if stream.kept is None else keys.codes[stream.kept]
    return keys.labels.iloc[:, 0], codes


def kinds_of(labels: pd.Series, won: object, lost: object, *, caller: str) -> list[str]:
    """``open``, ``won`` or ``lost`` for each stage, by option or by its usual name."""
    named = {
        kind: stage_list(stages, name=kind, caller=caller)
        for kind, stages in (("won", won), ("lost", lost))
    }
    tell_misspelt(labels, named, caller=caller)
    if both := set(named["won"]) & set(named["lost"]):
        raise InputError(f"{caller}(): {sorted(map(str, both))[0]!r} is both won and lost.")
    given = {s: kind for kind, stages in named.items() for s in stages}
    usual = {}
    if won is None:
        usual.update(dict.fromkeys(WON, "won"))
    if lost is None:
        usual.update(dict.fromkeys(LOST, "lost"))
    return [given.get(s, usual.get(str(s).strip().lower(), "open")) for s in labels]
