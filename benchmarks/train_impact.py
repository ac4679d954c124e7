"""Choose how placebo runs correct the intervals of impact, on series the networks have not seen.

    SALESMGMT_DATA=FOLDER python benchmarks/train_impact.py [--seeds 3] [--every 2]

Prints coverage and interval score (mean width plus what misses cost, in the widths before
correction; lower is better) of the cumulated effect by frequency, for values around those in
``salesmgmt/_forecast/impact.py``, and how far p-values are from uniform, by degrees of freedom.
The factor on quarters is left out there; then it is learned: what each set asks for, the mean
drawn to one as far as sets of a frequency differ, and what it does to each set when the others
choose it. At last short records: what is asked for by number of values before the start, and
false alarms as it is. Training parts only; several starts; nothing is written.
"""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from unittest import mock

import forecast_desk
import numpy as np
import pandas as pd
import train_forecast
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
SHORT = (4, 5, 6, 8, 10, 12, 16, 26, 40)  # values before a start, in windows of any time
SHORT_SETS = forecast_desk.EFFECTS | {
    "years": (("m3_yearly", "tourism_yearly", "m1_yearly"), "Y", ()),
    "weeks": (("walmart_weekly", "m4_weekly", "jewelry"), "W", ()),
}
STEPS = {"M": "MS", "Q": "QS", "Y": "YS", "W": "W-MON"}


def gathered_runs(networks: list[dict], every: int) -> dict[str, dict[str, list[tuple]]]:
    """Effects where nothing happened, with their placebo runs, by frequency and set."""
    out: dict[str, dict[str, list[tuple]]] = {}
    folder = Path(os.environ["SALESMGMT_DATA"])
    read, told = forecast_desk.read, desk._effects
    for half in (0, 1):

        def other(folder: Path, name: str, half: int = half) -> pd.DataFrame:
            frame = read(folder, name)
            frame = frame[frame["unique_id"].map(half_of) == half]
            return frame[frame["unique_id"].isin(frame["unique_id"].unique()[::every])]

        def once(known: pd.DataFrame, start: object, freq: str, rng: object) -> np.ndarray:
            desk.impact(known, start=pd.Timestamp(start), by="unique_id", freq=freq)
            return np.ones(3)

        for what, (names, freq, lengths) in forecast_desk.EFFECTS.items():
            for name in names:
                kept = out.setdefault(what, {}).setdefault(name, [])

                def keep(real, runs, law, correction, level, kept=kept):  # type: ignore[no-untyped-def]
                    kept.append((real, runs, law, correction.shape))
                    return told(real, runs, law, correction, level)

                alone = {what: ((name,), freq, lengths)}
                with (
                    forecasting_by(networks[1 - half]),
                    mock.patch.object(forecast_desk, "EFFECTS", alone),
                    mock.patch.object(forecast_desk, "read", other),
                    mock.patch.object(forecast_desk, "_injected", once),
                    mock.patch.object(desk, "_effects", keep),
                ):
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


def together(calls: list[tuple]) -> np.ndarray:
    return np.concatenate([distances(*c) for c in calls], axis=1)


def tell_factors(kept: dict[str, dict[str, list[tuple]]]) -> None:
    """What sets of a frequency ask for beyond the corrections, and what chance makes of it."""
    asked = {}
    for what, sets in kept.items():
        found = {n: together(calls) for n, calls in sets.items() if calls}
        asked[what] = {n: np.log(np.quantile(a / f, 0.95)) for n, (a, f) in found.items()}
    rest = [np.array(list(v.values())) for v in asked.values() if len(v) > 1]
    within = sum(((v - v.mean()) ** 2).sum() for v in rest) / sum(len(v) - 1 for v in rest)
    each = np.array([np.mean(list(v.values())) for v in asked.values()])
    chance = np.mean([within / len(v) for v in asked.values()])
    between = max(float((each**2).mean() - chance), 0.0)
    print(f"log factors: variance within a frequency {within:.4f}, between {between:.4f}")
    for what, sets in asked.items():
        mean, drawn = (
            np.exp(np.mean(list(sets.values()))),
            _drawn([*sets.values()], within, between),
        )
        ships = f" (shipped: {desk._QUARTERLY}, by choice)" if what == "quarters" else ""
        print(f"{what}: sets ask {mean:.3f}, drawn to one {drawn:.3f}{ships}")
        for name, own in sets.items():
            others = _drawn([v for k, v in sets.items() if k != name], within, between)
            away, factor = together(kept[what][name])
            alarms = [(away > f * factor).mean() for f in (1.0, others)]
            print(f"  {name}: asks {np.exp(own):.3f}; the others say {others:.3f}: false alarms "
                  f"{alarms[0]:.3f} -> {alarms[1]:.3f}")  # fmt: skip


def _drawn(logs: list[float], within: float, between: float) -> float:
    """Their mean, drawn to one as the variances say."""
    if not logs:
        return 1.0
    return float(np.exp(np.mean(logs) * between / (between + within / len(logs))))


def tell_short(networks: list[dict]) -> None:
    """Windows of few values, from any time of a series, that the networks had not seen."""
    found = []
    for what, (names, freq, _) in SHORT_SETS.items():
        for name in names:
            series = train_forecast.read(Path(os.environ["SALESMGMT_DATA"]) / "forecast", name)
            for count, far, half in product(SHORT, (2, 4), (0, 1)):
                rng = np.random.default_rng([count, far, half])
                cut = _windows(series, half, count + far, rng)
                if len(cut) >= 20:
                    with forecasting_by(networks[1 - half]):
                        away, factor = _of_windows(cut, count, freq)
                    row = {"what": what, "set": name, "values": count, "away": away}
                    found.append(pd.DataFrame(row | {"alarm": away > factor}))
    table = pd.concat(found).groupby(["what", "set", "values"])
    asked = table["away"].quantile(0.95).unstack()
    print("asked for, by values before the start", asked.round(2).to_string(), sep="\n")
    alarms = table["alarm"].mean().unstack()
    print("false alarms as it is", alarms.round(3).to_string(), sep="\n")


def _of_windows(cut: list[np.ndarray], count: int, freq: str) -> np.ndarray:
    """Error of the sums in half widths before they grow for few values, and what they are
    multiplied by in all, (2, series)."""
    dates = pd.date_range("2015-01-05", periods=len(cut[0]), freq=STEPS[freq])
    sales = pd.concat(
        pd.DataFrame({"key": k, "date": dates, "amount": x}) for k, x in enumerate(cut)
    )
    kept, told, few, grow = [], desk._effects, [], desk._for_few

    def keep(real, runs, law, correction, level):  # type: ignore[no-untyped-def]
        error, up, down = desk._sums(real, law)
        away = np.abs(error) / np.where(error > 0, up, down)
        last = real.groupby("_series").tail(1).index
        rows = np.stack([away, desk._of_rows(real, correction)])[:, last]
        kept.append(rows * few[0][real["_series"].to_numpy()[last]])
        return told(real, runs, law, correction, level)

    def keep_few(record, cut):  # type: ignore[no-untyped-def]
        few.append(grow(record, cut))  # the start itself comes first
        return few[-1]

    with mock.patch.object(desk, "_effects", keep), mock.patch.object(desk, "_for_few", keep_few):
        desk.impact(sales, start=dates[count], by="key", freq=freq)
    return kept[0]


def _windows(
    series: dict[str, np.ndarray], half: int, length: int, rng: np.random.Generator
) -> list[np.ndarray]:
    fits = [x for k, x in series.items() if half_of(k) == half and len(x) >= length]
    some = [fits[i] for i in rng.permutation(len(fits))[:100]]
    ends = [int(rng.integers(length, len(x) + 1)) for x in some]
    cut = [x[end - length : end] for x, end in zip(some, ends)]
    return [x for x in cut if np.isfinite(x).all()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, default=2, help="every how many-th series")
    options = parser.parse_args()
    groups = gathered(Path(os.environ["SALESMGMT_DATA"]))
    networks = [trained(groups, half, options.seeds) for half in (0, 1)]
    runs = gathered_runs(networks, options.every)
    tell_factors(runs)
    kept = {what: [c for calls in sets.values() for c in calls] for what, sets in runs.items()}
    for change in GRID:
        words = []
        with mock.patch.multiple(desk, **change) if change else nullcontext():
            for what, calls in kept.items():
                away, factor = together(calls)
                score = factor + 20 * np.maximum(away - factor, 0)
                words.append(f"{what} {(away <= factor).mean():.3f} {score.mean():.3f}")
        print(change or "as it is", " ".join(words), flush=True)
    for freedom in (3, 4, 5, 6, 10, 1e6):
        words = []
        for what, calls in kept.items():
            away, factor = together(calls)
            p = np.sort(2 * stdtr(freedom, -away / factor * stdtrit(freedom, 0.975)))
            even = (np.arange(len(p)) + 0.5) / len(p)
            words.append(f"{what} {np.abs(p - even).max():.3f}")
        print(f"t with {freedom:g} degrees: largest distance from uniform", " ".join(words))
    tell_short(networks)


if __name__ == "__main__":
    main()
