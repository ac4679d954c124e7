"""What all plots share: fonts that know Chinese, one palette, number formats.

Nothing here is global: fonts and formats are set on the Axes that is drawn.
"""

from __future__ import annotations

import functools
import unicodedata
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .._frames import check_lang, to_pandas
from ..errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = [
    "BLUE",
    "FAINT",
    "GREEN",
    "GREY",
    "ORANGE",
    "PALETTE",
    "RED",
    "axes",
    "day_names",
    "families",
    "finish",
    "legend",
    "legend_below",
    "money_axis",
    "percent_axis",
    "rows_down",
    "short_money",
    "t",
    "tall",
    "widen",
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


_OURS: weakref.WeakSet[Any] = weakref.WeakSet()  # figures made here: their size is ours to set


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

        figure, ax = plt.subplots(figsize=figsize, layout="constrained")
        _OURS.add(figure)
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
        wide = max(map(_width, ax.get_legend_handles_labels()[1])) > 24
        ax.legend(frameon=False, fontsize=9)
        if wide:  # names that long would lie on what is drawn
            legend_below(ax, ncols=2)
    _room_for_days(ax)
    ax.tick_params(labelfontfamily=list(families()))  # also for ticks that are made when drawn
    texts = [ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]  # type: ignore[attr-defined]
    texts += [*ax.get_xticklabels(), *ax.get_yticklabels()]
    shown = ax.get_legend()
    if shown is not None:
        texts += [*shown.get_texts(), shown.get_title()]
    _as_written(texts)
    if ax.figure in _OURS:
        _OURS.discard(ax.figure)  # once
        widen(ax)
    return ax


def _as_written(texts: Iterable[Text]) -> None:
    """Fonts that know Chinese; names such as ``US$ / HK$`` are names, not formulas."""
    for text in texts:
        text.set_fontfamily(list(families()))
        text.set_parse_math(False)


def legend(ax: Axes, **options: Any) -> Axes:
    """A legend that :func:`finish` does not make: at a place of its own."""
    shown = ax.legend(**{"frameon": False, "fontsize": 9, **options})
    _as_written([*shown.get_texts(), shown.get_title()])
    return ax


def legend_below(ax: Axes, *, ncols: int = 3, points: float = 34.0) -> Axes:
    """The legend so many points under the axis, where it hides nothing."""
    from matplotlib.transforms import ScaledTranslation

    under = ScaledTranslation(0, -points / 72, ax.figure.dpi_scale_trans)
    return legend(
        ax,
        fontsize=8,
        ncols=ncols,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=ax.transAxes + under,
    )


def rows_down(ax: Axes, names: Iterable[object], *, fontsize: float = 9.0) -> None:
    """One row a name from the top down, without empty rows above and below."""
    told = [str(name) for name in names]
    ax.set_yticks(range(len(told)), told, fontsize=fontsize)
    ax.set_ylim(len(told) - 0.4, -0.6)


def tall(result: object, *, width: float = 8.0, row: float = 0.3, least: float = 4.5) -> Any:
    """Size of a figure with a line of text a row, where there are many."""
    rows = len(result) if hasattr(result, "__len__") else 0
    return width, max(least, 1.5 + row * rows)


def widen(ax: Axes) -> None:
    """Room in the figure for long names of rows, which would squeeze what is drawn."""
    if not ax.axison:
        return
    labels = [_width(x.get_text()) * float(x.get_fontsize()) for x in ax.get_yticklabels()]
    more = max(labels, default=0.0) * 0.52 / 72 - 1.8
    if more > 0:
        width, height = ax.figure.get_size_inches()  # type: ignore[union-attr]
        ax.figure.set_size_inches(width + more, height)  # type: ignore[union-attr]


def _width(text: str) -> int:
    """Width of a text in letters; a Chinese character is two wide."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def day_names(days: Iterable[Any]) -> list[str]:
    """Days as labels: ``2026-01`` where all are first days of months."""
    stamps = [pd.Timestamp(day) for day in days]
    form = "%Y-%m" if all(stamp.day == 1 for stamp in stamps) else "%Y-%m-%d"
    return [stamp.strftime(form) for stamp in stamps]


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


def short_money(value: float, lang: str = "en", digits: int = 3) -> str:
    """1.2M, 340k; in Chinese 120万, 3.4亿."""
    english = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
    chinese = ((1e12, "万亿"), (1e8, "亿"), (1e4, "万"))
    for size, word in chinese if lang == "zh" else english:
        if float(f"{abs(value) / size:.{digits}g}") >= 1:  # as it is written: 999,700 is 1M
            return _digits(value / size, digits) + word
    return _digits(value, digits)


def _digits(value: float, digits: int) -> str:
    """So many digits, without an exponent where the number is large."""
    if abs(float(f"{value:.{digits}g}")) < 1000:
        return f"{value:.{digits}g}"
    whole = len(f"{abs(value):.0f}")
    return f"{value:,.{max(digits - whole, 0)}f}"


def money_axis(ax: Axes, which: str = "y", lang: str = "en") -> None:
    """Amounts on an axis, short, with the digits that tell the ticks apart."""
    from matplotlib.ticker import FuncFormatter

    class Money(FuncFormatter):
        digits = 3

        def set_locs(self, locs: Any) -> None:
            self.digits = 3
            while self.digits < 12 and len({self(x) for x in locs}) < len(set(locs)):
                self.digits += 1

    axis = ax.yaxis if which == "y" else ax.xaxis
    shown = Money(lambda value, _: short_money(value, lang, shown.digits))
    axis.set_major_formatter(shown)


def percent_axis(ax: Axes, which: str = "y") -> None:
    """Shares (0..1) on an axis as percent, with the digits that each tick needs (2.5%, 5%)."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_formatter(lambda share, _: f"{round(100 * share, 9):g}%".replace("-", "−"))
