"""adjustments.csv: disputes, allowances, write-offs and recoveries on invoices."""

from functools import cache

import _company as co
import pandas as pd
from _receivables import settled


@cache
def make() -> pd.DataFrame:
    """One row an adjustment; amounts are positive, in the invoice's currency."""
    return settled()[1][["customer_id", "date", "amount", "kind", "invoice_id", "currency"]]


if __name__ == "__main__":
    co.run("adjustments", make)
