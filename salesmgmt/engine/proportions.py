"""Proportions: intervals for one, differences and tests for two, many tests at once.

References
----------
.. [1] R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of
   seven methods", Statistics in Medicine 17 (1998), 857-872 (methods 3, 4 and 5).
.. [2] R. G. Newcombe, "Interval estimation for the difference between independent proportions",
   Statistics in Medicine 17 (1998), 873-890 (method 10).
.. [3] L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion",
   Statistical Science 16 (2001), 101-133 (Jeffreys, Agresti-Coull).
.. [4] S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70; Y. Benjamini, Y. Hochberg,
   Journal of the Royal Statistical Society B 57 (1995), 289-300.
"""

from __future__ import annotations

import numpy as np
from scipy import special

__all__ = [
    "INTERVALS",
    "adjust",
    "chi_square",
    "difference",
    "fisher_exact",
    "interval",
]

INTERVALS = ("wilson", "newcombe", "clopper_pearson", "jeffreys", "agresti_coull")


def interval(
    k: np.ndarray, n: np.ndarray, *, method: str = "wilson", confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided interval of ``k / n``; NaN where ``n`` is 0.

    ``"newcombe"`` is Newcombe's method 4: the Wilson score with continuity correction.
    """
    k, n = np.broadcast_arrays(np.asarray(k, float), np.asarray(n, float))
    make = {
        "wilson": _wilson,
        "newcombe": _wilson_corrected,
        "clopper_pearson": _clopper_pearson,
        "jeffreys": _jeffreys,
        "agresti_coull": _agresti_coull,
    }[method]
    with np.errstate(divide="ignore", invalid="ignore"):
        lo, hi = make(k, n, (1 - confidence) / 2)
    return (
        np.where(n > 0, np.clip(lo, 0, 1), np.nan),
        np.where(n > 0, np.clip(hi, 0, 1), np.nan),
    )


def _wilson(k: np.ndarray, n: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    z = -special.ndtri(tail)
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    return np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)


def _wilson_corrected(k: np.ndarray, n: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    z = -special.ndtri(tail)
    p, q = k / n, 1 - k / n
    scale = 2 * (n + z**2)
    with np.errstate(invalid="ignore"):
        left = z * np.sqrt(np.maximum(z**2 - 2 - 1 / n + 4 * p * (n * q + 1), 0))
        right = z * np.sqrt(np.maximum(z**2 + 2 - 1 / n + 4 * p * (n * q - 1), 0))
    lo = (2 * n * p + z**2 - 1 - left) / scale
    hi = (2 * n * p + z**2 + 1 + right) / scale
    return np.where(k == 0, 0.0, lo), np.where(k == n, 1.0, hi)


def _clopper_pearson(k: np.ndarray, n: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    lo = special.betaincinv(np.maximum(k, 1), n - k + 1, tail)
    hi = special.betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail)
    return np.where(k == 0, 0.0, lo), np.where(k == n, 1.0, hi)


def _jeffreys(k: np.ndarray, n: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    lo = special.betaincinv(k + 0.5, n - k + 0.5, tail)
    hi = special.betaincinv(k + 0.5, n - k + 0.5, 1 - tail)
    return np.where(k == 0, 0.0, lo), np.where(k == n, 1.0, hi)


def _agresti_coull(k: np.ndarray, n: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    z = -special.ndtri(tail)
    m = n + z**2
    p = (k + z**2 / 2) / m
    half = z * np.sqrt(p * (1 - p) / m)
    return p - half, p + half


def difference(
    k1: np.ndarray, n1: np.ndarray, k2: np.ndarray, n2: np.ndarray, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``k1 / n1 - k2 / n2`` and its interval by Newcombe's method 10."""
    l1, u1 = interval(k1, n1, confidence=confidence)
    l2, u2 = interval(k2, n2, confidence=confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = np.asarray(k1) / n1, np.asarray(k2) / n2
    gap = p1 - p2
    return (
        gap,
        gap - np.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2),
        gap + np.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2),
    )


def fisher_exact(k1: int, n1: int, k2: int, n2: int) -> float:
    """Two-sided exact p-value: all tables no more likely than the one seen."""
    total, hits = n1 + n2, k1 + k2
    x = np.arange(max(0, hits - n2), min(n1, hits) + 1)
    log = _log_choose(n1, x) + _log_choose(n2, hits - x) - _log_choose(total, hits)
    seen = log[k1 - x[0]]
    return float(min(1.0, np.exp(log[log <= seen + 1e-7]).sum()))


def _log_choose(n: int, k: np.ndarray | int) -> np.ndarray:
    return special.gammaln(n + 1) - special.gammaln(np.add(k, 1)) - special.gammaln(n - k + 1.0)


def chi_square(k: np.ndarray, n: np.ndarray) -> tuple[float, float]:
    """Pearson's statistic and p-value for equal proportions (no continuity correction)."""
    k, n = np.asarray(k, float), np.asarray(n, float)
    used = n > 0
    k, n = k[used], n[used]
    if len(n) < 2 or not 0 < k.sum() < n.sum():
        return 0.0, 1.0
    share = k.sum() / n.sum()
    stat = float(((k - n * share) ** 2 / (n * share * (1 - share))).sum())
    return stat, float(special.chdtrc(len(n) - 1, stat))


def adjust(p: np.ndarray, *, method: str = "holm") -> np.ndarray:
    """P-values corrected for their number (NaN stays NaN): ``"holm"`` or ``"bh"``."""
    p = np.asarray(p, float)
    out = np.full(p.shape, np.nan)
    rows = np.flatnonzero(~np.isnan(p))
    rows = rows[np.argsort(p[rows], kind="stable")]
    m = len(rows)
    if method == "holm":
        out[rows] = np.minimum(1, np.maximum.accumulate(p[rows] * (m - np.arange(m))))
    else:
        ranked = p[rows] * m / np.arange(1, m + 1)
        out[rows] = np.minimum(1, np.minimum.accumulate(ranked[::-1])[::-1])
    return out
