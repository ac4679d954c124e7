"""activities.csv: visits, calls and demos of reps, and promises to pay."""

from functools import cache

import _company as co
import accounts
import invoices
import numpy as np
import pandas as pd
from _receivables import settled

TYPES, SHARES = ("visit", "call", "demo"), (0.5, 0.4, 0.1)
OUTCOMES, OUTCOME_SHARES = ("order", "follow_up", "no_interest", "absent"), (0.2, 0.5, 0.2, 0.1)
TIER_WEIGHT = {"A": 6.0, "B": 2.5, "C": 1.0}


@cache
def make() -> pd.DataFrame:
    """One row an activity; the promised day and amount are filled for promises only."""
    r = co.rng("activities")
    out = pd.concat([_contacts(r), _promises(r)], ignore_index=True)
    out = out[out["date"] < co.N_DAYS]
    out = out.sort_values(["date", "rep", "customer_id", "type"], ignore_index=True)
    out.insert(0, "activity_id", [f"A{i + 1:04d}" for i in range(len(out))])
    return out


def _contacts(r: np.random.Generator) -> pd.DataFrame:
    people = co.customers()
    weight = accounts.make()["tier"].map(TIER_WEIGHT).to_numpy()
    work = np.flatnonzero(co.working())
    rows = []
    for rep in co.reps().itertuples():
        first = max(rep.hire_date, 0)
        last = co.N_DAYS if rep.leave_date == co.NONE else rep.leave_date + 1
        days = work[(work >= first) & (work < last)]
        days = np.sort(r.choice(days, int(len(days) * r.uniform(0.20, 0.30))))
        for when in days:
            mine = _owned(rep.rep, int(when))
            w = weight[mine] if rep.rep != co.POOR_PLANNER else 1 / weight[mine]
            w = np.where(people["start"].to_numpy()[mine] > when + 30, 0, w)
            if w.sum() == 0:
                continue
            one = mine[np.searchsorted(np.cumsum(w) / w.sum(), r.random())]
            kind = str(r.choice(TYPES, p=SHARES))
            minutes = int(r.integers(3, 25)) * (5 if kind != "call" else 1)
            rows.append(
                {
                    "date": int(when),
                    "rep": rep.rep,
                    "customer_id": people["customer_id"].iat[one],
                    "type": kind,
                    "minutes": minutes,
                    "outcome": str(r.choice(OUTCOMES, p=OUTCOME_SHARES)),
                    "promised_date": co.NONE,
                    "promised_amount": co.NONE,
                }
            )
    return pd.DataFrame(rows)


@cache
def _owned(rep: str, when: int) -> np.ndarray:
    first = co.customers()["rep"].to_numpy()
    names = {rep} | {a for a in co.LEAVERS if co.owner_on(a, when) == rep}
    return np.flatnonzero(np.isin(first, sorted(names)))


def _promises(r: np.random.Generator) -> pd.DataFrame:
    """Calls about overdue invoices end in a promise; sliding customers break theirs."""
    people = co.customers().set_index("customer_id")
    paid = settled()[0].groupby("bill")["date"].max()
    rows = []
    bills = invoices.make()
    for bill in bills[bills["type"] == "invoice"].itertuples():
        when = bill.due_date + 8
        done = int(paid.get(bill.invoice_id, 10**6))
        u = r.random(3)
        sliding = people.at[bill.customer_id, "default_day"] != co.NONE
        if done <= when or u[0] > (0.7 if sliding else 0.25) or when >= co.N_DAYS:
            continue
        kept = not sliding and u[1] < 0.85
        promised = min(done + int(3 * u[2]), when + 40) if kept else when + 5 + int(6 * u[2])
        rows.append(
            {
                "date": when,
                "rep": co.owner_on(people.at[bill.customer_id, "rep"], when),
                "customer_id": bill.customer_id,
                "type": "promise",
                "minutes": 10,
                "outcome": "promise_to_pay",
                "promised_date": promised,
                "promised_amount": bill.amount,
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    co.run("activities", make)
