"""Interval widths of "auto": by what was learned, and by the call's own earlier origins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from salesmgmt.engine.bank import past_misses
from salesmgmt.engine.calibration import (
    FEWEST,
    LEVELS,
    by_level,
    least_past,
    misses,
    steps_of,
    widening,
)
from salesmgmt.engine.interval_width import few_values
from salesmgmt.engine.marginal import Forecast
from salesmgmt.forecast import forecast, forecast_hierarchy, simulate


def table(values, freq="MS"):
    """Rows of values as the history of items."""
    count, length = values.shape
    dates = pd.date_range("2000-01-01", periods=length, freq=freq)
    return pd.DataFrame(
        {
            "item": np.repeat([f"i{k:03d}" for k in range(count)], length),
            "date": np.tile(dates, count),
            "amount": values.ravel(),
        }
    )


def held(out, actual, level):
    inside = (actual >= out[f"lo_{level}"]) & (actual <= out[f"hi_{level}"])
    return inside.mean()


# --------------------------------------------------------------------------------------
# the factor


def test_misses_are_errors_in_half_widths_on_their_own_side():
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(10, 3, (4, 5)), rng.uniform(1, 2, (4, 5))
    after = rng.normal(10, 3, (4, 5))
    after[0, 0] = np.nan
    sd[1, 1] = 0.0
    got = misses(Forecast(mean, sd), after)
    assert got.shape == (len(LEVELS), 4, 5)
    assert np.isnan(got[:, 0, 0]).all()
    assert np.isnan(got[:, 1, 1]).all()
    for level, one in zip(LEVELS, got):
        for i in range(4):
            for j in range(5):
                if (i, j) not in {(0, 0), (1, 1)}:
                    half = ndtri(0.5 + level / 200) * sd[i, j]
                    assert one[i, j] == pytest.approx(abs(after[i, j] - mean[i, j]) / half)


def test_misses_of_lopsided_intervals():
    """Half widths 2 below and 4 above at 95 %, of which 90 % takes .8 below and .7 above."""
    levels, shape = np.array([50.0, 90.0, 95.0]), np.array([[0.5, 0.8, 1.0], [0.25, 0.7, 0.9]])
    mean, sd = np.zeros((1, 2)), np.ones((1, 2))
    made = Forecast(mean, sd, np.full((1, 2), 2.0), np.full((1, 2), 4.0), levels, shape)
    got = dict(zip(LEVELS, misses(made, np.array([[-1.0, 1.8]]))))
    np.testing.assert_allclose(got[95.0], [[1.0 / 2.0, 1.8 / 3.6]])
    np.testing.assert_allclose(got[90.0], [[1.0 / 1.6, 1.8 / 2.8]])


@pytest.mark.parametrize("true", [0.7, 1.0, 1.4])
def test_the_factor_is_the_missing_one_shrunk_by_the_evidence(true):
    """Normal errors, half widths too narrow by a known factor: its log times N / (N + 80)."""
    rng = np.random.default_rng(1)
    half = ndtri(0.5 + np.array(LEVELS) / 200)[:, None, None]
    asked = [np.abs(rng.normal(0, true, (12, 400))) / half for _ in range(3)]
    assert np.log(widening(asked)) == pytest.approx(np.log(true) * 1200 / 1280, abs=0.03)
    few = [a[..., :20] for a in asked]
    assert np.log(widening(few)) == pytest.approx(np.log(true) * 60 / 140, abs=0.06)


def test_the_factor_is_one_without_evidence_and_never_wild():
    shape = (len(LEVELS), 6)
    assert widening([]) == 1.0
    assert widening([np.full((*shape, 50), np.nan)]) == 1.0
    assert widening([np.full((*shape, FEWEST - 1), 9.0)]) == 1.0
    assert widening([np.full((*shape, 5000), 1e6)]) == pytest.approx(2.0)
    assert widening([np.zeros((*shape, 5000))]) == pytest.approx(0.5)


def test_earlier_origins_see_nothing_of_what_came_after():
    rng = np.random.default_rng(2)
    m, steps = 12, steps_of(12)
    y = rng.normal(100, 10, (least_past(m) + steps, FEWEST))
    n = np.full(FEWEST, len(y))
    (first,) = past_misses(y, n, m)
    changed = y.copy()
    changed[-steps:] += 5.0
    (second,) = past_misses(changed, n, m)
    made = forecast(table(y[:-steps].T), steps, by="item", freq="M", level=LEVELS)
    for k, level in enumerate(LEVELS):
        mean, low, high = (
            made[c].to_numpy().reshape(-1, steps).T
            for c in ("forecast", f"lo_{level:g}", f"hi_{level:g}")
        )
        for got, after in ((first, y[-steps:]), (second, changed[-steps:])):
            off = after - mean
            want = np.abs(off) / np.where(off < 0, mean - low, high - mean)
            np.testing.assert_allclose(got[k], want, rtol=1e-7)
    assert past_misses(y[:-1], n - 1, m) == []


# --------------------------------------------------------------------------------------
# in a call


LAWS = {
    "noise": lambda rng, shape: 100 + 10 * rng.standard_normal(shape),
    "walk": lambda rng, shape: 300 + np.cumsum(3 * rng.standard_normal(shape), axis=1),
    "skewed": lambda rng, shape: np.exp(4 + 0.5 * rng.standard_normal(shape)),
    "counts": lambda rng, shape: rng.poisson(6, shape).astype(float),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("freq, length, horizon", [("MS", 84, 12), ("YS", 30, 6)])
def test_series_of_a_known_law_are_held_as_often_as_said(law, freq, length, horizon):
    rng = np.random.default_rng(3)
    values = LAWS[law](rng, (150, length + horizon))
    out = forecast(table(values[:, :length], freq), horizon, by="item", level=(80, 95))
    actual = values[:, length:].ravel()
    assert 0.92 < held(out, actual, 95) < 0.985
    assert 0.73 < held(out, actual, 80) < 0.88


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(4)
    return table(LAWS["noise"](rng, (40, 60)))


def test_points_do_not_move_and_levels_stay_nested(many):
    out = forecast(many, 6, by="item", level=(50, 80, 95, 99))
    alone = forecast(many[many["item"] == "i007"], 6, by="item", level=(50, 80, 95, 99))
    mine = out[out["item"] == "i007"].reset_index(drop=True)
    np.testing.assert_allclose(alone["forecast"], mine["forecast"], rtol=1e-9)
    ratio = (mine["hi_95"] - mine["lo_95"]) / (alone["hi_95"] - alone["lo_95"])
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-7)  # one factor for all
    assert 0.5 < ratio[0] < 1.0  # even noise is easier than what was learned from
    ends = [f"lo_{x}" for x in (99, 95, 80, 50)] + [f"hi_{x}" for x in (50, 80, 95, 99)]
    assert (np.diff(out[ends].to_numpy(), axis=1) >= 0).all()


def test_row_order_units_and_processes_do_not_matter(many):
    want = forecast(many, 6, by="item")
    mixed = forecast(many.sample(frac=1, random_state=5), 6, by="item")
    pd.testing.assert_frame_equal(mixed, want)
    cents = forecast(many.assign(amount=100 * many["amount"]), 6, by="item")
    for column in ("forecast", "lo_80", "hi_95"):
        np.testing.assert_allclose(cents[column], 100 * want[column], rtol=1e-7)
    pd.testing.assert_frame_equal(forecast(many, 6, by="item", n_jobs=2), want)


def test_slow_items_below_zero_have_the_mirrored_widths(many):
    rng = np.random.default_rng(6)
    slow = table(rng.integers(1, 9, (20, 60)) * (rng.random((20, 60)) < 0.3))
    both = pd.concat([many, slow.assign(item="slow " + slow["item"])], ignore_index=True)
    plain = forecast(both, 6, by="item")
    mirror = forecast(both.assign(amount=-both["amount"]), 6, by="item")
    for name, other in (("forecast", "forecast"), ("lo_80", "hi_80"), ("hi_95", "lo_95")):
        np.testing.assert_allclose(mirror[name], -plain[other], rtol=1e-9, atol=1e-9)


def test_sample_paths_have_these_margins(many):
    out = forecast(many, 3, by="item", level=(80,))
    drawn = simulate(many, 3, by="item", n=2000).groupby(["item", "date"])["amount"]
    low, high = drawn.quantile(0.1).to_numpy(), drawn.quantile(0.9).to_numpy()
    width = (out["hi_80"] - out["lo_80"]).to_numpy()
    np.testing.assert_allclose(low, out["lo_80"], atol=0.12 * width.max())
    np.testing.assert_allclose(high, out["hi_80"], atol=0.12 * width.max())


@pytest.mark.parametrize(
    "odd",
    [
        lambda rng: np.full(60, 7.0),
        lambda rng: np.zeros(60),
        lambda rng: 3.0 * np.arange(60),
        lambda rng: 1e12 * rng.standard_normal(60),
        lambda rng: 1e-12 * rng.lognormal(size=60),
        lambda rng: np.where(np.arange(60) < 50, 1.0, 1e9 * rng.random(60)),
        lambda rng: np.where(rng.random(60) < 0.4, np.nan, rng.normal(10, 1, 60)),
        lambda rng: rng.poisson(0.2, 60).astype(float),
    ],
)
def test_odd_histories_end_in_finite_nested_intervals(odd):
    rng = np.random.default_rng(6)
    history = table(np.stack([odd(rng) for _ in range(35)]))
    out = forecast(history, 4, by="item", freq="M", level=(80, 95))
    ends = out[["lo_95", "lo_80", "forecast", "hi_80", "hi_95"]].to_numpy()
    assert np.isfinite(ends).all()
    slack = 1e-9 * np.abs(ends).max(axis=1, keepdims=True)
    assert (np.diff(ends, axis=1) >= -slack).all()


def test_no_factor_where_two_seasons_are_weighed():
    """Hours of two weeks: earlier origins would be forecast with one season only."""
    rng = np.random.default_rng(7)
    t = np.arange(310)
    hours = 100 + 10 * np.sin(2 * np.pi * t / 24) + rng.standard_normal((FEWEST, 310))
    out = forecast(table(hours, "h"), 2, by="item", level=(95,))
    alone = forecast(table(hours[:1], "h"), 2, by="item", level=(95,))
    np.testing.assert_allclose(out["hi_95"].iloc[:2], alone["hi_95"], rtol=1e-9)


@pytest.mark.parametrize("model", ["theta", "ces", "mstl", "regression", "ensemble"])
def test_models_that_borrow_widths_borrow_the_factor(many, model):
    """Their half width is the hypotenuse of the combination's and the way to its forecast."""
    found = {}
    for name in (model, "auto"):
        out = forecast(many, 6, by="item", level=(95,), model=name)
        mine = out[out["item"] == "i007"].reset_index(drop=True)
        alone = forecast(many[many["item"] == "i007"], 6, by="item", level=(95,), model=name)
        found[name] = [
            (f[end] - f["forecast"]) ** 2 for end in ("lo_95", "hi_95") for f in (mine, alone)
        ]
    assert not np.allclose(found["auto"][0], found["auto"][1], rtol=0.02)
    for k in (0, 2):
        want = found["auto"][k] - found["auto"][k + 1]
        np.testing.assert_allclose(found[model][k] - found[model][k + 1], want, rtol=1e-6)


def test_outliers_that_were_taken_out_count_as_misses():
    """One value in twenty is odd, in the past and in the future.

    Among so many series chance moves the share by .004; unseen in the past they would make it .915.
    """
    rng = np.random.default_rng(8)
    shape = (400, 56)
    values = 100 + 10 * rng.standard_normal(shape)
    values += rng.choice([-80.0, 100.0], shape) * (rng.random(shape) < 0.05)
    out = forecast(table(values[:, :48], "QS"), 8, by="item", level=(95,), clean=True)
    assert 0.925 < held(out, values[:, 48:].ravel(), 95) < 0.97


# --------------------------------------------------------------------------------------
# few values


@pytest.mark.parametrize("count", [4, 5])
def test_few_values_hardly_tell_how_uncertain_they_are(count):
    """Even noise of a size nobody knows: by Student's distribution, not the normal one."""
    y = 100 + np.random.default_rng(count).normal(0, 10, (600, count + 3))
    out = forecast(table(y[:, :count]), 3, level=(50, 80, 95), by="item")
    assert (out["status"] == "ok").all()
    actual = y[:, count:].ravel()
    assert 0.92 <= held(out, actual, 95) <= 0.99
    assert 0.74 <= held(out, actual, 80) <= 0.92
    assert 0.42 <= held(out, actual, 50) <= 0.66


@pytest.mark.parametrize("count", [2, 3])
def test_two_or_three_values_among_others(count):
    """Amounts of one relative noise, whatever their size: the short series are held as said."""
    rng = np.random.default_rng(count)
    size = np.exp(rng.normal(4, 1, 260))
    y = size[:, None] * (1 + 0.15 * rng.normal(size=(260, 36)))
    sales = table(y)
    known = sales[sales["date"] < "2002-09-01"]
    late = known.groupby("item").cumcount() >= 32 - count
    known = known[(known["item"] < "i060") | late]
    out = forecast(known, 3, level=(80, 95), by="item")
    short = out[out["status"] == "short"]
    assert len(short) == 600
    actual = short[["item", "date"]].merge(sales, on=["item", "date"])["amount"].to_numpy()
    assert 0.92 <= held(short, actual, 95) <= 1
    assert 0.74 <= held(short, actual, 80) <= 0.97
    longer = out[out["status"] == "ok"]
    relative = [((f["hi_95"] - f["lo_95"]) / f["forecast"]).median() for f in (short, longer)]
    assert 1.3 < relative[0] / relative[1] < 2.5


def test_widths_close_in_as_a_short_record_grows():
    """Months too few to show their season: wider by nothing but how many there are."""
    factor = few_values(np.array([6, 8, 11, 12, 30]), 12)
    assert (np.diff(factor) <= 0).all()
    np.testing.assert_allclose(factor[-2:], 1)
    np.testing.assert_allclose(factor[0] ** 0.5, few_values(np.array([9]), 12)[0])
    np.testing.assert_array_equal(few_values(np.array([6, 11]), 1), 1)
    y = 100 + np.random.default_rng(3).normal(0, 10, (400, 12))
    for count in (6, 9):
        out = forecast(table(y[:, :count]), 3, level=(95,), by="item", season_length=12)
        assert 0.93 <= held(out, y[:, count : count + 3].ravel(), 95) <= 1


_MODELS = ["auto", "theta", "naive", "croston", ["auto", "mean"]]
_PAIRS = [(m, f) for m in _MODELS for f in ("MS", "QS", "YS")]


@pytest.mark.parametrize(
    ("model", "freq"), [*_PAIRS, pytest.param("ets", "YS", marks=pytest.mark.slow)]
)
def test_paths_of_any_length_have_the_intervals_as_margins(model, freq):
    """Series of 2 to 60 values in one call: the shares of draws below the interval ends."""
    rng = np.random.default_rng(17)
    lengths = [2, 3, 4, 5, 6, 8, 11, 20, 40, 60]
    frames = []
    for i, length in enumerate(lengths):
        t = np.arange(length)
        y = 80 * np.exp(0.1 * np.sin(t) + 0.02 * rng.normal(size=length).cumsum())
        y *= 1 + 0.1 * rng.normal(size=length)
        dates = pd.date_range("1950-01-01", periods=60, freq=freq)[-length:]
        frames.append(pd.DataFrame({"item": f"i{i}", "date": dates, "amount": y}))
    sales = pd.concat(frames)
    options = {"by": "item", "model": model, "gaps": "missing"}
    ahead = forecast(sales, 3, level=(50, 80, 95), **options)
    n = 4000
    draws = simulate(sales, 3, n=n, **options)["amount"].to_numpy().reshape(-1, n)
    for level in (50, 80, 95):
        for side, share in (("lo", 0.5 - level / 200), ("hi", 0.5 + level / 200)):
            end = ahead[f"{side}_{level}"].to_numpy()[:, None]
            near = 1e-9 * np.abs(end) + 1e-9
            below, upto = (draws < end - near).mean(axis=1), (draws <= end + near).mean(axis=1)
            off = 5 * np.sqrt(share * (1 - share) / n) + 0.003
            few = np.repeat(np.array(lengths) < 4, 3)  # parts of widths are means over the steps
            assert (below <= share + off + 0.02 * few).all()
            assert (upto >= share - off - 0.02 * few).all()


# --------------------------------------------------------------------------------------
# levels of a hierarchy


def missed(true, nodes, origins=3, steps=12, seed=5):
    """Normal errors in half widths that are too narrow by known factors, one a node."""
    rng = np.random.default_rng(seed)
    half = ndtri(0.5 + np.array(LEVELS) / 200)[:, None, None]
    scale = np.repeat(true, nodes)
    return [np.abs(rng.normal(0, 1, (steps, len(scale))) * scale) / half for _ in range(origins)]


def test_levels_of_many_nodes_get_the_factors_they_lack():
    """Three levels with a known factor each, 400 nodes: its log less what an origin may mislead."""
    true, level = np.array([0.6, 1.0, 1.3]), np.repeat([0, 1, 2], 400)
    size = np.log([100.0, 10.0, 2.0])
    for common in (1.0, 0.8):
        got = by_level(missed(true, 400), level, size, common)
        np.testing.assert_allclose(np.log(got * common), np.log(true), atol=0.1)
        assert (np.diff(got) > 0).all()


def test_a_level_follows_its_neighbours_as_far_as_it_has_no_past_of_its_own():
    size = np.log([50.0, 40.0])
    asked = missed(np.array([0.6, 0.6]), 200)
    level = np.repeat([0, 1], 200)
    both = by_level(asked, level, size, 1.0)
    unknown = [np.where(level == 0, np.nan, a) for a in asked]
    lent = by_level(unknown, level, size, 1.0)
    assert lent[0] == pytest.approx(both[0], abs=0.05)
    far = by_level(unknown, level, np.log([1e6, 40.0]), 1.0)
    assert abs(np.log(far[0] / far[1])) > abs(np.log(lent[0] / lent[1]))
    assert (by_level([], level, size, 1.0) == 1).all()
    assert (by_level([np.full_like(asked[0], np.nan)], level, size, 1.0) == 1).all()


def test_a_single_node_says_little():
    """Steady by chance at one origin of one node: nothing near the factor it asks for."""
    asked = missed(np.array([0.3]), 1, origins=1)
    (alone,) = by_level(asked, np.zeros(1, dtype=int), np.zeros(1), 1.0)
    assert 0.75 < alone <= 1.0
    (many,) = by_level(missed(np.array([0.3]), 50), np.zeros(50, dtype=int), np.zeros(1), 1.0)
    assert many == pytest.approx(0.5)  # and nothing is taken for better than by half


def shops(seed, count=30, length=60, horizon=12):
    """Steady sales with a season: sums err by the root of their number."""
    rng = np.random.default_rng(seed)
    t = np.arange(length + horizon)
    values = 100 + 20 * np.sin(t * np.pi / 6) + rng.normal(0, 20, (count, len(t)))
    sales = table(values).rename(columns={"item": "shop"})
    return sales.assign(town=("t" + (sales["shop"].str[1:].astype(int) // 5).astype(str)))


def test_sums_of_independent_shops_are_held_as_often_as_said():
    """Known law; intervals of sums are nearer to it than those of a forecast of each sum alone."""
    inside, wide, alone = [], [], []
    for seed in range(6):
        sales = shops(seed)
        cut = np.sort(sales["date"].unique())[60]
        past, later = sales[sales["date"] < cut], sales[sales["date"] >= cut]
        got = forecast_hierarchy(past, 12, keys=["town", "shop"], levels=[[], ["town"]], freq="M")
        town = got[got["shop"].isna() & got["town"].notna()]
        truth = later.groupby(["town", "date"], as_index=False)["amount"].sum()
        rows = town.merge(truth, on=["town", "date"])
        inside.append(rows["amount"].between(rows["lo_95"], rows["hi_95"]).mean())
        wide.append((rows["hi_95"] - rows["lo_95"]).mean())
        one = past.groupby(["town", "date"], as_index=False)["amount"].sum()
        one = forecast(one, 12, by="town", freq="M")
        alone.append((one["hi_95"] - one["lo_95"]).mean())
    assert 0.92 < np.mean(inside) < 0.99
    best = 2 * 1.96 * 20 * np.sqrt(5)
    assert best < np.mean(wide) < 1.4 * best
    assert abs(np.mean(wide) - best) < abs(np.mean(alone) - best)


def test_widths_of_sums_move_no_point_and_keep_their_order():
    sales = shops(9)
    options = {"keys": ["town", "shop"], "levels": [[], ["town"]], "freq": "M"}
    got = forecast_hierarchy(sales, 3, level=(50, 80, 95), **options)
    points = forecast_hierarchy(sales, 3, level=None, **options)
    np.testing.assert_array_equal(got["forecast"], points["forecast"])
    ends = got[["lo_95", "lo_80", "lo_50", "forecast", "hi_50", "hi_80", "hi_95"]].to_numpy()
    assert (np.diff(ends, axis=1) >= -1e-9).all()
    mixed = sales.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        got, forecast_hierarchy(mixed, 3, level=(50, 80, 95), **options), rtol=1e-9
    )
    scaled = forecast_hierarchy(
        sales.assign(amount=sales["amount"] * 100), 3, level=(50, 80, 95), **options
    )
    np.testing.assert_allclose(scaled["hi_95"], got["hi_95"] * 100, rtol=1e-6)


@pytest.mark.parametrize("by", [["name"], ["second", "first"]])
def test_what_series_are_called_moves_no_interval(by):
    rng = np.random.default_rng(11)
    count = 130  # more than are asked at earlier origins
    spread = rng.uniform(0.02, 0.4, (count, 1))
    sales = table(rng.lognormal(4, 1, (count, 1)) * np.exp(rng.normal(0, spread, (count, 40))))
    place = sales["item"].str[1:].astype(int)
    sales["first"], sales["second"] = place // 10, place % 10
    sales["name"] = rng.permutation(count)[place]
    before = ["first", "second"]
    order = [*before, "date"]
    want = forecast(sales, 3, by=before, level=(80, 95)).sort_values(order)
    keys = sales[[*before, "name"]].drop_duplicates()
    got = forecast(sales, 3, by=by, level=(80, 95)).merge(keys).sort_values(order)
    bounds = ["forecast", "lo_80", "hi_80", "lo_95", "hi_95"]
    np.testing.assert_allclose(got[bounds], want[bounds], rtol=1e-9)
