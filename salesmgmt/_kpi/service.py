"""How customers are served: satisfaction, complaints, visits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Keys,
    Problem,
    Rows,
    check_column,
    check_int,
    check_labels,
    check_names,
    check_number,
    factorise,
    refuse_names,
    resolve_as_of,
    stack_keys,
    take,
    to_pandas,
    warn,
)
from ..engine.promoters import nps_interval
from ..engine.proportions import interval
from ..engine.sums import rows_of
from ..errors import InputError

__all__ = ["complaints", "is_visit", "satisfaction", "too_early", "visits"]

_SAID = ("visit", "拜访", "客户拜访", "上门拜访")

#: Columns of results: no key may have their names.
_CASES = (
    "cases",
    "share",
    "customers",
    "repeat_share",
    "open",
    "closed",
    "median_days",
    "p90_days",
    "within_limit",
    "as_of",
)
_VISITS = (
    "visits", "share", "visited", "per_customer", "median_gap_days", "tier", "customers",
    "coverage",
)  # fmt: skip

_DRIVERS = ("quality", "delivery", "service", "pricing")
_MOST_DRIVERS = 10
_FEW_ANSWERS, _SHORT_SCALE = 10, 5.0  # so many, to 5 at most: no scale to 10
_TOP = 4  # of 1 to 5


def satisfaction(
    surveys: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    csat: str = "csat",
    nps: str = "nps",
    drivers: Sequence[str] | None = None,
    top: float | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Satisfaction and recommendation with their intervals, and what drives them.

    Parameters
    ----------
    surveys : DataFrame
        One row an answer: ``csat`` (1 to 5), ``nps`` (0 to 10), ratings of drivers; single
        answers may be missing. Not modified.
    by : str or sequence of str, optional
        Key columns.
    csat, nps : str
        Column names; one of them may be absent.
    drivers : sequence of str, optional
        Columns of ratings; None: those of ``quality``, ``delivery``, ``service``, ``pricing``
        that are there. At most ten.
    top : float, optional
        Answers from here on count as satisfied; with another scale than 1 to 5, say from where.
        Default: 4 of 1 to 5.
    confidence : float in (0, 1), default=0.95
        Of the intervals.

    Returns
    -------
    DataFrame
        Keys, ``metric``, ``value``, ``lo``, ``hi``, ``n``: ``csat`` (share satisfied, Wilson
        interval), ``csat_mean`` (with Student's interval), ``nps`` (points, adjusted Wald), and
        ``driver ...`` (share of the explained variance of ``csat``, or of ``nps`` without it,
        averaged over all orders of entry; they add up to 1; no interval).

    Raises
    ------
    InputError
        Neither column is there, or a value is out of range.

    References
    ----------
    .. [1] R. H. Lindeman, P. F. Merenda and R. Z. Gold, Introduction to Bivariate and
       Multivariate Analysis, 1980, p. 119 (relative importance).
    .. [2] B. Rocks, "Interval estimation for the net promoter score", The American Statistician
       70 (2016), 365-372 (adjusted Wald).

    Examples
    --------
    >>> import pandas as pd
    >>> out = satisfaction(pd.DataFrame({"csat": [5, 4, 2, 5], "nps": [10, 9, 3, 8]}))
    >>> out[["metric", "value", "n"]]
          metric  value  n
    0       csat   0.75  4
    1  csat_mean   4.00  4
    2        nps  25.00  4
    """
    caller = "satisfaction"
    level = check_number(confidence, "confidence", caller=caller, low=0, high=1,
                         open_low=True, open_high=True)  # fmt: skip
    least = _TOP if top is None else check_number(top, "top", caller=caller)
    names = check_names(by, "by", caller=caller)
    refuse_names(names, ("metric", "value", "lo", "hi", "n"), caller=caller, option="by")
    frame = to_pandas(surveys, caller=caller, arg="surveys")
    for name, option in ((csat, "csat"), (nps, "nps")):
        check_column(name, option, caller=caller)
    if csat not in frame.columns and nps not in frame.columns:
        raise InputError(f"{caller}(): surveys has neither column {csat!r} nor {nps!r}.")
    if top is not None and csat not in frame.columns:
        raise InputError(f"{caller}(): top goes with answers of {csat!r}, which is no column.")
    given = None if drivers is None else check_names(drivers, "drivers", caller=caller)
    wanted = given if given is not None else [d for d in _DRIVERS if d in frame.columns]
    if len(wanted) > _MOST_DRIVERS:
        raise InputError(f"{caller}(): {len(wanted)} drivers; give ten at most.")
    roles: dict[str, Any] = {
        "csat": Amount(csat, optional=True, missing="allow"),
        "nps": Amount(nps, optional=True, missing="allow", low=0, high=10),
    }
    roles |= {f"driver {d}": Amount(d, missing="allow") for d in wanted}
    rows = take(frame, caller=caller, arg="surveys", by=names, **roles)
    if top is None:
        _check_scale(rows, csat, caller=caller)
    _check_promoters(rows, nps, caller=caller)
    key = factorise(rows.frame, names) if names else None
    codes = key.codes if key is not None else np.zeros(len(rows), dtype=np.int64)
    n = len(key) if key is not None else 1
    parts = [_answers(rows, here, wanted, least, level) for here in rows_of(codes, n)]
    table = pd.DataFrame(
        [line for part in parts for line in part], columns=["metric", "value", "lo", "hi", "n"]
    ).astype({"metric": "str", "n": "int64"})
    if key is None:
        return table
    label = key.labels.loc[np.repeat(np.arange(n), [len(part) for part in parts])]
    return pd.concat([label.reset_index(drop=True), table], axis=1)


def _check_scale(rows: Rows, csat: str, *, caller: str) -> None:
    """Answers of another scale than 1 to 5 need their own ``top``: 0 and 1 would all be bad.

    Values that are no whole numbers are no answers but measures, which no scale bounds.
    """
    if "csat" not in rows:
        return
    x = rows["csat"]
    if (np.mod(_known(x), 1) != 0).any():
        return
    bad = np.flatnonzero((x < 1) | (x > 5))
    if len(bad):
        raise InputError(
            f"{caller}(): column {csat!r} holds {len(bad)} answer(s) beyond 1 to 5 (first: "
            f"{x[bad[0]]:g}); on another scale say with top= from where on one is satisfied."
        )


def _check_promoters(rows: Rows, nps: str, *, caller: str) -> None:
    x = _known(rows["nps"]) if "nps" in rows else np.zeros(0)
    if len(x) >= _FEW_ANSWERS and x.max() <= _SHORT_SCALE:
        warn(
            f"{caller}(): none of the {len(x)} answers in {nps!r} goes beyond {x.max():g}: on 0 to "
            "10 all detract. On another scale there is no net promoter score: give them as csat=."
        )


def _answers(
    rows: Rows, here: np.ndarray, drivers: list[str], top: float, level: float
) -> list[tuple[Any, ...]]:
    """Metric, value, interval and number of answers of some rows."""
    out: list[tuple[Any, ...]] = []
    if "csat" in rows:
        x = _known(rows["csat"][here])
        k, n = np.array([(x >= top).sum()]), np.array([len(x)])
        low, high = interval(k, n, confidence=level)
        out.append(("csat", k[0] / n[0] if n[0] else np.nan, low[0], high[0], len(x)))
        out.append(("csat_mean", *_mean(x, level), len(x)))
    if "nps" in rows:
        x = _known(rows["nps"][here])
        counts = [np.array([float(v)]) for v in ((x >= 9).sum(), (x < 7).sum(), len(x))]
        score, low, high = nps_interval(*counts, confidence=level)
        out.append(("nps", score[0], low[0], high[0], len(x)))
    outcome = rows["csat" if "csat" in rows else "nps"][here]
    if drivers:
        ratings = np.column_stack([rows[f"driver {d}"][here] for d in drivers])
        known = ~np.isnan(ratings).any(axis=1) & ~np.isnan(outcome)
        share = _importance(ratings[known], outcome[known])
        out += [
            (f"driver {d}", s, np.nan, np.nan, int(known.sum()))
            for d, s in zip(drivers, share, strict=True)
        ]
    return out


def _known(x: np.ndarray) -> np.ndarray:
    return x[~np.isnan(x)]


def _mean(x: np.ndarray, level: float) -> tuple[float, float, float]:
    from scipy.special import stdtrit

    if not len(x):
        return np.nan, np.nan, np.nan
    mean = float(x.mean())
    if len(x) < 2:
        return mean, np.nan, np.nan
    half = float(stdtrit(len(x) - 1, 0.5 + level / 2)) * float(x.std(ddof=1)) / len(x) ** 0.5
    return mean, mean - half, mean + half


def _importance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Share of R squared of each column, averaged over all orders of entry."""
    n, m = x.shape
    if n <= m + 1 or np.ptp(y) == 0:
        return np.full(m, np.nan)
    z, target = x - x.mean(axis=0), y - y.mean()
    total = float(target @ target)
    explained: dict[tuple[int, ...], float] = {(): 0.0}
    for size in range(1, m + 1):
        for chosen in combinations(range(m), size):
            fit = np.linalg.lstsq(z[:, chosen], target, rcond=None)[0]
            explained[chosen] = 1 - float(((target - z[:, chosen] @ fit) ** 2).sum()) / total
    share = np.zeros(m)
    for j in range(m):
        rest = [i for i in range(m) if i != j]
        for size in range(m):
            weight = factorial(size) * factorial(m - size - 1) / factorial(m)
            for chosen in combinations(rest, size):
                more = tuple(sorted((*chosen, j)))
                share[j] += weight * (explained[more] - explained[chosen])
    whole = share.sum()
    return share / whole if whole > 0 else np.full(m, np.nan)


# --------------------------------------------------------------------------------------
# Complaints


def complaints(
    cases: pd.DataFrame,
    *,
    by: str | Sequence[str] = "category",
    opened: str = "opened_at",
    closed: str = "closed_at",
    customer: str = "customer_id",
    limit: int | None = None,
    as_of: object = None,
    invalid: str = "raise",
) -> pd.DataFrame:
    """Complaints and service cases: how many, how long, how many come back.

    Parameters
    ----------
    cases : DataFrame
        One row a case: ``opened_at``, ``closed_at`` (missing while open), ``customer_id``. Not
        modified.
    by : str or sequence of str, default="category"
        Key columns.
    opened, closed, customer : str
        Column names.
    limit : int, optional
        Days within which a case should be closed; adds ``within_limit``.
    as_of : date, optional
        Later cases are left aside; a case closed later is open. None: the last opening or
        closing in the data.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        Keys, ``cases``, ``share``, ``customers``, ``repeat_share`` (customers with two cases or
        more), ``open``, ``closed``, ``median_days``, ``p90_days`` (of closed ones),
        ``within_limit`` (of closed ones and open ones already beyond it), ``as_of``. The most
        frequent first.

    Raises
    ------
    InputError
        A column is missing, or a case is closed before it was opened.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"customer_id": ["a", "a", "b"], "category": ["late", "late", "bill"],
    ...                       "opened_at": ["2025-01-01", "2025-01-05", "2025-01-06"],
    ...                       "closed_at": ["2025-01-04", None, "2025-01-07"]})
    >>> complaints(cases)[["category", "cases", "open", "median_days", "repeat_share"]]
      category  cases  open  median_days  repeat_share
    0     late      2     1          3.0           1.0
    1     bill      1     0          1.0           0.0
    """
    caller = "complaints"
    names = check_names(by, "by", caller=caller)
    refuse_names(names, _CASES, caller=caller, option="by")
    if limit is not None:
        check_int(limit, "limit", caller=caller, low=0)
    rows = take(
        cases, caller=caller, arg="cases", invalid=invalid, by=names, opened=Date(opened),
        closed=Date(closed, missing="allow"), customer=Key(customer),
        further=lambda r: too_early(r, "opened", "closed", "is before the case was opened"),
    )  # fmt: skip
    start, end = (rows[c].astype("datetime64[D]") for c in ("opened", "closed"))
    last = np.concatenate([start, end[~np.isnat(end)]]).astype(np.int64)
    until = resolve_as_of(as_of, last, caller=caller)
    day = until.to_datetime64().astype("datetime64[D]")
    inside = start <= day
    done = inside & ~np.isnat(end) & (end <= day)
    days = np.where(done, (end - start).astype(np.int64), 0)
    waiting = np.where(inside & ~done, (day - start).astype(np.int64), 0)
    key = factorise(rows.frame, names) if names else None
    codes = key.codes if key is not None else np.zeros(len(rows), dtype=np.int64)
    who = rows.keys("customer").codes
    table = [
        _cases(who[here], done[here], days[here], waiting[here], int(inside.sum()), limit)
        for rows_here in rows_of(codes, len(key) if key is not None else 1)
        for here in (rows_here[inside[rows_here]],)
    ]
    out = pd.DataFrame(table)
    if key is not None:
        out = pd.concat([key.labels, out], axis=1)
    out["as_of"] = until
    if key is not None and inside.any():  # keys that come later are not known yet
        out = out[out["cases"] > 0]
    order = np.lexsort((np.arange(len(out)), -out["cases"].to_numpy()))
    return out.iloc[order].reset_index(drop=True)


def _cases(
    who: np.ndarray,
    done: np.ndarray,
    days: np.ndarray,
    waiting: np.ndarray,
    every: int,
    limit: int | None,
) -> dict[str, Any]:
    """Measures of the cases of one key; ``every``: number of all cases."""
    took = days[done]
    _, times = np.unique(who, return_counts=True)
    out = {
        "cases": len(who),
        "share": len(who) / max(every, 1),
        "customers": len(times),
        "repeat_share": (times > 1).mean() if len(times) else np.nan,
        "open": int((~done).sum()),
        "closed": len(took),
        "median_days": np.median(took) if len(took) else np.nan,
        "p90_days": np.quantile(took, 0.9) if len(took) else np.nan,
    }
    if limit is not None:
        judged = len(took) + int((waiting[~done] > limit).sum())
        out["within_limit"] = (took <= limit).sum() / judged if judged else np.nan
    return out


def too_early(rows: Rows, first: str, last: str, reason: str) -> list[Problem]:
    """Rows whose day of role ``last`` lies before that of role ``first``."""
    start, end = (rows[role].astype("datetime64[D]") for role in (first, last))
    early = end < start
    if not early.any():
        return []
    return [Problem(rows.columns[last], early, reason, "mend the dates")]


# --------------------------------------------------------------------------------------
# Visits


def visits(
    activities: pd.DataFrame,
    *,
    tier: pd.Series | pd.DataFrame | None = None,
    by: str | Sequence[str] | None = None,
    customer: str = "customer_id",
    date: str = "date",
    kind: str = "type",
    only: str | Sequence[str] | None = "visit",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Whom visits go to: coverage and frequency, by rep and by tier of customer.

    Parameters
    ----------
    activities : DataFrame
        One row an activity: customer, date, ``type``. Not modified.
    tier : Series or DataFrame, optional
        Tier of each customer: a Series by customer, or accounts with ``customer`` (or
        ``customer_id``) and ``tier``. All its customers count in the coverage, visited or not.
    by : str or sequence of str, optional
        Key columns of the activities (``"rep"``).
    customer, date, kind : str
        Column names; without a column ``type``, and none named by ``kind``, all activities count.
    only : str or sequence of str, optional
        Types that count; None: all. One that never occurs is told in a ``DataWarning``.
        ``"visit"`` is also read as ``拜访``, ``客户拜访`` and ``上门拜访``.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        ``by`` columns, ``tier`` (where given: each of them, visited or not; missing for visits
        to customers without one), ``visits``, ``share`` (of the key's visits), ``visited``
        (customers), ``per_customer`` (visits a visited customer), ``median_gap_days`` (between
        days of visits to one customer); with ``tier`` ``customers`` and ``coverage`` (visited of
        all the tier's). Keys ascending.

    Raises
    ------
    InputError
        A column is missing, or a customer has two tiers.

    Examples
    --------
    >>> import pandas as pd
    >>> done = pd.DataFrame({"customer_id": ["a", "a", "b"], "type": "visit",
    ...                      "date": ["2025-01-01", "2025-01-11", "2025-01-03"]})
    >>> out = visits(done, tier=pd.Series({"a": "A", "b": "B", "c": "B"}))
    >>> out[["tier", "visits", "visited", "customers", "coverage"]]
      tier  visits  visited  customers  coverage
    0    A       2        1          1       1.0
    1    B       1        1          2       0.5
    """
    caller = "visits"
    names = check_names(by, "by", caller=caller)
    taken = _VISITS if tier is not None else _VISITS[:-3]
    refuse_names(names, taken, caller=caller, option="by")
    tiers = _tiers(tier, customer, caller=caller)
    rows = take(
        activities, caller=caller, arg="activities", invalid=invalid, by=names,
        customer=Key(customer), date=Date(date),
        kind=Key(kind, optional=kind == "type", missing="allow"),
    )  # fmt: skip
    counts = _wanted_kinds(rows, only, caller=caller)
    key = factorise(rows.frame, names) if names else None
    place = key.codes if key is not None else np.zeros(len(rows), dtype=np.int64)
    labels = key.labels if key is not None else pd.DataFrame(index=range(1))
    size = None
    if tiers is not None:
        level = factorise(tiers.rename("tier").reset_index(drop=True).to_frame(), ["tier"])
        size = np.bincount(level.codes, minlength=len(level))
        # One more place, the last, for customers whose tier is not known.
        own = _tier_of(rows, tiers, level.codes, len(level), caller=caller)
        place = place * (len(level) + 1) + own
        n = len(labels)
        labels = labels.loc[np.repeat(labels.index, len(level) + 1)].reset_index(drop=True)
        values = pd.concat([level.labels["tier"], pd.Series([None])], ignore_index=True)
        values = values.astype(level.labels["tier"].dtype, errors="ignore")
        labels["tier"] = pd.concat([values] * n, ignore_index=True)
    out = _visit_rows(labels, place[counts], _who_and_when(rows, counts, key))
    parts = factorise(out, names).codes if names else np.zeros(len(out), dtype=np.int64)
    whole = np.bincount(parts, out["visits"])[parts]
    out["share"] = np.where(whole > 0, out["visits"] / np.maximum(whole, 1), np.nan)
    if size is None:
        return out
    out["customers"] = np.tile(np.r_[size, np.nan], len(out) // (len(size) + 1))
    out["coverage"] = out["visited"] / out["customers"]
    unknown = out["customers"].isna() & (out["visits"] == 0)
    out = out[~unknown].reset_index(drop=True)
    return out.astype({"customers": np.int64}) if out["customers"].notna().all() else out


def _tier_of(
    rows: Rows, tiers: pd.Series, codes: np.ndarray, none: int, *, caller: str
) -> np.ndarray:
    """Code of the tier of each activity's customer; ``none`` where it has no tier."""
    name = rows.columns["customer"]
    own = rows.series("customer").to_frame()
    listed = pd.DataFrame({name: tiers.index})
    both = stack_keys([own, listed], [name], caller=caller, args=("activities", "tier"))
    who = factorise(both, [name])
    place = np.full(len(who), none)
    place[who.codes[len(own) :]] = codes
    return place[who.codes[: len(own)]]


def is_visit(kinds: pd.Series) -> np.ndarray:
    """Which types of activity are a visit."""
    return kinds.astype(str).str.strip().str.lower().isin(_SAID).to_numpy()


def _wanted_kinds(rows: Rows, only: Any, *, caller: str) -> np.ndarray:
    """Which activities count; a type that never occurs is told."""
    if only is None or "kind" not in rows:
        return np.ones(len(rows), dtype=bool)
    wanted = check_labels(only, "only", caller=caller)
    kinds = rows.series("kind")
    counts = kinds.isin(wanted).to_numpy()
    lost = [k for k in wanted if not (kinds == k).any()]
    if "visit" in wanted:  # as it is called in other words
        said = is_visit(kinds)
        counts = counts | said
        lost = [k for k in lost if k != "visit" or not said.any()]
    if lost:
        have = ", ".join(repr(k) for k in sorted(map(str, kinds.dropna().unique()))[:8])
        warn(f"{caller}(): no activity has the type {lost[0]!r}; there are: {have}. See only=.")
    return counts


def _who_and_when(rows: Rows, counts: np.ndarray, key: Keys | None) -> pd.DataFrame:
    """Customer of each visit, and the days since the key's visit before to the same customer."""
    table = pd.DataFrame({"who": rows.keys("customer").codes, "day": rows.days("date")})
    table["key"] = 0 if key is None else key.codes
    table = table[counts].sort_values(["key", "who", "day"], kind="stable")
    gap = table.groupby(["key", "who"])["day"].diff()
    table["gap"] = gap.where(gap > 0)
    return table.sort_index()[["who", "gap"]]


def _visit_rows(labels: pd.DataFrame, place: np.ndarray, done: pd.DataFrame) -> pd.DataFrame:
    """One row a label, visited or not."""
    groups = done.groupby(place)
    out = labels.reset_index(drop=True)
    every = range(len(out))
    out["visits"] = groups.size().reindex(every, fill_value=0).astype(np.int64)
    out["share"] = np.nan
    out["visited"] = groups["who"].nunique().reindex(every, fill_value=0).astype(np.int64)
    out["per_customer"] = out["visits"] / out["visited"].where(out["visited"] > 0)
    out["median_gap_days"] = groups["gap"].median().reindex(every).astype(np.float64)
    return out


def _tiers(tier: Any, customer: str, *, caller: str) -> pd.Series | None:
    if tier is None:
        return None
    if isinstance(tier, pd.DataFrame) or hasattr(type(tier), "columns"):  # of any engine
        frame = to_pandas(tier, caller=caller, arg="tier")
        own = customer if customer in frame.columns else "customer_id"
        rows = take(
            frame,
            caller=caller,
            arg="tier",
            customer=Key(own, option=""),
            tier=Key("tier", option=""),
        )
        tier = pd.Series(rows.series("tier").to_numpy(), index=rows.series("customer").to_numpy())
    if not isinstance(tier, pd.Series):
        raise InputError(f"{caller}(): tier must be a Series by customer or a frame of accounts.")
    if not tier.index.is_unique:
        twice = tier.index[tier.index.duplicated()][0]
        raise InputError(f"{caller}(): tier has customer {twice!r} twice; keep one row of each.")
    return tier


# --------------------------------------------------------------------------------------
# Delivery
