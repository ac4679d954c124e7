"""Funnel section: how deals move through the stages and where they stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ... import funnel
from ..._frames import as_dates, days_of
from ...plots import funnel as plots
from .._blocks import Block, Figure, Table, Text, column_word

__all__ = ["ANY", "NEEDS", "TITLE", "build"]

TITLE = {"en": "Funnel and pipeline", "zh": "销售漏斗与商机"}
NEEDS: tuple[str, ...] = ()
ANY = ("stage_events", "deals", "deal_snapshots")

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
    """Blocks of the section: the funnel from stage events, the pipeline from deals."""
    blocks: list[Block] = []
    if "stage_events" in tables:
        blocks += _conversion(tables["stage_events"], as_of, lang)
        blocks += _stays(tables["stage_events"], as_of, lang)
    if "deals" in tables and "close_date" not in tables["deals"].columns:
        told = {
            "en": "The deals have no column close_date, so pipeline and bookings are left out.",
            "zh": "商机表没有 close_date（结案日期）列，未给出商机管道与签约预测。",
        }
        blocks.append(Text(told[lang]))
    elif "deals" in tables:
        blocks += _pipeline(tables["deals"], tables.get("stage_events"), as_of, lang)
    if "deal_snapshots" in tables:
        blocks += _moved(tables["deal_snapshots"], as_of, lang)
    return blocks


def _conversion(events: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    steps, won, lost = _stages(events, as_of)
    if len(steps) < 2:
        return []
    out = funnel.conversion(events, steps, won=won, lost=lost, as_of=as_of)
    day = f"{out['as_of'].iloc[0]:%Y-%m-%d}"
    first, last = out.iloc[0], out.iloc[-1]
    jumped = int((out["went_on"] - out["entered"].shift(-1)).iloc[:-1].sum())
    more = {
        "en": f"{jumped:,} more were won without entering every stage, ",
        "zh": f"另有 {jumped:,} 个跳过中间阶段赢单，",
    }[lang]
    more = more if jumped else ""
    told = {
        "en": f"As of {day}, {first.entered:,} deals came in at “{first.stage}”; "
        f"{last.entered:,} ({last.overall:.1%}) reached “{last.stage}”, {more}"
        f"{out['open'].sum():,} are still open and do not count as lost. "
        "Intervals are Wilson's at 95 %.",
        "zh": f"截至 {day}，共有 {first.entered:,} 个商机进入“{first.stage}”，"
        f"{last.entered:,} 个（{last.overall:.1%}）到达“{last.stage}”，{more}"
        f"{out['open'].sum():,} 个仍在进行，不计为流失。区间为 95% Wilson 区间。",
    }
    shown = out[list(_HEADINGS["en"])]
    return [
        Text(told[lang]),
        Figure(lambda ax: plots.conversion(out, ax=ax, lang=lang)),
        Table(shown, formats=_FORMATS, headings=_HEADINGS[lang]),
    ]


def _stages(events: pd.DataFrame, as_of: Any) -> tuple[list[Any], Any, Any]:
    """Steps in order, and the stages that close a deal."""
    order = funnel.stage_order(events, as_of=as_of)
    kinds = {k: order.loc[order["kind"] == k, "stage"].tolist() for k in ("open", "won", "lost")}
    return kinds["open"] + kinds["won"], kinds["won"] or None, kinds["lost"] or None


def _stays(events: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    """Days in each stage, moves between them, and where mending would pay."""
    stays = funnel.dwell(events, as_of=as_of)
    moved = funnel.transitions(events, as_of=as_of)
    blocks: list[Block] = []
    if len(stays):
        blocks.append(Figure(lambda ax: plots.dwell(stays, ax=ax, lang=lang)))
    if len(moved):
        blocks.append(Figure(lambda ax: plots.moves(moved, ax=ax, lang=lang), size=(8.0, 4.2)))
    steps, won, lost = _stages(events, as_of)
    by = next((c for c in ("region", "source", "team") if c in events.columns), None)
    if by is None or lost is None or len(steps) < 2 or events[by].isna().any():
        return blocks
    found = funnel.bottlenecks(events, steps, by=by, won=won, lost=lost, as_of=as_of)
    found = found[(found["p_corrected"] < 0.05) & (found["gain"] > 0)].head(5)
    if found.empty:
        return blocks
    words = {
        "en": [column_word(by, lang), "Stage", "Rate", "Elsewhere", "Wins lost to it", "p (Holm)"],
        "zh": [column_word(by, lang), "阶段", "转化率", "其他组", "少赢单数", "p（Holm）"],
    }[lang]
    shown = found[[by, "stage", "rate", "benchmark", "gain", "p_corrected"]]
    formats = {
        "rate": "percent",
        "benchmark": "percent",
        "gain": "number",
        "p_corrected": "p",
    }
    title = {"en": "Where mending would pay", "zh": "最值得改进的环节"}[lang]
    head = dict(zip(shown.columns, words, strict=True))
    return [*blocks, Table(shown, title, formats=formats, headings=head)]


def _pipeline(
    deals: pd.DataFrame, events: pd.DataFrame | None, as_of: Any, lang: str
) -> list[Block]:
    """Open deals by stage, how deals end, and the bookings of the next three months."""
    table = funnel.pipeline(deals, as_of=as_of)
    if events is not None:  # in the order of the funnel above
        place = {stage: i for i, stage in enumerate(_stages(events, as_of)[0])}
        table = table.sort_values(
            "stage", key=lambda s: s.map(place).astype(float), kind="stable", ignore_index=True
        )
    ends = funnel.outcomes(deals, as_of=as_of)
    words = {
        "en": ["Stage", "Deals", "Amount", "Overdue", "Median age, days"],
        "zh": ["阶段", "商机数", "金额", "逾期商机", "中位天数"],
    }[lang]
    shown = table[["stage", "deals", "amount", "overdue", "median_age"]]
    formats = {"deals": "int", "amount": "money", "overdue": "int", "median_age": "number"}
    title = {"en": "Open pipeline", "zh": "在途商机"}[lang]
    blocks: list[Block] = []
    if len(shown):
        head = dict(zip(shown.columns, words, strict=True))
        blocks.append(Table(shown, title, formats=formats, headings=head))
    if ends["won"].max() + ends["lost"].max() == 0:
        return blocks
    coming = funnel.bookings(deals, horizon=3, as_of=as_of)
    first = coming.iloc[0]
    told = {
        "en": f"From {first.date:%Y-%m-%d} to {coming['until'].iloc[-1]:%Y-%m-%d}, "
        f"{coming['expected'].sum():,.0f} is expected to be won, "
        f"{coming['existing'].sum():,.0f} of it from deals that are open now. The band is to hold "
        "four times in five; past errors of the same forecast set its width.",
        "zh": f"{first.date:%Y-%m-%d} 至 {coming['until'].iloc[-1]:%Y-%m-%d} 预计赢单 "
        f"{coming['expected'].sum():,.0f}，其中现有商机 {coming['existing'].sum():,.0f}。"
        "区间宽度取自同一预测的历史误差，目标覆盖率为 80%。",
    }
    return [
        *blocks,
        Figure(lambda ax: plots.outcomes(ends, ax=ax, lang=lang)),
        Text(told[lang]),
        Figure(lambda ax: plots.bookings(coming, ax=ax, lang=lang)),
    ]


def _moved(snapshots: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    """The waterfall between the last two snapshots that are known."""
    if "snapshot_date" not in snapshots.columns:
        return []
    seen = as_dates(snapshots["snapshot_date"], name="snapshot_date", caller="report")
    day = days_of(seen)
    days = np.unique(day)
    if as_of is not None:
        days = days[days <= days_of(as_dates([as_of], name="as_of", caller="report", last=True))]
    days = days[-2:]
    if len(days) < 2:
        return []
    before, after = (snapshots[day == d] for d in days)
    out = funnel.waterfall(before, after)
    first, end = (f"{np.datetime64(int(d), 'D')}" for d in days)
    told = {
        "en": f"What moved the open pipeline between the snapshots of {first} and {end}:",
        "zh": f"{first} 与 {end} 两次快照之间在途商机金额的变动：",
    }
    return [Text(told[lang]), Figure(lambda ax: plots.waterfall(out, ax=ax, lang=lang))]
