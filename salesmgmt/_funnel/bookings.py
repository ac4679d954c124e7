"""Bookings to come: from the open pipeline and from deals that do not exist yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_bool, check_freq, check_int, check_seed, days_of
from ..engine.bookings import (
    FAR,
    Book,
    Correction,
    actual_new,
    actual_open,
    correction,
    curve,
    forecast_new,
    forecast_open,
)
from ..engine.periods import period_end, period_of, period_start
from ..errors import InputError
from ._deals import IS_WON, OPEN, Deals, read_deals
from ._events import DAY, date_list, microseconds

__all__ = ["backtest_bookings", "bookings", "simulate_bookings"]

_SHARED = 0.5  # share of the forecast's error that all periods have in common
_BLOCK = 28  # days: shorter periods are corrected together, a day's luck says nothing
_EACH = 3000  # up to so many open deals are drawn one by one


def bookings(
    deals: pd.DataFrame,
    *,
    horizon: int | str | pd.Timedelta,
    freq: str = "M",
    new_business: bool = True,
    as_of: object = None,
    n: int = 2000,
    year_start: int = 1,
    random_state: int = 0,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Won amounts to come, by period, with a band that has been tested on the past.

    Open deals end by age as deals have ended before (won and lost as competing ends). The same
    forecast is made at every past week with what was known then; its errors correct this one
    (quarter-end and yearly effects included) and set the width of the band.

    Parameters
    ----------
    deals : DataFrame
        One row a deal, open and closed ones.
    horizon : int or time span
        Number of periods; or one span such as ``"30D"`` from the day after ``as_of`` on.
    freq : {"D", "W", "M", "Q", "Y"}
        Length of a period. A period that is under way at ``as_of`` is forecast for its rest.
    new_business : bool, default=True
        Whether to add deals that are not created yet.
    as_of : date, optional
        The day that is looked at; later closings are not known. Default: the last creation or
        closing.
    n : int, default=2000
        Draws behind the quantiles.
    year_start : int, default=1
        First month of the year, for quarters and years.
    random_state : int, default=0
        Seed of the draws.
    deal, stage, amount, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a period: ``date`` (first day), ``until`` (last day), ``p10``, ``p50``, ``p90``,
        ``expected``, ``existing`` and ``new`` (their parts of ``expected``), ``existing_p10``,
        ``existing_p90``, ``raw`` (existing before the correction), ``factor``, ``spread`` (of
        the log error that all deals share; the luck of single deals comes on top), ``method``
        and ``evidence`` (how the correction was chosen, from how many past forecasts),
        ``as_of``.

    Raises
    ------
    InputError
        A column is unusable, or nothing has been won or lost yet.

    References
    ----------
    .. [1] O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> out = bookings(load_sample("deals"), horizon=3)
    >>> out["date"].dt.strftime("%Y-%m").tolist()
    ['2026-01', '2026-02', '2026-03']
    >>> bool((out["p10"] < out["p50"]).all() and (out["p50"] < out["p90"]).all())
    True
    """
    caller = "bookings"
    plan = _Outlook.make(
        deals, horizon, freq, new_business, as_of, year_start, caller,
        deal=deal, stage=stage, amount=amount, created=created, close=close, status=status,
        invalid=invalid,
    )  # fmt: skip
    check_int(n, "n", caller=caller, low=100, high=1_000_000)
    old, new = plan.draw(n, check_seed(random_state, caller=caller))
    total = old + new
    out = pd.DataFrame({"date": plan.starts(), "until": plan.ends()})
    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9)):
        out[name] = np.quantile(total, share, axis=0)
    rows = plan.parts
    out["existing"] = [p.existing for p in rows]
    out["new"] = [p.added for p in rows]
    out.insert(5, "expected", out["existing"] + out["new"])
    out["existing_p10"], out["existing_p90"] = np.quantile(old, [0.1, 0.9], axis=0)
    out["raw"] = [p.raw for p in rows]
    out["factor"] = [p.own.factor for p in rows]
    out["spread"] = [p.own.spread for p in rows]
    out["method"] = [p.own.method for p in rows]
    out["evidence"] = [p.own.evidence for p in rows]
    return out.assign(as_of=plan.known.as_of)


def simulate_bookings(
    deals: pd.DataFrame,
    *,
    horizon: int | str | pd.Timedelta,
    freq: str = "M",
    new_business: bool = True,
    as_of: object = None,
    n: int = 1000,
    year_start: int = 1,
    random_state: int = 0,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Possible futures of the bookings: draws for the chance of making a plan.

    Parameters
    ----------
    deals : DataFrame
        One row a deal, open and closed ones.
    horizon, freq, new_business, as_of, year_start
        As in :func:`bookings`.
    n : int, default=1000
        Number of draws. Periods of one draw belong together.
    random_state : int, default=0
        Seed.
    deal, stage, amount, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        ``date`` (first day of the period), ``draw``, ``amount``: samples.

    Raises
    ------
    InputError
        A column is unusable, or nothing has been won or lost yet.

    References
    ----------
    .. [1] O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> draws = simulate_bookings(load_sample("deals"), horizon=2, n=100)
    >>> draws.shape
    (200, 3)
    """
    caller = "simulate_bookings"
    plan = _Outlook.make(
        deals, horizon, freq, new_business, as_of, year_start, caller,
        deal=deal, stage=stage, amount=amount, created=created, close=close, status=status,
        invalid=invalid,
    )  # fmt: skip
    check_int(n, "n", caller=caller, low=1, high=1_000_000)
    old, new = plan.draw(n, check_seed(random_state, caller=caller))
    starts = plan.starts()
    return pd.DataFrame(
        {
            "date": np.repeat(starts, n),
            "draw": np.tile(np.arange(n), len(starts)),
            "amount": (old + new).T.reshape(-1),
        }
    )


def backtest_bookings(
    deals: pd.DataFrame,
    dates: Iterable[Any],
    *,
    horizon: str | pd.Timedelta = "30D",
    new_business: bool = False,
    n: int = 2000,
    random_state: int = 0,
    deal: str = "deal_id",
    stage: str = "stage",
    amount: str = "amount",
    created: str = "created_at",
    close: str = "close_date",
    status: str = "status",
    invalid: str = "raise",
) -> pd.DataFrame:
    """What :func:`bookings` would have said on past days, and what came.

    Parameters
    ----------
    deals : DataFrame
        One row a deal, open and closed ones.
    dates : iterable of dates
        Days to forecast from, each with what was known then. Left out are those whose span is
        not over at the last creation or closing, those before the first closing and, unless
        ``new_business``, those at which no deal was open.
    horizon : time span, default="30D"
        Span from the day after each date on.
    new_business : bool, default=False
        Whether deals created later count, in the forecast and in what came.
    n, random_state : int
        Draws behind the quantiles, and their seed.
    deal, stage, amount, created, close, status : str
        Columns of ``deals``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a date: ``as_of``, ``expected``, ``p10``, ``p50``, ``p90``, ``raw`` (before the
        correction), ``actual``, ``error`` (expected less actual), ``covered`` (whether the
        band held), ``method``.

    Raises
    ------
    InputError
        A column is unusable, or no date can be tested.

    References
    ----------
    .. [1] O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> out = backtest_bookings(load_sample("deals"), ["2025-06-30", "2025-09-30"])
    >>> out.shape[0]
    2
    """
    caller = "backtest_bookings"
    last = _span_days(horizon, caller)
    known = read_deals(
        deals, caller=caller, deal=deal, stage=stage, amount=amount, created=created,
        close=close, status=status, invalid=invalid,
    )  # fmt: skip
    book = _book(known)
    check_bool(new_business, "new_business", caller=caller)
    check_int(n, "n", caller=caller, low=100, high=1_000_000)
    days = np.unique(days_of(date_list(dates, caller=caller)))
    seed = check_seed(random_state, caller=caller)
    rows = []
    for day in days[days + last <= known.until]:
        if not (book.closed <= day).any() or not (new_business or book.open_at(int(day)).any()):
            continue
        (part,) = _parts(book, int(day), [(1, last)], new_business)
        old, new = _draw([part], book, int(day), n, seed)
        total = (old + new)[:, 0]
        actual = actual_open(book, int(day), 1, last)
        if new_business:
            actual += actual_new(book, int(day), 1, last)
        lo, middle, hi = np.quantile(total, [0.1, 0.5, 0.9])
        expected = part.existing + part.added
        rows.append((int(day), expected, lo, middle, hi, part.raw, actual, part.own.method))
    if not rows:
        raise InputError(
            f"{caller}(): none of dates has a past to learn from and a span that is over."
        )
    names = ["as_of", "expected", "p10", "p50", "p90", "raw", "actual", "method"]
    out = pd.DataFrame(rows, columns=names)
    out["as_of"] = _stamps(out["as_of"].tolist())
    out.insert(7, "error", out["expected"] - out["actual"])
    out.insert(8, "covered", (out["p10"] <= out["actual"]) & (out["actual"] <= out["p90"]))
    return out


# --------------------------------------------------------------------------------------
# How it is put together


@dataclass(frozen=True, slots=True)
class _Part:
    """One period: days from ``first`` to ``last`` after as_of, forecasts and corrections."""

    first: int
    last: int
    block: int
    raw: float
    new: float
    new_variance: float
    own: Correction
    later: Correction | None

    @property
    def existing(self) -> float:
        return self.raw * self.own.factor

    @property
    def added(self) -> float:
        return self.new * self.later.factor if self.later else 0.0


@dataclass(frozen=True, slots=True)
class _Outlook:
    known: Deals
    book: Book
    parts: list[_Part]

    @staticmethod
    def make(
        deals: Any,
        horizon: Any,
        freq: str,
        new_business: bool,
        as_of: object,
        year_start: int,
        caller: str,
        **columns: Any,
    ) -> _Outlook:
        check_freq(freq, caller=caller, choices=("D", "W", "M", "Q", "Y"))
        check_bool(new_business, "new_business", caller=caller)
        check_int(year_start, "year_start", caller=caller, low=1, high=12)
        known = read_deals(deals, caller=caller, as_of=as_of, **columns)
        book = _book(known)
        if (known.status == OPEN).all():
            raise InputError(
                f"{caller}(): no deal was won or lost by {known.as_of.date()}; there is nothing "
                "to learn from."
            )
        spans = _spans(horizon, freq, year_start, known.until, caller)
        return _Outlook(known, book, _parts(book, known.until, spans, new_business))

    def starts(self) -> np.ndarray:
        return _stamps([self.known.until + p.first for p in self.parts])

    def ends(self) -> np.ndarray:
        return _stamps([self.known.until + p.last for p in self.parts])

    def draw(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return _draw(self.parts, self.book, self.known.until, n, seed)


def _stamps(days: list[int]) -> np.ndarray:
    return np.array(days).astype("datetime64[D]").astype("datetime64[us]")


def _book(known: Deals) -> Book:
    """The deals in order of their labels, so that the order of rows moves no draw."""
    at = np.argsort(known.rows.keys("deal").codes[known.kept], kind="stable")
    closed = np.where(known.status == OPEN, FAR, known.close)
    return Book(known.created[at], closed[at], (known.status == IS_WON)[at], known.amount()[at])


def _span_days(horizon: Any, caller: str) -> int:
    days = microseconds(horizon, name="horizon", caller=caller) // DAY
    if days < 1:
        raise InputError(f"{caller}(): horizon must be at least a day, got {horizon!r}.")
    return days


def _spans(
    horizon: Any, freq: str, year_start: int, until: int, caller: str
) -> list[tuple[int, int]]:
    """First and last day of each period, counted from ``until``."""
    if not isinstance(horizon, int | np.integer) or isinstance(horizon, bool | np.timedelta64):
        return [(1, _span_days(horizon, caller))]
    check_int(horizon, "horizon", caller=caller, low=1, high=10_000)
    first = int(period_of(np.array([until + 1]), freq, year_start=year_start)[0])
    periods = np.arange(first, first + int(horizon))
    starts = np.maximum(period_start(periods, freq, year_start=year_start), until + 1)
    ends = period_end(periods, freq, year_start=year_start)
    return [(int(a - until), int(b - until)) for a, b in zip(starts, ends, strict=True)]


def _parts(book: Book, day: int, spans: list[tuple[int, int]], new_business: bool) -> list[_Part]:
    """Forecasts by period, each with the correction of its block of periods."""
    out = []
    for k, block in enumerate(_blocks(spans)):
        first, last = block[0][0], block[-1][1]
        own = correction(book, day, first, last)
        later = correction(book, day, first, last, new=True) if new_business else None
        for a, b in block:
            new, variance = forecast_new(book, day, a, b) if new_business else (0.0, 0.0)
            out.append(
                _Part(
                    a, b, k, forecast_open(book, day, a, b)[0], new, variance, own, later
                )
            )  # fmt: skip
    return out


def _blocks(spans: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Days and weeks in runs of four weeks or more; months and longer alone."""
    if all(b - a + 1 >= _BLOCK for a, b in spans[1:]):
        return [[span] for span in spans]
    out: list[list[tuple[int, int]]] = [[]]
    for span in spans:
        if out[-1] and out[-1][-1][1] - out[-1][0][0] + 1 >= _BLOCK:
            out.append([])
        out[-1].append(span)
    if len(out) > 1 and out[-1][-1][1] - out[-1][0][0] + 1 < _BLOCK:
        rest = out.pop()
        out[-1] += rest
    return out


def _draw(
    parts: list[_Part], book: Book, day: int, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of existing and of new business, shape (n, periods).

    Each deal's end is drawn, then all deals of a draw move together by the forecast's error,
    half of which is common to all periods, and all of it within four weeks.
    """
    rng = np.random.default_rng(seed)
    old = _draw_open(parts, book, day, n, rng)
    common, size = rng.standard_normal(n), rng.random(n)
    new = np.zeros_like(old)
    owns = rng.standard_normal((max(p.block for p in parts) + 1, n))
    for j, part in enumerate(parts):
        own = owns[part.block]
        z = np.sqrt(_SHARED) * common + np.sqrt(1 - _SHARED) * own
        old[:, j] *= part.own.factor * part.own.errors(z, size)
        if part.later and part.new > 0:
            base = rng.gamma(part.new**2 / part.new_variance, part.new_variance / part.new, n)
            new[:, j] = base * part.later.factor * part.later.errors(z, size)
    return old, new


def _draw_open(
    parts: list[_Part], book: Book, day: int, n: int, rng: np.random.Generator
) -> np.ndarray:
    rows = book.open_at(day)
    age, amount = day - book.created[rows], book.amount[rows]
    known = curve(book, day)
    chance = np.column_stack([known.chance(age, p.first, p.last) for p in parts])
    out = np.zeros((n, len(parts)))
    if len(age) <= _EACH:
        edges = np.minimum(np.cumsum(chance, axis=1), 1.0)
        for i in range(n):
            at = (rng.random(len(age))[:, None] >= edges).sum(axis=1)
            out[i] = np.bincount(at, weights=amount, minlength=len(parts) + 1)[: len(parts)]
        return out
    mean = amount @ chance
    variance = (amount**2) @ (chance * (1 - chance))
    for j in range(len(parts)):
        if mean[j] > 0 and variance[j] > 0:
            out[:, j] = rng.gamma(mean[j] ** 2 / variance[j], variance[j] / mean[j], n)
        else:
            out[:, j] = mean[j]
    return out
