"""Seasonal indices of one series, robust to trend and to single odd periods.

Ratio to a centred moving average, medians by season, and a second pass on the series with its
odd periods put back to what trend and season expect.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["seasonal_index"]

_GROSS = 10.0  # times what else its season and the whole series hold: no season, but an error
_MOST_LOST = 0.1  # of all sales, that may lie in seasons without an index


def seasonal_index(
    values: np.ndarray, season: np.ndarray, seasons: int, cycle: int, *, method: str = "robust"
) -> np.ndarray:
    """Index of each season (mean 1), NaN for seasons that do not occur.

    Parameters
    ----------
    values : float64 array of shape (t,)
        Amounts of consecutive periods.
    season : int64 array of shape (t,)
        Season of each period, from 0.
    seasons, cycle : int
        Number of seasons, and of periods in a cycle (53 and 52 for weeks).
    method : {"robust", "mean", "share"}
        Medians of ratios to trend with odd periods mended (plain shares where more than a tenth
        of all sales lies in seasons that are zero more often than not); means of ratios to
        trend; or plain shares of the sums (no trend taken out).

    References
    ----------
    .. [1] J. Shiskin, A. H. Young and J. C. Musgrave, "The X-11 variant of the census method
       II seasonal adjustment program", Bureau of the Census, 1967 (ratio to moving average).
    """
    if method == "share" or len(values) < 2 * cycle:
        return _normal(_by_season(values, season, seasons, np.mean))
    if method == "robust":
        values = _without_gross(values, season)
    centre = np.median if method == "robust" else np.mean
    ratios = _ratios(values, cycle, robust=method == "robust")
    index = _normal(_by_season(ratios, season, seasons, centre))
    if method == "mean":
        return index
    plain = _normal(_by_season(values, season, seasons, np.mean))
    if _loses(index, values, season):
        return plain
    for _ in range(3):
        trend = _trend_through(values, index[season], cycle)
        expected = trend * index[season]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(expected > 0, values / expected, 1.0)
        spread = 1.4826 * float(np.median(np.abs(ratio - np.median(ratio))))
        # Four robust deviations; a tenth at least, so that a smooth series mends nothing.
        odd = np.abs(ratio - np.median(ratio)) > max(4.0 * spread, 0.1)
        mended = np.where(odd, expected, values)
        trend = _trend_through(mended, index[season], cycle)
        # Where no value of a season is what its index expects, it is the index that is odd.
        odd &= (np.bincount(season, ~odd, minlength=seasons) > 0)[season]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(trend > 0, np.where(odd, np.nan, values) / trend, np.nan)
        fresh = _normal(_by_season(ratios, season, seasons, np.median))
        index = np.where(np.isnan(fresh), index, fresh)
    index = _normal(index)
    return plain if _loses(index, values, season) else index


def _without_gross(values: np.ndarray, season: np.ndarray) -> np.ndarray:
    """Values of many times the others, in their own season too, at the middle of these.

    Of two or three cycles the middle ratio is that of one or two values, which one such value
    makes its own.
    """
    size = np.abs(values)
    whole = float(np.median(size))
    out = values.copy()
    for i in np.flatnonzero(size > _GROSS * whole) if whole > 0 else ():  # sales come rarely
        same = season == season[i]
        same[i] = False
        if same.any() and size[i] > _GROSS * max(float(np.median(size[same])), whole):
            out[i] = np.median(values[same])
    return out


def _loses(index: np.ndarray, values: np.ndarray, season: np.ndarray) -> bool:
    """Whether seasons without an index hold sales that count.

    With sales in less than half of the periods the middle value is zero; the season is not.
    """
    return bool(values[~(index[season] > 0)].sum() > _MOST_LOST * values.sum())


def _ratios(values: np.ndarray, cycle: int, *, robust: bool) -> np.ndarray:
    """Value over centred moving average (or median); NaN where a whole cycle does not reach."""
    trend = np.full(len(values), np.nan)
    if robust:  # one odd period would pull the averages of a whole cycle
        windows = np.lib.stride_tricks.sliding_window_view(values, cycle)
        middle = np.median(windows, axis=1)
        if cycle % 2 == 0:  # two whole cycles, half a period to either side
            middle = 0.5 * (middle[1:] + middle[:-1])
        half = cycle // 2
        trend[half : half + len(middle)] = middle
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(trend > 0, values / trend, np.nan)
    weights = np.ones(cycle) / cycle
    if cycle % 2 == 0:
        weights = np.r_[0.5, np.ones(cycle - 1), 0.5] / cycle
    half = len(weights) // 2
    inner = np.convolve(values, weights, mode="valid")
    trend[half : half + len(inner)] = inner
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(trend > 0, values / trend, np.nan)


def _trend_through(values: np.ndarray, index: np.ndarray, cycle: int) -> np.ndarray:
    """Level without season: local lines through the deseasonalised series, by median slopes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(index > 0, values / index, np.nan)
    t = np.arange(len(level))
    good = np.isfinite(level)
    half = max(cycle // 2, 2)
    if good.all() and len(level) > 1:
        return np.maximum(_resistant_lines(level, half), 0.0)
    out = np.empty(len(level))
    for i in range(len(level)):
        low = min(max(0, i - half), max(0, len(level) - 2 * half - 1))
        at = np.arange(low, min(len(level), low + 2 * half + 1))
        at = at[good[at]]
        if len(at) < 2:
            out[i] = np.nanmedian(level)
            continue
        middle = len(at) // 2
        left, right = at[:middle], at[len(at) - middle :]
        # Resistant line: medians of the two halves give slope and level.
        run = float(np.median(t[right]) - np.median(t[left]))
        slope = float(np.median(level[right]) - np.median(level[left])) / run if run else 0.0
        out[i] = float(np.median(level[at] - slope * (t[at] - i)))
    return np.maximum(out, 0.0)


def _resistant_lines(level: np.ndarray, half: int) -> np.ndarray:
    """The same lines where no level is missing, all windows at once."""
    t = np.arange(len(level))
    width = min(len(level), 2 * half + 1)
    low = np.clip(t - half, 0, len(level) - width)
    windows = np.lib.stride_tricks.sliding_window_view(level, width)[low]
    middle = width // 2
    run = float(np.median(t[width - middle : width]) - np.median(t[:middle]))
    rise = np.median(windows[:, width - middle :], axis=1) - np.median(windows[:, :middle], axis=1)
    at = low[:, None] + np.arange(width) - t[:, None]
    return np.asarray(np.median(windows - (rise / run)[:, None] * at, axis=1))


def _by_season(
    values: np.ndarray, season: np.ndarray, seasons: int, centre: Callable[[np.ndarray], float]
) -> np.ndarray:
    """Centre of the values of each season, NaN where there are none."""
    out = np.full(seasons, np.nan)
    for s in np.unique(season):
        mine = values[(season == s) & np.isfinite(values)]
        if len(mine):
            out[s] = centre(mine)
    return out


def _normal(index: np.ndarray) -> np.ndarray:
    """Mean 1 over the seasons that occur; all alike where everything is zero."""
    index = np.where(index < 0, 0.0, index)
    have = np.isfinite(index)
    total = float(index[have].sum())
    if total <= 0:
        return np.where(have, 1.0, np.nan)
    return index * (have.sum() / total)
