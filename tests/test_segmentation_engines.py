"""Frames of other engines give the numbers that pandas gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, load_sample
from salesmgmt.segmentation import (
    BGNBD,
    abc,
    baskets,
    cohorts,
    cross_sell,
    lifecycle,
    purchases,
    rfm,
    score_grid,
    segment_summary,
    tracking,
    triangle,
    whale_curve,
)


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
    "lifecycle": lifecycle,
    "whale_curve": whale_curve,
    "cross_sell": lambda frame: cross_sell(frame, baskets(frame, min_support=0.002)),
    "tracking": lambda frame: tracking(
        BGNBD.from_params(r=0.5, alpha=3, a=0.7, b=3), frame, freq="M", fitted_until="2025-06-30"
    ),
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


@pytest.mark.parametrize("convert", [_polars, _lazy, _arrow, _duckdb], ids=lambda f: f.__name__)
def test_long_ids_of_which_one_is_missing_stay_apart(convert):
    """2**53 and 2**53 + 1 are one and the same float."""
    lines = pd.DataFrame(
        {
            "customer_id": pd.array([2**53, 2**53 + 1, None], dtype="Int64"),
            "date": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-02-02"]),
            "amount": [5.0, 7.0, 1.0],
        }
    )
    with pytest.warns(DataWarning, match="left out 1 of 3"):
        out = rfm(convert(lines), invalid="drop")
    assert [int(i) for i in out["customer_id"]] == [2**53, 2**53 + 1]
    assert out["monetary"].tolist() == [5.0, 7.0]


@pytest.mark.parametrize("name", ["rfm", "cohorts", "abc", "purchases"])
@pytest.mark.parametrize("convert", [_polars, _duckdb], ids=lambda f: f.__name__)
def test_plain_frames_are_added_up_where_they_are(sample, convert, name, monkeypatch):
    """What is collected is one row a customer, day and order, never the lines."""
    if convert is _duckdb and not hasattr(pytest.importorskip("duckdb"), "SQLExpression"):
        pytest.skip("this DuckDB takes no expressions: its rows are collected")
    collected = []
    real = pd.DataFrame.__len__

    def seen(frame):
        collected.append(real(frame))
        return real(frame)

    many = pd.concat([sample] * 5, ignore_index=True)
    native = convert(many)
    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "__len__", seen)
        _CALLS[name](native)
    assert 0 < max(collected) <= len(sample)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles"])
@pytest.mark.parametrize("convert", [_polars, _lazy, _arrow, _duckdb], ids=lambda f: f.__name__)
def test_the_day_is_that_of_the_zone(sample, convert, zone):
    lines = sample.assign(date=sample["date"].dt.tz_localize(zone))
    if convert is _duckdb:  # which keeps instants; the zone is that of the session
        session = pytest.importorskip("duckdb").connect()
        session.execute(f"SET TimeZone = '{zone}'")
        native = session.from_df(lines)
    else:
        native = convert(lines)
    pd.testing.assert_frame_equal(rfm(native), rfm(lines), check_dtype=False)
    pd.testing.assert_frame_equal(cohorts(native), cohorts(lines), check_dtype=False)


def test_follow_up_tables_take_results_of_other_engines(give):
    orders = load_sample("transactions").head(2000)
    scored, grouped = rfm(orders), cohorts(orders)
    for follow, result in (
        (segment_summary, scored),
        (score_grid, scored),
        (triangle, grouped),
    ):
        want = follow(result)
        got = follow(give(result))
        assert list(map(str, got.columns)) == list(map(str, want.columns))
        numbers = want.select_dtypes("number")
        np.testing.assert_allclose(got[numbers.columns].astype(float), numbers.astype(float))
