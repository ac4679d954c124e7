"""Customers: who they are, what they are worth, what they will do next.

In the order of an analyst's work: :func:`rfm` gives each customer recency, frequency and
monetary value, scores and a named segment; :func:`segment_summary` and :func:`score_grid` sum
them up. :func:`purchases` makes the histories on which the purchase models are fitted:
:class:`BGNBD`, :class:`MBGNBD`, :class:`ParetoNBD`, :class:`GompertzNBD` and :class:`BGBB` say
who is still a customer and how often each will buy, :class:`GammaGamma` what a purchase is worth.
"""

from __future__ import annotations

from ._segmentation.baskets import baskets, cross_sell, itemsets
from ._segmentation.btyd import (
    BGBB,
    BGNBD,
    MBGNBD,
    GammaGamma,
    GompertzNBD,
    ParetoNBD,
    likelihood_ratio,
)
from ._segmentation.clusters import Clusterer, cluster
from ._segmentation.clv import clv, compare_models
from ._segmentation.cohorts import cohorts, lifecycle, triangle
from ._segmentation.market import elasticity, market_share, portfolio, promotion_effect
from ._segmentation.moves import RFMSegmenter, migration
from ._segmentation.propensity import ChurnModel, NextPurchaseModel, churn_risk, next_purchase
from ._segmentation.purchases import purchases
from ._segmentation.rfm import rfm, score_grid, segment_summary
from ._segmentation.value import abc, whale_curve

__all__ = [
    "BGBB",
    "BGNBD",
    "ChurnModel",
    "Clusterer",
    "GammaGamma",
    "GompertzNBD",
    "MBGNBD",
    "NextPurchaseModel",
    "ParetoNBD",
    "RFMSegmenter",
    "abc",
    "baskets",
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
    "triangle",
    "whale_curve",
]
