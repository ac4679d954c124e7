"""Windows of days as regressors: a holiday, the days before it, the days after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, check_int, take
from ..engine import china_days
from ..errors import InputError
from .days import Country, calendar_year, named_days

__all__ = ["Windows", "country_windows", "merge_own", "window_table"]

_LUNAR_DEFAULT = {"spring_festival": 14}


@dataclass(frozen=True)
class Windows:
    """Columns to be: for each key the first and last days of its occurrences, ``(n, 2)``.

    ``own`` are the keys that come from the caller.
    """

    spans: dict[str, np.ndarray]
    own: list[str] = field(default_factory=list)


def country_windows(
    country: Country,
    low: int,
    high: int,
    *,
    lead: int | Mapping[str, int] | None,
    lag: int | Mapping[str, int] | None,
    caller: str,
) -> Windows:
    """Windows of a country's holidays that matter from ``low`` to ``high``."""
    before = _margins(lead, "lead", caller)
    after = _margins(lag, "lag", caller)
    if country[0] == "CN":
        first, last = calendar_year(low) - 1, calendar_year(high) + 1
        festivals = china_days.festivals(first, last)
        before = before if lead is not None else _LUNAR_DEFAULT
        after = after if lag is not None else _LUNAR_DEFAULT
    else:
        reach = max([0, *before.values(), *after.values()])
        festivals = {k: _runs(v) for k, v in named_days(country, low - reach, high + reach).items()}
    for option, given in (("lead", before), ("lag", after)):
        unknown = [key for key in given if key and key not in festivals]
        if unknown:
            known = ", ".join(festivals)
            raise InputError(f"{caller}(): {option} names {unknown[0]!r}; holidays are: {known}.")
    spans: dict[str, np.ndarray] = {}
    for key, days in festivals.items():
        _add(spans, key, days, before.get(key, before.get("", 0)), after.get(key, after.get("", 0)))
    return Windows(spans)


def _margins(value: int | Mapping[str, int] | None, name: str, caller: str) -> dict[str, int]:
    """Days by holiday; the key ``""`` stands for every holiday."""
    if value is None:
        return {}
    given = dict(value) if isinstance(value, Mapping) else {"": value}
    return {k: check_int(v, name, caller=caller, low=0, high=366) for k, v in given.items()}


def _runs(days: np.ndarray) -> np.ndarray:
    """Consecutive days as (first, last) pairs."""
    days = np.unique(days)
    breaks = np.flatnonzero(np.diff(days) > 1)
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [len(days) - 1]])
    return np.column_stack([days[starts], days[ends]])


def _add(spans: dict[str, np.ndarray], key: str, days: np.ndarray, lead: int, lag: int) -> None:
    spans[key] = days
    if lead:
        spans[f"{key}_lead"] = np.column_stack([days[:, 0] - lead, days[:, 0] - 1])
    if lag:
        spans[f"{key}_lag"] = np.column_stack([days[:, 1] + 1, days[:, 1] + lag])


def merge_own(windows: Windows, own: Any, *, taken: tuple[str, ...], caller: str) -> Windows:
    """``windows`` with the caller's events behind them."""
    if own is None:
        return windows
    if isinstance(own, pd.DataFrame) and "date" in own.columns and "start" not in own.columns:
        own = own.rename(columns={"date": "start"})  # each lasts one day
    rows = take(
        own,
        caller=caller,
        arg="own",
        empty="allow",
        name=Key("name", option=""),
        start=Date("start", option=""),
        end=Date("end", optional=True, missing="allow", option="", last=True),
        lead=Amount("lead", optional=True, low=0, whole=True),
        lag=Amount("lag", optional=True, low=0, whole=True),
    )
    start = rows.days("start")
    end = start.copy()
    if "end" in rows:
        given = ~np.isnat(rows["end"])
        end[given] = rows["end"][given].astype("datetime64[D]").astype(np.int64)
    _check_spans(rows.index, start, end, caller)
    names = rows.keys("name")
    spans: dict[str, np.ndarray] = {}
    for code, label in enumerate(names.text()):
        at = names.codes == code
        lead, lag = (_one_margin(rows, option, at, label, caller) for option in ("lead", "lag"))
        made: dict[str, np.ndarray] = {}
        _add(made, label, np.column_stack([start[at], end[at]]), lead, lag)
        clash = [k for k in made if k in windows.spans or k in taken or k in spans]
        if clash:
            raise InputError(f"{caller}(): own: the name {clash[0]!r} is taken; choose another.")
        spans |= made
    return Windows({**windows.spans, **spans}, own=list(spans))


def _check_spans(index: Any, start: np.ndarray, end: np.ndarray, caller: str) -> None:
    wrong = np.flatnonzero(end < start)
    if len(wrong):
        shown = ", ".join(repr(index[i]) for i in wrong[:3])
        raise InputError(
            f"{caller}(): own ends before it starts in {len(wrong)} row(s) (row {shown}); "
            "swap start and end."
        )


def _one_margin(rows: Any, option: str, at: np.ndarray, label: str, caller: str) -> int:
    """The lead or lag of an event: the same in all of its rows."""
    if option not in rows:
        return 0
    found = np.unique(rows[option][at])
    if len(found) > 1:
        raise InputError(
            f"{caller}(): own gives {label!r} {len(found)} different values of {option!r}; "
            "one event has one."
        )
    return int(found[0])


def window_table(windows: Windows, days: np.ndarray, *, share: bool) -> dict[str, np.ndarray]:
    """For each key the part of every day that lies in its windows; a day counts once."""
    low = int(days[0])
    out: dict[str, np.ndarray] = {}
    for key, spans in windows.spans.items():
        column = np.zeros(len(days))
        for first, last in spans:
            a, b = max(first - low, 0), min(last - low + 1, len(days))
            if a < b:
                worth = 1.0 / (last - first + 1) if share else 1.0
                column[a:b] = np.maximum(column[a:b], worth)
        out[key] = column
    return out
