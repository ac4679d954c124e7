"""Intermittent demand for many series at once.

Blocks are ``(time, series)``, every column from row 0, zeros between demands; what is not
known (NaN) counts as zero. Each function returns the demand a period expected from now on,
``(series,)``: such forecasts are flat. ``held``: what was estimated before; Croston's method and
its variant estimate nothing, their parameters are given.

References
----------
J. D. Croston, "Forecasting and stock control for intermittent demands", Operational Research
Quarterly 23 (1972), 289-303. A. A. Syntetos, J. E. Boylan, "The accuracy of intermittent
demand estimates", Int. J. Forecasting 21 (2005), 303-314 (SBA). R. H. Teunter, A. A.
Syntetos, M. Z. Babai, "Intermittent demand: linking forecasting to inventory obsolescence",
European J. Operational Research 214 (2011), 606-615 (TSB). K. Nikolopoulos et al., "An
aggregate-disaggregate intermittent demand approach", J. Operational Research Society 62
(2011), 544-554 (ADIDA). F. Petropoulos, N. Kourentzes, "Forecast combinations for
intermittent demand", ibid. 66 (2015), 914-924 (IMAPA).
"""

from __future__ import annotations

import numpy as np

from .estimates import Estimates

__all__ = [
    "adida",
    "bucket",
    "croston",
    "imapa",
    "mean_interval",
    "sba",
    "size_and_chance",
    "size_and_interval",
    "tsb",
]

_MOST = 24  # longest bucket


def mean_interval(y: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Periods a demand, at least 1."""
    demands = (np.nan_to_num(y) != 0).sum(axis=0)
    return np.where(demands > 0, n / np.maximum(demands, 1), 1.0)


def croston(y: np.ndarray, n: np.ndarray, *, alpha: float = 0.1) -> np.ndarray:
    """Smoothed size over smoothed interval."""
    size, interval = size_and_interval(y, n, alpha=alpha)
    return size / interval


def sba(y: np.ndarray, n: np.ndarray, *, alpha: float = 0.1) -> np.ndarray:
    """Croston's method without its bias: times ``1 - alpha / 2``."""
    return (1 - alpha / 2) * croston(y, n, alpha=alpha)


def size_and_interval(
    y: np.ndarray, n: np.ndarray, *, alpha: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed size of a demand, smoothed periods between demands."""
    size = np.zeros(y.shape[1])
    interval, since = np.ones(y.shape[1]), np.ones(y.shape[1])
    seen = np.zeros(y.shape[1], dtype=bool)
    for row in np.nan_to_num(y):
        hit = row != 0
        first, later = hit & ~seen, hit & seen
        size = np.where(later, size + alpha * (row - size), np.where(first, row, size))
        interval = np.where(
            later, interval + alpha * (since - interval), np.where(first, since, interval)
        )
        since = np.where(hit, 1.0, since + 1)
        seen |= hit
    return size, interval


def tsb(
    y: np.ndarray,
    n: np.ndarray,
    *,
    alpha: float = 0.1,
    beta: float = 0.1,
    held: Estimates | None = None,
) -> np.ndarray:
    """Smoothed size times smoothed probability of demand: dies out where demand does."""
    size, chance = size_and_chance(y, n, alpha=alpha, beta=beta, held=held)
    return size * chance


def size_and_chance(
    y: np.ndarray,
    n: np.ndarray,
    *,
    alpha: float = 0.1,
    beta: float = 0.1,
    held: Estimates | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed size of a demand, smoothed probability that a period has one.

    The probability starts at the share of periods with demand; the size at the first demand.
    """
    held = held or Estimates()
    v = np.nan_to_num(y)
    hit = v != 0
    size = v[hit.argmax(axis=0), np.arange(y.shape[1])]
    start = held.of("chance", lambda: np.maximum(hit.sum(axis=0), 1) / np.maximum(n, 1))
    chance = start
    rows = np.arange(len(y))[:, None] < n
    for t in range(len(y)):
        size = np.where(hit[t], size + alpha * (v[t] - size), size)
        chance = np.where(rows[t], chance + beta * (hit[t] - chance), chance)
    some = hit.any(axis=0)
    return np.where(some, size, 0.0), np.where(some, chance, 0.0)


def bucket(y: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Periods summed to one: the mean interval between demands, rounded."""
    return np.clip(np.rint(mean_interval(y, n)), 1, _MOST).astype(int)


def adida(y: np.ndarray, n: np.ndarray, *, held: Estimates | None = None) -> np.ndarray:
    """Simple smoothing of sums over the mean interval between demands."""
    held = held or Estimates()
    level = held.of("bucket", lambda: bucket(y, n))
    out = np.empty(y.shape[1])
    for k in np.unique(level):
        which = np.flatnonzero(level == k)
        out[which] = _at_level(y[:, which], n[which], int(k), held)
    return out


def imapa(y: np.ndarray, n: np.ndarray, *, held: Estimates | None = None) -> np.ndarray:
    """Mean of ADIDA's forecasts at all levels from 1 to the mean interval."""
    held = held or Estimates()
    top = held.of("bucket", lambda: bucket(y, n))
    total = np.zeros(y.shape[1])
    for k in range(1, int(top.max(initial=1)) + 1):
        which = np.flatnonzero(top >= k)
        total[which] += _at_level(y[:, which], n[which], k, held)
    return total / top


def _at_level(y: np.ndarray, n: np.ndarray, k: int, held: Estimates) -> np.ndarray:
    """Simple smoothing of sums of ``k`` periods, counted back from the end, a period."""
    return _slow(_buckets(y, n, k)[0], held.part(f"sums of {k}")) / k


def _slow(sums: np.ndarray, held: Estimates) -> np.ndarray:
    """Simple smoothing, the best of five parameters from 0.1 to 0.3: sparse data say little."""
    alpha = np.linspace(0.1, 0.3, 5)[:, None]
    level = np.repeat(sums[:1], len(alpha), axis=0)
    sse = np.zeros_like(level)
    for row in sums[1:]:
        e = np.where(np.isfinite(row), row - level, 0.0)
        sse += e * e
        level += alpha * e
    best = held.of("best", lambda: sse.argmin(axis=0))
    return level[best, np.arange(sums.shape[1])]


def _buckets(y: np.ndarray, n: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    if k == 1:
        return np.where(np.arange(len(y))[:, None] < n, np.nan_to_num(y), np.nan), n
    run = np.vstack((np.zeros((1, y.shape[1])), np.cumsum(np.nan_to_num(y), axis=0)))
    count = np.maximum(n // k, 1)
    rows = int(count.max())
    first = n - count * k
    edge = np.clip(first[None] + k * np.arange(rows + 1)[:, None], 0, len(y))
    at = run[edge, np.arange(y.shape[1])[None]]
    sums = np.diff(at, axis=0)
    return np.where(np.arange(rows)[:, None] < count, sums, np.nan), count
