"""orders.csv: when each order was promised and delivered, and how much of it came at once."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd
import transactions

SLIPPING = ("WH-S", "2025-03-01", 0.93, 0.72)  # warehouse, since when, on time before and after
WAREHOUSES = {"华东": "WH-E", "华南": "WH-S", "International": "WH-P"}


@cache
def make() -> pd.DataFrame:
    """One row an order; ``delivered_date`` is empty while goods are under way on 2025-12-31."""
    r = co.rng("orders")
    sold = transactions.make()
    sold = sold[sold["quantity"] > 0]
    out = sold.groupby("order_id", as_index=False).agg(
        customer_id=("customer_id", "first"),
        order_date=("date", "first"),
        region=("region", "first"),
        quantity=("quantity", "sum"),
    )
    n = len(out)
    out["warehouse"] = out.pop("region").map(WAREHOUSES)
    lead = np.where(out["warehouse"] == "WH-P", r.integers(10, 25, n), r.integers(3, 11, n))
    out["promised_date"] = out["order_date"] + lead
    name, since, before, after = SLIPPING
    worse = (out["warehouse"] == name) & (out["order_date"] >= co.day(since))
    punctual = r.random(n) < np.where(worse, after, before)
    early = np.minimum(r.integers(0, 3, n), lead - 1)
    late = 1 + r.geometric(np.where(worse, 0.14, 0.28), n)
    arrived = out["promised_date"] + np.where(punctual, -early, late)
    out["delivered_date"] = np.where(arrived < co.N_DAYS, arrived, co.NONE)
    short = r.random(n) < np.where(worse, 0.10, 0.04)
    part = np.rint(out["quantity"] * r.uniform(0.5, 0.95, n)).astype(int)
    came = np.where(short, np.maximum(part, 1), out["quantity"])
    out["delivered_quantity"] = np.where(out["delivered_date"] == co.NONE, 0, came)
    columns = ["order_id", "customer_id", "warehouse", "order_date", "promised_date"]
    return out[[*columns, "delivered_date", "quantity", "delivered_quantity"]]


if __name__ == "__main__":
    co.run("orders", make)
