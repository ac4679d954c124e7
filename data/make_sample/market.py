"""market.csv: size of the market served, by product line, region and quarter."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd
import transactions

GROWTH = {"Sensors": 0.08, "Drives": 0.18, "Valves": 0.03, "Pumps": 0.05, "Cooling": 0.09}
GROWTH |= {"Tools": 0.01}  # a year


@cache
def make() -> pd.DataFrame:
    """One row a line, region and quarter; ``date`` is the quarter's first day; CNY."""
    r = co.rng("market")
    sold = transactions.make()
    first = sold[sold["date"] < 365].groupby(["product_line", "region"])["amount"].sum()
    season = {line: co.SUMMER if line == "Cooling" else co.SEASON for line in co.LINES}
    rows = []
    for line in co.LINES:
        for region in co.REGIONS:
            share = r.uniform(0.04, 0.14)
            for q in range(12):
                size = first[line, region] / 4 / share * (1 + GROWTH[line]) ** (q / 4)
                size *= season[line][(q % 4) * 3 : (q % 4) * 3 + 3].mean()
                size *= np.exp(r.normal(0, 0.02))
                day = co.day(f"{2023 + q // 4}-{q % 4 * 3 + 1:02d}-01")
                amount = round(size / 1_000_000) * 1_000_000
                rows.append({"date": day, "product_line": line, "region": region, "amount": amount})
    return pd.DataFrame(rows).sort_values(["date", "product_line", "region"], ignore_index=True)


if __name__ == "__main__":
    co.run("market", make)
