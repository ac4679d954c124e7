"""Chinese is drawn as Chinese, on a machine without any Chinese font."""

from __future__ import annotations

import io
import warnings

import pandas as pd
import pytest
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from salesmgmt import InputError, plots
from salesmgmt.errors import DataWarning
from salesmgmt.plots import _style


def test_the_shipped_font_knows_the_everyday_characters():
    _style.families.cache_clear()
    assert _style.families()[-1] == "Salesmgmt Sans SC"
    path = font_manager.findfont("Salesmgmt Sans SC", fallback_to_default=False)
    have = FT2Font(path).get_charmap()
    text = "销售额回款毛利新客户数华东华南应收账款逾期信用额度"
    text += "目标完成率漏斗转化客户分层流失预测￥（），。"
    assert not [c for c in text if ord(c) not in have]


def test_names_are_written_and_a_character_no_font_has_is_told(monkeypatch):
    monkeypatch.setattr(_style, "_CHINESE", ())  # as on a machine without a Chinese font
    for cached in (_style.families, _style._known_characters):
        cached.cache_clear()
        monkeypatch.setattr(_style, cached.__name__, cached.__wrapped__)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # a missing glyph, or our own word
        _, ax = _style.axes(pd.DataFrame({"a": [1]}), ["a"], None, "zh", caller="plots.x")
        ax.bar(["张珺", "犇鑫", "王炜"], [1, 2, 3])
        _style.finish(ax).figure.savefig(io.BytesIO())
    ax.set_title("龘达集团", loc="left")
    with pytest.warns(DataWarning, match=r"1 character\(s\) .*龘 \(U\+9F98\).*Noto Sans CJK"):
        _style.finish(ax)


def test_no_box_and_no_global_setting():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph warns
        _, ax = _style.axes(pd.DataFrame({"a": [1]}), ["a"], None, "zh", caller="plots.x")
        ax.bar(["华东", "International"], [1.2e8, -3e4], label="销售额")
        _style.money_axis(ax, lang="zh")
        _style.finish(ax, title="各区域销售额", legend=True)
        ax.figure.savefig(io.BytesIO(), format="svg")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (0, "0", "0"),
        (950, "950", "950"),
        (12_345, "12.3k", "1.23万"),
        (-3.4e8, "-340M", "-3.4亿"),
        (999.7, "1k", "1,000"),
        (999_700, "1M", "100万"),  # no 1e+03k
        (99_996_000, "100M", "1亿"),
        (8_132_400_000_000, "8.13T", "8.13万亿"),
    ],
)
def test_short_money(value, en, zh):
    assert _style.short_money(value, "en") == en
    assert _style.short_money(value, "zh") == zh


def test_wrong_results_and_languages_are_refused():
    with pytest.raises(InputError, match=r"no column 'b'"):
        _style.axes(pd.DataFrame({"a": [1]}), ["b"], None, "en", caller="plots.x")
    with pytest.raises(InputError, match=r"lang must be one of"):
        _style.axes(pd.DataFrame({"a": [1]}), ["a"], None, "cn", caller="plots.x")


def test_money_ticks_close_together_are_told_apart():
    _, ax = _style.axes(pd.DataFrame({"a": [1]}), ["a"], None, "en", caller="plots.x")
    ax.plot([1_081_000, 1_081_400, 1_081_900])
    _style.money_axis(ax)
    ax.figure.canvas.draw()
    told = [tick.get_text() for tick in ax.get_yticklabels()]
    assert len(set(told)) == len(told) > 3


def test_two_dollar_signs_in_a_name_are_no_formula():
    from salesmgmt import plots

    quotas = pd.DataFrame({"book": ["US$ / HK$"], "target": [10.0], "p_attain": [0.5]})
    ax = plots.quota_fairness(quotas)
    assert not ax.get_yticklabels()[0].get_parse_math()
    assert not any(text.get_parse_math() for text in ax.get_legend().get_texts())


def test_the_legend_of_a_single_row_lies_in_the_figure():
    from salesmgmt import plots

    row = {"rep": ["Li"], "target": [100.0], "actual": [40.0], "attainment": [0.4]}
    row |= {"expected": [50.0], "projected": [80.0], "status": ["behind"]}
    ax = plots.pace(pd.DataFrame(row))
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().y0 >= 0


def test_long_names_widen_the_figure_and_few_rows_do_not():
    from salesmgmt import plots

    quotas = pd.DataFrame({"rep": ["Li"], "target": [10.0], "p_attain": [0.5]})
    small = plots.quota_fairness(quotas).figure.get_size_inches()[0]
    quotas["rep"] = "内蒙古自治区呼和浩特市第一批发零售连锁有限责任公司"
    assert small == 8.0 < plots.quota_fairness(quotas).figure.get_size_inches()[0]


def test_forty_groups_are_one_entry_of_the_legend():
    from salesmgmt import plots

    days = pd.date_range("2025-01-31", periods=3, freq="ME")
    table = pd.DataFrame(
        [(f"客户{i}", 100.0, 30.0 + i, d) for i in range(40) for d in days],
        columns=["customer_id", "receivables", "dso", "as_of"],
    )
    ax = plots.dso_trend(table, lang="zh")
    assert len(ax.lines) == 40
    assert [x.get_text() for x in ax.get_legend().get_texts()] == ["40 个中的每一个"]


def test_labels_of_amounts_stand_where_they_say():
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = plt.subplots()[1]
    ax.set_ylim(104, 124)
    ax.set_yticks([105, 107.5, 110, 112.5])
    _style.money_axis(ax)
    ax.figure.canvas.draw()
    assert [x.get_text() for x in ax.get_yticklabels()] == ["105", "107.5", "110", "112.5"]


def test_days_as_labels():
    hours = pd.to_datetime(["2026-01-31 06:00", "2026-02-01 00:00"])
    assert _style.day_names(hours) == ["01-31 06:00", "02-01 00:00"]
    assert _style.day_names(pd.to_datetime(["2025-01-01", "2026-01-01"])) == ["2025", "2026"]
    assert _style.day_names(pd.to_datetime(["2025-01-01"])) == ["2025-01"]


def test_a_shortened_name_keeps_both_ends():
    assert _style.shortened("South / Toothpaste", 40) == "South / Toothpaste"
    short = _style.shortened("华东大区第一销售事业部 / 洗衣液", 20)
    assert short.startswith("华东大区")
    assert short.endswith("衣液")
    assert _style.letters(short) <= 20


def _overlaps(texts):
    """Pairs of texts that lie on one another, as Matplotlib lays them out."""
    boxes = [x.get_window_extent() for x in texts if x.get_text().strip()]
    return sum(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def _names(n):
    return [f"乌鲁木齐创金智能流体控制装备制造（集团）股份有限公司第{i}分公司" for i in range(n)]


def _many(name, n=40):
    """Results of many rows with long names, in the form of the desks."""
    who, day = _names(n), pd.Timestamp("2025-06-30")
    if name == "plan_heatmap":
        return pd.DataFrame({"rep": who, "period_start": day, "period_end": day, "target": 1.0})
    if name == "aging_stack":
        owed = {"current": 1.0, "1-30": 2.0, "unapplied": 0.0, "total": 3.0}
        return pd.DataFrame({"customer_id": who, **owed, "as_of": day})
    return pd.DataFrame({"customer_id": who, "signal": "overdue", "evidence": "", "as_of": day,
                         "severity": "high", "since": day - pd.Timedelta(days=90)})  # fmt: skip


@pytest.mark.parametrize("name", ["plan_heatmap", "aging_stack", "warnings_timeline"])
def test_names_of_forty_rows_do_not_lie_on_one_another(name):
    more = {} if name == "plan_heatmap" else {"top": 40}
    ax = getattr(plots, name)(_many(name), lang="zh", **more)
    ax.figure.draw_without_rendering()
    assert len(ax.get_yticklabels()) == 40
    assert _overlaps(ax.get_yticklabels()) == 0


def test_a_single_date_is_shown_as_that_date():
    one = pd.DataFrame({"date": [pd.Timestamp("2025-01-31")], "target": [100.0], "actual": [90.0],
                        "p10": [float("nan")], "p50": [float("nan")], "p90": [float("nan")],
                        "total": [100.0], "as_of": [pd.Timestamp("2025-01-31")]})  # fmt: skip
    ax = plots.burn_up(one)
    assert [x.get_text() for x in ax.get_xticklabels()] == ["2025-01-31"]
    assert [x.get_marker() for x in ax.lines[:2]] == ["o", "o"]  # a line would be invisible
    assert "as of 2025-01-31" in [x.get_text() for x in ax.get_legend().get_texts()]


def test_a_row_of_a_thousand_times_the_others_leaves_the_axis_and_says_so():
    share = [0.5 + i / 20 for i in range(19)]
    now = pd.DataFrame({"rep": _names(20), "target": 100.0, "actual": [*(100 * x for x in share),
                        100_000.0], "expected": 60.0, "attainment": 0.0, "projected": 90.0,
                        "status": "behind"})  # fmt: skip
    ax = plots.pace(now)
    assert 1.4 < ax.get_xlim()[1] < 2  # the largest of the others is 140 %
    assert [x.get_text() for x in ax.texts] == ["100,000% / 90% →"]
    kept = plots.pace(now.head(19))
    assert not kept.texts
    assert kept.get_xlim()[1] < 1.6


def test_percent_of_any_size_is_written_out():
    ax = plots.pace(pd.DataFrame({"rep": ["a"], "target": [1.0], "actual": [175.0],
                                  "attainment": [175.0], "expected": [1.0], "projected": [175.0],
                                  "status": ["achieved"]}))  # fmt: skip
    told = ax.xaxis.get_major_formatter()
    assert [told(x, 0) for x in (0.025, 1, 125, 10_000, -0.5)] == [
        "2.5%", "100%", "12,500%", "1,000,000%", "−50%"]  # fmt: skip


def test_a_january_of_several_people_is_a_month():
    first = pd.Timestamp("2025-01-01")
    assert _style.day_names([first, first]) == ["2025-01", "2025-01"]
    assert _style.day_names([first, first + pd.DateOffset(years=1)]) == ["2025", "2026"]


def test_words_of_close_cutoffs_do_not_hide_one_another():
    bands = pd.DataFrame({"low": range(480, 560, 2), "high": range(481, 561, 2), "rows": 10,
                          "approved": [1 - i / 40 for i in range(40)]})  # fmt: skip
    ax = plots.score_distribution(bands, cutoffs=range(500, 526, 5), lang="zh")
    ax.figure.draw_without_rendering()
    assert len(ax.texts) == 6
    assert _overlaps(ax.texts) == 0


def test_ranks_that_are_left_out_are_told():
    many = pd.DataFrame({"rep": _names(40), "rank": range(1, 41), "rank_lo": 1, "rank_hi": 40})
    assert plots.rank_intervals(many).get_title("left") == "How sure the ranks are (first 30 of 40)"


def test_plots_complete_in_a_notebook():
    assert set(plots.names()) < set(dir(plots))


def test_a_score_far_below_the_others_leaves_the_axis_and_numbers_have_room():
    card = pd.DataFrame({"rep": _names(20), "metric": "m", "value": 1.0, "target": 1.0,
                         "attainment": 1.0, "score": [*(-i / 20 for i in range(19)), -800.0],
                         "weight": 1.0, "weighted": 1.0})  # fmt: skip
    ax = plots.scorecard(card)
    assert -1.5 < ax.get_xlim()[0] < -0.9
    assert "← −80,000%" in [x.get_text() for x in ax.texts]
    alone = plots.scorecard(card.tail(1))  # nothing to compare with: in full
    assert alone.get_xlim()[0] <= -800
    alone.figure.draw_without_rendering()
    assert _overlaps([x for x in alone.get_xticklabels() if x.get_visible()]) == 0


def test_long_stages_with_few_moves_stay_inside_and_apart():
    names = [f"{i}级集团总部重点项目专项评审委员会复核阶段" for i in range(10)]
    moved = pd.DataFrame({"from": names[:-1], "to": names[1:], "kind": "forward",
                          "moves": [400, 200, 90, 40, 15, 6, 3, 2, 1]})  # fmt: skip
    ax = plots.moves(moved, lang="zh")
    ax.figure.draw_without_rendering()
    assert _overlaps(ax.texts) == 0
    width = ax.figure.bbox.width
    spans = [x.get_window_extent() for x in ax.texts]
    assert min(s.x0 for s in spans) >= 0
    assert max(s.x1 for s in spans) <= width
