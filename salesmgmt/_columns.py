"""Columns by role: values as arrays, and the rows that cannot be used."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ._dates import last_days, parse_dates, plain_times
from ._keys import is_whole
from ._problems import Problem
from ._roles import Amount, AsIs, Date, Key, Role
from .engine.grouping import extent

__all__ = [
    "convert",
    "dates_of",
    "numbers_of",
    "repeated_rows",
    "merged_cells",
    "rows_of_totals",
    "spelt_twice",
]


def convert(
    frame: pd.DataFrame, roles: Mapping[str, Role]
) -> tuple[dict[str, np.ndarray], list[Problem], dict[str, tuple[Any, Any]]]:
    """Values and problems of all roles; and the extents that the checks have found."""
    values: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    extents: dict[str, tuple[Any, Any]] = {}
    for option, role in roles.items():
        series = frame[role.name]
        ends = None
        if isinstance(role, Date):
            values[option], found, ends = dates_of(series, role)
        elif isinstance(role, Amount):
            values[option], found, ends = numbers_of(series, role)
        else:
            values[option] = np.empty(len(frame), dtype=np.int8)  # handed out by series()/keys()
            found = _labels(series, role)
        problems += found
        if ends is not None:
            extents[option] = ends
    return values, problems, extents


def _labels(series: pd.Series, role: Role) -> list[Problem]:
    known = role.among if isinstance(role, Key) else ()
    if isinstance(role, AsIs) or (is_whole(series) and not known):
        return []
    problems = _not_comparable(series) if series.dtype == object else []
    if known and not problems:
        odd = (series.notna() & ~series.isin(known)).to_numpy()
        if odd.any():
            remedy = f"use one of {', '.join(map(repr, known))}"
            problems.append(Problem(str(series.name), odd, "is not known", remedy))
    if role.missing == "allow":
        return problems
    lost = series.isna().to_numpy()
    if lost.any():
        remedy = "fill in the value, or remove the rows"
        problems.append(Problem(str(series.name), lost, "is missing", remedy))
    return problems


def _not_comparable(series: pd.Series) -> list[Problem]:
    """Lists, dicts, sets: nothing can be grouped by them."""
    odd = {kind for kind in set(map(type, series.array)) if kind.__hash__ is None}
    if not odd:
        return []
    wrong = np.fromiter((type(v) in odd for v in series.array), dtype=bool, count=len(series))
    reason = f"holds a {sorted(k.__name__ for k in odd)[0]}, which is no key,"
    return [Problem(str(series.name), wrong, reason, "give one plain value a row")]


def numbers_of(
    series: pd.Series, role: Amount
) -> tuple[np.ndarray, list[Problem], tuple[Any, Any] | None]:
    """Values as float64 and what is wrong with them; their extent if all are finite."""
    name = str(series.name)
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        out = series.to_numpy(np.float64).view()
        out.flags.writeable = False  # it may be the caller's own memory
        ends = extent(out) if len(out) else (0.0, 0.0)
        if np.isfinite(ends).all():  # without a table of what is missing: two passes fewer
            within = (role.low is None or ends[0] >= role.low) and (
                role.high is None or ends[1] <= role.high
            )
            if within and not role.whole:
                return out, [], ends if len(out) else None
        lost, wrong = np.isnan(out), np.isinf(out)
    else:
        out, lost, wrong = _parse_numbers(series)
    problems = []
    if wrong.any():
        remedy = _how_to_read(series, wrong)
        problems.append(Problem(name, wrong, "is not a finite number", remedy))
    if lost.any() and role.missing != "allow":
        problems.append(Problem(name, lost, "is missing", "fill in the value, or remove the rows"))
    if role.low is not None or role.high is not None or role.whole:
        problems += _out_of_bounds(name, out, ~(lost | wrong), role)
    return out, problems, None


_WRITTEN = re.compile(r"[-+]?[¥$€£]?[-+]?\d{1,3}(,?\d{3})*(\.\d+)?元?")
_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})*|\d+)(,\d{1,2})?")
_OTHER_MINUS = re.compile(r"\([^()a-z]+\)|[^-]+-|\u2212.+")
_UNIT = re.compile(r"[-+]?[¥$€£]?[-+]?[\d,]+(\.\d+)?(%|千|万|亿|[kKmM])元?")


def _how_to_read(series: pd.Series, wrong: np.ndarray) -> str:
    """What makes numbers of text that was written for people, by the first few values."""
    first = [
        unicodedata.normalize("NFKC", str(v)).replace(" ", "") for v in series[wrong].iloc[:20]
    ]
    written = _may_hold_numbers(series) and all(_WRITTEN.fullmatch(v) for v in first)
    if written and (every := _all_written(series.dropna().astype(str))) is not None:
        mixed = pd.api.types.infer_dtype(series, skipna=True) != "string"
        text = f"frame[{str(series.name)!r}]" + (".astype(str)" if mixed else "") + every
        return (
            "take signs and separators out first: "
            f'{text}.str.replace(r"[^0-9.-]", "", regex=True).astype(float)'
        )
    if any("," in v for v in first) and all(_COMMA.fullmatch(v) for v in first):
        return (
            "the comma stands before decimals: "
            f'frame[{str(series.name)!r}].str.replace(".", "").str.replace(",", ".").astype(float)'
        )
    if all(_OTHER_MINUS.fullmatch(v) for v in first):
        return "write amounts below zero with a plain minus in front: (5.00) and 5.00- as -5.00"
    if all(_UNIT.fullmatch(v) for v in first):
        return "take the unit (%, 万, ...) out of the text and multiply by what it stands for"
    told = "convert the column with pd.to_numeric, or mend the values"
    if any(_WRITTEN.fullmatch(v) for v in first):  # who reads ¥1,234.50 there asks what is wrong
        plain = series[wrong].astype(str).str.normalize("NFKC").str.replace(" ", "")
        odd = series[wrong][~plain.str.fullmatch(_WRITTEN.pattern).to_numpy(dtype=bool)]
        if len(odd):
            told += f"; {len(odd)} hold(s) more than signs and separators, first {odd.iloc[0]!r}"
    return told


def _all_written(values: pd.Series) -> str | None:
    """What goes before the signs are taken out: a minus or a point of full width would go too.

    None where a value would come out wrong, perhaps behind the first few: ``(5.00)``, ``1.2E+05``.
    """
    plain = values.str.normalize("NFKC")
    bare = plain.str.replace(" ", "")
    if not (bare.str.fullmatch(_WRITTEN.pattern) | (bare == "")).all():
        return None
    return '.str.normalize("NFKC")' if (plain != values).any() else ""


def _out_of_bounds(name: str, values: np.ndarray, fine: np.ndarray, role: Amount) -> list[Problem]:
    """Problems of finite values that are too low, too high, or not whole."""
    found = []
    with np.errstate(invalid="ignore"):
        if role.low is not None:
            found.append((fine & (values < role.low), f"is below {role.low:g}"))
        if role.high is not None:
            found.append((fine & (values > role.high), f"is above {role.high:g}"))
        if role.whole:
            found.append((fine & (values != np.rint(values)), "is not a whole number"))
    return [Problem(name, mask, why, "mend the values") for mask, why in found if mask.any()]


def _parse_numbers(series: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers from object, text, nullable, Arrow or decimal columns: values, missing, wrong."""
    lost = series.isna().to_numpy(copy=True)
    every = np.ones(len(series), dtype=bool)
    if not _may_hold_numbers(series):
        return np.full(len(series), np.nan), lost, every & ~lost
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    parsed = pd.to_numeric(series, errors="coerce")
    if isinstance(parsed.dtype, np.dtype) and parsed.dtype.kind not in "iufb":
        parsed = pd.to_numeric(series.astype(str), errors="coerce")
    out = parsed.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~lost & ~np.isfinite(out)
    if series.dtype == object and "mixed" in pd.api.types.infer_dtype(series, skipna=True):
        bad |= np.fromiter((isinstance(v, bool | np.bool_) for v in series), bool, len(series))
    if bad.any():  # an empty cell, however it was read
        lost[bad] = (series[bad].astype(str).str.strip() == "").to_numpy()
    return out, lost, bad & ~lost


def _may_hold_numbers(series: pd.Series) -> bool:
    """Whether a column's kind is one of amounts: truth, times, spans, periods are none."""
    kinds = pd.api.types
    dtype = series.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return not any(kind in str(dtype) for kind in ("bool", "timestamp", "date", "duration"))
    return not (
        kinds.is_bool_dtype(dtype)
        or kinds.is_datetime64_any_dtype(dtype)
        or kinds.is_timedelta64_dtype(dtype)
        or isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype)
    )


# The years that nanoseconds can hold: what lies outside stands for "never" or "not known".
_EARLIEST, _LATEST = (
    int(np.datetime64(day, "us").astype(np.int64)) for day in ("1678-01-01", "2262-01-01")
)


def dates_of(
    series: pd.Series, role: Role
) -> tuple[np.ndarray, list[Problem], tuple[Any, Any] | None]:
    """Wall-clock times and what is wrong with them; their extent if it is at hand."""
    if isinstance(role, Date) and role.last:
        series = last_days(series)
    times = plain_times(series)
    if times is not None and len(times):
        ends = extent(times.view(np.int64))
        if ends[0] >= _EARLIEST and ends[1] < _LATEST:  # and no date is missing
            return times, [], ends
    values, lost, wrong, reason, remedy = parse_dates(series)
    problems = []
    if role.missing != "allow":  # where a date may be missing, 9999-12-31 may mean never
        whole = values.view(np.int64)
        far = ~np.isnat(values) & ((whole < _EARLIEST) | (whole >= _LATEST))
        if far.any():
            why = "is no day of business (outside 1678 to 2261)"
            problems.append(Problem(str(series.name), far, why, "mend the date"))
    name = str(series.name)
    if wrong.any():
        problems.append(Problem(name, wrong, reason, remedy))
    if lost.any() and role.missing != "allow":
        problems.append(Problem(name, lost, "is missing", "fill in the date, or remove the rows"))
    return values, problems, None


def repeated_rows(frame: pd.DataFrame, names: list[str]) -> list[Problem]:
    """Rows in which these columns together stand again; what is missing repeats nothing."""
    if _ascends(frame[names[0]]):  # one column without repeats is enough
        return []
    again = frame.duplicated(names, keep=False).to_numpy()
    again = again & ~frame[names].isna().any(axis=1).to_numpy()
    if not again.any():
        return []
    what = " + ".join(names)
    return [Problem(what, again, "is repeated", "keep one row of each, or sum them first")]


def spelt_twice(series: pd.Series) -> list[Problem]:
    """Names that stand in two spellings, which would be two customers; the rarer one is told."""
    text = pd.Series([v if isinstance(v, str) else None for v in series], dtype=object)
    count = text.value_counts()
    table = pd.DataFrame({"said": count.index.astype(str), "n": count.to_numpy()})
    table["plain"] = table["said"].str.normalize("NFKC").str.replace(r"\s+", "", regex=True)
    table = table.sort_values(["n", "said"], ascending=[False, True])
    odd = text.isin(table["said"][table["plain"].duplicated()]).to_numpy()
    if not odd.any():
        return []
    reason = "differs from another only by blanks or the width of its characters"
    remedy = 'write them alike in all tables: .str.normalize("NFKC").str.strip()'
    return [Problem(str(series.name), odd, reason, remedy)]


_TOTALS = re.compile(r".*(合计|小计|总计)|汇总|(grand|sub-?)?totals?", re.I)


def rows_of_totals(series: pd.Series, *, note: bool = False) -> list[Problem]:
    """Sums that a report put among its rows: they would be counted again.

    ``note``: the column may hold sentences; only a bare word, or one behind a name of it, counts.
    """
    names = [v for v in series.dropna().unique() if isinstance(v, str)]
    plain = {v: re.sub(r"\s+", "", v) for v in names}
    sums = {v: m for v in names if (m := _TOTALS.fullmatch(plain[v]))}
    alone = {"", *plain.values()}
    said = [v for v, m in sums.items() if not (note and m[1]) or plain[v][: m.start(1)] in alone]
    odd = series.isin(said).to_numpy(dtype=bool)
    remedy = "leave out the rows of totals, or give the name another spelling"
    return [Problem(str(series.name), odd, "names a total", remedy)] if said else []


def merged_cells(series: pd.Series) -> bool:
    """Whether names stand in the first row of their block alone, as merged cells are exported."""
    there = series.notna().to_numpy()
    if not 2 <= there.sum() <= 0.5 * len(series) or not there[0]:
        return False
    names = series[there].astype(str).to_numpy()
    return bool((names[1:] != names[:-1]).all())


def _ascends(column: pd.Series) -> bool:
    """Whether numbers stand in strictly ascending order: then none can be repeated."""
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "iuf":
        return False
    values = column.to_numpy()
    return bool((values[1:] > values[:-1]).all())
