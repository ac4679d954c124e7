"""Forecasts of sales: every series at once, with intervals, and how good they were.

A history (or plain transactions) goes in, a tidy frame comes out::

    forecast(transactions, 12, by="product")          # keys, date, forecast, lo_80, hi_80, ...
    accuracy(predictions, history=history)            # mase, wape, coverage, owa, ...
"""

from __future__ import annotations

from ._forecast.accuracy import accuracy
from ._forecast.fit import fit_chunk, forecast
from ._forecast.hierarchy import reconcile

__all__ = ["accuracy", "fit_chunk", "forecast", "reconcile"]
