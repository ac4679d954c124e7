"""Metrics, scorecards, totals with ranks that say how sure they are, and the review of a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Keys,
    Rows,
    check_choice,
    check_names,
    check_number,
    check_series,
    factorise,
    refuse_names,
    take,
    to_pandas,
)
from ..engine.ranking import competition_rank, rank_interval
from ..engine.scoring import attainment, piecewise
from ..errors import InputError

__all__ = ["GRADES", "Metric", "review", "scorecard", "totals"]

DIRECTIONS = ("higher", "lower", "target")
INVERSES = ("difference", "ratio")
_FIXED = ("metric", "value", "target", "attainment", "score", "weight", "weighted", "score_se")

#: Grade and the share of full marks it starts at, best first.
GRADES: tuple[tuple[str, float], ...] = (
    ("S", 1.2),
    ("A", 1.0),
    ("B", 0.9),
    ("C", 0.75),
    ("D", 0.6),
    ("E", -np.inf),
)


@dataclass(frozen=True)
class Metric:
    """One measure of a scorecard: what is good, what is asked for, how it scores.

    Parameters
    ----------
    name : str
        Column of the measures frame.
    direction : {"higher", "lower", "target"}, default="higher"
        Whether more is better, less is better, or being on target is.
    target : float or str, optional
        What is asked for: one number for all, or the name of a column with each key's own.
        The score then is that of the attainment. Without a target it is that of the value.
    floor, cap : float, optional
        Least and largest score, in units of the score (1.2: 120 %).
    weight : float, optional
        Weight in the total. The weights of a scorecard add up to 1 or to 100.
    curve : sequence of (float, float) or mapping, optional
        Points ``(attainment, score)`` (without a target: ``(value, score)``), joined by straight
        lines, flat outside. An abscissa given twice is a step; its upper score holds there.
        None: the score is the attainment itself.
    gate : (str, float) or (str, float, float), optional
        ``("margin", 0.9)``: while metric ``margin`` attains less than 0.9 (has a value below
        it, if it has no target) this metric earns no bonus points: its score is at most 1. A
        third number is that limit; ``("margin", 0.9, 0.0)`` takes all points.
    unit : str, default=""
        Unit of the value, for people.
    error : str, optional
        Column with the standard error of the value; gives ``score_se`` and honest ranks.
    inverse : {"difference", "ratio"}, default="difference"
        Attainment where less is better: ``2 - value / target`` or ``target / value``.

    Attributes
    ----------
    name, direction, target, floor, cap, weight, curve, gate, unit, error, inverse
        As given.

    Notes
    -----
    Attainment is ``1 + (value - target) / |target|`` (``higher``), the same with a minus sign
    (``lower``), or ``1 - |value - target| / |target|`` (``target``): ``value / target`` for a
    positive target, and still more the better for a negative one. A target of zero has no
    scale: 1 where it is met, else 0.

    Examples
    --------
    >>> Metric("revenue", target=1000, cap=1.2, weight=0.6).cap
    1.2
    """

    name: str
    _: KW_ONLY
    direction: str = "higher"
    target: float | str | None = None
    floor: float | None = None
    cap: float | None = None
    weight: float | None = None
    curve: Sequence[tuple[float, float]] | Mapping[float, float] | None = None
    gate: tuple[Any, ...] | None = None
    unit: str = ""
    error: str | None = None
    inverse: str = "difference"

    def __post_init__(self) -> None:
        caller = f"Metric({self.name!r})"
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"Metric(): name must be a column name, got {self.name!r}.")
        check_choice(self.direction, "direction", DIRECTIONS, caller=caller)
        check_choice(self.inverse, "inverse", INVERSES, caller=caller)
        for option in ("floor", "cap"):
            if getattr(self, option) is not None:
                check_number(getattr(self, option), option, caller=caller)
        if self.weight is not None:
            check_number(self.weight, "weight", caller=caller, low=0)
        if self.target is not None and not isinstance(self.target, str):
            check_number(self.target, "target", caller=caller)
        if self.floor is not None and self.cap is not None and self.floor > self.cap:
            raise InputError(f"{caller}(): floor {self.floor:g} exceeds cap {self.cap:g}.")
        _check_gate(self.gate, self.name, caller=caller)
        _curve_points(self.curve, caller=caller)

    def score(self, base: np.ndarray) -> np.ndarray:
        """Score of attainments (without a target: of values), before any gate."""
        points = _curve_points(self.curve, caller=f"Metric({self.name!r})")
        out = np.array(base, dtype=np.float64) if points is None else piecewise(base, *points)
        if self.floor is not None or self.cap is not None:
            out = np.clip(out, self.floor, self.cap)
        return out


def _check_gate(gate: object, name: str, *, caller: str) -> None:
    if gate is None:
        return
    if not isinstance(gate, tuple | list) or len(gate) not in (2, 3):
        raise InputError(f"{caller}(): gate must be (metric, threshold[, limit]), got {gate!r}.")
    if not isinstance(gate[0], str) or gate[0] == name:
        raise InputError(f"{caller}(): gate must name another metric, got {gate[0]!r}.")
    for value in gate[1:]:
        check_number(value, "gate", caller=caller)


def _curve_points(curve: Any, *, caller: str) -> tuple[np.ndarray, np.ndarray] | None:
    if curve is None:
        return None
    points = list(curve.items()) if isinstance(curve, Mapping) else list(curve)
    if not points or any(not isinstance(p, tuple | list) or len(p) != 2 for p in points):
        raise InputError(f"{caller}(): curve must be points (attainment, score), got {curve!r}.")
    xs = np.array([check_number(p[0], "curve", caller=caller) for p in points])
    ys = np.array([check_number(p[1], "curve", caller=caller) for p in points])
    if (np.diff(xs) < 0).any():
        raise InputError(f"{caller}(): curve must ascend; sort its points by attainment.")
    return xs, ys


# --------------------------------------------------------------------------------------
# Scorecard


def scorecard(
    measures: pd.DataFrame,
    metrics: Sequence[Metric],
    *,
    keys: str | Sequence[str],
    weights: pd.Series | Mapping[str, float] | None = None,
    missing: str = "raise",
) -> pd.DataFrame:
    """Score every key on every metric.

    Parameters
    ----------
    measures : DataFrame
        One row a key; one column a metric (and a target or standard error, if metrics name
        columns for them). Not modified.
    metrics : sequence of Metric
        What counts. Each name once.
    keys : str or sequence of str
        Key columns (``"rep"``, or ``["rep", "month"]`` for several periods).
    weights : Series or mapping, optional
        Weight by metric name, for instance from :func:`weights`; goes before the metrics' own.
        Without any weight every metric weighs the same. They add up to 1 or to 100.
    missing : {"raise", "reweight"}, default="raise"
        What to do with a missing value: refuse, or share its weight among the key's other
        metrics in proportion. It never counts as zero.

    Returns
    -------
    DataFrame
        One row key × metric: keys, ``metric``, ``value``, ``target`` (NaN without one),
        ``attainment`` (share of the target), ``score`` (1: on target, unless a curve says
        otherwise), ``weight``, ``weighted`` (score × weight); ``score_se`` where a metric names
        an ``error`` column. Keys ascending, metrics as given.

    Raises
    ------
    InputError
        A column is missing or holds no numbers, a key stands twice, weights do not add up, or a
        key has no value at all.

    Examples
    --------
    >>> import pandas as pd
    >>> measures = pd.DataFrame({"rep": ["Li", "Wu"], "revenue": [120.0, 80.0],
    ...                          "returns": [0.04, 0.02]})
    >>> card = scorecard(measures, [Metric("revenue", target=100, weight=0.8),
    ...                  Metric("returns", direction="lower", target=0.04, weight=0.2)],
    ...                  keys="rep")
    >>> card[["rep", "metric", "attainment", "weighted"]].round(2)
      rep   metric  attainment  weighted
    0  Li  revenue         1.2      0.96
    1  Li  returns         1.0      0.20
    2  Wu  revenue         0.8      0.64
    3  Wu  returns         1.5      0.30
    """
    caller = "scorecard"
    check_choice(missing, "missing", ("raise", "reweight"), caller=caller)
    own = ("metric", "value", "target", "attainment", "score", "weight", "weighted")
    refuse_names(check_names(keys, "keys", caller=caller), own, caller=caller, option="keys")
    metrics = _check_metrics(metrics, caller=caller)
    for m in metrics:
        if m.target is None and m.curve is None and m.direction != "higher":
            raise InputError(
                f"{caller}(): metric {m.name!r}, direction={m.direction!r}, needs a target or a "
                "curve to be scored by."
            )
    shares = _weight_vector(metrics, weights, caller=caller)
    rows, labels, order = _measured(measures, metrics, keys, missing=missing, caller=caller)
    value, target, reached, base = _attained(rows, metrics, order)
    score = _gated(
        np.column_stack([m.score(b) for m, b in zip(metrics, base.T, strict=True)]), metrics, base
    )
    share = _shares(shares, score, labels, caller=caller)
    out = labels.loc[np.repeat(np.arange(len(labels)), len(metrics))].reset_index(drop=True)
    out["metric"] = np.tile([m.name for m in metrics], len(labels))
    parts = {
        "value": value,
        "target": target,
        "attainment": reached,
        "score": score,
        "weight": share,
        "weighted": score * share,
    }
    if any(m.error for m in metrics):
        parts["score_se"] = _score_errors(rows, metrics, order)
    for name, block in parts.items():
        out[name] = block.reshape(-1)
    return out


def _check_metrics(metrics: Any, *, caller: str) -> list[Metric]:
    listed = [metrics] if isinstance(metrics, Metric) else list(metrics)
    if not listed or not all(isinstance(m, Metric) for m in listed):
        raise InputError(f"{caller}(): metrics must be a list of Metric, one at least.")
    names = [m.name for m in listed]
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"{caller}(): metric {twice!r} stands twice; name each once.")
    for m in listed:
        if m.gate is not None and m.gate[0] not in names:
            raise InputError(
                f"{caller}(): the gate of {m.name!r} names {m.gate[0]!r}, which is no metric here."
            )
    return listed


def _weight_vector(metrics: list[Metric], weights: Any, *, caller: str) -> np.ndarray:
    """One weight a metric; they add up to 1 or to 100."""
    names = [m.name for m in metrics]
    if weights is not None:
        given = check_series(weights, "weights", caller=caller, low=0)
        for one, other, what in (
            (names, given.index, "has no weight"),
            (given.index, names, "has a weight but is no metric here"),
        ):
            lost = [n for n in one if n not in other]
            if lost:
                raise InputError(f"{caller}(): weights: {lost[0]!r} {what}.")
        out = given.reindex(names).to_numpy(np.float64)
    elif all(m.weight is None for m in metrics):
        return np.full(len(metrics), 1.0 / len(metrics))
    else:
        lost = [m.name for m in metrics if m.weight is None]
        if lost:
            raise InputError(f"{caller}(): metric {lost[0]!r} has no weight; give all or none.")
        out = np.array([m.weight for m in metrics], dtype=np.float64)
    total = float(out.sum())
    if not (np.isclose(total, 1.0, rtol=0, atol=1e-6) or np.isclose(total, 100, rtol=0, atol=1e-4)):
        raise InputError(
            f"{caller}(): the weights add up to {total:.6g}, not to 1 (or 100); "
            "mend them, or divide by their sum."
        )
    return out


def _measured(
    measures: pd.DataFrame,
    metrics: list[Metric],
    keys: str | Sequence[str],
    *,
    missing: str,
    caller: str,
) -> tuple[Rows, pd.DataFrame, np.ndarray]:
    """Checked rows, key labels in order, and the row of each label."""
    names = check_names(keys, "keys", caller=caller)
    if not names:
        raise InputError(f"{caller}(): keys must name at least one column.")
    frame = to_pandas(measures, caller=caller, arg="measures")
    refuse = "refuse" if missing == "raise" else "allow"
    roles: dict[str, Any] = {}
    for m in metrics:
        for kind, column in (("", m.name), ("target of ", m.target), ("error of ", m.error)):
            if isinstance(column, str):
                _need(frame, column, f"{kind}{m.name}", caller=caller)
                low = 0.0 if kind.startswith("error") else None
                roles[f"{kind}{m.name}"] = Amount(column, missing=refuse, low=low)
    options = [f"by{i}" for i in range(len(names))]
    for name in names:
        _need(frame, name, "keys", caller=caller)
    rows = take(frame, caller=caller, arg="measures", by=names, unique=options, **roles)
    key = rows.keys(*options)
    order = np.empty(len(rows), dtype=np.int64)
    order[key.codes] = np.arange(len(rows))
    return rows, key.labels, order


def _need(frame: pd.DataFrame, column: str, what: str, *, caller: str) -> None:
    if column not in frame.columns:
        have = ", ".join(repr(str(c)) for c in frame.columns[:12])
        raise InputError(
            f"{caller}(): measures has no column {column!r} ({what}); there are: {have or 'none'}."
        )


def _attained(
    rows: Rows, metrics: list[Metric], order: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Value, target, attainment and what the score is made of; (keys, metrics) each."""
    shape = (len(order), len(metrics))
    value, target, reached, base = (np.full(shape, np.nan) for _ in range(4))
    for j, m in enumerate(metrics):
        value[:, j] = rows[m.name][order]
        if m.target is None:
            base[:, j] = value[:, j]
            continue
        goal = rows[f"target of {m.name}"][order] if isinstance(m.target, str) else m.target
        target[:, j] = goal
        reached[:, j] = attainment(value[:, j], target[:, j], m.direction, inverse=m.inverse)
        base[:, j] = reached[:, j]
    return value, target, reached, base


def _gated(score: np.ndarray, metrics: list[Metric], base: np.ndarray) -> np.ndarray:
    names = [m.name for m in metrics]
    out = score.copy()
    for j, m in enumerate(metrics):
        if m.gate is not None:
            limit = m.gate[2] if len(m.gate) == 3 else 1.0
            other = base[:, names.index(m.gate[0])]
            shut = ~(other >= m.gate[1])  # a gate that was not measured stays shut
            out[:, j] = np.where(shut, np.minimum(score[:, j], limit), score[:, j])
    return out


def _shares(
    weights: np.ndarray, score: np.ndarray, labels: pd.DataFrame, *, caller: str
) -> np.ndarray:
    """Weights a key: those of missing metrics are shared among its others in proportion."""
    there = ~np.isnan(score)
    left = np.where(there, weights, 0.0)
    sums = left.sum(axis=1)
    if (sums <= 0).any():
        bad = np.flatnonzero(sums <= 0)
        first = ", ".join(str(v) for v in labels.iloc[bad[0]])
        raise InputError(
            f"{caller}(): {len(bad)} key(s) have no value in any weighted metric (first: {first}); "
            "leave them out."
        )
    whole = there.all(axis=1)
    return np.where(whole[:, None], left, left / sums[:, None] * weights.sum())


def _score_errors(rows: Rows, metrics: list[Metric], order: np.ndarray) -> np.ndarray:
    """Standard error of each score: half the span of the score over one error either way."""
    out = np.zeros((len(order), len(metrics)))
    for j, m in enumerate(metrics):
        if m.error is None:
            continue
        se = rows[f"error of {m.name}"][order]
        ends = []
        for sign in (-1.0, 1.0):
            base = rows[m.name][order] + sign * se
            if m.target is not None:
                goal = rows[f"target of {m.name}"][order] if isinstance(m.target, str) else m.target
                base = attainment(
                    base, np.asarray(goal, dtype=np.float64), m.direction, inverse=m.inverse
                )
            ends.append(m.score(base))
        out[:, j] = np.abs(ends[1] - ends[0]) / 2
    return out


# --------------------------------------------------------------------------------------
# Totals


def totals(
    scorecard: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    period: str | None = None,
    grades: Sequence[tuple[str, float]] = GRADES,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Total score, rank with its interval, and grade of each key.

    Parameters
    ----------
    scorecard : DataFrame
        What :func:`scorecard` returned.
    by : str or sequence of str, optional
        Key columns within which to rank (``"region"``); None: all keys together.
    period : str, optional
        Key column with the period, in ascending order: ranks are within a period, and each
        total is compared with the key's earlier ones.
    grades : sequence of (str, float)
        Grade and the share of full marks (the sum of the weights) it starts at, best first.
        The last one should start at minus infinity.
    confidence : float in (0, 1), default=0.95
        Coverage of the rank interval, when the scorecard has standard errors.

    Returns
    -------
    DataFrame
        Keys, ``total`` (sum of ``weighted``), ``rank`` (1 is best, equal totals share the
        smaller rank), ``rank_lo``, ``rank_hi`` (between which ranks the key lies: the keys that
        are better, or worse, beyond doubt are counted; missing where the scorecard has no
        standard errors, since nothing is known then), ``grade``. With ``period`` also
        ``previous`` (total of the key's last period before), ``change``, ``rank_change`` (places
        won) and ``trend`` (least-squares slope of its totals a period, up to this one); missing
        in a key's first period. Keys ascending.

    Raises
    ------
    InputError
        Not a scorecard, unknown ``by``, or grades that do not descend.

    References
    ----------
    .. [1] M. Klein, T. Wright and J. Wieczorek, "A joint confidence region for an overall
       ranking of populations", J. R. Stat. Soc. C 69 (2020), 589-606.

    Examples
    --------
    >>> import pandas as pd
    >>> measures = pd.DataFrame({"rep": ["Li", "Wu", "He"], "revenue": [120.0, 80.0, 80.0]})
    >>> totals(scorecard(measures, [Metric("revenue", target=100)], keys="rep"))
      rep  total  rank  rank_lo  rank_hi grade
    0  He    0.8     2     <NA>     <NA>     C
    1  Li    1.2     1     <NA>     <NA>     S
    2  Wu    0.8     2     <NA>     <NA>     C
    """
    caller = "totals"
    level = check_number(
        confidence, "confidence", caller=caller, low=0, high=1, open_low=True, open_high=True
    )
    cuts = _check_grades(grades, caller=caller)
    frame, names = _card(scorecard, caller=caller)
    inside = check_names(by, "by", caller=caller)
    if period is not None and period not in inside:
        inside.append(period)
    for name in inside:
        if name not in names:
            raise InputError(f"{caller}(): {name!r} is no key of the scorecard ({names}).")
    if period is not None and len(names) < 2:
        raise InputError(f"{caller}(): the scorecard has no key but the period {period!r}.")
    key = factorise(frame, names)
    total, full, error = _sums(frame, key)
    group = factorise(key.labels, inside).codes if inside else np.zeros(len(key), dtype=np.int64)
    rank, low, high = (np.empty(len(key), dtype=np.int64) for _ in range(3))
    for g in range(int(group.max()) + 1):
        at = np.flatnonzero(group == g)
        rank[at] = competition_rank(total[at])
        low[at], high[at] = rank_interval(total[at], error[at], level)
    out = key.labels.copy()
    sure = "score_se" in frame.columns
    out["total"], out["rank"] = total, rank
    for name, values in (("rank_lo", low), ("rank_hi", high)):
        out[name] = pd.array(values if sure else [pd.NA] * len(out), dtype="Int64")
    out["grade"] = _grade(total, full, cuts)
    return out if period is None else _with_trend(out, names, period)


def _with_trend(out: pd.DataFrame, names: list[str], period: str) -> pd.DataFrame:
    """Each total beside the key's earlier ones."""
    who = factorise(out, [n for n in names if n != period]).codes
    when = factorise(out, [period]).codes
    order = np.lexsort((when, who))
    total, rank = out["total"].to_numpy()[order], out["rank"].to_numpy()[order]
    start = np.r_[True, np.diff(who[order]) != 0]
    columns = {c: np.full(len(out), np.nan) for c in ("previous", "change", "rank_change", "trend")}
    later = np.flatnonzero(~start)
    columns["previous"][order[later]] = total[later - 1]
    columns["change"][order[later]] = total[later] - total[later - 1]
    columns["rank_change"][order[later]] = rank[later - 1] - rank[later]
    # Slope from running sums of x, y, xx and xy since the key's first period.
    x = when[order].astype(np.float64)
    group = np.cumsum(start) - 1
    first = np.flatnonzero(start)[group]
    x = x - x[first]
    sums = []
    for v in (np.ones(len(x)), x, total, x * x, x * total):
        running = np.concatenate([[0.0], np.cumsum(v)])
        sums.append(running[1:] - running[first])
    n, sx, sy, sxx, sxy = sums
    spread = n * sxx - sx * sx
    slope = (n * sxy - sx * sy) / np.where(spread > 0, spread, np.nan)
    columns["trend"][order] = np.where(spread > 0, np.round(slope, 12), np.nan)
    for name, values in columns.items():
        out[name] = values
    return out


def _check_grades(grades: Any, *, caller: str) -> tuple[list[str], np.ndarray]:
    pairs = list(grades.items()) if isinstance(grades, Mapping) else list(grades)
    if not pairs or any(
        not isinstance(p, tuple | list) or len(p) != 2 or not isinstance(p[1], Real) for p in pairs
    ):
        raise InputError(f"{caller}(): grades must be pairs (grade, least share of full marks).")
    cuts = np.array([float(p[1]) for p in pairs])
    if np.isnan(cuts).any() or (np.diff(cuts) >= 0).any():
        raise InputError(f"{caller}(): grades must descend, best first; got {cuts.tolist()}.")
    return [str(p[0]) for p in pairs], cuts


def _card(scorecard: Any, *, caller: str, arg: str = "scorecard") -> tuple[pd.DataFrame, list[str]]:
    """The checked scorecard and its key columns: all before ``metric``."""
    frame = to_pandas(scorecard, caller=caller, arg=arg)
    for name in _FIXED[:-1]:
        if name not in frame.columns:
            raise InputError(
                f"{caller}(): {arg} has no column {name!r}; pass what scorecard() returned."
            )
    names = [c for c in frame.columns if c not in _FIXED]
    if not names:
        raise InputError(f"{caller}(): {arg} has no key column; pass what scorecard() returned.")
    role = {f"by{i}": n for i, n in enumerate(names)}
    take(
        frame,
        caller=caller,
        arg=arg,
        by=list(role.values()),
        weight=Amount("weight", low=0),
        weighted=Amount("weighted", missing="allow"),
    )
    return frame, names


def _sums(frame: pd.DataFrame, key: Keys) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Total, full marks and standard error of the total, by key; order of rows is no matter."""
    order = np.lexsort((frame["metric"].astype(str).to_numpy(), key.codes))
    codes = key.codes[order]
    part = np.nan_to_num(frame["weighted"].to_numpy(np.float64)[order])
    weight = frame["weight"].to_numpy(np.float64)[order]
    total = np.bincount(codes, part, minlength=len(key))
    full = np.bincount(codes, weight, minlength=len(key))
    error = np.zeros(len(key))
    if "score_se" in frame.columns:
        se = np.nan_to_num(frame["score_se"].to_numpy(np.float64)[order])
        error = np.sqrt(np.bincount(codes, (weight * se) ** 2, minlength=len(key)))
    # Sums of products carry noise in the last digits; equal results must share a rank.
    return np.round(total, 12), full, error


def _grade(total: np.ndarray, full: np.ndarray, cuts: tuple[list[str], np.ndarray]) -> pd.Series:
    labels, starts = cuts
    share = np.round(total / np.where(full > 0, full, 1.0), 9)
    at = np.searchsorted(-starts, -share, side="left")
    return pd.Series([labels[min(i, len(labels) - 1)] for i in at], dtype="str")


# --------------------------------------------------------------------------------------
# Review


def review(
    scorecards: pd.DataFrame | Sequence[pd.DataFrame] | Mapping[Any, pd.DataFrame],
    key: Any,
    *,
    period: str | None = None,
) -> pd.DataFrame:
    """One key's scorecard read aloud: where points were lost, and what moved since last time.

    Parameters
    ----------
    scorecards : DataFrame, sequence of DataFrame or mapping of period to DataFrame
        Scorecards, oldest first; the last is reviewed against the one before. One scorecard
        alone has nothing to compare with, unless ``period`` names a key column that splits it.
    key : scalar, tuple or mapping
        Whose: the key value, a tuple in the order of the key columns, or
        ``{column: value}``. With ``period``, without that column.
    period : str, optional
        Key column with the period, when all periods stand in one scorecard.

    Returns
    -------
    DataFrame
        One row a metric, the one that cost most first: ``metric``, ``value``, ``target``,
        ``gap`` (value - target), ``score``, ``weight``, ``weighted``, ``lost`` (weight -
        weighted: points short of full marks; negative: bonus), ``share_of_loss`` (of all points
        lost; 0 for bonuses), ``previous`` (``weighted`` last time), ``change`` (since then),
        ``change_by_score`` and ``change_by_weight`` (which add up to it). The totals differ by
        the sum of ``change``. Without a last time these four are NaN.

    Raises
    ------
    InputError
        The key, or the period, is not in the scorecard.

    Examples
    --------
    >>> import pandas as pd
    >>> measures = pd.DataFrame({"rep": ["Li"] * 2, "month": ["2025-01", "2025-02"],
    ...                          "revenue": [120.0, 80.0], "visits": [10.0, 10.0]})
    >>> card = scorecard(measures, [Metric("revenue", target=100), Metric("visits", target=8)],
    ...                  keys=["rep", "month"])
    >>> review(card, "Li", period="month")[["metric", "lost", "change"]].round(3)
        metric   lost  change
    0  revenue  0.100    -0.2
    1   visits -0.125     0.0
    """
    caller = "review"
    cards = _card_list(scorecards, period, caller=caller)
    now = _of_key(cards[-1], key, period, caller=caller)
    if now is None:
        raise InputError(f"{caller}(): key {key!r} is not in the scorecard under review.")
    before = _of_key(cards[-2], key, period, caller=caller) if len(cards) > 1 else None
    out = now[["metric", "value", "target"]].copy()
    out["gap"] = out["value"] - out["target"]
    for name in ("score", "weight", "weighted"):
        out[name] = now[name]
    out["lost"] = now["weight"] - now["weighted"].fillna(0.0)
    short = out["lost"].clip(lower=0)
    out["share_of_loss"] = short / short.sum() if short.sum() > 0 else 0.0
    return _with_change(out, before).sort_values(
        ["lost", "metric"], ascending=[False, True], kind="stable", ignore_index=True
    )


def _card_list(scorecards: Any, period: str | None, *, caller: str) -> list[pd.DataFrame]:
    if isinstance(scorecards, Mapping):
        cards = [scorecards[k] for k in scorecards]
    elif isinstance(scorecards, list | tuple):
        cards = list(scorecards)
    else:
        cards = [scorecards]
    if not cards:
        raise InputError(f"{caller}(): scorecards is empty; give one at least.")
    frames = [_card(c, caller=caller, arg="scorecards") for c in cards]
    if period is None:
        return [f for f, _ in frames]
    if len(frames) > 1 or period not in frames[0][1]:
        raise InputError(
            f"{caller}(): period={period!r} must be a key column of one scorecard "
            f"(keys: {frames[0][1]})."
        )
    frame = frames[0][0]
    codes = factorise(frame, [period])
    return [frame[codes.codes == i] for i in range(len(codes))]


def _of_key(
    card: pd.DataFrame, key: Any, period: str | None, *, caller: str
) -> pd.DataFrame | None:
    """The rows of one key, metrics in their order; None where the key is not there."""
    names = [c for c in card.columns if c not in _FIXED and c != period]
    if isinstance(key, Mapping):
        wanted = dict(key)
    else:
        values = key if isinstance(key, tuple) else (key,)
        if len(values) != len(names):
            raise InputError(f"{caller}(): key must have {len(names)} value(s) for {names}.")
        wanted = dict(zip(names, values, strict=True))
    if set(wanted) != set(names):
        raise InputError(f"{caller}(): key must name the columns {names}, got {list(wanted)}.")
    here = np.ones(len(card), dtype=bool)
    for name, value in wanted.items():
        here &= (card[name] == value).to_numpy(dtype=bool, na_value=False)
    if not here.any():
        return None
    return card[here].reset_index(drop=True)


def _with_change(out: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    if before is None:
        for name in ("previous", "change", "change_by_score", "change_by_weight"):
            out[name] = np.nan
        return out
    was = before.set_index("metric").reindex(out["metric"]).reset_index(drop=True)
    known = was["weighted"].fillna(0.0)
    out["previous"] = known
    out["change"] = out["weighted"].fillna(0.0) - known
    # The mean weight on the change of the score, the mean score on that of the weight: exact.
    both = out["score"].notna() & was["score"].notna()
    by_weight = (out["weight"] - was["weight"]) * (out["score"] + was["score"]) / 2
    out["change_by_weight"] = by_weight.where(both, 0.0)
    out["change_by_score"] = out["change"] - out["change_by_weight"]
    return out
