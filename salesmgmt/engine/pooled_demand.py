"""Items that sell so seldom that each alone says little: what they share with their like.

Cells are sales (or explicit zeros) of items: ``code`` says whose, ``age`` how many periods ago,
``value`` how much. The chance of a sale is drawn to that of the group, the sizes of sales to the
shape of the group's. How fast the past is forgotten, which no single item could say, is learned
from all of them.

References
----------
A. Dolgui, M. Pashkevich, "Extended beta-binomial model for demand forecasting of multiple
slow-moving inventory items", International Journal of Systems Science 39 (2008), 713-726.
T. R. Willemain, C. N. Smart, H. F. Schwarz, "A new approach to forecasting intermittent demand for
service parts inventories", International Journal of Forecasting 20 (2004), 375-387 (sizes are
taken from those seen).
"""

from __future__ import annotations

import numpy as np

__all__ = ["Sizes", "decay", "recent_rates"]

_HALVES = (2, 3, 5, 8, 13, 20, 35)  # periods after which the past may count half
_START = 4  # periods before the first that is predicted
_WORTH = 0.25  # periods of its own that the group's chance counts as
_OWN = 10.0  # sales of its own from which an item's sizes outweigh the group's
_STEPS = 40  # of the group's distribution of sizes
_NEAR = 1e-9  # shares this close are one: levels such as 0.9 and chances such as 0.1 are rounded


def decay(sold: np.ndarray, known: np.ndarray, group: np.ndarray) -> float:
    """Weight of a period against the next newer one.

    The one under which the chances of each period, learned from the periods before, make what
    was sold and not sold likeliest.

    Parameters
    ----------
    sold, known : (time, items) bool arrays
        Whether each item had a sale, and whether that is known.
    group : (items,) int array
        Items of one group are alike.
    """
    keep = [0.5 ** (1 / half) for half in _HALVES]
    return keep[int(np.argmax([_likelihood(sold, known, group, k) for k in keep]))]


def _likelihood(sold: np.ndarray, known: np.ndarray, group: np.ndarray, keep: float) -> float:
    """Logarithm of the probability of sale and no sale, period by period."""
    hits, seen = np.zeros((2, sold.shape[1]))
    total = 0.0
    for t in range(len(sold)):
        if t >= _START:
            usual = (np.bincount(group, hits) + 0.5) / (np.bincount(group, seen) + 1.0)
            chance = np.clip((hits + _WORTH * usual[group]) / (seen + _WORTH), 1e-3, 1 - 1e-3)
            odds = np.where(sold[t], np.log(chance), np.log1p(-chance))
            total += float(odds[known[t] & (seen > 0)].sum())
        hits, seen = keep * hits + sold[t], keep * seen + known[t]
    return total


def recent_rates(
    code: np.ndarray,
    age: np.ndarray,
    value: np.ndarray,
    known: np.ndarray,
    group: np.ndarray,
    keep: float,
) -> np.ndarray:
    """Amount a period of each item.

    Parameters
    ----------
    code, age, value : (cells,) arrays
        Item, periods ago, amount; below zero for returns.
    known : (time, items) bool array
        Periods known of each item; the last row is the newest.
    group : (items,) int array
        Items of one group are alike.
    keep : float
        Weight of a period against the next newer one.

    Returns
    -------
    (items,) array
        At or above zero.
    """
    count = len(group)
    seen = keep ** np.arange(len(known))[::-1] @ known
    weight = keep**age
    sold = np.bincount(code, weight * (value > 0), count)
    chance = np.bincount(group, sold) / np.maximum(np.bincount(group, seen), 1e-12)
    amount = np.bincount(code, weight * value, count)
    prior = chance[group] * _mean_size(code, value, count)
    return np.asarray(np.maximum(amount + _WORTH * prior, 0.0) / (seen + _WORTH))


def _mean_size(code: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """Mean sale of each item, zero without one."""
    some = value > 0
    total = np.bincount(code[some], value[some], count)
    return np.asarray(total / np.maximum(np.bincount(code[some], minlength=count), 1))


class Sizes:
    """How large the sales of each item are: its own, and those of its group scaled to its mean.

    Parameters
    ----------
    code, value : (cells,) arrays
        Item and amount of the cells; those at or below zero are no sales.
    group : (items,) int array
        Group of each item; every item has a sale.
    """

    def __init__(self, code: np.ndarray, value: np.ndarray, group: np.ndarray):
        some = value > 0
        code, value = code[some], value[some]
        items = np.arange(len(group))
        usual = _mean_size(code, value, len(group))
        shapes = self._shapes(group, code, value / usual[code])
        self.whole = np.bincount(code, value % 1 != 0, len(group)) == 0
        lent = shapes[group] * usual[:, None]
        lent = np.where(self.whole[:, None], np.maximum(np.rint(lent), 1.0), lent)
        number = np.bincount(code, minlength=len(group))
        share = 1.0 / (number + _OWN)
        item = np.concatenate([code, np.repeat(items, _STEPS)])
        size = np.concatenate([value, lent.ravel()])
        weight = np.concatenate([share[code], np.repeat(share * _OWN / _STEPS, _STEPS)])
        order = np.lexsort((weight, size, item))
        item, self._size, weight = item[order], size[order], weight[order]
        self._last = np.cumsum(np.bincount(item, minlength=len(group))) - 1
        run = np.cumsum(weight)
        before = np.concatenate([[0.0], run[self._last[:-1]]])
        # one sorted line for all items: number of the item and share of its sales up to here
        self._place = item + np.minimum(run - before[item], 1.0)
        self._place[self._last] = items + 1.0
        self.mean = np.bincount(item, weight * self._size, len(group))

    @staticmethod
    def _shapes(group: np.ndarray, code: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        """Quantiles of the sales of each group against the mean of their item."""
        middle = (np.arange(_STEPS) + 0.5) / _STEPS
        order = np.argsort(group[code], kind="stable")
        cuts = np.cumsum(np.bincount(group[code]))[:-1]
        return np.array([np.quantile(r, middle) for r in np.split(ratio[order], cuts)])

    def chance(self, rate: np.ndarray) -> np.ndarray:
        """Probability of a sale in a period with so much expected, (items, periods)."""
        return np.asarray(np.minimum(rate / self.mean[:, None], 1.0))

    def quantile(self, level: float, rate: np.ndarray) -> np.ndarray:
        """Quantile of what is sold in a period with so much expected, (items, periods)."""
        chance = self.chance(rate)
        more = np.maximum(rate / self.mean[:, None], 1.0)  # sells always: then more at a time
        with np.errstate(divide="ignore", invalid="ignore"):
            within = np.where(chance > 0, (level - (1 - chance)) / chance, -1.0)
        item = np.arange(len(rate))[:, None]
        at = np.searchsorted(self._place, item + np.clip(within, 0, 1) - _NEAR)
        size = self._size[np.clip(at, 0, self._last[:, None])] * more
        size = np.where(self.whole[:, None], np.rint(size), size)
        return np.where(within > _NEAR, size, 0.0)
