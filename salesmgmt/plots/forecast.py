"""Figures of the forecast desk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ._style import GREY, PALETTE, axes, finish, money_axis, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["fan_chart"]

_MOST = 6
_FIXED = {"date", "forecast", "status", "model", "cutoff", "actual"}


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
        What :func:`salesmgmt.forecast.forecast` returned, for at most six series.
    history : DataFrame, optional
        One row a key and period with ``date`` and ``amount``, drawn before the forecast.
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
        A column is missing, or there are more than six series.
    """
    frame, ax = axes(result, ["date", "forecast"], ax, lang, caller="plots.fan_chart")
    levels = sorted({float(m[1]) for m in map(re.compile(r"lo_(.+)").fullmatch, frame) if m})
    keys = [c for c in frame.columns if c not in _FIXED and not re.fullmatch(r"(lo|hi)_.+", c)]
    parts = list(frame.groupby(keys, sort=False, observed=True)) if keys else [((), frame)]
    if len(parts) > _MOST:
        raise InputError(
            f"plots.fan_chart(): result holds {len(parts)} series, at most {_MOST} can be told "
            "apart; choose some of them first."
        )
    _check_grain(frame, keys, history)
    for (key, part), colour in zip(parts, PALETTE):
        name = " / ".join(map(str, key)) if keys else t(lang, "forecast", "预测")
        _one(ax, part, levels, name, colour, lang, alone=len(parts) == 1)
        past = history
        for column, value in zip(keys, key):
            past = past[past[column] == value] if past is not None else None
        if past is not None and len(past):
            past = past.sort_values("date")
            alone = len(parts) == 1
            label = t(lang, "actual", "实际") if alone else None
            ax.plot(past["date"], past["amount"], color=GREY if alone else colour,
                    linewidth=1.3, label=label)  # fmt: skip
    if len(parts) > 1:
        _explain_bands(ax, levels, lang)
    money_axis(ax, "y", lang)
    ax.set_ylabel(t(lang, "amount", "金额"))
    return finish(ax, title=t(lang, "Sales forecast", "销售预测"), legend=True)


def _check_grain(frame: Any, keys: list[str], history: Any) -> None:
    """A history finer than the forecast (single receipts) would be drawn as if worth nothing."""
    if history is None:
        return
    absent = [c for c in (*keys, "date", "amount") if c not in history.columns]
    if absent:
        raise InputError(f"plots.fan_chart(): history has no column {absent[0]!r}.")
    past = history.sort_values([*keys, "date"])
    twice = past.duplicated([*keys, "date"]).any()
    groups = past.groupby(keys, observed=True)["date"] if keys else past["date"]
    ahead = frame.sort_values([*keys, "date"])
    steps = (ahead.groupby(keys, observed=True)["date"] if keys else ahead["date"]).diff().min()
    apart = groups.diff().dropna()
    finer = steps == steps and len(apart) > 0 and apart.median() < 0.6 * steps
    if twice or finer:
        raise InputError(
            "plots.fan_chart(): history is finer than the forecast's periods; sum it to one row "
            "a key and period first."
        )


def _one(
    ax: Axes, part: Any, levels: list[float], name: str, colour: str, lang: str, *, alone: bool
) -> None:
    """Bands from the widest to the narrowest, then the line."""
    part = part.sort_values("date")
    when = part["date"].to_numpy()
    for x, shade in zip(levels[::-1], _shades(levels)):
        label = _band_name(x, lang) if alone else None
        ax.fill_between(when, part[f"lo_{x:g}"], part[f"hi_{x:g}"], color=colour, alpha=shade,
                        linewidth=0, label=label)  # fmt: skip
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
    return t(lang, f"{level:g} % interval", f"{level:g}% 区间")
