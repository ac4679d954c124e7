"""Wrong options of the customers and funnel desks: refused by name, no traceback, no guess."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from salesmgmt import InputError, funnel, load_sample, segmentation

LINES = load_sample("transactions").head(400)
DEALS = load_sample("deals").head(200)
EVENTS = load_sample("stage_events").head(400)
SHOTS = load_sample("deal_snapshots").head(300)
STAGES = ["lead", "qualified", "won"]
PLAN = pd.DataFrame({"period_start": ["2023-01-01"], "period_end": ["2030-12-31"], "target": [1e6]})
MODEL = segmentation.BGNBD.from_params(r=0.2, alpha=4.0, a=0.8, b=2.4)
TOUCHES = pd.DataFrame(
    {"deal_id": [1, 1, 2], "channel": list("aba"), "date": pd.to_datetime(["2025-01-01"] * 3)}
)

CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    # An optional column that is named, but is not there, is a mistake, not an absence.
    (segmentation.baskets, (LINES,), {"amount": "sum"}, "'sum'"),
    (segmentation.itemsets, (LINES,), {"amount": "sum"}, "'sum'"),
    (segmentation.elasticity, (LINES,), {"customer": "client"}, "'client'"),
    (segmentation.rfm, (LINES,), {"order": ""}, "''"),
    (segmentation.whale_curve, (LINES,), {"cost": ""}, "''"),
    (funnel.velocity, (DEALS,), {"status": "state"}, "'state'"),
    (funnel.outcomes, (DEALS,), {"close": "closed"}, "'closed'"),
    (funnel.waterfall, (DEALS, DEALS), {"status": "state"}, "'state'"),
    (funnel.slippage, (SHOTS,), {"status": "state"}, "'state'"),
    (funnel.submissions, (SHOTS, DEALS), {"category": "call"}, "'call'"),
    (funnel.attribution, (TOUCHES,), {"value": "worth"}, "'worth'"),
    (funnel.coverage, (DEALS, PLAN), {"measure": "bookings"}, "'measure'"),
    # Values out of range, of the wrong kind, or without an effect.
    (funnel.win_loss, (DEALS,), {"confidence": 1.5}, "confidence"),
    (funnel.win_loss, (DEALS,), {"confidence": float("nan")}, "confidence"),
    (funnel.win_loss, (DEALS,), {"dimensions": 3}, "dimensions"),
    (funnel.pipeline, (DEALS,), {"stage_probability": 0.3}, "stage_probability"),
    (funnel.velocity, (DEALS,), {"amount": None}, "amount"),
    (funnel.cohort_conversion, (EVENTS, STAGES), {"year_start": 13}, "year_start"),
    (funnel.dwell, (EVENTS,), {"details": "yes"}, "details"),
    (funnel.service_levels, (EVENTS, {"lead": "3D"}), {"summary": 1}, "summary"),
    (funnel.waterfall, (DEALS, DEALS), {"details": None}, "details"),
    (funnel.conversion, (EVENTS, None), {}, "stages"),
    (funnel.conversion, (EVENTS, STAGES), {"exclude": "lost"}, "exclude"),
    (funnel.compare, (EVENTS, STAGES, "region"), {"exclude": 3}, "exclude"),
    (funnel.bottlenecks, (EVENTS, None), {}, "stages"),
    (funnel.snapshots, (EVENTS, []), {}, "dates"),
    (funnel.snapshots, (EVENTS, 3), {}, "dates"),
    (funnel.backtest_bookings, (DEALS, ["2023-06-30"]), {"n": 2.5}, "n must be"),
    (funnel.backtest_bookings, (DEALS, ["2023-06-30"]), {"new_business": 1}, "new_business"),
    (segmentation.cluster, (LINES,), {"columns": []}, "columns"),
    (segmentation.cluster, (LINES,), {"columns": 3}, "columns"),
    (segmentation.cluster, (LINES,), {"lower_is_better": 1}, "lower_is_better"),
    (segmentation.cluster, (LINES,), {"log": "yes"}, "log"),
    (segmentation.cluster, (LINES,), {"random_state": "a"}, "random_state"),
    (segmentation.alive_grid, (MODEL,), {"T": 9, "covariates": 3}, "covariates"),
    (segmentation.alive_grid, ("BGNBD",), {"T": 9}, "model"),
    (segmentation.tracking, (segmentation.GammaGamma(), LINES), {}, "model"),
    (segmentation.purchases, (LINES,), {"holdout": 10**30}, "holdout"),
]


@pytest.mark.parametrize(
    ("function", "given", "options", "told"),
    CALLS,
    ids=[f"{c[0].__name__}-{'-'.join(c[2]) or 'first'}-{i}" for i, c in enumerate(CALLS)],
)
def test_a_wrong_option_is_refused(
    function: Any, given: tuple[Any, ...], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError) as error:
        function(*given, **options)
    assert str(error.value).startswith(f"{function.__name__}():")
    assert told in str(error.value)


@pytest.mark.parametrize("name", [("a", 1), 10**30, ["customer_id"], {"a": 1}, None, 1.5])
def test_a_column_name_of_any_kind_is_looked_up_or_refused(name: Any) -> None:
    for function, option in (
        (segmentation.rfm, "customer"),
        (segmentation.lifecycle, "customer"),
        (segmentation.whale_curve, "customer"),
    ):
        with pytest.raises(InputError, match=rf"{function.__name__}\(\): .*customer"):
            function(LINES, **{option: name})


def test_one_date_is_a_list_of_one() -> None:
    one = funnel.snapshots(EVENTS, "2023-06-30")
    pd.testing.assert_frame_equal(one, funnel.snapshots(EVENTS, [np.datetime64("2023-06-30")]))


def test_coverage_by_several_columns() -> None:
    deals = DEALS.assign(product_line=DEALS["product_line"].astype(str))
    plan = deals[["owner", "product_line"]].drop_duplicates().assign(
        period_start="2023-01-01", period_end="2030-12-31", target=1e4
    )  # fmt: skip
    fine = funnel.coverage(deals, plan, by=["owner", "product_line"], win_rate=0.5)
    whole = funnel.coverage(deals, PLAN, win_rate=0.5)
    assert fine["won"].sum() == pytest.approx(whole["won"].sum())
    assert fine["open"].sum() == pytest.approx(whole["open"].sum())
