"""Exponential smoothing by likelihood: all forms, many series at once, a model by AICc.

ETS(error, trend, season) with additive or multiplicative errors; no, additive or damped
trend; no, additive or multiplicative season. :mod:`.smoothing_likelihood` finds parameters and
first states.

References
----------
R. J. Hyndman, A. B. Koehler, R. D. Snyder, S. Grose, "A state space framework for automatic
forecasting using exponential smoothing methods", Int. J. Forecasting 18 (2002), 439-454.
R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
Smoothing", Springer 2008: chapters 5 (estimation), 6 (variances), 7 (selection).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .estimates import Estimates
from .smoothing_likelihood import Form, believable, best_starts, fitted, loss_of, parse, path_of

__all__ = ["FORMS", "Fitted", "choose", "fit_form", "variance"]

FORMS = tuple(
    [e + t + "N" for e in "AM" for t in ("N", "A", "Ad")]
    + [e + t + "A" for e in "AM" for t in ("N", "A", "Ad")]
    + ["M" + t + "M" for t in ("N", "A", "Ad")]
)


@dataclass(slots=True)
class Fitted:
    """One form fitted to a block; arrays by series.

    ``forecast`` (horizon, series); ``errors`` one-step, in units of the data; ``states`` the
    last level, slope and seasonal states.
    """

    form: str
    loglik: np.ndarray
    aicc: np.ndarray
    forecast: np.ndarray
    errors: np.ndarray
    sigma2: np.ndarray
    parameters: dict[str, np.ndarray]


def fit_form(y: np.ndarray, n: np.ndarray, m: int, form: str, horizon: int) -> Fitted:
    """Fit one form, e.g. ``"MAdM"``, to each column of ``y`` (time, series) from row 0 on.

    Columns that are too short for it, or not positive where it needs that, or whose errors it
    cannot explain, get an AICc of infinity.
    """
    f = parse(form, m)
    with np.errstate(all="ignore"):
        theta = fitted([(y, best_starts(y, n, [f])[0][0], f)], 50)[0][0]
        made = _finish(y, n, theta, f, form, horizon, Estimates())
        made.aicc = np.where(believable(y, theta, f), made.aicc, np.inf)
        return made


def _finish(
    y: np.ndarray,
    n: np.ndarray,
    theta: np.ndarray,
    f: Form,
    form: str,
    horizon: int,
    held: Estimates,
) -> Fitted:
    """Forecasts and errors with given parameters; criteria and variance where not held."""
    T, B = y.shape
    path, par = path_of(y, theta, f, horizon)
    errors = y - path[:T]
    loss = held.of("loss", lambda: loss_of(y, theta, f))
    aicc = held.of("aicc", lambda: _aicc(y, n, loss, f))
    sigma2 = held.of("sigma2", lambda: _variance(errors, path[:T], f))
    ahead = path[n[None] + np.arange(horizon)[:, None], np.arange(B)[None]]
    return Fitted(form, -0.5 * loss, aicc, ahead, errors, sigma2, par)


def _variance(errors: np.ndarray, path: np.ndarray, f: Form) -> np.ndarray:
    """Of one-step errors, relative ones where they multiply."""
    relative = errors / path if f.error == "M" else errors
    free = np.isfinite(errors).sum(axis=0) - f.size
    return np.nansum(relative**2, axis=0) / np.maximum(free, 1)


def _aicc(y: np.ndarray, n: np.ndarray, loss: np.ndarray, f: Form) -> np.ndarray:
    """AICc; infinite where the form does not apply to the column."""
    count, size = np.isfinite(y).sum(axis=0), f.size + 1
    wrong = count <= size + 1
    if f.error == "M":
        wrong = wrong | ~np.where(np.isfinite(y), y > 0, True).all(axis=0)
    if f.season != "N":
        wrong = wrong | (n < 2 * f.m) | (f.m > 24)
    correction = 2 * size * (size + 1) / np.maximum(count - size - 1, 1)
    return np.where(wrong, np.inf, loss + 2 * size + correction)


def variance(fit: Fitted, m: int) -> np.ndarray:
    """Variance of each step ahead, (horizon, series)."""
    f = parse(fit.form, m)
    horizon, B = fit.forecast.shape
    zero = np.zeros(B)
    alpha, beta = fit.parameters["alpha"], fit.parameters.get("beta", zero)
    gamma, phi = fit.parameters.get("gamma", zero), fit.parameters.get("phi", zero + 1)
    j = np.arange(1, horizon)[:, None]
    run = np.cumsum(phi ** np.arange(1, horizon)[:, None], axis=0) if f.trend != "N" else 0.0 * j
    c = alpha + beta * run + np.where((j % f.m == 0) & (f.season == "A"), gamma, 0.0)
    if f.error == "A":
        return fit.sigma2 * np.vstack((np.ones((1, B)), 1 + np.cumsum(c**2, axis=0)))
    mean = fit.forecast
    theta = np.empty_like(mean)
    for h in range(horizon):
        inner = sum((c[i - 1] ** 2 * theta[h - i] for i in range(1, h + 1)), zero)
        theta[h] = mean[h] ** 2 + fit.sigma2 * inner
    extra = (1 + gamma**2 * fit.sigma2) ** (np.arange(horizon)[:, None] // f.m)
    grow = extra if f.season == "M" else 1.0
    return np.maximum((1 + fit.sigma2) * theta * grow - mean**2, 0.0)


def choose(
    y: np.ndarray, n: np.ndarray, m: int, horizon: int, *, held: Estimates | None = None
) -> list[tuple[np.ndarray, Fitted]]:
    """The form of lowest AICc for each column: pairs of columns and their fit.

    ``held``: forms, parameters, initial states and variances as they were estimated before.
    """
    held = held or Estimates()
    out = []
    with np.errstate(all="ignore"):
        for which, form, theta in held.of("forms", lambda: _select(y, n, m)):
            some, f = held.part(form), parse(form, m)
            out.append((which, _finish(y[:, which], n[which], theta, f, form, horizon, some)))
    return out


def _select(y: np.ndarray, n: np.ndarray, m: int) -> list[tuple[np.ndarray, str, np.ndarray]]:
    """Columns that share their best form, the form, and its parameters and initial states.

    Every form takes a few steps; those that may still win are fitted to the end.
    """
    known = np.isfinite(y)
    positive = np.where(known, y > 0, True).all(axis=0)
    forms = [g for g in FORMS if (g[-1] == "N" or 1 < m <= 24) and (g[0] == "A" or positive.any())]
    shapes = [parse(form, m) for form in forms]
    with np.errstate(all="ignore"):
        begun = best_starts(y, n, shapes)
        rough = [theta for theta, _ in begun]
        score = np.stack([_aicc(y, n, loss, f) for (_, loss), f in zip(begun, shapes)])
        near = (score <= score.min(axis=0) + 12) & np.isfinite(score)
        asked = [np.flatnonzero(some) for some in near]
        parts = [(y[:, w], theta[:, w], f) for w, theta, f in zip(asked, rough, shapes)]
        for i, (w, (theta, loss)) in enumerate(zip(asked, fitted(parts, 50))):
            if len(w):
                rough[i][:, w] = theta
                fine = believable(y[:, w], theta, shapes[i])
                score[i, w] = np.where(fine, _aicc(y[:, w], n[w], loss, shapes[i]), np.inf)
        best = np.where(np.isfinite(score).any(axis=0), score.argmin(axis=0), 0)
        out = []
        for i in np.unique(best):
            which = np.flatnonzero(best == i)
            out.append((which, forms[i], rough[i][:, which]))
    return out
