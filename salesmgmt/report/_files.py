"""Tables from the user's files: CSV in UTF-8 or GBK, Excel, Parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..errors import InputError

__all__ = ["read_table"]


def read_table(path: str | Path) -> pd.DataFrame:
    """One file as a frame; ids stay text, so that ``007`` stays ``007``."""
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{file}: there is no such file.")
    kind = file.suffix.lower()
    try:
        if kind in (".xlsx", ".xls", ".xlsm"):
            frame = pd.read_excel(file)
        elif kind in (".parquet", ".pq"):
            frame = pd.read_parquet(file)
        elif kind in (".csv", ".txt", ".tsv", ""):
            frame = _read_csv(file, "\t" if kind == ".tsv" else ",")
        else:
            raise InputError(f"{file}: give a .csv, .tsv, .xlsx or .parquet file, not {kind!r}.")
    except ImportError as err:
        raise InputError(f'{file}: {err}. Try: pip install "salesmgmt[excel,scale]".') from None
    except (ValueError, OSError) as err:
        if isinstance(err, InputError):
            raise
        raise InputError(f"{file}: cannot be read: {str(err).splitlines()[0]}") from None
    if frame.empty:
        raise InputError(f"{file}: has no rows.")
    return frame


def _read_csv(file: Path, sep: str) -> pd.DataFrame:
    data = file.read_bytes()
    if not data.strip():
        raise InputError(f"{file}: is empty.")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        head = pd.read_csv(file, sep=sep, nrows=0, encoding=encoding).columns
        ids = {c: str for c in head if c.endswith(("_id", "id")) or c in ("parent", "owner", "rep")}
        return pd.read_csv(file, sep=sep, encoding=encoding, dtype=ids, low_memory=False)
    raise InputError(f"{file}: is neither UTF-8 nor GBK text; save it as UTF-8.")
