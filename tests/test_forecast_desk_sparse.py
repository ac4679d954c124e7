"""Sparse items forecast together: known rates come back, sums agree, oracles by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt.engine.pooled_demand import Sizes, decay, recent_rates
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import forecast, forecast_sparse

LEVELS = (50, 80, 95)
QUANTILES = {f"{s}_{x}": 0.5 + (x / 200 if s == "hi" else -x / 200) for x in LEVELS
             for s in ("lo", "hi")}  # fmt: skip


def parts(seed: int, items: int = 120, months: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts of spare parts of two kinds with a season each; and what is truly to be expected."""
    rng = np.random.default_rng(seed)
    when = pd.date_range("2020-01-01", periods=months, freq="MS")
    rows = []
    for i in range(items):
        kind = "ab"[i % 2]
        wave = np.sin(2 * np.pi * np.arange(months) / 12 + 2.0 * (kind == "b"))
        rate = rng.gamma(0.8, 0.4) * np.exp(1.0 * wave)
        count = rng.poisson(rate)
        rows.append(pd.DataFrame({"part": f"p{i:03d}", "kind": kind, "date": when,
                                  "amount": count.astype(float), "rate": rate}))  # fmt: skip
    frame = pd.concat(rows, ignore_index=True)
    return frame.drop(columns="rate"), frame


def pinball(made: pd.DataFrame) -> float:
    loss = [
        np.maximum(q * (made["truth"] - made[c]), (q - 1) * (made["truth"] - made[c])).mean()
        for c, q in QUANTILES.items()
    ]
    return float(np.mean(loss))


@pytest.mark.parametrize("seed", range(3))
def test_known_rates_come_back_better_than_item_by_item(seed):
    sales, truth = parts(seed)
    past = sales[sales["date"] < "2024-01-01"]
    later = truth[truth["date"] >= "2024-01-01"].rename(columns={"amount": "truth"})
    pooled = forecast_sparse(past, 12, by="part", within="kind", freq="M", level=LEVELS)
    which = pooled[pooled["status"] == "pooled"]
    assert which["part"].nunique() > 80
    both = which.merge(later, on=["part", "date"])
    missed = ((both["forecast"] - both["rate"]) ** 2).mean()
    for model in ("imapa", "auto"):
        alone = forecast(past, 12, by="part", freq="M", model=model, level=LEVELS, gaps="zero")
        other = alone[alone["part"].isin(which["part"])].merge(later, on=["part", "date"])
        assert missed < 0.8 * ((other["forecast"] - other["rate"]) ** 2).mean()
        assert pinball(both) < 0.97 * pinball(other)


def test_intervals_and_chances_hold():
    above, inside, chance, sold = [], [], [], []
    for seed in range(6):
        sales, truth = parts(seed)
        past = sales[sales["date"] < "2024-01-01"]
        made = forecast_sparse(past, 12, by="part", within="kind", freq="M", level=LEVELS)
        both = made[made["status"] == "pooled"].merge(truth, on=["part", "date"])
        above.append((both["amount"] > both["hi_80"]).mean())
        inside.append(both["amount"].between(both["lo_95"], both["hi_95"]).mean())
        chance.append(both["chance"].mean())
        sold.append((both["amount"] > 0).mean())
        assert (both[["lo_80", "hi_80"]] % 1 == 0).all(axis=None)  # pieces
    assert np.mean(above) <= 0.11
    assert 0.94 <= np.mean(inside) <= 0.99
    assert np.mean(chance) == pytest.approx(np.mean(sold), abs=0.03)


def test_items_add_up_to_a_forecast_of_their_group():
    sales, _ = parts(0, 40, 48)
    made = forecast_sparse(sales, 6, by="part", within="kind", freq="M", level=None)
    pooled = made[made["status"] == "pooled"]
    kinds = sales.drop_duplicates("part")[["part", "kind"]]
    sums = pooled.merge(kinds, on="part").groupby(["kind", "date"])["forecast"].sum()
    of = sales[sales["part"].isin(pooled["part"])].groupby(["kind", "date"], as_index=False)
    whole = forecast(of["amount"].sum(), 6, by="kind", freq="M", level=None)
    ratio = sums / whole.set_index(["kind", "date"])["forecast"]
    for kind in "ab":  # the group's season in full; its level between the group's and the items'
        np.testing.assert_allclose(ratio[kind], ratio[kind].iloc[0], rtol=1e-9)
    assert ratio.between(0.5, 2).all()


def test_items_that_sell_often_keep_their_own_forecast():
    sales, _ = parts(1, 20, 48)
    often = sales[sales["part"] == "p000"].assign(part="often", amount=lambda x: x["amount"] + 9)
    sales = pd.concat([sales, often])
    made = forecast_sparse(sales, 5, by="part", freq="M")
    alone = forecast(sales, 5, by="part", freq="M", gaps="zero")
    mine, theirs = (x[x["part"] == "often"].reset_index(drop=True) for x in (made, alone))
    pd.testing.assert_frame_equal(mine.drop(columns="chance"), theirs)
    assert mine["chance"].isna().all()
    assert made["date"].equals(alone["date"])
    assert list(made.columns) == [*alone.columns[:-1], "chance", "status"]
    everyone = forecast_sparse(sales, 5, by="part", freq="M", adi=1.0)
    sold = sales.groupby("part")["amount"].sum() > 0
    assert everyone["status"].eq("pooled").equals(everyone["part"].map(sold))


def test_groups_too_small_are_left_alone():
    sales, _ = parts(2, 12, 36)
    few = sales.assign(kind=np.where(sales["part"].isin(["p000", "p002"]), "few", sales["kind"]))
    made = forecast_sparse(few, 3, by="part", within="kind", freq="M", adi=1.0)
    alone = made[made["part"].isin(["p000", "p002"])]
    assert (alone["status"] != "pooled").all()
    rest = made[~made["part"].isin(["p000", "p002"])]
    sold = sales.groupby("part")["amount"].sum() > 0
    assert rest["status"].eq("pooled").equals(rest["part"].map(sold))


def test_order_index_and_scale_change_nothing():
    sales, _ = parts(3, 30, 40)
    sales["amount"] *= 1 + sales.index % 7 / 11  # money: no whole numbers
    before = sales.copy()
    a = forecast_sparse(sales, 4, by="part", within="kind", freq="M")
    mixed = sales.sample(frac=1, random_state=0).set_axis(["x"] * len(sales))
    b = forecast_sparse(mixed, 4, by="part", within="kind", freq="M")
    pd.testing.assert_frame_equal(a, b)
    pd.testing.assert_frame_equal(sales, before)
    polars = pytest.importorskip("polars")
    other = forecast_sparse(polars.from_pandas(sales), 4, by="part", within="kind", freq="M")
    pd.testing.assert_frame_equal(a, other)
    c = forecast_sparse(sales.assign(amount=sales["amount"] * np.pi), 4, by="part", within="kind",
                        freq="M")  # fmt: skip
    for column in ("forecast", "lo_80", "hi_95"):
        np.testing.assert_allclose(c[column], np.pi * a[column], rtol=1e-6)
    np.testing.assert_allclose(c["chance"], a["chance"], rtol=1e-6)


def test_two_keys_and_whole_number_keys_keep_their_types():
    sales, _ = parts(4, 24, 36)
    sales = sales.assign(shop=sales["part"].str[2:].astype(int) % 3, part=sales["part"].str[1:])
    made = forecast_sparse(sales, 2, by=["shop", "part"], within=["kind", "shop"], freq="M")
    assert made["shop"].dtype == sales["shop"].dtype
    assert len(made) == 2 * 24
    assert made[["shop", "part", "date"]].equals(
        made[["shop", "part", "date"]].sort_values(["shop", "part", "date"], ignore_index=True)
    )


def test_rows_without_sales_need_not_be_there():
    sales, _ = parts(5, 30, 40)
    start = sales[sales["amount"] > 0].groupby("part")["date"].transform("min")
    full = sales[
        sales["date"] >= start.reindex(sales.index).groupby(sales["part"]).transform("max")
    ]
    last = {"as_of": "2023-04-30", "by": "part", "within": "kind", "freq": "M"}
    a = forecast_sparse(full, 3, **last)
    b = forecast_sparse(full[full["amount"] > 0], 3, **last)
    pd.testing.assert_frame_equal(a, b)


def test_returns_and_amounts_not_known():
    sales, _ = parts(6, 30, 40)
    a = forecast_sparse(sales, 3, by="part", freq="M", adi=1.0)
    back = sales["part"].eq("p001") & (sales["date"] == "2023-03-01")
    lower = forecast_sparse(sales.assign(amount=sales["amount"].where(~back, -3.0)), 3, by="part",
                            freq="M", adi=1.0)  # fmt: skip
    one = lower["part"] == "p001"
    assert (lower.loc[one, "forecast"] < a.loc[one, "forecast"]).all()
    assert (lower[["forecast", "lo_95", "hi_95"]] >= 0).all(axis=None)
    odd = forecast_sparse(sales.assign(amount=sales["amount"].where(~back)), 3, by="part",
                          freq="M", adi=1.0)  # fmt: skip
    assert np.isfinite(odd[["forecast", "lo_95", "hi_95"]].to_numpy()).all()


def test_an_item_that_only_sold_in_the_unfinished_month():
    sales, _ = parts(7, 20, 30)
    new = pd.DataFrame({"part": ["new"], "kind": ["a"], "date": [pd.Timestamp("2022-07-10")],
                        "amount": [4.0]})  # fmt: skip
    with pytest.warns(DataWarning, match="not over"):
        made = forecast_sparse(pd.concat([sales, new]), 2, by="part", within="kind", freq="M")
    assert (made.loc[made["part"] == "new", "forecast"] == 0).all()
    assert (made.loc[made["part"] == "new", "status"] == "no data").all()


def test_rows_without_a_kind_are_left_out_once_and_told():
    sales, _ = parts(9, 20, 30)
    gone = sales["part"] == "p003"
    bad = sales.assign(kind=sales["kind"].where(~gone))
    with pytest.raises(InputError, match="kind"):
        forecast_sparse(bad, 2, by="part", within="kind", freq="M")
    with pytest.warns(DataWarning, match="left out 30 of") as told:
        made = forecast_sparse(bad, 2, by="part", within="kind", freq="M", invalid="drop")
    assert len(told) == 1
    pd.testing.assert_frame_equal(
        made, forecast_sparse(sales[~gone], 2, by="part", within="kind", freq="M")
    )


def test_an_item_with_two_kinds_is_refused_by_name():
    sales, _ = parts(8, 10, 24)
    sales.loc[0, "kind"] = "b"
    with pytest.raises(InputError, match=r"1 item\(s\) have several values of \['kind'\], first"):
        forecast_sparse(sales, 2, by="part", within="kind", freq="M")
    with pytest.raises(InputError, match="adi"):
        forecast_sparse(sales, 2, by="part", adi=0.5)
    with pytest.raises(InputError, match="give by="):
        forecast_sparse(sales, 2, by=[])


# --------------------------------------------------------------------------------------
# The engine beneath, by hand


def test_rates_are_discounted_means_drawn_to_the_group():
    code = np.array([0, 0, 1, 2])
    age = np.array([0, 2, 1, 0])
    value = np.array([3.0, 5.0, 2.0, 7.0])
    group = np.array([0, 0, 1])
    periods = [4, 3, 2]
    exposure = np.array([sum(0.8**k for k in range(n)) for n in periods])
    known = np.arange(4)[:, None] >= 4 - np.array(periods)
    got = recent_rates(code, age, value, known, group, 0.8)
    chance = (1 + 0.64 + 0.8) / (exposure[0] + exposure[1])
    wanted = (3 + 0.64 * 5 + 0.25 * chance * 4.0) / (exposure[0] + 0.25)
    assert got[0] == pytest.approx(wanted)
    assert got[2] == pytest.approx((7 + 0.25 * 7 / exposure[2]) / (exposure[2] + 0.25))


def test_memory_is_long_where_rates_stay_and_short_where_they_jump():
    rng = np.random.default_rng(1)
    known, group = np.ones((80, 200), bool), np.zeros(200, dtype=np.int64)
    chance = rng.beta(1, 4, 200)
    steady = rng.random((80, 200)) < chance
    assert decay(steady, known, group) > 0.95
    jumps = np.repeat(rng.beta(0.3, 0.6, (16, 200)), 5, axis=0)
    assert decay(rng.random((80, 200)) < jumps, known, group) < 0.82


def test_quantiles_are_those_of_the_mixture():
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(5), [3, 8, 1, 20, 2])
    value = np.round(rng.gamma(2.0, 3.0, len(code)), 2) + 0.01
    value[code == 3] = np.ceil(value[code == 3])
    group = np.array([0, 1, 0, 1, 1])
    sizes = Sizes(code, value, group)
    rate = np.array([[0.5, 2.0], [1.0, 30.0], [0.1, 3.0], [4.0, 0.01], [2.0, 2.5]])
    for item in range(5):
        own = value[code == item]
        ratios = np.concatenate(
            [
                value[code == j] / value[code == j].mean()
                for j in range(5)
                if group[j] == group[item]
            ]
        )
        lent = np.quantile(ratios, (np.arange(40) + 0.5) / 40) * own.mean()
        if item == 3:
            lent = np.maximum(np.rint(lent), 1)
        support = np.concatenate([own, lent])
        weight = np.concatenate([np.ones(len(own)), np.full(40, 0.25)]) / (len(own) + 10)
        mean = support @ weight
        assert sizes.mean[item] == pytest.approx(mean)
        for step in range(2):
            chance = min(rate[item, step] / mean, 1.0)
            more = max(rate[item, step] / mean, 1.0)
            assert sizes.chance(rate)[item, step] == pytest.approx(chance)
            for level in (0.1, 0.37, 0.63, 0.9, 0.99):
                got = sizes.quantile(level, rate)[item, step]
                if item == 3 and more > 1:
                    continue
                # smallest amount that is not exceeded with so much probability
                reach = 1 - chance + chance * weight[support * more <= got * (1 + 1e-9)].sum()
                below = 1 - chance + chance * weight[support * more < got * (1 - 1e-9)].sum()
                assert reach >= level - 1e-6
                assert got == 0 or below <= level + 1e-6
                if level <= 1 - chance:
                    assert got == 0


# --------------------------------------------------------------------------------------
# Real data: training part only, the last nine months held out


@pytest.mark.slow
def test_car_parts_are_forecast_better_together(data_dir):
    sales = pd.read_parquet(data_dir / "forecast" / "carparts_train.parquet")
    sales = sales.rename(columns={"unique_id": "part", "ds": "date", "y": "amount"})
    sales["date"] = sales["date"].astype("datetime64[us]")
    dates = np.sort(sales["date"].unique())
    past, later = sales[sales["date"] < dates[-9]], sales[sales["date"] >= dates[-9]]
    pooled = forecast_sparse(past, 9, by="part", freq="M", level=LEVELS)
    names = pooled.loc[pooled["status"] == "pooled", "part"].unique()
    assert len(names) > 1000
    jumps = past.groupby("part")["amount"].agg(lambda v: v.diff().pow(2).mean())
    later = later.rename(columns={"amount": "truth"})
    score = {}
    for name in ("pooled", "imapa", "auto"):
        made = pooled if name == "pooled" else forecast(
            past, 9, by="part", freq="M", model=name, level=LEVELS
        )  # fmt: skip
        both = made[made["part"].isin(names)].merge(later, on=["part", "date"])
        both = both[both["part"].map(jumps) > 0]
        mse = ((both["forecast"] - both["truth"]) ** 2).groupby(both["part"]).mean()
        score[name] = (np.sqrt(mse / jumps.reindex(mse.index)).mean(), pinball(both))
    for other in ("imapa", "auto"):
        assert score["pooled"][0] < 0.995 * score[other][0]
        assert score["pooled"][1] < 0.95 * score[other][1]


@pytest.mark.parametrize("horizon", [1, 6])
def test_an_event_is_learned_from_the_sums_and_lifts_every_part(horizon):
    """Three times the sales in the month of a fair, which moves: found, whatever is ahead."""
    rng = np.random.default_rng(21)
    when = pd.date_range("2018-01-01", periods=66, freq="MS")
    fairs = pd.to_datetime([f"{y}-{m}-10" for y, m in zip(range(2018, 2024), (3, 5, 4, 3, 5, 7))])
    fairs = fairs[:5].append(pd.DatetimeIndex([when[60]]) + pd.Timedelta(days=9))
    lift = np.where(np.isin(when, fairs.to_period("M").start_time), 3.0, 1.0)
    rate = rng.gamma(2.0, 0.12, 60)
    count = rng.poisson(rate[:, None] * lift).astype(float)
    sales = pd.DataFrame(
        {"part": np.repeat([f"p{i}" for i in range(60)], 66), "date": np.tile(when, 60)}
    ).assign(amount=count.ravel())
    past = sales[sales["date"] < when[60]]
    events = pd.DataFrame({"name": "fair", "start": fairs})
    options = {"by": "part", "freq": "M", "adi": 1.0, "season_length": 1, "level": (80,)}
    plain = forecast_sparse(past, horizon, **options)
    fair = forecast_sparse(past, horizon, events=events, **options)
    here = fair["date"] == when[60]
    ratio = fair["forecast"][here] / plain["forecast"][here]
    assert np.ptp(ratio) < 1e-9  # the same for every part
    np.testing.assert_allclose(ratio.mean(), 3.0, rtol=0.25)
    assert (fair["chance"][here] > plain["chance"][here]).all()
    np.testing.assert_allclose(fair["forecast"][here].sum(), 3 * rate.sum(), rtol=0.2)
    if horizon > 1:
        rest = fair["forecast"][~here].sum() / plain["forecast"][~here].sum()
        np.testing.assert_allclose(rest, 0.95, atol=0.1)
    mixed = forecast_sparse(past, horizon, calendar="CN", events=events, **options)
    assert mixed["forecast"].notna().all()


def test_calendar_reaches_parts_that_sell_often_too():
    sales, _ = parts(3, items=8, months=60)
    often = sales.assign(amount=sales["amount"] + 5)
    got = forecast_sparse(often, 3, by="part", freq="M", calendar="CN")
    assert set(got["status"]) == {"ok"}
    one = forecast(often, 3, by="part", freq="M", calendar="CN", gaps="zero")
    np.testing.assert_allclose(got["forecast"], one["forecast"], rtol=1e-9)
    with pytest.raises(InputError, match=r"^forecast_sparse\(\): .*'XX'"):
        forecast_sparse(sales, 3, by="part", freq="M", calendar="XX")
