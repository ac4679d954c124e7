"""Calendar, events and drivers: known effects are found, carried forward, and never guessed."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from salesmgmt import calendars
from salesmgmt.engine.regression_effects import evidence, shrunken
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import backtest, forecast, simulate


def monthly(n=72, seed=0, effect=0.04, start="2018-01-01"):
    """Sales with a season and ``effect`` more for each working day above the month's usual."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range(start, periods=n + 12, freq="MS")
    days = calendars.working_days(dates[0], dates[-1] + pd.offsets.MonthEnd(), freq="M")
    days = days["weight"].to_numpy()
    usual = pd.Series(days).groupby(np.arange(len(days)) % 12).transform("mean").to_numpy()
    level = 1000 * (1 + 0.2 * np.sin(np.arange(n + 12) * np.pi / 6))
    amount = level * np.exp(effect * (days - usual) + rng.normal(0, 0.01, n + 12))
    return pd.DataFrame({"date": dates, "amount": amount})


def test_working_days_are_learned_and_carried_forward():
    sales = monthly()
    past, truth = sales.iloc[:72], sales.iloc[72:]
    plain = forecast(past, 12, level=None)["forecast"].to_numpy()
    known = forecast(past, 12, level=None, calendar="CN")["forecast"].to_numpy()
    error = [np.abs(f / truth["amount"].to_numpy() - 1).mean() for f in (plain, known)]
    assert error[1] < 0.6 * error[0]


def test_a_spring_festival_that_moves_is_forecast_better_with_the_calendar():
    rng = np.random.default_rng(1)
    days = pd.date_range("2016-01-01", "2025-12-31")
    festival = calendars.events(days[0], days[-1])["spring_festival"].to_numpy()
    daily = pd.DataFrame({"date": days, "amount": (1 - 0.8 * festival) * 100})
    daily["amount"] *= rng.normal(1, 0.05, len(days))
    month = daily.groupby(daily.date.dt.to_period("M").dt.start_time)["amount"].sum().reset_index()
    options = {"windows": 3, "step": 12, "models": "auto", "level": None}
    plain, known = backtest(month, 12, **options), backtest(month, 12, calendar="CN", **options)
    early = plain["date"].dt.month <= 2
    error = [(x["actual"] - x["forecast"]).abs()[early].mean() for x in (plain, known)]
    assert error[1] < 0.7 * error[0]


def test_price_effect_is_found_in_logarithms():
    rng = np.random.default_rng(2)
    frames = []
    for shop in ["a", "b", "c"]:
        price = rng.choice([0.0, 0.1, 0.2], 120)
        amount = np.exp(5 - 2.0 * price + rng.normal(0, 0.03, 120))
        dates = pd.date_range("2023-01-02", periods=120, freq="7D")
        frames.append(pd.DataFrame({"shop": shop, "date": dates, "amount": amount, "off": price}))
    sales = pd.concat(frames, ignore_index=True)
    ahead = pd.date_range(sales.date.max() + pd.Timedelta(days=7), periods=4, freq="7D")
    two = [
        forecast(
            sales,
            4,
            by="shop",
            exog="off",
            season_length=1,
            future=pd.DataFrame({"date": ahead, "off": x}),
        )
        for x in (0.0, 0.2)
    ]
    ratio = np.log(two[1]["forecast"] / two[0]["forecast"])
    np.testing.assert_allclose(ratio, -0.4, atol=0.06)
    assert (two[1]["lo_95"] <= two[1]["lo_80"]).all()


def test_lagged_driver_needs_no_future_within_its_lag():
    rng = np.random.default_rng(3)
    lead = rng.normal(0, 1, 80)
    amount = 100 + 10 * np.r_[0, 0, lead[:-2]] + rng.normal(0, 0.5, 80)
    dates = pd.date_range("2018-01-01", periods=80, freq="MS")
    sales = pd.DataFrame({"date": dates, "amount": amount, "orders": lead})
    got = forecast(sales, 2, exog={"orders": 2}, season_length=1, level=None, model="mean")
    np.testing.assert_allclose(got["forecast"], 100 + 10 * lead[-2:], atol=2.0)
    with pytest.raises(InputError, match=r"future lacks 1 value\(s\).*'orders_lag2'.*2024-11-01"):
        forecast(sales, 3, exog={"orders": 2}, season_length=1)


def test_missing_future_values_are_listed():
    sales = monthly(40).assign(promo=0.0, shop="s1")
    when = pd.date_range(sales.date.max(), periods=4, freq="MS")[1:]
    plan = pd.DataFrame({"date": when, "promo": [1.0, np.nan, 0.0], "shop": "s1"})
    with pytest.raises(InputError, match=r"lacks 1 value\(s\) of the drivers, first 'promo' of s1"):
        forecast(sales, 3, by="shop", exog="promo", future=plan)
    with pytest.raises(InputError, match="future is given without exog"):
        forecast(sales, 3, future=plan)
    with pytest.raises(InputError, match="'price'"):
        forecast(sales, 3, exog="price")


def test_own_calendar_frame_must_cover_the_horizon():
    sales = monthly(40)
    frame = pd.DataFrame({"date": sales["date"], "fair": [1.0, 0.0] * 26})
    with pytest.raises(InputError, match=r"calendar lacks 2 period\(s\).*2022-05-01"):
        forecast(sales, 2, calendar=frame)
    longer = pd.DataFrame({"date": pd.date_range("2018-01-01", periods=60, freq="MS"), "fair": 0.0})
    longer.loc[::7, "fair"] = 1.0
    assert len(forecast(sales, 2, calendar=longer)) == 2


def test_own_event_is_carried_forward():
    days = pd.date_range("2022-01-01", "2025-10-31")
    rng = np.random.default_rng(4)
    amount = rng.normal(100, 3, len(days))
    event = (days.month == 11) & (days.day == 11)
    amount[event] *= 3
    sales = pd.DataFrame({"date": days, "amount": amount})
    own = pd.DataFrame({"name": "double 11", "start": [f"{y}-11-11" for y in range(2022, 2026)]})
    got = forecast(sales, 20, events=own, level=None)
    day = got["date"] == "2025-11-11"
    assert got["forecast"][day].item() == pytest.approx(300, rel=0.15)
    assert got["forecast"][~day].to_numpy() == pytest.approx(100, rel=0.05)


def test_negative_and_intermittent_series_are_safe():
    dates = pd.date_range("2021-01-01", periods=48, freq="MS")
    rng = np.random.default_rng(5)
    shapes = {
        "zeros": np.zeros(48),
        "rare": rng.poisson(0.3, 48).astype(float),
        "negative": rng.normal(0, 10, 48),
        "one": np.r_[np.full(47, np.nan), 5.0],
    }
    parts = [pd.DataFrame({"k": k, "date": dates, "amount": v}) for k, v in shapes.items()]
    got = forecast(pd.concat(parts), 6, by="k", calendar="CN")
    assert np.isfinite(got.select_dtypes("number").to_numpy()).all()
    assert (got[got.k.isin(["zeros", "rare"])]["lo_95"] >= 0).all()


def test_effects_shrink_to_nothing_in_noise():
    rng = np.random.default_rng(6)
    y = np.exp(rng.normal(0, 0.05, (60, 30)))
    x = rng.normal(0, 1, (60, 4))
    found = evidence(y, x, 1)
    beta, _ = shrunken(found.information, found.score)
    free = np.linalg.solve(found.information, found.score[..., None])[..., 0]
    assert np.abs(beta).mean() < 0.5 * np.abs(free).mean()


def test_shared_effects_are_learned_across_series():
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (40, 2))
    y = np.exp(3 + x @ np.array([0.1, -0.05])[:, None] + rng.normal(0, 0.1, (40, 50)))
    found = evidence(y, x, 1)
    beta, post = shrunken(found.information, found.score)
    np.testing.assert_allclose(beta.mean(axis=0), [0.1, -0.05], atol=0.01)
    assert np.abs(beta - [0.1, -0.05]).max() < 0.05
    assert (np.einsum("sii->si", post) > 0).all()


def test_an_effect_that_is_unsure_widens_what_has_moved_since_lately():
    """A trending driver that stays where it is adds nothing to be unsure of; the level knows it."""
    rng = np.random.default_rng(5)
    x = np.concatenate([np.linspace(-1, 1, 48), np.ones(12)])
    dates = pd.date_range("2019-01-01", periods=66, freq="MS")
    sales = pd.DataFrame({"date": dates[:60], "amount": 100 + rng.normal(0, 5, 60), "x": x})
    width = {}
    for ahead in (1.0, 0.0, -1.0):
        future = pd.DataFrame({"date": dates[60:], "x": ahead})
        made = forecast(sales, 6, exog="x", future=future, level=95)
        drawn = simulate(sales, 6, exog="x", future=future, n=2000).groupby("date")["amount"]
        low, high = drawn.quantile(0.025), drawn.quantile(0.975)
        width[ahead] = (made["hi_95"] - made["lo_95"]).mean()
        assert (high - low).mean() == pytest.approx(width[ahead], rel=0.1)
    assert width[1.0] < 0.95 * width[0.0] < 0.95 * width[-1.0]


def _regressed(series, n, seed, k=3):
    """Level, a season of four, effects of ``k`` regressors, noise; and the regressors."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    season = np.tile([0.2, -0.1, 0.0, -0.1], n)[:n, None]
    y = np.exp(5 + season + x @ np.full((k, 1), 0.1) + rng.normal(0, 0.05, (n, series)))
    return y, x


def test_series_side_by_side_say_what_each_says_alone():
    y, x = _regressed(6, 60, 3)
    y[5:9, 1] = np.nan
    y[30:32, 4] = np.nan
    own = x + np.random.default_rng(4).normal(size=(6, *x.shape))
    for table in (x, own):
        got = evidence(y, table, 4)
        for j in range(6):
            alone = evidence(y[:, [j]], table if table.ndim == 2 else table[j], 4)
            np.testing.assert_allclose(got.information[j], alone.information[0], rtol=1e-9)
            np.testing.assert_allclose(got.score[j], alone.score[0], rtol=1e-9, atol=1e-6)
            assert got.logs[j] == alone.logs[0]


def test_information_is_that_of_least_squares():
    """One filter written out: regression on level, slope, season and regressors, by normal form."""
    from scipy.signal import lfilter

    y, x = _regressed(1, 80, 5)
    got = evidence(y, x, 4, logs=True)
    beta = np.linalg.solve(got.information[0], got.score[0])
    found = []
    for a in (0.02, 0.1, 0.25, 0.5, 0.8):
        t = np.arange(80)
        base = np.column_stack([np.ones(80), t, *(t % 4 == k for k in (1, 2, 3)), x])
        f = lfilter([1, -1], [1, a - 1], base.astype(float), axis=0)
        e = lfilter([1, -1], [1, a - 1], np.log(y[:, 0]))
        found.append(np.linalg.lstsq(f, e, rcond=None)[0][-3:])
    assert min(np.abs(beta - b).max() for b in found) < 0.01
    np.testing.assert_allclose(beta, 0.1, atol=0.02)


def test_series_of_a_few_values_or_of_zeros_do_not_spoil_the_others():
    y, x = _regressed(12, 120, 6)
    clean = shrunken(*_said(evidence(y, x, 52)))[0]
    rng = np.random.default_rng(7)
    odd = np.full((120, 6), np.nan)
    odd[-4:, 0] = [24.0, 12.0, 12.0, 12.0]
    odd[-6:, 1] = [-41.0, 44.0, -100.0, 18.0, 58.0, -58.0]
    odd[:, 2:4] = 0.0
    odd[0, 2], odd[[3, 50], 3] = 10.0, 7.0
    odd[:, 4] = 0.0
    odd[rng.choice(120, 9, replace=False), 4] = rng.integers(1, 9, 9)
    odd[:, 5] = 100.0  # a fixed fee
    both = shrunken(*_said(evidence(np.hstack([y, odd]), x, 52)))[0]
    np.testing.assert_allclose(both[:12], clean, atol=0.02)
    assert np.abs(both).max() < 0.3


def _said(found):
    return found.information, found.score


def test_a_short_gappy_record_takes_the_effects_of_the_others():
    """Years of weeks with a season of a year, and weeks that are known once only."""
    rng = np.random.default_rng(8)
    dates = pd.date_range("2023-01-02", periods=117, freq="7D")
    frames = []
    for i in range(10):
        amount = 100 * (1 + i) * np.exp(rng.normal(0, 0.1, 117))
        known = np.ones(117, bool) if i < 6 else rng.random(117) < (0.5 if i < 9 else 0.1)
        frames.append(pd.DataFrame({"s": i, "date": dates, "amount": amount})[known])
    sales = pd.concat(frames)
    for gaps in ("missing", "zero"):
        options = {"by": "s", "gaps": gaps, "level": None, "model": "naive"}
        plain = forecast(sales, 8, **options)["forecast"].to_numpy()
        known = forecast(sales, 8, calendar="US", **options)["forecast"].to_numpy()
        some = plain > 0
        assert (np.abs(np.log(known[some] / plain[some])) < 0.5).all()


def test_a_wrong_table_of_events_is_named_as_the_user_calls_it():
    sales = pd.DataFrame({"date": pd.date_range("2022-01-01", periods=30, freq="MS")})
    sales["amount"] = 100.0
    bad = pd.DataFrame({"event": ["fair"], "start": ["2024-03-01"]})
    with pytest.raises(InputError, match=r"^forecast\(\): events has no column 'name'\. .*Rename"):
        forecast(sales, 3, events=bad)


def test_a_driver_of_true_and_false_is_one_of_ones_and_zeros():
    rng = np.random.default_rng(2)
    dates = pd.date_range("2019-01-01", periods=66, freq="MS")
    runs = rng.uniform(size=66) < 0.3
    sales = pd.DataFrame({"date": dates, "amount": 100 + 40 * runs + rng.normal(0, 1, 66)})
    known, ahead = {}, {}
    for name, column in (("flag", runs), ("number", runs * 1.0), ("text", pd.array(runs))):
        table = sales.assign(promotion=column)
        past, future = table.iloc[:60], table.iloc[60:].drop(columns="amount")
        known[name] = forecast(past, 6, exog="promotion", future=future)
        ahead[name] = future
    pd.testing.assert_frame_equal(known["flag"], known["number"])
    pd.testing.assert_frame_equal(known["text"], known["number"])
    gone = ahead["text"]["promotion"].where(ahead["text"].index > 60)
    gone = ahead["text"].assign(promotion=gone)
    with pytest.raises(InputError, match="future lacks 1 value"):
        forecast(sales.assign(promotion=runs).iloc[:60], 6, exog="promotion", future=gone)


def test_messages_name_the_argument_of_the_caller():
    sales = monthly(24).iloc[:24]
    with pytest.raises(InputError, match=r"forecast\(\): calendar 'XX' is not known"):
        forecast(sales, 2, calendar="XX")
    dates = pd.DataFrame({"date": ["2018-11-11", "2019-11-11"], "double11": 1.0})
    with pytest.raises(InputError, match=r"calendar lacks 24 period.*Single dates.*events="):
        forecast(sales, 2, calendar=dates)
    with pytest.raises(InputError, match=r"season_length is one number.*168 beside 24"):
        forecast(sales, 2, season_length=[24, 168])


def unmoved(unit: float) -> pd.DataFrame:
    """A discount that has always been the same, and is another one next month."""
    dates = pd.date_range("2020-01-01", periods=49, freq="MS")
    amount = 100 + 10 * np.sin(np.arange(48) * np.pi / 6) + np.random.default_rng(0).normal(size=48)
    sales = pd.DataFrame({"date": dates[:48], "amount": amount, "discount": 0.1 * unit})
    ahead = pd.DataFrame({"date": dates[48:], "discount": [0.5 * unit]})
    with pytest.warns(DataWarning, match="'discount' is the same in the whole history"):
        return forecast(sales, 1, freq="M", exog="discount", future=ahead)


def test_a_driver_that_never_moved_is_told_and_keeps_the_interval_sane():
    """The mean of forty-eight .1 is not .1: the interval reached from 0 to 4e16."""
    made = unmoved(1.0)
    assert made["hi_95"].iloc[0] < 2 * made["forecast"].iloc[0]


def test_the_unit_of_a_driver_that_never_moved_does_not_matter():
    pd.testing.assert_frame_equal(unmoved(1.0), unmoved(1e6))


@pytest.mark.filterwarnings("error")
def test_drivers_and_sales_of_any_size_are_numbers():
    rng = np.random.default_rng(1)
    dates = pd.date_range("2020-01-01", periods=51, freq="MS")
    x = rng.normal(size=51)
    sales = pd.DataFrame({"date": dates[:48], "amount": 100 + 3 * x[:48], "x": x[:48]})
    ahead = pd.DataFrame({"date": dates[48:], "x": x[48:]})
    usual = forecast(sales, 3, freq="M", exog="x", future=ahead)
    large = forecast(
        sales.assign(x=sales["x"] * 1e300),
        3,
        freq="M",
        exog="x",
        future=ahead.assign(x=x[48:] * 1e300),
    )
    pd.testing.assert_frame_equal(usual, large)
    forecast(sales.assign(amount=np.where(np.arange(48) < 20, 0.0, 1e300)), 3, freq="M")


def test_what_sells_nothing_has_no_share_of_the_calendar():
    """Effects of the others were put on it, as shares of one, whatever the unit."""
    dates = pd.date_range("2020-01-01", periods=40, freq="MS")
    rng = np.random.default_rng(4)
    ups = np.where(rng.random(40) < 0.3, -1, 1) * rng.normal(100, 30, 40)
    sales = pd.DataFrame({"key": np.repeat(["nothing", "ups and downs"], 40)})
    sales = sales.assign(date=[*dates, *dates], amount=[*np.zeros(40), *ups])
    made = forecast(sales, 6, by="key", freq="M", calendar="DE")
    nothing = made[made["key"] == "nothing"].drop(columns=["key", "date", "status"])
    assert (nothing == 0).all().all()


def test_what_series_are_called_moves_no_effect():
    rng = np.random.default_rng(3)
    count, time = 410, 30  # more series than are asked for the usual size of a driver
    dates = pd.date_range("2022-01-01", periods=time, freq="MS")
    promo = rng.integers(0, 2, (count, time)) * rng.uniform(0.2, 3, (count, 1))
    noise = np.exp(rng.normal(0, rng.uniform(0.02, 0.4, (count, 1)), (count, time)))
    amount = rng.lognormal(4, 1, (count, 1)) * (1 + 0.3 * promo) * noise
    place = np.repeat(np.arange(count), time)
    sales = pd.DataFrame(
        {
            "shop": place,
            "other": rng.permutation(count)[place],
            "date": np.tile(dates, count),
            "amount": amount.ravel(),
            "promo": promo.ravel(),
        }
    )
    future = pd.DataFrame({"date": ["2024-07-01"], "promo": [1.0]})
    options = {"exog": "promo", "future": future, "model": "mean", "level": None}
    want = forecast(sales, 1, by="shop", **options)
    got = forecast(sales, 1, by="other", **options)
    names = sales[["shop", "other"]].drop_duplicates()
    got = got.merge(names, on="other").sort_values("shop")
    np.testing.assert_allclose(got["forecast"], want["forecast"], rtol=1e-9)


def test_a_driver_far_beyond_its_past_is_told():
    rng = np.random.default_rng(0)
    dates = pd.date_range("2020-01-01", periods=51, freq="MS")
    price = np.tile([10.0, 11.0, 12.0], 17)
    sales = pd.DataFrame(
        {
            "date": dates[:48],
            "price": price[:48],
            "amount": 200 - 5 * price[:48] + rng.normal(size=48),
        }
    )

    def told(highest: float) -> list[str]:
        ahead = pd.DataFrame({"date": dates[48:], "price": [10.0, highest, 8.0]})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            forecast(sales, 3, exog="price", future=ahead, model="naive")
        return [str(w.message) for w in caught]

    assert told(14.0) == []  # as far above 12 as 12 lies above 10
    (message,) = told(14.1)
    assert "1 value(s) of drivers in future lie far beyond" in message
    assert "'price' of the series on 2024-02-01: 14.1, so far 10 to 12." in message


def test_an_event_to_come_that_never_was_is_told():
    sales = monthly(n=48).iloc[:48]
    then = pd.to_datetime(["2019-03-10", "2020-05-12", "2021-04-11", "2022-02-08"])
    fair = pd.DataFrame({"name": "fair", "start": then})
    forecast(sales, 3, freq="M", events=fair, model="naive")  # warnings are errors here
    gala = pd.DataFrame({"name": ["gala"], "start": pd.to_datetime(["2022-02-12"])})
    both = pd.concat([fair, gala])
    with pytest.warns(DataWarning, match="1 column.*never in the history, first 'gala'"):
        forecast(sales, 3, freq="M", events=both, model="naive")
