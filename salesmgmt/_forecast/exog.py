"""Columns of the history that move sales: prices, promotions, with lags and future values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    check_int,
    check_names,
    factorise,
    stack_keys,
    take,
    to_pandas,
    warn,
)
from ..engine.estimates import Estimates
from ..errors import InputError
from .intake import OWN, Panel

__all__ = [
    "TRIED",
    "beyond",
    "by_series",
    "carry_on",
    "check_drivers",
    "driver_rows",
    "enter",
    "exog_columns",
    "means",
    "with_flags",
]

# They also forecast from earlier times, at which drivers and events were not what they are now.
TRIED = ("backtest", "impact", "forecast_hierarchy")


def exog_columns(
    history: Any,
    panel: Panel,
    horizon: int,
    *,
    by: list[str],
    date: str,
    exog: Any,
    future: Any,
    low: int,
    held: Estimates,
) -> tuple[list[np.ndarray], list[str]]:
    """Drivers by series as (periods, columns) from period ``low`` on, and names of the columns.

    Each less its mean of the past; missing future values are refused.
    """
    lags = lags_by_column(exog, caller=panel.caller)
    high = int(panel.end.max()) + horizon
    check_drivers(exog, panel, by, date)
    rows = driver_rows(history, panel, exog=exog, by=by, date=date, caller=panel.caller)
    table = by_series(rows, future, panel, list(lags), by, date, low, high)
    return _lagged(table, lags, panel, low, horizon, held)


def lags_by_column(exog: Any, *, caller: str) -> dict[str, list[int]]:
    """Column to lags; a name alone has lag 0."""
    if isinstance(exog, str):
        return {exog: [0]}
    if isinstance(exog, Mapping):
        given: dict[str, list[int]] = {}
        for name, lag in exog.items():
            given[str(name)] = [lag] if not isinstance(lag, list | tuple) else list(lag)
    else:
        given = {str(name): [0] for name in check_names(exog, "exog", caller=caller)}
    if not given:
        raise InputError(f"{caller}(): exog is empty; name at least one column.")
    for name, lags in given.items():
        for lag in lags:
            check_int(lag, f"the lag of {name!r} in exog", caller=caller, low=0)
        if not lags or len(set(lags)) < len(lags):
            raise InputError(
                f"{caller}(): exog gives {name!r} the lags {lags!r}; give each lag once, "
                "0 for the period itself."
            )
    return given


def check_drivers(exog: Any, panel: Panel, by: list[str], date: str) -> None:
    """Drivers are neither keys nor what is to be forecast, and their lags lie in the past."""
    own = {*by, date, panel.amount}
    for name, shifts in lags_by_column(exog, caller=panel.caller).items():
        if name in own:
            raise InputError(
                f"{panel.caller}(): exog names {name!r}, which is a key, the date or the amount; "
                "drivers are other columns."
            )
        if name in OWN:
            raise InputError(
                f"{panel.caller}(): exog names {name!r}, a column that is made here; rename yours."
            )
        known = int(panel.end.max() - panel.at.min()) + 1
        if max(shifts) >= known:
            raise InputError(
                f"{panel.caller}(): exog gives {name!r} a lag of {max(shifts)}, but the history "
                f"has {known} period(s)."
            )


def driver_rows(
    history: Any, panel: Panel, *, exog: Any, by: list[str], date: str, caller: str
) -> pd.DataFrame:
    """Mean of the drivers by key and period (``_at``); missing where nothing is known."""
    names = list(lags_by_column(exog, caller=caller))
    return means(history, panel, names, by, date, "history", caller)


def means(
    frame: Any,
    panel: Panel,
    names: list[str],
    by: list[str],
    date: str,
    arg: str,
    caller: str,
    option: str = "exog",
) -> pd.DataFrame:
    roles: dict[str, Any] = {
        f"x{i}": Amount(n, missing="allow", option=option) for i, n in enumerate(names)
    }
    roles |= {f"by{i}": Key(n, missing="allow", option="by") for i, n in enumerate(by)}
    invalid = panel.invalid if arg == "history" else None
    when = Date(date, missing="allow")
    frame = with_flags(to_pandas(frame, caller=caller, arg=arg), names)
    rows = take(frame, caller=caller, arg=arg, invalid=invalid, date=when, **roles)
    table = rows.frame[by].reset_index(drop=True) if by else pd.DataFrame(index=range(len(rows)))
    fine = ~np.isnat(rows["date"])
    if arg == "history" and panel.until is not None:
        fine &= rows["date"].astype("datetime64[D]").astype(np.int64) <= panel.until
    at = np.zeros(len(rows), dtype=np.int64)
    at[fine] = panel.grid.period_of(rows["date"][fine])
    table["_at"] = at
    for i, name in enumerate(names):
        table[name] = rows[f"x{i}"]
    table = table[fine]
    return table.groupby([*by, "_at"], observed=True, as_index=False)[names].mean()


def with_flags(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Columns of true and false (a promotion that runs or not) as ones and zeros."""
    if not frame.columns.is_unique:
        return frame  # told when the columns are taken in
    flags = [c for c in names if c in frame.columns and pd.api.types.is_bool_dtype(frame[c])]
    return frame.assign(**{c: frame[c].astype("Float64") for c in flags}) if flags else frame


def by_series(
    rows: pd.DataFrame,
    future: Any,
    panel: Panel,
    names: list[str],
    by: list[str],
    date: str,
    low: int,
    high: int,
) -> np.ndarray:
    """Drivers (series, periods, columns): past values carried on, future ones as given."""
    out = np.full((len(panel), high - low + 1, len(names)), np.nan)
    enter(out, rows, panel, names, by, low)
    silent = carry_on(out, panel.end - low)
    if silent:
        warn(
            f"{panel.caller}(): a driver has no value in the history of {len(silent)} of "
            f"{len(panel)} series, first {panel.names(silent[:1])}; it is taken as 0 there."
        )
    if future is None:
        return out
    future = to_pandas(future, caller=panel.caller, arg="future")
    keys = [k for k in by if k in future.columns]
    when = "date" if "date" in future.columns else date
    _refuse_two_values(future, [*keys, when], names, panel.caller)
    ahead = means(future, panel, names, keys, when, "future", panel.caller)
    later = np.full_like(out, np.nan)
    enter(later, ahead, panel, names, keys, low)
    after = np.arange(out.shape[1])[None] > (panel.end - low)[:, None]
    after = after[:, :, None] & np.isfinite(later)
    out[after] = later[after]
    return out


def _refuse_two_values(
    future: pd.DataFrame, keys: list[str], names: list[str], caller: str
) -> None:
    """One date of one series with two values of a driver: which of them holds is not known."""
    known = [c for c in (*keys, *names) if c in future.columns]
    if len(known) < len(keys) + len(names) or not future.columns.is_unique:
        return  # told when the columns are taken in
    twice = future[known].drop_duplicates().duplicated(keys, keep=False)
    if twice.any():
        shown = future[known].drop_duplicates()[twice].head(2).to_dict("records")
        raise InputError(
            f"{caller}(): future gives {int(twice.sum())} different values for the same key and "
            f"date, first {shown}; keep one row of each."
        )


def enter(
    out: np.ndarray, rows: pd.DataFrame, panel: Panel, names: list[str], by: list[str], low: int
) -> None:
    at = rows["_at"].to_numpy() - low
    fits = (at >= 0) & (at < out.shape[1])
    values = rows[names].to_numpy(float)
    if not by:
        out[:, at[fits]] = values[fits]
        return
    keys = stack_keys(
        (panel.labels, rows[fits]), by, caller=panel.caller, args=("history", "future")
    )
    codes = factorise(keys, by).codes
    series = pd.DataFrame({"key": codes[: len(panel)], "series": np.arange(len(panel))})
    given = pd.DataFrame({"key": codes[len(panel) :], "row": np.flatnonzero(fits)})
    both = series.merge(given, on="key")
    row = both["row"].to_numpy()
    out[both["series"].to_numpy(), at[row]] = values[row]


def carry_on(table: np.ndarray, end: np.ndarray) -> list[int]:
    """Gaps up to ``end`` take the last value known, before the first one the first.

    Returns the series that have no value of some driver: theirs count as 0.
    """
    place = np.arange(table.shape[1])
    past = place <= end[:, None]
    silent = set()
    for j in range(table.shape[2]):
        values = table[:, :, j]
        known = np.isfinite(values) & past
        some = known.any(axis=1)
        silent.update(np.flatnonzero(~some).tolist())
        first = known.argmax(axis=1)[:, None]
        last = np.maximum(np.maximum.accumulate(np.where(known, place, 0), axis=1), first)
        carried = np.where(some[:, None], np.take_along_axis(values, last, axis=1), 0.0)
        values[past] = carried[past]
    return sorted(silent)


def _lagged(
    table: np.ndarray,
    lags: dict[str, list[int]],
    panel: Panel,
    low: int,
    horizon: int,
    held: Estimates,
) -> tuple[list[np.ndarray], list[str]]:
    """Columns by lag, each less its mean of the past; missing future values are refused."""
    parts, names = [], []
    for j, (name, shifts) in enumerate(lags.items()):
        for lag in shifts:
            moved = np.roll(table[:, :, j], lag, axis=1)
            moved[:, :lag] = table[:, :1, j]
            parts.append(moved)
            names.append(name if lag == 0 else f"{name}_lag{lag}")
    out = np.stack(parts, axis=2)
    _refuse_missing(out, names, panel, low, horizon)
    past = np.arange(out.shape[1])[None] <= (panel.end - low)[:, None]
    if panel.caller not in TRIED:
        _tell_of_strange(out, past, names, panel, low, horizon)
    mean = held.of(
        "means",
        lambda: np.where(past[:, :, None], out, 0.0).sum(axis=1) / past.sum(axis=1)[:, None],
    )
    out = np.where(np.isfinite(out), out - mean[:, None], 0.0)
    out[np.abs(out) <= 1e-12 * np.abs(mean)[:, None]] = 0.0  # rounding of the mean is no movement
    _tell_of_unmoved(out, past, names, panel)
    return list(out), names


def _tell_of_unmoved(table: np.ndarray, past: np.ndarray, names: list[str], panel: Panel) -> None:
    """Drivers that are the same in the whole history and not after it: nothing is known of them."""
    before = np.where(past[:, :, None], table, 0.0).any(axis=(0, 1))
    for j in np.flatnonzero(table.any(axis=(0, 1)) & ~before):
        warn(
            f"{panel.caller}(): driver {names[j]!r} is the same in the whole history and another "
            "after it; what that changes is not known, so that the forecast leaves it out and "
            "only its interval is wider."
        )


def _tell_of_strange(
    table: np.ndarray,
    past: np.ndarray,
    names: list[str],
    panel: Panel,
    low: int,
    horizon: int,
) -> None:
    """Values to come as far beyond all past ones as these lie apart: what they do is not known."""
    steps = (panel.end - low)[:, None] + np.arange(1, horizon + 1)
    ahead = table[np.arange(len(table))[:, None], steps]
    far, least, most = beyond(table, past, ahead)
    if not far.any():
        return
    i, step, j = np.argwhere(far)[0]
    day = str(panel.grid.dates(np.asarray([panel.end[i] + 1 + step]))[0])[:10]
    warn(
        f"{panel.caller}(): {int(far.sum())} value(s) of drivers in future lie far beyond those "
        f"of the history, first {names[j]!r} of {panel.names([int(i)])[0]} on {day}: "
        f"{ahead[i, step, j]:.6g}, so far {least[i, j]:.6g} to {most[i, j]:.6g}. Their effect is "
        "drawn out beyond what was ever seen; check the unit, and trust such a forecast little."
    )


def beyond(
    table: np.ndarray, past: np.ndarray, ahead: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which of ``ahead`` (series, steps, columns) lie farther beyond the past than that is wide.

    Also the least and the largest past value (series, columns). ``table`` (series, periods,
    columns) has the past where ``past`` (series, periods) says so. Series learn from each other:
    how far a column may move is what it did in the one that moved most; where none did, any.
    """
    seen = past[:, :, None] & np.isfinite(table)
    least = np.where(seen, table, np.inf).min(axis=1)
    most = np.where(seen, table, -np.inf).max(axis=1)
    some = seen.any(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = np.where(some, most - least, 0.0).max(axis=0)
        far = (ahead > (most + wide)[:, None]) | (ahead < (least - wide)[:, None])
    return far & (some & (wide > 0))[:, None], least, most


def _refuse_missing(
    table: np.ndarray, names: list[str], panel: Panel, low: int, horizon: int
) -> None:
    steps = (panel.end - low)[:, None] + np.arange(1, horizon + 1)
    ahead = table[np.arange(len(table))[:, None], steps]
    lost = np.argwhere(~np.isfinite(ahead))
    if not len(lost):
        return
    shown = []
    for i, step, j in lost[:5]:
        day = str(panel.grid.dates(np.asarray([panel.end[i] + 1 + step]))[0])[:10]
        shown.append(f"{names[j]!r} of {panel.names([i])[0]} on {day}")
    early = int(panel.end[lost[:, 0]].min())
    told = ""
    if early < int(panel.end.max()):
        first = str(panel.grid.dates(np.asarray([early + 1]))[0])[:10]
        told = f" Series that end before the others are forecast from there on: begin at {first}."
    raise InputError(
        f"{panel.caller}(): future lacks {len(lost)} value(s) of the drivers, first "
        f"{', '.join(shown)}; give every key and period to be forecast a value.{told}"
    )
