"""Figures of the funnel desk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._frames import check_int
from ..errors import InputError
from ._style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    PALETTE,
    RED,
    axes,
    day_names,
    finish,
    grow,
    legend,
    money_axis,
    percent_axis,
    room,
    rows_down,
    short_money,
    shortened,
    t,
    tall,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bookings", "calibration", "conversion", "dwell", "moves", "outcomes", "waterfall"]

_MOST = 8  # curves that have a colour of their own


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
    frame, ax = axes(result, needed, ax, lang, caller="plots.conversion", figsize=tall(result))
    groups = _keys(frame, "step")
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
    rows_down(ax, [_counted(_name(row, groups), lang) for _, row in frame.iterrows()])
    ax.set_xlim(0, most * 1.5)
    ax.locator_params(axis="x", integer=True)  # no half deals
    ax.set_xlabel(t(lang, "deals", "商机数"))
    finish(ax, title=t(lang, "Conversion by stage", "各阶段转化"), grid="x")
    return legend(ax, loc="lower right")


def _keys(frame: pd.DataFrame, first: str) -> list[str]:
    """Group columns: those that stand before the result's own first one."""
    return list(frame.columns[: list(frame.columns).index(first)])


def _beside(row: object) -> str:
    entered, rate = int(row.entered), float(row.rate)  # type: ignore[attr-defined]
    if np.isnan(rate):
        return f"{entered:,}"
    lo, hi = float(row.lo), float(row.hi)  # type: ignore[attr-defined]
    return f"{entered:,}   {rate:.1%}  [{lo:.1%}, {hi:.1%}]"


def _name(row: pd.Series, groups: list[str]) -> str:
    return " / ".join([*(str(row[g]) for g in groups), str(row["stage"])])


def _counted(name: str, lang: str) -> str:
    """Numbers of steps done in any order, in the language of the figure."""
    return re.sub(r"(\d+) of (\d+)$", r"\1/\2 步", name) if lang == "zh" else name


def moves(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Alluvial of moves: from the stages on the left to those on the right, as wide as many.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.funnel.transitions` returned.
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
        Not a result of ``transitions``, or one of several groups.
    """
    frame, ax = axes(result, ["from", "to", "kind", "moves"], ax, lang, caller="plots.moves")
    if frame.duplicated(["from", "to"]).any():
        raise InputError("plots.moves(): result holds several groups; draw one at a time.")
    total = float(frame["moves"].sum()) or 1.0
    gap = 0.03 * total
    ends = {
        0: _stack(frame, "from", list(dict.fromkeys(frame["from"])), gap),
        1: _stack(frame, "to", _targets(frame), gap),
    }
    height = max(end for _, end in ends.values())
    base = {
        side: {name: low + (height - end) / 2 for name, low in lows.items()}
        for side, (lows, end) in ends.items()
    }
    at = {side: dict(lows) for side, lows in base.items()}
    colours = {"backward": RED, "repeat": RED, "lost": FAINT, "won": GREEN, "reopen": ORANGE}
    rows = frame.assign(_to=pd.Categorical(frame["to"], _targets(frame)))
    for row in rows.to_dict("records"):
        y0, y1 = at[0][row["from"]], at[1][row["to"]]
        _band(ax, y0, y1, float(row["moves"]), colours.get(row["kind"], BLUE))
        at[0][row["from"]] += row["moves"]
        at[1][row["to"]] += row["moves"]
    grow(ax, max(len(lows) for lows in base.values()), row=0.25)
    most = max(int(0.2 * room(ax) / 5.6), 8)  # letters beside the bars
    line = 1.04 * height * 12 / (0.8 * 72 * float(ax.figure.get_size_inches()[1]))  # type: ignore[union-attr]
    for side, column, align, x in ((0, "from", "right", -0.03), (1, "to", "left", 1.03)):
        sums = frame.groupby(column, observed=True)["moves"].sum()
        names = sorted(sums.index, key=lambda name: base[side][name])
        middles = _apart([base[side][name] + sums[name] / 2 for name in names], line, height)
        for name, middle in zip(names, middles, strict=True):
            low, n = base[side][name], sums[name]
            ax.plot([side, side], [low, low + n], color=GREY, linewidth=5, solid_capstyle="butt")
            told = f"{shortened(str(name), most - len(f'{n:,}'))}  {n:,}"
            ax.text(x, middle, told, ha=align, va="center", fontsize=9)
    for kind, en, zh in (
        ("forward", "forward", "前进"),
        ("won", "won", "赢单"),
        ("lost", "lost", "丢单"),
        ("backward", "back or again", "回退或重复"),
        ("reopen", "re-opened", "重新打开"),
    ):
        if frame["kind"].eq(kind).any():
            ax.plot([], [], color=colours.get(kind, BLUE), linewidth=6, label=t(lang, en, zh))
    ax.set(xlim=(-0.42, 1.42), ylim=(height * 1.02, -height * 0.02))
    ax.axis("off")
    finish(ax, title=t(lang, "Moves between stages", "阶段流转"), grid="")
    return legend(ax, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=5)


def _apart(places: list[float], line: float, end: float) -> list[float]:
    """Ascending places of lines of text, moved so that each has its line, up to the end."""
    out = list(places)
    for i in range(1, len(out)):
        out[i] = max(out[i], out[i - 1] + line)
    last = end + line / 2
    for i in range(len(out) - 1, -1, -1):
        out[i] = min(out[i], last)
        last = out[i] - line
    return out


def _targets(frame: pd.DataFrame) -> list[object]:
    """Right-hand stages in the order of the left, then those that are only reached."""
    left = list(dict.fromkeys(frame["from"]))
    there = set(frame["to"])
    return [s for s in left if s in there] + [
        s for s in dict.fromkeys(frame["to"]) if s not in left
    ]


def _stack(
    frame: pd.DataFrame, column: str, order: list[Any], gap: float
) -> tuple[dict[Any, float], float]:
    """Where each stage's bar begins, and where the last one ends."""
    sums = frame.groupby(column, observed=True)["moves"].sum()
    out: dict[Any, float] = {}
    low = 0.0
    for name in order:
        out[name] = low
        low += float(sums[name]) + gap
    return out, low - gap


def _band(ax: Axes, y0: float, y1: float, width: float, colour: str) -> None:
    x = np.linspace(0, 1, 40)
    s = 3 * x**2 - 2 * x**3
    middle = y0 + (y1 - y0) * s
    ax.fill_between(x, middle, middle + width, color=colour, alpha=0.55, linewidth=0)


def outcomes(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Incidence curves: the share won and lost by age, each with its band.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.funnel.outcomes` returned. With groups: the share won of each.
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
        Not a result of ``outcomes``.
    """
    needed = ["age", "won", "lost", "won_lo", "won_hi", "lost_lo", "lost_hi"]
    frame, ax = axes(result, needed, ax, lang, caller="plots.outcomes")
    keys = _keys(frame, "age")
    if keys:
        parts = list(frame.groupby(keys, observed=True, sort=False, dropna=False))
        for i, (name, rows) in enumerate(parts):
            label = " / ".join(map(str, name))
            if len(parts) > _MOST:  # they could not be told apart
                others = t(lang, f"each of {len(parts)} groups", f"{len(parts)} 组中的每一组")
                ax.step(rows["age"], rows["won"], where="post", color=BLUE, alpha=0.4,
                        linewidth=1, label=others if i == 0 else None)  # fmt: skip
            else:
                _steps(ax, rows, "won", PALETTE[i % len(PALETTE)], label)
        ax.set_ylabel(t(lang, "share won", "赢单占比"))
    else:
        _steps(ax, frame, "won", GREEN, t(lang, "won", "赢单"))
        _steps(ax, frame, "lost", RED, t(lang, "lost", "丢单"))
        ax.set_ylabel(t(lang, "share of deals", "商机占比"))
    ax.set_xlabel(t(lang, "days since creation", "创建后天数"))
    ax.set_xlim(0, 1.02 * float(frame["age"].max()) or 1)  # a jump at the last age is seen
    ax.set_ylim(0, None)
    percent_axis(ax)
    return finish(ax, title=t(lang, "How deals end, by age", "商机结局（按天数）"), legend=True)


def _steps(ax: Axes, rows: pd.DataFrame, name: str, colour: str, label: str) -> None:
    age = rows["age"].to_numpy()
    ax.step(age, rows[name].to_numpy(), where="post", color=colour, label=label, linewidth=1.6)
    ax.fill_between(
        age,
        rows[f"{name}_lo"].to_numpy(),
        rows[f"{name}_hi"].to_numpy(),
        step="post",
        color=colour,
        alpha=0.18,
        linewidth=0,
    )


def waterfall(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """What moved the pipeline, from opening to closing.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.funnel.waterfall` returned, without groups or details.
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
        Not a result of ``waterfall``, or one with several groups.
    """
    caller = "plots.waterfall"
    frame, ax = axes(result, ["bucket", "amount", "deals"], ax, lang, caller=caller)
    if frame["bucket"].duplicated().any():
        raise InputError(f"{caller}(): result holds several groups; draw one at a time.")
    frame = frame[frame["bucket"].isin(["opening", "closing"]) | frame["deals"].gt(0)]
    words = {
        "opening": "期初", "new": "新增", "increased": "金额上调", "decreased": "金额下调",
        "pushed": "推迟", "pulled": "提前", "won": "赢单", "lost": "丢单", "removed": "移除",
        "closing": "期末",
    }  # fmt: skip
    level, labels, peak = 0.0, [], 0.0
    for x, row in enumerate(frame.itertuples(index=False)):
        ends = row.bucket in ("opening", "closing")
        base = 0.0 if ends else level
        amount = float(row.amount)
        colour = GREY if ends else GREEN if amount > 0 else RED
        colour = BLUE if row.bucket == "won" else colour
        ax.bar(x, amount, bottom=base, color=colour, width=0.66)
        top = max(base, base + amount)
        ax.annotate(
            short_money(amount, lang),
            (x, top),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
        )
        level, peak = base + amount, max(peak, top)
        name = words[row.bucket] if lang == "zh" else row.bucket
        labels.append(f"{name}\n({row.deals:,})")
    ax.set_xticks(range(len(labels)), labels, fontsize=8.5)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set_ylim(min(ax.get_ylim()[0], 0), peak * 1.1 or 1)
    money_axis(ax, "y", lang)
    return finish(ax, title=t(lang, "Pipeline from opening to closing", "商机金额变动"))


def dwell(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Days in each stage: a box from the lower to the upper quartile, the median, and to 90 %.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.funnel.dwell` returned.
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
        Not a result of ``dwell``.
    """
    needed = ["stage", "n", "censored", "p25", "median", "p75", "p90", "mean"]
    frame, ax = axes(result, needed, ax, lang, caller="plots.dwell", figsize=tall(result))
    keys = _keys(frame, "stage")
    y = np.arange(len(frame))
    low, high = frame["p25"].to_numpy(), frame["p75"].to_numpy()
    ax.barh(y, high - low, left=low, color=BLUE, alpha=0.35, height=0.55, edgecolor=BLUE)
    ax.hlines(y, high, frame["p90"].to_numpy(), color=BLUE, linewidth=1.2)
    middle = frame["median"].to_numpy()
    ax.vlines(
        middle, y - 0.28, y + 0.28, color=BLUE, linewidth=2.2, label=t(lang, "median", "中位数")
    )
    ax.plot(frame["mean"], y, "o", color=ORANGE, markersize=5, label=t(lang, "mean", "均值"))
    names = frame[[*keys, "stage"]].astype(str).agg(" / ".join, axis=1)
    gap = "\n" if len(frame) <= 8 else " "  # two lines a row need room
    counts = [f"{a}{gap}({b:,})" for a, b in zip(names, frame["n"], strict=True)]
    rows_down(ax, counts, fontsize=8.5)
    ax.set_xlim(0, None)
    ax.set_xlabel(t(lang, "days (quartiles; line to 90 %)", "天数（四分位；线至 90%）"))
    return finish(ax, title=t(lang, "Days in each stage", "各阶段停留天数"), legend=True, grid="x")


def calibration(
    result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en", bins: int = 10
) -> Axes:
    """Scores against what came: on the diagonal, a score of 30 % wins 30 times in a hundred.

    Parameters
    ----------
    result : DataFrame
        Columns ``probability`` and ``won``: ``scores_`` of a :class:`salesmgmt.funnel.WinModel`.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}
        Language of the words.
    bins : int, default=10
        Equal ranges of the score that are drawn as one point each.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        A column is absent.
    """
    check_int(bins, "bins", caller="plots.calibration", low=1)
    frame, ax = axes(result, ["probability", "won"], ax, lang, caller="plots.calibration")
    at = np.minimum((frame["probability"].to_numpy() * bins).astype(int), bins - 1)
    points = frame.groupby(at)[["probability", "won"]].mean()
    size = frame.groupby(at).size().to_numpy()
    ax.plot(
        [0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label=t(lang, "exact", "完全校准")
    )
    ax.plot(points["probability"], points["won"], color=BLUE, linewidth=1.4)
    ax.scatter(
        points["probability"],
        points["won"],
        s=18 + 180 * size / size.max(),
        color=BLUE,
        alpha=0.7,
        clip_on=False,  # shares of 0 and 1 are whole points
        label=t(lang, "deals (area: how many)", "商机（面积为数量）"),
    )
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_xlabel(t(lang, "score", "预测赢单率"))
    ax.set_ylabel(t(lang, "share won", "实际赢单率"))
    percent_axis(ax, "x")
    percent_axis(ax, "y")
    return finish(ax, title=t(lang, "Calibration on unseen deals", "校准曲线"), legend=True)


def bookings(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Bookings to come: bars of existing and new business, and the 80 % band of the total.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.funnel.bookings` returned.
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
        Not a result of ``bookings``.
    """
    needed = ["date", "p10", "p50", "p90", "existing", "new"]
    frame, ax = axes(result, needed, ax, lang, caller="plots.bookings")
    x = np.arange(len(frame))
    old, new = frame["existing"].to_numpy(), frame["new"].to_numpy()
    ax.bar(x, old, color=BLUE, width=0.55, label=t(lang, "open deals", "现有商机"))
    ax.bar(
        x, new, bottom=old, color="#56B4E9", width=0.55, label=t(lang, "deals to come", "新增商机")
    )
    low, middle, high = (frame[c].to_numpy() for c in ("p10", "p50", "p90"))
    ax.fill_between(x, low, high, color=ORANGE, alpha=0.18, linewidth=0, zorder=3)
    ax.vlines(x, low, high, color=ORANGE, linewidth=2, zorder=4)
    ax.plot(x, middle, "o-", color=ORANGE, zorder=5, linewidth=1.2, markersize=5,
            label=t(lang, "median and 80 % band", "中位数与 80% 区间"))  # fmt: skip
    ax.set_xticks(x, day_names(frame["date"]), fontsize=8.5)
    if len(frame) > 7:
        ax.tick_params(axis="x", labelrotation=45)
    ax.set_xlim(-0.9, len(frame) - 0.1)  # a single bar is no wall
    bottom, top = ax.get_ylim()
    bottom = 0 if min(low.min(), (old + new).min()) >= 0 else bottom
    ax.set_ylim(bottom, top + 0.12 * (top - bottom))  # the legend lies above the bands
    money_axis(ax, "y", lang)
    ax.legend(frameon=False, fontsize=9, loc="upper left", ncols=3)
    return finish(ax, title=t(lang, "Bookings to come", "签约预测"))
