"""The door: what is taken in, what is refused, and in which words."""

from __future__ import annotations

import datetime as dt
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import salesmgmt
from salesmgmt import DataWarning, InputError, forecast, funnel, targets
from salesmgmt._frames import (
    Amount,
    Date,
    Key,
    as_dates,
    check_choice,
    check_int,
    check_number,
    check_series,
    day,
    factorise,
    resolve_as_of,
    take,
    to_pandas,
    warn,
)


def _sales(**columns: object) -> pd.DataFrame:
    base = {
        "customer_id": ["b", "a", "b"],
        "date": pd.to_datetime(["2025-01-03", "2025-01-01", "2025-01-02"]),
        "amount": [1.0, 2.0, -3.0],
    }
    return pd.DataFrame(base | columns)


def _take(frame, **options):
    return take(
        frame,
        caller="rfm",
        arg="transactions",
        customer=Key("customer_id"),
        date=Date("date"),
        amount=Amount("amount"),
        **options,
    )


def test_rows_come_back_in_order_with_index_and_values():
    frame = _sales().set_axis([7, 7, 9], axis=0)
    rows = _take(frame)
    assert rows.index.tolist() == [7, 7, 9]
    assert rows["amount"].tolist() == [1.0, 2.0, -3.0]
    assert rows.days("date").tolist() == [20091, 20089, 20090]
    assert rows.keys("customer").codes.tolist() == [1, 0, 1]
    assert rows.keys("customer").labels["customer_id"].tolist() == ["a", "b"]


def test_the_message_names_column_count_rows_and_remedy():
    frame = _sales(amount=[1.0, np.inf, np.nan]).set_axis(["x", "y", "z"], axis=0)
    with pytest.raises(InputError) as caught:
        _take(frame, invalid="raise")
    text = str(caught.value)
    assert text.startswith(
        "rfm(): transactions: column 'amount' is not a finite number in 1 row(s)"
    )
    assert "row 'y': inf" in text
    assert "column 'amount' is missing in 1 row(s) (row 'z': nan)" in text
    assert 'pass invalid="drop"' in text


def test_dropped_rows_are_counted_and_kept_on_record():
    frame = _sales(customer_id=["b", None, "b"])
    with pytest.warns(DataWarning, match=re.escape("left out 1 of 3 row(s) of transactions")):
        rows = _take(frame, invalid="drop")
    assert rows["amount"].tolist() == [1.0, -3.0]
    assert rows.dropped[["row", "column"]].to_numpy().tolist() == [[1, "customer_id"]]


def test_a_misspelt_column_gets_a_hint_with_the_option_to_use():
    frame = _sales().rename(columns={"customer_id": "customer"})
    with pytest.raises(InputError, match=r"no column 'customer_id'.*'customer'.*customer="):
        _take(frame)


def test_repeated_keys_are_shown():
    with pytest.raises(InputError, match=r"'customer_id' is repeated in 2 row\(s\).*'b'"):
        _take(_sales(), unique=("customer",))


@pytest.mark.parametrize(
    "values",
    [
        ["2025-01-31", "2025-02-01"],
        ["2025-01-31 23:59:59", "2025-02-01 00:00:00"],
        ["2025/1/31", "2025/2/1"],
        ["2025年1月31日", "2025年2月1日"],
        ["20250131", "20250201"],
        ["2025-01-31T23:30:00+01:00", "2025-02-01T00:30:00+02:00"],
        ["2025-01-31T23:30:00.25Z", "2025-02-01T00:30:00Z"],
        ["31.01.2025", "01.02.2025"],
        ["01/31/2025", "02/01/2025"],
        [dt.date(2025, 1, 31), dt.date(2025, 2, 1)],
        [dt.datetime(2025, 1, 31, 23), pd.Timestamp("2025-02-01")],
        pd.PeriodIndex(["2025-01-31", "2025-02-01"], freq="D"),
        pd.DatetimeIndex(["2025-01-31 23:30", "2025-02-01 00:30"], tz="Asia/Shanghai"),
        pd.DatetimeIndex(["2025-01-31 23:30", "2025-02-01 00:30"], tz="America/New_York"),
        ["31/1/2025 22:30", "1/2/2025 8:05"],
        ["1/31/2025 10:30 AM", "2/1/2025 1:30 PM"],
        ["01/31/25", "02/01/25"],
        ["Jan 31, 2025", "Feb 1, 2025"],
        ["31-Jan-25", "01-Feb-25"],
        ["31 Jan 25 08:05", "01 Feb 25 22:30"],
        ["2025-01-31 11:05 PM", "2025-02-01 01:05 AM"],
        ["Jan 31, 2025, 11:05 PM", "Feb 1, 2025, 1:05 AM"],
        ["1/31/2025, 11:05:00 PM", "2/1/2025, 1:05:00 AM"],
        ["2025年1月31日 10:30", "2025年2月1日 08:00"],
        ["2025/1/31 下午 11:05", "2025/2/1 上午 1:05"],
        ["2025年1月31日 星期五 下午11:05:30", "2025年2月1日 星期六 上午1:05:30"],
        ["２０２５－０１－３１（周五）", "２０２５－０２－０１（周六）"],
        pd.Categorical(["2025-01-31", "2025-02-01"]),
        np.array(["2025-01-31", "2025-02-01"], dtype="datetime64[s]"),
    ],
    ids=str,
)
def test_dates_of_every_kind_are_the_same_calendar_days(values):
    days = as_dates(pd.Series(values), name="date", caller="f").astype("datetime64[D]")
    assert days.astype(str).tolist() == ["2025-01-31", "2025-02-01"]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (["2025-01-31", "31.01.2025"], "does not read as a date"),
        (["03/04/2025", "05/06/2025"], "day/month or month/day"),
        ([20250131, 20250201], "is a number"),
        ([45688.0, 45689.0], "is a number"),
        ([True, False], "is a number"),
        ([dt.date(2025, 1, 31), "2025-02-01"], "mixes dates"),
        (["2025-01-31", None], "is missing"),
        (["2025-02-30", "2025-01-01"], "does not read as a date"),
        # Nothing that pandas would complete from the clock of the machine.
        (["today", "2025-01-01"], "does not read as a date"),
        (["10:30", "11:30"], "does not read as a date"),
        (["10:30 2025", "11:30 2025"], "does not read as a date"),
        (["Jan", "Feb"], "does not read as a date"),
        (["45659", "45691.5"], r"does not read.*astype\(float\); then days as Excel counts"),
        (["31/12/24", "01/02/25"], "two digits"),
        (["01/02/25", "03/04/25"], "two digits"),
        (["", "2025-01-01"], "is missing"),
        (np.array(["0001-01-01", "2025-01-01"], dtype="M8[s]"), "no day of business"),
        (np.array(["2025-01-01", "9999-12-31"], dtype="M8[s]"), "no day of business"),
    ],
)
def test_dates_that_cannot_be_known_are_refused(values, word):
    with pytest.raises(InputError, match=word):
        as_dates(pd.Series(values), name="date", caller="f")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (["1.234,50", "2,00"], r'replace\(".", ""\).str.replace\(",", "."\)'),
        (["1,50", "12"], r'replace\(",", "."\)'),
        (["(5.00)", "12"], "plain minus"),
        (["5.00-", "12"], "plain minus"),
        (["\u22125.00", "12"], "plain minus"),
        (["1,234.50", "2"], "signs and separators"),
        ([True, 5.0], "is not a finite number in 1 row"),
        ([np.bool_(False), 5], "is not a finite number in 1 row"),
    ],
)
def test_amounts_that_are_no_numbers_are_refused_with_what_to_do(values, word):
    with pytest.raises(InputError, match=word):
        take(pd.DataFrame({"v": pd.Series(values)}), caller="f", v=Amount("v"))


def test_the_way_to_read_amounts_that_an_error_gives_reads_them():
    frame = pd.DataFrame({"v": ["１２，３４５．６７", "－５", "￥1,000"]})
    with pytest.raises(InputError, match="signs and separators") as caught:
        take(frame, caller="f", v=Amount("v"))
    code = re.search(r"first: (frame.*astype\(float\))", str(caught.value))[1]
    assert eval(code, {"frame": frame}).tolist() == [12345.67, -5.0, 1000.0]
    for odd in ("(5.00)", "1.2E+05"):  # behind the first few: 5 and 1.205 would come of them
        with pytest.raises(InputError, match=r"pd\.to_numeric, or mend"):
            take(pd.DataFrame({"v": ["1,000"] * 30 + [odd]}), caller="f", v=Amount("v"))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2], dtype="Int64"),
        pd.Series([1.0, 2.0], dtype="Float64"),
        pd.Series(["1", "2.0"]),
        pd.Series([1, 2.0], dtype=object),
        pd.Series(pd.Categorical([1, 2])),
    ],
    ids=lambda s: str(s.dtype),
)
def test_numbers_of_every_kind(column):
    rows = take(pd.DataFrame({"v": column}), caller="f", v=Amount("v"))
    assert rows["v"].tolist() == [1.0, 2.0]
    assert rows["v"].dtype == np.float64


@pytest.mark.parametrize(
    "column",
    [
        pd.to_timedelta([1, 2], unit="D"),
        pd.to_datetime(["2025-01-01", "2025-01-02"]),
        pd.PeriodIndex(["2025", "2026"], freq="Y"),
    ],
    ids=lambda v: str(v.dtype),
)
def test_times_and_spans_are_no_amounts(column):
    with pytest.raises(InputError, match=r"'v' is not a finite number in 2 row"):
        take(pd.DataFrame({"v": column}), caller="f", v=Amount("v"))


@pytest.mark.parametrize("bad", [True, "1,234.50", "￥5", np.inf])
def test_what_is_no_number_is_refused(bad):
    frame = pd.DataFrame({"v": pd.Series([1.0, bad], dtype=object)})
    if bad is True:
        frame = pd.DataFrame({"v": [True, False]})
    with pytest.raises(InputError, match=r"'v' is not a finite number in"):
        take(frame, caller="f", v=Amount("v"))


@pytest.mark.parametrize(
    "written", [["￥1,234.50", "-￥12", None], ["1,234.50", " $0.5 ", "1234元"], [1.0, "1,000"]]
)
def test_the_remedy_for_amounts_written_for_people_is_one_that_runs(written):
    frame = pd.DataFrame({"金额": pd.Series(written, dtype=object)})
    with pytest.raises(InputError) as told:
        take(frame, caller="f", v=Amount("金额", missing="allow"))
    remedy = re.search(r"first: (frame.*\.astype\(float\))", str(told.value))[1]
    known = [v for v in eval(remedy, {"frame": frame}) if v == v]
    plain = [str(v).translate(str.maketrans("", "", "￥$,元 ")) for v in written if v is not None]
    assert known == [float(v) for v in plain]


def test_the_value_that_keeps_a_column_from_being_read_is_named():
    frame = pd.DataFrame({"v": ["￥1,000"] * 30 + ["(8,305.66)", "1.2万"]})
    with pytest.raises(InputError, match=r"2 hold\(s\) more than signs .*, first '\(8,305\.66\)'"):
        take(frame, caller="f", v=Amount("v"))


@pytest.mark.parametrize("written", ["1.2万", "￥3.5亿", "12%", "5k"])
def test_a_unit_behind_a_number_is_told_of(written):
    with pytest.raises(InputError, match="take the unit"):
        take(pd.DataFrame({"v": [written]}), caller="f", v=Amount("v"))


def test_a_single_day_that_does_not_read_is_told_as_one_value():
    for wrong in ("yesterday", "2025-02-30", 5, None, pd.NaT):
        with pytest.raises(InputError, match=r"^f\(\): as_of must be a date") as told:
            day(wrong, name="as_of", caller="f")
        assert "column" not in str(told.value)
    with pytest.raises(InputError, match="could be day/month or month/day"):
        day("03/04/2025", name="as_of", caller="f")


def test_bounds_and_whole_numbers():
    frame = pd.DataFrame({"v": [1.5, -1.0, 9.0]})
    with pytest.raises(InputError, match=r"is below 0 in 1 row"):
        take(frame, caller="f", v=Amount("v", low=0))
    with pytest.raises(InputError, match=r"is above 5 in 1 row"):
        take(frame, caller="f", v=Amount("v", high=5))
    with pytest.raises(InputError, match=r"is not a whole number in 1 row"):
        take(frame, caller="f", v=Amount("v", whole=True))


_KEYS = [
    pd.Series(["b", "a", "b"]),
    pd.Series([2, 1, 2]),
    pd.Series([2, 1, 2], dtype="Int64"),
    pd.Series(pd.Categorical(["b", "a", "b"], categories=["z", "b", "a"])),
    pd.Series(pd.to_datetime(["2025-02-01", "2025-01-01", "2025-02-01"])),
    pd.Series(["007", "7", "007"]),
    pd.Series(["b", "a", "b"], dtype="string"),
]


@pytest.mark.parametrize("key", _KEYS, ids=lambda s: str(s.dtype))
def test_keys_keep_name_and_dtype_and_drop_unused_categories(key):
    keys = factorise(pd.DataFrame({"客户": key}), ["客户"])
    column = keys.labels["客户"]
    assert column.dtype == key.dtype
    assert len(column) == 2
    assert (column.iloc[keys.codes].to_numpy() == key.to_numpy()).all()


def test_arrow_backed_keys_keep_their_dtype():
    pytest.importorskip("pyarrow")
    key = pd.Series(["b", "a", None], dtype="string[pyarrow]")
    keys = factorise(pd.DataFrame({"k": key}), ["k"])
    assert keys.labels["k"].dtype == key.dtype
    assert keys.codes.tolist() == [1, 0, -1]


def test_ordered_categories_keep_their_order():
    size = pd.Categorical(["big", "small", "big"], categories=["small", "big"], ordered=True)
    keys = factorise(pd.DataFrame({"size": size}), ["size"])
    assert keys.labels["size"].tolist() == ["small", "big"]


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 3)), min_size=1, max_size=30))
def test_composite_keys_agree_with_pandas_groupby(pairs):
    frame = pd.DataFrame(pairs, columns=["a", "b"])
    keys = factorise(frame, ["a", "b"])
    sizes = frame.groupby(["a", "b"], observed=True).size()
    assert list(keys.labels.itertuples(index=False, name=None)) == list(sizes.index)
    assert np.bincount(keys.codes).tolist() == sizes.tolist()


def test_arrow_dictionaries_are_categories():
    pa = pytest.importorskip("pyarrow")
    key = pa.array(["b", "a", None, "b"]).dictionary_encode()
    frame = pa.table({"k": key, "v": [1, 2, 3, 4]}).to_pandas(types_mapper=pd.ArrowDtype)
    keys = factorise(to_pandas(frame, caller="f"), ["k"])
    assert keys.codes.tolist() == [1, 0, -1, 1]
    assert keys.labels["k"].tolist() == ["a", "b"]
    assert isinstance(frame["k"].dtype, pd.ArrowDtype)  # the caller's own is left alone


@pytest.mark.parametrize("engine", ["polars", "polars lazy", "arrow", "duckdb"])
def test_frames_of_other_engines_are_taken(engine):
    frame = _sales()
    if engine.startswith("polars"):
        pl = pytest.importorskip("polars")
        other = pl.DataFrame({c: frame[c].to_list() for c in frame})
        other = other.lazy() if engine.endswith("lazy") else other
    else:
        pa = pytest.importorskip("pyarrow")
        other = pa.Table.from_pandas(frame)
        if engine == "duckdb":
            other = pytest.importorskip("duckdb").from_arrow(other)
    rows = _take(other)
    assert sorted(rows["amount"].tolist()) == [-3.0, 1.0, 2.0]
    assert sorted(rows.days("date").tolist()) == [20089, 20090, 20091]


def test_what_is_no_frame_is_refused():
    for thing in ([1], 3, None, "frame"):
        with pytest.raises(InputError, match=r"must be a DataFrame"):
            _take(thing)
    with pytest.raises(InputError, match=r"got a Series"):
        _take(pd.Series([1.0]))


def test_scalars_are_checked():
    with pytest.raises(
        InputError, match=r"method must be one of 'fifo', 'lifo'; got 'fif'.*'fifo'"
    ):
        check_choice("fif", "method", ("fifo", "lifo"), caller="ledger")
    with pytest.raises(InputError, match=r"bins must be at least 2, got 1"):
        check_int(1, "bins", caller="rfm", low=2)
    with pytest.raises(InputError, match=r"bins must be a whole number, got True"):
        check_int(True, "bins", caller="rfm")
    with pytest.raises(InputError, match=r"rate must be between 0 and 1, got 2"):
        check_number(2.0, "rate", caller="f", low=0, high=1)
    with pytest.raises(InputError, match=r"rate must be a finite number, got nan"):
        check_number(float("nan"), "rate", caller="f")


def test_series_need_distinct_labels_and_finite_values():
    assert check_series(pd.Series([1, 2], index=["a", "b"]), "weights", caller="f").tolist() == [
        1,
        2,
    ]
    with pytest.raises(InputError, match=r"1 repeated label\(s\) \('a'\)"):
        check_series(pd.Series([1, 2], index=["a", "a"]), "weights", caller="f")
    with pytest.raises(InputError, match=r"row 'b': inf"):
        check_series(pd.Series([1, np.inf], index=["a", "b"]), "weights", caller="f")
    with pytest.raises(InputError, match=r"must be a Series"):
        check_series([1, 2], "weights", caller="f")


@pytest.mark.parametrize(
    ("written", "first"),
    [
        (["2025Q2", "2025-Q3"], "2025-04-01"),
        (["202504", "202512"], "2025-04-01"),
        (["2025年4月", "2025年12月"], "2025-04-01"),
        (["2025年4月份", "２０２５年12月份"], "2025-04-01"),
        (["2025年二季度", "2025年第3季度"], "2025-04-01"),
        (["2025年Q2", "2025年Q3"], "2025-04-01"),
        (["2025年度", "2026年度"], "2025-01-01"),
        (["2025-04", "2025-12"], "2025-04-01"),
        (["04/2025", "12/2025"], "2025-04-01"),
        (["Apr 2025", "Dec 2025"], "2025-04-01"),
        (["2025", "2026"], "2025-01-01"),
    ],
    ids=str,
)
def test_months_quarters_and_years_are_their_first_days(written, first):
    days = as_dates(pd.Series(written), name="date", caller="f").astype("datetime64[D]")
    assert str(days[0]) == first


def test_an_empty_cell_is_missing_and_a_far_date_may_stand_for_never():
    far = np.array(["2025-01-02", "9999-12-31", "NaT"], dtype="M8[s]")
    rows = take(
        _sales(due=["", "2025-01-31", " "], until=far), caller="f", arg="sales",
        due=Date("due", missing="allow"), until=Date("until", missing="allow"),
    )  # fmt: skip
    assert np.isnat(rows["due"]).tolist() == [True, False, True]
    assert np.isnat(rows["until"]).tolist() == [False, False, True]


def test_an_empty_cell_among_whole_months_leaves_them_whole():
    frame = pd.DataFrame({"until": ["2025-01", " ", "2024-02"]})
    role = Date("until", last=True, missing="allow")
    ends = take(frame, caller="f", arg="frame", until=role)["until"]
    assert np.isnat(ends[1])
    assert (ends[[0, 2]] == np.array(["2025-01-31", "2024-02-29"], "M8[us]")).all()


def test_as_of_is_given_or_the_last_date_never_today():
    assert resolve_as_of(None, np.array([20089, 20091]), caller="f") == pd.Timestamp("2025-01-03")
    at = pd.Timestamp("2025-01-31 23:30", tz="Asia/Shanghai")
    assert resolve_as_of(at, caller="f") == pd.Timestamp("2025-01-31")
    for odd in (20250131, "today", "now", "12:30", "Jan"):
        with pytest.raises(InputError, match=r"as_of must be a date"):
            resolve_as_of(odd, caller="f")
    with pytest.raises(InputError, match=r"give as_of="):
        resolve_as_of(None, caller="f")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("2025-02", "2025-02-01", "2025-02-28"),
        ("2025/2", "2025-02-01", "2025-02-28"),
        ("2025年2月", "2025-02-01", "2025-02-28"),
        ("202502", "2025-02-01", "2025-02-28"),
        (pd.Period("2025-02", "M"), "2025-02-01", "2025-02-28"),
        ("2025Q1", "2025-01-01", "2025-03-31"),
        ("2025年第一季度", "2025-01-01", "2025-03-31"),
        ("2025年度", "2025-01-01", "2025-12-31"),
        ("2025", "2025-01-01", "2025-12-31"),
        ("2025-02-03", "2025-02-03", "2025-02-03"),
    ],
    ids=str,
)
def test_a_month_is_its_last_day_or_where_something_starts_its_first(asked, first, last):
    assert resolve_as_of(asked, caller="f") == pd.Timestamp(last)
    plan = targets.decompose(100, periods=(asked, asked, "D"))
    assert plan["period_start"].iloc[0] == pd.Timestamp(first)
    assert plan["period_end"].iloc[-1] == pd.Timestamp(last)


def test_check_agrees_with_the_desk_on_kinds_and_split_receipts():
    table = pd.DataFrame({"customer_id": ["A"] * 3, "date": "2025-01-01", "amount": 1.0,
                          "kind": ["write_off", "writeoff", None]})  # fmt: skip
    found = salesmgmt.check(table, "adjustments")
    assert found[["row", "reason"]].values.tolist() == [[1, "is not known"], [2, "is missing"]]
    assert (
        salesmgmt.check(table.assign(kind=[1, 2, 3]), "adjustments")["reason"]
        .eq("is not known")
        .all()
    )
    paid = table.drop(columns="kind").assign(payment_id="P", invoice_id=["a", "b", None])
    assert not len(salesmgmt.check(paid, "payments"))  # one receipt for several invoices
    assert len(salesmgmt.check(paid.assign(invoice_id="a"), "payments")) == 3
    assert len(salesmgmt.check(paid.drop(columns="invoice_id"), "payments")) == 3


def test_check_returns_every_problem_and_raises_none():
    frame = _sales(customer_id=["a", None, "b"], amount=["1", "x", "3"]).drop(columns="date")
    found = salesmgmt.check(frame, "transactions")
    assert found.columns.tolist() == ["row", "column", "value", "reason", "remedy"]
    assert found["column"].tolist() == ["date", "customer_id", "amount"]
    assert found["row"].tolist()[1:] == [1, 1]
    assert salesmgmt.check(_sales(), "transactions").empty
    twice = _sales(customer_id=["犇鑫（上海）", "犇鑫(上海)", "王 伟"])
    twice = pd.concat([twice, twice.assign(customer_id=["王伟　", "犇鑫（上海）", 7])])
    alike = salesmgmt.check(twice.reset_index(drop=True), "transactions")
    assert sorted(alike["value"]) == ["犇鑫(上海)", "王伟　"]
    summed = _sales(customer_id=["华东", "华东小计", "合 计"])
    for table in ("transactions", "history"):
        assert salesmgmt.check(summed, table)["row"].tolist() == [1, 2]
    assert salesmgmt.check(_sales(note=["本单合计", "b", "c"]), "transactions").empty  # no name
    regions = _sales(region=["华东", "华东小计", " 合计"])
    told = salesmgmt.check(regions, "transactions")
    assert told[["row", "column"]].to_numpy().tolist() == [[1, "region"], [2, "region"]]
    nothing = salesmgmt.check(_sales().iloc[:0], "transactions")
    assert nothing["reason"].tolist() == ["there are no rows"]
    full = salesmgmt.load_sample()
    for table in set(full) - {"budget", "reps"}:
        assert salesmgmt.check(full[table], table).empty, table
    assert salesmgmt.check(full["payments"].iloc[:0], "payments").empty
    with pytest.raises(InputError, match=r"table must be one of"):
        salesmgmt.check(frame, "transaction")


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
def test_forecasts_and_pipelines_never_add_currencies(engine):
    """A key with one currency of its own adds none; a total over all of them would."""
    months = pd.date_range("2024-01-01", periods=18, freq="MS")
    parts = [
        pd.DataFrame({"date": months, "amount": 100.0 + i, "quantity": 1.0, "country": c,
                      "currency": m})
        for i, (c, m) in enumerate([("CN", "CNY"), ("US", "USD")])
    ]  # fmt: skip
    sales = pd.concat(parts, ignore_index=True)
    deals = pd.DataFrame({
        "deal_id": range(4), "stage": ["lead", "won", "lead", "won"], "amount": 10.0,
        "created_at": pd.Timestamp("2025-01-05"), "close_date": pd.Timestamp("2025-03-05"),
        "country": ["CN", "CN", "US", "US"], "currency": ["CNY", "CNY", "USD", "USD"],
    })  # fmt: skip
    lines, book = sales, deals
    if engine != "pandas":
        module = pytest.importorskip(engine)
        give = module.from_pandas if engine == "polars" else module.from_df
        lines, book = give(sales), give(deals)
    told = r"2 currencies \(CNY, USD\)"
    for call in (
        lambda: forecast.forecast(lines, 2, freq="M"),
        lambda: forecast.simulate(lines, 2, freq="M", n=20),
        lambda: forecast.forecast_hierarchy(lines, 2, keys="country", freq="M"),
        lambda: forecast.forecast_hierarchy(lines, 2, keys=["country", "currency"], freq="M"),
        lambda: funnel.pipeline(book),
        lambda: funnel.velocity(book),
        lambda: funnel.waterfall(book, book),
        lambda: funnel.bookings(book, horizon=2),
    ):
        with pytest.raises(InputError, match=told):
            call()
    for by in ("country", "currency", ["country", "currency"]):
        assert len(forecast.forecast(lines, 2, by=by, freq="M")) == 4
        assert funnel.pipeline(book, by=by)["amount"].sum() > 0
    assert len(forecast.forecast(lines, 2, freq="M", amount="quantity")) == 2
    split = forecast.forecast_hierarchy(
        lines, 2, keys=["country", "currency"], levels=[["currency"]], freq="M"
    )
    assert len(split) == 8


def test_an_arrow_table_that_keeps_a_pandas_index_is_taken_whole():
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"customer_id": ["a", "b"], "n": [1, 2]}, index=[5, 9])
    found = to_pandas(pa.Table.from_pandas(frame), caller="f")  # was a KeyError
    assert found["n"].tolist() == [1, 2]
    assert found.columns.tolist() == ["customer_id", "n"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.int64(1), "1"),
        ((np.float64(3.5), "x", np.True_), "(3.5, 'x', True)"),
        ([np.str_("a'b")], '["a\'b"]'),
        (pd.Timestamp("2026-01-05"), "2026-01-05"),
        (pd.Timestamp("2026-01-05 08:30", tz="Asia/Shanghai"), "2026-01-05 08:30:00+0800"),
        ((pd.Period("2026-01", "M"), np.datetime64("2026-01-05")), "(2026-01, 2026-01-05)"),
        ("xnp.int64(1)", "'xnp.int64(1)'"),
    ],
)
def test_messages_show_values_and_not_their_types(value, told):
    error = InputError(f"rake(): margins[1] lacks {value!r}; add it.")
    assert str(error) == f"rake(): margins[1] lacks {told}; add it."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.warns(DataWarning, match=re.escape(f"left out {told}.")):
        warn(f"left out {value!r}.")


def test_merged_cells_are_told_once_a_column():
    """A spreadsheet exports a merged cell as its first row and blanks."""
    rows = {"customer_id": list("abcdef"), "date": "2025-01-02", "amount": 1.0}
    merged = pd.DataFrame({**rows, "rep": ["李娜", None, None, "王磊", None, None]})
    told = salesmgmt.check(merged, "transactions")
    assert told["column"].tolist() == ["rep"]
    assert told["reason"].tolist() == ["is blank in 4 rows below its names, like merged cells"]
    for rep in (["李娜", None, None, "李娜", None, None], [None, "李娜", None, "王磊", None, None],
                ["李娜", "李娜", None, "王磊", "王磊", None]):  # fmt: skip
        assert salesmgmt.check(merged.assign(rep=rep), "transactions").empty


def test_check_takes_the_names_of_the_user():
    own = {"customer": "客户", "date": "日期", "amount": "金额"}
    frame = pd.DataFrame({"客户": ["甲", None], "日期": ["2025年1月2日"] * 2, "金额": [1.0, "x"]})
    found = salesmgmt.check(frame, "transactions", **own)
    assert found[["row", "column"]].to_numpy().tolist() == [[1, "客户"], [1, "金额"]]
    bills = pd.DataFrame({"发票": ["1", "1"], "customer_id": "a", "invoice_date": "2025-01-01",
                          "due_date": "2025-02-01", "amount": 1.0})  # fmt: skip
    found = salesmgmt.check(bills, "invoices", invoice="发票")
    assert found["reason"].tolist() == ["is repeated"] * 2
    with pytest.raises(InputError, match=r"a column's option must be one of .*mean 'customer'"):
        salesmgmt.check(frame, "transactions", costumer="客户")
    lost = salesmgmt.check(frame, "transactions", **{**own, "amount": "销售额"}).iloc[0]
    assert (lost["column"], lost["remedy"]) == ("销售额", "name a column that is there")
    plan = pd.DataFrame({"月份": ["2026-01", "soon"], "target": 1.0})
    found = salesmgmt.check(plan, "plan", period_start="月份", period_end="月份")
    assert set(found["column"]) == {"月份"}
