"""Periods without a sale: before a launch, while closed for once, and how likely one is ahead.

Intervals learned from series that hardly ever stop do not know of it: where one period in ten is
empty, the lower end of a 95 % interval is zero.

References
----------
S. R. Searle, G. Casella, C. E. McCulloch, "Variance Components", Wiley 1992, chapter 3 (the share
of variance between places by analysis of variance).
"""

from __future__ import annotations

import numpy as np

from .decomposition import fill_gaps

__all__ = ["chance_of_nothing", "rows_before_launch", "without_closures"]

_NEWEST = 36  # values that say how often it happens now
_SOLD = 3  # periods with a sale that make a launch
_STEADY = 0.7  # of the periods since then with a sale: slow sellers may have been slow before
_EVEN = 0.5  # standard deviation of values since then, in means
_CHANCE = 1e-3  # of as many zeros in a row by accident
_CYCLES = 3  # of the season that tell places apart
_SHUT = 0.1  # of the median that a closure leaves at most
_CLOSED = 0.1  # most of the values that closures are
_AWAY = 0.5  # of the median that all others lie above: zero is further than they reach
_OTHERS = 10  # values that are not zero
_BY_CALENDAR = {7, 24}  # days and hours: what is closed comes back by dates


def rows_before_launch(y: np.ndarray, n: np.ndarray) -> np.ndarray:
    """How many zeros each column begins with that belong to the time before it was sold.

    Those that would hardly be there by chance, given how often something was sold in a period
    since, and outlast every later pause (a product of one season has pauses like that).
    """
    known, row = np.isfinite(y), np.arange(len(y))[:, None]
    sold = known & (y != 0)
    begun = np.where(sold, row, len(y)).min(axis=0, initial=len(y))
    hits = sold.sum(axis=0)
    rate = hits / (np.maximum(n - begun, 0) + 1)
    last = np.maximum.accumulate(np.where(sold, row, -1), axis=0)
    pause = np.where((row < n) & (last >= 0), row - last, 0).max(axis=0, initial=0)
    leading = (known & (y == 0) & (row < begun)).sum(axis=0)
    since = known & (row >= begun)
    count = np.maximum(since.sum(axis=0), 1)
    mean = np.where(since, y, 0.0).sum(axis=0) / count
    away = np.where(since, y - mean, 0.0) / np.where(mean != 0, np.abs(mean), 1.0)
    spread = np.sqrt((away**2).sum(axis=0) / np.maximum(count - 1, 1))
    launched = (hits >= _SOLD) & (rate > _STEADY) & (leading > pause)
    launched &= (spread < _EVEN) & (mean != 0)
    launched &= (1 - rate) ** leading < _CHANCE
    return np.where(launched, begun, 0)


def without_closures(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """``y`` (time, series) with likely values where a column was closed for once (a lockdown).

    Next to nothing in a record that is nowhere near it otherwise, at places around which
    something was sold in all other cycles. What lasts to the end may go on, and stays.
    """
    if m in _BY_CALENDAR:
        return y
    begun = np.cumsum(np.isfinite(y) & (y != 0), axis=0) > 0
    known = np.isfinite(y) & begun
    count = known.sum(axis=0)
    mean = np.where(known, y, 0.0).sum(axis=0) / np.maximum(count, 1)
    shut = (known & (y <= 2 * _SHUT * mean)).sum(axis=0)  # roughly: closures are few
    some = (shut > 0) & (shut <= _CLOSED * count) & (count - shut >= _OTHERS)
    some &= ((known & (y < _AWAY / 2 * mean)).sum(axis=0) == shut) & ~(y < 0).any(axis=0)
    out = y
    for j in np.flatnonzero(some):
        first = int(np.flatnonzero(begun[:, j])[0])
        at = first + _shut(y[first : n[j], j], m)
        if len(at):
            out = y.copy() if out is y else out
            out[at, j] = np.nan
            out[first : n[j], [j]] = fill_gaps(out[first : n[j], [j]], n[[j]] - first, m)
    return out


def _shut(x: np.ndarray, m: int) -> np.ndarray:
    """Rows of closures that are over and happened once; the first is none."""
    usual = np.nanmedian(x)
    low = x <= _SHUT * usual
    low[0] = False
    if (np.isfinite(x) & ~low & (x <= _AWAY * usual)).any():
        return np.empty(0, dtype=np.int64)
    open_again = np.flatnonzero(np.isfinite(x) & ~low)[-1]
    rows = [int(r) for r in np.flatnonzero(low) if r < open_again]
    return np.array([r for r in rows if _only_once(low, x, r, m)], dtype=np.int64)


def _only_once(low: np.ndarray, x: np.ndarray, row: int, m: int) -> bool:
    """Whether other cycles sold something at this place, and a month to either side of it.

    Spring Festival and Easter move by as much: their closures are of every year. One cycle at
    least must show the whole of these places.
    """
    if m <= 1:
        return True
    others = np.arange(row % m, len(x), m)
    beside = np.arange(-(m // 12), m // 12 + 1)
    near = others[others != row][:, None] + beside
    there = (near >= 0) & (near < len(x))
    near = np.clip(near, 0, len(x) - 1)
    whole = (there & np.isfinite(x[near])).all(axis=1)
    return bool(whole.any() and not (there & low[near]).any())


def chance_of_nothing(y: np.ndarray, n: np.ndarray, horizon: int, m: int) -> np.ndarray:
    """Chance of a zero ``1, 2, ... horizon`` periods after each column's row ``n - 1``.

    ``(horizon, series)``; 0 for columns that are ever below zero. Zeros before the first sale do
    not count. The newest values (three seasons, at least 36) are counted, half a zero less than
    there were, so that a single one says little. Each place of the season has its own share,
    drawn to that of all places as far as zeros fall anywhere.
    """
    known, row = np.isfinite(y), np.arange(len(y))[:, None]
    begun = np.where(known & (y != 0), row, len(y)).min(axis=0, initial=len(y))
    counted = known & (row >= np.maximum(begun, n - max(_CYCLES * m, _NEWEST)))
    zero = counted & (y == 0)
    low = np.where(known, y, np.inf).min(axis=0, initial=np.inf)
    number = counted.sum(axis=0)
    share = np.maximum(zero.sum(axis=0) - 0.5, 0.0) / (number + 1.0)
    share = np.where(low < 0, 0.0, share)
    out = np.repeat(share[None], horizon, axis=0)
    which = np.flatnonzero((share > 0) & (number >= _CYCLES * m) & (m > 1))
    if len(which):
        from_end = (n[which] - 1 - row) % m  # place of a row, counted back from the last
        own = _by_place(zero[:, which], counted[:, which], from_end, share[which], m)
        ahead = (m - 1 - np.arange(horizon)) % m
        out[:, which] = own[ahead]
    return out


def _by_place(
    zero: np.ndarray, counted: np.ndarray, place: np.ndarray, share: np.ndarray, m: int
) -> np.ndarray:
    """Share of zeros at each place of the season (places, series), drawn together."""
    sizes = np.stack([(counted & (place == k)).sum(axis=0) for k in range(m)])
    hits = np.stack([(zero & (place == k)).sum(axis=0) for k in range(m)])
    own = hits / np.maximum(sizes, 1)
    mean = hits.sum(axis=0) / sizes.sum(axis=0)
    within = (sizes * own * (1 - own)).sum(axis=0) / np.maximum(sizes.sum(axis=0) - m, 1)
    between = (sizes * (own - mean) ** 2).sum(axis=0) / (m - 1)
    usual = sizes.sum(axis=0) / m
    apart = np.maximum(between - within, 0.0)
    total = apart + usual * within
    rho = np.where(total > 0, apart / np.where(total > 0, total, 1.0), 0.0)
    weight = rho * sizes / (1 + (sizes - 1) * rho)
    return weight * own + (1 - weight) * share
