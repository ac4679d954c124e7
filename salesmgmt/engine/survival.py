"""Time to one of several ends: incidence with standard errors, tests between groups.

Ages may be cut off on the right (still open) and on the left (seen only from an age on). Ties
are exact and the result does not depend on the order of rows.

References
----------
.. [1] O. Aalen, S. Johansen, Scandinavian Journal of Statistics 5 (1978), 141-150.
.. [2] M. Greenwood, Reports on Public Health 33 (1926); as the infinitesimal jackknife:
   T. Therneau, P. Grambsch, *Modeling Survival Data* (2000), section 7.
.. [3] R. J. Gray, "A class of k-sample tests for comparing the cumulative incidence of a
   competing risk", Annals of Statistics 16 (1988), 1141-1154.
.. [4] N. Mantel, Cancer Chemotherapy Reports 50 (1966), 163-170 (log-rank).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

__all__ = ["Incidence", "bands", "gray", "incidence", "logrank", "mean_and_quantiles", "risk_table"]


@dataclass(frozen=True, slots=True)
class Incidence:
    """At each distinct time: at risk, share still open, share ended by each cause; errors."""

    time: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    open: np.ndarray
    ended: np.ndarray
    open_se: np.ndarray
    ended_se: np.ndarray


def risk_table(
    time: np.ndarray, cause: np.ndarray, causes: int, entry: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct times, numbers at risk just before, events by cause (columns).

    ``cause`` is 0 for cut off, else 1..``causes``. At risk at t: entry < t <= time (everybody
    before the first time where no entry is given).
    """
    time = np.asarray(time)
    small = time.dtype.kind in "iu" and len(time) and time.min() >= 0 and time.max() <= 10_000_000
    if small:
        counts = np.bincount(
            time.astype(np.int64) * (causes + 1) + cause,
            minlength=(int(time.max()) + 1) * (causes + 1),
        ).reshape(-1, causes + 1)
        grid = np.flatnonzero(counts.any(axis=1))
        counts = counts[grid]
    else:
        grid, place = np.unique(time, return_inverse=True)
        counts = np.bincount(
            place.reshape(-1) * (causes + 1) + cause, minlength=len(grid) * (causes + 1)
        ).reshape(-1, causes + 1)
    leaving = counts.sum(axis=1)
    at_risk = leaving[::-1].cumsum()[::-1]
    if entry is not None:
        at_risk = at_risk - (len(entry) - np.searchsorted(np.sort(entry), grid, side="left"))
    return grid, at_risk, counts[:, 1:]


def incidence(
    time: np.ndarray, cause: np.ndarray, causes: int, entry: np.ndarray | None = None
) -> Incidence:
    """Aalen-Johansen shares by cause and the Kaplan-Meier share still open.

    Standard errors are Greenwood's formula (open) and its multinomial extension (ended). Without
    ``entry`` they equal the infinitesimal jackknife's; with it the jackknife also counts what
    a subject's risk periods share, and differs a little.
    """
    grid, at_risk, events = risk_table(time, cause, causes, entry)
    n = np.maximum(at_risk, 1).astype(float)
    hazard = events / n[:, None]
    left = 1 - hazard.sum(axis=1)
    left[events.sum(axis=1) >= at_risk] = 0.0
    after = np.cumprod(left)
    before = np.append(1.0, after[:-1])
    ended = np.cumsum(before[:, None] * hazard, axis=0)
    total = events.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(left > 0, 1 / left, 0.0)
        greenwood = np.cumsum(np.where(left > 0, total / (n * (n - total)), 0.0))
    open_se = after * np.sqrt(greenwood)
    ended_se = np.column_stack(
        [_ended_se(before, ended[:, c], inverse, n, events[:, c], total) for c in range(causes)]
    )
    return Incidence(grid, at_risk, events, after, ended, open_se, ended_se)


def _ended_se(
    before: np.ndarray,
    ended: np.ndarray,
    inverse: np.ndarray,
    n: np.ndarray,
    mine: np.ndarray,
    total: np.ndarray,
) -> np.ndarray:
    """Standard error of one cause's share at each time, in one pass.

    The share at T moves by ``a - x q`` with an event of this cause at t and by ``b - x q`` with
    one of another cause, x being the share at T; the multinomial variance of the events at t is
    then a polynomial in x whose coefficients add up over t.
    """
    a, b, q = before + ended * inverse, ended * inverse, inverse
    other = total - mine
    square = [
        a**2 * mine + b**2 * other,
        -2 * q * (a * mine + b * other),
        q**2 * total,
    ]
    mean0, mean1 = a * mine + b * other, -q * total
    cross = [mean0**2, 2 * mean0 * mean1, mean1**2]
    parts = [np.cumsum(s / n**2 - c / n**3) for s, c in zip(square, cross, strict=True)]
    terms = np.stack([parts[0], parts[1] * ended, parts[2] * ended**2])
    variance = terms.sum(axis=0)
    variance[variance < 1e-14 * np.abs(terms).sum(axis=0)] = 0.0  # what rounding left over
    return np.sqrt(variance)


def mean_and_quantiles(
    time: np.ndarray, ended: np.ndarray, quantiles: tuple[float, ...]
) -> tuple[float, np.ndarray]:
    """Mean (up to the longest time seen) and quantiles of a time that may be cut off.

    Where the curve is flat at the level itself, the quantile is the middle of the flat stretch,
    so that without cut-offs the median is the usual one. NaN where the curve stays above.
    """
    found = incidence(time, ended.astype(np.int64), 1)
    grid, share = found.time.astype(float), found.open
    edges = np.diff(np.append(0.0, grid))
    mean = float((np.append(1.0, share[:-1]) * edges).sum())
    out = np.full(len(quantiles), np.nan)
    for i, level in enumerate(quantiles):
        below = np.flatnonzero(share <= 1 - level + 1e-12)
        if len(below):
            first = below[0]
            out[i] = grid[first]
            lower = np.flatnonzero(share < 1 - level - 1e-12)
            if abs(share[first] - (1 - level)) <= 1e-12:  # to the longest time, if never lower
                out[i] = (grid[first] + (grid[lower[0]] if len(lower) else grid[-1])) / 2
    return mean, out


def bands(
    share: np.ndarray, se: np.ndarray, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Pointwise limits on the log(-log) scale, which stay in [0, 1]."""
    z = -special.ndtri((1 - confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        width = z * se / (share * np.log(share))
        lo, hi = share ** np.exp(-width), share ** np.exp(width)
    flat = (share <= 0) | (share >= 1) | ~np.isfinite(width)
    return np.where(flat, share, np.minimum(lo, hi)), np.where(flat, share, np.maximum(lo, hi))


def logrank(
    time: np.ndarray,
    cause: np.ndarray,
    group: np.ndarray,
    groups: int,
    entry: np.ndarray | None = None,
) -> tuple[float, int, float]:
    """Statistic, degrees of freedom and p-value; causes other than 1 count as cut off."""
    own = (np.asarray(cause) == 1).astype(np.int64)
    _, n, d = _group_tables(time, own, group, groups, 1, entry)
    d = d[:, :, 0]
    every, dead = n.sum(axis=0), d.sum(axis=0)
    used = dead > 0
    n, d, every, dead = n[:, used], d[:, used], every[used], dead[used]
    score = (d - n * dead / every).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(every > 1, dead * (every - dead) / (every - 1), 0.0)
    share = n / every
    variance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    return _chi2(score, variance)


def gray(
    time: np.ndarray, cause: np.ndarray, group: np.ndarray, groups: int
) -> tuple[float, int, float]:
    """Gray's test of equal incidence of cause 1 (rho = 0): statistic, freedom, p-value."""
    competing = np.where(np.asarray(cause) > 1, 2, cause)
    _, n, d = _group_tables(time, competing, group, groups, 2, None)
    score = np.zeros(groups)
    variance = np.zeros((groups, groups))
    c, v2, v3 = np.zeros((groups, groups)), np.zeros((groups, groups)), np.zeros(groups)
    before, ended, pooled = np.ones(groups), np.zeros(groups), 0.0
    for t in range(n.shape[1]):
        risk, own, other = n[:, t].astype(float), d[:, t, 0], d[:, t, 1]
        if not (own.any() or other.any()):
            continue
        here = risk > 0
        safe = np.where(here, risk, 1.0)
        after = np.where(here, before * (risk - own - other) / safe, before)
        weight = np.where(here, risk / np.where(before > 0, before, 1.0), 0.0)
        total, events = weight.sum(), own.sum()
        adjusted = weight * (1 - ended)
        score += np.where(here, own - events * adjusted / adjusted.sum(), 0.0)
        next_pooled = pooled + events / total
        a = np.diag(weight) - np.outer(weight, weight) / total
        c += a * events / (total * (1 - pooled))
        if events:
            _gray_own(variance, v2, v3, a, c, here, before, after, safe, events, total, next_pooled)
        if other.any():
            _gray_other(variance, v2, v3, c, before, after, safe, other, next_pooled)
        ended = np.where(here, ended + before * own / safe, ended)
        before, pooled = after, next_pooled
    variance += (c * v3) @ c.T + c @ v2.T + v2 @ c.T
    return _chi2(score, variance)


def _gray_own(
    variance: np.ndarray,
    v2: np.ndarray,
    v3: np.ndarray,
    a: np.ndarray,
    c: np.ndarray,
    here: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    risk: np.ndarray,
    events: float,
    total: float,
    pooled: float,
) -> None:
    """What the events of the cause itself add to the variance of the scores."""
    t4 = np.where(after > 0, 1 - (1 - pooled) / np.where(after > 0, after, 1.0), 1.0)
    t5 = 1 - (events - 1) / (total * before - 1) if events > 1 else np.ones(len(before))
    t3 = np.where(here, t5 * before * events / (total * risk), 0.0)
    step = a - c * t4
    v3 += t4**2 * t3
    v2 += step * (t4 * t3)
    variance += (step * t3) @ step.T


def _gray_other(
    variance: np.ndarray,
    v2: np.ndarray,
    v3: np.ndarray,
    c: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    risk: np.ndarray,
    other: np.ndarray,
    pooled: float,
) -> None:
    """What the events of competing causes add to the variance of the scores."""
    used = (after > 0) & (other > 0)
    t4 = np.where(used, (1 - pooled) / np.where(after > 0, after, 1.0), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t5 = np.where(other > 1, 1 - (other - 1) / (risk - 1), 1.0)
    t3 = np.where(used, t5 * before**2 * other / risk**2, 0.0)
    v3 += t4**2 * t3
    v2 -= c * (t4**2 * t3)
    variance += (c * (t4**2 * t3)) @ c.T


def _group_tables(
    time: np.ndarray,
    cause: np.ndarray,
    group: np.ndarray,
    groups: int,
    causes: int,
    entry: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Common times; at risk (groups, times) and events (groups, times, causes)."""
    grid, place = np.unique(time, return_inverse=True)
    flat = (group * len(grid) + place.reshape(-1)) * (causes + 1) + cause
    size = groups * len(grid) * (causes + 1)
    counts = np.bincount(flat, minlength=size).reshape(groups, len(grid), causes + 1)
    at_risk = counts.sum(axis=2)[:, ::-1].cumsum(axis=1)[:, ::-1]
    if entry is not None:
        for g in range(groups):
            mine = np.sort(entry[group == g])
            at_risk[g] -= len(mine) - np.searchsorted(mine, grid, side="left")
    return grid, at_risk, counts[:, :, 1:]


def _chi2(score: np.ndarray, variance: np.ndarray) -> tuple[float, int, float]:
    """The quadratic form of all scores but one, and its chi-square tail."""
    freedom = len(score) - 1
    if freedom < 1 or not np.any(variance):
        return 0.0, max(freedom, 0), 1.0
    stat = float(score[:-1] @ np.linalg.pinv(variance[:-1, :-1]) @ score[:-1])
    return stat, freedom, float(special.chdtrc(freedom, stat))
