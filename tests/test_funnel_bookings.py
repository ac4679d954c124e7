"""Bookings, their past, submissions, attribution."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, load_sample
from salesmgmt.engine.attribution import markov_removal, shapley
from salesmgmt.funnel import (
    attribution,
    backtest_bookings,
    bookings,
    simulate_bookings,
    submissions,
)


def company(seed=0, weeks=110, quarter=True):
    """Deals at a steady rate; those that close do so after 10 to 60 days, more at quarter ends."""
    rng = np.random.default_rng(seed)
    n = weeks * 20
    created = np.sort(rng.integers(0, weeks * 7, n))
    closed = created + rng.integers(10, 60, n)
    if quarter:  # a third waits for the end of the quarter
        late = rng.random(n) < 0.5
        closed = np.where(late, (closed // 91 + 1) * 91 - rng.integers(0, 10, n), closed)
    closed = np.maximum(closed, created)
    end = weeks * 7
    won = rng.random(n) < 0.4
    known = closed <= end
    start = pd.Timestamp("2023-01-02")
    return pd.DataFrame(
        {
            "deal_id": np.arange(n),
            "stage": np.where(known, np.where(won, "won", "lost"), "open"),
            "amount": rng.lognormal(8, 0.5, n).round(2),
            "created_at": start + pd.to_timedelta(created, unit="D"),
            "close_date": (start + pd.to_timedelta(closed, unit="D")).where(known),
        }
    )


def test_the_band_covers_and_the_correction_sees_the_quarter():
    deals = company()
    dates = pd.date_range("2024-06-03", "2025-01-10", freq="14D")
    out = backtest_bookings(deals, dates)
    raw = (out["raw"] - out["actual"]).abs().sum()
    assert out["error"].abs().sum() < 0.6 * raw
    assert out["covered"].mean() >= 0.65


def test_without_a_season_the_correction_does_no_harm():
    out = backtest_bookings(
        company(1, quarter=False), pd.date_range("2024-03-04", "2025-01-01", freq="14D")
    )
    wape = out["error"].abs().sum() / out["actual"].sum()
    raw = (out["raw"] - out["actual"]).abs().sum() / out["actual"].sum()
    assert wape < raw + 0.06


def test_only_what_was_known_counts():
    deals = company()
    day = "2024-06-30"
    later = deals.copy()
    change = later["close_date"] > pd.Timestamp(day)
    later.loc[change, "stage"] = "lost"
    options = {"horizon": 2, "as_of": day}
    pd.testing.assert_frame_equal(bookings(deals, **options), bookings(later, **options))


def test_existing_and_new_add_up_and_new_can_be_left_out():
    deals = company()
    out = bookings(deals, horizon=3)
    np.testing.assert_allclose(out["expected"], out["existing"] + out["new"])
    assert out["new"].iloc[2] > out["new"].iloc[0]
    alone = bookings(deals, horizon=3, new_business=False)
    assert (alone["new"] == 0).all()
    assert alone.loc[0, "date"] == alone.loc[0, "as_of"] + pd.Timedelta(days=1)
    assert alone["date"].dt.day.tolist()[1:] == [1, 1]


def test_a_span_is_one_row_and_draws_agree_with_the_quantiles():
    deals = company()
    one = bookings(deals, horizon="30D")
    assert len(one) == 1
    assert (one.loc[0, "until"] - one.loc[0, "date"]).days == 29
    draws = simulate_bookings(deals, horizon="30D", n=4000, random_state=1)
    assert draws["amount"].quantile(0.9) == pytest.approx(one.loc[0, "p90"], rel=0.05)
    assert draws["amount"].mean() == pytest.approx(one.loc[0, "expected"], rel=0.05)


def test_days_add_up_to_their_span():
    deals = company()
    one = bookings(deals, horizon="30D", new_business=False)
    many = bookings(deals, horizon=30, freq="D", new_business=False)
    assert many["expected"].sum() == pytest.approx(one.loc[0, "expected"])
    draws = simulate_bookings(deals, horizon=30, freq="D", new_business=False, n=3000)
    total = draws.groupby("draw")["amount"].sum()
    assert total.quantile(0.1) == pytest.approx(one.loc[0, "p10"], rel=0.05)
    assert total.quantile(0.9) == pytest.approx(one.loc[0, "p90"], rel=0.05)


def test_periods_of_a_draw_move_together():
    wide = simulate_bookings(company(), horizon=2, n=2000).pivot(
        index="draw", columns="date", values="amount"
    )
    assert wide.corr().iloc[0, 1] > 0.05


def test_nothing_closed_is_nothing_to_learn_from():
    deals = company().assign(stage="open", close_date=pd.NaT)
    with pytest.raises(InputError, match="nothing to learn from"):
        bookings(deals, horizon=2)


@pytest.mark.slow
def test_maven_open_pipeline(data_dir):
    folder = data_dir / "funnel"
    raw = pd.read_parquet(folder / "maven_crm_asof_2017-09-30.parquet")
    price = pd.read_parquet(folder / "maven_products.parquet").set_index("product")["sales_price"]
    raw = raw[raw["engage_date"].notna()]
    listed = raw["product"].replace({"GTXPro": "GTX Pro"}).map(price)
    deals = pd.DataFrame(
        {
            "deal_id": raw["opportunity_id"],
            "stage": raw["deal_stage"],
            "amount": raw["close_value"].where(raw["deal_stage"] == "Won", listed),
            "created_at": raw["engage_date"],
            "close_date": raw["close_date"],
        }
    )
    out = backtest_bookings(deals, pd.date_range("2017-06-30", "2017-08-31", freq="7D"))
    wape = out["error"].abs().sum() / out["actual"].sum()
    plain = (out["raw"] - out["actual"]).abs().sum() / out["actual"].sum()
    assert wape <= plain / 2
    assert 0.65 <= out["covered"].mean() <= 0.95
    assert ((out["p90"] - out["p10"]) / out["actual"]).median() <= 0.6


def test_the_samples_sandbagger_and_happy_ears_are_found():
    out = submissions(load_sample("deal_snapshots"), load_sample("deals"))
    won = out[out["won"] >= 5]
    mean = won.groupby("owner")[["amount_ratio", "days_late"]].mean()
    assert mean["amount_ratio"].idxmax() == "R10"
    assert mean["amount_ratio"].idxmin() == "R21"


def test_a_call_by_hand_and_calls_of_unknown_deals_are_told():
    """Called 60 for the end of February, won at 100 in mid March; of deal 9 nothing is known."""
    calls = pd.DataFrame({"snapshot_date": "2025-01-31", "deal_id": [1, 9], "owner": "li",
        "amount": [60.0, 5.0], "close_date": "2025-02-28", "category": "commit"})  # fmt: skip
    deals = pd.DataFrame({"deal_id": [1], "stage": "won", "amount": [100.0],
        "created_at": "2025-01-01", "close_date": "2025-03-15"})  # fmt: skip
    with pytest.warns(DataWarning, match=r"1 row\(s\) of snapshots whose deal is not in deals.*9"):
        out = submissions(calls, deals).iloc[0]
    assert (out["calls"], out["won"], out["on_time"], out["days_late"]) == (1, 1, 0, 15)
    assert out["amount_ratio"] == pytest.approx(100 / 60)
    with pytest.raises(InputError, match="snapshots holds amounts of 2 currencies"):
        submissions(calls.assign(currency=["CNY", "USD"]), deals)


# --------------------------------------------------------------------------------------
# Attribution


def touches(paths, won=None, value=None):
    rows = [
        (i, c, pd.Timestamp("2025-01-01") + pd.Timedelta(7 * t, unit="D"))
        for i, path in enumerate(paths)
        for t, c in enumerate(path)
    ]
    out = pd.DataFrame(rows, columns=["deal_id", "channel", "date"])
    if won is not None:
        out["converted"] = out["deal_id"].map(dict(enumerate(won)))
    if value is not None:
        out["value"] = out["deal_id"].map(dict(enumerate(value)))
    return out


def credit(frame, model, **options):
    out = attribution(frame, model=model, **options)
    return dict(zip(out["channel"], out["credit"].round(6), strict=True))


def test_rules_by_hand():
    one = touches(["abc"])
    assert credit(one, "first") == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert credit(one, "last") == {"c": 1.0, "a": 0.0, "b": 0.0}
    assert credit(one, "position") == {"a": 0.4, "c": 0.4, "b": 0.2}
    assert credit(one, "linear", step=1e-6)["b"] == pytest.approx(1 / 3, abs=1e-6)
    decay = credit(one, "time_decay", step=1e-6)
    assert (decay["a"], decay["b"], decay["c"]) == pytest.approx((1 / 7, 2 / 7, 4 / 7), abs=1e-6)


def test_markov_removal_of_three_paths_by_hand():
    """Paths c1>c2>c3 (won), c1 (lost), c2>c3 (lost), as in S. Bryl's tutorial (2016).

    The paths are his; the figures are recomputed by hand, not quoted.
    """
    paths = [np.array([0, 1, 2]), np.array([0]), np.array([1, 2])]
    share = markov_removal(paths, np.array([1.0, 0, 0]), np.ones(3), 3)
    # From the start: c1 2/3, c2 1/3; c1 goes to c2 or is lost, 1/2 each; c2 to c3; c3 wins 1/2.
    whole = (2 / 3 * 1 / 2 + 1 / 3) * 1 / 2
    without_c1 = 1 / 3 * 1 / 2
    effect = np.array([1 - without_c1 / whole, 1, 1])
    np.testing.assert_allclose(share, effect / effect.sum())


def test_shapley_equals_all_orders():
    rng = np.random.default_rng(0)
    sets = rng.random((30, 4)) < 0.5
    sets[:, 0] |= ~sets.any(axis=1)
    value = rng.random(30)
    want = np.zeros(4)
    for order in itertools.permutations(range(4)):
        have = np.zeros(4, dtype=bool)
        before = 0.0
        for c in order:
            have[c] = True
            now = value[~(sets & ~have).any(axis=1)].sum()
            want[c] += (now - before) / math.factorial(4)
            before = now
    np.testing.assert_allclose(shapley(sets, value, 4), want)


def test_shapley_by_draws_is_close_to_the_exact_value_and_adds_up():
    rng = np.random.default_rng(1)
    sets = rng.random((200, 12)) < 0.3
    sets[:, 0] |= ~sets.any(axis=1)
    value = rng.random(200)
    got = shapley(sets, value, 12, draws=3000, seed=0)
    # Each journey is a unanimity game: its value is shared equally by its channels.
    want = (sets / sets.sum(axis=1, keepdims=True) * value[:, None]).sum(axis=0)
    np.testing.assert_allclose(got, want, rtol=0.05)
    np.testing.assert_allclose(shapley(sets, value, 12), want)
    assert got.sum() == pytest.approx(value.sum())


@pytest.mark.parametrize(
    "model", ["shapley", "markov", "linear", "first", "last", "time_decay", "position"]
)
def test_every_model_adds_up_to_the_cent(model):
    rng = np.random.default_rng(4)
    paths = ["".join(rng.choice(list("abcde"), rng.integers(1, 6))) for _ in range(60)]
    won, value = rng.random(60) < 0.5, rng.lognormal(8, 1, 60).round(2)
    frame = touches(paths, won, value)
    out = attribution(frame, model=model)
    assert round(out["credit"].sum() * 100) == round(value[won].sum() * 100)
    assert out["conversions"].sum() == pytest.approx(won.sum())
    mixed = attribution(frame.sample(frac=1, random_state=1), model=model)
    pd.testing.assert_frame_equal(out, mixed)


def test_a_cent_over_goes_to_the_smaller_label_whatever_the_names():
    # The three are alike but for the order in which their sums are made: 1/3 + 1/6 + 1/2.
    frame = touches(["abc", "abd", "acd", "bcd", "ae", "be", "ce", "de"],
                    value=[1.0, 1.0, 1.0, 1.0, 0.05, 0.05, 0.05, 0.05])  # fmt: skip
    for seed in range(20):
        names = dict(zip("abcde", np.random.default_rng(seed).permutation(5), strict=True))
        for model in ("shapley", "linear"):
            out = attribution(frame.assign(channel=frame["channel"].map(names)), model=model)
            like = out[out["channel"] != names["e"]].sort_values("channel")["credit"]
            assert like.is_monotonic_decreasing


def test_credit_without_money_is_a_share_of_deals_and_not_rounded():
    """Without a value there are no cents: a third is a third (GA's half-life: 1/3 and 2/3)."""
    one = touches(["ab"])
    decay = attribution(one, model="time_decay").set_index("channel")["credit"]
    np.testing.assert_allclose(decay[["a", "b"]], [1 / 3, 2 / 3], rtol=1e-15)
    money = attribution(touches(["abc"], value=[100.0]), model="linear")
    assert money["credit"].tolist() == [33.34, 33.33, 33.33]


def test_markov_of_puzyrov_s_example_to_the_end():
    """g, g, m, g>m won, g lost: P = 0.8; 0.2 without g, 0.4 without m; shares .6 and .4 of 4."""
    frame = touches(["g", "g", "m", "gm", "g"], won=[True] * 4 + [False])
    out = attribution(frame, model="markov").set_index("channel")["credit"]
    np.testing.assert_allclose(out[["g", "m"]], [2.4, 1.6])


@pytest.mark.parametrize(
    "span", [7, np.int64(7), "7D", "7d", pd.Timedelta("7D"), pd.offsets.Day(7)]
)
def test_a_half_life_is_days_or_a_time_span(span):
    one = touches(["ab"])
    assert attribution(one, model="time_decay", half_life=span)["share"].round(9)[0] == 0.666666667


@pytest.mark.parametrize("wrong", [0, -1, "soon", "7", None, np.nan, True])
def test_a_half_life_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match="half_life"):
        attribution(touches(["ab"]), model="time_decay", half_life=wrong)


@pytest.mark.parametrize(
    ("model", "options", "reader"),
    [
        ("linear", {"half_life": 3}, "time_decay"),
        ("shapley", {"ends": 0.3}, "position"),
        ("markov", {"draws": 5}, "shapley"),
    ],
)
def test_an_option_that_the_model_does_not_read_is_refused(model, options, reader):
    frame = touches(["ab"])
    with pytest.raises(InputError, match=f"{next(iter(options))} is read by model='{reader}'"):
        attribution(frame, model=model, **options)
    attribution(frame, model=model, half_life=7, ends=0.4, draws=None, random_state=3)


def test_money_that_touches_hold_is_neither_overlooked_nor_mixed():
    frame = touches(["ab", "a"], value=[10.0, 20.0])
    with pytest.warns(DataWarning, match="value='amount'"):
        attribution(frame.rename(columns={"value": "amount"}))
    with pytest.raises(InputError, match="2 currencies"):
        attribution(frame.assign(currency=["CNY", "CNY", "USD"]))


@pytest.mark.parametrize(
    ("lost", "won"), [("输单", "赢单"), ("Closed Lost", "Closed Won"), (0, True)]
)
def test_the_status_of_a_deal_says_whether_it_converted(lost, won):
    frame = touches(["ab", "a"], won=[won, lost])
    assert credit(frame, "linear") == {"a": 0.5, "b": 0.5}


def test_a_deal_cannot_be_both_won_and_lost():
    frame = touches(["ab"]).assign(converted=[True, False])
    with pytest.raises(InputError, match="differs within a deal"):
        attribution(frame)


def test_row_order_changes_no_draw():
    deals = load_sample("deals")
    mixed = deals.sample(frac=1, random_state=3)
    for horizon in (2, "30D"):
        pd.testing.assert_frame_equal(
            bookings(mixed, horizon=horizon, n=200), bookings(deals, horizon=horizon, n=200)
        )
    pd.testing.assert_frame_equal(
        simulate_bookings(mixed, horizon=2, n=50), simulate_bookings(deals, horizon=2, n=50)
    )


def test_a_backtest_takes_days_at_which_nothing_was_open():
    begin = pd.Timestamp("2024-01-01") + pd.to_timedelta(3 * np.arange(60), unit="D")
    deals = pd.DataFrame(
        {
            "deal_id": range(60),
            "stage": ["lost", "won"] * 30,
            "amount": 100.0,
            "created_at": begin,
            "close_date": begin + pd.Timedelta("1D"),
        }
    )
    day = pd.Timestamp(
        "2024-05-20"
    )  # the last one closed on the 20th of May, the next begins later
    out = backtest_bookings(deals, [day], new_business=True, n=200)
    same = bookings(deals, horizon="30D", as_of=day, n=200)
    assert out["expected"].tolist() == same["expected"].tolist()
    assert out["actual"].tolist() == [500.0]
    assert out["as_of"].dtype == same["as_of"].dtype
    with pytest.raises(InputError, match="none of dates"):  # no open deal: nothing to forecast
        backtest_bookings(deals, [day])


def test_a_call_of_the_day_of_the_end_counts_where_it_says_that_the_deal_was_open():
    deals = pd.DataFrame(
        {
            "deal_id": [1, 2],
            "stage": ["won", "lost"],
            "amount": [100.0, 50.0],
            "created_at": pd.Timestamp("2025-01-01"),
            "close_date": pd.to_datetime(["2025-03-31", "2025-03-31"]),
        }
    )
    calls = deals.assign(snapshot_date=pd.Timestamp("2025-03-31"), owner="ann", status="open")
    assert submissions(calls, deals)["calls"].tolist() == [2]
    with pytest.raises(InputError, match="no deal of snapshots is closed"):
        submissions(calls.drop(columns="status"), deals)


@pytest.mark.parametrize("shared", [0.0, 0.4])
def test_the_luck_of_deals_is_not_counted_as_an_error_they_share(shared):
    from salesmgmt.engine.bookings import _sizes

    rng = np.random.default_rng(5)
    luck = rng.uniform(0.1, 0.6, 400)
    sizes = _sizes(rng.normal(0, np.hypot(luck, shared)), luck**2, 1.0)
    assert np.median(sizes) == pytest.approx(shared, abs=0.08)
    blind = _sizes(np.zeros(0), np.zeros(0), 1.0)  # a half-t: its tenths from tables of t
    assert np.quantile(blind, [0.5, 0.9]) == pytest.approx([0.15 * 0.765, 0.15 * 2.353], rel=0.1)


def test_the_band_of_a_steady_pipeline_is_as_wide_as_its_deals_luck():
    # Ends by age and nothing else: what can be known is the sum of p (1 - p) amount squared.
    wide = []
    for seed in range(3):
        deals = company(seed, quarter=False)
        day = pd.Timestamp("2024-12-01")
        (out,) = bookings(deals, horizon="30D", new_business=False, as_of=day).itertuples()
        left = deals[(deals["created_at"] <= day) & ~(deals["close_date"] <= day)]
        age = (day - left["created_at"]).dt.days.to_numpy()
        # closed after 10 to 59 days with equal chance
        low, high = np.maximum(age + 1, 10), np.minimum(age + 30, 59)
        p = 0.4 * (high - low + 1) / (59 - np.maximum(age, 9))
        luck = math.sqrt((p * (1 - p) * left["amount"] ** 2).sum())
        wide.append((out.p90 - out.p10) / (2 * 1.2816 * luck))
    assert 0.95 < np.mean(wide) < 1.25
