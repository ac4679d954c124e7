"""deal_snapshots.csv: the pipeline as it was written down at the end of every month."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd
from _pipeline import MINUTE, estimate, pipeline


@cache
def make() -> pd.DataFrame:
    """Open deals of each month's end, and those that were won or lost in that month."""
    deals, events = pipeline()
    moves = dict(list(events.groupby("deal_id")[["entered_at", "stage"]]))
    ends = np.flatnonzero(np.roll(co.MONTH, -1) != co.MONTH)
    rows = []
    for deal in deals.itertuples():
        own = moves[deal.deal_id]
        days = own["entered_at"].to_numpy() // MINUTE
        stages = own["stage"].to_numpy()
        for last in ends[ends >= days[0]]:
            k = int(np.searchsorted(days, last, side="right")) - 1
            stage = stages[k]
            done = stage in ("won", "lost")
            if (
                done
                and co.MONTH[days[k]] + 12 * co.YEAR[days[k]] < co.MONTH[last] + 12 * co.YEAR[last]
            ):
                continue
            amount, expected, category = deal.amount, int(days[k]), "closed"
            if not done:
                amount, expected, category = estimate(deal, stage, int(last))
            rows.append(
                {
                    "snapshot_date": int(last),
                    "deal_id": deal.deal_id,
                    "stage": stage,
                    "status": stage if done else "open",
                    "amount": amount,
                    "close_date": expected,
                    "category": category,
                    "owner": co.owner_on(deal.rep, int(days[k]) if done else int(last)),
                }
            )
    return pd.DataFrame(rows).sort_values(["snapshot_date", "deal_id"], ignore_index=True)


if __name__ == "__main__":
    co.run("deal_snapshots", make)
