"""Targets against their bars and peers: exactness, distance to the optimum, time, memory.

Run: ``python benchmarks/targets.py [--quick] [--peers PYTHON]``. CPU seconds, median of three;
for one thread throughout set ``OMP_NUM_THREADS=1``. The peers (ipfn) run under their own
interpreter (``--peers`` or ``SALESMGMT_PEERS``, pinned in benchmarks/peers/targets.txt); the
two-way linear programme is HiGHS by SciPy. ``--quick`` leaves out the linear programme of
1,000 x 52 (about a minute).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog

from salesmgmt.engine.controlled_rounding import round_table
from salesmgmt.engine.raking import rake_table
from salesmgmt.targets import decompose, replan, track

YEAR = ("2026-01-01", "2026-12-31", "D")
_PEER = Path(__file__).with_name("peers") / "targets_peer.py"


def _seconds(call: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    took, out = [], None
    for _ in range(times):
        start = time.process_time()
        out = call()
        took.append(time.process_time() - start)
    return statistics.median(took), out


def _line(what: str, bar: str, ours: str, peer: str = "", ratio: str = "") -> None:
    print(f"{what:<58} {bar:>14} {ours:>14} {peer:>24} {ratio:>8}", flush=True)


def _gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


# --------------------------------------------------------------------------------------
# 10,000 reps x 365 days


def _company(reps: int) -> pd.Series:
    rng = np.random.default_rng(0)
    at = np.arange(reps)
    index = pd.MultiIndex.from_arrays(
        [
            pd.Categorical([f"R{i % 8}" for i in at]),
            pd.Categorical([f"T{i % 200:03d}" for i in at]),
            pd.Categorical([f"rep{i:05d}" for i in at]),
        ],
        names=["region", "team", "rep"],
    )
    return pd.Series(rng.gamma(2, 1, reps), index=index)


def _limits(weights: pd.Series, total: float, profile: pd.Series) -> dict[str, Any]:
    """5 % of the cells locked away from their ideal, floors and caps of reps, regions, cells."""
    rng = np.random.default_rng(1)
    free = decompose(total, periods=YEAR, weights=weights, profile=profile, calendar="CN")
    locked = free[free["target"] > 0].sample(frac=0.05, random_state=1).copy()
    locked["target"] = (locked["target"] * rng.uniform(0.7, 1.3, len(locked))).round(2)
    share = weights / weights.sum() * total
    floors = (share.droplevel([0, 1]) * 0.98).round(2).sample(500, random_state=2)
    region = (share.groupby(level=0, observed=True).sum() * 1.001).round(2)
    cell = round(float(free["target"].max()) * 0.6, 2)
    return {"locked": locked, "lower": [floors, 0.05], "upper": [region, cell]}


def _exact(plan: pd.DataFrame, total: float, limits: dict[str, Any]) -> bool:
    """Total to the cent, every lock kept, every floor and cap respected."""
    cents = np.rint(plan["target"].to_numpy() * 100).astype(np.int64)
    good = int(cents.sum()) == round(total * 100)
    locked = limits["locked"]
    at = locked.index.to_numpy()  # the plan has the same rows in the same order
    good &= bool((cents[at] == np.rint(locked["target"].to_numpy() * 100)).all())
    by_rep = pd.Series(cents).groupby(plan["rep"].to_numpy()).sum() / 100
    floors, least = limits["lower"]
    good &= bool((by_rep.reindex(floors.index) >= floors - 1e-6).all())
    region, cap = limits["upper"]
    by_region = pd.Series(cents).groupby(plan["region"].to_numpy()).sum() / 100
    good &= bool((by_region <= region.reindex(by_region.index).to_numpy() + 1e-6).all())
    others = np.ones(len(plan), dtype=bool)
    others[at] = False
    worked = others & (plan["target"].to_numpy() > 0)
    values = plan["target"].to_numpy()
    return good and values[others].max() <= cap and values[worked].min() >= least


def _large_plan(reps: int) -> None:
    total = 1_234_567_890.12
    weights = _company(reps)
    rng = np.random.default_rng(3)
    profile = pd.Series(rng.gamma(5, 1, 12), index=range(1, 13))
    limits = _limits(weights, total, profile)
    took, plan = _seconds(
        lambda: decompose(
            total, periods=YEAR, weights=weights, profile=profile, calendar="CN", **limits
        )
    )
    what = f"decompose {reps:,} reps x 365 days, limits, CPU s"
    _line(what, "<= 2", f"{took:.2f}")
    _line("  exact in cents, locks, floors and caps kept", "yes", str(_exact(plan, total, limits)))
    _line("  largest deviation of a team's quarter and the like", "small",
          f"{plan.attrs['max_cross_deviation']:.2f}")  # fmt: skip
    _line("  memory of the process, GB", "<= 2", f"{_gigabytes():.2f}")
    _follow(plan)


def _follow(plan: pd.DataFrame) -> None:
    rng = np.random.default_rng(4)
    done = plan[plan["period_start"] <= "2026-06-30"]
    actuals = done[["region", "team", "rep"]].assign(
        date=done["period_start"],
        amount=(done["target"] * rng.uniform(0.5, 1.4, len(done))).round(2),
    )
    took, _ = _seconds(lambda: track(plan, actuals, as_of="2026-06-30", calendar="CN"))
    _line("track, same size, categorical keys, CPU s", "<= 1.5", f"{took:.2f}")
    gone = {"rep00017": "2026-06-30"}
    took, again = _seconds(lambda: replan(plan, None, as_of="2026-06-30", leavers=gone))
    changed = again[again["target"] != again["previous"]]
    only = changed["team"].nunique() == 1 and changed["period_start"].min() > pd.Timestamp(
        "2026-06-30"
    )
    _line("replan after one rep left, same size, CPU s", "<= 1", f"{took:.2f}")
    _line("  only cells of his team after he left differ", "yes", str(bool(only)))


# --------------------------------------------------------------------------------------
# Distance to the optimum


def _table(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A fitted table and whole margins it meets."""
    rng = np.random.default_rng(5)
    seed = rng.gamma(2, 1000, (n, m))
    rows = np.rint(rng.gamma(3, 1000 * m, n) * 100)
    columns = rng.gamma(20, 1, m)
    columns = np.floor(columns / columns.sum() * rows.sum())
    columns[0] += rows.sum() - columns.sum()
    fit = rake_table(seed, [((0,), rows), ((1,), columns)], tol=1e-14, sweeps=200)
    return fit.values, rows, columns


def _optimum(ideal: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Least absolute distance by the linear programme of the transport problem."""
    n, m = ideal.shape
    floor = np.floor(ideal)
    at = np.arange(n * m)
    ones = np.ones(n * m)
    across = sparse.vstack(
        [sparse.csr_array((ones, (at // m, at))), sparse.csr_array((ones, (at % m, at)))]
    ).tocsr()
    need = np.r_[rows - floor.sum(axis=1), columns - floor.sum(axis=0)]
    cost = 1 - 2 * (ideal - floor).ravel()
    found = linprog(cost, A_eq=across, b_eq=need, bounds=(0, 1), method="highs-ds")
    return floor + np.rint(found.x).reshape(n, m)


def _distance(n: int, m: int, *, solve: bool) -> None:
    ideal, rows, columns = _table(n, m)

    def ours() -> np.ndarray:
        return round_table(
            ideal,
            total=int(rows.sum()),
            whole_rows=rows.astype(np.int64),
            whole_columns=columns.astype(np.int64),
        )

    took, whole = _seconds(ours)
    exact = (whole.sum(axis=1) == rows).all() and (whole.sum(axis=0) == columns).all()
    far = float(np.abs(whole - ideal).sum())
    if not solve:
        _line(f"round {n:,} x {m}, margins exact: {bool(exact)}, CPU s", "", f"{took:.3f}",
              "HiGHS: with full run")  # fmt: skip
        return
    theirs, best = _seconds(lambda: _optimum(ideal, rows, columns), 1)
    nearest = float(np.abs(best - ideal).sum())
    _line(f"round {n:,} x {m}, margins exact: {bool(exact)}, CPU s", "", f"{took:.3f}",
          f"HiGHS LP {theirs:.2f}", f"{theirs / took:.0f}x")  # fmt: skip
    _line("  L1 distance over the optimum", "<= +0.1 %", f"{100 * (far / nearest - 1):+.3f} %")


# --------------------------------------------------------------------------------------
# Raking


def _rake(shape: tuple[int, int, int], peers: str | None) -> None:
    rng = np.random.default_rng(6)
    seed = rng.gamma(2, 1, shape) * 1000
    aim = seed.copy()
    for axis, size in enumerate(shape):
        form = [1, 1, 1]
        form[axis] = size
        aim *= rng.uniform(0.5, 2, form)
    aim *= rng.uniform(0.8, 1.2, (1, *shape[1:]))
    kept = [(0,), (1,), (2,), (1, 2)]
    margins = [(axes, aim.sum(axis=tuple(a for a in range(3) if a not in axes))) for axes in kept]
    took, fit = _seconds(lambda: rake_table(seed, margins, tol=1e-9))
    told, ratio = _peer(seed, margins, peers), ""
    words = "ipfn skipped (no --peers)"
    if told is not None:
        words = f"ipfn {told['seconds']:.2f}, off {told['miss']:.2g}"
        ratio = f"{told['seconds'] / took:.0f}x"
    what = f"rake {shape[0]:,} x {shape[1]} x {shape[2]}, four margins, CPU s"
    _line(what, "<= 0.05", f"{took:.3f}", words, ratio)
    _line("  largest relative miss of a margin", "<= 1e-9", f"{fit.error:.1e}")


def _peer(seed: np.ndarray, margins: list, peers: str | None) -> dict[str, float] | None:
    if not peers:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.npz"
        given: dict[str, Any] = {"seed": seed, "count": np.array(len(margins))}
        for k, (axes, total) in enumerate(margins):
            given[f"axes{k}"], given[f"total{k}"] = np.array(axes), total
        np.savez(path, **given)
        done = subprocess.run(
            [peers, str(_PEER), str(path)], capture_output=True, text=True, check=True
        )
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out the long programme")
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    options = parser.parse_args()
    print(f"{'figure':<58} {'bar':>14} {'ours':>14} {'peer':>24} {'ratio':>8}")
    _distance(100, 12, solve=True)
    _distance(1000, 52, solve=not options.quick)
    _rake((1000, 12, 50), options.peers)
    _large_plan(10_000)


if __name__ == "__main__":
    main()
