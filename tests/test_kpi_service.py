"""Service and cost figures against hand counts and what is true of the sample company."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesmgmt import DataWarning, InputError, load_sample
from salesmgmt.kpi import (
    acquisition_cost,
    break_even,
    complaints,
    cost_to_serve,
    delivery,
    satisfaction,
    visits,
)


def test_drivers_of_independent_ratings_are_their_shares_of_variance():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40_000, 3))
    y = x @ np.array([3.0, 1.0, 0.0]) + rng.normal(size=40_000)
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(csat=y)
    got = satisfaction(frame, drivers=["a", "b", "c"]).set_index("metric")["value"]
    assert got[["driver a", "driver b", "driver c"]].tolist() == pytest.approx(
        [0.9, 0.1, 0], abs=0.01
    )


def test_satisfaction_of_the_sample_finds_its_main_driver():
    got = satisfaction(load_sample("surveys")).set_index("metric")
    drivers = got[got.index.str.startswith("driver")]["value"]
    assert drivers.idxmax() == "driver delivery"
    assert drivers.sum() == pytest.approx(1)
    assert got.loc["nps", "lo"] < got.loc["nps", "value"] < got.loc["nps", "hi"]


def test_promoters_less_detractors():
    answers = [10] * 5 + [8] * 3 + [2] * 2
    got = satisfaction(pd.DataFrame({"nps": answers})).set_index("metric")
    assert got.loc["nps", "value"] == pytest.approx(30)
    by = satisfaction(pd.DataFrame({"nps": [10, 0], "region": ["N", "S"]}), by="region")
    assert by["value"].tolist() == [100, -100]
    with pytest.raises(InputError, match="neither"):
        satisfaction(pd.DataFrame({"x": [1]}))


def test_complaints_count_open_closed_and_late():
    cases = pd.DataFrame(
        {
            "customer_id": list("aabcd"),
            "category": "late",
            "opened_at": ["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-20", "2025-02-01"],
            "closed_at": ["2025-01-04", "2025-01-12", None, "2025-02-20", "2025-02-02"],
        }
    )
    got = complaints(cases, limit=5, as_of="2025-01-31").iloc[0]
    # The fifth is not yet there; the fourth is still open, eleven days old.
    assert got[["cases", "open", "closed", "customers"]].tolist() == [4, 2, 2, 3]
    assert got["median_days"] == 6.5
    assert got["within_limit"] == 1 / 4
    assert got["repeat_share"] == 1 / 3
    with pytest.raises(InputError, match="before the case was opened"):
        complaints(cases.assign(closed_at="2024-01-01"))


def test_visits_cover_a_tier():
    accounts = load_sample("accounts")
    done = load_sample("activities")
    got = visits(done, tier=accounts)
    real = done[done["type"] == "visit"].merge(accounts[["customer_id", "tier"]])
    want = real.groupby("tier")["customer_id"].agg(["size", "nunique"])
    assert got.set_index("tier")["visits"].to_dict() == want["size"].to_dict()
    assert got.set_index("tier")["visited"].to_dict() == want["nunique"].to_dict()
    assert got["share"].sum() == pytest.approx(1)
    by = visits(done, tier=accounts, by="rep")
    assert by.groupby("rep")["share"].sum().tolist() == pytest.approx([1.0] * by["rep"].nunique())


def test_otif_by_hand_and_open_orders():
    orders = pd.DataFrame(
        {
            "order_date": "2025-01-01",
            "promised_date": ["2025-01-05", "2025-01-05", "2025-01-05", "2025-03-01"],
            "delivered_date": ["2025-01-05", "2025-01-07", None, None],
            "quantity": 3,
            "delivered_quantity": [3, 3, None, None],
        }
    )
    got = delivery(orders, as_of="2025-01-31").iloc[0]
    assert got[["orders", "open", "judged"]].tolist() == [4, 1, 3]
    assert got[["on_time", "in_full", "otif"]].tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 3])
    assert got["late_days"] == 2
    assert delivery(orders, as_of="2025-01-31", tolerance=2)["on_time"].iloc[0] == pytest.approx(
        2 / 3
    )


def test_goods_that_come_too_early_and_orders_of_several_lines():
    # Mintsoft, "Access Analytics: OTIF report": another day than the expected one is a miss,
    # earlier ones too. calcsimpler.com, "OTIF delivery rate": only if every line arrives in the
    # window and in full.
    lines = pd.DataFrame({
        "so": ["A", "A", "B", "B", "C", "D", "D", "E"],
        "order_date": "2025-01-01",
        "promised_date": ["2025-01-10"] * 7 + ["2025-03-01"],
        "delivered_date": ["2025-01-10", "2025-01-10", "2025-01-10", "2025-01-12", "2025-01-06",
                           "2025-01-09", None, None],
        "quantity": 5, "delivered_quantity": [5, 5, 5, 5, 5, 5, 0, 0],
    })  # fmt: skip
    by_line = delivery(lines, as_of="2025-01-31").iloc[0]
    assert by_line[["orders", "open", "judged"]].tolist() == [8, 1, 7]
    assert by_line["on_time"] == 5 / 7
    got = delivery(lines, order="so", as_of="2025-01-31").iloc[0]
    # A on time, B late by its last line, C early, D late and open, E not yet due.
    assert got[["orders", "open", "judged"]].tolist() == [5, 1, 4]
    assert got[["on_time", "otif", "lead_days", "late_days"]].tolist() == [0.5, 0.5, 9, 2]
    got = delivery(lines, order="so", early=1, as_of="2025-01-31").iloc[0]
    assert got[["on_time", "late_days"]].tolist() == [0.25, 2]  # early is no day late
    some = lines.assign(delivered_quantity=[5, 4, 5, 5, 5, 5, 0, 0])
    assert delivery(some, order="so", as_of="2025-01-31")["in_full"].item() == 0.5
    # An order of one line is the row; before the delivery of its last line it is open.
    single = lines.drop_duplicates("so")
    for until in ("2025-01-31", "2025-01-10"):
        pd.testing.assert_frame_equal(
            delivery(single, order="so", as_of=until), delivery(single, as_of=until)
        )
    assert delivery(lines, order="so", as_of="2025-01-10")["open"].item() == 3
    with pytest.raises(InputError, match="'so'"):
        delivery(lines.assign(so=None), order="so")


def test_the_late_warehouse_of_the_sample_stands_out():
    orders = load_sample("orders")
    recent = orders[orders["order_date"] >= "2025-03-01"]
    got = delivery(recent, by="warehouse").set_index("warehouse")["on_time"]
    assert got.idxmin() == "WH-S"
    assert got["WH-S"] == pytest.approx(0.72, abs=0.05)


@given(st.integers(0, 10**6))
def test_cost_to_serve_spends_every_cent(seed):
    rng = np.random.default_rng(seed)
    amount = rng.normal(50, 40, 9).round(2)
    sales = pd.DataFrame({"k": rng.choice(list("abc"), 9), "amount": amount})
    spent = pd.DataFrame({"k": rng.choice(["a", "b", "z", None], 7),
                          "amount": rng.uniform(0, 90, 7).round(2)})  # fmt: skip
    got = cost_to_serve(sales, spent, by="k")
    assert round(got["cost_to_serve"].sum(), 2) == round(spent["amount"].sum(), 2)
    assert round(got["contribution"].sum(), 2) == round(
        sales["amount"].sum() - spent["amount"].sum(), 2
    )


def test_acquisition_cost_by_hand():
    sales = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "c"],
            "date": ["2025-01-02", "2025-02-02", "2025-02-10", "2025-02-11"],
            "amount": [100.0, 900.0, 50.0, 150.0],
        }
    )
    spent = pd.DataFrame(
        {
            "date": ["2025-01-31", "2025-02-28", "2025-02-28"],
            "amount": [10.0, 40.0, 99.0],
            "category": ["ad", "ad", "rent"],
        }
    )
    got = acquisition_cost(sales, spent, categories=["ad"])
    assert got["new_customers"].tolist() == [1, 2]
    assert got["cost"].tolist() == [10, 20]
    assert got["first_amount"].tolist() == [100, 100]
    with pytest.warns(DataWarning, match="all expenses are counted"):
        acquisition_cost(sales, spent)
    with pytest.raises(InputError, match="'tv' is not in column"):
        acquisition_cost(sales, spent, categories=["tv"])


def test_break_even_of_the_textbook():
    got = break_even(60_000, price=20, unit_cost=12, sales=200_000, profit=20_000).iloc[0]
    assert got[["amount", "units", "safety", "leverage"]].tolist() == [200_000, 10_000, 0, 4]
    rows = break_even(pd.Series({"x": 100.0, "y": 50.0}), margin=pd.Series({"x": 0.5, "y": -0.1}))
    assert rows["amount"].tolist() == [200, np.inf]
    with pytest.raises(InputError, match="either margin"):
        break_even(1)


def test_break_even_takes_labels_from_any_series():
    price, unit = pd.Series({"x": 20.0, "y": 30.0}), pd.Series({"y": 15.0, "x": 12.0})
    rows = break_even(60_000, price=price, unit_cost=unit, sales=150_000)
    assert rows["units"].to_dict() == {"x": 7500.0, "y": 4000.0}
    with pytest.raises(InputError, match="sales must have the labels of price"):
        break_even(60_000, price=price, unit_cost=unit, sales=pd.Series({"x": 1.0}))


@pytest.mark.parametrize("answers", [[10], [0], [7], [10, 9], [0, 1], [10, 0]])
def test_the_promoter_interval_of_a_few_answers_holds_its_score(answers):
    for level in (0.5, 0.8, 0.95, 0.99):
        got = satisfaction(pd.DataFrame({"nps": answers}), confidence=level).iloc[0]
        assert -100 <= got["lo"] <= got["value"] <= got["hi"] <= 100
        assert got["lo"] < got["hi"]


def test_expenses_without_any_key_are_shared_whatever_the_dtype_of_the_empty_column():
    from salesmgmt.kpi import cost_to_serve

    sales = pd.DataFrame({"rep": ["a", "b"], "amount": [300.0, 100.0]})
    for empty in (np.nan, None, pd.NaT):
        spent = pd.DataFrame({"rep": [empty, empty], "amount": [10.0, 30.0]})
        got = cost_to_serve(sales, spent, by="rep")
        assert got["shared"].tolist() == [30.0, 10.0]
