"""Learn what sample paths presume: how errors hang together along the horizon.

    SALESMGMT_DATA=FOLDER python benchmarks/train_paths.py [--seeds 3] [--every 1]

Networks are trained on half of the series of each set, the other half is forecast with them from
origins inside the training parts, then the halves swap. Prints the constants of
``salesmgmt/engine/paths.py``: the law of correlation (``_USUAL``) and what a series says of it
(``_USUAL_WEIGHT``), also without each set in turn; then, for values around ``_USUAL``, ``_WORTH``
and ``_FREEDOM``, scores of sums over the horizon (CRPS and interval score at 95 %, in mean sales)
and the share of outcomes by tenth of their draws, worst tenth first. Every set counts the same.
At last the tenths by set, over all origins. Nothing is written.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import train_forecast
from unseen import forecasting_by, gathered, half_of, trained

from salesmgmt.engine import paths
from salesmgmt.engine.bank import Forecast, forecast_block

# Horizons and fewest values before an origin, by season; half of the pharmacy's items hardly sell
# and forecasts from before a whole season are another matter.
CASES = {1: ((2, 4), 8), 4: ((2, 4, 8), 12), 12: ((3, 6, 12), 24), 52: ((4, 8, 13), 60)}
LEFT_OUT = {"pbs_scripts", "m4_weekly:1", "m4_hourly"}
ORIGINS = 7  # one horizon apart
PAST = 3  # earlier origins that a call learns from
DRAWS = 199
BLOCK = 256
GRID = (
    {},
    {"_USUAL": (0.21, 0.57)},
    {"_USUAL": (0.22, 0.70)},
    {"_WORTH": 10.0},
    {"_WORTH": 100.0},
    {"_FREEDOM": 4.0},
    {"_FREEDOM": 10.0},
    {"_FREEDOM": 1e6},
)


@dataclass
class Origin:
    """Series of one set forecast from one origin."""

    found: list[Forecast]
    y: np.ndarray  # (horizon, series)
    scale: np.ndarray
    floor: np.ndarray

    @property
    def rho(self) -> np.ndarray:
        return np.concatenate([_assumed(f) for f in self.found])

    @property
    def z(self) -> np.ndarray:
        ends = np.cumsum([f.mean.shape[1] for f in self.found])[:-1]
        parts = zip(self.found, np.split(self.y, ends, axis=1))
        return np.concatenate([f.deviates(y) for f, y in parts], axis=1)

    def sums(self, z: np.ndarray) -> np.ndarray:
        """Sums over the horizon (draws, series) at deviates (draws, horizon, series)."""
        ends = np.cumsum([f.mean.shape[1] for f in self.found])[:-1]
        parts = zip(self.found, np.split(z, ends, axis=2))
        drawn = np.concatenate([f.quantile(u) for f, u in parts], axis=2)
        return np.asarray(np.maximum(drawn, self.floor).sum(axis=1))


def _assumed(f: Forecast) -> np.ndarray:
    low, high = f.bounds(95.0)
    return paths.mean_correlation(paths.persistence(high - low), len(f.mean))


def forecasts(folder: Path, seeds: int, every: int) -> dict[tuple[str, int], list[Origin]]:
    """By set and horizon, newest origin first; every series by networks that had not seen it."""
    groups = gathered(folder)
    halves: dict[tuple[str, int], list[list[Origin]]] = defaultdict(list)
    for half in (0, 1):
        with forecasting_by(trained(groups, 1 - half, seeds)):
            for name in dict.fromkeys([*train_forecast.SETS, *train_forecast.SHORT_RECORDS]):
                if name in LEFT_OUT:
                    continue
                m = train_forecast.SETS.get(name, (52, 0, ()))[0]
                series = train_forecast.read(folder / "forecast", name)
                mine = [x for k, x in series.items() if half_of(k) == half][::every]
                horizons, least = CASES[m]
                for horizon in horizons:
                    made = [
                        one_origin(mine, m, horizon, k, least) for k in range(1, ORIGINS + PAST + 1)
                    ]
                    halves[name, horizon].append([o for o in made if o is not None])
    return {k: [_joined(o) for o in zip(*both)] for k, both in halves.items()}


def one_origin(series: list[np.ndarray], m: int, horizon: int, k: int, least: int) -> Origin | None:
    """The series that reach back so far, ``k`` horizons before their ends."""
    back = k * horizon
    used = [x for x in series if len(x) - back >= least]
    used = [x for x in used if np.isfinite(x[len(x) - back :][:horizon]).all()]
    used.sort(key=len, reverse=True)
    if len(used) < 10:
        return None
    found, kept = [], []
    for at in range(0, len(used), BLOCK):
        some = used[at : at + BLOCK]
        n = np.array([len(x) - back for x in some])
        y = np.full((n.max(), len(some)), np.nan)
        for j, x in enumerate(some):
            y[: n[j], j] = x[: n[j]]
        made = forecast_block(y, n, horizon, m, ["auto"])
        low, high = made.bounds(95.0)
        good = np.flatnonzero((high > low).all(axis=0))
        found.append(_columns(made, good))
        kept += [some[j] for j in good]
    ahead = np.stack([x[len(x) - back :][:horizon] for x in kept], axis=1)
    past = [x[: len(x) - back] for x in kept]
    scale = np.array([np.nanmean(np.abs(x)) for x in past])
    floor = np.array([0.0 if np.nanmin(x) >= 0 else -np.inf for x in past])
    return Origin(found, ahead, np.maximum(scale, 1e-9), floor)


def _columns(f: Forecast, which: np.ndarray) -> Forecast:
    shape = f.shape[..., which] if f.shape is not None and f.shape.ndim == 3 else f.shape
    below, above = (None if v is None else v[:, which] for v in (f.below, f.above))
    return Forecast(f.mean[:, which], f.sd[:, which], below, above, f.levels, shape)


def _joined(parts: tuple[Origin, ...]) -> Origin:
    return Origin(
        [f for o in parts for f in o.found],
        np.concatenate([o.y for o in parts], axis=1),
        np.concatenate([o.scale for o in parts]),
        np.concatenate([o.floor for o in parts]),
    )


# --------------------------------------------------------------------------------------
# The law


def laws(kept: dict[tuple[str, int], list[Origin]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Normal equations of a series, by set: the mean over horizons and origins."""
    out = defaultdict(list)
    for (name, _), origins in kept.items():
        for o in origins:
            gram, moment = paths.evidence(o.z, o.rho)
            out[name].append(np.column_stack([gram, moment]) / len(o.rho))
    return {k: np.mean(v, axis=0) for k, v in out.items()}


def tell_law(found: dict[str, np.ndarray]) -> None:
    mean = np.mean(list(found.values()), axis=0)
    start, slope = np.linalg.solve(mean[:, :2], mean[:, 2])
    print(f"_USUAL {start:.3f} {slope:.3f}, _USUAL_WEIGHT {mean[:, :2].round(2).tolist()}")
    for name, own in found.items():
        rest = np.mean([v for k, v in found.items() if k != name], axis=0)
        start, slope = np.linalg.solve(rest[:, :2], rest[:, 2])
        rho, seen = own[0, 1:] / own[0, 0]
        print(f"  without {name:18s} {start:.3f} {slope:.3f}; this set assumes {rho:.2f}, "
              f"has {seen:.2f}, told {start + slope * rho:.2f}")  # fmt: skip


# --------------------------------------------------------------------------------------
# Scores of sums


def scored(
    kept: dict[tuple[str, int], list[Origin]], learns: bool
) -> dict[tuple[str, int], np.ndarray]:
    """By set and horizon: CRPS, interval score and ten shares, the mean over origins."""
    out = {}
    for (name, horizon), origins in kept.items():
        rows = []
        for k, o in enumerate(origins[:ORIGINS]):
            past = origins[k + 1 : k + 1 + PAST] if learns else []
            law = paths.correlation_law([p.z for p in past], [p.rho for p in past])
            stays = paths.kept_share(law[0] + law[1] * o.rho, horizon)
            rng = np.random.default_rng([k, horizon])
            nothing = np.zeros((0, len(stays)))
            drawn = o.sums(paths.deviates(nothing, stays, horizon, DRAWS, rng)) / o.scale / horizon
            rows.append(_scores(drawn, o.y.sum(axis=0) / o.scale / horizon))
        if rows:
            out[name, horizon] = np.mean(rows, axis=0)
    return out


def _scores(drawn: np.ndarray, came: np.ndarray) -> np.ndarray:
    n = len(drawn)
    weight = (2 * np.arange(1, n + 1) - n - 1)[:, None]
    spread = (weight * np.sort(drawn, axis=0)).sum(axis=0) / (n * (n - 1))
    crps = np.abs(drawn - came).mean(axis=0) - spread
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    interval = high - low + 40 * (np.maximum(low - came, 0) + np.maximum(came - high, 0))
    tenth = (drawn < came).sum(axis=0) * 10 // (n + 1)
    return np.array([crps.mean(), interval.mean(), *np.bincount(tenth, minlength=10) / len(came)])


def tell_scores(what: str, found: dict[tuple[str, int], np.ndarray]) -> None:
    sets = dict.fromkeys(name for name, _ in found)
    table = np.array([np.mean([v for k, v in found.items() if k[0] == s], axis=0) for s in sets])
    crps, interval = np.exp(np.log(table[:, :2]).mean(axis=0))
    print(f"{what:40s} CRPS {crps:.5f} interval {interval:.4f} tenths",
          " ".join(f"{x:.3f}" for x in table[:, 2:].mean(axis=0)), flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="every how many-th series")
    options = parser.parse_args()
    kept = forecasts(Path(os.environ["SALESMGMT_DATA"]), options.seeds, options.every)
    tell_law(laws(kept))
    for learns in (True, False):
        for change in GRID:
            with mock.patch.multiple(paths, **change) if change else nullcontext():
                told = "" if learns else ", nothing learned from the call"
                tell_scores(f"{change or 'as it is'}{told}", scored(kept, learns))
    now = scored(kept, True)
    for name in dict.fromkeys(name for name, _ in now):
        tell_scores(name, {k: v for k, v in now.items() if k[0] == name})


if __name__ == "__main__":
    main()
