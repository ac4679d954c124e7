"""Funnel and pipeline, in the order of the work.

See which stages there are (``stage_order``); count how deals move through them
(``conversion``), with open deals told apart from lost ones and an interval on every rate.
"""

from __future__ import annotations

from ._funnel.counting import conversion
from ._funnel.stages import stage_order

__all__ = ["conversion", "stage_order"]
