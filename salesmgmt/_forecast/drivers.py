"""What moves sales beside level, trend and season: calendar, events, prices, promotions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from .._frames import speaking_for, telling_once
from ..engine import regression_effects
from ..engine.estimates import Estimates
from ..errors import InputError
from .calendar_columns import BY_DAY, BY_SHAPE, YEARS, calendar_columns, known_periods
from .daily import Days
from .exog import exog_columns
from .intake import Panel

__all__ = ["FAR", "Drivers", "read_drivers"]

_RECENT = 15  # years that effects are learned from: opening hours and habits change
_POOL = 4096  # series whose effects are shrunk towards each other
_LEVEL = (4, 24)  # periods that tell the level: a season, but no fewer and no more than these
_BLOCK = 512  # series estimated side by side
FAR = 5.0  # beyond it an effect in logarithms is no effect any more
_NOTHING = 0.2  # of the usual sales: below it a holiday tells nothing of the level
_RARE = 0.1  # part of the periods that such holidays take, at most
_DOUBT = 0.3  # of what the days are worth, where the periods are too few to correct it
_SIZED = 200  # series whose rows tell the usual size of a driver
_ASKED = 40  # series that are asked whether weeks are dated by their first or their last day
_SURE = 4.0  # by how much log-likelihood the last day must be the better one
_MOST, _COUNTED = 10.0, 9  # of one series; and how many count, however many there are


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

    def fit(self, panel: Panel, *, whole: bool = False) -> Panel:
        """Estimate the effects where they are not held; return the panel without them.

        Holidays on which next to nothing is sold tell nothing of the level, and are not known in
        it (``whole``: they are kept).
        """
        dense = list(_dense(panel))
        self.size = self.held.of("size", self._sizes, panel, dense)
        with _one_thread():
            found = self.held.of("evidence", self._evidence, panel, dense)
            self.beta, self.post = self.held.of("effects", self._shrink, found)
        self.logs, self.scale = found.logs, found.scale
        self.floor = np.array(
            [0.0 if not (y[np.isfinite(y)] < 0).any() else -np.inf for _, y in dense]
        )
        return self._clean(panel, dense, whole)

    def doubt(self, series: int, first: int, count: int) -> np.ndarray:
        """Standard error of :meth:`effect`."""
        which = np.array([series])
        return self._errors(self._tables(which, first, count), which)[0]

    def effect(self, series: int, first: int, count: int) -> np.ndarray:
        """Effect in logarithms, or in units of the series' scale."""
        which = np.array([series])
        return self._sums(self._tables(which, first, count), which)[0]

    def moved(self, series: int, first: int, count: int) -> np.ndarray:
        """Regressors less what they were lately, each relative to its size.

        An effect that is taken for too large makes the level too low by as much, and the forecast
        starts from that level: only what has moved since is forecast wrongly.
        """
        return self._moved(np.array([series]), first, count)[0]

    def ahead(self, which: np.ndarray, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Effects on forecasts from period ``first`` on, and their errors, (series, periods)."""
        effect = self._sums(self._tables(which, first, count), which)
        return effect, self._errors(self._moved(which, first, count), which)

    def _tables(self, which: np.ndarray, first: int, count: int) -> np.ndarray:
        """Regressors in their typical size, (series, periods, k); one table where all share it."""
        if self.own is None:
            which = which[:1]
        return np.stack([self.rows(int(i), first, count) for i in which]) / self.size

    def _moved(self, which: np.ndarray, first: int, count: int) -> np.ndarray:
        begin = max(first - self.span, self.low)
        x = self._tables(which, begin, first - begin + count)
        known = first - begin
        return np.asarray(x[:, known:] - x[:, :known].mean(axis=1, keepdims=True))

    def _sums(self, x: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Effects of the regressors ``x`` on these series."""
        if len(x) == 1:
            return np.asarray(self.beta[which] @ x[0].T)
        return np.asarray((x @ self.beta[which][:, :, None])[:, :, 0])

    def _errors(self, x: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Standard errors of the effects of the regressors ``x`` on these series."""
        return np.asarray(np.sqrt(((x @ self.post[which]) * x).sum(axis=2)))

    def _sizes(self, panel: Panel, dense: list[tuple[int, np.ndarray]]) -> np.ndarray:
        """Typical size of each column in the past, where it is not zero.

        That of a driver that has not moved yet is the size of what it is to move by.
        """
        known = int(panel.end.max()) - self.low + 1
        if self.own is None:
            size = _typical(self.common[:known])
        else:
            some = panel.spread(np.arange(len(dense)), _SIZED).tolist()
            size = _typical(np.vstack([self.rows(i, dense[i][0], len(dense[i][1])) for i in some]))
            own = _typical(np.vstack([self.own[i] for i in some]))
            late = size[self.common.shape[1] :]
            late[late == 0] = own[late == 0]
        return np.where(size > 0, size, 1.0)

    def _evidence(
        self, panel: Panel, dense: list[tuple[int, np.ndarray]]
    ) -> regression_effects.Evidence:
        k, count = len(self.names), len(dense)
        out = regression_effects.Evidence(
            np.zeros((count, k, k)), np.zeros((count, k)), np.zeros(count, bool), np.ones(count)
        )
        yearly = YEARS[panel.grid.freq]
        for which in _alike(dense):
            first, y = dense[which[0]]
            if not len(y):
                continue
            late = max(len(y) - int(_RECENT * yearly), self.begin - first, 0)
            block = np.column_stack([dense[i][1][late:] for i in which])
            if not np.isfinite(block).any():
                late, block = 0, np.column_stack([dense[i][1] for i in which])
            x = self._tables(which, first + late, len(block))
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

    def _clean(self, panel: Panel, dense: list[tuple[int, np.ndarray]], whole: bool) -> Panel:
        """The panel without the effects, gaps filled as in ``dense``."""
        size = np.array([len(y) for _, y in dense])
        begin = np.array([first for first, _ in dense])
        starts = np.concatenate([[0], np.cumsum(size)])
        values = np.empty(starts[-1])
        for which in _alike(dense):
            first, y = dense[which[0]]
            if not len(y):
                continue
            effect = self._sums(self._tables(which, first, len(y)), which)
            y = np.stack([dense[i][1] for i in which])
            times = np.exp(np.clip(effect, -FAR, FAR))
            free = np.where(self.logs[which, None], y / times, y - self.scale[which, None] * effect)
            if not whole:
                free[self._silent(which, first, y)] = np.nan
            values[starts[which, None] + np.arange(y.shape[1])] = free
        at = np.arange(starts[-1]) + np.repeat(begin - starts[:-1], size)
        return replace(panel, starts=starts, at=at, values=values)

    def _silent(self, which: np.ndarray, first: int, y: np.ndarray) -> np.ndarray:
        """Where holidays leave next to nothing of the sales of these series.

        To divide by so little makes noise of the shop that has opened once, and of the one sale.
        """
        holiday = np.array([g == "holiday" for g in self.groups])
        x = self._tables(which, first, y.shape[1]) * holiday
        effect = self._sums(x, which)
        out = effect < np.where(self.logs[which], np.log(_NOTHING), _NOTHING - 1)[:, None]
        out[out.mean(axis=1) > _RARE] = False  # then it is no holiday
        return np.asarray(out)

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
        for last in np.unique(end):
            for which in _blocks(np.flatnonzero(end == last)):
                effect[which], doubt[which] = self.ahead(which, int(last) + 1, horizon)
        logs, scale = self.logs[:, None], self.scale[:, None]
        times = np.where(logs, np.exp(np.clip(effect, -FAR, FAR)), 1.0)
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


def _typical(x: np.ndarray) -> np.ndarray:
    """Root mean square of each column where it is not zero."""
    top = np.abs(x).max(axis=0, initial=0.0)
    some = np.abs(x) > 1e-9 * top  # rounding is no regressor
    unit = np.where((top > 1e150) | ((top < 1e-150) & (top > 0)), top, 1.0)  # squares are numbers
    mean = ((x / unit) ** 2).sum(axis=0) / np.maximum(some.sum(axis=0), 1)
    return np.asarray(np.sqrt(mean) * unit)


def _one_thread() -> Any:
    """Linear algebra on one thread: small matrices cost more in waking others than in work."""
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


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
        inside = (at >= first) & (at <= last)
        y[at[inside] - first] = values[inside]  # a missing amount is no zero
        yield first, y


def _alike(dense: list[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Series of the same span together."""
    found: dict[tuple[int, int], list[int]] = {}
    for i, (first, y) in enumerate(dense):
        found.setdefault((first, len(y)), []).append(i)
    for which in found.values():
        yield from _blocks(np.asarray(which))


def _blocks(which: np.ndarray) -> Iterator[np.ndarray]:
    for low in range(0, len(which), _BLOCK):
        yield which[low : low + _BLOCK]


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
    with speaking_for(caller), telling_once(), _one_thread():
        back = held.of("back", _days_back, panel, low, high, horizon, asked)
        names, common = calendar_columns(panel, low, high, horizon, *asked, held, back)
    presumed = np.array([float(n in (BY_DAY, BY_SHAPE)) for n in names])
    short = known_periods(panel) < 2 * YEARS[panel.grid.freq]
    inside = bool(presumed.any()) and days is not None and days.begins_inside(panel.grid, low)
    kinds = ["holiday"] * len(names)
    span = min(max(panel.season, _LEVEL[0]), _LEVEL[1])
    out = Drivers(names, kinds, low, common, presumed, short, low + inside, span, held=held)
    if exog is not None:
        out.own, more = exog_columns(
            history, panel, horizon, by=by, date=date, exog=exog, future=future, low=low, held=held
        )
        out.names, out.groups = names + more, out.groups + ["exog"] * len(more)
        out.presumed = np.concatenate([presumed, np.zeros(len(more))])
    return out if out.names else None


def _days_back(
    panel: Panel, low: int, high: int, horizon: int, asked: tuple[Any, Any, Any, bool]
) -> int:
    """6 where weeks are dated by their last day, as what happens around holidays shows; else 0.

    Weeks dated by Mondays begin on them.
    """
    calendar, events = asked[:2]
    if panel.grid.freq != "W" or panel.grid.week_start == 0:
        return 0
    if not (isinstance(calendar, str) or (calendar is None and events is not None)):
        return 0
    panel = panel.take(panel.spread(np.arange(len(panel)), _ASKED))
    dense = list(_dense(panel))
    told = []
    for back in (0, 6):
        names, common = calendar_columns(panel, low, high, horizon, *asked, Estimates(), back)
        tried = Drivers(names, ["holiday"] * len(names), low, common, np.zeros(len(names)))
        if not names:
            return 0
        tried.size = tried._sizes(panel, dense)
        told.append(regression_effects.told(tried._evidence(panel, dense)))
    gain = np.clip(told[1] - told[0], -_MOST, _MOST)  # one series alone does not decide for all
    return 6 if gain.mean() * min(len(gain), _COUNTED) ** 0.5 > _SURE else 0
