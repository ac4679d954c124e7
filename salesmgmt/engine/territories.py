"""Balanced groups of weighted points: by load alone, or compact on the map as well.

On the map groups are the cells of a power diagram: each point belongs to the centre of least
squared distance minus the centre's own price, and prices are moved until the loads agree. Such
cells are convex, so groups are contiguous.
"""

from __future__ import annotations

import numpy as np

__all__ = ["balance", "spread"]

_PAIRS = 2_000_000  # exchanges to look at; so many points are even without


def spread(load: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
    """Largest load of a group over the mean load, minus 1, for each column of ``load``."""
    out = []
    for column in load.T:
        sums = np.bincount(group, weights=column, minlength=n)
        mean = float(sums.mean())
        out.append(float(sums.max()) / mean - 1.0 if mean > 0 else 0.0)
    return np.array(out)


def balance(
    load: np.ndarray,
    n: int,
    *,
    xy: np.ndarray | None = None,
    fixed: np.ndarray | None = None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Group (0..n-1) of every point, int64, shape (p,).

    Parameters
    ----------
    load : float64 array of shape (p, k)
        What is to be equal between groups, not negative; columns count alike.
    n : int
        Number of groups.
    xy : float64 array of shape (p, 2), optional
        Coordinates; groups are then compact.
    fixed : int64 array of shape (p,), optional
        Group of points that must stay, -1 for free ones.
    rng : Generator
        Breaks the symmetry of starting centres.
    """
    share = load / np.maximum(load.sum(axis=0), 1e-300)
    held = np.full(len(load), -1, dtype=np.int64) if fixed is None else fixed
    if xy is None:
        group = _swap(share, _largest_first(share, n, held), n, held, None)
        return _exchange(share, group, n, held)
    group = _power_diagram(share.mean(axis=1), n, xy, held, rng)
    return _swap(share, group, n, held, xy)


def _largest_first(share: np.ndarray, n: int, held: np.ndarray) -> np.ndarray:
    """Largest point first, to the group that stays lowest."""
    group = held.copy()
    sums = np.zeros((n, share.shape[1]))
    np.add.at(sums, held[held >= 0], share[held >= 0])
    free = np.flatnonzero(held < 0)
    for i in free[np.argsort(-share[free].max(axis=1), kind="stable")]:
        worst = (sums + share[i]).max(axis=1)
        group[i] = int(worst.argmin())
        sums[group[i]] += share[i]
    return group


def _power_diagram(
    share: np.ndarray, n: int, xy: np.ndarray, held: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    scale = max(float(xy.std(axis=0).max()), 1e-12)
    points = (xy - xy.mean(axis=0)) / scale
    centres = _first_centres(points, n, held, rng)
    price = np.zeros(n)
    best, fewest = held, np.inf
    for sweep in range(300):
        distance = (points[:, :1] - centres[:, 0]) ** 2
        distance += (points[:, 1:] - centres[:, 1]) ** 2
        distance -= price
        group = np.where(held >= 0, held, distance.argmin(axis=1))
        sums = np.bincount(group, weights=share, minlength=n)
        off = float(sums.max() * n - 1.0)
        if off < fewest:
            best, fewest = group, off
        price += (1.0 / n - sums) * n * 0.5 / n / (1.0 + sweep / 30.0)
        if sweep % 10 == 9 and sweep < 200:  # centres follow their points, more and more slowly
            for g in range(n):
                mine = group == g
                if mine.any():
                    centres[g] = points[mine].mean(axis=0)
    return best


def _first_centres(
    points: np.ndarray, n: int, held: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Locked points tell where a group lies; the others start far from what is taken."""
    centres = np.zeros((n, points.shape[1]))
    have = [g for g in range(n) if (held == g).any()]
    for g in have:
        centres[g] = points[held == g].mean(axis=0)
    for g in (g for g in range(n) if g not in have):
        if not have:
            centres[g] = points[rng.integers(len(points))]
        else:
            away = ((points[:, None, :] - centres[have]) ** 2).sum(axis=2).min(axis=1)
            centres[g] = points[int(away.argmax())]
        have.append(g)
    return centres


def _swap(
    share: np.ndarray, group: np.ndarray, n: int, held: np.ndarray, xy: np.ndarray | None
) -> np.ndarray:
    """Move single points out of the fullest group while that lowers the largest load."""
    group = group.copy()
    sums = np.zeros((n, share.shape[1]))
    np.add.at(sums, group, share)
    free = held < 0
    nearby = None if xy is None else _Nearby(xy, group, n)
    for _ in range(20 * len(group)):
        peak = sums.max()
        full = int(sums.max(axis=1).argmax())
        mine = np.flatnonzero(free & (group == full))
        if not len(mine):
            return group
        after = np.maximum(
            (sums[None, :, :] + share[mine][:, None, :]).max(axis=2),
            (sums[full] - share[mine]).max(axis=1)[:, None],
        )
        after[:, full] = np.inf
        if nearby is not None:
            after[~nearby.touching(mine)] = np.inf
        at = np.unravel_index(int(after.argmin()), after.shape)
        if after[at] >= peak - 1e-12:
            return group
        i, to = mine[at[0]], int(at[1])
        sums[full] -= share[i]
        sums[to] += share[i]
        group[i] = to
        if nearby is not None:
            nearby.move(int(i), full, to)
    return group


def _exchange(share: np.ndarray, group: np.ndarray, n: int, held: np.ndarray) -> np.ndarray:
    """Exchange a point of the fullest group for a lighter one while that lowers the peak."""
    group = group.copy()
    sums = np.zeros((n, share.shape[1]))
    np.add.at(sums, group, share)
    free = held < 0
    for _ in range(4 * len(group)):
        peak, full = sums.max(), int(sums.max(axis=1).argmax())
        mine, others = (
            np.flatnonzero(free & (group == full)),
            np.flatnonzero(free & (group != full)),
        )
        if not len(mine) * len(others) or len(mine) * len(others) > _PAIRS:
            return group
        moved = share[mine][:, None, :] - share[others][None, :, :]
        after = np.maximum(
            (sums[full] - moved).max(axis=2), (sums[group[others]][None, :, :] + moved).max(axis=2)
        )
        at = np.unravel_index(int(after.argmin()), after.shape)
        if after[at] >= peak - 1e-12:
            return group
        give, get = mine[at[0]], others[at[1]]
        sums[full] += share[get] - share[give]
        sums[group[get]] += share[give] - share[get]
        group[give], group[get] = group[get], full
    return group


class _Nearby:
    """Which groups stand at a place or at one of the four nearest ones, kept as points move."""

    def __init__(self, xy: np.ndarray, group: np.ndarray, n: int) -> None:
        places, at = np.unique(xy, axis=0, return_inverse=True)
        self.at = at.reshape(-1)
        self.near = _nearest(places)
        self.shared = np.bincount(self.at)[self.at] > 1
        self.sizes = np.bincount(group, minlength=n)
        self.count = np.zeros((len(places), n), dtype=np.int64)
        np.add.at(self.count, (self.at, group), 1)

    def move(self, point: int, old: int, new: int) -> None:
        for group, by in ((old, -1), (new, 1)):
            self.count[self.at[point], group] += by
            self.sizes[group] += by

    def touching(self, mine: np.ndarray) -> np.ndarray:
        """Groups each of these points may go to, shape (points, n).

        Points that share a place (accounts known by their city) may also go to an empty group.
        """
        out = (self.count[self.near[self.at[mine]]] > 0).any(axis=1)
        empty = self.sizes == 0
        return np.asarray(out | (self.shared[mine][:, None] & empty))


def _nearest(places: np.ndarray) -> np.ndarray:
    """The five nearest places of each, itself among them; of equals those that come first."""
    from scipy.spatial import cKDTree

    # More than five are looked at, so that equals are told apart by place and not by the tree.
    count = min(16, len(places))
    _, found = cKDTree(places).query(places, k=count)
    found = np.sort(np.reshape(found, (len(places), count)), axis=1)
    distance = ((places[:, None, :] - places[found]) ** 2).sum(axis=2)
    first = np.argsort(distance, axis=1, kind="stable")[:, :5]
    return np.take_along_axis(found, first, axis=1)
