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
from salesmgmt.targets import (
    allocate,
    decompose,
    disaggregate,
    rake,
    round_plan,
    seasonal_profile,
    track,
)


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


#: Balinski and Young, "The quota method of apportionment", American Mathematical Monthly 82
#: (1975), 701-730: two examples in which the methods part.
QUOTA_PAPER = [
    (
        [5117, 4400, 162, 161, 160],
        100,
        {
            "hamilton": [51, 44, 2, 2, 1],
            "jefferson": [52, 45, 1, 1, 1],
            "webster": [51, 43, 2, 2, 2],
            "hill": [51, 43, 2, 2, 2],
            "adams": [51, 43, 2, 2, 2],
            "dean": [51, 43, 2, 2, 2],
        },
    ),
    (
        [9061, 7179, 5259, 3319, 1182],
        26,
        {
            "hamilton": [9, 7, 5, 4, 1],
            "jefferson": [10, 7, 5, 3, 1],
            "webster": [9, 8, 5, 3, 1],
            "hill": [9, 7, 6, 3, 1],
            "adams": [9, 7, 5, 3, 2],
            "dean": [9, 7, 5, 4, 1],
        },
    ),
    # Tannenbaum, "Excursions in Modern Mathematics", ch. 4: the republic of Parador.
    (
        [1646000, 6936000, 154000, 2091000, 685000, 988000],
        250,
        {
            "hamilton": [33, 139, 3, 42, 13, 20],
            "jefferson": [33, 140, 3, 42, 13, 19],
            "adams": [33, 137, 4, 42, 14, 20],
            "webster": [33, 138, 3, 42, 14, 20],
        },
    ),
    # Census of 1790: the bill that Washington vetoed (Hamilton, 120) and the act of 1792
    # (Jefferson, 105); VA MA PA NC NY MD CT SC NJ NH VT GA KY RI DE.
    (
        [
            630560, 475327, 432879, 353523, 331589, 278514, 236841, 206236, 179570, 141822,
            85533, 70835, 68705, 68446, 55540,
        ],
        105,
        {"jefferson": [19, 14, 13, 10, 10, 8, 7, 6, 5, 4, 2, 2, 2, 2, 1]},
    ),
    (
        [
            630560, 475327, 432879, 353523, 331589, 278514, 236841, 206236, 179570, 141822,
            85533, 70835, 68705, 68446, 55540,
        ],
        120,
        {"hamilton": [21, 16, 14, 12, 11, 9, 8, 7, 6, 5, 3, 2, 2, 2, 2]},
    ),
    # Canton of Zurich 1999, upper apportionment with divisor 1510 (Pukelsheim, tables on the
    # new Zurich method).
    (
        [55353, 62378, 81658, 15964, 18806, 14054, 6745, 6785, 4688, 791, 1147, 5116],
        180,
        {"sainte_lague": [37, 41, 54, 11, 12, 9, 4, 4, 3, 1, 1, 3]},
    ),
    # Official results: Bundestag 2013 and 2025, Nationalrat 2013 and 2019, Knesset 19
    # (lists that signed surplus agreements together).
    ([14921877, 11252215, 3755699, 3694057, 3243569], 631, {"webster": [255, 193, 64, 63, 56]}),
    (
        [11196374, 10328780, 8149124, 5762380, 4356532, 2964028, 76138],
        630,
        {"webster": [164, 152, 120, 85, 64, 44, 1]},
    ),
    ([1258605, 1125876, 962313, 582657, 268679, 232946], 183, {"dhondt": [52, 47, 40, 24, 11, 9]}),
    ([1789417, 1011868, 772666, 387124, 664055], 183, {"dhondt": [71, 40, 31, 15, 26]}),
    (
        [1231148, 975576, 527760, 361570, 138450, 210469, 78974],
        120,
        {"dhondt": [43, 34, 18, 12, 4, 7, 2]},
    ),
    # The paradoxes as encyclopaedias print them: Alabama, and population (Tannenbaum, Calavos
    # and the planets).
    ([5670, 3850, 420, 60], 323, {"hamilton": [183, 124, 14, 2]}),
    ([5670, 3850, 420, 60], 324, {"hamilton": [184, 125, 13, 2]}),
    ([940, 9030, 10030], 200, {"hamilton": [10, 90, 100]}),
    ([940, 9030, 10030], 201, {"hamilton": [9, 91, 101]}),
    ([150, 78, 173, 204, 295], 50, {"hamilton": [8, 4, 10, 11, 17]}),
    ([150, 78, 181, 204, 296], 50, {"hamilton": [8, 5, 10, 11, 16]}),
    # moneyphp/money, tests of Money::allocate; no one gets a cent for a share of zero.
    ([3, 7], 105, {"hamilton": [32, 73]}),
    ([122, 0, 878], 30000, {"hamilton": [3660, 0, 26340]}),
    # What users of money libraries expected: moneyphp/money 492, dinerojs/dinero.js 144,
    # brick/money 45; three instalments of frappe/erpnext 26951 in whole dollars.
    ([33, 66], 1, {"hamilton": [0, 1]}),
    ([75, 25], 9999, {"hamilton": [7499, 2500]}),
    ([49, 51], 1003, {"hamilton": [491, 512]}),
    ([45, 20, 34], 1000, {"hamilton": [455, 202, 343]}),
    ([33.334, 33.333, 33.333], 30000, {"hamilton": [10000, 10000, 10000]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("votes", "seats", "method", "want"),
    [(v, s, m, w) for v, s, wanted in QUOTA_PAPER for m, w in wanted.items()],
)
def test_seats_as_published(votes, seats, method, want):
    labels = [f"{i:02}" for i in range(len(votes))]
    assert allocate(seats, pd.Series(votes, index=labels), step=1, method=method).tolist() == want


def _quarters(values, first) -> pd.DataFrame:
    index = pd.period_range(first, periods=len(values), freq="Q")
    return pd.DataFrame({"date": index.start_time, "amount": values})


@pytest.mark.parametrize(
    ("sales", "first", "published", "digits"),
    [
        # Lind, Marchal and Wathen, "Statistical Techniques in Business and Economics", Toys
        # International: ratio to a centred moving average of four quarters.
        (
            [
                6.7, 4.6, 10.0, 12.7, 6.5, 4.6, 9.8, 13.6, 6.9, 5.0, 10.4, 14.1,
                7.0, 5.5, 10.8, 15.0, 7.1, 5.7, 11.1, 14.5, 8.0, 6.2, 11.4, 14.9,
            ],
            "2004Q1",
            [0.765, 0.575, 1.141, 1.519],
            3,
        ),
        # Anderson, Sweeney and Williams, "Statistics for Business and Economics": television
        # sets.
        (
            [
                4.8, 4.1, 6.0, 6.5, 5.8, 5.2, 6.8, 7.4, 6.0, 5.6, 7.5, 7.8, 6.3, 5.9, 8.0, 8.4,
            ],
            "2001Q1",
            [0.93, 0.84, 1.09, 1.14],
            2,
        ),
        # Render, Stair and Hanna, "Quantitative Analysis for Management": Turner Industries.
        (
            [108, 125, 150, 141, 116, 134, 159, 152, 123, 142, 168, 165],
            "2001Q1",
            [0.85, 0.96, 1.13, 1.06],
            2,
        ),
    ],
)  # fmt: skip
def test_seasonal_index_by_ratio_to_moving_average(sales, first, published, digits):
    profile = seasonal_profile(_quarters(sales, first), freq="Q", method="mean")
    assert profile["index"].round(digits).tolist() == published


def test_seasonal_index_of_a_chinese_textbook():
    """移动平均趋势剔除法, quarters of 1998-2002; sales from the printed trend and ratios."""
    sales = [
        130, 280, 240, 100, 150, 310, 290, 110, 160, 360,
        330, 130, 180, 370, 360, 130, 190, 400, 360, 150,
    ]  # fmt: skip
    profile = seasonal_profile(_quarters(sales, "1998Q1"), freq="Q", method="mean")
    # The book rounds its correction to 1.0024 before it is used.
    np.testing.assert_allclose(profile["index"] * 100, [70.53, 145.99, 133.21, 50.29], atol=0.011)


def test_seasonal_index_of_plain_averages():
    """Heizer and Render, "Operations Management": laptops of two years by month."""
    two = {1: 90, 2: 80, 3: 85, 4: 100, 5: 123, 6: 115, 7: 105, 8: 100, 9: 90, 10: 80, 11: 80}
    means = np.array([*two.values(), 80.0])
    history = pd.DataFrame(
        {
            "date": pd.date_range("2020-01-01", periods=24, freq="MS"),
            "amount": np.r_[means - 5, means + 5],
        }
    )
    index = seasonal_profile(history, method="share")["index"].round(3).tolist()
    assert index == [
        0.957, 0.851, 0.904, 1.064, 1.309, 1.223, 1.117, 1.064, 0.957, 0.851, 0.851, 0.851,
    ]  # fmt: skip


def test_ipf_of_two_samples_as_fitted_by_lem():
    """Education by three groups: odds ratios of one sample, margins of the other.

    A public question on R's cat::ipf; the table is LEM's, whose own odds ratios are 2e-5 off.
    """
    seed = [[6, 62, 43], [14, 169, 100], [46, 327, 186], [16, 174, 72], [6, 44, 23], [21, 72, 42]]
    rows = [1722080, 1813998, 3105043, 1118793, 401511, 815651]
    columns = [878074, 5227320, 2871682]
    lem = [
        [124204.64, 960173.6, 637701.7],
        [119749.12, 1081459.0, 612789.9],
        [336934.21, 1792001.6, 976107.2],
        [90512.27, 736464.1, 291816.6],
        [43486.91, 238593.0, 119431.0],
        [163186.85, 418628.6, 233835.5],
    ]
    fit = rake(_cells(seed), [_margin(rows, "row"), _margin(columns, "column")], step=None)
    table = fit["target"].to_numpy().reshape(6, 3)
    np.testing.assert_allclose(table, lem, rtol=1e-4)
    odds = np.asarray(seed, float)
    odds, ours = (t[:-1, :-1] * t[1:, 1:] / t[:-1, 1:] / t[1:, :-1] for t in (odds, table))
    np.testing.assert_allclose(ours, odds, rtol=1e-9)


def test_ipf_of_five_margins_that_overlap():
    """The three-way example of E. Hunsinger (akdolwdipfthreed) that ipfn's README uses."""
    cells = pd.DataFrame(
        {
            "dma": np.repeat([501, 502], 12),
            "size": np.tile(np.repeat([1, 2, 3, 4], 3), 2),
            "age": ["20-25", "30-35", "40-45"] * 8,
            "target": [
                1, 2, 1, 3, 5, 5, 6, 2, 2, 1, 7, 2, 5, 4, 2, 5, 5, 5, 3, 8, 7, 2, 7, 6,
            ],
        }
    )  # fmt: skip
    by_size = pd.MultiIndex.from_product([[501, 502], [1, 2, 3, 4]], names=["dma", "size"])
    by_age = pd.MultiIndex.from_product(
        [[1, 2, 3, 4], ["20-25", "30-35", "40-45"]], names=["size", "age"]
    )
    margins = [
        pd.Series([52, 48], index=pd.Index([501, 502], name="dma")),
        pd.Series([20, 30, 35, 15], index=pd.Index([1, 2, 3, 4], name="size")),
        pd.Series([35, 40, 25], index=pd.Index(["20-25", "30-35", "40-45"], name="age")),
        pd.Series([9, 17, 19, 7, 11, 13, 16, 8], index=by_size),
        pd.Series([7, 9, 4, 8, 12, 10, 15, 12, 8, 5, 7, 3], index=by_age),
    ]
    whole = rake(cells, margins, step=1)
    assert whole.attrs["gave_way"] == {}
    for margin in margins:
        sums = whole.groupby(list(margin.index.names))["target"].sum()
        assert sums.tolist() == margin.tolist()


def test_a_table_that_fits_already_is_left_alone():
    """Dirguis/ipfn, issue 22: margins that overlap in a column or in a triangle."""
    rng = np.random.default_rng(0)
    names = ["education", "age", "gender", "children"]
    index = pd.MultiIndex.from_product([range(3), range(4), range(2), range(3)], names=names)
    full = pd.Series(rng.integers(1, 50, len(index)).astype(float), index=index, name="target")
    for pairs in ([(0, 1), (0, 2), (0, 3)], [(1, 2), (2, 3), (1, 3)]):
        margins = [full.groupby([names[a], names[b]]).sum() for a, b in pairs]
        fit = rake(full.reset_index(), margins, step=None)
        assert fit["target"].tolist() == full.tolist()


@pytest.mark.parametrize(
    ("day", "expected", "left"),
    [("2026-06-03", 60.0, 20.0), ("2026-06-05", 100.0, None), ("2026-06-06", 100.0, None)],
)
def test_a_week_of_five_days_is_over_on_friday(day, expected, left):
    """steipete/CodexBar, issue 1356: 60 % on Wednesday and all on Friday, flat at the weekend."""
    week = pd.DataFrame(
        {"period_start": ["2026-06-01"], "period_end": ["2026-06-07"], "target": [100.0]}
    )
    used = pd.DataFrame({"date": ["2026-06-03"], "amount": [60.0]})
    now = track(week, used, as_of=day, calendar="US").iloc[0]
    assert now["expected"] == pytest.approx(expected)
    assert (now["required_rate"] == pytest.approx(left)) if left else pd.isna(now["required_rate"])


@pytest.mark.parametrize(
    ("last", "target", "came", "as_of", "run", "end", "rate"),
    [
        # 96,000 in 12 of 30 days: 8,000 a day, 240,000 at the end, 92.3 % of 260,000.
        ("2026-04-30", 260e3, 96e3, "2026-04-12", 8000.0, 240e3, 164e3 / 18),
        # 185,000 in 52 of 90 days of a quarter of 300,000 (a published run-rate calculator).
        ("2026-06-29", 300e3, 185e3, "2026-05-22", 185e3 / 52, 185e3 / 52 * 90, 115e3 / 38),
    ],
)
def test_run_rate_and_what_it_takes(last, target, came, as_of, run, end, rate):
    plan = pd.DataFrame({"period_start": ["2026-04-01"], "period_end": [last], "target": [target]})
    sales = pd.DataFrame({"date": ["2026-04-10"], "amount": [came]})
    now = track(plan, sales, as_of=as_of, projection="run_rate").iloc[0]
    assert now[["run_rate", "projected", "required_rate"]].tolist() == pytest.approx(
        [run, end, rate]
    )


def test_a_month_by_the_shares_of_its_weekdays():
    """math.stackexchange 4240256: 50,000 over four Tuesdays to Fridays and five Saturdays."""
    share = pd.Series([0, 18, 19, 20, 22, 21, 0], index=range(1, 8), dtype=float)
    days = decompose(50_000, periods=("2020-02", "2020-02", "D"), profile=share)
    by_weekday = days.groupby(days["period_start"].map(lambda day: day.isoweekday()))["target"]
    assert by_weekday.size().tolist() == [4, 4, 4, 4, 4, 5, 4]
    want = 50_000 * share.to_numpy() / (4 * 18 + 4 * 19 + 4 * 20 + 4 * 22 + 5 * 21)
    np.testing.assert_allclose(by_weekday.mean(), want, atol=0.01)
    assert round(days["target"].sum(), 2) == 50_000


def test_a_fiscal_year_of_whole_weeks_as_a_company_prints_it():
    """stitchfix/merch_calendar 14: the year to July 2019 runs 2018-07-29 to 2019-08-03."""
    plan = decompose(53, periods=("4-5-4", 2018), year_start=8, step=1)
    ends = plan["period_start"].iloc[0], plan["period_end"].iloc[-1]
    assert [str(day.date()) for day in ends] == ["2018-07-29", "2019-08-03"]
    assert plan["target"].tolist() == [4, 5, 4] * 3 + [4, 5, 5]
