"""What a page was made from: how many rows of which table, of which time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .._frames import as_dates

__all__ = ["sources"]

# Tables of the sections: what they hold, and the columns of their first and their last day.
_TABLES = {
    "transactions": ("sales", "销售", "date", "date"),
    "plan": ("plan", "计划", "period_start", "period_end"),
    "deals": ("deals", "商机", "created_at", "created_at"),
    "stage_events": ("stage events", "阶段变更", "entered_at", "entered_at"),
    "deal_snapshots": ("deal snapshots", "商机快照", "snapshot_date", "snapshot_date"),
    "invoices": ("invoices", "发票", "invoice_date", "invoice_date"),
    "payments": ("payments", "回款", "date", "date"),
    "adjustments": ("adjustments", "调整", "date", "date"),
}


def sources(tables: Mapping[str, Any], lang: str) -> list[str]:
    """Rows and days of each table, those that come after ``as_of`` included."""
    told = []
    for name, (*words, first, last) in _TABLES.items():
        frame = tables.get(name)
        if not isinstance(frame, pd.DataFrame) or frame.empty:
            continue
        begin = as_dates(frame[first], name=first, caller="report").min()
        end = as_dates(frame[last], name=last, caller="report", last=True).max()
        days = [str(day.astype("M8[D]")) for day in (begin, end)]
        if lang == "zh":
            told.append(f"{words[1]} {len(frame):,} 行（{days[0]} 至 {days[1]}）")
        else:
            rows = "row" if len(frame) == 1 else "rows"
            told.append(f"{words[0]} {len(frame):,} {rows} ({days[0]} to {days[1]})")
    return told
