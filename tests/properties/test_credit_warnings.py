"""Early warnings against a reckoning in plain loops, on dates where every bound is met."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from random import Random
from statistics import median

import pandas as pd
import pytest

from salesmgmt import credit

TODAY, WINDOW, LEVEL = date(2025, 6, 30), 90, ("low", "medium", "high")


def _book(random: Random) -> dict[str, list[dict]]:
    """Dates half a month apart, round amounts: so that 30, 60 and 90 days and 99 % occur."""
    bills, money, disputes, promises = [], [], [], []
    for who in "ABCDEFGH":
        pace = random.choice([5, 15, 30])
        stop = random.choice([0, 15, 30, 60, 120])
        usual, slower = random.choice([0, 5]), random.choice([0, 10, 30, 30])
        for k in range(random.choice([2, 14, 24])):
            day = TODAY - timedelta(days=stop + pace * k)
            due = day + timedelta(days=random.choice([0, 15, 30]))
            name, left = f"{who}{k:02d}", 100 * random.randint(1, 9)
            bill = {"invoice_id": name, "customer_id": who, "invoice_date": day, "due_date": due}
            bills.append({**bill, "amount": left})
            late = usual + (slower if (TODAY - due).days <= WINDOW else 0)
            for _ in range(random.choice([0, 1, 1, 1, 2] if slower else [0, 1, 2])):
                part = left if random.random() < 0.6 else left // 2
                paid = max(due + timedelta(days=late), day)
                if part and paid <= TODAY:
                    row = {"payment_id": f"P{len(money)}", "customer_id": who, "date": paid}
                    money.append({**row, "amount": part, "invoice_id": name})
                    left -= part
        for _ in range(random.randint(0, 3)):
            day = TODAY - timedelta(days=random.choice([0, 30, 89, 90, 91]))
            row = {"customer_id": who, "date": day, "amount": 7, "kind": "dispute"}
            disputes.append({**row, "invoice_id": None})
        mine = [p for p in money if p["customer_id"] == who]
        for _ in range(random.randint(0, 2)):
            made, wanted = TODAY - timedelta(days=random.choice([10, 30, 100, 105])), 500
            if mine and random.random() < 0.7:  # of what came in, 99 in a hundred or fewer
                kept = random.choice(mine)
                made, wanted = kept["date"], kept["amount"] * random.choice([100, 101, 102]) / 100
            until = made + timedelta(days=random.choice([0, 6, 7, 12, 15]))
            row = {"customer_id": who, "date": made, "promised_date": until}
            promises.append({**row, "promised_amount": wanted})
    return {"bills": bills, "money": money, "disputes": disputes, "promises": promises}


def _expected(book: dict[str, list[dict]], limits: dict[str, float]) -> dict[tuple, tuple]:
    """(customer, signal): severity, since, value."""
    out: dict[tuple, tuple] = {}

    def days(n: int) -> date:
        return TODAY - timedelta(days=n)

    for who, limit in limits.items():
        table = []
        for bill in (b for b in book["bills"] if b["customer_id"] == who):
            paid = [p for p in book["money"] if p["invoice_id"] == bill["invoice_id"]]
            due, open_ = bill["due_date"], bill["amount"] - sum(p["amount"] for p in paid)
            over = open_ if due < TODAY else 0
            lateness = sum(p["amount"] * max((p["date"] - due).days, 0) for p in paid)
            lateness += over * (TODAY - due).days
            weight = over + sum(p["amount"] for p in paid)
            table.append((due, open_, over, lateness, weight, len(paid)))
        old = [(due, over) for due, _, over, *_ in table if over and (TODAY - due).days > 30]
        if old:
            first = min(old)[0]
            n = (TODAY - first).days
            out[who, "overdue"] = (LEVEL[1 + (n > 60)], first + timedelta(days=1), n)
        fell = [r for r in table if r[0] <= TODAY]
        recent = [r for r in fell if r[0] > days(WINDOW)]
        before = [r for r in fell if days(WINDOW + 365) < r[0] <= days(WINDOW)]
        known, usual = ([r for r in rows if r[4]] for rows in (recent, before))
        if known and len(usual) >= 3:
            now, then = (
                Fraction(sum(r[3] for r in rows), sum(r[4] for r in rows))
                for rows in (known, usual)
            )
            if now - then >= 10:
                slow = [r[0] for r in known if Fraction(r[3], r[4]) >= 10]
                since = (min(slow) if slow else days(WINDOW)) + timedelta(days=1)
                out[who, "slowing_payments"] = (LEVEL[1 + (now - then >= 30)], since, now - then)
        parts = [[r for r in rows if r[5] > 1 or (r[5] == 1 and r[1])] for rows in (recent, before)]
        if len(parts[0]) >= 2:
            share = Fraction(len(parts[0]), len(recent))
            often = Fraction(len(parts[1]), max(len(before), 1))
            if share >= Fraction(3, 10) and share > often + Fraction(15, 100):
                severity = LEVEL[1 + (len(parts[0]) >= 4)]
                out[who, "partial_payments"] = (severity, min(r[0] for r in parts[0]), share)
        raised = [d["date"] for d in book["disputes"] if d["customer_id"] == who]
        raised = [d for d in raised if d > days(WINDOW)]
        if raised:
            n = len(raised)
            out[who, "disputes"] = (LEVEL[min(n - 1, 2)], min(raised), n)
        broken = []
        for p in (p for p in book["promises"] if p["customer_id"] == who):
            until = p["promised_date"] + timedelta(days=3)
            came = sum(
                m["amount"]
                for m in book["money"]
                if m["customer_id"] == who and p["date"] <= m["date"] <= until
            )
            if days(WINDOW) < until < TODAY and came * 100 < p["promised_amount"] * 99:
                broken.append(until)
        if broken:
            out[who, "broken_promises"] = (LEVEL[min(len(broken), 2)], min(broken), len(broken))
        ordered = sorted({b["invoice_date"] for b in book["bills"] if b["customer_id"] == who})
        gaps = [(b - a).days for a, b in zip(ordered, ordered[1:])]
        silent = (TODAY - ordered[-1]).days
        if len(ordered) >= 5 and 30 <= silent <= 365 and silent >= 4 * median(gaps):
            since = ordered[-1] + timedelta(days=1)
            out[who, "order_stop"] = (LEVEL[1 + (silent >= 8 * median(gaps))], since, silent)
        use = Fraction(sum(r[1] for r in table)) / Fraction(str(limit))
        if use >= Fraction(9, 10):
            out[who, "limit_use"] = (LEVEL[1 + (use >= 1)], TODAY, use)
    return out


@pytest.mark.parametrize("seed", range(12))
def test_every_warning_is_what_its_rule_says(seed):
    random = Random(seed)
    book = _book(random)
    owed = dict.fromkeys("ABCDEFGH", 0)
    for sign, rows in ((1, book["bills"]), (-1, book["money"])):
        for row in rows:
            owed[row["customer_id"]] += sign * row["amount"]
    share = [Fraction(89, 100), Fraction(9, 10), Fraction(1), Fraction(11, 10)]
    limits = {c: float(max(n, 1) / random.choice(share)) for c, n in owed.items()}
    limits = {c: round(v, 2) for c, v in limits.items()}
    names = ["payment_id", "customer_id", "date", "amount", "invoice_id"]
    raised = ["customer_id", "date", "amount", "kind", "invoice_id"]
    made = ["customer_id", "date", "promised_date", "promised_amount"]
    got = credit.early_warning(
        pd.DataFrame(book["bills"]), pd.DataFrame(book["money"], columns=names),
        pd.DataFrame(book["disputes"], columns=raised), as_of=TODAY, method="specific",
        limits=limits, promises=pd.DataFrame(book["promises"], columns=made),
    )  # fmt: skip
    want = _expected(book, limits)
    have = {(r.customer_id, r.signal): r for r in got.itertuples()}
    assert set(have) == set(want)
    for key, (severity, since, value) in want.items():
        row = have[key]
        assert (key, row.severity, row.since.date()) == (key, severity, since)
        assert row.value == pytest.approx(float(value), abs=1e-9)
        assert row.signals == sum(k[0] == key[0] for k in want)
