"""Ratios of gamma functions without the cancellation that differences of logarithms suffer.

A model that tends to a simpler one has parameters in the millions; log-gamma functions there
agree in all but the last digits. Stirling's series gives their difference directly.

References
----------
.. [1] M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", National Bureau of
   Standards, 1964, 6.1.41 and 6.3.18.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

__all__ = ["log_gamma_ratio", "slope_of_ratio"]

_LARGE = 30.0


def log_gamma_ratio(a: np.ndarray, k: np.ndarray) -> np.ndarray:
    """log G(a + k) - log G(a) for a > 0, k >= 0."""
    large = np.asarray(a >= _LARGE)
    if not large.any():
        return np.asarray(gammaln(a + k) - gammaln(a))
    safe = np.where(large, a, _LARGE)
    series = (safe - 0.5) * np.log1p(k / safe) + k * np.log(safe + k) - k
    series = series + _tail(safe + k) - _tail(safe)
    return np.where(large, series, gammaln(a + k) - gammaln(a))


def slope_of_ratio(a: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Derivative of it in a: digamma(a + k) - digamma(a)."""
    large = np.asarray(a >= _LARGE)
    if not large.any():
        return np.asarray(digamma(a + k) - digamma(a))
    safe = np.where(large, a, _LARGE)
    more = safe + k
    series = np.log1p(k / safe) + k / (2 * safe * more)
    series = series + _tail_slope(more) - _tail_slope(safe)
    return np.where(large, series, digamma(a + k) - digamma(a))


def _tail(z: np.ndarray) -> np.ndarray:
    """What Stirling's formula leaves out."""
    w = 1 / (z * z)
    return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z


def _tail_slope(z: np.ndarray) -> np.ndarray:
    """Derivative of it."""
    w = 1 / (z * z)
    return -w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w / 240)))
