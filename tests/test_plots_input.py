"""What every figure refuses: nothing to draw, and Axes that are none."""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt.errors import InputError
from salesmgmt.forecast import forecast
from salesmgmt.plots import forecast as plots


def ahead() -> pd.DataFrame:
    dates = pd.date_range("2024-01-01", periods=24, freq="MS")
    return forecast(pd.DataFrame({"date": dates, "amount": [1.0, 2.0] * 12}), 3)


def test_an_empty_result_is_told():
    with pytest.raises(InputError, match=r"plots.fan_chart\(\): result has no rows"):
        plots.fan_chart(ahead().iloc[:0])


def test_axes_that_are_none_are_told():
    with pytest.raises(InputError, match="ax must be Axes of matplotlib, got str"):
        plots.fan_chart(ahead(), ax="here")
