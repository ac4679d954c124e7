"""Ratings, shares and work lists against a reckoning in plain loops, on the bounds of each rule."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from random import Random

import numpy as np
import pandas as pd
import pytest

from salesmgmt import credit

TODAY = date(2025, 6, 30)
GRADES = (("AAA", 90), ("AA", 80), ("A", 70), ("B", 60), ("C", 0))


def _book(random: Random) -> tuple[list[dict], list[dict], list[dict]]:
    """Days on and beside 30, 90 and 365 days ago; half of the customers pay well."""
    bills, money, gone = [], [], []
    for who in "ABCDEFGHJK":
        good, first = random.random() < 0.6, random.choice([20, 40, 200, 364, 365, 800, 1200])
        for k in range(random.randint(1, 10)):
            ago = first if not k else random.choice([1, 31, 61, 90, 90, 91, 120, 364, 365])
            day = TODAY - timedelta(days=min(ago, first))
            due = min(day + timedelta(days=random.choice([0, 1, 30])), TODAY + timedelta(days=5))
            name, left = f"{who}{k}", 100 * random.randint(1, 9)
            bill = {"invoice_id": name, "customer_id": who, "invoice_date": day, "due_date": due}
            bills.append({**bill, "amount": left})
            for late in random.choice([[0], [0], [-1, 1], [30]] if good else [[], [5], [0, 60]]):
                part = left if random.random() < 0.7 else left // 2
                paid = max(due + timedelta(days=late), day)
                if part and paid <= TODAY:
                    row = {"payment_id": f"P{len(money)}", "customer_id": who, "date": paid}
                    money.append({**row, "amount": part, "invoice_id": name})
                    left -= part
            if left and random.random() < 0.05:
                row = {"customer_id": who, "date": TODAY, "amount": left, "kind": "write_off"}
                gone.append({**row, "invoice_id": name})
        if random.random() < 0.3:  # an advance that settles nothing yet
            row = {"payment_id": f"P{len(money)}", "customer_id": who, "date": TODAY}
            money.append({**row, "amount": random.choice([50, 5000]), "invoice_id": None})
    return bills, money, gone


def _rated(bills: list[dict], money: list[dict], gone: list[dict]) -> dict[str, object]:
    """What one customer's rating should be, from its own rows."""
    weight = lateness = on_time = overdue = oldest = balance = 0
    for bill in bills:
        due, mine = bill["due_date"], bill["invoice_id"]
        paid = [p for p in money if p["invoice_id"] == mine]
        lost = sum(a["amount"] for a in gone if a["invoice_id"] == mine)
        open_ = bill["amount"] - lost - sum(p["amount"] for p in paid)
        behind = (TODAY - due).days
        balance += open_
        if open_ and behind > 0:
            overdue, oldest = overdue + open_, max(oldest, behind)
        if behind < 365:
            late = [(p["amount"], max((p["date"] - due).days, 0)) for p in paid]
            on_time += sum(n for n, days in late if not days)
            late += [(open_, behind)] if open_ and behind > 0 else []
            weight += sum(n for n, _ in late)
            lateness += sum(n * days for n, days in late)
    balance -= sum(p["amount"] for p in money if p["invoice_id"] is None)
    year = [b for b in bills if (TODAY - b["invoice_date"]).days < 365]
    age = (TODAY - min(b["invoice_date"] for b in bills)).days
    months = min(max(Fraction((age + 1) * 12, 365), 1), 12)
    parts = {
        "overdue": (1 - (min(Fraction(overdue, balance), 1) if balance > 0 else 0))
        * max(1 - Fraction(oldest, 90), 0),
        "activity": min(Fraction(len({b["invoice_date"].strftime("%Y%m") for b in year}), 6), 1),
        "tenure": min(Fraction(age, 3 * 365), 1),
    }
    shares = {"payment": 35, "overdue": 20, "activity": 25, "tenure": 20}
    if weight:
        delay = Fraction(lateness, weight)
        parts["payment"] = (Fraction(on_time, weight) + max(1 - delay / 60, 0)) / 2
    default = oldest > 90 or bool(gone)
    score = sum(shares[k] * v for k, v in parts.items()) / sum(shares[k] for k in parts)
    return {
        **parts, "score": 0 if default else score, "default": default, "exposure": balance,
        "max_days_past_due": oldest, "monthly_sales": sum(b["amount"] for b in year) / months,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_ratings_are_what_their_rules_say(seed):
    tables = _book(Random(seed))
    columns = ["customer_id", "date", "amount", "kind", "invoice_id"]
    frames = [pd.DataFrame(t) for t in tables[:2]] + [pd.DataFrame(tables[2], columns=columns)]
    got = credit.rate_customers(*frames, as_of=TODAY, method="specific").set_index("customer_id")
    assert got.index.tolist() == sorted({b["customer_id"] for b in tables[0]})
    for who, row in got.iterrows():
        want = _rated(*([r for r in t if r["customer_id"] == who] for t in tables))
        for part in ("payment", "overdue", "activity", "tenure", "score"):
            points = float(want.pop(part, np.nan)) * 100
            assert row[part] == pytest.approx(points, abs=0.0501, nan_ok=True), (who, part)
        assert row["default"] == want.pop("default"), who
        for name, value in want.items():
            assert row[name] == pytest.approx(float(value), abs=0.0051), (who, name)
        grade = next(g for g, low in GRADES if row["score"] >= low)
        assert row["grade"] == ("D" if row["default"] else grade)
    book = credit.ledger(*frames, as_of=TODAY, method="specific")
    for who, row in got.iterrows():
        room = {who: max(row["exposure"], 0.0) + 10.0}
        for amount, most in ((10.0, row["max_days_past_due"]), (10.01, 9999)):
            order = credit.check_order(book, who, amount, room, max_days_past_due=most).iloc[0]
            assert (order["exposure"], order["available"]) == (row["exposure"], 10.0)
            assert order["days_past_due"] == row["max_days_past_due"]
            assert order["decision"] == ("accept" if amount == 10.0 else "hold")
        if row["max_days_past_due"] > 0:
            late = int(row["max_days_past_due"]) - 1
            order = credit.check_order(book, who, 1.0, room, max_days_past_due=late)
            assert order["decision"].iloc[0] == "hold"
    late = got[got["max_days_past_due"] > 0]
    work = credit.worklist(*frames, as_of=TODAY, method="specific").set_index("customer_id")
    assert set(work.index) == set(late.index)
    assert work["days_past_due"].sort_index().tolist() == late["max_days_past_due"].tolist()


def test_shares_are_of_what_is_owed_not_of_what_we_owe():
    bills = pd.DataFrame({
        "invoice_id": list("abc"), "customer_id": list("ABC"), "amount": [300.0, 100.0, -50.0],
        "invoice_date": "2025-01-01", "due_date": "2025-01-31"})  # fmt: skip
    got = credit.concentration(bills)
    assert got["share"].tolist() == [0.75, 0.25, 0.0]
    assert got["herfindahl"].tolist() == [0.625] * 3
