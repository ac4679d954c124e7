"""The targets section: the plan and where everybody stands; without a plan, one to start from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import pandas as pd

from ... import targets
from ..._frames import Amount, Date, one_currency, resolve_as_of, same_currency, take
from ...errors import DataWarning
from ...plots import targets as plots
from .._blocks import Block, Figure, Table, Text

TITLE = {"en": "Targets", "zh": "销售目标"}
NEEDS: tuple[str, ...] = ()
ANY = ("plan", "transactions")

#: What a measure of sales is called; targets of any other are not held against sales.
_SALES = ("销售额", "sales", "revenue", "amount")
_HEADINGS = {
    "en": {
        "target": "Target",
        "actual": "Actual",
        "attainment": "Attainment",
        "expected": "Plan to date",
        "pace": "Pace",
        "gap": "Still missing",
        "required_rate": "Needed a day",
        "projected": "Projected",
        "status": "Status",
    },
    "zh": {
        "target": "目标",
        "actual": "实际",
        "attainment": "完成率",
        "expected": "计划进度",
        "pace": "进度比",
        "gap": "差额",
        "required_rate": "每日需完成",
        "projected": "预计完成",
        "status": "状态",
    },
}
_FORMATS = {
    "target": "money",
    "actual": "money",
    "expected": "money",
    "gap": "money",
    "required_rate": "money",
    "projected": "money",
    "attainment": "percent",
    "pace": "percent",
}


def build(
    tables: Mapping[str, pd.DataFrame], *, as_of: object = None, lang: str = "en"
) -> list[Block]:
    """Blocks of the section from what tables there are."""
    sales = tables.get("transactions")
    if "plan" not in tables:
        return _proposal(sales, as_of, lang) if sales is not None else []
    one_currency(tables["plan"], (), caller="report", arg="plan")
    same_currency({"plan": tables["plan"], "transactions": sales}, (), caller="report")
    plan, measure = _sales_plan(tables["plan"])
    today = _today(sales, as_of)
    plan = _year_around(plan, today)
    fixed = ("period_start", "period_end", "target", "currency")
    keys = [c for c in plan.columns if c not in fixed]
    blocks = _overview(plan, keys, measure, lang)
    if sales is None:
        return blocks
    if measure is not None and not is_sales(pd.Series([measure])).item():
        said = {
            "en": f"The plan is one of {measure}, so sales are not held against it.",
            "zh": f"计划指标为{measure}，不与销售额对比。",
        }[lang]
        return [*blocks, Text(said)]
    return blocks + _course(plan, sales, keys, today, lang)


def is_sales(measures: pd.Series) -> pd.Series:
    """Which measures of a plan are sales, by their names."""
    return measures.astype(str).str.strip().str.lower().isin(_SALES)


def _sales_plan(plan: pd.DataFrame) -> tuple[pd.DataFrame, object]:
    """The plan of one measure (sales where there is one) with dates as dates; the measure."""
    rows = take(
        plan,
        caller="report",
        arg="plan",
        start=Date("period_start"),
        end=Date("period_end", last=True),
        target=Amount("target"),
    )
    out = rows.frame.assign(
        period_start=rows["start"], period_end=rows["end"], target=rows["target"]
    )
    chosen = None
    if "measure" in out.columns:
        own = out.loc[is_sales(out["measure"]), "measure"]
        first = own.astype(str).str.strip().str.lower().map(_SALES.index)
        chosen = out["measure"].iloc[0] if own.empty else own.iloc[int(first.to_numpy().argmin())]
        out = out[out["measure"] == chosen].drop(columns="measure")
    return out.reset_index(drop=True), chosen


def _today(sales: pd.DataFrame | None, as_of: object) -> pd.Timestamp | None:
    if as_of is not None:
        return resolve_as_of(as_of, caller="report")
    if sales is None:
        return None
    rows = take(sales, caller="report", arg="transactions", date=Date("date"))
    return resolve_as_of(None, rows.days("date"), caller="report")


def _year_around(plan: pd.DataFrame, today: pd.Timestamp | None) -> pd.DataFrame:
    """The plan's year that the day lies in, else its last.

    Calendar years where the plan begins in January or ends in December, else years that begin
    as the plan does.
    """
    months = plan["period_start"].dt.year * 12 + plan["period_start"].dt.month - 1
    whole = plan["period_end"].max().month == 12
    first = 0 if whole else int(months.min()) % 12
    years = (months - first) // 12
    at = None if today is None else (today.year * 12 + today.month - 1 - first) // 12
    wanted = at if (years == at).any() else int(years.max())
    return plan[years == wanted].reset_index(drop=True)


def _overview(plan: pd.DataFrame, keys: list[str], measure: object, lang: str) -> list[Block]:
    total = float(plan["target"].sum())
    first, last = plan["period_start"].min().date(), plan["period_end"].max().date()
    named = "" if measure is None else str(measure)
    said = {
        "en": f"The plan{f' of {named}' if named else ''} from {first} to {last} adds up to "
        f"{total:,.2f}.",
        "zh": f"{first} 至 {last} 的{named}计划合计 {total:,.2f}。",
    }[lang]
    levels = [k for k in keys if plan[k].notna().all() and 1 < plan[k].nunique() <= 40][:1]
    blocks: list[Block] = [Text(said)]
    if plan["period_start"].nunique() <= 60:
        table = targets.roll_up(plan[[*levels, "period_start", "period_end", "target"]])
        title = {"en": "Targets by period", "zh": "各期目标"}[lang]
        blocks.append(
            Figure(lambda ax: plots.plan_heatmap(table, ax=ax, lang=lang), title, _size(table))
        )
    return blocks


def _course(
    plan: pd.DataFrame, sales: pd.DataFrame, keys: list[str], today: object, lang: str
) -> list[Block]:
    """Where everybody stands, by the lowest key that transactions have."""
    shared = [k for k in keys if k in sales.columns and plan[k].notna().all()]
    if not shared:
        return []
    lowest = shared[-1]
    slim = plan[[lowest, "period_start", "period_end", "target"]]
    amounts = sales.dropna(subset=[lowest])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # sales of keys without a plan
        now = targets.track(slim, amounts, as_of=today)
    now = now.sort_values("pace", kind="stable", ignore_index=True)
    total = now[["target", "actual", "expected", "projected"]].sum()
    behind = int(now["status"].isin(["behind", "at_risk"]).sum())
    reached = total["actual"] / total["target"] if total["target"] else float("nan")
    said = {
        "en": (
            f"By {now['as_of'].iloc[0].date()} {reached:.1%} of the target is reached, where "
            f"the plan to date is {total['expected'] / total['target']:.1%}. {behind} of "
            f"{len(now)} are behind their plan to date."
        ),
        "zh": (
            f"截至 {now['as_of'].iloc[0].date()} 完成 {reached:.1%}，计划进度为 "
            f"{total['expected'] / total['target']:.1%}；{len(now)} 个中有 {behind} 个落后于进度。"
        ),
    }[lang]
    shown = now.drop(columns=["as_of", "run_rate"])
    if lang == "zh":
        shown["status"] = shown["status"].map(plots.STATUS_ZH)
    else:
        shown["status"] = shown["status"].str.replace("_", " ")
    title = {"en": "Where everybody stands", "zh": "目标完成进度"}[lang]
    size = (9.0, 1.8 + 0.24 * min(len(now), 40))
    blocks: list[Block] = [Text(said)]
    blocks.append(Figure(lambda ax: plots.pace(now.head(40), ax=ax, lang=lang), title, size))
    blocks.append(Table(shown, title, _FORMATS, _HEADINGS[lang]))
    return blocks


def _proposal(sales: pd.DataFrame, as_of: object, lang: str) -> list[Block]:
    """A first plan for the next year: last year's amount in its season, by region or rep."""
    rows = take(
        sales, caller="report", arg="transactions", date=Date("date"), amount=Amount("amount")
    )
    today = _today(sales, as_of)
    assert today is not None
    frame = rows.frame.assign(date=rows["date"], amount=rows["amount"])
    frame = frame[frame["date"] <= today]
    past = frame[frame["date"] > today - pd.DateOffset(years=1)]
    span = (frame["date"].max() - frame["date"].min()).days
    total = round(float(past["amount"].sum()), 0)
    if span < 365 or total <= 0:
        return []
    first = (today + pd.Timedelta(days=1)).replace(day=1)
    if first <= today:
        first = first + pd.DateOffset(months=1)
    last = first + pd.DateOffset(years=1) - pd.Timedelta(days=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the running month is left out of the season
        profile = targets.seasonal_profile(frame, as_of=today)
    key = next((k for k in ("region", "rep") if k in past.columns and past[k].notna().any()), None)
    weights = None
    if key is not None:
        weights = past.groupby(key)["amount"].sum().clip(lower=0)
        weights = weights if weights.sum() > 0 else None
    plan = targets.decompose(
        total, periods=(first, last, "M"), weights=weights, profile=profile, step=1
    )
    said = {
        "en": (
            f"There is no plan yet. The last twelve months' {total:,.0f}, in their own season, "
            "make this one to start from."
        ),
        "zh": f"尚未提供计划。以下以最近十二个月的 {total:,.0f} 按历史季节分解，作为起点。",
    }[lang]
    title = {"en": "A plan to start from", "zh": "起点计划"}[lang]
    draw = plan
    if key is not None and plan[key].nunique() > 40:
        draw = targets.roll_up(plan, levels=[])
    return [
        Text(said),
        Figure(lambda ax: plots.plan_heatmap(draw, ax=ax, lang=lang), title, _size(draw)),
    ]


def _size(plan: pd.DataFrame) -> tuple[float, float]:
    """A line of text for each row of the heat map."""
    rows = len(plan) / plan["period_start"].nunique()
    return 9.0, max(3.2, 1.0 + 0.18 * rows)
