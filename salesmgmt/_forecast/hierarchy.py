"""Forecasts that add up: products, regions and totals, crossed and ragged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from .._frames import (
    Amount,
    Date,
    Key,
    check_bool,
    check_choice,
    check_names,
    factorise,
    take,
    to_pandas,
    warn,
)
from ..engine.reconciliation import Covariance, Projection, loosened, shrink
from ..errors import InputError
from .parts import Part, by_part

__all__ = ["Nodes", "ancestors", "build_nodes", "reconcile", "reconcile_open"]

_SPREADS = ("top_down", "middle_out")
METHODS = ("mint_shrink", "wls", "ols", "bottom_up", "top_down", "middle_out")
_BOUND = re.compile(r"(lo|hi)_(\d+(?:\.\d+)?)")
_DRAWS = 200  # errors drawn where a hierarchy is too large for exact interval widths
_EXACT = 1500  # nodes up to which widths are exact
_BEYOND = 2.0  # of the whole: a part that large is no share of it
_SURE = 30  # draws that are all zero where nothing can be sold


def reconcile(
    forecasts: pd.DataFrame,
    *,
    keys: str | Sequence[str],
    method: str = "mint_shrink",
    residuals: pd.DataFrame | None = None,
    non_negative: bool = False,
    history: pd.DataFrame | None = None,
    middle: str | Sequence[str] | None = None,
    date: str = "date",
    amount: str = "amount",
) -> pd.DataFrame:
    """Make forecasts of all levels of a hierarchy add up.

    Each row is the forecast of a node: a value in every key column is a bottom series, a missing
    value means "all". Keys may be nested (region, city), crossed (region, product) or both, and
    the tree ragged: a node without finer nodes below it is its own bottom.

    Parameters
    ----------
    forecasts : DataFrame
        ``keys``, ``date`` and ``forecast``, with interval columns ``lo_80``, ``hi_80``, ... if
        there are any; or samples (``keys``, ``date``, ``draw``, ``amount``), each draw of which
        is made to add up. Every node needs every date. Not modified.
    keys : str or sequence of str
        The key columns whose crossings are the bottom. For ``top_down`` and ``middle_out`` their
        order is the order of the levels.
    method : {"mint_shrink", "wls", "ols", "bottom_up", "top_down", "middle_out"}
        ``"mint_shrink"``: least squares weighted by the covariance of the base forecasts' errors
        (not centred, as in R's hts and fable), shrunk towards its diagonal; a sum that lies more
        than five standard errors of itself and all its parts away from them counts as that far
        wrong and is tied to no other. ``"wls"``: by their variances; ``"ols"``: unweighted;
        ``"bottom_up"``: the bottom added up; ``"top_down"``: the total spread by shares;
        ``"middle_out"``: the same from a middle level, added up above it.
    residuals : DataFrame, optional
        Past errors of the base forecasts: ``keys``, ``date`` and ``residual``, or ``actual`` and
        ``forecast``; one step ahead if they can be had. Of a :func:`backtest` (``cutoff``) the
        errors of one window are not taken for independent: correlations count for as much as
        there are windows. Without it ``"wls"`` weighs each node by one over the number of bottom
        series in it, and ``"mint_shrink"`` does the same with a ``DataWarning``. For ``"ols"`` and
        ``"bottom_up"`` they only say how wide intervals become; for the others they are refused.
    non_negative : bool, default=False
        Whether the bottom must not be below zero: the constrained least squares solution, no
        mere cutting off (checked where the bottom has up to 400 series; with more, and errors
        that differ by a thousand times and more, it may be missed). ``"bottom_up"``: negative
        bottoms become zero; ``"top_down"`` and ``"middle_out"``: negative forecasts and sums of
        ``history`` have no share.
    history : DataFrame, optional
        Past bottom values (``keys``, ``date``, ``amount``) for ``top_down`` and ``middle_out``:
        shares are those of the sums in it (proportions of historical averages; amounts divided
        by the total of their date give average historical proportions). None: the shares of the
        forecasts, level by level.
    middle : str or sequence of str, optional
        Key columns of the level that ``middle_out`` starts from. None: the first key.
    date, amount : str
        Columns; ``amount`` is that of samples and of ``history``.

    Returns
    -------
    DataFrame
        The rows of ``forecasts`` in their order with their index, with coherent ``forecast`` (or
        ``amount``). A bottom row whose forecast and interval ends are all 0 (a closed day), or 30
        and more draws that are, stays 0. Intervals move with the forecast and change their width
        by the ratio of the standard errors after and before (with ``"top_down"`` and
        ``"middle_out"`` they keep it: how wrong shares are is not known); ends that are missing
        stay so.
        ``.attrs["shrinkage"]``: the intensity found.

    Raises
    ------
    InputError
        A column is missing; a node is there twice or lacks a date; bottoms overlap; residuals
        lack a node or have two errors of one date (of two models, say); the method needs a level
        that is not there.

    References
    ----------
    S. L. Wickramasuriya, G. Athanasopoulos, R. J. Hyndman, "Optimal forecast reconciliation for
    hierarchical and grouped time series through trace minimization", Journal of the American
    Statistical Association 114 (2019), 804-819. G. Athanasopoulos, R. A. Ahmed, R. J. Hyndman,
    "Hierarchical forecasts for Australian domestic tourism", International Journal of
    Forecasting 25 (2009), 146-166 (top-down, middle-out).

    Examples
    --------
    >>> import pandas as pd
    >>> base = pd.DataFrame({"region": [None, "east", "west"], "date": "2026-01-01",
    ...                      "forecast": [90.0, 60.0, 60.0]})
    >>> reconcile(base, keys="region", method="ols")["forecast"].round(6).tolist()
    [100.0, 50.0, 50.0]
    """
    return reconcile_open(
        forecasts,
        keys=keys,
        method=method,
        residuals=residuals,
        non_negative=non_negative,
        history=history,
        middle=middle,
        date=date,
        amount=amount,
    )


def reconcile_open(
    forecasts: pd.DataFrame,
    *,
    keys: str | Sequence[str],
    method: str,
    residuals: pd.DataFrame | None,
    non_negative: bool,
    history: pd.DataFrame | None = None,
    middle: str | Sequence[str] | None = None,
    date: str = "date",
    amount: str = "amount",
    shut: np.ndarray | None = None,
) -> pd.DataFrame:
    """:func:`reconcile`; ``shut``: rows of the bottom that are zero whatever the others say.

    None: those whose interval ends, or draws, are all zero.
    """
    caller = "reconcile"
    check_choice(method, "method", METHODS, caller=caller)
    check_bool(non_negative, "non_negative", caller=caller)
    names = check_names(keys, "keys", caller=caller)
    if not names:
        raise InputError(f"{caller}(): keys is empty; name the key columns of the hierarchy.")
    _check_use(method, residuals, history, middle, caller)
    base = _take_base(forecasts, names, date, amount, caller)
    nodes = base.nodes
    if shut is None:
        _tell_of_no_sums(nodes, caller)
    errors, intensity = _errors(nodes, method, residuals, date, caller)
    errors = loosened(errors, nodes.summing, nodes.leaves, base.values)
    start = _level(names, method, middle, caller) if method in _SPREADS else []
    shares = None
    if method in _SPREADS:
        shares = _historic_shares(nodes, history, start, date, amount, non_negative, caller)

    def leaves_of(part: Part, where: np.ndarray) -> np.ndarray:
        values = base.values[np.ix_(part.rows, where)]
        if method == "bottom_up":
            return np.asarray(values[part.nodes.leaves])
        if method in _SPREADS:
            own = None if shares is None else shares[part.open]
            values = np.maximum(values, 0.0) if non_negative else values
            return _from_level(part.nodes, values, start, own, caller)
        found = Projection(part.nodes.summing, part.nodes.leaves, errors.of(part.rows))
        return found.leaves(values, non_negative=non_negative)

    leaves = by_part(nodes, _shut(base, shut), leaves_of)
    if non_negative:
        leaves = np.maximum(leaves, 0.0)
    made = nodes.summing @ leaves
    out = base.frame.copy()
    out[base.column] = made[base.node, base.case]
    if base.bounds:
        ratio = _width_ratio(nodes, method, errors, residuals, base, date, caller)
        _move_bounds(out, base, ratio, non_negative)
    if intensity is not None:
        out.attrs["shrinkage"] = intensity
    return out


def _tell_of_no_sums(nodes: Nodes, caller: str) -> None:
    """Totals under a name of their own ("Total") are bottom series like any other."""
    if 1 < len(nodes) == len(nodes.leaves):
        warn(
            f"{caller}(): none of the {len(nodes)} nodes is the sum of others, so that there is "
            "nothing to reconcile; in the rows of sums the key columns they add up must be "
            "missing (None), not a label such as 'Total'."
        )


def _check_use(
    method: str, residuals: object, history: object, middle: object, caller: str
) -> None:
    """Options that another method would leave unused are refused."""
    if residuals is not None and method in _SPREADS:
        raise InputError(
            f"{caller}(): residuals say nothing of the shares of {method!r}; leave them out."
        )
    if history is not None and method not in _SPREADS:
        raise InputError(f'{caller}(): history is for "top_down" and "middle_out", not {method!r}.')
    if middle is not None and method != "middle_out":
        raise InputError(f'{caller}(): middle is for "middle_out", not {method!r}.')


# --------------------------------------------------------------------------------------
# The hierarchy


@dataclass(slots=True)
class Nodes:
    """Distinct nodes: codes by key (-1: all), which leaves each one sums."""

    names: list[str]
    labels: pd.DataFrame
    codes: np.ndarray  # (nodes, keys)
    leaves: np.ndarray  # rows that are leaves
    summing: sparse.csr_array

    def __len__(self) -> int:
        return len(self.codes)

    def text(self, which: np.ndarray, most: int = 3) -> str:
        """Some nodes in words."""
        rows = self.labels.iloc[which[:most]].itertuples(index=False)
        return ", ".join(" / ".join("all" if pd.isna(x) else str(x) for x in r) for r in rows)


def _key_roles(names: list[str]) -> dict[str, Any]:
    return {f"key{i}": Key(n, missing="allow") for i, n in enumerate(names)}


def _key_codes(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Codes of each key column, -1 where missing."""
    return np.column_stack([factorise(frame, [name]).codes for name in names])


def _packed(codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """One number a row of codes."""
    out = np.zeros(len(codes), dtype=np.int64)
    for column, size in zip(codes.T, sizes):
        out = out * (size + 1) + column + 1
    return out


def build_nodes(frame: pd.DataFrame, names: list[str], caller: str) -> tuple[Nodes, np.ndarray]:
    """The nodes of a frame and the node of each row."""
    codes = _key_codes(frame, names)
    packed = _packed(codes, codes.max(axis=0) + 1)
    _, first, node = np.unique(packed, return_index=True, return_inverse=True)
    codes = codes[first]
    owner, leaves = _leaf_membership(codes)
    labels = frame[names].iloc[first].reset_index(drop=True)
    size = (len(codes), len(leaves))
    rows, columns = owner
    summing = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=size)
    nodes = Nodes(names, labels, codes, leaves, summing)
    _check_overlap(nodes, caller)
    return nodes, node.reshape(-1)


def _leaf_membership(codes: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """(node, leaf number) pairs, and the nodes that are leaves.

    Levels (which keys are given) go from the finest to the coarsest: a node in which no leaf so
    far lies is a leaf itself.
    """
    given = codes >= 0
    level = given @ (1 << np.arange(codes.shape[1]))
    leaves = np.empty(0, dtype=np.int64)
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    order = sorted(np.unique(level), key=lambda x: (-int(x).bit_count(), x))
    for one in order:
        members = np.flatnonzero(level == one)
        columns = np.flatnonzero(given[members[0]])
        inside = leaves[given[np.ix_(leaves, columns)].all(axis=1)]
        where, found = _match(codes[np.ix_(inside, columns)], codes[np.ix_(members, columns)])
        pairs.append((members[where[found]], np.searchsorted(leaves, inside)[found]))
        alone = np.setdiff1d(members, members[where[found]])
        if len(alone):
            merged = np.sort(np.concatenate([leaves, alone]))
            spot = np.searchsorted(merged, leaves)
            pairs = [(a, spot[b]) for a, b in pairs]
            leaves = merged
            pairs.append((alone, np.searchsorted(leaves, alone)))
    rows = np.concatenate([a for a, _ in pairs])
    return (rows, np.concatenate([b for _, b in pairs])), leaves


def _match(wanted: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row of ``known`` (distinct) that equals each row of ``wanted``, and whether there is one."""
    sizes = np.maximum(wanted.max(axis=0, initial=0), known.max(axis=0, initial=0)) + 1
    a, b = _packed(wanted, sizes), _packed(known, sizes)
    order = np.argsort(b, kind="stable")
    at = np.minimum(np.searchsorted(b[order], a), len(b) - 1)
    return order[at], b[order[at]] == a


def _check_overlap(nodes: Nodes, caller: str) -> None:
    """Leaves of different levels must not share what they count."""
    codes = nodes.codes[nodes.leaves]
    given = codes >= 0
    levels = np.unique(given, axis=0)
    for i, one in enumerate(levels):
        for other in levels[i + 1 :]:
            both = np.flatnonzero(one & other)
            a = np.flatnonzero((given == one).all(axis=1))
            b = np.flatnonzero((given == other).all(axis=1))
            known = np.unique(codes[np.ix_(b, both)], axis=0)
            hit = _match(codes[np.ix_(a, both)], known)[1] if len(both) else np.ones(len(a), bool)
            if hit.any():
                names = [n for n, x, y in zip(nodes.names, one, other) if x | y]
                raise InputError(
                    f"{caller}(): {int(hit.sum())} node(s) overlap others without finer nodes "
                    f"below them, first {nodes.text(nodes.leaves[a[hit]])}; "
                    f"forecast the crossings of {', '.join(map(repr, names))} too."
                )


# --------------------------------------------------------------------------------------
# Forecasts in


@dataclass(slots=True)
class _Base:
    """Base forecasts: one row a node, one column a case (date, or date and draw)."""

    frame: pd.DataFrame
    nodes: Nodes
    values: np.ndarray  # (nodes, cases)
    node: np.ndarray
    case: np.ndarray
    column: str
    bounds: dict[str, np.ndarray]  # by column name, (nodes, cases)
    dates: np.ndarray  # number of the date of each case


def _take_base(frame: Any, names: list[str], date: str, amount: str, caller: str) -> _Base:
    frame = to_pandas(frame, caller=caller, arg="forecasts")
    columns = list(frame.columns)
    sampled = "draw" in columns and "forecast" not in columns
    column = amount if sampled else "forecast"
    found = [str(c) for c in columns if _BOUND.fullmatch(str(c))] if not sampled else []
    ends: dict[str, Any] = {f"bound{i}": Amount(n, missing="allow") for i, n in enumerate(found)}
    rows = take(
        frame,
        caller=caller,
        arg="forecasts",
        date=Date(date),
        value=Amount(column, option=""),
        draw=Key("draw") if sampled else None,
        **_key_roles(names),
        **ends,
    )
    nodes, node = build_nodes(rows.frame, names, caller)
    when = np.unique(rows["date"], return_inverse=True)[1].reshape(-1)
    case = when
    if sampled:
        draw = rows.keys("draw").codes
        case = when * (int(draw.max()) + 1) + draw
    distinct, first, case = np.unique(case, return_index=True, return_inverse=True)
    case = case.reshape(-1)
    _check_full(nodes, node, case, len(distinct), caller)
    values = np.empty((len(nodes), len(distinct)))
    values[node, case] = rows["value"]
    bounds = {}
    for i, name in enumerate(found):
        bounds[name] = np.empty_like(values)
        bounds[name][node, case] = rows[f"bound{i}"]
    return _Base(rows.frame, nodes, values, node, case, column, bounds, when[first])


def _shut(base: _Base, given: np.ndarray | None) -> np.ndarray:
    """Which leaves are zero whatever the others say, (leaves, cases)."""
    own = base.nodes.leaves
    out = np.zeros(base.values.shape, dtype=bool)
    if given is not None:
        out[base.node, base.case] = given
    elif base.bounds:
        out = (base.values == 0) & np.all([v == 0 for v in base.bounds.values()], axis=0)
    else:  # draws, each date's together
        draws = np.bincount(base.dates)
        starts = np.concatenate([[0], np.cumsum(draws)[:-1]])
        sold = np.logical_or.reduceat(base.values != 0, starts, axis=1)
        out = (~sold & (draws >= _SURE))[:, base.dates]
    return np.asarray(out[own])


def _check_full(nodes: Nodes, node: np.ndarray, case: np.ndarray, width: int, caller: str) -> None:
    count = np.bincount(node * width + case, minlength=len(nodes) * width).reshape(-1, width)
    twice = np.flatnonzero((count > 1).any(axis=1))
    if len(twice):
        raise InputError(
            f"{caller}(): {len(twice)} node(s) have two rows of one date, first "
            f"{nodes.text(twice)}; keep one forecast a node and date."
        )
    lost = np.flatnonzero((count == 0).any(axis=1))
    if len(lost):
        raise InputError(
            f"{caller}(): {len(lost)} node(s) lack dates that others have, first "
            f"{nodes.text(lost)}; forecast all nodes for the same dates."
        )


# --------------------------------------------------------------------------------------
# Errors of the base forecasts


def _errors(
    nodes: Nodes, method: str, residuals: Any, date: str, caller: str
) -> tuple[Covariance, float | None]:
    """The covariance that weighs the nodes, and the shrinkage where there is one."""
    if method in ("wls", "mint_shrink") and residuals is None:
        if method == "mint_shrink":
            warn(
                f"{caller}(): mint_shrink without residuals weighs nodes by the number of bottom "
                "series in them; pass residuals (a backtest of all nodes will do)."
            )
        return Covariance(np.asarray(nodes.summing.sum(axis=1)).ravel()), None
    if method in ("wls", "mint_shrink"):
        found, intensity = shrink(*_residual_matrix(nodes, residuals, date, caller))
        if method == "mint_shrink":
            return found, intensity
        return Covariance(found.variance), None
    return Covariance(np.ones(len(nodes))), None


def _residual_matrix(
    nodes: Nodes, residuals: Any, date: str, caller: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Past errors, (nodes, times), NaN where a node has none; and which times belong together."""
    residuals = to_pandas(residuals, caller=caller, arg="residuals")
    ready = "residual" in residuals.columns
    rows = take(
        residuals,
        caller=caller,
        arg="residuals",
        date=Date(date),
        cutoff=Date("cutoff", optional=True),
        residual=Amount("residual", missing="allow", option="") if ready else None,
        actual=None if ready else Amount("actual", missing="allow", option=""),
        forecast=None if ready else Amount("forecast", missing="allow", option=""),
        **_key_roles(nodes.names),
    )
    e = rows["residual"] if ready else rows["actual"] - rows["forecast"]
    node = _find_nodes(nodes, rows.frame)
    time = np.unique(rows["date"], return_inverse=True)[1].reshape(-1)
    together = None
    if "cutoff" in rows:
        cut = np.unique(rows["cutoff"], return_inverse=True)[1].reshape(-1)
        cases, time = np.unique(time * (cut.max() + 1) + cut, return_inverse=True)
        time = time.reshape(-1)
        together = _windows(cases // (cut.max() + 1), cases % (cut.max() + 1))
    keep = (node >= 0) & np.isfinite(e)
    out = np.full((len(nodes), int(time.max()) + 1), np.nan)
    _check_single(nodes, node[keep], time[keep], out.shape[1], caller)
    out[node[keep], time[keep]] = e[keep]
    lost = np.flatnonzero(~np.isfinite(out).any(axis=1))
    if len(lost):
        raise InputError(
            f"{caller}(): residuals lack {len(lost)} node(s), first {nodes.text(lost)}; "
            "give past errors of every node."
        )
    return out, together


def _check_single(
    nodes: Nodes, node: np.ndarray, time: np.ndarray, width: int, caller: str
) -> None:
    """Of two errors of one node and date the order of the rows would choose one."""
    case, count = np.unique(node * width + time, return_counts=True)
    twice = np.unique(case[count > 1] // width)
    if len(twice):
        raise InputError(
            f"{caller}(): residuals have {len(twice)} node(s) with more than one error of one "
            f"date (and cutoff), first {nodes.text(twice)}; keep one model, and the cutoff of a "
            "backtest."
        )


def _windows(when: np.ndarray, cutoff: np.ndarray) -> np.ndarray | None:
    """Stretches of dates as long as the longest window: errors of one of them hang together.

    None where each cutoff has one date only.
    """
    longest = int(np.bincount(cutoff).max())
    return None if longest < 2 else when // longest


def _find_nodes(nodes: Nodes, frame: pd.DataFrame) -> np.ndarray:
    """Node of each row of another frame with the same keys; -1 where there is none."""
    both = pd.concat([nodes.labels, frame[nodes.names]], ignore_index=True)
    codes = _key_codes(both, nodes.names)
    at, found = _match(codes[len(nodes) :], codes[: len(nodes)])
    return np.where(found, at, -1)


# --------------------------------------------------------------------------------------
# Shares


def _level(names: list[str], method: str, middle: Any, caller: str) -> list[str]:
    """Key columns of the level that is spread downwards."""
    if method == "top_down":
        return []
    level = check_names(middle, "middle", caller=caller) if middle is not None else names[:1]
    unknown = [name for name in level if name not in names]
    if unknown:
        raise InputError(f"{caller}(): middle names {unknown[0]!r}, which is not among keys.")
    return level


def ancestors(nodes: Nodes, level: Sequence[str]) -> np.ndarray:
    """For each leaf the node of a level it lies in; -1 where there is none."""
    wanted = np.isin(nodes.names, list(level))
    members = np.flatnonzero(((nodes.codes >= 0) == wanted).all(axis=1))
    out = np.full(len(nodes.leaves), -1)
    part = nodes.summing[members].tocoo()
    out[part.coords[1]] = members[part.coords[0]]
    return out


def _from_level(
    nodes: Nodes, values: np.ndarray, start: list[str], shares: np.ndarray | None, caller: str
) -> np.ndarray:
    """Leaves from the nodes of a level by historic or forecast shares."""
    top = ancestors(nodes, start)
    lost = np.flatnonzero(top < 0)
    if len(lost):
        what = "the total" if not start else f"the level {', '.join(map(repr, start))}"
        raise InputError(
            f"{caller}(): {what} is not forecast for {len(lost)} bottom node(s), first "
            f"{nodes.text(nodes.leaves[lost])}; add these rows."
        )
    if shares is not None:
        return values[top] * shares[:, None]
    return _by_forecast_shares(nodes, values, start, top, caller)


def _by_forecast_shares(
    nodes: Nodes, values: np.ndarray, start: list[str], top: np.ndarray, caller: str
) -> np.ndarray:
    """Level by level in the order of the keys: each node's share of its siblings' sum."""
    rest = [n for n in nodes.names if n not in start]
    levels = [start + rest[: i + 1] for i in range(len(rest))]
    parent = top
    out = values[top].copy()
    for level in levels:
        child = ancestors(nodes, level)
        child = np.where(child < 0, nodes.leaves if level == levels[-1] else parent, child)
        if (child == parent).all():
            continue
        pairs = np.unique(np.column_stack([parent, child]), axis=0)
        total = np.zeros_like(values)
        np.add.at(total, pairs[:, 0], values[pairs[:, 1]])
        count = np.bincount(pairs[:, 0], minlength=len(nodes)).astype(float)
        even = 1.0 / np.maximum(count, 1.0)
        below = total[parent]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(below != 0, values[child] / below, even[parent][:, None])
        beyond = np.unique(child[(np.abs(share) > _BEYOND).any(axis=1)])
        if len(beyond):
            warn(
                f"{caller}(): {len(beyond)} node(s) get more than {_BEYOND:g} times what they are "
                f"a part of, first {nodes.text(beyond)}, since forecasts above and below zero "
                "nearly cancel. non_negative=True leaves out what is below zero."
            )
        out *= np.where((child == parent)[:, None], 1.0, share)
        parent = child
    return out


def _historic_shares(
    nodes: Nodes,
    history: Any,
    start: list[str],
    date: str,
    amount: str,
    non_negative: bool,
    caller: str,
) -> np.ndarray | None:
    """Each leaf's part of its ancestor in the sums of a history."""
    if history is None:
        return None
    rows = take(
        history,
        caller=caller,
        arg="history",
        date=Date(date),
        amount=Amount(amount),
        **_key_roles(nodes.names),
    )
    node = _find_nodes(nodes, rows.frame)
    keep = node >= 0
    total = np.bincount(node[keep], rows["amount"][keep], minlength=len(nodes))[nodes.leaves]
    strange = ~keep & rows.frame[nodes.names].notna().all(axis=1).to_numpy()
    if strange.any() and total.any():
        shown = rows.frame.loc[strange, nodes.names].drop_duplicates().head(3)
        warn(
            f"{caller}(): {int(strange.sum())} row(s) of history are of no node that is forecast "
            f"and count for no share, first "
            f"{', '.join(' / '.join(map(str, r)) for r in shown.itertuples(index=False))}."
        )
    if not total.any():
        raise InputError(f"{caller}(): history has no bottom series of the forecasts.")
    absent = np.setdiff1d(nodes.leaves, node[keep])
    if len(absent):
        warn(
            f"{caller}(): history has no row of {len(absent)} bottom node(s), first "
            f"{nodes.text(absent)}; they get no share."
        )
    top = ancestors(nodes, start)
    total = np.maximum(total, 0.0) if non_negative else total
    above = np.bincount(top[top >= 0], total[top >= 0], minlength=len(nodes))
    _check_signs(nodes, total, above[top], caller)
    count = np.bincount(top[top >= 0], minlength=len(nodes))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(above[top] != 0, total / above[top], 1.0 / np.maximum(count[top], 1))


def _check_signs(nodes: Nodes, total: np.ndarray, above: np.ndarray, caller: str) -> None:
    """Parts above and below zero that cancel are no shares of their sum."""
    lost = np.flatnonzero((above == 0) & (total != 0))
    if len(lost):
        raise InputError(
            f"{caller}(): history of {len(lost)} bottom node(s) has sums above and below zero that "
            f"cancel, first {nodes.text(nodes.leaves[lost])}; they make no shares. Leave history "
            "out, or choose other periods."
        )


# --------------------------------------------------------------------------------------
# Intervals


def _width_ratio(
    nodes: Nodes,
    method: str,
    errors: Covariance,
    residuals: Any,
    base: _Base,
    date: str,
    caller: str,
) -> np.ndarray:
    """Standard error of each node after reconciliation over that before.

    What is assumed of the base errors: the residuals' shrunken covariance, else independence
    with the variances that the intervals show.
    """
    if residuals is not None:
        actual = (
            errors
            if method == "mint_shrink"
            else shrink(*_residual_matrix(nodes, residuals, date, caller))[0]
        )
    else:
        away = np.abs(np.stack(list(base.bounds.values()), axis=2) - base.values[:, :, None])
        away = np.where(np.isfinite(away), away, np.abs(base.values)[:, :, None])
        width = away.mean(axis=(1, 2))
        least = width[width > 0].min() * 1e-6 if (width > 0).any() else 1.0
        actual = Covariance(np.maximum(width, least) ** 2)
    if method in ("mint_shrink", "wls", "ols"):
        projection = Projection(nodes.summing, nodes.leaves, errors)
        mapped = projection.leaves
    elif method == "bottom_up":
        mapped = _take_leaves(nodes)
    else:
        return np.ones(len(nodes))
    if len(nodes) <= _EXACT:
        gain = nodes.summing @ mapped(np.eye(len(nodes)))
        after = (gain**2) @ actual.diagonal
        if actual.factor is not None:
            after += ((gain @ actual.factor) ** 2).sum(axis=1)
        return np.sqrt(after / actual.variance)
    drawn = actual.draw(_DRAWS, np.random.default_rng(0))
    after = (nodes.summing @ mapped(drawn)).std(axis=1)
    return after / drawn.std(axis=1)


def _take_leaves(nodes: Nodes) -> Any:
    return lambda values: values[nodes.leaves]


def _move_bounds(out: pd.DataFrame, base: _Base, ratio: np.ndarray, non_negative: bool) -> None:
    """Interval ends at their scaled distance from the new forecast."""
    scale = ratio[base.node]
    for name, values in base.bounds.items():
        away = (values - base.values)[base.node, base.case] * scale
        moved = out[base.column].to_numpy() + away
        out[name] = np.maximum(moved, 0.0) if non_negative else moved
