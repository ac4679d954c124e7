"""Indicators that need more than sales: deals, activities, surveys, expenses, payments, market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._deal_states import IS_LOST, IS_WON, OPEN, states_of, wrong_ends, wrong_status
from .._frames import Amount, Date, Key, Problem, Rows, take, to_pandas, warn
from ..engine.promoters import nps_interval
from ..engine.sums import group_sums
from ..errors import InputError
from .service import is_visit

__all__ = ["Extra", "TABLES", "extra_metrics", "ratio", "take_extra"]

#: A rep's deals are said to be owned, a rep's region is the same word everywhere.
_ALSO = {"rep": ("owner",), "owner": ("rep",)}

TABLES: dict[str, dict[str, Any]] = {
    "deals": {
        "status": Key("status", option=""),
        "amount": Amount("amount", option=""),
        "created": Date("created_at", option=""),
        "date": Date("close_date", option="", missing="allow"),
    },
    "activities": {
        "date": Date("date", option=""),
        "type": Key("type", option="", optional=True, missing="allow"),
    },
    "surveys": {
        "date": Date("date", option=""),
        "csat": Amount("csat", option="", optional=True, missing="allow", low=1, high=5),
        "nps": Amount("nps", option="", optional=True, missing="allow", low=0, high=10),
    },
    "expenses": {"date": Date("date", option=""), "amount": Amount("amount", option="")},
    "payments": {"date": Date("date", option=""), "amount": Amount("amount", option="")},
    "market": {"date": Date("date", option=""), "amount": Amount("amount", option="", low=0)},
}


@dataclass
class Extra:
    """One further table: its checked rows and its key columns, named as in ``by``."""

    name: str
    rows: Rows
    keys: pd.DataFrame
    money_of_sales: frozenset[str] = frozenset()  # the currency of the sales, where they tell it
    cell: np.ndarray | None = None  # -1 outside the grid


def take_extra(name: str, frame: Any, by: list[str], *, invalid: str, caller: str) -> Extra:
    """Check one further table; its key columns are those of ``by`` (owner stands for rep)."""
    pdf = to_pandas(frame, caller=caller, arg=name)
    columns = []
    for column in by:
        known = [c for c in (column, *_ALSO.get(column, ())) if c in pdf.columns]
        if not known:
            raise InputError(
                f"{caller}(): {name} has no column {column!r} to report by; add it, or leave "
                f"{name} out of a call by {column!r}."
            )
        columns.append(known[0])
    roles: dict[str, Any] = {f"by{i}": Key(c) for i, c in enumerate(columns)}
    further = _wrong_deals if name == "deals" else None
    rows = take(
        pdf, caller=caller, arg=name, invalid=invalid, further=further, **TABLES[name], **roles
    )
    keys = rows.frame[columns].set_axis(by, axis=1).reset_index(drop=True)
    return Extra(name, rows, keys)


def _wrong_deals(rows: Rows) -> list[Problem]:
    """Deals that would be counted wrongly, or not at all."""
    closed = states_of(rows.series("status"))[0] != OPEN
    return wrong_status(rows, missing=False) + wrong_ends(rows, closed, "date")


def extra_metrics(
    extra: Extra, n: int, revenue: np.ndarray, fresh: np.ndarray
) -> dict[str, np.ndarray]:
    """Indicators of one table by cell; ``n`` cells, their revenue and new customers."""
    make: dict[str, Callable[..., dict[str, np.ndarray]]] = {
        "deals": _deals,
        "activities": _activities,
        "surveys": _surveys,
        "expenses": _expenses,
        "payments": _payments,
        "market": _market,
    }
    return make[extra.name](extra, n, revenue, fresh)


def _sum(extra: Extra, n: int, values: np.ndarray | None, where: np.ndarray) -> np.ndarray:
    assert extra.cell is not None
    at = where & (extra.cell >= 0)
    cell = extra.cell[at]
    if values is None:
        return np.bincount(cell, minlength=n).astype(np.float64)
    return group_sums(cell, values[at], n)


def _money(extra: Extra, n: int) -> np.ndarray:
    """Amounts by cell; NaN where they are of several currencies, or of another than the sales."""
    every = np.ones(len(extra.rows), dtype=bool)
    frame, keys = extra.rows.frame, extra.keys
    apart = "currency" in frame.columns and "currency" not in keys.columns
    if apart and len(extra.money_of_sales | set(map(str, frame["currency"].dropna()))) > 1:
        return np.where(_sum(extra, n, None, every) > 0, np.nan, 0.0)
    return _sum(extra, n, extra.rows["amount"], every)


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """``top / bottom``; NaN where the bottom is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _deals(e: Extra, n: int, revenue: np.ndarray, fresh: np.ndarray) -> dict[str, np.ndarray]:
    state = states_of(e.rows.series("status"))[0]
    won, lost = state == IS_WON, state == IS_LOST
    both = _sum(e, n, None, won | lost)
    count = _sum(e, n, None, won)
    closed = ~np.isnat(e.rows["date"])
    days = np.zeros(len(state))
    gap = e.rows["date"][closed].astype("datetime64[D]") - e.rows["created"][closed].astype(
        "datetime64[D]"
    )
    days[closed] = gap.astype(np.int64)
    return {
        "deals_won": count,
        "conversion_rate": ratio(count, both),
        "sales_cycle_days": ratio(_sum(e, n, days, won & closed), count),
    }


def _activities(e: Extra, n: int, revenue: np.ndarray, fresh: np.ndarray) -> dict[str, np.ndarray]:
    every = np.ones(len(e.rows), dtype=bool)
    out = {"activities": _sum(e, n, None, every)}
    if "type" in e.rows:
        kinds = e.rows.series("type")
        said = is_visit(kinds)
        if not said.any() and kinds.notna().any():
            have = ", ".join(repr(k) for k in sorted(map(str, kinds.dropna().unique()))[:8])
            warn(f"indicators(): no activity has the type 'visit', so visits are 0; there: {have}.")
        out["visits"] = _sum(e, n, None, said)
    return out


def _surveys(e: Extra, n: int, revenue: np.ndarray, fresh: np.ndarray) -> dict[str, np.ndarray]:
    out = {}
    if "csat" in e.rows:
        csat = e.rows["csat"]
        known = ~np.isnan(csat)
        out["csat"] = ratio(_sum(e, n, None, known & (csat >= 4)), _sum(e, n, None, known))
    if "nps" in e.rows:
        nps = e.rows["nps"]
        known = ~np.isnan(nps)
        parts = [_sum(e, n, None, w) for w in (known & (nps >= 9), known & (nps < 7), known)]
        out["nps"], out["nps_lo"], out["nps_hi"] = nps_interval(*parts, confidence=0.95)
    return out


def _expenses(e: Extra, n: int, revenue: np.ndarray, fresh: np.ndarray) -> dict[str, np.ndarray]:
    spent = _money(e, n)
    return {
        "expenses": spent,
        "expense_ratio": ratio(spent, revenue),
        "acquisition_cost": ratio(spent, fresh),
    }


def _payments(e: Extra, n: int, revenue: np.ndarray, fresh: np.ndarray) -> dict[str, np.ndarray]:
    paid = _money(e, n)
    return {"collected": paid, "collection_rate": ratio(paid, revenue)}


def _market(e: Extra, n: int, revenue: np.ndarray, fresh: np.ndarray) -> dict[str, np.ndarray]:
    size = _money(e, n)
    return {"market_share": ratio(revenue, size)}
