"""The targets section: the plan, or what next year could look like."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ...plots import targets as plots
from .._blocks import Block, Figure, Table, Text

TITLE = {"en": "Targets", "zh": "销售目标"}
NEEDS = ("plan",)

_TIME = {"period_start", "period_end", "target", "measure"}


def build(
    tables: Mapping[str, pd.DataFrame], *, as_of: object = None, lang: str = "en"
) -> list[Block]:
    """The plan of the user, as he gave it."""
    plan = tables["plan"].copy()
    plan["period_start"] = pd.to_datetime(plan["period_start"])
    plan["target"] = pd.to_numeric(plan["target"])
    keys = [c for c in plan.columns if c not in _TIME and plan[c].nunique() > 1]
    latest = plan[plan["period_start"].dt.year == plan["period_start"].dt.year.max()]
    total = float(latest["target"].sum())
    year = int(latest["period_start"].dt.year.iloc[0])
    words = {
        "en": f"The plan for {year} adds up to {total:,.2f}.",
        "zh": f"{year} 年计划合计 {total:,.2f}。",
    }
    by = keys[:1]
    table = latest.groupby([*by, "period_start"], as_index=False, observed=True)["target"].sum()
    sums = latest.groupby(by, as_index=False, observed=True)["target"].sum() if by else table
    title = {"en": "Plan by period", "zh": "各期计划"}[lang]
    return [
        Text(words[lang]),
        Figure(lambda ax: plots.plan_heatmap(table, ax=ax, lang=lang), title=title, size=(9, 4)),
        Table(sums, title=title, formats={"target": "money"}),
    ]
