"""Merton's model: the firm's value whose call option its shares are."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

__all__ = ["asset_value"]


def asset_value(
    equity: np.ndarray, volatility: np.ndarray, debt: np.ndarray, rate: float, horizon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Value and volatility of the assets, distance to default, its probability, convergence.

    For a given asset volatility the value solves a monotone equation (Newton from above); the
    volatility solves a monotone one too, by bisection: no starting values, no divergence.
    """
    root = np.sqrt(horizon)
    present = debt * np.exp(-rate * horizon)
    low = volatility * equity / (equity + debt) * 1e-3
    high = volatility.astype(np.float64).copy()
    for _ in range(100):
        middle = (low + high) / 2
        value = _value(equity, present, middle * root)
        share = ndtr(_d1(value, present, middle * root)) * value * middle
        too_high = share > volatility * equity
        high = np.where(too_high, middle, high)
        low = np.where(too_high, low, middle)
    sigma = (low + high) / 2
    value = _value(equity, present, sigma * root)
    distance = _d1(value, present, sigma * root) - sigma * root
    priced = value * ndtr(distance + sigma * root) - present * ndtr(distance)
    ok = np.abs(priced - equity) <= 1e-6 * equity
    return value, sigma, distance, ndtr(-distance), ok


def _d1(value: np.ndarray, present: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.log(value / present) / spread + spread / 2


def _value(equity: np.ndarray, present: np.ndarray, spread: np.ndarray) -> np.ndarray:
    value = equity + present
    for _ in range(60):
        d1 = _d1(value, present, spread)
        gap = value * ndtr(d1) - present * ndtr(d1 - spread) - equity
        value = np.maximum(value - gap / np.maximum(ndtr(d1), 1e-12), equity)
    return value
