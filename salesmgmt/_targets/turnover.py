"""Leavers and joiners: who takes over what in a plan."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, Rows, as_dates, days_of, resolve_as_of, take
from .._keys import factorise
from ..engine.controlled_rounding import Tree, round_tree, snap
from ..errors import InputError
from .organisation import PlanColumns, lookup

__all__ = ["as_joiners", "dated_leavers", "key_of", "measure_of", "move", "with_joiners"]


def key_of(rows: Rows, count: int, at: np.ndarray | None = None) -> np.ndarray:
    """Codes of the keys, and of the measure if there is one, of each row (of those ``at``)."""
    options = [f"key{i}" for i in range(count)] + (["measure"] if "measure" in rows else [])
    if not options:
        return np.zeros(len(rows) if at is None else len(at), dtype=np.int64)
    if at is None:
        return rows.keys(*options).codes
    names = [rows.columns[o] for o in options]
    return factorise(rows.frame[names].iloc[at], names).codes


def measure_of(rows: Rows) -> np.ndarray:
    return rows.keys("measure").codes if "measure" in rows else np.zeros(len(rows), np.int64)


def as_joiners(joiners: Any, keys: list[Any]) -> Any:
    """First days by label, where one key tells who is meant, as the frame they stand for."""
    if isinstance(joiners, Mapping) and len(keys) == 1:
        return pd.DataFrame({keys[0]: list(joiners), "start": list(joiners.values())})
    return joiners


def with_joiners(
    plan: pd.DataFrame, joiners: Any, columns: PlanColumns, *, caller: str
) -> pd.DataFrame:
    """The plan with rows of zero for each new key, one for each period of its colleagues."""
    if joiners is None:
        return plan
    keys = columns.keys(plan.columns)
    if not keys:
        raise InputError(f"{caller}(): joiners need a plan with key columns.")
    take(plan, caller=caller, arg="plan", **columns.roles())
    roles: dict[str, Any] = {f"key{i}": Key(n, option="") for i, n in enumerate(keys)}
    new = take(
        joiners,
        caller=caller,
        arg="joiners",
        start=Date("start", option=""),
        weight=Amount("weight", optional=True, low=0),
        **roles,
    )
    spans = list(dict.fromkeys([columns.period_start, columns.period_end]))
    periods = plan[spans].drop_duplicates().sort_values(spans)
    rows = new.frame[keys].merge(periods, how="cross")
    rows[columns.target] = 0.0
    for column in plan.columns:
        if column not in rows:
            if plan[column].nunique() != 1:
                raise InputError(
                    f"{caller}(): joiners have no column {column!r}; replan one {column} at a time."
                )
            rows[column] = plan[column].iloc[0]
    mine = plan[keys].drop_duplicates()
    known = lookup(mine, new.frame[keys], caller=caller, args=("plan", "joiners"))
    if (known >= 0).any():
        raise InputError(f"{caller}(): {int((known >= 0).sum())} joiner(s) have a plan already.")
    return pd.concat([plan, rows[list(plan.columns)]], ignore_index=True)


def dated_leavers(leavers: Any, as_of: object, *, caller: str) -> Any:
    """Leavers by label; those that are only named leave with ``as_of``."""
    if leavers is None or isinstance(leavers, pd.Series | Mapping):
        return leavers
    alone = isinstance(leavers, str) or (np.ndim(leavers) == 0 and not isinstance(leavers, Set))
    names = [leavers] if alone else list(leavers)
    if as_of is None:
        raise InputError(
            f"{caller}(): leavers are only named; give as_of, or a dict or Series of last days."
        )
    return dict.fromkeys(names, resolve_as_of(as_of, caller=caller))


def move(
    now: np.ndarray,
    rows: Rows,
    keys: list[Any],
    start: np.ndarray,
    end: np.ndarray,
    leavers: Any,
    joiners: Any,
    *,
    caller: str,
) -> np.ndarray:
    """Move the cells of leavers to colleagues, and a part of colleagues' cells to joiners.

    Returns which cells lie after a leaver's last day or before a joiner's first.
    """
    if not keys:
        raise InputError(f"{caller}(): leavers and joiners need a plan with key columns.")
    own = rows.keys(f"key{len(keys) - 1}")
    going = np.full(len(own), np.iinfo(np.int64).max)
    coming = np.full(len(own), np.iinfo(np.int64).min)
    weight = np.ones(len(own))
    labels = pd.Index(own.labels.iloc[:, 0])
    if leavers is not None:
        going[_known(leavers, labels, "leavers", caller=caller)] = _last_days(
            leavers, caller=caller
        )
    if joiners is not None:
        at = _known(pd.Series(0, index=joiners[keys[-1]]), labels, "joiners", caller=caller)
        coming[at] = days_of(as_dates(joiners["start"], name="start", caller=caller))
        if "weight" in joiners:
            weight[at] = joiners["weight"].to_numpy(np.float64)
    code = own.codes
    gone, fresh, absent = (np.zeros(len(code), dtype=bool) for _ in range(3))
    here = np.ones(len(code), dtype=bool)
    # A plan of days has millions of rows, of which few belong to who comes or goes.
    leaves, comes = going < np.iinfo(np.int64).max, coming > np.iinfo(np.int64).min
    at = np.flatnonzero((leaves | comes)[code])
    last, first = going[code[at]], coming[code[at]]
    gone[at] = (last < end[at]) & leaves[code[at]]
    here[at] = ~gone[at] & (first <= end[at])
    fresh[at] = here[at] & comes[code[at]]
    absent[at] = (last < start[at]) | (first > end[at])
    changed = gone | fresh
    at = np.flatnonzero(changed)
    length = end[at] - start[at] + 1
    kept, part = np.zeros(len(start)), np.zeros(len(start))
    kept[at] = np.clip(np.where(gone[at], going[code[at]] - start[at] + 1, 0) / length, 0.0, 1.0)
    part[at] = np.clip(np.where(fresh[at], end[at] - coming[code[at]] + 1, 0) / length, 0.0, 1.0)
    staying, there = here & ~fresh, part.copy()
    part[at] *= weight[code[at]]
    stay = now.copy()
    stay[gone] = np.floor(now[gone] * kept[gone]).astype(np.int64)
    replaced = _take_over(now, stay, rows, keys, start, gone, fresh, staying, kept, there, part)
    changed &= ~replaced
    inside, family = _families(rows, keys, start, changed, staying, caller=caller)
    inside, family = inside[~replaced[inside]], family[~replaced[inside]]
    # By label within a family: the order of rows must not say who gets the last unit.
    order = np.lexsort((key_of(rows, len(keys), inside), family))
    cuts = np.flatnonzero(np.diff(family[order])) + 1
    for at in np.split(inside[order], cuts):
        if len(at) and changed[at].any():
            _settle_family(now, at, gone, fresh, staying, stay, part)
    return absent


def _take_over(
    now: np.ndarray,
    stay: np.ndarray,
    rows: Rows,
    keys: list[Any],
    start: np.ndarray,
    gone: np.ndarray,
    fresh: np.ndarray,
    staying: np.ndarray,
    kept: np.ndarray,
    there: np.ndarray,
    part: np.ndarray,
) -> np.ndarray:
    """Joiners in the place of all who leave under a parent take over what is theirs, as it is.

    As far as they are there in the time that nobody else is; the rest is left with the leavers.
    Returns the cells for which nothing more is to be done.
    """
    done = np.zeros(len(start), dtype=bool)
    if not (gone.any() and fresh.any()):
        return done
    above = [rows.keys(*[f"key{i}" for i in range(len(keys) - 1)]).codes] if len(keys) > 1 else []
    sets = np.column_stack([*above, start, measure_of(rows)])
    _, family = np.unique(sets, axis=0, return_inverse=True)
    family = family.reshape(-1)
    order = np.lexsort((key_of(rows, len(keys)), family))
    for at in np.split(order, np.flatnonzero(np.diff(family[order])) + 1):
        leaving, joining = at[gone[at]], at[fresh[at] & (part[at] > 0)]
        if staying[at].any() or not len(leaving) or not len(joining):
            continue
        free = now[leaving] - stay[leaving]
        covered = min(1.0, float(there[joining].sum() / (1.0 - kept[leaving].min())))
        tree = Tree((np.zeros(len(leaving), dtype=np.int64),))
        taken = int(np.floor(covered * free.sum()))
        now[leaving] -= round_tree([snap(covered * free)], tree, taken)[0]
        tree = Tree((np.zeros(len(joining), dtype=np.int64),))
        share = part[joining] / part[joining].sum()
        now[joining] += round_tree([snap(taken * share)], tree, taken)[0]
        done[joining] = True
        done[leaving] = covered == 1.0
    return done


def _settle_family(
    now: np.ndarray,
    at: np.ndarray,
    gone: np.ndarray,
    fresh: np.ndarray,
    here: np.ndarray,
    stay: np.ndarray,
    part: np.ndarray,
) -> None:
    """Colleagues of one parent in one period: the sum stays, the shares change."""
    total = int(now[at].sum())
    leaving, joining = at[gone[at]], at[fresh[at]]
    staying = at[here[at]]  # who joins later is no head yet
    old = now[at].copy()
    ideal = now[at].astype(np.float64)
    place = {int(i): k for k, i in enumerate(at)}
    stays = np.array([place[int(i)] for i in staying], dtype=np.int64)
    for i in leaving:
        ideal[place[int(i)]] = stay[i]
    present = len(staying)
    freed = total - float(ideal.sum())
    if present:
        base = ideal[stays]
        share = base / base.sum() if base.sum() > 0 else np.full(present, 1.0 / present)
        ideal[stays] = base + freed * share
        heads = float(part[joining].sum())
        pool = float(ideal[stays].sum())
        for i in joining:
            ideal[place[int(i)]] = pool * part[i] / (present + heads)
        ideal[stays] *= present / (present + heads)
    elif len(joining):
        ideal[[place[int(i)] for i in joining]] += freed / len(joining)
    else:
        ideal = old.astype(np.float64)
    tree = Tree((np.zeros(len(at), dtype=np.int64),))
    now[at] = round_tree([snap(ideal)], tree, total)[0]


def _families(
    rows: Rows,
    keys: list[Any],
    start: np.ndarray,
    changed: np.ndarray,
    staying: np.ndarray,
    *,
    caller: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Cells near a change, and the family of each: same parent, same period.

    Where nobody stays under the parent, the family is that of the next level up.
    """
    measure = measure_of(rows)
    inside = np.zeros(0, dtype=np.int64)
    family = np.zeros(0, dtype=np.int64)
    lonely = changed
    if not changed.any():  # all come or go outside the plan
        return inside, family
    for depth in range(len(keys) - 1, -1, -1):
        above = np.zeros(len(start), dtype=np.int64)
        if depth:
            above = rows.keys(*[f"key{i}" for i in range(depth)]).codes
        parents = np.unique(above[lonely])
        near = np.flatnonzero(np.isin(above, parents) if depth else np.ones(len(start), bool))
        triple = np.column_stack([above[near], start[near], measure[near]])
        _, code = np.unique(triple, axis=0, return_inverse=True)
        code = code.reshape(-1)
        needed = np.isin(code, np.unique(code[lonely[near]]))
        near, code = near[needed], code[needed]
        fresh = ~np.isin(inside, near)  # cells that a larger family takes over leave their own
        offset = int(code.max(initial=-1)) + 1
        inside = np.r_[near, inside[fresh]]
        family = np.r_[code, family[fresh] + offset]
        company = np.bincount(family[staying[inside]], minlength=family.max() + 1) > 0
        alone = inside[changed[inside] & ~company[family]]
        lonely = np.zeros(len(start), dtype=bool)
        lonely[alone] = True
        if not len(alone):
            return inside, family
    raise InputError(
        f"{caller}(): nobody is left in {int(lonely.sum())} cell(s) to take over from leavers."
    )


def _known(given: Any, labels: pd.Index, name: str, *, caller: str) -> np.ndarray:
    wanted = pd.Index(list(given.keys()) if isinstance(given, Mapping) else given.index)
    at = labels.astype(object).get_indexer(wanted.astype(object))
    if (at < 0).any():
        raise InputError(
            f"{caller}(): {name}: {int((at < 0).sum())} label(s) have no plan, first "
            f"{wanted[int(np.flatnonzero(at < 0)[0])]!r}."
        )
    return at


def _last_days(leavers: Mapping[Any, Any] | pd.Series, *, caller: str) -> np.ndarray:
    values = list(leavers.values()) if isinstance(leavers, Mapping) else leavers.to_numpy()
    return days_of(as_dates(pd.Series(values), name="leavers", caller=caller))
