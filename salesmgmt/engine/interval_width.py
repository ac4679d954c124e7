"""Half widths of the combination's intervals: what they are measured in, and what they look at.

A width is a unit, which any series can state of itself, times a factor: the geometric mean of two
small networks'. One looks at all features of a series; the other only at what bears on the size
of errors (how far values wander in several steps, how heavy the tails of their changes are, how
far members disagree) and not at what tells one collection of series from another, so that it
holds for collections nobody has seen.
"""

from __future__ import annotations

import numpy as np

from . import naive
from .estimates import Estimates
from .preparation import Prepared

__all__ = ["GROUPS", "LOOK", "describe_errors", "few_values", "growth_slope", "unit_of", "widths"]

# Networks of errors: series without a season, with a short one, with a long one.
GROUPS = {"short": "plain", "long": "plain", "quarter": "season", "month": "season", "fine": "fine"}
# Steps ahead at which members are compared, whatever is asked for: a forecast of three steps is
# then the beginning of that of twelve.
LOOK = {"short": 6, "long": 10, "quarter": 8, "month": 18, "fine": 13}
_LEAST = 1e-3  # least unit of a width, of the mean absolute value
# Values from which widths are as they were learned, and the log of the factor six values less ask
# for: pieces cut from ten sets at four origins held 76 to 88 % with six to eight values. No script
# in benchmarks/ finds it again.
_ENOUGH, _SIX_FEWER = 12, 0.4


def unit_of(p: Prepared, spread: np.ndarray, kind: str, held: Estimates) -> np.ndarray:
    """What widths are measured in, (horizon, series), never quite zero.

    With a season the members' standard errors, as large as the season is; without one the mean
    absolute change, growing a little faster than that of a random walk.
    """
    least = held.of("least", lambda: _LEAST * _mean(np.abs(p.y)) + 1e-12)
    steps = np.arange(1.0, len(spread) + 1)[:, None]
    if GROUPS[kind] == "plain":
        change = held.of("change", lambda: _mean(np.abs(np.diff(p.z, axis=0))))
        return (change + least) * steps**0.6
    return spread * p.factor(len(steps)) + least


def few_values(count: np.ndarray, m: int) -> np.ndarray:
    """The factor of widths of series with so few known values that their season does not show."""
    fewer = np.maximum(_ENOUGH - count, 0) if m > 1 else np.zeros(len(count))
    return np.asarray(np.exp(_SIX_FEWER / 6 * fewer))


def widths(
    size: np.ndarray, growth: np.ndarray, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Half widths (series, steps) in units, of a log size and a further growth in (-0.6, 0.6)."""
    power = 1.2 / (1 + np.exp(-growth)) - 0.6
    return np.exp(np.clip(size, -8, 8)[:, None] + power[:, None] * np.log(steps)), power


def growth_slope(growth: np.ndarray) -> np.ndarray:
    """Derivative of the growth's power."""
    z = 1 / (1 + np.exp(-growth))
    return 1.2 * z * (1 - z)


def describe_errors(
    p: Prepared,
    forecast: np.ndarray,
    misfit: np.ndarray,
    spread: np.ndarray,
    unit: np.ndarray,
    kind: str,
) -> np.ndarray:
    """Scale-free description of how uncertain each series is, (features, series).

    Parameters
    ----------
    p : Prepared
        The block.
    forecast : (members, steps, series)
        What members say, at least ``LOOK[kind]`` steps ahead.
    misfit : (fitted members, series)
        Logs of their errors relative to the changes of the data.
    spread, unit : (steps, series)
        Their standard errors ahead; the unit of widths.
    kind : str
        Which network weighs the members.
    """
    far, n = LOOK[kind], p.n
    d = np.diff(p.z, axis=0)
    drift = _mean(d)
    d0 = d - drift
    size = _mean(np.abs(d0)) + 1e-6  # what is left of a change without the drift
    ahead = forecast[:, :far]
    end = np.median(ahead[:, -1], axis=0)
    quarter, rest = np.quantile(ahead[:, -1], (0.25, 0.75), axis=0)
    middle = _mean(p.z)
    last = naive.last_value(p.z, n, 1)[0]
    rows = [
        _wander(p.z, drift, size, max(far // 2, 2)),
        _wander(p.z, drift, size, far),
        np.log(np.sqrt(_mean(d0 * d0)) / size + 1e-3),
        np.log(np.where(np.isfinite(d0), np.abs(d0), 0.0).max(axis=0, initial=0.0) / size + 1e-3),
        _squash(_mean((d0 / size) ** 3) / 5),
        _recent(d0, n, size, np.full(len(n), 8)),
        _recent(d0, n, size, np.maximum(n // 4, 4)),
        np.maximum(misfit.min(axis=0), -5.0),
        np.median(misfit, axis=0),
        np.log(np.maximum(end, 0.0) / (size * np.sqrt(far)) + 0.05),
        _squash((last - middle) / (_mean(np.abs(p.z - middle)) + 1e-6) / 2),
        np.log(unit[0] / size),
        np.log(spread[0] / size + 1e-4),
        np.log(spread[far - 1] / spread[0] + 1e-6),
        np.log((rest - quarter) / size + 1e-2),
        _mean(np.where(np.isfinite(d), d > 0, np.nan)),
    ]
    return np.clip(np.nan_to_num(np.stack(rows), nan=0.0, posinf=5.0, neginf=-5.0), -6.0, 6.0)


def _wander(z: np.ndarray, drift: np.ndarray, size: np.ndarray, steps: int) -> np.ndarray:
    """Log of how far values move in some steps, relative to a random walk; 0 where unknown."""
    if len(z) <= steps + 1:
        return np.zeros(z.shape[1])
    moved = z[steps:] - z[:-steps] - drift * steps
    seen = np.isfinite(moved).sum(axis=0)
    return np.log((_mean(np.abs(moved)) + 1e-6) / (size * np.sqrt(steps))) * np.minimum(
        seen / steps, 1.0
    )


def _recent(d: np.ndarray, n: np.ndarray, size: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Log of the newest changes' size relative to all changes'."""
    newest = np.where(np.arange(len(d))[:, None] >= n - 1 - count, np.abs(d), np.nan)
    return np.log((_mean(newest) + 0.1 * size) / (1.1 * size))


def _squash(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.abs(x))


def _mean(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    return np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
