"""Budget against actuals: by hand, and against a day-by-day calculation in fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesmgmt import InputError
from salesmgmt.kpi import budget_variance


def _budget(rows):
    return pd.DataFrame(rows, columns=["category", "period_start", "period_end", "amount"])


def _spent(rows):
    return pd.DataFrame(rows, columns=["category", "date", "amount"])


def test_variances_and_their_sides_by_hand():
    budget = pd.DataFrame({"line": ["a", "b", "c"], "amount": [1000.0, 500.0, 200.0]})
    actual = pd.DataFrame({"line": ["a", "a", "b", "d"], "amount": [700.0, 350.0, 400.0, 30.0]})
    got = budget_variance(budget, actual, by="line")
    assert got["line"].tolist() == ["a", "b", "c", "d"]
    assert got["variance"].tolist() == [50.0, -100.0, -200.0, 30.0]
    assert got["rate"].tolist()[:3] == [0.05, -0.2, -1.0]
    assert np.isnan(got["rate"][3])
    assert got["favourable"].tolist() == [False, True, True, False]
    assert got["status"].tolist() == ["within", "under", "under", "unbudgeted"]
    assert got["used"].tolist()[:3] == [1.05, 0.8, 0.0]
    income = budget_variance(budget, actual, by="line", direction="higher")
    assert income["favourable"].tolist() == [True, False, False, True]
    assert "as_of" not in got.columns


def test_a_running_period_counts_by_its_days_and_the_future_not_at_all():
    budget = _budget(
        [("x", "2025-01-01", "2025-01-31", 310.0), ("x", "2025-02-01", "2025-02-28", 280.0)]
    )
    spent = _spent(
        [("x", "2025-01-20", 400.0), ("x", "2025-02-10", 90.0), ("x", "2024-12-31", 9.0)]
    )
    now = budget_variance(budget, spent, by="category").iloc[0]
    assert (now["budget"], now["actual"], now["total"]) == (410.0, 490.0, 590.0)
    assert now["as_of"] == pd.Timestamp("2025-02-10")
    then = budget_variance(budget, spent, by="category", as_of="2025-01-31").iloc[0]
    assert (then["budget"], then["actual"]) == (310.0, 400.0)


def test_a_yearly_budget_by_fiscal_quarter_adds_up_to_itself():
    budget = _budget([("x", "2025-04-01", "2026-03-31", 1000.01)])
    spent = _spent([("x", "2025-05-05", 1.0)])
    got = budget_variance(budget, spent, by="category", freq="Q", year_start=4, as_of="2026-03-31")
    assert got["date"].dt.strftime("%m-%d").tolist() == ["04-01", "07-01", "10-01", "01-01"]
    assert round(got["budget"].sum(), 2) == 1000.01
    by_days = [1000.01 * d / 365 for d in (91, 92, 92, 90)]
    assert np.abs(got["budget"] - by_days).max() < 0.01


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.integers(0, 80), st.integers(0, 70), st.integers(0, 10**7)
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(-5, 160),
)
def test_budget_to_date_is_the_sum_of_its_days(rows, day):
    start = pd.Timestamp("2025-01-01")
    budget = _budget(
        [
            (k, start + pd.Timedelta(days=a), start + pd.Timedelta(days=a + n), cents / 100)
            for k, a, n, cents in rows
        ]
    )
    as_of = start + pd.Timedelta(days=day)
    spent = _spent([("a", start, 5.0), ("b", start, 7.0)])
    whole = budget_variance(budget, spent, by="category", as_of=as_of).set_index("category")
    parts = budget_variance(budget, spent, by="category", as_of=as_of, freq="M")
    for key in {r[0] for r in rows}:
        own = [r for r in rows if r[0] == key]
        exact = sum(
            Fraction(c, 100) * max(0, min(day - a + 1, n + 1)) / (n + 1) for _, a, n, c in own
        )
        assert abs(whole.loc[key, "budget"] - float(exact)) <= 0.01 * len(own) + 1e-6
        total = round(whole.loc[key, "total"] * 100)
        assert total == sum(c for *_, c in own)
        of_key = parts[parts["category"] == key]
        for column in ("budget", "actual", "total"):
            cents = np.rint(of_key[column] * 100).astype(int).sum()
            assert cents == round(whole.loc[key, column] * 100)
    mixed = budget_variance(
        budget.iloc[::-1].set_axis(["x"] * len(budget)), spent, by="category", as_of=as_of
    )
    pd.testing.assert_frame_equal(mixed, whole.reset_index())


def test_what_makes_no_sense_is_refused():
    budget = _budget([("x", "2025-02-01", "2025-01-31", 310.0)])
    spent = _spent([("x", "2025-01-20", 400.0)])
    with pytest.raises(InputError, match="'period_end' is before 'period_start' in 1 row"):
        budget_variance(budget, spent, by="category")
    with pytest.raises(InputError, match="period_start="):
        budget_variance(budget[["category", "amount"]], spent, by="category", freq="M")
    with pytest.raises(InputError, match="by"):
        budget_variance(budget, spent, by=[])
    with pytest.raises(InputError, match="'status' is a column of the result"):
        budget_variance(
            budget.rename(columns={"category": "status"}),
            spent.rename(columns={"category": "status"}),
            by="status",
        )
    with pytest.raises(InputError, match=r"numbers in budget and text in actuals.*never equal"):
        budget_variance(
            pd.DataFrame({"k": [1], "amount": [1.0]}),
            pd.DataFrame({"k": ["1"], "amount": [1.0]}),
            by="k",
        )


def test_own_column_names_and_other_engines():
    polars = pytest.importorskip("polars")
    budget = _budget([("x", "2025-01-01", "2025-01-31", 310.0)])
    spent = _spent([("x", "2025-01-20", 400.0)])
    base = budget_variance(budget, spent, by="category")
    own = budget_variance(
        budget.set_axis(["科目", "起", "止", "金额"], axis=1),
        spent.set_axis(["科目", "日期", "金额"], axis=1),
        by="科目",
        amount="金额",
        date="日期",
        period_start="起",
        period_end="止",
    )
    pd.testing.assert_frame_equal(own.rename(columns={"科目": "category"}), base)
    lazy = budget_variance(
        polars.from_pandas(budget).lazy(), polars.from_pandas(spent), by="category"
    )
    pd.testing.assert_frame_equal(lazy, base, check_dtype=False)
