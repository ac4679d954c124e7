"""Late interest against an oracle in exact decimals that walks day by day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

import pandas as pd
import pytest

from salesmgmt import credit

START = date(2024, 1, 1)
CENT = Decimal("0.01")


def _case(random: Random, n: int) -> tuple[dict, list[dict]]:
    issued = START + timedelta(days=random.randint(0, 60))
    invoice = {
        "invoice_id": f"I{n:04d}", "customer_id": f"C{n:04d}", "invoice_date": issued,
        "due_date": issued + timedelta(days=random.choice([0, 14, 30])),
        "amount": Decimal(random.randint(10_000, 900_000)) / 100,
    }  # fmt: skip
    payments, left = [], invoice["amount"]
    for k in range(random.randint(0, 3)):
        part = min(left, Decimal(random.randint(1_000, 500_000)) / 100)
        if part > 0:
            payments.append(
                {
                    "payment_id": f"P{n:04d}{k}", "customer_id": invoice["customer_id"],
                    "date": issued + timedelta(days=random.randint(0, 180)), "amount": part,
                    "invoice_id": invoice["invoice_id"],
                }
            )  # fmt: skip
            left -= part
    return invoice, sorted(payments, key=lambda p: (p["date"], p["payment_id"]))


def _walk(
    invoice: dict,
    payments: list[dict],
    today: date,
    rate: Decimal,
    grace: int,
    interest_first: bool,
) -> tuple[Decimal, Decimal, Decimal]:
    """Interest accrued, interest paid and principal left, one day at a time."""
    principal, accrued, paid = invoice["amount"], Decimal(0), Decimal(0)
    start = invoice["due_date"] + timedelta(days=grace)
    day = invoice["invoice_date"]
    while day <= today:
        if day > start:
            accrued += principal * rate / 365
        for p in payments:
            if p["date"] == day:
                money = p["amount"]
                if interest_first and day > start:
                    due = (accrued - paid).quantize(CENT, ROUND_HALF_UP)
                    share = min(money, due)
                    paid, money = paid + share, money - share
                principal -= money
        day += timedelta(days=1)
    return accrued.quantize(CENT, ROUND_HALF_UP), paid, principal.quantize(CENT)


@pytest.mark.parametrize(("grace", "order"), [(0, "principal_first"), (7, "interest_first")])
def test_interest_equals_a_walk_through_every_day(grace, order):
    random = Random(grace)
    cases = [_case(random, n) for n in range(200)]
    today = START + timedelta(days=200)
    invoices = pd.DataFrame([i for i, _ in cases]).astype({"amount": float})
    payments = pd.DataFrame([p for _, ps in cases for p in ps]).astype({"amount": float})
    got = credit.late_interest(
        invoices, payments, as_of=today, annual_rate=0.146, grace_days=grace, order=order
    ).set_index("invoice_id")
    late = 0
    for invoice, own in cases:
        accrued, paid, principal = _walk(
            invoice, own, today, Decimal("0.146"), grace, order == "interest_first"
        )
        if invoice["invoice_id"] not in got.index:
            assert accrued == 0
            continue
        row = got.loc[invoice["invoice_id"]]
        assert row["interest"] == pytest.approx(float(accrued), abs=0.0051)
        assert row["interest_paid"] == pytest.approx(float(paid), abs=0.0101)
        assert row["principal"] == pytest.approx(float(principal), abs=0.0101)
        late += 1
    assert late > 100


def _lent(*moves: tuple[str, str, float, str | None], **options) -> pd.Series:
    bill = pd.DataFrame(
        {
            "invoice_id": ["a"], "customer_id": ["C"], "invoice_date": ["2025-01-01"],
            "due_date": ["2025-01-31"], "amount": [1000.0],
        }
    )  # fmt: skip
    paid = pd.DataFrame(moves, columns=["payment_id", "date", "amount", "invoice_id"])
    paid["customer_id"] = "C"
    return credit.late_interest(
        bill, paid, as_of="2025-05-01", annual_rate=0.365, order="interest_first", **options
    ).iloc[0]


@pytest.mark.parametrize("back", [300.0, 1000.0])
def test_a_refund_gives_back_principal_then_interest_then_costs(back):
    """1000 for ten days at a thousandth a day: 10; 28 days on what is left; 52 on the rest."""
    got = _lent(
        ("p", "2025-02-10", 1000.0, "a"), ("r", "2025-03-10", -back, "a"), costs={"a": 30.0}
    )
    # The payment took 30 of costs and 10 of interest, so 40 of principal were left.
    whole = back == 1000.0
    assert got["principal"] == (1000.0 if whole else 340.0)
    assert got["interest_paid"] == (0.0 if whole else 10.0)
    assert got["costs_due"] == (30.0 if whole else 0.0)
    assert got["interest"] == pytest.approx(10 + 28 * 0.04 + 52 * got["principal"] / 1000)


def test_money_that_was_refunded_pays_no_rest():
    paid, more = ("p", "2025-02-10", 1000.0, "a"), ("q", "2025-02-20", 100.0, None)
    assert _lent(paid)["principal"] == 10.0
    assert _lent(paid, more)["principal"] == 0.0
    assert _lent(paid, more, ("r", "2025-02-25", -100.0, None))["principal"] == 10.0
