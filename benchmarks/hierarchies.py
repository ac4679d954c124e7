"""Reconciliation on several hierarchies: error over all nodes before and after, by method.

    SALESMGMT_DATA=FOLDER python benchmarks/hierarchies.py [--peers PYTHON] [--quick]

Origins lie inside the training parts, one horizon apart; only the first figure, pharmacy, is the
test part. Errors are scaled by the mean change over a season of each node. ``forecast_desk.py``
prints these lines too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from salesmgmt import load_sample
from salesmgmt.forecast import forecast_hierarchy, reconcile

HERE = Path(__file__).parent
METHODS = ("bottom_up", "ols", "wls", "mint_shrink", "auto")


def line(figure: str, bar: str, ours: str, peer: str = "") -> None:
    print(f"{figure:<58} {bar:<26} {ours:<34} {peer}", flush=True)


@dataclass
class Case:
    """Bottom series (``keys``, ``date``, ``amount``), levels, frequency, season, horizon."""

    name: str
    frame: pd.DataFrame
    keys: list[str]
    levels: list[list[str]]
    freq: str
    season: int
    horizon: int
    origins: int = 2
    slow: bool = False

    def parts(self) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
        """What was known, and what came, at each origin."""
        dates = np.sort(self.frame["date"].unique())
        out = []
        for i in range(1, self.origins + 1):
            ends = dates[-i * self.horizon - 1], dates[-(i - 1) * self.horizon - 1]
            late = self.frame["date"] > ends[0]
            out.append((self.frame[~late], self.frame[late & (self.frame["date"] <= ends[1])]))
        return out


def crossings(keys: list[str]) -> list[list[str]]:
    return [list(c) for k in range(len(keys)) for c in combinations(keys, k)]


# --------------------------------------------------------------------------------------
# Sets


def read(folder: Path, name: str, part: str = "train") -> pd.DataFrame:
    frame = pd.read_parquet(folder / "forecast" / f"{name}_{part}.parquet")
    frame["ds"] = frame["ds"].astype("datetime64[us]")
    return frame.rename(columns={"ds": "date", "y": "amount"})


def summed(frame: pd.DataFrame, keys: list[str], unit: str) -> pd.DataFrame:
    """Sums by month or quarter, zero where nothing was sold."""
    when = frame["date"].dt.to_period(unit).dt.start_time.astype("datetime64[us]")
    wide = frame.assign(date=when).pivot_table(
        index="date", columns=keys, values="amount", aggfunc="sum", fill_value=0.0
    )
    rows = wide.T.reset_index().melt(id_vars=keys, var_name="date", value_name="amount")
    return rows.assign(date=pd.to_datetime(rows["date"]))


def drugs(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Scripts by concession, type and two drug groups: training and test part."""
    keys = ["concession", "type", "group", "drug"]
    past, later = (read(folder, "pbs_scripts", part) for part in ("train", "test"))
    steady = past.groupby("unique_id")["amount"].agg(lambda v: (v > 0).mean() > 0.99)
    for frame in (past, later):
        frame[keys] = frame["unique_id"].str.split("/", expand=True).iloc[:, :4].to_numpy()
    past, later = (f[f["unique_id"].map(steady)] for f in (past, later))
    return past, later, keys


def retail(folder: Path) -> list[Case]:
    frame = read(folder, "aus_retail")
    keys = ["state", "industry"]
    frame[keys] = frame["unique_id"].str.split("/", expand=True).to_numpy()
    frame = frame[frame["date"] >= "1990-01-01"]
    full = frame.groupby("unique_id")["date"].transform("size") == frame["date"].nunique()
    months = summed(frame[full], keys, "M")
    quarters = summed(frame[full], keys, "Q")
    quarters = quarters[quarters["date"] >= quarters["date"].drop_duplicates().iloc[-80]]
    return [
        Case("Australian retail, months", months, keys, crossings(keys), "M", 12, 12, 3, True),
        Case("Australian retail, 80 quarters", quarters, keys, crossings(keys), "Q", 4, 8, 3),
    ]


def walmart(folder: Path) -> Case:
    frame = read(folder, "walmart_weekly")
    full = frame.groupby("unique_id")["date"].transform("size") == frame["date"].nunique()
    frame = frame[full].copy()
    stores = pd.read_parquet(folder / "forecast" / "walmart_stores.parquet")
    kind = dict(zip(stores["Store"].map("S{:02d}".format), stores["Type"]))
    frame["store"], frame["dept"] = frame["unique_id"].str[:3], frame["unique_id"].str[4:]
    frame["type"] = frame["store"].map(kind)
    frame = frame[frame["store"].isin(sorted(frame["store"].unique())[::2])]
    levels = [[], ["type"], ["type", "store"], ["dept"], ["type", "dept"]]
    keys = ["type", "store", "dept"]
    return Case("Walmart, weeks", frame, keys, levels, "W", 52, 8, 3, True)


def superstore(folder: Path) -> list[Case]:
    frame = pd.read_parquet(folder / "segmentation" / "superstore_10194.parquet")
    keys = ["region", "segment", "category", "sub_category"]
    levels = [*crossings(["region", "segment", "category"]), ["category", "sub_category"]]
    months = summed(frame, keys, "M")
    orders = frame["state_province"].map(frame["state_province"].value_counts())
    frame["state"] = frame["state_province"].where(orders >= 100, "other " + frame["region"])
    states = [[], ["region"], ["region", "state"], ["category"], ["region", "category"]]
    by = ["region", "state", "category"]
    return [
        Case("Superstore, sub-categories", months, keys, levels, "M", 12, 6),
        Case("Superstore, states", summed(frame, by, "M"), by, states, "M", 12, 6),
    ]


def online(folder: Path) -> Case:
    frame = pd.read_parquet(folder / "segmentation" / "online_retail_2011.parquet")
    frame = frame[(frame["quantity"] > 0) & (frame["unit_price"] > 0)]
    words = ["BAG", "BOX", "HEART", "LIGHT", "SET", "CHRISTMAS", "CAKE", "SIGN", "CARD"]
    group = frame["item"].astype("str").str.extract(f"({'|'.join(words)})")[0].fillna("other")
    many = frame["country"].map(frame["country"].value_counts()) >= 1500
    week = (frame["date"] - pd.Timestamp("2010-11-29")).dt.days // 7
    frame = frame.assign(
        group=group,
        country=frame["country"].where(many, "rest"),
        date=pd.Timestamp("2010-11-29") + pd.to_timedelta(7 * week, unit="D"),
    )[week < 53]
    keys = ["country", "group"]
    wide = frame.pivot_table(
        index="date", columns=keys, values="amount", aggfunc="sum", fill_value=0.0
    )
    rows = wide.T.reset_index().melt(id_vars=keys, var_name="date", value_name="amount")
    rows["date"] = pd.to_datetime(rows["date"])
    return Case("online shop, weeks", rows, keys, crossings(keys), "W", 1, 4, 4)


def company() -> Case:
    keys = ["region", "rep", "product_line"]
    levels = [[], ["region"], ["product_line"], ["region", "rep"], ["region", "product_line"]]
    sales = summed(load_sample("transactions"), keys, "M")
    return Case("sample company, months", sales, keys, levels, "M", 12, 3)


def tourism_like(seed: int, scarce: bool) -> Case:
    """Generated: 76 regions in 8 states by 4 purposes, 80 quarters, counts of a survey.

    Growth turns smoothly and is shared by country, states and purposes; seasons differ by
    purpose and state; a sampled trip stands for 4.5 or 7.4 (``scarce``) thousand others.
    """
    rng = np.random.default_rng(seed)
    regions, purposes, periods = 76, 4, 80
    state = np.repeat(np.arange(8), [13, 21, 12, 12, 8, 7, 2, 1])

    def turning(shape: tuple[int, ...], level: float, slope: float) -> np.ndarray:
        grow = np.cumsum(rng.normal(0, slope, (*shape, periods)), axis=-1)
        grow += rng.normal(0, 4 * slope, (*shape, 1))
        return np.cumsum(0.97 * grow + rng.normal(0, level, (*shape, periods)), axis=-1)

    turn = 1.6 if scarce else 1.0
    size = np.exp(rng.normal(4.2, 0.9, (regions, 1)) + rng.normal([0.7, 0.5, -0.5, -1.6], 0.5,
                  (regions, purposes)))  # fmt: skip
    log = turning((1, 1), 0.004, 0.0018 * turn)
    log = log + turning((8, 1), 0.006, 0.0015 * turn)[state]
    log = log + turning((1, purposes), 0.006, 0.002 * turn)
    log = log + turning((8, purposes), 0.008, 0.001 * turn)[state]
    log += np.cumsum(rng.normal(0, 0.025, (regions, purposes, periods)), axis=-1)
    season = rng.normal(0, 0.08, (8, 1, 4))[state]
    season = (
        season + rng.normal(size=(1, purposes, 4)) * np.array([0.15, 0.06, 0.12, 0.05])[:, None]
    )
    own = np.array([1.2, 0.5, 0.3, 0.3])[:, None]
    season = season + rng.normal(0, 0.12, (8, purposes, 4))[state] * own
    season = season + rng.normal(0, 0.08, (regions, purposes, 4))
    season -= season.mean(axis=-1, keepdims=True)
    shock = rng.normal(0, 0.02, (8, 1, periods))[state] + rng.normal(
        0, 0.02, (1, purposes, periods)
    )
    shock = shock + rng.normal(0, 0.03, (8, purposes, periods))[state]
    mean = size[..., None] * np.exp(log + season[..., np.arange(periods) % 4] + shock)
    each = np.exp(rng.normal(2.0 if scarce else 1.5, 0.3, (regions, purposes, 1)))
    trips = np.sqrt(rng.gamma(8, 1 / 8, mean.shape)) * each * rng.poisson(mean / each)
    cells = regions * purposes
    where = np.repeat(np.arange(cells), periods)
    frame = pd.DataFrame(
        {
            "state": state[where // purposes].astype(str),
            "region": (where // purposes).astype(str),
            "purpose": (where % purposes).astype(str),
            "date": np.tile(pd.date_range("1998-01-01", periods=periods, freq="QS"), cells),
            "amount": trips.ravel(),
        }
    )
    keys = ["state", "region", "purpose"]
    levels = [[], ["state"], ["purpose"], ["state", "purpose"], ["state", "region"]]
    name = f"like tourism, {'scarce' if scarce else 'plain'} {seed}"
    return Case(name, frame, keys, levels, "Q", 4, 8)


# --------------------------------------------------------------------------------------
# Scores


def outcomes(case: Case, past: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """What came, and the mean change over a season before, of every node."""
    parts = []
    for level in [*case.levels, case.keys]:
        old, new = (
            f.groupby([*level, "date"], as_index=False)["amount"].sum() for f in (past, later)
        )
        old = old.sort_values([*level, "date"])
        before = old.groupby(level)["amount"] if level else old["amount"]
        old["scale"] = (old["amount"] - before.shift(case.season)).abs()
        if level:
            new = new.merge(old.groupby(level, as_index=False)["scale"].mean(), on=level)
        else:
            new["scale"] = old["scale"].mean()
        parts.append(new.reindex(columns=[*case.keys, "date", "amount", "scale"]))
    out = pd.concat(parts, ignore_index=True)
    return out[out["scale"] > 0].astype(dict.fromkeys(case.keys, "object"))


def score(got: pd.DataFrame, truth: pd.DataFrame, keys: list[str]) -> tuple[float, float]:
    """Mean over nodes of the scaled errors before and after reconciliation."""
    both = got.astype(dict.fromkeys(keys, "object")).merge(truth, on=[*keys, "date"])
    return tuple(  # type: ignore[return-value]
        float(((both[c] - both["amount"]).abs() / both["scale"]).mean())
        for c in ("base", "forecast")
    )


def one_set(case: Case, model: str, peers: str | None = None, origins: int | None = None) -> None:
    """Changes against the base forecasts of a model, mean over the origins."""
    found: dict[str, list[tuple[float, float]]] = {m: [] for m in METHODS}
    mixed = []
    for past, later in case.parts()[:origins]:
        truth = outcomes(case, past, later)
        for method, got in _made(case, past, model):
            found[method].append(score(got, truth, case.keys))
            if method == "auto":
                known = got.astype(dict.fromkeys(case.keys, "object"))
                mixed.append(known.merge(truth, on=[*case.keys, "date"]))
    means = {m: np.mean(v, axis=0) for m, v in found.items()}
    base = means["auto"][0]
    named = {"bottom_up": "bu", "mint_shrink": "mint", "auto": "mixture"}
    words = [f"{named.get(m, m)} {means[m][1] / base - 1:+.1%}" for m in METHODS]
    theirs = _peer(peers, case) if peers else ""
    line(f"{case.name}, {model}: base {base:.3f}", "mixture < base", ", ".join(words), theirs)
    line("  80 and 95 % intervals of the mixture held", "78-82, 90-98", held(mixed, case.keys))


def held(parts: list[pd.DataFrame], keys: list[str]) -> str:
    """Shares of outcomes inside the intervals, by level."""
    rows = pd.concat(parts)
    depth = rows[keys].notna().sum(axis=1)
    words = []
    for name, which in (
        ("bottom", depth == len(keys)),
        ("between", (depth > 0) & (depth < len(keys))),
        ("total", depth == 0),
    ):
        some = rows[which]
        shares = [some["amount"].between(some[f"lo_{x}"], some[f"hi_{x}"]).mean() for x in (80, 95)]
        if len(some):
            words.append(f"{name} {shares[0]:.1%} {shares[1]:.1%} ({len(some)})")
    return ", ".join(words)


def _made(case: Case, past: pd.DataFrame, model: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every method's forecasts; those without weights from the base forecasts of the others."""
    options = {"keys": case.keys, "levels": case.levels, "freq": case.freq, "model": model}
    options |= {"season_length": case.season, "level": (80, 95)}
    for method in ("wls", "mint_shrink", "auto"):
        got = forecast_hierarchy(past, case.horizon, method=method, **options)
        yield method, got
    for method in ("bottom_up", "ols"):
        before = got.drop(columns=[c for c in got if c.startswith(("lo_", "hi_"))])
        before = before.assign(forecast=got["base"])
        yield method, reconcile(before, keys=case.keys, method=method, non_negative=True)


def _peer(python: str, case: Case) -> str:
    """AutoETS and its reconciliations by hierarchicalforecast at the newest origin."""
    past, later = case.parts()[0]
    wide = [f.pivot_table(index="date", columns=case.keys, values="amount") for f in (past, later)]
    cells = wide[0].columns.to_frame(index=False)
    rows = []
    for level in case.levels:
        code = cells.groupby(level).ngroup() if level else pd.Series(0, index=cells.index)
        rows.append(np.equal.outer(np.arange(code.max() + 1), code.to_numpy()).astype(float))
    S = np.vstack([*rows, np.eye(len(cells))])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.npz"
        past_all, later_all = (w.to_numpy() @ S.T for w in wide)
        np.savez(path, S=S, past=past_all, later=later_all, season=case.season)
        script = HERE / "peers" / "hierarchies_peer.py"
        run = subprocess.run([python, str(script), str(path)], capture_output=True, text=True)
    if run.returncode:
        return "peer failed: " + run.stderr.strip().splitlines()[-1][:60]
    return run.stdout.strip()


def pharmacy(folder: Path) -> None:
    """The test part of the pharmacy scripts."""
    past, later, keys = drugs(folder)
    case = Case("pharmacy", past, keys, crossings(keys), "M", 12, 12)
    truth = outcomes(case, past, later)
    found = {m: got for m, got in _made(case, past, "auto") if m in ("wls", "mint_shrink", "auto")}
    scores = {m: score(got, truth, keys) for m, got in found.items()}
    base = scores["auto"][0]
    words = [f"{m} {v[1]:.3f} ({v[1] / base - 1:+.1%})" for m, v in scores.items()]
    line(f"pharmacy, test part, {len(found['auto']) // 12} nodes: base {base:.3f}",
         "5 % below base (tourism)", ", ".join(words))  # fmt: skip


def hierarchies(folder: Path, peers: str | None, quick: bool) -> None:
    """All sets; with exponential smoothing where that does not take minutes."""
    pharmacy(folder)
    past, _, keys = drugs(folder)
    levels = [x for x in crossings(keys) if "group" in x or "drug" not in x]
    cases = [Case("pharmacy, months", past, keys, levels, "M", 12, 12, 3, True)]
    cases += [*retail(folder), walmart(folder), *superstore(folder), online(folder), company()]
    for case in cases:
        one_set(case, "auto")
        if not (case.slow or quick):
            one_set(case, "ets", origins=1)
    for scarce in (False, True):
        for seed in range(1 if quick else 4):
            case = tourism_like(seed, scarce)
            one_set(case, "auto")
            if not quick and seed in (1, 2):
                one_set(case, "ets", peers, origins=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    line("figure", "bar", "ours", "peer")
    where = os.environ.get("SALESMGMT_DATA", "")
    if where:
        hierarchies(Path(where), options.peers, options.quick)
        return
    print("real data: set SALESMGMT_DATA to the folder that holds them")
    one_set(company(), "auto")
    one_set(tourism_like(0, False), "auto")


if __name__ == "__main__":
    main()
