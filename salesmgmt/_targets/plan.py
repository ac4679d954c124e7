"""From a total to a plan: every organisation, every period, exact at every level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_series, factorise, money
from ..engine.controlled_rounding import Tree, cross_deviation, round_table
from ..errors import InputError
from .allocation import fill_missing, whole_total
from .shape import period_weights
from .spans import Spans, label_days, plan_spans, stamps

__all__ = ["decompose"]


def decompose(
    total: Any,
    *,
    periods: Any,
    weights: pd.Series | pd.DataFrame | None = None,
    profile: Any = None,
    calendar: Any = None,
    step: float = 0.01,
    year_start: int = 1,
) -> pd.DataFrame:
    """Break a total down over organisation and periods, exact at every level.

    Every cell, every total of a rep, team or region, and every total of a period, month,
    quarter or year is the floor or the ceiling (in ``step``) of its ideal, and all of them add
    up to ``total``.

    Parameters
    ----------
    total : float or Series
        The amount, or one amount a fiscal year (index 2026, "2026" or ``Period("2026")``), or
        one a measure (any other labels): multiples of ``step``.
    periods : (start, end, freq) or PeriodIndex
        The leaves of the plan; ``freq`` is ``"D"``, ``"W"``, ``"M"``, ``"Q"`` or ``"Y"``.
        Weeks start on Monday, cross months, and are cut at the ends of a fiscal year.
    weights : Series or DataFrame, optional
        Organisation: a Series whose (Multi)Index runs from the top level down
        (``region, team, rep``), or a frame rep by period. NaN is "no input" as in
        :func:`allocate`. None: one plan without keys.
    profile : DataFrame or Series, optional
        Shape over time: a :func:`seasonal_profile`, a Series by period, or one by season
        (1..12, 1..4, 1..7). Default: the same for each period.
    calendar : str or Series, optional
        Working days: an ISO country code, or day weights by date. Periods without weight stay
        in the plan with a target of zero.
    step : float, default=0.01
        Smallest unit of every cell.
    year_start : int, default=1
        First month of the fiscal year; moves quarters and years.

    Returns
    -------
    DataFrame
        One row a key and period, in order of keys and time: the key columns, ``measure`` where
        totals are by measure, ``period_start``, ``period_end`` (both inside) and ``target``.
        ``attrs["max_cross_deviation"]`` is the largest distance of a subtotal across both
        families (a team's quarter) from its ideal.

    Raises
    ------
    InputError
        A total that is no multiple of ``step``, weights or a profile that are negative or all
        zero, a year without periods, or a calendar that does not cover the plan.

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
    spans = plan_spans(periods, year_start=year_start, caller=caller)
    organisation, share = _organisation(weights, spans, caller=caller)
    shape = period_weights(spans, profile, calendar, organisation, year_start, caller=caller)
    tasks, measures = _totals(total, spans, step, caller=caller)
    plans, worst = [], 0.0
    for amounts, block in tasks:
        ideal = _ideal(amounts, block, share, shape, spans, caller=caller)
        whole, deviation = _rounded(ideal, amounts, block, organisation, spans)
        plans.append(_frame(whole, organisation, spans, step))
        worst = max(worst, deviation)
    out = plans[0] if measures is None else _by_measure(plans, measures)
    out.attrs["max_cross_deviation"] = worst * float(step)
    return out


# --------------------------------------------------------------------------------------
# Taking in


def _organisation(weights: Any, spans: Spans, *, caller: str) -> tuple[pd.Index | None, np.ndarray]:
    """Labels in ascending order, and their weights, shape (n,) or (n, m)."""
    if weights is None:
        return None, np.ones(1)
    if isinstance(weights, pd.DataFrame):
        values = _weights_by_period(weights, spans, caller=caller)
        index = weights.index
    else:
        series = check_series(weights, "weights", caller=caller, missing="allow", low=0)
        index, values = series.index, fill_missing(series.to_numpy())
    if not len(index):
        raise InputError(f"{caller}(): weights has no entries; give at least one.")
    if not (values > 0).any():
        raise InputError(f"{caller}(): all weights are zero; give at least one positive weight.")
    names = [
        n if n is not None else ("key" if index.nlevels == 1 else f"key_{i}")
        for i, n in enumerate(index.names)
    ]
    clash = {"period_start", "period_end", "target", "measure"}.intersection(names)
    if clash:
        raise InputError(f"{caller}(): weights has a level named {min(clash)!r}; rename it.")
    frame = index.to_frame(index=False)
    frame.columns = names
    if frame.isna().any(axis=None):
        raise InputError(
            f"{caller}(): weights has {int(frame.isna().any(axis=1).sum())} label(s) with a "
            "missing part; name every level (repeat the upper one in a ragged hierarchy)."
        )
    keys = factorise(frame, names)
    order = np.argsort(keys.codes, kind="stable")
    return keys.index, values[order]


def _weights_by_period(weights: pd.DataFrame, spans: Spans, *, caller: str) -> np.ndarray:
    if not weights.index.is_unique:
        raise InputError(f"{caller}(): weights has repeated labels; sum them first.")
    at = label_days(weights.columns, "columns of weights", caller=caller)
    order = np.argsort(at, kind="stable")
    if len(at) != len(spans) or (at[order] < spans.start).any() or (at[order] > spans.end).any():
        raise InputError(
            f"{caller}(): weights must have one column for each of the {len(spans)} periods "
            f"(named by their first day or Period); it has {len(at)}."
        )
    flat = check_series(
        pd.Series(weights.to_numpy(np.float64)[:, order].ravel()), "weights", caller=caller, low=0
    )
    return flat.to_numpy().reshape(len(weights), len(spans))


Task = tuple[np.ndarray, np.ndarray]


def _totals(
    total: Any, spans: Spans, step: float, *, caller: str
) -> tuple[list[Task], pd.Index | None]:
    """Tasks (whole totals of blocks, block of each leaf), and the measures if there are any."""
    nothing = np.zeros(len(spans), dtype=np.int64)
    if not isinstance(total, pd.Series):
        return [(np.array([whole_total(total, step, caller=caller)]), nothing)], None
    amounts = check_series(total, "total", caller=caller)
    whole = np.array([whole_total(v, step, caller=caller) for v in amounts.tolist()], np.int64)
    years = _years(amounts.index)
    if years is None:
        return [(np.array([value]), nothing) for value in whole], amounts.index
    have = np.unique(spans.year)
    missing = sorted(set(years.tolist()).symmetric_difference(have.tolist()))
    if missing:
        raise InputError(
            f"{caller}(): total has the years {sorted(years.tolist())}, the periods lie in "
            f"{have.tolist()}; they differ in {missing}."
        )
    order = np.argsort(years)
    return [(whole[order], np.searchsorted(have, spans.year))], None


def _years(labels: pd.Index) -> np.ndarray | None:
    """Labels that are years, as numbers; None where they are something else."""
    if isinstance(labels, pd.PeriodIndex | pd.DatetimeIndex):
        return np.asarray(labels.year, dtype=np.int64)
    text = [str(v) for v in labels]
    if all(len(v) == 4 and v.isdigit() and 1900 <= int(v) <= 2200 for v in text):
        return np.array([int(v) for v in text], dtype=np.int64)
    return None


# --------------------------------------------------------------------------------------
# Computing


def _ideal(
    amounts: np.ndarray,
    block: np.ndarray,
    share: np.ndarray,
    shape: np.ndarray,
    spans: Spans,
    *,
    caller: str,
) -> np.ndarray:
    """Real-valued plan in whole steps, shape (n, m): weights by shape, scaled in each block."""
    if share.ndim == 1 and shape.ndim == 1:
        mass = np.bincount(block, weights=shape, minlength=len(amounts))
        _check_mass(mass, amounts, block, spans, caller=caller)
        column = np.divide(amounts, mass, out=np.zeros(len(mass)), where=mass > 0)[block] * shape
        return np.outer(share / share.sum(), column)
    if shape.ndim == 2:  # each key has its own shape: it decides when, the weights how much
        mass = _block_sums(shape, block, len(amounts))
        shape = np.divide(shape, mass[:, block], out=np.zeros_like(shape), where=mass[:, block] > 0)
    product = (share if share.ndim == 2 else share[:, None]) * shape
    mass = np.bincount(block, weights=product.sum(axis=0), minlength=len(amounts))
    _check_mass(mass, amounts, block, spans, caller=caller)
    return product * np.divide(amounts, mass, out=np.zeros(len(mass)), where=mass > 0)[block]


def _block_sums(values: np.ndarray, block: np.ndarray, count: int) -> np.ndarray:
    out = np.zeros((len(values), count))
    for b in range(count):
        out[:, b] = values[:, block == b].sum(axis=1)
    return out


def _check_mass(
    mass: np.ndarray, amounts: np.ndarray, block: np.ndarray, spans: Spans, *, caller: str
) -> None:
    bad = np.flatnonzero((mass <= 0) & (amounts != 0))
    if len(bad):
        at = np.flatnonzero(block == bad[0])
        first, last = stamps(np.array([spans.start[at[0]], spans.end[at[-1]]]))
        raise InputError(
            f"{caller}(): profile, calendar and weights are all zero between {first.date()} and "
            f"{last.date()}, so its total can go nowhere."
        )


def _rounded(
    ideal: np.ndarray,
    amounts: np.ndarray,
    block: np.ndarray,
    organisation: pd.Index | None,
    spans: Spans,
) -> tuple[np.ndarray, float]:
    """Whole plan, and the largest deviation of a subtotal across both families."""
    rows = _tree(organisation)
    columns = spans.tree(block)
    sign = -1.0 if amounts.sum() < 0 else 1.0
    # Largest first, then by label: renaming keys changes nothing but which equals come first.
    totals = sign * ideal.sum(axis=1)
    whole = round_table(
        sign * ideal,
        total=int(sign * amounts.sum()),
        rows=rows,
        columns=columns,
    ) * int(sign)
    del totals
    return whole, cross_deviation(whole - ideal, rows, columns)


def _tree(organisation: pd.Index | None) -> Tree:
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
    return pd.DataFrame(columns)


def _by_measure(plans: Sequence[pd.DataFrame], measures: pd.Index) -> pd.DataFrame:
    """Plans of several measures one after the other, with a column that names the measure."""
    for plan, name in zip(plans, measures, strict=True):
        plan.insert(plan.columns.get_loc("period_start"), "measure", [name] * len(plan))
    out = pd.concat(plans, ignore_index=True)
    out["measure"] = out["measure"].astype(measures.dtype)
    return out
