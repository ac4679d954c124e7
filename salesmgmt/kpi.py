"""KPIs: what is measured, how it scores, who stands where, and why it moved.

In the order of a user's work:

1. :func:`indicators` measures: revenue, growth, customers, margins, by any key and period;
   :data:`DICTIONARY` says what each one means.
2. :class:`Metric` says what is good and what is asked for; :func:`weights` how much each counts;
   :func:`scorecard` scores every key on every metric; :func:`totals` adds up, ranks (with the
   interval a rank deserves) and grades.
3. :func:`rank` orders keys over many metrics by the classic methods; :func:`sensitivity` tells
   who changes place when a weight moves.
4. :func:`review` reads one key's scorecard: where points were lost, what moved since last time.
   :func:`distribution` places scores among the others.
5. :func:`bridge` explains a change by price, volume, mix, new, lost, currency and cost, closed
   to the cent at every level; :func:`contribution` by who made it.
6. :func:`control_chart` and :func:`shrink` tell signals from noise and skill from luck.
7. :func:`satisfaction`, :func:`complaints`, :func:`visits` and :func:`delivery` look at how
   customers are served; :func:`cost_to_serve`, :func:`acquisition_cost` and :func:`break_even`
   at what it costs.
"""

from __future__ import annotations

from ._kpi.costs import acquisition_cost, break_even, cost_to_serve
from ._kpi.deliveries import delivery
from ._kpi.dictionary import DICTIONARY
from ._kpi.explain import bridge, contribution
from ._kpi.indicators import indicators
from ._kpi.rankings import rank, sensitivity
from ._kpi.scorecard import Metric, scorecard
from ._kpi.service import complaints, satisfaction, visits
from ._kpi.standing import GRADES, review, totals
from ._kpi.statistics import control_chart, distribution, shrink
from ._kpi.weighting import weights

__all__ = [
    "DICTIONARY",
    "GRADES",
    "Metric",
    "acquisition_cost",
    "break_even",
    "bridge",
    "complaints",
    "contribution",
    "control_chart",
    "cost_to_serve",
    "delivery",
    "distribution",
    "indicators",
    "rank",
    "review",
    "satisfaction",
    "scorecard",
    "sensitivity",
    "shrink",
    "totals",
    "visits",
    "weights",
]
