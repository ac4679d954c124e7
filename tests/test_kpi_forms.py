"""The same facts in other words, types and orders; and years of 53 weeks."""

import datetime

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError
from salesmgmt.funnel import slippage, submissions
from salesmgmt.kpi import (
    Metric,
    acquisition_cost,
    bridge,
    complaints,
    control_chart,
    cost_to_serve,
    delivery,
    distribution,
    indicators,
    rank,
    review,
    satisfaction,
    scorecard,
    totals,
    visits,
    weights,
)

SALES = pd.DataFrame(
    {"customer_id": ["a", "b"], "date": ["2025-01-05", "2025-02-05"], "amount": [1.0, 2.0]}
)
DEALS = pd.DataFrame(
    {
        "deal_id": [1, 2, 3],
        "status": ["won", "lost", "open"],
        "amount": 1.0,
        "created_at": "2025-01-01",
        "close_date": ["2025-01-11", "2025-01-20", None],
    }
)
WORDS = [["Won", "LOST", "Open"], ["赢单", "输单", "进行中"], ["closed won", "流失", "跟进中"]]


@pytest.mark.filterwarnings("ignore:.* is not over at:salesmgmt.DataWarning")
@pytest.mark.parametrize("words", WORDS)
def test_indicators_read_the_status_in_the_words_of_the_funnel_desk(words):
    # 赢单 counted as neither won nor lost: no deals won, no win rate, and no word about it.
    want = indicators(SALES, deals=DEALS)
    pd.testing.assert_frame_equal(indicators(SALES, deals=DEALS.assign(status=words)), want)
    kinds = DEALS.assign(status=pd.Categorical(words))
    pd.testing.assert_frame_equal(indicators(SALES, deals=kinds), want)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("status", ["won", "lost", "stalled"], "'status' must hold 'open', 'won' or 'lost'"),
        ("close_date", [None, "2025-01-20", None], "'close_date' is missing for won or lost"),
        ("close_date", ["2024-12-30", "2025-01-20", None], "'close_date' is before the creation"),
    ],
)
def test_indicators_refuse_deals_that_would_not_count_or_last_less_than_a_day(column, values, told):
    with pytest.raises(InputError, match=told):
        indicators(SALES, deals=DEALS.assign(**{column: values}))


SEEN = pd.DataFrame(
    {
        "snapshot_date": pd.to_datetime(["2025-01-31", "2025-02-28", "2025-03-31"]),
        "deal_id": 1,
        "owner": "x",
        "amount": [10.0, 8.0, 8.0],
        "close_date": pd.to_datetime(["2025-02-15", "2025-03-10", "2025-03-12"]),
        "status": ["open", "open", "won"],
    }
)


@pytest.mark.parametrize(
    "words", [["Open", "OPEN", "Won"], ["进行中", "跟进中", "赢单"], [None, None, "won"]]
)
def test_slipping_is_seen_in_any_words_for_an_open_deal(words):
    # "Open" was taken for closed: no pushes at all.
    want = slippage(SEEN).drop(columns="status")
    assert want["pushes"].tolist() == [1]
    got = slippage(SEEN.assign(status=words))
    pd.testing.assert_frame_equal(got.drop(columns="status"), want)
    assert got["status"].tolist() == [words[-1]]
    ends = DEALS.assign(stage="x", close_date=["2025-03-12", "2025-01-20", None])
    called = submissions(SEEN, ends)
    pd.testing.assert_frame_equal(submissions(SEEN.assign(status=words), ends), called)
    with pytest.raises(InputError, match="must hold 'open', 'won' or 'lost'"):
        slippage(SEEN.assign(status="stalled"))


def test_the_year_to_date_of_weeks_is_compared_with_the_same_weeks():
    # 2018 has 53 Mondays: its last week stood against one week, and 2019 one week behind.
    weeks = pd.date_range("2017-01-02", "2020-12-28", freq="W-MON")
    rng = np.random.default_rng(0)
    sales = pd.DataFrame({"customer_id": "a", "date": weeks, "amount": rng.uniform(1, 9, 209)})
    got = indicators(sales, freq="W", shape="wide").set_index("date")["growth_ytd"]
    amount = sales.set_index("date")["amount"]
    for day in weeks:
        year = [d for d in weeks if d.year == day.year and d <= day]
        before = [d - pd.Timedelta(weeks=52) for d in year]
        if before[0] < weeks[0]:
            assert np.isnan(got[day])
        else:
            assert got[day] == pytest.approx(amount[year].sum() / amount[before].sum() - 1)
    steady = indicators(sales.assign(amount=5.0), freq="W", shape="wide")["growth_ytd"]
    np.testing.assert_allclose(steady.dropna(), 0)


def test_tiers_of_customers_meet_activities_or_say_why_not():
    done = pd.DataFrame(
        {"customer_id": ["1", "2", "1"], "type": "visit",
         "date": ["2025-01-01", "2025-01-02", "2025-01-11"]}
    )  # fmt: skip
    want = visits(done, tier=pd.Series({"1": "A", "2": "B"}))
    assert want["coverage"].tolist() == [1, 1]
    # Numbers beside text: nobody was visited, and all visits went to customers without a tier.
    with pytest.raises(InputError, match="'customer_id' holds text in activities and numbers in"):
        visits(done, tier=pd.Series({1: "A", 2: "B"}))
    kinds = pd.DataFrame({"customer_id": pd.Categorical(["2", "1"]), "tier": ["B", "A"]})
    pd.testing.assert_frame_equal(visits(done, tier=kinds), want)
    table = pytest.importorskip("pyarrow").Table.from_pandas(kinds)
    pd.testing.assert_frame_equal(visits(done, tier=table), want)
    numbers = done.assign(customer_id=pd.array([1, 2, 1], dtype="Int64"))
    pd.testing.assert_frame_equal(visits(numbers, tier=pd.Series({1: "A", 2: "B"})), want)


@pytest.mark.parametrize("form", ["period", "date", "datetime"])
def test_a_control_chart_puts_all_dates_in_order(form):
    days = pd.date_range("2025-01-01", periods=8, freq="MS")
    index = {"period": days.to_period("M"), "date": pd.Index([d.date() for d in days]),
             "datetime": days}[form]  # fmt: skip
    series = pd.Series([5.0, 6, 5, 7, 20, 21, 22, 20], index=index)
    want = control_chart(series, breaks=[index[4]])
    pd.testing.assert_frame_equal(
        control_chart(series.sample(frac=1, random_state=1), breaks=[index[4]]), want
    )
    pd.testing.assert_frame_equal(control_chart(series, breaks=index[4]), want)
    if form == "datetime":
        same = control_chart(series, breaks=[datetime.date(2025, 5, 1)])
        pd.testing.assert_frame_equal(same, want)


def test_weeks_of_all_indicators_start_on_the_weekday_of_the_sales():
    # Sales by weeks from Friday on stood under Mondays in one table and Fridays in the other.
    fridays = pd.date_range("2025-01-03", periods=6, freq="7D")
    sales = pd.DataFrame({"customer_id": list("abcabd"), "date": fridays, "amount": 5.0})
    spent = pd.DataFrame({"date": fridays + pd.Timedelta(days=2), "amount": 4.0})
    cost = acquisition_cost(sales, spent, freq="W")
    want = indicators(sales, freq="W", expenses=spent, shape="wide", as_of="2025-02-28")
    assert cost["date"].tolist() == want["date"].tolist() == fridays.tolist()
    assert cost["expenses"].tolist() == want["expenses"].tolist()
    assert cost["new_customers"].tolist() == want["new_customers"].tolist()


def test_keys_that_come_later_are_not_known_yet():
    # A region opened after as_of stood in the table of March, with zeros.
    sales = pd.DataFrame(
        {"customer_id": list("abc"), "amount": 5.0, "region": ["N", "S", "late"],
         "date": ["2025-01-05", "2025-02-05", "2025-06-01"]}
    )  # fmt: skip
    spent = pd.DataFrame({"region": ["N", "later"], "amount": 1.0,
                          "date": ["2025-01-31", "2025-06-30"]})  # fmt: skip
    owned = DEALS.assign(region=["N", "S", "latest"],
                         created_at=["2025-01-01", "2025-01-01", "2025-05-05"])  # fmt: skip
    now = {"by": "region", "as_of": "2025-03-31", "shape": "wide"}
    got = indicators(sales, expenses=spent, deals=owned, **now)
    want = indicators(sales[:2], expenses=spent[:1], deals=owned[:2], **now)
    pd.testing.assert_frame_equal(got, want)
    every = indicators(sales, by="region", expenses=spent, deals=owned, as_of="2025-06-30")
    assert set(every["region"]) == {"N", "S", "late", "later", "latest"}


def test_complaints_and_orders_of_later_keys_are_left_aside():
    days = pd.to_datetime(["2025-01-05", "2025-02-05", "2025-06-01"])
    cases = pd.DataFrame({"customer_id": list("abc"), "category": ["x", "y", "late"],
                          "opened_at": days, "closed_at": days})  # fmt: skip
    orders = pd.DataFrame({"category": ["x", "y", "late"], "order_date": days,
                           "promised_date": days, "delivered_date": days})  # fmt: skip
    assert complaints(cases, as_of="2025-03-31")["category"].tolist() == ["x", "y"]
    assert delivery(orders, by="category", as_of="2025-03-31")["category"].tolist() == ["x", "y"]


def points_card(scale: float) -> pd.DataFrame:
    """A curve in points or in shares beside a metric without a curve."""
    curve = [(0.5, 0.0), (1.0, 1.0 * scale), (1.2, 1.5 * scale)]
    metrics = [
        Metric("sales", target=100, weight=0.6, curve=curve, gate=("stock", 0.9)),
        Metric("stock", direction="lower", target=10, weight=0.4, error="se"),
    ]
    frame = pd.DataFrame(
        {"rep": ["a", "b", "c"], "sales": [120.0, 90, 50], "stock": [5.0, 10, 20], "se": 1.0}
    )
    return scorecard(frame, metrics, keys="rep")


def test_a_card_in_points_is_the_card_in_shares_times_a_hundred():
    # A curve in points beside shares made one total of both: 0.6 * 150 + 0.4 * 1.5 = 90.6,
    # a grade S for everybody, and a gate that left one point of 150.
    shares, points = points_card(1), points_card(100)
    for name in ("score", "weighted", "score_se"):
        np.testing.assert_allclose(points[name], 100 * shares[name])
    assert points["full_marks"].unique().tolist() == [100.0]
    assert "full_marks" not in shares
    one, other = totals(shares), totals(points)
    np.testing.assert_allclose(other["total"], 100 * one["total"])
    assert other.drop(columns="total").equals(one.drop(columns="total"))
    for card in (shares, points):
        assert totals(card, grades=[("A", 0.9), ("B", 0)])["grade"].tolist() == ["A", "B", "B"]
    assert totals(points, grades=[("A", 90), ("B", 0)])["grade"].tolist() == ["A", "B", "B"]
    with pytest.raises(InputError, match=r"grades start at 90.* write 0\.9"):
        totals(shares, grades=[("A", 90), ("B", 0)])
    np.testing.assert_allclose(review(points, "b")["lost"], 100 * review(shares, "b")["lost"])
    from salesmgmt import plots

    widths = [
        [bar.get_width() for bar in plots.scorecard(card).patches] for card in (shares, points)
    ]
    np.testing.assert_allclose(*widths)


def test_values_that_stand_as_scores_beside_shares_are_told():
    frame = pd.DataFrame({"rep": ["a"], "sales": [100.0], "judged": [85.0]})
    with pytest.warns(DataWarning, match=r"'judged' \(up to 85\) stand as scores"):
        scorecard(frame, [Metric("sales", target=100), Metric("judged")], keys="rep")
    scorecard(frame, [Metric("sales"), Metric("judged")], keys="rep")


def test_metrics_may_be_named_only_and_nothing_else_is_taken():
    frame = pd.DataFrame({"rep": ["a", "b"], "x": [1.0, 2.0], "y": [3.0, 2.0]})
    for call in (scorecard, rank):
        want = call(frame, [Metric("x"), Metric("y")], keys="rep")
        pd.testing.assert_frame_equal(call(frame, ["x", "y"], keys="rep"), want)
        for bad in (None, 5, [], [1]):
            with pytest.raises(InputError, match="must be a list of Metric"):
                call(frame, bad, keys="rep")
    assert weights(frame, method="critic", metrics=["x", "y"]).index.tolist() == ["x", "y"]
    with pytest.raises(InputError, match="name of the column of measures"):
        Metric("x", target=pd.Series([1.0, 2.0]))


@pytest.mark.parametrize("method", ["topsis", "saw", "wpm", "vikor", "promethee", "grey"])
def test_who_is_on_target_ranks_first_by_every_method(method):
    # A distance of zero has no ratio: weighted sum and product take the ratio to the target.
    frame = pd.DataFrame({"rep": list("abc"), "stock": [2.0, 5.0, 10.0]})
    got = rank(frame, [Metric("stock", direction="target", target=5)], keys="rep", method=method)
    assert got.loc[got["rank"] == 1, "rep"].tolist() == ["b"]
    if method in ("saw", "wpm"):
        np.testing.assert_allclose(got["score"] / got["score"].max(), [0.4, 1.0, 0.5])
        with pytest.raises(InputError, match="by its ratio to the target"):
            rank(frame.assign(stock=[-1.0, 5, 9]), [Metric("stock", direction="target", target=5)],
                 keys="rep", method=method)  # fmt: skip


def test_scores_by_key_are_placed_as_a_frame_of_them_is():
    scores = pd.Series([0.7, 0.9, 1.3], index=pd.Index(["a", "b", "c"], name="rep"), name="score")
    got = distribution(scores)
    assert got.index.equals(scores.index)
    want = distribution(scores.rename("total").reset_index())
    pd.testing.assert_frame_equal(got.reset_index(), want)


def test_expenses_stay_with_the_part_of_the_key_they_name():
    sales = pd.DataFrame({"region": [1, 1, 2, 2], "channel": list("xyxy"),
                          "amount": [100.0, 300, 100, 100]})  # fmt: skip
    spent = pd.DataFrame({"region": [1, 1, None, 2, 9], "channel": ["x", None, "y", "zz", None],
                          "amount": [1.0, 40, 8, 12, 6]})  # fmt: skip
    got = cost_to_serve(sales, spent, by=["region", "channel"])
    # 40 in region 1 by revenue; 8 in channel y; 12 and 6 name nobody who sells.
    assert got["direct"].tolist() == [1.0, 0, 0, 0]
    assert got["shared"].tolist() == [10 + 3, 30 + 6 + 9, 0 + 3, 2 + 3]
    assert got["region"].dtype == sales["region"].dtype
    whole = cost_to_serve(sales, spent[["amount"]], by="region")
    assert whole["shared"].sum() == 67
    assert whole["direct"].sum() == 0
    assert whole["region"].tolist() == [1, 2]


def test_of_several_keys_the_review_says_how_to_name_the_period():
    card = scorecard(
        pd.DataFrame({"rep": ["a", "a"], "month": [1, 2], "x": [1.0, 2.0]}),
        ["x"],
        keys=["rep", "month"],
    )
    with pytest.raises(InputError, match="name it with period="):
        review(card, "a")


def test_a_key_in_the_index_is_found_there_and_named_by_its_own_option():
    frame = pd.DataFrame({"rep": ["a"], "price": [1.0], "quantity": [2.0]}).set_index("rep")
    for call in (
        lambda keys: bridge(frame, frame, keys=keys, method="joint"),
        lambda keys: scorecard(frame, ["price"], keys=keys),
    ):
        with pytest.raises(InputError, match=r"in the index: use \.reset_index"):
            call("rep")
    with pytest.raises(InputError, match="with keys="):
        bridge(frame, frame, keys="team", method="joint")


def test_the_cost_of_lines_is_not_that_of_units():
    # On transactions as they come, cost="cost" gave effects of a hundred times the sales.
    count = np.arange(10, 40.0)
    lines = pd.DataFrame({"product": "a", "quantity": count, "price": 2.0, "amount": 2 * count,
                          "cost": 1.2 * count})  # fmt: skip
    with pytest.warns(DataWarning, match="the cost of whole lines"):
        bridge(lines, lines, keys="product", method="joint", cost="cost")
    later = lines.assign(cost=count)
    got = bridge(lines, later, keys="product", method="joint", per="line", price="amount",
                 cost="cost")  # fmt: skip
    assert got["amount"].sum() == pytest.approx(0.2 * count.sum())
    bridge(lines, later.assign(cost=9.0), keys="product", method="joint", cost="price")


def test_answers_of_another_scale_say_where_satisfaction_begins():
    # Answers 0 and 1 were all dissatisfied, those of ten points nearly all satisfied.
    for answers, top in (([1, 0, 1], 1), ([9, 10, 3], 8)):
        survey = pd.DataFrame({"csat": answers})
        with pytest.raises(InputError, match=r"'csat' holds .* beyond 1 to 5 .* top="):
            satisfaction(survey)
        assert satisfaction(survey, top=top)["value"][0] == pytest.approx(2 / 3)
    # Said outright, four is the start of satisfaction on any scale: of stars from 0 to 5, say.
    stars = pd.DataFrame({"csat": [0, 4, 5]})
    assert satisfaction(stars, top=4)["value"][0] == pytest.approx(2 / 3)


def test_an_option_at_its_default_is_no_option_of_another_method():
    frame = pd.DataFrame({"rep": ["x", "y"], "a": [1.0, 2.0], "b": [3.0, 1.0]})
    got = rank(frame, ["a", "b"], keys="rep", v=np.float64(0.5), rho=np.float64(0.5))
    pd.testing.assert_frame_equal(got, rank(frame, ["a", "b"], keys="rep"))
    with pytest.raises(InputError, match="v goes with method='vikor'"):
        rank(frame, ["a", "b"], keys="rep", v=np.float64(0.4))


def test_weights_of_no_rows_are_refused():
    frame = pd.DataFrame({"a": pd.Series(dtype="str"), "b": pd.Series(dtype="float64")})
    with pytest.raises(InputError, match="has no rows"):
        weights(frame, method="entropy")


def test_a_measure_read_as_text_is_not_left_out_of_the_weights():
    frame = pd.DataFrame({"rep": ["x", "y"], "a": ["1", "2"], "b": [3.0, 1.0]})
    with pytest.raises(InputError, match="'a' holds numbers as text"):
        weights(frame, method="equal")
    assert weights(frame, method="equal", keys=["rep", "a"]).index.tolist() == ["b"]


@pytest.mark.parametrize(("preference", "high"), [("u_shape", 1.0), ("level", 0.5)])
def test_a_difference_of_the_threshold_is_not_above_it(preference, high):
    # 8.3 - 7.3 is 1.0000000000000009.
    frame = pd.DataFrame({"rep": list("abc"), "x": [7.3, 8.3, 9.0]})
    option = {"p": 2.0} if preference == "level" else {}
    got = rank(frame, ["x"], keys="rep", method="promethee", preference=preference, q=1.0, **option)
    assert got["score"].tolist() == [-high / 2, 0.0, high / 2]


@pytest.mark.parametrize(
    ("direction", "value", "target"),
    [("lower", 107, 100), ("target", 107, 100), ("higher", -107, -100)],
)
def test_a_gate_opens_at_its_threshold(direction, value, target):
    # 1 - 0.07 is 0.9299999999999999.
    frame = pd.DataFrame({"rep": ["a"], "x": [150.0], "y": [float(value)]})
    metrics = [
        Metric("x", target=100, gate=("y", 0.93)),
        Metric("y", direction=direction, target=target, curve=[(0.93, 0.5), (0.93, 0.8)]),
    ]
    assert scorecard(frame, metrics, keys="rep")["score"].tolist() == [1.5, 0.8]


def test_other_tables_may_name_their_columns_in_their_own_way():
    sales = pd.DataFrame(
        {"客户": ["a", "b"], "日期": ["2025-01-02", "2025-01-09"], "金额": [9.0, 3]}
    )
    spent = pd.DataFrame({"日期": ["2025-01-31"], "费用": [8.0]})
    named = {"customer": "客户", "date": "日期", "amount": "金额"}
    with pytest.raises(InputError, match="with expense="):
        acquisition_cost(sales, spent, **named)
    assert acquisition_cost(sales, spent, expense="费用", **named)["cost"].tolist() == [4.0]
    done = sales.assign(type="visit")
    tiers = pd.DataFrame({"客户": ["a", "b", "c"], "tier": ["A", "B", "B"]})
    got = visits(done, tier=tiers, customer="客户", date="日期")
    assert got["coverage"].tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("option", "given"),
    [("curve", [(80, 60), (100, 100), (120, 120)]), ("cap", 120), ("floor", 60)],
)
def test_attainments_in_per_cent_are_refused(option, given):
    # On such a curve everybody scored 60; such a cap never held, such a floor lifted all to 60.
    with pytest.raises(InputError, match=f"{option} goes to .* write "):
        Metric("x", target=100, **{option: given})
    Metric("x", **{option: given})
    if option != "curve":
        Metric("x", target=100, curve=[(0, 0), (1, 100), (1.5, 150)], **{option: given})


def test_a_gate_in_per_cent_is_refused_where_its_metric_has_a_target():
    frame = pd.DataFrame({"rep": ["a"], "x": [150.0], "y": [95.0]})
    gated = Metric("x", target=100, gate=("y", 90))
    with pytest.raises(InputError, match="the gate of 'x' goes to 90"):
        scorecard(frame, [gated, Metric("y", target=100)], keys="rep")
    judged = [Metric("x", target=100, gate=("y", 90), weight=1), Metric("y", weight=0)]
    assert scorecard(frame, judged, keys="rep")["score"][0] == 1.5


def test_values_to_look_for_may_be_a_series_and_stand_twice():
    spent = SALES[["date", "amount"]].assign(category=["ad", "rent"])
    want = acquisition_cost(SALES, spent, categories=["ad"])
    got = acquisition_cost(SALES, spent, categories=pd.Series(["ad", "ad"]))
    pd.testing.assert_frame_equal(got, want)
    done = SALES.assign(type=["call", "visit"])
    for only in (pd.Series(["call"]), {"call"}, ["call", "call"]):
        assert visits(done, only=only)["visits"].tolist() == [1]
    with pytest.raises(InputError, match="only must be a value or a list of them"):
        visits(done, only=[["call"]])


def test_a_running_month_beside_whole_ones_is_told():
    """Until the 9th against a whole December: such a growth is no fall of two thirds."""
    days = pd.date_range("2024-12-01", "2025-12-09")
    sales = pd.DataFrame({"customer_id": "c", "date": days, "amount": 1.0})
    with pytest.warns(DataWarning, match=r"\(2025-12-01 to 2025-12-31\) is not over at 2025-12-09"):
        wide = indicators(sales, shape="wide")
    assert wide["growth_yoy"].iloc[-1] == pytest.approx(9 / 31 - 1)
    indicators(sales, as_of="2025-12-31")  # said to be whole
    indicators(sales[sales["date"] < "2025-12-01"])
    indicators(sales[sales["date"] >= "2025-12-01"])  # nothing to compare with
    monthly = sales[sales["date"].dt.day == 1]
    indicators(monthly)
    indicators(monthly[monthly["date"] < "2025-10-01"], freq="Q")
    with pytest.warns(DataWarning, match=r"\(2025-10-01 to 2025-12-31\) is not over"):
        indicators(monthly[monthly["date"] < "2025-12-01"], freq="Q")
