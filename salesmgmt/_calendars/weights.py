"""What each day is worth, by a country's calendar or by the caller's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._frames import as_dates, check_series
from ..errors import InputError

__all__ = ["day_weights"]


def day_weights(calendar: Any, low: int, high: int, *, caller: str, what: str) -> np.ndarray:
    """Weight of each day from ``low`` to ``high``: of a country, or the caller's own.

    ``what`` are the things that reach over the days, for the message: "events".
    """
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
            f"{caller}(): calendar has no weight for {int(lost.sum())} day(s) that {what} reach "
            f"over, first {first}; give every day one (0 for days off)."
        )
    return out
