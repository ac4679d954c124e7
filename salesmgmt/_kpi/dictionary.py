# ruff: noqa: E501 - a table reads best with one row a line
"""What each indicator means: one row a metric, in English and Chinese."""

from __future__ import annotations

import pandas as pd

__all__ = ["DICTIONARY"]

_FIELDS = ("name", "en", "中文", "definition", "定义", "formula", "unit", "direction", "source")
_COLUMNS = ["name", "中文", "formula", "unit", "direction", "source", "en", "definition", "定义"]

_ENTRIES = (
    ("revenue", "Revenue", "销售额", "Amounts sold, less returns", "销售金额，已扣退货",
     "sum(amount)", "money", "higher", "transactions"),
    ("growth_yoy", "Growth on the year", "同比增长率", "Revenue against the same period a year before",
     "与上年同期相比的销售额增幅", "revenue / revenue a year before - 1", "share", "higher", "transactions"),
    ("growth_mom", "Growth on the period", "环比增长率", "Revenue against the period before (month on month for months)",
     "与上一期相比的销售额增幅", "revenue / revenue of the period before - 1", "share", "higher", "transactions"),
    ("revenue_ytd", "Revenue, year to date", "本年累计销售额", "Revenue since the fiscal year began",
     "财年年初至今的销售额", "cumulated revenue of the fiscal year", "money", "higher", "transactions"),
    ("growth_ytd", "Growth, year to date", "累计同比增长率", "Revenue, year to date, against a year before",
     "本年累计与上年同期累计相比的增幅", "revenue_ytd / revenue_ytd a year before - 1", "share", "higher", "transactions"),
    ("orders", "Orders", "订单数", "Distinct orders with at least one positive line",
     "至少含一行正金额的不同订单数", "count distinct order_id", "count", "higher", "transactions"),
    ("customers", "Customers", "成交客户数", "Distinct customers who bought", "有购买的不同客户数",
     "count distinct customer_id", "count", "higher", "transactions"),
    ("new_customers", "New customers", "新客户数", "Customers whose first purchase ever in the data lies in the period",
     "首次购买发生在本期的客户数", "count of first purchases", "count", "higher", "transactions"),
    ("reactivated_customers", "Reactivated customers", "唤回客户数",
     "Customers who bought again after a long pause (inactive=365 days)", "停购超过365天后再次购买的客户数",
     "count of purchases after a pause", "count", "higher", "transactions"),
    ("repeat_rate", "Repeat rate", "复购率", "Share of the period's customers with two orders or more in it",
     "本期下单两次及以上的客户占比", "customers with 2+ orders / customers", "share", "higher", "transactions"),
    ("returning_share", "Returning customers", "老客户占比", "Share of the period's customers who bought in an earlier one",
     "本期客户中以前买过的占比", "customers who bought before / customers", "share", "higher", "transactions"),
    ("average_order_value", "Average order value", "客单价", "Revenue an order", "平均每单销售额",
     "revenue / orders", "money", "higher", "transactions"),
    ("discount_rate", "Discount rate", "折扣率", "Discount given as a share of the price before it",
     "折扣额占折前金额的比例", "discount / (amount + discount)", "share", "lower", "transactions"),
    ("gross_profit", "Gross profit", "毛利", "Amounts less their cost, of rows whose cost is known",
     "销售额减成本（仅含成本已知的行）", "sum(amount - cost)", "money", "higher", "transactions"),
    ("gross_margin", "Gross margin", "毛利率", "Gross profit as a share of revenue", "毛利占销售额的比例",
     "gross_profit / revenue", "share", "higher", "transactions"),
    ("return_rate", "Return rate", "退货率", "Returns as a share of what was sold", "退货金额占售出金额的比例",
     "-sum(negative amounts) / sum(positive amounts)", "share", "lower", "transactions"),
    ("share_of_total", "Share of total", "销售占比", "The key's share of the period's revenue", "占当期总销售额的比例",
     "revenue / revenue of all keys", "share", "higher", "transactions"),
    ("price_index", "Price index", "价格指数", "Paasche index of unit values against a year before, of products sold in both periods",
     "与上年同期可比产品的帕氏价格指数", "sum(p1 q1) / sum(p0 q1)", "ratio", "higher", "transactions"),
)  # fmt: skip

#: One row a metric: ``name``, ``中文``, ``formula``, ``unit`` (money, count, share, ratio, days,
#: points), ``direction`` (higher, lower), ``source`` (tables), ``en``, ``definition``, ``定义``.
DICTIONARY = pd.DataFrame(list(_ENTRIES), columns=list(_FIELDS))[_COLUMNS]
