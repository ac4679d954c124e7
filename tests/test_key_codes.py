"""Codes of many keys against numpy.unique and plain sorting: numbers, short texts, gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import _keys
from salesmgmt._keys import factorise, spread
from salesmgmt.engine.codes import number_codes, text_numbers
from salesmgmt.segmentation import rfm


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("distinct", [1, 2, 700, 20_000])
def test_numbers_get_the_codes_of_a_sort(seed, distinct):
    rng = np.random.default_rng(seed)
    info = np.iinfo(np.int64)
    pool = rng.integers(info.min, info.max, distinct, endpoint=True)
    pool[:1] = [(0, -1, info.min, info.max)[seed]]
    values = rng.choice(pool, 60_000)
    found = number_codes(values)
    labels, codes = np.unique(values, return_inverse=True)
    np.testing.assert_array_equal(found[1], labels)
    np.testing.assert_array_equal(found[0], codes.reshape(-1))


def test_numbers_in_steps_of_a_power_of_two():
    values = np.tile(np.arange(5_000) * 2**44, 10)
    found = number_codes(values)
    np.testing.assert_array_equal(found[1], np.arange(5_000) * 2**44)
    np.testing.assert_array_equal(found[1][found[0]], values)


@pytest.mark.parametrize("power", [52, 60, 62])
def test_numbers_that_no_hash_spreads(power):
    pool = np.unique(np.arange(-40_000, 40_000) * np.int64(2) ** power // 1 + 1)
    values = np.random.default_rng(power).permutation(np.repeat(pool, 2))
    found = number_codes(values)
    np.testing.assert_array_equal(found[1], pool)
    np.testing.assert_array_equal(pool[found[0]], values)


@pytest.mark.parametrize("dtype", ["int16", "uint32", "int32"])
def test_narrow_numbers_keep_their_dtype(monkeypatch, dtype):
    monkeypatch.setattr(_keys, "_MANY", 1)
    info = np.iinfo(dtype)
    pool = np.array([info.min, info.max, 5, info.max // 3], dtype=dtype)
    column = pd.Series(np.tile(pool, 3), name="k")
    found = factorise(column.to_frame(), ["k"])
    assert found.labels["k"].tolist() == sorted(pool.tolist())
    assert found.labels["k"].dtype == np.dtype(dtype)
    assert (
        found.codes.tolist() == np.tile([sorted(pool.tolist()).index(v) for v in pool], 3).tolist()
    )


@pytest.mark.parametrize(
    "pool",
    [
        ["a", "b", "ab", "", "abc", "ba", "é", "中文", "中"],
        [f"C{i:07d}" for i in range(0, 90_000, 7)],
        [str(i) for i in range(3_000)],
        ["x"],
        ["a\0", "a", "\0"],
    ],
)
def test_numbers_of_texts_keep_equality_and_order(pool):
    raw = [t.encode() for t in pool]
    offsets = np.cumsum([0, *map(len, raw)]).astype(np.int32)
    numbers = text_numbers(np.frombuffer(b"".join(raw), np.uint8), offsets)
    assert numbers is not None
    order = sorted(range(len(raw)), key=lambda i: raw[i])
    assert (np.diff(numbers[order]) > 0).all()


def test_long_texts_are_refused():
    raw = b"".join(f"{i:032x}".encode() for i in (1, 2**127 - 1, 2**126 + 5))
    wide = np.random.default_rng(0).permutation(np.frombuffer(raw * 40, np.uint8))
    assert text_numbers(wide, np.arange(0, len(wide) + 1, 32, dtype=np.int32)) is None


@pytest.mark.parametrize("dtype", ["string[pyarrow]", "str", "large"])
@pytest.mark.parametrize("cut", [False, True])
def test_arrow_text_keys_are_those_of_objects(monkeypatch, dtype, cut):
    pa = pytest.importorskip("pyarrow")
    monkeypatch.setattr(_keys, "_MANY", 1)
    rng = np.random.default_rng(5)
    texts = [f"K{'é' * (i % 3)}{i}" for i in rng.integers(0, 300, 2_000)]
    kind = pd.ArrowDtype(pa.large_string()) if dtype == "large" else dtype
    column = pd.Series(texts, dtype=kind, name="k")
    plain = pd.Series(texts, dtype=object, name="k")
    if cut:
        column, plain = column.iloc[17:-5], plain.iloc[17:-5]
    found, expected = factorise(column.to_frame(), ["k"]), factorise(plain.to_frame(), ["k"])
    np.testing.assert_array_equal(found.codes, expected.codes)
    assert found.labels["k"].tolist() == expected.labels["k"].tolist()
    assert found.labels["k"].dtype == column.dtype


def test_places_with_gaps_give_the_same_rfm():
    rng = np.random.default_rng(2)
    n = 4_000
    ids = rng.choice(np.setdiff1d(np.arange(-50, 500), [3, 77, 400]), n)
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 500, n), "D"),
            "amount": np.round(rng.normal(20, 30, n), 2),
        }
    )
    assert spread(frame["customer_id"]) is not None
    assert spread(frame["customer_id"].astype(float)) is None
    for options in ({}, {"as_of": "2024-09-01"}, {"frequency": "net_days"}):
        near = rfm(frame, **options)
        far = rfm(frame.assign(customer_id=ids * 10**9), **options)
        far["customer_id"] = far["customer_id"] // 10**9
        pd.testing.assert_frame_equal(near, far)
        assert near.attrs["rows"] == far.attrs["rows"]
        assert set(near["customer_id"]) <= set(ids.tolist())


def test_the_callers_memory_stays_as_it_is():
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(100) % 10,
            "date": pd.date_range("2024-01-01", periods=100).astype("datetime64[us]"),
            "amount": np.arange(100.0),
        }
    )
    before = frame.copy(deep=True)
    rfm(frame, frequency="days")
    pd.testing.assert_frame_equal(frame, before)
