"""Cohorts and life cycle: how many come back, what they bring, who has fallen out of rhythm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from .._calendars.intake import grain_of
from .._frames import (
    Amount,
    Date,
    Key,
    Rows,
    check_freq,
    check_lang,
    check_number,
    one_currency,
    refuse_names,
    resolve_as_of,
    take,
    to_pandas,
    warn,
)
from ..engine.grouping import dense, distinct, first_last
from ..engine.periods import period_end, period_of, period_start
from ..errors import InputError
from .condense import COUNT, added_up, condensed, no_purchase

__all__ = ["cohorts", "lifecycle", "triangle"]

_FREQS = ("D", "W", "M", "Q", "Y")


def cohorts(
    transactions: pd.DataFrame,
    *,
    freq: str = "M",
    week_start: str = "monday",
    year_start: int = 1,
    as_of: Any = None,
    level: float = 0.95,
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Retention and revenue of customers by the period of their first purchase.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; also a Polars, Arrow, DuckDB or Spark frame. Not modified.
    freq : {"M", "D", "W", "Q", "Y"}
        Length of the periods.
    week_start : str, default="monday"
        The weekday on which weeks begin.
    year_start : int, default=1
        First month of the year, for quarters and years.
    as_of : date, optional
        End of observation, that day included. None: the last date in the data.
    level : float, default=0.95
        Coverage of the intervals.
    customer, date, amount : str
        Columns of the customer, the day and the amount. Rows with a negative amount (returns)
        reduce the amount of their period, but are no activity; those before the customer's first
        purchase belong to no age and are left out, with a ``DataWarning``.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a cohort and age, every age that has begun by ``as_of``: ``cohort`` (first day
        of the period), ``age`` (periods since), ``size``, ``active`` (customers who bought),
        ``retention`` with ``retention_lo`` and ``retention_hi`` (Wilson), ``amount``,
        ``cumulative``, ``ltv`` (cumulative amount a customer of the cohort) with ``ltv_lo``
        and ``ltv_hi`` (normal), ``complete`` (whether the period is over), ``as_of``.
        ``attrs["rows"]`` accounts for every row given.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or nobody bought by ``as_of``.

    References
    ----------
    .. [1] R. G. Newcombe, "Two-sided confidence intervals for the single proportion",
       Statistics in Medicine 17 (1998), 857-872, method 3.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": [5.0, 7.0, 9.0],
    ...     "date": pd.to_datetime(["2025-01-06", "2025-01-20", "2025-02-13"])})
    >>> cohorts(orders)[["cohort", "age", "size", "active", "retention", "ltv"]]
          cohort  age  size  active  retention   ltv
    0 2025-01-01    0     2       2        1.0   6.0
    1 2025-01-01    1     2       1        0.5  10.5
    """
    check_freq(freq, caller="cohorts", choices=_FREQS)
    grain = grain_of(freq, week_start, year_start, caller="cohorts")
    check_number(level, "level", caller="cohorts", low=0, high=1, open_low=True, open_high=True)
    one_currency(transactions, (customer,), caller="cohorts", arg="transactions")
    rows = take(
        condensed(transactions, [customer], date=date, amount=amount, unit=1e-6, caller="cohorts"),
        caller="cohorts",
        arg="transactions",
        invalid=invalid,
        customer=Key(customer),
        date=Date(date),
        amount=Amount(amount),
        n=Amount(COUNT, optional=True),
    )
    days, amounts = rows.days("date"), rows["amount"]
    codes, n = rows.keys("customer").codes, len(rows.keys("customer"))
    stamp = resolve_as_of(as_of, days, caller="cohorts")
    until = int(np.datetime64(stamp.to_datetime64(), "D").astype(np.int64))
    bought = (amounts >= 0) & (days <= until)
    if not bought.any():
        raise no_purchase(amounts, until, caller="cohorts")
    first, _ = first_last(codes[bought], days[bought], n)
    keep = (days <= until) & (days >= first[codes])
    weight = rows["n"] if "n" in rows else np.ones(len(days))
    early = int(weight[(days <= until) & ~keep].sum())
    if early:
        warn(
            f"cohorts(): {early} return(s) before the customer's first purchase are left out; "
            "they belong to no age."
        )
    calendar = _Calendar(freq, grain)
    cells = _cells(codes[keep], days[keep], amounts[keep], bought[keep], first, calendar)
    out = _cohort_table(cells, until, calendar, float(ndtri(0.5 + level / 2)), stamp)
    out.attrs["rows"] = {
        "given": int(weight.sum()) + len(rows.dropped),
        "invalid": len(rows.dropped),
        "after_as_of": int(weight[days > until].sum()),
        "returns_before_a_purchase": early,
        "used": int(weight[keep].sum()),
    }
    return out


@dataclass(frozen=True)
class _Calendar:
    """Periods of one length, with the first day of the week and month of the year."""

    freq: str
    grain: dict[str, int]

    def of(self, days: np.ndarray) -> np.ndarray:
        return period_of(days, self.freq, **self.grain)

    def start(self, periods: np.ndarray) -> np.ndarray:
        return period_start(periods, self.freq, **self.grain)

    def end(self, periods: np.ndarray) -> np.ndarray:
        return period_end(periods, self.freq, **self.grain)


@dataclass(frozen=True)
class _Cells:
    """Sums by cohort and age as (cohorts, ages) arrays; ``start`` is the first cohort's period."""

    start: int
    size: np.ndarray
    active: np.ndarray
    amount: np.ndarray
    square: np.ndarray  # sum over customers of the squared cumulative amount


def _cells(
    codes: np.ndarray,
    days: np.ndarray,
    amounts: np.ndarray,
    bought: np.ndarray,
    first: np.ndarray,
    calendar: _Calendar,
) -> _Cells:
    period = calendar.of(days)
    there = np.unique(codes)
    birth = np.zeros(len(first), dtype=np.int64)
    birth[there] = calendar.of(first[there])
    age = period - birth[codes]
    start, ages = int(birth[there].min()), int(age.max()) + 1
    rows = int(birth[there].max()) - start + 1
    # One cell a customer and age: the customer's amount there, and whether anything was bought.
    mine, at = dense(codes * ages + age)
    mine_amount = added_up(at, amounts, len(mine), caller="cohorts")
    mine_active = np.bincount(at, bought) > 0
    who, when = mine // ages, mine % ages
    cell = (birth[who] - start) * ages + when
    shape = (rows, ages)
    grown = _before(who, mine_amount)
    gain = mine_amount**2 + 2 * grown * mine_amount
    return _Cells(
        start,
        np.bincount(birth[there] - start, minlength=rows),
        np.bincount(cell, mine_active, rows * ages).reshape(shape).astype(np.int64),
        added_up(cell, mine_amount, rows * ages, caller="cohorts").reshape(shape),
        np.cumsum(np.bincount(cell, gain, rows * ages).reshape(shape), axis=1),
    )


def _before(who: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Sum of each customer's earlier cells; rows are ordered by customer and age."""
    total = np.cumsum(amount) - amount
    new = np.r_[True, who[1:] != who[:-1]]
    return total - total[np.maximum.accumulate(np.where(new, np.arange(len(who)), 0))]


def _cohort_table(
    cells: _Cells, until: int, calendar: _Calendar, z: float, stamp: pd.Timestamp
) -> pd.DataFrame:
    last = int(calendar.of(np.array([until]))[0])
    periods = cells.start + np.arange(len(cells.size))
    i, age = np.nonzero(
        (cells.size > 0)[:, None] & (periods[:, None] + np.arange(last - cells.start + 1) <= last)
    )
    ages = cells.active.shape[1]
    begun = age < ages
    at = (i, np.minimum(age, ages - 1))
    size = cells.size[i]
    active = np.where(begun, cells.active[at], 0)
    total = np.cumsum(cells.amount, axis=1)[at]
    lo, hi = _wilson(active, size, z)
    ltv = total / size
    variance = cells.square[at] / size - ltv**2
    variance = np.where(variance > 1e-12 * ltv**2, variance, 0.0)  # the rest is rounding
    spread = variance / np.maximum(size - 1, 1)
    half = np.where(size > 1, z * np.sqrt(spread), np.nan)
    ends = calendar.end(periods[i] + age)
    return pd.DataFrame(
        {
            "cohort": _dates(calendar.start(periods[i])),
            "age": age,
            "size": size,
            "active": active,
            "retention": active / size,
            "retention_lo": lo,
            "retention_hi": hi,
            "amount": np.where(begun, cells.amount[at], 0.0),
            "cumulative": total,
            "ltv": ltv,
            "ltv_lo": ltv - half,
            "ltv_hi": ltv + half,
            "complete": ends <= until,
            "as_of": np.full(len(i), stamp.to_datetime64().astype("M8[us]")),
        }
    )


def _dates(days: np.ndarray) -> np.ndarray:
    return days.astype("M8[D]").astype("M8[us]")


def _wilson(k: np.ndarray, n: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    return np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half)


def triangle(result: pd.DataFrame, *, value: str = "retention") -> pd.DataFrame:
    """Cohorts as a wide table: one row a cohort, one column an age.

    Parameters
    ----------
    result : DataFrame
        What :func:`cohorts` returned; one row a cohort and age.
    value : str, default="retention"
        The column to spread: ``"retention"``, ``"active"``, ``"amount"``, ``"cumulative"``,
        ``"ltv"``, ...

    Returns
    -------
    DataFrame
        ``cohort``, ``size``, then a column an age (whole numbers), missing where the age has
        not begun.

    Raises
    ------
    InputError
        A column is missing, or a cohort and age stands twice.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b", "a"], "amount": [5.0, 7.0, 9.0],
    ...     "date": pd.to_datetime(["2025-01-06", "2025-01-20", "2025-02-13"])})
    >>> triangle(cohorts(orders))
          cohort  size    0    1
    0 2025-01-01     2  1.0  0.5
    """
    result = to_pandas(result, caller="triangle", arg="result")
    take(
        result,
        caller="triangle",
        arg="result",
        unique=("cohort", "age"),
        cohort=Date("cohort"),
        age=Amount("age", low=0, whole=True),
        size=Amount("size"),
        value=Amount(value, missing="allow"),
    )
    wide = result.pivot(index="cohort", columns="age", values=value)
    sizes = result.drop_duplicates("cohort").set_index("cohort")["size"]
    wide.insert(0, "size", sizes.reindex(wide.index))
    return wide.rename_axis(columns=None).reset_index()


# --------------------------------------------------------------------------------------
# Life cycle

_STAGES = {
    "new": ("New", "新客"),
    "active": ("Active", "活跃"),
    "reactivated": ("Reactivated", "回流"),
    "slowing": ("Slowing", "放缓"),
    "at_risk": ("At risk", "流失预警"),
    "lost": ("Lost", "流失"),
}


_LIFECYCLE = (
    *("first_date", "last_date", "purchases", "amount", "rhythm", "recency", "overdue"),
    *("p_longer", "stage", "label", "as_of"),
)


def lifecycle(
    transactions: pd.DataFrame,
    *,
    as_of: Any = None,
    limits: tuple[float, float, float] = (0.25, 0.1, 0.05),
    lang: str = "en",
    customer: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Where each customer stands against its own rhythm of buying.

    The logarithms of the days between a customer's purchases are taken as normal, with a mean
    of its own, pulled towards that of all customers where there are few of them, and a spread
    common to all. Where nobody has bought twice there is no rhythm: it is missing, and all are
    ``new``. ``p_longer`` is the chance that a pause lasts as long as the present
    one, if nothing has changed.

    Parameters
    ----------
    transactions : DataFrame
        One row a line or an order; not modified. Several on one day are one purchase; rows
        with a negative amount are none.
    as_of : date, optional
        The day of the analysis, end included. None: the last date in the data.
    limits : three floats, descending, default=(0.25, 0.1, 0.05)
        Below which ``p_longer`` a customer is slowing, at risk, lost.
    lang : {"en", "zh"}
        Language of ``label``.
    customer, date, amount : str
        Columns of the customer, the day and the amount.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a customer, ascending: the customer, ``first_date``, ``last_date``,
        ``purchases`` (days), ``amount``, ``rhythm`` (typical days between purchases),
        ``recency``, ``overdue`` (recency over rhythm), ``p_longer``, ``stage`` (``new``: one
        purchase so far; ``active``; ``reactivated``: back after a pause that looked like a
        loss; ``slowing``; ``at_risk``; ``lost``), ``label``, ``as_of``. ``attrs["rows"]``
        accounts for every row given.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or nobody bought by ``as_of``.

    References
    ----------
    .. [1] B. Efron and C. Morris, "Stein's Estimation Rule and Its Competitors: An Empirical
       Bayes Approach", Journal of the American Statistical Association 68 (1973), 117-130.

    Examples
    --------
    >>> import pandas as pd
    >>> days = ["2025-01-01", "2025-01-11", "2025-01-22", "2025-01-31", "2025-02-10"]
    >>> orders = pd.DataFrame({"customer_id": list("aaaab"), "date": pd.to_datetime(days),
    ...                        "amount": 5.0})
    >>> lifecycle(orders, as_of="2025-06-30")[["customer_id", "purchases", "stage"]]
      customer_id  purchases stage
    0           a          4  lost
    1           b          1  lost
    """
    check_lang(lang, caller="lifecycle")
    _check_limits(limits)
    refuse_names([customer], _LIFECYCLE, caller="lifecycle", option="customer")
    one_currency(transactions, (customer,), caller="lifecycle", arg="transactions")
    rows = take(
        transactions,
        caller="lifecycle",
        arg="transactions",
        invalid=invalid,
        customer=Key(customer),
        date=Date(date),
        amount=Amount(amount),
    )
    days, amounts, keys = rows.days("date"), rows["amount"], rows.keys("customer")
    stamp = resolve_as_of(as_of, days, caller="lifecycle")
    until = int(np.datetime64(stamp.to_datetime64(), "D").astype(np.int64))
    at = (amounts >= 0) & (days <= until)
    if not at.any():
        raise no_purchase(amounts, until, caller="lifecycle")
    who, when = _purchase_days(keys.codes[at], days[at])
    there = np.bincount(who, minlength=len(keys)) > 0
    rhythm = _rhythms(who, when, len(keys))
    first, last = first_last(who, when, len(keys))
    pause = until - last
    p = _longer(pause, rhythm)
    n = np.bincount(who, minlength=len(keys))
    stage = _stage(p, n, rhythm, limits)
    spent = added_up(
        keys.codes[days <= until], amounts[days <= until], len(keys), caller="lifecycle"
    )
    columns = {
        "first_date": _dates(first[there]),
        "last_date": _dates(last[there]),
        "purchases": n[there],
        "amount": spent[there],
        "rhythm": np.exp(rhythm.centre)[there],
        "recency": pause[there],
        "overdue": (pause / np.exp(rhythm.centre))[there],
        "p_longer": p[there],
        "stage": pd.Series(list(_STAGES)).take(stage[there]).reset_index(drop=True),
        "label": pd.Series([v[lang == "zh"] for v in _STAGES.values()])
        .take(stage[there])
        .reset_index(drop=True),
        "as_of": np.full(int(there.sum()), stamp.to_datetime64().astype("M8[us]")),
    }
    out = keys.labels[there].reset_index(drop=True).assign(**columns)
    out.attrs["rows"] = _rows_of_lifecycle(rows, keys.codes, days > until, there)
    return out


def _rows_of_lifecycle(
    rows: Rows, codes: np.ndarray, late: np.ndarray, there: np.ndarray
) -> dict[str, int]:
    """Where the rows given went; customers with returns alone are told of."""
    lost = ~late & ~there[codes]
    if lost.any():
        warn(
            f"lifecycle(): {len(np.unique(codes[lost]))} customer(s) have returns but no purchase "
            f"and are left out ({int(lost.sum())} row(s))."
        )
    return {
        "given": len(codes) + len(rows.dropped),
        "invalid": len(rows.dropped),
        "after_as_of": int(late.sum()),
        "without_a_purchase": int(lost.sum()),
        "used": int((~late & ~lost).sum()),
    }


def _purchase_days(codes: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each customer and day once, ordered: whole numbers are faster sorted than pairs."""
    start = int(days.min(initial=0))
    width = int(days.max(initial=0)) - start + 1
    cells = distinct(codes * width + (days - start))
    return cells // width, cells % width + start


def _check_limits(limits: Any) -> None:
    values = tuple(limits) if isinstance(limits, list | tuple | np.ndarray) else ()
    if len(values) != 3 or not all(0 < b < a < 1 for a, b in zip(values, values[1:], strict=False)):
        raise InputError(
            f"lifecycle(): limits must be three chances, descending, in (0, 1); got {limits!r}."
        )


@dataclass(frozen=True)
class _Rhythm:
    """Log of the typical pause of each customer, spread of one pause, and the last pause."""

    centre: np.ndarray
    spread: np.ndarray
    back: np.ndarray  # log chance that the last completed pause would be as long


def _rhythms(who: np.ndarray, when: np.ndarray, n: int) -> _Rhythm:
    """Own mean of log pauses, pulled to the common one by its weight in variances."""
    same = who[1:] == who[:-1]
    logs = np.log(np.diff(when)[same].astype(np.float64))
    owner = who[1:][same]
    count = np.bincount(owner, minlength=n)
    sums = np.bincount(owner, logs, n)
    means = sums / np.maximum(count, 1)
    several = count > 0
    if not several.any():  # nobody has bought twice: there is no rhythm to judge by
        nothing = np.full(n, np.nan)
        return _Rhythm(nothing, nothing, np.ones(n))
    inside = float(((logs - means[owner]) ** 2).sum()) / max(len(logs) - int(several.sum()), 1)
    inside = max(inside, 0.05)
    # Customers, not pauses, are averaged: frequent buyers would make the common rhythm theirs.
    among = float(np.var(means[several])) - inside * float((1 / count[several]).mean())
    among = max(among, 0.01)
    common = float(np.average(means[several], weights=1 / (among + inside / count[several])))
    pull = count / (count + inside / among)
    centre = pull * means + (1 - pull) * common
    spread = np.sqrt(inside + among * (1 - pull))
    last = np.zeros(n)
    last[owner] = logs  # rows are in order of time: the last one stays
    earlier = np.where(count > 1, (sums - last) / np.maximum(count - 1, 1), common)
    pull_then = (count - 1) / np.maximum(count - 1 + inside / among, 1e-9)
    then = np.where(count > 1, pull_then * earlier + (1 - pull_then) * common, common)
    back = np.where(count > 0, ndtr(-(last - then) / np.sqrt(inside + among)), 1.0)
    return _Rhythm(centre, spread, back)


def _longer(pause: np.ndarray, rhythm: _Rhythm) -> np.ndarray:
    logs = np.log(np.maximum(pause, 0.5).astype(np.float64))
    return np.where(pause <= 0, 1.0, ndtr(-(logs - rhythm.centre) / rhythm.spread))


def _stage(
    p: np.ndarray, n: np.ndarray, rhythm: _Rhythm, limits: tuple[float, float, float]
) -> np.ndarray:
    """Position in the list of stages."""
    names = list(_STAGES)
    fine = np.where(n == 1, names.index("new"), names.index("active"))
    fine = np.where((n > 1) & (rhythm.back < limits[2]), names.index("reactivated"), fine)
    return np.select(
        [p < limits[2], p < limits[1], p < limits[0]],
        [names.index("lost"), names.index("at_risk"), names.index("slowing")],
        fine,
    )
