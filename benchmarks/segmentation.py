"""Segmentation against its peers: CPU seconds of one thread, both measured in this run.

    python benchmarks/segmentation.py --peers PYTHON [--quick] [--large]

PYTHON is the interpreter of an environment with ``benchmarks/peers/segmentation.txt`` (or set
SALESMGMT_PEERS); without it only our figures are printed. DuckDB is taken from this environment.
Real data are read from the folder SALESMGMT_DATA, the CDNOW sample from SALESMGMT_CDNOW (the
``datasets`` folder of lifetimes will do); what is not there is left out. Memory is the greatest
resident size above that with the frame in place, each side in a process of its own (Linux only).
``--large`` adds 50 million rows, which take 5 GB.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[_name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from salesmgmt import segmentation as seg  # noqa: E402
from salesmgmt.engine.btyd_rows import compress  # noqa: E402

_PEER = """
import json, sys, time, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
kind, path, option = sys.argv[1:4]
frame = pd.read_pickle(path) if path.endswith("pkl") else pd.read_csv(path)
def clock(call, times):
    best = 1e9
    for _ in range(times):
        t = time.process_time(); out = call(); best = min(best, time.process_time() - t)
    return best, out
if kind in ("bgnbd", "pareto", "mbgnbd", "gammagamma"):
    import lifetimes as L
    if kind == "gammagamma":
        use = frame[frame["x"] > 0]
        call = lambda: L.GammaGammaFitter().fit(use["x"], use["monetary"])
    else:
        make = {"bgnbd": L.BetaGeoFitter, "pareto": L.ParetoNBDFitter,
                "mbgnbd": L.ModifiedBetaGeoFitter}[kind]
        call = lambda: make().fit(frame["x"], frame["t_x"], frame["T"])
    seconds, model = clock(call, int(option))
    told = {k: float(v) for k, v in model.params_.items()}
elif kind == "pairs":
    from efficient_apriori import apriori
    baskets = [tuple(g) for _, g in frame.groupby("order_id")["item"]]
    call = lambda: apriori(baskets, min_support=.01, min_confidence=1, max_length=2)
    seconds, out = clock(call, 1)
    told = {"pairs": len(out[0].get(2, {}))}
else:
    from mlxtend.frequent_patterns import fpgrowth
    wide = pd.crosstab(frame["order_id"], frame["item"]).astype(bool)
    seconds, out = clock(lambda: fpgrowth(wide, min_support=float(option)), 1)
    told = {"sets": len(out)}
print(json.dumps([seconds, told]))
"""


def main() -> None:
    """Print one line a figure: bar, ours, peer, ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS", ""))
    parser.add_argument("--quick", action="store_true", help="smaller sets, under a minute")
    parser.add_argument("--large", action="store_true", help="50 million rows, too")
    parser.add_argument("--memory", nargs=3, metavar=("SET", "ROWS", "SIDE"), help="internal")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.memory:
        print(peak(args.memory[0], int(args.memory[1]), args.memory[2]))
        return
    print(f"{'figure':46} {'bar':>12} {'ours':>10} {'peer':>10} {'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(args.peers, Path(folder))
        cdnow(bench)
        synthetic(bench, quick=args.quick)
        odd_sets()
        tables(1_000_000 if args.quick else 10_000_000, kinds=tuple(_KINDS))
        if args.large:
            tables(50_000_000, kinds=("dense integers", "any integers"))
        baskets(bench)


class _Bench:
    def __init__(self, peers: str, folder: Path):
        self.peers, self.folder = peers, folder

    def peer(self, kind: str, frame: pd.DataFrame, option: str) -> tuple[float, dict[str, float]]:
        """CPU seconds and result of a peer in its own environment."""
        if not self.peers:
            return float("nan"), {}
        path = self.folder / "frame.csv"
        frame.to_csv(path, index=False)
        done = subprocess.run(
            [self.peers, "-c", _PEER, kind, str(path), option],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            print(f"  peer failed: {done.stderr.strip().splitlines()[-1:]}")
            return float("nan"), {}
        seconds, told = json.loads(done.stdout.strip().splitlines()[-1])
        return seconds, told


def line(figure: str, bar: str, ours: float, peer: float, *, slower: bool = True) -> None:
    """One line; the ratio is peer over ours, or ours over peer (``slower=False``)."""
    ratio = peer / ours if slower else ours / peer
    shown = "skipped" if np.isnan(peer) else f"{peer:.4g}"
    print(f"{figure:46} {bar:>12} {ours:10.4g} {shown:>10} {ratio:8.2f}", flush=True)


def value(figure: str, bar: str, ours: str) -> None:
    print(f"{figure:46} {bar:>12} {ours:>10}", flush=True)


def clock(call: Callable[[], Any], times: int = 5) -> tuple[float, Any]:
    """Least CPU seconds of several runs, and the result."""
    best, out = np.inf, None
    for _ in range(times):
        start = time.process_time()
        out = call()
        best = min(best, time.process_time() - start)
    return float(best), out


def cdnow(bench: _Bench) -> None:
    """Published estimates, fit times, and the holdout."""
    path = Path(os.environ.get("SALESMGMT_CDNOW", "")) / "CDNOW_sample.txt"
    if not path.is_file():
        print("CDNOW: skipped (SALESMGMT_CDNOW is not set)")
        return
    names = ["master_id", "customer_id", "date", "quantity", "amount"]
    lines = pd.read_csv(path, sep=r"\s+", header=None, names=names)
    lines["date"] = pd.to_datetime(lines["date"].astype(str), format="%Y%m%d")
    seen = seg.purchases(lines, as_of="1998-06-30", holdout=39)
    for kind, make, bar, ll in (
        ("bgnbd", seg.BGNBD, ">= 10 x", "-9582.43"),
        ("mbgnbd", seg.MBGNBD, ">= 10 x", "-9582.14"),
        ("pareto", seg.ParetoNBD, ">= 10 x", "-9594.98"),
        ("gammagamma", seg.GammaGamma, ">= 10 x", "-4055.92"),
    ):
        ours, model = clock(lambda make=make: make().fit(seen), 9)
        value(f"CDNOW {kind}: log-likelihood", ll, f"{model.log_likelihood_:.2f}")
        line(f"CDNOW {kind}: fit, s", bar, ours, bench.peer(kind, seen, "5")[0])
    best = seg.compare_models(lines, as_of="1997-09-30")["model"].iloc[0]
    model = {"bgnbd": seg.BGNBD, "mbgnbd": seg.MBGNBD, "paretonbd": seg.ParetoNBD}[best]()
    gap = model.fit(seen).expected_purchases(seen, 39) - seen["x_holdout"]
    value(f"CDNOW holdout, picked {best}: RMSE", "<= 1.61", f"{(gap**2).mean() ** 0.5:.4f}")
    value("CDNOW holdout: MAE", "<= 0.76", f"{gap.abs().mean():.4f}")
    value("CDNOW holdout: bias", "<= 5 %", f"{gap.sum() / seen['x_holdout'].sum():.1%}")


def histories(n: int, *, seed: int = 0) -> pd.DataFrame:
    """Pareto/NBD customers in whole days, observed for 27 to 39 weeks."""
    rng = np.random.default_rng(seed)
    T = 39 * 7 - rng.integers(0, 84, n)
    rate = rng.gamma(0.55, 1 / 10.6, n) / 7
    life = rng.exponential(7 / rng.gamma(0.6, 1 / 11.7, n))
    until = np.minimum(T, life)
    x = rng.poisson(rate * until)
    last = np.where(x > 0, np.ceil(until * rng.random(n) ** (1 / np.maximum(x, 1))), 0)
    last = np.clip(last, (x > 0) * 1, T)
    return pd.DataFrame({"x": x, "t_x": last / 7, "T": T / 7})


def loglik_at(model: Any, frame: pd.DataFrame) -> float:
    """Log-likelihood of given parameters, in the unit of the frame."""
    rows = compress(*(frame[c].to_numpy(np.float64) for c in ("x", "t_x", "T")))
    scale = np.log(rows.scale)
    theta = np.log(model.params_.to_numpy(np.float64)) - np.asarray(model._powers) * scale
    mean, _ = model._loglik(theta, rows)
    return float(mean * rows.total - scale * (rows.weight * rows.x[rows.ix]).sum())


def synthetic(bench: _Bench, *, quick: bool) -> None:
    """Fit times on many customers."""
    n = 100_000 if quick else 1_000_000
    many, some = histories(n), histories(10_000 if quick else 100_000, seed=1)
    for name, bar, make, kind, frame in (
        ("BG/NBD", ">= 20 x", seg.BGNBD, "bgnbd", many),
        ("Pareto/NBD", ">= 50 x", seg.ParetoNBD, "pareto", some),
    ):
        ours, model = clock(lambda make=make, frame=frame: make().fit(frame), 2)
        seconds, told = bench.peer(kind, frame, "1")
        line(f"{name}, {len(frame):,} customers, s", bar, ours, seconds)
        if told:
            gain = model.log_likelihood_ - loglik_at(make.from_params(**told), frame)
            value(f"{name}: log-likelihood above the peer's", ">= -1e-4", f"{gain:.5f}")
        gain = model.log_likelihood_ - best_of_starts(model, frame, 2)
        value(f"{name}: log-likelihood above other starts", ">= -1e-4", f"{gain:.5f}")
    ours, _ = clock(lambda: seg.ParetoNBD().fit(many), 1)
    value(f"Pareto/NBD, {n:,} customers, s", "<= 2", f"{ours:.2f}")


def best_of_starts(model: Any, frame: pd.DataFrame, starts: int) -> float:
    """Highest log-likelihood SciPy's bounded optimiser reaches from the fit and from elsewhere."""
    from scipy.optimize import minimize

    rows = compress(*(frame[c].to_numpy(np.float64) for c in ("x", "t_x", "T")))
    rng = np.random.default_rng(0)

    def cost(theta: np.ndarray) -> tuple[float, np.ndarray]:
        mean, slope = model._loglik(theta, rows)
        return -mean, -slope

    own = np.log(model.params_.to_numpy()) - np.asarray(model._powers) * np.log(rows.scale)
    first = [own + rng.normal(0, 0.3, len(own)), *rng.normal(0, 2, (starts, len(own)))]
    best = -np.inf
    for start in first:
        end = minimize(
            cost,
            np.clip(start, -15, 15),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-18, 18)] * len(own),
            options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-10},
        )
        best = max(best, -end.fun)
    return float(best * rows.total - np.log(rows.scale) * (rows.weight * rows.x[rows.ix]).sum())


def odd_sets() -> None:
    """Log-likelihood on sets whose likelihood has ridges and side peaks, against many starts."""
    rng = np.random.default_rng(7)
    n = 1_500
    # Shape and rate of purchases; of leaving in time, or None; chance to leave (a, b), or None.
    shapes = {
        "rates very different": ((0.05, 0.5), (0.1, 5), None),
        "rates alike": ((50, 200), (40, 2_000), None),
        "nobody leaves": ((0.8, 5), None, None),
        "chance to leave near 0": ((0.8, 5), None, (0.02, 3)),
        "chance to leave near 1": ((0.8, 5), None, (1, 0.05)),
        "equal chances to leave": ((0.8, 5), None, (200, 600)),
        "few repeat": ((0.05, 8), (0.6, 10), None),
        "six in a thousand repeat": ((0.004, 8), (0.6, 10), None),
        "many buy once": ((0.3, 40), None, (0.8, 2.4)),
        "leave at once": ((0.8, 5), (2, 1), None),
        "frequent": ((2, 1), (0.6, 10), None),
        "short": ((0.5, 0.3), (0.6, 1), None),
    }
    for kind in (seg.BGNBD, seg.MBGNBD, seg.ParetoNBD):
        worst, where = np.inf, ""
        for name, (rate, life, chance) in shapes.items():
            frame = _purchases_of(n, rate, life, chance, rng)
            fitted = kind().fit(frame)
            gain = fitted.log_likelihood_ - best_of_starts(fitted, frame, 8)
            if gain < worst:
                worst, where = gain, name
        value(f"{kind.__name__}, 12 odd sets: LL above best start", ">= -1e-4", f"{worst:.5f}")
        print(f"  worst: {where}")


def _purchases_of(
    n: int,
    rate: tuple[float, float],
    life: tuple[float, float] | None,
    chance: tuple[float, float] | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Customers observed for 20 to 40 weeks in whole days."""
    T = np.round(rng.uniform(20, 40, n) * 7) / 7
    pace = rng.gamma(rate[0], 1 / rate[1], n)
    end = np.full(n, np.inf)
    if life is not None:
        end = rng.exponential(1 / np.maximum(rng.gamma(life[0], 1 / life[1], n), 1e-300))
    leaves = np.zeros(n) if chance is None else rng.beta(*chance, n)
    x, last, now = np.zeros(n), np.zeros(n), np.zeros(n)
    while True:
        now = now + rng.exponential(1 / np.maximum(pace, 1e-12))
        here = now < np.minimum(T, end)
        if not here.any():
            return pd.DataFrame({"x": x, "t_x": last, "T": T})
        when = np.ceil(now * 7) / 7
        keep = here & (when > last) & (when <= T)
        x[keep] += 1
        last[keep] = when[keep]
        end = np.where(here & (rng.random(n) < leaves), now, end)


_KINDS = {"dense integers": "<= 0.4 x", "any integers": "<= 1.0 x", "text": "<= 1.0 x"}
_QUERY = """SELECT customer_id, max(date), min(date), count(*), sum(amount),
    date_diff('day', max(date), TIMESTAMP '2026-01-01') FROM frame GROUP BY 1"""


def transactions(kind: str, n: int) -> pd.DataFrame:
    """Ten rows a customer, in no order; ids of a kind."""
    rng = np.random.default_rng(0)
    who = rng.integers(0, n // 10, n)
    frame = pd.DataFrame(
        {
            "date": (np.datetime64("2023-01-01") + rng.integers(0, 1095, n)).astype("M8[us]"),
            "amount": np.round(rng.gamma(2, 30, n), 2),
        }
    )
    if kind == "any integers":
        who = rng.integers(0, 2**62, n // 10)[who]
    elif kind == "text":
        names = pd.Series([f"C{i:09d}" for i in rng.permutation(n // 10)], dtype="str")
        return frame.assign(customer_id=names.take(who).reset_index(drop=True))
    return frame.assign(customer_id=who)


def by_duckdb(frame: pd.DataFrame) -> pd.DataFrame:
    """The plain sums in DuckDB, from and to pandas, on one thread."""
    import duckdb

    duckdb.sql("SET threads = 1")
    return duckdb.sql(_QUERY).df()


def tables(n: int, *, kinds: tuple[str, ...]) -> None:
    """RFM, whole (scores and segments included), against DuckDB's plain sums."""
    try:
        import duckdb  # noqa: F401
    except ImportError:
        print("RFM tables: skipped (DuckDB is not installed)")
        return
    for kind in kinds:
        bar = _KINDS[kind] if n == 10_000_000 else "<= 1.0 x"
        frame = transactions(kind, n)
        peer, ours = in_turn(
            lambda frame=frame: by_duckdb(frame), lambda frame=frame: seg.rfm(frame)
        )
        line(f"RFM, {n:,} rows, {kind}, s", bar, ours, peer, slower=False)
        del frame
        grown = [peak_of(kind, n, side) for side in ("ours", "DuckDB")]
        line(f"RFM, {n:,} rows, {kind}, MB above", "<= peer's", *grown, slower=False)


def in_turn(*calls: Callable[[], Any], rounds: int = 7) -> list[float]:
    """Median CPU seconds of each call, called in turn; a first round is not counted."""
    took = [[clock(call, 1)[0] for call in calls] for _ in range(rounds + 1)]
    return np.median(took[1:], axis=0).tolist()


def peak_of(kind: str, n: int, side: str) -> float:
    """Greatest memory above the frame, MB, measured in a process of its own."""
    command = [sys.executable, __file__, "--memory", kind, str(n), side]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def peak(kind: str, n: int, side: str) -> float:
    """Greatest resident size while the call runs, above the size before it, in MB."""
    status, refs = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not refs.exists():
        return float("nan")
    frame = online_retail() if kind == "pairs" else transactions(kind, n)
    call: Callable[[Any], Any] = by_duckdb if side == "DuckDB" else seg.rfm
    if kind == "pairs":
        call = pairs
    call(frame.head(1000))  # modules and their own memory
    _give_back()
    refs.write_text("5")  # forget the peak so far
    start = _resident(status, "VmRSS")
    call(frame)
    return _resident(status, "VmHWM") - start


def _give_back() -> None:
    """Memory that is free but still held goes back: else it would hide what a call takes."""
    gc.collect()
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _resident(status: Path, name: str) -> float:
    found = next(row for row in status.read_text().splitlines() if row.startswith(name))
    return int(found.split()[1]) * 1024 / 1e6


def online_retail() -> pd.DataFrame:
    """The sold lines of Online Retail: order and item."""
    folder = Path(os.environ.get("SALESMGMT_DATA", "")) / "segmentation"
    retail = pd.read_parquet(folder / "online_retail_2011.parquet")
    sold = retail[(retail["quantity"] > 0) & retail["item"].notna()]
    return sold[["order_id", "item_id"]].rename(columns={"item_id": "item"})


def pairs(sold: pd.DataFrame) -> pd.DataFrame:
    """Rules between two items, support .01."""
    return seg.baskets(sold, product="item")


def baskets(bench: _Bench) -> None:
    """Item pairs of Online Retail, all itemsets of Groceries."""
    folder = Path(os.environ.get("SALESMGMT_DATA", "")) / "segmentation"
    if not folder.is_dir():
        print("baskets: skipped (SALESMGMT_DATA is not set)")
        return
    retail = pd.read_parquet(folder / "online_retail_2011.parquet")
    ours = clock(lambda: seg.rfm(retail, invalid="drop"), 3)[0]
    value("RFM, Online Retail 541,909 rows, s", "<= 1", f"{ours:.3f}")
    sold = online_retail()
    ours, rules = clock(lambda: pairs(sold), 3)
    value("Online Retail: pairs", "891", str(len(rules) // 2))
    value("Online Retail: pairs, MB above the lines", "< 500", f"{peak_of('pairs', 0, 'ours'):.0f}")
    line("Online Retail: pairs, s", "<= 0.3 s", ours, bench.peer("pairs", sold, "")[0])
    goods = pd.read_parquet(folder / "groceries_9835.parquet")[["order_id", "item"]]
    for support, count in ((0.01, "333"), (0.001, "13492")):
        ours, sets = clock(
            lambda support=support: seg.itemsets(goods, product="item", min_support=support), 2
        )
        value(f"Groceries: sets at {support}", count, str(len(sets)))
        peer = bench.peer("sets", goods, str(support))[0]
        line(f"Groceries: sets at {support}, s", "peer's", ours, peer)


if __name__ == "__main__":
    main()
