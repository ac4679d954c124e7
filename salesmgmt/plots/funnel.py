"""Figures of the funnel desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._style import BLUE, FAINT, GREY, ORANGE, axes, finish, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["conversion"]


def conversion(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Conversion: a bar a step, split by what became of those who reached it.

    The rate from the step before, with its interval, stands beside each bar.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.funnel.conversion` returned. With groups: one set of bars each.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}
        Language of the words.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Not a result of ``conversion``.
    """
    needed = ["step", "stage", "entered", "rate", "lo", "hi", "went_on", "lost", "open"]
    frame, ax = axes(result, needed, ax, lang, caller="plots.conversion")
    groups = list(frame.columns[: list(frame.columns).index("step")])
    y = np.arange(len(frame))
    left = np.zeros(len(frame))
    for column, colour, en, zh in (
        ("went_on", BLUE, "went on", "进入下一步"),
        ("open", ORANGE, "still open", "仍在进行"),
        ("lost", FAINT, "lost", "流失"),
    ):
        width = frame[column].to_numpy(dtype=float)
        ax.barh(y, width, left=left, color=colour, label=t(lang, en, zh), height=0.62)
        left += width
    most = max(float(left.max()), 1.0)
    for i, row in enumerate(frame.itertuples(index=False)):
        ax.text(left[i] + most * 0.012, i, _beside(row), va="center", fontsize=8.5, color=GREY)
    ax.set_yticks(y, [_name(row, groups) for _, row in frame.iterrows()])
    ax.invert_yaxis()
    ax.set_xlim(0, most * 1.42)
    ax.set_xlabel(t(lang, "deals", "商机数"))
    finish(ax, title=t(lang, "Conversion by stage", "各阶段转化"), grid="x")
    return _legend_outside(ax)


def _beside(row: object) -> str:
    entered, rate = int(row.entered), float(row.rate)  # type: ignore[attr-defined]
    if np.isnan(rate):
        return f"{entered:,}"
    lo, hi = float(row.lo), float(row.hi)  # type: ignore[attr-defined]
    return f"{entered:,}   {rate:.1%}  [{lo:.1%}, {hi:.1%}]"


def _name(row: pd.Series, groups: list[str]) -> str:
    return " / ".join([*(str(row[g]) for g in groups), str(row["stage"])])


def _legend_outside(ax: Axes) -> Axes:
    from ._style import families

    ax.legend(
        frameon=False,
        fontsize=9,
        loc="lower right",
        prop={"family": list(families()), "size": 9},
    )
    return ax
