"""How good forecasts were: the field's measures, per model or any other grouping."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_column,
    check_names,
    factorise,
    refuse_names,
    take,
    to_pandas,
    warn,
)
from ..engine import decomposition, naive
from ..errors import InputError
from .intake import Panel, read_history
from .sums import with_sums

__all__ = ["accuracy"]

_OWN = {"cutoff", "model", "date", "actual", "forecast", "status", "step"}
_MEASURES = {"n", "series", "mase", "rmsse", "smape", "mape", "wape", "bias", "mae", "rmse"}
_MEASURES |= {"pinball", "owa", "fva"}
_BOUND = re.compile(r"(lo|hi)_(\d+(?:\.\d+)?)")


def accuracy(
    predictions: pd.DataFrame,
    *,
    history: pd.DataFrame | None = None,
    by: str | Sequence[str] | None = ("model",),
    freq: str | None = None,
    season_length: int | None = None,
    gaps: str = "auto",
    as_of: object = None,
    date: str = "date",
    amount: str = "amount",
) -> pd.DataFrame:
    """Measures of accuracy of predictions whose outcome is known.

    Parameters
    ----------
    predictions : DataFrame
        ``date``, ``forecast`` and ``actual`` (without it: taken from ``history``), key
        columns, and where there are any ``model``, ``cutoff`` (last date the forecast knew)
        and interval columns ``lo_80``, ``hi_80``, ... as :func:`backtest` returns them. Not
        modified. Every other column is a key; with ``history`` those it has.
    history : DataFrame, optional
        The series with the same key columns; scaled measures need it. Only periods up to the
        cutoff (without that column: before the first prediction) are looked at for scales, and
        never one that is predicted. A
        missing key in ``predictions`` means "all", as in :func:`reconcile`: the outcome and the
        scale are those of the sum.
    by : str, sequence of str or None, default=("model",)
        Columns of ``predictions`` to report by; None or a ``model`` column that is not there:
        one row in all. Of keys that are missing ("all") there is a row, too.
    freq, season_length, gaps
        As in :func:`forecast`; they shape the scales.
    as_of : date, optional
        The day that ``history`` reaches to, as in :func:`forecast`: a last period that is not
        over by then is no outcome. None: the last date.
    date, amount : str
        Columns of ``history``; ``predictions`` may have ``date`` under that name, too.

    Returns
    -------
    DataFrame
        One row a group. ``n``, ``series``: how many predictions, of how many series. ``mase``,
        ``rmsse``: errors scaled by the in-sample seasonal (lag of the season) and one-step naive
        errors, mean over series and cutoffs, those with scale zero left out. ``smape``: percent,
        the same mean; ``mape``: percent, over all rows whose actual is not zero. ``wape``: sum of
        absolute errors over sum of absolute actuals (infinite where all of these are zero and the
        forecasts are not); ``bias``: sum of forecast minus actual over the same. ``mae``, ``rmse``.
        ``coverage_80``, ``msis_80``, ...: for each level. ``pinball``: mean quantile loss over the
        interval ends and the forecast as median. Predictions without interval ends (too few values,
        a model of one's own) are left out of these three; NaN where there are none. ``owa``: mean
        of ``smape`` and ``mase`` relative to Naive2. ``fva`` (forecast value added): the seasonal
        naive method's ``wape`` on the history as it is, without calendar or drivers, less this
        one. NaN where ``history`` is needed and not given.

    Raises
    ------
    InputError
        A column is missing, a value is not finite, bounds are crossed, ``history`` lacks a
        series that was predicted or a column that tells predictions apart, or predictions are
        of periods before their cutoff.

    References
    ----------
    R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
    International Journal of Forecasting 22 (2006), 679-688. S. Makridakis, E. Spiliotis,
    V. Assimakopoulos, "The M4 Competition", International Journal of Forecasting 36 (2020),
    54-74 (OWA, MSIS, Naive2); "The M5 competition", ibid. 38 (2022), 1325-1336 (RMSSE).

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"date": ["2025-01-01", "2025-02-01"], "model": "naive",
    ...                      "actual": [100.0, 100.0], "forecast": [90.0, 120.0]})
    >>> accuracy(seen)[["model", "mae", "wape", "bias"]]
       model   mae  wape  bias
    0  naive  15.0  0.15  0.05
    """
    caller = "accuracy"
    predictions = to_pandas(predictions, caller=caller, arg="predictions")
    options: dict[str, Any] = {"freq": freq, "season_length": season_length, "gaps": gaps}
    options |= {"date": date, "amount": amount, "as_of": as_of}
    if history is not None:
        history = to_pandas(history, caller=caller, arg="history")
    table = _take_predictions(predictions, history, by, options, caller)
    _tell_of_unknown_ends(table, caller)
    measures = _plain(table)
    if table.panel is not None:
        measures.update(_scaled(table, table.panel))
    else:
        unknown = np.full(len(table.labels), np.nan)
        measures.update(dict.fromkeys(("mase", "rmsse", "owa", "fva"), unknown))
        for x in table.levels:
            measures[f"msis_{x}"] = unknown
    first = ["n", "series", "mase", "rmsse", "smape", "mape", "wape", "bias", "mae", "rmse"]
    spread = [f"{c}_{x}" for x in table.levels for c in ("coverage", "msis")]
    order = [*first, *spread, "pinball", "owa", "fva"]
    out = table.labels.copy()
    for name in order:
        out[name] = measures[name]
    return out


@dataclass(slots=True)
class _Table:
    """Checked predictions: arrays by row, group codes, and what a run of forecasts is."""

    frame: pd.DataFrame
    keys: list[str]
    dates: np.ndarray
    cutoffs: np.ndarray
    actual: np.ndarray
    forecast: np.ndarray
    bounds: dict[str, tuple[np.ndarray, np.ndarray]]
    group: np.ndarray
    labels: pd.DataFrame
    run: np.ndarray  # one code a (group, series, model, cutoff)
    series: np.ndarray  # one code a series, whoever forecasts it
    panel: Panel | None  # the history, where it is given
    place: np.ndarray  # series of the panel by row

    @property
    def levels(self) -> list[str]:
        return list(self.bounds)

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Sum of values by group."""
        return np.bincount(self.group, values, minlength=len(self.labels))

    def by_run(self, values: np.ndarray) -> np.ndarray:
        """Mean of values by run."""
        return np.bincount(self.run, values) / np.bincount(self.run)

    @property
    def run_group(self) -> np.ndarray:
        out = np.zeros(int(self.run.max()) + 1, dtype=np.int64)
        out[self.run] = self.group
        return out

    def mean_of_runs(self, values: np.ndarray) -> np.ndarray:
        """Mean over the runs of each group; NaN runs are left out."""
        fine = np.isfinite(values)
        k = len(self.labels)
        total = np.bincount(self.run_group[fine], values[fine], minlength=k)
        count = np.bincount(self.run_group[fine], minlength=k)
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / count


def _take_predictions(
    predictions: pd.DataFrame,
    history: pd.DataFrame | None,
    by: Any,
    options: dict[str, Any],
    caller: str,
) -> _Table:
    names = list(predictions.columns)
    for option in ("date", "amount"):
        check_column(options[option], option, caller=caller)
    groups = check_names(by, "by", caller=caller)
    refuse_names(groups, _MEASURES, caller=caller, option="by")
    if groups == ["model"] and "model" not in names:
        groups = []
    given = "actual" in names or history is None
    when = options["date"] if options["date"] in names else "date"  # as backtest calls it
    rows, bounds = _take_rows(predictions, groups, given, when, caller)
    keys = _keys_of(rows, history, options, caller)
    if history is not None:
        _refuse_lost_keys(rows, keys, groups, options, caller)
    panel, place = _past_of(rows, history, keys, given, options, caller)
    actual = rows["actual"] if given else _actuals(rows, place, panel)
    fine = _with_outcome(actual, caller)
    frame, dates = rows.frame[fine], rows["date"][fine]
    one = np.zeros(len(frame), dtype=np.int64)
    group, labels = _groups(frame, groups)
    series = _codes(frame, keys)
    made = _codes(frame, [c for c in (*keys, "model") if c in frame.columns])
    cutoffs = rows["cutoff"][fine] if "cutoff" in rows else None
    cut = np.unique(cutoffs, return_inverse=True)[1] if cutoffs is not None else one
    run = (group * (made.max() + 1) + made) * (cut.max() + 1) + cut
    run = np.unique(run, return_inverse=True)[1]
    return _Table(
        frame,
        keys,
        dates,
        _first_cutoffs(dates, made, panel) if cutoffs is None else cutoffs,
        actual[fine],
        rows["forecast"][fine],
        {x: (lo[fine], hi[fine]) for x, (lo, hi) in bounds.items()},
        group,
        labels,
        run,
        series,
        panel,
        place[fine],
    )


def _past_of(
    rows: Rows,
    history: pd.DataFrame | None,
    keys: list[str],
    given: bool,
    options: dict[str, Any],
    caller: str,
) -> tuple[Panel | None, np.ndarray]:
    """The history as series, where there is one, and which of them each prediction is of.

    ``given``: whether predictions bring their outcome. A period that is not over is none; of the
    scales it is no part either way.
    """
    if history is None:
        return None, np.zeros(len(rows.frame), dtype=np.int64)
    partial = "keep" if given else "drop"
    panel = read_history(
        history, caller=caller, by=keys or None, partial=partial, again=True, **options
    )
    _check_spacing(panel, rows, options["freq"], caller)
    _refuse_known(panel, rows, caller)
    return with_sums(panel, rows.frame, keys, caller)


def _groups(frame: pd.DataFrame, groups: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """A number a row and the labels of each, ascending, missing ones (all) first."""
    if not groups:
        return np.zeros(len(frame), dtype=np.int64), pd.DataFrame(index=pd.RangeIndex(1))
    code = _codes(frame, groups)
    found, first = np.unique(code, return_index=True)
    labels = frame[groups].iloc[first].reset_index(drop=True)
    return np.searchsorted(found, code), labels


def _codes(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    """A number a crossing of columns; a missing value ("all", in a hierarchy) is one of its own."""
    out = np.zeros(len(frame), dtype=np.int64)
    for name in names:
        code = factorise(frame, [name]).codes + 1
        out = np.unique(out * (code.max() + 1) + code, return_inverse=True)[1]
    return out


def _take_rows(
    predictions: pd.DataFrame, groups: list[str], given: bool, date: str, caller: str
) -> tuple[Rows, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Checked rows, and the ends of their intervals by level."""
    pairs = _bounds_in(predictions)
    levels = sorted({level for side, level in pairs if side == "lo"}, key=float)
    levels = [x for x in levels if ("hi", x) in pairs]
    ends: dict[str, Any] = {
        f"{s}{i}": Amount(f"{s}_{x}", missing="allow")
        for i, x in enumerate(levels)
        for s in ("lo", "hi")
    }
    named: dict[str, Any] = {  # of a key that is missing all is meant
        f"by{i}": Key(c, missing="refuse" if c in _OWN else "allow") for i, c in enumerate(groups)
    }
    rows = take(
        predictions,
        caller=caller,
        arg="predictions",
        date=Date(date),
        forecast=Amount("forecast", option=""),
        actual=Amount("actual", option="") if given else None,
        cutoff=Date("cutoff", optional=True),
        model=Key("model", optional=True),
        **named,
        **ends,
    )
    bounds = {x: (rows[f"lo{i}"], rows[f"hi{i}"]) for i, x in enumerate(levels)}
    for x, (lo, hi) in bounds.items():
        if (lo > hi).any():
            raise InputError(
                f"{caller}(): lo_{x} exceeds hi_{x} in {int((lo > hi).sum())} row(s); "
                "are the two columns swapped?"
            )
    return rows, bounds


def _bounds_in(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Columns of interval ends by side and level."""
    found = (m for m in map(_BOUND.fullmatch, map(str, frame.columns)) if m)
    return {(m.group(1), m.group(2)): m.group(0) for m in found}


def _keys_of(
    rows: Rows, history: pd.DataFrame | None, options: dict[str, Any], caller: str
) -> list[str]:
    """Columns that say which series a prediction is of."""
    drop = _OWN | {options["date"], options["amount"], *_bounds_in(rows.frame).values()}
    keys = [c for c in rows.frame.columns if c not in drop]
    if history is not None:
        keys = [c for c in keys if c in history.columns]
    twice = [c for c in keys if keys.count(c) > 1]
    if twice:
        raise InputError(
            f"{caller}(): predictions has {twice.count(twice[0])} columns named {twice[0]!r}, and "
            "which of them are keys is not known; rename or drop them."
        )
    return keys


def _refuse_lost_keys(
    rows: Rows, keys: list[str], groups: list[str], options: dict[str, Any], caller: str
) -> None:
    """Columns that tell predictions apart but are not in the history: whose past would it be?"""
    frame = rows.frame
    own = _OWN | {options["date"], options["amount"], *_bounds_in(frame).values()}
    lost = [c for c in frame.columns if c not in own and c not in keys and c not in groups]
    when = [rows.columns["date"], *(c for c in ("model", "cutoff") if c in frame.columns)]
    known = list(dict.fromkeys([*keys, *groups, *when]))
    runs = _codes(frame, known).max() if lost else 0
    for name in lost:
        if _codes(frame, [*known, name]).max() > runs:
            raise InputError(
                f"{caller}(): history has no column {name!r}, by which predictions of one date "
                "differ; without it all of them would be scaled by the sum of all series. Give "
                "the history that column, or report by it if it is no key."
            )


def _refuse_known(panel: Panel, rows: Rows, caller: str) -> None:
    """Forecasts whose cutoff lies after what they forecast."""
    if "cutoff" not in rows:
        return
    late = panel.grid.period_of(rows["cutoff"]) > panel.grid.period_of(rows["date"])
    if late.any():
        i = int(np.flatnonzero(late)[0])
        day, cut = (str(rows[c][i])[:10] for c in ("date", "cutoff"))
        raise InputError(
            f"{caller}(): {int(late.sum())} of {len(rows)} predictions are of periods before their "
            f"own cutoff (first: {day}, cutoff {cut}), which knew them; cutoff is the last date "
            "that a forecast knew."
        )


def _with_outcome(actual: np.ndarray, caller: str) -> np.ndarray:
    """Which predictions have an outcome; those without are told of."""
    fine = np.isfinite(actual)
    if not fine.any():
        raise InputError(f"{caller}(): history holds no value for any predicted date.")
    if not fine.all():
        warn(
            f"{caller}(): history holds no value yet for {int((~fine).sum())} of {len(fine)} "
            "predictions; they are left out."
        )
    return fine


def _first_cutoffs(dates: np.ndarray, made: np.ndarray, panel: Panel | None) -> np.ndarray:
    """Just before the first prediction of each series and model, where no cutoff is given."""
    first = np.full(made.max() + 1, dates.max())
    np.minimum.at(first, made, dates)
    cutoffs = first[made] - np.timedelta64(1, "us")
    if panel is None or panel.grid.freq == "h":
        return cutoffs
    # dates may stand at the end of their periods
    begin = panel.grid.first_day(panel.grid.period_of(first[made]))
    return np.minimum(cutoffs, begin.astype("datetime64[D]") - np.timedelta64(1, "us"))


def _check_spacing(panel: Panel, rows: Rows, freq: str | None, caller: str) -> None:
    """Predictions closer together or further apart than the periods the history was summed to."""
    when = np.unique(rows["date"])
    at = panel.grid.period_of(when)
    closer = np.flatnonzero(np.diff(at) == 0)
    if len(when) < 2 or (not len(closer) and (freq is not None or np.diff(at).min() == 1)):
        return
    if not len(closer) and _steps_agree(panel, rows):
        return
    i = int(closer[0]) if len(closer) else 0
    shown = " and ".join(str(d.astype("datetime64[D]")) for d in when[i : i + 2])
    raise InputError(
        f"{caller}(): the history was summed by freq={panel.grid.freq!r}, which is not how the "
        f"dates of predictions follow each other ({shown}); give their freq=."
    )


def _steps_agree(panel: Panel, rows: Rows) -> bool:
    """Whether cutoffs say that dates are as far apart as the windows are, or of one step alone."""
    if "cutoff" not in rows:
        return False
    ahead = panel.grid.period_of(rows["date"]) - panel.grid.period_of(rows["cutoff"])
    if "step" not in rows.frame.columns:
        return bool(ahead.min() == 1)
    return bool((pd.to_numeric(rows.frame["step"], errors="coerce") == ahead).all())


def _actuals(rows: Rows, series: np.ndarray, panel: Any) -> np.ndarray:
    """What the history says of the predicted periods; NaN where it says nothing."""
    wanted = panel.grid.period_of(rows["date"])
    low, width = int(panel.at.min()), int(panel.at.max()) - int(panel.at.min()) + 1
    known = np.repeat(np.arange(len(panel)), np.diff(panel.starts)) * width + panel.at - low
    inside = (wanted >= low) & (wanted <= panel.end[series])
    cell = series * width + np.clip(wanted - low, 0, width - 1)
    place = np.minimum(np.searchsorted(known, cell), len(known) - 1)
    silent = 0.0 if panel.zero_gaps else np.nan
    found = np.where(known[place] == cell, panel.values[place], silent)
    return np.where(inside, found, np.nan)


def _plain(t: _Table) -> dict[str, np.ndarray]:
    """Measures that need no history."""
    y, f = t.actual, t.forecast
    e = f - y
    n = np.bincount(t.group, minlength=len(t.labels))
    with np.errstate(invalid="ignore", divide="ignore"):
        size = t.by_group(np.abs(y))
        both = np.abs(y) + np.abs(f)
        smape = np.where(both > 0, 200 * np.abs(e) / np.where(both > 0, both, 1), 0.0)
        nonzero = y != 0
        share = np.where(nonzero, 100 * np.abs(e) / np.where(nonzero, np.abs(y), 1), 0.0)
        out = {
            "n": n,
            "series": _distinct(t.group, t.series, len(t.labels)),
            "smape": t.mean_of_runs(t.by_run(smape)),
            "mape": t.by_group(share) / t.by_group(nonzero.astype(float)),
            "wape": t.by_group(np.abs(e)) / size,
            "bias": t.by_group(e) / size,
            "mae": t.by_group(np.abs(e)) / n,
            "rmse": np.sqrt(t.by_group(e * e) / n),
        }
    loss = [np.abs(e) / 2]
    whole = np.ones(len(y), dtype=bool)
    for x, (lo, hi) in t.bounds.items():
        known = np.isfinite(lo) & np.isfinite(hi)
        whole &= known
        inside = (known & (y >= lo) & (y <= hi)).astype(float)
        with np.errstate(invalid="ignore"):
            out[f"coverage_{x}"] = t.by_group(inside) / t.by_group(known.astype(float))
        tail = (1 - float(x) / 100) / 2
        loss.append(np.maximum(tail * (y - lo), (tail - 1) * (y - lo)))
        loss.append(np.maximum((1 - tail) * (y - hi), -tail * (y - hi)))
    missed = np.where(whole, np.mean(loss, axis=0), 0.0)
    with np.errstate(invalid="ignore"):
        out["pinball"] = t.by_group(missed) / t.by_group(whole.astype(float))
    return out


def _tell_of_unknown_ends(t: _Table, caller: str) -> None:
    """Rows without interval ends among others that have them (models without any are plain)."""
    lost = np.zeros(len(t.actual), dtype=bool)
    for lo, hi in t.bounds.values():
        lost |= ~(np.isfinite(lo) & np.isfinite(hi))
    count = np.bincount(t.group, lost, minlength=len(t.labels))
    part = (count > 0) & (count < np.bincount(t.group, minlength=len(t.labels)))
    if part.any():
        warn(
            f"{caller}(): {int(count[part].sum())} of {len(lost)} predictions lack interval ends "
            "(too few values to tell them); coverage, msis and pinball leave them out."
        )


def _distinct(group: np.ndarray, series: np.ndarray, groups: int) -> np.ndarray:
    """How many series each group has."""
    pairs = np.unique(np.column_stack([group, series]), axis=0)
    return np.bincount(pairs[:, 0], minlength=groups)


# --------------------------------------------------------------------------------------
# Measures that need the history


def _scaled(t: _Table, panel: Panel) -> dict[str, np.ndarray]:
    first = np.unique(t.run, return_index=True)[1]
    series = t.place[first]
    cut = panel.grid.period_of(t.cutoffs[first])
    at = panel.grid.period_of(t.dates)
    begun = np.full(len(cut), at.max())
    np.minimum.at(begun, t.run, at)
    cut = np.minimum(cut, begun - 1)  # made while its first period ran: that was not known
    step = at - cut[t.run]
    mase_scale, rmsse_scale, naive2, snaive = _benchmarks(panel, series, cut, step, t)
    e = np.abs(t.forecast - t.actual)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = {
            "mase": t.mean_of_runs(t.by_run(e) / mase_scale),
            "rmsse": t.mean_of_runs(np.sqrt(t.by_run(e * e) / rmsse_scale)),
        }
        for x, (lo, hi) in t.bounds.items():
            a = 1 - float(x) / 100
            below, above = np.maximum(lo - t.actual, 0), np.maximum(t.actual - hi, 0)
            score = t.by_run(hi - lo + 2 / a * (below + above)) / mase_scale
            out[f"msis_{x}"] = t.mean_of_runs(score)
        used = np.isfinite(mase_scale)
        ours = _smape(t.actual, t.forecast), e
        ref = _smape(t.actual, naive2), np.abs(naive2 - t.actual)
        smape, smape2 = (
            t.mean_of_runs(np.where(used, t.by_run(v[0]), np.nan)) for v in (ours, ref)
        )
        mase, mase2 = (t.mean_of_runs(t.by_run(v[1]) / mase_scale) for v in (ours, ref))
        out["owa"] = 0.5 * (smape / smape2 + mase / mase2)
        size = t.by_group(np.abs(t.actual))
        out["fva"] = (t.by_group(np.abs(snaive - t.actual)) - t.by_group(e)) / size
    return out


def _smape(y: np.ndarray, f: np.ndarray) -> np.ndarray:
    return 200 * np.abs(y - f) / np.maximum(np.abs(y) + np.abs(f), 1e-12)


def _benchmarks(
    panel: Panel, series: np.ndarray, cut: np.ndarray, step: np.ndarray, t: _Table
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scales of MASE and RMSSE by run; Naive2 and seasonal naive forecasts by row."""
    m = panel.season
    mase, rmsse = np.full(len(series), np.nan), np.full(len(series), np.nan)
    naive2, snaive = np.full(len(step), np.nan), np.full(len(step), np.nan)
    order = np.argsort(t.run, kind="stable")
    edges = np.searchsorted(t.run[order], np.arange(len(series) + 1))
    for lo in range(0, len(series), 512):
        which = np.arange(lo, min(lo + 512, len(series)))
        y, n, silent = _past(panel, series[which], cut[which])
        mase[which], rmsse[which] = _scales(y, n, m)
        rows = order[edges[lo] : edges[which[-1] + 1]]
        # steps count from the cutoff, the methods' own from the last value before it
        at = step[rows] + silent[t.run[rows] - lo] - 1
        far = int(at.max()) + 1
        two, seasonal = _naive2(y, n, far, m), naive.seasonal_last(y, n, far, m)
        naive2[rows] = two[at, t.run[rows] - lo]
        snaive[rows] = seasonal[at, t.run[rows] - lo]
    return mase, rmsse, naive2, snaive


def _past(
    panel: Panel, series: np.ndarray, cut: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each run could know: values up to the last known one, and periods without after it."""
    parts = []
    silent = np.zeros(len(series), dtype=np.int64)
    for j, (i, last) in enumerate(zip(series, cut)):
        at = panel.at[panel.starts[i] : panel.starts[i + 1]]
        v = panel.values[panel.starts[i] : panel.starts[i + 1]]
        known = at[(at <= last) & np.isfinite(v)]
        size = 0 if not len(known) else (last if panel.zero_gaps else known[-1]) - known[0] + 1
        x = np.full(size, 0.0 if panel.zero_gaps else np.nan)
        if size:
            keep = (at >= known[0]) & (at < known[0] + size)
            x[at[keep] - known[0]] = v[keep]  # a missing amount is no zero
            silent[j] = last - known[0] + 1 - size
        parts.append(x)
    n = np.array([len(x) for x in parts])
    y = np.full((max(int(n.max()), 1), len(parts)), np.nan)
    for j, x in enumerate(parts):
        y[: len(x), j] = x
    return y, n, silent


def _scales(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute seasonal change and mean square one-step change; NaN where zero."""
    seasonal = np.abs(y[m:] - y[:-m]) if len(y) > m else np.full((1, y.shape[1]), np.nan)
    one = np.abs(np.diff(y, axis=0)) if len(y) > 1 else np.full((1, y.shape[1]), np.nan)
    a = np.where(n > m, _mean(seasonal), _mean(one))
    b = _mean(one**2)
    return np.where(a > 0, a, np.nan), np.where(b > 0, b, np.nan)


def _mean(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    with np.errstate(invalid="ignore"):
        return np.where(known, x, 0.0).sum(axis=0) / np.where(
            known.any(axis=0), known.sum(axis=0), np.nan
        )


def _naive2(y: np.ndarray, n: np.ndarray, horizon: int, m: int) -> np.ndarray:
    """Last value, seasonally adjusted where the M4 test finds a season and all is positive."""
    filled = decomposition.fill_gaps(y, n, m)
    flat = naive.last_value(y, n, horizon)
    known = np.isfinite(y)
    seasonal = decomposition.seasonal_test(filled, n, m)
    which = np.flatnonzero(seasonal & np.where(known, y > 0, True).all(axis=0))
    if len(which):
        s = decomposition.seasonal_indices(filled[:, which], n[which], m, multiplicative=True)
        column = np.arange(len(which))
        rows = (n[which][None] + np.arange(horizon)[:, None]) % m
        last = s[(n[which] - 1) % m, column]
        flat[:, which] = flat[:, which] / last * s[rows, column[None]]
    return flat
