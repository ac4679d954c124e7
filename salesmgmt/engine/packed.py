"""Event streams as sorted integer keys ``unit | tick | stage``: one sort serves every question.

A tick is the longest of day, hour, ..., microsecond that all times are multiples of; where unit
and tick together do not fit, times are replaced by their ranks.
"""

from __future__ import annotations

import numpy as np

from . import fast

__all__ = ["Packed", "heads"]

_TICKS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000, 1)
_BITS = 63


class Packed:
    """Events of the stages that matter, sorted by unit, time and stage code.

    Parameters
    ----------
    unit : ndarray of int, shape (n,)
        Unit codes from 0.
    time : ndarray of int64, shape (n,)
        Microseconds.
    stage : ndarray of int, shape (n,)
        Stage codes below ``stages``; -1 for other events.
    stages : int
        Number of stages that matter.
    """

    def __init__(self, unit: np.ndarray, time: np.ndarray, stage: np.ndarray, stages: int):
        self.raw = unit, time, stage
        self.low = int(stages).bit_length()
        self.units = int(unit.max(initial=0)) + 1
        compiled = self._compiled(unit, time, stage)
        self.key = self._packed(unit, time, stage) if compiled is None else compiled
        self.key.sort()
        self._codes: np.ndarray | None = None
        self._of: dict[int, np.ndarray] = {}

    def _packed(self, unit: np.ndarray, time: np.ndarray, stage: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(stage >= 0)
        if len(rows) < len(stage):
            unit, time, stage = unit[rows], time[rows], stage[rows]
        self.t0, self.tick, self.table, ticks = _clock(time, self.units, self.low)
        self._set_bits(int(ticks.max(initial=0)))
        key = unit.astype(np.int64)
        key <<= self.bits
        key |= ticks
        key <<= self.low
        key |= stage
        return key

    def _set_bits(self, last: int) -> None:
        self.bits = int(last + 1).bit_length()
        self.mask = (1 << self.bits) - 1

    def _compiled(self, unit: np.ndarray, time: np.ndarray, stage: np.ndarray) -> np.ndarray | None:
        """The same keys in one compiled pass; None where that is not to be had."""
        self.fast = len(stage) >= fast.LEAST and fast.kernels() is not None
        if not self.fast:
            return None
        pack = (fast.kernels() or {})["pack"]
        count = int(np.count_nonzero(stage >= 0))
        self.t0, self.table = int(time.min()), None
        span = int(time.max()) - self.t0
        for tick in _TICKS:
            self._set_bits(span // tick)
            if self.bits + self.units.bit_length() + self.low > _BITS:
                break
            if ((time[:1000] - self.t0) % tick).any():
                continue
            key = pack(unit, time, stage, count, self.t0, tick, self.bits, self.low)
            if len(key) == count:
                self.tick = tick
                return key
        self.fast = False
        return None

    @property
    def code(self) -> np.ndarray:
        """Stage of every event, in order."""
        if self._codes is None:
            small = np.int8 if self.low < 7 else np.int64
            self._codes = (self.key & ((1 << self.low) - 1)).astype(small)
        return self._codes

    def of(self, stage: int) -> np.ndarray:
        """Sorted keys ``unit << bits | tick`` of one stage's events."""
        if stage not in self._of:
            keys = self.key[self.code == stage]
            keys >>= self.low
            self._of[stage] = keys
        return self._of[stage]

    def stages(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit and stage of every event, in the order of unit, time and stage."""
        return self.key >> (self.bits + self.low), self.code

    def floor(self, time: np.ndarray) -> np.ndarray:
        """The last tick at or before ``time`` (-1: none)."""
        if self.table is not None:
            return np.searchsorted(self.table, time, side="right") - 1
        ticks = time - self.t0
        if self.tick > 1:
            ticks //= self.tick
        return ticks

    def after(self, who: np.ndarray, time: np.ndarray) -> np.ndarray:
        """A key that sorts after every event of ``who`` at or before ``time``."""
        safe = np.minimum(time, self.t0 + 2**61)
        return (who << self.bits) + np.clip(self.floor(safe) + 1, 0, self.mask)

    def at(self, who: np.ndarray, time: np.ndarray) -> np.ndarray:
        """A key at or before every event of ``who`` at or after ``time``."""
        return self.after(who, time - 1)

    def time(self, keys: np.ndarray) -> np.ndarray:
        """Microseconds of keys without stage."""
        ticks = keys & self.mask
        if self.table is not None:
            return self.table[ticks]
        ticks *= self.tick
        ticks += self.t0
        return ticks

    def unit(self, keys: np.ndarray) -> np.ndarray:
        """Units of keys without stage."""
        return keys >> self.bits


def _clock(
    time: np.ndarray, units: int, low: int
) -> tuple[int, int, np.ndarray | None, np.ndarray]:
    """Origin, length of a tick, a table of distinct times where both would not fit a key, and
    the times in ticks."""
    if not len(time):
        return 0, 1, None, time
    t0 = int(time.min())
    span = int(time.max()) - t0
    rest = time - t0
    for tick in _TICKS:
        if (span // tick + 2).bit_length() + units.bit_length() + low > _BITS:
            table, ticks = np.unique(time, return_inverse=True)
            return t0, 1, table, ticks.reshape(-1)
        if tick == 1:
            break
        if not (rest[:1000] % tick).any():
            ticks = np.rint(rest / tick).astype(np.int64)  # far faster than whole division
            if np.array_equal(ticks * tick, rest):
                return t0, tick, None, ticks
    return t0, 1, None, rest


def heads(units: np.ndarray) -> np.ndarray:
    """Whether each row of sorted units is the first of its unit."""
    out = np.ones(len(units), dtype=bool)
    np.not_equal(units[1:], units[:-1], out=out[1:])
    return out
