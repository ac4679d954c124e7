"""Customers: who they are and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ... import segmentation
from ...plots import segmentation as plots
from .._blocks import Block, Figure, Table, Text

__all__ = ["NEEDS", "TITLE", "build"]

TITLE = {"en": "Customers", "zh": "客户"}
NEEDS = ("transactions",)

_HEADINGS = {
    "en": {
        "label": "Segment",
        "customers": "Customers",
        "share": "Share",
        "amount": "Amount",
        "amount_share": "Share of amount",
        "recency": "Days since last",
        "frequency": "Orders",
        "action": "What to do",
    },
    "zh": {
        "label": "分群",
        "customers": "客户数",
        "share": "占比",
        "amount": "金额",
        "amount_share": "金额占比",
        "recency": "距上次天数",
        "frequency": "订单数",
        "action": "建议动作",
    },
}
_FORMATS = {
    "customers": "int",
    "share": "percent",
    "amount": "money",
    "amount_share": "percent",
    "recency": "number",
    "frequency": "number",
}


def build(tables: Mapping[str, pd.DataFrame], *, as_of: Any, lang: str) -> list[Block]:
    """Blocks of the section."""
    return _segments(tables["transactions"], as_of, lang)


def _segments(transactions: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    scored = segmentation.rfm(transactions, as_of=as_of, lang=lang)
    summary = segmentation.segment_summary(scored, lang=lang)
    grid = segmentation.score_grid(scored)
    top = summary.iloc[0]
    day = f"{scored['as_of'].iloc[0]:%Y-%m-%d}"
    told = {
        "en": f"{len(scored):,} customers as of {day}. The segment “{top['label']}” brings "
        f"{top['amount_share']:.0%} of the amount with {top['share']:.0%} of the customers.",
        "zh": f"截至 {day} 共有 {len(scored):,} 家客户。“{top['label']}”占客户数的 "
        f"{top['share']:.0%}，贡献金额的 {top['amount_share']:.0%}。",
    }
    return [
        Text(told[lang]),
        Figure(lambda ax: plots.segment_bars(summary, ax=ax, lang=lang)),
        Table(
            summary[list(_HEADINGS[lang])],
            formats=_FORMATS,
            headings=_HEADINGS[lang],
        ),
        Figure(lambda ax: plots.rfm_heatmap(grid, ax=ax, lang=lang), size=(7.0, 4.6)),
    ]
