"""cases.csv: complaints and how long they took."""

from functools import cache

import _company as co
import numpy as np
import orders
import pandas as pd
import transactions

CATEGORIES = ("quality", "billing", "service", "documents")


@cache
def make() -> pd.DataFrame:
    """One row a complaint; ``closed_at`` is empty while it is open on 2025-12-31."""
    r = co.rng("cases")
    people = co.customers().set_index("customer_id")
    sold = transactions.make().drop_duplicates("order_id").set_index("order_id")
    rows = []
    for order in orders.make().itertuples():
        one = people.loc[order.customer_id]
        late = order.delivered_date != co.NONE and order.delivered_date > order.promised_date
        leaving = one["kind"] in ("leaving", "lapsed", "lost")
        near = leaving and order.order_date > one["turn"] - 120
        u = r.random(5)
        speed = 6.0 if one["region"] == "华南" else 3.0
        length = max(0, int(speed * np.exp(r.normal(0, 0.8))))
        if u[0] > (0.22 if late else 0.035) * (3.0 if near else 1.0):
            continue
        opened = max(order.delivered_date, order.order_date + 4) + int(8 * u[1])
        if opened >= co.N_DAYS:
            continue
        closed = opened + length
        category = "delivery" if late and u[2] < 0.8 else CATEGORIES[int(4 * u[3])]
        rows.append(
            {
                "customer_id": order.customer_id,
                "order_id": order.order_id,
                "opened_at": opened,
                "closed_at": closed if closed < co.N_DAYS else co.NONE,
                "category": category,
                "severity": ("low", "medium", "high")[int(np.searchsorted((0.55, 0.9), u[4]))],
                "product_line": sold.at[order.order_id, "product_line"],
                "rep": co.owner_on(one["rep"], opened),
            }
        )
    out = pd.DataFrame(rows).sort_values(["opened_at", "order_id"], ignore_index=True)
    out.insert(0, "case_id", [f"K{i + 1:04d}" for i in range(len(out))])
    return out


if __name__ == "__main__":
    co.run("cases", make)
