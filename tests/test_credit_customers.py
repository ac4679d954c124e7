"""Customers' credit: ratings, limits, orders, terms, warnings, collections, solvency."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from common import ROOT

from salesmgmt import InputError, credit, load_sample

_ACCOUNTS = dict.fromkeys(
    ["working_capital", "retained_earnings", "ebit", "equity", "sales", "total_assets",
     "total_liabilities", "volatility", "debt"], 1.0
)  # fmt: skip


@pytest.fixture(scope="module")
def company():
    return tuple(load_sample(t) for t in ("invoices", "payments", "adjustments"))


@pytest.fixture(scope="module")
def truth():
    told = json.loads((ROOT / "data" / "sample" / "truths.json").read_text(encoding="utf-8"))
    return told["default"]


def test_rating_puts_those_in_default_last_and_says_why(company, truth):
    ratings = credit.rate_customers(*company, fx={"USD": 7.1}, as_of="2025-12-31")
    grades = ratings.set_index("customer_id")["grade"]
    stopped = [c for c in truth["customers"] if c in grades.index]
    assert (grades[stopped] == "D").all()
    assert ratings["default"].mean() < 0.1
    assert ratings["score"].between(0, 100).all()
    assert (ratings["score"][ratings["default"]] == 0).all()
    assert ratings["reasons"].str.len().gt(0).all()
    zh = credit.rate_customers(*company, fx={"USD": 7.1}, lang="zh")
    assert zh["reasons"].str.contains("逾期|按时|月").any()


def test_given_facts_and_own_grades_change_the_rating(company):
    base = credit.rate_customers(*company, fx={"USD": 7.1})
    first = base["customer_id"].iloc[0]
    facts = pd.DataFrame({"customer_id": [first], "financials": [0.0], "references": [10.0]})
    worse = credit.rate_customers(*company, fx={"USD": 7.1}, extra=facts)
    assert worse["score"].iloc[0] < base["score"].iloc[0]
    assert worse["extra"].iloc[0] == 5.0
    assert worse["score"].iloc[1:].equals(base["score"].iloc[1:])
    two = credit.rate_customers(*company, fx={"USD": 7.1}, grades={"good": 50, "bad": 0})
    assert set(two["grade"]) == {"good", "bad", "D"}
    shares = {"payment": 0.4, "overdue": 0.3, "tenure": 0.3}
    for scale in (0.01, 100):  # weights are shares, whatever they add up to
        scaled = {k: v * scale for k, v in shares.items()}
        again = credit.rate_customers(*company, fx={"USD": 7.1}, weights=scaled)
        assert again.equals(credit.rate_customers(*company, fx={"USD": 7.1}, weights=shares))
    with pytest.raises(InputError, match="unknown part 'paymnt'"):
        credit.rate_customers(*company, fx={"USD": 7.1}, weights={"paymnt": 1})


def test_limits_follow_the_policy():
    ratings = pd.DataFrame(
        {
            "customer_id": list("ABCD"), "grade": ["AAA", "AA", "B", "C"],
            "monthly_sales": [10_000.0, 10_000.0, 333.0, 10_000.0],
            "exposure": [5_000.0, 25_000.0, 0.0, 100.0], "clv": [8_000.0, 90_000.0, 0.0, 0.0],
        }
    )  # fmt: skip
    got = credit.credit_limits(ratings, credit.CN_LIMIT_POLICY)
    assert got["limit"].tolist() == [30_000, 20_000, 399.6, 0]
    assert got["available"].tolist() == [25_000, 0, 399.6, 0]
    rounded = {**credit.CN_LIMIT_POLICY, "round_to": 1000, "maximum": 25_000}
    assert credit.credit_limits(ratings, rounded)["limit"].tolist() == [25_000, 20_000, 0, 0]
    lifetime = credit.credit_limits(ratings, credit.CN_LIMIT_POLICY, basis="clv")
    assert lifetime["limit"].tolist() == [4_000, 20_000, 0, 0]
    now = credit.credit_limits(ratings, {"AAA": 2, "AA": 1, "B": 1, "C": 0}, basis="exposure")
    assert now["limit"].tolist() == [10_000, 25_000, 0, 0]
    least = {**credit.CN_LIMIT_POLICY, "round_to": 1000, "minimum": 1500}
    assert credit.credit_limits(ratings, least)["limit"].tolist() == [30_000, 20_000, 1_500, 0]
    with pytest.raises(InputError, match="no factor for grade 'B'"):
        credit.credit_limits(ratings, {"AAA": 1, "AA": 1, "C": 0})


def test_limits_in_money_with_three_decimals_or_none():
    """ISO 4217: a Kuwaiti dinar has 1000 fils, a yen no smaller unit."""
    dinars = pd.DataFrame(
        {"customer_id": ["A"], "grade": ["A"], "monthly_sales": [1234.567], "exposure": [1234.563]}
    )
    got = credit.credit_limits(dinars, {"A": 1}, step=0.001)
    assert got[["limit", "available"]].to_numpy().tolist() == [[1234.567, 0.004]]
    yen = dinars.assign(monthly_sales=100_001.0, exposure=5.0)
    got = credit.credit_limits(yen, {"A": 0.123456}, step=1)  # 12,345.72...
    assert got[["limit", "available"]].to_numpy().tolist() == [[12_346, 12_341]]
    sale = pd.DataFrame({"invoice_id": ["a"], "customer_id": ["A"], "amount": [1234.567],
                         "invoice_date": ["2025-01-31"], "due_date": ["2025-02-28"]})  # fmt: skip
    rated = credit.rate_customers(sale, as_of="2025-02-01", step=0.001)
    assert rated["monthly_sales"].tolist() == [1234.567]  # of a month at least
    with pytest.raises(InputError, match="step must not be 0"):
        credit.credit_limits(yen, {"A": 1}, step=0)


def test_policies_and_limits_in_other_forms_of_one_meaning():
    ratings = pd.DataFrame(
        {"customer_id": list("AB"), "grade": ["AA", "C"], "monthly_sales": [10_000.0, 500.0]}
    )
    factors = pd.Series({"AA": 1.5, "C": 0})
    for policy in (factors, {"months": 2, "factors": factors}, pd.Series({"months": 2,
                   "factors": {"AA": 1.5, "C": 0}}, dtype=object)):  # fmt: skip
        months = 1 if policy is factors else 2
        got = credit.credit_limits(ratings, policy)["limit"].tolist()
        assert got == [15_000 * months, 0]
    with pytest.raises(InputError, match="several values for 'AA'"):
        credit.credit_limits(ratings, pd.Series([1, 2, 0], ["AA", "AA", "C"]))
    book = credit.ledger(
        pd.DataFrame({"invoice_id": ["a"], "customer_id": ["A"], "amount": [800.0],
                      "invoice_date": ["2025-01-01"], "due_date": ["2025-01-31"]})
    )  # fmt: skip
    for limit in (1000, 1000.0, np.int64(1000), Decimal("1000"), {"A": 1000}):
        assert credit.check_order(book, "A", 150.0, limit)["available"].tolist() == [200]
    for wrong, told in ((True, "finite number"), (-1, "at least 0"), (np.nan, "finite number")):
        with pytest.raises(InputError, match=told):
            credit.check_order(book, "A", 150.0, wrong)
    for weights in ({"tenure": 1.0}, pd.Series({"tenure": 1.0})):
        got = credit.rate_customers(book, weights=weights, grades=pd.Series({"X": 50, "Y": 0}))
        assert got["grade"].tolist() == ["Y"]


def test_ratings_may_have_columns_of_their_own_names():
    ratings = pd.DataFrame(
        {"customer_id": ["A"], "级别": ["AA"], "月均": [50.0], "余额": [10.0], "价值": [60.0]}
    )
    own = {"grade": "级别", "sales": "月均", "exposure": "余额", "clv": "价值"}
    for basis, limit in (("sales", 100.0), ("exposure", 10.0), ("clv", 30.0)):
        got = credit.credit_limits(ratings, credit.CN_LIMIT_POLICY, basis=basis, **own)
        assert got[["limit", "exposure"]].iloc[0].tolist() == [limit, 10.0]


def test_order_is_held_for_the_limit_and_for_what_is_overdue():
    book = credit.ledger(
        pd.DataFrame(
            {
                "invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": [800.0, 10.0],
                "invoice_date": "2025-01-01", "due_date": ["2025-06-20", "2025-01-31"],
            }
        ),
        as_of="2025-06-30",
    )  # fmt: skip
    limits = pd.DataFrame({"customer_id": ["A", "B", "C"], "limit": [1000.0, 1000.0, 50.0]})
    ask = {c: credit.check_order(book, c, 200.0, limits).iloc[0] for c in "ABC"}
    assert ask["A"]["decision"] == "accept"
    assert (ask["B"]["decision"], ask["B"]["days_past_due"]) == ("hold", 150)
    assert ask["C"]["reason"] == "150.00 above the limit of 50.00"
    cents = credit.check_order(book, "C", 0.1 + 0.2, {"C": 0.3}).iloc[0]
    assert cents["decision"] == "accept"  # 0.30000000000000004 is 0.30
    with pytest.raises(InputError, match="none for customer 'X'"):
        credit.check_order(book, "X", 1.0, limits)


def test_contracts_without_terms_are_found_in_the_sample():
    contracts = load_sample("contracts")
    got = credit.check_terms(contracts, {"max_payment_days": 90})
    want = contracts["contract_id"][contracts["payment_days"].isna()]
    have = got["contract_id"][got["rule"] == "no_due_terms"]
    assert sorted(have) == sorted(want)
    long = contracts["contract_id"][contracts["payment_days"] > 90]
    assert sorted(got["contract_id"][got["rule"] == "terms_too_long"]) == sorted(long)
    fine = contracts.dropna(subset=["payment_days", "penalty_rate", "credit_limit"])
    assert not len(credit.check_terms(fine))


@pytest.mark.slow
def test_warnings_see_every_default_of_the_sample_weeks_ahead(company, truth):
    promises, orders = load_sample("activities"), load_sample("transactions")
    seen: dict[str, list[pd.Timestamp]] = {}
    for day in pd.date_range("2023-10-02", "2025-12-29", freq="4W-MON"):
        found = credit.early_warning(*company, as_of=day, promises=promises, orders=orders)
        for customer in found["customer_id"][found["signals"] >= 2].unique():
            seen.setdefault(customer, []).append(day)
    ahead = []
    for customer, dates in truth["customers"].items():
        stop = pd.Timestamp(dates["stops_paying"])
        hits = [d for d in seen.get(customer, []) if stop - pd.Timedelta(weeks=30) <= d <= stop]
        ahead.append((stop - min(hits)).days / 7 if hits else 0)
    assert sum(weeks > 0 for weeks in ahead) >= 13
    assert np.median(ahead) >= 8
    alarms = set(seen) - set(truth["customers"])
    assert len(alarms) < 0.2 * company[0]["customer_id"].nunique()


def test_each_signal_with_its_evidence():
    day = pd.date_range("2024-01-05", periods=16, freq="30D")
    invoices = pd.DataFrame(
        {
            "invoice_id": [f"I{k:02d}" for k in range(16)], "customer_id": "A", "amount": 100.0,
            "invoice_date": day, "due_date": day + pd.Timedelta(days=30),
        }
    )  # fmt: skip
    late = [0] * 12 + [20] * 4
    paid = pd.DataFrame(
        {
            "payment_id": [f"P{k:02d}" for k in range(16)], "customer_id": "A", "amount": 100.0,
            "date": invoices["due_date"] + pd.to_timedelta(late, unit="D"),
            "invoice_id": invoices["invoice_id"],
        }
    )  # fmt: skip
    disputes = pd.DataFrame(
        {"customer_id": ["A"], "date": ["2025-04-20"], "amount": [50.0], "kind": ["dispute"],
         "invoice_id": ["I15"]}
    )  # fmt: skip
    promises = pd.DataFrame(
        {"customer_id": "A", "date": ["2025-04-01"], "promised_date": ["2025-04-08"],
         "promised_amount": [500.0]}
    )  # fmt: skip
    got = credit.early_warning(
        invoices, paid, disputes, as_of="2025-05-10", promises=promises, limits={"A": 50.0}
    ).set_index("signal")
    assert set(got.index) == {"slowing_payments", "disputes", "broken_promises", "limit_use"}
    assert got.loc["slowing_payments", "value"] >= 10
    assert got["signals"].eq(4).all()
    quiet = credit.early_warning(invoices.iloc[:12], paid.iloc[:12], as_of="2025-07-10")
    assert quiet["signal"].tolist() == ["order_stop"]


def test_what_is_booked_later_gives_no_warning():
    invoices = pd.DataFrame(
        {"invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": 100.0,
         "invoice_date": ["2025-01-01", "2025-09-01"], "due_date": ["2025-01-31", "2025-09-30"]}
    )  # fmt: skip
    promises = pd.DataFrame(
        {"customer_id": ["A", "B"], "date": "2025-02-01", "promised_date": "2025-02-08",
         "promised_amount": 50.0}
    )  # fmt: skip
    known = {"as_of": "2025-02-20", "promises": promises}
    got = credit.early_warning(invoices, **known)
    assert got["customer_id"].tolist() == ["A"]
    pd.testing.assert_frame_equal(got, credit.early_warning(invoices.head(1), **known))
    book = credit.ledger(invoices)
    pd.testing.assert_frame_equal(got, credit.early_warning(book, **known))


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ([-70.0, -30.0], "2 dispute(s) in the last 90 days, 100.00"),
        ([100.0, -30.0], "1 dispute(s) in the last 90 days, 70.00"),
        ([100.0, -100.0], None),
    ],
)
def test_disputes_count_unless_they_were_taken_back(amounts, said):
    invoices = pd.DataFrame(
        {"invoice_id": ["a"], "customer_id": ["A"], "amount": [100.0],
         "invoice_date": ["2025-01-01"], "due_date": ["2025-03-31"]}
    )  # fmt: skip
    disputes = pd.DataFrame(
        {"customer_id": "A", "date": ["2025-03-01", "2025-03-10"], "amount": amounts,
         "kind": "dispute", "invoice_id": "a"}
    )  # fmt: skip
    got = credit.early_warning(invoices, None, disputes, as_of="2025-04-01")
    assert got["evidence"].tolist() == ([said] if said else [])
    calls = credit.worklist(invoices, None, disputes, as_of="2025-04-01")
    assert (calls["disputed"] > 0).tolist() == [said is not None]
    before = credit.early_warning(invoices, None, disputes, as_of="2025-03-05")
    assert before["value"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("score", lambda i, c: credit.rate_customers(i, customer=c)),
        ("value", lambda i, c: credit.early_warning(i, customer=c)),
        ("limit", lambda i, c: credit.check_order(credit.ledger(i, customer=c), "A", 1, {"A": 9})),
        ("use", lambda i, c: credit.credit_limits(i, {"AA": 1}, customer=c)),
        ("rule", lambda i, c: credit.check_terms(i, contract="invoice_id", customer=c)),
        ("zone", lambda i, c: credit.altman_z(i.assign(**_ACCOUNTS), customer=c)),
        ("assets", lambda i, c: credit.merton(i.assign(**_ACCOUNTS), customer=c)),
    ],
)
def test_no_column_of_the_result_takes_the_place_of_the_key(name, call):
    invoices = pd.DataFrame(
        {"invoice_id": ["a"], name: ["A"], "amount": [100.0], "invoice_date": ["2025-01-01"],
         "due_date": ["2025-01-31"], "grade": ["AA"], "monthly_sales": [5.0]}
    )  # fmt: skip
    with pytest.raises(InputError, match=f"customer names '{name}', which is a column of the"):
        call(invoices, name)


def test_work_list_leaves_out_what_is_due_today():
    invoices = pd.DataFrame(
        {
            "invoice_id": ["a", "b"], "customer_id": ["A", "B"], "amount": [500.0, 100.0],
            "invoice_date": "2025-01-01", "due_date": ["2025-02-03", "2025-02-02"],
        }
    )  # fmt: skip
    levels = [(1, 1), (2, 15), (3, 30)]
    got = credit.worklist(invoices, as_of="2025-02-03", levels=levels, grain="invoice")
    assert got.set_index("invoice_id")["level"].to_dict() == {"b": 1, "a": 0}
    assert credit.worklist(invoices, as_of="2025-02-03")["customer_id"].tolist() == ["B"]
    assert credit.dunning_level([0, 1, 14, 15, 30], levels).tolist() == [0, 1, 1, 2, 3]
    with pytest.raises(InputError, match="not past due"):
        credit.worklist(invoices, levels=[(1, 0)])


def test_work_list_of_the_sample_ties_with_aging(company):
    work = credit.worklist(*company)
    ages = credit.aging(*company, by=None).set_index("currency")
    notes = credit.open_items(*company)
    own = notes[(notes["kind"] == "credit_note") & (notes["days_past_due"] > 0)]
    for currency, part in work.groupby("currency"):
        late = ages.loc[currency, ["1-30", "31-60", "61-90", "91+"]].sum()
        late -= own["outstanding"][own["currency"] == currency].sum()
        assert part["overdue"].sum() == pytest.approx(late, abs=0.01)
    assert (work["expected"] <= work["overdue"] + 0.01).all()
    assert work["overdue"].is_monotonic_decreasing


def test_statements_run_from_opening_to_closing(company):
    got = credit.statement(*company, start="2025-01-01", as_of="2025-06-30")
    ages = credit.aging(*company, as_of="2025-06-30")
    closing = got[got["entry"] == "closing"].set_index(["customer_id", "currency"])["balance"]
    total = ages.set_index(["customer_id", "currency"])["total"]
    pd.testing.assert_series_equal(closing, total, check_names=False)
    for _, account in list(got.groupby(["customer_id", "currency"]))[:40]:
        run = account["debit"] - account["credit"]
        want = account["balance"].iloc[0] + run.cumsum()
        np.testing.assert_allclose(account["balance"], want, atol=1e-6)
    one = credit.statement(*company, of=closing.index[0][0], lang="zh")
    assert one["text"].iloc[0] == "期初余额"
    assert one["customer_id"].nunique() == 1


def test_concentration_adds_up_by_currency(company):
    got = credit.concentration(*company)
    for _, part in got.groupby("currency"):
        assert part["share"].sum() == pytest.approx(1)
        assert part["cumulative"].iloc[-1] == pytest.approx(1)
        assert part["herfindahl"].iloc[0] == pytest.approx((part["share"] ** 2).sum())


def test_altman_variants_and_zones():
    rows = pd.DataFrame(
        {
            "working_capital": [20.0, -10.0], "retained_earnings": [30.0, -20.0],
            "ebit": [10.0, -5.0], "equity": [60.0, 10.0], "sales": [150.0, 80.0],
            "total_assets": [100.0, 100.0], "total_liabilities": [40.0, 90.0],
        },
        index=["x", "x"],
    )  # fmt: skip
    z = credit.altman_z(rows)
    assert z["z"].tolist() == pytest.approx(
        [1.2 * 0.2 + 1.4 * 0.3 + 3.3 * 0.1 + 0.6 * 1.5 + 1.5,
         -0.12 - 0.28 - 0.165 + 0.6 / 9 + 0.8]
    )  # fmt: skip
    assert z["zone"].tolist() == ["safe", "distress"]
    assert z.index.tolist() == ["x", "x"]
    private = credit.altman_z(rows, variant="z_prime")["z"].iloc[0]
    assert private == pytest.approx(
        0.717 * 0.2 + 0.847 * 0.3 + 3.107 * 0.1 + 0.42 * 1.5 + 0.998 * 1.5
    )
    other = credit.altman_z(rows.drop(columns="sales"), variant="z_double_prime")["z"].iloc[0]
    assert other == pytest.approx(6.56 * 0.2 + 3.26 * 0.3 + 6.72 * 0.1 + 1.05 * 1.5)
    whose = credit.altman_z(rows.assign(firm=[7, 9]), customer="firm")
    assert whose["firm"].tolist() == [7, 9]
    pd.testing.assert_frame_equal(whose.drop(columns="firm"), z)
    with pytest.raises(InputError, match="total_assets"):
        credit.altman_z(rows.assign(total_assets=0.0))


def test_merton_as_in_hull_and_over_a_wide_range():
    firm = pd.DataFrame({"equity": [3.0], "volatility": [0.8], "debt": [10.0]})
    got = credit.merton(firm, risk_free=0.05).iloc[0]
    assert got["assets"] == pytest.approx(12.40, abs=0.005)
    assert list(credit.merton(firm.assign(customer_id="A")))[:2] == ["customer_id", "assets"]
    assert got["asset_volatility"] == pytest.approx(0.2123, abs=5e-5)
    assert got["default_probability"] == pytest.approx(0.127, abs=5e-4)
    grid = pd.DataFrame(
        [(e, v, 100.0) for e in (0.5, 5, 50, 500, 5000) for v in (0.05, 0.3, 0.9, 2.0)],
        columns=["equity", "volatility", "debt"],
    )
    assert (credit.merton(grid)["status"] == "ok").all()
    with pytest.raises(InputError, match="'volatility' reaches 80, which is 8000% a year"):
        credit.merton(firm.assign(volatility=80.0))
    with pytest.raises(InputError, match="horizon must be between 0 and 100"):
        credit.merton(
            pd.DataFrame({"equity": [3.0], "volatility": [0.8], "debt": [1.0]}), horizon=1e6
        )


def test_the_part_of_an_invoice_that_came_in_time_did_come_in_time():
    bill = pd.DataFrame(
        {
            "invoice_id": ["a", "b"], "customer_id": "C", "amount": [100.0, 60.0],
            "invoice_date": "2025-01-01", "due_date": ["2025-01-31", "2025-03-31"],
        }
    )  # fmt: skip
    paid = pd.DataFrame(
        {
            "payment_id": ["p", "q"], "customer_id": "C", "date": ["2025-01-31", "2025-02-20"],
            "amount": [60.0, 30.0], "invoice_id": "a",
        }
    )  # fmt: skip
    halves = pd.concat([bill.assign(amount=[60.0, 60.0]), bill[:1].assign(
        invoice_id="c", amount=40.0)])  # fmt: skip
    for bills, cash in ((bill, paid), (halves, paid.assign(invoice_id=["a", "c"]))):
        got = credit.rate_customers(bills, cash, as_of="2025-03-02").iloc[0]
        assert got["on_time"] == pytest.approx(60 / 100)  # 90 were paid, 10 are past due
        assert got["days_late"] == pytest.approx((30 * 20 + 10 * 30) / 100)


def test_limits_in_another_currency_than_the_invoices():
    owed = pd.DataFrame({"invoice_id": ["1"], "customer_id": ["c"], "amount": [95.0],
                         "invoice_date": "2025-01-05", "due_date": "2025-02-05",
                         "currency": "USD"})  # fmt: skip
    limits = pd.DataFrame({"customer_id": ["c", "d"], "limit": 100.0, "currency": ["CNY", "USD"]})
    book = credit.ledger(owed, as_of="2025-01-31")
    with pytest.raises(InputError, match="ledger and limits hold amounts of 2 currencies"):
        credit.check_order(book, "c", 1, limits)
    assert credit.check_order(book, "d", 1, limits)["available"].tolist() == [100.0]
    with pytest.raises(InputError, match="invoices and limits hold amounts of 2 currencies"):
        credit.early_warning(owed, as_of="2025-01-31", limits=limits)
    same = credit.early_warning(owed, as_of="2025-01-31", limits=limits.assign(currency="USD"))
    assert "limit_use" in set(same["signal"])


@pytest.mark.parametrize("option", ["currency", "type", "parent", "security", "burden"])
def test_columns_of_invoices_that_are_named_and_not_there(option):
    owed = pd.DataFrame({"invoice_id": ["1", "2"], "customer_id": "c", "amount": [95.0, 5.0],
                         "invoice_date": "2025-01-05", "due_date": "2025-02-05",
                         "currency": ["USD", "CNY"]})  # fmt: skip
    with pytest.raises(InputError, match=f"no column 'x'. Name your own column with {option}="):
        credit.aging(owed, as_of="2025-03-31", **{option: "x"})  # dollars and yuan were one sum


def test_columns_of_contracts_that_are_named_and_not_there():
    rated = pd.DataFrame({"customer_id": ["a"], "grade": "A", "monthly_sales": 9.0, "open": 5.0})
    assert credit.credit_limits(rated, {"A": 1}, exposure="open")["available"].tolist() == [4.0]
    with pytest.raises(InputError, match="no column 'x'"):
        credit.credit_limits(rated, {"A": 1}, exposure="x")  # nothing was open
    terms = pd.DataFrame({"contract_id": ["1"], "customer_id": ["a"], "payment_days": [30]})
    for option in ("payment_days", "due_date", "penalty_rate", "credit_limit", "signed_date"):
        with pytest.raises(InputError, match=f"no column 'x'. Name your own column with {option}="):
            credit.check_terms(terms, **{option: "x"})
