"""A block made ready for the methods: scaled, its seasonality found and taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import decomposition

__all__ = ["Prepared", "prepare"]


@dataclass(slots=True)
class Prepared:
    """A block ready for the methods; all ``(time, series)`` or ``(series,)``."""

    y: np.ndarray  # scaled, gaps as NaN
    z: np.ndarray  # the same without seasonality
    n: np.ndarray
    m: int
    season: np.ndarray  # (m, series): factors, or differences where not multiplicative
    multiplicative: np.ndarray
    scale: np.ndarray

    def back(self, z: np.ndarray) -> np.ndarray:
        """Forecasts of ``z`` with the season put on again, in scaled units."""
        s = self.ahead(len(z))
        return np.where(self.multiplicative, z * s, z + s)

    def factor(self, horizon: int) -> np.ndarray:
        """By how much a deviation of ``z`` counts in ``y``."""
        return np.where(self.multiplicative, np.abs(self.ahead(horizon)), 1.0)

    def ahead(self, horizon: int) -> np.ndarray:
        """Factors (or differences) of the season of the periods ahead."""
        rows = (self.n[None] + np.arange(horizon)[:, None]) % self.m
        return self.season[rows, np.arange(len(self.n))[None]]


def prepare(y: np.ndarray, n: np.ndarray, m: int) -> Prepared:
    """Scale a block and take its seasonality out where a test finds one."""
    known = np.isfinite(y)
    size = np.where(known, np.abs(y), 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    scale = np.where(size > 0, size, 1.0)
    y = y / scale
    filled = decomposition.fill_gaps(y, n, m)
    seasonal = _is_seasonal(filled, n, m)
    positive = np.where(known, y > 0, True).all(axis=0)
    multiplicative = positive | ~seasonal
    season = np.where(multiplicative, 1.0, np.zeros((max(m, 1), y.shape[1])))
    z = y.copy()
    for kind in (True, False):
        which = np.flatnonzero(seasonal & (multiplicative == kind))
        if len(which):
            s = decomposition.seasonal_indices(filled[:, which], n[which], m, multiplicative=kind)
            season[:, which] = s
            tiled = s[np.arange(len(y)) % m]
            z[:, which] = y[:, which] / tiled if kind else y[:, which] - tiled
    bad = ~np.isfinite(z) & known
    z[bad] = y[bad]
    return Prepared(y, z, n, max(m, 1), season, multiplicative, scale)


def _is_seasonal(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """The test of lag ``m``; long seasons with fewer than three cycles by agreement of two."""
    found = decomposition.seasonal_test(y, n, m)
    if m <= 1:
        return found
    short = (n < 3 * m) & (n >= m + max(m // 2, 4))
    for j in np.flatnonzero(short):
        x = y[: n[j], j]
        a, b = x[m:] - x[m:].mean(), x[:-m] - x[:-m].mean()
        size = np.sqrt((a * a).sum() * (b * b).sum())
        found[j] = size > 0 and (a * b).sum() / size > max(0.3, 1.645 / np.sqrt(len(a)))
    return found
