"""Figures of the funnel desk: they draw what a desk returned, in both languages."""

from __future__ import annotations

import pandas as pd
import pytest
from common import english_on

from salesmgmt import InputError, funnel, load_sample, plots
from salesmgmt.report.sections import funnel as section

DRAWN = {
    "conversion": lambda e, d, s: funnel.conversion(e, ["lead", "proposal", "won"], lost="lost"),
    "moves": lambda e, d, s: funnel.transitions(e),
    "outcomes": lambda e, d, s: funnel.outcomes(d, horizon=100),
    "dwell": lambda e, d, s: funnel.dwell(e),
    "waterfall": lambda e, d, s: funnel.waterfall(
        s[s["snapshot_date"] == "2025-11-30"], s[s["snapshot_date"] == "2025-12-31"]
    ),
    "bookings": lambda e, d, s: funnel.bookings(d, horizon=2, n=100),
    "calibration": lambda e, d, s: pd.DataFrame({"probability": [0.1, 0.8], "won": [0, 1]}),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_draws_and_changes_nothing(name, lang):
    result = DRAWN[name](*map(load_sample, ("stage_events", "deals", "deal_snapshots")))
    before = result.copy()
    ax = getattr(plots, name)(result, lang=lang)
    ax.figure.canvas.draw()
    assert ax.get_title(loc="left")
    stages = r"(lead|qualified|proposal|negotiation|won|lost)(?=[\s(]|$)|International"
    assert lang == "en" or not english_on(ax, stages)
    pd.testing.assert_frame_equal(result, before)
    with pytest.raises(InputError, match="has no column"):
        getattr(plots, name)(pd.DataFrame({"a": [1]}))


def test_the_section_works_on_required_columns_alone():
    events = load_sample("stage_events")[["deal_id", "stage", "entered_at"]]
    deals = load_sample("deals")[["deal_id", "stage", "amount", "created_at", "close_date"]]
    blocks = section.build({"stage_events": events, "deals": deals}, as_of=None, lang="en")
    assert len(blocks) >= 6
    assert section.build({}, as_of=None, lang="zh") == []
    assert section.build({"deals": deals}, as_of="2024-06-30", lang="zh")


def test_steps_in_any_order_are_named_in_the_language_of_the_figure():
    events = pd.DataFrame(
        {"deal_id": [1, 1, 2], "stage": ["a", "b", "a"],
         "entered_at": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-01"])}
    )  # fmt: skip
    out = funnel.conversion(events, ["a", "b"], order="any")
    for lang, want in (("en", ["1 of 2", "2 of 2"]), ("zh", ["1/2 步", "2/2 步"])):
        ax = plots.conversion(out, lang=lang)
        assert [label.get_text() for label in ax.get_yticklabels()] == want


def test_wins_of_the_report_add_up_to_all_deals_won():
    """Three deals are won, one of them past a stage: the sentence must not hide it."""
    rows = [
        (i, s, f"2025-01-{d:02d}") for i in (1, 2, 3) for d, s in enumerate(("a", "b", "won"), i)
    ]
    rows.remove((3, "b", "2025-01-04"))
    events = pd.DataFrame(rows, columns=["deal_id", "stage", "entered_at"])
    events["entered_at"] = pd.to_datetime(events["entered_at"])
    tables = {"stage_events": events}
    assert "2 (66.7%) reached “won”, 1 more" in section.build(tables, as_of=None, lang="en")[0].text
    assert "另有 1 个" in section.build(tables, as_of=None, lang="zh")[0].text
    whole = {"stage_events": events[events["deal_id"] < 3]}
    assert "more" not in section.build(whole, as_of=None, lang="en")[0].text


def test_ticks_of_shares_have_the_digits_they_need():
    """2.5 % was written 2 %, and 7.5 % 8 %."""
    ax = plots.outcomes(funnel.outcomes(load_sample("deals"), horizon=100))
    ax.set_yticks([-0.1, 0, 0.025, 0.05, 0.075, 0.3])
    ax.figure.canvas.draw()
    told = [label.get_text() for label in ax.get_yticklabels()]
    assert told == ["−10%", "0%", "2.5%", "5%", "7.5%", "30%"]


def test_moves_of_several_groups_are_drawn_one_at_a_time():
    moved = funnel.transitions(load_sample("stage_events"), by="region")
    with pytest.raises(InputError, match="several groups"):
        plots.moves(moved)
    plots.moves(moved[moved["region"] == moved["region"][0]])
