"""Funnels side by side: groups compared with tests, cohorts followed by age."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_choice, check_freq, check_int, check_names
from ..engine.periods import period_of, period_start, week_anchor
from ..engine.proportions import adjust, chi_square, difference, fisher_exact
from ..engine.steps import NEVER
from ..engine.sums import rows_of
from ..engine.survival import bands, incidence
from ..errors import InputError
from ._events import DAY, check_share, read_events, refuse_names, stage_list
from .counting import Counted, Plan, count, counts_by_group

__all__ = ["cohort_conversion", "compare"]


def compare(
    events: pd.DataFrame,
    stages: Sequence[Hashable],
    by: str,
    *,
    test: str = "exact",
    correction: str = "holm",
    basis: str = "entered",
    confidence: float = 0.95,
    order: str = "ordered",
    window: pd.Timedelta | str | None = None,
    step_window: Any = None,
    ties: str = "allow",
    reentry: str = "best",
    exclude: Sequence[tuple[Hashable, int, int]] | None = None,
    exclude_mode: str = "remove",
    won: Any = None,
    lost: Any = None,
    rules: str | None = None,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Conversion of every two groups at every step: difference, interval, p-value.

    Parameters
    ----------
    events : DataFrame
        Stage events.
    stages : sequence
        The steps, in order.
    by : str
        Column of the groups.
    test : {"exact", "chi_square"}
        Fisher's exact test, or Pearson's chi-square without continuity correction.
    correction : {"holm", "bh"}
        Correction of the p-values for their number: Holm, or Benjamini and Hochberg.
    basis : {"entered", "decided"}
        Share of all who reached the step before, or of those of them who are not open.
    confidence : float, default=0.95
        Coverage of each interval (Newcombe's method 10).
    order, window, step_window, ties, reentry, exclude, exclude_mode, won, lost, rules, as_of
        As in :func:`conversion`.
    deal, stage, entered : str
        Columns of ``events``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a step (from the second) and pair of groups: ``step``, ``stage``, ``group_a``,
        ``group_b``, ``n_a``, ``n_b``, ``rate_a``, ``rate_b``, ``difference`` (a minus b),
        ``lo``, ``hi``, ``p_value``, ``p_corrected``, ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, there is a single group, or an option is not understood.

    References
    ----------
    .. [1] R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890.
    .. [2] S. Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": [1, 1, 2, 2, 3, 4], "region": list("aaaabb"),
    ...     "stage": ["x", "y", "x", "y", "x", "x"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-02"] * 3)})
    >>> compare(events, ["x", "y"], "region")[["group_a", "group_b", "difference"]]
      group_a group_b  difference
    0       a       b         1.0
    """
    caller = "compare"
    check_choice(test, "test", ("exact", "chi_square"), caller=caller)
    check_choice(correction, "correction", ("holm", "bh"), caller=caller)
    check_choice(basis, "basis", ("entered", "decided"), caller=caller)
    check_share(confidence, "confidence", caller=caller)
    if len(check_names(by, "by", caller=caller)) != 1:
        raise InputError(f"{caller}(): by must name one column, got {by!r}.")
    asked = {
        "order": order,
        "window": window,
        "step_window": step_window,
        "ties": ties,
        "reentry": reentry,
        "exclude": exclude,
        "exclude_mode": exclude_mode,
    }
    steps = stage_list([] if stages is None else stages, name="stages", caller=caller, least=2)
    plan = Plan.make(steps, asked, rules=rules, won=won, lost=lost, caller=caller)
    stream = read_events(
        events,
        caller=caller,
        deal=deal,
        stage=stage,
        entered=entered,
        by=by,
        as_of=as_of,
        invalid=invalid,
    )
    counted = count(stream, plan, caller=caller)
    if len(counted.groups) < 2:
        raise InputError(f"{caller}(): column {by!r} holds one group only; give at least two.")
    out = _pairs(counted, plan, test, basis, confidence)
    out["p_corrected"] = adjust(out["p_value"].to_numpy(), method=correction)
    out["as_of"] = stream.as_of
    return out


def _pairs(counted: Counted, plan: Plan, test: str, basis: str, confidence: float) -> pd.DataFrame:
    k, labels = len(plan.steps), counted.groups.iloc[:, 0]
    table = counts_by_group(counted, k)
    rows = []
    for step in range(1, k):
        for a, b in itertools.combinations(range(len(labels)), 2):
            (ka, na), (kb, nb) = (_share(table, g, step, basis) for g in (a, b))
            gap, lo, hi = difference(*map(np.array, (ka, na, kb, nb)), confidence=confidence)
            p = np.nan
            if na and nb:
                p = (
                    fisher_exact(ka, na, kb, nb)
                    if test == "exact"
                    else chi_square(np.array([ka, kb]), np.array([na, nb]))[1]
                )
            rows.append((step, a, b, na, nb, ka, kb, float(gap), float(lo), float(hi), p))
    raw = pd.DataFrame(
        rows, columns=["s", "a", "b", "na", "nb", "ka", "kb", "difference", "lo", "hi", "p_value"]
    )
    names = plan.stage_names()
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "step": raw["s"] + 1,
                "stage": [names[s] for s in raw["s"]],
                "group_a": labels.iloc[raw["a"]].array,
                "group_b": labels.iloc[raw["b"]].array,
                "n_a": raw["na"],
                "n_b": raw["nb"],
                "rate_a": raw["ka"] / raw["na"].where(raw["na"] > 0),
                "rate_b": raw["kb"] / raw["nb"].where(raw["nb"] > 0),
                "difference": raw["difference"],
                "lo": raw["lo"],
                "hi": raw["hi"],
                "p_value": raw["p_value"],
            }
        )


def _share(table: dict[str, Any], group: int, step: int, basis: str) -> tuple[int, int]:
    n = int(table["entered"][group, step - 1])
    if basis == "decided":
        n -= int(table["open"][group, step - 1])
    return int(table["entered"][group, step]), n


def cohort_conversion(
    events: pd.DataFrame,
    stages: Sequence[Hashable],
    *,
    freq: str = "M",
    ages: Sequence[int] = (7, 30, 90, 180, 365),
    by: str | Sequence[str] | None = None,
    lost: Any = None,
    confidence: float = 0.95,
    year_start: int = 1,
    as_of: object = None,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Share of each cohort that has converted by an age; the young count as long as they can.

    A cohort is the deals whose first step fell in one period. A deal that is still open counts
    up to its age (Aalen-Johansen; without ``lost`` this is 1 minus Kaplan-Meier), so young
    cohorts are neither left out nor made to look bad.

    Parameters
    ----------
    events : DataFrame
        Stage events. Also a Polars, Arrow, DuckDB or Spark frame.
    stages : sequence
        The steps, in order, other events between them allowed; the first opens the cohort, the
        last converts.
    freq : {"D", "W", "M", "Q", "Y"}
        Length of a cohort's period.
    ages : sequence of int
        Ages in days.
    by : str or sequence of str, optional
        Columns to break down by.
    lost : stage or list of stages, optional
        Stages that end a deal unconverted, unless it enters another stage later.
    confidence : float, default=0.95
        Pointwise coverage of the bands (log-log scale).
    year_start : int, default=1
        First month of the year, for quarters and years.
    as_of : date, optional
        What is later is not known. Default: the last event.
    deal, stage, entered : str
        Columns of ``events``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a cohort and age: ``cohort`` (start of the period), ``age``, ``size``,
        ``converted`` (so far, by that age), ``followed`` (decided by that age or seen to it),
        ``rate``, ``lo``, ``hi`` (NaN at ages that none of the cohort has reached), ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, or no stage occurs.

    References
    ----------
    .. [1] O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({"deal_id": [1, 1, 2], "stage": ["x", "y", "x"],
    ...     "entered_at": pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-03"])})
    >>> cohort_conversion(events, ["x", "y"], ages=[7], as_of="2025-01-31")[
    ...     ["cohort", "age", "size", "converted", "rate"]]
          cohort  age  size  converted  rate
    0 2025-01-01    7     2          1   0.5
    """
    caller = "cohort_conversion"
    check_freq(freq, caller=caller, choices=("D", "W", "M", "Q", "Y"))
    check_share(confidence, "confidence", caller=caller)
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    wanted = _ages(ages, caller)
    refuse_names(by, _COHORT_COLUMNS, caller=caller)
    steps = stage_list([] if stages is None else stages, name="stages", caller=caller, least=2)
    plan = Plan.make(steps, {"reentry": "first"}, lost=lost, caller=caller)
    stream = read_events(
        events,
        caller=caller,
        deal=deal,
        stage=stage,
        entered=entered,
        by=by,
        as_of=as_of,
        invalid=invalid,
    )
    counted = count(stream, plan, caller=caller)
    times = counted.found.times
    born = times[:, 0] // DAY
    done = times[:, -1] != NEVER
    ended = np.where(done, times[:, -1], stream.horizon)
    cause = np.where(done, 1, 0)
    if plan.lost:
        last = counted.closed_at(plan.lost)[counted.found.unit]
        gone = counted.lost & (last != NEVER)
        ended, cause = np.where(gone, last, ended), np.where(gone, 2, cause)
    age = ended // DAY - born
    anchor = week_anchor(born) if freq == "W" else 0
    period = period_of(born, freq, week_start=anchor, year_start=year_start)
    out = _cohorts(counted, period, age, cause, wanted, confidence)
    starts = period_start(out["cohort"].to_numpy(), freq, week_start=anchor, year_start=year_start)
    out["cohort"] = pd.Series(starts.astype("datetime64[D]").astype("datetime64[us]"))
    out["as_of"] = stream.as_of
    return out


_COHORT_COLUMNS = ["cohort", "age", "size", "converted", "followed", "rate", "lo", "hi", "as_of"]


def _ages(ages: Any, caller: str) -> np.ndarray:
    out = np.asarray(list(ages) if np.iterable(ages) else [ages])
    if not len(out) or out.dtype.kind not in "iu" or (out < 0).any():
        raise InputError(f"{caller}(): ages must be whole numbers of days >= 0, got {ages!r}.")
    return np.unique(out)


def _cohorts(
    counted: Counted,
    period: np.ndarray,
    age: np.ndarray,
    cause: np.ndarray,
    ages: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    first, span = (int(period.min()), int(np.ptp(period)) + 1) if len(period) else (0, 1)
    cells, cell = np.unique(counted.group * span + period - first, return_inverse=True)
    parts = [
        _one_cohort(age[rows], cause[rows], ages, confidence)
        for rows in rows_of(cell.reshape(-1), len(cells))
    ]
    width = len(ages)
    out = pd.DataFrame({"cohort": np.repeat(cells % span + first, width)})
    out["age"] = np.tile(ages, len(cells))
    for i, name in enumerate(_COHORT_COLUMNS[2:-1]):
        whole = name in ("size", "converted", "followed")
        values = [part[i] for part in parts] or [np.zeros(0)]
        out[name] = np.concatenate(values).astype(np.int64 if whole else np.float64)
    at = np.repeat(cells // span, width)
    for i, name in enumerate(counted.groups.columns):
        out.insert(i, name, counted.groups[name].iloc[at].array)
    return out


def _one_cohort(
    age: np.ndarray, cause: np.ndarray, ages: np.ndarray, confidence: float
) -> tuple[np.ndarray, ...]:
    """Size, converted, followed, rate and its band at each age."""
    found = incidence(age, cause, 2)
    at = np.searchsorted(found.time, ages, side="right") - 1
    rate = np.append(found.ended[:, 0], 0.0)[at]
    lo, hi = bands(rate, np.append(found.ended_se[:, 0], 0.0)[at], confidence=confidence)
    unseen = (ages > age.max()) & (found.open[-1] > 0)
    by, done = age[:, None] <= ages, cause[:, None]
    seen = (age[:, None] >= ages) | ((done > 0) & by)
    rate, lo, hi = (np.where(unseen, np.nan, v) for v in (rate, lo, hi))
    size = np.full(len(ages), len(age))
    return size, (by & (done == 1)).sum(axis=0), seen.sum(axis=0), rate, lo, hi
