"""Top-down meets bottom-up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    as_dates,
    check_choice,
    check_number,
    check_series,
    factorise,
    money,
    units,
)
from ..engine.bounded_least_squares import nearest_with_sum
from ..engine.controlled_rounding import Tree, round_tree, snap
from ..engine.units import off_grid
from ..errors import InputError
from .allocation import by_label, check_room, inward_units, whole_total
from .organisation import as_table, plan_keys

__all__ = ["reconcile"]

_FAR = 2**60


def reconcile(
    top_down: pd.Series | pd.DataFrame,
    bottom_up: pd.Series | pd.DataFrame,
    *,
    trust: float | pd.Series = 0.5,
    lower: Any = None,
    upper: Any = None,
    step: float = 0.01,
    spread: str = "even",
) -> pd.DataFrame:
    """The targets nearest to both sides that keep the top-down total exactly.

    Least squares: ``trust * (x - top_down)**2 + (1 - trust) * (x - bottom_up)**2`` is made
    smallest over all ``x`` that add up to the top-down total (of each ``measure`` and
    ``currency``, where the labels have one) and keep the bounds.

    Parameters
    ----------
    top_down, bottom_up : Series or DataFrame
        Amounts by the same labels, or two plans (keys, ``period_start``, ``target``). A label
        without a bottom-up amount (absent or NaN: "no input") counts with its top-down amount.
    trust : float in [0, 1] or Series, default=0.5
        Weight of the top-down amount; 1 keeps it, 0 leans on the bottom-up amounts. Labels that
        a Series leaves out count 0.5.
    lower, upper : float, Series or dict, optional
        Floors and caps by label. Default: floor 0 where no amount is negative.
    step : float, default=0.01
        Smallest unit of the result.
    spread : {"even", "proportional"}, default="even"
        How the rest that closes the total is spread: the same amount for each (plain least
        squares), or in proportion to the compromise (least relative change).

    Returns
    -------
    DataFrame
        The label columns, ``period_end`` where ``top_down`` is a plan that has it, ``top_down``,
        ``bottom_up``, ``target`` and ``gap`` (top-down minus bottom-up), in order of labels; a
        plan itself, which :func:`track` and others take.

    Raises
    ------
    InputError
        Labels of the two sides differ, ``trust`` is no share, the top-down total is no multiple
        of ``step``, or the bounds leave no room for it.

    References
    ----------
    .. [1] P. Brucker, Operations Research Letters 3 (1984), 163-166.

    Examples
    --------
    >>> import pandas as pd
    >>> board = pd.Series({"north": 600.0, "south": 400.0})
    >>> reps = pd.Series({"north": 500.0, "south": 420.0})
    >>> reconcile(board, reps)["target"].tolist()
    [570.0, 430.0]
    """
    caller = "reconcile"
    top_down = as_table(top_down, "top_down", caller=caller)
    bottom_up = as_table(bottom_up, "bottom_up", caller=caller)
    check_choice(spread, "spread", ("even", "proportional"), caller=caller)
    check_number(step, "step", caller=caller, low=0, open_low=True)
    above = _side(top_down, "top_down", caller=caller)
    below = _side(bottom_up, "bottom_up", caller=caller, missing="allow")
    below = _in_order_of(below, above)
    extra = below.index.difference(above.index, sort=False)
    if len(extra):
        raise InputError(
            f"{caller}(): bottom_up has {len(extra)} label(s) that top_down does not have, first "
            f"{extra[0]!r}; give them a top-down amount (0 for none)."
        )
    names = [
        n if n is not None else ("key" if above.index.nlevels == 1 else f"key_{i}")
        for i, n in enumerate(above.index.names)
    ]
    labels = above.index.to_frame(index=False)
    labels.columns = names
    keys = factorise(labels, names)
    order = np.argsort(keys.codes, kind="stable")
    above = above.iloc[order]
    index = above.index
    told = below.reindex(index).to_numpy()
    share = _trust(trust, index, caller=caller)
    a = above.to_numpy() / float(step)
    b = np.where(np.isnan(told), above.to_numpy(), told) / float(step)
    point = share * a + (1.0 - share) * b
    low, high = _limits(index, lower, upper, point, step, caller=caller)
    whole = np.zeros(len(point), dtype=np.int64)
    for at in _measures(keys.labels):  # each keeps its own total
        amounts = above.to_numpy(np.float64)[at]
        total = _total(amounts, step, caller=caller)
        check_room(total, np.ones(len(at)), low[at], high[at], index[at], step, caller=caller)
        whole[at] = _closed(point[at], total, low[at], high[at], spread)
    out = keys.labels.copy()
    if isinstance(top_down, pd.DataFrame) and "period_end" in top_down.columns:
        ends = as_dates(top_down["period_end"], name="period_end", caller=caller)
        out["period_end"] = ends[order]
    out["top_down"] = above.to_numpy()
    out["bottom_up"] = told
    out["target"] = money(whole, step)
    out["gap"] = above.to_numpy() - told
    return out


def _measures(labels: pd.DataFrame) -> list[np.ndarray]:
    """Rows of each measure and currency; targets of different ones are never added."""
    apart = [name for name in ("measure", "currency") if name in labels]
    if not apart:
        return [np.arange(len(labels))]
    codes = factorise(labels, apart).codes
    return [np.flatnonzero(codes == c) for c in range(int(codes.max()) + 1)]


def _closed(
    point: np.ndarray, total: int, low: np.ndarray, high: np.ndarray, spread: str
) -> np.ndarray:
    """Whole steps nearest to ``point`` that add up to ``total`` within the bounds."""
    pull = None if spread == "even" else np.maximum(np.abs(point), 1e-9)
    exact = nearest_with_sum(point, float(total), low.astype(float), high.astype(float), pull)
    return round_tree([snap(exact)], Tree((np.zeros(len(point), dtype=np.int64),)), total)[0]


def _total(amounts: np.ndarray, step: float, *, caller: str) -> int:
    """The top-down total in whole steps, exact where each amount is a whole number of them."""
    if off_grid(amounts, step).any():
        total = round(float(amounts.sum()), 9)
        return whole_total(total, step, caller=caller, name="top_down's total")
    return int(units(amounts, step, name="top_down", caller=caller).sum())


def _side(given: Any, name: str, *, caller: str, missing: str = "refuse") -> pd.Series:
    if isinstance(given, pd.DataFrame):
        absent = [c for c in ("period_start", "target") if c not in given.columns]
        if absent:
            raise InputError(f"{caller}(): {name} has no column {absent[0]!r}; give a plan.")
        keys = [*plan_keys(given.columns), *[c for c in ("measure",) if c in given.columns]]
        labels = given[keys].reset_index(drop=True)
        labels["period_start"] = as_dates(given["period_start"], name="period_start", caller=caller)
        index = pd.MultiIndex.from_frame(labels)
        if labels.shape[1] == 1:
            index = pd.Index(labels["period_start"])
        given = pd.Series(given["target"].array, index=index)
    return check_series(given, name, caller=caller, missing=missing)


def _in_order_of(side: pd.Series, other: pd.Series) -> pd.Series:
    """``side`` with its key levels in the other's order, where both have the same names."""
    mine, names = list(side.index.names), list(other.index.names)
    if mine == names or None in names or len(set(names)) < len(names) or set(mine) != set(names):
        return side
    return side.reorder_levels(names)


def _trust(trust: Any, index: pd.Index, *, caller: str) -> np.ndarray:
    if isinstance(trust, pd.Series):
        values = by_label(index, trust, "trust", caller=caller)
        values = np.where(np.isnan(values), 0.5, values)
        if ((values < 0) | (values > 1)).any():
            raise InputError(f"{caller}(): trust must lie between 0 and 1.")
        return values
    return np.full(len(index), check_number(trust, "trust", caller=caller, low=0, high=1))


def _limits(
    index: pd.Index, lower: Any, upper: Any, point: np.ndarray, step: float, *, caller: str
) -> tuple[np.ndarray, np.ndarray]:
    floor = 0 if (point >= 0).all() else -_FAR
    low = by_label(index, lower, "lower", caller=caller)
    high = by_label(index, upper, "upper", caller=caller)
    has_low, has_high = ~np.isnan(low), ~np.isnan(high)
    lows = np.where(has_low, inward_units(np.nan_to_num(low), step, np.ceil), floor)
    highs = np.where(has_high, inward_units(np.nan_to_num(high), step, np.floor), _FAR)
    return lows, highs
