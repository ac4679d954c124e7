"""KPI and incentive figures, beside pymcdm and scikit-criteria.

Run: ``python benchmarks/kpi.py [--peers PYTHON] [--rows 1000000]``. CPU seconds on one thread,
the least of five runs, same data. Peers run in an environment of their own (see
``peers/kpi.txt``), given by ``--peers`` or the variable SALESMGMT_PEERS; without it they are
skipped. Every row of the payout is compared with an oracle written in ``decimal``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from salesmgmt import kpi
from salesmgmt.engine import ranking
from salesmgmt.incentives import CommissionPlan, payout, simulate_payout, trace

CENT = Decimal("0.01")


def line(figure: str, bar: str, ours: str, peer: str = "", ratio: str = "") -> None:
    """One row of the table."""
    print(f"{figure:<46} {bar:>12} {ours:>22} {peer:>28} {ratio:>7}", flush=True)


def seconds(call: Callable[[], object], times: int = 5) -> float:
    took = []
    for _ in range(times):
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return min(took)


# --------------------------------------------------------------------------------------
# Pay


def company(n: int, reps: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Transactions with split shares and returns, and monthly targets."""
    rng = np.random.default_rng(0)
    names = np.array([f"R{i:05d}" for i in range(reps)])
    sales = pd.DataFrame(
        {
            "rep": pd.Series(names[rng.integers(0, reps, n)], dtype="str"),
            "date": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 365, n), unit="D"),
            "amount": np.round(rng.lognormal(8, 1, n) * np.where(rng.random(n) < 0.03, -1, 1), 2),
            "share": rng.choice([1.0, 0.5, 0.7, 0.3], n),
        }
    )
    months = pd.date_range("2025-01-01", periods=12, freq="MS")
    size = n / reps / 12 * np.exp(8.5) * 0.6
    targets = pd.DataFrame(
        {
            "rep": pd.Series(np.repeat(names, 12), dtype="str"),
            "period_start": np.tile(months, reps),
            "period_end": np.tile(months + pd.offsets.MonthEnd(0), reps),
            "target": np.round(rng.lognormal(np.log(size), 0.3, 12 * reps), 2),
        }
    )
    return sales, targets


RULES = [(0, 0.03), (0.8, 0.05), (1.0, 0.0825), (1.2, 0.10)]


def plan(mode: str) -> CommissionPlan:
    return CommissionPlan(
        RULES, mode=mode, gate=1.0, splits="share", draw=500, cap=20_000, clawback="carry"
    )


def oracle(
    sales: pd.DataFrame, targets: pd.DataFrame, mode: str
) -> tuple[dict[object, Decimal], dict[tuple[str, int], Decimal]]:
    """The same plan with ``decimal``, row by row: pay by row, and by rep and month."""
    cents = [Decimal(v) for v in sales["amount"].map(lambda v: f"{v:.2f}")]
    share = [Decimal(str(v)) for v in sales["share"]]
    credit = [(a * s).quantize(CENT, ROUND_HALF_UP) for a, s in zip(cents, share, strict=True)]
    goals: dict[tuple[str, int], Decimal] = {}
    for rep, start, goal in zip(
        targets["rep"], targets["period_start"].dt.month, targets["target"], strict=True
    ):
        goals[(rep, start)] = Decimal(f"{goal:.2f}")
    deals: dict[tuple[str, int], list[tuple[object, Decimal, int]]] = {k: [] for k in goals}
    stamps = sales["date"].to_numpy()
    for i, (rep, month) in enumerate(zip(sales["rep"], sales["date"].dt.month, strict=True)):
        deals[(rep, month)].append((stamps[i], credit[i], i))
    by_row: dict[object, Decimal] = {}
    paid: dict[tuple[str, int], Decimal] = {}
    state: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    zero = Decimal(0)
    for rep, month in sorted(goals):
        year, year_goal, owed = state.get(rep, (zero, zero, zero))
        goal, rows = goals[(rep, month)], sorted(deals[(rep, month)])
        total = sum((c for _, c, _ in rows), zero)
        year, year_goal = year + total, year_goal + goal
        rates = [Decimal(str(v)) for _, v in RULES]
        edges = [Decimal(str(s)) * goal for s, _ in RULES]
        if year < year_goal:
            rates = [min(r, rates[1]) for r in rates]
        pay, run = zero, zero
        reached = max(j for j, e in enumerate(edges) if total >= e or j == 0)
        for _, c, i in rows:
            if mode == "retroactive":
                exact = c * rates[reached]
            else:
                exact = climb(run + c, edges, rates) - climb(run, edges, rates)
                run += c
            by_row[i] = exact.quantize(CENT, ROUND_HALF_UP)
            pay += by_row[i]
        pay = min(pay, Decimal(20_000))
        if pay < 0:
            owed, pay = owed - pay, zero
        advance = max(Decimal(500) - pay, zero)
        back = min(owed, max(pay - 500, zero))
        state[rep] = (year, year_goal, owed + advance - back)
        paid[(rep, month)] = pay + advance - back
    return by_row, paid


def climb(x: Decimal, edges: list[Decimal], rates: list[Decimal]) -> Decimal:
    pay = x * rates[0]
    for j in range(1, len(edges)):
        if x > edges[j]:
            pay += (x - edges[j]) * (rates[j] - rates[j - 1])
    return pay


def pay_figures(n: int, reps: int) -> None:
    sales, targets = company(n, reps)
    # Tiers, year-to-date gate, splits, draw, cap, clawback.
    for mode in ("marginal", "retroactive"):
        rules = plan(mode)
        took = seconds(lambda rules=rules: payout(sales, rules, by="rep", targets=targets))
        got = payout(sales, rules, by="rep", targets=targets)
        rows = trace(sales, rules, by="rep", targets=targets)
        own = rows[rows["row"].notna()]
        each = own.groupby(own["row"].astype(np.int64))["pay"].sum().mul(100).round().astype(int)
        by_row, paid = oracle(sales, targets, mode)
        want = pd.Series(by_row).map(lambda v: int(v * 100))
        wrong = int(
            (want.sort_index() != each.reindex(want.index, fill_value=0).sort_index()).sum()
        )
        due = [int(paid[k] * 100) for k in zip(got["rep"], got["date"].dt.month, strict=True)]
        off = int((got["payout"].mul(100).round().astype(int) != due).sum())
        line(f"payout, {mode}, {n:,} rows, {reps:,} reps", "1 s", f"{took:.3f} s")
        line("  rows that differ from the decimal oracle", "0", f"{wrong} of {len(want):,}")
        line("  payments that differ from it", "0", f"{off} of {len(got):,}")
    monthly = sales.assign(
        amount=(sales["amount"] * sales["share"]).round(2), date=sales["date"].dt.to_period("M")
    )
    monthly = monthly.groupby(["rep", "date"], as_index=False)["amount"].sum()
    monthly["amount"] = monthly["amount"].round(2)
    monthly["date"] = monthly["date"].dt.start_time
    rules = CommissionPlan(RULES, gate=1.0, draw=500, cap=20_000, clawback="carry")
    quotas = np.linspace(0.8, 1.2, 1000)
    took = seconds(
        lambda: simulate_payout(monthly, rules, by="rep", targets=targets, quotas=quotas), 1
    )
    line("1,000 quota scenarios of that plan", "30 s", f"{took:.1f} s")


def apply_peer(n: int) -> None:
    """What a spreadsheet-minded script does: pandas apply, and vectorised floats."""
    rng = np.random.default_rng(0)
    amount = pd.Series(np.round(rng.lognormal(11.5, 1, n), 2))
    edges, rates = [0, 50_000, 150_000, 400_000], [0.03, 0.05, 0.0825, 0.1]

    def one(x: float) -> float:
        upper = [*edges[1:], float("inf")]
        return round(
            sum(max(min(x, u) - e, 0) * r for e, u, r in zip(edges, upper, rates, strict=True)), 2
        )

    def floats() -> np.ndarray:
        x = amount.to_numpy()
        out = x * rates[0]
        for j in range(1, 4):
            out += np.maximum(x - edges[j], 0) * (rates[j] - rates[j - 1])
        return np.round(out, 2)

    few = amount.head(100_000)
    slow = seconds(lambda: few.map(one), 1) * n / len(few)
    fast = seconds(floats, 3)
    frame = pd.DataFrame({"amount": amount, "rep": "a"})
    rules = CommissionPlan(list(zip(edges, rates, strict=True)), base="amount", scope="row")
    ours = seconds(lambda: payout(frame, rules, by="rep"), 3)
    exact = []
    for v in few:
        pay = climb(Decimal(f"{v:.2f}"), [Decimal(e) for e in edges],
                    [Decimal(str(r)) for r in rates])  # fmt: skip
        exact.append(int(pay.quantize(CENT, ROUND_HALF_UP) * 100))
    float_wrong = int((np.rint(floats()[: len(few)] * 100).astype(int) != exact).sum())
    rows = trace(frame.head(len(few)), rules, by="rep")
    each = rows.groupby(rows["row"].astype(np.int64))["pay"].sum().sort_index()
    ours_wrong = int((each.mul(100).round().astype(int).to_numpy() != exact).sum())
    line(f"four tiers, {n:,} rows, each alone", "", f"{ours:.3f} s", f"pandas apply {slow:.1f} s",
         f"{slow / ours:.0f}x")  # fmt: skip
    line("", "", "", f"float vectorised {fast:.3f} s", f"{fast / ours:.2f}x")
    line("  wrong to the cent", "0", f"{ours_wrong} of {len(few):,}",
         f"floats {float_wrong} of {len(few):,}")  # fmt: skip


# --------------------------------------------------------------------------------------
# Rankings


def rankings(peers: str | None) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 100, (100_000, 20))
    w, higher = np.full(20, 0.05), np.ones(20, dtype=bool)
    frame = pd.DataFrame(x, columns=[f"c{j}" for j in range(20)]).assign(k=np.arange(len(x)))
    metrics = [kpi.Metric(f"c{j}", weight=0.05) for j in range(20)]
    peer = _peers(peers, x)

    def show(figure: str, bar: str, took: float, against: str = "", size: str = "") -> None:
        other = peer.get(against)
        if other is None:
            told = f"{against}: skipped" if against else ""
            line(figure, bar, f"{took:.3f} s", told)
            return
        ratio = "" if size else f"{other / took:.1f}x"
        line(figure, bar, f"{took:.3f} s", f"{against} {other:.3f} s{size}", ratio)

    matrix = seconds(lambda: ranking.topsis(x, w, higher))
    framed = seconds(lambda: kpi.rank(frame, metrics, keys="k"))
    show("TOPSIS 100,000 x 20, matrix to scores", "0.03 s", matrix, "pymcdm TOPSIS")
    show("", "", matrix, "scikit-criteria TOPSIS")
    show("  frame to ranked frame", "0.03 s", framed, "pymcdm TOPSIS")
    for kind, q, p in (("usual", 0.0, None), ("v_shape", 0.0, 20.0), ("linear", 2.0, 20.0)):
        options = {"method": "promethee", "preference": kind, "q": q, "p": p}
        took = seconds(lambda o=options: kpi.rank(frame, metrics, keys="k", **o), 3)
        against = "pymcdm PROMETHEE" if kind == "usual" else ""
        size = " (2,000 rows)" if against else ""
        show(f"PROMETHEE II 100,000 x 20, {kind}", "3 s", took, against, size)
    for method in ("vikor", "grey", "saw", "wpm"):
        took = seconds(lambda m=method: kpi.rank(frame, metrics, keys="k", method=m), 3)
        show(f"{method} 100,000 x 20", "", took, "pymcdm VIKOR" if method == "vikor" else "")
    for method in ("entropy", "critic", "merec", "pca"):
        took = seconds(lambda m=method: kpi.weights(frame, method=m, keys="k"), 3)
        show(f"weights by {method} 100,000 x 20", "", took, f"pymcdm {method}" * (method != "pca"))


def _peers(python: str | None, x: np.ndarray) -> dict[str, float]:
    """Seconds of each peer; empty without an interpreter that has them."""
    if python is None:
        print("peers are skipped: give --peers PYTHON or SALESMGMT_PEERS")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", x)
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        done = subprocess.run([python, "-c", _PEER, folder], capture_output=True, text=True,
                              env=environ, cwd=folder, check=False)  # fmt: skip
    if done.returncode:
        print(f"peers failed: {done.stderr.strip().splitlines()[-1:]}")
    return dict(json.loads(row) for row in done.stdout.splitlines())


_PEER = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
x = np.load(sys.argv[1] + "/x.npy"); w = np.full(20, .05); t = np.ones(20)
def seconds(call, times=3):
    took = []
    for _ in range(times):
        start = time.process_time(); call(); took.append(time.process_time() - start)
    return min(took)
def show(name, call, times=3):
    print(json.dumps([name, seconds(call, times)]), flush=True)
from pymcdm.methods import TOPSIS, VIKOR, PROMETHEE_II
from pymcdm.normalizations import vector_normalization
from pymcdm import weights
show("pymcdm TOPSIS", lambda: TOPSIS(vector_normalization)(x, w, t))
show("pymcdm VIKOR", lambda: VIKOR()(x, w, t))
show("pymcdm PROMETHEE", lambda: PROMETHEE_II("usual")(x[:2000], w, t), 1)
show("pymcdm entropy", lambda: weights.entropy_weights(x))
show("pymcdm critic", lambda: weights.critic_weights(x))
show("pymcdm merec", lambda: weights.merec_weights(x, t))
import skcriteria as skc
from skcriteria.madm.similarity import TOPSIS as SK
from skcriteria.preprocessing.scalers import VectorScaler
from skcriteria.pipeline import mkpipe
data = skc.mkdm(x, [max] * 20, weights=w)
pipe = mkpipe(VectorScaler(target="matrix"), SK())
show("scikit-criteria TOPSIS", lambda: pipe.evaluate(data))
"""


def bridges(cases: int) -> None:
    rng = np.random.default_rng(0)
    methods = ("price_volume", "price_volume_mix", "average_price_mix", "midpoint", "joint")
    open_ = 0
    start = time.process_time()
    for i in range(cases):
        frames = []
        for _ in range(2):
            n = int(rng.integers(1, 40))
            frames.append(
                pd.DataFrame(
                    {
                        "region": rng.choice(["N", "S"], n),
                        "product": rng.choice(list("abcdefgh"), n),
                        "price": rng.lognormal(3, 1, n).round(4),
                        "quantity": rng.integers(1, 90, n),
                    }
                )
            )
        got = kpi.bridge(*frames, keys=["region", "product"], method=methods[i % len(methods)],
                         by="region", ends=True)  # fmt: skip
        cents = got["amount"].mul(100).round().astype(int)
        sign = got["effect"].map({"after": -1}).fillna(1).astype(int)
        open_ += int((cents * sign).groupby(got["region"]).sum().any())
    took = time.process_time() - start
    line("bridges not closed to the cent", "0", f"{open_} of {cases:,}")
    line("  a bridge", "", f"{took / cases * 1000:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    given = parser.parse_args()
    rows = given.rows // 10 if given.quick else given.rows
    print(f"python {sys.version.split()[0]}, numpy {np.__version__}, pandas {pd.__version__}")
    line("figure", "bar", "ours", "peer", "ratio")
    pay_figures(rows, max(rows // 100, 1))
    apply_peer(rows)
    rankings(given.peers)
    bridges(1000)


if __name__ == "__main__":
    main()
