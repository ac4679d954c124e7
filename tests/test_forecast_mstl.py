"""Seasons that change: what is followed, what is not, against a plain reckoning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine.decomposition import seasonal_differences
from salesmgmt.engine.mstl import fit_mstl
from salesmgmt.forecast import Forecaster, forecast


def history_of(y, freq="MS", start="2010-01-01"):
    dates = pd.date_range(start, periods=len(y), freq=freq)
    return pd.concat(
        [
            pd.DataFrame({"item": f"s{j:03d}", "date": dates, "amount": v})
            for j, v in enumerate(y.T)
        ],
        ignore_index=True,
    )


def error(y, horizon, freq="MS", **options):
    """Mean absolute error of each column's last values."""
    out = forecast(history_of(y[:-horizon], freq), horizon, by="item", level=None, **options)
    made = out["forecast"].to_numpy().reshape(-1, horizon).T
    return np.abs(made - y[-horizon:]).mean(axis=0)


def test_a_season_that_turned_is_followed_and_one_that_stays_is_averaged():
    """Goods of winter have been goods of summer for five years of nine."""
    rng = np.random.default_rng(1)
    t = np.arange(120)[:, None]
    wave = 30 * np.cos(t * np.pi / 6)
    noise = rng.normal(0, 3, (120, 40))
    turned = error(200 + np.where(t < 48, wave, -wave) + noise, 12, model="mstl")
    assert turned.mean() < 10  # noise alone: 2.4; the mean of all years: 17
    stayed = error(200 + wave + noise, 12, model="mstl")
    assert stayed.mean() < 1.15 * 3 * np.sqrt(2 / np.pi)


def test_swings_that_grow_with_the_level_grow_on():
    t = np.arange(96)
    truth = 50 * np.exp(0.01 * t + 0.3 * np.sin(t * np.pi / 6))
    noise = np.exp(0.02 * np.random.default_rng(2).normal(size=(96, 30)))
    made = error(truth[:, None] * noise, 12, model="mstl")
    assert (made / truth[-12:].mean()).mean() < 0.035  # 1.6 % is noise; swings as they were: 5 %


@pytest.mark.parametrize("season", [4, 12])
def test_a_pattern_without_noise_comes_back(season):
    rng = np.random.default_rng(3)
    pattern = rng.uniform(50, 150, (season, 8))
    y = np.vstack([pattern] * 7)
    out = error(y, season, freq={4: "QS", 12: "MS"}[season], model="mstl")
    assert out.max() < 0.05


def test_what_is_below_zero_has_no_logarithm():
    rng = np.random.default_rng(4)
    t = np.arange(84)[:, None]
    y = 10 * np.sin(t * np.pi / 6) + rng.normal(0, 1, (84, 20))
    assert error(y, 12, model="mstl").mean() < 1.2


def test_week_turns_within_a_year_that_stays():
    """Days: the week changes half-way through, the year keeps its shape."""
    rng = np.random.default_rng(5)
    t = np.arange(3 * 365)[:, None]
    weekend = np.where(t < 500, np.isin(t % 7, (5, 6)), np.isin(t % 7, (0, 1)))
    y = 100 + 25 * np.cos(2 * np.pi * t / 365) + 20 * weekend + rng.normal(0, 2, (len(t), 4))
    assert error(y, 28, freq="D", model="mstl").mean() < 3.5  # 1.6 is noise; the old week: 8


def plainly(x):
    """Of deviations (cycles, m): the newest season, with factors weighed by how they foretold."""

    def newest(cycles, keep):
        w = keep ** np.arange(len(cycles) - 1, -1, -1.0)
        return (w[:, None] * cycles).sum(axis=0) / w.sum()

    factors = np.array([1.0, 0.85, 0.7, 0.5, 0.3])
    missed = np.array(
        [sum(((x[k] - newest(x[:k], f)) ** 2).sum() for k in range(1, len(x))) for f in factors]
    )
    weight = (missed / missed.min()) ** (-x.size / 2)
    season = newest(x, factors @ weight / weight.sum())
    return season - season.mean()


def test_evidence_is_what_it_says():
    from salesmgmt.engine.mstl import _followed

    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (9, 4, 12)) + np.linspace(0, 1, 9)[:, None, None] * rng.normal(
        0, 3, (4, 12)
    )
    last, path = _followed(x.copy())
    assert path.shape == x.shape
    for j in range(12):
        want = plainly(x[:, :, j])
        share = last[0, j] / want[0]  # shrunk, all positions alike
        assert 0 <= share <= 1
        np.testing.assert_allclose(last[:, j], share * want, rtol=1e-9, atol=1e-12)


def test_a_cycle_does_not_explain_itself():
    """One odd value leaves its own season alone, and shows in full in what is left."""
    from salesmgmt.engine.mstl import _followed

    rng = np.random.default_rng(7)
    x = rng.normal(0, 0.1, (8, 4, 1)) + np.array([3.0, -1.0, -1.0, -1.0])[:, None]
    odd = x.copy()
    odd[4, 2] += 1.0
    change = _followed(odd)[1][4] - _followed(x)[1][4]
    assert abs(change[2, 0]) < 0.1


def test_summary_tells_what_weighs_most():
    t = np.arange(96)
    rng = np.random.default_rng(8)
    y = (100 + 15 * np.sin(t * np.pi / 6) + rng.normal(0, 1, 96))[:, None]
    row = Forecaster(by="item", model="mstl").fit(history_of(y)).summary_.iloc[0]
    assert row["form"] == "MSTL"
    assert 0 < row["parameters"]["alpha"] < 0.3  # the level stands still
    assert row["rmse"] == pytest.approx(1, rel=0.25)


def test_columns_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(9)
    n = np.array([40, 60, 25, 60, 14])
    y = rng.normal(1, 0.2, (60, 5))
    y[:, 3] -= 2  # no logarithms
    y[30:34, 1] = np.nan
    y[np.arange(60)[:, None] >= n] = np.nan
    whole = fit_mstl(y, n, 12, 6)
    for j, size in enumerate(n):
        alone = fit_mstl(y[:size, [j]], n[[j]], 12, 6)
        np.testing.assert_allclose(whole.forecast[:, j], alone.forecast[:, 0], rtol=1e-9)
        np.testing.assert_allclose(whole.sd[:, j], alone.sd[:, 0], rtol=1e-9)


# --------------------------------------------------------------------------------------
# seasons of many places: days of a year


def years_of_days(years, memory, series=12):
    """Waves of a year (365, series), and errors of 10 with a memory of so much (time, series)."""
    rng = np.random.default_rng(5)
    turn, n = 2 * np.pi * np.arange(365)[:, None] / 365, 365 * years + 40
    begin = rng.uniform(0, 6, (2, series))
    wave = 20 * np.sin(turn + begin[0]) + 8 * np.sin(3 * turn + begin[1])
    noise = rng.normal(0, 1, (n, series))
    for t in range(1, n):
        noise[t] += memory * noise[t - 1]
    return wave, 10 * noise / noise.std()


def by_place(y, years):
    """Plain means of each place."""
    mean = y[: 365 * years].reshape(years, 365, -1).mean(axis=0)
    return mean - mean.mean(axis=0)


@pytest.mark.parametrize("years", [2, 3, 5])
@pytest.mark.parametrize(("memory", "of_plain"), [(0.0, 0.35), (0.8, 0.7)])
def test_days_of_the_year_are_known_from_their_neighbours(years, memory, of_plain):
    wave, noise = years_of_days(years, memory)
    y = 100 + wave[np.arange(len(noise)) % 365] + noise
    found = seasonal_differences(y, np.full(y.shape[1], len(y)), 365)
    off, plain = ((s - wave).std() for s in (found, by_place(y, years)))
    assert off < of_plain * plain


@pytest.mark.parametrize("years", [2, 3, 5])
def test_waves_that_do_not_come_back_are_no_season(years):
    _, noise = years_of_days(years, 0.8)
    found = seasonal_differences(100 + noise, np.full(noise.shape[1], len(noise)), 365)
    assert found.std() < 0.45 * by_place(noise, years).std()


def test_a_day_that_stands_out_every_year_is_not_smoothed_away():
    """Singles' Day of 400 among days of 100 with errors of 10."""
    _, noise = years_of_days(4, 0.0)
    y = 100 + noise
    y[np.arange(len(y)) % 365 == 314] += 300
    found = seasonal_differences(y, np.full(y.shape[1], len(y)), 365)
    assert (np.abs(found[314] - found.mean(axis=0) - 300) < 50).all()
    assert np.abs(np.delete(found, 314, axis=0)).mean() < 5


@pytest.mark.parametrize("weeks", [19, 26, 33])
def test_the_weekend_is_seen_coming_on_friday_night(weeks):
    """The newest two days say nothing of weekends; those before them do."""
    rng = np.random.default_rng(3)
    t = np.arange(24 * 7 * (weeks // 7) + 24 * 5 + 48)[:, None]
    wave = 30 * np.sin(2 * np.pi * t / 24 + rng.uniform(0, 6, 9))
    y = 200 + wave - 40.0 * ((t // 24) % 7 >= 5) + rng.normal(0, 6, (len(t), 9))
    dates = pd.date_range("2024-01-01", periods=len(y), freq="h")
    rows = [pd.DataFrame({"shop": j, "date": dates, "amount": v}) for j, v in enumerate(y.T)]
    sales = pd.concat(rows, ignore_index=True)
    known = sales["date"] < dates[-48]
    made = forecast(sales[known], 48, by="shop", freq="h", level=None)
    off = np.abs(made["forecast"].to_numpy() - sales.loc[~known, "amount"].to_numpy()).mean()
    assert off < 1.5 * 6 * np.sqrt(2 / np.pi)  # of the noise alone
