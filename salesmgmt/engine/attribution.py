"""Credit for a conversion shared out among the channels that touched it.

References
----------
.. [1] E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, "Mapping the customer journey:
   lessons learned from graph-based online attribution modeling", International Journal of
   Research in Marketing 33 (2016), 457-474 (removal effect of a Markov chain).
.. [2] K. Zhao, S. H. Mahboobi, S. R. Bagheri, "Revenue-based attribution modeling for online
   advertising", International Journal of Market Research 61 (2019), 195-209 (Shapley).
.. [3] L. S. Shapley, "A value for n-person games", Contributions to the Theory of Games 2 (1953).
"""

from __future__ import annotations

import numpy as np

__all__ = ["markov_removal", "shapley", "touch_weights"]


def touch_weights(
    position: np.ndarray,
    length: np.ndarray,
    days_before: np.ndarray,
    *,
    model: str,
    half_life: float,
    ends: float,
) -> np.ndarray:
    """Weight of each touch in its path by a rule; weights of a path are in proportion.

    ``position`` counts from 0; ``ends`` is the share of the first and of the last touch.
    """
    last = position == length - 1
    if model == "first":
        return (position == 0).astype(float)
    if model == "last":
        return last.astype(float)
    if model == "linear":
        return 1.0 / length
    if model == "time_decay":
        return np.power(0.5, days_before / half_life)
    middle = (1 - 2 * ends) / np.maximum(length - 2, 1)
    weight = np.where((position == 0) | last, ends, middle)
    weight = np.where(length == 2, 0.5, weight)
    return np.where(length == 1, 1.0, weight)


def markov_removal(
    paths: list[np.ndarray], value: np.ndarray, count: np.ndarray, channels: int
) -> np.ndarray:
    """Share of each channel by how much conversion is lost when it is taken out.

    First-order chain: start, channels, won, lost. ``value`` is the converted value of a path's
    journeys (their number where no value is known), ``count`` their number; a path converts
    with probability ``value / count`` scaled to at most 1.
    """
    start, win, lose = channels, channels + 1, channels + 2
    step = np.zeros((channels + 3, channels + 3))
    share = value / count
    share = share / max(float(share.max(initial=0.0)), 1e-300)
    for path, n, p in zip(paths, count, share, strict=True):
        if not len(path):
            continue
        step[start, path[0]] += n
        np.add.at(step, (path[:-1], path[1:]), n)
        step[path[-1], win] += n * p
        step[path[-1], lose] += n * (1 - p)
    rows = step.sum(axis=1, keepdims=True)
    step = np.divide(step, rows, out=np.zeros_like(step), where=rows > 0)
    whole = _reach(step, channels, np.ones(channels, dtype=bool))
    effect = np.zeros(channels)
    for c in range(channels):
        kept = np.ones(channels, dtype=bool)
        kept[c] = False
        effect[c] = max(1 - _reach(step, channels, kept) / whole, 0.0) if whole > 0 else 0.0
    total = effect.sum()
    return effect / total if total > 0 else np.full(channels, 1.0 / channels)


def _reach(step: np.ndarray, channels: int, kept: np.ndarray) -> float:
    """Probability of getting from the start to the win through the channels kept."""
    inner = np.flatnonzero(np.append(kept, True))
    among = step[np.ix_(inner, inner)]
    hit = np.linalg.solve(np.eye(len(inner)) - among, step[inner, channels + 1])
    return float(hit[-1])


def shapley(
    sets: np.ndarray, value: np.ndarray, channels: int, *, draws: int | None = None, seed: int = 0
) -> np.ndarray:
    """Shapley value of each channel; adds up to the total value.

    ``sets`` (journeys, channels) marks the channels of each converted journey, ``value`` what it
    was worth. A coalition is worth the journeys that need no other channel: a sum of one game
    for each journey, in which its channels are worth it together and nothing apart. Such a game
    has the same value for each of its channels, and values add up over games (Shapley 1953),
    so that no coalition has to be counted. With ``draws`` it is estimated from so many random
    orders of entry and their reverses: the channel that comes last completes a journey and takes
    its value.
    """
    if draws is None:
        who, at = np.nonzero(sets)
        each = value / np.maximum(np.bincount(who, minlength=len(value)), 1)
        return np.bincount(at, weights=each[who], minlength=channels)
    rng = np.random.default_rng(seed)
    sets, group = np.unique(sets, axis=0, return_inverse=True)
    value = np.bincount(group.reshape(-1), weights=value, minlength=len(sets))
    out = np.zeros(channels)
    for _ in range(draws):
        order = rng.permutation(channels)
        for one in (order, order[::-1]):
            place = np.empty(channels, dtype=np.int64)
            place[one] = np.arange(channels)
            last = np.where(sets, place, -1).max(axis=1)
            np.add.at(out, one[last[last >= 0]], value[last >= 0])
    return out / (2 * draws)
