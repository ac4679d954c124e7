"""Longest stays allowed: by stage, or by who is responsible and stage."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_number
from ..errors import InputError
from ._events import DAY, microseconds

__all__ = ["Allowed", "limit_of", "read_limits"]

Allowed = dict[tuple[Any, Hashable], int]  # (owner, or None for everybody), stage


def read_limits(limits: Any, owner: str | None, caller: str) -> Allowed:
    """Limits in microseconds; a row of a frame without an owner holds for everybody else."""
    if isinstance(limits, pd.DataFrame):
        return _from_frame(limits, owner, caller)
    if isinstance(limits, pd.Series) and limits.index.is_unique:
        limits = limits.to_dict()
    if not isinstance(limits, Mapping) or not limits:
        raise InputError(
            f"{caller}(): limits must map stages to time spans or days, got {limits!r}."
        )
    return {(None, s): _span(v, f"limits[{s!r}]", caller) for s, v in limits.items()}


def _from_frame(limits: pd.DataFrame, owner: str | None, caller: str) -> Allowed:
    absent = [c for c in ("stage", "limit") if c not in limits.columns]
    if absent:
        raise InputError(f"{caller}(): limits has no column {absent[0]!r}.")
    own = owner is not None and owner in limits.columns
    names = [owner, "stage"] if own else ["stage"]
    if (twice := limits.duplicated(names)).any():
        first = tuple(limits.loc[twice.to_numpy(), names].iloc[0])
        told = first if own else first[0]
        hint = "" if own else "; for limits by owner, give owner= and a column of that name"
        raise InputError(
            f"{caller}(): limits names {int(twice.sum())} stage(s) again, first {told!r}; "
            f"keep one limit a stage{hint}."
        )
    who = limits[owner] if own else [None] * len(limits)
    return {
        (None if pd.isna(o) else o, s): _span(v, f"limits[{s!r}]", caller)
        for o, s, v in zip(who, limits["stage"], limits["limit"], strict=True)
    }


def _span(limit: Any, name: str, caller: str) -> int:
    """A limit in microseconds; a number is one of days."""
    if isinstance(limit, Real) and not isinstance(limit, bool | np.timedelta64):
        return round(check_number(limit, name, caller=caller, low=0, high=1_000_000) * DAY)
    return microseconds(limit, name=name, caller=caller)


def limit_of(
    allowed: Allowed, stages: pd.Series, stage: np.ndarray, owners: pd.Series | None
) -> np.ndarray:
    """The limit of each visit (codes of ``stages``), -1 where there is none."""
    common = np.array([allowed.get((None, s), -1) for s in stages], dtype=np.int64)
    if owners is None or all(o is None for o, _ in allowed):
        return common[stage]
    codes, people = pd.factorize(owners)
    table = np.tile(common, (len(people), 1))
    place = {o: i for i, o in enumerate(people)}
    column = {s: j for j, s in enumerate(stages)}
    for (o, s), span in allowed.items():
        if o in place and s in column:
            table[place[o], column[s]] = span
    return table[codes, stage]
