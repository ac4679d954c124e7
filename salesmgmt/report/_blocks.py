"""What a section is made of: sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

__all__ = ["Block", "Figure", "Section", "Table", "Text", "column_word"]

# Canonical columns that a table or a sentence may be divided by.
_WORDS = {
    "region": ("Region", "大区"),
    "team": ("Team", "团队"),
    "rep": ("Rep", "业务员"),
    "owner": ("Owner", "负责人"),
    "channel": ("Channel", "渠道"),
    "source": ("Source", "来源"),
    "product": ("Product", "产品"),
    "product_line": ("Product line", "产品线"),
    "customer_id": ("Customer", "客户"),
    "currency": ("Currency", "币种"),
}


def column_word(name: object, lang: str) -> str:
    """What a key column is called on the page; names that are the user's own stay."""
    own = str(name)
    return _WORDS.get(own, (own, own))[lang == "zh"]


@dataclass(frozen=True)
class Text:
    """A paragraph; numbers in it are already formatted."""

    text: str


@dataclass(frozen=True)
class Table:
    """A frame to show, with a heading and how to write each column.

    ``formats``: column to ``"money"``, ``"int"``, ``"percent"``, ``"number"``, ``"p"``, ``"date"``
    or ``"text"``; columns not named are written by their dtype. ``headings``: column to the words
    shown (canonical keys that are not named have theirs). ``rows``: at most so many are shown, and
    how many were left out is said.
    """

    frame: pd.DataFrame
    title: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    headings: Mapping[str, str] = field(default_factory=dict)
    rows: int = 20


@dataclass(frozen=True)
class Figure:
    """A picture: ``draw(ax)`` is called with fresh Axes of ``size`` inches."""

    draw: Callable[[Any], Any]
    title: str = ""
    size: tuple[float, float] = (8.0, 3.8)


Block = Text | Table | Figure


@dataclass(frozen=True)
class Section:
    """One desk's part of the page."""

    key: str
    title: str
    blocks: list[Block]
