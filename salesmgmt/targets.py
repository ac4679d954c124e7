"""Targets: from a board's number to each rep's day, exact at every level.

In the order of a user's work::

    allocate         one amount over one list of weights, exact to the cent
    decompose        a total over organisation and periods at once: the plan
    disaggregate     a coarse series along an indicator (Denton-Cholette, Chow-Lin)
"""

from __future__ import annotations

from ._targets.allocation import allocate
from ._targets.disaggregation import disaggregate
from ._targets.plan import decompose

__all__ = ["allocate", "decompose", "disaggregate"]
