"""Customers: who they are, what they are worth, what they will do next.

In the order of an analyst's work:

* **Who are they?** :func:`rfm` gives each customer recency, frequency and monetary value, scores
  and a named segment; :func:`segment_summary` and :func:`score_grid` sum them up.
  :class:`RFMSegmenter` keeps the meaning of scores over time, :func:`migration` says who moved.
  :func:`cluster` lets the data find the groups.
* **Where is the money?** :func:`abc`, :func:`whale_curve`, :func:`cohorts`, :func:`triangle`.
* **Who stays?** :func:`lifecycle` judges everyone by its own rhythm; :func:`churn_risk` and
  :func:`next_purchase` give calibrated chances.
* **What are they worth?** :func:`clv` in one line; below it :func:`purchases`, the models
  :class:`BGNBD`, :class:`MBGNBD`, :class:`MBGCNBD`, :class:`ParetoNBD`, :class:`GompertzNBD`,
  :class:`BGBB`, :class:`GammaGamma`, and what shows whether they hold: :func:`compare_models`,
  :func:`calibration`, :func:`tracking`, :func:`alive_grid`, :func:`likelihood_ratio`.
* **What to offer?** :func:`baskets`, :func:`itemsets`, :func:`cross_sell`.
* **Which products and markets?** :func:`portfolio`, :func:`elasticity`, :func:`promotion_effect`,
  :func:`market_share`.
"""

from __future__ import annotations

from ._segmentation.baskets import baskets, cross_sell, itemsets
from ._segmentation.btyd import BGBB, BGNBD, MBGNBD, GompertzNBD, ParetoNBD
from ._segmentation.checks import alive_grid, calibration, tracking
from ._segmentation.clusters import Clusterer, cluster
from ._segmentation.clv import clv, compare_models
from ._segmentation.cohorts import cohorts, lifecycle, triangle
from ._segmentation.likelihood import likelihood_ratio
from ._segmentation.market import elasticity, market_share, portfolio
from ._segmentation.moves import RFMSegmenter, migration
from ._segmentation.promotions import promotion_effect
from ._segmentation.propensity import ChurnModel, NextPurchaseModel, churn_risk, next_purchase
from ._segmentation.purchases import purchases
from ._segmentation.regular import MBGCNBD
from ._segmentation.rfm import rfm, score_grid, segment_summary
from ._segmentation.spending import GammaGamma
from ._segmentation.value import abc, whale_curve

__all__ = [
    "BGBB",
    "BGNBD",
    "ChurnModel",
    "Clusterer",
    "GammaGamma",
    "GompertzNBD",
    "MBGCNBD",
    "MBGNBD",
    "NextPurchaseModel",
    "ParetoNBD",
    "RFMSegmenter",
    "abc",
    "alive_grid",
    "baskets",
    "calibration",
    "churn_risk",
    "cluster",
    "clv",
    "cohorts",
    "compare_models",
    "cross_sell",
    "elasticity",
    "itemsets",
    "lifecycle",
    "likelihood_ratio",
    "market_share",
    "migration",
    "next_purchase",
    "portfolio",
    "promotion_effect",
    "purchases",
    "rfm",
    "score_grid",
    "segment_summary",
    "tracking",
    "triangle",
    "whale_curve",
]
