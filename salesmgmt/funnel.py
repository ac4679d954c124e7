"""Funnel and pipeline, in the order of the work.

**Count.** See which stages there are (``stage_order``) and how deals move through them
(``conversion``), with open deals told apart from lost ones and an interval on every rate;
compare groups (``compare``) and follow cohorts (``cohort_conversion``).

**Run the process.** How long deals stay (``dwell``), who is late (``service_levels``), where
mending pays (``bottlenecks``), which ways deals take (``paths``, ``transitions``).

**Know the pipeline.** How deals end (``outcomes``, ``outcomes_test``), what they earn a day
(``velocity``), what is open (``pipeline``), whether it is enough (``coverage``), what moved
(``snapshots``, ``slippage``, ``waterfall``), and why deals are lost (``win_loss``).

**Look ahead.** The chance of each deal (``WinModel``), the money that will come in
(``bookings``, ``simulate_bookings``) and what the same forecast was worth before
(``backtest_bookings``), whose word to trust (``submissions``), and which channels brought the
wins (``attribution``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._funnel.attribution import attribution
from ._funnel.bookings import backtest_bookings, bookings, simulate_bookings
from ._funnel.counting import conversion
from ._funnel.groups import cohort_conversion, compare
from ._funnel.operations import bottlenecks, dwell, service_levels
from ._funnel.outcomes import outcomes, outcomes_test
from ._funnel.pipeline import pipeline, waterfall
from ._funnel.results import coverage, velocity, win_loss
from ._funnel.routes import paths, transitions
from ._funnel.snapshots import slippage, snapshots, submissions
from ._funnel.stages import stage_order

if TYPE_CHECKING:
    from ._funnel.win import WinModel

__all__ = [
    "WinModel",
    "attribution",
    "backtest_bookings",
    "bookings",
    "bottlenecks",
    "cohort_conversion",
    "compare",
    "conversion",
    "coverage",
    "dwell",
    "outcomes",
    "outcomes_test",
    "paths",
    "pipeline",
    "service_levels",
    "simulate_bookings",
    "slippage",
    "snapshots",
    "stage_order",
    "submissions",
    "transitions",
    "velocity",
    "waterfall",
    "win_loss",
]


def __getattr__(name: str) -> object:
    if name == "WinModel":  # scikit-learn is loaded only for the model
        from ._funnel.win import WinModel

        return WinModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
