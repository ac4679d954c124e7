"""Figures of the forecast desk: they draw what they are given and refuse what cannot be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

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
    pd.testing.assert_frame_equal(results[name], before)
    with pytest.raises(InputError, match="result has no column"):
        getattr(plots, name)(results[name][[]])


def test_several_series_are_refused(sales):
    with pytest.raises(InputError, match="several series"):
        plots.anomaly_timeline(anomalies(sales, by="region"))
    many = pd.DataFrame({"k": [str(i) for i in range(60)], "date": "2026-01-01", "forecast": 1.0})
    with pytest.raises(InputError, match="too many to read"):
        plots.hierarchy_table(many)


def _legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_fan_chart_says_what_its_bands_are(sales):
    made = forecast(sales, 3, by="region")
    both = _legend(plots.fan_chart(made))
    one = _legend(plots.fan_chart(made[made.region == "华东"], lang="zh"))
    assert both == ["华东", "华南", "95 % interval", "80 % interval"]
    assert one == ["95% 区间", "80% 区间", "华东"]


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
