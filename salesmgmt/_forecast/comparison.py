"""Whether one model is better than another by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, check_choice, check_names, factorise, take
from ..errors import InputError

__all__ = ["compare_models"]


def compare_models(
    predictions: pd.DataFrame,
    *,
    reference: str = "seasonal_naive",
    by: str | Sequence[str] | None = None,
    loss: str = "absolute",
    date: str = "date",
) -> pd.DataFrame:
    """Test every model of a backtest against one of them (Diebold and Mariano).

    Losses are averaged over series for each date and step, so that series which err together
    count once; the variance of the mean allows for overlapping horizons.

    Parameters
    ----------
    predictions : DataFrame
        What :func:`backtest` returned: ``model``, ``date``, ``actual``, ``forecast``, optionally
        ``cutoff`` and ``step``, and key columns. Not modified. Without ``step`` the dates after
        each cutoff are counted; without both, forecasts are taken to be of one step.
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
        ``by``, ``model``, ``n`` (dates compared), ``gain`` (share of the reference's loss that is
        saved), ``statistic`` (negative: better than the reference), ``p_value`` (two-sided).

    Raises
    ------
    InputError
        The reference is not among the models, or the models do not forecast the same rows.

    References
    ----------
    F. X. Diebold, R. S. Mariano, "Comparing predictive accuracy", Journal of Business & Economic
    Statistics 13 (1995), 253-263. D. Harvey, S. Leybourne, P. Newbold, "Testing the equality of
    prediction mean squared errors", International Journal of Forecasting 13 (1997), 281-291 (the
    correction for few forecasts, and Student's distribution).

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
    frame["_cut"] = rows["cutoff"] if "cutoff" in rows else frame["_date"]
    frame["_step"] = 1.0
    if "step" in rows:
        frame["_step"] = rows["step"]
    elif "cutoff" in rows:  # errors of one origin overlap, whether the column is there or not
        frame["_step"] = frame.groupby("_cut")["_date"].rank(method="dense")
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
    out = pd.DataFrame(parts, columns=["model", "n", "gain", "statistic", "p_value"])
    if found is None:
        return out
    return pd.concat([found.labels.iloc[of].reset_index(drop=True), out], axis=1)


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
    lags = int(part["_step"].max()) - 1
    out = []
    for model in wide.columns:
        if model == reference:
            continue
        d = (wide[model] - wide[reference]).to_numpy()
        statistic, p = diebold_mariano(d, lags)
        base = wide[reference].mean()
        gain = -d.mean() / base if base > 0 else np.nan
        out.append([model, len(d), gain, statistic, p])
    return out


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
