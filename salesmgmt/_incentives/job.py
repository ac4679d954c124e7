"""Results and targets as arrays: who is credited with what, in which period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    AsIs,
    Date,
    Key,
    Role,
    Rows,
    check_column,
    check_freq,
    check_int,
    check_names,
    factorise,
    one_currency,
    refuse_names,
    same_currency,
    stack_keys,
    take,
    to_pandas,
    units,
)
from .._period_labels import in_time, start_of
from ..engine.periods import fiscal_year, period_of, period_start, week_anchor
from ..engine.tiers import exact, round_div
from ..engine.units import as_written
from ..errors import InputError
from .plan import PER_CENT, CommissionPlan, fraction
from .wanted import Columns, Wanted

__all__ = ["Job"]

#: Columns of results: no key may have their names.
_STATEMENT = (
    "amount",
    "target",
    "attainment",
    "commission",
    "clawback",
    "multiplier",
    "cap",
    "spiff",
    "pool",
    "held",
    "released",
    "earned",
    "carried",
    "recovered",
    "payout",
    "balance",
    "rule",
    "row",
    "base",
    "rate",
    "pay",
)


@dataclass
class Job:
    """Everything a plan is applied to, in units of ``step`` and codes.

    Grids have the shape (payees, periods); rows are credits: a result row credited to one payee.
    """

    caller: str
    step: float
    plans: list[CommissionPlan]
    plan_of: np.ndarray  # plan number of each period, -1 where none is in force
    payees: pd.DataFrame
    period_name: str | None
    period_labels: Any
    year: np.ndarray
    quarter: np.ndarray | None  # number of each period's fiscal quarter, where it tells one
    rows: Rows
    source: np.ndarray  # result row of each credit
    cell: np.ndarray
    time: np.ndarray
    credit: np.ndarray
    role: np.ndarray  # 0 the row's own payee, -1 one who shares it, 1.. overlays
    origin: np.ndarray | None  # cell of the original sale of a return, -1 elsewhere
    collected: np.ndarray | None  # period of collection, P if there is none yet
    there: np.ndarray
    target: np.ndarray  # a target of several periods stands in the first of them
    aim: np.ndarray  # that of each cell's whole span
    known: np.ndarray  # cells with a target
    target_pay: np.ndarray | None
    multiplier: np.ndarray | None  # whole numbers over multiplier_scale
    multiplier_scale: int = 1
    pot: tuple[str, ...] = ("team",)  # what tells pools apart
    wide: bool = False  # some targets span several periods

    @property
    def shape(self) -> tuple[int, int]:
        return self.there.shape  # type: ignore[return-value]

    def grid(self, values: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
        """Sum of credit rows by cell, exact, (payees, periods)."""
        cell = self.cell if where is None else self.cell[where]
        out = np.zeros(self.there.size, dtype=values.dtype)
        np.add.at(out, cell, values if where is None else values[where])
        return out.reshape(self.shape)


def check_plans(plan: Any, *, caller: str) -> list[CommissionPlan]:
    """One plan or several with effective dates."""
    plans = [plan] if isinstance(plan, CommissionPlan) else plan
    ok = isinstance(plans, Sequence) and plans and all(isinstance(p, CommissionPlan) for p in plans)
    if not ok:
        raise InputError(f"{caller}(): plan must be a CommissionPlan, or a list of them.")
    first = plans[0]
    for other in plans[1:]:
        if (other.splits, other.overlays) != (first.splits, first.overlays):
            raise InputError(f"{caller}(): plans of one call must share splits and overlays.")
    back = any(p.clawback_rule["basis"] == "original" for p in plans)
    if back and any("row" in p.caps for p in plans):
        raise InputError(f"{caller}(): a cap by row and clawback='original' do not go together.")
    return list(plans)


def _check_named(columns: Columns, results: pd.DataFrame, targets: Any, *, caller: str) -> None:
    """A column that is named must be somewhere: without its dates all results are one period."""
    there = {*results.columns}
    if not isinstance(targets, pd.Series | Mapping | None):
        there |= {*to_pandas(targets, caller=caller, arg="targets").columns}
    for option in fields(columns):
        name = getattr(columns, option.name)
        check_column(name, option.name, caller=caller)
        if name != option.default and name not in there and option.name != "target":
            where = "samples" if caller == "simulate_payout" else "results"
            where += "" if targets is None else " nor in targets"
            raise InputError(
                f"{caller}(): no column {name!r} in {where}, which {option.name}= names; "
                f"there are: {', '.join(map(repr, results.columns))}."
            )


def take_job(
    results: Any,
    plan: Any,
    *,
    by: Any,
    step: float,
    targets: Any,
    columns: Columns,
    freq: str,
    year_start: int,
    measure: str | None,
    invalid: str,
    caller: str,
) -> Job:
    """Check results and targets and lay them out."""
    plans = check_plans(plan, caller=caller)
    check_freq(freq, caller=caller, choices=("D", "W", "M", "Q", "Y"))
    check_int(year_start, "year_start", caller=caller, low=1, high=12)
    names = check_names(by, "by", caller=caller)
    frame = to_pandas(results, caller=caller, arg="results")
    check_column(columns.period, "period", caller=caller)
    _check_named(columns, frame, targets, caller=caller)
    if columns.period in names:
        names = [n for n in names if n != columns.period]
    if not names:
        raise InputError(f"{caller}(): by must name who is paid.")
    taken = _STATEMENT if caller == "simulate_payout" else (*_STATEMENT, "draw")
    refuse_names(names, taken, caller=caller, option="by")
    one_currency(frame, names, caller=caller, arg="results")
    if not isinstance(targets, pd.Series | Mapping):
        same_currency({"results": frame, "targets": targets}, names, caller=caller)
    rows = take(
        frame, caller=caller, arg="results", invalid=invalid, by=names, **_roles(plans, columns)
    )
    wanted = Wanted.of(targets, rows, plans, names, columns, measure, year_start, caller=caller)
    cumulative = all(p.cumulative for p in plans)
    clock = _Clock.of(rows, wanted, freq, year_start, wide=cumulative, caller=caller)
    _check_quarters(plans, clock, caller=caller)
    amount = units(rows["amount"], step, name=columns.amount, caller=caller)
    source, payee, credit, role = _credits(rows, plans[0], names, amount, caller=caller)
    frames = [payee] if wanted is None else [payee, wanted.payee]
    both = stack_keys(frames, names, caller=caller, args=("results", "targets"))
    keys = factorise(both, names)
    codes = keys.codes[: len(payee)]
    span = len(clock.periods)
    at = clock.rows[source] if len(clock.rows) else np.zeros(len(source), dtype=np.int64)
    plan_of = _plan_of(plans, clock, caller=caller)
    job = Job(
        caller=caller,
        step=step,
        plans=plans,
        plan_of=plan_of,
        payees=_of_dtypes(keys.labels, rows.frame.dtypes),
        period_name=clock.name,
        period_labels=clock.labels,
        year=clock.year,
        quarter=clock.quarter,
        rows=rows,
        source=source,
        cell=codes * span + at,
        time=rows["date"].astype(np.int64)[source] if "date" in rows else at,
        credit=credit,
        role=role,
        origin=_origin(rows, source, codes, clock, credit, at, plans, plan_of, caller=caller),
        collected=_collected(rows, source, clock),
        there=np.zeros((len(keys), span), dtype=bool),
        target=np.zeros((len(keys), span), dtype=np.int64),
        aim=np.zeros((len(keys), span), dtype=np.int64),
        known=np.zeros((len(keys), span), dtype=bool),
        target_pay=None,
        multiplier=None,
    )
    job.there.reshape(-1)[job.cell] = True
    _fill_targets(job, wanted, keys.codes[len(payee) :], clock, columns, caller=caller)
    return job


def _of_dtypes(labels: pd.DataFrame, dtypes: Any) -> pd.DataFrame:
    """Payees in the dtypes they came in, where no one is lost by it."""
    out = labels.copy()
    for name in labels.columns:
        try:
            same = labels[name].astype(dtypes[name])
        except (TypeError, ValueError):
            continue
        if not same.isna().any():
            out[name] = same
    return out


def _roles(plans: list[CommissionPlan], columns: Columns) -> dict[str, Any]:
    """What the plans read from the results."""
    roles: dict[str, Role] = {
        "amount": Amount(columns.amount),
        "date": Date(columns.date, optional=True),
        "period": Key(columns.period, optional=True),
        "target": Amount(columns.target, optional=True, missing="allow"),
    }
    for p in plans:
        if p.pays == "target_pay" or "target_pay" in p.caps:
            roles["target_pay"] = Amount(columns.target_pay, optional=True, missing="allow")
        if p.multiplier is not None:
            roles["multiplier"] = Amount(p.multiplier, optional=True, missing="allow", low=0)
        if isinstance(p.splits, str):
            roles["split"] = Amount(p.splits, option="", low=0, high=1)
            roles["order"] = Key("order_id", optional=True, missing="allow")
        for shares in (p.splits, p.overlays):
            if isinstance(shares, Mapping):
                roles |= {f"payee {c}": Key(c, option="", missing="allow") for c in shares}
        if p.pool is not None:
            roles["team"] = Key(p.pool["by"], option="")
        for s in p.spiffs:
            roles |= {f"where {c}": AsIs(c, option="") for c in s.get("where", {})}
            if s.get("per") == "unit":
                roles["quantity"] = Amount(columns.quantity)
            if "start" in s or "end" in s:
                roles["date"] = Date(columns.date)
        if p.clawback_rule["basis"] == "original":
            roles["date"] = Date(columns.date)
            roles["sale_date"] = Date(columns.sale_date, missing="allow")
        if p.pay_on == "collection":
            roles["date"] = Date(columns.date)
            roles["collected_date"] = Date(columns.collected_date, missing="allow")
    return roles


# --------------------------------------------------------------------------------------
# Periods


@dataclass
class _Clock:
    """Periods in order: numbers, labels, fiscal years, and the period of each result row."""

    periods: np.ndarray
    rows: np.ndarray
    name: str | None
    labels: Any
    year: np.ndarray
    freq: str
    week: int
    year_start: int
    quarter: np.ndarray | None = None

    @staticmethod
    def of(
        rows: Rows, wanted: Wanted | None, freq: str, year_start: int, *, wide: bool, caller: str
    ) -> _Clock:
        if "period" in rows:
            return _Clock._labelled(rows, wanted, year_start)
        if "date" not in rows:
            one = np.zeros(1, dtype=np.int64)
            none = np.zeros(len(rows), dtype=np.int64)
            return _Clock(one, none, None, None, one, freq, 0, year_start, one)
        days = rows.days("date")
        week = _week_of(days, wanted) if freq == "W" else 0
        options: dict[str, Any] = {"week_start": week, "year_start": year_start}
        at = period_of(days, freq, **options)
        every = [at]
        if wanted is not None and wanted.start is not None:
            first, last = wanted.spans(freq, options, wide=wide, caller=caller)
            every += [first, last]
        for option in ("sale_date", "collected_date"):
            if option in rows:
                when = rows[option]
                if option == "collected_date":  # paid in advance is due with the sale
                    when = np.maximum(when, rows["date"])
                other = when[~np.isnat(when)].astype("datetime64[D]").astype(np.int64)
                every.append(period_of(other, freq, **options))
        joined = np.concatenate(every)
        periods = np.arange(joined.min(), joined.max() + 1)
        starts = period_start(periods, freq, **options)
        labels = pd.Series(starts.astype("datetime64[D]").astype("datetime64[s]"))
        return _Clock(
            periods,
            at - periods[0],
            rows.columns["date"],
            labels,
            fiscal_year(starts, year_start=year_start),
            freq,
            week,
            year_start,
            period_of(starts, "Q", year_start=year_start),
        )

    @staticmethod
    def _labelled(rows: Rows, wanted: Wanted | None, year_start: int) -> _Clock:
        name = rows.columns["period"]
        own = rows.series("period").reset_index(drop=True).to_frame(name)
        if wanted is not None and wanted.period is not None:
            more = wanted.period.reset_index(drop=True).to_frame(name)
            both = stack_keys([own, more], [name], caller=rows.caller, args=("results", "targets"))
            keys = factorise(both, [name])
            wanted.at = keys.codes[len(own) :]
        else:
            keys = factorise(own, [name])
        place, year = in_time(keys.labels[name], year_start)
        order = np.argsort(place)
        labels = keys.labels[name].iloc[order].reset_index(drop=True)
        if wanted is not None and wanted.at is not None:
            wanted.at = place[wanted.at]
        at = place[keys.codes[: len(own)]]
        day = start_of(labels, year_start)
        quarter = None
        if day is not None:
            days = day.to_numpy().astype("datetime64[D]").astype(np.int64)
            quarter = period_of(days, "Q", year_start=year_start)
        return _Clock(
            np.arange(len(keys)), at, name, labels, year[order], "M", 0, year_start, quarter
        )

    def number(self, values: np.ndarray) -> np.ndarray:
        """Position of the period of each date; before the first: -1 and less."""
        days = values.astype("datetime64[D]").astype(np.int64)
        at = period_of(days, self.freq, week_start=self.week, year_start=self.year_start)
        return at - self.periods[0]


def _week_of(days: np.ndarray, wanted: Wanted | None) -> int:
    """Weekday on which pay weeks start: as the weeks of the targets, else as the results say.

    A plan knows its weeks; results of one deal, or all of one weekday, do not.
    """
    if wanted is not None and wanted.start is not None and wanted.end is not None:
        start, end = (
            v.astype("datetime64[D]").astype(np.int64) for v in (wanted.start, wanted.end)
        )
        if (end - start == 6).any():
            return week_anchor(start[end - start == 6])
    return week_anchor(days)


def _check_quarters(plans: list[CommissionPlan], clock: _Clock, *, caller: str) -> None:
    if clock.quarter is None and any(p.cumulative == "Q" for p in plans):
        assert clock.labels is not None
        raise InputError(
            f"{caller}(): cumulative='Q' needs periods that tell their quarter (dates, '2025-03'), "
            f"got labels such as {clock.labels.iloc[0]!r}."
        )


def _plan_of(plans: list[CommissionPlan], clock: _Clock, *, caller: str) -> np.ndarray:
    """Number of the plan in force in each period."""
    out = np.full(len(clock.periods), -1, dtype=np.int64)
    dated = clock.labels is not None and pd.api.types.is_datetime64_any_dtype(clock.labels.dtype)
    for i, plan in enumerate(plans):
        if plan.start is None and plan.end is None:
            inside = np.ones(len(out), dtype=bool)
        elif not dated:
            raise InputError(f"{caller}(): a plan with start or end needs results with dates.")
        else:
            inside = np.ones(len(out), dtype=bool)
            if plan.start is not None:
                inside &= (clock.labels >= plan.start).to_numpy()
            if plan.end is not None:
                inside &= (clock.labels <= plan.end).to_numpy()
        if (inside & (out >= 0)).any():
            raise InputError(f"{caller}(): two plans are in force in one period; see start, end.")
        out[inside] = i
    used = np.zeros(len(out), dtype=bool)
    used[np.unique(clock.rows)] = True
    if (used & (out < 0)).any():
        first = clock.labels.iloc[int(np.flatnonzero(used & (out < 0))[0])]
        raise InputError(f"{caller}(): no plan is in force in the period of {first:%Y-%m-%d}.")
    return out


# --------------------------------------------------------------------------------------
# Credits


def _credits(
    rows: Rows, plan: CommissionPlan, names: list[str], amount: np.ndarray, *, caller: str
) -> tuple[np.ndarray, pd.DataFrame, np.ndarray, np.ndarray]:
    """Result row, payee, credit in units and role of each credit."""
    n = len(rows)
    own = rows.frame[names].reset_index(drop=True)
    base = np.arange(n)
    if isinstance(plan.splits, str):
        amount = _by_share(rows, amount, own)
    shares = dict(plan.splits) if isinstance(plan.splits, Mapping) else {names[0]: 1.0}
    over = dict(plan.overlays or {})
    if (len(shares) > 1 or over) and len(names) > 1:
        raise InputError(f"{caller}(): splits and overlays by column need one column in by.")
    if names[0] not in shares:
        raise InputError(f"{caller}(): splits must name {names[0]!r} (by) among its columns.")
    if len(shares) == 1 and not over:
        return base, own, amount, np.zeros(n, dtype=np.int64)
    parts = _split(rows, shares, names[0], amount)
    for c, share in over.items():
        f = fraction(share)
        top = exact(amount, int(np.abs(amount).max(initial=0)) * f.numerator) * f.numerator
        credit = round_div(top, f.denominator).astype(np.int64)
        parts.append((c, np.where(rows.frame[c].isna().to_numpy(), 0, credit)))
    keep = [(c, credit, ~rows.frame[c].isna().to_numpy()) for c, credit in parts]
    # Columns that name nobody have no say in the dtype of the payees (the first names some).
    called = [(c, k) for c, _, k in keep if k.any()]
    source = np.concatenate([base[k] for _, _, k in keep])
    payee = pd.concat(
        [rows.frame[c][k].rename(names[0]) for c, k in called], ignore_index=True
    ).to_frame()
    credits = np.concatenate([credit[k] for _, credit, k in keep])
    n_split = len(shares)
    role = np.concatenate(
        [
            np.full(int(k.sum()), i - n_split + 1 if i >= n_split else -int(i > 0))
            for i, (_, _, k) in enumerate(keep)
        ]
    )
    return source, payee, credits, role


def _split(
    rows: Rows, shares: dict[str, float], main: str, amount: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    """Credits of each split column, adding up to the amount; an absent payee's share goes to
    the one named in ``by``."""
    parts: list[tuple[str, np.ndarray]] = []
    done = np.zeros(len(amount), dtype=np.int64)
    running = fraction(0)
    for c, share in shares.items():
        if c == main:
            continue
        absent = rows.frame[c].isna().to_numpy()
        before, running = running, running + fraction(share)
        upto, low = (
            round_div(
                exact(amount, int(np.abs(amount).max(initial=0)) * f.numerator) * f.numerator,
                f.denominator,
            ).astype(np.int64)
            for f in (running, before)
        )
        credit = np.where(absent, 0, upto - low)
        parts.append((c, credit))
        done += credit
    return [(main, amount - done), *parts]


def _by_share(rows: Rows, amount: np.ndarray, payee: pd.DataFrame) -> np.ndarray:
    """Credits by a share column; the shares of one order add up to their part of its amount."""
    share, scale = as_written(rows["split"])
    size = int(np.abs(amount).max(initial=0)) * scale * 2
    if "order" not in rows:
        return round_div(exact(amount, size) * share, scale).astype(np.int64)
    order = rows.keys("order").codes
    who = factorise(payee, list(payee.columns)).codes
    lone = np.where(order < 0, -1 - np.arange(len(order)), order)
    day = rows.days("date") if "date" in rows else np.zeros(len(order), dtype=np.int64)
    place = np.lexsort((share, day, who, amount, lone))
    new = np.r_[True, (np.diff(lone[place]) != 0) | (np.diff(amount[place]) != 0)]
    starts = np.flatnonzero(new)
    whole = exact(amount[place], size * 8)
    group = np.cumsum(new) - 1
    running = np.cumsum(exact(share[place], scale * len(share)))
    running = running - (running[starts] - share[place][starts])[group]
    upto = round_div(whole * running, scale).astype(np.int64)
    part = np.diff(upto, prepend=0)
    part[starts] = upto[starts]
    out = np.empty(len(amount), dtype=np.int64)
    out[place] = part
    return out


def _origin(
    rows: Rows,
    source: np.ndarray,
    codes: np.ndarray,
    clock: _Clock,
    credit: np.ndarray,
    at: np.ndarray,
    plans: list[CommissionPlan],
    plan_of: np.ndarray,
    *,
    caller: str,
) -> np.ndarray | None:
    """Cell of the original sale for returns of earlier periods; -1 for other rows, -2 for
    returns that came too late to take anything back."""
    if "sale_date" not in rows:
        return None
    rules = [p.clawback_rule for p in plans]
    original = np.array([r["basis"] == "original" for r in rules])
    most = np.array([np.inf if r["within_days"] is None else r["within_days"] for r in rules])
    sold, date = rows["sale_date"][source], rows["date"][source]
    has = ~np.isnat(sold) & (credit < 0) & original[plan_of[at]]
    sold = np.where(has, sold, date)
    first = clock.number(sold)
    earlier = has & (first < at)
    late = has & ((date - sold).astype("timedelta64[D]").astype(np.int64) > most[plan_of[at]])
    lost = earlier & ~late & (plan_of[np.maximum(first, 0)] < 0)
    if lost.any():
        when = clock.labels.iloc[int(first[lost].min())]
        raise InputError(
            f"{caller}(): {int(lost.sum())} return(s) go back to sales of periods in which no plan "
            f"is in force (first: {when:%Y-%m-%d}); give the plan of then, too."
        )
    cell = codes * len(clock.periods) + np.maximum(first, 0)
    return np.where(late, -2, np.where(earlier, cell, -1))


def _collected(rows: Rows, source: np.ndarray, clock: _Clock) -> np.ndarray | None:
    if "collected_date" not in rows:
        return None
    when = rows["collected_date"][source]
    never = np.isnat(when)
    sold = rows["date"][source]
    at = clock.number(np.where(never, sold, when))
    # Paid in advance: due with the sale. Not paid: still held.
    at = np.maximum(at, clock.number(sold))
    return np.where(never, len(clock.periods), at)


# --------------------------------------------------------------------------------------
# Targets


def _fill_targets(
    job: Job,
    wanted: Wanted | None,
    codes: np.ndarray,
    clock: _Clock,
    columns: Columns,
    *,
    caller: str,
) -> None:
    """Targets, target pay and multipliers onto the grid."""
    if wanted is not None:
        rows, first, every, at = _wanted_cells(job, wanted, codes, clock)
        job.there.reshape(-1)[at] = True
        job.known.reshape(-1)[at] = True
        target = units(wanted.rows["target"], job.step, name=columns.target, caller=caller)
        np.add.at(job.target.reshape(-1), first, target[rows])
        np.add.at(job.aim.reshape(-1), at, target[every])
        job.wide = len(at) > len(first)
        if "target_pay" in wanted.rows:
            pay = units(wanted.rows["target_pay"], job.step, name=columns.target_pay, caller=caller)
            job.target_pay = np.zeros(job.shape, dtype=np.int64)
            np.add.at(job.target_pay.reshape(-1), first, pay[rows])
        if "multiplier" in wanted.rows:
            value = wanted.rows["multiplier"][every]
            factor, known = _one_number(job, "multiplier", at, value, wanted.rows)
            _multiply(job, factor, known)
    if wanted is None and "target" in job.rows:
        value, known = _of_cell(job, "target")
        job.target = job.aim = units(value, job.step, name=columns.target, caller=caller)
        job.known = known
    if job.target_pay is None and "target_pay" in job.rows:
        value, _ = _of_cell(job, "target_pay")
        job.target_pay = units(value, job.step, name=columns.target_pay, caller=caller)
    if job.multiplier is None and "multiplier" in job.rows:
        _multiply(job, *_of_cell(job, "multiplier"))


def _wanted_cells(
    job: Job, wanted: Wanted, codes: np.ndarray, clock: _Clock
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the targets and the cell each begins in; rows and every cell they are for.

    A target without a period is for each of them, one of a whole year or quarter for all of its.
    """
    span = job.shape[1]
    if wanted.at is not None:
        first = last = wanted.at
    elif wanted.start is not None and clock.name is not None and clock.labels is not None:
        assert wanted.end is not None
        first, last = clock.number(wanted.start), clock.number(wanted.end)
        first = _check_spans(job, codes, first, last, clock)
    else:
        rows = np.repeat(np.arange(len(codes)), span)
        at = np.tile(np.arange(span), len(codes))
        cells = codes[rows] * span + at
        # Only where the payee has results: a yearly constant does not make a period worked.
        seen = job.there.reshape(-1)[cells]
        return rows[seen], cells[seen], rows[seen], cells[seen]
    # What is planned beyond the last period of the results is not due yet.
    final = clock.rows.max(initial=0)
    rows = np.flatnonzero(first <= final)
    length = np.minimum(last[rows], final) - first[rows] + 1
    every = np.repeat(rows, length)
    later = np.arange(len(every)) - np.repeat(np.cumsum(length) - length, length)
    begin = codes * span + first
    return rows, begin[rows], every, begin[every] + later


def _check_spans(
    job: Job, codes: np.ndarray, first: np.ndarray, last: np.ndarray, clock: _Clock
) -> np.ndarray:
    """Targets of several periods lie in one year (or quarter), and beside no others.

    Returns where each begins: a week that began in the year before belongs to that.
    """
    wide = np.flatnonzero(last > first)
    if not len(wide):
        return first
    by_quarter = any(p.cumulative == "Q" for p in job.plans)
    inside = clock.quarter if by_quarter and clock.quarter is not None else clock.year
    if clock.freq == "W":
        first = first + ((last > first) & (inside[first] != inside[np.minimum(first + 1, last)]))
    over = wide[inside[first[wide]] != inside[last[wide]]]
    if len(over):
        raise InputError(
            f"{job.caller}(): targets: {len(over)} row(s) span more than the "
            f"{'quarter' if by_quarter else 'fiscal year'} over which the plan's tiers are "
            "climbed; break the plan down first."
        )
    order = np.lexsort((last, first, codes))
    who, begin, end = codes[order], first[order], last[order]
    clash = (who[1:] == who[:-1]) & (begin[1:] <= end[:-1])
    clash &= (begin[1:] != begin[:-1]) | (end[1:] != end[:-1])
    if clash.any():
        at = int(who[1:][int(np.argmax(clash))])
        payee = " / ".join(str(v) for v in job.payees.iloc[at])
        raise InputError(
            f"{job.caller}(): targets: a target of several periods lies over another one (first: "
            f"{payee}); keep the whole year's (quarter's) or those of its parts."
        )
    return first


def _of_cell(job: Job, option: str) -> tuple[np.ndarray, np.ndarray]:
    """A number of the results that must be the same in all rows of a payee's period."""
    value = job.rows[option][job.source]
    has = ~np.isnan(value)
    if job.role.any():
        has &= job.role == 0
    return _one_number(job, option, job.cell[has], value[has], job.rows)


def _one_number(
    job: Job, option: str, cell: np.ndarray, value: np.ndarray, rows: Rows
) -> tuple[np.ndarray, np.ndarray]:
    """The number each cell has in all of its rows, and which cells have one."""
    low, high = np.full(job.there.size, np.inf), np.full(job.there.size, -np.inf)
    np.minimum.at(low, cell, value)
    np.maximum.at(high, cell, value)
    differ = high > low
    if differ.any():
        at = int(np.flatnonzero(differ)[0])
        who = " / ".join(str(v) for v in job.payees.iloc[at // job.shape[1]])
        own = rows is job.rows
        arg, remedy = ("results", ", or a frame of targets") if own else ("targets", "")
        raise InputError(
            f"{job.caller}(): {arg}: column {rows.columns[option]!r} differs within "
            f"{int(differ.sum())} payee period(s) (first: {who}); "
            f"give one value a period{remedy}."
        )
    known = high > -np.inf
    return np.where(known, high, 0.0).reshape(job.shape), known.reshape(job.shape)


def _multiply(job: Job, factor: np.ndarray, known: np.ndarray) -> None:
    """Multipliers of the job, exactly as they are written; one where none is told."""
    most = float(factor[known].max(initial=0.0))
    if most >= PER_CENT[0]:
        raise InputError(
            f"{job.caller}(): the multiplier is a factor (1.1: a tenth more), got {most:g}; divide "
            "per cent by 100."
        )
    job.multiplier, job.multiplier_scale = as_written(np.where(known, factor, 1.0))
