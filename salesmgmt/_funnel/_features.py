"""Mixed columns as numbers: what a model can read, learned once and applied to later rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._deal_states import IS_LOST, IS_WON, states_of
from .._frames import as_dates, plain_column
from ..errors import InputError

__all__ = ["Features", "as_table", "as_outcome"]

RARE = 20  # a value seen less often is one of "the others"
MOST = 60  # at most so many values of a column are told apart


def as_table(X: Any, caller: str) -> pd.DataFrame:
    """Any matrix as a frame with text column names."""
    if isinstance(X, pd.DataFrame):
        out = X.reset_index(drop=True)
    else:
        from sklearn.utils import check_array

        array = check_array(X, dtype=None, ensure_all_finite=False, estimator=caller)
        out = pd.DataFrame(array)
        if out.dtypes.eq(object).any():
            out = out.infer_objects()
    out = out.set_axis([str(c) for c in out.columns], axis=1)
    if out.columns.has_duplicates:
        name = out.columns[out.columns.duplicated()][0]
        raise InputError(f"{caller}(): X has the column {name!r} twice; rename one.")
    if not len(out):
        raise InputError(f"{caller}(): X has no rows; give at least one.")
    return pd.DataFrame({name: plain_column(out[name], caller=caller) for name in out.columns})


def as_outcome(
    y: Any, n: int, caller: str, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """0/1 (the second class is 1: what says won, else the larger label) and the two classes."""
    from sklearn.utils import column_or_1d
    from sklearn.utils.multiclass import check_classification_targets

    if y is None:
        raise InputError(f"{caller}() requires y to be passed, but the target y is None.")
    values = column_or_1d(np.asarray(y), warn=True)
    if len(values) != n:
        raise InputError(f"{caller}(): y has {len(values)} value(s) for {n} row(s) of X.")
    lost = pd.isna(values)
    if lost.any():
        raise InputError(f"{caller}(): y is missing in {int(lost.sum())} row(s); leave them out.")
    if classes is None:
        try:
            check_classification_targets(values)
        except ValueError as err:
            raise InputError(f"{caller}(): y must hold two classes. {err}") from None
        classes = _two_classes(np.unique(values), caller)
    unknown = ~np.isin(values, classes)
    if unknown.any():
        raise InputError(
            f"{caller}(): y must hold {classes[0]!r} and {classes[1]!r}; {int(unknown.sum())} "
            f"value(s) do not, first {values[unknown][0]!r}."
        )
    return (values == classes[1]).astype(np.int64), classes


def _two_classes(seen: np.ndarray, caller: str) -> np.ndarray:
    states = states_of(pd.Series(seen))[0]
    if len(seen) == 2:  # 赢单 is smaller than 输单
        return seen[np.argsort(np.array([1, 2, 0])[states], kind="stable")]
    for usual in (np.array([0, 1]), np.array(["lost", "won"])):
        if len(seen) == 1 and seen[0] in usual.tolist():
            return usual
    if len(seen) > 2:
        told = {IS_WON, IS_LOST} <= set(states.tolist())
        raise InputError(
            f"{caller}(): Only binary classification is supported. The type of the target is "
            f"multiclass: y must hold two classes, such as won and lost, and holds {len(seen)}"
            f"{'; leave out the deals that are still open.' if told else '.'}"
        )
    raise InputError(
        f"{caller}(): y must hold two classes, such as won and lost; there is one class: "
        f"{seen.tolist()!r}."
    )


class Features:
    """Learned reading of each column: numbers with missing ones marked, values with the rare
    ones together.

    Parameters
    ----------
    table : DataFrame
        Rows to learn from.
    """

    def __init__(self, table: pd.DataFrame):
        self.columns = list(table.columns)
        self.numbers: dict[str, np.ndarray] = {}
        self.values: dict[str, list[str]] = {}
        self.dates: set[str] = set()
        for name in self.columns:
            series = table[name]
            if pd.api.types.is_datetime64_any_dtype(series.dtype):
                self.dates.add(name)
            if _is_number(series):
                self.numbers[name] = _knots(_as_float(series))
            else:
                text = _as_text(series)
                counts = text.value_counts()
                counts = counts[
                    (counts >= min(RARE, max(2, len(text) // 50))) & (counts.index != "")
                ]
                order = sorted(counts.index, key=lambda v: (-counts[v], v))
                self.values[name] = order[:MOST]

    def read(self, table: pd.DataFrame, caller: str) -> pd.DataFrame:
        """Later rows in the types of those that were learned from: what cannot be read so is
        refused, as it would pass for missing or for a value never seen."""
        columns = {}
        for name in self.columns:
            one = self._as_date if name in self.dates else self._as_number
            columns[name] = (self._as_value if name in self.values else one)(table[name], caller)
        return pd.DataFrame(columns)

    def _as_date(self, series: pd.Series, caller: str) -> pd.Series:
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            return series
        if series.isna().all():
            return pd.Series(np.full(len(series), np.datetime64("NaT", "us")))
        _refuse(series, np.full(len(series), _is_number(series)), "dates", caller)
        told = series.astype(object).where(_as_text(series) != "", None)
        return pd.Series(as_dates(told, name=str(series.name), caller=caller, missing="allow"))

    def _as_number(self, series: pd.Series, caller: str) -> pd.Series:
        if series.isna().all() or pd.api.types.is_numeric_dtype(series.dtype):
            return series
        text = _as_text(series)
        dates = pd.api.types.is_datetime64_any_dtype(series.dtype)
        out = pd.to_numeric(text.replace({"True": "1", "False": "0"}), errors="coerce")
        wrong = (text != "") & (out.isna() | dates)
        _refuse(series, wrong.to_numpy(), "numbers", caller)
        return out

    def _as_value(self, series: pd.Series, caller: str) -> pd.Series:
        """Numbers where the fit had True and False, or text of whole numbers."""
        if not _is_number(series) or not pd.api.types.is_numeric_dtype(series.dtype):
            return series
        told = pd.Series(_as_float(series))
        known = set(self.values[str(series.name)])
        if known and known <= {"True", "False"}:
            _refuse(series, (told.notna() & ~told.isin([0, 1])).to_numpy(), "True/False", caller)
            return told.map({0.0: "False", 1.0: "True"})
        return told.astype("Int64") if (told.dropna() % 1 == 0).all() else series

    def codes(self, table: pd.DataFrame) -> np.ndarray:
        """One column each: numbers as they are (NaN missing), values as codes from 0 (NaN
        missing, one past the last for the others)."""
        out = np.empty((len(table), len(self.columns)))
        for j, name in enumerate(self.columns):
            if name in self.numbers:
                out[:, j] = _as_float(table[name])
            else:
                place = {v: float(i) for i, v in enumerate(self.values[name])}
                text = _as_text(table[name])
                code = text.map(place).fillna(float(len(place))).to_numpy(dtype=float)
                out[:, j] = np.where(text == "", np.nan, code)
        return out

    @property
    def is_value(self) -> np.ndarray:
        """Which columns hold values rather than numbers."""
        return np.array([c in self.values for c in self.columns])

    def design(self, codes: np.ndarray) -> np.ndarray:
        """Columns for a linear model: numbers as hinges between knots, values as indicators."""
        parts: list[np.ndarray] = []
        for j, name in enumerate(self.columns):
            column = codes[:, j]
            lost = np.isnan(column)
            if name in self.numbers:
                knots = self.numbers[name]
                shown = np.where(lost, knots[0], column)
                for a, b in zip(knots[:-1], knots[1:], strict=True):
                    parts.append(np.clip((shown - a) / (b - a), 0, 1))
            else:
                parts += [(column == i).astype(float) for i in range(len(self.values[name]) + 1)]
            parts.append(lost.astype(float))
        return np.column_stack(parts) if parts else np.zeros((len(codes), 0))


def _refuse(series: pd.Series, wrong: np.ndarray, what: str, caller: str) -> None:
    if wrong.any():
        raise InputError(
            f"{caller}(): column {series.name!r} held {what} in the fit; {int(wrong.sum())} row(s) "
            f"do not, first {series[wrong].iloc[0]!r}. Give them as {what}, or missing."
        )


def _is_number(series: pd.Series) -> bool:
    kind = series.dtype
    if pd.api.types.is_bool_dtype(kind):
        return False
    return bool(pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind))


def _as_float(series: pd.Series) -> np.ndarray:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        days = series.to_numpy("datetime64[us]").astype("datetime64[D]")
        return np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(float))
    out = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(out), out, np.nan)


def _as_text(series: pd.Series) -> pd.Series:
    """Values as text, missing ones empty."""
    out = series.astype(object)
    return out.where(out.notna(), "").astype(str).str.strip()


def _knots(values: np.ndarray) -> np.ndarray:
    """Deciles, distinct; two equal ends are moved apart."""
    seen = values[~np.isnan(values)]
    if not len(seen):
        return np.array([0.0, 1.0])
    knots = np.unique(np.quantile(seen, np.linspace(0, 1, 11), method="inverted_cdf"))
    return knots if len(knots) > 1 else np.array([knots[0], knots[0] + 1.0])
