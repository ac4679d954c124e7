"""Choose how placebo runs correct the intervals of impact, on series the networks have not seen.

    SALESMGMT_DATA=FOLDER python benchmarks/train_impact.py [--seeds 3] [--every 2]

Prints coverage and interval score (mean width plus what misses cost, in the widths before
correction; lower is better) of the cumulated effect by frequency, for values around those in
``salesmgmt/_forecast/impact.py``, and how far p-values are from uniform, by degrees of freedom.
The factor on quarters is left out. Training parts only; several starts; nothing is written.
"""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import forecast_desk
import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit
from unseen import forecasting_by, gathered, half_of, trained

from salesmgmt._forecast import impact as desk

GRID = (
    {},
    {"_STEADY": 1.0},
    {"_STEADY": 10.0},
    {"_ALIKE": 2.0},
    {"_ALIKE": 8.0},
    {"_BELIEF": 6.0},
    {"_BELIEF": 24.0},
    {"_FADE": 0.6},
    {"_FADE": 1.0},
)


def gathered_runs(folder: Path, seeds: int, every: int) -> dict[str, list[tuple]]:
    """Effects where nothing happened, with their placebo runs, by frequency."""
    groups, out = gathered(folder), {}
    read, told = forecast_desk.read, desk._effects
    for half in (0, 1):

        def other(folder: Path, name: str, half: int = half) -> pd.DataFrame:
            frame = read(folder, name)
            frame = frame[frame["unique_id"].map(half_of) == half]
            return frame[frame["unique_id"].isin(frame["unique_id"].unique()[::every])]

        def once(known: pd.DataFrame, start: object, freq: str, rng: object) -> np.ndarray:
            desk.impact(known, start=pd.Timestamp(start), by="unique_id", freq=freq)
            return np.ones(3)

        with (
            forecasting_by(trained(groups, 1 - half, seeds)),
            mock.patch.object(forecast_desk, "read", other),
            mock.patch.object(forecast_desk, "_injected", once),
        ):
            for what in forecast_desk.EFFECTS:
                kept = out.setdefault(what, [])

                def keep(real, runs, law, correction, level, kept=kept):  # type: ignore[no-untyped-def]
                    kept.append((real, runs, law, correction.shape))
                    return told(real, runs, law, correction, level)

                with mock.patch.object(desk, "_effects", keep):
                    forecast_desk.judged_effects(folder, what, quick=False)
    return out


def distances(real: pd.DataFrame, runs: list, law: tuple, shape: tuple) -> np.ndarray:
    """Error of the whole sum in corrected half widths, and the correction, (2, series)."""
    far, series = shape
    factor = desk._of_rows(real, desk._corrections(runs, series, far, law, desk._STEADY))
    error, up, down = desk._sums(real, law)
    last = real.groupby("_series").tail(1).index
    away = np.abs(error) / np.where(error > 0, up, down)
    return np.stack([away, factor])[:, last]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=2, help="every how many-th series")
    options = parser.parse_args()
    kept = gathered_runs(Path(os.environ["SALESMGMT_DATA"]), options.seeds, options.every)
    for change in GRID:
        words = []
        with mock.patch.multiple(desk, **change) if change else nullcontext():
            for what, calls in kept.items():
                away, factor = np.concatenate([distances(*c) for c in calls], axis=1)
                score = factor + 20 * np.maximum(away - factor, 0)
                words.append(f"{what} {(away <= factor).mean():.3f} {score.mean():.3f}")
        print(change or "as it is", " ".join(words), flush=True)
    for freedom in (3, 4, 5, 6, 10, 1e6):
        words = []
        for what, calls in kept.items():
            away, factor = np.concatenate([distances(*c) for c in calls], axis=1)
            p = np.sort(2 * stdtr(freedom, -away / factor * stdtrit(freedom, 0.975)))
            even = (np.arange(len(p)) + 0.5) / len(p)
            words.append(f"{what} {np.abs(p - even).max():.3f}")
        print(f"t with {freedom:g} degrees: largest distance from uniform", " ".join(words))


if __name__ == "__main__":
    main()
