"""Visits of deals to stages: entry, stay, and whether it has ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._events import Stream, read_events
from .stages import kinds_of, place_of, stage_codes

__all__ = ["Visits", "stream_of"]


class Visits:
    """Visits in the order of deal and time: stage, entry, stay, whether it has ended.

    Stages entered at one time are taken in the order in which deals pass them (``rank``), so
    that a table without clock times makes no backward moves; equal visits by ``tie``.
    """

    def __init__(
        self, stream: Stream, won: Any, lost: Any, caller: str, tie: np.ndarray | None = None
    ):
        self.labels, codes = stage_codes(stream)
        self.kinds = np.array(kinds_of(self.labels, won, lost, caller=caller))
        self.rank = place_of(stream, codes, self.kinds)[0]
        own = np.zeros(len(codes), dtype=np.int64) if tie is None else tie
        by = np.lexsort((own, self.rank[codes], stream.time, stream.unit))
        self.order = by
        self.who, self.time, self.stage = stream.unit[by], stream.time[by], codes[by]
        self.first = np.append(True, self.who[1:] != self.who[:-1]) if len(by) else by > 0
        self.last = np.append(self.first[1:], True)
        until = np.append(self.time[1:], 0)
        self.left = ~self.last
        self.stay = np.where(self.last, stream.now(), until) - self.time
        self.closed = self.last & (self.kinds[self.stage] != "open")


def stream_of(
    events: Any,
    caller: str,
    by: Any,
    as_of: object,
    deal: str,
    stage: str,
    entered: str,
    invalid: str,
    **more: Any,
) -> Stream:
    return read_events(
        events,
        caller=caller,
        deal=deal,
        stage=stage,
        entered=entered,
        by=by,
        as_of=as_of,
        invalid=invalid,
        **more,
    )
