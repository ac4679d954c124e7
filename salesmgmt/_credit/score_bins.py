"""From a column to bins: which row of a points table a value falls in, whatever the value.

Every value has a row: an interval or a group of levels, each special value, missing, and (for
levels) whatever was not seen before. Rows of the table and codes of values are made here once,
so that a score and its table cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..engine.binning import (
    best_partition,
    candidate_edges,
    information_value,
    monotone_bound,
    weight_of_evidence,
)
from ..errors import InputError

__all__ = ["Bins", "Recipe", "fit_bins", "is_numeric"]

_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "empty")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the bins of one feature are to be found."""

    trend: str
    max_bins: int
    min_share: float
    criterion: str
    max_candidates: int
    smoothing: float
    rare: float


@dataclass(slots=True)
class Bins:
    """The rows of one feature's table, and the way from a value to its row.

    Rows in order: intervals (or groups of levels), special values, missing, other (levels only).
    """

    name: str
    numeric: bool
    edges: np.ndarray
    levels: pd.Index
    group: np.ndarray
    special: tuple[Any, ...]
    count: np.ndarray = field(default_factory=lambda: np.zeros(0))
    bad: np.ndarray = field(default_factory=lambda: np.zeros(0))
    woe: np.ndarray = field(default_factory=lambda: np.zeros(0))
    iv: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def regular(self) -> int:
        """How many intervals or groups of levels."""
        return len(self.edges) + 1 if self.numeric else int(self.group.max(initial=-1)) + 1

    def __len__(self) -> int:
        return self.regular + len(self.special) + (1 if self.numeric else 2)

    def codes(self, column: pd.Series, caller: str) -> np.ndarray:
        """Row of the table for every value."""
        missing, special, values = split(column, self.name, self.numeric, self.special, caller)
        if self.numeric:
            out = np.searchsorted(self.edges, values, side="left")
        else:
            at = self.levels.get_indexer(pd.Index(values))
            other = len(self) - 1
            out = np.where(at >= 0, self.group[at] if len(self.group) else other, other)
        out = np.where(special >= 0, self.regular + special, out)
        return np.where(missing, self.regular + len(self.special), out)

    def take_worst(self, weight: float) -> None:
        """Give bins that held nobody the evidence of the worst one, as the weight reads it."""
        unseen = self.count == 0
        held = self.woe[~unseen]
        self.woe[unseen] = held.max(initial=0.0) if weight < 0 else held.min(initial=0.0)

    def table(self) -> pd.DataFrame:
        """One row a bin."""
        k, s = self.regular, len(self.special)
        kind = ["interval" if self.numeric else "levels"] * k + ["special"] * s + ["missing"]
        kind += [] if self.numeric else ["other"]
        low = np.full(len(self), np.nan)
        high = np.full(len(self), np.nan)
        if self.numeric:
            low[:k] = np.concatenate([[-np.inf], self.edges])
            high[:k] = np.concatenate([self.edges, [np.inf]])
        with np.errstate(invalid="ignore"):
            rate = self.bad / self.count
        return pd.DataFrame(
            {
                "feature": self.name,
                "kind": kind,
                "label": self.labels(),
                "low": low,
                "high": high,
                "rows": self.count.astype(np.int64),
                "bad": self.bad.astype(np.int64),
                "bad_rate": rate,
                "woe": self.woe,
                "iv": self.iv,
            }
        )

    def labels(self) -> list[str]:
        """Each row in words."""
        if self.numeric:
            ends = [f"{e:.6g}" for e in self.edges]
            text = ["any value"] if not ends else [f"up to {ends[0]}"]
            text += [f"{a} to {b}" for a, b in zip(ends[:-1], ends[1:], strict=True)]
            text += [f"over {ends[-1]}"] if ends else []
        else:
            text = [", ".join(map(str, self.members(g))) for g in range(self.regular)]
        text += [str(v) for v in self.special] + ["missing"]
        return text if self.numeric else [*text, "other"]

    def members(self, group: int) -> list[Any]:
        """The levels of one group."""
        return self.levels[self.group == group].tolist()


def is_numeric(column: pd.Series, special: tuple[Any, ...], caller: str) -> bool:
    """Whether a column is binned by intervals: numbers, also as objects; not truth values.

    Texts among numbers count as what they read as (``"12 "``); others are refused: as levels,
    numbers would be put in order by their own few rows.
    """
    if pd.api.types.is_bool_dtype(column.dtype) or isinstance(column.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    if column.dtype != object:
        return False
    texts = column.map(lambda v: isinstance(v, str)).to_numpy(dtype=bool)
    odd = texts & ~column.isin([v for v in special if isinstance(v, str)]).to_numpy()
    odd[odd] = pd.to_numeric(column[odd], errors="coerce").isna().to_numpy()
    number = pd.api.types.infer_dtype(column[~texts], skipna=True) in _NUMBERS
    held = bool(column[~texts].notna().any())
    if odd.any() and number and held:
        at = column.index[odd][:1].tolist()[0]
        raise InputError(
            f"{caller}(): column {str(column.name)!r} holds numbers, and texts in "
            f"{int(odd.sum())} row(s) (row {at!r}: {column.to_numpy()[odd][0]!r}). Make it numbers "
            "(pd.to_numeric), list texts with a meaning of their own in special=, or name the "
            "column in categorical=."
        )
    return number and (held or not texts.any())


def split(
    column: pd.Series, name: str, numeric: bool, special: tuple[Any, ...], caller: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Missing, which special value (-1: none), and the values themselves."""
    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
        raise InputError(
            f"{caller}(): column {name!r} holds dates; a scorecard bins numbers and levels: turn "
            "it into days before the decision first."
        )
    missing = column.isna().to_numpy(dtype=bool)
    told = [v for v in special if isinstance(v, str)] if column.dtype.kind not in "iufb" else []
    said = column.isin(told).to_numpy(dtype=bool)  # texts with a meaning among numbers
    raw = column.astype(object).to_numpy() if said.any() or not numeric else np.zeros(0)
    values = _numbers(column, name, caller, missing | said) if numeric else raw
    which = np.full(len(column), -1, dtype=np.int64)
    for i, value in enumerate(special):
        held = raw if len(raw) and isinstance(value, str) else values
        which[np.asarray(held == value, dtype=bool) & ~missing] = i
    return missing, which, values


def _numbers(column: pd.Series, name: str, caller: str, lost: np.ndarray) -> np.ndarray:
    parsed = pd.to_numeric(column, errors="coerce")
    values = parsed.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = (np.isnan(values) & ~lost) | np.isinf(values)
    if wrong.any():
        at = np.flatnonzero(wrong)
        raise InputError(
            f"{caller}(): column {name!r} was binned as numbers; {len(at)} row(s) hold no finite "
            f"number (row {column.index[at[:1]].tolist()[0]!r}: "
            f"{column.iloc[at[:1]].tolist()[0]!r}). Infinite and NaN are not the same: make "
            "unknown values missing, or name the column in "
            "categorical=."
        )
    return values


def fit_bins(
    column: pd.Series,
    bad: np.ndarray,
    *,
    name: str,
    numeric: bool,
    special: tuple[Any, ...],
    recipe: Recipe,
    caller: str,
) -> tuple[Bins, np.ndarray]:
    """The bins of one feature, with their weights of evidence; and each row's bin."""
    missing, which, values = split(column, name, numeric, special, caller)
    rest = ~missing & (which < 0)
    if numeric:
        edges = _best_edges(values[rest], bad[rest], recipe, len(bad))
        bins = Bins(name, True, edges, pd.Index([]), np.zeros(0, np.int64), special)
        codes = np.searchsorted(edges, values, side="left")
        codes = np.where(which >= 0, bins.regular + which, codes)
        codes = np.where(missing, bins.regular + len(special), codes)
    else:
        levels, group = _best_groups(values[rest], bad[rest], recipe, len(bad))
        bins = Bins(name, False, np.zeros(0), levels, group, special)
        codes = bins.codes(column, caller)
    _weigh(bins, codes, bad, recipe)
    return bins, codes


def _best_edges(values: np.ndarray, bad: np.ndarray, recipe: Recipe, n: int) -> np.ndarray:
    if not len(values):
        return np.zeros(0)
    edges = candidate_edges(values, recipe.max_candidates)
    at = np.searchsorted(edges, values, side="left")
    starts = _partition(at, bad, len(edges) + 1, recipe, n, recipe.trend)
    return edges[starts[1:] - 1]


def _best_groups(
    values: np.ndarray, bad: np.ndarray, recipe: Recipe, n: int
) -> tuple[pd.Index, np.ndarray]:
    """Levels in order of risk, and the group of each: neighbours in that order merge.

    Rare levels are left out: put in order by their own few rows, they would repeat the outcome
    (think of a column of customer ids). They go where levels go that were never seen.
    """
    at, found = pd.factorize(values)
    often = np.bincount(at, minlength=len(found)) >= max(recipe.rare * n, 1.0)
    keep = often[at] if len(found) else np.zeros(0, dtype=bool)
    at, found = pd.factorize(values[keep])
    bad = bad[keep]
    if not len(found):
        return pd.Index([], dtype=object), np.zeros(0, dtype=np.int64)
    total, risky = np.bincount(at), np.bincount(at, bad)
    woe = weight_of_evidence(
        total - risky, risky, max(float((1 - bad).sum()), 0.5), max(float(bad.sum()), 0.5),
        recipe.smoothing,
    )  # fmt: skip
    names = [(type(v).__name__, str(v)) for v in found]
    order = sorted(range(len(found)), key=lambda i: (-woe[i], names[i]))
    rank = np.empty(len(found), dtype=np.int64)
    rank[order] = np.arange(len(found))
    edges = candidate_edges(rank[at].astype(np.float64), recipe.max_candidates)
    pre = np.searchsorted(edges, np.arange(len(found)), side="left")
    starts = _partition(pre[rank[at]], bad, len(edges) + 1, recipe, n, "ascending")
    group = np.searchsorted(starts, pre, side="right") - 1
    return pd.Index([found[i] for i in order], dtype=object), group


def _partition(
    at: np.ndarray, bad: np.ndarray, n_bins: int, recipe: Recipe, n: int, trend: str
) -> np.ndarray:
    total, risky = np.bincount(at, minlength=n_bins), np.bincount(at, bad, minlength=n_bins)
    good = total - risky
    if not good.any() or not risky.any():  # one class among the values: nothing to part
        return np.zeros(1, dtype=np.int64)
    bounds = {trend: np.inf}
    if trend == "auto":
        signs = {"ascending": 1, "descending": -1}
        bounds = {
            t: monotone_bound(good, risky, sign=s, criterion=recipe.criterion)
            for t, s in signs.items()
        }
    best: tuple[np.ndarray, float] = (np.zeros(1, dtype=np.int64), -np.inf)
    for t in sorted(bounds, key=lambda t: (-bounds[t], t)):
        if best[1] >= bounds[t]:  # whatever this trend finds is no better
            continue
        found = best_partition(
            good, risky, trend=t, max_bins=recipe.max_bins,
            min_count=max(recipe.min_share * n, 1.0), criterion=recipe.criterion,
            prior=recipe.smoothing,
        )  # fmt: skip
        best = found if found[1] > best[1] else best
    return best[0]


def _weigh(bins: Bins, codes: np.ndarray, bad: np.ndarray, recipe: Recipe) -> None:
    bins.count = np.bincount(codes, minlength=len(bins)).astype(np.float64)
    bins.bad = np.bincount(codes, bad, minlength=len(bins))
    good = bins.count - bins.bad
    totals = float(good.sum()), float(bins.bad.sum())
    bins.woe = weight_of_evidence(good, bins.bad, *totals, recipe.smoothing)
    bins.iv = information_value(good, bins.bad, *totals, recipe.smoothing)
