"""One factor for the widths of a call: how far off its own series were forecast before.

Widths are learned on collections of series; a collection nobody has seen errs more, or less, than
its like. How much lasts from one origin to the next. The forecasts that would have been made some
periods ago tell it, all series together: of errors in half widths of the interval that is to hold
90 or 95 %, that quantile would be one. The mean of the two logarithms is shrunk towards zero
by how many series and origins speak, because what happens at a single time is no law.

The sums of a hierarchy are few and err less, or more, than the series they are made of. Each of
its levels has a factor of its own, drawn to those of levels that add up about as many series.

References
----------
V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", Springer 2005
(conformal prediction). G. K. Robinson, "That BLUP is a good thing: the estimation of random
effects", Statistical Science 6 (1991), 15-32. C. E. Rasmussen, C. K. I. Williams, "Gaussian
Processes for Machine Learning", MIT Press 2006, chapter 2 (levels drawn to their neighbours).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .marginal import Forecast

__all__ = [
    "FEWEST",
    "LEVELS",
    "ORIGINS",
    "by_level",
    "least_past",
    "misses",
    "most_past",
    "series_of",
    "steps_of",
    "widening",
]

ORIGINS = 3  # earlier origins
FEWEST = 30  # series with an earlier origin below which none is asked
LEVELS = (90.0, 95.0)  # in the mean less subject to chance than the last alone
# Series and origins that would have to speak for half of what they say to be believed. Across
# sets left out of training, what lasts has a variance as large as that of a single origin; in
# sets trained on there is nothing left to correct.
_DOUBT = 80.0
_MOST = np.log(2.0)  # of a factor, either way
# Logarithms of the factors of levels: by how much they fall with the logarithm of size, how far
# they differ from that, over how much in the logarithm of size they are alike, by how much a single
# node at one origin, and one origin of all nodes, mislead, and how far the quantile of a single
# node lies below what its like would show. Found on held-out origins of eleven hierarchies, by
# no script that stays.
_LEVEL = {"slope": -0.04, "spread": 0.5, "range": 3.0, "node": 1.0, "origin": 0.3, "bias": 0.35}


def steps_of(m: int) -> int:
    """Steps by which earlier origins lie apart, and that are compared, for a season length."""
    return 6 if m == 1 else min(max(8, m), 13)


def series_of(m: int) -> int:
    """Series asked at each origin: as many as cost about the same, with a season or without."""
    return 300 if m == 1 else 100


def least_past(m: int) -> int:
    """Values an earlier origin needs before it: as the networks had them."""
    return max(2 * m + 2, 7)


def most_past(m: int) -> int:
    """Values before an earlier origin that are looked at: more cost time and tell little.

    Six years of months, twelve of quarters; without a season as many as three years of weeks,
    should the record show one.
    """
    return {1: 160, 4: 48, 12: 72}.get(m, max(120, 5 * m))


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


def by_level(
    asked: Sequence[np.ndarray], level: np.ndarray, size: np.ndarray, common: float
) -> np.ndarray:
    """The factor of widths of each level of sums, on top of the ``common`` one they have.

    Parameters
    ----------
    asked : sequence of (levels, steps, nodes) arrays
        What :func:`misses` says of each earlier origin with widths as they were learned, NaN where
        a node had none.
    level : (nodes,) int array
        Level of each node, 0, 1, ...
    size : (levels,) array
        Mean logarithm of how many series a node of each level adds up.
    common : float
        The factor that widths have already.
    """
    count, needed = np.zeros((len(size), len(asked))), np.zeros(len(size))
    for k in range(len(size)):
        told = [r[:, :, level == k] for r in asked]
        told = [r[..., np.isfinite(r).all(axis=0).any(axis=0)] for r in told]
        count[k] = [r.shape[-1] for r in told]
        if count[k].any():
            needed[k] = _needed(np.concatenate(told, axis=2))
    known = count.sum(axis=1) > 0
    if not known.any():
        return np.ones(len(size))
    law, number = _LEVEL, count[known].sum(axis=1)
    usual = law["slope"] * size
    alike = law["spread"] ** 2 * np.exp(-np.abs(size[:, None] - size) / law["range"])
    noise = np.diag(law["node"] ** 2 / number)
    noise += law["origin"] ** 2 / (count > 0).any(axis=0).sum()
    away = needed[known] + law["bias"] / number - np.log(common) - usual[known]
    found = alike[:, known] @ np.linalg.solve(alike[np.ix_(known, known)] + noise, away)
    return np.asarray(np.exp(np.clip(usual + found, -_MOST, _MOST)))
