"""Products that are phased out: their forecasts run down to the day they end."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, Rows, check_int, factorise, take, to_pandas, warn
from ..errors import DataWarning, InputError
from .fit import check_levels
from .intake import Grid, Panel, one_key, read_history

__all__ = ["forecast_ending"]

_LEAST = 3  # endings in the history from which a way down is learned
_BEFORE = 6  # periods before the way down that say what was usual


def forecast_ending(
    forecasts: pd.DataFrame,
    history: pd.DataFrame,
    endings: pd.DataFrame,
    *,
    by: str | Sequence[str],
    ramp: int = 6,
    freq: str | None = None,
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    end: str = "end",
) -> pd.DataFrame:
    """Run the forecasts of products that are phased out down to their last day.

    How products that ended before sold in their last periods, against what was usual for them
    until then, is put on the forecasts of those that will end. Fewer than three such endings in
    the history: a straight line down.

    Parameters
    ----------
    forecasts : DataFrame
        Result of :func:`forecast` or :func:`simulate` with ``by`` among its keys. Not modified.
    history : DataFrame
        ``by``, ``date``, ``amount``: what the forecasts were made from.
    endings : DataFrame
        One row a product: ``by``, ``end`` (last day of sale; those in periods that are over
        teach, later ones are applied).
    by : str
        Product column (a list of one will do).
    ramp : int, default=6
        Periods before the end in which sales run down.
    freq, as_of, invalid, date, amount
        As in :func:`forecast`.
    end : str
        Column of ``endings``.

    Returns
    -------
    DataFrame
        ``forecasts`` with forecast, intervals or draws multiplied by ``remaining`` (1 before the
        way down, 0 after the end; a period is over when its end lies in or before it). Products
        with sales after their end are told of. ``status``,
        where there is one, becomes ``"ending"`` and, after the end, ``"ended"``.

    Raises
    ------
    InputError
        A column is missing, a product stands twice in ``endings``, or ``ramp`` is below 1.

    References
    ----------
    F. M. Bass, "A new product growth for model consumer durables", Management Science 15 (1969),
    215-227 (the life cycle of a product); the shares are medians over past endings.

    Examples
    --------
    >>> import pandas as pd
    >>> month = pd.date_range("2024-01-01", periods=12, freq="MS")
    >>> sales = pd.DataFrame({"sku": "a", "date": month, "amount": 60.0})
    >>> ahead = pd.DataFrame({"sku": "a", "date": pd.date_range("2025-01-01", periods=4, freq="MS"),
    ...                       "forecast": 60.0, "status": "ok"})
    >>> ends = pd.DataFrame({"sku": ["a"], "end": ["2025-03-31"]})
    >>> forecast_ending(ahead, sales, ends, by="sku", ramp=3)[["forecast", "remaining", "status"]]
       forecast  remaining  status
    0      45.0       0.75  ending
    1      30.0       0.50  ending
    2      15.0       0.25  ending
    3       0.0       0.00   ended
    """
    caller = "forecast_ending"
    by = one_key(by, caller=caller)
    ramp = check_int(ramp, "ramp", caller=caller, low=1)
    forecasts = to_pandas(forecasts, caller=caller, arg="forecasts")
    columns = _numbers(forecasts, amount, caller)
    ahead = _take_forecasts(forecasts, by, columns, caller)
    with warnings.catch_warnings():  # told when the forecasts were made
        warnings.filterwarnings("ignore", ".* is not over at ", DataWarning)
        panel = read_history(
            history,
            caller=caller,
            by=by,
            freq=freq,
            season_length=1,
            partial="drop",
            gaps="missing",
            date=date,
            amount=amount,
            as_of=as_of,
            invalid=invalid,
        )
    ends = take(
        endings,
        caller=caller,
        arg="endings",
        invalid=invalid,
        unique=("product",),
        product=Key(by, option="by"),
        end=Date(end),
    )
    _tell_of_unknown(panel, ahead, ends, by, caller)
    over = _end_by_series(panel, ends, by)
    _tell_of_later_sales(panel, over, caller)
    shares = _way_down(panel, over, ramp)
    left = _remaining(ahead, ends, by, panel.grid, shares)
    out = forecasts.reset_index(drop=True).copy()
    for i, column in enumerate(columns):
        out[column] = ahead[f"x{i}"] * left
    out["remaining"] = left
    if "status" in out.columns:
        status = np.where(left <= 0, "ended", "ending")
        out["status"] = out["status"].where(left >= 1, status)
    return out


def _numbers(forecasts: Any, amount: str, caller: str) -> list[str]:
    """Columns to be run down: forecast and interval ends, or the draws' amounts."""
    names = [str(c) for c in getattr(forecasts, "columns", [])]
    if "forecast" not in names and "draw" not in names:
        raise InputError(
            f"{caller}(): forecasts has neither 'forecast' nor 'draw'; give the result of "
            "forecast or simulate."
        )
    if "forecast" not in names:
        return [amount]
    ends = [c for c in names if c[:3] in ("lo_", "hi_") and _is_level(c[3:], caller)]
    return ["forecast", *ends]


def _take_forecasts(forecasts: pd.DataFrame, by: str, columns: list[str], caller: str) -> Rows:
    """Checked rows, the numbers to be run down as ``x0``, ``x1``, ..."""
    roles: dict[str, Any] = {f"x{i}": Amount(c, missing="allow") for i, c in enumerate(columns)}
    return take(
        forecasts,
        caller=caller,
        arg="forecasts",
        product=Key(by, option="by"),
        date=Date("date", option=""),
        draw=None if "forecast" in columns else Key("draw"),  # samples are what is asked for here
        **roles,
    )


def _is_level(text: str, caller: str) -> bool:
    try:
        check_levels(float(text), caller=caller)
    except ValueError:
        return False
    return True


def _places(labels: pd.DataFrame, wanted: pd.DataFrame, by: str) -> np.ndarray:
    """Row of ``labels`` with the product of each row of ``wanted``; -1 where there is none."""
    both = pd.concat([labels[[by]], wanted[[by]]], ignore_index=True)
    codes = factorise(both, [by]).codes
    place = np.full(int(codes.max(initial=0)) + 1, -1)
    place[codes[: len(labels)]] = np.arange(len(labels))
    return np.asarray(place[codes[len(labels) :]])


def _tell_of_unknown(panel: Panel, ahead: Any, ends: Any, by: str, caller: str) -> None:
    """Endings of products that are in neither table: a slip of the pen ends nothing."""
    lost = (_places(panel.labels, ends.frame, by) < 0) & (_places(ahead.frame, ends.frame, by) < 0)
    if lost.any():
        names = [str(name) for name in ends.frame[by][lost]]
        warn(
            f"{caller}(): {len(names)} product(s) of endings are neither in forecasts nor in "
            f"history, first {names[0]!r}; nothing is done for them."
        )


def _end_by_series(panel: Panel, ends: Any, by: str) -> np.ndarray:
    """Period in which each series of the history ended; the last integer where it has not."""
    out = np.full(len(panel), np.iinfo(np.int64).max)
    at = panel.grid.period_of(ends["end"])
    place = _places(panel.labels, ends.frame, by)
    past = (place >= 0) & (at <= int(panel.end.max()))
    out[place[past]] = at[past]
    return out


def _tell_of_later_sales(panel: Panel, end: np.ndarray, caller: str) -> None:
    """What sold on after its end has not ended, or not then; its forecast is 0 all the same."""
    series = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
    sold = np.unique(series[(panel.at > end[series]) & (np.nan_to_num(panel.values) > 0)])
    if len(sold):
        warn(
            f"{caller}(): {len(sold)} product(s) have sales in history after the period they "
            f"ended in, first {panel.names(sold[:1].tolist())[0]}; check their end in endings."
        )


def _way_down(panel: Panel, end: np.ndarray, ramp: int) -> np.ndarray:
    """Share of the usual sales that is left ``ramp`` - 1, ..., 0 periods before the end."""
    found = []
    for i in np.flatnonzero(end < np.iinfo(np.int64).max):
        sold = _sold_before(panel, int(i), int(end[i]), ramp + _BEFORE)
        last, usual = sold[:ramp], sold[ramp:][np.isfinite(sold[ramp:])]
        if len(usual) < _BEFORE // 2 or usual.mean() <= 0 or not np.isfinite(last).all():
            continue
        found.append(last[::-1] / usual.mean())
    if len(found) < _LEAST:
        return np.arange(ramp, 0, -1) / (ramp + 1)
    shares = np.clip(np.median(found, axis=0), 0.0, 1.0)
    return np.asarray(np.minimum.accumulate(shares))


def _sold_before(panel: Panel, series: int, end: int, count: int) -> np.ndarray:
    """What a series sold 0, 1, ... ``count`` - 1 periods before its end.

    Nothing in a period without a row, before the end as on the way to it; NaN where the amount is
    missing and before the first row.
    """
    run = slice(panel.starts[series], panel.starts[series + 1])
    back = end - panel.at[run]
    out = np.where(np.arange(count) <= back.max(initial=-1), 0.0, np.nan)
    inside = (back >= 0) & (back < count)
    out[back[inside]] = panel.values[run][inside]
    return out


def _remaining(ahead: Any, ends: Any, by: str, grid: Grid, shares: np.ndarray) -> np.ndarray:
    """What is left of each forecast row."""
    place = _places(ends.frame, ahead.frame, by)
    end = grid.period_of(ends["end"])
    out = np.ones(len(ahead))
    some = np.flatnonzero(place >= 0)
    back = end[place[some]] - grid.period_of(ahead["date"][some])
    inside = (back >= 0) & (back < len(shares))
    out[some[inside]] = shares[len(shares) - 1 - back[inside]]
    out[some[back < 0]] = 0.0
    return out
