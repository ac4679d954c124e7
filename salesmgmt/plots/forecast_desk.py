"""Figures around a forecast: how good it was, what is in a series, what did not belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

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
    labels_beside,
    legend,
    letters,
    money_axis,
    percent_axis,
    reach,
    room,
    short_money,
    shortened,
    t,
    tall,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "accuracy_against_naive",
    "anomaly_timeline",
    "backtest_by_cutoff",
    "component_stack",
    "hierarchy_table",
    "impact_chart",
]

_PARTS = {
    "trend": ("trend", "趋势", GREY),
    "season": ("season", "季节", BLUE),
    "holiday": ("calendar", "节假日", RED),
    "exog": ("drivers", "驱动因素", GREEN),
    "remainder": ("remainder", "余项", ORANGE),
}

_MODELS = {
    "auto": ("automatic", "自动"),
    "naive": ("naive", "朴素"),
    "seasonal_naive": ("seasonal naive", "季节朴素"),
    "mean": ("mean", "平均"),
}


def _model(name: object, lang: str) -> str:
    """A model as it is spoken of; others by their own name."""
    return t(lang, *_MODELS[str(name)]) if str(name) in _MODELS else str(name).replace("_", " ")


def _one_series(frame: pd.DataFrame, own: set[str], caller: str) -> pd.DataFrame:
    """The frame in order of time; refused where it holds several series."""
    keys = [c for c in frame.columns if c not in own and frame[c].nunique(dropna=False) > 1]
    if keys:
        raise InputError(
            f"{caller}(): result holds several series (by {', '.join(map(repr, keys))}); "
            "choose the rows of one of them first."
        )
    return frame.sort_values("date", kind="stable")


def _days_apart(frame: pd.DataFrame) -> float:
    """Usual distance of two periods in days, for the width of bars."""
    return frame["date"].diff().median() / pd.Timedelta(days=1) if len(frame) > 1 else 20.0


def _dot(frame: pd.DataFrame) -> str | None:
    """One period alone makes no line."""
    return "o" if len(frame) == 1 else None


def _band(ax: Axes, dates: Any, lo: Any, hi: Any, colour: str, label: str | None) -> None:
    """A range over time; of one period a bar, since a band of no width cannot be seen."""
    if len(dates) == 1:
        ax.vlines(dates, lo, hi, color=colour, alpha=0.3, linewidth=6, label=label or "")
    else:
        ax.fill_between(dates, lo, hi, color=colour, alpha=0.15, linewidth=0, label=label)


def _with_breaks(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of nothing where periods are not known, so that no line runs across them.

    Days without a week-end or a short holiday stay together.
    """
    apart = frame["date"].diff()
    after = np.flatnonzero(apart > 4.5 * apart.median())
    if not len(after):
        return frame
    holes = pd.DataFrame({"date": frame["date"].iloc[after] - apart.median()})
    return pd.concat([frame, holes], ignore_index=True).sort_values("date", kind="stable")


def backtest_by_cutoff(result: Any, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Forecasts of one series as they were made at each cutoff, beside what came.

    Parameters
    ----------
    result : DataFrame
        Rows of :func:`salesmgmt.forecast.backtest` for one series, of at most eight models.
    ax : Axes, optional
        Axes to draw on; None: new ones.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column is missing, or there are several series or more than eight models.
    """
    caller = "plots.backtest_by_cutoff"
    columns = ["cutoff", "model", "date", "actual", "forecast"]
    frame, ax = axes(result, columns, ax, lang, caller=caller)
    own = {*columns, "step", "status", *[c for c in frame if str(c)[:3] in ("lo_", "hi_")]}
    frame = _one_series(frame, own, caller)
    models = frame["model"].nunique()
    if models > len(PALETTE):
        raise InputError(
            f"{caller}(): result holds {models} models, at most {len(PALETTE)} can be told apart; "
            "choose some of them first."
        )
    seen = frame.drop_duplicates("date")
    ax.plot(seen["date"], seen["actual"], color="black", marker="o", markersize=3,
            linewidth=1.4, label=t(lang, "actual", "实际"), zorder=5)  # fmt: skip
    for (model, part), colour in zip(frame.groupby("model", sort=False), PALETTE):
        told = False
        for i, (_, run) in enumerate(part.groupby("cutoff")):
            label = _model(model, lang) if i == 0 else None
            ax.plot(run["date"], run["forecast"], color=colour, linewidth=1.6, marker=_dot(run),
                    markersize=4, label=label)  # fmt: skip
            first = model == frame["model"].iloc[0]
            if first and {"lo_80", "hi_80"} <= set(run) and run["lo_80"].notna().any():
                words = None if told else t(lang, "80 % interval", "80% 预测区间")
                _band(ax, run["date"], run["lo_80"], run["hi_80"], colour, words)
                told = True
    for i, cutoff in enumerate(frame["cutoff"].unique()):
        ax.axvline(cutoff, color=GREY, linewidth=1, linestyle=":",
                   label=t(lang, "cutoff", "截止日") if i == 0 else None)  # fmt: skip
    money_axis(ax, "y", lang)
    ax.set_ylabel(t(lang, "amount", "金额"))
    title = t(lang, "Forecasts as made at each cutoff", "各截止日的预测与实际")
    return finish(ax, title=title, legend=True)


def accuracy_against_naive(result: Any, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Error of each model as a share of sales, and how much it adds over the naive one.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.forecast.accuracy` returned by model, or by model and others, with
        a history (``wape``, ``fva``).
    ax : Axes, optional
        Axes to draw on; None: new ones.
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

    Notes
    -----
    The best model stands on top; where the table is by others too (a key, the step), the models of
    one of them stand together, in the table's order.
    """
    caller = "plots.accuracy_against_naive"
    needed = ["model", "wape", "fva"]
    frame, ax = axes(result, needed, ax, lang, caller=caller, figsize=tall(result))
    columns = list(frame.columns)
    others = columns[: columns.index("n")] if "n" in columns else []  # what it is reported by
    others = [column for column in others if column != "model"]
    group = frame.groupby(others, sort=False, dropna=False, observed=True).ngroup() if others else 0
    frame = frame.assign(_group=group).sort_values(
        ["_group", "wape"], ascending=False, kind="stable", na_position="first"
    )
    points = [round(100 * float(gain), 1) + 0.0 for gain in frame["fva"]]  # as they are written
    colours = [GREEN if x > 0 else (RED if x < 0 else GREY) for x in points]
    place = np.arange(len(frame))
    share = frame["wape"].where(np.isfinite(frame["wape"]))  # nothing was sold: no share of it
    ax.barh(place, share, color=colours, height=0.6)
    largest = reach(ax, share, least=0.0)
    for y, wape, gain in zip(place, share, points):
        if pd.isna(wape) or wape > largest:
            continue
        words = "" if pd.isna(gain) else f"  ({gain:+.1f})" if gain else "  (0.0)"
        ax.text(float(wape), float(y), f" {wape:.1%}{words}", va="center", fontsize=9)
    names = [_model(name, lang) for name in frame["model"]]
    for column in others:
        names = [f"{a} · {b}" for a, b in zip(names, frame[column].astype(str))]
    ax.set_yticks(place, names)
    ax.set_ylim(-0.6, len(frame) - 0.4)
    ax.set_xlim(0, 1.25 * largest if largest > 0 else 1.0)
    percent_axis(ax, "x")
    beside = any(pd.notna(x) for x in points)
    ax.set_xlabel(
        t(lang, "error as a share of sales", "误差占销售额的比例")
        + t(lang, " (points better than seasonal naive)", "（括号内：优于季节朴素法的百分点）")
        * beside
    )
    return finish(ax, title=t(lang, "Forecast value added", "预测增加值"), grid="x")


def component_stack(result: Any, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Trend of one series as a line, and what moves it up and down as bars around zero.

    Parameters
    ----------
    result : DataFrame
        Rows of :func:`salesmgmt.forecast.components` for one series.
    ax : Axes, optional
        Axes to draw on; None: new ones.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column is missing, or there are several series.
    """
    caller = "plots.component_stack"
    frame, ax = axes(result, ["date", "amount", *_PARTS], ax, lang, caller=caller)
    frame = _one_series(frame, {"date", "amount", *_PARTS}, caller)
    days = _days_apart(frame)
    up, down = np.zeros(len(frame)), np.zeros(len(frame))
    for name, (english, chinese, colour) in _PARTS.items():
        values = frame[name].to_numpy()
        if name == "trend" or not np.abs(values).max() > 0:
            continue
        base = np.where(values >= 0, up, down)
        ax.bar(frame["date"], values, bottom=base, width=0.85 * days, color=colour,
               label=t(lang, english, chinese))  # fmt: skip
        up += np.maximum(values, 0)
        down += np.minimum(values, 0)
    broken = _with_breaks(frame)
    ax.plot(broken["date"], broken["amount"], color="black", linewidth=1.2, marker=_dot(frame),
            label=t(lang, "amount", "金额"))  # fmt: skip
    ax.plot(broken["date"], broken["trend"], color=GREY, linewidth=2, linestyle="--",
            label=t(lang, "trend", "趋势"))  # fmt: skip
    ax.axhline(0, color="black", linewidth=0.8)
    money_axis(ax, "y", lang)
    title = t(lang, "What the series is made of", "序列的构成")
    return legend(finish(ax, title=title), ncols=6, loc="upper left", bbox_to_anchor=(-0.01, -0.07))


def anomaly_timeline(result: Any, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """One series with the band of the expected and the values outside it.

    Parameters
    ----------
    result : DataFrame
        Rows of :func:`salesmgmt.forecast.anomalies` for one series.
    ax : Axes, optional
        Axes to draw on; None: new ones.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column is missing, or there are several series.
    """
    caller = "plots.anomaly_timeline"
    columns = ["date", "amount", "expected", "lo", "hi", "anomaly"]
    frame, ax = axes(result, columns, ax, lang, caller=caller)
    frame = _one_series(frame, {*columns, "score"}, caller)
    broken = _with_breaks(frame)
    _band(
        ax, broken["date"], broken["lo"], broken["hi"], BLUE, t(lang, "expected range", "预期范围")
    )
    ax.plot(broken["date"], broken["amount"], color=GREY, linewidth=1.2, marker=_dot(frame),
            label=t(lang, "amount", "金额"))  # fmt: skip
    odd = frame[frame["anomaly"]]
    ax.scatter(odd["date"], odd["amount"], color=RED, s=36, zorder=5,
               label=t(lang, f"anomalies ({len(odd)})", f"异常（{len(odd)}）"))  # fmt: skip
    plate = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5}
    for row, words in _named_oddities(ax, frame, odd):
        ax.annotate(words, (row["date"], row["amount"]), fontsize=8, color=RED,
                    xytext=(4, 4), textcoords="offset points", bbox=plate)  # fmt: skip
    money_axis(ax, "y", lang)
    ax.set_ylabel(t(lang, "amount", "金额"))
    return finish(ax, title=t(lang, "Values that do not belong", "异常值"), legend=True)


def _named_oddities(ax: Axes, frame: pd.DataFrame, odd: pd.DataFrame) -> list[tuple[Any, str]]:
    """The oddest values whose dates can stand beside each other, at most twelve."""
    words = dict(zip(frame["date"], day_names(frame["date"])))
    beyond = np.maximum(odd["lo"] - odd["amount"], odd["amount"] - odd["hi"])
    drawn = frame[["lo", "amount", "hi"]].to_numpy()
    tall_as = 72 * ax.get_window_extent().height / ax.figure.dpi
    wide = (frame["date"].max() - frame["date"].min()) * (52 / room(ax))  # of a label
    high = (np.nanmax(drawn) - np.nanmin(drawn)) * (12 / tall_as)
    chosen: list[tuple[Any, str]] = []
    for i in np.argsort(-beyond.to_numpy(), kind="stable"):
        row = odd.iloc[i]
        near = any(
            abs(row["date"] - other["date"]) < wide and abs(row["amount"] - other["amount"]) < high
            for other, _ in chosen
        )
        if not near and len(chosen) < 12:
            chosen.append((row, words[row["date"]]))
    return chosen


def impact_chart(result: Any, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Cumulated effect of one series with its interval, and the effect of each period.

    Parameters
    ----------
    result : DataFrame
        Rows of :func:`salesmgmt.forecast.impact` for one series.
    ax : Axes, optional
        Axes to draw on; None: new ones.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column is missing, or there are several series.
    """
    caller = "plots.impact_chart"
    columns = ["date", "effect", "cumulative", "cumulative_lo", "cumulative_hi", "p_value"]
    frame, ax = axes(result, columns, ax, lang, caller=caller)
    own = {*columns, "actual", "expected", "effect_lo", "effect_hi", "placebo"}
    own |= {"lift", "lift_lo", "lift_hi"}
    frame = _one_series(frame, own, caller)
    days = _days_apart(frame)
    ax.bar(frame["date"], frame["effect"], width=0.7 * days, color=ORANGE, alpha=0.7,
           label=t(lang, "effect of the period", "当期效果"))  # fmt: skip
    ax.plot(frame["date"], frame["cumulative"], color=BLUE, marker="o", markersize=4,
            label=t(lang, "cumulated", "累计效果"))  # fmt: skip
    if frame["cumulative_lo"].notna().any():
        _band(ax, frame["date"], frame["cumulative_lo"], frame["cumulative_hi"], BLUE,
              t(lang, "interval", "区间"))  # fmt: skip
    ax.axhline(0, color="black", linewidth=0.8)
    names = day_names(frame["date"])
    every = -(-len(frame) // min(8, labels_beside(ax, len(names[0]))))
    ax.set_xticks(frame["date"].iloc[::every], names[::every])  # where periods begin
    if len(frame) == 1:  # or the one bar would be all there is
        ax.set_xlim(*(frame["date"].iloc[0] + pd.Timedelta(days=x) for x in (-60, 60)))
    money_axis(ax, "y", lang)
    ax.set_ylabel(t(lang, "amount", "金额"))
    p = float(frame["p_value"].iloc[-1])
    shown = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    if np.isnan(p):
        shown = t(lang, "interval not known", "区间未知")
    return finish(ax, title=t(lang, f"Effect ({shown})", f"效果（{shown}）"), legend=True)


def hierarchy_table(result: Any, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Forecasts of a hierarchy as an indented table, one column a period.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.forecast.reconcile` or ``forecast_hierarchy`` returned: key columns
        (missing: all), ``date``, ``forecast``; at most 40 nodes and eight periods.
    ax : Axes, optional
        Axes to draw on; None: new ones.
    lang : {"en", "zh"}
        Language of the labels.

    Returns
    -------
    Axes
        The Axes drawn on.

    Raises
    ------
    InputError
        A column is missing, there is too much to read, or a node has two forecasts of a date.
    """
    caller = "plots.hierarchy_table"
    mine = ax is None
    frame, ax = axes(result, ["date", "forecast"], ax, lang, caller=caller, figsize=(9, 6))
    own = {"date", "forecast", "status", "base", "actual", "model", "cutoff"}
    keys = [c for c in frame if c not in own and str(c)[:3] not in ("lo_", "hi_")]
    names = frame[keys].astype(object).where(frame[keys].notna(), None)
    node = list(names.itertuples(index=False, name=None))
    dates = sorted(frame["date"].unique())
    order = sorted(set(node), key=lambda k: [(x is not None, str(x)) for x in k])
    if len(order) > 40 or len(dates) > 8:
        raise InputError(
            f"{caller}(): {len(order)} nodes by {len(dates)} periods are too many to read; "
            "choose at most 40 nodes and 8 periods."
        )
    cell = {(k, d): f for k, d, f in zip(node, frame["date"], frame["forecast"])}
    if len(cell) < len(frame):
        raise InputError(
            f"{caller}(): result holds several forecasts of one node and date (models, cutoffs); "
            "choose one of them first."
        )
    _write_levels(ax, order, dates, cell, lang, mine=mine)
    title = t(lang, "Forecast by level", "各层级预测")
    return finish(ax, title=title, grid="")


def _write_levels(
    ax: Axes,
    order: list[tuple[Any, ...]],
    dates: list[Any],
    cell: dict[Any, float],
    lang: str,
    *,
    mine: bool,
) -> None:
    """Names on the left as far as they need room, then a column a period; units are points."""
    heads = day_names(dates)
    long = max(map(len, heads))
    column = 6.2 * long + 14
    names = [
        " / ".join(str(x) for x in k if x is not None) or t(lang, "all", "合计") for k in order
    ]
    indents = [4 + 11 * sum(x is not None for x in k) for k in order]
    wanted = max(4.9 * letters(n) + d for n, d in zip(names, indents)) + 6
    if mine:
        width = min(max(9.0, (wanted + column * len(dates)) / 66), 18.0)
        ax.figure.set_size_inches(width, max(6.0, 0.22 * len(order) + 1))  # type: ignore[union-attr]
    whole = room(ax)
    left = min(max(wanted, whole - 90 * len(dates)), max(whole - column * len(dates), 0.35 * whole))
    ends = left + (whole - left) / len(dates) * np.arange(1, len(dates) + 1) - 2
    shrunk = min(1.0, (whole - left) / len(dates) / (5.2 * long + 6))
    ax.set_axis_off()
    ax.set_xlim(0, whole)
    ax.set_ylim(len(order) + 0.5, -1.4)
    for end, words in zip(ends, heads):
        ax.text(end, -0.8, words, ha="right", fontsize=9 * shrunk, color=GREY)
    for i, (k, name, indent) in enumerate(zip(order, names, indents)):
        size = shrunk * (9 if any(x is not None for x in k) else 10)
        if i % 2 == 0:
            ax.axhspan(i - 0.5, i + 0.5, color=FAINT, alpha=0.35, linewidth=0)
        fits = int((left - 4 - indent) / (4.9 * shrunk))
        ax.text(indent, i, shortened(name, fits), va="center", fontsize=size)
        for end, d in zip(ends, dates):
            if (k, d) in cell:
                ax.text(end, i, short_money(cell[k, d], lang), ha="right", va="center",
                        fontsize=size)  # fmt: skip
