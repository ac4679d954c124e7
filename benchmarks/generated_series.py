"""Series of known law, beside the real ones that the forecast engine's networks learn from.

Collections are few and each is of its own kind: what the networks would do with series like none
of them is left to chance. So they also see series drawn at random from what the textbooks know:
constant and wandering levels, autoregressions, cycles, trends and growth that ends, with and
without a season, noise even and skewed, in levels and in logarithms, counts, shifts and outliers.
"""

from __future__ import annotations

import numpy as np

__all__ = ["PLANS", "many"]

# By kind of network: season, horizon, least and most values before the forecast, how many.
PLANS: dict[str, tuple[tuple[int, int, int, int, int], ...]] = {
    "short": ((1, 6, 8, 47, 1500),),
    "long": ((1, 10, 48, 240, 900),),
    "quarter": ((4, 8, 11, 90, 2000), (6, 6, 15, 60, 300)),
    "month": ((12, 18, 26, 180, 3000), (7, 14, 17, 180, 1000)),
    "fine": ((52, 13, 80, 220, 600), (24, 48, 60, 500, 300), (13, 13, 28, 120, 400)),
}
_BURN = 60  # values before the first that is kept
_FORMS = {
    "constant": 0.15,
    "smoothing": 0.25,
    "autoregression": 0.15,
    "cycle": 0.08,
    "walk": 0.15,
    "trend": 0.14,
    "growth": 0.08,
}


def many(kind: str, seed: int, share: float = 1.0) -> list[tuple[int, int, dict[str, np.ndarray]]]:
    """Season, horizon and series by name for a kind of network; each ends with what is to come."""
    out = []
    for m, horizon, least, most, count in PLANS[kind]:
        rng = np.random.default_rng([seed, m, horizon])
        made: dict[str, np.ndarray] = {}
        while len(made) < count * share:
            n = int(np.exp(rng.uniform(np.log(least), np.log(most + 1))))
            y = _one(rng, m, n + horizon)
            if _is_sales(y, n):
                made[f"generated {m} {len(made)}"] = y
        out.append((m, horizon, made))
    return out


def _is_sales(y: np.ndarray, n: int) -> bool:
    """Never below zero, seldom zero, and no explosion after the cut."""
    mean = y[:n].mean()
    return bool((y >= 0).all() and mean > 0 and (y[:n] == 0).mean() < 0.3 and y.max() < 20 * mean)


def _one(rng: np.random.Generator, m: int, T: int) -> np.ndarray:
    form = rng.choice(list(_FORMS), p=list(_FORMS.values()))
    x = _path(rng, form, T)
    if rng.random() < 0.12:  # the level shifts
        x[rng.integers(1, T) :] += rng.choice((-1, 1)) * rng.uniform(2, 6)
    if rng.random() < 0.12:
        x[rng.integers(0, T, rng.integers(1, 4))] += rng.choice((-1, 1)) * rng.uniform(3, 8)
    size = np.exp(rng.uniform(np.log(0.01), np.log(0.25)))
    season = _season(rng, m, T) if m > 1 and rng.random() < 0.65 else np.zeros(T)
    if rng.random() < 0.4:  # parts multiply
        return np.asarray(np.exp(np.clip(1.5 * size * x + season, -9, 9)))
    if form in ("constant", "smoothing", "autoregression") and rng.random() < 0.2:
        usual = np.exp(rng.uniform(np.log(1.0), np.log(80.0)))
        return rng.poisson(usual * np.exp(np.clip(0.3 * size * x + season, -4, 4))).astype(float)
    return np.asarray(1 + size * x + season)


def _noise(rng: np.random.Generator, T: int) -> np.ndarray:
    """Of variance one: normal, heavy on both sides, or skewed to either."""
    what = rng.choice(("normal", "heavy", "up", "down"), p=(0.5, 0.15, 0.2, 0.15))
    if what == "normal":
        return rng.standard_normal(T)
    if what == "heavy":
        return rng.standard_t(5, T) / np.sqrt(5 / 3)
    shape = rng.uniform(1, 8)
    skewed = (rng.gamma(shape, 1.0, T) - shape) / np.sqrt(shape)
    return skewed if what == "up" else -skewed


def _path(rng: np.random.Generator, form: str, T: int) -> np.ndarray:
    """A path around zero, its noise about one."""
    e = _noise(rng, T + _BURN)
    t = np.arange(T + _BURN, dtype=float)
    if form == "smoothing":
        x = e + rng.uniform(0.05, 0.95) * (np.cumsum(e) - e)
    elif form == "autoregression":
        x = _recursion(e, rng.uniform(-0.3, 0.95), 0.0)
    elif form == "cycle":
        root, period = rng.uniform(0.7, 0.98), rng.uniform(6, 40)
        x = _recursion(e, 2 * root * np.cos(2 * np.pi / period), -(root**2))
    elif form == "walk":
        x = np.cumsum(e + rng.normal(0, 0.25))
    elif form == "trend":
        x = e + rng.normal(0, 0.2) * t
        x += rng.choice((0.0, 0.3)) * np.cumsum(rng.standard_normal(len(t)))
    elif form == "growth":
        at, pace = rng.uniform(_BURN, T + _BURN), rng.uniform(3, 25)
        x = e + rng.choice((-1, 1)) * rng.uniform(4, 25) / (1 + np.exp(-(t - at) / pace))
    else:
        x = e
    x = x[_BURN:]
    return np.asarray(x - x[: max(T // 2, 2)].mean())


def _recursion(e: np.ndarray, first: float, second: float) -> np.ndarray:
    x = np.zeros_like(e)
    for t in range(2, len(e)):
        x[t] = first * x[t - 1] + second * x[t - 2] + e[t]
    return x


def _season(rng: np.random.Generator, m: int, T: int) -> np.ndarray:
    """Smooth or with a factor of its own for every period; some change slowly."""
    if rng.random() < 0.6:
        t = np.arange(m)
        s = np.zeros(m)
        for j in range(1, min(m // 2, 4) + 1):
            a, b = rng.normal(0, 1 / j, 2)
            s += a * np.sin(2 * np.pi * j * t / m) + b * np.cos(2 * np.pi * j * t / m)
    else:
        s = _noise(rng, m)
    s = (s - s.mean()) * np.exp(rng.uniform(np.log(0.02), np.log(0.35))) / max(s.std(), 1e-9)
    cycles = -(-T // m)
    moves = rng.normal(0, 0.12 * s.std(), (cycles, m)) if rng.random() < 0.3 else 0.0
    return np.asarray((s + np.cumsum(moves * np.ones((cycles, m)), axis=0)).ravel()[:T])
