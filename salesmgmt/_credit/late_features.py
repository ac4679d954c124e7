"""What is known on the day an invoice is written: the customer's record, and given features."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from ..engine.payment_history import NEVER, Past, common_median, running_median
from ..errors import InputError
from .books import KINDS
from .settling import Position

__all__ = ["Extras", "Record", "record_features", "records_of"]

# Known only after the invoice was written; a feature of such a name must say since when.
_OUTCOMES = (
    "settled_date", "paid_date", "payment_date", "clear_date", "clearing_date", "days_to_settle",
    "days_late", "late", "disputed", "dispute", "paid", "outstanding",
)  # fmt: skip
_MOST_LEVELS, _FEWEST_ROWS = 20, 5


@dataclass
class Record:
    """Invoices with their fate, in arrays; ``settled`` is ``NEVER`` where no money closed it.

    ``voided``: closed without money (credit note, allowance): says nothing of how one pays.
    """

    customer: np.ndarray
    invoice: np.ndarray
    day: np.ndarray
    due: np.ndarray
    units: np.ndarray
    settled: np.ndarray
    voided: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: np.ndarray) -> Record:
        """These rows (mask or positions)."""
        return Record(*(getattr(self, n)[rows] for n in self.__dataclass_fields__))

    def join(self, other: Record) -> Record:
        """Both, this one first."""
        parts = [
            np.concatenate([getattr(self, n), getattr(other, n)]) for n in self.__dataclass_fields__
        ]
        return Record(*parts)


def records_of(position: Position) -> Record:
    """What became of each document; credit notes are ``voided`` themselves."""
    books = position.books
    documents, receipts = books.documents, books.receipts
    n = len(documents)
    settled = np.full(n, -NEVER, dtype=np.int64)
    np.maximum.at(settled, position.document, position.day)
    kind = receipts.kind[position.receipt]
    money = np.zeros(n, dtype=bool)
    money[position.document[kind == KINDS.index("payment")]] = True
    lost = np.zeros(n, dtype=bool)
    lost[position.document[kind == KINDS.index("write_off")]] = True
    closed = (position.open == 0) & (settled > -NEVER)
    fine = closed & money & ~lost
    labels = books.customers.labels.iloc[:, 0].astype(object).to_numpy()
    return Record(
        customer=labels[documents.customer],
        invoice=documents.rows[books.names["invoice"]].astype(object).to_numpy(),
        day=documents.day,
        due=np.maximum(documents.due, documents.day),
        units=documents.units,
        settled=np.where(fine, settled, NEVER),
        voided=(documents.units <= 0) | (closed & ~money & ~lost),
    )


def record_features(
    known: Record,
    rows: np.ndarray,
    prior: float,
    half_life: float,
    until: int = NEVER,
    grace: int = 0,
) -> pd.DataFrame:
    """The customer's record before each of ``rows`` was issued, from all of ``known``.

    Only events dated before the invoice date enter, and only up to ``until``, the last day that
    is known: what was open then is not taken for overdue by a later invoice. Shares and means
    are drawn to those of all customers, which then count like ``prior`` invoices. Late is what
    is settled, or still open, more than ``grace`` days past due.
    """
    fine = known.take(~known.voided)
    labels = pd.Index(pd.unique(pd.Series(np.concatenate([known.customer, fine.customer]))))
    order = _stable(labels)
    who_all = order[labels.get_indexer(pd.Index(fine.customer))]
    target = known.take(rows)
    seen = np.minimum(target.day, until + 1)
    who = order[labels.get_indexer(pd.Index(target.customer))]
    own = _sums(fine, who_all, who, seen, grace)
    nobody = np.zeros(len(target), dtype=np.int64)
    all_ = _sums(fine, np.zeros(len(fine), dtype=np.int64), nobody, seen, grace)
    common_share = (all_["late"] + 1) / (all_["n"] + 2)
    common_delay = all_["delay"] / np.maximum(all_["n"], 1)
    overdue, lapsed = own["overdue"], own["lapsed"]
    share = (own["late"] + lapsed + prior * common_share) / (own["n"] + lapsed + prior)
    past = Past(who_all, fine.day, fine.due, fine.settled)
    late, delay = _fates(fine, grace)
    values = {"n": np.ones(len(fine)), "late": late, "delay": delay}
    new = past.faded(fine.settled, values, who, seen, half_life)
    last = past.last(fine.settled, delay, who, seen)
    median = running_median(who_all, fine.settled, delay, who, seen)
    common = common_median(fine.settled, delay, seen)
    common = np.where(np.isnan(common), 0.0, common)
    usual = (own["n"] * np.where(np.isnan(median), 0, median) + prior * common) / (own["n"] + prior)
    size = np.log(np.maximum(target.units, 1))
    mean_size = (own["units"] + prior * np.maximum(target.units, 1)) / (own["n"] + prior)
    still = own["issued"] - own["n"]
    return pd.DataFrame(
        {
            "late_share": share,
            "late_odds": np.log(share / (1 - share)),
            "late_share_recent": (new["late"] + prior * common_share) / (new["n"] + prior),
            "mean_delay": (own["delay"] + prior * common_delay) / (own["n"] + prior),
            "mean_delay_recent": (new["delay"] + prior * common_delay) / (new["n"] + prior),
            "median_delay": usual,
            "last_delay": np.where(np.isnan(last), common_delay, last),
            "invoices_settled": np.log1p(own["n"]),
            "invoices_open": np.log1p(np.maximum(still, 0)),
            "invoices_overdue": np.log1p(np.maximum(overdue, 0)),
            "overdue_share": overdue / np.maximum(still, 1),
            "amount": size,
            "amount_against_usual": size - np.log(np.maximum(mean_size, 1)),
            "terms": (target.due - target.day).astype(np.float64),
            "common_late_share": common_share,
            "common_delay": common_delay,
            "settled_count": own["n"],
            "own_late_share": (own["late"] + common_share) / (own["n"] + 1),
            "own_median_delay": np.where(np.isnan(median), common, median),
        }
    )


def _stable(labels: pd.Index) -> np.ndarray:
    """Rank of each label, so that codes do not depend on the order of rows."""
    names = [(type(v).__name__, str(v)) for v in labels]
    rank = np.empty(len(names), dtype=np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank


def _sums(
    fine: Record, who_all: np.ndarray, who: np.ndarray, day: np.ndarray, grace: int
) -> dict[str, np.ndarray]:
    past = Past(who_all, fine.day, fine.due, fine.settled)
    late, delay = _fates(fine, grace)
    values = {
        "n": np.ones(len(fine)), "late": late, "delay": delay,
        "units": fine.units.astype(np.float64),
    }  # fmt: skip
    out = past.sums(fine.settled, values, who, day)
    one = {"count": np.ones(len(fine))}
    out["issued"] = past.sums(fine.day, one, who, day)["count"]
    for name, end in (("overdue", past.due), ("lapsed", past.due + grace)):
        closed = np.maximum(end, fine.settled)
        fell, gone = (past.sums(when, one, who, day)["count"] for when in (end, closed))
        out[name] = fell - gone
    return out


def _fates(fine: Record, grace: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each invoice was settled late, and days after due; 0 where it is not settled."""
    known = fine.settled < NEVER
    late = known & (fine.settled > fine.due + grace)
    return late.astype(np.float64), np.where(known, fine.settled - fine.due, 0).astype(np.float64)


class Extras:
    """Given features: numbers as they are (missing ones flagged), levels one by one."""

    def __init__(self, features: Mapping[str, str] | Sequence[str] | None, caller: str) -> None:
        self.caller = caller
        features = () if features is None else features
        if isinstance(features, str) or not isinstance(features, Iterable):
            raise InputError(
                f"{caller}: features takes a list or a mapping, not one text; got {features!r}."
            )
        names = list(features)
        odd = [n for n in names if not isinstance(n, Hashable)]
        if odd:
            raise InputError(f"{caller}: features takes names of columns, got {odd[0]!r}.")
        dated = features if isinstance(features, Mapping) else {}
        self.dated: dict[Any, Any] = {n: dated.get(n) for n in names}
        for name, since in self.dated.items():
            if not isinstance(since, Hashable):
                raise InputError(
                    f"{caller}: features: {name!r} takes the name of a date column, got {since!r}."
                )
            if str(name).lower() in _OUTCOMES and since is None:
                raise InputError(
                    f"{caller}: feature {name!r} is known only after the invoice date; leave it "
                    f'out, or say since when: features={{"{name}": "its date column"}}.'
                )

    def fit(self, frame: pd.DataFrame, day: np.ndarray) -> Extras:
        """Learn means and levels."""
        self.numbers: dict[Any, float] = {}
        self.levels: dict[Any, list[Any]] = {}
        for name in self.dated:
            column = self._column(frame, name, day)
            if column.dtype.kind == "f":
                held = column[~np.isnan(column)]
                self.numbers[name] = float(held.mean()) if len(held) else 0.0
            else:
                counts = pd.Series(column).dropna().value_counts()
                common = counts[counts >= _FEWEST_ROWS].index.tolist()
                order = sorted(common, key=lambda v: (-int(counts[v]), str(v)))
                self.levels[name] = order[:_MOST_LEVELS]
        return self

    @property
    def width(self) -> int:
        """How many columns there are for a regression."""
        return 2 * len(self.numbers) + sum(len(v) for v in self.levels.values())

    def transform(self, frame: pd.DataFrame, day: np.ndarray) -> pd.DataFrame:
        """Columns for a regression."""
        out = {}
        for name in self.dated:
            column = self._column(frame, name, day)
            if name in self.numbers:
                if column.dtype.kind != "f":
                    raise InputError(f"{self.caller}: feature {name!r} held numbers in fit.")
                lost = np.isnan(column)
                out[str(name)] = np.where(lost, self.numbers[name], column)
                out[f"{name} missing"] = lost.astype(np.float64)
            else:
                for level in self.levels[name]:
                    out[f"{name} = {level}"] = np.asarray(column == level, dtype=np.float64)
        return pd.DataFrame(out, index=range(len(frame)))

    def _column(self, frame: pd.DataFrame, name: str, day: np.ndarray) -> np.ndarray:
        """The column; refused where it is dated later than the invoice."""
        if name not in frame.columns:
            raise InputError(f"{self.caller}: invoices has no column {name!r} (in features=).")
        series, since = frame[name], self.dated[name]
        if since is not None:
            rows = door.take(
                frame,
                caller=self.caller,
                arg="invoices",
                since=door.Date(since, missing="allow", option=""),
            )
            self._refuse_later(name, since, rows["since"], day, frame)
            series = series.where(~np.isnat(rows["since"]))
        series = door.plain_column(series, caller=self.caller)
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            when = door.as_dates(series, name=name, caller=self.caller, missing="allow")
            self._refuse_later(name, name, when, day, frame)
            ago = day - np.where(np.isnat(when), 0, when.astype("M8[D]").astype(np.int64))
            return np.where(np.isnat(when), np.nan, ago)
        if pd.api.types.is_numeric_dtype(series.dtype) and series.dtype.kind != "c":
            return self._finite(name, series.to_numpy(dtype=np.float64, na_value=np.nan), frame)
        values = series.astype(object).to_numpy()
        odd = [i for i, v in enumerate(values) if isinstance(v, complex) or not _hashable(v)]
        if odd:
            raise InputError(
                f"{self.caller}: feature {name!r} must hold numbers, dates or labels; row "
                f"{frame.index[odd[:1]].tolist()[0]!r} holds {values[odd[0]]!r}."
            )
        return values

    def _finite(self, name: Any, column: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
        at = np.flatnonzero(np.isinf(column))
        if len(at):
            raise InputError(
                f"{self.caller}: feature {name!r} is infinite in {len(at)} row(s) (row "
                f"{frame.index[at[:1]].tolist()[0]!r}); make what is not known missing."
            )
        return column

    def _refuse_later(
        self, name: str, column: str, when: np.ndarray, day: np.ndarray, frame: pd.DataFrame
    ) -> None:
        later = ~np.isnat(when) & (when.astype("M8[D]").astype(np.int64) > day)
        if later.any():
            at = np.flatnonzero(later)
            issued = day.astype("M8[D]")
            shown = "; ".join(
                f"row {frame.index[[i]].tolist()[0]!r}: {str(when[i])[:10]} after {issued[i]}"
                for i in at[:3]
            )
            raise InputError(
                f"{self.caller}: feature {name!r} is dated later than the invoice (column "
                f"{column!r}) in {len(at)} row(s) ({shown}): it was not known then. Leave it out, "
                "or give its value as of the invoice date."
            )


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
