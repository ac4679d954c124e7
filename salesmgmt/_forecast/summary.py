"""What was fitted: model, parameters, likelihood and errors of each series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..engine import arima, intermittent, naive, state_space
from ..engine.bank import forecast_block, powers
from ..engine.composition import compositions, one_step_errors
from ..engine.decomposition import fill_gaps
from ..engine.estimates import Estimates
from ..engine.ets import Smoothed
from ..engine.methods import OLDEST, complex_smoothed, newest, regressed
from ..engine.mstl import fit_mstl
from ..engine.preparation import Prepared, prepare, scale_of
from ..engine.theta import theta
from ..engine.transformation import box_cox
from .cleaning import clean_block, possible_block
from .intake import Block, Panel
from .upkeep import enough, places

__all__ = ["summarise_models", "summarise_stages"]

_COLUMNS = (
    "model",
    "form",
    "parameters",
    "loglik",
    "aicc",
    "mae",
    "rmse",
    "n",
    "weights",
    "likelihood_of",
)
_SPARSE_ORIGINS = 120  # newest periods at which intermittent methods are judged
_ROUNDING = 1e-10  # errors of which nothing is said, of the mean absolute value
_NO_LIKELIHOOD = {"loglik": np.nan, "aicc": np.nan}
Row = tuple[int, dict[str, Any]]


def summarise_models(
    panel: Panel,
    models: list[str],
    transform: str | float | None = None,
    *,
    clean: bool = False,
) -> pd.DataFrame:
    """One row a series and model asked for, in key order."""
    rows: list[list[dict[str, Any]]] = [[] for _ in range(len(panel))]
    for block in panel.blocks(256):
        power = np.full(len(block.n), np.nan)
        if clean:
            block, _ = clean_block(block, panel.season)
        if transform is not None:
            block, power = _transformed(block, panel.season, transform)
        for model in models:
            for j, row in _describe(block, panel.season, model):
                if np.isfinite(power[j]):
                    row["parameters"] = {**row["parameters"], "lambda": float(power[j])}
                if np.isfinite(row["aicc"]):
                    row = {"likelihood_of": row["form"], **row}
                rows[block.series[j]].append({"model": model, **row})
    which = np.repeat(np.arange(len(panel)), [len(r) for r in rows])
    out = panel.labels.iloc[which].reset_index(drop=True)
    flat = [row for series in rows for row in series]
    for name in _COLUMNS:
        out[name] = [row.get(name) for row in flat]
    return out


def summarise_stages(
    panels: Sequence[Panel],
    models: list[str],
    transform: str | float | None = None,
    *,
    clean: bool = False,
) -> pd.DataFrame:
    """One row a series of the last panel, as of the first panel with enough of it to estimate."""
    last = panels[-1]
    waiting = np.ones(len(last), dtype=bool)
    parts, order = [], []
    for panel in panels:
        place = places(panel.labels, last)
        which = np.flatnonzero(waiting[place] & (enough(panel) | (panel is last)))
        waiting[place[which]] = False
        if len(which):
            parts.append(summarise_models(panel.take(which), models, transform, clean=clean))
            order.append(np.repeat(place[which], len(models)))
    if len(parts) == 1:
        return parts[0]
    out = pd.concat(parts, ignore_index=True)
    return out.iloc[np.argsort(np.concatenate(order), kind="stable")].reset_index(drop=True)


def _transformed(block: Block, m: int, transform: str | float) -> tuple[Block, np.ndarray]:
    """A block on the scale on which its models are fitted, and the powers."""
    power = powers(block.y, block.n, m, transform)
    kept = np.isnan(power)
    y = box_cox(np.where(kept, 1.0, block.y), np.where(kept, 1.0, power))
    return replace(block, y=np.where(kept, block.y, y)), power


def _describe(block: Block, m: int, model: str) -> list[Row]:
    if model in ("auto", "ensemble"):
        return _combined(block, m, model)
    if model in _SPARSE:
        return _sparse(block, model)
    if model in ("naive", "seasonal_naive", "drift", "mean"):
        return _naive_family(block, m, model)
    return _FITTED[model](block, m)


def _combined(block: Block, m: int, model: str) -> list[Row]:
    """What a combination did, its one-step errors, and the likeliest smoothing form beside it."""
    held, beside = Estimates(), dict(_ets(block, m))
    block, _ = possible_block(block, m, [model])
    forecast_block(block.y, block.n, 1, m, [model], learned=False, held=held)
    errors = one_step_errors(block.y, block.n, m, model, held)
    told = compositions(block.y, m, held) if model == "auto" else None
    rows = []
    for j in range(len(block.n)):
        form = "median of members" if told is None else told[j].form
        row = {
            "form": form,
            "parameters": {"season": m if told is None else told[j].season},
            "weights": None if told is None else told[j].weights,
            "likelihood_of": beside[j]["form"] if np.isfinite(beside[j]["aicc"]) else None,
            **{name: beside[j][name] for name in ("loglik", "aicc")},
        }
        rows.append((j, {**row, **_errors(errors[:, j])}))
    return rows


def _ets(block: Block, m: int) -> list[Row]:
    """The exponential smoothing form of lowest AICc."""
    p = prepare(block.y, block.n, m)
    out = []
    for which, fit in state_space.choose(*newest(p.y, p.n, OLDEST), p.m, 1):
        for i, j in enumerate(which):
            scale, count = float(p.scale[j]), int(np.isfinite(fit.errors[:, i]).sum())
            # The density of the data is that of the scaled data by the scale, once a value.
            shift = count * np.log(scale) if np.isfinite(fit.aicc[i]) else np.nan
            size = float(fit.sigma2[i]) * (scale**2 if fit.form[0] == "A" else 1.0)
            row = {
                "form": f"ETS({fit.form[0]},{fit.form[1:-1]},{fit.form[-1]})",
                "parameters": {
                    **{k: float(v[i]) for k, v in fit.parameters.items()},
                    "sigma2": size,
                },
                **_likelihood(fit.loglik[i] - shift, fit.aicc[i] + 2 * shift, fit.errors[:, i]),
            }
            out.append((int(j), {**row, **_errors(fit.errors[:, i] * scale)}))
    return out


def _arima(block: Block, m: int) -> list[Row]:
    p = prepare(block.y, block.n, m)
    found = arima.choose(*newest(p.y, p.n, OLDEST), p.m, 1)
    rows = []
    for j, order in enumerate(found.orders):
        scale = float(p.scale[j])
        form = f"ARIMA({order.p},{order.d},{order.q})"
        if m > 1:
            form += f"({order.P},{order.D},{order.Q})[{m}]"
        parameters = {
            k: v * scale if k in ("mean", "drift") else v for k, v in found.parameters[j].items()
        }
        # The density of the data is that of the scaled data by the scale, once a value.
        shift = float(found.count[j]) * np.log(scale)
        row = {
            "form": form,
            "parameters": {**parameters, "sigma2": float(found.sigma2[j]) * scale**2},
            **_likelihood(found.loglik[j] - shift, found.aicc[j] + 2 * shift, found.errors[:, j]),
        }
        rows.append((j, {**row, **_errors(found.errors[:, j] * scale)}))
    return rows


def _theta(block: Block, m: int) -> list[Row]:
    p = prepare(block.y, block.n, m)
    fit = theta(p.z, p.n, 1)
    names = {"alpha": fit.parameters["alpha"], "drift": fit.parameters["drift"] * p.scale}
    return _rows("Theta", names, _in_units(p, fit))


def _regression(block: Block, m: int) -> list[Row]:
    p = prepare(block.y, block.n, m)
    fit = regressed(p, 1)
    names = {**fit.parameters, "mean": fit.parameters["mean"] * p.scale}
    return _rows("regression", names, _in_units(p, fit))


def _mstl(block: Block, m: int) -> list[Row]:
    """Errors of all smoothings as they weigh; parameters of the one that weighs most."""
    p = prepare(block.y, block.n, m)
    fit = fit_mstl(p.y, p.n, p.m, 1)
    rows = _rows("MSTL", {}, fit.errors * p.scale)
    return [(j, {**row, "parameters": fit.parameters[j]}) for j, row in rows]


def _ces(block: Block, m: int) -> list[Row]:
    """The form that weighs most, with the concentrated normal likelihood of its errors."""
    p = prepare(block.y, block.n, m)
    fits, share = complex_smoothed(p, 1)
    rows = []
    for j, at in enumerate(share.argmax(axis=0)):
        fit, name, k = fits[at], ("none", "partial", "full")[at], (5, 5 + m, 7 + m)[at]
        errors = fit.errors[:, j] * p.scale[j]
        row = {
            "form": f"CES({name})",
            "parameters": {name: float(v[j]) for name, v in fit.parameters.items()},
            **_gaussian(errors, k, float(p.scale[j])),  # parameters, first states, variance
        }
        rows.append((j, {**row, **_errors(errors)}))
    return rows


def _naive_family(block: Block, m: int, model: str) -> list[Row]:
    """Random walks and the mean, as the ARIMA models they are, with their likelihood."""
    y = block.y
    lag = m if model == "seasonal_naive" else 1
    names: dict[str, np.ndarray] = {}
    if model == "mean":
        centre = naive.mean(y, block.n, 1)
        names = {"mean": centre[0]}
        errors = y - centre
    else:
        errors = np.full_like(y, np.nan)
        if len(y) > lag:
            errors[lag:] = y[lag:] - fill_gaps(y, block.n, lag)[:-lag]
        if model == "drift":
            slope = naive.drift(y, block.n, 1)[0] - naive.drift(y, block.n, 2)[1]
            errors = errors + slope
            names = {"drift": -slope}
    k = 1 + len(names)
    rows = _rows(model, names, errors)
    size = scale_of(y)
    return [(j, {**row, **_gaussian(errors[:, j], k, float(size[j]))}) for j, row in rows]


def _sparse(block: Block, model: str) -> list[Row]:
    """Intermittent demand: what is smoothed, and errors of what each past period said."""
    method, parameters = _SPARSE[model]
    errors = np.full_like(block.y, np.nan)
    for back in range(1, min(len(block.y), _SPARSE_ORIGINS + 1)):
        before = np.maximum(block.n - back, 1)
        rows = int(before.max())
        seen = np.where(np.arange(rows)[:, None] < before, block.y[:rows], np.nan)
        which = np.flatnonzero(block.n > back)
        at = block.n[which] - back
        errors[at, which] = block.y[at, which] - method(seen, before)[which]
    return _rows(model, parameters(block.y, block.n), errors)


def _croston_parts(y: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    size, interval = intermittent.size_and_interval(y, n)
    return {"alpha": np.full(len(n), 0.1), "size": size, "interval": interval}


def _tsb_parts(y: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    size, chance = intermittent.size_and_chance(y, n)
    tenth = np.full(len(n), 0.1)
    return {"alpha": tenth, "beta": tenth, "size": size, "probability": chance}


def _bucket_parts(y: np.ndarray, n: np.ndarray) -> dict[str, np.ndarray]:
    return {"bucket": intermittent.bucket(y, n), "interval": intermittent.mean_interval(y, n)}


_Parts = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
_SPARSE: dict[str, tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], _Parts]] = {
    "croston": (intermittent.croston, _croston_parts),
    "sba": (intermittent.sba, _croston_parts),
    "tsb": (intermittent.tsb, _tsb_parts),
    "adida": (intermittent.adida, _bucket_parts),
    "imapa": (intermittent.imapa, _bucket_parts),
}
_FITTED: dict[str, Callable[[Block, int], list[Row]]] = {
    "arima": _arima,
    "ces": _ces,
    "ets": _ets,
    "mstl": _mstl,
    "regression": _regression,
    "theta": _theta,
}


# --------------------------------------------------------------------------------------
# Rows


def _in_units(p: Prepared, fit: Smoothed) -> np.ndarray:
    """One-step errors of the deseasonalised series as errors of the data."""
    tiled = p.season[np.arange(len(p.y)) % p.m]
    return np.where(p.multiplicative, fit.errors * tiled, fit.errors) * p.scale


def _rows(form: str, parameters: dict[str, np.ndarray], errors: np.ndarray) -> list[Row]:
    """Rows of a method without a likelihood."""
    bare = {"form": form, **_NO_LIKELIHOOD}
    return [
        (j, {**bare, "parameters": {k: float(v[j]) for k, v in parameters.items()}, **_errors(e)})
        for j, e in enumerate(errors.T)
    ]


def _gaussian(e: np.ndarray, k: int, size: float) -> dict[str, float]:
    """Normal likelihood of errors with their own variance, and AICc with ``k`` parameters."""
    e = e[np.isfinite(e)]
    if len(e) <= k + 1 or not e.any():
        return dict(_NO_LIKELIHOOD)
    variance = float(np.mean((e / size) ** 2))
    loglik = -0.5 * len(e) * (np.log(2 * np.pi * variance) + 2 * np.log(size) + 1)
    aicc = -2 * loglik + 2 * k + 2 * k * (k + 1) / (len(e) - k - 1)
    return _likelihood(loglik, aicc, e / size)


def _likelihood(loglik: float, aicc: float, scaled: np.ndarray) -> dict[str, float]:
    """As they are; NaN where a model does not apply, or leaves nothing but rounding."""
    e = scaled[np.isfinite(scaled)]
    told = np.isfinite(aicc) and len(e) and np.sqrt(np.mean(e * e)) > _ROUNDING
    return {"loglik": float(loglik), "aicc": float(aicc)} if told else dict(_NO_LIKELIHOOD)


def _errors(e: np.ndarray) -> dict[str, Any]:
    e = e[np.isfinite(e)]
    if not len(e):
        return {"mae": np.nan, "rmse": np.nan, "n": 0}
    return {
        "mae": float(np.abs(e).mean()),
        "rmse": float(np.sqrt(np.mean(e * e))),
        "n": len(e),
    }
