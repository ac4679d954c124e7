"""Train the networks of the forecast engine's combination and write ``engine/weights.npz``.

    SALESMGMT_DATA=/path/to/data python benchmarks/train_forecast.py

Only training parts are read. Each series is cut at several origins in its past; what follows
the cut is what the networks learn to meet. The file written holds weights and no data. The
weights of members are learned with a loss of absolute errors, half relative (sMAPE) and half
scaled (MASE); the widths of intervals with the pinball loss of the 2.5 % and 97.5 % quantiles,
on errors of networks that had not seen the series (five folds).
"""

from __future__ import annotations

import argparse
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from salesmgmt.engine import bank, combination

OUT = Path(bank.__file__).with_name("weights.npz")
# name: season, horizon, origins (in horizons before the end of the training part)
YEARLY = (1, 1.5, 2, 2.5, 3, 4)
FINE = (1, 1.5, 2, 2.5, 3, 4, 5)
SETS: dict[str, tuple[int, int, tuple[float, ...]]] = {
    "m3_yearly": (1, 6, YEARLY),
    "m1_yearly": (1, 6, YEARLY),
    "tourism_yearly": (1, 4, YEARLY),
    "m3_other": (1, 8, FINE),
    "m4_weekly:1": (1, 13, FINE),
    "m3_quarterly": (4, 8, FINE),
    "m1_quarterly": (4, 8, FINE),
    "tourism_quarterly": (4, 8, FINE),
    "m3_monthly": (12, 18, YEARLY),
    "m1_monthly": (12, 18, YEARLY),
    "tourism_monthly": (12, 24, YEARLY),
    "hospital": (12, 12, YEARLY),
    "aus_retail": (12, 24, (1, 2, 3, 4)),
    "pbs_scripts": (12, 12, (1, 2.5, 4)),
    "m4_weekly": (52, 13, FINE),
    "walmart_weekly": (52, 13, (1,)),
    "m4_hourly": (24, 48, (1, 2, 3, 5)),
}
TAILS = (50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.8)


@dataclass
class Sample:
    """Series of one set cut at one origin, of one kind; forecasts and actuals are scaled."""

    name: str
    ids: list[str]
    members: np.ndarray  # (series, members, horizon)
    features: np.ndarray  # (series, features)
    actual: np.ndarray  # (series, horizon), NaN where unknown
    q: np.ndarray  # scale of MASE, in scaled units
    unit: np.ndarray  # unit of widths (series, horizon), in scaled units


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
    m, horizon, origins = SETS[name]
    series = read(folder, name)
    out: dict[str, list[Sample]] = {}
    for origin in origins:
        back = round(origin * horizon)
        cut = {k: x for k, x in series.items() if len(x) - back >= max(2 * m + 2, 7)}
        past = {k: x[: len(x) - back] for k, x in cut.items()}
        for kind in {combination.kind_of(m, len(x)) for x in past.values()}:
            ids = [k for k, x in past.items() if combination.kind_of(m, len(x)) == kind]
            ids = [k for k in ids if np.isfinite(past[k][-max(2 * m, 6) :]).sum() > 2]
            future = [cut[k][len(past[k]) :][:horizon] for k in ids]
            if len(ids) >= 20:
                made = one_sample(name, kind, m, horizon, ids, [past[k] for k in ids], future)
                out.setdefault(kind, []).append(made)
    return out


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
    parts: dict[str, list[np.ndarray]] = {"members": [], "features": [], "scale": [], "unit": []}
    order = np.argsort(-n, kind="stable")
    for lo in range(0, len(order), 256):
        which = order[lo : lo + 256]
        y = np.full((n[which].max(), len(which)), np.nan)
        for j, i in enumerate(which):
            y[: n[i], j] = past[i]
        p = bank.prepare(y, n[which], m)
        made, described, unit = combination.describe(p, horizon, kind)
        parts["members"].append(np.moveaxis(made.forecast, 2, 0))
        parts["features"].append(described.T)
        parts["scale"].append(p.scale)
        parts["unit"].append(unit.T)
    joined = {k: np.concatenate(v)[np.argsort(order, kind="stable")] for k, v in parts.items()}
    scale = joined["scale"]
    actual = np.full((len(ids), horizon), np.nan)
    for i, x in enumerate(future):
        actual[i, : len(x)] = x / scale[i]
    lag = 1 if name.startswith("m4_weekly") else m
    q = np.array([seasonal_change(x, lag) for x in past]) / scale
    return Sample(name, ids, joined["members"], joined["features"], actual, q, joined["unit"])


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
    weights = stack([np.pad(loss_weights(s), ((0, 0), (0, k))) for s, k in zip(group, pad)])
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
) -> dict[str, np.ndarray]:
    """One hidden layer by Adam with decaying steps; ``gradient(rows, raw)`` by the outputs."""
    rng = np.random.default_rng(seed)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    d = features.shape[1]
    w = [
        rng.normal(0, 1 / np.sqrt(d), (d, hidden)),
        np.zeros(hidden),
        rng.normal(0, 0.1 / np.sqrt(hidden), (hidden, outputs)),
        np.zeros(outputs),
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
    """Of the pinball losses of both ends; outputs: log width and growth, below and above."""

    def gradient(rows: np.ndarray, raw: np.ndarray) -> np.ndarray:
        out = np.zeros_like(raw)
        for side, sign in ((0, -1.0), (2, 1.0)):
            width, _ = combination.widths(raw[:, side], raw[:, side + 1], steps)
            beyond = sign * error[rows] > width
            by_width = np.where(beyond, tail - 1, tail) * weights[rows]
            out[:, side] = (by_width * width).sum(axis=1)
            slope = combination.growth_slope(raw[:, side + 1])[:, None]
            out[:, side + 1] = (by_width * width * np.log(steps) * slope).sum(axis=1)
        return out

    return gradient


def fold(ids: list[str]) -> np.ndarray:
    return np.array([zlib.crc32(i.encode()) % 5 for i in ids])


def apply(net: dict, features: np.ndarray) -> np.ndarray:
    z = np.clip((features - net["mean"]) / net["spread"], -8, 8)
    return np.tanh(z @ net["w"][0] + net["w"][1]) @ net["w"][2] + net["w"][3]


def one_kind(group: list[Sample], seeds: int, even: float) -> dict[str, np.ndarray]:
    features, members, actual, weights = pooled(group)
    ids = [f"{i}" for s in group for i in s.ids]
    of = fold(ids)
    k = members.shape[1]

    def fit(rows: np.ndarray, seed: int) -> dict:
        g = weight_gradient(members[rows], actual[rows], weights[rows], even)
        return train(features[rows], k, g, seed=seed)

    unseen = np.zeros_like(actual)
    for i in range(5):
        rows, rest = np.flatnonzero(of != i), np.flatnonzero(of == i)
        share = np.mean([softmax(apply(fit(rows, s), features[rest])) for s in range(2)], axis=0)
        unseen[rest] = np.einsum("nk,nkh->nh", share, members[rest])
    final = ensemble([fit(np.arange(len(features)), s) for s in range(seeds)])
    out = {f"share.{name}": v for name, v in final.items()}
    far = actual.shape[1]
    pad = [((0, 0), (0, far - s.unit.shape[1])) for s in group]
    unit = np.concatenate([np.pad(s.unit, k, mode="edge") for s, k in zip(group, pad)])
    q = np.concatenate([s.q for s in group])
    known = weights > 0
    error = np.where(known, actual - unseen, 0.0) / unit
    steps = np.arange(1.0, actual.shape[1] + 1)
    scale = np.clip(unit / np.maximum(q, 1e-9)[:, None], 0.05, 20)
    even_rows = known / np.maximum(known.sum(axis=1, keepdims=True), 1) * scale

    epochs = 60 if len(error) > 3000 else 150

    def fit_width(rows: np.ndarray, seed: int) -> dict:
        g = width_gradient(error[rows], steps, even_rows[rows], 0.025)
        return train(features[rows], 4, g, seed=seed, hidden=16, epochs=epochs)

    ratios = {0: np.zeros_like(error), 2: np.zeros_like(error)}
    for i in range(5):
        rows, rest = np.flatnonzero(of != i), np.flatnonzero(of == i)
        raw = np.mean([apply(fit_width(rows, s), features[rest]) for s in range(2)], axis=0)
        for side, sign in ((0, -1.0), (2, 1.0)):
            width, _ = combination.widths(raw[:, side], raw[:, side + 1], steps)
            ratios[side][rest] = sign * error[rest] / width
    final = ensemble([fit_width(np.arange(len(features)), s) for s in range(seeds)])
    out |= {f"width.{name}": v for name, v in final.items()}
    out["width.levels"] = np.array(TAILS, dtype=np.float32)
    for side, name in ((0, "below"), (2, "above")):
        r = ratios[side][known]
        table = [np.quantile(r, 0.5 + x / 200) for x in TAILS]
        out[f"width.{name}"] = np.maximum.accumulate(np.maximum(table, 1e-3)).astype(np.float32)
    report(group, unseen, ratios, out)
    return out


def report(group: list[Sample], unseen: np.ndarray, ratios: dict, out: dict) -> None:
    at, table = 0, list(TAILS).index(95.0)
    for s in group:
        n, h = s.actual.shape
        f, known = unseen[at : at + n, :h], np.isfinite(s.actual)
        mase = (np.abs(f - s.actual)[known] / np.repeat(s.q, known.sum(axis=1)).clip(1e-9)).mean()
        inside = (ratios[0][at : at + n, :h] <= out["width.below"][table]) & (
            ratios[2][at : at + n, :h] <= out["width.above"][table]
        )
        print(
            f"  {s.name:20s} {n:5d} series, MASE {mase:.3f}, 95 % holds {inside[known].mean():.3f}"
        )
        at += n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--even", type=float, default=0.03, help="pull towards equal weights")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--kinds", nargs="*", default=list(combination.KINDS))
    args = parser.parse_args()
    folder = Path(os.environ["SALESMGMT_DATA"]) / "forecast"
    groups: dict[str, list[Sample]] = {}
    for name in SETS:
        for kind, made in samples(folder, name).items():
            groups.setdefault(kind, []).extend(made)
    stored = dict(np.load(args.out)) if args.out.exists() else {}
    for kind in args.kinds:
        print(kind)
        stored = {k: v for k, v in stored.items() if not k.startswith(kind + ".")}
        stored |= {
            f"{kind}.{k}": v for k, v in one_kind(groups[kind], args.seeds, args.even).items()
        }
    np.savez_compressed(args.out, **stored)
    print(f"{args.out}: {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
