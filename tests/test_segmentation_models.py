"""Purchase models: identities, brute-force integrals, and data on which others do not converge."""

from __future__ import annotations

import itertools
import math
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import beta as beta_function
from scipy.special import betainc, betaln, gamma, hyp2f1, hyperu, roots_genlaguerre
from scipy.stats import gamma as gamma_law
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from salesmgmt import DataWarning, InputError
from salesmgmt.engine import bgnbd, gamma_ratios, gammagamma, lifetime_nbd
from salesmgmt.engine.btyd_rows import compress
from salesmgmt.segmentation import (
    BGBB,
    BGNBD,
    MBGCNBD,
    MBGNBD,
    GammaGamma,
    GompertzNBD,
    ParetoNBD,
    calibration,
    likelihood_ratio,
    purchases,
    tracking,
)

MODELS = [
    BGNBD.from_params(r=0.24, alpha=4.4, a=0.79, b=2.4),
    MBGNBD.from_params(r=0.52, alpha=6.2, a=0.89, b=1.6),
    ParetoNBD.from_params(r=0.55, alpha=10.6, s=0.61, beta=11.7),
    GompertzNBD.from_params(r=0.55, alpha=10.6, b=0.03, s=0.6, beta=0.5),
]
SEEN = pd.DataFrame(
    {"x": [0, 1, 2, 7, 40], "t_x": [0.0, 3.0, 30.43, 20.0, 37.0], "T": [38.9, 30, 38.86, 39, 38]}
)


def _simulated(n, seed, *, continuous=False):
    """Pareto/NBD customers observed between 27 and 39 weeks."""
    rng = np.random.default_rng(seed)
    T = 39 - rng.uniform(0, 12, n)
    if not continuous:
        T = np.round(T * 7) / 7
    rate, end = rng.gamma(0.55, 1 / 10.6, n), rng.exponential(1 / rng.gamma(0.6, 1 / 11.7, n))
    x, last = np.zeros(n), np.zeros(n)
    now = np.zeros(n)
    for _ in range(400):
        now = now + rng.exponential(1 / np.maximum(rate, 1e-12))
        here = now < np.minimum(T, end)
        if not here.any():
            break
        when = now if continuous else np.ceil(now * 7) / 7
        keep = here & (when > last) & (when <= T)
        x[keep] += 1
        last[keep] = when[keep]
    return pd.DataFrame({"x": x, "t_x": last, "T": T})


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_probabilities_are_a_distribution_with_the_expected_mean(model):
    p = np.array([model.probability_of(SEEN, n, 20.0) for n in range(160)])
    np.testing.assert_allclose(p.sum(axis=0), 1, atol=1e-6)
    mean = (p * np.arange(160)[:, None]).sum(axis=0)
    np.testing.assert_allclose(mean, model.expected_purchases(SEEN, 20.0), rtol=1e-4)
    inside = model.expected_interval(SEEN, 20.0, level=0.9)
    for i, (lo, hi) in enumerate(inside.to_numpy()):
        assert p[lo : hi + 1, i].sum() >= 0.9 - 1e-9


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_ends_of_a_range_are_quantiles_of_the_chances(model, level):
    """The first number that as many as the lower (the upper) share do not exceed."""
    often = pd.DataFrame({"x": [200, 60], "t_x": [37.9, 20.0], "T": [38.0, 21.0]})
    seen = pd.concat([SEEN, often], ignore_index=True)
    below = np.cumsum([model.probability_of(seen, n, 20.0) for n in range(250)], axis=0)
    out = model.expected_interval(seen, 20.0, level=level)
    tail = (1 - level) / 2
    assert out["lo"].tolist() == (below >= tail).argmax(axis=0).tolist()
    assert out["hi"].tolist() == (below >= 1 - tail).argmax(axis=0).tolist()
    assert out["lo"].max() >= 4


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_gradient_agrees_with_differences(model):
    rows = compress(*(SEEN[c].to_numpy(float) for c in ("x", "t_x", "T")))
    theta = np.log(model._params()) + 0.05
    _, slope = model._loglik(theta, rows)
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-5
        up, down = model._loglik(theta + step, rows)[0], model._loglik(theta - step, rows)[0]
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)


def test_pareto_likelihood_is_the_mean_over_rates():
    """Gauss-Laguerre over both gamma distributed rates, in their own weight functions."""
    r, alpha, s, beta = 0.55, 10.6, 0.61, 11.7
    x, t_x, T = 2, 3.0, 9.0
    lam, w_lam = roots_genlaguerre(90, r - 1)
    mu, w_mu = roots_genlaguerre(90, s - 1)
    lam, mu = (lam / alpha)[:, None], (mu / beta)[None, :]
    density = lam**x * (
        lam * np.exp(-(lam + mu) * T) + mu * np.exp(-(lam + mu) * t_x)
    ) / (lam + mu)  # fmt: skip
    want = (w_lam[:, None] * w_mu[None, :] * density).sum() / (gamma(r) * gamma(s))
    rows = compress(np.array([float(x)]), np.array([t_x]), np.array([T]))
    theta = np.log([r, alpha / rows.scale, s, beta / rows.scale])
    got, _ = lifetime_nbd.loglik(theta, rows, lifetime_nbd.Pareto())
    assert got - x * np.log(rows.scale) == pytest.approx(np.log(want), abs=1e-6)


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize(("x", "t_x", "T"), [(0, 0.0, 9.0), (2, 3.0, 9.0), (7, 8.5, 9.0)])
def test_bg_likelihood_is_the_formula_of_the_papers(shift, x, t_x, T):
    """Fader, Hardie and Lee (2005), equation 6; Batislam et al. (2007) counts one more."""
    r, alpha, a, b = 0.24, 4.4, 0.79, 2.4
    rate = gamma(r + x) * alpha**r / gamma(r)
    k = x + shift
    want = beta_function(a, b + k) / beta_function(a, b) * rate / (alpha + T) ** (r + x)
    if k > 0:
        gone = beta_function(a + 1, b + k - 1) / beta_function(a, b)
        want += gone * rate / (alpha + t_x) ** (r + x)
    rows = compress(np.array([float(x)]), np.array([t_x]), np.array([T]))
    theta = np.log([r, alpha / rows.scale, a, b])
    got, _ = bgnbd.loglik(theta, rows, shift)
    assert got - x * np.log(rows.scale) == pytest.approx(np.log(want), abs=1e-12)


def test_gamma_gamma_likelihood_is_the_mean_over_rates():
    p, q, v, x, mean = 6.25, 3.74, 15.44, 3.0, 40.0

    def given(nu):
        spend = gamma_law.pdf(mean, p * x, scale=1 / (nu * x))
        return spend * gamma_law.pdf(nu, q, scale=1 / v)

    want = quad(given, 0, 5, epsabs=1e-14)[0]
    ux, ix, n, logs = gammagamma.sums_by_x(np.array([x]), np.array([mean]), np.ones(1))
    theta = np.log([p, q, v])
    got, _ = gammagamma.loglik(theta, ux, ix, n, logs, np.array([x * mean]), np.ones(1))
    assert got == pytest.approx(np.log(want), abs=1e-8)


def test_grid_and_row_integrals_agree():
    seen = _simulated(300, 1)
    rows = compress(*(seen[c].to_numpy(float) for c in ("x", "t_x", "T")))
    for life, params in (
        (lifetime_nbd.Pareto(), np.array([0.5, 2.0, 0.7, 3.0])),
        (lifetime_nbd.Gompertz(), np.array([0.5, 2.0, 0.2, 0.6, 0.8])),
    ):
        on_grid = lifetime_nbd._integrals(params, rows, life)
        by_row = lifetime_nbd._by_row(
            params, rows.x[rows.ix], rows.t_x[rows.it], rows.T[rows.iT], life
        )
        some = np.isfinite(by_row[0])
        np.testing.assert_allclose(on_grid[0][some], by_row[0][some], atol=1e-11)


@pytest.mark.parametrize("shift", [0, 1])
def test_bg_expectation_is_the_integral_over_the_chance_to_leave(shift):
    r, alpha, a, b = 0.5, 6.0, 0.9, 1.6
    x, T, t = 3.0, 20.0, 15.0

    def given(p):
        weight = p ** (a - 1) * (1 - p) ** (b + x + shift - 1) / beta_function(a, b + x + shift)
        return weight * (1 - ((alpha + T) / (alpha + T + p * t)) ** (r + x)) / p

    want = quad(given, 0, 1)[0]
    got = bgnbd.expected(
        np.array([r, alpha, a, b]), np.array([x]), np.array([T]), np.array([t]), shift
    )
    assert got[0] == pytest.approx(want, rel=1e-6)


def test_expectation_is_smooth_where_its_formula_is_singular():
    for make in (
        lambda d: BGNBD.from_params(r=0.5, alpha=5, a=1 + d, b=2),
        lambda d: ParetoNBD.from_params(r=0.5, alpha=5, s=1 + d, beta=9),
    ):
        at = [make(d).expected_purchases(SEEN, 20).to_numpy() for d in (-1e-4, 0, 1e-4)]
        np.testing.assert_allclose(at[1], (at[0] + at[2]) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("a", "b"), [(4.6e-3, 6.5e7), (1e-6, 1e9), (5.0, 1e9), (0.5, 1e7), (1e-4, 3.0), (0.8, 2.4)]
)
def test_expectation_is_the_sum_over_purchases_also_where_hardly_anybody_leaves(a, b):
    """Of every further purchase the chance to come, and that nobody left at those before."""
    r, alpha, k = 0.5, 10.0, np.arange(1, 3000)
    seen = pd.DataFrame({"x": [0, 3, 40], "t_x": [0.0, 10.0, 20.0], "T": [5.0, 10.0, 20.0]})
    want = []
    for x, T in seen[["x", "T"]].itertuples(index=False):
        stay = np.cumprod(np.r_[1, (b + x + k[:-1] - 1) / (a + b + x + k[:-1] - 1)])
        want.append((betainc(k.astype(float), r + x, 12 / (alpha + T + 12)) * stay).sum())
    model = BGNBD.from_params(r=r, alpha=alpha, a=a, b=b)
    got = model.expected_purchases(seen, 12) / model.probability_alive(seen)
    np.testing.assert_allclose(got, want, rtol=1e-9)


def test_spend_that_is_not_known_is_not_nothing():
    model = GammaGamma.from_params(p=6.25, q=3.74, gamma=15.44)
    seen = pd.DataFrame({"x": [0, 3], "monetary": [np.nan, np.nan]})
    with pytest.raises(InputError, match="'monetary' is missing in 1 row"):
        model.expected_spend(seen)  # three purchases of nothing were taken
    assert model.expected_spend(seen.head(1)).round(1).tolist() == [35.2]


def test_a_rate_in_per_cent_is_told():
    with pytest.warns(DataWarning, match=r"rate=15 is 1500% a unit of time; 1 % is 0\.01"):
        MODELS[0].discounted_purchases(SEEN, 15)


def test_opportunities_to_come_are_counted():
    model = BGBB.from_params(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    donors = pd.DataFrame({"x": [0, 4], "t_x": [0, 5], "T": [6, 6]})
    for method in (model.expected_purchases, model.expected_interval):
        with pytest.raises(InputError, match="whole number of opportunities"):
            method(donors, 2.5)  # was that of 2
    assert model.probability_of(donors, 0, 0).tolist() == [1.0, 1.0]  # was .89 and .30
    assert model.probability_of(donors, 1, 0).tolist() == [0.0, 0.0]
    assert model.expected_interval(donors, 0).to_numpy().tolist() == [[0, 0], [0, 0]]


def test_bgbb_probabilities():
    model = BGBB.from_params(alpha=1.2, beta=0.75, gamma=0.66, delta=2.8)
    seen = pd.DataFrame({"x": [0, 1, 4], "t_x": [0, 2, 6], "T": [6, 6, 6]})
    p = np.array([model.probability_of(seen, n, 5) for n in range(6)])
    np.testing.assert_allclose(p.sum(axis=0), 1)
    mean = (p * np.arange(6)[:, None]).sum(axis=0)
    np.testing.assert_allclose(mean, model.expected_purchases(seen, 5))


def test_discounted_purchases_are_the_closed_forms_of_the_papers():
    """Fader, Hardie and Lee (2005), equation for DERT; Fader, Hardie and Shang (2010), DERT."""
    r, alpha, s, beta, delta = 0.553, 10.578, 0.606, 11.669, 0.0027
    seen = SEEN[["x", "t_x", "T"]]
    got = ParetoNBD.from_params(r=r, alpha=alpha, s=s, beta=beta).discounted_purchases(
        seen, np.expm1(delta)
    )
    want = []
    for x, t_x, T in seen.itertuples(index=False):
        alive = (alpha + T) ** -(r + x) * (beta + T) ** -s
        dead = quad(
            lambda t, x=x: s * (alpha + t) ** -(r + x) * (beta + t) ** -(s + 1), t_x, T, epsabs=0
        )[0]
        rest = hyperu(s, s, delta * (beta + T)) * delta ** (s - 1) * (r + x)
        want.append(rest * (alpha + T) ** -(r + x + 1) / (alive + dead))
    np.testing.assert_allclose(got, want, rtol=1e-8)
    a, b, c, d, rate = 1.204, 0.750, 0.657, 2.783, 0.1
    model = BGBB.from_params(alpha=a, beta=b, gamma=c, delta=d)
    given = pd.DataFrame({"x": [6, 0, 4], "t_x": [6, 0, 5], "T": [6, 6, 6]})
    want = []
    for x, t_x, n in given.itertuples(index=False):
        like = np.exp(betaln(a + x, b + n - x) + betaln(c, d + n))
        like += sum(
            np.exp(betaln(a + x, b + t_x - x + i) + betaln(c + 1, d + t_x + i))
            for i in range(n - t_x)
        )
        later = hyp2f1(1, d + n + 1, c + d + n + 1, 1 / (1 + rate)) / (1 + rate)
        want.append(np.exp(betaln(a + x + 1, b + n - x) + betaln(c, d + n + 1)) * later / like)
    np.testing.assert_allclose(model.discounted_purchases(given, rate), want, rtol=1e-10)


def test_discounted_purchases_where_all_lifetimes_end_at_about_the_same_time():
    """The integral over the time to come of rate times chance to be there, in closed form."""
    r, alpha, b, s, beta = 1.85, 26.0, 0.0332, 34.2, 31_600.0
    T, delta = 2.48, 0.009
    model = GompertzNBD.from_params(r=r, alpha=alpha, b=b, s=s, beta=beta)

    def there(u):
        return ((beta + math.expm1(b * T)) / (beta + math.expm1(b * (T + u)))) ** s

    ahead = sum(
        quad(lambda u: math.exp(-delta * u) * there(u), lo, lo + 50, epsabs=0)[0]
        for lo in range(0, 500, 50)
    )
    want = (r + 2) / (alpha + T) * ahead
    seen = pd.DataFrame({"x": [2], "t_x": [T], "T": [T]})  # alive for sure: just bought
    got = model.discounted_purchases(seen, math.expm1(delta))
    assert got.iloc[0] == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize(
    "model",
    [*MODELS, MBGCNBD.from_params(k=2, r=0.9, alpha=2.0, a=0.5, b=3.0)],
    ids=lambda m: type(m).__name__,
)
def test_discounted_purchases_add_up_those_of_each_short_time(model):
    rate, seen = 0.5, SEEN.head(3)
    times = np.arange(0, 40, 0.1)
    ahead = np.array([model.expected_purchases(seen, float(t)) for t in times])
    want = ((1 + rate) ** -(times[1:] - 0.05)) @ np.diff(ahead, axis=0)
    got = model.discounted_purchases(seen.set_index(np.array(["a", "b", "c"])), rate)
    np.testing.assert_allclose(got, want, rtol=1e-4)
    assert got.index.tolist() == ["a", "b", "c"]
    for odd in (0, -0.1, "high", np.nan):
        with pytest.raises(InputError, match=r"discounted_purchases\(\): rate"):
            model.discounted_purchases(seen, odd)


@pytest.mark.parametrize("model", [BGNBD(), MBGNBD(), ParetoNBD()])
def test_counts_weigh_rows_and_order_does_not_matter(model):
    seen = _simulated(400, 2)
    want = clone(model).fit(seen)
    grouped = (
        seen.groupby(["x", "t_x", "T"], as_index=False).size().rename(columns={"size": "count"})
    )
    for other in (grouped, seen.sample(frac=1, random_state=0).set_axis([0] * len(seen))):
        got = clone(model).fit(other)
        assert got.log_likelihood_ == pytest.approx(want.log_likelihood_, abs=1e-8)
        pd.testing.assert_series_equal(got.params_, want.params_, rtol=1e-5)


@pytest.mark.parametrize("model", [BGNBD(), ParetoNBD()])
def test_unit_of_time_changes_nothing_but_the_unit(model):
    seen = _simulated(600, 3, continuous=True)
    days = seen.assign(t_x=seen["t_x"] * 7, T=seen["T"] * 7)
    one, two = clone(model).fit(seen), clone(model).fit(days)
    assert two.params_["alpha"] == pytest.approx(7 * one.params_["alpha"], rel=1e-5)
    np.testing.assert_allclose(
        two.expected_purchases(days, 7 * 20), one.expected_purchases(seen, 20), rtol=1e-6
    )
    gap = seen["x"].sum() * np.log(7)
    assert two.log_likelihood_ == pytest.approx(one.log_likelihood_ - gap, abs=1e-6)


def test_pareto_finds_the_parameters_that_made_the_data():
    fitted = ParetoNBD().fit(_simulated(5_000, 4, continuous=True))
    truth = pd.Series({"r": 0.55, "alpha": 10.6, "s": 0.6, "beta": 11.7})
    assert ((fitted.params_ - truth).abs() < 3.5 * fitted.standard_errors_).all()


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, ParetoNBD, GompertzNBD])
@pytest.mark.parametrize(
    "seen",
    [
        pd.DataFrame({"x": [0] * 50, "t_x": 0.0, "T": np.linspace(1, 50, 50)}),
        pd.DataFrame({"x": [1] * 30, "t_x": 1.0, "T": 1.0}),
        pd.DataFrame({"x": [400, 350, 2], "t_x": [390.0, 300.0, 9.0], "T": [400.0, 400, 400]}),
        pd.DataFrame({"x": [3], "t_x": [2.0], "T": [9.0]}),
        pd.DataFrame({"x": [0, 0, 0], "t_x": [0.0] * 3, "T": [0.0, 0.0, 4.0]}),
        pd.DataFrame({"x": [0, 1, 3000], "t_x": [0, 1e-3, 7e4], "T": [1e-2, 5.0, 7.1e4]}),
    ],
    ids=["one-time only", "all alike", "very frequent", "one customer", "new", "wild"],
)
def test_hard_data_end_in_usable_predictions(model, seen):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model().fit(seen)
        alive = fitted.probability_alive(seen)
        ahead = fitted.expected_purchases(seen, 5.0)
    assert alive.between(0, 1).all()
    assert np.isfinite(ahead).all()
    assert (ahead >= 0).all()


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, ParetoNBD, GompertzNBD, BGBB, MBGCNBD])
@pytest.mark.parametrize("count", [None, [2.0, 0.0]], ids=["plain", "counted"])
def test_histories_without_any_observed_time_are_told(model, count):
    seen = pd.DataFrame({"x": [0, 0], "t_x": 0.0, "T": 0.0, "log_gaps": 0.0})
    if count is not None:  # a history that nobody has tells nothing either
        seen = seen.assign(count=count, T=[0.0, 9.0])
    with pytest.warns(DataWarning, match=rf"{model.__name__}.fit\(\): no customer was observed"):
        fitted = model().fit(seen)
    assert fitted.standard_errors_.isna().all()
    assert fitted.log_likelihood_ == pytest.approx(0.0, abs=1e-12)
    alive, ahead = fitted.probability_alive(seen), fitted.expected_purchases(seen, 5)
    assert alive.between(0, 1).all()
    assert np.isfinite(ahead).all()
    assert (ahead >= 0).all()


def test_warnings_point_at_the_line_that_fits():
    nothing = pd.DataFrame({"x": [0], "t_x": 0.0, "T": 0.0, "log_gaps": 0.0})
    for model in (BGNBD(), MBGCNBD()):
        with pytest.warns(DataWarning) as told:
            model.fit(nothing)
        assert told[0].filename == __file__


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD, BGBB, MBGCNBD])
def test_counts_that_are_all_nought_are_refused(model):
    seen = pd.DataFrame({"x": [0, 1], "t_x": [0.0, 2.0], "T": 4.0, "log_gaps": 0.0, "count": 0})
    with pytest.raises(InputError, match="every count is 0"):
        model().fit(seen)


def test_spend_of_nobody_is_refused():
    seen = pd.DataFrame({"x": [2], "monetary": [5.0], "count": [0]})
    with pytest.raises(InputError, match="no customer has repeat purchases"):
        GammaGamma().fit(seen)


def test_no_convergence_is_told():
    seen = pd.DataFrame({"x": [0] * 50, "t_x": 0.0, "T": 10.0})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fitted = ParetoNBD().fit(seen)
    assert fitted.converged_ or any(w.category is ConvergenceWarning for w in told)


def test_models_are_scikit_learn_objects():
    model = BGNBD().fit(_simulated(200, 5))
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_series_equal(again.params_, model.params_)
    with pytest.raises(NotFittedError):
        clone(model).probability_alive(SEEN)


def test_impossible_histories_are_named():
    for change, told in (
        ({"t_x": [0.0, 3.0, 99.0, 20.0, 37.0]}, "t_x lies beyond T"),
        ({"x": [0, 0, 2, 7, 40]}, "t_x is not 0 although x is 0"),
        ({"t_x": [0.0, 0.0, 30.43, 20.0, 37.0]}, "t_x is 0 although x is not"),
    ):
        with pytest.raises(InputError, match=told):
            BGNBD().fit(SEEN.assign(**change))
    with pytest.raises(InputError, match="one number a row"):
        MODELS[0].expected_purchases(SEEN, [1.0, 2.0])
    for odd in ("soon", ["1", "x", "2", "3", "4"], pd.Timedelta("7D"), None):
        with pytest.raises(InputError, match="t must be"):
            MODELS[0].expected_purchases(SEEN, odd)
    for model in MODELS:
        for odd in ("soon", -1, np.nan, [1, 2]):
            with pytest.raises(InputError, match=r"expected_new\(\): t must"):
                model.expected_new(odd)
    with pytest.raises(InputError, match="exactly r, alpha"):
        BGNBD.from_params(r=1)
    with pytest.raises(InputError, match=r"segmentation\.purchases\(\) makes them"):
        BGNBD().fit(pd.DataFrame({"customer_id": ["a"], "amount": [1.0]}))
    with pytest.raises(InputError, match=r"opportunities in 1 row.* first 30\.43"):
        BGBB().fit(SEEN.assign(t_x=[0.0, 3.0, 30.43, 20.0, 37.0], T=38))


def test_models_that_do_not_contain_each_other_have_no_ratio():
    gompertz = GompertzNBD().fit(SEEN)
    with pytest.raises(InputError, match="BGNBD is not GompertzNBD with"):  # had a p-value
        likelihood_ratio(BGNBD().fit(SEEN), gompertz)
    groups = pd.concat([SEEN.assign(z=i) for i in (0, 1)], ignore_index=True)
    with pytest.raises(InputError, match="BGNBD is not MBGNBD with"):
        likelihood_ratio(BGNBD().fit(groups), MBGNBD(covariates="z").fit(groups))


def test_gamma_gamma_log_likelihood_is_that_of_the_paper_in_money():
    """Fader and Hardie (2013), equation 1a, summed over customers."""
    rng = np.random.default_rng(4)
    x = rng.integers(1, 9, 300)
    seen = pd.DataFrame(
        {"x": x, "monetary": rng.gamma(6.0 * x, 1 / x) / rng.gamma(4, 1 / 400, 300)}
    )
    model = GammaGamma().fit(seen)
    p, q, v = model.params_
    z, px = seen["monetary"], p * x
    each = -betaln(px, q) + q * np.log(v) + (px - 1) * np.log(z) + px * np.log(x)
    each = each - (px + q) * np.log(v + x * z)
    assert model.log_likelihood_ == pytest.approx(each.sum(), abs=1e-6)


def test_a_mean_without_end_ends_with_purchases():
    """Given purchases the mean spend is p (gamma + x m) / (p x + q - 1), also for q below 1."""
    model = GammaGamma.from_params(p=2.0, q=0.5, gamma=3.0)
    seen = pd.DataFrame({"x": [0, 2], "monetary": [None, 10.0]})
    assert model.expected_spend(seen).tolist() == pytest.approx([np.inf, 2 * 23 / 3.5])


def test_gamma_gamma_is_free_of_the_unit_of_money_and_leaves_out_what_is_not_positive():
    rng = np.random.default_rng(6)
    x = rng.integers(0, 9, 500)
    mean = 15 * rng.gamma(6, 1, 500) / rng.gamma(3.7, 1, 500)
    seen = pd.DataFrame({"x": x, "monetary": np.where(x > 0, mean, np.nan)})
    euro, cent = GammaGamma().fit(seen), GammaGamma().fit(seen.assign(monetary=mean * 100))
    np.testing.assert_allclose(
        cent.expected_spend(seen.assign(monetary=mean * 100)),
        100 * euro.expected_spend(seen),
        rtol=1e-6,
    )
    with pytest.warns(DataWarning, match="1 customer"):
        GammaGamma().fit(pd.concat([seen, pd.DataFrame({"x": [3], "monetary": [-5.0]})]))
    with pytest.raises(InputError, match="no customer"):
        GammaGamma().fit(seen.assign(x=0))


def test_purchases_by_hand():
    lines = pd.DataFrame(
        [
            ("a", "2025-01-01 09:00", 10.0),
            ("a", "2025-01-01 17:00", 20.0),
            ("a", "2025-01-15", 40.0),
            ("a", "2025-01-22", 50.0),
            ("a", "2025-01-23", -10.0),
            ("b", "2025-01-29", 5.0),
        ],
        columns=["customer_id", "date", "amount"],
    ).assign(date=lambda d: pd.to_datetime(d["date"], format="ISO8601"))
    out = purchases(lines)
    assert out[["x", "t_x", "T", "monetary"]].iloc[0].tolist() == [2, 3.0, 4.0, 40.0]
    assert out["x"].tolist() == [2, 0]
    assert out["monetary"].isna().tolist() == [False, True]
    assert purchases(lines, returns="exclude")["monetary"].iloc[0] == 45.0
    months = purchases(lines, freq="M")
    assert months["T"].iloc[0] == 28 / 30.4375
    split = purchases(lines, holdout=2)
    assert split[["customer_id", "x", "t_x", "T", "x_holdout", "T_holdout"]].iloc[0].tolist() == [
        "a", 1, 2.0, 2.0, 1, 2.0,
    ]  # fmt: skip
    assert split.attrs["rows"]["customers_after_the_split"] == 1
    pd.testing.assert_frame_equal(purchases(lines, holdout="2025-01-15"), split)
    for wrong in (100_000, 4.1, 0.05):  # named the year 109; T_holdout was 0
        with pytest.raises(InputError, match=r"the data hold 29, from 2025-01-01 to 2025-01-29"):
            purchases(lines, holdout=wrong)


@pytest.mark.parametrize("a", [0.01, 3.0, 29.9, 31.0, 1e3, 1e7, 6e7])
def test_gamma_ratios_are_sums_of_logarithms_and_reciprocals(a):
    """G(a + k) / G(a) is a (a + 1) ... (a + k - 1)."""
    k = np.array([0, 1, 2, 40, 3000])
    logs = [math.fsum(math.log(a + i) for i in range(n)) for n in k]
    slopes = [math.fsum(1 / (a + i) for i in range(n)) for n in k]
    one = np.float64(a)
    np.testing.assert_allclose(gamma_ratios.log_gamma_ratio(one, k), logs, rtol=2e-14, atol=1e-13)
    np.testing.assert_allclose(gamma_ratios.slope_of_ratio(one, k), slopes, rtol=1e-12, atol=1e-22)


def _observed(rate, T, end, chance, rng):
    """Purchases in whole days until T, the end, or a departure after one of them."""
    n = len(rate)
    x, last, now = np.zeros(n), np.zeros(n), np.zeros(n)
    for _ in range(5_000):
        now = now + rng.exponential(1 / np.maximum(rate, 1e-12))
        here = now < np.minimum(T, end)
        if not here.any():
            break
        when = np.ceil(now * 7) / 7
        keep = here & (when > last) & (when <= T)
        x[keep] += 1
        last[keep] = when[keep]
        end = np.where(here & (rng.random(n) < chance), now, end)
    return pd.DataFrame({"x": x, "t_x": last, "T": T})


def _odd(name):
    rng = np.random.default_rng(len(name))
    n = 800
    T, never, stays = np.round(rng.uniform(20, 40, n) * 7) / 7, np.full(n, np.inf), np.zeros(n)
    rates = {
        "all alike": rng.gamma(50, 1 / 200, n),
        "few repeat": rng.gamma(0.02, 1 / 8, n),
        "nobody leaves": rng.gamma(0.8, 1 / 5, n),
        "leave at once": rng.gamma(0.8, 1 / 5, n),
        "tiny b": rng.gamma(0.8, 1 / 5, n),
        "extreme": rng.gamma(0.05, 1 / 0.5, n),
        "short": rng.gamma(0.5, 1 / 4, n),
    }
    end, chance = never, stays
    if name in ("extreme", "few repeat"):
        end = rng.exponential(1 / rng.gamma(0.6, 1 / 10, n))
    if name == "leave at once":
        end = rng.exponential(1 / rng.gamma(2, 1, n))
    if name == "all alike":
        end = rng.exponential(50, n)
    if name == "tiny b":
        chance = rng.beta(1, 0.05, n)
    if name == "short":
        T = np.round(rng.uniform(1, 3, n) * 7) / 7
    return _observed(rates[name], T, end, chance, rng)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [BGNBD, MBGNBD, ParetoNBD])
@pytest.mark.parametrize(
    "name",
    ["all alike", "few repeat", "nobody leaves", "leave at once", "tiny b", "extreme", "short"],
)
def test_no_other_start_ends_higher(kind, name):
    """Against SciPy's bounded quasi-Newton method from many places, on odd data."""
    seen = _odd(name)
    rows = compress(*(seen[c].to_numpy(float) for c in ("x", "t_x", "T")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = kind().fit(seen)
    correction = np.log(rows.scale) * (rows.weight * rows.x[rows.ix]).sum()

    def cost(theta):
        value, slope = fitted._loglik(theta, rows)
        return -value, -slope

    rng = np.random.default_rng(0)
    best = -np.inf
    for start in rng.normal(0, 2, (6, 4)):
        end = minimize(
            cost,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-15, 15)] * 4,
            options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-9},
        )
        best = max(best, -end.fun * rows.total - correction)
    assert fitted.log_likelihood_ >= best - 1e-4


@pytest.mark.parametrize(
    ("b", "s", "beta"), [(0.2, 0.6, 0.8), (5.0, 0.6, 1e4), (10.0, 0.05, 1e-4), (1e-4, 0.6, 3e-4)]
)
@pytest.mark.parametrize(("x", "t_x", "T"), [(0.0, 0.0, 10.0), (3.0, 4.0, 12.0)])
def test_gompertz_likelihood_is_the_integral_over_the_end(b, s, beta, x, t_x, T):
    """Also where the risk of leaving explodes within a fraction of the time seen."""
    r, alpha = 0.5, 2.0

    def log_sum_of(y):  # log((beta + exp(b y) - 1) / exp(b y))
        grown = math.log(-math.expm1(-b * y)) if y else -np.inf
        return np.logaddexp(grown, math.log(beta) - b * y)

    def density(y):
        log_f = math.log(b * s) + s * math.log(beta) - s * b * y - (s + 1) * log_sum_of(y)
        return (alpha + y) ** -(r + x) * math.exp(log_f)

    middle = math.log(max(beta, 1.001)) / b
    edges = sorted({min(max(middle + d / b, t_x), T) for d in (-8, -3, 0, 3, 8)} | {t_x, T})
    gone = sum(
        quad(density, lo, hi, epsabs=0, epsrel=1e-11, limit=200)[0]
        for lo, hi in itertools.pairwise(edges)
    )
    survives = math.exp(s * (math.log(beta) - b * T - log_sum_of(T)))
    want = math.lgamma(r + x) - math.lgamma(r) + r * math.log(alpha)
    want += math.log(gone + (alpha + T) ** -(r + x) * survives)
    theta = [np.asarray(v) for v in np.log([r, alpha, b, s, beta])]
    row = [np.array([v]) for v in (x, t_x, T)]
    got, _ = lifetime_nbd.loglik_by_row(theta, *row, lifetime_nbd.Gompertz())
    assert got[0] == pytest.approx(want, abs=1e-9)
    rows = compress(*row, scale=1.0)
    got, _ = lifetime_nbd.loglik(np.log([r, alpha, b, s, beta]), rows, lifetime_nbd.Gompertz())
    assert got == pytest.approx(want, abs=1e-7)


@pytest.mark.parametrize(
    "model",
    [
        ParetoNBD.from_params(r=0.55, alpha=10.6, s=6, beta=0.1),
        ParetoNBD.from_params(r=3.0, alpha=2.0, s=0.2, beta=0.01),
        GompertzNBD.from_params(r=0.55, alpha=10.6, b=0.5, s=0.05, beta=1e3),
        GompertzNBD.from_params(r=0.55, alpha=10.6, b=0.3, s=2.0, beta=1e-3),
    ],
    ids=["soon", "wide", "late and steep", "soon and steep"],
)
def test_probabilities_add_up_where_lifetimes_end_within_moments(model):
    seen = pd.DataFrame({"x": [0, 0, 30], "t_x": [0.0, 0.0, 99.0], "T": [0.0, 0.01, 100.0]})
    p = np.array([model.probability_of(seen, n, 60.0) for n in range(2_000)])
    np.testing.assert_allclose(p.sum(axis=0), 1, atol=1e-6)
    mean = (p * np.arange(2_000)[:, None]).sum(axis=0)
    np.testing.assert_allclose(mean, model.expected_purchases(seen, 60.0), rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("x", "T", "t", "n"), [(253, 36.18, 367.0, 1), (92, 13.2, 244.0, 7), (400, 60.0, 30.0, 9)]
)
def test_single_chances_of_who_buys_every_day_are_the_integral_over_the_end(x, T, t, n):
    """Where the rate is well known, the time of n purchases is a narrow peak of the integrand."""
    r, alpha, s, beta = 1.04, 1.54, 3.9, 156.2

    def bought(u):  # n purchases within u, at a rate that has a gamma distribution
        ways = math.lgamma(r + x + n) - math.lgamma(r + x) - math.lgamma(n + 1)
        share = math.log(u) - math.log(alpha + T + u)
        return math.exp(ways + n * share + (r + x) * math.log1p(-u / (alpha + T + u)))

    def stays(u):
        return ((beta + T) / (beta + T + u)) ** s

    def ends(u):
        return s / (beta + T + u) * stays(u) * bought(u)

    peak = n / (r + x) * (alpha + T)
    edges = [0.0, peak / 4, peak / 2, peak, 2 * peak, 4 * peak, 10 * peak, 40 * peak, t]
    gone = sum(
        quad(ends, a, b, epsabs=0, epsrel=1e-11)[0]
        for a, b in itertools.pairwise(sorted({min(e, t) for e in edges}))
    )
    model = ParetoNBD.from_params(r=r, alpha=alpha, s=s, beta=beta)
    seen = pd.DataFrame({"x": [x], "t_x": [T], "T": [T]})  # alive for sure: just bought
    want = stays(t) * bought(t) + gone
    assert model.probability_of(seen, n, t).iloc[0] == pytest.approx(want, rel=1e-8)


def test_calibration_by_hand():
    model = ParetoNBD.from_params(r=0.55, alpha=10.6, s=0.61, beta=11.7)
    seen = pd.DataFrame({"x": [0, 0, 0, 2, 5, 9], "t_x": [0.0] * 3 + [9.0] * 3, "T": 20.0})
    seen = seen.assign(x_holdout=[0, 1, 5, 1, 4, 8], T_holdout=10.0)
    out = calibration(model, seen, top=5)
    ahead = model.expected_purchases(seen, 10.0)
    assert out["group"].tolist() == ["0", "2", "5+"]
    assert out["customers"].tolist() == [3, 1, 2]
    assert out["actual"].tolist() == [2.0, 1.0, 6.0]
    means = [ahead[:3].mean(), ahead[3], ahead[4:].mean()]
    assert out["predicted"].tolist() == pytest.approx(means)


def test_tracking_by_hand():
    """Who came by the last day of the fit, each from its own first day; returns are none."""
    start = pd.Timestamp("2025-01-01")
    rows = [("a", 0), ("a", 6), ("a", 7), ("a", 7), ("a", 30), ("b", 10), ("b", 21), ("b", 28)]
    rows += [("late", 20), ("late", 27), ("c", 14)]
    lines = pd.DataFrame(rows, columns=["customer_id", "day"]).assign(amount=5.0)
    lines.loc[len(lines)] = ["b", 24, -5.0]
    lines["date"] = start + pd.to_timedelta(lines["day"], unit="D")
    model = BGNBD.from_params(r=0.5, alpha=2.0, a=0.8, b=2.5)
    out = tracking(model, lines, fitted_until=start + pd.Timedelta(days=14))
    ends = np.array([7, 14, 21, 28])
    assert (out["date"] - start).dt.days.tolist() == ends.tolist()
    assert out["actual"].tolist() == [2, 0, 1, 1]
    assert out["fitted"].tolist() == [True, True, False, False]
    by = [sum(model.expected_new(max(e - d, 0) / 7) for d in (0, 10, 14)) for e in (0, *ends)]
    assert out["expected"].tolist() == pytest.approx(np.diff(by).tolist())


def test_tracking_is_right_on_purchases_drawn_from_the_model():
    rng = np.random.default_rng(0)
    n, days = 2_000, 728
    start, rate = rng.uniform(0, 84, n), rng.gamma(0.6, 1 / 8, n) / 7
    leaves = rng.beta(0.8, 2.5, n)
    who, when, here = [np.arange(n)], [start], np.arange(n)
    now = start
    while len(here):
        now = now + rng.exponential(1 / np.maximum(rate[here], 1e-9))
        seen = now < days
        here, now = here[seen], now[seen]
        who.append(here)
        when.append(now)
        stay = rng.random(len(here)) >= leaves[here]
        here, now = here[stay], now[stay]
    lines = pd.DataFrame({"customer_id": np.concatenate(who), "amount": 1.0})
    day = pd.to_timedelta(np.floor(np.concatenate(when)), unit="D")
    lines["date"] = pd.Timestamp("2024-01-01") + day
    model = BGNBD().fit(purchases(lines, as_of="2025-12-28"))
    out = tracking(model, lines, as_of="2025-12-28")
    assert out["as_of"].eq(pd.Timestamp("2025-12-28")).all()
    assert out["expected"].sum() / out["actual"].sum() == pytest.approx(1, abs=0.02)
    halves = out.groupby(out["date"] >= "2025-01-01")[["expected", "actual"]].sum()
    assert (halves["expected"] / halves["actual"]).tolist() == pytest.approx([1, 1], abs=0.05)
