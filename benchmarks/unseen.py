"""Attainment probabilities and impact on series that the forecast networks have not seen.

    SALESMGMT_DATA=FOLDER python benchmarks/unseen.py [--seeds 3] [--only plans|effects]

The weights that come with the package were learned from the series that are at hand here; on
other series errors are a little larger. So networks are trained on half of the series of each
set (without the newest origin), and the other half is judged with them; then the halves swap.
Training parts only. Nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

import forecast_desk
import train_forecast
from train_forecast import Sample

from salesmgmt.engine import combination, interval_width
from salesmgmt.engine.network import Network

NAMES = ("mean", "spread", "first", "bias1", "second", "bias2")


def half_of(name: str) -> int:
    return zlib.crc32(f"half{name}".encode()) % 2


def gathered(folder: Path) -> tuple[dict[str, list[Sample]], dict[str, list[Sample]]]:
    """Samples and yearly sums by kind, without the newest origin where there are several."""
    origins = {
        k: (m, h, o[1:] if len(o) > 2 else o) for k, (m, h, o) in train_forecast.SETS.items()
    }
    short = {k: tuple(o for o in v if o != 1) for k, v in train_forecast.SHORT_RECORDS.items()}
    with mock.patch.multiple(
        train_forecast, SETS=origins, SHORT_RECORDS=short, FEW=train_forecast.FEW[1:]
    ):
        return train_forecast.gathered(folder / "forecast")


def part_of(s: Sample, half: int) -> Sample:
    rows = np.array([half_of(i) == half for i in s.ids])
    arrays = ("members", "features", "errors", "actual", "q", "unit")
    ids = [i for i, kept in zip(s.ids, rows) if kept]
    return replace(s, ids=ids, **{name: getattr(s, name)[rows] for name in arrays})


def trained(
    found: tuple[dict[str, list[Sample]], dict[str, list[Sample]]], half: int, seeds: int
) -> dict[str, np.ndarray]:
    """Networks of one half of the series."""
    groups, sums = found
    stored: dict[str, np.ndarray] = {}
    alike: dict[str, dict[str, tuple]] = {}
    for kind in combination.KINDS:
        mine = [part_of(s, half) for s in groups[kind]]
        more = [part_of(s, half) for s in sums.get(kind, [])]
        hidden = train_forecast.HIDDEN.get(kind, 24)
        network, unseen = train_forecast.shares(mine, more, seeds, train_forecast.EVEN, hidden)
        stored |= {f"{kind}.{k}": v for k, v in network.items()}
        alike.setdefault(interval_width.GROUPS[kind], {})[kind] = (mine, unseen)
    with mock.patch.object(train_forecast, "report"), mock.patch("builtins.print"):
        for group, kinds in alike.items():
            stored |= train_forecast.interval_widths(group, kinds, seeds)
    return stored


@contextmanager
def forecasting_by(stored: dict[str, np.ndarray]) -> Iterator[None]:
    """The engine with these networks instead of its own."""
    made: dict[str, tuple[Network, dict[str, np.ndarray]]] = {}

    def load(kind: str, what: str) -> tuple[Network, dict[str, np.ndarray]]:
        head = f"{kind}.{what}."
        if head not in made:
            parts = {k.removeprefix(head): np.asarray(v, dtype=float)
                     for k, v in stored.items() if k.startswith(head)}  # fmt: skip
            made[head] = Network(*(parts.pop(name) for name in NAMES)), parts
        return made[head]

    with mock.patch.object(combination, "load", load):
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=("plans", "effects"), help="one of the two")
    options = parser.parse_args()
    folder = Path(os.environ["SALESMGMT_DATA"])
    groups = gathered(folder)
    plans: list[pd.DataFrame] = []
    counts: dict[str, np.ndarray] = {}
    read = forecast_desk.read
    for half in (0, 1):

        def other(folder: Path, name: str, half: int = half) -> pd.DataFrame:
            frame = read(folder, name)
            return frame[frame["unique_id"].map(half_of) == half]

        with forecasting_by(trained(groups, 1 - half, options.seeds)):
            with mock.patch.object(forecast_desk, "read", other):
                if options.only != "effects":
                    plans.append(forecast_desk.judged_plans(folder, quick=False))
                for what in forecast_desk.EFFECTS if options.only != "plans" else ():
                    found = forecast_desk.judged_effects(folder, what, quick=False)
                    counts[what] = counts.get(what, 0) + found
    if plans:
        forecast_desk.tell_plans(pd.concat(plans, ignore_index=True))
    if counts:
        forecast_desk.tell_effects(counts)


if __name__ == "__main__":
    main()
