"""One factor for the widths of a call: how far off its own series were forecast before.

Widths are learned on collections of series; a collection nobody has seen errs more, or less, than
its like. How much lasts from one origin to the next. The forecasts that would have been made some
periods ago tell it, all series together: of errors in half widths of the interval that is to hold
80, 90 or 95 %, that quantile would be one. The mean of the three logarithms is shrunk towards zero
by how many series and origins speak, because what happens at a single time is no law.

References
----------
V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", Springer 2005
(conformal prediction). G. K. Robinson, "That BLUP is a good thing: the estimation of random
effects", Statistical Science 6 (1991), 15-32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .marginal import Forecast

__all__ = [
    "FEWEST",
    "LEVELS",
    "ORIGINS",
    "SERIES",
    "least_past",
    "misses",
    "most_past",
    "steps_of",
    "widening",
]

ORIGINS = 3  # earlier origins
SERIES = 100  # series asked at each
FEWEST = 30  # series with an earlier origin below which none is asked
LEVELS = (90.0, 95.0)  # in the mean less subject to chance than the last alone
# Series and origins that would have to speak for half of what they say to be believed. Across
# sets left out of training, what lasts has a variance as large as that of a single origin; in
# sets trained on there is nothing left to correct.
_DOUBT = 80.0
_MOST = np.log(2.0)


def steps_of(m: int) -> int:
    """Steps by which earlier origins lie apart, and that are compared, for a season length."""
    return 6 if m == 1 else min(max(8, m), 13)


def least_past(m: int) -> int:
    """Values an earlier origin needs before it: as the networks had them."""
    return max(2 * m + 2, 7)


def most_past(m: int) -> int:
    """Values before an earlier origin that are looked at: more cost time and tell little.

    Without a season as many as three years of weeks, should the record show one.
    """
    return 160 if m == 1 else max(120, 5 * m)


def misses(f: Forecast, after: np.ndarray) -> np.ndarray:
    """Errors in half widths of the intervals of ``LEVELS`` (levels, steps, series).

    NaN where there are none.
    """
    off = after - f.mean
    out = []
    for level in LEVELS:
        low, high = f.bounds(level)
        width = np.where(off < 0, f.mean - low, high - f.mean)
        usable = np.isfinite(off) & (width > 0)
        out.append(np.where(usable, np.abs(off) / np.where(usable, width, 1.0), np.nan))
    return np.stack(out)


def widening(asked: Sequence[np.ndarray]) -> float:
    """The factor of widths, from what :func:`misses` says of each earlier origin.

    Origins count by their series.
    """
    told = [r[..., np.isfinite(r[-1]).any(axis=0)] for r in asked]
    told = [r for r in told if r.size]
    count = np.array([r.shape[-1] for r in told], dtype=float)
    if count.sum() < FEWEST:
        return 1.0
    needed = np.array([_needed(r) for r in told])
    mean = np.average(needed, weights=count)
    mean *= count.sum() / (count.sum() + _DOUBT)
    return float(np.exp(np.clip(mean, -_MOST, _MOST)))


def _needed(missed: np.ndarray) -> float:
    """Mean log factor with which intervals of one origin would have held what they are to hold."""
    each = [np.quantile(r[np.isfinite(r)], p / 100) for p, r in zip(LEVELS, missed)]
    return float(np.log(np.maximum(each, 1e-3)).mean())
