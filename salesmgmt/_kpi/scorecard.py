"""Metrics, and the score of every key on every metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Rows,
    check_choice,
    check_names,
    check_number,
    check_series,
    refuse_names,
    take,
    to_pandas,
    warn,
)
from ..engine.scoring import attainment, piecewise
from ..errors import InputError

__all__ = ["EXTRA", "FIXED", "Metric", "full_marks", "scorecard"]

DIRECTIONS = ("higher", "lower", "target")
INVERSES = ("difference", "ratio")
#: Columns of a scorecard that are no keys.
FIXED = ("metric", "value", "target", "attainment", "score", "weight", "weighted")
#: Those that stand only where they have something to say.
EXTRA = ("full_marks", "score_se")
_POINTS = 100.0  # full marks where scores are points
_SHARES = 10.0  # beyond it a score is no share of full marks any more
_PER_CENT = (20.0, 500.0)  # an attainment of so many times the target: per cent were meant


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
        None: the score is the attainment itself. Scores beyond 10 are points: see
        :func:`scorecard`.
    gate : (str, float) or (str, float, float), optional
        ``("margin", 0.9)``: while metric ``margin`` attains less than 0.9 (has a value below
        it, if it has no target, or is missing) this metric earns no bonus points: its score is
        at most 1. A third number is that limit; ``("margin", 0.9, 0.0)`` takes all points.
    unit : str, default=""
        Unit of the value, for people.
    error : str, optional
        Column with the standard error of the value; gives ``score_se`` and honest ranks.
    inverse : {"difference", "ratio"}, default="difference"
        Attainment where less is better: ``2 - value / target`` or ``target / value``. A ratio
        has no bound as the value goes to zero: values of zero or less need a ``cap`` or a
        ``curve``, whose best score they get.

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
        if not isinstance(self.name, str) or not self.name:
            raise InputError(f"Metric(): name must be a column name, got {self.name!r}.")
        caller = f"Metric({self.name!r})"
        check_choice(self.direction, "direction", DIRECTIONS, caller=caller)
        check_choice(self.inverse, "inverse", INVERSES, caller=caller)
        for option in ("floor", "cap"):
            if getattr(self, option) is not None:
                check_number(getattr(self, option), option, caller=caller)
        if self.weight is not None:
            check_number(self.weight, "weight", caller=caller, low=0)
        if self.target is not None and not isinstance(self.target, str):
            if np.ndim(self.target):
                raise InputError(
                    f"{caller}: target must be a number, or the name of the column of measures "
                    "that holds each key's own; join them to measures first."
                )
            check_number(self.target, "target", caller=caller)
        if self.floor is not None and self.cap is not None and self.floor > self.cap:
            raise InputError(f"{caller}(): floor {self.floor:g} exceeds cap {self.cap:g}.")
        if self.inverse == "ratio" and self.direction != "lower":
            raise InputError(f"{caller}(): inverse='ratio' goes with direction='lower'.")
        for option in ("unit", "error"):
            given = getattr(self, option)
            if given is not None and not isinstance(given, str):
                raise InputError(f"{caller}(): {option} must be text, got {given!r}.")
        _check_gate(self.gate, self.name, caller=caller)
        _check_per_cent(self, caller=caller)

    def score(self, base: np.ndarray) -> np.ndarray:
        """Score by the curve, the floor and the cap, before any gate.

        Parameters
        ----------
        base : ndarray
            Attainments; without a target the values themselves.

        Returns
        -------
        ndarray
            Of the shape of ``base``.
        """
        points = _curve_points(self.curve, caller=f"Metric({self.name!r})")
        out = np.array(base, dtype=np.float64) if points is None else piecewise(base, *points)
        low, high = (None if v is None else float(v) for v in (self.floor, self.cap))
        if low is not None or high is not None:  # as floats: a Decimal does not mix with them
            out = np.clip(out, low, high)
        return out


def _check_per_cent(metric: Metric, *, caller: str) -> None:
    """Attainments, and scores made of them, are shares: of per cent all would score alike."""
    points = _curve_points(metric.curve, caller=caller)
    if metric.target is None:
        return
    told = {} if points is None else {"curve": points[0][-1]}
    if points is None or np.abs(points[1]).max() <= _SHARES:
        told |= {"floor": metric.floor, "cap": metric.cap}
    for option, value in told.items():
        _refuse_per_cent(value, option, caller=caller)


def _refuse_per_cent(value: float | None, option: str, *, caller: str) -> None:
    if value is not None and _PER_CENT[0] <= value <= _PER_CENT[1]:
        raise InputError(
            f"{caller}: {option} goes to {value:g}, but with a target attainment is a share, 1.0 "
            f"on target: write {value / 100:g}, or leave the target out and score the value itself."
        )


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
    if isinstance(curve, Mapping):
        points = list(curve.items())
    else:
        points = list(curve) if isinstance(curve, Iterable) else []
    if not points or any(not isinstance(p, tuple | list) or len(p) != 2 for p in points):
        raise InputError(f"{caller}(): curve must be points (attainment, score), got {curve!r}.")
    xs = np.array([check_number(p[0], "curve", caller=caller) for p in points])
    ys = np.array([check_number(p[1], "curve", caller=caller) for p in points])
    if (np.diff(xs) < 0).any():
        raise InputError(f"{caller}(): curve must ascend; sort its points by attainment.")
    if (xs[2:] == xs[:-2]).any():
        raise InputError(f"{caller}(): an abscissa of curve stands thrice; a step has two scores.")
    return xs, ys


# --------------------------------------------------------------------------------------
# Scorecard


def scorecard(
    measures: pd.DataFrame,
    metrics: Sequence[Metric | str],
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
    metrics : sequence of Metric or str
        What counts, each once; a name alone stands for ``Metric(name)``.
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

        A curve with a score beyond 10 is in points and makes a card in points: all other scores
        made of targets or curves are multiplied by 100, so that one total can hold them, and
        ``full_marks`` says 100. Grades, gates and reviews go by it.

    Raises
    ------
    InputError
        A column is missing or holds no numbers, a key stands twice, weights do not add up, or a
        key has no value at all.

    References
    ----------
    .. [1] R. S. Kaplan and D. P. Norton, "The balanced scorecard: measures that drive
       performance", Harvard Business Review 70 (1992), 71-79.

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
    names = check_names(keys, "keys", caller=caller)
    refuse_names(names, (*FIXED, *EXTRA), caller=caller, option="keys")
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
    score = np.column_stack([m.score(b) for m, b in zip(metrics, base.T, strict=True)])
    scale, full = _scale(metrics, score, shares, caller=caller)
    score = _gated(score * scale, metrics, base, scale, full)
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
    if full != 1:
        parts["full_marks"] = np.full(value.shape, full)
    if any(m.error for m in metrics):
        parts["score_se"] = _score_errors(rows, metrics, order) * scale
    for name, block in parts.items():
        out[name] = block.reshape(-1)
    return out


def _check_metrics(metrics: Any, *, caller: str) -> list[Metric]:
    given = [metrics] if isinstance(metrics, Metric | str) else metrics
    given = list(given) if isinstance(given, Iterable) else []
    listed = [Metric(m) if isinstance(m, str) else m for m in given]
    if not listed or not all(isinstance(m, Metric) for m in listed):
        raise InputError(
            f"{caller}(): metrics must be a list of Metric (or of column names, the more the "
            "better), one at least."
        )
    names = [m.name for m in listed]
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"{caller}(): metric {twice!r} stands twice; name each once.")
    for m in listed:
        if m.gate is not None and m.gate[0] not in names:
            raise InputError(
                f"{caller}(): the gate of {m.name!r} names {m.gate[0]!r}, which is no metric here; "
                f"list it too, with weight=0 if it only opens the gate."
            )
        if m.gate is not None and listed[names.index(m.gate[0])].target is not None:
            _refuse_per_cent(m.gate[1], f"the gate of {m.name!r}", caller=f"{caller}()")
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
        inside = "; it is in the index: use .reset_index()" if column in frame.index.names else ""
        raise InputError(
            f"{caller}(): measures has no column {column!r} ({what}){inside}; there are: "
            f"{have or 'none'}."
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
        _check_bounded(m, value[:, j], reached[:, j], caller=rows.caller)
        base[:, j] = reached[:, j]
    return value, target, reached, base


def _check_bounded(m: Metric, value: np.ndarray, reached: np.ndarray, *, caller: str) -> None:
    """A ratio to nothing is without bound: only a cap or a curve makes a score of it."""
    bad = np.flatnonzero(np.isinf(reached))
    if len(bad) and m.cap is None and m.curve is None:
        raise InputError(
            f"{caller}(): column {m.name!r} holds {len(bad)} value(s) of zero or less (first: "
            f"{value[bad[0]]:g}), to which target / value has no bound; give the metric a cap or a "
            "curve, or take inverse='difference'."
        )


def full_marks(card: pd.DataFrame) -> pd.Series:
    """Score that counts as full marks, by row: 1, or 100 where scores are points."""
    if "full_marks" in card.columns:
        return card["full_marks"].fillna(1.0).astype(np.float64)
    return pd.Series(1.0, index=card.index)


def _scale(
    metrics: list[Metric], score: np.ndarray, weights: np.ndarray, *, caller: str
) -> tuple[np.ndarray, float]:
    """What each metric's scores are multiplied by to be of one scale, and full marks on it.

    One curve in points makes a card in points: attainments, and curves in shares, are put on it.
    """
    plain = np.array([m.target is None and m.curve is None for m in metrics])
    curves = [_curve_points(m.curve, caller=caller) for m in metrics]
    points = np.array([c is not None and np.abs(c[1]).max() > _SHARES for c in curves])
    if points.any():
        return np.where(plain | points, 1.0, _POINTS), _POINTS
    top = np.array([np.nanmax(np.abs(s), initial=0.0) for s in score.T])
    odd = np.flatnonzero(plain & (top > _SHARES) & (weights > 0))
    if len(odd) and not plain.all():
        warn(
            f"{caller}(): the values of {metrics[odd[0]].name!r} (up to {top[odd[0]]:g}) stand as "
            "scores beside shares of full marks (1.0); give the metric a target or a curve."
        )
    return np.ones(len(metrics)), 1.0


def _gated(
    score: np.ndarray, metrics: list[Metric], base: np.ndarray, scale: np.ndarray, full: float
) -> np.ndarray:
    names = [m.name for m in metrics]
    out = score.copy()
    for j, m in enumerate(metrics):
        if m.gate is not None:
            limit = float(m.gate[2]) * scale[j] if len(m.gate) == 3 else full
            other = base[:, names.index(m.gate[0])]
            shut = ~(other >= float(m.gate[1]))  # a gate that was not measured stays shut
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
