"""Trend and season by robust regression, with what each value would be without itself.

Level, a trend of straight pieces and the season are columns of one regression, solved by
iteratively reweighted least squares, so that outliers count little. The hat matrix gives the
prediction of every value from the others, and so an honest size of the remainder however many
columns the season takes.

References
----------
A. E. Beaton, J. W. Tukey, "The fitting of power series, meaning polynomials, illustrated on
band-spectroscopic data", Technometrics 16 (1974), 147-185 (biweight).
R. D. Cook, S. Weisberg, "Residuals and Influence in Regression", Chapman and Hall 1982.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Parts", "split"]

_ROUNDS = 6  # of the biweight, the first of them with weights that only fall off
_CUT = 4.685  # biweight with 95 % efficiency at the normal
_FEW = 0.25  # share of the mean error below which most values fit and few do not
_FINE = 0.05  # the same of the ninth tenth of errors, for the size of the remainder
_PLAIN = 30  # rounds of least absolute errors before the biweight then
_GROSS = 5.0  # times as far from the level as what else a season has: not its season


@dataclass(slots=True)
class Parts:
    """``trend`` and ``season`` for all times; ``left_out``: value less its prediction from the
    others (NaN where unknown); ``sd``: robust standard error of that difference; ``spread``: the
    same for each time, wider where few others inform it; ``free``: values known beyond the
    columns of the regression, at least 1."""

    trend: np.ndarray
    season: np.ndarray
    left_out: np.ndarray
    sd: float
    spread: np.ndarray
    free: int


def split(z: np.ndarray, season: int) -> Parts:
    """Split a series (NaN where unknown) with a season of ``season`` periods (1: none)."""
    known = np.isfinite(z)
    trend, wave = _columns(len(z), int(known.sum()), season)
    x = np.hstack([trend, wave])
    size = np.linalg.norm(x[known], axis=0)
    x = x / np.where(size > 0, size, 1.0)
    beta, hat, weight = _robust(x[known], z[known])
    own = np.flatnonzero(known) % season if wave.shape[1] == season - 1 > 0 else None
    start = None if own is None else _sided(z[known], own, weight)
    if start is not None:
        beta, hat, weight = _robust(x[known], z[known], start)
    cut = trend.shape[1]
    up, around = x[:, :cut] @ beta[:cut], x[:, cut:] @ beta[cut:]
    middle = around.mean()
    rest = np.full(len(z), np.nan)
    rest[known] = (z - up - around)[known] / (1 - hat)
    scaled = rest[known] * np.sqrt(1 - hat)
    sd = 1.4826 * float(np.median(np.abs(scaled - np.median(scaled))))
    ninth = float(np.quantile(np.abs(scaled), 0.9)) / 1.645
    sd = ninth if sd < _FINE * ninth else sd  # sparse: more than half are alike, many are not
    sd = max(sd, 1e-6 * float(np.abs(z[known]).max()))  # no finer than arithmetic
    spread = np.full(len(z), sd)
    spread[known] = sd / np.sqrt(1 - hat)
    free = max(int(known.sum()) - x.shape[1], 1)
    return Parts(up + middle, around - middle, rest, sd, spread, free)


def _columns(n: int, known: int, season: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(n)
    pieces = int(np.clip(n / max(season, 10), 1, 24))
    pieces = min(pieces, max(known // 5, 1))
    knots = np.linspace(0, max(n - 1, 1), pieces + 1)
    trend = np.column_stack([np.interp(t, knots, row) for row in np.eye(pieces + 1)])
    wave = np.empty((n, 0))
    if season > 1 and n >= 2 * season and known >= season + pieces + 4:
        if n >= 4 * season or season <= 12:
            wave = np.eye(season)[t % season][:, 1:]
        else:
            k = np.arange(1, min(6, season // 2) + 1) * (2 * np.pi / season)
            wave = np.hstack([np.sin(np.outer(t, k)), np.cos(np.outer(t, k))])
    return trend, wave


def _sided(y: np.ndarray, own: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
    """Weights to begin anew with, where all values of a season lost theirs to one of them.

    One value of a thousand times the others makes its season as far from itself as from the others
    (two Januaries: half way), and the biweight then believes none. The others are taken, if they
    are at least half of the season's values. None: there is no such season.
    """
    out = np.ones(len(y))
    level = np.median(y)
    for k in np.unique(own[weight < 0.01]):
        rows = np.flatnonzero(own == k)
        if len(rows) < 2 or (weight[rows] >= 0.01).any():
            continue
        away = np.abs(y[rows] - (np.median(y[rows]) if len(rows) > 2 else level))
        far = away * _GROSS > away.max()
        if 0 < far.sum() <= len(rows) / 2:
            out[rows[far]] = 0.0
    return out if (out == 0).any() else None


def _robust(
    x: np.ndarray, y: np.ndarray, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, leverages and weights of the last round; ``start``: weights of the first."""
    ridge = 1e-11 * np.eye(x.shape[1])
    weight = np.ones(len(y)) if start is None else np.maximum(start, 1e-8)
    beta = np.zeros(x.shape[1])
    inverse: np.ndarray = ridge
    rounds, left = 0, _PLAIN
    for _ in range(_ROUNDS + _PLAIN):
        inverse = np.linalg.inv(x.T @ (x * weight[:, None]) + ridge)
        beta = inverse @ (x.T @ (weight * y))
        rest = y - x @ beta
        # no finer than arithmetic: where all fits exactly, nothing is an outlier
        scale = 1.4826 * np.median(np.abs(rest)) + 1e-6 * (np.abs(y).max() + 1e-300)
        # most values fit exactly, some not at all: least absolute errors tell first which do
        patient = rounds < 2 and left > 0 and scale < _FEW * np.abs(rest).mean()
        if rounds == 0 or patient:
            weight = 1 / np.maximum(np.abs(rest) / (1.345 * scale), 1.0)
        else:
            weight = np.clip(1 - (rest / (_CUT * scale)) ** 2, 0.0, 1.0) ** 2
        weight = np.maximum(weight, 1e-8)
        left -= patient
        rounds += not (patient and rounds)
        if rounds == _ROUNDS:
            break
    hat = weight * np.einsum("ij,jk,ik->i", x, inverse, x)
    return beta, np.clip(hat, 0.0, 0.95), weight
