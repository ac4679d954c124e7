"""Price, volume and mix: effects by item that add up to the change, item by item."""

from __future__ import annotations

import numpy as np

__all__ = ["METHODS", "WITH_MIX", "effects", "round_to_sum"]

METHODS = (
    "price_volume",
    "price_volume_mix",
    "average_price_mix",
    "mix_change",
    "midpoint",
    "price_at_before",
    "joint",
)
WITH_MIX = ("price_volume_mix", "average_price_mix", "mix_change")


def effects(
    method: str, p0: np.ndarray, q0: np.ndarray, p1: np.ndarray, q1: np.ndarray, group: np.ndarray
) -> dict[str, np.ndarray]:
    """Effects of items sold both times; they add up to ``p1 q1 - p0 q0`` of each.

    ``group``: items whose mix is measured together (codes). See the desk for what each method
    means.
    """
    gap, grown = p1 - p0, q1 - q0
    if method == "price_volume":
        return {"price": gap * q1, "volume": grown * p0}
    if method == "price_at_before":
        return {"price": gap * q0, "volume": grown * p1}
    if method == "midpoint":
        return {"price": gap * (q0 + q1) / 2, "volume": grown * (p0 + p1) / 2}
    if method == "joint":
        return {"price": gap * q0, "volume": grown * p0, "joint": gap * grown}
    n = int(group.max(initial=-1)) + 1
    before, after = np.bincount(group, q0, n)[group], np.bincount(group, q1, n)[group]
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.where(before != 0, after / before, 1.0)
        value = np.bincount(group, p0 * q0, n)[group]
        average = np.where(before != 0, value / before, 0.0)
    if method == "price_volume_mix":
        volume, mix = (level - 1) * q0 * p0, (q1 - level * q0) * p0
    elif method == "mix_change":
        mix = (q1 - level * q0) * (p0 - average)
        volume = grown * p0 - mix
    else:
        volume, mix = grown * average, grown * (p0 - average)
    return {"price": gap * q1, "volume": volume, "mix": mix}


def round_to_sum(parts: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Parts (items, effects) to whole numbers that add up to ``whole`` by item.

    Largest remainder on the floors; a gap wider than that (items that cannot be explained to a
    unit) goes to the largest part. Ties go to the first effect.
    """
    low = np.floor(parts)
    out = low.astype(np.int64)
    left = whole - out.sum(axis=1)
    order = np.argsort(-(parts - low), axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(parts.shape[1])[None, :], axis=1)
    fits = (left >= 0) & (left <= parts.shape[1])
    out += ((place < left[:, None]) & fits[:, None]).astype(np.int64)
    rest = np.where(fits, 0, left)
    largest = np.abs(parts).argmax(axis=1)
    out[np.arange(len(out)), largest] += rest
    return out
