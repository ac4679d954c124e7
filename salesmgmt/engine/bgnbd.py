"""BG/NBD and MBG/NBD: purchases while alive, a chance to leave after each purchase.

The modified model differs in one thing: a customer may also leave right after the first
purchase. In the formulas the second parameter of the beta distribution then counts one purchase
more, which is what ``shift`` (0 or 1) stands for.

References
----------
.. [1] P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers the Easy Way: An
   Alternative to the Pareto/NBD Model", Marketing Science 24 (2005), 275-284.
.. [2] E. P. Batislam, M. Denizel and A. Filiztekin, "Empirical validation and comparison of
   models for customer base analysis", International Journal of Research in Marketing 24
   (2007), 201-209.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betainc, betaincinv, betaln, gammaln, hyp2f1

from .btyd_rows import Histories
from .gamma_ratios import log_gamma_ratio, slope_of_ratio

__all__ = [
    "expected",
    "expected_new",
    "log_odds_dead",
    "loglik",
    "loglik_by_row",
    "probability_of",
    "start",
]


# r, alpha, a, b: one number each, or one a row.
Params = Sequence[np.ndarray] | np.ndarray


def start(rows: Histories) -> np.ndarray:
    """Log-parameters to begin with, on the scaled time axis."""
    middle = float(np.median(rows.T)) or float(rows.T.max()) or 1.0
    return np.log([1.0, middle / 4, 1.0, 2.0])


def loglik(theta: np.ndarray, rows: Histories, shift: int) -> tuple[float, np.ndarray]:
    """Mean log-likelihood and its gradient in log(r, alpha, a, b)."""
    r, alpha, a, b = np.exp(theta)
    x, ix, it, iT = rows.x, rows.ix, rows.it, rows.iT
    k = x + shift  # times the customer did not leave
    left = k > 0
    base = log_gamma_ratio(r, x) - x * np.log(alpha)
    base = base + log_gamma_ratio(b, k) - log_gamma_ratio(a + b, k)
    before = np.where(left, b + k - 1, 1.0)
    odds = np.where(left, np.log(a / before), -np.inf)
    # Relative to alpha, so that nothing cancels where r and alpha are large.
    log_T = np.log1p(rows.T / alpha)[iT]
    gap = log_T - np.log1p(rows.t_x / alpha)[it]
    rx = (r + x)[ix]
    e = odds[ix] + rx * gap  # log of dead to alive
    soft = np.maximum(e, 0.0) + np.log1p(np.exp(-np.abs(e)))
    w = rows.share
    wp = w * np.exp(e - soft)  # with the chance of being dead, given the history
    by_x, by_xp = rows.share_of_x, np.bincount(ix, wp, len(x))
    value = by_x @ base + w @ (soft - rx * log_T)
    share_T = (rows.T / (alpha + rows.T))[iT]
    share_t = (rows.t_x / (alpha + rows.t_x))[it]
    more = slope_of_ratio(a + b, k)
    d_r = by_x @ slope_of_ratio(r, x) - w @ log_T + wp @ gap
    d_alpha = rx @ (w * share_T + wp * (share_t - share_T)) - by_x @ x
    d_a = by_xp.sum() - a * (by_x @ more)
    d_b = by_x @ (slope_of_ratio(b, k) - more) - by_xp @ (1 / before)
    return float(value), np.array([d_r * r, d_alpha, d_a, d_b * b])


def loglik_by_row(
    theta: Sequence[np.ndarray], x: np.ndarray, t_x: np.ndarray, T: np.ndarray, shift: int
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of each row and its gradient; each log-parameter may differ by row."""
    r, alpha, a, b = (np.exp(v) for v in theta)
    k = x + shift
    left = k > 0
    before = np.where(left, b + k - 1, 1.0)
    log_T = np.log1p(T / alpha)
    gap = log_T - np.log1p(t_x / alpha)
    gone = np.where(left, np.log(a) - np.log(before) + (r + x) * gap, -np.inf)
    soft = np.logaddexp(0.0, gone)
    value = log_gamma_ratio(r, x) - x * np.log(alpha) - (r + x) * log_T + soft
    value = value + log_gamma_ratio(b, k) - log_gamma_ratio(a + b, k)
    p = np.exp(gone - soft)
    more = slope_of_ratio(a + b, k)
    share_T, share_t = T / (alpha + T), t_x / (alpha + t_x)
    d_r = slope_of_ratio(r, x) - log_T + p * gap
    d_alpha = (r + x) * (share_T + p * (share_t - share_T)) - x
    d_a = p - a * more
    d_b = slope_of_ratio(b, k) - more - p / before
    return value, np.stack([d_r * r, d_alpha, d_a, d_b * b])


def log_odds_dead(
    params: Params, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, shift: int
) -> np.ndarray:
    """Logarithm of P(dead) / P(alive) at T; minus infinity where nobody can have left yet."""
    r, alpha, a, b = params
    k = x + shift
    before = np.where(k > 0, b + k - 1, 1.0)
    e = np.log(a) - np.log(before) + (r + x) * (np.log1p(T / alpha) - np.log1p(t_x / alpha))
    return np.where(k > 0, e, -np.inf)


def expected(params: Params, x: np.ndarray, T: np.ndarray, t: np.ndarray, shift: int) -> np.ndarray:
    """Expected purchases in (T, T + t] of a customer who is alive at T."""
    r, alpha, a, b = params
    return _alive(r, alpha + T, a, b + x + shift, x, t)


def _alive(
    r: np.ndarray, rate: np.ndarray, a: np.ndarray, b: np.ndarray, x: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """Expected purchases in t of one who is alive; ``b`` has counted the purchases made.

    Euler's transformation keeps the first two arguments of the series free of x, so that
    customers with hundreds of purchases are no harder than others.
    """
    near = np.abs(a - 1) < 1e-5  # removable singularity: mean of the two sides
    if np.any(near):
        low = _alive(r, rate, np.where(near, 1 - 2e-5, a), b, x, t)
        return (low + _alive(r, rate, np.where(near, 1 + 2e-5, a), b, x, t)) / 2
    z = t / (rate + t)
    c = a + b - 1
    with np.errstate(all="ignore"):
        series = hyp2f1(c - r - x, a - 1, c, z)
        value = c / (a - 1) * (1 - np.exp((a - 1) * np.log1p(-z)) * series)
        most = (r + x) * t / rate  # were nobody ever to leave
        lost = ~((value >= 0) & (value <= most * (1 + 1e-9)))
        # Where hardly anybody leaves, pairs of purchases tell what that costs: the chance that
        # the first of a pair was the last. Rules of a higher order matter by their squares.
        square = a * (a + 1) / ((a + b) * (a + b + 1))
        hardly = square * (most * (1 + 2 / (r + x))) ** 2 < 1e-13
        pairs = most**2 * (1 + 1 / (r + x)) / 2
        value = np.where(hardly, most - a / (a + b) * pairs, value)
        lost &= ~hardly
    if lost.any():
        at = np.flatnonzero(lost)
        n, wait, a, stay, span = (
            np.broadcast_to(v, value.shape)[at] for v in (r + x, rate, a, b, t)
        )
        bump = a > 0.2
        for use, rule in ((bump, _over_odds), (~bump, _over_quantiles)):
            if use.any():
                value[at[use]] = rule(n[use], wait[use], a[use], stay[use], span[use])
    return value


def _over_odds(
    r: np.ndarray, rate: np.ndarray, a: np.ndarray, b: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """The same as a mean over the chance to leave, for parameters beyond the series' reach.

    In the logit of the chance the beta density is a smooth bump, on which the trapezoidal rule
    converges exponentially.
    """
    spread = np.sqrt(1 / a + 1 / b)
    low, high = -9 * spread - 36 / a, 9 * spread + 36 / b
    # Evenly spaced near the mode, stretched towards long tails.
    u = np.linspace(-1, 1, 161)
    stretch = np.where(u[None, :] < 0, -low[:, None], high[:, None])
    core = np.minimum(6 * spread[:, None], stretch)
    off = core * u + (stretch - core) * u**3
    slope = core + 3 * (stretch - core) * u**2
    odds = off + np.log(a / b)[:, None]
    log_p = -np.logaddexp(0.0, -odds)
    log_w = a[:, None] * log_p - b[:, None] * np.logaddexp(0.0, odds) + np.log(slope)
    w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
    return _mean_over_chances(np.maximum(np.exp(log_p), 1e-300), w, r, rate, t)


def _over_quantiles(
    r: np.ndarray, rate: np.ndarray, a: np.ndarray, b: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """Over quantiles, where the lower tail of the beta density is too long (small a)."""
    u = (np.arange(400) + 0.5) / 400
    p = np.maximum(betaincinv(a[:, None], b[:, None], u), 1e-300)
    return _mean_over_chances(p, np.ones_like(p), r, rate, t)


def _mean_over_chances(
    p: np.ndarray, w: np.ndarray, r: np.ndarray, rate: np.ndarray, t: np.ndarray
) -> np.ndarray:
    gone = -np.expm1(-r[:, None] * np.log1p(p * (t / rate)[:, None]))
    return (w * gone / p).sum(axis=1) / w.sum(axis=1)


def expected_new(params: Params, t: np.ndarray, shift: int) -> np.ndarray:
    """Expected repeat purchases of a new customer within t of the first purchase."""
    r, alpha, a, b = params
    stay = b / (a + b) if shift else 1.0
    zero = np.zeros_like(t)
    return stay * _alive(r, alpha + zero, a, b + shift + zero, zero, t)


def probability_of(
    params: Params, x: np.ndarray, T: np.ndarray, n: int, t: np.ndarray, shift: int
) -> np.ndarray:
    """Chance of n purchases in (T, T + t] of a customer who is alive at T."""
    r0, alpha0, a, b0 = params
    r, alpha, b = r0 + x, alpha0 + T, b0 + x + shift
    z = t / (alpha + t)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = n * np.log(z) if n else np.zeros_like(z)
        log_nb = gammaln(r + n) - gammaln(r) - gammaln(n + 1.0) + r * np.log1p(-z) + part
    stays = np.exp(betaln(a, b + n) - betaln(a, b) + log_nb)
    if n == 0:
        return stays
    leaves = np.exp(betaln(a + 1, b + n - 1) - betaln(a, b)) * betainc(float(n), r, z)
    return stays + leaves
