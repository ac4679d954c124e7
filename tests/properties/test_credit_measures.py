"""Measures and roll rates against plain sums over made-up books, one row at a time."""

from __future__ import annotations

from random import Random

import numpy as np
import pandas as pd
import pytest

from salesmgmt import credit

STEPS = [("current", None, 0), ("1-30", 1, 30), ("31-60", 31, 60), ("61-90", 61, 90),
         ("91+", 91, None)]  # fmt: skip
START, END = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")


def book(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Invoices, payments that name them, write-offs; amounts in whole units."""
    random = Random(seed)
    bills, cash, off = [], [], []
    for n in range(random.randint(1, 40)):
        day = START + pd.Timedelta(days=random.randint(0, 365))
        amount, who = random.randint(1, 1000), f"C{random.randint(1, 3)}"
        due = day + pd.Timedelta(days=random.choice([0, 15, 30, 60]))
        bills.append((n, who, day, due, float(amount)))
        left = amount
        for k in range(random.randint(0, 3)):
            part = random.randint(1, left) if left else 0
            when = day + pd.Timedelta(days=random.randint(0, 200))
            if part and random.random() < 0.2:
                off.append((who, when, float(part), "write_off", n))
            elif part:
                cash.append((f"{n}-{k}", who, when, float(part), n))
            left -= part
    return (
        pd.DataFrame(bills, columns=["invoice_id", "customer_id", "invoice_date", "due_date",
                                     "amount"]),
        pd.DataFrame(cash, columns=["payment_id", "customer_id", "date", "amount", "invoice_id"]),
        pd.DataFrame(off, columns=["customer_id", "date", "amount", "kind", "invoice_id"]),
    )  # fmt: skip


class Plain:
    """What was open on a day, from the rows themselves."""

    def __init__(self, frames: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]) -> None:
        self.bills, self.cash, self.off = (f.to_dict("records") for f in frames)

    def taken(self, rows: list[dict], bill: dict, after: pd.Timestamp, day: pd.Timestamp) -> float:
        return sum(
            r["amount"]
            for r in rows
            if r["invoice_id"] == bill["invoice_id"] and after < r["date"] <= day
        )

    def open(self, bill: dict, day: pd.Timestamp) -> float:
        if bill["invoice_date"] > day:
            return 0.0
        never = pd.Timestamp("1900-01-01")
        gone = self.taken(self.cash, bill, never, day) + self.taken(self.off, bill, never, day)
        return bill["amount"] - gone

    def bucket(self, bill: dict, day: pd.Timestamp) -> str:
        late = (day - bill["due_date"]).days
        return next(n for n, low, high in STEPS if (low is None or late >= low)
                    and (high is None or late <= high))  # fmt: skip

    def sales(self, after: pd.Timestamp, day: pd.Timestamp) -> float:
        return sum(b["amount"] for b in self.bills if after < b["invoice_date"] <= day)


@pytest.mark.parametrize("seed", range(8))
def test_roll_rates_follow_every_invoice_from_month_to_month(seed):
    frames = book(seed)
    plain, moved = Plain(frames), {}
    ends = pd.date_range(min(b["invoice_date"] for b in plain.bills), END, freq="ME")
    if len(ends) < 2:
        pytest.skip("no whole month in this book")
    for a, b in zip(ends, ends[1:], strict=False):
        for bill in plain.bills:
            before, after = plain.open(bill, a), plain.open(bill, b)
            if not before:
                continue
            lost, source = plain.taken(plain.off, bill, a, b), plain.bucket(bill, a)
            for state, amount in (
                (plain.bucket(bill, b), after), ("written_off", lost),
                ("paid", before - after - lost),
            ):  # fmt: skip
                moved[source, state] = moved.get((source, state), 0.0) + amount
    got = credit.roll_rates(*frames, as_of=END, method="specific").set_index(["from", "to"])
    for pair, row in got.iterrows():
        assert row["amount"] == pytest.approx(moved.get(pair, 0.0)), pair
        total = sum(v for (source, _), v in moved.items() if source == pair[0])
        assert (np.isnan(row["rate"]) and not total) or row["rate"] == pytest.approx(
            moved.get(pair, 0.0) / total
        )


@pytest.mark.parametrize("seed", range(8, 16))
def test_measures_are_what_their_definitions_say(seed):
    frames = book(seed)
    plain, after = Plain(frames), END - pd.Timedelta(days=90)
    owed = sum(plain.open(b, END) for b in plain.bills)
    current = sum(plain.open(b, END) for b in plain.bills if b["due_date"] >= END)
    opening = sum(plain.open(b, after) for b in plain.bills)
    sales = plain.sales(after, END)
    cash = sum(r["amount"] for r in plain.cash if after < r["date"] <= END)
    lost = sum(r["amount"] for r in plain.off if after < r["date"] <= END)
    options = {"as_of": END, "start": after + pd.Timedelta(days=1), "method": "specific"}

    def ratio(top: float, bottom: float) -> float:
        return top / bottom if bottom > 0 else np.nan

    def one(frame: pd.DataFrame, column: str) -> float:
        assert len(frame) == 1
        return float(frame[column].iloc[0])

    np.testing.assert_allclose(
        [
            one(credit.dso(*frames, as_of=END), "dso"),
            one(credit.dso(*frames, as_of=END, method="best_possible"), "dso"),
            one(credit.delinquent_days(*frames, as_of=END), "delinquent_days"),
            one(credit.cei(*frames, **options), "cei"),
            one(credit.cei(*frames, **options, convention="monthly"), "cei"),
            one(credit.collection_rate(*frames, **options), "collection_rate"),
            one(credit.collection_rate(*frames, **options, convention="sales"), "collection_rate"),
            one(credit.turnover(*frames, **options, days=360), "turnover_days"),
            one(credit.bad_debt_rate(*frames, **options), "bad_debt_rate"),
            one(credit.bad_debt_rate(*frames, **options, convention="receivables"),
                "bad_debt_rate"),
        ],
        [
            ratio(owed, sales) * 90,
            ratio(current, sales) * 90,
            ratio(owed - current, sales) * 90,
            100 * ratio(opening + sales - owed, opening + sales - current),
            100 * ratio(opening + sales / 3 - owed, opening + sales / 3 - current),
            ratio(cash, opening + sales),
            ratio(cash, sales),
            ratio(360 * (opening + owed) / 2, sales * 365 / 90),
            ratio(lost, sales),
            ratio(lost, (opening + owed) / 2),
        ],
        atol=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(16, 20))
def test_count_back_walks_day_by_day(seed):
    """With a window of one day, count-back takes the latest days' sales one by one."""
    frames = book(seed)
    plain = Plain(frames)
    owed = left = sum(plain.open(b, END) for b in plain.bills)
    first, day, days = min(b["invoice_date"] for b in plain.bills), END, 0.0
    while left > 0 and day >= first:
        sold = plain.sales(day - pd.Timedelta(days=1), day)
        days += min(left / sold, 1.0) if sold else 1.0
        left, day = left - min(left, sold), day - pd.Timedelta(days=1)
    got = credit.dso(*frames, as_of=END, method="countback", window=1).iloc[0]
    assert got["receivables"] == owed
    assert (got["dso"], got["uncovered"]) == (pytest.approx(days), pytest.approx(left))


@pytest.mark.parametrize("seed", range(20, 28))
def test_expected_losses_and_their_movement_add_up_to_the_cent(seed):
    frames = book(seed)
    plain, rates = Plain(frames), dict(zip((s[0] for s in STEPS), (0.013, 0.05, 0.2, 0.5, 0.9),
                                           strict=True))  # fmt: skip
    days = [pd.Timestamp("2024-09-30"), END]
    scenarios = {"base": (0.5, 1.0), "good": (0.2, 0.5), "bad": (0.3, 1.4)}
    done = []
    for day in days:
        got = credit.expected_loss(
            *frames, as_of=day, method="specific", rates=rates, scenarios=scenarios
        )
        want: dict[tuple[str, str], float] = {}
        for bill in plain.bills:
            key = bill["customer_id"], plain.bucket(bill, day)
            want[key] = want.get(key, 0.0) + plain.open(bill, day)
        for row in got.itertuples():
            base = rates[row.bucket]
            weighted = sum(p * min(base * f, 1.0) for p, f in scenarios.values())
            amount = want.get((row.customer_id, row.bucket), 0.0)
            assert (row.amount, row.rate) == (amount, pytest.approx(weighted))
            assert row.allowance == pytest.approx(amount * weighted, abs=0.0051)
        done.append(got)
    moved = credit.provision_movement(*done, frames[2]).set_index("item")["amount"]
    assert moved.drop("closing").sum() == pytest.approx(moved["closing"], abs=1e-9)
    assert moved["opening"] == pytest.approx(done[0]["allowance"].sum())
    assert moved["closing"] == pytest.approx(done[1]["allowance"].sum())
    gone = sum(r["amount"] for r in plain.off if days[0] < r["date"] <= days[1])
    assert moved["write_off"] == -gone


def test_whole_years_months_and_windows_by_hand():
    day = pd.to_datetime(["2023-12-15", "2024-04-20", "2024-10-20", "2024-11-20", "2024-12-20"])
    bills = pd.DataFrame({
        "invoice_id": list("abcde"), "customer_id": "A", "invoice_date": day,
        "due_date": day + pd.Timedelta(days=30), "amount": [200.0, 180.0, 300.0, 200.0, 100.0],
    })  # fmt: skip
    paid = pd.DataFrame(
        {"payment_id": ["p"], "customer_id": ["A"], "date": ["2024-12-24"], "amount": [860.0]}
    )
    when = {"as_of": "2024-12-31"}  # 20 of d and all of e are open, e is not due
    assert credit.turnover(bills, paid, **when)["turnover"].tolist() == [780 / 160]  # 366 days
    months = credit.cei(bills, paid, start="2024-01-01", convention="monthly", **when)
    assert months["cei"].iloc[0] == pytest.approx(100 * (200 + 780 / 12 - 120) / 165)
    for days, want in ((30, 30.0), (60, 33.0), (31, 33.0)):
        got = credit.dso(bills, paid, method="sales_weighted", days=days, **when)["dso"]
        assert got.tolist() == [want]
    calls = credit.worklist(bills.tail(2), as_of="2024-12-31")  # no history of 1-30
    assert calls["expected"].isna().tolist() == [True]


def _lost(plain: Plain, bill: dict, after: pd.Timestamp, day: pd.Timestamp, late: int) -> float:
    """What of an invoice was written off in a span, or is open too long past due at its end."""
    gone = plain.taken(plain.off, bill, after, day)
    return gone + (plain.open(bill, day) if (day - bill["due_date"]).days > late else 0.0)


@pytest.mark.parametrize("seed", [30, 32, 33, 34, 35])
def test_vintages_and_back_tests_count_what_was_lost(seed):
    frames = book(seed)
    plain, day = Plain(frames), pd.Timestamp("2024-12-29")
    never = pd.Timestamp("1900-01-01")
    got = credit.loss_rates(*frames, as_of=END, method="vintage", allocation="specific",
                            default_days=31)  # fmt: skip
    for row in got.itertuples():
        month = row.vintage.to_period("M")
        mine = [b for b in plain.bills if b["invoice_date"].to_period("M") == month]
        end = (month + row.age).end_time.normalize()
        want = sum(_lost(plain, b, never, end, 31) for b in mine)
        assert (row.invoiced, row.lost) == (sum(b["amount"] for b in mine), want)
    behind = {(day - b["due_date"]).days for b in plain.bills if plain.open(b, day)}
    bound = min(n for n in behind if n >= 30)  # one is on it: not yet lost
    got = credit.backtest_loss_rates(*frames, as_of=day, allocation="specific", horizon_days=90,
                                     origins=3, default_days=bound)  # fmt: skip
    origins = sorted(got["origin"].unique())
    assert origins[-1] == pd.Timestamp("2024-09-30")  # whose 90 days end on the last day
    for row in got.itertuples():
        then = [b for b in plain.bills if plain.bucket(b, row.origin) == row.bucket]
        then = [b for b in then if plain.open(b, row.origin)]
        later = row.origin + pd.Timedelta(days=90)
        want = sum(_lost(plain, b, row.origin, later, bound) for b in then)
        assert (row.amount, row.lost) == (sum(plain.open(b, row.origin) for b in then), want)


def test_money_given_back_makes_no_bucket_grow():
    bills = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "amount": [100.0],
        "invoice_date": ["2025-01-01"], "due_date": ["2025-01-20"]})  # fmt: skip
    paid = pd.DataFrame({
        "payment_id": ["p", "q"], "customer_id": "A", "amount": [60.0, -50.0],
        "date": ["2025-01-10", "2025-02-10"], "invoice_id": "a"})  # fmt: skip
    got = credit.roll_rates(bills, paid, as_of="2025-02-28")
    got = got[got["amount"] != 0][["from", "to", "amount", "rate"]]
    assert got.to_numpy().tolist() == [["1-30", "31-60", 40.0, 1.0]]  # 90 are open then
