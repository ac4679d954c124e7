"""Figures of the receivables and credit desk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..errors import InputError
from ._style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALETTE,
    axes,
    finish,
    grow,
    legend,
    legend_below,
    money_axis,
    rows_down,
    short_money,
    t,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["aging_stack", "dso_trend", "provision_bridge", "roll_rates", "warnings_timeline"]

_SHADES = ("#0072B2", "#56B4E9", "#F0E442", "#E69F00", "#D55E00", "#8C2D04", "#4D1A02")


def aging_stack(
    result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en", top: int = 12
) -> Axes:
    """Open receivables by key, stacked by age, the oldest last.

    Parameters
    ----------
    result : DataFrame
        An ``aging``; rows of one currency are drawn beside those of another.
    ax : Axes, optional
        Where to draw; None makes a new figure. The legend stands under the bars, or among them
        where the figure has no layout (``layout="constrained"``) that makes room for it.
    lang : {"en", "zh"}
        Language of title and axis.
    top : int, default=12
        At most so many keys, those who owe most.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    # under the axis of a figure that makes no room, a legend is cut off or lies on a neighbour
    inside = ax is not None and ax.figure.get_layout_engine() is None
    buckets = getattr(result, "attrs", {}).get("buckets")
    if buckets and "bucket" in result:
        result = _wide(result, buckets)
    frame, ax = axes(result, ["unapplied", "total", "as_of"], ax, lang, caller="plots.aging_stack")
    names = list(frame.columns)
    buckets = buckets or _bucket_names(frame, names)
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
    grow(ax, len(shown), row=0.24)
    ends = 1.03 * min(down.min(initial=0.0), 0.0), 1.03 * up.max(initial=0.0)
    if ends[1] > ends[0]:  # bars do not end in the frame
        ax.set_xlim(*ends)
    rows_down(ax, labels, fontsize=10)
    money_axis(ax, "x", lang)
    day = pd.Timestamp(frame["as_of"].iloc[0]).date()
    title = t(lang, f"Open receivables by age, {day}", f"应收账款账龄，{day}")
    if len(shown) < len(frame):
        n, of = len(shown), len(frame)
        title += t(lang, f" (largest {n} of {of})", f"（余额最大的 {n} 个，共 {of} 个）")
    ax = finish(ax, title=title, grid="x")
    if inside:
        return legend(ax, loc="best", fontsize=8, frameon=True, ncols=1 + (len(buckets) > 6))
    return legend_below(ax, ncols=4, points=20)


def _wide(long: pd.DataFrame, buckets: list[str]) -> pd.DataFrame:
    """An aging in long form with its buckets side by side."""
    keys = [c for c in long.columns if c not in ("bucket", "amount", "as_of")]
    groups = long.groupby(keys, sort=False, dropna=False, observed=True) if keys else None
    code = np.zeros(len(long), np.int64) if groups is None else groups.ngroup().to_numpy()
    place = long["bucket"].map({name: k for k, name in enumerate(buckets)})
    amounts = np.zeros((int(code.max(initial=-1)) + 1, len(buckets) + 1))  # unapplied is the last
    at = place.fillna(len(buckets)).to_numpy(dtype=np.int64)
    np.add.at(amounts, (code, at), long["amount"].to_numpy(dtype=float))
    out = pd.DataFrame(amounts, columns=[*buckets, "unapplied"])
    out["total"] = amounts.sum(axis=1)
    first = long[[*keys, "as_of"]][~pd.Series(code).duplicated().to_numpy()].reset_index(drop=True)
    return pd.concat([first[keys], out, first[["as_of"]]], axis=1)


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


def roll_rates(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Where the money of each bucket is a period later, as a heat map.

    Parameters
    ----------
    result : DataFrame
        A ``roll_rates`` result of one key (and one period).
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of labels.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    caller = "plots.roll_rates"
    frame, ax = axes(result, ["from", "to", "rate"], ax, lang, caller=caller)
    if frame.duplicated(["from", "to"]).any():
        raise InputError(f"{caller}(): result holds several keys or periods; choose one.")
    rows = list(dict.fromkeys(frame["from"]))
    columns = list(dict.fromkeys(frame["to"]))
    table = frame.set_index(["from", "to"])["rate"].unstack().reindex(index=rows, columns=columns)
    rates = table.to_numpy(dtype=float)
    ax.imshow(np.nan_to_num(rates), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (y, x), rate in np.ndenumerate(rates):
        words = "" if np.isnan(rate) else f"{rate:.1%}"
        ax.text(x, y, words, ha="center", va="center", fontsize=9,
                color="white" if rate > 0.55 else "black")  # fmt: skip
    ax.set_xticks(range(len(columns)), [bucket_label(c, lang) for c in columns])
    if len(columns) > 8:  # many names would touch one another
        ax.tick_params(axis="x", labelrotation=30)
    ax.set_yticks(range(len(rows)), [bucket_label(r, lang) for r in rows])
    ax.set_xlabel(t(lang, "at the end of the period", "期末"))
    ax.set_ylabel(t(lang, "at its start", "期初"))
    title = t(lang, "Roll rates: share of each bucket's money", "迁徙率：各账龄段金额去向")
    return finish(ax, title=title, grid="")


def dso_trend(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Days sales outstanding over time, one line a key.

    Parameters
    ----------
    result : DataFrame
        A ``dso`` or ``delinquent_days`` with ``freq``.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of labels.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    frame, ax = axes(result, ["dso", "as_of"], ax, lang, caller="plots.dso_trend")
    keys = list(frame.columns[: min(frame.columns.get_loc(c) for c in _MEASURES if c in frame)])
    groups = list(frame.groupby(keys, sort=True, dropna=False, observed=True)) if keys else []
    groups = groups or [((), frame)]
    many = len(groups) > len(PALETTE)  # they could not be told apart
    dates = pd.to_datetime(frame["as_of"]).unique()
    for n, (key, part) in enumerate(groups):
        colour = BLUE if many else PALETTE[n]
        name = " / ".join(map(str, key)) or "DSO"
        if many:
            told = t(lang, f"each of {len(groups)}", f"{len(groups)} 个中的每一个")
            name = told if n == 0 else "_"
        _line(ax, part, "dso", color=colour, label=name,
              linewidth=1.0 if many else 1.8, alpha=0.4 if many else 1.0)  # fmt: skip
        if "best_possible" in part and not many:
            best = t(lang, "best possible", "最优")
            _line(ax, part, "best_possible", color=colour, linestyle="--",
                  linewidth=1.2, label=name + t(lang, ", ", "，") + best)  # fmt: skip
    highest = frame[[c for c in ("dso", "best_possible") if c in frame]].max(axis=None)
    ax.set_ylim(0, 1.06 * highest if highest > 0 else 1)
    ax.set_ylabel(t(lang, "days", "天"))
    if len(dates) == 1:
        ax.set_xticks(dates, [str(dates[0].date())])
    else:
        _dates(ax)
    title = t(lang, "Days sales outstanding", "应收账款周转天数（DSO）")
    return finish(ax, title=title, legend=True)


_MEASURES = ("receivables", "dso")
_ITEMS = {
    "opening": "期初余额",
    "charge": "计提",
    "reversal": "转回",
    "write_off": "核销",
    "recovery": "收回",
    "closing": "期末余额",
}


def provision_bridge(result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en") -> Axes:
    """Movement of the allowance from opening to closing balance.

    Parameters
    ----------
    result : DataFrame
        A ``provision_movement`` of one currency.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of labels.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    caller = "plots.provision_bridge"
    frame, ax = axes(result, ["item", "amount"], ax, lang, caller=caller)
    if frame["item"].duplicated().any():
        raise InputError(f"{caller}(): result holds several currencies; choose one.")
    amounts = frame["amount"].to_numpy(dtype=float)
    ends = np.isin(frame["item"].astype(str), ("opening", "closing"))
    level = np.cumsum(np.where(frame["item"] == "closing", 0.0, amounts))
    start = np.where(ends, 0.0, level - amounts)
    colours = np.where(ends, BLUE, np.where(amounts >= 0, ORANGE, GREEN))
    place = np.arange(len(frame))
    ax.bar(place, amounts, bottom=start, color=list(colours), width=0.62)
    for x, y, value in zip(place, np.maximum(start, start + amounts), amounts, strict=True):
        ax.annotate(short_money(value, lang), (x, y), textcoords="offset points", xytext=(0, 3),
                    ha="center", fontsize=9)  # fmt: skip
    for x in place[:-1]:
        ax.plot([x + 0.31, x + 0.69], [level[x], level[x]], color=GREY, linewidth=0.8)
    names = [_ITEMS[i] if lang == "zh" else str(i).replace("_", "-") for i in frame["item"]]
    ax.set_xticks(place, names)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.1 * (high - low))  # room for the numbers
    money_axis(ax, "y", lang)
    return finish(ax, title=t(lang, "Movement of the loss allowance", "坏账准备变动"))


_SIGNALS = {
    "overdue": ("overdue", "逾期"),
    "slowing_payments": ("slowing payments", "付款变慢"),
    "partial_payments": ("partial payments", "部分付款"),
    "broken_promises": ("broken promises", "失约"),
    "disputes": ("disputes", "争议"),
    "limit_use": ("limit use", "额度占用"),
    "order_stop": ("order stop", "停止下单"),
}


def warnings_timeline(
    result: pd.DataFrame, *, ax: Axes | None = None, lang: str = "en", top: int = 12
) -> Axes:
    """Since when each customer shows which sign of trouble.

    Parameters
    ----------
    result : DataFrame
        An ``early_warning``; several dates put together draw the history.
    ax : Axes, optional
        Where to draw; None makes a new figure.
    lang : {"en", "zh"}
        Language of labels.
    top : int, default=12
        At most so many customers, in the order of the result.

    Returns
    -------
    Axes
        The Axes drawn on.
    """
    needed = ["signal", "severity", "since", "as_of"]
    frame, ax = axes(result, needed, ax, lang, caller="plots.warnings_timeline")
    who = frame.columns[0]
    customers = list(dict.fromkeys(frame[who]))[:top]
    shown = frame[frame[who].isin(customers)]
    size = {"low": 2.0, "medium": 3.5, "high": 5.5}
    place = _lanes(shown, who, customers)
    for n, (signal, words) in enumerate(_SIGNALS.items()):
        part = shown[shown["signal"] == signal]
        label = words[1 if lang == "zh" else 0]
        lines = zip(part[who], part["since"], part["as_of"], part["severity"], strict=True)
        for customer, since, as_of, severity in lines:
            y = place[customer, signal]
            ax.plot([since, as_of], [y, y], color=PALETTE[n], linewidth=size[severity],
                    marker="s" if since == as_of else None, markersize=size[severity],
                    solid_capstyle="butt", label=label)  # fmt: skip
            label = "_"
    for n in range(1, len(customers), 2):  # whose line is it?
        ax.axhspan(n - 0.5, n + 0.5, color=GREY, alpha=0.1, linewidth=0, zorder=0)
    grow(ax, len(customers), row=0.24)
    ax.set_ylim(-0.5, max(len(customers), 1) - 0.5)
    ax.set_yticks(range(len(customers)), [str(c) for c in customers])
    ax.invert_yaxis()
    if (shown["since"] == shown["as_of"].max()).all():  # one day is no span
        ax.set_xticks([last := pd.Timestamp(shown["as_of"].max())], [str(last.date())])
        ax.set_xlim(last - pd.Timedelta(days=15), last + pd.Timedelta(days=15))
    else:
        _dates(ax)
    title = t(
        lang,
        "Early warnings: since when (thicker: more severe)",
        "预警信号及起始时间（线越粗越严重）",
    )
    ax = finish(ax, title=title, legend=False, grid="x")
    if len(shown):
        key = legend_below(ax).get_legend()  # beside, it would take the room of the dates
        for line in [] if key is None else key.get_lines():  # thickness says severity alone
            line.set_linewidth(size["medium"])
    return ax


def _lanes(shown: pd.DataFrame, who: str, customers: list[Any]) -> dict[tuple[Any, str], float]:
    """Height of each customer's signals: side by side around the customer's own line."""
    out = {}
    for n, customer in enumerate(customers):
        own = set(shown["signal"][shown[who] == customer])
        mine = [s for s in _SIGNALS if s in own]
        for k, signal in enumerate(mine):
            out[customer, signal] = n + (k - (len(mine) - 1) / 2) * 0.13
    return out


def _line(ax: Axes, part: pd.DataFrame, column: str, **style: Any) -> None:
    """A line over time; a value between missing ones has no line, so it gets a dot."""
    known = part[column].notna().to_numpy()
    alone = known & ~np.r_[False, known[:-1]] & ~np.r_[known[1:], False]
    if alone.any():
        style |= {"marker": "o", "markersize": 4, "markevery": np.flatnonzero(alone).tolist()}
    ax.plot(part["as_of"], part[column], **style)


def _dates(ax: Axes) -> None:
    from matplotlib.dates import MONTHLY, AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=8)  # of four years: years, not nine half-years
    locator.maxticks[MONTHLY] = 9  # half-years up to there
    ax.xaxis.set_major_locator(locator)
    formats = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S"]  # the same in each language
    formatter = ConciseDateFormatter(
        locator, formats=formats, zero_formats=formats, show_offset=False
    )
    ax.xaxis.set_major_formatter(formatter)


_ZH = {
    "unapplied": "未核销收款",
    "current": "未到期",
    "not_due": "未到期",
    "within_terms": "信用期内",
    "due": "当日到期",
    "paid": "已回款",
    "written_off": "坏账核销",
}


def bucket_label(name: str, lang: str) -> str:
    """A bucket's name as it is shown."""
    if lang != "zh":
        return name.replace("_", " ")
    if name in _ZH:
        return _ZH[name]
    span = re.fullmatch(r"(<=|>|)(\d+(?:-\d+)?)(y?)(\+?)", name)
    if span is None or (span[1] == ">" and not span[3]):  # the caller's own
        return name
    end = "以内" if span[1] == "<=" else "以上" if span[1] or span[4] else ""
    return f"{span[2]}{'年' if span[3] else '天'}{end}"
