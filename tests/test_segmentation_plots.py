"""Figures and the report section: drawn in both languages, on what the desk returned."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from common import english_on
from matplotlib.colors import to_rgb

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
        assert lang == "en" or not english_on(ax)
        plt.close(ax.figure)


def test_every_figure_names_a_missing_column(results):
    for name, result in results.items():
        with pytest.raises(InputError, match=rf"plots\.{name}.*what segmentation\.\w+ returned"):
            getattr(plots, name)(result.iloc[:, :1])
    with pytest.raises(InputError, match=r"what segmentation\.score_grid returned"):
        plots.rfm_heatmap(seg.rfm(_some_sales()))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_company_of_returns_has_no_shares(lang):
    sales = _some_sales()[["customer_id", "date", "amount"]].head(400)
    lossy = pd.concat([sales, sales.assign(amount=-1e6)])
    assert seg.segment_summary(seg.rfm(lossy))["amount_share"].isna().all()  # was 1.25 and less
    with pytest.raises(InputError, match="no shares to draw"):
        plots.whale(seg.whale_curve(lossy))
    blocks = section.build({"transactions": lossy}, as_of=None, lang=lang)
    assert "nan" not in blocks[0].text


def test_many_cells_are_not_hidden_by_the_lines_between_them():
    weeks = seg.cohorts(_some_sales(), freq="W")
    ax = plots.cohort_triangle(weeks)
    ax.figure.set_dpi(72)
    ax.figure.canvas.draw()
    drawn = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3]
    box = ax.get_window_extent()
    inside = drawn[drawn.shape[0] - int(box.y1) + 3 : drawn.shape[0] - int(box.y0) - 3]
    inside = inside[:, int(box.x0) + 3 : int(box.x1) - 3]
    assert (inside == 255).all(axis=2).mean() < 0.02
    plt.close(ax.figure)


def _contrast(one, two):
    """Ratio of luminances as in WCAG 2.1: (L1 + .05) / (L2 + .05)."""
    light = []
    for colour in (one, two):
        v = np.asarray(to_rgb(colour))
        linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
        light.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(light) / min(light)


@pytest.mark.parametrize("name", ["migration_flow", "rfm_heatmap", "cohort_triangle"])
def test_numbers_in_cells_can_be_read(results, name):
    stay = results["migration_flow"].query("`from` == to").assign(share=1.0)
    even = {"migration_flow": stay, "rfm_heatmap": results[name].assign(amount=5.0)}
    for result in (results[name], even.get(name, results[name])):
        ax = getattr(plots, name)(result)
        mesh = ax.collections[0]
        shades = mesh.to_rgba(mesh.get_array())
        for text in ax.texts:
            x, y = text.get_position()
            assert _contrast(shades[int(y), int(x), :3], text.get_color()) > 3.5
        plt.close(ax.figure)


def test_the_map_of_customers_who_all_stay_is_all_dark():
    stays = seg.BGNBD.from_params(r=1.0, alpha=5.0, a=1e-9, b=2.0)
    mesh = plots.alive_map(seg.alive_grid(stays, T=3)).collections[0]
    assert mesh.get_clim() == (0.0, 1.0)  # was 100% (light) to 100% (dark)
    plt.close("all")


def test_triangles_on_top_of_each_other_are_refused(results):
    one = results["cohort_triangle"]
    two = pd.concat([one.assign(region="N"), one.assign(region="S")])
    with pytest.raises(InputError, match="one group"):
        plots.cohort_triangle(two)
    with pytest.raises(InputError, match=r"triangle.*repeated"):
        seg.triangle(two)


def test_report_section_needs_no_more_than_the_three_columns():
    sales = _some_sales()
    full = section.build({"transactions": sales}, as_of=None, lang="zh")
    bare = sales[["customer_id", "date", "amount"]].assign(
        date=sales["date"].dt.strftime("%Y-%m-%d")
    )
    least = section.build({"transactions": bare.head(300)}, as_of=None, lang="en")
    assert len(full) > len(least) > 3


def test_moves_are_called_by_the_names_of_the_segments(results):
    for lang, word in (("en", "Champions"), ("zh", "冠军客户")):
        for name in ("migration_flow", "segment_bars"):
            ax = getattr(plots, name)(results[name], lang=lang)
            assert word in [label.get_text() for label in ax.get_yticklabels()]
            plt.close(ax.figure)
    before = pd.DataFrame({"customer_id": [1, 2], "segment": ["x", "y"], "monetary": 1.0,
                           "label": ["Own name", "Other"]})  # fmt: skip
    moved = seg.migration(before, before.iloc[:1])
    assert moved.attrs["labels"]["x"] == {"en": "Own name", "zh": "Own name"}
    ax = plots.migration_flow(moved.drop(columns="amount").set_axis(range(2)), lang="zh")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Own name", "（流失）"]
    plt.close(ax.figure)


@pytest.mark.parametrize("T", [0.7, 12, 104, 2000])
@pytest.mark.parametrize("most", [1, 3, 20])
def test_ticks_of_the_map_are_round_and_lie_where_their_numbers_do(T, most):
    grid = seg.alive_grid(seg.BGNBD.from_params(r=0.2, alpha=4, a=1, b=2), T=T, most=most)
    ax = plots.alive_map(grid)
    times = np.unique(grid["t_x"])
    at, text = ax.get_xticks(), [float(v.get_text()) for v in ax.get_xticklabels()]
    assert len(at) > 1
    np.testing.assert_allclose(np.interp(at, np.arange(len(times)), times), text, atol=1e-9)
    np.testing.assert_allclose(np.diff(at), np.diff(at)[0])
    assert ax.get_yticklabels()[0].get_text() == "1"
    plt.close(ax.figure)


def test_the_note_of_the_whale_curve_says_where_the_profit_is():
    sold = pd.DataFrame({"customer_id": list("abcd"), "amount": [60.0, 30.0, 20.0, -10.0]})
    ax = plots.whale(seg.whale_curve(sold))
    assert ax.get_legend().get_texts()[0].get_text() == "110% of the total\nfrom 75% of customers"
    ax = plots.whale(seg.whale_curve(sold.iloc[:3]))
    assert ax.get_legend().get_texts()[0].get_text() == "82% of the total\nfrom 67% of customers"
    plt.close("all")


def test_clv_distribution_draws_the_range_of_each_customer_as_it_is():
    value = pd.DataFrame({"clv": np.linspace(900, 1, 300)})
    value["clv_lo"], value["clv_hi"] = value["clv"] * 0.2, value["clv"] * np.tile([1.5, 3.0], 150)
    ax = plots.clv_distribution(value)
    drawn = np.array([s[:, 1] for c in ax.collections for s in c.get_segments()])
    np.testing.assert_allclose(drawn, value[["clv_lo", "clv_hi"]])


@pytest.mark.parametrize("rows", [3, 24])
def test_rows_of_a_funnel_figure_have_room(rows):
    """Tick labels of neighbouring rows must not cover each other."""
    stays = pd.DataFrame({"stage": [f"stage {i}" for i in range(rows)], "n": 5, "censored": 0})
    stays = stays.assign(mean=4.0, p25=2.0, median=3.0, p75=5.0, p90=9.0, cycle_days=20.0)
    ax = plots.dwell(stays)
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    ends = sorted((b.y0, b.y1) for b in boxes)
    assert all(a[1] <= b[0] + 1 for a, b in zip(ends, ends[1:], strict=False))


@pytest.mark.parametrize(("cost", "word"), [([1.0, 1.0], "profit"), (None, "sales")])
def test_the_whale_curve_says_whether_it_shows_profit_or_sales(cost, word):
    lines = pd.DataFrame({"customer_id": ["a", "b"], "amount": [3.0, 2.0]})
    if cost is not None:
        lines["cost"] = cost
    ax = plots.whale(seg.whale_curve(lines))
    assert word in ax.get_title(loc="left")
