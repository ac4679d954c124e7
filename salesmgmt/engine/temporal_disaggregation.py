"""Temporal disaggregation: a coarse series to a fine one that adds up to it.

Benchmarking methods follow an indicator's movements (Denton in Cholette's form); regression
methods estimate the relation to one or more indicators on the coarse sums and spread the
residual by its assumed autocorrelation (Chow and Lin, Fernandez, Litterman).

References
----------
.. [1] F. T. Denton, "Adjustment of monthly or quarterly series to annual totals", JASA 66
   (1971), 99-102; E. B. Dagum and P. A. Cholette, "Benchmarking, temporal distribution, and
   reconciliation methods for time series", Springer, 2006 (no assumption before the sample).
.. [2] G. C. Chow and A. Lin, "Best linear unbiased interpolation, distribution, and
   extrapolation of time series by related series", Review of Economics and Statistics 53
   (1971), 372-375; R. B. Fernandez, ibid. 63 (1981), 471-476; R. B. Litterman, Journal of
   Business and Economic Statistics 1 (1983), 169-173.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize_scalar
from scipy.sparse import bmat, coo_array, diags, eye_array
from scipy.sparse.linalg import spsolve

__all__ = ["RELATIONS", "Regression", "denton", "regression", "weights_of"]

RELATIONS = ("sum", "average", "first", "last")


def weights_of(block: np.ndarray, blocks: int, relation: str = "sum") -> coo_array:
    """Matrix (blocks, m) that makes coarse values of fine ones; ``block`` -1: in no block."""
    at = np.flatnonzero(block >= 0)
    code = block[at]
    size = np.bincount(code, minlength=blocks)
    values = np.ones(len(at))
    if relation == "average":
        values = 1.0 / size[code]
    elif relation in ("first", "last"):
        order = at if relation == "first" else at[::-1]
        _, place = np.unique(block[order], return_index=True)
        keep = np.zeros(len(block), dtype=bool)
        keep[order[place]] = True
        values = keep[at].astype(np.float64)
    return coo_array((values, (code, at)), shape=(blocks, len(block)))


def denton(
    coarse: np.ndarray,
    indicator: np.ndarray,
    weights: coo_array,
    *,
    proportional: bool = True,
    differences: int = 1,
    cholette: bool = True,
) -> np.ndarray:
    """Fine series with the least movement relative to the indicator that meets the totals.

    Parameters
    ----------
    coarse : float64 array of shape (blocks,)
        Totals.
    indicator : float64 array of shape (m,)
        Fine indicator; positive where ``proportional``; fine periods in no block are
        extrapolated.
    weights : sparse array of shape (blocks, m)
        What makes coarse values of fine ones.
    proportional : bool
        Least squares of the differences of the ratio to the indicator; else of the distance.
    differences : int
        Order of the differences, 0, 1 or 2; 0 is plain pro rata (or an even distance).
    cholette : bool
        Nothing is assumed before the first period; else the original method of Denton, where
        the fine series meets the indicator there.
    """
    m = len(indicator)
    scale = indicator if proportional else np.ones(m)
    size = float(np.abs(scale).mean())
    scale = scale / size
    operator = eye_array(m, format="csr")
    for _ in range(differences):
        operator = _difference(operator.shape[0], drop=cholette) @ operator
    quadratic = operator.T @ operator
    across = weights @ diags(scale)
    # Distance to the indicator; for the ratio in Cholette's form the level drops out.
    start = np.full(m, size) if proportional else indicator
    rest = coarse - weights @ indicator
    system = bmat([[quadratic, across.T], [across, None]], format="csc")
    solution = spsolve(system, np.concatenate([np.zeros(m), rest]))
    return scale * (start + solution[:m])


def _difference(size: int, *, drop: bool) -> coo_array:
    """First differences; without ``drop`` the first value itself is kept as a difference."""
    out = diags([np.ones(size), -np.ones(size - 1)], [0, -1], format="csr")
    return out[1:] if drop else out


@dataclass(frozen=True)
class Regression:
    """A regression on coarse sums: fine series, coefficients, their errors, rho, fit.

    ``squares`` is the weighted sum of squared residuals.
    """

    fine: np.ndarray
    coefficients: np.ndarray
    standard_errors: np.ndarray
    rho: float
    r_squared: float
    adjusted_r_squared: float
    log_likelihood: float
    squares: float


def regression(
    coarse: np.ndarray,
    indicators: np.ndarray,
    weights: coo_array,
    *,
    method: str = "chow_lin",
    rho: float | None = None,
    lowest_rho: float = 0.0,
) -> Regression:
    """Generalised least squares on the coarse sums, the residual spread to the fine periods.

    Parameters
    ----------
    coarse : float64 array of shape (blocks,)
        Totals.
    indicators : float64 array of shape (m, k)
        Fine regressors, an intercept among them if one is wanted.
    weights : sparse array of shape (blocks, m)
        What makes coarse values of fine ones.
    method : {"chow_lin", "chow_lin_minrss", "fernandez", "litterman", "ols"}
        Residual: first-order autoregression with ``rho`` of maximum likelihood (or of least
        squared residuals); random walk; random walk with autoregressive steps; white noise.
    rho : float, optional
        Fixed autocorrelation instead of an estimated one.
    lowest_rho : float
        Estimates below are set to it.
    """
    if method in ("fernandez", "ols"):
        rho = 0.0
    if rho is None:
        rho = _best_rho(coarse, indicators, weights, method, lowest_rho)
    return _fit(coarse, indicators, weights, method, rho)


def _best_rho(
    coarse: np.ndarray, indicators: np.ndarray, weights: coo_array, method: str, lowest: float
) -> float:
    def loss(rho: float) -> float:
        fit = _fit(coarse, indicators, weights, method, rho)
        return fit.squares if method == "chow_lin_minrss" else -fit.log_likelihood

    # The likelihood can have several humps: look on a grid, then refine around the best.
    grid = np.linspace(-0.99, 0.99, 41)
    values = np.array([loss(float(v)) for v in grid])
    best = int(values.argmin())
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    low = -0.999 if best == 0 else low
    high = 0.999 if best == len(grid) - 1 else high
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return max(float(found.x), lowest)


def _covariance(m: int, method: str, rho: float) -> np.ndarray:
    """Covariance of the fine residual up to a factor, shape (m, m)."""
    if method in ("chow_lin", "chow_lin_minrss", "ols"):
        lag = np.abs(np.arange(m)[:, None] - np.arange(m))
        # Without the factor for least squares: it would favour rho near one whatever the data.
        factor = 1.0 if method == "chow_lin_minrss" else 1.0 / (1.0 - rho**2)
        return rho**lag * factor if rho else np.eye(m)
    walk = np.tril(np.ones((m, m)))
    lag = np.arange(m)[:, None] - np.arange(m)
    step = np.where(lag >= 0, float(rho) ** np.maximum(lag, 0), 0.0) if rho else np.eye(m)
    root = walk @ step
    return root @ root.T


def _fit(
    coarse: np.ndarray, indicators: np.ndarray, weights: coo_array, method: str, rho: float
) -> Regression:
    n, k = len(coarse), indicators.shape[1]
    dense = weights.toarray()
    spread = _covariance(indicators.shape[0], method, rho) @ dense.T
    covariance = dense @ spread
    x = dense @ indicators
    factor = cho_factor(covariance, lower=True)
    weighted = cho_solve(factor, x)
    normal = x.T @ weighted
    coefficients = np.linalg.solve(normal, weighted.T @ coarse)
    residual = coarse - x @ coefficients
    solved = cho_solve(factor, residual)
    squares = float(residual @ solved)
    # Likelihood with the error variance put in; its own constant is n, not n - k.
    log_det = 2.0 * float(np.log(np.diag(factor[0])).sum())
    log_likelihood = -0.5 * (n * np.log(2 * np.pi * max(squares, 1e-300) / n) + log_det + n)
    ones = np.ones(n)
    centre = float(ones @ cho_solve(factor, coarse)) / float(ones @ cho_solve(factor, ones))
    around = coarse - centre
    total = float(around @ cho_solve(factor, around))
    r_squared = 1.0 - squares / total if total > 0 else np.nan
    spare = n - k
    variance = squares / spare if spare > 0 else np.nan
    return Regression(
        fine=indicators @ coefficients + spread @ solved,
        coefficients=coefficients,
        standard_errors=np.sqrt(np.diag(np.linalg.inv(normal)) * variance),
        rho=rho,
        r_squared=r_squared,
        adjusted_r_squared=1.0 - (1.0 - r_squared) * (n - 1) / spare if spare > 0 else np.nan,
        log_likelihood=log_likelihood,
        squares=squares,
    )
