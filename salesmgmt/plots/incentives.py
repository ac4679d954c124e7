"""Figures of the incentives desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ..errors import InputError
from ._style import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    RED,
    axes,
    day_names,
    finish,
    legend_below,
    money_axis,
    percent_axis,
    rows_down,
    t,
    tall,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["pay_curve", "pay_mix"]

_PARTS = (
    ("commission", "commission", "提成", BLUE),
    ("multiplier", "multiplier", "绩效系数", "#56B4E9"),
    ("spiff", "SPIFF", "专项奖励", "#009E73"),
    ("pool", "team pool", "团队奖金池", "#CC79A7"),
    ("released", "released", "回款兑现", "#8C6D31"),
    ("draw", "draw", "预支", FAINT),
    ("carried", "waived or carried", "豁免或结转", "#F0E442"),
    ("clawback", "clawback", "追回", RED),
    ("cap", "cap", "封顶", ORANGE),
    ("held", "held", "待回款", GREY),
    ("recovered", "recovered", "抵扣", "#444444"),
)


def pay_curve(
    result: pd.DataFrame,
    *,
    ax: Axes | None = None,
    lang: str = "en",
    payouts: pd.DataFrame | None = None,
    cliffs: pd.DataFrame | None = None,
) -> Axes:
    """Pay against what is sold, with the people on it.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.incentives.pay_curve` returned.
    ax : Axes, optional
        Where to draw; None: a new figure.
    lang : {"en", "zh"}
        Language of the words.
    payouts : DataFrame, optional
        What :func:`salesmgmt.incentives.payout` returned: each payee's period as a point.
    cliffs : DataFrame, optional
        What :func:`salesmgmt.incentives.cliffs` returned: places where pay jumps.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        A frame is not what the desk returned.
    """
    caller = "plots.pay_curve"
    frame, ax = axes(result, ["amount", "attainment", "payout"], ax, lang, caller=caller)
    by = "attainment" if frame["attainment"].notna().any() else "amount"
    ax.plot(frame[by], frame["payout"], color=BLUE, linewidth=2, label=t(lang, "plan", "方案"))
    right = float(frame[by].max())
    if payouts is not None:
        _need(payouts, [by, "payout"], "payouts", caller=caller)
        inside = payouts[payouts[by] <= right]
        n = f"{len(inside):,}"  # rows of the payout: somebody's month each
        label = t(lang, f"payouts ({n})", f"各人各期（{n}）")
        ax.plot(inside[by], inside["payout"], linestyle="", marker="o", markersize=5, alpha=0.45,
                color=ORANGE, label=label)  # fmt: skip
        beyond = len(payouts) - len(inside)
        if beyond:
            told = t(lang, f"{beyond} further to the right", f"另有 {beyond} 个在图右侧之外")
            ax.text(0.99, 0.02, told, transform=ax.transAxes, ha="right", fontsize=8, color=GREY)
    if cliffs is not None:
        _need(cliffs, ["at", "attainment", "kind"], "cliffs", caller=caller)
        places = cliffs.loc[cliffs["kind"] != "steep", "attainment" if by == "attainment" else "at"]
        for i, place in enumerate(places):
            ax.axvline(place, color=RED, linestyle=":", linewidth=1.2,
                       label=t(lang, "cliff", "断崖") if i == 0 else None)  # fmt: skip
    ax.set_xlim(0, right)
    if by == "attainment":
        percent_axis(ax, "x")
        ax.set_xlabel(t(lang, "attainment of the target", "目标完成率"))
    else:
        money_axis(ax, "x", lang)
        ax.set_xlabel(t(lang, "amount", "金额"))
    money_axis(ax, "y", lang)
    ax.set_ylabel(t(lang, "pay of the period", "当期提成"))
    return finish(ax, title=t(lang, "Pay curve", "提成曲线"), legend=True)


def pay_mix(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """What pay is made of, payee by payee: parts to the right, deductions to the left.

    Parameters
    ----------
    result : DataFrame
        What :func:`salesmgmt.incentives.payout` returned (one row a payee: one period, or
        summed); the first 30 rows are drawn.
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
        Not a payout.
    """
    columns = [c for c, *_ in _PARTS]
    size = tall(result[:30] if hasattr(result, "head") else (), least=3.0)
    frame, ax = axes(result, [*columns, "payout"], ax, lang, caller="plots.pay_mix", figsize=size)
    names = list(frame.columns[: list(frame.columns).index("amount")])
    shown = frame.head(30)
    dated = {n for n in names if shown[n].dtype.kind == "M" and shown[n].notna().all()}
    told = {n: day_names(shown[n]) if n in dated else shown[n] for n in names}
    text = pd.DataFrame(told, index=shown.index).astype(str).agg(" / ".join, axis=1)
    at = range(len(shown))
    right, left = (pd.Series(0.0, index=shown.index) for _ in range(2))
    for column, en, zh, color in _PARTS:
        value = shown[column]
        if not value.any():
            continue
        up, down = value.clip(lower=0), value.clip(upper=0)
        ax.barh(at, up, left=right, color=color, height=0.7, label=t(lang, en, zh))
        ax.barh(at, down, left=left, color=color, height=0.7)
        right, left = right + up, left + down
    ax.plot(shown["payout"], at, linestyle="", marker="|", markersize=12, color="black",
            markeredgewidth=2, label=t(lang, "payout", "实发"))  # fmt: skip
    rows_down(ax, text)
    money_axis(ax, "x", lang)
    title = t(lang, "What pay is made of", "薪酬构成")
    if len(frame) > len(shown):
        title += t(
            lang,
            f" (first {len(shown)} of {len(frame)})",
            f"（前 {len(shown)} 行，共 {len(frame)} 行）",
        )
    return legend_below(finish(ax, title=title, grid="x"), ncols=4, points=20)


def _need(frame: pd.DataFrame, columns: list[str], arg: str, *, caller: str) -> None:
    lost = [c for c in columns if c not in frame.columns]
    if lost:
        raise InputError(f"{caller}(): {arg} has no column {lost[0]!r}; pass the desk's result.")
