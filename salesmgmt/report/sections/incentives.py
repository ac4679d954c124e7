"""Incentives section: what a plain plan would have paid in the last whole quarter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ... import incentives
from ..._frames import Date, resolve_as_of, take, to_pandas
from ...plots import incentives as draw
from .._blocks import Block, Figure, Table, Text
from .targets import is_sales

TITLE = {"en": "Incentives", "zh": "销售激励"}
NEEDS = ("transactions", "plan")

#: A plan to show the desk by: 2 % of sales, 3 % beyond the target, 4 % beyond 120 % of it.
#: Rounded once a payee, so that a reader finds each amount again from sales and target.
_PLAN = incentives.CommissionPlan(
    [(0, 0.02), (1.0, 0.03), (1.2, 0.04)], clawback="carry", round_at="period"
)


def build(tables: Mapping[str, pd.DataFrame], *, as_of: object, lang: str) -> list[Block]:
    """Pay by rep over the periods that the plan covers, its curve and how evenly it falls."""
    sales = to_pandas(tables["transactions"], caller="report", arg="transactions")
    plan = to_pandas(tables["plan"], caller="report", arg="plan")
    if "rep" not in sales.columns or "rep" not in plan.columns:
        return []
    dated = take(sales, caller="report", arg="transactions", date=Date("date"))
    last = resolve_as_of(as_of, dated.days("date"), caller="report")
    quarter = pd.Period(last, freq="Q")
    if quarter.end_time.normalize() > last:
        quarter = quarter - 1
    goals = _inside(plan, "period_start", "period_end", quarter)
    sold = _inside(sales, "date", "date", quarter)
    goals = _money(goals[goals["rep"].notna()])
    aimed = sold["rep"].isin(goals["rep"])
    rest, sold = sold[~aimed], sold[aimed]
    if goals.empty or sold.empty:
        return []
    paid = incentives.payout(sold, _PLAN, by="rep", targets=goals, freq="Q")
    return [*_blocks(paid, quarter, lang), *_beside(rest, lang)]


def _inside(frame: pd.DataFrame, start: str, end: str, quarter: pd.Period) -> pd.DataFrame:
    rows = take(frame, caller="report", arg="table", start=Date(start), end=Date(end))
    low, high = quarter.start_time.to_datetime64(), quarter.end_time.to_datetime64()
    return rows.frame[(rows["start"] >= low) & (rows["end"] <= high)]


def _money(goals: pd.DataFrame) -> pd.DataFrame:
    """The sales targets among several measures, positive ones."""
    if "measure" in goals.columns:
        goals = goals[is_sales(goals["measure"])]
    goals = goals[pd.to_numeric(goals["target"], errors="coerce") > 0]
    return goals[["rep", "period_start", "period_end", "target"]]


def _blocks(paid: pd.DataFrame, quarter: pd.Period, lang: str) -> list[Block]:
    zh = lang == "zh"
    fair = incentives.fairness(paid).set_index("metric")["value"]
    total, sold = float(paid["payout"].sum()), float(paid["amount"].sum())
    told = _told(total, sold, fair, zh)
    if zh:
        text = (
            f"{quarter} 按示例方案计算（销售额的 2%，超目标部分 3%，超 120% 部分 4%）："
            f"{len(paid)} 人共 {total:,.0f}" + "；".join(["", *told]) + "。"
        )
        heads = {
            "rep": "业务员",
            "amount": "销售额",
            "target": "目标",
            "attainment": "完成率",
            "payout": "提成",
        }
    else:
        text = (
            f"{quarter} under an example plan (2 % of sales, 3 % beyond the target, 4 % beyond "
            f"120 % of it): {total:,.0f} to {len(paid)} reps" + "; ".join(["", *told]) + "."
        )
        heads = {c: c.capitalize() for c in ("amount", "target", "attainment", "payout")}
    shown = paid.sort_values(["payout", "rep"], ascending=[False, True], ignore_index=True)
    table = shown[["rep", "amount", "target", "attainment", "payout"]]
    formats = {"amount": "money", "target": "money", "attainment": "percent", "payout": "money"}
    return [Text(text), Table(table, formats=formats, headings=heads), _figure(paid, lang)]


def _beside(rest: pd.DataFrame, lang: str) -> list[Block]:
    """Sales of the quarter that are nobody's who has a target."""
    if rest.empty:
        return []
    money = f"{pd.to_numeric(rest['amount'], errors='coerce').sum():,.2f}"
    if lang == "zh":
        return [Text(f"本季另有销售额 {money}（{len(rest):,} 行）不属于有目标的业务员，未计提成。")]
    told = f"{money} of the quarter's sales ({len(rest):,} rows) belong to no rep with a target"
    return [Text(told + " and are not paid.")]


def _told(total: float, sold: float, fair: pd.Series, zh: bool) -> list[str]:
    """Share of sales and fairness in words; what few payees or no sales leave open is left out."""
    out = []
    if sold > 0:
        share = f"{total / sold:.1%}"
        out.append(f"占其销售额 {share}" if zh else f"{share} of their sales")
    for name, en, cn in (
        ("gini", "Gini", "基尼系数"),
        ("rank_correlation", "rank correlation of pay with attainment", "提成与完成率的等级相关"),
    ):
        if not pd.isna(fair[name]):
            out.append(f"{cn if zh else en} {fair[name]:.2f}")
    return out


def _figure(paid: pd.DataFrame, lang: str) -> Figure:
    target = float(paid["target"].median())
    curve = incentives.pay_curve(_PLAN, target=target, upto=2 * target)
    # Targets differ: the curve is that of the median one, people keep their own attainment.
    scaled: Any = paid.assign(payout=paid["payout"] / paid["target"] * target)
    title = "以目标中位数为尺度的提成曲线" if lang == "zh" else "Pay at the median target"
    return Figure(lambda ax: draw.pay_curve(curve, ax=ax, lang=lang, payouts=scaled), title=title)
