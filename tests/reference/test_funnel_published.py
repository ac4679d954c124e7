"""Funnels, credit and pipelines against examples that others published with their numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import InputError, funnel
from salesmgmt.engine.proportions import adjust, interval

START = pd.Timestamp("2025-01-01")


def stream(histories, unit="s"):
    """Events of {deal: [(time, stage)]}; a bare text is one event a unit of time."""
    rows = [
        (deal, stage, START + pd.Timedelta(at, unit=unit))
        for deal, events in histories.items()
        for at, stage in (enumerate(events, 1) if isinstance(events, str) else events)
    ]
    return pd.DataFrame(rows, columns=["deal_id", "stage", "entered_at"])


def level(events, steps, **options):
    out = funnel.conversion(stream({1: events}), list(steps), rules="clickhouse", **options)
    return int(out["entered"].sum())


# ClickHouse, tests/queries/0_stateless/00632_aggregation_window_funnel (sql and reference).
EVENTS = [(i, 1000 + i) for i in range(9)]


@pytest.mark.parametrize(
    ("window", "steps", "want"),
    [
        (10000, [1000], 1),
        (10000, [1000, 1001, 1002, 1008], 4),
        (1, [1000], 1),
        (2, range(1003, 1008), 3),
        (3, range(1003, 1008), 4),
        (4, range(1003, 1008), 5),
        (10000, [1008, 1001], 1),
        (10000, [1001, 1008], 2),
    ],
)
def test_levels_of_clickhouse_in_a_window(window, steps, want):
    assert level(EVENTS, steps, window=pd.Timedelta(window, unit="s")) == want


def test_levels_of_clickhouse_with_strictly_increasing_times():
    events = [(0, 1000), (1, 1001), (1, 1002), (1, 1003), (2, 1004)]
    assert level(events, range(1000, 1005)) == 5
    assert level(events, range(1000, 1005), ties="strict") == 2
    assert level(events, [1004] * 3) == 3
    assert level(events, [1004] * 3, ties="strict") == 1


@pytest.mark.parametrize(
    ("events", "free", "strict"),
    [
        ("abc", 3, 3),
        ("adbc", 3, 1),
        ("aabbcc", 3, 3),
        ("aaaabbcc", 3, 3),
        ("aabbdcc", 3, 2),
        ("ccbbaa", 1, 1),
        ("acb", 2, 1),
        ("abac", 3, 2),
        ("abcbd", 3, 3),
    ],
)
def test_levels_of_clickhouse_in_strict_order(events, free, strict):
    assert level(events, "abc") == free
    assert level(events, "abc", order="strict") == strict


@pytest.mark.parametrize(("events", "want"), [("ababc", (2, 2)), ("abcabcd", (3, 3))])
def test_clickhouse_stops_at_the_first_break(events, want):
    got = [level(events, steps, order="strict", reentry="first") for steps in ("abc", "abcd")]
    assert tuple(got) == want


def test_clickhouse_sorts_other_events_of_one_time_first():
    # AggregateFunctionWindowFunnel.cpp: what fits no step is event 0, (time, event) is sorted.
    assert level([(3, "a"), (3, "x"), (5, "b")], "ab", order="strict") == 2
    assert level([(0, "a"), (3, "b"), (3, "x"), (5, "c")], "abc", order="strict") == 1


def test_a_repeated_first_step_opens_a_window_of_its_own():
    # ClickHouse keeps the time of the latest first event (AggregateFunctionWindowFunnel.cpp).
    late = [(0, "a"), (100, "a"), (101, "b")]
    for order in ("ordered", "strict"):
        assert level(late, "ab", order=order, window="10s") == 2


def test_one_event_serves_equal_steps_in_strict_order_too():
    assert level("ab", "aab", order="strict") == 3
    assert level("ab", "aab", order="strict", ties="strict") == 1
    assert level("aab", "aab", order="strict", ties="strict") == 3


def test_one_event_serves_one_step_without_the_rules():  # strict_once of the same file
    events = {
        123: [(180, "f"), (220, "f"), (250, "s")],
        234: [(100, "f"), (250, "f")],
        345: [(200, "s"), (210, "f"), (230, "s")],
    }
    out = funnel.conversion(stream(events), ["f", "f", "s"], window="200s", members=True)
    assert out["members"].tolist() == [[123, 234, 345], [123, 234], [123]]


# ClickHouse issue 36256, first question.
# Issue 34986: a window holds for equal conditions, and equal times are one occasion.
def test_equal_conditions_of_clickhouse():
    assert level([(100, "v"), (100, "v"), (300, "v")], "vvv", ties="strict") == 2


def test_a_chinese_funnel_stops_before_the_missing_order():
    times = [(0, "浏览"), (600, "点击"), (1800, "支付"), (2400, "点击")]
    steps = ["浏览", "点击", "下单", "支付"]
    assert level(times, steps, window=pd.Timedelta(1800, unit="s")) == 2


# ClickHouse, 01646_fix_window_funnel_inconistency: the order of rows at one time.
@pytest.mark.parametrize("late", [(1004, 1003), (1003, 1004)])
def test_rows_of_one_time_in_either_order(late):
    assert level([(86400, late[0]), (86400, late[1]), (0, 1002)], [1004, 1003, 1002]) == 2


# PostHog, posthog/hogql_queries/insights/funnels/test: test_funnel_strict.py
# (test_basic_strict_funnel), test_funnel_unordered.py (test_big_multi_step_unordered_funnel).
def test_people_of_posthog_by_step():
    strict = dict(enumerate(["S", "PS", "SPxI", "IxPS", "PSxPI", "xSxP", "xSPIx", "IP"], 1))
    out = funnel.conversion(
        stream(strict), list("SPI"), order="strict", rules="posthog", members=True
    )
    assert out["members"].tolist() == [[1, 2, 3, 4, 5, 6, 7], [3, 7], [7]]
    free = dict(enumerate(["S", "PC", "SPxI", "ICS", "PSCI", "xI", "Px", "IP"], 1))
    out = funnel.conversion(stream(free), list("SPIC"), order="any", rules="posthog", members=True)
    assert out["members"].tolist() == [list(range(1, 9)), [2, 3, 4, 5, 8], [3, 4, 5], [5]]


# PostHog, conversion_time_cases.py.
def test_times_to_convert_of_posthog():
    people = {
        1: [(12, "sign up"), (13, "movie"), (15, "buy")],
        2: [(38, "sign up"), (40, "movie")],
        3: [(38, "sign up"), (40, "movie"), (41, "buy")],
    }
    out = funnel.conversion(
        stream(people, "h"), ["sign up", "movie", "buy"], rules="posthog", window="7D"
    )
    assert (out["mean_days"] * 86400)[1:].tolist() == pytest.approx([6000, 5400])
    assert (out["median_days"] * 86400)[1:].tolist() == pytest.approx([7200, 5400])
    people = {1: [(120, "s"), (125, "p")], 2: [(123, "s")], 3: [(0, "s"), (15, "p")]}
    for window, entered, seconds in (("14D", [3, 2], 600), ("5min", [3, 1], 300)):
        out = funnel.conversion(stream(people, "m"), ["s", "p"], rules="posthog", window=window)
        assert out["entered"].tolist() == entered
        assert out.loc[1, "mean_days"] * 86400 == pytest.approx(seconds)


# PostHog, test_funnel.py (test_advanced_funnel_exclusions_between_steps).
@pytest.mark.parametrize(
    ("between", "who"),
    [((0, 1), [1, 2]), ((1, 2), [2, 3]), ((2, 3), [3]), ((3, 4), []), ((1, 3), [3])],
)
def test_exclusions_of_posthog_between_steps(between, who):
    people = {
        1: [(60, "s"), (120, "p"), (180, "x"), (240, "i"), (270, "x"), (300, "t")],
        2: [(60, "s"), (120, "p"), (240, "i"), (270, "x"), (300, "t")],
        3: [(60, "s"), (90, "x"), (120, "p"), (240, "i"), (300, "t")],
    }
    people = {k: [*v, (330, "x"), (360, "q")] for k, v in people.items()}
    out = funnel.conversion(
        stream(people, "m"), list("spitq"), rules="posthog", exclude=[("x", *between)], members=True
    )
    assert out["members"].tolist() == [who] * 5


# PostHog issue 25048: a repeat at the same time must not hide the later event.
def test_a_step_twice_with_a_double_event():
    events = stream({1: [(0, "onboarding"), (9, "view"), (9, "view"), (10, "view")]}, "m")
    out = funnel.conversion(events, ["onboarding", "view", "view"], rules="posthog")
    assert out["entered"].tolist() == [1, 1, 1]


# Mixpanel, Funnels Deep Dive: loose order, and the window of the first entry (one hour).
def test_examples_of_mixpanel():
    people = {1: "ABCDE", 2: "ABFCDE", 3: "ABCE"}
    out = funnel.conversion(stream(people), list("ABCDE"), rules="mixpanel", members=True)
    assert out["members"].tolist() == [[1, 2, 3]] * 3 + [[1, 2]] * 2
    again = stream({1: [(0, "A"), (30, "A"), (45, "B"), (75, "C")]}, "m")
    out = funnel.conversion(again, list("ABC"), rules="mixpanel", window="1h")
    assert out["entered"].tolist() == [1, 1, 0]


# HubSpot, Differences between funnel report types: who skips a stage is in none after it
# ("all stages"), and in each stage of his ("any stages": his visits).
def test_the_contact_of_hubspot_who_skips_a_stage():
    steps = ["created", "lead", "opportunity", "customer"]
    events = stream({1: [(0, "created"), (1, "lead"), (2, "customer")]}, "D")
    out = funnel.conversion(events, steps, rules="hubspot")
    assert out["entered"].tolist() == [1, 1, 0, 0]
    assert out["visits"].tolist() == [1, 1, 0, 1]


# --------------------------------------------------------------------------------------
# Attribution


def touches(paths):
    """Touches of (channels, deals, converted)."""
    journeys = [(path, won) for path, n, won in paths for _ in range(n)]
    rows = [
        (deal, channel, START + pd.Timedelta(at, unit="D"), won)
        for deal, (path, won) in enumerate(journeys)
        for at, channel in enumerate(path)
    ]
    return pd.DataFrame(rows, columns=["deal_id", "channel", "date", "converted"])


@pytest.mark.parametrize(
    ("model", "paths", "want"),
    [
        # S. Bryl', analyzecore.com, 3 August 2016, Multi-Channel Attribution model, part 1.
        ("markov", [("abc", 1, 1), ("a", 1, 0), ("bc", 1, 0)], {"a": 0.2, "b": 0.4, "c": 0.4}),
        # S. Puzyrov, serhiipuzyrov.com, July 2019: removal effects 0.75 and 0.5 of 4.
        (
            "markov",
            [("g", 2, 1), ("m", 1, 1), ("gm", 1, 1), ("g", 1, 0)],
            {"g": 2.4, "m": 1.6},
        ),
        # Shares of the sets of Facebook, Google, LinkedIn in arniwesth/game-theory-attribution.
        (
            "shapley",
            [("F", 18, 1), ("G", 4, 1), ("L", 8, 1), ("FG", 10, 1), ("FL", 26, 1)]
            + [("GL", 7, 1), ("FGL", 27, 1)],
            {"F": 45.0, "G": 21.5, "L": 33.5},
        ),
    ],
)
def test_credit_of_published_paths(model, paths, want):
    got = funnel.attribution(touches(paths), model=model).set_index("channel")["credit"]
    assert got.sort_index().to_dict() == pytest.approx(want)


# calcbee.pages.dev, Time-Decay Attribution Calculator: six touches, half-life 7, 20,000.
def test_time_decay_of_a_published_table():
    days = [30, 24, 18, 12, 6, 0]
    path = pd.DataFrame({"deal_id": 1, "channel": list("123456"), "value": 20000.0})
    path["date"] = [START - pd.Timedelta(d, unit="D") for d in days]
    got = funnel.attribution(path, model="time_decay").set_index("channel")["credit"]
    assert got.sort_index().tolist() == [472.72, 856.31, 1551.16, 2809.85, 5089.89, 9220.07]


# adriennevermorel.com, Position-based attribution models ($100), and mbuzz.co (40/10/10/40).
@pytest.mark.parametrize(("n", "middle"), [(5, [6.67, 6.67, 6.66]), (4, [10, 10]), (3, [20])])
def test_the_u_shape_of_published_tables(n, middle):
    path = touches([("abcde"[:n], 1, 1)]).assign(value=100.0)
    got = funnel.attribution(path, model="position").set_index("channel")["credit"].sort_index()
    assert got.tolist() == pytest.approx([40, *middle, 40])


def test_a_conversion_in_words_and_one_told_at_the_last_touch_alone():
    path = touches([("ab", 1, 1), ("a", 1, 0)])
    want = funnel.attribution(path, model="last")
    for words in (("no", "yes"), ("否", "是")):
        said = path.assign(converted=path["converted"].map(dict(enumerate(words))))
        pd.testing.assert_frame_equal(funnel.attribution(said, model="last"), want)
    path["converted"] = [0, 1, 0]
    with pytest.raises(InputError, match=r"groupby\('deal_id'\)\['converted'\].transform"):
        funnel.attribution(path, model="last")


# --------------------------------------------------------------------------------------
# Outcomes, velocity, pipeline


def deals(n, *, status="open", amount=1.0, created=START, close=None, first=0, stage="x"):
    out = pd.DataFrame({"deal_id": np.arange(first, first + n), "stage": stage})
    out["amount"], out["status"], out["created_at"] = amount, status, created
    out["close_date"] = pd.Series([close] * n, dtype="datetime64[ns]")
    return out


# lifelines, pull request 1699: times 1..6, causes 0 1 1 2 2 0; cause 2 is 0.4 at time 6.
def test_incidence_with_the_last_one_cut_off():
    day = [START + pd.Timedelta(d, unit="D") for d in range(8)]
    parts = [deals(1, created=day[5]), deals(1, created=day[0], first=1)]
    for i, (age, status) in enumerate([(2, "won"), (3, "won"), (4, "lost"), (5, "lost")], 2):
        parts.append(deals(1, status=status, close=day[age], first=i))
    out = funnel.outcomes(pd.concat(parts), as_of=day[6]).set_index("age")
    assert out.loc[6, ["won", "lost", "open"]].tolist() == pytest.approx([0.4, 0.4, 0.2])


def test_a_share_that_is_certain_has_no_error():
    ends = [START + pd.Timedelta(d, unit="D") for d in (31, 59, 68)]
    won = pd.concat([deals(1, status="won", close=c, first=i) for i, c in enumerate(ends)])
    last = funnel.outcomes(won).iloc[-1]
    assert last[["won", "won_se", "won_lo", "won_hi"]].tolist() == [1, 0, 1, 1]


# mavenlb.com, The sales velocity formula: 40 x 25,000 x 25 % / 90 days = 2,777 a day;
# a cycle 20 % shorter is worth 25 %, so one 10 % shorter 1 / 9.
def test_velocity_of_a_published_example():
    closed = START + pd.Timedelta(90, unit="D")
    won = deals(10, status="won", amount=25_000.0, close=closed)
    lost = deals(30, status="lost", amount=10_000.0, close=closed, first=10)
    got = funnel.velocity(pd.concat([won, lost])).iloc[0]
    assert got["velocity"] == pytest.approx(40 * 25_000 * 0.25 / 90)
    assert got["cycle_10"] == pytest.approx(got["velocity"] / 9)


# help.getweflow.com, Understanding Waterfall: 1,257,559 becomes 1,974,086.
def test_waterfall_of_a_published_example():
    def deal(i, amount, status="open", close="2025-02-15"):
        return deals(1, amount=amount, status=status, close=pd.Timestamp(close), first=i)

    before = [deal(1, 100_000.0), deal(2, 271_125.0), deal(3, 287_487.0), deal(4, 598_947.0)]
    before = pd.concat([*before, deal(5, 149_382.0, close="2025-05-15")])
    after = [deal(1, 280_171.0), deal(2, 271_125.0, "lost"), deal(3, 287_487.0, "won")]
    after += [deal(4, 42_655.0), deal(5, 149_382.0), deal(6, 1_501_878.0)]
    out = funnel.waterfall(before, pd.concat(after), start="2025-01-01", end="2025-03-31")
    got = out.set_index("bucket")["amount"]
    assert (got["opening"], got["closing"]) == (1_257_559, 1_974_086)
    assert (got["new"], got["increased"], got["decreased"]) == (1_501_878, 180_171, -556_292)
    assert (got["pulled"], got["lost"], got["won"]) == (149_382, -271_125, -287_487)


# ask.changjet.cn, 畅捷通CRM 加权金额: 7,000 at 80 % is 5,600.
def test_weighted_amount_of_a_published_example():
    open_ = deals(1, amount=7000.0, stage="商务洽谈")
    out = funnel.pipeline(open_, as_of="2025-01-31", stage_probability={"商务洽谈": 0.8})
    assert out.loc[0, "weighted"] == 5600


# Y. Benjamini and Y. Hochberg, J. R. Statist. Soc. B 57 (1995), section 3.2: at 5 % the
# procedure rejects four of fifteen, Bonferroni's three.
def test_the_fifteen_p_values_of_benjamini_and_hochberg():
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p = np.array([*p, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
    assert (adjust(p, method="bh") <= 0.05).sum() == 4
    assert (adjust(p, method="holm") <= 0.05).sum() == 3


# statsmodels, issues 9141, 7008 and 10010: bounds that were 0.99999986, not monotone, or
# outside [0, 1]; with no success of n the exact upper bound is 1 - (alpha / 2) ** (1 / n).
def test_intervals_at_the_ends_with_a_very_high_confidence():
    for n, alpha in ((1000, 1e-7), (500, 0.001 / 501), (100_000, 1e-11)):
        low, high = interval(0, n, method="clopper_pearson", confidence=1 - alpha)
        assert float(low) == 0
        assert float(high) == pytest.approx(1 - (alpha / 2) ** (1 / n), rel=1e-5)
        highs = [
            float(interval(k, n, method="clopper_pearson", confidence=1 - alpha)[1])
            for k in (0, 1, 10, 100)
        ]
        assert highs == sorted(highs)
    assert float(interval(38, 38, method="wilson")[1]) == 1
    assert float(interval(0, 77, method="wilson")[0]) == 0
    assert [float(x) for x in interval(10, 10)] == pytest.approx([0.7225, 1], abs=5e-5)


def test_stages_of_another_kind_are_shown_as_they_are_written():
    with pytest.raises(InputError, match=r"\['1'\] do not occur .* mean 1\? There are: 1, 2\."):
        funnel.conversion(stream({"a": [(0, 1), (1, 2)]}), ["1"])
