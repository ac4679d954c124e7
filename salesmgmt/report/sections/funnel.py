"""Funnel section: how deals move through the stages and where they stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ... import funnel
from ...plots import funnel as plots
from .._blocks import Block, Figure, Table, Text

__all__ = ["NEEDS", "TITLE", "build"]

TITLE = {"en": "Funnel and pipeline", "zh": "销售漏斗与商机"}
NEEDS: tuple[str, ...] = ()

_HEADINGS = {
    "en": {
        "stage": "Stage",
        "entered": "Reached",
        "rate": "Rate",
        "lo": "from",
        "hi": "to",
        "rate_decided": "Rate, decided",
        "overall": "Of all",
        "median_days": "Median days",
        "lost": "Lost",
        "open": "Open",
    },
    "zh": {
        "stage": "阶段",
        "entered": "到达",
        "rate": "转化率",
        "lo": "下限",
        "hi": "上限",
        "rate_decided": "已定转化率",
        "overall": "总转化率",
        "median_days": "中位天数",
        "lost": "流失",
        "open": "进行中",
    },
}
_FORMATS = {
    "entered": "int",
    "rate": "percent",
    "lo": "percent",
    "hi": "percent",
    "rate_decided": "percent",
    "overall": "percent",
    "median_days": "number",
    "lost": "int",
    "open": "int",
}


def build(tables: Mapping[str, pd.DataFrame], *, as_of: Any, lang: str) -> list[Block]:
    """Blocks of the section; none without stage events."""
    blocks: list[Block] = []
    if "stage_events" in tables:
        blocks += _conversion(tables["stage_events"], as_of, lang)
    return blocks


def _conversion(events: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    order = funnel.stage_order(events, as_of=as_of)
    steps = order.loc[order["kind"] != "lost", "stage"].tolist()
    lost = order.loc[order["kind"] == "lost", "stage"].tolist() or None
    won = order.loc[order["kind"] == "won", "stage"].tolist() or None
    if len(steps) < 2:
        return []
    out = funnel.conversion(events, steps, won=won, lost=lost, as_of=as_of)
    day = f"{out['as_of'].iloc[0]:%Y-%m-%d}"
    first, last = out.iloc[0], out.iloc[-1]
    told = {
        "en": f"As of {day}, {first.entered:,} deals came in at “{first.stage}”; "
        f"{last.entered:,} ({last.overall:.1%}) reached “{last.stage}”, "
        f"{out['open'].sum():,} are still open and do not count as lost. "
        "Intervals are Wilson's at 95 %.",
        "zh": f"截至 {day}，共有 {first.entered:,} 个商机进入“{first.stage}”，"
        f"{last.entered:,} 个（{last.overall:.1%}）到达“{last.stage}”，"
        f"{out['open'].sum():,} 个仍在进行，不计为流失。区间为 95% Wilson 区间。",
    }
    shown = out[list(_HEADINGS["en"])]
    return [
        Text(told[lang]),
        Figure(lambda ax: plots.conversion(out, ax=ax, lang=lang)),
        Table(shown, formats=_FORMATS, headings=_HEADINGS[lang]),
    ]
