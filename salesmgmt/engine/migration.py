"""Migration between states: what comes of a bucket once money has moved to the end."""

from __future__ import annotations

import numpy as np

__all__ = ["absorption", "flow_through"]


def absorption(transitions: np.ndarray, transient: int) -> np.ndarray:
    """Probability that each transient state ends in each absorbing one, N R.

    Parameters
    ----------
    transitions : array (states, states)
        Rows are distributions; the first ``transient`` states are transient, the rest absorbing.
    transient : int
        Number of transient states.

    Returns
    -------
    array (transient, states - transient)

    References
    ----------
    R. M. Cyert, H. J. Davidson, G. L. Thompson, "Estimation of the allowance for doubtful
    accounts by Markov chains", Management Science 8 (1962), 287-303.
    """
    q, r = transitions[:transient, :transient], transitions[:transient, transient:]
    fundamental = np.eye(transient) - q
    solution, *_ = np.linalg.lstsq(fundamental, r, rcond=None)
    return np.clip(solution, 0.0, 1.0)


def flow_through(rates: np.ndarray) -> np.ndarray:
    """Share of each bucket that flows on to the end: the product of the rates from there on."""
    return np.cumprod(np.asarray(rates, dtype=np.float64)[::-1])[::-1]
