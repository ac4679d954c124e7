"""Published figures of credit models: the source stands in each test's name or comment."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from salesmgmt import credit
from salesmgmt._credit.score_reports import performance
from salesmgmt.engine.binning import information_value, weight_of_evidence
from salesmgmt.errors import InputError


def _instalments(day, each, amount, parts):
    """``each`` invoices of ``amount`` in all on a day, paid in parts so many days later."""
    start = pd.Timestamp(day)
    names = [f"{day}/{i}" for i in range(each)]
    invoices = pd.DataFrame({"invoice_id": names, "customer_id": "A", "amount": amount / each})
    invoices = invoices.assign(invoice_date=start, due_date=start + pd.Timedelta(days=30))
    payments = [
        invoices[["invoice_id", "customer_id"]].assign(
            payment_id=[f"{n}/{days}" for n in names], amount=amount * share / each,
            date=start + pd.Timedelta(days=days),
        )
        for days, share in parts.items()
    ]  # fmt: skip
    return invoices, pd.concat(payments)


def _collections(sold, parts, plan, freq):
    books = [_instalments(day, 20, amount, parts) for day, amount in sold.items()]
    invoices, payments = (pd.concat(part, ignore_index=True) for part in zip(*books, strict=True))
    future = pd.DataFrame({"date": list(plan), "amount": list(plan.values())})
    return credit.cash_forecast(
        invoices, payments, as_of="2024-12-31", horizon=len(plan), freq=freq, sales=future
    )


def test_garrison_hampton_freeze_schedule_of_expected_cash_collections():
    # Garrison, Noreen, Brewer, "Managerial Accounting", master budget of Hampton Freeze:
    # 70 % collected in the quarter of the sale, 30 % in the next; 90,000 owed at the start
    sold = {f"{d:%Y-%m-%d}": 300e3 for d in pd.date_range("2023-10-01", "2024-10-01", freq="QS")}
    plan = {"2025-01-01": 2e5, "2025-04-01": 6e5, "2025-07-01": 8e5, "2025-10-01": 4e5}
    got = _collections(sold, {30: 0.7, 100: 0.3}, plan, "Q")
    assert got["expected"].tolist() == [230_000, 480_000, 740_000, 520_000]
    assert got["from_open"].tolist() == [90_000, 0, 0, 0]


def test_caraway_products_collections_over_three_months():
    # a textbook exercise of the same kind, collections by hand: 25 % in the month, 65 % in the
    # next, 10 % in the one after; November 150,000, December 350,000, budget 950,000, 750,000 and
    # 100,000
    sold = {f"{d:%Y-%m-%d}": 150e3 for d in pd.date_range("2024-01-01", "2024-11-01", freq="MS")}
    plan = {"2025-01-01": 950e3, "2025-02-01": 750e3, "2025-03-01": 100e3}
    got = _collections(sold | {"2024-12-01": 350e3}, {10: 0.25, 40: 0.65, 70: 0.1}, plan, "M")
    assert got["expected"].tolist() == [480_000, 840_000, 607_500]


def test_cash_of_books_without_a_payment_is_not_forecast_from_allowances():
    invoices, _ = _instalments("2024-10-01", 20, 300e3, {30: 1.0})
    notes = pd.DataFrame({"invoice_id": invoices["invoice_id"], "customer_id": "A"})
    notes = notes.assign(adjustment_id=range(20), date="2024-11-01", amount=100.0, kind="allowance")
    with pytest.raises(InputError, match=r"only 0 settlement\(s\) by payment are known"):
        credit.cash_forecast(invoices, None, notes, as_of="2024-12-31", horizon=2)


def test_merton_solves_its_two_equations_and_knows_a_drift():
    # Equity 3, volatility 40 %, debt 10, rate 5 %: assets 12.511 and 9.6 % solve the two equations
    firm = pd.DataFrame({"equity": [3.0], "volatility": [0.4], "debt": [10.0]})
    got = credit.merton(firm, risk_free=0.05).iloc[0]
    assert got["assets"] == pytest.approx(12.511, abs=1e-3)
    assert got["asset_volatility"] == pytest.approx(0.096, abs=5e-4)
    same = credit.merton(firm, risk_free=0.05, drift=0.05).iloc[0]
    assert same["default_probability"] == pytest.approx(got["default_probability"], rel=1e-12)
    real = credit.merton(firm, risk_free=0.05, drift=0.1, horizon=2.0).iloc[0]
    sigma = real["asset_volatility"]
    want = (np.log(real["assets"] / 10) + (0.1 - sigma**2 / 2) * 2) / (sigma * np.sqrt(2))
    assert real["distance_to_default"] == pytest.approx(want, rel=1e-12)
    assert real["default_probability"] == pytest.approx(NormalDist().cdf(-want), rel=1e-9)


@pytest.mark.parametrize(
    ("firm", "rate", "horizon", "want"),
    [
        # Hull, "Options, Futures, and Other Derivatives", credit risk, the two exercises on
        # Merton's model with the figures of the solutions: assets, their volatility, default
        ((2.0, 0.5, 5.0), 0.04, 1.0, (6.80, 0.1482, 0.0115)),
        ((4.0, 0.6, 15.0), 0.06, 2.0, (17.084, 0.1576, 0.1561)),
    ],
)
def test_merton_exercises_of_hull(firm, rate, horizon, want):
    table = pd.DataFrame([firm], columns=["equity", "volatility", "debt"])
    got = credit.merton(table, risk_free=rate, horizon=horizon).iloc[0]
    assert got["assets"] == pytest.approx(want[0], abs=2e-3)
    assert got["asset_volatility"] == pytest.approx(want[1], abs=5e-5)
    assert got["default_probability"] == pytest.approx(want[2], abs=5e-5)


def test_herfindahl_of_four_firms():
    # a textbook question (Pearson, microeconomics, mergers): 30, 30, 20 and 20 % make 2,600
    invoices = pd.DataFrame({"invoice_id": range(4), "customer_id": list("ABCD")})
    invoices = invoices.assign(
        amount=[30.0, 30.0, 20.0, 20.0], invoice_date="2025-01-01", due_date="2025-01-31"
    )
    assert credit.concentration(invoices)["herfindahl"].tolist() == [pytest.approx(0.26)] * 4


def test_altman_z_of_published_exercises():
    # ratios .34, .15, 0, .80, 1.6: 2.70 (an exercise with its answer, wizedu.com 366502)
    ratios = {"working_capital": 0.34, "retained_earnings": 0.15, "ebit": 0.0, "equity": 0.8}
    firm = pd.DataFrame(ratios | {"sales": 1.6, "total_assets": 1, "total_liabilities": 1}, [0])
    assert credit.altman_z(firm)["z"].iloc[0] == pytest.approx(2.70, abs=0.005)


def test_a_limit_of_ten_percent_of_net_worth():
    firm = pd.DataFrame({"customer_id": ["A"], "grade": ["A"], "net_worth": [5e5]})
    got = credit.credit_limits(firm, {"months": 0.1, "factors": {"A": 1}}, sales="net_worth")
    assert got["limit"].tolist() == [50_000.0]


def test_siddiqi_scale_of_twenty_points():
    # Siddiqi, "Credit Risk Scorecards" (2006), ch. 6: 600 points at 50 to 1, 20 points double
    # the odds: factor 28.8539, offset 487.123
    card = credit.CreditScorecard(pdo=20, base_score=600, base_odds=50)
    card.fit(pd.DataFrame({"x": [1.0, 2.0] * 20}), [0, 1, 0, 0] * 10)
    assert card.factor_ == pytest.approx(28.8539, abs=5e-5)
    even = card.score_to_probability([487.123, 600, 620])
    np.testing.assert_allclose(even, [0.5, 1 / 51, 1 / 101], atol=1e-5)


def test_optbinning_table_of_mean_radius():
    # optbinning, tutorial "optimal binning with binary target", breast cancer data, mean radius
    good = np.array([3.0, 3, 7, 10, 28, 44, 117])
    bad = np.array([115.0, 76, 61, 39, 55, 10, 1])
    evidence = weight_of_evidence(good, bad, 212.0, 357.0, 1e-12)
    want = [-3.125170, -2.710972, -1.643814, -0.839827, -0.153979, 2.002754, 5.283323]
    np.testing.assert_allclose(evidence, want, atol=1e-6)
    assert information_value(good, bad, 212.0, 357.0, 1e-12).sum() == pytest.approx(
        5.043925, abs=1e-6
    )


@pytest.mark.parametrize(
    ("good", "bad", "want", "value"),
    [
        # Siddiqi, "Credit Risk Scorecards" (2006), ch. 6, the table of age: missing, 18-22, ...,
        # over 44, in hundredths as printed; the sum by hand
        (
            [42, 152, 246, 405, 475, 339, 147], [8, 48, 54, 45, 25, 11, 3],
            [-0.5728, -1.0783, -0.7147, -0.0338, 0.7134, 1.1971, 1.6608], 0.6502,
        ),
        # analyticbridge.com, "Scorecard building using WOE/IV": five age groups; its total of
        # 0.46516 is from shares rounded to tenths of a per cent
        (
            [50, 75, 125, 175, 200], [120, 110, 90, 80, 70],
            [-1.1604, -0.6680, 0.04348, 0.49774, 0.76480], 0.4655,
        ),
    ],
    ids=["siddiqi", "analyticbridge"],
)  # fmt: skip
def test_weights_of_evidence_of_published_tables(good, bad, want, value):
    good, bad = np.array(good, dtype=float), np.array(bad, dtype=float)
    totals = good.sum(), bad.sum()
    evidence = weight_of_evidence(good, bad, *totals, 1e-12)
    np.testing.assert_allclose(evidence, want, atol=1.1e-4)
    assert information_value(good, bad, *totals, 1e-12).sum() == pytest.approx(value, abs=5e-5)


def test_measures_of_a_score_as_scikit_learn_documents_them():
    # the examples of roc_auc_score (0.75) and of brier_score_loss (0.0375)
    told = performance(-np.array([0.1, 0.4, 0.35, 0.8]), np.full(4, 0.5), np.array([0, 0, 1, 1]))
    assert told[["auc", "gini", "ks"]].iloc[0].tolist() == [0.75, 0.5, 0.5]
    chance, bad = np.array([0.1, 0.9, 0.8, 0.3]), np.array([0, 1, 1, 0])
    assert performance(-chance, chance, bad)["brier"].iloc[0] == pytest.approx(0.0375)


def test_population_stability_of_three_income_bands():
    # Shares of GeeksforGeeks, "Population Stability Index": 40, 30, 30 % in 2020; 35, 25, 40 % in
    # 2021; the three terms by hand
    seen = pd.DataFrame({"band": np.repeat([1.0, 2.0, 3.0], [400, 300, 300])})
    bad = np.r_[np.arange(400) < 40, np.arange(300) < 90, np.arange(300) < 180].astype(int)
    card = credit.CreditScorecard().fit(seen, bad)
    later = pd.DataFrame({"band": np.repeat([1.0, 2.0, 3.0], [35, 25, 40])})
    got = card.psi(later).set_index("feature").loc["band"]
    assert got["psi"] == pytest.approx(0.006677 + 0.009116 + 0.028768, abs=2e-6)
    assert got["status"] == "stable"
