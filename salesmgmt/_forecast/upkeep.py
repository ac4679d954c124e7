"""What was estimated from a panel, kept while its record grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ..engine.estimates import Estimates
from ..errors import InputError
from .drivers import Drivers
from .intake import Block, Panel

__all__ = ["Memory", "Piece", "Read", "Strand", "enough", "pieces_of", "places"]

Read = Callable[[Panel, Estimates], Drivers | None]


@dataclass(slots=True)
class Piece:
    """A block to forecast, which of its columns count, and what is known of it."""

    block: Block
    columns: np.ndarray
    estimates: Estimates


def pieces_of(panel: Panel) -> Iterator[Piece]:
    """All blocks of a panel one after the other, with nothing known of them."""
    return (Piece(b, np.arange(len(b.n)), Estimates()) for b in panel.blocks())


@dataclass(slots=True)
class Strand:
    """Pieces of one generation of series, their place in the panel, their drivers."""

    pieces: Iterable[Piece]
    place: np.ndarray
    counted: np.ndarray  # series that are forecast by it
    free: Panel  # its series without the effects of drivers
    drivers: Drivers | None


@dataclass(slots=True)
class _Kept:
    """A block as it was estimated: series, their first periods, columns that were fit for it."""

    series: np.ndarray
    first: np.ndarray
    columns: np.ndarray
    estimates: Estimates


@dataclass(slots=True)
class _Generation:
    """What was learned at one time: drivers from all series then known, models of the new ones."""

    labels: pd.DataFrame
    drivers: Estimates
    blocks: list[_Kept]


@dataclass(slots=True)
class Memory:
    """Estimates by series, made once: when a series first has enough values to make them from.

    That is four values that are not all alike; until then a series is estimated anew each time.
    """

    generations: list[_Generation] = field(default_factory=list)
    shared: Estimates = field(default_factory=Estimates)  # what all series of a call share

    def strands(self, panel: Panel, read: Read | None = None) -> list[Strand]:
        """The panel, each series with what is known of it; what is not is learned and kept.

        Parameters
        ----------
        panel : Panel
            The series known so far, and more, with values up to now.
        read : callable, optional
            Gives the drivers of a panel, with what was learned of them before.
        """
        out = []
        waiting = np.ones(len(panel), dtype=bool)
        for one in self.generations:
            strand = _resumed(one, panel, read)
            waiting[strand.counted] = False
            out.append(strand)
        if waiting.any():
            out.append(self._begun(panel, np.flatnonzero(waiting), read))
        return out

    def _begun(self, panel: Panel, which: np.ndarray, read: Read | None) -> Strand:
        """A new generation. Effects of drivers are learned from all series, models of ``which``."""
        held = Estimates()
        free, drivers = _without(panel, read, held)
        pieces, kept = list[Piece](), list[_Kept]()
        for block in free.take(which).blocks():
            block = replace(block, series=which[block.series])
            piece = Piece(block, np.arange(len(block.n)), Estimates())
            first = block.last - block.ahead - block.n + 1
            kept.append(_Kept(block.series, first, _fit_for_it(block.y), piece.estimates))
            pieces.append(piece)
        if any(len(k.columns) for k in kept):
            self.generations.append(_Generation(panel.labels, held, kept))
        return Strand(pieces, np.arange(len(panel)), which, free, drivers)


def _resumed(one: _Generation, panel: Panel, read: Read | None) -> Strand:
    """A generation with the values its series have by now."""
    place = places(one.labels, panel)
    own = panel.take(place)
    free, drivers = _without(own, read, one.drivers)
    begins = own.first_values()
    pieces = []
    for kept in one.blocks:
        if not len(kept.columns):
            continue
        early = kept.columns[begins[kept.series[kept.columns]] < kept.first[kept.columns]]
        if len(early):
            names = own.names([int(i) for i in kept.series[early][:3]])
            raise InputError(
                f"{panel.caller}(): {len(early)} series have values before the first one that "
                f"their model was estimated from, first {names}; estimate anew (refit=True)."
            )
        block = free.block_from(kept.series, kept.first)
        block = replace(block, series=place[block.series])
        pieces.append(Piece(block, kept.columns, kept.estimates))
    counted = [p.block.series[p.columns] for p in pieces]
    none = np.zeros(0, dtype=np.int64)
    return Strand(pieces, place, np.concatenate([none, *counted]), free, drivers)


def _without(panel: Panel, read: Read | None, held: Estimates) -> tuple[Panel, Drivers | None]:
    drivers = None if read is None else read(panel, held)
    return (panel, None) if drivers is None else (drivers.fit(panel), drivers)


def enough(panel: Panel) -> np.ndarray:
    """Which series have values to estimate a model from, as :class:`Memory` asks for them."""
    out = np.zeros(len(panel), dtype=bool)
    for block in panel.blocks():
        out[block.series[_fit_for_it(block.y)]] = True
    return out


def places(labels: pd.DataFrame, panel: Panel) -> np.ndarray:
    """Number in the panel of each series."""
    if panel.keys is None:
        return np.zeros(1, dtype=np.int64)
    known = panel.labels.assign(_series=np.arange(len(panel)))
    found = labels.merge(known, how="left", on=list(labels.columns))["_series"]
    return found.to_numpy().astype(np.int64)


def _fit_for_it(y: np.ndarray) -> np.ndarray:
    """Columns of at least four values that are not all alike."""
    known = np.isfinite(y)
    low, high = np.where(known, y, np.inf).min(axis=0), np.where(known, y, -np.inf).max(axis=0)
    return np.flatnonzero((known.sum(axis=0) >= 4) & (low < high))
