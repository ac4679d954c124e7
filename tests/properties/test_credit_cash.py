"""A back-test of cash is the forecast of each past day, made with what was known on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import credit

START = np.datetime64("2024-01-01")


def book(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Names that come after free money, refunds, credit notes, two currencies."""
    draw = np.random.default_rng(seed)
    n = 160
    day = START + draw.integers(0, 400, n).astype("m8[D]")
    bills = pd.DataFrame(
        {
            "invoice_id": [f"I{k:03d}" for k in range(n)], "invoice_date": day,
            "customer_id": draw.choice(list("ABCDE"), n), "rep": draw.choice(["x", "y"], n),
            "due_date": day + draw.choice([15, 30, 60], n).astype("m8[D]"),
            "amount": draw.integers(1_000, 90_000, n) / 100,
        }
    )  # fmt: skip
    bills["currency"] = np.where(bills["customer_id"] == "E", "USD", "CNY")
    bills.loc[draw.random(n) < 0.08, "amount"] *= -1
    paid = bills[["customer_id", "currency", "amount", "invoice_id"]].copy()
    paid = paid[(paid["amount"] > 0) & (draw.random(n) < 0.9)].reset_index(drop=True)
    m = len(paid)
    paid["payment_id"] = [f"P{k:03d}" for k in range(m)]
    since = bills.set_index("invoice_id")["due_date"].reindex(paid["invoice_id"]).to_numpy()
    paid["date"] = since + draw.integers(-10, 60, m).astype("m8[D]")
    paid.loc[draw.random(m) < 0.5, "invoice_id"] = None
    paid.loc[draw.random(m) < 0.05, "amount"] *= -1
    return bills, paid


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("specific_then_fifo", {"by": "rep", "credit_notes": "net"}),
        ("cn_560", {"clock": "customer", "by": "customer_id"}),
        ("fifo", {"half_life": None, "freq": "M", "fx": {"USD": 7.0}}),
    ],
)
def test_a_back_test_is_the_forecast_of_that_day(method, options):
    frames = book(len(method))
    options = {"horizon": 3, "method": method, "calibrate": 6, **options}
    notes = options.get("credit_notes", "parent")
    book_made = credit.ledger(*frames, as_of="2025-03-31", method=method, credit_notes=notes)
    for made in (frames, (book_made,)):
        more = dict(options)
        if len(made) == 1:
            more.pop("method")
            if more.pop("fx", None):
                continue
        got = credit.cash_backtest(*made, origins=3, as_of="2025-03-31", **more)
        for origin, rows in got.groupby("origin"):
            want = credit.cash_forecast(*frames, as_of=origin, **options)
            keys = [c for c in ("rep", "customer_id", "currency") if c in want]
            both = rows.merge(want, on=[*keys, "date"], suffixes=("", "_then"), how="left")
            both = both.dropna(subset="expected_then")  # keys of later documents are 0
            assert len(both) == len(want)
            for c in ("expected", "p10", "p90", "due"):
                np.testing.assert_allclose(both[c], both[f"{c}_then"], atol=0.011, err_msg=c)
