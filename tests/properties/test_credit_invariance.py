"""What must not change a figure: order of rows, unit of money, others, a ledger between."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import InputError, credit

DAY = "2025-03-31"
LPR = pd.DataFrame({"date": ["2023-01-01", "2024-08-01"], "rate": [0.04, 0.035]})
WHO = np.array(["A", "B", "C", "D"])

BY_CUSTOMER = {
    "open_items": lambda *b, **k: credit.open_items(*b, as_of="2024-09-30", include="all", **k),
    "aging": lambda *b, **k: credit.aging(
        *b, as_of="2024-10-15", unapplied="bucket", shape="long", **k
    ),
    "best_possible": lambda *b, **k: credit.dso(
        *b, as_of=DAY, by="customer_id", method="best_possible", **k
    ),
    "delinquent_days": lambda *b, **k: credit.delinquent_days(
        *b, as_of=DAY, by="customer_id", sales_basis="net", days=300, **k
    ),
    "cei": lambda *b, **k: credit.cei(*b, as_of=DAY, by="customer_id", start="2024-10-01", **k),
    "collection_rate": lambda *b, **k: credit.collection_rate(
        *b, as_of=DAY, by="customer_id", start="2024-07-01", **k
    ),
    "bad_debt_rate": lambda *b, **k: credit.bad_debt_rate(*b, as_of=DAY, by="customer_id", **k),
    "late_interest": lambda *b, **k: credit.late_interest(
        *b, as_of=DAY, rules="cn_lpr", rates=LPR, order="interest_first", **k
    ),
    "statement": lambda *b, **k: credit.statement(*b, as_of=DAY, start="2024-07-01", **k),
}
ALL = {
    **BY_CUSTOMER,
    "by_rep": lambda *b, **k: credit.dso(*b, as_of=DAY, by="rep", freq="Q", days=365, **k),
    "vintage": lambda *b, **k: credit.loss_rates(*b, as_of=DAY, method="vintage", freq="Q", **k),
    "worklist": lambda *b, **k: credit.worklist(*b, as_of=DAY, grain="invoice", **k),
    "rate_customers": lambda *b, **k: credit.rate_customers(*b, as_of=DAY, **k),
}


def books(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Names, refunds, credit notes with and without an invoice, idle adjustments."""
    draw = np.random.default_rng(seed)
    n, m, first = 36, 44, np.datetime64("2024-01-01")
    made = first + draw.integers(0, 400, n).astype("m8[D]")
    bills = pd.DataFrame(
        {
            "invoice_id": [f"I{k:02d}" for k in range(n)], "customer_id": draw.choice(WHO, n),
            "invoice_date": made, "due_date": made + draw.choice([0, 30, 60], n).astype("m8[D]"),
            "amount": draw.integers(100, 100_000, n) / 100, "rep": draw.choice(["x", "y"], n),
        }
    )  # fmt: skip
    parents: list[str | None] = [None] * n
    for k in np.flatnonzero(draw.random(n) < 0.15):
        bills.loc[k, "amount"] *= -1
        same = bills[(bills["customer_id"] == bills["customer_id"][k]) & (bills["amount"] > 0)]
        if len(same) and draw.random() < 0.6:
            parents[k] = same["invoice_id"].iloc[draw.integers(len(same))]
    bills["parent"] = parents
    bills["tax"] = (bills["amount"] * 0.13).round(2)
    paid = pd.DataFrame(
        {
            "payment_id": [f"P{k:02d}" for k in range(m)], "customer_id": draw.choice(WHO, m),
            "date": first + draw.integers(0, 450, m).astype("m8[D]"),
            "amount": draw.integers(100, 60_000, m) / 100,
        }
    )  # fmt: skip
    named: list[str | None] = [None] * m
    for k in range(m):
        own = bills["invoice_id"][bills["customer_id"] == paid["customer_id"][k]].to_numpy()
        if len(own) and draw.random() < 0.5:
            named[k] = str(draw.choice(own))
    paid["invoice_id"] = named
    paid.loc[draw.integers(m), "amount"] *= -1
    when = first + draw.integers(200, 450, 4).astype("m8[D]")
    kinds = ["write_off", "allowance", "dispute", "recovery"]
    other = pd.DataFrame(
        {"customer_id": draw.choice(WHO, 4), "date": when, "kind": kinds,
         "amount": draw.integers(100, 9_000, 4) / 100}
    )  # fmt: skip
    return bills, paid, other


def same(got: pd.DataFrame, want: pd.DataFrame) -> None:
    def plain(frame: pd.DataFrame) -> pd.DataFrame:
        out = frame.copy()
        for c in out.columns:
            if out[c].dtype.kind not in "fiM":
                out[c] = out[c].astype(object).where(out[c].notna(), None)
        return out.reset_index(drop=True)

    pd.testing.assert_frame_equal(plain(got), plain(want), check_dtype=False, rtol=1e-9, atol=1e-9)


SEEDS = [26, 35, 27, 9]
OPTIONS = [{}, {"credit_notes": "net"}, {"credit_notes": "own"}, {"credit_notes": "parent"}]


@pytest.mark.parametrize(("seed", "options"), list(zip(SEEDS, OPTIONS, strict=True)))
def test_a_ledger_between_changes_nothing(seed, options):
    book = books(seed)
    made = credit.ledger(*book, as_of="2025-04-30", **options)
    for name, ask in ALL.items():
        try:
            same(ask(made), ask(*book, **options))
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_order_of_rows_and_unit_of_money_change_nothing(seed):
    book = books(seed)
    shuffled = [t.sample(frac=1, random_state=seed) for t in book]
    large = [
        t.assign(**{c: t[c] * 1000 for c in ("amount", "tax") if c in t.columns}) for t in book
    ]
    for name, ask in ALL.items():
        want = ask(*book)
        try:
            same(ask(*shuffled), want)
            got = ask(*large, step=10.0)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
        shares = ("rate", "dso", "cei", "turnover", "days", "score", "on_time", "possible")
        for c in want.select_dtypes("float").columns:
            money = not any(word in c for word in shares) and name != "rate_customers"
            if money and c != "rate" and name != "worklist":
                np.testing.assert_allclose(got[c] / 1000, want[c], atol=1e-6, err_msg=f"{name} {c}")


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_another_customer_changes_nobody_elses_figures(seed):
    bills, paid, other = books(seed)
    more = pd.DataFrame(
        {
            "invoice_id": ["Z1", "Z2"], "customer_id": ["0Z", "zz"],
            "invoice_date": pd.to_datetime(["2024-03-01", "2024-09-01"]),
            "due_date": pd.to_datetime(["2024-04-01", "2024-10-01"]), "amount": [10.0, 999999.99],
            "tax": [1.0, 2.0], "rep": ["x", "q"],
        }
    )  # fmt: skip
    extra = (pd.concat([bills, more.assign(parent=None)], ignore_index=True), paid, other)
    for name, ask in BY_CUSTOMER.items():
        got = ask(*extra)
        try:
            same(got[~got["customer_id"].isin(["0Z", "zz"])], ask(bills, paid, other))
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


@pytest.mark.parametrize("seed", SEEDS)
def test_billed_is_paid_and_open_to_the_cent(seed):
    bills, paid, other = books(seed)
    made = credit.ledger(bills, paid, other, as_of="2025-12-31")
    cents = (made["amount"] * 100).round().astype("int64")
    of_bill = cents[made["invoice_id"].notna()].groupby(made["invoice_id"]).sum()
    want = (bills.set_index("invoice_id")["amount"] * 100).round().astype("int64")
    notes = made[made["kind"] == "credit_note"]
    used = (notes["amount"] * 100).round().astype("int64").groupby(notes["payment_id"]).sum()
    of_bill = of_bill.reindex(want.index).fillna(0).sub(used, fill_value=0).astype("int64")
    assert of_bill.sort_index().tolist() == want.sort_index().tolist()
    ages = credit.aging(made)
    gone = other["amount"][other["kind"].isin(["write_off", "allowance"])].sum()
    balance = bills["amount"].sum() - paid["amount"].sum() - gone
    assert round(ages["total"].sum() - balance, 2) == 0
    assert len(ages)
    assert not ages.isna().any().any()


def test_no_customer_is_left_out_in_silence():
    bills, paid, other = books(1)
    with pytest.raises(InputError):
        credit.aging(bills.assign(customer_id=None), paid, other)
