"""Seasons that change, taken out one after the other; smoothing of what is left.

What a season adds to the trend is averaged over cycles, older cycles counting less by a factor
that is judged, series by series, by how well each cycle would have been foretold from those
before it. What is left is smoothed without a trend, with a drift and with a damped trend. Where
there is one season and all is above zero that is done in logarithms (seasons that grow with the
level), and without a trend as it is, too. All weigh by their AICc.

References
----------
R. B. Cleveland, W. S. Cleveland, J. E. McRae, I. Terpenning, "STL: a seasonal-trend
decomposition procedure based on loess", Journal of Official Statistics 6 (1990), 3-73.
D. M. Miller, D. Williams, "Shrinkage estimators of time series seasonal factors and their
effect on forecasting accuracy", International Journal of Forecasting 19 (2003), 669-684.
S. Kolassa, "Combining exponential smoothing forecasts using Akaike weights", International
Journal of Forecasting 27 (2011), 238-251.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .decomposition import centred_average, fill_gaps, seasonal_differences, shrink_season
from .estimates import Estimates
from .ets import Smoothed, fit_additive, fit_trends, spread_ahead

__all__ = ["Decomposed", "fit_mstl"]

_KEPT = np.array([1.0, 0.85, 0.7, 0.5, 0.3])[:, None, None]  # what a cycle more leaves of a weight
_SIZE = {"none": 2, "drift": 3, "damped": 5}  # of what is estimated
_STEPS = 6  # Levenberg-Marquardt, at most
# Weights are exp(-AICc / 10), not exp(-AICc / 2): errors are neither normal nor independent, and
# at origins inside training parts forms that are behind deserved more.
_TRUST = 0.1
_HIGHEST = 4.0  # most that logarithms may forecast, in largest values
_PASSES = 2
_DUST = 1e-12


@dataclass(slots=True)
class Decomposed:
    """Forecasts and standard errors (horizon, series), one-step errors (time, series).

    ``trends``: of each column, that which weighs most; ``parameters``: what belongs to it.
    """

    forecast: np.ndarray
    sd: np.ndarray
    errors: np.ndarray
    trends: list[str]
    parameters: list[dict[str, float]]


@dataclass(slots=True)
class _Part:
    """One smoothing: forecasts, standard errors, one-step forecasts, AICc, all by column."""

    trend: str
    ahead: np.ndarray
    sd: np.ndarray
    path: np.ndarray
    aicc: np.ndarray
    parameters: dict[str, np.ndarray]

    def take(self, which: np.ndarray, but: np.ndarray | None = None) -> _Part:
        """Some columns; with ``but`` only those columns have this smoothing."""
        aicc = self.aicc[which]
        if but is not None:
            aicc = np.where(np.isin(np.arange(len(aicc)), but), aicc, np.inf)
        own = {k: v[which] for k, v in self.parameters.items()}
        ahead, sd, path = (v[:, which] for v in (self.ahead, self.sd, self.path))
        return _Part(self.trend, ahead, sd, path, aicc, own)


def fit_mstl(
    y: np.ndarray,
    n: np.ndarray,
    m: int,
    horizon: int,
    *,
    held: Estimates | None = None,
) -> Decomposed:
    """Decompose and forecast each column.

    Parameters
    ----------
    y : (time, series)
        Scaled values, NaN where nothing is known, every column starting in row 0.
    n : (series,)
        Lengths.
    m : int
        Season length; 7 and 24 bring 365 and 168 with them where the record is long enough.
    horizon : int
        Steps to forecast after row ``n - 1``.
    held : Estimates, optional
        Seasons, parameters and weights as they were estimated before.
    """
    held = held or Estimates()
    parts = _parts(y, n, m, horizon, held)
    share = held.of("share", lambda: _weights(np.stack([p.aicc for p in parts])))
    mean = sum(w * p.ahead for w, p in zip(share, parts))
    variance = sum(w * (p.sd**2 + (p.ahead - mean) ** 2) for w, p in zip(share, parts))
    errors = y - sum(w * p.path for w, p in zip(share, parts))
    most = [parts[i] for i in share.argmax(axis=0)]
    told = [{k: float(v[j]) for k, v in p.parameters.items()} for j, p in enumerate(most)]
    return Decomposed(mean, np.sqrt(variance), errors, [p.trend for p in most], told)


def _weights(aicc: np.ndarray) -> np.ndarray:
    weight = np.exp(-_TRUST * (aicc - aicc.min(axis=0)))
    return weight / weight.sum(axis=0)


def _parts(y: np.ndarray, n: np.ndarray, m: int, horizon: int, held: Estimates) -> list[_Part]:
    """The smoothings: of the first scale with every trend, of the second without one."""
    B = y.shape[1]
    log, least, most = held.of("scales", lambda: _scales(y, m))
    both = np.hstack((y, y[:, log]))
    both[:, log] = np.log(np.maximum(y[:, log], least))
    lengths = np.concatenate((n, n[log]))
    past, ahead = _seasons_out(both, lengths, m, horizon, held)
    rest, trends = both - past, _trends(m)
    parts = [held.part(trend) for trend in trends]
    level = fit_additive(rest, lengths, horizon, trend=trends[0], iterations=_STEPS, held=parts[0])
    moving = fit_trends(rest[:, :B], n, horizon, trends[1:], parts[1:], iterations=_STEPS)
    out = []
    for trend, some, fit in zip(trends, parts, (level, *moving)):
        count = len(lengths) if trend == "none" else B
        z = both[:, :count]
        mean, sd, path = fit.forecast + ahead[:, :count], spread_ahead(fit, horizon), z - fit.errors
        mean[:, log], path[:, log] = (np.exp(np.minimum(v[:, log], most)) for v in (mean, path))
        sd[:, log] *= mean[:, log]
        aicc = some.of("aicc", _aicc, fit, trend, z, log)
        whole = _Part(trend, mean, sd, path, aicc, fit.parameters)
        out.append(whole.take(np.arange(B)))
        if count > B:
            which = np.arange(B)
            which[log] = np.arange(B, count)
            out.append(whole.take(which, but=log))
    return out


def _trends(m: int) -> tuple[str, ...]:
    """Over hours and days a damped trend would follow what belongs to the longer season."""
    return ("none", "drift", "damped") if len(_seasons(m)) < 2 else ("none", "drift")


def _scales(y: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns seen in logarithms; half their least value, the most their logarithm may be.

    None without a season, nor with two: what a day of the week adds is no share of an hour.
    """
    known = np.isfinite(y)
    log = np.flatnonzero(
        np.where(known, y > 0, True).all(axis=0) & known.any(axis=0) & (len(_seasons(m)) == 1)
    )
    y = y[:, log]
    return log, np.nanmin(y, axis=0) / 2, np.log(_HIGHEST * np.nanmax(y, axis=0))


def _aicc(fit: Smoothed, trend: str, z: np.ndarray, log: np.ndarray) -> np.ndarray:
    """AICc of the values as they are."""
    count, k = np.maximum(fit.count, 1), _SIZE[trend] + 1  # with the variance
    value = count * np.log(fit.sse / count + _DUST)
    value = value + 2 * k + 2 * k * (k + 1) / np.maximum(count - k - 1, 0.5)
    value[log] += 2 * np.nansum(z[:, log], axis=0)
    return value


# --------------------------------------------------------------------------------------
# Seasons


def _seasons_out(
    y: np.ndarray, n: np.ndarray, m: int, horizon: int, held: Estimates
) -> tuple[np.ndarray, np.ndarray]:
    """The sum of all seasons: in the past (time, series), and ahead (horizon, series)."""
    rest = fill_gaps(y, n, m)
    past, ahead = np.zeros_like(y), np.zeros((horizon, len(n)))
    rows, column = np.arange(len(y))[:, None], np.arange(len(n))[None]
    for k in _seasons(m):
        last, path = held.of(f"season {k}", _season, rest, n, k, k == m)
        now = np.where(
            rows < len(path), path[np.minimum(rows, len(path) - 1), column], last[rows % k, column]
        )
        rest, past = rest - now, past + now
        ahead += last[(n + np.arange(horizon)[:, None]) % k, column]
    return past, ahead


def _seasons(m: int) -> tuple[int, ...]:
    """A season and the longer one that usually goes with it."""
    return {1: (), 7: (7, 365), 24: (24, 168)}.get(m, (m,))


def _season(y: np.ndarray, n: np.ndarray, m: int, moves: bool) -> tuple[np.ndarray, np.ndarray]:
    """The newest season (m, series), and the season at every time (time, series).

    The same at all times with fewer than three cycles, and for the longer of two: that one has
    few cycles, and what changes from week to week is in the shorter one already.
    """
    rows = np.arange(len(y))
    same = seasonal_differences(y, n, m)
    path = same[rows % m]
    which = np.flatnonzero((n >= 3 * m) & moves)
    if not len(which):
        return same, path
    y, n = y[:, which], n[which]
    pad = np.full((-len(y) % m, len(which)), np.nan)
    for _ in range(_PASSES):  # the trend at the end needs the season of the end
        away = y - _trend(y - path[:, which], n, m)
        last, moving = _followed(np.vstack((away, pad)).reshape(-1, m, len(which)))
        same[:, which] = last
        path[:, which] = moving.reshape(-1, len(which))[: len(y)]
    return same, np.where(rows[:, None] < len(y), path, 0.0)


def _trend(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Centred average over one cycle; at both ends over as much as is there on both sides."""
    rows, column = np.arange(len(y))[:, None], np.arange(y.shape[1])[None]
    half = np.clip(np.minimum(rows, n - 1 - rows), 0, m // 2)
    run = np.vstack((np.zeros((1, y.shape[1])), np.cumsum(np.nan_to_num(y), axis=0)))
    above = run[np.minimum(rows + half + 1, len(y)), column]
    short = (above - run[np.maximum(rows - half, 0), column]) / (2 * half + 1)
    whole = centred_average(y, m)
    out = np.where((half == m // 2) & np.isfinite(whole), whole, short)
    return np.where(rows < n, out, np.nan)


def _followed(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The newest season and that of every cycle of ``d`` (cycles, m, series).

    A cycle's own values do not count for its season: what is left of it would be too smooth.
    """
    known = np.isfinite(d)
    x = np.where(known, d, 0.0)
    kept = _kept(x, known)
    before, after = np.empty((2, 2, *x.shape))
    squares = np.zeros(x.shape[1:])
    run = np.zeros((2, *x.shape[1:]))
    for k, here in enumerate(known):
        before[:, k] = run
        run = np.where(here, kept * run + (x[k], here), run)
        squares = np.where(here, kept**2 * squares + 1, squares)
    last, few = run[0] / np.maximum(run[1], _DUST), squares / np.maximum(run[1], _DUST) ** 2
    run = np.zeros_like(run)
    for k in range(len(x) - 1, -1, -1):
        after[:, k] = run
        run = np.where(known[k], kept * run + (x[k], known[k]), run)
    total, count = kept * (before + after)
    path = np.where(count > 0, total / np.maximum(count, _DUST), x)
    path -= path.mean(axis=1, keepdims=True)
    return shrink_season(d, last - last.mean(axis=0), path, few.mean(axis=0))


def _kept(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What a cycle more leaves of a weight (series,): factors by how well they foretold."""
    total, count = (np.zeros((len(_KEPT), *x.shape[1:])) for _ in range(2))
    missed = np.zeros((len(_KEPT), x.shape[2]))
    for k, here in enumerate(known):
        seen = here & (count[0] > 0)
        wrong = np.where(seen, x[k] - total / np.maximum(count, _DUST), 0.0)
        missed += np.einsum("gmb,gmb->gb", wrong, wrong)
        total = np.where(here, _KEPT * total + x[k], total)
        count = np.where(here, _KEPT * count + 1, count)
    tests = np.maximum(known.sum(axis=(0, 1)), 1)
    weight = -0.5 * tests * np.log(missed + _DUST * tests)
    weight = np.exp(weight - weight.max(axis=0))
    out: np.ndarray = (weight * _KEPT[:, 0]).sum(axis=0) / weight.sum(axis=0)
    return out
