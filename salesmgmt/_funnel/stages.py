"""What stages there are, in which order deals pass them, and which ones close a deal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .._deal_states import LOST, WON
from ..errors import InputError
from ._events import Stream, read_events, stage_list, tell_misspelt

__all__ = ["kinds_of", "order_of", "stage_codes", "stage_order"]


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
        stages by the mean position of their first visit in a deal's first visits, then won,
        then lost ones; equal positions by label.

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
    return order_of(stream, won, lost, caller=caller)


def order_of(stream: Stream, won: object, lost: object, *, caller: str) -> pd.DataFrame:
    """:func:`stage_order` of events that have been read."""
    labels, codes = stage_codes(stream)
    kinds = kinds_of(labels, won, lost, caller=caller)
    by = np.lexsort((codes, stream.time, stream.unit))
    who, at = stream.unit[by], codes[by]
    pair = who * len(labels) + at
    first = np.zeros(len(pair), dtype=bool)
    first[np.unique(pair, return_index=True)[1]] = True
    who, at = who[first], at[first]
    start = np.flatnonzero(np.append(True, who[1:] != who[:-1]))
    position = np.arange(len(who)) - np.repeat(start, np.diff(np.append(start, len(who))))
    deals = np.bincount(at, minlength=len(labels))
    mean = np.bincount(at, weights=position, minlength=len(labels)) / np.maximum(deals, 1)
    out = pd.DataFrame({"stage": labels, "kind": kinds, "deals": deals})
    rank = pd.Series(kinds).map({"open": 0, "won": 1, "lost": 2}).to_numpy()
    order = np.lexsort((np.arange(len(out)), mean, rank))
    out = out.iloc[order]
    return out[out["deals"] > 0].reset_index(drop=True)


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
