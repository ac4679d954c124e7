"""What the forecast desk adds, on real data: hierarchies, calendars, probabilities, impact.

    SALESMGMT_DATA=FOLDER python benchmarks/forecast_desk.py [--peers PYTHON] [--quick]

CPU seconds of one process. ``--peers`` (or SALESMGMT_PEERS) names an interpreter with
``peers/forecast_desk.txt`` installed; without one the peer is skipped.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from hierarchies import hierarchies
from scipy import sparse
from scipy.special import stdtrit

from salesmgmt import load_sample
from salesmgmt.engine.reconciliation import Covariance, Projection, shrink
from salesmgmt.forecast import (
    accuracy,
    backtest,
    forecast,
    forecast_sparse,
    impact,
    simulate,
)
from salesmgmt.targets import attainment_probability

HERE = Path(__file__).parent


def line(figure: str, bar: str, ours: str, peer: str = "") -> None:
    print(f"{figure:<58} {bar:<26} {ours:<34} {peer}", flush=True)


def read(folder: Path, name: str, part: str = "train") -> pd.DataFrame:
    if name == "superstore":
        return office_supplies(folder)
    frame = pd.read_parquet(folder / "forecast" / f"{name}_{part}.parquet")
    if frame["ds"].dtype.kind in "iu":
        frame["ds"] = np.datetime64("1980-01") + frame["ds"].to_numpy().astype(int)
    frame["ds"] = frame["ds"].astype("datetime64[us]")
    return frame.rename(columns={"ds": "date", "y": "amount"})


def office_supplies(folder: Path) -> pd.DataFrame:
    """Superstore's orders in weeks, cut five ways: no network has seen these series."""
    orders = pd.read_parquet(folder / "segmentation" / "superstore_10194.parquet")
    week = orders["date"].dt.floor("D")
    week = week - pd.to_timedelta(week.dt.day_of_week, unit="D")
    rows = []
    for cut in ("sub_category", "region category", "region segment", "category segment",
                "state_province"):  # fmt: skip
        name = cut + orders[cut.split()].agg("/".join, axis=1)
        if cut == "state_province":
            name = name.where(name.isin(name.value_counts().index[:14]))
        table = pd.crosstab(week, name, orders["amount"], aggfunc="sum").fillna(0.0)
        table = table.iloc[1:-1].asfreq("7D", fill_value=0.0)  # whole weeks
        rows.append(table.rename_axis("date").melt(ignore_index=False, value_name="amount",
                                                   var_name="unique_id"))  # fmt: skip
    return pd.concat(rows).reset_index()[["unique_id", "date", "amount"]]


# --------------------------------------------------------------------------------------
# Hierarchies


def m5_shape(peers: str | None, quick: bool) -> None:
    """3,049 items in 10 shops of 3 states: 12 levels, 42,840 nodes."""
    rng = np.random.default_rng(0)
    items, shops = 3049, 10
    item, shop = np.repeat(np.arange(items), shops), np.tile(np.arange(shops), items)
    state = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])[shop]
    dept = np.sort(rng.integers(0, 7, items))[item]
    cat = np.array([0, 0, 0, 1, 1, 2, 2])[dept]
    levels = [0 * item, state, shop, cat, dept, state * 3 + cat, state * 7 + dept]
    levels += [shop * 3 + cat, shop * 7 + dept, item, item * 3 + state, item * 10 + shop]
    rows, offset = [], 0
    for level in levels:
        codes = np.unique(level, return_inverse=True)[1]
        rows.append(codes + offset)
        offset += int(codes.max()) + 1
    row, column = np.concatenate(rows), np.tile(np.arange(len(item)), len(levels))
    S = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(offset, len(item)))
    rate = rng.gamma(0.6, 2, len(item))
    day = rng.normal(size=(5, 100))
    load = 0.3 * rng.normal(size=(len(item), 5))
    past = S @ (np.sqrt(rate)[:, None] * (rng.normal(size=(len(item), 100)) + load @ day))
    bias = 0.3 * rng.normal(size=offset)  # a base forecast errs alike on all 28 days
    size = np.sqrt(S @ rate)[:, None]
    base = S @ np.repeat(rate[:, None], 28, axis=1)
    base += size * (bias[:, None] + 0.1 * rng.normal(size=(offset, 28)))
    own = np.arange(offset - len(item), offset)
    peer = ["skipped: give --peers", ""]
    if peers:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m5.npz"
            np.savez(path, rows=row, columns=column, base=base, nodes=offset, leaves=len(item))
            peer = _peer(peers, path, quick)
    for name, bar, theirs in (
        ("MinT-shrink", "<= 10 (stretch 5)", ["not possible", ""]),
        ("WLS by series in a node", "", peer),
    ):
        for non_negative, word in ((False, ""), (True, ", non-negative")):
            start = time.process_time()
            errors = shrink(past)[0] if name == "MinT-shrink" else Covariance(S.sum(axis=1))
            leaves = Projection(S, own, errors).leaves(base, non_negative=non_negative)
            spent = time.process_time() - start
            line(f"M5 shape, {offset:,} nodes: {name}{word}, CPU s", bar, f"{spent:.1f}",
                 theirs[non_negative])  # fmt: skip
    made = S @ leaves
    gap = np.abs(made[0] - leaves.sum(axis=0)).max() / made[0].max()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    line("  coherence (relative), peak GB of this process", "<= 1e-6, <= 1.5",
         f"{gap:.0e}, {peak:.2f}; least {leaves.min():.1f}")  # fmt: skip


def _peer(python: str, path: Path, quick: bool) -> list[str]:
    """CPU seconds and lowest value of the peer's sparse WLS, free and non-negative."""
    script = HERE / "peers" / "forecast_desk_peer.py"
    command = [python, str(script), str(path), "1" if quick else "2"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        return ["peer failed: " + run.stderr.strip().splitlines()[-1][:60], ""]
    rows = [text.split() for text in run.stdout.strip().splitlines()]
    words = [f"{float(r[0]):.1f} (least {float(r[2]):.1f})" for r in rows]
    return [*words, "left out of --quick"][:2]


# --------------------------------------------------------------------------------------
# Calendar


def gain(plain: pd.DataFrame, known: pd.DataFrame) -> str:
    """How much lower the error is with the calendar; interval by resampling series."""
    a, b = (
        x.assign(e=(x["actual"] - x["forecast"]).abs()).groupby("unique_id")["e"].sum()
        for x in (plain, known)
    )
    size = plain.groupby("unique_id")["actual"].sum()
    rng = np.random.default_rng(0)
    draw = rng.integers(0, len(a), (2000, len(a)))
    ratio = 1 - b.to_numpy()[draw].sum(axis=1) / a.to_numpy()[draw].sum(axis=1)
    low, high = np.quantile(ratio, [0.025, 0.975])
    wape = a.sum() / size.sum(), b.sum() / size.sum()
    return f"{1 - wape[1] / wape[0]:+.1%} [{low:+.1%}, {high:+.1%}] {wape[0]:.4f}->{wape[1]:.4f}"


def calendars_help(folder: Path, quick: bool) -> None:
    past = read(folder, "walmart_weekly")
    full = past.groupby("unique_id")["amount"].transform("size") == past["date"].nunique()
    past = past[full]
    names = past["unique_id"].drop_duplicates().sort_values()
    past = past[past["unique_id"].isin(names.iloc[:: 8 if quick else 2])]
    options = {"windows": 4, "step": 4, "by": "unique_id", "models": "auto", "level": None}
    plain = backtest(past, 13, gaps="missing", **options)
    known = backtest(past, 13, gaps="missing", calendar="US", **options)
    line(f"Walmart weekly, {past['unique_id'].nunique()} series: calendar", "interval above 0",
         gain(plain, known))  # fmt: skip
    shops, truth = (read(folder, "aus_retail", part) for part in ("train", "test"))
    truth = truth.rename(columns={"amount": "actual"})
    plain, known = (
        forecast(shops, 24, by="unique_id", calendar=c, level=None).merge(truth)
        for c in (None, "AU")
    )
    line("Australian retail monthly, test part: working days, Easter", "interval above 0",
         gain(plain, known))  # fmt: skip
    options.update(windows=2 if quick else 8, step=12)
    plain, known = (backtest(shops, 12, calendar=c, **options) for c in (None, "AU"))
    line(f"  the {options['windows']} years before", "interval above 0", gain(plain, known))


def calendars_cost(folder: Path) -> None:
    """CPU time of calls with calendar or drivers against the same calls without."""
    past = read(folder, "walmart_weekly")
    size = past.groupby("unique_id")["amount"].transform("size")
    full = past[size == past["date"].nunique()]
    some = full["unique_id"].drop_duplicates().sort_values()
    few = full[full["unique_id"].isin(some.iloc[:: max(len(some) // 39, 1)].iloc[:39])]
    rng = np.random.default_rng(0)
    ahead = pd.date_range(full["date"].max(), periods=14, freq="7D")[1:]
    driven = full.assign(promotion=(rng.random(len(full)) < 0.2) * 1.0)
    keys = pd.MultiIndex.from_product([some, ahead], names=["unique_id", "date"])
    future = keys.to_frame(index=False).assign(promotion=rng.integers(0, 2, len(keys)) * 1.0)
    options = {"by": "unique_id", "gaps": "missing"}
    sales = load_sample("transactions")
    drivers = {"exog": {"promotion": [0, 1]}, "future": future}
    tested = {"windows": 4, "step": 4, "models": "auto"}
    for name, call, known in (
        ("39 series of weeks", lambda **k: forecast(few, 13, **options, **k), {"calendar": "US"}),
        ("39 series, backtest of 4 cutoffs",
         lambda **k: backtest(few, 13, **options, **tested, **k), {"calendar": "US"}),
        (f"{len(some):,} series of weeks",
         lambda **k: forecast(full, 13, **options, **k), {"calendar": "US"}),
        ("  all, with gaps and short ones",
         lambda **k: forecast(past, 13, **options, **k), {"calendar": "US"}),
        ("  a driver with a lag", lambda **k: forecast(driven, 13, **options, **k), drivers),
        ("sample company, months by customer",
         lambda **k: forecast(sales, 6, by="customer_id", freq="M", **k), {"calendar": "CN"}),
    ):  # fmt: skip
        spent = []
        for given in ({}, known):
            call(**given)
            took = []
            for _ in range(3):
                start = time.process_time()
                call(**given)
                took.append(time.process_time() - start)
            spent.append(min(took))
        words = f"{spent[1] / spent[0]:.1f} x ({spent[0]:.2f} -> {spent[1]:.2f} s)"
        line(f"cost of calendar and drivers: {name}", "", words)


def spring_festival() -> None:
    """January to March of 2024 and 2025 in the sample company (generated), by region and line."""
    sales = load_sample("transactions")
    sales["unique_id"] = sales["region"] + "/" + sales["product_line"]
    for freq, known, horizon, ends in (
        ("W", "December", 13, ("2024-03-31", "2025-03-30")),
        ("W", "January", 9, ("2024-03-31", "2025-03-30")),
        ("M", "December", 3, ("2024-03-31", "2025-03-31")),
        ("M", "January", 2, ("2024-03-31", "2025-03-31")),
    ):
        options = {"windows": 1, "by": "unique_id", "freq": freq, "models": "auto", "level": None}
        plain, festive = (
            pd.concat(
                backtest(sales[sales["date"] <= end], horizon, calendar=c, **options)
                for end in ends
            )
            for c in (None, "CN")
        )
        line(f"sample company, {freq}, to March from the end of {known}: calendar",
             "interval above 0", gain(plain, festive))  # fmt: skip


# --------------------------------------------------------------------------------------
# Probabilities, impact, look-ahead


_PLANS = {"m3_monthly": 6, "m1_monthly": 6, "tourism_monthly": 6, "hospital": 6,
          "aus_retail": 6, "m3_quarterly": 4, "tourism_quarterly": 4}  # fmt: skip
_JUDGED = ("m3_monthly", "tourism_monthly", "hospital")


def attainment(folder: Path, quick: bool) -> None:
    tell_plans(judged_plans(folder, quick))


def judged_plans(folder: Path, quick: bool) -> pd.DataFrame:
    """Where the outcome falls among the draws of a half-year's (year's) sum, by tenths.

    Three origins a set, two horizons apart, inside the training parts. Two bands: one as if all
    plans were independent, and one that lets plans of one set and origin err together (they
    share what happened then): the share's standard error from the sums over sets and origins.
    """
    parts = []
    for name, horizon in _PLANS.items():
        past = read(folder, name)
        freq = "Q" if "quarterly" in name else "M"
        if freq == "Q":  # numbered by quarter, read as months
            months = past["date"].to_numpy().astype("datetime64[M]")
            past["date"] = (months + 2 * (months - np.datetime64("1980-01")).astype(int)).astype(
                "datetime64[us]"
            )
        if quick:
            past = past[past["unique_id"].isin(past["unique_id"].unique()[::4])]
        rank = past.groupby("unique_id")["date"].rank(ascending=False)
        for origin in range(3):
            back = 2 * horizon * origin
            known = past[rank > horizon + back]
            size = known.groupby("unique_id")["amount"].transform("size")
            known = known[size >= (20 if freq == "M" else 12)]
            draws = simulate(known, horizon, by="unique_id", n=299, freq=freq)
            later = past[(rank <= horizon + back) & (rank > back)]
            later = later[later["unique_id"].isin(known["unique_id"])].groupby("unique_id")
            plan = pd.DataFrame(
                {
                    "period_start": later["date"].min(),
                    "period_end": later["date"].max() + pd.offsets.MonthEnd(0),
                    "target": later["amount"].sum(),
                }
            ).reset_index()
            made = attainment_probability(plan, draws, by="unique_id")
            parts.append(pd.DataFrame({"set": name, "origin": origin, "p": made["p_attain"]}))
    return pd.concat(parts, ignore_index=True)


def tell_plans(found: pd.DataFrame) -> None:
    newest = found[found["set"].isin(_JUDGED) & (found["origin"] == 0)]
    _tenths("three sets, newest origin", newest)
    _tenths("all sets, origins", found)


def _tenths(what: str, found: pd.DataFrame) -> None:
    tenth = (np.round(found["p"] * 299).astype(int) // 30).rename("tenth")  # 0 to 299 of 299
    counts = pd.crosstab([found["set"], found["origin"]], tenth).reindex(columns=range(10))
    counts = counts.fillna(0).to_numpy()
    total = len(found)
    share = counts.sum(axis=0) / total
    alone = 1.96 * np.sqrt(0.09 / total)
    away = counts - 0.1 * counts.sum(axis=1, keepdims=True)
    wide = float(stdtrit(len(counts) - 1, 0.975))
    together = np.maximum(wide * np.sqrt((away**2).sum(axis=0)) / total, alone)
    inside = [int((np.abs(share - 0.1) <= band).sum()) for band in (alone, together)]
    clustered = f", {inside[1]} (clustered)" if len(counts) >= 10 else ""
    line(f"attainment probabilities, {what}, {total} plans: tenths in band", "10 of 10",
         f"{inside[0]} (+-{alone:.3f}, as if independent){clustered}",
         " ".join(f"{s:.3f}" for s in share))  # fmt: skip


# Sets, frequency, periods after the start.
EFFECTS = {
    "months": (
        ("m3_monthly", "m1_monthly", "tourism_monthly", "hospital", "aus_retail"),
        "M",
        (6, 12),
    ),
    "quarters": (("m3_quarterly", "m1_quarterly", "tourism_quarterly"), "Q", (4, 8)),
    "weeks": (("walmart_weekly", "m4_weekly", "jewelry", "superstore"), "W", (8, 26)),
}


def effects(folder: Path, quick: bool) -> None:
    tell_effects({what: judged_effects(folder, what, quick) for what in EFFECTS})
    for name in ("walmart_weekly", "m4_weekly", "jewelry"):
        later_weeks(folder, name)


def judged_effects(folder: Path, what: str, quick: bool) -> np.ndarray:
    """Known effects on real series, from three starts each, and the same with no effect.

    Intervals that held, false alarms, draws, by set and number of periods after the start.
    """
    rng = np.random.default_rng(0)
    names, freq, lengths = EFFECTS[what]
    found = np.zeros((len(names), len(lengths), 3))
    for j, name in enumerate(names):
        past = read(folder, name)
        if quick or name == "walmart_weekly":
            past = past[past["unique_id"].isin(past["unique_id"].unique()[::4])]
        if name == "m4_weekly":  # five years are enough, and much faster than forty
            past = past.groupby("unique_id").tail(260)
        dates = _aligned(past, "" if name == "walmart_weekly" else freq)
        past = past.assign(date=dates)
        steps = np.unique(dates)[::-1]
        for i, far in enumerate(lengths):
            for origin in range(1 if quick else 3):
                known = past[past["date"] <= steps[origin * far]]
                start = steps[(origin + 1) * far - 1]
                series = known.groupby("unique_id")
                size, last = series["amount"].transform("size"), series["date"].transform("max")
                known = known[(size >= far + (60 if freq == "W" else 12)) & (last >= start)]
                if known["unique_id"].nunique() >= 20:
                    found[j, i] += _injected(known, start, freq, rng)
    return found


def later_weeks(folder: Path, name: str) -> None:
    """False alarms in the test part: weeks after all that the networks have learned from."""
    parts = [read(folder, name, part).assign(later=part == "test") for part in ("train", "test")]
    both = pd.concat(parts).sort_values(["unique_id", "later", "date"], kind="stable")
    if name == "walmart_weekly":
        both = both[both["unique_id"].isin(both["unique_id"].unique()[::2])]
    else:
        both = both.groupby("unique_id").tail(260 + 13)
        both["date"] = _aligned(both, "W")
    start = both.loc[both["later"], "date"].min()
    before = (~both["later"]).groupby(both["unique_id"]).transform("sum")
    first = both["date"].where(both["later"]).groupby(both["unique_id"]).transform("min")
    both = both[(before >= 60) & (first == start)]
    words = []
    for far in (4, 8, 13):
        known = both.loc[both["date"] < start + pd.Timedelta(weeks=far)].drop(columns="later")
        end = impact(known, start=start, by="unique_id", freq="W").groupby("unique_id").tail(1)
        words.append(f"{(end['p_value'] < 0.05).mean():.1%}")
    line(f"  {name}, {len(end)} series, test part: false alarms", "", ", ".join(words),
         "4, 8 and 13 weeks")  # fmt: skip


def tell_effects(counts: dict[str, np.ndarray]) -> None:
    bars = "93.5-96.5 %, 3.5-6.5 %"
    for what, found in counts.items():
        names, _, lengths = EFFECTS[what]
        for name, own in zip(names, found.sum(axis=1)):
            _tell_held(f"  {name}", own, "")
        for far, own in zip(lengths, found.sum(axis=0)):
            _tell_held(f"  {far} {what} after the start", own, "")
        _tell_held(f"impact, {what}", found.sum(axis=(0, 1)), bars)
    _tell_held("impact, all", sum(found.sum(axis=(0, 1)) for found in counts.values()), bars)


def _tell_held(what: str, found: np.ndarray, bars: str) -> None:
    held, alarms, n = found
    if n:
        line(f"{what}, {n:,.0f} draws: covers, false alarms", bars,
             f"{held / n:.1%}, {alarms / n:.1%}")  # fmt: skip


def _aligned(past: pd.DataFrame, freq: str) -> np.ndarray:
    """Dates as if all series ended together, so that one call serves them."""
    if not freq:
        return past["date"].to_numpy()
    if freq == "W":
        back = past.groupby("unique_id").cumcount(ascending=False).to_numpy()
        return np.datetime64("2025-12-01", "us") - back * np.timedelta64(7, "D")
    month = past["date"].to_numpy().astype("datetime64[M]").astype(int)
    back = month - pd.Series(month).groupby(past["unique_id"].to_numpy()).transform("max")
    end = np.datetime64("2025-10") if freq == "Q" else np.datetime64("2025-12")
    return (end + back.to_numpy() * (3 if freq == "Q" else 1)).astype("datetime64[us]")


def _injected(known: pd.DataFrame, start: np.datetime64, freq: str, rng: object) -> np.ndarray:
    """How often the interval held a known effect, false alarms, draws."""
    names = known["unique_id"].unique()
    size = pd.Series(rng.uniform(-0.3, 0.3, len(names)), index=names)  # type: ignore[attr-defined]
    late = known["date"] >= start
    held = alarms = 0
    for some in (1.0, 0.0):
        added = some * known["amount"] * known["unique_id"].map(size) * late
        got = impact(
            known.assign(amount=known["amount"] + added),
            start=pd.Timestamp(start),
            by="unique_id",
            freq=freq,
        )
        end = got.groupby("unique_id").tail(1).set_index("unique_id")
        truth = added.groupby(known["unique_id"]).sum().reindex(end.index)
        if some:
            held = int(truth.between(end["cumulative_lo"], end["cumulative_hi"]).sum())
        else:
            alarms = int((end["p_value"] < 0.05).sum())
    return np.array([held, alarms, len(end)], dtype=float)


def poisoned(folder: Path) -> None:
    past = read(folder, "hospital")
    late = past["date"] > past["date"].drop_duplicates().sort_values().iloc[-12]
    worse = past.assign(amount=past["amount"].where(~late, -1e9))
    options = {"by": "unique_id", "windows": 2, "step": 6, "calendar": "AU"}
    columns = ["forecast", "lo_80", "hi_80", "lo_95", "hi_95"]
    worst = 0.0
    for more in ({}, {"windows": 4, "step": 2, "refit": False}):
        a, b = (backtest(x, 6, **options | more) for x in (past, worse))
        early = a["cutoff"] <= past.loc[~late, "date"].max()
        gap = np.abs(a.loc[early, columns].to_numpy() - b.loc[early, columns].to_numpy())
        worst = max(worst, float(gap.max()))
    line("poisoned future: largest change of a forecast", "0", f"{worst:g}")


# --------------------------------------------------------------------------------------
# Rolling origins without estimating anew


def updating(folder: Path, quick: bool) -> None:
    """Twelve monthly cutoffs of hospital's training part: CPU time and error both ways."""
    past = read(folder, "hospital")
    names = past["unique_id"].drop_duplicates()
    sizes = {"auto": 300, "theta": 300, "ces": 300, "mstl": 300, "arima": 24, "ets": 40}
    for model, size in sizes.items():
        some = names.iloc[:: max(len(names) // (size // (4 if quick else 1)), 1)]
        sales = past[past["unique_id"].isin(some)]
        took, error = [], []
        for refit in (True, False):
            begun = time.process_time()
            options = {"by": "unique_id", "windows": 12, "step": 1, "models": model}
            made = backtest(sales, 3, refit=refit, **options)
            took.append(time.process_time() - begun)
            error.append(float(accuracy(made)["wape"].iloc[0]))
        ours = f"{took[0] / took[1]:.1f} x, WAPE {error[0]:.4f} -> {error[1]:.4f}"
        line(f"backtest, refit over update: {model}, {len(some)} series", "above 1", ours)


# --------------------------------------------------------------------------------------
# Slow sellers


def slow_sellers(folder: Path, quick: bool) -> None:
    """Items that sell less than every 1.32 periods, together against one by one."""
    for name, frame, freq, horizon, ends in _slow_sets(folder):
        dates = np.sort(frame["date"].unique())
        found = []
        for end in ends[-1:] if quick else ends:
            past = frame[frame["date"] < dates[end]]
            later = frame[frame["date"].isin(dates[end : end + horizon])]
            found.append(_slow_scores(past, later, freq, horizon, pd.Timestamp(dates[end])))
        table = pd.DataFrame(found)
        for column in ("error", "quantiles"):
            shown = [f"{x:.3f}" for x in table[f"{column} imapa"]]
            other = [f"{x:.3f}" for x in table[f"{column} auto"]]
            line(f"slow sellers, {name}: {column} against imapa", "< 1", " ".join(shown))
            line("  against auto", "< 1", " ".join(other))
        line("  items; 80 and 95 % intervals held", "",
             f"{table['items'].min():.0f}-{table['items'].max():.0f}; "
             f"{table['held 80'].mean():.3f} {table['held 95'].mean():.3f}")  # fmt: skip


def _slow_sets(folder: Path) -> list[tuple[str, pd.DataFrame, str, int, list[int]]]:
    """Car parts, Walmart's departments, an online shop: training parts, with a group each."""
    parts = read(folder, "carparts").assign(group="all")
    shops = read(folder, "walmart_weekly")
    shops = shops.assign(group=shops["unique_id"].str[-3:], amount=shops["amount"].clip(lower=0))
    online = pd.read_parquet(folder / "segmentation" / "online_retail_2011.parquet")
    fine = (online["quantity"] > 0) & (online["unit_price"] > 0) & (online["date"] < "2011-12-05")
    online = online[fine]
    day = online["date"].dt.floor("D")
    online = online.assign(date=day - pd.to_timedelta(day.dt.day_of_week, unit="D"))
    online = online.groupby(["item_id", "date"], as_index=False)["quantity"].sum()
    online = online.rename(columns={"item_id": "unique_id", "quantity": "amount"})
    online = online.assign(group="all", amount=online["amount"].astype(float))
    return [
        ("car parts", parts, "M", 9, [24, 27, 30]),
        ("online retail", online, "W", 8, [33, 37, 41]),
        ("Walmart departments", shops, "W", 13, [91, 104, 117]),
    ]


def _slow_scores(
    past: pd.DataFrame, later: pd.DataFrame, freq: str, horizon: int, begin: pd.Timestamp
) -> dict[str, float]:
    """Scaled errors and pinball losses of the sparse items as ratios."""
    known = past.pivot(index="date", columns="unique_id", values="amount")
    first = known.notna().to_numpy().argmax(axis=0)
    dense = known.fillna(0).to_numpy()
    sales = (dense > 0).sum(axis=0)
    sparse = (sales > 0) & (len(known) - first >= 1.32 * np.maximum(sales, 1))
    items = known.columns[sparse]
    changes = np.diff(np.where(np.arange(len(known))[:, None] >= first, dense, np.nan), axis=0)
    changes = changes[:, sparse]
    size = pd.DataFrame({"rms": np.sqrt(np.nanmean(changes**2, axis=0)),
                         "mean": np.nanmean(np.abs(changes), axis=0)}, index=items)  # fmt: skip
    size = size.where(size > 0)
    past = past[past["unique_id"].isin(items)]
    end = begin - pd.Timedelta(days=1)
    options = {"by": "unique_id", "freq": freq, "as_of": end, "level": (50, 80, 95)}
    made = {"pooled": forecast_sparse(past, horizon, within="group", **options)}
    for model in ("imapa", "auto"):
        made[model] = forecast(past, horizon, model=model, gaps="zero", **options)
    scores = {name: _slow_score(one, later, size) for name, one in made.items()}
    out = {
        "items": float(len(items)),
        "held 80": scores["pooled"][2],
        "held 95": scores["pooled"][3],
    }
    for model in ("imapa", "auto"):
        out[f"error {model}"] = scores["pooled"][0] / scores[model][0]
        out[f"quantiles {model}"] = scores["pooled"][1] / scores[model][1]
    return out


def _slow_score(
    made: pd.DataFrame, later: pd.DataFrame, size: pd.DataFrame
) -> tuple[float, float, float, float]:
    both = made.merge(later[["unique_id", "date", "amount"]], how="left", on=["unique_id", "date"])
    y, item = both["amount"].fillna(0.0), both["unique_id"]
    error = np.sqrt(((both["forecast"] - y) ** 2).groupby(item).mean()) / size["rms"]
    loss = 0.0
    for x in (50, 80, 95):
        for end, q in ((both[f"lo_{x}"], 0.5 - x / 200), (both[f"hi_{x}"], 0.5 + x / 200)):
            one = np.maximum(q * (y - end), (q - 1) * (y - end))
            loss += float((one.groupby(item).mean() / size["mean"]).mean()) / 6
    held = [float(y.between(both[f"lo_{x}"], both[f"hi_{x}"]).mean()) for x in (80, 95)]
    return float(error.mean()), loss, *held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=os.environ.get("SALESMGMT_PEERS"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    begun = time.perf_counter()
    line("figure", "bar", "ours", "peer")
    m5_shape(options.peers, options.quick)
    spring_festival()
    where = os.environ.get("SALESMGMT_DATA", "")
    if not where:
        sys.exit("real data: set SALESMGMT_DATA to the folder that holds them")
    folder = Path(where)
    poisoned(folder)
    updating(folder, options.quick)
    slow_sellers(folder, options.quick)
    hierarchies(folder, options.peers, options.quick)
    calendars_help(folder, options.quick)
    calendars_cost(folder)
    attainment(folder, options.quick)
    effects(folder, options.quick)
    print(f"{time.perf_counter() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
