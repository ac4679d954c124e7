"""deals.csv: every lead and deal as it stands on 2025-12-31."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd
from _pipeline import MINUTE, estimate, pipeline


@cache
def make() -> pd.DataFrame:
    """One row a deal; amounts in CNY, expected close for open deals, else the day it closed."""
    r = co.rng("deals.reasons")
    out = pipeline()[0].copy()
    is_open = (out["status"] == "open").to_numpy()
    entered = [
        estimate(d, d.last, co.N_DAYS - 1)
        if d.status == "open"
        else (d.amount, d.changed // MINUTE)
        for d in out.itertuples()
    ]
    out["amount"] = [e[0] for e in entered]
    out["close_date"] = [e[1] for e in entered]
    when = np.where(is_open, co.N_DAYS - 1, out["changed"] // MINUTE)
    out["owner"] = [co.owner_on(a, int(d)) for a, d in zip(out["rep"], when, strict=True)]
    lost = (out["status"] == "lost").to_numpy()
    beaten = lost & (out["competitor"] != "").to_numpy() & (r.random(len(out)) < 0.6)
    out["lost_reason"] = np.where(lost, np.where(beaten, "competitor", out["reason"]), "")
    out["stage"] = out["last"]
    columns = ["deal_id", "customer_id", "stage", "status", "amount", "created_at", "close_date"]
    columns += ["owner", "region", "product_line", "source", "lost_reason", "competitor"]
    return out[columns]


if __name__ == "__main__":
    co.run("deals", make)
