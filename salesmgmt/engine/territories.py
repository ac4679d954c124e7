"""Balanced groups of weighted points: by load alone, or compact on the map as well.

On the map groups are the cells of a power diagram that hold the same load each
(``power_diagram``), then points near a border change sides while that evens the loads.
"""

from __future__ import annotations

import numpy as np

from salesmgmt.engine.power_diagram import power_diagram

__all__ = ["balance", "spread"]

_GAIN = 1e-6  # of the mean load: less is not worth a move
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
        group = _swap(share, _largest_first(share, n, held), n, held)
        return _exchange(share, group, n, held)
    points = (xy - xy.mean(axis=0)) / max(float(xy.std(axis=0).max()), 1e-12)
    group, cost, centres, pinned = _cells(points, share.mean(axis=1), n, held, rng)
    return _swap(share, group, n, pinned, _Border(points, group, cost, centres))


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


def _cells(
    points: np.ndarray, mass: np.ndarray, n: int, held: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Group of each point, what each would cost it, the centres, and who must stay where."""
    mass = mass + 1e-9 / len(mass)  # accounts worth nothing have their place too
    pinned, wanted = _wanted(mass, n, held)
    centres = _first_centres(points, n, pinned, rng)
    free, open_ = np.flatnonzero(pinned < 0), np.flatnonzero(wanted > 0)
    cost = np.full((len(points), n), np.inf)
    if len(free):
        cost[np.ix_(free, open_)], centres[open_] = power_diagram(
            points[free], mass[free], wanted[open_], centres[open_]
        )
    group = np.where(pinned < 0, cost.argmin(axis=1), pinned)
    for g in np.flatnonzero(np.bincount(group, minlength=n) == 0):
        spare = (pinned < 0) & (np.bincount(group, minlength=n)[group] > 1)
        loss = np.where(spare, cost[:, g] - cost[np.arange(len(group)), group], np.inf)
        group[int(loss.argmin())] = g
    return group, cost, centres, pinned


def _wanted(mass: np.ndarray, n: int, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points that stand where they are, and the mass each group takes of the others.

    All groups are filled up to one level. A point that is more than that alone is a group of
    its own, as long as there is a group without a lock.
    """
    pinned = held.copy()
    while True:
        stands = pinned >= 0
        base = np.bincount(pinned[stands], mass[stands], n)
        wanted = np.maximum(_level(base, float(mass[~stands].sum())) - base, 0.0)
        empty = np.flatnonzero(np.bincount(pinned[stands], minlength=n) == 0)
        largest = int(np.where(stands, -1.0, mass).argmax())
        if stands.all() or not len(empty) or mass[largest] <= wanted[empty[0]]:
            return pinned, wanted
        pinned[largest] = empty[0]


def _level(base: np.ndarray, mass: float) -> float:
    """Height to which ``mass`` fills the groups that hold ``base`` already."""
    floor = np.sort(base)
    level = (mass + np.cumsum(floor)) / np.arange(1, len(floor) + 1)
    above = np.append(floor[1:], np.inf)
    return float(level[int((level <= above).argmax())])


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
    share: np.ndarray,
    group: np.ndarray,
    n: int,
    held: np.ndarray,
    border: _Border | None = None,
) -> np.ndarray:
    """Move single points out of the fullest group while that lowers it.

    A group that cannot be lowered (one point of it alone may be more than the mean) stands, and
    the next fullest one is tried.
    """
    group = group.copy()
    sums = np.zeros((n, share.shape[1]))
    np.add.at(sums, group, share)
    free = held < 0
    stands = np.zeros(n, dtype=bool)
    for _ in range(20 * len(group)):
        full = _fullest(sums, stands)
        mine = np.flatnonzero(free & (group == full))
        after = np.maximum(
            (sums[None, :, :] + share[mine][:, None, :]).max(axis=2),
            (sums[full] - share[mine]).max(axis=1)[:, None],
        )
        after[:, full] = np.inf
        if border is not None:
            after[~border.touching(mine, full)] = np.inf
        if after.min(initial=np.inf) >= sums[full].max() - _GAIN / n:
            stands[full] = True
            if stands.all():
                return group
            continue
        at = np.unravel_index(int(after.argmin()), after.shape)
        i, to = mine[at[0]], int(at[1])
        sums[full] -= share[i]
        sums[to] += share[i]
        group[i] = to
        stands[:] = False
        if border is not None:
            border.move(int(i), full, to)
    return group


def _fullest(sums: np.ndarray, stands: np.ndarray) -> int:
    return int(np.where(stands, -np.inf, sums.max(axis=1)).argmax())


def _exchange(share: np.ndarray, group: np.ndarray, n: int, held: np.ndarray) -> np.ndarray:
    """Exchange a point of the fullest group for a lighter one while that lowers it."""
    group = group.copy()
    sums = np.zeros((n, share.shape[1]))
    np.add.at(sums, group, share)
    free = held < 0
    stands = np.zeros(n, dtype=bool)
    for _ in range(4 * len(group)):
        full = _fullest(sums, stands)
        mine = np.flatnonzero(free & (group == full))
        others = np.flatnonzero(free & (group != full))
        if len(mine) * len(others) > _PAIRS:
            return group
        moved = share[mine][:, None, :] - share[others][None, :, :]
        after = np.maximum(
            (sums[full] - moved).max(axis=2), (sums[group[others]][None, :, :] + moved).max(axis=2)
        )
        if after.min(initial=np.inf) >= sums[full].max() - _GAIN / n:
            stands[full] = True
            if stands.all():
                return group
            continue
        at = np.unravel_index(int(after.argmin()), after.shape)
        give, get = mine[at[0]], others[at[1]]
        sums[full] += share[get] - share[give]
        sums[group[get]] += share[give] - share[get]
        group[give], group[get] = group[get], full
        stands[:] = False
    return group


class _Border:
    """Which groups a point may change to and leave the map tidy, kept as points move.

    Those that stand at its place or at one of the four nearest ones, when the point lies no
    farther beyond their border than these places lie apart.
    """

    def __init__(
        self, points: np.ndarray, group: np.ndarray, cost: np.ndarray, centres: np.ndarray
    ) -> None:
        n = len(centres)
        places, at = np.unique(points, axis=0, return_inverse=True)
        self.at = at.reshape(-1)
        self.near = _nearest(places)
        self.cost = cost
        apart = ((places[:, None, :] - places[self.near]) ** 2).sum(axis=2).max(axis=1)
        self.spacing = np.sqrt(apart)[self.at]
        self.between = np.sqrt(((centres[:, None, :] - centres) ** 2).sum(axis=2))
        self.shared = np.bincount(self.at)[self.at] > 1
        self.sizes = np.bincount(group, minlength=n)
        self.count = np.zeros((len(places), n), dtype=np.int64)
        np.add.at(self.count, (self.at, group), 1)

    def move(self, point: int, old: int, new: int) -> None:
        for group, by in ((old, -1), (new, 1)):
            self.count[self.at[point], group] += by
            self.sizes[group] += by

    def touching(self, mine: np.ndarray, old: int) -> np.ndarray:
        """Groups each of these points of group ``old`` may go to, shape (points, n).

        Points that share a place (accounts known by their city) may also go to an empty group.
        """
        near = (self.count[self.near[self.at[mine]]] > 0).any(axis=1)
        # The difference of two costs grows by twice the distance of the centres with each step
        # across the border.
        beyond = self.cost[mine] - self.cost[mine, old][:, None]
        near &= beyond <= 2.0 * self.between[old] * self.spacing[mine][:, None]
        return np.asarray(near | (self.shared[mine][:, None] & (self.sizes == 0)))


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
