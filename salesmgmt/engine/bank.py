"""The bank of methods: one prepared block in, point forecasts and error sizes out.

A block is scaled by each series' mean absolute value, freed of seasonality where the data
show it, forecast by every method asked for, and brought back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtri

from . import naive, state_space
from .combination import combine, kind_of, longest, member_names, shares_of
from .ets import Smoothed, fit_additive
from .marginal import Forecast
from .preparation import Prepared, prepare
from .theta import theta

SHORTEST = 6  # known values from which the learned combination is used

__all__ = ["METHODS", "Forecast", "Prepared", "forecast_block", "prepare"]


def forecast_block(
    y: np.ndarray, n: np.ndarray, horizon: int, m: int, models: Sequence[str]
) -> Forecast:
    """The mean of the models' forecasts for each column, in the units of ``y``."""
    if list(models) == ["auto"]:
        return _auto_block(y, n, horizon, m)
    prepared = prepare(y, n, m)
    with np.errstate(over="ignore", under="ignore"):
        made = [METHODS[name](prepared, horizon) for name in models if name != "auto"]
    made = [
        Forecast(mean * prepared.scale, sd * prepared.scale)
        for mean, sd in (_sane(prepared, f.mean, f.sd) for f in made)
    ]
    if "auto" in models:
        made.append(_auto_block(y, n, horizon, m))
    mean = np.mean([f.mean for f in made], axis=0)
    sd = np.mean([f.sd for f in made], axis=0)
    return Forecast(mean, sd)


def _auto_block(y: np.ndarray, n: np.ndarray, horizon: int, m: int) -> Forecast:
    """The learned combination, kind by kind, and the safe one for the shortest series."""
    newest = longest(m)
    if len(y) > newest:
        rows = np.maximum(n - newest, 0)[None] + np.arange(newest)[:, None]
        y = y[np.minimum(rows, len(y) - 1), np.arange(y.shape[1])[None]]
        n = np.minimum(n, newest)
    parts: list[tuple[np.ndarray, Forecast]] = []
    count = np.isfinite(y).sum(axis=0)
    kinds = np.array([kind_of(m, int(k)) for k in n])
    kinds[count < SHORTEST] = ""
    for kind in dict.fromkeys(kinds):
        which = np.flatnonzero(kinds == kind)
        rows_used = max(int(n[which].max()), 1)
        prepared = prepare(y[:rows_used, which], n[which], m)
        made = _auto(prepared, horizon) if not kind else _learned(prepared, horizon, kind)
        parts.append((which, made))
    return _together(parts, horizon, len(n))


def weights_of(y: np.ndarray, n: np.ndarray, m: int) -> list[dict[str, float] | None]:
    """The weight of each member in ``"auto"``, by series; None where too short for it."""
    out: list[dict[str, float] | None] = [None] * len(n)
    kinds = np.array([kind_of(m, int(k)) for k in n])
    kinds[np.isfinite(y).sum(axis=0) < SHORTEST] = ""
    for kind in dict.fromkeys(kinds):
        which = np.flatnonzero(kinds == kind)
        if kind:
            shares = shares_of(prepare(y[: int(n[which].max()), which], n[which], m), kind)
            for j, column in zip(which, shares.T):
                out[j] = dict(zip(member_names(kind), (round(float(w), 4) for w in column)))
    return out


def _learned(p: Prepared, horizon: int, kind: str) -> Forecast:
    found = combine(p, horizon, kind)
    flat = np.where(np.isfinite(p.y), p.y, np.inf).min(axis=0) == np.where(
        np.isfinite(p.y), p.y, -np.inf
    ).max(axis=0)
    below, above = (np.where(flat, 0.0, v) * p.scale for v in (found.below, found.above))
    mean = np.where(flat, naive.last_value(p.y, p.n, horizon), found.mean)
    mean, _ = _sane(p, mean, mean)
    sd = (below + above) / 2 / ndtri(0.975)
    return Forecast(mean * p.scale, sd, below, above, found.levels, found.shape)


def _together(parts: list[tuple[np.ndarray, Forecast]], horizon: int, series: int) -> Forecast:
    """Forecasts of parts of a block as one; shapes are turned into those of the first."""
    if len(parts) == 1:
        return parts[0][1]
    levels = next((f.levels for _, f in parts if f.levels is not None), None)
    mean, sd, below, above = (np.empty((horizon, series)) for _ in range(4))
    if levels is None:
        for which, f in parts:
            mean[:, which], sd[:, which] = f.mean, f.sd
        return Forecast(mean, sd)
    shape = np.empty((2, len(levels), series))
    for which, f in parts:
        half = ndtri(0.975) * f.sd
        mean[:, which], sd[:, which] = f.mean, f.sd
        below[:, which] = half if f.below is None else f.below
        above[:, which] = half if f.above is None else f.above
        normal = ndtri(0.5 + levels / 200) / ndtri(0.975)
        shape[:, :, which] = (np.stack((normal, normal)) if f.shape is None else f.shape)[..., None]
    return Forecast(mean, sd, below, above, levels, shape)


def _sane(p: Prepared, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nothing that is not finite leaves the bank: the last value stands in."""
    last = naive.last_value(p.y, p.n, len(mean))
    wild = ~(np.abs(mean) < 1e6)
    mean = np.where(wild, last, mean)
    return mean, np.where(np.isfinite(sd), sd, 0.0)


# --------------------------------------------------------------------------------------
# Methods


def _spread(errors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Root mean square of one-step errors."""
    e = np.where(known, errors, 0.0)
    return np.sqrt((e * e).sum(axis=0) / np.maximum(known.sum(axis=0) - 1, 1))


def _from_changes(p: Prepared, mean: np.ndarray, lag: int, grow: np.ndarray) -> Forecast:
    d = p.y[lag:] - p.y[:-lag] if len(p.y) > lag else np.zeros((1, len(p.n)))
    return Forecast(mean, _spread(d, np.isfinite(d)) * np.sqrt(grow)[:, None])


def _naive(p: Prepared, horizon: int) -> Forecast:
    return _from_changes(p, naive.last_value(p.y, p.n, horizon), 1, np.arange(1.0, horizon + 1))


def _seasonal_naive(p: Prepared, horizon: int) -> Forecast:
    grow = np.arange(horizon) // p.m + 1.0
    return _from_changes(p, naive.seasonal_last(p.y, p.n, horizon, p.m), p.m, grow)


def _drift(p: Prepared, horizon: int) -> Forecast:
    mean = naive.drift(p.y, p.n, horizon)
    h = np.arange(1.0, horizon + 1)[:, None]
    d = np.diff(p.y, axis=0) if len(p.y) > 1 else np.zeros((1, len(p.n)))
    d = d - (mean[:1] - naive.last_value(p.y, p.n, 1))
    grow = h * (1 + h / np.maximum(p.n - 1, 1))
    return Forecast(mean, _spread(d, np.isfinite(d)) * np.sqrt(grow))


def _mean(p: Prepared, horizon: int) -> Forecast:
    mean = naive.mean(p.y, p.n, horizon)
    known = np.isfinite(p.y)
    sd = _spread(p.y - mean[:1], known) * np.sqrt(1 + 1 / np.maximum(known.sum(axis=0), 1))
    return Forecast(mean, np.repeat(sd[None], horizon, axis=0))


def _smoothed(p: Prepared, fit: Smoothed, horizon: int) -> Forecast:
    a = fit.parameters["alpha"]
    b = fit.parameters.get("beta", np.zeros_like(a))
    phi = fit.parameters.get("phi", np.ones_like(a))
    h = np.arange(horizon)[:, None]
    run = np.cumsum(phi ** np.arange(1, horizon + 1)[:, None], axis=0)
    c = np.where(h == 0, 1.0, a + b * np.vstack((np.zeros_like(a)[None], run[:-1])))
    grow = np.sqrt(np.cumsum(c**2, axis=0))
    sd = np.sqrt(fit.sse / np.maximum(fit.count - 2, 1)) * grow
    return Forecast(p.back(fit.forecast), sd * p.factor(horizon))


def _theta(p: Prepared, horizon: int) -> Forecast:
    return _smoothed(p, theta(p.z, p.n, horizon), horizon)


def _ets(p: Prepared, horizon: int) -> Forecast:
    """The exponential smoothing form of lowest AICc, with its exact or approximate variance."""
    mean, sd = naive.last_value(p.y, p.n, horizon), np.zeros((horizon, len(p.n)))
    for which, fit in state_space.choose(p.y, p.n, p.m, horizon):
        fine = np.isfinite(fit.aicc)
        mean[:, which[fine]] = fit.forecast[:, fine]
        sd[:, which[fine]] = np.sqrt(state_space.variance(fit, p.m))[:, fine]
    few = np.isfinite(p.y).sum(axis=0) < 4
    if few.any():
        plain = _naive(p, horizon)
        mean[:, few], sd[:, few] = plain.mean[:, few], plain.sd[:, few]
    return Forecast(mean, sd)


def _auto(p: Prepared, horizon: int) -> Forecast:
    """The safe combination: mean of Theta, simple and damped-trend smoothing."""
    made = [
        _theta(p, horizon),
        _smoothed(p, fit_additive(p.z, p.n, horizon), horizon),
        _smoothed(p, fit_additive(p.z, p.n, horizon, trend="damped"), horizon),
    ]
    mean = np.mean([f.mean for f in made], axis=0)
    few = np.isfinite(p.y).sum(axis=0) < 4
    mean = np.where(few, naive.mean(p.y, p.n, horizon), mean)
    return Forecast(mean, np.mean([f.sd for f in made], axis=0))


METHODS: dict[str, Callable[[Prepared, int], Forecast]] = {
    "auto": _auto,
    "naive": _naive,
    "seasonal_naive": _seasonal_naive,
    "drift": _drift,
    "mean": _mean,
    "ets": _ets,
    "theta": _theta,
}
