"""Scorecards, late payment and cash forecasts on real data, beside peers and baselines.

    SALESMGMT_DATA=FOLDER python benchmarks/credit_models.py [--peers PYTHON] [--quick]

Scorecards run against optbinning in an interpreter of its own (``benchmarks/peers/
credit_models.txt`` pins it; ``--peers`` or SALESMGMT_PEERS names it; without one the peer is
skipped), on the same folds. Late payment and cash run against logistic and ridge regressions, the
customer's own history and one pooled hazard, in this process on the same rows. Seconds are CPU
time of one thread, median over folds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from salesmgmt import load_sample  # noqa: E402
from salesmgmt.credit import (  # noqa: E402
    CreditScorecard,
    LatePaymentModel,
    cash_backtest,
    cash_forecast,
)

HERE = Path(__file__).resolve().parent
SETS = {"german": (10, 5), "taiwan": (5, 2)}
DAY = pd.Timedelta(days=1)


def line(figure: str, bar: str, ours: float, peer: float, digits: int = 4) -> None:
    ratio = f"{ours / peer:8.3f}" if np.isfinite(peer) and peer else "       -"
    shown = f"{peer:9.{digits}f}" if np.isfinite(peer) else "        -"
    print(f"{figure:<46}{bar:<24}{ours:9.{digits}f} {shown} {ratio}", flush=True)


# ------------------------------------------------------------------ scorecards


def scorecards(folder: Path, peers: str | None, quick: bool) -> None:
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import RepeatedStratifiedKFold

    sys.path.insert(0, str(HERE / "peers"))
    from credit_models_peer import FILES

    for name, (splits, repeats) in SETS.items():
        repeats = 1 if quick else repeats
        file, target = FILES[name]
        frame = pd.read_parquet(folder / file).drop(columns="row_id")
        y = frame.pop(target).to_numpy().astype(int)
        folds = RepeatedStratifiedKFold(n_splits=splits, n_repeats=repeats, random_state=0)
        auc, points, took = [], [], []
        for train, test in folds.split(frame, y):
            start = time.process_time()
            card = CreditScorecard().fit(frame.iloc[train], y[train])
            took.append(time.process_time() - start)
            held = frame.iloc[test]
            auc.append(roc_auc_score(y[test], card.predict_proba(held)[:, 1]))
            points.append(roc_auc_score(y[test], -card.predict_score(held)))
        peer = _optbinning(peers, folder, name, splits, repeats)
        what = f"{name} {repeats}x{splits}-fold"
        line(f"{what} AUC", ">= optbinning - 0.002", float(np.mean(auc)), peer["auc"])
        line(f"{what} AUC of whole points", ">= optbinning - 0.002", np.mean(points), peer["auc"])
        bar = "<= 0.3 s" if name == "german" else "<= 1/5 of optbinning"
        line(f"{what} fit, seconds", bar, statistics.median(took), peer["seconds"], 3)


def _optbinning(
    peers: str | None, folder: Path, name: str, splits: int, repeats: int
) -> dict[str, float]:
    if not peers:
        return {"auc": np.nan, "seconds": np.nan}
    script = HERE / "peers" / "credit_models_peer.py"
    command = [peers, str(script), str(folder), name, str(splits), str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  peer failed: {done.stderr.strip().splitlines()[-1]}")
        return {"auc": np.nan, "seconds": np.nan}
    return json.loads(done.stdout.strip().splitlines()[-1])


# ---------------------------------------------------------------- late payment


def invoices_of(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    d = pd.read_parquet(folder / "ibm_late_payments_train.parquet")
    paid = d[["invoice_id", "customer_id", "amount"]].assign(
        payment_id=d["invoice_id"], date=d["settled_date"]
    )
    return d, d[["invoice_id", "customer_id", "invoice_date", "due_date", "amount"]], paid


def quarters(d: pd.DataFrame) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Rolling origins at quarter starts with half a year before them."""
    first, last = d["invoice_date"].min(), d["invoice_date"].max()
    starts = pd.date_range(first, last, freq="QS")
    starts = starts[starts >= first + 150 * DAY]
    return list(zip(starts, [*starts[1:], last + DAY], strict=True))


def late_payment(folder: Path, quick: bool) -> None:
    d, invoices, paid = invoices_of(folder)
    parts = [_late_at(d, invoices, paid, *span) for span in quarters(d)]
    every = pd.concat(parts, ignore_index=True)
    print(f"late payment: {len(parts)} quarterly origins, {len(every)} invoices, no dispute flag")
    auc = {c: _rolling_auc(every, c) for c in ("p_model", "p_logit", "p_history")}
    line("AUC, against logistic, same features", ">= logistic", auc["p_model"], auc["p_logit"])
    chance = "by more than chance"
    line("AUC, against the customer's late share", f"> {chance}", auc["p_model"], auc["p_history"])
    miss = {c: (every[c] - every["days"]).abs().mean() for c in ("d_model", "d_ridge", "d_history")}
    ours, ridge, median = miss["d_model"], miss["d_ridge"], miss["d_history"]
    line("MAE of days, against ridge, same features", "<= ridge", ours, ridge, 3)
    line("MAE of days, against the customer's median", f"< {chance}", ours, median, 3)
    inside = (every["days"] >= every["low"]) & (every["days"] <= every["high"])
    line("coverage of the 80 % interval", "", float(inside.mean()), np.nan, 3)
    _by_chance(every, 200 if quick else 1000)


def _late_at(
    d: pd.DataFrame, invoices: pd.DataFrame, paid: pd.DataFrame,
    start: pd.Timestamp, end: pd.Timestamp,
) -> pd.DataFrame:  # fmt: skip
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LatePaymentModel().fit(invoices, paid, as_of=start - DAY)
    X, got = model.known_at_invoice(invoices, paid), model.predict(invoices, paid)
    train = (d["settled_date"] < start).to_numpy()
    test = ((d["invoice_date"] >= start) & (d["invoice_date"] < end)).to_numpy()
    late, days = (d["days_late"] > 0).to_numpy(), d["days_to_settle"].to_numpy()
    logit = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    logit.fit(X[train], late[train])
    ridge = make_pipeline(StandardScaler(), Ridge()).fit(X[train], days[train])
    return pd.DataFrame(
        {
            "origin": start, "customer": d["customer_id"][test].to_numpy(), "late": late[test],
            "days": days[test], "p_model": got["p_late"][test].to_numpy(),
            "p_logit": logit.predict_proba(X[test])[:, 1],
            "p_history": got["baseline_p_late"][test].to_numpy(),
            "d_model": got["expected_days"][test].to_numpy(), "d_ridge": ridge.predict(X[test]),
            "d_history": got["baseline_days"][test].to_numpy(),
            "low": got["lo_80"][test].to_numpy(), "high": got["hi_80"][test].to_numpy(),
        }
    )  # fmt: skip


def _rolling_auc(every: pd.DataFrame, column: str) -> float:
    """AUC within each origin, weighted by invoices."""
    groups = [g for _, g in every.groupby("origin")]
    parts = [(len(g), _auc(g[column].to_numpy(), g["late"].to_numpy())) for g in groups]
    return float(sum(n * a for n, a in parts) / sum(n for n, _ in parts))


def _auc(score: np.ndarray, bad: np.ndarray) -> float:
    from scipy.stats import rankdata

    rank, n = rankdata(score), int(bad.sum())
    return (rank[bad].sum() - n * (n + 1) / 2) / max(n * (len(bad) - n), 1)


def _by_chance(every: pd.DataFrame, draws: int) -> None:
    """Whole customers drawn with replacement, all their invoices with them: is a lead chance?"""
    rng = np.random.default_rng(0)
    rows = every.groupby("customer").indices
    names = np.array(sorted(rows))
    leads = np.zeros((draws, 2))
    for k in range(draws):
        drawn = every.iloc[np.concatenate([rows[c] for c in rng.choice(names, len(names))])]
        auc = [_rolling_auc(drawn, c) for c in ("p_model", "p_history")]
        miss = [(drawn[c] - drawn["days"]).abs().mean() for c in ("d_model", "d_history")]
        leads[k] = auc[0] - auc[1], miss[1] - miss[0]
    print(f"  lead over the customer's history, {len(names)} customers drawn again {draws} times:")
    for name, lead in zip(("AUC", "MAE, days"), leads.T, strict=True):
        low, high = np.quantile(lead, [0.025, 0.975])
        print(f"  {name:<10}95 % interval [{low:.4f}, {high:.4f}], p = {(lead <= 0).mean():.3f}")


# ------------------------------------------------------------------------ cash


def cash(folder: Path) -> None:
    d, invoices, paid = invoices_of(folder)
    issued, settled = (
        d[c].to_numpy().astype("M8[D]").astype(int) for c in ("invoice_date", "settled_date")
    )
    amount = d["amount"].to_numpy()
    last = d["invoice_date"].max() - 28 * DAY
    origins = pd.date_range(d["invoice_date"].min() + 180 * DAY, last, freq="14D")
    rows: list[dict[str, Any]] = []
    start = time.process_time()
    for origin in origins:
        got = cash_forecast(invoices, paid, as_of=origin, horizon=4)
        o = int(np.datetime64(origin, "D").astype(int))
        is_open = (issued <= o) & (settled > o)
        week = (settled - o - 1) // 7
        pooled = _pooled_hazard(issued, settled, amount, is_open, o)
        for k in range(4):
            row = got.iloc[k]
            rows.append(
                {"actual": amount[is_open & (week == k)].sum(), "ours": row["expected"],
                 "low": row["p10"], "high": row["p90"], "due": row["due"], "pooled": pooled[k]}
            )  # fmt: skip
    took = (time.process_time() - start) / len(origins)
    every = pd.DataFrame(rows)
    wape = {c: _wape(every["actual"], every[c]) for c in ("ours", "pooled", "due")}
    print(f"weekly cash: {len(origins)} fortnightly origins, 4 weeks each, {took:.3f} s a forecast")
    line("WAPE, against one pooled hazard", "<= pooled hazard", wape["ours"], wape["pooled"])
    line("WAPE, against paid on the due date", "", wape["ours"], wape["due"])
    inside = (every["actual"] >= every["low"]) & (every["actual"] <= every["high"])
    line("80 % bands cover", "0.70 to 0.90", float(inside.mean()), np.nan, 3)


def _wape(actual: pd.Series, told: pd.Series) -> float:
    return float((told - actual).abs().sum() / actual.sum())


def _pooled_hazard(
    issued: np.ndarray, settled: np.ndarray, amount: np.ndarray, is_open: np.ndarray, o: int
) -> np.ndarray:
    """One product-limit curve of age for all invoices, each followed from its own age."""
    known = issued <= o
    age = np.minimum(settled, o)[known] - issued[known]
    size = 1 + int((o - issued[known]).max()) + 29
    paid = np.bincount(age[settled[known] <= o], minlength=size)
    risk = np.bincount(age, minlength=size)[::-1].cumsum()[::-1]
    alive = np.cumprod(1 - np.divide(paid, risk, out=np.zeros(size), where=risk > 0))
    at = alive[(o - issued[is_open])[:, None] + 7 * np.arange(5)]
    share = np.divide(-np.diff(at), at[:, :1], out=np.zeros((len(at), 4)), where=at[:, :1] > 0)
    return amount[is_open] @ share


def sample_company() -> None:
    invoices, paid = load_sample("invoices"), load_sample("payments")
    other = load_sample("adjustments")
    past = cash_backtest(invoices, paid, other, horizon=4, origins=44, fx={"USD": 7.1})
    wape = {c: _wape(past["actual"], past[c]) for c in ("expected", "due")}
    inside = ((past["actual"] >= past["p10"]) & (past["actual"] <= past["p90"])).mean()
    print("sample company: 44 weekly origins; late payment after 2024")
    line("WAPE, against paid on the due date", "", wape["expected"], wape["due"])
    line("80 % bands cover", "0.70 to 0.90", float(inside), np.nan, 3)
    model = LatePaymentModel().fit(invoices, paid, other, as_of="2024-12-31", fx={"USD": 7.1})
    told = model.evaluate(invoices, paid, other).set_index("by")
    for name in ("auc", "brier", "mae_days"):
        line(f"{name}, against the customer's history", "", *told[name].tolist())


def days_of_payment() -> None:
    """The same forecast by age alone, with the days of the week, and with a calendar."""
    from salesmgmt._credit import cash_curves

    book = tuple(load_sample(t) for t in ("invoices", "payments", "adjustments"))
    days = pd.date_range("2024-04-05", "2025-12-25", freq="12D")
    known = cash_curves.weekday_factors
    print(f"{'sample company, ' + str(len(days)) + ' origins, WAPE':<46}21 days  4 weeks 3 months")
    for name, calendar, factors in (
        ("age alone", None, lambda *_: np.ones(7)),
        ("days of the week", None, known),
        ('calendar="CN"', "CN", known),
    ):
        cash_curves.weekday_factors = factors
        told = []
        for freq, horizon in (("D", 21), ("W", 4), ("M", 3)):
            parts = [
                cash_backtest(*book, as_of=day, horizon=horizon, freq=freq, origins=1,
                              calibrate=0, fx={"USD": 7.1}, calendar=calendar)
                for day in days
            ]  # fmt: skip
            past = pd.concat(parts)
            told.append(_wape(past["actual"], past["expected"]))
        print(f"  {name:<44}" + " ".join(f"{t:8.3f}" for t in told))
    cash_curves.weekday_factors = known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'figure':<46}{'bar':<24}{'ours':>9} {'peer':>9} {'ratio':>8}")
    if not given.peers:
        print("optbinning skipped: name an interpreter that has it with --peers")
    data = os.environ.get("SALESMGMT_DATA", "")
    if data and Path(data, "credit").is_dir():
        folder = Path(data, "credit")
        scorecards(folder, given.peers, given.quick)
        late_payment(folder, given.quick)
        cash(folder)
    else:
        print("real data skipped: set SALESMGMT_DATA to the folder that holds them")
    sample_company()
    days_of_payment()


if __name__ == "__main__":
    main()
