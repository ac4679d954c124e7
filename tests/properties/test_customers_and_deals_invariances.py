"""What must not move a number: order of rows, unit of money, a shift of the calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import gamma

from salesmgmt import funnel, segmentation
from salesmgmt.engine.spend import total_quantile


def _lines(seed: int, n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    amount = np.round(rng.gamma(1.3, 40, n), 2)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(100, 135, n),
            "date": pd.Timestamp("2023-01-15") + pd.to_timedelta(rng.integers(0, 700, n), "D"),
            "amount": amount,
            "product": rng.choice(list("pqrs"), n),
            "region": rng.choice(["N", "S"], n),
            "quantity": rng.integers(1, 9, n).astype(float),
            "price": np.round(rng.uniform(5, 9, n), 2),
        }
    )


def _deals(seed: int, n: int = 70) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    created = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D")
    status = rng.choice(["won", "lost", "open"], n, p=[0.4, 0.3, 0.3])
    return pd.DataFrame(
        {
            "deal_id": np.arange(n),
            "stage": np.where(status == "open", rng.choice(["lead", "demo"], n), status),
            "status": status,
            "amount": np.round(rng.gamma(2, 500, n), 2),
            "created_at": created,
            "close_date": created + pd.to_timedelta(rng.integers(0, 200, n), "D"),
            "owner": rng.choice(list("xyz"), n),
        }
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_row_order_moves_no_digit(seed: int) -> None:
    lines, deals = _lines(seed), _deals(seed)
    for frame, call in (
        (lines, lambda f: segmentation.elasticity(f, by="region")),
        (lines, segmentation.lifecycle),
        (lines, segmentation.cohorts),
        (lines, lambda f: segmentation.segment_summary(segmentation.rfm(f, monetary="mean"))),
        (deals, lambda f: funnel.pipeline(f, by="owner")),
        (deals, lambda f: funnel.velocity(f, by="owner")),
        (deals, lambda f: funnel.win_loss(f, dimensions=["owner"])),
    ):
        other = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
        pd.testing.assert_frame_equal(call(frame), call(other), check_exact=True)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("times", [1000.0, 0.01])
def test_chances_do_not_know_the_currency(seed: int, times: float) -> None:
    lines = _lines(seed, 600)
    other = lines.assign(amount=lines["amount"] * times)
    for call in (segmentation.churn_risk, segmentation.next_purchase):
        one, two = (call(f, horizon=60) for f in (lines, other))
        np.testing.assert_allclose(one.iloc[:, 1], two.iloc[:, 1], rtol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e9])
def test_quantiles_of_spend_are_precise_where_customers_are_all_alike(scale: float) -> None:
    """With q and g growing together the total of n purchases becomes gamma(p n) / (q / g)."""
    p, q = 1.2, 4e8
    g = q * scale
    counts = np.array([[0.0, 0.0, 0.0, 1.0], [0.02, 0.0, 0.0, 0.98]])
    for level in (0.025, 0.5, 0.975):
        found = total_quantile(counts, p, np.array([q, q]), np.array([g, g]), level)
        expected = [
            gamma.ppf(level, 3 * p) * scale,
            gamma.ppf((level - 0.02) / 0.98, 3 * p) * scale if level > 0.02 else 0.0,
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_quantiles_of_spend_hold_their_share_of_draws() -> None:
    rng = np.random.default_rng(4)
    p, q, g = 6.25, 3.74, 15.44
    counts = np.array([[0.2, 0.3, 0.25, 0.15, 0.1]])
    n = rng.choice(5, 400_000, p=counts[0])
    rate = rng.gamma(q, 1 / g, n.size)
    total = np.where(n > 0, rng.gamma(p * np.maximum(n, 1)) / rate, 0.0)
    for level in (0.25, 0.5, 0.9):
        at = total_quantile(counts, p, np.array([q]), np.array([g]), level)[0]
        error = ndtri(0.9999) * np.sqrt(level * (1 - level) / n.size)
        assert abs((total <= at).mean() - level) < error


def test_days_of_a_result_have_one_unit() -> None:
    lines, deals = _lines(1), _deals(1)
    events = deals.rename(columns={"created_at": "entered_at"}).drop(columns="close_date")
    for out in (
        segmentation.rfm(lines),
        segmentation.lifecycle(lines, as_of="2025-06-30"),
        funnel.pipeline(deals),
        funnel.velocity(deals, as_of="2025-06-30"),
        funnel.conversion(events, ["lead", "demo"]),
        funnel.dwell(events, as_of="2025-06-30"),
    ):
        assert out["as_of"].dtype == "datetime64[us]"


SHIFT = pd.Timedelta(days=728)  # 104 weeks


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_shift_of_whole_weeks_shifts_the_days_alone(seed: int) -> None:
    lines, deals = _lines(seed), _deals(seed)
    for frame, call in (
        (lines, segmentation.rfm),
        (lines, segmentation.lifecycle),
        (lines, lambda f: segmentation.purchases(f, holdout=20)),
        (lines, lambda f: segmentation.cohorts(f, freq="W")),
        (deals, funnel.outcomes),
        (deals, lambda f: funnel.pipeline(f, by="owner")),
    ):
        later = frame.assign(**{c: frame[c] + SHIFT for c in frame if frame[c].dtype.kind == "M"})
        out = call(later)
        back = out.assign(
            **{c: (out[c] - SHIFT).astype(out[c].dtype) for c in out if out[c].dtype.kind == "M"}
        )
        pd.testing.assert_frame_equal(call(frame), back)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_another_group_changes_nobody(seed: int) -> None:
    deals = _deals(seed)
    more = _deals(seed + 1).assign(owner="zz", deal_id=lambda d: d["deal_id"] + 1_000)
    day, chances = "2025-12-31", {"lead": 0.1, "demo": 0.3}
    for call in (
        lambda f: funnel.outcomes(f, by="owner", as_of=day),
        lambda f: funnel.velocity(f, by="owner", as_of=day),
        lambda f: funnel.pipeline(f, by="owner", stage_probability=chances, as_of=day),
    ):
        both = call(pd.concat([deals, more], ignore_index=True))
        alone = both[both["owner"] != "zz"].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, call(deals))
