"""Forecasts of sales: every series at once, with intervals, and how good they were.

A history (or plain transactions) goes in, a tidy frame comes out::

    forecast(transactions, 12, by="product")          # keys, date, forecast, lo_80, hi_80, ...
    simulate(transactions, 12, by="product")          # paths that belong together
    summarise(samples, by="date")                     # what they say of the total
    accuracy(predictions, history=history)            # mase, wape, coverage, owa, ...

``Forecaster`` is the same as an estimator that can be kept, asked again and brought up to date.
"""

from __future__ import annotations

from ._forecast.accuracy import accuracy
from ._forecast.backtest import backtest
from ._forecast.comparison import compare_models
from ._forecast.components import anomalies, components
from ._forecast.estimator import Forecaster
from ._forecast.fit import fit_chunk, forecast
from ._forecast.hierarchy import reconcile
from ._forecast.impact import impact
from ._forecast.lifecycle import forecast_ending
from ._forecast.new_products import forecast_new
from ._forecast.simulation import simulate, summarise
from ._forecast.sparse import forecast_sparse
from ._forecast.temporal import reconcile_temporal
from ._forecast.tree import forecast_hierarchy

__all__ = [
    "Forecaster",
    "accuracy",
    "anomalies",
    "backtest",
    "compare_models",
    "components",
    "fit_chunk",
    "forecast",
    "forecast_ending",
    "forecast_hierarchy",
    "forecast_new",
    "forecast_sparse",
    "impact",
    "reconcile",
    "reconcile_temporal",
    "simulate",
    "summarise",
]
