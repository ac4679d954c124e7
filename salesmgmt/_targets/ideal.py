"""The plan before rounding: weights by shape, scaled to the totals, within the limits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..engine.apportionment import bounded_shares
from ..engine.controlled_rounding import Tree
from ..engine.laminar_shares import implied_bounds, laminar_shares
from ..errors import InputError
from .limits import FAR, Limits
from .organisation import node_name
from .spans import Spans, stamps

__all__ = ["bounded_ideal", "free_ideal", "mass_of"]


def mass_of(share: np.ndarray, shape: np.ndarray, block: np.ndarray, blocks: int) -> np.ndarray:
    """Weight of every cell, shape (n, m).

    Keys with a shape of their own: the shape says when, the weights how much.
    """
    if shape.ndim == 2:
        sums = block_sums(shape, block, blocks)[:, block]
        shape = np.divide(shape, sums, out=np.zeros_like(shape), where=sums > 0)
    return (share if share.ndim == 2 else share[:, None]) * shape


def block_sums(values: np.ndarray, block: np.ndarray, blocks: int) -> np.ndarray:
    """Row sums within each block of columns, shape (n, blocks)."""
    if blocks == 1:
        return values.sum(axis=1)[:, None]
    out = np.zeros((len(values), blocks))
    for b in range(blocks):
        out[:, b] = values[:, block == b].sum(axis=1)
    return out


def free_ideal(
    amounts: np.ndarray,
    block: np.ndarray,
    share: np.ndarray,
    shape: np.ndarray,
    spans: Spans,
    *,
    caller: str,
) -> np.ndarray:
    """Real-valued plan in whole steps without limits, shape (n, m)."""
    count = len(amounts)
    if share.ndim == 1 and shape.ndim == 1:
        mass = np.bincount(block, weights=shape, minlength=count)
        _check_mass(mass, amounts, block, spans, caller=caller)
        column = _ratio(amounts, mass)[block] * shape
        return np.outer(share / share.sum(), column)
    product = mass_of(share, shape, block, count)
    mass = np.bincount(block, weights=product.sum(axis=0), minlength=count)
    _check_mass(mass, amounts, block, spans, caller=caller)
    return product * _ratio(amounts, mass)[block]


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.zeros(len(b)), where=b > 0)


def _check_mass(
    mass: np.ndarray, amounts: np.ndarray, block: np.ndarray, spans: Spans, *, caller: str
) -> None:
    bad = np.flatnonzero((mass <= 0) & (amounts != 0))
    if len(bad):
        at = np.flatnonzero(block == bad[0])
        first, last = stamps(np.array([spans.start[at[0]], spans.end[at[-1]]]))
        raise InputError(
            f"{caller}(): profile, calendar and weights are all zero between {first.date()} and "
            f"{last.date()}, so its total can go nowhere."
        )


def bounded_ideal(
    amounts: np.ndarray,
    block: np.ndarray,
    share: np.ndarray,
    shape: np.ndarray,
    limits: Limits,
    organisation: pd.Index | None,
    tree: Tree,
    spans: Spans,
    step: float,
    *,
    caller: str,
) -> np.ndarray:
    """Real-valued plan within limits: rows first, then each row's own cells.

    A lock or floor on a cell leaves its row's total as it is (the rest of the row gives way)
    unless the row cannot hold it; then the other rows of its family give way.
    """
    mass = mass_of(share, shape, block, len(amounts))
    tell = _Teller(organisation, tree, spans, step, caller)
    price = np.ones(len(spans))
    if limits.periods is not None:
        tell.check_periods(limits, amounts, block)
    for attempt in range(500):
        ideal = _fill_blocks(amounts, block, mass * price, limits, tree, tell)
        if limits.periods is None or _settled(ideal, limits.periods, price):
            return ideal
        if attempt == 0 and not np.isfinite(price).all():
            break
    raise InputError(
        f"{caller}(): the limits of periods contradict those of keys or cells: no plan within "
        f"all of them was found. {tell.worst_period(ideal, limits.periods)}"
    )


def _settled(ideal: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], price: np.ndarray) -> bool:
    """Whether all period totals are in bounds; moves the prices of those that are not."""
    low, high = bounds
    sums = ideal.sum(axis=0)
    # As close as rounding needs: a total on its bound must be seen as whole.
    grain = 1e-9 + 128 * np.finfo(np.float64).eps * np.abs(sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        over = np.where(sums > 0, high / sums, 1.0)
        under = np.where(sums > 0, low / sums, 1.0)
    fine = (sums <= high + grain) & (sums >= low - grain)
    held = ((price < 1) & (sums < high - grain)) | ((price > 1) & (sums > low + grain))
    if fine.all() and not held.any():
        return True
    price *= np.where(sums > high, over, 1.0) * np.where(sums < low, under, 1.0)
    # A price that is no longer needed goes back towards 1, never past it.
    price[:] = np.where(held & (price < 1), np.minimum(1.0, price * over), price)
    price[:] = np.where(held & (price > 1), np.maximum(1.0, price * under), price)
    return False


def _fill_blocks(
    amounts: np.ndarray,
    block: np.ndarray,
    mass: np.ndarray,
    limits: Limits,
    tree: Tree,
    tell: _Teller,
) -> np.ndarray:
    """Each block of columns: totals of rows within bounds, then cells of rows within bounds."""
    out = np.zeros(mass.shape)
    everything = max(float(amounts.sum()), 1.0)
    for b, total in enumerate(amounts):
        at = slice(None) if len(amounts) == 1 else np.flatnonzero(block == b)
        weights = mass[:, at]
        if limits.cells is None:
            low = np.zeros(weights.shape)
            high = np.where(weights > 0, FAR, 0.0)
        else:
            low, high = (bound[:, at] for bound in limits.cells)
        cap = float(total)
        row_low, row_high = low.sum(axis=1), np.minimum(high, cap).sum(axis=1)
        part = float(total) / everything
        bounds = _node_bounds(limits, row_low, row_high, part, tree)
        tell.check_room(float(total), bounds)
        rows = laminar_shares(float(total), weights.sum(axis=1), tree, *bounds)
        out[:, at], _ = bounded_shares(rows, weights, low, np.minimum(high, cap))
    return out


def _node_bounds(
    limits: Limits, row_low: np.ndarray, row_high: np.ndarray, part: float, tree: Tree
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Bounds of all levels: given ones (their part of this block) and what cells imply."""
    levels = len(tree.parents)
    if limits.nodes is None:
        low = [np.zeros(len(p)) for p in tree.parents]
        high = [np.full(len(p), FAR) for p in tree.parents]
    else:
        low = [level * part for level in limits.nodes[0]]
        high = [np.where(level < FAR, level * part, FAR) for level in limits.nodes[1]]
    low[levels - 1] = np.maximum(low[-1], row_low)
    high[levels - 1] = np.minimum(high[-1], row_high)
    return implied_bounds(tree, low, high)


# --------------------------------------------------------------------------------------
# Telling a contradiction


class _Teller:
    """Turns bounds that leave no room into a message with a smallest contradicting set."""

    def __init__(
        self, organisation: pd.Index | None, tree: Tree, spans: Spans, step: float, caller: str
    ) -> None:
        self.organisation, self.tree, self.spans = organisation, tree, spans
        self.step, self.caller = step, caller

    def amount(self, whole: float) -> str:
        return f"{whole * float(self.step):.12g}"

    def node(self, level: int, at: int) -> str:
        return node_name(self.organisation, self.tree, level, at)

    def check_room(
        self,
        total: float,
        bounds: tuple[list[np.ndarray], list[np.ndarray]],
    ) -> None:
        """Each node must have room between its implied bounds, and the root for the total."""
        low, high = bounds
        grain = 1e-6
        for k in range(len(low) - 1, -1, -1):
            bad = np.flatnonzero(low[k] > high[k] + grain)
            if len(bad):
                self._crossed(k, int(bad[0]), low, high)
        least, most = float(low[0].sum()), float(high[0].sum())
        if least > total + grain:
            self._too_much(total, low)
        if most < total - grain:
            caps = sorted(self._caps(high), key=lambda pair: -pair[0])
            named = ", ".join(f"{name}: {self.amount(v)}" for v, name in caps[:5])
            raise InputError(
                f"{self.caller}(): caps and locks contradict the total {self.amount(total)}: "
                f"{len(caps)} of them ({named}{', ...' if len(caps) > 5 else ''}) hold "
                f"{self.amount(most)} at most, {self.amount(total - most)} too little. "
                "Each of them is needed for the contradiction: raise one."
            )

    def _crossed(self, level: int, at: int, low: list[np.ndarray], high: list[np.ndarray]) -> None:
        floor, cap = float(low[level][at]), float(high[level][at])
        inner = level + 1 < len(low)
        below = ""
        if inner:
            children = np.flatnonzero(self.tree.parents[level + 1] == at)
            values = low[level + 1][children]
            order = np.argsort(-values, kind="stable")
            count = int(np.argmax(np.cumsum(values[order]) > cap)) + 1
            named = ", ".join(
                f"{self.node(level + 1, int(children[i]))}: {self.amount(float(values[i]))}"
                for i in order[: min(count, 5)]
            )
            below = f" ({count} below it are enough: {named})"
        raise InputError(
            f"{self.caller}(): limits of {self.node(level, at)} contradict each other: floors "
            f"and locks make {self.amount(floor)}{below}, caps leave {self.amount(cap)} "
            f"(gap {self.amount(floor - cap)})."
        )

    def _too_much(self, total: float, low: list[np.ndarray]) -> None:
        floors = self._floors(low)
        floors.sort(key=lambda pair: -pair[0])
        reached, count = 0.0, 0
        while reached <= total and count < len(floors):
            reached += floors[count][0]
            count += 1
        named = ", ".join(f"{name}: {self.amount(v)}" for v, name in floors[: min(count, 5)])
        least = float(low[0].sum())
        raise InputError(
            f"{self.caller}(): floors and locks contradict the total {self.amount(total)}: "
            f"{count} of them ({named}{', ...' if count > 5 else ''}) already make "
            f"{self.amount(reached)}; all together are over by {self.amount(least - total)}."
        )

    def _floors(self, low: list[np.ndarray]) -> list[tuple[float, str]]:
        """The nodes whose own floors make up the floor of the root."""
        out: list[tuple[float, str]] = []

        def visit(level: int, nodes: np.ndarray) -> None:
            for at in nodes:
                value = float(low[level][at])
                if value <= 0:
                    continue
                if level + 1 < len(low):
                    children = np.flatnonzero(self.tree.parents[level + 1] == at)
                    if float(low[level + 1][children].sum()) >= value - 1e-9:
                        visit(level + 1, children)
                        continue
                out.append((value, self.node(level, int(at))))

        visit(0, np.arange(len(low[0])))
        return out

    def _caps(self, high: list[np.ndarray]) -> list[tuple[float, str]]:
        """The nodes whose own caps make up the cap of the root."""
        out: list[tuple[float, str]] = []

        def visit(level: int, nodes: np.ndarray) -> None:
            for at in nodes:
                value = float(high[level][at])
                if level + 1 < len(high):
                    children = np.flatnonzero(self.tree.parents[level + 1] == at)
                    if float(high[level + 1][children].sum()) <= value + 1e-9:
                        visit(level + 1, children)
                        continue
                out.append((value, self.node(level, int(at))))

        visit(0, np.arange(len(high[0])))
        return out

    def check_periods(self, limits: Limits, amounts: np.ndarray, block: np.ndarray) -> None:
        """Period limits must leave room for the total of their block."""
        assert limits.periods is not None
        low, high = limits.periods
        for b, total in enumerate(amounts):
            at = np.flatnonzero(block == b)
            least = float(low[at].sum())
            most = float(np.minimum(high[at], float(total)).sum())
            if least > total or most < total:
                word, sum_ = ("floors", least) if least > total else ("caps", most)
                raise InputError(
                    f"{self.caller}(): {word} of {len(at)} periods contradict the total "
                    f"{self.amount(float(total))}: together they make {self.amount(sum_)} "
                    f"(gap {self.amount(abs(sum_ - float(total)))})."
                )

    def worst_period(self, ideal: np.ndarray, bounds: tuple[np.ndarray, np.ndarray] | None) -> str:
        """The period farthest outside its limits."""
        assert bounds is not None
        sums = ideal.sum(axis=0)
        gap = np.maximum(sums - bounds[1], bounds[0] - sums)
        at = int(gap.argmax())
        day = stamps(self.spans.start[at : at + 1])[0].date()
        return f"Farthest off: the period from {day}, by {self.amount(float(gap[at]))}."
