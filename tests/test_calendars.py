"""Calendars: official days off and make-up days, counting, stepping, events, retail years."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import warnings

import holidays.registry
import numpy as np
import pandas as pd
import pytest
from common import ROOT

from salesmgmt import DataWarning, InputError
from salesmgmt.calendars import (
    add_working_days,
    count_working_days,
    events,
    lunar_date,
    notice,
    retail_calendar,
    working_days,
)
from salesmgmt.forecast import forecast

# The notices of the General Office of the State Council, as they read: every range "off",
# ordinary weekends in it included, and the Saturdays and Sundays "worked".
NOTICES = {
    2015: ("1.1-1.3 2.18-2.24 4.4-4.6 5.1-5.3 6.20-6.22 9.3-9.5 9.26-9.27 10.1-10.7",
           "1.4 2.15 2.28 9.6 10.10"),
    2016: ("1.1-1.3 2.7-2.13 4.2-4.4 4.30-5.2 6.9-6.11 9.15-9.17 10.1-10.7",
           "2.6 2.14 6.12 9.18 10.8 10.9"),
    2017: ("1.1-1.2 1.27-2.2 4.2-4.4 4.29-5.1 5.28-5.30 10.1-10.8", "1.22 2.4 4.1 5.27 9.30"),
    2018: ("1.1-1.1 2.15-2.21 4.5-4.7 4.29-5.1 6.16-6.18 9.22-9.24 10.1-10.7 12.30-12.31",
           "2.11 2.24 4.8 4.28 9.29 9.30 12.29"),
    2019: ("1.1-1.1 2.4-2.10 4.5-4.7 5.1-5.4 6.7-6.9 9.13-9.15 10.1-10.7",
           "2.2 2.3 4.28 5.5 9.29 10.12"),
    2020: ("1.1-1.1 1.24-2.2 4.4-4.6 5.1-5.5 6.25-6.27 10.1-10.8",
           "1.19 4.26 5.9 6.28 9.27 10.10"),
    2021: ("1.1-1.3 2.11-2.17 4.3-4.5 5.1-5.5 6.12-6.14 9.19-9.21 10.1-10.7",
           "2.7 2.20 4.25 5.8 9.18 9.26 10.9"),
    2022: ("1.1-1.3 1.31-2.6 4.3-4.5 4.30-5.4 6.3-6.5 9.10-9.12 10.1-10.7 12.31-12.31",
           "1.29 1.30 4.2 4.24 5.7 10.8 10.9"),
    2023: ("1.1-1.2 1.21-1.27 4.5-4.5 4.29-5.3 6.22-6.24 9.29-10.6 12.30-12.31",
           "1.28 1.29 4.23 5.6 6.25 10.7 10.8"),
    2024: ("1.1-1.1 2.10-2.17 4.4-4.6 5.1-5.5 6.8-6.10 9.15-9.17 10.1-10.7",
           "2.4 2.18 4.7 4.28 5.11 9.14 9.29 10.12"),
    2025: ("1.1-1.1 1.28-2.4 4.4-4.6 5.1-5.5 5.31-6.2 10.1-10.8", "1.26 2.8 4.27 9.28 10.11"),
    2026: ("1.1-1.3 2.15-2.23 4.4-4.6 5.1-5.5 6.19-6.21 9.25-9.27 10.1-10.7",
           "1.4 2.14 2.28 5.9 9.20 10.10"),
}  # fmt: skip


def _date(year: int, text: str) -> dt.date:
    month, day = text.split(".")
    return dt.date(year, int(month), int(day))


def _official(year: int) -> dict[dt.date, bool]:
    """Whether each day of a year is worked, from the ranges of its notice."""
    first = dt.date(year, 1, 1)
    days = [first + dt.timedelta(i) for i in range(366)]
    worked = {d: d.weekday() < 5 for d in days if d.year == year}
    off, extra = NOTICES[year]
    for span in off.split():
        low, high = (_date(year, t) for t in span.split("-"))
        while low <= high:
            worked[low] = False
            low += dt.timedelta(1)
    for text in extra.split():
        assert not worked[_date(year, text)]
        worked[_date(year, text)] = True
    return worked


def _as_days(frame: pd.DataFrame) -> dict[dt.date, bool]:
    return {d.date(): w == 1 for d, w in zip(frame["date"], frame["weight"], strict=True)}


# --------------------------------------------------------------------------------------
# The official schedule


@pytest.mark.parametrize("year", NOTICES)
def test_every_day_is_as_the_state_council_announced_it(year):
    got = working_days(f"{year}-01-01", f"{year}-12-31", unannounced="raise")
    assert got.columns.tolist() == ["date", "weight", "provisional"]
    assert set(got["weight"]) == {0.0, 1.0}
    assert not got["provisional"].any()
    assert _as_days(got) == _official(year)


def test_2015_to_2026_in_one_call_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = _as_days(working_days("2015-01-01", "2026-12-31"))
    assert got == {d: w for year in NOTICES for d, w in _official(year).items()}


# Months as payroll tables publish them (当月工作日), 2024: holidays and exchanged weekends in them.
def test_working_days_of_the_months_of_2024_as_published():
    got = working_days("2024-01-01", "2024-12-31", freq="M")["weight"]
    assert got.tolist() == [22, 18, 21, 22, 21, 19, 23, 22, 21, 19, 21, 22]


@pytest.mark.parametrize(
    ("year", "days"), [(2015, 249), (2019, 250), (2024, 251), (2025, 248), (2026, 248)]
)
def test_working_days_of_the_year_as_published(year, days):
    assert count_working_days(f"{year}-01-01", f"{year}-12-31") == days


def test_the_two_packages_cases(data_dir):
    cases = json.loads((data_dir / "targets_kpi" / "cases.json").read_text(encoding="utf-8"))
    cases = [c for c in cases["cases"] if c["id"].startswith("cn-workdays")]
    assert cases
    for case in cases:
        want, year = case["expected"], case["input"]["year"]
        span = (f"{year}-01-01", f"{year}-12-31")
        assert working_days(*span, freq="M")["weight"].tolist() == want["by_month"]
        assert working_days(*span, freq="Y")["weight"].tolist() == [want["working_days"]]
        days = working_days(*span)
        weekend = days["date"].dt.day_of_week >= 5
        text = days["date"].dt.strftime("%Y-%m-%d")
        on = text[weekend & (days["weight"] == 1)].tolist()
        off = text[~weekend & (days["weight"] == 0)].tolist()
        assert on == want["working_weekend_days"]
        assert off == want["weekday_days_off"]


def test_exchanged_weekends_of_earlier_notices():
    worked = ["2008-02-02", "2009-01-24", "2010-09-25", "2011-12-31", "2012-03-31", "2013-02-16",
              "2014-05-04", "2005-12-31"]  # fmt: skip
    off = ["2008-02-06", "2009-10-08", "2010-10-07", "2012-04-30", "2013-09-20", "2014-02-06"]
    both = worked + off
    got = [working_days(d, d, unannounced="raise")["weight"].item() for d in both]
    assert got == [1.0] * len(worked) + [0.0] * len(off)


# --------------------------------------------------------------------------------------
# Years that are not announced


def test_a_year_not_announced_warns_and_is_provisional():
    with pytest.warns(DataWarning, match=r"CN is on file for 2027 \(365 day"):
        got = working_days("2027-01-01", "2027-12-31")
    assert got["provisional"].all()
    off = got.loc[(got["weight"] == 0) & (got["date"].dt.day_of_week < 5), "date"]
    # New Year; Spring Festival from its eve; Qingming; Dragon Boat; Mid-Autumn; National Day:
    # 6 and 7 February, 1 and 2 May, 2 and 3 October are on weekends: the next working days.
    assert off.dt.strftime("%m-%d").tolist() == [
        "01-01", "02-05", "02-08", "02-09", "02-10", "04-05", "05-03", "05-04", "06-09", "09-15",
        "10-01", "10-04", "10-05"]  # fmt: skip
    assert not (got["weight"] > 0)[got["date"].dt.day_of_week >= 5].any()


def test_a_year_not_announced_has_the_working_days_that_wages_are_counted_by():
    """人社部发〔2025〕2号: 365 days less 104 of weekends less 13 holidays are 248."""
    for year in range(2027, 2045):
        days = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[D]")
        with pytest.warns(DataWarning):
            worked = count_working_days(f"{year}-01-01", f"{year}-12-31")
        assert worked == np.is_busday(days).sum() - 13


def test_a_year_not_announced_is_refused_on_request():
    with pytest.raises(InputError, match=r"CN is on file for 2027.*schedule="):
        working_days("2026-12-01", "2027-01-31", unannounced="raise")
    with pytest.raises(InputError, match=r"2027, 2028"):
        count_working_days("2026-12-01", "2028-01-31", unannounced="raise")
    with pytest.raises(InputError, match=r"2027"):
        add_working_days("2026-12-30", 3, unannounced="raise")
    with pytest.raises(InputError, match=r"2027"):
        events("2026-12-30", "2027-03-01", unannounced="raise")


def test_only_periods_that_touch_an_unannounced_day_are_provisional():
    with pytest.warns(DataWarning):
        got = working_days("2026-12-01", "2027-01-31", freq="M")
    assert got["provisional"].tolist() == [False, True]
    with pytest.warns(DataWarning):
        weeks = working_days("2026-12-21", "2027-01-10", freq="W")
    assert weeks["provisional"].tolist() == [False, True, True]  # 28 December to 3 January


def test_pairs_with_an_unannounced_gap_between_them_do_not_warn():
    starts = pd.Series(pd.to_datetime(["2003-01-06", "2026-01-05"]))
    with pytest.warns(DataWarning, match=r"2003 \(3 day"):
        count_working_days(starts, starts + pd.Timedelta(days=2))
    starts = pd.Series(pd.to_datetime(["2004-01-06", "2026-01-05"]))
    assert count_working_days(starts, starts + pd.Timedelta(days=2)).tolist() == [3, 3]


@pytest.mark.parametrize(("year", "off"), [
    # 1999 rules: three days of Spring Festival, Labour Day and National Day, no other festival.
    (2003, "01-01 02-03 05-01 05-02 10-01 10-02 10-03"),
    # Six-day week and the days of 1949: New Year, Spring Festival 3, Labour Day, National Day 2.
    (1985, "01-01 02-20 02-21 02-22 05-01 10-01 10-02"),
])  # fmt: skip
def test_days_by_the_law_in_force_at_the_time(year, off):
    with pytest.warns(DataWarning):
        got = working_days(f"{year}-01-01", f"{year}-12-31")
    weekend = 6 if year < 1995 else 5
    free = got.loc[(got["weight"] == 0) & (got["date"].dt.day_of_week < weekend), "date"]
    assert free.dt.strftime("%m-%d").tolist() == off.split()
    saturdays = got.loc[got["date"].dt.day_of_week == 5, "weight"]
    assert saturdays.mean() > 0.9 if year < 1995 else not saturdays.any()


def test_a_notice_given_by_hand_makes_the_year_official():
    off, worked = NOTICES[2026]
    plan = notice(
        2026,
        off=[tuple(_date(2026, t) for t in span.split("-")) for span in off.split()],
        worked=[_date(2026, t) for t in worked.split()],
    )
    assert _as_days(plan) == _official(2026)
    later = plan.assign(date=plan["date"] + pd.Timedelta(days=364)).iloc[1:]  # same weekdays
    later = later[later["date"].dt.year == 2027]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = working_days(later["date"].min(), later["date"].max(), schedule=later)
        n = count_working_days(later["date"].min(), later["date"].max(), schedule=later)
    assert got["weight"].tolist() == later["weight"].tolist()
    assert not got["provisional"].any()
    assert n == later["weight"].sum()


def test_own_days_overrule_the_calendar_and_may_be_halves():
    own = pd.DataFrame({"date": ["2026-09-24", "2026-09-26"], "weight": [0.5, 1.0]})
    got = working_days("2026-09-24", "2026-09-27", schedule=own)
    assert got["weight"].tolist() == [0.5, 0.0, 1.0, 0.0]
    assert count_working_days("2026-09-24", "2026-09-27", schedule=own) == 1.5
    assert add_working_days("2026-09-24", 1, schedule=own) == pd.Timestamp("2026-09-26")
    made = events("2026-09-24", "2026-09-27", schedule=own)["make_up_workday"]
    assert made.tolist() == [0.0, 0.0, 1.0, 0.0]
    with pytest.raises(InputError, match=r"1 day\(s\) more than once \(2026-09-24\)"):
        working_days("2026-01-01", "2026-12-31", schedule=pd.concat([own, own.iloc[:1]]))
    with pytest.raises(InputError, match=r"weight"):
        working_days("2026-01-01", "2026-12-31", schedule=own.assign(weight=-1.0))
    with pytest.raises(InputError, match=r"no column 'weight'|weight"):
        working_days("2026-01-01", "2026-12-31", schedule=own[["date"]])


def test_notices_are_checked():
    with pytest.raises(InputError, match=r"1 day\(s\) are not in 2027: 2028-01-01"):
        notice(2027, off=["2028-01-01"])
    with pytest.raises(InputError, match=r"both off and worked: 2027-02-06"):
        notice(2027, off=[("2027-02-05", "2027-02-08")], worked=["2027-02-06"])
    with pytest.raises(InputError, match=r"is after end"):
        notice(2027, off=[("2027-02-08", "2027-02-05")])
    with pytest.raises(InputError, match=r"off must hold"):
        notice(2027, off=[("2027-02-08",)])
    with pytest.raises(InputError, match=r"off must be a list of dates, got '2027-02-08'"):
        notice(2027, off="2027-02-08")


# --------------------------------------------------------------------------------------
# Ways to say a day, a period, a country


@pytest.mark.parametrize("day", [
    "2025-09-28", "2025/9/28", dt.date(2025, 9, 28), dt.datetime(2025, 9, 28, 23, 59),
    np.datetime64("2025-09-28"), pd.Timestamp("2025-09-28 12:00"), pd.Period("2025-09-28"),
    pd.Timestamp("2025-09-28 00:30", tz="Asia/Shanghai"),
    pd.Timestamp("2025-09-28 23:30", tz="America/New_York"),
])  # fmt: skip
def test_a_day_may_be_said_in_many_ways(day):
    got = working_days(day, day)
    assert got["date"].tolist() == [pd.Timestamp("2025-09-28")]
    assert got["weight"].tolist() == [1.0]  # a Sunday worked
    assert count_working_days(day, day) == 1
    assert add_working_days(day, 0) == pd.Timestamp("2025-09-28")


def test_periods_as_ends_hold_whole_periods():
    got = working_days(pd.Period("2025-01"), pd.Period("2025-03"), freq="M")
    want = working_days("2025-01-01", "2025-03-31", freq="M")
    pd.testing.assert_frame_equal(got, want)


@pytest.mark.parametrize("bad", [None, 20250101, "soon", "", pd.NaT, True, 1.5])
def test_what_is_no_date_is_refused(bad):
    with pytest.raises(InputError, match=r"start"):
        working_days(bad, "2025-12-31")
    with pytest.raises(InputError, match=r"starts"):
        count_working_days(bad, "2025-12-31")


def test_bad_options_are_named():
    span = ("2025-01-01", "2025-12-31")
    with pytest.raises(InputError, match=r"start \(2025-12-31\) is after end \(2025-01-01\)"):
        working_days(*span[::-1])
    with pytest.raises(InputError, match=r"freq must be one of"):
        working_days(*span, freq="h")
    with pytest.raises(InputError, match=r"unannounced must be one of"):
        working_days(*span, unannounced="guess")
    with pytest.raises(InputError, match=r"week_start must be one of"):
        working_days(*span, week_start="Mon")
    with pytest.raises(InputError, match=r"year_start"):
        working_days(*span, year_start=13)
    with pytest.raises(InputError, match=r"from 1950 to 2100; 2101"):
        working_days("2101-01-01", "2101-01-31")
    with pytest.raises(InputError, match=r"from 1950 to 2100; 1949 to 1950"):
        working_days("1949-12-01", "1950-01-31")


def test_codes_of_countries():
    span = ("2025-01-01", "2025-12-31")
    us = working_days(*span, country="US")
    pd.testing.assert_frame_equal(us, working_days(*span, country="usa"))
    pd.testing.assert_frame_equal(working_days(*span), working_days(*span, country="chn"))
    with pytest.raises(InputError, match=r"country 'XX' is not known. Closest: .*MX \(Mexico\)"):
        working_days(*span, country="XX")
    with pytest.raises(InputError, match=r"'Germany' is not known. Closest: DE \(Germany\)"):
        working_days(*span, country="Germany")
    with pytest.raises(InputError, match=r"'DE-BX' is not known. Closest: .*DE-BY"):
        working_days(*span, country="DE-BX")
    for bad in (None, "", 86):
        with pytest.raises(InputError, match=r"ISO 3166"):
            working_days(*span, country=bad)


def test_other_countries():
    # United States 2025: 261 weekdays, 11 federal holidays, all of them on weekdays.
    assert count_working_days("2025-01-01", "2025-12-31", country="US") == 250
    # England 2025: 261 weekdays, 8 bank holidays.
    assert count_working_days("2025-01-01", "2025-12-31", country="GB-ENG") == 253
    # Corpus Christi is a holiday in Bavaria, not in Berlin.
    assert count_working_days("2026-06-04", "2026-06-04", country="DE-BY") == 0
    assert count_working_days("2026-06-04", "2026-06-04", country="DE-BE") == 1
    # Taiwan worked Saturday 8 February 2025; Saudi Arabia works on Sundays, not on Fridays.
    assert count_working_days("2025-02-08", "2025-02-08", country="TW") == 1
    assert working_days("2025-05-02", "2025-05-05", country="SA")["weight"].tolist() == [0, 0, 1, 1]


def _weekdays_off(country: str, year: int) -> str:
    days = working_days(f"{year}-01-01", f"{year}-12-31", country=country, unannounced="raise")
    ordinary = np.is_busday(days["date"].to_numpy().astype("datetime64[D]"))
    off = days["date"][(days["weight"] == 0) & ordinary]
    return " ".join(off.dt.strftime("%m-%d"))


@pytest.mark.parametrize(
    ("country", "year", "off"),
    [
        # gov.uk, "UK bank holidays": two jubilee days, the late Queen's funeral, substitutes
        ("GB-ENG", 2022, "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27"),
        ("GB-ENG", 2021, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"),
        ("GB-SCT", 2022, "01-03 01-04 04-15 05-02 06-02 06-03 08-01 09-19 11-30 12-26 12-27"),
        # opm.gov, "Federal Holidays": Juneteenth first observed on Friday 18 June 2021
        ("US", 2021, "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31"),
        ("US", 2023, "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25"),
        # gov.hk, "General holidays for 2024" (those on Saturdays left out)
        ("HK", 2024, "01-01 02-12 02-13 03-29 04-01 04-04 05-01 05-15 06-10 07-01 09-18 10-01 "
                     "10-11 12-25 12-26"),
        # Cabinet Office of Japan, 国民の祝日: ten days in a row in 2019
        ("JP", 2019, "01-01 01-14 02-11 03-21 04-29 04-30 05-01 05-02 05-03 05-06 07-15 08-12 "
                     "09-16 09-23 10-14 10-22 11-04"),
        # Berlin's one-off holiday of 8 May 2025
        ("DE-BE", 2025, "01-01 04-18 04-21 05-01 05-08 05-29 06-09 10-03 12-25 12-26"),
        ("DE-NW", 2024, "01-01 03-29 04-01 05-01 05-09 05-20 05-30 10-03 11-01 12-25 12-26"),
    ],
)  # fmt: skip
def test_days_off_as_governments_publish_them(country, year, off):
    assert _weekdays_off(country, year) == off


def test_countries_that_exchange_weekends_are_provisional_where_no_decree_is_known():
    with pytest.warns(DataWarning, match=r"HU is on file for 2060"):
        got = working_days("2060-03-01", "2060-03-31", country="HU", freq="M")
    assert got["provisional"].tolist() == [True]
    with pytest.raises(InputError, match=r"HU is on file for 2060"):
        working_days("2060-03-01", "2060-03-31", country="HU", unannounced="raise")
    assert not working_days("2060-03-01", "2060-03-31", country="US")["provisional"].any()


def test_holidays_beyond_what_is_known_are_provisional_not_missing_in_silence():
    with pytest.warns(DataWarning, match=r"IN is on file for 2060"):
        working_days("2060-03-01", "2060-03-31", country="IN")


@pytest.mark.parametrize("freq", list("WMQY"))
def test_periods_are_sums_of_their_days(freq):
    start, end = "2024-02-14", "2026-08-20"
    days = working_days(start, end)
    key = {"W": "W-SUN", "M": "M", "Q": "Q", "Y": "Y"}[freq]
    want = days.groupby(days["date"].dt.to_period(key))["weight"].sum()
    got = working_days(start, end, freq=freq)
    assert got["weight"].tolist() == want.tolist()
    assert (got["date"] == want.index.start_time).all()


def test_weeks_and_years_start_where_they_are_told():
    weeks = working_days("2026-01-01", "2026-01-31", freq="W", week_start="friday")
    assert (weeks["date"].dt.day_of_week == 4).all()
    year = working_days("2025-04-01", "2026-03-31", freq="Y", year_start=4)
    assert year["date"].tolist() == [pd.Timestamp("2025-04-01")]
    quarters = working_days("2025-04-01", "2026-03-31", freq="Q", year_start=2)
    assert quarters["date"].dt.strftime("%Y-%m").tolist() == [
        "2025-02", "2025-05", "2025-08", "2025-11", "2026-02"]  # fmt: skip


# --------------------------------------------------------------------------------------
# Counting and stepping


def _off_days() -> np.ndarray:
    return np.array(
        [d for y in NOTICES for d, w in _official(y).items() if not w], dtype="datetime64[D]"
    )


def test_counts_agree_with_numpy_on_the_same_days_off():
    rng = np.random.default_rng(0)
    first = np.datetime64("2015-01-01") + rng.integers(0, 4000, 5000).astype("timedelta64[D]")
    last = first + rng.integers(0, 380, 5000).astype("timedelta64[D]")
    every = np.busdaycalendar(weekmask="1111111", holidays=_off_days())
    got = count_working_days(first, last, inclusive="left")
    assert isinstance(got, np.ndarray)
    assert got.tolist() == np.busday_count(first, last, busdaycal=every).tolist()
    one = np.timedelta64(1, "D")
    both = np.busday_count(first, last + one, busdaycal=every)
    right = np.busday_count(first + one, last + one, busdaycal=every)
    neither = np.busday_count(np.minimum(first + one, last), last, busdaycal=every)
    for inclusive, want in {"both": both, "right": right, "neither": neither}.items():
        assert count_working_days(first, last, inclusive=inclusive).tolist() == want.tolist()


def test_steps_agree_with_numpy_on_the_same_days_off():
    rng = np.random.default_rng(1)
    start = np.datetime64("2016-01-01") + rng.integers(0, 3200, 3000).astype("timedelta64[D]")
    n = rng.integers(-200, 200, 3000)
    every = np.busdaycalendar(weekmask="1111111", holidays=_off_days())
    # Rolled against the direction of the step, numpy too counts from the day itself.
    ahead = np.busday_offset(start, n, roll="backward", busdaycal=every)
    back = np.busday_offset(start, n, roll="forward", busdaycal=every)
    zero = np.busday_offset(start, 0, roll="forward", busdaycal=every)
    want = np.where(n > 0, ahead, np.where(n < 0, back, zero))
    got = add_working_days(start, n)
    assert (got.astype("datetime64[D]") == want).all()


def test_results_take_the_form_of_what_was_given():
    starts = pd.Series(pd.to_datetime(["2025-01-24", "2025-01-02"]), index=["x", "x"], name="sent")
    got = count_working_days(starts, "2025-01-31")
    assert got.index.tolist() == ["x", "x"]
    assert got.tolist() == [_count("2025-01-24", "2025-01-31"), _count("2025-01-02", "2025-01-31")]
    due = add_working_days(starts, 5)
    assert due.index.tolist() == ["x", "x"]
    assert due.dt.strftime("%m-%d").tolist() == ["02-07", "01-09"]
    assert isinstance(count_working_days("2025-01-02", "2025-01-31"), int)
    many = add_working_days("2025-01-24", [1, 2])
    assert isinstance(many, np.ndarray)
    empty = pd.Series([], dtype="datetime64[ns]")
    assert count_working_days(empty, empty).tolist() == []
    assert add_working_days(empty, 1).tolist() == []


def _count(first: str, last: str) -> int:
    worked = _official(int(first[:4]))
    low, high = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    return sum(w for d, w in worked.items() if low <= d <= high)


def test_pairs_are_checked():
    dates = pd.Series(pd.to_datetime(["2025-01-02", "2025-01-05", None]), index=["a", "b", "c"])
    with pytest.raises(InputError, match=r"starts.*missing in 1 row\(s\) \(row 'c'"):
        count_working_days(dates, "2025-12-31")
    with pytest.raises(InputError, match=r"before starts in 1 row\(s\) \(row 'b': 2025-01-05 to"):
        count_working_days(dates[:2], "2025-01-03")
    with pytest.raises(InputError, match=r"starts has 2 value\(s\) and ends 3"):
        count_working_days(dates[:2], ["2025-01-03"] * 3)
    with pytest.raises(InputError, match=r"different labels; pairs go by position"):
        count_working_days(dates[:2], dates[:2].iloc[::-1])
    with pytest.raises(InputError, match=r"inclusive must be one of"):
        count_working_days("2025-01-02", "2025-01-03", inclusive="all")
    for bad in (1.5, "3", None, True):
        with pytest.raises(InputError, match=r"n must"):
            add_working_days("2025-01-02", bad)
    with pytest.raises(InputError, match=r"n must hold whole numbers; got float64"):
        add_working_days("2025-01-02", [1.5, 2.0])
    with pytest.raises(InputError, match=r"n must hold whole numbers; 1 are missing"):
        add_working_days("2025-01-02", pd.Series([1, None], dtype="Int64"))
    many = add_working_days("2025-01-02", pd.Series([1, 2], index=["p", "q"], dtype="Int64"))
    assert many.index.tolist() == ["p", "q"]
    with pytest.raises(InputError, match=r"starts must be one-dimensional"):
        count_working_days(np.array([["2025-01-02"]], dtype="datetime64[D]"), "2025-12-31")
    for n in (10**6, -(10**18)):
        with pytest.raises(InputError, match=r"outside the calendar"):
            add_working_days("2025-01-02", n)


def test_day_before_and_after_the_long_holiday():
    assert add_working_days("2025-09-30", 1) == pd.Timestamp("2025-10-09")
    assert add_working_days("2025-10-09", -1) == pd.Timestamp("2025-09-30")
    assert add_working_days("2025-10-11", -1) == pd.Timestamp("2025-10-10")
    assert add_working_days("2025-10-04", 0) == pd.Timestamp("2025-10-09")


def test_index_order_and_input_do_not_matter():
    rng = np.random.default_rng(2)
    first = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 600, 50), "D")
    frame = pd.DataFrame({"a": first, "b": first + pd.to_timedelta(rng.integers(0, 90, 50), "D")})
    before = frame.copy()
    base = count_working_days(frame["a"], frame["b"])
    odd = frame.iloc[::-1].set_axis([3] * 50, axis=0)
    assert count_working_days(odd["a"], odd["b"]).tolist() == base.tolist()[::-1]
    pd.testing.assert_frame_equal(frame, before)


# --------------------------------------------------------------------------------------
# Events


_CHINA = ["new_year", "spring_festival", "spring_festival_lead", "spring_festival_lag", "qingming",
          "labour_day", "dragon_boat", "mid_autumn", "national_day", "make_up_workday",
          "weekday_off"]  # fmt: skip


def test_events_of_china_day_by_day():
    got = events("2025-01-01", "2025-12-31").set_index("date")
    assert got.columns.tolist() == _CHINA

    def days(key: str) -> list[str]:
        return got.index[got[key] > 0].strftime("%m-%d").tolist()

    assert days("new_year") == ["01-01"]
    assert days("spring_festival")[0] == "01-28"
    assert days("spring_festival")[-1] == "02-03"
    assert len(days("spring_festival")) == 7
    assert (days("spring_festival_lead")[0], days("spring_festival_lead")[-1]) == ("01-14", "01-27")
    assert (days("spring_festival_lag")[0], days("spring_festival_lag")[-1]) == ("02-04", "02-17")
    assert days("qingming") == ["04-04"]
    assert days("dragon_boat") == ["05-31"]
    assert days("mid_autumn") == ["10-06"]
    assert len(days("national_day")) == 7
    assert days("make_up_workday") == ["01-26", "02-08", "04-27", "09-28", "10-11"]
    assert len(days("weekday_off")) == 18
    assert set(np.unique(got.to_numpy())) == {0.0, 1.0}


def test_the_spring_festival_moves_between_january_and_february():
    got = events("2019-01-01", "2026-12-31", freq="M")
    got = got[got["date"].dt.month <= 2]
    by_month = got.set_index(got["date"].dt.strftime("%Y-%m"))["spring_festival"]
    assert by_month["2020-01"] == 7 - by_month["2020-02"] == 7
    assert by_month["2023-01"] == 7
    assert by_month["2024-02"] == 7
    assert by_month["2025-01"] == 4
    assert by_month["2025-02"] == 3
    assert (got.groupby(got["date"].dt.year)["spring_festival"].sum() == 7).all()


@pytest.mark.parametrize("freq", list("WMQY"))
def test_events_of_periods_are_sums_of_days(freq):
    span = ("2024-01-01", "2025-12-31")
    days, got = events(*span), events(*span, freq=freq)
    key = {"W": "W-SUN", "M": "M", "Q": "Q", "Y": "Y"}[freq]
    want = days.groupby(days["date"].dt.to_period(key))[_CHINA].sum()
    np.testing.assert_array_equal(got[_CHINA].to_numpy(), want.to_numpy())


def test_shares_add_up_to_one_an_occurrence():
    got = events("2019-01-01", "2026-12-31", freq="Y", measure="share")
    windows = [c for c in _CHINA if c not in ("make_up_workday", "weekday_off")]
    np.testing.assert_allclose(got[windows].to_numpy(), 1.0, rtol=1e-12)


def test_windows_before_and_after_can_be_set():
    got = events("2025-01-01", "2025-12-31", lead={"national_day": 3}, lag=0)
    assert [c for c in got if c.endswith(("_lead", "_lag"))] == ["national_day_lead"]
    ahead = got.loc[got["national_day_lead"] > 0, "date"].dt.strftime("%m-%d").tolist()
    assert ahead == ["09-28", "09-29", "09-30"]
    assert events("2025-01-01", "2025-12-31", lead=2, freq="Y")["mid_autumn_lead"].tolist() == [2.0]
    with pytest.raises(InputError, match=r"lead names 'double_11'; holidays are: new_year"):
        events("2025-01-01", "2025-12-31", lead={"double_11": 3})
    with pytest.raises(InputError, match=r"lag must be at least 0|lag must be between"):
        events("2025-01-01", "2025-12-31", lag=-1)


def test_a_window_reaches_over_the_turn_of_the_year():
    got = events("2022-12-01", "2022-12-31", lead=30)
    # New Year's Eve of 2023 is 21 January: its 30 days begin on 22 December.
    ahead = got.loc[got["spring_festival_lead"] > 0, "date"]
    assert ahead.min() == pd.Timestamp("2022-12-22")
    assert got["new_year_lead"].sum() == 30  # of 1 January: 2 to 31 December
    with pytest.warns(DataWarning):
        last = events("2100-12-01", "2100-12-31", lead=40)
    assert last.loc[last["spring_festival_lead"] > 0, "date"].min() == pd.Timestamp("2100-12-19")


def test_own_events_merge_in():
    own = pd.DataFrame(
        {
            "name": ["双11", "年中大促", "双11"],
            "start": ["2024-10-24", "2025-06-18", "2025-11-01"],
            "end": ["2024-11-11", None, "2025-11-11"],
            "lead": [3, 0, 3],
        }
    )
    before = own.copy()
    got = events("2024-01-01", "2025-12-31", freq="M", own=own).set_index("date")
    pd.testing.assert_frame_equal(own, before)
    assert set(got.columns) == {*_CHINA, "双11", "双11_lead", "年中大促"}
    assert got.loc["2024-10-01":"2024-11-01", "双11"].tolist() == [8.0, 11.0]
    assert got.loc["2025-10-01":"2025-11-01", "双11_lead"].tolist() == [3.0, 0.0]
    assert got["年中大促"].sum() == 1.0
    odd = own.iloc[::-1].set_axis([1, 1, 1], axis=0)
    shuffled = events("2024-01-01", "2025-12-31", freq="M", own=odd)
    pd.testing.assert_frame_equal(shuffled.set_index("date"), got)
    share = events("2025-11-01", "2025-11-30", freq="M", own=own, measure="share")
    assert share["双11"].tolist() == pytest.approx([1.0])
    days = pd.DataFrame({"name": ["618", "双12"], "date": ["2025-06-18", "2025-12-12"]})
    single = events("2025-01-01", "2025-12-31", own=days).set_index("date")
    assert single.index[single["618"] == 1].tolist() == [pd.Timestamp("2025-06-18")]


def test_own_events_are_checked():
    own = pd.DataFrame({"name": ["a"], "start": ["2025-01-05"], "end": ["2025-01-02"]})
    span = ("2025-01-01", "2025-12-31")
    with pytest.raises(InputError, match=r"own ends before it starts in 1 row\(s\) \(row 0\)"):
        events(*span, own=own)
    with pytest.raises(InputError, match=r"name 'qingming' is taken"):
        events(*span, own=own.assign(name="qingming", end="2025-01-06"))
    with pytest.raises(InputError, match=r"name 'date' is taken"):
        events(*span, own=own.assign(name="date", end="2025-01-06"))
    with pytest.raises(InputError, match=r"start"):
        events(*span, own=own.drop(columns="start"))
    two = pd.DataFrame({"name": ["a", "a"], "start": ["2025-01-05", "2025-02-05"], "lead": [1, 2]})
    with pytest.raises(InputError, match=r"'a' 2 different values of 'lead'"):
        events(*span, own=two)
    two = pd.DataFrame({"name": ["a", "a_lead"], "start": ["2025-01-05"] * 2, "lead": [1, 0]})
    with pytest.raises(InputError, match=r"name 'a_lead' is taken"):
        events(*span, own=two)
    with pytest.raises(InputError, match=r"own must be a DataFrame"):
        events(*span, own=["2025-01-05"])
    open_end = two.iloc[:1].assign(end=None)
    assert events(*span, own=open_end)["a"].sum() == 1.0
    none = events(*span, own=two.iloc[:0])
    assert none.columns.tolist() == ["date", *_CHINA]


def test_an_event_outside_the_span_keeps_its_column():
    own = pd.DataFrame({"name": ["双11"], "start": ["2024-11-01"], "end": ["2024-11-11"]})
    assert events("2025-01-01", "2025-03-31", own=own)["双11"].sum() == 0.0


def test_events_of_other_countries():
    got = events("2025-01-01", "2025-12-31", country="US", lead={"thanksgiving_day": 5})
    got = got.set_index("date")
    assert got.index[got["thanksgiving_day"] > 0].tolist() == [pd.Timestamp("2025-11-27")]
    assert got["thanksgiving_day_lead"].sum() == 5
    assert "make_up_workday" not in got
    hungary = events("2025-01-01", "2025-12-31", country="HU").set_index("date")
    made = hungary.index[hungary["make_up_workday"] > 0].strftime("%m-%d").tolist()
    assert made == ["05-17", "10-18", "12-13"]  # decree of the Minister for National Economy
    eid = events("2025-01-01", "2025-12-31", country="SA")
    assert eid["eid_al_fitr_holiday"].sum() >= 3


# --------------------------------------------------------------------------------------
# Lunar dates


@pytest.mark.parametrize(("lunar", "date"), [
    ((2025, 1, 15), "2025-02-12"),  # Lantern Festival
    ((2025, 7, 7), "2025-08-29"),  # Qixi, after the leap month
    ((2025, 9, 9), "2025-10-29"),  # Double Ninth
    ((2026, 12, 8), "2027-01-15"),  # Laba
    ((2023, 2, 15), "2023-03-06"),
])  # fmt: skip
def test_festivals_by_the_lunar_calendar(lunar, date):
    assert lunar_date(*lunar) == pd.Timestamp(date)


def test_leap_months_and_lengths_are_checked():
    assert lunar_date(2023, 2, 1, leap=True) == pd.Timestamp("2023-03-22")
    with pytest.raises(InputError, match=r"lunar 2025 has no leap month 5 \(it has 6\)"):
        lunar_date(2025, 5, 1, leap=True)
    with pytest.raises(InputError, match=r"29 days only"):
        lunar_date(2025, 12, 30)
    with pytest.raises(InputError, match=r"year must be between 1900 and 2100"):
        lunar_date(2101, 1, 1)
    with pytest.raises(InputError, match=r"month"):
        lunar_date(2025, 13, 1)


# --------------------------------------------------------------------------------------
# Retail years


@pytest.mark.parametrize(("year", "first", "last", "weeks"), [
    # National Retail Federation, 4-5-4 calendars; 2006, 2012, 2017 and 2023 have 53 weeks.
    (2006, "2006-01-29", "2007-02-03", 53),
    (2012, "2012-01-29", "2013-02-02", 53),
    (2016, "2016-01-31", "2017-01-28", 52),
    (2017, "2017-01-29", "2018-02-03", 53),
    (2022, "2022-01-30", "2023-01-28", 52),
    (2023, "2023-01-29", "2024-02-03", 53),
    (2024, "2024-02-04", "2025-02-01", 52),
    (2025, "2025-02-02", "2026-01-31", 52),
])  # fmt: skip
def test_retail_years_of_the_federation(year, first, last, weeks):
    got = retail_calendar(year, pattern="4-5-4", freq="Y").iloc[0]
    assert got["period_start"] == pd.Timestamp(first)
    assert got["period_end"] == pd.Timestamp(last)
    assert got["weeks"] == weeks


def test_periods_of_the_federation_2024():
    got = retail_calendar(2024, pattern="4-5-4")
    keys = ["year", "quarter", "period"]
    assert got.columns.tolist() == [*keys, "period_start", "period_end", "weeks"]
    assert got["weeks"].tolist() == [4, 5, 4] * 4
    starts = got["period_start"].dt.strftime("%m-%d").tolist()
    assert starts[:4] == ["02-04", "03-03", "04-07", "05-05"]
    assert (got["period_start"].dt.day_of_week == 6).all()
    assert (got["period_end"].dt.day_of_week == 5).all()


def test_the_53rd_week_lengthens_the_last_period():
    assert retail_calendar(2023)["weeks"].tolist() == [4, 4, 5] * 3 + [4, 4, 6]
    assert len(retail_calendar(2023, freq="W")) == 53


def test_weeks_from_monday_nearest_the_turn_of_the_year_are_iso_weeks():
    years = list(range(1990, 2040))
    got = retail_calendar(years, freq="W", year_start=1, week_start="monday")
    iso = got["period_start"].dt.isocalendar()
    assert got["year"].tolist() == iso["year"].tolist()
    assert got["week"].tolist() == iso["week"].tolist()


def test_the_last_saturday_rule_ends_inside_the_month():
    got = retail_calendar(list(range(2000, 2031)), freq="Y", year_start=9, rule="last")
    end = got["period_end"]
    assert (end.dt.day_of_week == 5).all()
    assert (end.dt.month == 8).all()
    assert (end.dt.day >= 25).all()
    assert got["weeks"].isin([52, 53]).all()


@pytest.mark.parametrize("pattern", ["4-4-5", "4-5-4", "5-4-4"])
@pytest.mark.parametrize("freq", list("WMQY"))
def test_retail_periods_follow_each_other_without_gaps(pattern, freq):
    got = retail_calendar([2024, 2023, 2025], pattern=pattern, freq=freq)
    after = got["period_end"] + pd.Timedelta(days=1)
    assert got["period_start"].tolist()[1:] == after.tolist()[:-1]
    days = (got["period_end"] - got["period_start"]).dt.days + 1
    assert (days == 7 * got["weeks"]).all()


def test_retail_options_are_checked():
    with pytest.raises(InputError, match=r"pattern must be one of"):
        retail_calendar(2025, pattern="4-4-4")
    with pytest.raises(InputError, match=r"year must"):
        retail_calendar("2025")
    with pytest.raises(InputError, match=r"distinct years"):
        retail_calendar([2025, 2025])
    with pytest.raises(InputError, match=r"rule must be one of"):
        retail_calendar(2025, rule="first")


# --------------------------------------------------------------------------------------
# The house


def test_the_locale_of_the_machine_changes_nothing():
    code = (
        "from salesmgmt.calendars import events;"
        "print(list(events('2025-01-01', '2025-03-31', country='JP')))"
    )
    told = []
    for language in ("en_US", "ja_JP", "th"):
        here = {"LANGUAGE": language, "TZ": "Asia/Tokyo", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | here,
        )
        told.append(done.stdout)
    assert len(set(told)) == 1
    assert "foundation_day" in told[0]


def test_warnings_point_at_the_callers_line():
    with pytest.warns(DataWarning) as told:
        working_days("2027-01-01", "2027-01-31")
    assert told[0].filename == __file__


def test_a_country_without_holidays_has_none():
    """Bouvet Island has an ISO code and no inhabitants."""
    if not any("BV" in names for names in holidays.registry.COUNTRIES.values()):
        pytest.skip("this version of holidays does not know it")
    table = events("2024-01-01", "2024-03-31", country="BV", freq="M")
    assert table.columns.tolist() == ["date"]
    assert len(table) == 3
    sales = pd.DataFrame({"date": pd.date_range("2021-01-01", periods=36, freq="MS")})
    sales["amount"] = 100.0 + sales["date"].dt.month
    assert forecast(sales, 2, freq="M", calendar="BV")["forecast"].notna().all()
