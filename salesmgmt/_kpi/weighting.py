"""Weights of metrics, rankings over many metrics, and how much the weights matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    check_choice,
    check_names,
    check_number,
    refuse_names,
    take,
    to_pandas,
    warn,
)
from ..engine import ranking, weighting
from ..errors import InputError
from .scorecard import Metric, _check_metrics, _measured, _weight_vector

__all__ = ["rank", "sensitivity", "weights"]

METHODS = ("ahp", "entropy", "critic", "merec", "equal", "pca")
RANKINGS = ("topsis", "saw", "wpm", "vikor", "promethee", "grey")


def weights(
    data: Any,
    *,
    method: str = "ahp",
    metrics: Sequence[Metric] | None = None,
    keys: str | Sequence[str] | None = None,
    estimate: str = "eigenvector",
    random_index: str = "saaty",
    correlation: str = "pearson",
    components: int | float | None = None,
    loadings: str = "absolute",
) -> pd.Series:
    """Weights of metrics, adding up to 1.

    Parameters
    ----------
    data : DataFrame, or judgements
        ``ahp``: pairwise judgements: a square frame (metrics in index and columns; NaN where
        nobody judged) or array, a frame or list of ``(one, other, how many times as important)``, a
        mapping ``{(one, other): times}``, or a list of such, one a person: their geometric
        means count. All other methods: the measures, one row a key.
    method : {"ahp", "entropy", "critic", "merec", "equal", "pca"}
        How.
    metrics : sequence of Metric, optional
        Which columns count and which way is good; None: all numeric columns but ``keys``, the
        more the better.
    keys : str or sequence of str, optional
        Key columns of the measures, left aside.
    estimate : {"eigenvector", "geometric_mean"}
        AHP: principal eigenvector (Saaty), or logarithmic least squares.
    random_index : {"saaty", "alonso_lamata"}
        AHP: table of random consistency indices.
    correlation : {"pearson", "spearman"}
        CRITIC: correlation by which conflict is measured.
    components : int or float, optional
        PCA: so many components, or so many that they explain this share (below 1). None: those
        whose eigenvalue is at least 1.
    loadings : {"absolute", "squared"}
        PCA: a metric's part in a component; components weigh by the variance they explain.

    Returns
    -------
    Series
        Weight by metric. ``attrs``: ``method``; for AHP ``consistency_ratio``,
        ``lambda_max`` and ``revisit`` (judgements, the least consistent first: one, other,
        judged, implied); for PCA ``loadings`` (by metric) and ``explained``.

    Raises
    ------
    InputError
        Judgements contradict each other in form, leave metrics unconnected, or are not
        positive; measures hold what the method cannot use.

    References
    ----------
    .. [1] T. L. Saaty, "Decision making with the analytic hierarchy process", Int. J. Services
       Sciences 1 (2008), 83-98.
    .. [2] D. Diakoulaki, G. Mavrotas and L. Papayannakis, "Determining objective weights in
       multiple criteria problems: the CRITIC method", Computers & OR 22 (1995), 763-770.
    .. [3] M. Keshavarz-Ghorabaee et al., "Determination of objective weights using a new method
       based on the removal effects of criteria (MEREC)", Symmetry 13 (2021), 525.

    Examples
    --------
    >>> w = weights([("revenue", "visits", 3), ("revenue", "margin", 1), ("margin", "visits", 3)])
    >>> w.round(3).to_dict(), round(w.attrs["consistency_ratio"], 6)
    ({'margin': 0.429, 'revenue': 0.429, 'visits': 0.143}, 0.0)
    """
    caller = "weights"
    check_choice(method, "method", METHODS, caller=caller)
    check_choice(correlation, "correlation", ("pearson", "spearman"), caller=caller)
    check_choice(loadings, "loadings", ("absolute", "squared"), caller=caller)
    if method == "ahp":
        return _ahp(data, estimate, random_index, caller=caller)
    x, names, higher = _matrix(data, metrics, keys, caller=caller)
    attrs: dict[str, Any] = {"method": method}
    if method == "equal":
        w = np.full(len(names), 1.0 / len(names))
    else:
        _check_spread(x, names, method, caller=caller)
        if method == "entropy":
            w = weighting.entropy(x)
        elif method == "critic":
            w = weighting.critic(x, higher, spearman=correlation == "spearman")
        elif method == "merec":
            w = weighting.merec(x, higher)
        else:
            w, more = _pca(x, names, components, loadings, caller=caller)
            attrs |= more
    out = pd.Series(w, index=pd.Index(names, name="metric"), name="weight")
    out.attrs = attrs
    return out


def _matrix(
    data: Any, metrics: Any, keys: Any, *, caller: str
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Measures as a matrix, the names of its columns, and which way is good."""
    frame = to_pandas(data, caller=caller, arg="data")
    aside = check_names(keys, "keys", caller=caller)
    if metrics is None:
        numeric = frame.select_dtypes("number").columns
        names = [str(c) for c in numeric if c not in aside]
        higher = np.ones(len(names), dtype=bool)
    else:
        listed = _check_metrics(metrics, caller=caller)
        names = [m.name for m in listed]
        higher = np.array([m.direction == "higher" for m in listed])
        _no_targets(listed, caller=caller)
    if not names:
        raise InputError(f"{caller}(): data has no numeric column to weigh.")
    for name in names:
        if name not in frame.columns:
            raise InputError(f"{caller}(): data has no column {name!r}.")
    roles: dict[str, Any] = {name: Amount(name) for name in names}
    rows = take(frame, caller=caller, arg="data", **roles)
    return np.column_stack([rows[name] for name in names]), names, higher


def _no_targets(metrics: list[Metric], *, caller: str) -> None:
    for m in metrics:
        if m.direction == "target":
            raise InputError(
                f"{caller}(): {m.name!r} is best on target; score it first and weigh the scores."
            )


def _check_spread(x: np.ndarray, names: list[str], method: str, *, caller: str) -> None:
    if len(x) < 2:
        raise InputError(f"{caller}(): method={method!r} needs two rows at least.")
    if method == "entropy":
        bad = (x < 0).any(axis=0) | (x.sum(axis=0) <= 0)
        need = "no negative value and a positive sum"
    elif method == "merec":
        bad, need = (x <= 0).any(axis=0), "positive values"
    elif method == "pca":
        bad, need = np.ptp(x, axis=0) == 0, "values that differ"
    else:
        return
    if bad.any():
        first = names[int(np.argmax(bad))]
        raise InputError(f"{caller}(): method={method!r} needs {need}; see column {first!r}.")


def _pca(
    x: np.ndarray, names: list[str], components: Any, loadings: str, *, caller: str
) -> tuple[np.ndarray, dict[str, Any]]:
    vectors, explained = weighting.principal_components(x)
    if components is None:
        count = max(1, int((explained * len(names) >= 1 - 1e-12).sum()))
    elif isinstance(components, float) and components < 1:
        check_number(components, "components", caller=caller, low=0, open_low=True)
        count = int(np.searchsorted(np.cumsum(explained), components - 1e-12)) + 1
    else:
        count = int(check_number(components, "components", caller=caller, low=1, high=len(names)))
    part = np.abs(vectors) if loadings == "absolute" else vectors**2
    raw = part[:, :count] @ explained[:count]
    told = {
        "loadings": {n: [float(v) for v in row] for n, row in zip(names, vectors, strict=True)},
        "explained": [float(v) for v in explained],
        "components": count,
    }
    return raw / raw.sum(), told


# --------------------------------------------------------------------------------------
# AHP


def _ahp(data: Any, estimate: str, random_index: str, *, caller: str) -> pd.Series:
    check_choice(estimate, "estimate", ("eigenvector", "geometric_mean"), caller=caller)
    check_choice(random_index, "random_index", tuple(weighting.RANDOM_INDEX), caller=caller)
    people = [_labelled(one) for one in (data if _is_group(data) else [data])]
    judged = [_judgements(one, caller=caller) for one in people]
    names = sorted({n for pairs in judged for pair in pairs for n in pair}, key=str)
    if _square(people[0]):
        names = list(people[0].columns)
    if len(names) < 2:
        raise InputError(f"{caller}(): judge two metrics at least.")
    place = {n: i for i, n in enumerate(names)}
    matrices = np.full((len(judged), len(names), len(names)), np.nan)
    for k, pairs in enumerate(judged):
        matrices[k, range(len(names)), range(len(names))] = 1.0
        for (one, other), times in pairs.items():
            matrices[k, place[one], place[other]] = times
            matrices[k, place[other], place[one]] = 1 / times
    matrix = weighting.group_judgements(matrices) if len(judged) > 1 else matrices[0]
    _check_connected(matrix, names, caller=caller)
    solve = (
        weighting.ahp_eigenvector if estimate == "eigenvector" else weighting.ahp_log_least_squares
    )
    w, eigenvalue = solve(matrix)
    ratio = weighting.consistency_ratio(eigenvalue, len(names), random_index)
    revisit = _revisit(matrix, w, names)
    if ratio > 0.1:
        one, other, said, implied = revisit[0]
        warn(
            f"{caller}(): the consistency ratio is {ratio:.3f}, above 0.1; revisit first {one!r} "
            f"against {other!r}: judged {said:.3g}, the others imply {implied:.3g}."
        )
    out = pd.Series(w, index=pd.Index(names, name="metric"), name="weight")
    out.attrs = {
        "method": "ahp",
        "consistency_ratio": ratio,
        "lambda_max": eigenvalue,
        "revisit": revisit,
    }
    return out


def _labelled(data: Any) -> Any:
    """A pairwise matrix whose rows carry no names, or an array, with the names on both sides."""
    if isinstance(data, np.ndarray) and data.ndim == 2:
        data = pd.DataFrame(data)
    if isinstance(data, pd.DataFrame) and not _square(data) and data.shape[0] == data.shape[1]:
        numeric = all(pd.api.types.is_numeric_dtype(t) for t in data.dtypes)
        if numeric and np.isin(np.diag(data.to_numpy(np.float64)), (1.0,)).all():
            return data.set_axis(data.columns, axis=0)
    return data


def _square(data: Any) -> bool:
    return isinstance(data, pd.DataFrame) and set(data.index) == set(data.columns)


def _is_group(data: Any) -> bool:
    """Whether ``data`` is a list of people's judgements, not one person's list of triples."""
    if not isinstance(data, list | tuple) or not data:
        return False
    first = data[0]
    if isinstance(first, pd.DataFrame | Mapping | np.ndarray):
        return True
    return isinstance(first, list | tuple) and len(first) > 0 and isinstance(first[0], list | tuple)


def _judgements(data: Any, *, caller: str) -> dict[tuple[Any, Any], float]:
    """Pairs judged by one person; contradictions in form raise."""
    if _square(data):
        triples = [
            (a, b, data.loc[a, b])
            for a in data.columns
            for b in data.columns
            if a != b and not pd.isna(data.loc[a, b])
        ]
    elif isinstance(data, pd.DataFrame):
        if data.shape[1] != 3:
            raise InputError(
                f"{caller}(): judgements must be a square frame (same labels in index and "
                "columns) or have three columns: one, other, times."
            )
        triples = list(data.itertuples(index=False, name=None))
    elif isinstance(data, Mapping):
        triples = [(*pair, times) for pair, times in data.items()]
    elif isinstance(data, list | tuple):
        triples = list(data)
    else:
        raise InputError(
            f"{caller}(): method='ahp' takes judgements (a square DataFrame, triples or a "
            f"mapping), got {type(data).__name__}."
        )
    out: dict[tuple[Any, Any], float] = {}
    for triple in triples:
        if not isinstance(triple, list | tuple) or len(triple) != 3:
            raise InputError(f"{caller}(): a judgement is (one, other, times), got {triple!r}.")
        one, other, times = triple
        value = check_number(times, f"judgement {one!r} / {other!r}", caller=caller,
                             low=0, open_low=True)  # fmt: skip
        if one == other:
            raise InputError(f"{caller}(): {one!r} is judged against itself.")
        for pair, given in (((one, other), value), ((other, one), 1 / value)):
            if pair in out and abs(out[pair] / given - 1) > 0.01:
                raise InputError(
                    f"{caller}(): {one!r} against {other!r} is judged twice, as "
                    f"{out[pair]:.4g} and {given:.4g}; keep one."
                )
        if (other, one) not in out:
            out[(one, other)] = value
    return out


def _check_connected(matrix: np.ndarray, names: list[Any], *, caller: str) -> None:
    there = ~np.isnan(matrix)
    seen = np.zeros(len(names), dtype=bool)
    seen[0] = True
    for _ in names:
        seen |= there[seen].any(axis=0)
    if not seen.all():
        raise InputError(
            f"{caller}(): no chain of judgements links {names[0]!r} with "
            f"{names[int(np.argmin(seen))]!r}; judge a pair between them."
        )


def _revisit(
    matrix: np.ndarray, w: np.ndarray, names: list[Any]
) -> list[tuple[Any, Any, float, float]]:
    """Judgements by how far they are from what the weights imply, the farthest first."""
    rows = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            if not np.isnan(matrix[i, j]):
                implied = float(w[i] / w[j])
                off = abs(np.log(matrix[i, j] / implied))
                rows.append((off, i, j, implied))
    rows.sort(key=lambda r: (-r[0], r[1], r[2]))
    return [(names[i], names[j], float(matrix[i, j]), v) for _, i, j, v in rows]


# --------------------------------------------------------------------------------------
# Rankings


def rank(
    measures: pd.DataFrame,
    metrics: Sequence[Metric],
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
    metrics : sequence of Metric
        What counts, and which way is good. Where ``direction="target"`` the distance from the
        target counts, the less the better.
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
        PROMETHEE: indifference and preference thresholds, in units of the metric.

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
    own = ("score", "rank")
    refuse_names(check_names(keys, "keys", caller=caller), own, caller=caller, option="keys")
    listed, x, higher, labels = _alternatives(measures, metrics, keys, caller=caller)
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
    measures: Any, metrics: Any, keys: Any, *, caller: str
) -> tuple[list[Metric], np.ndarray, np.ndarray, pd.DataFrame]:
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
            goal: Any = rows[f"target of {m.name}"][place] if own else m.target
            x[:, j] = np.abs(x[:, j] - goal)
    return listed, x, np.array([m.direction == "higher" for m in listed]), labels


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
        if method not in ("topsis", "saw"):
            raise InputError(f"{caller}(): normalisation goes with method='topsis' or 'saw'.")
        check_choice(normalisation, "normalisation", ranking.NORMS, caller=caller)
    check_number(v, "v", caller=caller, low=0, high=1)
    check_number(rho, "rho", caller=caller, low=0, high=1, open_low=True)
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
    low, high = np.zeros(len(names)), np.ones(len(names))
    for j, (kind, least, most) in enumerate(zip(kinds, each(q, "q"), each(p, "p"), strict=True)):
        check_choice(kind, "preference", ranking.PREFERENCES, caller=caller)
        low[j] = check_number(least or 0.0, "q", caller=caller, low=0)
        if kind in ("v_shape", "level", "linear", "gaussian"):
            if most is None:
                raise InputError(f"{caller}(): preference={kind!r} of {names[j]!r} needs p.")
            high[j] = check_number(most, "p", caller=caller, low=0, open_low=True)
            if kind in ("level", "linear") and high[j] <= low[j]:
                raise InputError(f"{caller}(): p of {names[j]!r} must exceed its q.")
    return kinds, low, high


def sensitivity(
    measures: pd.DataFrame,
    metrics: Sequence[Metric],
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
    listed, x, higher, labels = _alternatives(measures, metrics, keys, caller=caller)
    watched = int(check_number(top, "top", caller=caller, low=1))
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
    for k, metric in enumerate(listed):
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
