"""ARMA models of many series side by side: coefficients, errors, conditional least squares.

Coefficients are functions of partial autocorrelations inside (-1, 1), so every model is
stationary and invertible. All series of a block move together by Levenberg-Marquardt steps with
the derivatives of the error recursion.

References
----------
G. E. P. Box, G. M. Jenkins, G. C. Reinsel, "Time Series Analysis", 4th ed., Wiley 2008.
J. F. Monahan, "A note on enforcing stationarity in autoregressive-moving average models",
Biometrika 71 (1984), 403-404.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Conditional", "Order", "fit_conditional", "polynomials"]

_STEPS = 20


@dataclass(frozen=True, slots=True)
class Order:
    """ARIMA(p, d, q)(P, D, Q) with or without a constant."""

    p: int
    d: int
    q: int
    P: int
    D: int
    Q: int
    constant: bool

    @property
    def size(self) -> int:
        """Coefficients, the constant among them."""
        return self.p + self.q + self.P + self.Q + self.constant

    @property
    def names(self) -> list[str]:
        """Of the coefficients without the constant, in the order of the parameters."""
        out = [f"ar{i + 1}" for i in range(self.p)] + [f"sar{i + 1}" for i in range(self.P)]
        return out + [f"ma{i + 1}" for i in range(self.q)] + [f"sma{i + 1}" for i in range(self.Q)]


@dataclass(slots=True)
class Conditional:
    """Parameters (parameters, series), the constant last, and AICc of conditional least squares."""

    theta: np.ndarray
    aicc: np.ndarray


def polynomials(
    theta: np.ndarray, order: Order, m: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (lags, series) of AR and MA, and their slopes (parameters, lags, series)."""
    r = np.tanh(theta)
    slope = 1 - r**2
    at, out = 0, []
    for plain, seasonal in ((order.p, order.P), (order.q, order.Q)):
        short, d_short = _from_partial(r[at : at + plain], slope[at : at + plain])
        to = at + plain + seasonal
        long, d_long = _from_partial(r[at + plain : to], slope[at + plain : to])
        lags = plain + seasonal * m
        total = _product(short, long, m, lags)
        grads = [_product(g, long, m, lags, head=0.0) for g in d_short]
        grads += [_product(short, g, m, lags, seasonal_head=0.0) for g in d_long]
        out.append((total, np.stack(grads) if grads else np.zeros((0, *total.shape))))
        at = to
    return out[0][0], out[1][0], out[0][1], out[1][1]


def coefficients(theta: np.ndarray, order: Order) -> np.ndarray:
    """Plain and seasonal coefficients, not multiplied out, (parameters, series).

    Those of moving averages with the sign of ``y_t = e_t + ma1 e_{t-1} + ...``.
    """
    r = np.tanh(theta)
    at, out = 0, []
    for count, sign in ((order.p, 1.0), (order.P, 1.0), (order.q, -1.0), (order.Q, -1.0)):
        part, _ = _from_partial(r[at : at + count], r[at : at + count])
        out.append(sign * part)
        at += count
    return np.concatenate(out)


def _from_partial(r: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Coefficients from partial autocorrelations (Durbin and Levinson), and their slopes."""
    coef = np.zeros((0, r.shape[1]))
    grads: list[np.ndarray] = []
    for k, one in enumerate(r):
        turned = coef[::-1]
        grads = [np.vstack((g - one * g[::-1], np.zeros((1, len(one))))) for g in grads]
        grads.append(np.vstack((-slope[k] * turned, slope[k][None])))
        coef = np.vstack((coef - one * turned, one[None]))
    return coef, grads


def _product(
    short: np.ndarray,
    long: np.ndarray,
    m: int,
    lags: int,
    *,
    head: float = 1.0,
    seasonal_head: float = 1.0,
) -> np.ndarray:
    """Coefficients c of 1 - sum c B^k = (head - short(B)) (seasonal_head - long(B^m))."""
    out = np.zeros((lags, short.shape[1]))
    if len(short):
        out[: len(short)] += seasonal_head * short
    for k in range(len(long)):
        out[(k + 1) * m - 1] += head * long[k]
        for i in range(len(short)):
            out[(k + 1) * m + i] -= short[i] * long[k]
    return out


def fit_conditional(w: np.ndarray, m: int, order: Order) -> Conditional:
    """One order fitted to all columns of ``w`` (time, series), what came before taken as 0."""
    B, size = w.shape[1], order.size
    known = np.isfinite(w)
    count = known.sum(axis=0)
    mean = np.where(known, w, 0.0).sum(axis=0) / np.maximum(count, 1)
    spread = np.where(known, (w - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count, 1)
    scale = np.sqrt(spread) + 1e-12
    z = np.where(known, w, 0.0) / scale
    theta = np.full((size, B), 0.1)
    if order.constant:
        theta[-1] = mean / scale
    M = _moments(z, known, theta, order, m)
    damp, at = np.full(B, 1e-2), np.arange(size)
    done = np.zeros(B, dtype=bool)
    for _ in range(_STEPS if size else 0):
        A = np.moveaxis(M[1:, 1:], 2, 0).copy()
        A[:, at, at] = A[:, at, at] * (1 + damp)[:, None] + 1e-9 * M[0, 0][:, None] + 1e-12
        step = -np.linalg.solve(A, M[0, 1:].T[..., None])[..., 0].T
        tried = theta + np.clip(step, -0.7, 0.7)
        k = size - order.constant
        tried[:k] = np.clip(tried[:k], -3.5, 3.5)
        new = _moments(z, known, tried, order, m)
        better = (new[0, 0] < M[0, 0]) & ~done
        small = M[0, 0] - new[0, 0] < 1e-5 * M[0, 0]
        theta, M = np.where(better, tried, theta), np.where(better, new, M)
        damp = np.where(better, damp * 0.3, damp * 8)
        done |= (better & small) | (damp > 1e4)
        if done.all():
            break
    sse = np.maximum(M[0, 0], 1e-300)
    k = size + 1
    free = np.maximum(count - k - 1, 1)
    aicc = count * np.log(sse / np.maximum(count, 1)) + 2 * k + 2 * k * (k + 1) / free
    aicc = np.where(count > k + 2 + (order.P + order.Q) * m, aicc, 1e9 + k)
    if order.constant:
        theta = np.vstack((theta[:-1], theta[-1:] * scale))
    return Conditional(theta, aicc)


def _moments(
    z: np.ndarray, known: np.ndarray, theta: np.ndarray, order: Order, m: int
) -> np.ndarray:
    """Products of the errors and their derivatives, summed over time."""
    E = _errors(z, known, theta, order, m)
    return np.einsum("tub,tvb->uvb", E, E)


def _errors(
    z: np.ndarray, known: np.ndarray, theta: np.ndarray, order: Order, m: int
) -> np.ndarray:
    """One-step errors and their derivatives, (time, 1 + parameters, series)."""
    T, B = z.shape
    k = order.size - order.constant
    ar, ma, d_ar, d_ma = polynomials(theta[:k], order, m)
    mean = theta[-1] if order.constant else np.zeros(B)
    c = np.where(known, z - mean, 0.0)
    E = np.zeros((T, order.size + 1, B))
    E[:, 0] = c
    for i in range(min(len(ar), T - 1)):
        if not np.any(ar[i]) and not np.any(d_ar[:, i]):
            continue
        E[i + 1 :, 0] -= ar[i] * c[: T - i - 1]
        for u in range(len(d_ar)):
            E[i + 1 :, 1 + u] -= d_ar[u, i] * c[: T - i - 1]
    if order.constant:
        E[:, -1] = -(1 - ar.sum(axis=0)) * known
    used = [j for j in range(len(ma)) if np.any(ma[j]) or np.any(d_ma[:, j])]
    first = 1 + len(d_ar)
    for t in range(T if used else 0):
        for j in used:
            if t > j:
                E[t] += ma[j] * E[t - j - 1]
                E[t, first : first + len(d_ma)] += d_ma[:, j] * E[t - j - 1, 0]
        E[t] *= known[t]
    return E * known[:, None]
