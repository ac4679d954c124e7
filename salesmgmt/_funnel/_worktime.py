"""Working time between two moments: days off do not count."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._calendars.weights import day_weights
from ._events import DAY

__all__ = ["worked"]


def worked(start: np.ndarray, end: np.ndarray, calendar: Any, *, caller: str) -> np.ndarray:
    """Microseconds from ``start`` to ``end``, each day with its weight; all where no calendar."""
    if calendar is None or not len(start):
        return end - start
    low, high = int(start.min()) // DAY, int(end.max()) // DAY
    weight = day_weights(calendar, low, high, caller=caller, what="events")
    before = np.append(0.0, np.cumsum(weight))

    def clock(time: np.ndarray) -> np.ndarray:
        day, rest = np.divmod(time, DAY)
        return before[day - low] + weight[day - low] * (rest / DAY)

    return np.round((clock(end) - clock(start)) * DAY).astype(np.int64)
