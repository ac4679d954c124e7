"""contracts.csv: framework contracts with customers on credit, some with gaps in their terms."""

from functools import cache

import _company as co
import accounts
import numpy as np
import pandas as pd


@cache
def make() -> pd.DataFrame:
    """One row a contract, yearly or for two years; missing terms are empty."""
    r = co.rng("contracts")
    known = accounts.make()
    start = co.customers()["start"].to_numpy()
    rows = []
    for i in np.flatnonzero((known["credit_limit"] != co.NONE).to_numpy()):
        one, first = known.iloc[i], max(int(start[i]), 0)
        while first < co.N_DAYS and r.random() < 0.75:
            years = int(r.choice([1, 2], p=[0.6, 0.4]))
            rows.append(_contract(one, first, years, r))
            first += 365 * years
    out = pd.DataFrame(rows).sort_values(["signed_date", "customer_id"], ignore_index=True)
    out.insert(0, "contract_id", [f"F{i + 1:04d}" for i in range(len(out))])
    return out


def _contract(one: pd.Series, first: int, years: int, r: np.random.Generator) -> dict:
    u = r.random(6)
    days = int(one["payment_days"]) if u[0] > 0.03 else 120  # some promised more than policy
    limit = int(one["credit_limit"])
    return {
        "customer_id": one["customer_id"],
        "signed_date": max(first - int(30 * u[1]), 0),
        "start_date": first,
        "end_date": first + 365 * years - 1,
        "amount": max(int(one["potential"] * years * (0.4 + 0.5 * u[2])) // 100_000, 1) * 100_000,
        "currency": one["currency"],
        "payment_days": days if u[3] > 0.07 else co.NONE,
        "penalty_rate": "0.0005" if u[4] > 0.14 else "",
        "credit_limit": limit if u[5] > 0.10 else co.NONE,
    }


if __name__ == "__main__":
    co.run("contracts", make)
