"""Deals as arrays: status, ages and amounts as they were known at ``as_of``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._deal_states import IS_LOST, IS_WON, OPEN, states_of, wrong_ends, wrong_status
from .._frames import (
    Amount,
    AsIs,
    Date,
    Key,
    Problem,
    Rows,
    check_names,
    one_currency,
    resolve_as_of,
    take,
)
from ..errors import InputError
from ._events import known_groups

__all__ = [
    "IS_LOST",
    "IS_WON",
    "NO_DAY",
    "OPEN",
    "Deals",
    "days",
    "read_deals",
    "status_codes",
    "wrong_status",
]

NO_DAY = np.iinfo(np.int64).max


@dataclass(slots=True)
class Deals:
    """Deals known at ``as_of``; ``status`` 0 open, 1 won, 2 lost; days since 1970-01-01.

    ``close`` is the day of the closing for closed deals, the expected day for open ones
    (``NO_DAY`` where there is none). A deal that closed after ``as_of`` is open, and its
    closing day is not known.
    """

    rows: Rows
    kept: np.ndarray
    status: np.ndarray
    created: np.ndarray
    close: np.ndarray
    as_of: pd.Timestamp

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def until(self) -> int:
        """``as_of`` in days since 1970-01-01."""
        return int(np.datetime64(self.as_of, "D").astype(np.int64))

    @property
    def age(self) -> np.ndarray:
        """Days from creation to the closing, or to ``as_of`` for open deals."""
        return np.where(self.status == OPEN, self.until, self.close) - self.created

    def amount(self) -> np.ndarray:
        if "amount" not in self.rows:
            raise InputError(f"{self.rows.caller}(): amount= must be a column name, got None.")
        return self.rows["amount"][self.kept]

    def column(self, option: str) -> pd.Series:
        return self.rows.series(option).iloc[self.kept].reset_index(drop=True)

    def groups(self) -> tuple[np.ndarray, pd.DataFrame]:
        """Codes and labels of the ``by`` columns (one group where there are none)."""
        names = [o for o in self.rows.columns if o.startswith("by")]
        if not names:
            return np.zeros(len(self), dtype=np.int64), pd.DataFrame(index=[0])
        return known_groups(self.rows.keys(*names), self.kept)


def read_deals(
    deals: Any,
    *,
    caller: str,
    arg: str = "deals",
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str | None = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    by: Any = None,
    as_of: object = None,
    invalid: str = "raise",
    **more: Any,
) -> Deals:
    """Check ``deals`` and look at them as of a day (default: the last thing that happened)."""
    if amount is not None:
        names = check_names(by, "by", caller=caller)
        one_currency(deals, names, caller=caller, arg=arg, each=True)
    rows = take(
        deals,
        caller=caller,
        arg=arg,
        invalid=invalid,
        unique=("deal",),
        by=by,
        deal=Key(deal),
        stage=Key(stage),
        amount=None if amount is None else Amount(amount),
        created=Date(created),
        close=Date(close, optional=close == "close_date", missing="allow"),
        status=AsIs(status, optional=status == "status"),
        further=lambda found: _wrong_ends(found, close),
        **more,
    )
    state = status_codes(rows)
    born = rows.days("created")
    if "close" in rows:
        end = np.where(np.isnat(rows["close"]), NO_DAY, days(rows["close"]))
    else:
        end = np.full(len(rows), NO_DAY)
    closed = state != OPEN
    latest = [born.max()] + ([end[closed].max()] if closed.any() else [])
    day = resolve_as_of(as_of, np.array(latest), caller=caller)
    until = int(np.datetime64(day, "D").astype(np.int64))
    if as_of is None:  # nothing is later than the last thing that happened
        return Deals(rows, np.arange(len(rows)), state, born, end, day)
    later = closed & (end > until)
    state = np.where(later, OPEN, state)
    end = np.where(later, NO_DAY, end)
    kept = np.flatnonzero(born <= until)
    if not len(kept):
        raise InputError(f"{caller}(): every deal was created after as_of={day.date()}.")
    return Deals(rows, kept, state[kept], born[kept], end[kept], day)


def days(values: np.ndarray) -> np.ndarray:
    """Days since 1970-01-01, int64."""
    return values.astype("datetime64[D]").astype(np.int64)


def status_codes(rows: Rows) -> np.ndarray:
    """Codes from the ``status`` column, else from the usual names of closing stages."""
    return states_of(rows.series("status" if "status" in rows else "stage"))[0]


def _wrong_ends(rows: Rows, name: str) -> list[Problem]:
    """Status not understood, closed deals without a closing day, or closed before they began."""
    found = wrong_status(rows)
    closed = status_codes(rows) != OPEN
    if "close" in rows:
        return found + wrong_ends(rows, closed, "close")
    stage = rows.columns["status" if "status" in rows else "stage"]
    why = f"says won or lost, but {name!r} is missing"
    remedy = "add a column of closing dates (close=)"
    return found + ([Problem(stage, closed, why, remedy)] if closed.any() else [])
