"""Who gets how much, for what; and what tax makes of a year-end bonus."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    check_names,
    check_number,
    check_series,
    money,
    refuse_names,
    take,
    to_pandas,
    units,
)
from ..errors import InputError

__all__ = ["bonus_tax", "fairness", "gini"]


def gini(x: np.ndarray, *, corrected: bool = False) -> float:
    """Gini coefficient of values >= 0; ``corrected`` by n / (n - 1)."""
    ordered = np.sort(x)
    n = len(ordered)
    total = ordered.sum()
    if n == 0 or total <= 0:
        return float("nan")
    share = float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))
    if corrected:
        return share * n / (n - 1) if n > 1 else float("nan")
    return share


def fairness(
    payouts: pd.DataFrame | pd.Series,
    *,
    by: str | Sequence[str] | None = None,
    pay: str = "payout",
    performance: str | None = None,
    base_pay: str | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """How evenly a plan pays, and whether it pays for performance.

    Parameters
    ----------
    payouts : DataFrame or Series
        Pay by payee (and period), as from :func:`payout`; or pay alone. Not modified.
    by : str or sequence of str, optional
        Payee columns; rows of one payee are summed (performance is averaged). None: the payees
        of a statement that :func:`payout` made; in any other frame each row is a payee.
    pay : str, default="payout"
        Column of variable pay.
    performance : str, optional
        What pay should follow; None: ``attainment`` if it is there and known, else ``amount``.
    base_pay : str, optional
        Column of fixed pay, for the pay mix.
    group : str, optional
        Column (team, region) by which to report as well.

    Returns
    -------
    DataFrame
        ``group`` (where asked: its value, and ``"all"``), ``metric``, ``value``: ``payees``,
        ``mean_pay``, ``median_pay``, ``gini`` (0: all the same), ``gini_corrected`` (by
        n / (n - 1)), ``top_10_share`` (of pay that goes to the top tenth), ``p90_p10``,
        ``slope`` (pay for one more unit of performance), ``r2``, ``rank_correlation``
        (Spearman), ``variable_share`` (with ``base_pay``). Negative pay counts as zero in the
        Gini and in shares.

    Raises
    ------
    InputError
        A column is missing or holds no numbers.

    References
    ----------
    .. [1] C. Damgaard and J. Weiner, "Describing inequality in plant size or fecundity",
       Ecology 81 (2000), 1139-1142.

    Examples
    --------
    >>> import pandas as pd
    >>> out = fairness(pd.DataFrame({"payout": [541, 1463, 2445, 3438, 4437, 5401, 6392, 8304,
    ...                                         11904, 22261]})).set_index("metric")["value"]
    >>> out[["gini", "gini_corrected"]].round(7).tolist()
    [0.4620911, 0.5134346]
    """
    caller = "fairness"
    given = payouts.to_frame(pay) if isinstance(payouts, pd.Series) else payouts
    frame = to_pandas(given, caller=caller, arg="payouts")
    names = check_names(_payees(frame) if by is None else by, "by", caller=caller)
    measure = performance if performance is not None else _performance(frame)
    roles: dict[str, Any] = {"pay": Amount(pay)}
    if measure is not None:
        roles["measure"] = Amount(measure, missing="allow")
    if base_pay is not None:
        roles["base"] = Amount(base_pay, low=0)
    groups = [] if group is None else [group]
    refuse_names(groups, ("metric", "value"), caller=caller, option="group")
    rows = take(frame, caller=caller, arg="payouts", by=list(dict.fromkeys([*names, *groups])),
                **roles)  # fmt: skip
    table = rows.frame[list(dict.fromkeys([*names, *groups]))].reset_index(drop=True)
    for column, option in (("_pay", "pay"), ("_measure", "measure"), ("_base", "base")):
        table[column] = rows.values.get(option, np.nan)
    if names:
        how = {"_pay": "sum", "_measure": "mean", "_base": lambda s: s.sum(min_count=1)}
        kept = list(dict.fromkeys([*names, *groups]))
        table = table.groupby(kept, sort=True, observed=True).agg(how).reset_index()
    if group is None:
        return _inequality(table)
    parts = [("all", table), *table.groupby(group, sort=True, observed=True)]
    out = [_inequality(part).assign(**{group: str(name)}) for name, part in parts]
    return pd.concat(out, ignore_index=True)[[group, "metric", "value"]]


def _payees(frame: pd.DataFrame) -> list[str] | None:
    """Payee columns of a statement with periods; None for any other frame."""
    if not {"amount", "commission", "earned", "payout", "balance"} <= set(frame.columns):
        return None
    lead = list(frame.columns[: list(frame.columns).index("amount")])
    dated = [
        c
        for c in lead
        if c in ("date", "period")
        or isinstance(frame[c].dtype, pd.PeriodDtype)
        or pd.api.types.is_datetime64_any_dtype(frame[c].dtype)
    ]
    return [c for c in lead if c not in dated] if dated else None


def _performance(frame: pd.DataFrame) -> str | None:
    for name in ("attainment", "amount"):
        if name in frame.columns and frame[name].notna().any():
            return name
    return None


def _inequality(table: pd.DataFrame) -> pd.DataFrame:
    table = table.sort_values(["_pay", "_measure", "_base"])  # sums that no row order moves
    pay = table["_pay"].to_numpy(np.float64)
    level = np.maximum(pay, 0)
    ordered = np.sort(level)[::-1]
    total = ordered.sum()
    tenth = max(1, int(np.ceil(len(pay) / 10)))
    p90, p10 = np.quantile(level, [0.9, 0.1])
    values = {
        "payees": float(len(pay)),
        "mean_pay": float(pay.mean()),
        "median_pay": float(np.median(pay)),
        "gini": gini(level),
        "gini_corrected": gini(level, corrected=True),
        "top_10_share": float(ordered[:tenth].sum() / total) if total > 0 else np.nan,
        "p90_p10": float(p90 / p10) if p10 > 0 else np.nan,
        **_follows(pay, table["_measure"].to_numpy(np.float64)),
    }
    base = table["_base"].to_numpy(np.float64)
    if not np.isnan(base).all():
        values["variable_share"] = float(pay.sum() / (pay.sum() + np.nansum(base)))
    return pd.DataFrame({"metric": pd.Series(list(values), dtype="str"), "value": values.values()})


def _follows(pay: np.ndarray, measure: np.ndarray) -> dict[str, float]:
    """Least squares of pay on performance, and the rank correlation."""
    known = ~np.isnan(measure)
    x, y = measure[known], pay[known]
    if len(x) < 2 or np.ptp(x) == 0:
        return {"slope": np.nan, "r2": np.nan, "rank_correlation": np.nan}
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    spread = float(dy @ dy)
    r2 = float((dx @ dy) ** 2 / (dx @ dx) / spread) if spread > 0 else np.nan
    ranks = [pd.Series(v).rank().to_numpy() for v in (x, y)]
    rank = float(np.corrcoef(*ranks)[0, 1]) if spread > 0 else np.nan
    return {"slope": slope, "r2": r2, "rank_correlation": rank}


# --------------------------------------------------------------------------------------
# Year-end bonus

# Monthly table of the comprehensive income tax: upper end (yuan), rate, quick deduction.
_MONTHLY = (
    (3_000, 3, 0),
    (12_000, 10, 210),
    (25_000, 20, 1_410),
    (35_000, 25, 2_660),
    (55_000, 30, 4_410),
    (80_000, 35, 7_160),
    (None, 45, 15_160),
)


def bonus_tax(
    bonus: pd.Series | float | Sequence[float], *, taxable_income: pd.Series | float | None = None
) -> pd.DataFrame:
    """Tax on a year-end bonus (年终奖) taken as a lump sum, and the cliffs in it.

    A twelfth of the bonus picks the rate from the monthly table, which then applies to the whole
    bonus less one quick deduction: just above each edge one more yuan costs thousands.

    Parameters
    ----------
    bonus : Series, number or sequence of numbers
        Bonuses before tax in yuan, >= 0; the index of a Series is kept.
    taxable_income : Series or float, optional
        The year's other taxable income (after all deductions), to compare with taxing the bonus
        together with it (并入综合所得).

    Returns
    -------
    DataFrame
        ``bonus``, ``rate``, ``tax``, ``net``, ``in_cliff`` (a smaller bonus would leave as
        much or more), ``better_bonus`` (the smaller bonus that leaves most, or the bonus itself),
        ``cliff_end`` (bonus from which on it pays again; NaN outside); with ``taxable_income``
        also ``tax_together`` and ``cheaper`` (``lump_sum``, ``together``).

    Raises
    ------
    InputError
        Bonuses are missing or negative.

    References
    ----------
    .. [1] Individual income tax of the People's Republic of China, notices 财税〔2018〕164号 and
       财政部 税务总局公告2023年第30号, in force until 2027-12-31. For residents, one bonus a year.

    Examples
    --------
    >>> import pandas as pd
    >>> bonus_tax(pd.Series([36_000, 36_001, 38_600]))[["tax", "net", "in_cliff", "cliff_end"]]
          tax      net  in_cliff  cliff_end
    0  1080.0  34920.0     False        NaN
    1  3390.1  32610.9      True   38566.67
    2  3650.0  34950.0     False        NaN
    """
    caller = "bonus_tax"
    plain = isinstance(bonus, Real | list | tuple | np.ndarray) and not isinstance(bonus, bool)
    given = pd.Series(np.atleast_1d(np.asarray(bonus))) if plain else bonus
    values = check_series(given, "bonus", caller=caller, low=0, unique=False)
    cents = units(values.to_numpy(np.float64), 0.01, name="bonus", caller=caller)
    tax, rate = _lump_sum(cents)
    net = cents - tax
    better, end = cents.copy(), np.full(len(cents), np.nan)
    for edge, _, _ in _MONTHLY[:-1]:
        assert edge is not None
        start = edge * 12 * 100
        kept = start - int(_lump_sum(np.array([start]))[0][0])
        inside = (cents > start) & (net <= kept)
        better[inside] = start
        end[inside] = _pays_again(start, kept) / 100
    out = pd.DataFrame(
        {
            "bonus": money(cents, 0.01),
            "rate": rate,
            "tax": money(tax, 0.01),
            "net": money(net, 0.01),
            "in_cliff": better < cents,
            "better_bonus": money(better, 0.01),
            "cliff_end": end,
        },
        index=values.index,
    )
    if taxable_income is not None:
        other = _income(taxable_income, values, caller=caller)
        together = _yearly(other + cents) - _yearly(other)
        out["tax_together"] = money(together, 0.01)
        word = np.where(together < tax, "together", "lump_sum")
        out["cheaper"] = pd.Series(word, index=values.index, dtype="str")
    return out


def _lump_sum(cents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tax in cents (half up) and rate."""
    edges = np.array([e * 12 * 100 for e, _, _ in _MONTHLY if e is not None])
    tier = np.searchsorted(edges, cents, side="left")
    percent = np.array([r for _, r, _ in _MONTHLY])[tier]
    quick = np.array([q for _, _, q in _MONTHLY])[tier] * 100
    return (cents * percent + 50) // 100 - quick, percent / 100


def _pays_again(start: int, kept: int) -> int:
    """First cent from which a bonus beyond ``start`` leaves more than it."""
    low, high = start, start * 2
    while high - low > 1:
        middle = (low + high) // 2
        net = middle - int(_lump_sum(np.array([middle]))[0][0])
        low, high = (middle, high) if net <= kept else (low, middle)
    return low


def _yearly(cents: np.ndarray) -> np.ndarray:
    """Tax in cents on a year's taxable income."""
    edges = np.array([e * 12 * 100 for e, _, _ in _MONTHLY if e is not None])
    tier = np.searchsorted(edges, cents, side="left")
    percent = np.array([r for _, r, _ in _MONTHLY])[tier]
    quick = np.array([q for _, _, q in _MONTHLY])[tier] * 1200
    return np.maximum((cents * percent + 50) // 100 - quick, 0)


def _income(given: Any, values: pd.Series, *, caller: str) -> np.ndarray:
    if isinstance(given, pd.Series):
        series = check_series(given, "taxable_income", caller=caller, low=0, unique=False)
        if len(series) != len(values) or not series.index.equals(values.index):
            raise InputError(f"{caller}(): taxable_income must have the index of bonus.")
        raw = series.to_numpy(np.float64)
    else:
        level = check_number(given, "taxable_income", caller=caller, low=0)
        raw = np.full(len(values), level)
    return units(raw, 0.01, name="taxable_income", caller=caller)
