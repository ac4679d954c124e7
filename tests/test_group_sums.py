"""Sums, counts and extremes by group against Decimal and plain Python loops."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError
from salesmgmt.engine.grouping import counted_sum, dense, exact_sum, extent, first_last, kept
from salesmgmt.engine.scores import apply_cuts, quantile_cuts
from salesmgmt.segmentation import abc, cohorts, lifecycle, purchases, rfm, whale_curve


def abc_by_customer(frame):
    return abc(frame, item="customer_id", value="amount")


def _by_hand(codes, amounts, n):
    sums, counts = [Decimal(0)] * n, [0] * n
    for code, amount in zip(codes.tolist(), amounts.tolist(), strict=True):
        sums[code] += Decimal(amount).quantize(Decimal("0.000001"))
        counts[code] += 1
    return np.array([float(s) for s in sums]), np.array(counts)


@pytest.mark.parametrize(
    ("low", "high", "digits"),
    [(0, 100, 2), (-50, 60, 2), (-1e6, 1e6, 6), (0, 9e9, 2), (-4e11, 4e11, 2), (0, 0, 0)],
)
def test_sums_and_counts_are_those_of_decimals(low, high, digits):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 40, 60_000)
    codes[codes == 7] = 8  # a group without rows
    amounts = np.round(rng.uniform(low, high, len(codes)), digits)
    want, counts = _by_hand(codes, amounts, 40)
    got = counted_sum(codes, amounts, 40, 1e-6)
    np.testing.assert_array_equal(got[0], want)
    np.testing.assert_array_equal(got[1], counts)
    np.testing.assert_array_equal(exact_sum(codes, amounts, 40, 1e-6), want)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e6])
def test_one_group_with_nearly_all_rows(scale):
    """The count of one group alone does not fit above the digits of a large sum."""
    codes = np.zeros(80_000, dtype=np.int64)
    codes[::1000] = 1
    amounts = np.tile([12.34 * scale, -5.67 * scale], 40_000).round(2)
    want, counts = _by_hand(codes, amounts, 3)
    got = counted_sum(codes, amounts, 3, 1e-6)
    np.testing.assert_array_equal(got[0], want)
    np.testing.assert_array_equal(got[1], counts)


@pytest.mark.parametrize("huge", [1e5, 1e9, 1e12])
def test_one_large_amount_among_many_small_ones(huge):
    codes = np.arange(50_000) % 11
    amounts = np.full(len(codes), 0.01)
    amounts[12_345] = huge
    want, counts = _by_hand(codes, amounts, 11)
    got = counted_sum(codes, amounts, 11, 1e-6)
    np.testing.assert_array_equal(got[0], want)
    np.testing.assert_array_equal(got[1], counts)


def test_an_amount_too_large_to_add_up_exactly_is_told():
    frame = pd.DataFrame({"customer_id": np.arange(30_000) % 7, "amount": 1.0})
    frame["date"] = pd.Timestamp("2024-03-01")
    frame.loc[20_001, "amount"] = 1e300
    with pytest.raises(InputError, match="use a larger step"):
        rfm(frame)


@pytest.mark.parametrize("function", [abc_by_customer, cohorts, lifecycle, purchases, whale_curve])
@pytest.mark.parametrize("large", [5e12, 3e15])
def test_large_amounts_add_up_everywhere(function, large):
    """Some currencies have prices of millions: totals of 1e13 and more are real."""
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b"],
            "date": pd.to_datetime(["2025-01-01", "2025-01-08", "2025-01-02", "2025-01-15"]),
            "amount": [large, large / 4, 2048.0, 3072.0],
        }
    )
    small = function(frame.assign(amount=frame["amount"] / 1024))  # a power of two: exact
    got = function(frame)
    for column in set(got) & {"amount", "monetary", "profit"}:
        np.testing.assert_allclose(got[column], small[column] * 1024, rtol=1e-6)
    with pytest.raises(InputError, match="too large to be added up"):
        function(frame.assign(amount=frame["amount"] * 1e7))


def test_no_rows():
    none = np.empty(0, dtype=np.int64)
    got = counted_sum(none, np.empty(0), 3, 1e-6)
    assert got[0].tolist() == [0, 0, 0]
    assert got[1].tolist() == [0, 0, 0]


def test_extent_over_many_blocks():
    values = np.random.default_rng(0).normal(size=200_001)
    values[150_000], values[-1] = -99.0, 99.0
    assert extent(values) == (-99.0, 99.0)
    values[77] = np.nan
    assert np.isnan(extent(values)).all()
    assert extent(np.array([np.iinfo(np.int64).min, 3])) == (np.iinfo(np.int64).min, 3)


def test_first_and_last_over_many_blocks():
    rng = np.random.default_rng(1)
    codes, values = rng.integers(0, 900, 50_000), rng.integers(-(10**12), 10**12, 50_000)
    first, last = first_last(codes, values, 900, per=1_000)
    whole = pd.Series(values // 1_000).groupby(codes)
    assert first.tolist() == whole.min().tolist()
    assert last.tolist() == whole.max().tolist()


@pytest.mark.parametrize("share", [0.0, 0.0002, 0.5, 0.9999, 1.0])
def test_kept_is_what_the_mask_keeps(share):
    keep = np.random.default_rng(6).random(30_000) < share
    keep[[0, -1]] = share > 0.9, share < 0.1
    values = np.arange(30_000)
    assert kept(values, keep).tolist() == values[keep].tolist()


@pytest.mark.parametrize("room", [1, 50, 7_000, 10**9])
def test_places_among_the_distinct(room):
    cells = np.random.default_rng(7).integers(0, room, 900)
    seen, at = dense(cells)
    assert seen.tolist() == sorted(set(cells.tolist()))
    assert seen[at].tolist() == cells.tolist()


@pytest.mark.parametrize("cuts", [4, 20, 21, 99])
def test_scores_count_the_cuts_below(cuts):
    rng = np.random.default_rng(2)
    values = rng.integers(0, 60, 500).astype(float)
    edges = np.sort(rng.integers(0, 60, cuts)).astype(float)
    assert apply_cuts(values, edges).tolist() == [1 + sum(e < v for e in edges) for v in values]


@pytest.mark.parametrize("kind", [np.int64, np.float64])
@pytest.mark.parametrize("spread", [3, 40, 10**6])
def test_quantiles_of_whole_numbers_and_floats_are_those_of_numpy(kind, spread):
    values = np.random.default_rng(4).integers(-spread, spread, 501).astype(kind)
    got = quantile_cuts(values, 7)
    np.testing.assert_allclose(got, np.quantile(values, np.arange(1, 7) / 7), rtol=1e-12)
    assert apply_cuts(values, got).tolist() == [1 + sum(c < v for c in got) for v in values]


@pytest.mark.parametrize(
    ("value", "told"), [(np.nan, "is missing"), (np.inf, "finite"), (-np.inf, "finite")]
)
@pytest.mark.parametrize("at", [0, 70_000, -1])
def test_one_bad_amount_among_many_is_found(value, told, at):
    n = 70_001
    frame = pd.DataFrame({"customer_id": np.arange(n) % 9, "date": pd.Timestamp("2024-03-01")})
    frame["amount"] = 1.0
    frame.iloc[at, 2] = value
    with pytest.raises(InputError, match=told):
        rfm(frame)
    with pytest.warns(DataWarning, match="left out 1 of"):
        out = rfm(frame, invalid="drop")
    assert out["monetary"].sum() == n - 1
    assert out.attrs["rows"]["used"] == n - 1


@pytest.mark.parametrize("at", [0, 70_000, -1])
def test_one_missing_date_among_many_is_found(at):
    n = 70_001
    frame = pd.DataFrame({"customer_id": np.arange(n) % 9, "amount": 1.0})
    frame["date"] = pd.Timestamp("2024-03-01")
    frame.iloc[at, 2] = pd.NaT
    with pytest.raises(InputError, match="'date' is missing in 1 row"):
        rfm(frame)
