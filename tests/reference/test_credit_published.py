"""Published figures of receivables: the source stands in each test's name or comment."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, credit
from salesmgmt.errors import InputError


def bills(rows):
    names = ["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]
    return pd.DataFrame(rows, columns=names)


def paid(amount, date):
    return pd.DataFrame(
        {"payment_id": ["P"], "customer_id": ["A"], "date": [date], "amount": [amount]}
    )


def test_ifrs_9_example_12_provision_matrix():
    matrix = pd.DataFrame(
        {"current": [15e6], "1-30": [7.5e6], "31-60": [4e6], "61-90": [2.5e6], "91+": [1e6]}
    )
    rates = {"current": 0.003, "1-30": 0.016, "31-60": 0.036, "61-90": 0.066, "91+": 0.106}
    got = credit.provision(matrix, rates)
    assert got["allowance"].tolist() == [45_000, 120_000, 144_000, 165_000, 106_000]
    assert got["allowance"].sum() == 580_000


def test_provision_by_age_as_common_in_china():
    amounts = [1_000_000, 300_000, 120_000, 50_000, 20_000, 10_000]
    ages = pd.Series(amounts, index=list(credit.CN_AGING_POLICY))
    got = credit.provision(ages, credit.CN_AGING_POLICY)
    assert got["allowance"].tolist() == [50_000, 30_000, 36_000, 25_000, 16_000, 10_000]


def test_jd_edwards_dso_current_balance_over_sales():
    invoices = bills(
        [
            ("a", "A", "2025-01-10", "2025-02-10", 5538),
            ("b", "A", "2025-02-10", "2025-03-10", 4566),
            ("c", "A", "2025-03-10", "2025-04-10", 7570),
        ]
    )
    got = credit.dso(invoices, paid(17674 - 10869, "2025-03-20"), as_of="2025-03-31", days=90)
    assert got["dso"].iloc[0] == pytest.approx(55.35, abs=0.005)


def test_benji_pays_countback_over_windows_of_30_days():
    invoices = bills(
        [
            ("a", "A", "2025-01-15", "2025-02-10", 70_000),
            ("b", "A", "2025-02-10", "2025-03-10", 80_000),
            ("c", "A", "2025-03-10", "2025-04-10", 100_000),
        ]
    )
    payment = paid(38_000, "2025-03-20")
    got = credit.dso(invoices, payment, as_of="2025-03-31", method="countback").iloc[0]
    assert got["dso"] == pytest.approx(73.714285, abs=1e-6)
    assert got["uncovered"] == 0
    short = credit.dso(invoices.iloc[1:], as_of="2025-03-31", method="countback").iloc[0]
    assert (short["dso"], short["uncovered"]) == (60.0, 0.0)


def test_creditguru_best_possible_dso_and_average_days_delinquent():
    invoices = bills(
        [
            ("a", "A", "2025-01-15", "2025-02-10", 11_000),
            ("b", "A", "2025-04-10", "2025-05-10", 4_000),
            ("c", "A", "2025-04-12", "2025-04-20", 6_000),
        ]
    )
    payment = paid(6_000, "2025-04-29").assign(invoice_id="c")
    got = credit.delinquent_days(invoices, payment, as_of="2025-04-30", days=30).iloc[0]
    assert got["dso"] == pytest.approx(45)
    assert got["best_possible"] == pytest.approx(12)
    assert got["delinquent_days"] == pytest.approx(33)


def test_gaviti_collection_effectiveness():
    invoices = bills(
        [
            ("a", "A", "2025-02-15", "2025-02-28", 100_000),
            ("b", "A", "2025-03-10", "2025-04-10", 100_000),
            ("c", "A", "2025-03-12", "2025-03-20", 900_000),
        ]
    )
    payment = pd.concat(
        [
            paid(100_000, "2025-03-15").assign(invoice_id="a"),
            paid(880_000, "2025-03-25").assign(invoice_id="c", payment_id="Q"),
        ]
    )
    got = credit.cei(invoices, payment, as_of="2025-03-31").iloc[0]
    assert got[["opening", "sales", "closing", "closing_current"]].tolist() == [
        100_000, 1_000_000, 120_000, 100_000,
    ]  # fmt: skip
    assert got["cei"] == pytest.approx(98.0)


def _chain(rows):
    """Roll rates from rows of (bucket, buckets..., paid, written off)."""
    names = list(rows)
    cells = [
        (a, b, rate)
        for a, rates in rows.items()
        for b, rate in zip([*names, "paid", "written_off"], rates, strict=True)
    ]
    return pd.DataFrame(cells, columns=["from", "to", "rate"])


@pytest.mark.parametrize(
    ("rows", "want", "digits"),
    [
        # Anderson, Sweeney, Williams, "An Introduction to Management Science", Markov processes,
        # accounts receivable of Heidman's: 0.11 and 0.26 end as bad debts
        ({"0-30": (0.3, 0.3, 0.4, 0), "31-90": (0.3, 0.1, 0.4, 0.2)}, [0.11, 0.26], 2),
        # Render, Stair, "Quantitative Analysis for Management", 14.6: 0.03 and 0.14
        ({"< 1": (0.2, 0.2, 0.6, 0), "1-3": (0.3, 0.2, 0.4, 0.1)}, [0.03, 0.14], 2),
        # an examination's UC Limited: the limit of its chain is 0.95, 0.05 and 0.87, 0.13
        ({"current": (0.5, 0.2, 0.3, 0), "overdue": (0.3, 0.1, 0.5, 0.1)}, [0.05, 0.13], 2),
        # an exercise with its answer (wizedu.com 289160): 0.964 of new accounts are collected
        (
            {"new": (0, 0.6, 0, 0, 0.4, 0), "1": (0, 0, 0.5, 0, 0.5, 0),
             "2": (0, 0, 0, 0.4, 0.6, 0), "3": (0, 0, 0, 0, 0.7, 0.3)},
            [0.036, 0.06, 0.12, 0.3], 3,
        ),
    ],
    ids=["heidman", "render", "uc limited", "wizedu"],
)  # fmt: skip
def test_absorbing_chains_of_textbooks(rows, want, digits):
    got = credit.loss_rates(_chain(rows), method="markov", staying="open")["loss_rate"]
    assert got.round(digits).tolist() == want


def test_what_stays_in_the_last_bucket_is_lost_unless_it_is_said_to_be_open():
    """By hand: a chain of two ages whose last one keeps a tenth."""
    rows = {"0": (0.6, 0.3, 0.1, 0), "1": (0.2, 0.1, 0.4, 0.3)}
    # I - Q = [[.4, -.3], [-.2, 1]], determinant .34; N R = loss column [0, .3 + .1]
    lost = credit.loss_rates(_chain(rows), method="markov")["loss_rate"]
    np.testing.assert_allclose(lost, [0.3 * 0.4 / 0.34, 0.4 * 0.4 / 0.34])
    flow = credit.loss_rates(_chain(rows))["loss_rate"]
    np.testing.assert_allclose(flow, [0.3 * 0.4, 0.4])
    flow = credit.loss_rates(_chain(rows), staying="open")["loss_rate"]
    np.testing.assert_allclose(flow, [0.3 / 3, 1 / 3])
    stuck = _chain({"0": (0.6, 0.3, 0.1, 0), "1": (0, 1, 0, 0)})
    for method in ("flow", "markov"):
        assert credit.loss_rates(stuck, method=method, staying="open")["loss_rate"].iloc[-1] == 1
    with pytest.raises(InputError, match="not for method='vintage'"):
        credit.loss_rates(bills([("a", "A", "2025-01-15", "2025-02-10", 1)]), method="vintage",
                          staying="open")  # fmt: skip


def test_order_802_half_a_thousandth_a_day():
    invoices = bills([("a", "A", "2025-07-01", "2025-08-30", 100_000)])
    got = credit.late_interest(invoices, as_of="2025-10-14", rules="cn_order_802").iloc[0]
    assert (got["days_late"], got["interest"]) == (45, 2250.0)


def test_erpnext_36279_costs_then_interest_then_principal():
    got = credit.apply_payment(50.0, fee=5.0, interest=0.25, principal=100.0)
    assert got.tolist() == [0.0, 0.0, 55.25, 0.0]


def test_uk_late_payment_act_example():
    # gov.uk: 1,000 pounds, base rate 0.5 %: 8.5 % a year, 85 / 365 a day; and 70 pounds
    invoices = bills([("a", "A", "2021-01-01", "2021-03-01", 1_000)])
    rates = pd.DataFrame({"date": ["2020-03-19", "2021-06-30"], "rate": [0.005, 0.05]})
    got = credit.late_interest(invoices, as_of="2021-08-01", rules="uk", rates=rates).iloc[0]
    days = (pd.Timestamp("2021-08-01") - pd.Timestamp("2021-03-01")).days
    assert got["interest"] == round(85 / 365 * days, 2)
    assert (got["compensation"], got["rate"]) == (70.0, 0.085)


@pytest.fixture(scope="module")
def cases(data_dir):
    return json.loads((data_dir / "credit" / "cases.json").read_text(encoding="utf-8"))["cases"]


def test_every_aging_case_of_the_list_to_the_cent(cases):
    methods = {"specific": "specific", "oldest_due_first": "specific_then_oldest_due"}
    done = 0
    for case in (c for c in cases if c["kind"] == "aging"):
        names = {"id": "invoice_id", "customer": "customer_id", "issue_date": "invoice_date"}
        columns = [*names, "due_date", "amount", "type", "parent", "currency"]
        invoices = pd.DataFrame(case["invoices"], columns=columns).rename(columns=names)
        invoices = invoices.dropna(axis=1, how="all") if len(invoices) else invoices
        names = {"id": "payment_id", "customer": "customer_id", "invoice": "invoice_id"}
        columns = ["id", "customer", "date", "amount", "invoice"]
        payments = pd.DataFrame(case["payments"], columns=columns).rename(columns=names)
        if not len(invoices):
            invoices = invoices.drop(columns=["type", "parent", "currency"])
        fx = {i["currency"]: float(i["fx"]) for i in case["invoices"] if "fx" in i}
        ladder = [tuple(b) for b in case["buckets"]]
        options = {"as_of": case["as_of"], "method": methods[case["allocation"]]}
        options["fx"] = fx or None
        got = credit.aging(
            invoices, payments, buckets=ladder, unapplied="bucket", by=None, **options
        ).iloc[0]
        want = case["expected"]
        for bucket, amount in want.get("buckets", want.get("buckets_base")).items():
            assert got[bucket] == float(amount), (case["id"], bucket)
        assert got["total"] == float(want.get("outstanding", want.get("outstanding_base")))
        items = credit.open_items(invoices, payments, include="all", **options)
        items = items.set_index("invoice_id")
        for invoice, amount in want.get("per_invoice", {}).items():
            assert items["outstanding"][invoice] == float(amount), case["id"]
        for invoice, amount in want.get("future", {}).items():
            assert items["future"][invoice] == float(amount), case["id"]
        done += 1
    assert done == 15


def test_migration_rates_of_a_cohort_make_the_provision_matrix():
    # IFRScommunity.com, "IFRS 9 example: lifetime ECL for trade receivables using a provision
    # matrix": of sales of 100,000 stay 50,000, 23,000, 8,000 and 2,000; ECL 27,567
    parts = [50_000, 27_000, 15_000, 6_000, 2_000]
    rows = [(f"x{k}", "A", "2025-01-15", "2025-02-15", a) for k, a in enumerate(parts)]
    days = ["2025-02-14", "2025-03-10", "2025-04-10", "2025-05-10"]
    money = pd.DataFrame({"payment_id": list("abcd"), "customer_id": "A", "date": days})
    money = money.assign(amount=parts[:4], invoice_id=[r[0] for r in rows[:4]])
    rates = credit.loss_rates(bills(rows), money, as_of="2025-12-31")
    want = [0.02, 0.04, 2 / 23, 0.25, 1.0]
    np.testing.assert_allclose(rates["loss_rate"], want)
    now = {"current": 300_000, "1-30": 140_000, "31-60": 60_000, "61-90": 23_000, "91+": 5_000}
    got = credit.provision(now, rates)["allowance"]
    assert got.round().tolist() == [6_000, 5_600, 5_217, 5_750, 5_000]
    assert round(got.sum()) == 27_567


def test_write_offs_count_as_moved_on_in_migration_rates():
    # Beijing Institute of CPAs, expert note 2020 no. 3: of 100 within a year 50 are left a year
    # later and 20 written off: the rate is 70 %, not 50 %
    off = pd.DataFrame({"customer_id": ["A"], "date": ["2024-06-01"], "amount": [20.0]})
    off = off.assign(kind="write_off", invoice_id="a")
    got = credit.loss_rates(
        bills([("a", "A", "2023-06-30", "2023-06-30", 100.0)]), paid(30.0, "2024-05-01"), off,
        as_of="2024-12-31", freq="Y", buckets="cn_years",
    )  # fmt: skip
    assert got["rate"].iloc[0] == pytest.approx(0.7)


def test_creditguru_collection_effectiveness_by_monthly_sales():
    invoices = bills(
        [
            ("o", "A", "2024-12-10", "2025-02-28", 6_200),
            ("jan", "A", "2025-01-10", "2025-03-01", 3_390),
            ("feb", "A", "2025-02-10", "2025-03-20", 3_610),
            ("mar", "A", "2025-03-10", "2025-04-30", 3_890),
        ]
    )
    named = {"o": 6_200, "jan": 3_390, "feb": 860, "mar": 300}
    money = pd.DataFrame({"payment_id": list("abcd"), "customer_id": "A", "date": "2025-03-30"})
    money = money.assign(amount=list(named.values()), invoice_id=list(named))
    got = credit.cei(invoices, money, as_of="2025-03-31", freq="Q", convention="monthly").iloc[-1]
    assert got[["opening", "sales", "closing", "closing_current"]].tolist() == [
        6_200, 10_890, 6_340, 3_590,
    ]  # fmt: skip
    assert round(got["cei"], 1) == 55.9


def test_countback_over_calendar_months():
    # "Debtor days calculation: count back method": 2,100,000 owed; March 900,000, February
    # 800,000, January 700,000: 31 + 28 + 400 / 700 x 31 days
    sold = {"01": 700_000, "02": 800_000, "03": 900_000}
    invoices = bills([(m, "A", f"2025-{m}-15", "2025-06-30", a) for m, a in sold.items()])
    got = credit.dso(
        invoices, paid(300_000, "2025-03-31"), as_of="2025-03-31", method="countback", window="M"
    )
    assert got["dso"].iloc[0] == pytest.approx(31 + 28 + 400 / 700 * 31)


def test_oca_aged_partner_balance_at_its_bounds_and_on_a_past_day():
    # OCA account-financial-reporting, pull request 383: the table that is expected
    owed = [500, 1_000, 2_000, 4_000, 8_000, 160_000]
    issued = pd.to_datetime([f"2017-{m:02}-15" for m in (12, 11, 10, 9, 8, 7)])
    due = issued + pd.DateOffset(months=1)
    rows = list(zip("abcdef", "AAAAAA", issued, due, owed, strict=True))
    got = credit.aging(bills(rows), as_of="2017-12-31", rules="oca").iloc[0]
    assert got[["current", "1-30", "31-60", "61-90", "91-120", "121+"]].tolist() == owed
    # issue 546: paid in May, asked of April
    rows = [(f"m{k}", "A", "2019-03-15", "2019-03-15", 10_000) for k in range(5)]
    rows.append(("big", "A", "2019-04-15", "2019-04-15", 100_000))
    money = pd.concat([paid(1_000, "2019-02-15"), paid(49_000, "2019-05-15")])
    money["payment_id"] = ["P", "Q"]
    options = {"basis": "invoice", "unapplied": "bucket"}
    for frames in ((bills(rows), money), (credit.ledger(bills(rows), money, method="specific"),)):
        method = {"method": "specific"} if len(frames) == 2 else {}
        april = credit.aging(*frames, as_of="2019-04-30", **method, **options).iloc[0]
        assert april[["1-30", "31-60", "61-90"]].tolist() == [100_000, 50_000, -1_000]


def test_payments_overlap_invoices_in_order():
    # Database Administrators Stack Exchange 328112: three invoices of 5, four payments of 4
    invoices = bills([(k, "A", "2025-01-01", "2025-01-31", 5.0) for k in (1, 2, 3)])
    money = pd.concat([paid(4.0, "2025-01-05").assign(payment_id=k) for k in (1, 2, 3, 4)])
    got = credit.ledger(invoices, money)
    pairs = got.loc[got["kind"] == "payment", ["invoice_id", "payment_id", "amount"]]
    assert pairs.to_numpy().tolist() == [
        [1, 1, 4], [1, 2, 1], [2, 2, 3], [2, 3, 2], [3, 3, 2], [3, 4, 3],
    ]  # fmt: skip
    assert got.loc[got["kind"] == "unapplied", "amount"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("terms", "paid_before", "want"),
    [
        ([60, 100, 40], 40, [0, 0, 20, 40]),  # half of it returned
        ([30, 50, 20], 0, [0, 0, 0, 0]),  # all of it
        ([30, 50, 20], 40, [-40, 0, 0, 0]),  # all of it, when 40 were paid
    ],
)
def test_a_credit_note_for_a_plan_settles_its_instalments(terms, paid_before, want):
    # ERPNext, test_accounts_receivable.py: invoice by payment terms, payment, credit note of 100
    due = ["2025-01-31", "2025-03-02", "2025-04-01"]
    rows = [(f"t{k}", "A", "2025-01-01", d, a) for k, (d, a) in enumerate(zip(due, terms))]
    invoices = bills([("cn", "A", "2025-01-02", None, -100), *rows]).assign(parent="SI")
    money = paid(max(paid_before, 1), "2025-01-01").assign(invoice_id="SI")
    money = money.iloc[: paid_before and 1]
    book = credit.ledger(invoices, money, as_of="2025-03-31")
    for frames in ((invoices, money), (book,)):
        got = credit.open_items(*frames, as_of="2025-01-02", include="all")
        assert got.sort_values("invoice_id")["outstanding"].tolist() == want
        before = credit.open_items(*frames, as_of="2025-01-01")["outstanding"]
        assert before.sum() == sum(terms) - paid_before
    fifo = credit.open_items(invoices, money, method="fifo", include="all")
    assert fifo["outstanding"].sum() == sum(want)
    own = credit.open_items(invoices, money, credit_notes="own", include="all")
    assert own.set_index("invoice_id")["outstanding"]["cn"] == -100


@pytest.mark.parametrize(
    ("rules", "reference", "amount", "days", "options", "want"),
    [
        ("uk", 0.0525, 2_000, 45, {}, (32.67, 70.0)),  # toolfy.io (which cuts 45 / 365 at .1233)
        ("uk", 0.0375, 1_500, 30, {}, (14.49, 70.0)),  # freelancertoolkit.co.uk
        ("uk", 0.045, 5_000, 30, {}, (51.37, 70.0)),  # ycalculator.net
        ("eu", 0.03, 4_500, 30, {}, (40.68, 40.0)),  # fiscavo.com
        # BGB section 288 (2): nine points; 10 % a year on 1,000 of a whole year
        ("eu", 0.01, 1_000, 365, {"margin": 0.09}, (100.0, 40.0)),
    ],
)
def test_statutory_interest_as_calculators_show_it(rules, reference, amount, days, options, want):
    as_of = pd.Timestamp("2025-02-01") + pd.Timedelta(days=days)
    got = credit.late_interest(
        bills([("a", "A", "2025-01-01", "2025-02-01", amount)]), as_of=as_of, rules=rules,
        annual_rate=reference, **options,
    ).iloc[0]  # fmt: skip
    assert (got["interest"], got["compensation"]) == want


@pytest.mark.parametrize(
    "options",
    [
        {"rules": "uk", "margin": 0.09},
        {"margin": 0.3},
        {"rules": "eu", "margin": 0.05},
        {"rules": "eu", "margin": 8},
        {"rules": "eu", "lpr": "breach"},
    ],
)
def test_what_no_rule_would_use_is_refused(options):
    invoices = bills([("a", "A", "2025-01-01", "2025-02-01", 100.0)])
    with pytest.raises(InputError, match=r"margin|lpr"):
        credit.late_interest(invoices, as_of="2025-03-01", annual_rate=0.02, **options)


def test_aging_schedule_of_a_textbook_from_invoices_to_allowance():
    # "Accounting Principles: A Business Perspective", exhibit 77, Allen Company: 828,000 by age,
    # 1, 5, 10, 25 and 50 % of it: 24,400
    owed = {
        "X": {"over 90": 5_000}, "Y": {"1-30": 12_000, "31-60": 2_000},
        "Z": {"61-90": 200, "over 90": 200},
        "others": {"not due": 560_000, "1-30": 240_000, "31-60": 2_000, "61-90": 600,
                   "over 90": 6_000},
    }  # fmt: skip
    day = {"not due": "2010-12-31", "1-30": "2010-12-01", "31-60": "2010-11-30",
           "61-90": "2010-10-02", "over 90": "2010-10-01"}  # fmt: skip
    rows = [
        (f"{who} {age}", who, "2010-09-01", day[age], amount)
        for who, ages in owed.items()
        for age, amount in ages.items()
    ]
    ages = credit.aging(bills(rows), as_of="2010-12-31")
    assert ages["total"].tolist() == [5_000, 14_000, 400, 808_600]
    buckets = ["current", "1-30", "31-60", "61-90", "91+"]
    assert ages[buckets].sum().tolist() == [560_000, 252_000, 4_000, 800, 11_200]
    got = credit.provision(ages, [0.01, 0.05, 0.10, 0.25, 0.50])
    allowance = got.groupby("bucket", sort=False)["allowance"].sum()
    assert allowance.tolist() == [5_600, 12_600, 400, 200, 5_600]


def test_movement_of_a_textbook_allowance():
    # Riley, Bruns, supplement to chapter 7: 75,000 at the start, 85,000 written off, aging asks
    # for 73,100 at the end: an expense of 83,100
    rates = [0.05, 0.08, 0.20, 0.25, 0.50]
    ages = pd.DataFrame({"current": [7e5], "1-30": 1.2e5, "31-60": 8e4, "61-90": 3e4, "91+": 1e4})
    end = credit.provision(ages.assign(as_of=pd.Timestamp("2025-12-31")), rates)
    assert end["allowance"].sum() == 73_100
    start = pd.DataFrame({"allowance": [75_000.0], "as_of": pd.Timestamp("2024-12-31")})
    gone = pd.DataFrame(
        {"customer_id": ["A"], "date": ["2025-06-30"], "amount": [85_000.0], "kind": ["write_off"]}
    )
    got = credit.provision_movement(start, end, gone).set_index("item")["amount"]
    assert got[["opening", "charge", "write_off", "closing"]].tolist() == [
        75_000, 83_100, -85_000, 73_100,
    ]  # fmt: skip
    assert got[["reversal", "recovery"]].tolist() == [0, 0]


def test_countback_through_a_month_with_more_credited_than_sold():
    # Sage knowledge base, "Analysis - Days Sales Overdue": months without sales, one of -42.00
    # (which leaves more for the months before), 27.84 days of March, 211 rounded up
    sold = {"07": 66.29, "06": -42.0, "05": 1028.13, "04": 2533.31, "03": 13094.42}
    rows = [(m, "A", f"2018-{m}-15", f"2018-{m}-15", a) for m, a in sold.items()]
    kind = ["invoice" if a > 0 else "credit_note" for a in sold.values()]
    got = credit.dso(
        bills(rows).assign(type=kind), paid(1333.80, "2018-07-20"), as_of="2018-09-30",
        method="countback", window="M",
    ).iloc[0]  # fmt: skip
    assert got["receivables"] == got["sales"] == 15_346.35
    assert round(got["dso"] - 183, 2) == 27.84


def test_turnover_of_an_exercise():
    # An exercise answered on partnerperformance.uonbi.ac.ke (no book named there): net sales
    # 35,657, receivables 3,495 and 4,415: 9.02 times (the days printed, 40.47, are 365 over the
    # rounded figure)
    invoices = bills(
        [
            ("old", "A", "2024-06-01", "2024-07-01", 3_495),
            ("new", "A", "2025-06-01", "2025-07-01", 35_657),
        ]
    )
    got = credit.turnover(invoices, paid(3_495 + 35_657 - 4_415, "2025-12-01"), as_of="2025-12-31")
    assert got[["opening", "closing"]].iloc[0].tolist() == [3_495, 4_415]
    assert round(got["turnover"].iloc[0], 2) == 9.02
    assert round(got["turnover_days"].iloc[0], 1) == 40.5


def test_interest_by_the_german_merchants_year():
    # p-konto.de, "Zinsformel": 10,000 at 6 % from 1 January to 30 July 2016, 210 days: 350
    invoices = bills([("a", "A", "2015-12-01", "2015-12-31", 10_000)])
    got = credit.late_interest(invoices, as_of="2016-07-30", annual_rate=0.06, day_count="30/360")
    assert got["interest"].tolist() == [350.0]


def test_a_base_rate_below_zero_leaves_less_than_nine_points():
    # Basiszinssatz (BGB section 247): -0.83 % up to June 2016, -0.88 % from July 2016 (stb-gerd-
    # maier.de); 8.17 % and 8.12 % between firms; the sums are worked by hand
    base = pd.DataFrame({"date": ["2016-01-01", "2016-07-01"], "rate": [-0.0083, -0.0088]})
    invoices = bills([("a", "A", "2016-03-01", "2016-05-31", 36_500)])
    options = {"rules": "eu", "margin": 0.09, "as_of": "2016-07-10"}
    got = credit.late_interest(invoices, rates=base, detail=True, **options)
    assert got["rate"].round(6).tolist() == [0.0817, 0.0812]
    assert got["interest"].tolist() == [245.10, 81.20]
    flat = credit.late_interest(invoices, annual_rate=-0.0088, **options)
    assert flat["interest"].tolist() == [324.80]
    with pytest.raises(InputError, match="below 0"):
        credit.late_interest(invoices, rates=base, as_of="2016-07-10")


@pytest.mark.parametrize(
    "options",
    [
        {"rules": "uk", "rates": pd.DataFrame({"date": ["2009-03-05"], "rate": [0.5]})},
        {"rules": "cn_lpr", "rates": pd.DataFrame({"date": ["2024-10-21"], "rate": [3.1]})},
        {"rules": "eu", "annual_rate": 0.5},
        {"rates": pd.DataFrame({"date": ["2024-10-21"], "rate": [3.1]})},
    ],
)
def test_per_cent_for_a_share_is_told_also_where_it_is_below_one(options):
    invoices = bills([("a", "A", "2025-01-01", "2025-02-01", 100.0)])
    with pytest.raises(InputError, match=r"divide per cent by 100|0\.5 % is 0\.005"):
        credit.late_interest(invoices, as_of="2025-03-01", **options)


@pytest.mark.parametrize(
    ("rules", "want", "told"), [("eu", [40, 40, None], "GBP"), ("uk", [None, None, 70], "EUR")]
)
def test_fixed_sums_stand_only_beside_their_own_currency(rules, want, told):
    currency = ["EUR", "\u20ac", "GBP"]
    rows = [(k, "A", "2025-01-01", "2025-02-01", 2_000.0) for k in currency]
    options = {"rules": rules, "annual_rate": 0.03, "as_of": "2025-03-01"}
    with pytest.warns(DataWarning, match=f"another currency .*{told}"):
        got = credit.late_interest(bills(rows).assign(currency=currency), **options)
    sums = got.set_index("currency")["compensation"][currency]
    assert [None if pd.isna(v) else v for v in sums] == want


def test_default_rates_of_a_cohort_and_the_cap_of_a_worse_outlook():
    # S. Firer, "ECL model for free, part 2": of 100 are left 70, 45, 35 and 10, so 10, 14, 22, 29
    # and 100 % default; a tenth more for harder times, but never above 100 %. (The page works on
    # with rates cut to whole per cent, 178 in all; the allowances here are worked by hand.)
    parts = [30, 25, 10, 25, 10]
    rows = [(f"x{k}", "A", "2018-01-15", "2018-01-15", a) for k, a in enumerate(parts)]
    days = ["2018-02-10", "2018-03-10", "2018-04-10", "2018-05-10"]
    money = pd.DataFrame({"payment_id": list("abcd"), "customer_id": "A", "date": days})
    money = money.assign(amount=parts[:4], invoice_id=[r[0] for r in rows[:4]])
    edges = (30, 60, 90, 120)
    rates = credit.loss_rates(bills(rows), money, as_of="2018-06-30", buckets=edges)
    assert (rates["loss_rate"] * 100).round().tolist() == [10, 14, 22, 29, 100]
    assert rates["status"].eq("observed").all()
    owed = [150, 200, 80, 200, 50]
    issued = ["2019-03-20", "2019-02-20", "2019-01-20", "2018-12-10", "2018-06-01"]
    now = bills([(k, "A", d, d, a) for k, (d, a) in enumerate(zip(issued, owed, strict=True))])
    got = credit.expected_loss(
        now, as_of="2019-03-31", rates=rates, scenarios={"harder": (1.0, 1.1)}, buckets=edges
    )
    assert got["amount"].tolist() == owed
    assert got["allowance"].tolist() == [16.5, 31.43, 19.56, 62.86, 50.0]
