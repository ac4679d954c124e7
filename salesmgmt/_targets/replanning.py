"""A plan made anew in its course: what is over is known, the whole stays exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_choice,
    check_int,
    check_number,
    check_series,
    money,
    one_currency,
    resolve_as_of,
    take,
    to_pandas,
    units,
    warn,
)
from ..engine.apportionment import bounded_shares
from ..engine.bounded_least_squares import nearest_with_sum
from ..engine.controlled_rounding import Tree, round_tree, snap
from ..engine.periods import fiscal_year, period_of
from ..engine.sums import group_sums
from ..engine.units import off_grid
from ..errors import InputError
from .allocation import inward_units
from .organisation import PlanColumns, cell_positions, lookup, of_measure_alone, overlap
from .turnover import as_joiners, dated_leavers, key_of, measure_of, move, with_joiners

__all__ = ["replan"]

METHODS = ("proportional", "even", "catch_up", "minimal")
_ONE_YEAR = 371  # days of the longest retail year


def replan(
    plan: pd.DataFrame,
    actuals: pd.DataFrame | None,
    *,
    as_of: object,
    method: str = "proportional",
    lower: Any = None,
    upper: Any = None,
    step: float = 0.01,
    leavers: Any = None,
    joiners: pd.DataFrame | Mapping[Any, Any] | None = None,
    year_start: int | None = None,
    date: str = "date",
    amount: str = "amount",
    period_start: str = "period_start",
    period_end: str = "period_end",
    target: str = "target",
    measure: str = "measure",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Plan the rest of the time so that every key, and the whole, still meets its total.

    Periods that are over at ``as_of`` become what came in; the difference to their targets
    goes into the key's own open periods of the same year (a running period is open). A key that
    cannot take its difference (bounds, or no open period left) passes it on to the others in
    proportion; what a whole year cannot take goes on to the next. Measures, and currencies where
    ``currency`` is a key, are planned apart.

    Parameters
    ----------
    plan : DataFrame
        Key columns from the top level down, ``period_start``, ``period_end``, ``target`` (and
        ``measure``); targets are multiples of ``step``.
    actuals : DataFrame or None
        Rows with the plan's lowest key column (or all of them), ``date`` and ``amount``. None:
        nothing is closed, only leavers and joiners are dealt with.
    as_of : date or None
        Last day that is over. None: the last date in ``actuals``.
    method : {"proportional", "even", "catch_up", "minimal"}, default="proportional"
        How the difference is spread over a key's open periods: in proportion to their targets;
        the same amount for each; all into the next period (as far as bounds allow, then the
        one after); or into as few cells as possible, the largest first. Open periods without
        a target (days off) take only what no other can.
    lower, upper : float or Series by lowest key, optional
        Floors (default 0) and caps of each open cell, whatever moves it.
    step : float, default=0.01
        Smallest unit of a target.
    leavers : dict, Series of date, label or list of labels, optional
        Last day by lowest key. From then on their cells are 0 (the period they leave in counts
        by its days), and each cell goes to the colleagues under the same parent in the same
        period, in proportion; all other cells stay as they are. What ``actuals`` leave of a
        leaver's total goes to the others, too. A label or a list of labels: their last day is
        ``as_of``.
    joiners : DataFrame or dict, optional
        New keys: the key columns, ``start`` (first day) and ``weight`` (1: an average
        colleague); first days by label where the plan has one key. In each period from then on
        they take their part from the colleagues under the same parent; all other cells stay as
        they are. Where all colleagues have left they take over what these had, by weight and
        days, for as long as they are there.
    year_start : int, optional
        First month of the fiscal year, for plans of several years. Default: January where the
        plan begins in January or ends in December, else the month in which it begins.
    date, amount : str
        Columns of ``actuals``.
    period_start, period_end, target, measure : str
        Columns of ``plan``.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows of ``plan`` and ``actuals`` that cannot be used.

    Returns
    -------
    DataFrame
        ``plan`` with ``target`` made anew, and ``previous`` (target before) and ``closed``;
        the caller's index and rows are kept (own names of its columns become the canonical
        ones), joiners come last. ``target`` adds up to the
        plan's total exactly.

    Raises
    ------
    InputError
        The rest cannot take the difference within the bounds (with the gap), no period is open,
        periods of one key overlap or are repeated, a leaver has no plan, or a value cannot be
        used.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"rep": "Li", "target": [100.0, 100.0, 200.0],
    ...     "period_start": ["2026-01-01", "2026-02-01", "2026-03-01"],
    ...     "period_end": ["2026-01-31", "2026-02-28", "2026-03-31"]})
    >>> sales = pd.DataFrame({"rep": ["Li"], "date": ["2026-01-20"], "amount": [70.0]})
    >>> replan(plan, sales, as_of="2026-01-31")["target"].tolist()
    [70.0, 110.0, 220.0]
    """
    caller = "replan"
    check_choice(method, "method", METHODS, caller=caller)
    check_number(step, "step", caller=caller, low=0, open_low=True)
    columns = PlanColumns(period_start, period_end, target, measure).check(caller)
    frame = to_pandas(plan, caller=caller, arg="plan")
    joiners = as_joiners(joiners, columns.keys(frame.columns))
    frame = with_joiners(frame, joiners, columns, caller=caller)
    keys = columns.keys(frame.columns)
    roles: dict[str, Any] = {f"key{i}": Key(n) for i, n in enumerate(keys)}
    rows = take(
        frame,
        caller=caller,
        arg="plan",
        invalid=invalid,
        **columns.roles(),
        **roles,
    )
    columns.check_days(rows, caller=caller)
    start, end = rows.days("period_start"), rows.days("period_end")
    before = units(rows["target"], step, name=target, caller=caller)
    _check_grid(rows, step, caller=caller)
    now = before.copy()
    closed = np.zeros(len(rows), dtype=bool)
    absent = np.zeros(len(rows), dtype=bool)
    if leavers is not None or joiners is not None:
        leavers = dated_leavers(leavers, as_of, caller=caller)
        absent = move(now, rows, keys, start, end, leavers, joiners, caller=caller)
    if actuals is None and as_of is not None:
        resolve_as_of(as_of, caller=caller)
    if actuals is not None or lower is not None or upper is not None:
        row_key = key_of(rows, len(keys))
        told = overlap(lambda: row_key, start, end, same=True)
        if told:
            raise InputError(f"{caller}(): plan: {told}; sum them first, or pass one of them.")
        year = _years(start, end, year_start, caller=caller)
        planned = now.copy()
        if actuals is not None:
            came, today = _cells_of_actuals(
                rows, actuals, keys, row_key, start, end, as_of, date, amount, invalid,
                caller=caller,
            )  # fmt: skip
            closed = end <= today
            now = np.where(closed, units(came, step, name="actuals", caller=caller), now)
        low = _cell_bound(rows, lower, keys, "lower", np.ceil, 0, step, caller=caller)
        high = _cell_bound(rows, upper, keys, "upper", np.floor, 2**52, step, caller=caller)
        low, high = np.where(absent, 0, low), np.where(absent, 0, high)
        # A floor of zero that nobody asked for leaves targets below zero alone.
        outside = ~closed & ((now > high) | ((now < low) if lower is not None else False))
        open_part = _Open(row_key, ~closed, outside, before, start, low, high)
        for at in _blocks(_apart(rows, keys)):  # one never makes up for another
            years = _by_year(year[at], planned[at])
            now[at] = _close_years(
                now[at], year[at], years, open_part.part(at), method, step, caller=caller
            )
    out = columns.canonical(rows.frame, caller=caller)
    out["target"] = money(now, step)
    out["previous"] = rows["target"]
    out["closed"] = closed
    return out


def _apart(rows: Rows, keys: list[Any]) -> np.ndarray:
    """Measures, and currencies, whose amounts are never added: each is planned anew by itself."""
    codes = measure_of(rows)
    if "currency" in keys:
        own = rows.keys(f"key{keys.index('currency')}")
        codes = codes * len(own) + own.codes
    return codes


def _check_grid(rows: Rows, step: float, *, caller: str) -> None:
    """Targets that no whole number of steps makes could not stay exact."""
    odd = np.flatnonzero(off_grid(rows["target"], step))
    if len(odd):
        raise InputError(
            f"{caller}(): plan: column {rows.columns['target']!r} is no multiple of step {step!r} "
            f"in {len(odd)} row(s) (row {rows.index[odd[0]]!r}: "
            f"{float(rows['target'][odd[0]])!r}). Round it first (round_plan), or give a finer "
            "step."
        )


# --------------------------------------------------------------------------------------
# What came in


def _cells_of_actuals(
    rows: Rows,
    actuals: Any,
    keys: list[Any],
    row_key: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    as_of: object,
    date: str,
    amount: str,
    invalid: str,
    *,
    caller: str,
) -> tuple[np.ndarray, int]:
    """Amount of each cell of the plan, and the day number of ``as_of``."""
    frame = to_pandas(actuals, caller=caller, arg="actuals")
    have = [n for n in keys if n in frame.columns]
    if keys and keys[-1] not in have:
        raise InputError(
            f"{caller}(): actuals has no column {keys[-1]!r}, the plan's lowest key; rename your "
            "own column to it."
        )
    one_currency(frame, have, caller=caller, arg="actuals")
    roles: dict[str, Any] = {f"key{keys.index(n)}": Key(n) for n in have}
    if "measure" not in rows:  # a plan that names none is one of a single measure
        of_measure_alone(frame, None, caller=caller, arg="actuals")
    told = rows.columns["measure"] if "measure" in rows else ""
    if told and (told in frame.columns or len(rows.keys("measure")) > 1):
        roles["measure"] = Key(told, option="measure")
    done = take(
        frame,
        caller=caller,
        arg="actuals",
        invalid=invalid,
        empty="allow",
        date=Date(date),
        amount=Amount(amount),
        **roles,
    )
    days = done.days("date")
    today = int(
        np.datetime64(resolve_as_of(as_of, days if len(days) else None, caller=caller), "D").astype(
            np.int64
        )
    )
    common = [o for o in roles if o in rows]
    codes = np.zeros(len(done), dtype=np.int64)
    if common and len(done):
        mine, theirs = rows.keys(*common), done.keys(*common)
        first = np.full(len(mine), -1, dtype=np.int64)
        first[mine.codes] = row_key
        # Who changed the team is told by the date, as long as there is one cell a day.
        if (first[mine.codes] != row_key).any() and overlap(
            lambda: mine.codes, start, end, same=True
        ):
            raise InputError(
                f"{caller}(): the plan's key {keys[-1]!r} stands under several parents at the "
                f"same time; give actuals the columns {keys!r}."
            )
        at = lookup(mine.labels, theirs.labels, caller=caller, args=("plan", "actuals"))
        row_key, codes = mine.codes, at[theirs.codes]
    cell = cell_positions(row_key, start, end, codes, days, today)
    _warn_lost(done, days, cell, start, end, today, caller=caller)
    use = cell >= 0
    came = group_sums(cell[use], done["amount"][use], len(rows))
    return came, today


def _warn_lost(
    done: Rows,
    days: np.ndarray,
    cell: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    today: int,
    *,
    caller: str,
) -> None:
    counts = (days >= int(start.min())) & (days <= min(today, int(end.max())))
    lost = counts & (cell < 0)
    if lost.any():
        warn(
            f"{caller}(): left out {int(lost.sum())} row(s) of actuals, "
            f"{float(done['amount'][lost].sum()):,.2f} in all, that have no cell in the plan."
        )


# --------------------------------------------------------------------------------------
# The open periods


@dataclass(frozen=True)
class _Open:
    """Key of each row of the plan, which are open (and outside their bounds), order, bounds."""

    key: np.ndarray
    is_open: np.ndarray
    outside: np.ndarray
    before: np.ndarray
    start: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def part(self, rows: np.ndarray | slice) -> _Open:
        return _Open(*(getattr(self, f.name)[rows] for f in fields(self)))


def _years(
    start: np.ndarray, end: np.ndarray, year_start: int | None, *, caller: str
) -> np.ndarray:
    """Fiscal year of each cell, by the middle of its period (retail years begin days apart)."""
    middle = (start + end) // 2
    if year_start is not None:
        check_int(year_start, "year_start", caller=caller, low=1, high=12)
    elif int(end.max() - start.min()) < _ONE_YEAR:
        return np.zeros(len(start), dtype=np.int64)
    else:
        ends = period_of(middle[[int(start.argmin()), int(end.argmax())]], "M") % 12 + 1
        year_start = 1 if int(ends[1]) == 12 else int(ends[0])
    return fiscal_year(middle, year_start=year_start)


def _blocks(codes: np.ndarray) -> list[Any]:
    """Rows of each code; where there is one code all of them, without a copy."""
    if codes.min() == codes.max():
        return [slice(None)]
    return [np.flatnonzero(codes == c) for c in np.unique(codes)]


def _by_year(year: np.ndarray, planned: np.ndarray) -> dict[int, int]:
    """Exact total of each year, in order."""
    rows = _blocks(year)
    return {int(year[at][0]): int(planned[at].sum()) for at in rows}


def _close_years(
    now: np.ndarray,
    year: np.ndarray,
    totals: Mapping[int, int],
    part: _Open,
    method: str,
    step: float,
    *,
    caller: str,
) -> np.ndarray:
    """Cells with which each year meets its own total, if it can; the rest goes to the next."""
    over = 0
    for (y, planned), rows in zip(totals.items(), _blocks(year), strict=True):
        mine, cells = part.part(rows), now[rows]
        free = mine.is_open
        done, total = int(cells[~free].sum()), planned + over
        if y != max(totals):
            least, most = _room(mine.low[free], mine.high[free])
            total = done + min(max(total - done, least), max(most, least))
        over += planned - total
        if free.any() or y == max(totals):
            _close_gap(cells, total, mine, method, step, caller=caller)
            now[rows] = cells
    return now


def _cell_bound(
    rows: Rows,
    given: Any,
    keys: list[Any],
    name: str,
    inward: Any,
    default: int,
    step: float,
    *,
    caller: str,
) -> np.ndarray:
    """Bounds of every cell in whole steps."""
    if given is None:
        return np.full(len(rows), default, dtype=np.int64)
    if isinstance(given, pd.Series | Mapping):
        values = check_series(
            pd.Series(given) if isinstance(given, Mapping) else given,
            name,
            caller=caller,
            missing="allow",
        )
        if not keys:
            raise InputError(f"{caller}(): {name} has labels, but the plan has no key columns.")
        if not len(values):  # bounds for nobody
            return np.full(len(rows), default, dtype=np.int64)
        labels = rows.keys(f"key{len(keys) - 1}")
        unknown = values.index[~values.index.isin(labels.labels.iloc[:, 0])]
        if len(unknown):
            raise InputError(
                f"{caller}(): {name} has {len(unknown)} label(s) that the plan's lowest key "
                f"{keys[-1]!r} does not have, first {unknown[0]!r}."
            )
        at = values.index.get_indexer(pd.Index(labels.labels.iloc[:, 0]))
        known = np.where(at >= 0, values.to_numpy()[np.maximum(at, 0)], np.nan)[labels.codes]
        whole = inward_units(np.nan_to_num(known), step, inward)
        return np.where(np.isnan(known), default, whole)
    value = check_number(given, name, caller=caller)
    return np.full(len(rows), int(inward_units(np.array([value]), step, inward)[0]))


def _close_gap(
    now: np.ndarray, total: int, part: _Open, method: str, step: float, *, caller: str
) -> None:
    """Change open cells of ``now`` so that the plan adds up to ``total``; in place."""
    count = int(part.key.max()) + 1
    wanted = _sums(part.key, part.before, count)  # what each key was to bring
    moved = _sums(part.key, now, count)
    is_open = part.is_open
    low = _sums(part.key[is_open], part.low[is_open], count)
    caps = np.bincount(part.key[is_open], weights=part.high[is_open], minlength=count)
    high = np.minimum(caps, 2.0**52).astype(np.int64)  # before they are more than an int64 holds
    done = moved - _sums(part.key[is_open], now[is_open], count)
    rest = wanted - done
    # Leavers and joiners have moved amounts between keys already.
    rest += _shift(part, now, count)
    _check_room(total - int(done.sum()), low, high, step, caller=caller)
    fair = nearest_with_sum(
        rest.astype(np.float64),
        float(total - int(done.sum())),
        low.astype(np.float64),
        high.astype(np.float64),
        np.maximum(rest, 1).astype(np.float64),
    )
    tree = Tree((np.zeros(count, dtype=np.int64),))
    rest = round_tree([snap(fair)], tree, total - int(done.sum()))[0]
    have = moved - done
    touched = rest != have
    touched[part.key[part.outside]] = True
    if touched.any():
        at = np.flatnonzero(is_open & touched[part.key])
        at = at[np.lexsort((part.start[at], part.key[at]))]
        now[at] = _spread(now[at], rest, part, at, method)


def _sums(key: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Exact whole sums by key."""
    return np.bincount(key, weights=values, minlength=count).astype(np.int64)


def _shift(part: _Open, now: np.ndarray, count: int) -> np.ndarray:
    """What open cells have gained or lost against the plan before."""
    at = part.is_open
    return _sums(part.key[at], now[at] - part.before[at], count)


def _room(low: np.ndarray, high: np.ndarray) -> tuple[int, int]:
    """Least and most that cells hold; thousands of open caps are more than an int64 does."""
    return int(low.sum()), int(min(high.sum(dtype=np.float64), 2.0**62))


def _check_room(total: int, low: np.ndarray, high: np.ndarray, step: float, *, caller: str) -> None:
    least, most = _room(low, high)
    if not high.any() and total:
        raise InputError(
            f"{caller}(): {abs(total) * float(step):,.2f} is {'missing' if total > 0 else 'over'}, "
            "and no open period is left to take it: all that could are over at as_of. Use an "
            "earlier as_of, or a plan that goes on longer."
        )
    if not least <= total <= max(most, least):
        word, edge = ("floors", least) if total < least else ("caps", most)
        gap = abs(total - edge) * float(step)
        raise InputError(
            f"{caller}(): {total * float(step):,.2f} is left for the open periods, but their "
            f"{word} make {edge * float(step):,.2f} (gap {gap:,.2f}). Change lower/upper, or "
            "the plan's total."
        )


def _spread(
    cells: np.ndarray, rest: np.ndarray, part: _Open, at: np.ndarray, method: str
) -> np.ndarray:
    """New whole cells of the touched keys; ``at`` is ordered by key, then time."""
    key = part.key[at]
    codes, row = np.unique(key, return_inverse=True)
    row = row.reshape(-1)
    sizes = np.bincount(row)
    place = np.arange(len(at)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    shape = (len(codes), int(sizes.max()))
    low, high, old = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    low[row, place], high[row, place] = part.low[at], part.high[at]
    old[row, place] = cells
    inside = np.zeros(shape, dtype=bool)
    inside[row, place] = True
    wanted = rest[codes].astype(np.float64)
    new = _by_method(method, old, wanted, low, high, inside)
    # Cells without a target (days off) take what the others cannot.
    short = wanted - new.sum(axis=1)
    for i in np.flatnonzero(np.abs(short) > 1e-6 * np.maximum(np.abs(wanted), 1.0)):
        new[i] = nearest_with_sum(new[i], wanted[i], low[i], high[i])
    parents = (np.zeros(len(codes), dtype=np.int64), row)
    levels = [wanted, snap(new[row, place])]
    return round_tree(levels, Tree(parents), int(wanted.sum()))[-1]


def _by_method(
    method: str,
    old: np.ndarray,
    wanted: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    inside: np.ndarray,
) -> np.ndarray:
    """Cells of each key by ``method``; those without a target only where the key has no other."""
    planned = inside & (old != 0)
    used = np.where(planned.any(axis=1)[:, None], planned, inside)
    top = np.where(used, high, low)
    if method == "proportional":
        flat = inside & (old.sum(axis=1) <= 0)[:, None]
        weights = np.where(flat, 1.0, np.maximum(old, 0.0))
        return bounded_shares(wanted, weights, low, high)[0]
    if method == "even":
        room = np.clip(wanted, low.sum(axis=1), top.sum(axis=1))
        lines = zip(old, room, low, top, strict=True)
        return np.array([nearest_with_sum(o, w, a, b) for o, w, a, b in lines])
    return _in_turn(old, wanted, low, top, used, largest=method == "minimal")


def _in_turn(
    old: np.ndarray,
    wanted: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    inside: np.ndarray,
    *,
    largest: bool,
) -> np.ndarray:
    """Fill (or empty) one cell after the other: in order of time, or the largest first."""
    start = np.clip(old, low, high)
    gap = (wanted - start.sum(axis=1))[:, None]
    order = np.argsort(np.where(inside, -old if largest else 0.0, np.inf), axis=1, kind="stable")
    room = np.where(gap > 0, high - start, start - low)
    turn = np.take_along_axis(np.where(inside, room, 0.0), order, axis=1)
    used = np.cumsum(turn, axis=1) - turn
    take_ = np.clip(np.abs(gap) - used, 0.0, turn)
    change = np.zeros_like(old)
    np.put_along_axis(change, order, take_, axis=1)
    return start + np.sign(gap) * change
