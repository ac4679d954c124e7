"""Stage events as arrays: deal codes, times, stage codes, and what is known at ``as_of``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from .. import _frames as door
from .._frames import Date, Key, Keys, Rows, as_dates, check_names, check_number, take, warn
from ..errors import InputError

__all__ = [
    "DAY",
    "Stream",
    "date_list",
    "known_groups",
    "labels_of",
    "microseconds",
    "read_events",
    "refuse_names",
    "stage_list",
    "tell_misspelt",
]

DAY = 86_400_000_000


@dataclass(slots=True)
class Stream:
    """Events up to the horizon: ``unit`` (deal), ``time`` (us), ``rows`` (their frame)."""

    rows: Rows
    unit: np.ndarray
    time: np.ndarray
    kept: np.ndarray | None
    labels: pd.Series
    horizon: int
    as_of: pd.Timestamp

    def now(self) -> int:
        """Until when a stay that goes on counts: whole days where events have no clock times."""
        end = self.horizon % DAY == DAY - 1
        return self.horizon - DAY + 1 if end and _are_dates(self.time) else self.horizon

    def stages(self, wanted: Sequence[Hashable]) -> np.ndarray:
        """Position of each event's stage in ``wanted``; -1 for other stages."""
        codes = _positions(self.rows.series("stage"), wanted)
        return codes if self.kept is None else codes[self.kept]

    def groups(self) -> tuple[np.ndarray, pd.DataFrame]:
        """One group a deal, that of its earliest event (ties: the smaller label)."""
        names = [o for o in self.rows.columns if o.startswith("by")]
        if not names:
            return np.zeros(len(self.labels), dtype=np.int64), pd.DataFrame(index=[0])
        codes, labels = known_groups(self.rows.keys(*names), self.kept)
        order = np.lexsort((codes, self.time, self.unit))
        first = order[np.append(True, np.diff(self.unit[order]) != 0)] if len(order) else order
        out = np.zeros(len(self.labels), dtype=np.int64)
        out[self.unit[first]] = codes[first]
        return out, labels


def known_groups(keys: Keys, kept: np.ndarray | None) -> tuple[np.ndarray, pd.DataFrame]:
    """Codes and labels of the groups that the kept rows have."""
    if kept is None or len(kept) == len(keys.codes):
        return keys.codes, keys.labels
    there, codes = np.unique(keys.codes[kept], return_inverse=True)
    return codes.reshape(-1), keys.labels.iloc[there].reset_index(drop=True)


def read_events(
    events: Any,
    *,
    caller: str,
    deal: str = "deal_id",
    stage: str = "stage",
    entered: str = "entered_at",
    by: Any = None,
    as_of: object = None,
    invalid: str = "raise",
    **roles: Any,
) -> Stream:
    """Check ``events`` and cut them at ``as_of`` (a date: until its end)."""
    rows = take(
        events,
        caller=caller,
        arg="events",
        invalid=invalid,
        by=by,
        deal=Key(deal),
        stage=Key(stage),
        entered=Date(entered),
        **roles,
    )
    time = rows["entered"].astype("datetime64[us]", copy=False).view(np.int64)
    horizon, day = _horizon(as_of, time, caller)
    unit, labels = _deal_codes(rows)
    kept = None
    if as_of is not None and (late := time > horizon).any():
        kept = np.flatnonzero(~late)
        unit, time = unit[kept], time[kept]
        if not len(kept):
            raise InputError(f"{caller}(): every event is later than as_of={day.date()}.")
    return Stream(rows, unit, time, kept, labels, horizon, day)


def _horizon(as_of: object, time: np.ndarray, caller: str) -> tuple[int, pd.Timestamp]:
    """The last known microsecond, and the day it lies on."""
    if as_of is None:
        last = int(time.max())
        whole = last % DAY == 0 and _are_dates(time)  # the same as if that day were given
        return (last + DAY - 1 if whole else last), _stamp(last)
    if isinstance(as_of, bool | int | float):
        raise InputError(f"{caller}(): as_of must be a date, got {as_of!r}.")
    when = int(as_dates([as_of], name="as_of", caller=caller, last=True).astype(np.int64)[0])
    return (when if when % DAY else when + DAY - 1), _stamp(when)


def _are_dates(time: np.ndarray) -> bool:
    """Whether no event has a clock time."""
    return not (time[:1000] % DAY).any() and not (time % DAY).any()


def _stamp(time: int) -> pd.Timestamp:
    """The day of a time, in the unit of all dates of a result."""
    return pd.Timestamp(np.datetime64(time // DAY, "D")).as_unit("us")


def _deal_codes(rows: Rows) -> tuple[np.ndarray, pd.Series]:
    """Codes of deals, ascending in label; dense integer ids are their own codes."""
    series = rows.series("deal")
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu":
        ids = series.to_numpy()
        low, high = int(ids.min()), int(ids.max())
        if high - low <= 4 * len(ids) + 1000:
            labels = pd.Series(np.arange(low, high + 1, dtype=ids.dtype), name=series.name)
            if low:
                ids = ids - np.asarray(low, ids.dtype)
            return ids.astype(np.int64, copy=False), labels
    keys = rows.keys("deal")
    return keys.codes, keys.labels.iloc[:, 0]


def _positions(series: pd.Series, wanted: Sequence[Hashable]) -> np.ndarray:
    if isinstance(series.dtype, pd.CategoricalDtype):
        of_category = _positions(pd.Series(series.cat.categories), wanted)
        return np.append(of_category, -1)[series.cat.codes.to_numpy()]
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu":
        return _integer_positions(series.to_numpy(), wanted)
    if len(series) < 1000:
        place = {s: i for i, s in enumerate(wanted)}
        return np.array([place.get(s, -1) for s in series], dtype=np.int64)
    codes, uniques = pd.factorize(series)
    place = {s: i for i, s in enumerate(wanted)}
    return np.array([place.get(s, -1) for s in uniques], dtype=np.int64)[codes]


def _integer_positions(values: np.ndarray, wanted: Sequence[Hashable]) -> np.ndarray:
    named = {
        int(s): i
        for i, s in enumerate(wanted)
        if isinstance(s, int | np.integer) and not isinstance(s, bool)
    }
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    if high - low < 1000:
        table = np.array([named.get(v, -1) for v in range(low, high + 1)], dtype=np.int8)
        return table[values - np.asarray(low, values.dtype)]
    out = np.full(len(values), -1, dtype=np.int8)
    for stage, i in named.items():
        out[values == stage] = i
    return out


def stage_list(stages: Any, *, name: str, caller: str, least: int = 1) -> list[Hashable]:
    """Stage names as a list; a single name is one stage."""
    if stages is None:
        return []
    if isinstance(stages, str) or not hasattr(stages, "__iter__"):
        stages = [stages]
    out = list(stages)
    if len(out) < least:
        raise InputError(f"{caller}(): {name} must name at least {least} stage(s), got {out!r}.")
    if any(pd.api.types.is_list_like(s) or pd.isna(s) for s in out):
        raise InputError(f"{caller}(): {name} must be a flat list of stage names, got {out!r}.")
    return out


def check_share(value: Any, name: str, *, caller: str) -> float:
    """``value`` strictly between 0 and 1."""
    return check_number(value, name, caller=caller, low=0, high=1, open_low=True, open_high=True)


def refuse_names(names: Any, taken: Sequence[str], *, caller: str, option: str = "by") -> None:
    """Key columns must not bear the name of a result's column."""
    door.refuse_names(
        check_names(names, option, caller=caller), taken, caller=caller, option=option
    )


def labels_of(stream: Stream, codes: np.ndarray, names: Sequence[Hashable], caller: str) -> None:
    """At least one of the stages must occur: otherwise the names are wrong."""
    if (codes >= 0).any():
        return
    there = {str(s): s for s in stream.rows.series("stage").drop_duplicates().head(50)}
    close = difflib.get_close_matches(str(names[0]), list(there), n=1)
    hint = f" Did you mean {_shown(there[close[0]])}?" if close else ""
    raise InputError(
        f"{caller}(): stages {list(names)!r} do not occur in events.{hint} "
        f"There are: {', '.join(_shown(there[s]) for s in sorted(there)[:12])}."
    )


def _shown(stage: Hashable) -> str:
    """As one would write it: 1 and '1' are two stages."""
    return repr(stage.item() if isinstance(stage, np.generic) else stage)


def date_list(dates: Any, *, caller: str) -> np.ndarray:
    """Days that were asked for; a single one is a list of one."""
    if isinstance(dates, str | date | np.datetime64 | pd.Period):
        dates = [dates]
    if not isinstance(dates, Iterable) or isinstance(dates, Mapping):
        raise InputError(f"{caller}(): dates must be a list of dates, got {type(dates).__name__}.")
    out = list(dates)
    if not out:
        raise InputError(f"{caller}(): dates is empty; give at least one.")
    return as_dates(out, name="dates", caller=caller, last=True)


def tell_misspelt(
    there: Iterable[Hashable], named: Mapping[str, Iterable[Hashable]], *, caller: str
) -> None:
    """Warn of named stages (by option) that never occur while one that looks like them does.

    A stage that nobody has entered yet is no mistake: zeros are the answer.
    """
    known = {s: str(s) for s in there}
    asked = {s for names in named.values() for s in names}
    free = {_plain(text): text for s, text in known.items() if s not in asked}
    told = []
    for option, names in named.items():
        for s in dict.fromkeys(names):
            if s in known:
                continue
            name = _plain(str(s))
            alike = 0.85 if name.isascii() else 0.7  # one of four characters (商机确认, 商机确定)
            near = difflib.get_close_matches(name, free, n=1, cutoff=alike)
            if near and _digits(near[0]) == _digits(str(s)):  # "stage 2" is not "stage 3"
                told.append(f"{s!r} in {option} (did you mean {free[near[0]]!r}?)")
    if told:
        warn(
            f"{caller}(): no event is in {len(told)} stage(s) that were named: "
            f"{', '.join(told[:5])}; nobody is counted there."
        )


def _plain(text: str) -> str:
    return text.strip().casefold()


def _digits(text: str) -> list[str]:
    return [c for c in text if c.isdigit()]


def microseconds(value: Any, *, name: str, caller: str) -> int:
    """A time span (Timedelta, timedelta, or text such as ``"7D"``) in whole microseconds."""
    wrong = InputError(
        f'{caller}(): {name} must be a Timedelta such as pd.Timedelta("7D"), got {value!r}.'
    )
    bare = isinstance(value, Number | np.bool_) and not isinstance(value, np.timedelta64)
    if isinstance(value, str):
        value = re.sub(r"(?<=[\d\s])[dw]$", lambda unit: unit[0].upper(), value.strip())
        bare = value.lstrip("+-").isdigit()
    if bare:  # pandas would read nanoseconds
        raise wrong
    try:
        span = pd.Timedelta(value)
    except (ValueError, TypeError):
        raise wrong from None
    if pd.isna(span) or span < pd.Timedelta(0):
        raise InputError(f"{caller}(): {name} must be a time span of at least 0, got {value!r}.")
    return int(span.to_timedelta64().astype("timedelta64[us]").astype(np.int64))
