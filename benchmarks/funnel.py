"""The funnel desk beside its peers: counting, survival, scores, forecasts.

    python benchmarks/funnel.py                       # ours alone
    python benchmarks/funnel.py --peers PYTHON        # beside peers/funnel.txt
    python benchmarks/funnel.py --quick               # 2 M events instead of 20 M

Real data are read from the folder SALESMGMT_DATA; without it those lines say so. Peers run in
an environment of their own. CPU seconds, the better of two runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesmgmt.engine import fast
from salesmgmt.engine.survival import incidence
from salesmgmt.funnel import WinModel, backtest_bookings, conversion, outcomes, waterfall

WEEK_US = 7 * 86_400_000_000


def line(figure: str, bar: str, ours: str, peer: str = "", ratio: str = "") -> None:
    print(f"{figure:46.46s} {bar:22.22s} {ours:26.26s} {peer:34.34s} {ratio}", flush=True)


def cpu(call: Callable[[], Any], runs: int = 2) -> tuple[float, Any]:
    """The better CPU time of some runs, and the result."""
    best, out = np.inf, None
    for _ in range(runs):
        start = time.process_time()
        out = call()
        best = min(best, time.process_time() - start)
    return best, out


def ask(python: str | None, code: str, folder: str) -> dict[str, Any] | None:
    """What a peer prints as JSON; None without an interpreter or when the peer fails."""
    if not python:
        return None
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [python, "-c", code, folder], capture_output=True, text=True, env=env, check=False
    )
    if done.returncode:
        print("  peer failed:", done.stderr.strip().splitlines()[-1:])
        return None
    text = done.stdout  # the answer stands last, after whatever a progress bar wrote
    return json.loads(text[text.rindex("{") :])


# --------------------------------------------------------------------------------------
# Counting


def events(n: int) -> pd.DataFrame:
    """Heavy-tailed people, twelve kinds of events, ninety days."""
    rng = np.random.default_rng(0)
    people = max(n // 10, 1)
    shares = np.array([20, 14, 10, 8, 5, 10, 8, 7, 6, 5, 4, 3]) / 100
    return pd.DataFrame(
        {
            "deal_id": (rng.pareto(1.2, n) * people / 8).astype(np.int64) % people,
            "stage": rng.choice(12, n, p=shares).astype(np.int8),
            "entered_at": (rng.integers(0, 90 * 86400, n) * 1_000_000 + 1_735_689_600_000_000).view(
                "M8[us]"
            ),
        }
    )


def asof_chain(frame: pd.DataFrame) -> list[int]:
    """Five steps by ``merge_asof``: for each step the latest start that still reaches it."""
    base = frame[frame["stage"] == 0]
    counts = [base["deal_id"].nunique()]
    left = base.rename(columns={"entered_at": "start"})[["deal_id", "start"]]
    left = left.assign(at=left["start"]).sort_values("at")
    for step in range(1, 5):
        right = frame.loc[frame["stage"] == step, ["deal_id", "entered_at"]]
        right = right.sort_values("entered_at")
        joined = pd.merge_asof(
            right, left, left_on="entered_at", right_on="at", by="deal_id", direction="backward"
        )
        near = joined["entered_at"] - joined["start"] <= pd.Timedelta(days=7)
        left = joined.loc[near, ["deal_id", "start", "entered_at"]]
        left = left.rename(columns={"entered_at": "at"})
        counts.append(left["deal_id"].nunique())
    return counts


DUCKDB = """
import duckdb, json, sys, time
con = duckdb.connect(); con.execute("set threads=%d")
con.execute("set enable_progress_bar=false")
con.execute(f"create table e as select * from '{sys.argv[1]}/events.parquet'")
sql = "with s0 as (select deal_id d, entered_at tm, entered_at st from e where stage=0)"
for k in range(1, 5):
    sql += (f", s{k} as (select r.deal_id d, r.entered_at tm, l.st st from "
            f"(select * from e where stage={k}) r asof join s{k-1} l on r.deal_id=l.d and "
            f"r.entered_at>=l.tm where r.entered_at-l.st<=interval 7 day)")
sql += " select " + ",".join(f"(select count(distinct d) from s{k})" for k in range(5))
best = 1e9
for _ in range(2):
    t = time.perf_counter(); out = con.execute(sql).fetchone()
    best = min(best, time.perf_counter() - t)
print(json.dumps({"seconds": best, "counts": list(out)}))
"""


def peak(call: str, folder: str) -> float:
    """Extra megabytes of one call in a fresh process (Linux), the frame already in memory."""
    import sys

    code = (
        "import sys,pandas as pd\n"
        "import salesmgmt.funnel as f\n"
        "d=pd.read_parquet(sys.argv[1]+'/events.parquet')\n"
        "f.conversion(d.head(1_000_001),[0,1,2,3,4],window='7D')\n"
        "def held(name):\n"
        "    rows=open('/proc/self/status').read().splitlines()\n"
        "    return int([r for r in rows if r.startswith(name)][0].split()[1])\n"
        "open('/proc/self/clear_refs','w').write('5')\n"  # the peak starts anew
        "a=held('VmRSS')\n"
        f"{call}\n"
        "print((held('VmHWM')-a)/1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def counting(n: int, python: str | None, folder: str) -> None:
    frame = events(n)
    frame.to_parquet(f"{folder}/events.parquet")
    steps = [0, 1, 2, 3, 4]
    plain, out = cpu(lambda: conversion(frame, steps, window="7D"))
    counts = out["entered"].tolist()
    chain, same = cpu(lambda: asof_chain(frame), runs=1)
    assert counts == same, (counts, same)
    name = f"{n / 1e6:g} M events, 5 steps, 7 days"
    there = " (numba there)" if importlib.util.find_spec("numba") else ""
    line(name + there, "<= 1.5 s with fast", f"{plain:.2f} s", f"merge_asof {chain:.2f} s",
         f"{chain / plain:.1f} x")  # fmt: skip
    least, fast.LEAST = fast.LEAST, 10**12
    numpy_only, out = cpu(lambda: conversion(frame, steps, window="7D"))
    fast.LEAST = least
    assert counts == out["entered"].tolist()
    line("  without fast", "<= merge_asof", f"{numpy_only:.2f} s", f"merge_asof {chain:.2f} s",
         f"{chain / numpy_only:.1f} x")  # fmt: skip
    for threads in (1, 4):
        peer = ask(python, DUCKDB % threads, folder)
        if peer is None:
            line(f"  DuckDB, {threads} thread(s)", "equal counts", "", "skipped")
            continue
        equal = "equal" if peer["counts"] == counts else f"differ {peer['counts']}"
        line(f"  DuckDB, {threads} thread(s)", "equal counts", equal,
             f"{peer['seconds']:.2f} s (wall)", f"{peer['seconds'] / plain:.1f} x")  # fmt: skip
    if Path("/proc/self/clear_refs").exists():
        extra = peak("f.conversion(d,[0,1,2,3,4],window='7D')", folder)
        line("  extra memory", "<= 600 MB with fast", f"{extra:.0f} MB")


def cases(data: Path) -> None:
    found = json.loads((data / "funnel" / "cases.json").read_text())["cases"]
    counted = [c for c in found if c.get("kind") != "stage_history"]
    good = 0
    for case in counted:
        rows = [(d, s, pd.Timestamp("2025-01-01") + pd.Timedelta(t, unit="s"))
                for d, h in case["events"].items() for t, s in h]  # fmt: skip
        out = conversion(
            pd.DataFrame(rows, columns=["deal_id", "stage", "entered_at"]),
            case["steps"],
            order={"unordered": "any"}.get(case["order"], case["order"]),
            window=None if case["window_s"] is None else pd.Timedelta(case["window_s"], unit="s"),
            ties=case["ties"],
            reentry=case["reentry"],
            exclude=[(e["event"], e["from"], e["to"]) for e in case.get("exclusions", [])],
            exclude_mode={"drop_off": "drop"}.get(case.get("exclusion_mode", ""), "remove"),
        )
        good += out["entered"].tolist() == case["expected"]["counts"]
    line("published counting cases", "all", f"{good} of {len(counted)}",
         "(2 stage histories: tests)")  # fmt: skip


# --------------------------------------------------------------------------------------
# Survival


SKSURV = """
import json, sys, time, numpy as np
from sksurv.nonparametric import cumulative_incidence_competing_risks as aj
d = np.load(sys.argv[1] + "/ages.npz"); best = 1e9
for _ in range(2):
    t = time.process_time(); x, f = aj(d["cause"], d["time"])[:2]
    best = min(best, time.process_time() - t)
print(json.dumps({"seconds": best, "won": float(f[1][-1])}))
"""


def survival(python: str | None, folder: str) -> None:
    rng = np.random.default_rng(1)
    time_, cause = rng.integers(1, 700, 1_000_000), rng.integers(0, 3, 1_000_000)
    np.savez(f"{folder}/ages.npz", time=time_.astype(float), cause=cause)
    took, out = cpu(lambda: incidence(time_, cause, 2), runs=5)
    deals = pd.DataFrame(
        {
            "deal_id": np.arange(len(time_)),
            "stage": np.array(["demo", "won", "lost"])[cause],
            "created_at": pd.Timestamp("2023-01-01"),
            "close_date": pd.Timestamp("2023-01-01") + pd.to_timedelta(time_, unit="D"),
        }
    )
    outcomes(deals.head(100))
    whole, _ = cpu(lambda: outcomes(deals), runs=3)
    peer = ask(python, SKSURV, folder)
    other = "skipped" if peer is None else f"scikit-survival {peer['seconds']:.2f} s"
    ratio = "" if peer is None else f"{peer['seconds'] / took:.0f} x"
    line("Aalen-Johansen with errors, 1 M deals", "<= 0.1 s", f"{took:.4f} s", other, ratio)
    line("  whole call, checks and bands included", "", f"{whole:.3f} s")
    if peer is not None:
        gap = abs(out.ended[-1, 0] - peer["won"])
        line("  difference of the last value", "1e-8", f"{gap:.1e}")


# --------------------------------------------------------------------------------------
# Forecast and scores


def maven(data: Path) -> pd.DataFrame:
    raw = pd.read_parquet(data / "funnel" / "maven_crm_asof_2017-09-30.parquet")
    price = pd.read_parquet(data / "funnel" / "maven_products.parquet").set_index("product")
    raw = raw[raw["engage_date"].notna()]
    listed = raw["product"].replace({"GTXPro": "GTX Pro"}).map(price["sales_price"])
    return pd.DataFrame(
        {
            "deal_id": raw["opportunity_id"],
            "stage": raw["deal_stage"],
            "amount": raw["close_value"].where(raw["deal_stage"] == "Won", listed),
            "created_at": raw["engage_date"],
            "close_date": raw["close_date"],
            "agent": raw["sales_agent"],
            "product": raw["product"],
            "account": raw["account"],
        }
    ).reset_index(drop=True)


def historical_rate(deals: pd.DataFrame, dates: pd.Series) -> np.ndarray:
    """Open amount times the share that open amounts of past weeks brought in thirty days."""
    won = deals["stage"].eq("Won")

    def brought(day: pd.Timestamp) -> tuple[float, float]:
        is_open = (deals["created_at"] <= day) & ~(deals["close_date"] <= day)
        inside = won & deals["close_date"].between(day + pd.Timedelta("1D"), day + span)
        return deals.loc[is_open & inside, "amount"].sum(), deals.loc[is_open, "amount"].sum()

    span, out = pd.Timedelta("30D"), []
    for day in dates:
        past = [brought(day - pd.Timedelta(w, unit="W")) for w in range(5, 14)]
        out.append(brought(day)[1] * np.mean([a / b for a, b in past if b > 0]))
    return np.array(out)


def forecast(data: Path) -> None:
    deals = maven(data)
    dates = pd.date_range("2017-06-30", "2017-08-31", freq="7D")
    out = backtest_bookings(deals, dates)
    total = out["actual"].sum()
    wape = out["error"].abs().sum() / total
    plain = (out["raw"] - out["actual"]).abs().sum() / total
    rate = np.abs(historical_rate(deals, out["as_of"]) - out["actual"]).sum() / total
    line(f"Maven, next 30 days, {len(out)} dates: WAPE", "<= half of AJ", f"{wape:.3f}",
         f"plain AJ {plain:.3f}", f"{wape / plain:.2f}")  # fmt: skip
    line("  against the historical rate", "<= a third", f"{wape:.3f}", f"rate {rate:.3f}",
         f"{wape / rate:.2f}")  # fmt: skip
    line("  80 % band covers", "65-95 %", f"{out['covered'].mean():.0%}")
    width = ((out["p90"] - out["p10"]) / out["actual"]).median()
    line("  median width", "<= 60 % of actual", f"{width:.0%}")


def auc(won: np.ndarray, p: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(won, p))


def ece(won: np.ndarray, p: np.ndarray) -> float:
    at = np.minimum((p * 10).astype(int), 9)
    gaps = [(at == i).mean() * abs(p[at == i].mean() - won[at == i].mean())
            for i in range(10) if (at == i).any()]  # fmt: skip
    return float(sum(gaps))


LATE = [
    "Tags",
    "Lead Quality",
    "Lead Profile",
    "Last Activity",
    "Last Notable Activity",
    "Asymmetrique Activity Index",
    "Asymmetrique Profile Index",
    "Asymmetrique Activity Score",
    "Asymmetrique Profile Score",
]

LIBRARIES = """
import json, sys, warnings, pandas as pd
warnings.simplefilter("ignore")
from sklearn.compose import make_column_transformer as ct
from sklearn.ensemble import HistGradientBoostingClassifier as HGB
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline as mp
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from lightgbm import LGBMClassifier
X = pd.read_parquet(sys.argv[1] + "/leads.parquet")
y = X.pop("_won"); n = int(X.pop("_cut").iloc[0])
num = [c for c in X if pd.api.types.is_numeric_dtype(X[c])]; cat = [c for c in X if c not in num]
for c in cat: X[c] = X[c].astype(object).where(X[c].notna(), "none").astype(str)
code = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
hot = OneHotEncoder(handle_unknown="ignore", min_frequency=10)
models = {
  "logistic": mp(ct((mp(SimpleImputer(), StandardScaler()), num), (hot, cat)),
                 LogisticRegression(max_iter=2000)),
  "boosting": mp(ct(("passthrough", num), (code, cat)), HGB(max_iter=150, random_state=0)),
  "LightGBM": mp(ct(("passthrough", num), (code, cat)),
                 LGBMClassifier(n_estimators=150, random_state=0, n_jobs=1, verbose=-1)),
}
out = {k: roc_auc_score(y[n:], m.fit(X[:n], y[:n]).predict_proba(X[n:])[:, 1])
       for k, m in models.items()}
print(json.dumps(out))
"""


def scores(data: Path, python: str | None, folder: str) -> None:
    leads = pd.read_parquet(data / "funnel" / "xedu_leads_first70.parquet")
    leads = leads.sort_values("Lead Number").reset_index(drop=True)
    won = leads["Converted"].to_numpy()
    leads = leads.drop(columns=["Converted", "Lead Number"])
    cut = int(len(leads) * 0.7)
    arrival = leads.drop(columns=LATE)
    p = WinModel().fit(arrival[:cut], won[:cut]).predict_proba(arrival[cut:])[:, 1]
    arrival.assign(_won=won, _cut=cut).to_parquet(f"{folder}/leads.parquet")
    peer = ask(python, LIBRARIES, folder)
    best = max(peer, key=lambda k: peer[k]) if peer else ""
    mine = auc(won[cut:], p)
    line("X Education on arrival, last 30 %: AUC", ">= best - 0.003", f"{mine:.4f}",
         f"{best} {peer[best]:.4f}" if peer else "skipped",
         f"{mine - peer[best]:+.4f}" if peer else "")  # fmt: skip
    line("  calibration error (ten bins)", "<= 0.03", f"{ece(won[cut:], p):.4f}")
    flagged = set(WinModel().fit(leads[:cut], won[:cut]).leaks_["column"])
    line("  late columns flagged", f"all {len(LATE)}",
         f"{len(flagged & set(LATE))}, and {len(flagged - set(LATE))} other")  # fmt: skip

    deals = maven(data)
    deals = deals[deals["stage"].isin(["Won", "Lost"])].sort_values("close_date")
    y = deals["stage"].eq("Won").to_numpy().astype(int)
    X = deals[["agent", "product", "account", "amount", "created_at"]].drop(columns="amount")
    cut = int(len(X) * 0.7)
    p = WinModel().fit(X[:cut], y[:cut]).predict_proba(X[cut:])[:, 1]
    brier, base = ((p - y[cut:]) ** 2).mean(), ((y[:cut].mean() - y[cut:]) ** 2).mean()
    line("Maven deals (no signal): Brier", "<= base + 0.002", f"{brier:.4f}",
         f"base rate {base:.4f}", f"{brier - base:+.4f}")  # fmt: skip

    bank = pd.read_parquet(data / "funnel" / "uci_bank_first70.parquet")
    y = bank["y"].to_numpy()
    codes = [c for c in bank if c.endswith("_c")]
    X = bank.drop(columns=[*codes, "y", "duration"])
    cut = int(len(X) * 0.7)
    model = WinModel().fit(X[:cut], y[:cut])
    once = model.predict_proba(X[cut:])[:, 1].sum() / y[cut:].sum()
    rolling = model.predict_rolling(X[cut:], y[cut:]).sum() / y[cut:].sum()
    line("Bank calls in date order: sum p / actual", "0.8-1.25 rolling",
         f"{rolling:.2f} ({once:.2f} frozen)")  # fmt: skip
    whole = bank.drop(columns=[*codes, "y"])
    flagged = set(WinModel().fit(whole[:cut], y[:cut]).leaks_["column"])
    line("  call duration flagged as a leak", "yes", "yes" if "duration" in flagged else "no")


# --------------------------------------------------------------------------------------
# Waterfall


def bridges() -> None:
    good = 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        books = []
        for _ in range(2):
            size = int(rng.integers(1, 30))
            books.append(
                pd.DataFrame(
                    {
                        "deal_id": rng.choice(40, size, replace=False),
                        "stage": rng.choice(["lead", "demo", "won", "lost"], size),
                        "amount": rng.lognormal(8, 2, size).round(2),
                    }
                )
            )
        out = waterfall(*books).set_index("bucket")["amount"].mul(100).round().astype(int)
        good += out["opening"] + out.drop(["opening", "closing"]).sum() == out["closing"]
    line("waterfall foots to the cent", "1,000 cases", f"{good} of 1000")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    parser.add_argument("--quick", action="store_true", help="2 M events instead of 20 M")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    folder = os.environ.get("SALESMGMT_DATA", "")
    line("figure", "bar", "ours", "peer", "peer / ours")
    with tempfile.TemporaryDirectory() as scratch:
        counting(2_000_000 if options.quick else 20_000_000, options.peers, scratch)
        survival(options.peers, scratch)
        if folder and Path(folder).is_dir():
            data = Path(folder)
            cases(data)
            forecast(data)
            scores(data, options.peers, scratch)
        else:
            print("real data: set SALESMGMT_DATA to the folder that holds them")
    bridges()


if __name__ == "__main__":
    main()
