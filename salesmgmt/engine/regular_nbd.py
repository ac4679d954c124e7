"""MBG/CNBD-k: like MBG/NBD, with purchases as regular as every k-th event of a Poisson process.

A purchase is the k-th of k steps that follow one another at the customer's rate: the time between
purchases is Erlang distributed, steadier than exponential. What has passed since the last purchase
may have brought some of the next k steps; for each number of them the rate has a gamma
distribution again, so that everything stays in closed form, also what is to come.

References
----------
.. [1] T. Reutterer, M. Platzer and N. Schroeder, "Leveraging purchase regularity for predicting
   customer behavior the easy way", International Journal of Research in Marketing 38 (2021),
   194-215.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betainc

from .btyd_rows import Histories
from .gamma_ratios import log_gamma_ratio, slope_of_ratio

__all__ = ["expected", "log_odds_dead", "loglik", "probability_of"]

Params = Sequence[np.ndarray] | np.ndarray


def loglik(theta: np.ndarray, rows: Histories, k: int) -> tuple[float, np.ndarray]:
    """Mean log-likelihood and its gradient in log(r, alpha, a, b).

    Without the part that depends on k and the times between purchases alone.
    """
    r, alpha, a, b = np.exp(theta)
    x, t_x, T = rows.x[rows.ix], rows.t_x[rows.it], rows.T[rows.iT]
    steps, stays = k * rows.x, rows.x + 1
    base = log_gamma_ratio(r, steps) - steps * np.log(alpha)
    base = base + log_gamma_ratio(b, stays) - log_gamma_ratio(a + b, stays)
    log_T, log_t = np.log1p(T / alpha), np.log1p(t_x / alpha)
    rx = r + k * x
    some, by_r, by_alpha = _waiting(r, alpha, k, x, t_x, T)
    log_some = np.log(some)
    e = np.log(a / (b + x)) + rx * (log_T - log_t) - log_some
    soft = np.logaddexp(0.0, e)
    w = rows.share
    dead = np.exp(e - soft)
    wp, wq = w * dead, w * (1 - dead)
    by_x = rows.share_of_x
    value = by_x @ base + w @ (soft + log_some - rx * log_T)
    more = slope_of_ratio(a + b, stays)
    d_r = by_x @ slope_of_ratio(r, steps) - wp @ log_t - wq @ (log_T - by_r / some)
    d_alpha = (wp * rx) @ (t_x / (alpha + t_x)) - by_x @ steps
    d_alpha += wq @ (rx * T / (alpha + T) + by_alpha / some)
    d_a = wp.sum() - a * (by_x @ more)
    d_b = by_x @ (slope_of_ratio(b, stays) - more) - wp @ (1 / (b + x))
    return float(value), np.array([d_r * r, d_alpha, d_a, d_b * b])


def _waiting(
    r: np.ndarray, alpha: np.ndarray, k: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight of fewer than k steps since t_x (none: 1), with slopes in r and log(alpha)."""
    share = (T - t_x) / (alpha + T)
    term, slope = np.ones(len(x)), np.zeros(len(x))
    total, by_r, turns = term.copy(), np.zeros(len(x)), np.zeros(len(x))
    for j in range(1, k):
        rate = r + k * x + (j - 1)
        slope = slope + 1 / rate
        term = term * rate / j * share
        total += term
        by_r += term * slope
        turns += j * term
    return total, by_r, -turns * alpha / (alpha + T)


def _steps_done(
    p: Params, k: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Chances of 0..k-1 steps since the last purchase, given alive, and the logarithm of all."""
    r, alpha = p[:2]
    share = (T - t_x) / (alpha + T)
    terms = [np.ones(len(x))]
    for j in range(1, k):
        terms.append(terms[-1] * (r + k * x + (j - 1)) / j * share)
    weights = np.stack(terms, axis=1)
    total = weights.sum(axis=1)
    return weights / total[:, None], np.log(total)


def log_odds_dead(p: Params, k: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Logarithm of P(dead) / P(alive) at T."""
    r, alpha, a, b = p
    gap = np.log1p(T / alpha) - np.log1p(t_x / alpha)
    return np.log(a / (b + x)) + (r + k * x) * gap - _steps_done(p, k, x, t_x, T)[1]


def expected(
    p: Params, k: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """Expected purchases in (T, T + t] of one alive at T: chances of a first, a second, ..."""
    _, _, a, b = p
    done, _ = _steps_done(p, k, x, t_x, T)
    out, stays, m = np.zeros(len(x)), np.ones(len(x)), 1
    left = np.arange(len(x))  # who may still buy so often
    while len(left) and m < 100_000:
        part = stays[left] * _reached(p, k, x[left], T[left], t[left], done[left], m)
        out[left] += part
        left = left[part > 1e-14 * np.maximum(out[left], 1e-300)]
        stays[left] *= (b + x[left] + m) / (a + b + x[left] + m)
        m += 1
    return out


def probability_of(
    p: Params, k: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray
) -> np.ndarray:
    """Chance of n purchases in (T, T + t] of one alive at T."""
    _, _, a, b = p
    done, _ = _steps_done(p, k, x, t_x, T)
    more = _reached(p, k, x, T, t, done, n + 1)
    if n == 0:
        return np.asarray(1 - more)
    this = _reached(p, k, x, T, t, done, n)
    before = np.full(len(x), n - 1.0)
    stayed = np.exp(log_gamma_ratio(b + x + 1, before) - log_gamma_ratio(a + b + x + 1, before))
    stays = stayed * (b + x + n) / (a + b + x + n)
    return np.asarray(stays * (this - more) + (stayed - stays) * this)


def _reached(
    p: Params, k: int, x: np.ndarray, T: np.ndarray, t: np.ndarray, done: np.ndarray, m: int
) -> np.ndarray:
    """Chance of at least m purchases within t, were nobody to leave."""
    r, alpha = p[:2]
    z = t / (alpha + T + t)
    out = np.zeros(len(x))
    for j in range(k):
        out += done[:, j] * betainc(float(k * m - j), r + k * x + j, z)
    return out
