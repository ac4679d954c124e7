"""What a campaign, a price change or a policy has done: sales beside what they would have been."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    as_dates,
    check_int,
    check_names,
    check_number,
    day,
    telling_once,
    to_pandas,
    warn,
)
from ..engine import paths
from ..engine.bank import SHORTEST
from ..errors import InputError
from .backtest import _Record
from .daily import Days
from .exog import beyond, by_series, enter, means
from .fit import check_levels, check_models
from .intake import Panel, read_history

__all__ = ["impact"]

# How placebo errors widen or narrow cumulated intervals: benchmarks/train_impact.py.
_BASE = 95.0  # level at which widths are corrected; others follow the t distribution
_NORMAL = 1.959963984540054  # standard errors in the half width at that level
_BELIEF = 12.0  # series from which a run tells what the runs share
_STEADY = 3.0  # windows without overlap from which that share is half believed
_ROUGH = 0.1  # the same where controls, calendar or events make widths a rougher guess
_ALIKE = 4.0  # windows without overlap from which a series' own errors are half believed
_TIE = 1e-6  # relative: runs that erred alike (months without a sale) differ by rounding alone
_FADE = 0.8  # what a placebo run counts beside the next later one: volatility changes
_FINE = 7  # seasons from which widths need nothing more
# Quarters err more unevenly from one time to the next: two of three unseen sets ask for 1.07 to
# 1.2, the third for none. benchmarks/train_impact.py yields 1.00 on half of the series and 1.06 on
# all; this lies in between, by choice.
_QUARTERLY = 1.04
_ENOUGH = 12.0  # values before a start; with fewer, widths grow as much as they are fewer
_HIDDEN = 1.2  # how much wider where a season is longer than the record
_MOST = 25.0  # a squared error counts no more than this
_FREEDOM = 4.0  # of the t distribution of a sum's error: how wide a series errs is not known
_CONTROLS = 3  # untreated series that move most like the treated one


def impact(
    history: pd.DataFrame,
    *,
    start: Any,
    by: str | Sequence[str] | None = None,
    controls: str | Sequence[str] | pd.DataFrame | pd.Series | None = None,
    end: object = None,
    level: float = 95,
    placebos: int = 8,
    model: str | Sequence[str] = "auto",
    freq: str | None = None,
    season_length: int | None = None,
    calendar: str | pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    partial: str = "drop",
    gaps: str = "auto",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    transform: str | float | None = None,
    clean: bool = False,
) -> pd.DataFrame:
    """Effect of something that began at ``start``: actual less what was to be expected.

    What was to be expected is forecast from the periods before ``start``, with the controls, the
    calendar and the events of the periods after it.

    Parameters
    ----------
    history : DataFrame
        As for :func:`forecast`.
    start : date, or mapping or Series of key to date
        First day of the effect; the period it lies in is the first one that counts. By key:
        other keys were not treated and are left out. Several key columns: tuples.
    by : str or sequence of str, optional
        Key columns; one series each.
    controls : str, sequence of str, DataFrame or Series, optional
        What the thing itself did not move (a market index): numeric columns of ``history``; or a
        frame of its own with ``date``, columns of numbers and the key columns it goes by, if any;
        or a Series by date. ``"others"``: the keys that ``start`` does not name, of which the
        three that moved most like the treated one are taken, and their mean; keys by name: the
        same of these, and they count as not treated. Values from the start on that lie far beyond
        those before it are told of.
    end : date, optional
        Last day of the effect. None: the end of the history.
    level : float, default=95
        Percent of cases the intervals should hold.
    placebos : int, default=8
        Earlier starts at which the same is done though nothing happened. Their errors check, and
        correct, the width of the cumulated interval.
    model, freq, season_length, calendar, events, partial, gaps, as_of, invalid, date, amount, \
transform, clean
        As in :func:`forecast`. ``clean`` takes odd values out of what lies before a start, the
        effect itself is never cleaned.

    Returns
    -------
    DataFrame
        Keys, ``date``, ``actual``, ``expected``, ``effect``, ``effect_lo``, ``effect_hi``,
        ``cumulative``, ``cumulative_lo``, ``cumulative_hi``, ``p_value`` (no cumulated effect so
        far, two-sided), ``placebo`` (share of placebo runs, the real one among them, whose
        cumulated effect was at least as large for its standard error), ``lift`` (cumulated effect
        as a share of what was to be expected), ``lift_lo``, ``lift_hi`` (infinite where the
        interval leaves room for nothing to be expected; all three missing where the sum so far
        expected is not positive or the actual one negative). A period whose amount is not known
        has no row and no part in the sums. With fewer than four values before a start intervals
        and p-value may be missing.

    Raises
    ------
    InputError
        Nothing lies before or after a start, a key is not known, a control is missing.

    References
    ----------
    K. H. Brodersen et al., "Inferring causal impact using Bayesian structural time-series
    models", Annals of Applied Statistics 9 (2015), 247-274. A. Abadie, A. Diamond,
    J. Hainmueller, "Synthetic control methods for comparative case studies", Journal of the
    American Statistical Association 105 (2010), 493-505 (placebo tests).

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=20, freq="MS"),
    ...                       "amount": [100.0, 102.0] * 8 + [130.0] * 4})
    >>> got = impact(sales, start="2025-05-01", model="mean", season_length=1)
    >>> got[["effect", "cumulative"]].round(1).tail(2)
       effect  cumulative
    2    29.0        87.0
    3    29.0       116.0
    """
    caller = "impact"
    check_models(model, caller=caller)
    check_number(level, "level", caller=caller)
    check_levels(level, caller=caller)
    placebos = check_int(placebos, "placebos", caller=caller, low=0)
    keys = check_names(by, "by", caller=caller)
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
    first = _starts(panel, start, keys, caller)
    last = _ends(panel, end, caller)
    _check_spans(panel, first, last, caller)
    record = _Record.of(panel, keys)
    record.days = Days.beneath(panel, history, date, calendar)
    treated = set(pd.Series(start).index) if isinstance(start, Mapping | pd.Series) else ()
    names = _take_controls(record, history, controls, first, treated, date, caller)
    drivers = {"calendar": calendar, "events": events, "exog": names or None}
    options = record.options(tuple({level, _BASE}), transform, clean, drivers)
    with telling_once():
        parts = [
            _of_group(record, which, cut, far, placebos, model, level, options)
            for which, cut, far in _groups(first, last)
        ]
    out = pd.concat(parts, ignore_index=True)
    out = out.sort_values(["_series", "date"], kind="stable", ignore_index=True)
    columns = ["actual", "expected", "effect", "effect_lo", "effect_hi", "cumulative"]
    columns += ["cumulative_lo", "cumulative_hi", "p_value", "placebo"]
    columns += ["lift", "lift_lo", "lift_hi"]
    return out[[*keys, "date", *columns]]


# --------------------------------------------------------------------------------------
# When and for whom


def _starts(panel: Panel, start: Any, keys: list[str], caller: str) -> np.ndarray:
    """First period of the effect by series; far beyond the end where there is none."""
    never = np.iinfo(np.int64).max // 2
    if hasattr(start, "columns"):
        raise InputError(
            f"{caller}(): start is a frame; give a date, or a mapping or Series of key to date."
        )
    if not isinstance(start, Mapping | pd.Series):
        when = day(start, name="start", caller=caller).to_datetime64()
        at = panel.grid.period_of(np.asarray([when], dtype="datetime64[us]"))[0]
        return np.full(len(panel), at)
    if not keys:
        raise InputError(f"{caller}(): start by key needs by=, the key columns.")
    if not len(start):
        raise InputError(f"{caller}(): start is empty; give a date for one key at least.")
    given = pd.Series(start)
    twice = given.index[given.index.duplicated()]
    if len(twice):
        raise InputError(
            f"{caller}(): start names {twice[0]!r} more than once; give one first day a key."
        )
    dates = as_dates(given, name="start", caller=caller)
    rows = panel.labels.itertuples(index=False)
    place = {tuple(row) if len(keys) > 1 else row[0]: i for i, row in enumerate(rows)}
    out = np.full(len(panel), never)
    for key, when in zip(given.index, dates):
        if key not in place:
            some = ", ".join(map(repr, list(place)[:6])) + (", ..." if len(place) > 6 else "")
            raise InputError(
                f"{caller}(): start names {key!r}, which history does not have; there are: {some}."
            )
        out[place[key]] = panel.grid.period_of(np.asarray([when], dtype="datetime64[us]"))[0]
    return out


def _ends(panel: Panel, end: Any, caller: str) -> np.ndarray:
    """Last period of the effect by series: that of ``end``, but no later than the series' own."""
    if end is None:
        return panel.end.copy()
    stop = day(end, name="end", caller=caller, last=True).to_datetime64()
    at = panel.grid.period_of(np.asarray([stop], dtype="datetime64[us]"))[0]
    return np.minimum(panel.end, at)


def _check_spans(panel: Panel, first: np.ndarray, last: np.ndarray, caller: str) -> None:
    treated = np.flatnonzero(first < np.iinfo(np.int64).max // 2)
    begin = panel.begin
    early = treated[first[treated] <= begin[treated]]
    late = treated[first[treated] > last[treated]]
    for which, what in ((early, "before their start"), (late, "from their start on")):
        if len(which):
            raise InputError(
                f"{caller}(): {len(which)} series have no period {what}, first "
                f"{panel.names([int(which[0])])[0]}; check start, end and the history."
            )


def _groups(first: np.ndarray, last: np.ndarray) -> list[tuple[np.ndarray, int, int]]:
    """Series of one start and end: which, last period before it, periods after it."""
    treated = np.flatnonzero(first <= last)
    pairs = np.unique(np.column_stack([first, last])[treated], axis=0)
    return [
        (treated[(first[treated] == a) & (last[treated] == b)], int(a) - 1, int(b - a + 1))
        for a, b in pairs
    ]


# --------------------------------------------------------------------------------------
# Controls


def _take_controls(
    record: _Record,
    history: Any,
    controls: Any,
    first: np.ndarray,
    treated: Collection[Any],
    date: str,
    caller: str,
) -> list[str]:
    """Control columns into the record; their names."""
    if controls is None:
        return []
    panel = record.panel
    chosen = _chosen_series(history, record, controls, first, treated, caller)
    if chosen is not None:
        table = _other_series(record, first, chosen, caller)
        names = [f"_control{j}" for j in range(table.shape[2])]
    elif isinstance(controls, pd.Series) or hasattr(controls, "columns"):
        table = _table_of_controls(record, controls, first, date, caller)
        names = [f"_control{j}" for j in range(table.shape[2])]
    else:
        names = check_names(controls, "controls", caller=caller)
        for name in names:
            if name in (*record.keys, date, panel.amount):
                raise InputError(
                    f"{caller}(): controls names {name!r}, which is a key, the date or the amount; "
                    "controls are other columns."
                )
        rows = means(history, panel, names, record.keys, date, "history", caller, "controls")
        table = _known_controls(record, rows, names, record.keys, first, date, caller)
    _tell_of_strange(record, table, names, first, caller)
    positive = (table > 0).all(axis=(0, 1)) & np.isfinite(table).all(axis=(0, 1))
    table[:, :, positive] = np.log(table[:, :, positive])
    count, width = table.shape[:2]
    frame = panel.labels.iloc[np.repeat(np.arange(count), width)].reset_index(drop=True)
    frame["_at"] = np.tile(np.arange(width) + int(panel.at.min()), count)
    for j, name in enumerate(names):
        frame[name] = table[:, :, j].ravel()
    record.exog = frame
    return names


def _tell_of_strange(
    record: _Record, table: np.ndarray, names: list[str], first: np.ndarray, caller: str
) -> None:
    """Controls that go from a start on where they never were: perhaps they were treated, too."""
    panel = record.panel
    at = np.arange(table.shape[1]) + int(panel.at.min())
    treated = np.flatnonzero(first < np.iinfo(np.int64).max // 2)
    after = (at >= first[treated][:, None]) & (at <= panel.end[treated][:, None])
    part = table[treated]
    far, least, most = beyond(part, at < first[treated][:, None], part)
    far &= after[:, :, None]
    if not far.any():
        return
    i, step, j = np.argwhere(far)[0]
    whose = panel.names([int(treated[i])])[0]
    what = f"of {whose}" if names[j].startswith("_control") else f"{names[j]!r} of {whose}"
    warn(
        f"{caller}(): {int(far.sum())} value(s) of controls lie far beyond those before the start, "
        f"first {what} on {str(panel.grid.dates(at[[step]])[0])[:10]}: {part[i, step, j]:.6g}, "
        f"before {least[i, j]:.6g} to {most[i, j]:.6g}. What was to be expected is drawn out "
        "beyond what was ever seen; a control must not be moved by the thing itself."
    )


def _known_controls(
    record: _Record,
    rows: pd.DataFrame,
    names: list[str],
    keys: list[str],
    first: np.ndarray,
    date: str,
    caller: str,
) -> np.ndarray:
    """Controls by series as (series, periods, columns), known wherever they must be."""
    panel = record.panel
    _refuse_unknown(rows, panel, names, keys, first, caller)
    low, high = int(panel.at.min()), int(panel.end.max())
    return by_series(rows, None, panel, names, keys, date, low, high)


def _table_of_controls(
    record: _Record, controls: Any, first: np.ndarray, date: str, caller: str
) -> np.ndarray:
    """Controls that come in a table of their own: a date, columns of numbers, perhaps keys."""
    if isinstance(controls, pd.Series):
        controls = controls.rename(controls.name or "control").rename_axis("date").reset_index()
    frame = to_pandas(controls, caller=caller, arg="controls")
    when = date if date in frame.columns else "date"
    keys = [k for k in record.keys if k in frame.columns]
    names = [c for c in frame.columns if c not in (when, *keys)]
    if not names:
        raise InputError(f"{caller}(): controls has no column of numbers beside its date.")
    rows = means(frame, record.panel, names, keys, when, "controls", caller, "controls")
    return _known_controls(record, rows, names, keys, first, date, caller)


def _chosen_series(
    history: Any,
    record: _Record,
    controls: Any,
    first: np.ndarray,
    treated: Collection[Any],
    caller: str,
) -> np.ndarray | None:
    """Which series are the controls, where they are: all others, or those of the keys named.

    Named keys are not treated (``first`` says so then), nor may they be (``treated``: those that
    have a start of their own). None: the controls are columns.
    """
    if isinstance(controls, str) and controls == "others":
        return first >= np.iinfo(np.int64).max // 2
    names = [controls] if isinstance(controls, str) else controls
    if not isinstance(names, list | tuple) or not names or len(record.keys) != 1:
        return None
    labels = record.panel.labels[record.keys[0]]
    if not set(names) <= set(labels):
        return None
    if any(name in to_pandas(history, caller=caller, arg="history") for name in names):
        return None
    found = labels.isin(names).to_numpy()
    if found.all():
        raise InputError(f"{caller}(): controls names all keys of history; none is treated.")
    both = [name for name in names if name in treated]
    if both:
        raise InputError(
            f"{caller}(): controls names {len(both)} key(s) that start names too, first "
            f"{both[0]!r}; what was treated is no control."
        )
    first[found] = np.iinfo(np.int64).max // 2
    return np.asarray(found)


def _refuse_unknown(
    rows: pd.DataFrame,
    panel: Panel,
    names: list[str],
    keys: list[str],
    first: np.ndarray,
    caller: str,
) -> None:
    """A control must be known where sales after a start are: nothing is carried on there."""
    low = int(panel.at.min())
    table = np.full((len(panel), int(panel.end.max()) - low + 1, len(names)), np.nan)
    enter(table, rows, panel, names, keys, low)
    code = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
    asked = (panel.at >= first[code]) & np.isfinite(panel.values)
    lost = np.argwhere(~np.isfinite(table[code[asked], panel.at[asked] - low]))
    before = first < np.iinfo(np.int64).max // 2
    none = np.argwhere(~np.isfinite(table).any(axis=1) & before[:, None])
    if len(lost):
        row, j = lost[0]
        day_of = str(panel.grid.dates(panel.at[asked][[row]])[0])[:10]
        raise InputError(
            f"{caller}(): controls lack {len(lost)} value(s) from a start on, first {names[j]!r} "
            f"of {panel.names([int(code[asked][row])])[0]} on {day_of}; give every period a value."
        )
    if len(none):
        i, j = none[0]
        raise InputError(
            f"{caller}(): control {names[j]!r} of {panel.names([int(i)])[0]} has no value."
        )


def _other_series(
    record: _Record, first: np.ndarray, chosen: np.ndarray, caller: str
) -> np.ndarray:
    """For each treated series the controls most like it, and the mean of all of them."""
    panel = record.panel
    has = np.zeros(len(panel), dtype=bool)  # in a period that is not over, perhaps, and only there
    has[record.code[np.isfinite(record.values)]] = True
    free = np.flatnonzero(chosen & has)
    if not len(free):
        raise InputError(
            f'{caller}(): controls="others" needs keys that start does not name; give start by key.'
        )
    low = int(panel.at.min())
    wide = np.full((int(panel.end.max()) - low + 1, len(panel)), np.nan)
    wide[record.at - low, record.code] = record.values
    wide[:, ~has] = 0.0
    size = np.nanmean(np.abs(wide), axis=0)
    wide = wide / np.where(size > 0, size, 1.0)
    filled = pd.DataFrame(wide).ffill().bfill().fillna(0.0).to_numpy()
    mean = filled[:, free].mean(axis=1)
    most = min(_CONTROLS, len(free))
    out = np.repeat(mean[None, :, None], len(panel), axis=0)
    # Zeros where nothing is treated keep the single controls off logarithms, which the mean may
    # be on: on placebo treatments in months of retail and of a hospital these gained nothing.
    out = np.concatenate([out, np.zeros((len(panel), len(filled), most))], axis=2)
    for i in np.flatnonzero(first < np.iinfo(np.int64).max // 2):
        before = filled[: max(int(first[i]) - low, 2)]
        change = np.diff(before, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            like = np.nan_to_num(np.corrcoef(change[:, [i]].T, change[:, free].T)[0, 1:])
        best = free[np.argsort(-like, kind="stable")[:most]]
        out[i, :, 1:] = filled[:, best]
    return out


# --------------------------------------------------------------------------------------
# The effect of one group


def _of_group(
    record: _Record,
    which: np.ndarray,
    cut: int,
    far: int,
    placebos: int,
    model: Any,
    level: float,
    options: dict[str, Any],
) -> pd.DataFrame:
    """Effects of series with the same start and end."""
    part = _only(record, which)
    real = _run(part, cut, far, model, level, options)
    shift = max(far // 3, 1)
    runs = []
    begin = int(part.at.min())
    need = max(8, min(2 * record.panel.season, 30))
    for k in range(placebos):
        earlier = cut - far - k * shift
        if earlier - begin + 1 < need:
            break
        before = _only(part, which, until=cut)
        made = _run(before, earlier, far, model, level, options)
        if len(made):  # none where all values of the window are unknown
            runs.append(made)
    law = _serial_law(runs, far)
    driven = any(name in options for name in ("exog", "calendar", "events"))
    steady = _ROUGH if driven else _STEADY
    factor = _corrections(runs, len(record.panel), far, law, steady)
    if 1 < record.panel.season < _FINE:
        factor = factor * _QUARTERLY
    return _effects(real, runs, law, factor, level)


def _only(record: _Record, which: np.ndarray, until: int | None = None) -> _Record:
    keep = np.isin(record.code, which)
    if until is not None:
        keep &= record.at <= until
    parts = {name: getattr(record, name)[keep] for name in ("code", "at", "values", "rare")}
    return replace(record, **parts)


def _run(
    record: _Record, cut: int, far: int, model: Any, level: float, options: dict[str, Any]
) -> pd.DataFrame:
    """Actual, expected, bounds and 95 % half widths, with the number of the series.

    Few values before the cut widen the half widths here, so that a placebo run from before a
    season has been seen says nothing of an effect that begins when it has.
    """
    made = record.run(cut, far, "impact", model, options)
    made["_lo"], made["_hi"] = made[f"lo_{level:g}"], made[f"hi_{level:g}"]
    if record.keys:
        known = record.panel.labels.assign(_series=np.arange(len(record.panel)))
        made = made.merge(known, how="left", on=record.keys)
    else:
        made["_series"] = 0
    made = made.sort_values(["_series", "step"], kind="stable", ignore_index=True)
    made["_error"] = made["actual"] - made["forecast"]
    rounding = 1e-12 * made[["actual", "forecast"]].abs().max(axis=1)  # what never moved is met
    made.loc[made["_error"].abs() <= rounding, "_error"] = 0.0
    least = np.maximum(1e-12 * made["forecast"].abs(), 1e-100)
    few = _for_few(record, cut)[made["_series"].to_numpy()]
    made["_up"] = few * np.maximum(made[f"hi_{_BASE:g}"] - made["forecast"], least)
    made["_down"] = few * np.maximum(made["forecast"] - made[f"lo_{_BASE:g}"], least)
    return made


def _table(made: pd.DataFrame, column: str, far: int) -> tuple[np.ndarray, np.ndarray]:
    """A column as (steps, series), NaN where there is no row; the row's place in it."""
    series, code = np.unique(made["_series"].to_numpy(), return_inverse=True)
    step = made["step"].to_numpy() - 1
    out = np.full((far, len(series)), np.nan)
    out[step, code] = made[column].to_numpy()
    return out, step * len(series) + code


def _serial_law(runs: list[pd.DataFrame], far: int) -> tuple[float, float]:
    """How alike errors of a run are along time, learned from the placebo runs."""
    scores, assumed = [], []
    for run in runs[::3] if far > 1 else []:  # windows that hardly overlap
        error, up, down = (_table(run, c, far)[0] for c in ("_error", "_up", "_down"))
        full = np.isfinite(error).all(axis=0)
        if not full.any():
            continue
        error, up, down = error[:, full], up[:, full], down[:, full]
        scores.append(error / np.where(error > 0, up, down) * _NORMAL)
        assumed.append(paths.mean_correlation(paths.persistence(up + down), far))
    return paths.correlation_law(scores, assumed)


def _sums(
    made: pd.DataFrame, law: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Running sums by series of errors, and how far off they may be on either side.

    Skewness of a sum of ``n`` independent errors is theirs over the root of ``n``: what one side
    is wider than the other wears off, and the spread of both together stays (half of the errors
    on either side of a point have the mean square ``(up^2 + down^2) / 2``). ``n`` is how many
    independent errors a sum spreads like, which is one where all steps err alike. Sales that
    cannot be negative cannot be so in sum: downwards, no further than all steps together.
    """
    group = made["_series"]
    error, most = (made[c].groupby(group).cumsum().to_numpy() for c in ("_error", "_down"))
    up, down = (
        np.sqrt((made[c] ** 2).groupby(group).cumsum().to_numpy()) for c in ("_up", "_down")
    )
    times, kept = _serial_factors(made, law)
    middle, skew = (up + down) / 2, (up - down) / 2
    worn = (1 - kept) * skew
    wider = np.hypot(middle, np.sqrt(1 - kept**2) * skew) - middle
    down = np.minimum(times * (down + wider + worn), most)
    return error, times * (up + wider - worn), down


def _serial_factors(made: pd.DataFrame, law: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """How much wider the sum up to each row is than if errors were independent, and what share
    of their skewness it keeps."""
    far = int(made["step"].max())
    made = made.assign(_wide=made["_up"] + made["_down"])
    wide, place = _table(made, "_wide", far)
    known = np.isfinite(wide)
    wide = pd.DataFrame(wide).ffill().bfill().to_numpy()
    stays = paths.persistence(wide)
    if far > 1:
        stays = paths.kept_share(law[0] + law[1] * paths.mean_correlation(stays, far), far)
    part = np.where(known, wide, 0.0)
    unit = part / np.sqrt(1 + np.arange(far)[:, None] * stays**2)
    variance = np.zeros_like(unit)
    for k in range(far):  # the weight of each shock in the sum up to k
        later = np.cumsum(unit[: k + 1][::-1], axis=0)[::-1] - unit[: k + 1]
        variance[k] = ((unit[: k + 1] + stays * later) ** 2).sum(axis=0)
    spread = np.sqrt(variance)
    alone = np.sqrt(np.cumsum(part**2, axis=0))
    together = np.cumsum(part, axis=0)
    times, kept = (spread / np.maximum(x, 1e-150) for x in (alone, together))
    return times.ravel()[place], np.minimum(kept, 1.0).ravel()[place]


def _corrections(
    runs: list[pd.DataFrame],
    series: int,
    far: int,
    law: tuple[float, float],
    steady: float,
) -> np.ndarray:
    """By step and series: how much wider cumulated intervals must be, by this very data's runs.

    What hit all series of a run at once is one event, however many series there are: the level
    that the runs share is drawn to one by how few they are. A series whose own runs erred more
    than those of the others gets a wider interval than they do, again drawn to theirs.
    """
    squares = [_squares(run, series, far, law) for run in runs]
    told, level = np.zeros((far, 1)), np.zeros((far, 1))
    own, count = np.zeros((far, series)), np.zeros((far, series))
    weights = _FADE ** np.arange(len(runs)) * max(far // 3, 1) / far  # windows overlap
    for weight, square in zip(weights, squares):
        known = np.isfinite(square)
        n = known.sum(axis=1, keepdims=True)
        total = np.where(known, square, 0.0)
        common = (_BELIEF + total.sum(axis=1, keepdims=True)) / (_BELIEF + n)
        told += weight * n / (n + _BELIEF)
        level += weight * n / (n + _BELIEF) * np.log(common)
        own += weight * total
        count += weight * known
    level = np.exp(level / (told + steady))
    out = (_ALIKE * level + own) / (_ALIKE + count)
    asked = (count > 0).any(axis=0)
    if asked.any():  # the series' own deviations leave the common level as it is
        some = asked.sum()
        drift = np.log(out[:, asked]).mean(axis=1, keepdims=True) - np.log(level)
        out = out * np.exp(-drift * some / (some + _BELIEF))
    return np.asarray(np.sqrt(out))


def _for_few(record: _Record, cut: int) -> np.ndarray:
    """By series: how much wider where few values before the start say how it errs.

    As a t distribution of so few, and at least as short records of series that the networks had
    not seen ask for. Without a season to learn they know from the sixth value on.
    """
    from scipy.special import stdtrit

    known = np.isfinite(record.values) & (record.at <= cut)
    count = np.bincount(record.code[known], minlength=len(record.panel))
    count = np.maximum(count, 1)  # a series without values is not judged
    edge = stdtrit(np.maximum(count - 2, 1), 0.5 + _BASE / 200) / _NORMAL
    edge = np.where(count < SHORTEST, edge, 1.0)
    few = count < (SHORTEST if record.panel.season == 1 else _ENOUGH)
    wider = np.where(few, np.maximum(edge, _ENOUGH / count), 1.0)
    return np.where(count < record.panel.season, np.maximum(wider, _HIDDEN), wider)


def _squares(run: pd.DataFrame, series: int, far: int, law: tuple[float, float]) -> np.ndarray:
    """Squared running sums of errors in standard errors, (steps, series), NaN where unknown."""
    error, up, down = _sums(run, law)
    out = np.full((far, series), np.nan)
    ratio = error / np.where(error > 0, up, down) * _NORMAL
    out[run["step"].to_numpy() - 1, run["_series"].to_numpy()] = np.minimum(ratio**2, _MOST)
    return out


def _effects(
    real: pd.DataFrame,
    runs: list[pd.DataFrame],
    law: tuple[float, float],
    correction: np.ndarray,
    level: float,
) -> pd.DataFrame:
    from scipy.special import stdtr, stdtrit

    out = real.rename(columns={"forecast": "expected"})
    out["effect"] = out["_error"]
    out["effect_lo"] = out["actual"] - out["_hi"]
    out["effect_hi"] = out["actual"] - out["_lo"]
    error, up, down = _sums(real, law)
    factor = _of_rows(real, correction)
    edge = float(stdtrit(_FREEDOM, 0.5 + _BASE / 200))
    part = float(stdtrit(_FREEDOM, 0.5 + level / 200)) / edge
    out["cumulative"] = error
    out["cumulative_lo"] = error - part * factor * up
    out["cumulative_hi"] = error + part * factor * down
    distance = np.abs(error) / (factor * np.where(error > 0, up, down))
    out["p_value"] = 2 * stdtr(_FREEDOM, -distance * edge)  # the interval's end: 1 - level
    out["placebo"] = _placebo_shares(real, distance, runs, law, correction)
    return out.assign(**_lifts(out))


def _lifts(out: pd.DataFrame) -> dict[str, np.ndarray]:
    """Cumulated effects over what was to be expected: actual over expected falls as that grows,
    so an interval of the one is an interval of the other."""
    known = out["expected"].where(out["_error"].notna())
    expected = known.groupby(out["_series"]).cumsum().to_numpy()
    actual = expected + out["cumulative"].to_numpy()
    sound = (expected > 0) & (actual >= 0)
    lifts = {}
    for end in ("", "_lo", "_hi"):
        instead = actual - out[f"cumulative{end}"].to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(instead > 0, actual / instead - 1, np.inf)
        lifts[f"lift{end}"] = np.where(sound & ~np.isnan(instead), ratio, np.nan)
    return lifts


def _of_rows(made: pd.DataFrame, table: np.ndarray) -> np.ndarray:
    return np.asarray(table[made["step"].to_numpy() - 1, made["_series"].to_numpy()])


def _placebo_shares(
    real: pd.DataFrame,
    distance: np.ndarray,
    runs: list[pd.DataFrame],
    law: tuple[float, float],
    correction: np.ndarray,
) -> np.ndarray:
    """Share of runs, the real one included, at least as far from zero; NaN without placebos."""
    far = len(correction)
    row = real["_series"].to_numpy() * far + real["step"].to_numpy() - 1
    order = np.argsort(row)
    count, beyond = np.ones(len(real)), np.ones(len(real))
    for run in runs:
        error, up, down = _sums(run, law)
        step = run["step"].to_numpy() - 1
        away = np.abs(error) / (_of_rows(run, correction) * np.where(error > 0, up, down))
        at = np.searchsorted(row[order], run["_series"].to_numpy() * far + step)
        fits = at < len(row)
        fits[fits] = row[order][at[fits]] == (run["_series"].to_numpy() * far + step)[fits]
        target = order[at[fits]]
        count[target] += 1
        beyond[target] += away[fits] >= (1 - _TIE) * distance[target]
    return np.where(count > 1, beyond / count, np.nan)
