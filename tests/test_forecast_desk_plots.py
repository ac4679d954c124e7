"""Figures of the forecast desk: they draw what they are given and refuse what cannot be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from common import english_on

from salesmgmt import plots
from salesmgmt.errors import InputError
from salesmgmt.forecast import (
    accuracy,
    anomalies,
    backtest,
    components,
    forecast,
    forecast_hierarchy,
    impact,
)


@pytest.fixture(scope="module")
def sales():
    rng = np.random.default_rng(0)
    dates = pd.date_range("2021-01-01", periods=48, freq="MS")
    rows = [
        pd.DataFrame({"region": r, "date": dates, "amount": 1e5 * rng.gamma(20, 1, 48)})
        for r in ["华东", "华南"]
    ]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def results(sales):
    one = sales[sales.region == "华东"].drop(columns="region")
    seen = backtest(sales, 3, by="region", models=["auto", "naive"])
    return {
        "backtest_by_cutoff": seen[seen.region == "华东"],
        "accuracy_against_naive": accuracy(seen, history=sales),
        "component_stack": components(one, calendar="CN"),
        "anomaly_timeline": anomalies(one),
        "impact_chart": impact(one, start="2024-07-01"),
        "hierarchy_table": forecast_hierarchy(sales, 3, keys="region"),
    }


NAMES = ["backtest_by_cutoff", "accuracy_against_naive", "component_stack", "anomaly_timeline"]
NAMES += ["impact_chart", "hierarchy_table"]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_draws_in_both_languages(results, name, lang):
    before = results[name].copy()
    ax = getattr(plots, name)(results[name], lang=lang)
    ax.figure.canvas.draw()
    assert ax.get_title(loc="left")
    assert lang == "en" or not english_on(ax)
    pd.testing.assert_frame_equal(results[name], before)
    with pytest.raises(InputError, match="result has no column"):
        getattr(plots, name)(results[name][[]])


def test_several_series_are_refused(sales):
    with pytest.raises(InputError, match="several series"):
        plots.anomaly_timeline(anomalies(sales, by="region"))
    many = pd.DataFrame({"k": [str(i) for i in range(60)], "date": "2026-01-01", "forecast": 1.0})
    with pytest.raises(InputError, match="too many to read"):
        plots.hierarchy_table(many)
    twice = pd.concat([many.iloc[:2].assign(model=m) for m in ("ets", "auto")])
    with pytest.raises(InputError, match="several forecasts of one node"):
        plots.hierarchy_table(twice)


def _legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_fan_chart_says_what_its_bands_are(sales):
    made = forecast(sales, 3, by="region")
    both = _legend(plots.fan_chart(made))
    one = _legend(plots.fan_chart(made[made.region == "华东"], lang="zh"))
    assert both == ["华东", "华南", "95 % interval", "80 % interval"]
    assert one == ["95% 预测区间", "80% 预测区间", "华东"]


def test_the_fan_chart_draws_forecasts_of_every_kind(sales, results):
    levels = results["hierarchy_table"]
    past = pd.concat([sales, sales.groupby("date", as_index=False)["amount"].sum()])
    ax = plots.fan_chart(levels, history=past)
    assert _legend(ax)[:3] == ["all", "华东", "华南"]  # the total was left out without a word
    assert sorted(len(line.get_xdata()) for line in ax.get_lines()) == [3, 3, 3, 48, 48, 48]
    np.testing.assert_array_equal(
        ax.get_lines()[0].get_ydata(), levels.loc[levels["region"].isna(), "forecast"]
    )
    # What is said of a forecast is no key, but a key may be called so.
    made = forecast(sales, 3, by="region", level=None)
    ending = made.assign(remaining=[1, 0.5, 0] * 2)
    assert _legend(plots.fan_chart(ending)) == ["华东", "华南"]
    ages = made.rename(columns={"region": "age"})
    assert _legend(plots.fan_chart(ages)) == ["华东", "华南"]
    # Dates of a history may be text; several forecasts of one date are no line.
    text = sales.assign(date=sales["date"].astype(str))
    assert len(plots.fan_chart(made, history=text).get_lines()) == 4
    with pytest.raises(InputError, match=r"several forecasts of one series and date \(by 'model'"):
        plots.fan_chart(results["backtest_by_cutoff"])


def test_more_models_than_colours_are_refused(results):
    one = results["backtest_by_cutoff"]
    many = pd.concat([one.assign(model=str(i)) for i in range(9)])
    with pytest.raises(InputError, match="9 models, at most 8"):
        plots.backtest_by_cutoff(many)


def test_models_of_one_key_stand_together_the_better_one_on_top():
    table = pd.DataFrame(
        {
            "model": ["auto", "auto", "auto", "naive", "naive", "naive"],
            "region": ["a", "b", "nothing sold"] * 2,
            "n": 3,
            "wape": [0.1, 0.3, np.nan, 0.2, 0.25, np.nan],
            "fva": [0.1, -0.05, np.nan, 0, 0, np.nan],
        }
    )
    ax = plots.accuracy_against_naive(table)
    ax.figure.canvas.draw()
    names = [text.get_text() for text in ax.get_yticklabels()][::-1]
    assert names[:4] == ["automatic · a", "naive · a", "naive · b", "automatic · b"]
    plots.accuracy_against_naive(table[table["wape"].isna()]).figure.canvas.draw()
    # Something was forecast where nothing was sold: an infinite share of it has no bar.
    endless = table.assign(wape=table["wape"].fillna(np.inf), fva=table["fva"].fillna(-np.inf))
    ax = plots.accuracy_against_naive(endless)
    assert ax.get_xlim()[1] == pytest.approx(1.25 * 0.3)
    ax.figure.canvas.draw()


def test_an_interval_has_two_ends_or_is_told_of():
    dates = pd.date_range("2025-01-01", periods=3, freq="MS")
    made = pd.DataFrame({"date": dates, "forecast": 5.0, "lo_80.0": 4.0, "hi_80.0": 6.0})
    drawn = plots.fan_chart(made)
    assert "80 % interval" in [text.get_text() for text in drawn.get_legend().get_texts()]
    with pytest.raises(InputError, match="one end of an interval without 'hi_80'"):
        plots.fan_chart(made.drop(columns="hi_80.0"))


def _overlap(texts) -> bool:
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    return any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


LONG = [
    "Northern Highlands Wholesale Partners Ltd",
    "华东大区第一销售事业部重点客户管理中心渠道分销二组",
]


@pytest.mark.parametrize("size", [None, (3.6, 4.0)])
def test_long_names_of_a_hierarchy_do_not_lie_on_its_numbers(sales, size):
    plt = pytest.importorskip("matplotlib.pyplot")
    renamed = sales.assign(region=sales["region"].map(dict(zip(["华东", "华南"], LONG))))
    made = forecast_hierarchy(renamed, 4, keys="region")
    ax = plots.hierarchy_table(made, ax=plt.subplots(figsize=size)[1] if size else None)
    ax.figure.canvas.draw()
    assert not _overlap(ax.texts)
    assert any("…" in text.get_text() for text in ax.texts) == (size is not None)


def test_a_legend_of_long_names_leaves_room_for_the_lines(sales):
    names = [f"{LONG[1]}上海市浦东新区张江路段分部 {i}" for i in range(6)]
    many = pd.concat([sales[sales.region == "华东"].assign(region=name) for name in names])
    ax = plots.fan_chart(forecast(many, 3, by="region"))
    ax.figure.canvas.draw()
    whole, key = ax.figure.bbox, ax.get_legend().get_window_extent()
    assert ax.get_window_extent().width > 0.8 * whole.width
    assert key.x0 >= 0
    assert key.x1 <= whole.width


def test_days_under_small_axes_stand_apart():
    plt = pytest.importorskip("matplotlib.pyplot")
    weeks = pd.DataFrame(
        {"date": pd.date_range("2022-01-03", periods=120, freq="7D"), "amount": 5.0}
    )
    hours = pd.DataFrame({"date": pd.date_range("2025-01-20", periods=90, freq="h"), "effect": 1.0})
    hours[["cumulative", "cumulative_lo", "cumulative_hi", "p_value"]] = [3.0, 1.0, 4.0, 0.1]
    drawn = [
        plots.fan_chart(
            forecast(weeks, 9, model="naive"), history=weeks, ax=plt.subplots(figsize=(3.2, 2.4))[1]
        ),
        plots.fan_chart(
            forecast(weeks, 9, model="naive"), history=weeks, ax=plt.subplots(figsize=(8, 4.5))[1]
        ),
        plots.impact_chart(hours, ax=plt.subplots(figsize=(5, 3))[1]),
    ]
    for ax in drawn:
        ax.figure.canvas.draw()
        low, high = ax.get_xlim()
        shown = [x for x in ax.xaxis.get_major_ticks() if low <= x.get_loc() <= high]
        assert len(shown) > 1
        assert not _overlap([x.label1 for x in shown])


def test_what_is_black_is_light_on_a_dark_ground(results):
    plt = pytest.importorskip("matplotlib.pyplot")
    with plt.style.context("dark_background"):
        for name in ("backtest_by_cutoff", "component_stack", "anomaly_timeline", "impact_chart"):
            ax = getattr(plots, name)(results[name])
            light = [sum(plt.matplotlib.colors.to_rgb(line.get_color())) for line in ax.lines]
            assert min(light) > 1.0, name  # of 3; the grey of white paper has 1.29, black 0


def test_nothing_is_drawn_where_nothing_is_known(sales):
    one = sales[sales.region == "华东"].drop(columns="region").reset_index(drop=True)
    parts = plots.component_stack(components(one.drop(index=range(20, 30))))
    assert np.isnan(parts.lines[0].get_ydata()).sum() == 1
    few = plots.impact_chart(impact(one.head(3), start=one["date"][2]))
    assert "nan" not in few.get_title(loc="left")
    assert "interval" not in _legend(few)
    assert "80 % interval" not in _legend(plots.fan_chart(forecast(one.head(3), 2)))


def test_single_steps_of_a_backtest_can_be_seen(sales):
    one = sales[sales.region == "华东"].drop(columns="region")
    ax = plots.backtest_by_cutoff(backtest(one, 1, models="naive"))
    assert all(line.get_marker() == "o" for line in ax.lines[1:4])
    assert len(ax.collections) == 3


def test_the_oddest_values_are_named():
    date = pd.date_range("2024-01-01", periods=200)
    frame = pd.DataFrame({"date": date, "amount": np.arange(200.0), "expected": 0.0, "lo": -1.0,
                          "hi": 1.0, "anomaly": True})  # fmt: skip
    ax = plots.anomaly_timeline(frame)
    named = [text.get_text() for text in ax.texts]
    assert "2024-07-18" in named  # the last, furthest away
    ax.figure.canvas.draw()
    assert not _overlap(ax.texts)


def test_legends_in_a_grid_stay_in_their_own_axes():
    plt = pytest.importorskip("matplotlib.pyplot")
    names = [f"华东大区第{i}销售中心与客户服务部 long name" for i in range(3)]
    months = pd.date_range("2024-01-01", periods=24, freq="MS")
    sales = pd.concat(
        [
            pd.DataFrame({"shop": n, "date": months, "amount": 100.0 + np.arange(24) % 5})
            for n in names
        ]
    )
    ahead = forecast(sales, 3, by="shop", model="naive")
    parts = components(sales[sales["shop"] == names[0]])
    figure, grid = plt.subplots(2, 2, figsize=(9, 6))
    drawn = [plots.fan_chart(ahead, ax=grid[0, 0]), plots.component_stack(parts, ax=grid[0, 1])]
    drawn.append(plots.fan_chart(ahead[ahead["shop"] == names[0]], ax=grid[1, 0]))
    figure.canvas.draw()
    for ax in drawn:
        own, legend = ax.get_window_extent(), ax.get_legend().get_window_extent()
        assert own.x0 - 1 <= legend.x0 < legend.x1 <= own.x1 + 1
        assert own.y0 - 1 <= legend.y0 < legend.y1 <= own.y1 + 1
        highest = max(np.nanmax(line.get_ydata()) for line in ax.lines)
        assert ax.transData.transform((0, highest))[1] < legend.y0  # nothing runs behind it
    plt.close(figure)


def test_the_interval_of_a_single_period_can_be_seen():
    months = pd.date_range("2024-01-01", periods=24, freq="MS")
    sales = pd.DataFrame({"date": months, "amount": 100.0 + np.arange(24) % 5})
    ahead = forecast(sales, 1, model="naive", level=[80])
    ax = plots.fan_chart(ahead)
    (bar,) = ax.collections
    ends = bar.get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose(ends, ahead[["lo_80", "hi_80"]].iloc[0])
    assert bar.get_linewidths()[0] > 1
