"""What ``lang="zh"`` promises: no label, reason or remedy in English."""

from __future__ import annotations

import importlib
import inspect

import pandas as pd
import pytest
from common import english_in

from salesmgmt import credit, segmentation, targets
from salesmgmt.credit import CN_AGING_POLICY, SIGNALS
from salesmgmt.kpi import DICTIONARY

INVOICES = pd.DataFrame(
    [
        (f"发{c}{k}", c, f"2025年{k}月5日", f"2025/{k + 1}/5", 1000.0 + k)
        for c in "甲乙丙"
        for k in range(1, 11)
    ],
    columns=["发票号", "客户", "开票日期", "到期日", "金额"],
)
PAYMENTS = pd.DataFrame(
    [(f"收{k}", "甲", f"2025-{k + 1:02}-09", 1000.0 + k) for k in range(1, 9)]
    + [(f"付{k}{d}", "丙", f"2025-{k + 2:02}-{d}", 400.0) for k in range(7, 9) for d in (10, 20)],
    columns=["回款单号", "客户", "日期", "金额"],
)
OWN = {"invoice": "发票号", "customer": "客户", "invoice_date": "开票日期", "due_date": "到期日",
       "amount": "金额", "payment": "回款单号", "date": "日期"}  # fmt: skip
SALES = {"customer": "客户", "date": "开票日期", "amount": "金额"}
LPR = pd.Series({"2024-01-01": 0.03})
BY = {"by": "客户"}
BOOKS = {"as_of": "2025-12-31", "lang": "zh", **OWN}


def _promises():
    days = pd.DataFrame({"客户": ["乙"], "日期": ["2025-11-01"]})
    return days.assign(promised_date="2025-11-10", promised_amount=500.0)


def _order():
    book = credit.ledger(INVOICES, PAYMENTS, as_of="2025-12-31", **OWN)
    return credit.check_order(book, "乙", 1e5, {"乙": 10.0}, customer="客户", lang="zh")


def _terms():
    bad = pd.DataFrame({"contract_id": [1, 2], "customer_id": ["甲", "乙"], "signed_date": None})
    bad = bad.assign(payment_days=[90, None], penalty_rate=[1e-5, 0], credit_limit=[9e9, None])
    policy = {"max_payment_days": 60, "min_penalty_rate": 1e-4, "max_credit_limit": 1e6}
    return credit.check_terms(bad, policy, lang="zh")


def _smart(**options):
    plan = pd.DataFrame({"销售员": ["李"], "period_start": ["2026-01-01"],
                         "period_end": ["2026-12-31"], "target": [1e5]})  # fmt: skip
    past = pd.DataFrame({"销售员": ["李"], "date": ["2025-06-30"], "amount": [9e4]})
    return targets.check_smart(plan, past, lang="zh", **options)


def _features():
    return pd.DataFrame({"recency": [3, 5, 90, 95], "monetary": [90.0, 80.0, 5.0, 6.0]})


MADE = {
    "rfm": lambda: [
        segmentation.rfm(INVOICES, scheme=s, lang="zh", **SALES)["label"]
        for s in ("classic", "cn8", "shopify", "r_package")
    ],
    "transform": lambda: [
        segmentation.RFMSegmenter(**SALES).fit(INVOICES).transform(INVOICES, lang="zh")["label"]
    ],
    "segment_summary": lambda: [
        segmentation.segment_summary(segmentation.rfm(INVOICES, **SALES), lang="zh")[c]
        for c in ("label", "action")
    ],
    "lifecycle": lambda: [segmentation.lifecycle(INVOICES, lang="zh", **SALES)["label"]],
    "cluster": lambda: [segmentation.cluster(_features(), k=2, lang="zh")["label"]],
    "aging": lambda: [
        credit.aging(INVOICES, PAYMENTS, buckets=b, rules=r, shape="long", **BY, **BOOKS)["bucket"]
        for b in ("30", "cn", "cn_years", (7, 45))
        for r in (None, "erpnext", "oca", "oracle")
    ],
    "expected_loss": lambda: [
        credit.expected_loss(INVOICES, rates=[0.1] * n, buckets=b, **BY, **BOOKS)["bucket"]
        for b, n in (("30", 5), ("cn", 9), ("cn_years", 6))
    ],
    "worklist": lambda: [credit.worklist(INVOICES, PAYMENTS, **BOOKS)["action"]],
    "statement": lambda: [
        credit.statement(INVOICES, PAYMENTS, start="2025-01-01", **BOOKS)["text"]
    ],
    "rate_customers": lambda: [credit.rate_customers(INVOICES, PAYMENTS, **BOOKS)["reasons"]],
    "early_warning": lambda: [
        credit.early_warning(
            INVOICES, PAYMENTS, limits={"甲": 100.0, "乙": 0.0}, promises=_promises(), **BOOKS
        )["evidence"],
        SIGNALS.values(),
    ],
    "late_interest": lambda: [
        credit.late_interest(INVOICES, rules=r, rates=LPR, **BOOKS)["scope"]
        for r in (None, "cn_lpr", "eu")
    ],
    "check_order": lambda: [_order()["reason"]],
    "check_terms": lambda: [_terms()["remedy"]],
    "check_smart": lambda: [
        _smart()["evidence"],
        _smart(owners={"王": 1}, strategy=["利润"])["evidence"],
    ],
}  # fmt: skip


def _speaking() -> set[str]:
    """Names of all public functions and methods of the desks that take ``lang``."""
    found = set()
    for desk in ("targets", "funnel", "segmentation", "kpi", "incentives", "forecast", "credit"):
        module = importlib.import_module(f"salesmgmt.{desk}")
        for value in (getattr(module, name) for name in module.__all__):
            parts = vars(value).values() if inspect.isclass(value) else [value]
            for part in filter(inspect.isfunction, parts):
                if "lang" in inspect.signature(part).parameters:
                    found.add(part.__name__)
    return found


@pytest.mark.parametrize("name", sorted(_speaking() - {"fit_transform"}))
def test_words_are_chinese(name):
    assert name in MADE, "it takes lang=, so give it a call here"
    for texts in MADE[name]():
        assert len(list(texts))
        assert not english_in(texts)
        assert all(any("\u4e00" <= c <= "\u9fff" for c in text) for text in texts)


def test_the_dictionary_tells_rates_apart():
    words = DICTIONARY.set_index("name")["中文"]
    assert words.is_unique
    assert not english_in(words)
    assert (
        words["conversion_rate"] == "赢单率"
    )  # won of those closed; 转化率 is from stage to stage


def test_chinese_results_go_on(tmp_path):
    """An aging in Chinese through a spreadsheet's CSV into the provision; the rates in English."""
    years = {"buckets": "cn_years", "basis": "invoice", **BY}
    plain = credit.aging(INVOICES, PAYMENTS, **years, **{**BOOKS, "lang": "en"})
    file = tmp_path / "账龄.csv"
    credit.aging(INVOICES, PAYMENTS, **years, **BOOKS).to_csv(
        file, index=False, encoding="utf-8-sig"
    )
    got = credit.provision(pd.read_csv(file), CN_AGING_POLICY)
    want = credit.provision(plain, CN_AGING_POLICY)
    assert got["allowance"].tolist() == want["allowance"].tolist()
    assert got["allowance"].sum() > 0
