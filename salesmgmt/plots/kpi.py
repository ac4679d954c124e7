"""Figures of the KPI desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..errors import InputError
from ._style import BLUE, FAINT, GREY, ORANGE, axes, finish, percent_axis, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["scorecard"]

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
    frame, ax = axes(result, _CARD, ax, lang, caller=caller)
    names = [c for c in frame.columns if c not in (*_CARD, "score_se")]
    label = frame[names].astype(str).agg(" / ".join, axis=1)
    if key is not None:
        wanted = " / ".join(map(str, key if isinstance(key, tuple) else (key,)))
        if not (label == wanted).any():
            raise InputError(f"{caller}(): key {key!r} is not in the scorecard.")
        frame, label = frame[label == wanted], label[label == wanted]
    shown, label = frame.head(_MOST), label.head(_MOST)
    single = label.nunique() == 1
    text = shown["metric"] if single else label + "  " + shown["metric"]
    _bullets(ax, shown["score"].to_numpy(np.float64), [str(v) for v in text], shown, lang)
    head = t(lang, "Scorecard", "绩效计分卡") + (f": {label.iloc[0]}" if single else "")
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
    right = max(1.2, float(drawn.max(initial=0)) * 1.02)
    ax.barh(at, right, height=0.78, color=FAINT, alpha=0.5)
    colors = [BLUE if v >= 1 - 1e-9 else ORANGE for v in drawn]
    ax.barh(at, drawn, height=0.4, color=colors)
    ax.vlines(np.ones(len(at)), at - 0.36, at + 0.36, color=GREY, linewidth=2)
    for i, (value, target) in enumerate(zip(shown["value"], shown["target"], strict=True)):
        goal = "" if pd.isna(target) else f" / {_short(target)}"
        note = t(lang, "not measured", "未计量") if pd.isna(value) else f"{_short(value)}{goal}"
        ax.text(right * 1.01, i, note, va="center", fontsize=8, color=GREY)
    ax.set_yticks(at, text, fontsize=9)
    ax.set_xlim(min(0.0, float(drawn.min(initial=0)) * 1.05), right)
    ax.invert_yaxis()


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
