"""Sample paths: margins, correlation along time, and sums that cover what they should."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from salesmgmt.engine import paths
from salesmgmt.engine.marginal import Forecast
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import forecast, simulate, summarise


def smoothing_correlation(stays: float, horizon: int) -> np.ndarray:
    """Correlations of the errors of simple exponential smoothing, from their definition."""
    shocks = np.tril(np.full((horizon, horizon), stays), -1) + np.eye(horizon)
    cov = shocks @ shocks.T
    sd = np.sqrt(np.diag(cov))
    return cov / np.outer(sd, sd)


@pytest.mark.parametrize("horizon", [2, 5, 12])
@pytest.mark.parametrize("stays", [0.0, 0.2, 0.65, 1.0])
def test_mean_correlation_is_that_of_exponential_smoothing(stays, horizon):
    want = smoothing_correlation(stays, horizon)[np.triu_indices(horizon, 1)].mean()
    got = paths.mean_correlation(np.array([stays]), horizon)
    assert got[0] == pytest.approx(want, abs=1e-9)
    assert paths.kept_share(got, horizon)[0] == pytest.approx(stays, abs=1e-9)


def test_deviates_are_standard_normal_and_correlated_as_asked():
    rng = np.random.default_rng(0)
    z = paths.deviates(np.zeros((0, 2)), np.array([0.0, 0.6]), 5, 60_000, rng)
    for level in (0.05, 0.25, 0.5, 0.9, 0.99):
        np.testing.assert_allclose((z < ndtri(level)).mean(axis=0), level, atol=0.006)
    np.testing.assert_allclose(np.corrcoef(z[:, :, 0].T), np.eye(5), atol=0.02)
    want = smoothing_correlation(0.6, 5)
    np.testing.assert_allclose(np.corrcoef(z[:, :, 1].T), want, atol=0.025)
    wide = np.corrcoef((z[:, :, 0] ** 2).T)[0, 1]  # uncorrelated, but not independent
    assert 0.1 < wide < 0.3


def test_deviates_of_a_forecast_turn_its_quantiles_back():
    rng = np.random.default_rng(1)
    shape = np.sort(rng.uniform(0.1, 1.2, (2, 4, 3)), axis=1)
    found = Forecast(
        rng.normal(size=(2, 3)),
        np.ones((2, 3)),
        rng.uniform(1, 2, (2, 3)),
        rng.uniform(1, 2, (2, 3)),
        np.array([50.0, 80.0, 95.0, 99.0]),
        shape,
    )
    for z in (-2.9, -1.0, -0.2, 0.0, 0.4, 1.7, 2.5):
        values = found.quantile(np.full((1, 2, 3), z))[0]
        np.testing.assert_allclose(found.deviates(values), z, atol=1e-9)
    # Ends of several levels at one value (nothing sold): rounding does not choose among them.
    flat = Forecast(
        np.full((1, 1), 0.3),
        np.ones((1, 1)),
        np.full((1, 1), 0.3),
        np.ones((1, 1)),
        np.array([50.0, 80.0, 95.0]),
        np.array([[0.6, 1.0, 1.0], [0.3, 0.6, 1.0]]),
    )
    for nothing in (0.0, 1e-17, -1e-17):
        assert flat.deviates(np.full((1, 1), nothing)) == 0
    assert flat.deviates(np.full((1, 1), -0.1)) < -1.9
    plain = Forecast(found.mean, np.full((2, 3), 2.0))
    np.testing.assert_allclose(plain.deviates(found.mean + 3.0), 1.5)


def test_the_law_of_correlation_is_learned_from_many_and_presumed_for_few():
    rng = np.random.default_rng(2)
    root = np.linalg.cholesky(np.full((6, 6), 0.1) + 0.9 * np.eye(6))
    many = root @ rng.normal(size=(6, 4000))
    guess = rng.uniform(0.2, 0.8, 4000)
    start, slope = paths.correlation_law([many], [guess])
    assert start + 0.5 * slope == pytest.approx(0.1, abs=0.03)
    nothing = paths.correlation_law([], [])
    few = paths.correlation_law([many[:, :2]], [guess[:2]])
    np.testing.assert_allclose(few, nothing, atol=0.1)


def test_the_law_is_a_weighted_regression_of_products_of_errors():
    """Written out by pairs of steps, each relative to the size of errors of the whole call."""
    rng = np.random.default_rng(4)
    z, guess = rng.normal(size=(4, 7)), rng.uniform(0.1, 0.9, 7)  # few: common events stay in
    gram, moment = np.zeros((2, 2)), np.zeros(2)
    for j in range(7):
        pairs = [z[s, j] * z[t, j] for s in range(4) for t in range(4) if s != t]
        seen = np.mean(pairs) / np.mean(z**2)
        x, weight = np.array([1.0, guess[j]]), 1 / (0.3 + guess[j]) ** 2
        gram, moment = gram + weight * np.outer(x, x), moment + weight * seen * x
    for got, want in zip(paths.evidence(z, guess), (gram, moment)):
        np.testing.assert_allclose(got, want, rtol=1e-12)
    assert not any(x.any() for x in paths.evidence(z[:1], guess))


@pytest.mark.parametrize("stays", [0.0, 0.5])
def test_sums_of_paths_cover_what_comes(stays):
    """Series that wander as much or as little as made: a half-year's sum lies in its interval."""
    rng = np.random.default_rng(3)
    shocks = rng.normal(size=(66, 250))
    y = 200 + 10 * (shocks + stays * (np.cumsum(shocks, axis=0) - shocks))
    months = pd.date_range("2020-01-01", periods=66, freq="MS")
    frame = pd.DataFrame(y, index=months).rename_axis("date").reset_index()
    frame = frame.melt("date", var_name="key", value_name="amount")
    frame["key"] = frame["key"].astype(str)
    draws = simulate(frame[frame["date"] < months[60]], 6, n=200, by="key", freq="M")
    sums = draws.groupby(["key", "draw"])["amount"].sum().unstack()
    truth = frame[frame["date"] >= months[60]].groupby("key")["amount"].sum().reindex(sums.index)
    place = (sums.to_numpy() < truth.to_numpy()[:, None]).mean(axis=1)
    assert 0.72 < ((place > 0.1) & (place < 0.9)).mean() < 0.89
    assert 0.40 < ((place > 0.25) & (place < 0.75)).mean() < 0.62


def test_row_order_changes_no_path():
    rng = np.random.default_rng(4)
    months = pd.date_range("2021-01-01", periods=40, freq="MS")
    frame = pd.concat(
        pd.DataFrame({"key": k, "date": months, "amount": 50 + rng.normal(size=40).cumsum()})
        for k in ("a", "b", "c")
    )
    want = simulate(frame, 3, n=20, by="key")
    mixed = frame.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(simulate(mixed, 3, n=20, by="key"), want)


# --------------------------------------------------------------------------------------
# Odd inputs


def _months(n, **columns):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"date": pd.date_range("2022-01-01", periods=n, freq="MS")})
    frame["amount"] = 100 + 10 * rng.normal(size=n)
    return frame.assign(**columns)


def test_a_short_series_is_as_uncertain_as_the_others_are():
    """Widths in proportion, as the intervals of forecast have them."""
    sales = pd.concat([_months(40, key="long"), _months(40, key="young").tail(2)])
    drawn = simulate(sales, 2, by="key", n=4000)
    ahead = forecast(sales, 2, by="key", level=(80,))
    both = summarise(drawn, quantiles=(0.1, 0.9)).merge(ahead, on=["key", "date"])
    young = both[both["key"] == "young"]
    width = young["hi_80"] - young["lo_80"]
    assert (width > 5).all()
    np.testing.assert_allclose(young["p90"] - young["p10"], width, rtol=0.06)


def test_it_is_told_when_nothing_says_how_uncertain_a_series_is():
    with pytest.warns(DataWarning, match="1 of 1 series have fewer than 4 values"):
        simulate(_months(1), 2, n=3)
    empty = _months(30, key="b").assign(amount=np.nan)
    with pytest.warns(DataWarning, match=r"1 of 2 series .*first b"):
        simulate(pd.concat([_months(30, key="a"), empty]), 2, n=3, by="key")


@pytest.mark.parametrize("seed", ["a", -1, 1.5])
def test_bad_seeds_are_told(seed):
    with pytest.raises(InputError, match="random_state must be"):
        simulate(_months(24), 1, n=2, random_state=seed)


def _samples():
    rng = np.random.default_rng(7)
    index = pd.MultiIndex.from_product(
        [["北", "南"], pd.to_datetime(["2025-01-01", "2025-02-01"]), range(20)],
        names=["店", "date", "draw"],
    )
    return pd.DataFrame({"amount": rng.gamma(2, 10, len(index))}, index=index).reset_index()


def test_summarise_is_quantiles_of_sums_written_out():
    samples = _samples()
    got = summarise(samples, by="店", quantiles=(0.25,))
    for row in got.itertuples():
        part = samples[samples["店"] == row.店]
        sums = [part.loc[part["draw"] == k, "amount"].sum() for k in range(20)]
        assert row.mean == pytest.approx(np.mean(sums))
        assert row.sd == pytest.approx(np.std(sums))
        assert row.p25 == pytest.approx(np.quantile(sums, 0.25))


def test_draws_that_are_missing_in_part_are_no_sum():
    """A draw that lacks a month would be a small sum, not a missing one."""
    some = _samples().drop(index=[30])
    with pytest.raises(InputError, match="lack some draws in 1 of 1"):
        summarise(some, by=[])
    with pytest.raises(InputError, match="lack some draws in 1 of 2"):
        summarise(some, by="店")


def test_summarise_refuses_names_of_its_own_columns_and_odd_quantiles():
    samples = _samples()
    for name in ("mean", "p10"):
        with pytest.raises(InputError, match=f"column {name!r} of samples"):
            summarise(samples.rename(columns={"店": name}))
    with pytest.raises(InputError, match="by names 'draw'"):
        summarise(samples, by="draw")
    for odd in ("0.5", None, 0.5, [2.0]):
        with pytest.raises(InputError, match="quantiles must be"):
            summarise(samples, quantiles=odd)
    named = samples.rename(columns={"店": "_draw"})
    assert list(summarise(named).columns) == ["_draw", "date", "mean", "sd", "p10", "p50", "p90"]


def test_frames_of_other_engines_are_summarised_alike():
    pyarrow = pytest.importorskip("pyarrow")
    samples = _samples()
    want = summarise(samples)
    got = summarise(pyarrow.Table.from_pandas(samples))
    np.testing.assert_array_equal(got[["mean", "p90"]], want[["mean", "p90"]])
    assert list(got["店"]) == list(want["店"])
