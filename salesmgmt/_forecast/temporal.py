"""Forecasts by day, week, month, quarter and year that add up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_bool,
    check_choice,
    check_names,
    factorise,
    take,
    to_pandas,
)
from ..engine import periods
from ..engine.reconciliation import Covariance, Projection
from ..errors import InputError

__all__ = ["reconcile_temporal"]

_FREQS = ("D", "W", "M", "Q", "Y")  # finest first
_BOUND = re.compile(r"(lo|hi)_(\d+(?:\.\d+)?)")


def reconcile_temporal(
    forecasts: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    method: str = "wls",
    residuals: pd.DataFrame | None = None,
    non_negative: bool = False,
    freq: str = "freq",
    date: str = "date",
) -> pd.DataFrame:
    """Make forecasts of days, weeks, months, quarters and years add up.

    Each frequency is forecast on its own; this gives the one set of forecasts nearest to all of
    them in which months are the sums of their days, years those of their months.

    Parameters
    ----------
    forecasts : DataFrame
        ``freq`` ("D", "W", "M", "Q" or "Y"), ``date`` (any day of the period; weeks start on the
        weekday all weekly dates share, else on Monday), ``forecast``, keys, and interval columns
        ``lo_80``, ``hi_80``, ... if there are any. Every longer period needs all its periods of
        the finest frequency; weeks need days wherever there are months, quarters or years.
        Not modified.
    by : str or sequence of str, optional
        Key columns; each key is a series of its own.
    method : {"wls", "ols", "bottom_up"}, default="wls"
        ``"wls"``: least squares weighted by the variance of the forecasts' errors, from
        ``residuals``, else by the number of finest periods in a period (structural scaling);
        ``"ols"``: unweighted; ``"bottom_up"``: the finest forecasts added up.
    residuals : DataFrame, optional
        Past errors for ``"wls"``: keys, ``freq``, and ``residual``, or ``actual`` and
        ``forecast`` (as :func:`backtest` returns them for each frequency). Each series and
        frequency gets one variance, not centred (series variance scaling).
    non_negative : bool, default=False
        Whether the finest periods must not be below zero: the constrained least squares
        solution, no mere cutting off.
    freq, date : str
        Columns.

    Returns
    -------
    DataFrame
        The rows of ``forecasts`` in their order with their index, with coherent ``forecast``.
        Finest periods whose forecast and interval ends are all 0 (closed days) stay 0, ends that
        are missing stay missing. Intervals move with the forecast and change their width by the
        ratio of the standard errors after and before, errors of different periods and
        frequencies taken as independent.

    Raises
    ------
    InputError
        A column is missing; a frequency is not known; a period is there twice, or without some
        of its finest periods; weeks are to be added up to months; residuals lack a series or
        frequency, have two models of one, or are given to a method that does not use them.

    References
    ----------
    G. Athanasopoulos, R. J. Hyndman, N. Kourentzes, F. Petropoulos, "Forecasting with temporal
    hierarchies", European Journal of Operational Research 262 (2017), 60-74.

    Examples
    --------
    >>> import pandas as pd
    >>> base = pd.DataFrame({"freq": ["Q", "M", "M", "M"], "forecast": [96.0, 20.0, 30.0, 40.0],
    ...                      "date": ["2026-01-01", "2026-01-01", "2026-02-01", "2026-03-01"]})
    >>> reconcile_temporal(base)["forecast"].round(6).tolist()
    [93.0, 21.0, 31.0, 41.0]
    """
    caller = "reconcile_temporal"
    check_choice(method, "method", ("wls", "ols", "bottom_up"), caller=caller)
    check_bool(non_negative, "non_negative", caller=caller)
    if residuals is not None and method != "wls":
        raise InputError(f'{caller}(): residuals are for method "wls", not {method!r}.')
    names = check_names(by, "by", caller=caller)
    forecasts = to_pandas(forecasts, caller=caller, arg="forecasts")
    found = [str(c) for c in forecasts.columns if _BOUND.fullmatch(str(c))]
    ends: dict[str, Any] = {
        f"bound{i}": Amount(name, missing="allow") for i, name in enumerate(found)
    }
    rows = take(
        forecasts,
        caller=caller,
        arg="forecasts",
        by=names,
        freq=Key(freq),
        date=Date(date),
        forecast=Amount("forecast", option=""),
        **ends,
    )
    grade = _grades(rows, freq, caller)
    first, last = _spans(rows.days("date"), grade)
    series = _series(rows, len(names))
    variance = _variances(rows, residuals, names, freq, caller)
    bounds = np.column_stack([rows[b] for b in ends]) if ends else np.empty((len(grade), 0))
    made, moved = rows["forecast"].copy(), bounds.copy()
    shut = (made == 0) & (bounds == 0).all(axis=1) & bool(ends)
    for at in _alike(series, grade, first, variance, shut):
        run = at[:, 0]
        summing = _summing(grade[run], first[run], last[run], rows, run, caller)
        weight = None if variance is None else variance[run]
        closed = shut[run[: summing.shape[1]]]
        if closed.any():  # nothing is moved to days on which nothing can be sold
            part = sparse.csr_array(summing[:, np.flatnonzero(~closed)])
            opens = np.asarray(part.sum(axis=1)).ravel() > 0
            made[at[~opens]], moved[at[~opens]] = 0.0, 0.0
            summing, at = sparse.csr_array(part[opens]), at[opens]
            weight = None if weight is None else weight[opens]
        if summing.shape[1]:
            _adjust(summing, weight, at, method, non_negative, made, bounds, moved)
    out = rows.frame.copy()
    out["forecast"] = made
    for i, name in enumerate(found):
        out[name] = np.maximum(moved[:, i], 0.0) if non_negative else moved[:, i]
    return out


def _grades(rows: Rows, freq: str, caller: str) -> np.ndarray:
    """Place of each row's frequency among the known ones."""
    keys = rows.keys("freq")
    labels = [str(x) for x in keys.labels.iloc[:, 0]]
    unknown = [x for x in labels if x not in _FREQS]
    if unknown:
        lost = int(np.isin(keys.codes, [i for i, x in enumerate(labels) if x in unknown]).sum())
        raise InputError(
            f"{caller}(): {freq!r} has {lost} row(s) that name no frequency, first "
            f"{unknown[0]!r}; use {', '.join(_FREQS)}."
        )
    return np.array([_FREQS.index(x) for x in labels], dtype=np.int64)[keys.codes]


def _spans(days: np.ndarray, grade: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of each row's period."""
    first, last = days.copy(), days.copy()
    for g in np.unique(grade):
        one, freq = grade == g, _FREQS[g]
        week = periods.week_anchor(days[one]) if freq == "W" else 0
        at = periods.period_of(days[one], freq, week_start=week)
        first[one] = periods.period_start(at, freq, week_start=week)
        last[one] = periods.period_end(at, freq, week_start=week)
    return first, last


def _series(rows: Rows, keys: int) -> np.ndarray:
    """Number of each row's series."""
    if not keys:
        return np.zeros(len(rows["forecast"]), dtype=np.int64)
    return rows.keys(*[f"by{i}" for i in range(keys)]).codes


def _alike(
    series: np.ndarray,
    grade: np.ndarray,
    first: np.ndarray,
    variance: np.ndarray | None,
    shut: np.ndarray,
) -> Iterator[np.ndarray]:
    """Rows of series that have the same periods, weights and closed days: (periods, series).

    The finest periods come first, each frequency in time.
    """
    patterns: dict[tuple[bytes, ...], list[np.ndarray]] = {}
    order = np.lexsort((first, grade, series))
    for run in np.split(order, np.flatnonzero(np.diff(series[order])) + 1):
        same = variance[run] if variance is not None else np.empty(0)
        parts = (grade[run], first[run], same, shut[run])
        patterns.setdefault(tuple(a.tobytes() for a in parts), []).append(run)
    for alike in patterns.values():
        yield np.array(alike).T


def _variances(
    rows: Rows,
    residuals: Any,
    names: list[str],
    freq: str,
    caller: str,
) -> np.ndarray | None:
    """Variance of each row's error by series and frequency; None without residuals."""
    if residuals is None:
        return None
    residuals = to_pandas(residuals, caller=caller, arg="residuals")
    ready = "residual" in residuals.columns
    past = take(
        residuals,
        caller=caller,
        arg="residuals",
        by=names,
        freq=Key(freq),
        residual=Amount("residual", option="") if ready else None,
        actual=None if ready else Amount("actual", option=""),
        forecast=None if ready else Amount("forecast", option=""),
    )
    e = past["residual"] if ready else past["actual"] - past["forecast"]
    columns = [*names, freq]
    wanted = rows.frame[columns]
    codes = factorise(pd.concat([wanted, past.frame[columns]], ignore_index=True), columns).codes
    at, seen = codes[: len(wanted)], codes[len(wanted) :]
    if "model" in past.frame:
        _check_one_model(past.frame, seen, columns, caller)
    count = np.bincount(seen, minlength=int(codes.max()) + 1)
    total = np.bincount(seen, e * e, minlength=len(count))
    found = np.where(count > 0, total / np.maximum(count, 1), np.nan)[at]
    lost = np.flatnonzero(~np.isfinite(found))
    if len(lost):
        label = " / ".join(str(x) for x in wanted.iloc[int(lost[0])])
        raise InputError(
            f"{caller}(): residuals lack the series and frequency of {len(lost)} row(s), first "
            f"{label}; give past errors of each."
        )
    some = found > 0
    least = 1e-6 * np.median(found[some]) if some.any() else 1.0
    return np.where(some, found, least)


def _check_one_model(
    frame: pd.DataFrame, seen: np.ndarray, columns: list[str], caller: str
) -> None:
    """Errors of two models in one variance are those of neither."""
    models = frame["model"].groupby(seen).nunique()
    mixed = models[models > 1]
    if len(mixed):
        label = " / ".join(str(x) for x in frame[columns].iloc[np.argmax(seen == mixed.index[0])])
        raise InputError(
            f"{caller}(): residuals have errors of {int(mixed.iloc[0])} models for {len(mixed)} "
            f"series and frequencies, first {label}; keep the model that made the forecasts."
        )


def _summing(
    grade: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    rows: Rows,
    run: np.ndarray,
    caller: str,
) -> sparse.csr_array:
    """Which finest periods each period adds up; the finest come first, in time."""
    leaves = int((grade == grade[0]).sum())
    starts, stops = first[:leaves], last[:leaves]
    low = np.searchsorted(starts, first)
    high = np.searchsorted(starts, last, side="right")
    twice = np.zeros(len(grade), dtype=bool)
    twice[1:] = (np.diff(grade) == 0) & (np.diff(first) == 0)
    torn = (np.searchsorted(stops, first) != low) | (
        np.searchsorted(stops, last, side="right") != high
    )
    days = np.concatenate([[0], np.cumsum(stops - starts + 1)])
    fine = f"{_FREQS[grade[0]]!r}"
    for wrong, what in (
        (twice, "are there twice; keep one row a period and key"),
        (torn, f"begin or end within a period of {fine}; forecast days too, or leave {fine} out"),
        (
            days[high] - days[low] != last - first + 1,
            f"lack some of their {fine} forecasts; forecast all of them, or leave these rows out",
        ),
    ):
        if wrong.any():
            example = f"{_say(grade, first, int(np.argmax(wrong)))} of {_who(rows, run)}"
            raise InputError(f"{caller}(): {int(wrong.sum())} period(s), first {example}, {what}.")
    size = high - low
    row = np.repeat(np.arange(len(grade)), size)
    column = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + np.repeat(low, size)
    return sparse.csr_array((np.ones(len(row)), (row, column)), shape=(len(grade), leaves))


def _say(grade: np.ndarray, first: np.ndarray, at: int) -> str:
    return f"{_FREQS[grade[at]]!r} from {np.datetime64(int(first[at]), 'D')}"


def _who(rows: Rows, run: np.ndarray) -> str:
    """The key of a run of rows in words."""
    keys = [o for o in rows.columns if re.fullmatch(r"by\d+", o)]
    values = [str(rows.frame[rows.columns[o]].iloc[int(run[0])]) for o in keys]
    return " / ".join(values) or "the series"


def _adjust(
    summing: sparse.csr_array,
    weight: np.ndarray | None,
    at: np.ndarray,
    method: str,
    non_negative: bool,
    made: np.ndarray,
    bounds: np.ndarray,
    moved: np.ndarray,
) -> None:
    """Reconcile the series whose rows stand in the columns of ``at``, in place."""
    nodes, leaves = summing.shape
    own = np.arange(leaves)
    assumed = np.asarray(summing.sum(axis=1)).ravel() if weight is None else weight
    errors = Covariance(assumed if method == "wls" else np.ones(nodes))
    projection = Projection(summing, own, errors)
    base = made[at]
    if method == "bottom_up":
        low = np.maximum(base[:leaves], 0.0) if non_negative else base[:leaves]
    else:
        low = projection.leaves(base, non_negative=non_negative)
        low = np.maximum(low, 0.0) if non_negative else low
    made[at] = summing @ low
    if not bounds.shape[1]:
        return
    bottom = np.eye(leaves, nodes) if method == "bottom_up" else projection.leaves(np.eye(nodes))
    gain = (summing @ bottom) ** 2
    away = bounds[at] - base[:, :, None]  # (nodes, series, bounds)
    size = np.where(np.isfinite(away), np.abs(away), np.abs(base)[:, :, None])  # not known: all
    variance = size.mean(axis=2) ** 2 if weight is None else assumed[:, None] + 0 * base
    top = variance.max(axis=0, keepdims=True)
    variance = np.maximum(variance, 1e-12 * np.where(top > 0, top, 1.0))
    ratio = np.sqrt(gain @ variance / variance)
    moved[at] = made[at][:, :, None] + away * ratio[:, :, None]
