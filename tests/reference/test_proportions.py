"""Newcombe 1998: intervals of one proportion (table I) and of differences (table II)."""

from __future__ import annotations

import numpy as np
import pytest

from salesmgmt.engine.proportions import adjust, chi_square, difference, fisher_exact, interval

# Newcombe, Statistics in Medicine 17 (1998), 857-872, table I: 81/263, 15/148, 0/20, 1/29.
ONE = {
    "wilson": [(0.2553, 0.3662), (0.0624, 0.1605), (0.0, 0.1611), (0.0061, 0.1718)],
    "newcombe": [(0.2535, 0.3682), (0.0598, 0.1644), (0.0, 0.2005), (0.0018, 0.1963)],
    "clopper_pearson": [(0.2527, 0.3676), (0.0578, 0.1617), (0.0, 0.1684), (0.0009, 0.1776)],
}


@pytest.mark.parametrize("method", ONE)
def test_single_proportion_matches_newcombe_1998_table_1(method):
    lo, hi = interval([81, 15, 0, 1], [263, 148, 20, 29], method=method)
    got = [(round(float(a), 4), round(float(b), 4)) for a, b in zip(lo, hi, strict=True)]
    assert got == ONE[method]


# Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
@pytest.mark.parametrize(
    ("k1", "n1", "k2", "n2", "lo", "hi"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_difference_matches_newcombe_1998_table_2(k1, n1, k2, n2, lo, hi):
    _, low, high = difference(np.array([k1]), np.array([n1]), np.array([k2]), np.array([n2]))
    assert (round(low[0], 4), round(high[0], 4)) == (lo, hi)


def test_tea_tasting_matches_fisher_1935():
    assert fisher_exact(3, 4, 1, 4) == pytest.approx(0.4857142857, abs=1e-9)


def test_exact_test_agrees_with_scipy():
    from scipy import stats

    for a, n, b, m in [(8, 10, 1, 6), (0, 5, 3, 7), (50, 100, 30, 90), (2, 2, 0, 9)]:
        want = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
        assert fisher_exact(a, n, b, m) == pytest.approx(want, rel=1e-9)


def test_chi_square_agrees_with_scipy():
    from scipy import stats

    k, n = np.array([56, 48, 30]), np.array([70, 80, 70])
    want = stats.chi2_contingency(np.array([k, n - k]), correction=False)
    stat, p = chi_square(k, n)
    assert (stat, p) == pytest.approx((want.statistic, want.pvalue), rel=1e-12)


def test_corrections_agree_with_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.array([0.01, 0.04, 0.03, 0.005, np.nan, 0.5])
    fine = ~np.isnan(p)
    for ours, theirs in (("holm", "holm"), ("bh", "fdr_bh")):
        got = adjust(p, method=ours)
        np.testing.assert_allclose(got[fine], multipletests(p[fine], method=theirs)[1])
        assert np.isnan(got[4])
