"""Empirical Bayes: what a rate or a mean is, once luck is taken off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Pooled", "beta_binomial", "gamma_poisson", "normal_means"]

_FEW = 2_000  # different keys up to which every prior is looked at
_DROP = 9.0  # in logarithms: what is less likely than the best by more does not count
_NOTHING = 1e-9
_LOOKS, _ENOUGH = 5, 0.6  # closer looks at the priors, until a window stays about as it was


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

    def loglik(theta: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
        mean, size = 1 / (1 + np.exp(-theta[0])), np.exp(theta[1])
        a, b = mean * size, (1 - mean) * size
        whole = gammaln(k + a) + gammaln(n - k + b) - gammaln(n + size)
        return np.asarray(whole - gammaln(a) - gammaln(b) + gammaln(size))

    def moments(theta: np.ndarray, k: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = np.exp(theta[1])
        mean = (k + size / (1 + np.exp(-theta[0]))) / (n + size)
        return mean, mean * (1 - mean) / (n + size + 1)

    def weight_of_mean(centre: float) -> float:  # every mean from 0 to 1 is as likely
        return float(-np.logaddexp(0, centre) - np.logaddexp(0, -centre))

    pooled = (k.sum() + 0.5) / (n.sum() + 1)
    found = _Prior(loglik, moments, weight_of_mean, float(np.log(pooled / (1 - pooled))), k, n)
    mean, size = 1 / (1 + np.exp(-found.centre)), found.size
    estimate = (k + mean * size) / (n + size)
    centre, variance = found.posterior()
    total = centre * (1 - centre) / variance - 1
    a, b, tail = centre * total, (1 - centre) * total, (1 - confidence) / 2
    ends = betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
    prior = {"mean": float(mean), "size": size}
    return _pooled(estimate, ends, variance, n / (n + size), prior)


def gamma_poisson(k: np.ndarray, n: np.ndarray, confidence: float) -> Pooled:
    """Counts ``k`` in exposure ``n`` with a gamma prior fitted by marginal likelihood."""
    from scipy.special import gammaincinv, gammaln

    def loglik(theta: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
        size = np.exp(theta[1])
        shape = np.exp(theta[0]) * size
        whole = gammaln(k + shape) - gammaln(shape) + shape * np.log(size)
        return np.asarray(whole - (k + shape) * np.log(n + size))

    def moments(theta: np.ndarray, k: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = np.exp(theta[1])
        mean = (k + np.exp(theta[0]) * size) / (n + size)
        return mean, mean / (n + size)

    def weight_of_mean(centre: float) -> float:  # Jeffreys' prior of a rate
        return centre / 2

    start = float(np.log((k.sum() + 0.5) / n.sum()))
    found = _Prior(loglik, moments, weight_of_mean, start, k, n)
    mean, size = float(np.exp(found.centre)), found.size
    estimate = (k + mean * size) / (n + size)
    centre, variance = found.posterior()
    shape, rate, tail = centre**2 / variance, centre / variance, (1 - confidence) / 2
    ends = gammaincinv(shape, tail) / rate, gammaincinv(shape, 1 - tail) / rate
    return _pooled(estimate, ends, variance, n / (n + size), {"mean": mean, "size": size})


def _pooled(
    estimate: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray],
    variance: np.ndarray,
    weight: np.ndarray,
    prior: dict[str, float],
) -> Pooled:
    low, high = np.minimum(ends[0], estimate), np.maximum(ends[1], estimate)
    return Pooled(estimate, low, high, np.sqrt(variance), weight, prior)


class _Prior:
    """The prior of all keys: where its likelihood is highest, and how far it is known.

    ``theta`` is its mean, on a link without bounds, and the logarithm of its size (in trials or
    exposure). What few keys leave open about it belongs into each key's posterior, which is the
    mixture over all priors: of its mean and variance the interval is made (Morris 1983). The
    size gets the prior by which a usual key's share of its own data is anything from 0 to 1
    alike (Christiansen and Morris 1997), so that keys which seem all alike may yet differ.
    """

    def __init__(
        self,
        loglik: Callable[..., np.ndarray],
        moments: Callable[..., tuple[np.ndarray, np.ndarray]],
        weight_of_mean: Callable[[float], float],
        start: float,
        k: np.ndarray,
        n: np.ndarray,
    ) -> None:
        self.loglik, self.moments, self.weight_of_mean = loglik, moments, weight_of_mean
        pairs, self.at, count = np.unique(
            np.column_stack([k, n]), axis=0, return_inverse=True, return_counts=True
        )
        self.k, self.n = pairs[:, 0], pairs[:, 1]
        self.count = count.astype(np.float64)
        self.usual = float(np.log(np.median(n)))
        self.start = start
        self.centre, self.size = _fit(self._loss, start, float(n.mean()))

    def _loss(self, theta: np.ndarray) -> float:
        return -float(self.count @ self.loglik(theta, self.k, self.n))

    def _density(self, centre: float, size: float) -> float:
        share = -np.logaddexp(0, size - self.usual) - np.logaddexp(0, self.usual - size)
        return self.weight_of_mean(centre) + float(share) - self._loss(np.array([centre, size]))

    def posterior(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of each key, over all priors that the data leave open."""
        centres, sizes = self._window()
        nodes = [np.array([c, s]) for c in centres for s in sizes]
        logs = np.array([self._density(*node) for node in nodes])
        weight = np.exp(logs - logs.max())
        weight /= weight.sum()
        # Moments about those of the likeliest prior: with millions of counts a square of the mean
        # would drown the variance.
        about = self.moments(nodes[int(logs.argmax())], self.k, self.n)[0]
        first, second = np.zeros(len(self.k)), np.zeros(len(self.k))
        for share, node in zip(weight, nodes, strict=True):
            if share > _NOTHING:
                mean, variance = self.moments(node, self.k, self.n)
                first += share * (mean - about)
                second += share * (variance + (mean - about) ** 2)
        at = self.at.reshape(-1)
        return (about + first)[at], (second - first**2)[at]

    def _window(self) -> tuple[np.ndarray, np.ndarray]:
        """A grid over the priors that count, by the mean's link and the logarithm of the size."""
        size = min(max(np.log(self.size), self.usual - 7), self.usual + 4)
        few = len(self.k) <= _FEW
        ends = self._everywhere() if few else self._walk(self.centre, float(size))
        return np.linspace(*ends[0], 15), np.linspace(*ends[1], 21)

    def _everywhere(self) -> list[tuple[float, float]]:
        """Where anything is left of the likelihood, looked at ever closer."""
        ends = [(self.start - 6, self.start + 6), (self.usual - 7, self.usual + 11)]
        count = 25
        for _ in range(_LOOKS):
            axes = [np.linspace(*e, count) for e in ends]
            seen = np.array([[self._density(c, s) for s in axes[1]] for c in axes[0]])
            near = seen > seen.max() - _DROP
            before, count = ends, 13
            ends = [_around(a, near.any(axis=1 - i)) for i, a in enumerate(axes)]
            if all(b - a > _ENOUGH * (d - c) for (a, b), (c, d) in zip(ends, before)):
                break
        return ends

    def _walk(self, centre: float, size: float) -> list[tuple[float, float]]:
        """How far to go from the best prior, along each axis, until nothing is left of it."""
        size = max(np.linspace(size - 3, size + 3, 13), key=lambda s: self._density(centre, s))
        top = self._density(centre, size)
        ends = []
        for axis in (0, 1):
            reach = []
            for sign in (-1, 1):
                step = 0.01
                while step < 10 and self._density(
                    centre + sign * step * (axis == 0), size + sign * step * (axis == 1)
                ) > top - _DROP:  # fmt: skip
                    step *= 1.5
                reach.append((centre, size)[axis] + sign * step)
            ends.append((reach[0], reach[1]))
        return ends


def _around(axis: np.ndarray, near: np.ndarray) -> tuple[float, float]:
    """The part of an axis that counts, with a step more at either end."""
    at = np.flatnonzero(near)
    return float(axis[max(at[0] - 1, 0)]), float(axis[min(at[-1] + 1, len(axis) - 1)])


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
