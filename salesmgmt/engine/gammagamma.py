"""Gamma-Gamma: spend per purchase varies around a customer's mean, means vary over customers.

References
----------
.. [1] P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma Model of Monetary Value", 2013,
   www.brucehardie.com/notes/025.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

__all__ = ["expected_spend", "loglik", "start", "sums_by_x"]


def sums_by_x(x: np.ndarray, spend: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """Distinct x, position, weights and weighted sums of log spend by distinct x."""
    ux, ix = np.unique(x, return_inverse=True)
    ix = ix.reshape(-1)
    n = np.bincount(ix, weight)
    logs = np.bincount(ix, weight * np.log(spend))
    return ux.astype(np.float64), ix, n, logs


def start(spend: np.ndarray) -> np.ndarray:
    """Log-parameters to begin with; spend is scaled to a mean of one."""
    return np.log([1.0, 1.5, 1.0])


def loglik(
    theta: np.ndarray,
    x: np.ndarray,
    ix: np.ndarray,
    n: np.ndarray,
    logs: np.ndarray,
    total: np.ndarray,
    weight: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Mean log-likelihood and its gradient in log(p, q, gamma); ``total`` is x times spend."""
    p, q, v = np.exp(theta)
    size = n.sum()
    with_v = v + total
    log_sum = np.bincount(ix, weight * np.log(with_v), len(x))
    inverse = np.bincount(ix, weight / with_v, len(x))
    px = p * x
    log_x = np.log(x)
    value = (
        n @ (gammaln(px + q) - gammaln(px) + px * log_x)
        + size * (q * np.log(v) - gammaln(q))
        + (px - 1) @ logs
        - (px + q) @ log_sum
    )
    more = digamma(px + q)
    d_p = (n * x) @ (more - digamma(px) + log_x) + x @ (logs - log_sum)
    d_q = n @ more + size * (np.log(v) - digamma(q)) - log_sum.sum()
    d_v = size * q / v - (px + q) @ inverse
    return float(value / size), np.array([d_p * p, d_q * q, d_v * v]) / size


def expected_spend(params: np.ndarray, x: np.ndarray, spend: np.ndarray) -> np.ndarray:
    """Expected mean spend of each customer given x purchases of mean ``spend``."""
    p, q, v = params
    total = np.where(x > 0, x * np.where(x > 0, spend, 0.0), 0.0)
    return p * (v + total) / (p * x + q - 1)
