"""A block made ready for the methods: scaled, its seasonality found and taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import decomposition
from .estimates import Estimates

__all__ = ["Prepared", "prepare", "scale_of"]

_LEAST = 0.005  # factor of the season below which it is added instead


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

    def take(self, which: np.ndarray) -> Prepared:
        """Some columns, as many rows as they need."""
        rows = max(int(self.n[which].max(initial=0)), 1)
        y, z = self.y[:rows, which], self.z[:rows, which]
        season, how, scale = self.season[:, which], self.multiplicative[which], self.scale[which]
        return Prepared(y, z, self.n[which], self.m, season, how, scale)

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


def prepare(y: np.ndarray, n: np.ndarray, m: int, *, held: Estimates | None = None) -> Prepared:
    """Scale a block and take its seasonality out where a test finds one.

    ``held``: scales and seasons as they were estimated before.
    """
    held = held or Estimates()
    known = np.isfinite(y)
    scale = held.of("scale", lambda: scale_of(y))
    y = y / scale
    seasonal, multiplicative, season = held.of("season", lambda: _season(y, n, m))
    z = y.copy()
    for kind in (True, False):
        which = np.flatnonzero(seasonal & (multiplicative == kind))
        if len(which):
            tiled = season[:, which][np.arange(len(y)) % m]
            z[:, which] = y[:, which] / tiled if kind else y[:, which] - tiled
    bad = ~np.isfinite(z) & known
    z[bad] = y[bad]
    return Prepared(y, z, n, max(m, 1), season, multiplicative, scale)


def scale_of(y: np.ndarray) -> np.ndarray:
    """Mean absolute value of each column; 1 where it is zero."""
    known = np.isfinite(y)
    size = np.where(known, np.abs(y), 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(size > 0, size, 1.0)


def _season(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether there is one, whether it multiplies, and its indices (m, series)."""
    filled = decomposition.fill_gaps(y, n, m)
    seasonal = _is_seasonal(filled, n, m)
    positive = np.where(np.isfinite(y), y > 0, True).all(axis=0)
    multiplicative = positive | ~seasonal
    season = np.where(multiplicative, 1.0, np.zeros((max(m, 1), y.shape[1])))
    for kind in (True, False):
        which = np.flatnonzero(seasonal & (multiplicative == kind))
        if len(which):
            season[:, which] = decomposition.seasonal_indices(
                filled[:, which], n[which], m, multiplicative=kind
            )
        if kind and len(which):  # to divide by next to nothing makes noise of what was sold then
            multiplicative[which[season[:, which].min(axis=0) < _LEAST]] = False
    return seasonal, multiplicative, season


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
