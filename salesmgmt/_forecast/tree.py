"""A whole hierarchy in one call: added up, forecast at every level, reconciled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    check_bool,
    check_choice,
    check_column,
    check_int,
    check_names,
    factorise,
    one_currency,
    warn,
)
from ..engine.bank import LEARNED
from ..engine.estimates import Estimates
from ..engine.impossible import impossible
from ..engine.methods import OLDEST
from ..engine.preparation import scale_of
from ..engine.state_space import choose
from ..errors import InputError
from .backtest import _with_zeros, forecast_known
from .blending import Record, Tree, by_period, kinds, learn
from .daily import Days
from .fit import check_models, check_transform
from .hierarchy import METHODS, build_nodes, reconcile_open
from .hindsight import panel_missed
from .intake import Block, Panel, read_history
from .smoothing import View, closed_nodes, node_blocks, node_panel, smoothed, views_of
from .whole import with_gaps_filled
from .widening import of_sums

__all__ = ["forecast_hierarchy"]

_CERTAIN = 1e-4  # their errors are this part of what they were
_WEIGHED = ("mint_shrink", "wls")  # methods that weigh nodes by their errors
_TESTED = 12  # values of some node from which methods are tried on the past
_SILENT = 4  # periods without sales after which a bottom series has ended, at least


def forecast_hierarchy(
    history: pd.DataFrame,
    horizon: int,
    *,
    keys: str | Sequence[str],
    levels: Sequence[Sequence[str]] | None = None,
    method: str = "auto",
    non_negative: bool = True,
    freq: str | None = None,
    season_length: int | None = None,
    model: str | Sequence[str] = "auto",
    level: Sequence[float] | None = (80, 95),
    calendar: str | pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    partial: str = "drop",
    gaps: str = "auto",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    transform: str | float | None = None,
    clean: bool = False,
) -> pd.DataFrame:
    """Forecast every level of a hierarchy so that all of them add up.

    Parameters
    ----------
    history : DataFrame
        As for :func:`forecast`.
    horizon : int
        Periods to forecast.
    keys : str or sequence of str
        Key columns whose crossings are the bottom.
    levels : sequence of sequences of str, optional
        The levels wanted, each the keys it keeps (``[]`` is the total). None: all of them. The
        bottom is always there.
    method : str, default="auto"
        As in :func:`reconcile`; residuals are the one-step errors in the history of each node, of
        the models fitted where ``model`` is ``"ets"``, else of damped exponential smoothing.
        ``"auto"``: a mixture, with the weights that would have been best for the last ``horizon``
        periods (``attrs["weights"]``), of ``"wls"``; ``"mint_shrink"`` by these residuals;
        ``"mint_ahead"``, the same by errors of one to ``horizon`` steps that the fitted models
        would have made from up to 30 earlier origins, bounded at 2.5 robust standard deviations
        (not with calendar or events); and sums reconciled by the last spread by what each bottom
        series sold lately. Under ``model="auto"`` without calendar, events or transform also what
        other models say of every node, by covariances of their own errors: ``"mstl"`` (by
        variances alone, too), ``"ces"``, and exponential smoothing with a damped trend and with a
        lasting one.
        ``"mint_shrink"``: a mixture of the first three alone. Where the history is too short to
        learn weights, ``"wls"`` or plain ``"mint_shrink"``. ``attrs["method"]`` tells:
        ``"mixture"``, or the method.
    non_negative : bool, default=True
        As in :func:`reconcile`; a ``DataWarning`` tells of bottom series forecast below zero.
    freq, season_length, model, level, calendar, events, partial, gaps, as_of, invalid, date, \
amount, transform, clean
        As in :func:`forecast`, node by node; amounts are added up before they are transformed or
        cleaned.

    Returns
    -------
    DataFrame
        ``keys`` (missing: all), ``date``, ``forecast``, interval ends, ``status``, ``base`` (the
        forecast before it was made to add up); total first, bottom last. Bottom series without
        sales for a season (four periods at least) are forecast as zero before reconciliation:
        ``status`` is ``"ended"``. Intervals are those of the base forecasts, moved: the errors of
        models do not tell how much less reconciled forecasts err. Where they are learned, those
        of sums are scaled by a factor for each level, by how far forecasts of the same sums would
        have been missed at up to three earlier origins.

    Raises
    ------
    InputError
        ``levels`` names a column that is not among ``keys``, or as in :func:`forecast`.

    References
    ----------
    See :func:`reconcile`. R. Hollyman, F. Petropoulos, M. E. Tipping, "Understanding forecast
    reconciliation", European Journal of Operational Research 294 (2021), 149-160 (levels kept in
    turn and averaged). D. Girolimetto, G. Athanasopoulos, T. Di Fonzo, R. J. Hyndman,
    "Cross-temporal probabilistic forecast reconciliation: methodological and practical issues",
    International Journal of Forecasting 40 (2024), 1134-1151 (errors of several steps).

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"shop": ["a", "b"] * 12, "amount": [1.0, 2.0] * 12,
    ...                       "date": pd.date_range("2025-01-01", periods=12, freq="MS").repeat(2)})
    >>> forecast_hierarchy(sales, 1, keys="shop", level=None)["forecast"].round(6).tolist()
    [3.0, 1.0, 2.0]
    """
    caller = "forecast_hierarchy"
    horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
    check_choice(method, "method", ("auto", *METHODS), caller=caller)
    check_bool(non_negative, "non_negative", caller=caller)
    names = check_names(keys, "keys", caller=caller)
    if not names:
        raise InputError(f"{caller}(): keys is empty; name the key columns of the hierarchy.")
    wanted = _levels(levels, names, caller)
    check_column(amount, "amount", caller=caller)
    if amount != "quantity" and not all("currency" in level for level in wanted):
        one_currency(history, (), caller=caller, arg="history")
    panel = read_history(
        history,
        caller=caller,
        by=names,
        freq=freq,
        season_length=season_length,
        partial=partial,
        gaps=gaps,
        date=date,
        amount=amount,
        as_of=as_of,
        invalid=invalid,
    )
    if not np.isfinite(panel.values).any():
        raise InputError(f"{caller}(): history has no known amount in {amount!r}.")
    panel = panel.with_rows()  # every node is forecast
    frame, labels = _added_up(panel, names, wanted)
    made = _how(panel, model, calendar, events, transform, clean)
    made["days"] = Days.beneath(panel, history, date, calendar)
    ended = _ended(panel, labels, names)
    frame["believed"] = _believed(frame, made)
    end, shared = int(panel.end.max()), Estimates()
    base = _base(frame, panel, end, horizon, {**made, "level": level, "shared": shared})
    base = _with_widths_of_sums(base, labels, names, shared, horizon, made)
    base, unsure = _with_ends(_without(base, ended))
    if non_negative:
        _tell_of_negative(base, labels, caller)
    tree = Tree.of(labels, names, caller)
    shut = _closed(tree, panel, frame, end, horizon, made)
    base = _with_closed(base, shut)
    errors = _errors(frame, made)
    errors.loc[errors["_node"].isin(ended), "residual"] *= _CERTAIN
    plain, weights = method != "auto", None
    if method in ("auto", "mint_shrink"):
        weights = _learned(tree, frame, errors, panel, horizon, made, plain)
    own = "wls" if method == "auto" else method
    out = _reconciled(base, errors, labels, names, shut, own, non_negative)
    out.attrs["method"] = own
    if weights is not None:
        record = _record(frame, errors, len(labels), end, horizon, made, shared, plain, ended)
        closed = tree.of_leaves(shut)
        out = _mixed(out, base, tree, record, ended, weights, closed, non_negative)
        out.attrs["method"] = method if plain else "mixture"
    for name, rows in unsure.items():
        out.loc[rows, name] = np.nan
    return out


def _how(
    panel: Panel, model: Any, calendar: Any, events: Any, transform: Any, clean: Any
) -> dict[str, Any]:
    """What the nodes of a panel are read and forecast with."""
    return {
        "by": "_node",
        "freq": panel.grid.freq,
        "season_length": panel.season,
        "partial": "keep",
        "gaps": panel.gaps,
        "model": model,
        "calendar": calendar,
        "events": events,
        "caller": panel.caller,
        "transform": check_transform(transform, panel, caller=panel.caller),
        "clean": check_bool(clean, "clean", caller=panel.caller),
    }


def _tell_of_negative(base: pd.DataFrame, labels: pd.DataFrame, caller: str) -> None:
    """Net returns or balances come out as zero: the user should know why."""
    bottom = np.flatnonzero(labels.notna().all(axis=1))
    below = base["_node"].isin(bottom) & (base["forecast"] < 0)
    some = base.loc[below, "_node"].unique()
    if len(some):
        first = " / ".join(map(str, labels.iloc[int(some.min())]))
        warn(
            f"{caller}(): {len(some)} bottom series are forecast below zero, first {first}; "
            "they are held at zero. non_negative=False lets them be negative."
        )


def _reconciled(
    base: pd.DataFrame,
    errors: pd.DataFrame,
    labels: pd.DataFrame,
    names: list[str],
    shut: np.ndarray,
    method: str,
    non_negative: bool,
) -> pd.DataFrame:
    """The base forecasts by one method, and their intervals around the new forecasts."""
    out = reconcile_open(
        _label(base, labels, names),
        keys=names,
        method=method,
        residuals=_label(errors, labels, names) if method in _WEIGHED else None,
        non_negative=non_negative,
        shut=shut.ravel(),
    ).reset_index(drop=True)
    out["base"] = base["forecast"].to_numpy()
    return _around(out, base, non_negative)


def _base(
    frame: pd.DataFrame, panel: Panel, end: int, horizon: int, made: dict[str, Any]
) -> pd.DataFrame:
    """Forecasts of every node known by ``end``, ``horizon`` rows each."""
    known = frame[frame["_at"] <= end]
    far = horizon + end - int(known.groupby("_node")["_at"].max().min())
    base = forecast_known(known.drop(columns="_at"), far, **made)
    base = base[panel.grid.period_of(base["date"].to_numpy().astype("datetime64[us]")) > end]
    return base.groupby("_node").head(horizon).reset_index(drop=True)


def _with_widths_of_sums(
    base: pd.DataFrame,
    labels: pd.DataFrame,
    names: list[str],
    shared: Estimates,
    horizon: int,
    made: dict[str, Any],
) -> pd.DataFrame:
    """Learned widths of sums times a factor by level, from how their past would have been missed.

    A lower end of zero stays: how far below it would lie is not known.
    """
    ends = [str(c) for c in base.columns if str(c).startswith(("lo_", "hi_"))]
    models = check_models(made["model"], caller=made["caller"])
    if not ends or not LEARNED.issuperset(models) or made["transform"] is not None:
        return base
    nodes, row = build_nodes(labels, names, made["caller"])
    size = np.asarray(nodes.summing.sum(axis=1)).ravel()[row]
    kind, level = np.unique(labels.notna().to_numpy(), axis=0, return_inverse=True)
    level = np.where(size > 1, level.reshape(-1), -1)
    mean = [
        np.log(size[level == k]).mean() if (level == k).any() else 0.0 for k in range(len(kind))
    ]
    free, common = shared.known("free"), shared.known("widen")
    own = level[free.labels["_node"].to_numpy()]
    found = of_sums(free, own, np.array(mean), horizon, common, made["clean"])
    factor = np.where(level < 0, 1.0, found[level])[base["_node"].to_numpy()]
    centre = base["forecast"].to_numpy()
    out = base.copy()
    for name in ends:
        end = base[name].to_numpy()
        moved = centre + factor * (end - centre)
        stays = (end >= 0) & (np.minimum(end, moved) <= 0) & name.startswith("lo_")
        out[name] = np.where(stays, 0.0, moved)
    return out


def _learned(
    tree: Tree,
    frame: pd.DataFrame,
    errors: pd.DataFrame,
    panel: Panel,
    horizon: int,
    made: dict[str, Any],
    plain: bool,
) -> dict[str, float] | None:
    """Weights that would have been best ``horizon`` periods ago; None where nobody can say."""
    end, count = int(panel.end.max()), len(tree.row)
    cut = end - horizon
    known = frame[(frame["_at"] <= cut) & np.isfinite(frame["amount"])]
    longest = int(known.groupby("_node").size().max()) if len(known) else 0
    if not tree.above or longest < max(2 * panel.season, _TESTED):
        return None
    shared = Estimates()
    then = _base(frame, panel, cut, horizon, {**made, "level": None, "shared": shared})
    base = np.zeros((count, horizon))
    base[then["_node"].unique()] = then["forecast"].to_numpy().reshape(-1, horizon)
    record = _record(frame, errors, count, cut, horizon, made, shared, plain)
    truth = by_period(frame, "believed", count, cut + 1, end)[:, :horizon]
    shut = _closed(tree, panel, frame, cut, horizon, made)
    return learn(tree, np.where(shut, 0.0, base), record, truth, tree.of_leaves(shut), plain)


def _record(
    frame: pd.DataFrame,
    errors: pd.DataFrame,
    count: int,
    end: int,
    horizon: int,
    made: dict[str, Any],
    shared: Estimates,
    plain: bool,
    ended: np.ndarray | None = None,
) -> Record:
    """What was known by period ``end``, when ``shared`` was estimated; ``ended``: by then over.

    ``plain``: without other models' views.
    """
    views = {} if plain else _views(frame, count, end, horizon, made)
    ahead = panel_missed(shared, count, end, horizon, made)
    if ended is not None:
        views = {name: v.without(ended, _CERTAIN) for name, v in views.items()}
        ahead = None if ahead is None else ahead.without(ended, _CERTAIN)
    return Record.of(frame, errors, count, end, made["season_length"], views, ahead)


def _closed(
    tree: Tree, panel: Panel, frame: pd.DataFrame, end: int, horizon: int, made: dict[str, Any]
) -> np.ndarray:
    """Where nothing is sold for certain after period ``end``, (labels, horizon).

    A leaf is closed where any sum it is part of is; a sum where all of its leaves are.
    """
    if not panel.closes:
        return np.zeros((len(tree.row), horizon), dtype=bool)
    known = node_panel(frame[frame["_at"] <= end], made)
    own = tree.of_nodes(closed_nodes(known, len(tree.row), end, horizon))
    summing = tree.nodes.summing
    leaves = summing.T @ own.astype(float) > 0
    return np.asarray((summing @ (~leaves).astype(float) == 0)[tree.row])


def _with_closed(base: pd.DataFrame, shut: np.ndarray) -> pd.DataFrame:
    """Nothing is forecast where all is closed."""
    out = base.copy()
    columns = [c for c in base.columns if c == "forecast" or c.startswith(("lo_", "hi_"))]
    out.loc[shut.ravel(), columns] = 0.0
    return out


def _mixed(
    out: pd.DataFrame,
    base: pd.DataFrame,
    tree: Tree,
    record: Record,
    ended: np.ndarray,
    weights: dict[str, float],
    shut: np.ndarray,
    non_negative: bool,
) -> pd.DataFrame:
    """The weighted mean of the kinds that have weights, and intervals around it."""
    before = base["forecast"].to_numpy()
    before = before.reshape(len(tree.row), -1)
    made = kinds(tree, before, record, ended, shut, list(weights), non_negative=non_negative)
    mixed = tree.nodes.summing @ np.einsum("k,klh->lh", list(weights.values()), made)
    mixed = mixed[tree.row].ravel()
    out["forecast"] = mixed
    out = _around(out, base, non_negative)
    out.attrs["weights"] = {name: round(weight, 3) for name, weight in weights.items()}
    return out


def _around(out: pd.DataFrame, base: pd.DataFrame, non_negative: bool) -> pd.DataFrame:
    """Intervals around the new forecasts as they lie around the base forecasts.

    What is raised keeps its lower ends in proportion: where nothing may be sold, that stays so,
    and an end below zero is not raised above it, past that of a lower level.
    """
    before, now = base["forecast"].to_numpy(), out["forecast"].to_numpy()
    kept = np.divide(now, before, out=np.ones(len(now)), where=before > 0)
    for name in [c for c in base.columns if str(c).startswith(("lo_", "hi_"))]:
        end = base[name].to_numpy()
        moved = now + (end - before)  # in this order ends of any size stay in theirs
        if name.startswith("lo_"):
            raised = (before >= 0) & (now > before)
            part = np.where(end >= 0, np.minimum(end * kept, moved), np.minimum(moved, 0.0))
            moved = np.where(raised, part, moved)
        out[name] = np.maximum(moved, 0.0) if non_negative else moved
    return out


def _ended(panel: Panel, labels: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Bottom nodes that have been silent for a season, and sums of nothing else: nothing is added
    by them."""
    last = np.full(len(panel), np.iinfo(np.int64).min // 2)
    known = np.isfinite(panel.values) & ((panel.values != 0) | (not panel.zero_gaps))
    code = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
    np.maximum.at(last, code[known], panel.at[known])
    silent = int(panel.end.max()) - last >= max(panel.season, _SILENT)
    bottom = len(labels) - len(panel)  # the bottom comes last, in the order of the panel
    nodes, row = build_nodes(labels, names, panel.caller)
    sells = np.zeros(len(nodes))
    sells[row[bottom:]] = ~silent
    return np.flatnonzero((nodes.summing @ sells[nodes.leaves])[row] == 0)


def _without(base: pd.DataFrame, ended: np.ndarray) -> pd.DataFrame:
    """Nothing is forecast for nodes that have ended."""
    gone = base["_node"].isin(ended).to_numpy()
    columns = [c for c in base.columns if c == "forecast" or c.startswith(("lo_", "hi_"))]
    out = base.copy()
    out.loc[gone, columns] = 0.0
    out.loc[gone, "status"] = "ended"
    return out


def _with_ends(base: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Interval ends that nobody knows (a few values alone) at the forecast, and which they are."""
    ends = [str(c) for c in base.columns if str(c).startswith(("lo_", "hi_"))]
    unsure = {c: base[c].isna().to_numpy() for c in ends}
    filled = {c: base[c].fillna(base["forecast"]) for c in ends}
    return base.assign(**filled), unsure


def _levels(levels: Any, names: list[str], caller: str) -> list[list[str]]:
    """Each level's keys, coarse to fine, the bottom last."""
    if levels is None:
        found = [list(c) for k in range(len(names)) for c in combinations(names, k)]
    else:
        if isinstance(levels, str) or not isinstance(levels, Iterable):
            raise InputError(f"{caller}(): levels must be lists of keys, got {levels!r}.")
        found = [check_names(one, "levels", caller=caller) for one in levels]
    for one in found:
        unknown = [c for c in one if c not in names]
        if unknown:
            raise InputError(f"{caller}(): levels names {unknown[0]!r}, which is not among keys.")
    distinct: dict[frozenset[str], list[str]] = {}
    for one in found:  # in another order the same keys are the same level
        distinct.setdefault(frozenset(one), one)
    distinct.pop(frozenset(names), None)
    found = sorted(distinct.values(), key=len)
    return [*found, names]


def _added_up(
    panel: Panel, names: list[str], levels: list[list[str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values of every node by period, and the keys of each node."""
    code = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
    own = (code, panel.at, panel.values)
    if panel.zero_gaps:
        own = _with_zeros(panel, code)
    summed = with_gaps_filled(panel, own)
    parts, labels, offset = [], [], 0
    for one in levels:
        code, at, values = own if one == names else summed
        found = factorise(panel.labels, one) if one else None
        group = found.codes if found is not None else np.zeros(len(panel), dtype=np.int64)
        part = pd.DataFrame({"_node": group[code] + offset, "_at": at, "amount": values})
        part = part.groupby(["_node", "_at"], as_index=False)["amount"].sum(min_count=1)
        label = panel.labels.iloc[np.unique(group, return_index=True)[1]].reset_index(drop=True)
        for name in names:
            if name not in one:
                label[name] = label[name].where(np.zeros(len(label), dtype=bool))
        labels.append(label)
        parts.append(part)
        offset += len(label)
    frame = pd.concat(parts, ignore_index=True)
    frame["date"] = panel.grid.dates(frame["_at"].to_numpy())
    return frame, _stacked(labels, names)


def _stacked(labels: list[pd.DataFrame], names: list[str]) -> pd.DataFrame:
    """Keys of all nodes; where a key is missing its dtype is that of the bottom if it can be."""
    bottom = labels[-1]
    columns = {}
    for name in names:
        values: list[Any] = [v for part in labels for v in part[name]]
        values = [None if pd.isna(v) else v for v in values]
        dtype = bottom[name].dtype
        if dtype.kind in "iub" and any(v is None for v in values):
            dtype = pd.Series(bottom[name]).convert_dtypes().dtype
        if isinstance(dtype, pd.IntervalDtype):  # intervals of whole numbers take no gap
            dtype = np.dtype(object)
        columns[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(columns)


def _believed(frame: pd.DataFrame, made: dict[str, Any]) -> np.ndarray:
    """Amounts of every node, NaN where the learned combination sets one aside.

    What nobody sold is no share of a sum, nor anything that weights could be learned from.
    """
    amount = frame["amount"].to_numpy(dtype=float, copy=True)
    if check_models(made["model"], caller=made["caller"]) != ["auto"]:
        return amount
    panel = node_panel(frame, made)
    first, width = int(frame["_at"].min()), int(np.ptp(frame["_at"])) + 1
    odd = []
    for label, block in node_blocks(panel, {}):
        row, column = np.nonzero(impossible(block.y, block.n, panel.season))
        at = (block.last - block.ahead - block.n + 1)[column] + row
        odd.append(label[column] * width + at - first)
    cell = frame["_node"].to_numpy() * width + frame["_at"].to_numpy() - first
    amount[np.isin(cell, np.concatenate(odd))] = np.nan
    return amount


def _label(frame: pd.DataFrame, labels: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    out = labels.iloc[frame["_node"].to_numpy()].reset_index(drop=True)
    rest = frame.drop(columns="_node").reset_index(drop=True)
    return pd.concat([out[names], rest], axis=1)


def _errors(frame: pd.DataFrame, made: dict[str, Any]) -> pd.DataFrame:
    """One-step errors of every node in its history: ``_node``, ``_at``, ``date``, ``residual``."""
    fitted = made["model"] in ("ets", ["ets"])
    parts = []
    panel = node_panel(frame, made)
    for label, block in node_blocks(panel, made, OLDEST if fitted else None):
        _, e = smoothed(block, panel.season)
        if fitted:
            own = _fitted_errors(block, panel.season)
            e = np.where(np.isfinite(own).any(axis=0), own, e)
        row, column = np.nonzero(np.isfinite(e) & (np.arange(len(e))[:, None] < block.n))
        at = (block.last - block.ahead - block.n + 1)[column] + row
        node = label[column]
        parts.append(pd.DataFrame({"_node": node, "_at": at, "residual": e[row, column]}))
    out = pd.concat([*parts, _guessed(frame, parts)], ignore_index=True)
    out["date"] = panel.grid.dates(out["_at"].to_numpy())
    return out


def _guessed(frame: pd.DataFrame, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """An error as large as itself for every node with too few values to have one."""
    told = np.concatenate([p["_node"].to_numpy() for p in parts])
    rest = frame[~frame["_node"].isin(told)]
    size = rest["amount"].abs().groupby(rest["_node"]).mean().fillna(0.0)
    last = rest.groupby("_node")["_at"].max()
    return pd.DataFrame({"_node": size.index, "_at": last.to_numpy(), "residual": size.to_numpy()})


def _views(
    frame: pd.DataFrame, count: int, end: int, horizon: int, made: dict[str, Any]
) -> dict[str, View]:
    """Other forecasts of every node; none where the user named what a forecast is made by.

    Nor where it knows of a calendar, which these do not.
    """
    plain = made["model"] in ("auto", ["auto"]) and made["transform"] is None
    if not plain or made["calendar"] is not None or made["events"] is not None:
        return {}
    return views_of(frame, count, end, horizon, made)


def _fitted_errors(block: Block, season: int) -> np.ndarray:
    """Of the exponential smoothing form of lowest AICc; NaN where none applies."""
    scale = scale_of(block.y)
    out = np.full(block.y.shape, np.nan)
    for which, fit in choose(block.y / scale, block.n, max(season, 1), 1):
        out[:, which] = np.where(np.isfinite(fit.aicc), fit.errors, np.nan)
    return out * scale
