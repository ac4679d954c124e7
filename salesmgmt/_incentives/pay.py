"""From credits to pay: every rule of a plan in turn, in whole units of money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from .._frames import as_dates
from ..engine.tiers import Terms, cumulative_parts, exact, group_cumsum, round_div, settle, tier_pay
from ..engine.units import as_written, fraction_of
from ..errors import InputError
from .clawback import taken_back
from .climb import Climb, Piece
from .job import Job
from .plan import CommissionPlan, fraction

__all__ = ["EARNED", "SETTLED", "Pay", "Piece", "work"]

#: Rules that make up what is earned, and those that settle it, in their order.
EARNED = ("commission", "clawback", "multiplier", "cap", "spiff", "pool", "held", "released")
SETTLED = ("carried", "draw", "recovered")


@dataclass
class Pay:
    """Pay of a job by rule, (payees, periods) in units, and the pieces of the commission."""

    job: Job
    rules: dict[str, np.ndarray]
    settled: dict[str, np.ndarray]
    attained: np.ndarray
    pieces: list[Piece] = field(default_factory=list)

    @property
    def earned(self) -> np.ndarray:
        return _total(self.rules)


def work(job: Job, *, traced: bool = False) -> Pay:
    """Apply every plan in its periods, then settle."""
    rules = {r: np.zeros(job.shape, dtype=np.int64) for r in EARNED}
    attained = np.full(job.shape, np.nan)
    pieces: list[Piece] = []
    told = pieces if traced else None
    climbs = {}
    for i in _in_force(job.plan_of):
        inside = job.plan_of == i
        climb = _climb(job, job.plans[i], inside)
        paid = rules["commission"] + rules["multiplier"] + rules["cap"]
        own, ceiling = _tier_rules(climb, inside, paid, told)
        _add(rules, own, inside)
        climbs[i] = (climb, ceiling)
    rules["clawback"] = taken_back(job, climbs, told)
    for i, (climb, _) in climbs.items():
        inside = job.plan_of == i
        _add(rules, _other_rules(climb, inside, rules, told), inside)
        attained[:, inside] = _attainment(climb)[:, inside]
    job.there |= rules["released"] != 0
    total = _total(rules)
    terms = [_terms(job.plans[i], job.step) if i >= 0 else Terms() for i in job.plan_of]
    job.there |= _drawn(job.there, terms)
    settled = settle(total, job.there, terms)
    return Pay(job, rules, settled, attained, pieces)


def _in_force(plan_of: np.ndarray) -> list[int]:
    """Numbers of the plans that pay a period, in the order of their first one."""
    return [int(i) for i in dict.fromkeys(plan_of.tolist()) if i >= 0]


def _total(rules: dict[str, np.ndarray]) -> np.ndarray:
    """Sum of all earned rules."""
    out = rules["commission"].copy()
    for rule in EARNED[1:]:
        out += rules[rule]
    return out


def _drawn(there: np.ndarray, terms: list[Terms]) -> np.ndarray:
    """Periods without results between a payee's first and last: the draw is due there, too."""
    begun = np.logical_or.accumulate(there, axis=1)
    goes_on = np.logical_or.accumulate(there[:, ::-1], axis=1)[:, ::-1]
    return begun & goes_on & np.array([t.draw > 0 for t in terms])


def _terms(plan: CommissionPlan, step: float) -> Terms:
    rule = plan.draw_rule
    unit = fraction_of(step)

    def money(value: float) -> int:
        return int(
            round_div(
                np.array([(fraction(value) / unit).numerator], dtype=object),
                (fraction(value) / unit).denominator,
            )[0]
        )

    return Terms(
        draw=money(rule["amount"]),
        recoverable=rule["recoverable"],
        limit=None if rule["limit"] is None else money(rule["limit"]),
        share=fraction(rule["share"]),
        negative=plan.clawback_rule["settle"],
    )


def _add(rules: dict[str, np.ndarray], own: dict[str, np.ndarray], inside: np.ndarray) -> None:
    """What one plan pays by rule, added in its periods."""
    for rule, amount in own.items():
        # What is released may fall into another plan's period; all else is the plan's own.
        if rule == "released" or inside.all():
            rules[rule] += amount
        else:
            rules[rule][:, inside] += amount[:, inside]


def _live(job: Job) -> np.ndarray:
    """Credits that count in their own period (not returns that go back to that of the sale)."""
    return np.ones(len(job.credit), dtype=bool) if job.origin is None else job.origin == -1


def _climb(job: Job, plan: CommissionPlan, inside: np.ndarray) -> Climb:
    climb = Climb(job, plan, job.grid(job.credit, _live(job)))
    climb.check(job.there & inside)
    climb.check_origins(inside)
    return climb


def _tier_rules(
    climb: Climb, inside: np.ndarray, paid: np.ndarray, pieces: list[Piece] | None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Commission, multiplier and cap of one plan, and its ceilings.

    ``paid``: what the tiers of earlier plans paid.
    """
    job, plan = climb.job, climb.plan
    rows = np.flatnonzero(_live(job) & inside[job.cell % job.shape[1]])
    if plan.pay_on == "collection":
        rows = _by_collection(job, rows)
    cut = np.zeros(job.shape, dtype=np.int64)
    if plan.scope == "row":
        commission, cut = _each_row(climb, rows, pieces)
    elif plan.round_at == "row" and plan.pays == "rate":
        commission, cut = _by_row(climb, rows, inside, pieces)
    else:
        commission = _by_cell(climb, inside, pieces)
    scaled = _multiplied(job, plan, commission + cut)
    pay = np.where(inside, commission + cut + scaled, paid)
    ceiling = _ceilings(climb, pay, inside)
    over = np.where(inside, np.minimum(ceiling - pay, 0), 0)
    return {"commission": commission, "multiplier": scaled, "cap": cut + over}, ceiling


def _over_row(climb: Climb, cell: np.ndarray, pay: np.ndarray) -> np.ndarray:
    """What rows pay (or take back) beyond the ceiling of one row, taken off; by cell."""
    out = np.zeros(climb.job.there.size, dtype=np.int64)
    np.add.at(out, cell, _under_ceiling(climb, pay) - pay)
    return out.reshape(climb.job.shape)


def _under_ceiling(climb: Climb, pay: np.ndarray) -> np.ndarray:
    """Pay of rows, none beyond the ceiling of one row."""
    if "row" not in climb.plan.caps:
        return pay
    most = int(fraction(climb.plan.caps["row"]) / fraction_of(climb.job.step))
    return np.clip(pay, -most, most)


def _other_rules(
    climb: Climb, inside: np.ndarray, rules: dict[str, np.ndarray], pieces: list[Piece] | None
) -> dict[str, np.ndarray]:
    """What comes on top of the tiers, and what waits for its money."""
    job, plan = climb.job, climb.plan
    at = inside[job.cell % job.shape[1]]
    rows = np.flatnonzero(_live(job) & at)
    out = {
        "spiff": _spiffs(job, plan, np.flatnonzero(at), pieces),
        "pool": _pool(climb, rows),
    }
    if plan.pay_on == "collection":
        due = rules["commission"] + rules["multiplier"] + rules["cap"]
        out["held"], out["released"] = _held(climb, due, _by_collection(job, rows))
    return out


def _attainment(climb: Climb) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        share = climb.amount / climb.goal
    return np.where(climb.goal > 0, share, np.nan).reshape(climb.job.shape)


# --------------------------------------------------------------------------------------
# What the tiers pay


def _by_cell(climb: Climb, inside: np.ndarray, pieces: list[Piece] | None) -> np.ndarray:
    """Commission rounded once a payee's period, or on the payee's running total."""
    job, plan = climb.job, climb.plan
    top, bottom = climb.whole()
    grid = top.reshape(job.shape)
    if plan.round_at == "rep":
        pay = _running(grid, bottom, job.shape, inside, plan.rounding)
    else:
        pay = round_div(grid.reshape(-1), bottom, plan.rounding)
    pay = np.asarray(pay).astype(np.int64).reshape(job.shape)
    if pieces is not None:
        _cell_pieces(climb, pay, inside, pieces)
    return pay


def _running(
    top: np.ndarray, bottom: Any, shape: tuple[int, int], inside: np.ndarray, mode: str
) -> np.ndarray:
    """Differences of the rounded running total: payments add up to the rounded whole."""
    top = np.where(inside, top, 0)
    if isinstance(bottom, int):
        size = int(np.abs(top).max(initial=0)) * shape[1]
        upto = np.cumsum(exact(top, size), axis=1)
        whole = round_div(upto.reshape(-1), bottom, mode)
    else:
        parts = np.frompyfunc(Fraction, 2, 1)(top.reshape(-1), bottom).reshape(shape)
        upto = np.cumsum(parts, axis=1).reshape(-1)
        tops = np.array([f.numerator for f in upto], dtype=object)
        whole = round_div(tops, np.array([f.denominator for f in upto], dtype=object), mode)
    grid = np.asarray(whole).astype(np.int64).reshape(shape)
    return np.diff(grid, axis=1, prepend=0)


def _by_row(
    climb: Climb, rows: np.ndarray, inside: np.ndarray, pieces: list[Piece] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Commission rounded row by row, and what the ceiling of a row takes off it."""
    job, plan = climb.job, climb.plan
    cell, credit = job.cell[rows], job.credit[rows]
    if plan.mode == "marginal":
        pay = _marginal_rows(climb, rows, pieces)
    else:
        # One rate for all rows of a period: that of the tier its total reached.
        used, inverse = np.unique(cell, return_inverse=True)
        state = climb.amount[used]
        top, bottom = climb.level(used, state, climb.bound(state))
        top = np.where(climb.alive(used, state), top, 0)
        below = bottom if isinstance(bottom, int) else bottom[inverse]
        size = int(np.abs(top).max(initial=0)) * int(np.abs(credit).max(initial=0)) * 4
        if top.dtype == object:
            size = 2**63
        pay = round_div(exact(top[inverse], size) * exact(credit, size), below, plan.rounding)
        pay = np.asarray(pay).astype(np.int64)
        if pieces is not None:
            rate = np.asarray(top / bottom, dtype=np.float64)[inverse]
            tier = _tier(climb, used, state)[inverse]
            _add_tiers(pieces, tier, cell, credit, rate, pay, rows)
    out = np.zeros(job.there.size, dtype=np.int64)
    np.add.at(out, cell, pay)
    if plan.cumulative and plan.true_up:
        out += _true_up(climb, inside, pieces)
    return out.reshape(job.shape), _over_row(climb, cell, pay)


def _tier(climb: Climb, cells: np.ndarray, state: np.ndarray) -> np.ndarray:
    from ..engine.tiers import reached

    bound = climb.bound(state)
    edges = [e + np.zeros(len(state), dtype=np.int64) for e in climb.edges(cells, bound)]
    at = exact(state, bound) * climb.table.edge_scale
    return reached(at, edges, upper=climb.plan.boundary == "upper")


def _marginal_rows(climb: Climb, rows: np.ndarray, pieces: list[Piece] | None) -> np.ndarray:
    """Each row's slices: what the running total earns after it, less what it did before."""
    job, plan, table = climb.job, climb.plan, climb.table
    order = _in_time(job, rows)
    cell, credit = job.cell[rows[order]], job.credit[rows[order]]
    new = np.r_[True, cell[1:] != cell[:-1]] if len(cell) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(new)
    after = group_cumsum(credit, starts) if len(cell) else credit
    if plan.cumulative:
        after = after + climb.before[cell]
    before = after - credit
    bound = climb.bound(np.r_[after, before]) if len(cell) else 1
    edges, rates = climb.edges(cell, bound), climb.rates(cell)
    scale = table.edge_scale
    high, low = exact(after, bound) * scale, exact(before, bound) * scale
    top = tier_pay(high, edges, rates) - tier_pay(low, edges, rates)
    live = climb.alive(cell, climb.amount[cell])
    top = np.where(live, top, 0)
    pay = np.asarray(round_div(top, table.scale, plan.rounding)).astype(np.int64)
    if pieces is not None:
        _slices(climb, pieces, cell, high, low, live, pay, rows[order])
    out = np.empty(len(rows), dtype=np.int64)
    out[order] = pay
    return out


def _in_time(job: Job, rows: np.ndarray) -> np.ndarray:
    """Order of credits by cell, time and amount: the order of the caller's rows is no matter."""
    cell, time, credit = job.cell[rows], job.time[rows], job.credit[rows]
    if not len(rows):
        return np.zeros(0, dtype=np.int64)
    first = time.min()
    day = 86_400_000_000
    if "date" in job.rows and not ((time - first) % day).any():
        time = (time - first) // day
    else:
        time = time - first
    span = int(time.max()) + 1
    if int(cell.max() + 1) * span < 2**62:
        key = cell * span + time
        width = int(credit.max()) - int(credit.min()) + 1
        if int(key.max() + 1) * width < 2**62:
            return np.argsort(key * width + (credit - credit.min()), kind="stable")
        order = np.argsort(credit, kind="stable")
        return order[np.argsort(key[order], kind="stable")]
    return np.lexsort((credit, time, cell))


def _slices(
    climb: Climb,
    pieces: list[Piece],
    cell: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    live: np.ndarray,
    pay: np.ndarray,
    row: np.ndarray,
) -> None:
    """One piece a tier: the slice between two running totals; rounded so that they add up."""
    table, plan = climb.table, climb.plan
    bound = climb.bound(climb.amount)
    edges, rates = climb.edges(cell, bound), climb.rates(cell)
    upto = np.zeros(len(cell), dtype=np.int64)
    running = np.zeros(len(cell), dtype=high.dtype)
    last = len(edges) - 1
    for j, edge in enumerate(edges):
        inside = [np.maximum(v - edge, 0) if j else v for v in (high, low)]
        if j < last:
            over = [np.maximum(v - edges[j + 1], 0) for v in (high, low)]
            inside = [a - b for a, b in zip(inside, over, strict=True)]
        part = np.where(live, inside[0] - inside[1], 0)
        running = running + part * rates[j]
        whole = np.asarray(round_div(running, table.scale, plan.rounding)).astype(np.int64)
        if j == last:
            whole = pay
        amount, upto = whole - upto, whole
        seen = np.flatnonzero((np.asarray(part) != 0) | (amount != 0))
        rate = np.broadcast_to(np.asarray(rates[j], dtype=np.float64), len(cell)) / table.rate_scale
        base = np.asarray(part, dtype=np.float64) / table.edge_scale
        pieces.append(
            Piece(f"tier {j + 1}", cell[seen], base[seen], rate[seen], amount[seen], row[seen])
        )


def _add_tiers(
    pieces: list[Piece],
    tier: np.ndarray,
    cell: np.ndarray,
    base: np.ndarray,
    rate: np.ndarray,
    pay: np.ndarray,
    row: np.ndarray,
) -> None:
    for j in np.unique(tier):
        at = np.flatnonzero((tier == j) & ((pay != 0) | (base != 0)))
        pieces.append(
            Piece(f"tier {j + 1}", cell[at], base[at].astype(float), rate[at], pay[at], row[at])
        )


def _true_up(climb: Climb, inside: np.ndarray, pieces: list[Piece] | None) -> np.ndarray:
    """What the year before this period earns more (or less) now that the tier has moved."""
    job, plan = climb.job, climb.plan
    every = np.arange(len(climb.amount))
    top, bottom = climb.pay(every, climb.amount)
    top = np.where(climb._measured, top, 0)
    now, under = climb.pay(every, climb.before, climb.amount)
    now = np.where(climb._measured, now, 0)
    then = climb._previous(top)
    below: Any = bottom
    diff = now - then
    if not isinstance(bottom, int):
        prior = climb._previous(bottom)
        prior = np.where(prior == 0, 1, prior)
        diff, below = now * prior - then * under, under * prior
    pay = np.asarray(round_div(diff, below, plan.rounding)).astype(np.int64)
    # Periods without rows of their own still move the tier when a target is added to date.
    pay = np.where((job.there & inside).reshape(-1), pay, 0)
    if pieces is not None:
        seen = np.flatnonzero(pay)
        base = climb.before[seen].astype(float)
        none = np.full(len(seen), -1)
        pieces.append(Piece("true-up", seen, base, np.full(len(seen), np.nan), pay[seen], none))
    return pay


def _each_row(
    climb: Climb, rows: np.ndarray, pieces: list[Piece] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Every row climbs the tiers by itself; a return takes back what such a sale would pay."""
    job, credit = climb.job, climb.job.credit[rows]
    size = np.abs(credit)
    top, bottom = climb.pay(job.cell[rows], size)
    pay = _alone(climb, rows, top, bottom)
    if pieces is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(size > 0, np.asarray(top / bottom, dtype=float) / size, 0.0)
        tier = _tier(climb, job.cell[rows], size)
        _add_tiers(pieces, tier, job.cell[rows], credit, rate, pay, rows)
    out = np.zeros(job.there.size, dtype=np.int64)
    np.add.at(out, job.cell[rows], pay)
    return out.reshape(job.shape), _over_row(climb, job.cell[rows], pay)


def _alone(climb: Climb, rows: np.ndarray, top: np.ndarray, bottom: Any) -> np.ndarray:
    """Whole pay of rows that climb by themselves; ``top / bottom``: that of their size."""
    job, plan = climb.job, climb.plan
    sign = np.where(job.credit[rows] < 0, -1, 1)
    if plan.round_at == "row":
        return np.asarray(round_div(top * sign, bottom, plan.rounding)).astype(np.int64)
    return _spread(climb, top * sign, bottom, job.cell[rows])


def _spread(climb: Climb, top: np.ndarray, bottom: Any, cell: np.ndarray) -> np.ndarray:
    """Rows' pay such that each period (or payee) adds up to its own rounded whole."""
    group = cell if climb.plan.round_at == "period" else cell // climb.job.shape[1]
    order = np.lexsort((np.arange(len(cell)) if top.dtype == object else top, cell))
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0]) if len(cell) else cell
    below = bottom if isinstance(bottom, int) else 1
    exactly = top if isinstance(bottom, int) else np.frompyfunc(Fraction, 2, 1)(top, bottom)
    running = group_cumsum(exactly[order], starts) if len(cell) else exactly
    if isinstance(bottom, int):
        upto = round_div(running, below, climb.plan.rounding)
    else:
        upto = round_div(
            np.array([f.numerator for f in running], dtype=object),
            np.array([f.denominator for f in running], dtype=object),
            climb.plan.rounding,
        )
    part = np.diff(upto, prepend=0)
    part[starts] = upto[starts]
    out = np.empty(len(cell), dtype=np.int64)
    out[order] = part.astype(np.int64)
    return out


def _cell_pieces(climb: Climb, pay: np.ndarray, inside: np.ndarray, pieces: list[Piece]) -> None:
    job, plan = climb.job, climb.plan
    cells = np.flatnonzero((job.there & inside).reshape(-1))
    none = np.full(len(cells), -1)
    amount = pay.reshape(-1)[cells]
    state = climb.amount[cells]
    if plan.pays == "rate" and plan.mode == "marginal" and not plan.cumulative:
        bound = climb.bound(state)
        scaled = exact(state, bound) * climb.table.edge_scale
        live = climb.alive(cells, state)
        _slices(climb, pieces, cells, scaled, scaled * 0, live, amount, none)
        return
    tier = _tier(climb, cells, state)
    base = (climb.amount - climb.before)[cells]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(base != 0, amount / np.where(base != 0, base, 1), np.nan)
    _add_tiers(pieces, tier, cells, base, rate, amount, none)


# --------------------------------------------------------------------------------------
# The other rules


def _multiplied(job: Job, plan: CommissionPlan, commission: np.ndarray) -> np.ndarray:
    if plan.multiplier is None or job.multiplier is None:
        return np.zeros_like(commission)
    size = int(np.abs(commission).max(initial=0)) * int(job.multiplier.max(initial=1)) * 4
    top = exact(commission.reshape(-1), size) * exact(job.multiplier.reshape(-1), size)
    whole = np.asarray(round_div(top, job.multiplier_scale, plan.rounding)).astype(np.int64)
    return whole.reshape(job.shape) - commission


def _ceilings(climb: Climb, pay: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Most that each cell's tiers may pay; a year counts what other plans paid in it."""
    job, caps = climb.job, climb.plan.caps
    unit = fraction_of(job.step)
    out = np.full(pay.shape, 2**62)
    if "period" in caps:
        out = np.minimum(out, int(fraction(caps["period"]) / unit))
    spans = []
    if "target_pay" in caps:
        assert job.target_pay is not None
        share = fraction(caps["target_pay"])
        due = climb.to_date(job.target_pay) if job.wide else job.target_pay
        size = int(due.max(initial=0)) * share.numerator + 1
        ceiling = (exact(due, size) * share.numerator // share.denominator).astype(np.int64)
        if job.wide:  # one target pay for the whole span: what was paid in it counts
            spans.append((ceiling, climb.same_span))
        else:
            out = np.minimum(out, ceiling)
    if "year" in caps:
        most = int(fraction(caps["year"]) / unit)
        spans.append((np.full(pay.shape, most), climb.same_year))
    return _left_to_date(out, spans, pay, inside)


def _left_to_date(
    out: np.ndarray, spans: list[tuple[np.ndarray, np.ndarray]], pay: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Ceilings narrowed to what earlier periods left of those to date.

    ``spans``: a ceiling to date, and whether each period is in the span of the one before it.
    """
    paid = np.zeros((len(spans), len(pay)), dtype=np.int64)
    for p in range(pay.shape[1] if spans else 0):
        for k, (most, same) in enumerate(spans):
            if not same[p]:
                paid[k] = 0
            if inside[p]:
                # What plans before this one paid beyond it stays paid.
                out[:, p] = np.minimum(out[:, p], np.maximum(most[:, p] - paid[k], 0))
        paid += np.minimum(pay[:, p], out[:, p]) if inside[p] else pay[:, p]
    return out


def _spiffs(
    job: Job, plan: CommissionPlan, rows: np.ndarray, pieces: list[Piece] | None
) -> np.ndarray:
    """Extra sums for what a SPIFF names; they go to the row's own payee."""
    out = np.zeros(job.there.size, dtype=np.int64)
    unit = fraction_of(job.step)
    rows = rows[job.role[rows] == 0]
    if isinstance(plan.splits, str):  # a share of nothing is no part in the sale
        rows = rows[job.rows["split"][job.source[rows]] != 0]
    for n, spiff in enumerate(plan.spiffs, start=1):
        at = rows[_matches(job, spiff)[job.source[rows]]]
        per, pay = spiff.get("per", "row"), fraction(spiff["pay"])
        credit = job.credit[at]
        if per == "amount":
            base, rate = credit, pay
        elif per == "unit":
            base, scale = as_written(job.rows["quantity"][job.source[at]])
            base = np.where(credit < 0, -np.abs(base), base)  # a return, in whichever sign
            rate = pay / unit / scale
        else:
            base, rate = np.sign(credit), pay / unit
        size = int(np.abs(base).max(initial=0)) * abs(rate.numerator) * 4 + 1
        top = exact(base, size) * rate.numerator
        paid = np.asarray(round_div(top, rate.denominator, plan.rounding)).astype(np.int64)
        np.add.at(out, job.cell[at], paid)
        if pieces is not None:
            name = f"spiff {spiff.get('name', n)}"
            rates = np.full(len(at), float(pay))
            pieces.append(Piece(name, job.cell[at], credit.astype(float), rates, paid, at))
    return out.reshape(job.shape)


def _matches(job: Job, spiff: Mapping[str, Any]) -> np.ndarray:
    """Result rows a SPIFF is for."""
    hit = np.ones(len(job.rows), dtype=bool)
    for column, value in spiff.get("where", {}).items():
        wanted = value if isinstance(value, list) else [value]
        _check_wanted(job, column, wanted)
        hit &= job.rows.frame[column].isin(wanted).to_numpy()
    for option in ("start", "end"):
        if option in spiff:
            edge = as_dates([spiff[option]], name=option, caller=job.caller)[0]
            days = job.rows["date"].astype("datetime64[D]")
            hit &= days >= edge if option == "start" else days <= edge
    return hit


def _check_wanted(job: Job, column: str, wanted: list[Any]) -> None:
    """Numbers and text are never equal: such a SPIFF would pay nobody."""
    held = job.rows.frame[column]
    texts = [isinstance(v, str) for v in wanted]
    number = pd.api.types.is_numeric_dtype(held.dtype)
    text = pd.api.types.infer_dtype(held, skipna=True) == "string"
    if wanted and ((number and all(texts)) or (text and not any(texts))):
        raise InputError(
            f"{job.caller}(): a SPIFF is for {column} = {wanted[0]!r}, but the column holds "
            f"{'numbers' if number else 'text'}, which is never equal; give both the same dtype."
        )


def _pool(climb: Climb, rows: np.ndarray) -> np.ndarray:
    """Shares of the team pools."""
    job, plan = climb.job, climb.plan
    out = np.zeros(job.there.size, dtype=np.int64)
    if plan.pool is None or not len(rows):
        return out.reshape(job.shape)
    rows = rows[job.role[rows] <= 0]
    keys = job.rows.keys(*job.pot)
    team, cell = keys.codes[job.source[rows]], job.cell[rows]
    span = job.shape[1]
    pot = team * span + cell % span
    idle = _idle_members(job, team, cell, pot)
    # Members of a pot: its payees' cells, in the order of payees.
    member = np.concatenate([np.column_stack([pot, cell]), idle])
    both, inverse = np.unique(member, axis=0, return_inverse=True)
    amount = np.zeros(len(both), dtype=np.int64)
    np.add.at(amount, inverse.reshape(-1)[: len(rows)], job.credit[rows])
    starts = np.flatnonzero(np.r_[True, np.diff(both[:, 0]) != 0])
    count = np.diff(np.r_[starts, len(both)])
    sums = np.add.reduceat(amount, starts)
    whole = _pot(climb, sums, np.add.reduceat(job.target.reshape(-1)[both[:, 1]], starts))
    equal = plan.pool.get("share", "amount") == "equal"
    weight = np.ones(len(both), dtype=np.int64) if equal else np.maximum(amount, 0)
    total = np.add.reduceat(weight, starts)
    # Where nobody sold anything there is no amount to go by: a fixed pool is divided evenly.
    weight = np.where(np.repeat(total == 0, count), 1, weight)
    total = np.add.reduceat(weight, starts)
    part = cumulative_parts(np.repeat(whole, count), weight, np.repeat(total, count), starts)
    np.add.at(out, both[:, 1], part)
    return out.reshape(job.shape)


def _idle_members(job: Job, team: np.ndarray, cell: np.ndarray, pot: np.ndarray) -> np.ndarray:
    """Pots and cells of members who sold nothing in a period that counts for them.

    Their team is that of their other periods, if it is always the same one.
    """
    span = job.shape[1]
    low = np.full(job.shape[0], np.iinfo(np.int64).max)
    high = np.full(job.shape[0], -1)
    np.minimum.at(low, cell // span, team)
    np.maximum.at(high, cell // span, team)
    home = np.where(low == high, low, -1)
    idle = np.flatnonzero(job.there.reshape(-1) & (home >= 0).repeat(span))
    own = home[idle // span] * span + idle % span
    at = np.isin(own, pot) & ~np.isin(idle, cell)
    return np.column_stack([own[at], idle[at]])


def _pot(climb: Climb, amount: np.ndarray, target: np.ndarray) -> np.ndarray:
    job, pool = climb.job, climb.plan.pool or {}
    if "amount" in pool:
        whole = np.full(len(amount), int(fraction(pool["amount"]) / fraction_of(job.step)))
    else:
        rate = fraction(pool["rate"])
        size = int(np.abs(amount).max(initial=0)) * rate.numerator * 4 + 1
        top = exact(np.maximum(amount, 0), size) * rate.numerator
        whole = np.asarray(round_div(top, rate.denominator, climb.plan.rounding)).astype(np.int64)
    if "threshold" in pool:
        least = fraction(pool["threshold"])
        size = int(np.abs(np.r_[amount, target]).max(initial=0)) * max(
            least.numerator, least.denominator
        )
        met = exact(amount, size) * least.denominator >= exact(target, size) * least.numerator
        whole = np.where(np.asarray(met, dtype=bool) & (target > 0), whole, 0)
    return whole


def _by_collection(job: Job, rows: np.ndarray) -> np.ndarray:
    """Rows alike but for the day of collection must not depend on the order they came in."""
    assert job.collected is not None
    return rows[np.argsort(job.collected[rows], kind="stable")]


def _held(climb: Climb, due: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What rows earned moves from the period of sale to that of collection."""
    job = climb.job
    held, released = (np.zeros(job.there.size, dtype=np.int64) for _ in range(2))
    assert job.collected is not None
    order = rows[_in_time(job, rows)]
    if len(order):
        cell, span = job.cell[order], job.shape[1]
        part = _earned_by_row(climb, due.reshape(-1)[cell], order)
        later = job.collected[order] != cell % span
        np.add.at(held, cell[later], -part[later])
        arrived = later & (job.collected[order] < span)
        goes = cell // span * span + job.collected[order]
        np.add.at(released, goes[arrived], part[arrived])
    return held.reshape(job.shape), released.reshape(job.shape)


def _earned_by_row(climb: Climb, due: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The pay of periods (``due``, repeated for each row in the order of time) by row.

    Where rows earn by themselves, or slice by slice, that is theirs, as the trace tells it, with
    the multiplier; under a ceiling all are cut in proportion. What the period pays beyond its rows
    (a rate that has moved for the year so far) goes by their credits, and so does all pay at one
    rate for the period. Sums for a tier reached are shared by the sales, not by the returns.
    """
    job, plan = climb.job, climb.plan
    cell, credit = job.cell[rows], job.credit[rows]
    starts = np.flatnonzero(np.r_[True, np.diff(cell) != 0])
    count = np.diff(np.r_[starts, len(cell)])

    def shared(whole: np.ndarray, weight: np.ndarray) -> np.ndarray:
        return cumulative_parts(whole, weight, total(weight), starts)

    def total(values: np.ndarray) -> np.ndarray:
        return np.repeat(np.add.reduceat(values, starts), count)

    if plan.scope == "row":
        own = _alone(climb, rows, *climb.pay(cell, np.abs(credit)))
    elif plan.pays == "rate" and plan.mode == "marginal":
        own = _marginal_rows(climb, rows, None)
    else:
        return shared(due, credit if plan.pays == "rate" else np.maximum(credit, 0))
    own = _under_ceiling(climb, own)
    if plan.multiplier is not None and job.multiplier is not None:
        scale = np.full(len(own), job.multiplier_scale)
        own = cumulative_parts(job.multiplier.reshape(-1)[cell], own, scale, starts)
    rest = due - total(own)
    cut = rest < -np.repeat(count, count)  # more than rounding
    return np.where(cut, shared(due, own), own + shared(np.where(cut, 0, rest), credit))
