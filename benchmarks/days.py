"""Days and hours: forecasts with two seasons, against MSTL and the peer's other methods.

    SALESMGMT_DATA=/path/to/data python benchmarks/days.py [--peers PYTHON]

M5's total by day from 13 origins, 28 days ahead; the M4 hourly series, 48 hours ahead, from four
origins inside their training part and from its end. ``--peers`` as in ``forecast.py``; its
methods are run on the days. Mean absolute errors are scaled by those of a week (a day) before.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from salesmgmt.errors import DataWarning
from salesmgmt.forecast import forecast

DAYS, APART, ORIGINS = 28, 56, 13
HOURS, BACK = 48, (192, 144, 96, 48)
_PEER = """
import sys, warnings
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import MSTL, AutoCES, AutoETS, DynamicOptimizedTheta, SeasonalNaive
warnings.simplefilter("ignore")
sales = pd.read_parquet(sys.argv[1])
models = [MSTL([7, 365]), AutoETS(7), DynamicOptimizedTheta(7), AutoCES(7), SeasonalNaive(7)]
parts = []
for known in map(int, sys.argv[3:]):
    made = StatsForecast(models, freq="D", n_jobs=1).forecast(df=sales.head(known), h=28)
    parts.append(made.assign(known=known))
pd.concat(parts).to_parquet(sys.argv[2])
"""


def tell(what: str, error: list[float], held: list[float] | None = None) -> None:
    holds = f", 95 % holds {np.mean(held):.3f}" if held else ""
    print(f"{what:44s} MASE {np.mean(error):.3f}{holds}", flush=True)


def days(folder: Path, peers: str | None) -> None:
    """M5's total: with and without its calendar and the events that come with it."""
    table = pd.read_parquet(folder / "m5_total_daily_with_events.parquet")
    sales = table.rename(columns={"sales": "amount"})[["date", "amount"]]
    kinds = ("date", "sales", "Cultural", "National", "Religious", "Sporting")
    named = [c for c in table.columns if c not in kinds]
    events = [pd.DataFrame({"name": c, "start": table["date"][table[c] > 0]}) for c in named]
    asked: dict[str, dict] = {
        "auto": {},
        'auto, calendar="US"': {"calendar": "US"},
        "auto, calendar and events": {"calendar": "US", "events": pd.concat(events)},
        "mstl": {"model": "mstl"},
        "seasonal_naive": {"model": "seasonal_naive"},
    }
    known = [len(sales) - DAYS - APART * k for k in range(ORIGINS)]
    for name, options in asked.items():
        error, held = [], []
        for k in known:
            made = forecast(sales.head(k), DAYS, freq="D", level=(95,), **options)
            actual = sales["amount"].iloc[k : k + DAYS].to_numpy()
            error.append(_scaled(made["forecast"].to_numpy(), actual, sales["amount"].head(k)))
            held.append(((made["lo_95"] <= actual) & (actual <= made["hi_95"])).mean())
        tell(f"days, {name}", error, held)
    if peers:
        for name, error in _peer(peers, sales, known).items():
            tell(f"  peer, {name}", error)


def _scaled(made: np.ndarray, actual: np.ndarray, past: pd.Series) -> float:
    return float(np.abs(made - actual).mean() / past.diff(7).abs().mean())


def _peer(python: str, sales: pd.DataFrame, known: list[int]) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as place:
        given, out = f"{place}/sales.parquet", f"{place}/made.parquet"
        rows = sales.rename(columns={"date": "ds", "amount": "y"}).assign(unique_id="all")
        rows.to_parquet(given)
        subprocess.run([python, "-c", _PEER, given, out, *map(str, known)], check=True)
        made = pd.read_parquet(out)
    names = [c for c in made.columns if c not in ("unique_id", "ds", "known")]
    found: dict[str, list[float]] = {name: [] for name in names}
    for k, rows in made.groupby("known"):
        actual = sales["amount"].iloc[k : k + DAYS].to_numpy()
        for name in names:
            found[name].append(_scaled(rows[name].to_numpy(), actual, sales["amount"].head(k)))
    return found


def hours(folder: Path) -> None:
    train, test = (
        pd.read_parquet(folder / f"m4_hourly_{part}.parquet") for part in ("train", "test")
    )
    every = pd.concat([train, test]).rename(columns={"unique_id": "item", "y": "amount"})
    every["date"] = pd.Timestamp("2000-01-01") + pd.to_timedelta(every["ds"], unit="h")
    end = train.groupby("unique_id")["ds"].max()
    ahead = every["ds"] - every["item"].map(end)
    for back in (*BACK, 0):
        past = every[ahead <= -back][["item", "date", "amount"]]
        later = every[(ahead > -back) & (ahead <= HOURS - back)]
        made = forecast(past, HOURS, by="item", freq="h", level=(95,))
        made = made.merge(later, on=["item", "date"])
        step = past.groupby("item")["amount"].apply(lambda v: v.diff(24).abs().mean())
        error = (made["forecast"] - made["amount"]).abs() / made["item"].map(step)
        held = made["amount"].between(made["lo_95"], made["hi_95"])
        where = f"{back} hours before the end of the training part" if back else "test part"
        tell(f"hours, auto, {where}", error.tolist(), held.tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    args = parser.parse_args()
    root = os.environ.get("SALESMGMT_DATA")
    if not root:
        print("skipped: set SALESMGMT_DATA to the folder of the real data")
        return
    warnings.simplefilter("ignore", DataWarning)  # holidays that are not in a short record
    days(Path(root) / "forecast", args.peers)
    hours(Path(root) / "forecast")


if __name__ == "__main__":
    main()
