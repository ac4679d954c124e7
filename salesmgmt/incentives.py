"""Incentives: pay that an auditor can re-add.

In the order of a user's work:

1. :class:`CommissionPlan` says the rules: tiers, thresholds, gates, caps, draws, clawbacks,
   splits, pools, SPIFFs; it saves to and loads from a file that people can read.
2. :func:`payout` pays every payee and period, exact to the cent; :func:`trace` shows each rule
   applied, and adds up to it; :func:`adjustments` settles periods computed again.
3. :func:`pay_curve` and :func:`cliffs` show a plan before it is signed; :func:`simulate_payout`
   what it costs over forecast draws and quota scenarios.
4. :func:`fairness` tells how evenly it pays, and for what; :func:`bonus_tax` what the tax on a
   year-end bonus leaves.
"""

from __future__ import annotations

from ._incentives.fair import bonus_tax, fairness
from ._incentives.plan import CommissionPlan
from ._incentives.statement import payout, trace
from ._incentives.whatif import adjustments, cliffs, pay_curve, simulate_payout

__all__ = [
    "CommissionPlan",
    "adjustments",
    "bonus_tax",
    "cliffs",
    "fairness",
    "pay_curve",
    "payout",
    "simulate_payout",
    "trace",
]
