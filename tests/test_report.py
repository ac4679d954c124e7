"""The page: self-contained, in both languages, from whatever tables the user has."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, load_sample, report
from salesmgmt.report._blocks import Section, Table, Text
from salesmgmt.report._page import render
from salesmgmt.report.sections import funnel


@pytest.fixture(scope="module")
def page() -> str:
    return report.build(load_sample(), lang="zh")


@pytest.fixture(scope="module")
def some() -> pd.DataFrame:
    """Lines with the required columns alone."""
    return load_sample("transactions")[["customer_id", "date", "amount"]].head(1500)


@pytest.fixture(scope="module")
def short(some) -> str:
    return report.build({"transactions": some})


def test_nothing_is_loaded_from_elsewhere(page):
    assert not re.findall(r"(?:src|href)=\"(?!#)[^\"]*//", page)
    assert "<script" not in page


def test_ids_are_unique_and_every_reference_is_met(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted <= set(ids)


def test_every_section_of_the_sample_company_is_there(page):
    for key in ("targets", "forecast", "funnel", "segmentation", "kpi", "credit"):
        assert f'<section id="{key}">' in page
    assert "@font-face" in page


def test_sections_without_their_tables_are_left_out(some, short):
    assert '<section id="segmentation">' in short
    assert '<section id="credit">' not in short
    with pytest.raises(InputError, match="no section can be made"):
        report.build({})
    told: list[str] = []
    with pytest.raises(InputError, match="payments; give transactions, deals"):
        report.build({"payments": load_sample("payments")}, progress=told.append)
    assert told == []  # no desk has anything to tell
    with pytest.raises(InputError, match="lang must be one of"):
        report.build({"transactions": some}, lang="fr")


def test_dates_as_text_and_shuffled_rows_make_the_same_page(some, short):
    text = some.sample(frac=1, random_state=1).assign(date=lambda f: f["date"].astype(str))
    assert report.build({"transactions": text}) == short


def test_the_head_says_from_which_rows_and_days_the_page_was_made(some, short, page):
    first, last = some["date"].min(), some["date"].max()
    assert f"<span>sales 1,500 rows ({first:%Y-%m-%d} to {last:%Y-%m-%d})</span>" in short
    lines, plan = load_sample("transactions"), load_sample("plan")
    assert f"<span>销售 {len(lines):,} 行（{lines['date'].min():%Y-%m-%d} 至 " in page
    assert f"计划 {len(plan):,} 行（{plan['period_start'].min():%Y-%m-%d} 至 " in page
    assert f" 至 {plan['period_end'].max():%Y-%m-%d}）" in page
    one = {"stage_events": load_sample("stage_events").head(1)}
    assert "<span>stage events 1 row (" in report.build(one)


def test_a_past_day_knows_nothing_of_what_came_later():
    lines = load_sample("transactions")
    lines = lines[lines["customer_id"].str[-1].isin(["0", "5"])]
    past = lines[lines["date"] <= "2024-06-30"]
    pages = [report.build({"transactions": t}, as_of="2024-06-30") for t in (lines, past)]
    parts = [re.search(r'<section id="segmentation">.*?</section>', p, re.S) for p in pages]
    assert parts[0].group() == parts[1].group()


def test_the_users_words_are_escaped():
    frame = pd.DataFrame({"name": ["<b>Müller & Co</b>"], "share": [0.25], "n": [1234]})
    blocks = [Text("<i>5 > 3</i>"), Table(frame, "Who <x>", formats={"share": "percent"})]
    html = render([Section("s", "T", blocks)], as_of=None, lang="en")
    assert "&lt;b&gt;Müller &amp; Co&lt;/b&gt;" in html
    assert "&lt;i&gt;5 &gt; 3&lt;/i&gt;" in html
    assert "Who &lt;x&gt;" in html
    assert "25.0%" in html
    assert "1,234" in html


def test_unusable_rows_are_left_out_on_request_and_told(some, short):
    holed = pd.concat([some, some.head(2).assign(customer_id=None)], ignore_index=True)
    with pytest.raises(InputError, match="customer_id"):
        report.build({"transactions": holed})
    with pytest.warns(DataWarning, match="left out 2 of 1502"):
        page = report.build({"transactions": holed}, invalid="drop")
    assert page == short


def test_canonical_keys_have_chinese_words_and_own_names_stay():
    frame = pd.DataFrame({"rep": ["张伟"], "事业部": ["一部"], "amount": [1.0]})
    page = render(
        [Section("a", "A", [Table(frame, headings={"amount": "金额"})])], as_of=None, lang="zh"
    )
    assert all(f">{word}</th>" in page for word in ("业务员", "事业部", "金额"))


def test_open_deals_stand_in_the_order_of_the_funnel():
    tables = {name: load_sample(name) for name in ("stage_events", "deals")}
    shown = [b.frame for b in funnel.build(tables, as_of=None, lang="en") if isinstance(b, Table)]
    mend = next(f for f in shown if "gain" in f.columns)
    assert (mend["gain"] > 0).all()
    pipeline = next(f for f in shown if "overdue" in f.columns)
    assert pipeline["stage"].tolist() == ["lead", "qualified", "proposal", "negotiation"]


def test_the_waterfall_of_the_report_ends_at_the_last_snapshot_known():
    tables = {"deal_snapshots": load_sample("deal_snapshots")}
    for as_of, days in ((pd.Timestamp("2025-07-15"), "2025-05-31 and 2025-06-30"),
                        (None, "2025-11-30 and 2025-12-31")):  # fmt: skip
        (told, _) = funnel.build(tables, as_of=as_of, lang="en")
        assert days in told.text
    assert (
        funnel.build(tables, as_of=tables["deal_snapshots"]["snapshot_date"].min(), lang="zh") == []
    )


def test_no_minus_before_nothing_no_exponents_and_gaps_of_every_kind():
    table = pd.DataFrame({"a": [-0.0, 999.7], "n": pd.array([1, None], dtype="Int64")})
    made = Section("k", "K", [Table(table, formats={"a": "number"})])
    html = render([made], as_of=None, lang="en")
    assert "-0" not in html.split("<tbody>")[1]
    assert "1,000" in html
    assert "&lt;NA&gt;" not in html
    money = Table(table, formats={"a": "money"})
    assert "-0.00" not in render([Section("k", "K", [money])], as_of=None, lang="en")


def test_customers_in_rhythm_are_no_empty_table():
    days = pd.date_range("2025-01-06", periods=12, freq="7D")
    sales = pd.DataFrame({"customer_id": "甲", "date": days, "amount": 10.0})
    page = report.build({"transactions": sales}, lang="zh")
    assert "没有客户超出自身的购买节奏" in page
    assert "0 家客户超出" not in page


def test_the_picture_of_a_plan_of_forty_grows_with_it():
    from salesmgmt.report.sections import targets

    starts = pd.date_range("2026-01-01", periods=2, freq="MS")
    plan = pd.DataFrame({"rep": [f"r{i}" for i in range(40) for _ in range(2)]})
    plan = plan.assign(
        period_start=[*starts] * 40, period_end=[*starts + pd.offsets.MonthEnd()] * 40
    )
    blocks = targets.build({"plan": plan.assign(target=1.0)}, lang="en")
    assert [b.size[1] > 6 for b in blocks if hasattr(b, "size")] == [True]
