"""Forecasts as they would have been: rolling origins, and what they got wrong where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    check_bool,
    check_choice,
    check_int,
    check_names,
    factorise,
    stack_keys,
    take,
    telling_once,
    to_pandas,
    warn,
)
from ..engine.estimates import Estimates
from ..errors import InputError
from .daily import Days
from .drivers import Drivers, read_drivers
from .exog import carry_on, check_drivers, driver_rows, enter
from .fit import check_jobs, check_levels, check_models, check_transform, forecast_panel
from .intake import Panel, read_history
from .upkeep import Memory

__all__ = ["backtest"]

Model = str | Sequence[str] | Callable[[pd.DataFrame, int], pd.DataFrame]


def backtest(
    history: pd.DataFrame,
    horizon: int,
    *,
    windows: int = 3,
    step: int | None = None,
    models: str | Sequence[str] | Mapping[str, Any] = ("auto", "seasonal_naive"),
    by: str | Sequence[str] | None = None,
    freq: str | None = None,
    season_length: int | None = None,
    level: Sequence[float] | None = (80, 95),
    calendar: Any = None,
    events: pd.DataFrame | None = None,
    exog: Any = None,
    non_negative: bool | str = "auto",
    partial: str = "drop",
    n_jobs: int = 1,
    progress: bool = False,
    gaps: str = "auto",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    transform: str | float | None = None,
    clean: bool = False,
    refit: bool = True,
) -> pd.DataFrame:
    """Forecast from several past days, each time with what was known then.

    The last window ends with the history; earlier ones end ``step`` periods before the next.
    Nothing after a cutoff is seen, except the drivers named in ``exog``, which stand for plans
    known beforehand. Everything is estimated anew at each cutoff, or once (``refit=False``).

    Parameters
    ----------
    history : DataFrame
        As for :func:`forecast`.
    horizon : int
        Periods to forecast from each cutoff.
    windows : int, default=3
        How many cutoffs.
    step : int, optional
        Periods between cutoffs. None: ``horizon``, so that windows do not overlap.
    models : str, sequence or mapping, default=("auto", "seasonal_naive")
        Models of :func:`forecast`. A mapping gives names: to a model, to a list of models (their
        mean), or to a function ``f(history, horizon)`` that returns keys, date and ``forecast``.
    by, freq, season_length, level, non_negative, partial, n_jobs, progress, gaps, as_of, \
invalid, transform, clean
        As in :func:`forecast`; a function of one's own gets the rows known at the cutoff, summed
        to ``freq`` (keys, ``date``, ``amount``), neither transformed nor cleaned.
    calendar, events, exog
        As in :func:`forecast`; a function does not get them.
    date, amount : str
        Columns of ``history``.
    refit : bool, default=True
        Whether to estimate anew at each cutoff. False: scales, seasons taken out beforehand,
        smoothing and regression parameters, initial states, orders and forms chosen, weights of
        a combination, effects of calendar and drivers, and the size of errors behind intervals
        are those of the first cutoff; levels, trends and seasonal states are brought up to date
        by running through the newer values with them, as a planning system does between two
        calibrations. The naive family, ``"croston"`` and ``"sba"`` estimate nothing and are as
        with True; ``"tsb"`` keeps the chance of demand it starts from, ``"adida"`` and
        ``"imapa"`` their bucket and smoothing, ``"mstl"`` its seasons. With ``clean`` newer
        outliers are taken out and newer level shifts are left for the states to follow. A series
        is estimated at the first cutoff that knows four values of it that are not all alike. A
        function of one's own is called at each cutoff either way.

    Returns
    -------
    DataFrame
        ``cutoff`` (last period known), ``model``, keys, ``date``, ``actual``, ``forecast``,
        interval ends; in this order. Periods without an actual value, and series that begin
        after a cutoff, are not there; a series that is in no window is told of by a
        ``DataWarning``. Ready for :func:`accuracy` and, per step ahead, with
        ``step`` (1 to ``horizon``).

    Raises
    ------
    InputError
        The history is too short for the windows, a model is not known, or as in
        :func:`forecast`.

    References
    ----------
    L. J. Tashman, "Out-of-sample tests of forecasting accuracy: an analysis and review",
    International Journal of Forecasting 16 (2000), 437-450.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"date": pd.date_range("2025-01-01", periods=6, freq="MS"),
    ...                       "amount": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    >>> backtest(sales, 1, windows=2, models="naive", level=None)
          cutoff  model       date  actual  forecast  step
    0 2025-04-01  naive 2025-05-01     5.0       4.0     1
    1 2025-05-01  naive 2025-06-01     6.0       5.0     1
    """
    caller = "backtest"
    horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
    windows = check_int(windows, "windows", caller=caller, low=1, high=100_000)
    step = horizon if step is None else check_int(step, "step", caller=caller, low=1)
    check_bool(progress, "progress", caller=caller)
    refit = check_bool(refit, "refit", caller=caller)
    check_choice(non_negative, "non_negative", (True, False, "auto"), caller=caller)
    n_jobs = check_jobs(n_jobs, caller=caller)
    named = _named_models(models, caller)
    levels = check_levels(level, caller=caller)
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
    if panel.scaled:
        warn(
            f"{caller}(): the last period is not over; its actual values are scaled up from the "
            'part that is known, and forecasts are judged by a guess. partial="drop" leaves it out.'
        )
    record = _Record.of(panel, check_names(by, "by", caller=caller))
    record.take_drivers(history, exog, date, caller)
    record.days = Days.beneath(panel, history, date, calendar)
    drivers = {"calendar": calendar, "events": events, "exog": exog}
    options = record.options(levels or None, transform, clean, drivers)
    options |= {"non_negative": non_negative, "n_jobs": n_jobs}
    memories = {name: None if refit else Memory() for name in named}
    parts = []
    with telling_once():
        for cut in _cutoffs(panel, horizon, windows, step):
            learned = Estimates()  # effects of calendar and drivers are those of every model
            for name, model in named.items():
                kept = {"memory": memories[name], "held": learned}
                parts.append(record.run(cut, horizon, name, model, options | kept))
            if progress:
                print(f"backtest: cutoff {panel.grid.dates(np.asarray([cut]))[0]} done")
    out = pd.concat(parts, ignore_index=True)
    record.tell_of_unjudged(_cutoffs(panel, horizon, windows, step), horizon)
    spread = [f"{side}_{x:g}" for x in levels for side in ("lo", "hi")]
    spread = [c for c in spread if c in out.columns]
    return out[["cutoff", "model", *record.keys, "date", "actual", "forecast", *spread, "step"]]


def _named_models(models: Any, caller: str) -> dict[str, Model]:
    if isinstance(models, Mapping):
        named = dict(models)
    else:
        named = {name: name for name in check_names(models, "models", caller=caller)}
    if not named:
        raise InputError(f"{caller}(): models is empty; name at least one.")
    for model in named.values():
        if not callable(model):
            check_models(model, caller=caller)
    return named


def _cutoffs(panel: Panel, horizon: int, windows: int, step: int) -> list[int]:
    """Last known periods, oldest first."""
    known = np.isfinite(panel.values)
    if not known.any():
        raise InputError(
            f"{panel.caller}(): history holds no amount: all of its {len(known)} value(s) are "
            "missing; there is nothing to compare forecasts with."
        )
    last, first = int(panel.end.max()), int(panel.at[known].min())
    cuts = [last - horizon - k * step for k in range(windows)][::-1]
    if cuts[0] < first:
        raise InputError(
            f"{panel.caller}(): {windows} window(s) of {horizon} period(s), {step} apart, need "
            f"{last - cuts[0] + 1} periods; history has {last - first + 1}. "
            "Take fewer windows or a shorter horizon."
        )
    return cuts


@dataclass(slots=True)
class _Record:
    """The summed history as rows: series, period, value, drivers."""

    panel: Panel
    keys: list[str]
    code: np.ndarray
    at: np.ndarray
    values: np.ndarray
    rare: np.ndarray  # zeros that the whole record tells of, unknown at a cutoff
    exog: pd.DataFrame | None = None
    days: Days | None = None
    plans: np.ndarray | None = None  # drivers of every series and period, once they are asked for

    @classmethod
    def of(cls, panel: Panel, keys: list[str]) -> _Record:
        code = np.repeat(np.arange(len(panel)), np.diff(panel.starts))
        at, values = panel.at, panel.values
        if panel.zero_gaps:
            code, at, values = _with_zeros(panel, code)
        rare = np.zeros(len(at), dtype=bool) if panel.rare is None else panel.rare
        return cls(panel, keys, code, at, values, rare)

    def options(
        self, level: Any, transform: Any, clean: Any, drivers: dict[str, Any]
    ) -> dict[str, Any]:
        """What every forecast from this record is asked for with; ``drivers`` that are given."""
        panel = self.panel
        own = {
            "by": self.keys or None,
            "freq": panel.grid.freq,
            "season_length": panel.season,
            "level": level,
            "partial": "keep",
            "gaps": panel.gaps,
            "transform": check_transform(transform, panel, caller=panel.caller),
            "clean": check_bool(clean, "clean", caller=panel.caller),
        }
        return own | {name: given for name, given in drivers.items() if given is not None}

    def take_drivers(self, history: Any, exog: Any, date: str, caller: str) -> None:
        """The drivers of every period with rows, known or (from a cutoff's view) planned."""
        if exog is None:
            return
        check_drivers(exog, self.panel, [*self.keys, "date", "amount"], date)
        self.exog = driver_rows(
            history, self.panel, exog=exog, by=self.keys, date=date, caller=caller
        )

    def run(
        self, cut: int, horizon: int, name: str, model: Model, options: dict[str, Any]
    ) -> pd.DataFrame:
        """One model from one cutoff, beside what happened."""
        past = self.at <= cut
        begun = self._begun(cut)
        future = self._judged(cut, horizon, begun)
        far = horizon + self._behind(cut, past, np.unique(self.code[future]))
        given = self._frame(past & begun[self.code] & ~self.rare)
        if callable(model):
            made = _checked(model(given.drop(columns="_at"), far), name, self.keys, self.panel)
        else:
            made = forecast_known(
                given.drop(columns="_at"),
                far,
                model=model,
                days=self.days,
                caller=self.panel.caller,
                **options,
                **self._plans(cut, far, past & ~self.rare),
            )
        truth = self._frame(future)[[*self.keys, "_at", "amount"]]
        rows = self._rows_of(made, cut, horizon)
        twice = rows.duplicated([*self.keys, "_at"])
        if twice.any():  # only a function of the caller's own gives them
            raise InputError(
                f"{self.panel.caller}(): model {name!r} gave {int(twice.sum())} row(s) more than "
                f"one for a key and period, first {str(rows.loc[twice, 'date'].iloc[0])[:10]}; "
                "return one row each."
            )
        out = truth.merge(rows, how="inner", on=[*self.keys, "_at"])
        if callable(model) and len(out) < len(truth):
            raise InputError(
                f"{self.panel.caller}(): model {name!r} gave no forecast for "
                f"{len(truth) - len(out)} of {len(truth)} rows after the cutoff."
            )
        out["actual"] = out.pop("amount")
        out["cutoff"] = self.panel.grid.dates(np.full(len(out), cut))
        out["model"] = name
        out["step"] = (out.pop("_at") - cut).astype(np.int64)
        return out.drop(columns=[c for c in ("status",) if c in out.columns])

    def tell_of_unjudged(self, cuts: list[int], horizon: int) -> None:
        """A warning about series that no window judges."""
        judged = np.zeros(len(self.panel), dtype=bool)
        for cut in cuts:
            judged[self.code[self._judged(cut, horizon, self._begun(cut))]] = True
        if judged.all():
            return
        few = self.panel.labels[~judged].head(3).to_dict("records")
        warn(
            f"{self.panel.caller}(): {int((~judged).sum())} of {len(judged)} series are not "
            "judged: they begin after the last cutoff or have no value in any window (first: "
            f"{few}). Take more windows, or judge series with other ends apart."
        )

    def _begun(self, cut: int) -> np.ndarray:
        """Which series have a value by the cutoff."""
        begun = np.zeros(len(self.panel), dtype=bool)
        begun[self.code[(self.at <= cut) & np.isfinite(self.values)]] = True
        return begun

    def _judged(self, cut: int, horizon: int, begun: np.ndarray) -> np.ndarray:
        """Rows that forecasts from the cutoff are compared with."""
        window = (self.at > cut) & (self.at <= cut + horizon)
        return window & np.isfinite(self.values) & begun[self.code]

    def _behind(self, cut: int, past: np.ndarray, wanted: np.ndarray) -> int:
        """Periods by which a series to be judged ends before the cutoff."""
        return int(cut - self._last(past)[wanted].min()) if len(wanted) else 0

    def _last(self, past: np.ndarray) -> np.ndarray:
        """Last period of each series among some rows; far back where it has none."""
        end = np.full(len(self.panel), np.iinfo(np.int64).min)
        np.maximum.at(end, self.code[past], self.at[past])
        return end

    def _frame(self, which: np.ndarray) -> pd.DataFrame:
        labels = self.panel.labels
        frame = labels.iloc[self.code[which]].reset_index(drop=True)
        frame["date"] = self.panel.grid.dates(self.at[which])
        frame["amount"] = self.values[which]
        frame["_at"] = self.at[which]
        if self.exog is not None:
            names = [c for c in self.exog.columns if c not in (*self.keys, "_at")]
            frame = frame.merge(self.exog, how="left", on=[*self.keys, "_at"])
            frame = frame[[*self.keys, "date", "amount", "_at", *names]]
        return frame

    def _plans(self, cut: int, far: int, past: np.ndarray) -> dict[str, Any]:
        """Drivers after each series' last row; periods without a value carry the last."""
        if self.exog is None:
            return {}
        low, count = int(self.panel.at.min()), len(self.panel)
        names = [c for c in self.exog.columns if c not in (*self.keys, "_at")]
        if self.plans is None:
            size = int(self.panel.end.max()) - low + 1
            self.plans = np.full((count, size, len(names)), np.nan)
            enter(self.plans, self.exog, self.panel, names, self.keys, low)
            carry_on(self.plans, np.full(count, size - 1))
        last = self._last(past)[:, None]
        ahead = np.where(last < low, cut, last) + np.arange(1, far + 1)
        place = np.minimum(ahead - low, self.plans.shape[1] - 1)
        values = self.plans[np.arange(count)[:, None], place]
        out = self.panel.labels.iloc[np.repeat(np.arange(count), far)].reset_index(drop=True)
        out["date"] = self.panel.grid.dates(ahead.ravel())
        out[names] = values.reshape(-1, len(names))
        return {"future": out}

    def _rows_of(self, made: pd.DataFrame, cut: int, horizon: int) -> pd.DataFrame:
        """Forecast rows of the window, dates as period numbers."""
        made = made.drop(columns=[c for c in ("actual", "amount") if c in made.columns])
        dates = made["date"].to_numpy().astype("datetime64[us]")
        made = made.assign(_at=self.panel.grid.period_of(dates)).drop(columns="date")
        made = made[(made["_at"] > cut) & (made["_at"] <= cut + horizon)]
        return made.assign(date=self.panel.grid.dates(made["_at"].to_numpy()))


def _checked(made: Any, name: str, keys: list[str], panel: Panel) -> pd.DataFrame:
    """What a model of the caller's own has returned, with the columns it must have, as numbers."""
    arg, caller = f"what model {name!r} returned", panel.caller
    made = to_pandas(made, caller=caller, arg=arg)
    ends = [c for c in made.columns if str(c).startswith(("lo_", "hi_"))]
    roles: dict[str, Any] = {f"end{i}": Amount(c, missing="allow") for i, c in enumerate(ends)}
    roles |= {"forecast": Amount("forecast", option=""), "date": Date("date", option="")}
    rows = take(made, caller=caller, arg=arg, by=keys, **roles)
    own = {c: rows[f"end{i}"] for i, c in enumerate(ends)}
    made = made.assign(date=rows["date"], forecast=rows["forecast"], **own)
    return _with_keys_of(panel, made, keys, arg) if keys else made


def _with_keys_of(panel: Panel, made: pd.DataFrame, keys: list[str], arg: str) -> pd.DataFrame:
    """Rows of series that there are, with keys as the history writes them."""
    args = ("history", arg)
    both = stack_keys((panel.labels, made), keys, caller=panel.caller, args=args)
    codes = factorise(both, keys).codes
    place = np.full(int(codes.max()) + 1, -1)
    place[codes[: len(panel)]] = np.arange(len(panel))
    found = place[codes[len(panel) :]]
    rest = made.drop(columns=keys)[found >= 0].reset_index(drop=True)
    return pd.concat([panel.labels.iloc[found[found >= 0]].reset_index(drop=True), rest], axis=1)


def forecast_known(
    given: pd.DataFrame,
    far: int,
    *,
    model: Any,
    days: Days | None,
    caller: str,
    by: Any,
    freq: str,
    season_length: int,
    partial: str,
    gaps: str,
    level: Any = None,
    non_negative: bool | str = "auto",
    n_jobs: int = 1,
    calendar: Any = None,
    events: Any = None,
    exog: Any = None,
    future: Any = None,
    transform: str | float | None = None,
    clean: bool = False,
    memory: Memory | None = None,
    held: Estimates | None = None,
    shared: Estimates | None = None,
) -> pd.DataFrame:
    """What :func:`forecast` gives for sums by period, with the days they were summed from.

    ``memory``: what was estimated from a shorter record, and is to stay. ``held``: what was found
    of the drivers for another model of the same panel. ``shared``: as in :func:`forecast_panel`.
    """
    panel = read_history(
        given,
        caller=caller,
        by=by,
        freq=freq,
        season_length=season_length,
        partial=partial,
        gaps=gaps,
        date="date",
        amount="amount",
        again=True,
    )

    def read(part: Panel, held: Estimates) -> Drivers | None:
        return read_drivers(
            given,
            part,
            far,
            by=check_names(by, "by", caller=caller),
            date="date",
            calendar=calendar,
            events=events,
            exog=exog,
            future=future,
            days=days,
            held=held,
        )

    return forecast_panel(
        panel,
        far,
        check_models(model, caller=caller),
        check_levels(level, caller=caller),
        non_negative,
        n_jobs=n_jobs,
        drivers=read(panel, held or Estimates()) if memory is None else None,
        transform=transform,
        clean=clean,
        memory=memory,
        read=read,
        shared=shared,
    )


def _with_zeros(panel: Panel, code: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every period of every series from its first to its last; none is zero."""
    begin = panel.begin
    size = panel.end - begin + 1
    offset = np.cumsum(size) - size
    out = np.repeat(np.arange(len(panel)), size)
    at = np.arange(size.sum()) - np.repeat(offset, size) + np.repeat(begin, size)
    values = np.zeros(len(at))
    values[offset[code] + panel.at - begin[code]] = panel.values
    return out, at, values
