"""One HTML page from a company's tables: no network, no scripts, one file.

The page knows the order of the story; every number on it comes from a desk, every picture
from ``salesmgmt.plots``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from .._frames import TABLES, check_choice, check_lang, take
from ..errors import InputError
from . import sections as _sections
from ._blocks import Section
from ._page import render
from ._sources import sources

__all__ = ["build"]

_ORDER = ("targets", "forecast", "funnel", "segmentation", "kpi", "incentives", "credit")


def build(
    tables: Mapping[str, pd.DataFrame],
    *,
    as_of: object = None,
    lang: str = "en",
    invalid: str = "raise",
    progress: Callable[[str], None] | None = None,
) -> str:
    """The report as one self-contained HTML page.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Canonical tables by name; sections whose tables are not there are left out.
    as_of : date, optional
        The day the report is made for; None: each desk takes the last date in its data.
    lang : {"en", "zh"}
        Language of headings, labels and sentences.
    invalid : {"raise", "drop"}
        Rows that cannot be used (missing id, unreadable date, no finite amount): an error, or
        left out with a ``DataWarning`` that counts them.
    progress : callable, optional
        Called with the name of each section before it is made.

    Returns
    -------
    str
        The page.

    Raises
    ------
    InputError
        A table cannot be used, or no section can be made from the tables given.

    Examples
    --------
    >>> from salesmgmt import load_sample, report
    >>> page = report.build({"stage_events": load_sample("stage_events")})
    >>> page.startswith("<!doctype html>")
    True
    """
    check_lang(lang, caller="report")
    check_choice(invalid, "invalid", ("raise", "drop"), caller="report")
    tables = {name: _usable(frame, name, invalid) for name, frame in tables.items()}
    made: list[Section] = []
    for key in _rooms():
        room = importlib.import_module(f"{_sections.__name__}.{key}")
        if not _can_be_made(room, tables):
            continue
        if progress is not None:
            progress(key)
        blocks = room.build(tables, as_of=as_of, lang=lang)
        if blocks:
            made.append(Section(key, room.TITLE[lang], blocks))
    if not made:
        have = ", ".join(sorted(tables)) or "none"
        raise InputError(
            f"report(): no section can be made from these tables: {have}; give transactions, "
            "deals, stage events, invoices or a plan."
        )
    return render(made, as_of=as_of, lang=lang, data=sources(tables, lang))


def _can_be_made(room: Any, tables: Mapping[str, Any]) -> bool:
    """Whether all tables that a section needs are there, and one of those it tells of."""
    some = getattr(room, "ANY", None)
    return set(room.NEEDS) <= set(tables) and (some is None or not set(some).isdisjoint(tables))


def _usable(frame: pd.DataFrame, table: str, invalid: str) -> pd.DataFrame:
    """The rows of a canonical table that every desk can use; all its problems told at once."""
    if table not in TABLES or (isinstance(frame, pd.DataFrame) and frame.empty):
        return frame
    roles: dict[str, Any] = {k: replace(r, option="") for k, r in TABLES[table].items()}
    return take(frame, caller="report", arg=table, invalid=invalid, **roles).frame


def _rooms() -> list[str]:
    found = {m.name for m in pkgutil.iter_modules(_sections.__path__)}
    return [k for k in _ORDER if k in found] + sorted(found.difference(_ORDER))
