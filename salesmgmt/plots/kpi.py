"""Figures of the KPI desk."""

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
    RED,
    axes,
    finish,
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

__all__ = ["bridge", "control_chart", "rank_intervals", "scorecard"]

_CARD = ("metric", "value", "target", "attainment", "score", "weight", "weighted")
_MOST = 30


def scorecard(
    result: pd.DataFrame,
    *,
    ax: Axes | None = None,
    lang: str = "en",
    key: Any = None,
) -> Axes:
    """Scorecard as bullets: the score of each metric as a bar, full marks as a line.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.kpi.scorecard` returned.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}
        Language of the words.
    key : scalar or tuple, optional
        Draw this key alone; None: all, the first 30 bullets of a long card.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        Not a scorecard, or the key is not in it.
    """
    caller = "plots.scorecard"
    size = tall(
        range(min(len(result), _MOST)) if hasattr(result, "__len__") and key is None else ()
    )
    frame, ax = axes(result, _CARD, ax, lang, caller=caller, figsize=size)
    names = [c for c in frame.columns if c not in (*_CARD, "full_marks", "score_se")]
    label = frame[names].astype(str).agg(" / ".join, axis=1)
    if key is not None:
        wanted = " / ".join(map(str, key if isinstance(key, tuple) else (key,)))
        if not (label == wanted).any():
            raise InputError(f"{caller}(): key {key!r} is not in the scorecard.")
        frame, label = frame[label == wanted], label[label == wanted]
    shown, label = frame.head(_MOST), label.head(_MOST)
    single = label.nunique() == 1
    text = shown["metric"] if single else label + "  " + shown["metric"]
    marks = shown["full_marks"].fillna(1.0) if "full_marks" in shown.columns else 1.0
    _bullets(ax, (shown["score"] / marks).to_numpy(np.float64), [str(v) for v in text], shown, lang)
    head = t(lang, "Scorecard", "绩效计分卡") + (
        t(lang, ": ", "：") + label.iloc[0] if single else ""
    )
    if len(frame) > _MOST:
        head += t(
            lang, f" (first {_MOST} of {len(frame)})", f"（前 {_MOST} 行，共 {len(frame)} 行）"
        )
    ax.set_xlabel(t(lang, "score (100 %: full marks)", "得分（100% 为满分）"))
    percent_axis(ax, "x")
    return finish(ax, title=head, grid="x")


def _bullets(ax: Axes, score: np.ndarray, text: list[str], shown: pd.DataFrame, lang: str) -> None:
    at = np.arange(len(score))
    drawn = np.nan_to_num(score)
    most = 1.02 * float(drawn.max(initial=0))
    right = min(max(1.2, most), reach(ax, drawn, least=1.2) * 1.02)
    ax.barh(at, right, height=0.78, color=FAINT, alpha=0.5)
    colors = [BLUE if v >= 1 - 1e-9 else ORANGE for v in drawn]
    ax.barh(at, drawn, height=0.4, color=colors)
    ax.vlines(np.ones(len(at)), at - 0.36, at + 0.36, color=GREY, linewidth=2)
    for i, (value, target) in enumerate(zip(shown["value"], shown["target"], strict=True)):
        goal = "" if pd.isna(target) else f" / {_short(target, lang)}"
        measured = "" if pd.isna(value) else _short(value, lang)
        note = f"{measured}{goal}" if measured else t(lang, "not measured", "未计量")
        ax.text(right * 1.01, i, note, va="center", fontsize=8, color=GREY)
    rows_down(ax, text)
    low = max(float(drawn.min(initial=0)), reach(ax, drawn, least=0.2, below=True))
    ax.set_xlim(1.05 * low, right)


def _short(value: float, lang: str) -> str:
    if abs(value) >= 1e7:
        return short_money(value, lang, digits=4)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


_EFFECTS = {
    "before": ("before", "期初"),
    "price": ("price", "价格"),
    "volume": ("volume", "销量"),
    "mix": ("mix", "结构"),
    "joint": ("joint", "交互"),
    "new": ("new", "新增"),
    "lost": ("lost", "流失"),
    "currency": ("currency", "汇率"),
    "cost": ("cost", "成本"),
    "other": ("other", "其他"),
    "after": ("after", "期末"),
}


def bridge(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Waterfall of a bridge: each effect from where the last one ended.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.kpi.bridge` returned for one total; with ``ends=True`` the bars of
        before and after are drawn.
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
        Not a bridge, or one of several keys.
    """
    caller = "plots.bridge"
    frame, ax = axes(result, ["effect", "amount"], ax, lang, caller=caller)
    if frame["effect"].duplicated().any():
        raise InputError(f"{caller}(): result has several keys; pass the rows of one of them.")
    ends = frame["effect"].isin(["before", "after"]).to_numpy()
    shown = frame[ends | (frame["amount"] != 0).to_numpy()]
    level = 0.0
    for i, (effect, amount) in enumerate(zip(shown["effect"], shown["amount"], strict=True)):
        low, color = level, GREEN if amount >= 0 else RED
        if effect in ("before", "after"):
            low, color = 0.0, GREY
        ax.bar(i, amount, bottom=low, color=color, width=0.62)
        end = low + amount
        if i + 1 < len(shown):
            ax.plot([i + 0.31, i + 0.69], [end, end], color=GREY, linewidth=0.8)
        sign = "" if effect in ("before", "after") else "+" if amount >= 0 else ""
        ax.annotate(sign + short_money(amount, lang), (i, max(low, end)), ha="center", va="bottom",
                    xytext=(0, 2), textcoords="offset points", fontsize=9)  # fmt: skip
        level = end
    words = [t(lang, *_EFFECTS.get(e, (e, e))) for e in shown["effect"]]
    ax.set_xticks(range(len(shown)), words)
    ax.axhline(0, color=GREY, linewidth=0.8)
    money_axis(ax, "y", lang)
    # A bar keeps the axis from going beyond it: room for the numbers has to be made.
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.08 * (high - low))
    return finish(ax, title=t(lang, "What moved the result", "变动归因"))


def control_chart(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Control chart: values, centre and limits; signals marked.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.kpi.control_chart` returned.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}
        Language of the words.

    Returns
    -------
    Axes
    """
    columns = ["label", "value", "centre", "lcl", "ucl", "signal"]
    frame, ax = axes(result, columns, ax, lang, caller="plots.control_chart")
    x = frame["label"]
    if not (pd.api.types.is_numeric_dtype(x) or pd.api.types.is_datetime64_any_dtype(x)):
        x = x.astype(str)
    ax.plot(x, frame["value"], color=BLUE, marker="o", markersize=4, linewidth=1,
            label=t(lang, "value", "数值"))  # fmt: skip
    ax.step(x, frame["centre"], where="mid", color=GREY, linewidth=1.2,
            label=t(lang, "centre", "中心线"))  # fmt: skip
    for name, label in (("ucl", t(lang, "natural limits", "控制限")), ("lcl", "")):
        ax.step(x, frame[name], where="mid", color=GREY, linestyle="--", linewidth=1, label=label)
    at = frame["signal"].to_numpy(dtype=bool)
    ax.plot(x[at], frame["value"][at], linestyle="", marker="o", markersize=9, color=RED,
            fillstyle="none", markeredgewidth=1.8, label=t(lang, "signal", "异常信号"))  # fmt: skip
    if frame["value"].abs().max() >= 10_000:
        money_axis(ax, "y", lang)
    if x.dtype.kind not in "iufM":
        shown = np.arange(0, len(frame), -(-len(frame) // 40))
        ax.set_xticks(shown, [_cut(x.iloc[i]) for i in shown], fontsize=8)
    if len(frame) > 12 and not pd.api.types.is_numeric_dtype(x):
        ax.tick_params(axis="x", rotation=90 if len(frame) > 24 else 45)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))  # the legend stands above the limits
    return finish(ax, title=t(lang, "Control chart", "控制图"), legend=True)


def _cut(name: str) -> str:
    """A long name by its beginning and its end."""
    return name if len(name) <= 18 else f"{name[:8]}…{name[-9:]}"


def rank_intervals(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Ranks with the interval each deserves, best on top.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.kpi.totals` (of scores with errors) or
        :func:`salesmgmt.kpi.shrink` returned.
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
        The result has no intervals.
    """
    caller = "plots.rank_intervals"
    size = tall(range(min(len(result), _MOST)) if hasattr(result, "__len__") else ())
    frame, ax = axes(result, ["rank", "rank_lo", "rank_hi"], ax, lang, caller=caller, figsize=size)
    if frame["rank_lo"].isna().all():
        raise InputError(
            f"{caller}(): result has no rank intervals; give metrics an error= column first."
        )
    known = ("total", "rank", "rank_lo", "rank_hi", "grade", "previous", "change",
             "rank_change", "trend", "numerator", "denominator", "raw", "shrunk", "lo", "hi",
             "weight")  # fmt: skip
    names = [c for c in frame.columns if c not in known]
    whole = len(frame)
    frame = frame.sort_values(["rank", *names], ignore_index=True).head(_MOST)
    at = np.arange(len(frame))
    low, high = (frame[c].to_numpy(np.float64) for c in ("rank_lo", "rank_hi"))
    ax.hlines(at, low, high, color=BLUE, linewidth=5, alpha=0.35,
              label=t(lang, "rank may lie here", "名次可能范围"))  # fmt: skip
    ax.plot(frame["rank"].to_numpy(np.float64), at, linestyle="", marker="o", color=BLUE,
            label=t(lang, "rank", "名次"))  # fmt: skip
    rows_down(ax, frame[names].astype(str).agg(" / ".join, axis=1))
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel(t(lang, "rank (1 is best)", "名次（1 为最佳）"))
    ax.set_xlim(0.3, float(max(high.max(), 2)) + 0.7)
    title = t(lang, "How sure the ranks are", "名次有多可靠")
    if whole > _MOST:
        title += t(lang, f" (first {_MOST} of {whole})", f"（前 {_MOST} 名，共 {whole} 个）")
    return legend_below(finish(ax, title=title, grid="x"))
