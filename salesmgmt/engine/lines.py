"""Straight lines with a ridge: through means and through medians, on standardised features."""

from __future__ import annotations

import numpy as np

__all__ = ["mean_line", "median_line", "standardise"]

_ROUNDS = 60


def standardise(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of each column; a constant column has spread 1."""
    centre = X.mean(axis=0)
    spread = X.std(axis=0)
    return centre, np.where(spread > 1e-12 * np.maximum(np.abs(centre), 1.0), spread, 1.0)


def mean_line(
    X: np.ndarray, y: np.ndarray, *, weight: np.ndarray, ridge: float
) -> tuple[np.ndarray, float]:
    """Ridge regression with a free intercept: coefficients and intercept.

    Parameters
    ----------
    X : ndarray (n, k)
        Standardised features.
    y : ndarray (n,)
        Target.
    weight : ndarray (n,)
        What each row counts.
    ridge : float
        Strength: added to each feature's sum of squares.
    """
    total = weight.sum()
    mx, my = weight @ X / total, weight @ y / total
    centred = X - mx
    gram = centred.T @ (centred * weight[:, None]) + ridge * np.eye(X.shape[1])
    slope = np.linalg.solve(gram, centred.T @ (weight * (y - my)))
    return slope, float(my - mx @ slope)


def median_line(
    X: np.ndarray, y: np.ndarray, *, ridge: float, least: float = 0.5
) -> tuple[np.ndarray, float]:
    """Least absolute deviations with a ridge, by iteratively reweighted least squares.

    Parameters
    ----------
    X, y
        As for :func:`mean_line`.
    ridge : float
        As for :func:`mean_line`, against weights of ``1 / |residual|`` scaled to mean one.
    least : float
        Residuals under this count as this (the bottom of the ``V`` is rounded).
    """
    weight = np.ones(len(y))
    slope, intercept = mean_line(X, y, weight=weight, ridge=ridge)
    for _ in range(_ROUNDS):
        weight = 1.0 / np.maximum(np.abs(y - X @ slope - intercept), least)
        before = np.append(slope, intercept)
        slope, intercept = mean_line(X, y, weight=weight / weight.mean(), ridge=ridge)
        if np.abs(np.append(slope, intercept) - before).max() < 1e-6:
            break
    return slope, intercept
