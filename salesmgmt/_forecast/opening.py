"""Days of the week and hours of the day on which nothing is ever sold.

A shop that is closed on Sundays has no row for them, or a zero each. Neither is a value to learn a
level from, nor one to be uncertain of: next Sunday it is closed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._frames import warn

if TYPE_CHECKING:
    from .intake import Panel

__all__ = [
    "closed_ahead",
    "closed_places",
    "closed_then",
    "tell_of_gaps",
    "tell_of_months",
    "with_rare_days",
]

_CYCLES = {"D": (7,), "h": (24, 168)}  # a day or hour is closed by week, an hour also by day
_LEAST = {7: 4, 24: 14, 168: 4}  # cycles of the record that say nothing before
_CHANCE = 1e-3  # of a place in the cycle staying empty by accident
_SELDOM, _OFTEN = 0.5, 0.9  # of the weeks: a day seldom worked among days worked nearly always
_SURE = 8  # weeks that tell it
_ENOUGH = 6  # rows that show how far apart they lie
_EVEN = 1.5  # widest gap in narrowest ones: months of four and five weeks, not slow sellers
_UNITS = {"h": "hour", "D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}


def closed_ahead(panel: Panel, horizon: int) -> np.ndarray | None:
    """Which of the periods after each series' last fall on closed days or hours."""
    places = closed_places(panel)
    if places is None or not places.any():
        return None
    ahead = panel.end[:, None] + np.arange(1, horizon + 1)
    out = np.take_along_axis(places, ahead % places.shape[1], axis=1)
    return out if out.any() else None


def closed_then(panel: Panel, series: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which of some periods fall on closed days or hours of their series."""
    places = closed_places(panel)
    if places is None:
        return np.zeros(len(at), dtype=bool)
    return np.asarray(places[series, at % places.shape[1]])


def tell_of_gaps(panel: Panel) -> None:
    """Series with rows two or more periods apart throughout: amounts may be of longer periods.

    What sells now and then is not so even.
    """
    rows = np.diff(panel.starts)
    few = np.flatnonzero((rows >= _ENOUGH) & (2 * rows <= _open_periods(panel) + 1))
    wide = np.array([i for i in few if _evenly_apart(panel.at[slice(*panel.starts[i : i + 2])])])
    if not len(wide):
        return
    unit = _UNITS[panel.grid.freq]
    first = "" if panel.keys is None else f" (first {panel.names(wide[:3].tolist())})"
    warn(
        f"{panel.caller}(): {len(wide)} of {len(panel)} series never have rows in neighbouring "
        f"{unit}s{first}; the {unit}s between are taken as not known, and each amount as that of "
        f'one {unit}. If nothing was sold in them, give gaps="zero"; if amounts belong to longer '
        'periods, give freq= or forecast such series apart; gaps="missing" takes it as it is.'
    )


def tell_of_months(dates: np.ndarray, panel: Panel) -> None:
    """Receipts that all lie on first (or last) days of months, summed to something finer."""
    if panel.grid.freq not in ("W", "D", "h"):
        return
    day = np.unique(dates.astype("datetime64[D]"))
    month = day.astype("datetime64[M]")
    last = (month + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    if len(day) >= _ENOUGH and (
        (day == month.astype("datetime64[D]")).all() or (day == last).all()
    ):
        unit, which = _UNITS[panel.grid.freq], "last" if day[0] == last[0] else "first"
        warn(
            f"{panel.caller}(): all {len(day)} dates are {which} days of months; each amount is "
            f"taken as that of one {unit}, with nothing sold in the {unit}s between. If they are "
            'sums of months, give freq="M"; gaps="zero" takes it as it is.'
        )


def _evenly_apart(at: np.ndarray) -> bool:
    """Whether periods are never neighbours, and about as far from each other all along."""
    gap = np.diff(at)
    return bool(gap.min() > 1 and gap.max() <= _EVEN * gap.min())


def _open_periods(panel: Panel) -> np.ndarray:
    """How many periods each series has from its first row to its last, closed ones left out."""
    first, last = panel.at[panel.starts[:-1]], panel.at[panel.starts[1:] - 1]
    places = closed_places(panel)
    if places is None:
        return last - first + 1
    return np.ceil((last - first + 1) * (1 - places.mean(axis=1))).astype(np.int64)


def with_rare_days(panel: Panel) -> np.ndarray:
    """Zeros where a series has no row on a day or hour on which it is seldom open.

    Returns which rows are new. A firm that works some Saturdays, those exchanged for a holiday,
    sells nothing on the others.
    """
    series = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
    first, last = panel.at[panel.starts[:-1]], panel.at[panel.starts[1:] - 1]
    cycle = _CYCLES[panel.grid.freq][-1]
    seen = _seen(panel, series, np.isfinite(panel.values), cycle)
    rounds = np.maximum((last - first + 1) // cycle, 1)[:, None]
    share = np.where(seen > 0, seen / rounds, np.nan)
    none = ~(seen > 0).any(axis=1, keepdims=True)
    usual = np.nanmedian(np.where(none, 0.0, share), axis=1, keepdims=True)
    rare = (seen > 0) & (share <= _SELDOM) & (usual >= _OFTEN) & (rounds >= _SURE)
    parts: list[tuple[np.ndarray, ...]] = [(series, panel.at, panel.values)]
    for i in np.flatnonzero(rare.any(axis=1)):
        every = np.arange(first[i], last[i] + 1)
        cells = np.setdiff1d(every[rare[i, every % cycle]], panel.at[series == i])
        parts.append((np.full(len(cells), i), cells, np.zeros(len(cells))))
    if len(parts) > 1:
        code, at, values = (np.concatenate(v) for v in zip(*parts, strict=True))
        order = np.lexsort((at, code))
        panel.at, panel.values = at[order], values[order]
        panel.starts = np.searchsorted(code[order], np.arange(len(panel) + 1))
        return np.asarray(order >= len(series))
    return np.zeros(len(panel.at), dtype=bool)


def _seen(panel: Panel, series: np.ndarray, which: np.ndarray, cycle: int) -> np.ndarray:
    """How many of some rows each series has at each place of a cycle (series, cycle)."""
    place = series[which] * cycle + panel.at[which] % cycle
    return np.bincount(place, minlength=len(panel) * cycle).reshape(len(panel), cycle)


def closed_places(panel: Panel) -> np.ndarray | None:
    """Closed days or hours of each series by their place in a week (series, places)."""
    if not panel.closes:
        return None
    cycles = _CYCLES[panel.grid.freq]
    out = np.zeros((len(panel), cycles[-1]), dtype=bool)
    for one in cycles:
        out |= np.tile(_closed(panel, one), (1, cycles[-1] // one))
    return out


def _closed(panel: Panel, cycle: int) -> np.ndarray:
    """Places in a cycle (series, cycle) that a series never had a sale in, and not by chance."""
    series = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
    seen = _seen(panel, series, np.isfinite(panel.values) & (panel.values != 0), cycle)
    first, last = panel.at[panel.starts[:-1]], panel.at[panel.starts[1:] - 1]
    rounds = (last - first + 1) // cycle
    used = (seen > 0).sum(axis=1)
    rate = np.minimum(seen.sum(axis=1) / np.maximum(rounds * used, 1), 1.0)
    sure = (rounds >= _LEAST[cycle]) & ((1 - rate) ** rounds < _CHANCE) & (used > 0)
    return (seen == 0) & sure[:, None]
