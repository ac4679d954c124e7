"""Visits of deals to stages: entry, stay, and whether it has ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._events import Stream, read_events
from .stages import kinds_of, order_of, stage_codes

__all__ = ["Visits", "rank_of", "stream_of"]


class Visits:
    """Visits in the order of deal and time: stage, entry, stay, whether it has ended."""

    def __init__(self, stream: Stream, won: Any, lost: Any, caller: str):
        self.labels, codes = stage_codes(stream)
        self.kinds = np.array(kinds_of(self.labels, won, lost, caller=caller))
        closing = (self.kinds != "open")[codes]
        by = np.lexsort((codes, closing, stream.time, stream.unit))
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


def rank_of(stream: Stream, won: Any, lost: Any, visits: Visits, *, caller: str) -> np.ndarray:
    """Place of each stage in the order deals pass them."""
    ordered = order_of(stream, won, lost, caller=caller)
    place = {s: i for i, s in enumerate(ordered["stage"])}
    return np.array([place.get(s, len(place)) for s in visits.labels])
