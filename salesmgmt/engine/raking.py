"""Raking: a table scaled until all of its margins are met (iterative proportional fitting).

References
----------
.. [1] W. E. Deming and F. F. Stephan, "On a least squares adjustment of a sampled frequency
   table when the expected marginal totals are known", Annals of Mathematical Statistics 11
   (1940), 427-444.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Raked", "rake_cells", "rake_table"]


@dataclass(frozen=True)
class Raked:
    """Fitted values, sweeps done, largest relative miss of a margin, and whether it converged."""

    values: np.ndarray
    sweeps: int
    error: float
    converged: bool


def rake_table(
    seed: np.ndarray,
    margins: Sequence[tuple[tuple[int, ...], np.ndarray]],
    *,
    tol: float = 1e-9,
    sweeps: int = 1000,
) -> Raked:
    """Fit a dense table of any number of dimensions.

    Parameters
    ----------
    seed : float64 array
        At least 0; zero cells stay zero.
    margins : sequence of (axes, totals)
        Ascending axes that a margin keeps, and its totals in that shape.
    tol : float
        Largest relative miss of any margin's total.
    sweeps : int
        Give up after so many rounds over all margins.
    """
    x = np.array(seed, dtype=np.float64)
    table: Any = x  # the same array; einsum in index form has no types
    ndim = x.ndim
    every: Any = list(range(ndim))
    plans: list[tuple[Any, tuple[int, ...], tuple[int, ...], np.ndarray]] = []
    for axes, totals in margins:
        others = tuple(a for a in range(ndim) if a not in axes)
        shape = tuple(x.shape[a] if a in axes else 1 for a in range(ndim))
        plans.append((list(axes), others, shape, np.asarray(totals, dtype=np.float64)))
    error = np.inf
    for sweep in range(1, sweeps + 1):
        error = 0.0
        for kept, others, shape, totals in plans:
            sums = np.einsum(table, every, kept) if others else x
            error = max(error, _miss(sums, totals))
            x *= _factor(sums, totals).reshape(shape)
        if error <= tol:
            return Raked(x, sweep, error, True)
    return Raked(x, sweeps, error, False)


def rake_cells(
    seed: np.ndarray,
    codes: Sequence[np.ndarray],
    totals: Sequence[np.ndarray],
    *,
    tol: float = 1e-9,
    sweeps: int = 1000,
) -> Raked:
    """Fit a list of cells; ``codes[k]`` says which total of margin ``k`` each cell belongs to."""
    x = np.array(seed, dtype=np.float64)
    error = np.inf
    for sweep in range(1, sweeps + 1):
        error = 0.0
        for code, wanted in zip(codes, totals, strict=True):
            sums = np.bincount(code, weights=x, minlength=len(wanted))
            error = max(error, _miss(sums, wanted))
            x *= _factor(sums, wanted)[code]
        if error <= tol:
            return Raked(x, sweep, error, True)
    return Raked(x, sweeps, error, False)


def _factor(sums: np.ndarray, totals: np.ndarray) -> np.ndarray:
    return np.divide(totals, sums, out=np.zeros_like(sums), where=sums > 0)


def _miss(sums: np.ndarray, totals: np.ndarray) -> float:
    """Largest miss relative to the total itself (to a unit, where the total is smaller)."""
    return float((np.abs(sums - totals) / np.maximum(np.abs(totals), 1.0)).max(initial=0.0))
