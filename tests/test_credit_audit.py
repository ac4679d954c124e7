"""What an auditor would ask: figures worked out by hand, and nothing that is taken in silence."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, credit


def bills(*rows: tuple, **more: object) -> pd.DataFrame:
    names = ["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]
    return pd.DataFrame(rows, columns=names).assign(**more)


def cash(*rows: tuple, **more: object) -> pd.DataFrame:
    names = ["payment_id", "customer_id", "date", "amount"]
    return pd.DataFrame(rows, columns=names).assign(**more)


def changes(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount", "kind"])


# ------------------------------------------------------------------------------- loss rates


@pytest.mark.parametrize("method", ["flow", "markov"])
def test_a_bucket_nobody_was_seen_to_leave_is_no_bucket_without_losses(method):
    # Nothing was ever paid: after three months nobody can say that nothing will be lost.
    book = bills(
        ("a", "A", "2025-01-01", "2025-01-15", 100.0), ("b", "A", "2025-01-01", "2025-03-15", 300.0)
    )
    got = credit.loss_rates(book, as_of="2025-03-31", method=method).set_index("bucket")
    np.testing.assert_allclose(got["loss_rate"][["1-30", "31-60", "61-90", "91+"]], 1.0)
    assert (got["status"] == "assumed").all()
    lost = credit.expected_loss(book, as_of="2025-03-31")
    if method == "flow":
        assert lost["allowance"].sum() == 400.0
        assert np.isnan(got["rate"]["91+"])
        assert set(lost["status"]) == {"assumed"}


def test_what_was_seen_stays_as_it_was_seen():
    rolls = pd.DataFrame(
        {
            "from": ["current"] * 2 + ["1-30"] * 2 + ["31+"] * 2,
            "to": ["1-30", "paid", "31+", "paid", "31+", "paid"],
            "rate": [0.2, 0.8, 0.0, 1.0, np.nan, np.nan],
        }
    )
    got = credit.loss_rates(rolls)
    # All that was ever 1-30 was paid: what became of 31+ does not matter to the younger ones.
    assert got["loss_rate"].tolist() == [0.0, 0.0, 1.0]
    assert got["status"].tolist() == ["observed", "observed", "assumed"]
    given = credit.expected_loss(
        bills(("a", "A", "2025-01-01", "2025-01-15", 100.0)), rates=[0, 0.1, 0.2, 0.3, 0.4]
    )
    assert set(given["status"]) == {"given"}


def test_roll_rates_in_percent_are_refused():
    rolls = pd.DataFrame({"from": ["a", "a"], "to": ["paid", "written_off"], "rate": [80.0, 20.0]})
    with pytest.raises(InputError, match="add up to 100"):
        credit.loss_rates(rolls)


# -------------------------------------------------------------------------------- provision


def test_an_individual_allowance_is_at_most_the_debt_and_in_whole_cents():
    ages = credit.aging(bills(("a", "A", "2024-12-01", "2024-12-31", 1000.0)), as_of="2025-01-20")
    with pytest.raises(InputError, match=r"above what is owed.*1,700.00 of 1,000.00"):
        credit.provision(ages, [0, 0.1, 0.2, 0.3, 0.4], individual={"A": 1700.0})
    got = credit.provision(ages, [0, 0.1, 0.2, 0.3, 0.4], individual={"A": 700.005})
    assert got["allowance"].tolist() == [700.01]


@pytest.mark.parametrize("pair", [0.5, "ab", {"probability": 1.0}, (1.0,)])
def test_scenarios_of_another_form_are_refused(pair):
    book = bills(("a", "A", "2024-12-01", "2024-12-31", 1000.0))
    with pytest.raises(InputError, match=r"'bad' must be \(probability, factor\)"):
        credit.expected_loss(book, rates=[0.1] * 5, scenarios={"good": (0.5, 1), "bad": pair})


def test_the_movement_refuses_kinds_it_would_pass_over():
    first = credit.provision({"91+": 1000.0}, [0.5])
    last = credit.provision({"91+": 900.0}, [0.8])
    with pytest.raises(InputError, match="'kind' holds 'writeoff'"):
        credit.provision_movement(first, last, changes(("A", "2025-06-30", 200.0, "writeoff")))


# --------------------------------------------------------------------------------- measures


def test_net_sales_in_several_currencies_take_off_converted_tax():
    book = bills(
        ("a", "A", "2025-01-10", "2025-02-10", 113.0),
        ("b", "A", "2025-01-10", "2025-02-10", 113.0),
        currency=["USD", "CNY"],
        tax=[13.0, 13.0],
    )
    options = {"as_of": "2025-01-31", "sales_basis": "net"}
    got = credit.dso(book, fx={"USD": 7.0}, **options)
    assert got["sales"].tolist() == [800.0]  # 100 x 7 + 100
    assert got["receivables"].tolist() == [904.0]
    made = credit.ledger(book, as_of="2025-01-31", fx={"USD": 7.0})
    assert made.set_index("invoice_id")["tax"].to_dict() == {"a": 91.0, "b": 13.0}
    assert credit.dso(made, **options)["sales"].tolist() == [800.0]


RESULTS = {
    "dso": credit.dso,
    "receivables": credit.delinquent_days,
    "opening": credit.cei,
    "collected": credit.collection_rate,
    "turnover": credit.turnover,
    "written_off": credit.bad_debt_rate,
    "share": credit.concentration,
    "1-30": credit.aging,
    "from": credit.roll_rates,
}


@pytest.mark.parametrize("name", [n for n in RESULTS if n != "receivables"])
def test_a_key_named_like_a_column_of_the_result_is_refused(name):
    book = bills(
        ("a", "A", "2025-01-10", "2025-02-10", 113.0), ("b", "B", "2025-03-10", "2025-04-10", 1.0)
    ).assign(**{name: ["x", "y"]})
    with pytest.raises(InputError, match=rf"by names '{name}', which is a column of the result"):
        RESULTS[name](book, as_of="2025-05-31", by=name)


def test_start_counts_with_freq_too():
    book = bills(
        ("a", "A", "2025-01-10", "2025-02-10", 100.0),
        ("b", "A", "2025-02-10", "2025-03-10", 60.0),
        ("c", "A", "2025-02-20", "2025-03-10", 40.0),
        ("d", "A", "2025-03-05", "2025-04-10", 1.0),
    )
    got = credit.collection_rate(book, as_of="2025-03-31", freq="M", start="2025-02-15")
    assert got["sales"].tolist() == [40.0, 1.0]
    assert got["opening"].tolist() == [160.0, 200.0]
    whole = credit.cei(book, as_of="2025-03-31", freq="M")
    assert whole["sales"].tolist() == [100.0, 100.0, 1.0]


def test_terms_are_whole_days():
    book = bills(("a", "A", "2025-01-10", None, 100.0))
    with pytest.raises(InputError, match=r"whole days; that of 'A' is 30\.5"):
        credit.aging(book, terms={"A": 30.5})


# ------------------------------------------------------------------- a ledger read once more


NOTED = (
    bills(
        ("a", "A", "2025-01-10", "2025-02-10", 100.0),
        ("n", "A", "2025-01-20", "2025-04-20", -40.0),
        ("c", "A", "2025-03-01", "2025-03-31", 50.0),
        tax=[13.0, -5.0, 6.0],
        rep=["x", "y", "x"],
        parent=[None, "c", None],
    ),
    cash(("p", "A", "2025-03-10", 20.0)),
    changes(
        ("A", "2025-01-05", 30.0, "allowance"),
        ("B", "2025-01-06", 7.0, "allowance"),
        ("B", "2025-01-06", 5.0, "write_off"),
    ),
)


@pytest.mark.parametrize(
    "ask",
    [
        lambda *b, **k: credit.open_items(*b, as_of="2025-02-15", include="all", **k),
        lambda *b, **k: credit.aging(*b, as_of="2025-02-15", by="rep", **k),
        lambda *b, **k: credit.dso(*b, as_of="2025-02-28", method="best_possible", **k),
        lambda *b, **k: credit.dso(*b, as_of="2025-04-30", sales_basis="net", days=365, **k),
        lambda *b, **k: credit.dso(*b, as_of="2025-04-30", by="rep", days=365, **k),
        lambda *b, **k: credit.bad_debt_rate(*b, as_of="2025-04-30", by="customer_id", **k),
        lambda *b, **k: credit.statement(*b, as_of="2025-04-30", start="2025-01-01", **k),
    ],
)
def test_a_settled_note_and_an_idle_allowance_are_known_to_the_ledger(ask):
    book = credit.ledger(*NOTED, as_of="2025-04-30")
    json.dumps(book.attrs)
    pd.testing.assert_frame_equal(ask(book), ask(*NOTED), check_dtype=False)


def test_written_off_is_not_what_was_allowed():
    book = credit.ledger(*NOTED, as_of="2025-04-30")
    got = credit.bad_debt_rate(book, by="customer_id").set_index("customer_id")["written_off"]
    assert got.to_dict() == {"A": 0.0, "B": 5.0}


# ----------------------------------------------------------------------- customers and orders


def test_average_monthly_sales_are_net_of_credit_notes_and_a_year_has_twelve_months():
    book = bills(
        ("a", "A", "2025-01-01", "2025-01-31", 1200.0),
        ("n", "A", "2025-02-01", "2025-02-01", -600.0),
        ("b", "B", "2025-07-01", "2025-07-31", 600.0),
    )
    got = credit.rate_customers(book, as_of="2025-12-31").set_index("customer_id")
    assert got["monthly_sales"]["A"] == 50.0  # (1200 - 600) / 12
    assert got["monthly_sales"]["B"] == round(600 / (184 * 12 / 365), 2)


def test_reasons_in_chinese_are_parted_in_chinese():
    book = bills(("a", "A", "2025-01-01", "2025-01-31", 1200.0))
    assert "；" in credit.rate_customers(book, as_of="2025-12-31", lang="zh")["reasons"][0]
    got = credit.check_order(
        credit.ledger(book, as_of="2025-12-31"), "A", 9.0, {"A": 1.0}, lang="zh"
    )
    assert "；" in got["reason"][0]


def test_a_policy_of_its_own_knows_every_grade_that_ratings_give():
    book = bills(("a", "A", "2025-12-31", "2025-12-31", 10.0))
    rated = credit.rate_customers(book, weights={"payment": 1.0})
    assert rated["grade"].tolist() == ["NR"]
    assert credit.credit_limits(rated, credit.CN_LIMIT_POLICY)["limit"].tolist() == [0.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda b: credit.rate_customers(b, weights=[1.0]),
        lambda b: credit.rate_customers(b, grades=["A"]),
        lambda b: credit.rate_customers(b, grades={}),
        lambda b: credit.rate_customers(b, extra=pd.DataFrame({"customer_id": ["A"]})),
        lambda b: credit.credit_limits(
            pd.DataFrame({"customer_id": ["A"], "grade": ["A"], "monthly_sales": [1.0]}),
            {"factors": [1.0]},
        ),
        lambda b: credit.check_terms(
            pd.DataFrame({"contract_id": [1], "customer_id": ["A"]}), ["max_payment_days"]
        ),
        lambda b: credit.apply_payment(1.0, principal=2.0, order=5),
        lambda b: credit.dunning_level([np.nan]),
        lambda b: credit.dunning_level([1.5]),
        lambda b: credit.dunning_level(["late"]),
        lambda b: credit.dunning_level(pd.Series([1, None], dtype="Int64")),
    ],
)
def test_arguments_of_another_form_are_refused_by_name(call):
    with pytest.raises(InputError, match=r"^[a-z_]+\(\): "):
        call(bills(("a", "A", "2025-01-01", "2025-01-31", 1200.0)))


def test_what_usually_comes_is_told_by_currency():
    # Yuan debts were all paid within a month, dollar debts never: they are no guide to each other.
    book = bills(
        ("a", "A", "2025-01-01", "2025-01-15", 1000.0),
        ("b", "A", "2025-03-01", "2025-03-10", 100.0),
        ("c", "B", "2025-01-01", "2025-01-15", 100.0),
        ("d", "B", "2025-03-01", "2025-03-10", 100.0),
        currency=["CNY", "CNY", "USD", "USD"],
    )
    paid = cash(("p", "A", "2025-02-10", 1000.0), currency="CNY")
    got = credit.worklist(book, paid, as_of="2025-03-20", grain="invoice").set_index("invoice_id")
    assert got["expected"]["b"] == 100.0
    assert got["expected"]["d"] == 0.0


# --------------------------------------------------------------------------------- interest


def test_interest_without_due_date_is_said():
    book = bills(("a", "A", "2025-01-01", None, 1000.0))
    with pytest.warns(DataWarning, match="1 invoice.s. without due date bear interest"):
        got = credit.late_interest(book, as_of="2025-01-11", annual_rate=0.365)
    assert got["interest"].tolist() == [10.0]


def test_costs_of_nothing_are_refused():
    book = bills(
        ("a", "A", "2025-01-01", "2025-01-31", 100.0), ("b", "A", "2025-01-01", "2025-12-31", 100.0)
    )
    with pytest.raises(InputError, match=r"costs names 1 invoice.*'zz'"):
        credit.late_interest(book, as_of="2025-03-01", annual_rate=0.1, costs={"zz": 5.0})
    claimed = {"a": 5.0, "b": 1.0}  # what is not late bears neither interest nor costs
    got = credit.late_interest(book, as_of="2025-03-01", annual_rate=0.1, costs=claimed)
    assert got["costs_due"].tolist() == [5.0]


def test_an_agreed_rate_in_percent_is_refused_by_customer_too():
    book = bills(("a", "A", "2025-01-01", "2025-01-31", 100.0))
    with pytest.raises(InputError, match=r"annual_rate=5 of 'A' is 500% a year"):
        credit.late_interest(book, as_of="2025-03-01", annual_rate={"A": 5.0})
    with pytest.warns(DataWarning, match=r"annual_rate=1\.5 is 150% a year; .* give 0\.015"):
        credit.late_interest(book, as_of="2025-03-01", annual_rate=1.5)


def test_rates_by_date_may_be_a_series_and_a_margin_is_no_percentage():
    book = bills(("a", "A", "2025-05-01", "2025-06-30", 36_500.0))
    rule = {"as_of": "2025-07-30", "rules": "cn_lpr"}
    quoted = pd.Series([0.031, 0.03], index=pd.to_datetime(["2024-10-21", "2025-05-20"]))
    for rates in (quoted, quoted.rename_axis("date").rename("rate").reset_index()):
        assert credit.late_interest(book, rates=rates, **rule)["interest"].item() == 117.0
    with pytest.raises(InputError, match="margin=30 adds 3000% of the LPR"):
        credit.late_interest(book, rates=quoted, margin=30, **rule)


def test_currencies_beside_one_another_with_dates_in_the_index():
    book = bills(("a", "A", "2025-01-10", "2025-01-31", 100.0)).assign(currency="USD")
    rates = pd.DataFrame({"USD": [7.0, 8.0]}, index=pd.to_datetime(["2025-01-01", "2025-02-01"]))
    for fx in (rates, rates.to_period("M"), rates.rename_axis("date").reset_index()):
        assert credit.aging(book, as_of="2025-02-10", fx=fx)["total"].item() == 700.0


# ----------------------------------------------------------------------- agings and documents


def test_what_changed_between_agings_of_another_make_is_refused():
    book = bills(("a", "A", "2025-01-01", "2025-01-31", 100.0))
    one, two = ({"as_of": d, "shape": "long"} for d in ("2025-01-31", "2025-03-31"))
    with pytest.raises(InputError, match="different buckets"):
        credit.aging_movement(credit.aging(book, buckets="cn", **one), credit.aging(book, **two))
    with pytest.raises(InputError, match="earlier date"):
        credit.aging_movement(credit.aging(book, **two), credit.aging(book, **one))
    wide = [credit.aging(book, as_of=d) for d in ("2025-01-31", "2025-03-31")]
    pd.testing.assert_frame_equal(
        credit.aging_movement(*wide),
        credit.aging_movement(credit.aging(book, **one), credit.aging(book, **two)),
    )


@pytest.mark.parametrize("label", ["creditnote", "Credit Note", "红字发票", "REFUND"])
def test_a_credit_note_under_another_name_is_no_invoice(label):
    book = bills(
        ("a", "A", "2025-01-01", "2025-01-31", 100.0), ("n", "A", "2025-01-02", None, 40.0)
    )
    book["type"] = ["retainage", label]
    with pytest.raises(InputError, match=rf"'type' holds '{label}' in 1 row"):
        credit.open_items(book)
    book["amount"] = [100.0, -40.0]  # the sign says it
    assert credit.open_items(book)["kind"].tolist() == ["invoice", "credit_note"]


def test_a_customer_without_limit_has_no_share_of_it():
    book = bills(("a", "A", "2025-01-01", "2025-01-31", 250.0))
    for lang, words in (("en", "owes 250.00 without a limit"), ("zh", "无信用额度，欠款 250.00")):
        got = credit.early_warning(book, as_of="2025-01-20", limits={"A": 0.0}, lang=lang)
        assert got["evidence"].tolist() == [words]


def test_idle_write_offs_are_no_payments_to_a_ledger_without_names():
    book = (
        bills(("a", "A", "2025-01-10", "2025-02-10", 10.0)), cash(("p", "A", "2025-02-01", 10.0)),
        changes(("B", "2025-01-06", 7.0, "allowance"), ("B", "2025-01-06", 5.0, "write_off")),
    )  # fmt: skip
    made = credit.ledger(*book, as_of="2025-02-28")
    for measure, column in (
        (credit.bad_debt_rate, "written_off"),
        (credit.collection_rate, "collected"),
    ):
        want = measure(*book, as_of="2025-02-28", by="customer_id")
        got = measure(made, by="customer_id")
        pd.testing.assert_frame_equal(got, want)
        assert got.set_index("customer_id")[column].to_dict() in (
            {"A": 0.0, "B": 5.0}, {"A": 10.0, "B": 0.0},
        )  # fmt: skip


def test_loss_rates_handed_on_keep_their_status():
    book = bills(("a", "A", "2025-01-01", "2025-01-15", 100.0))
    rates = credit.loss_rates(book, as_of="2025-03-31")
    handed = credit.expected_loss(book, as_of="2025-03-31", rates=rates)
    pd.testing.assert_frame_equal(handed, credit.expected_loss(book, as_of="2025-03-31"))
    assert set(handed["status"]) == {"assumed"}


@pytest.mark.parametrize("name", ["total", "unapplied", "as_of", "paid"])
def test_a_bucket_cannot_take_the_place_of_another_column(name):
    book = bills(("a", "A", "2025-01-01", "2025-01-15", 100.0))
    with pytest.raises(InputError, match=rf"buckets: '{name}' is the name of something else"):
        credit.aging(book, buckets=[(name, None, 0), ("late", 1, None)])


def test_edges_may_come_as_an_array():
    book = bills(("a", "A", "2025-01-01", "2025-01-15", 100.0))
    got = credit.aging(book, as_of="2025-03-01", buckets=np.array([0, 30, 60]))
    pd.testing.assert_frame_equal(got, credit.aging(book, as_of="2025-03-01", buckets=(0, 30, 60)))


# -------------------------------------------------------------------- signs, kinds of keys


def test_adjustments_below_zero_are_a_way_of_writing_or_a_reversal():
    book = bills(
        ("a", "A", "2025-01-01", "2025-01-31", 100.0), ("b", "A", "2025-02-01", "2025-02-28", 50.0)
    )
    other = changes(("A", "2025-03-01", 30.0, "write_off"), ("A", "2025-03-05", -10.0, "write_off"))
    named = other.assign(invoice_id="a")
    for table in (other, named):  # 150 - 30 + 10, by name and without
        assert credit.aging(book, None, table)["total"].tolist() == [130.0]
        made = credit.ledger(book, None, table)
        assert made.loc[made["kind"] == "open", "amount"].tolist() == [80.0, 50.0]
        rate = credit.bad_debt_rate(book, None, table)
        assert rate["written_off"].tolist() == [20.0]
        pd.testing.assert_frame_equal(credit.bad_debt_rate(made), rate)
    below = other.assign(amount=[-30.0, -10.0])
    assert credit.aging(book, None, below)["total"].tolist() == [110.0]
    first, last = credit.provision({"91+": 1000.0}, [0.5]), credit.provision({"91+": 900.0}, [0.8])
    got = credit.provision_movement(first, last, other).set_index("item")["amount"]
    assert got[["charge", "write_off", "closing"]].tolist() == [240.0, -20.0, 720.0]


def test_a_reversal_never_meets_money():
    book = bills(("a", "A", "2025-01-01", "2025-01-31", 100.0))
    other = changes(("A", "2025-03-05", 5.0, "allowance"), ("A", "2025-03-06", -10.0, "write_off"))
    made = credit.ledger(book, cash(("p", "A", "2025-02-01", 40.0)), other)
    # 100 - 40 - 5 + 10: the reversal has nothing to take back, and stands by itself.
    assert credit.aging(made)["total"].tolist() == [65.0]
    assert made.loc[made["kind"] == "unapplied", "amount"].tolist() == [-10.0]
    first, last = credit.provision({"91+": 1000.0}, [0.5]), credit.provision({"91+": 900.0}, [0.8])
    moved = credit.provision_movement(first, last, other).set_index("item")["amount"]
    assert moved["write_off"] == 10.0 == -credit.bad_debt_rate(made)["written_off"].item()


def test_customers_as_numbers_and_as_text_never_meet_and_are_refused():
    book = bills((1, 7, "2025-01-01", "2025-01-31", 100.0))
    with pytest.raises(InputError, match="numbers in invoices and text in payments"):
        credit.aging(book, cash(("p", "7", "2025-02-01", 40.0)))
    with pytest.raises(InputError, match="numbers in invoices and text in adjustments"):
        credit.ledger(book, None, changes(("7", "2025-03-05", 5.0, "allowance")))
    with pytest.raises(InputError, match="numbers in invoices and text in limits"):
        credit.early_warning(book, limits={"7": 10.0})
    orders = pd.DataFrame({"customer_id": ["7"], "date": ["2025-01-01"]})
    with pytest.raises(InputError, match="numbers in invoices and text in orders"):
        credit.early_warning(book, orders=orders)
    with pytest.raises(InputError, match="numbers in invoices and text in extra"):
        credit.rate_customers(book, extra=pd.DataFrame({"customer_id": ["7"], "points": [50.0]}))


@pytest.mark.parametrize("notes", ["parent", "own", "net"])
@pytest.mark.parametrize("back", [-40.0, -25.0, -60.0])
def test_a_credit_note_that_was_paid_back_reduces_no_invoice_as_well(notes, back):
    book = bills(
        ("a", "A", "2025-01-10", "2025-02-10", 100.0),
        ("n", "A", "2025-01-20", "2025-01-20", -40.0),
    ).assign(parent=[None, "a"])
    refund = cash(("r", "A", "2025-03-01", back), invoice_id="n")
    want = 100.0 - 40.0 - back
    made = credit.ledger(book, refund, credit_notes=notes)
    assert credit.aging(book, refund, credit_notes=notes)["total"].tolist() == [want]
    assert credit.aging(made)["total"].tolist() == [want]
    own = made.loc[made["invoice_id"] == "n", "amount"].sum()
    used = made.loc[made["payment_id"] == "n", "amount"].sum()
    assert own - used == -40.0
    # On the day before the refund the note was all there.
    options = {"as_of": "2025-02-28", "credit_notes": notes}
    before = credit.aging(made, as_of="2025-02-28")
    assert before["total"].tolist() == [60.0]
    pd.testing.assert_frame_equal(before, credit.aging(book, refund, **options))


def test_money_that_waits_for_an_invoice_waits_at_every_past_day():
    invoices = bills(
        ("I1", "A", "2025-01-05", "2025-02-05", 100.0),
        ("I2", "A", "2025-06-05", "2025-07-05", 70.0),  # not issued yet, paid already
    )
    early = cash(("P", "A", "2025-02-10", 30.0), invoice_id="I2")
    got = credit.dso(invoices, early, as_of="2025-03-31", freq="M", method="best_possible")
    assert got["receivables"].tolist() == [100.0, -30.0, -30.0]
    rolls = credit.roll_rates(invoices, early, as_of="2025-03-31")
    assert rolls["amount"].sum() == 200.0
    assert not rolls["amount"][rolls["to"] == "paid"].any()


def test_a_netted_note_makes_no_row_of_a_key_that_has_no_document():
    invoices = bills(
        ("I1", "A", "2025-01-05", "2025-02-05", 100.0),
        ("N1", "A", "2025-01-09", "2025-02-05", -40.0),
        ("I2", "A", "2025-03-05", "2025-04-05", 70.0),
    ).assign(rep=["x", "x", "y"], region=["n", "n", "n"], parent=[None, "I1", None])
    more = invoices.iloc[[0]].assign(invoice_id="I9", customer_id="B", rep="y", region="s")
    got = credit.aging(pd.concat([invoices, more]), as_of="2025-03-31", by=["rep", "region"])
    assert got[["rep", "region", "total"]].to_numpy().tolist() == [
        ["x", "n", 60.0], ["y", "n", 70.0], ["y", "s", 100.0],
    ]  # fmt: skip
    usd = invoices.assign(currency=["USD", "USD", "CNY"])
    kept = credit.aging(usd, as_of="2025-03-31", by="rep")
    assert kept[["rep", "currency", "total"]].to_numpy().tolist() == [
        ["x", "USD", 60.0], ["y", "CNY", 70.0],
    ]  # fmt: skip


@pytest.mark.parametrize("notes", ["parent", "net", "own"])
@pytest.mark.parametrize("revalue", [False, True])
def test_a_converted_credit_note_counts_as_what_it_settled(notes, revalue):
    invoices = bills(
        ("I1", "A", "2025-01-05", "2025-02-05", 100.0),
        ("N1", "A", "2025-02-09", "2025-02-09", -130.0),
        ("I2", "A", "2025-03-05", "2025-04-05", 70.0),
    ).assign(currency="USD", parent=[None, "I1", None])
    dates = ["2025-01-01", "2025-02-01", "2025-03-01"]
    fx = pd.DataFrame({"date": dates, "currency": "USD", "rate": [7.0, 7.5, 6.5]})
    fx = pd.concat([fx, fx[:1].assign(currency="CNY", rate=1.0)], ignore_index=True)
    options = {"as_of": "2025-03-31", "fx": fx, "credit_notes": notes, "revalue": revalue}
    book = credit.ledger(invoices, **options)
    for ask in (
        credit.statement,
        credit.open_items,
        lambda *a, **k: credit.open_items(*a, include="all", **k),
        lambda *a, **k: credit.dso(*a, days=90, **k),
        lambda *a, **k: credit.cei(*a, start="2025-01-01", **k),
    ):
        pd.testing.assert_frame_equal(ask(book), ask(invoices, **options), check_dtype=False)
    owed = credit.aging(invoices, **options)["total"].item()
    assert credit.statement(invoices, **options)["balance"].iloc[-1] == owed
    sold = credit.dso(invoices, **options)["sales"].item()
    assert sold == pytest.approx(owed)  # nothing was paid
    if notes == "parent" and not revalue:  # 100 at the invoice's rate, 30 at the note's
        assert sold == 100 * 7.0 + 70 * 6.5 - 100 * 7.0 - 30 * 7.5


def test_the_work_list_knows_steps_other_than_cents():
    invoices = bills(
        ("I1", "A", "2025-01-05", "2025-02-05", 0.004),
        ("I2", "A", "2025-01-06", "2025-02-06", 0.003),
        ("I3", "B", "2025-01-06", "2025-02-06", 12.345),
    )
    got = credit.worklist(invoices, as_of="2025-02-20", step=0.001)
    assert got["overdue"].tolist() == got["outstanding"].tolist() == [12.345, 0.007]
    paid = cash(("P", "A", "2025-03-10", 1.0))  # of 14 yen that were 1 to 30 days late
    yen = invoices.assign(amount=[3.0, 4.0, 7.0])
    late = bills(("I4", "C", "2025-02-20", "2025-03-20", 20.0))
    got = credit.worklist(pd.concat([yen, late]), paid, as_of="2025-03-31", step=1)
    assert got.set_index("customer_id")["expected"]["C"] == 1.0  # 20 / 14
    back = credit.backtest_loss_rates(yen, paid, as_of="2025-06-30", horizon_days=20, step=1)
    assert back["expected"].tolist() == back["expected"].round().tolist()


def test_adjustments_stand_after_the_receipts_of_their_day():
    invoices = bills(("I1", "A", "2025-01-05", "2025-02-05", 100.0))
    paid = cash(("P1", "A", "2025-01-20", 10.0), ("A1", "A", "2025-01-20", 20.0))
    off = changes(("A", "2025-01-20", 30.0, "write_off"))
    got = credit.statement(invoices, paid, off, as_of="2025-01-31")
    assert got["credit"].tolist() == [0.0, 0.0, 20.0, 10.0, 30.0, 0.0]


def test_money_that_is_never_seen_to_leave_ends_nowhere():
    rolls = pd.DataFrame(
        [("a", "a", 0.6), ("a", "b", 0.2), ("a", "paid", 0.1), ("a", "written_off", 0.1),
         ("b", "b", 1.0), ("c", "c", 0.5), ("c", "paid", 0.5)],
        columns=["from", "to", "rate"],
    )  # fmt: skip
    got = credit.loss_rates(rolls, method="markov")
    assert got["loss_rate"].tolist() == pytest.approx([0.25, 0.0, 0.5])


@pytest.mark.parametrize("whole", [False, True])  # a spreadsheet reads 150.0 as a whole number
def test_an_aging_from_a_file_still_knows_its_buckets(whole):
    invoices = bills(
        ("I1", "A", "2025-01-05", "2025-02-05", 100.0),
        ("I2", "B", "2025-02-05", "2025-03-05", 70.0),
        ("I3", "B", "2025-03-15", "2025-04-05", 30.0),
    ).assign(shop=[1, 2, 2])
    rates = [0.01, 0.1, 0.2, 0.3, 0.4]
    pair = [credit.aging(invoices, as_of=day, by="shop") for day in ("2025-03-10", "2025-03-31")]
    money = pair[0].attrs["buckets"]
    read = [pd.read_csv(io.StringIO(a.to_csv(index=False))) for a in pair]
    if whole:
        read = [a.astype(dict.fromkeys(money, "int64")) for a in read]
    for table, aging in zip(read, pair, strict=True):
        want = credit.provision(aging, rates)[["shop", "bucket", "amount", "allowance"]]
        got = credit.provision(table, rates)[list(want)]
        pd.testing.assert_frame_equal(got, want, check_dtype=False)
    want = credit.aging_movement(*pair).drop(columns="as_of")
    got = credit.aging_movement(*read).drop(columns="as_of")
    pd.testing.assert_frame_equal(got, want, check_dtype=False)
    days = pd.DataFrame({0: [50.0], 30: [20.0]})
    assert credit.provision(days, [0.1, 0.5])["allowance"].tolist() == [5.0, 10.0]


def test_shares_of_converted_receivables_are_shares_of_all():
    invoices = bills(
        ("I1", "A", "2025-01-05", "2025-02-05", 100.0),
        ("I2", "B", "2025-01-05", "2025-02-05", 300.0),
    ).assign(currency=["USD", "CNY"])
    got = credit.concentration(invoices, fx={"USD": 7.0}, by="currency")
    assert got[["currency", "share", "rank"]].to_numpy().tolist() == [
        ["USD", 0.7, 1], ["CNY", 0.3, 2],
    ]  # fmt: skip


def test_the_last_date_in_the_data_may_be_a_disputes():
    invoices = bills(("a", "A", "2025-01-01", "2025-01-31", 100.0))
    other = changes(("A", "2025-03-05", 60.0, "dispute")).assign(invoice_id="a")
    got = credit.worklist(invoices, None, other)
    assert got[["disputed", "days_past_due"]].to_numpy().tolist() == [[100.0, 33.0]]
    assert credit.open_items(invoices, None, other)["as_of"].item() == pd.Timestamp("2025-03-05")


def test_a_converted_ledger_knows_the_whole_of_what_is_partly_unapplied():
    invoices = bills(("a", "A", "2025-01-01", "2025-01-31", 30.0)).assign(currency="USD")
    paid = cash(("p", "A", "2025-02-01", 40.0)).assign(currency="USD")
    book = credit.ledger(invoices, paid, fx={"USD": 7.0, "CNY": 1.0})
    got = credit.open_items(book)
    assert got[["amount", "paid", "outstanding"]].to_numpy().tolist() == [[-280.0, -210.0, -70.0]]


@pytest.mark.parametrize("levels", [[(1, 1), (1, 30)], [(2, 1), (1, 30)], [(0, 1)], [(1.5, 1)]])
def test_dunning_levels_ascend_in_number_too(levels):
    invoices = bills(("a", "A", "2025-01-01", "2025-01-31", 100.0))
    with pytest.raises(InputError, match=r"worklist\(\): levels"):
        credit.worklist(invoices, as_of="2025-03-31", levels=levels)
    with pytest.raises(InputError, match=r"dunning_level\(\): levels"):
        credit.dunning_level([5], levels=levels)


def test_a_missing_rate_is_told_of_a_customer_who_has_invoices():
    invoices = bills(("a", "B", "2025-01-01", "2025-01-31", 100.0))
    early = cash(("p", "A", "2025-02-01", 40.0))  # has none
    with pytest.raises(InputError, match="no rate for customer 'B'"):
        credit.late_interest(invoices, early, annual_rate={"C": 0.1}, as_of="2025-03-31")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_writes_nothing_as_nought_without_a_sign(lang):
    from salesmgmt.report.sections import credit as section

    invoices = bills(
        ("a", "A", "2025-01-01", "2025-01-31", 0.1), ("b", "A", "2025-01-01", "2025-03-31", 0.2)
    )
    text = section.build({"invoices": invoices}, as_of="2025-01-31", lang=lang)[0]
    assert "-0.00" not in str(text)
    assert "0.30" in str(text)
