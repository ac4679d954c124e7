"""Sample paths of all series together, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from .._frames import (
    Amount,
    Date,
    Rows,
    check_bool,
    check_choice,
    check_column,
    check_int,
    check_names,
    check_number,
    check_seed,
    one_currency,
    take,
    to_pandas,
    warn,
)
from ..engine import paths
from ..engine.bank import forecast_block
from ..engine.marginal import Forecast
from ..engine.preparation import prepare
from ..engine.sums import group_sums
from ..errors import InputError
from .cleaning import clean_block, possible_block
from .daily import Days
from .drivers import FAR, Drivers, read_drivers
from .fit import chance_ahead, check_models, check_transform, floors, strands_of, widths_of
from .intake import Panel, read_history
from .opening import closed_ahead
from .upkeep import Memory, Piece, Read, Strand
from .widening import lent_width

__all__ = ["sample_panel", "simulate", "summarise"]

_PAST = 120  # periods whose errors give the correlations
_ORIGINS = 3  # earlier origins that tell how errors of a horizon belong together
_ASKED = 1024  # series asked for it
_FEWEST = 4  # values that say how uncertain a series is
# Levels at which lent widths are told, those of the engine's own.
_LEVELS = np.array([50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.8])


def simulate(
    history: pd.DataFrame,
    horizon: int,
    *,
    n: int = 1000,
    by: str | Sequence[str] | None = None,
    freq: str | None = None,
    season_length: int | None = None,
    model: str | Sequence[str] = "auto",
    calendar: str | pd.DataFrame | None = None,
    exog: str | Sequence[str] | Mapping[str, Any] | None = None,
    future: pd.DataFrame | None = None,
    non_negative: bool | str = "auto",
    partial: str = "drop",
    events: pd.DataFrame | None = None,
    gaps: str = "auto",
    as_of: object = None,
    invalid: str = "raise",
    date: str = "date",
    amount: str = "amount",
    random_state: int | np.random.Generator | None = 0,
    transform: str | float | None = None,
    clean: bool = False,
) -> pd.DataFrame:
    """Sample paths of every series, correlated along time and across series.

    Each step of each series has the distribution that :func:`forecast` gives as intervals; series
    of fewer than four values are as uncertain, in proportion, as the others of the call (a
    warning says so where there are none).
    Draws of one call belong together: draw 7 of one series and draw 7 of another are the same
    future, so their sum is a draw of the total.

    Parameters
    ----------
    history, horizon, by, freq, season_length, model, calendar, exog, future, non_negative, \
partial, events, gaps, as_of, invalid, date, amount, transform, clean
        As in :func:`forecast`.
    n : int, default=1000
        Number of paths.
    random_state : int, Generator or None, default=0
        Seed; the same seed gives the same paths. None: different ones each time.

    Returns
    -------
    DataFrame
        Keys, ``date``, ``draw`` (0 to ``n - 1``), ``amount``: one row a key, period and draw,
        in this order.

    Raises
    ------
    InputError
        As :func:`forecast` raises; ``n`` is below 1.

    References
    ----------
    R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with Exponential
    Smoothing", Springer 2008, chapter 6 (simulated distributions).

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"date": pd.date_range("2023-01-01", periods=24, freq="MS"),
    ...                       "amount": [100.0, 120.0] * 12})
    >>> samples = simulate(sales, 3, n=200)
    >>> samples.shape
    (600, 3)
    """
    caller = "simulate"
    horizon = check_int(horizon, "horizon", caller=caller, low=1, high=100_000)
    n = check_int(n, "n", caller=caller, low=1, high=1_000_000)
    random_state = check_seed(random_state, caller=caller)
    models = check_models(model, caller=caller)
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
    drivers = read_drivers(
        history,
        panel,
        horizon,
        by=check_names(by, "by", caller=caller),
        date=date,
        calendar=calendar,
        events=events,
        exog=exog,
        future=future,
        days=Days.beneath(panel, history, date, calendar),
    )
    transform = check_transform(transform, panel, caller=caller)
    check_choice(non_negative, "non_negative", (True, False, "auto"), caller=caller)
    return sample_panel(
        panel,
        horizon,
        n,
        models,
        non_negative,
        random_state,
        drivers,
        transform=transform,
        clean=check_bool(clean, "clean", caller=caller),
    )


def sample_panel(
    panel: Panel,
    horizon: int,
    n: int,
    models: list[str],
    non_negative: bool | str,
    random_state: Any,
    drivers: Drivers | None = None,
    *,
    transform: str | float | None = None,
    clean: bool = False,
    memory: Memory | None = None,
    read: Read | None = None,
) -> pd.DataFrame:
    """Paths of every series of a panel as a samples table; ``memory``: what is not estimated."""
    rng = np.random.default_rng(random_state)
    strands = strands_of(panel, drivers, memory, read)
    driven = any(s.drivers is not None for s in strands)
    free = strands[-1].free  # the newest generation has all series
    options: dict[str, Any] = {"transform": transform, "clean": clean}
    options["widen"] = widths_of(strands[0].free, models, transform, clean, memory)
    pieces = chain.from_iterable(strand.pieces for strand in strands)
    floor = False if driven else non_negative
    amounts = _draw(free, pieces, horizon, n, models, floor, rng, **options)
    for strand in strands if driven else []:
        amounts = _with_effects(strand, amounts, panel.end, non_negative, rng)
    shut = closed_ahead(panel, horizon)
    if shut is not None:
        amounts[shut] = 0.0
    return _samples(panel, amounts)


def _draw(
    panel: Panel,
    pieces: Iterable[Piece],
    horizon: int,
    n: int,
    models: list[str],
    non_negative: bool | str,
    rng: np.random.Generator,
    *,
    transform: str | float | None,
    clean: bool,
    widen: float,
) -> np.ndarray:
    """Amounts (series, horizon, draws)."""
    parts: list[tuple[np.ndarray, np.ndarray, Forecast, np.ndarray]] = []
    nothing: list[np.ndarray | None] = []
    stays, past = np.ones(len(panel)), np.zeros((_PAST, len(panel)))
    count, varies = np.zeros(len(panel), dtype=np.int64), np.zeros(len(panel), dtype=bool)
    newest = int(panel.end.max())
    options: dict[str, Any] = {"transform": transform, "widen": widen}
    for piece in pieces:
        block, held, columns = piece.block, piece.estimates, piece.columns
        given = block
        if clean:
            block, _ = clean_block(block, panel.season, held.part("clean"))
        counted = block
        block, without = possible_block(block, panel.season, models)
        floor = floors(np.where(without, block.y, given.y), non_negative)
        far = horizon + int(block.ahead.max(initial=0))
        found = forecast_block(block.y, block.n, far, panel.season, models, held=held, **options)
        found = found.at(block.ahead[None] + np.arange(horizon)[:, None])
        low, high = found.bounds(95.0)
        series = block.series[columns]
        stays[series] = paths.persistence(high - low)[columns]
        past[:, series] = _past_errors(
            block.y, block.n, block.last - block.ahead, newest, panel.season
        )[:, columns]
        parts.append((block.series, columns, found, floor))
        nothing.append(chance_ahead(counted, horizon, panel.season, models))
        known = np.isfinite(block.y)
        count[series] = known.sum(axis=0)[columns]
        least, most = (np.where(known, block.y, s * np.inf) for s in (1, -1))
        varies[series] = (least.min(axis=0) < most.max(axis=0))[columns]
    if (count < _FEWEST).any():
        parts = _with_lent_widths(panel, parts, count, varies)
    stays = _as_seen(panel, stays, horizon, models)
    z = paths.deviates(past, stays, horizon, n, rng)
    amounts = np.empty((len(panel), horizon, n))
    for (series, columns, found, floor), empty in zip(parts, nothing, strict=True):
        drawn = np.maximum(found.quantile(z[:, :, series]), floor)
        if empty is not None:
            drawn = np.where(z[:, :, series] < ndtri(empty), np.minimum(drawn, 0.0), drawn)
        drawn = drawn[:, :, columns]
        amounts[series[columns]] = np.moveaxis(drawn, 0, 2).transpose(1, 0, 2)
    return amounts


def _with_lent_widths(
    panel: Panel,
    parts: list[tuple[np.ndarray, np.ndarray, Forecast, np.ndarray]],
    count: np.ndarray,
    varies: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray, Forecast, np.ndarray]]:
    """Series too short to say how uncertain they are lean on the relative widths of the others.

    As in :func:`forecast`; where there are no others, the user is told.
    """
    few = count < _FEWEST
    rates = []
    for series, columns, found, _ in parts:
        mine = np.isin(np.arange(len(series)), columns)
        tells = mine & (varies & ~few)[series] & (found.mean != 0).all(axis=0)
        rates.append(_relative_widths(found)[..., tells])
    rate = np.concatenate(rates, axis=-1)
    lent = rate.shape[-1] > 0
    _tell_of_few(panel, few & (count == 0 if lent else True))
    if not lent:
        return parts
    usual = np.median(rate, axis=-1)
    return [(s, c, _widened(f, few[s], usual), floor) for s, c, f, floor in parts]


def _relative_widths(f: Forecast) -> np.ndarray:
    """How far the ends of some levels lie from the mean, in means: (2, levels, steps, series)."""
    size = np.where(f.mean != 0, np.abs(f.mean), 1.0)
    ends = [f.bounds(x) for x in _LEVELS]
    return np.stack(
        [[(f.mean - e[0]) / size for e in ends], [(e[1] - f.mean) / size for e in ends]]
    )


def _widened(f: Forecast, few: np.ndarray, usual: np.ndarray) -> Forecast:
    """The forecast with lent widths where few values are known; ``usual``: (2, levels, steps)."""
    if not few.any():
        return f
    own = np.stack([f.bounds(x)[1] - f.mean for x in _LEVELS])
    lent = lent_width(usual[..., None] * np.abs(f.mean), own[None])
    wide = lent[:, _LEVELS == 95.0][:, 0]
    part = (lent / np.maximum(wide, 1e-300)[:, None]).mean(axis=2)
    normal = np.stack([ndtri(0.5 + _LEVELS / 200) / ndtri(0.975)] * 2)
    shape = normal if f.shape is None else f.shape
    shape = np.where(few, part, shape if shape.ndim == 3 else shape[..., None])
    held = [ndtri(0.975) * f.sd if v is None else v for v in (f.below, f.above)]
    low, high = (np.where(few, side, v) for side, v in zip(wide, held))
    return Forecast(f.mean, f.sd, low, high, _LEVELS, shape)


def _tell_of_few(panel: Panel, which: np.ndarray) -> None:
    at = np.flatnonzero(which)
    if len(at):
        warn(
            f"{panel.caller}(): {len(at)} of {len(panel)} series have fewer than {_FEWEST} values "
            f"(first {panel.names([int(at[0])])[0]}): how uncertain they are is not known, and "
            "their draws say too little of it."
        )


def _as_seen(panel: Panel, stays: np.ndarray, horizon: int, models: list[str]) -> np.ndarray:
    """The share of a shock that stays, after what earlier origins of these series show."""
    if horizon < 2:
        return stays
    scores, assumed = [], []
    every = -(-len(panel) // _ASKED)
    least = max(8, 3 * panel.season // 2)
    for block in panel.blocks():
        block, _ = possible_block(block, panel.season, models)
        asked = block.series % every == 0
        for k in range(1, _ORIGINS + 1):
            which = np.flatnonzero(asked & (block.n - k * horizon >= least))
            if not len(which):
                break
            n = block.n[which] - k * horizon
            y = np.where(np.arange(len(block.y))[:, None] < n, block.y[:, which], np.nan)
            found = forecast_block(y[: n.max()], n, horizon, panel.season, models)
            after = block.y[n + np.arange(horizon)[:, None], which]
            low, high = found.bounds(95.0)
            full = np.isfinite(after).all(axis=0) & (high > low).all(axis=0)
            scores.append(found.deviates(after)[:, full])
            guess = paths.persistence(high - low)[full]
            assumed.append(paths.mean_correlation(guess, horizon))
    start, slope = paths.correlation_law(scores, assumed)
    return paths.kept_share(start + slope * paths.mean_correlation(stays, horizon), horizon)


def _with_effects(
    strand: Strand,
    amounts: np.ndarray,
    end: np.ndarray,
    non_negative: bool | str,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws with the effects of calendar and drivers on them; one draw, one set of effects."""
    _, horizon, n = amounts.shape
    drivers = strand.drivers
    if drivers is None:
        return amounts
    for i in map(int, np.flatnonzero(np.isin(strand.place, strand.counted))):
        at = int(strand.place[i])
        begin = int(end[at]) + 1
        root = np.linalg.svd(drivers.post[i], hermitian=True)
        unsure = root.U * np.sqrt(np.maximum(root.S, 0.0))
        off = unsure @ rng.standard_normal((len(root.S), n))
        effect = drivers.effect(i, begin, horizon)[:, None] + drivers.moved(i, begin, horizon) @ off
        if drivers.logs[i]:
            amounts[at] *= np.exp(np.clip(effect, -FAR, FAR))
        else:
            amounts[at] += drivers.scale[i] * effect
        floor = drivers.floor[i]
        if non_negative != "auto":
            floor = 0.0 if non_negative else -np.inf
        amounts[at] = np.maximum(amounts[at], floor)
    return amounts


def _past_errors(y: np.ndarray, n: np.ndarray, last: np.ndarray, newest: int, m: int) -> np.ndarray:
    """Standardised changes of the deseasonalised series, aligned to the newest period."""
    p = prepare(y, n, m)
    d = np.diff(p.z, axis=0)
    known = np.isfinite(d)
    count = np.maximum(known.sum(axis=0), 1)
    d = np.where(known, d - np.where(known, d, 0.0).sum(axis=0) / count, 0.0)
    sd = np.sqrt((d * d).sum(axis=0) / count)
    d = np.clip(d / np.where(sd > 0, sd, 1.0), -3.0, 3.0)
    back = newest - last  # periods each series ends before the newest
    rows = (n - 2 + back)[None] - np.arange(_PAST)[:, None]
    inside = (rows >= 0) & (rows < len(d))
    if not len(d):
        return np.zeros((_PAST, len(n)))
    return np.where(inside, d[np.clip(rows, 0, len(d) - 1), np.arange(len(n))[None]], 0.0)


def _samples(panel: Panel, amounts: np.ndarray) -> pd.DataFrame:
    series, horizon, n = amounts.shape
    which = np.repeat(np.arange(series), horizon * n)
    out = panel.labels.iloc[which].reset_index(drop=True)
    at = panel.end[:, None] + np.arange(1, horizon + 1)
    seen, where = np.unique(at, return_inverse=True)
    out["date"] = np.repeat(panel.grid.dates(seen)[where.ravel()], n)
    out["draw"] = np.tile(np.arange(n), series * horizon)
    out["amount"] = amounts.ravel()
    out.attrs["freq"] = panel.grid.freq  # how long a period is, where there is only one
    return out


def summarise(
    samples: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    date: str = "date",
    draw: str = "draw",
    amount: str = "amount",
) -> pd.DataFrame:
    """What samples say: mean and quantiles of sums over whatever is not reported by.

    Parameters
    ----------
    samples : DataFrame
        Key columns, ``date``, ``draw``, ``amount``, as :func:`simulate` returns them. Not
        modified.
    by : str or sequence of str, optional
        Columns to report by (``date`` among them or not); each draw's amounts are summed over
        the other keys and dates. None: all keys and ``date``, nothing is summed.
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        Between 0 and 1.
    date, draw, amount : str
        Columns of ``samples``.

    Returns
    -------
    DataFrame
        ``by`` columns, ``mean``, ``sd`` and a column a quantile: ``p10``, ``p50``, ``p90``.

    Raises
    ------
    InputError
        A column is missing or has a name of the result, a value cannot be used, some draws of a
        key are missing, or a quantile is outside 0 to 1.

    References
    ----------
    R. J. Hyndman, Y. Fan, "Sample quantiles in statistical packages", The American
    Statistician 50 (1996), 361-365: definition 7.

    Examples
    --------
    >>> import pandas as pd
    >>> samples = pd.DataFrame({"store": ["a", "a", "b", "b"], "draw": [0, 1, 0, 1],
    ...                         "date": "2025-01-01", "amount": [1.0, 3.0, 10.0, 30.0]})
    >>> summarise(samples, by="date", quantiles=(0.5,))
            date  mean    sd   p50
    0 2025-01-01  22.0  11.0  22.0
    """
    caller = "summarise"
    levels = _quantiles(quantiles, caller)
    frame = to_pandas(samples, caller=caller, arg="samples")
    own = (date, draw, amount)
    for name, option in zip(own, ("date", "draw", "amount"), strict=True):
        check_column(name, option, caller=caller)
    keys = [c for c in frame.columns if c not in own]
    wanted = [*keys, date] if by is None else check_names(by, "by", caller=caller)
    made = ["mean", "sd", *levels]
    for name in wanted:
        if name in (draw, amount):
            raise InputError(f"{caller}(): by names {name!r}; draws are what is summarised.")
        if name in made:
            raise InputError(
                f"{caller}(): column {name!r} of samples has the name of a column of the result; "
                "rename it, or leave it out of by=."
            )
    one_currency(frame, wanted, caller=caller, arg="samples", each=True)
    rows = take(
        frame,
        caller=caller,
        arg="samples",
        by=[c for c in wanted if c != date],
        date=Date(date),
        draw=Amount(draw, whole=True),
        amount=Amount(amount),
    )
    out, matrix = _sums_of_draws(rows, wanted, date, caller)
    out["mean"] = matrix.mean(axis=1)
    out["sd"] = matrix.std(axis=1)
    for name, q in levels.items():
        out[name] = np.quantile(matrix, q, axis=1)
    return out


def _quantiles(quantiles: Any, caller: str) -> dict[str, float]:
    """Quantiles by the name of their column."""
    if isinstance(quantiles, str) or not isinstance(quantiles, Iterable):
        raise InputError(f"{caller}(): quantiles must be a list of shares, got {quantiles!r}.")
    found = [check_number(q, "quantiles", caller=caller, low=0, high=1) for q in quantiles]
    return {f"p{100 * q:g}": q for q in found}


def _sums_of_draws(
    rows: Rows, wanted: list[Any], date: str, caller: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """What is reported by, and the sums of each draw (rows, draws)."""
    parts = [rows.frame[c].array for c in wanted if c != date]
    if date in wanted:
        days = rows["date"].astype(_unit_of(rows.series("date")))
        parts.insert(wanted.index(date), days)
    where = pd.DataFrame(dict(enumerate(parts)), index=pd.RangeIndex(len(rows)))
    group = np.zeros(len(rows), dtype=np.int64)
    out = pd.DataFrame(index=pd.RangeIndex(1))
    if wanted:
        grouped = where.groupby(list(where.columns), observed=True, sort=True)
        group = grouped.ngroup().to_numpy()
        out = where.iloc[np.unique(group, return_index=True)[1]].reset_index(drop=True)
        out.columns = pd.Index(wanted)
    numbers, code = np.unique(rows["draw"], return_inverse=True)
    flat = group * len(numbers) + code.ravel()
    shape = (len(out), len(numbers))
    count = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
    uneven = np.flatnonzero((count != count[:, :1]).any(axis=1))
    if len(uneven):
        raise InputError(
            f"{caller}(): samples lack some draws in {len(uneven)} of {len(out)} row(s) of the "
            f"result, first {_told(out, int(uneven[0]))}; give all rows of a call."
        )
    return out, group_sums(flat, rows["amount"], count.size).reshape(shape)


def _told(out: pd.DataFrame, row: int) -> str:
    return " / ".join(str(v) for v in out.iloc[row]) if out.shape[1] else "the total"


def _unit_of(series: pd.Series) -> Any:
    """The caller's own datetime dtype, or microseconds for dates given as text."""
    dtype = series.dtype
    return dtype if isinstance(dtype, np.dtype) and dtype.kind == "M" else "datetime64[us]"
