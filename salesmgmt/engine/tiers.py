"""Tiered pay in whole numbers: what a decimal calculator would give, for millions of rows.

A tier table is kept as integers: edges and rates are decimal fractions, so with the common
denominators ``E`` (of the edges) and ``D`` (of the rates) every pay is a whole number over
``E * D``. Where that number could leave 64 bits, the same code runs on Python's integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

__all__ = [
    "ROUNDINGS",
    "Terms",
    "Tiers",
    "cumulative_parts",
    "exact",
    "group_cumsum",
    "reached",
    "round_div",
    "settle",
    "tier_pay",
]

ROUNDINGS = ("half_up", "half_even", "half_down", "down", "up", "floor", "ceiling")
_SAFE = 2**62


@dataclass(frozen=True)
class Tiers:
    """A tier table in integers.

    ``edges[j] / edge_scale`` is where tier ``j`` starts (a share of the target, or an amount in
    units of ``step``), ``rates[j] / rate_scale`` what it pays. ``edges[0]`` is 0. ``held`` is a
    rate that may stand in for others, on their scale.
    """

    edges: tuple[int, ...]
    rates: tuple[int, ...]
    edge_scale: int
    rate_scale: int
    held: int | None = None

    @staticmethod
    def of(edges: list[Fraction], rates: list[Fraction], held: Fraction | None = None) -> Tiers:
        """From fractions, over their least common denominators."""
        e = lcm(*(f.denominator for f in edges))
        d = lcm(*(f.denominator for f in rates), 1 if held is None else held.denominator)
        return Tiers(
            tuple(int(f * e) for f in edges),
            tuple(int(f * d) for f in rates),
            e,
            d,
            None if held is None else int(held * d),
        )

    @property
    def scale(self) -> int:
        """Denominator of a pay, in units."""
        return self.edge_scale * self.rate_scale


def exact(values: np.ndarray, bound: int) -> np.ndarray:
    """``values`` as int64 where products up to ``bound`` fit, else as Python integers."""
    return values.astype(np.int64) if bound < _SAFE else values.astype(object)


def reached(x: np.ndarray, edges: list[np.ndarray], *, upper: bool) -> np.ndarray:
    """Number of the tier each value lies in; on an edge the upper (or the lower) one."""
    tier = np.zeros(len(x), dtype=np.int64)
    for j, edge in enumerate(edges[1:], start=1):
        tier[np.asarray(x >= edge if upper else x > edge, dtype=bool)] = j
    return tier


def tier_pay(
    x: np.ndarray, edges: list[np.ndarray], rates: list[np.ndarray] | tuple[int, ...]
) -> np.ndarray:
    """Pay of running totals under marginal tiers: each slice at the rate of its tier.

    ``x`` and ``edges`` on one scale; the result is on that scale times the rates'. Below zero
    the first rate goes on, so that what is taken back is what was paid.
    """
    pay = x * rates[0]
    for j in range(1, len(edges)):
        pay = pay + np.maximum(x - edges[j], 0) * (rates[j] - rates[j - 1])
    return pay


def round_div(top: np.ndarray, bottom: int | np.ndarray, mode: str = "half_up") -> np.ndarray:
    """``top / bottom`` to a whole number; ``bottom`` is positive.

    ``half_up`` and ``half_down`` go away from and towards zero on a half, ``up`` and ``down``
    always do; ``half_even`` is the banker's; ``floor`` and ``ceiling`` as they say.
    """
    if isinstance(bottom, int) and bottom >= _SAFE:
        top = top.astype(object)
    if mode == "floor":
        return top // bottom
    if mode == "ceiling":
        return -((-top) // bottom)
    size = np.abs(top)
    whole = size // bottom
    rest = size - whole * bottom
    if mode == "half_up":
        more = 2 * rest >= bottom
    elif mode == "half_down":
        more = 2 * rest > bottom
    elif mode == "half_even":
        more = (2 * rest > bottom) | ((2 * rest == bottom) & (whole % 2 == 1))
    else:
        more = rest > 0 if mode == "up" else np.zeros(len(rest), dtype=bool)
    return np.where(top < 0, -1, 1) * (whole + more)


def group_cumsum(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Running sum of ``values`` within groups that begin at ``starts`` (positions, the first 0)."""
    total = np.cumsum(values)
    before = np.concatenate([total[:1] * 0, total[starts[1:] - 1]])
    return total - np.repeat(before, np.diff(np.r_[starts, len(values)]))


def cumulative_parts(
    whole: np.ndarray, weight: np.ndarray, total: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Whole amounts split by weight within groups, adding up to them exactly.

    Part ``i`` is ``round(whole * W_i / total) - round(whole * W_{i-1} / total)`` with ``W`` the
    running weight: each within one unit of its share. Arrays by row; ``whole`` and ``total``
    repeat their group's value; a group without weight gives all to its first row.
    """
    running = group_cumsum(weight, starts)
    size = int(np.abs(whole).max(initial=0)) * int(np.abs(running).max(initial=0)) * 2
    empty = total == 0
    sign = np.where(total < 0, -1, 1)
    top = exact(whole, size) * exact(running * sign, size)
    upto = round_div(top, np.where(empty, 1, np.abs(total)), "half_up")
    upto = np.where(empty, whole, upto)
    parts = np.array(upto, copy=True)
    parts[1:] -= upto[:-1]
    parts[starts] = upto[starts]
    return parts.astype(np.int64)


@dataclass(frozen=True)
class Terms:
    """How one period is settled.

    ``draw``: least pay, in units; ``recoverable``: whether it is owed back; ``limit``: most that
    may be owed for a draw to be given; ``share`` of the pay above the draw that may be kept back;
    ``negative``: what happens to negative earnings (``waive``, ``carry``, ``pay``).
    """

    draw: int = 0
    recoverable: bool = True
    limit: int | None = None
    share: Fraction = Fraction(1)
    negative: str = "waive"


def settle(earned: np.ndarray, there: np.ndarray, terms: list[Terms]) -> dict[str, np.ndarray]:
    """Earnings to pay: draws, what is owed, and what is set off, period by period.

    Parameters
    ----------
    earned : int64 array (payees, periods)
        What each earned, in units; may be negative after clawbacks.
    there : bool array (payees, periods)
        Periods that count for the payee; the others pass the balance on.
    terms : list of Terms
        One a period.

    Returns
    -------
    dict of int64 arrays (payees, periods)
        ``carried`` (added to lift a negative pay to zero), ``draw`` (advanced), ``recovered``
        (<= 0), ``balance`` (owed at the end), ``payout``.
    """
    out = {k: np.zeros_like(earned) for k in ("carried", "draw", "recovered", "balance", "payout")}
    owed = np.zeros(len(earned), dtype=np.int64)
    for p, term in enumerate(terms):
        here, got = there[:, p], np.where(there[:, p], earned[:, p], 0)
        lift = np.maximum(-got, 0) if term.negative != "pay" else np.zeros_like(got)
        if term.negative == "carry":
            owed = owed + lift
        level = got + lift
        advance = np.where(here, np.maximum(term.draw - np.maximum(level, 0), 0), 0)
        if term.recoverable and term.limit is not None:
            advance = np.minimum(advance, np.maximum(term.limit - owed, 0))
        spare = np.maximum(level - term.draw, 0)
        back = np.minimum(owed, spare * term.share.numerator // term.share.denominator)
        owed = owed - back + (advance if term.recoverable else 0)
        out["carried"][:, p], out["draw"][:, p], out["recovered"][:, p] = lift, advance, -back
        out["balance"][:, p] = owed
        out["payout"][:, p] = level + advance - back
    return out
