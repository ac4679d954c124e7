"""Figures of the forecast desk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._frames import Amount, Date, Key, take
from ..errors import InputError
from ._style import GREY, PALETTE, axes, finish, legend_below, money_axis, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["fan_chart"]

_MOST = 6
_FIXED = {"date", "forecast", "status", "model", "cutoff", "actual", "step"}
_LATER = {"base", "remaining", "chance", "age", "analogues"}  # no keys after the date
_BOUND = re.compile(r"(lo|hi)_(\d+(?:\.\d+)?)")


def fan_chart(
    result: Any,
    *,
    history: Any = None,
    ax: Axes | None = None,
    lang: str = "en",
) -> Axes:
    """What was sold, what is forecast, and how sure that is.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.forecast.forecast` (or ``forecast_hierarchy``, ``forecast_new``,
        ``forecast_ending``, ``forecast_sparse``) returned, for at most six series.
    history : DataFrame, optional
        One row a key and period with ``date`` and ``amount``, drawn before the forecast; a
        series that it does not have is drawn without.
    ax : Axes, optional
        Axes to draw on; None: new ones.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column is missing (one end of an interval, say), there are more than six series, or
        several forecasts of one date (models, cutoffs).
    """
    frame, ax = axes(result, ["date", "forecast"], ax, lang, caller="plots.fan_chart")
    frame, levels = _levels(frame)
    columns = list(frame.columns)
    made = _FIXED | _LATER.intersection(columns[columns.index("date") :])
    keys = [c for c in columns if c not in made and not _BOUND.fullmatch(str(c))]
    parts = [
        (tuple(part[keys].iloc[0]), part)
        for _, part in frame.groupby(_series(frame, keys), sort=False)
    ]
    if len(parts) > _MOST:
        raise InputError(
            f"plots.fan_chart(): result holds {len(parts)} series, at most {_MOST} can be told "
            "apart; choose some of them first."
        )
    _check_one_forecast(frame, keys)
    past = None if history is None else _take_history(history, frame, keys)
    alone = len(parts) == 1
    for (key, part), colour in zip(parts, PALETTE):
        _one(ax, part, levels, _name(key, lang), colour, lang, alone=alone)
        own = _of_key(past, keys, key)
        if own is not None and len(own):
            label = t(lang, "actual", "实际") if alone else None
            ax.plot(own["date"], own["amount"], color=GREY if alone else colour,
                    linewidth=1.3, label=label)  # fmt: skip
    if len(parts) > 1:
        drawn = [x for x in levels if frame[f"lo_{x:g}"].notna().any()]
        _explain_bands(ax, drawn, lang)
    money_axis(ax, "y", lang)
    ax.set_ylabel(t(lang, "amount", "金额"))
    many = len(parts) > 2
    finish(ax, title=t(lang, "Sales forecast", "销售预测"), legend=not many)
    return legend_below(ax, ncols=4) if many else ax


def _levels(frame: Any) -> tuple[Any, list[float]]:
    """The frame with one way of writing levels, and those whose interval has both of its ends."""
    found = [m for m in map(_BOUND.fullmatch, map(str, frame)) if m]
    names = {m[0]: f"{m[1]}_{float(m[2]):g}" for m in found}
    levels = sorted({float(m[2]) for m in found})
    lost = [n for x in levels for n in (f"lo_{x:g}", f"hi_{x:g}") if n not in names.values()]
    if lost:
        raise InputError(
            f"plots.fan_chart(): result has one end of an interval without {lost[0]!r}; give both, "
            "or drop the one."
        )
    return frame.rename(columns=names), levels


def _series(frame: Any, keys: list[str]) -> np.ndarray:
    """A number a series; a missing key is one of its own."""
    out = np.zeros(len(frame), dtype=np.int64)
    for name in keys:
        code = pd.factorize(frame[name])[0]
        out = np.unique(out * (code.max() + 2) + code + 1, return_inverse=True)[1]
    return out


def _apart(frame: Any, keys: list[str]) -> Any:
    """How far the dates of each series lie apart."""
    ordered = frame.sort_values("date")
    return ordered.groupby(_series(ordered, keys))["date"].diff().dropna()


def _name(key: tuple[Any, ...], lang: str) -> str:
    """A series in words; what is missing in a key column stands for all."""
    if not key:
        return t(lang, "forecast", "预测")
    return " / ".join(str(x) for x in key if not pd.isna(x)) or t(lang, "all", "合计")


def _of_key(past: Any, keys: list[str], key: tuple[Any, ...]) -> Any:
    """The rows of one series in order of time; missing keys are those of sums."""
    if past is None:
        return None
    for column, value in zip(keys, key):
        past = past[past[column].isna() if pd.isna(value) else past[column] == value]
    return past.sort_values("date")


def _check_one_forecast(frame: Any, keys: list[str]) -> None:
    """Several forecasts of one date would be drawn as one line to and fro."""
    if not frame.duplicated([*keys, "date"]).any():
        return
    several = [c for c in ("model", "cutoff") if c in frame and frame[c].nunique() > 1]
    what = f" (by {', '.join(map(repr, several))})" if several else ""
    raise InputError(
        f"plots.fan_chart(): result holds several forecasts of one series and date{what}; choose "
        "one of them first."
    )


def _take_history(history: Any, frame: Any, keys: list[str]) -> Any:
    """Checked rows; a finer history (single receipts) would be drawn as if worth nothing."""
    roles: dict[str, Any] = {
        f"key{i}": Key(c, missing="allow", option="") for i, c in enumerate(keys)
    }
    rows = take(
        history,
        caller="plots.fan_chart",
        arg="history",
        date=Date("date", option=""),
        amount=Amount("amount", missing="allow", option=""),
        **roles,
    )
    past = rows.frame[keys].assign(date=rows["date"], amount=rows["amount"])
    twice = past.duplicated([*keys, "date"]).any()
    steps, apart = _apart(frame, keys).min(), _apart(past, keys)
    finer = steps == steps and len(apart) and apart.median() < 0.6 * steps
    if twice or finer:
        raise InputError(
            "plots.fan_chart(): history is finer than the forecast's periods; sum it to one row "
            "a key and period first."
        )
    return past


def _one(
    ax: Axes, part: Any, levels: list[float], name: str, colour: str, lang: str, *, alone: bool
) -> None:
    """Bands from the widest to the narrowest, then the line."""
    part = part.sort_values("date")
    when = part["date"].to_numpy()
    for x, shade in zip(levels[::-1], _shades(levels)):
        known = part[f"lo_{x:g}"].notna().any()
        label = _band_name(x, lang) if alone and known else None
        low, high = part[f"lo_{x:g}"], part[f"hi_{x:g}"]
        if len(part) == 1:  # a band of no width cannot be seen
            ax.vlines(
                when, low, high, color=colour, alpha=2 * shade, linewidth=8, label=label or ""
            )
        else:
            ax.fill_between(when, low, high, color=colour, alpha=shade, linewidth=0, label=label)
    ax.plot(when, part["forecast"], color=colour, linewidth=2, label=name,
            marker="o" if len(part) == 1 else None)  # fmt: skip


def _explain_bands(ax: Axes, levels: list[float], lang: str) -> None:
    """What the bands of several series mean, without the colour of any."""
    for x, shade in zip(levels[::-1], _shades(levels)):
        ax.fill_between([], [], [], color=GREY, alpha=2 * shade, linewidth=0,
                        label=_band_name(x, lang))  # fmt: skip


def _shades(levels: list[float]) -> np.ndarray:
    return np.linspace(0.14, 0.28, max(len(levels), 1))


def _band_name(level: float, lang: str) -> str:
    return t(lang, f"{level:g} % interval", f"{level:g}% 预测区间")
