"""Figures of the segmentation desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ._style import BLUE, FAINT, GREY, PALETTE, axes, finish, money_axis, short_money, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["rfm_heatmap", "segment_bars"]


def rfm_heatmap(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Customers in each cell of recency score by frequency score, shaded by their money.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.score_grid`` returned.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column of ``score_grid`` is missing.
    """
    columns = ["r", "f", "customers", "amount"]
    frame, ax = axes(result, columns, ax, lang, caller="plots.rfm_heatmap", figsize=(7.0, 5.0))
    size = int(max(frame["r"].max(), frame["f"].max()))
    shade = np.full((size, size), np.nan)
    r, f = frame["r"].to_numpy(int) - 1, frame["f"].to_numpy(int) - 1
    shade[f, r] = frame["amount"].to_numpy(float)
    _cells(ax, shade)
    top = np.nanmax(shade)
    for i, j, n, amount in zip(r, f, frame["customers"], frame["amount"], strict=True):
        colour = "white" if amount > 0.5 * top else "#1d2530"
        text = f"{n:,}\n{short_money(float(amount), lang)}"
        ax.text(i, j, text, ha="center", va="center", color=colour, fontsize=9)
    ax.set_xticks(range(size), [str(i + 1) for i in range(size)])
    ax.set_yticks(range(size), [str(i + 1) for i in range(size)])
    ax.set_xlabel(t(lang, "Recency score (higher: more recent)", "R 分（越高越近）"))
    ax.set_ylabel(t(lang, "Frequency score", "F 分"))
    title = t(lang, "Customers and amount by score", "各评分的客户数与金额")
    return finish(ax, title=title, grid="")


def _cells(ax: Axes, shade: np.ndarray) -> None:
    """Shaded squares with white lines between; empty ones in light grey."""
    from matplotlib.colors import LinearSegmentedColormap

    blues = LinearSegmentedColormap.from_list("shade", ["#EAF2F8", BLUE]).with_extremes(bad=FAINT)
    ax.pcolormesh(
        np.arange(shade.shape[1] + 1) - 0.5,
        np.arange(shade.shape[0] + 1) - 0.5,
        np.ma.masked_invalid(shade),
        cmap=blues,
        edgecolors="white",
        linewidth=1.5,
    )
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def segment_bars(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Money of each segment as bars, with its number of customers.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.segment_summary`` returned.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column of ``segment_summary`` is missing.
    """
    columns = ["label", "customers", "amount"]
    frame, ax = axes(result, columns, ax, lang, caller="plots.segment_bars")
    at = np.arange(len(frame))
    bars = ax.barh(at, frame["amount"].to_numpy(float), color=_colours(len(frame)))
    told = [
        t(lang, f"{n:,} customers", f"{n:,} 家") + _share(frame, i)
        for i, n in enumerate(frame["customers"])
    ]
    ax.bar_label(bars, told, padding=4, fontsize=9, color=GREY)
    ax.set_yticks(at, [str(label) for label in frame["label"]])
    ax.invert_yaxis()
    ax.margins(x=0.22)
    money_axis(ax, "x", lang)
    ax.set_xlabel(t(lang, "Amount", "金额"))
    return finish(ax, title=t(lang, "Amount by segment", "各分群金额"), grid="x")


def _share(frame: pd.DataFrame, i: int) -> str:
    share: Any = frame["amount_share"].iloc[i] if "amount_share" in frame.columns else np.nan
    return "" if pd.isna(share) else f" · {share:.0%}"


def _colours(n: int) -> list[str]:
    return [PALETTE[0]] * n
