"""What sales will come in, month by month, how sure that is, and how good such forecasts were."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...errors import DataWarning
from ...forecast import accuracy, backtest, components, forecast
from ...plots.forecast import fan_chart
from .._blocks import Block, Figure, Table, Text

TITLE = {"en": "Sales forecast", "zh": "销售预测"}
NEEDS = ("transactions",)

_HORIZON = 6
_SHOWN = 24  # months of the past in the figure
_TRIED = 3  # months ahead that are looked back on
_MOST = 4  # times
_LEAST = 24  # months known before
_HEADS = {
    "en": ("Month", "Forecast", "80 % low", "80 % high", "95 % low", "95 % high"),
    "zh": ("月份", "预测", "80% 下限", "80% 上限", "95% 下限", "95% 上限"),
}
_CAPTION = {"en": "Two years and six months ahead", "zh": "近两年与未来六个月"}


def build(
    tables: Mapping[str, pd.DataFrame], *, as_of: Any = None, lang: str = "en"
) -> list[Block]:
    """Six months ahead from the transactions."""
    sales = tables["transactions"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the open month is spoken of below
        ahead = forecast(sales, _HORIZON, freq="M", as_of=as_of)
        past = components(sales, freq="M", as_of=as_of)[["date", "amount"]]
        times = min((len(past) - _LEAST) // _TRIED, _MOST)
        errors = _errors(sales, times, as_of) if times > 1 else None
    shown = past[past["date"] < ahead["date"].iloc[0]].tail(_SHOWN)
    columns = ["date", "forecast", "lo_80", "hi_80", "lo_95", "hi_95"]
    heads = dict(zip(columns, _HEADS[lang], strict=True))
    table = ahead.assign(date=ahead["date"].dt.strftime("%Y-%m"))[columns]
    money = dict.fromkeys(columns[1:], "money")
    return [
        Text(_told(ahead, lang) + _judged(errors, _TRIED * times, lang)),
        Figure(lambda ax: fan_chart(ahead, history=shown, ax=ax, lang=lang), _CAPTION[lang]),
        Table(table, formats=money, headings=heads),
    ]


def _errors(sales: pd.DataFrame, times: int, as_of: Any) -> pd.Series:
    """Error of the last months as a share of sales, by model."""
    tried = backtest(sales, _TRIED, freq="M", windows=times, as_of=as_of, level=None)
    judged = accuracy(tried, history=sales, freq="M").set_index("model")["wape"]
    return judged.reindex(["auto", "seasonal_naive"])


def _told(ahead: pd.DataFrame, lang: str) -> str:
    first, last = ahead.iloc[0], ahead.iloc[-1]
    sure = bool(np.isfinite(ahead["lo_95"]).all())
    if lang == "zh":
        told = (
            f"按月汇总全部交易后预测未来 {_HORIZON} 个月（尚未结束的月份不参与拟合）："
            f"{first['date']:%Y年%m月} 预计 {first['forecast']:,.0f}，"
            f"{last['date']:%Y年%m月} 预计 {last['forecast']:,.0f}。"
        )
        return told + ("实际值落在 95% 区间之外应视为异常，值得追问原因。" if sure else "")
    told = (
        f"All transactions summed by month (a month that is not over is left out) and "
        f"forecast {_HORIZON} months ahead: {first['forecast']:,.0f} in {_month(first['date'])}, "
        f"{last['forecast']:,.0f} in {_month(last['date'])}."
    )
    sequel = " A month outside its 95 % interval would be a surprise worth a question."
    return told + (sequel if sure else "")


def _month(date: pd.Timestamp) -> str:
    return f"{date.month_name()} {date.year}"


def _judged(errors: pd.Series | None, months: int, lang: str) -> str:
    """How far off such forecasts were lately, beside the same months of the year before."""
    if errors is None or not np.isfinite(errors).all():
        return ""
    ours, naive = errors
    if lang == "zh":
        return (
            f"用同样方法回看最近 {months} 个月（每次预测 {_TRIED} 个月），误差占销售额的 "
            f"{ours:.1%}；照搬上年同月则为 {naive:.1%}。"
        )
    return (
        f" Made the same way for the last {months} months, {_TRIED} at a time, forecasts were "
        f"off by {ours:.1%} of sales; repeating the same months of the year before, by "
        f"{naive:.1%}."
    )
