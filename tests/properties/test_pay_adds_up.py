"""Whatever the rules: parts make the payout, the trace re-adds to it, order is no matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt.incentives import CommissionPlan, payout, trace

EARNED = ["commission", "clawback", "multiplier", "cap", "spiff", "pool", "held", "released"]
SETTLED = ["carried", "draw", "recovered"]

rules = st.fixed_dictionaries(
    {
        "base": st.sampled_from(["attainment", "amount"]),
        "mode": st.sampled_from(["marginal", "retroactive", "interpolated"]),
        "pays": st.sampled_from(["rate", "flat", "target_pay"]),
        "boundary": st.sampled_from(["upper", "lower"]),
        "cumulative": st.booleans(),
        "threshold": st.sampled_from([None, 0.4]),
        "gate": st.sampled_from([None, 1.0, {"attainment": 0.9, "rate": 0.03}]),
        "cap": st.sampled_from([None, 400.0, {"year": 900}, {"target_pay": 0.7}]),
        "draw": st.sampled_from([None, 80, {"amount": 60, "recoverable": False},
                                 {"amount": 90, "limit": 150, "share": 0.5}]),
        "clawback": st.sampled_from([None, "carry", "pay", "original"]),
        "splits": st.sampled_from([None, {"rep": 0.7, "mate": 0.3}]),
        "overlays": st.sampled_from([None, {"boss": 0.1}]),
        "pool": st.sampled_from([None, {"by": "team", "rate": 0.01},
                                 {"by": "team", "amount": 33.33, "share": "equal"}]),
        "rounding": st.sampled_from(["half_up", "half_even", "floor", "up"]),
        "round_at": st.sampled_from(["row", "rep", "period"]),
        "scope": st.sampled_from(["period", "row"]),
        "multiplier": st.sampled_from([None, "quality"]),
        "pay_on": st.sampled_from(["booking", "collection"]),
        "spiffs": st.sampled_from([(), ({"where": {"team": "x"}, "pay": 1.5},)]),
    }
)  # fmt: skip


def allowed(options: dict) -> dict:
    """Combinations that a plan accepts."""
    out = dict(options)
    if out["scope"] == "row":
        out |= {"cumulative": False, "base": "amount", "gate": None}
        out["pays"] = "rate" if out["pays"] == "target_pay" else out["pays"]
    if out["clawback"] == "original" and (out["cumulative"] or out["scope"] == "row"):
        out["clawback"] = "carry"
    if out["mode"] == "marginal" and out["pays"] == "target_pay":
        out["pays"] = "rate"
    return out


def sales_of(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 150, n), unit="D")
    rep = rng.choice(["a", "b"], n)
    frame = pd.DataFrame({"rep": rep, "mate": rng.choice(["c", None], n), "boss": "d",
                          "team": np.where(rep == "a", "x", "y"), "date": day,
                          "amount": rng.normal(300, 500, n).round(2)})  # fmt: skip
    frame["sale_date"] = day - pd.to_timedelta(rng.integers(0, 60, n), unit="D")
    frame["collected_date"] = day + pd.to_timedelta(rng.integers(-9, 90, n), unit="D")
    return frame


def goals_of(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    months = pd.date_range("2024-11-01", periods=8, freq="MS")
    rows = [(r, m) for r in "abcd" for m in months]
    frame = pd.DataFrame(rows, columns=["rep", "period_start"])
    frame["period_end"] = frame["period_start"]
    return frame.assign(target=rng.integers(50_000, 200_000, len(rows)) / 100,
                        target_pay=rng.integers(100, 900, len(rows)) / 1.0,
                        quality=rng.integers(50, 150, len(rows)) / 100)  # fmt: skip


@settings(max_examples=40)
@given(rules, st.integers(0, 10**6))
def test_parts_trace_and_order(options, seed):
    options = allowed(options)
    starts = (0, 0.8, 1.1) if options["base"] == "attainment" else (0, 500, 1500.5)
    values = {"rate": (0.03, 0.055, 0.08), "flat": (0, 50, 70.25), "target_pay": (0.2, 0.6, 1.1)}
    plan = CommissionPlan(list(zip(starts, values[options["pays"]], strict=True)), **options)
    sales, goals = sales_of(seed), goals_of(seed)
    got = payout(sales, plan, by="rep", targets=goals)
    units = (got[[*EARNED, "earned", *SETTLED, "payout", "balance"]] * 100).round().astype(int)
    assert (units[EARNED].sum(axis=1) == units["earned"]).all()
    assert (units[["earned", *SETTLED]].sum(axis=1) == units["payout"]).all()
    assert (units["balance"] >= 0).all()
    why = trace(sales, plan, by="rep", targets=goals)
    added = (why["pay"] * 100).round().astype(int).groupby([why["rep"], why["date"]]).sum()
    due = units["payout"].set_axis(pd.MultiIndex.from_frame(got[["rep", "date"]]))
    assert (added.reindex(due.index, fill_value=0) == due).all()
    mixed = sales.sample(frac=1, random_state=seed % 1000).set_axis([0] * len(sales), axis=0)
    again = payout(mixed, plan, by="rep", targets=goals.iloc[::-1])
    pd.testing.assert_frame_equal(again, got)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from(["marginal", "retroactive"]))
def test_a_year_paid_in_periods_is_the_year_paid_at_once(seed, mode):
    sales = sales_of(seed)
    sales = sales[sales["amount"] > 0]
    if sales.empty:
        return
    tiers = [(0, 0.03), (500, 0.055), (1500.5, 0.08)]
    whole = CommissionPlan(tiers, base="amount", mode=mode, round_at="rep")
    parts = CommissionPlan(tiers, base="amount", mode=mode, round_at="rep", cumulative=True)
    year = payout(sales, whole, by="rep", freq="Y").set_index("rep")["payout"]
    months = payout(sales, parts, by="rep").groupby("rep")["payout"].sum().round(2)
    pd.testing.assert_series_equal(months, year)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 25)), min_size=1, max_size=3),
    st.sampled_from(["period", "row"]),
    st.integers(0, 10**6),
)
def test_money_held_back_is_the_pay_that_the_trace_tells_of_its_rows(steps, scope, seed):
    tiers = [(0, 0.04), *((10 * start, rate / 100) for start, rate in dict(steps).items())]
    plan = CommissionPlan(sorted(tiers), base="amount", scope=scope, clawback="pay",
                          round_at="row", pay_on="collection")  # fmt: skip
    sales = sales_of(seed)
    told = trace(sales, plan, by="rep")
    told = told[told["rule"].str.startswith("tier")]
    row = told["row"].to_numpy().astype(int)
    period = pd.DatetimeIndex(told["date"])
    due = sales["collected_date"].iloc[row].dt.to_period("M").dt.to_timestamp().to_numpy()
    told = told.assign(due=np.maximum(due, period.to_numpy()))  # paid in advance: with the sale
    late = told[told["due"] > told["date"]]
    got = payout(sales, plan, by="rep").set_index(["rep", "date"])
    for column, by, sign in (("held", "date", -1), ("released", "due", 1)):
        want = sign * late.groupby(["rep", by])["pay"].sum()
        want = want.reindex(got.index, fill_value=0.0)
        np.testing.assert_allclose(got[column], want, atol=1e-6)
