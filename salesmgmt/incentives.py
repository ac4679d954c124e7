"""Incentives: pay that an auditor can re-add.

In the order of a user's work:

1. :class:`CommissionPlan` says the rules: tiers, thresholds, gates, caps, draws, clawbacks,
   splits, pools, SPIFFs; it saves to and loads from a file that people can read.
2. :func:`payout` pays every payee and period, exact to the cent; :func:`trace` shows each rule
   applied, and adds up to it.
"""

from __future__ import annotations

from ._incentives.plan import CommissionPlan
from ._incentives.statement import payout, trace

__all__ = ["CommissionPlan", "payout", "trace"]
