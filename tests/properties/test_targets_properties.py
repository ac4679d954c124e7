"""What holds for every plan, in generated cases: sums, bounds, order, names, units, locks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salesmgmt import InputError
from salesmgmt.targets import allocate, decompose, rake, reconcile, replan, roll_up, round_plan

weights_list = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)
cents = st.integers(0, 10**9)


def _series(weights, names=None):
    labels = names if names is not None else [f"k{i:02d}" for i in range(len(weights))]
    return pd.Series(np.asarray(weights, float), index=labels)


def _whole(values, per=100):
    return np.rint(np.asarray(values) * per).astype(np.int64)


@given(weights_list, cents)
@settings(max_examples=120)
def test_largest_remainder_equals_exact_fractions(weights, total):
    out = _whole(allocate(total / 100, _series(weights)))
    quotas = [Fraction(total) * w / sum(weights) for w in weights]
    floors = [int(q) for q in quotas]
    order = sorted(range(len(weights)), key=lambda i: (floors[i] - quotas[i], i))
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    assert out.tolist() == floors


@given(
    st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=15),
    st.integers(0, 10**12),
    st.sampled_from([0.01, 1, 1000]),
    st.sampled_from(["largest_remainder", "webster", "huntington_hill", "dhondt", "adams", "dean"]),
)
@settings(max_examples=100)
def test_any_method_adds_up_and_does_not_depend_on_order(weights, total, step, method):
    labels = [f"k{i:02d}" for i in range(len(weights))]
    given_ = pd.Series(weights, index=labels)
    amount = total * step if step >= 1 else total / 100
    out = allocate(amount, given_, step=step, method=method)
    again = allocate(amount, given_[::-1], step=step, method=method)[labels]
    assert out.tolist() == again.tolist()
    assert int(np.rint(out.to_numpy() / step).sum()) == total
    quota = total * np.asarray(weights) / np.sum(weights)
    if method == "largest_remainder":
        assert (np.abs(np.rint(out.to_numpy() / step) - quota) < 1 + 1e-6 * (1 + quota)).all()


@given(st.data(), weights_list, st.integers(0, 10_000))
@settings(max_examples=100)
def test_bounds_hold_or_are_refused(data, weights, total):
    n = len(weights)
    low = data.draw(st.lists(st.integers(0, 800), min_size=n, max_size=n))
    span = data.draw(st.lists(st.integers(0, 3000), min_size=n, max_size=n))
    high = [a + b for a, b in zip(low, span, strict=True)]
    lower, upper = _series(low), _series(high)
    room = sum(h if w else a for w, a, h in zip(weights, low, high, strict=True))
    try:
        out = allocate(total, _series(weights), step=1, lower=lower, upper=upper)
    except InputError:
        assert sum(low) > total or room < total
        return
    assert out.sum() == total
    assert (out >= lower).all()
    assert (out <= upper).all()


org = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 50)), min_size=1, max_size=14
)


def _organisation(rows):
    index = pd.MultiIndex.from_tuples(
        [(f"R{a}", f"R{a}T{b}", f"p{i:02d}") for i, (a, b, _) in enumerate(rows)],
        names=["region", "team", "rep"],
    )
    return pd.Series([float(w) for _, _, w in rows], index=index)


def _check_levels(plan, ideal, per):
    """Cells and the margins of both families are floor or ceiling of the ideal."""
    frame = plan.assign(
        ideal=ideal,
        whole=_whole(plan["target"], per),
        quarter=plan["period_start"].dt.quarter,
        year=plan["period_start"].dt.year,
    )
    assert (np.abs(frame["whole"] - frame["ideal"]) < 1 + 1e-6).all()
    for keys in (["region"], ["team"], ["rep"], ["year"], ["year", "quarter"], ["period_start"]):
        sums = frame.groupby(keys)[["whole", "ideal"]].sum()
        assert ((sums["whole"] - sums["ideal"]).abs() < 1 + 1e-6).all(), keys


@given(
    org, st.integers(0, 10**6), st.lists(st.integers(0, 9), min_size=12, max_size=12).filter(any)
)
@settings(max_examples=75)
def test_plan_is_floor_or_ceiling_at_every_level(rows, total, shape):
    weights = _organisation(rows).sort_index()
    profile = pd.Series([float(v) for v in shape], index=range(1, 13))
    plan = decompose(total / 100, periods=("2026-01-01", "2026-12-31", "M"), weights=weights,
                     profile=profile)  # fmt: skip
    share = (weights / weights.sum()).to_numpy()
    ideal = np.outer(share, total * profile.to_numpy() / profile.sum()).ravel()
    _check_levels(plan, ideal, 100)
    assert int(_whole(plan["target"]).sum()) == total


@given(st.data(), st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=100)
def test_sparse_tables_always_have_a_rounding(data, n, m):
    # Many zero cells: margins and cells have to be found together.
    cells = data.draw(
        st.lists(st.sampled_from([0, 0, 0, 1, 2, 3]), min_size=n * m, max_size=n * m).filter(any)
    )
    total = data.draw(st.integers(0, 40))
    table = np.asarray(cells, float).reshape(n, m)
    periods = pd.period_range("2026-01", periods=m, freq="M")
    index = pd.MultiIndex.from_tuples(
        [(f"T{i // 2}", f"p{i}") for i in range(n)], names=["team", "rep"]
    )
    frame = pd.DataFrame(table, index=index, columns=periods)
    plan = decompose(total, periods=periods, weights=frame, step=1)
    whole = plan["target"].to_numpy().reshape(n, m)
    ideal = total * table / table.sum()
    slack = 1 + 1e-6
    assert (np.abs(whole - ideal) < slack).all()
    assert (whole[table == 0] == 0).all()
    assert (np.abs(whole.sum(axis=1) - ideal.sum(axis=1)) < slack).all()
    assert (np.abs(whole.sum(axis=0) - ideal.sum(axis=0)) < slack).all()
    for team in range((n + 1) // 2):
        part = slice(2 * team, 2 * team + 2)
        assert abs(whole[part].sum() - ideal[part].sum()) < slack
    assert whole.sum() == total


@given(org, st.integers(0, 10**6), st.randoms())
@settings(max_examples=40)
def test_order_of_rows_never_matters(rows, total, random):
    weights = _organisation(rows)
    shuffled = list(range(len(weights)))
    random.shuffle(shuffled)
    call = {"periods": ("2026-01-01", "2026-12-31", "Q")}
    plan = decompose(total / 100, weights=weights, **call)
    pd.testing.assert_frame_equal(
        plan, decompose(total / 100, weights=weights.iloc[shuffled], **call)
    )


@given(
    st.lists(st.integers(1, 10**6), min_size=2, max_size=10, unique=True),
    st.integers(0, 10**6),
    st.randoms(),
)
@settings(max_examples=60)
def test_names_of_keys_never_matter(weights, total, random):
    names = [f"n{i:02d}" for i in range(len(weights))]
    other = names.copy()
    random.shuffle(other)
    call = {"periods": ("2026-01-01", "2026-12-31", "Q")}
    one = decompose(total / 100, weights=_series(weights, names), **call)
    two = decompose(total / 100, weights=_series(weights, other), **call)
    table = one["target"].to_numpy().reshape(-1, 4)
    place = {name: i for i, name in enumerate(sorted(other))}
    again = two["target"].to_numpy().reshape(-1, 4)[[place[o] for o in other]]
    # Only where two claims tie exactly may the label decide; equal cells tie in time here.
    assert sorted(table.sum(axis=1)) == sorted(again.sum(axis=1))


@given(weights_list, st.integers(0, 10**6), st.sampled_from([10, 100, 1000]))
@settings(max_examples=60)
def test_the_unit_never_matters(weights, total, factor):
    small = allocate(total / 100, _series(weights), step=0.01)
    large = allocate(total / 100 * factor, _series(weights), step=0.01 * factor)
    assert _whole(small).tolist() == _whole(large, 100 / factor).tolist()


@given(st.data(), org, st.integers(10_000, 10**6))
@settings(max_examples=45)
def test_limits_and_locks_hold_in_a_plan(data, rows, total):
    weights = _organisation(rows)
    call = {"periods": ("2026-01-01", "2026-12-31", "M"), "weights": weights}
    free = decompose(total / 100, **call)
    pick = data.draw(st.lists(st.integers(0, len(free) - 1), max_size=6, unique=True))
    locked = free.iloc[pick].copy()
    factor = data.draw(st.lists(st.integers(0, 2), min_size=len(pick), max_size=len(pick)))
    locked["target"] = locked["target"] * np.asarray(factor, float)
    cap = float(free["target"].max()) * 1.5
    try:
        plan = decompose(total / 100, **call, locked=locked if len(pick) else None, upper=cap)
    except InputError:
        assert len(pick) > 0
        return
    assert int(_whole(plan["target"]).sum()) == total
    held = plan.iloc[pick]
    assert _whole(held["target"]).tolist() == _whole(locked["target"]).tolist()
    rest = plan.drop(index=plan.index[pick])
    assert (rest["target"] <= cap + 1e-9).all()
    assert (rest["target"] >= 0).all()


@given(org, st.integers(0, 10**6))
@settings(max_examples=40)
def test_allocating_again_with_everything_locked_changes_nothing(rows, total):
    weights = _organisation(rows)
    call = {"periods": ("2026-01-01", "2026-12-31", "Q"), "weights": weights}
    plan = decompose(total / 100, **call)
    again = decompose(total / 100, **call, locked=plan)
    pd.testing.assert_frame_equal(plan, again)


@given(st.data(), st.integers(2, 6), st.integers(2, 6))
@settings(max_examples=75)
def test_raking_meets_both_margins_exactly(data, n, m):
    seed = data.draw(st.lists(st.integers(1, 50), min_size=n * m, max_size=n * m))
    fit = data.draw(st.lists(st.integers(0, 900), min_size=n * m, max_size=n * m).filter(any))
    cells = pd.DataFrame(
        {
            "r": np.repeat(np.arange(n), m),
            "c": np.tile(np.arange(m), n),
            "target": np.asarray(seed, float),
        }
    )
    table = np.asarray(fit, float).reshape(n, m)
    margins = [
        pd.Series(table.sum(axis=1), index=pd.RangeIndex(n, name="r")),
        pd.Series(table.sum(axis=0), index=pd.RangeIndex(m, name="c")),
    ]
    whole = rake(cells, margins, step=1)["target"].to_numpy().reshape(n, m)
    real = rake(cells, margins, step=None)["target"].to_numpy().reshape(n, m)
    assert (whole.sum(axis=1) == table.sum(axis=1)).all()
    assert (whole.sum(axis=0) == table.sum(axis=0)).all()
    assert (np.abs(whole - real) < 1 + 1e-6).all()


@given(st.data(), st.integers(1, 8), st.integers(1, 8), st.sampled_from([1, 10, 100]))
@settings(max_examples=75)
def test_rounding_a_plan_keeps_to_the_two_next_multiples(data, n, m, step):
    cells = data.draw(st.lists(st.integers(0, 999), min_size=n * m, max_size=n * m))
    frame = pd.DataFrame(
        {
            "rep": np.repeat(np.arange(n), m),
            "period_start": np.tile(np.arange(m), n),
            "target": np.asarray(cells) / 3,
        }
    )
    table = frame["target"].to_numpy().reshape(n, m)
    out = round_plan(frame, step=step)["target"].to_numpy().reshape(n, m)
    assert (np.abs(out - table) < step * (1 + 1e-6)).all()
    assert (np.abs(out.sum(axis=0) - table.sum(axis=0)) < step * (1 + 1e-6)).all()
    assert (np.abs(out.sum(axis=1) - table.sum(axis=1)) < step * (1 + 1e-6)).all()


@given(st.data(), st.integers(1, 8))
@settings(max_examples=60)
def test_reconciling_keeps_the_total_and_satisfies_the_optimality_conditions(data, n):
    top = data.draw(st.lists(st.integers(0, 1000), min_size=n, max_size=n))
    low = data.draw(st.lists(st.integers(0, 1000), min_size=n, max_size=n))
    cap = data.draw(st.integers(1, 1500))
    assume(cap * n >= sum(top))
    out = reconcile(_series(top), _series(low), upper=cap, step=0.01)
    x = out["target"].to_numpy()
    assert abs(x.sum() - sum(top)) < 1e-6
    assert (x <= cap).all()
    middle = (np.asarray(top) + np.asarray(low)) / 2
    inside = (x > 0.02) & (x < cap - 0.02)
    if inside.sum() > 1:  # all free parts are moved by the same amount
        assert np.ptp((x - middle)[inside]) < 0.03


@given(st.data(), st.sampled_from(["proportional", "even", "catch_up", "minimal"]))
@settings(max_examples=50)
def test_replanning_keeps_the_total_and_closes_what_is_over(data, method):
    n = data.draw(st.integers(1, 5))
    weights = data.draw(st.lists(st.integers(1, 20), min_size=n, max_size=n))
    plan = decompose(12_000, periods=("2026-01-01", "2026-12-31", "M"), weights=_series(weights))
    came = data.draw(st.lists(st.integers(0, 40_000), min_size=n * 4, max_size=n * 4))
    actuals = pd.DataFrame(
        {
            "key": np.repeat(plan["key"].unique(), 4),
            "date": np.tile(
                pd.to_datetime(["2026-01-05", "2026-02-05", "2026-03-05", "2026-04-05"]), n
            ),
            "amount": np.asarray(came) / 100,
        }
    )
    out = replan(plan, actuals, as_of="2026-04-30", method=method)
    assert _whole(out["target"]).sum() == 1_200_000
    closed = out[out["closed"]]
    assert closed["target"].tolist() == actuals["amount"].tolist()
    assert (out["target"] >= 0).all()
    by_key = roll_up(out[["key", "period_start", "period_end", "target"]], levels="key", freq="Y")
    own = roll_up(plan, levels="key", freq="Y")
    ahead = actuals.groupby("key")["amount"].sum().to_numpy() > own["target"].to_numpy()
    if not ahead.any():
        assert by_key["target"].tolist() == own["target"].tolist()
