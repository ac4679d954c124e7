"""Coherent forecasts of several kinds, mixed as would have been best one horizon ago."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..engine.blending import mixing_weights, recent_size, spread
from ..engine.reconciliation import Covariance, Projection, loosened, shrink
from .hierarchy import Nodes, ancestors, build_nodes
from .hindsight import Ahead
from .parts import Part, by_part
from .smoothing import View

__all__ = ["FITTED", "KINDS", "Record", "Tree", "kinds", "learn", "usual_weights"]

# What is mixed, with its weight where the past says nothing (chosen; where it says
# something, weights move from these). The last four spread the sums of a
# level, reconciled by the second or third, by what each bottom series sold: the mean over all
# levels above the bottom by the last season or by the last three, the coarsest level alone, the
# finest alone (levels of as many nodes count alike: the order of the keys decides nothing). The
# third is not there where a record is too short for errors of several steps.
KINDS = {
    "wls": 0.3,
    "mint_shrink": 0.15,
    "mint_ahead": 0.15,
    "top_down_season": 0.1,
    "top_down_seasons": 0.1,
    "top_down_coarsest": 0.1,
    "top_down_finest": 0.1,
}
# The same of what other models say of every node: which, by their covariance or by variances
# alone. The smoothings come in only where the past asks for them.
OTHERS = {
    "mint_shrink_damped": 0.0,
    "mint_shrink_holt": 0.0,
    "mint_shrink_mstl": 0.06,
    "wls_mstl": 0.06,
    "mint_shrink_ces": 0.06,
}
FITTED = ("wls", "mint_shrink", "mint_ahead")  # by least squares alone
_BELIEF = 0.02  # relative error that weights far from these must save
# Of a few nodes and periods chance decides which kind would have been best: weights keep to these
# below some hundreds of errors, and shares of a coarser level, which are far wrong where series
# have seasons of their own, need some hundred that speak for them.
_CHANCE, _SHARES = 200, 100
_LEAST = 4  # values that a season counts for, at least
_LOOK = 15  # seasons that are looked back


@dataclass(slots=True)
class Tree:
    """A hierarchy of which every node has a number (its label)."""

    nodes: Nodes
    row: np.ndarray  # row among the nodes of each label
    above: list[np.ndarray]  # by level, coarse to fine: the node of each leaf

    @classmethod
    def of(cls, labels: pd.DataFrame, names: list[str], caller: str) -> Tree:
        """The tree of all labels."""
        nodes, row = build_nodes(labels, names, caller)
        given = nodes.codes >= 0
        patterns = np.unique(given[~given.all(axis=1)], axis=0)
        found = [ancestors(nodes, [n for n, on in zip(names, p) if on]) for p in patterns]
        whole = [a for a in found if (a >= 0).all()]
        return cls(nodes, row, sorted(whole, key=lambda a: len(np.unique(a))))

    def of_leaves(self, values: np.ndarray) -> np.ndarray:
        """Values by label as values by leaf."""
        label = np.empty(len(self.row), dtype=np.int64)
        label[self.row] = np.arange(len(self.row))
        return np.asarray(values[label[self.nodes.leaves]])

    def covariance(
        self, errors: np.ndarray, base: np.ndarray, together: np.ndarray | None = None
    ) -> Covariance:
        """Of past errors (labels, periods), for forecasts (nodes, columns) that they weigh."""
        found, _ = shrink(self.of_nodes(errors), together)
        return loosened(found, self.nodes.summing, self.nodes.leaves, base)

    def of_nodes(self, values: np.ndarray) -> np.ndarray:
        """Values by label as values by node."""
        out = np.empty_like(values)
        out[self.row] = values
        return out


@dataclass(slots=True)
class Record:
    """What was known at one time: values and errors (labels, periods), NaN where none.

    ``values`` are without what cannot be true, ``errors`` of one step, ``ahead`` of several where
    there are any. ``views``: what other models made of it.
    """

    values: np.ndarray
    errors: np.ndarray
    season: int
    views: dict[str, View]
    ahead: Ahead | None = None

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        errors: pd.DataFrame,
        count: int,
        end: int,
        season: int,
        views: dict[str, View],
        ahead: Ahead | None,
    ) -> Record:
        """Up to period ``end``; of the values only the newest."""
        look = max(_LOOK * season, _LOOK * _LEAST)
        return cls(
            by_period(frame, "believed", count, end - look + 1, end),
            by_period(errors, "residual", count, int(errors["_at"].min()), end),
            season,
            views,
            ahead,
        )

    def sizes(self, seasons: int, ended: np.ndarray) -> np.ndarray:
        """What each label sells a period; nothing where it has ended."""
        out = recent_size(self.values, seasons * max(self.season, _LEAST))
        newest = np.nan_to_num(self.values[:, -max(self.season, _LEAST) :])
        out[~newest.any(axis=1)] = 0.0
        out[ended] = 0.0
        return out

    def scale(self) -> np.ndarray:
        """Mean absolute change over a season of each label; NaN where there is none."""
        gap = min(self.season, self.values.shape[1] - 1)
        away = np.abs(self.values[:, gap:] - self.values[:, :-gap])
        known = np.isfinite(away)
        total = np.where(known, away, 0.0).sum(axis=1)
        count = known.sum(axis=1)
        return np.where(total > 0, total / np.maximum(count, 1), np.nan)


def by_period(frame: pd.DataFrame, column: str, count: int, first: int, last: int) -> np.ndarray:
    """A column as (labels, periods), NaN where there is no row."""
    out = np.full((count, max(last - first + 1, 2)), np.nan)
    rows = frame[(frame["_at"] >= first) & (frame["_at"] <= last)]
    out[rows["_node"].to_numpy(), rows["_at"].to_numpy() - first] = rows[column].to_numpy()
    return out


def kinds(
    tree: Tree,
    base: np.ndarray,
    record: Record,
    ended: np.ndarray,
    shut: np.ndarray,
    names: list[str],
    *,
    non_negative: bool,
) -> np.ndarray:
    """Leaves by every kind of ``names``, (kinds, leaves, columns); ``base`` (labels, columns).

    ``shut`` (leaves, columns): where nothing is sold for certain.
    """
    values = tree.of_nodes(base)
    sizes = [tree.of_leaves(record.sizes(seasons, ended)) for seasons in (1, 3)]
    weighed = _weighed(tree, values, record)
    fitted = {name: weighed[name] for name in names if name in weighed}
    last_fitted = [name for name in FITTED if name in fitted][-1]
    wide = [len(np.unique(a)) for a in tree.above]

    def make(part: Part, where: np.ndarray) -> np.ndarray:
        nodes, rows = part.nodes, part.rows
        made = {
            name: Projection(nodes.summing, nodes.leaves, errors.of(rows)).leaves(
                seen[np.ix_(rows, where)], non_negative=non_negative
            )
            for name, (errors, seen) in fitted.items()
        }
        if len(fitted) < len(names):
            above = [np.searchsorted(rows, a[part.open]) for a in tree.above]
            own = [size[part.open] for size in sizes]
            made |= _spread_down(nodes.summing @ made[last_fitted], above, wide, own)
        return np.stack([made[name] for name in names])

    made = by_part(tree.nodes, shut, make)
    return np.maximum(made, 0.0) if non_negative else made


def _spread_down(
    sums: np.ndarray, above: list[np.ndarray], wide: list[int], sizes: list[np.ndarray]
) -> dict[str, np.ndarray]:
    """Leaves by what they sold: the last season, the last three; levels of ``wide`` nodes."""
    last, long = ([spread(sums, a, size) for a in above] for size in sizes)
    return {
        "top_down_season": np.mean(last, axis=0),
        "top_down_seasons": np.mean(long, axis=0),
        "top_down_coarsest": np.mean([x for x, k in zip(long, wide) if k == min(wide)], axis=0),
        "top_down_finest": np.mean([x for x, k in zip(long, wide) if k == max(wide)], axis=0),
    }


def _weighed(
    tree: Tree, values: np.ndarray, record: Record
) -> dict[str, tuple[Covariance, np.ndarray]]:
    """Covariance and forecasts (nodes, columns) of all that is fitted by least squares."""
    one = tree.covariance(record.errors, values)
    out = {"wls": (Covariance(one.variance), values), "mint_shrink": (one, values)}
    if record.ahead is not None:
        out["mint_ahead"] = (_far(tree, record.ahead, record.errors, values), values)
    for name in OTHERS:
        how, model = name.rsplit("_", 1)
        if model in record.views:
            out[name] = _other(tree, values, record, record.views[model], how == "wls")
    return out


def _other(
    tree: Tree, values: np.ndarray, record: Record, view: View, plain: bool
) -> tuple[Covariance, np.ndarray]:
    """The same of another model; of what it has nothing to say, the forecasts themselves.

    ``plain``: by the variances of one-step errors alone.
    """
    seen = tree.of_nodes(view.base)
    seen = np.where(np.isfinite(seen), seen, values)
    errors = record.errors if view.errors is None else view.errors
    if plain or view.ahead is None:
        found = tree.covariance(errors, seen)
        return (Covariance(found.variance) if plain else found), seen
    return _far(tree, view.ahead.filled(record.ahead), errors, seen), seen


def _far(tree: Tree, ahead: Ahead, one_step: np.ndarray, values: np.ndarray) -> Covariance:
    """Of errors of several steps."""
    joined = ahead.joined(one_step)
    return tree.covariance(joined.errors, values, joined.together)


def usual_weights(record: Record, plain: bool = False) -> dict[str, float]:
    """The kinds there are, in order, with their weights where the past says nothing.

    ``plain``: only those by least squares on the forecasts themselves.
    """
    out = {name: KINDS[name] for name in FITTED} if plain else dict(KINDS)
    if record.ahead is None:
        out["mint_shrink"] += out.pop("mint_ahead")
    if not plain:
        known = record.views
        out |= {name: w for name, w in OTHERS.items() if name.rsplit("_", 1)[1] in known}
    whole = sum(out.values())
    return {name: weight / whole for name, weight in out.items()}


def learn(
    tree: Tree,
    base: np.ndarray,
    record: Record,
    truth: np.ndarray,
    shut: np.ndarray,
    plain: bool = False,
) -> dict[str, float]:
    """The weights under which ``base`` (labels, columns) would have come nearest to ``truth``.

    Each label counts by its absolute error over its mean change over a season.
    """
    none = np.empty(0, dtype=np.int64)
    usual = usual_weights(record, plain)
    made = kinds(tree, base, record, none, shut, list(usual), non_negative=False)
    positive = not (record.values < 0).any()
    made = np.stack([tree.nodes.summing @ (np.maximum(m, 0.0) if positive else m) for m in made])
    away = (made[:, tree.row] - truth) / record.scale()[:, None]
    away = away[:, np.isfinite(truth) & np.isfinite(record.scale())[:, None]]
    count = max(away.shape[1], 1)
    told = count**2 / (count**2 + _SHARES**2)
    start = np.array([w * (told if k.startswith("top_down") else 1) for k, w in usual.items()])
    belief = _BELIEF * (1 + (_CHANCE / count) ** 2)
    found = mixing_weights(away, start / start.sum(), belief)
    return dict(zip(usual, found.tolist()))
