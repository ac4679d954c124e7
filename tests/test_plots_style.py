"""Chinese is drawn as Chinese, on a machine without any Chinese font."""

from __future__ import annotations

import io
import warnings

import pandas as pd
import pytest
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from salesmgmt import InputError
from salesmgmt.plots import _style


def test_the_shipped_font_knows_the_everyday_characters():
    _style.families.cache_clear()
    assert _style.families()[-1] == "Salesmgmt Sans SC"
    path = font_manager.findfont("Salesmgmt Sans SC", fallback_to_default=False)
    have = FT2Font(path).get_charmap()
    text = "销售额回款毛利新客户数华东华南应收账款逾期信用额度"
    text += "目标完成率漏斗转化客户分层流失预测￥（），。"
    assert not [c for c in text if ord(c) not in have]


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
    [(0, "0", "0"), (950, "950", "950"), (12_345, "12.3k", "1.23万"), (-3.4e8, "-340M", "-3.4亿")],
)
def test_short_money(value, en, zh):
    assert _style.short_money(value, "en") == en
    assert _style.short_money(value, "zh") == zh


def test_wrong_results_and_languages_are_refused():
    with pytest.raises(InputError, match=r"no column 'b'"):
        _style.axes(pd.DataFrame({"a": [1]}), ["b"], None, "en", caller="plots.x")
    with pytest.raises(InputError, match=r"lang must be one of"):
        _style.axes(pd.DataFrame({"a": [1]}), ["a"], None, "cn", caller="plots.x")
