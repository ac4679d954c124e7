"""Figures of the targets desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._style import axes, finish, short_money, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plan_heatmap"]

_NO_KEYS = {"measure", "period_start", "period_end", "target", "assigned"}


def plan_heatmap(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Draw a plan as a heat map: keys down, periods across, the target as colour.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.targets.decompose` or ``roll_up`` returned; up to some 40 keys and
        60 periods stay readable.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}, default="en"
        Language of the labels.

    Returns
    -------
    Axes
        With one cell a key and period; amounts are written in where there is room.

    Raises
    ------
    InputError
        A column of the plan is missing.

    Examples
    --------
    >>> from salesmgmt import plots, targets
    >>> plan = targets.decompose(1200, periods=("2026-01-01", "2026-12-31", "M"))
    >>> plots.plan_heatmap(plan).get_xlabel()
    ''
    """
    frame, ax = axes(
        result, ["period_start", "target"], ax, lang, caller="plots.plan_heatmap", figsize=(9, 5)
    )
    keys = [c for c in frame.columns if c not in _NO_KEYS]
    names = (
        frame[keys].astype(str).agg(" / ".join, axis=1)
        if keys
        else pd.Series(t(lang, "plan", "计划"), index=frame.index)
    )
    # Laid out, not computed: each row of the plan is one cell.
    table = pd.DataFrame(
        {"key": names.to_numpy(), "at": frame["period_start"], "target": frame["target"]}
    ).pivot_table(index="key", columns="at", values="target", aggfunc="sum", sort=False)
    image = ax.pcolormesh(table.to_numpy(), cmap="Blues", edgecolors="white", linewidth=0.8)
    ax.invert_yaxis()
    starts = pd.DatetimeIndex(table.columns)
    stride = max(1, len(starts) // 12)
    shown = np.arange(0, len(starts), stride)
    monthly = len(starts) < 2 or (np.diff(starts.to_numpy()) > np.timedelta64(26, "D")).all()
    style = "%Y-%m" if monthly else "%m-%d"
    ax.set_xticks(shown + 0.5, [starts[i].strftime(style) for i in shown], fontsize=8)
    every = max(1, len(table) // 40)
    rows = np.arange(0, len(table), every)
    ax.set_yticks(rows + 0.5, [str(table.index[i]) for i in rows], fontsize=8)
    if table.size <= 160:
        dark = np.nanmean([np.nanmin(table.to_numpy()), np.nanmax(table.to_numpy())])
        for (i, j), value in np.ndenumerate(table.to_numpy()):
            colour = "white" if value > dark else "black"
            words = short_money(value, lang) if np.isfinite(value) else ""
            ax.text(j + 0.5, i + 0.5, words, ha="center", va="center", fontsize=7, color=colour)
    else:
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01)
        bar.ax.yaxis.set_major_formatter(lambda value, _: short_money(value, lang))
        bar.outline.set_visible(False)  # type: ignore[operator]
    return finish(ax, title=t(lang, "Target by period", "各期目标"), grid="")
