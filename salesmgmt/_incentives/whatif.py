"""What a plan costs and where it jumps: simulation, pay curves, cliffs, recalculation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Rows,
    check_column,
    check_int,
    check_names,
    check_number,
    factorise,
    money,
    one_currency,
    same_currency,
    stack_keys,
    take,
    to_pandas,
    units,
)
from ..errors import InputError
from .job import check_plans, take_job
from .pay import work
from .plan import PER_CENT, CommissionPlan, fraction
from .statement import payout
from .wanted import Columns, target_rows

__all__ = ["adjustments", "cliffs", "pay_curve", "simulate_payout"]


def simulate_payout(
    samples: pd.DataFrame,
    plan: Any,
    *,
    by: str | Sequence[str] | None = None,
    targets: pd.DataFrame | pd.Series | Mapping[Any, float] | None = None,
    quotas: Sequence[float] | None = None,
    step: float = 0.01,
    date: str = "date",
    draw: str = "draw",
    amount: str = "amount",
    freq: str = "M",
    year_start: int = 1,
    measure: str | None = None,
) -> pd.DataFrame:
    """What a plan would cost over forecast draws, and over scenarios of the quotas.

    Parameters
    ----------
    samples : DataFrame
        Forecast draws: payee, date, draw, amount. One draw is one possible future of all. Without
        the draw column the frame is one known future (actuals).
    plan : CommissionPlan or list of CommissionPlan
        The rules.
    by : str or sequence of str, optional
        Who is paid; None: all columns but date, draw and amount.
    targets : DataFrame, Series or mapping, optional
        As for :func:`payout`; the same in all draws.
    quotas : sequence of float, optional
        Scenarios: all targets times each of these factors (rounded to the ``step``).
    step, date, draw, amount, freq, year_start, measure
        As for :func:`payout`.

    Returns
    -------
    DataFrame
        One row (scenario ×) draw, ascending: ``quota`` (the factor, where given), ``draw``,
        ``amount``, ``payout``, ``cost_rate`` (payout over amount), ``capped`` (payees' periods
        that the cap cut).

    Raises
    ------
    InputError
        As for :func:`payout`.

    Notes
    -----
    Samples are sums of a period, so ``round_at="row"`` rounds once a payee's period here.

    Examples
    --------
    >>> import pandas as pd
    >>> draws = pd.DataFrame({"rep": "Li", "date": pd.Timestamp("2025-01-01"),
    ...                       "draw": [0, 1], "amount": [800.0, 1200.0]})
    >>> plan = CommissionPlan([(0, 0.05), (1.0, 0.10)])
    >>> simulate_payout(draws, plan, targets=pd.Series({"Li": 1000.0}))[["draw", "payout"]]
       draw  payout
    0     0    40.0
    1     1    70.0
    """
    caller = "simulate_payout"
    plans = check_plans(plan, caller=caller)
    if any(isinstance(p.splits, Mapping) or p.overlays for p in plans):
        raise InputError(
            f"{caller}(): draws are sums by payee, which splits and overlays by column cannot "
            "divide; credit each payee's own draws, and leave these rules out of the plan."
        )
    if any("row" in p.caps for p in plans):
        raise InputError(
            f"{caller}(): draws are sums of a period, which a cap by row cannot cut; leave it out."
        )
    frame = to_pandas(samples, caller=caller, arg="samples")
    check_column(draw, "draw", caller=caller)
    given = draw in frame.columns
    if not given and draw != "draw":
        raise InputError(f"{caller}(): samples has no column {draw!r}, which draw= names.")
    names = check_names(by, "by", caller=caller)
    if not names:
        used = {date, draw, amount, *(_used_columns(plans))}
        names = [c for c in frame.columns if c not in used]
    if not names:
        raise InputError(f"{caller}(): samples has no payee column; name it with by=.")
    one_currency(frame, (), caller=caller, arg="samples")  # all payees are added up
    plans = [
        replace(p, round_at="period") if (p.round_at, p.scope) == ("row", "period") else p
        for p in plans
    ]
    name = draw if given else "draw"
    if not given:
        frame = frame.assign(**{name: 0})
    columns = Columns(amount=amount, date=date)
    job = take_job(
        frame, plans, by=[*names, name], step=step, columns=columns, freq=freq,
        targets=_for_draws(targets, frame, names, name, caller=caller),
        year_start=year_start, measure=measure, invalid="raise", caller=caller,
    )  # fmt: skip
    job = replace(job, pot=(*job.pot, f"by{len(names)}"))  # a draw has its own pools
    key = factorise(job.payees, [name])
    _same_draws(rows=job.rows, names=names, draw=name, caller=caller)
    factors = _factors(quotas, caller=caller)
    total = _by_draw(job.grid(job.credit), key.codes, len(key))
    parts = []
    for factor in factors:
        goals = [np.rint(g * factor).astype(np.int64) for g in (job.target, job.aim)]
        scaled = replace(job, target=goals[0], aim=goals[1], there=job.there.copy())
        pay = work(scaled)
        part = key.labels.copy()
        if quotas is not None:
            part.insert(0, "quota", factor)
        part["amount"] = money(total, step)
        cost = _by_draw(pay.settled["payout"], key.codes, len(key))
        part["payout"] = money(cost, step)
        with np.errstate(divide="ignore", invalid="ignore"):
            part["cost_rate"] = np.where(total > 0, cost / np.where(total > 0, total, 1), np.nan)
        part["capped"] = np.bincount(key.codes, (pay.rules["cap"] < 0).sum(axis=1)).astype(np.int64)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _same_draws(*, rows: Rows, names: list[str], draw: str, caller: str) -> None:
    """Every payee must be in every draw: a future without him is no future of all."""
    who, which = (factorise(rows.frame, n) for n in (names, [draw]))
    seen = np.zeros((len(who), len(which)), dtype=bool)
    seen[who.codes, which.codes] = True
    if not seen.all():
        first, lost = np.argwhere(~seen)[0]
        raise InputError(
            f"{caller}(): samples: {int((~seen).sum())} pair(s) of payee and draw have no row "
            f"(first: {who.text()[first]}, draw {which.text()[lost]}); draws of one call hold all "
            "payees: give those without sales an amount of 0."
        )


def _factors(quotas: Any, *, caller: str) -> list[float]:
    """Factors of the targets, one a scenario."""
    if quotas is None:
        return [1.0]
    given = list(quotas) if np.ndim(quotas) == 1 else []
    if not given:
        raise InputError(
            f"{caller}(): quotas must be a list of factors, one at least, got {quotas!r}."
        )
    factors = [check_number(f, "quotas", caller=caller, low=0, open_low=True) for f in given]
    if max(factors) >= PER_CENT[0]:
        raise InputError(
            f"{caller}(): quotas are factors of the targets (1.1: a tenth more), got "
            f"{max(factors):g}; divide per cent by 100, and sums by the targets."
        )
    return factors


def _used_columns(plans: list[CommissionPlan]) -> set[str]:
    """Columns of the results that plans read, which are no payees."""
    out = {"target", "target_pay", "quantity", "period_start", "period_end", "as_of"}
    for p in plans:
        if isinstance(p.splits, str):
            out.add(p.splits)
        if p.multiplier is not None:
            out.add(p.multiplier)
        if p.pool is not None:
            out.add(p.pool["by"])
    return out


def _for_draws(
    targets: Any, frame: pd.DataFrame, names: list[str], draw: str, *, caller: str
) -> Any:
    """Targets repeated for every draw."""
    if targets is None:
        return None
    if isinstance(targets, pd.Series | Mapping):
        targets = target_rows(targets, names, Columns(), caller=caller)
    table = to_pandas(targets, caller=caller, arg="targets")
    if draw in table.columns:
        return table
    each = pd.DataFrame({draw: frame[draw].drop_duplicates().sort_values().to_numpy()})
    return table.merge(each, how="cross")


def _by_draw(grid: np.ndarray, codes: np.ndarray, n: int) -> np.ndarray:
    out = np.zeros(n, dtype=np.int64)
    np.add.at(out, codes, grid.sum(axis=1))
    return out


# --------------------------------------------------------------------------------------
# The curve


def pay_curve(
    plan: CommissionPlan,
    *,
    target: float | None = None,
    target_pay: float | None = None,
    upto: float | None = None,
    points: int = 401,
    step: float = 0.01,
) -> pd.DataFrame:
    """Pay of one payee's period as a function of what is sold.

    Parameters
    ----------
    plan : CommissionPlan
        The rules; tiers, threshold, cap and draw are drawn (no gate: it depends on the year).
    target : float, optional
        Target of the period; needed where tiers are climbed by attainment.
    target_pay : float, optional
        Pay at target, for plans with ``pays="target_pay"``.
    upto : float, optional
        Largest amount; None: a half beyond the last tier (the target, if that is more).
    points : int, default=401
        Number of points.
    step : float, default=0.01
        Smallest unit of money.

    Returns
    -------
    DataFrame
        ``amount``, ``attainment`` (NaN without a target), ``payout``, ``rate`` (payout over
        amount).

    Raises
    ------
    InputError
        The plan needs a target (or target pay) and none is given.

    Examples
    --------
    >>> plan = CommissionPlan([(0, 0.05), (1000, 0.10)], base="amount")
    >>> pay_curve(plan, upto=2000, points=3)[["amount", "payout"]]
       amount  payout
    0     0.0     0.0
    1  1000.0    50.0
    2  2000.0   150.0
    """
    caller = "pay_curve"
    check_number(step, "step", caller=caller, low=0, open_low=True)
    scale = _scale(plan, target, target_pay, caller=caller)
    count = check_int(points, "points", caller=caller, low=2, high=10_000_000)
    last = max(s for s, _ in plan.tiers) * float(scale)
    end = upto if upto is not None else max(1.5 * last, 1.5 * (target or 0.0)) or 1000.0
    end = check_number(end, "upto", caller=caller, low=0, open_low=True)
    frame = pd.DataFrame({"point": np.arange(count), "amount": np.linspace(0, end, count)})
    frame["amount"] = (frame["amount"] / step).round() * step
    if target is not None:
        frame["target"] = float(target)
    if target_pay is not None:
        frame["target_pay"] = float(target_pay)
    alone = replace(plan, gate=None, cumulative=False, true_up=True, splits=None, overlays=None,
                    pool=None, spiffs=(), multiplier=None, pay_on="booking", clawback=None,
                    start=None, end=None)  # fmt: skip
    paid = payout(frame, alone, by="point", step=step)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(paid["amount"] > 0, paid["payout"] / paid["amount"], np.nan)
    reached = paid["amount"] / float(target) if target else np.nan
    return pd.DataFrame(
        {"amount": paid["amount"], "attainment": reached, "payout": paid["payout"], "rate": rate}
    )


def _scale(plan: Any, target: float | None, target_pay: float | None, *, caller: str) -> Fraction:
    """Amount that one unit of the tiers' starts stands for."""
    if not isinstance(plan, CommissionPlan):
        raise InputError(f"{caller}(): plan must be a CommissionPlan, got {type(plan).__name__}.")
    if (plan.pays == "target_pay" or "target_pay" in plan.caps) and target_pay is None:
        raise InputError(f"{caller}(): this plan pays (or caps) a share of target_pay; give it.")
    if target_pay is not None:
        check_number(target_pay, "target_pay", caller=caller, low=0)
    if plan.base == "amount":
        return Fraction(1)
    if target is None:
        raise InputError(f"{caller}(): tiers by attainment need target=.")
    return fraction(check_number(target, "target", caller=caller, low=0, open_low=True))


def cliffs(
    plan: CommissionPlan,
    *,
    target: float | None = None,
    target_pay: float | None = None,
    margin: float = 1.0,
) -> pd.DataFrame:
    """Where one more yuan of sales pays more than it brings.

    Parameters
    ----------
    plan : CommissionPlan
        The rules; tiers, threshold and the caps of a period count.
    target : float, optional
        Target of the period; None: 1, so that amounts read as shares of the target.
    target_pay : float, optional
        Pay at target, for plans with ``pays="target_pay"`` (or a cap by it).
    margin : float, default=1.0
        What a yuan of sales brings.

    Returns
    -------
    DataFrame
        One row a place where the pay jumps, or from which on it grows faster than ``margin``,
        ascending:
        ``at`` (amount), ``attainment``, ``rule`` (``tier 2``, ``threshold``, ...; within a
        tier of rising rates the tier it lies in), ``below`` and
        ``above`` (pay on either side of it), ``jump``, ``rate_after`` (pay for each further
        yuan, at that place), ``break_even`` (further sales whose margin pays for the jump; NaN
        for a fall), ``kind`` (``jump``, ``fall``, ``steep``). Empty: the plan has no cliffs.

    Raises
    ------
    InputError
        Target pay is needed and not given.

    Examples
    --------
    >>> plan = CommissionPlan([(0, 0.04), (100_000, 0.06)], base="amount", mode="retroactive")
    >>> cliffs(plan)[["at", "below", "above", "jump"]]
             at   below   above    jump
    0  100000.0  4000.0  6000.0  2000.0
    """
    caller = "cliffs"
    if isinstance(plan, CommissionPlan) and plan.base == "attainment" and target is None:
        target = 1.0
    scale = _scale(plan, target, target_pay, caller=caller)
    worth = fraction(check_number(margin, "margin", caller=caller, low=0))
    pay_at_target = fraction(target_pay) if target_pay is not None else Fraction(1)
    places = {fraction(s) * scale: f"tier {j + 1}" for j, (s, _) in enumerate(plan.tiers)}
    least = Fraction(0)
    if plan.threshold is not None:
        least = fraction(plan.threshold) * scale
        places[least] = "threshold" if least not in places else f"threshold, {places[least]}"
    bends = _steepening(plan, scale, least, worth)
    places |= bends
    most = _most(plan, pay_at_target)
    rows = []
    for x, rule in sorted(places.items()):
        below, above = (
            min(_side(plan, x, scale, pay_at_target, least, above=side), most)
            for side in (False, True)
        )
        capped = above == most
        slope = Fraction(0) if capped else _slope(plan, x, scale, pay_at_target, least)
        jump = above - below
        if x == 0:
            jump = Fraction(0)
        if jump == 0 and (slope < worth if x in bends else slope <= worth):
            continue
        even = float(jump / worth) if jump > 0 and worth > 0 else np.nan
        kind = "jump" if jump > 0 else "fall" if jump < 0 else "steep"
        reached = float(x / fraction(target)) if target else np.nan
        rows.append((float(x), reached, rule, float(below), float(above), float(jump),
                     float(slope), even, kind))  # fmt: skip
    columns = ["at", "attainment", "rule", "below", "above", "jump", "rate_after", "break_even",
               "kind"]  # fmt: skip
    out = pd.DataFrame(rows, columns=columns)
    texts = ("rule", "kind")
    return out.astype({c: "str" if c in texts else "float64" for c in columns})


def _most(plan: CommissionPlan, at_target: Fraction) -> Fraction | float:
    """Ceiling of a period's pay."""
    caps = plan.caps
    out = [fraction(caps["period"])] if "period" in caps else []
    if "target_pay" in caps:
        out.append(fraction(caps["target_pay"]) * at_target)
    return min(out, default=float("inf"))


def _side(
    plan: CommissionPlan, x: Fraction, scale: Fraction, at_target: Fraction, least: Fraction,
    *, above: bool,
) -> Fraction:  # fmt: skip
    """Limit of the pay at ``x`` from one side."""
    if x < least or (x == least and least > 0 and not above):
        return Fraction(0)
    tiers = [(fraction(s) * scale, fraction(v)) for s, v in plan.tiers]
    reached = [j for j, (s, _) in enumerate(tiers) if (s <= x if above else s < x)] or [0]
    j = reached[-1]
    if plan.mode == "interpolated":
        value = tiers[j][1]
        if j + 1 < len(tiers):
            (s0, v0), (s1, v1) = tiers[j], tiers[j + 1]
            value = v0 + (v1 - v0) * (x - s0) / (s1 - s0)
        return value * _base(plan, x, at_target)
    if plan.mode == "retroactive":
        return tiers[j][1] * _base(plan, x, at_target)
    if plan.pays == "flat":
        return sum((tiers[i][1] for i in reached), Fraction(0))
    pay = x * tiers[0][1]
    for (_, low), (start, value) in zip(tiers, tiers[1:], strict=False):
        pay += max(x - start, Fraction(0)) * (value - low)
    return pay


def _base(plan: CommissionPlan, x: Fraction, at_target: Fraction) -> Fraction:
    return {"rate": x, "flat": Fraction(1), "target_pay": at_target}[plan.pays]


def _slope(
    plan: CommissionPlan, x: Fraction, scale: Fraction, at_target: Fraction, least: Fraction
) -> Fraction:
    """Pay for each further yuan, just after ``x``."""
    if x < least:
        return Fraction(0)
    tiers = [(fraction(s) * scale, fraction(v)) for s, v in plan.tiers]
    j = max(i for i, (s, _) in enumerate(tiers) if s <= x)
    if plan.mode == "interpolated":
        bend = _bend(tiers, j)
        if plan.pays == "rate":
            return tiers[j][1] + bend * (2 * x - tiers[j][0])
        return bend * _base(plan, x, at_target)
    return tiers[j][1] if plan.pays == "rate" else Fraction(0)


def _bend(tiers: list[tuple[Fraction, Fraction]], j: int) -> Fraction:
    """How fast the value of an interpolated plan moves within tier ``j``."""
    if j + 1 >= len(tiers):
        return Fraction(0)
    (s0, v0), (s1, v1) = tiers[j], tiers[j + 1]
    return (v1 - v0) / (s1 - s0)


def _steepening(
    plan: CommissionPlan, scale: Fraction, least: Fraction, worth: Fraction
) -> dict[Fraction, str]:
    """Places inside a tier of rising rates from which on a yuan pays more than it brings."""
    if plan.mode != "interpolated" or plan.pays != "rate":
        return {}
    tiers = [(fraction(s) * scale, fraction(v)) for s, v in plan.tiers]
    out = {}
    for j, (start, value) in enumerate(tiers[:-1]):
        bend = _bend(tiers, j)
        if bend > 0:
            at = max((worth - value) / bend + start, 2 * start, 2 * least) / 2
            if max(start, least) < at < tiers[j + 1][0]:
                out[at] = f"tier {j + 1}"
    return out


# --------------------------------------------------------------------------------------
# Recalculation


def adjustments(
    paid: pd.DataFrame,
    due: pd.DataFrame,
    *,
    by: str | Sequence[str],
    amount: str = "payout",
    step: float = 0.01,
) -> pd.DataFrame:
    """Prior periods computed again: what was paid, what is due, and the difference.

    Parameters
    ----------
    paid, due : DataFrame
        Two payouts with the same keys: as once paid, and with the results or the plan as they
        are known now.
    by : str or sequence of str
        Key columns, the period among them (``["rep", "date"]``).
    amount : str, default="payout"
        Column to compare.
    step : float, default=0.01
        Smallest unit of money.

    Returns
    -------
    DataFrame
        Keys, ``paid``, ``due``, ``adjustment`` (due - paid), only where it is not zero; a key
        that stands in one of them only counts as zero in the other. Keys ascending.

    Raises
    ------
    InputError
        A column is missing, a key stands twice, or the two are in different currencies.

    Examples
    --------
    >>> import pandas as pd
    >>> then = pd.DataFrame({"rep": ["Li", "Wu"], "payout": [100.0, 50.0]})
    >>> now = pd.DataFrame({"rep": ["Li", "Wu"], "payout": [90.0, 50.0]})
    >>> adjustments(then, now, by="rep")
      rep   paid   due  adjustment
    0  Li  100.0  90.0       -10.0
    """
    caller = "adjustments"
    names = check_names(by, "by", caller=caller)
    if not names:
        raise InputError(f"{caller}(): by must name a column.")
    same_currency({"paid": paid, "due": due}, names, caller=caller)
    options = [f"by{i}" for i in range(len(names))]
    rows = [
        take(f, caller=caller, arg=arg, by=names, unique=options, amount=Amount(amount))
        for arg, f in (("paid", paid), ("due", due))
    ]
    both = stack_keys([r.frame for r in rows], names, caller=caller, args=("paid", "due"))
    key = factorise(both, names)
    cut = len(rows[0])
    sums = []
    for r, codes in zip(rows, (key.codes[:cut], key.codes[cut:]), strict=True):
        whole = np.zeros(len(key), dtype=np.int64)
        whole[codes] = units(r["amount"], step, name=amount, caller=caller)
        sums.append(whole)
    out = key.labels.copy()
    out["paid"], out["due"] = (money(s, step) for s in sums)
    out["adjustment"] = money(sums[1] - sums[0], step)
    return out[sums[0] != sums[1]].reset_index(drop=True)
