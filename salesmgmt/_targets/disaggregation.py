"""Coarse totals to a path of finer periods along an indicator, or along none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    check_bool,
    check_choice,
    check_int,
    check_number,
    check_series,
    money,
    units,
)
from ..engine import temporal_disaggregation as engine
from ..engine.apportionment import apportion
from ..errors import InputError
from .spans import Spans, label_days, plan_spans, stamps
from .totals import Group, year_labels

__all__ = ["METHODS", "column_totals", "disaggregate"]

METHODS = ("pro_rata", "denton", "denton_additive", "chow_lin", "fernandez", "litterman")
_ALL = (*METHODS, "denton_cholette", "chow_lin_minrss", "ols")
_REGRESSIONS = ("chow_lin", "chow_lin_minrss", "fernandez", "litterman", "ols")


def disaggregate(
    totals: pd.Series,
    indicator: pd.Series | pd.DataFrame | None = None,
    *,
    freq: str = "Q",
    method: str = "denton",
    relation: str = "sum",
    differences: int = 1,
    cholette: bool = True,
    intercept: bool = True,
    rho: float | None = None,
    step: float | None = None,
    year_start: int = 1,
) -> pd.DataFrame:
    """Break a coarse series down along an indicator: Denton-Cholette, Chow-Lin and others.

    Parameters
    ----------
    totals : Series
        Amounts by year (2026, ``"2026"``, Period) or by any coarser period (PeriodIndex).
    indicator : Series or DataFrame, optional
        Indicator(s) by finer period (PeriodIndex, or dates of period starts), in any order. It
        may reach beyond ``totals`` on both sides: those periods are extrapolated. None: no
        indicator, the smoothest path of frequency ``freq``.
    freq : {"Q", "M", "W", "D"}, default="Q"
        Finer periods, used only without an indicator.
    method : str, default="denton"
        ``"denton"`` (proportional; ``"denton_cholette"`` is the same), ``"denton_additive"``,
        ``"pro_rata"``, ``"chow_lin"`` (autocorrelation by maximum likelihood, not below 0),
        ``"chow_lin_minrss"``, ``"fernandez"``, ``"litterman"`` or ``"ols"``.
    relation : {"sum", "average", "first", "last"}, default="sum"
        What a coarse value is of the fine ones.
    differences : {0, 1, 2}, default=1
        Order of the differences kept smooth by the Denton methods.
    cholette : bool, default=True
        Assume nothing before the first period; False: the original method of Denton.
    intercept : bool, default=True
        Whether the regressions have a constant.
    rho : float, optional
        Autocorrelation of the regressions instead of an estimated one.
    step : float, optional
        Round to multiples of it so that each total is met exactly; None: real numbers.
    year_start : int, default=1
        First month of the fiscal year of ``totals`` by year.

    Returns
    -------
    DataFrame
        One row a finer period in order of time: ``period_start``, ``period_end``, ``amount``.
        For regressions ``attrs`` holds ``coefficients``, ``standard_errors`` (by name, the
        constant is ``"intercept"``), ``rho``, ``r_squared``, ``adjusted_r_squared`` and
        ``log_likelihood``.

    Raises
    ------
    InputError
        Too few totals for a regression, an indicator that is not positive for a proportional
        method, or totals and periods that do not fit each other.

    References
    ----------
    .. [1] IMF, "Quarterly National Accounts Manual", 2001, chapter 6 (proportional Denton).
    .. [2] G. C. Chow and A. Lin, Review of Economics and Statistics 53 (1971), 372-375.

    Examples
    --------
    >>> import pandas as pd
    >>> indicator = pd.Series([98.2, 100.8, 102.2, 100.8, 99.0, 101.6, 102.7, 101.5],
    ...                       index=pd.period_range("1998Q1", periods=8, freq="Q"))
    >>> path = disaggregate(pd.Series({1998: 4000.0, 1999: 4161.4}), indicator)
    >>> path["amount"].round(1).tolist()
    [969.8, 998.4, 1018.3, 1013.4, 1007.2, 1042.8, 1060.3, 1051.0]
    """
    caller = "disaggregate"
    check_choice(method, "method", _ALL, caller=caller)
    check_choice(relation, "relation", engine.RELATIONS, caller=caller)
    check_choice(differences, "differences", (0, 1, 2), caller=caller)
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    check_bool(cholette, "cholette", caller=caller)
    check_bool(intercept, "intercept", caller=caller)
    _check_idle(method, differences, cholette, intercept, rho, caller=caller)
    amounts = check_series(totals, "totals", caller=caller)
    if not len(amounts):
        raise InputError(f"{caller}(): totals has no entries; give at least one.")
    first, last = _coarse_spans(amounts.index, year_start, caller=caller)
    order = np.argsort(first, kind="stable")
    first, last, coarse = first[order], last[order], amounts.to_numpy()[order]
    start, end, columns, names = _fine(indicator, first, last, freq, year_start, caller=caller)
    block = np.searchsorted(first, start, side="right") - 1
    block = np.where((block >= 0) & (end <= last[np.maximum(block, 0)]), block, -1)
    _check_blocks(block, first, start, end, last, caller=caller)
    across = engine.weights_of(block, len(coarse), relation)
    path, told = _path(
        coarse,
        columns,
        names,
        across,
        block,
        method,
        differences=differences,
        cholette=cholette,
        intercept=intercept,
        rho=rho,
        caller=caller,
    )
    if step is not None:
        path = _on_grid(path, coarse, block, relation, step, caller=caller)
    out = pd.DataFrame({"period_start": stamps(start), "period_end": stamps(end), "amount": path})
    out.attrs.update(told)
    return out


# --------------------------------------------------------------------------------------
# Taking in


def _check_idle(
    method: str, differences: int, cholette: bool, intercept: bool, rho: Any, *, caller: str
) -> None:
    """Refuse options that were given to a method which has no use for them."""
    smooth = ("denton", "denton_cholette", "denton_additive")
    for option, given, methods in (
        ("differences", differences != 1, smooth),
        ("cholette", not cholette, smooth),
        ("intercept", not intercept, _REGRESSIONS),
        ("rho", rho is not None, ("chow_lin", "chow_lin_minrss", "litterman")),
    ):
        if given and method not in methods:
            known = ", ".join(repr(m) for m in methods)
            raise InputError(f"{caller}(): {option} goes with method {known}, not {method!r}.")


def _coarse_spans(
    labels: pd.Index, year_start: int, *, caller: str
) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of each total."""
    if isinstance(labels, pd.PeriodIndex) and not labels.freqstr.startswith(("Y", "A")):
        first = labels.start_time.to_numpy().astype("datetime64[D]").astype(np.int64)
        last = labels.end_time.to_numpy().astype("datetime64[D]").astype(np.int64)
        return first, last
    years = year_labels(labels)
    if years is None:
        raise InputError(
            f"{caller}(): totals must be labelled by year (2026, '2026') or by a PeriodIndex."
        )
    month = (years - 1970) * 12 + (year_start - 1)
    first = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    last = (month + 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    return first, last


def _fine(
    indicator: Any,
    first: np.ndarray,
    last: np.ndarray,
    freq: str,
    year_start: int,
    *,
    caller: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Finer periods (first and last days), indicator columns (m, k) and their names."""
    if indicator is None:
        check_choice(freq, "freq", ("Q", "M", "W", "D"), caller=caller)
        ends = stamps(np.array([first.min(), last.max()]))
        spans = plan_spans((ends[0], ends[1], freq), year_start=year_start, caller=caller)
        return spans.start, spans.end, np.ones((len(spans), 1)), ["constant"]
    frame = indicator.to_frame() if isinstance(indicator, pd.Series) else indicator
    if not isinstance(frame, pd.DataFrame) or not frame.shape[1]:
        raise InputError(f"{caller}(): indicator must be a Series or a DataFrame by period.")
    names = [str(c) for c in frame.columns]
    if isinstance(indicator, pd.Series):
        names = [str(indicator.name) if indicator.name is not None else "indicator"]
    values = [
        check_series(frame.iloc[:, i], names[i], caller=caller).to_numpy()
        for i in range(len(names))
    ]
    start = label_days(frame.index, "indicator", caller=caller)
    order = np.argsort(start, kind="stable")
    start = start[order]
    if isinstance(frame.index, pd.PeriodIndex):
        end = frame.index.end_time.to_numpy().astype("datetime64[D]").astype(np.int64)[order]
    else:
        start, end = _ends_of(start)
    return start, end, np.column_stack(values)[order], names


def _ends_of(start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last days of periods that are given by one of them.

    Ends of months are the last days of their periods. Else a period ends the day before the next
    one begins.
    """
    if len(start) < 2:
        return start, start
    months = (start + 1).astype("datetime64[D]").astype("datetime64[M]")
    if (months.astype("datetime64[D]").astype(np.int64) == start + 1).all():
        first = (months[0] - (months[1] - months[0])).astype("datetime64[D]").astype(np.int64)
        return np.r_[first, start[:-1] + 1], start
    end = np.r_[start[1:] - 1, 0]
    months = start.astype("datetime64[D]").astype("datetime64[M]")
    gap = int((months[-1] - months[-2]).astype(np.int64))
    whole_months = (months.astype("datetime64[D]").astype(np.int64) == start).all() and gap > 0
    if whole_months:
        end[-1] = (months[-1] + gap).astype("datetime64[D]").astype(np.int64) - 1
    else:
        end[-1] = start[-1] + (start[-1] - start[-2]) - 1
    return start, end


def _check_blocks(
    block: np.ndarray,
    first: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    last: np.ndarray,
    *,
    caller: str,
) -> None:
    covered = np.zeros(len(first), dtype=np.int64)
    np.add.at(covered, block[block >= 0], (end - start + 1)[block >= 0])
    bad = covered != last - first + 1
    if bad.any():
        day = stamps(first[bad][:1])[0].date()
        raise InputError(
            f"{caller}(): the finer periods do not cover {int(bad.sum())} of the totals exactly, "
            f"first the one from {day}; give the indicator for each period of it."
        )


# --------------------------------------------------------------------------------------
# Computing


def _path(
    coarse: np.ndarray,
    columns: np.ndarray,
    names: list[str],
    across: Any,
    block: np.ndarray,
    method: str,
    *,
    differences: int,
    cholette: bool,
    intercept: bool,
    rho: float | None,
    caller: str,
) -> tuple[np.ndarray, dict[str, Any]]:
    if method in _REGRESSIONS:
        return _regress(coarse, columns, names, across, method, intercept, rho, caller=caller)
    if columns.shape[1] != 1:
        raise InputError(f"{caller}(): method {method!r} takes one indicator, not {len(names)}.")
    line = columns[:, 0]
    if method != "denton_additive" and (line <= 0).any():
        raise InputError(
            f"{caller}(): the indicator is not positive in {int((line <= 0).sum())} period(s), "
            f'which a ratio to it needs; use method="denton_additive" or a regression.'
        )
    if method == "pro_rata":
        return _pro_rata(coarse, line, across, block), {}
    if cholette and differences > len(coarse):
        raise InputError(
            f"{caller}(): differences={differences} needs {differences} totals, there is "
            f"{len(coarse)}: any straight line would do. Use differences=1."
        )
    path = engine.denton(
        coarse,
        line,
        across,
        proportional=method != "denton_additive",
        differences=differences,
        cholette=cholette,
    )
    return path, {}


def _pro_rata(coarse: np.ndarray, line: np.ndarray, across: Any, block: np.ndarray) -> np.ndarray:
    """Each block by its own ratio; periods outside by the ratio of the nearest block."""
    ratio = coarse / (across @ line)
    at = np.flatnonzero(block >= 0)
    near = at[np.clip(np.searchsorted(at, np.arange(len(block))), 0, len(at) - 1)]
    return line * ratio[block[near]]


def _regress(
    coarse: np.ndarray,
    columns: np.ndarray,
    names: list[str],
    across: Any,
    method: str,
    intercept: bool,
    rho: float | None,
    *,
    caller: str,
) -> tuple[np.ndarray, dict[str, Any]]:
    constant = names == ["constant"]
    if intercept and not constant:
        columns = np.column_stack([np.ones(len(columns)), columns])
        names = ["intercept", *names]
    if rho is not None:
        rho = check_number(rho, "rho", caller=caller, low=-0.999, high=0.999)
    if len(coarse) <= columns.shape[1]:
        raise InputError(
            f"{caller}(): method {method!r} estimates {columns.shape[1]} coefficient(s) and "
            f'needs more totals than that; there are {len(coarse)}. Use "denton".'
        )
    if np.linalg.matrix_rank(across @ columns) < columns.shape[1]:
        raise InputError(
            f"{caller}(): the indicators are collinear on the totals ({', '.join(names)}); "
            "leave one out, or intercept=False."
        )
    fit = engine.regression(coarse, columns, across, method=method, rho=rho)
    return fit.fine, {
        "coefficients": dict(zip(names, fit.coefficients.tolist(), strict=True)),
        "standard_errors": dict(zip(names, fit.standard_errors.tolist(), strict=True)),
        "rho": float(fit.rho),
        "r_squared": float(fit.r_squared),
        "adjusted_r_squared": float(fit.adjusted_r_squared),
        "log_likelihood": float(fit.log_likelihood),
    }


def _on_grid(
    path: np.ndarray,
    coarse: np.ndarray,
    block: np.ndarray,
    relation: str,
    step: float,
    *,
    caller: str,
) -> np.ndarray:
    """Whole steps: each total met exactly by largest remainders, the rest to the nearest."""
    if relation != "sum":
        raise InputError(f'{caller}(): step= is for relation="sum"; round the result yourself.')
    whole = units(path, step, name="amount", caller=caller)
    wanted = units(coarse, step, name="totals", caller=caller)
    for b, total in enumerate(wanted):
        at = np.flatnonzero(block == b)
        real = path[at] / float(step)
        base = np.floor(real)
        short = int(total) - int(base.sum())
        room = np.ones(len(at), dtype=np.int64)
        extra = apportion(max(short, 0), real - base + 1e-12, upper=room)
        whole[at] = base.astype(np.int64) + extra
    return money(whole, step)


def column_totals(
    groups: Sequence[Group],
    shape: np.ndarray,
    profile: Any,
    spans: Spans,
    method: str,
    *,
    caller: str,
) -> tuple[list[Group], np.ndarray]:
    """Groups and period weights of a plan, after the path through its totals is chosen."""
    if method == "auto":
        method = "denton" if _is_indicator(groups, shape, profile, spans) else "pro_rata"
    if method == "pro_rata":
        for group in groups:
            _check_told(group, spans, caller=caller)
        return list(groups), shape
    if len(groups) != 1 or shape.ndim != 1:
        raise InputError(
            f"{caller}(): method {method!r} takes totals of the whole organisation and one "
            "profile, not one by key."
        )
    group = groups[0]
    columns, names = shape[:, None], ["indicator"]
    if profile is None:
        names = ["constant"]
    across = engine.weights_of(group.block, len(group.amounts))
    path, _ = _path(
        group.amounts.astype(np.float64),
        columns,
        names,
        across,
        group.block,
        method,
        differences=1,
        cholette=True,
        intercept=True,
        rho=None,
        caller=caller,
    )
    if (path < -1e-9 * np.abs(path).max()).any():
        raise InputError(
            f"{caller}(): method {method!r} makes {int((path < 0).sum())} period(s) negative; "
            'use method="pro_rata" or another indicator.'
        )
    path = np.maximum(path, 0.0)
    outside = group.block < 0
    if outside.any():
        year = spans.year[outside]
        extra = np.unique(year)
        amounts = [int(np.rint(path[outside][year == y].sum())) for y in extra]
        code = len(group.amounts) + np.searchsorted(extra, spans.year)
        block = np.where(outside, code, group.block)
        group = Group(group.rows, np.r_[group.amounts, amounts].astype(np.int64), block)
    return [group], path


def _check_told(group: Group, spans: Spans, *, caller: str) -> None:
    untold = np.unique(spans.year[group.block < 0]).tolist()
    if untold:
        raise InputError(
            f"{caller}(): total has no amount for the year(s) {untold}, which the periods reach "
            "into; they differ. (Years without a total can be extrapolated along an indicator: "
            'method="denton".)'
        )


def _is_indicator(groups: Sequence[Group], shape: np.ndarray, profile: Any, spans: Spans) -> bool:
    """A Series by date with totals of two or more years to meet, whose own years differ."""
    if len(groups) != 1 or shape.ndim != 1 or not isinstance(profile, pd.Series):
        return False
    if pd.api.types.is_integer_dtype(profile.index.dtype):  # by season, not by date
        return False
    group = groups[0]
    if len(group.amounts) < 2 or (shape <= 0).any():
        return False
    known = group.block >= 0
    if not known.all():  # only an indicator can reach beyond the totals
        return True
    _, year = np.unique(spans.year, return_inverse=True)
    sums = np.bincount(year.reshape(-1), weights=shape)
    return bool(np.ptp(sums) > 1e-9 * sums.max())
