"""Customers: who they are, what they are worth, what they will do next.

In the order of an analyst's work: :func:`rfm` gives each customer recency, frequency and
monetary value, scores and a named segment; :func:`segment_summary` and :func:`score_grid` sum
them up.
"""

from __future__ import annotations

from ._segmentation.rfm import rfm, score_grid, segment_summary

__all__ = ["rfm", "score_grid", "segment_summary"]
