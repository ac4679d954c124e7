"""Small networks with fixed weights: features of series in, a few numbers a series out.

The weights come with the package (``weights.npz``), made by ``benchmarks/train_forecast.py``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["Network", "load"]


@dataclass(frozen=True, slots=True)
class Network:
    """An ensemble of networks with one hidden layer each; their outputs are averaged.

    ``mean``, ``spread`` (features,); ``first`` (ensemble, features, hidden), ``bias1``
    (ensemble, hidden); ``second`` (ensemble, hidden, outputs), ``bias2`` (ensemble, outputs).
    """

    mean: np.ndarray
    spread: np.ndarray
    first: np.ndarray
    bias1: np.ndarray
    second: np.ndarray
    bias2: np.ndarray

    def raw(self, features: np.ndarray) -> np.ndarray:
        """Outputs (ensemble, outputs, series) for features (features, series)."""
        z = np.clip((features.T - self.mean) / self.spread, -8.0, 8.0)
        hidden = np.tanh(z @ self.first + self.bias1[:, None])
        return np.moveaxis(hidden @ self.second + self.bias2[:, None], 2, 1)

    def shares(self, features: np.ndarray) -> np.ndarray:
        """Positive weights (outputs, series) that add up to one."""
        out = self.raw(features)
        out = np.exp(out - out.max(axis=1, keepdims=True))
        return (out / out.sum(axis=1, keepdims=True)).mean(axis=0)

    def values(self, features: np.ndarray) -> np.ndarray:
        """Outputs (outputs, series), as they are."""
        return self.raw(features).mean(axis=0)


@functools.cache
def load(kind: str, what: str) -> tuple[Network, dict[str, np.ndarray]]:
    """A shipped network, and the tables that go with it."""
    with np.load(Path(__file__).with_name("weights.npz")) as stored:
        head = f"{kind}.{what}."
        parts = {
            name.removeprefix(head): stored[name].astype(np.float64)
            for name in stored.files
            if name.startswith(head)
        }
    names = ("mean", "spread", "first", "bias1", "second", "bias2")
    network = Network(*(parts.pop(name) for name in names))
    return network, parts
