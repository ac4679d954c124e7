"""What a points card tells of itself: rules, stability, calibration, score bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from .score_bins import Bins

__all__ = [
    "as_sql",
    "band_shares",
    "bands",
    "calibration",
    "need_rows",
    "performance",
    "rules",
    "stability",
    "stability_frame",
    "strength",
]

# The customary limits of the population stability index (Siddiqi 2006, chapter 9).
_WATCH, _SHIFTED = 0.1, 0.25
_LEAST_SHARE = 1e-4
# And of the information value (chapter 6); more than the last is to be checked.
_STRENGTHS = (0.02, 0.1, 0.3, 0.5)


def need_rows(n: int, caller: str) -> None:
    """At least one row."""
    if not n:
        raise InputError(f"{caller}(): X has no rows; give at least one.")


def rules(base: int, cards: Sequence[tuple[Bins, np.ndarray]]) -> pd.DataFrame:
    """One row a rule; special values first, then ranges or levels, missing, other."""
    rows: list[tuple[str, str, float, float, Any, int]] = [
        ("", "always", np.nan, np.nan, None, base)
    ]
    for b, points in cards:
        k, s = b.regular, len(b.special)
        for i, value in enumerate(b.special):
            rows.append((b.name, "equals", np.nan, np.nan, value, int(points[k + i])))
        if b.numeric:
            low = np.concatenate([[-np.inf], b.edges])
            high = np.concatenate([b.edges, [np.inf]])
            for i in range(k):
                rows.append((b.name, "range", low[i], high[i], None, int(points[i])))
        else:
            for i in range(k):
                for level in b.members(i):
                    rows.append((b.name, "equals", np.nan, np.nan, level, int(points[i])))
        rows.append((b.name, "missing", np.nan, np.nan, None, int(points[k + s])))
        if not b.numeric:
            rows.append((b.name, "other", np.nan, np.nan, None, int(points[-1])))
    out = pd.DataFrame(rows, columns=["feature", "rule", "low", "high", "value", "points"])
    return out.astype({"value": object})


def as_sql(frame: pd.DataFrame, bins: Sequence[Bins]) -> str:
    """The rules as one SQL expression."""
    parts = [str(int(frame["points"].iloc[0]))]
    for b in bins:
        name = '"' + b.name.replace('"', '""') + '"'
        mine = frame[frame["feature"] == b.name]
        if not mine["points"].any():
            continue
        number = name
        if b.numeric and any(isinstance(v, str) for v in b.special):
            # Texts among numbers make a column of texts, which compares by letters.
            number = f"CAST({name} AS DOUBLE PRECISION)"
        when = [
            f"WHEN {test} THEN {row.points}"
            for row in mine.itertuples()
            if (test := _condition(name, row, number)) and row.rule not in ("other",)
        ]
        # NULL equals nothing, so it comes first; what is left over is the last range or "other".
        when.sort(key=lambda text: "IS NULL" not in text)
        rest = mine.loc[mine["rule"] == "other", "points"]
        last = int(rest.iloc[0]) if len(rest) else 0
        parts.append(f"CASE {' '.join(when)} ELSE {last} END")
    return "\n+ ".join(parts)


def _condition(name: str, row: Any, number: str) -> str:
    if row.rule == "missing":
        return f"{name} IS NULL"
    if row.rule == "equals":
        return f"{name} = {_literal(row.value)}"
    if row.rule == "range":
        tests = [f"{number} > {row.low!r}"] if np.isfinite(row.low) else []
        tests += [f"{number} <= {row.high!r}"] if np.isfinite(row.high) else []
        return " AND ".join(tests) or f"{name} IS NOT NULL"
    return "other"


def _literal(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | np.number):
        return repr(value.item() if isinstance(value, np.number) else value)
    return "'" + str(value).replace("'", "''") + "'"


def stability(before: np.ndarray, after: np.ndarray) -> float:
    """Population stability index of two counts; shares under 0.0001 count as that."""
    p = np.maximum(before / before.sum(), _LEAST_SHARE)
    q = np.maximum(after / after.sum(), _LEAST_SHARE)
    both = (before > 0) | (after > 0)
    return float(((q - p) * np.log(q / p))[both].sum())


def band_shares(
    training: np.ndarray, score: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Counts of training scores and new scores in bands of about equal training size."""
    upto = np.cumsum(training)
    wanted = upto[-1] * np.arange(1, bins) / bins
    edges = np.unique(np.searchsorted(upto, wanted))
    held = np.bincount(
        np.searchsorted(edges, np.arange(len(training))), training, minlength=len(edges) + 1
    )
    return held, np.bincount(np.searchsorted(edges, score), minlength=len(edges) + 1)


def strength(value: np.ndarray) -> np.ndarray:
    """How information values are customarily read."""
    names = np.array(["none", "weak", "medium", "strong", "suspect"], dtype=object)
    return names[np.searchsorted(_STRENGTHS, value, side="right")]


def stability_frame(values: Mapping[str, float]) -> pd.DataFrame:
    """Indices with their customary reading."""
    found = np.array(list(values.values()))
    status = np.where(found < _WATCH, "stable", np.where(found < _SHIFTED, "watch", "shifted"))
    return pd.DataFrame({"feature": list(values), "psi": found, "status": status.astype(object)})


def calibration(probability: np.ndarray, bad: np.ndarray, bins: int) -> pd.DataFrame:
    """Bands of equal size by predicted probability; equal predictions stay together."""
    ordered = np.sort(probability)
    at = np.minimum((len(ordered) * np.arange(1, bins)) // bins, len(ordered) - 1)
    band = np.searchsorted(np.unique(ordered[at]), probability, side="right")
    rows = np.bincount(band)
    held = rows > 0
    # Sums of sorted parts: the order of rows is no input.
    order = np.lexsort([probability, band])
    predicted = np.bincount(band[order], probability[order])[held] / rows[held]
    hit = np.bincount(band, bad)[held]
    low, high = _wilson(hit, rows[held])
    out = pd.DataFrame(
        {
            "band": np.arange(1, int(held.sum()) + 1),
            "rows": rows[held],
            "predicted": predicted,
            "observed": hit / rows[held],
            "low": low,
            "high": high,
        }
    )
    out.attrs["brier"] = float(np.mean(np.sort((probability - bad) ** 2)))
    return out


def _wilson(k: np.ndarray, n: np.ndarray, z: float = 1.959963984540054) -> tuple[Any, Any]:
    """Wilson's score interval (Newcombe 1998, method 3)."""
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    return np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)


def bands(score: np.ndarray, bad: np.ndarray | None, width: int) -> pd.DataFrame:
    """Counts by band of scores, lowest first; cumulated from the top: what a cut-off lets in."""
    band = score // width
    first = int(band.min())
    rows = np.bincount(band - first)
    low = (first + np.arange(len(rows))) * width
    above = np.cumsum(rows[::-1])[::-1]
    out = pd.DataFrame(
        {
            "low": low,
            "high": low + width - 1,
            "rows": rows,
            "share": rows / len(score),
            "approved": above / len(score),
        }
    )
    if bad is not None:
        hit = np.bincount(band - first, bad, minlength=len(rows))
        out["bad"] = hit.astype(np.int64)
        out["bad_rate"] = np.divide(hit, rows, out=np.full(len(rows), np.nan), where=rows > 0)
        out["approved_bad_rate"] = np.cumsum(hit[::-1])[::-1] / above
    return out


def performance(score: np.ndarray, probability: np.ndarray, bad: np.ndarray) -> pd.DataFrame:
    """AUC, Gini and KS of a score that falls with risk; Brier score of the probability."""
    values, at = np.unique(score, return_inverse=True)
    hit = np.bincount(at, bad, minlength=len(values))
    fine = np.bincount(at, minlength=len(values)) - hit
    if not hit.sum() or not fine.sum():
        raise InputError("CreditScorecard.performance(): y holds one class only; give both.")
    below = np.cumsum(hit)
    auc = float((fine * (below - hit / 2)).sum() / (hit.sum() * fine.sum()))
    ks = float(np.max(np.abs(below / hit.sum() - np.cumsum(fine) / fine.sum())))
    row = {
        "rows": len(score), "bad_rate": float(bad.mean()), "auc": auc, "gini": 2 * auc - 1,
        "ks": ks, "brier": float(np.mean(np.sort((probability - bad) ** 2))),
    }  # fmt: skip
    return pd.DataFrame([row])
