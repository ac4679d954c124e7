"""A plan seen from above, fitted to margins, rounded, and reconciled with one from below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .._frames import (
    Amount,
    Key,
    Rows,
    as_dates,
    check_choice,
    check_column,
    check_int,
    check_names,
    check_number,
    check_series,
    days_of,
    factorise,
    money,
    one_currency,
    take,
    to_pandas,
    units,
)
from ..engine.controlled_rounding import Tree, round_table, round_tree
from ..engine.periods import period_end, period_of, period_start, week_anchor
from ..engine.raking import Raked, rake_cells, rake_table
from ..engine.sums import group_sums
from ..engine.units import off_grid
from ..errors import InputError
from .organisation import PlanColumns, as_table, of_measure_alone, plan_keys
from .spans import dated, stamps, table_spans

__all__ = ["rake", "roll_up", "round_plan"]

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def roll_up(
    plan: pd.DataFrame,
    *,
    levels: Any = None,
    freq: str | pd.DataFrame | None = None,
    year_start: int = 1,
    step: float = 0.01,
    period_start: str = "period_start",
    period_end: str = "period_end",
    target: str = "target",
    measure: str = "measure",
) -> pd.DataFrame:
    """Totals of a plan by levels of the organisation and by coarser periods.

    Parameters
    ----------
    plan : DataFrame
        A plan: key columns, ``period_start``, ``period_end``, ``target`` (and ``measure``,
        ``assigned``).
    levels : str or list of str, optional
        Key columns to keep, in this order; ``[]`` for the whole. Default: all.
    freq : {"W", "M", "Q", "Y", "all"} or DataFrame, optional
        Coarser periods; each period of the plan must lie within one of them (``"Q"`` and ``"Y"``:
        of the calendar, or of the retail year for its months of 4 and 5 weeks). ``"all"``: one
        row for the whole time. Or any other periods as a table with ``period_start`` and
        ``period_end``, that of :func:`salesmgmt.calendars.retail_calendar` for instance.
        Default: the plan's own periods.
    year_start : int, default=1
        First month of the fiscal year.
    step : float, default=0.01
        Unit of the sums, in which they are exact; finer amounts are added before they are
        rounded to it.
    period_start, period_end, target, measure : str
        Columns of ``plan``.

    Returns
    -------
    DataFrame
        ``levels``, ``measure`` if there is one, ``period_start``, ``period_end``, ``target``
        (and ``assigned``), one row a group, in order of keys and time.

    Raises
    ------
    InputError
        A level is no column of the plan, or a period crosses the end of a coarser one.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.targets import decompose
    >>> weights = pd.Series([2.0, 1.0], index=pd.Index(["Li", "Wang"], name="rep"))
    >>> plan = decompose(120, periods=("2026-01-01", "2026-12-31", "M"), weights=weights)
    >>> roll_up(plan, levels="rep", freq="Y")["target"].tolist()
    [80.0, 40.0]
    """
    caller = "roll_up"
    columns = PlanColumns(period_start, period_end, target, measure).check(caller)
    rows = _plan_rows(plan, columns, caller=caller)
    keys = columns.keys(rows.frame.columns)
    names = keys if levels is None else check_names(levels, "levels", caller=caller)
    check_number(step, "step", caller=caller, low=0, open_low=True)
    for name in names:
        check_choice(name, "a level", keys, caller=caller)
    one_currency(rows.frame, names, caller=caller, arg="plan", each=True)
    first, last = rows.days("period_start"), rows.days("period_end")
    start, end = _coarser(first, last, freq, year_start, caller=caller)
    frame = rows.frame[[*names, *([measure] if "measure" in rows else [])]].copy()
    frame["period_start"], frame["period_end"] = stamps(start), stamps(end)
    groups = factorise(frame, list(frame.columns))
    out = groups.labels.copy()
    for name in ("target", "assigned"):
        if name in rows:
            out[name] = _exact_sums(rows, name, groups.codes, len(out), step, caller=caller)
    return out


def _exact_sums(
    rows: Rows, name: str, codes: np.ndarray, count: int, step: float, *, caller: str
) -> np.ndarray:
    """Sums in whole steps; amounts that are finer than a step are added before they are rounded."""
    told = rows.columns[name]
    if off_grid(rows[name], step).any():
        sums = group_sums(codes, rows[name], count)
        return money(units(sums, step, name=told, caller=caller), step)
    whole = np.zeros(count, dtype=np.int64)
    np.add.at(whole, codes, units(rows[name], step, name=told, caller=caller))
    return money(whole, step)


def _plan_rows(plan: Any, columns: PlanColumns, *, caller: str) -> Rows:
    frame = to_pandas(plan, caller=caller, arg="plan")
    names = columns.keys(frame.columns)
    keys: dict[str, Any] = {f"key{i}": Key(n) for i, n in enumerate(names)}
    rows = take(
        frame,
        caller=caller,
        arg="plan",
        **columns.roles(),
        assigned=Amount("assigned", optional=True),
        **keys,
    )
    columns.check_days(rows, caller=caller)
    return rows


def _coarser(
    start: np.ndarray, end: np.ndarray, freq: Any, year_start: int, *, caller: str
) -> tuple[np.ndarray, np.ndarray]:
    if freq is None:
        return start, end
    freq = as_table(freq, "freq", caller=caller)
    if isinstance(freq, pd.DataFrame):
        return _own_periods(start, end, freq, caller=caller)
    check_choice(freq, "freq", ("D", "W", "M", "Q", "Y", "all"), caller=caller)
    if freq == "all":
        return np.full(len(start), start.min()), np.full(len(end), end.max())
    whole = end - start == 6  # the plan's own weeks, if it has any, keep their weekday
    week = week_anchor(start[whole]) if freq == "W" and whole.any() else 0
    options: dict[str, Any] = {"week_start": week, "year_start": year_start}
    first, last = period_of(start, freq, **options), period_of(end, freq, **options)
    if (first != last).any():
        retail = _retail(start, end, freq, year_start)
        if retail is not None:
            return retail
        at = int(np.flatnonzero(first != last)[0])
        a, b = (d.date() for d in stamps(np.array([start[at], end[at]])))
        raise InputError(
            f"{caller}(): {int((first != last).sum())} period(s) of the plan cross the end of a "
            f"period of freq {freq!r}, first {a} to {b}; plan by day, cut weeks at months with "
            'periods=(start, end, ("W", "M")), or give freq= the periods that are meant, '
            "calendars.retail_calendar(...) for instance."
        )
    low, high = period_start(first, freq, **options), period_end(first, freq, **options)
    return np.maximum(low, start.min()), np.minimum(high, end.max())


def _own_periods(
    start: np.ndarray, end: np.ndarray, table: pd.DataFrame, *, caller: str
) -> tuple[np.ndarray, np.ndarray]:
    """The period of a table that each of the plan lies in."""
    spans = table_spans(table, "freq", year_start=1, caller=caller)
    at = np.searchsorted(spans.start, start, side="right") - 1
    outside = np.flatnonzero((at < 0) | (end > spans.end[np.maximum(at, 0)]))
    if len(outside):
        a, b = (d.date() for d in stamps(np.array([start[outside[0]], end[outside[0]]])))
        raise InputError(
            f"{caller}(): {len(outside)} period(s) of the plan lie in no period of freq as a "
            f"whole, first {a} to {b}; give periods that hold them."
        )
    return spans.start[at], spans.end[at]


def _retail(
    start: np.ndarray, end: np.ndarray, freq: str, year_start: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Quarters or years of 52 or 53 weeks, where every period of the plan lies in one of them."""
    from ..calendars import retail_calendar

    weekday = np.unique((start + 3) % 7)  # Monday 0
    length = end - start + 1
    # Single weeks may be meant by the calendar as well: they are not taken for a retail year.
    if freq not in ("Q", "Y") or len(weekday) > 1 or (length % 7).any() or length.min() < 28:
        return None
    years = stamps(np.array([start.min(), end.max()])).year
    for rule in ("nearest", "last"):
        table = retail_calendar(
            range(int(years[0]) - 1, int(years[1]) + 2),
            freq=freq,
            year_start=year_start,
            week_start=_DAYS[int(weekday[0])],
            rule=rule,
        )
        low, high = (
            days_of(table[c].to_numpy().astype("datetime64[us]"))
            for c in ("period_start", "period_end")
        )
        at = np.searchsorted(low, start, side="right") - 1
        if (at >= 0).all() and (end <= high[at]).all():
            return np.maximum(low[at], start.min()), np.minimum(high[at], end.max())
    return None


# --------------------------------------------------------------------------------------
# Raking


def rake(
    plan: pd.DataFrame,
    margins: Sequence[pd.Series],
    *,
    step: float | None = 0.01,
    tol: float = 1e-9,
    sweeps: int = 1000,
    target: str = "target",
) -> pd.DataFrame:
    """Scale a plan until it meets several sets of totals at once, exact to the last ``step``.

    Parameters
    ----------
    plan : DataFrame
        Tidy cells: any key columns and ``target`` (at least 0); zero stays zero. Periods are
        keys like others (``period_start``).
    margins : list of Series
        Totals, each indexed by some of the plan's columns (index names are column names) and
        covering all labels that occur there.
    step : float or None, default=0.01
        Unit of the rounded result; None: real numbers, not rounded.
    tol : float, default=1e-9
        Largest relative miss of any total before rounding.
    sweeps : int, default=1000
        Rounds after which fitting is given up.
    target : str
        Column of ``plan``.

    Returns
    -------
    DataFrame
        ``plan`` with ``target`` made anew, index and all other columns kept. With one or two
        margins, or more that are nested in two of them, all are met exactly and each cell is
        the floor or ceiling of its fit. With three or more independent margins the first two
        are exact; ``attrs["gave_way"]`` holds the largest miss of each margin that is not.
        ``attrs["sweeps"]`` and ``attrs["error"]`` tell how the fit went.

    Raises
    ------
    InputError
        Two margins contradict each other (named, with the gap), a total is over cells of several
        currencies or measures, a positive total stands over cells that are all zero, a total is
        no multiple of ``step`` or negative, labels do not match, or the fit does not converge.

    References
    ----------
    .. [1] W. E. Deming and F. F. Stephan, Annals of Mathematical Statistics 11 (1940), 427-444.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"rep": ["a", "a", "b", "b"], "product": ["x", "y", "x", "y"],
    ...                      "target": [1.0, 1.0, 1.0, 1.0]})
    >>> by_rep = pd.Series([60.0, 40.0], index=pd.Index(["a", "b"], name="rep"))
    >>> by_product = pd.Series([70.0, 30.0], index=pd.Index(["x", "y"], name="product"))
    >>> rake(plan, [by_rep, by_product])["target"].tolist()
    [42.0, 18.0, 28.0, 12.0]
    """
    caller = "rake"
    frame = to_pandas(plan, caller=caller, arg="plan")
    rows = take(frame, caller=caller, arg="plan", target=Amount(target, low=0))
    check_number(tol, "tol", caller=caller, low=0, open_low=True)
    check_int(sweeps, "sweeps", caller=caller, low=1)
    if step is not None:
        check_number(step, "step", caller=caller, low=0, open_low=True)
    read = _read_margins(rows.frame, margins, step, caller=caller)
    for margin in read:
        one_currency(rows.frame, margin.names, caller=caller, arg="plan", each=True)
        if "measure" not in margin.names:
            of_measure_alone(rows.frame, None, caller=caller, arg="plan")
    _check_supported(read, rows["target"], caller=caller)
    _check_consistent(read, rows["target"] > 0, caller=caller)
    finest = _finest(read)
    fit = _fit(rows["target"], finest, tol, sweeps)
    if not fit.converged:
        raise InputError(
            f"{caller}(): no fit to the margins within {sweeps} sweeps (largest miss "
            f"{fit.error:.3g} of a total): zero cells leave them no common solution. Give such "
            "cells a small positive target, or change the margins."
        )
    out = PlanColumns(target=target).canonical(rows.frame, caller=caller)
    values, missed = fit.values, {}
    if step is not None:
        # On to what floats can hold: a miss of 1e-9 of a large total is more than a step.
        closer = _fit(fit.values, finest, 1e-14, 50)
        try:
            whole = _round_cells(closer.values / float(step), finest)
        except ArithmeticError:
            raise InputError(
                f"{caller}(): the fit is not close enough to round to step {step!r} (largest miss "
                f"{closer.error:.3g} of a total): zero cells leave it almost no room. Use a larger "
                "step, or give such cells a small positive target."
            ) from None
        values = money(whole, step)
        missed = _missed(whole, finest, step)
    out["target"] = values
    out.attrs.update(sweeps=fit.sweeps, error=fit.error, gave_way=missed)
    return out


class _Margin:
    """One set of totals: its columns, the code of each cell, and the totals."""

    def __init__(
        self,
        names: list[str],
        codes: np.ndarray,
        labels: pd.DataFrame,
        totals: np.ndarray,
        whole: np.ndarray | None,
    ) -> None:
        self.names, self.codes, self.labels = names, codes, labels
        self.totals, self.whole = totals, whole

    def label(self, at: int) -> str:
        return " / ".join(str(v) for v in self.labels.iloc[at])


def _read_margins(
    frame: pd.DataFrame, margins: Any, step: float | None, *, caller: str
) -> list[_Margin]:
    if isinstance(margins, pd.Series) or not isinstance(margins, Sequence) or not len(margins):
        raise InputError(f"{caller}(): margins must be a list of Series, at least one.")
    out = []
    for i, given in enumerate(margins):
        arg = f"margins[{i}]"
        series = check_series(given, arg, caller=caller, low=0)
        names = list(series.index.names)
        absent = [n for n in names if n not in frame.columns]
        if absent:
            raise InputError(
                f"{caller}(): {arg} is indexed by {absent[0]!r}, which is no column of plan; name "
                f"its index after plan's columns ({', '.join(map(str, frame.columns))})."
            )
        codes, order, labels = _match(frame, series.index, names, arg, caller=caller)
        totals = series.to_numpy()[order]
        whole = None
        if step is not None:
            bad = off_grid(totals, step)
            if bad.any():
                raise InputError(
                    f"{caller}(): {arg}: {int(bad.sum())} total(s) are no multiple of step "
                    f"{step!r}, first {float(totals[bad][0])!r}; round them, or step=None."
                )
            whole = units(totals, step, name=arg, caller=caller)
        out.append(_Margin(names, codes, labels, totals, whole))
    return out


def _match(
    frame: pd.DataFrame, index: pd.Index, names: list[str], arg: str, *, caller: str
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Codes of the plan's cells, and the positions of a margin's totals in code order."""
    for name in names:
        if frame[name].isna().any():
            raise InputError(
                f"{caller}(): plan: column {name!r} is missing in "
                f"{int(frame[name].isna().sum())} row(s); fill it in."
            )
    keys = factorise(frame, names)
    wanted = index.to_frame(index=False)
    wanted.columns = names
    for name in names:
        if isinstance(wanted[name].dtype, pd.PeriodDtype) and not isinstance(
            frame[name].dtype, pd.PeriodDtype
        ):
            wanted[name] = wanted[name].dt.start_time
        if pd.api.types.is_datetime64_any_dtype(frame[name].dtype) and dated(
            pd.Index(wanted[name])
        ):
            wanted[name] = as_dates(wanted[name], name=arg, caller=caller)  # dates as text
    target = pd.MultiIndex.from_frame(wanted) if len(names) > 1 else pd.Index(wanted[names[0]])
    at = target.get_indexer(keys.index)
    if (at < 0).any():
        first = keys.index[int(np.flatnonzero(at < 0)[0])]
        raise InputError(
            f"{caller}(): {arg} has no total for {int((at < 0).sum())} label(s) of plan, first "
            f"{first!r}; give one for each."
        )
    if len(target) > len(keys):
        extra = target[~target.isin(keys.index)]
        raise InputError(
            f"{caller}(): {arg} has {len(extra)} label(s) that plan does not have, first "
            f"{extra[0]!r}."
        )
    return keys.codes, at, keys.labels


def _check_consistent(margins: list[_Margin], positive: np.ndarray, *, caller: str) -> None:
    """Wherever two margins speak of the same cells their totals must agree.

    Labels that share a cell are linked; each connected set of labels covers the same cells in
    both margins (a region and its teams; at the widest, everything).
    """
    for i, a in enumerate(margins):
        for j, b in enumerate(margins[:i]):
            part_a, part_b, count = _linked(a, b, positive)
            left = np.bincount(part_a, weights=a.totals, minlength=count)
            right = np.bincount(part_b, weights=b.totals, minlength=count)
            gap = np.abs(left - right)
            slack = 1e-9 * np.maximum(np.abs(left), np.abs(right)).max(initial=1.0)
            worst = int(gap.argmax())
            if gap[worst] > slack:
                where = _named_part(a, b, part_a, part_b, worst) if count > 1 else ""
                raise InputError(
                    f"{caller}(): margins[{j}] ({', '.join(map(str, b.names))}) and margins[{i}] "
                    f"({', '.join(map(str, a.names))}) contradict each other: their totals"
                    f"{where} are {right[worst]:.12g} and {left[worst]:.12g}, a gap of "
                    f"{gap[worst]:.12g}. Mend one, or scale it by the ratio."
                )


def _linked(a: _Margin, b: _Margin, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Connected set of every label of two margins, linked by the cells they share."""
    n, m = len(a.totals), len(b.totals)
    links = coo_array(
        (np.ones(int(positive.sum()), dtype=np.int8), (a.codes[positive], n + b.codes[positive])),
        shape=(n + m, n + m),
    )
    count, part = connected_components(links, directed=False)
    return part[:n], part[n:], int(count)


def _named_part(a: _Margin, b: _Margin, part_a: np.ndarray, part_b: np.ndarray, worst: int) -> str:
    """The labels of a connected set by the margin that says it shorter."""
    mine, theirs = np.flatnonzero(part_a == worst), np.flatnonzero(part_b == worst)
    margin, at = (a, mine) if 0 < len(mine) <= len(theirs) or not len(theirs) else (b, theirs)
    named = ", ".join(repr(margin.label(int(k))) for k in at[:3])
    return f" for {named}{', ...' if len(at) > 3 else ''}"


def _finest(margins: list[_Margin]) -> list[_Margin]:
    """Margins that no other one implies: totals of teams make those of their regions."""
    out: list[_Margin] = []
    for i, m in enumerate(margins):
        implied = False
        for j, other in enumerate(margins):
            if i == j:
                continue
            pairs = len(np.unique(other.codes * len(m.totals) + m.codes))
            same = pairs == len(other.totals) == len(m.totals)
            implied |= pairs == len(other.totals) and (not same or j < i)
        if not implied:
            out.append(m)
    return out


def _check_supported(margins: list[_Margin], seed: np.ndarray, *, caller: str) -> None:
    """A positive total needs a positive cell."""
    for i, margin in enumerate(margins):
        sums = np.bincount(margin.codes, weights=seed, minlength=len(margin.totals))
        bad = np.flatnonzero((sums <= 0) & (margin.totals > 0))
        if len(bad):
            raise InputError(
                f"{caller}(): margins[{i}] has {len(bad)} positive total(s) over cells that are "
                f"all zero, first {margin.label(int(bad[0]))!r}: "
                f"{margin.totals[bad[0]]:.12g}; give those cells a positive target."
            )


def _fit(seed: np.ndarray, margins: list[_Margin], tol: float, sweeps: int) -> Raked:
    """Dense where the cells are a full cross of single columns, by cell otherwise."""
    sizes = [len(m.totals) for m in margins]
    single = len(margins) > 1 and int(np.prod(sizes, dtype=np.float64)) == len(seed)
    if single:
        flat = np.ravel_multi_index([m.codes for m in margins], sizes)
        if len(np.unique(flat)) == len(seed):
            table = np.empty(len(seed))
            table[flat] = seed
            fit = rake_table(
                table.reshape(sizes),
                [((k,), m.totals) for k, m in enumerate(margins)],
                tol=tol,
                sweeps=sweeps,
            )
            return Raked(fit.values.ravel()[flat], fit.sweeps, fit.error, fit.converged)
    return rake_cells(
        seed, [m.codes for m in margins], [m.totals for m in margins], tol=tol, sweeps=sweeps
    )


def _round_cells(ideal: np.ndarray, margins: list[_Margin]) -> np.ndarray:
    """Whole cells; the first two margins exact."""
    first = margins[0]
    assert first.whole is not None
    if len(margins) == 1:
        return _round_groups(ideal, first.codes, first.whole)
    second = margins[1]
    assert second.whole is not None
    shared = [n for n in first.names if n in second.names]
    side = np.zeros(len(first.totals), dtype=np.int64)
    if shared:
        side = factorise(first.labels, shared).codes
    group = side[first.codes]
    out = np.empty(len(ideal), dtype=np.int64)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    for at in np.split(order, cuts):
        out[at] = _round_two_way(
            ideal[at], first.codes[at], first.whole, second.codes[at], second.whole
        )
    return out


def _round_groups(ideal: np.ndarray, codes: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Largest remainders within each group of cells."""
    tree = Tree((np.zeros(len(totals), dtype=np.int64), codes))
    levels = [totals.astype(np.float64), ideal]
    return round_tree(levels, tree, int(totals.sum()))[-1]


def _round_two_way(
    ideal: np.ndarray,
    rows: np.ndarray,
    row_totals: np.ndarray,
    columns: np.ndarray,
    column_totals: np.ndarray,
) -> np.ndarray:
    """A table of group sums rounded to both margins, then the cells within each group."""
    at_row, row = np.unique(rows, return_inverse=True)
    at_column, column = np.unique(columns, return_inverse=True)
    flat = row.reshape(-1) * len(at_column) + column.reshape(-1)
    size = len(at_row) * len(at_column)
    table = np.bincount(flat, weights=ideal, minlength=size).reshape(len(at_row), -1)
    whole = round_table(
        table,
        total=int(row_totals[at_row].sum()),
        whole_rows=row_totals[at_row],
        whole_columns=column_totals[at_column],
    )
    if len(ideal) == size and len(np.unique(flat)) == size:
        return whole.ravel()[flat]
    return _round_groups(ideal, flat, whole.ravel())


def _missed(whole: np.ndarray, margins: list[_Margin], step: float) -> dict[str, float]:
    """Largest miss of each margin that is not met exactly."""
    out = {}
    for margin in margins:
        sums = np.zeros(len(margin.totals), dtype=np.int64)
        np.add.at(sums, margin.codes, whole)
        assert margin.whole is not None
        worst = int(np.abs(sums - margin.whole).max(initial=0))
        if worst:
            out[" + ".join(map(str, margin.names))] = worst * float(step)
    return out


# --------------------------------------------------------------------------------------
# Rounding a plan


def round_plan(
    plan: pd.DataFrame,
    *,
    step: float,
    rows: Any = None,
    columns: str = "period_start",
    target: str = "target",
) -> pd.DataFrame:
    """Round a table so that cells, row totals, column totals and the whole still add up.

    Parameters
    ----------
    plan : DataFrame
        Tidy cells with ``target`` (at least 0), one row a cell.
    step : float
        Unit to round to: 1 for whole amounts, 1000 for thousands.
    rows : str or list of str, optional
        Columns that make the rows of the table, from the top level down (each level's
        subtotals are rounded, too). Default: all key columns.
    columns : str, default="period_start"
        Column that makes the columns of the table.
    target : str
        Column of ``plan``.

    Returns
    -------
    DataFrame
        ``plan`` with ``target`` rounded, index and other columns kept: each cell, row total,
        subtotal and column total is one of the two multiples of ``step`` next to its value
        before, the grand total the nearest one; zero stays zero.

    Raises
    ------
    InputError
        A column is missing, a cell is repeated, a target is negative, or targets are in several
        currencies or of several measures (round each by itself).

    References
    ----------
    .. [1] L. H. Cox, JASA 82 (1987), 520-524 (controlled rounding).

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"rep": ["a", "a", "b", "b"], "period_start": [1, 2, 1, 2],
    ...                      "target": [14.0, 16.0, 25.0, 25.0]})
    >>> round_plan(plan, step=10)["target"].tolist()
    [10.0, 20.0, 30.0, 20.0]
    """
    from .organisation import org_tree

    caller = "round_plan"
    frame = to_pandas(plan, caller=caller, arg="plan")
    check_number(step, "step", caller=caller, low=0, open_low=True)
    one_currency(frame, (), caller=caller, arg="plan")
    of_measure_alone(frame, None, caller=caller, arg="plan")
    names = check_names(rows, "rows", caller=caller)
    for name, option in ((columns, "columns"), (target, "target")):
        check_column(name, option, caller=caller)
    if rows is None:
        names = [n for n in plan_keys(frame.columns, (target,)) if n != columns]
    roles: dict[str, Any] = {f"row{i}": Key(n) for i, n in enumerate(names)}
    taken = take(
        frame,
        caller=caller,
        arg="plan",
        unique=("columns", *roles),
        columns=Key(columns),
        target=Amount(target, low=0),
        **roles,
    )
    at_column = taken.keys("columns")
    at_row = taken.keys(*roles) if roles else None
    row = at_row.codes if at_row is not None else np.zeros(len(taken), dtype=np.int64)
    index = at_row.index if at_row is not None else None
    shape = (1 if index is None else len(index), len(at_column))
    table = np.zeros(shape)
    table[row, at_column.codes] = taken["target"] / float(step)
    total = int(np.floor(table.sum() + 0.5))
    whole = round_table(table, total=total, rows=org_tree(index))
    out = PlanColumns(target=target).canonical(taken.frame, caller=caller)
    out["target"] = money(whole[row, at_column.codes], step)
    return out
