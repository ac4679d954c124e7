"""Seasonal ARIMA for many series at once, orders by AICc.

Differences are settled first (seasonal strength for the season, then the drop in variance),
then a short list of orders is fitted by conditional sum of squares: all series side by side,
Levenberg-Marquardt with the derivatives of the error recursion. Coefficients are functions of
partial autocorrelations inside (-1, 1), so every model is stationary and invertible.

References
----------
G. E. P. Box, G. M. Jenkins, G. C. Reinsel, "Time Series Analysis", 4th ed., Wiley 2008.
R. J. Hyndman, Y. Khandakar, "Automatic time series forecasting: the forecast package for R",
Journal of Statistical Software 27 (2008), no. 3. X. Wang, K. Smith, R. J. Hyndman,
"Characteristic-based clustering for time series data", Data Mining and Knowledge Discovery
13 (2006), 335-364 (strength of season).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import decomposition

__all__ = ["Order", "choose"]

_PLAIN = ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2), (2, 2))
_SEASONAL = ((0, 0), (0, 1), (1, 0))
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
        return self.p + self.q + self.P + self.Q + self.constant


def choose(
    y: np.ndarray, n: np.ndarray, m: int, horizon: int
) -> tuple[np.ndarray, np.ndarray, list[Order]]:
    """Forecasts and standard errors (horizon, series), and the order chosen for each column."""
    filled = decomposition.fill_gaps(y, n, m)
    d, D = _differences(filled, n, m)
    mean, sd = np.zeros((horizon, len(n))), np.zeros((horizon, len(n)))
    orders: list[Order] = [Order(0, 1, 0, 0, 0, 0, False)] * len(n)
    for pair in {(int(a), int(b)) for a, b in zip(d, D)}:
        which = np.flatnonzero((d == pair[0]) & (pair[1] == D))
        made = _search(filled[:, which], n[which], m, horizon, *pair)
        mean[:, which], sd[:, which] = made[0], made[1]
        for i, j in enumerate(which):
            orders[j] = made[2][i]
    return mean, sd, orders


def _differences(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Seasonal and plain differences of each column."""
    D = np.zeros(len(n), dtype=int)
    x = y
    if m > 1:
        s = decomposition.seasonal_differences(y, n, m)
        smooth = decomposition.centred_average(y, m)
        smooth[np.arange(len(y))[:, None] >= n - m // 2] = np.nan
        detrended = y - smooth
        rest = detrended - s[np.arange(len(y)) % m]
        with np.errstate(invalid="ignore", divide="ignore"):
            strength = 1 - _variance(rest) / _variance(detrended)
        D = ((strength > 0.64) & (n >= 3 * m)).astype(int)
        x = np.where(D > 0, _lagged(y, m), y)
    d = np.zeros(len(n), dtype=int)
    for done, limit in ((0, 1.2), (1, 0.5)):
        change = _lagged(x, 1)
        more = (_variance(change) < limit * _variance(x)) & (d == done) & (n > 8)
        d[more] += 1
        x = np.where(more, change, x)
    return d, D


def _lagged(y: np.ndarray, lag: int) -> np.ndarray:
    out = np.full_like(y, np.nan)
    out[lag:] = y[lag:] - y[:-lag] if lag < len(y) else np.nan
    return out


def _variance(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / count
    return np.where(known, (x - mean) ** 2, 0.0).sum(axis=0) / count


def _search(
    y: np.ndarray, n: np.ndarray, m: int, horizon: int, d: int, D: int
) -> tuple[np.ndarray, np.ndarray, list[Order]]:
    """The best of the list for columns that share their differences."""
    w = y
    for _ in range(D):
        w = _lagged(w, m)
    for _ in range(d):
        w = _lagged(w, 1)
    skip = D * m + d
    w = w[skip:] if skip < len(w) else np.full((1, y.shape[1]), np.nan)
    constant = d + D < 2
    seasonal = _SEASONAL if m > 1 else ((0, 0),)
    tried = [Order(p, d, q, P, D, Q, constant) for p, q in _PLAIN for P, Q in seasonal]
    fits = [_fit(w, m, order) for order in tried]
    best = np.stack([f[1] for f in fits]).argmin(axis=0)
    mean, sd = np.empty((horizon, len(n))), np.empty((horizon, len(n)))
    for i in np.unique(best):
        which = np.flatnonzero(best == i)
        theta, _, sigma2, errors = (v[..., which] for v in fits[i])
        mean[:, which], sd[:, which] = _ahead(
            y[:, which], w[:, which], errors, n[which], theta, sigma2, tried[i], m, horizon, skip
        )
    return mean, sd, [tried[i] for i in best]


def _polynomials(
    theta: np.ndarray, order: Order, m: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (lags, series) of AR and MA, and their slopes (parameters, lags, series)."""
    r = np.tanh(theta)
    slope = 1 - r**2
    at, out = 0, []
    for plain, seasonal in ((order.p, order.P), (order.q, order.Q)):
        short, d_short = _from_partial(r[at : at + plain], slope[at : at + plain])
        long, d_long = _from_partial(
            r[at + plain : at + plain + seasonal], slope[at + plain : at + plain + seasonal]
        )
        lags = plain + seasonal * m
        total = _product(short, long, m, lags)
        grads = [_product(g, long, m, lags, head=0.0) for g in d_short]
        grads += [_product(short, g, m, lags, seasonal_head=0.0) for g in d_long]
        out.append((total, np.stack(grads) if grads else np.zeros((0, *total.shape))))
        at += plain + seasonal
    return out[0][0], out[1][0], out[0][1], out[1][1]


def _from_partial(r: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Coefficients of order 0, 1 or 2 from partial autocorrelations, and their slopes."""
    if len(r) < 2:
        return r, [slope] if len(r) else []
    one, two = r
    coef = np.stack((one * (1 - two), two))
    zero = np.zeros_like(one)
    return coef, [
        np.stack(((1 - two) * slope[0], zero)),
        np.stack((-one * slope[1], slope[1])),
    ]


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


def _fit(
    w: np.ndarray, m: int, order: Order
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Parameters, AICc, variance and errors of one order for all columns."""
    B, size = w.shape[1], order.size
    known = np.isfinite(w)
    count = known.sum(axis=0)
    scale = np.sqrt(_variance(w)) + 1e-12
    z = np.where(known, w, 0.0) / scale
    theta = np.full((size, B), 0.1)
    if order.constant:
        theta[-1] = z.sum(axis=0) / np.maximum(count, 1)
    E = _errors(z, known, theta, order, m)
    M = np.einsum("tub,tvb->uvb", E, E)
    damp, at = np.full(B, 1e-2), np.arange(size)
    done = np.zeros(B, dtype=bool)
    for _ in range(_STEPS if size else 0):
        A = np.moveaxis(M[1:, 1:], 2, 0).copy()
        A[:, at, at] = A[:, at, at] * (1 + damp)[:, None] + 1e-9 * M[0, 0][:, None] + 1e-12
        step = -np.linalg.solve(A, M[0, 1:].T[..., None])[..., 0].T
        tried = np.clip(theta + np.clip(step, -0.7, 0.7), -3.5, 3.5)
        new_E = _errors(z, known, tried, order, m)
        new = np.einsum("tub,tvb->uvb", new_E, new_E)
        better = (new[0, 0] < M[0, 0]) & ~done
        small = M[0, 0] - new[0, 0] < 1e-5 * M[0, 0]
        theta, M = np.where(better, tried, theta), np.where(better, new, M)
        damp = np.where(better, damp * 0.3, damp * 8)
        done |= (better & small) | (damp > 1e4)
        if done.all():
            break
    errors = _errors(z, known, theta, order, m)[:, 0]
    sse = np.maximum((errors**2).sum(axis=0), 1e-300)
    k = size + 1
    free = np.maximum(count - k - 1, 1)
    aicc = count * np.log(sse / np.maximum(count, 1)) + 2 * k + 2 * k * (k + 1) / free
    aicc = np.where(count > k + 2 + (order.P + order.Q) * m, aicc, 1e9 + k)
    sigma2 = sse / np.maximum(count - size, 1) * scale**2
    if order.constant:
        theta = np.vstack((theta[:-1], theta[-1:] * scale))
    return theta, aicc, sigma2, errors * scale


def _errors(
    z: np.ndarray, known: np.ndarray, theta: np.ndarray, order: Order, m: int
) -> np.ndarray:
    """One-step errors and their derivatives, (time, 1 + parameters, series)."""
    T, B = z.shape
    k = order.size - order.constant
    ar, ma, d_ar, d_ma = _polynomials(theta[:k], order, m)
    mean = theta[-1] if order.constant else np.zeros(B)
    c = np.where(known, z - mean, 0.0)
    E = np.zeros((T, order.size + 1, B))
    E[:, 0] = c
    for i in range(min(len(ar), T - 1)):
        E[i + 1 :, 0] -= ar[i] * c[: T - i - 1]
        for u in range(len(d_ar)):
            E[i + 1 :, 1 + u] -= d_ar[u, i] * c[: T - i - 1]
    if order.constant:
        E[:, -1] = -(1 - ar.sum(axis=0)) * known
    used = [j for j in range(len(ma)) if (j < order.q) or ((j + 1) % m < order.q + 1 and m > 1)]
    first = 1 + len(d_ar)
    for t in range(T if len(ma) else 0):
        for j in used:
            if t > j:
                E[t] += ma[j] * E[t - j - 1]
                E[t, first : first + len(d_ma)] += d_ma[:, j] * E[t - j - 1, 0]
        E[t] *= known[t]
    return E * known[:, None]


def _ahead(
    y: np.ndarray,
    w: np.ndarray,
    errors: np.ndarray,
    n: np.ndarray,
    theta: np.ndarray,
    sigma2: np.ndarray,
    order: Order,
    m: int,
    horizon: int,
    skip: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts of the differences run on and summed up; variance by the psi weights."""
    B, column = y.shape[1], np.arange(y.shape[1])
    ar, ma, _, _ = _polynomials(theta[: order.size - order.constant], order, m)
    mean = theta[-1] if order.constant else np.zeros(B)
    full = np.zeros((1, B)) + 1.0
    full = np.vstack((full, -ar))
    for lag in [m] * order.D + [1] * order.d:
        longer = np.zeros((len(full) + lag, B))
        longer[: len(full)] += full
        longer[lag:] -= full
        full = longer
    back = -full[1:]  # y_t = sum back_k y_{t-k} + constant + e_t + sum of MA
    drift = mean * (1 - ar.sum(axis=0))
    past = np.zeros((len(back), B))
    for k in range(len(back)):
        row = n - 1 - k
        past[k] = np.where(row >= 0, y[np.maximum(row, 0), column], 0.0)
    shocks = np.zeros((len(ma), B))
    for j in range(len(ma)):
        row = n - skip - 1 - j
        ok = (row >= 0) & (row < len(errors))
        shocks[j] = np.where(ok, errors[np.clip(row, 0, len(errors) - 1), column], 0.0)
    out, psi = np.empty((horizon, B)), np.zeros((horizon, B))
    for h in range(horizon):
        out[h] = (back * past).sum(axis=0) + drift - (ma * shocks).sum(axis=0)
        psi[h] = 1.0 if h == 0 else (-ma[h - 1] if h - 1 < len(ma) else 0.0)
        for k in range(min(h, len(back))):
            psi[h] += back[k] * psi[h - 1 - k]
        past = np.vstack((out[h][None], past[:-1])) if len(past) else past
        shocks = np.vstack((np.zeros((1, B)), shocks[:-1])) if len(shocks) else shocks
    return out, np.sqrt(sigma2 * np.cumsum(psi**2, axis=0))
