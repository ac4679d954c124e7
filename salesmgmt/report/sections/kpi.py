"""KPI section: the last whole quarter (or month), by rep or region, against plan or last year."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ... import kpi
from ..._frames import (
    Amount,
    Date,
    Key,
    as_dates,
    one_currency,
    resolve_as_of,
    same_currency,
    take,
)
from ...errors import DataWarning
from ...plots import kpi as draw
from .._blocks import Block, Figure, Table, Text, column_word
from .targets import is_sales

TITLE = {"en": "Indicators and scorecard", "zh": "经营指标与绩效"}
NEEDS = ("transactions",)
_KEYS = ("rep", "region", "channel", "product_line", "product")
_SHOWN = (
    "revenue",
    "growth_yoy",
    "growth_mom",
    "orders",
    "customers",
    "new_customers",
    "average_order_value",
    "discount_rate",
    "gross_margin",
    "return_rate",
)


def build(tables: Mapping[str, pd.DataFrame], *, as_of: object, lang: str) -> list[Block]:
    """The company's indicators, then the scorecard of the first key column there is."""
    sales = tables["transactions"]
    until = resolve_as_of(as_of, caller="report") if as_of is not None else None
    company = _indicators_of(sales, freq="Q", as_of=until)
    until = company["as_of"].iloc[0]
    freq = "Q" if _whole(company, until, "Q") else "M"
    if freq == "M":
        company = _indicators_of(sales, freq="M", as_of=until)
    start = _whole(company, until, freq)
    if start is None:
        start = company["date"].iloc[-1]
    blocks: list[Block] = [_indicators(company[company["date"] == start], start, freq, lang)]
    blocks += _moved(sales, freq, start, lang)
    key = next((k for k in _KEYS if k in sales.columns and sales[k].notna().any()), None)
    if key is None:
        return blocks
    return blocks + _card(tables, key, freq, start, until, company, lang)


def _indicators_of(sales: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """Of a period that is not over the report shows nothing: no need to tell of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* is not over at ", DataWarning)
        return kpi.indicators(sales, shape="wide", **options)


def _whole(wide: pd.DataFrame, until: pd.Timestamp, freq: str) -> Any:
    """Start of the last period that is over at ``until``; None where there is none."""
    ends = pd.PeriodIndex(wide["date"], freq=freq).end_time.normalize()
    over = wide["date"][ends <= until]
    return None if over.empty else over.max()


def _name(start: pd.Timestamp, freq: str) -> str:
    return f"{start.year} Q{start.quarter}" if freq == "Q" else f"{start:%Y-%m}"


def _words(lang: str) -> dict[str, str]:
    return dict(zip(kpi.DICTIONARY["name"], kpi.DICTIONARY["中文" if lang == "zh" else "en"]))


def _indicators(row: pd.DataFrame, start: pd.Timestamp, freq: str, lang: str) -> Block:
    units = dict(zip(kpi.DICTIONARY["name"], kpi.DICTIONARY["unit"]))
    names = [m for m in _SHOWN if m in row.columns and not row[m].isna().all()]
    styles = {"share": "{:.1%}", "money": "{:,.0f}", "count": "{:,.0f}"}
    cells = [styles.get(units[m], "{:,.3g}").format(row[m].iloc[0]) for m in names]
    words = _words(lang)
    table = pd.DataFrame({"metric": [words[m] for m in names], "value": cells})
    told = ("指标", "数值") if lang == "zh" else ("Metric", "Value")
    head = dict(zip(("metric", "value"), told))
    title = "公司经营指标，" if lang == "zh" else "The company in "
    return Table(table, title + _name(start, freq), formats={"value": "text"}, headings=head)


def _moved(sales: pd.DataFrame, freq: str, start: pd.Timestamp, lang: str) -> list[Block]:
    """Bridge from the same period a year before, where products and quantities are known."""
    if not {"product", "quantity"} <= set(sales.columns):
        return []
    if sales[["product", "quantity"]].isna().any(axis=None):
        return []
    rows = take(sales, caller="report", arg="transactions", date=Date("date"))
    parts = []
    for back in (1, 0):
        period = pd.Period(start - pd.DateOffset(years=back), freq=freq)
        low, high = period.start_time.to_datetime64(), period.end_time.to_datetime64()
        parts.append(rows.frame[(rows["date"] >= low) & (rows["date"] <= high)])
    if any(part.empty for part in parts):
        return []
    moved = kpi.bridge(
        *parts, keys="product", method="price_volume_mix", price="amount", per="line", ends=True
    )
    title = "与上年同期相比的变动" if lang == "zh" else "Against the same period a year before"
    return [Figure(lambda ax: draw.bridge(moved, ax=ax, lang=lang), title=title)]


def _card(
    tables: Mapping[str, pd.DataFrame],
    key: str,
    freq: str,
    start: pd.Timestamp,
    until: pd.Timestamp,
    company: pd.DataFrame,
    lang: str,
) -> list[Block]:
    sales = tables["transactions"]
    known = sales[key].notna()
    wide = _indicators_of(sales[known], by=key, freq=freq, as_of=until)
    now = wide[wide["date"] == start].copy()
    now = now[now["revenue"] > 0]
    goals, source = _goals(tables, key, freq, start, wide)
    now["goal"] = now[key].map(goals)
    without = now[key][~(now["goal"] > 0)]
    now = now[now["goal"] > 0]
    idle = [k for k, goal in goals.items() if goal > 0 and k not in set(now[key])]
    left = _left_out(known, key, list(without), idle, source, lang)
    if now.empty:
        return [Text(left)] if left else []
    words = _words(lang)
    rates = [c for c in _RATES if c in now.columns]
    words |= {c: words[c] + ("（%）" if lang == "zh" else ", %") for c in rates}
    metrics = _metrics(now, company[company["date"] == start].iloc[0], words)
    measures = now.assign(**{c: 100.0 * now[c] for c in rates}).rename(columns=words)
    card = kpi.scorecard(measures, metrics, keys=key)
    ranks = kpi.totals(card).sort_values(["rank", key], ignore_index=True)
    text = _leader(ranks, key, source, _name(start, freq), len(metrics), lang)
    text = " ".join([text, left] if left and lang == "en" else [text + left])
    top = card[card[key].isin(ranks[key].head(8))]
    height = 1.2 + 0.24 * min(len(top), 30)
    title = ""
    if len(ranks) > 8:
        title = f"前 8 名（共 {len(ranks)}）" if lang == "zh" else f"The first 8 of {len(ranks)}"
    return [
        Text(text),
        Table(
            ranks.dropna(axis=1, how="all"),
            formats={"total": "percent", key: "text"},
            headings=_HEADS[lang],
        ),
        Figure(lambda ax: draw.scorecard(top, ax=ax, lang=lang), title=title, size=(8.0, height)),
    ]


_RATES = {"gross_margin": "higher", "discount_rate": "lower"}


def _metrics(now: pd.DataFrame, whole: pd.Series, words: dict[str, str]) -> list[kpi.Metric]:
    """Revenue against the goal; rates against the company's own, where all have them."""
    out = [kpi.Metric(words["revenue"], target="goal", cap=1.5)]
    for name, direction in _RATES.items():
        if name in now.columns and whole[name] > 0 and now[name].notna().all():
            target = 100.0 * float(whole[name])
            metric = kpi.Metric(words[name], direction=direction, target=target, floor=0, cap=1.5)
            out.append(metric)
    return out


_HEADS = {
    "en": {"total": "total", "rank": "rank", "rank_lo": "best rank", "rank_hi": "worst rank",
           "grade": "grade"},
    "zh": {"total": "总分", "rank": "名次", "rank_lo": "最高名次", "rank_hi": "最低名次",
           "grade": "等级"},
}  # fmt: skip


_COMPARED = {
    "plan": ("the plan", "计划目标"),
    "year": ("the same period a year before", "上年同期"),
}


def _leader(
    ranks: pd.DataFrame, key: str, source: str, period: str, metrics: int, lang: str
) -> str:
    """What was compared with what, and who came first."""
    en, zh = _COMPARED[source]
    first = ranks[ranks["rank"] == 1]
    names, total = _few(list(first[key]), lang), first["total"].iloc[0]
    if lang == "zh":
        rest = "，其余指标对比公司平均，权重相等" if metrics > 1 else ""
        return (
            f"{period} 按{column_word(key, lang)}计分：销售额对比{zh}{rest}，每项最多计 150%；"
            f"总分最高为 {names}（{total:.0%}）。"
        )
    rest = ", the rest against the company's own rate, all weighing the same" if metrics > 1 else ""
    lead = f"{names} leads" if len(first) == 1 else f"{names} lead"
    return (
        f"{period} by {key}: revenue against {en}{rest}; each counts 150% at most; "
        f"{lead} with {total:.0%}."
    )


def _left_out(
    known: pd.Series, key: str, without: list[Any], idle: list[Any], source: str, lang: str
) -> str:
    """Rows that name nobody, who has nothing to be compared with, and who sold nothing."""
    en, zh = _COMPARED[source]
    lost, rows = int((~known).sum()), len(known)
    told = []
    if lost:
        word = column_word(key, lang)
        told.append(
            f"{rows:,} 行中有 {lost:,} 行没有{word}，未计入。" if lang == "zh"
            else f"{lost:,} of {rows:,} rows without {key} are left out."
        )  # fmt: skip
    if without:
        told.append(
            f"未计分：{_few(without, lang)}（没有可比的{zh}）。" if lang == "zh"
            else f"No score, as {en} has nothing to compare with: {_few(without, lang)}."
        )  # fmt: skip
    if idle:
        told.append(
            f"未计分：{_few(idle, lang)}（{zh}中有，本期没有销售额）。" if lang == "zh"
            else f"No score, as nothing was sold (but {en} has them): {_few(idle, lang)}."
        )  # fmt: skip
    return ("" if lang == "zh" else " ").join(told)


def _few(names: list[Any], lang: str) -> str:
    """Three names, and how many there are."""
    first = ("、" if lang == "zh" else ", ").join(str(k) for k in names[:3])
    if len(names) <= 3:
        return first
    return first + (f"等 {len(names)} 个" if lang == "zh" else f" and {len(names) - 3} more")


def _goals(
    tables: Mapping[str, pd.DataFrame], key: str, freq: str, start: pd.Timestamp, wide: pd.DataFrame
) -> tuple[pd.Series, str]:
    """Target of each key in the period: the plan's, else last year's revenue."""
    plan = tables.get("plan")
    if plan is not None and key in plan.columns:
        one_currency(plan, (), caller="report", arg="plan")
        same_currency({"plan": plan, "transactions": tables["transactions"]}, (), caller="report")
        end = pd.Period(start, freq=freq).end_time.normalize()
        rows = take(
            plan,
            caller="report",
            arg="plan",
            key=Key(key, missing="allow"),
            start=Date("period_start"),
            end=Date("period_end", last=True),
            target=Amount("target"),
        )
        inside = (
            as_dates(rows.frame["period_start"], name="period_start", caller="report")
            >= start.to_datetime64()
        ) & (rows["end"] <= end.to_datetime64())
        chosen = pd.DataFrame({key: rows.series("key").to_numpy(), "target": rows["target"]})[
            inside
        ]
        if "measure" in plan.columns:
            money = is_sales(rows.frame["measure"]).to_numpy()
            chosen = chosen[money[inside]]
        if len(chosen):
            return chosen.groupby(key)["target"].sum(), "plan"
    before = wide[wide["date"] == start - pd.DateOffset(years=1)]
    return before.set_index(key)["revenue"], "year"
