"""surveys.csv: satisfaction of customers who answered the quarterly survey."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd

DRIVER_WEIGHTS = {"quality": 0.20, "delivery": 0.50, "service": 0.22, "pricing": 0.08}
DELIVERY_DROP = -0.8  # 华南, since the warehouse slipped


@cache
def make() -> pd.DataFrame:
    """One row an answer: ``csat`` and the drivers 1..5, ``nps`` 0..10."""
    r = co.rng("surveys")
    people = co.customers()
    active = co.presence()
    rows = []
    for wave in range(60, co.N_DAYS, 91):
        there = np.flatnonzero((active[:, wave] > 0.3) & (people["rate"] > 0.15).to_numpy())
        for i in there[r.random(len(there)) < 0.30]:
            when = wave + int(r.integers(0, 25))
            while when < co.N_DAYS and not co.working()[when]:
                when += 1
            if when < co.N_DAYS:
                rows.append(_answer(people.iloc[i], when, r))
    return pd.DataFrame(rows).sort_values(["date", "customer_id"], ignore_index=True)


def _answer(one: pd.Series, when: int, r: np.random.Generator) -> dict:
    leaving = one["kind"] in ("leaving", "lapsed", "lost") and when > one["turn"] - 120
    mood = r.normal(0, 0.35) - (1.1 if leaving else 0.0)
    slipped = one["region"] == "华南" and when >= co.day("2025-03-01")
    scores = {}
    for name in DRIVER_WEIGHTS:
        level = 3.9 + mood + r.normal(0, 0.75)
        level += DELIVERY_DROP if name == "delivery" and slipped else 0.0
        scores[name] = int(np.clip(np.rint(level), 1, 5))
    overall = sum(w * scores[k] for k, w in DRIVER_WEIGHTS.items()) + r.normal(0, 0.3)
    return {
        "date": when,
        "customer_id": one["customer_id"],
        "csat": int(np.clip(np.rint(overall + 0.1), 1, 5)),
        "nps": int(np.clip(np.rint(overall * 2.3 - 1.2 + r.normal(0, 0.8)), 0, 10)),
        **scores,
    }


if __name__ == "__main__":
    co.run("surveys", make)
