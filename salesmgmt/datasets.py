"""The sample company: a distributor of 30 reps and 1,500 customers over 36 months.

Everything is made up, by scripts with fixed seeds, and every table fits the others. What is
true of the company, and should be found by the desks, is listed beside the data.
"""

from __future__ import annotations

from pathlib import Path
from typing import overload

import pandas as pd

from ._frames import check_choice
from .errors import InputError

__all__ = ["load_sample"]

_TABLES = (
    "transactions",
    "deals",
    "stage_events",
    "deal_snapshots",
    "invoices",
    "payments",
    "adjustments",
    "plan",
    "accounts",
    "reps",
    "activities",
    "cases",
    "surveys",
    "expenses",
    "budget",
    "contracts",
    "market",
    "orders",
)
_DATE_ENDINGS = ("date", "_at", "period_start", "period_end", "_on", "valid_from", "valid_to")


@overload
def load_sample(table: None = None) -> dict[str, pd.DataFrame]: ...
@overload
def load_sample(table: str) -> pd.DataFrame: ...
def load_sample(table: str | None = None) -> pd.DataFrame | dict[str, pd.DataFrame]:
    """One table of the sample company, or all of them.

    Parameters
    ----------
    table : str, optional
        ``"transactions"``, ``"deals"``, ``"stage_events"``, ``"deal_snapshots"``,
        ``"invoices"``, ``"payments"``, ``"adjustments"``, ``"plan"``, ``"accounts"``,
        ``"reps"``, ``"activities"``, ``"cases"``, ``"surveys"``, ``"expenses"``,
        ``"budget"``, ``"contracts"``, ``"market"`` or ``"orders"``. None: all.

    Returns
    -------
    DataFrame or dict of str to DataFrame
        Canonical columns; dates as datetimes, ids as text, money in the currency of the row
        (yuan where there is no ``currency`` column).

    Raises
    ------
    InputError
        There is no such table.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> load_sample("reps").shape[0]
    30
    """
    if table is None:
        return {name: _read(name) for name in _TABLES}
    check_choice(table, "table", _TABLES, caller="load_sample")
    return _read(table)


def _folder() -> Path:
    """``_sample`` inside the installed package, or ``data/sample`` beside it in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "_sample", here.parent / "data" / "sample"):
        if folder.is_dir():
            return folder
    raise InputError("load_sample(): the sample data are not installed; reinstall salesmgmt.")


def _read(name: str) -> pd.DataFrame:
    path = _folder() / f"{name}.csv"
    head = pd.read_csv(path, nrows=0, encoding="utf-8").columns
    ids = {c: str for c in head if c.endswith("_id") or c in ("parent", "owner", "rep")}
    frame = pd.read_csv(path, dtype=ids, encoding="utf-8")
    for column in head:
        if column.endswith(_DATE_ENDINGS):
            frame[column] = pd.to_datetime(frame[column], format="ISO8601")
    return frame
