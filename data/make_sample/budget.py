"""budget.csv: what selling may cost in 2025 and 2026, by month, region and category."""

from functools import cache

import _company as co
import expenses
import numpy as np
import pandas as pd

RISE = {"salary": 1.05, "travel": 1.02, "entertainment": 0.95, "freight": 1.06}


@cache
def make() -> pd.DataFrame:
    """Last year's spend times a rise, the year's sum spread evenly, in whole 100 CNY."""
    spent = expenses.make()
    year = co.YEAR[spent["date"]]
    rows = []
    for target in (2025, 2026):
        before = spent[year == target - 1].groupby(["region", "category"])["amount"].sum()
        for region in co.REGIONS:
            for category in sorted(spent["category"].unique()):
                monthly = before[region, category] / 12 * RISE.get(category, 1.0)
                rows += [_row(target, m, region, category, monthly) for m in range(1, 13)]
    return pd.DataFrame(rows).sort_values(["period_start", "region", "category"], ignore_index=True)


def _row(year: int, month: int, region: str, category: str, amount: float) -> dict:
    start = np.datetime64(f"{year}-{month:02d}", "M")
    after = start + np.timedelta64(1, "M")
    return {
        "region": region,
        "category": category,
        "period_start": int((start.astype("datetime64[D]") - co.START).astype(int)),
        "period_end": int((after.astype("datetime64[D]") - co.START).astype(int)) - 1,
        "amount": round(amount / 10_000) * 10_000,
    }


if __name__ == "__main__":
    co.run("budget", make)
