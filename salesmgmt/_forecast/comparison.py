"""Whether one model is better than another by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_choice,
    check_names,
    factorise,
    refuse_names,
    take,
)
from ..errors import InputError

__all__ = ["compare_models"]

_RESULT = ["model", "n", "gain", "statistic", "p_value"]


def compare_models(
    predictions: pd.DataFrame,
    *,
    reference: str = "seasonal_naive",
    by: str | Sequence[str] | None = None,
    loss: str = "absolute",
    date: str = "date",
) -> pd.DataFrame:
    """Test every model of a backtest against one of them (Diebold and Mariano).

    Losses are averaged over series and steps for each origin, so that what errs together counts
    once; the variance of the mean allows for origins less than a horizon apart.

    Parameters
    ----------
    predictions : DataFrame
        What :func:`backtest` returned: ``model``, ``date``, ``actual``, ``forecast``, optionally
        ``cutoff`` and ``step``, and key columns. Not modified. Without ``cutoff`` origins lie
        ``step`` dates back; without both, forecasts are taken to be of one step.
    reference : str, default="seasonal_naive"
        The model the others are compared with.
    by : str or sequence of str, optional
        Columns to test separately by (``"region"``, ``"step"``).
    loss : {"absolute", "squared"}
        What an error costs.
    date : str
        Column of ``predictions``.

    Returns
    -------
    DataFrame
        ``by``, ``model``, ``n`` (origins compared), ``gain`` (share of the reference's loss that
        is saved), ``statistic`` (negative: better than the reference), ``p_value`` (two-sided;
        NaN with fewer than three origins, or where all lie within one horizon).

    Raises
    ------
    InputError
        The reference is not among the models, or the models do not forecast the same rows.

    References
    ----------
    F. X. Diebold, R. S. Mariano, "Comparing predictive accuracy", Journal of Business & Economic
    Statistics 13 (1995), 253-263. D. Harvey, S. Leybourne, P. Newbold, "Testing the equality of
    prediction mean squared errors", International Journal of Forecasting 13 (1997), 281-291 (the
    correction for few forecasts, and Student's distribution: origins apart, or one step alone).
    E. Lazarus, D. J. Lewis, J. H. Stock, M. W. Watson, "HAR inference: recommendations for
    practice", Journal of Business & Economic Statistics 36 (2018), 541-559, and L. Coroneo,
    F. Iacone, "Comparing predictive accuracy in small samples using fixed-smoothing
    asymptotics", Journal of Applied Econometrics 35 (2020), 391-409 (mean losses over several
    steps from origins that overlap: cosine weights, as many as there are horizons).

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"date": pd.date_range("2025-01-01", periods=6).tolist() * 2,
    ...                      "model": ["naive"] * 6 + ["ets"] * 6, "actual": 10.0,
    ...                      "forecast": [12.0, 7, 12, 13, 8, 12, 11, 9, 10.5, 11, 9, 11]})
    >>> compare_models(seen, reference="naive")[["model", "n", "gain"]].round(2)
      model  n  gain
    0   ets  6  0.61
    """
    caller = "compare_models"
    check_choice(loss, "loss", ("absolute", "squared"), caller=caller)
    groups = check_names(by, "by", caller=caller)
    refuse_names(groups, _RESULT, caller=caller, option="by")
    rows = take(
        predictions,
        caller=caller,
        arg="predictions",
        by=groups,
        date=Date(date),
        model=Key("model"),
        actual=Amount("actual", option=""),
        forecast=Amount("forecast", option=""),
        cutoff=Date("cutoff", optional=True),
        step=Amount("step", optional=True),
    )
    frame = pd.DataFrame(index=pd.RangeIndex(len(rows)))
    e = rows["forecast"] - rows["actual"]
    frame["_model"] = rows.frame["model"].astype(str).to_numpy()
    frame["_loss"] = np.abs(e) if loss == "absolute" else e * e
    frame["_date"] = rows["date"]
    frame["_cut"], frame["_end"] = _origins(rows)
    if not isinstance(reference, str) or reference not in set(frame["_model"]):
        known = ", ".join(sorted(set(frame["_model"])))
        raise InputError(f"{caller}(): reference {reference!r} is not a model; there are: {known}.")
    found = factorise(rows.frame, groups) if groups else None
    codes = found.codes if found else np.zeros(len(frame), dtype=np.int64)
    parts, of = [], []
    for code in np.unique(codes):
        made = _of_group(frame[codes == code], reference, caller)
        parts += made
        of += [code] * len(made)
    out = pd.DataFrame(parts, columns=_RESULT)
    if found is None:
        return out
    return pd.concat([found.labels.iloc[of].reset_index(drop=True), out], axis=1)


def _origins(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """When each forecast was made and what it is of, on one scale."""
    dates = rows["date"].astype(np.int64)
    if "cutoff" in rows:
        return rows["cutoff"].astype(np.int64), dates
    place = np.unique(dates, return_inverse=True)[1]
    step = rows["step"] if "step" in rows else np.ones(len(rows))
    return place - step, place


def _of_group(part: pd.DataFrame, reference: str, caller: str) -> list[list[Any]]:
    """One row a model other than the reference."""
    wide = part.pivot_table(
        index=["_cut", "_date"], columns="_model", values="_loss", aggfunc="mean", sort=True
    )
    count = part.pivot_table(
        index=["_cut", "_date"], columns="_model", values="_loss", aggfunc="size", fill_value=0
    )
    short = count.lt(count.max(axis=1), axis=0).any()
    if short.any() or reference not in wide.columns:
        lost = count.columns[short][0] if short.any() else reference
        have, most = int(count.get(lost, pd.Series([0])).sum()), int(count.max(axis=1).sum())
        raise InputError(
            f"{caller}(): model {lost!r} lacks {most - have} of {most} forecasts that others have; "
            "compare models over the same rows (those of all others that it has too)."
        )
    several, overlap = _overlap(part)
    out = []
    for model in wide.columns:
        if model == reference:
            continue
        apart = wide[model] - wide[reference]
        d = apart.groupby(level="_cut", sort=True).mean().to_numpy()
        if not several or not overlap:
            statistic, p = diebold_mariano(d, overlap)
        elif overlap < len(d) - 1:
            statistic, p = cosine_weighted(d, len(d) // (overlap + 1))
        else:  # all that is known is one horizon
            statistic, p = np.nan, np.nan
        base = wide[reference].mean()
        gain = -apart.mean() / base if base > 0 else np.nan
        out.append([model, len(d), gain, statistic, p])
    return out


def _overlap(part: pd.DataFrame) -> tuple[bool, int]:
    """Whether origins forecast several dates each, and how many more begin within a horizon."""
    windows = part.groupby("_cut", sort=True)["_end"].agg(["max", "nunique"])
    later = np.searchsorted(windows.index.to_numpy(), windows["max"].to_numpy())
    within = later - np.arange(1, len(windows) + 1)
    return bool((windows["nunique"] > 1).any()), max(int(within.max()), 0)


def cosine_weighted(d: np.ndarray, waves: int) -> tuple[float, float]:
    """Statistic and two-sided p-value of a mean of zero, the variance by a few slow waves."""
    from scipy.special import stdtr

    n, waves = len(d), max(min(waves, len(d) - 1), 1)
    if n < 3:
        return np.nan, np.nan
    angle = np.pi * np.arange(1, waves + 1)[:, None] * (np.arange(n) + 0.5) / n
    variance = 2 / n * float(((np.cos(angle) @ d) ** 2).mean())
    if not variance > 0:
        return np.nan, np.nan
    statistic = float(d.mean() / np.sqrt(variance / n))
    return statistic, float(2 * stdtr(waves, -abs(statistic)))


def diebold_mariano(d: np.ndarray, lags: int) -> tuple[float, float]:
    """Corrected statistic and two-sided p-value of a mean loss difference of zero."""
    from scipy.special import stdtr

    n = len(d)
    if n < 3:
        return np.nan, np.nan
    lags = min(lags, n - 2)
    z = d - d.mean()
    cov = [float(z[: n - k] @ z[k:]) / n for k in range(lags + 1)]
    variance = cov[0] + 2 * sum(cov[1:])
    if variance <= 0:  # the sum of few autocovariances can be: Bartlett's weights cannot
        variance = cov[0] + 2 * sum((1 - k / (lags + 1)) * c for k, c in enumerate(cov) if k)
    if variance <= 0:
        return np.nan, np.nan
    h = lags + 1
    correct = np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n) if n > h else 1.0
    statistic = float(correct * d.mean() / np.sqrt(variance / n))
    return statistic, float(2 * stdtr(n - 1, -abs(statistic)))
