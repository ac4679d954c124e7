"""Published and independently computed examples of apportionment, raking and disaggregation.

The larger data (Swiss pharmaceutical sales, Sax and Steiner 2013) are read from the folder of
real data where there is one; what is short enough stands here with its source.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesmgmt import InputError
from salesmgmt.targets import allocate, decompose, disaggregate, rake, round_plan


def _cells(values) -> pd.DataFrame:
    table = np.asarray(values, dtype=float)
    rows, columns = table.shape
    return pd.DataFrame(
        {
            "row": np.repeat(np.arange(rows), columns),
            "column": np.tile(np.arange(columns), rows),
            "target": table.ravel(),
        }
    )


def _margin(totals, name) -> pd.Series:
    return pd.Series(np.asarray(totals, float), index=pd.RangeIndex(len(totals), name=name))


def test_hamilton_hare_and_droop_textbook_example():
    votes = pd.Series([47000, 16000, 15900, 12000, 6000, 3100], index=list("abcdef"))
    assert allocate(10, votes, step=1).tolist() == [5, 2, 1, 1, 1, 0]
    assert allocate(10, votes, step=1, method="droop").tolist() == [5, 2, 2, 1, 0, 0]


def test_alabama_paradox_of_largest_remainders_and_its_absence_in_divisor_methods():
    votes = pd.Series([1500, 1500, 900, 500, 500, 200], index=list("abcdef"))
    assert allocate(25, votes, step=1).tolist() == [7, 7, 4, 3, 3, 1]
    assert allocate(26, votes, step=1).tolist() == [8, 8, 5, 2, 2, 1]
    for method in ("webster", "dhondt", "huntington_hill", "adams", "dean"):
        before = allocate(0, votes, step=1, method=method)
        for seats in range(1, 60):
            after = allocate(seats, votes, step=1, method=method)
            assert (after >= before).all(), (method, seats)
            before = after


def test_sainte_lague_and_dhondt_textbook_example():
    votes = pd.Series([53000, 24000, 23000], index=list("abc"))
    assert allocate(7, votes, step=1, method="sainte_lague").tolist() == [3, 2, 2]
    assert allocate(7, votes, step=1, method="jefferson").tolist() == [4, 2, 1]


@pytest.mark.parametrize(
    ("method", "signpost"),
    [
        ("webster", lambda k: k + 0.5),
        ("dhondt", lambda k: k + 1.0),
        ("huntington_hill", lambda k: (k * (k + 1)) ** 0.5),
        ("adams", lambda k: float(k)),
        ("dean", lambda k: 2.0 * k * (k + 1) / (2 * k + 1)),
    ],
)
def test_divisor_methods_agree_with_handing_out_one_seat_at_a_time(method, signpost):
    rng = np.random.default_rng(5)
    for _ in range(20):
        votes = rng.integers(1, 10_000, size=rng.integers(2, 12)).astype(float)
        seats = int(rng.integers(len(votes), 80))
        have = [0] * len(votes)
        for _ in range(seats):
            claims = [
                (v / signpost(k) if signpost(k) > 0 else np.inf, v)
                for v, k in zip(votes, have, strict=True)
            ]
            have[max(range(len(votes)), key=lambda i: (*claims[i], -i))] += 1
        assert allocate(seats, pd.Series(votes), step=1, method=method).tolist() == have


def test_fair_remainder_does_not_depend_on_order():
    weights = pd.Series([98, 92, 98, 123, 102, 92], index=list("abcdef"))
    assert allocate(613, weights, step=1).tolist() == [99, 93, 99, 125, 104, 93]
    assert allocate(613, weights[::-1], step=1)[list("abcdef")].tolist() == [
        99,
        93,
        99,
        125,
        104,
        93,
    ]


def test_shares_of_a_hundred_that_floats_do_not_add_up_to():
    shares = pd.Series([72.68, 10.93, 2.73, 13.66])
    assert allocate(100, shares).tolist() == shares.tolist()


def test_whole_units_by_a_curve_add_up():
    curve = pd.Series(np.linspace(1, 2, 12))
    out = allocate(45, curve, step=1)
    assert out.sum() == 45
    assert (out - 45 * curve / curve.sum()).abs().max() < 1


def test_ipf_four_by_four_example():
    seed = [[40, 30, 20, 10], [35, 50, 100, 75], [30, 80, 70, 120], [20, 30, 40, 50]]
    fit = [
        [64.56, 46.23, 35.38, 3.82],
        [49.97, 68.16, 156.50, 25.37],
        [56.72, 144.43, 145.08, 53.77],
        [28.75, 41.18, 63.03, 17.03],
    ]
    margins = [_margin([150, 300, 400, 150], "row"), _margin([200, 300, 400, 100], "column")]
    real = rake(_cells(seed), margins, step=None)["target"].to_numpy().reshape(4, 4)
    np.testing.assert_allclose(real, fit, atol=0.0051)
    cents = rake(_cells(seed), margins)["target"].to_numpy().reshape(4, 4)
    assert np.rint(cents.sum(axis=1) * 100).tolist() == [15000, 30000, 40000, 15000]
    assert np.rint(cents.sum(axis=0) * 100).tolist() == [20000, 30000, 40000, 10000]
    assert np.abs(cents - real).max() < 0.01


def test_inconsistent_margins_are_named_with_their_gap():
    with pytest.raises(InputError, match=r"margins\[0\] .* margins\[1\] .* gap of 19"):
        rake(_cells([[1, 1], [1, 1]]), [_margin([40, 60], "row"), _margin([50, 31], "column")])


def test_a_positive_total_over_zero_cells_raises():
    cells = _cells([[1, 1], [0, 0]])
    with pytest.raises(InputError, match="all zero"):
        rake(cells, [_margin([5, 5], "row"), _margin([5, 5], "column")])


def test_zero_cells_without_a_common_solution_raise_and_do_not_converge_silently():
    cells = _cells([[1, 0], [1, 1]])
    with pytest.raises(InputError, match="no fit"):
        rake(cells, [_margin([8, 2], "row"), _margin([3, 7], "column")])


def test_statistics_canada_controlled_rounding_to_base_100():
    table = _cells([[361.5, 120.5, 120.5], [361.5, 0.0, 241.0]])
    out = round_plan(table, step=100, rows="row", columns="column")
    cells = out["target"].to_numpy().reshape(2, 3)
    before = table["target"].to_numpy().reshape(2, 3)
    assert (np.abs(cells - before) < 100).all()
    assert cells[1, 1] == 0
    assert cells.sum() == 1200
    assert cells.sum(axis=1).tolist() == [600, 600]
    assert set(cells.sum(axis=0)) <= {100, 200, 300, 400, 700, 800}


def test_proportional_denton_imf_manual_2001_example_6_2():
    indicator = pd.Series(
        [98.2, 100.8, 102.2, 100.8, 99.0, 101.6, 102.7, 101.5, 100.5, 103.0, 103.5, 101.5],
        index=pd.period_range("1998Q1", periods=12, freq="Q"),
    )
    annual = pd.Series({1998: 4000.0, 1999: 4161.4})
    published = [
        969.79, 998.42, 1018.35, 1013.44, 1007.20, 1042.85, 1060.34, 1051.00,
        1040.65, 1066.54, 1071.71, 1051.00,
    ]  # fmt: skip
    path = disaggregate(annual, indicator)
    np.testing.assert_allclose(path["amount"], published, atol=0.01)
    plan = decompose(annual, periods=("1998-01-01", "2000-12-31", "Q"), profile=indicator,
                     method="denton")  # fmt: skip
    np.testing.assert_allclose(plan["target"], published, atol=0.011)
    assert round(plan["target"].head(4).sum(), 2) == 4000.00


def _dense_denton(annual, indicator, proportional):
    """The textbook quadratic programme by its full normal equations."""
    m, blocks = len(indicator), len(annual)
    per = m // blocks
    across = np.kron(np.eye(blocks), np.ones(per))
    difference = np.diff(np.eye(m), axis=0)
    scale = np.diag(1 / indicator) if proportional else np.eye(m)
    quadratic = 2 * (difference @ scale).T @ (difference @ scale)
    linear = np.zeros(m) if proportional else quadratic @ indicator
    system = np.block([[quadratic, across.T], [across, np.zeros((blocks, blocks))]])
    return np.linalg.solve(system, np.r_[linear, annual])[:m]


@pytest.mark.parametrize(("method", "proportional"), [("denton", True), ("denton_additive", False)])
def test_denton_solves_its_quadratic_programme(method, proportional):
    rng = np.random.default_rng(3)
    indicator = rng.uniform(50, 150, 48)
    annual = rng.uniform(800, 1500, 4)
    path = disaggregate(
        pd.Series(annual, index=range(2021, 2025)),
        pd.Series(indicator, index=pd.period_range("2021-01", periods=48, freq="M")),
        method=method,
    )
    np.testing.assert_allclose(
        path["amount"], _dense_denton(annual, indicator, proportional), rtol=1e-8
    )


def test_fernandez_is_generalised_least_squares_with_a_random_walk():
    rng = np.random.default_rng(4)
    x = rng.uniform(50, 150, 24)
    annual = rng.uniform(800, 1500, 6)
    across = np.kron(np.eye(6), np.ones(4))
    walk = np.tril(np.ones((24, 24)))
    covariance = walk @ walk.T
    design = np.column_stack([np.ones(24), x])
    inverse = np.linalg.inv(across @ covariance @ across.T)
    coarse = across @ design
    beta = np.linalg.solve(coarse.T @ inverse @ coarse, coarse.T @ inverse @ annual)
    want = design @ beta + covariance @ across.T @ inverse @ (annual - coarse @ beta)
    path = disaggregate(
        pd.Series(annual, index=range(2020, 2026)),
        pd.Series(x, index=pd.period_range("2020Q1", periods=24, freq="Q")),
        method="fernandez",
    )
    np.testing.assert_allclose(path["amount"], want, rtol=1e-9)
    assert path.attrs["coefficients"]["intercept"] == pytest.approx(beta[0], rel=1e-9)


def _case(data_dir, name):
    cases = json.loads((data_dir / "targets_kpi" / "cases.json").read_text(encoding="utf-8"))
    return next(c for c in cases["cases"] if c["id"] == name)


def _swiss(data_dir):
    case = _case(data_dir, "td-swiss-flat")
    annual = pd.Series(case["input"]["annual_sales_1975_2010"], index=range(1975, 2011))
    exports = case["input"]["quarterly_exports_from_1972Q1"]
    index = pd.period_range("1972Q1", periods=len(exports), freq="Q")
    return annual, pd.Series(exports, index=index, name="exports"), case


def test_denton_cholette_without_indicator_equals_r_tempdisagg(data_dir):
    annual, _, case = _swiss(data_dir)
    path = disaggregate(annual)
    np.testing.assert_allclose(path["amount"], case["expected"]["denton_cholette_h1"], atol=1e-5)


def test_chow_lin_equals_r_tempdisagg(data_dir):
    annual, exports, _ = _swiss(data_dir)
    path = disaggregate(annual, exports, method="chow_lin")
    want = _case(data_dir, "td-swiss-chowlin")["expected"]
    told = path.attrs
    assert told["coefficients"]["intercept"] == pytest.approx(want["intercept"], rel=1e-6)
    assert told["coefficients"]["exports"] == pytest.approx(want["exports"], rel=1e-6)
    assert told["standard_errors"]["intercept"] == pytest.approx(want["se_intercept"], rel=1e-6)
    assert told["standard_errors"]["exports"] == pytest.approx(want["se_exports"], rel=1e-6)
    assert told["adjusted_r_squared"] == pytest.approx(want["adj_r2"], rel=1e-6)
    assert told["rho"] == want["rho"]
    known = path["period_start"].dt.year.between(1975, 2010)
    sums = path[known].groupby(path["period_start"].dt.year)["amount"].sum()
    np.testing.assert_allclose(sums, annual, rtol=1e-9)


@pytest.mark.parametrize("name", ["rounding-lp-1", "rounding-lp-2"])
def test_controlled_rounding_reaches_the_certified_optimum(data_dir, name):
    given = _case(data_dir, name)["input"]
    out = rake(
        _cells(given["seed"]),
        [_margin(given["row_totals"], "row"), _margin(given["col_totals"], "column")],
        step=1,
    )
    ideal = np.asarray(given["ipf"])
    whole = out["target"].to_numpy().reshape(ideal.shape)
    assert whole.sum(axis=1).tolist() == given["row_totals"]
    assert whole.sum(axis=0).tolist() == given["col_totals"]
    assert np.abs(whole - ideal).max() < 1
    assert np.abs(whole - ideal).sum() <= given["l1_optimum"] * 1.0001


def test_huntington_hill_gives_the_us_house_of_2000(data_dir):
    case = _case(data_dir, "us-house-2000")
    people = pd.Series(case["input"]["population"])
    seats = allocate(435, people, step=1, lower=1, method="huntington_hill")
    assert seats.astype(int).to_dict() == case["expected"]["huntington_hill"]
