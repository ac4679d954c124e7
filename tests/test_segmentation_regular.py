"""MBG/CNBD-k: equal to MBG/NBD at k = 1, to integrals and simulations above, better if regular."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import gamma, roots_genlaguerre, roots_jacobi
from scipy.stats import gamma as gamma_law

from salesmgmt import InputError
from salesmgmt.engine import regular_nbd
from salesmgmt.engine.btyd_rows import compress
from salesmgmt.segmentation import MBGCNBD, MBGNBD, clv, purchases

SEEN = pd.DataFrame(
    {"x": [0, 1, 2, 7, 40], "t_x": [0.0, 3.0, 30.43, 20.0, 37.0], "T": [38.9, 30, 38.86, 39, 38]}
)
PARAMS = {"r": 0.8, "alpha": 2.0, "a": 0.9, "b": 1.6}


def simulated(n, k, seed, *, weeks=40.0, later=20.0):
    """Orders with Erlang-k gaps, a chance to leave after each; two parts of time."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.2, 1 / 3.0, n) * k
    leave = rng.beta(0.8, 6.0, n)
    out = []
    for i in range(n):
        now = rng.uniform(0, 8)
        while now < weeks + later:
            out.append((i, now))
            if rng.random() < leave[i]:
                break
            now += rng.gamma(k, 1 / rate[i])
    lines = pd.DataFrame(out, columns=["customer_id", "at"])
    lines["date"] = np.datetime64("2025-01-01") + np.floor(lines["at"] * 7).to_numpy().astype(int)
    end = np.datetime64("2025-01-01") + np.timedelta64(int(weeks * 7) + int(later * 7) - 1, "D")
    seen = purchases(
        lines.assign(amount=1.0), as_of=str(end), holdout=later, freq="W", regularity=True
    )
    return seen, lines


def test_k_of_one_is_the_model_without_regularity():
    seen, _ = simulated(300, 1, 0)
    plain, one = MBGNBD().fit(seen), MBGCNBD(k=1).fit(seen[["x", "t_x", "T"]])
    assert one.log_likelihood_ == pytest.approx(plain.log_likelihood_, abs=1e-7)
    pd.testing.assert_series_equal(one.params_, plain.params_, rtol=1e-5)
    same, other = MBGNBD.from_params(**PARAMS), MBGCNBD.from_params(k=1, **PARAMS)
    for ask in (
        lambda m: m.probability_alive(SEEN),
        lambda m: m.expected_purchases(SEEN, 20.0),
        lambda m: m.probability_of(SEEN, 3, 20.0),
    ):
        np.testing.assert_allclose(ask(other), ask(same), rtol=1e-9)
    assert other.expected_new(30.0) == pytest.approx(same.expected_new(30.0), rel=1e-9)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize(("gaps", "T"), [((), 9.0), ((2.0, 3.5), 9.0), ((1.0, 1.5, 0.7), 3.5)])
def test_likelihood_is_the_mean_over_rates_and_chances(k, gaps, T):
    r, alpha, a, b = 0.8, 2.0, 0.9, 1.6
    lam, w_lam = roots_genlaguerre(100, r - 1)
    u, w_p = roots_jacobi(60, b - 1, a - 1)
    p, rate = ((u + 1) / 2)[:, None], (lam / alpha)[None, :]
    came = np.prod([gamma_law.pdf(g, k, scale=1 / rate) for g in gaps], axis=0) if gaps else 1.0
    x, t_x = len(gaps), float(sum(gaps))
    waits = gamma_law.sf(T - t_x, k, scale=1 / rate)
    seen = came * (1 - p) ** x * ((1 - p) * waits + p)
    want = np.log((w_p[:, None] * w_lam[None, :] * seen).sum() / (w_p.sum() * gamma(r)))
    rows = compress(np.array([float(x)]), np.array([t_x]), np.array([T]), scale=1.0)
    got, _ = regular_nbd.loglik(np.log([r, alpha, a, b]), rows, k)
    got += (k - 1) * np.log(gaps).sum() - x * np.log(gamma(k))
    assert got == pytest.approx(want, abs=1e-6)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_gradient_agrees_with_differences(k):
    rows = compress(*(SEEN[c].to_numpy(float) for c in ("x", "t_x", "T")))
    theta = np.log([0.8, 2.0, 0.9, 1.6])
    _, slope = regular_nbd.loglik(theta, rows, k)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5
        up, down = (regular_nbd.loglik(theta + s, rows, k)[0] for s in (step, -step))
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)


def test_a_regularity_that_was_found_is_a_parameter():
    seen, _ = simulated(300, 1, 2)
    found = MBGCNBD().fit(seen)
    given = MBGCNBD(k=found.k_).fit(seen)
    assert found.log_likelihood_ == pytest.approx(given.log_likelihood_, abs=1e-6)
    assert found.aic_ - given.aic_ == pytest.approx(2, abs=1e-4)
    assert found.bic_ - given.bic_ == pytest.approx(np.log(300), abs=1e-4)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_probabilities_are_a_distribution_with_the_expected_mean(k):
    model = MBGCNBD.from_params(k=k, **PARAMS)
    p = np.array([model.probability_of(SEEN, n, 20.0) for n in range(200)])
    np.testing.assert_allclose(p.sum(axis=0), 1, atol=1e-9)
    mean = (p * np.arange(200)[:, None]).sum(axis=0)
    np.testing.assert_allclose(mean, model.expected_purchases(SEEN, 20.0), rtol=1e-8)


def test_predictions_are_those_of_customers_drawn_from_the_model():
    """Customers with two repeat purchases, the last between 10 and 14 weeks, seen for 20."""
    k, r, alpha, a, b, t = 3, 1.5, 1.2, 0.7, 3.0, 15.0
    rng = np.random.default_rng(1)
    n = 200_000
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    gaps = rng.gamma(k, 1 / rate[:, None], (n, 60))
    when = np.cumsum(gaps, axis=1)
    stays = np.cumprod(rng.random((n, 61)) >= leave[:, None], axis=1) > 0
    bought = stays[:, :-1]  # the m-th repeat purchase needs to have stayed m times
    early = bought & (when <= 20.0)
    x = early.sum(axis=1)
    t_x = np.where(x > 0, when[np.arange(n), np.maximum(x - 1, 0)], 0.0)
    use = (x == 2) & (t_x > 10) & (t_x < 14)
    later = (bought & (when > 20.0) & (when <= 20.0 + t)).sum(axis=1)[use]
    alive = stays[np.arange(n), x][use]
    model = MBGCNBD.from_params(k=k, r=r, alpha=alpha, a=a, b=b)
    seen = pd.DataFrame({"x": 2, "t_x": t_x[use], "T": 20.0})
    error = later.std() / np.sqrt(use.sum())
    assert model.expected_purchases(seen, t).mean() == pytest.approx(later.mean(), abs=4 * error)
    chance = alive.mean()
    error = np.sqrt(chance * (1 - chance) / use.sum())
    assert model.probability_alive(seen).mean() == pytest.approx(chance, abs=4 * error)
    none = (later == 0).mean()
    error = np.sqrt(none * (1 - none) / use.sum())
    assert model.probability_of(seen, 0, t).mean() == pytest.approx(none, abs=4 * error)


def test_regular_customers_are_found_and_foreseen_better():
    seen, _ = simulated(600, 4, 2)
    plain, regular = MBGNBD().fit(seen), MBGCNBD().fit(seen)
    assert regular.k_ in (3, 4, 5)
    assert regular.log_likelihood_ > plain.log_likelihood_ + 50
    assert regular.aic_ < plain.aic_
    errors = [
        ((m.expected_purchases(seen, 20.0) - seen["x_holdout"]) ** 2).mean()
        for m in (plain, regular)
    ]
    assert errors[1] < errors[0]
    assert MBGCNBD().fit(simulated(600, 1, 3)[0]).k_ == 1


def test_unit_of_time_changes_nothing_but_the_unit():
    seen, lines = simulated(200, 3, 4)
    weeks = MBGCNBD().fit(seen)
    days = seen.assign(
        t_x=seen["t_x"] * 7, T=seen["T"] * 7, log_gaps=seen["log_gaps"] + seen["x"] * np.log(7)
    )
    other = MBGCNBD().fit(days)
    assert other.k_ == weeks.k_
    gap = seen["x"].sum() * np.log(7)
    assert other.log_likelihood_ == pytest.approx(weeks.log_likelihood_ - gap, abs=1e-5)
    np.testing.assert_allclose(
        other.expected_purchases(days, 70.0), weeks.expected_purchases(seen, 10.0), rtol=1e-6
    )
    hand = lines[lines["customer_id"] == seen.loc[seen["x"].idxmax(), "customer_id"]]
    days_of_one = np.unique(hand["date"].to_numpy())
    end = np.datetime64("2025-01-01") + np.timedelta64(279, "D")
    gaps = np.diff(days_of_one[days_of_one <= end]) / np.timedelta64(7, "D")
    assert seen["log_gaps"][seen["x"].idxmax()] == pytest.approx(np.log(gaps).sum())


def test_published_regularity_of_grocery_customers(data_dir):
    """Vignette of BTYDplus: of the year 2006, the estimate of k is 2 (MBG/CNBD-k)."""
    lines = pd.read_parquet(data_dir / "segmentation" / "grocery_elog.parquet")
    lines = lines.assign(amount=1.0)
    seen = purchases(lines, as_of="2006-12-31", regularity=True)
    assert len(seen) == 1525
    assert MBGCNBD().fit(seen).k_ == 2


def test_what_is_missing_or_impossible_is_named():
    seen, lines = simulated(50, 2, 5)
    with pytest.raises(InputError, match=r"regularity=True"):
        MBGCNBD().fit(seen[["x", "t_x", "T"]])
    with pytest.raises(InputError, match="log_gaps is larger"):
        MBGCNBD().fit(seen.assign(log_gaps=seen["log_gaps"] + 9.0))
    with pytest.raises(InputError, match="k must be"):
        MBGCNBD(k=0).fit(seen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = clv(lines.assign(amount=5.0), freq="W", model=MBGCNBD(k=2), level=None)
    assert value.attrs["model"] == "mbgcnbd"
    assert (value["expected_purchases"] >= 0).all()
