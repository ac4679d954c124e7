"""BG/BB: at each of n opportunities a customer who is alive may buy, and may leave after it.

References
----------
.. [1] P. S. Fader, B. G. S. Hardie and J. Shang, "Customer-Base Analysis in a Discrete-Time
   Noncontractual Setting", Marketing Science 29 (2010), 1086-1108.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, digamma, gammaln

__all__ = ["expected", "expected_new", "log_odds_dead", "loglik", "probability_of"]


def _terms(
    params: Sequence[np.ndarray] | np.ndarray, x: np.ndarray, t_x: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log of "alive at n", logs of "left after opportunity t_x + i", and which of them exist."""
    a, b, g, d = params
    alive = betaln(a + x, b + n - x) - betaln(a, b) + betaln(g, d + n) - betaln(g, d)
    i = np.arange(int((n - t_x).max(initial=0)))
    here = i[None, :] < (n - t_x)[:, None]
    j = np.where(here, i[None, :], 0)
    left = (
        betaln(a + x[:, None], b + (t_x - x)[:, None] + j)
        - betaln(a, b)
        + betaln(g + 1, d + t_x[:, None] + j)
        - betaln(g, d)
    )
    return alive, np.where(here, left, -np.inf), here


def _total(alive: np.ndarray, left: np.ndarray) -> np.ndarray:
    top = np.maximum(alive, left.max(axis=1, initial=-np.inf))
    return top + np.log(np.exp(alive - top) + np.exp(left - top[:, None]).sum(axis=1))


def loglik(
    theta: np.ndarray, x: np.ndarray, t_x: np.ndarray, n: np.ndarray, weight: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean log-likelihood and its gradient in log(alpha, beta, gamma, delta)."""
    a, b, g, d = params = np.exp(theta)
    alive, left, here = _terms(params, x, t_x, n)
    total = _total(alive, left)
    w = weight / weight.sum()
    pa, pl = np.exp(alive - total), np.where(here, np.exp(left - total[:, None]), 0.0)
    j = np.where(here, np.arange(here.shape[1])[None, :], 0)
    t = t_x[:, None] + j  # opportunities survived before leaving
    ab, gd = digamma(a + b), digamma(g + d)
    d_a = pa * (digamma(a + x) - digamma(a + b + n)) + (
        pl * (digamma(a + x)[:, None] - digamma(a + b + t))
    ).sum(axis=1)
    d_b = pa * (digamma(b + n - x) - digamma(a + b + n)) + (
        pl * (digamma(b + t - x[:, None]) - digamma(a + b + t))
    ).sum(axis=1)
    d_g = pa * (digamma(g) - digamma(g + d + n)) + (
        pl * (digamma(g + 1) - digamma(g + d + t + 1))
    ).sum(axis=1)
    d_d = pa * (digamma(d + n) - digamma(g + d + n)) + (
        pl * (digamma(d + t) - digamma(g + d + t + 1))
    ).sum(axis=1)
    gradient = [
        (w * (d_a - digamma(a) + ab)).sum() * a,
        (w * (d_b - digamma(b) + ab)).sum() * b,
        (w * (d_g - digamma(g) + gd)).sum() * g,
        (w * (d_d - digamma(d) + gd)).sum() * d,
    ]
    return float(w @ total), np.array(gradient)


def log_odds_dead(
    params: Sequence[np.ndarray] | np.ndarray, x: np.ndarray, t_x: np.ndarray, n: np.ndarray
) -> np.ndarray:
    """Logarithm of P(dead) / P(alive) at opportunity n + 1."""
    a, b, g, d = params
    alive, left, _ = _terms(params, x, t_x, n)
    total = _total(alive, left)
    next_alive = betaln(a + x, b + n - x) - betaln(a, b) + betaln(g, d + n + 1) - betaln(g, d)
    share = np.minimum(np.exp(next_alive - total), 1.0)
    with np.errstate(divide="ignore"):
        return np.log1p(-share) - np.log(share)


def expected(
    params: Sequence[np.ndarray] | np.ndarray, x: np.ndarray, n: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """Expected purchases at opportunities n + 1..n + t of one alive at n + 1."""
    a, b, g, d = params
    rate = (a + x) / (a + b + n)
    # Sum over j of the chance to be alive at n + j, given alive at n + 1: telescopes.
    return rate * _alive_count(g, d + n, t)


def expected_new(params: Sequence[np.ndarray] | np.ndarray, t: np.ndarray) -> np.ndarray:
    """Expected purchases of a new customer at the first t opportunities."""
    a, b, g, d = (np.broadcast_to(np.asarray(p, dtype=np.float64), t.shape) for p in params)
    return a / (a + b) * d / (g + d) * _alive_count(g, d, t)


def _alive_count(g: np.ndarray, d: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Sum over j = 1..t of B(g, d + j) / B(g, d + 1)."""
    t = np.broadcast_to(t, d.shape)
    top = int(np.ceil(t.max(initial=0.0)))
    j = np.arange(1, top + 1)
    logs = betaln(g, d[:, None] + j) - betaln(g, d + 1)[:, None]
    return np.where(j <= t[:, None], np.exp(logs), 0.0).sum(axis=1)


def probability_of(
    params: Sequence[np.ndarray] | np.ndarray, x: np.ndarray, n: np.ndarray, k: int, t: int
) -> np.ndarray:
    """Chance of k purchases at opportunities n + 1..n + t of one alive at n + 1."""
    a, b, g, d = params
    a, b, d = a + x, b + n - x, d + n
    given = betaln(g, d + 1)
    out = np.full(len(x), float(k == t == 0))  # without an opportunity nothing is bought
    # Alive at opportunities n + 1..n + j exactly, or through all t of them.
    for j in range(max(k, 1), t + 1):
        ways = gammaln(j + 1.0) - gammaln(k + 1.0) - gammaln(j - k + 1.0)
        buys = ways + betaln(a + k, b + j - k) - betaln(a, b)
        stays = betaln(g, d + t) if j == t else betaln(g + 1, d + j)
        out += np.exp(buys + stays - given)
    return out
