"""accounts.csv: the customer master file."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd
import transactions

CITIES = {
    "华东": (
        ("上海", 121.5, 31.2), ("苏州", 120.6, 31.3), ("杭州", 120.2, 30.3), ("南京", 118.8, 32.1),
        ("宁波", 121.6, 29.9), ("合肥", 117.3, 31.9), ("无锡", 120.3, 31.5),
    ),
    "华南": (
        ("深圳", 114.1, 22.5), ("广州", 113.3, 23.1), ("东莞", 113.8, 23.0), ("佛山", 113.1, 23.0),
        ("厦门", 118.1, 24.5), ("珠海", 113.6, 22.3),
    ),
    "International": (
        ("Singapore", 103.8, 1.3), ("Jakarta", 106.8, -6.2), ("Hamburg", 10.0, 53.6),
        ("Lyon", 4.8, 45.8), ("Houston", -95.4, 29.8), ("Monterrey", -100.3, 25.7),
    ),
}  # fmt: skip
FIRST_ZH = "恒华瑞泰鑫盛安达宏远兴隆金诚天正博新科创海嘉永利中联方顺"
LAST_ZH = ("机电", "自动化", "流体设备", "科技", "工业", "制冷", "精密", "环保")
FIRST_EN = ("Arden", "Bright", "Cascade", "Delta", "Evergreen", "Falcon", "Granite", "Harbor")
FIRST_EN += ("Iron", "Juniper", "Kestrel", "Lumen", "Meridian", "North", "Orion", "Pacific")
LAST_EN = ("Controls", "Fluid", "Industrial", "Machinery", "Systems", "Engineering", "Cooling")
LEGAL = {"Singapore": "Pte Ltd", "Jakarta": "PT", "Hamburg": "GmbH", "Lyon": "SAS"}
LEGAL |= {"Houston": "Inc", "Monterrey": "SA de CV"}
INDUSTRIES = ("machinery", "electronics", "food", "water", "chemicals", "building")


@cache
def make() -> pd.DataFrame:
    """One row a customer: where, what, whose, and on which terms."""
    r = co.rng("accounts")
    out = co.customers().copy()
    n = len(out)
    places = [CITIES[i] for i in out["region"]]
    chosen = [p[int(u * len(p))] for p, u in zip(places, r.random(n), strict=True)]
    out["city"] = [c[0] for c in chosen]
    spread = np.round(r.normal(0, 0.25, (n, 2)), 3)
    out["lon"] = [f"{c[1] + d:.3f}" for c, d in zip(chosen, spread[:, 0], strict=True)]
    out["lat"] = [f"{c[2] + d:.3f}" for c, d in zip(chosen, spread[:, 1], strict=True)]
    out["name"] = _names(out, r)
    out["industry"] = r.choice(INDUSTRIES, n)
    out["employees"] = np.rint(20 * out["size"] * np.exp(r.normal(1, 0.8, n))).astype(int)
    out["since_date"] = out["start"]
    out["rep"] = [co.owner_on(rep, co.N_DAYS - 1) for rep in out["rep"]]
    out["team"] = [co.team_of(rep)[0] for rep in out["rep"]]
    yearly = _yearly(out["customer_id"])
    out["tier"] = np.select([yearly > 180_000_00, yearly > 50_000_00], ["A", "B"], "C")
    potential = np.maximum(yearly, 12_000_00) * np.exp(r.normal(0.5, 0.4, n))
    out["potential"] = np.rint(potential / 100_000).astype(int) * 100_000
    hours = out["tier"].map({"A": 40, "B": 16, "C": 5}).to_numpy()
    out["workload"] = np.maximum(1, np.rint(hours * np.exp(r.normal(0, 0.4, n)))).astype(int)
    months = out["payment_days"] / 30 + 1.5
    fx = np.where(out["currency"] == "USD", 7.1, 1.0)
    limit = np.ceil(yearly / 12 * months * 1.6 / fx / 1_000_000) * 1_000_000
    out["credit_limit"] = np.where(out["credit"], np.maximum(limit, 1_000_000), co.NONE).astype(int)
    out["payment_days"] = np.where(out["credit"], out["payment_days"], co.NONE)
    columns = ["customer_id", "name", "region", "team", "rep", "channel", "tier", "industry"]
    columns += ["city", "lon", "lat", "employees", "since_date", "potential", "workload"]
    return out[[*columns, "currency", "payment_days", "credit_limit"]]


def _yearly(ids: pd.Series) -> np.ndarray:
    """Net sales a year while the customer was there, in cents of CNY."""
    sold = transactions.make()
    total = ids.map(sold.groupby("customer_id")["amount"].sum()).fillna(0).to_numpy()
    days = co.N_DAYS - np.maximum(co.customers()["start"].to_numpy(), 0)
    return total / days * 365.25


def _names(out: pd.DataFrame, r: np.random.Generator) -> list[str]:
    names: list[str] = []
    used: set[str] = set()
    for region, city in zip(out["region"], out["city"], strict=True):
        while True:
            u = r.random(3)
            if region == "International":
                name = f"{FIRST_EN[int(u[0] * len(FIRST_EN))]} {LAST_EN[int(u[1] * len(LAST_EN))]}"
                name = f"{name} {int(u[2] * 90) + 10} {LEGAL[city]}"
            else:
                two = FIRST_ZH[int(u[0] * len(FIRST_ZH))] + FIRST_ZH[int(u[2] * len(FIRST_ZH))]
                name = f"{city}{two}{LAST_ZH[int(u[1] * len(LAST_ZH))]}有限公司"
            if name not in used:
                break
        used.add(name)
        names.append(name)
    return names


if __name__ == "__main__":
    co.run("accounts", make)
