"""Purchase models with covariates: integrals, known coefficients, identities, bad columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import gamma, roots_genlaguerre, roots_jacobi
from sklearn.base import clone

from salesmgmt import InputError
from salesmgmt.engine import covariates
from salesmgmt.segmentation import (
    BGNBD,
    MBGCNBD,
    MBGNBD,
    GompertzNBD,
    ParetoNBD,
    alive_grid,
    calibration,
    clv,
    likelihood_ratio,
    purchases,
    tracking,
)

MODELS = [BGNBD, MBGNBD, ParetoNBD, GompertzNBD]
RATE, LEAVE = 0.7, -0.9  # what the simulated attribute "web" does to buying and leaving


def simulated(n: int, seed: int, *, leaves: str = "time") -> pd.DataFrame:
    """Customers over 60 weeks; ``leaves`` at a time (Pareto) or after a purchase (BG)."""
    rng = np.random.default_rng(seed)
    web = rng.integers(0, 2, n)
    age = rng.normal(40, 10, n)
    rate = rng.gamma(0.8, 1 / 6.0, n) * np.exp(RATE * web)
    T = rng.uniform(30, 60, n)
    if leaves == "time":
        end = rng.exponential(1 / (rng.gamma(0.8, 1 / 12.0, n) * np.exp(LEAVE * web)))
        chance = np.zeros(n)
    else:
        end = np.full(n, np.inf)
        chance = rng.beta(0.8 * np.exp(LEAVE * web), 2.5, n)
    x, last, now = np.zeros(n), np.zeros(n), np.zeros(n)
    for _ in range(2_000):
        now = now + rng.exponential(1 / np.maximum(rate, 1e-12))
        here = now < np.minimum(T, end)
        if not here.any():
            break
        x[here] += 1
        last[here] = now[here]
        end = np.where(here & (rng.random(n) < chance), now, end)
    return pd.DataFrame({"x": x, "t_x": last, "T": T, "web": web, "age": age})


def coefficient(model, parameter: str, covariate: str) -> pd.Series:
    table = model.coefficients_
    return table[(table["parameter"] == parameter) & (table["covariate"] == covariate)].iloc[0]


def test_likelihood_is_the_mean_over_rates_that_the_attributes_scale():
    """One customer each of two kinds, rates integrated out numerically (Pareto/NBD)."""
    r, alpha, s, beta, g, h = 0.9, 5.0, 1.3, 8.0, 0.6, -0.4
    x, t_x, T = 2.0, 3.0, 7.0
    model = ParetoNBD()
    lam, w_lam = roots_genlaguerre(100, r - 1)
    mu, w_mu = roots_genlaguerre(100, s - 1)
    for web in (0.0, 1.0):
        a = (lam / alpha * np.exp(g * web))[:, None]
        b = (mu / beta * np.exp(h * web))[None, :]
        seen = a**x * (a * np.exp(-(a + b) * T) + b * np.exp(-(a + b) * t_x)) / (a + b)
        mean = (w_lam[:, None] * w_mu[None, :] * seen).sum() / (gamma(r) * gamma(s))
        want = np.log(mean)
        own = covariates.spread(
            np.array([*np.log([r, alpha, s, beta]), g, h]),
            4,
            [
                covariates.Move(1, -1.0, np.array([0])),
                covariates.Move(3, -1.0, np.array([0])),
            ],
            np.array([[web]]),
        )
        got, _ = model._loglik_by_row(own, *(np.array([v]) for v in (x, t_x, T)))
        assert got[0] == pytest.approx(want, abs=2e-6)


def test_bg_likelihood_is_the_mean_over_chances_that_the_attributes_scale():
    r, alpha, a, b, g, h, i = 0.9, 5.0, 1.3, 2.5, 0.6, -0.4, 0.2
    x, t_x, T, web = 2.0, 3.0, 7.0, 1.0

    lam, w_lam = roots_genlaguerre(100, r - 1)
    own_a, own_b = a * np.exp(h * web), b * np.exp(i * web)
    u, w_p = roots_jacobi(60, own_b - 1, own_a - 1)
    p, rate = ((u + 1) / 2)[:, None], (lam / alpha * np.exp(g * web))[None, :]
    seen = (1 - p) ** x * rate**x * np.exp(-rate * T)
    seen = seen + p * (1 - p) ** (x - 1) * rate**x * np.exp(-rate * t_x)
    mean = (w_p[:, None] * w_lam[None, :] * seen).sum() / (w_p.sum() * gamma(r))
    want = np.log(mean)
    moves = [
        covariates.Move(at, sign, np.array([0])) for at, sign in ((1, -1.0), (2, 1.0), (3, 1.0))
    ]
    theta = np.array([*np.log([r, alpha, a, b]), g, h, i])
    own = covariates.spread(theta, 4, moves, np.array([[web]]))
    got, _ = BGNBD()._loglik_by_row(own, *(np.array([v]) for v in (x, t_x, T)))
    assert got[0] == pytest.approx(want, abs=1e-7)


@pytest.mark.parametrize("kind", MODELS)
def test_groups_and_rows_agree_and_both_gradients_are_right(kind):
    seen = simulated(400, 1).round(1)
    seen["t_x"] = np.minimum(seen["t_x"], seen["T"]).where(seen["x"] > 0, 0.0)
    x, t_x, T = (seen[c].to_numpy(float) for c in ("x", "t_x", "T"))
    t_x = np.where((x > 0) & (t_x == 0), 0.1, t_x)
    z = np.column_stack([seen["web"], seen["age"] > 40]).astype(float)
    model = kind(covariates=["web", "age"])
    k, weight = len(model._names), np.ones(len(x))
    moves = [
        covariates.Move(model._names.index(name), sign, np.arange(2))
        for name, (_, sign) in model._moved.items()
    ]
    one = covariates.grouped(model._loglik, k, moves, *covariates.kinds_of(x, t_x, T, weight, z))
    two = model._by_row(x, t_x, T, weight, z, moves)
    rng = np.random.default_rng(0)
    theta = np.concatenate([rng.normal(0.3, 0.3, k), rng.normal(0, 0.3, 2 * len(moves))])
    (value, slope), (other, slope2) = one(theta), two(theta)
    assert value == pytest.approx(other, abs=1e-10)
    np.testing.assert_allclose(slope, slope2, atol=1e-9)
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-5
        numeric = (one(theta + step)[0] - one(theta - step)[0]) / 2e-5
        assert slope[i] == pytest.approx(numeric, rel=1e-5, abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "leaves", "known"),
    [
        (ParetoNBD, "time", {"alpha": RATE, "beta": LEAVE}),
        (BGNBD, "purchase", {"alpha": RATE, "a": LEAVE, "b": 0.0}),
    ],
)
def test_known_coefficients_lie_in_their_intervals_as_often_as_they_should(kind, leaves, known):
    hits = []
    for seed in range(10):
        fitted = kind(covariates="web").fit(simulated(1_500, 100 + seed, leaves=leaves))
        for parameter, truth in known.items():
            row = coefficient(fitted, parameter, "web")
            hits.append(row["lo"] <= truth <= row["hi"])
            assert abs(row["coefficient"] - truth) < 4.5 * row["standard_error"]
    # 95 % intervals: fewer than 80 % of 20 or 30 hits has a chance below one in a hundred.
    assert np.mean(hits) >= 0.8


@pytest.mark.parametrize("kind", MODELS)
def test_an_attribute_that_tells_nothing_leaves_the_model_as_it_is(kind):
    half = simulated(150, 3)[["x", "t_x", "T"]]
    seen = pd.concat([half.assign(noise=0), half.assign(noise=1)], ignore_index=True)
    plain, fitted = kind().fit(seen), kind(covariates="noise").fit(seen)
    np.testing.assert_allclose(fitted.coefficients_["coefficient"], 0, atol=1e-3)
    assert fitted.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-5)
    test = likelihood_ratio(plain, fitted)
    more = len(fitted.coefficients_)
    assert test["df"] == more
    assert fitted.aic_ - plain.aic_ == pytest.approx(2 * more, abs=1e-4)
    assert fitted.bic_ - plain.bic_ == pytest.approx(np.log(300) * more, abs=1e-4)
    assert test["p_value"] > 0.99
    assert fitted.covariate_test_["statistic"] == pytest.approx(test["statistic"], abs=1e-6)
    np.testing.assert_allclose(
        fitted.expected_purchases(seen, 10.0), plain.expected_purchases(seen, 10.0), rtol=1e-2
    )


@pytest.mark.parametrize("kind", [BGNBD, ParetoNBD])
def test_unit_and_origin_of_an_attribute_change_only_its_coefficient_and_the_scale(kind):
    seen = simulated(300, 4)
    one = kind(covariates=["web", "age"]).fit(seen)
    two = kind(covariates=["web", "age"]).fit(seen.assign(age=12 * (seen["age"] - 30)))
    assert two.log_likelihood_ == pytest.approx(one.log_likelihood_, abs=1e-6)
    a, b = one.coefficients_, two.coefficients_
    age = (a["covariate"] == "age").to_numpy()
    for column in ("coefficient", "standard_error"):
        np.testing.assert_allclose(b[column][age], a[column][age] / 12, rtol=1e-3)
        np.testing.assert_allclose(b[column][~age], a[column][~age], rtol=1e-3)
    ahead = one.expected_purchases(seen, 9.0)
    other = two.expected_purchases(seen.assign(age=12 * (seen["age"] - 30)), 9.0)
    np.testing.assert_allclose(other, ahead, rtol=1e-4)


@pytest.mark.parametrize("kind", [BGNBD, ParetoNBD])
def test_groups_of_any_kind_are_dummies_and_split_samples(kind):
    """With every parameter free by group, two groups are nearly two models; r is shared."""
    seen = simulated(500, 5)
    number = kind(covariates="web").fit(seen)
    text = kind(covariates="web").fit(seen.assign(web=np.where(seen["web"] > 0, "yes", "no")))
    truth = kind(covariates="web").fit(seen.assign(web=seen["web"].astype(bool)))
    group = kind(covariates="web").fit(
        seen.assign(web=pd.Categorical(seen["web"], categories=[9, 0, 1]))
    )
    for other in (text, truth, group):
        np.testing.assert_allclose(
            other.coefficients_["coefficient"], number.coefficients_["coefficient"], rtol=1e-4
        )
    assert text.coefficients_["covariate"].unique().tolist() == ["web=yes"]
    assert truth.coefficients_["covariate"].unique().tolist() == ["web"]
    with pytest.raises(InputError, match="has not seen \\('maybe'\\)"):
        text.probability_alive(seen.head(3).assign(web=["yes", "maybe", "no"]))


@pytest.mark.parametrize("kind", [BGNBD, ParetoNBD])
def test_counts_weigh_rows_and_order_does_not_matter(kind):
    seen = simulated(240, 6)
    often = pd.concat([seen, seen.iloc[:80]], ignore_index=True)
    weighed = seen.assign(count=np.where(np.arange(len(seen)) < 80, 2, 1))
    want = kind(covariates=["web", "age"]).fit(often)
    mixed = often.sample(frac=1, random_state=0).set_axis([7] * len(often))
    for other in (weighed, mixed):
        got = clone(want).fit(other)
        assert got.log_likelihood_ == pytest.approx(want.log_likelihood_, abs=1e-6)
        np.testing.assert_allclose(
            got.coefficients_["coefficient"], want.coefficients_["coefficient"], atol=1e-4
        )


@pytest.mark.parametrize("kind", MODELS)
def test_predictions_of_a_row_are_those_of_its_own_parameters(kind):
    seen = simulated(250, 7)
    fitted = kind(covariates=["web", "age"]).fit(seen)
    assert fitted.coefficients_["covariate"].isin(["web", "age"]).all()
    some = seen.iloc[[3, 60, 61]]
    for i in range(len(some)):
        row = some.iloc[[i]]
        own = fitted.params_.copy()
        for _, c in fitted.coefficients_.iterrows():
            sign = -1 if c["parameter"] in ("alpha", "beta") else 1
            own[c["parameter"]] *= np.exp(
                sign * c["coefficient"] * float(row[c["covariate"]].iloc[0])
            )
        alone = kind.from_params(**own)
        for ask in (
            lambda m, f: m.probability_alive(f),
            lambda m, f: m.expected_purchases(f, 8.0),
            lambda m, f: m.probability_of(f, 2, 8.0),
        ):
            assert ask(fitted, some).iloc[i] == pytest.approx(ask(alone, row).iloc[0], rel=1e-9)
        pd.testing.assert_frame_equal(
            fitted.expected_interval(some, 8.0).iloc[[i]], alone.expected_interval(row, 8.0)
        )
        assert fitted.expected_new(30.0, row) == pytest.approx(alone.expected_new(30.0))
    with pytest.raises(InputError, match="give X"):
        fitted.expected_new(30.0)
    of_one = {"web": 1, "age": 33.0}
    assert len(alive_grid(fitted, T=20.0, most=3, steps=4, covariates=of_one)) == 12


def test_buying_and_leaving_may_have_covariates_of_their_own():
    seen = simulated(300, 8)
    fitted = ParetoNBD(covariates=["age"], dropout_covariates=["web"]).fit(seen)
    pairs = fitted.coefficients_[["parameter", "covariate"]].to_numpy().tolist()
    assert pairs == [["alpha", "age"], ["beta", "web"]]
    only = ParetoNBD(covariates=["web"], dropout_covariates=[]).fit(seen)
    assert only.coefficients_["parameter"].tolist() == ["alpha"]
    assert only.aic_ == pytest.approx(2 * 5 - 2 * only.log_likelihood_)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"web": np.nan}, "'web' is missing in 240 row"),
        ({"web": 3}, "'web' is the same in every row"),
        ({"web": "one"}, "'web' is the same in every row"),
        ({"web": pd.Timestamp("2025-01-01")}, "holds dates"),
        ({"age": lambda d: 2 * d["web"] - 1}, "'age' follows from the ones before it"),
        ({"age": np.inf}, "not a finite number"),
    ],
)
def test_covariates_that_cannot_be_used_are_named(change, told):
    seen = simulated(240, 9).assign(**change)
    with pytest.raises(InputError, match=told):
        BGNBD(covariates=["web", "age"]).fit(seen)


def test_missing_columns_and_too_many_levels_are_named():
    seen = simulated(60, 10)
    with pytest.raises(InputError, match=r"no column 'wbe'\. Did you mean 'web'"):
        BGNBD(covariates="wbe").fit(seen)
    with pytest.raises(InputError, match="cannot be told from 60 row"):
        BGNBD(covariates="id").fit(seen.assign(id=[f"c{i}" for i in range(60)]))
    fitted = BGNBD(covariates="web").fit(seen)
    with pytest.raises(InputError, match="no column 'web'"):
        fitted.probability_alive(seen[["x", "t_x", "T"]])


def test_lifetime_value_uses_the_attributes():
    rng = np.random.default_rng(11)
    web = rng.integers(0, 2, 400)
    n = 1 + rng.poisson(np.where(web > 0, 4.0, 1.0))
    who = np.repeat(np.arange(400), n)
    lines = pd.DataFrame(
        {
            "customer_id": who,
            "date": np.datetime64("2024-01-01") + rng.integers(0, 365, len(who)),
            "amount": rng.gamma(5, 10, len(who)).round(2),
        }
    )
    about = pd.DataFrame({"customer_id": np.arange(400), "channel": np.where(web, "web", "shop")})
    plain = clv(lines, model="paretonbd", level=None)
    value = clv(lines, model="paretonbd", covariates=about, level=None)
    gain = value["expected_purchases"] - plain["expected_purchases"]
    assert gain[web > 0].mean() > 0.02 > -0.02 > gain[web == 0].mean()
    with pytest.raises(InputError, match="no row for 1 customer"):
        clv(lines, model="bgnbd", covariates=about.iloc[1:])
    with pytest.raises(InputError, match="rename 'x'"):
        clv(lines, model="bgnbd", covariates=about.assign(x=1))
    for model in (BGNBD(), BGNBD().fit(purchases(lines, freq="M")), MBGCNBD()):
        with pytest.raises(InputError, match="covariates have no use with"):
            clv(lines, model=model, covariates=about)
    with pytest.raises(InputError, match=r"clv.*model is a class"):
        clv(lines, model=BGNBD)


def test_a_model_knows_its_unit_of_time():
    rng = np.random.default_rng(5)
    lines = pd.DataFrame({
        "customer_id": rng.integers(0, 90, 500), "amount": rng.gamma(5, 10, 500).round(2),
        "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 500, 500), "D"),
    })  # fmt: skip
    weeks, months = (purchases(lines, freq=freq, holdout="2025-01-31") for freq in "WM")
    model = BGNBD().fit(weeks)
    assert model.freq_ == "W"
    told = "fitted on purchases of freq='W', not 'M'"
    for call in (
        lambda: clv(lines, model=model),
        lambda: tracking(model, lines, freq="M"),
        lambda: calibration(model, months),
        lambda: model.probability_alive(months),
    ):
        with pytest.raises(InputError, match=told):
            call()
    assert len(clv(lines, model=model, freq="W")) == lines["customer_id"].nunique()
    assert len(tracking(model, lines)) > 60
    with pytest.raises(InputError, match="different units of time"):
        likelihood_ratio(model, BGNBD(covariates="z").fit(months.assign(z=months["x"] % 2)))
    bare = pd.DataFrame(months.to_dict("list"))  # the user's own table says nothing of its unit
    assert BGNBD().fit(bare).freq_ is None
    assert model.probability_alive(bare).between(0, 1).all()


def test_frames_of_other_engines_are_taken():
    polars = pytest.importorskip("polars")
    seen = simulated(200, 12).assign(shop=lambda d: np.where(d["web"] > 0, "no", "yes"))
    other = polars.from_pandas(seen)
    one, two = BGNBD(covariates="shop").fit(seen), BGNBD(covariates="shop").fit(other)
    assert two.log_likelihood_ == one.log_likelihood_
    np.testing.assert_array_equal(two.probability_alive(other), one.probability_alive(seen))
