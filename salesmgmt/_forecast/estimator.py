"""The forecast as an estimator: fitted once, asked often, kept and brought up to date."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._frames import (
    Amount,
    Date,
    Rows,
    check_bool,
    check_choice,
    check_int,
    check_names,
    check_seed,
    resolve_as_of,
    stack_keys,
    take,
    to_pandas,
    warn,
)
from ..engine.estimates import Estimates
from ..errors import DataWarning, InputError
from .cleaning import oddities_of, table_of
from .daily import Days
from .drivers import Drivers, read_drivers
from .exog import check_drivers, driver_rows, lags_by_column, with_flags
from .fit import check_jobs, check_levels, check_models, check_transform, forecast_panel, learn
from .intake import Panel, read_history
from .keeping import read_kept, refused, write_kept
from .simulation import sample_panel
from .summary import summarise_stages
from .upkeep import Memory

__all__ = ["Forecaster"]

_SHOWN = 3  # periods that show a frequency
# Options that act when rows are read.
_READING = ("by", "freq", "season_length", "partial", "gaps", "as_of", "invalid", "date", "amount")
_ESTIMATED = ("model", "transform", "clean", "calendar", "events", "exog")  # shape the estimates


class Forecaster(BaseEstimator):
    """Forecasts of every series of a history, as an estimator.

    Parameters
    ----------
    by, freq, season_length, model, level, calendar, exog, non_negative, partial, n_jobs, \
progress, events, gaps, as_of, invalid, date, amount, transform, clean
        As in :func:`forecast`.

    Attributes
    ----------
    history_ : DataFrame
        Key columns, ``date``, ``amount``: what was fitted, one row a row given.
    summary_ : DataFrame
        One row a key and model: ``model``, ``form``, ``parameters``, ``loglik``, ``aicc``,
        ``mae``, ``rmse`` of one-step errors in the history, ``n`` of them, ``weights``,
        ``likelihood_of``. For ``"auto"`` ``form`` tells what was done (``"combination[12]"``: the
        learned combination with a season of 12; ``"intermittent"``, ``"two seasons[7, 364]"``,
        ``"smoothing and Theta"``, ``"mean"``, ``"constant"``, ``"no data"``; ``", newest era"``
        after it where sales have fallen to another size), ``weights`` who had which weight, and
        errors are those of the combination itself over the newest periods (120;
        of records longer than 100 fewer, 24 from 500 on), with weights and parameters learned
        from the whole history. A combination has no
        likelihood: ``loglik`` and ``aicc`` are then those of the likeliest exponential smoothing
        form, which ``likelihood_of`` names. With ``transform`` all figures are on the scale of the
        fit, and ``lambda`` is among the parameters. NaN where a method has no likelihood (Theta,
        MSTL, regression, intermittent demand), or leaves no errors at all.
    cleaned_ : DataFrame
        Outliers and level shifts of the history as it was given: keys, ``date``, ``kind``,
        ``amount``, ``size`` (see ``clean`` of :func:`forecast`), whether they are taken out or
        not.

    References
    ----------
    R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
    Smoothing", Springer 2008. C. Chen, L.-M. Liu, "Joint estimation of model parameters and
    outlier effects in time series", Journal of the American Statistical Association 88 (1993),
    284-297.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=24, freq="MS"),
    ...                       "amount": [100.0, 120.0] * 12})
    >>> model = Forecaster(model="naive", level=None).fit(sales)
    >>> model.predict(1)
            date  forecast status
    0 2025-01-01     120.0     ok
    """

    def __init__(
        self,
        *,
        by: str | Sequence[str] | None = None,
        freq: str | None = None,
        season_length: int | None = None,
        model: str | Sequence[str] = "auto",
        level: Sequence[float] | None = (80, 95),
        calendar: str | pd.DataFrame | None = None,
        exog: str | Sequence[str] | Mapping[str, Any] | None = None,
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
    ) -> None:
        self.by = by
        self.freq = freq
        self.season_length = season_length
        self.model = model
        self.level = level
        self.calendar = calendar
        self.exog = exog
        self.non_negative = non_negative
        self.partial = partial
        self.n_jobs = n_jobs
        self.progress = progress
        self.events = events
        self.gaps = gaps
        self.as_of = as_of
        self.invalid = invalid
        self.date = date
        self.amount = amount
        self.transform = transform
        self.clean = clean

    def fit(self, history: pd.DataFrame, y: None = None) -> Forecaster:
        """Read and check a history.

        Parameters
        ----------
        history : DataFrame
            As in :func:`forecast`; not modified.
        y : None
            Ignored; there for scikit-learn's pipelines.

        Returns
        -------
        Forecaster
            Itself.

        Raises
        ------
        InputError
            As :func:`forecast` raises.
        """
        return self._fit(history, "Forecaster.fit")

    def _fit(self, history: Any, caller: str) -> Forecaster:
        check_models(self.model, caller=caller)
        check_levels(self.level, caller=caller)
        panel = self._read(history, caller)
        check_transform(self.transform, panel, caller=caller)
        check_bool(self.clean, "clean", caller=caller)
        check_choice(self.non_negative, "non_negative", (True, False, "auto"), caller=caller)
        check_bool(self.progress, "progress", caller=caller)
        check_jobs(self.n_jobs, caller=caller)
        by = check_names(self.by, "by", caller=caller)
        exog = self._drivers_named(caller)
        names = list(dict.fromkeys([*by, self.date, self.amount, *exog]))
        frame = to_pandas(history, names, caller=caller, arg="history")
        if exog:
            check_drivers(self.exog, panel, by, self.date)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)  # what is left out has been told
                driver_rows(frame, panel, exog=self.exog, by=by, date=self.date, caller=caller)
        self._panel = panel  # from here on nothing is refused: what was fitted before has stayed
        self.history_ = frame[names].reset_index(drop=True)
        self._stages = [(self._panel, len(self.history_))]
        self._asked_when_read = [self._reading()]
        self._memory, self._learned = Memory(), 0
        self._asked: dict[str, Any] = {}
        self._summary: pd.DataFrame | None = None
        return self

    def predict(self, horizon: int, *, future: pd.DataFrame | None = None) -> pd.DataFrame:
        """Forecast ``horizon`` periods after each series' last.

        Parameters
        ----------
        horizon : int
            Periods to forecast.
        future : DataFrame, optional
            Values of ``exog`` in these periods, as in :func:`forecast`.

        Returns
        -------
        DataFrame
            As :func:`forecast` returns.

        Raises
        ------
        NotFittedError
            ``fit`` has not been called.
        InputError
            ``horizon`` is not a whole number above 0.
        """
        check_is_fitted(self, "history_")
        caller = "Forecaster.predict"
        horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
        memory = self._kept(caller)
        own = replace(self._panel, caller=caller)
        return forecast_panel(
            own,
            horizon,
            check_models(self.model, caller=caller),
            check_levels(self.level, caller=caller),
            self.non_negative,
            n_jobs=self.n_jobs,
            progress=self.progress,
            drivers=self._drivers(horizon, future, own) if memory is None else None,
            transform=check_transform(self.transform, own, caller=caller),
            clean=self.clean,
            memory=memory,
            read=lambda panel, held: self._drivers(horizon, future, panel, held),
        )

    def simulate(
        self,
        horizon: int,
        n: int = 1000,
        *,
        future: pd.DataFrame | None = None,
        random_state: int | np.random.Generator | None = 0,
    ) -> pd.DataFrame:
        """Sample paths, as :func:`simulate` gives them.

        Parameters
        ----------
        horizon : int
            Periods to draw.
        n : int, default=1000
            Number of paths.
        future : DataFrame, optional
            Values of ``exog`` in these periods, as in :func:`forecast`.
        random_state : int, Generator or None, default=0
            Seed.

        Returns
        -------
        DataFrame
            Keys, ``date``, ``draw``, ``amount``.

        Raises
        ------
        NotFittedError
            ``fit`` has not been called.
        InputError
            ``horizon`` or ``n`` is not a whole number above 0.
        """
        check_is_fitted(self, "history_")
        caller = "Forecaster.simulate"
        horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
        memory = self._kept(caller)
        own = replace(self._panel, caller=caller)
        return sample_panel(
            own,
            horizon,
            check_int(n, "n", caller=caller, low=1, high=1_000_000),
            check_models(self.model, caller=caller),
            self.non_negative,
            check_seed(random_state, caller=caller),
            self._drivers(horizon, future, own) if memory is None else None,
            transform=check_transform(self.transform, own, caller=caller),
            clean=self.clean,
            memory=memory,
            read=lambda panel, held: self._drivers(horizon, future, panel, held),
        )

    def update(self, new: pd.DataFrame, *, refit: bool = True) -> Forecaster:
        """Add newer rows, of known keys or new ones.

        Parameters
        ----------
        new : DataFrame
            Rows in the form of the history. Those later than ``as_of`` are told of: they do
            not count until ``set_params(as_of=...)`` moves it.
        refit : bool, default=True
            Whether to estimate everything anew from all rows. False: what was estimated from
            the rows of ``fit`` stays, and states are brought up to date by running through the
            newer values with it; :func:`backtest` says what that is for each model. Keys that
            were not there or too short are estimated from the update on that brings their fourth
            value. Frequency, anchor and the meaning of gaps stay. ``summary_`` goes on to say
            what was estimated. ``simulate`` looks in all rows for how errors hang together.

        Returns
        -------
        Forecaster
            Itself, brought up to date.

        Raises
        ------
        NotFittedError
            ``fit`` has not been called.
        InputError
            As :func:`forecast` raises. The history has one row a key and date, and ``new`` gives
            amounts for some of them again: they would be added up. Without ``refit`` also from
            ``predict``, where a series now begins earlier than what it was estimated from.

        Examples
        --------
        >>> import pandas as pd
        >>> sales = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=24, freq="MS"),
        ...                       "amount": [100.0, 120.0] * 12})
        >>> model = Forecaster(model="naive", level=None).fit(sales.head(23))
        >>> model.update(sales.tail(1), refit=False).predict(1)
                date  forecast status
        0 2025-01-01     120.0     ok
        """
        check_is_fitted(self, "history_")
        caller = "Forecaster.update"
        refit = check_bool(refit, "refit", caller=caller)
        joined = self._joined(new, caller)
        self._refuse_known(joined, len(self.history_))
        if refit:
            before = self._panel
            self._fit(joined, caller)
            _tell_of_other_periods(before, self._panel)
            return self
        panel = self._read(joined, caller, like=self._panel)
        check_transform(self.transform, panel, caller=caller)
        self._panel, self.history_ = panel, joined  # only rows that are not refused
        self._stages.append((self._panel, len(joined)))
        self._asked_when_read.append(self._reading())
        self._summary = None
        return self

    @property
    def summary_(self) -> pd.DataFrame:
        """Model, parameters and fit of each series."""
        check_is_fitted(self, "history_")
        if self._summary is None:
            models = check_models(self.model, caller="Forecaster.summary_")
            panels = [panel for panel, _ in self._stages]
            self._summary = summarise_stages(panels, models, self.transform, clean=self.clean)
        return self._summary

    @property
    def cleaned_(self) -> pd.DataFrame:
        """Outliers and level shifts of the history, whether ``clean`` takes them out or not."""
        check_is_fitted(self, "history_")
        return table_of(self._panel, oddities_of(self._panel))

    def save(self, path: str | Path) -> None:
        """Write the fitted forecaster to a file.

        A zip of JSON and plain arrays (options and history); the forecaster is fitted again from
        it, with the same result. Written by one version it can be read by later ones.

        Parameters
        ----------
        path : str or Path
            File to write.

        Raises
        ------
        NotFittedError
            ``fit`` has not been called.
        InputError
            An option or a key holds something that is no number, text, date or frame.
        """
        check_is_fitted(self, "history_")
        rows = [count for _, count in self._stages]
        first, *_ = read = [*self._asked_when_read, self._reading()]
        changes = [{k: v for k, v in now.items() if v is not was[k]} for was, now in pairwise(read)]
        write_kept(path, self.get_params(deep=False) | first, self.history_, rows, changes)

    @staticmethod
    def load(path: str | Path) -> Forecaster:
        """Read a forecaster that :meth:`save` wrote. The file can hold no code.

        Parameters
        ----------
        path : str or Path
            File to read.

        Returns
        -------
        Forecaster
            As it was saved.

        Raises
        ------
        InputError
            The file holds something else, is damaged, or was written by a later version.
        """
        options, history, rows, changes = read_kept(path)
        with refused(path):
            out = Forecaster(**options).fit(history.iloc[: rows[0]])
            for (old, new), change in zip(pairwise(rows), changes, strict=False):
                out.set_params(**change).update(history.iloc[old:new], refit=False)
            out.set_params(**changes[-1])
        return out

    def _reading(self) -> dict[str, Any]:
        """Options that act when rows are read, as they are now."""
        return {name: getattr(self, name) for name in _READING}

    def _joined(self, new: Any, caller: str) -> pd.DataFrame:
        """The history and newer rows below it, checked on their own: they have their own labels."""
        old, names = self.history_, list(self.history_.columns)
        by, exog = check_names(self.by, "by", caller=caller), self._drivers_named(caller)
        frame = to_pandas(new, names, caller=caller, arg="new")
        roles: dict[str, Any] = {}
        roles |= {f"x{i}": Amount(n, missing="allow", option="exog") for i, n in enumerate(exog)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)  # told when all rows are read
            rows = take(
                with_flags(frame, exog),
                caller=caller,
                arg="new",
                invalid=self.invalid,
                empty="allow",
                by=by,
                date=Date(self.date),
                amount=Amount(self.amount, missing="allow"),
                **roles,
            )
        if self.as_of is not None:
            self._tell_of_later(rows, caller)
        parts = (old, frame[names])
        kept = stack_keys(parts, [*by, self.date], caller=caller, args=("the history", "new"))
        joined = pd.concat(parts, ignore_index=True)
        joined[kept.columns] = kept
        for name in by:
            joined[name] = _as_before(old[name].dtype, joined[name])
        return joined

    def _tell_of_later(self, rows: Rows, caller: str) -> None:
        day = resolve_as_of(self.as_of, caller=caller)
        late = rows["date"].astype("datetime64[D]") > day.to_datetime64()
        if late.any():
            warn(
                f"{caller}(): {int(late.sum())} of {len(rows)} rows of new are later than as_of "
                f"{day.date()} and do not count; set_params(as_of=...) moves it."
            )

    def _drivers_named(self, caller: str) -> list[str]:
        return [] if self.exog is None else list(lags_by_column(self.exog, caller=caller))

    def _refuse_known(self, joined: pd.DataFrame, old: int) -> None:
        """Rows of periods known already, where a key has one row a date."""
        place = [*check_names(self.by, "by", caller="Forecaster.update"), self.date]
        known = joined.loc[joined[self.amount].notna(), place]
        if not isinstance(known[self.date].dtype, np.dtype) or known[self.date].dtype == object:
            known[self.date] = _as_instants(known[self.date])
        before = known.index < old
        again = known.duplicated() & known[self.date].notna()
        if again[before].any() or not again.any():
            return
        first = known[again].head(3).astype(str).agg(" / ".join, axis=1).tolist()
        raise InputError(
            f"Forecaster.update(): new has {int(again.sum())} row(s) for keys and dates that are "
            f"known or come twice, first {first}; their amounts would be added up. Leave them "
            "out, or fit the history as it should be."
        )

    def _kept(self, caller: str) -> Memory | None:
        """What was estimated by ``fit`` and stays; None where everything is estimated anew."""
        if len(self._stages) == 1:
            return None
        asked = {k: v for k, v in self.get_params(deep=False).items() if k in _ESTIMATED}
        if any(asked[k] is not self._asked.get(k, self) for k in asked):  # set_params since
            self._memory, self._learned, self._asked = Memory(), 0, asked
        for panel, rows in self._stages[self._learned :]:
            learn(
                panel,
                check_models(self.model, caller=caller),
                self._memory,
                read=partial(self._drivers, 0, None, rows=rows),
                n_jobs=self.n_jobs,
                transform=check_transform(self.transform, panel, caller=caller),
                clean=self.clean,
            )
            self._learned += 1
        return self._memory

    def _drivers(
        self,
        horizon: int,
        future: pd.DataFrame | None,
        panel: Panel,
        held: Estimates | None = None,
        *,
        rows: int | None = None,
    ) -> Drivers | None:
        history = self.history_.iloc[:rows]
        return read_drivers(
            history,
            panel,
            horizon,
            by=check_names(self.by, "by", caller="Forecaster"),
            date=self.date,
            calendar=self.calendar,
            events=self.events,
            exog=self.exog,
            future=future,
            days=Days.beneath(panel, history, self.date, self.calendar),
            held=held,
        )

    def _read(self, history: Any, caller: str, like: Panel | None = None) -> Panel:
        """The history as series; ``like``: on the grid of an earlier reading."""
        return read_history(
            history,
            caller=caller,
            by=self.by,
            freq=self.freq if like is None else like.grid.freq,
            season_length=self.season_length if like is None else like.season,
            partial=self.partial,
            gaps=self.gaps if like is None else like.gaps,
            again=like is not None,
            date=self.date,
            amount=self.amount,
            as_of=self.as_of,
            invalid=self.invalid,
        )


def _as_before(dtype: Any, keys: pd.Series) -> pd.Series:
    """Categories with those that newer rows bring, which else would be no categories any more."""
    if not isinstance(dtype, pd.CategoricalDtype) or keys.dtype == dtype:
        return keys
    known = dtype.categories
    more = [v for v in keys.dropna().unique() if v not in known]
    every = known.append(pd.Index(more)) if more else known
    return keys.astype(pd.CategoricalDtype(every, dtype.ordered))


def _tell_of_other_periods(before: Panel, now: Panel) -> None:
    """A frequency read off the dates that newer rows have changed."""
    was, new = before.grid.freq, now.grid.freq
    if was != new and len(np.unique(before.at)) >= _SHOWN:
        warn(
            f"{now.caller}(): the dates were summed by freq={was!r} and, with the newer rows, are "
            f"now by freq={new!r}; give freq= to say which, or dates on the days of the others."
        )


def _as_instants(dates: pd.Series) -> pd.Series:
    """Dates of any kind as values that compare; missing where they do not read."""
    if isinstance(dates.dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
        return dates
    return pd.to_datetime(dates, errors="coerce", format="ISO8601", utc=True)
