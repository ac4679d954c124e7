"""Empirical Bayes: what a rate or a mean is, once luck is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Pooled", "beta_binomial", "gamma_poisson", "normal_means"]


@dataclass(frozen=True)
class Pooled:
    """Posterior of each key, and what was learned about all.

    ``weight`` is the share of a key's own data in its estimate.
    """

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    weight: np.ndarray
    prior: dict[str, float]


def beta_binomial(k: np.ndarray, n: np.ndarray, confidence: float) -> Pooled:
    """Rates ``k / n`` with a beta prior fitted by marginal maximum likelihood."""
    from scipy.special import betaincinv, gammaln

    def loss(theta: np.ndarray) -> float:
        mean, size = 1 / (1 + np.exp(-theta[0])), np.exp(theta[1])
        a, b = mean * size, (1 - mean) * size
        return -float(
            (
                gammaln(k + a) + gammaln(n - k + b) - gammaln(n + size)
                - gammaln(a) - gammaln(b) + gammaln(size)
            ).sum()
        )  # fmt: skip

    pooled = (k.sum() + 0.5) / (n.sum() + 1)
    mean, size = _fit(loss, np.log(pooled / (1 - pooled)), float(n.mean()))
    mean = 1 / (1 + np.exp(-mean))
    a, b = k + mean * size, n - k + (1 - mean) * size
    tail = (1 - confidence) / 2
    total = a + b
    error = np.sqrt(a * b / (total**2 * (total + 1)))
    low, high = betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
    prior = {"mean": float(mean), "size": float(size)}
    return Pooled(a / total, low, high, error, n / (n + size), prior)


def gamma_poisson(k: np.ndarray, n: np.ndarray, confidence: float) -> Pooled:
    """Counts ``k`` in exposure ``n`` with a gamma prior fitted by marginal likelihood."""
    from scipy.special import gammaincinv, gammaln

    def loss(theta: np.ndarray) -> float:
        mean, size = np.exp(theta[0]), np.exp(theta[1])
        shape = mean * size
        return -float(
            (
                gammaln(k + shape) - gammaln(shape) + shape * np.log(size)
                - (k + shape) * np.log(n + size)
            ).sum()
        )  # fmt: skip

    log_mean, size = _fit(loss, float(np.log((k.sum() + 0.5) / n.sum())), float(n.mean()))
    shape, rate = k + np.exp(log_mean) * size, n + size
    tail = (1 - confidence) / 2
    low, high = gammaincinv(shape, tail) / rate, gammaincinv(shape, 1 - tail) / rate
    prior = {"mean": float(np.exp(log_mean)), "size": float(size)}
    return Pooled(shape / rate, low, high, np.sqrt(shape) / rate, n / rate, prior)


def _fit(loss: object, centre: float, size: float) -> tuple[float, float]:
    """Mean (on its link) and size of the prior; a size at the upper bound means: all alike."""
    from scipy.optimize import minimize

    best = None
    for start in (0.1, 1.0, 10.0, 1000.0):
        fit = minimize(
            loss,
            np.array([centre, np.log(size * start)]),
            method="L-BFGS-B",
            bounds=[(centre - 8, centre + 8), (np.log(1e-4), np.log(size * 1e6))],
        )
        if best is None or fit.fun < best.fun - 1e-9:
            best = fit
    assert best is not None
    return float(best.x[0]), float(np.exp(best.x[1]))


def normal_means(y: np.ndarray, error: np.ndarray, confidence: float, tau2: str = "dl") -> Pooled:
    """Means with known standard errors: pooled, and shrunk towards the pooled mean.

    ``tau2``: DerSimonian and Laird's moment estimate (``dl``) or Paule and Mandel's (``pm``) of
    the variance between keys, or the shrinkage of James and Stein towards the mean (``js``;
    Efron and Morris 1975), for equal errors: ``1 - (n - 3) / sum(((y - mean) / error)^2)``.
    """
    from scipy.special import ndtri

    w = 1 / error**2
    fixed = float((w * y).sum() / w.sum())
    q = float((w * (y - fixed) ** 2).sum())
    between = _between(y, error, w, q, tau2)
    both = 1 / (error**2 + between)
    centre = float((both * y).sum() / both.sum())
    centre_error = float(both.sum() ** -0.5)
    own = between / (between + error**2)
    estimate = own * y + (1 - own) * centre
    # The error of the centre stays in: with few keys it is not small.
    spread = np.sqrt(own * error**2 + ((1 - own) * centre_error) ** 2)
    z = float(ndtri(0.5 + confidence / 2))
    prior = {"pooled_mean": centre, "pooled_se": centre_error, "q": q, "tau2": between}
    return Pooled(estimate, estimate - z * spread, estimate + z * spread, spread, own, prior)


def _between(y: np.ndarray, error: np.ndarray, w: np.ndarray, q: float, method: str) -> float:
    freedom = len(y) - 1
    if method == "js":
        own = max(0.0, 1 - (len(y) - 3) / q) if q > 0 else 0.0
        return float(error[0] ** 2 * own / (1 - own)) if own < 1 else float(np.var(y))
    if method == "dl":
        scale = w.sum() - (w**2).sum() / w.sum()
        return max(0.0, (q - freedom) / scale) if scale > 0 else 0.0

    def spread(t: float) -> float:
        v = 1 / (error**2 + t)
        return float((v * (y - (v * y).sum() / v.sum()) ** 2).sum()) - freedom

    if freedom < 1 or spread(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(np.var(y)) + 1e-12
    while spread(high) > 0:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if spread(middle) > 0 else (low, middle)
    return (low + high) / 2
