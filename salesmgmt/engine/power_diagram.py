"""Cells of a map that hold a given mass each: a balanced power diagram.

Each point belongs to the centre of least squared distance minus the centre's own price. Prices
for which every cell holds its mass are the maximum of a concave function, the dual of a
transport problem [1]_; it is smoothed (a point near a border belongs to both sides in part) and
the smoothing is taken back step by step [2]_. Cells of a power diagram are convex, so groups are
compact and contiguous. Centres then follow their points, as in Lloyd's algorithm.

References
----------
.. [1] F. Aurenhammer, F. Hoffmann and B. Aronov, "Minkowski-type theorems and least-squares
   clustering", Algorithmica 20 (1998), 61-76.
.. [2] M. Cuturi and G. Peyré, "Semidual regularized optimal transport", SIAM Review 60 (2018),
   941-965.
"""

from __future__ import annotations

import numpy as np

__all__ = ["power_diagram"]

_ROUNDS = 12  # times that centres follow their points
_BLUR = (0.3, 0.1, 0.03, 0.01)  # of the squared width of a cell


def power_diagram(
    points: np.ndarray, mass: np.ndarray, wanted: np.ndarray, centres: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What each point would pay for each cell, and where the centres came to lie.

    Parameters
    ----------
    points : float64 array of shape (p, 2)
        Places, standardised.
    mass : float64 array of shape (p,)
        Weight of each point, of sum > 0.
    wanted : float64 array of shape (n,)
        Mass each cell is to hold; all positive, of the same sum as ``mass``.
    centres : float64 array of shape (n, 2)
        Where to start.

    Returns
    -------
    (float64 array of shape (p, n), float64 array of shape (n, 2))
        Squared distance minus price (a point belongs to the least), and the centres.
    """
    width = 1.0 / len(wanted)  # squared, of a cell where points have a spread of one
    price = np.zeros(len(wanted))
    for _ in range(_ROUNDS):
        price = _prices(_squares(points, centres), mass, wanted, price, _BLUR[0] * width, 20)
        cell = (_squares(points, centres) - price).argmin(axis=1)
        size = np.bincount(cell, minlength=len(wanted))
        middle = [np.bincount(cell, points[:, axis], len(wanted)) for axis in (0, 1)]
        moved = np.column_stack(middle) / np.maximum(size, 1)[:, None]
        centres = np.where(size[:, None] > 0, moved, centres)
    squares = _squares(points, centres)
    for blur in _BLUR:
        price = _prices(squares, mass, wanted, price, blur * width, 400)
    return squares - price, centres


def _squares(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    across = points[:, :1] - centres[:, 0]
    along = points[:, 1:] - centres[:, 1]
    return np.asarray(across**2 + along**2)


def _prices(
    squares: np.ndarray,
    mass: np.ndarray,
    wanted: np.ndarray,
    price: np.ndarray,
    blur: float,
    steps: int,
) -> np.ndarray:
    """Prices at which the blurred cells hold what they are to hold."""
    from scipy.optimize import minimize

    def surplus(price: np.ndarray) -> tuple[float, np.ndarray]:
        gain = (price - squares) / blur
        top = gain.max(axis=1, keepdims=True)
        part = np.exp(gain - top)
        total = part.sum(axis=1, keepdims=True)
        value = blur * float(mass @ (top + np.log(total))[:, 0]) - float(wanted @ price)
        return value, mass @ (part / total) - wanted

    found = minimize(surplus, price, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.asarray(found.x - found.x.mean())
