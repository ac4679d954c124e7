"""From a total to a plan: every organisation, every period, exact at every level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_choice, check_number, money
from ..engine.controlled_rounding import (
    Tree,
    cross_deviation,
    prefix_rounding,
    round_table,
    whole_and_rest,
)
from ..errors import InputError
from .disaggregation import METHODS, column_totals
from .ideal import bounded_ideal, free_ideal
from .limits import Limits, of_measure, read_limits
from .organisation import as_table, org_tree, part_of_tree, take_organisation
from .shape import period_weights
from .spans import RETAIL, Spans, plan_spans, stamps
from .totals import Group, read_totals, year_labels

__all__ = ["decompose"]

_LARGE = 2**40  # units of a plan from which on sums of floats are not trusted


def decompose(
    total: Any,
    *,
    periods: Any,
    weights: pd.Series | pd.DataFrame | None = None,
    profile: Any = None,
    calendar: Any = None,
    step: float = 0.01,
    lower: Any = None,
    upper: Any = None,
    locked: Any = None,
    overassign: Mapping[str, float] | None = None,
    year_start: int = 1,
    method: str = "auto",
) -> pd.DataFrame:
    """Break a total down over organisation and periods, exact at every level.

    Every cell, every total of a rep, team or region over the plan, and every total of a
    period, month, quarter or year over the organisation is the floor or the ceiling (in
    ``step``) of its ideal, and all of them add up to ``total``. Subtotals across both (a
    team's quarter) are sums of cells; so are totals of a period where a coarser plan gives
    several periods to each of several keys.

    Parameters
    ----------
    total : float, Series, dict or DataFrame
        The amount; or one amount a fiscal year (index 2026, ``"2026"`` or a Period: the year
        in which it begins), a quarter or month (dates or Periods), a key (labels of a level of
        ``weights``) or a measure (any other labels), or several of these (a MultiIndex); or a
        coarser plan
        (``period_start``, ``period_end``, ``target``, keys, ``measure``) each row of which is
        met exactly. Multiples of ``step``. Where ``currency`` is a level of ``weights``, each
        currency has its own.
    periods : (start, end, freq), PeriodIndex, ("4-4-5", year) or DataFrame
        The leaves of the plan; ``freq`` is ``"D"``, ``"W"``, ``"M"``, ``"Q"`` or ``"Y"``. A
        month or Period as ``end`` (``"2026-12"``) counts to its last day.
        Weeks start on Monday, cross months, and are cut at the ends of a fiscal year;
        ``("W", "M")`` as ``freq`` cuts them at the ends of months too, and weeks and months
        are then both exact. ``("4-4-5", year, freq)`` (also ``"4-5-4"``, ``"5-4-4"``) gives
        the periods of a retail year, or its weeks with ``freq="W"``, days with ``"D"``;
        ``"4-4-5"`` alone takes the years from a ``total`` by year. Any other calendar as a
        table with ``period_start`` and ``period_end`` (both inside), and ``year`` and
        ``quarter`` where it has them: that of :func:`salesmgmt.calendars.retail_calendar` with
        its own ``week_start`` or ``rule``, 13 periods of four weeks, half-years.
    weights : Series or DataFrame, optional
        Organisation: a Series whose (Multi)Index runs from the top level down
        (``region, team, rep``; missing lower parts are ragged branches), a frame rep by
        period, or a parent-child frame with the columns ``parent``, ``weight`` and one for
        the key (weights of leaves count; the plan's keys are ``level_1``, ``level_2``, ... down
        to the leaf). NaN is "no input" as in :func:`allocate`. None: one plan without keys, or
        those of the coarser plan.
    profile : DataFrame or Series, optional
        Shape over time: a :func:`seasonal_profile` (of the whole or by keys), a Series by
        period, one by season (1..12, 1..4, 1..7, or by name), or an indicator series (see
        ``method``). Seasons are those of the calendar: a week across two months, or a retail
        period, takes from each by its days. Default: the same for each period.
    calendar : str, Series or DataFrame, optional
        Working days: an ISO country code, or day weights by date (a Series, or what
        :func:`salesmgmt.calendars.working_days` gives). Periods without weight stay
        in the plan with a target of zero.
    step : float, default=0.01
        Smallest unit of every cell.
    lower, upper : float, Series or DataFrame, optional
        Floors and caps: a number for each cell that has a weight; a Series by rep, team or
        region for their totals; a Series by date (PeriodIndex or DatetimeIndex) for totals of
        periods; a frame key by period, or a tidy plan, for single cells, by the full key or
        by levels that tell the leaves apart. Several: a list.
    locked : Series or DataFrame, optional
        Amounts that are given, in the same forms: a lock keeps its cell, the rest of its row
        gives way.
    overassign : dict of str to float, optional
        Factors by level (``{"team": 1.05, "rep": 1.02}``; ``"total"`` for all): they multiply
        down and give the column ``assigned``; ``target`` stays as it is.
    year_start : int, default=1
        First month of the fiscal year; moves quarters and years.
    method : str, default="auto"
        How totals of several periods become a path: ``"pro_rata"`` (each total by the profile
        within it), ``"denton"`` (Denton-Cholette, proportional first differences),
        ``"denton_additive"``, ``"chow_lin"``, ``"fernandez"`` or ``"litterman"`` (see
        :func:`disaggregate`). ``"auto"``: with totals of two or more years and a Series by
        date whose sums differ between the years (an indicator), ``"denton"``; else
        ``"pro_rata"``. With an indicator years without a total are extrapolated.

    Returns
    -------
    DataFrame
        One row a key and period, in order of keys and time: the key columns, ``measure`` where
        totals are by measure, ``period_start``, ``period_end`` (both inside), ``target`` and,
        with ``overassign``, ``assigned``. ``attrs["max_cross_deviation"]`` is the largest
        distance of a subtotal across both families (a team's quarter) from its ideal.

    Raises
    ------
    InputError
        A total that is no multiple of ``step``, weights or a profile that are negative or all
        zero, a year without periods, a calendar that does not cover the plan, or limits that
        contradict each other (a smallest set of them and the gap are named).

    References
    ----------
    .. [1] L. H. Cox, "A constructive procedure for unbiased controlled rounding", JASA 82
       (1987), 520-524.

    Examples
    --------
    >>> import pandas as pd
    >>> weights = pd.Series([2.0, 1.0], index=pd.Index(["Li", "Wang"], name="rep"))
    >>> plan = decompose(100, periods=("2026-01-01", "2026-12-31", "Q"), weights=weights)
    >>> plan.groupby("rep")["target"].sum().to_dict()
    {'Li': 66.67, 'Wang': 33.33}
    >>> plan["target"].head(4).tolist()
    [16.67, 16.67, 16.67, 16.66]
    """
    caller = "decompose"
    check_choice(method, "method", ("auto", *METHODS), caller=caller)
    check_number(step, "step", caller=caller, low=0, open_low=True)
    total = pd.Series(total) if isinstance(total, Mapping) and total else total
    total = as_table(total, "total", caller=caller)
    profile = as_table(profile, "profile", caller=caller)
    periods = as_table(_with_years(periods, total), "periods", caller=caller)
    spans = plan_spans(periods, year_start=year_start, caller=caller)
    organisation, share = take_organisation(weights, total, spans, caller=caller)
    tasks, measures = read_totals(total, organisation, spans, step, caller=caller)
    tree = org_tree(organisation)
    setting = _Setting(organisation, tree, spans, step, caller)
    plans, worst, reported = [], 0.0, {}
    for at, groups in enumerate(tasks):
        shape = period_weights(spans, profile, calendar, organisation, year_start, caller=caller)
        groups, shape = column_totals(groups, shape, profile, spans, method, caller=caller)
        limits = read_limits(
            *(of_measure(v, measures, at, caller=caller) for v in (lower, upper, locked)),
            organisation=organisation,
            tree=tree,
            spans=spans,
            positive=_positive(share, shape),
            step=step,
            caller=caller,
        )
        ideal = _ideal(groups, share, shape, limits, setting)
        whole = _rounded(ideal, groups, setting)
        worst = max(worst, cross_deviation(whole - ideal, tree, spans.tree()))
        plan = _frame(whole, organisation, spans, step)
        if overassign is not None:
            factor, levels = _factors(overassign, organisation, caller=caller)
            more = _more(ideal, whole, factor, setting)
            plan["assigned"] = money(more.ravel(), step)
            reported = {k: float(v) for k, v in levels.items()}
        plans.append(plan)
    out = plans[0] if measures is None else _by_measure(plans, measures)
    out.attrs["max_cross_deviation"] = worst * float(step)
    if overassign is not None:
        out.attrs["overassign"] = reported
    return out


def _with_years(periods: Any, total: Any) -> Any:
    """A retail pattern alone takes its years from totals by year."""
    if isinstance(periods, str) and periods in RETAIL and isinstance(total, pd.Series):
        years = year_labels(total.index)
        if years is not None:
            return periods, sorted(years.tolist())
    return periods


@dataclass(frozen=True)
class _Setting:
    """What stays the same for all totals of one call."""

    organisation: pd.Index | None
    tree: Tree
    spans: Spans
    step: float
    caller: str


def _positive(share: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Cells that have a weight, shape (n, m)."""
    rows = share > 0 if share.ndim == 2 else (share > 0)[:, None]
    return rows & (shape > 0)


def _ideal(
    groups: Sequence[Group],
    share: np.ndarray,
    shape: np.ndarray,
    limits: Limits,
    setting: _Setting,
) -> np.ndarray:
    """Real-valued plan in whole steps: each group of rows for its own totals."""
    if len(groups) == 1:
        return _ideal_of(
            groups[0], share, shape, limits, setting.organisation, setting.tree, setting
        )
    if limits.periods is not None:
        raise InputError(
            f"{setting.caller}(): limits of periods cannot be combined with a coarser plan by "
            "keys; give them as limits of cells."
        )
    out = np.zeros((len(share), len(setting.spans)))
    for group in groups:
        part, nodes = part_of_tree(setting.tree, group.rows)
        assert setting.organisation is not None
        out[group.rows] = _ideal_of(
            group,
            share[group.rows],
            shape[group.rows] if shape.ndim == 2 else shape,
            limits.part(group.rows, nodes),
            setting.organisation[group.rows],
            part,
            setting,
        )
    return out


def _ideal_of(
    group: Group,
    share: np.ndarray,
    shape: np.ndarray,
    limits: Limits,
    organisation: pd.Index | None,
    tree: Tree,
    setting: _Setting,
) -> np.ndarray:
    amounts, sign = group.amounts.astype(np.float64), 1.0
    if amounts.sum() < 0 or not share.any():
        if not share.any() and amounts.any():
            raise InputError(
                f"{setting.caller}(): all weights under {organisation[0]!r} are zero, so its "  # type: ignore[index]
                "total can go nowhere."
            )
        sign = -1.0
    common = {"caller": setting.caller}
    if not limits.given:
        if not amounts.any():
            return np.zeros((len(share), len(setting.spans)))
        return free_ideal(amounts, group.block, share, shape, setting.spans, **common)
    if sign < 0 or (amounts < 0).any():
        raise InputError(f"{setting.caller}(): limits need totals that are not negative.")
    return bounded_ideal(
        amounts,
        group.block,
        share,
        shape,
        limits,
        organisation,
        tree,
        setting.spans,
        setting.step,
        **common,
    )


# --------------------------------------------------------------------------------------
# Rounding


def _rounded(ideal: np.ndarray, groups: Sequence[Group], setting: _Setting) -> np.ndarray:
    """Whole plan: all groups at once where each has one total, else each by itself."""
    if len(groups) == 1:
        return _round_one(ideal, groups[0], setting.tree, setting.spans)
    if all(len(group.amounts) == 1 for group in groups):
        # Totals by key are whole row totals of one table: its columns are exact as well.
        out = _round_whole(ideal, sum(int(group.amounts[0]) for group in groups), setting)
        if all(int(out[group.rows].sum()) == int(group.amounts[0]) for group in groups):
            return out
    out = np.zeros(ideal.shape, dtype=np.int64)
    for group in groups:
        part, _ = part_of_tree(setting.tree, group.rows)
        out[group.rows] = _round_one(ideal[group.rows], group, part, setting.spans)
    return out


def _round_whole(ideal: np.ndarray, total: int, setting: _Setting) -> np.ndarray:
    """One table of the whole organisation and time."""
    rows, block = np.arange(len(ideal)), np.zeros(ideal.shape[1], dtype=np.int64)
    everything = Group(rows, np.array([total]), block)
    return _round_one(ideal, everything, setting.tree, setting.spans)


def _round_one(ideal: np.ndarray, group: Group, tree: Tree, spans: Spans) -> np.ndarray:
    total = int(group.amounts.sum())
    # A falling path has no floor at zero; floats of a very large sum miss whole units.
    if total >= _LARGE or (ideal < 0).any():
        base, rest = whole_and_rest(ideal, group.amounts, group.block)
        return _round_one_up(rest, total - int(base.sum()), group, tree, spans) + base
    return _round_one_up(ideal, total, group, tree, spans)


def _round_one_up(
    ideal: np.ndarray, total: int, group: Group, tree: Tree, spans: Spans
) -> np.ndarray:
    # Largest first, then by label: renaming keys changes only which of two equals comes first.
    order, sorted_tree = by_size(ideal.sum(axis=1), tree)
    table = ideal[order]
    if "week" in spans.levels and "month" in spans.levels:
        whole = prefix_rounding(table.sum(axis=0), total)
        try:
            rounded = round_table(table, total=total, rows=sorted_tree, whole_columns=whole)
        except ArithmeticError:  # weeks and months at once are too much for so few cells
            rounded = round_table(table, total=total, rows=sorted_tree, columns=spans.tree())
    else:
        rounded = round_table(table, total=total, rows=sorted_tree, columns=spans.tree(group.block))
    out = np.empty_like(rounded)
    out[order] = rounded
    return out


def by_size(sizes: np.ndarray, tree: Tree) -> tuple[np.ndarray, Tree]:
    """Leaves ordered by size within their families, families by size; and the tree of that."""
    if len(sizes) == 1:
        return np.arange(1), tree
    sums = [np.round(level, 6) for level in tree.sums(sizes)]
    above = tree.above()
    keys: list[np.ndarray] = []
    for k in range(len(tree.parents) - 1, -1, -1):
        keys += [above[k], -sums[k][above[k]]]
    order = np.lexsort(keys)
    parents, upper = [], np.zeros(len(order), dtype=np.int64)
    for k in range(len(tree.parents)):
        codes = above[k][order]
        change = np.r_[True, codes[1:] != codes[:-1]]
        fresh = np.cumsum(change) - 1
        parents.append(upper[change])
        upper = fresh
    return order, Tree(tuple(parents))


def _factors(
    overassign: Mapping[str, float], organisation: pd.Index | None, *, caller: str
) -> tuple[float, dict[str, float]]:
    """The product of all factors, and the product down to each level."""
    names = ["total", *([] if organisation is None else organisation.names)]
    if not isinstance(overassign, Mapping):
        raise InputError(f"{caller}(): overassign must be a dict of level to factor.")
    for name in overassign:
        check_choice(name, "a level in overassign", names, caller=caller)
    product, out = 1.0, {}
    for name in names:
        if name in overassign:
            product *= check_number(
                overassign[name], f"overassign[{name!r}]", caller=caller, low=0, open_low=True
            )
        out[str(name)] = product
    return product, out


def _more(ideal: np.ndarray, whole: np.ndarray, factor: float, setting: _Setting) -> np.ndarray:
    """The over-assigned plan, rounded as one table with the same two hierarchies."""
    total = int(np.rint(whole.sum() * factor))
    sums = float(ideal.sum())
    scaled = ideal * (total / sums if sums > 0 and (ideal >= 0).all() else factor)
    return _round_whole(scaled, total, setting)


# --------------------------------------------------------------------------------------
# Handing over


def _frame(
    whole: np.ndarray, organisation: pd.Index | None, spans: Spans, step: float
) -> pd.DataFrame:
    """The plan as a tidy frame, keys first, then time."""
    n, m = whole.shape
    columns: dict[str, Any] = {}
    if organisation is not None:
        at = np.repeat(np.arange(n), m)
        for i, name in enumerate(organisation.names):
            columns[name] = organisation.get_level_values(i).take(at)
    columns["period_start"] = np.tile(stamps(spans.start).to_numpy(), n)
    columns["period_end"] = np.tile(stamps(spans.end).to_numpy(), n)
    columns["target"] = money(whole.ravel(), step)
    return pd.DataFrame(columns, copy=False)


def _by_measure(plans: Sequence[pd.DataFrame], measures: pd.Index) -> pd.DataFrame:
    """Plans of several measures one after the other, with a column that names the measure."""
    for plan, name in zip(plans, measures, strict=True):
        plan.insert(plan.columns.get_loc("period_start"), "measure", [name] * len(plan))
    out = pd.concat(plans, ignore_index=True)
    out["measure"] = out["measure"].astype(measures.dtype)
    return out
