"""Floors, caps and locks of a plan, given in any of the forms a planner has them in.

A limit may be for every cell (a number), for single cells (a frame key by period, a tidy plan,
or a Series over keys and a date), for totals of the organisation at any level (a Series by rep,
team or region) or for totals of periods (a Series by date). Inside, all are whole steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import as_dates, check_number, check_series, days_of, factorise
from ..engine.controlled_rounding import Tree
from ..errors import InputError
from .allocation import inward_units
from .organisation import as_table, node_name
from .spans import Spans, dated, label_days, stamps

__all__ = ["Limits", "of_measure", "read_limits"]

FAR = 2.0**60  # "no bound" in whole steps


@dataclass
class Limits:
    """Whole-step bounds: of cells (n, m), of nodes by level (leaves last), of periods (m,).

    None where nothing was given. ``nodes_given`` says which levels carry bounds of their own.
    """

    cells: tuple[np.ndarray, np.ndarray] | None = None
    nodes: tuple[list[np.ndarray], list[np.ndarray]] | None = None
    periods: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def given(self) -> bool:
        return not (self.cells is None and self.nodes is None and self.periods is None)

    def part(self, rows: np.ndarray, nodes: list[np.ndarray]) -> Limits:
        """The limits of some leaves; ``nodes``: the nodes of each level that are kept."""
        cells, given = None, None
        if self.cells is not None:
            cells = (self.cells[0][rows], self.cells[1][rows])
        if self.nodes is not None:
            low = [level[kept] for level, kept in zip(self.nodes[0], nodes, strict=True)]
            high = [level[kept] for level, kept in zip(self.nodes[1], nodes, strict=True)]
            given = (low, high)
        return Limits(cells, given, self.periods)


@dataclass(frozen=True)
class _Given:
    """One option, read: what it bounds and the values, NaN where it says nothing."""

    kind: str  # "all", "cells", "node" or "periods"
    values: np.ndarray
    level: int = -1


def read_limits(
    lower: Any,
    upper: Any,
    locked: Any,
    *,
    organisation: pd.Index | None,
    tree: Tree,
    spans: Spans,
    positive: np.ndarray,
    step: float,
    caller: str,
) -> Limits:
    """All three options as bounds in whole steps; ``positive``: cells that have a weight."""
    out = Limits()
    for name, given in (("lower", lower), ("upper", upper), ("locked", locked)):
        for each in given if isinstance(given, list | tuple) else [given]:
            if each is None:
                continue
            read = _read(each, name, organisation, tree, spans, caller=caller)
            if name == "locked":
                _check_grid(read, step, caller=caller)
            _apply(out, read, name, tree, positive, step)
    _check_crossed(out, organisation, tree, spans, step, caller=caller)
    return out


def of_measure(given: Any, measures: pd.Index | None, at: int, *, caller: str) -> Any:
    """What an option says of one measure: of a tidy frame with ``measure`` its own rows."""
    if measures is None:
        return given
    if isinstance(given, list | tuple):
        return [of_measure(each, measures, at, caller=caller) for each in given]
    given = as_table(given, "a limit", caller=caller)
    if isinstance(given, pd.DataFrame) and "measure" in given.columns and "target" in given.columns:
        return given[given["measure"] == measures[at]]
    return given


# --------------------------------------------------------------------------------------
# Reading one option


def _read(
    given: Any,
    name: str,
    organisation: pd.Index | None,
    tree: Tree,
    spans: Spans,
    *,
    caller: str,
) -> _Given:
    given = as_table(given, name, caller=caller)
    if isinstance(given, pd.DataFrame):
        return _Given("cells", _read_frame(given, name, organisation, spans, caller=caller))
    if isinstance(given, Mapping):
        given = pd.Series(given, dtype=np.float64)
    if isinstance(given, pd.Series):
        return _read_series(given, name, organisation, tree, spans, caller=caller)
    return _Given("all", np.array(check_number(given, name, caller=caller)))


def _read_frame(
    given: pd.DataFrame, name: str, organisation: pd.Index | None, spans: Spans, *, caller: str
) -> np.ndarray:
    """A tidy plan (keys, ``period_start``, ``target``), or a wide frame key by period."""
    if "period_start" in given.columns and "target" in given.columns:
        names = [] if organisation is None else list(organisation.names)
        keys = [k for k in names if k in given.columns]
        if names and not (keys and _own_labels(organisation, keys).is_unique):
            absent = next(k for k in reversed(names) if k not in given.columns)
            raise InputError(f"{caller}(): {name} has no column {absent!r}, a key of weights.")
        index = pd.MultiIndex.from_frame(given[[*keys, "period_start"]])
        series = pd.Series(given["target"].array, index=index)
        return _cells(series, name, organisation, spans, caller=caller)
    if organisation is None:
        raise InputError(f"{caller}(): {name} is a frame key by period, but there are no weights.")
    long = given.stack(**({} if pd.__version__ >= "3" else {"future_stack": True}))
    series = check_series(long.dropna(), name, caller=caller)
    return _cells(series, name, organisation, spans, caller=caller)


def _read_series(
    given: pd.Series,
    name: str,
    organisation: pd.Index | None,
    tree: Tree,
    spans: Spans,
    *,
    caller: str,
) -> _Given:
    series = check_series(given, name, caller=caller, missing="allow").dropna()
    index = series.index
    if _is_dates(index, organisation):
        at = _period_positions(index, name, spans, caller=caller)
        values = np.full(len(spans), np.nan)
        values[at] = series.to_numpy()
        if organisation is None:  # a period is a cell, and may be locked on a day off
            return _Given("cells", values[None, :])
        return _Given("periods", values)
    if organisation is None:
        raise InputError(f"{caller}(): {name} has labels of keys, but there are no weights.")
    if isinstance(index, pd.MultiIndex):
        times = [i for i in range(index.nlevels) if dated(index.levels[i])]
        if times:
            rest = [i for i in range(index.nlevels) if i != times[-1]]
            series = series.reorder_levels([*rest, times[-1]])
            values = _cells(series, name, organisation, spans, caller=caller)
            return _Given("cells", values)
    return _read_nodes(series, name, organisation, tree, caller=caller)


def _is_dates(index: pd.Index, organisation: pd.Index | None) -> bool:
    """Whether a limit is labelled by periods; text that is a key of the plan is a key."""
    if not dated(index) or isinstance(index, pd.PeriodIndex | pd.DatetimeIndex):
        return dated(index)
    levels = 0 if organisation is None else organisation.nlevels
    return not any(index.isin(organisation.get_level_values(i)).any() for i in range(levels))  # type: ignore[union-attr]


def _own_labels(organisation: pd.Index, names: list[Any]) -> pd.Index:
    """Labels of the organisation's leaves by some of its levels."""
    levels = [organisation.get_level_values(n) for n in names]
    return levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)


def _period_positions(labels: pd.Index, name: str, spans: Spans, *, caller: str) -> np.ndarray:
    days = label_days(labels, name, caller=caller)
    at = np.searchsorted(spans.start, days, side="right") - 1
    bad = (at < 0) | (days > spans.end[np.maximum(at, 0)])
    if bad.any():
        raise InputError(
            f"{caller}(): {name} has {int(bad.sum())} date(s) outside the plan's periods, first "
            f"{labels[int(np.flatnonzero(bad)[0])]!r}."
        )
    last = days_of(as_dates(labels, name=name, caller=caller, last=True))
    wide = (last > days) & (last > spans.end[at]) & (spans.end[at] < spans.end[-1])
    if wide.any():
        raise InputError(
            f"{caller}(): {name} has {int(wide.sum())} label(s) that hold several periods of the "
            f"plan, first {labels[int(np.flatnonzero(wide)[0])]!r}; give each period its own."
        )
    return at


def _cells(
    series: pd.Series,
    name: str,
    organisation: pd.Index | None,
    spans: Spans,
    *,
    caller: str,
) -> np.ndarray:
    """Values of single cells, shape (n, m), NaN elsewhere."""
    index = series.index
    n = 1 if organisation is None else len(organisation)
    out = np.full((n, len(spans)), np.nan)
    frame = index.to_frame(index=False)
    dates = frame.iloc[:, -1]
    kind = dates.dtype
    labels = pd.PeriodIndex(dates) if isinstance(kind, pd.PeriodDtype) else pd.Index(dates)
    column = _period_positions(labels, name, spans, caller=caller)
    if organisation is None:
        row = np.zeros(len(frame), dtype=np.int64)
    else:
        row = _leaf_positions(frame.iloc[:, :-1], organisation, name, caller=caller)
    double = pd.Index(row * len(spans) + column).duplicated()
    if double.any():
        raise InputError(f"{caller}(): {name} names {int(double.sum())} cell(s) twice.")
    values = check_series(
        pd.Series(series.to_numpy()), name, caller=caller, missing="allow"
    ).to_numpy()
    out[row, column] = values
    return out


def _leaf_positions(
    keys: pd.DataFrame, organisation: pd.Index, name: str, *, caller: str
) -> np.ndarray:
    """Rows of the organisation by such levels as tell them apart, or by the lowest level."""
    wide = keys.shape[1]
    wanted = pd.MultiIndex.from_frame(keys) if wide > 1 else pd.Index(keys.iloc[:, 0])
    named = set(keys.columns) <= set(organisation.names)
    if named and _own_labels(organisation, list(keys.columns)).is_unique:
        own = _own_labels(organisation, list(keys.columns))
    elif wide == organisation.nlevels:
        own = organisation
    elif wide == 1 and organisation.get_level_values(-1).is_unique:
        own = organisation.get_level_values(-1)
    else:
        raise InputError(
            f"{caller}(): {name} must be labelled by the keys of weights "
            f"({', '.join(map(str, organisation.names))}) and the period."
        )
    at = own.get_indexer(wanted)
    _check_known(at, wanted, name, caller=caller)
    return at


def _check_known(at: np.ndarray, labels: pd.Index, name: str, *, caller: str) -> None:
    if (at < 0).any():
        first = labels[int(np.flatnonzero(at < 0)[0])]
        raise InputError(
            f"{caller}(): {name} has {int((at < 0).sum())} label(s) that weights does not have, "
            f"first {first!r}."
        )


def _read_nodes(
    series: pd.Series, name: str, organisation: pd.Index, tree: Tree, *, caller: str
) -> _Given:
    """Totals of nodes: by full key, by an upper part of it, or by levels that are named."""
    index, names = series.index, list(organisation.names)
    frame = organisation.to_frame(index=False)
    if isinstance(index, pd.MultiIndex):
        used = names[: index.nlevels]
        if index.nlevels > len(names):
            raise InputError(f"{caller}(): {name} has more levels than weights.")
        if set(index.names).issubset(names) and index.names.count(None) == 0:
            used = [n for n in names if n in index.names]
            index = index.reorder_levels(used)
        level = names.index(used[-1])
    else:
        level = _level_of(index, organisation, name, caller=caller)
        used = names[level : level + 1]
    labels = _node_labels(frame, level)[used]
    own = pd.MultiIndex.from_frame(labels) if len(used) > 1 else pd.Index(labels.iloc[:, 0])
    if not own.is_unique:
        raise InputError(
            f"{caller}(): {name} is labelled by {', '.join(map(repr, used))} alone, whose labels "
            "stand under several parents; give the full key."
        )
    at = own.get_indexer(index)
    _check_known(at, index, name, caller=caller)
    values = np.full(len(tree.parents[level]), np.nan)
    values[at] = series.to_numpy()
    return _Given("node", values, level)


def _level_of(index: pd.Index, organisation: pd.Index, name: str, *, caller: str) -> int:
    """The level a plain index speaks of: by its name, else the lowest whose labels it holds."""
    names = list(organisation.names)
    if index.name is not None and index.name in names:
        return names.index(index.name)
    for level in range(organisation.nlevels - 1, -1, -1):
        if index.isin(organisation.get_level_values(level)).all():
            return level
    first = index[~index.isin(organisation.get_level_values(-1))][0]
    raise InputError(f"{caller}(): {name} has a label that weights does not have, first {first!r}.")


def _node_labels(frame: pd.DataFrame, level: int) -> pd.DataFrame:
    return factorise(frame.iloc[:, : level + 1], list(frame.columns[: level + 1])).labels


# --------------------------------------------------------------------------------------
# Putting bounds together


def _apply(
    out: Limits, read: _Given, name: str, tree: Tree, positive: np.ndarray, step: float
) -> None:
    """Tighten the bounds of one kind by one option."""
    inward = {"lower": np.ceil, "upper": np.floor, "locked": np.rint}[name]
    given = ~np.isnan(read.values)
    whole = np.zeros(read.values.shape)
    whole[given] = inward_units(read.values[given], step, inward)
    low, high = _pair(out, read, tree, positive)
    # A number for all cells is meant for cells that can have a target: not for days off.
    has = positive if read.kind == "all" else given
    if name == "locked":
        np.copyto(low, whole, where=has)
        np.copyto(high, whole, where=has)
    elif name == "lower":
        np.maximum(low, whole, out=low, where=has)
        if read.kind == "cells":  # an explicit floor holds on a cell without weight, too
            np.maximum(high, low, out=high, where=given & ~positive)
    else:
        np.minimum(high, whole, out=high, where=has)


def _pair(
    out: Limits, read: _Given, tree: Tree, positive: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The floors and caps an option speaks of, made open where nothing was given yet."""
    if read.kind in ("all", "cells"):
        if out.cells is None:
            out.cells = (np.zeros(positive.shape), np.where(positive, FAR, 0.0))
        return out.cells
    if read.kind == "periods":
        if out.periods is None:
            out.periods = (np.zeros(positive.shape[1]), np.full(positive.shape[1], FAR))
        return out.periods
    if out.nodes is None:
        out.nodes = (
            [np.zeros(len(p)) for p in tree.parents],
            [np.full(len(p), FAR) for p in tree.parents],
        )
    return out.nodes[0][read.level], out.nodes[1][read.level]


def _check_grid(read: _Given, step: float, *, caller: str) -> None:
    from ..engine.units import off_grid

    values = read.values[~np.isnan(read.values)]
    bad = off_grid(values, step)
    if bad.any():
        raise InputError(
            f"{caller}(): locked: {int(bad.sum())} amount(s) are no multiple of step {step!r}, "
            f"first {float(values[bad][0])!r}; round them to the step."
        )


def _check_crossed(
    out: Limits,
    organisation: pd.Index | None,
    tree: Tree,
    spans: Spans,
    step: float,
    *,
    caller: str,
) -> None:
    """Refuse a floor above its own cap."""

    def cell(at: tuple[int, ...]) -> str:
        who = node_name(organisation, tree, len(tree.parents) - 1, at[0])
        return f"{who!r} in the period from {stamps(spans.start[at[-1] :])[0].date()}"

    def period(at: tuple[int, ...]) -> str:
        return f"the period from {stamps(spans.start[at[0] :])[0].date()}"

    pairs: list[tuple[Any, Any]] = [(out.cells, cell), (out.periods, period)]
    for level, pair in enumerate(zip(*out.nodes, strict=True) if out.nodes is not None else ()):
        pairs.append((pair, lambda at, k=level: repr(node_name(organisation, tree, k, at[0]))))
    for pair, name in pairs:
        bad = pair[0] > pair[1] if pair is not None else np.zeros(0, dtype=bool)
        if bad.any():
            at = tuple(int(v[0]) for v in np.nonzero(bad))
            a, b = (float(bound[at]) * float(step) for bound in pair)
            raise InputError(
                f"{caller}(): {int(bad.sum())} floor(s) or lock(s) lie above their cap, first "
                f"{name(at)}: {a:.12g} > {b:.12g} (gap {a - b:.12g})."
            )
