"""Counting against a brute-force reader of the rules, one deal and one attempt at a time."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from salesmgmt.engine import fast
from salesmgmt.funnel import conversion

STAGES = ["a", "b", "c", "z"]
START = pd.Timestamp("2025-01-01")
histories = st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(STAGES)), min_size=1, max_size=8),
    min_size=1,
    max_size=4,
)
step_lists = st.sampled_from([["a", "b", "c"], ["a", "a", "b"], ["a", "b"], ["a", "b", "a"]])


def frame(history):
    rows = [(i, s, START + pd.Timedelta(t, unit="D")) for i, h in enumerate(history) for t, s in h]
    return pd.DataFrame(rows, columns=["deal_id", "stage", "entered_at"])


def deepest(events, steps, *, window, gap, later):
    """The most steps that any assignment of distinct events does."""
    for depth in range(len(steps), 0, -1):
        for pick in itertools.permutations(range(len(events)), depth):
            times = [events[i][0] for i in pick]
            if any(events[i][1] != s for i, s in zip(pick, steps, strict=False)):
                continue
            gaps = [b - a for a, b in itertools.pairwise(times)]
            if any(g < later or (gap is not None and g > gap) for g in gaps):
                continue
            if window is None or times[-1] - times[0] <= window:
                return depth
    return 0


@settings(max_examples=50)
@given(
    histories,
    step_lists,
    st.sampled_from([None, 0, 2, 5]),
    st.sampled_from([None, 1, 3]),
    st.booleans(),
)
def test_ordered_counts_equal_brute_force(history, steps, window, gap, later):
    history = [h[:6] for h in history]
    if not any(s in steps for h in history for _, s in h):
        return
    got = conversion(
        frame(history),
        steps,
        window=None if window is None else pd.Timedelta(window, unit="D"),
        step_window=None if gap is None else pd.Timedelta(gap, unit="D"),
        ties="strict" if later else "allow",
    )
    levels = []
    for h in history:
        levels.append(deepest(h, steps, window=window, gap=gap, later=later))
    want = [sum(v >= k for v in levels) for k in range(1, len(steps) + 1)]
    assert got["entered"].tolist() == want


def neighbours(events, steps, *, later, first):
    """The longest run of neighbouring steps in any order of the events of one time."""
    times = sorted({t for t, _ in events})
    at_one_time = [itertools.permutations(s for t, s in events if t == when) for when in times]
    best = 0
    for orders in itertools.product(*at_one_time):
        line = [(t, s) for t, order in zip(times, orders, strict=True) for s in order]
        starts = [i for i, (_, s) in enumerate(line) if s == steps[0]]
        for i in starts[:1] if first else starts:
            depth = 1
            for (t, s), (before, _), step in zip(line[i + 1 :], line[i:], steps[1:], strict=False):
                if s != step or t - before < later:
                    break
                depth += 1
            best = max(best, depth)
    return best


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcz")), min_size=1, max_size=6),
    st.sampled_from(["abc", "ab", "aba", "aab"]),
    st.booleans(),
    st.booleans(),
)
@example([(0, "a"), (0, "z"), (1, "b")], "ab", False, False)  # z, a, b
@example([(0, "a"), (0, "b"), (1, "a"), (1, "c")], "abac", False, True)
def test_strict_order_takes_equal_times_in_the_order_that_helps(events, steps, later, first):
    if not any(s in steps for _, s in events):
        return
    out = conversion(
        frame([events]),
        list(steps),
        order="strict",
        ties="strict" if later else "allow",
        reentry="first" if first else "best",
    )
    assert out["entered"].sum() == neighbours(events, steps, later=later, first=first)


@settings(max_examples=40)
@given(histories, st.permutations(range(8)), st.sampled_from(["ordered", "strict", "any"]))
def test_row_order_never_changes_a_number(history, shuffle, order):
    events = frame(history)
    if not events["stage"].isin(["a", "b", "c"]).any():
        return
    moved = events.iloc[[i for i in shuffle if i < len(events)] + list(range(8, len(events)))]
    options = {"order": order, "window": "4D", "won": "z"}
    pd.testing.assert_frame_equal(
        conversion(moved, ["a", "b", "c"], **options),
        conversion(events, ["a", "b", "c"], **options),
    )


@settings(max_examples=40)
@given(
    histories,
    st.sampled_from(["ordered", "strict", "any"]),
    st.sampled_from(["best", "first", "every"]),
    st.sampled_from([None, "3D"]),
)
def test_everyone_who_entered_went_on_is_lost_or_is_open(history, order, reentry, window):
    events = frame(history)
    if not events["stage"].isin(["a", "b", "c"]).any():
        return
    out = conversion(events, ["a", "b", "c"], order=order, reentry=reentry, window=window, lost="z")
    assert (out["entered"] == out["went_on"] + out["lost"] + out["open"]).all()
    assert (out["entered"].diff().dropna() <= 0).all()
    assert out["went_on"].tolist()[:-1] == out["entered"].tolist()[1:]
    assert ((out["lo"] <= out["rate"]) & (out["rate"] <= out["hi"]) | out["rate"].isna()).all()


@settings(max_examples=40)
@given(histories, st.sampled_from([None, 2, 5]))
def test_any_order_counts_distinct_steps_in_some_window(history, window):
    events = frame(history)
    if not events["stage"].isin(["a", "b", "c"]).any():
        return
    got = conversion(
        events,
        ["a", "b", "c"],
        order="any",
        window=None if window is None else pd.Timedelta(window, unit="D"),
    )
    levels = []
    for h in history:
        steps = [(t, s) for t, s in h if s in "abc"]
        wide = 99 if window is None else window
        levels.append(
            max((len({s for t, s in steps if 0 <= t - t0 <= wide}) for t0, _ in steps), default=0)
        )
    assert got["entered"].tolist() == [sum(v >= k for v in levels) for k in (1, 2, 3)]


@settings(max_examples=25)
@given(
    histories,
    st.sampled_from(["allow", "strict"]),
    st.sampled_from(["best", "first"]),
    st.sampled_from([None, "0D", "3D", "6D"]),
    st.booleans(),
    st.booleans(),
)
def test_the_compiled_passes_change_nothing(history, ties, reentry, window, lost, groups):
    if fast.kernels() is None:
        pytest.skip("numba is not installed (extra: fast)")
    events = frame(history)
    if not events["stage"].isin(["a", "b", "c"]).any():
        return
    events["region"] = events["deal_id"] % 2
    options = {
        "ties": ties,
        "reentry": reentry,
        "window": window,
        "lost": "z" if lost else None,
        "by": "region" if groups else None,
        "members": True,
    }
    want = conversion(events, ["a", "b", "c"], **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "LEAST", 0)
        got = conversion(events, ["a", "b", "c"], **options)
        # Other rules take the packed keys of the compiled pass through NumPy.
        for other in ({"order": "any"}, {"step_window": "4D"}, {"exclude": [("z", 0, 2)]}):
            conversion(events, ["a", "b", "c"], **other)
    pd.testing.assert_frame_equal(got, want)
