"""Measures split by a key that is not the customer: each key has what is its own."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pandas as pd
import pytest

from salesmgmt import credit

START = pd.Timestamp("2024-01-01")
END = "2025-02-28"


def book(seed: int, *, free: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Customers who buy from several reps; payments by name, a share of them free of one."""
    random = Random(seed)
    bills, cash, off = [], [], []
    for n in range(36):
        day = START + pd.Timedelta(days=random.randint(0, 400))
        who, rep = f"C{random.randint(1, 4)}", random.choice("xyz")
        left = random.randint(100, 90_000)
        due = day + pd.Timedelta(days=random.choice([0, 30, 60]))
        bills.append((f"I{n:02d}", who, day, due, left / 100, rep))
        for k in range(random.randint(0, 3)):
            part = random.randint(1, left) if left else 0
            when = day + pd.Timedelta(days=random.randint(0, 150))
            if part and random.random() < 0.2:
                off.append((who, when, part / 100, "write_off", f"I{n:02d}"))
            elif part:
                name = None if random.random() < free else f"I{n:02d}"
                cash.append((f"P{n:02d}{k}", who, when, part / 100, name))
            left -= part
    return (
        pd.DataFrame(bills, columns=["invoice_id", "customer_id", "invoice_date", "due_date",
                                     "amount", "rep"]),
        pd.DataFrame(cash, columns=["payment_id", "customer_id", "date", "amount", "invoice_id"]),
        pd.DataFrame(off, columns=["customer_id", "date", "amount", "kind", "invoice_id"]),
    )  # fmt: skip


MEASURES = {
    "simple": lambda *b, **k: credit.dso(*b, days=200, **k),
    "best_possible": lambda *b, **k: credit.dso(*b, method="best_possible", days=200, **k),
    "countback": lambda *b, **k: credit.dso(*b, method="countback", window="M", **k),
    "sales_weighted": lambda *b, **k: credit.dso(*b, method="sales_weighted", days=300, **k),
    "delinquent": lambda *b, **k: credit.delinquent_days(*b, **k),
    "cei": lambda *b, **k: credit.cei(*b, start="2024-05-10", **k),
    "collection": lambda *b, **k: credit.collection_rate(*b, start="2024-05-10", **k),
    "turnover": lambda *b, **k: credit.turnover(*b, start="2024-03-01", **k),
    "bad_debt": lambda *b, **k: credit.bad_debt_rate(*b, start="2024-03-01", **k),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", MEASURES)
def test_a_reps_measures_are_those_of_the_reps_own_invoices(name, seed):
    bills, cash, off = book(seed)
    options = {} if name == "turnover" else {"freq": "Q"}
    got = MEASURES[name](bills, cash, off, as_of=END, by="rep", **options)
    for rep, rows in got.groupby("rep"):
        mine = bills[bills["rep"] == rep]
        own = [t[t["invoice_id"].isin(mine["invoice_id"])] for t in (cash, off)]
        alone = MEASURES[name](mine, *own, as_of=END, **options)
        rows = rows[rows["as_of"].isin(alone["as_of"])]  # periods since the rep's first invoice
        for c in alone.select_dtypes("number").columns:
            np.testing.assert_allclose(rows[c].iloc[1:], alone[c].iloc[1:], atol=1e-6, err_msg=c)


@pytest.mark.parametrize("seed", range(3, 7))
def test_balances_of_every_split_are_those_of_the_aging_and_move_as_they_are_booked(seed):
    bills, cash, off = book(seed, free=0.6)
    method = ["specific_then_fifo", "fifo", "cn_560", "specific_then_lifo"][seed % 4]
    made = credit.ledger(bills, cash, off, as_of="2025-06-30", method=method)
    cash_in = credit.collection_rate(made, as_of=END, by="rep", freq="M")
    lost = credit.bad_debt_rate(made, as_of=END, by="rep", freq="M")["written_off"]
    move = cash_in.assign(written_off=lost)
    move["closing"] = move["opening"] + move["sales"] - move["collected"] - move["written_off"]
    months = list(move["as_of"].unique())
    for before, day in zip([None, *months[:-1]], months, strict=True):
        rows = move[move["as_of"] == day].set_index("rep")
        ages = credit.aging(made, as_of=day, by="rep").set_index("rep")["total"].dropna()
        pd.testing.assert_series_equal(
            rows["closing"].reindex(ages.index), ages, check_names=False, atol=0.006
        )
        first = day.replace(day=1)
        came = cash[(cash["date"] >= first) & (cash["date"] <= day)]["amount"].sum()
        assert rows["collected"].sum() == pytest.approx(came, abs=0.006)
        if before is not None:
            last = move[move["as_of"] == before].set_index("rep")["closing"]
            np.testing.assert_allclose(rows["opening"], last, atol=0.006)


def test_free_money_goes_to_the_latest_invoice_whatever_the_order_of_rows():
    bills = pd.DataFrame(
        {
            "invoice_id": ["b", "a", "n"], "customer_id": "C", "amount": [10.0, 10.0, -1.0],
            "invoice_date": ["2025-01-05", "2025-01-05", "2025-01-09"], "due_date": "2025-02-05",
            "rep": ["y", "x", None],
        }
    )  # fmt: skip
    cash = pd.DataFrame({"payment_id": ["p"], "customer_id": "C", "date": ["2025-01-08"],
                         "amount": [100.0]})  # fmt: skip
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0]):
        got = credit.aging(bills.iloc[order], cash, as_of="2025-01-31", by="rep")
        assert got["unapplied"].tolist() == [-80.0, 0.0, 0.0]


def test_dollars_stay_dollars_in_every_split():
    bills = pd.DataFrame(
        {
            "invoice_id": ["a", "b", "c"], "customer_id": "C", "currency": ["USD", "CNY", "CNY"],
            "invoice_date": ["2025-01-05", "2025-02-05", "2025-03-05"], "due_date": "2025-04-05",
            "amount": [10.0, 20.0, 30.0], "rep": ["x", "x", "y"],
        }
    )  # fmt: skip
    cash = pd.DataFrame({"payment_id": ["p"], "customer_id": "C", "currency": "USD",
                         "date": ["2025-01-08"], "amount": [14.0]})  # fmt: skip
    got = credit.dso(bills, cash, as_of="2025-03-31", by="rep", freq="M")
    for day, rows in got.groupby("as_of"):
        owed = rows.groupby("currency")["receivables"].sum()
        assert owed["USD"] == -4.0
        assert owed["CNY"] == {1: 0.0, 2: 20.0, 3: 50.0}[day.month]


def test_a_settled_note_without_due_date_is_read_back():
    bills = pd.DataFrame(
        {
            "invoice_id": ["a", "n", "b", "m"], "customer_id": "C",
            "amount": [10.0, -4.0, 10.0, -3.0],
            "invoice_date": ["2025-01-05", "2025-01-09", "2025-01-05", "2025-01-09"],
            "due_date": ["2025-02-05", None, "2025-02-05", "2025-03-01"],
            "parent": [None, "a", None, "b"],
        }
    )  # fmt: skip
    made = credit.ledger(bills, as_of="2025-02-28")
    json.dumps(made.attrs, allow_nan=False)
    for day in ("2025-01-31", "2025-02-28"):
        got = credit.open_items(made, as_of=day, include="all")
        want = credit.open_items(bills, as_of=day, include="all")
        assert got["outstanding"].tolist() == want["outstanding"].tolist()
        assert got["due_date"].isna().tolist() == want["due_date"].isna().tolist()


@pytest.mark.parametrize("revalue", [False, True])
@pytest.mark.parametrize("by", [None, "customer_id", "rep"])
def test_a_converted_series_is_what_each_day_would_have_shown(by, revalue):
    bills, cash, off = book(11, free=0.5)
    extra = bills.iloc[:3].assign(
        invoice_id=["N1", "N2", "N3"], amount=[-50.0, -20.0, -9.0], parent=["I00", None, None]
    )
    bills = pd.concat([bills.assign(parent=None), extra], ignore_index=True)
    for table in (bills, cash, off):
        table["currency"] = table["customer_id"].map(lambda c: "USD" if c < "C3" else "CNY")
    fx = pd.DataFrame({"date": pd.date_range("2023-12-01", periods=16, freq="MS"),
                       "currency": "USD", "rate": np.linspace(6.5, 8.0, 16)})  # fmt: skip
    options = {"fx": fx, "revalue": revalue, "by": by, "credit_notes": "net"}
    keys = [by] if by else []
    for method in ("simple", "best_possible"):
        got = credit.dso(bills, cash, off, as_of=END, freq="Q", method=method, days=200, **options)
        for day, rows in got.groupby("as_of"):
            want = credit.dso(bills, cash, off, as_of=day, method=method, days=200, **options)
            both = want.merge(rows, on=[*keys, "as_of"], suffixes=("", "_then"))
            assert len(both) == len(want)
            np.testing.assert_allclose(both["receivables"], both["receivables_then"], atol=0.006)
            if method == "simple":
                ages = credit.aging(bills, cash, off, as_of=day, **options)
                np.testing.assert_allclose(ages["total"], want["receivables"], atol=0.006)


@pytest.mark.parametrize("seed", [37, 38])
def test_vintages_and_rolls_know_the_write_offs_of_their_day(seed):
    """Write-offs without a name settle the oldest debt; a later payment by name moves them."""
    bills, cash, off = book(seed, free=0.4)
    off = off.assign(invoice_id=None)
    lost = credit.loss_rates(
        bills, cash, off, as_of=END, method="vintage", freq="Q", default_days=30
    )
    for day in pd.date_range("2024-06-30", "2024-12-31", freq="QE"):
        made = credit.ledger(bills, cash, off, as_of=day)
        items = credit.open_items(bills, cash, off, as_of=day)
        late = items[(items["days_past_due"] > 30) & (items["kind"] == "invoice")]
        gone = made[(made["kind"] == "write_off") & made["invoice_id"].notna()]
        want = pd.concat([late["outstanding"], gone["amount"]])
        born = pd.concat([late["invoice_date"], gone["invoice_date"]]).dt.to_period("Q")
        want = want.groupby(born).sum()
        rows = lost[lost["vintage"].dt.to_period("Q").map(lambda q: q.ordinal) + lost["age"]
                    == day.to_period("Q").ordinal]  # fmt: skip
        got = rows.set_index(rows["vintage"].dt.to_period("Q"))["lost"]
        np.testing.assert_allclose(got, want.reindex(got.index).fillna(0), atol=0.006)
    rolls = credit.roll_rates(bills, cash, off, as_of="2024-12-31", freq="Q", periods=1)
    made = [credit.ledger(bills, cash, off, as_of=d) for d in ("2024-09-30", "2024-12-31")]
    gone = [m[(m["kind"] == "write_off") & m["invoice_id"].notna()] for m in made]
    sums = [g.groupby("invoice_id")["amount"].sum() for g in gone]
    opened = made[0][made[0]["kind"] == "open"].groupby("invoice_id")["amount"].sum()
    left = made[1][made[1]["kind"] == "open"].groupby("invoice_id")["amount"].sum()
    left = left.reindex(opened.index).fillna(0).clip(upper=opened)
    more = sums[1].sub(sums[0], fill_value=0).reindex(opened.index).fillna(0)
    want = np.minimum(more, opened - left).clip(lower=0).sum()
    got = rolls[rolls["to"] == "written_off"]["amount"].sum()
    assert got == pytest.approx(want, abs=0.006)
