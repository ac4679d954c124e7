"""Targets: from a board's number to each rep's day, exact at every level.

In the order of a user's work::

    seasonal_profile the shape of a year, from history
    blend_weights, ramp, capacity, growth_path
                     who can carry how much, and the years ahead
    allocate         one amount over one list of weights, exact to the cent
    decompose        a total over organisation and periods at once: the plan
    disaggregate     a coarse series along an indicator (Denton-Cholette, Chow-Lin)
    roll_up          the plan by level and coarser period
    round_plan       a plan to coarser units that still adds up
    rake             a plan fitted to several sets of totals
    reconcile        top-down with bottom-up
    track            where everybody stands, and what it takes
    burn_up          plan, actuals and outlook added up over time
    replan           the rest of the time, planned anew
    attainment_probability, equal_probability_quotas
                     how likely a plan is; quotas that are equally likely
    check_smart      specific, measurable, achievable, relevant, time-bound
    balance_territories
                     territories of equal value and work
"""

from __future__ import annotations

from ._targets.allocation import allocate
from ._targets.burnup import burn_up
from ._targets.disaggregation import disaggregate
from ._targets.follow import track
from ._targets.odds import attainment_probability, equal_probability_quotas
from ._targets.people import blend_weights, capacity, growth_path, ramp
from ._targets.plan import decompose
from ._targets.reconciliation import reconcile
from ._targets.replanning import replan
from ._targets.rollup import rake, roll_up, round_plan
from ._targets.season import seasonal_profile
from ._targets.smart import check_smart
from ._targets.territories import balance_territories

__all__ = [
    "allocate",
    "attainment_probability",
    "balance_territories",
    "blend_weights",
    "burn_up",
    "capacity",
    "check_smart",
    "decompose",
    "disaggregate",
    "equal_probability_quotas",
    "growth_path",
    "rake",
    "ramp",
    "reconcile",
    "replan",
    "roll_up",
    "round_plan",
    "seasonal_profile",
    "track",
]
