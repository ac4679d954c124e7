"""What the status of a deal means: open, won or lost, in the words that CRM systems use."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ._frames import Problem, Rows, days_of

__all__ = [
    "IS_LOST",
    "IS_WON",
    "LOST",
    "OPEN",
    "WON",
    "states_of",
    "wrong_ends",
    "wrong_status",
]

OPEN, IS_WON, IS_LOST = 0, 1, 2
OPEN_NAMES = ("open", "进行中", "跟进中")
WON = (
    "won",
    "closed won",
    "closed-won",
    "closed_won",
    "closedwon",
    "赢单",
    "已赢单",
    "成交",
    "已成交",
    "赢单关闭",
    "已赢得",  # Zoho
    "已结束并赢得客户",  # Salesforce
    "成功结案",  # vtiger
)
LOST = (
    "lost",
    "closed lost",
    "closed-lost",
    "closed_lost",
    "closedlost",
    "closed lost to competition",  # Zoho
    "closed-lost to competition",
    "输单",
    "已输单",
    "丢单",
    "流失",
    "已丢单",
    "输单关闭",
    "已丢失",  # Zoho
    "已结束但客户流失",  # Salesforce
    "失败结案",  # vtiger
    "已流失",
)


def states_of(labels: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """``OPEN``, ``IS_WON`` or ``IS_LOST`` for each label (open where it says none of them, or
    is missing), and which say none of them."""
    codes, uniques = pd.factorize(labels)
    place: list[int] = []
    strange: list[bool] = []
    for label in uniques:
        text = str(label).strip().lower()
        mark = IS_WON if text in WON else IS_LOST if text in LOST else OPEN
        place.append(mark)
        strange.append(mark == OPEN and text not in OPEN_NAMES)
    known = np.append(np.asarray(place, dtype=np.int64), OPEN)
    return known[codes], np.append(np.asarray(strange, dtype=bool), False)[codes]


def wrong_status(rows: Rows, *, missing: bool = True) -> list[Problem]:
    """Rows whose status says neither open, won nor lost, or (``missing``) is missing."""
    if "status" not in rows:
        return []
    name, labels = rows.columns["status"], rows.series("status")
    remedy = "fill in 'open', 'won' or 'lost'"
    return [
        Problem(name, mask, why, remedy)
        for mask, why in (
            (labels.isna().to_numpy() & missing, "is missing"),
            (states_of(labels)[1], "must hold 'open', 'won' or 'lost', but does not"),
        )
        if mask.any()
    ]


def wrong_ends(rows: Rows, closed: np.ndarray, close: str) -> list[Problem]:
    """Deals (``closed`` says which) without a closing day, in the column of role ``close``, or
    closed before they were created."""
    name, end, born = rows.columns[close], rows[close], rows["created"]
    undated = closed & np.isnat(end)
    known = ~np.isnat(end) & ~np.isnat(born)
    early = closed & known & (days_of(end) < days_of(born))
    found = []
    if undated.any():
        found.append(
            Problem(name, undated, "is missing for won or lost deals", "fill in the closing date")
        )
    if early.any():
        found.append(Problem(name, early, "is before the creation of the deal", "mend the dates"))
    return found
