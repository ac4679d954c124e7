"""On which days money comes in: what each day is like for those who pay."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._calendars.weights import day_weights
from .._messages import speaking_for

__all__ = ["PayDays"]

_THURSDAY = 3  # the weekday of day 0, Monday being 0
_MONDAY, _TUESDAY, _FRIDAY, _SUNDAY = 0, 1, 4, 6
_WEEKEND = 2.0


class PayDays:
    """Kinds of days: those of the week, and by a calendar what each day is like.

    A holiday is like a Sunday, the first worked day after days of rest like a Monday, a Monday
    that follows a worked day like a Tuesday, a worked Saturday or Sunday like a Friday. What
    waits for the end of a rest is in proportion to its length, against a usual weekend's.
    """

    def __init__(
        self, calendar: Any = None, first: int = 0, last: int = 0, *, caller: str = ""
    ) -> None:
        self.plain, self.first, self.weekend = calendar is None, first, _WEEKEND
        if self.plain:
            return
        with speaking_for(caller):
            rest = day_weights(calendar, first, last, caller=caller, what="forecasts") <= 0
        week = (first + _THURSDAY + np.arange(len(rest))) % 7
        count = np.arange(1, len(rest) + 1)
        since = np.maximum.accumulate(np.where(rest, 0, count))  # the last worked day up to here
        before = np.concatenate([[0], (count - since)[:-1]])
        like = np.where(before > 0, _MONDAY, np.where(week == _MONDAY, _TUESDAY, week))
        like = np.where((before == 0) & (week > _FRIDAY), _FRIDAY, like)
        self.kind = np.where(rest, np.where(week > _FRIDAY, week, _SUNDAY), like)
        self.rest = before.astype(np.float64)
        runs = before[~rest & (before > 0)]
        if len(runs):
            self.weekend = float(np.bincount(runs).argmax())

    def of(self, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kind of each day, 0 .. 6, and the days of rest before it (a weekend where not told)."""
        kind, rest = (day + _THURSDAY) % 7, np.full(day.shape, self.weekend)
        if self.plain:
            return kind, rest
        at = day - self.first
        told = (at >= 0) & (at < len(self.kind))
        return np.where(told, self.kind[at * told], kind), np.where(
            told, self.rest[at * told], rest
        )

    def lanes(self, zero: np.ndarray, oldest: int) -> tuple[np.ndarray, np.ndarray]:
        """Days on which clocks show 0, told apart as far as it matters, and which one each has.

        By the day of the week; with a calendar day by day, those before ``oldest`` by their day
        of the week.
        """
        old = np.ones(len(zero), dtype=bool) if self.plain else zero < oldest
        day = np.where(old, oldest - (oldest - zero) % 7, zero)
        return np.unique(day, return_inverse=True)

    def pace(self, factor: np.ndarray, kind: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Factor of each day, from those of the seven kinds."""
        usual = factor[_TUESDAY : _FRIDAY + 1].mean()
        more = max(factor[_MONDAY] - usual, 0.0) * (rest / self.weekend - 1)
        return factor[kind] + np.where(kind == _MONDAY, more, 0.0)

    def ordinary(self, kind: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Days that factors are learned from: Mondays after a usual weekend, and all others."""
        return (kind != _MONDAY) | (rest == self.weekend)
