"""Control charts: limits of natural variation, and rules that tell a signal from noise."""

from __future__ import annotations

import numpy as np

__all__ = ["RULES", "attribute_limits", "run_rules", "xmr_limits"]

_D2, _D4_MEDIAN = 1.128, 0.954
_D4 = 3.267

#: Rules by school; each number is a rule of :func:`run_rules`.
RULES = {
    "wheeler": (1, 4, 9),
    "western_electric": (1, 2, 3, 4),
    "nelson": (1, 2, 3, 5, 6, 7, 8, 10),
    "none": (),
}


def xmr_limits(
    x: np.ndarray, *, spread: str = "mean", constants: str = "d2"
) -> tuple[float, float, float]:
    """Centre, sigma and upper limit of the moving range of individual values.

    Sigma is the mean moving range over 1.128 (its ``shortcut``: 2.660 times it is three sigma),
    or the median one over 0.954. ``screened``: the mean of those below the upper limit of the
    moving range.
    """
    moving = np.abs(np.diff(x))
    if spread == "median":
        middle = float(np.median(moving))
        return float(np.mean(x)), middle / _D4_MEDIAN, 3.865 * middle
    if spread == "screened" and moving.any():
        moving = moving[moving < _D4 * moving.mean()]
    mean = float(moving.mean())
    sigma = mean / _D2 if constants == "d2" else 2.660 * mean / 3
    return float(np.mean(x)), sigma, _D4 * mean


def attribute_limits(count: np.ndarray, n: np.ndarray, kind: str) -> tuple[float, np.ndarray]:
    """Centre and sigma by point of shares (``p``) or of counts a unit (``u``)."""
    centre = float(count.sum() / n.sum())
    variance = centre * (1 - centre) if kind == "p" else centre
    return centre, np.sqrt(variance / n)


def run_rules(z: np.ndarray, rules: tuple[int, ...]) -> np.ndarray:
    """Which points break which rule; bool (points, rules). ``z``: distance from the centre in
    sigmas.

    1: beyond 3 sigma. 2: two of three beyond 2 sigma on one side. 3: four of five beyond 1
    sigma on one side. 4: eight in a row on one side. 5: nine in a row on one side. 6: six in a
    row rising, or falling. 7: fourteen in a row going up and down in turn. 8: fifteen in a row
    within 1 sigma. 9: three of four nearer to a limit than to the centre, on one side. 10:
    eight in a row none within 1 sigma.
    """
    known = {
        1: lambda: np.abs(z) > 3 + 1e-12,
        2: lambda: _sided(z, 2.0, 2, 3),
        3: lambda: _sided(z, 1.0, 4, 5),
        4: lambda: _sided(z, 0.0, 8, 8),
        5: lambda: _sided(z, 0.0, 9, 9),
        6: lambda: _trend(z, 6),
        7: lambda: _alternating(z, 14),
        8: lambda: _count(np.abs(z) < 1, 15) == 15,
        9: lambda: _sided(z, 1.5, 3, 4),
        10: lambda: _count(np.abs(z) > 1, 8) == 8,
    }
    out = np.zeros((len(z), len(rules)), dtype=bool)
    for j, rule in enumerate(rules):
        out[:, j] = known[rule]()
    return out


def _count(hit: np.ndarray, window: int) -> np.ndarray:
    """Hits among the last ``window`` points, up to and with each."""
    total = np.concatenate([[0], np.cumsum(hit)])
    at = np.arange(1, len(hit) + 1)
    return total[at] - total[np.maximum(at - window, 0)]


def _sided(z: np.ndarray, beyond: float, need: int, window: int) -> np.ndarray:
    up, down = z > beyond, z < -beyond
    return ((_count(up, window) >= need) & up) | ((_count(down, window) >= need) & down)


def _trend(z: np.ndarray, length: int) -> np.ndarray:
    step = np.diff(z, prepend=z[:1])
    rising = _count(step > 0, length - 1) == length - 1
    falling = _count(step < 0, length - 1) == length - 1
    return rising | falling


def _alternating(z: np.ndarray, length: int) -> np.ndarray:
    step = np.sign(np.diff(z, prepend=z[:1]))
    turns = np.r_[False, step[1:] * step[:-1] < 0] if len(z) > 1 else np.zeros(len(z), bool)
    return _count(turns, length - 2) == length - 2
