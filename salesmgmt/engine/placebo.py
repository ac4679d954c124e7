"""Effect of an event on daily sums, judged by the same estimate where nothing happened.

Expected in a window are the sums of the days nearby, moved like one or several controls. The
same is asked of every other window of that length without an event: how far those estimates lie
from what came, on a logarithmic scale, is the error of the estimate, whatever it is made of
(few large orders, seasons the control does not share, neighbouring weeks that resemble each
other). Of several controls the one with the least error is taken.

References
----------
.. [1] A. Abadie, A. Diamond and J. Hainmueller, "Synthetic Control Methods for Comparative Case
   Studies", Journal of the American Statistical Association 105 (2010), 493-505 (placebos).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Control", "Days", "error_of", "expected_after", "expected_in"]

# Daily sums and the power with which they move the expectation.
Control = Sequence[tuple[np.ndarray, float]]

_NEAR = 120
_FEWEST = 28  # quiet days nearby; with fewer, all quiet days are taken
_SHORTEST = 7  # days a window may be shortened to
_WINDOWS = 8  # windows without an event to judge by, at least


@dataclass(frozen=True)
class Days:
    """Which days are without events, how many after one belong to it, and which are events."""

    quiet: np.ndarray
    after: int
    events: np.ndarray


def expected_in(
    own: np.ndarray, control: Control, days: Days, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Expected sums of windows from ``starts`` to ``ends`` (both inside); missing if unknown.

    The days that teach are quiet ones nearby, without the window and the days after it.
    """
    return _expected(own, control, days, starts, ends, starts, ends + days.after)


def expected_after(
    own: np.ndarray, control: Control, days: Days, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Expected sums of the days after windows, less those of other events."""
    last = ends + days.after
    return _expected(own, control, days, ends + 1, last, starts, last, ~days.events)


def _expected(
    own: np.ndarray,
    control: Control,
    days: Days,
    first: np.ndarray,
    last: np.ndarray,
    out_from: np.ndarray,
    out_to: np.ndarray,
    counted: np.ndarray | bool = True,
) -> np.ndarray:
    n = len(own)

    def base(values: np.ndarray, reach: np.ndarray) -> np.ndarray:
        kept = np.concatenate([[0.0], np.cumsum(np.where(days.quiet, values, 0.0))])
        near = _between(kept, out_from - reach, out_to + reach, n)
        return near - _between(kept, out_from, out_to, n)

    reach = np.full(len(out_from), _NEAR)
    reach = np.where(base(np.ones(n), reach) >= _FEWEST, reach, n)
    known = base(np.ones(n), reach) > 0
    value = base(own, reach)
    for sums, power in control:
        there = np.where(counted, sums, 0.0)
        seen = _between(np.concatenate([[0.0], np.cumsum(there)]), first, last, n)
        usual = base(sums, reach)
        known &= (usual > 0) & ((seen > 0) if power < 0 or len(control) > 1 else (seen >= 0))
        safe = np.where(known, usual, 1.0)
        value = value * np.where(known, seen, 1.0) ** power / safe**power
    return np.where(known, value, np.nan)


def _between(running: np.ndarray, first: np.ndarray, last: np.ndarray, n: int) -> np.ndarray:
    return running[np.clip(last + 1, 0, n)] - running[np.clip(first, 0, n)]


def error_of(
    own: np.ndarray, control: Control, days: Days, length: int
) -> tuple[float, float, int]:
    """Error of the logarithm of a window's sum over what was expected of it, where all is quiet.

    Returns the root mean square over all windows of ``length`` (or of the longest length of
    which eight fit side by side), the same relative to the expectation without logarithms, and
    how many fit side by side. A missing error: too few windows, or windows that sold nothing.
    """
    free = np.concatenate([[0], np.cumsum(~days.quiet)])
    shortest = min(length, _SHORTEST)
    length = min(length, int(days.quiet.sum()) // _WINDOWS)
    if length < shortest:
        return float("nan"), float("nan"), 0
    starts = np.arange(0, len(own) - length + 1)
    starts = starts[free[starts + length] == free[starts]]
    side_by_side = _fitting(starts, length)
    if side_by_side < 4:
        return float("nan"), float("nan"), side_by_side
    ends = starts + length - 1
    came = _between(np.concatenate([[0.0], np.cumsum(own)]), starts, ends, len(own))
    expected = expected_in(own, control, days, starts, ends)
    known = expected > 0
    if not known.all():
        return float("nan"), float("nan"), side_by_side
    plain = float(np.sqrt(np.mean((came / expected - 1) ** 2)))
    if (came <= 0).any():
        return float("nan"), plain, side_by_side
    return float(np.sqrt(np.mean(np.log(came / expected) ** 2))), plain, side_by_side


def _fitting(starts: np.ndarray, length: int) -> int:
    """Windows that fit side by side."""
    count, free_from = 0, -1
    for start in starts.tolist():
        if start > free_from:
            count, free_from = count + 1, start + length - 1
    return count
