"""Ledger and aging at scale, beside DuckDB on four threads, on the same data.

    python benchmarks/credit.py                                   # ours alone
    python benchmarks/credit.py --peers PYTHON                   # beside peers/credit.txt
    python benchmarks/credit.py --rows 10_000_000 --repeats 1     # 10 M invoices, 15 M payments
    python benchmarks/credit.py --large                           # added memory there, each path

The peer runs in an environment of its own, which needs what ``peers/credit.txt`` pins. Invoices
and payments are made up: 20 invoices and 30 payments a customer, amounts in whole cents.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

AS_OF = "2025-06-30"
BALANCES = """
with i as (
  select customer_id, invoice_id, invoice_date, due_date, cast(round(amount * 100) as bigint) u
  from inv where invoice_date <= date '{day}'),
p as (
  select customer_id, sum(cast(round(amount * 100) as bigint)) paid
  from pay where date <= date '{day}' group by 1),
c as (
  select i.customer_id, u, date_diff('day', due_date, timestamp '{day}') late,
    coalesce(paid, 0) paid,
    sum(u) over (partition by i.customer_id order by invoice_date, invoice_id
                 rows between unbounded preceding and current row) - u before_
  from i left join p using (customer_id)),
o as (select customer_id, late, u - least(greatest(paid - before_, 0), u) open from c)
select customer_id,
  sum(case when late <= 0 then open else 0 end) current,
  sum(case when late between 1 and 30 then open else 0 end) b30,
  sum(case when late between 31 and 60 then open else 0 end) b60,
  sum(case when late between 61 and 90 then open else 0 end) b90,
  sum(case when late > 90 then open else 0 end) b91
from o group by 1 order by 1
"""
PAIRS = """
with i as (
  select customer_id, invoice_id, invoice_date, cast(round(amount * 100) as bigint) u
  from inv where invoice_date <= date '{day}'),
p as (
  select customer_id, payment_id, date, cast(round(amount * 100) as bigint) u
  from pay where date <= date '{day}'),
ci as (select *, sum(u) over (partition by customer_id order by invoice_date, invoice_id
                              rows unbounded preceding) e from i),
cp as (select *, sum(u) over (partition by customer_id order by date, payment_id
                              rows unbounded preceding) e from p),
k as (select customer_id, e from ci union select customer_id, e from cp),
s as (select customer_id, e, lag(e, 1, 0) over (partition by customer_id order by e) b from k),
a as (select s.customer_id, s.b, s.e, ci.invoice_id
      from s asof join ci on s.customer_id = ci.customer_id and s.e <= ci.e)
select a.customer_id, a.invoice_id, cp.payment_id, cp.date, a.e - a.b u
from a asof join cp on a.customer_id = cp.customer_id and a.e <= cp.e
"""


def company(invoices: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Invoices and half as many payments again."""
    random = np.random.default_rng(0)
    n, m, customers = invoices, invoices * 3 // 2, max(invoices // 20, 1)
    day = np.datetime64("2023-01-01", "us")
    made = day + random.integers(0, 900, n).astype("timedelta64[D]")
    terms = random.choice([30, 45, 60, 90], n).astype("timedelta64[D]")
    inv = pd.DataFrame(
        {
            "invoice_id": np.arange(n),
            "customer_id": random.integers(0, customers, n),
            "invoice_date": made,
            "due_date": made + terms,
            "amount": np.round(random.lognormal(6, 1, n), 2),
        }
    )
    pay = pd.DataFrame(
        {
            "payment_id": np.arange(m),
            "customer_id": random.integers(0, customers, m),
            "date": day + random.integers(14, 944, m).astype("timedelta64[D]"),
            "amount": np.round(random.lognormal(5.5, 1, m), 2),
        }
    )
    return inv, pay


def varied(path: str, inv: pd.DataFrame, pay: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same books with what takes them off the plain path."""
    random = np.random.default_rng(1)
    if path == "named":  # three payments in four name an invoice of their customer's
        order = np.argsort(inv["customer_id"].to_numpy(), kind="stable")
        who = pay["customer_id"].to_numpy()
        ends = np.searchsorted(inv["customer_id"].to_numpy()[order], np.arange(who.max() + 2))
        some = (ends[who + 1] > ends[who]) & (random.random(len(pay)) < 0.75)
        at = ends[who] + (random.random(len(pay)) * (ends[who + 1] - ends[who])).astype(np.int64)
        named = inv["invoice_id"].to_numpy()[order[np.where(some, at, 0)]].astype(float)
        pay = pay.assign(invoice_id=np.where(some, named, np.nan))
    if path == "credit notes":
        note = random.random(len(inv)) < 0.05
        inv = inv.assign(
            type=pd.Categorical(np.where(note, "credit_note", "invoice")),
            parent=np.where(note, inv["invoice_id"] - 1.0, np.nan),
        )
    if path in ("two currencies", "converted"):
        names = np.array(["CNY", "USD"])
        inv = inv.assign(currency=pd.Categorical(names[random.integers(0, 2, len(inv))]))
        pay = pay.assign(currency=pd.Categorical(names[random.integers(0, 2, len(pay))]))
    return inv, pay


PATHS = ("plain", "named", "credit notes", "past as_of", "two currencies", "converted", "pairs")


def memory(rows: int, path: str) -> dict[str, float]:
    """Added peak memory and size of the result, in times the input, of one path."""
    from salesmgmt import credit

    inv, pay = varied(path, *company(rows))
    gc.collect()
    size = sum(t.memory_usage(deep=True).sum() for t in (inv, pay)) / 2**20
    credit.aging(inv.head(1000), pay.head(0), as_of=AS_OF)  # imports
    day = "2024-06-30" if path == "past as_of" else AS_OF
    fx = {"USD": 7.1} if path == "converted" else None
    call = credit.ledger if path == "pairs" else credit.aging
    seconds, added, result = timed(lambda: call(inv, pay, as_of=day, fx=fx), 1)
    assert isinstance(result, pd.DataFrame)
    own = result.memory_usage().sum() / 2**20
    return {"seconds": seconds, "added": added / size, "result": own / size, "input": size}


def large(options: argparse.Namespace) -> None:
    """The table of added memory, each path in a process of its own."""
    print(f"{options.rows:,} invoices, {options.rows * 3 // 2:,} payments: added peak memory")
    print(
        f"{'path':20s} {'bar':>8s} {'x input':>9s} {'result':>9s} {'seconds':>9s} {'input MB':>9s}"
    )
    for path in PATHS:
        got = run(sys.executable, "memory", path, options)
        bar = "" if path == "pairs" else "<= 1.5"
        print(f"{path:20s} {bar:>8s} {got['added']:9.2f} {got['result']:9.2f} "
              f"{got['seconds']:9.1f} {got['input']:9,.0f}", flush=True)  # fmt: skip


def timed(call: Callable[[], object], repeats: int) -> tuple[float, float, object]:
    """Median wall time of ``repeats`` calls, the memory they added in MB, the last result."""
    took, result = [], None
    before, peak, done = resident_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], resident_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(repeats):
            result = None
            start = time.perf_counter()
            result = call()
            took.append(time.perf_counter() - start)
    finally:
        done.set()
        watcher.join()
    return float(np.median(took)), max(peak[0] - before, 0.0), result


def resident_mb() -> float:
    """Memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def ours(rows: int, repeats: int, task: str) -> dict[str, float]:
    """Time, totals and added peak memory of one task in a process of its own."""
    from salesmgmt import credit
    from salesmgmt.engine import fast_matching

    if task == "pairs":
        fast_matching.LEAST = rows * 10
    inv, pay = company(rows)
    size = (inv.memory_usage().sum() + pay.memory_usage().sum()) / 2**20
    credit.aging(inv.head(1000), pay.head(0), method="fifo", as_of=AS_OF)  # imports
    call = credit.aging if task == "balances" else credit.ledger
    seconds, added, result = timed(lambda: call(inv, pay, method="fifo", as_of=AS_OF), repeats)
    assert isinstance(result, pd.DataFrame)
    out = {"seconds": seconds, "added": added / size}
    if task == "balances":
        cents = result[["current", "1-30", "31-60", "61-90", "91+"]].to_numpy() * 100
        out["total"] = int(np.rint(cents).sum())
    else:
        matched = result[result["kind"] == "payment"]
        out["pairs"] = len(matched)
        out["total"] = int(np.rint(matched["amount"].to_numpy() * 100).sum())
    return out


def peer(rows: int, repeats: int, task: str) -> dict[str, float]:
    """The same in DuckDB; runs in the peers' environment."""
    import duckdb

    inv, pay = company(rows)
    size = (inv.memory_usage().sum() + pay.memory_usage().sum()) / 2**20
    connection = duckdb.connect(config={"threads": 4})
    connection.register("inv", inv)
    connection.register("pay", pay)
    query = (BALANCES if task == "balances" else PAIRS).format(day=AS_OF)
    seconds, added, result = timed(lambda: connection.execute(query).df(), repeats)
    assert isinstance(result, pd.DataFrame)
    out = {"seconds": seconds, "added": added / size}
    if task == "balances":
        out["total"] = int(result.iloc[:, 1:].to_numpy().sum())
    else:
        real = result[result["u"] > 0]
        out["pairs"], out["total"] = len(real), int(real["u"].sum())
    return out


def run(python: str, who: str, task: str, options: argparse.Namespace) -> dict[str, float]:
    """One measurement in a fresh process, so that peaks and caches do not mix."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        command = [python, __file__, "--worker", who, "--task", task, "--rows", str(options.rows),
                   "--repeats", str(options.repeats), "--result", str(target)]  # fmt: skip
        root = str(Path(__file__).resolve().parent.parent)
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": root})
        return json.loads(target.read_text(encoding="utf-8"))


def in_turn(
    task: str, options: argparse.Namespace, rounds: int = 3
) -> tuple[dict[str, float], dict[str, float] | None]:
    """Ours, the peer, ours, the peer: the round of median time of each."""
    sides = [(sys.executable, "ours")] + ([(options.peers, "duckdb")] if options.peers else [])
    took = [[run(python, who, task, options) for python, who in sides] for _ in range(rounds)]
    middle = [sorted(side, key=lambda d: d["seconds"])[rounds // 2] for side in zip(*took)]
    return middle[0], middle[1] if options.peers else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=lambda s: int(float(s.replace("_", ""))), default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="added memory of each path")
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    parser.add_argument("--worker", choices=["ours", "duckdb", "memory"], help=argparse.SUPPRESS)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker == "memory":
        found = memory(options.rows, options.task)
        Path(options.result).write_text(json.dumps(found), encoding="utf-8")
        return
    if options.worker:
        work = ours if options.worker == "ours" else peer
        done = work(options.rows, options.repeats, options.task)
        Path(options.result).write_text(json.dumps(done), encoding="utf-8")
        return
    if options.large:
        options.rows = max(options.rows, 10_000_000)
        large(options)
        return
    print(f"{options.rows:,} invoices, {options.rows * 3 // 2:,} payments, one thread of ours")
    print(f"{'figure':34s} {'bar':>10s} {'ours':>10s} {'DuckDB':>10s} {'ratio':>6s}")
    for task, words, bar in (
        ("balances", "FIFO balances and aging, s", 1.0),
        ("pairs", "full pair ledger, s", 1.5),
        ("pairs fast", "same with the extra fast, s", 0.35),
    ):
        if task == "pairs fast" and importlib.util.find_spec("numba") is None:
            print("extra fast skipped: numba is not installed")
            continue
        mine, theirs = in_turn(task, options)
        _line(words, f"<= {bar:g} x", mine["seconds"], theirs and theirs["seconds"])
        limit = "<= 1.5" if options.rows >= 10_000_000 else ""
        _line("  added memory, x input", limit, mine["added"], theirs and theirs["added"])
        if theirs:
            same = mine["total"] == theirs["total"] and mine.get("pairs") == theirs.get("pairs")
            print(f"  {'same cents in both' if same else 'TOTALS DIFFER'}")
    if not options.peers:
        print("DuckDB skipped: give --peers, an interpreter with peers/credit.txt installed")
    print(f"{'IFRS 9 example 12, in one line':34s} {'580,000':>10s} {_example_12():10,.0f}")


def _line(words: str, bar: str, mine: float, theirs: float | None) -> None:
    ratio = f"{mine / theirs:6.2f}" if theirs else "     -"
    other = f"{theirs:10.2f}" if theirs else "         -"
    print(f"{words:34s} {bar:>10s} {mine:10.2f} {other} {ratio}")


def _example_12() -> float:
    from salesmgmt import credit

    matrix = {"current": 15e6, "1-30": 7.5e6, "31-60": 4e6, "61-90": 2.5e6, "91+": 1e6}
    return float(credit.provision(matrix, [0.003, 0.016, 0.036, 0.066, 0.106])["allowance"].sum())


if __name__ == "__main__":
    main()
