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
    ("growth_ytd", "Growth, year to date", "累计同比增长率", "Revenue, year to date, against the same periods a year (52 weeks) before",
     "本年累计与上年（52周前）同期累计相比的增幅", "revenue_ytd / revenue of the same periods a year before - 1", "share", "higher", "transactions"),
    ("orders", "Orders", "订单数", "Distinct orders with at least one positive line",
     "至少含一行正金额的不同订单数", "count distinct order_id", "count", "higher", "transactions"),
    ("customers", "Customers", "成交客户数", "Distinct customers who bought", "有购买的不同客户数",
     "count distinct customer_id", "count", "higher", "transactions"),
    ("new_customers", "New customers", "新客户数", "Customers whose first purchase ever in the data lies in the period",
     "首次购买发生在本期的客户数", "count of first purchases", "count", "higher", "transactions"),
    ("reactivated_customers", "Reactivated customers", "回流客户数",
     "Customers who bought again after a long pause (inactive=365 days)", "停购超过365天后再次购买的客户数",
     "count distinct customers with a purchase after a pause", "count", "higher", "transactions"),
    ("repeat_rate", "Repeat rate", "复购率", "Share of the period's customers with two orders or more in it",
     "本期下单两次及以上的客户占比", "customers with 2+ orders / customers", "share", "higher", "transactions"),
    ("returning_share", "Returning customers", "老客户占比", "Share of the period's customers who bought in an earlier one",
     "本期客户中以前买过的占比", "customers who bought before / customers", "share", "higher", "transactions"),
    ("average_order_value", "Average order value", "客单价（每单）", "Revenue an order", "平均每单销售额（除以订单数，不是客户数）",
     "revenue / orders", "money", "higher", "transactions"),
    ("discount_rate", "Discount rate", "折扣率", "Discount given as a share of the price before it, of rows whose discount is known",
     "折扣额占折前金额的比例（仅含折扣已知的行）", "discount / (amount + discount)", "share", "lower", "transactions"),
    ("gross_profit", "Gross profit", "毛利", "Amounts less their cost, of rows whose cost is known",
     "销售额减成本（仅含成本已知的行）", "sum(amount - cost)", "money", "higher", "transactions"),
    ("gross_margin", "Gross margin", "毛利率", "Gross profit as a share of the revenue of the same rows, whose cost is known", "毛利占成本已知行销售额的比例",
     "gross_profit / revenue of rows with a cost", "share", "higher", "transactions"),
    ("return_rate", "Return rate", "退货率", "Returns as a share of what was sold", "退货金额占售出金额的比例",
     "-sum(negative amounts) / sum(positive amounts)", "share", "lower", "transactions"),
    ("share_of_total", "Share of total", "销售占比", "The key's share of the period's revenue", "占当期总销售额的比例",
     "revenue / revenue of all keys", "share", "higher", "transactions"),
    ("price_index", "Price index", "价格指数", "Paasche index of unit values against a year before, of products sold in both periods",
     "与上年同期可比产品的帕氏价格指数", "sum(p1 q1) / sum(p0 q1)", "ratio", "higher", "transactions"),
    ("revenue_per_head", "Revenue per head", "人均销售额", "Revenue over the reps who sold in the period", "销售额除以当期有成交的销售人数",
     "revenue / distinct reps", "money", "higher", "transactions"),
    ("deals_won", "Deals won", "赢单数", "Deals closed as won in the period", "当期赢单关闭的商机数", "count of won", "count", "higher", "deals"),
    ("conversion_rate", "Win rate", "赢单率", "Won as a share of deals closed in the period", "当期关闭商机中赢单的比例",
     "won / (won + lost)", "share", "higher", "deals"),
    ("sales_cycle_days", "Sales cycle", "平均销售周期", "Mean days from creation to close of deals won", "赢单商机从创建到关闭的平均天数",
     "mean(close_date - created_at) of won", "days", "lower", "deals"),
    ("activities", "Activities", "销售活动数", "Activities of all kinds", "各类销售活动的次数", "count", "count", "higher", "activities"),
    ("visits", "Visits", "拜访次数", "Activities of the type visit", "类型为拜访的活动次数", "count of type = visit", "count", "higher", "activities"),
    ("csat", "Satisfaction", "客户满意度", "Share of answers of 4 or 5", "评分为4或5的答卷占比", "answers >= 4 / answers", "share", "higher", "surveys"),
    ("nps", "Net promoter score", "净推荐值", "Promoters (9, 10) less detractors (0 to 6), in points", "推荐者（9-10分）占比减贬损者（0-6分）占比",
     "100 (promoters - detractors) / answers", "points", "higher", "surveys"),
    ("nps_lo", "Net promoter score, lower end", "净推荐值下限", "Lower end of its 95 % interval", "95% 置信区间下限", "adjusted Wald", "points", "higher", "surveys"),
    ("nps_hi", "Net promoter score, upper end", "净推荐值上限", "Upper end of its 95 % interval", "95% 置信区间上限", "adjusted Wald", "points", "higher", "surveys"),
    ("expenses", "Expenses", "销售费用", "Sales expenses of the period", "当期销售费用", "sum(amount)", "money", "lower", "expenses"),
    ("expense_ratio", "Expense ratio", "费用率", "Expenses as a share of revenue", "费用占销售额的比例", "expenses / revenue", "share", "lower", "expenses"),
    ("acquisition_cost", "Cost of a new customer", "获客成本", "Expenses given over the customers new in the period; give those of acquisition alone",
     "所给费用除以当期新客户数；请只传入获客费用", "expenses / new_customers", "money", "lower", "expenses"),
    ("collected", "Collections", "回款额", "Payments received", "收到的回款", "sum(amount)", "money", "higher", "payments"),
    ("collection_rate", "Collection rate", "回款率", "Payments of the period as a share of its revenue", "当期回款占当期销售额的比例",
     "payments / revenue", "share", "higher", "payments"),
    ("market_share", "Market share", "市场占有率", "Revenue as a share of the market", "销售额占市场规模的比例", "revenue / market amount", "share", "higher", "market"),
)  # fmt: skip

#: One row a metric: ``name``, ``中文``, ``formula``, ``unit`` (money, count, share, ratio, days,
#: points), ``direction`` (higher, lower), ``source`` (tables), ``en``, ``definition``, ``定义``.
DICTIONARY = pd.DataFrame(list(_ENTRIES), columns=list(_FIELDS))[_COLUMNS]
