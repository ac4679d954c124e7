"""Figures and the report section of receivables: drawn in both languages, from any table."""

from __future__ import annotations

import itertools
import warnings

import pandas as pd
import pytest
from common import english_on

from salesmgmt import InputError, credit, load_sample, plots
from salesmgmt.report.sections import credit as section


@pytest.fixture(scope="module")
def pairs():
    frames = [load_sample(t) for t in ("invoices", "payments", "adjustments")]
    return credit.ledger(*frames, fx={"USD": 7.1})


@pytest.fixture(scope="module")
def results(pairs):
    rates = [0.01, 0.03, 0.1, 0.3, 0.8]
    days = ("2024-12-31", "2025-12-31")
    first, last = (credit.provision(credit.aging(pairs, as_of=d, by=None), rates) for d in days)
    return {
        "aging_stack": credit.aging(pairs),
        "roll_rates": credit.roll_rates(pairs),
        "dso_trend": credit.delinquent_days(pairs, freq="Q"),
        "provision_bridge": credit.provision_movement(
            first, last, load_sample("adjustments").drop(columns="currency")
        ),
        "warnings_timeline": credit.early_warning(pairs),
    }


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "name", ["aging_stack", "roll_rates", "dso_trend", "provision_bridge", "warnings_timeline"]
)
def test_drawn_without_boxes_in_both_languages(results, name, lang, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph warns
        ax = getattr(plots, name)(results[name], lang=lang)
        ax.figure.savefig(tmp_path / "a.png")
    assert ax.get_title(loc="left")
    assert lang == "en" or not english_on(ax)


def test_bars_of_the_stack_are_as_long_as_the_balances(results):
    ages = results["aging_stack"].nlargest(3, "total", keep="all").reset_index(drop=True)
    ages.attrs = results["aging_stack"].attrs
    ax = plots.aging_stack(ages)
    drawn = sum(bar.get_width() for bar in ax.patches)
    assert drawn == pytest.approx(ages["total"].sum())


def test_the_key_of_the_stack_is_inside_a_figure_that_makes_no_room_for_it(results):
    from matplotlib import pyplot as plt

    figure, above = plt.subplots(2, 1)
    drawn = [plots.aging_stack(results["aging_stack"], ax=ax) for ax in above]
    figure.canvas.draw()
    for ax in drawn:
        box, key = ax.get_window_extent(), ax.get_legend().get_window_extent()
        assert box.y0 <= key.y0 < key.y1 <= box.y1
    figure, ax = plt.subplots(layout="constrained")
    plots.aging_stack(results["aging_stack"], ax=ax)
    figure.canvas.draw()
    assert 0 <= ax.get_legend().get_window_extent().y1 < ax.get_window_extent().y0
    plt.close("all")


def test_the_long_form_is_drawn_like_the_wide_one(pairs):
    wide, long = (credit.aging(pairs, shape=s) for s in ("wide", "long"))
    a, b = (plots.aging_stack(f, top=5) for f in (wide, long.sample(frac=1, random_state=0)))
    for one, two in zip(a.patches, b.patches, strict=True):
        assert one.get_x() == pytest.approx(two.get_x())
        assert one.get_width() == pytest.approx(two.get_width())


def test_a_single_date_and_buckets_of_years(pairs, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = plots.dso_trend(credit.dso(pairs))
        ax.figure.savefig(tmp_path / "a.png")
    assert [x.get_text() for x in ax.get_xticklabels()] == ["2025-12-31"]
    rolls = credit.roll_rates(pairs, buckets="cn", periods=6)
    shown = [x.get_text() for x in plots.roll_rates(rolls, lang="zh").get_yticklabels()]
    assert shown[-4:] == ["181-365天", "1-2年", "2-3年", "3年以上"]


def test_bridge_ends_at_the_closing_balance_and_mixed_results_are_refused(results):
    ax = plots.provision_bridge(results["provision_bridge"])
    tops = [bar.get_y() + max(bar.get_height(), 0) for bar in ax.patches]
    assert tops[-1] == pytest.approx(results["provision_bridge"]["amount"].iloc[-1])
    with pytest.raises(InputError, match="several currencies"):
        plots.provision_bridge(pd.concat([results["provision_bridge"]] * 2))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_section_on_the_sample_and_on_bare_tables(lang):
    tables = {t: load_sample(t) for t in ("invoices", "payments", "adjustments", "activities")}
    blocks = section.build(tables, as_of=None, lang=lang)
    assert len(blocks) >= 8
    needed = ["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]
    bare = tables["invoices"][needed].astype({"invoice_date": str, "due_date": str})
    assert section.build({"invoices": bare}, as_of="2025-06-30", lang=lang)
    assert section.build({"invoices": bare.head(2)}, as_of=None, lang=lang)


def test_every_signal_is_drawn_nearest_to_its_own_customer(results):
    signs = results["warnings_timeline"].rename(columns={"customer_id": "customer no."})
    names = list(dict.fromkeys(signs["customer no."]))[:12]
    ax = plots.warnings_timeline(signs)
    drawn = [names[round(line.get_ydata()[0])] for line in ax.lines]
    want = signs[signs["customer no."].isin(names)].groupby("customer no.").size()
    assert pd.Series(drawn).value_counts().to_dict() == want.to_dict()


def test_a_trend_of_years_has_few_dates_and_shows_a_value_between_gaps():
    # matplotlib warns of spans of four years with at most eight ticks, and labels touch
    trend = pd.DataFrame(
        {
            "dso": [365.0, float("nan"), 584.0, 334.0, 473.0],
            "as_of": pd.date_range("2021-12-31", periods=5, freq="YE"),
        }
    ).assign(receivables=1.0, sales=1.0)[["receivables", "sales", "dso", "as_of"]]
    ax = plots.dso_trend(trend)
    assert 3 <= len(ax.get_xticks()) <= 7
    line = ax.get_lines()[0]
    assert (line.get_marker(), line.get_markevery()) == ("o", [0])
    assert plots.dso_trend(trend.dropna()).get_lines()[0].get_marker() == "None"


def test_dates_of_warnings_do_not_touch_beside_a_key_of_all_signals():
    from salesmgmt.plots.credit import _SIGNALS

    days = pd.date_range("2024-07-15", periods=len(_SIGNALS), freq="23D")
    signs = pd.DataFrame({"customer_id": "Aldgate Trading", "signal": list(_SIGNALS)})
    signs = signs.assign(severity="low", since=days, as_of=pd.Timestamp("2025-03-31"))
    figure = plots.warnings_timeline(signs).figure
    figure.draw_without_rendering()
    labels = [x.get_window_extent() for x in figure.axes[0].get_xticklabels() if x.get_text()]
    for left, right in itertools.pairwise(sorted(labels, key=lambda box: box.x0)):
        assert left.x1 + 2 < right.x0
