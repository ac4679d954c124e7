"""Controlled rounding: a table of real numbers to whole numbers that add up in every family.

Rows belong to a tree and columns belong to a tree (two nested families of margins). A rounding
in which every cell, every row total and row subtotal, and every column total and column
subtotal is the floor or the ceiling of its ideal always exists, because it is a flow with
whole bounds in a network that has a real flow [1]_. It is found in three steps: margins are
rounded down their trees by largest remainders; cells are rounded row by row, columns being
balanced by prices (the dual of the transport problem) and cheapest transfers; and what no
transfer can settle is settled by augmenting paths through the whole network, margins included.

References
----------
.. [1] L. H. Cox, "A constructive procedure for unbiased controlled rounding", Journal of the
   American Statistical Association 82 (1987), 520-524; and B. D. Causey, L. H. Cox and
   L. R. Ernst, "Applications of transportation theory to statistical problems", ibid. 80
   (1985), 903-909.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

__all__ = [
    "Tree",
    "cross_deviation",
    "flat",
    "prefix_rounding",
    "round_table",
    "round_tree",
    "whole_and_rest",
]


@dataclass(frozen=True)
class Tree:
    """Levels of a hierarchy from the first below the root down to the leaves.

    ``parents[k][v]`` is the node of level ``k - 1`` that node ``v`` of level ``k`` belongs to
    (level -1 is the root); the last level holds the leaves.
    """

    parents: tuple[np.ndarray, ...]

    @property
    def leaves(self) -> int:
        return len(self.parents[-1])

    def sums(self, leaves: np.ndarray) -> list[np.ndarray]:
        """Totals of every level, top down, from leaf values."""
        out: list[np.ndarray] = [np.asarray(leaves, dtype=np.float64)]
        for k in range(len(self.parents) - 1, 0, -1):
            size = len(self.parents[k - 1])
            out.append(np.bincount(self.parents[k], weights=out[-1], minlength=size))
        return out[::-1]

    def above(self) -> list[np.ndarray]:
        """For every level, top down, the node of that level each leaf belongs to."""
        out: list[np.ndarray] = [np.arange(self.leaves, dtype=np.int64)]
        for parents in self.parents[:0:-1]:
            out.append(np.asarray(parents[out[-1]], dtype=np.int64))
        return out[::-1]


def flat(n: int) -> Tree:
    """``n`` leaves straight under the root."""
    return Tree((np.zeros(n, dtype=np.int64),))


def snap(values: np.ndarray) -> np.ndarray:
    """Values that are whole but for what summing floats loses, as whole numbers."""
    near = np.rint(values)
    grain = np.maximum(1e-9, 256 * np.finfo(np.float64).eps * np.abs(values))
    return np.where(np.abs(values - near) <= grain, near, values)


def whole_and_rest(
    ideal: np.ndarray, totals: np.ndarray, block: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A table as whole numbers and a small rest that adds up to what they leave of ``totals``.

    For tables so large that sums of their floats miss the totals by whole units: rounding the
    rest alone is exact. What the sums miss goes to the open cells in proportion; rows that are
    whole but for such noise stay whole.

    Parameters
    ----------
    ideal : float64 array of shape (n, m)
        The table.
    totals : int64 array
        Totals of the blocks of columns.
    block : int64 array of shape (m,)
        Block of each column.

    Returns
    -------
    (int64 array, float64 array)
        Whole part and rest, shape (n, m); the rest is from 0 and below 1.
    """
    base = np.floor(ideal).astype(np.int64)
    rest = ideal - base
    size = np.where(rest > 0, np.abs(ideal), 0.0)
    sums = rest.sum(axis=1)
    grain = 8 * np.finfo(np.float64).eps * np.abs(ideal).sum(axis=1)
    kept = np.abs(sums - np.rint(sums)) <= grain
    if not size[~kept].any():
        kept[:] = False
    _close(rest, size, kept, np.rint(sums) - sums)
    for b, total in enumerate(totals.tolist()):
        at = np.flatnonzero(block == b)
        gap = float(total - int(base[:, at].sum())) - float(rest[:, at].sum())
        open_ = size[:, at] * ~kept[:, None]
        open_ = open_ if open_.any() else size[:, at]
        if open_.any():
            rest[:, at] += open_ * (gap / open_.sum())
    more = np.floor(rest)
    return base + more.astype(np.int64), rest - more


def _close(rest: np.ndarray, size: np.ndarray, rows: np.ndarray, gap: np.ndarray) -> None:
    """Add ``gap`` to the sums of ``rows``, in proportion to ``size``."""
    total = size.sum(axis=1)
    share = np.divide(gap, total, out=np.zeros(len(gap)), where=rows & (total > 0))
    rest += size * share[:, None]


def round_tree(totals: list[np.ndarray], tree: Tree, root: int) -> list[np.ndarray]:
    """Whole totals of every level: floor or ceiling, children adding up to their parent.

    Parameters
    ----------
    totals : list of float64 arrays
        Ideals of every level, as :meth:`Tree.sums` gives them.
    tree : Tree
        The hierarchy.
    root : int
        The whole total of the root, floor or ceiling of the sum of the first level.
    """
    out: list[np.ndarray] = []
    above = np.array([root], dtype=np.int64)
    for ideal, parents in zip(totals, tree.parents, strict=True):
        above = _round_children(ideal, parents, above)
        out.append(above)
    return out


def _round_children(ideal: np.ndarray, parents: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Largest remainders within each family; earlier children win ties."""
    whole = np.floor(ideal)
    # Ties are decided to nine digits: finer differences are rounding noise.
    fraction = np.rint((ideal - whole) * 1e9)
    short = above - np.bincount(parents, weights=whole, minlength=len(above)).astype(np.int64)
    order = np.lexsort((-fraction, parents))
    sizes = np.bincount(parents, minlength=len(above))
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    out = whole.astype(np.int64)
    out[order] += place < short[parents[order]]
    _settle_noise(out, ideal, parents, above)
    return out


def _settle_noise(
    out: np.ndarray, ideal: np.ndarray, parents: np.ndarray, above: np.ndarray
) -> None:
    """Children that miss their parent by what floats lose in large sums: the largest takes it."""
    miss = above - np.bincount(parents, weights=out, minlength=len(above)).astype(np.int64)
    if not miss.any():
        return
    order = np.lexsort((-np.abs(ideal), parents))
    first = order[np.flatnonzero(np.r_[True, np.diff(parents[order]) != 0])]
    out[first] += miss[parents[first]]


def round_table(
    ideal: np.ndarray,
    *,
    total: int,
    rows: Tree | None = None,
    columns: Tree | None = None,
    row_totals: list[np.ndarray] | None = None,
    column_totals: list[np.ndarray] | None = None,
    whole_rows: np.ndarray | None = None,
    whole_columns: np.ndarray | None = None,
) -> np.ndarray:
    """Whole table with every cell and every margin of both trees floor or ceiling of its ideal.

    Parameters
    ----------
    ideal : float64 array of shape (n, m)
        The table to round; whole cells stay as they are. Adds up to ``total``.
    total : int
        Grand total of the result.
    rows, columns : Tree, optional
        Hierarchies whose leaves are the rows and the columns; default: no subtotals.
    row_totals, column_totals : lists of float64 arrays, optional
        Ideal margins of every level where they are known better than as sums of cells.
    whole_rows, whole_columns : int64 arrays, optional
        Totals of the leaves that are given: they replace the rounding of that side's tree.

    Returns
    -------
    int64 array of shape (n, m)
    """
    rows = rows if rows is not None else flat(ideal.shape[0])
    columns = columns if columns is not None else flat(ideal.shape[1])
    if row_totals is None:
        row_totals = rows.sums(ideal.sum(axis=1))
    if column_totals is None:
        column_totals = columns.sums(ideal.sum(axis=0))
    r_ideal = [snap(level) for level in row_totals]
    c_ideal = [snap(level) for level in column_totals]
    x = snap(ideal)
    rows, r, r_ideal = _side(rows, r_ideal, total, whole_rows)
    columns, c, c_ideal = _side(columns, c_ideal, total, whole_columns)
    sides = (rows, r, r_ideal), (columns, c, c_ideal)
    if len(rows.parents) > 1:
        try:
            return _round_nested(x, rows, r, c[-1])
        except ArithmeticError:
            pass  # too few open cells to fix subtotals in each column: margins move with cells
    return _round_cells(x, *sides)


def _round_nested(
    x: np.ndarray, rows: Tree, r: list[np.ndarray], whole_columns: np.ndarray
) -> np.ndarray:
    """Level by level: each family's columns are whole before its members are rounded.

    Keeps subtotals across both families near their ideals. Levels with very many nodes are
    skipped: their members are rounded within the level above.
    """
    m = x.shape[1]
    above = rows.above()
    levels = [k for k in range(len(r) - 1) if len(r[k]) * m <= 20_000]
    group = np.zeros(len(x), dtype=np.int64)
    known = whole_columns[None, :]
    for k in [*levels, len(r) - 1]:
        leaf = k == len(r) - 1
        first = np.unique(above[k], return_index=True)[1]
        table = x if leaf else snap(_sum_rows(x, above[k]))
        parent = group[first] if not leaf else group
        out = np.empty(table.shape, dtype=np.int64)
        order = np.argsort(parent, kind="stable")
        for at in np.split(order, np.flatnonzero(np.diff(parent[order])) + 1):
            column = known[parent[at[0]]]
            flat_rows, flat_columns = flat(len(at)), flat(m)
            total = r[k][at]
            out[at] = _round_cells(
                table[at],
                (flat_rows, [total], [total.astype(np.float64)]),
                (flat_columns, [column], [column.astype(np.float64)]),
            )
        known, group = out, above[k]
    return known


def _sum_rows(x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Rows of ``x`` added up by group, shape (count, m)."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    ordered = x if (order[1:] > order[:-1]).all() else x[order]
    return np.add.reduceat(ordered, starts, axis=0)


def _round_cells(x: np.ndarray, row_side: _Side, column_side: _Side) -> np.ndarray:
    """Cells rounded to the leaves' whole totals; what does not fit is settled in the network."""
    base = np.floor(x)
    fraction = x - base
    open_ = fraction > 0
    need_rows = row_side[1][-1] - base.sum(axis=1).astype(np.int64)
    need_columns = column_side[1][-1] - base.sum(axis=0).astype(np.int64)
    up = _balance(fraction, open_, need_rows, need_columns)
    excess = up.sum(axis=0) - need_columns
    missing = up.sum(axis=1) - need_rows
    if excess.any() or missing.any():
        _augment(up, open_, excess, missing, row_side, column_side)
    return base.astype(np.int64) + up


def prefix_rounding(ideal: np.ndarray, total: int) -> np.ndarray:
    """Whole values whose every run (any stretch of neighbours) is floor or ceiling of its ideal.

    Differences of rounded running totals; for families of periods that cross each other, as
    weeks and months do.
    """
    ideal = snap(ideal)
    whole = np.floor(ideal).astype(np.int64)
    # Fractions apart from whole parts: a whole ideal then stays what it is, to the last bit.
    running = np.floor(snap(np.cumsum(ideal - whole))).astype(np.int64)
    running[-1] = total - int(whole.sum())
    return whole + np.diff(running, prepend=0)


_Side = tuple[Tree, list[np.ndarray], list[np.ndarray]]


def _side(tree: Tree, ideal: list[np.ndarray], total: int, given: np.ndarray | None) -> _Side:
    """A side's tree, whole totals and ideals; given totals of leaves are not to be moved."""
    if given is None:
        return tree, round_tree(ideal, tree, total), ideal
    return flat(len(given)), [given], [given.astype(np.float64)]


def cross_deviation(error: np.ndarray, rows: Tree, columns: Tree) -> float:
    """Largest absolute sum of ``error`` over a row subtotal crossed with a column subtotal."""
    worst = 0.0
    for at_column in columns.above():
        part = _grouped(error.T, at_column).T
        for at_row in rows.above():
            worst = max(worst, float(np.abs(_grouped(part, at_row)).max(initial=0.0)))
    return worst


def _grouped(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums of rows by group."""
    if len(group) == group.max(initial=-1) + 1:
        return values
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    ordered = values if (order[1:] > order[:-1]).all() else values[order]
    return np.add.reduceat(ordered, first, axis=0)


# --------------------------------------------------------------------------------------
# Cells


def _balance(
    fraction: np.ndarray, open_: np.ndarray, need_rows: np.ndarray, need_columns: np.ndarray
) -> np.ndarray:
    """Which cells go up: row needs met, column needs met as far as direct transfers reach."""
    n, m = fraction.shape
    # A tiny dither spreads ties over the columns, so that equal rows do not all pick the first.
    spread = np.arange(n)[:, None] * 0.6180339887498949 + np.arange(m) * 0.7548776662466927
    gain = np.where(open_, fraction + 1e-9 * (spread % 1.0), -np.inf)
    density = np.maximum(open_.sum(axis=0), 1)
    price = np.zeros(m)
    best, fewest = None, np.inf
    for _ in range(4):
        up = _best_of_rows(gain + price, need_rows)
        excess = up.sum(axis=0) - need_columns
        off = np.abs(excess).sum()
        if off < fewest:
            best, fewest = up, off
        if not off or n == 1:
            break
        price -= excess / density
    assert best is not None
    _transfer(best, gain, open_, need_columns)
    if n * m * m <= 1_000_000:
        _improve(best, fraction, open_)
    elif n * n * m <= 1_000_000:
        _improve(best.T, fraction.T, open_.T)
    return best


def _best_of_rows(gain: np.ndarray, need: np.ndarray) -> np.ndarray:
    """The ``need[i]`` cells of largest gain in each row, as a mask."""
    n, m = gain.shape
    need = np.clip(need, 0, m)
    ordered = np.sort(gain, axis=1)
    bar = np.where(need > 0, ordered[np.arange(n), np.minimum(m - need, m - 1)], np.inf)
    up = (gain >= bar[:, None]) & np.isfinite(gain)
    over = up.sum(axis=1) - need
    for i in np.flatnonzero(over > 0):  # exact ties at the bar, rare after the dither
        at = np.flatnonzero(up[i] & (gain[i] == bar[i]))
        up[i, at[len(at) - over[i] :]] = False
    return up


def _transfer(
    up: np.ndarray, gain: np.ndarray, open_: np.ndarray, need_columns: np.ndarray
) -> None:
    """Move single units from columns with too many to columns with too few, cheapest first."""
    excess = up.sum(axis=0) - need_columns
    stuck: set[tuple[int, int]] = set()
    while True:
        pairs = [
            (a, b)
            for a in np.argsort(-excess, kind="stable")[:3]
            for b in np.argsort(excess, kind="stable")[:3]
            if excess[a] > 0 > excess[b] and (a, b) not in stuck
        ] or [
            (a, b)
            for a in np.flatnonzero(excess > 0)
            for b in np.flatnonzero(excess < 0)
            if (a, b) not in stuck
        ]
        if not pairs:
            return
        a, b = pairs[0]
        movable = np.flatnonzero(up[:, a] & open_[:, b] & ~up[:, b])
        k = min(int(excess[a]), int(-excess[b]), len(movable))
        if k == 0:
            stuck.add((a, b))
            continue
        cost = gain[movable, a] - gain[movable, b]
        rows = movable[np.argpartition(cost, k - 1)[:k]]
        up[rows, a], up[rows, b] = False, True
        excess[a] -= k
        excess[b] += k
        # A move may open a pair that was stuck.
        stuck = {p for p in stuck if b not in p and a not in p}


def _improve(up: np.ndarray, fraction: np.ndarray, open_: np.ndarray) -> None:
    """Cancel cycles of columns that lower the distance to the ideal, margins untouched."""
    m = up.shape[1]
    if m < 2 or m > 400:
        return
    for _ in range(50 * m):
        cost, row = _cheapest_moves(up, fraction, open_)
        cycle = _negative_cycle(cost)
        if cycle is None:
            return
        for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            i = row[a, b]
            # Two arcs of one cycle may name the same row; the path within it is still valid.
            up[i, a], up[i, b] = False, True


def _cheapest_moves(
    up: np.ndarray, fraction: np.ndarray, open_: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each ordered pair of columns the cheapest row to move a unit from one to the other."""
    off = np.where(up, fraction, np.inf)
    on = np.where(open_ & ~up, fraction, -np.inf)
    m = up.shape[1]
    cost = np.full((m, m), np.inf)
    row = np.zeros((m, m), dtype=np.int64)
    for a in range(m):
        change = off[:, a : a + 1] - on
        row[a] = change.argmin(axis=0)
        cost[a] = change[row[a], np.arange(m)]
    np.fill_diagonal(cost, np.inf)
    return cost, row


def _negative_cycle(cost: np.ndarray) -> list[int] | None:
    """A cycle of negative cost (Bellman and Ford), or None."""
    m = len(cost)
    reach = np.zeros(m)
    before = np.full(m, -1)
    last = -1
    for _ in range(m):
        through = reach[:, None] + cost
        source = through.argmin(axis=0)
        shorter = through[source, np.arange(m)] < reach - 1e-9
        if not shorter.any():
            return None
        reach = np.where(shorter, through[source, np.arange(m)], reach)
        before = np.where(shorter, source, before)
        last = int(np.flatnonzero(shorter)[0])
    for _ in range(m):
        last = int(before[last])
    cycle, at = [last], int(before[last])
    while at != last:
        cycle.append(at)
        at = int(before[at])
    return cycle[::-1]


# --------------------------------------------------------------------------------------
# Augmenting paths


def _augment(
    up: np.ndarray,
    open_: np.ndarray,
    excess: np.ndarray,
    missing: np.ndarray,
    row_side: _Side,
    column_side: _Side,
) -> None:
    """Settle what is left by a maximum flow in the residual network; changes ``up`` in place.

    Units run from the root of the rows down to a row, through a cell into a column and up to
    the root of the columns. Each arc may change by one unit towards the other of floor and
    ceiling.
    """
    n, m = up.shape
    row_nodes, size = _numbered(row_side[0], 0)
    column_nodes, size = _numbered(column_side[0], size)
    source, sink = size, size + 1
    i, j = np.nonzero(up)
    a, b = np.nonzero(open_ & ~up)
    tails = [column_nodes[-1][j], row_nodes[-1][a]]
    heads = [row_nodes[-1][i], column_nodes[-1][b]]
    for nodes, side, down in ((row_nodes, row_side, True), (column_nodes, column_side, False)):
        for k, (parents, now, ideal) in enumerate(zip(side[0].parents, *side[1:], strict=True)):
            child = nodes[k + 1]
            parent = nodes[k][parents]
            more, less = now < np.ceil(ideal), now > np.floor(ideal)
            grows, shrinks = (more, less) if down else (less, more)
            tails += [parent[grows], child[shrinks]]
            heads += [child[grows], parent[shrinks]]
    arcs = np.ones(sum(len(part) for part in tails), dtype=np.int32)
    # A row holding more than its total pulls less from above; a column sends its excess on.
    ends, amounts = _ends(np.r_[-missing, excess], np.r_[row_nodes[-1], column_nodes[-1]])
    for node, amount in zip(ends, amounts, strict=True):
        tails.append(np.array([source if amount > 0 else node]))
        heads.append(np.array([node if amount > 0 else sink]))
    capacity = np.r_[arcs, np.abs(amounts).astype(np.int32)]
    graph = coo_array(
        (capacity, (np.concatenate(tails), np.concatenate(heads))), shape=(size + 2, size + 2)
    ).tocsr()
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    result = maximum_flow(graph, source, sink)
    wanted = int(amounts[amounts > 0].sum())
    if result.flow_value != wanted:
        raise ArithmeticError("the margins contradict the cells: no rounding exists")
    flow = result.flow.tocoo()
    used = flow.data > 0
    tail, head = flow.row[used].astype(np.int64), flow.col[used].astype(np.int64)
    first_row, first_column = row_nodes[-1][0], column_nodes[-1][0]
    to_row = (
        (tail >= first_column)
        & (tail < first_column + m)
        & (head >= first_row)
        & (head < first_row + n)
    )
    up[head[to_row] - first_row, tail[to_row] - first_column] = False
    to_column = (
        (tail >= first_row)
        & (tail < first_row + n)
        & (head >= first_column)
        & (head < first_column + m)
    )
    up[tail[to_column] - first_row, head[to_column] - first_column] = True


def _numbered(tree: Tree, start: int) -> tuple[list[np.ndarray], int]:
    """Node numbers of the root and of every level, counted from ``start``."""
    nodes = [np.array([start])]
    start += 1
    for parents in tree.parents:
        nodes.append(np.arange(start, start + len(parents)))
        start += len(parents)
    return nodes, start


def _ends(amounts: np.ndarray, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.flatnonzero(amounts)
    return nodes[at], amounts[at]
