"""Columns of a calendar by period: working days, holidays that move, events of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import calendars
from .._calendars.days import resolve_country, stand_ins
from .._frames import Amount, Date, speaking_for, take, to_pandas, warn
from ..engine.estimates import Estimates
from ..errors import InputError
from .daily import SHAPE, Days, festival_shape, period_factors
from .exog import TRIED, with_flags
from .intake import Grid, Panel

__all__ = ["BY_DAY", "BY_SHAPE", "YEARS", "calendar_columns", "known_periods"]

YEARS = {"h": 8766.0, "D": 365.25, "W": 52.18, "M": 12.0, "Q": 4.0, "Y": 1.0}
_SEASONS = {"W": (52,), "M": (12,), "Q": (4,)}  # seasons that are a year
_LONG = 6  # years from which each weekday has an effect of its own in months and quarters
_FESTIVALS = 4  # years of months or quarters below which a moving holiday looks like season
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SHAPE = {"spring_festival": SHAPE}
BY_DAY = "days"  # the column that sums what single days are worth
BY_SHAPE = "spring_festival_shape"  # the one of what a festival's shape adds to its windows
_MADE_UP = "holiday_observed"
_NEAR = 10  # days before it that are quiet rather than busy


def calendar_columns(
    panel: Panel,
    low: int,
    high: int,
    horizon: int,
    calendar: Any,
    events: Any,
    days: Days | None,
    whole: bool,
    held: Estimates,
    back: int = 0,
) -> tuple[list[str], np.ndarray]:
    """Columns of the calendar by period, their usual season taken out.

    ``back``: days that a week begins before the day the grid says (6: it is dated by its last).
    """
    grid, caller = panel.grid, panel.caller
    empty = np.empty((high - low + 1, 0))
    if calendar is None and events is None:
        return [], empty
    if grid.freq == "h":
        raise InputError(f"{caller}(): calendar and events work by day or longer, not by hour.")
    if isinstance(calendar, str) or calendar is None:
        last = int(panel.end.max())
        daily = _country_days(grid, low, high, calendar, events, caller, last, back)
        years = held.of("years", lambda: (high - low + 1 - horizon) / YEARS[grid.freq])
        if days is not None and isinstance(calendar, str) and grid.freq in _SEASONS:
            newest = int(grid.last_day(np.asarray(last)))
            factors = period_factors(days, grid, low, high, newest, daily, calendar, held)
            if factors is not None:
                return _by_day(panel, *factors, years, whole, held)
        if days is not None and isinstance(calendar, str) and grid.freq == "D":
            shape = None
            if "spring_festival" in daily and held.of("sells", _always_sells, panel):
                shape = festival_shape(days, low, high, last, daily, calendar, held)
            if shape is not None:
                daily[BY_SHAPE] = shape
        if calendar is not None and grid.freq in ("M", "Q") and years < _FESTIVALS:
            # Too few dates to tell a festival that moves from the months it falls in.
            kept = _own_daily(grid, low, high, events) | {"working_days"}
            daily = {name: values for name, values in daily.items() if name in kept}
    else:
        if events is not None:
            raise InputError(
                f"{caller}(): give events with a country code, or a calendar frame with the "
                "events in it (calendars.events(own=...)), not both."
            )
        return _settle(panel, *_own_calendar(panel, low, high, calendar), whole, held)
    names = list(daily)
    if not names:
        return [], empty
    starts = grid.first_day(np.arange(low, high + 1)) - grid.first_day(np.asarray(low))
    table = np.column_stack([np.add.reduceat(daily[n], starts) for n in names])
    return _settle(panel, names, table, whole, held)


def _by_day(
    panel: Panel,
    usual: np.ndarray,
    moved: np.ndarray,
    years: float,
    whole: bool,
    held: Estimates,
) -> tuple[list[str], np.ndarray]:
    """The column of what the days of each period are worth."""
    if whole:
        seasonal = _has_season(panel, True) and known_periods(panel) >= 2 * panel.season
        usual = usual - (_by_place(usual, panel.season) if seasonal else np.median(usual))
        return [BY_DAY], (usual + moved)[:, None]
    factors = usual + moved
    if years < 2:  # no season is learned from the periods themselves
        known = factors[: known_periods(panel)]
        return [BY_DAY], (factors - held.of("usual", known.mean))[:, None]
    return _settle(panel, [BY_DAY], factors[:, None], whole, held)


def _own_daily(grid: Grid, low: int, high: int, events: Any) -> set[str]:
    """Names of the caller's own events."""
    if events is None:
        return set()
    return set(_country_days(grid, low, high, None, events, "forecast"))


def _country_days(
    grid: Grid,
    low: int,
    high: int,
    calendar: str | None,
    events: Any,
    caller: str,
    newest: int | None = None,
    back: int = 0,
) -> dict[str, np.ndarray]:
    """Columns by day from the first day of ``low`` to the last of ``high``, ``back`` days before.

    ``newest``: the last known period. How far ahead is asked for must not change what is learned.
    """
    first, last = (
        pd.Timestamp(np.datetime64(int(f(np.asarray(x))) - back, "D"))
        for f, x in ((grid.first_day, low), (grid.last_day, high))
    )
    code = "CN" if calendar is None else calendar
    lead, lag = ({k: v[i] for k, v in _SHAPE.items()} for i in (0, 1))
    china = code.upper().split("-")[0] in ("CN", "CHN")
    margins: dict[str, Any] = {"lead": lead, "lag": lag} if china else {}
    with speaking_for(caller, own="events", country="calendar"):
        table = calendars.events(first, last, country=code, own=events, **margins)
    own = [] if events is None else _own_names(table, first, last, code, margins)
    out = {c: table[c].to_numpy(float) for c in table.columns if c != "date"}
    if own and newest is not None and caller not in TRIED:
        known = int(grid.last_day(np.asarray(newest))) - int(grid.first_day(np.asarray(low))) + 1
        _tell_of_first_ones({c: out[c] for c in own}, known, caller)
    if calendar is None:
        return {c: out[c] for c in own}
    if china:
        _split_lead(out)
    elif any("christmas" in c for c in out) and not any("easter" in c for c in out):
        out.update(_easter(first, last))
    if grid.freq in ("h", "D") and not china and _MADE_UP not in out:
        _apart(out, code, first, last)
    if grid.freq != "D":
        weight = calendars.working_days(first, last, country=code)["weight"].to_numpy(float)
        out = {"working_days": weight, **out}
        out.pop("make_up_workday", None)
        out.pop("weekday_off", None)
        known = int(grid.last_day(np.asarray(high if newest is None else newest)))
        known -= int(grid.first_day(np.asarray(low)))
        if grid.freq in ("M", "Q") and known > _LONG * 365.25:
            day = (np.arange(len(weight)) + first.day_of_week) % 7
            out["days"] = np.ones(len(weight))
            for k, name in enumerate(_WEEKDAYS):
                out[name] = (day == k).astype(float) - (day == 6)
    return out


def _apart(out: dict[str, np.ndarray], code: str, first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Days that make up for holidays of a weekend, as one column of their own.

    Offices close on them; shops that close at Christmas do not on the Monday after it. In weeks
    and months they stay with their holiday: there working days are counted.
    """
    low, high = ((day - pd.Timestamp(0)).days for day in (first, last))
    made_up = np.zeros(high - low + 1)
    for key, days in stand_ins(resolve_country(code, caller="forecast"), low, high).items():
        at = days[(days >= low) & (days <= high)] - low
        made_up[at] = 1.0
        if key in out:
            out[key] = out[key].copy()
            out[key][at] = 0.0
    if made_up.any():
        out[_MADE_UP] = made_up


def _tell_of_first_ones(own: dict[str, np.ndarray], known: int, caller: str) -> None:
    """Events to come that never were: nothing is known of what they do."""
    first = [c for c, x in own.items() if not x[:known].any() and x[known:].any()]
    if first:
        warn(
            f"{caller}(): {len(first)} column(s) of events lie in the periods to come and never "
            f"in the history, first {first[0]!r}; what they do is not known, and the forecast "
            "leaves them out."
        )


def _easter(first: pd.Timestamp, last: pd.Timestamp) -> dict[str, np.ndarray]:
    """Easter, and the week before it, where it is no public holiday but moves trade."""
    from dateutil.easter import easter

    size = (last - first).days + 1
    day, week = np.zeros(size), np.zeros(size)
    for year in range(first.year, last.year + 2):
        at = (pd.Timestamp(easter(year)) - first).days
        day[max(at, 0) : max(at + 1, 0)] = 1.0
        week[max(at - 7, 0) : max(at, 0)] = 1.0
    return {"easter": day, "easter_lead": week}


def _own_names(
    table: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp, code: str, margins: dict[str, Any]
) -> list[str]:
    plain = calendars.events(first, last, country=code, **margins)
    return [c for c in table.columns if c not in plain.columns]


def _split_lead(out: dict[str, np.ndarray]) -> None:
    """The weeks before the Spring Festival: busy first, then quiet."""
    lead = out.get("spring_festival_lead")
    if lead is None:
        return
    near = np.zeros_like(lead)
    for k in range(1, _NEAR + 1):
        near[:-k] = np.maximum(near[:-k], out["spring_festival"][k:] * lead[:-k])
    out["spring_festival_near"] = near
    out["spring_festival_lead"] = lead - near


def _own_calendar(panel: Panel, low: int, high: int, calendar: Any) -> tuple[list[str], np.ndarray]:
    """Numeric columns of the caller's frame, summed by period."""
    caller = panel.caller
    if hasattr(calendar, "columns"):
        calendar = to_pandas(calendar, caller=caller, arg="calendar")
    if not hasattr(calendar, "columns") or "date" not in calendar.columns:
        raise InputError(
            f"{caller}(): calendar must be a country code or a frame with 'date' and columns of "
            f"numbers (see calendars.events), got {type(calendar).__name__}."
        )
    names = [str(c) for c in calendar.columns if c not in ("date", "provisional")]
    calendar = with_flags(calendar, names)
    roles: dict[str, Any] = {f"x{i}": Amount(n) for i, n in enumerate(names)}
    rows = take(calendar, caller=caller, arg="calendar", date=Date("date"), **roles)
    at = panel.grid.period_of(rows["date"]) - low
    inside = (at >= 0) & (at <= high - low)
    lost = np.setdiff1d(np.arange(high - low + 1), at[inside])
    if len(lost):
        shown = ", ".join(str(d)[:10] for d in panel.grid.dates(lost[:3] + low))
        raise InputError(
            f"{caller}(): calendar lacks {len(lost)} period(s) of the history or the horizon, "
            f"first {shown}; make it long enough. Single dates, like those of a fair, go into "
            "events=."
        )
    _refuse_parts(panel, low, high, np.unique(rows.days("date")), caller)
    size = high - low + 1
    columns = [
        np.bincount(at[inside], rows[f"x{i}"][inside], minlength=size) for i in range(len(names))
    ]
    return names, np.column_stack(columns) if columns else np.empty((size, 0))


def _refuse_parts(panel: Panel, low: int, high: int, days: np.ndarray, caller: str) -> None:
    """A calendar by day has all days of the periods: the sum over half a month is none."""
    if len(days) < 2 or np.diff(days).min() > 1 or panel.grid.freq == "h":
        return
    first, last = (
        int(f(np.asarray(x))) for f, x in ((panel.grid.first_day, low), (panel.grid.last_day, high))
    )
    lost = np.setdiff1d(np.arange(first, last + 1), days)
    if len(lost):
        raise InputError(
            f"{caller}(): calendar lacks {len(lost)} day(s) between {np.datetime64(first, 'D')} "
            f"and {np.datetime64(last, 'D')}, first {np.datetime64(int(lost[0]), 'D')}; "
            "make it hold every day of the history and the horizon."
        )


def _settle(
    panel: Panel, names: list[str], table: np.ndarray, whole: bool, held: Estimates
) -> tuple[list[str], np.ndarray]:
    """What the season of a year explains is left to the season; what does not move is left out."""
    columns, known = dict(zip(names, table.T)), known_periods(panel)
    if held.of("seasonal", _has_season, panel, whole):
        # the season is learned from the known periods: what they had on average is in it
        past = {c: x[:known] for c, x in columns.items()}
        usual = held.of("usual", _usual, past, panel.season)
        place = np.arange(len(table)) % panel.season
        columns = {c: x - usual[c][place] for c, x in columns.items() if c in usual}
    if whole:  # an ordinary period has no effect
        columns = {c: x - np.median(x[:known]) for c, x in columns.items()}
    kept = held.of(
        "columns", lambda: [c for c, x in columns.items() if known > 1 and np.ptp(x[:known]) > 1e-9]
    )
    out = np.zeros((len(table), len(kept)))
    for j, name in enumerate(kept):
        out[:, j] = columns.get(name, 0.0)
    return list(kept), out


def _usual(columns: dict[str, np.ndarray], season: int) -> dict[str, np.ndarray]:
    """Mean of each column at each place of the season."""
    out = {}
    for name, x in columns.items():
        mean = _by_place(x, season)[:season]
        out[name] = np.concatenate([mean, np.zeros(season - len(mean))])
    return out


def _always_sells(panel: Panel) -> bool:
    """Whether no known day is without sales: a shape multiplies, and nothing cannot be."""
    sold = panel.values > 0
    if not (sold | ~np.isfinite(panel.values)).all():
        return False
    days = int((panel.end - panel.first_values() + 1).sum())
    return not panel.zero_gaps or int(sold.sum()) == days


def known_periods(panel: Panel) -> int:
    """Periods from the first to the last known one."""
    return int(panel.end.max()) - int(panel.at.min()) + 1


def _has_season(panel: Panel, whole: bool) -> bool:
    """Whether each place in the year has a season of its own that takes what returns there.

    A decomposition (``whole``) has only waves in two or three years of weeks.
    """
    season, known = panel.season, known_periods(panel)
    if season not in _SEASONS.get(panel.grid.freq, ()):
        return False
    return not (whole and season > 12 and 2 * season <= known < 4 * season)


def _by_place(values: np.ndarray, season: int) -> np.ndarray:
    """Mean of the values at the same place in the season."""
    place = np.arange(len(values)) % season
    count = np.maximum(np.bincount(place, minlength=season), 1)
    return np.asarray((np.bincount(place, values, minlength=season) / count)[place])
