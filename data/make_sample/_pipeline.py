"""How deals move: the common source of deals, stage events and monthly snapshots."""

from __future__ import annotations

from functools import cache

import _company as co
import numpy as np
import pandas as pd

STAGES = ("lead", "qualified", "proposal", "negotiation")
SOURCES = ("website", "referral", "trade_fair", "partner", "cold_call")
SOURCE_EFFECT = {"website": -0.1, "referral": 0.7, "trade_fair": 0.1, "partner": 0.2}
SOURCE_EFFECT |= {"cold_call": -0.6}
COMPETITORS = ("Norvik", "恒立流体", "Apex Flow")
STRONG_COMPETITOR, COMPETITOR_EFFECT = "Apex Flow", -0.9
REASONS = ("price", "timing", "no_budget", "no_decision", "product_fit")
PASS = {"lead": 0.55, "qualified": 0.66, "proposal": 0.68, "negotiation": 0.66}
DWELL = {"lead": 7.0, "qualified": 18.0, "proposal": 21.0, "negotiation": 24.0}  # median days
BOTTLENECK = ("proposal", "华南")  # stage, region
BOTTLENECK_PASS, BOTTLENECK_DWELL = 0.36, 52.0
RAMP = (0.25, 0.5, 0.75)  # leads of a new hire's first months, share of the usual
LUCKY = ((402, 2_860_000_00), (771, 2_240_000_00))  # created on day, amount: two chance wins
MINUTE = 1440


@cache
def pipeline() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deals as they end (or stand on 2025-12-31), and every entry into a stage."""
    r = co.rng("deals")
    deals, events = [], []
    for lead in _leads(r):
        moves, outcome = _course(lead, r)
        moves = [(t, s) for t, s in moves if t < co.N_DAYS * MINUTE]
        seen = {**lead, "last": moves[-1][1], "changed": moves[-1][0], "outcome": outcome}
        deals.append(seen)
        events += [{**lead, "entered_at": t, "stage": s} for t, s in moves]
    table = pd.DataFrame(deals).sort_values(["created_at", "draw"], ignore_index=True)
    table["deal_id"] = [f"D{i + 1:04d}" for i in range(len(table))]
    table["status"] = np.where(table["last"].isin(["won", "lost"]), table["last"], "open")
    moved = pd.DataFrame(events).merge(table[["draw", "deal_id"]], on="draw")
    moved["rep"] = [
        co.owner_on(a, t // MINUTE) for a, t in zip(moved["rep"], moved["entered_at"], strict=True)
    ]
    return table, moved.sort_values(["entered_at", "deal_id"], ignore_index=True)


def _leads(r: np.random.Generator) -> list[dict]:
    people = co.customers()
    by_region = {n: people.index[people["region"] == n].to_numpy() for n in co.REGIONS}
    out: list[dict] = []
    for rep in co.reps().itertuples():
        first = max(rep.hire_date, 0)
        last = co.N_DAYS if rep.leave_date == co.NONE else rep.leave_date - 20
        for start in range(first, last, 30):
            age = (start - rep.hire_date) // 30
            share = RAMP[age] if age < len(RAMP) else 1.0
            for _ in range(r.poisson(2.6 * share)):
                when = int(start + r.integers(0, 30))
                if when >= last:
                    continue
                out.append(_lead(rep, when, len(out), by_region[rep.region], r))
    lucky = next(rep for rep in co.reps().itertuples() if rep.rep == co.LUCKY_REP)
    for when, amount in LUCKY:
        lead = _lead(lucky, when, len(out), by_region[lucky.region], r)
        out.append({**lead, "amount": amount, "lucky": True, "competitor": ""})
    return out


def _lead(rep, when: int, draw: int, customers: np.ndarray, r: np.random.Generator) -> dict:
    people = co.customers()
    while not co.working()[when]:
        when = when + 1 if when + 1 < co.N_DAYS else when - 1
    amount = np.exp(r.normal(np.log(70_000), 0.75))
    rival = r.random() < 0.45
    return {
        "draw": draw,
        "customer_id": people["customer_id"].iat[int(r.choice(customers))],
        "rep": rep.rep,
        "skill": rep.skill,
        "region": rep.region,
        "product_line": str(r.choice(co.LINES)),
        "source": str(r.choice(SOURCES, p=[0.30, 0.18, 0.17, 0.15, 0.20])),
        "competitor": str(r.choice(COMPETITORS, p=[0.4, 0.35, 0.25])) if rival else "",
        "created_at": when * MINUTE + int(r.integers(9 * 60, 18 * 60)),
        "amount": int(np.rint(amount / 100)) * 10_000,
        "lucky": False,
        "ratio": float(np.exp(r.normal(0, 0.18))),  # first estimate over the end's amount
        "patience": int(r.integers(50, 130)),  # days to the first expected close
        "keen": bool(r.random() < 0.65),  # called "commit" once in negotiation
        "reason": str(r.choice(REASONS, p=[0.34, 0.20, 0.16, 0.18, 0.12])),
    }


def _course(lead: dict, r: np.random.Generator) -> tuple[list[tuple[int, str]], str]:
    """Moves (minute, stage) of one deal until it is won or lost, and which it is."""
    t, k, moves, lives = lead["created_at"], 0, [(lead["created_at"], "lead")], 1
    back = r.random() < 0.07
    while True:
        stage = STAGES[k]
        u = r.random(5)
        t = _later(t, stage, lead, float(r.normal()))
        if u[0] < _odds(stage, lead):
            if stage == "negotiation" and back:
                back, k = False, 2
            elif k == 3:
                moves.append((_to_quarter_end(t, u[1]), "won"))
                return moves, "won"
            else:
                k += 2 if k == 0 and u[2] < 0.09 else 1
            moves.append((t, STAGES[k]))
            continue
        moves.append((t, "lost"))
        if lives and k > 0 and u[3] < 0.07:  # the customer calls again
            lives, k = 0, 1
            t += int((30 + 60 * u[4]) * MINUTE)
            moves.append((t, "qualified"))
            continue
        return moves, "lost"


def _odds(stage: str, lead: dict) -> float:
    if lead["lucky"]:
        return 1.0
    p = PASS[stage]
    if (stage, lead["region"]) == BOTTLENECK:
        p = BOTTLENECK_PASS
    x = np.log(p / (1 - p)) + lead["skill"]
    if stage in ("lead", "qualified"):
        x += SOURCE_EFFECT[lead["source"]]
    if stage == "negotiation" and lead["competitor"] == STRONG_COMPETITOR:
        x += COMPETITOR_EFFECT
    return float(1 / (1 + np.exp(-x)))


def _later(t: int, stage: str, lead: dict, z: float) -> int:
    median = BOTTLENECK_DWELL if (stage, lead["region"]) == BOTTLENECK else DWELL[stage]
    days = median * np.exp(0.7 * z)
    t = t + max(int(days * MINUTE), MINUTE)
    when, clock = divmod(t, MINUTE)
    while when < co.N_DAYS and not co.working()[when]:
        when += 1
    return when * MINUTE + 9 * 60 + clock % (9 * 60)


def _to_quarter_end(t: int, u: float) -> int:
    """A third of the signatures wait for (or hurry to) the last week of the quarter."""
    when, clock = divmod(t, MINUTE)
    if when >= co.N_DAYS or u > 0.35:
        return t
    ends = np.flatnonzero((co.MONTH % 3 == 2) & (np.roll(co.MONTH, -1) % 3 == 0))
    ahead = ends[ends >= when]
    if len(ahead) == 0 or ahead[0] - when > 25:
        return t
    best = int(ahead[0]) - int(u * 15)
    while not co.working()[best] and best > when:
        best -= 1
    return max(best, when) * MINUTE + clock


def estimate(deal, stage: str, when: int) -> tuple[int, int, str]:
    """Amount, expected close and forecast category as the owner enters them on a day."""
    k = STAGES.index(stage)
    owner = co.owner_on(deal.rep, when)
    ratio = deal.ratio ** (1 - k / 4)
    category = ("pipeline", "pipeline", "best_case", "commit" if deal.keen else "best_case")[k]
    patience = deal.patience
    if owner == co.SANDBAGGER:  # small, late and uncommitted until it is signed
        ratio, patience = ratio * 0.60, patience + 60
        category = "pipeline" if k < 3 else "best_case"
    if owner == co.HAPPY_EARS:  # large, soon and certain
        ratio, patience = ratio * 1.30, 30
        category = "pipeline" if k == 0 else "best_case" if k == 1 else "commit"
    amount = int(np.rint(deal.amount * ratio / 10_000)) * 10_000
    expected = deal.created_at // MINUTE + patience
    while expected <= when + 4:  # the date has slipped
        expected += 30
    return max(amount, 100_000), expected, category
