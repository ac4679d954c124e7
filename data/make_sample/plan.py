"""plan.csv: monthly targets of 2025 and 2026 for sales (销售额) and collections (回款)."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd
import payments
import transactions

STRETCH = {"华东": 1.10, "华南": 1.06, "International": 1.14}
LEAST = 0.5  # of the average territory: what a new territory is asked for
STEP = 100_000  # 1,000 CNY


@cache
def make() -> pd.DataFrame:
    """One row a rep, month and measure; a successor takes over the rest of a leaver's year."""
    r = co.rng("plan")
    rows = []
    for measure, actual in (("销售额", _sales()), ("回款", _collections())):
        two_years = actual[actual["date"] < co.day("2025-01-01")]
        season = two_years.groupby(co.MONTH[two_years["date"]])["amount"].sum()
        for year in (2025, 2026):
            before = actual[co.YEAR[actual["date"]] == year - 1]
            new_year = co.day(f"{year}-01-01")
            holder = before["rep"].map(lambda rep, d=new_year: co.owner_on(rep, d))
            done = before.groupby(holder)["amount"].sum()
            least = int(done.mean() * LEAST)
            for rep in co.reps().itertuples():
                stretch = STRETCH[rep.region] * r.uniform(0.97, 1.10)
                if rep.rep in done.index:
                    total = max(int(done[rep.rep] * stretch), least)
                    months = _split(total, season.to_numpy())
                    rows += [_row(rep, year, m, v, measure) for m, v in enumerate(months)]
    out = pd.DataFrame(rows)
    out["rep"] = [_holder(a, d) for a, d in zip(out["rep"], out["period_start"], strict=True)]
    keys = ["region", "team", "rep", "period_start", "period_end", "measure"]
    out = out.groupby(keys, as_index=False)["target"].sum()
    out = out.sort_values(["measure", "period_start", "rep"], ascending=[False, True, True])
    return out[[*keys[:5], "target", "measure"]]


def _sales() -> pd.DataFrame:
    return transactions.make()[["date", "rep", "amount"]]


def _collections() -> pd.DataFrame:
    """Payments in CNY by the rep who looks after the customer on the day."""
    people = co.customers().set_index("customer_id")
    out = payments.make()
    rate = pd.Series(co.YEAR[out["date"]], index=out.index).map(co.FX)
    rate = np.where(out["currency"] == "USD", rate, 1.0)
    first = out["customer_id"].map(people["rep"])
    rep = [co.owner_on(a, d) for a, d in zip(first, out["date"], strict=True)]
    amount = np.rint(out["amount"] * rate).astype(int)
    return pd.DataFrame({"date": out["date"], "rep": rep, "amount": amount})


def _split(total: int, weights: np.ndarray) -> list[int]:
    """A year's target in whole steps by month: largest remainders, earlier month first."""
    units = round(total / STEP)
    ideal = units * weights / weights.sum()
    out = np.floor(ideal).astype(int)
    order = np.argsort(-(ideal - out), kind="stable")
    out[order[: units - out.sum()]] += 1
    return [int(v) * STEP for v in out]


def _row(rep, year: int, month: int, target: int, measure: str) -> dict:
    start = np.datetime64(f"{year}-{month + 1:02d}", "M")
    after = start + np.timedelta64(1, "M")
    return {
        "region": rep.region,
        "team": rep.team,
        "rep": rep.rep,
        "period_start": int((start.astype("datetime64[D]") - co.START).astype(int)),
        "period_end": int((after.astype("datetime64[D]") - co.START).astype(int)) - 1,
        "target": target,
        "measure": measure,
    }


def _holder(rep: str, start: int) -> str:
    """Who carries a rep's target in the month that begins on ``start``."""
    return co.owner_on(rep, start + 14)


if __name__ == "__main__":
    co.run("plan", make)
