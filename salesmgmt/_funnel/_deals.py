"""Deals as arrays: status, ages and amounts as they were known at ``as_of``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, AsIs, Date, Key, Rows, resolve_as_of, take
from ..errors import InputError
from .stages import LOST, WON

__all__ = [
    "IS_LOST",
    "IS_WON",
    "NO_DAY",
    "OPEN",
    "Deals",
    "days",
    "read_deals",
    "status_codes",
]

OPEN, IS_WON, IS_LOST = 0, 1, 2
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
        return self.rows["amount"][self.kept]

    def column(self, option: str) -> pd.Series:
        return self.rows.series(option).iloc[self.kept].reset_index(drop=True)

    def groups(self) -> tuple[np.ndarray, pd.DataFrame]:
        """Codes and labels of the ``by`` columns (one group where there are none)."""
        names = [o for o in self.rows.columns if o.startswith("by")]
        if not names:
            return np.zeros(len(self), dtype=np.int64), pd.DataFrame(index=[0])
        keys = self.rows.keys(*names)
        return keys.codes[self.kept], keys.labels


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
        close=Date(close, optional=True, missing="allow"),
        status=AsIs(status, optional=True),
        **more,
    )
    state = status_codes(rows, caller)
    born = rows.days("created")
    if "close" in rows:
        end = np.where(np.isnat(rows["close"]), NO_DAY, days(rows["close"]))
    else:
        end = np.full(len(rows), NO_DAY)
    _check_closings(rows, state, born, end, caller, arg)
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


def status_codes(rows: Rows, caller: str) -> np.ndarray:
    """From the ``status`` column, else from the usual names of closing stages."""
    option = "status" if "status" in rows else "stage"
    keys = rows.series(option)
    codes, uniques = pd.factorize(keys)
    place: list[int] = []
    for label in uniques:
        text = str(label).strip().lower()
        mark = IS_WON if text in WON else IS_LOST if text in LOST else OPEN
        if option == "status" and mark == OPEN and text not in ("open", "进行中", "跟进中"):
            raise InputError(
                f"{caller}(): column {rows.columns['status']!r} must hold 'open', 'won' or "
                f"'lost'; {int((codes == len(place)).sum())} row(s) hold {label!r}."
            )
        place.append(mark)
    if (codes < 0).any():
        raise InputError(
            f"{caller}(): column {rows.columns['status']!r} is missing in "
            f"{int((codes < 0).sum())} row(s); fill in 'open', 'won' or 'lost'."
        )
    return np.asarray(place, dtype=np.int64)[codes]


def _check_closings(
    rows: Rows, state: np.ndarray, born: np.ndarray, end: np.ndarray, caller: str, arg: str
) -> None:
    closed = state != OPEN
    name = rows.columns.get("close", "close_date")
    for bad, what, remedy in (
        (closed & (end == NO_DAY), "is missing for won or lost deals", "fill in the closing date"),
        (
            closed & (end != NO_DAY) & (end < born),
            "is before the creation of the deal",
            "mend the dates",
        ),
    ):
        if bad.any():
            first = [repr(v) for v in rows.index[np.flatnonzero(bad)[:3]]]
            raise InputError(
                f"{caller}(): {arg}: column {name!r} {what} in {int(bad.sum())} row(s) "
                f"(rows {', '.join(first)}). To mend: {remedy}."
            )
