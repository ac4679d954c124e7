"""Published figures of receivables: the source stands in each test's name or comment."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesmgmt import credit


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


def test_cyert_davidson_thompson_absorbing_chain():
    # two ages, worked by hand
    rolls = pd.DataFrame(
        [
            ("0", "0", 0.6), ("0", "1", 0.3), ("0", "paid", 0.1),
            ("1", "0", 0.2), ("1", "1", 0.0), ("1", "paid", 0.4), ("1", "written_off", 0.4),
        ],
        columns=["from", "to", "rate"],
    )  # fmt: skip
    got = credit.loss_rates(rolls, method="markov")["loss_rate"].to_numpy()
    # I - Q = [[.4, -.3], [-.2, 1]], determinant .34; N R = loss column [0, .4]
    np.testing.assert_allclose(got, [0.3 * 0.4 / 0.34, 0.4 * 0.4 / 0.34])


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
