"""A slope within groups: fixed effects by least squares, errors by cluster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, hstack
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsmr

__all__ = ["within_slope"]

_LEAST = 2e-3  # what moves less than this within its groups moved by rounding


def within_slope(
    x: np.ndarray, y: np.ndarray, effects: Sequence[np.ndarray], cluster: np.ndarray
) -> tuple[float, float]:
    """Slope of y on x with an effect for each code of each of ``effects``, and its error.

    Missing where x varies by less than 0.002 (root mean square) within the groups. The error is
    infinite where as many numbers are estimated as there are rows: any slope fits exactly.

    References
    ----------
    .. [1] S. Guimaraes and P. Portugal, "A simple feasible procedure to fit models with
       high-dimensional fixed effects", Stata Journal 10 (2010), 628-649.
    .. [2] D. C.-L. Fong and M. Saunders, "LSMR: An Iterative Algorithm for Sparse Least-Squares
       Problems", SIAM Journal on Scientific Computing 33 (2011), 2950-2971.
    .. [3] A. C. Cameron and D. L. Miller, "A Practitioner's Guide to Cluster-Robust Inference",
       Journal of Human Resources 50 (2015), 317-372 (the factor for small samples).
    """
    columns = [_dummies(e) for e in effects]
    spare = len(x) - 1 - _rank(columns)
    x, y = _residuals(columns, x), _residuals(columns, y)
    square = float(x @ x)
    if square <= _LEAST**2 * max(len(x), 1):
        return float("nan"), float("nan")
    slope = float(x @ y) / square
    if spare < 1:
        return slope, float("inf")
    _, at = np.unique(cluster, return_inverse=True)
    scores = np.bincount(at.reshape(-1), x * (y - slope * x))
    groups = len(scores)
    if groups < 2:
        return slope, float("nan")
    small = groups / (groups - 1) * (len(x) - 1) / spare
    return slope, float(np.sqrt((scores @ scores) * small)) / square


def _dummies(codes: np.ndarray) -> csr_array:
    """One column a code that is there, 1 in its rows."""
    there, at = np.unique(codes, return_inverse=True)
    n = len(codes)
    return csr_array((np.ones(n), at.reshape(-1), np.arange(n + 1)), shape=(n, len(there)))


def _rank(columns: Sequence[csr_array]) -> int:
    """Independent columns: each effect less the parts in which another one ties it together.

    Exact for two effects; with more of them it may be a few too high, never too low.
    """
    rank = columns[0].shape[1]
    for i, own in enumerate(columns[1:], start=1):
        rank += own.shape[1] - max(_parts(own, other) for other in columns[:i])
    return rank


def _parts(one: csr_array, other: csr_array) -> int:
    """Connected parts of the levels of two effects, which meet where a row has both."""
    both = csr_array(hstack([one, other]))
    return int(connected_components(both.T @ both, directed=False)[0])


def _residuals(columns: Sequence[csr_array], values: np.ndarray) -> np.ndarray:
    """What the effects leave of the values."""
    design = csr_array(hstack(columns))
    design.data /= np.sqrt(design.sum(axis=0))[design.indices]  # columns of one length
    values = values - values.mean()
    found = lsmr(design, values, atol=1e-13, btol=1e-13, conlim=0, maxiter=10_000)[0]
    return values - design @ found
