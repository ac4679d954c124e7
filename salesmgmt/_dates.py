"""How a column of dates is read, whatever its dtype, or refused with the rows that do not read.

Wall-clock time of the data's own zone; text in one format only; day/month and month/day are told
apart by the values, or refused where both would read.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from itertools import islice

import numpy as np
import pandas as pd

__all__ = ["last_days", "parse_dates", "plain_times"]

_NO_DATE = "is no date"
_CONVERT = "convert the column with pd.to_datetime(..., format=...)"


def plain_times(series: pd.Series) -> np.ndarray | None:
    """Wall-clock datetimes (us) of a column of datetimes; None for one of any other kind."""
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_localize(None)  # the wall clock of the data's own zone
    if isinstance(series.dtype, np.dtype) and series.dtype.kind == "M":
        return _in_microseconds(series.to_numpy())
    return None


_WHOLE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})|年(\d{1,2})月|年|[ -]?[Qq]([1-4])|(\d{2}))?")


def last_days(series: pd.Series) -> pd.Series:
    """Periods, and text that names whole months, quarters or years, as their last days.

    Text counts where every value of the column is of this kind; all else is handed on as it is.
    """
    if isinstance(series.dtype, pd.PeriodDtype):
        return series.dt.end_time.dt.normalize()
    kind = series.dtype
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_numeric_dtype(kind):
        return series
    known = series.dropna()
    known = known[known.astype(str).str.strip() != ""]  # an empty cell is missing
    if known.empty or _last_day(known.iloc[0]) is None:
        return series
    named = {value: _last_day(value) for value in known.unique()}
    if None in named.values():
        return series
    return series.astype(object).map(named).astype("datetime64[us]")


def _last_day(value: object) -> np.datetime64 | None:
    """Last day of a Period, or of ``"2025-12"``, ``"2025年12月"``, ``"2025Q4"``, ``"2025"``."""
    if isinstance(value, pd.Period):
        return value.end_time.to_datetime64().astype("datetime64[D]").astype("datetime64[us]")
    found = _WHOLE.fullmatch(_short(value)) if isinstance(value, str) else None
    if found is None:
        return None
    year, month = int(found[1]), int(found[2] or found[3] or found[5] or 3 * int(found[4] or 4))
    if not 1 <= month <= 12:
        return None
    after = np.datetime64(f"{year:04d}-{month:02d}", "M") + np.timedelta64(1, "M")
    return (after.astype("datetime64[D]") - np.timedelta64(1, "D")).astype("datetime64[us]")


def parse_dates(series: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray, str, str]:
    """Wall-clock datetimes (us) of a column: values, missing, wrong, reason, remedy."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    dtype = series.dtype
    nothing = np.zeros(len(series), dtype=bool)
    if isinstance(dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    elif isinstance(dtype, pd.ArrowDtype) and "string" not in str(dtype):
        if not any(kind in str(dtype) for kind in ("timestamp", "date")):
            return _all_wrong(series, _NO_DATE, _CONVERT)
        zoned = getattr(dtype.pyarrow_dtype, "tz", None)
        if zoned is not None:
            series = series.dt.tz_localize(None)
        series = pd.Series(series.astype("datetime64[us]"))
    values = plain_times(series)
    if values is not None:
        return values, np.isnat(values), nothing, "", ""
    if pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        return _all_wrong(series, "is a number, not a date", _from_numbers(series))
    return _parse_date_objects(series)


def _from_numbers(series: pd.Series) -> str:
    """What makes dates of numbers: they may be days as Excel counts them, or just count."""
    values = np.abs(pd.to_numeric(series, errors="coerce").to_numpy(float, na_value=np.nan))
    largest = np.nanmax(values, initial=0.0)
    if largest < 20_000:
        return 'where they count periods, pd.Timestamp("2020-01-01") + pd.to_timedelta(..., unit=)'
    if largest < 80_000:
        return 'days as Excel counts them: pd.to_datetime(..., unit="D", origin="1899-12-30")'
    return 'use pd.to_datetime(..., format="%Y%m%d") or unit='


def _in_microseconds(values: np.ndarray) -> np.ndarray:
    """The same times as datetime64[us]; in whole numbers, which is faster where it is safe."""
    unit = np.datetime_data(values.dtype)[0]
    if values.dtype == np.dtype("datetime64[us]"):
        out = values.view()
        out.flags.writeable = False  # it may be the caller's own memory
        return out
    if unit not in ("ns", "s", "ms") or not values.flags.c_contiguous or not values.size:
        return values.astype("datetime64[us]")
    whole = values.view(np.int64)
    if unit == "ns":
        scaled = whole // 1_000
    else:
        factor = 1_000_000 if unit == "s" else 1_000
        if max(abs(int(whole.min())), int(whole.max())) > 2**62 // factor:  # or missing
            return values.astype("datetime64[us]")
        scaled = whole * factor
    scaled[np.isnat(values)] = np.iinfo(np.int64).min
    return scaled.view("datetime64[us]")


def _all_wrong(
    series: pd.Series, reason: str, remedy: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str, str]:
    lost = series.isna().to_numpy()
    return np.full(len(series), "NaT", "datetime64[us]"), lost, ~lost, reason, remedy


def _parse_date_objects(
    series: pd.Series,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str, str]:
    """Text in one format, or Python dates, datetimes, Timestamps and Periods."""
    lost = series.isna().to_numpy()
    kinds = pd.api.types.infer_dtype(series, skipna=True)
    if kinds == "string" or isinstance(series.dtype, pd.StringDtype):
        return _parse_date_text(series, lost)
    values = np.full(len(series), "NaT", "datetime64[us]")
    for i in np.flatnonzero(~lost):
        values[i] = _wall_time(series.iloc[i])
    wrong = ~lost & np.isnat(values)
    reason = "is no date (or the column mixes dates with other things)"
    return values, lost, wrong, reason, _CONVERT


def _wall_time(value: object) -> np.datetime64:
    """One Python object as wall-clock time; NaT for what is no date (numbers, text, times)."""
    if isinstance(value, pd.Period):
        value = value.start_time
    if not hasattr(value, "year") and not isinstance(value, np.datetime64):
        return np.datetime64("NaT", "us")
    stamp = pd.Timestamp(value)  # type: ignore[arg-type]
    return stamp.tz_localize(None).to_datetime64().astype("datetime64[us]")


_YEAR_LAST = re.compile(r"\d{1,2}([/.\-])\d{1,2}\1(\d{4}|\d{2})(?!\d)")
_CLOCK = re.compile(r"(,?\s+)(\d{1,2}:\d\d)(:\d\d)?(\.\d+)?(\s*)([AaPp][Mm])?$")
_WEEKDAY = re.compile(r"\s*\(?(?:星期|周)[一二三四五六日天]\)?")
_HALVES = {"上午": "AM", "下午": "PM"}
_QUARTER = re.compile(r"(\d{4})[ -]?[Qq]([1-4])$")
_DIGIT = re.compile(r"\d")
_MONTH = re.compile(r"\d{6}$")
_STYLES = ("%Y年%m月%d日", "%Y/%m/%d", "%Y.%m.%d", "%d-%b-%y", "%d %b %y")
_ISO = ("%Y-%m-%d", "%Y%m%d")  # before a clock that ISO 8601 does not know (01:05 PM)
_MONTHS = ("%Y年%m月", "%Y年", "%m/%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y", "%Y-%b")
_UNREAD = "does not read as a date in the column's format"


def _parse_date_text(
    series: pd.Series, lost: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, str, str]:
    text = series[~lost].astype(str).str.strip()
    blank = (text == "").to_numpy()
    if blank.any():  # an empty cell, however it was read
        lost = lost.copy()
        lost[~lost] = blank
        text = text[~blank]
    nat = np.full(len(series), "NaT", "datetime64[us]")
    if text.empty:
        return nat, lost, np.zeros(len(series), dtype=bool), "", ""
    best, reason = _best_date_format(text)
    nat[~lost] = best
    wrong = ~lost & np.isnat(nat)
    if reason:
        wrong, nat[~lost] = ~lost, np.datetime64("NaT", "us")
    remedy = 'convert the column with pd.to_datetime(..., format="...")'
    if wrong.any() and text.str.fullmatch(r"[2-7]\d{4}(\.\d+)?").all():
        remedy = f"to numbers first, with .astype(float); then {_from_numbers(text)}"
    return nat, lost, wrong, reason or _UNREAD, remedy


def _best_date_format(text: pd.Series) -> tuple[np.ndarray, str]:
    """Dates under the one format that reads the most rows; a reason where it is ambiguous."""
    first = next((v for v in islice(text, 1000) if _DIGIT.search(v)), text.iloc[0])
    if not first.isascii():
        text, first = _plainly(text), _plainly(pd.Series([first])).iloc[0]
    if _YEAR_LAST.match(first):
        return _year_last(text, first)
    tried = [_read(text, "ISO8601")]
    if np.isnat(tried[0]).any():
        one, clock = pd.Series([first]), _clock_style(first)
        days = (*_STYLES, *(_ISO if clock else ()), *_guessed(_CLOCK.sub("", first)))
        styles = (*(style + clock for style in days), *_MONTHS, *_guessed(first))
        tried += [_read(text, style) for style in styles if not np.isnat(_read(one, style)[0])]
        if _QUARTER.match(first):
            tried.append(_quarters(text))
        elif _MONTH.match(first):
            tried.append(_read(text.where(text.str.match(_MONTH)), "%Y%m"))
    return min(tried, key=lambda v: int(np.isnat(v).sum())), ""


def _plainly(text: pd.Series) -> pd.Series:
    """Chinese clocks as others write them, digits of full width as plain ones, no weekdays."""
    text = text.str.normalize("NFKC").str.replace(_WEEKDAY, "", regex=True)
    for half, told in _HALVES.items():
        text = text.str.replace(rf"\s*{half}\s*(\d{{1,2}}:[\d:.]+)$", rf" \1 {told}", regex=True)
    if text.str.contains("[季份度Qq]").any():
        text = text.map(_short)
    return text.str.strip()


_SAID = re.compile(r"(\d{4})年?(?:第?([1-4一二三四])季度?|[Qq]([1-4]))")


def _short(text: str) -> str:
    """What names a whole year, quarter or month in Chinese, as others write it: ``2025年一季度`` is
    ``2025Q1``, ``2025年3月份`` is ``2025年3月``, ``2025年度`` is ``2025年``."""
    plain = unicodedata.normalize("NFKC", text.strip())
    found = _SAID.fullmatch(plain)
    if found is None:
        return re.sub("(?<=年)度$|(?<=月)份$", "", plain)
    number = found[2] or found[3]
    return f"{found[1]}Q{'一二三四'.find(number) + 1 or number}"


def _year_last(text: pd.Series, first: str) -> tuple[np.ndarray, str]:
    """Numbers with the year at the end: which of the others is the month, the values must tell.

    A year of two digits may also stand in front.
    """
    found = _YEAR_LAST.match(first)
    assert found is not None
    mark, clock = found.group(1), _clock_style(first)
    short = len(found.group(2)) == 2
    orders = ("dmy", "mdy", "ymd") if short else ("dmY", "mdY")
    reads = [_read(text, mark.join("%" + part for part in order) + clock) for order in orders]
    gaps = [int(np.isnat(read).sum()) for read in reads]
    best = reads[int(np.argmin(gaps))]
    rivals = [r for r, gap in zip(reads, gaps, strict=True) if gap == min(gaps)]
    if min(gaps) < len(text) and any((r != best)[~np.isnat(best)].any() for r in rivals):
        if short:
            return best, "has years of two digits and could be read in several orders"
        return best, "could be day/month or month/day"
    return best, ""


def _clock_style(first: str) -> str:
    """How a time of day behind a date is written, as a format; none: nothing."""
    found = _CLOCK.search(first)
    if found is None:
        return ""
    apart, _, seconds, parts, space, half = found.groups()
    style = ", " if "," in apart else " "
    style += "%I:%M" if half else "%H:%M"
    style += ":%S" if seconds else ""
    style += ".%f" if parts else ""
    return style + (" " if half and space else "") + ("%p" if half else "")


def _guessed(first: str) -> tuple[str, ...]:
    """The format in which a text with a whole date (names of months, say) is written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        style = pd.tseries.api.guess_datetime_format(first) or ""
    month = any(part in style for part in ("%m", "%b", "%B"))
    return (style,) if "%Y" in style and month else ()


def _quarters(text: pd.Series) -> np.ndarray:
    """The first day of each quarter written ``2025Q1``."""
    parts = text.str.extract(_QUARTER)
    start = parts[0] + "-" + (pd.to_numeric(parts[1]) * 3 - 2).astype("Int64").astype(str)
    return _read(start.fillna("none"), "%Y-%m")


_OFFSET = r"(?<=\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s*(?:Z|[+-]\d\d:?\d\d)$"


def _read(text: pd.Series, style: str) -> np.ndarray:
    """Dates of a text in one format, NaT where it does not read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # we say which rows do not read instead
        text = text.mask(text.isin(["now", "today"]))  # pandas would look at the clock
        read = _to_datetime(text, style)
        if read is None:
            # Offsets differ from row to row, as they do over a summer: the wall clock is meant.
            read = _to_datetime(text.str.replace(_OFFSET, r"\1", regex=True), style)
    if read is None:
        return np.full(len(text), "NaT", "datetime64[us]")
    if isinstance(read.dtype, pd.DatetimeTZDtype):
        read = read.dt.tz_localize(None)
    return read.to_numpy().astype("datetime64[us]")


def _to_datetime(text: pd.Series, style: str) -> pd.Series | None:
    """Datetimes, NaT where the text does not read; None where the offsets are not the same."""
    try:
        read = pd.to_datetime(text, format=style, errors="coerce")
    except (ValueError, TypeError):
        return None
    return None if read.dtype == object else read
