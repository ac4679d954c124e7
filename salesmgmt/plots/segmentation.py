"""Figures of the segmentation desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..errors import InputError
from ._style import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    PALETTE,
    RED,
    axes,
    day_names,
    finish,
    legend,
    money_axis,
    percent_axis,
    short_money,
    t,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "alive_map",
    "calibration_bars",
    "clv_distribution",
    "cohort_triangle",
    "migration_flow",
    "rfm_heatmap",
    "segment_bars",
    "tracking_curve",
    "whale",
]


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
    frame, ax = axes(
        result,
        columns,
        ax,
        lang,
        caller="plots.rfm_heatmap",
        made_by="segmentation.score_grid",
        figsize=(7.0, 5.0),
    )
    size = int(max(frame["r"].max(), frame["f"].max()))
    shade = np.full((size, size), np.nan)
    r, f = frame["r"].to_numpy(int) - 1, frame["f"].to_numpy(int) - 1
    shade[f, r] = frame["amount"].to_numpy(float)
    dark = _cells(ax, shade, low=min(0.0, float(np.nanmin(shade))))
    for i, j, n, amount in zip(r, f, frame["customers"], frame["amount"], strict=True):
        _write(ax, i, j, f"{n:,}\n{short_money(float(amount), lang)}", dark[j, i], 9)
    ax.set_xticks(range(size), [str(i + 1) for i in range(size)])
    ax.set_yticks(range(size), [str(i + 1) for i in range(size)])
    ax.set_xlabel(t(lang, "Recency score (higher: more recent)", "R 分（越高越近）"))
    ax.set_ylabel(t(lang, "Frequency score", "F 分"))
    title = t(lang, "Customers and amount by score", "各评分的客户数与金额")
    return finish(ax, title=title, grid="")


def _cells(
    ax: Axes, shade: np.ndarray, *, low: float | None = None, high: float | None = None
) -> np.ndarray:
    """Shaded squares with white lines between (not where many: the lines would hide them).

    Shades run from ``low`` to ``high`` (the least and the greatest value where not given);
    returned is which squares are so dark that text on them must be white.
    """
    from matplotlib.colors import LinearSegmentedColormap

    low = float(np.nanmin(shade)) if low is None else low
    high = float(np.nanmax(shade)) if high is None else high
    blues = LinearSegmentedColormap.from_list("shade", ["#EAF2F8", BLUE]).with_extremes(bad=FAINT)
    ax.pcolormesh(
        np.arange(shade.shape[1] + 1) - 0.5,
        np.arange(shade.shape[0] + 1) - 0.5,
        np.ma.masked_invalid(shade),
        cmap=blues,
        vmin=low,
        vmax=high,
        edgecolors="white" if max(shade.shape) <= 60 else "none",
        linewidth=1.5 if shade.size <= 400 else 0.3,
    )
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return shade > low + 0.8 * (high - low)  # where white begins to read better than black


def _write(ax: Axes, x: int, y: int, text: str, on_dark: bool, size: float) -> None:
    """Text in the middle of a cell, in the colour that reads on it."""
    colour = "white" if on_dark else "#1d2530"
    ax.text(x, y, text, ha="center", va="center", color=colour, fontsize=size)


def _ticks(values: np.ndarray, *, whole: bool = False) -> tuple[np.ndarray, list[str]]:
    """Round numbers among ascending values: where they lie between the cells, and their text."""
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(8, integer=whole, steps=[1, 2, 5, 10])
    ticks = locator.tick_values(float(values[0]), float(values[-1]))
    ticks = ticks[(ticks >= values[0]) & (ticks <= values[-1])]
    if not len(ticks) or (whole and ticks[0] > values[0]):
        ticks = np.r_[values[0], ticks]
    return np.interp(ticks, values, np.arange(len(values))), [f"{v:g}" for v in ticks]


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
    frame, ax = axes(
        result,
        columns,
        ax,
        lang,
        caller="plots.segment_bars",
        made_by="segmentation.segment_summary",
    )
    at = np.arange(len(frame))
    bars = ax.barh(at, frame["amount"].to_numpy(float), color=_colours(len(frame)))
    told = [
        t(lang, f"{n:,} customers", f"{n:,} 家") + _share(frame, i)
        for i, n in enumerate(frame["customers"])
    ]
    ax.bar_label(bars, told, padding=4, fontsize=9, color=GREY)
    keys = frame["segment"] if "segment" in frame.columns else frame["label"]
    names = frame.attrs.get("labels", {})
    told = [str(names.get(k, {}).get(lang, own)) for k, own in zip(keys, frame["label"])]
    ax.set_yticks(at, told)
    ax.invert_yaxis()
    low, high = (float(v) for v in (frame["amount"].min(), frame["amount"].max()))
    wide = max(high, 0.0) - min(low, 0.0) or 1.0  # what is told stands beyond the bars
    ax.set_xlim(min(low - 0.38 * wide, 0) if low < 0 else 0, max(high, 0) + 0.3 * wide)
    money_axis(ax, "x", lang)
    ax.set_xlabel(t(lang, "Amount", "金额"))
    return finish(ax, title=t(lang, "Amount by segment", "各分群金额"), grid="x")


def _share(frame: pd.DataFrame, i: int) -> str:
    share: Any = frame["amount_share"].iloc[i] if "amount_share" in frame.columns else np.nan
    return "" if pd.isna(share) else f" · {share:.0%}"


def _colours(n: int) -> list[str]:
    return [PALETTE[0]] * n


def cohort_triangle(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Retention of each cohort by age as shaded cells.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.cohorts`` returned.
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
        A column is missing.
    """
    frame, ax = axes(
        result,
        ["cohort", "age", "size", "retention"],
        ax,
        lang,
        caller="plots.cohort_triangle",
        made_by="segmentation.cohorts",
        figsize=(10.0, 6.0),
    )
    if frame.duplicated(["cohort", "age"]).any():
        raise InputError(
            "plots.cohort_triangle(): a cohort and age stands in several rows; draw one group "
            "(region, channel, ...) at a time."
        )
    starts = sorted(frame["cohort"].unique())
    place = {start: i for i, start in enumerate(starts)}
    rows = frame["cohort"].map(place).to_numpy(int)
    ages = frame["age"].to_numpy(int)
    shade = np.full((len(starts), int(ages.max()) + 1), np.nan)
    shade[rows, ages] = frame["retention"].to_numpy(float)
    shown = shade[:, 1:] if shade.shape[1] > 1 else shade
    dark = _cells(ax, shown)
    if shown.size <= 160:
        for i, j in np.argwhere(~np.isnan(shown)):
            _write(ax, j, i, f"{shown[i, j]:.0%}", dark[i, j], 7)
    sizes = frame.drop_duplicates("cohort").set_index("cohort")["size"]
    labels = [f"{name} ({sizes[c]:,})" for name, c in zip(day_names(starts), starts, strict=True)]
    keep = range(0, len(starts), max(1, len(starts) // 18))
    ax.set_yticks(list(keep), [labels[i] for i in keep], fontsize=8)
    ax.invert_yaxis()
    ticks = range(0, shown.shape[1], max(1, shown.shape[1] // 18))
    first = 1 if shade.shape[1] > 1 else 0
    ax.set_xticks(list(ticks), [str(i + first) for i in ticks])
    ax.set_xlabel(t(lang, "Periods since the first purchase", "首购后期数"))
    ax.set_ylabel(t(lang, "Cohort (customers)", "首购批次（客户数）"))
    low, high = np.nanmin(shown), np.nanmax(shown)
    title = t(
        lang,
        f"Customers who bought again, {low:.0%} (light) to {high:.0%} (dark)",
        f"复购客户占比，{low:.0%}（浅）至 {high:.0%}（深）",
    )
    return finish(ax, title=title, grid="")


def migration_flow(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Share of each segment's customers that moved to each other segment.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.migration`` returned; segments are called as its ``attrs`` say.
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
        A column is missing.
    """
    frame, ax = axes(
        result,
        ["from", "to", "customers", "share"],
        ax,
        lang,
        caller="plots.migration_flow",
        made_by="segmentation.migration",
        figsize=(9.0, 5.5),
    )
    ends = [list(dict.fromkeys(frame[side])) for side in ("from", "to")]
    ends[1] = [e for e in ends[0] if e in ends[1]] + [e for e in ends[1] if e not in ends[0]]
    shade = np.full((len(ends[0]), len(ends[1])), np.nan)
    for a, b, share in zip(frame["from"], frame["to"], frame["share"], strict=True):
        shade[ends[0].index(a), ends[1].index(b)] = share
    dark = _cells(ax, shade, low=0.0)
    for a, b, n in zip(frame["from"], frame["to"], frame["customers"], strict=True):
        i, j = ends[0].index(a), ends[1].index(b)
        _write(ax, j, i, f"{n:,}", dark[i, j], 8)
    names = frame.attrs.get("labels", {})
    told = [[str(names.get(e, {}).get(lang, e)) for e in side] for side in ends]
    ax.set_yticks(range(len(ends[0])), told[0], fontsize=9)
    ax.set_xticks(range(len(ends[1])), told[1], rotation=40, ha="right")
    ax.tick_params(axis="x", labelsize=9)
    ax.invert_yaxis()
    ax.set_ylabel(t(lang, "From", "原分群"))
    ax.set_xlabel(t(lang, "To", "现分群"))
    title = t(
        lang, "Customers who moved, shaded by share of the row", "分群迁移客户数（按行占比着色）"
    )
    return finish(ax, title=title, grid="")


def whale(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Cumulative share of profit over customers, the most profitable first.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.whale_curve`` returned.
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
        A column is missing, or the total was not positive.
    """
    frame, ax = axes(
        result,
        ["customers_share", "cumulative_share"],
        ax,
        lang,
        caller="plots.whale",
        made_by="segmentation.whale_curve",
    )
    if frame["cumulative_share"].isna().any():
        raise InputError(
            "plots.whale(): there are no shares to draw: the total of whale_curve is not positive."
        )
    x = np.r_[0.0, frame["customers_share"].to_numpy(float)]
    y = np.r_[0.0, frame["cumulative_share"].to_numpy(float)]
    ax.plot(x, y, color=BLUE, linewidth=2)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    top = int(np.argmax(y))
    if y[top] <= 1.0 and (y >= 0.8).any():  # nobody loses money: the peak says nothing
        top = int(np.argmax(y >= 0.8))
    told = t(
        lang,
        f"{y[top]:.0%} of the total\nfrom {x[top]:.0%} of customers",
        f"{x[top]:.0%} 的客户\n贡献 {y[top]:.0%}",
    )
    ax.scatter([x[top]], [y[top]], color=ORANGE, zorder=3, label=told)
    percent_axis(ax, "x")
    percent_axis(ax, "y")
    ax.set_xlim(0, 1.02)
    ax.set_xlabel(t(lang, "Customers, best first", "客户占比（由高到低）"))
    ax.set_ylabel(t(lang, "Share of the total", "累计占比"))
    if frame.attrs.get("basis") == "amount":  # no costs were known
        title = t(lang, "Where the sales come from", "销售额来源（鲸鱼曲线）")
    else:
        title = t(lang, "Where the profit comes from", "利润来源（鲸鱼曲线）")
    finish(ax, title=title)
    # Below the diagonal nothing is drawn: the curve lies above it.
    return legend(ax, loc="lower right")


def clv_distribution(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Value of each customer, highest first, with its range.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.clv`` returned.
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
        A column is missing.
    """
    frame, ax = axes(
        result,
        ["clv", "clv_lo", "clv_hi"],
        ax,
        lang,
        caller="plots.clv_distribution",
        made_by="segmentation.clv",
    )
    ordered = frame.sort_values("clv", ascending=False)
    rank = np.arange(1, len(ordered) + 1) / len(ordered)
    lo, hi = (ordered[c].to_numpy(float) for c in ("clv_lo", "clv_hi"))
    told = t(lang, "Range of each customer", "各客户的区间")
    wide = max(0.4, min(8.0, 400 / len(ordered)))  # lines that just touch, as far as they can
    ax.vlines(rank, lo, hi, color=BLUE, alpha=0.22, linewidth=wide, rasterized=True)
    ax.plot([], [], color=BLUE, alpha=0.22, linewidth=6, label=told)  # thin lines make no key
    ax.plot(rank, ordered["clv"].to_numpy(float), color=BLUE, label=t(lang, "Expected", "期望值"))
    percent_axis(ax, "x")
    money_axis(ax, "y", lang)
    if np.nanmin(ordered["clv"]) >= 0:
        ax.set_ylim(bottom=0.0)
    ax.set_xlabel(t(lang, "Customers, most valuable first", "客户占比（由高到低）"))
    ax.set_ylabel(t(lang, "Value", "价值"))
    title = t(lang, "Expected value of customers", "客户未来价值")
    return finish(ax, title=title, legend=True)


def calibration_bars(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Predicted against actual by group, side by side.

    Parameters
    ----------
    result : DataFrame
        Columns ``group``, ``predicted``, ``actual``: ``segmentation.calibration``, or
        ``calibration_`` of a churn model.
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
        A column is missing.
    """
    frame, ax = axes(
        result,
        ["group", "predicted", "actual"],
        ax,
        lang,
        caller="plots.calibration_bars",
        made_by="segmentation.calibration",
    )
    at = np.arange(len(frame))
    ax.bar(
        at - 0.2, frame["actual"].to_numpy(float), 0.38, color=GREY, label=t(lang, "Actual", "实际")
    )
    ax.bar(
        at + 0.2,
        frame["predicted"].to_numpy(float),
        0.38,
        color=BLUE,
        label=t(lang, "Predicted", "预测"),
    )
    ax.set_xticks(at, [str(g) for g in frame["group"]])
    ax.margins(y=0.2)  # the legend has room above bars of one height
    ax.set_xlabel(t(lang, "Group", "组"))
    ax.set_ylabel(t(lang, "Mean", "均值"))
    title = t(lang, "Predicted and actual by group", "分组校准：预测与实际")
    return finish(ax, title=title, legend=True)


def tracking_curve(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Cumulative repeat purchases, actual and expected by the model.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.tracking`` returned.
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
        A column is missing.
    """
    frame, ax = axes(
        result,
        ["date", "actual", "expected", "fitted"],
        ax,
        lang,
        caller="plots.tracking_curve",
        made_by="segmentation.tracking",
    )
    dates = frame["date"].to_numpy()
    actual, expected = (np.cumsum(frame[c].to_numpy(float)) for c in ("actual", "expected"))
    ax.plot(dates, actual, color=GREY, linewidth=2, label=t(lang, "Actual", "实际"))
    ax.plot(dates, expected, color=BLUE, linestyle="--", label=t(lang, "Expected", "模型预期"))
    seen = frame["fitted"].to_numpy(bool)
    if seen.any() and not seen.all():
        ax.axvline(dates[seen][-1], color=RED, linewidth=1)
        ax.text(
            dates[seen][-1],
            float(actual.max()) * 0.05,
            t(lang, " not seen by the model", " 模型未见"),
            color=RED,
            fontsize=9,
        )
    ax.set_ylabel(t(lang, "Repeat purchases so far", "累计复购次数"))
    ax.tick_params(axis="x", rotation=30)
    title = t(lang, "Repeat purchases over time", "复购跟踪")
    return finish(ax, title=title, legend=True)


def alive_map(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Chance to be still a customer by number of purchases and time of the last one.

    Parameters
    ----------
    result : DataFrame
        What ``segmentation.alive_grid`` returned.
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
        A column is missing.
    """
    frame, ax = axes(
        result,
        ["x", "t_x", "T", "p_alive"],
        ax,
        lang,
        caller="plots.alive_map",
        made_by="segmentation.alive_grid",
        figsize=(7.5, 5.0),
    )
    x = np.unique(frame["x"].to_numpy(float))
    t_x = np.unique(frame["t_x"].to_numpy(float))
    shade = np.full((len(x), len(t_x)), np.nan)
    rows = np.searchsorted(x, frame["x"].to_numpy(float))
    shade[rows, np.searchsorted(t_x, frame["t_x"].to_numpy(float))] = frame["p_alive"]
    _cells(ax, shade, low=0.0, high=1.0)
    ax.set_xticks(*_ticks(t_x))
    ax.set_yticks(*_ticks(x, whole=True))
    ax.set_xlabel(t(lang, "Last purchase (time since the first)", "最近购买时间（距首购）"))
    ax.set_ylabel(t(lang, "Repeat purchases", "复购次数"))
    title = t(
        lang,
        "Chance to be still a customer: 0% (light) to 100% (dark)",
        "仍活跃概率：0%（浅）至 100%（深）",
    )
    return finish(ax, title=title, grid="")
