"""Figures of the targets desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    RED,
    axes,
    families,
    finish,
    grow,
    legend_below,
    money_axis,
    percent_axis,
    reach,
    rows_down,
    short_money,
    t,
    tall,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["burn_up", "pace", "plan_heatmap", "quota_fairness"]

_NO_KEYS = {
    "measure", "period_start", "period_end", "target", "assigned", "previous", "closed",
    "top_down", "bottom_up", "gap",
}  # fmt: skip


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
    if "measure" in frame and frame["measure"].nunique() > 1:
        keys.append("measure")  # targets of different measures have rows of their own
    names = (
        frame[keys].astype(str).agg(" / ".join, axis=1)
        if keys
        else pd.Series(t(lang, "plan", "计划"), index=frame.index)
    )
    # Laid out, not computed: each row of the plan is one cell.
    table = pd.DataFrame(
        {"key": names.to_numpy(), "at": frame["period_start"], "target": frame["target"]}
    ).pivot_table(index="key", columns="at", values="target", aggfunc="sum", sort=False)
    table = table.sort_index(axis=1)  # who comes first may begin later
    grow(ax, min(len(table), 40))  # of more keys not every one is named
    image = ax.pcolormesh(table.to_numpy(), cmap="Blues", edgecolors="white", linewidth=0.8)
    ax.invert_yaxis()
    starts = pd.DatetimeIndex(table.columns)
    stride = -(-len(starts) // 8)  # so that they do not touch
    shown = np.arange(0, len(starts), stride)
    monthly = len(starts) < 2 or (np.diff(starts.to_numpy()) > np.timedelta64(26, "D")).all()
    # Retail periods begin within months: two of them in one.
    monthly &= bool((starts[1:].day == 1).all())
    long = len(starts) > 1 and starts[-1] - starts[0] > pd.Timedelta(days=366)
    style = "%Y-%m" if monthly else "%Y-%m-%d" if long else "%m-%d"
    ax.set_xticks(shown + 0.5, [starts[i].strftime(style) for i in shown], fontsize=8)
    every = -(-len(table) // 40)
    rows = np.arange(0, len(table), every)
    ax.set_yticks(rows + 0.5, [str(table.index[i]) for i in rows], fontsize=8)
    if table.size <= 160:
        least, most = np.nanmin(table.to_numpy()), np.nanmax(table.to_numpy())
        dark = least + 0.6 * (most - least)  # white is hard to read on the middle blue
        for (i, j), value in np.ndenumerate(table.to_numpy()):
            colour = "white" if value > dark else "black"
            words = short_money(value, lang) if np.isfinite(value) else ""
            ax.text(j + 0.5, i + 0.5, words, ha="center", va="center", fontsize=7, color=colour)
    else:
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01)
        bar.ax.yaxis.set_major_formatter(lambda value, _: short_money(value, lang))
        bar.ax.tick_params(labelfontfamily=list(families()))  # an Axes of its own
        bar.outline.set_visible(False)  # type: ignore[operator]
    return finish(ax, title=t(lang, "Target by period", "各期目标"), grid="")


_COLOURS = {
    "achieved": GREEN,
    "on_track": BLUE,
    "at_risk": ORANGE,
    "behind": RED,
    "not_started": GREY,
}
STATUS_ZH = {
    "achieved": "已完成",
    "on_track": "正常",
    "at_risk": "有风险",
    "behind": "落后",
    "not_started": "未开始",
}
_FOLLOWED = {
    *("target", "actual", "attainment", "expected", "pace", "gap"),
    *("required_rate", "run_rate", "projected", "status", "as_of"),
}


def pace(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Draw where everybody stands as bullet bars: actual against plan to date and whole plan.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.targets.track` returned; up to some 40 rows stay readable.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}, default="en"
        Language of the labels.

    Returns
    -------
    Axes
        One bar a row in its status colour, shares of the whole target; a tick marks the plan to
        date, a circle the projection.

    Raises
    ------
    InputError
        A column of the result is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt import plots
    >>> now = pd.DataFrame({"rep": ["Li"], "target": [100.0], "actual": [40.0],
    ...     "attainment": [0.4], "expected": [50.0], "projected": [80.0], "status": ["behind"]})
    >>> len(plots.pace(now).patches)
    2
    """
    needed = ["target", "actual", "attainment", "expected", "projected", "status"]
    frame, ax = axes(result, needed, ax, lang, caller="plots.pace", figsize=tall(result, least=2.4))
    keys = [c for c in frame.columns if c not in _FOLLOWED]
    names = (
        frame[keys].astype(str).agg(" / ".join, axis=1).tolist()
        if keys
        else [t(lang, "all", "合计")] * len(frame)
    )
    at = np.arange(len(frame))
    target = frame["target"].to_numpy(float)
    whole = np.where(target > 0, target, np.nan)
    status = frame["status"].tolist()
    ax.barh(at, np.where(np.isnan(whole), 0.0, 1.0), color=FAINT, height=0.72)
    ax.barh(
        at,
        np.nan_to_num(frame["actual"].to_numpy(float) / whole),
        color=[_COLOURS.get(s, GREY) for s in status],
        height=0.42,
    )
    ax.plot(
        frame["expected"].to_numpy(float) / whole,
        at,
        linestyle="none",
        marker="|",
        markersize=14,
        markeredgewidth=2,
        color="black",
        label=t(lang, "plan to date", "计划进度"),
    )
    ax.plot(
        frame["projected"].to_numpy(float) / whole,
        at,
        linestyle="none",
        marker="o",
        markersize=5,
        markerfacecolor="white",
        color="black",
        label=t(lang, "projected", "预计完成"),
    )
    for name in dict.fromkeys(status):
        label = STATUS_ZH.get(name, name) if lang == "zh" else name.replace("_", " ")
        ax.scatter([], [], marker="s", color=_COLOURS.get(name, GREY), label=label)
    rows_down(ax, names, fontsize=8)
    ends = [frame[c].to_numpy(float) / whole for c in ("actual", "projected")]
    if np.nanmax(ends, initial=0.0) > (most := reach(ax, *ends, least=1.2)):
        ax.set_xlim(right=most)
    if np.nanmin(ends, initial=0.0) < (most := reach(ax, *ends, least=0.2, below=True)):
        ax.set_xlim(left=most)
    percent_axis(ax, "x")
    ax.set_xlabel(t(lang, "share of the whole target", "占全部目标的比例"))
    title = t(lang, "Where everybody stands", "目标完成进度")
    return legend_below(finish(ax, title=title, grid="x"))


def burn_up(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Draw cumulated plan and actuals with the fan of what may come.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.targets.burn_up` returned.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}, default="en"
        Language of the labels.

    Returns
    -------
    Axes
        Plan as a line of dashes, actuals as a line, the range from the 10th to the 90th
        percentile as a band.

    Raises
    ------
    InputError
        A column of the result is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt import plots, targets
    >>> plan = targets.decompose(1200, periods=("2026-01-01", "2026-12-31", "M"))
    >>> sales = pd.DataFrame({"date": ["2026-02-01"], "amount": [150.0]})
    >>> ax = plots.burn_up(targets.burn_up(plan, sales, as_of="2026-02-28"))
    >>> len(ax.lines) >= 2
    True
    """
    frame, ax = axes(
        result,
        ["date", "target", "actual", "p10", "p50", "p90", "total", "as_of"],
        ax,
        lang,
        caller="plots.burn_up",
    )
    when = pd.DatetimeIndex(frame["date"])
    for name, told, style in (
        ("target", t(lang, "plan", "计划"), {"color": GREY, "linestyle": "--"}),
        ("actual", t(lang, "actual", "实际"), {"color": BLUE, "linewidth": 2.2}),
    ):
        single = frame[name].notna().sum() == 1  # a line of one point cannot be seen
        ax.plot(when, frame[name], marker="o" if single else None, label=told, **style)  # type: ignore[arg-type]
    if frame["p50"].notna().any():
        band = t(lang, "10 % to 90 %", "10%–90% 区间")
        low, high = frame["p10"].to_numpy(float), frame["p90"].to_numpy(float)
        ax.fill_between(when, low, high, color=BLUE, alpha=0.18, linewidth=0, label=band)
        ax.plot(when, frame["p50"], color=BLUE, linewidth=1.2, label=t(lang, "median", "中位数"))
    if len(frame):
        day = pd.Timestamp(frame["as_of"].iloc[0])
        ax.axvline(day, color=ORANGE, linewidth=1,  # type: ignore[arg-type]
                   label=t(lang, f"as of {day.date()}", f"截至 {day.date()}"))  # fmt: skip
        ax.axhline(
            float(frame["total"].iloc[0]),
            color=GREEN,
            linewidth=1,
            label=t(lang, "whole target", "全部目标"),
        )
    if frame[["target", "actual", "p10"]].min(axis=None) >= 0:  # returns may make it negative
        highest = float(frame[["target", "actual", "p90", "total"]].max(axis=None))
        ax.set_ylim(0, max(1.05 * highest, ax.get_ylim()[1]))
    money_axis(ax, "y", lang)
    ax.tick_params(axis="x", rotation=30)
    title = t(lang, "On the way to the target", "目标累计进度")
    return finish(ax, title=title, legend=True)


def quota_fairness(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Draw quotas beside what each key is likely to bring.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.targets.equal_probability_quotas` returned, or
        ``attainment_probability``.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}, default="en"
        Language of the labels.

    Returns
    -------
    Axes
        One row a key: median (and range or history where known) as dots, the quota as a bar
        end, the probability in words.

    Raises
    ------
    InputError
        A column of the result is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from salesmgmt import plots
    >>> quotas = pd.DataFrame({"rep": ["a", "b"], "target": [10.0, 20.0],
    ...                        "p_attain": [0.5, 0.6], "median": [10.0, 21.0]})
    >>> len(plots.quota_fairness(quotas).texts)
    2
    """
    frame, ax = axes(
        result,
        ["target", "p_attain"],
        ax,
        lang,
        caller="plots.quota_fairness",
        figsize=tall(result, least=2.4),
    )
    known = {"target", "p_attain", "median", "stretch", "history", "growth", "p10", "p50", "p90"}
    keys = [c for c in frame.columns if c not in known | {"shortfall"}]
    names = frame[keys].astype(str).agg(" / ".join, axis=1).tolist() if keys else [""] * len(frame)
    at = np.arange(len(frame))
    ax.barh(at, frame["target"], color=FAINT, height=0.62, label=t(lang, "quota", "目标"))
    if {"p10", "p90"}.issubset(frame.columns):
        ax.hlines(
            at,
            frame["p10"],
            frame["p90"],
            color=BLUE,
            linewidth=2,
            label=t(lang, "10 % to 90 %", "10%–90% 区间"),
        )
    middle = "median" if "median" in frame.columns else "p50"
    if middle in frame.columns:
        ax.plot(frame[middle], at, "o", color=BLUE, markersize=6, label=t(lang, "median", "中位数"))
    if "history" in frame.columns:
        ax.plot(
            frame["history"],
            at,
            "D",
            color=ORANGE,
            markersize=5,
            linestyle="none",
            label=t(lang, "history", "历史"),
        )
    edge = frame[[c for c in ("target", middle, "history", "p90") if c in frame.columns]].max(
        axis=1
    )
    for i, (x, p) in enumerate(zip(edge, frame["p_attain"], strict=True)):
        ax.annotate(
            f"{p:.0%}",
            (x, i),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=GREY,
        )
    rows_down(ax, names, fontsize=8)
    ax.margins(x=0.12)
    money_axis(ax, "x", lang)
    title = t(lang, "Quota, outlook and probability", "目标、预期与完成概率")
    return legend_below(finish(ax, title=title, grid="x"))
