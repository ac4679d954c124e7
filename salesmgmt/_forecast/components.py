"""What a series is made of, and which of its values do not belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._frames import check_names, check_number, warn
from ..engine import robust_parts
from ..errors import InputError
from .daily import Days
from .drivers import Drivers, _dense, read_drivers
from .fit import check_levels
from .intake import Panel, read_history
from .opening import closed_places

__all__ = ["anomalies", "components"]


def components(
    history: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    freq: str | None = None,
    season_length: int | None = None,
    calendar: str | pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    exog: str | Sequence[str] | Mapping[str, Any] | None = None,
    partial: str = "drop",
    gaps: str = "auto",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
) -> pd.DataFrame:
    """Split every series into trend, season, calendar, drivers and the rest.

    Parameters
    ----------
    history : DataFrame
        As for :func:`forecast`.
    by, freq, season_length, calendar, events, exog, partial, gaps, as_of, invalid, date, amount
        As in :func:`forecast`.

    Returns
    -------
    DataFrame
        Keys, ``date``, ``amount``, ``trend``, ``season``, ``holiday`` (calendar and events),
        ``exog``, ``remainder``: amounts that add up to ``amount``. One row a known value, in key
        and date order. Series whose swings grow with their level are split in logarithms and
        brought back: the season is then what it adds to the trend. Fewer than two seasons: no
        season. On days of the week and hours that are closed (see ``gaps`` of :func:`forecast`)
        the season takes away the trend.

    Raises
    ------
    InputError
        As in :func:`forecast`.

    References
    ----------
    A. E. Beaton, J. W. Tukey, "The fitting of power series, meaning polynomials, illustrated on
    band-spectroscopic data", Technometrics 16 (1974), 147-185 (the robust regression).

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=24, freq="MS"),
    ...                       "amount": [-10.0, 10.0] * 12})
    >>> parts = components(sales, season_length=2)
    >>> parts.loc[[0, 1], ["amount", "season"]].round(3)
       amount  season
    0   -10.0   -10.0
    1    10.0    10.0
    """
    table, _ = _split_history(locals(), "components")
    return table.drop(columns=["_expected", "_score", "_sd", "_size", "_free", "_least"])


def anomalies(
    history: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    level: float = 99,
    freq: str | None = None,
    season_length: int | None = None,
    calendar: str | pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    exog: str | Sequence[str] | Mapping[str, Any] | None = None,
    partial: str = "drop",
    gaps: str = "auto",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
) -> pd.DataFrame:
    """Values that trend, season, calendar and drivers do not explain.

    With a ``calendar`` a low week or month of the Spring Festival is expected, and no anomaly;
    where the history has days, two years of them are enough. What is not known exactly of such
    effects widens the band there.

    Parameters
    ----------
    history : DataFrame
        As for :func:`forecast`.
    by, freq, season_length, calendar, events, exog, partial, gaps, as_of, invalid, date, amount
        As in :func:`forecast`.
    level : float, default=99
        Percent of ordinary values inside the band, which is wider the fewer values there are to
        judge by.

    Returns
    -------
    DataFrame
        Keys, ``date``, ``amount``, ``expected``, ``lo``, ``hi``, ``score`` (distance from the
        expected value in standard errors that outliers do not move), ``anomaly`` (outside the
        band). One row a known value.

    Raises
    ------
    InputError
        As in :func:`forecast`; ``level`` is not between 0 and 100.

    References
    ----------
    R. D. Cook, S. Weisberg, "Residuals and Influence in Regression", Chapman and Hall 1982
    (each value is judged by what the others say of it).

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=36, freq="MS"),
    ...                       "amount": [90.0, 110.0, 100.0] * 12})
    >>> sales.loc[20, "amount"] = 500.0
    >>> seen = anomalies(sales, season_length=3)
    >>> seen.loc[seen["anomaly"], "date"].dt.strftime("%Y-%m").tolist()
    ['2024-09']
    """
    caller = "anomalies"
    check_number(level, "level", caller=caller)
    check_levels(level, caller=caller)
    from scipy.special import stdtrit

    given = {k: v for k, v in locals().items() if k not in ("level", "caller", "stdtrit")}
    table, keys = _split_history(given, caller)
    # few values say little of how widely they lie
    z = stdtrit(table["_free"].to_numpy(float), 0.5 + level / 200)
    out = table[[*keys, "date", "amount"]].copy()
    expected, sd, size, score, least = (
        table[c].to_numpy() for c in ("_expected", "_sd", "_size", "_score", "_least")
    )
    logs, away = np.isfinite(size), np.minimum(z * sd, _FAR)
    low, high = (np.where(logs, size * f, z * sd) for f in (-np.expm1(-away), np.expm1(away)))
    floor = np.where(least >= 0, 0.0, -np.inf)  # then less than nothing is expected of no period
    score = np.where(expected < floor, table["amount"] / sd, score)
    expected = np.maximum(expected, floor)
    out["expected"] = expected
    out["lo"] = np.maximum(expected - low, floor)
    out["hi"] = expected + high
    out["score"] = score
    out["anomaly"] = np.abs(score) > z
    return out


# --------------------------------------------------------------------------------------
# Series by series


def _split_history(options: dict[str, Any], caller: str) -> tuple[pd.DataFrame, list[str]]:
    """The parts of every series, with the band of its remainder."""
    drivers = {k: options.pop(k) for k in ("calendar", "events", "exog")}
    history = options.pop("history")
    panel = read_history(history, caller=caller, **options)
    keys = check_names(options["by"], "by", caller=caller)
    days = Days.beneath(panel, history, options["date"], drivers["calendar"])
    found = read_drivers(
        history, panel, 0, by=keys, date=options["date"], days=days, whole=True, **drivers
    )
    free = found.fit(panel, whole=True) if found is not None else panel
    parts, places = [], closed_places(panel)
    for i, (whole, clean) in enumerate(zip(_dense(panel), _dense(free))):
        first, y = whole
        shut = np.zeros(len(y), dtype=bool)
        if places is not None:
            shut = places[i, (first + np.arange(len(y))) % places.shape[1]]
        if len(y):  # what is known of a closed day says nothing of the others
            made = _one(panel, i, whole, np.where(shut, np.nan, clean[1]), found)
            parts.append(_with_closed(made, shut)[np.isfinite(y)])
    silent = [i for i, (_, y) in enumerate(_dense(panel)) if not len(y)]
    if silent and parts:
        warn(
            f"{caller}(): {len(silent)} of {len(panel)} series have no value and no row in the "
            f"result, first {panel.names(silent[:1])}."
        )
    if not parts:
        raise InputError(f"{caller}(): history has no known amount.")
    out = pd.concat(parts, ignore_index=True)
    labels = panel.labels.iloc[out.pop("_series").to_numpy()].reset_index(drop=True)
    return pd.concat([labels, out], axis=1), keys


def _one(
    panel: Panel,
    i: int,
    whole: tuple[int, np.ndarray],
    clean: np.ndarray,
    drivers: Drivers | None,
) -> pd.DataFrame:
    first, y = whole
    split = _decompose(clean, panel.season)
    times, holiday, exog = _effects(split, drivers, i, first, len(y))
    sd, size, score = _band(split, drivers, i, first, times)
    return pd.DataFrame(
        {
            "_series": i,
            "date": panel.grid.dates(first + np.arange(len(y))),
            "amount": y,
            "trend": split.trend,
            "season": split.season,
            "holiday": holiday,
            "exog": exog,
            "remainder": y - split.trend - split.season - holiday - exog,
            "_expected": y - (clean - split.expected) * times,
            "_score": score,
            "_sd": sd,
            "_size": size,
            "_free": split.free,
            "_least": np.nanmin(y),
        }
    )


def _with_closed(made: pd.DataFrame, shut: np.ndarray) -> pd.DataFrame:
    """Closed days: the season takes all that the trend has, and nothing is expected."""
    if not shut.any():
        return made
    nothing = ["holiday", "exog", "remainder", "_expected", "_score"]
    made.loc[shut, nothing] = 0.0
    made.loc[shut, "season"] = -made.loc[shut, "trend"]
    made.loc[shut, "_sd"], made.loc[shut, "_size"] = 0.0, np.nan
    return made


def _effects(
    split: _Split, drivers: Drivers | None, i: int, first: int, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What calendar and drivers multiply by, and what calendar and drivers add, each.

    Factors act on what is expected; what they make of the remainder stays in it.
    """
    if drivers is None:
        return np.ones(count), np.zeros(count), np.zeros(count)
    x = drivers.rows(i, first, count) / drivers.size
    calendar = np.array([g == "holiday" for g in drivers.groups])
    a, b = x[:, calendar] @ drivers.beta[i][calendar], x[:, ~calendar] @ drivers.beta[i][~calendar]
    if not drivers.logs[i]:
        return np.ones(count), drivers.scale[i] * a, drivers.scale[i] * b
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(np.abs(a + b) > 1e-12, a / (a + b), 0.5)
    times = np.exp(a + b)
    effect = (split.trend + split.season) * (times - 1)
    return times, effect * part, effect * (1 - part)


def _band(
    split: _Split, drivers: Drivers | None, i: int, first: int, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A standard error, what it is a part of, and the score: effects are not known exactly either.

    Of a split in logarithms it is in logarithms of ``size`` (NaN: in amounts), so that what lies
    outside the band is what has a score beyond it.
    """
    around = np.abs(split.expected * times)
    size = around if split.logs else np.full(len(times), np.nan)
    sd = split.sd if split.logs else split.sd * times
    if drivers is None:
        return sd, size, split.score
    doubt = drivers.doubt(i, first, len(times))
    if split.logs != drivers.logs[i]:
        doubt = doubt * (around if drivers.logs[i] else drivers.scale[i] / around)
    elif not split.logs:
        doubt = doubt * drivers.scale[i]
    # the fewer orders a holiday leaves, the less even they are: variance goes with the mean
    wider = np.hypot(np.maximum(1 / np.sqrt(times), 1.0) * sd, doubt)
    return wider, size, split.score * sd / wider


_APART = 1e6  # smallest and largest amount that share logarithms; beyond, parts dwarf their sum
_FAR = 50.0  # logarithms that an end of the band lies away, at most


@dataclass(slots=True)
class _Split:
    trend: np.ndarray
    season: np.ndarray
    expected: np.ndarray  # from the other values
    score: np.ndarray
    sd: np.ndarray  # one standard error, in logarithms where the split is
    logs: bool
    free: int


def _decompose(y: np.ndarray, season: int) -> _Split:
    """Robust trend and season, in logarithms where every value is positive and they swing so."""
    known = np.isfinite(y)
    filled = np.interp(np.arange(len(y)), np.flatnonzero(known), y[known])
    low, high = y[known].min(), y[known].max()
    logs = bool(low * _APART > high) and len(y) > 3 and _grows(filled, season)
    # the largest amount has the logarithm 1, so that units do not decide what counts as rounding
    found = robust_parts.split(np.log(y / high) + 1 if logs else y, season)
    sd = np.maximum(found.spread, 1e-9 * np.abs(found.trend).max() + 1e-300)
    score = found.left_out / sd
    # amounts may differ by more than floats hold apart
    around = y / np.exp(np.clip(found.left_out, -600, 600)) if logs else y - found.left_out
    if not logs:
        return _Split(found.trend, found.season, around, score, sd, False, found.free)
    level = np.exp(found.trend - 1) * high
    wave = np.exp(found.trend + found.season - 1) * high - level
    return _Split(level, wave, around, score, sd, True, found.free)


def _grows(y: np.ndarray, season: int) -> bool:
    """Whether changes follow the level: their size is steadier in logarithms."""
    lag = season if len(y) > 2 * season else 1
    y = y / y.max()
    flat, steep = (np.abs(v[lag:] - v[:-lag]) for v in (y, np.log(y)))
    half = np.argsort(y[:-lag], kind="stable")
    low, high = half[: len(half) // 2], half[len(half) // 2 :]

    def uneven(v: np.ndarray) -> float:
        return abs(np.log((v[high].mean() + 1e-12) / (v[low].mean() + 1e-12)))

    return uneven(steep) <= uneven(flat)
