"""What the coming weeks bring in, in the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ... import credit
from ...errors import InputError
from ...plots import credit_models as plots
from .._blocks import Block, Figure, Table, Text

__all__ = ["NEEDS", "TITLE", "build"]

TITLE = {"en": "Cash outlook", "zh": "回款预测"}
NEEDS = ("invoices", "payments")

_WEEKS, _PAST = 8, 13


def build(tables: Mapping[str, pd.DataFrame], *, as_of: Any, lang: str) -> list[Block]:
    """Expected cash of open invoices by week, and how such forecasts did before."""
    frames = tables["invoices"], tables["payments"], tables.get("adjustments")
    try:
        coming = credit.cash_forecast(*frames, as_of=as_of, horizon=_WEEKS)
    except InputError as problem:
        words = "No cash forecast: {}", "无法预测回款：{}"
        return [Text(words[lang == "zh"].format(problem))]
    before = dict(_by_currency(_past(frames, as_of)))
    blocks: list[Block] = []
    for name, part in _by_currency(coming):
        blocks += _outlook(part, name, lang)
        blocks += _record(before.get(name), lang)
    return blocks


def _by_currency(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if "currency" not in frame:
        return [("", frame)]
    groups = [(str(k), g.reset_index(drop=True)) for k, g in frame.groupby("currency", sort=True)]
    return [(k, g) for k, g in groups if (g["expected"] > 0).any()]


def _outlook(part: pd.DataFrame, currency: str, lang: str) -> list[Block]:
    money = f" {currency}" if currency else ""
    total, first = part["expected"].sum(), part.iloc[0]
    text = (
        f"Open invoices should bring {total:,.0f}{money} in the next {len(part)} weeks, "
        f"{first['expected']:,.0f} of it in the first (between {first['p10']:,.0f} and "
        f"{first['p90']:,.0f} in eight cases of ten).",
        f"未来 {len(part)} 周现有应收账款预计回款 {total:,.0f}{money}，其中第一周 "
        f"{first['expected']:,.0f}（八成可能在 {first['p10']:,.0f} 至 {first['p90']:,.0f} 之间）。",
    )
    columns = ["period_end", "expected", "p10", "p90", "due"]
    headings = dict(
        zip(
            columns,
            ["week ending", "expected", "low (10 %)", "high (90 %)", "falls due"]
            if lang == "en"
            else ["周末", "预计回款", "下限（10%）", "上限（90%）", "当周到期"],
            strict=True,
        )
    )
    return [
        Text(text[lang == "zh"]),
        Figure(lambda ax: plots.cash_fan(part, ax=ax, lang=lang)),
        Table(
            part[columns],
            formats={c: "date" if c == "period_end" else "money" for c in columns},
            headings=headings,
        ),
    ]


def _past(frames: tuple[Any, Any, Any], as_of: Any) -> pd.DataFrame:
    try:
        return credit.cash_backtest(*frames, as_of=as_of, horizon=4, origins=_PAST)
    except InputError:  # too short a history to look back on: nothing is said of it
        return pd.DataFrame({"expected": pd.Series(dtype=float)})


def _record(past: pd.DataFrame | None, lang: str) -> list[Block]:
    """How far off the same forecast was before, beside everybody paying on the due date."""
    if past is None or "actual" not in past or not past["actual"].sum() > 0:
        return []
    total = past["actual"].sum()
    off = [float((past[c] - past["actual"]).abs().sum() / total) for c in ("expected", "due")]
    inside = float(((past["actual"] >= past["p10"]) & (past["actual"] <= past["p90"])).mean())
    n = past["origin"].nunique()
    text = (
        f"Looking back at {n} weekly forecasts, four weeks each: off by {off[0]:.0%} of the cash "
        f"({off[1]:.0%} if all paid on the due date); {inside:.0%} of weeks fell into the band.",
        f"回看 {n} 次周度预测（各四周）：偏差为回款额的 {off[0]:.0%}"
        f"（按到期日推算为 {off[1]:.0%}），{inside:.0%} 的周落在区间内。",
    )
    return [Text(text[lang == "zh"])]
