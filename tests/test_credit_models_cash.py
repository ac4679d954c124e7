"""Expected cash: hazards against published values, bands against what came in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt import load_sample
from salesmgmt._credit.pay_days import PayDays
from salesmgmt.credit import cash_backtest, cash_forecast, ledger, open_items
from salesmgmt.engine.hazards import (
    Clock,
    between_weeks,
    conditional_shares,
    count_risk,
    tail_hazards,
    weekday_factors,
)
from salesmgmt.errors import InputError

DAY = pd.Timedelta(days=1)
FX = {"USD": 7.1}


@pytest.fixture(scope="module")
def sample():
    return load_sample("invoices"), load_sample("payments"), load_sample("adjustments")


def steady(n: int = 200, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 200, n)), "D")
    invoices = pd.DataFrame(
        {
            "invoice_id": [f"i{k:04d}" for k in range(n)],
            "customer_id": rng.choice(["A", "B", "C"], n),
            "invoice_date": day,
            "due_date": day + 30 * DAY,
            "amount": rng.integers(100, 9000, n) / 1.0,
        }
    )
    payments = pd.DataFrame(
        {
            "payment_id": invoices["invoice_id"],
            "customer_id": invoices["customer_id"],
            "date": day + pd.to_timedelta(rng.integers(15, 60, n), "D"),
            "amount": invoices["amount"],
            "invoice_id": invoices["invoice_id"],
        }
    )
    return invoices, payments


# ------------------------------------------------------------------ engine


def test_product_limit_of_kaplan_and_meier_1958_section_2():
    """Deaths at 0.8, 3.1, 5.4, 9.2, losses at 1.0, 2.7, 7.0, 12.1: the paper's own example."""
    time = np.array([8, 10, 27, 31, 54, 70, 92, 121])
    dead = np.array([1, 0, 0, 1, 1, 0, 1, 0], dtype=bool)
    clock = Clock(1, 121)
    risk, exits = count_risk(
        clock, np.ones(8, int), time, np.ones(8), np.flatnonzero(dead), time[dead], np.ones(4)
    )
    hazard = np.divide(exits, risk, out=np.zeros_like(exits), where=risk > 0)
    alive = np.cumprod(1 - hazard)
    at = [clock.cell(np.array([t]))[0] for t in (8, 31, 54, 92)]
    np.testing.assert_allclose(alive[at], [7 / 8, 7 / 10, 21 / 40, 21 / 80])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.integers(0, 9), st.floats(0.1, 2), st.integers(0, 9),
            st.floats(0, 1), st.booleans(),
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_risk_is_what_is_open_in_every_cell(documents):
    entry = np.array([d[0] for d in documents])
    end = entry + np.array([d[1] for d in documents])
    weight = np.array([d[2] for d in documents])
    exit_ = np.minimum(entry + np.array([d[3] for d in documents]), end)
    share = np.array([d[4] for d in documents])
    paid = np.flatnonzero([d[5] for d in documents])
    clock = Clock(0, 20)
    risk, exits = count_risk(clock, entry, end, weight, paid, exit_[paid], share[paid])
    for t in range(21):
        want = gone = 0.0
        for i in range(len(documents)):
            left = 1.0 - (share[i] if i in paid and exit_[i] < t else 0.0)
            want += weight[i] * left * (entry[i] <= t <= end[i])
            gone += weight[i] * share[i] * (i in paid and exit_[i] == t)
        assert risk[t] == pytest.approx(want, abs=1e-9)
        assert exits[t] == pytest.approx(gone, abs=1e-9)


def test_conditional_shares_add_up_like_a_walk_through_the_days():
    rng = np.random.default_rng(0)
    hazards = rng.uniform(0, 0.3, (2, 15))
    edges = np.array([0, 3, 4, 20])
    cells = np.array([-1, 0, 7, 14])
    pace = rng.uniform(0, 5, 20)
    got = [conditional_shares(hazards, cells, edges, p) for p in (None, pace)]
    for cell, row, told in [(c, r, p) for g, p in zip(got, (np.ones(20), pace), strict=True)
                            for c, r in zip(cells, g, strict=True)]:  # fmt: skip
        still, paid = 1.0, []
        for day in range(1, 21):
            at = min(cell + day, 14)
            now = min(hazards[0, at] * told[day - 1], 1 - hazards[1, at])
            paid.append(still * now)
            still *= 1 - now - hazards[1, at]
        want = [sum(paid[:3]), paid[3], sum(paid[4:])]
        np.testing.assert_allclose(row, want)


def test_the_tail_shares_one_level_and_keeps_exits_and_exposure():
    risk = np.array([10.0, 9, 8, 5, 5, 4, 1, 1])
    exits = np.array([[0.0, 1, 3, 0, 1, 3, 0, 1], [1.0, 0, 0, 0, 0, 0, 0, 0]])
    level = tail_hazards(risk, exits, 3)
    assert (level * risk).sum() == pytest.approx(exits.sum())
    np.testing.assert_allclose(level[:, :6], exits[:, :6] / risk[:6])
    np.testing.assert_allclose(level[:, 6:], [[0.5, 0.5], [0, 0]])


# ---------------------------------------------------------------- forecast


def test_customers_who_always_pay_on_one_day_are_forecast_to_the_cent():
    day = pd.date_range("2025-01-01", periods=60)
    invoices = pd.DataFrame(
        {
            "invoice_id": range(60), "customer_id": "A", "amount": 250.0,
            "invoice_date": day, "due_date": day + 10 * DAY,
        }
    )  # fmt: skip
    paid = pd.DataFrame(
        {
            "payment_id": range(60), "customer_id": "A", "amount": 250.0,
            "date": day + 13 * DAY, "invoice_id": range(60),
        }
    )  # fmt: skip
    got = cash_forecast(invoices, paid, as_of="2025-03-01", horizon=3, calibrate=4)
    assert got["expected"].tolist() == [1750.0, 1500.0, 0.0]
    assert (got["p10"] == got["expected"]).all()
    assert got["period_end"].tolist() == [
        pd.Timestamp("2025-03-01") + k * 7 * DAY for k in (1, 2, 3)
    ]


def test_long_after_the_last_invoice_old_habits_still_count():
    """All weights shrink alike with time: only their ratios may matter."""
    invoices, payments = steady()
    payments = payments.drop(payments.index[::20])
    got = [
        cash_forecast(invoices, payments, as_of=day, horizon=4, half_life=3, calibrate=0)
        for day in ("2025-09-15", "2025-12-24")
    ]
    assert [g["expected"].sum() > 1 for g in got] == [True, True]


def test_keys_add_up_to_the_forecast_of_all(sample):
    options = {"horizon": 4, "as_of": "2025-06-30", "calibrate": 0}
    plan = pd.DataFrame({"date": ["2025-07-04"], "amount": [12345.67]})
    amounts = ["expected", "from_open", "from_sales", "due"]
    every = cash_forecast(*sample, **options, fx=FX, sales=plan).set_index("date")[amounts]
    for by in ("customer_id", "region"):
        key = sample[0].loc[sample[0]["customer_id"] == "C0301", by].iloc[0]
        parts = cash_forecast(*sample, **options, fx=FX, by=by, sales=plan.assign(**{by: key}))
        np.testing.assert_allclose(parts.groupby("date")[amounts].sum(), every, rtol=0, atol=1e-6)
    apart = cash_forecast(*sample, **options).groupby(["currency", "date"])["expected"].sum()
    parts = cash_forecast(*sample, **options, by="region")
    free = parts.attrs["unapplied"]
    parts = parts.groupby(["currency", "date"])["expected"].sum()
    np.testing.assert_allclose(parts, apart, rtol=0, atol=1e-6)
    items = open_items(*sample, as_of="2025-06-30").query("outstanding < 0")
    assert free == (-items.groupby("currency")["outstanding"].sum()).to_dict()  # not added up


def test_what_happens_after_as_of_is_not_used():
    invoices, paid = steady()
    cut = pd.Timestamp("2025-05-20")
    known = paid[paid["date"] <= cut]
    a = cash_forecast(invoices, paid, as_of=cut, horizon=4)
    b = cash_forecast(invoices[invoices["invoice_date"] <= cut], known, as_of=cut, horizon=4)
    pd.testing.assert_frame_equal(a, b)


def test_neither_row_order_nor_index_changes_a_number(sample):
    invoices, paid, adjusted = sample
    rng = np.random.default_rng(0)
    mixed = [t.iloc[rng.permutation(len(t))].set_axis([7] * len(t)) for t in sample]
    a = cash_forecast(invoices, paid, adjusted, as_of="2025-06-30", horizon=3, by="region", fx=FX)
    b = cash_forecast(*mixed, as_of="2025-06-30", horizon=3, by="region", fx=FX)
    pd.testing.assert_frame_equal(a, b)


def test_parts_add_up_and_no_more_comes_in_than_is_open(sample):
    whole = cash_forecast(*sample, as_of="2025-06-30", horizon=26, fx=FX)
    parts = cash_forecast(*sample, as_of="2025-06-30", horizon=26, fx=FX, by="region")
    by_week = parts.groupby("date")["expected"].sum().to_numpy()
    np.testing.assert_allclose(by_week, whole["expected"], atol=0.03)
    assert ((whole["p10"] <= whole["expected"]) & (whole["expected"] <= whole["p90"])).all()
    still_open = open_items(*sample, as_of="2025-06-30", fx=FX)["outstanding"].clip(lower=0).sum()
    assert whole["expected"].sum() <= still_open
    assert whole["expected"].sum() > 0.8 * still_open


def test_a_ledger_serves_as_well_as_the_frames(sample):
    made = ledger(*sample, as_of="2025-06-30", fx=FX)
    a = cash_forecast(made, horizon=4)
    b = cash_forecast(*sample, as_of="2025-06-30", horizon=4, fx=FX)
    pd.testing.assert_frame_equal(a, b, check_exact=False, rtol=0.02)


def test_currencies_stay_apart(sample):
    got = cash_forecast(*sample, as_of="2025-06-30", horizon=2)
    assert got["currency"].tolist() == ["CNY", "CNY", "USD", "USD"]


def test_months_end_where_the_calendar_says():
    invoices, paid = steady()
    got = cash_forecast(invoices, paid, as_of="2025-06-10", horizon=3, freq="M")
    assert got["period_end"].dt.strftime("%m-%d").tolist() == ["06-30", "07-31", "08-31"]
    assert got["date"].dt.strftime("%m-%d").tolist() == ["06-11", "07-01", "08-01"]


def test_planned_sales_come_in_when_invoices_of_the_past_did():
    invoices, paid = steady(800)
    plan = pd.DataFrame({"date": ["2025-06-01", "2025-08-02"], "amount": [1e6, 1e6]})
    base = cash_forecast(invoices, paid, as_of="2025-07-15", horizon=14, half_life=None)
    got = cash_forecast(invoices, paid, as_of="2025-07-15", horizon=14, half_life=None, sales=plan)
    with pytest.raises(InputError, match=r"sales has no column 'amount'\. Rename"):  # not amount=
        cash_forecast(
            invoices, paid, as_of="2025-07-15", horizon=14,
            sales=plan.rename(columns={"amount": "forecast"}),
        )  # fmt: skip
    assert got["from_open"].equals(base["expected"])
    # paid 15 to 59 days after: all of the second, none of the first (it is invoiced already)
    assert got["from_sales"].sum() == pytest.approx(1e6, rel=0.01)
    first = got.loc[got["from_sales"] > 1000, "date"].min()
    assert pd.Timestamp("2025-08-09") <= first <= pd.Timestamp("2025-08-17")
    total = got["from_open"] + got["from_sales"]
    np.testing.assert_allclose(got["expected"], total, atol=0.011)


def test_samples_of_sales_count_once_and_in_the_currency_of_the_invoices():
    invoices, paid = steady(800)
    day = pd.date_range("2025-07-01", periods=40).repeat(25)
    drawn = pd.DataFrame({"date": day, "draw": list(range(25)) * 40})
    drawn["amount"] = np.random.default_rng(3).normal(1000, 700, len(drawn)).round(2)
    assert (drawn["amount"] < 0).any()
    mean = drawn.groupby("date", as_index=False)["amount"].mean()
    ask = {"as_of": "2025-07-15", "horizon": 6, "calibrate": 4}
    columns = ["expected", "p10", "p90", "from_sales"]
    want = cash_forecast(invoices, paid, sales=mean, **ask)[columns]
    got = cash_forecast(invoices, paid, sales=drawn, **ask)[columns]
    assert got["from_sales"].sum() > 100
    np.testing.assert_allclose(got, want, atol=0.02)
    euro = cash_forecast(
        invoices.assign(currency="EUR"), paid.assign(currency="EUR"), sales=mean, **ask
    )
    np.testing.assert_array_equal(euro[columns], want)
    with pytest.raises(InputError, match=r"mean of the draws is below 0 on 25 day\(s\)"):
        cash_forecast(invoices, paid, sales=drawn.assign(amount=-drawn["amount"]), **ask)


def test_bands_of_the_sample_company_cover_as_they_say(sample):
    past = cash_backtest(*sample, horizon=4, origins=40, fx=FX)
    assert past.groupby("origin").size().eq(4).all()
    inside = (past["actual"] >= past["p10"]) & (past["actual"] <= past["p90"])
    assert 0.7 <= inside.mean() <= 0.9
    wape = (past["actual"] - past["expected"]).abs().sum() / past["actual"].sum()
    due = (past["actual"] - past["due"]).abs().sum() / past["actual"].sum()
    assert wape < due


def test_real_invoices_against_the_pooled_hazard(data_dir):
    """Weekly cash of open invoices, fortnightly origins: no worse than one hazard for all."""
    d = pd.read_parquet(data_dir / "credit" / "ibm_late_payments_train.parquet")
    paid = d[["invoice_id", "customer_id", "amount"]].assign(
        payment_id=d["invoice_id"], date=d["settled_date"]
    )
    columns = ["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]
    issued, settled = (
        d[c].to_numpy().astype("M8[D]").astype(int) for c in ("invoice_date", "settled_date")
    )
    errors, base, inside, total = 0.0, 0.0, [], 0.0
    for origin in pd.date_range("2012-07-02", "2013-05-04", freq="14D"):
        o = int(np.datetime64(origin, "D").astype(int))
        got = cash_forecast(d[columns], paid, as_of=origin, horizon=4)
        is_open = (issued <= o) & (settled > o)
        week = (settled - o - 1) // 7
        amount = d["amount"].to_numpy()
        actual = np.array([amount[is_open & (week == k)].sum() for k in range(4)])
        errors += np.abs(actual - got["expected"]).sum()
        base += np.abs(actual - _pooled(issued, settled, amount, is_open, o)).sum()
        inside += ((actual >= got["p10"]) & (actual <= got["p90"])).tolist()
        total += actual.sum()
    assert errors / total <= base / total
    assert 0.7 <= np.mean(inside) <= 0.9


def _pooled(issued, settled, amount, is_open, o):
    known = issued <= o
    age = np.minimum(settled, o)[known] - issued[known]
    paid = np.bincount(age[settled[known] <= o], minlength=500)
    risk = np.bincount(age, minlength=500)[::-1].cumsum()[::-1]
    alive = np.cumprod(1 - np.divide(paid, risk, out=np.zeros(500), where=risk > 0))
    out = np.zeros(4)
    for i in np.flatnonzero(is_open):
        at = alive[o - issued[i] + 7 * np.arange(5)]
        if at[0] > 0:
            out += amount[i] * (at[:-1] - at[1:]) / at[0]
    return out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"horizon": 3, "freq": "h"}, "freq must be one of"),
        ({"horizon": 3, "half_life": 0}, "half_life must not be 0"),
        ({"horizon": 3, "clock": "posting"}, "clock must be one of"),
        ({"horizon": 99, "freq": "Y"}, "more than ten years"),
        ({"horizon": 2, "as_of": "2025-01-02"}, "settlement"),
        ({"horizon": 2, "by": "customer_id",
          "sales": pd.DataFrame({"date": ["2025-09-01"], "amount": [1.0], "customer_id": ["Z"]})},
         "no invoice has"),
        ({"horizon": 2, "sales": pd.DataFrame({"date": ["2025-09-01"], "amount": [-1.0]})},
         "below 0"),
    ],
)  # fmt: skip
def test_options_are_checked(change, words):
    invoices, paid = steady()
    with pytest.raises(InputError, match=words):
        cash_forecast(invoices, paid, **change)


def test_a_backtest_needs_history():
    invoices, paid = steady()
    with pytest.raises(InputError, match="before as_of"):
        cash_backtest(invoices, paid, horizon=40, as_of="2025-07-01")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_report_section_speaks_of_each_currency_apart(sample, lang):
    from salesmgmt.report._blocks import Text
    from salesmgmt.report.sections import credit_models as section

    tables = dict(zip(section.NEEDS, sample[:2], strict=True))
    told = [b.text for b in section.build(tables, as_of=None, lang=lang) if isinstance(b, Text)]
    assert len(told) == 4  # outlook and look back, CNY and USD
    assert "CNY" in told[0]
    assert "USD" in told[2]
    young = {"invoices": sample[0].head(5), "payments": sample[1].head(0)}
    (only,) = section.build(young, as_of=None, lang=lang)
    assert "at least 10" in only.text


# ------------------------------------------------------------ days of the week


def test_weekday_factors_solve_the_likelihood_equations_of_a_log_linear_model():
    """Both margins are met: exits of each weekday, exits of each cell (Holford 1980)."""
    rng = np.random.default_rng(1)
    risk = rng.uniform(5e5, 9e5, (7, 30))
    true = np.array([2.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5])
    exits = np.rint(risk * rng.uniform(0.01, 0.05, 30) * true[:, None])
    factor = weekday_factors(risk, exits, 1.0)
    np.testing.assert_allclose(factor, true, rtol=2e-3)
    level = exits.sum(axis=0) / (factor @ risk)
    np.testing.assert_allclose(factor * (risk @ level), exits.sum(axis=1), rtol=1e-3)


def test_weekdays_that_differ_no_more_than_by_chance_have_no_factors():
    risk = np.full((7, 4), 100.0)
    exits = np.outer([12.0, 9, 10, 8, 11, 9, 11], [0.4, 0.3, 0.2, 0.1])
    assert weekday_factors(risk, exits, 1.0).tolist() == [1.0] * 7
    rests = exits * np.array([1, 1, 1, 1, 1, 0, 0])[:, None]
    assert weekday_factors(risk, rests, 1.0)[5:].tolist() == [0.0, 0.0]


def test_one_independent_exit_weighs_what_weeks_differ_by():
    """Single exits weigh 1; exits that come twenty at a time weigh twenty."""
    rng = np.random.default_rng(0)
    table = rng.poisson(np.full((400, 7), 3.0)).astype(float)
    assert between_weeks(table) == pytest.approx(1, abs=0.06)
    assert between_weeks(20 * table) == pytest.approx(20, abs=1.2)
    assert between_weeks(table[:3]) == np.inf


def test_a_day_of_the_month_on_which_all_pay_is_no_day_of_the_week():
    invoices, payments = steady(600)
    invoices["customer_id"] = payments["customer_id"] = [f"C{k % 200}" for k in range(600)]
    month = payments["date"].dt.to_period("M").dt.to_timestamp()
    pay_day = month + 24 * DAY
    payments["date"] = pay_day.where(pay_day >= invoices["invoice_date"], month + 55 * DAY)
    got = cash_forecast(invoices, payments, as_of="2025-06-26", horizon=14, freq="D", calibrate=0)
    assert set(got.attrs["weekdays"].values()) == {1.0}


def test_who_never_pays_at_weekends_is_not_forecast_to():
    invoices, payments = steady(600)
    weekday = payments["date"].dt.day_of_week
    moved = payments["date"] + pd.to_timedelta(np.where(weekday > 4, 7 - weekday, 0), "D")
    payments = payments.assign(date=moved)
    plan = pd.DataFrame({"date": ["2025-06-16", "2025-06-22"], "amount": [5e4, 5e4]})
    got = cash_forecast(
        invoices, payments, as_of="2025-06-13", horizon=60, freq="D", sales=plan, calibrate=0
    )
    rest = got["date"].dt.day_of_week > 4
    assert (got.loc[rest, ["expected", "from_open", "from_sales", "p10", "p90"]] == 0).all(
        axis=None
    )
    assert (got.loc[~rest, "expected"] > 0).all()
    assert got.attrs["weekdays"]["Sat"] == 0 < 1.5 < got.attrs["weekdays"]["Mon"]
    # the money moves to other days, it is not lost
    every = cash_forecast(invoices, payments, as_of="2025-06-13", horizon=60, calibrate=0)
    left = open_items(invoices, payments, as_of="2025-06-13")["outstanding"].sum()
    assert got["from_open"].sum() == pytest.approx(left, rel=0.01)
    assert every["from_open"].sum() == pytest.approx(left, rel=0.01)


def test_pay_days_read_a_spring_festival_as_its_schedule_does():
    """2025: off 28 January to 4 February, worked on Sunday 26 January and Saturday 8 February."""
    first, last = (int(np.datetime64(d, "D").astype(int)) for d in ("2025-01-20", "2025-02-12"))
    kind, rest = PayDays("CN", first, last, caller="x").of(np.arange(first, last + 1))
    #                       Mon 20 Jan ... Sat off, Sun worked, Mon 27 like a Tuesday, 8 days off
    assert kind.tolist() == [
        1, 1, 2, 3, 4, 5, 0, 1, 6, 6, 6, 6, 5, 6, 6, 6, 0, 3, 4, 4, 6, 0, 1, 2
    ]  # fmt: skip
    assert rest[[6, 16, 21]].tolist() == [1.0, 8.0, 1.0]


def test_where_sunday_alone_is_off_mondays_are_still_learned_from():
    day = pd.date_range("2024-01-01", "2024-03-31")
    first = int(np.datetime64("2024-01-01", "D").astype(int))
    weights = pd.Series(np.where(day.day_of_week == 6, 0.0, 1.0), index=day)
    days = PayDays(weights, first, first + len(day) - 1, caller="x")
    kind, rest = days.of(np.arange(first + 7, first + len(day)))
    assert days.ordinary(kind, rest).all()
    assert kind[:7].tolist() == [0, 1, 2, 3, 4, 4, 6]


def test_what_waits_for_the_end_of_a_holiday_comes_in_after_it():
    """Everybody pays 30 days after the invoice, or on the first day worked after that."""
    day = pd.date_range("2024-01-01", "2024-09-30", freq="D")
    off = (day.day_of_week > 4) | day.isin(pd.date_range("2024-07-01", "2024-07-07"))
    weights = pd.Series(np.where(off, 0.0, 1.0), index=day)
    open_days = day[~off]
    issued = pd.date_range("2024-01-01", "2024-06-30", freq="D")
    paid = open_days[open_days.searchsorted(issued + 30 * DAY)]
    n = range(len(issued))
    invoices = pd.DataFrame(
        {"invoice_id": n, "customer_id": "A", "invoice_date": issued, "due_date": issued + 29 * DAY,
         "amount": 100.0}
    )  # fmt: skip
    payments = invoices[["invoice_id", "customer_id", "amount"]].assign(date=paid, payment_id=n)
    book = (invoices, payments)
    plain, told = (
        cash_forecast(
            *book, as_of="2024-06-28", horizon=12, freq="D", calibrate=0, calendar=c
        ).set_index("date")["expected"]
        for c in (None, weights)
    )
    assert plain["2024-07-01"] > 200  # a Monday like any other
    assert (told[:"2024-07-07"] == 0).all()
    assert told["2024-07-08"] > 2 * told["2024-07-09":].max()


def test_weeks_of_the_sample_company_are_better_told_with_its_calendar(sample):
    """Errors of four weeks around two holidays: a third of those without the calendar."""
    errors = {}
    for calendar in (None, "CN"):
        got = pd.concat(
            [
                cash_backtest(*sample, as_of=day, horizon=4, origins=1, fx=FX, calibrate=0,
                              calendar=calendar)
                for day in ("2025-02-08", "2025-02-25", "2025-10-10", "2025-10-24")
            ]
        )  # fmt: skip
        errors[calendar] = (got["expected"] - got["actual"]).abs().sum() / got["actual"].sum()
    assert errors["CN"] < 0.2 < 0.3 < errors[None]


@pytest.mark.parametrize(
    ("calendar", "told"),
    [
        (["CN"], "country code or a Series"),
        (pd.Series([1.0], ["2025-06-30"]), "no weight for"),
        ("XX", r"cash_forecast\(\): country 'XX' is not known"),
    ],
)
def test_a_calendar_of_another_form_is_refused(calendar, told):
    with pytest.raises(InputError, match=told):
        cash_forecast(*steady(), as_of="2025-06-13", horizon=2, calendar=calendar)


def test_days_of_the_sample_company_are_better_told_with_their_weekday(sample):
    """A fifth of a day's error and more is the weekday: 0.88 of the cash without, 0.59 with."""
    parts = [
        cash_backtest(*sample, as_of=day, horizon=21, freq="D", origins=1, fx=FX, calibrate=0)
        for day in ("2024-09-30", "2025-03-31", "2025-09-30")
    ]
    got = pd.concat(parts)
    assert (got["expected"] - got["actual"]).abs().sum() < 0.7 * got["actual"].sum()


def test_what_is_paid_on_the_day_of_its_invoice_is_cash():
    day = pd.date_range("2025-01-01", periods=12)
    bills = pd.DataFrame({"invoice_id": range(12), "customer_id": "A", "amount": 10.0,
                          "invoice_date": day, "due_date": day})  # fmt: skip
    paid = pd.DataFrame({"payment_id": range(11), "customer_id": "A", "amount": 10.0,
                         "date": day[:11], "invoice_id": range(11)})  # fmt: skip
    got = cash_forecast(bills, paid, as_of="2025-01-12", horizon=1)
    assert got["from_open"].iloc[0] <= 10.0
    early = paid.assign(date=paid["date"] - pd.Timedelta(days=20))
    with pytest.raises(InputError, match="only 0 settlement"):  # what an advance paid is none
        cash_forecast(bills, early, as_of="2025-01-12", horizon=1)
