"""History becomes series: one value a key and period, cut into blocks for the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Keys,
    Rows,
    check_choice,
    check_column,
    check_freq,
    check_int,
    check_names,
    one_currency,
    resolve_as_of,
    take,
    warn,
)
from ..engine import periods
from ..errors import InputError
from .opening import tell_of_gaps, tell_of_months, with_rare_days

__all__ = ["OWN", "Block", "Grid", "Panel", "known_rows", "one_key", "read_history"]

BLOCK = 512  # series side by side: a step of the recursions then stays in the cache

_ROUNDS = 8  # days or hours that show until when readings come, and how alike they must be

_HUGE = 1e305  # beyond it sums over periods are no numbers any more

OWN = ("_at", "_series", "_node")  # columns of the tables that results are made from

# What results hold besides the keys: no key column may be named like that.
_FORECAST = "date forecast lo_* hi_* status _at _series"
_RESULTS = {
    "forecast": _FORECAST,
    "Forecaster": _FORECAST + " draw amount",
    "forecast_hierarchy": _FORECAST + " base residual cutoff",
    "forecast_new": _FORECAST + " age analogues",
    "forecast_sparse": _FORECAST + " chance",
    "simulate": "date draw amount _at _series",
    "backtest": _FORECAST + " cutoff model actual step",
    "components": "date amount trend season holiday exog remainder _*",
    "anomalies": "date amount expected lo hi score anomaly _*",
    "impact": _FORECAST + " actual expected effect effect_* cumulative cumulative_* p_value placebo"
    " lift lift_* step model cutoff _*",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """The calendar of a panel: its frequency and where in the period the dates stand."""

    freq: str
    week_start: int = 0
    anchor: tuple[int, int] = (0, 0)  # whole months, then days, from the start of the period
    at_end: bool = False
    year_start: int = 1  # first month of the fiscal year, as the dates of quarters or years say
    weekdays: bool = False  # dates stand on the first or last weekday of their period

    def period_of(self, dates: np.ndarray) -> np.ndarray:
        """Number of the period of each datetime64."""
        if len(dates) > 100_000:  # many rows, few dates
            which, distinct = pd.factorize(dates)
            return self.period_of(np.asarray(distinct))[which]
        if self.freq == "h":
            return dates.astype("datetime64[h]").astype(np.int64)
        return periods.period_of(_days(dates), self.freq, **self._starts)

    @property
    def _starts(self) -> dict[str, int]:
        return {"week_start": self.week_start, "year_start": self.year_start}

    def whole(self, days: np.ndarray) -> bool:
        """Whether days are all first days, or all last days, of their periods."""
        days = _month_edges(days) if self.weekdays else days
        return periods.whole_periods(days, self.freq, **self._starts)

    def first_day(self, at: np.ndarray) -> np.ndarray:
        """First day of each period, days since 1970-01-01."""
        if self.freq == "h":
            return np.floor_divide(at, 24)
        return periods.period_start(at, self.freq, **self._starts)

    def last_day(self, at: np.ndarray) -> np.ndarray:
        """Last day of each period, days since 1970-01-01."""
        return self.first_day(at + 1) - (0 if self.freq == "h" else 1)

    def dates(self, at: np.ndarray) -> np.ndarray:
        """Each period as the data write it: its start, its end or its usual day."""
        if self.freq == "h":
            return np.asarray(at, dtype="datetime64[h]").astype("datetime64[us]")
        if self.at_end or self.weekdays:
            days = self.last_day(at) if self.at_end else self.first_day(at)
            days = _on_weekdays(days, self.at_end) if self.weekdays else days
            return days.astype("datetime64[D]").astype("datetime64[us]")
        first = self.first_day(at).astype("datetime64[D]")
        months, extra = self.anchor
        if months:
            later = first.astype("datetime64[M]") + np.timedelta64(months, "M")
            first = later.astype("datetime64[D]")
        return (first + np.timedelta64(extra, "D")).astype("datetime64[us]")


@dataclass(frozen=True, slots=True)
class Block:
    """Some series side by side: ``y`` (time, series), NaN where nothing is known.

    Column ``j`` is series ``series[j]`` of the panel; its first value stands in row 0, its
    last in row ``n[j] - 1``, and ``ahead[j]`` known but empty periods follow.
    """

    series: np.ndarray
    y: np.ndarray
    n: np.ndarray
    ahead: np.ndarray
    last: np.ndarray


@dataclass(slots=True)
class Panel:
    """All series, one sorted run of (period, value) each."""

    keys: Keys | None
    grid: Grid
    season: int
    starts: np.ndarray  # run of series i: starts[i]:starts[i + 1]
    at: np.ndarray
    values: np.ndarray
    end: np.ndarray  # last period of each series, with or without a value
    zero_gaps: bool
    caller: str
    invalid: str = "raise"  # what is done with rows that cannot be used
    amount: str = "amount"  # column of the history
    closes: bool = False  # days or hours without any sale in the whole record are closed
    rare: np.ndarray | None = None  # rows that are zeros on days seldom worked, by the record
    until: int | None = None  # last day that is to be known
    scaled: bool = False  # whether the last period is not over and its values are guessed

    @property
    def gaps(self) -> str:
        """What periods without rows mean, for reading the sums again."""
        return "zero" if self.zero_gaps else "auto" if self.closes else "missing"

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def labels(self) -> pd.DataFrame:
        """Key columns, one row a series."""
        if self.keys is None:
            return pd.DataFrame(index=pd.RangeIndex(len(self)))
        return self.keys.labels

    def names(self, which: Sequence[int]) -> list[str]:
        """Keys of some series as text, for messages."""
        if self.keys is None:
            return ["the series"]
        rows = self.keys.labels.iloc[list(which)].itertuples(index=False)
        return [" / ".join(map(str, r)) for r in rows]

    def blocks(self, size: int = BLOCK, longest: int | None = None) -> Iterator[Block]:
        """Series of like length together, longest first; ``longest`` keeps the newest values."""
        first, last, count = self._spans()
        length = last - first + 1
        length[count == 0] = 0
        order = np.argsort(-length, kind="stable")
        for lo in range(0, len(order), size):
            which = order[lo : lo + size]
            yield self._block(which, first[which], last[which], length[which], longest)

    def sample(self, most: int, least: int, longest: int) -> Block:
        """Up to ``most`` series of at least ``least`` periods, their newest ``longest``."""
        first, last, count = self._spans()
        length = np.where(count > 0, last - first + 1, 0)
        which = np.flatnonzero(length >= least)
        which = self.spread(which, most)
        return self._block(which, first[which], last[which], length[which], longest)

    def spread(self, which: np.ndarray, most: int) -> np.ndarray:
        """Up to ``most`` of some series, evenly from the even to the uneven ones.

        What a series is called has no part in it, nor has its unit.
        """
        if len(which) <= most:
            return which
        place = ((np.arange(most) + 0.5) * len(which) / most).astype(int)
        return np.asarray(which[np.argsort(self._unevenness()[which], kind="stable")][place])

    def _unevenness(self) -> np.ndarray:
        """Mean square over squared mean of the absolute amounts of each series that are not 0."""
        runs, out = np.diff(self.starts), np.zeros(len(self))
        some = runs > 0
        begin = self.starts[:-1][some]
        size = np.nan_to_num(np.abs(self.values), posinf=0.0)
        largest = np.maximum.reduceat(size, begin) + np.finfo(float).tiny
        size /= np.repeat(largest, runs[some])  # squares of any unit are finite
        count = np.add.reduceat((size > 0).astype(float), begin)
        total = np.add.reduceat(size, begin)
        size *= size
        square = np.add.reduceat(size, begin)
        out[some] = np.divide(count * square, total**2, out=np.zeros_like(count), where=total > 0)
        return out

    def take(self, which: np.ndarray) -> Panel:
        """Some of the series, in the order asked for."""
        if np.array_equal(which, np.arange(len(self))):
            return self
        runs = self.starts[which + 1] - self.starts[which]
        starts = np.concatenate(([0], np.cumsum(runs)))
        cell = np.repeat(self.starts[which] - starts[:-1], runs) + np.arange(starts[-1])
        keys = self.keys
        if keys is not None:
            keys = Keys(np.arange(len(which)), keys.labels.iloc[which].reset_index(drop=True))
        return replace(
            self,
            keys=keys,
            starts=starts,
            at=self.at[cell],
            values=self.values[cell],
            end=self.end[which],
        )

    def block_from(self, which: np.ndarray, first: np.ndarray) -> Block:
        """Series side by side, each from a period given to its last."""
        _, last, _ = self._spans()
        length = np.maximum(last[which] - first + 1, 0)
        return self._block(which, first, last[which], length, None)

    def first_values(self) -> np.ndarray:
        """First period with a value of each series; its end where there is none."""
        return self._spans()[0]

    @property
    def begin(self) -> np.ndarray:
        """First period with a row of each series; the one after its end where it has none.

        A product that came in a period that is not over has none once that is left out.
        """
        out = self.end + 1
        some = np.diff(self.starts) > 0
        out[some] = self.at[self.starts[:-1][some]]
        return out

    def with_rows(self) -> Panel:
        """The same with one row of a missing amount, in its last period, for a series of none."""
        none = np.flatnonzero(np.diff(self.starts) == 0)
        if not len(none):
            return self
        place = self.starts[none]
        at = np.insert(self.at, place, self.end[none])
        values = np.insert(self.values, place, np.nan)
        more = np.searchsorted(none, np.arange(len(self.starts)))
        return replace(self, at=at, values=values, starts=self.starts + more)

    def _spans(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First and last period with a value, and how many values, of each series."""
        known = np.flatnonzero(np.isfinite(self.values))
        lo = np.searchsorted(known, self.starts[:-1])
        hi = np.searchsorted(known, self.starts[1:])
        count = hi - lo
        first, last = self.end.copy(), self.end.copy()
        some = count > 0
        first[some] = self.at[known[lo[some]]]
        last[some] = self.at[known[hi[some] - 1]]
        if self.zero_gaps:
            last[some] = self._last_told()[some]
        return first, last, count

    def _last_told(self) -> np.ndarray:
        """Last period of each series that is known, be it as nothing sold for want of a row."""
        last = self.end.copy()
        row = self.starts[1:] - 1
        waits = np.flatnonzero(row >= self.starts[:-1])
        while len(waits):  # rows at the end whose amount is missing
            own = row[waits]
            waits = waits[(self.at[own] == last[waits]) & ~np.isfinite(self.values[own])]
            last[waits] -= 1
            row[waits] -= 1
            waits = waits[row[waits] >= self.starts[waits]]
        return last

    def _block(
        self,
        which: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        length: np.ndarray,
        longest: int | None,
    ) -> Block:
        if longest is not None and (length > longest).any():
            first = np.where(length > longest, last - longest + 1, first)
            length = np.minimum(length, longest)
        y = np.full((int(length.max(initial=1)) or 1, len(which)), np.nan)
        if self.zero_gaps:
            y[np.arange(len(y))[:, None] < length] = 0.0
        runs = self.starts[which + 1] - self.starts[which]
        column = np.repeat(np.arange(len(which)), runs)
        offset = np.arange(len(column)) - np.repeat(np.cumsum(runs) - runs, runs)
        cell = self.starts[which][column] + offset
        row = self.at[cell] - first[column]
        fits = (row >= 0) & (row < length[column])
        y[row[fits], column[fits]] = self.values[cell[fits]]  # missing ones are no zeros either
        return Block(which, y, length, self.end[which] - last, self.end[which])


def read_history(
    history: Any,
    *,
    caller: str,
    by: str | Sequence[str] | None,
    freq: str | None,
    season_length: int | None,
    partial: str,
    gaps: str,
    date: str,
    amount: str,
    as_of: object = None,
    invalid: str = "raise",
    again: bool = False,
) -> Panel:
    """Check ``history`` and sum it to one value a key and period.

    ``again``: sums of a history that has been read before; what it lacks has been told.
    """
    check_choice(partial, "partial", ("drop", "keep", "scale"), caller=caller)
    check_choice(gaps, "gaps", ("auto", "zero", "missing"), caller=caller)
    for name, option in ((date, "date"), (amount, "amount")):
        check_column(name, option, caller=caller)
    _refuse_result_names(check_names(by, "by", caller=caller), (date, amount), caller)
    if amount != "quantity":  # pieces have no currency
        names = check_names(by, "by", caller=caller)
        one_currency(history, names, caller=caller, arg="history", each=True)
    rows = take(
        history,
        caller=caller,
        arg="history",
        invalid=invalid,
        by=by,
        date=Date(date),
        amount=Amount(amount, missing="allow"),
    )
    if as_of is not None:
        rows = _up_to(rows, resolve_as_of(as_of, caller=caller), caller)
    options = [f"by{i}" for i in range(len(check_names(by, "by", caller=caller)))]
    keys = rows.keys(*options) if options else None
    codes = keys.codes if keys is not None else np.zeros(len(rows), dtype=np.int64)
    grid, regular = _find_grid(rows["date"], codes, freq, caller=caller)
    season = periods.periods_a_year(grid.freq)
    if isinstance(season_length, Sequence | np.ndarray) and not isinstance(season_length, str):
        raise InputError(
            f"{caller}(): season_length is one number, the shortest season (24, 7, 12), got "
            f"{season_length!r}; a longer one beside it (168 beside 24, a year beside 7) is found "
            "by itself."
        )
    if season_length is not None:
        season = check_int(season_length, "season_length", caller=caller, low=1, high=100_000)
    zero = gaps == "zero" or (gaps == "auto" and not regular)
    panel = _sum_up(rows["date"], codes, rows["amount"], keys, grid, season, zero, caller)
    panel.invalid, panel.amount = invalid, amount
    if as_of is not None:
        panel.until = int(_days(resolve_as_of(as_of, caller=caller).to_datetime64()))
    panel.closes = gaps != "missing" and grid.freq in ("D", "h")
    if panel.closes and not zero:
        panel.rare = with_rare_days(panel)
    if gaps == "auto" and not zero and not again:
        tell_of_gaps(panel)
    if gaps == "auto" and zero and not again:
        tell_of_months(rows["date"], panel)
    return _settle_last(panel, rows["date"], codes, as_of, partial)


def known_rows(rows: Rows, panel: Panel) -> np.ndarray:
    """Which rows (with a ``date``) are no later than the day that the panel's data reach to."""
    if panel.until is None:
        return np.ones(len(rows), dtype=bool)
    return np.asarray(rows.days("date") <= panel.until)


def one_key(by: Any, *, caller: str) -> str:
    """The one key column of a function that goes by product."""
    names = check_names(by, "by", caller=caller)
    if len(names) != 1:
        raise InputError(f"{caller}(): by must name one column, that of the product; got {by!r}.")
    return names[0]


def _refuse_result_names(keys: list[str], values: tuple[str, str], caller: str) -> None:
    """Keys are neither the dates and amounts themselves nor named like columns of the result, or
    of the tables it is made from."""
    option = "keys" if caller == "forecast_hierarchy" else "by"
    for key in keys:
        if key in values:
            raise InputError(
                f"{caller}(): {option} names {key!r}, which is the date or the amount; "
                "give columns that tell series apart."
            )
        patterns = _RESULTS.get(caller.split(".")[0], "").split()
        if any(fnmatchcase(str(key), pattern) for pattern in patterns):
            raise InputError(
                f"{caller}(): {option} names {key!r}, which is a column of the result too; "
                f"rename it first: history.rename(columns={{{key!r}: ...}})."
            )


def _up_to(rows: Rows, last: pd.Timestamp, caller: str) -> Rows:
    """The rows that were known at the end of a day."""
    known = rows.days("date") <= int(_days(last.to_datetime64()))
    if known.all():
        return rows
    if not known.any():
        raise InputError(
            f"{caller}(): all {len(rows)} rows of history are later than as_of {last.date()}."
        )
    values = {option: v[known] for option, v in rows.values.items()}
    return Rows(rows.frame[known], rows.columns, values, rows.dropped, caller)


def _sum_up(
    dates: np.ndarray,
    codes: np.ndarray,
    amounts: np.ndarray,
    keys: Keys | None,
    grid: Grid,
    season: int,
    zero_gaps: bool,
    caller: str,
) -> Panel:
    """One run of summed values a series; the order of rows within a sum does not matter."""
    at = grid.period_of(dates)
    series = len(keys) if keys is not None else 1
    low = int(at.min())
    cell = codes * (int(at.max()) - low + 1) + (at - low)
    order = None
    if len(cell) > 1 and not (cell[1:] > cell[:-1]).all():
        order = np.lexsort((amounts, cell))
        cell, amounts = cell[order], amounts[order]
    new = np.concatenate(([True], cell[1:] != cell[:-1]))
    begin = np.flatnonzero(new)
    width = int(at.max()) - low + 1
    if len(begin) < len(cell) or order is not None:
        at = cell[begin] % width + low
        codes = cell[begin] // width
    if len(begin) < len(cell):
        known = np.isfinite(amounts)
        with np.errstate(over="ignore"):
            total = np.add.reduceat(np.where(known, amounts, 0.0), begin)
        amounts = np.where(np.logical_or.reduceat(known, begin), total, np.nan)
    if (np.abs(amounts) > _HUGE).any():
        largest = float(np.nanmax(np.abs(amounts)))
        raise InputError(
            f"{caller}(): an amount of {largest:g} in one period is too large to calculate with; "
            "give amounts in larger units."
        )
    starts = np.searchsorted(codes, np.arange(series + 1))
    end = at[starts[1:] - 1]
    if zero_gaps:
        end = np.full(series, at.max())
    return Panel(keys, grid, season, starts, at, amounts, end, zero_gaps, caller)


def _settle_last(
    panel: Panel, dates: np.ndarray, codes: np.ndarray, as_of: object, partial: str
) -> Panel:
    """Leave out, keep or scale up a last period that is not over at ``as_of``."""
    grid = panel.grid
    if partial == "keep":
        return panel
    if grid.freq in ("h", "D"):
        return panel if as_of is not None else _settle_readings(panel, dates, codes, partial)
    days = _days(dates)
    if as_of is None and grid.whole(days):
        return panel
    if as_of is None and (grid.anchor != (0, 0) or grid.at_end):
        return panel
    today = int(_days(resolve_as_of(as_of, days, caller=panel.caller).to_datetime64()))
    if as_of is None:
        today = max(today, _next_stamp(dates, days) - 1)
    now = int(grid.period_of(np.asarray([today], dtype="datetime64[D]"))[0])
    first, last = int(grid.first_day(np.asarray(now))), int(grid.last_day(np.asarray(now)))
    over = now if today >= last else now - 1
    if panel.zero_gaps and over > int(panel.at.max()):
        panel.end = np.full(len(panel), over)
    if today >= last or int(panel.at.max()) < now:
        return panel
    day = np.datetime64(first, "D")
    panel.scaled = partial == "scale"
    if panel.scaled:
        panel.values = np.where(
            panel.at == now, panel.values * ((last - first + 1) / (today - first + 1)), panel.values
        )
        return panel
    if int(panel.at.min()) >= now:
        warn(
            f"{panel.caller}(): the only period, starting {day}, is not over at "
            f"{np.datetime64(today, 'D')}; it is kept."
        )
        return panel
    warn(
        f"{panel.caller}(): the period starting {day} is not over at "
        f"{np.datetime64(today, 'D')} and was left out; "
        + ("" if panel.caller == "accuracy" else 'partial="keep" or "scale" takes it in; ')
        + "if the data do reach to its end, say so with as_of=."
    )
    return _before(panel, now)


def _before(panel: Panel, now: int) -> Panel:
    """The panel without the periods from ``now`` on."""
    keep = panel.at < now
    code = np.repeat(np.arange(len(panel)), np.diff(panel.starts))[keep]
    panel.at, panel.values = panel.at[keep], panel.values[keep]
    panel.starts = np.searchsorted(code, np.arange(len(panel) + 1))
    panel.end = np.minimum(panel.end, now - 1)
    return panel


def _settle_readings(panel: Panel, dates: np.ndarray, codes: np.ndarray, partial: str) -> Panel:
    """The same of a last day or hour, whose readings end before those of all others have.

    The key with most rows tells. Clock times of receipts say nothing: they end when the last one
    is written.
    """
    now = int(panel.at.max())
    dates = dates[codes == np.bincount(codes).argmax()]
    share = _share_read(panel.grid, dates) if panel.grid.period_of(dates).max() == now else 1.0
    if share == 1.0:
        return panel
    panel.scaled = partial == "scale"
    if panel.scaled:
        panel.values = np.where(panel.at == now, panel.values / share, panel.values)
        return panel
    unit, last = {"h": "hour", "D": "day"}[panel.grid.freq], str(dates.max())[:16].replace("T", " ")
    warn(
        f"{panel.caller}(): the last {unit} has readings until {last} alone, earlier than any "
        f"{unit} before, and was left out; "
        + ("" if panel.caller == "accuracy" else 'partial="keep" or "scale" takes it in; ')
        + f"if that {unit} is over, say so with as_of=."
    )
    return _before(panel, now)


def _share_read(grid: Grid, dates: np.ndarray) -> float:
    """The part of its usual readings that the last day or hour has; 1 where it is whole."""
    when = np.unique(dates.astype("datetime64[s]"))
    at = grid.period_of(when)
    new = np.flatnonzero(np.diff(at, prepend=at[0] - 1))
    if len(new) <= _ROUNDS or len(new) == len(when):
        return 1.0
    count, latest = np.diff(new, append=len(when)), when[np.append(new[1:], len(when)) - 1]
    length = 3600 if grid.freq == "h" else 86400
    clock = latest.astype(np.int64) % length
    if len(np.unique(clock[:-1])) > len(clock) / _ROUNDS or clock[-1] >= clock[:-1].min():
        return 1.0
    return float(min(count[-1] / np.median(count[:-1]), 1.0))


def _next_stamp(dates: np.ndarray, days: np.ndarray) -> int:
    """Day on which the next value of data on a grid would stand; else the day after the last.

    Months stand for whole months, so that twelve of them fill a quarter's or a year's last one.
    """
    distinct = np.unique(days)
    finer = _infer_freq(np.unique(dates), distinct, once=True)
    if finer in ("h", "D") or len(distinct) < 3:
        return int(distinct[-1]) + 1
    grid, _ = _find_grid(dates, np.zeros(len(dates), dtype=np.int64), finer, caller="")
    if not grid.whole(distinct):
        return int(distinct[-1]) + 1
    last = grid.period_of(distinct[-1:].astype("datetime64[D]"))
    return int(_days(grid.dates(last + 1))[0])


# --------------------------------------------------------------------------------------
# Frequency and anchor


def _days(dates: np.ndarray) -> np.ndarray:
    return dates.astype("datetime64[D]").astype(np.int64)


def _find_grid(
    dates: np.ndarray, codes: np.ndarray, freq: str | None, *, caller: str
) -> tuple[Grid, bool]:
    """The grid of the dates, and whether each key has at most one row a period of it."""
    if freq is not None:
        check_freq(freq, caller=caller)
    distinct = np.unique(dates)
    days = np.unique(_days(distinct))
    once = _once(codes, dates)
    given, edges = days, days if freq in ("h", "D", "W") else _month_edges(days)
    days = edges
    if freq is None:
        freq = _infer_freq(distinct, days, once)
    week = periods.week_anchor(days) if freq == "W" else 0
    grid = Grid(freq, week_start=week)
    if freq == "h":
        return grid, once
    if freq in ("M", "Q", "Y"):
        fiscal = _year_start(days, freq)
        anchor, at_end = ((0, 0), _month_starts(days + 1)) if fiscal else _anchor(days, freq)
        grid = Grid(freq, 0, anchor, at_end, fiscal or 1)
        if edges is not given and grid.whole(days):
            grid = replace(grid, weekdays=True)
    return grid, (grid.whole(days) or grid.anchor != (0, 0)) and once


def _month_edges(days: np.ndarray) -> np.ndarray:
    """First or last days of months, where all dates are first or all are last weekdays of months.

    Else the dates themselves.
    """
    month = periods.period_of(days, "M")
    if len(np.unique(month)) < max(len(np.unique(days)), 3):
        return days
    for edge, at_end in ((periods.period_start, False), (periods.period_end, True)):
        edges = edge(month, "M")
        if (edges != days).any() and (_on_weekdays(edges, at_end) == days).all():
            return edges
    return days


def _on_weekdays(days: np.ndarray, backwards: bool) -> np.ndarray:
    """Saturdays and Sundays moved to the Monday after them, or to the Friday before."""
    late = np.maximum((days + 3) % 7 - 4, 0)  # 1 on Saturdays, 2 on Sundays
    return np.asarray(days - late if backwards else days + np.where(late > 0, 3 - late, 0))


def _once(codes: np.ndarray, dates: np.ndarray) -> bool:
    """Whether no key has two rows on one date."""
    if (
        len(codes) > 1
        and (
            (codes[1:] > codes[:-1]) | ((codes[1:] == codes[:-1]) & (dates[1:] > dates[:-1]))
        ).all()
    ):
        return True
    order = np.lexsort((dates, codes))
    code, when = codes[order], dates[order]
    again = (code[1:] == code[:-1]) & (when[1:] == when[:-1])
    return not again.any() or _clock_set_back(code[1:][again], when[1:][again], dates)


def _clock_set_back(code: np.ndarray, when: np.ndarray, dates: np.ndarray) -> bool:
    """Whether dates come twice only in the hour that summer time ends with, in hourly records."""
    hours = dates.astype("datetime64[h]")
    if (hours != dates).any() or len(when) > len(hours) // 1000 + 1:
        return False
    number = hours.astype(np.int64)
    full = len(np.unique(number)) > 0.9 * (number.max() - number.min() + 1)
    hour = when.astype("datetime64[h]").astype(np.int64)
    same_key = code[1:] == code[:-1]
    return bool(full and (hour % 24 <= 3).all() and (np.diff(hour)[same_key] > 24 * 180).all())


def _infer_freq(distinct: np.ndarray, days: np.ndarray, once: bool) -> str:
    """Hours, days, weeks, months, quarters or years by the spacing of the dates.

    Dates that keep to no grid (receipts, orders) are summed to months.
    """
    if len(distinct) == 1:
        return "M"
    if len(distinct) > len(days):
        return "h" if once and _hourly(distinct) else "M"
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    day = days - month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    ends = periods.period_end(month, "M")
    if len(np.unique(month)) == len(month) and ((day == day[0]).all() or (days == ends).all()):
        gap = int(np.gcd.reduce(np.diff(month)))
        return "Y" if gap % 12 == 0 else "Q" if gap % 3 == 0 else "M"
    if (np.diff(days) % 7 == 0).all():
        return "W"
    dense = len(days) >= 0.5 * (days[-1] - days[0] + 1)
    return "D" if once and dense else "M"


def _hourly(distinct: np.ndarray) -> bool:
    """Whether clock times are readings at set minutes of the hour, not receipts at any minute."""
    hours = distinct.astype("datetime64[h]")
    minutes = len(np.unique(distinct - hours))
    used = np.unique(hours.astype(np.int64))
    steady = len(distinct) > 0.5 * minutes * len(used)
    return bool(steady and len(used) >= 0.1 * (used[-1] - used[0] + 1))


def _month_starts(days: np.ndarray) -> bool:
    """Whether all days are first days of months."""
    return bool((periods.period_start(periods.period_of(days, "M"), "M") == days).all())


def _year_start(days: np.ndarray, freq: str) -> int | None:
    """First month of the year that quarters or years on first or last days of months are of.

    Quarters that end in November are those of a year from December (and of three others: the
    first month of the first quarter is told). None where the dates are of another kind.
    """
    length = {"Q": 3, "Y": 12}.get(freq)
    first = days if _month_starts(days) else days + 1
    if length is None or len(days) < 2 or not _month_starts(first):
        return None
    month = periods.period_of(first, "M") % length
    return int(month[0]) + 1 if (month == month[0]).all() else None


def _anchor(days: np.ndarray, freq: str) -> tuple[tuple[int, int], bool]:
    """Where in the period all dates stand: (months, days) after its start, or at its end."""
    at = periods.period_of(days, freq)
    if (periods.period_end(at, freq) == days).all():
        return (0, 0), True
    start = periods.period_start(at, freq).astype("datetime64[D]").astype("datetime64[M]")
    month = days.astype("datetime64[D]").astype("datetime64[M]")
    months = (month - start).astype(np.int64)
    extra = days - month.astype("datetime64[D]").astype(np.int64)
    if len(days) > 1 and (months == months[0]).all() and (extra == extra[0]).all():
        return (int(months[0]), int(extra[0])), False
    return (0, 0), False
