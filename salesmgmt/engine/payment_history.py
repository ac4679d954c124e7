"""What was known of a payer on a day: running sums over what had happened before it.

Every quantity is a sum over a customer's invoices of which something had happened (issued, fallen
due, settled) before a day; so each is one sort and one search, for all customers and days at once.
Nothing that happened on the day itself or later can enter.
"""

from __future__ import annotations

import numpy as np

__all__ = ["NEVER", "Past", "common_median", "running_median"]

NEVER = 2**40


class Past:
    """Invoices of all customers with the days on which they were issued, due and settled."""

    def __init__(
        self, customer: np.ndarray, issued: np.ndarray, due: np.ndarray, settled: np.ndarray
    ) -> None:
        self.customer, self.issued = customer, issued
        self.due, self.settled = np.maximum(due, issued), settled

    def sums(
        self,
        happened: np.ndarray,
        values: dict[str, np.ndarray],
        who: np.ndarray,
        day: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Sum of each of ``values`` over the invoices of ``who`` that happened before ``day``."""
        order, at, first = self._place(happened, who, day)
        out = {}
        for name, value in values.items():
            upto = np.concatenate([[0.0], np.cumsum(value[order])])
            out[name] = upto[at] - upto[first]
        return out

    def faded(
        self,
        happened: np.ndarray,
        values: dict[str, np.ndarray],
        who: np.ndarray,
        day: np.ndarray,
        half_life: float,
    ) -> dict[str, np.ndarray]:
        """As ``sums``, each value halved for every ``half_life`` days between then and ``day``."""
        order, at, first = self._place(happened, who, day)
        if not len(order):
            return {name: np.zeros(len(who)) for name in values}
        when, own = happened[order], self.customer[order]
        keep = np.zeros(len(order))
        keep[1:] = np.where(own[1:] == own[:-1], np.exp2(-np.diff(when) / half_life), 0.0)
        held = _fading(keep, np.stack([value[order] for value in values.values()]))
        last = np.maximum(at - 1, 0)
        since = np.where(at > first, np.exp2((when[last] - day) / half_life), 0.0)
        return dict(zip(values, held[:, last] * since, strict=True))

    def last(
        self, happened: np.ndarray, value: np.ndarray, who: np.ndarray, day: np.ndarray
    ) -> np.ndarray:
        """``value`` of the latest invoice that happened before ``day``; NaN where there is none."""
        order, at, first = self._place(happened, who, day)
        if not len(order):
            return np.full(len(who), np.nan)
        return np.where(at > first, value[order][np.maximum(at - 1, 0)], np.nan)

    def _place(
        self, happened: np.ndarray, who: np.ndarray, day: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        use = np.flatnonzero(happened < NEVER)
        # Ties in a day: by due date, then issue date, so that the order of rows is no input.
        keys = (self.issued[use], self.due[use], happened[use], self.customer[use])
        order = use[np.lexsort(keys)]
        low = int(min(happened[use].min(initial=0), day.min(initial=0))) - 1
        span = int(max(happened[use].max(initial=0), day.max(initial=0))) - low + 2
        key = self.customer[order] * span + (happened[order] - low)
        at = np.searchsorted(key, who * span + (day - low), side="left")
        first = np.searchsorted(key, who * span, side="left")
        return order, at, first


def _fading(keep: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``out[i] = keep[i] * out[i - 1] + values[i]``; each pass doubles how far back it reaches.

    One running sum of weights that grow with time would lose the early ones beside the late.
    """
    out, keep, step = values.astype(np.float64), keep.copy(), 1
    while step < len(keep) and keep.any():
        out[:, step:] = out[:, step:] + keep[step:] * out[:, :-step]
        keep[step:] = keep[step:] * keep[:-step]
        step *= 2
    return out


def running_median(
    customer: np.ndarray,
    happened: np.ndarray,
    value: np.ndarray,
    who: np.ndarray,
    day: np.ndarray,
) -> np.ndarray:
    """Median of ``value`` over what had happened to ``who`` before ``day``; NaN where nothing."""
    from bisect import insort

    use = np.flatnonzero(happened < NEVER)
    # Queries come before events of the same day: that day's settlements are not known yet.
    owner = np.concatenate([who, customer[use]])
    when = np.concatenate([day, happened[use]])
    kind = np.concatenate([np.zeros(len(who)), np.ones(len(use))])
    held = np.concatenate([np.zeros(len(who)), value[use]])
    out = np.full(len(who), np.nan)
    seen: list[float] = []
    before = -1
    for i in np.lexsort((kind, when, owner)).tolist():
        if owner[i] != before:
            seen, before = [], owner[i]
        if i >= len(who):
            insort(seen, float(held[i]))
        elif seen:
            middle = len(seen) // 2
            out[i] = seen[middle] if len(seen) % 2 else 0.5 * (seen[middle - 1] + seen[middle])
    return out


def common_median(happened: np.ndarray, value: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Median of ``value`` over everything that had happened before each day; NaN where nothing.

    One histogram of the distinct values grows day by day.
    """
    use = np.flatnonzero(happened < NEVER)
    order = use[np.argsort(happened[use], kind="stable")]
    levels, level = np.unique(value[order], return_inverse=True)
    days, back = np.unique(day, return_inverse=True)
    upto = np.searchsorted(happened[order], days, side="left")
    held = np.zeros(len(levels), dtype=np.int64)
    out, done = np.full(len(days), np.nan), 0
    for k, count in enumerate(upto.tolist()):
        held += np.bincount(level[done:count], minlength=len(levels))
        done = count
        if count:
            rank = np.cumsum(held)
            low, high = np.searchsorted(rank, [(count + 1) // 2, count // 2 + 1])
            out[k] = 0.5 * (levels[low] + levels[high])
    return out[back]
