"""Whole units of money, and periods as whole numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt.engine.periods import (
    fiscal_year,
    period_end,
    period_of,
    period_start,
    week_anchor,
    whole_periods,
)
from salesmgmt.engine.units import fraction_of, from_units, off_grid, to_units

_STEPS = ["0.01", "0.05", "0.1", "1", "10", "1000", "0.001", "0.25"]


@given(st.integers(-(10**12), 10**12), st.sampled_from(_STEPS))
def test_units_to_amounts_and_back_are_exact(units, step):
    amount = from_units(np.array([units]), float(step))
    assert amount[0] == float(Decimal(units) * Decimal(step))
    assert to_units(amount, float(step))[0] == units
    assert not off_grid(amount, float(step))[0]


@given(st.decimals(min_value=-(10**7), max_value=10**7, places=4, allow_nan=False))
def test_rounding_to_cents_is_half_away_from_zero_of_the_written_decimal(written):
    want = int((written * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert to_units(np.array([float(written)]))[0] == want


@given(
    st.integers(-(2**53) + 1000, 2**53 - 1000),
    st.sampled_from(["0", "0.3", "0.49", "0.5"]),
    st.sampled_from(_STEPS),
    st.integers(0, 48),
)
@settings(max_examples=400)
def test_large_amounts_are_rounded_as_they_are_written(units, rest, step, shift):
    """Near 2**53 units a float has no place left behind the unit: whole stays whole."""
    amount = float((Decimal(units >> shift) + Decimal(rest)) * Decimal(step))
    want = (Decimal(repr(amount)) / Decimal(step)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    beside = [amount, 9e15 * float(step), -amount]
    assert to_units(np.array(beside), float(step)).tolist() == [want, 9 * 10**15, -want]


def test_amounts_too_large_to_be_exact_raise():
    with pytest.raises(OverflowError):
        to_units(np.array([1e15]))
    with pytest.raises(ValueError, match="finite"):
        to_units(np.array([np.nan]))
    for step in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match="step"):
            fraction_of(step)


_DAYS = st.lists(st.integers(-20_000, 60_000), min_size=1, max_size=20).map(np.array)


@given(_DAYS, st.sampled_from("DWMQY"), st.integers(0, 6), st.integers(1, 12))
def test_each_day_lies_inside_its_period(days, freq, week_start, year_start):
    how = {"week_start": week_start, "year_start": year_start}
    at = period_of(days, freq, **how)
    assert (period_start(at, freq, **how) <= days).all()
    assert (days <= period_end(at, freq, **how)).all()
    assert (period_start(at + 1, freq, **how) == period_end(at, freq, **how) + 1).all()


@given(_DAYS, st.sampled_from("MQY"))
def test_calendar_periods_agree_with_pandas(days, freq):
    dates = pd.to_datetime(days, unit="D")
    starts = dates.to_period(freq).start_time
    got = pd.to_datetime(period_start(period_of(days, freq), freq), unit="D")
    assert (got == starts).all()


def test_fiscal_years_and_quarters_begin_in_the_month_given():
    days = np.array(["2025-03-31", "2025-04-01", "2026-03-31"], "datetime64[D]").astype(np.int64)
    assert fiscal_year(days, year_start=4).tolist() == [2024, 2025, 2025]
    quarter = period_start(period_of(days, "Q", year_start=2), "Q", year_start=2)
    got = quarter.astype("datetime64[D]").astype(str).tolist()
    assert got == ["2025-02-01", "2025-02-01", "2026-02-01"]


def test_weeks_keep_the_weekday_of_the_data():
    fridays = np.arange(0, 70, 7) + 1  # 1970-01-02 was a Friday
    assert week_anchor(fridays) == 4
    assert week_anchor(np.array([0, 1, 5])) == 0


def test_dates_on_starts_or_ends_are_whole_periods():
    starts = np.array(["2025-01-01", "2025-02-01"], "datetime64[D]").astype(np.int64)
    ends = np.array(["2025-01-31", "2025-02-28"], "datetime64[D]").astype(np.int64)
    assert whole_periods(starts, "M")
    assert whole_periods(ends, "M")
    assert not whole_periods(np.append(starts, ends), "M")
    assert not whole_periods(starts + 3, "M")
