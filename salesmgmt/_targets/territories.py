"""Territories of equal value and work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, check_column, check_int, one_currency, take, to_pandas
from ..engine.territories import balance, spread
from ..errors import InputError

__all__ = ["balance_territories"]


def balance_territories(
    accounts: pd.DataFrame,
    n: int,
    *,
    value: str = "value",
    workload: str | None = None,
    xy: Sequence[str] | None = None,
    locked: str | None = None,
    random_state: int = 0,
    current: str | None = None,
) -> pd.DataFrame:
    """Divide accounts into territories of like value and workload.

    Parameters
    ----------
    accounts : DataFrame
        One row an account.
    n : int
        Number of territories.
    value : str, default="value"
        Column of what an account is worth (not negative).
    workload : str, optional
        Column of the work an account makes (visits, hours); balanced beside the value.
    xy : (str, str), optional
        Columns of coordinates; territories are then compact and, but for single accounts near a
        border, contiguous, at some cost in balance. Use projected coordinates, or
        longitude scaled by the cosine of the latitude.
    locked : str, optional
        Column with the territory (1..n) of accounts that must stay; missing for the others.
    random_state : int, default=0
        Seed of the starting centres on the map.
    current : str, optional
        Column with today's territories, for the comparison.

    Returns
    -------
    DataFrame
        ``accounts`` with ``territory`` (1..n), index and other columns kept. ``attrs`` hold the
        balance: ``attrs["after"]`` (and ``attrs["before"]`` where ``current`` is given) give
        for value and workload the largest territory over the mean, minus 1.

    Raises
    ------
    InputError
        Fewer accounts than territories, a negative value, values in several currencies, or a
        lock outside 1..n.

    References
    ----------
    .. [1] F. Aurenhammer, F. Hoffmann and B. Aronov, "Minkowski-type theorems and
       least-squares clustering", Algorithmica 20 (1998), 61-76 (balanced power diagrams).

    Examples
    --------
    >>> import pandas as pd
    >>> accounts = pd.DataFrame({"value": [6.0, 5.0, 4.0, 3.0]})
    >>> balance_territories(accounts, 2)["territory"].tolist()
    [1, 2, 2, 1]
    """
    caller = "balance_territories"
    check_int(n, "n", caller=caller, low=1)
    seed = check_int(random_state, "random_state", caller=caller, low=0)
    roles: dict[str, Any] = {"value": Amount(value, low=0)}
    if workload is not None:
        roles["workload"] = Amount(workload, low=0)
    if xy is not None:
        if not isinstance(xy, tuple | list | np.ndarray) or len(xy) != 2:
            raise InputError(f"{caller}(): xy must be two column names.")
        roles |= {"x": Amount(xy[0]), "y": Amount(xy[1])}
    if locked is not None:
        roles["locked"] = Amount(locked, missing="allow", whole=True, low=1, high=n)
    accounts = to_pandas(accounts, caller=caller, arg="accounts")  # with all its columns
    one_currency(accounts, (), caller=caller, arg="accounts")
    rows = take(accounts, caller=caller, arg="accounts", **roles)
    if len(rows) < n:
        raise InputError(f"{caller}(): {len(rows)} account(s) are too few for {n} territories.")
    names = ["value"] + (["workload"] if workload is not None else [])
    load = np.column_stack([rows[c] for c in names])
    if (load.sum(axis=0) <= 0).any():
        raise InputError(f"{caller}(): {names[int((load.sum(axis=0) <= 0).argmax())]} is all zero.")
    fixed = np.full(len(rows), -1, dtype=np.int64)
    if locked is not None:
        has = ~np.isnan(rows["locked"])
        fixed[has] = rows["locked"][has].astype(np.int64) - 1
    place = np.column_stack([rows["x"], rows["y"]]) if xy is not None else None
    # In the order of size, not of rows, so that row order never matters.
    keys = [*(load[:, i] for i in range(load.shape[1] - 1, -1, -1))]
    if place is not None:
        keys = [place[:, 1], place[:, 0], *keys]
    order = np.lexsort([-k for k in keys])
    group = np.empty(len(rows), dtype=np.int64)
    group[order] = balance(
        load[order],
        n,
        xy=None if place is None else place[order],
        fixed=fixed[order],
        rng=np.random.default_rng(seed),
    )
    out = rows.frame.copy()
    out["territory"] = group + 1
    out.attrs["after"] = dict(zip(names, spread(load, group, n).tolist(), strict=True))
    if current is not None:
        out.attrs["before"] = dict(zip(names, _today(accounts, current, load), strict=True))
    return out


def _today(accounts: pd.DataFrame, current: str, load: np.ndarray) -> list[float]:
    """Largest territory of today over the mean, minus 1, for each load."""
    caller = "balance_territories"
    check_column(current, "current", caller=caller)
    if current not in accounts.columns:
        raise InputError(f"{caller}(): accounts has no column {current!r}.")
    codes, labels = pd.factorize(accounts[current])
    if (codes < 0).any():
        raise InputError(f"{caller}(): {current!r} is missing in {int((codes < 0).sum())} row(s).")
    return [float(v) for v in spread(load, codes, max(len(labels), 1))]
