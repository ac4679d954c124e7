"""Attributes of customers as numbers: what a purchase model with covariates is fitted on."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd

from .._frames import Amount, Key, check_names, take
from ..errors import InputError

__all__ = ["Design", "check_distinct"]

_SAME = "{}(): the covariate {!r} is the same in every row; leave it out."
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")


class Design:
    """Columns of attributes and, where they are not numbers, their levels, as once learned."""

    def __init__(self, columns: list[str], levels: dict[str, list[Any]]):
        self.columns = columns
        self.levels = levels

    @classmethod
    def learn(cls, frame: pd.DataFrame, columns: Any, option: str, caller: str) -> Self:
        """Levels of the columns that are not numbers, from the rows of the fit."""
        names = check_names(columns, option, caller=caller)
        found = cls(names, {})
        if names:
            here = [c for c in names if c in frame.columns and not _is_number(frame[c], c, caller)]
            frame = _without_bools(frame, [c for c in names if c not in here])
            rows = take(frame, caller=caller, arg="purchases", **_roles(names, here))
            for i, name in enumerate(names):
                if name in here:
                    found.levels[name] = _levels(rows.series(f"covariate{i}"))
                    if len(found.levels[name]) < 2:
                        raise InputError(_SAME.format(caller, name))
        return found

    @property
    def labels(self) -> list[str]:
        """One a number: the column, or the column and a level other than the first."""
        out = []
        for name in self.columns:
            levels = self.levels.get(name)
            out += [name] if levels is None else [f"{name}={v}" for v in levels[1:]]
        return out

    def matrix(self, frame: pd.DataFrame, caller: str) -> np.ndarray:
        """The numbers of each row."""
        if not self.columns:
            return np.zeros((len(frame), 0))
        frame = _without_bools(frame, [c for c in self.columns if c not in self.levels])
        roles = _roles(self.columns, list(self.levels))
        rows = take(frame, caller=caller, arg="purchases", **roles)
        parts = []
        for i, name in enumerate(self.columns):
            if name in self.levels:
                parts.append(_dummies(rows.series(f"covariate{i}"), self.levels[name], caller))
            else:
                parts.append(rows[f"covariate{i}"][:, None])
        return np.hstack(parts)


def _roles(names: list[str], texts: list[str]) -> dict[str, Any]:
    return {
        f"covariate{i}": (Key if c in texts else Amount)(c, option="covariates")
        for i, c in enumerate(names)
    }


def _is_number(values: pd.Series, name: str, caller: str) -> bool:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        raise InputError(
            f"{caller}(): the covariate {name!r} holds dates; give a number (days since a date) "
            "or a group."
        )
    if isinstance(values.dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_numeric_dtype(values.dtype):
        return True
    return pd.api.types.infer_dtype(values, skipna=True) in _NUMBERS


def _without_bools(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Yes and no as one and nothing in the columns of numbers."""
    infer = pd.api.types.infer_dtype
    yes = [c for c in names if c in frame.columns and infer(frame[c], skipna=True) == "boolean"]
    return frame.assign(**{c: frame[c].astype("boolean").astype("Float64") for c in yes})


def _levels(values: pd.Series) -> list[Any]:
    """Distinct values, in the order of their categories or ascending."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        used = set(values.unique())
        return [v for v in values.cat.categories if v in used]
    found = list(values.unique())
    try:
        return sorted(found)
    except TypeError:  # text and numbers in one column
        return sorted(found, key=str)


def _dummies(values: pd.Series, levels: list[Any], caller: str) -> np.ndarray:
    at = pd.Index(levels).get_indexer(pd.Index(values.astype(object)))
    new = at < 0
    if new.any():
        shown = ", ".join(repr(v) for v in values[new].unique()[:3])
        raise InputError(
            f"{caller}(): {int(new.sum())} row(s) have a value of {values.name!r} that the fit "
            f"has not seen ({shown}); known are {', '.join(repr(v) for v in levels[:8])}."
        )
    return (at[:, None] == np.arange(1, len(levels))).astype(np.float64)


def check_distinct(z: np.ndarray, labels: list[str], caller: str) -> None:
    """Refuse attributes that tell nothing of their own (``z`` is centred and scaled)."""
    gram = z.T @ z / len(z)
    for j, label in enumerate(labels):
        if gram[j, j] < 0.5:
            raise InputError(_SAME.format(caller, label))
        if np.linalg.eigvalsh(gram[: j + 1, : j + 1])[0] < 1e-9:
            raise InputError(
                f"{caller}(): the covariate {label!r} follows from the ones before it; leave it "
                "out."
            )
