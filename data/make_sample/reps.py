"""reps.csv: the sales organisation."""

from functools import cache

import _company as co
import pandas as pd


@cache
def make() -> pd.DataFrame:
    """One row a rep; ``leave_date`` is empty for those still there."""
    columns = ["rep", "name", "team", "region", "hire_date", "leave_date"]
    return co.reps()[columns]


if __name__ == "__main__":
    co.run("reps", make)
