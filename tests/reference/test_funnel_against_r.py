"""Incidence, errors, tests and intervals against numbers that R 4.2.2 prints.

survival 3.5.3, cmprsk 2.2.11 and stats. The deals are drawn by a whole-number generator here, so
that they are the same everywhere; the numbers typed below were printed by R for them.
"""

from __future__ import annotations

import numpy as np
import pytest

from salesmgmt.engine.proportions import adjust, chi_square, fisher_exact, interval
from salesmgmt.engine.survival import gray, incidence, logrank

# seed, size, groups, longest, left truncation
SETS = {
    "s30": (11, 30, 2, 25, False),
    "s45": (18, 45, 3, 200, False),
    "s60t": (12, 60, 3, 15, True),
    "s200": (14, 200, 3, 40, False),
    "s300t": (15, 300, 2, 90, True),
    "s500": (16, 500, 2, 12, False),
    "s500t": (17, 500, 3, 365, True),
}


def deals(name):
    """Group, age of entry, age of the end, 0 cut off / 1 won / 2 lost."""
    seed, size, groups, longest, truncated = SETS[name]
    drawn, state = [], seed
    for _ in range(size * 4):
        state = state * 16807 % 2147483647
        drawn.append(state * 1_000_000 // 2147483647)
    a = np.array(drawn).reshape(size, 4)
    group = a[:, 0] % groups
    time = 1 + (a[:, 1] * longest // 1_000_000) * (3 + group) // 5
    cause = np.array([0, 1, 1, 2, 2, 2, 0])[(a[:, 2] // 7) % 7]
    late = (a[:, 3] // 3) % time // 2
    entry = np.where(a[:, 3] % 3 == 0, late, 0) if truncated else None
    return group, entry, time, cause


# survfit(Surv(time, factor(cause, 0:2)) ~ 1, data = one group): $time, $pstate, $std.err
# (open, won, lost).
AALEN_JOHANSEN = [
    (
        "s30",
        0,
        6,
        [0.700980392157, 0.058823529412, 0.240196078431],
        [0.112321702203, 0.057067205891, 0.104984548367],
    ),
    (
        "s30",
        0,
        11,
        [0.49068627451, 0.128921568627, 0.380392156863],
        [0.128455301405, 0.085557475944, 0.12374218081],
    ),
    ("s30", 0, 14, [0.0, 0.227058823529, 0.772941176471], [0.0, 0.118250180298, 0.118250180298]),
    ("s30", 1, 6, [0.75, 0.083333333333, 0.166666666667], [0.125, 0.079785592313, 0.107582870728]),
    (
        "s30",
        1,
        13,
        [0.571428571429, 0.261904761905, 0.166666666667],
        [0.146218947348, 0.130694448102, 0.107582870728],
    ),
    (
        "s45",
        0,
        28,
        [0.681818181818, 0.130681818182, 0.1875],
        [0.117945169933, 0.086327480266, 0.097578093725],
    ),
    (
        "s45",
        0,
        72,
        [0.426136363636, 0.301136363636, 0.272727272727],
        [0.138034140916, 0.127502565355, 0.118731030258],
    ),
    (
        "s45",
        0,
        117,
        [0.227272727273, 0.301136363636, 0.471590909091],
        [0.128884059046, 0.127502565355, 0.146813693105],
    ),
    (
        "s45",
        1,
        100,
        [0.865384615385, 0.0625, 0.072115384615],
        [0.088999761549, 0.060515364784, 0.069442419479],
    ),
    (
        "s45",
        1,
        137,
        [0.346153846154, 0.322115384615, 0.331730769231],
        [0.138710944017, 0.134437537712, 0.136152516118],
    ),
    ("s45", 2, 72, [0.666666666667, 0.083333333333, 0.25], [0.136082763488, 0.079785592313, 0.125]),
    (
        "s45",
        2,
        124,
        [0.333333333333, 0.166666666667, 0.5],
        [0.136082763488, 0.107582870728, 0.144337567297],
    ),
    (
        "s45",
        2,
        189,
        [0.333333333333, 0.166666666667, 0.5],
        [0.136082763488, 0.107582870728, 0.144337567297],
    ),
    (
        "s200",
        0,
        8,
        [0.718011436574, 0.105718842561, 0.176269720865],
        [0.059927778754, 0.040839689385, 0.050712894683],
    ),
    (
        "s200",
        0,
        15,
        [0.563352053062, 0.14910744789, 0.287540499048],
        [0.070504642708, 0.049202986693, 0.064060387439],
    ),
    (
        "s200",
        1,
        11,
        [0.711816096582, 0.129976549766, 0.158207353652],
        [0.054502685182, 0.040448229546, 0.043825213764],
    ),
    (
        "s200",
        1,
        21,
        [0.379873147532, 0.238675532036, 0.381451320431],
        [0.060857535167, 0.052238594391, 0.060555106703],
    ),
    (
        "s200",
        1,
        31,
        [0.03345990099, 0.393086778826, 0.573453320185],
        [0.029729421768, 0.063499515345, 0.066103401267],
    ),
    (
        "s200",
        2,
        15,
        [0.736084995887, 0.170589865864, 0.093325138249],
        [0.055161877099, 0.047008686512, 0.036307426509],
    ),
    (
        "s200",
        2,
        28,
        [0.484838639251, 0.212749747538, 0.302411613211],
        [0.067740434614, 0.053203516969, 0.062036108415],
    ),
    (
        "s500",
        0,
        3,
        [0.688639011422, 0.144655510958, 0.16670547762],
        [0.030179273703, 0.022998716073, 0.02411113365],
    ),
    (
        "s500",
        0,
        5,
        [0.332229402817, 0.275966804622, 0.391803792561],
        [0.033830956461, 0.031049156047, 0.034252207787],
    ),
    (
        "s500",
        0,
        7,
        [0.073033187688, 0.407951617667, 0.519015194645],
        [0.022578497304, 0.037307101451, 0.037711146211],
    ),
    (
        "s500",
        1,
        4,
        [0.674219462405, 0.131654396859, 0.194126140736],
        [0.030328157624, 0.02175972361, 0.025539807435],
    ),
    (
        "s500",
        1,
        7,
        [0.34954930011, 0.271663893912, 0.378786805978],
        [0.033762639325, 0.030673334511, 0.033443712534],
    ),
]


@pytest.mark.parametrize(("name", "g", "age", "shares", "errors"), AALEN_JOHANSEN)
def test_aalen_johansen_equals_survfit(name, g, age, shares, errors):
    group, _, time, cause = deals(name)
    mine = group == g
    got = incidence(time[mine], cause[mine], 2)
    at = np.searchsorted(got.time, age)
    np.testing.assert_allclose([got.open[at], *got.ended[at]], shares, rtol=0, atol=1e-11)
    np.testing.assert_allclose([got.open_se[at], *got.ended_se[at]], errors, rtol=0, atol=1e-11)


# Left truncation. survfit(Surv(entry, time, factor(cause, 0:2)) ~ 1, id = id): $pstate;
# summary(survfit(Surv(entry, time, cause > 0) ~ 1)): $std.err of the share open (Greenwood).
TRUNCATED = [
    ("s60t", 0, 4, [0.756302521008, 0.050420168067, 0.193277310924], 0.095004497439),
    ("s60t", 0, 7, [0.332440668575, 0.291439652784, 0.376119678641], 0.115639392385),
    ("s60t", 1, 6, [0.720238095238, 0.14880952381, 0.130952380952], 0.118470468884),
    ("s60t", 1, 10, [0.392857142857, 0.345238095238, 0.261904761905], 0.125968068671),
    ("s60t", 2, 6, [0.738177623991, 0.104767397155, 0.157054978854], 0.100305416867),
    ("s60t", 2, 10, [0.47454275828, 0.157494370297, 0.367962871423], 0.114429363691),
    ("s300t", 0, 18, [0.676175272439, 0.146841513326, 0.176983214235], 0.042488421796),
    ("s300t", 0, 35, [0.461876501105, 0.199377759551, 0.338745739344], 0.045999594021),
    ("s300t", 1, 24, [0.713811475829, 0.090279912187, 0.195908611983], 0.039093458341),
    ("s300t", 1, 48, [0.421403609879, 0.229199881037, 0.349396509084], 0.04179840338),
]


@pytest.mark.parametrize(("name", "g", "age", "shares", "error"), TRUNCATED)
def test_left_truncation_equals_survfit(name, g, age, shares, error):
    group, entry, time, cause = deals(name)
    mine = group == g
    got = incidence(time[mine], cause[mine], 2, entry[mine])
    at = np.searchsorted(got.time, age)
    np.testing.assert_allclose([got.open[at], *got.ended[at]], shares, rtol=0, atol=1e-11)
    assert got.open_se[at] == pytest.approx(error, rel=0, abs=1e-11)


# cuminc(time, cause, group)$Tests: cause, stat, pv.
GRAY = [
    ("s200", 1, 3.70607164959, 0.15676054566),
    ("s200", 2, 9.999500578992, 0.006739629745),
    ("s30", 1, 0.088004535462, 0.766729470148),
    ("s30", 2, 5.425320371669, 0.019846793745),
    ("s45", 1, 2.660827230121, 0.264367892141),
    ("s45", 2, 1.584880009732, 0.452738761686),
    ("s500", 1, 6.915842163388, 0.008543539461),
    ("s500", 2, 6.831125207628, 0.008958281361),
]


@pytest.mark.parametrize(("name", "own", "statistic", "p_value"), GRAY)
def test_gray_equals_cuminc(name, own, statistic, p_value):
    group, _, time, cause = deals(name)
    cause = cause if own == 1 else np.array([0, 2, 1])[cause]
    stat, _, p = gray(time, cause, group, SETS[name][2])
    assert (stat, p) == pytest.approx((statistic, p_value), rel=0, abs=1e-10)


# survdiff(Surv(time, cause == own) ~ group)$chisq; with left truncation, for which survdiff has
# no form, mantelhaen.test(tables of the risk sets, correct = FALSE)$statistic.
LOGRANK = [
    ("s200", 1, 8.178774014733),
    ("s200", 2, 15.185583611122),
    ("s30", 1, 0.002386358822),
    ("s30", 2, 6.037572051276),
    ("s300t", 1, 1.80840149549),
    ("s300t", 2, 17.094031139944),
    ("s45", 1, 3.899617338598),
    ("s45", 2, 3.374579028729),
    ("s500", 1, 11.661525987578),
    ("s500", 2, 10.915448168742),
    ("s500t", 1, 25.968329655866),
    ("s500t", 2, 31.454176210524),
    ("s60t", 1, 8.386067192797),
    ("s60t", 2, 3.32904294862),
]


@pytest.mark.parametrize(("name", "own", "statistic"), LOGRANK)
def test_logrank_equals_survdiff(name, own, statistic):
    group, entry, time, cause = deals(name)
    stat, _, _ = logrank(time, (cause == own).astype(int), group, SETS[name][2], entry)
    assert stat == pytest.approx(statistic, rel=0, abs=1e-10)


# prop.test(correct = FALSE), prop.test(correct = TRUE), binom.test: $conf.int of 81/263, 15/148,
# 0/20, 1/29, 20/20; qbeta(c(.025, .975), k + .5, n - k + .5) of the first two and 1/29.
ONE = {
    "wilson": [
        (81, 263, 0.255288519878, 0.366209576983),
        (15, 148, 0.062386399531, 0.160487241723),
        (0, 20, 0.0, 0.161125158053),
        (1, 29, 0.006113214293, 0.171755218793),
        (20, 20, 0.838874841947, 1.0),
    ],
    "newcombe": [
        (81, 263, 0.253508682295, 0.368176201043),
        (15, 148, 0.059778208428, 0.164449779365),
        (0, 20, 0.0, 0.200453345013),
        (1, 29, 0.001802640213, 0.196281751010),
        (20, 20, 0.799546654987, 1.0),
    ],
    "clopper_pearson": [
        (81, 263, 0.252736745585, 0.367621922601),
        (15, 148, 0.057844010083, 0.161650490349),
        (0, 20, 0.0, 0.168433470983),
        (1, 29, 0.000872646884, 0.177644295489),
        (20, 20, 0.831566529017, 1.0),
    ],
    "jeffreys": [
        (81, 263, 0.254521934991, 0.365647499174),
        (15, 148, 0.060448517009, 0.157643143479),
        (1, 29, 0.003746173649, 0.150077686002),
    ],
}


@pytest.mark.parametrize("method", ONE)
def test_intervals_equal_prop_test_and_binom_test(method):
    for k, n, low, high in ONE[method]:
        lo, hi = interval(k, n, method=method)
        assert (float(lo), float(hi)) == pytest.approx((low, high), rel=0, abs=1e-10)


# m <- matrix(c(k1, n1 - k1, k2, n2 - k2), 2): fisher.test(m)$p.value,
# chisq.test(m, correct = FALSE)$statistic, $p.value.
@pytest.mark.parametrize(
    ("k1", "n1", "k2", "n2", "exact", "statistic", "p_value"),
    [
        (8, 10, 1, 6, 0.034965034965, 6.112169312169, 0.013425424881),
        (56, 70, 48, 80, 0.012521129749, 7.023411371237, 0.008045081368),
        (5, 56, 0, 29, 0.160621443209, 2.751116071429, 0.097186568171),
        (120, 1000, 95, 1010, 0.060981681226, 3.539764369648, 0.059913972001),
    ],
)
def test_two_shares_equal_fisher_test_and_chisq_test(k1, n1, k2, n2, exact, statistic, p_value):
    assert fisher_exact(k1, n1, k2, n2) == pytest.approx(exact, rel=0, abs=1e-10)
    got = chi_square(np.array([k1, k2]), np.array([n1, n2]))
    assert got == pytest.approx((statistic, p_value), rel=0, abs=1e-10)


def test_corrections_equal_p_adjust():
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5])
    np.testing.assert_allclose(adjust(p, method="holm"), [0.04, 0.09, 0.09, 0.025, 0.5])
    np.testing.assert_allclose(adjust(p, method="bh"), [0.025, 0.05, 0.05, 0.025, 0.5])
