"""What was fitted: model, parameters, likelihood and errors of each series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..engine import arima, naive, state_space
from ..engine.bank import OLDEST, newest, weights_of
from ..engine.decomposition import fill_gaps
from ..engine.ets import fit_additive
from ..engine.preparation import prepare
from ..engine.theta import line
from .intake import Block, Panel

__all__ = ["summarise_models"]

_COLUMNS = ("model", "form", "parameters", "loglik", "aicc", "mae", "rmse", "n", "weights")


def summarise_models(panel: Panel, models: list[str]) -> pd.DataFrame:
    """One row a series and model asked for, in key order."""
    rows: list[list[dict[str, Any]]] = [[] for _ in range(len(panel))]
    for block in panel.blocks(256):
        for model in models:
            for j, row in _describe(block, panel.season, model):
                rows[block.series[j]].append({"model": model, **row})
    which = np.repeat(np.arange(len(panel)), [len(r) for r in rows])
    out = panel.labels.iloc[which].reset_index(drop=True)
    flat = [row for series in rows for row in series]
    for name in _COLUMNS:
        out[name] = [row.get(name) for row in flat]
    return out


def _describe(block: Block, m: int, model: str) -> list[tuple[int, dict[str, Any]]]:
    if model in ("auto", "ets", "ensemble"):
        return _by_likelihood(block, m, model)
    if model == "theta":
        return _theta(block, m)
    if model == "arima":
        return _arima(block, m)
    errors = _simple_errors(block, m, model)
    return [
        (j, {"form": model, "parameters": {}, "loglik": np.nan, "aicc": np.nan, **_errors(e)})
        for j, e in enumerate(errors.T)
    ]


def _by_likelihood(block: Block, m: int, model: str) -> list[tuple[int, dict[str, Any]]]:
    """The exponential smoothing form of lowest AICc; for ``"auto"`` with its members' weights."""
    weights = weights_of(block.y, block.n, m) if model == "auto" else [None] * len(block.n)
    out = []
    for which, fit in state_space.choose(*newest(block.y, block.n, OLDEST), m, 1):
        for i, j in enumerate(which):
            known = np.isfinite(fit.aicc[i])
            row = {
                "form": f"ETS({fit.form[0]},{fit.form[1:-1]},{fit.form[-1]})",
                "parameters": {k: float(v[i]) for k, v in fit.parameters.items()},
                "loglik": float(fit.loglik[i]) if known else np.nan,
                "aicc": float(fit.aicc[i]) if known else np.nan,
                "weights": weights[j],
                **_errors(fit.errors[:, i]),
            }
            out.append((int(j), row))
    return out


def _theta(block: Block, m: int) -> list[tuple[int, dict[str, Any]]]:
    p = prepare(block.y, block.n, m)
    fit = fit_additive(p.z, p.n, 1)
    tiled = p.season[np.arange(len(p.y)) % p.m]
    errors = np.where(p.multiplicative, fit.errors * tiled, fit.errors) * p.scale
    slope = 0.5 * line(p.z) * p.scale
    rows = []
    for j in range(len(block.n)):
        parameters = {"alpha": float(fit.parameters["alpha"][j]), "drift": float(slope[j])}
        row = {"form": "Theta", "parameters": parameters, "loglik": np.nan, "aicc": np.nan}
        rows.append((j, {**row, **_errors(errors[:, j])}))
    return rows


def _arima(block: Block, m: int) -> list[tuple[int, dict[str, Any]]]:
    p = prepare(block.y, block.n, m)
    _, sd, orders = arima.choose(*newest(p.y, p.n, OLDEST), p.m, 1)
    rows = []
    for j, order in enumerate(orders):
        name = f"ARIMA({order.p},{order.d},{order.q})"
        if m > 1:
            name += f"({order.P},{order.D},{order.Q})[{m}]"
        spread = float(sd[0, j] * p.scale[j])
        row: dict[str, Any] = {"form": name, "parameters": {"constant": order.constant}}
        row |= {"loglik": np.nan, "aicc": np.nan, "mae": np.nan, "rmse": spread}
        rows.append((j, {**row, "n": int(np.isfinite(block.y[:, j]).sum())}))
    return rows


def _simple_errors(block: Block, m: int, model: str) -> np.ndarray:
    """One-step errors of a method without a likelihood, (time, series)."""
    y = block.y
    lag = m if model in ("seasonal_naive", "mstl") else 1
    if model == "mean":
        return y - naive.mean(y, block.n, 1)
    out = np.full_like(y, np.nan)
    if len(y) > lag:
        out[lag:] = y[lag:] - fill_gaps(y, block.n, lag)[:-lag]
    return out


def _errors(e: np.ndarray) -> dict[str, Any]:
    e = e[np.isfinite(e)]
    if not len(e):
        return {"mae": np.nan, "rmse": np.nan, "n": 0}
    return {
        "mae": float(np.abs(e).mean()),
        "rmse": float(np.sqrt(np.mean(e * e))),
        "n": len(e),
    }
