"""The combination behind ``"auto"``: what each method says, weighted by what was learned.

A block is forecast by some twenty cheap members (level and logarithm, with the season taken out
beforehand or carried as states). A small network, trained across many series on origins in
their past, looks at scale-free features of a series and of its members' forecasts and gives
each member a weight; weights are positive and add up to one, so the result never leaves the
members' range.

References
----------
P. Montero-Manso, G. Athanasopoulos, R. J. Hyndman, T. S. Talagala, "FFORMA: Feature-based
forecast model averaging", International Journal of Forecasting 36 (2020), 86-92.
J. M. Bates, C. W. J. Granger, "The combination of forecasts", OR 20 (1969), 451-468.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from . import decomposition, naive
from .autoregression import fit_changes, seasonal_changes
from .estimates import Estimates
from .ets import Smoothed, fit_trends
from .interval_width import GROUPS, LOOK, describe_errors, unit_of, widths
from .mstl import fit_mstl
from .network import load
from .preparation import Prepared
from .theta import line

__all__ = [
    "KINDS",
    "Combined",
    "Members",
    "combine",
    "describe",
    "describe_all",
    "final_shares",
    "kind_of",
    "longest",
    "member_names",
]

# What smoothing parameters usually are (value, spread in logits): yearly data turn quickly,
# monthly and finer data slowly. Found on past origins of training series by no script
# that stays; benchmarks/train_forecast.py trains the networks with them as they stand here.
_PRIORS: dict[str, dict[str, tuple[float, float]]] = {
    "short": {"alpha": (0.7, 1.2), "beta": (0.12, 1.0), "gamma": (0.1, 1.0), "phi": (0.9, 0.5)},
    "quarter": {"alpha": (0.5, 1.0), "beta": (0.035, 0.55), "gamma": (0.2, 0.7), "phi": (0.9, 0.5)},
    "month": {"alpha": (0.25, 1.0), "beta": (0.01, 0.5), "gamma": (0.2, 0.7), "phi": (0.87, 0.5)},
}
_PRIORS |= {"long": _PRIORS["short"], "fine": _PRIORS["month"]}
_FLAT = ("ses", "theta", "drift", "damped", "holt", "ar")
_FREE = ("fdamped", "fholt")  # without the prior
_STATE = ("snone", "stheta", "sdrift", "sdamped", "sar", "air")
_UNFITTED = frozenset({"naive", "snaive", "theta", "stheta", "sar", "air", "mstl"})
_NEARLY = -3.5  # log of an error of 3 % of the changes: a law, no noise
LONG = 48  # values from which a series without a season has its own network
KINDS = ("short", "long", "quarter", "month", "fine")


def kind_of(m: int, n: int) -> str:
    """Which network: by season length, without a season by length of the series."""
    if m == 1:
        return "long" if n >= LONG else "short"
    return "quarter" if m < 7 else "month" if m < 13 else "fine"


def member_names(kind: str) -> tuple[str, ...]:
    """The members of a kind, in order."""
    more = {"short": (), "long": _FREE}.get(kind, _STATE)
    names = ("naive", "snaive", *(d + name for name in (*_FLAT, *more) for d in ("", "l")))
    return names if kind in ("short", "long") else (*names, "mstl")


@dataclass(slots=True)
class Members:
    """Forecasts of all members ``(members, horizon, series)``, scaled, and how they fitted.

    ``fits``: log of the root mean square error relative to the naive change, and smoothing
    parameters, ``(measures, series)``. ``misfit``: the same logs by member, relative to the
    changes of the data with their season; 0 for members that are not fitted. ``spread``: their
    standard errors ahead, ``(horizon, series)``, geometric mean over the level members.
    """

    forecast: np.ndarray
    fits: np.ndarray
    misfit: np.ndarray
    spread: np.ndarray


def members(
    y: np.ndarray,
    z: np.ndarray,
    n: np.ndarray,
    m: int,
    horizon: int,
    back: np.ndarray,
    how: np.ndarray,
    kind: str,
    held: Estimates,
) -> Members:
    """Every member's forecast of a block.

    Parameters
    ----------
    y, z : (time, series)
        Scaled values, and the same without seasonality; NaN where nothing is known.
    n : (series,)
        Lengths.
    m : int
        Season length; without seasonal states where 1.
    horizon : int
        Steps to forecast.
    back : (horizon, series)
        Seasonal factors (or differences where not ``how``) of the periods ahead.
    how : (series,) bool
        Whether the season multiplies.
    kind : str
        One of ``KINDS``: which members, with which prior.
    held : Estimates
        Seasons and parameters as they were estimated before.
    """
    B = len(n)
    positive, least, cap = held.of("range", lambda: _range(y, z))
    yy = np.concatenate([y, _log(np.maximum(y, least), positive)], axis=1)
    nn = np.concatenate([n, n])
    zz, shrunk = np.concatenate([z, yy[:, B:]], axis=1), np.zeros((horizon, 2 * B))
    filled = decomposition.fill_gaps(yy, nn, m) if m > 1 else yy
    if m > 1:
        zz, shrunk = _shrunk_season(zz, filled, nn, m, horizon, held)

    def seasoned(f: np.ndarray) -> np.ndarray:
        if m > 12:
            return f + shrunk
        level = np.where(how, f[:, :B] * back, f[:, :B] + back)
        return np.concatenate([level, f[:, B:] + shrunk[:, B:]], axis=1)

    told = _Told(kind, horizon, positive, cap, _naive_error(zz), _naive_error(yy))
    _say_flat(told, zz, nn, seasoned, held)
    last = naive.last_value(z, n, horizon)
    told.out["naive"] = np.where(how, last * back, last + back)
    told.out["snaive"] = naive.seasonal_last(y, n, horizon, m)
    if m > 1:
        _say_seasonal(told, yy, filled, nn, m, held)
        told.out["mstl"] = fit_mstl(y, n, m, horizon, held=held.part("mstl")).forecast
    if len(y) > m:
        cycle = y[m:] - y[:-m]
        seen = np.isfinite(cycle).sum(axis=0) >= m  # a season that came back once, whole
        size = np.log(np.sqrt(_mean(cycle * cycle)) / told.whole[:B] + 1e-9)
        told.misfit["snaive"] = np.where(seen, size, 0.0)
    return told.members()


@dataclass(slots=True)
class _Told:
    """What members say of a block, collected: levels and logarithms side by side.

    ``base``, ``whole``: changes of the data without their season and with it.
    """

    kind: str
    horizon: int
    positive: np.ndarray
    cap: np.ndarray
    base: np.ndarray
    whole: np.ndarray
    out: dict[str, np.ndarray] = field(default_factory=dict)
    fits: list[np.ndarray] = field(default_factory=list)
    misfit: dict[str, np.ndarray] = field(default_factory=dict)
    spread: list[np.ndarray] = field(default_factory=list)

    def put(self, name: str, f: np.ndarray) -> None:
        """A member's forecasts, of logarithms brought back."""
        self.out[name], log = np.split(f, 2, axis=1)
        log = np.where(self.positive, np.exp(np.minimum(log, self.cap)), log)
        self.out["l" + name] = log

    def tell(self, name: str, fit: Smoothed) -> None:
        """How a member fitted, and how its errors grow where it has a slope."""
        self.fits.extend(np.split(_relative(fit, self.base), 2))
        level, log = np.split(_relative(fit, self.whole), 2)
        self.misfit[name], self.misfit["l" + name] = level, log
        if "beta" in fit.parameters:
            grow = _growth(fit, self.horizon)
            self.fits.extend(np.split(grow[LOOK[self.kind] - 1], 2))
            one = np.log(np.sqrt(fit.sse / np.maximum(fit.count, 1)) + 1e-12)
            self.spread.append(np.split(one + grow, 2, axis=1)[0])

    def members(self) -> Members:
        """All of them in order; what runs away is the last value."""
        names = member_names(self.kind)
        made = np.stack([self.out[name] for name in names])
        apart = [self.misfit.get(name, np.zeros(made.shape[2])) for name in names]
        made = np.where(np.abs(made) < 1e6, made, self.out["naive"])
        spread = np.exp(np.mean(self.spread, axis=0))
        return Members(made, np.stack(self.fits), np.stack(apart), spread)


def _say_flat(
    told: _Told,
    zz: np.ndarray,
    nn: np.ndarray,
    seasoned: Callable[[np.ndarray], np.ndarray],
    held: Estimates,
) -> None:
    """Members that see the series without its season; ``seasoned`` puts it on again."""
    steps = told.horizon
    prior = _PRIORS[told.kind]
    names = ("ses", "drift", "damped", "holt")
    parts = [held.part(name) for name in names]
    fits = fit_trends(zz, nn, steps, ("none", *names[1:]), parts, prior=prior)
    for name, fit in zip(names, fits):
        told.put(name, seasoned(fit.forecast))
        told.tell(name, fit)
        if name == "ses":
            slope = held.of("slope", lambda: line(zz))
            told.put("theta", seasoned(fit.forecast + _half_line(fit, slope, nn, steps)))
            told.fits.extend(np.split(fit.parameters["alpha"], 2))
    free = _FREE if told.kind == "long" else ()
    parts = [held.part(name) for name in free]
    for name, fit in zip(free, fit_trends(zz, nn, steps, [name[1:] for name in free], parts)):
        told.put(name, seasoned(fit.forecast))
        told.tell(name, fit)
    fit = fit_changes(zz, nn, steps, held=held.part("ar"))
    told.put("ar", seasoned(fit.forecast))
    told.tell("ar", fit)


def _say_seasonal(
    told: _Told, yy: np.ndarray, filled: np.ndarray, nn: np.ndarray, m: int, held: Estimates
) -> None:
    """Members with seasonal states, and those by seasonal differences."""
    steps = told.horizon
    prior = _PRIORS[told.kind]
    states = held.of("states", lambda: _season_states(filled, nn, m))
    names = ("snone", "sdrift", "sdamped")
    trends, parts = [name[1:] for name in names], [held.part(name) for name in names]
    fits = fit_trends(yy, nn, steps, trends, parts, season=states, prior=prior)
    for name, fit in zip(names, fits):
        told.put(name, fit.forecast)
        told.tell(name, fit)
        if name == "snone":
            slope = held.of("season's slope", lambda: line(yy))
            told.put("stheta", fit.forecast + _half_line(fit, slope, nn, steps))
            told.fits.extend(np.split(fit.parameters["gamma"], 2))
    for name, twice in (("sar", False), ("air", True)):
        some = held.part(name)
        told.put(name, seasonal_changes(filled, nn, steps, m, twice=twice, held=some))


def _range(y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which columns allow logarithms, the least value that has one, the most they may forecast.

    What falls to zero after the estimates were made counts as half the least value before.
    """
    known = np.isfinite(y)
    positive = np.where(known, (y > 0) & (z > 0), True).all(axis=0) & known.any(axis=0)
    least = np.where(known & (y > 0), y, np.inf).min(axis=0) / 2
    cap = np.log(4 * np.where(known, np.abs(y), 0.0).max(axis=0) + 1e-300)
    return positive, np.where(positive, least, -np.inf), cap


def _log(v: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Logarithm of the columns that allow it; the others as they are."""
    return np.where(positive, np.log(np.where(v > 0, v, 1.0) + np.where(np.isnan(v), np.nan, 0)), v)


def _half_line(fit: Smoothed, slope: np.ndarray, n: np.ndarray, horizon: int) -> np.ndarray:
    """What Theta adds to simple smoothing: half the slope of the line, from the level on."""
    alpha = fit.parameters["alpha"]
    return 0.5 * slope * (np.arange(horizon)[:, None] + (1 - (1 - alpha) ** n) / alpha)


def _shrunk_season(
    zz: np.ndarray, filled: np.ndarray, n: np.ndarray, m: int, horizon: int, held: Estimates
) -> tuple[np.ndarray, np.ndarray]:
    """The season shrunk and taken out of the logarithms (long seasons: of the levels too)."""
    B = len(n) // 2
    s = held.of("season", lambda: decomposition.seasonal_differences(filled, n, m))
    if m <= 12:
        s = np.concatenate([np.zeros_like(s[:, :B]), s[:, B:]], axis=1)
        zz[:, B:] -= s[np.arange(len(zz)) % m, B:]
    else:
        zz = np.where(np.isnan(zz), np.nan, filled) - s[np.arange(len(zz)) % m]
    ahead = s[(n + np.arange(horizon)[:, None]) % m, np.arange(len(n))[None]]
    return zz, ahead


def _season_states(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Seasonal differences of the first four cycles; shrunk ones with fewer than three."""
    rows = min(len(y), 4 * m + m // 2)
    short = decomposition.seasonal_differences(y[:rows], np.minimum(n, rows), m)
    s = decomposition.seasonal_indices(y[:rows], np.minimum(n, rows), m, multiplicative=False)
    return np.where(n >= 3 * m, s, short)


def _naive_error(z: np.ndarray) -> np.ndarray:
    d = np.diff(z, axis=0)
    known = np.isfinite(d)
    d = np.where(known, d, 0.0)
    return np.sqrt(np.einsum("tb,tb->b", d, d) / np.maximum(known.sum(axis=0), 1)) + 1e-9


def _growth(fit: Smoothed, steps: int) -> np.ndarray:
    """Log of how far standard errors grow over some steps, (steps, series)."""
    alpha, beta = fit.parameters["alpha"], fit.parameters["beta"]
    phi = fit.parameters.get("phi", np.ones_like(alpha))
    run = np.cumsum(phi ** np.arange(1, steps)[:, None], axis=0)
    after = np.cumsum((alpha + beta * run) ** 2, axis=0)
    return np.vstack((np.zeros((1, len(alpha))), 0.5 * np.log1p(after)))


def _relative(fit: Smoothed, base: np.ndarray) -> np.ndarray:
    return np.log((np.sqrt(fit.sse / np.maximum(fit.count, 1)) + 1e-9) / base)


# --------------------------------------------------------------------------------------
# The combination


@dataclass(slots=True)
class Combined:
    """Point forecasts and 95 % half widths below and above, ``(horizon, series)``, scaled.

    ``levels`` and, for each, what part of the half width belongs to it: ``shape`` (2, levels).
    """

    mean: np.ndarray
    below: np.ndarray
    above: np.ndarray
    levels: np.ndarray
    shape: np.ndarray


def longest(m: int) -> int:
    """How many of the newest values are looked at: older ones say little of tomorrow."""
    return max(400, 8 * m)


@dataclass(slots=True)
class Described:
    """A block seen by the networks: features (features, series) of weights and of widths.

    ``unit``: of widths, (horizon, series).
    """

    features: np.ndarray
    errors: np.ndarray
    unit: np.ndarray


def describe_all(
    p: Prepared, horizon: int, kind: str, held: Estimates
) -> tuple[Members, Described]:
    """Members' forecasts, and what the networks look at.

    ``held``: what was estimated before; features are among it, weights follow from them.
    """
    look = LOOK[kind]
    far = max(horizon, look)
    with np.errstate(all="ignore"):
        made = members(p.y, p.z, p.n, p.m, far, p.ahead(far), p.multiplicative, kind, held)
        made.misfit = held.of("misfit", lambda: made.misfit)
        seen = Members(made.forecast[:, :look], made.fits, made.misfit, made.spread)
        described = held.of("features", lambda: features(p.y, p.z, p.n, p.m, seen))
        unit = unit_of(p, made.spread, kind, held)
        fitted = np.nan_to_num(made.misfit[_fitted(kind)])
        errors = held.of(
            "errors", lambda: describe_errors(p, made.forecast, fitted, made.spread, unit, kind)
        )
    made = Members(made.forecast[:, :horizon], made.fits, made.misfit, made.spread[:horizon])
    return made, Described(described, errors, unit[:horizon])


def describe(
    p: Prepared, horizon: int, kind: str, held: Estimates
) -> tuple[Members, np.ndarray, np.ndarray]:
    """Members' forecasts, features (features, series), unit of widths (horizon, series)."""
    made, seen = describe_all(p, horizon, kind, held)
    return made, seen.features, seen.unit


def _fitted(kind: str) -> list[int]:
    """Positions of the members whose errors say how well they fitted."""
    names = member_names(kind)
    return [i for i, x in enumerate(names) if not _UNFITTED & {x, x.removeprefix("l")}]


def final_shares(kind: str, described: np.ndarray, misfit: np.ndarray) -> np.ndarray:
    """Weights of the members (members, series) by features and how members fitted."""
    return _evidence(load(kind, "share")[0].shares(described), misfit)[0]


def combine(p: Prepared, horizon: int, kind: str, held: Estimates) -> Combined:
    """The learned combination of a block of one kind, with its interval."""
    made, seen = describe_all(p, horizon, kind, held)
    network, _ = load(kind, "share")
    share, exact = _evidence(network.shares(seen.features), made.misfit)
    mean = np.einsum("kb,khb->hb", share, made.forecast)
    network, tables = load(kind, "width")
    common, _ = load(GROUPS[kind], "error")
    raw = (network.values(seen.features) + common.values(seen.errors)) / 2
    steps = np.arange(1.0, horizon + 1)
    below, above = (widths(raw[i], raw[i + 1], steps)[0].T * seen.unit * exact for i in (0, 2))
    shape = np.stack((tables["below"], tables["above"]))
    return Combined(mean, below, above, tables["levels"], shape)


def _evidence(share: np.ndarray, misfit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights after seeing how members fitted, and how much narrower intervals become.

    What was learned holds for noisy series. Where a member reproduces the past almost to the
    last digit (its errors are under 3 % of the changes), the series has told its law itself.
    """
    misfit = np.nan_to_num(misfit, nan=0.0, posinf=0.0, neginf=-20.0)
    least = misfit.min(axis=0)
    certain = np.clip(_NEARLY - least, 0.0, 3.0)
    share = share * np.exp(np.clip(-certain * (misfit - least), -60.0, 0.0)) + 1e-300
    return share / share.sum(axis=0), np.exp(np.minimum(least - _NEARLY, 0.0))


# --------------------------------------------------------------------------------------
# Features


def features(y: np.ndarray, z: np.ndarray, n: np.ndarray, m: int, made: Members) -> np.ndarray:
    """Scale-free description of each series and of its members' forecasts, (features, series)."""
    f = made.forecast
    middle = np.median(f, axis=0)
    known = np.isfinite(z)
    count = np.maximum(known.sum(axis=0), 1)
    d = np.diff(z, axis=0)
    step = _mean(np.abs(d)) + 1e-6
    lag = np.abs(y[m:] - y[:-m]) if len(y) > m else np.abs(d)
    seasonal_step = np.where(n > m, _mean(lag), step) + 1e-6
    last = naive.last_value(z, n, 1)[0]
    mean = np.abs(np.where(known, z, 0.0).sum(axis=0) / count) + 1e-6
    column = np.arange(len(n))
    back4, back12 = (z[np.maximum(n - 1 - k, 0), column] for k in (max(m, 4), 3 * max(m, 4)))
    rows = [
        np.log(count),
        np.minimum(n / m, 30.0) / 10,
        np.log(step / mean),
        np.log(seasonal_step / step),
        _autocorrelation(d, 1),
        _autocorrelation(d, 2),
        _autocorrelation(z - line(z) * np.arange(len(z))[:, None], 1),
        _squash(line(z) / step),
        _squash((last - np.nan_to_num(back4, nan=1.0)) / step / 3),
        _squash((last - np.nan_to_num(back12, nan=1.0)) / step / 6),
        np.log(_mean(np.abs(z - _mean(z))) / step + 1e-3),
        np.where(known, z <= 0, False).any(axis=0).astype(float),
    ]
    spread = (f - middle) / (step + 0.02 * np.abs(middle))
    ends = spread[:, [0, len(middle) // 2, -1]].mean(axis=1)
    tail = np.log(f.std(axis=0)[[0, -1]] / step + 1e-3)
    drift = _squash((middle[-1] - middle[0]) / step / 3)
    out = np.vstack([np.stack(rows), _squash(ends / 3), tail, drift[None], made.fits])
    return np.clip(np.nan_to_num(out, nan=0.0, posinf=5.0, neginf=-5.0), -6.0, 6.0)


def _squash(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.abs(x))


def _mean(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    return np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _autocorrelation(x: np.ndarray, lag: int) -> np.ndarray:
    """At one lag, of what is known."""
    d = np.nan_to_num(x - _mean(x))
    if len(d) <= lag:
        return np.zeros(x.shape[1])
    return (d[lag:] * d[:-lag]).sum(axis=0) / ((d * d).sum(axis=0) + 1e-12)
