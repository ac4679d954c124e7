"""The forecast itself: every series of a history, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_bool, check_choice, check_int, check_names, check_number
from ..engine.bank import LEARNED, METHODS, Forecast, forecast_block
from ..engine.empty_periods import chance_of_nothing
from ..engine.estimates import Estimates
from ..errors import InputError
from .cleaning import NONE, Oddities, clean_block, possible_block, records, table_of
from .daily import Days
from .drivers import Drivers, read_drivers
from .intake import Block, Panel, read_history
from .opening import closed_ahead
from .upkeep import Memory, Piece, Read, Strand, pieces_of
from .widening import lent_width, widening_of

__all__ = ["fit_chunk", "forecast"]


def forecast(
    history: pd.DataFrame,
    horizon: int,
    *,
    by: str | Sequence[str] | None = None,
    freq: str | None = None,
    season_length: int | None = None,
    model: str | Sequence[str] = "auto",
    level: Sequence[float] | None = (80, 95),
    calendar: str | pd.DataFrame | None = None,
    exog: str | Sequence[str] | Mapping[str, Any] | None = None,
    future: pd.DataFrame | None = None,
    non_negative: bool | str = "auto",
    partial: str = "drop",
    n_jobs: int = 1,
    progress: bool = False,
    events: pd.DataFrame | None = None,
    gaps: str = "auto",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    transform: str | float | None = None,
    clean: bool = False,
) -> pd.DataFrame:
    """Forecast every series of a history.

    Rows of one key and period are summed. Each series is forecast from its own last period.

    Parameters
    ----------
    history : DataFrame
        Key columns (``by``), ``date`` and ``amount``; transactions will do. Not modified. A
        missing amount is a value not known. Negative amounts (returns) count.
    horizon : int
        Periods to forecast, at least 1.
    by : str or sequence of str, optional
        Key columns; one series each. None: one series in all.
    freq : {"h", "D", "W", "M", "Q", "Y"}, optional
        Period to sum to. None: the spacing of the dates; dates that keep to no grid, and
        several rows a date, are summed to months. Weeks that fall on one weekday keep it.
    season_length : int, optional
        Periods in a season. None: 24, 7, 52, 12, 4 or 1 by ``freq``. 1: no season is
        presumed; ``"auto"`` still finds one of 7, 12, 24 or 52 periods that a record of a
        hundred values and three cycles shows plainly.
    model : str or sequence of str, default="auto"
        ``"auto"`` (the learned combination), ``"naive"``, ``"seasonal_naive"``, ``"drift"``,
        ``"mean"``, ``"ets"``, ``"theta"``, ``"arima"``, ``"ces"``, ``"croston"``, ``"sba"``,
        ``"tsb"``, ``"adida"``, ``"imapa"``, ``"mstl"``, ``"regression"``, ``"ensemble"``.
        Several: their mean.
    level : sequence of float, default=(80, 95)
        Percent of cases each interval should hold; None or empty: no intervals. With thirty or
        more series, learned ones (``"auto"``, ``"theta"``, ``"ces"``, ``"mstl"``,
        ``"regression"``, ``"ensemble"``) are all scaled by one factor, from how far these series
        would have been missed at earlier origins.
    calendar : str or DataFrame, optional
        Country code (``"CN"``, ``"DE-BY"``): effects of moving holidays, and of working days
        where periods are longer than a day, are learned and carried forward: from the days of the
        history where it has them, else by period (months and quarters of fewer than four years:
        the working days alone). Weeks dated by their first or by their last day ("week ending")
        are told apart by their holidays. Or a frame with
        ``date`` and columns of numbers over history and horizon (see ``calendars.events``).
    exog : str, sequence or mapping, optional
        Columns of ``history`` that drive sales (price, promotion; their mean by key and period).
        A mapping gives lags: ``{"promotion": [0, 1]}``. Periods without a value carry the last.
    future : DataFrame, optional
        Values of ``exog`` in the periods to be forecast: ``date`` and key columns (those it has;
        without any it holds for every series). Values that are missing are refused, those far
        beyond all past ones told of.
    non_negative : bool or "auto", default="auto"
        Whether forecasts and intervals stop at zero; "auto": where a series never was below.
    partial : {"drop", "keep", "scale"}, default="drop"
        A last period that is not over: leave it out with a ``DataWarning``, take it as it
        is, or scale it up by the share of its days gone by. Dates that all lie on starts or
        ends of periods stand for whole periods. A last day (or hour) is over, unless readings
        at set times break off in it; then it is scaled by the share of readings.
    n_jobs : int, default=1
        Processes to share the blocks of series between (joblib); -1: all cores.
    progress : bool, default=False
        Whether to print how many series are done.
    events : DataFrame, optional
        The caller's own events (Double 11, a trade fair): ``name``, ``start``, and optionally
        ``end``, ``lead``, ``lag``, as ``calendars.events(own=...)`` takes them.
    gaps : {"auto", "zero", "missing"}, default="auto"
        What a period without rows means. "zero": nothing sold, up to the last period of the
        data. "missing": not known. "auto": "zero" for transactions (several rows a date, or
        dates on no grid), else "missing", but a day of the week, or an hour, that a series has
        no value on in its whole record (a month or more) is closed: its forecast is 0. Series
        with rows two or more periods apart throughout are told of in a ``DataWarning``.
    as_of : date, optional
        The day the data reach to: later rows are left out, and it decides whether the last
        period is over. None: the last date.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used (no date, no key, an infinite amount);
        "drop" leaves them out with a ``DataWarning``. A missing amount is no such row.
    date, amount : str
        Columns of ``history``.
    transform : {"log", "boxcox", "auto"} or float, optional
        Scale on which models are fitted: logarithms, or a power of Box and Cox (0 to 2; 0 is
        the logarithm) given or, for ``"boxcox"``, found by Guerrero's method between 0 and 1.
        ``"auto"``: the likeliest power where it is surely better than none; series that are
        not positive stay as they are, while the other choices refuse them. Forecasts come back
        as means (bias-adjusted), interval ends as they are. Meant for models by name:
        ``model="auto"`` weighs members on logarithms itself and gains nothing.
    clean : bool, default=False
        Whether to take out outliers and level shifts before: a value that is plainly odd is set
        to what its neighbours say, and what came before a shift is moved to the level after it.
        What was found stands in ``.attrs["cleaned"]`` of the result, a record each: keys,
        ``date``, ``kind`` (``"outlier"``, ``"level shift"``, or ``"unsettled"`` for one of the
        last three values, which is left as it is), ``amount``, ``size`` (by how much it differs
        from what was to be expected). See :attr:`Forecaster.cleaned_` for a table.

    Returns
    -------
    DataFrame
        One row a key and period, in key and date order: keys, ``date`` (start of the period,
        or where in it the data's own dates stand), ``forecast``, ``lo_80``, ``hi_80``, ...
        for each level, ``status``: ``"ok"``, ``"short"`` (fewer than four values; intervals
        follow the median relative width of the other series, half as wide again, and the own
        errors; NaN where there are no others),
        ``"constant"`` or ``"no data"`` (forecast 0, intervals likewise), ``"set aside"``: under
        ``model="auto"`` a value that cannot be true (twenty times as large as any other), or a
        closure that happened once (a tenth of the usual at most, in a record nowhere near it
        otherwise), was taken for what its neighbours and season say.

    Raises
    ------
    InputError
        A column is missing, a date does not read, an amount is infinite, or an option is
        not one of those above.

    References
    ----------
    R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
    Smoothing", Springer 2008. S. Makridakis, M. Hibon, "The M3-Competition", International
    Journal of Forecasting 16 (2000), 451-476.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=24, freq="MS"),
    ...                       "amount": [100.0, 120.0] * 12})
    >>> forecast(sales, 2, model="seasonal_naive", season_length=2, level=None)
            date  forecast status
    0 2025-01-01     100.0     ok
    1 2025-02-01     120.0     ok
    """
    caller = "forecast"
    horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
    models = check_models(model, caller=caller)
    levels = check_levels(level, caller=caller)
    check_choice(non_negative, "non_negative", (True, False, "auto"), caller=caller)
    check_bool(progress, "progress", caller=caller)
    n_jobs = check_jobs(n_jobs, caller=caller)
    panel = read_history(
        history,
        caller=caller,
        by=by,
        freq=freq,
        season_length=season_length,
        partial=partial,
        gaps=gaps,
        date=date,
        amount=amount,
        as_of=as_of,
        invalid=invalid,
    )
    drivers = read_drivers(
        history,
        panel,
        horizon,
        by=check_names(by, "by", caller=caller),
        date=date,
        calendar=calendar,
        events=events,
        exog=exog,
        future=future,
        days=Days.beneath(panel, history, date, calendar),
    )
    return forecast_panel(
        panel,
        horizon,
        models,
        levels,
        non_negative,
        n_jobs=n_jobs,
        progress=progress,
        drivers=drivers,
        transform=check_transform(transform, panel, caller=caller),
        clean=check_bool(clean, "clean", caller=caller),
    )


def fit_chunk(frame: pd.DataFrame, horizon: int | None = None, **options: Any) -> pd.DataFrame:
    """:func:`forecast` for cluster engines: top-level, picklable, one frame in, one out.

    Parameters
    ----------
    frame : DataFrame
        The history of some keys: all rows of a key must be in one chunk. Forecasts do not depend
        on how keys are shared out; learned widths do, by one factor a chunk of thirty or
        more series. With ``calendar``, ``events`` or ``exog`` forecasts do, too: effects
        are drawn to what the series of a chunk have in common.
    horizon : int
        Periods to forecast; must be given.
    **options
        Options of :func:`forecast`. Give ``freq`` and ``gaps``, so
        that all chunks agree on them; with ``gaps="zero"`` also ``as_of``, since a chunk does not
        know how far the data of the others reach.

    Returns
    -------
    DataFrame
        What :func:`forecast` returns for these keys.

    Raises
    ------
    InputError
        ``horizon`` is not given, or as :func:`forecast` raises.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"store": "s1", "amount": [3.0, 4.0, 5.0],
    ...                       "date": pd.date_range("2025-01-01", periods=3, freq="MS")})
    >>> fit_chunk(sales, horizon=1, by="store", freq="M", model="naive", level=None)
      store       date  forecast status
    0    s1 2025-04-01       5.0  short
    """
    if horizon is None:
        raise InputError("fit_chunk(): give horizon=, the number of periods to forecast.")
    return forecast(frame, horizon, **options)


# --------------------------------------------------------------------------------------
# Options


def check_jobs(n_jobs: Any, *, caller: str) -> int:
    """A number of processes, or -1 for all cores."""
    if check_int(n_jobs, "n_jobs", caller=caller, low=-1, high=10_000) == 0:
        raise InputError(f"{caller}(): n_jobs must be a number of processes, or -1; got 0.")
    return int(n_jobs)


def check_models(model: Any, *, caller: str) -> list[str]:
    """One name or several, each known and named once."""
    names = [model] if isinstance(model, str) else model
    if not isinstance(names, Sequence) or not len(names):
        raise InputError(f"{caller}(): model must be a name or a list of names, got {model!r}.")
    for name in names:
        check_choice(name, "model", tuple(METHODS), caller=caller)
    return list(dict.fromkeys(names))


def check_levels(level: Any, *, caller: str) -> list[float]:
    """Percentages between 0 and 100, ascending."""
    if level is None:
        return []
    given: list[Any] = list(level) if isinstance(level, Iterable) else [level]
    given = [level] if isinstance(level, str | bytes) else given
    for one in given:
        check_number(one, "level", caller=caller, low=0, high=100, open_low=True, open_high=True)
        if one < 1:
            raise InputError(
                f"{caller}(): level is in percent (80, 95), got {one!r}; "
                f"did you mean {100 * one:g}?"
            )
    levels = sorted(set(given))
    names = [f"{one:g}" for one in levels]
    if len(set(names)) < len(names) or "100" in names:
        raise InputError(
            f"{caller}(): level has {level!r}, which columns named by six digits cannot tell apart "
            "(lo_100 would be the end of an interval that holds everything); round it."
        )
    return levels


def check_transform(transform: Any, panel: Panel, *, caller: str) -> str | float | None:
    """A known transformation that every series of the panel allows."""
    if transform is None:
        return None
    if isinstance(transform, str):
        check_choice(transform, "transform", ("log", "boxcox", "auto"), caller=caller)
    else:
        transform = check_number(transform, "transform", caller=caller, low=0, high=2)
    if transform == "auto":
        return "auto"
    zero_fits = not isinstance(transform, str) and transform > 0
    bad: list[int] = []
    for block in panel.blocks():
        wrong = block.y < 0 if zero_fits else block.y <= 0
        bad.extend(block.series[wrong.any(axis=0)])
    if bad:
        what = "a negative amount" if zero_fits else "amounts of zero or less"
        raise InputError(
            f"{caller}(): transform={transform!r} needs positive amounts; {len(bad)} of "
            f"{len(panel)} series have {what}, first {panel.names(sorted(bad)[:3])}; "
            'transform="auto" leaves such series as they are.'
        )
    return transform  # type: ignore[no-any-return]


# --------------------------------------------------------------------------------------
# Blocks in, one table out


def forecast_panel(
    panel: Panel,
    horizon: int,
    models: list[str],
    levels: list[float],
    non_negative: bool | str,
    *,
    n_jobs: int = 1,
    progress: bool = False,
    drivers: Drivers | None = None,
    transform: str | float | None = None,
    clean: bool = False,
    memory: Memory | None = None,
    read: Read | None = None,
    shared: Estimates | None = None,
) -> pd.DataFrame:
    """The result table of a panel's forecasts, with the effects of drivers where there are any.

    With a ``memory`` nothing is estimated that it holds, and ``read`` gives the drivers. What
    concerns all series is put into ``shared``: the factor of their widths (``"widen"``), the panel
    free of drivers (``"free"``) and its blocks with what was estimated of them (``"pieces"``).
    """
    told: list[Oddities] = []
    options: dict[str, Any] = {"n_jobs": n_jobs, "progress": progress, "transform": transform}
    options |= {"clean": clean, "told": told}
    strands = strands_of(panel, drivers, memory, read)
    driven = any(s.drivers is not None for s in strands)
    pieces = chain.from_iterable(strand.pieces for strand in strands)
    kept = list(pieces) if memory is not None or shared is not None else []
    floor = False if driven else non_negative
    options["widen"] = (
        widths_of(strands[0].free, models, transform, clean, memory) if levels else 1.0
    )
    if shared is not None:
        shared.of("widen", lambda: options["widen"])
        shared.of("free", lambda: strands[0].free)
        shared.of("pieces", lambda: kept)
    made = _run(panel, kept or pieces, horizon, models, levels, floor, kept=kept, **options)
    for strand in strands if driven else []:
        _put_on(made, strand, panel.end, horizon, non_negative)
    shut = closed_ahead(panel, horizon)
    if shut is not None:
        made |= {c: np.where(shut, 0.0, v) for c, v in made.items() if c != "status"}
    out = _table(panel, horizon, made)
    if clean:
        out.attrs["cleaned"] = records(table_of(panel, told))
    return out


def learn(
    panel: Panel,
    models: list[str],
    memory: Memory,
    *,
    read: Read,
    n_jobs: int,
    transform: str | float | None,
    clean: bool,
) -> None:
    """Estimate what the memory does not hold of a panel, and have it kept."""
    strands = memory.strands(panel, read)
    kept = [piece for strand in strands for piece in strand.pieces]
    options: dict[str, Any] = {"n_jobs": n_jobs, "transform": transform, "clean": clean}
    options |= {"told": [], "progress": False}
    options["widen"] = widths_of(strands[0].free, models, transform, clean, memory)
    _run(panel, kept, 1, models, [95.0], False, kept=kept, **options)


def strands_of(
    panel: Panel, drivers: Drivers | None, memory: Memory | None, read: Read | None
) -> list[Strand]:
    """All series with what is known of them; one strand with nothing known without a memory."""
    if memory is not None:
        return memory.strands(panel, read)
    free = panel if drivers is None else drivers.fit(panel)
    every = np.arange(len(panel))
    return [Strand(pieces_of(free), every, every, free, drivers)]


def widths_of(
    free: Panel,
    models: list[str],
    transform: str | float | None,
    clean: bool,
    memory: Memory | None,
) -> float:
    """By how much the learned widths are too narrow; once for all where it is kept."""
    if memory is None:
        return widening_of(free, models, transform, clean)
    return memory.shared.of("widen", widening_of, free, models, transform, clean)


def _put_on(
    made: dict[str, np.ndarray],
    strand: Strand,
    end: np.ndarray,
    horizon: int,
    non_negative: bool | str,
) -> None:
    """The effects of its drivers on the rows of a strand."""
    if strand.drivers is None:
        return
    own = {name: values[strand.place] for name, values in made.items()}
    own = strand.drivers.put_on(own, end[strand.place], horizon, non_negative)
    rows = np.isin(strand.place, strand.counted)
    for name, values in own.items():
        made[name][strand.place[rows]] = values[rows]


def floors(y: np.ndarray, non_negative: bool | str) -> np.ndarray:
    """Least value a forecast of each column may take."""
    if non_negative is True:
        return np.zeros(y.shape[1])
    low = np.where(np.isfinite(y), y, np.inf).min(axis=0)
    stops = (low >= 0) & (non_negative == "auto")
    return np.where(stops, 0.0, -np.inf)


def _run(
    panel: Panel,
    pieces: Iterable[Piece],
    horizon: int,
    models: list[str],
    levels: list[float],
    non_negative: bool | str,
    *,
    n_jobs: int,
    progress: bool,
    transform: str | float | None,
    clean: bool,
    widen: float,
    told: list[Oddities],
    kept: Sequence[Piece] = (),
) -> dict[str, np.ndarray]:
    """Every piece forecast; arrays by column name, ``(series, horizon)``."""
    columns = ["forecast"] + [f"{side}_{x:g}" for x in levels for side in ("lo", "hi")]
    out: dict[str, np.ndarray] = {c: np.empty((len(panel), horizon)) for c in columns}
    out["status"] = np.empty(len(panel), dtype=np.int8)
    rest = (horizon, panel.season, models, levels, non_negative, transform, clean, widen)
    done = 0
    for i, (series, made, odd, estimates) in enumerate(_each(pieces, rest, n_jobs)):
        if kept:
            kept[i].estimates.take_over(estimates)
        told.append(odd)
        for name, values in made.items():
            out[name][series] = values
        done += len(series)
        if progress:
            print(f"forecast: {done} of {len(panel)} series")
    _lend_widths(out, levels)
    return out


def _lend_widths(out: dict[str, np.ndarray], levels: list[float]) -> None:
    """Series too short to say how uncertain they are lean on the relative widths of the others."""
    few = np.isin(out["status"], (1, 3))
    if not few.any():
        return
    centre = np.abs(out["forecast"])
    enough = ~few & (out["status"] == 0) & (centre > 0).all(axis=1)
    for x in levels:
        own = out[f"hi_{x:g}"][few] - out["forecast"][few]
        for side, sign in (("lo", -1.0), ("hi", 1.0)):
            name = f"{side}_{x:g}"
            if not enough.any():
                out[name][few] = np.nan
                continue
            apart = np.abs(out[name][enough] - out["forecast"][enough]) / centre[enough]
            width = lent_width(np.median(apart, axis=0) * centre[few], own)
            lent = out["forecast"][few] + sign * width
            positive = (out["forecast"][few] >= 0) & (sign < 0)
            out[name][few] = np.where(positive, np.maximum(lent, 0.0), lent)


_Made = tuple[np.ndarray, dict[str, np.ndarray], Oddities, Estimates]


def _each(pieces: Iterable[Piece], rest: tuple, n_jobs: int) -> Iterator[_Made]:
    if n_jobs == 1:
        for piece in pieces:
            yield _one_piece(piece, *rest)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=n_jobs, return_as="generator")
    yield from pool(delayed(_one_piece)(piece, *rest) for piece in pieces)


_STATUS = ("ok", "short", "constant", "no data", "set aside")


def _one_piece(
    piece: Piece,
    horizon: int,
    season: int,
    models: list[str],
    levels: list[float],
    non_negative: bool | str,
    transform: str | float | None,
    clean: bool,
    widen: float,
) -> _Made:
    """Its series, their columns ``(series, horizon)``, status codes, odd values, estimates."""
    given = block = piece.block
    held = piece.estimates
    odd = NONE
    if clean:
        block, odd = clean_block(block, season, held.part("clean"))
    counted = block
    block, without = possible_block(block, season, models)
    far = horizon + int(block.ahead.max(initial=0))
    found = forecast_block(
        block.y,
        block.n,
        far,
        season,
        models,
        transform=transform,
        learned=bool(levels),
        widen=widen,
        held=held,
    )
    found = found.at(block.ahead[None] + np.arange(horizon)[:, None])
    known = np.isfinite(block.y)
    count = known.sum(axis=0)
    low = np.where(known, block.y, np.inf).min(axis=0)
    high = np.where(known, block.y, -np.inf).max(axis=0)
    status = np.select([count == 0, low == high, count < 4], [3, 2, 1], 0)
    status[(count < 4) & (count > 0)] = 1
    status[without] = 4
    floor = floors(np.where(without, block.y, given.y), non_negative)
    nothing = chance_ahead(counted, horizon, season, models) if levels else None
    out = {"forecast": found.mean, **_bounds(found, levels, nothing)}
    out = {name: np.maximum(values, floor).T for name, values in out.items()}
    out["status"] = status.astype(np.int8)
    series = block.series[piece.columns]
    return series, {k: v[piece.columns] for k, v in out.items()}, odd.of(series), held


def chance_ahead(
    block: Block, horizon: int, season: int, models: Sequence[str]
) -> np.ndarray | None:
    """Chance of no sale in each period ahead (horizon, series), where widths are learned.

    Models with a variance of their own, and those of intermittent demand, say it themselves.
    """
    if not LEARNED.issuperset(models):
        return None
    far = horizon + int(block.ahead.max(initial=0))
    chance = chance_of_nothing(block.y, block.n, far, season)
    rows = block.ahead[None] + np.arange(horizon)[:, None]
    return chance[rows, np.arange(len(block.n))]


def _bounds(
    found: Forecast, levels: list[float], nothing: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Interval ends; a lower one is zero where that often nothing is sold."""
    out = {}
    for x in levels:
        low, high = found.bounds(x)
        if nothing is not None:
            low = np.where(nothing > 0.5 - x / 200, np.minimum(low, 0.0), low)
        out[f"lo_{x:g}"], out[f"hi_{x:g}"] = low, high
    return out


def _table(panel: Panel, horizon: int, made: dict[str, np.ndarray]) -> pd.DataFrame:
    """Keys, dates and columns, one row a series and period."""
    count = len(panel)
    steps = np.arange(1, horizon + 1)
    which = np.repeat(np.arange(count), horizon)
    out = panel.labels.iloc[which].reset_index(drop=True)
    ends, where = np.unique(panel.end, return_inverse=True)
    dates = panel.grid.dates((ends[:, None] + steps).ravel()).reshape(len(ends), horizon)
    out["date"] = dates[where].ravel()
    status = made.pop("status")
    for name in list(made):
        out[name] = made.pop(name).ravel()
    out["status"] = pd.Series(np.array(_STATUS, dtype=object)[status], dtype="str")[
        which
    ].to_numpy()
    return out
