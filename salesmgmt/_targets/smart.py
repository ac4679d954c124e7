"""Is a plan SMART: specific, measurable, achievable, relevant, time-bound?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    check_labels,
    check_lang,
    check_number,
    days_of,
    one_currency,
    same_currency,
    take,
    to_pandas,
)
from ..errors import InputError
from .odds import attainment_probability
from .organisation import PlanColumns, lookup
from .spans import stamps

__all__ = ["check_smart"]

_CRITERIA = ("specific", "measurable", "achievable", "relevant", "time_bound")


def check_smart(
    plan: pd.DataFrame,
    history: pd.DataFrame,
    *,
    samples: pd.DataFrame | None = None,
    owners: Mapping[Any, Any] | pd.Series | None = None,
    strategy: Mapping[Any, Any] | Sequence[Any] | None = None,
    max_growth: float = 0.3,
    likely: tuple[float, float] = (0.1, 0.9),
    lang: str = "en",
    date: str = "date",
    amount: str = "amount",
    period_start: str = "period_start",
    period_end: str = "period_end",
    target: str = "target",
    measure: str = "measure",
) -> pd.DataFrame:
    """Check a plan against the five SMART criteria, with the evidence for each.

    Parameters
    ----------
    plan : DataFrame
        Key columns, ``period_start``, ``period_end``, ``target`` (and ``measure``).
    history : DataFrame
        Earlier results: some of the plan's key columns, ``date``, ``amount`` (and ``measure``,
        whose other measures do not count).
    samples : DataFrame, optional
        Draws of what may come; achievable is then judged by probability.
    owners : dict or Series, optional
        Who answers for each lowest key. Default: the key itself counts as owner.
    strategy : dict or list, optional
        Measures (or lowest keys, where the plan has no measure) that the strategy names, with
        the goal each serves; without it relevance is not judged.
    max_growth : float, default=0.3
        Growth over the same span of the year before that counts as achievable without draws.
    likely : (float, float), default=(0.1, 0.9)
        Range of probabilities of the whole plan that counts as achievable and not too easy.
    lang : {"en", "zh"}, default="en"
        Language of the evidence.
    date, amount : str, default="date", "amount"
        Columns of the history.
    period_start, period_end, target, measure : str
        Columns of ``plan``.

    Returns
    -------
    DataFrame
        Five rows: ``criterion`` (``specific``, ``measurable``, ``achievable``, ``relevant``,
        ``time_bound``), ``passed`` (boolean; missing where it could not be judged),
        ``evidence``.

    Raises
    ------
    InputError
        A column of the plan or the history is missing or cannot be used.

    References
    ----------
    .. [1] G. T. Doran, "There's a S.M.A.R.T. way to write management's goals and objectives",
       Management Review 70 (1981), 35-36.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = pd.DataFrame({"rep": ["Li"], "period_start": ["2026-01-01"],
    ...                      "period_end": ["2026-12-31"], "target": [110.0]})
    >>> history = pd.DataFrame({"rep": ["Li"], "date": ["2025-06-30"], "amount": [100.0]})
    >>> check_smart(plan, history)["passed"].tolist()[:3]
    [True, True, True]
    """
    caller = "check_smart"
    if not isinstance(likely, Sequence) or isinstance(likely, str) or len(likely) != 2:
        raise InputError(f"{caller}(): likely must be two probabilities, got {likely!r}.")
    ends = [check_number(p, "likely", caller=caller, low=0, high=1) for p in likely]
    if ends[0] > ends[1]:
        raise InputError(f"{caller}(): likely must ascend, got {likely!r}; swap the two.")
    check_lang(lang, caller=caller)
    check_number(max_growth, "max_growth", caller=caller, low=0)
    frame = to_pandas(plan, caller=caller, arg="plan")
    columns = PlanColumns(period_start, period_end, target, measure).check(caller)
    keys = columns.keys(frame.columns)
    roles: dict[str, Any] = {f"key{i}": Key(n, missing="allow") for i, n in enumerate(keys)}
    rows = take(
        frame,
        caller=caller,
        arg="plan",
        **columns.roles(missing="allow"),
        **roles,
    )
    one_currency(frame, (), caller=caller, arg="plan")
    one_currency(history, (), caller=caller, arg="history")
    same_currency({"plan": frame, "history": history}, (), caller=caller)
    past = take(
        to_pandas(history, caller=caller, arg="history"),
        caller=caller,
        arg="history",
        date=Date(date),
        amount=Amount(amount),
    )
    zh = lang == "zh"
    found = [
        _specific(rows, keys, owners, zh),
        _measurable(rows, past, keys, zh),
        _achievable(rows, past, samples, max_growth, likely, zh),
        _relevant(rows, keys, strategy, zh),
        _time_bound(rows, keys, zh),
    ]
    return pd.DataFrame(
        {
            "criterion": list(_CRITERIA),
            "passed": pd.array([passed for passed, _ in found], dtype="boolean"),
            "evidence": [evidence for _, evidence in found],
        }
    )


_Verdict = tuple[bool | None, str]


def _specific(rows: Any, keys: list[Any], owners: Any, zh: bool) -> _Verdict:
    """Each target has a key, a measure where there is one, and somebody who answers for it."""
    unnamed = np.zeros(len(rows), dtype=bool)
    for i in range(len(keys)):
        unnamed |= rows.series(f"key{i}").isna().to_numpy()
    if "measure" in rows:
        unnamed |= rows.series("measure").isna().to_numpy()
    if not keys:
        said = "目标没有落实到人或部门" if zh else "targets name nobody"
        return False, said
    lowest = rows.series(f"key{len(keys) - 1}")
    orphans = 0
    if owners is not None:
        if not isinstance(owners, pd.Series | Mapping):
            raise InputError(
                f"check_smart(): owners must be a Series or a mapping of {keys[-1]!r} to owner, "
                f"got {type(owners).__name__}."
            )
        have = pd.Series(owners).dropna().index
        orphans = int(lowest[~lowest.isin(have)].nunique())
    n = len(rows) - int(unnamed.sum())
    held = f"{orphans} key(s) without an owner" if owners is not None else "no owners were given"
    if zh:
        held = f"{orphans} 个对象没有负责人" if owners is not None else "未提供负责人"
    said = f"{n} of {len(rows)} targets are fully named; {held}"
    if zh:
        said = f"{n}/{len(rows)} 个目标写明对象；{held}"
    return bool(not unnamed.any() and not orphans), said


def _measurable(rows: Any, past: Any, keys: list[Any], zh: bool) -> _Verdict:
    """Each target is a number, and its keys have results to measure it by."""
    number = np.isfinite(rows["target"])
    shared = [k for k in keys if k in past.frame.columns]
    lacking = 0
    if shared:
        mine = rows.frame[shared].drop_duplicates()
        known = past.frame[shared].drop_duplicates()
        found = lookup(known, mine, caller="check_smart", args=("history", "plan"))
        lacking = int((found < 0).sum())
    said = (
        f"{int(number.sum())}/{len(rows)} 个目标为数值；{lacking} 个对象没有历史数据"
        if zh
        else f"{int(number.sum())} of {len(rows)} targets are numbers; {lacking} key(s) have no "
        "history to be measured by"
    )
    return bool(number.all() and not lacking), said


def _achievable(
    rows: Any,
    past: Any,
    samples: Any,
    max_growth: float,
    likely: tuple[float, float],
    zh: bool,
) -> _Verdict:
    """By probability where there are draws, else by growth over the year before."""
    if "measure" in rows and rows.series("measure").nunique() > 1:
        said = (
            "计划含多个指标，不能相加，请逐项检查"
            if zh
            else "several measures, which cannot be added: not judged; check one at a time"
        )
        return None, said
    total = float(np.nansum(rows["target"]))
    if samples is not None:
        low, high = likely
        named = {n: rows.columns[n] for n in ("period_start", "period_end", "target")}
        known = rows.frame[np.isfinite(rows["target"])]
        table = attainment_probability(known, samples, by=[], **named)
        p = float(table["p_attain"].iloc[0])
        said = (
            f"整体完成概率 {p:.0%}（范围 {low:.0%}–{high:.0%}）"
            if zh
            else f"the whole is reached with probability {p:.0%} (range {low:.0%} to {high:.0%})"
        )
        return low <= p <= high, said
    base = _year_before(rows, past)
    if base <= 0:
        said = (
            "上一年同期没有数据，无法判断"
            if zh
            else "no results in the same span of the year before: not judged"
        )
        return None, said
    growth = total / base - 1.0
    said = (
        f"比上年同期增长 {growth:+.1%}（上限 {max_growth:.0%}）"
        if zh
        else f"asks for {growth:+.1%} over the same span a year before (limit {max_growth:.0%})"
    )
    return bool(growth <= max_growth), said


def _year_before(rows: Any, past: Any) -> float:
    """What came in over the plan's span, moved back by whole years (one, or the plan's length)."""
    first, last = int(rows.days("period_start").min()), int(rows.days("period_end").max())
    years = pd.DateOffset(years=max(1, round((last - first + 1) / 365.25)))
    # To the day before the day after, so that a span ends with its February in any year.
    begin, end = (stamps(np.array([day]))[0] - years for day in (first, last + 1))
    low, high = days_of(np.array([begin, end], dtype="datetime64[us]"))
    days = past.days("date")
    counts = (days >= low) & (days < high)
    if "measure" in rows and rows.columns["measure"] in past.frame.columns:
        named = past.frame[rows.columns["measure"]]
        counts &= named.isin(rows.series("measure").unique()).to_numpy()
    return float(past["amount"][counts].sum())


def _relevant(rows: Any, keys: list[Any], strategy: Any, zh: bool) -> _Verdict:
    """Every measure (or key) of the plan serves something the strategy names."""
    if strategy is None:
        return None, "未提供战略目标，无法判断" if zh else "no strategy was given: not judged"
    named = set(check_labels(strategy, "strategy", caller="check_smart"))
    if "measure" in rows:
        own = rows.series("measure").dropna()
    elif keys:
        own = rows.series(f"key{len(keys) - 1}").dropna()
    else:
        own = pd.Series(dtype=object)
    strays = sorted({str(v) for v in own if v not in named})
    unserved = sorted(str(v) for v in named if v not in set(own))
    said = (
        f"{len(strays)} 项不在战略中（{'、'.join(strays[:3]) or '无'}）；"
        f"{len(unserved)} 项战略没有目标（{'、'.join(unserved[:3]) or '无'}）"
        if zh
        else f"{len(strays)} not in the strategy ({', '.join(strays[:3]) or 'none'}); "
        f"{len(unserved)} of the strategy without a target ({', '.join(unserved[:3]) or 'none'})"
    )
    return not strays and not unserved, said


def _time_bound(rows: Any, keys: list[Any], zh: bool) -> _Verdict:
    """Periods end after they start and do not overlap within a key."""
    start, end = rows.days("period_start"), rows.days("period_end")
    turned = int((start > end).sum())
    options = [f"key{i}" for i in range(len(keys))] + (["measure"] if "measure" in rows else [])
    codes = rows.keys(*options).codes if options else np.zeros(len(rows), dtype=np.int64)
    order = np.lexsort((start, codes))
    same = codes[order][1:] == codes[order][:-1]
    overlaps = int((same & (start[order][1:] <= end[order][:-1])).sum())
    a, b = np.datetime64(int(start.min()), "D"), np.datetime64(int(end.max()), "D")
    said = (
        f"期间 {a} 至 {b}；{turned} 个起止颠倒，{overlaps} 个重叠"
        if zh
        else f"periods from {a} to {b}; {turned} end before they start, {overlaps} overlap"
    )
    return not turned and not overlaps, said
