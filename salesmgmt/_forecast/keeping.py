"""A fitted forecaster as a file: options and history in a zip of JSON and plain arrays.

``forecaster.json`` holds ``format`` (``"salesmgmt.Forecaster"``), ``version`` (1), ``options`` and
``tables``. Where rows were added without a new estimate, ``format`` is
``"salesmgmt.Forecaster, updated"`` and ``rows`` says how many there were after ``fit`` and after
each update. Where options of reading were changed after ``fit``, ``version`` is 2 and ``changes``
says which before each update, and which since the last. Each table lists its columns with name,
dtype and either ``file``, an array in NumPy's ``.npy`` form without objects, or ``values``
(decimals as text). Reading it runs no code that the file brings along.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError

__all__ = ["read_kept", "refused", "write_kept"]

_FORMAT, _VERSION = "salesmgmt.Forecaster", 2
_UPDATED = _FORMAT + ", updated"
Kept = tuple[dict[str, Any], pd.DataFrame, list[int], list[dict[str, Any]]]
_PLAIN = (str, bool, int, float, type(None))


def write_kept(
    path: str | Path,
    options: dict[str, Any],
    history: pd.DataFrame,
    rows: list[int],
    changes: list[dict[str, Any]],
) -> None:
    """Write options and history to ``path``; ``rows``: their number after fit and each update.

    ``options`` are those of ``fit``, ``changes`` what was set before each update and after all.
    """
    arrays: dict[str, np.ndarray] = {}
    tables = {"history": _table(history, arrays, "history")}
    plain = {}
    for name, value in options.items():
        if isinstance(value, pd.DataFrame):
            tables[name] = _table(value, arrays, name)
            plain[name] = {"table": name}
        else:
            plain[name] = _plain(value, name)
    head = {"format": _FORMAT, "version": 1, "options": plain, "tables": tables}
    if any(changes):
        told = [{name: _plain(v, name) for name, v in each.items()} for each in changes]
        head |= {"version": 2, "changes": told}
    if len(rows) > 1:
        head |= {"format": _UPDATED, "rows": rows}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("forecaster.json", json.dumps(head, ensure_ascii=False, indent=1))
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            file.writestr(name, buffer.getvalue())


def read_kept(path: str | Path) -> Kept:
    """Options, history, numbers of rows and changes as :func:`write_kept` took them."""
    data = Path(path).read_bytes()
    with refused(path):
        return _read(data, path)


@contextmanager
def refused(path: str | Path) -> Iterator[None]:
    """Whatever is wrong inside the file, told as one thing: it was not written by ``save``."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a damaged archive fails in many ways, none of them the caller's
        raise InputError(
            f"Forecaster.load(): {path} is no file that Forecaster.save wrote, or is damaged "
            f"({type(error).__name__}: {error})."
        ) from error


def _read(data: bytes, path: str | Path) -> Kept:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        head = json.loads(file.read("forecaster.json"))
        if head.get("format") not in (_FORMAT, _UPDATED):
            raise ValueError(f"format {head.get('format')!r}")
        if head["version"] > _VERSION:
            raise InputError(
                f"Forecaster.load(): {path} has version {head['version']} of the format, this one "
                f"reads up to {_VERSION}; bring salesmgmt up to date."
            )
        tables = {name: _frame(parts, file) for name, parts in head["tables"].items()}
    options = {name: _unpacked(value, tables) for name, value in head["options"].items()}
    history, rows = tables["history"], head.get("rows", [len(tables["history"])])
    if rows[-1] != len(history) or rows != sorted(rows):
        raise ValueError(f"rows {rows} for a history of {len(history)}")
    changes = head.get("changes", [{}] * len(rows))
    if len(changes) != len(rows):
        raise ValueError(f"{len(changes)} changes for {len(rows)} stages")
    return options, history, rows, [{k: _unpacked(v, {}) for k, v in c.items()} for c in changes]


def _plain(value: Any, name: str) -> Any:
    """An option as JSON; what JSON does not know is marked."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp | dt.datetime | dt.date):
        return {"date": pd.Timestamp(value).isoformat()}
    if isinstance(value, pd.Period):  # as_of a month: its last moment
        return {"date": value.end_time.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple):
        return {"tuple": [_plain(v, name) for v in value]}
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | np.ndarray | pd.Index | pd.Series | range):
        return [_plain(v, name) for v in list(value)]
    if isinstance(value, dict):
        return {"mapping": [[_plain(k, name), _plain(v, name)] for k, v in value.items()]}
    raise InputError(
        f"Forecaster.save(): {name} holds a {type(value).__name__}, which the file cannot; "
        "give numbers, text, dates, lists or a DataFrame."
    )


def _unpacked(value: Any, tables: dict[str, pd.DataFrame]) -> Any:
    if isinstance(value, list):
        return [_unpacked(v, tables) for v in value]
    if not isinstance(value, dict):
        return value
    kind, inside = next(iter(value.items()))
    if kind == "table":
        return tables[inside]
    if kind == "date":
        return pd.Timestamp(inside)
    if kind == "decimal":
        return Decimal(inside)
    if kind == "tuple":
        return tuple(_unpacked(v, tables) for v in inside)
    return {_unpacked(k, tables): _unpacked(v, tables) for k, v in inside}


def _table(frame: pd.DataFrame, arrays: dict[str, np.ndarray], name: str) -> list[dict[str, Any]]:
    """Columns of a frame; numbers and dates go to ``arrays``."""
    out = []
    for j, column in enumerate(frame.columns):
        values = frame[column]
        part: dict[str, Any] = {"name": _plain(column, name), "dtype": str(values.dtype)}
        part |= _of_arrow(values.dtype)
        if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iufbM":
            part["file"] = f"{name}_{j}.npy"
            arrays[part["file"]] = values.to_numpy()
        elif isinstance(values.dtype, pd.CategoricalDtype):
            part["categories"] = [_plain(v, str(column)) for v in values.cat.categories]
            part["ordered"] = bool(values.cat.ordered)
            of = values.cat.categories.dtype
            part["of"] = {"dtype": str(of)} | _of_arrow(of)
            part["values"] = values.cat.codes.tolist()
        else:
            part["values"] = [None if pd.isna(v) else _entry(v, str(column)) for v in values]
        out.append(part)
    return out


def _entry(value: Any, column: str) -> Any:
    return str(value) if isinstance(value, pd.Period) else _plain(value, column)


def _frame(parts: list[dict[str, Any]], file: zipfile.ZipFile) -> pd.DataFrame:
    columns = []
    for part in parts:
        if "file" in part:
            values = np.load(io.BytesIO(file.read(part["file"])), allow_pickle=False)
            columns.append(pd.Series(values))
        elif "categories" in part:
            found = [_unpacked(v, {}) for v in part["categories"]]
            labels = pd.Index(found, dtype=_dtype(part["of"]) if "of" in part else None)
            kept = pd.Categorical.from_codes(part["values"], labels, ordered=part["ordered"])
            columns.append(pd.Series(kept))
        else:
            found = [_unpacked(v, {}) for v in part["values"]]
            columns.append(pd.Series(found, dtype=_dtype(part)))
    out = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    out.columns = pd.Index([_unpacked(part["name"], {}) for part in parts])
    return out


def _of_arrow(dtype: Any) -> dict[str, Any]:
    """What tells a dtype of Arrow from others: two are called ``string[pyarrow]``."""
    return {"arrow": True} if isinstance(dtype, pd.ArrowDtype) else {}


def _dtype(part: dict[str, Any]) -> Any:
    """The dtype of a column; pandas does not read all names that it gives to those of Arrow."""
    name = str(part["dtype"])
    if not part.get("arrow"):
        return name
    import pyarrow as pa

    of = name.removesuffix("[pyarrow]")
    if of == "string":
        return pd.ArrowDtype(pa.string())
    decimal = re.fullmatch(r"decimal(128|256)\((\d+), (-?\d+)\)", of)
    if decimal:
        make = pa.decimal128 if decimal[1] == "128" else pa.decimal256
        return pd.ArrowDtype(make(int(decimal[2]), int(decimal[3])))
    return name
