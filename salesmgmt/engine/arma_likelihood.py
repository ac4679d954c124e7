"""Exact Gaussian likelihood of ARIMA models for many series at once.

The errors of an ARMA model are linear in the data, the mean, values that are missing, and in
what came before the first value. Each of these is a column that runs through the same error
recursion; the unseen past has the covariance the model gives it. One small system a series then
yields the likelihood, the mean by generalised least squares, the missing values and the errors
given all the data: no filter over a large state. Differencing makes no approximation: values
lost to it carry a flat prior, as in a diffuse state space model.

References
----------
C. F. Ansley, "An algorithm for the exact likelihood of a mixed autoregressive-moving average
process", Biometrika 66 (1979), 59-65. G. E. P. Box, G. M. Jenkins, G. C. Reinsel, "Time Series
Analysis", 4th ed., Wiley 2008, chapter 7. P. J. Brockwell, R. A. Davis, "Time Series: Theory
and Methods", 2nd ed., Springer 1991, section 3.3 (autocovariances).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

__all__ = ["Exact", "Part", "exact"]

_FEW = 24  # series up to which one filter a series is faster than one step for all


@dataclass(frozen=True, slots=True)
class Part:
    """What the likelihood needs of the data.

    ``w`` (time, series): differenced values, 0 where unknown or over; ``n`` (series,) their
    number; ``holes`` (time, holes, series): how each missing value enters the differences, 0
    where a column lacks fewer values than its neighbours.
    """

    w: np.ndarray
    n: np.ndarray
    holes: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """Which of the missing values a column has, (holes, series)."""
        out: np.ndarray = (self.holes != 0).any(axis=0)
        return out

    @property
    def count(self) -> np.ndarray:
        """Values behind the likelihood of each column."""
        return self.n - self.missing.sum(axis=0)

    def tiled(self, times: int) -> Part:
        """The same columns several times over."""
        holes = np.tile(self.holes, (1, 1, times))
        return Part(np.tile(self.w, (1, times)), np.tile(self.n, times), holes)

    def take(self, which: np.ndarray) -> Part:
        """Some columns."""
        return Part(self.w[:, which], self.n[which], self.holes[:, :, which])


@dataclass(slots=True)
class Exact:
    """By series: likelihood and variance (concentrated), mean of the differences, missing values
    (holes, series), and errors (time, series) given all the data."""

    loglik: np.ndarray
    sigma2: np.ndarray
    mean: np.ndarray
    missing: np.ndarray
    errors: np.ndarray


def exact(
    part: Part, ar: np.ndarray, ma: np.ndarray, *, constant: bool, errors: bool = True
) -> Exact:
    """Likelihood of ARMA models with coefficients ``ar``, ``ma`` (lags, series).

    ``w_t - mean = sum ar_i (w_{t-i} - mean) + e_t - sum ma_j e_{t-j}``.
    """
    T, B = part.w.shape
    free = part.holes.shape[1] + constant
    inputs, pulse = _filtered(part, ar, ma, constant)
    forcing = _forcing(ar, ma, T)
    shifted = _shifted(pulse, part.n, forcing.shape[1])
    data = np.ascontiguousarray(np.moveaxis(inputs, 2, 0))
    G = data.transpose(0, 2, 1) @ data
    log_det = np.zeros(B)
    past = forcing.shape[2]
    unseen = np.zeros((B, past, 1 + free))
    if past:
        turned = forcing.transpose(0, 2, 1)
        across = turned @ (shifted.transpose(0, 2, 1) @ data)
        inner = turned @ (shifted.transpose(0, 2, 1) @ shifted) @ forcing
        prior = _covariance(ar, ma)
        A = np.eye(past) + prior @ inner
        unseen = np.linalg.solve(A, prior @ across)
        G = G - across.transpose(0, 2, 1) @ unseen
        log_det = _log_det(A)
    solved = np.zeros((B, free))
    rest = G[:, 0, 0].copy()
    if free:
        A = G[:, 1:, 1:] + 1e-13 * np.einsum("bii->bi", G)[:, 1:, None] * np.eye(free)
        A = A + 1e-300 * np.eye(free)
        A[:, np.arange(constant, free), np.arange(constant, free)] += ~part.missing.T
        solved = np.linalg.solve(A, G[:, 1:, :1])[..., 0]
        rest = rest - (G[:, 0, 1:] * solved).sum(axis=1)
        log_det = log_det + _log_det(A[:, constant:, constant:])
    count = np.maximum(part.count, 1)
    least = 1e-14 * np.einsum("tb,tb->b", part.w, part.w) / count + 1e-300
    sigma2 = np.maximum(rest / count, least)
    loglik = -0.5 * (count * (np.log(2 * np.pi * sigma2) + 1) + log_det)
    mean = solved[:, 0] if constant else np.zeros(B)
    lost = -solved[:, constant:].T
    if not errors:
        return Exact(loglik, sigma2, mean, lost, np.zeros((0, B)))
    e = data[:, :, 0] - (data[:, :, 1:] @ solved[..., None])[..., 0]
    if past:
        back = unseen[:, :, 0] - (unseen[:, :, 1:] @ solved[..., None])[..., 0]
        e = e - (shifted @ (forcing @ back[..., None]))[..., 0]
    return Exact(loglik, sigma2, mean, lost, e.T)


def _filtered(
    part: Part, ar: np.ndarray, ma: np.ndarray, constant: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Errors made by the data, by a mean of 1 and by each missing value (time, columns, series).

    What came before the first value is taken as 0. And what a single error does to all later
    ones, (time, series).
    """
    T, B = part.w.shape
    inside = np.arange(T)[:, None, None] < part.n
    inputs = [part.w[:, None], *([np.ones((T, 1, B))] if constant else []), part.holes]
    c = np.concatenate(inputs, axis=1) * inside
    E = np.zeros((T, c.shape[1] + 1, B))
    E[:, :-1] = c
    for i in range(min(len(ar), T)):
        if np.any(ar[i]):
            E[i + 1 :, :-1] -= ar[i] * c[: T - i - 1]
    E[:1, -1] = 1.0
    used = [j for j in range(len(ma)) if np.any(ma[j])]
    if used and B <= _FEW:
        for b in range(B):
            E[:, :, b] = lfilter([1.0], np.concatenate(([1.0], -ma[:, b])), E[:, :, b], axis=0)
    elif used:
        for t in range(1, T):
            for j in used:
                if t > j:
                    E[t] += ma[j] * E[t - j - 1]
    E *= inside
    return E[:, :-1], E[:, -1]


def _forcing(ar: np.ndarray, ma: np.ndarray, T: int) -> np.ndarray:
    """What the unseen past adds to the first rows: (series, rows, past).

    The past: values, newest first, then errors, newest first.
    """
    p, q = len(ar), len(ma)
    out = np.zeros((ar.shape[1], min(max(p, q), T), p + q))
    for i in range(p):
        for k in range(i + 1):  # value k before the first meets lag i + 1 in row i - k
            if i - k < T:
                out[:, i - k, k] -= ar[i]
    for j in range(q):
        for k in range(j + 1):
            if j - k < T:
                out[:, j - k, p + k] += ma[j]
    return out


def _shifted(pulse: np.ndarray, n: np.ndarray, rows: int) -> np.ndarray:
    """Errors that follow a unit in each of the first rows, (series, time, rows)."""
    T, B = pulse.shape
    out = np.zeros((B, T, rows))
    for s in range(rows):
        out[:, s:, s] = pulse[: T - s].T
    return out * (np.arange(T)[None, :, None] < n[:, None, None])


def _covariance(ar: np.ndarray, ma: np.ndarray) -> np.ndarray:
    """Of past values and past errors, in units of the error's variance (series, past, past)."""
    p, q, B = len(ar), len(ma), ar.shape[1]
    out = np.zeros((B, p + q, p + q))
    out[:, np.arange(p, p + q), np.arange(p, p + q)] = 1.0
    if not p:
        return out
    psi = _psi(ar, ma, max(p, q) + 1)
    gamma = _autocovariances(ar, ma, psi)
    for i in range(p):
        for k in range(p):
            out[:, i, k] = gamma[abs(i - k)]
        for k in range(i, q):
            out[:, i, p + k] = out[:, p + k, i] = psi[k - i]
    return out


def _psi(ar: np.ndarray, ma: np.ndarray, count: int) -> np.ndarray:
    """Weights of present and past errors in a value, (count, series)."""
    psi = np.zeros((count, ar.shape[1]))
    psi[0] = 1.0
    for j in range(1, count):
        psi[j] = -ma[j - 1] if j <= len(ma) else 0.0
        for i in range(min(j, len(ar))):
            psi[j] += ar[i] * psi[j - 1 - i]
    return psi


def _autocovariances(ar: np.ndarray, ma: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """Lags 0 to p in units of the error's variance, (1 + p, series)."""
    p, q, B = len(ar), len(ma), ar.shape[1]
    theta = np.vstack((np.ones((1, B)), -ma))
    right = np.zeros((B, p + 1))
    for k in range(min(p, q) + 1):
        right[:, k] = (theta[k:] * psi[: q + 1 - k]).sum(axis=0)
    A = np.zeros((B, p + 1, p + 1))
    for k in range(p + 1):
        A[:, k, k] += 1.0
        for i in range(1, p + 1):
            A[:, k, abs(k - i)] -= ar[i - 1]
    A[:, np.arange(p + 1), np.arange(p + 1)] += 1e-13
    return np.linalg.solve(A, right[..., None])[..., 0].T


def _log_det(A: np.ndarray) -> np.ndarray:
    if not A.shape[1]:
        return np.zeros(len(A))
    sign, value = np.linalg.slogdet(A)
    return np.where(sign > 0, value, np.inf)
