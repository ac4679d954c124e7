"""Working days and moving holidays: what a day is worth, and where the festivals fall.

In the order of a user's work::

    working_days("2026-01-01", "2026-12-31")              weight of each day, week, month, ...
    count_working_days(invoices.sent, invoices.paid)      between pairs of dates, fast
    add_working_days(orders.date, 5)                      due dates
    events("2023-01-01", "2026-12-31", freq="M")          regressors: Spring Festival and others
    lunar_date(2026, 8, 15)                               a lunar date for an event of one's own
    notice(2027, off=[...], worked=[...])                 a schedule announced later
    retail_calendar(2026)                                 4-4-5 periods

China follows the schedule of the State Council day by day, with its exchanged weekends (调休),
from 2004 to the last year announced; other countries come by ISO code. A year whose schedule has
not been announced is never guessed in silence: its days are marked provisional with a
``DataWarning``, or refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ._calendars.days import (
    Country,
    calendar_year,
    day_table,
    exchanges_weekends,
    known_days,
    resolve_country,
    settle,
    timestamps,
    year_bounds,
)
from ._calendars.intake import (
    aligned,
    as_given,
    check_order,
    days_given,
    grain_of,
    index_of,
    one_day,
    span,
    whole_given,
)
from ._calendars.regressors import Windows, country_windows, merge_own, window_table
from ._calendars.retail import retail_calendar
from ._frames import check_bool, check_choice, check_int
from .engine import lunisolar
from .engine.periods import period_of, period_start
from .engine.workdays import (
    DayTable,
    count_between,
    ordinarily_worked,
    shift,
    sum_runs,
    touched,
)
from .errors import InputError

__all__ = [
    "add_working_days",
    "count_working_days",
    "events",
    "lunar_date",
    "notice",
    "retail_calendar",
    "working_days",
]

DateLike: TypeAlias = str | date | np.datetime64 | pd.Timestamp | pd.Period
_FAR = 10**6  # working days: beyond any calendar
_INCLUSIVE = {"both": (0, 1), "left": (0, 0), "right": (1, 1), "neither": (1, 0)}


# --------------------------------------------------------------------------------------
# Working days


def working_days(
    start: DateLike,
    end: DateLike,
    *,
    country: str = "CN",
    freq: str = "D",
    unannounced: str = "provisional",
    schedule: pd.DataFrame | None = None,
    week_start: str = "monday",
    year_start: int = 1,
) -> pd.DataFrame:
    """Weight of each day from ``start`` to ``end``, or of each period they fall in.

    Parameters
    ----------
    start, end : date-like
        First and last day, both inside. A time zone is left out: its own wall date counts.
    country : str, default="CN"
        ISO 3166 code, also with a subdivision: ``"US"``, ``"DEU"``, ``"DE-BY"``.
    freq : {"D", "W", "M", "Q", "Y"}, default="D"
        Length of the periods. Weights of the days of a period are summed; of the first and last
        period only the days between ``start`` and ``end`` count.
    unannounced : {"provisional", "raise"}, default="provisional"
        What to do with days of which no official schedule is known (for China: before 2004, and
        from the first year not announced): take the public holidays of the law and ordinary
        weekends (from 2027 on a holiday on a weekend is made up for on the next working day), say
        so in a ``DataWarning`` and mark them, or raise.
    schedule : DataFrame, optional
        The caller's own days: ``date`` and ``weight`` (0 off, 1 worked, 0.5 half a day). They
        overrule the calendar and are not provisional. See :func:`notice`.
    week_start : str, default="monday"
        Weekday on which weeks start.
    year_start : int in 1..12, default=1
        First month of the fiscal year, for quarters and years.

    Returns
    -------
    DataFrame
        ``date`` (the day, or the first day of the period), ``weight`` (float: working days),
        ``provisional`` (bool: some day of it is). In order of time.

    Raises
    ------
    InputError
        A date cannot be read or ``start`` is after ``end``; the country is not known (close codes
        are named) or its calendar does not reach that far (China: 1950 to 2100); an option or
        ``schedule`` is not valid; with ``unannounced="raise"``, a day is not announced.

    References
    ----------
    .. [1] 国务院办公厅关于部分节假日安排的通知 (notices of 2003 to 2025 for the next year, with
       the changes for 2015, 2019 and 2020).
    .. [2] 全国年节及纪念日放假办法 (State Council orders 270, 513, 644 and 795).

    Examples
    --------
    >>> working_days("2025-01-24", "2025-02-06").query("weight > 0")["date"].dt.day.tolist()
    [24, 26, 27, 5, 6]
    >>> working_days("2025-01-01", "2025-12-31", freq="Q")
            date  weight  provisional
    0 2025-01-01    59.0        False
    1 2025-04-01    61.0        False
    2 2025-07-01    67.0        False
    3 2025-10-01    61.0        False
    """
    caller = "working_days"
    low, high = span(start, end, caller=caller)
    grain = grain_of(freq, week_start, year_start, caller=caller)
    where = resolve_country(country, caller=caller)
    table = day_table(where, low, high, schedule=schedule, caller=caller)
    days, inside = np.arange(low, high + 1), table.inside(low, high)
    settle(where, days, table.provisional[inside], unannounced, caller=caller)
    columns = np.column_stack([table.weight[inside], table.provisional[inside]])
    sums, periods = sum_runs(columns, period_of(days, freq, **grain))
    return pd.DataFrame(
        {
            "date": timestamps(period_start(periods, freq, **grain)),
            "weight": sums[:, 0],
            "provisional": sums[:, 1] > 0,
        }
    )


def count_working_days(
    starts: Any,
    ends: Any,
    *,
    country: str = "CN",
    inclusive: str = "both",
    unannounced: str = "provisional",
    schedule: pd.DataFrame | None = None,
) -> Any:
    """Working days between pairs of dates.

    Parameters
    ----------
    starts, ends : Series, Index, array, list of dates, or one date
        The pairs, by position; one date goes with every other. No end before its start.
    country : str, default="CN"
        ISO 3166 code, see :func:`working_days`.
    inclusive : {"both", "left", "right", "neither"}, default="both"
        Which ends count. ``"left"`` is ``numpy.busday_count``; ``"right"`` is the days waited
        since ``starts``.
    unannounced : {"provisional", "raise"}, default="provisional"
        See :func:`working_days`.
    schedule : DataFrame, optional
        The caller's own days, see :func:`working_days`.

    Returns
    -------
    Series, ndarray or number
        Whole numbers (sums of weights, float, if ``schedule`` has parts of days): a Series with
        the index of the first Series given, an array for arrays, a number for two single dates.

    Raises
    ------
    InputError
        A date is missing or cannot be read, lengths or labels differ, or an end is before its
        start; and as in :func:`working_days`.

    References
    ----------
    .. [1] The notices named under :func:`working_days`.
    .. [2] NumPy Reference, ``numpy.busday_count`` (first day counted, last day not), for
       ``inclusive="left"``.

    Examples
    --------
    >>> count_working_days("2025-01-01", "2025-12-31")
    248
    >>> sent = pd.Series(pd.to_datetime(["2025-01-24", "2025-04-25"]), index=["a", "b"])
    >>> count_working_days(sent, sent + pd.Timedelta(days=7), inclusive="right")
    a    2
    b    4
    dtype: int64
    """
    caller = "count_working_days"
    check_choice(inclusive, "inclusive", tuple(_INCLUSIVE), caller=caller)
    first = days_given(starts, "starts", caller)
    last = days_given(ends, "ends", caller, first=False)
    first, last = aligned(first, last, "starts", "ends", caller)
    index = index_of(starts, ends, "starts", "ends", caller)
    check_order(first, last, index, caller=caller)
    where = resolve_country(country, caller=caller)
    if not first.size:
        return as_given(np.zeros(0, dtype=np.int64), index, starts, ends)
    table = day_table(where, int(first.min()), int(last.max()), schedule=schedule, caller=caller)
    _settle_pairs(where, table, first, last, unannounced, caller=caller)
    skip, include = _INCLUSIVE[inclusive]
    out = count_between(table, first, last, skip=skip, take=include)
    return as_given(out, index, starts, ends)


def add_working_days(
    dates: Any,
    n: Any,
    *,
    country: str = "CN",
    unannounced: str = "provisional",
    schedule: pd.DataFrame | None = None,
) -> Any:
    """The ``n``-th working day after each date, before it for negative ``n``.

    The date itself does not count, so that from a Saturday off the first working day is Monday.
    ``n=0`` gives the date itself if it is a working day, else the next one.

    Parameters
    ----------
    dates : Series, Index, array, list of dates, or one date
        Where to start; clock times are cut off.
    n : int, or array or Series of int by position
        How many working days.
    country : str, default="CN"
        ISO 3166 code, see :func:`working_days`.
    unannounced : {"provisional", "raise"}, default="provisional"
        See :func:`working_days`; asked of the days from each date to its result.
    schedule : DataFrame, optional
        The caller's own days; those with a positive weight are working days.

    Returns
    -------
    Series, ndarray or Timestamp
        Dates, in the form of ``dates`` (or of ``n`` if that has many and ``dates`` is one).

    Raises
    ------
    InputError
        A date or number cannot be used, lengths or labels differ, or the calendar does not reach
        that far; and as in :func:`working_days`.

    References
    ----------
    .. [1] The notices named under :func:`working_days`.
    .. [2] NumPy Reference, ``numpy.busday_offset`` with ``roll="backward"`` for ``n > 0`` and
       ``roll="forward"`` for ``n <= 0``, of which this is the same rule.

    Examples
    --------
    >>> add_working_days("2025-09-30", 1)
    Timestamp('2025-10-09 00:00:00')
    >>> add_working_days("2025-09-26", [1, 2, 3, -1]).astype("datetime64[D]").tolist()[0]
    datetime.date(2025, 9, 28)
    """
    caller = "add_working_days"
    days, steps = days_given(dates, "dates", caller), whole_given(n, "n", caller)
    days, steps = aligned(days, steps, "dates", "n", caller)
    index = index_of(dates, n, "dates", "n", caller)
    where = resolve_country(country, caller=caller)
    if not days.size:
        return as_given(days.astype("datetime64[D]").astype("datetime64[us]"), index, dates, n)
    out, table = _shifted(where, days, steps, schedule, caller)
    _settle_pairs(
        where, table, np.minimum(days, out), np.maximum(days, out), unannounced, caller=caller
    )
    moments = out.astype("datetime64[D]").astype("datetime64[us]")
    return as_given(moments, index, dates, n)


def notice(
    year: int,
    *,
    off: Iterable[DateLike | tuple[DateLike, DateLike]],
    worked: Iterable[DateLike] = (),
) -> pd.DataFrame:
    """A yearly notice of days off as a ``schedule`` of the whole year.

    Parameters
    ----------
    year : int
        The calendar year it is for.
    off : iterable of dates or (first, last) pairs
        Days off besides ordinary weekends, both ends of a pair inside.
    worked : iterable of dates
        Saturdays and Sundays that are worked.

    Returns
    -------
    DataFrame
        ``date``, ``weight``: one row a day of ``year``, for ``schedule=`` of the other functions.

    Raises
    ------
    InputError
        A date cannot be read or is not in ``year``, is both off and worked, or a pair is the
        wrong way round.

    References
    ----------
    .. [1] 国务院办公厅关于2025年部分节假日安排的通知 (the example's days).

    Examples
    --------
    >>> plan = notice(2025, off=["2025-01-01", ("2025-01-28", "2025-02-04")],
    ...               worked=["2025-01-26", "2025-02-08"])
    >>> int(plan["weight"][:31].sum())
    19
    """
    caller = "notice"
    check_int(year, "year", caller=caller, low=1900, high=2200)
    first, last = year_bounds(year)
    for option, given in (("off", off), ("worked", worked)):
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise InputError(f"{caller}(): {option} must be a list of dates, got {given!r}.")
    free: set[int] = set()
    for entry in off:
        pair = entry if isinstance(entry, tuple | list) else (entry, entry)
        if len(pair) != 2:
            raise InputError(f"{caller}(): off must hold dates or (first, last), got {entry!r}.")
        low, high = span(*pair, caller=caller)
        free.update(range(low, high + 1))
    busy = {one_day(d, "worked", caller) for d in worked}
    _check_notice(free, busy, first, last, year)
    days = np.arange(first, last + 1)
    weight = np.where((days + 3) % 7 < 5, 1.0, 0.0)
    weight[np.array(sorted(free), dtype=np.int64) - first] = 0.0
    weight[np.array(sorted(busy), dtype=np.int64) - first] = 1.0
    return pd.DataFrame({"date": timestamps(days), "weight": weight})


# --------------------------------------------------------------------------------------
# Festivals


def events(
    start: DateLike,
    end: DateLike,
    *,
    country: str = "CN",
    freq: str = "D",
    own: pd.DataFrame | None = None,
    lead: int | Mapping[str, int] | None = None,
    lag: int | Mapping[str, int] | None = None,
    measure: str = "days",
    unannounced: str = "provisional",
    schedule: pd.DataFrame | None = None,
    week_start: str = "monday",
    year_start: int = 1,
) -> pd.DataFrame:
    """Regressors of moving holidays: how much of each one's window falls in each period.

    For China the windows are the same length in every year: ``new_year`` (1 January),
    ``spring_festival`` (New Year's Eve to the 6th of the first lunar month, 7 days),
    ``qingming`` (1), ``labour_day`` (1 to 5 May), ``dragon_boat`` (1), ``mid_autumn`` (1),
    ``national_day`` (1 to 7 October). Two more columns follow the schedule: ``make_up_workday``
    (weekend days worked) and ``weekday_off`` (Monday to Friday off). For other countries there
    is one column for each public holiday, from its English name where it has one, and
    ``make_up_workday`` where weekends are exchanged by decree; ask for the past and the future in
    one call, so that a holiday of one year only gets its column in both.

    Parameters
    ----------
    start, end : date-like
        First and last day, both inside.
    country : str, default="CN"
        ISO 3166 code, see :func:`working_days`.
    freq : {"D", "W", "M", "Q", "Y"}, default="D"
        Length of the periods; of the first and last only the days asked for count.
    own : DataFrame, optional
        Events of one's own: ``name``, ``start``, optionally ``end`` (missing: one day), ``lead``
        and ``lag`` (days before and after that get columns of their own). Rows of one name are
        one event that recurs. Each name becomes a column.
    lead, lag : int or mapping of holiday to int, optional
        Days before and after the window that go into ``<holiday>_lead`` and ``<holiday>_lag``;
        a number is for every holiday, 0 for no column. Default: 14 for the Spring Festival
        (shops fill before it, work returns slowly after it), none for others.
    measure : {"days", "share"}, default="days"
        Number of days, or share of the window: each occurrence adds up to one.
    unannounced : {"provisional", "raise"}, default="provisional"
        For the columns that follow the schedule, see :func:`working_days`.
    schedule : DataFrame, optional
        The caller's own days for those columns, see :func:`working_days`.
    week_start, year_start
        See :func:`working_days`.

    Returns
    -------
    DataFrame
        ``date`` (first day of the period) and one float column for each window, in the order
        above, own events last.

    Raises
    ------
    InputError
        As in :func:`working_days`; ``own`` lacks a column, ends before it starts, or has a name
        that is taken; ``lead`` or ``lag`` names no holiday.

    References
    ----------
    .. [1] J.-L. Lin and T.-S. Liu, "Modeling lunar calendar holiday effects in Taiwan", Taiwan
       Economic Forecast and Policy 33 (2002), 1-37 (windows before, during and after).

    Examples
    --------
    >>> festival = events("2023-01-01", "2024-02-29", freq="M")
    >>> festival.loc[[0, 1, 12, 13], ["date", "spring_festival_lead", "spring_festival"]]
             date  spring_festival_lead  spring_festival
    0  2023-01-01                  14.0              7.0
    1  2023-02-01                   0.0              0.0
    12 2024-01-01                   6.0              0.0
    13 2024-02-01                   8.0              7.0
    >>> double_11 = pd.DataFrame({"name": "双11", "start": ["2025-11-01"], "end": ["2025-11-11"]})
    >>> events("2025-10-01", "2025-12-31", freq="M", own=double_11)["双11"].tolist()
    [0.0, 11.0, 0.0]
    """
    caller = "events"
    low, high = span(start, end, caller=caller)
    grain = grain_of(freq, week_start, year_start, caller=caller)
    check_choice(measure, "measure", ("days", "share"), caller=caller)
    where = resolve_country(country, caller=caller)
    table = day_table(where, low, high, schedule=schedule, caller=caller)
    days, inside = np.arange(low, high + 1), table.inside(low, high)
    settle(where, days, table.provisional[inside], unannounced, caller=caller)
    windows = country_windows(where, low, high, lead=lead, lag=lag, caller=caller)
    moved = _moved_days(where, table, low, high, own_days=schedule is not None)
    windows = merge_own(windows, own, taken=("date", *moved), caller=caller)
    return _regressors(windows, moved, days, freq, grain, share=measure == "share")


def lunar_date(year: int, month: int, day: int, *, leap: bool = False) -> pd.Timestamp:
    """Calendar date of a date in the Chinese lunar calendar.

    Parameters
    ----------
    year : int
        Lunar year, 1900 to 2100, named after the calendar year it begins in.
    month, day : int
        Month 1 to 12 and day 1 to 30.
    leap : bool, default=False
        The leap month of that number.

    Returns
    -------
    Timestamp

    Raises
    ------
    InputError
        The year has no such month or the month no such day.

    References
    ----------
    .. [1] GB/T 33661-2017, Calculation and promulgation of the Chinese calendar.

    Examples
    --------
    >>> lunar_date(2026, 1, 1), lunar_date(2025, 6, 1, leap=True)
    (Timestamp('2026-02-17 00:00:00'), Timestamp('2025-07-25 00:00:00'))
    """
    caller = "lunar_date"
    check_int(year, "year", caller=caller, low=lunisolar.FIRST_YEAR, high=lunisolar.LAST_YEAR)
    check_int(month, "month", caller=caller, low=1, high=12)
    check_int(day, "day", caller=caller, low=1, high=30)
    check_bool(leap, "leap", caller=caller)
    length = lunisolar.month_length(year, month, leap=leap)
    if not length:
        has = int(lunisolar.leap_month(year)) or "none"
        raise InputError(f"{caller}(): lunar {year} has no leap month {month} (it has {has}).")
    if day > length:
        raise InputError(f"{caller}(): month {month} of lunar {year} has {length} days only.")
    number = int(lunisolar.lunar_day(year, month, day, leap=leap))
    return pd.Timestamp(np.datetime64(number, "D"))


# --------------------------------------------------------------------------------------
# Computing


def _check_notice(free: set[int], busy: set[int], first: int, last: int, year: int) -> None:
    outside = sorted(d for d in free | busy if not first <= d <= last)
    both = sorted(free & busy)
    for days, problem in ((outside, f"not in {year}"), (both, "both off and worked")):
        if days:
            shown = ", ".join(str(np.datetime64(d, "D")) for d in days[:3])
            raise InputError(f"notice(): {len(days)} day(s) are {problem}: {shown}.")


def _settle_pairs(
    where: Country,
    table: DayTable,
    first: np.ndarray,
    last: np.ndarray,
    unannounced: str,
    *,
    caller: str,
) -> None:
    """Warn or raise if some pair spans a provisional day."""
    low, high = int(first.min()), int(last.max())
    inside = table.inside(low, high)
    marked = table.provisional[inside]
    if marked.any():  # by some pair, or in a gap between them?
        marked = marked & touched(low, high, first, last)
    settle(where, np.arange(low, high + 1), marked, unannounced, caller=caller)


def _shifted(
    where: Country, days: np.ndarray, steps: np.ndarray, schedule: Any, caller: str
) -> tuple[np.ndarray, DayTable]:
    """Where the steps lead; the table grows until it holds every result."""
    steps = np.clip(steps, -_FAR, _FAR)
    earliest, latest = known_days(where)
    room = 30
    while True:
        reach = np.where(steps < 0, -1, 1) * (np.abs(steps) * 3 // 2 + room)
        low = min(int(days.min()), max(int((days + reach).min()), earliest))
        high = max(int(days.max()), min(int((days + reach).max()), latest))
        table = day_table(where, low, high, schedule=schedule, caller=caller)
        out = shift(table, days, steps)
        lost = out < table.first
        if not lost.any():
            return out, table
        up, down = lost & (steps >= 0), lost & (steps < 0)
        if (up.any() and high >= latest) or (down.any() and low <= earliest):
            first = int(np.argmax(lost))
            raise InputError(
                f"{caller}(): {int(lost.sum())} result(s) lie outside the calendar "
                f"({np.datetime64(earliest, 'D')} to {np.datetime64(latest, 'D')}), the first at "
                f"position {first}: {np.datetime64(int(days[first]), 'D')}. Use a smaller n."
            )
        room *= 4


def _moved_days(
    where: Country, table: DayTable, low: int, high: int, *, own_days: bool
) -> dict[str, np.ndarray]:
    """What the schedule moved: days of the weekend worked and, for China, weekdays off."""
    if not own_days and not exchanges_weekends(where):
        return {}
    first, last = year_bounds(calendar_year(low))[0], year_bounds(calendar_year(high))[1]
    days, weight = np.arange(first, last + 1), table.weight[table.inside(first, last)]
    usual = ordinarily_worked(days, weight)
    asked = slice(low - first, high - first + 1)
    out = {"make_up_workday": (~usual & (weight > 0))[asked].astype(np.float64)}
    if where[0] == "CN":
        out["weekday_off"] = (usual & (weight == 0))[asked].astype(np.float64)
    return out


def _regressors(
    windows: Windows,
    moved: dict[str, np.ndarray],
    days: np.ndarray,
    freq: str,
    grain: dict[str, int],
    *,
    share: bool,
) -> pd.DataFrame:
    columns = window_table(windows, days, share=share)
    own = {key: columns.pop(key) for key in windows.own}
    columns = {**columns, **moved, **own}
    table = np.column_stack([np.empty((len(days), 0)), *columns.values()])  # or no holiday at all
    sums, periods = sum_runs(table, period_of(days, freq, **grain))
    out = {"date": timestamps(period_start(periods, freq, **grain))}
    return pd.DataFrame({**out, **{key: sums[:, i] for i, key in enumerate(columns)}})
