"""payments.csv: money that came in, in the invoice's currency; some of it names no invoice."""

from functools import cache

import _company as co
import pandas as pd
from _receivables import settled


@cache
def make() -> pd.DataFrame:
    """Payments up to 2025-12-31, ordered by day, customer and invoice."""
    out = settled()[0]
    return out[["payment_id", "customer_id", "date", "amount", "currency", "invoice_id"]]


if __name__ == "__main__":
    co.run("payments", make)
