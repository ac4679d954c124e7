"""What all plots share: fonts that know Chinese, one palette, number formats.

Nothing here is global: fonts and formats are set on the Axes that is drawn.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from .._frames import check_lang, to_pandas
from ..errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BLUE",
    "FAINT",
    "GREEN",
    "GREY",
    "ORANGE",
    "PALETTE",
    "RED",
    "axes",
    "families",
    "finish",
    "money_axis",
    "percent_axis",
    "short_money",
    "t",
]

# Okabe and Ito's colours: distinct for colour-blind readers, and in grey print.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY, FAINT = "#6E6E6E", "#D9D9D9"
PALETTE = (BLUE, ORANGE, GREEN, RED, "#56B4E9", "#CC79A7", "#8C6D31", GREY)

# By name first: asking every font for its glyphs is slow, and "Last Resort" says yes to all.
_CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
)


def axes(
    result: object,
    columns: Sequence[str],
    ax: Axes | None,
    lang: str,
    *,
    caller: str,
    figsize: tuple[float, float] = (8.0, 4.5),
    made_by: str = "the desk",
) -> tuple[pd.DataFrame, Axes]:
    """Check what is to be drawn, by whom it is made, and return it with the Axes to draw on."""
    check_lang(lang, caller=caller)
    frame = to_pandas(result, caller=caller, arg="result")
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise InputError(
            f"{caller}(): result has no column {absent[0]!r}; "
            f"pass what {made_by} returned, unchanged."
        )
    if not len(frame):
        raise InputError(f"{caller}(): result has no rows; there is nothing to draw.")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    elif not hasattr(ax, "fill_between"):
        raise InputError(f"{caller}(): ax must be Axes of matplotlib, got {type(ax).__name__}.")
    return frame, ax


def finish(ax: Axes, *, title: str | None = None, legend: bool = False, grid: str = "y") -> Axes:
    """Quiet frame, light grid, and fonts that can write Chinese on every text of ``ax``."""
    if title:
        ax.set_title(title, loc="left", fontsize=12)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if grid:
        ax.grid(axis=grid, color=FAINT, linewidth=0.6)  # type: ignore[arg-type]
        ax.set_axisbelow(True)
    if legend and ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=9)
    _room_for_days(ax)
    family = list(families())
    ax.tick_params(labelfontfamily=family)  # also for ticks that are made when drawn
    texts = [ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]  # type: ignore[attr-defined]
    texts += [*ax.get_xticklabels(), *ax.get_yticklabels()]
    shown = ax.get_legend()
    if shown is not None:
        texts += [*shown.get_texts(), shown.get_title()]
    for text in texts:
        text.set_fontfamily(family)
    return ax


def _room_for_days(ax: Axes) -> None:
    """Fewer ticks where they are days: their labels are the longest."""
    from matplotlib.dates import DAILY, AutoDateLocator

    locator = ax.xaxis.get_major_locator()
    if isinstance(locator, AutoDateLocator):
        locator.maxticks[DAILY] = 6


@functools.cache
def families() -> tuple[str, ...]:
    """Font families in order: the usual Latin one, the system's Chinese one, the shipped one.

    The shipped font holds the everyday characters; a system font, where there is one, is asked
    first and knows the rare ones too.
    """
    from matplotlib import font_manager

    have = {f.name for f in font_manager.fontManager.ttflist}
    found = [name for name in _CHINESE if name in have][:1]
    for path in sorted(Path(__file__).with_name("fonts").glob("*.[ot]tf")):
        font_manager.fontManager.addfont(path)
        found.append(font_manager.FontProperties(fname=path).get_name())
    return ("DejaVu Sans", *found)


def t(lang: str, en: str, zh: str) -> str:
    """The text in the reader's language."""
    return zh if lang == "zh" else en


def short_money(value: float, lang: str = "en") -> str:
    """1.2M, 340k; in Chinese 120万, 3.4亿."""
    steps = ((1e8, "亿"), (1e4, "万")) if lang == "zh" else ((1e9, "B"), (1e6, "M"), (1e3, "k"))
    for size, word in steps:
        if abs(value) >= size:
            return (
                f"{value / size:.3g}{word}"
                if abs(value) < 1000 * size
                else f"{value / size:,.0f}{word}"
            )
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def money_axis(ax: Axes, which: str = "y", lang: str = "en") -> None:
    """Amounts on an axis, short."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_formatter(lambda value, _: short_money(value, lang))


def percent_axis(ax: Axes, which: str = "y") -> None:
    """Shares (0..1) on an axis as percent, with the digits that each tick needs (2.5%, 5%)."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_formatter(lambda share, _: f"{round(100 * share, 9):g}%".replace("-", "−"))
