"""The bank of methods: one prepared block in, point forecasts and error sizes out.

A block is scaled by each series' mean absolute value, freed of seasonality where the data
show it, forecast by every method asked for, and brought back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import decomposition, naive
from .ets import Smoothed, fit_additive
from .theta import theta

__all__ = ["METHODS", "Forecast", "Prepared", "forecast_block", "prepare"]


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
        s = self._ahead(len(z))
        return np.where(self.multiplicative, z * s, z + s)

    def factor(self, horizon: int) -> np.ndarray:
        """By how much a deviation of ``z`` counts in ``y``."""
        return np.where(self.multiplicative, np.abs(self._ahead(horizon)), 1.0)

    def _ahead(self, horizon: int) -> np.ndarray:
        rows = (self.n[None] + np.arange(horizon)[:, None]) % self.m
        return self.season[rows, np.arange(len(self.n))[None]]


@dataclass(slots=True)
class Forecast:
    """Point forecasts and standard errors, ``(horizon, series)``, in scaled units."""

    mean: np.ndarray
    sd: np.ndarray


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


def forecast_block(
    y: np.ndarray, n: np.ndarray, horizon: int, m: int, models: Sequence[str]
) -> Forecast:
    """The mean of the models' forecasts for each column, in the units of ``y``."""
    prepared = prepare(y, n, m)
    with np.errstate(over="ignore", under="ignore"):
        made = [METHODS[name](prepared, horizon) for name in models]
    mean = np.mean([f.mean for f in made], axis=0)
    sd = np.mean([f.sd for f in made], axis=0)
    mean, sd = _sane(prepared, mean, sd)
    return Forecast(mean * prepared.scale, sd * prepared.scale)


def _sane(p: Prepared, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nothing that is not finite leaves the bank: the last value stands in."""
    last = naive.last_value(p.y, p.n, len(mean))
    wild = ~(np.abs(mean) < 1e6)
    mean = np.where(wild, last, mean)
    return mean, np.where(np.isfinite(sd), sd, 0.0)


# --------------------------------------------------------------------------------------
# Methods


def _spread(errors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Root mean square of one-step errors."""
    e = np.where(known, errors, 0.0)
    return np.sqrt((e * e).sum(axis=0) / np.maximum(known.sum(axis=0) - 1, 1))


def _from_changes(p: Prepared, mean: np.ndarray, lag: int, grow: np.ndarray) -> Forecast:
    d = p.y[lag:] - p.y[:-lag] if len(p.y) > lag else np.zeros((1, len(p.n)))
    return Forecast(mean, _spread(d, np.isfinite(d)) * np.sqrt(grow)[:, None])


def _naive(p: Prepared, horizon: int) -> Forecast:
    return _from_changes(p, naive.last_value(p.y, p.n, horizon), 1, np.arange(1.0, horizon + 1))


def _seasonal_naive(p: Prepared, horizon: int) -> Forecast:
    grow = np.arange(horizon) // p.m + 1.0
    return _from_changes(p, naive.seasonal_last(p.y, p.n, horizon, p.m), p.m, grow)


def _drift(p: Prepared, horizon: int) -> Forecast:
    mean = naive.drift(p.y, p.n, horizon)
    h = np.arange(1.0, horizon + 1)[:, None]
    d = np.diff(p.y, axis=0) if len(p.y) > 1 else np.zeros((1, len(p.n)))
    d = d - (mean[:1] - naive.last_value(p.y, p.n, 1))
    grow = h * (1 + h / np.maximum(p.n - 1, 1))
    return Forecast(mean, _spread(d, np.isfinite(d)) * np.sqrt(grow))


def _mean(p: Prepared, horizon: int) -> Forecast:
    mean = naive.mean(p.y, p.n, horizon)
    known = np.isfinite(p.y)
    sd = _spread(p.y - mean[:1], known) * np.sqrt(1 + 1 / np.maximum(known.sum(axis=0), 1))
    return Forecast(mean, np.repeat(sd[None], horizon, axis=0))


def _smoothed(p: Prepared, fit: Smoothed, horizon: int) -> Forecast:
    a = fit.parameters["alpha"]
    b = fit.parameters.get("beta", np.zeros_like(a))
    phi = fit.parameters.get("phi", np.ones_like(a))
    h = np.arange(horizon)[:, None]
    run = np.cumsum(phi ** np.arange(1, horizon + 1)[:, None], axis=0)
    c = np.where(h == 0, 1.0, a + b * np.vstack((np.zeros_like(a)[None], run[:-1])))
    grow = np.sqrt(np.cumsum(c**2, axis=0))
    sd = np.sqrt(fit.sse / np.maximum(fit.count - 2, 1)) * grow
    return Forecast(p.back(fit.forecast), sd * p.factor(horizon))


def _theta(p: Prepared, horizon: int) -> Forecast:
    return _smoothed(p, theta(p.z, p.n, horizon), horizon)


def _ets(p: Prepared, horizon: int) -> Forecast:
    """Simple or damped-trend smoothing, whichever has the lower AICc."""
    plain = fit_additive(p.z, p.n, horizon)
    damped = fit_additive(p.z, p.n, horizon, trend=True, damped=True)
    take = _aicc(damped, 6) < _aicc(plain, 3)
    a, b = _smoothed(p, plain, horizon), _smoothed(p, damped, horizon)
    return Forecast(np.where(take, b.mean, a.mean), np.where(take, b.sd, a.sd))


def _aicc(fit: Smoothed, k: int) -> np.ndarray:
    n = fit.count
    with np.errstate(divide="ignore", invalid="ignore"):
        value = n * np.log(np.maximum(fit.sse, 1e-30)) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    return np.where(n > k + 2, value, np.inf)


def _auto(p: Prepared, horizon: int) -> Forecast:
    """The safe combination: mean of Theta, simple and damped-trend smoothing."""
    made = [
        _theta(p, horizon),
        _smoothed(p, fit_additive(p.z, p.n, horizon), horizon),
        _smoothed(p, fit_additive(p.z, p.n, horizon, trend=True, damped=True), horizon),
    ]
    mean = np.mean([f.mean for f in made], axis=0)
    few = np.isfinite(p.y).sum(axis=0) < 4
    mean = np.where(few, naive.mean(p.y, p.n, horizon), mean)
    return Forecast(mean, np.mean([f.sd for f in made], axis=0))


METHODS: dict[str, Callable[[Prepared, int], Forecast]] = {
    "auto": _auto,
    "naive": _naive,
    "seasonal_naive": _seasonal_naive,
    "drift": _drift,
    "mean": _mean,
    "ets": _ets,
    "theta": _theta,
}
