"""The organisation: labels in order, weights, and the tree they stand in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_column,
    check_same_kind,
    check_series,
    factorise,
    take,
    to_pandas,
    warn,
)
from ..engine.controlled_rounding import Tree
from ..errors import InputError
from .allocation import fill_missing
from .spans import Spans, label_days, stamps

__all__ = [
    "RESERVED",
    "PlanColumns",
    "as_table",
    "cell_positions",
    "lookup",
    "node_name",
    "of_measure_alone",
    "one_measure",
    "org_tree",
    "overlap",
    "part_of_tree",
    "plan_keys",
    "take_organisation",
]

RESERVED = (
    "measure", "period_start", "period_end", "target", "assigned", "as_of", "previous", "closed",
    "top_down", "bottom_up", "gap",
)  # fmt: skip


def as_table(given: Any, name: str, *, caller: str) -> Any:
    """A frame of another engine as pandas; all else as it is given."""
    kind = type(given).__module__.partition(".")[0]
    if kind in ("builtins", "numpy", "pandas", "decimal", "fractions", "collections"):
        return given
    import narwhals.stable.v2 as nw

    table = nw.from_native(given, pass_through=True)
    if isinstance(table, nw.DataFrame | nw.LazyFrame):
        return to_pandas(given, caller=caller, arg=name)
    return given


def plan_keys(columns: Any, own: Any = ()) -> list[Any]:
    """Key columns of a plan: all that the plan itself (``own`` names too) does not reserve."""
    reserved = {*RESERVED, *own}
    return [c for c in columns if c not in reserved]


@dataclass(frozen=True, slots=True)
class PlanColumns:
    """A plan's own columns by the caller's names."""

    period_start: str = "period_start"
    period_end: str = "period_end"
    target: str = "target"
    measure: str = "measure"

    def names(self) -> tuple[str, ...]:
        return self.period_start, self.period_end, self.target, self.measure

    def keys(self, columns: Any) -> list[Any]:
        """The other columns: what the plan is made for."""
        return plan_keys(columns, self.names())

    def check(self, caller: str) -> PlanColumns:
        """The same, once each is known to be the name of a column."""
        for name, told in zip(self.names(), asdict(self), strict=True):
            check_column(name, told, caller=caller)
        return self

    def roles(self, missing: str = "refuse") -> dict[str, Any]:
        """Roles of these columns for the door."""
        return {
            "period_start": Date(self.period_start),
            "period_end": Date(self.period_end, last=True),
            "target": Amount(self.target, missing=missing),
            # A column that was named and is not there is a slip, not a plan of one measure.
            "measure": Key(self.measure, optional=self.measure == "measure", missing=missing),
        }

    def check_days(self, rows: Rows, *, caller: str) -> None:
        """Refuse periods that end before they start."""
        bad = np.flatnonzero(rows.days("period_start") > rows.days("period_end"))
        if len(bad):
            raise InputError(
                f"{caller}(): plan: {self.period_end} lies before {self.period_start} in "
                f"{len(bad)} row(s), first row {rows.index[bad[0]]!r}."
            )

    def canonical(self, plan: pd.DataFrame, *, caller: str) -> pd.DataFrame:
        """``plan`` under the canonical names, so that the next call needs no options.

        What was assigned for targets that are about to change is left out, and told.
        """
        both = self.period_start == self.period_end  # one column of months, say
        fixed = ("period_start", "target") if both else ("period_start", "period_end", "target")
        renamed = {getattr(self, n): n for n in fixed if getattr(self, n) != n}
        taken = [*renamed.values(), *(["period_end"] if both else [])]
        clash = [n for n in taken if n in plan.columns and n not in renamed]
        if clash:
            own = {name: column for column, name in renamed.items()}.get(
                clash[0], self.period_start
            )
            raise InputError(
                f"{caller}(): plan has both {own!r} and {clash[0]!r}, the name the result gives "
                f"it; drop or rename {clash[0]!r}."
            )
        out = plan.rename(columns=renamed) if renamed else plan.copy()
        if both:
            at = list(out.columns).index("period_start")
            out.insert(at + 1, "period_end", out["period_start"])
        if "assigned" in out.columns:
            warn(
                f"{caller}(): left out the column 'assigned': it was made for the targets before; "
                "multiply the new ones by the factors in plan.attrs['overassign']."
            )
            out = out.drop(columns="assigned")
        return out


def overlap(
    keys: Callable[[], np.ndarray], start: np.ndarray, end: np.ndarray, *, same: bool = False
) -> str:
    """What is wrong where periods of one key overlap (``same``: or are repeated); else ``""``.

    ``keys``: gives the key of each row; only asked where the periods alone leave a doubt.
    """
    low = int(start.min())
    last = np.full(int(start.max()) - low + 1, -1, dtype=np.int64)
    last[start - low] = end
    begun = np.flatnonzero(last >= 0)
    if not same and (last[start - low] == end).all() and (last[begun[:-1]] < begun[1:] + low).all():
        return ""  # the same periods for all, one after the other
    codes = keys()
    place = codes * len(last) + (start - low)
    order = np.arange(len(place))
    if (np.diff(place) < 0).any():
        order = np.lexsort((end, place))
    one, two = order[:-1], order[1:]
    bad = (codes[one] == codes[two]) & (start[two] <= end[one])
    if not same:
        bad &= (start[two] != start[one]) | (end[two] != end[one])
    if not bad.any():
        return ""
    at = np.array([one[bad.argmax()], two[bad.argmax()]])
    a, b = (
        f"{s.date()} to {e.date()}" for s, e in zip(stamps(start[at]), stamps(end[at]), strict=True)
    )
    repeated = " or are repeated" if same else ""
    return f"periods of one key overlap{repeated} (first {a} and {b})"


def one_measure(rows: Rows, *, caller: str) -> Any:
    """The plan's measure (None: it names none); refuse to add targets of different ones."""
    if "measure" not in rows:
        return None
    kinds = rows.keys("measure").labels.iloc[:, 0].tolist()
    if len(kinds) > 1:
        name = rows.columns["measure"]
        raise InputError(
            f"{caller}(): plan has {len(kinds)} measures in column {name!r} "
            f"({', '.join(map(repr, kinds[:4]))}), which cannot be added; pass the rows of one."
        )
    return kinds[0]


def of_measure_alone(
    frame: pd.DataFrame, wanted: Any, *, caller: str, arg: str, column: str = "measure"
) -> pd.DataFrame:
    """Rows of one measure, that of the plan; what several of them come to means nothing."""
    if list(frame.columns).count(column) != 1:
        return frame
    told = frame[column].astype(object)
    if wanted is None:
        have = told.dropna().unique().tolist()
        if len(have) > 1:
            raise InputError(
                f"{caller}(): {arg} has {len(have)} measures in column {column!r} "
                f"({', '.join(map(repr, have[:4]))}), which cannot be added; pass the rows of one."
            )
        return frame
    own = (told == wanted).to_numpy(dtype=bool)
    if not own.all():
        first = told[~own].iloc[0]
        warn(
            f"{caller}(): left out {int((~own).sum())} row(s) of {arg} of other measures than "
            f"{wanted!r}, first {first!r}."
        )
    return frame[own]


def take_organisation(
    weights: Any, total: Any, spans: Spans, *, caller: str
) -> tuple[pd.Index | None, np.ndarray]:
    """Labels in ascending order, and their weights, shape (n,) or (n, m)."""
    if weights is None:
        names = plan_keys(total.columns) if isinstance(total, pd.DataFrame) else []
        if not names:
            return None, np.ones(1)
        index = factorise(total, names).index
        return index, np.ones(len(index))
    if isinstance(weights, pd.DataFrame) and {"parent", "weight"}.issubset(weights.columns):
        weights = _paths(weights, caller=caller)
    if isinstance(weights, pd.DataFrame):
        values, index = _by_period(weights, spans, caller=caller), weights.index
    else:
        series = check_series(weights, "weights", caller=caller, missing="allow", low=0)
        index, values = series.index, fill_missing(series.to_numpy())
    if not len(index):
        raise InputError(f"{caller}(): weights has no entries; give at least one.")
    if not (values > 0).any():
        raise InputError(f"{caller}(): all weights are zero; give at least one positive weight.")
    keys = factorise(_labels(index, caller=caller), _names(index))
    order = np.argsort(keys.codes, kind="stable")
    return keys.index, values[order]


def _names(index: pd.Index) -> list[Any]:
    return [
        n if n is not None else ("key" if index.nlevels == 1 else f"key_{i}")
        for i, n in enumerate(index.names)
    ]


def _labels(index: pd.Index, *, caller: str) -> pd.DataFrame:
    """Labels as columns; a missing lower part is the branch itself (a ragged hierarchy)."""
    frame = index.to_frame(index=False)
    frame.columns = _names(index)
    clash = set(RESERVED).intersection(frame.columns)
    if clash:
        raise InputError(f"{caller}(): weights has a level named {min(clash)!r}; rename it.")
    lost = frame.iloc[:, 0].isna()
    if lost.any():
        raise InputError(
            f"{caller}(): weights has {int(lost.sum())} label(s) without a value for "
            f"{frame.columns[0]!r}; name the top level of each."
        )
    for above, name in zip(frame.columns, frame.columns[1:], strict=False):
        gap = frame[name].isna()
        if gap.any():
            frame[name] = frame[name].astype(object).where(~gap, frame[above].astype(object))
            frame[name] = frame[name].infer_objects()
    if frame.duplicated().any():
        raise InputError(f"{caller}(): weights has repeated labels; sum them first.")
    return frame


def _paths(frame: pd.DataFrame, *, caller: str) -> pd.Series:
    """A parent-child frame as a Series over ``level_1, level_2, ...``."""
    others = [c for c in frame.columns if c not in ("parent", "weight")]
    if len(others) != 1:
        raise InputError(
            f"{caller}(): a parent-child frame has the columns parent, weight and one for the "
            f"key; this one has {len(others)} others: {others!r}."
        )
    rows = take(
        frame,
        caller=caller,
        arg="weights",
        unique=("key",),
        key=Key(others[0]),
        parent=Key("parent", missing="allow", option=""),
        weight=Amount("weight", missing="allow", low=0, option=""),
    )
    child, parent = rows.series("key").tolist(), rows.series("parent")
    above = dict(zip(child, [None if pd.isna(p) else p for p in parent], strict=True))
    unknown = sorted({str(p) for p in above.values() if p is not None and p not in above})
    if unknown:
        raise InputError(
            f"{caller}(): weights: {len(unknown)} parent(s) have no row of their own, first "
            f"{unknown[0]!r}; add them with an empty parent."
        )
    inner = set(above.values())
    paths = []
    for key in child:
        if key in inner:
            continue
        path, at = [key], above[key]
        while at is not None:
            if at in path:
                raise InputError(f"{caller}(): weights: {at!r} is its own ancestor.")
            path.append(at)
            at = above[at]
        paths.append(path[::-1])
    if not paths:
        raise InputError(f"{caller}(): weights: every key is an ancestor of another; mend parent.")
    depth = max(map(len, paths))
    full = [p + [p[-1]] * (depth - len(p)) for p in paths]
    values = dict(zip(child, rows["weight"], strict=True))
    names = [f"level_{i + 1}" for i in range(depth)]
    index = (
        pd.MultiIndex.from_tuples(full, names=names)
        if depth > 1
        else pd.Index([p[0] for p in full], name=others[0])
    )
    return pd.Series([values[p[-1]] for p in paths], index=index)


def _by_period(weights: pd.DataFrame, spans: Spans, *, caller: str) -> np.ndarray:
    """A frame rep by period as values in the order of time."""
    if not weights.index.is_unique:
        raise InputError(f"{caller}(): weights has repeated labels; sum them first.")
    columns = weights.columns
    if isinstance(columns, pd.MultiIndex):  # a pivot of one value has that as a heading above
        same = [i for i in range(columns.nlevels) if columns.get_level_values(i).nunique() == 1]
        columns = columns.droplevel(same[: columns.nlevels - 1])
    try:
        at = label_days(columns, "columns of weights", caller=caller)
    except InputError:
        raise InputError(
            f"{caller}(): weights is a frame, which is read as key by period, but its columns "
            f"({', '.join(map(repr, weights.columns[:4]))}) are no dates. A tidy frame goes in as "
            'a Series: frame.set_index(keys)["weight"].'
        ) from None
    order = np.argsort(at, kind="stable")
    if len(at) != len(spans) or (at[order] < spans.start).any() or (at[order] > spans.end).any():
        raise InputError(
            f"{caller}(): weights must have one column for each of the {len(spans)} periods "
            f"(named by their first day or Period); it has {len(at)}."
        )
    flat = pd.Series(weights.to_numpy(dtype=object)[:, order].ravel()).infer_objects()
    values = check_series(flat, "weights", caller=caller, low=0, missing="allow").to_numpy()
    return fill_missing(values).reshape(len(weights), len(spans))


def org_tree(organisation: pd.Index | None) -> Tree:
    """The organisation as a tree; labels ascend, so each family is contiguous."""
    if organisation is None:
        return Tree((np.zeros(1, dtype=np.int64),))
    frame = organisation.to_frame(index=False)
    parents, above = [], np.zeros(len(frame), dtype=np.int64)
    for depth in range(1, frame.shape[1]):
        codes = factorise(frame.iloc[:, :depth], list(frame.columns[:depth])).codes
        _, first = np.unique(codes, return_index=True)
        parents.append(above[first])
        above = codes
    parents.append(above)
    return Tree(tuple(parents))


def node_name(organisation: pd.Index | None, tree: Tree, level: int, at: int) -> str:
    """A node of a level as a reader knows it: its labels from the top down."""
    if organisation is None:
        return "the plan"
    label = organisation[int(np.flatnonzero(tree.above()[level] == at)[0])]
    parts = label if isinstance(label, tuple) else (label,)
    return " / ".join(map(str, parts[: level + 1]))


def part_of_tree(tree: Tree, rows: np.ndarray) -> tuple[Tree, list[np.ndarray]]:
    """The tree of some of the leaves, and which nodes of each level it keeps."""
    parents, kept = [], []
    above = np.zeros(len(rows), dtype=np.int64)
    for codes in tree.above():
        nodes, first, fresh = np.unique(codes[rows], return_index=True, return_inverse=True)
        parents.append(above[first])
        kept.append(nodes)
        above = fresh.reshape(-1)
    return Tree(tuple(parents)), kept


def cell_positions(
    row_key: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    codes: np.ndarray,
    days: np.ndarray,
    today: int,
) -> np.ndarray:
    """Row of the plan whose key and period each amount belongs to, -1 for none.

    Periods of one key must not overlap.
    """
    low, width = int(start.min()), int(end.max() - start.min()) + 2
    place = row_key * width + (start - low)
    order = np.arange(len(place))
    if (np.diff(place) < 0).any():
        order = np.argsort(place, kind="stable")
    inside = (codes >= 0) & (days >= low) & (days <= min(today, int(end.max())))
    wanted = codes * width + (days - low)
    found = np.searchsorted(place[order], wanted, side="right") - 1
    row = order[np.maximum(found, 0)]
    good = inside & (found >= 0) & (row_key[row] == codes) & (days <= end[row])
    return np.where(good, row, -1)


def lookup(
    mine: pd.DataFrame, theirs: pd.DataFrame, *, caller: str, args: tuple[str, str]
) -> np.ndarray:
    """Positions of their labels among mine, -1 where there is none; dtypes may differ.

    Numbers beside text, of which none would ever be found, are refused.
    """
    for name, other_name in zip(mine, theirs, strict=True):
        check_same_kind([mine[name], theirs[other_name]], caller=caller, args=args)
    own = mine.astype(object)
    other = theirs.astype(object)
    if own.shape[1] == 1:
        return pd.Index(own.iloc[:, 0]).get_indexer(pd.Index(other.iloc[:, 0]))
    return pd.MultiIndex.from_frame(own).get_indexer(pd.MultiIndex.from_frame(other))
