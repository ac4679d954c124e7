"""The door: the one place where a caller's frame is checked and becomes arrays.

A desk declares the columns it needs as roles and takes the rows in at once::

    rows = take(transactions, caller="rfm", arg="transactions", invalid=invalid,
                customer=Key(customer), date=Date(date), amount=Amount(amount))
    rows.keys("customer").codes      # int64, dense, in label order
    rows.days("date")                # days since 1970-01-01 in the data's own zone
    rows["amount"]                   # float64, finite

Every problem is found before any work and told in one ``InputError``: which column, how many
rows, the first few, what to do. With ``invalid="drop"`` the rows are left out instead and a
``DataWarning`` says how many and why.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Number, Real
from typing import Any

import numpy as np
import pandas as pd

from ._columns import (
    convert,
    dates_of,
    merged_cells,
    numbers_of,
    repeated_rows,
    rows_of_totals,
    spelt_twice,
)
from ._keys import Keys, Slots, factorise, is_whole, spread
from ._messages import speaking_for, telling_once, warn
from ._options import (
    check_bool,
    check_choice,
    check_column,
    check_freq,
    check_int,
    check_labels,
    check_lang,
    check_names,
    check_number,
    check_seed,
    money,
    refuse_names,
    units,
)
from ._problems import Problem, problem_table, settle
from ._roles import MAY_BE_EMPTY, TABLES, TOGETHER, UNIQUE, Amount, AsIs, Date, Key, Role
from .engine.grouping import extent
from .errors import InputError

__all__ = [
    "MAY_BE_EMPTY",
    "TABLES",
    "Amount",
    "AsIs",
    "Date",
    "Key",
    "Keys",
    "Problem",
    "Rows",
    "as_dates",
    "check",
    "check_bool",
    "check_choice",
    "check_column",
    "check_freq",
    "check_int",
    "check_labels",
    "check_lang",
    "check_names",
    "check_number",
    "check_same_kind",
    "check_seed",
    "check_series",
    "day",
    "days_of",
    "factorise",
    "is_pandas",
    "lazy",
    "money",
    "one_currency",
    "plain_column",
    "same_currency",
    "refuse_names",
    "resolve_as_of",
    "speaking_for",
    "stack_keys",
    "take",
    "telling_once",
    "to_pandas",
    "units",
    "warn",
]


@dataclass(slots=True)
class Rows:
    """Checked rows of one frame; roles by option name."""

    frame: pd.DataFrame
    columns: dict[str, str]
    values: dict[str, np.ndarray]
    dropped: pd.DataFrame
    caller: str
    _keys: dict[tuple[str, ...], Keys] = field(default_factory=dict)
    _extents: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, option: str) -> bool:
        return option in self.columns

    def __getitem__(self, option: str) -> np.ndarray:
        """Values of a role: float64 for amounts, datetime64[us] for dates, else as they are."""
        return self.values[option]

    @property
    def index(self) -> pd.Index:
        return self.frame.index

    def series(self, option: str) -> pd.Series:
        """The caller's own column, unchanged, for the rows that were kept."""
        return self.frame[self.columns[option]]

    def extent(self, option: str) -> tuple[Any, Any]:
        """Least and greatest value of an amount, or of a date in microseconds since 1970."""
        if option not in self._extents:
            values = self.values[option]
            self._extents[option] = extent(
                values.view(np.int64) if values.dtype.kind == "M" else values
            )
        return self._extents[option]

    def days(self, option: str) -> np.ndarray:
        """Days since 1970-01-01, int64, in the data's own zone; clock times are cut off."""
        return days_of(self.values[option])

    def slots(self, option: str) -> Slots:
        """The key of one role with places that may be empty, where that saves a pass."""
        found = None if (option,) in self._keys else spread(self.series(option))
        if found is not None:
            return found
        keys = self.keys(option)
        return Slots(keys.codes, len(keys), keys.labels)

    def keys(self, *options: str) -> Keys:
        """The key made of these roles, factorised once; labels in ascending order."""
        if options not in self._keys:
            names = [self.columns[o] for o in options]
            self._keys[options] = factorise(self.frame, names)
        return self._keys[options]


# --------------------------------------------------------------------------------------
# Taking in


def take(
    frame: Any,
    *,
    caller: str,
    arg: str = "frame",
    invalid: str | None = None,
    unique: Sequence[str] = (),
    empty: str = "refuse",
    by: str | Sequence[str] | None = None,
    further: Callable[[Rows], list[Problem]] | None = None,
    **roles: Role | None,
) -> Rows:
    """Check the columns of ``frame`` and return the usable rows.

    Parameters
    ----------
    frame : DataFrame
        Any frame; a Polars, Arrow, DuckDB or Spark frame is collected (needed columns only).
    caller, arg : str
        Public function and its argument, for messages.
    invalid : {"raise", "drop"} or None
        What to do with rows that cannot be used; None: raise, and the function has no option.
    unique : sequence of str
        Option names that together must not repeat.
    empty : {"refuse", "allow"}
        Whether a frame without rows is an error.
    by : str or sequence of str, optional
        Further key columns, checked like ``Key``; role names are ``by0``, ``by1``, ...
    further : callable, optional
        Problems that show only across columns (a closing day before the creation), from the
        rows before any is left out.
    **roles : Role
        The columns by option name; None stands for "not asked for".
    """
    if invalid is not None:
        check_choice(invalid, "invalid", ("raise", "drop"), caller=caller)
    wanted = {option: role for option, role in roles.items() if role is not None}
    for i, name in enumerate(check_names(by, "by", caller=caller)):
        wanted[f"by{i}"] = Key(name)
    pdf = to_pandas(frame, [r.name for r in wanted.values()], caller=caller, arg=arg)
    have = _columns_of(frame, pdf, caller=caller, arg=arg)
    present = _columns_present(pdf, wanted, have, caller=caller, arg=arg)
    _refuse_samples(pdf, present, caller=caller, arg=arg)
    if empty == "refuse" and not len(pdf):
        raise InputError(f"{caller}(): {arg} has no rows; give at least one.")
    values, problems, extents = convert(pdf, present)
    columns = {option: role.name for option, role in present.items()}
    names = [columns[o] for o in unique if o in columns]
    if unique and len(names) == len(unique):
        problems += repeated_rows(pdf, names)
    if further is not None:
        problems += further(Rows(pdf, columns, values, pdf.iloc[:0], caller))
    dropped = settle(pdf, problems, caller=caller, arg=arg, invalid=invalid)
    if len(dropped):
        bad = np.zeros(len(pdf), dtype=bool)
        for p in problems:
            bad |= p.mask
        pdf = pdf.loc[~bad] if pdf.index.is_unique else pdf[~bad]
        values = {option: v[~bad] for option, v in values.items()}
        extents = {}
        if empty == "refuse" and not len(pdf):
            raise InputError(f"{caller}(): no row of {arg} is usable; see salesmgmt.check().")
    return Rows(pdf, columns, values, dropped, caller, _extents=extents)


def _refuse_samples(
    frame: pd.DataFrame, roles: Mapping[str, Role], *, caller: str, arg: str
) -> None:
    """Draws of what may come are no amounts that came: added up they are n times too much."""
    if list(frame.columns).count("draw") != 1 or {Date, Amount} - {type(r) for r in roles.values()}:
        return
    drawn = frame["draw"]
    if any(r.name == "draw" for r in roles.values()) or not is_whole(drawn) or len(drawn) < 2:
        return
    if drawn.min() != 0 or not 0 < drawn.max() < len(drawn):
        return
    rows = np.bincount(drawn.to_numpy(np.int64), minlength=1)
    if (rows == rows[0]).all():
        raise InputError(
            f"{caller}(): {arg} holds {len(rows)} draws of the same amounts (column 'draw'), which "
            "would be added up. Take one of them, or their mean by date and key; drop 'draw' if "
            "these are no samples."
        )


def is_pandas(frame: object) -> bool:
    """Whether ``frame`` is a pandas DataFrame."""
    return isinstance(frame, pd.DataFrame)


def lazy(frame: Any, *, caller: str, arg: str = "frame") -> Any:
    """``frame`` of another engine as a narwhals LazyFrame: aggregate there, collect little."""
    import narwhals.stable.v2 as nw

    try:
        return nw.from_native(frame).lazy()
    except TypeError:
        raise InputError(
            f"{caller}(): {arg} must be a DataFrame (pandas, Polars, Arrow, DuckDB or Spark), "
            f"got {type(frame).__name__}."
        ) from None


def to_pandas(
    frame: Any, columns: Iterable[str] | None = None, *, caller: str, arg: str = "frame"
) -> pd.DataFrame:
    """``frame`` as pandas; of another engine only ``columns`` are collected."""
    if isinstance(frame, pd.DataFrame):
        return _with_categories(frame)
    if isinstance(frame, pd.Series):
        raise InputError(
            f"{caller}(): {arg} must be a DataFrame, got a Series; use .reset_index() to make "
            "one with named columns."
        )
    table = lazy(frame, caller=caller, arg=arg)
    if columns is not None:
        names = set(table.collect_schema().names())
        table = table.select(list(dict.fromkeys(c for c in columns if c in names)))
    found = table.collect()
    out = found.to_pandas()
    for name, dtype in found.schema.items():
        if name not in out.columns:  # the index that a frame had before it became Arrow
            continue
        if dtype.is_integer() and out[name].dtype.kind == "f":
            # Whole numbers of which some are missing: as floats, long ids would become equal.
            out[name] = found[name].to_arrow().to_pandas(integer_object_nulls=True)
            out[name] = out[name].astype("UInt64" if str(dtype).startswith("U") else "Int64")
    return out


def _with_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Arrow dictionaries (categories that went through Parquet), which pandas cannot group by."""
    coded = [
        isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith("dictionary")
        for dtype in frame.dtypes
    ]
    if not any(coded) or not frame.columns.is_unique:
        return frame
    import pyarrow as pa

    out = frame.copy(deep=False)
    for name in frame.columns[coded]:
        column = pa.table({"": pa.array(frame[name].array)}).column(0)
        out[name] = pd.Categorical(column.to_pandas())
    return out


def _columns_of(frame: Any, taken: pd.DataFrame, *, caller: str, arg: str) -> Sequence[Any]:
    """Names of all columns of a frame of which only some were taken."""
    if isinstance(frame, pd.DataFrame):
        return list(taken.columns)
    return lazy(frame, caller=caller, arg=arg).collect_schema().names()


def _columns_present(
    frame: pd.DataFrame, roles: Mapping[str, Role], have: Sequence[Any], *, caller: str, arg: str
) -> dict[str, Role]:
    """Roles whose column is there; a required one that is not raises with the closest name."""
    present: dict[str, Role] = {}
    for option, role in roles.items():
        if not isinstance(role.name, str | int | tuple):
            raise InputError(
                f"{caller}(): {option}= must be a column name, got {type(role.name).__name__}."
            )
        count = list(frame.columns).count(role.name)  # an index of text compares with text alone
        if count > 1:
            raise InputError(
                f"{caller}(): {arg} has {count} columns named {role.name!r}; rename all but one."
            )
        if count == 1:
            present[option] = role
        elif not role.optional:
            told = option if role.option is None else role.option
            raise InputError(_absent(frame, have, told, role.name, caller=caller, arg=arg))
    return present


def _absent(
    frame: pd.DataFrame, have: Sequence[Any], option: str, name: object, *, caller: str, arg: str
) -> str:
    close = _closest(name, have)
    hint = f" Did you mean {close!r}?" if close else ""
    shown = ", ".join(repr(str(c)) for c in have[:12]) + (", ..." if len(have) > 12 else "")
    numbered = re.fullmatch(r"(by|key|x)\d+", option)
    named = {"by": "by", "key": "keys", "x": "attributes"}[numbered[1]] if numbered else option
    how = f"Name your own column with {named}=" if named else "Rename your own column to it"
    if name in frame.index.names:
        hint, how = " It is in the index:", "use .reset_index()"
    return f"{caller}(): {arg} has no column {name!r}.{hint} {how}; there are: {shown or 'none'}."


def _closest(name: object, columns: Iterable[object]) -> str:
    """The column spelt most like ``name``; empty where none is."""
    return next(iter(difflib.get_close_matches(str(name), [str(c) for c in columns], n=1)), "")


def _rename(columns: Iterable[object], name: str) -> str:
    close = _closest(name, columns)
    return f"rename your own column to it ({close!r}?)" if close else "rename your own column to it"


def stack_keys(
    frames: Sequence[pd.DataFrame], names: Sequence[Any], *, caller: str, args: Sequence[str]
) -> pd.DataFrame:
    """The key columns of several frames one below the other, of one kind each.

    Dates in text stand beside dates as dates. Numbers beside text would never be equal, and so
    are refused.
    """
    parts = [frame[list(names)] for frame in frames]
    for name in names if len(parts) > 1 else ():
        kinds = [_kind(part[name]) for part in parts]
        known = [k for k in kinds if k]
        if len(set(known)) <= 1 and known[:1] != ["dates"]:
            continue
        zones = {getattr(part[name].dtype, "tz", None) for part in parts}
        if set(known) <= {"dates", "text"} and (len(set(known)) > 1 or len(zones) > 1):
            parts = [
                part.assign(**{name: as_dates(part[name], name=str(name), caller=caller)})
                for part in parts
            ]
        else:
            check_same_kind([part[name] for part in parts], caller=caller, args=args)
    return pd.concat(parts, ignore_index=True)


def check_same_kind(columns: Sequence[pd.Series], *, caller: str, args: Sequence[str]) -> None:
    """Refuse a key that is numbers in one frame and text in another: no row would find its own."""
    kinds = [_kind(column) for column in columns]
    if len({k for k in kinds if k}) > 1:
        told = " and ".join(f"{k} in {a}" for k, a in zip(kinds, args, strict=True) if k)
        raise InputError(
            f"{caller}(): column {columns[0].name!r} holds {told}, which are never equal; give all "
            "frames the same dtype: .astype(str)."
        )


def _kind(column: pd.Series) -> str:
    """Numbers, dates or text; empty where it is none of them alone, or holds no value."""
    if column.isna().all():
        return ""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufM":
        return "dates" if column.dtype.kind == "M" else "numbers"
    told = pd.api.types.infer_dtype(column, skipna=True)
    if told == "categorical":
        told = pd.api.types.infer_dtype(column.cat.categories, skipna=True)
    if told in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "numbers"
    if told in ("datetime64", "datetime", "date", "period"):
        return "dates"
    return "text" if told == "string" else ""


# --------------------------------------------------------------------------------------
# Single values and Series


def days_of(values: np.ndarray) -> np.ndarray:
    """Days since 1970-01-01, int64, of a datetime64 array (NaT must have been dealt with)."""
    if values.dtype != np.dtype("datetime64[us]") or not values.flags.c_contiguous:
        return values.astype("datetime64[D]").astype(np.int64)
    whole = values.view(np.int64)
    days = whole // 86_400_000_000  # many times faster than the conversion of datetimes
    if whole.size and whole.min() == np.iinfo(np.int64).min:
        days[np.isnat(values)] = np.iinfo(np.int64).min
    return days


def as_dates(
    values: Any, *, name: str, caller: str, missing: str = "refuse", last: bool = False
) -> np.ndarray:
    """A Series, Index, array or list of dates as wall-clock datetime64[us], checked.

    ``last``: what names a whole month, quarter or year is its last day, not its first.
    """
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    series = series.rename(name)
    out, problems, _ = dates_of(series, Date(name, missing=missing, last=last))
    settle(series.to_frame(), problems, caller=caller, arg=name, invalid=None)
    return out


def resolve_as_of(as_of: object, days: np.ndarray | None = None, *, caller: str) -> pd.Timestamp:
    """``as_of`` as a calendar day; None: the last of ``days`` (days since 1970-01-01)."""
    if as_of is None:
        if days is None or not len(days):
            raise InputError(f"{caller}(): there is no date to take as_of from; give as_of=.")
        return pd.Timestamp(np.datetime64(int(np.max(days)), "D")).as_unit("us")
    return day(as_of, name="as_of", caller=caller, last=True)


def day(value: object, *, name: str, caller: str, last: bool = False) -> pd.Timestamp:
    """One calendar day from text, date, datetime, Timestamp or Period (wall clock, no zone).

    Of a month, quarter or year (a Period, or text such as ``"2025-12"``) it is the first day, or
    the last one where ``last``.
    """
    if isinstance(value, pd.Period):
        value = value.end_time if last else value.start_time
    if isinstance(value, bool | Real) or value is None:
        raise InputError(f"{caller}(): {name} must be a date, got {value!r}.")
    times, problems, _ = dates_of(pd.Series([value], name=name), Date(name, last=last))
    if problems:
        told = "" if "day/month" not in problems[0].reason else f" ({problems[0].reason})"
        raise InputError(
            f"{caller}(): {name} must be a date such as '2025-12-31', got {value!r}{told}."
        )
    return pd.Timestamp(times[0]).normalize().as_unit("us")


def one_currency(
    frame: Any, by: Iterable[Any], *, caller: str, arg: str, each: bool = False
) -> None:
    """Amounts of different currencies are never added: they need ``currency`` as a key.

    ``each``: keys ``by`` of one currency each will do, as only amounts of a key are added.
    """
    by = list(by)
    for name in by:
        check_column(name, "a key", caller=caller)
    if "currency" in by:
        return
    table = frame if is_pandas(frame) else lazy(frame, caller=caller, arg=arg)
    names = table.columns if table is frame else table.collect_schema().names()
    if "currency" not in names:
        return
    if list(names).count("currency") > 1:
        raise InputError(
            f"{caller}(): {arg} has several columns called 'currency'; rename all but one."
        )
    keys = by if each and all(name in names for name in by) else []
    if table is not frame:  # few rows are collected
        table = table.select([*keys, "currency"]).unique().collect().to_pandas()
    have = sorted(map(str, table["currency"].dropna().unique()))
    if keys and len(have) > 1:
        pairs = table[[*keys, "currency"]].dropna().drop_duplicates()
        have = have if pairs.duplicated(keys).any() else have[:1]
    if len(have) > 1:
        verb = "hold" if " and " in arg else "holds"
        raise InputError(
            f"{caller}(): {arg} {verb} amounts of {len(have)} currencies ({', '.join(have[:5])}), "
            "which are never added; convert them to one and drop 'currency', or make it a key "
            "where keys are asked for."
        )


def same_currency(given: Mapping[str, Any], by: Iterable[Any], *, caller: str) -> None:
    """Tables that are added up or compared, by argument, have one currency a key."""
    told: dict[str, Any] = {}
    for arg, frame in given.items():
        if frame is not None:
            table = frame if is_pandas(frame) else lazy(frame, caller=caller, arg=arg)
            names = table.columns if table is frame else table.collect_schema().names()
            if list(names).count("currency") == 1:
                told[arg] = (table, list(names))
    keys = [name for name in by if all(name in names for _, names in told.values())]
    if len(told) < 2 or "currency" in keys:
        return
    parts = []
    for table, _ in told.values():
        if is_pandas(table):
            parts.append(table[[*keys, "currency"]].drop_duplicates())
        else:  # few rows are collected
            parts.append(table.select([*keys, "currency"]).unique().collect().to_pandas())
    both = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    one_currency(both, keys, caller=caller, arg=" and ".join(told), each=True)


def plain_column(series: pd.Series, *, caller: str) -> pd.Series:
    """Numbers, dates and spans as such, whatever holds them (Decimal, date, Period, a zone)."""
    kind = series.dtype
    if isinstance(kind, pd.PeriodDtype):
        return series.dt.to_timestamp()
    if pd.api.types.is_datetime64_any_dtype(kind):
        zone = getattr(getattr(kind, "pyarrow_dtype", kind), "tz", None)
        return series if zone is None else series.dt.tz_localize(None)
    if pd.api.types.is_timedelta64_dtype(kind):
        return series / pd.Timedelta(days=1)
    if not pd.api.types.is_object_dtype(kind):
        return series
    told = pd.api.types.infer_dtype(series, skipna=True)
    if told == "mixed":  # Decimal beside float
        numbers = [isinstance(v, Number) and not isinstance(v, bool) for v in series.dropna()]
        told = "floating" if all(numbers) else told
    if told in ("decimal", "integer", "floating", "mixed-integer-float"):
        return pd.to_numeric(series, errors="coerce")
    if told in ("date", "datetime", "datetime64"):
        return pd.Series(as_dates(series, name=str(series.name), caller=caller, missing="allow"))
    return series


def check_series(
    values: Any,
    name: str,
    *,
    caller: str,
    missing: str = "refuse",
    low: float | None = None,
    unique: bool = True,
) -> pd.Series:
    """A Series of finite numbers with distinct labels, as float64 with the caller's index."""
    if isinstance(values, Mapping):
        values = pd.Series(values)
    if not isinstance(values, pd.Series):
        raise InputError(
            f"{caller}(): {name} must be a Series (labels in its index), "
            f"got {type(values).__name__}."
        )
    flat = pd.Series(values.array, name=name)
    out, problems, _ = numbers_of(flat, Amount(name, missing=missing, low=low))
    labelled = pd.DataFrame({name: flat.array}, index=values.index)
    settle(labelled, problems, caller=caller, arg=name, invalid=None)
    if unique and not values.index.is_unique:
        twice = values.index[values.index.duplicated()].unique()
        shown = ", ".join(repr(v) for v in twice[:3])
        raise InputError(
            f"{caller}(): {name} has {len(twice)} repeated label(s) ({shown}); "
            "sum them first: .groupby(level=...).sum()."
        )
    return pd.Series(out, index=values.index, name=values.name)


# --------------------------------------------------------------------------------------
def check(frame: Any, table: str, **columns: str) -> pd.DataFrame:
    """Every problem of a frame, as a frame: nothing is raised for what is found.

    Parameters
    ----------
    frame : DataFrame
        The frame to look at; not modified.
    table : str
        Which table it is meant to be: a key of the canonical tables (``"transactions"``,
        ``"history"``, ``"plan"``, ``"samples"``, ``"stage_events"``, ``"deals"``,
        ``"deal_snapshots"``, ``"invoices"``, ``"payments"``, ``"adjustments"``,
        ``"accounts"``, ``"activities"``, ``"cases"``, ``"surveys"``, ``"expenses"``,
        ``"contracts"``, ``"orders"``, ``"market"``).
    **columns : str
        Your own column names by the options of the desks' functions, such as
        ``customer="客户", date="日期", amount="金额"``; others are canonical.

    Returns
    -------
    DataFrame
        One row a problem: ``row`` (label in ``frame``'s index; missing where a whole column
        is absent, and column, too, where there are no rows), ``column``, ``value``, ``reason``,
        ``remedy``. Empty: the frame is usable. Names that differ only by blanks or by the width
        of characters (``犇鑫（上海）``, ``犇鑫(上海)``) are told, too: they count as two;
        and so are rows of totals (``合计``, ``Grand Total``), which would be counted again, and
        columns that are filled in the first row of each block alone, as merged cells are exported.

    Raises
    ------
    InputError
        ``frame`` is no frame, or ``table`` or an option for a column of it is not known.

    Examples
    --------
    >>> import pandas as pd
    >>> import salesmgmt
    >>> bad = pd.DataFrame({"customer_id": ["a", None], "date": ["2025-01-02", "soon"],
    ...                     "amount": [10.0, 5.0]})
    >>> salesmgmt.check(bad, "transactions")[["row", "column", "reason"]]
      row       column                                        reason
    0   1  customer_id                                    is missing
    1   1         date  does not read as a date in the column's format
    """
    check_choice(table, "table", tuple(TABLES), caller="check")
    pdf = to_pandas(frame, caller="check", arg="frame")
    canonical = {o: r.name for o, r in TABLES[table].items()}
    canonical |= {name: name for name in canonical.values()}  # period_start= of a plan
    for option in columns:
        check_choice(option, "a column's option", tuple(canonical), caller="check")
    own = {canonical[option]: name for option, name in columns.items()}
    roles = {o: replace(r, name=own.get(r.name, r.name)) for o, r in TABLES[table].items()}
    found: list[pd.DataFrame] = []
    if not len(pdf) and table not in MAY_BE_EMPTY:
        found.append(_told(None, "there are no rows", "give at least one"))
    present: dict[str, Role] = {}
    for option, role in roles.items():
        count = int((pdf.columns == role.name).sum())
        if count == 1:
            present[option] = role
        elif count > 1 or not role.optional:
            reason = "is absent" if not count else f"stands {count} times"
            remedy = "rename all but one" if count else _rename(pdf.columns, role.name)
            if not count and role.name in own.values():
                remedy = "name a column that is there"
            found.append(_told(role.name, reason, remedy))
    _, problems, _ = convert(pdf, present)
    alone = [own.get(n, n) for n in UNIQUE.get(table, [])]
    beside = [own.get(n, n) for n in TOGETHER.get(table, [])]
    names = alone + [n for n in beside if n in pdf.columns]
    if names and all((pdf.columns == n).sum() == 1 for n in names):
        problems += repeated_rows(pdf, names)
    keys = [r.name for r in present.values() if isinstance(r, Key) and not r.among]
    for name in keys:
        problems += spelt_twice(pdf[name])
    told = {role.name for role in present.values()}  # of a plan, say, all that name something
    for name in dict.fromkeys([*keys, *(c for c in pdf.columns if c not in told)]):
        if (pdf.columns == name).sum() == 1 and _kind(pdf[name]) == "text":
            problems += rows_of_totals(pdf[name], note=bool(keys) and name not in keys)
            if merged_cells(pdf[name]):
                blank = f"is blank in {int(pdf[name].isna().sum())} rows below its names, like "
                remedy = "give each row its own: frame[column] = frame[column].ffill()"
                found.append(_told(name, blank + "merged cells", remedy))
    found.append(problem_table(pdf, problems))
    return pd.concat([f for f in found if len(f)] or found, ignore_index=True)


def _told(column: str | None, reason: str, remedy: str) -> pd.DataFrame:
    """A problem of no single row, in the form of the others."""
    row = {"row": None, "column": column, "value": None, "reason": reason, "remedy": remedy}
    return pd.DataFrame([row], dtype=object)
