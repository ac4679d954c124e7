"""Frames of other engines: added up there by key and day, so that little is collected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._frames import is_pandas, lazy
from ..engine.grouping import exact_sum
from ..errors import InputError

__all__ = ["COUNT", "added_up", "condensed", "no_purchase"]

COUNT = "rows in this group"


def condensed(
    frame: Any, keys: Sequence[str], *, date: str | None, amount: str, unit: float, caller: str
) -> Any:
    """One row a key, day and sign of the amount, as pandas, with a column ``COUNT``.

    Sums are of whole numbers of ``unit``, so that they are those of the rows. A pandas frame
    comes back as it is; so does one that holds anything to be told of (missing or infinite
    values, text for dates), for the door to look at row by row.
    """
    if is_pandas(frame):
        return frame
    import narwhals.stable.v2 as nw

    table = lazy(frame, caller=caller, arg="transactions")
    schema = table.collect_schema()
    needed = [*keys, *([date] if date else []), amount]
    if any(name not in schema for name in needed) or not schema[amount].is_numeric():
        return frame
    if date and schema[date] != nw.Date and schema[date] != nw.Datetime:
        return frame
    clock = nw.col(date or amount)
    if date and getattr(schema[date], "time_zone", None):
        clock = clock.dt.replace_time_zone(None)  # the wall clock of the data's own zone
    value = nw.col(amount).cast(nw.Float64)
    bad = value.is_null() | ~value.is_finite() | (value.abs() > 1e9)
    for name in needed[:-1]:
        bad = bad | nw.col(name).is_null()
    try:
        found = table.select(bad=bad.cast(nw.Int64).sum(), n=nw.len()).collect()
    except TypeError:  # DuckDB before 1.1 takes no expressions: its rows are collected instead
        return frame
    if not int(found["n"][0]) or found["bad"][0] is None or int(found["bad"][0]):
        return frame
    scale = round(1 / unit) if unit < 1 else 1 / unit
    shown = [nw.col(k) for k in keys]
    if date:
        shown.append(clock.cast(nw.Date).alias(date))
    rows = table.select(
        *shown, (value * scale).round(0).cast(nw.Int64).alias(amount), (value < 0).alias("negative")
    )
    by = [*keys, *([date] if date else []), "negative"]
    grouped = rows.group_by(*by).agg(nw.col(amount).sum(), nw.len().alias(COUNT))
    out = grouped.collect().to_pandas()
    out[amount] = out[amount].astype("float64") / scale
    return out.drop(columns="negative")


def no_purchase(amounts: np.ndarray, until: int, *, caller: str, also: str = "") -> InputError:
    """What to say where nothing was bought: all returns, or nothing yet by ``until``."""
    why = f"choose a later as_of{also}."
    if (amounts < 0).all():
        why = (
            f"all {len(amounts)} amounts are negative (returns). If they are sales, "
            "turn their sign."
        )
    return InputError(f"{caller}(): no purchase on or before {np.datetime64(until, 'D')}; {why}")


def added_up(codes: np.ndarray, amounts: np.ndarray, n: int, *, caller: str) -> np.ndarray:
    """Amounts of each group, exact to a millionth; too large ones are told."""
    try:
        return exact_sum(codes, amounts, n, 1e-6)
    except OverflowError as err:
        raise InputError(f"{caller}(): {err}; give them in a larger unit.") from None
