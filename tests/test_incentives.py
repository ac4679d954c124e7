"""Pay against a calculator of fractions, written here the slow way; and what is refused."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt import InputError
from salesmgmt.engine.tiers import cumulative_parts, round_div
from salesmgmt.incentives import CommissionPlan, payout, trace

EARNED = ["commission", "clawback", "multiplier", "cap", "spiff", "pool", "held", "released"]
SETTLED = ["carried", "draw", "recovered"]


def cents(value) -> Fraction:
    return Fraction(str(value))


def to_cent(value: Fraction, mode=ROUND_HALF_UP) -> Decimal:
    """A fraction to the cent through ``decimal`` (60 digits first: exact enough for halves)."""
    scaled = value * 100
    whole, rest = divmod(abs(scaled.numerator), scaled.denominator)
    twice = 2 * rest
    up = twice > scaled.denominator or (
        twice == scaled.denominator and (mode == ROUND_HALF_UP or whole % 2 == 1)
    )
    return Decimal((whole + up) * (1 if scaled >= 0 else -1)) / 100


# ---------------------------------------------------------------------------------------
# The oracle


def tier_value(tiers, x, goal, boundary):
    """Value of the tier that a total lies in."""
    found = tiers[0][1]
    for start, value in tiers[1:]:
        edge = cents(start) * goal
        if x > edge or (x == edge and boundary == "upper"):
            found = value
    return cents(found)


def marginal(tiers, x, goal):
    pay = x * cents(tiers[0][1])
    for (_, low), (start, value) in zip(tiers, tiers[1:], strict=False):
        over = x - cents(start) * goal
        if over > 0:
            pay += over * (cents(value) - cents(low))
    return pay


def slow_payout(deals, targets, plan):
    """One rep, period by period, deal by deal."""
    owed = Decimal(0)
    year_amount = year_goal = Fraction(0)
    out = []
    for p in sorted(targets):
        own = sorted((cents(d[1]), d[1]) for d in deals if d[0] == p)
        goal = cents(targets[p])
        total = sum((a for a, _ in own), Fraction(0))
        year_amount, year_goal = year_amount + total, year_goal + goal
        scale = goal if plan.base == "attainment" else Fraction(1)
        tiers = list(plan.tiers)
        if plan.gate is not None and year_amount < cents(plan.gate) * year_goal:
            one = 1 if plan.base == "attainment" else tiers[1][0] if len(tiers) > 1 else 1
            hold = [v for s, v in tiers if s < one][-1]
            tiers = [(s, min(v, hold)) for s, v in tiers]
        alive = plan.threshold is None or total >= cents(plan.threshold) * scale
        mode = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}[plan.rounding]
        pay = Decimal(0)
        if alive and plan.mode == "retroactive":
            rate = tier_value(tiers, total, scale, plan.boundary)
            parts = [a * rate for a, _ in own]
        elif alive:
            parts, run = [], Fraction(0)
            for a, _ in own:
                parts.append(marginal(tiers, run + a, scale) - marginal(tiers, run, scale))
                run += a
        else:
            parts = []
        if plan.round_at == "row":
            pay = sum((to_cent(v, mode) for v in parts), Decimal(0))
        else:
            pay = to_cent(sum(parts, Fraction(0)), mode)
        if plan.cap is not None:
            pay = min(pay, Decimal(str(plan.cap)))
        if pay < 0:
            if plan.clawback == "carry":
                owed -= pay
            if plan.clawback != "pay":
                pay = Decimal(0)
        draw = Decimal(str(plan.draw or 0))
        advance = max(draw - max(pay, Decimal(0)), Decimal(0)) if draw else Decimal(0)
        back = min(owed, max(pay - draw, Decimal(0)))
        owed += advance - back
        out.append((pay + advance - back, owed))
    return out


money_values = st.integers(-200_000, 2_000_000).map(lambda c: c / 100)
plans = st.fixed_dictionaries(
    {
        "base": st.sampled_from(["attainment", "amount"]),
        "mode": st.sampled_from(["marginal", "retroactive"]),
        "boundary": st.sampled_from(["upper", "lower"]),
        "threshold": st.sampled_from([None, 0.5]),
        "gate": st.sampled_from([None, 1.0]),
        "cap": st.sampled_from([None, 700.5]),
        "draw": st.sampled_from([None, 300]),
        "clawback": st.sampled_from([None, "carry", "pay"]),
        "rounding": st.sampled_from(["half_up", "half_even"]),
        "round_at": st.sampled_from(["row", "period"]),
    }
)


@settings(max_examples=90)
@given(
    plans,
    st.lists(st.tuples(st.integers(1, 4), money_values), min_size=1, max_size=14),
    st.lists(st.integers(100, 900_000).map(lambda c: c / 100), min_size=4, max_size=4),
    st.randoms(),
)
def test_payout_equals_the_slow_calculator(options, deals, goals, random):
    if options["base"] == "attainment":
        tiers = [(0, 0.031), (0.8, 0.055), (1.0, 0.0825), (1.2, 0.07)]
    else:
        tiers = [(0, 0.031), (1000, 0.055), (5000.5, 0.0825)]
        options = {**options, "threshold": options["threshold"] and 800}
    plan = CommissionPlan(tiers, **options)
    targets = dict(enumerate(goals, start=1))
    frame = pd.DataFrame(deals, columns=["period", "amount"]).assign(rep="r")
    wanted = pd.DataFrame({"rep": "r", "period": list(targets), "target": goals})
    order = random.sample(range(len(frame)), len(frame))
    shuffled = frame.iloc[order].set_axis([7] * len(frame), axis=0)
    got = payout(shuffled, plan, by="rep", targets=wanted)
    due = {p: goal for p, goal in targets.items() if p <= max(p for p, _ in deals)}
    want = slow_payout(deals, due, plan)
    assert [Decimal(str(v)) for v in got["payout"]] == [p for p, _ in want]
    assert [Decimal(str(v)) for v in got["balance"]] == [b for _, b in want]
    rows = trace(frame, plan, by="rep", targets=wanted)
    added = rows.groupby("period")["pay"].sum().reindex(got["period"], fill_value=0.0)
    np.testing.assert_allclose(added.to_numpy(), got["payout"].to_numpy(), atol=1e-6)


def test_the_parts_of_a_statement_add_up():
    rng = np.random.default_rng(3)
    n = 400
    sales = pd.DataFrame(
        {
            "rep": rng.choice(["a", "b", "c", "d"], n),
            "helper": rng.choice(["b", "e", None], n),
            "boss": "z",
            "team": "t",
            "date": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            "amount": np.round(rng.normal(900, 700, n), 2),
            "product": rng.choice(["p", "q"], n),
            "quantity": rng.integers(1, 5, n),
        }
    )
    sales["team"] = np.where(sales["rep"].isin(["a", "b"]), "north", "south")
    sales["collected_date"] = sales["date"] + pd.to_timedelta(rng.integers(-5, 200, n), "D")
    sales["sale_date"] = sales["date"] - pd.to_timedelta(rng.integers(0, 90, n), "D")
    plan = CommissionPlan(
        [(0, 0.03), (3000, 0.05), (9000, 0.08)],
        base="amount",
        splits={"rep": 0.7, "helper": 0.3},
        overlays={"boss": 0.1},
        pool={"by": "team", "rate": 0.01},
        spiffs=[
            {"where": {"product": "p"}, "pay": 2.5, "per": "unit", "start": "2025-03-01"},
            {"where": {"product": ["q"]}, "pay": 0.001, "per": "amount"},
        ],
        cap={"period": 900, "year": 4000},
        draw={"amount": 50, "limit": 400, "share": 0.5},
        clawback="original",
        pay_on="collection",
    )
    got = payout(sales, plan, by="rep")
    units = (got[[*EARNED, "earned", *SETTLED, "payout"]] * 100).round().astype(int)
    assert (units[EARNED].sum(axis=1) == units["earned"]).all()
    assert (units[["earned", *SETTLED]].sum(axis=1) == units["payout"]).all()
    rows = trace(sales, plan, by="rep")
    added = (rows.assign(u=(rows["pay"] * 100).round()).groupby(["rep", "date"])["u"].sum()).astype(
        int
    )
    paid = got.set_index(["rep", "date"])["payout"].mul(100).round().astype(int)
    assert (added.reindex(paid.index, fill_value=0) == paid).all()
    # Direct credit is the whole amount, and a tenth more for the overlay.
    direct = got.loc[got["rep"] != "z", "amount"].sum()
    assert round(direct, 2) == round(sales["amount"].sum(), 2)
    # A pool is divided whole.
    pools = got.groupby("date")["pool"].sum().round(2)
    assert (pools[pools.index > sales["date"].max()] == 0).all()  # money comes in, nothing is sold
    own = sales.assign(month=sales["date"].dt.to_period("M").dt.start_time)
    own = own[~((own["amount"] < 0) & (own["sale_date"].dt.to_period("M")
                                       < own["date"].dt.to_period("M")))]  # fmt: skip
    due = own.groupby(["month", "team"])["amount"].sum().clip(lower=0) * 0.01
    due = due.map(lambda v: float(to_cent(cents(f"{v:.10f}")))).groupby("month").sum()
    np.testing.assert_allclose(pools[due.index].to_numpy(), due.to_numpy(), atol=0.0101)


def test_cumulative_tiers_pay_what_the_year_to_date_gains():
    sales = pd.DataFrame({"rep": "a", "period": [1, 2], "amount": [80.0, 140]})
    goals = pd.DataFrame({"rep": "a", "period": [1, 2], "target": [100.0, 100]})
    tiers = [(0, 0.05), (1.0, 0.08)]
    marginal_plan = CommissionPlan(tiers, cumulative=True)
    got = payout(sales, marginal_plan, by="rep", targets=goals)
    assert got["payout"].tolist() == [4.0, 7.6]  # 200 × 5 % + 20 × 8 % - 4
    retro = CommissionPlan(tiers, cumulative=True, mode="retroactive")
    got = payout(sales, retro, by="rep", targets=goals)
    assert got["payout"].tolist() == [4.0, 13.6]  # 220 × 8 % - 4
    rows = trace(sales, retro, by="rep", targets=goals)
    assert rows.loc[rows["rule"] == "true-up", "pay"].tolist() == [pytest.approx(2.4)]


def test_the_gate_opens_on_the_year_to_date():
    sales = pd.DataFrame({"rep": "a", "period": [1, 2, 3], "amount": [50.0, 120, 140]})
    plan = CommissionPlan([(0, 0.10), (1.0, 0.20)], gate=1.0)
    goals = pd.Series({"a": 100.0})
    got = payout(sales, plan, by="rep", targets=goals)
    # Period 2: 120 % of its month, but 85 % of the year: the accelerator is held.
    assert got["payout"].tolist() == [5.0, 12.0, 18.0]


def test_interpolated_rates_lie_between_the_tiers():
    plan = CommissionPlan([(0, 0.0), (0.5, 0.04), (1.0, 0.10)], mode="interpolated")
    sales = pd.DataFrame({"rep": list("abcd"), "amount": [25.0, 75, 100, 200], "target": 100.0})
    got = payout(sales, plan, by="rep")
    assert got["payout"].tolist() == [0.5, 5.25, 10.0, 20.0]


def test_flat_sums_and_shares_of_target_pay():
    sales = pd.DataFrame({"rep": list("abc"), "amount": [70.0, 100, 130], "target": 100.0,
                          "target_pay": 1000.0})  # fmt: skip
    flat = [(0, 0), (0.8, 500), (1.2, 300)]
    paid = payout(sales, CommissionPlan(flat, pays="flat"), by="rep")
    assert paid["payout"].tolist() == [0, 500, 800]
    paid = payout(sales, CommissionPlan(flat, pays="flat", mode="retroactive"), by="rep")
    assert paid["payout"].tolist() == [0, 500, 300]
    share = CommissionPlan([(0, 0), (0.5, 0.5), (1, 1.0), (1.5, 2)], pays="target_pay",
                           mode="interpolated")  # fmt: skip
    assert payout(sales, share, by="rep")["payout"].tolist() == [700, 1000, 1600]
    capped = CommissionPlan([(0, 1), (1.2, 2)], pays="target_pay", mode="retroactive",
                            cap={"target_pay": 1.5})  # fmt: skip
    assert payout(sales, capped, by="rep")["payout"].tolist() == [1000, 1000, 1500]


def test_a_multiplier_scales_and_is_told_apart():
    sales = pd.DataFrame({"rep": ["a"], "amount": [1000.0], "quality": [0.85]})
    got = payout(sales, CommissionPlan([(0, 0.1)], base="amount", multiplier="quality"), by="rep")
    assert got[["commission", "multiplier", "payout"]].to_numpy().tolist() == [[100, -15, 85]]


def test_a_return_takes_back_what_its_sale_earned():
    deals = pd.DataFrame(
        {
            "rep": "a",
            "date": ["2025-01-10", "2025-02-05", "2025-02-07"],
            "sale_date": ["2025-01-10", "2025-02-05", "2025-01-10"],
            "amount": [10_000.0, 2_000, -6_000],
        }
    )
    tiers = [(0, 0.05), (5000, 0.10)]
    plan = CommissionPlan(tiers, base="amount", mode="retroactive", clawback="original")
    got = payout(deals, plan, by="rep")
    # January: 10,000 at 10 %; without the return 4,000 at 5 %: 800 are taken back.
    assert got["clawback"].tolist() == [0, -800]
    assert got["payout"].tolist() == [1000, 0]
    assert got["balance"].tolist() == [0, 700]
    late = CommissionPlan(tiers, base="amount", mode="retroactive",
                          clawback={"basis": "original", "within_days": 20})  # fmt: skip
    assert payout(deals, late, by="rep")["clawback"].tolist() == [0, 0]
    for days, taken in {28: -800, 27: 0}.items():  # 10 January to 7 February: the 28th day counts
        rule = {"basis": "original", "within_days": days}
        plan = CommissionPlan(tiers, base="amount", mode="retroactive", clawback=rule)
        assert payout(deals, plan, by="rep")["clawback"].tolist() == [0, taken]


def test_pay_on_collection_waits_for_the_money():
    deals = pd.DataFrame(
        {
            "rep": "a",
            "date": ["2025-01-10", "2025-01-20", "2025-02-05"],
            "collected_date": ["2025-02-01", None, "2025-02-20"],
            "amount": [1000.0, 3000, 500],
        }
    )
    got = payout(deals, CommissionPlan([(0, 0.1)], base="amount", pay_on="collection"), by="rep")
    assert got["held"].tolist() == [-400, 0]
    assert got["released"].tolist() == [0, 100]
    assert got["payout"].tolist() == [0, 150]


@pytest.mark.parametrize(
    ("rules", "held"),
    [
        ({}, [10.0, 100.0]),  # 1,000 at 1 %, then 1,000 at 10 %
        ({"round_at": "period"}, [10.0, 100.0]),
        ({"scope": "row"}, [10.0, 10.0]),
        ({"mode": "retroactive"}, [100.0, 100.0]),
        ({"cap": 55}, [5.0, 50.0]),  # half of what they would have earned
        ({"multiplier": "quality"}, [15.0, 150.0]),
        ({"pays": "flat", "tiers": [(0, 0), (1500, 300)], "mode": "retroactive"}, [150.0, 150.0]),
    ],
)
def test_what_waits_for_its_money_is_what_the_row_itself_has_earned(rules, held):
    deals = pd.DataFrame(
        {"rep": "a", "date": ["2025-01-05", "2025-01-20"], "amount": 1000.0, "quality": 1.5}
    )
    rules = {"tiers": [(0, 0.01), (1000, 0.10)], "round_at": "row", **rules}
    plan = CommissionPlan(rules.pop("tiers"), base="amount", pay_on="collection", **rules)
    for late, money in enumerate(held):
        deals["collected_date"] = "2025-01-31"
        deals.loc[late, "collected_date"] = "2025-02-10"
        got = payout(deals, plan, by="rep")
        assert got["held"].tolist() == [-money, 0]
        assert got["released"].tolist() == [0, money]
        assert got["payout"].tolist() == [sum(held) - money, money]


def test_a_sale_and_its_return_wait_each_for_its_own_money():
    """They pay nothing together; the return was refunded at once, the sale is not collected."""
    deals = pd.DataFrame(
        {
            "rep": "a",
            "date": ["2025-01-05", "2025-01-20"],
            "amount": [1000.0, -1000.0],
            "collected_date": ["2025-02-10", "2025-01-20"],
        }
    )
    plan = CommissionPlan([(0, 0.1)], base="amount", pay_on="collection", clawback="pay",
                          round_at="row")  # fmt: skip
    got = payout(deals, plan, by="rep")
    assert got["payout"].tolist() == [-100, 100]


def test_payments_of_a_rep_add_up_to_the_rounded_whole():
    sales = pd.DataFrame({"rep": "a", "period": range(7), "amount": [0.33] * 7})
    got = payout(sales, CommissionPlan([(0, 0.5)], base="amount", round_at="rep"), by="rep")
    assert round(got["payout"].sum(), 2) == 1.16  # 1.155, half up
    rows = payout(sales, CommissionPlan([(0, 0.5)], base="amount"), by="rep")
    assert round(rows["payout"].sum(), 2) == 1.19  # seven times 0.165 up


def test_plans_change_on_their_dates_and_none_may_be_missing():
    sales = pd.DataFrame({"rep": "a", "date": ["2025-01-31", "2025-02-01"], "amount": 100.0})
    old = CommissionPlan([(0, 0.1)], base="amount", end="2025-01-31")
    new = CommissionPlan([(0, 0.2)], base="amount", start="2025-02-01")
    assert payout(sales, [old, new], by="rep")["payout"].tolist() == [10, 20]
    with pytest.raises(InputError, match="no plan is in force"):
        payout(sales, old, by="rep")
    with pytest.raises(InputError, match="two plans"):
        payout(sales, [old, CommissionPlan([(0, 0.1)], base="amount")], by="rep")


def test_share_columns_of_one_order_add_up():
    rows = [("o1", "a", 0.333333), ("o1", "b", 0.333333), ("o1", "c", 0.333334)]
    sales = pd.DataFrame(rows, columns=["order_id", "rep", "share"]).assign(amount=100.01)
    plan = CommissionPlan([(0, 1.0)], base="amount", splits="share")
    got = payout(sales, plan, by="rep")
    assert round(got["payout"].sum(), 2) == 100.01


def test_amounts_beyond_64_bits_stay_exact():
    sales = pd.DataFrame({"rep": ["a"], "amount": [7_000_000_000_000.01], "target": [3e12]})
    plan = CommissionPlan([(0, 0.0312345), (0.87654, 0.0423456), (1.23456, 0.0812345)])
    got = payout(sales, plan, by="rep")["payout"].iloc[0]
    want = to_cent(marginal(plan.tiers, cents("7000000000000.01"), Fraction(3 * 10**12)))
    assert Decimal(f"{got:.2f}") == want


def test_a_plan_goes_to_a_file_and_comes_back(tmp_path):
    plan = CommissionPlan(
        [(0, 0.03), (0.8, 0.05)],
        gate={"attainment": 1.0, "rate": 0.03},
        draw={"amount": 500, "recoverable": False},
        clawback={"basis": "original", "settle": "pay", "within_days": 60},
        splits={"rep": 0.6, "工程师": 0.4},
        pool={"by": "team", "rate": 0.01},
        spiffs=[{"where": {"product": ["A", "B"]}, "pay": 5, "start": "2025-01-01"}],
        start="2025-01-01",
        name='华东 "A"',
    )
    file = tmp_path / "plan.toml"
    plan.save(file)
    assert CommissionPlan.load(file) == plan
    file.write_text("tiers = [[0, 0.1]]\nceiling = 4\n", encoding="utf-8")
    with pytest.raises(InputError, match="unknown rule 'ceiling'"):
        CommissionPlan.load(file)


@pytest.mark.parametrize(
    ("tiers", "options", "says"),
    [
        ([], {}, "one at least"),
        ([(1, 0.1)], {}, "must start at 0"),
        ([(0, 0.1), (0, 0.2)], {}, "ever higher"),
        ([(0, 5, 0.1), (6, None, 0.2)], {}, "no gap and no overlap"),
        ([(0, 0.1)], {"base": "sales"}, "base must be one of"),
        ([(0, 0.1)], {"splits": {"a": 0.5}}, "add up to 0.5"),
        ([(0, 0.1)], {"cumulative": True, "clawback": "original"}, "period tiers"),
        ([(0, 0.1)], {"cap": {"month": 5}}, "cap knows"),
        ([(0, 0.1)], {"pool": {"rate": 0.1}}, "'by'"),
        ([(0, 0.1)], {"spiffs": [{"where": {}}]}, "'pay'"),
    ],
)
def test_rules_that_make_no_sense_are_refused(tiers, options, says):
    with pytest.raises(InputError, match=says):
        CommissionPlan(tiers, **options)


def test_a_missing_target_is_named():
    sales = pd.DataFrame({"rep": ["a", "b"], "amount": [1.0, 2]})
    with pytest.raises(InputError, match=r"1 payee.*first: b.*has no target"):
        payout(sales, CommissionPlan([(0, 0.1)]), by="rep", targets=pd.Series({"a": 5.0}))
    with pytest.raises(InputError, match="differs within 1"):
        payout(pd.DataFrame({"rep": "a", "amount": [1.0, 2], "target": [1.0, 2]}),
               CommissionPlan([(0, 0.1)]), by="rep")  # fmt: skip


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20),
    st.integers(1, 997),
    st.sampled_from(["half_up", "half_even", "floor", "ceiling", "up", "down", "half_down"]),
)
def test_integer_rounding_agrees_with_decimal(tops, bottom, mode):
    import decimal

    want = [
        int((Decimal(t) / Decimal(bottom)).quantize(0, getattr(decimal, f"ROUND_{mode.upper()}")))
        for t in tops
    ]
    assert round_div(np.array(tops), bottom, mode).tolist() == want
    assert round_div(np.array(tops, dtype=object), bottom, mode).tolist() == want


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=15), st.integers(-(10**9), 10**9))
def test_parts_add_up_and_lie_within_a_unit_of_their_share(weights, whole):
    w = np.array(weights)
    n = len(w)
    part = cumulative_parts(np.full(n, whole), w, np.full(n, w.sum()), np.array([0]))
    assert part.sum() == whole
    if w.sum():
        assert (np.abs(part - whole * w / w.sum()) < 1.0001).all()


def test_what_is_planned_beyond_the_results_is_not_paid_yet():
    sales = pd.DataFrame({"rep": ["a", "b"], "date": ["2025-01-10", "2025-02-10"], "amount": 10.0})
    months = pd.date_range("2025-01-01", periods=4, freq="MS")
    goals = pd.DataFrame({"rep": np.repeat(["a", "b"], 4), "period_start": np.tile(months, 2),
                          "period_end": np.tile(months, 2), "target": 100.0})  # fmt: skip
    got = payout(sales, CommissionPlan([(0, 0.1)], draw=5), by="rep", targets=goals)
    assert got["date"].dt.month.tolist() == [1, 2, 1, 2]
    assert got["payout"].tolist() == [5, 5, 5, 5]
