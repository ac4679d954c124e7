"""What each day is worth, from daily totals: kind of day, moving holidays, around a slow level.

A quasi-Poisson regression with a logarithmic link: days without sales need no care, and a festival
that falls into one month this year and another the next is seen day by day, where months would
need many years. Effects are shrunk to none; the level is a chain of straight lines.

References
----------
P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd ed., Chapman and Hall 1989, chapter 9
(quasi-likelihood). W. R. Bell, S. C. Hillmer, "Modeling time series with calendar variation",
Journal of the American Statistical Association 78 (1983), 526-534.
"""

from __future__ import annotations

import numpy as np

from .estimates import Estimates

__all__ = ["day_factors", "day_logs", "day_parts"]

_KNOT = 91  # days between the bends of the level
_YEAR = 365.25
_WAVES, _WAVE_SD = 3, 0.2  # of the season, from a year and a half on
_KIND_SD, _EFFECT_SD = 2.0, 0.3  # logarithms: a kind of day may hardly sell, a holiday halves
_STEP_SD, _BEND_SD = 0.2, 0.3  # of the level from knot to knot
_ROUNDS = 40
_FAR = 6.0  # clip of the logarithm of a factor
# The shape of a festival: what each day around it may differ by from the effects, and for how long.
_SIZES, _MEMORIES = (0.05, 0.1, 0.2, 0.4), (1.5, 6.0)
_TIMES = 3  # festivals that the record must hold
_SURE = 5.0  # by how much the logarithm of the likelihood must rise


def day_factors(y: np.ndarray, kinds: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Factor of every day against an ordinary one.

    Parameters
    ----------
    y : (days,) array
        Totals of the days known, from the first row of ``kinds`` on; at or above zero.
    kinds : (all days,) int array
        Kind of each day (Monday, free Saturday, ...), known days and later ones.
    effects : (all days, k) array
        Regressors of moving holidays and events.

    Returns
    -------
    (all days,) array
        Mean 1 over the days known.
    """
    usual, moved = day_parts(y, kinds, effects)
    factor = usual * moved
    return np.asarray(factor / factor[: len(y)].mean())


def day_parts(
    y: np.ndarray,
    kinds: np.ndarray,
    effects: np.ndarray,
    skip: int = 0,
    *,
    near: np.ndarray | None = None,
    held: Estimates | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`day_factors`, apart: what the kind of the day makes, what the effects make of it.

    The second is 1 where no regressor is in force. ``skip`` rows lie before the first of ``y``.
    ``near`` (all days,): which day of the time around a festival each is, from 0 on; -1 far from
    one. Where festivals agree, such days have a shape of their own beside the effects.
    ``held``: what each kind, effect and day of the shape was found to be worth before.
    """
    of_kind, of_effect, of_shape = day_logs(y, kinds, effects, skip, near=near, held=held)
    return tuple(  # type: ignore[return-value]
        np.exp(np.clip(part, -_FAR, _FAR)) for part in (of_kind, of_effect + of_shape)
    )


def day_logs(
    y: np.ndarray,
    kinds: np.ndarray,
    effects: np.ndarray,
    skip: int = 0,
    *,
    near: np.ndarray | None = None,
    held: Estimates | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As :func:`day_parts`, in logarithms: of the kind of day, the effects, and the shape."""
    held = held or Estimates()
    each = (kinds[:, None] == held.of("kinds", np.unique, kinds)).astype(float)
    shape = np.zeros((len(kinds), 0))
    if near is not None:
        shape = (near[:, None] == np.arange(held.of("reach", lambda: near.max() + 1))).astype(float)
    of_kind, of_effect, of_shape = held.of("worth", _worth, y, each, effects, shape, skip)
    return each @ of_kind, effects @ of_effect, shape @ of_shape


def _worth(
    y: np.ndarray, each: np.ndarray, effects: np.ndarray, shape: np.ndarray, skip: int
) -> list[np.ndarray]:
    """Logarithms of what kinds of days, effects and the shape do, beside level and season."""
    n = len(y)
    known = slice(skip, skip + n)
    level, wave = _hats(n), _waves(n)
    bends, below = level.shape[1], level.shape[1] + wave.shape[1]
    x = np.hstack([level, wave, each[known], effects[known]])
    penalty = np.zeros((x.shape[1], x.shape[1]))
    for order, size in ((1, _STEP_SD), (2, _BEND_SD)):
        if bends > order:
            change = np.diff(np.eye(bends), order, axis=0)
            penalty[:bends, :bends] += change.T @ change / size**2
    rest = np.arange(bends, x.shape[1])
    sd = np.where(rest < below + each.shape[1], _KIND_SD, _EFFECT_SD)
    sd = np.where(rest < below, _WAVE_SD, sd)
    penalty[rest, rest] = 1 / sd**2
    y, near, parts = y / y.mean(), shape[known], np.cumsum([each.shape[1], effects.shape[1]])
    beta, phi = _quasi_poisson(y, x, penalty)
    stiff = _stiffness(y, x, penalty, beta, phi, near) if near.size else None
    if stiff is None:
        return [*np.split(beta[below:], parts[:1]), np.zeros(shape.shape[1])]
    empty = np.zeros((len(penalty), len(stiff)))
    penalty = np.block([[penalty, empty], [empty.T, stiff]])
    beta, _ = _quasi_poisson(y, np.hstack([x, near]), penalty)
    return np.split(beta[below:], parts)


def _stiffness(
    y: np.ndarray,
    x: np.ndarray,
    penalty: np.ndarray,
    beta: np.ndarray,
    phi: float,
    near: np.ndarray,
) -> np.ndarray | None:
    """Penalty on the shape of a festival that the days make likeliest; None where it is flat.

    The shape is a chain whose size and memory are found by marginal likelihood around the fit
    without it. Days of one week err together: they count for as much as single weeks show.
    """
    if near.sum(axis=0).min() < _TIMES:
        return None
    mu = np.exp(np.clip(x @ beta, -_FAR, _FAR))
    limit = 3.0 * np.sqrt(phi)
    pearson = np.clip((y - mu) / np.sqrt(mu), -limit, limit)
    weeks = np.where(near.any(axis=1), 0.0, pearson)[: len(y) // 7 * 7].reshape(-1, 7)
    far = (~near.any(axis=1)).mean()
    together = max(float((weeks.sum(axis=1) ** 2).mean() / (7 * phi * far)), 1.0)
    weight = mu / (phi * together)
    score = near.T @ (np.sqrt(mu) * pearson) / (phi * together)
    cross = x.T @ (near * weight[:, None])
    gram = (x * weight[:, None]).T @ x + penalty
    told = (near * weight[:, None]).T @ near - cross.T @ np.linalg.solve(gram, cross)
    days = np.arange(near.shape[1])
    best, found = _SURE, None
    for memory in _MEMORIES:
        chain = np.exp(-np.abs(days[:, None] - days) / memory)
        for size in _SIZES:
            prior = np.linalg.inv(chain) / size**2
            gain = score @ np.linalg.solve(prior + told, score) / 2
            cost = np.linalg.slogdet(np.eye(len(days)) + size**2 * chain @ told)[1] / 2
            if gain - cost > best:
                best, found = gain - cost, prior * together
    return found


def _hats(n: int) -> np.ndarray:
    """Straight lines between knots, (n, knots)."""
    knots = np.linspace(0, n - 1, max(round(n / _KNOT), 1) + 1)
    return np.column_stack([np.interp(np.arange(n), knots, row) for row in np.eye(len(knots))])


def _waves(n: int) -> np.ndarray:
    """Smooth waves of a year, which hold the season apart from what moves within it."""
    if n < 1.5 * _YEAR:
        return np.empty((n, 0))
    turn = np.outer(np.arange(n), np.arange(1, _WAVES + 1)) * (2 * np.pi / _YEAR)
    return np.hstack([np.sin(turn), np.cos(turn)])


def _quasi_poisson(y: np.ndarray, x: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients and dispersion by penalised weighted least squares.

    Outliers of single days are drawn in.
    """
    beta = np.zeros(x.shape[1])
    phi = 1.0
    for _ in range(_ROUNDS):
        eta = np.clip(x @ beta, -_FAR, _FAR)
        mu = np.exp(eta)
        pearson = (y - mu) / np.sqrt(mu)
        # Few large orders make heavy tails: beyond three typical sizes they count as three.
        limit = 3.0 * np.sqrt(phi)
        away = np.clip(pearson, -limit, limit)
        z = eta + away / np.sqrt(mu)
        gram = (x * mu[:, None]).T @ x / phi + penalty
        new = np.linalg.solve(gram + 1e-9 * np.eye(len(gram)), x.T @ (mu * z) / phi)
        phi = max(float(np.clip(pearson**2, 0, 9 * phi).sum() / max(len(y) - x.shape[1] / 2, 1)),
                  1e-6)  # fmt: skip
        if np.abs(new - beta).max() < 1e-9:
            return new, phi
        beta = new
    return beta, phi
