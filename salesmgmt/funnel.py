"""Funnel and pipeline, in the order of the work.

Count how deals move through stages (``conversion``), with open deals told apart from lost ones
and an interval on every rate.
"""

from __future__ import annotations

from ._funnel.counting import conversion

__all__ = ["conversion"]
