"""Cases, deliveries, visits and shared expenses against a reckoning in plain loops."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import median

import numpy as np
import pandas as pd
import pytest

from salesmgmt.kpi import complaints, cost_to_serve, delivery, visits

FIRST, TODAY = date(2024, 2, 20), date(2024, 3, 10)


def some_day(rng, span=25):
    return FIRST + timedelta(int(rng.integers(span)))


def days(first, last):
    return (last - first).days


def share(part, whole):
    return part / whole if whole else np.nan


@pytest.mark.parametrize("seed", range(8))
def test_complaints_are_those_counted_in_loops(seed):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(14):
        opened = some_day(rng)
        closed = opened + timedelta(int(rng.integers(12))) if rng.random() < 0.6 else None
        rows.append({"category": str(rng.choice(["late", "bill"])), "opened_at": opened,
                     "closed_at": closed, "customer_id": str(rng.choice(list("abc")))})  # fmt: skip
    for got in complaints(pd.DataFrame(rows), limit=4, as_of=TODAY).to_dict("records"):
        here = [r for r in rows if r["category"] == got["category"] and r["opened_at"] <= TODAY]
        done = [r for r in here if r["closed_at"] and r["closed_at"] <= TODAY]
        took = [days(r["opened_at"], r["closed_at"]) for r in done]
        late = sum(days(r["opened_at"], TODAY) > 4 for r in here if r not in done)
        who = [r["customer_id"] for r in here]
        want = {
            "cases": len(here),
            "customers": len(set(who)),
            "repeat_share": share(sum(who.count(c) > 1 for c in set(who)), len(set(who))),
            "open": len(here) - len(done),
            "median_days": median(took) if took else np.nan,
            "within_limit": share(sum(d <= 4 for d in took), len(took) + late),
        }
        assert {k: got[k] for k in want} == pytest.approx(want, nan_ok=True)


@pytest.mark.parametrize("seed", range(8))
def test_deliveries_are_those_judged_in_loops(seed):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(16):
        made = some_day(rng)
        came = made + timedelta(int(rng.integers(14))) if rng.random() < 0.7 else None
        rows.append({"order": int(rng.integers(9)), "order_date": made, "delivered_date": came,
                     "promised_date": made + timedelta(int(rng.integers(10))),
                     "quantity": int(rng.integers(1, 4)),
                     "delivered_quantity": rng.choice([np.nan, 1.0, 2.0, 3.0])})  # fmt: skip
    got = delivery(pd.DataFrame(rows), order="order", tolerance=1, early=3, as_of=TODAY).iloc[0]
    orders = [[r for r in rows if r["order"] == o and r["order_date"] <= TODAY] for o in range(9)]
    judged, full, both, lead = 0, 0, 0, []
    for lines in filter(None, orders):
        done = [r["delivered_date"] is not None and r["delivered_date"] <= TODAY for r in lines]
        over = [days(r["promised_date"], r["delivered_date"] if d else TODAY)
                for r, d in zip(lines, done, strict=True)]  # fmt: skip
        judged += all(done) or max(over) > 1
        if all(done):
            whole = all(r["delivered_quantity"] >= r["quantity"] for r in lines)
            full += whole
            both += whole and max(over) <= 1 and min(over) >= -3
            lead.append(max(days(r["order_date"], r["delivered_date"]) for r in lines))
    assert (got["orders"], got["judged"]) == (len(list(filter(None, orders))), judged)
    assert (got["in_full"], got["otif"]) == (full / judged, both / judged)
    assert got["lead_days"] == pytest.approx(median(lead or [np.nan]), nan_ok=True)


@pytest.mark.parametrize("seed", range(4))
def test_visits_are_those_counted_in_loops(seed):
    rng = np.random.default_rng(seed)
    rows = [{"customer_id": str(rng.choice(list("abcd"))), "date": some_day(rng, 12),
             "type": str(rng.choice(["visit", "拜访", "call"]))} for _ in range(25)]  # fmt: skip
    tier = pd.Series({"a": "A", "b": "B", "c": "B", "z": "B"})
    for got in visits(pd.DataFrame(rows), tier=tier).to_dict("records"):
        label = None if pd.isna(got["tier"]) else got["tier"]
        known = [c for c in "abcdz" if tier.get(c) == label]
        here = [r for r in rows if r["customer_id"] in known and r["type"] != "call"]
        of = [sorted({r["date"] for r in here if r["customer_id"] == c}) for c in known]
        gaps = [days(a, b) for each in of for a, b in zip(each, each[1:], strict=False)]
        assert (got["visits"], got["visited"]) == (len(here), sum(map(bool, of)))
        assert got["median_gap_days"] == pytest.approx(
            median(gaps) if gaps else np.nan, nan_ok=True
        )


@pytest.mark.parametrize("seed", range(6))
def test_shared_expenses_go_where_the_loops_take_them(seed):
    rng = np.random.default_rng(seed)
    sold = [{"region": str(rng.choice(["N", "S"])), "channel": str(rng.choice(["x", "y"])),
             "amount": float(rng.integers(-200, 900))} for _ in range(6)]  # fmt: skip
    spent = [{"region": rng.choice(["N", "S", "E", None]), "channel": rng.choice(["x", "y", None]),
              "amount": float(rng.integers(-50, 300))} for _ in range(8)]  # fmt: skip
    got = cost_to_serve(pd.DataFrame(sold), pd.DataFrame(spent), by=["region", "channel"])
    keys = sorted({(r["region"], r["channel"]) for r in sold})
    sums = {k: sum(r["amount"] for r in sold if (r["region"], r["channel"]) == k) for k in keys}
    want = dict.fromkeys(keys, 0.0)
    for r in spent:
        asked = (r["region"], r["channel"])
        fits = [k for k in keys if all(a in (None, b) for a, b in zip(asked, k, strict=True))]
        fits = fits or keys
        weigh = {k: max(sums[k], 0.0) for k in fits}
        whole = sum(weigh.values())
        for k in fits:
            want[k] += r["amount"] * (weigh[k] / whole if whole else 1 / len(fits))
    assert got["cost_to_serve"].sum() == pytest.approx(sum(r["amount"] for r in spent))
    assert got["cost_to_serve"].tolist() == pytest.approx([want[k] for k in keys], abs=0.05)
