"""What a forecast says of each step ahead: a centre, and how far off it may be either way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

__all__ = ["Forecast"]

_TIE = 1e-9  # relative


@dataclass(slots=True)
class Forecast:
    """Point forecasts and standard errors, ``(horizon, series)``.

    Where ``sd`` is not all there is to say, ``below`` and ``above`` are the half widths of the
    95 % interval, and ``levels`` and ``shape`` (2, levels[, series]) what part of them other
    levels take.
    """

    mean: np.ndarray
    sd: np.ndarray
    below: np.ndarray | None = None
    above: np.ndarray | None = None
    levels: np.ndarray | None = None
    shape: np.ndarray | None = None

    def bounds(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval that holds ``level`` percent of cases."""
        z = np.full((1, *self.mean.shape), ndtri(0.5 + level / 200))
        return self.quantile(-z)[0], self.quantile(z)[0]

    def quantile(self, z: np.ndarray) -> np.ndarray:
        """Values at standard normal deviates ``z`` (draws, horizon, series)."""
        if self.below is None or self.above is None or self.levels is None or self.shape is None:
            return self.mean + z * self.sd
        shape = self.shape if self.shape.ndim == 3 else self.shape[..., None]
        known = ndtri(0.5 + self.levels / 200)
        low, high = _part(np.abs(z), known, shape[0]), _part(np.abs(z), known, shape[1])
        return self.mean + np.where(z < 0, -low * self.below, high * self.above)

    def deviates(self, values: np.ndarray) -> np.ndarray:
        """The standard normal deviates (horizon, series) at which :meth:`quantile` has ``values``.

        0 where nothing is known of how far off the forecast may be.
        """
        away = values - self.mean
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.below is None or self.above is None or self.levels is None:
                return np.where(self.sd > 0, away / self.sd, 0.0)
            shape = self.shape
            assert shape is not None
            if shape.ndim == 2:
                shape = np.repeat(shape[..., None], away.shape[1], axis=2)
            known = ndtri(0.5 + self.levels / 200)
            out = np.zeros_like(away)
            for j in range(away.shape[1]):
                low, high = -away[:, j] / self.below[:, j], away[:, j] / self.above[:, j]
                down = _turned(low, known, shape[0, :, j])
                up = _turned(high, known, shape[1, :, j])
                out[:, j] = np.where(away[:, j] < 0, -down, up)
        return np.where(np.isfinite(out), out, 0.0)

    def at(self, rows: np.ndarray) -> Forecast:
        """Chosen steps (steps, series) of each column."""
        column = np.arange(rows.shape[1])[None]
        below, above = (None if v is None else v[rows, column] for v in (self.below, self.above))
        mean, sd = self.mean[rows, column], self.sd[rows, column]
        return Forecast(mean, sd, below, above, self.levels, self.shape)


def _part(z: np.ndarray, known: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The part of a half width at ``z``: straight lines from zero through the known levels."""
    known = np.concatenate(([0.0], known))
    parts = np.vstack((np.zeros((1, parts.shape[1])), parts))
    k = np.clip(np.searchsorted(known, z), 1, len(known) - 1)
    share = (z - known[k - 1]) / (known[k] - known[k - 1])
    column = np.arange(parts.shape[1])
    low, high = parts[k - 1, column], parts[k, column]
    return low + share * (high - low)


def _turned(part: np.ndarray, known: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The deviate at which :func:`_part` of one series is ``part``.

    0 where it is that of several levels (nothing sold, say): rounding would choose among them.
    """
    x, z = np.concatenate(([0.0], parts)), np.concatenate(([0.0], known))
    last = (z[-1] - z[-2]) / (x[-1] - x[-2]) if x[-1] > x[-2] else 0.0
    out = np.where(part > x[-1], z[-1] + (part - x[-1]) * last, np.interp(part, x, z))
    near = _TIE * x[-1]
    flat = x[:-1][np.diff(x) <= near]
    several = (np.abs(part[:, None] - flat) <= near).any(axis=1)
    return np.where(several, 0.0, out)
