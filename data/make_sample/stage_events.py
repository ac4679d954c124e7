"""stage_events.csv: every entry of a deal into a stage, won and lost included."""

from functools import cache

import _company as co
import pandas as pd
from _pipeline import pipeline


@cache
def make() -> pd.DataFrame:
    """One row an entry, by time; the owner is the one on that day."""
    out = pipeline()[1].rename(columns={"rep": "owner"})
    return out[["deal_id", "stage", "entered_at", "owner", "region"]]


if __name__ == "__main__":
    co.run("stage_events", make)
