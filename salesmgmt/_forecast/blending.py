"""Coherent forecasts of several kinds, mixed as would have been best one horizon ago."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..engine.blending import mixing_weights, recent_size, spread
from ..engine.reconciliation import Covariance, Projection, loosened, shrink
from .hierarchy import Nodes, ancestors, build_nodes
from .parts import Part, by_part
from .smoothing import TRENDS, View

__all__ = ["KINDS", "Record", "Tree", "kinds", "learn", "names_of"]

# What is mixed, with its weight where the past says nothing. The last four spread the forecasts
# of a level by what each bottom series sold: the mean over all levels above the bottom by the
# last season or by the last three, the coarsest level alone, the finest alone.
KINDS = {
    "wls": 0.3,
    "mint_shrink": 0.3,
    "top_down_season": 0.1,
    "top_down_seasons": 0.1,
    "top_down_coarsest": 0.1,
    "top_down_finest": 0.1,
}
_BELIEF = 0.02  # relative error that weights far from these must save
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

    def covariance(self, errors: np.ndarray, base: np.ndarray) -> Covariance:
        """Of past errors (labels, periods), for forecasts (nodes, columns) that they weigh."""
        found, _ = shrink(self.of_nodes(errors))
        return loosened(found, self.nodes.summing, self.nodes.leaves, base)

    def of_nodes(self, values: np.ndarray) -> np.ndarray:
        """Values by label as values by node."""
        out = np.empty_like(values)
        out[self.row] = values
        return out


@dataclass(slots=True)
class Record:
    """What was known at one time: values and errors (labels, periods), NaN where none.

    ``views``: what other models made of it.
    """

    values: np.ndarray
    errors: np.ndarray
    season: int
    views: list[View]

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        errors: pd.DataFrame,
        count: int,
        end: int,
        season: int,
        views: list[View],
    ) -> Record:
        """Up to period ``end``; of the values only the newest."""
        look = max(_LOOK * season, _LOOK * _LEAST)
        return cls(
            by_period(frame, "amount", count, end - look + 1, end),
            by_period(errors, "residual", count, int(errors["_at"].min()), end),
            season,
            views,
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
    *,
    non_negative: bool,
) -> np.ndarray:
    """Leaves by every kind, (kinds, leaves, columns); ``base`` (labels, columns).

    ``shut`` (leaves, columns): where nothing is sold for certain.
    """
    values = tree.of_nodes(base)
    covariance = tree.covariance(record.errors, values)
    sizes = [tree.of_leaves(record.sizes(seasons, ended)) for seasons in (1, 3)]
    fitted = [(Covariance(covariance.variance), values), (covariance, values)]
    for view in record.views:
        seen = tree.of_nodes(view.base)
        fitted.append((tree.covariance(view.errors, seen), seen))

    def make(part: Part, where: np.ndarray) -> np.ndarray:
        nodes, rows = part.nodes, part.rows
        wls, mint, *views = (
            Projection(nodes.summing, nodes.leaves, errors.of(rows)).leaves(
                seen[np.ix_(rows, where)], non_negative=non_negative
            )
            for errors, seen in fitted
        )
        above = [np.searchsorted(rows, a[part.open]) for a in tree.above]
        ahead = values[np.ix_(rows, where)]
        last, long = ([spread(ahead, a, size[part.open]) for a in above] for size in sizes)
        means = [np.mean(parts, axis=0) for parts in (last, long)]
        return np.stack([wls, mint, *means, long[0], long[-1], *views])

    made = by_part(tree.nodes, shut, make)
    return np.maximum(made, 0.0) if non_negative else made


def names_of(record: Record) -> list[str]:
    """The kinds that :func:`kinds` gives, in order."""
    return [*KINDS, *(f"mint_shrink_{trend}" for trend, _ in zip(TRENDS, record.views))]


def learn(
    tree: Tree, base: np.ndarray, record: Record, truth: np.ndarray, shut: np.ndarray
) -> np.ndarray:
    """The weights under which ``base`` (labels, columns) would have come nearest to ``truth``.

    Each label counts by its absolute error over its mean change over a season.
    """
    none = np.empty(0, dtype=np.int64)
    made = kinds(tree, base, record, none, shut, non_negative=False)
    positive = not (record.values < 0).any()
    made = np.stack([tree.nodes.summing @ (np.maximum(m, 0.0) if positive else m) for m in made])
    away = (made[:, tree.row] - truth) / record.scale()[:, None]
    return mixing_weights(
        away[:, np.isfinite(truth) & np.isfinite(record.scale())[:, None]],
        np.array([*KINDS.values(), *(0.0 for _ in record.views)]),
        _BELIEF,
    )
