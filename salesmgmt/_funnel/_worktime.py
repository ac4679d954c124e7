"""Working time between two moments: days off do not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._frames import as_dates, check_series
from ..errors import InputError
from ._events import DAY

__all__ = ["worked"]


def worked(start: np.ndarray, end: np.ndarray, calendar: Any, *, caller: str) -> np.ndarray:
    """Microseconds from ``start`` to ``end``, each day with its weight; all where no calendar."""
    if calendar is None or not len(start):
        return end - start
    low, high = int(start.min()) // DAY, int(end.max()) // DAY
    weight = _weights(calendar, low, high, caller)
    before = np.append(0.0, np.cumsum(weight))

    def clock(time: np.ndarray) -> np.ndarray:
        day, rest = np.divmod(time, DAY)
        return before[day - low] + weight[day - low] * (rest / DAY)

    return np.round((clock(end) - clock(start)) * DAY).astype(np.int64)


def _weights(calendar: Any, low: int, high: int, caller: str) -> np.ndarray:
    """Weight of each day from ``low`` to ``high``: of a country, or the caller's own."""
    if isinstance(calendar, str):
        from .. import calendars

        days = np.array([low, high]).astype("datetime64[D]")
        told = calendars.working_days(days[0], days[1], country=calendar)
        return told["weight"].to_numpy(np.float64)
    series = check_series(calendar, "calendar", caller=caller, low=0)
    at = as_dates(pd.Series(series.index), name="calendar", caller=caller)
    place = at.astype("datetime64[D]").astype(np.int64) - low
    inside = (place >= 0) & (place <= high - low)
    out = np.full(high - low + 1, np.nan)
    out[place[inside]] = series.to_numpy()[inside]
    if (lost := np.isnan(out)).any():
        first = np.datetime64(low + int(np.flatnonzero(lost)[0]), "D")
        raise InputError(
            f"{caller}(): calendar has no weight for {int(lost.sum())} day(s) that events reach "
            f"over, first {first}; give every day one (0 for days off)."
        )
    return out
