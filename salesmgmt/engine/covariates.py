"""Purchase models whose parameters differ from customer to customer with known attributes.

A parameter is multiplied by exp(sign * g'z): its logarithm is linear in the attributes, so the
gradient of the model without them is all that is needed. Customers with equal attributes are a
model of their own; where nearly everyone differs, the likelihood is taken row by row.

References
----------
.. [1] P. S. Fader and B. G. S. Hardie, "Incorporating Time-Invariant Covariates into the
   Pareto/NBD and BG/NBD Models", 2007, www.brucehardie.com/notes/019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .btyd_rows import Histories, compress
from .maximise import Objective

__all__ = ["Move", "centred", "grouped", "kinds_of", "row_by_row", "spread", "to_raw"]

# Log-parameters, one number or one a row each.
Values = list[np.ndarray]


@dataclass(frozen=True)
class Move:
    """Which log-parameter the attributes ``columns`` move, and in which direction."""

    at: int
    sign: float
    columns: np.ndarray


def spread(theta: np.ndarray, k: int, moves: list[Move], z: np.ndarray) -> Values:
    """The ``k`` log-parameters of each row of attributes ``z``."""
    out: Values = [np.asarray(v) for v in theta[:k]]
    at = k
    for move in moves:
        width = len(move.columns)
        out[move.at] = out[move.at] + move.sign * (z[:, move.columns] @ theta[at : at + width])
        at += width
    return out


def grouped(
    loglik: Callable[[np.ndarray, Histories], tuple[float, np.ndarray]],
    k: int,
    moves: list[Move],
    kinds: np.ndarray,
    groups: list[Histories],
) -> Objective:
    """Mean log-likelihood and gradient of customers in groups of equal attributes ``kinds``."""
    shares = np.array([g.total for g in groups])
    shares = shares / shares.sum()

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        own = spread(theta, k, moves, kinds)
        whole = np.stack([np.broadcast_to(v, len(groups)) for v in own], axis=1)
        value, slopes = 0.0, np.empty((len(groups), k))
        for i, rows in enumerate(groups):
            part, slopes[i] = loglik(whole[i], rows)
            value += shares[i] * part
        return value, _chain(slopes.T * shares, moves, kinds)

    return objective


def row_by_row(
    loglik: Callable[[Values], tuple[np.ndarray, np.ndarray]],
    k: int,
    moves: list[Move],
    z: np.ndarray,
    weight: np.ndarray,
) -> Objective:
    """The same where customers have attributes of their own; ``loglik`` gives rows."""
    shares = weight / weight.sum()

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = loglik(spread(theta, k, moves, z))
        return float(shares @ value), _chain(slopes * shares, moves, z)

    return objective


def _chain(slopes: np.ndarray, moves: list[Move], z: np.ndarray) -> np.ndarray:
    """Gradient in log-parameters and coefficients from weighted slopes (parameters, rows)."""
    parts = [slopes.sum(axis=1)]
    parts += [move.sign * (slopes[move.at] @ z[:, move.columns]) for move in moves]
    return np.concatenate(parts)


def kinds_of(
    x: np.ndarray,
    t_x: np.ndarray,
    T: np.ndarray,
    count: np.ndarray,
    z: np.ndarray,
) -> tuple[np.ndarray, list[Histories]]:
    """Distinct rows of attributes and the histories of each, on one time axis."""
    kinds, at = np.unique(z, axis=0, return_inverse=True)
    at = at.reshape(-1)
    groups = []
    for i in range(len(kinds)):
        use = at == i
        groups.append(compress(x[use], t_x[use], T[use], count[use], scale=1.0))
    return kinds, groups


def centred(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attributes with mean 0 and standard deviation 1, the means and the deviations."""
    mean, deviation = z.mean(axis=0), z.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (z - mean) / deviation, mean, deviation


def to_raw(k: int, moves: list[Move], mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Matrix from log-parameters and coefficients of centred attributes to those of raw ones."""
    size = k + sum(len(m.columns) for m in moves)
    matrix = np.eye(size)
    at = k
    for move in moves:
        for j, column in enumerate(move.columns):
            matrix[at + j, at + j] = 1 / deviation[column]
            matrix[move.at, at + j] = -move.sign * mean[column] / deviation[column]
        at += len(move.columns)
    return matrix
