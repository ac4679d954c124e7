"""Properties of the calendars that hold for every date, country and period."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesmgmt.calendars import (
    add_working_days,
    count_working_days,
    events,
    retail_calendar,
    working_days,
)

_FIRST, _LAST = np.datetime64("2004-01-01"), np.datetime64("2026-12-31")
_days = st.integers(0, int((_LAST - _FIRST).astype(int))).map(
    lambda i: _FIRST + np.timedelta64(i, "D")
)
_spans = st.tuples(_days, st.integers(0, 500)).map(
    lambda s: (s[0], min(s[0] + np.timedelta64(s[1], "D"), _LAST))
)
_countries = st.sampled_from(["CN", "US", "DE", "SA"])


@given(_spans, _countries)
def test_a_count_is_the_sum_of_the_weights(span, country):
    total = working_days(*span, country=country)["weight"].sum()
    assert count_working_days(*span, country=country) == total


@given(_spans, st.sampled_from(list("DWMQY")), st.integers(1, 12))
def test_periods_keep_the_total(span, freq, year_start):
    got = working_days(*span, freq=freq, year_start=year_start, week_start="sunday")
    assert got["weight"].sum() == count_working_days(*span)
    assert got["date"].is_monotonic_increasing
    assert got["date"].is_unique
    assert isinstance(got.index, pd.RangeIndex)


@given(_days, st.integers(1, 120))
def test_stepping_and_counting_undo_each_other(day, n):
    n = min(n, count_working_days(day, _LAST, inclusive="right"))
    if n < 1:
        return
    later = add_working_days(day, n)
    assert count_working_days(day, later, inclusive="right") == n
    assert count_working_days(later, later) == 1
    if count_working_days(day, day):
        assert add_working_days(later, -n) == pd.Timestamp(day)


@given(_days, st.integers(1, 60), st.integers(1, 60))
def test_steps_add_up(day, a, b):
    if count_working_days(day, _LAST, inclusive="right") < a + b:
        return
    assert add_working_days(add_working_days(day, a), b) == add_working_days(day, a + b)


@given(st.lists(_spans, min_size=1, max_size=30))
def test_pairs_are_counted_one_by_one(spans):
    first, last = (np.array(x) for x in zip(*spans, strict=True))
    got = count_working_days(first, last)
    assert got.tolist() == [count_working_days(*s) for s in spans]


@given(_spans, st.sampled_from(list("WMQY")))
def test_events_keep_their_total_and_their_columns(span, freq):
    days, periods = events(*span), events(*span, freq=freq)
    assert days.columns.tolist() == periods.columns.tolist()
    np.testing.assert_array_equal(
        days.drop(columns="date").sum(), periods.drop(columns="date").sum()
    )


@given(_days, st.integers(0, 20), st.integers(0, 10), st.integers(0, 10))
def test_own_windows_have_the_length_they_were_given(day, length, lead, lag):
    end, before, after = (day + np.timedelta64(n, "D") for n in (length, -40, 60))
    if before < _FIRST or after > _LAST:
        return
    own = pd.DataFrame({"name": ["x"], "start": [day], "end": [end], "lead": [lead], "lag": [lag]})
    got = events(before, after, own=own)
    assert got["x"].sum() == length + 1
    assert ("x_lead" in got) == (lead > 0)
    assert ("x_lag" in got) == (lag > 0)
    assert got.get("x_lead", pd.Series([0.0])).sum() == lead
    assert got.get("x_lag", pd.Series([0.0])).sum() == lag


@given(
    st.integers(1950, 2100),
    st.sampled_from(["4-4-5", "4-5-4", "5-4-4"]),
    st.integers(1, 12),
    st.sampled_from(["monday", "saturday", "sunday"]),
    st.sampled_from(["nearest", "last"]),
)
def test_retail_years_tile_time(year, pattern, year_start, week_start, rule):
    how = {"year_start": year_start, "week_start": week_start, "rule": rule}
    one = retail_calendar(year, pattern=pattern, **how)
    nxt = retail_calendar(year + 1, pattern=pattern, **how)
    assert len(one) == 12
    assert one["weeks"].sum() in (52, 53)
    assert one["period_end"].iloc[-1] + pd.Timedelta(days=1) == nxt["period_start"].iloc[0]
    nominal = pd.Timestamp(year, year_start, 1)
    late = one["period_start"].iloc[0] - nominal
    low, high = (-3, 3) if rule == "nearest" else (-6, 0)
    assert pd.Timedelta(days=low) <= late <= pd.Timedelta(days=high)


@pytest.mark.parametrize("country", ["CN", "US"])
def test_the_call_does_not_depend_on_what_was_asked_before(country):
    span = ("2025-03-01", "2025-03-31")
    alone = working_days(*span, country=country)
    working_days("2010-01-01", "2026-12-31", country=country)
    pd.testing.assert_frame_equal(alone, working_days(*span, country=country))
