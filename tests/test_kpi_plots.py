"""Figures draw what they are given, in both languages, and refuse what is no result."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from common import english_on

from salesmgmt import InputError, incentives, kpi, plots

OLD = pd.DataFrame({"p": ["a", "b"], "price": [10.0, 20], "quantity": [100, 50]})
NEW = pd.DataFrame({"p": ["a", "c"], "price": [11.0, 7], "quantity": [90, 70]})
PLAN = incentives.CommissionPlan([(0, 0.02), (1.0, 0.05)], mode="retroactive")


def drawn():
    noisy = pd.DataFrame({"k": list("abc"), "m": [1.0, 0.9, 0.2], "e": 0.1})
    card = kpi.scorecard(noisy, [kpi.Metric("m", error="e")], keys="k")
    sales = pd.DataFrame({"rep": ["x", "y"], "amount": [90.0, 130], "target": 100.0})
    return {
        "bridge": kpi.bridge(OLD, NEW, keys="p", method="price_volume", ends=True),
        "control_chart": kpi.control_chart(pd.Series([1.0, 2, 1, 2, 50_000.0])),
        "rank_intervals": kpi.totals(card),
        "scorecard": card,
        "pay_curve": incentives.pay_curve(PLAN, target=100),
        "pay_mix": incentives.payout(sales, PLAN, by="rep"),
    }


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", sorted(drawn()))
def test_each_figure_draws_and_keeps_its_input(name, lang):
    result = drawn()[name]
    before = result.copy()
    ax = getattr(plots, name)(result, lang=lang)
    assert ax.get_title(loc="left")
    assert lang == "en" or not english_on(ax)
    assert len(ax.patches) + len(ax.lines) + len(ax.collections) > 0
    pd.testing.assert_frame_equal(result, before)
    again = getattr(plots, name)(result, ax=ax)
    assert again is ax
    with pytest.raises(InputError):
        getattr(plots, name)(pd.DataFrame({"nothing": [1]}))


def test_the_waterfall_ends_where_the_after_bar_does():
    ax = plots.bridge(drawn()["bridge"])
    bars = list(ax.patches)
    assert bars[-1].get_height() == pytest.approx(90 * 11 + 70 * 7)
    last = bars[-2]
    assert last.get_y() + last.get_height() == pytest.approx(bars[-1].get_height())
    with pytest.raises(InputError, match="several keys"):
        plots.bridge(kpi.bridge(OLD, NEW, keys="p", method="price_volume", by="p"))


def test_people_and_cliffs_stand_on_the_curve():
    parts = drawn()
    jumps = incentives.cliffs(PLAN, target=100)
    ax = plots.pay_curve(parts["pay_curve"], payouts=parts["pay_mix"], cliffs=jumps)
    texts = [t.get_text() for t in ax.get_legend().get_texts()]
    assert texts == ["plan", "payouts (2)", "cliff"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), parts["pay_mix"]["payout"])


def test_ranks_without_intervals_are_not_drawn_as_certain():
    card = kpi.scorecard(
        pd.DataFrame({"k": list("ab"), "m": [1.0, 2]}), [kpi.Metric("m")], keys="k"
    )
    with pytest.raises(InputError, match="no rank intervals"):
        plots.rank_intervals(kpi.totals(card))


def test_the_parts_of_pay_end_where_the_payout_does():
    sales = pd.DataFrame({"rep": list("abc"), "amount": [900.0, -300.0, 200.0]})
    plan = incentives.CommissionPlan([(0, 0.1)], base="amount", cap=50, draw=30, clawback="carry")
    paid = incentives.payout(sales, plan, by="rep")
    widths = np.zeros(3)
    for bar in plots.pay_mix(paid).patches:
        widths[round(bar.get_y() + bar.get_height() / 2)] += bar.get_width()
    np.testing.assert_allclose(widths, paid["payout"])


def test_months_of_pay_are_months_and_rows_left_out_are_told():
    sales = pd.DataFrame({"rep": [f"{i:02}" for i in range(40)], "date": "2025-10-08"})
    plan = incentives.CommissionPlan([(0, 0.1)], base="amount")
    ax = plots.pay_mix(incentives.payout(sales.assign(amount=1.0), plan, by="rep"), lang="zh")
    assert ax.get_yticklabels()[0].get_text() == "00 / 2025-10"
    assert ax.get_title(loc="left") == "薪酬构成（前 30 行，共 40 行）"


def test_ranks_of_several_periods_are_labelled_by_their_keys_alone():
    noisy = pd.DataFrame({"k": list("abab"), "month": ["2025-01"] * 2 + ["2025-02"] * 2,
                          "m": [1.0, 0.9, 0.8, 0.7], "e": 0.1})  # fmt: skip
    card = kpi.scorecard(noisy, [kpi.Metric("m", error="e")], keys=["k", "month"])
    ax = plots.rank_intervals(kpi.totals(card, period="month"))
    assert {t.get_text() for t in ax.get_yticklabels()} == {
        f"{k} / {m}" for k in "ab" for m in ("2025-01", "2025-02")
    }
