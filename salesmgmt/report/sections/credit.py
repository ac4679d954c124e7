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
    """What is open, how old it is, and who owes it."""
    pairs = credit.ledger(
        tables["invoices"], tables.get("payments"), tables.get("adjustments"), as_of=as_of
    )
    if not len(pairs):
        return []
    return [*_whole(pairs, lang), *_customers(pairs, lang)]


def _say(lang: str, en: str, zh: str) -> str:
    return zh if lang == "zh" else en


def _whole(pairs: pd.DataFrame, lang: str) -> list[Block]:
    ages = credit.aging(pairs, by=None)
    blocks: list[Block] = []
    for row in ages.to_dict("records"):
        money = f" {row['currency']}" if "currency" in ages else ""
        late = row["total"] - row["current"] - row["unapplied"]
        day = pd.Timestamp(row["as_of"]).date()
        blocks.append(
            Text(
                _say(
                    lang,
                    f"On {day} customers owe {row['total']:,.2f}{money}; {late:,.2f} of it is past "
                    f"due, {row['91+']:,.2f} for more than 90 days; {-row['unapplied']:,.2f} "
                    "received is not applied to any invoice.",
                    f"截至 {day},应收账款余额 {row['total']:,.2f}{money},其中逾期 {late:,.2f},"
                    f"逾期 90 天以上 {row['91+']:,.2f};未核销收款 {-row['unapplied']:,.2f}。",
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
