"""Migration between states: what comes of a bucket once money has moved to the end."""

from __future__ import annotations

import numpy as np

__all__ = ["absorption", "flow_through"]


def absorption(transitions: np.ndarray, transient: int) -> np.ndarray:
    """Probability that each transient state ends in each absorbing one, N R.

    A state from which no way leads out ends nowhere: its probabilities are 0.

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
    ends = r.sum(axis=1) > 0
    for _ in range(transient):  # the longest way out
        ends |= q[:, ends].sum(axis=1) > 0
    out = np.zeros(r.shape)
    fundamental = np.eye(int(ends.sum())) - q[np.ix_(ends, ends)]
    out[ends] = np.linalg.solve(fundamental, r[ends])
    return np.clip(out, 0.0, 1.0)


def flow_through(rates: np.ndarray) -> np.ndarray:
    """Share of each bucket that flows on to the end: the product of the rates from there on."""
    return np.cumprod(np.asarray(rates, dtype=np.float64)[::-1])[::-1]
