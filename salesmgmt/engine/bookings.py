"""What open deals will bring: competing ends by age, corrected by the forecast's own past.

A deal of age a that is open is won within the next h days with probability
``(F(a + h) - F(a)) / S(a)``: F is the share won by age (Aalen-Johansen), S the share still open.
Age alone does not see the calendar: the same forecast is therefore made at each past week, and
the ratios of what came to what was forecast (above all at the same place of the quarter or year
before) correct the forecast and say how far it may be off. Of that, the luck of single deals is
what draws of the deals show by themselves; the rest is an error that all deals share, and it is
what makes a band wide enough. How large it is, a few past months tell only roughly: it has a
distribution.

References
----------
.. [1] O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150.
.. [2] J. M. Bates, C. W. J. Granger, "The combination of forecasts", Operational Research
   Quarterly 20 (1969), 451-468 (choosing by past errors).
.. [3] A. Gelman, "Prior distributions for variance parameters in hierarchical models",
   Bayesian Analysis 1 (2006), 515-534 (half-t).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .survival import incidence

__all__ = ["Book", "Correction", "Curve", "correction", "curve", "forecast_new", "forecast_open"]

FAR = np.iinfo(np.int64).max
WEEK, QUARTER, YEAR = 7, 91, 364  # whole weeks, so that past origins fall on the same weekday
ORIGINS = 78  # at most so many past weeks are looked at
# Mean absolute log error expected of each way to correct, worth six forecasts of evidence.
_PRIOR = {
    "none": 0.30,
    "recent": 0.45,
    "quarter": 0.25,
    "quarter_drift": 0.22,
    "year": 0.25,
    "year_drift": 0.22,
}
_WORTH = 6
_SPREAD, _FREEDOM = 0.15, 3  # half-t of the shared log error before there is any past
_SIZES = np.geomspace(0.01, 2.0, 60)  # shared log errors that are weighed
_SEEN = 52  # past forecasts that say how large it is
_EFFECT = 0.4  # usual size (log scale) of what the calendar does: how far a ratio is believed
_DRIFT = 0.35  # at most so much change from one season to the next
_WILD = np.log(5)  # a ratio beyond this is an accident
_LEARN = 28  # days of closings before a forecast is worth looking at


@dataclass(frozen=True, slots=True)
class Book:
    """Deals: day created, day closed (``FAR`` while open), won, amount."""

    created: np.ndarray
    closed: np.ndarray
    won: np.ndarray
    amount: np.ndarray
    _kept: dict[tuple[str, int], Any] = field(default_factory=dict, repr=False, compare=False)

    def open_at(self, day: int) -> np.ndarray:
        return (self.created <= day) & (self.closed > day)

    def by_age(self, day: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ages of the deals open at ``day``, their amounts added up, and the squares."""
        if ("age", day) not in self._kept:
            rows = self.open_at(day)
            age, amount = day - self.created[rows], self.amount[rows]
            sums = np.bincount(age, weights=amount), np.bincount(age, weights=amount**2)
            there = np.flatnonzero(np.bincount(age))
            self._kept["age", day] = there, sums[0][there], sums[1][there]
        return self._kept["age", day]


@dataclass(frozen=True, slots=True)
class Curve:
    """Share won and share open by age, as steps."""

    age: np.ndarray
    won: np.ndarray
    open: np.ndarray

    def won_by(self, age: np.ndarray) -> np.ndarray:
        return self.won[np.searchsorted(self.age, age, side="right")]

    def open_at(self, age: np.ndarray) -> np.ndarray:
        return self.open[np.searchsorted(self.age, age, side="right")]

    def chance(self, age: np.ndarray, first: int, last: int) -> np.ndarray:
        """Chance that a deal open at ``age`` is won from ``first`` to ``last`` days later.

        Ages past the end of the curve, where nothing was ever open, take its last part.
        """
        alive = self.age[: max(int((self.open[1:] > 1e-9).sum()), 1)]
        age = np.minimum(age, alive[-1] if len(alive) else 0)
        rest = self.open_at(age)
        gain = self.won_by(age + last) - self.won_by(age + first - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(rest > 1e-9, np.clip(gain / rest, 0, 1), 0.0)


def curve(book: Book, day: int) -> Curve:
    """Ends by age as they were known at the end of ``day``."""
    if ("curve", day) not in book._kept:
        book._kept["curve", day] = _curve(book, day)
    return book._kept["curve", day]


def _curve(book: Book, day: int) -> Curve:
    known = book.created <= day
    ended = known & (book.closed <= day)
    until = np.where(ended, book.closed, day)
    cause = np.where(ended, np.where(book.won, 1, 2), 0)
    found = incidence((until - book.created)[known], cause[known], 2)
    return Curve(found.time, np.append(0.0, found.ended[:, 0]), np.append(1.0, found.open))


def forecast_open(book: Book, day: int, first: int, last: int) -> tuple[float, float]:
    """Expected won amount of the deals open at ``day``, ``first`` to ``last`` days on; and its
    variance if deals were independent."""
    age, amount, square = book.by_age(day)
    p = curve(book, day).chance(age, first, last)
    return float((p * amount).sum()), float((p * (1 - p) * square).sum())


def actual_open(book: Book, day: int, first: int, last: int) -> float:
    """What the deals open at ``day`` did bring in that time."""
    rows = book.open_at(day) & book.won
    rows &= (book.closed >= day + first) & (book.closed <= day + last)
    return float(book.amount[rows].sum())


def forecast_new(book: Book, day: int, first: int, last: int) -> tuple[float, float]:
    """Expected won amount, and its variance, of deals created after ``day``.

    Deals come in as in the 91 days before (or as long as there are records).
    """
    start = int(book.created.min())
    span = min(QUARTER, day - start + 1)
    recent = (book.created > day - span) & (book.created <= day)
    if span <= 0 or not recent.any():
        return 0.0, 0.0
    known = curve(book, day)
    born = np.arange(1, last + 1)
    share = known.won_by(last - born)
    share = share - np.where(born < first, known.won_by(first - 1 - born), 0.0)
    wins = share.sum() * recent.sum() / span
    amount = book.amount[recent]
    mean, square = amount.mean(), (amount**2).mean()
    # to the luck of the deals to come adds that of those their number and amounts are known from
    return float(wins * mean), float(wins * square * (1 + wins / recent.sum()))


def actual_new(book: Book, day: int, first: int, last: int) -> float:
    """What deals created after ``day`` did bring in that time."""
    rows = (book.created > day) & book.won
    rows &= (book.closed >= day + first) & (book.closed <= day + last)
    return float(book.amount[rows].sum())


# --------------------------------------------------------------------------------------
# Correction by the forecast's own past


@dataclass(frozen=True, slots=True)
class Correction:
    """Factor for the forecast, how it was chosen and from how much past; and ``spreads``, equally
    likely sizes of the log error that all deals share."""

    factor: float
    spreads: np.ndarray
    method: str
    evidence: int

    @property
    def spread(self) -> float:
        """The standard deviation of that error."""
        return float(np.sqrt((self.spreads**2).mean()))

    def errors(self, z: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Factors of mean one from normal ``z``, of a size from uniform ``u``."""
        size = self.spreads[(u * len(self.spreads)).astype(int)]
        return np.exp(size * z - size**2 / 2)


def _sizes(errors: np.ndarray, luck: np.ndarray, common: float) -> np.ndarray:
    """Equally likely deviations of the shared log error, from past errors and their own luck.

    Each error is normal with the luck of its deals and the shared error behind it. Spans that
    overlap tell the same story ``common`` times.
    """
    total = luck[:, None] + _SIZES**2
    told = -0.5 * (np.log(total) + errors[:, None] ** 2 / total).sum(axis=0) / common
    told -= (_FREEDOM + 1) / 2 * np.log1p((_SIZES / _SPREAD) ** 2 / _FREEDOM)
    weight = np.exp(told - told.max()) * _SIZES  # they stand at even steps of the logarithm
    share = np.cumsum(weight) / weight.sum()
    return _SIZES[np.searchsorted(share, (np.arange(200) + 0.5) / 200)]


def correction(book: Book, day: int, first: int, last: int, *, new: bool = False) -> Correction:
    """Correct by past forecasts of the same reach, using only what was known at ``day``.

    New business is corrected by its recent level alone: it has no memory of single deals.
    """
    past = _past(book, day, first, last, new)
    if not len(past.origins):
        return Correction(1.0, _sizes(np.zeros(0), np.zeros(0), 1.0), "none", 0)
    errors: dict[str, list[float]] = {name: [] for name in _PRIOR}
    luck: dict[str, list[float]] = {name: [] for name in _PRIOR}  # squared
    for i, origin in enumerate(past.origins):
        for name, (value, noise) in past.ways(int(origin), last, new).items():
            errors[name].append(past.logs[i] - value)
            luck[name].append(past.noise[i] ** 2 + _borrowed(noise))
    now = past.ways(day, last, new)
    scores = {}
    for name, (_, noise) in now.items():
        seen = np.abs(errors[name][-26:])
        scores[name] = (seen.sum() + _WORTH * (_PRIOR[name] + noise)) / (len(seen) + _WORTH)
    method = min(scores, key=lambda n: (scores[n], n))
    seen = np.array(errors[method][-_SEEN:])
    # sums over spans a week apart correlate by the share they have in common
    overlap = np.maximum(1 - WEEK * np.arange(1, ORIGINS) / (last - first + 1), 0)
    spreads = _sizes(seen, np.array(luck[method][-_SEEN:]), 1 + 2 * float(overlap @ overlap))
    factor, noise = now[method]
    spreads = np.sqrt(spreads**2 + _borrowed(noise))
    return Correction(float(np.exp(factor)), spreads, method, len(seen))


@dataclass(frozen=True, slots=True)
class _Past:
    """Weekly origins whose time is over, log(actual / forecast) at each, and how much of it
    is to be believed: the rest is the luck of single deals (``noise``, as a deviation)."""

    origins: np.ndarray
    logs: np.ndarray
    noise: np.ndarray
    place: dict[int, int]

    def ways(self, day: int, reach: int, new: bool) -> dict[str, tuple[float, float]]:
        """Log corrections that could have been made at ``day``, each with its noise."""
        known = np.flatnonzero(self.origins + reach <= day)
        out = {"none": (0.0, 0.0)}
        if len(known) >= 3:
            last = known[-6:]
            luck = float(self.noise[last].mean())
            out["recent"] = (_believe(luck) * float(np.median(self.logs[last])), luck)
        for name, lag in () if new else (("quarter", QUARTER), ("year", YEAR)):
            before = self.at_lag(day, lag, reach)
            if before is None:
                continue
            out[name] = before
            gone = [
                self.logs[i] - earlier[0]
                for i in known[-6:]
                if (earlier := self.at_lag(int(self.origins[i]), lag, reach)) is not None
            ]
            drift = _believe(before[1]) * sum(gone) / (len(gone) + 3)
            drift = min(max(drift, -_DRIFT), _DRIFT)
            out[f"{name}_drift"] = (before[0] + drift, before[1])
        return out

    def at_lag(self, day: int, lag: int, reach: int) -> tuple[float, float] | None:
        """The ratio at the same place of the season before (and, less, of the one before it)."""
        at = [self.place[day - k * lag] for k in (1, 2)
              if day - k * lag in self.place and k * lag >= reach]  # fmt: skip
        if not at:
            return None
        weight = np.array([1.0] if len(at) == 1 else [0.7, 0.3])
        luck = float(np.sqrt((weight**2 * self.noise[at] ** 2).sum()))
        return _believe(luck) * float(weight @ self.logs[at]), luck


def _believe(noise: float) -> float:
    return _EFFECT**2 / (_EFFECT**2 + noise**2)


def _borrowed(noise: float) -> float:
    """Squared luck of past deals in a correction that believed them: it comes on top."""
    return (_believe(noise) * noise) ** 2


def _past(book: Book, day: int, first: int, last: int, new: bool) -> _Past:
    begin = int(book.created.min())
    settled = book.closed[book.closed <= day]
    if len(settled):
        begin = max(begin, int(settled.min()) + _LEARN)
    origins = np.arange(day - WEEK * (-(-last // WEEK)), begin, -WEEK)[:ORIGINS][::-1]
    if not len(origins):
        return _Past(origins, np.zeros(0), np.zeros(0), {})
    look, seen = (forecast_new, actual_new) if new else (forecast_open, actual_open)
    told = np.array([look(book, int(o), first, last) for o in origins])
    came = np.array([seen(book, int(o), first, last) for o in origins])
    base = 0.03 * max(float(told[:, 0].mean()), 1e-9)
    logs = np.log((np.maximum(came, 0) + base) / (np.maximum(told[:, 0], 0) + base))
    logs = np.clip(logs, -_WILD, _WILD)
    noise = np.sqrt(told[:, 1]) / (np.maximum(told[:, 0], 0) + base)
    return _Past(origins, logs, noise, {int(o): i for i, o in enumerate(origins)})
