"""What scorecards come to: totals with ranks that say how sure they are, and a key's review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Keys,
    check_column,
    check_names,
    check_number,
    factorise,
    refuse_names,
    take,
    to_pandas,
)
from .._period_labels import in_time
from ..engine.ranking import competition_rank, rank_interval
from ..errors import InputError
from .scorecard import _PER_CENT, _SHARES, EXTRA, FIXED, full_marks

__all__ = ["GRADES", "review", "totals"]

#: Columns of results: no key may have their names.
_TOTALS = (
    "total",
    "rank",
    "rank_lo",
    "rank_hi",
    "grade",
    "previous",
    "change",
    "rank_change",
    "trend",
)

_OTHER_SCALE = 10.0  # so many times the full marks are another scale, not other weights

#: Grade and the share of full marks it starts at, best first.
GRADES: tuple[tuple[str, float], ...] = (
    ("S", 1.2),
    ("A", 1.0),
    ("B", 0.9),
    ("C", 0.75),
    ("D", 0.6),
    ("E", -np.inf),
)


def totals(
    scorecard: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    period: str | None = None,
    grades: Sequence[tuple[str, float]] = GRADES,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Total score, rank with its interval, and grade of each key.

    Parameters
    ----------
    scorecard : DataFrame
        What :func:`scorecard` returned.
    by : str or sequence of str, optional
        Key columns within which to rank (``"region"``); None: all keys together.
    period : str, optional
        Key column with the period (dates, Periods, ``"2025-03"``, ``"2025Q1"``, ordered
        categories, or labels in natural order): ranks are within a period, and each total is
        compared with the key's earlier ones.
    grades : sequence of (str, float)
        Grade and the share of full marks (the sum of the weights) it starts at, best first; of a
        card in points, points will do. The last one should start at minus infinity.
    confidence : float in (0, 1), default=0.95
        Coverage of the rank interval, when the scorecard has standard errors.

    Returns
    -------
    DataFrame
        Keys, ``total`` (sum of ``weighted``), ``rank`` (1 is best, equal totals share the
        smaller rank), ``rank_lo``, ``rank_hi`` (between which ranks the key lies: the keys that
        are better, or worse, beyond doubt are counted; missing where the scorecard has no
        standard errors, since nothing is known then), ``grade``. With ``period`` also
        ``previous`` (total of the key's last period before), ``change``, ``rank_change`` (places
        won) and ``trend`` (least-squares slope of its totals a period, up to this one); missing
        in a key's first period. Keys ascending.

    Raises
    ------
    InputError
        Not a scorecard, unknown ``by``, or grades that do not descend.

    References
    ----------
    .. [1] M. Klein, T. Wright and J. Wieczorek, "A joint confidence region for an overall
       ranking of populations", J. R. Stat. Soc. C 69 (2020), 589-606.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.kpi import Metric, scorecard
    >>> measures = pd.DataFrame({"rep": ["Li", "Wu", "He"], "revenue": [120.0, 80.0, 80.0]})
    >>> totals(scorecard(measures, [Metric("revenue", target=100)], keys="rep"))
      rep  total  rank  rank_lo  rank_hi grade
    0  He    0.8     2     <NA>     <NA>     C
    1  Li    1.2     1     <NA>     <NA>     S
    2  Wu    0.8     2     <NA>     <NA>     C
    """
    caller = "totals"
    level = check_number(
        confidence, "confidence", caller=caller, low=0, high=1, open_low=True, open_high=True
    )
    cuts = _check_grades(grades, caller=caller)
    check_column(period, "period", caller=caller)
    frame, names = _card(scorecard, caller=caller)
    refuse_names(names, _TOTALS, caller=caller, option="keys")
    inside = check_names(by, "by", caller=caller)
    if period is not None and period not in inside:
        inside.append(period)
    for name in inside:
        if name not in names:
            raise InputError(f"{caller}(): {name!r} is no key of the scorecard ({names}).")
    if period is not None and len(names) < 2:
        raise InputError(f"{caller}(): the scorecard has no key but the period {period!r}.")
    key = factorise(frame, names)
    total, full, error = _sums(frame, key)
    group = factorise(key.labels, inside).codes if inside else np.zeros(len(key), dtype=np.int64)
    rank, low, high = (np.empty(len(key), dtype=np.int64) for _ in range(3))
    for g in range(int(group.max()) + 1):
        at = np.flatnonzero(group == g)
        rank[at] = competition_rank(total[at])
        low[at], high[at] = rank_interval(total[at], error[at], level)
    out = key.labels.copy()
    sure = "score_se" in frame.columns
    out["total"], out["rank"] = total, rank
    for name, values in (("rank_lo", low), ("rank_hi", high)):
        out[name] = pd.array(values if sure else [pd.NA] * len(out), dtype="Int64")
    marks = float(full_marks(frame).max())
    out["grade"] = _grade(
        total,
        full,
        _cuts_in_shares(cuts, total / np.where(full > 0, full, 1.0), marks, caller=caller),
    )
    return out if period is None else _with_trend(out, names, period)


def _with_trend(out: pd.DataFrame, names: list[str], period: str) -> pd.DataFrame:
    """Each total beside the key's earlier ones."""
    who = factorise(out, [n for n in names if n != period]).codes
    periods = factorise(out, [period])
    when = in_time(periods.labels[period], 1)[0][periods.codes]
    order = np.lexsort((when, who))
    total, rank = out["total"].to_numpy()[order], out["rank"].to_numpy()[order]
    start = np.r_[True, np.diff(who[order]) != 0]
    columns = {c: np.full(len(out), np.nan) for c in ("previous", "change", "rank_change", "trend")}
    later = np.flatnonzero(~start)
    columns["previous"][order[later]] = total[later - 1]
    columns["change"][order[later]] = total[later] - total[later - 1]
    columns["rank_change"][order[later]] = rank[later - 1] - rank[later]
    # Slope from running sums of x, y, xx and xy since the key's first period. The key's own
    # periods are counted, so that other keys' periods do not move it.
    group = np.cumsum(start) - 1
    first = np.flatnonzero(start)[group]
    x = (np.arange(len(out)) - first).astype(np.float64)
    sums = []
    for v in (np.ones(len(x)), x, total, x * x, x * total):
        running = np.concatenate([[0.0], np.cumsum(v)])
        sums.append(running[1:] - running[first])
    n, sx, sy, sxx, sxy = sums
    spread = n * sxx - sx * sx
    slope = (n * sxy - sx * sy) / np.where(spread > 0, spread, np.nan)
    columns["trend"][order] = np.where(spread > 0, np.round(slope, 12), np.nan)
    for name, values in columns.items():
        out[name] = values
    return out


def _check_grades(grades: Any, *, caller: str) -> tuple[list[str], np.ndarray]:
    if isinstance(grades, Mapping):
        pairs = list(grades.items())
    else:
        pairs = list(grades) if isinstance(grades, Iterable) else []
    if not pairs or any(
        not isinstance(p, tuple | list) or len(p) != 2 or not isinstance(p[1], Real | Decimal)
        for p in pairs
    ):
        raise InputError(f"{caller}(): grades must be pairs (grade, least share of full marks).")
    cuts = np.array([float(p[1]) for p in pairs])
    if np.isnan(cuts).any() or (np.diff(cuts) >= 0).any():
        raise InputError(f"{caller}(): grades must descend, best first; got {cuts.tolist()}.")
    return [str(p[0]) for p in pairs], cuts


def _card(scorecard: Any, *, caller: str, arg: str = "scorecard") -> tuple[pd.DataFrame, list[str]]:
    """The checked scorecard and its key columns: all before ``metric``."""
    frame = to_pandas(scorecard, caller=caller, arg=arg)
    for name in FIXED:
        if name not in frame.columns:
            raise InputError(
                f"{caller}(): {arg} has no column {name!r}; pass what scorecard() returned."
            )
    names = [c for c in frame.columns if c not in (*FIXED, *EXTRA)]
    if not names:
        raise InputError(f"{caller}(): {arg} has no key column; pass what scorecard() returned.")
    told: dict[str, Any] = {
        name: Amount(name, option="", missing="allow")
        for name in ("value", "target", "score", "weighted", "score_se")
        if name in frame.columns
    }
    rows = take(frame, caller=caller, arg=arg, by=names, weight=Amount("weight", low=0), **told)
    # As numbers, whatever held them: Decimals do not mix with floats.
    return frame.assign(weight=rows["weight"], **{n: rows[n] for n in told}), names


def _sums(frame: pd.DataFrame, key: Keys) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Total, full marks and standard error of the total, by key; order of rows is no matter."""
    order = np.lexsort((frame["metric"].astype(str).to_numpy(), key.codes))
    codes = key.codes[order]
    part = np.nan_to_num(frame["weighted"].to_numpy(np.float64)[order])
    weight = frame["weight"].to_numpy(np.float64)[order]
    total = np.bincount(codes, part, minlength=len(key))
    marks = full_marks(frame).to_numpy(np.float64)[order]
    full = np.bincount(codes, weight * marks, minlength=len(key))
    error = np.zeros(len(key))
    if "score_se" in frame.columns:
        se = np.nan_to_num(frame["score_se"].to_numpy(np.float64)[order])
        error = np.sqrt(np.bincount(codes, (weight * se) ** 2, minlength=len(key)))
    # Sums of products carry noise in the last digits; equal results must share a rank.
    return np.round(total, 12), full, error


def _cuts_in_shares(
    cuts: tuple[list[str], np.ndarray], share: np.ndarray, marks: float, *, caller: str
) -> tuple[list[str], np.ndarray]:
    """Cuts as shares of full marks; those of a card in points may be points, too."""
    labels, starts = cuts
    top = float(starts[np.isfinite(starts)].max(initial=0.0))
    if top < _PER_CENT[0]:
        return cuts
    if marks > 1:
        return labels, starts / marks
    most = float(np.abs(share).max(initial=0.0))
    if most <= _SHARES:
        raise InputError(
            f"{caller}(): grades start at {top:g}, but totals are shares of full marks (up to "
            f"{most:.3g}): write {top / 100:g}."
        )
    return cuts


def _grade(total: np.ndarray, full: np.ndarray, cuts: tuple[list[str], np.ndarray]) -> pd.Series:
    labels, starts = cuts
    share = np.round(total / np.where(full > 0, full, 1.0), 9)
    at = np.searchsorted(-starts, -share, side="left")
    return pd.Series([labels[min(i, len(labels) - 1)] for i in at], dtype="str")


# --------------------------------------------------------------------------------------
# Review


def review(
    scorecards: pd.DataFrame | Sequence[pd.DataFrame] | Mapping[Any, pd.DataFrame],
    key: Any,
    *,
    period: str | None = None,
) -> pd.DataFrame:
    """One key's scorecard read aloud: where points were lost, and what moved since last time.

    Parameters
    ----------
    scorecards : DataFrame, sequence of DataFrame or mapping of period to DataFrame
        Scorecards, oldest first; the last is reviewed against the one before in which the key
        stands. One scorecard alone has nothing to compare with, unless ``period`` names a key
        column that splits it.
    key : scalar, tuple or mapping
        Whose: the key value, a tuple in the order of the key columns, or
        ``{column: value}``. With ``period``, without that column.
    period : str, optional
        Key column with the period, when all periods stand in one scorecard.

    Returns
    -------
    DataFrame
        One row a metric, the one that cost most first: ``metric``, ``value``, ``target``,
        ``gap`` (value - target), ``score``, ``weight``, ``weighted``, ``lost`` (weight
        times full marks - weighted: points short of full marks; negative: bonus),
        ``share_of_loss`` (of all points lost; 0 for bonuses), ``previous`` (``weighted`` last
        time), ``change`` (since then), ``change_by_score`` and ``change_by_weight`` (which add
        up to it). The totals differ by the sum of ``change``: metrics of last time that are no
        more come last, with weight 0 and without a score; they and new ones change by weight.
        Without a last time these four are NaN.

    Raises
    ------
    InputError
        The key, or the period, is not in the scorecard, or this one and the last are on
        different scales.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt.kpi import Metric, scorecard
    >>> measures = pd.DataFrame({"rep": ["Li"] * 2, "month": ["2025-01", "2025-02"],
    ...                          "revenue": [120.0, 80.0], "visits": [10.0, 10.0]})
    >>> card = scorecard(measures, [Metric("revenue", target=100), Metric("visits", target=8)],
    ...                  keys=["rep", "month"])
    >>> review(card, "Li", period="month")[["metric", "lost", "change"]].round(3)
        metric   lost  change
    0  revenue  0.100    -0.2
    1   visits -0.125     0.0
    """
    caller = "review"
    cards = _card_list(scorecards, period, caller=caller)
    now = _of_key(cards[-1], key, period, caller=caller)
    if now is None:
        raise InputError(f"{caller}(): key {key!r} is not in the scorecard under review.")
    earlier = (_of_key(card, key, period, caller=caller) for card in reversed(cards[:-1]))
    before = next((card for card in earlier if card is not None), None)
    if before is not None:
        _same_scale(now, before, caller=caller)
    out = now[["metric", "value", "target"]].copy()
    out["gap"] = out["value"] - out["target"]
    for name in ("score", "weight", "weighted"):
        out[name] = now[name]
    out["lost"] = now["weight"] * full_marks(now) - now["weighted"].fillna(0.0)
    short = out["lost"].clip(lower=0)
    out["share_of_loss"] = short / short.sum() if short.sum() > 0 else 0.0
    out = out.sort_values(
        ["lost", "metric"], ascending=[False, True], kind="stable", ignore_index=True
    )
    return _with_change(out, before)


def _card_list(scorecards: Any, period: str | None, *, caller: str) -> list[pd.DataFrame]:
    if isinstance(scorecards, Mapping):
        cards = [scorecards[k] for k in scorecards]
    elif isinstance(scorecards, list | tuple):
        cards = list(scorecards)
    else:
        cards = [scorecards]
    if not cards:
        raise InputError(f"{caller}(): scorecards is empty; give one at least.")
    frames = [_card(c, caller=caller, arg="scorecards") for c in cards]
    check_column(period, "period", caller=caller)
    if period is None:
        return [f for f, _ in frames]
    if len(frames) > 1 or period not in frames[0][1]:
        raise InputError(
            f"{caller}(): period={period!r} must be a key column of one scorecard "
            f"(keys: {frames[0][1]})."
        )
    frame = frames[0][0]
    codes = factorise(frame, [period])
    order = np.argsort(in_time(codes.labels[period], 1)[0])
    return [frame[codes.codes == i] for i in order]


def _of_key(
    card: pd.DataFrame, key: Any, period: str | None, *, caller: str
) -> pd.DataFrame | None:
    """The rows of one key, metrics in their order; None where the key is not there."""
    names = [c for c in card.columns if c not in (*FIXED, *EXTRA, period)]
    if isinstance(key, Mapping):
        wanted = dict(key)
    else:
        values = tuple(key) if isinstance(key, tuple | list) else (key,)
        if len(values) != len(names):
            hint = "" if period is not None or len(names) < 2 else (
                "; if one of them is the period, name it with period="
            )  # fmt: skip
            raise InputError(f"{caller}(): key must have {len(names)} value(s) for {names}{hint}.")
        wanted = dict(zip(names, values, strict=True))
    if set(wanted) != set(names):
        raise InputError(f"{caller}(): key must name the columns {names}, got {list(wanted)}.")
    here = np.ones(len(card), dtype=bool)
    for name, value in wanted.items():
        here &= (card[name] == value).to_numpy(dtype=bool, na_value=False)
    if not here.any():
        return None
    return card[here].reset_index(drop=True)


def _same_scale(now: pd.DataFrame, before: pd.DataFrame, *, caller: str) -> None:
    """Points beside shares, or weights of 100 beside those of 1, make no change."""
    full = [float((card["weight"] * full_marks(card)).sum()) for card in (before, now)]
    if min(full) > 0 and max(full) > _OTHER_SCALE * min(full):
        raise InputError(
            f"{caller}(): full marks were {full[0]:g} last time and are {full[1]:g} now: the "
            "scorecards are on different scales (points or shares, weights adding up to 1 or to "
            "100). Make both on one."
        )


def _with_change(out: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    if before is None:
        for name in ("previous", "change", "change_by_score", "change_by_weight"):
            out[name] = np.nan
        return out
    dropped = before.loc[~before["metric"].isin(out["metric"]), "metric"].sort_values()
    if len(dropped):  # what they gave last time is gone: without them changes would not add up
        gone = {"metric": dropped, "weight": 0.0, "weighted": 0.0, "lost": 0.0}
        gone = pd.DataFrame({**gone, "share_of_loss": 0.0}).reindex(columns=out.columns)
        out = pd.concat([out, gone.astype(out.dtypes)], ignore_index=True)
    was = before.set_index("metric").reindex(out["metric"]).reset_index(drop=True)
    known = was["weighted"].fillna(0.0)
    out["previous"] = known
    out["change"] = out["weighted"].fillna(0.0) - known
    # The mean weight on the change of the score, the mean score on that of the weight: exact.
    both = out["score"].notna() & was["score"].notna()
    by_weight = (out["weight"] - was["weight"]) * (out["score"] + was["score"]) / 2
    # A metric that is new, or is no more, moves the total by its weight alone.
    alone = was["weight"].isna() | out["metric"].isin(dropped)
    out["change_by_weight"] = by_weight.where(both, 0.0).mask(alone, out["change"])
    out["change_by_score"] = out["change"] - out["change_by_weight"]
    return out
