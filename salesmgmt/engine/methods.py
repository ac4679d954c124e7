"""The methods by name: a prepared block in, point forecasts and error sizes out, in its units.

Each estimates what it needs, or takes it from what is held, and runs through the record.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri, stdtrit

from . import arima, intermittent, naive, state_space
from .autoregression import fit_changes
from .ces import fit_ces
from .combination import describe, kind_of
from .estimates import Estimates
from .ets import Smoothed, fit_additive, spread_ahead
from .marginal import Forecast
from .mstl import fit_mstl
from .preparation import Prepared
from .theta import theta

__all__ = [
    "METHODS",
    "OLDEST",
    "by_past",
    "complex_smoothed",
    "newest",
    "regressed",
    "safe",
    "sane",
]

Method = Callable[[Prepared, int, Estimates], Forecast]
# Levels at which distances are kept where they come from the past itself.
_LEVELS = np.array([50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.8])
OLDEST = 800  # values that models fitted one by one look back


def _spread(errors: np.ndarray, known: np.ndarray, estimated: int) -> np.ndarray:
    """Root mean square of one-step errors, less a degree of freedom for each value estimated."""
    e = np.where(known, errors, 0.0)
    return np.sqrt((e * e).sum(axis=0) / np.maximum(known.sum(axis=0) - estimated, 1))


def _from_changes(p: Prepared, mean: np.ndarray, lag: int, grow: np.ndarray) -> Forecast:
    d = p.y[lag:] - p.y[:-lag] if len(p.y) > lag else np.zeros((1, len(p.n)))
    return Forecast(mean, _spread(d, np.isfinite(d), 0) * np.sqrt(grow)[:, None])


def _naive(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    return _from_changes(p, naive.last_value(p.y, p.n, horizon), 1, np.arange(1.0, horizon + 1))


def _seasonal_naive(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    grow = np.arange(horizon) // p.m + 1.0
    return _from_changes(p, naive.seasonal_last(p.y, p.n, horizon, p.m), p.m, grow)


def _drift(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    mean = naive.drift(p.y, p.n, horizon)
    h = np.arange(1.0, horizon + 1)[:, None]
    d = np.diff(p.y, axis=0) if len(p.y) > 1 else np.zeros((1, len(p.n)))
    d = d - (mean[:1] - naive.last_value(p.y, p.n, 1))
    grow = h * (1 + h / np.maximum(p.n - 1, 1))
    return Forecast(mean, _spread(d, np.isfinite(d), 1) * np.sqrt(grow))


def _mean_only(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    mean = naive.mean(p.y, p.n, horizon)
    known = np.isfinite(p.y)
    sd = _spread(p.y - mean[:1], known, 1) * np.sqrt(1 + 1 / np.maximum(known.sum(axis=0), 1))
    return Forecast(mean, np.repeat(sd[None], horizon, axis=0))


def _smoothed(p: Prepared, fit: Smoothed, horizon: int) -> Forecast:
    sd = spread_ahead(fit, horizon)
    return Forecast(p.back(fit.forecast), sd * p.factor(horizon))


def _theta(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    return _smoothed(p, theta(p.z, p.n, horizon, held=held), horizon)


def _ets(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    """The exponential smoothing form of lowest AICc, with its exact or approximate variance."""
    mean, sd = naive.last_value(p.y, p.n, horizon), np.zeros((horizon, len(p.n)))
    record = newest(p.y, p.n, OLDEST, held=held)
    for which, fit in state_space.choose(*record, p.m, horizon, held=held):
        fine = np.isfinite(fit.aicc)
        mean[:, which[fine]] = fit.forecast[:, fine]
        sd[:, which[fine]] = np.sqrt(state_space.variance(fit, p.m))[:, fine]
    # Variances of products run away where a value is a thousand times the others.
    largest = np.where(np.isfinite(p.y), np.abs(p.y), 0.0).max(axis=0)
    sd = np.minimum(sd, largest * np.sqrt(np.arange(1.0, horizon + 1))[:, None])
    few = held.of("few", lambda: _few(p.y))
    if few.any():
        plain = _naive(p, horizon, held)
        mean[:, few], sd[:, few] = plain.mean[:, few], plain.sd[:, few]
    return Forecast(mean, sd)


def _few(y: np.ndarray) -> np.ndarray:
    """Whether a column has fewer values than any model needs."""
    return np.isfinite(y).sum(axis=0) < 4


def safe(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    """For the shortest series, in units of the data: a mean, then smoothing and Theta.

    Widths by Student's distribution: of so few errors, less a level and a parameter, the size is
    hardly known.
    """
    made = [
        _theta(p, horizon, held.part("theta")),
        _smoothed(p, fit_additive(p.z, p.n, horizon, held=held.part("level")), horizon),
    ]
    mean = np.mean([f.mean for f in made], axis=0)
    sd = np.mean([f.sd for f in made], axis=0)
    few = held.of("few", lambda: _few(p.y))
    plain = _mean_only(p, horizon, held)
    mean, sd = np.where(few, plain.mean, mean), np.where(few, plain.sd, sd)
    mean, sd = sane(p, mean, sd)
    free = held.of("free", lambda: np.maximum(np.isfinite(p.y).sum(axis=0) - 2, 2))
    half = sd * p.scale * stdtrit(free, 0.975)
    return Forecast(mean * p.scale, half / ndtri(0.975), half, half, _LEVELS, _student(free))


def _student(free: np.ndarray) -> np.ndarray:
    """What part of the 95 % half width other levels take, (2, levels, series).

    Student's up to 95 %. Beyond, where it has no variance, a path could be anything: the normal's.
    """
    at = 0.5 + _LEVELS[:, None] / 200
    own, normal = stdtrit(free, at) / stdtrit(free, 0.975), ndtri(at) / ndtri(0.975)
    return np.stack([np.where(_LEVELS[:, None] > 95, normal, own)] * 2)


def _ensemble(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    """The plain median of the members of "auto", with their one-step errors growing."""
    kinds = held.of("kinds", lambda: np.array([kind_of(p.m, int(k)) for k in p.n], dtype=object))
    base = _theta(p, horizon, held.part("theta"))
    mean = np.empty_like(base.mean)
    for kind in dict.fromkeys(kinds):
        which = np.flatnonzero(kinds == kind)
        made, _, _ = describe(p.take(which), horizon, kind, held.part(kind))
        mean[:, which] = np.median(made.forecast, axis=0)
    return Forecast(mean, base.sd)


def _mstl(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    found = fit_mstl(p.y, p.n, p.m, horizon, held=held)
    return Forecast(found.forecast, found.sd)


def regressed(p: Prepared, horizon: int, *, held: Estimates | None = None) -> Smoothed:
    """Changes of the deseasonalised series on their last values and a constant."""
    return fit_changes(p.z, p.n, horizon, order=min(6, max(3, p.m)), held=held)


def _regression(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    fit = regressed(p, horizon, held=held)
    sd = (
        np.sqrt(fit.sse / np.maximum(fit.count - 4, 1))
        * np.sqrt(np.arange(1.0, horizon + 1))[:, None]
    )
    return Forecast(p.back(fit.forecast), sd * p.factor(horizon))


def _arima(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    found = arima.choose(*newest(p.y, p.n, OLDEST, held=held), p.m, horizon, held=held)
    few = held.of("few", lambda: _few(p.y))
    plain = _naive(p, horizon, held)
    sd = np.where(found.sd > 1e-100, found.sd, 0.0)  # what stands for zero in the likelihood
    return Forecast(np.where(few, plain.mean, found.mean), np.where(few, plain.sd, sd))


def _ces(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    fits, share = complex_smoothed(p, horizon, held=held)
    grow = np.sqrt(np.arange(1.0, horizon + 1))[:, None]
    # A form that ran away has no weight.
    made = [np.where(w > 0, f.forecast, 0.0) for w, f in zip(share, fits)]
    size = [np.where(w > 0, f.sse / np.maximum(f.count - 4, 1), 0.0) for w, f in zip(share, fits)]
    mean = np.einsum("kb,khb->hb", share, np.stack(made))
    return Forecast(mean, np.sqrt((share * np.stack(size)).sum(axis=0)) * grow)


def complex_smoothed(
    p: Prepared, horizon: int, *, held: Estimates | None = None
) -> tuple[list[Smoothed], np.ndarray]:
    """CES without a season and with either kind, and their weights (forms, series)."""
    held = held or Estimates()
    kinds = 3 if p.m > 1 and len(p.y) >= 2 * p.m else 1
    seasons = held.of("seasons", lambda: _SEASONS[:kinds])
    fits = [
        fit_ces(p.y, p.n, horizon, m=p.m, season=name, held=held.part(name)) for name in seasons
    ]
    return fits, held.of("share", _shares, fits, p)


_SEASONS = ("none", "partial", "full")
_TRUST = 0.1  # weights are exp(-AICc / 10), as in :mod:`.mstl`


def _shares(fits: list[Smoothed], p: Prepared) -> np.ndarray:
    """Weights of the forms.

    A season needs two cycles, as many values as it has numbers, and, where a third cycle is not
    there to bear it out, that the two agree.
    """
    value = np.stack([_criterion(fit, k) for fit, k in zip(fits, (4, 4, 6))])
    shown = (p.n >= 3 * p.m) | (np.ptp(p.season, axis=0) > 0)
    for i, fit in enumerate(fits[1:], 1):
        enough = (p.n >= 2 * p.m) & (fit.count >= (4, 4, 6)[i] + p.m) & shown
        value[i] = np.where(enough, value[i] + 2 * p.m, np.inf)
    value = np.where(np.isfinite(value).any(axis=0), value, 0.0)
    weight = np.exp(-_TRUST * (value - value.min(axis=0)))
    out: np.ndarray = weight / weight.sum(axis=0)
    return out


def _criterion(fit: Smoothed, k: int) -> np.ndarray:
    """AICc with ``k`` parameters and first states of the level.

    Its small-sample term belongs to what is fitted to the errors. First states of a season are
    not: they are read off the record and cost two each, as in AIC. With them in that term no
    record of less than three cycles could have a season.
    """
    free = np.maximum(fit.count - k - 1, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.maximum(fit.sse / np.maximum(fit.count, 1), 1e-300)
        value = fit.count * np.log(size) + 2 * k * (1 + (k + 1) / free)
    return np.where(np.isfinite(fit.sse), value, np.inf)


def _flat(method: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Method:
    """A method that gives one expected demand a period and estimates nothing."""

    def run(p: Prepared, horizon: int, held: Estimates) -> Forecast:
        return by_past(p, method(p.y, p.n), horizon)

    return run


def _flat_fitted(method: Callable[..., np.ndarray]) -> Method:
    """A method that gives one expected demand a period, with what it estimates."""

    def run(p: Prepared, horizon: int, held: Estimates) -> Forecast:
        return by_past(p, method(p.y, p.n, held=held), horizon)

    return run


METHODS: dict[str, Method] = {
    "auto": safe,
    "naive": _naive,
    "seasonal_naive": _seasonal_naive,
    "drift": _drift,
    "mean": _mean_only,
    "ets": _ets,
    "theta": _theta,
    "arima": _arima,
    "ces": _ces,
    "croston": _flat(intermittent.croston),
    "sba": _flat(intermittent.sba),
    "tsb": _flat_fitted(intermittent.tsb),
    "adida": _flat_fitted(intermittent.adida),
    "imapa": _flat_fitted(intermittent.imapa),
    "mstl": _mstl,
    "regression": _regression,
    "ensemble": _ensemble,
}


# --------------------------------------------------------------------------------------
# What methods share


def by_past(p: Prepared, level: np.ndarray, horizon: int) -> Forecast:
    """A flat forecast with the quantiles of the newest sixty values around it."""
    level = np.nan_to_num(level)
    mean = np.repeat(level[None], horizon, axis=0)
    recent = np.where(np.arange(len(p.y))[:, None] >= p.n - 60, p.y, np.nan)
    with np.errstate(invalid="ignore"):
        sd = np.sqrt(_mean((recent - level) ** 2))
    ends = np.zeros((2, len(_LEVELS), len(p.n)))
    some = np.isfinite(recent).any(axis=0)
    for i, x in enumerate(_LEVELS if some.any() else ()):
        at = np.nanquantile(recent[:, some], (0.5 - x / 200, 0.5 + x / 200), axis=0)
        ends[0, i, some], ends[1, i, some] = level[some] - at[0], at[1] - level[some]
    ends = np.maximum.accumulate(np.maximum(ends, 0.0), axis=1)
    one = np.ones_like(mean)
    return Forecast(mean, sd * one, one, one, _LEVELS, ends)


def _mean(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    return np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def newest(
    y: np.ndarray, n: np.ndarray, most: int, *, held: Estimates | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The last ``most`` rows of each column, moved to row 0; as many more as came since."""
    return rows_from(y, n, (held or Estimates()).of("start", lambda: np.maximum(n - most, 0)))


def rows_from(y: np.ndarray, n: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each column from a row of its own on, moved to row 0."""
    if not start.any():
        return y, n
    n = n - start
    steps = np.arange(int(n.max()))[:, None]
    y = y[np.minimum(start + steps, len(y) - 1), np.arange(y.shape[1])[None]]
    return np.where(steps < n, y, np.nan), n


def sane(p: Prepared, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nothing that is not finite leaves the bank: the last value stands in."""
    last = naive.last_value(p.y, p.n, len(mean))
    wild = ~(np.abs(mean) < 1e6)
    mean = np.where(wild, last, mean)
    return mean, np.where(np.isfinite(sd), sd, 0.0)
