"""Box-Cox transformations of many series at once, and the way back without bias.

``(y^lambda - 1) / lambda``, the logarithm at 0, straightens series whose swings grow with their
level. What is forecast on the transformed scale is brought back as a mean: the back-transformed
centre is the median of a skewed distribution, so its second-order correction is added.
Quantiles go back as they are.

References
----------
G. E. P. Box, D. R. Cox, "An analysis of transformations", J. Royal Statistical Society B 26
(1964), 211-252. V. M. Guerrero, "Time-series analysis supported by power transformations",
Journal of Forecasting 12 (1993), 37-48. R. J. Hyndman, G. Athanasopoulos, "Forecasting:
Principles and Practice", 3rd ed., OTexts 2021, section 5.6 (bias adjustment).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .marginal import Forecast

__all__ = [
    "BackTransformed",
    "bring_back",
    "box_cox",
    "guerrero",
    "inverse",
    "likeliest",
    "mean_of",
]

_FINEST = 1e-4  # of lambda
_HUGE = 1e6  # scaled values beyond this are no forecasts


def box_cox(y: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Transform each column of positive ``y`` (time, series) with its ``power`` (series,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        log = np.log(y)
        # expm1 keeps what a small power would lose to rounding.
        safe = np.where(power == 0, 1.0, power)
        return np.where(power == 0, log, np.expm1(safe * log) / safe)


def inverse(x: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Back from the transformed scale; what lies below its lower end becomes 0."""
    safe = np.where(power == 0, 1.0, power)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        root = np.log1p(np.maximum(safe * x, -1.0)) / safe
        return np.exp(np.where(power == 0, x, root))


def mean_of(x: np.ndarray, variance: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Mean, to second order, of what has median ``x`` and ``variance`` when transformed.

    Where the median is within a standard deviation of the lower end the correction is that of
    one standard deviation: the expansion has no meaning nearer to it.
    """
    middle = inverse(x, power)
    safe = np.where(power == 0, 1.0, power)
    base = np.maximum(safe * x + 1, np.maximum(safe * np.sqrt(variance), 1e-300))
    with np.errstate(over="ignore", divide="ignore"):
        bend = np.where(power == 0, middle, base ** ((1 - 2 * safe) / safe))
    return middle + 0.5 * variance * (1 - power) * bend


def guerrero(
    y: np.ndarray, n: np.ndarray, m: int, *, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """The power at which spread and level of whole cycles have least to do with each other.

    Parameters
    ----------
    y : (time, series)
        Positive values, NaN where nothing is known; every column from row 0.
    n : (series,)
        Lengths. Columns of no more than two cycles get a power of 1.
    m : int
        Values in a cycle, taken as at least 2.
    low, high : float
        Limits of the power.
    """
    period = max(2, m)
    count = n // period
    level, spread = _by_cycle(y, n, period, count)
    grid = np.linspace(low, high, 41)
    score = np.stack([_variation(level, spread, np.full(len(n), x)) for x in grid])
    best = score.argmin(axis=0)
    a, b = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, len(grid) - 1)]
    ratio = (np.sqrt(5) - 1) / 2
    while (b - a).max(initial=0) > _FINEST:
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        left = _variation(level, spread, c) < _variation(level, spread, d)
        a, b = np.where(left, a, c), np.where(left, d, b)
    found = (a + b) / 2
    for end in (low, high):
        at_end = np.full(len(n), end)
        found = np.where(
            _variation(level, spread, at_end) <= _variation(level, spread, found), end, found
        )
    told = (n > 2 * period) & np.isfinite(score).all(axis=0) & (score.max(axis=0) > 0)
    return np.where(told, found, 1.0)


def _by_cycle(
    y: np.ndarray, n: np.ndarray, period: int, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the newest whole cycles, (cycles, series); NaN beyond."""
    cycles = max(int(count.max(initial=1)), 1)
    rows = (n - count * period)[None] + np.arange(cycles * period)[:, None]
    inside = np.arange(cycles * period)[:, None] < count * period
    column = np.arange(y.shape[1])[None]
    x = np.where(inside, y[np.minimum(rows, len(y) - 1), column], np.nan)
    x = x.reshape(cycles, period, -1)
    known = np.isfinite(x)
    some = known.sum(axis=1)
    mean = np.where(known, x, 0.0).sum(axis=1) / np.maximum(some, 1)
    off = np.where(known, x - mean[:, None], 0.0)
    spread = np.sqrt((off**2).sum(axis=1) / np.maximum(some - 1, 1))
    enough = some > 1
    return np.where(enough, mean, np.nan), np.where(enough, spread, np.nan)


def _variation(level: np.ndarray, spread: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Coefficient of variation over cycles of the spread relative to a power of the level."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        x = spread / level ** (1 - power)
        known = np.isfinite(x)
        some = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0.0).sum(axis=0) / some
        off = np.where(known, x - mean, 0.0)
        sd = np.sqrt((off**2).sum(axis=0) / np.maximum(some - 1, 1))
        return np.where(mean > 0, sd / mean, 0.0)


@dataclass(slots=True)
class BackTransformed(Forecast):
    """A forecast on a transformed scale, told in units of the data.

    ``mean`` is already brought back; ``inner`` is the forecast that was made, ``power`` and
    ``scale`` (series,) how it was transformed; a column of power NaN was left as it was.
    """

    inner: Forecast | None = None
    power: np.ndarray | None = None
    scale: np.ndarray | None = None

    def quantile(self, z: np.ndarray) -> np.ndarray:
        """Values at standard normal deviates ``z`` (draws, horizon, series)."""
        assert self.inner is not None
        assert self.power is not None
        assert self.scale is not None
        x = self.inner.quantile(z)
        power = np.nan_to_num(self.power, nan=1.0)
        back = np.minimum(inverse(x, power), _HUGE)
        return self.scale * np.where(np.isnan(self.power), x, back)

    def at(self, rows: np.ndarray) -> BackTransformed:
        """Chosen steps (steps, series) of each column."""
        assert self.inner is not None
        column = np.arange(rows.shape[1])[None]
        mean, sd = self.mean[rows, column], self.sd[rows, column]
        return BackTransformed(
            mean, sd, inner=self.inner.at(rows), power=self.power, scale=self.scale
        )


def bring_back(made: Forecast, power: np.ndarray, scale: np.ndarray) -> BackTransformed:
    """Means and standard errors in units of the data, quantiles on demand.

    Parameters
    ----------
    made : Forecast
        Of the series divided by ``scale`` and transformed.
    power : (series,)
        NaN where a series was not transformed.
    scale : (series,)
        What the series were divided by.
    """
    known = np.nan_to_num(power, nan=1.0)
    mean = np.minimum(mean_of(made.mean, made.sd**2, known), _HUGE)
    out = BackTransformed(
        scale * np.where(np.isnan(power), made.mean, mean),
        np.zeros_like(mean),
        inner=made,
        power=power,
        scale=scale,
    )
    low, high = out.bounds(68.26894921370858)  # one standard deviation either side
    out.sd = (high - low) / 2
    return out


def likeliest(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """The power that makes changes from cycle to cycle most nearly normal and even, by series.

    The profile likelihood of a random walk (with a season: a seasonal one) over eleven powers
    from 0 to 1. A power other than 1 must be 95 % sure.
    """
    lag = m if m > 1 else 1
    grid = np.linspace(0.0, 1.0, 11)
    if len(y) <= lag + 2:
        return np.ones(len(n))
    log = np.where(np.isfinite(y), np.log(y), np.nan)
    fits = []
    for power in grid:
        x = box_cox(y, np.full(len(n), power))
        d = x[lag:] - x[:-lag]
        known = np.isfinite(d)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, d, 0.0).sum(axis=0) / count
        variance = np.where(known, (d - mean) ** 2, 0.0).sum(axis=0) / count
        jacobian = np.where(known, log[lag:], 0.0).sum(axis=0)
        fits.append((power - 1) * jacobian - 0.5 * count * np.log(variance + 1e-300))
    score = np.stack(fits)
    gain = score.max(axis=0) - score[-1]
    return np.where((gain > 1.92) & (n >= 2 * lag + 4), grid[score.argmax(axis=0)], 1.0)
