"""What all plots share: fonts that know Chinese, one palette, number formats.

Nothing here is global: fonts and formats are set on the Axes that is drawn.
"""

from __future__ import annotations

import functools
import unicodedata
import weakref
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .._frames import check_lang, to_pandas, warn
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
    "grow",
    "labels_beside",
    "legend",
    "legend_below",
    "letters",
    "money_axis",
    "percent_axis",
    "reach",
    "room",
    "rows_down",
    "short_money",
    "shortened",
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
_MADE: weakref.WeakSet[Any] = weakref.WeakSet()  # the same, also when they are finished


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
        _MADE.add(figure)
    elif not hasattr(ax, "fill_between"):
        raise InputError(f"{caller}(): ax must be Axes of matplotlib, got {type(ax).__name__}.")
    return frame, ax


def finish(ax: Axes, *, title: str | None = None, legend: bool = False, grid: str = "y") -> Axes:
    """Quiet frame, light grid, and fonts that can write Chinese on every text of ``ax``."""
    if title:
        ax.set_title(title, loc="left", fontsize=12)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    dark = _is_dark(ax)
    if dark:
        _on_dark(ax)
    if grid:
        ax.grid(axis=grid, color=_NIGHT[FAINT] if dark else FAINT, linewidth=0.6)  # type: ignore[arg-type]
        ax.set_axisbelow(True)
    if legend and ax.get_legend_handles_labels()[0]:
        wide = max(map(letters, ax.get_legend_handles_labels()[1])) > 24
        # lines may have to run behind it: on a plate, which is see-through, both can be read
        ax.legend(frameon=True, facecolor=ax.get_facecolor(), framealpha=0.75, edgecolor="none",
                  fontsize=9 if room(ax) > 300 else 7)  # fmt: skip
        if wide:  # names that long would lie on what is drawn
            legend_below(ax, ncols=2)
    _room_for_days(ax)
    _room_for_numbers(ax)
    ax.tick_params(labelfontfamily=list(families()))  # also for ticks that are made when drawn
    texts = [ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]  # type: ignore[attr-defined]
    texts += [*ax.get_xticklabels(), *ax.get_yticklabels()]
    shown = ax.get_legend()
    if shown is not None:
        texts += [*shown.get_texts(), shown.get_title()]
    _as_written(texts)
    _tell_boxes(texts)
    if ax.figure in _OURS:
        _OURS.discard(ax.figure)  # once
        widen(ax)
    return ax


def _as_written(texts: Iterable[Text]) -> None:
    """Fonts that know Chinese; names such as ``US$ / HK$`` are names, not formulas."""
    for text in texts:
        text.set_fontfamily(list(families()))
        text.set_parse_math(False)


def _tell_boxes(texts: Iterable[Text]) -> None:
    """Rare characters that no font at hand can write, and what to do about them."""
    known = _known_characters()
    lacking = {c for text in texts for c in text.get_text() if known and ord(c) not in known}
    lacking -= {"\n"}
    if lacking:
        first = ", ".join(f"{c} (U+{ord(c):04X})" for c in sorted(lacking)[:5])
        warn(
            f"plots: no font here has {len(lacking)} character(s) of the labels ({first}); they "
            "are drawn as boxes. Install a Chinese font such as Noto Sans CJK (fonts-noto-cjk), "
            "then remove the folder that matplotlib.get_cachedir() names, so that it is found."
        )


@functools.cache
def _known_characters() -> frozenset[int]:
    """What can be written without a Chinese font of the system; empty where there is one."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    if set(families()) & set(_CHINESE):
        return frozenset()
    named = [font_manager.FontProperties(family=[name]) for name in families()]
    paths = [font_manager.findfont(name) for name in named]
    return frozenset(code for path in paths for code in FT2Font(path).get_charmap())


def legend(ax: Axes, **options: Any) -> Axes:
    """A legend that :func:`finish` does not make: at a place of its own.

    Outside the Axes only where nothing else stands there: in a grid of the caller's it would lie
    on the neighbours.
    """
    if "bbox_to_anchor" in options and _has_neighbours(ax):
        return _legend_above(ax, ncols=options.get("ncols", 1))
    shown = ax.legend(**{"frameon": False, "fontsize": 9, **options})
    _as_written([*shown.get_texts(), shown.get_title()])
    return ax


def _has_neighbours(ax: Axes) -> bool:
    """Whether the caller's figure holds Axes at another place."""
    if ax.figure in _MADE:
        return False
    place = ax.get_position().bounds
    others = ax.figure.figure.axes  # of the whole figure, also where this is a part of one
    return any(o is not ax and o.get_position().bounds != place for o in others)


def _legend_above(ax: Axes, *, ncols: int, fontsize: float = 7.0) -> Axes:
    """A legend inside, over what is drawn, for which the scale is made longer at its upper end."""
    wide = room(ax)
    names = ax.get_legend_handles_labels()[1]
    most = max(int((wide - 30) / (0.6 * fontsize)), 8)
    widest = min(max(map(letters, names), default=1), most)
    ncols = max(1, min(ncols, int(wide / (0.6 * fontsize * widest + 30))))
    shown = ax.legend(frameon=True, facecolor=ax.get_facecolor(), framealpha=0.75, ncols=ncols,
                      edgecolor="none", fontsize=fontsize, loc="upper left", labelspacing=0.25,
                      columnspacing=1.0, borderaxespad=0.2)  # fmt: skip
    for text in shown.get_texts():
        text.set_text(shortened(text.get_text(), most))
    _as_written([*shown.get_texts(), shown.get_title()])
    if ax.get_yscale() == "linear":
        high = 72 * ax.get_window_extent().height / ax.figure.dpi
        taken = min((1.35 * fontsize * -(-len(names) // ncols) + 8) / max(high, 1.0), 0.5)
        low, top = ax.get_ylim()
        ax.set_ylim(low, low + (top - low) / (1 - taken))
    return ax


def legend_below(ax: Axes, *, ncols: int = 3, points: float = 34.0) -> Axes:
    """The legend so many points under the axis, where it hides nothing."""
    from matplotlib.transforms import ScaledTranslation

    # what is wider than the figure would squeeze the axes to nothing
    widest = max(map(letters, ax.get_legend_handles_labels()[1]), default=1)
    ncols = max(1, min(ncols, int(room(ax) / (4.6 * widest + 40))))
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


def grow(ax: Axes, rows: int, *, row: float = 0.2) -> None:
    """Height for so many rows of text in a figure made here; below it they would touch."""
    if ax.figure in _OURS:
        width, height = ax.figure.get_size_inches()  # type: ignore[union-attr]
        ax.figure.set_size_inches(width, max(height, 1.5 + row * rows))  # type: ignore[union-attr]


def reach(ax: Axes, *shares: Iterable[float], least: float, below: bool = False) -> float:
    """End of an axis of shares, one or more a row; a row in ten that lies far beyond is told.

    Beside one bar of 2000 % the others are nothing: it leaves the axis then, and its numbers stand
    at the end of it. Rows are at heights from 0 on. ``below``: the lower end, 0 or less.
    """
    sign = -1 if below else 1
    rows = [[float(v) for v in row if v == v] for row in zip(*shares, strict=True)]
    lengths = [max([0.0, *(sign * v for v in row)]) for row in rows]
    ordered = sorted(lengths, reverse=True)
    most = max(ordered[:1] + [least])
    for far in range(1, len(ordered) // 10 + 1):
        rest = max(ordered[far], least)
        if ordered[far - 1] > 5 * rest:
            most = 1.25 * rest
    for at, value in enumerate(lengths):
        if value > most:
            plate = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 1.0}
            told = " / ".join(_percent(float(f"{v:.3g}")) for v in rows[at])
            ax.text(sign * 0.97 * most, at, f"← {told}" if below else f"{told} →", va="center",
                    ha="left" if below else "right", fontsize=8, bbox=plate)  # fmt: skip
    return sign * most


def widen(ax: Axes) -> None:
    """Room in the figure for long names of rows, which would squeeze what is drawn."""
    if not ax.axison:
        return
    labels = [letters(x.get_text()) * float(x.get_fontsize()) for x in ax.get_yticklabels()]
    more = max(labels, default=0.0) * 0.52 / 72 - 1.8
    if more > 0:
        width, height = ax.figure.get_size_inches()  # type: ignore[union-attr]
        ax.figure.set_size_inches(width + more, height)  # type: ignore[union-attr]


def letters(text: str) -> int:
    """Width of a text in letters; a Chinese character is two wide."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shortened(text: str, most: int) -> str:
    """A text of so many letters at most, what is left out in the middle told by dots."""
    if letters(text) <= most:
        return text
    keep = max(most - 1, 2)
    head, tail = text, text
    while letters(head) > keep - keep // 3:
        head = head[:-1]
    while letters(tail) > keep // 3:
        tail = tail[1:]
    return f"{head}…{tail}"


def day_names(days: Iterable[Any]) -> list[str]:
    """Days as labels: ``2026-01`` where all are first days of months, ``2026`` of years."""
    stamps = [pd.Timestamp(day) for day in days]
    several = len(set(stamps)) > 1  # a single 1 January may be a month as well
    if any(stamp != stamp.normalize() for stamp in stamps):
        form = "%m-%d %H:%M"
    elif several and all((s.month, s.day) == (1, 1) for s in stamps):
        form = "%Y"
    else:
        form = "%Y-%m" if all(stamp.day == 1 for stamp in stamps) else "%Y-%m-%d"
    return [stamp.strftime(form) for stamp in stamps]


def room(ax: Axes) -> float:
    """Width of what is drawn, in points; of a figure made here nearly the whole figure."""
    if ax.figure in _OURS:
        return 0.92 * 72 * float(ax.figure.get_size_inches()[0])  # type: ignore[union-attr]
    return 72 * ax.get_window_extent().width / ax.figure.dpi


def labels_beside(ax: Axes, long: int) -> int:
    """How many labels of so many letters fit beside each other under the axis; one at least."""
    return max(1, int(room(ax) / (6.2 * long + 8)))


def _room_for_days(ax: Axes) -> None:
    """As many ticks of dates as their labels have room; those of days are the longest."""
    from matplotlib.dates import DAILY, HOURLY, MONTHLY, YEARLY, AutoDateLocator

    locator = ax.xaxis.get_major_locator()
    if not isinstance(locator, AutoDateLocator):
        return
    if 0 <= ax.dataLim.width < 1e-9:  # one date: Matplotlib would show the years around it
        _one_date(ax)
        return
    for unit, long, most in ((YEARLY, 4, 11), (MONTHLY, 7, 12), (DAILY, 10, 6), (HOURLY, 8, 12)):
        locator.maxticks[unit] = min(most, max(labels_beside(ax, long), 3))
    # fewer at least, or a stretch between two units would find no step that fits
    least = (min(locator.maxticks[MONTHLY], locator.maxticks[HOURLY]) - 1) // 2
    locator.minticks = max(1, min(5, least))


def _room_for_numbers(ax: Axes) -> None:
    """As many numbers under the axis as have room: ``−80,000%`` is wider than Matplotlib thinks."""
    from matplotlib.ticker import AutoLocator, FuncFormatter

    axis = ax.xaxis
    locator, form = axis.get_major_locator(), axis.get_major_formatter()
    if not isinstance(locator, AutoLocator) or not isinstance(form, FuncFormatter):
        return
    low, high = ax.get_xlim()
    told = form.format_ticks([x for x in locator.tick_values(low, high) if low <= x <= high])
    fit = labels_beside(ax, max(map(letters, told), default=1))
    if len(told) > fit:
        locator.set_params(nbins=max(fit - 1, 2))


def _one_date(ax: Axes) -> None:
    from matplotlib.dates import num2date

    only = ax.dataLim.x0
    told = num2date(only)
    ax.set_xticks([only], [told.strftime("%Y-%m-%d" if told.hour == 0 else "%m-%d %H:%M")])
    ax.set_xlim(only - 15, only + 15)


_NIGHT = {"#000000": "#FFFFFF", GREY: "#B4B4B4", FAINT: "#4A4A4A"}  # the same on a dark ground


def _is_dark(ax: Axes) -> bool:
    """Whether the ground is dark, which the caller's style decides."""
    from matplotlib.colors import to_rgba

    ground = to_rgba(ax.get_facecolor())
    if ground[3] < 0.5:
        ground = to_rgba(ax.figure.get_facecolor())
    return ground[3] >= 0.5 and sum(ground[:3]) < 1.2


def _on_dark(ax: Axes) -> None:
    """What is drawn black, grey or hardly visible, so that it shows on a dark ground."""
    from matplotlib.colors import same_color, to_hex

    def turned(colour: Any) -> str | None:
        return _NIGHT.get(to_hex(colour).upper())

    for line in ax.lines:
        new = turned(line.get_color())
        if new:
            line.set_color(new)
    for drawn in ax.collections:
        alpha = drawn.get_alpha()
        if isinstance(alpha, float) and alpha < 0.5:
            drawn.set_alpha(min(0.6, 2 * alpha))
        for which in ("facecolor", "edgecolor"):
            colours = getattr(drawn, f"get_{which}")()
            new = turned(colours[0]) if len(colours) == 1 else None
            if new:
                getattr(drawn, f"set_{which}")(new)
    for text in ax.texts:
        plate = text.get_bbox_patch()
        if plate is not None and same_color(to_hex(plate.get_facecolor()), "white"):
            plate.set_facecolor(ax.get_facecolor())
        if to_hex(text.get_color()).upper() == GREY:  # black was chosen for a light cell
            text.set_color(_NIGHT[GREY])


@functools.cache
def families() -> tuple[str, ...]:
    """Font families in order: the usual Latin one, the system's Chinese one, the shipped one.

    The shipped font holds the everyday characters; a system font, where there is one, is asked
    first and knows the rare ones too; what none of them knows, ``finish`` warns of.
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
            apart = min((b - a for a, b in pairwise(sorted(set(locs)))), default=0.0)
            while self.digits < 12 and any(self._off(x) > 0.02 * apart for x in locs):
                self.digits += 1

        def _off(self, value: float) -> float:
            """How far a label lies from where it stands (107.5 is not 108)."""
            return abs(float(f"{value:.{self.digits}g}") - value)

    axis = ax.yaxis if which == "y" else ax.xaxis
    shown = Money(lambda value, _: short_money(value, lang, shown.digits))
    axis.set_major_formatter(shown)


def percent_axis(ax: Axes, which: str = "y") -> None:
    """Shares (0..1) on an axis as percent, with the digits that each tick needs (2.5%, 5%)."""
    axis = ax.yaxis if which == "y" else ax.xaxis
    axis.set_major_formatter(lambda share, _: _percent(share))


def _percent(share: float) -> str:
    return f"{float(f'{100 * share:.6g}'):,.12g}%".replace("-", "−")
