"""Train the networks of the forecast engine's combination and write ``engine/weights.npz``.

    SALESMGMT_DATA=/path/to/data python benchmarks/train_forecast.py

Only training parts are read. Each series is cut at several origins in its past; what follows
the cut is what the networks learn to meet. Series drawn at random from known laws
(``generated_series.py``) are learned from beside them and count less: a collection that is like
none of those at hand is then less of a surprise. The file written holds weights and no data. The
weights of members are learned with a loss of absolute errors, half relative (sMAPE) and half
scaled (MASE). Widths of intervals are the 2.5 % and 97.5 % quantiles of errors of networks that
had not seen the series (five folds), with the pinball loss of their logarithms: every series
counts the same, whatever its scale. Two networks are averaged: one by all features of a kind of
series, one by what bears on errors, shared by kinds that are alike.
"""

from __future__ import annotations

import argparse
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import generated_series
import numpy as np
import pandas as pd

from salesmgmt.engine import bank, combination, estimates, interval_width, preparation

OUT = Path(bank.__file__).with_name("weights.npz")
# Origins, in horizons before the end of the training part. How far off forecasts are, and which
# member is right, differs from one time to the next more than from one series to the next.
MANY = (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8)
FEW = (1, 1.5, 2, 2.5, 3, 4)
SETS: dict[str, tuple[int, int, tuple[float, ...]]] = {  # season, horizon, origins
    "m3_yearly": (1, 6, MANY),
    "m1_yearly": (1, 6, MANY),
    "tourism_yearly": (1, 4, MANY),
    "m3_other": (1, 8, MANY),
    "m4_weekly:1": (1, 13, MANY),
    "m3_quarterly": (4, 8, MANY),
    "m1_quarterly": (4, 8, MANY),
    "tourism_quarterly": (4, 8, MANY),
    "m3_monthly": (12, 18, MANY),
    "m1_monthly": (12, 18, MANY),
    "tourism_monthly": (12, 24, MANY),
    "hospital": (12, 12, MANY),
    "aus_retail": (12, 24, MANY),
    "pbs_scripts": (12, 12, MANY),
    "m4_weekly": (52, 13, MANY),
    "walmart_weekly": (52, 13, (1,)),
    "m4_hourly": (24, 48, (1, 2, 3, 5)),
}
# Records of one cycle and a half to two: too short to learn weights from, not to learn widths.
SHORT_RECORDS: dict[str, tuple[float, ...]] = {"jewelry": (1, 1.5, 2), "walmart_weekly": (1.5, 2)}
# Horizons in years of the yearly sums of finer sets: more to learn weights from without a season.
YEARS = {
    "m3_monthly": 6,
    "m1_monthly": 6,
    "tourism_monthly": 4,
    "hospital": 6,
    "aus_retail": 6,
    "pbs_scripts": 6,
    "m3_quarterly": 6,
    "m1_quarterly": 6,
    "tourism_quarterly": 6,
}
SUM_COUNTS = 0.25  # what a sum counts in the loss of a series that was collected yearly
# What a generated series counts in the losses of weights and of widths. At newer origins and on
# sets left out in turn .1 to .25 and .3 to 1 were alike, and better than none.
GENERATED, GENERATED_WIDTHS = 0.1, 0.7
SEED = 11  # of what is generated
# Hidden units of the networks of weights. Months have four times the samples of the others: 48 are
# better there at newer origins (-.03, -.25, -.40, -.60 % at four), elsewhere they learn by heart.
HIDDEN = {"month": 48}
EVEN = 0.03  # pull towards equal weights
WIDTH_STEPS = 300  # steps of training: more learn the sets by heart
TAILS = (50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.8)


@dataclass
class Sample:
    """Series of one set cut at one origin, of one kind; forecasts and actuals are scaled."""

    name: str
    ids: list[str]
    members: np.ndarray  # (series, members, horizon)
    features: np.ndarray  # (series, features)
    errors: np.ndarray  # (series, features of widths)
    actual: np.ndarray  # (series, horizon), NaN where unknown
    q: np.ndarray  # scale of MASE, in scaled units
    unit: np.ndarray  # unit of widths (series, horizon), in scaled units
    counts: float = 1.0  # in the loss of weights
    widths: float = 1.0  # in the loss of widths


# --------------------------------------------------------------------------------------
# Samples


def read(folder: Path, name: str) -> dict[str, np.ndarray]:
    frame = pd.read_parquet(folder / f"{name.split(':')[0]}_train.parquet")
    frame = frame.sort_values(["unique_id", "ds"])
    out = {}
    for key, part in frame.groupby("unique_id", sort=True):
        x = part["y"].to_numpy(float)
        known = np.flatnonzero(np.isfinite(x))
        if len(known):
            out[str(key)] = x[known[0] : known[-1] + 1]
    return out


def samples(folder: Path, name: str) -> dict[str, list[Sample]]:
    """Of one set, by kind; short records do not count in the loss of weights."""
    m, horizon, origins = SETS.get(name, (52, 13, ()))
    series = read(folder, name)
    out: dict[str, list[Sample]] = {}
    for origin in origins:
        cut(out, name, series, m, horizon, round(origin * horizon), max(2 * m + 2, 7))
    for origin in SHORT_RECORDS.get(name, ()):
        cut(out, name, series, m, horizon, round(origin * horizon), 3 * m // 2 + 2, counts=0.0)
    return out


def yearly_sums(folder: Path, name: str) -> dict[str, list[Sample]]:
    """Of one finer set, as if it had been collected by year."""
    m, horizon = SETS[name][0], YEARS[name]
    series = {}
    for key, x in read(folder, name).items():
        whole = len(x) // m * m
        if whole >= 7 * m:
            series[key] = x[len(x) - whole :].reshape(-1, m).sum(axis=1)
    out: dict[str, list[Sample]] = {}
    for origin in FEW:
        cut(out, name, series, 1, horizon, round(origin * horizon), 7, counts=SUM_COUNTS)
    return out


def generated(kind: str) -> list[Sample]:
    """Series of known law, of one kind."""
    out: dict[str, list[Sample]] = {}
    for m, horizon, series in generated_series.many(kind, SEED):
        cut(out, "generated", series, m, horizon, horizon, 7, counts=GENERATED)
    for s in out[kind]:
        s.widths = GENERATED_WIDTHS
    return out[kind]


def gathered(folder: Path) -> tuple[dict[str, list[Sample]], dict[str, list[Sample]]]:
    """By kind: all samples, and the yearly sums that only weights are learned from."""
    groups: dict[str, list[Sample]] = {}
    sums: dict[str, list[Sample]] = {}
    for name in dict.fromkeys([*SETS, *SHORT_RECORDS]):
        for kind, made in samples(folder, name).items():
            groups.setdefault(kind, []).extend(made)
    for name in YEARS:
        for kind, made in yearly_sums(folder, name).items():
            sums.setdefault(kind, []).extend(made)
    for kind in groups:
        groups[kind].extend(generated(kind))
    return groups, sums


def cut(
    out: dict[str, list[Sample]],
    name: str,
    series: dict[str, np.ndarray],
    m: int,
    horizon: int,
    back: int,
    least: int,
    counts: float = 1.0,
) -> None:
    """Put into ``out`` the series as they were some values ago, where enough came before."""
    long = {k: x for k, x in series.items() if len(x) - back >= least}
    past = {k: x[: len(x) - back] for k, x in long.items()}
    for kind in sorted({combination.kind_of(m, len(x)) for x in past.values()}):
        ids = [k for k, x in past.items() if combination.kind_of(m, len(x)) == kind]
        ids = [k for k in ids if np.isfinite(past[k][-max(2 * m, 6) :]).sum() > 2]
        future = [long[k][len(past[k]) :][:horizon] for k in ids]
        if len(ids) >= 20:
            made = one_sample(name, kind, m, horizon, ids, [past[k] for k in ids], future)
            made.counts = counts
            out.setdefault(kind, []).append(made)


def one_sample(
    name: str,
    kind: str,
    m: int,
    horizon: int,
    ids: list[str],
    past: list[np.ndarray],
    future: list[np.ndarray],
) -> Sample:
    past = [x[-combination.longest(m) :] for x in past]
    n = np.array([len(x) for x in past])
    names = ("members", "features", "errors", "scale", "unit")
    parts: dict[str, list[np.ndarray]] = {k: [] for k in names}
    order = np.argsort(-n, kind="stable")
    for lo in range(0, len(order), 256):
        which = order[lo : lo + 256]
        y = np.full((n[which].max(), len(which)), np.nan)
        for j, i in enumerate(which):
            y[: n[i], j] = past[i]
        p = preparation.prepare(y, n[which], m)
        made, seen = combination.describe_all(p, horizon, kind, estimates.Estimates())
        parts["members"].append(np.moveaxis(made.forecast, 2, 0))
        parts["features"].append(seen.features.T)
        parts["errors"].append(seen.errors.T)
        parts["scale"].append(p.scale)
        parts["unit"].append(seen.unit.T)
    joined = {k: np.concatenate(v)[np.argsort(order, kind="stable")] for k, v in parts.items()}
    scale = joined["scale"]
    actual = np.full((len(ids), horizon), np.nan)
    for i, x in enumerate(future):
        actual[i, : len(x)] = x / scale[i]
    lag = 1 if name.startswith("m4_weekly") else m
    q = np.array([seasonal_change(x, lag) for x in past]) / scale
    members, features, errors = (joined[k] for k in ("members", "features", "errors"))
    return Sample(name, ids, members, features, errors, actual, q, joined["unit"])


def seasonal_change(x: np.ndarray, m: int) -> float:
    x = x[np.isfinite(x)]
    d = x[m:] - x[:-m] if len(x) > m else np.diff(x)
    return float(np.abs(d).mean()) if len(d) else 0.0


def loss_weights(s: Sample) -> np.ndarray:
    """Weight of each absolute error: half relative, half scaled, mean one over the sample."""
    known = np.isfinite(s.actual) & (s.q > 1e-9)[:, None]
    y = np.where(known, s.actual, 0.0)
    base = s.members[:, 0]
    size = np.maximum(np.abs(y) + np.abs(np.median(s.members, axis=1)), 0.05)
    relative, scaled = 1 / size, 1 / np.maximum(s.q, 1e-9)[:, None]
    e = np.abs(y - base)
    w = sum(v / max((e * v)[known].mean(), 1e-9) for v in (relative, scaled * np.ones_like(y)))
    w = np.where(known, w, 0.0)
    return np.minimum(w, np.quantile(w[known], 0.99)) / s.actual.shape[1]


def pooled(group: list[Sample]) -> tuple[np.ndarray, ...]:
    """Samples on top of each other, horizons padded with weight zero."""
    far = max(s.actual.shape[1] for s in group)
    pad = [far - s.actual.shape[1] for s in group]
    stack = lambda parts: np.concatenate(parts)  # noqa: E731
    members = stack([np.pad(s.members, ((0, 0), (0, 0), (0, k))) for s, k in zip(group, pad)])
    actual = stack([np.pad(np.nan_to_num(s.actual), ((0, 0), (0, k))) for s, k in zip(group, pad)])
    counts = [s.counts * loss_weights(s) for s in group]
    weights = stack([np.pad(w, ((0, 0), (0, k))) for w, k in zip(counts, pad)])
    return stack([s.features for s in group]), members, actual, weights


# --------------------------------------------------------------------------------------
# Networks


def train(
    features: np.ndarray,
    outputs: int,
    gradient,
    *,
    seed: int,
    hidden: int = 24,
    epochs: int = 40,
    decay: float = 0.05,
    batch: int = 512,
    drop: float = 0.1,
    start: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """One hidden layer by Adam with decaying steps; ``gradient(rows, raw)`` by the outputs."""
    rng = np.random.default_rng(seed)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    d = features.shape[1]
    w = [
        rng.normal(0, 1 / np.sqrt(d), (d, hidden)),
        np.zeros(hidden),
        rng.normal(0, 0.1 / np.sqrt(hidden), (hidden, outputs)),
        np.zeros(outputs) if start is None else start.copy(),
    ]
    first, second, step = [np.zeros_like(a) for a in w], [np.zeros_like(a) for a in w], 0
    for epoch in range(epochs):
        order = rng.permutation(len(features))
        rate = 1.5e-3 * (1 + np.cos(np.pi * epoch / epochs)) + 1e-4
        for lo in range(0, len(order), batch):
            rows = order[lo : lo + batch]
            z = np.clip((features[rows] - mean) / spread, -8, 8)
            z = z * (rng.random(z.shape) > drop)
            hid = np.tanh(z @ w[0] + w[1])
            g_out = gradient(rows, hid @ w[2] + w[3]) / len(rows)
            g_hid = g_out @ w[2].T * (1 - hid**2)
            grads = [z.T @ g_hid, g_hid.sum(axis=0), hid.T @ g_out, g_out.sum(axis=0)]
            step += 1
            for i, g in enumerate(grads):
                first[i] = 0.9 * first[i] + 0.1 * g
                second[i] = 0.999 * second[i] + 0.001 * g * g
                move = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
                w[i] = w[i] - rate * (move + (decay * w[i] if i in (0, 2) else 0.0))
    return {"mean": mean, "spread": spread, "w": w}


def ensemble(nets: list[dict]) -> dict[str, np.ndarray]:
    names = ("first", "bias1", "second", "bias2")
    out = {"mean": nets[0]["mean"], "spread": nets[0]["spread"]}
    out |= {name: np.stack([n["w"][i] for n in nets]) for i, name in enumerate(names)}
    return {k: v.astype(np.float32) for k, v in out.items()}


def softmax(raw: np.ndarray) -> np.ndarray:
    e = np.exp(raw - raw.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def weight_gradient(members: np.ndarray, actual: np.ndarray, weights: np.ndarray, even: float):
    """Of the weighted absolute error, with a pull towards equal weights."""
    size = np.abs(members).mean(axis=(1, 2)) * weights.sum(axis=1) * 0.1 * even

    def gradient(rows: np.ndarray, raw: np.ndarray) -> np.ndarray:
        share = softmax(raw)
        f = members[rows]
        r = np.sign(np.einsum("nk,nkh->nh", share, f) - actual[rows]) * weights[rows]
        by_share = np.einsum("nh,nkh->nk", r, f) + size[rows, None] * np.log(share + 1e-9)
        return share * (by_share - (share * by_share).sum(axis=1, keepdims=True))

    return gradient


def width_gradient(error: np.ndarray, steps: np.ndarray, weights: np.ndarray, tail: float):
    """Of the pinball losses of both ends' logs; outputs: log width and growth, below and above."""

    def gradient(rows: np.ndarray, raw: np.ndarray) -> np.ndarray:
        out = np.zeros_like(raw)
        for side, sign in ((0, -1.0), (2, 1.0)):
            width, _ = interval_width.widths(raw[:, side], raw[:, side + 1], steps)
            by_log = np.where(sign * error[rows] > width, tail - 1, tail) * weights[rows]
            out[:, side] = by_log.sum(axis=1)
            slope = interval_width.growth_slope(raw[:, side + 1])[:, None]
            out[:, side + 1] = (by_log * np.log(steps) * slope).sum(axis=1)
        return out

    return gradient


def fold(ids: list[str]) -> np.ndarray:
    return np.array([zlib.crc32(i.encode()) % 5 for i in ids])


def apply(net: dict, features: np.ndarray) -> np.ndarray:
    z = np.clip((features - net["mean"]) / net["spread"], -8, 8)
    return np.tanh(z @ net["w"][0] + net["w"][1]) @ net["w"][2] + net["w"][3]


def shares(
    group: list[Sample], sums: list[Sample], seeds: int, even: float, hidden: int = 24
) -> tuple[dict, list[np.ndarray]]:
    """The network of weights, and forecasts of ones that had not seen the series, by sample."""
    features, members, actual, weights = pooled([*group, *sums])
    of = fold([i for s in (*group, *sums) for i in s.ids])
    learn = weights.any(axis=1)
    k = members.shape[1]

    def fit(rows: np.ndarray, seed: int) -> dict:
        g = weight_gradient(members[rows], actual[rows], weights[rows], even)
        return train(features[rows], k, g, seed=seed, hidden=hidden)

    unseen = np.zeros_like(actual)
    for i in range(5):
        rows, rest = np.flatnonzero((of != i) & learn), np.flatnonzero(of == i)
        told = [softmax(apply(fit(rows, s), features[rest])) for s in range(seeds)]
        unseen[rest] = np.einsum("nk,nkh->nh", np.mean(told, axis=0), members[rest])
    final = ensemble([fit(np.flatnonzero(learn), s) for s in range(seeds)])
    ends = np.cumsum([len(s.ids) for s in group])
    each = np.split(unseen[: ends[-1]], ends[:-1])
    forecasts = [u[:, : s.actual.shape[1]] for u, s in zip(each, group)]
    return {f"share.{name}": v for name, v in final.items()}, forecasts


def relative_errors(group: list[Sample], unseen: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Errors in units, 0 where unknown, and weights: a series counts one (generated: less)."""
    far = max(s.actual.shape[1] for s in group)
    error, weights = [], []
    for s, f in zip(group, unseen):
        known = np.isfinite(s.actual) & (s.q > 1e-9)[:, None]
        pad = ((0, 0), (0, far - s.actual.shape[1]))
        error.append(np.pad(np.where(known, s.actual - f, 0.0) / s.unit, pad))
        each = s.widths / np.maximum(known.sum(axis=1, keepdims=True), 1)
        weights.append(np.pad(known * each, pad))
    return np.concatenate(error), np.concatenate(weights)


@dataclass
class Widths:
    """A network of widths, and what ones that had not seen the series say (series, 4)."""

    network: dict[str, np.ndarray]
    unseen: np.ndarray


def fit_widths(
    features: np.ndarray, error: np.ndarray, weights: np.ndarray, of: np.ndarray, seeds: int
) -> Widths:
    """Log width and growth below and above, by features; begun at the quantiles of all."""
    known, steps = weights > 0, np.arange(1.0, error.shape[1] + 1)
    start = np.zeros(4)
    start[[0, 2]] = [np.log(np.quantile(sign * error[known], 0.975)) for sign in (-1.0, 1.0)]

    def fit(rows: np.ndarray, seed: int) -> dict:
        g = width_gradient(error[rows], steps, weights[rows], 0.025)
        epochs = int(np.clip(WIDTH_STEPS * 512 / len(rows), 20, 400))
        return train(features[rows], 4, g, seed=seed, hidden=16, epochs=epochs, start=start)

    unseen = np.zeros((len(features), 4))
    for i in range(5):
        rows, rest = np.flatnonzero(of != i), np.flatnonzero(of == i)
        told = [apply(fit(rows, s), features[rest]) for s in range(seeds)]
        unseen[rest] = np.mean(told, axis=0)
    return Widths(ensemble([fit(np.arange(len(features)), s) for s in range(seeds)]), unseen)


def interval_widths(group: str, kinds: dict[str, tuple], seeds: int) -> dict[str, np.ndarray]:
    """Of kinds that are alike: a network each, and one of all by what bears on errors."""
    together = [s for made, _ in kinds.values() for s in made]
    error, weights = relative_errors(together, [u for _, unseen in kinds.values() for u in unseen])
    of = fold([i for s in together for i in s.ids])
    common = fit_widths(np.concatenate([s.errors for s in together]), error, weights, of, seeds)
    out = {f"{group}.error.{name}": v for name, v in common.network.items()}
    at = 0
    for kind, (made, unseen) in kinds.items():
        print(kind)
        rows = slice(at, at + sum(len(s.ids) for s in made))
        at = rows.stop
        far = max(s.actual.shape[1] for s in made)
        mine, known = error[rows, :far], weights[rows, :far] > 0
        features = np.concatenate([s.features for s in made])
        own = fit_widths(features, mine, weights[rows, :far], of[rows], seeds)
        out |= {f"{kind}.width.{name}": v for name, v in own.network.items()}
        raw = (own.unseen + common.unseen[rows]) / 2
        out[f"{kind}.width.levels"] = np.array(TAILS, dtype=np.float32)
        inside = np.ones(mine.shape, dtype=bool)
        real = known & np.repeat([s.widths == 1 for s in made], [len(s.ids) for s in made])[:, None]
        for side, sign, name in ((0, -1.0, "below"), (2, 1.0, "above")):
            steps = np.arange(1.0, far + 1)
            ratio = sign * mine / interval_width.widths(raw[:, side], raw[:, side + 1], steps)[0]
            table = np.quantile(ratio[real], 0.5 + np.array(TAILS) / 200)
            table = np.maximum.accumulate(np.maximum(table, 1e-3)).astype(np.float32)
            out[f"{kind}.width.{name}"] = table
            inside &= ratio <= table[list(TAILS).index(95.0)]
        report(made, unseen, inside)
    return out


def report(group: list[Sample], unseen: list[np.ndarray], inside: np.ndarray) -> None:
    at = 0
    for s, f in zip(group, unseen):
        n, h = s.actual.shape
        known = np.isfinite(s.actual)
        mase = (np.abs(f - s.actual)[known] / np.repeat(s.q, known.sum(axis=1)).clip(1e-9)).mean()
        holds = inside[at : at + n, :h][known].mean()
        print(f"  {s.name:20s} {n:5d} series, MASE {mase:.3f}, 95 % holds {holds:.3f}")
        at += n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--even", type=float, default=EVEN, help="pull towards equal weights")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    folder = Path(os.environ["SALESMGMT_DATA"]) / "forecast"
    groups, sums = gathered(folder)
    stored: dict[str, np.ndarray] = {}
    alike: dict[str, dict[str, tuple]] = {}
    for kind in combination.KINDS:
        hidden = HIDDEN.get(kind, 24)
        found, unseen = shares(groups[kind], sums.get(kind, []), args.seeds, args.even, hidden)
        stored |= {f"{kind}.{k}": v for k, v in found.items()}
        alike.setdefault(interval_width.GROUPS[kind], {})[kind] = (groups[kind], unseen)
    for group, kinds in alike.items():
        stored |= interval_widths(group, kinds, args.seeds)
    np.savez_compressed(args.out, **stored)
    print(f"{args.out}: {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
