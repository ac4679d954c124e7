"""Outliers and level shifts of many series at once: found, sized, taken out.

Each series is put on the scale on which its changes are most even, freed of its season by
medians, and smoothed. A single odd value and a lasting shift leave different traces in the
one-step errors of simple smoothing; for every time the size of either is estimated by least
squares and compared with its standard error, with a scale that the odd values do not move. The
clearest is taken out, and the search goes on until nothing clear is left. What the newest values
are cannot be told before others follow: they are named and left alone.

References
----------
C. Chen, L.-M. Liu, "Joint estimation of model parameters and outlier effects in time series",
Journal of the American Statistical Association 88 (1993), 284-297. R. S. Tsay, "Outliers, level
shifts, and variance changes in time series", Journal of Forecasting 7 (1988), 1-20.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import decomposition
from .ets import fit_additive
from .transformation import box_cox, inverse, likeliest

__all__ = ["KINDS", "Found", "clean"]

KINDS = ("outlier", "level shift", "unsettled")
_SURE = 5.0  # standard errors that make a value odd, in a long series
_YOUNG = 30.0  # more of it: over the number of values
_FEW = 6.0  # and over the number of cycles
_ROUNDS = 8  # one odd value of each series a round
_SHORTEST = 16  # values
_SETTLED = 3  # values that must follow
_SPARSE = 0.2  # share of zeros from which demand counts as intermittent


@dataclass(slots=True)
class Found:
    """What was found, one entry each: column, row, kind (index of ``KINDS``), and size in units
    of the data: by how much the value, or all from it on, differ from what was to be expected."""

    column: np.ndarray
    row: np.ndarray
    kind: np.ndarray
    size: np.ndarray


def clean(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, Found]:
    """Each column of ``y`` (time, series) without odd values, and what they were.

    Outliers are set to what their neighbours say; what came before a level shift is moved to
    the level after it. Columns of fewer than 16 values or three cycles, with a fifth of zeros or
    more, or in which half the changes are nil, stay as they are.
    """
    known = np.isfinite(y)
    count = known.sum(axis=0)
    zeros = (known & (y == 0)).sum(axis=0)
    fits = (count >= max(_SHORTEST, 3 * m)) & (zeros < _SPARSE * np.maximum(count, 1))
    which = np.flatnonzero(fits)
    nothing = np.zeros(0, dtype=int)
    if not len(which):
        return y, Found(nothing, nothing, nothing, np.zeros(0))
    out, found = _clean(y[:, which], n[which], m)
    whole = y.copy()
    whole[:, which] = out
    found.column = which[found.column]
    order = np.lexsort((found.row, found.column))
    parts = (v[order] for v in (found.column, found.row, found.kind, found.size))
    return whole, Found(*parts)


def _clean(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, Found]:
    scale, power = _scales(y, n, m)
    plain = power == 1.0
    z = np.where(plain, y / scale, box_cox(np.where(plain, 1.0, y / scale), power))
    start, rows = z.copy(), np.arange(len(z))[:, None]
    marks: list[tuple[np.ndarray, ...]] = []
    live = np.arange(len(n))
    for _ in range(_ROUNDS):
        row, kind, size, sure = _clearest(z[:, live], n[live], m)
        live, row, kind, size = live[sure], row[sure], kind[sure], size[sure]
        if not len(live):
            break
        kind = np.where(row > n[live] - 1 - _SETTLED, 2, kind)
        marks.append((live, row, kind, size))
        z[row[kind == 0], live[kind == 0]] -= size[kind == 0]
        z[:, live] += np.where((rows < row) & (kind == 1), size, 0.0)
        z[row[kind == 2], live[kind == 2]] = np.nan  # says nothing of the others

    def back(x: np.ndarray, which: np.ndarray) -> np.ndarray:
        straight = plain[which]
        return scale[which] * np.where(straight, x, inverse(x, power[which]))

    changed = np.isfinite(z) & (z != start)
    out = np.where(changed, back(z, np.arange(len(n))), y)
    if not marks:
        nothing = np.zeros(0, dtype=int)
        return out, Found(nothing, nothing, nothing, np.zeros(0))
    column, row, kind, size = (np.concatenate(v) for v in zip(*marks))
    return out, Found(column, row, kind, y[row, column] - back(start[row, column] - size, column))


def _clearest(
    z: np.ndarray, n: np.ndarray, m: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The oddest time of each column: row, kind (0 or 1), size, and whether it is sure."""
    x, cycles = _without_season(z, n, m)
    known = np.isfinite(x)
    alpha = _smoothing(x, n)
    e = _one_step(x, alpha)
    e = np.where(known, e - np.nanmedian(e, axis=0), 0.0)
    sd = 1.4826 * np.nanmedian(np.where(known, np.abs(e), np.nan), axis=0)
    sd = sd * np.sqrt(cycles / np.maximum(cycles - 1, 1))  # medians of the season took a part
    T, B = x.shape
    single, lasting = np.zeros((2, T, B)), np.zeros((2, T, B))  # numerators, squares
    s, r = np.zeros(B), np.zeros(B)
    for t in range(T - 1, -1, -1):
        single[:, t] = e[t] - alpha * s, 1 + alpha**2 * r
        s = np.where(known[t], e[t] + (1 - alpha) * s, s)
        r = np.where(known[t], 1 + (1 - alpha) ** 2 * r, r)
        lasting[:, t] = s, r
    moves = sd > 1e-9
    odd = np.zeros((2, T, B))
    for i, (top, square) in enumerate((single, lasting)):
        odd[i] = np.where(known, np.abs(top) / np.sqrt(np.maximum(square, 1e-12)), 0.0)
    odd[1, :_SETTLED] = 0.0
    odd = np.where(moves, odd / np.where(moves, sd, 1.0), 0.0)
    flat = odd.reshape(2 * T, B)
    best = flat.argmax(axis=0)
    kind, row = best // T, best % T
    column = np.arange(B)
    size = np.where(
        kind == 0,
        single[0, row, column] / single[1, row, column],
        lasting[0, row, column] / np.maximum(lasting[1, row, column], 1e-12),
    )
    count = known.sum(axis=0)
    limit = _SURE + _YOUNG / count + _FEW / cycles
    return row, kind, size, flat[best, column] > limit


def _without_season(z: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Values less the median deviation of their phase from a running median; cycles."""
    if m == 1:
        return z, np.full(len(n), 1e9)
    width = 2 * (m // 2) + 1
    trend = _running_median(z, n, width)
    pad = (-len(z)) % m
    d = np.vstack((z - trend, np.full((pad, len(n)), np.nan))).reshape(-1, m, len(n))
    with np.errstate(all="ignore"):
        seen = np.isfinite(d).any(axis=0)
        s = np.where(seen, np.nanmedian(np.where(seen, d, 0.0), axis=0), 0.0)
    s = s - s.mean(axis=0)
    return z - s[np.arange(len(z)) % m], n / m


def _running_median(z: np.ndarray, n: np.ndarray, width: int) -> np.ndarray:
    """Centred median; windows at the ends are moved inside."""
    T = len(z)
    filled = decomposition.fill_gaps(z, n, 1)
    last = np.maximum(n - 1, 0)
    rows = np.arange(T)[:, None]
    filled = np.where(rows < n, filled, filled[last, np.arange(len(n))])
    if width >= T:
        return np.repeat(np.median(filled, axis=0)[None], T, axis=0)
    windows = np.lib.stride_tricks.sliding_window_view(filled, width, axis=0)
    middle = np.median(windows, axis=-1)
    first = np.clip(rows - width // 2, 0, np.maximum(n - width, 0))
    return middle[np.minimum(first, len(middle) - 1), np.arange(len(n))[None]]


def _smoothing(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Parameter of simple smoothing, odd values held back first."""
    near = _running_median(x, n, 5)
    off = x - near
    with np.errstate(all="ignore"):
        reach = 4 * 1.4826 * np.nanmedian(np.abs(off), axis=0)
    held = near + np.clip(off, -reach, reach)
    alpha: np.ndarray = fit_additive(held, n, 1).parameters["alpha"]
    return alpha


def _one_step(x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Errors of simple smoothing; it starts at the median of the first five values."""
    with np.errstate(all="ignore"):
        level = np.nan_to_num(np.nanmedian(x[:5], axis=0))
    e = np.full_like(x, np.nan)
    for t in range(len(x)):
        e[t] = x[t] - level
        level = level + alpha * np.nan_to_num(e[t])
    return e


def _scales(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean size, and the power that makes changes even (1 where not positive)."""
    known = np.isfinite(y)
    size = np.where(known, np.abs(y), 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    scale = np.where(size > 0, size, 1.0)
    positive = np.where(known, y > 0, True).all(axis=0)
    safe = np.where(positive, y / scale, np.where(known, 1.0, np.nan))
    return scale, np.where(positive, likeliest(safe, n, m), 1.0)
