"""Regressions of seasonal differences on their own past, against plain loops."""

import numpy as np
import pytest

from salesmgmt.engine.autoregression import seasonal_changes
from salesmgmt.engine.estimates import Estimates


def records(m: int, lengths: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = np.array(lengths)
    y = np.full((n.max(), len(n)), np.nan)
    for j, k in enumerate(n):
        season = rng.normal(0, 2, m)[np.arange(k) % m]
        y[:k, j] = 20 + np.cumsum(rng.normal(0.05, 0.4, k)) + season + rng.normal(0, 0.5, k)
    return y, n


def by_hand(x: list[float], m: int, horizon: int, twice: bool, ridge: float = 4.0) -> list[float]:
    """One series, one value after the other."""
    s = [x[t] - x[t - m] for t in range(m, len(x))]
    w = [b - a for a, b in zip(s, s[1:])] if twice else s
    mean = 0.0 if twice else sum(w) / len(w)
    c = [v - mean for v in w]
    lags = (1, 2, 3, m, m + 1) if twice else (1, 2, 3, m)
    rows = [[c[t - k] if t >= k else 0.0 for k in lags] for t in range(len(c))]
    power = sum(v * v for v in c) / len(c)
    a = np.array(rows).T @ np.array(rows) + (ridge * power + 1e-12) * np.eye(len(lags))
    coef = np.linalg.solve(a, np.array(rows).T @ np.array(c))
    coef /= max(np.abs(coef).sum() / (1.9 if twice else 0.98), 1.0)
    x, c, first = list(x), list(c), len(x)
    for _ in range(horizon):
        new = sum(b * c[len(c) - k] for k, b in zip(lags, coef))
        c.append(new)
        before = x[-1] - x[-1 - m] if twice else 0.0
        x.append(x[len(x) - m] + before + new + mean)
    low, high = min(x[:first]), max(x[:first])
    return [min(max(v, 2 * low - high), 2 * high - low) for v in x[first:]]


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize(("m", "horizon"), [(4, 11), (7, 9), (12, 18)])
def test_is_what_plain_loops_give(m, horizon, twice):
    y, n = records(m, [3 * m + 3, 5 * m + 1, 9 * m], seed=m)
    made = seasonal_changes(y, n, horizon, m, twice=twice)
    for j, k in enumerate(n):
        np.testing.assert_allclose(made[:, j], by_hand(list(y[:k, j]), m, horizon, twice), 1e-8)


@pytest.mark.parametrize("twice", [False, True])
def test_less_than_three_cycles_repeat_the_last(twice):
    y, n = records(12, [20, 35, 60], seed=1)
    made = seasonal_changes(y, n, 18, 12, twice=twice)
    for j in (0, 1):
        last = y[n[j] - 12 : n[j], j]
        np.testing.assert_array_equal(made[:, j], np.concatenate([last, last[:6]]))
    assert not np.allclose(made[:12, 2], y[48:60, 2])


def test_finds_the_law_of_a_long_record():
    """Seasonal differences with a mean of 1 that keep six tenths of the last one."""
    rng = np.random.default_rng(3)
    s = np.zeros(3000)
    for t in range(1, len(s)):
        s[t] = 0.6 * s[t - 1] + rng.normal()
    y = np.zeros(len(s))
    for t in range(len(y)):
        y[t] = (y[t - 4] if t >= 4 else 10.0) + 1 + s[t]
    made = seasonal_changes(y[:, None], np.array([len(y)]), 4, 4, twice=False)[:, 0]
    at_best = y[-4:] + 1 + s[-1] * 0.6 ** np.arange(1, 5)
    assert np.abs(made - at_best).max() < 0.25


@pytest.mark.parametrize("twice", [False, True])
def test_neither_neighbours_nor_steps_nor_a_second_run_change_a_forecast(twice):
    y, n = records(12, [40, 61, 80], seed=5)
    held = Estimates()
    whole = seasonal_changes(y, n, 24, 12, twice=twice, held=held)
    for j in range(3):
        alone = seasonal_changes(y[: n[j], j : j + 1], n[j : j + 1], 24, 12, twice=twice)
        np.testing.assert_allclose(alone[:, 0], whole[:, j], rtol=1e-9)
    np.testing.assert_allclose(seasonal_changes(y, n, 5, 12, twice=twice), whole[:5], rtol=1e-12)
    np.testing.assert_array_equal(seasonal_changes(y, n, 24, 12, twice=twice, held=held), whole)


@pytest.mark.parametrize("twice", [False, True])
def test_what_never_moves_stays(twice):
    made = seasonal_changes(np.full((40, 1), 3.0), np.array([40]), 30, 12, twice=twice)
    np.testing.assert_array_equal(made, 3.0)
