"""Figures of the credit models: scores with cut-offs, calibration, the cash fan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..errors import InputError
from ._style import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    RED,
    axes,
    finish,
    letters,
    money_axis,
    percent_axis,
    room,
    t,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["calibration_curve", "cash_fan", "score_distribution"]


def score_distribution(
    result: pd.DataFrame,
    *,
    ax: Axes | None = None,
    lang: str = "en",
    cutoffs: Sequence[float] = (),
) -> Axes:
    """Score bands, good and bad apart, with the cut-offs under which applications are refused.

    Parameters
    ----------
    result : DataFrame
        ``CreditScorecard.bands``, with or without classes.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of title, axes and legend.
    cutoffs : sequence of float
        Scores to mark; each says what share of rows is at or above it: between two shares, if it
        lies inside a band.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    caller = "plots.score_distribution"
    frame, ax = axes(result, ["low", "high", "rows", "approved"], ax, lang, caller=caller)
    low = frame["low"].to_numpy(dtype=float)
    width = frame["high"].to_numpy(dtype=float) - low + 1
    rows = frame["rows"].to_numpy(dtype=float)
    style = {"width": 0.9 * width, "align": "center"}
    if "bad" in frame:
        bad = frame["bad"].to_numpy(dtype=float)
        ax.bar(low + width / 2, rows - bad, color=BLUE, label=t(lang, "good", "好客户"), **style)
        label = t(lang, "bad", "坏客户")
        ax.bar(low + width / 2, bad, bottom=rows - bad, color=ORANGE, label=label, **style)
    else:
        ax.bar(low + width / 2, rows, color=BLUE, label=t(lang, "all", "全部"), **style)
    top = float(rows.max())
    cuts = sorted(np.atleast_1d(cutoffs).tolist())
    told = []
    for cut in cuts:
        pass_ = _passing(frame, cut)
        told.append(t(lang, f"{cut:g}: {pass_} pass", f"{cut:g}分：通过 {pass_}"))
    span = max([low[-1] + width[-1], *cuts]) - min([low[0], *cuts])
    ax.locator_params(axis="y", integer=True)  # no half customers
    steps = _steps(cuts, [(5.6 * letters(x) + 8) / room(ax) * span for x in told])
    ax.set_ylim(0, top * (1.11 + 0.07 * max(steps, default=1)))
    for k, cut, text in zip(steps, cuts, told):
        ax.axvline(cut, color=RED, linewidth=1.4, linestyle="--")
        height = top * (1.07 + 0.07 * k)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        ax.text(cut, height, f" {text}", color=RED, fontsize=9, va="top", ha="left", bbox=box)
    ax.set_xlabel(t(lang, "score", "评分"))
    ax.set_ylabel(t(lang, "customers", "客户数"))
    title = t(lang, "Distribution of scores", "评分分布")
    return finish(ax, title=title, legend=True)


def _steps(cuts: list[float], widths: list[float]) -> list[int]:
    """How high each cut-off's words stand, so that they do not hide those further left."""
    ends: list[float] = []  # of the words on each step
    out = []
    for cut, wide in zip(cuts, widths):
        free = next((k for k, end in enumerate(ends) if end <= cut), len(ends))
        ends[free:] = [cut + wide, *ends[free + 1 :]]
        out.append(free)
    most = max(out, default=0)
    return [most - k for k in out]  # the first stands on top


def _passing(bands: pd.DataFrame, cut: float) -> str:
    """Share at or above a cut-off, as far as the bands tell."""
    starts = np.append(bands["low"].to_numpy(dtype=float), bands["high"].iloc[-1] + 1.0)
    above = np.append(bands["approved"].to_numpy(dtype=float), 0.0)
    after = int(np.searchsorted(starts, cut, side="left"))
    within = int(np.searchsorted(starts, cut, side="right")) - 1
    least, most = (f"{above[k]:.0%}" for k in (min(after, len(above) - 1), max(within, 0)))
    return least if least == most else f"{least}–{most}"


def calibration_curve(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Predicted against observed bad rates, with the interval of what was observed.

    Parameters
    ----------
    result : DataFrame
        ``CreditScorecard.calibration``.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of title and axes.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    columns = ["predicted", "observed", "low", "high", "rows"]
    frame, ax = axes(result, columns, ax, lang, caller="plots.calibration_curve", figsize=(6, 5))
    x, y = frame["predicted"].to_numpy(), frame["observed"].to_numpy()
    span = np.abs(np.stack([y - frame["low"].to_numpy(), frame["high"].to_numpy() - y]))
    top = 1.06 * float(max(x.max(), frame["high"].max()))
    ax.plot([0, top], [0, top], color=GREY, linewidth=1, linestyle="--",
            label=t(lang, "as predicted", "预测等于实际"))  # fmt: skip
    ax.errorbar(x, y, yerr=span, fmt="o", color=BLUE, ecolor=FAINT, elinewidth=3, capsize=0,
                label=t(lang, "observed, 95 % interval", "实际，95% 区间"))  # fmt: skip
    ax.set(xlim=(0, top), ylim=(0, top))
    percent_axis(ax, "x")
    percent_axis(ax, "y")
    ax.set_xlabel(t(lang, "predicted bad rate", "预测坏客户率"))
    ax.set_ylabel(t(lang, "observed bad rate", "实际坏客户率"))
    return finish(ax, title=t(lang, "Calibration", "校准"), legend=True)


def cash_fan(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Expected cash by period with its band; planned sales on top of open invoices.

    Parameters
    ----------
    result : DataFrame
        A ``cash_forecast`` of one key: choose the rows of one currency or group first.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of title, axes and legend.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    columns = ["date", "period_end", "expected", "p10", "p90", "from_open", "from_sales", "due"]
    frame, ax = axes(result, columns, ax, lang, caller="plots.cash_fan")
    if frame["date"].duplicated().any():
        raise InputError(
            "plots.cash_fan(): result holds several keys; choose one first, such as "
            "result[result['currency'] == 'CNY']."
        )
    place = np.arange(len(frame))
    opened = frame["from_open"].to_numpy(dtype=float)
    planned = frame["from_sales"].to_numpy(dtype=float)
    ax.bar(place, opened, color=BLUE, width=0.7, label=t(lang, "open invoices", "未收账款"))
    if planned.any():
        label = t(lang, "planned sales", "计划销售")
        ax.bar(place, planned, bottom=opened, color="#56B4E9", width=0.7, label=label)
    middle = frame["expected"].to_numpy(dtype=float)
    low, high = frame["p10"].to_numpy(dtype=float), frame["p90"].to_numpy(dtype=float)
    span = np.clip(np.stack([middle - low, high - middle]), 0, None)
    ax.errorbar(place, middle, yerr=span, fmt="none", ecolor="#333333", elinewidth=1.4, capsize=5,
                label=t(lang, "80 % band", "80% 预测区间"))  # fmt: skip
    ax.plot(place, frame["due"].to_numpy(dtype=float), linestyle="none", marker="D",
            color=ORANGE, markersize=6, label=t(lang, "falls due", "当期到期"))  # fmt: skip
    ends = pd.DatetimeIndex(frame["period_end"])
    form, most = ("%m-%d", 8) if ends.year.nunique() < 2 else ("%Y-%m-%d", 5)
    shown = place[:: -(-len(place) // most)]
    ax.set_xticks(shown, [ends[k].strftime(form) for k in shown])
    ax.set_xlabel(t(lang, "period ending", "期末"))
    if not (low.min() < 0 or opened.min() < 0):  # credit notes may be more than is owed
        ax.set_ylim(0, None)
    money_axis(ax, "y", lang)
    day = pd.Timestamp(frame["as_of"].iloc[0]).date()
    title = t(lang, f"Expected cash, seen on {day}", f"预计回款（截至 {day}）")
    return finish(ax, title=title, legend=True)
