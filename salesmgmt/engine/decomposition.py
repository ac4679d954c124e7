"""Seasonality of many series at once: a test, centred averages, seasonal indices.

Blocks are ``(time, series)``, NaN where nothing is known; every column starts in row 0.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.ndimage import convolve1d

__all__ = [
    "centred_average",
    "fill_gaps",
    "seasonal_differences",
    "seasonal_indices",
    "seasonal_score",
    "seasonal_test",
    "shrink_season",
]

_MANY = 100  # positions from which a season is smoothed over several scales
_HALF = (1, 3, 10, 30, 90)  # half widths of the scales: each some three times the one before
_WAVES = 5.0  # what white noise counts for in the noise of a scale
_NEAR = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0  # weights of a position and its neighbours


def fill_gaps(y: np.ndarray, n: np.ndarray, m: int = 1) -> np.ndarray:
    """``y`` with inner gaps filled: a season's mean of neighbours, else a straight line.

    Rows from ``n`` on stay NaN.
    """
    lost = np.isnan(y) & (np.arange(len(y))[:, None] < n)
    if not lost.any():
        return y
    out = y.copy()
    for j in np.flatnonzero(lost.any(axis=0)):
        out[: n[j], j] = _fill_one(y[: n[j], j], m)
    return out


def _fill_one(x: np.ndarray, m: int) -> np.ndarray:
    at = np.arange(len(x))
    known = np.isfinite(x)
    if not known.any():
        return np.zeros_like(x)
    if m > 1 and known.sum() >= 2 * m:
        level = np.interp(at, at[known], x[known])
        shape = np.zeros(m)
        for s in range(m):
            of_season = known & (at % m == s)
            if of_season.any():
                shape[s] = np.mean(x[of_season]) - np.mean(x[known])
        flat = np.interp(at, at[known], (x - shape[at % m])[known])
        return np.where(known, x, np.clip(flat + shape[at % m], level.min(), level.max()))
    return np.where(known, x, np.interp(at, at[known], x[known]))


def seasonal_test(y: np.ndarray, n: np.ndarray, m: int, *, z: float = 1.645) -> np.ndarray:
    """Whether the autocorrelation at lag ``m`` is significant (90 %), by series.

    Series shorter than three cycles are taken as not seasonal.

    References
    ----------
    S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 Competition", International
    Journal of Forecasting 36 (2020), 54-74: the test of the benchmark methods.
    """
    if m <= 1:
        return np.zeros(y.shape[1], dtype=bool)
    return (np.abs(seasonal_score(y, m)) > z) & (n >= 3 * m)


def seasonal_score(y: np.ndarray, m: int) -> np.ndarray:
    """Autocorrelation at lag ``m`` in its standard errors (Bartlett), by series."""
    inside = np.isfinite(y)
    count = np.maximum(inside.sum(axis=0), 1)
    mean = np.where(inside, y, 0.0).sum(axis=0) / count
    d = np.where(inside, y - mean, 0.0)
    c0 = (d * d).sum(axis=0)
    r = np.zeros((m, y.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        for k in range(1, min(m, len(y) - 1) + 1):
            r[k - 1] = (d[k:] * d[:-k]).sum(axis=0) / c0
        score = r[-1] / np.sqrt((1 + 2 * (r[:-1] ** 2).sum(axis=0)) / count)
    size = np.where(inside, y * y, 0.0).sum(axis=0)
    return np.where(c0 > 1e-20 * size, score, 0.0)  # else constant, to rounding


def centred_average(y: np.ndarray, m: int) -> np.ndarray:
    """Centred moving average over one cycle (2 x m for even m); NaN at both ends."""
    out = np.full_like(y, np.nan)
    width = m + 1 if m % 2 == 0 else m
    if len(y) < width:
        return out
    w = np.full(width, 1.0 / m)
    if m % 2 == 0:
        w[0] = w[-1] = 0.5 / m
    run = np.cumsum(np.vstack((np.zeros((1, y.shape[1])), np.nan_to_num(y))), axis=0)
    inner = run[m:] - run[:-m]  # plain sums of m values
    k = width // 2
    if m % 2 == 0:
        out[k : len(y) - k] = (inner[:-1] + inner[1:]) / (2 * m)
    else:
        out[k : len(y) - k] = inner / m
    return out


def seasonal_indices(y: np.ndarray, n: np.ndarray, m: int, *, multiplicative: bool) -> np.ndarray:
    """Classical seasonal indices (m, series): ratios average 1, differences average 0.

    ``y`` must have no inner gaps and at least one cycle and a half; positions are row % m.
    """
    smooth = centred_average(y, m)
    smooth[np.arange(len(y))[:, None] >= n - m // 2] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = y / smooth if multiplicative else y - smooth
    raw[~np.isfinite(raw)] = np.nan
    pad = (-len(y)) % m
    if pad:
        raw = np.vstack((raw, np.full((pad, y.shape[1]), np.nan)))
    cube = raw.reshape(-1, m, y.shape[1])
    seen = np.isfinite(cube)
    count = seen.sum(axis=0)
    total = np.where(seen, cube, 0.0).sum(axis=0)
    neutral = 1.0 if multiplicative else 0.0
    s = np.where(count > 0, total / np.maximum(count, 1), neutral)
    mean = s.mean(axis=0)
    if multiplicative:
        return s / np.where(mean > 0, mean, 1.0)
    return s - mean


def seasonal_differences(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Seasonal differences (m, series), shrunk by how well the cycles agree; 0 where unknown.

    The mean of each season's deviations from the trend is drawn to zero by the share of its
    variance that is noise; seasons of thirteen and more positions first to their neighbours.
    With more than a hundred positions (days of a year, hours of a week) there are too few cycles
    to know each of them: the deviations are split into scales, from single positions to a
    quarter of the cycle, and each scale is drawn to zero by how little cycles agree on it.
    From one cycle and a half up; ``y`` must have no inner gaps, positions are row % m.

    References
    ----------
    D. M. Miller, D. Williams, "Shrinkage estimators of time series seasonal factors and their
    effect on forecasting accuracy", International Journal of Forecasting 19 (2003), 669-684.
    I. M. Johnstone, B. W. Silverman, "Wavelet threshold estimators for data with correlated
    noise", Journal of the Royal Statistical Society B 59 (1997), 319-351 (shrinkage scale by
    scale, where the noise is not the same at all).
    """
    d = y - _slow_part(y, n, m)
    s = _by_scale(d, m) if m > _MANY else _drawn_to_neighbours(_cycles(d, m))
    s = s - s.mean(axis=0)
    return np.where(n >= 1.5 * m, s, 0.0)


def _cycles(d: np.ndarray, m: int) -> np.ndarray:
    """Rows as (cycles, m, series), NaN where the last cycle is not over."""
    pad = np.full((-len(d) % m, d.shape[1]), np.nan)
    return np.vstack((d, pad)).reshape(-1, m, d.shape[1])


def _drawn_to_neighbours(d: np.ndarray) -> np.ndarray:
    """The mean season (m, series) of deviations (cycles, m, series), shrunk."""
    seen = np.isfinite(d)
    count = seen.sum(axis=0)
    raw = np.where(seen, d, 0.0).sum(axis=0) / np.maximum(count, 1)
    raw = np.where(count > 0, raw - _known_mean(raw, count > 0), 0.0)
    rest = np.where(seen, d - raw, 0.0)
    free = np.maximum(seen.sum(axis=(0, 1)) - len(raw), 1)
    noise = (rest * rest).sum(axis=(0, 1)) / free * np.mean(1.0 / np.maximum(count, 1), axis=0)
    smooth, own = _to_neighbours(raw, noise)
    raw = smooth + own * (raw - smooth)
    return raw * _signal(raw, noise)


def _by_scale(d: np.ndarray, m: int) -> np.ndarray:
    """The mean season (m, series) of deviations (time, series), shrunk scale by scale.

    Smoothing runs on over the ends of cycles. Noise is what cycles do not agree on, at each
    scale: deviations hang together, so slow waves come and go that are no season. Where few waves
    can be compared it is drawn to what noise without memory would leave of the finest scale's.
    """
    out, finest = np.zeros((m, d.shape[1])), np.zeros(d.shape[1])
    for wide, half, left in zip((0, *_HALF), (*_HALF, None), _left_of_noise(), strict=True):
        coarse = np.where(np.isfinite(d), 0.0, np.nan) if half is None else _waves(d, half)
        fine = _cycles(d - coarse, m)
        seen = np.isfinite(fine)
        count = seen.sum(axis=0)
        mean = np.where(seen, fine, 0.0).sum(axis=0) / np.maximum(count, 1)
        apart = np.where(seen, fine - mean, 0.0)
        tests = np.maximum(np.maximum(count - 1, 0).sum(axis=0), 1)
        noise = (apart * apart).sum(axis=(0, 1)) / tests
        finest = noise / left if wide == 0 else finest
        waves = tests / (wide + 1)
        noise = (waves * noise + _WAVES * left * finest) / (waves + _WAVES)
        out += mean * _signal(mean, noise * np.mean(1.0 / np.maximum(count, 1), axis=0))
        d = coarse
    return out


@cache
def _left_of_noise() -> tuple[float, ...]:
    """The share of the variance of white noise that each scale holds."""
    d = np.zeros((4 * sum(_HALF) + 1, 1))
    d[len(d) // 2] = 1.0
    out = []
    for half in _HALF:
        coarse = _waves(d, half)
        out.append(float(((d - coarse) ** 2).sum()))
        d = coarse
    return (*out, float((d**2).sum()))


def _waves(d: np.ndarray, half: int) -> np.ndarray:
    """Triangular mean over ``half`` rows to either side, of what is known of them."""
    known = np.isfinite(d)
    weight = np.r_[np.arange(1.0, half + 2), np.arange(half, 0.0, -1)]
    total = convolve1d(np.where(known, d, 0.0), weight, axis=0, mode="constant")
    count = convolve1d(known.astype(np.float64), weight, axis=0, mode="constant")
    return np.where(known, total / np.maximum(count, 1.0), np.nan)


def shrink_season(
    d: np.ndarray, last: np.ndarray, path: np.ndarray, few: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A season that changes, shrunk like one that does not.

    Parameters
    ----------
    d : (cycles, m, series)
        Deviations from the trend, NaN where unknown.
    last, path : (m, series), (cycles, m, series)
        The newest season, and that of every cycle.
    few : (series,)
        Variance of the newest season in those of a deviation.
    """
    rest = np.where(np.isfinite(d), d - path, 0.0)
    free = np.maximum(np.isfinite(d).sum(axis=(0, 1)) - d.shape[1], 1)
    noise = (rest * rest).sum(axis=(0, 1)) / free * few
    smooth, own = _to_neighbours(last, noise)
    last = smooth + own * (last - smooth)
    by_cycle = _smooth(path, 1)
    path = by_cycle + own * (path - by_cycle)
    signal = _signal(last, noise)
    return last * signal, path * signal


def _to_neighbours(raw: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A season (m, series) smoothed over its neighbours, and what share of the rest is signal."""
    smooth = _smooth(raw, 0)
    if len(raw) <= 12:
        return smooth, np.ones(raw.shape[1])
    loss = noise * (1 - 2 * _NEAR[2] + (_NEAR**2).sum())
    return smooth, _signal(raw - smooth, loss)


def _smooth(s: np.ndarray, axis: int) -> np.ndarray:
    """Weighted mean of each position and its neighbours; short seasons as they are."""
    if s.shape[axis] <= 12:
        return s
    out: np.ndarray = sum(w * np.roll(s, i - 2, axis=axis) for i, w in enumerate(_NEAR))
    return out


def _signal(x: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Share of the variance over seasons that is not noise."""
    return np.clip(1 - noise / np.maximum((x * x).mean(axis=0), 1e-300), 0.0, 1.0)


def _known_mean(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _slow_part(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Trend: the centred average from three cycles up, else the line between like phases."""
    rows = np.arange(len(y))[:, None]
    smooth = centred_average(y, m)
    smooth[rows >= n - m // 2] = np.nan
    run = np.vstack((np.zeros((1, y.shape[1])), np.cumsum(np.nan_to_num(y), axis=0)))
    column = np.arange(y.shape[1])
    width = np.clip(n - m, 1, m)  # the last values, and those a cycle before them
    late = run[n, column] - run[np.maximum(n - width, 0), column]
    early = run[np.maximum(n - m, 0), column] - run[np.maximum(n - m - width, 0), column]
    slope = np.where(n > m, (late - early) / width / m, 0.0)
    inside = rows < n
    line = slope * rows
    line = line + _known_mean(y - line, inside)
    return np.where(n >= 3 * m, smooth, line)
