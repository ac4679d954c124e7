"""Forecasts of one kind spread over the parts of a node, and forecasts of several kinds mixed.

References
----------
R. Hollyman, F. Petropoulos, M. E. Tipping, "Understanding forecast reconciliation", European
Journal of Operational Research 294 (2021), 149-160 (each level kept in turn, then averaged).
J. M. Bates, C. W. J. Granger, "The combination of forecasts", Operational Research Quarterly 20
(1969), 451-468.
J. Kivinen, M. K. Warmuth, "Exponentiated gradient versus gradient descent for linear
predictors", Information and Computation 132 (1997), 1-63.
"""

from __future__ import annotations

import numpy as np

__all__ = ["mixing_weights", "recent_size", "spread"]

_MOST = 200_000  # errors that weights are learned from; more say nothing new
_ROUNDS = 200


def recent_size(values: np.ndarray, span: float) -> np.ndarray:
    """Mean absolute value of each row, newest last, older ones counting less; NaN: not known."""
    weight = (1 - 1 / span) ** np.arange(values.shape[1])[::-1]
    known = np.isfinite(values)
    total = (np.where(known, np.abs(values), 0.0) * weight).sum(axis=1)
    return np.asarray(total / np.maximum((known * weight).sum(axis=1), 1e-300))


def spread(values: np.ndarray, above: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Forecasts of nodes (nodes, columns) to their leaves, in proportion to the leaves' sizes.

    ``above``: the node of each leaf. A node none of whose leaves has a size gives nothing.
    """
    whole = np.bincount(above, sizes, minlength=len(values))[above]
    share = np.divide(sizes, whole, out=np.zeros_like(whole), where=whole > 0)
    return np.asarray(values[above] * share[:, None])


def mixing_weights(errors: np.ndarray, usual: np.ndarray, belief: float) -> np.ndarray:
    """Weights (none below zero, sum 1) of forecasts whose mixture errs least in the mean.

    Parameters
    ----------
    errors : (kinds, cases) array
        Errors of each kind of forecast, on one scale.
    usual : (kinds,) array
        Weights without any evidence.
    belief : float
        How much relative error a squared distance of one from ``usual`` must be worth.
    """
    e = errors[:, :: max(1, errors.shape[1] // _MOST)]
    least = np.abs(e).mean(axis=1).min() if e.size else 0.0
    if not least > 0:
        return usual
    w = np.maximum(usual, 1e-4)
    w = best = w / w.sum()
    lowest = np.inf
    for i in range(_ROUNDS):
        mixed = w @ e
        loss = np.abs(mixed).mean() / least + belief * ((w - usual) ** 2).sum()
        if loss < lowest:
            lowest, best = loss, w
        slope = (e @ np.sign(mixed)) / e.shape[1] / least + 2 * belief * (w - usual)
        w = w * np.exp(np.clip((w @ slope - slope) / np.sqrt(1 + i / 5), -30.0, 30.0))
        w = w / w.sum()
    return np.asarray(best)
