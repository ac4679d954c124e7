"""expenses.csv: what selling cost, by month."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd
import transactions

BIG_SPENDER = "R21"
OVERRUN = ("International", "freight", 2025, 1.30)
CAMPAIGN_COST = {  # month, region: campaign and what it cost
    ("2024-03", "华东"): ("Spring restart (开工季)", 60_000_00),
    ("2024-04", "华东"): ("Spring restart (开工季)", 45_000_00),
    ("2025-05", "华南"): ("Summer rebate (年中返利)", 50_000_00),
    ("2025-06", "华南"): ("Summer rebate (年中返利)", 50_000_00),
}
CAMPAIGN_COST |= {
    (f"{y}-11", region): ("Double 11", cost)
    for y in (2023, 2024, 2025)
    for region, cost in (("华东", 30_000_00), ("华南", 20_000_00), ("International", 8_000_00))
}


@cache
def make() -> pd.DataFrame:
    """One row a month, region, category and, for people's own costs, rep; in CNY."""
    r = co.rng("expenses")
    ends = np.flatnonzero(np.roll(co.MONTH, -1) != co.MONTH)
    out = pd.DataFrame([*_personal(ends, r), *_regional(ends, r)])
    out["amount"] = out["amount"].astype(int)
    return out.sort_values(["date", "region", "category", "rep", "campaign"], ignore_index=True)


def _personal(ends: np.ndarray, r: np.random.Generator) -> list[dict]:
    rows = []
    for rep in co.reps().itertuples():
        salary = int(r.integers(90, 180)) * 100_00
        for last in ends:
            u = np.exp(r.normal(0, 0.35, 2))
            here = last >= rep.hire_date and (rep.leave_date == co.NONE or last <= rep.leave_date)
            if not here:
                continue
            much = 3.0 if rep.rep == BIG_SPENDER else 1.0
            far = 1.8 if rep.region == "International" else 1.0
            amounts = {
                "salary": int(salary * 1.04 ** (co.YEAR[last] - 2023)) // 100 * 100,
                "travel": int(3_200_00 * far * u[0]),
                "entertainment": int(1_900_00 * much * u[1]),
            }
            for category, amount in amounts.items():
                rows.append(_row(last, rep.region, rep.team, rep.rep, category, amount))
    return rows


def _regional(ends: np.ndarray, r: np.random.Generator) -> list[dict]:
    sold = transactions.make()
    month = co.DATES[sold["date"]].astype("datetime64[M]").astype(str)
    total = sold.groupby(["region", month])["amount"].sum()
    freight = {"华东": 0.014, "华南": 0.017, "International": 0.040}
    rows = []
    for last in ends:
        name = str(co.DATES[last].astype("datetime64[M]"))
        for region in co.REGIONS:
            u = np.exp(r.normal(0, 0.10, 3))
            much = OVERRUN[3] if (region, co.YEAR[last]) == (OVERRUN[0], OVERRUN[2]) else 1.0
            sales = int(total[region, name])
            rows.append(
                _row(last, region, "", "", "freight", int(sales * freight[region] * much * u[0]))
            )
            rows.append(_row(last, region, "", "", "warehouse", int(28_000_00 * u[1])))
            rows.append(_row(last, region, "", "", "marketing", int(15_000_00 * u[2])))
            if (name, region) in CAMPAIGN_COST:
                campaign, cost = CAMPAIGN_COST[name, region]
                one = _row(last, region, "", "", "marketing", cost)
                rows.append({**one, "campaign": campaign})
    return rows


def _row(last: int, region: str, team: str, rep: str, category: str, amount: int) -> dict:
    return {
        "date": int(last),
        "region": region,
        "team": team,
        "rep": rep,
        "category": category,
        "amount": amount,
        "campaign": "",
    }


if __name__ == "__main__":
    co.run("expenses", make)
