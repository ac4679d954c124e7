"""Receivables and credit in the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ... import credit
from ...plots import credit as plots
from .._blocks import Block, Figure, Table, Text

__all__ = ["NEEDS", "TITLE", "build"]

TITLE = {"en": "Receivables and credit", "zh": "应收账款与信用"}
NEEDS = ("invoices",)


def build(tables: Mapping[str, pd.DataFrame], *, as_of: Any, lang: str) -> list[Block]:
    """What is open, how old it is, who owes it, how fast it comes in, who to call."""
    frames = tables["invoices"], tables.get("payments"), tables.get("adjustments")
    pairs = credit.ledger(*frames, as_of=as_of)
    if not len(pairs):
        return []
    return [
        *_whole(pairs, lang),
        *_customers(pairs, lang),
        *_speed(pairs, lang),
        *_rolls(pairs, lang),
        *_warnings(tables, frames, as_of, lang),
        *_calls(pairs, lang),
    ]


def _say(lang: str, en: str, zh: str) -> str:
    return zh if lang == "zh" else en


def _whole(pairs: pd.DataFrame, lang: str) -> list[Block]:
    ages = credit.aging(pairs, by=None)
    blocks: list[Block] = []
    for row in ages.to_dict("records"):
        money = f" {row['currency']}" if "currency" in ages else ""
        # Plus nought: what comes to nothing is not written "-0.00".
        late = round(row["total"] - row["current"] - row["unapplied"], 2) + 0.0
        free = 0.0 - row["unapplied"]
        day = pd.Timestamp(row["as_of"]).date()
        blocks.append(
            Text(
                _say(
                    lang,
                    f"On {day} customers owe {row['total']:,.2f}{money}; {late:,.2f} of it is past "
                    f"due, {row['91+']:,.2f} for more than 90 days; {free:,.2f} "
                    "received is not applied to any invoice.",
                    f"截至 {day}，应收账款余额 {row['total']:,.2f}{money}，其中逾期 {late:,.2f}，"
                    f"逾期 90 天以上 {row['91+']:,.2f}；未核销收款 {free:,.2f}。",
                )
            )
        )
    return blocks


def _customers(pairs: pd.DataFrame, lang: str) -> list[Block]:
    ages = credit.aging(pairs)
    who = ages.columns[0]
    money = [c for c in ages.columns if pd.api.types.is_float_dtype(ages[c])]
    largest = ages.sort_values(["total", who], ascending=[False, True], ignore_index=True)
    headings = {c: plots.bucket_label(c, lang) for c in money}
    headings |= {
        who: _say(lang, "customer", "客户"),
        "currency": _say(lang, "currency", "币种"),
        "total": _say(lang, "balance", "余额"),
        "unapplied": _say(lang, "unapplied", "未核销收款"),
    }
    return [
        Figure(
            lambda ax: plots.aging_stack(ages, ax=ax, lang=lang),
            _say(lang, "Open receivables by customer and age", "客户账龄分布"),
            size=(8.0, 4.6),
        ),
        Table(
            largest.drop(columns="as_of"),
            _say(lang, "Largest balances", "应收余额最大的客户"),
            formats=dict.fromkeys(money, "money"),
            headings=headings,
            rows=10,
        ),
    ]


def _speed(pairs: pd.DataFrame, lang: str) -> list[Block]:
    """DSO at month ends, from the first month with a whole quarter behind it."""
    trend = credit.delinquent_days(pairs, freq="M")
    begin = pd.Timestamp(pairs["invoice_date"].min()) + pd.Timedelta(days=90)
    trend = trend[trend["as_of"] >= begin].dropna(subset=["dso"]).reset_index(drop=True)
    if trend["as_of"].nunique() < 3:
        return []
    heading = _say(lang, "Days sales outstanding, month ends", "月末应收账款周转天数（DSO）")
    return [Figure(lambda ax: plots.dso_trend(trend, ax=ax, lang=lang), heading)]


def _rolls(pairs: pd.DataFrame, lang: str) -> list[Block]:
    """What becomes of the money of each bucket within a month, of the larger currency."""
    ends = pd.to_datetime(pairs["invoice_date"]).dropna().dt.to_period("M")
    if ends.nunique() < 3:
        return []
    rolls = credit.roll_rates(pairs)
    words = ""
    if "currency" in rolls:
        largest = rolls.groupby("currency")["amount"].sum().idxmax()
        rolls = rolls[rolls["currency"] == largest].reset_index(drop=True)
        words = _say(lang, f" ({largest})", f"（{largest}）")
    heading = _say(lang, "Where each bucket's money is a month later", "各账龄段一个月后的去向")
    return [
        Figure(lambda ax: plots.roll_rates(rolls, ax=ax, lang=lang), heading + words, (8.0, 4.2))
    ]


def _warnings(
    tables: Mapping[str, pd.DataFrame], frames: tuple[Any, ...], as_of: Any, lang: str
) -> list[Block]:
    """Customers with two signs of trouble or more; needs one currency a customer."""
    invoices = frames[0]
    if "currency" in invoices:
        several = invoices.groupby("customer_id")["currency"].nunique()
        if (several > 1).any():
            return []
    promises = tables.get("activities")
    columns = {"customer_id", "date", "promised_date", "promised_amount"}
    if promises is not None and not columns <= set(promises.columns):
        promises = None
    found = credit.early_warning(*frames, as_of=as_of, promises=promises, lang=lang)
    found = found[found["signals"] >= 2].reset_index(drop=True)
    if not len(found):
        return []
    shown = found[["customer_id", "signal", "evidence", "severity", "since"]].copy()
    if lang == "zh":
        shown["signal"] = shown["signal"].map(credit.SIGNALS)
        shown["severity"] = shown["severity"].map({"low": "低", "medium": "中", "high": "高"})
    else:
        shown["signal"] = shown["signal"].str.replace("_", " ")
    headings = {
        "customer_id": _say(lang, "customer", "客户"),
        "signal": _say(lang, "signal", "信号"),
        "evidence": _say(lang, "evidence", "依据"),
        "severity": _say(lang, "severity", "程度"),
        "since": _say(lang, "since", "起始"),
    }
    return [
        Figure(
            lambda ax: plots.warnings_timeline(found, ax=ax, lang=lang),
            _say(lang, "Customers with several signs of trouble", "出现多个预警信号的客户"),
            (8.0, 4.6),
        ),
        Table(shown, _say(lang, "The evidence", "预警依据"), headings=headings, rows=15),
    ]


def _calls(pairs: pd.DataFrame, lang: str) -> list[Block]:
    """Whom to call first."""
    work = credit.worklist(pairs, lang=lang)
    if not len(work):
        return []
    currency = [c for c in ("currency",) if c in work]
    shown = work[[work.columns[0], *currency, "overdue", "days_past_due", "expected", "action"]]
    headings = {
        work.columns[0]: _say(lang, "customer", "客户"),
        "currency": _say(lang, "currency", "币种"),
        "overdue": _say(lang, "past due", "逾期金额"),
        "days_past_due": _say(lang, "days", "逾期天数"),
        "expected": _say(lang, "expected in 30 days", "预计30天内回款"),
        "action": _say(lang, "next action", "下一步"),
    }
    return [
        Table(
            shown,
            _say(lang, "Whom to call first", "优先催收名单"),
            formats={"overdue": "money", "expected": "money", "days_past_due": "int"},
            headings=headings,
            rows=10,
        )
    ]
