"""Problems of single rows: told in one error, or left out with a warning and a table."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ._messages import warn
from .errors import InputError

__all__ = ["Problem", "problem_table", "settle"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows (positions) of one column that cannot be used, and what to do about them."""

    column: str
    mask: np.ndarray
    reason: str
    remedy: str


def settle(
    frame: pd.DataFrame, problems: list[Problem], *, caller: str, arg: str, invalid: str | None
) -> pd.DataFrame:
    """Raise, or warn and return the table of what is left out."""
    if not problems:
        return _nothing_left_out().copy()
    told = "; ".join(_tell(frame, p) for p in problems)
    if invalid == "drop":
        bad = np.logical_or.reduce([p.mask for p in problems])
        warn(f"{caller}(): left out {int(bad.sum())} of {len(frame)} row(s) of {arg}: {told}.")
        return problem_table(frame, problems)
    remedies = list(dict.fromkeys(p.remedy for p in problems))
    drop = ['pass invalid="drop" to leave these rows out'] if invalid == "raise" else []
    raise InputError(f"{caller}(): {arg}: {told}. To mend: {'; or '.join(remedies + drop)}.")


def _tell(frame: pd.DataFrame, problem: Problem) -> str:
    at = np.flatnonzero(problem.mask)
    names = [n for n in problem.column.split(" + ") if n in frame.columns]
    shown = []
    for i in at[:3]:
        cells = [frame[n].iloc[i] for n in names] if names else []
        shown.append(f"row {_plain(frame.index[i])!r}: {', '.join(repr(_plain(c)) for c in cells)}")
    more = ", ..." if len(at) > 3 else ""
    return (
        f"column {problem.column!r} {problem.reason} in {len(at)} row(s) ({'; '.join(shown)}{more})"
    )


def _plain(value: Any) -> Any:
    """NumPy scalars as Python ones, so that messages read 3.5 and not np.float64(3.5)."""
    return value.item() if isinstance(value, np.generic) and value.dtype.kind not in "mM" else value


def problem_table(frame: pd.DataFrame, problems: list[Problem]) -> pd.DataFrame:
    """One row a problem: ``row`` (its label), ``column``, ``value``, ``reason``, ``remedy``."""
    parts: dict[str, list[Any]] = {c: [] for c in ("row", "column", "value", "reason", "remedy")}
    for p in problems:
        names = [n for n in p.column.split(" + ") if n in frame.columns]
        at = np.flatnonzero(p.mask)
        columns = [[_plain(c) for c in frame[n].iloc[at].tolist()] for n in names]
        parts["row"] += frame.index[at].tolist()
        parts["value"] += columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        for part, same in (("column", p.column), ("reason", p.reason), ("remedy", p.remedy)):
            parts[part] += [same] * len(at)
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in parts.items()})


@functools.cache
def _nothing_left_out() -> pd.DataFrame:
    """The table without rows, made once: small calls feel it."""
    return problem_table(pd.DataFrame(), [])
