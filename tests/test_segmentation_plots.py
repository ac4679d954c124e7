"""Figures and the report section: drawn in both languages, on what the desk returned."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from salesmgmt import InputError, load_sample, plots
from salesmgmt import segmentation as seg
from salesmgmt.report.sections import segmentation as section


def _some_sales():
    sales = load_sample("transactions")
    return sales[sales["customer_id"].isin(sorted(sales["customer_id"].unique())[::5])]


@pytest.fixture(scope="module")
def results() -> dict:
    sales = _some_sales()
    scored = seg.rfm(sales)
    seen = seg.purchases(sales, holdout=26)
    model = seg.BGNBD().fit(seen)
    until = seen["as_of"].iloc[0]
    return {
        "rfm_heatmap": seg.score_grid(scored),
        "segment_bars": seg.segment_summary(scored),
        "cohort_triangle": seg.cohorts(sales, freq="Q"),
        "migration_flow": seg.migration(seg.rfm(sales, as_of="2024-12-31"), scored),
        "whale": seg.whale_curve(sales),
        "clv_distribution": seg.clv(sales, model="bgnbd"),
        "calibration_bars": seg.calibration(model, seen),
        "tracking_curve": seg.tracking(model, sales, fitted_until=until),
        "alive_map": seg.alive_grid(model, T=104),
    }


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_figure_draws_what_it_is_given(results, lang):
    for name, result in results.items():
        _, ax = plt.subplots()
        assert getattr(plots, name)(result, ax=ax, lang=lang) is ax
        assert ax.get_title(loc="left")
        ax.figure.canvas.draw()
        plt.close(ax.figure)


def test_every_figure_names_a_missing_column(results):
    for name, result in results.items():
        with pytest.raises(InputError, match=f"plots.{name}"):
            getattr(plots, name)(result.iloc[:, :1])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_section_needs_no_more_than_the_three_columns(lang):
    sales = _some_sales()
    full = section.build({"transactions": sales}, as_of=None, lang=lang)
    bare = sales[["customer_id", "date", "amount"]].assign(
        date=sales["date"].dt.strftime("%Y-%m-%d")
    )
    least = section.build({"transactions": bare.head(300)}, as_of=None, lang=lang)
    assert len(full) > len(least) > 3
