"""Late interest against an oracle in fractions that walks one day at a time, and published rates.

The oracle knows nothing of spans, tables of halves or matches: each day it looks up the rate of
that day, adds one day's interest, then lets that day's money in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from random import Random

import pandas as pd
import pytest

from salesmgmt import InputError, credit

DAY = timedelta(days=1)
END = date(2025, 8, 31)
Table = tuple[tuple[date, str], ...]
LPR = (
    (date(2022, 1, 20), "0.037"), (date(2022, 8, 22), "0.0365"), (date(2023, 6, 20), "0.0355"),
    (date(2023, 8, 21), "0.0345"), (date(2024, 7, 22), "0.0335"), (date(2024, 10, 21), "0.031"),
    (date(2025, 5, 20), "0.03"),
)  # fmt: skip
MONTH_STARTS = ((date(2022, 1, 1), "0.08"), (date(2024, 2, 1), "0.08"), (date(2024, 3, 1), "0.12"))


@cache
def quoted(table: Table, day: date) -> Fraction:
    return Fraction([rate for since, rate in table if since <= day][-1])


def half_start(day: date) -> date:
    return date(day.year, 1 if day.month <= 6 else 7, 1)


def days_360(a: date, b: date) -> int:
    first = min(a.day, 30)
    last = 30 if b.day == 31 and first == 30 else b.day
    return 360 * (b.year - a.year) + 30 * (b.month - a.month) + last - first


def day_share(count: str, origin: date, day: date) -> Fraction:
    """The part of a year that one day is."""
    if count == "30/360":
        return Fraction(days_360(origin, day) - days_360(origin, day - DAY), 360)
    if count == "act/act":
        return Fraction(1, (date(day.year + 1, 1, 1) - date(day.year, 1, 1)).days)
    return Fraction(1, int(count[-3:]))


def half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


RateOf = Callable[[date, date, date], Fraction]  # (issued, first day of interest, day)

AGREED: RateOf = lambda issued, first, day: Fraction("0.146")  # noqa: E731
SETTINGS: dict[str, tuple[dict, RateOf, bool]] = {
    # name: options, rate of a day, whether days are counted whatever the day count says
    "agreed": ({"annual_rate": 0.146}, AGREED, False),
    "act/360": ({"annual_rate": 0.146, "day_count": "act/360"}, AGREED, False),
    "30/360": ({"annual_rate": 0.146, "day_count": "30/360"}, AGREED, False),
    "act/act": ({"annual_rate": 0.146, "day_count": "act/act"}, AGREED, False),
    "grace": ({"annual_rate": 0.146, "grace_days": 9}, AGREED, False),
    "by date": ({"rates": LPR}, lambda i, f, d: quoted(LPR, d), False),
    "by date 30/360": (
        {"rates": MONTH_STARTS, "day_count": "30/360"}, lambda i, f, d: quoted(MONTH_STARTS, d),
        False,
    ),
    "order 802": ({"rules": "cn_order_802"}, lambda i, f, d: Fraction("0.1825"), True),
    "order 802 in 360": (
        {"rules": "cn_order_802", "day_count": "act/360"}, lambda i, f, d: Fraction("0.1825"), True,
    ),
    "order 802, agreed": (
        {"rules": "cn_order_802", "annual_rate": 0.0345, "rates": LPR},
        lambda i, f, d: max(Fraction("0.0345"), quoted(LPR, i)), False,
    ),
    "sale contract": (
        {"rules": "cn_lpr", "rates": LPR}, lambda i, f, d: quoted(LPR, d) * Fraction("1.3"), False,
    ),
    "sale contract, half more": (
        {"rules": "cn_lpr", "rates": LPR, "margin": 0.5, "lpr": "breach"},
        lambda i, f, d: quoted(LPR, f) * Fraction("1.5"), False,
    ),
    "uk": (
        {"rules": "uk", "rates": LPR},
        lambda i, f, d: quoted(LPR, half_start(f) - DAY) + Fraction("0.08"), False,
    ),
    "eu": (
        {"rules": "eu", "rates": LPR},
        lambda i, f, d: quoted(LPR, half_start(d)) + Fraction("0.08"), False,
    ),
}  # fmt: skip


def made_up(random: Random, n: int) -> tuple[dict, list[dict], list[dict], int]:
    """An invoice in cents with what came for it, write-offs, and costs of collection."""
    issued = date(2023, 1, 1) + random.randint(0, 800) * DAY
    if n % 7 == 0:
        issued = date(2024, 1, random.choice([1, 15, 29, 30, 31]))  # a leap year's February
    due = issued + random.choice([0, 14, 29, 30, 60]) * DAY
    left = total = random.choice([random.randint(1, 99), random.randint(10_000, 2_000_000)])
    paid, off = [], []
    for k in range(random.randint(0, 4)):
        cents = max(1, total * random.randint(1, 70) // 100)
        day = issued + random.choice([random.randint(0, 60), random.randint(0, 500)]) * DAY
        if day > END:
            continue
        if random.random() < 0.15 and left - cents > 0:
            off.append({"customer_id": f"C{n}", "date": day, "amount": cents,
                        "kind": random.choice(["write_off", "allowance"]),
                        "invoice_id": f"I{n:03}"})  # fmt: skip
            left -= cents
        else:
            if off or random.random() < 0.9:
                cents = min(cents, left)  # else an over-payment
            if cents:
                paid.append({"payment_id": f"P{n:03}-{k}", "customer_id": f"C{n}", "date": day,
                             "amount": cents, "invoice_id": f"I{n:03}"})  # fmt: skip
                left = max(0, left - cents)
    invoice = {"invoice_id": f"I{n:03}", "customer_id": f"C{n}", "invoice_date": issued,
               "due_date": due, "amount": total}  # fmt: skip
    return invoice, paid, off, random.choice([0, 0, 4000])


def walk(
    invoice: dict,
    paid: list[dict],
    off: list[dict],
    fee: int,
    rate_of: RateOf,
    count: str,
    grace: int,
    order: str,
) -> dict[str, int]:
    start = invoice["due_date"] + grace * DAY
    owed = booked = invoice["amount"]
    accrued, interest_paid, days, over = Fraction(0), 0, 0, 0
    for n in range((END - invoice["invoice_date"]).days + 1):
        day = invoice["invoice_date"] + n * DAY
        if day > start and owed > 0:
            rate = rate_of(invoice["invoice_date"], start + DAY, day)
            accrued += owed * rate * day_share(count, start, day)
            days += 1
        if (
            owed == 0
            and (order == "principal_first" or over == 0)
            and day > max(r["date"] for r in [*paid, *off])
        ):
            break
        for row in (r for r in off if r["date"] == day):
            booked -= row["amount"]
            owed -= row["amount"]
        for row in (r for r in paid if r["date"] == day):
            money = row["amount"]
            booked_part = min(money, booked)  # what the ledger matches with the invoice
            booked -= booked_part
            over += money - booked_part
            if order == "interest_first" and day > start:
                part = min(booked_part, fee)
                fee, booked_part = fee - part, booked_part - part
                part = min(booked_part, half_up(accrued) - interest_paid)
                interest_paid, booked_part = interest_paid + part, booked_part - part
            owed -= booked_part
        if order == "interest_first" and over and day > start and booked == 0:
            part = min(over, fee)
            fee, over = fee - part, over - part
            part = min(over, half_up(accrued) - interest_paid)
            interest_paid, over = interest_paid + part, over - part
            part = min(over, owed)
            owed, over = owed - part, over - part
    return {
        "days_late": days, "principal": owed, "interest": half_up(accrued),
        "interest_paid": interest_paid, "costs_due": fee,
    }  # fmt: skip


@pytest.mark.parametrize("order", ["principal_first", "interest_first"])
@pytest.mark.parametrize("setting", list(SETTINGS))
def test_every_cent_equals_a_walk_through_every_day(setting, order):
    options, rate_of, by_day = SETTINGS[setting]
    options = dict(options)
    random = Random(f"{setting}{order}")
    cases = [made_up(random, n) for n in range(40)]
    tables = [
        pd.DataFrame([c[0] for c in cases]),
        *(pd.DataFrame([r for c in cases for r in c[k]]) for k in (1, 2)),
    ]
    tables = [t.assign(amount=t["amount"] / 100) for t in tables]
    if "rates" in options:
        options["rates"] = pd.DataFrame(options["rates"], columns=["date", "rate"])
        options["rates"]["rate"] = options["rates"]["rate"].astype(float)
    fees = pd.Series({c[0]["invoice_id"]: c[3] / 100 for c in cases})
    # the walk pays on one day in order of ids, as written; rows are shuffled to show it
    tables[1] = tables[1].sample(frac=1, random_state=1)
    got = credit.late_interest(*tables, as_of=END, order=order, costs=fees, **options)
    sheet = credit.late_interest(
        *tables, as_of=END, order=order, costs=fees, detail=True, **options
    )
    sums = sheet.groupby("invoice_id", sort=False)[["days", "interest"]].sum().round(2)
    got = got.set_index("invoice_id")
    assert sums["interest"].to_dict() == got["interest"].to_dict()
    assert sums["days"].to_dict() == got["days_late"].to_dict()
    late = 0
    for invoice, paid, off, fee in cases:
        grace, count = options.get("grace_days", 0), options.get("day_count", "act/365")
        count = "act/365" if by_day else count
        want = walk(invoice, paid, off, fee, rate_of, count, grace, order)
        if not want["days_late"]:
            assert invoice["invoice_id"] not in got.index
            continue
        row = got.loc[invoice["invoice_id"]]
        have = {"days_late": row["days_late"]}
        have |= {k: round(row[k] * 100) for k in want if k != "days_late"}
        assert have == want, (setting, invoice, paid, off, fee)
        assert row["interest_due"] == round(row["interest"] - row["interest_paid"], 2)
        late += 1
    assert late > 15


@pytest.mark.parametrize(
    ("count", "basis"), [("act/365", 365), ("act/360", 360), ("act/act", None)]
)
def test_compounded_daily_is_a_product_over_days(count, basis):
    invoices = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "invoice_date": ["2024-01-01"],
        "due_date": ["2024-01-31"], "amount": [250_000.0]})  # fmt: skip
    payments = pd.DataFrame({
        "payment_id": ["P", "Q"], "customer_id": "A", "date": ["2024-03-15", "2024-12-31"],
        "amount": [100_000.0, 150_000.0], "invoice_id": "a"})  # fmt: skip
    got = credit.late_interest(
        invoices, payments, as_of="2025-04-30", rates=pd.DataFrame(LPR, columns=["date", "rate"])
        .astype({"rate": float}), compounding="daily", day_count=count,
    ).iloc[0]  # fmt: skip
    with localcontext() as digits:
        digits.prec = 40
        owed, interest, day = Decimal(250_000), Decimal(0), date(2024, 1, 31)
        while day < date(2025, 4, 30):
            day += DAY
            rate = Decimal([r for since, r in LPR if since <= day][-1])
            interest += (owed + interest) * rate / (basis or (366 if day.year == 2024 else 365))
            owed -= {date(2024, 3, 15): 100_000, date(2024, 12, 31): 150_000}.get(day, 0)
    # what is left of the interest bears interest after the principal is paid
    assert got["interest"] == float(round(interest, 2))
    assert (got["principal"], got["days_late"]) == (0.0, 335)


def test_a_cut_never_changes_the_sum():
    """A rate quoted again unchanged, or the same money in two halves on one day."""
    invoices = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "invoice_date": ["2024-12-20"],
        "due_date": ["2025-01-15"], "amount": [1_000_000.0]})  # fmt: skip
    for count in ("act/365", "act/360", "30/360", "act/act"):
        for how in ("simple", "daily", "monthly", "yearly"):
            options = {"as_of": "2025-06-15", "day_count": count, "compounding": how}
            flat = credit.late_interest(invoices, annual_rate=0.09, **options)["interest"][0]
            days = ["2020-01-01", *(f"2025-0{m}-01" for m in range(2, 7))]
            cut = pd.DataFrame({"date": days, "rate": 0.09})
            assert credit.late_interest(invoices, rates=cut, **options)["interest"][0] == flat


def test_the_sheet_lists_each_span_by_hand():
    invoices = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "invoice_date": ["2025-01-01"],
        "due_date": ["2025-01-31"], "amount": [1000.0]})  # fmt: skip
    payments = pd.DataFrame({
        "payment_id": ["P"], "customer_id": ["A"], "date": ["2025-02-10"], "amount": [400.0],
        "invoice_id": ["a"]})  # fmt: skip
    rates = pd.DataFrame({"date": ["2025-01-01", "2025-02-21"], "rate": [0.365, 0.73]})
    got = credit.late_interest(invoices, payments, rates=rates, as_of="2025-02-28", detail=True)
    assert got["first_day"].dt.strftime("%m-%d").tolist() == ["02-01", "02-11", "02-21"]
    assert got["last_day"].dt.strftime("%m-%d").tolist() == ["02-10", "02-20", "02-28"]
    assert got[["days", "principal", "rate", "interest"]].to_numpy().tolist() == [
        [10, 1000, 0.365, 10.0], [10, 600, 0.365, 6.0], [8, 600, 0.73, 9.6],
    ]  # fmt: skip
    none = credit.late_interest(invoices, rates=rates, as_of="2025-01-31", detail=True)
    assert len(none) == 0
    assert list(none.columns) == list(got.columns)


def test_money_over_pays_the_interest_of_settled_invoices_only():
    invoices = pd.DataFrame({
        "invoice_id": ["a", "b"], "customer_id": "A", "amount": [1000.0, 500.0],
        "invoice_date": ["2024-12-01", "2025-01-05"],
        "due_date": ["2024-12-31", "2025-06-30"]})  # fmt: skip
    payments = pd.DataFrame({
        "payment_id": ["P"], "customer_id": ["A"], "date": ["2025-04-10"], "amount": [1040.0],
        "invoice_id": ["a"]})  # fmt: skip
    options = {"annual_rate": 0.365, "as_of": "2025-04-30", "order": "interest_first"}
    named = credit.late_interest(invoices, payments, method="specific", **options).iloc[0]
    # 100 of the 1,040 are interest, 940 principal; 60 then bear 20 days of a thousandth
    columns = ["interest", "interest_paid", "principal", "interest_due"]
    assert named[columns].tolist() == [101.2, 100.0, 60.0, 1.2]
    # first in, first out, the 40 over reduce the next invoice instead
    queue = credit.late_interest(invoices, payments, **options).iloc[0]
    assert queue[columns].tolist() == [102.0, 100.0, 100.0, 2.0]
    # principal first, they stay in sight as unapplied and the interest as due
    plain = credit.late_interest(
        invoices, payments, method="specific", **{**options, "order": "principal_first"}
    ).iloc[0]
    assert plain[columns].tolist() == [100.0, 0.0, 0.0, 100.0]
    made = credit.ledger(invoices, payments, method="specific", as_of="2025-04-30")
    pd.testing.assert_frame_equal(
        credit.late_interest(made, annual_rate=0.365, order="interest_first"),
        credit.late_interest(invoices, payments, method="specific", **options),
    )
    table = pd.DataFrame({"date": ["2020-01-01"], "rate": [0.03]})
    with pytest.raises(InputError, match="not both"):
        credit.late_interest(invoices, annual_rate=0.1, rates=table, rules="uk")


def test_reference_rates_of_the_united_kingdom_since_2017():
    # Bank Rate by the date of change (Bank of England), and the reference rates of each
    # half-year as payontime.co.uk lists them
    bank = [
        ("2016-08-04", 0.25), ("2017-11-02", 0.5), ("2018-08-02", 0.75), ("2020-03-11", 0.25),
        ("2020-03-19", 0.1), ("2021-12-16", 0.25), ("2022-02-03", 0.5), ("2022-03-17", 0.75),
        ("2022-05-05", 1.0), ("2022-06-16", 1.25), ("2022-08-04", 1.75), ("2022-09-22", 2.25),
        ("2022-11-03", 3.0), ("2022-12-15", 3.5), ("2023-02-02", 4.0), ("2023-03-23", 4.25),
        ("2023-05-11", 4.5), ("2023-06-22", 5.0), ("2023-08-03", 5.25),
    ]  # fmt: skip
    listed = {
        "2017-07-01": 8.25, "2018-01-01": 8.5, "2018-07-01": 8.5, "2019-01-01": 8.75,
        "2019-07-01": 8.75, "2020-01-01": 8.75, "2020-07-01": 8.1, "2021-01-01": 8.1,
        "2021-07-01": 8.1, "2022-01-01": 8.25, "2022-07-01": 9.25, "2023-01-01": 11.5,
        "2023-07-01": 13.0, "2024-01-01": 13.25,
    }  # fmt: skip
    first = pd.to_datetime(list(listed))
    last = first + pd.offsets.MonthEnd(6)
    # the first day of interest is the first, or the last, of the half-year
    invoices = pd.DataFrame({
        "invoice_id": range(28), "customer_id": "A", "amount": [999.99, 1000.0, 9999.99, 1e4] * 7,
        "invoice_date": "2017-01-01",
        "due_date": [*(first - pd.Timedelta(days=1)), *(last - pd.Timedelta(days=1))]})  # fmt: skip
    table = pd.DataFrame(bank, columns=["date", "rate"])
    table["rate"] = (table["rate"] / 100).round(6)
    got = credit.late_interest(invoices, as_of="2025-01-01", rules="uk", rates=table)
    got = got.set_index("invoice_id").sort_index()
    assert (got["rate"] * 100).round(6).tolist() == list(listed.values()) * 2
    assert got["compensation"].tolist() == [40.0, 70.0, 70.0, 100.0] * 7


def test_irish_rates_follow_each_half_year():
    # ECB main refinancing rate by the date of change; enterprise.gov.ie: 12.25 % a year from
    # 1 July 2024, 12.5 % before
    table = pd.DataFrame({
        "date": ["2023-09-20", "2024-06-12", "2024-09-18", "2024-10-23", "2024-12-18"],
        "rate": [0.045, 0.0425, 0.0365, 0.034, 0.0315]})  # fmt: skip
    invoice = pd.DataFrame({
        "invoice_id": ["a"], "customer_id": ["A"], "invoice_date": ["2024-04-01"],
        "due_date": ["2024-05-31"], "amount": [36_500.0]})  # fmt: skip
    for day, rate, interest in (
        ("2024-06-30", 0.125, 30 * 12.5), ("2024-12-31", 0.1225, 30 * 12.5 + 184 * 12.25),
        ("2025-01-10", 0.1115, 30 * 12.5 + 184 * 12.25 + 10 * 11.15),
    ):  # fmt: skip
        got = credit.late_interest(invoice, as_of=day, rules="eu", rates=table).iloc[0]
        assert got["rate"] == pytest.approx(rate)
        assert (got["interest"], got["compensation"]) == (interest, 40.0)
