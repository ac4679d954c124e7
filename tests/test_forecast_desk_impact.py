"""Impact: planted effects are inside the intervals, nothing is found where nothing happened."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt._forecast import impact as desk
from salesmgmt._forecast.impact import _corrections, _sums
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import impact


def stores(n=60, count=30, seed=0, noise=0.05):
    """Stores that share a market, each with noise of its own."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2020-01-01", periods=n, freq="MS")
    market = np.exp(np.cumsum(rng.normal(0, 0.05, n)))
    rows = [
        pd.DataFrame(
            {
                "store": f"s{i:02d}",
                "date": dates,
                "amount": 100 * (i + 1) * market * np.exp(rng.normal(0, noise, n)),
                "market": market,
            }
        )
        for i in range(count)
    ]
    return pd.concat(rows, ignore_index=True)


def test_planted_effect_is_found_with_its_interval():
    sales = stores(count=6)
    hit = sales["date"] >= "2024-07-01"
    truth = 0.5 * sales["amount"].where(hit, 0.0)
    got = impact(sales.assign(amount=sales["amount"] + truth), start="2024-07-01", by="store")
    last = got.groupby("store").tail(1).set_index("store")
    planted = truth.groupby(sales["store"]).sum()
    inside = planted.between(last["cumulative_lo"], last["cumulative_hi"])
    assert inside.sum() >= 5
    assert (last["p_value"] < 0.05).sum() >= 4
    np.testing.assert_allclose(got["effect"], got["actual"] - got["expected"])
    sums = got.groupby("store")["effect"].cumsum()
    np.testing.assert_allclose(got["cumulative"], sums)
    assert (got["effect_lo"] <= got["effect"]).all()
    expected = got.groupby("store")["expected"].cumsum()
    np.testing.assert_allclose(got["lift"], got["cumulative"] / expected)
    for side in ("lo", "hi"):  # of the sum that was to be expected
        bound = expected + got["cumulative"] - got[f"cumulative_{side}"]
        np.testing.assert_allclose(got[f"lift_{side}"], (expected + got["cumulative"]) / bound - 1)
    assert last["lift_lo"].lt(0.5).sum() >= 5
    assert last["lift_hi"].gt(0.5).sum() >= 5


def test_a_lift_needs_something_to_be_expected():
    months = pd.date_range("2022-01-01", periods=30, freq="MS")
    sales = pd.DataFrame({"date": months, "amount": [0.0] * 24 + [10.0] * 6})
    got = impact(sales, start="2024-01-01", model="mean", season_length=1, placebos=0)
    assert got[["lift", "lift_lo", "lift_hi"]].isna().all(axis=None)
    wild = sales.assign(amount=[1.0, 99.0] * 12 + [60.0] * 6)
    got = impact(wild, start="2024-01-01", model="mean", season_length=1, placebos=0)
    assert np.isinf(got["lift_hi"].iloc[0])
    assert np.isfinite(got["lift_lo"]).all()
    assert (got["lift_lo"] < got["lift"]).all()


def test_controls_narrow_the_interval():
    sales = stores(count=8, noise=0.02)
    start = {"s00": "2024-07-01", "s03": "2024-07-01"}
    alone = impact(sales, start=start, by="store")
    market = impact(sales, start=start, by="store", controls="market")
    others = impact(sales, start=start, by="store", controls="others")
    width = [(x["cumulative_hi"] - x["cumulative_lo"]).mean() for x in (alone, market, others)]
    assert width[1] < 0.8 * width[0]
    assert width[2] < 0.9 * width[0]
    assert set(others["store"]) == {"s00", "s03"}


def test_starts_may_differ_by_key():
    start = pd.Series({"s01": "2024-03-01", "s02": "2024-09-01"})
    got = impact(stores(count=4), start=start, by="store", placebos=0)
    begin = got.groupby("store")["date"].min()
    assert begin["s01"] == pd.Timestamp("2024-03-01")
    assert begin["s02"] == pd.Timestamp("2024-09-01")
    assert got["placebo"].isna().all()


def test_nothing_before_the_start_depends_on_what_came_after():
    sales = stores(count=3)
    worse = sales.assign(amount=sales["amount"].where(sales["date"] < "2024-07-01", 1e9))
    a, b = (impact(x, start="2024-07-01", by="store") for x in (sales, worse))
    np.testing.assert_array_equal(a["expected"], b["expected"])


@pytest.mark.slow
def test_false_alarms_and_coverage_are_near_nominal():
    sales = stores(n=72, count=120, seed=5, noise=0.1)
    rng = np.random.default_rng(1)
    jitter = np.exp(rng.normal(0, 0.1, len(sales)))
    sales = sales.assign(amount=sales["amount"] / sales["market"] * jitter)
    got = impact(sales, start="2025-07-01", by="store", season_length=1)
    last = got.groupby("store").tail(1)
    assert (last["p_value"] < 0.05).mean() <= 0.12
    assert last["placebo"].between(0, 1).all()


def test_bad_starts_are_told():
    sales = stores(count=2)
    with pytest.raises(InputError, match="have no period before their start"):
        impact(sales, start="2019-01-01", by="store")
    with pytest.raises(InputError, match="have no period from their start"):
        impact(sales, start="2031-01-01", by="store")
    with pytest.raises(InputError, match="start names 'x'"):
        impact(sales, start={"x": "2024-01-01"}, by="store")
    with pytest.raises(InputError, match="needs by="):
        impact(sales, start={"s00": "2024-01-01"})
    with pytest.raises(InputError, match="keys that start does not name"):
        impact(sales, start="2024-07-01", by="store", controls="others")


@pytest.mark.parametrize("level", [80, 95])
def test_the_p_value_agrees_with_the_interval(level):
    got = impact(stores(count=5), start="2024-07-01", by="store", level=level)
    outside = (got["cumulative_lo"] > 0) | (got["cumulative_hi"] < 0)
    np.testing.assert_array_equal(outside, got["p_value"] < 1 - level / 100)


@pytest.mark.parametrize("level", [50, 80, 99])
def test_the_p_value_does_not_depend_on_the_level_asked_for(level):
    """Ends of other levels are those of the t distribution whose p-values are told."""
    from scipy.stats import t

    got = impact(stores(count=3), start="2024-07-01", by="store", level=level)
    usual = impact(stores(count=3), start="2024-07-01", by="store")
    np.testing.assert_allclose(got["p_value"], usual["p_value"], rtol=1e-12)
    for side in ("lo", "hi"):
        half, wide = (x[f"cumulative_{side}"] - x["cumulative"] for x in (got, usual))
        np.testing.assert_allclose(half / wide, t.ppf(0.5 + level / 200, 4) / t.ppf(0.975, 4))


def _runs(sizes, count=400, series=40, seed=0):
    """Placebo runs of one step whose errors have these sizes in standard errors, by series."""
    rng = np.random.default_rng(seed)
    sizes = np.broadcast_to(sizes, (count, series))
    return [
        pd.DataFrame(
            {
                "_series": np.arange(series),
                "step": 1,
                "_error": rng.normal(size=series) * size * 7.0,
                "_up": 1.96 * 7.0,
                "_down": 1.96 * 7.0,
            }
        )
        for size in sizes
    ]


def test_placebos_that_err_as_they_should_leave_the_width():
    law = (0.2, 0.6)
    np.testing.assert_allclose(_corrections([], 3, 2, law, 3.0), 1.0)
    found = np.concatenate(
        [_corrections(_runs(1.0, 8, seed=k), 40, 1, law, 3.0) for k in range(20)]
    )
    assert found.mean() == pytest.approx(1.0, abs=0.03)


def test_what_all_series_of_a_run_share_is_one_event():
    """Twice the error in every series at a single start widens by much less than two."""
    law = (0.2, 0.6)
    once = _corrections(_runs(2.0, 1), 40, 1, law, 3.0).mean()
    often = _corrections(_runs(2.0, 8), 40, 1, law, 3.0).mean()
    assert 1.05 < once < 1.35
    assert once < often < 2.0


def test_a_series_that_errs_more_than_the_others_has_the_wider_interval():
    law = (0.2, 0.6)
    size = np.where(np.arange(40) < 5, 2.0, 1.0)
    found = np.mean(
        [_corrections(_runs(size, 8, seed=k), 40, 1, law, 3.0)[0] for k in range(20)], 0
    )
    assert found[:5].min() > 1.2 * found[5:].max()
    alone = _corrections(_runs(2.0, 8, series=1, seed=1), 1, 1, law, 3.0)
    assert alone.shape == (1, 1)


def test_few_values_before_the_start_make_no_finding():
    """Noise, and five months of history: hardly anything is found."""
    rng = np.random.default_rng(8)
    dates = pd.date_range("2024-01-01", periods=8, freq="MS")
    sales = pd.concat(
        pd.DataFrame({"key": k, "date": dates, "amount": 100 + 10 * rng.normal(size=8)})
        for k in range(120)
    )
    got = impact(sales, start="2024-06-01", by="key", freq="M").groupby("key").tail(1)
    assert (got["p_value"] < 0.05).mean() < 0.12


@pytest.mark.parametrize("freq", ["MS", "QS"])
def test_short_records_that_wander_make_few_findings(freq):
    """Random walks with a season that eight values cannot show."""
    rng = np.random.default_rng(12)
    dates = pd.date_range("2023-01-01", periods=11, freq=freq)
    season = rng.normal(0, 3, (120, 12))[:, (dates.month - 1).to_numpy()]
    walks = 100 + season + rng.normal(0, 3, (120, 11)).cumsum(axis=1)
    sales = pd.concat(
        pd.DataFrame({"key": k, "date": dates, "amount": x}) for k, x in enumerate(walks)
    )
    got = impact(sales, start=dates[8], by="key", freq=freq[0]).groupby("key").tail(1)
    assert (got["p_value"] < 0.05).mean() < 0.1
    assert (got["p_value"] < 0.1).any()


def test_a_gap_as_long_as_a_placebo_window_is_no_run():
    rng = np.random.default_rng(9)
    dates = pd.date_range("2020-01-01", periods=60, freq="MS")
    sales = pd.DataFrame({"date": dates, "amount": 100 + 10 * rng.normal(size=60)})
    gone = (sales["date"] >= "2023-07-01") & (sales["date"] < "2024-07-01")
    got = impact(sales[~gone], start="2024-09-01", gaps="missing", freq="M")
    assert np.isfinite(got[["cumulative_lo", "cumulative_hi", "p_value"]]).all(axis=None)


def test_a_control_without_news_changes_nothing():
    """A constant column says nothing: forecast and widths stay."""
    sales = stores(count=2)
    plain = impact(sales, start="2024-07-01", by="store", placebos=2)
    same = impact(
        sales.assign(flat=1.0), start="2024-07-01", by="store", placebos=2, controls="flat"
    )
    columns = ["expected", "effect_lo", "effect_hi", "cumulative"]
    np.testing.assert_allclose(same[columns], plain[columns], rtol=1e-6)
    width, wide = (x["cumulative_hi"] - x["cumulative_lo"] for x in (same, plain))
    np.testing.assert_allclose(width, wide, rtol=0.2)  # placebo runs count for more


def test_controls_that_are_not_known_are_refused():
    sales = stores(count=2)
    late = sales["date"] >= "2024-09-01"
    gone = sales.assign(market=sales["market"].where(~late))
    with pytest.raises(InputError, match=r"controls lack 8 value.*'market' of s00 on 2024-09-01"):
        impact(gone, start="2024-07-01", by="store", controls="market")
    with pytest.raises(InputError, match="controls names 'amount'"):
        impact(sales, start="2024-07-01", by="store", controls="amount")
    with pytest.raises(InputError, match="Name your own column with controls="):
        impact(sales, start="2024-07-01", by="store", controls="weather")


def test_a_control_that_leaves_its_past_is_told_of():
    months = pd.date_range("2022-01-01", periods=40, freq="MS")
    market = 100.0 + np.arange(40) % 7
    sales = pd.DataFrame({"date": months, "amount": 2 * market, "market": market})
    ask = {"start": "2025-01-01", "model": "naive", "controls": "market", "placebos": 1}
    impact(sales, **ask)  # nothing to tell: warnings are errors here
    sales.loc[37, "market"] = 300.0
    told = r"1 value\(s\) of controls.*'market' of the series on 2025-02-01: 300, before 100 to 106"
    with pytest.warns(DataWarning, match=told):
        impact(sales, **ask)


def test_starts_that_say_nothing_or_two_things_are_refused():
    sales = stores(count=2)
    with pytest.raises(InputError, match="start is empty"):
        impact(sales, start={}, by="store")
    twice = pd.Series(["2024-07-01", "2024-08-01"], index=["s00", "s00"])
    with pytest.raises(InputError, match="start names 's00' more than once"):
        impact(sales, start=twice, by="store")
    for name in ("step", "model", "lo_95"):
        with pytest.raises(InputError, match=f"by names {name!r}"):
            impact(sales.rename(columns={"store": name}), start="2024-07-01", by=name)
    begun = {"s00": "2024-07-01"}
    with pytest.raises(InputError, match=r"controls names 1 key.*'s00'; what was treated is no"):
        impact(sales, start=begun, by="store", controls=["s00"])


def test_width_of_a_sum_is_that_of_its_covariance():
    """Against the covariance written out: smoothing errors with the widths given."""
    rng = np.random.default_rng(3)
    wide = np.sort(rng.uniform(1, 3, (5, 2)), axis=0)
    made = pd.DataFrame(
        {
            "_series": np.repeat([4, 9], 5),
            "step": np.tile(np.arange(1, 6), 2),
            "_error": 0.0,
            "_up": wide.T.ravel() / 2,
            "_down": wide.T.ravel() / 2,
        }
    )
    law = (0.1, 0.8)
    _, up, _ = _sums(made, law)
    for j in range(2):
        w = wide[:, j] / 2
        growth = (w[-1] / w[0]) ** 2 - 1
        guess = np.sqrt(min(max(growth / 4, 0), 1))
        aim = 0.1 + 0.8 * correlation(guess)[np.triu_indices(5, 1)].mean()
        grid = np.linspace(0, 1, 20001)
        mean = [correlation(k)[np.triu_indices(5, 1)].mean() for k in grid[::100]]
        stays = np.interp(aim, mean, grid[::100])
        cov = correlation(stays) * np.outer(w, w)
        want = [np.sqrt(cov[:k, :k].sum()) for k in range(1, 6)]
        np.testing.assert_allclose(up[5 * j : 5 * j + 5], want, rtol=1e-4)


def correlation(stays):
    shocks = np.tril(np.full((5, 5), stays), -1) + np.eye(5)
    cov = shocks @ shocks.T
    return cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov)))


def test_controls_come_as_columns_tables_series_or_keys():
    sales = stores(count=6, n=48)
    start = {"s00": "2023-07-01"}
    options = {"start": start, "by": "store", "placebos": 1}
    column = impact(sales, controls="market", **options)
    market = sales.loc[sales["store"] == "s00", ["date", "market"]]
    for own in (market, market.set_index("date")["market"], sales[["store", "date", "market"]]):
        pd.testing.assert_frame_equal(
            impact(sales.drop(columns="market"), controls=own, **options), column
        )
    few = sales[sales["store"].isin(["s00", "s02", "s04"])]
    others = impact(few, controls="others", **options)
    named = impact(few, controls=["s02", "s04"], **options)
    pd.testing.assert_frame_equal(named, others)
    options["start"] = "2023-07-01"  # of all but the controls
    pd.testing.assert_frame_equal(impact(few, controls=("s02", "s04"), **options), others)
    with pytest.raises(
        InputError, match=r"controls lack 36 value.*first 'market' of s00 on 2023-07"
    ):
        impact(sales, controls=market[market["date"] < "2023-07-01"], **options)
    with pytest.raises(InputError, match="controls has no column of numbers"):
        impact(sales, controls=market[["date"]], **options)
    with pytest.raises(InputError, match="names all keys"):
        impact(few, controls=["s00", "s02", "s04"], **options)


def test_runs_that_erred_alike_count_as_far_in_any_unit():
    # Slow sellers: nothing sold in the window, nor in windows before it, forecast alike each time.
    rng = np.random.default_rng(1)
    dates = pd.date_range("2020-01-01", periods=48, freq="MS")
    sales = pd.DataFrame({"store": np.repeat(list("abcdefgh"), 48), "date": [*dates] * 8})
    sales["amount"] = rng.poisson(0.2, len(sales)) * 3.0
    yuan, cents = (
        impact(
            sales.assign(amount=sales["amount"] * unit), start="2023-10-01", by="store", placebos=3
        )
        for unit in (1, 100)
    )
    assert (yuan["placebo"] > 0.25).any()
    np.testing.assert_array_equal(yuan["placebo"], cents["placebo"])


@pytest.mark.parametrize("steps", [4, 26])
def test_sums_of_skewed_errors_are_as_wide_as_their_distribution(steps):
    """Independent exponential errors about their mean: the sum follows a gamma distribution."""
    from scipy.stats import gamma

    low, high = gamma.ppf([0.025, 0.975], 1)
    made = pd.DataFrame({"_series": 0, "step": np.arange(1, steps + 1), "_error": 0.0})
    made["_up"], made["_down"] = high - 1, 1 - low
    _, up, down = _sums(made, (0.0, 0.0))
    low, high = gamma.ppf([0.025, 0.975], steps)
    np.testing.assert_allclose((up[-1], down[-1]), (high - steps, steps - low), rtol=0.07)
    np.testing.assert_allclose((up[0], down[0]), (made["_up"][0], made["_down"][0]), rtol=1e-12)
    same = _sums(made.assign(_up=1.5, _down=1.5), (0.0, 0.0))[1]
    np.testing.assert_allclose(same, 1.5 * np.sqrt(np.arange(1, steps + 1)))


def test_sales_that_are_never_negative_are_not_expected_to_be_so_in_sum():
    rng = np.random.default_rng(4)
    dates = pd.date_range("2023-01-02", periods=90, freq="7D")
    orders = rng.lognormal(3, 1.2, (12, 90)) * (rng.random((12, 90)) < 0.5)
    sales = pd.concat(
        pd.DataFrame({"key": k, "date": dates, "amount": x}) for k, x in enumerate(orders)
    )
    got = impact(sales, start=dates[82], by="key", freq="W", placebos=0)
    expected = got["actual"].groupby(got["key"]).cumsum() - got["cumulative_hi"]
    assert (expected >= -1e-9 * got["expected"]).all()


def test_runs_from_before_a_season_was_seen_are_judged_by_wider_intervals(monkeypatch):
    kept = []
    told = desk._corrections
    monkeypatch.setattr(desk, "_corrections", lambda runs, *a: kept.append(runs) or told(runs, *a))
    rng = np.random.default_rng(6)
    dates = pd.date_range("2023-01-02", periods=80, freq="7D")
    sales = pd.DataFrame({"date": dates, "amount": 100 + 10 * rng.normal(size=80)})
    impact(sales, start=dates[64], freq="W", placebos=2)
    for run, factor in zip(kept[0], (1.2, 1.2)):  # from 48 and 43 weeks, of the 64 there are
        wide = run["hi_95"] - run["forecast"]
        np.testing.assert_allclose(run["_up"], factor * wide)
    impact(sales, start=dates[76], freq="W", placebos=1)
    np.testing.assert_allclose(kept[1][0]["_up"], kept[1][0]["hi_95"] - kept[1][0]["forecast"])


def test_the_usual_example_of_a_known_effect_with_a_control():
    """The recipe of the vignette of R's CausalImpact (AR(1) control, 1.2 x + noise, + 10 from 71
    of 100 on): there the effect is found at 10.5 a period."""
    rng = np.random.default_rng(1)
    x = np.zeros(600)
    for t in range(1, 600):
        x[t] = 0.999 * x[t - 1] + rng.normal()
    x = 100 + x[-100:]
    y = 1.2 * x + rng.normal(size=100) + 10 * (np.arange(100) >= 70)
    dates = pd.date_range("2024-01-01", periods=100)
    sales = pd.DataFrame({"date": dates, "amount": y, "x": x})
    last = impact(sales, start=dates[70], freq="D", controls="x").iloc[-1]
    assert last["cumulative"] / 30 == pytest.approx(10, abs=1)
    assert 0 < last["cumulative_lo"] < 300 < last["cumulative_hi"]
    assert last["p_value"] < 0.01


@pytest.mark.parametrize("unit", [1.0, 0.1])
def test_what_never_moved_has_no_effect_in_any_unit(unit):
    quarters = pd.date_range("2008-01-01", periods=71, freq="QS")
    level = 0.30000000000000004 * unit
    got = impact(pd.DataFrame({"date": quarters, "amount": level}), start=quarters[66])
    assert (got[["effect", "cumulative"]] == 0).all(axis=None)
    assert (got[["p_value", "placebo"]] == 1).all(axis=None)  # of .03 it was .5
