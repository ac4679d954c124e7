"""Weights of metrics: from judgements, or from the spread of the measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    check_choice,
    check_int,
    check_names,
    check_number,
    take,
    to_pandas,
    warn,
)
from ..engine import weighting
from ..engine.ranking import without_noise
from ..errors import InputError
from .options import only_for
from .scorecard import Metric, _check_metrics

__all__ = ["weights"]

METHODS = ("ahp", "entropy", "critic", "merec", "equal", "pca")


def weights(
    data: Any,
    *,
    method: str = "ahp",
    metrics: Sequence[Metric | str] | None = None,
    keys: str | Sequence[str] | None = None,
    estimate: str = "eigenvector",
    random_index: str | float = "saaty",
    correlation: str = "pearson",
    components: int | float | None = None,
    loadings: str = "absolute",
    normalisation: str = "sum",
) -> pd.Series:
    """Weights of metrics, adding up to 1.

    Parameters
    ----------
    data : DataFrame, or judgements
        ``ahp``: pairwise judgements: a square frame (metrics in index and columns; NaN where
        nobody judged) or array, a frame or list of ``(one, other, how many times as important)``, a
        mapping ``{(one, other): times}``, or a list of such, one a person: their geometric
        means count. All other methods: the measures, one row a key (a frame, or an array).
    method : {"ahp", "entropy", "critic", "merec", "equal", "pca"}
        How.
    metrics : sequence of Metric or str, optional
        Which columns count and which way is good; None: all numeric columns but ``keys``, the
        more the better.
    keys : str or sequence of str, optional
        Key columns of the measures, left aside.
    estimate : {"eigenvector", "geometric_mean", "arithmetic_mean", "completion"}
        AHP: principal eigenvector (Saaty; missing judgements by Harker's rule); logarithmic least
        squares (方根法); mean of the columns divided by their sums (和积法; needs every judgement);
        the eigenvector of the matrix whose missing judgements make it most consistent.
    random_index : {"saaty", "saaty_2005", "alonso_lamata", "donegan_dodd"} or float
        AHP: table of random consistency indices (``saaty``: 0.58, 0.90, 1.12, ...;
        ``saaty_2005``: 0.52, 0.89, 1.11, ...), or the index itself.
    correlation : {"pearson", "spearman"}
        CRITIC: correlation by which conflict is measured.
    components : int or float, optional
        PCA: so many components, or so many that they explain this share (below 1). None: those
        whose eigenvalue is at least 1.
    loadings : {"absolute", "squared"}
        PCA: a metric's part in a component; components weigh by the variance they explain.
    normalisation : {"sum", "minmax"}
        Entropy: shares are taken of the values as they are (whichever way is good), or of values
        brought to 0 worst and 1 best first (极差标准化), which may then be negative, too.

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
    .. [4] S. Bozóki, J. Fülöp and L. Rónyai, "On optimal completion of incomplete pairwise
       comparison matrices", Math. Comput. Model. 52 (2010), 318-333.

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
    check_choice(normalisation, "normalisation", ("sum", "minmax"), caller=caller)
    told = {"estimate": estimate != "eigenvector", "random_index": random_index != "saaty"}
    only_for(method, ("ahp",), told, caller=caller)
    only_for(method, ("entropy",), {"normalisation": normalisation != "sum"}, caller=caller)
    only_for(method, ("critic",), {"correlation": correlation != "pearson"}, caller=caller)
    told = {"components": components is not None, "loadings": loadings != "absolute"}
    only_for(method, ("pca",), told, caller=caller)
    told = {"metrics": metrics is not None, "keys": keys is not None}
    only_for(method, METHODS[1:], told, caller=caller)
    if method == "ahp":
        return _ahp(data, estimate, random_index, caller=caller)
    x, names, higher = _matrix(data, metrics, keys, caller=caller)
    attrs: dict[str, Any] = {"method": method}
    if method == "equal":
        w = np.full(len(names), 1.0 / len(names))
    else:
        minmax = normalisation == "minmax"
        _check_spread(x, names, method, minmax, caller=caller)
        if method == "entropy":
            w = weighting.entropy(x, higher if minmax else None)
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
    if isinstance(data, np.ndarray) and data.ndim == 2:
        data = pd.DataFrame(data)
    frame = to_pandas(data, caller=caller, arg="data")
    aside = check_names(keys, "keys", caller=caller)
    if metrics is None:
        names = [c for c in frame.columns if c not in aside and _numeric(frame[c])]
        _no_numbers_in_text(frame, [c for c in frame.columns if c not in (*aside, *names)],
                            caller=caller)  # fmt: skip
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
    roles: dict[str, Any] = {f"metric {name}": Amount(name) for name in names}
    rows = take(frame, caller=caller, arg="data", **roles)
    x = without_noise(np.column_stack([rows[option] for option in roles]))
    return x, names, higher


def _numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers: by its dtype, or ``Decimal`` objects."""
    if column.dtype == object:
        held = column.dropna()
        return len(held) > 0 and isinstance(held.iloc[0], Real | Decimal)
    return bool(
        pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    )


def _no_numbers_in_text(frame: pd.DataFrame, columns: list[Any], *, caller: str) -> None:
    """A measure read as text would be left out, and the others weigh more, without a word."""
    for name in columns:
        if not len(frame) or not pd.api.types.is_string_dtype(frame[name].dtype):
            continue
        if pd.to_numeric(frame[name], errors="coerce").notna().all():
            raise InputError(
                f"{caller}(): column {name!r} holds numbers as text (first: "
                f"{frame[name].iloc[0]!r}). If it is a measure convert it with pd.to_numeric, if "
                "it is a key name it in keys=."
            )


def _no_targets(metrics: list[Metric], *, caller: str) -> None:
    for m in metrics:
        if m.direction == "target":
            raise InputError(
                f"{caller}(): {m.name!r} is best on target; score it first and weigh the scores."
            )


def _check_spread(
    x: np.ndarray, names: list[str], method: str, minmax: bool, *, caller: str
) -> None:
    if len(x) < 2:
        raise InputError(f"{caller}(): method={method!r} needs two rows at least.")
    if method == "entropy" and not minmax:
        bad = (x < 0).any(axis=0) | (x.sum(axis=0) <= 0)
        need = "no negative value and a positive sum (or normalisation='minmax')"
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
    elif isinstance(components, float | Decimal) and components < 1:
        components = check_number(components, "components", caller=caller, low=0, open_low=True)
        count = int(np.searchsorted(np.cumsum(explained), components - 1e-12)) + 1
    else:
        count = check_int(components, "components", caller=caller, low=1, high=len(names))
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


_ESTIMATES = {
    "eigenvector": weighting.ahp_eigenvector,
    "geometric_mean": weighting.ahp_log_least_squares,
    "arithmetic_mean": weighting.ahp_column_means,
    "completion": weighting.ahp_completion,
}


def _ahp(data: Any, estimate: str, random_index: str | float, *, caller: str) -> pd.Series:
    check_choice(estimate, "estimate", tuple(_ESTIMATES), caller=caller)
    if isinstance(random_index, str):
        check_choice(random_index, "random_index", tuple(weighting.RANDOM_INDEX), caller=caller)
    else:
        random_index = check_number(
            random_index, "random_index", caller=caller, low=0, open_low=True
        )
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
    if estimate == "arithmetic_mean" and np.isnan(matrix).any():
        i, j = np.argwhere(np.isnan(matrix))[0]
        raise InputError(
            f"{caller}(): estimate='arithmetic_mean' needs every judgement; {names[i]!r} against "
            f"{names[j]!r} is missing. Judge it, or take another estimate."
        )
    w, eigenvalue = _ESTIMATES[estimate](matrix)
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
    wider = isinstance(data, pd.DataFrame) and data.shape[1] == data.shape[0] + 1
    if wider and set(data.iloc[:, 0]) == set(data.columns[1:]):
        data = data.set_index(data.columns[0])  # the names of rows, as a file has them
    if isinstance(data, pd.DataFrame) and data.shape[0] == data.shape[1]:
        read = data.map(_times)
        data = data if read.map(lambda v: isinstance(v, str)).any(axis=None) else read
    if isinstance(data, pd.DataFrame) and not _square(data) and data.shape[0] == data.shape[1]:
        numeric = all(pd.api.types.is_numeric_dtype(t) for t in data.dtypes)
        if numeric and np.isin(np.diag(data.to_numpy(np.float64)), (1.0,)).all():
            return data.set_axis(data.columns, axis=0)
    return data


def _times(told: Any) -> Any:
    """A judgement as people write it: ``1/3`` is a third."""
    if not isinstance(told, str):
        return told
    try:
        return float(Fraction(told.replace(" ", "")))
    except (ValueError, ZeroDivisionError):
        return told


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


def _triples(data: Any, *, caller: str) -> list[Any]:
    """Judgements of one person as (one, other, times), in whichever form they were given."""
    if _square(data):
        for a in data.columns:
            own = data.loc[a, a]
            if not pd.isna(own) and own != 1:
                raise InputError(
                    f"{caller}(): {a!r} is judged against itself as {float(own):g}, not 1."
                )
        return [
            (a, b, data.loc[a, b])
            for a in data.columns
            for b in data.columns
            if a != b and not pd.isna(data.loc[a, b])
        ]
    if isinstance(data, pd.DataFrame):
        if data.shape[1] != 3:
            raise InputError(
                f"{caller}(): judgements must be a square frame (same labels in index and "
                "columns, or in the first column) or have three columns: one, other, times."
            )
        return list(data.itertuples(index=False, name=None))
    if isinstance(data, Mapping):
        return [(*(p if isinstance(p, tuple) else (p,)), times) for p, times in data.items()]
    if isinstance(data, list | tuple):
        return list(data)
    raise InputError(
        f"{caller}(): method='ahp' takes judgements (a square DataFrame, triples or a mapping), "
        f"got {type(data).__name__}."
    )


def _judgements(data: Any, *, caller: str) -> dict[tuple[Any, Any], float]:
    """Pairs judged by one person; contradictions in form raise."""
    out: dict[tuple[Any, Any], float] = {}
    for triple in _triples(data, caller=caller):
        if not isinstance(triple, list | tuple) or len(triple) != 3:
            raise InputError(f"{caller}(): a judgement is (one, other, times), got {triple!r}.")
        one, other, times = triple
        value = check_number(_times(times), f"judgement {one!r} / {other!r}", caller=caller)
        if value <= 0:
            raise InputError(
                f"{caller}(): {one!r} against {other!r} is judged as {value:g}; a judgement says "
                "how many times as important, above 0. Leave out (NaN) what nobody judged."
            )
        if one == other:
            raise InputError(f"{caller}(): {one!r} is judged against itself.")
        for pair, given in (((one, other), value), ((other, one), 1 / value)):
            if pair in out and not _same_judgement(out[pair], given):
                raise InputError(
                    f"{caller}(): {one!r} against {other!r} is judged twice, as "
                    f"{out[pair]:.4g} and {given:.4g}; keep one."
                )
        # Of 3 and 0.33 the whole number is the judgement, the other its rounded inverse.
        if (other, one) in out and value > 1:
            del out[(other, one)]
        if (other, one) not in out:
            out[(one, other)] = value
    return out


def _same_judgement(one: float, other: float) -> bool:
    """Within 1 %, or as far as an inverse of two decimals goes: 7 beside 0.14."""
    small, large = sorted((min(one, 1 / one), min(other, 1 / other)))
    alike = (one >= 1) == (other >= 1) or abs(one / other - 1) <= 0.01
    return alike and (large - small <= 0.005 + 1e-12 or large / small <= 1.01)


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
