"""Tables from the user's files: CSV in UTF-8, GBK or UTF-16, Excel, Parquet."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .._frames import TABLES, Amount, Date
from ..errors import InputError

__all__ = ["read_table"]

_NAMES = {role.name for roles in TABLES.values() for role in roles.values()}
_DATES = {r.name for roles in TABLES.values() for r in roles.values() if isinstance(r, Date)}
_AMOUNTS = {r.name for roles in TABLES.values() for r in roles.values() if isinstance(r, Amount)}

# Digits in threes, a currency sign before or a unit behind; and the same written 1.234,50.
_POINT = re.compile(r"[-+]?[¥$€£]?[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?(元)?")
_COMMA = re.compile(r"[-+]?[¥$€£]?[-+]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?(元|€)?")


def read_table(path: str | Path, *, empty: bool = False) -> pd.DataFrame:
    """One file as a frame; ids stay text, so that ``007`` stays ``007``.

    Canonical headings are found whatever their case and the blanks around them; canonical
    amounts may have separators and currency signs (``¥1,234.50``), canonical dates may be whole
    numbers (``20250131``). Rows of a sheet are labelled as there. ``empty``: headings alone will
    do.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: there is no such file.")
    kind = file.suffix.lower()
    marks = "."
    try:
        if kind in (".xlsx", ".xls", ".xlsm"):
            frame = _read_excel(file)
            frame.index = pd.RangeIndex(2, len(frame) + 2)  # rows as the spreadsheet counts them
        elif kind in (".parquet", ".pq"):
            frame = pd.read_parquet(file)
        elif kind in (".csv", ".txt", ".tsv", ""):
            frame, marks = _read_csv(file)
        else:
            raise InputError(f"{file}: give a .csv, .tsv, .xlsx or .parquet file, not {kind!r}.")
    except ImportError as err:
        raise InputError(
            f'{file}: {str(err).rstrip(".")}. Try: pip install "salesmgmt[excel,scale]".'
        ) from None
    except InputError:
        raise
    except Exception as err:  # each reader has errors of its own for a damaged file
        told = (str(err).splitlines() or [type(err).__name__])[0]
        raise InputError(f"{file}: cannot be read: {told}") from None
    if frame.empty and not empty:
        raise InputError(f"{file}: has no rows.")
    frame.columns = pd.Index(_headings(list(frame.columns)))
    for name in frame.columns:
        if (frame.columns == name).sum() > 1:
            continue  # told by the door
        if name in _AMOUNTS:
            frame[name] = _amounts(frame[name], _COMMA if marks == "," else _POINT)
        elif name in _DATES:
            frame[name] = _whole_dates(frame[name])
    return frame


def _read_excel(file: Path) -> pd.DataFrame:
    reader: Any = "calamine" if file.suffix.lower() == ".xls" else "openpyxl"
    head = pd.read_excel(file, nrows=0, engine=reader).columns
    return pd.read_excel(file, dtype=_texts(head), engine=reader)


def _read_csv(file: Path) -> tuple[pd.DataFrame, str]:
    """The frame, and the decimal mark that the separator of fields suggests."""
    text = _decoded(file)
    sep, head = _separator(text)
    twice = [name for name, n in Counter(h.strip() for h in head).items() if n > 1 and name]
    if twice:
        raise InputError(
            f"{file}: has {head.count(twice[0])} columns named {twice[0]!r}; rename all but one."
        )
    frame = pd.read_csv(io.StringIO(text), sep=sep, dtype=_texts(head), low_memory=False)
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the first columns for an index
        raise InputError(
            f"{file}: its rows have more fields than its first line has headings; "
            "give each column a heading, or take the separators at the ends of lines away."
        )
    return frame, "," if sep == ";" else "."


def _decoded(file: Path) -> str:
    data = file.read_bytes()
    if not data.strip():
        raise InputError(f"{file}: is empty.")
    tried = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in tried:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{file}: is neither UTF-8 nor GBK text; save it as UTF-8.")


def _separator(text: str) -> tuple[str, list[str]]:
    """The separator that makes most fields of the first line, and these fields."""
    first = text.lstrip("\r\n").splitlines()[:1] or [""]
    split = {sep: next(csv.reader(first, delimiter=sep), [""]) for sep in (",", ";", "\t", "|")}
    best = max(split, key=lambda sep: len(split[sep]))
    return best, split[best]


def _texts(head: Sequence[Any]) -> dict[Any, Any]:
    """Columns that hold ids or names, to be read as text."""
    own = {h: str(h).strip().casefold() for h in head}
    return {h: str for h, n in own.items() if n.endswith("id") or n in ("parent", "owner", "rep")}


def _headings(head: list[Any]) -> list[Any]:
    """Canonical names for headings that differ by case or by blanks around them."""
    known = {name.casefold(): name for name in _NAMES}
    bare = [known.get(str(h).strip().casefold(), h) for h in head]
    return [new if bare.count(new) == 1 else old for new, old in zip(bare, head, strict=True)]


def _amounts(column: pd.Series, written: re.Pattern[str]) -> pd.Series:
    """Numbers out of text such as ``¥1,234.50``; what does not read as one stays for the door.

    Below zero are ``-5``, ``5-`` and ``(5)``. Where a value reads with the other decimal mark
    alone, nobody knows what the rest means: the column stays as it is.
    """
    if pd.api.types.is_numeric_dtype(column.dtype) or column.isna().all():
        return column
    plain = column.dropna().map(_plain_amount)
    reads = plain.map(lambda v: written.fullmatch(v) is not None)
    other = _POINT if written is _COMMA else _COMMA
    if not reads.any() or plain[~reads].map(lambda v: other.fullmatch(v) is not None).any():
        return column
    digits = plain[reads].str.replace(r"[¥$€£元+]", "", regex=True)
    if written is _COMMA:
        digits = digits.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(digits.str.replace(",", "", regex=False)).astype("float64")
    if reads.all():
        return numbers.reindex(column.index)
    out = column.astype(object)
    out[numbers.index] = numbers
    return out


def _plain_amount(value: object) -> str:
    """A value in narrow characters, without blanks, a sign at its front."""
    text = unicodedata.normalize("NFKC", str(value)).replace(" ", "").replace("\u2212", "-")
    bare = text[1:-1] if text[:1] + text[-1:] == "()" else text[:-1] if text[-1:] == "-" else None
    return text if bare is None or set(bare) & set("+-()") else f"-{bare}"


def _whole_dates(column: pd.Series) -> pd.Series:
    """Dates out of whole numbers such as 20250131, where every value reads as one."""
    known = column.dropna()
    if not pd.api.types.is_numeric_dtype(column.dtype) or not len(known):
        return column
    if not known.between(19000101, 21991231).all() or (known % 1 != 0).any():
        return column
    days = pd.to_datetime(known.astype("int64").astype(str), format="%Y%m%d", errors="coerce")
    return column if days.isna().any() else days.reindex(column.index)
