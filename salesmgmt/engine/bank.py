"""The bank of methods: one block in, point forecasts and error sizes out, in its units.

A block is scaled by each series' mean absolute value, freed of seasonality where the data
show it, forecast by every method asked for, and brought back. ``"auto"`` parts it by kind of
series first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr, ndtri

from . import cleaning, eras, intermittent, naive, transformation
from .calibration import FEWEST, ORIGINS, least_past, misses, steps_of
from .combination import combine, kind_of, longest
from .decomposition import (
    centred_average,
    fill_gaps,
    seasonal_score,
    seasonal_test,
)
from .empty_periods import rows_before_launch
from .estimates import Estimates
from .interval_width import few_values
from .marginal import Forecast
from .methods import METHODS, by_past, newest, rows_from, safe, sane
from .preparation import Prepared, prepare, scale_of

# What counts in intermittent demand. Less than the whole makes absolute errors smaller (MASE 1.67,
# with the whole 1.70, at three origins inside the training part of carparts) at the price of sums
# that are too low (by 12 %, with the whole by 5 %). Found on past origins, by no script that stays.
SPARSE_SHARES = {"imapa": 0.46, "newest mean": 0.46}
_USUAL = (7, 12, 24, 52)  # seasons looked for where none is named: week, year of months, day, year
_LIFT = 5.0  # mean absolute deviations
_DUST = 1e-9  # of the mean absolute value: what rounding leaves of sums that cancel
LONGER = {24: 168, 7: 364}  # hours: day and week; days: week and 52 weeks
# Values held back to tell which season matters, and how often: the newest, those before them...
_HELD, _TIMES = {24: 48, 7: 56}, 3
# Weights are mean square errors to the power -3: sharper than inverse errors, as most of three
# windows is known. Chosen on origins inside training parts (hours) and on days of four sources.
_SHARPER = 3
_SURE = 1e-3  # least width of a new era, in those of the whole record
_NARROWEST = 0.5  # a few weeks without a miss are no certainty
# Models whose widths are learned; those whose own are the least they have.
_BORROWERS = {"theta", "ces", "mstl", "regression", "ensemble"}
_OWN_LEAST = {"ets", "arima"}
LEARNED = frozenset({"auto", *_BORROWERS})
SHORTEST = 6  # known values from which the learned combination is used

__all__ = [
    "LEARNED",
    "METHODS",
    "SHORTEST",
    "Forecast",
    "forecast_block",
    "misses_before",
    "opinion",
    "past_misses",
    "powers",
    "two_seasons_from",
]


def forecast_block(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    m: int,
    models: Sequence[str],
    *,
    transform: str | float | None = None,
    learned: bool = True,
    held: Estimates | None = None,
    widen: float = 1.0,
) -> Forecast:
    """The mean of the models' forecasts for each column, in the units of ``y``.

    ``transform``: "log", "boxcox", "auto" or a power of Box and Cox; columns it does not suit
    stay as they are. ``learned``: whether models without a variance of their own borrow the
    widths of the combination; not needed where nobody asks for intervals. ``held``: what was
    estimated from earlier rows of the same columns; what it does not hold yet is put into it.
    ``widen``: factor of learned widths; not used on another scale.
    """
    held = held or Estimates()
    if transform is not None:
        made = [
            _transformed(y, n, horizon, m, name, transform, learned, held.part(f"{name} turned"))
            for name in models
        ]
        return made[0] if len(made) == 1 else _mean_of(made)
    if list(models) == ["auto"]:
        found = _auto_block(y, n, horizon, m, held.part("auto"))
        return _widened(found, widen, y, n, m, held)
    prepared = prepare(y, n, m, held=held.part("prepared"))
    with np.errstate(over="ignore", under="ignore"):
        made = [
            METHODS[name](prepared, horizon, held.part(name)) for name in models if name != "auto"
        ]
    made = [_scaled(_sane_forecast(prepared, f), prepared.scale) for f in made]
    if learned:
        names = [name for name in models if name != "auto"]
        made = _with_learned_widths(made, names, y, n, m, widen, held.part("widths"))
    if len(models) == 1:
        return made[0]
    if "auto" in models:
        found = _auto_block(y, n, horizon, m, held.part("auto"))
        made.append(_widened(found, widen, y, n, m, held))
    return _mean_of(made)


def opinion(
    y: np.ndarray, n: np.ndarray, horizon: int, m: int, model: str, held: Estimates
) -> np.ndarray:
    """Point forecasts (horizon, series) of one model, of records as ``"auto"`` looks at them.

    Without the zeros before a launch. NaN for columns that it does not weigh (slow sellers, a few
    values): models of levels and seasons have nothing to add there.
    """
    y, n = rows_from(y, n, held.of("launch", rows_before_launch, y, n))
    if model != "mstl" or m not in LONGER:  # the longer season needs the whole record
        y, n = newest(y, n, longest(m), held=held)
    which = held.of("weighed", lambda: np.flatnonzero(_is_weighed(y, n, m)))
    out = np.full((horizon, len(n)), np.nan)
    if len(which):
        part, some = y[: max(int(n[which].max()), 1), which], held.part("made")
        made = forecast_block(part, n[which], horizon, m, [model], learned=False, held=some)
        out[:, which] = made.mean
    return out


def _mean_of(made: Sequence[Forecast]) -> Forecast:
    return Forecast(np.mean([f.mean for f in made], axis=0), np.mean([f.sd for f in made], axis=0))


def _with_learned_widths(
    made: list[Forecast],
    models: Sequence[str],
    y: np.ndarray,
    n: np.ndarray,
    m: int,
    widen: float,
    held: Estimates,
) -> list[Forecast]:
    """Half widths of the combination, wider by how far a model's forecast lies from it.

    For the models that borrow them, and series that the combination knows how to weigh. Models
    with a variance of their own, which takes form and parameters as known, are never narrower
    than it; in long records without a season it is enough.
    """
    sparse = held.of("sparse", lambda: ~_is_weighed(y, n, m))
    which = np.flatnonzero(~sparse)
    if not len(which) or not (_BORROWERS | _OWN_LEAST).intersection(models):
        return made
    horizon = len(made[0].mean)
    rows = max(int(n[which].max()), 1)
    auto = _auto_block(y[:rows, which], n[which], horizon, m, held.part("auto"))
    long = held.of("long", lambda: np.array([kind_of(m, int(k)) == "long" for k in n]))
    out = []
    for name, f in zip(models, made):
        known = name in _BORROWERS or (name in _OWN_LEAST and not long[which].all())
        if not known or auto.below is None or auto.above is None:
            out.append(f)
            continue
        alone = long if name in _OWN_LEAST else np.zeros_like(long)
        mine = np.flatnonzero(~(sparse | alone))
        least, by = (ndtri(0.975) * f.sd[:, mine], 1.0) if name in _OWN_LEAST else (0.0, widen)
        lent = _lent(f, _pick(auto, np.flatnonzero(~alone[which])), mine, by, least)
        rest = np.flatnonzero(sparse | alone)
        parts = [(mine, lent), *([(rest, _pick(f, rest))] if len(rest) else [])]
        out.append(_together(parts, horizon, len(n)))
    return out


def _lent(
    f: Forecast, auto: Forecast, which: np.ndarray, by: float, least: np.ndarray | float
) -> Forecast:
    """Some columns of a forecast with the combination's widths times ``by``, at least ``least``."""
    assert auto.below is not None
    assert auto.above is not None
    apart = f.mean[:, which] - auto.mean
    below = np.maximum(np.hypot(by * auto.below, apart), least)
    above = np.maximum(np.hypot(by * auto.above, apart), least)
    sd = (below + above) / 2 / ndtri(0.975)
    return Forecast(f.mean[:, which], sd, below, above, auto.levels, auto.shape)


def _transformed(
    y: np.ndarray,
    n: np.ndarray,
    horizon: int,
    m: int,
    model: str,
    transform: str | float,
    learned: bool,
    held: Estimates,
) -> Forecast:
    """One model on the transformed scale, brought back without bias.

    Widths were learned on the scale of the data: only columns that stay there borrow them.
    """
    known = np.isfinite(y)
    scale = held.of("scale", lambda: scale_of(y))
    z = y / scale
    power = held.of("power", lambda: powers(z, n, m, transform))
    kept = np.isnan(power)
    # Later values that have no such power count as half the least one that had.
    z = np.maximum(z, held.of("least", lambda: _least(z, kept)))
    used = np.where(kept, 1.0, power)
    z = np.where(kept, z, transformation.box_cox(np.where(kept, 1.0, z), used))
    z = np.where(known, z, np.nan)
    parts = []
    for name, which in (("kept", np.flatnonzero(kept)), ("turned", np.flatnonzero(~kept))):
        if len(which):
            mine, some = z[: max(int(n[which].max()), 1), which], held.part(name)
            borrow = learned and name == "kept"
            found = forecast_block(mine, n[which], horizon, m, [model], learned=borrow, held=some)
            parts.append((which, found))
    made = _together(parts, horizon, len(n))
    return transformation.bring_back(made, power, scale)


def _least(z: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Half the least value of each column that is transformed; no bound for the others."""
    known = np.isfinite(z)
    least = np.where(known, z, np.inf).min(axis=0) / 2
    return np.where(kept | ~known.any(axis=0), -np.inf, least)


def powers(y: np.ndarray, n: np.ndarray, m: int, transform: str | float) -> np.ndarray:
    """The power of each column; NaN where it stays as it is: no data, 1, or not positive."""
    known = np.isfinite(y)
    fits = np.where(known, y > 0, True).all(axis=0) & known.any(axis=0)
    if isinstance(transform, str):
        safe = np.where(fits, y, np.where(known, 1.0, np.nan))
        if transform == "log":
            power = np.zeros(len(n))
        elif transform == "boxcox":
            power = transformation.guerrero(safe, n, m)
        else:
            power = transformation.likeliest(safe, n, m)
    else:
        power = np.full(len(n), float(transform))
        if transform > 0:
            fits = np.where(known, y >= 0, True).all(axis=0) & known.any(axis=0)
    return np.where(fits & (power != 1.0), power, np.nan)


def _auto_block(y: np.ndarray, n: np.ndarray, horizon: int, m: int, held: Estimates) -> Forecast:
    """The learned combination, of a whole record and of its newest era.

    Zeros from before a launch are no part of a series.
    """
    y, n = rows_from(y, n, held.of("launch", rows_before_launch, y, n))
    whole = _one_era(y, n, horizon, m, held)
    start = held.of("era", eras.begun, y, n, m)
    share = held.of("newness", eras.newness, y, n, start)
    which = np.flatnonzero(share)
    if not len(which):
        return whole
    some, count = y[:, which], n[which]
    begun = eras.newness(some, count, start[which]) > 0  # an earlier origin may lie before it
    since = rows_from(some, count, np.where(begun, start[which], 0))
    now = _one_era(*since, horizon, m, held.part("newest era"))
    own = np.where(begun, share[which], 0.0)
    parts = [(which, _since(_pick(whole, which), now, own))]
    rest = np.setdiff1d(np.arange(len(n)), which)
    if len(rest):
        parts.append((rest, _pick(whole, rest)))
    return _together(parts, horizon, len(n))


def _since(whole: Forecast, now: Forecast, share: np.ndarray) -> Forecast:
    """A forecast of the whole record, as far as the newest era counts with what that says.

    Half of it in the middle, where the record knows the season and the era its own level; of the
    widths the geometric mean by that share.
    """
    mean = whole.mean + share / 2 * (now.mean - whole.mean)
    (full, parts), (own, shape) = _half_widths(whole), _half_widths(now)
    own = np.maximum(own, _SURE * full)
    width = np.where(full > 0, full, 1.0) ** (1 - share) * own**share
    below, above = np.hypot(np.where(full > 0, width, own), now.mean - mean)
    sd = (below + above) / 2 / ndtri(0.975)
    if parts is None or shape is None:
        return Forecast(mean, sd)
    return Forecast(mean, sd, below, above, whole.levels, parts + share * (shape - parts))


def _half_widths(f: Forecast) -> tuple[np.ndarray, np.ndarray | None]:
    """Those of the 95 % interval, (2, horizon, series), and the parts that other levels take."""
    if f.below is None or f.above is None or f.levels is None or f.shape is None:
        half = ndtri(0.975) * f.sd
        return np.stack((half, half)), None
    shape = f.shape if f.shape.ndim == 3 else np.repeat(f.shape[..., None], f.mean.shape[1], axis=2)
    whole = shape[:, np.searchsorted(f.levels, 95.0)]
    normal = (ndtri(0.5 + f.levels / 200) / ndtri(0.975))[None, :, None]
    parts = np.where(whole[:, None] > 0, shape / np.where(whole > 0, whole, 1.0)[:, None], normal)
    return np.stack((f.below, f.above)) * whole[:, None], parts


def _one_era(
    y: np.ndarray, n: np.ndarray, horizon: int, m: int, held: Estimates, *, look: bool = True
) -> Forecast:
    """The learned combination, kind by kind, and the safe one for the shortest series."""
    sign, add = held.of("upright", lambda: _upright(y))
    if (sign < 0).any() or add.any():
        upright = held.part("positive")
        made = _one_era(sign * y + add, n, horizon, m, upright, look=look)
        return _back_down(made, sign, add)
    if m == 1 and look:
        found = held.of("season", lambda: _hidden_season(y, n))
        if found.any():
            return _by_season(y, n, horizon, found, held)
    if m in LONGER and look:
        both = held.of("both", lambda: _with_both(n, m))
        if len(both):
            return _two_seasons(y, n, horizon, m, both, held)
    y, n = newest(y, n, longest(m), held=held)
    parts: list[tuple[np.ndarray, Forecast]] = []
    kinds = held.of("kinds", lambda: _kinds(y, n, m))
    for kind in dict.fromkeys(kinds):
        which = np.flatnonzero(kinds == kind)
        some = held.part(kind)
        rows = max(int(n[which].max()), 1)
        prepared = prepare(y[:rows, which], n[which], m, held=some.part("prepared"))
        if kind == "few":
            made = safe(prepared, horizon, some)
        elif kind == "intermittent":
            made = _scaled(_sparse(prepared, horizon, some), prepared.scale)
        else:
            made = _learned(prepared, horizon, kind, some)
        parts.append((which, made))
    return _together(parts, horizon, len(n))


def _upright(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sign and constant with which each column looks like what the networks have seen.

    They have learned from sales, hardly ever below zero. Where nothing is above zero the mirror
    image is forecast, where anything is below it (returns, balances, net flows) the series lifted.
    """
    known = np.isfinite(y)
    count = np.maximum(known.sum(axis=0), 1)
    low, high = np.where(known, y, np.inf).min(axis=0), np.where(known, y, -np.inf).max(axis=0)
    mean = np.where(known, y, 0.0).sum(axis=0) / count
    spread = np.where(known, np.abs(y - mean), 0.0).sum(axis=0) / count
    below = low < -_DUST * scale_of(y)
    sign = np.where(below & (high <= 0), -1.0, 1.0)
    return sign, np.where(below & (high > 0), _LIFT * spread - low, 0.0)


def _back_down(f: Forecast, sign: np.ndarray, add: np.ndarray) -> Forecast:
    """A forecast of ``sign * y + add`` as one of ``y``."""
    below, above, shape = f.below, f.above, f.shape
    if below is not None and above is not None:
        below, above = np.where(sign < 0, above, below), np.where(sign < 0, below, above)
    if shape is not None and (sign < 0).any():
        shape = shape if shape.ndim == 3 else np.repeat(shape[..., None], len(sign), axis=2)
        shape = np.where(sign < 0, shape[::-1], shape)
    return Forecast(sign * (f.mean - add), f.sd, below, above, f.levels, shape)


def _kinds(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Which network each column belongs to, or why to none."""
    kinds = np.array([kind_of(m, int(k)) for k in n], dtype=object)
    kinds[_is_intermittent(y, n, m)] = "intermittent"
    kinds[np.isfinite(y).sum(axis=0) < SHORTEST] = "few"
    return kinds


def _widened(
    f: Forecast, by: float, y: np.ndarray, n: np.ndarray, m: int, held: Estimates
) -> Forecast:
    """Learned widths times a factor; those from a series' own past stay."""
    if by == 1.0 or f.below is None or f.above is None:
        return f
    each = np.where(held.of("learned", lambda: _is_learned(y, n, m)), by, 1.0)
    return Forecast(f.mean, f.sd * each, f.below * each, f.above * each, f.levels, f.shape)


def _is_learned(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Columns whose widths the networks give."""
    y, n = rows_from(y, n, rows_before_launch(y, n))
    return _is_weighed(*newest(y, n, longest(m)), m)


def _is_weighed(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Columns that the combination knows how to weigh, seen as it sees them."""
    sign, add = _upright(y)
    return ~_is_intermittent(sign * y + add, n, m) & (np.isfinite(y).sum(axis=0) >= SHORTEST)


def past_misses(y: np.ndarray, n: np.ndarray, m: int, *, cleaned: bool = False) -> list[np.ndarray]:
    """How far off ``"auto"`` would have been, in half widths: (steps, series) an earlier origin.

    ``cleaned``: as if outliers had been taken out before each of them; what came after is held
    against it as it was. Nothing where fewer series than ``calibration.FEWEST`` reach back.
    """
    found = misses_before(y, n, m, steps_of(m), cleaned=cleaned, fewest=FEWEST)
    return [r[..., np.isfinite(r).any(axis=(0, 1))] for r in found]


def misses_before(
    y: np.ndarray, n: np.ndarray, m: int, steps: int, *, cleaned: bool = False, fewest: int = 1
) -> list[np.ndarray]:
    """The same for origins ``steps`` apart, with NaN where a series tells nothing.

    A series tells nothing where it does not reach back, or its widths are not learned.
    """
    back = steps * np.arange(1, ORIGINS + 1)[:, None]
    origin, which = np.nonzero(n - back >= least_past(m))
    count = np.bincount(origin, minlength=ORIGINS)
    keep = count[origin] >= fewest
    if not keep.any():
        return []
    origin, which = origin[keep], which[keep]
    before = n[which] - back[origin, 0]
    past = np.where(np.arange(len(y))[:, None] < before, y[:, which], np.nan)
    past = past[: int(before.max())]
    if cleaned:
        past, _ = cleaning.clean(past, before, m)
    made = _auto_block(past, before, steps, m, Estimates())  # all origins side by side
    missed = misses(made, y[before + np.arange(steps)[:, None], which])
    missed[..., ~_is_learned(past, before, m)] = np.nan
    out = np.full((ORIGINS, *missed.shape[:2], len(n)), np.nan)
    out[origin, :, :, which] = np.moveaxis(missed, 2, 0)
    return [out[k] for k in range(ORIGINS) if count[k] >= fewest]


def two_seasons_from(m: int) -> float:
    """Length from which day and week, or week and year, are weighed by the newest values."""
    return 1.5 * LONGER[m] + _HELD[m] if m in LONGER else np.inf


def _with_both(n: np.ndarray, m: int) -> np.ndarray:
    """Columns long enough for two seasons."""
    return np.flatnonzero(n >= two_seasons_from(m))


def _two_seasons(
    y: np.ndarray, n: np.ndarray, horizon: int, m: int, which: np.ndarray, held: Estimates
) -> Forecast:
    """Day and week, or week and year: what either season says, and both one after the other.

    Where the record is long; each weighs by how it would have forecast the newest values. Widths
    are those that the networks learned, as much narrower as the three together missed less.
    """
    near = _one_era(y, n, horizon, m, held.part("near"), look=False)
    long_y, long_n = y[:, which], n[which]
    share, narrower = held.of("share", lambda: _tried(long_y, long_n, m))
    made = _three(long_y, long_n, horizon, m, held)
    out = _together(
        [(np.arange(len(n)), near), (which[:0], _pick(made[1], which[:0]))], horizon, len(n)
    )
    out.mean[:, which] = sum(w * f.mean for w, f in zip(share, made))
    learned = narrower * share[:2] / share[:2].sum(axis=0)
    out.sd[:, which] = learned[0] * made[0].sd + learned[1] * made[1].sd
    for mine, first, second in (
        (out.below, made[0].below, made[1].below),
        (out.above, made[0].above, made[1].above),
    ):
        if mine is not None and first is not None and second is not None:
            mine[:, which] = learned[0] * first + learned[1] * second
    return out


def _tried(y: np.ndarray, n: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of short season, long season and both, by the newest values held back.

    Several times, each a stretch further back, as far as the record allows: what the newest weeks
    look like says little of the year. All times side by side. Also by how much what they say
    together missed less than the two whose widths are known.
    """
    hold = _HELD[m]
    back = hold * np.arange(1, _TIMES + 1)[:, None]
    time, which = np.nonzero(n - back >= two_seasons_from(m) - hold)
    end = n[which] - back[time, 0]
    before = np.where(np.arange(len(y))[:, None] < end, y[:, which], np.nan)[: int(end.max())]
    tried = _three(before, end, hold, m, Estimates())
    truth = y[end + np.arange(hold)[:, None], which]
    missed = np.stack([f.mean for f in tried]) - truth
    error = _square(missed, which, len(n))
    share = _by_past_error(error)
    together = _square((share[:, None, which] * missed).sum(axis=0)[None], which, len(n))[0]
    learned = share[:2] / share[:2].sum(axis=0)
    apart = (learned * np.sqrt(error[:2])).sum(axis=0)
    narrower = np.sqrt(together) / np.where(apart > 0, apart, 1.0)
    return share, np.maximum(np.where(apart > 0, narrower, 1.0), _NARROWEST)


def _square(missed: np.ndarray, which: np.ndarray, series: int) -> np.ndarray:
    """Mean square (models, series) of misses (models, steps, tries), over all tries of a series."""
    known = np.isfinite(missed)
    total, count = (
        np.stack([np.bincount(which, v, minlength=series) for v in values.sum(axis=1)])
        for values in (np.where(known, missed, 0.0) ** 2, known)
    )
    return np.asarray(total / np.maximum(count, 1))


def _three(
    y: np.ndarray, n: np.ndarray, horizon: int, m: int, held: Estimates
) -> tuple[Forecast, ...]:
    """The combination with the short season and with the long one, and MSTL with both."""
    near, far = (
        _one_era(y, n, horizon, k, held.part(f"season {k}"), look=False) for k in (m, LONGER[m])
    )
    both = forecast_block(y, n, horizon, m, ["mstl"], learned=False, held=held.part("mstl"))
    return near, far, both


def _by_past_error(error: np.ndarray) -> np.ndarray:
    """Weights (models, series) by mean square errors."""
    least = error.min(axis=0)
    ratio = np.where(error > 0, least / np.where(error > 0, error, 1.0), 1.0)
    share = np.where(least > 0, ratio**_SHARPER, error <= 0) + 1e-12
    return np.asarray(share / share.sum(axis=0))


def _pick(f: Forecast, which: np.ndarray) -> Forecast:
    """Some columns of a forecast."""
    rows = np.arange(len(f.mean))[:, None]
    below, above = (None if v is None else v[rows, which] for v in (f.below, f.above))
    shape = f.shape if f.shape is None or f.shape.ndim == 2 else f.shape[..., which]
    return Forecast(f.mean[rows, which], f.sd[rows, which], below, above, f.levels, shape)


def _by_season(
    y: np.ndarray, n: np.ndarray, horizon: int, season: np.ndarray, held: Estimates
) -> Forecast:
    """Columns of like season together; 0 stands for none."""
    parts = []
    for m in np.unique(season):
        which = np.flatnonzero(season == m)
        some = held.part(f"season {m}")
        made = _one_era(y[:, which], n[which], horizon, max(int(m), 1), some, look=False)
        parts.append((which, made))
    return _together(parts, horizon, len(n))


def _hidden_season(y: np.ndarray, n: np.ndarray) -> np.ndarray:
    """A season that a long record shows although none was named; 0 where there is none."""
    # in standard errors; more than for a season that is named, as several are tried
    best, season = np.full(len(n), 3.0), np.zeros(len(n), dtype=int)
    for m in _USUAL:
        which = np.flatnonzero(n >= max(3 * m, 100))
        if not len(which):
            continue
        x = fill_gaps(y[:, which], n[which], 1)
        rest = x - centred_average(x, m)
        rest[np.arange(len(y))[:, None] >= n[which] - m // 2] = np.nan
        score = seasonal_score(rest, m)
        better = score > best[which]
        best[which[better]], season[which[better]] = score[better], m
    return season


def _is_intermittent(y: np.ndarray, n: np.ndarray, m: int) -> np.ndarray:
    """Demand in less than five periods of eight, never negative, and no season that explains it."""
    known = np.isfinite(y)
    zeros = (known & (y == 0)).sum(axis=0)
    sparse = zeros > 0.375 * np.maximum(known.sum(axis=0), 1)
    sparse &= np.where(known, y >= 0, True).all(axis=0)
    if sparse.any() and m > 1:
        which = np.flatnonzero(sparse)
        sparse[which] &= ~seasonal_test(np.nan_to_num(y[:, which]), n[which], m, z=3.0)
        sparse[which] &= ~_keeps_places(y[:, which], m)
    return sparse


def _keeps_places(y: np.ndarray, m: int) -> np.ndarray:
    """Columns whose demand comes at the same places of every season, as in billing by quarter.

    Periods a season apart agree on whether there is demand in eleven of twelve pairs, as many
    would by chance once in a thousand, and every season has periods with demand and without.
    The test by autocorrelations is weak here: they are large at other lags, too.
    """
    if len(y) <= m:
        return np.zeros(y.shape[1], dtype=bool)
    known = np.isfinite(y)
    share = (known & (y != 0)).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    pairs = known[m:] & known[:-m]
    count = pairs.sum(axis=0)
    missed = (pairs & ((y[m:] != 0) != (y[:-m] != 0))).sum(axis=0)
    chance = bdtr(missed, np.maximum(count, 1), 2 * share * (1 - share))
    some, none = (np.cumsum(known & at, axis=0) for at in (y != 0, y == 0))
    within = np.minimum(some[m:] - some[:-m], none[m:] - none[:-m])
    whole = np.where(known[m:], within, 1).min(axis=0) > 0
    out: np.ndarray = whole & (12 * missed <= count) & (chance < 1e-3)
    return out


def _sparse(p: Prepared, horizon: int, held: Estimates) -> Forecast:
    """Half IMAPA, half the newest mean, a little less of it: sparse demand dies out.

    Intervals by what was sold in a period.
    """
    newest = np.where(np.arange(len(p.y))[:, None] >= p.n - max(12, min(p.m, 26)), p.y, np.nan)
    level = SPARSE_SHARES["imapa"] * intermittent.imapa(p.y, p.n, held=held)
    level = level + SPARSE_SHARES["newest mean"] * naive.mean(newest, p.n, 1)[0]
    return by_past(p, level, horizon)


def _scaled(f: Forecast, scale: np.ndarray) -> Forecast:
    """The same in the units of the data."""
    below, above = (None if v is None else v * scale for v in (f.below, f.above))
    return Forecast(f.mean * scale, f.sd * scale, below, above, f.levels, f.shape)


def _learned(p: Prepared, horizon: int, kind: str, held: Estimates) -> Forecast:
    found = combine(p, horizon, kind, held)
    flat = held.of("flat", lambda: _never_moves(p.y))
    young = held.of("young", lambda: few_values(np.isfinite(p.y).sum(axis=0), p.m))
    below, above = (np.where(flat, 0.0, v) * young * p.scale for v in (found.below, found.above))
    mean = np.where(flat, naive.last_value(p.y, p.n, horizon), found.mean)
    mean, _ = sane(p, mean, mean)
    sd = (below + above) / 2 / ndtri(0.975)
    return Forecast(mean * p.scale, sd, below, above, found.levels, found.shape)


def _never_moves(y: np.ndarray) -> np.ndarray:
    known = np.isfinite(y)
    return np.where(known, y, np.inf).min(axis=0) == np.where(known, y, -np.inf).max(axis=0)


def _together(parts: list[tuple[np.ndarray, Forecast]], horizon: int, series: int) -> Forecast:
    """Forecasts of parts of a block as one; shapes are turned into those of the first."""
    if len(parts) == 1:
        return parts[0][1]
    levels = next((f.levels for _, f in parts if f.levels is not None), None)
    mean, sd, below, above = (np.empty((horizon, series)) for _ in range(4))
    if levels is None:
        for which, f in parts:
            mean[:, which], sd[:, which] = f.mean, f.sd
        return Forecast(mean, sd)
    shape = np.empty((2, len(levels), series))
    for which, f in parts:
        half = ndtri(0.975) * f.sd
        mean[:, which], sd[:, which] = f.mean, f.sd
        below[:, which] = half if f.below is None else f.below
        above[:, which] = half if f.above is None else f.above
        normal = ndtri(0.5 + levels / 200) / ndtri(0.975)
        own = np.stack((normal, normal)) if f.shape is None else f.shape
        shape[:, :, which] = own if own.ndim == 3 else own[..., None]
    return Forecast(mean, sd, below, above, levels, shape)


def _sane_forecast(p: Prepared, f: Forecast) -> Forecast:
    mean, sd = sane(p, f.mean, f.sd)
    return Forecast(mean, sd, f.below, f.above, f.levels, f.shape)
