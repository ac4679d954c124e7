"""Customers: who they are and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ... import segmentation
from ..._frames import Date, resolve_as_of, take
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
    lines = tables["transactions"]
    return [
        *_segments(lines, as_of, lang),
        *_stages(lines, as_of, lang),
        *_coming_back(lines, as_of, lang),
        *_value(lines, as_of, lang),
        *_together(_until(lines, as_of), lang),
    ]


def _until(lines: pd.DataFrame, as_of: Any) -> pd.DataFrame:
    """Lines up to ``as_of``, for tables that know no dates."""
    days = take(lines, caller="report", arg="transactions", date=Date("date")).days("date")
    last = resolve_as_of(as_of, days, caller="report")
    return lines[days <= (last - pd.Timestamp(0)).days]


def _segments(transactions: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    scored = segmentation.rfm(transactions, as_of=as_of, lang=lang)
    summary = segmentation.segment_summary(scored, lang=lang)
    grid = segmentation.score_grid(scored)
    top = summary.iloc[0]
    day = f"{scored['as_of'].iloc[0]:%Y-%m-%d}"
    told = {
        "en": f"{len(scored):,} customers as of {day}.",
        "zh": f"截至 {day} 共有 {len(scored):,} 家客户。",
    }
    best = {
        "en": f" The segment “{top['label']}” brings {top['amount_share']:.0%} of the amount with "
        f"{top['share']:.0%} of the customers.",
        "zh": f"“{top['label']}”占客户数的 {top['share']:.0%}，"
        f"贡献金额的 {top['amount_share']:.0%}。",
    }
    return [
        Text(told[lang] + (best[lang] if pd.notna(top["amount_share"]) else "")),
        Figure(lambda ax: plots.segment_bars(summary, ax=ax, lang=lang)),
        Table(
            summary[list(_HEADINGS[lang])],
            formats=_FORMATS,
            headings=_HEADINGS[lang],
        ),
        Figure(lambda ax: plots.rfm_heatmap(grid, ax=ax, lang=lang), size=(7.0, 4.6)),
    ]


def _stages(lines: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    """Who has fallen out of rhythm, the largest first."""
    stages = segmentation.lifecycle(lines, as_of=as_of, lang=lang)
    if stages["rhythm"].isna().all():  # nobody has bought twice
        return []
    late = stages[stages["stage"].isin(["slowing", "at_risk"])]
    if late.empty:
        nobody = {
            "en": "No customer is later than the own rhythm of buying suggests.",
            "zh": "没有客户超出自身的购买节奏。",
        }
        return [Text(nobody[lang])]
    late = late.sort_values(["amount", "customer_id"], ascending=[False, True])
    told = {
        "en": f"{len(late):,} customers are later than their own rhythm of buying suggests; the "
        "largest of them are worth a call.",
        "zh": f"{len(late):,} 家客户超出了自身的购买节奏，建议优先联系其中金额最大的客户。",
    }
    columns = {
        "en": ["Customer", "Stage", "Last order", "Days since", "Usual days", "Amount so far"],
        "zh": ["客户", "阶段", "最近下单", "距今天数", "通常间隔", "累计金额"],
    }
    names = ["customer_id", "label", "last_date", "recency", "rhythm", "amount"]
    table = Table(
        late[names],
        title={"en": "Late against their own rhythm", "zh": "超出自身购买节奏的客户"}[lang],
        formats={"recency": "int", "rhythm": "int", "amount": "money", "last_date": "date"},
        headings=dict(zip(names, columns[lang], strict=True)),
        rows=10,
    )
    return [Text(told[lang]), table]


def _coming_back(lines: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    table = segmentation.cohorts(lines, freq="Q", as_of=as_of)
    if table["age"].max() < 2:
        return []
    return [Figure(lambda ax: plots.cohort_triangle(table, ax=ax, lang=lang), size=(9.0, 4.6))]


def _value(lines: pd.DataFrame, as_of: Any, lang: str) -> list[Block]:
    whale = segmentation.whale_curve(_until(lines, as_of))
    blocks: list[Block] = []
    if whale["cumulative_share"].notna().all():  # there is a profit to have a share of
        blocks.append(Figure(lambda ax: plots.whale(whale, ax=ax, lang=lang)))
    if lines["customer_id"].nunique() < 50:  # too few to learn how customers come and go
        return blocks
    value = segmentation.clv(lines, as_of=as_of)
    top = value.sort_values(["clv", "customer_id"], ascending=[False, True])
    headings = {
        "en": ["Customer", "Still a customer", "Orders in 12 months", "Value", "from", "to"],
        "zh": ["客户", "仍活跃概率", "未来 12 个月订单", "价值", "下限", "上限"],
    }
    names = ["customer_id", "p_alive", "expected_purchases", "clv", "clv_lo", "clv_hi"]
    formats = dict.fromkeys(["clv", "clv_lo", "clv_hi"], "money")
    title = {"en": "Most valuable in the next 12 months", "zh": "未来 12 个月最有价值的客户"}
    table = Table(
        top[names],
        title=title[lang],
        formats=formats | {"p_alive": "percent", "expected_purchases": "number"},
        headings=dict(zip(names, headings[lang], strict=True)),
        rows=10,
    )
    return [*blocks, table]


def _together(lines: pd.DataFrame, lang: str) -> list[Block]:
    """Products bought together, where orders and products are known."""
    if not {"order_id", "product"} <= set(lines.columns):
        return []
    rules = segmentation.baskets(lines.dropna(subset=["order_id", "product"]))
    if rules.empty:
        return []
    headings = {
        "en": ["If bought", "then often", "Orders", "Confidence", "Lift"],
        "zh": ["购买", "常同时购买", "订单数", "置信度", "提升度"],
    }
    names = ["antecedent", "consequent", "count", "confidence", "lift"]
    return [
        Table(
            rules[names],
            title={"en": "Bought together", "zh": "关联购买"}[lang],
            formats={"confidence": "percent", "lift": "number", "count": "int"},
            headings=dict(zip(names, headings[lang], strict=True)),
            rows=8,
        )
    ]
