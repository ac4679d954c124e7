"""Figures of the receivables and credit desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._style import BLUE, GREY, axes, finish, money_axis, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["aging_stack"]

_SHADES = ("#0072B2", "#56B4E9", "#F0E442", "#E69F00", "#D55E00", "#8C2D04", "#4D1A02")


def aging_stack(
    result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en", top: int = 12
) -> Axes:
    """Open receivables by key, stacked by age, the oldest last.

    Parameters
    ----------
    result : DataFrame
        An ``aging`` in wide form; rows of one currency are drawn beside those of another.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of title and axis.
    top : int, default=12
        At most so many keys, those who owe most.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    frame, ax = axes(result, ["unapplied", "total", "as_of"], ax, lang, caller="plots.aging_stack")
    names = list(frame.columns)
    buckets = result.attrs.get("buckets") or _bucket_names(frame, names)
    keys = names[: names.index(buckets[0])]
    shown, labels = _largest(frame, keys, [*buckets, "unapplied"], top, lang)
    colours = [*_shades(len(buckets)), GREY]
    place = np.arange(len(shown))
    up, down = np.zeros(len(shown)), np.zeros(len(shown))
    for name, colour in zip([*buckets, "unapplied"], colours, strict=True):
        values = shown[name].to_numpy(dtype=float)
        start = np.where(values >= 0, up, down)
        label = (
            t(lang, "unapplied", "未核销收款") if name == "unapplied" else bucket_label(name, lang)
        )
        ax.barh(place, values, left=start, color=colour, height=0.72, label=label)
        up, down = up + values.clip(min=0), down + values.clip(max=0)
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks(place, labels)
    ax.invert_yaxis()
    money_axis(ax, "x", lang)
    day = pd.Timestamp(frame["as_of"].iloc[0]).date()
    title = t(lang, f"Open receivables by age, {day}", f"应收账款账龄,{day}")
    if len(shown) < len(frame):
        n, of = len(shown), len(frame)
        title += t(lang, f" (largest {n} of {of})", f"(余额最大的 {n} 个,共 {of} 个)")
    return finish(ax, title=title, legend=True, grid="x")


def _bucket_names(frame: pd.DataFrame, names: list[str]) -> list[str]:
    numbers = [c for c in names if pd.api.types.is_float_dtype(frame[c])]
    return numbers[: numbers.index("unapplied")]


def _largest(
    frame: pd.DataFrame, keys: list[str], values: list[str], top: int, lang: str
) -> tuple[pd.DataFrame, list[str]]:
    order = np.argsort(-frame["total"].to_numpy(dtype=float), kind="stable")
    shown = frame.iloc[order[:top]]
    labels = [" / ".join(str(v) for v in row) for row in shown[keys].itertuples(index=False)]
    if not keys:
        labels = [t(lang, "all", "合计")]
    return shown[values], labels


def _shades(n: int) -> list[str]:
    """From cool to hot: one shade a bucket."""
    if n <= len(_SHADES):
        pick = np.linspace(0, min(len(_SHADES) - 1, max(n - 1, 1) + 1), n).round().astype(int)
        return [_SHADES[k] for k in pick]
    from matplotlib import colormaps

    heat = colormaps["YlOrRd"](np.linspace(0.25, 1.0, n - 1))
    return [BLUE, *[f"#{''.join(f'{int(255 * c):02x}' for c in rgb[:3])}" for rgb in heat]]


_ZH = {
    "unapplied": "未核销收款",
    "current": "未到期",
    "not_due": "未到期",
    "within_terms": "信用期内",
    "due": "当日到期",
}


def bucket_label(name: str, lang: str) -> str:
    """A bucket's name as it is shown."""
    if lang != "zh":
        return name.replace("_", " ")
    if name.endswith("+"):
        return f"{name[:-1]}天以上"
    return _ZH.get(name, f"{name}天" if name.replace("-", "").isdigit() else name)
