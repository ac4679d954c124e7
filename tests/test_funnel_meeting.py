"""What meets: options with options, columns with names of the inside, tables with tables."""

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError
from salesmgmt.funnel import (
    bookings,
    bottlenecks,
    cohort_conversion,
    conversion,
    coverage,
    pipeline,
    service_levels,
    submissions,
    waterfall,
)
from salesmgmt.kpi import indicators

START = pd.Timestamp("2025-01-01")
STEPS = ["a", "b", "c"]


def stream(history):
    """Events of deals from ``{deal: [(day, stage), ...]}``."""
    rows = [(d, s, START + pd.Timedelta(t, unit="D")) for d, h in history.items() for t, s in h]
    return pd.DataFrame(rows, columns=["deal_id", "stage", "entered_at"])


@pytest.mark.parametrize("mode", ["remove", "drop"])
def test_a_spoilt_attempt_takes_its_time_whether_it_counts_or_not(mode):
    # The second "a" comes on the day of the exclusion: not after it, so it opens nothing.
    events = stream({1: [(0, "a"), (3, "z"), (3, "a"), (4, "b"), (6, "a"), (7, "b")]})
    out = conversion(events, ["a", "b"], reentry="every", exclude=[("z", 0, 1)], exclude_mode=mode)
    assert out["entered"].tolist() == [1 + (mode == "drop"), 1]


def attempts(history, window, spoil, mode):
    """Attempts one after the other, read off the docstring; levels of those that count."""
    levels, after = [], -1
    for begin in sorted(t for t, s in history if s == "a"):
        if begin <= after:
            continue
        times = [begin]
        for s in STEPS[1:]:
            later = [t for t, x in history if x == s and times[-1] <= t <= begin + window]
            if not later:
                break
            times.append(min(later))
        reach = times[2] if len(times) == 3 else begin + window + 1
        hits = [t for t, s in history if s == "z" and begin < t < reach] if spoil else []
        end = min([begin + window, *times[2:], *hits])
        if hits and mode == "drop":
            times = [t for t in times if t <= min(hits)]
        if not hits or mode == "drop":
            levels.append(len(times))
        after = end
    return levels


@pytest.mark.parametrize("mode", ["remove", "drop"])
@pytest.mark.parametrize("spoil", [True, False])
def test_attempts_one_after_the_other_equal_a_plain_reading(mode, spoil):
    rng = np.random.default_rng(0)
    for _ in range(30):
        history = {
            i: list(zip(rng.integers(0, 15, 8).tolist(), rng.choice(list("abcz"), 8).tolist()))
            for i in range(6)
        }
        levels = [v for h in history.values() for v in attempts(h, 5, spoil, mode)]
        if not any(s in STEPS for h in history.values() for _, s in h):
            continue
        out = conversion(
            stream(history), STEPS, reentry="every", window="5D", exclude_mode=mode,
            exclude=[("z", 0, 2)] if spoil else None,
        )  # fmt: skip
        assert out["entered"].tolist() == [sum(v >= k for v in levels) for k in (1, 2, 3)]


def test_a_cohort_nobody_has_begun_is_an_empty_table():
    out = cohort_conversion(stream({1: [(0, "b")]}), STEPS, ages=[7], by=None)
    assert out.empty
    assert out.columns.tolist() == [
        "cohort", "age", "size", "converted", "followed", "rate", "lo", "hi", "as_of",
    ]  # fmt: skip


def company(n=60):
    rng = np.random.default_rng(1)
    ends = rng.choice(["won", "lost", "open"], n)
    born = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    return pd.DataFrame(
        {
            "deal_id": np.arange(n),
            "stage": ends,
            "amount": rng.gamma(2, 500, n).round(2),
            "created_at": born,
            "close_date": born + pd.to_timedelta(rng.integers(1, 100, n), unit="D"),
            "key": rng.choice(list("pqr"), n),
        }
    )


def calls(deals):
    days = pd.to_datetime(["2024-03-31", "2024-06-30"])
    seen = pd.concat([deals.assign(snapshot_date=day, status="open") for day in days])
    return seen[seen["created_at"] <= seen["snapshot_date"]]


EVENTS = stream({i: [(0, "a"), (1 + i, "b" if i % 3 else "lost")] for i in range(9)})
EVENTS["key"] = np.array(list("pqr"))[EVENTS["deal_id"] % 3]
DEALS = company()
MOVED = DEALS.assign(amount=DEALS["amount"] * 1.1)
GOALS = pd.DataFrame(
    {"key": list("pqr"), "period_start": "2024-10-01", "period_end": "2025-12-31", "target": 9e3}
)


@pytest.mark.parametrize(
    ("names", "call"),
    [
        (["state", "due", "units", "inside", "u0", "in1", "change"],
         lambda f, n: waterfall(f(DEALS), f(MOVED), by=n)),
        (["state", "due", "change"],
         lambda f, n: waterfall(f(DEALS), f(MOVED), by=n, details=True)),
        (["first", "last", "units"],
         lambda f, n: coverage(f(DEALS), f(GOALS), by=n)),
        (["state", "end", "day", "late", "told", "final"],
         lambda f, n: submissions(f(calls(DEALS)), DEALS, by=n)),
        (["g"], lambda f, n: bottlenecks(f(EVENTS), ["a", "b"], by=n, lost="lost")),
        (["over"], lambda f, n: service_levels(f(EVENTS), {"a": "3D"}, owner=n, summary=True)),
    ],
)  # fmt: skip
def test_a_column_may_be_called_anything(names, call):
    # Keys shared their frame with what was computed: by="state" was a KeyError, or overwritten.
    want = call(lambda frame: frame, "key")
    for name in names:
        got = call(lambda frame, n=name: frame.rename(columns={"key": n}), name)
        pd.testing.assert_frame_equal(got.rename(columns={name: "key"}), want)


def test_wide_indicators_keep_their_key_column():
    sales = pd.DataFrame({"customer_id": ["a"], "date": ["2025-01-05"], "amount": [1.0]})
    with pytest.raises(InputError, match="'orders'"):
        indicators(sales.assign(orders="x"), by="orders", shape="wide")
    assert indicators(sales.assign(orders="x"), by="orders")["orders"].eq("x").all()


def test_a_span_of_numpy_is_a_span_and_no_number():
    # numpy.timedelta64 calls itself a whole number: a TypeError came out.
    want = bookings(DEALS, horizon="30D", n=100)
    got = bookings(DEALS, horizon=np.timedelta64(30, "D"), n=100)
    pd.testing.assert_frame_equal(got, want)
    with pytest.raises(InputError, match="n must be a whole number"):
        bookings(DEALS, horizon=3, n=np.timedelta64(200, "D"))


def test_a_pipeline_of_which_nothing_has_closed_yet_has_no_probability():
    # A company's first deals: group sums of missing numbers failed with a ValueError.
    deals = DEALS.assign(stage="demo")
    out = pipeline(deals, by="key")
    assert out["amount"].sum() == pytest.approx(DEALS["amount"].sum())
    assert out[["probability", "weighted"]].isna().all(axis=None)
    told = pipeline(deals, by="key", stage_probability={"demo": 0.5})
    np.testing.assert_allclose(told["weighted"], out["amount"] / 2)


def test_coverage_by_many_keys_equals_plain_sums():
    rng = np.random.default_rng(2)
    deals = company(400).assign(key=rng.integers(0, 9, 400))
    deals.loc[deals.sample(40, random_state=0).index, "close_date"] = pd.NaT
    deals.loc[deals["close_date"].isna(), "stage"] = "open"
    starts = pd.date_range("2024-04-01", periods=6, freq="QS")
    goals = pd.DataFrame(
        [(k, s, s + pd.offsets.QuarterEnd(0), 3000.0) for k in range(11) for s in starts],
        columns=["key", "period_start", "period_end", "target"],
    )
    day = pd.Timestamp("2024-08-20")
    with pytest.warns(DataWarning, match="no expected day of closing"):
        out = coverage(deals, goals, by="key", as_of=day)
    known = deals[deals["created_at"] <= day]
    later = (known["stage"] != "open") & (known["close_date"] > day)
    stage, due = known["stage"].mask(later, "open"), known["close_date"].mask(later)
    assert len(out) == 11 * 5
    for row in out.itertuples():
        mine = known["key"].eq(row.key)
        inside = due.between(row.period_start, row.period_end)
        overdue = (due < day) & (row.period_start <= day)
        won = known.loc[mine & stage.eq("won") & inside, "amount"].sum()
        held = known.loc[mine & stage.eq("open") & (inside | overdue), "amount"].sum()
        assert (round(row.won, 2), round(row.open, 2)) == (round(won, 2), round(held, 2))
