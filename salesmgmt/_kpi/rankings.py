"""Rankings over several metrics, and how far they depend on the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_choice, check_int, check_names, check_number, refuse_names
from ..engine import ranking
from ..errors import InputError
from .options import only_for
from .scorecard import Metric, _check_metrics, _measured, _weight_vector

__all__ = ["rank", "sensitivity"]

#: Columns of the result that only some methods have.
_OWN = {
    "topsis": ("to_best", "to_worst"),
    "vikor": ("s", "r", "compromise"),
    "promethee": ("plus", "minus"),
}
#: Kinds of preference that read a threshold.
_READ_Q = ("u_shape", "level", "linear")
_READ_P = ("v_shape", "level", "linear", "gaussian")
RANKINGS = ("topsis", "saw", "wpm", "vikor", "promethee", "grey")


def rank(
    measures: pd.DataFrame,
    metrics: Sequence[Metric | str],
    *,
    keys: str | Sequence[str],
    method: str = "topsis",
    weights: pd.Series | Mapping[str, float] | None = None,
    normalisation: str | None = None,
    v: float = 0.5,
    rho: float = 0.5,
    preference: str | Mapping[str, str] = "usual",
    q: float | Mapping[str, float] = 0.0,
    p: float | Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Rank keys over several metrics.

    Parameters
    ----------
    measures : DataFrame
        One row a key, one column a metric. Not modified.
    metrics : sequence of Metric or str
        What counts, and which way is good; a name alone: the more the better. Where
        ``direction="target"`` the distance from the target counts, the less the better; weighted
        product and weighted sum (``max``, ``sum``) take the ratio to it instead, 1 on target.
    keys : str or sequence of str
        Key columns.
    method : {"topsis", "saw", "wpm", "vikor", "promethee", "grey"}
        TOPSIS, weighted sum, weighted product, VIKOR, PROMETHEE II, grey relational grade.
    weights : Series or mapping, optional
        Weight by metric; else the metrics' own; else all the same. They add up to 1 or 100.
    normalisation : {"vector", "minmax", "max", "sum", "none"}, optional
        TOPSIS (None: ``vector``, as published) and weighted sum (None: ``max``; ``none`` adds
        the values as they are, those where less is better negative).
    v : float, default=0.5
        VIKOR: weight of the majority against the greatest regret.
    rho : float, default=0.5
        Grey: distinguishing coefficient.
    preference : str or mapping, default="usual"
        PROMETHEE: ``usual``, ``u_shape`` (q), ``v_shape`` (p), ``level`` (q, p), ``linear``
        (q, p), ``gaussian`` (p), for all metrics or by name.
    q, p : float or mapping
        PROMETHEE: indifference and preference thresholds, in units of the metric; refused where
        no ``preference`` reads them.

    Returns
    -------
    DataFrame
        Keys ascending, ``score``, ``rank`` (1 is best; equal scores share the smaller rank),
        and the method's own columns: TOPSIS ``to_best``, ``to_worst``; VIKOR ``s``, ``r``,
        ``compromise`` (its score is Q, the less the better; all other scores: the more);
        PROMETHEE ``plus``, ``minus`` (score: net flow).

    Raises
    ------
    InputError
        Values are missing, weights do not add up, or the method cannot use a value.

    References
    ----------
    .. [1] G.-H. Tzeng and J.-J. Huang, Multiple Attribute Decision Making, CRC Press 2011.
    .. [2] S. Opricovic and G.-H. Tzeng, "Compromise solution by MCDM methods: a comparative
       analysis of VIKOR and TOPSIS", EJOR 156 (2004), 445-455.
    .. [3] J. P. Brans and P. Vincke, "A preference ranking organisation method", Management
       Science 31 (1985), 647-656.

    Examples
    --------
    >>> import pandas as pd
    >>> reps = pd.DataFrame({"rep": list("ABCD"), "m1": [5, 7, 8, 7], "m2": [8, 6, 8, 4],
    ...                      "m3": [4, 8, 6, 6]})
    >>> metrics = [Metric("m1", weight=0.3), Metric("m2", weight=0.4), Metric("m3", weight=0.3)]
    >>> rank(reps, metrics, keys="rep")[["rep", "score", "rank"]].round(4)
      rep   score  rank
    0   A  0.5037     3
    1   B  0.6581     2
    2   C  0.7482     1
    3   D  0.3340     4
    """
    caller = "rank"
    own = ("score", "rank", *(_OWN.get(method, ()) if isinstance(method, str) else ()))
    refuse_names(check_names(keys, "keys", caller=caller), own, caller=caller, option="keys")
    ratios = _divides(method, normalisation)
    listed, x, higher, labels = _alternatives(measures, metrics, keys, ratios=ratios, caller=caller)
    w = _weight_vector(listed, weights, caller=caller)
    w = w / w.sum()
    scorer = _scorer(
        listed, x, higher, method, normalisation, v, rho, preference, q, p, caller=caller
    )
    columns = scorer(w)
    out = labels.copy()
    for name, values in columns.items():
        out[name] = values
    score = np.round(columns["score"], 12)
    out.insert(
        out.columns.get_loc("score") + 1,
        "rank",
        ranking.competition_rank(-score if method == "vikor" else score),
    )
    return out


def _alternatives(
    measures: Any, metrics: Any, keys: Any, *, ratios: bool, caller: str
) -> tuple[list[Metric], np.ndarray, np.ndarray, pd.DataFrame]:
    """Metrics, values, which way is good, keys. ``ratios``: the method divides values."""
    listed = _check_metrics(metrics, caller=caller)
    for m in listed:
        if m.direction == "target" and m.target is None:
            raise InputError(f"{caller}(): metric {m.name!r} is best on target but names none.")
    rows, labels, order = _measured(measures, listed, keys, missing="raise", caller=caller)
    # Rows that stand in the order of their keys already need no gathering.
    place: Any = slice(None) if (np.diff(order) > 0).all() else order
    x = np.empty((len(order), len(listed)), order="F")
    for j, m in enumerate(listed):
        x[:, j] = rows[m.name][place]
        if m.direction == "target":
            own = isinstance(m.target, str)
            goal: Any = rows[f"target of {m.name}"][place] if own else float(m.target or 0.0)
            x[:, j] = _closeness(x[:, j], goal, m, ratios=ratios, caller=caller)
    up = ("higher", "target") if ratios else ("higher",)
    return listed, ranking.without_noise(x), np.array([m.direction in up for m in listed]), labels


def _closeness(
    value: np.ndarray, goal: Any, metric: Metric, *, ratios: bool, caller: str
) -> np.ndarray:
    """Distance from the target; where values are divided the ratio to it, as none has zero."""
    if not ratios:
        return np.asarray(np.abs(value - goal))
    if (value <= 0).any() or np.any(np.asarray(goal) <= 0):
        raise InputError(
            f"{caller}(): this method takes {metric.name!r}, best on target, by its ratio to the "
            "target, which needs positive values and targets. Shift both, or take another method."
        )
    return np.asarray(np.minimum(value, goal) / np.maximum(value, goal))


def _divides(method: str, normalisation: str | None) -> bool:
    """Whether a method divides values, which a distance of zero does not stand."""
    if not isinstance(method, str):  # told by the method itself
        return False
    return method == "wpm" or (method == "saw" and normalisation in (None, "max", "sum"))


def _scorer(
    metrics: list[Metric],
    x: np.ndarray,
    higher: np.ndarray,
    method: str,
    normalisation: str | None,
    v: float,
    rho: float,
    preference: Any,
    q: Any,
    p: Any,
    *,
    caller: str,
) -> Any:
    """Function from weights to the method's columns, options checked."""
    check_choice(method, "method", RANKINGS, caller=caller)
    if normalisation is not None:
        check_choice(normalisation, "normalisation", ranking.NORMS, caller=caller)
    only_for(method, ("topsis", "saw"), {"normalisation": normalisation is not None}, caller=caller)
    only_for(method, ("vikor",), {"v": v != 0.5}, caller=caller)
    only_for(method, ("grey",), {"rho": rho != 0.5}, caller=caller)
    told = {"preference": preference != "usual", "q": q != 0.0, "p": p is not None}
    only_for(method, ("promethee",), told, caller=caller)
    v = check_number(v, "v", caller=caller, low=0, high=1)
    rho = check_number(rho, "rho", caller=caller, low=0, high=1, open_low=True)
    if method == "topsis":
        return lambda w: dict(
            zip(
                ("score", "to_best", "to_worst"),
                ranking.topsis(x, w, higher, normalisation or "vector"),
                strict=True,
            )
        )
    if method == "saw":
        return _saw(x, higher, metrics, normalisation or "max", caller=caller)
    if method == "wpm":
        _positive(x, metrics, method, caller=caller)
        return lambda w: {"score": ranking.weighted_product(x, w, higher)}
    if method == "grey":
        return lambda w: {"score": ranking.grey_grade(x, w, higher, rho)}
    if method == "vikor":
        return lambda w: _vikor_columns(x, w, higher, v)
    kinds, low, high = _preferences(metrics, preference, q, p, caller=caller)
    return lambda w: _promethee_columns(x, w, higher, kinds, low, high)


def _saw(
    x: np.ndarray, higher: np.ndarray, metrics: list[Metric], norm: str, *, caller: str
) -> Any:
    if norm in ("max", "sum"):
        _positive(x, metrics, f"saw, {norm}", caller=caller, zero=True, cost=~higher)
    scaled = ranking.normalise(x, higher, norm)
    if norm in ("none", "vector", "sum"):
        scaled = np.where(higher, scaled, -scaled)
    return lambda w: {"score": scaled @ w}


def _positive(
    x: np.ndarray,
    metrics: list[Metric],
    method: str,
    *,
    caller: str,
    zero: bool = False,
    cost: np.ndarray | None = None,
) -> None:
    bad = (x < 0).any(axis=0) if zero else (x <= 0).any(axis=0)
    if zero and cost is not None:
        bad |= cost & (x <= 0).any(axis=0)
    if bad.any():
        name = metrics[int(np.argmax(bad))].name
        raise InputError(
            f"{caller}(): method {method!r} needs positive values; column {name!r} has others. "
            "Shift it, or take normalisation='minmax' (saw, topsis)."
        )


def _vikor_columns(
    x: np.ndarray, w: np.ndarray, higher: np.ndarray, v: float
) -> dict[str, np.ndarray]:
    s, r, q, chosen = ranking.vikor(x, w, higher, v)
    return {"score": q, "s": s, "r": r, "compromise": chosen}


def _promethee_columns(
    x: np.ndarray,
    w: np.ndarray,
    higher: np.ndarray,
    kinds: list[str],
    low: np.ndarray,
    high: np.ndarray,
) -> dict[str, np.ndarray]:
    plus, minus = ranking.promethee(x, w, higher, kinds, low, high)
    return {"score": plus - minus, "plus": plus, "minus": minus}


def _preferences(
    metrics: list[Metric], preference: Any, q: Any, p: Any, *, caller: str
) -> tuple[list[str], np.ndarray, np.ndarray]:
    names = [m.name for m in metrics]

    def each(given: Any, option: str) -> list[Any]:
        if not isinstance(given, Mapping):
            return [given] * len(names)
        lost = [n for n in given if n not in names]
        if lost:
            raise InputError(f"{caller}(): {option} names {lost[0]!r}, which is no metric here.")
        return [given.get(n) for n in names]

    kinds = [k or "usual" for k in each(preference, "preference")]
    for option, given, readers in (("q", q, _READ_Q), ("p", p, _READ_P)):
        told = given not in (None, 0.0) if not isinstance(given, Mapping) else bool(given)
        asked = [names.index(n) for n in given] if isinstance(given, Mapping) else range(len(names))
        if told and not any(kinds[j] in readers for j in asked):
            raise InputError(
                f"{caller}(): {option} goes with preference {' or '.join(map(repr, readers))}, "
                f"not {kinds[next(iter(asked))]!r}."
            )
    low, high = np.zeros(len(names)), np.ones(len(names))
    for j, (kind, least, most) in enumerate(zip(kinds, each(q, "q"), each(p, "p"), strict=True)):
        check_choice(kind, "preference", ranking.PREFERENCES, caller=caller)
        low[j] = check_number(least or 0.0, "q", caller=caller, low=0)
        if kind in _READ_P:
            if most is None:
                raise InputError(f"{caller}(): preference={kind!r} of {names[j]!r} needs p.")
            high[j] = check_number(most, "p", caller=caller, low=0, open_low=True)
            if kind in ("level", "linear") and high[j] <= low[j]:
                raise InputError(f"{caller}(): p of {names[j]!r} must exceed its q.")
    return kinds, low, high


def sensitivity(
    measures: pd.DataFrame,
    metrics: Sequence[Metric | str],
    *,
    keys: str | Sequence[str],
    method: str = "topsis",
    weights: pd.Series | Mapping[str, float] | None = None,
    top: int = 3,
    normalisation: str | None = None,
    v: float = 0.5,
    rho: float = 0.5,
    preference: str | Mapping[str, str] = "usual",
    q: float | Mapping[str, float] = 0.0,
    p: float | Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Who changes place when a weight moves, and at which weight.

    Each metric's weight in turn goes from 0 to 1 while the others keep their proportions.

    Parameters
    ----------
    measures, metrics, keys, method, weights, normalisation, v, rho, preference, q, p
        As for :func:`rank`.
    top : int, default=3
        Places that are watched.

    Returns
    -------
    DataFrame
        One row a change next to the present weights, the nearest first: ``metric``, ``weight``
        (now), ``at`` (weight at which the places change), ``change`` (at - weight), ``place``,
        ``loses`` and ``gains`` (keys as text). Empty: the top places stand at all weights.

    Raises
    ------
    InputError
        As for :func:`rank`.

    References
    ----------
    .. [1] E. Triantaphyllou and A. Sanchez, "A sensitivity analysis approach for some
       deterministic multi-criteria decision making methods", Decision Sciences 28 (1997),
       151-194.

    Examples
    --------
    >>> import pandas as pd
    >>> reps = pd.DataFrame({"rep": ["A", "B"], "m1": [1.0, 0.8], "m2": [0.5, 1.0]})
    >>> metrics = [Metric("m1", weight=0.8), Metric("m2", weight=0.2)]
    >>> sensitivity(reps, metrics, keys="rep", method="saw", top=1).round(3)
      metric  weight     at  change  place loses gains
    0     m1     0.8  0.714  -0.086      1     A     B
    1     m2     0.2  0.286   0.086      1     A     B
    """
    caller = "sensitivity"
    ratios = _divides(method, normalisation)
    listed, x, higher, labels = _alternatives(measures, metrics, keys, ratios=ratios, caller=caller)
    watched = check_int(top, "top", caller=caller, low=1)
    w = _weight_vector(listed, weights, caller=caller)
    w = w / w.sum()
    scorer = _scorer(
        listed, x, higher, method, normalisation, v, rho, preference, q, p, caller=caller
    )
    sign = -1.0 if method == "vikor" else 1.0

    def places(k: int, weight: float) -> np.ndarray:
        rest = np.delete(w, k)
        others = rest / rest.sum() if rest.sum() > 0 else np.full(len(rest), 1 / max(len(rest), 1))
        moved = np.insert(others * (1 - weight), k, weight)
        score = sign * np.round(scorer(moved)["score"], 12)
        return np.lexsort((np.arange(len(score)), -score))[:watched]

    text = [" / ".join(map(str, row)) for row in labels.itertuples(index=False)]
    rows = []
    for k, metric in enumerate(listed if len(listed) > 1 else []):  # one alone has all weight
        for end in (0.0, 1.0):
            rows += _changes(places, k, metric.name, float(w[k]), end, text)
    columns = ["metric", "weight", "at", "change", "place", "loses", "gains"]
    out = pd.DataFrame(rows, columns=columns)
    near = out["change"].abs().round(12)
    order: Any = np.lexsort((out["place"], out["metric"].astype(str), near)) if len(out) else []
    return out.iloc[order].reset_index(drop=True)


def _changes(
    places: Any, k: int, name: str, now: float, end: float, text: list[str]
) -> list[tuple[Any, ...]]:
    """The first change of each watched place on the way from the present weight to an end."""
    base = places(k, now)
    grid = np.linspace(now, end, 201)[1:]
    found: dict[int, tuple[Any, ...]] = {}
    last = now
    for weight in grid:
        here = places(k, float(weight))
        for place in np.flatnonzero(here != base):
            if int(place) not in found:
                at = _bisect(places, k, int(place), int(base[place]), last, float(weight))
                gains = places(k, at + (1e-9 if end > now else -1e-9))[place]
                if gains == base[place]:
                    gains = here[place]
                found[int(place)] = (
                    name, now, at, at - now, int(place) + 1, text[base[place]], text[gains],
                )  # fmt: skip
        if len(found) == len(base):
            break
        last = float(weight)
    return list(found.values())


def _bisect(places: Any, k: int, place: int, holder: int, low: float, high: float) -> float:
    """Weight at which a place's holder loses it."""
    for _ in range(60):
        middle = (low + high) / 2
        if places(k, middle)[place] == holder:
            low = middle
        else:
            high = middle
    return (low + high) / 2
