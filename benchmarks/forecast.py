"""The forecast engine's figures: accuracy on competition data, intervals, cost, against peers.

    SALESMGMT_DATA=/path/to/data python benchmarks/forecast.py [--peers PYTHON] [--sets ...]

``--peers`` (or SALESMGMT_PEERS) names the interpreter of an environment made from
``peers/forecast.txt``; without it the peer's columns are left out. Train parts are forecast,
test parts score. Times are CPU seconds of one process; ours and the peer's runs alternate.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from salesmgmt.forecast import accuracy, forecast

HERE = Path(__file__).parent
# name: frequency, season, horizon, peer's models
SETS = {
    "m3_yearly": ("Y", 1, 6, "ets,ces,dot"),
    "m3_quarterly": ("Q", 4, 8, "ets,ces,dot"),
    "m3_monthly": ("M", 12, 18, "ets,ces,dot"),
    "m3_other": ("Y", 1, 8, "ets,ces,dot"),
    "tourism_yearly": ("Y", 1, 4, "ets,ces,dot"),
    "tourism_quarterly": ("Q", 4, 8, "ets,ces,dot"),
    "tourism_monthly": ("M", 12, 24, "ets,ces,dot"),
    "m4_weekly": ("W", 1, 13, "ets,dot"),
    "m1_yearly": ("Y", 1, 6, "ets,ces,dot"),
    "m1_quarterly": ("Q", 4, 8, "ets,ces,dot"),
    "m1_monthly": ("M", 12, 18, "ets,ces,dot"),
    "hospital": ("M", 12, 12, "ets,ces,dot"),
    "jewelry": ("W", 52, 13, "ets,dot"),
    "aus_retail": ("M", 12, 24, "ets,ces,dot"),
    "walmart_weekly": ("W", 52, 13, "mstl"),
    "carparts": ("M", 12, 12, "imapa,tsb"),
}
EIGHT = list(SETS)[:8]
# Best of AutoETS, AutoCES, DynamicOptimizedTheta, AutoARIMA, their means and medians, chosen
# afterwards on each set's test part (statsforecast 2.1.1); AutoETS's MSIS at 95 %.
BEST = dict(zip(EIGHT, (0.8436, 0.8861, 0.8067, 0.6230, 0.8687, 0.8403, 0.7747, 0.9628)))
ETS_MSIS = dict(zip(EIGHT, (28.74, 11.70, 6.76, 11.75, 28.09, 16.08, 14.55, 19.12)))
# Models by name, and what the peer calls the same.
MODELS: dict[str, dict] = {
    **{name: {"model": name} for name in ("ets", "arima", "theta", "ces", "mstl", "regression")},
    "ensemble": {"model": "ensemble"},
    "auto": {"model": "auto"},
    "theta, transform": {"model": "theta", "transform": "auto"},
    "auto, clean": {"model": "auto", "clean": True},
}
PEER_MODELS = {name: name for name in ("ets", "arima", "theta", "ces", "mstl")}
_START = {"Y": "1800", "Q": "1900-01", "M": "1900-01", "W": "1900-01-01"}


def read(folder: Path, name: str, part: str) -> pd.DataFrame:
    """Series as a history; numbered steps become dates."""
    freq = SETS[name][0]
    frame = pd.read_parquet(folder / f"{name}_{part}.parquet")
    if pd.api.types.is_numeric_dtype(frame["ds"]):
        step = {"Y": ("Y", 1), "Q": ("M", 3), "M": ("M", 1), "W": ("D", 7)}[freq]
        at = np.datetime64(_START[freq], step[0]) + frame["ds"].to_numpy(int) * step[1]
        frame["ds"] = at.astype("datetime64[us]")
    frame = frame.rename(columns={"ds": "date", "y": "amount"})
    return frame[["unique_id", "date", "amount"]]


def score(name: str, history: pd.DataFrame, test: pd.DataFrame, made: pd.DataFrame) -> pd.Series:
    freq, season, *_ = SETS[name]
    test = test.dropna().rename(columns={"amount": "actual"})
    known = made.merge(test, on=["unique_id", "date"])
    options = {"freq": freq, "season_length": season, "gaps": "missing"}
    return accuracy(known, history=history, by=None, **options).iloc[0]


def ours(name: str, history: pd.DataFrame, **options) -> tuple[pd.DataFrame, float]:
    freq, season, horizon, _ = SETS[name]
    start = time.process_time()
    made = forecast(
        history, horizon, by="unique_id", freq=freq, season_length=season, gaps="missing", **options
    )
    return made, (time.process_time() - start) / history["unique_id"].nunique() * 1e3


def peer(
    python: str, name: str, history: pd.DataFrame, models: str, level: int | None = None
) -> tuple[pd.DataFrame, dict]:
    """The peer's forecasts by series and step, and CPU milliseconds a series and model."""
    _, season, horizon, _ = SETS[name]
    rows = history.dropna().sort_values(["unique_id", "date"], ignore_index=True)
    rows = rows.assign(ds=rows.groupby("unique_id").cumcount() + 1).rename(columns={"amount": "y"})
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.parquet", Path(folder) / "out.parquet"
        rows.assign(unique_id=rows["unique_id"].astype(object))[
            ["unique_id", "ds", "y"]
        ].to_parquet(source)
        command = [python, HERE / "peers/forecast_peer.py", source, season, horizon, models, out]
        command += [] if level is None else [level]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "NIXTLA_ID_AS_COL": "1"}
        done = subprocess.run(
            [str(c) for c in command], capture_output=True, text=True, env=env, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        told = json.loads(done.stdout.strip().splitlines()[-1])
        made = pd.read_parquet(out)
    cost = {k: v / told["series"] * 1e3 for k, v in told["cpu"].items()}
    return made, cost


def accuracy_table(folder: Path, names: list[str], python: str | None) -> None:
    print(
        f"{'set':18s} {'series':>6s} {'OWA':>7s} {'best':>7s} {'ratio':>6s} {'MASE':>7s} "
        f"{'RMSSE':>7s} {'WAPE':>7s} {'95 %':>6s} {'MSIS':>7s} {'/ETS':>5s} {'ms':>6s}"
    )
    ratios = []
    for name in names:
        history, test = read(folder, name, "train"), read(folder, name, "test")
        made, ms = ours(name, history, level=(95,))
        a = score(name, history, test, made)
        best, ets = BEST.get(name, np.nan), ETS_MSIS.get(name, np.nan)
        ratios.append(a["owa"] / best)
        print(
            f"{name:18s} {a['series']:6.0f} {a['owa']:7.4f} {best:7.4f} {ratios[-1]:6.3f} "
            f"{a['mase']:7.4f} {a['rmsse']:7.4f} {a['wape']:7.4f} {a['coverage_95']:6.3f} "
            f"{a['msis_95']:7.2f} {a['msis_95'] / ets:5.2f} {ms:6.2f}",
            flush=True,
        )
        if python:
            against(python, name, history, test, made)
    known = [r for r in ratios if np.isfinite(r)]
    if known:
        print(
            f"mean ratio to the best peer combination {np.mean(known):.4f}, worst {max(known):.4f}"
        )


def against(
    python: str, name: str, history: pd.DataFrame, test: pd.DataFrame, made: pd.DataFrame
) -> None:
    """The peer's own scores on the same rows."""
    models = SETS[name][3]
    theirs, cost = peer(python, name, history, models)
    step = made.groupby("unique_id").cumcount() + 1
    table = made.assign(step=step)[["unique_id", "date", "step"]]
    theirs = theirs.sort_values(["unique_id", "ds"])
    theirs["step"] = theirs.groupby("unique_id").cumcount() + 1
    columns = models.split(",")
    merged = table.merge(theirs[["unique_id", "step", *columns]], on=["unique_id", "step"])
    if len(columns) > 1:
        merged["mean"] = merged[columns].mean(axis=1)
    for c in [*columns, *(["mean"] if len(columns) > 1 else [])]:
        rows = merged[["unique_id", "date"]].assign(forecast=merged[c])
        a = score(name, history, test, rows.dropna())
        ms = cost.get(c, sum(cost.values()))
        print(
            f"  {'peer ' + c:16s} {a['series']:6.0f} {a['owa']:7.4f} {'':14s} {a['mase']:7.4f} "
            f"{a['rmsse']:7.4f} {a['wape']:7.4f} {'':20s} {ms:6.2f}",
            flush=True,
        )


def cost_table(folder: Path, python: str | None, rounds: int) -> None:
    """M3 monthly, a part of it, ours and the peer's mean of three in turn."""
    history = read(folder, "m3_monthly", "train")
    keys = history["unique_id"].unique()[::4]
    part = history[history["unique_id"].isin(keys)]
    for i in range(rounds):
        _, whole = ours("m3_monthly", history, level=(80, 95))
        _, mine = ours("m3_monthly", part, level=(80, 95))
        line = f"round {i + 1}: ours {whole:.2f} ms a series ({len(keys)} series alone: {mine:.2f})"
        if python:
            _, cost = peer(python, "m3_monthly", part, "ets,ces,dot")
            theirs = sum(cost.values())
            line += f", peer's three {theirs:.1f} ms, ratio {theirs / whole:.0f}"
        print(line, flush=True)


def held_back(folder: Path, name: str, most: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Some series of a training part: all but the last horizon, and the last horizon."""
    _, season, horizon, _ = SETS[name]
    frame = read(folder, name, "train").dropna().sort_values(["unique_id", "date"])
    size = frame.groupby("unique_id")["date"].transform("size")
    frame = frame[size >= horizon + max(2 * season, 6)]
    keys = frame["unique_id"].unique()
    keys = keys[:: max(len(keys) // most, 1)][:most]
    frame = frame[frame["unique_id"].isin(keys)]
    left = frame.groupby("unique_id").cumcount(ascending=False)
    return frame[left >= horizon], frame[left < horizon]


def models_table(folder: Path, python: str | None, most: int, rounds: int) -> None:
    """Single models at the last origin inside the training parts, and the peer's of that name.

    CPU of ours and the peer's in turn, the least of each; the test parts are not read.
    """
    print(f"\nmodels by name, last origin inside the training part, at most {most} series a set")
    print(f"{'set':18s} {'model':16s} {'MASE':>7s} {'95 %':>6s} {'MSIS':>7s} {'ms':>7s}", end="")
    print(f" | {'peer MASE':>9s} {'95 %':>6s} {'MSIS':>7s} {'ms':>7s}")
    for name in ("m3_yearly", "m3_quarterly", "m3_monthly", "tourism_quarterly"):
        history, test = held_back(folder, name, most)
        for label, options in MODELS.items():
            theirs = PEER_MODELS.get(label) if python else None
            told, line = [], f"{name:18s} {label:16s}"
            for _ in range(rounds):
                made, ms = ours(name, history, level=(95,), **options)
                told.append((ms, _measures(name, history, test, made)))
                if python and theirs:
                    rows, cost = peer(python, name, history, theirs, level=95)
                    rows = _as_ours(made, rows, theirs)
                    told.append((cost[theirs], _measures(name, history, test, rows)))
            step = 2 if theirs else 1
            for first in range(step):
                mine = told[first::step]
                line += f"{mine[0][1]} {min(ms for ms, _ in mine):7.2f}" + " |" * (first < step - 1)
            print(line, flush=True)


def _measures(name: str, history: pd.DataFrame, test: pd.DataFrame, made: pd.DataFrame) -> str:
    a = score(name, history, test, made)
    return f" {a['mase']:7.3f} {a['coverage_95']:6.3f} {a['msis_95']:7.2f}"


def _as_ours(made: pd.DataFrame, rows: pd.DataFrame, model: str) -> pd.DataFrame:
    """The peer's steps with our dates and names."""
    rows = rows.sort_values(["unique_id", "ds"])
    rows["step"] = rows.groupby("unique_id").cumcount()
    mine = made.assign(step=made.groupby("unique_id").cumcount())[["unique_id", "date", "step"]]
    out = mine.merge(rows, on=["unique_id", "step"])
    names = {model: "forecast", f"{model}-lo": "lo_95", f"{model}-hi": "hi_95"}
    return out.rename(columns=names)[["unique_id", "date", *names.values()]]


def frontier(folder: Path, python: str, out: Path) -> None:
    """Accuracy against cost on a quarter of M3 monthly, drawn and printed."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    name = "m3_monthly"
    history, test = read(folder, name, "train"), read(folder, name, "test")
    keys = history["unique_id"].unique()[::4]
    history, test = (f[f["unique_id"].isin(keys)] for f in (history, test))
    points = []
    for model in ("auto", "ets", "theta", "arima", "ces", "mstl", "seasonal_naive"):
        made, ms = ours(name, history, level=None, model=model)
        points.append((model, ms, score(name, history, test, made)["owa"], True))
    theirs, cost = peer(python, name, history, "ets,ces,dot")
    step = made.groupby("unique_id").cumcount() + 1
    theirs["step"] = theirs.sort_values(["unique_id", "ds"]).groupby("unique_id").cumcount() + 1
    table = made.assign(step=step)[["unique_id", "date", "step"]]
    merged = table.merge(theirs, on=["unique_id", "step"])
    merged["mean of three"] = merged[["ets", "ces", "dot"]].mean(axis=1)
    cost["mean of three"] = sum(cost[c] for c in ("ets", "ces", "dot"))
    for c in ("ets", "ces", "dot", "mean of three"):
        rows = merged[["unique_id", "date"]].assign(forecast=merged[c])
        points.append((c, cost[c], score(name, history, test, rows)["owa"], False))
    _, ax = plt.subplots(figsize=(8, 4.6), layout="constrained")
    for label, ms, owa, mine in points:
        print(f"{'ours' if mine else 'peer'} {label:16s} {ms:8.2f} ms  OWA {owa:.4f}")
        colour = "#0072B2" if mine else "#6E6E6E"
        ax.plot(ms, owa, "o" if mine else "s", color=colour, markersize=9 if label == "auto" else 6)
        ax.annotate(label, (ms, owa), xytext=(6, 4), textcoords="offset points", color=colour)
    ax.set_xscale("log")
    ax.set_xlim(0.03, 600)
    ax.set_xlabel("CPU milliseconds a series, one thread")
    ax.set_ylabel("OWA (lower is better)")
    ax.set_title("M3 monthly: salesmgmt (blue), statsforecast 2.1.1 (grey)", loc="left")
    ax.grid(alpha=0.3)
    out.parent.mkdir(parents=True, exist_ok=True)
    plt.savefig(out, dpi=110)


def scale_table(sizes: list[int]) -> None:
    """36 months of made-up sales for many series: CPU, peak memory above the input."""
    for size in sizes:
        code = (
            "import resource, time, numpy as np, pandas as pd\n"
            "from salesmgmt.forecast import forecast\n"
            f"n = {size}; rng = np.random.default_rng(0); t = np.arange(36)\n"
            "y = rng.gamma(4, 25, (n, 1))\n"
            "y = y * (1 + .3 * np.sin(t / 1.9 + rng.uniform(0, 6, (n, 1))))\n"
            "y = y * rng.lognormal(0, .2, (n, 36))\n"
            "months = pd.date_range('2022-01-01', periods=36, freq='MS')\n"
            "f = pd.DataFrame({'item': np.repeat(np.arange(n), 36), 'date': np.tile(months, n),\n"
            "                  'amount': y.ravel()})\n"
            "forecast(f.head(3600), 12, by='item')\n"
            "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3\n"
            "before = peak(); start = time.process_time()\n"
            "out = forecast(f, 12, by='item')\n"
            "spent = time.process_time() - start\n"
            "print(f'{n} series: {spent:.1f} s CPU, {spent / n * 1e3:.3f} ms a series, '\n"
            "      f'{peak() - before:.0f} MB above the input, of which the result '\n"
            "      f'{out.memory_usage().sum() / 1e6:.0f} MB')\n"
        )
        subprocess.run(
            [sys.executable, "-c", code], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )


def first_call() -> None:
    code = (
        "import time; a = time.perf_counter(); import numpy as np, pandas as pd\n"
        "from salesmgmt.forecast import forecast\n"
        "d = pd.DataFrame({'k': np.repeat(np.arange(100), 60),\n"
        "    'amount': np.random.default_rng(0).gamma(4, 9, 6000),\n"
        "    'date': np.tile(pd.date_range('2019-01-01', periods=60, freq='MS'), 100)})\n"
        "b = time.perf_counter(); forecast(d, 12, by='k')\n"
        "print(f'first call, 100 series: {time.perf_counter() - b:.2f} s')\n"
        "print(f'import of pandas and the desk before: {b - a:.2f} s')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--against", action="store_true", help="score the peer on every set, too")
    parser.add_argument("--quick", action="store_true", help="one round, no 100,000 series")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--plot", type=Path, help="draw accuracy against cost into this file")
    parser.add_argument("--only", choices=("accuracy", "models", "cost", "scale", "plot"))
    parser.add_argument("--most", type=int, default=100, help="series a set for the models")
    args = parser.parse_args()
    root = os.environ.get("SALESMGMT_DATA")
    if not args.peers:
        print("peer skipped: give --peers PYTHON, an environment made from peers/forecast.txt")
    if not root:
        print("accuracy and cost skipped: set SALESMGMT_DATA to the folder of the real data")
    else:
        folder = Path(root) / "forecast"
        if args.only in (None, "accuracy"):
            accuracy_table(folder, args.sets, args.peers if args.against else None)
        if args.only in (None, "models"):
            models_table(folder, args.peers, args.most, 1 if args.quick else args.rounds)
        if args.only in (None, "cost"):
            cost_table(folder, args.peers, 1 if args.quick else args.rounds)
        if args.plot and args.peers:
            frontier(folder, args.peers, args.plot)
    if args.only in (None, "scale"):
        scale_table([1000] if args.quick else [1000, 100_000])
        first_call()


if __name__ == "__main__":
    print(f"limits: {resource.getrlimit(resource.RLIMIT_CPU)[0]} s CPU; one process, no threads")
    main()
