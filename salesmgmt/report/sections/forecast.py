"""What sales will come in, month by month, and how sure that is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...errors import DataWarning
from ...forecast import forecast
from ...plots.forecast import fan_chart
from .._blocks import Block, Figure, Table, Text

TITLE = {"en": "Sales forecast", "zh": "销售预测"}
NEEDS = ("transactions",)

_HORIZON = 6


def build(
    tables: Mapping[str, pd.DataFrame], *, as_of: Any = None, lang: str = "en"
) -> list[Block]:
    """Six months ahead from the transactions."""
    sales = tables["transactions"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the open month is spoken of below
        ahead = forecast(sales, _HORIZON, freq="M", as_of=as_of)
    first, last = ahead.iloc[0], ahead.iloc[-1]
    if lang == "zh":
        told = (
            f"按月汇总全部交易后预测未来 {_HORIZON} 个月（尚未结束的月份不参与拟合）："
            f"{first['date']:%Y年%m月} 预计 {first['forecast']:,.0f}，"
            f"{last['date']:%Y年%m月} 预计 {last['forecast']:,.0f}。"
            "实际值落在 95% 区间之外应视为异常，值得追问原因。"
        )
        heads = {"date": "月份", "forecast": "预测", "lo_80": "80% 下限", "hi_80": "80% 上限",
                 "lo_95": "95% 下限", "hi_95": "95% 上限"}  # fmt: skip
    else:
        told = (
            f"All transactions summed by month (a month that is not over is left out) and "
            f"forecast {_HORIZON} months ahead: {first['forecast']:,.0f} in "
            f"{first['date']:%B %Y}, {last['forecast']:,.0f} in {last['date']:%B %Y}. A month "
            "outside its 95 % interval would be a surprise worth a question."
        )
        heads = {"date": "Month", "forecast": "Forecast", "lo_80": "80 % low", "hi_80": "80 % high",
                 "lo_95": "95 % low", "hi_95": "95 % high"}  # fmt: skip
    money = dict.fromkeys(["forecast", "lo_80", "hi_80", "lo_95", "hi_95"], "money")
    return [
        Text(told),
        Figure(lambda ax: fan_chart(ahead, ax=ax, lang=lang), TITLE[lang]),
        Table(ahead[list(heads)], formats={"date": "date", **money}, headings=heads),
    ]
