"""The payout statement and its trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._frames import money
from .job import Job, take_job
from .pay import EARNED, SETTLED, Pay, work
from .plan import CommissionPlan
from .wanted import Columns

__all__ = ["CommissionPlan", "payout", "trace"]


def payout(
    results: pd.DataFrame,
    plan: Any,
    *,
    by: Any,
    step: float = 0.01,
    targets: pd.DataFrame | pd.Series | Mapping[Any, float] | None = None,
    amount: str = "amount",
    date: str = "date",
    period: str = "period",
    target: str = "target",
    target_pay: str = "target_pay",
    quantity: str = "quantity",
    sale_date: str = "sale_date",
    collected_date: str = "collected_date",
    freq: str = "M",
    year_start: int = 1,
    measure: str | None = None,
    invalid: str = "raise",
) -> pd.DataFrame:
    """Pay of every payee and period under a commission plan, exact to the ``step``.

    Parameters
    ----------
    results : DataFrame
        Sales (or collections, margins: whatever is paid for): payee, amount; one row a deal, or
        already summed. With dates (or a ``period`` column: dates, Periods, ``"2025-03"``,
        ``"2025Q1"``, ``202503``, ordered categories, or labels in natural order) pay is by
        period; without, there is one period. Negative amounts are returns and bad debts. Not
        modified.
    plan : CommissionPlan or list of CommissionPlan
        The rules; several with effective dates (``start``, ``end``) that do not overlap.
    by : str or sequence of str
        Who is paid. A column named as ``period`` in it is taken as the period.
    step : float, default=0.01
        Smallest unit of money.
    targets : DataFrame, Series or mapping, optional
        Plan table: payee columns, ``period_start``, ``period_end`` (or ``date``, or ``period``;
        without any the target is that of each period worked, one a payee), ``target``, and
        ``target_pay`` or the multiplier's column where the plan uses them. Periods after the last
        one of the results are not due yet and left aside. Under cumulative plans a target may
        span several periods (a year's, with monthly pay): it is climbed to as a whole from its
        first period on. A Series or mapping has the payee, or payee and period, in its index.
        None: columns of the results are used, one value a payee's period.
        A target of zero where nothing came in (before a ramp begins, after somebody left) pays
        nothing; results need a positive one, of the year or quarter to date if cumulative.
    amount, date, period, target, target_pay, quantity, sale_date, collected_date : str
        Column names.
    freq : {"D", "W", "M", "Q", "Y"}, default="M"
        Pay period of dated results. Weeks are those of ``targets`` where these have whole weeks;
        else they keep the weekday of the results, or start on Monday.
    year_start : int, default=1
        First month of the fiscal year, over which cumulative tiers, gates and caps run.
    measure : str, optional
        Which ``measure`` of the targets counts.
    invalid : {"raise", "drop"}, default="raise"
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row payee × period with results or a target (with a draw, also the periods between a
        payee's first and last of these), ascending: keys, period (start date), ``amount``
        credited, ``target`` (one that spans several periods stands whole in each),
        ``attainment`` (to date, if cumulative); then what makes up the pay, signed:
        ``commission`` (tiers), ``clawback``, ``multiplier``, ``cap``, ``spiff``, ``pool``,
        ``held``, ``released``; ``earned`` (their sum); ``carried``, ``draw``, ``recovered``;
        ``payout`` (all of them); ``balance`` owed at the end.

    Raises
    ------
    InputError
        A column is missing or holds what it must not, a target is missing, amounts are too large
        for whole units, or no plan (or two) is in force in a period.

    Notes
    -----
    Order of the rules: credits, threshold, gate, tiers, clawback, multiplier, cap, SPIFFs, pools,
    collection, draw. All of it in whole numbers of ``step`` and exact fractions of it; rounding
    happens once, at ``round_at``, and once for each further rule that multiplies. Within a
    period, marginal tiers are climbed in the order of date, then amount.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = CommissionPlan([(0, 0.04), (150_000, 0.06), (250_000, 0.08)], base="amount",
    ...                       cumulative=True)
    >>> deals = pd.DataFrame({"rep": ["Li", "Li"], "amount": [145_000.0, 20_000.0],
    ...                       "date": pd.to_datetime(["2025-01-10", "2025-02-10"])})
    >>> payout(deals, plan, by="rep")[["rep", "date", "amount", "payout"]]
      rep       date    amount  payout
    0  Li 2025-01-01  145000.0  5800.0
    1  Li 2025-02-01   20000.0  1100.0
    """
    columns = Columns(amount, date, period, target, target_pay, quantity, sale_date, collected_date)
    job = take_job(
        results, plan, by=by, step=step, targets=targets, columns=columns, freq=freq,
        year_start=year_start, measure=measure, invalid=invalid, caller="payout",
    )  # fmt: skip
    return statement(work(job))


def trace(
    results: pd.DataFrame,
    plan: Any,
    *,
    by: Any,
    step: float = 0.01,
    targets: pd.DataFrame | pd.Series | Mapping[Any, float] | None = None,
    amount: str = "amount",
    date: str = "date",
    period: str = "period",
    target: str = "target",
    target_pay: str = "target_pay",
    quantity: str = "quantity",
    sale_date: str = "sale_date",
    collected_date: str = "collected_date",
    freq: str = "M",
    year_start: int = 1,
    measure: str | None = None,
    invalid: str = "raise",
) -> pd.DataFrame:
    """Why every payment is what it is: one row a rule applied.

    Parameters
    ----------
    results, plan, by, step, targets, freq, year_start, measure, invalid
        As for :func:`payout`.
    amount, date, period, target, target_pay, quantity, sale_date, collected_date : str
        Column names.

    Returns
    -------
    DataFrame
        Keys, period, ``rule`` (``tier 1``, ``tier 2``, ..., ``true-up``, ``clawback``,
        ``multiplier``, ``cap``, ``spiff ...``, ``pool``, ``held``, ``released``, ``carried``,
        ``draw``, ``recovered``), ``row`` (label of the result row, where it is about one),
        ``base`` (amount the rule was applied to), ``rate``, ``pay``. ``pay`` adds up to the
        payout of each payee's period, exactly.

    Raises
    ------
    InputError
        As for :func:`payout`.

    Examples
    --------
    >>> import pandas as pd
    >>> plan = CommissionPlan([(0, 0.10), (5000, 0.12)], base="amount")
    >>> trace(pd.DataFrame({"rep": ["Li"], "amount": [6000.0]}), plan, by="rep")
      rep    rule row    base  rate    pay
    0  Li  tier 1   0  5000.0  0.10  500.0
    1  Li  tier 2   0  1000.0  0.12  120.0
    """
    columns = Columns(amount, date, period, target, target_pay, quantity, sale_date, collected_date)
    job = take_job(
        results, plan, by=by, step=step, targets=targets, columns=columns, freq=freq,
        year_start=year_start, measure=measure, invalid=invalid, caller="trace",
    )  # fmt: skip
    return _trace(work(job, traced=True))


def statement(pay: Pay) -> pd.DataFrame:
    """One row payee × period."""
    job = pay.job
    cells = np.flatnonzero(job.there.reshape(-1))
    out = _keys(job, cells)

    def show(units: np.ndarray) -> np.ndarray:
        return money(units.reshape(-1)[cells], job.step)

    out["amount"] = show(job.grid(job.credit))
    known = job.known.reshape(-1)[cells]
    out["target"] = np.where(known, show(job.aim), np.nan)
    out["attainment"] = pay.attained.reshape(-1)[cells]
    for rule in EARNED:
        out[rule] = show(pay.rules[rule])
    out["earned"] = show(pay.earned)
    for rule in SETTLED:
        out[rule] = show(pay.settled[rule])
    out["payout"] = show(pay.settled["payout"])
    out["balance"] = show(pay.settled["balance"])
    return out


def _keys(job: Job, cells: np.ndarray) -> pd.DataFrame:
    span = job.shape[1]
    out = job.payees.iloc[cells // span].reset_index(drop=True)
    if job.period_name is not None:
        out[job.period_name] = job.period_labels.iloc[cells % span].to_numpy()
        if not pd.api.types.is_datetime64_any_dtype(job.period_labels.dtype):
            out[job.period_name] = out[job.period_name].astype(job.period_labels.dtype)
    return out


def _trace(pay: Pay) -> pd.DataFrame:
    job = pay.job
    unit_pay: list[np.ndarray] = []
    parts: dict[str, list[np.ndarray]] = {k: [] for k in ("cell", "base", "rate", "row", "place")}
    names: list[np.ndarray] = []
    told = {"commission", "clawback", "spiff"}
    for place, piece in enumerate(pay.pieces):
        unit_pay.append(piece.pay)
        names.append(np.full(len(piece.pay), piece.rule, dtype=object))
        for k, v in (("cell", piece.cell), ("base", piece.base), ("rate", piece.rate),
                     ("row", piece.row), ("place", np.full(len(piece.pay), place))):  # fmt: skip
            parts[k].append(np.asarray(v))
    later = {r: pay.rules[r] for r in EARNED if r not in told}
    later |= {r: pay.settled[r] for r in SETTLED}
    for place, (name, grid) in enumerate(later.items(), start=len(pay.pieces)):
        cells = np.flatnonzero(grid.reshape(-1))
        unit_pay.append(grid.reshape(-1)[cells])
        names.append(np.full(len(cells), name, dtype=object))
        parts["cell"].append(cells)
        parts["base"].append(np.full(len(cells), np.nan))
        parts["rate"].append(np.full(len(cells), np.nan))
        parts["row"].append(np.full(len(cells), -1))
        parts["place"].append(np.full(len(cells), place))
    flat = {k: np.concatenate(v) for k, v in parts.items()}
    paid, rule = np.concatenate(unit_pay), np.concatenate(names)
    order = np.lexsort((flat["row"], flat["place"], flat["cell"]))
    out = _keys(job, flat["cell"][order])
    out["rule"] = pd.Series(rule[order], dtype="str")
    out["row"] = _labels(job, flat["row"][order])
    out["base"] = np.round(flat["base"][order] * job.step, 10)
    out["rate"] = flat["rate"][order]
    out["pay"] = money(paid[order], job.step)
    return out


def _labels(job: Job, credit: np.ndarray) -> pd.Series:
    """Index label of the result row of each credit; missing where there is none."""
    index = np.asarray(job.rows.index, dtype=object)
    source = job.source[np.maximum(credit, 0)] if len(job.source) else np.zeros(len(credit), int)
    out = index[source]
    out[credit < 0] = None
    return pd.Series(out, dtype=object)
