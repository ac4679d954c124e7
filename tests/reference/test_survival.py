"""Incidence and tests against published values and a jackknife written here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from salesmgmt.engine.survival import bands, gray, incidence, logrank, mean_and_quantiles

# Klein and Moeschberger, *Survival Analysis* (1997), table D.1: 137 bone marrow transplants,
# group, disease-free days, 0 cut off / 1 relapse / 2 death in remission.
BMT = """
1 2081 0 1 1602 0 1 1496 0 1 1462 0 1 1433 0 1 1377 0 1 1330 0 1 996 0 1 226 0 1 1199 0
1 1111 0 1 530 0 1 1182 0 1 1167 0 1 418 2 1 383 1 1 276 2 1 104 1 1 609 1 1 172 2
1 487 2 1 662 1 1 194 2 1 230 1 1 526 2 1 122 2 1 129 1 1 74 1 1 122 1 1 86 2
1 466 2 1 192 1 1 109 1 1 55 1 1 1 2 1 107 2 1 110 1 1 332 2
2 2569 0 2 2506 0 2 2409 0 2 2218 0 2 1857 0 2 1829 0 2 1562 0 2 1470 0 2 1363 0 2 1030 0
2 860 0 2 1258 0 2 2246 0 2 1870 0 2 1799 0 2 1709 0 2 1674 0 2 1568 0 2 1527 0 2 1324 0
2 957 0 2 932 0 2 847 0 2 848 0 2 1850 0 2 1843 0 2 1535 0 2 1447 0 2 1384 0 2 414 2
2 2204 2 2 1063 2 2 481 2 2 105 2 2 641 2 2 390 2 2 288 2 2 421 1 2 79 2 2 748 1
2 486 1 2 48 2 2 272 1 2 1074 2 2 381 1 2 10 2 2 53 2 2 80 2 2 35 2 2 248 1
2 704 2 2 211 1 2 219 1 2 606 1
3 2640 0 3 2430 0 3 2252 0 3 2140 0 3 2133 0 3 1238 0 3 1631 0 3 2024 0 3 1345 0 3 1136 0
3 845 0 3 422 1 3 162 2 3 84 1 3 100 1 3 2 2 3 47 1 3 242 1 3 456 1 3 268 1
3 318 2 3 32 1 3 467 1 3 47 1 3 390 1 3 183 2 3 105 2 3 115 1 3 164 2 3 93 1
3 120 1 3 80 2 3 677 2 3 64 1 3 168 2 3 74 2 3 16 2 3 157 1 3 625 1 3 48 1
3 273 1 3 63 2 3 76 1 3 113 1 3 363 2
"""


def bmt():
    table = np.array(BMT.split(), dtype=int).reshape(-1, 3)
    return table[:, 1], table[:, 2], table[:, 0] - 1


def test_log_rank_matches_klein_and_moeschberger_section_7_3():
    time, cause, group = bmt()
    stat, df, p = logrank(time, (cause > 0).astype(int), group, 3)
    assert (round(stat, 4), df, round(p, 4)) == (13.8037, 2, 0.0010)


def test_gray_agrees_with_reshuffled_groups_on_the_transplants():
    """Relapse differs between the disease groups, death in remission does not."""
    time, cause, group = bmt()
    for own, clear in ((cause, True), (np.array([0, 2, 1])[cause], False)):
        seen, _, p = gray(time, own, group, 3)
        rng = np.random.default_rng(0)
        drawn = [gray(time, own, rng.permutation(group), 3)[0] for _ in range(200)]
        share = np.mean(np.array(drawn) >= seen)
        assert share == pytest.approx(p, abs=0.06)
        assert (p < 0.01) == clear


def test_gray_without_competing_ends_is_close_to_log_rank():
    time, cause, group = bmt()
    own = (cause > 0).astype(int)
    assert gray(time, own, group, 3)[0] == pytest.approx(logrank(time, own, group, 3)[0], rel=0.1)


def test_gray_holds_its_level_under_equal_groups():
    p = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        time = np.ceil(rng.exponential(10, 120)).astype(int)
        p.append(gray(time, rng.integers(0, 3, 120), rng.integers(0, 3, 120), 3)[2])
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_errors_equal_the_infinitesimal_jackknife():
    """Finite differences of the estimator in each subject's weight, summed in squares."""
    time = np.array([3, 5, 5, 8, 9, 12, 12, 15, 20, 20])
    cause = np.array([1, 0, 2, 1, 1, 2, 0, 1, 0, 1])

    def estimate(weight):
        open_, ended, out = 1.0, np.zeros(2), []
        for t in np.unique(time):
            n = weight[time >= t].sum()
            d = np.array([weight[(time == t) & (cause == c)].sum() for c in (1, 2)])
            ended = ended + open_ * d / n
            open_ *= 1 - d.sum() / n
            out.append([*ended, open_])
        return np.array(out)

    def influence(i):
        up, down = np.ones(10), np.ones(10)
        up[i] += 1e-6
        down[i] -= 1e-6
        return (estimate(up) - estimate(down)) / 2e-6

    want = np.sqrt(sum(influence(i) ** 2 for i in range(10)))
    got = incidence(time, cause, 2)
    np.testing.assert_allclose(got.ended, estimate(np.ones(10))[:, :2], atol=1e-14)
    np.testing.assert_allclose(got.ended_se, want[:, :2], atol=1e-8)
    np.testing.assert_allclose(got.open_se, want[:, 2], atol=1e-8)


def test_greenwood_matches_the_published_leukaemia_example():
    # Freireich et al. 1963, 6-MP arm, in Kalbfleisch and Prentice (1980): S(23) = 0.448, 0.135.
    time = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35])
    ended = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])
    got = incidence(time, ended, 1)
    at = np.searchsorted(got.time, 23)
    assert round(got.open[at], 3) == 0.448
    assert round(got.open_se[at], 4) == 0.1346
    assert mean_and_quantiles(time, ended.astype(bool), (0.5,))[1][0] == 23


def test_a_quantile_on_a_flat_stretch_is_its_middle():
    # R 4.2.2, survival 3.5.3: quantile(survfit(Surv(time, ended) ~ 1), c(.25, .5, .75))
    for time, ended, want in (
        ([1, 2, 3, 4], [1, 1, 0, 0], [1.5, 3.0, np.nan]),
        ([3, 10], [1, 0], [3.0, 6.5, np.nan]),
        ([3, 10, 10, 12], [1, 1, 0, 0], [6.5, 11.0, np.nan]),
        ([3, 3], [1, 0], [3.0, 3.0, np.nan]),
    ):
        got = mean_and_quantiles(np.array(time), np.array(ended, dtype=bool), (0.25, 0.5, 0.75))
        np.testing.assert_allclose(got[1], want)


def test_left_truncation_counts_only_those_on_record():
    time, cause = np.array([2, 4, 6]), np.array([1, 1, 1])
    got = incidence(time, cause, 1, np.array([-1, 3, -1]))
    assert got.at_risk.tolist() == [2, 2, 1]
    np.testing.assert_allclose(got.open, [0.5, 0.25, 0.0])


def test_ties_and_row_order_never_change_a_digit():
    rng = np.random.default_rng(0)
    time, cause = rng.integers(0, 30, 500), rng.integers(0, 3, 500)
    other = rng.permutation(500)
    a, b = incidence(time, cause, 2), incidence(time[other], cause[other], 2)
    np.testing.assert_array_equal(a.ended, b.ended)
    np.testing.assert_array_equal(a.ended_se, b.ended_se)
    c = incidence(time.astype(float), cause, 2)
    np.testing.assert_array_equal(a.ended_se, c.ended_se)


def test_bands_stay_inside_and_hold_the_share():
    lo, hi = bands(np.array([0.0, 0.1, 0.5, 1.0]), np.array([0.0, 0.05, 0.1, 0.0]))
    assert ((lo >= 0) & (hi <= 1)).all()
    assert (lo <= [0, 0.1, 0.5, 1]).all()
    assert (hi >= [0, 0.1, 0.5, 1]).all()
