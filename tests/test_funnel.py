"""Funnel desk: behaviour, identities, messages."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, funnel
from salesmgmt.funnel import conversion

START = pd.Timestamp("2025-01-01")


def stream(history, unit="s"):
    rows = [
        (deal, stage, START + pd.Timedelta(at, unit=unit))
        for deal, events in history.items()
        for at, stage in events
    ]
    return pd.DataFrame(rows, columns=["deal_id", "stage", "entered_at"])


def days(history):
    return stream(history, unit="D")


# --------------------------------------------------------------------------------------
# conversion


def test_published_counting_cases(data_dir):
    cases = json.loads((data_dir / "funnel" / "cases.json").read_text(encoding="utf-8"))["cases"]
    counted = [c for c in cases if c.get("kind") != "stage_history"]
    assert counted
    for case in counted:
        out = conversion(
            stream(case["events"]).sample(frac=1, random_state=0),
            case["steps"],
            order={"unordered": "any"}.get(case["order"], case["order"]),
            window=None if case["window_s"] is None else pd.Timedelta(case["window_s"], unit="s"),
            ties=case["ties"],
            reentry=case["reentry"],
            exclude=[(e["event"], e["from"], e["to"]) for e in case.get("exclusions", [])],
            exclude_mode={"drop_off": "drop"}.get(case.get("exclusion_mode", ""), "remove"),
        )
        want = case["expected"]
        assert out["entered"].tolist() == want["counts"], case["id"]
        for column, key, scale in (
            ("overall", "conversion_from_first", 1),
            ("rate", "step_conversion", 1),
            ("median_days", "median_step_s", 86400),
            ("mean_days", "mean_step_s", 86400),
        ):
            expected = [np.nan if v is None else v for v in want[key]]
            np.testing.assert_allclose(
                out[column] * scale, expected, rtol=1e-9, atol=1e-9, err_msg=case["id"]
            )


def test_open_deals_are_not_drop_offs():
    events = days({"a": [(0, "lead"), (3, "order")], "b": [(0, "lead")], "c": [(9, "lead")]})
    out = conversion(events, ["lead", "order"], window="7D", as_of="2025-01-12")
    first = out.iloc[0]
    assert (first.went_on, first.lost, first.open) == (1, 1, 1)
    assert out.loc[1, "rate"] == pytest.approx(1 / 3)
    assert out.loc[1, "rate_decided"] == pytest.approx(1 / 2)
    assert (out["as_of"] == pd.Timestamp("2025-01-12")).all()


@pytest.mark.parametrize(("as_of", "open_"), [("2025-01-07", 1), ("2025-01-08", 0)])
def test_a_window_includes_its_last_day_and_is_over_after_it(as_of, open_):
    out = conversion(days({"a": [(0, "lead")]}), ["lead", "order"], window="7D", as_of=as_of)
    assert (out.loc[0, "open"], out.loc[0, "lost"]) == (open_, 1 - open_)


def test_without_a_window_only_a_lost_stage_loses():
    events = days({"a": [(0, "lead"), (5, "lost")], "b": [(0, "lead")]})
    with pytest.warns(DataWarning, match=r"1 deal\(s\) that count as open entered 'lost' last"):
        plain = conversion(events, ["lead", "order"])
    closed = conversion(events, ["lead", "order"], lost="lost")
    assert plain["open"].tolist() == [2, 0]
    assert (closed.loc[0, "lost"], closed.loc[0, "open"]) == (1, 1)


def test_what_is_open_again_or_has_gone_on_is_not_told_to_be_lost():
    history = {"a": [(0, "lead"), (5, "输单"), (8, "lead")], "b": [(0, "lead"), (3, "order")]}
    assert conversion(days(history), ["lead", "order"])["open"].tolist() == [1, 0]
    with pytest.warns(DataWarning, match="lost='输单'"):
        conversion(days(history | {"c": [(0, "lead"), (1, "输单")]}), ["lead", "order"])


def test_a_reopened_deal_is_open_again():
    events = days({"a": [(0, "lead"), (5, "lost"), (8, "lead")], "b": [(0, "lead")]})
    out = conversion(events, ["lead", "order"], lost="lost")
    assert (out.loc[0, "lost"], out.loc[0, "open"], out.loc[0, "reopens"]) == (0, 2, 1)


def test_a_deal_won_past_a_step_went_on_and_skipped_it():
    events = days({"a": [(0, "lead"), (5, "won")], "b": [(0, "lead"), (1, "demo"), (2, "won")]})
    out = conversion(events, ["lead", "demo"], won="won")
    assert out["went_on"].tolist() == [2, 1]
    assert out["skipped"].tolist() == [0, 1]
    assert out["entered"].tolist() == [2, 1]


def test_stage_history_counts_visits_and_moves():
    events = days(
        {
            "d": [
                (0, "qualify"),
                (10, "propose"),
                (14, "qualify"),
                (20, "propose"),
                (25, "won"),
            ]
        }
    )
    out = conversion(events, ["qualify", "propose", "won"], won="won")
    assert out["visits"].tolist() == [2, 2, 1]
    assert out["backward_moves"].tolist() == [1, 0, 0]
    assert out["entered"].tolist() == [1, 1, 1]
    assert out["reopens"].sum() == 0


def test_every_attempt_counts_after_the_one_before_has_ended():
    events = days({"a": [(0, "x"), (1, "x"), (2, "y"), (3, "x"), (20, "x"), (21, "y")]})
    out = conversion(events, ["x", "y"], window="5D", reentry="every")
    assert out["entered"].tolist() == [3, 2]  # 0-2 done, 3 expires, 20-21 done
    assert out.loc[0, "lost"] == 1


def test_a_longest_gap_takes_the_path_that_leads_on():
    events = days({"a": [(0, "x"), (1, "y"), (5, "y"), (6, "z")]})
    out = conversion(events, ["x", "y", "z"], step_window=["9D", "2D"])
    assert out["entered"].tolist() == [1, 1, 1]
    assert out["median_days"].tolist()[1:] == [5.0, 1.0]


def test_a_shortest_gap_waits():
    events = days({"a": [(0, "x"), (1, "y"), (5, "y")]})
    out = conversion(events, ["x", "y"], step_window=(pd.Timedelta("3D"), None))
    assert out.loc[1, "median_days"] == 5.0


def test_the_list_behind_each_bar_equals_the_bar():
    events = days({"a": [(0, "x"), (1, "y")], "b": [(0, "x")], "c": [(0, "y")]})
    for order in ("ordered", "strict", "any"):
        out = conversion(
            events, ["x", "y"], order=order, window="1D", as_of="2025-03-01", members=True
        )
        assert [len(m) for m in out["members"]] == out["entered"].tolist()
        assert [len(m) for m in out["members_lost"]] == out["lost"].tolist()
        assert [len(m) for m in out["members_open"]] == out["open"].tolist()


def test_groups_add_up_and_keep_their_dtype():
    events = days({1: [(0, "x"), (1, "y")], 2: [(0, "x")], 3: [(2, "x"), (3, "y")]})
    events["region"] = pd.Categorical(["n", "n", "s", "s", "s"], ["s", "n"], ordered=True)
    out = conversion(events, ["x", "y"], by="region")
    assert out["region"].tolist() == ["s", "s", "n", "n"]
    assert out["region"].dtype == events["region"].dtype
    total = conversion(events, ["x", "y"])
    summed = out.groupby("step")[["entered", "went_on", "lost", "open", "visits"]].sum()
    assert (summed.to_numpy() == total[summed.columns].to_numpy()).all()


def test_vendor_rules_change_what_they_say():
    events = days({"a": [(0, "x"), (9, "x"), (10, "y")], "b": [(0, "x"), (0, "y")]})
    got = {
        r: conversion(events, ["x", "y"], rules=r)["entered"].tolist()
        for r in ("posthog", "clickhouse", "mixpanel", "hubspot")
    }
    assert got == {
        "posthog": [2, 1],
        "clickhouse": [2, 2],
        "mixpanel": [2, 1],
        "hubspot": [2, 2],
    }
    assert conversion(events, ["x", "y"], rules="mixpanel", window="30D").loc[1, "entered"] == 2


def test_clickhouse_lets_one_event_serve_equal_steps():
    events = days({"a": [(0, "x")]})
    assert conversion(events, ["x", "x", "x"], rules="clickhouse")["entered"].tolist() == [1, 1, 1]
    assert conversion(events, ["x", "x", "x"])["entered"].tolist() == [1, 0, 0]


@pytest.mark.parametrize("fold", ["polars", "duckdb"])
def test_other_frames_give_equal_numbers(fold):
    other = pytest.importorskip(fold)
    events = days({"a": [(0, "x"), (1, "y")], "b": [(0, "x")], "c": [(0, "y")]})
    want = conversion(events, ["x", "y"], window="3D")
    if fold == "polars":
        frame = other.DataFrame({c: events[c].to_list() for c in events})
    else:
        frame = other.sql("select * from events")
    pd.testing.assert_frame_equal(conversion(frame, ["x", "y"], window="3D"), want)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"order": "loose"}, "order must be one of"),
        ({"window": 7}, "Timedelta"),
        ({"step_window": ["1D"]}, "one entry per step"),
        ({"exclude": [("x", 1, 0)]}, "to_step"),
        ({"order": "any", "step_window": "1D"}, "no meaning"),
        ({"rules": "segment"}, "rules must be one of"),
        ({"interval": "wald"}, "interval must be one of"),
        ({"as_of": "2020-01-01"}, "later than as_of"),
        ({"by": "stage"}, "column of the result"),
        ({"won": "x", "lost": "x"}, "both won and lost"),
    ],
)
def test_options_that_make_no_sense_are_refused(change, words):
    events = days({"a": [(0, "x"), (1, "y"), (2, "z")]})
    with pytest.raises(InputError, match=words):
        conversion(events, ["x", "y", "z"], **change)


def test_unknown_stages_name_the_closest():
    with pytest.raises(InputError, match="Did you mean 'Lead'"):
        conversion(days({"a": [(0, "Lead")]}), ["lead", "order"])


def test_rows_without_a_date_are_dropped_only_when_asked():
    events = days({"a": [(0, "x"), (1, "y")]})
    events.loc[1, "entered_at"] = pd.NaT
    with pytest.raises(InputError, match="entered_at"):
        conversion(events, ["x", "y"])
    with pytest.warns(DataWarning, match="left out 1 of 2"):
        out = conversion(events, ["x", "y"], invalid="drop")
    assert out["entered"].tolist() == [1, 0]


def test_own_column_names_and_odd_indexes_change_nothing():
    events = days({"a": [(0, "x"), (1, "y")], "b": [(0, "x")]})
    want = conversion(events, ["x", "y"])
    renamed = events.rename(columns={"deal_id": "商机", "stage": "阶段", "entered_at": "时间"})
    renamed.index = [7] * len(renamed)
    before = renamed.copy()
    got = conversion(renamed.iloc[::-1], ["x", "y"], deal="商机", stage="阶段", entered="时间")
    pd.testing.assert_frame_equal(got, want)
    pd.testing.assert_frame_equal(renamed, before)


def test_the_face_hands_on_every_name():
    for name in funnel.__all__:
        assert callable(getattr(funnel, name))


def test_dwell_paths_and_transitions_take_lazy_frames():
    polars = pytest.importorskip("polars")
    from salesmgmt import load_sample
    from salesmgmt.funnel import dwell, paths, transitions

    events = load_sample("stage_events").head(400)
    lazy = polars.from_pandas(events).lazy()
    for call in (dwell, paths, transitions):
        pd.testing.assert_frame_equal(call(lazy), call(events), check_dtype=False)


def test_a_chinese_stage_one_character_off_is_asked_about():
    events = pd.DataFrame({"deal_id": [1, 1], "stage": ["线索", "商机确认"]})
    events["entered_at"] = ["2025-01-01", "2025-01-05"]
    with pytest.warns(DataWarning, match="'商机确定' in stages .did you mean '商机确认'"):
        conversion(events, ["线索", "商机确定"])
    conversion(events, ["线索", "方案报价"])  # nobody is there yet: no warning


def test_a_repeated_step_keeps_its_deal_open_while_its_own_gap_runs():
    out = conversion(
        days({1: [(0, "a"), (1, "b"), (9, "b")]}),
        ["a", "b", "c"],
        step_window=[None, pd.Timedelta("3D")],
        as_of="2025-01-11",
    )
    assert out[["lost", "open"]].to_numpy().tolist() == [[0, 0], [0, 1], [0, 0]]
    # A day after the second "b" has waited three days, nobody may go on.
    late = conversion(
        days({1: [(0, "a"), (1, "b"), (9, "b")]}),
        ["a", "b", "c"],
        step_window=[None, pd.Timedelta("3D")],
        as_of="2025-01-14",
    )
    assert late["lost"].tolist() == [0, 1, 0]


def test_an_attempt_ends_with_its_step_window():
    events = days({1: [(0, "a"), (10, "a"), (11, "b")], 2: [(0, "a"), (100, "x")]})
    again = conversion(events, ["a", "b"], step_window="3D", reentry="every")
    assert again["entered"].tolist() == [3, 1]
    # What comes after it cannot spoil it.
    kept = conversion(events, ["a", "b"], step_window="3D", exclude=[("x", 0, 1)])
    assert kept["entered"].tolist() == [2, 1]


def test_stages_of_one_day_are_taken_in_the_order_that_deals_pass_them():
    # "demo" < "lead" and "demo" < "meet" by name; the dates say lead, meet, demo.
    slow = {d: [(0, "lead"), (2, "meet"), (5, "demo"), (9, "won")] for d in "abc"}
    events = days({**slow, "d": [(1, "lead"), (1, "meet"), (1, "demo"), (3, "won")]})
    assert funnel.stage_order(events)["stage"].tolist() == ["lead", "meet", "demo", "won"]
    for rows in (events, events.iloc[::-1]):
        assert funnel.paths(rows)["variant"].tolist() == ["lead > meet > demo > won"]
        assert set(funnel.transitions(rows)["kind"]) == {"forward", "won"}
        stay = funnel.dwell(rows, details=True).set_index(["deal_id", "stage"])["days"]
        assert stay.loc["d"].to_dict() == {"lead": 0.0, "meet": 0.0, "demo": 2.0}


def test_the_owner_of_two_equal_visits_does_not_depend_on_the_order_of_rows():
    events = days({1: [(0, "lead"), (0, "lead"), (9, "won")]}).assign(owner=["李", "ann", "ann"])
    for rows in (events, events.iloc[::-1]):
        late = funnel.service_levels(rows, {"lead": 3}, owner="owner")
        assert late[["owner", "days"]].to_numpy().tolist() == [["李", 9.0]]


def test_every_won_stage_ends_the_standard_process():
    events = days(
        {
            1: [(0, "lead"), (2, "demo"), (5, "new")],
            2: [(0, "lead"), (2, "demo"), (5, "renewal")],
            3: [(0, "lead"), (5, "renewal")],
        }
    )
    out = funnel.paths(events, won=["new", "renewal"]).set_index("variant")
    assert out["conforms"].to_dict() == {
        "lead > demo > new": True,
        "lead > demo > renewal": True,
        "lead > renewal": False,
    }
    assert out["skipped"].tolist() == [0, 0, 1]


def test_moves_by_group_are_those_of_each_group_alone():
    events = days(
        {
            1: [(0, "lead"), (2, "demo"), (4, "lead"), (9, "won")],
            2: [(0, "lead"), (3, "demo"), (5, "won")],
            3: [(1, "lead"), (2, "lost")],
        }
    )
    # A deal belongs to the group of its first event, wherever it goes on.
    events["region"] = ["n", "s", "s", "s", "s", "s", "s", "n", "n"]
    out = funnel.transitions(events, by="region")
    own = events["deal_id"].map({1: "n", 2: "s", 3: "n"})
    for region, rows in events.groupby(own):
        alone = funnel.transitions(rows, as_of=out["as_of"][0])
        part = out[out["region"] == region].drop(columns="region")
        keys = ["from", "to"]
        left, right = (t.sort_values(keys, ignore_index=True) for t in (part, alone))
        pd.testing.assert_frame_equal(left.drop(columns="kind"), right.drop(columns="kind"))
    assert out.groupby(["region", "from"])["share"].sum().round(12).eq(1).all()
    with pytest.raises(InputError, match="'moves'"):
        funnel.transitions(events.rename(columns={"region": "moves"}), by="moves")
