"""What moves sales beside level, trend and season: calendar, events, prices, promotions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from .. import calendars
from .._frames import (
    Amount,
    Date,
    Key,
    check_int,
    check_names,
    factorise,
    speaking_for,
    stack_keys,
    take,
    to_pandas,
    warn,
)
from ..engine import regression_effects
from ..engine.estimates import Estimates
from ..errors import InputError
from .daily import Days, period_factors
from .intake import Grid, Panel

__all__ = ["Drivers", "check_drivers", "driver_rows", "read_drivers"]

_YEARS = {"h": 8766.0, "D": 365.25, "W": 52.18, "M": 12.0, "Q": 4.0, "Y": 1.0}
_SEASONS = {"W": (52,), "M": (12,), "Q": (4,)}  # seasons that are a year
_RECENT = 15  # years that effects are learned from: opening hours and habits change
_LONG = 6  # years from which each weekday has an effect of its own in months and quarters
_FESTIVALS = 4  # years of months or quarters below which a moving holiday looks like season
_POOL = 4096  # series whose effects are shrunk towards each other
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SHAPE = {"spring_festival": (28, 17)}  # days before and after that the festival reaches
_BY_DAY = "days"  # the column that sums what single days are worth
_LEVEL = (4, 24)  # periods that tell the level: a season, but no fewer and no more than these
_NEAR = 10  # days before it that are quiet rather than busy
_DOUBT = 0.3  # of what the days are worth, where the periods are too few to correct it


@dataclass(slots=True)
class Drivers:
    """Regressors of a panel, and once fitted their effects.

    ``common`` (periods, columns) runs from period ``low`` to the last one forecast; ``own`` has
    the columns that differ by series as ``(periods, columns)`` over the same periods.
    """

    names: list[str]
    groups: list[str]  # "holiday" or "exog" by column
    low: int
    common: np.ndarray
    presumed: np.ndarray  # what the coefficients are taken to be before the series have spoken
    short: bool = False  # too few periods to tell the calendar from the season
    begin: int = 0  # first period that the record holds from its first day on
    span: int = 12  # newest periods that tell the level
    own: list[np.ndarray] | None = None
    beta: np.ndarray = field(default_factory=lambda: np.empty(0))
    post: np.ndarray = field(default_factory=lambda: np.empty(0))
    logs: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=bool))
    scale: np.ndarray = field(default_factory=lambda: np.empty(0))
    floor: np.ndarray = field(default_factory=lambda: np.empty(0))
    size: np.ndarray = field(default_factory=lambda: np.empty(0))
    held: Estimates = field(default_factory=Estimates)

    def rows(self, series: int, first: int, count: int) -> np.ndarray:
        """Regressors of a series over ``count`` periods from ``first``."""
        at = slice(first - self.low, first - self.low + count)
        if self.own is None:
            return self.common[at]
        return np.hstack([self.common[at], self.own[series][at]])

    def fit(self, panel: Panel) -> Panel:
        """Estimate the effects where they are not held; return the panel without them."""
        dense = list(_dense(panel))
        self.size = self.held.of("size", self._sizes, panel, dense)
        found = self.held.of("evidence", self._evidence, panel, dense)
        self.beta, self.post = self.held.of("effects", self._shrink, found)
        self.logs, self.scale = found.logs, found.scale
        self.floor = np.array(
            [0.0 if not (y[np.isfinite(y)] < 0).any() else -np.inf for _, y in dense]
        )
        return self._clean(panel, dense)

    def effect(self, series: int, first: int, count: int) -> np.ndarray:
        """Effect in logarithms, or in units of the series' scale."""
        return (self.rows(series, first, count) / self.size) @ self.beta[series]

    def doubt(self, series: int, first: int, count: int) -> np.ndarray:
        """Standard error of :meth:`effect`."""
        return self._error_of(self.rows(series, first, count) / self.size, series)

    def doubt_ahead(self, series: int, first: int, count: int) -> np.ndarray:
        """Standard error that the effects give to a forecast from period ``first`` on."""
        return self._error_of(self.moved(series, first, count), series)

    def moved(self, series: int, first: int, count: int) -> np.ndarray:
        """Regressors less what they were lately, each relative to its size.

        An effect that is taken for too large makes the level too low by as much, and the forecast
        starts from that level: only what has moved since is forecast wrongly.
        """
        begin = max(first - self.span, self.low)
        rows = self.rows(series, begin, first - begin + count) / self.size
        return np.asarray(rows[first - begin :] - rows[: first - begin].mean(axis=0))

    def _error_of(self, x: np.ndarray, series: int) -> np.ndarray:
        return np.asarray(np.sqrt(np.einsum("ti,ij,tj->t", x, self.post[series], x)))

    def _sizes(self, panel: Panel, dense: list[tuple[int, np.ndarray]]) -> np.ndarray:
        """Typical size of each column where it is not zero."""
        parts = [self.common] if self.own is None else []
        if self.own is not None:
            step = max(len(dense) // 200, 1)
            parts = [
                self.rows(i, dense[i][0], len(dense[i][1])) for i in range(0, len(dense), step)
            ]
        x = np.vstack(parts)
        some = np.abs(x) > 1e-9 * np.abs(x).max(axis=0, initial=0.0)  # rounding is no regressor
        size = np.sqrt((x**2).sum(axis=0) / np.maximum(some.sum(axis=0), 1))
        return np.where(size > 0, size, 1.0)

    def _evidence(
        self, panel: Panel, dense: list[tuple[int, np.ndarray]]
    ) -> regression_effects.Evidence:
        k, count = len(self.names), len(dense)
        out = regression_effects.Evidence(
            np.zeros((count, k, k)), np.zeros((count, k)), np.zeros(count, bool), np.ones(count)
        )
        yearly = _YEARS[panel.grid.freq]
        for which in _alike(dense, self.own is None):
            first, y = dense[which[0]]
            if not len(y):
                continue
            late = max(len(y) - int(_RECENT * yearly), self.begin - first, 0)
            block = np.column_stack([dense[i][1][late:] for i in which])
            if not np.isfinite(block).any():
                late, block = 0, np.column_stack([dense[i][1] for i in which])
            x = self.rows(int(which[0]), first + late, len(block)) / self.size
            got = regression_effects.evidence(
                block, x, panel.season, yearly=yearly, logs=True if self._by_day.any() else None
            )
            out.information[which], out.score[which] = got.information, got.score
            out.logs[which], out.scale[which] = got.logs, got.scale
        if self._by_day.any():  # what days are worth is a factor, whatever the series
            out.logs[:] = True
        return out

    @property
    def _by_day(self) -> np.ndarray:
        """Columns that sum what single days are worth."""
        return self.presumed > 0

    def _shrink(self, found: regression_effects.Evidence) -> tuple[np.ndarray, np.ndarray]:
        centre, sure = self.presumed * self.size, np.flatnonzero(self._by_day & self.short)
        weight = 1e6 * (1 + np.abs(found.information).max(initial=0.0))
        for j in sure:  # the season, which is not known yet, would be taken for the calendar
            found.information[:, j, j] += weight
            found.score[:, j] += weight * centre[j]
        parts = [
            regression_effects.shrunken(
                found.information[lo : lo + _POOL], found.score[lo : lo + _POOL], centre=centre
            )
            for lo in range(0, len(found.score), _POOL)
        ]
        beta, post = (np.concatenate(v) for v in zip(*parts))
        for j in sure:
            post[:, j, j] += (_DOUBT * centre[j]) ** 2
        return beta, post

    def _clean(self, panel: Panel, dense: list[tuple[int, np.ndarray]]) -> Panel:
        at, values, starts = [], [], [0]
        for i, (first, y) in enumerate(dense):
            effect = self.effect(i, first, len(y)) if len(y) else np.empty(0)
            free = y / np.exp(effect) if self.logs[i] else y - self.scale[i] * effect
            at.append(np.arange(first, first + len(y)))
            values.append(free)
            starts.append(starts[-1] + len(y))
        return replace(
            panel,
            starts=np.asarray(starts),
            at=np.concatenate(at),
            values=np.concatenate(values),
        )

    def put_on(
        self,
        made: dict[str, np.ndarray],
        end: np.ndarray,
        horizon: int,
        non_negative: bool | str,
    ) -> dict[str, np.ndarray]:
        """Forecasts with the effects of the periods after ``end`` on them again.

        Intervals grow by the uncertainty of the effects.
        """
        effect = np.empty((len(end), horizon))
        doubt = np.empty((len(end), horizon))
        for i, last in enumerate(end):
            effect[i] = self.effect(i, int(last) + 1, horizon)
            doubt[i] = self.doubt_ahead(i, int(last) + 1, horizon)
        logs, scale = self.logs[:, None], self.scale[:, None]
        times = np.where(logs, np.exp(np.clip(effect, -5, 5)), 1.0)
        plus = np.where(logs, 0.0, scale * effect)
        out = {"status": made["status"]}
        centre = made["forecast"]
        spread = doubt * np.where(logs, np.abs(centre) * times, scale)
        floor = self.floor[:, None]
        if non_negative != "auto":
            floor = np.full_like(floor, 0.0 if non_negative else -np.inf)
        for name, values in made.items():
            if name == "status":
                continue
            away = (values - centre) * times
            if name != "forecast":
                z = _quantile(name)
                away = np.sign(z) * np.hypot(away, z * spread)
            out[name] = np.maximum(centre * times + plus + away, floor)
        return out


def _quantile(name: str) -> float:
    from scipy.special import ndtri

    side, level = name.split("_")
    z = float(ndtri(0.5 + float(level) / 200))
    return z if side == "hi" else -z


def _dense(panel: Panel) -> Iterator[tuple[int, np.ndarray]]:
    """First period and values of each series, gaps as zero or NaN."""
    for i in range(len(panel)):
        run = slice(panel.starts[i], panel.starts[i + 1])
        at, values = panel.at[run], panel.values[run]
        fine = np.isfinite(values)
        if not fine.any():
            yield int(panel.end[i]), np.empty(0)
            continue
        first = int(at[fine][0])
        last = int(panel.end[i]) if panel.zero_gaps else int(at[fine][-1])
        y = np.full(last - first + 1, 0.0 if panel.zero_gaps else np.nan)
        y[at[fine] - first] = values[fine]
        yield first, y


def _alike(dense: list[tuple[int, np.ndarray]], shared: bool) -> list[np.ndarray]:
    """Series of the same span together, where they share their regressors."""
    if not shared:
        return [np.array([i]) for i in range(len(dense))]
    found: dict[tuple[int, int], list[int]] = {}
    for i, (first, y) in enumerate(dense):
        found.setdefault((first, len(y)), []).append(i)
    return [np.asarray(v) for v in found.values()]


# --------------------------------------------------------------------------------------
# Options in


def read_drivers(
    history: Any,
    panel: Panel,
    horizon: int,
    *,
    by: list[str],
    date: str,
    calendar: Any = None,
    events: Any = None,
    exog: Any = None,
    future: Any = None,
    days: Days | None = None,
    whole: bool = False,
    held: Estimates | None = None,
) -> Drivers | None:
    """Regressors of every period of the panel and ``horizon`` more; None where none are asked.

    ``days``: the rows of the history by day; a calendar of longer periods is learned from them.
    ``whole``: holidays that move keep all of their effect; else what falls into the same place
    every year on average is left to the season. ``held``: what was learned from a shorter record
    of the same series.
    """
    held = held or Estimates()
    caller = panel.caller
    if exog is None and future is not None:
        raise InputError(f"{caller}(): future is given without exog; name its columns in exog.")
    if calendar is None and events is None and exog is None:
        return None
    low, high = int(panel.at.min()), int(panel.end.max()) + horizon
    asked = calendar, events, days, whole
    with speaking_for(caller):
        names, common = _calendar_columns(panel, low, high, horizon, *asked, held)
    presumed = np.array([float(n == _BY_DAY) for n in names])
    short = _known(panel) < 2 * _YEARS[panel.grid.freq]
    inside = bool(presumed.any()) and days is not None and days.begins_inside(panel.grid, low)
    kinds = ["holiday"] * len(names)
    span = min(max(panel.season, _LEVEL[0]), _LEVEL[1])
    out = Drivers(names, kinds, low, common, presumed, short, low + inside, span, held=held)
    if exog is not None:
        lags = _lags(exog, caller)
        check_drivers(exog, panel, by, date)
        rows = driver_rows(history, panel, exog=exog, by=by, date=date, caller=caller)
        table = _by_series(rows, future, panel, list(lags), by, date, low, high, horizon)
        out.own, more = _lagged(table, lags, panel, low, horizon, held)
        out.names, out.groups = names + more, out.groups + ["exog"] * len(more)
        out.presumed = np.concatenate([presumed, np.zeros(len(more))])
    return out if out.names else None


def _calendar_columns(
    panel: Panel,
    low: int,
    high: int,
    horizon: int,
    calendar: Any,
    events: Any,
    days: Days | None,
    whole: bool,
    held: Estimates,
) -> tuple[list[str], np.ndarray]:
    """Columns of the calendar by period, their usual season taken out."""
    grid, caller = panel.grid, panel.caller
    empty = np.empty((high - low + 1, 0))
    if calendar is None and events is None:
        return [], empty
    if grid.freq == "h":
        raise InputError(f"{caller}(): calendar and events work by day or longer, not by hour.")
    if isinstance(calendar, str) or calendar is None:
        daily = _country_days(grid, low, high, calendar, events, caller)
        years = held.of("years", lambda: (high - low + 1 - horizon) / _YEARS[grid.freq])
        if days is not None and isinstance(calendar, str) and grid.freq in _SEASONS:
            last = int(grid.last_day(panel.end.max()))
            factors = period_factors(days, grid, low, high, last, daily, calendar, held)
            if factors is not None:
                return _by_day(panel, *factors, years, whole, held)
        if calendar is not None and grid.freq in ("M", "Q") and years < _FESTIVALS:
            # Too few dates to tell a festival that moves from the months it falls in.
            kept = _own_daily(grid, low, high, calendar, events) | {"working_days"}
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
        seasonal = _has_season(panel, True) and _known(panel) >= 2 * panel.season
        usual = usual - (_by_place(usual, panel.season) if seasonal else np.median(usual))
        return [_BY_DAY], (usual + moved)[:, None]
    factors = usual + moved
    if years < 2:  # no season is learned from the periods themselves
        return [_BY_DAY], (factors - held.of("usual", factors.mean))[:, None]
    return _settle(panel, [_BY_DAY], factors[:, None], whole, held)


def _own_daily(grid: Grid, low: int, high: int, calendar: str, events: Any) -> set[str]:
    """Names of the caller's own events."""
    if events is None:
        return set()
    return set(_country_days(grid, low, high, None, events, "forecast"))


def _country_days(
    grid: Grid, low: int, high: int, calendar: str | None, events: Any, caller: str
) -> dict[str, np.ndarray]:
    """Columns by day from the first day of ``low`` to the last of ``high``."""
    first, last = (
        pd.Timestamp(np.datetime64(int(f(np.asarray(x))), "D"))
        for f, x in ((grid.first_day, low), (grid.last_day, high))
    )
    code = calendar or "CN"
    lead, lag = ({k: v[i] for k, v in _SHAPE.items()} for i in (0, 1))
    china = code.upper().split("-")[0] in ("CN", "CHN")
    margins: dict[str, Any] = {"lead": lead, "lag": lag} if china else {}
    table = calendars.events(first, last, country=code, own=events, **margins)
    own = [] if events is None else _own_names(table, first, last, code, margins)
    out = {c: table[c].to_numpy(float) for c in table.columns if c != "date"}
    if calendar is None:
        return {c: out[c] for c in own}
    if china:
        _split_lead(out)
    elif any("christmas" in c for c in out) and not any("easter" in c for c in out):
        out.update(_easter(first, last))
    if grid.freq != "D":
        weight = calendars.working_days(first, last, country=code)["weight"].to_numpy(float)
        out = {"working_days": weight, **out}
        out.pop("make_up_workday", None)
        out.pop("weekday_off", None)
        if grid.freq in ("M", "Q") and (last - first).days > _LONG * 365.25:
            day = (np.arange(len(weight)) + first.day_of_week) % 7
            out["days"] = np.ones(len(weight))
            for k, name in enumerate(_WEEKDAYS):
                out[name] = (day == k).astype(float) - (day == 6)
    return out


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
    roles: dict[str, Any] = {f"x{i}": Amount(n) for i, n in enumerate(names)}
    rows = take(calendar, caller=caller, arg="calendar", date=Date("date"), **roles)
    at = panel.grid.period_of(rows["date"]) - low
    inside = (at >= 0) & (at <= high - low)
    lost = np.setdiff1d(np.arange(high - low + 1), at[inside])
    if len(lost):
        shown = ", ".join(str(d)[:10] for d in panel.grid.dates(lost[:3] + low))
        raise InputError(
            f"{caller}(): calendar lacks {len(lost)} period(s) of the history or the horizon, "
            f"first {shown}; make it long enough."
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
    columns = dict(zip(names, table.T))
    if held.of("seasonal", _has_season, panel, whole):
        usual = held.of("usual", _usual, columns, panel.season)
        place = np.arange(len(table)) % panel.season
        columns = {c: x - usual[c][place] for c, x in columns.items() if c in usual}
    known = _known(panel)
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


def _known(panel: Panel) -> int:
    """Periods from the first to the last known one."""
    return int(panel.end.max()) - int(panel.at.min()) + 1


def _has_season(panel: Panel, whole: bool) -> bool:
    """Whether each place in the year has a season of its own that takes what returns there.

    A decomposition (``whole``) has only waves in two or three years of weeks.
    """
    season, known = panel.season, _known(panel)
    if season not in _SEASONS.get(panel.grid.freq, ()):
        return False
    return not (whole and season > 12 and 2 * season <= known < 4 * season)


def _by_place(values: np.ndarray, season: int) -> np.ndarray:
    """Mean of the values at the same place in the season."""
    place = np.arange(len(values)) % season
    count = np.maximum(np.bincount(place, minlength=season), 1)
    return np.asarray((np.bincount(place, values, minlength=season) / count)[place])


# --------------------------------------------------------------------------------------
# Columns of the history


def _lags(exog: Any, caller: str) -> dict[str, list[int]]:
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
    for name, shifts in _lags(exog, panel.caller).items():
        if name in own:
            raise InputError(
                f"{panel.caller}(): exog names {name!r}, which is a key, the date or the amount; "
                "drivers are other columns."
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
    names = list(_lags(exog, caller))
    return _means(history, panel, names, by, date, "history", caller)


def _means(
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
    rows = take(frame, caller=caller, arg=arg, invalid=invalid, date=when, **roles)
    table = rows.frame[by].reset_index(drop=True) if by else pd.DataFrame(index=range(len(rows)))
    fine = ~np.isnat(rows["date"])
    at = np.zeros(len(rows), dtype=np.int64)
    at[fine] = panel.grid.period_of(rows["date"][fine])
    table["_at"] = at
    for i, name in enumerate(names):
        table[name] = rows[f"x{i}"]
    table = table[fine]
    return table.groupby([*by, "_at"], observed=True, as_index=False)[names].mean()


def _by_series(
    rows: pd.DataFrame,
    future: Any,
    panel: Panel,
    names: list[str],
    by: list[str],
    date: str,
    low: int,
    high: int,
    horizon: int,
) -> np.ndarray:
    """Drivers (series, periods, columns): past values carried on, future ones as given."""
    out = np.full((len(panel), high - low + 1, len(names)), np.nan)
    _enter(out, rows, panel, names, by, low)
    silent = _carry_on(out, panel.end - low)
    if silent:
        warn(
            f"{panel.caller}(): a driver has no value in the history of {len(set(silent))} of "
            f"{len(panel)} series, first {panel.names(silent[:1])}; it is taken as 0 there."
        )
    if future is None:
        return out
    future = to_pandas(future, caller=panel.caller, arg="future")
    keys = [k for k in by if k in future.columns]
    when = "date" if "date" in future.columns else date
    _refuse_two_values(future, [*keys, when], names, panel.caller)
    ahead = _means(future, panel, names, keys, when, "future", panel.caller)
    later = np.full_like(out, np.nan)
    _enter(later, ahead, panel, names, keys, low)
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


def _enter(
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


def _carry_on(table: np.ndarray, end: np.ndarray) -> list[int]:
    """Gaps up to ``end`` take the last value known, before the first one the first.

    Returns the series that have no value of some driver: theirs count as 0.
    """
    silent: list[int] = []
    for i in range(len(table)):
        part = table[i, : end[i] + 1]
        for j in range(part.shape[1]):
            known = np.flatnonzero(np.isfinite(part[:, j]))
            if not len(known):
                part[:, j] = 0.0
                silent.append(i)
                continue
            last = np.maximum.accumulate(np.where(np.isfinite(part[:, j]), np.arange(len(part)), 0))
            part[:, j] = part[np.maximum(last, known[0]), j]
    return silent


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
    mean = held.of(
        "means",
        lambda: np.where(past[:, :, None], out, 0.0).sum(axis=1) / past.sum(axis=1)[:, None],
    )
    out = np.where(np.isfinite(out), out - mean[:, None], 0.0)
    return list(out), names


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
    raise InputError(
        f"{panel.caller}(): future lacks {len(lost)} value(s) of the drivers, first "
        f"{', '.join(shown)}; give every key and period to be forecast a value."
    )
