"""Frames of other engines give the numbers that pandas gives."""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt import InputError, load_sample
from salesmgmt.segmentation import abc, cohorts, purchases, rfm


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    lines = load_sample("transactions")
    return lines.assign(date=lines["date"] + pd.Timedelta(hours=23))


def _polars(frame):
    return pytest.importorskip("polars").from_pandas(frame)


def _lazy(frame):
    return _polars(frame).lazy()


def _arrow(frame):
    return pytest.importorskip("pyarrow").Table.from_pandas(frame, preserve_index=False)


def _duckdb(frame):
    return pytest.importorskip("duckdb").from_df(frame)


_CALLS = {
    "rfm": rfm,
    "rfm by rows": lambda frame: rfm(frame, order="product", returns="exclude"),
    "rfm by days": lambda frame: rfm(frame, frequency="net_days", as_of="2025-06-30"),
    "rfm offset": lambda frame: rfm(frame, returns="offset", monetary="mean"),
    "cohorts": cohorts,
    "abc": lambda frame: abc(frame, item="product", value="amount"),
    "xyz": lambda frame: abc(frame, item="product", value="amount", date="date"),
    "purchases": lambda frame: purchases(frame, holdout=26),
}


@pytest.mark.parametrize("convert", [_polars, _lazy, _arrow, _duckdb], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", _CALLS)
def test_equal_numbers(sample, convert, name):
    want = _CALLS[name](sample)
    got = _CALLS[name](convert(sample))
    pd.testing.assert_frame_equal(got, want, check_dtype=False, rtol=1e-12)
    assert got.attrs == want.attrs


@pytest.mark.parametrize("convert", [_polars, _duckdb], ids=lambda f: f.__name__)
def test_rows_without_orders_and_several_a_day(sample, convert):
    lines = sample.drop(columns="order_id")
    pd.testing.assert_frame_equal(rfm(convert(lines)), rfm(lines), check_dtype=False)


@pytest.mark.parametrize("convert", [_polars, _arrow, _duckdb], ids=lambda f: f.__name__)
def test_bad_rows_are_told_as_in_pandas(sample, convert):
    lines = sample.head(40).copy()
    lines.loc[[3, 5], "amount"] = None
    with pytest.raises(InputError, match=r"'amount'.*2 row"):
        rfm(convert(lines))


def test_time_zones_and_text_dates_in_polars(sample):
    zoned = sample.assign(date=sample["date"].dt.tz_localize("Asia/Shanghai"))
    pd.testing.assert_frame_equal(rfm(_polars(zoned)), rfm(sample), check_dtype=False)
    text = sample.assign(date=sample["date"].dt.strftime("%Y-%m-%d"))
    pd.testing.assert_frame_equal(rfm(_polars(text)), rfm(sample), check_dtype=False)
