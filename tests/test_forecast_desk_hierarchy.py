"""Reconciliation: against dense textbook algebra, and what must hold for any hierarchy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import nnls

from salesmgmt.engine.blending import mixing_weights, recent_size, spread
from salesmgmt.engine.reconciliation import Covariance, Projection, shrink, winsorised
from salesmgmt.errors import DataWarning, InputError
from salesmgmt.forecast import forecast, forecast_hierarchy, reconcile

SPREADS = ["top_down", "middle_out"]
METHODS = ["mint_shrink", "wls", "ols", "bottom_up", *SPREADS]


def crossed(regions=3, products=2, periods=2, seed=0, spread=5.0):
    """All crossings and margins of two keys, with base forecasts that do not add up."""
    rng = np.random.default_rng(seed)
    r, p = [f"r{i}" for i in range(regions)], [f"p{i}" for i in range(products)]
    rows = [(a, b) for a in [*r, None] for b in [*p, None]]
    nodes = pd.DataFrame(rows, columns=["region", "product"])
    dates = pd.DataFrame({"date": pd.date_range("2026-01-01", periods=periods, freq="MS")})
    base = nodes.merge(dates, how="cross")
    leaves = base.region.isna() * (regions - 1) + 1
    size = leaves * (base["product"].isna() * (products - 1) + 1)
    base["forecast"] = size * 10 + rng.normal(0, spread, len(base)) * np.sqrt(size)
    past = pd.DataFrame({"date": pd.date_range("2020-01-01", periods=40, freq="MS")})
    errors = nodes.merge(past, how="cross")
    errors["residual"] = rng.normal(size=len(errors)) * rng.uniform(1, 3, len(nodes)).repeat(40)
    return base, errors


def summing_matrix(nodes):
    """By definition, one comparison at a time."""
    full = nodes[nodes.notna().all(axis=1)]
    return np.array(
        [
            [all(pd.isna(a) or a == b for a, b in zip(x, y)) for y in full.to_numpy()]
            for x in nodes.to_numpy()
        ],
        dtype=float,
    )


def dense(base, W):
    """S (S' W^-1 S)^-1 S' W^-1 y, Wickramasuriya et al. (2019), equation 10."""
    nodes = base[["region", "product"]].drop_duplicates().reset_index(drop=True)
    S = summing_matrix(nodes)
    y = base["forecast"].to_numpy().reshape(len(nodes), -1)
    inverse = np.linalg.inv(W)
    return (S @ np.linalg.solve(S.T @ inverse @ S, S.T @ inverse @ y)).ravel()


def hts_shrinkage(e):
    """Schäfer and Strimmer's intensity in R's hts package: scaled, not centred."""
    x = e / np.sqrt((e**2).mean(axis=1, keepdims=True))
    n = e.shape[1]
    squares = (x**2) @ (x**2).T - (x @ x.T) ** 2 / n
    noise = squares / (n * (n - 1))
    corr = x @ x.T / n
    off = ~np.eye(len(e), dtype=bool)
    return min(1.0, noise[off].sum() / (corr[off] ** 2).sum())


def test_least_squares_agree_with_dense_algebra():
    base, errors = crossed()
    e = errors["residual"].to_numpy().reshape(-1, 40)
    sample = e @ e.T / 40
    share = hts_shrinkage(e)
    shrunk = share * np.diag(np.diag(sample)) + (1 - share) * sample
    cases = {"ols": np.eye(len(e)), "wls": np.diag(np.diag(sample)), "mint_shrink": shrunk}
    for method, W in cases.items():
        got = reconcile(base, keys=["region", "product"], method=method, residuals=errors)
        np.testing.assert_allclose(got["forecast"], dense(base, W), rtol=1e-9)
    assert got.attrs.get("shrinkage") == pytest.approx(share, rel=1e-9)


def test_wls_without_residuals_weighs_by_number_of_series():
    base, _ = crossed()
    nodes = base[["region", "product"]].drop_duplicates()
    W = np.diag(summing_matrix(nodes).sum(axis=1))
    got = reconcile(base, keys=["region", "product"], method="wls")
    np.testing.assert_allclose(got["forecast"], dense(base, W), rtol=1e-9)


def test_mint_without_residuals_says_so():
    base, _ = crossed()
    with pytest.warns(DataWarning, match="without residuals"):
        got = reconcile(base, keys=["region", "product"])
    same = reconcile(base, keys=["region", "product"], method="wls")
    np.testing.assert_allclose(got["forecast"], same["forecast"], rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_adds_up_and_ignores_order(method):
    base, errors = crossed()
    asked = {"keys": ["region", "product"], "method": method}
    if method not in SPREADS:
        asked["residuals"] = errors
    got = reconcile(base, **asked)
    wide = got.assign(region=got.region.fillna("*"), product=got["product"].fillna("*"))
    wide = wide.pivot_table(index="date", columns=["region", "product"], values="forecast")
    for p in ["p0", "p1", "*"]:
        total = sum(wide[f"r{i}", p] for i in range(3))
        np.testing.assert_allclose(wide["*", p], total, rtol=1e-12)
    for r in ["r0", "r1", "r2", "*"]:
        np.testing.assert_allclose(wide[r, "*"], wide[r, "p0"] + wide[r, "p1"], rtol=1e-12)
    mixed = base.sample(frac=1, random_state=3)
    again = reconcile(mixed, **asked)
    assert (again.index == mixed.index).all()
    np.testing.assert_allclose(again.loc[base.index, "forecast"], got["forecast"], rtol=1e-12)


def test_non_negative_is_the_constrained_optimum():
    base, errors = crossed(regions=4, products=3, spread=25.0, seed=2)
    got = reconcile(
        base, keys=["region", "product"], method="wls", residuals=errors, non_negative=True
    )
    nodes = base[["region", "product"]].drop_duplicates().reset_index(drop=True)
    S = summing_matrix(nodes)
    e = errors["residual"].to_numpy().reshape(-1, 40)
    root = 1 / np.sqrt((e**2).mean(axis=1))
    y = base["forecast"].to_numpy().reshape(len(nodes), -1)
    free = reconcile(base, keys=["region", "product"], method="wls", residuals=errors)
    assert (free["forecast"] < -1).any()
    for j in range(y.shape[1]):
        b, _ = nnls(S * root[:, None], y[:, j] * root)
        ours = got["forecast"].to_numpy().reshape(len(nodes), -1)[:, j]
        np.testing.assert_allclose(ours, S @ b, atol=1e-5)
    assert (got["forecast"] >= 0).all()


def test_non_negative_large_meets_the_optimality_conditions():
    rng = np.random.default_rng(5)
    group = rng.integers(0, 500, 3000)
    kind = rng.integers(0, 20, 3000)
    nodes, leaf = 1 + 20 + 500 + 3000, np.arange(3000)
    rows = np.concatenate([np.zeros(3000, int), 1 + kind, 21 + group, 521 + leaf])

    S = sparse.csr_array((np.ones(12000), (rows, np.tile(leaf, 4))), shape=(nodes, 3000))
    past = rng.normal(size=(nodes, 30)) * rng.uniform(0.5, 2, (nodes, 1))
    W, _ = shrink(past)
    y = S @ rng.gamma(1, 1, (3000, 2)) + rng.normal(size=(nodes, 2))
    b = Projection(S, 521 + leaf, W).leaves(y, non_negative=True)
    full = np.diag(W.diagonal) + W.factor @ W.factor.T
    slope = S.T @ np.linalg.solve(full, S @ b - y)
    scale = np.abs(S.T @ np.linalg.solve(full, y)).max()
    assert (b >= 0).all()
    assert (b == 0).mean() > 0.1
    assert np.abs(slope[b > 0]).max() < 1e-5 * scale
    assert slope[b == 0].min() > -1e-5 * scale


def test_shrink_keeps_variances_and_matches_the_definition():
    e = np.random.default_rng(1).normal(size=(12, 25)) * np.arange(1, 13)[:, None]
    found, share = shrink(e)
    assert share == pytest.approx(hts_shrinkage(e), rel=1e-10)
    np.testing.assert_allclose(found.variance, (e**2).mean(axis=1), rtol=1e-12)


def clustered_shrinkage(e, group):
    """The same with the variance of each sum of products taken over groups, pair by pair."""
    x = e / np.sqrt((e**2).mean(axis=1, keepdims=True))
    n, labels = e.shape[1], np.unique(group)
    noise = squares = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            if i == j:
                continue
            products = x[i] * x[j]
            away = [(products[group == g] - products.mean()).sum() for g in labels]
            noise += np.square(away).sum() * len(labels) / (len(labels) - 1) / n**2
            squares += products.mean() ** 2
    return min(1.0, noise / squares)


def test_shrink_counts_errors_of_one_origin_once():
    rng = np.random.default_rng(4)
    common = np.repeat(rng.normal(size=(2, 9)), 4, axis=1)[:, :34]
    e = rng.normal(size=(7, 2)) @ common + 0.3 * rng.normal(size=(7, 34))
    group = np.repeat(np.arange(9), 4)[:34]
    assert shrink(e, group)[1] == pytest.approx(clustered_shrinkage(e, group), rel=1e-9)
    assert shrink(e, np.arange(34))[1] == pytest.approx(hts_shrinkage(e), rel=1e-9)
    assert shrink(e, group)[1] > 2 * shrink(e)[1]
    assert shrink(e, np.zeros(34))[1] == 1.0


def test_a_backtest_as_residuals_counts_by_window():
    base, errors = crossed()
    errors = errors.rename(columns={"residual": "actual"}).assign(forecast=0.0)
    order = errors.groupby(["region", "product"], dropna=False).cumcount()
    e = errors["actual"].to_numpy().reshape(-1, 40)
    keys = ["region", "product"]
    for length in (1, 5):
        cut = pd.Timestamp("2010-01-01") + pd.to_timedelta(order // length, unit="D")
        got = reconcile(base, keys=keys, residuals=errors.assign(cutoff=cut))
        share = clustered_shrinkage(e, np.arange(40) // length)
        assert got.attrs["shrinkage"] == pytest.approx(share, rel=1e-9)


def test_top_down_by_forecast_and_by_historic_shares():
    base = pd.DataFrame(
        {
            "region": [None, "a", "b", "a", "a", "b"],
            "shop": [None, None, None, "1", "2", "3"],
            "date": "2026-01-01",
            "forecast": [200.0, 30.0, 70.0, 10.0, 10.0, 60.0],
        }
    )
    got = reconcile(base, keys=["region", "shop"], method="top_down")
    assert got["forecast"].tolist() == pytest.approx([200, 60, 140, 30, 30, 140])
    past = base.iloc[3:].drop(columns="forecast").assign(amount=[1.0, 3.0, 4.0])
    got = reconcile(base, keys=["region", "shop"], method="top_down", history=past)
    assert got["forecast"].tolist() == pytest.approx([200, 100, 100, 25, 75, 100])
    got = reconcile(base, keys=["region", "shop"], method="middle_out", middle="region")
    assert got["forecast"].tolist() == pytest.approx([100, 30, 70, 15, 15, 70])


def test_ragged_tree_takes_a_childless_node_as_bottom():
    base = pd.DataFrame(
        {
            "region": [None, "a", "b", "a", "a"],
            "city": [None, None, None, "1", "2"],
            "date": "2026-01-01",
            "forecast": [10.0, 5.0, 6.0, 2.0, 2.0],
        }
    )
    got = reconcile(base, keys=["region", "city"], method="bottom_up")
    assert got["forecast"].tolist() == [10.0, 4.0, 6.0, 2.0, 2.0]


def test_samples_add_up_draw_by_draw():
    base, errors = crossed(periods=1)
    draws = base.merge(pd.DataFrame({"draw": range(20)}), how="cross")
    noise = np.random.default_rng(0).normal(size=len(draws))
    draws["amount"] = draws.pop("forecast") + noise
    got = reconcile(draws, keys=["region", "product"], residuals=errors)
    full = got[got.region.notna() & got["product"].notna()].groupby("draw")["amount"].sum()
    top = got[got.region.isna() & got["product"].isna()].set_index("draw")["amount"]
    np.testing.assert_allclose(top, full, rtol=1e-12)


def test_interval_widths_follow_the_reconciled_variance():
    base, errors = crossed(periods=1)
    e = errors["residual"].to_numpy().reshape(-1, 40)
    half = 1.2816 * np.sqrt((e**2).mean(axis=1))
    base = base.assign(lo_80=base["forecast"] - half, hi_80=base["forecast"] + half)
    got = reconcile(base, keys=["region", "product"], residuals=errors)
    share = hts_shrinkage(e)
    sample = e @ e.T / 40
    W = share * np.diag(np.diag(sample)) + (1 - share) * sample
    S = summing_matrix(base[["region", "product"]])
    after = S @ np.linalg.inv(S.T @ np.linalg.inv(W) @ S) @ S.T
    width = 2 * 1.2816 * np.sqrt(np.diag(after))
    np.testing.assert_allclose(got["hi_80"] - got["lo_80"], width, rtol=1e-8)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1),
    st.sampled_from(METHODS),
    st.integers(0, 10**6),
)
def test_any_hierarchy_adds_up(cells, method, seed):
    leaves = pd.DataFrame(sorted(set(cells)), columns=["a", "b", "c"]).astype("Float64")
    parts = [leaves]
    for keep in [["a", "b"], ["a"], ["c"], []]:
        part = leaves[keep].drop_duplicates() if keep else pd.DataFrame(index=[0])
        parts.append(part.reindex(columns=["a", "b", "c"]).astype("Float64"))
    rng = np.random.default_rng(seed)
    base = pd.concat(parts, ignore_index=True).assign(date="2026-01-01")
    base["forecast"] = rng.gamma(1.0, 100.0, len(base))
    past = base.drop(columns="forecast").merge(pd.DataFrame({"t": range(8)}), how="cross")
    past["date"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(past.pop("t"), unit="D")
    past["residual"] = rng.normal(size=len(past))
    past = None if method in SPREADS else past
    for positive in (False, True):
        got = reconcile(
            base, keys=["a", "b", "c"], method=method, residuals=past, non_negative=positive
        )
        bottom = got.iloc[: len(leaves)]
        scale = got["forecast"].abs().max()
        for i in range(len(leaves), len(got)):
            row = got.iloc[i]
            inside = np.ones(len(leaves), dtype=bool)
            for key in ["a", "b", "c"]:
                if not pd.isna(row[key]):
                    inside &= (bottom[key] == row[key]).to_numpy(bool)
            assert abs(bottom["forecast"][inside].sum() - row["forecast"]) <= 1e-9 * scale
        if positive:
            assert (got["forecast"] >= 0).all()


def test_projection_without_sums_changes_nothing():

    y = np.arange(6.0).reshape(3, 2)
    same = Projection(sparse.csr_array(np.eye(3)), np.arange(3), Covariance(np.ones(3))).leaves(y)
    np.testing.assert_array_equal(same, y)


def test_level_named_twice_is_one_level():
    rows = [(a, b, c) for a in "xy" for b in "pq" for c in "mn"]
    sales = pd.DataFrame(rows, columns=["a", "b", "c"]).merge(
        pd.DataFrame({"date": pd.date_range("2025-01-01", periods=8, freq="MS")}), how="cross"
    )
    sales["amount"] = np.random.default_rng(0).gamma(4, 5, len(sales))
    options = {"keys": ["a", "b", "c"], "method": "wls", "model": "naive", "level": None}
    once, twice = (
        forecast_hierarchy(sales, 2, levels=levels, **options)
        for levels in ([[], ["a"], ["a", "b"]], [["a"], ["a", "b"], [], ["a"], ["b", "a"]])
    )
    pd.testing.assert_frame_equal(once, twice)


def test_errors_of_two_models_are_refused():
    """Whichever stood last would weigh the nodes: the order of rows decided the forecasts."""
    base, errors = crossed()
    keys = ["region", "product"]
    both = pd.concat([errors, errors.assign(residual=2 * errors["residual"])])
    with pytest.raises(InputError, match="more than one error of one date"):
        reconcile(base, keys=keys, residuals=both)
    again = both.assign(cutoff=pd.Timestamp("2020-01-01"))
    with pytest.raises(InputError, match="keep one model"):
        reconcile(base, keys=keys, method="wls", residuals=again)


def test_bad_hierarchies_are_named():
    base, errors = crossed()
    keys = ["region", "product"]
    with pytest.raises(InputError, match="two rows of one date"):
        reconcile(pd.concat([base, base.tail(1)]), keys=keys, method="ols")
    with pytest.raises(InputError, match="lack dates"):
        reconcile(base.iloc[1:], keys=keys, method="ols")
    margins = base[base.region.isna() | base["product"].isna()]
    with pytest.raises(InputError, match="forecast the crossings of 'region', 'product'"):
        reconcile(margins, keys=keys, method="ols")
    with pytest.raises(InputError, match="residuals lack 1 node"):
        reconcile(base, keys=keys, residuals=errors.iloc[40:])
    no_total = base[base.region.notna() | base["product"].notna()]
    with pytest.raises(InputError, match="the total is not forecast"):
        reconcile(no_total, keys=keys, method="top_down")
    with pytest.raises(InputError, match='history is for "top_down"'):
        reconcile(base, keys=keys, method="ols", history=errors)
    with pytest.raises(InputError, match="middle names 'x'"):
        reconcile(base, keys=keys, method="middle_out", middle="x")


@pytest.mark.parametrize("gaps", ["zero", "missing"])
def test_a_bottom_series_that_ended_adds_nothing(gaps):
    months = pd.date_range("2020-01-01", periods=48, freq="MS")
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame({"shop": s, "date": months, "amount": 100 + rng.normal(0, 3, 48)})
        for s in "abc"
    ]
    parts[2] = parts[2].head(24)
    got = forecast_hierarchy(pd.concat(parts), 6, keys="shop", gaps=gaps)
    total = got[got["shop"].isna()]["forecast"]
    assert total.between(190, 210).all()
    gone = got[got["shop"] == "c"]
    assert (gone["base"] == 0).all()
    assert (gone["forecast"] < 5).all()
    assert (gone["status"] == "ended").all()
    assert got[got["shop"] == "a"]["forecast"].between(90, 110).all()


def shops(seed=1, months=60):
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2020-01-01", periods=months, freq="MS")
    shared = rng.normal(0, 10, months)
    return pd.concat(
        pd.DataFrame({"shop": s, "date": dates, "amount": 200 + shared + rng.normal(0, 3, months)})
        for s in "abcd"
    )


def test_the_mixture_adds_up_and_keeps_to_the_past():
    sales = shops()
    got = forecast_hierarchy(sales, 3, keys="shop", level=(80,))
    assert got.attrs["method"] == "mixture"
    weights = got.attrs["weights"]
    assert min(weights.values()) >= 0
    assert sum(weights.values()) == pytest.approx(1, abs=0.005)
    total = got[got["shop"].isna()].set_index("date")["forecast"]
    parts = got[got["shop"].notna()].groupby("date")["forecast"].sum()
    np.testing.assert_allclose(total, parts, rtol=1e-12)
    assert (got["lo_80"] < got["forecast"]).all()
    assert (got["hi_80"] > got["forecast"]).all()
    mixed = forecast_hierarchy(sales.sample(frac=1, random_state=2), 3, keys="shop", level=(80,))
    pd.testing.assert_frame_equal(got, mixed)
    # A year of months says nothing of what would have been best.
    short = forecast_hierarchy(sales.groupby("shop").head(14), 3, keys="shop", level=None)
    assert short.attrs["method"] == "wls"
    assert "weights" not in short.attrs
    # Years after the last one known do not decide what was better before it.
    early = sales[sales["date"] < "2024-07-01"]
    poisoned = pd.concat([early, sales[sales["date"] >= "2024-07-01"].assign(amount=1e6)])
    a, b = (
        forecast_hierarchy(x, 3, keys="shop", level=None, as_of="2024-06-30")
        for x in (early, poisoned)
    )
    pd.testing.assert_frame_equal(a, b)


def test_the_order_of_crossed_keys_decides_nothing():
    sales = shops().assign(
        side=lambda x: x["shop"].map({"a": "n", "b": "n", "c": "s", "d": "s"}),
        kind=lambda x: x["shop"].map({"a": 1, "b": 2, "c": 1, "d": 2}),
        amount=lambda x: x["amount"] * x["shop"].map({"a": 0.2, "b": 1, "c": 1, "d": 3}),
    )
    one, other = (
        forecast_hierarchy(sales, 12, keys=keys, level=None)
        for keys in (["side", "kind"], ["kind", "side"])
    )
    assert one.attrs["weights"] == other.attrs["weights"]
    assert one.attrs["weights"]["top_down_finest"] > 0  # two levels of two nodes: which is finer?
    both = one.merge(other, on=["side", "kind", "date"], validate="1:1")
    assert len(both) == len(one)
    np.testing.assert_allclose(both["forecast_x"], both["forecast_y"], rtol=1e-9)


def test_the_mixture_takes_a_new_and_an_ended_shop():
    sales = shops()
    new = sales[(sales["shop"] == "a") & (sales["date"] >= "2024-11-01")].assign(shop="new")
    gone = sales[(sales["shop"] == "b") & (sales["date"] < "2023-01-01")].assign(shop="gone")
    got = forecast_hierarchy(
        pd.concat([sales, new, gone]), 6, keys="shop", freq="M", gaps="zero", level=None
    )
    assert got.attrs["method"] == "mixture"
    by_shop = got.groupby("shop")["forecast"].mean()
    assert by_shop["new"] == pytest.approx(200, rel=0.15)
    assert by_shop["gone"] < 5
    assert by_shop[list("abcd")].between(180, 220).all()


def test_noisy_shops_of_one_season_lean_on_the_total():
    """One seasonal pattern, shops so noisy that none shows it: shares of the total are right."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2018-01-01", periods=84, freq="MS")
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(84) / 12)
    size = np.repeat([20.0, 50.0, 100.0], 20)[:, None]
    amounts = size * season * np.maximum(1 + 0.8 * rng.normal(size=(60, 84)), 0)
    sales = pd.DataFrame(
        {
            "shop": np.repeat([f"s{i:02d}" for i in range(60)], 84),
            "date": np.tile(dates, 60),
            "amount": amounts.ravel(),
        }
    )
    got = forecast_hierarchy(sales[sales["date"] < "2024-01-01"], 12, keys="shop", level=None)
    weights = got.attrs["weights"]
    assert sum(v for k, v in weights.items() if k.startswith("top_down")) > 0.5
    leaves = got[got["shop"].notna()]
    truth = (size * season[72:]).ravel()
    before, after = (np.abs(leaves[c].to_numpy() - truth).mean() for c in ("base", "forecast"))
    assert after < 0.8 * before


def growing(trips: float, seed: int = 3, quarters: int = 64) -> pd.DataFrame:
    """Sixty places whose common growth turned four years ago; each place shows little but noise."""
    rng = np.random.default_rng(seed)
    turn = np.maximum(np.arange(quarters) - (quarters - 24), 0)
    mean = trips * np.exp(0.03 * turn)
    sales = [
        pd.DataFrame(
            {
                "state": f"s{i % 4}",
                "place": f"p{i:02d}",
                "date": pd.date_range("2005-01-01", periods=quarters, freq="QS"),
                "amount": rng.poisson(mean).astype(float),
            }
        )
        for i in range(60)
    ]
    return pd.concat(sales, ignore_index=True)


def test_growth_that_only_sums_show_reaches_every_place():
    sales = growing(6.0)
    early = sales[sales["date"] < "2019-01-01"]
    got = forecast_hierarchy(early, 8, keys=["state", "place"], levels=[[], ["state"]], level=None)
    truth = 6.0 * np.exp(0.03 * np.arange(17, 25))  # what was drawn from, not what was drawn
    leaves = got[got["place"].notna()]
    away = (leaves[["base", "forecast"]].to_numpy().reshape(60, 8, 2) - truth[:, None]).mean(axis=1)
    before, after = np.abs(away).mean(axis=0)
    assert after < before
    weights = got.attrs["weights"]
    others = ("mint_shrink_damped", "mint_shrink_mstl", "wls_mstl", "mint_shrink_ces")
    assert set(weights) > {"mint_shrink_holt", *others}
    assert all(weights[name] > 0 for name in others[1:])


def test_other_models_are_mixed_in_only_where_none_was_named():
    sales = shops()
    named = forecast_hierarchy(sales, 3, keys="shop", level=None, model="theta")
    turned = forecast_hierarchy(sales, 3, keys="shop", level=None, transform="log")
    fair = pd.DataFrame({"name": ["fair"], "start": ["2022-03-09"]})
    driven = forecast_hierarchy(sales, 3, keys="shop", level=None, events=fair)
    for got in (named, turned, driven):
        assert "wls" in got.attrs["weights"]
        assert not any(k.startswith(("mint_shrink_", "wls_")) for k in got.attrs["weights"])


@pytest.mark.parametrize("model", ["mstl", "ces"])
def test_an_opinion_is_the_model_by_name_where_that_has_something_to_say(model):
    from salesmgmt.engine.bank import opinion
    from salesmgmt.engine.estimates import Estimates

    rng = np.random.default_rng(4)
    t = np.arange(84)
    steady = 100 + t + 20 * np.sin(t * np.pi / 6) + rng.normal(0, 3, 84)
    launched = np.where(t < 30, 0.0, steady)
    slow = 9.0 * (rng.random(84) < 0.2)
    y = np.column_stack([steady, launched, slow])
    got = opinion(y, np.full(3, 84), 12, 12, model, Estimates())
    dates = pd.date_range("2017-01-01", periods=84, freq="MS")
    for column, first in ((0, 0), (1, 30)):  # zeros before the launch are no part of a series
        sales = pd.DataFrame({"date": dates[first:], "amount": y[first:, column]})
        want = forecast(sales, 12, freq="M", model=model, level=None)["forecast"]
        np.testing.assert_allclose(got[:, column], want, rtol=1e-9)
    assert np.isnan(got[:, 2]).all()


def test_a_view_without_anything_to_say_says_what_the_nodes_say():
    from salesmgmt._forecast.blending import Record, Tree, kinds
    from salesmgmt._forecast.hindsight import Ahead
    from salesmgmt._forecast.smoothing import View

    rng = np.random.default_rng(6)
    tree = Tree.of(pd.DataFrame({"shop": [None, *"abc"]}), ["shop"], "test")
    base = np.array([[70.0], [20.0], [10.0], [30.0]])
    ahead = Ahead(rng.normal(size=(4, 24)), np.repeat(np.arange(6), 4))
    silent = View(np.full((4, 1), np.nan), None, Ahead(np.full((4, 24), np.nan), ahead.together))
    errors = rng.normal(size=(4, 40)) * [[4.0], [1.0], [2.0], [3.0]]
    record = Record(np.ones((4, 60)), errors, 1, {"mstl": silent}, ahead)
    names = ["wls", "mint_ahead", "wls_mstl", "mint_shrink_mstl"]
    none = np.empty(0, dtype=np.int64), np.zeros((3, 1), dtype=bool)
    got = kinds(tree, base, record, *none, names, non_negative=False)
    np.testing.assert_allclose(got[2:], got[:2], rtol=1e-12)
    assert np.abs(got[0] - got[1]).max() > 0.01


def test_four_shops_and_one_month_do_not_decide_what_is_mixed():
    """Seasons of their own: what seemed best by five errors is by chance, often a coarser level."""
    t = np.arange(61)
    away = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        mean = 300 + 80 * np.sin(2 * np.pi * (t + 3 * np.arange(4)[:, None]) / 12)
        dates = pd.date_range("2019-01-01", periods=60, freq="MS")
        sales = mean + rng.normal(0, 40, (4, 61))
        frames = [
            pd.DataFrame({"shop": f"s{i}", "date": dates, "amount": y[:60]})
            for i, y in enumerate(sales)
        ]
        got = forecast_hierarchy(pd.concat(frames), 1, keys="shop", level=None)
        leaves = got.loc[got["shop"].notna(), ["base", "forecast"]].to_numpy()
        away.append(np.abs(leaves - mean[:, 60:]).mean(axis=0))
    before, after = np.mean(away, axis=0)
    assert after < 1.05 * before


def test_a_value_that_cannot_be_true_moves_no_forecast_of_other_models_either():
    sales = shops()
    odd = sales.assign(
        amount=sales["amount"].where((sales.shop > "a") | (sales.date < "2024-12"), 1e6)
    )
    plain, got = (forecast_hierarchy(x, 3, keys="shop", level=None) for x in (sales, odd))
    np.testing.assert_allclose(got["forecast"], plain["forecast"], rtol=0.2)


def test_residuals_of_ets_are_those_of_the_fitted_models():
    from salesmgmt._forecast.tree import _errors
    from salesmgmt.forecast import Forecaster

    sales = shops(months=48)
    frame = sales.assign(_node=sales.pop("shop").map(dict(zip("abcd", range(4)))))
    frame["_at"] = np.tile(np.arange(48), 4)
    options = {"by": "_node", "freq": "M", "season_length": 12, "partial": "keep"}
    made = {"model": "ets", "gaps": "missing", "caller": "test", **options}
    errors = _errors(frame, made)
    fitted = Forecaster(by="_node", freq="M", model="ets").fit(frame.drop(columns="_at"))
    rmse = np.sqrt((errors["residual"] ** 2).groupby(errors["_node"]).mean())
    np.testing.assert_allclose(rmse, fitted.summary_.set_index("_node")["rmse"], rtol=1e-5)


def test_errors_of_several_steps_by_brute_force():
    """Random walks of several lengths, some reported late: what came less the value before."""
    from salesmgmt._forecast.hindsight import missed_ahead
    from salesmgmt._forecast.intake import Block

    rng = np.random.default_rng(4)
    n, late, end = np.array([40, 40, 33, 18, 10]), np.array([0, 3, 0, 1, 0]), 60
    y = np.where(np.arange(40)[:, None] < n, rng.normal(9, 2, (40, 5)), np.nan)
    y[20, 0] = np.nan
    y[:30, 2] = 0.0  # launched late
    block = Block(np.arange(5), y, n, np.zeros(5, dtype=int), end - late)
    back = np.array([3, 5, 14])

    def naive(past, n, horizon):
        last = [v[np.isfinite(v)][-1] for v in (past[: n[j], j] for j in range(5))]
        return np.tile(last, (horizon, 1))

    got = missed_ahead(block, naive, end, back, 3, 1)
    for j, i, k in np.ndindex(5, 3, 3):
        known = n[j] + late[j] - back[i]  # values by the origin
        told = known >= 14 and known + k < n[j] and j != 2
        if told:
            past = y[:known, j]
            want = y[known + k, j] - past[np.isfinite(past)][-1]
            np.testing.assert_allclose(got[j, i, k], want, rtol=1e-12)
        else:
            assert np.isnan(got[j, i, k])


def test_fitted_models_make_their_one_step_errors_again():
    """With a horizon of one the errors ahead are those of the fit, odd ones bounded."""
    from salesmgmt._forecast.backtest import forecast_known
    from salesmgmt._forecast.hindsight import origins_of, panel_missed
    from salesmgmt._forecast.tree import _errors
    from salesmgmt.engine.estimates import Estimates

    sales = shops(months=48)
    frame = sales.assign(_node=sales.pop("shop").map(dict(zip("abcd", range(4)))))
    options = {"by": "_node", "freq": "M", "season_length": 12, "partial": "keep"}
    made = {"model": "ets", "gaps": "missing", "caller": "test", **options}
    errors = _errors(frame.assign(_at=np.tile(np.arange(48), 4)), made)
    made |= {"transform": None, "clean": False, "calendar": None, "events": None, "days": None}
    held = Estimates()
    forecast_known(frame, 1, **made, shared=held)
    end = int(errors["_at"].max())
    got = panel_missed(held, 4, end, 1, made)
    at = end + 1 - origins_of(held.known("free"), 1)
    want = errors.pivot(index="_node", columns="_at", values="residual")[at].to_numpy()
    kept = np.abs(want) < 2.0 * np.median(np.abs(want), axis=1, keepdims=True)
    assert kept.sum() > 30
    np.testing.assert_allclose(got.errors[kept], want[kept], rtol=1e-6)
    assert (np.abs(got.errors) <= np.abs(want) * (1 + 1e-6)).all()
    driven = panel_missed(held, 4, end, 1, {**made, "calendar": "CN"})
    assert driven is None


def test_odd_errors_are_bounded_by_hand():
    e = np.array([[1.0, -2.0, 3.0, -20.0, np.nan], [0.0, 0.0, 0.0, 6.0, 0.0], [np.nan] * 5])
    got = winsorised(e)
    bound = 2.5 * 1.4826 * 2.5  # the median of 1, 2, 3, 20 is 2.5
    np.testing.assert_allclose(got[0], [1, -2, 3, -bound, np.nan], rtol=1e-12)
    np.testing.assert_allclose(got[1], [0, 0, 0, 6.0, 0], rtol=1e-12)  # 2.5 x 6 / sqrt(5) > 6
    assert np.isnan(got[2]).all()


def test_errors_of_very_unlike_size_are_told_apart_or_not_at_all():
    """Thousands of millions beside a hundredth of a piece: what arithmetic can tell adds up."""
    rng = np.random.default_rng(3)
    summing = sparse.csr_array(
        np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0],
                  [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]], dtype=float)
    )  # fmt: skip
    size = np.array([1e10, 1e-4, 0.0, 1e-4, 1e6, 1e6, 1e10, 1e10])
    errors = shrink(size[:, None] * rng.normal(size=(8, 69)) + size[:, None] * rng.normal(size=69))
    own = np.array([2, 3, 5, 7])
    leaves = np.array([0.0, 3.0, 2e7, 5e10])
    got = Projection(summing, own, errors[0]).leaves((summing @ leaves)[:, None])
    np.testing.assert_allclose(got[:, 0], leaves, rtol=1e-6, atol=1e-2)


def test_labels_without_errors_ahead_get_their_one_step_errors_enlarged():
    from salesmgmt._forecast.hindsight import Ahead

    ahead = Ahead(np.array([[3.0, -3.0], [np.nan, np.nan]]), np.array([0, 1]))
    got = ahead.joined(np.array([[1.0, -1.0, 1.0], [5.0, np.nan, -5.0]]))
    none = np.nan
    want = [[3.0, -3.0, none, none, none], [none, none, 15.0, none, -15.0]]
    np.testing.assert_allclose(got.errors, want, rtol=1e-12)
    assert len(np.unique(got.together)) == 5
    same = Ahead(np.ones((2, 2)), np.array([0, 1]))
    assert same.joined(np.ones((2, 3))) is same


def test_mint_by_itself_learns_from_errors_of_the_whole_horizon():
    """Growth turned late: what the sums say for two years ahead reaches every place."""
    early = growing(6.0)
    early = early[early["date"] < "2019-01-01"]
    options = {"keys": ["state", "place"], "levels": [[], ["state"]], "level": None}
    got = forecast_hierarchy(early, 8, method="mint_shrink", **options)
    assert got.attrs["method"] == "mint_shrink"
    assert set(got.attrs["weights"]) == {"wls", "mint_shrink", "mint_ahead"}
    total = got[got["state"].isna()].set_index("date")["forecast"]
    for keys in ("state", "place"):
        rows = got[got[keys].notna() & (got["place"].notna() == (keys == "place"))]
        np.testing.assert_allclose(rows.groupby("date")["forecast"].sum(), total, rtol=1e-9)
    truth = 6.0 * np.exp(0.03 * np.arange(17, 25))
    leaves = got[got["place"].notna()]
    away = (leaves[["base", "forecast"]].to_numpy().reshape(60, 8, 2) - truth[:, None]).mean(axis=1)
    before, after = np.abs(away).mean(axis=0)
    assert after < 0.95 * before
    poisoned = growing(6.0)
    poisoned["amount"] = poisoned["amount"].where(poisoned["date"] < "2019-01-01", 1e6)
    again = forecast_hierarchy(poisoned, 8, method="mint_shrink", as_of="2018-12-31", **options)
    pd.testing.assert_frame_equal(got, again)


def test_sizes_and_shares_by_hand():
    values = np.array([[4.0, np.nan, 2.0], [-3.0, 3.0, 3.0]])
    found = recent_size(values, 2.0)  # weights 1/4, 1/2, 1
    np.testing.assert_allclose(found, [(4 / 4 + 2) / (1 / 4 + 1), 3.0], rtol=1e-12)
    top, above = np.array([[10.0, 20.0], [6.0, 8.0]]), np.array([0, 0, 1, 1])
    got = spread(top, above, np.array([1.0, 3.0, 0.0, 0.0]))
    np.testing.assert_allclose(got, [[2.5, 5.0], [7.5, 15.0], [0, 0], [0, 0]], rtol=1e-12)


def test_mixing_weights_are_those_of_the_linear_program():
    from scipy.optimize import linprog

    rng = np.random.default_rng(0)
    e = rng.laplace(size=(4, 400)) * np.array([1.0, 1.2, 2.0, 0.9])[:, None] + rng.normal(size=400)
    k, n = e.shape
    free = np.block([[e.T, -np.eye(n)], [-e.T, -np.eye(n)]])
    best = linprog(
        np.r_[np.zeros(k), np.ones(n) / n],
        A_ub=free,
        b_ub=np.zeros(2 * n),
        A_eq=np.r_[np.ones(k), np.zeros(n)][None],
        b_eq=[1.0],
    )
    usual = np.array([0.7, 0.1, 0.1, 0.1])
    w = mixing_weights(e, usual, 0.0)
    assert w.sum() == pytest.approx(1)
    assert np.abs(w @ e).mean() == pytest.approx(best.fun, rel=2e-3)
    np.testing.assert_allclose(mixing_weights(e, usual, 1e6), usual, atol=1e-3)
    np.testing.assert_array_equal(mixing_weights(np.zeros((4, 5)), usual, 0.1), usual)


@pytest.mark.parametrize("method", ["auto", "wls"])
def test_intervals_of_nodes_hold_what_comes(method):
    """Counts of known law, zeros among them: 95 % intervals of every level, from the law itself."""
    rng = np.random.default_rng(11)
    dates = pd.date_range("2019-01-01", periods=66, freq="MS")
    rate = rng.choice([0.4, 1.0, 4.0], 40)
    counts = rng.poisson(rate[:, None] * (1 + 0.3 * np.sin(np.arange(66) * np.pi / 6)))
    sales = pd.DataFrame(
        {
            "shop": np.repeat([f"s{i}" for i in range(40)], 66),
            "town": np.repeat([f"t{i // 5}" for i in range(40)], 66),
            "date": np.tile(dates, 40),
            "amount": counts.ravel() * 10.0,
        }
    )
    past, later = sales[sales.date < dates[60]], sales[sales.date >= dates[60]]
    options = {"keys": ["town", "shop"], "levels": [[], ["town"]], "freq": "M", "method": method}
    got = forecast_hierarchy(past, 6, **options)
    for keys in (["town", "shop"], ["town"]):
        truth = later.groupby([*keys, "date"], as_index=False)["amount"].sum()
        rows = got[got["shop"].isna() == ("shop" not in keys)].merge(truth, on=[*keys, "date"])
        inside = (rows["amount"] >= rows["lo_95"]) & (rows["amount"] <= rows["hi_95"])
        assert 0.88 < inside.mean() <= 1
    assert (got["lo_95"] <= got["forecast"]).all()
    assert (got["hi_95"] >= got["forecast"]).all()


def test_a_lower_end_of_zero_stays_there():
    """What may not be sold at all may still not be sold when the sum above it is higher."""
    rng = np.random.default_rng(12)
    dates = pd.date_range("2020-01-01", periods=48, freq="MS")
    frames = [
        pd.DataFrame({"item": i, "date": dates, "amount": 9.0 * (rng.random(48) < 0.3)})
        for i in range(12)
    ]
    for method in ("auto", "wls", "ols", "top_down"):
        got = forecast_hierarchy(pd.concat(frames), 4, keys="item", freq="M", method=method)
        item = got[got["item"].notna()]
        assert (item["lo_95"] < 1e-9).mean() > 0.9


def test_ends_of_intervals_stay_in_their_order_when_a_forecast_is_raised():
    from salesmgmt._forecast.tree import _around

    ends = {"lo_95": [-1.0, -150.0, 8e14], "lo_80": [1.0, -140.0, 9e14], "hi_80": [150.0, 10, 1e15]}
    base = pd.DataFrame({"forecast": [100.0, -50.0, 1e15], **ends})
    moved = _around(base.assign(forecast=[200.0, 100.0, 100.3]), base, False)
    assert moved.loc[0, ["lo_95", "lo_80"]].tolist() == [0.0, 2.0]  # was 99 and 2
    assert moved.loc[1, ["lo_95", "lo_80"]].tolist() == [0.0, 10.0]
    assert moved.loc[2, "hi_80"] == moved.loc[2, "forecast"] == 100.3  # was 100.25


def test_shares_by_signs_are_told_or_refused():
    base = pd.DataFrame(
        {"shop": [None, "a", "b"], "date": "2026-01-01", "forecast": [90.0, 50, -49]}
    )
    ask = {"keys": "shop", "method": "top_down"}
    with pytest.warns(DataWarning, match="2 node.*more than 2 times.*first a, b, since"):
        reconcile(base, **ask)
    kept = reconcile(base, non_negative=True, **ask)["forecast"]
    assert kept.tolist() == [90, 90, 0]  # was 4500, 4500, 0
    past = pd.DataFrame({"shop": ["a", "b"], "date": "2025-01-01", "amount": [30.0, -30.0]})
    with pytest.raises(InputError, match="sums above and below zero that cancel, first a, b"):
        reconcile(base, history=past, **ask)
    assert reconcile(base, history=past, non_negative=True, **ask)["forecast"].tolist() == [
        90,
        90,
        0,
    ]
    with pytest.warns(DataWarning, match="no row of 1 bottom node.*first b; they get no share"):
        reconcile(base, history=past[:1], **ask)
    with pytest.raises(InputError, match="residuals say nothing of the shares of 'top_down'"):
        reconcile(base, residuals=past.rename(columns={"amount": "residual"}), **ask)


def test_totals_under_a_name_of_their_own_are_told_of():
    base = pd.DataFrame(
        {"shop": ["Total", "a", "b"], "date": "2026-01-01", "forecast": [90.0, 50, 50]}
    )
    with pytest.warns(DataWarning, match="none of the 3 nodes is the sum of others.*not a label"):
        assert reconcile(base, keys="shop", method="ols")["forecast"].tolist() == [90, 50, 50]
    reconcile(base[1:2], keys="shop", method="ols")  # one series is the whole


def test_a_hierarchy_below_zero_or_without_amounts_is_told_of():
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    debts = pd.DataFrame(
        {
            "shop": np.repeat(["a", "b"], 12),
            "date": np.tile(months, 2),
            "amount": [5.0] * 12 + [-3.0] * 12,
        }
    )
    ask = {"keys": "shop", "level": None, "method": "bottom_up"}
    with pytest.warns(DataWarning, match="1 bottom series are forecast below zero, first b"):
        assert forecast_hierarchy(debts, 1, **ask)["forecast"].tolist() == [5, 5, 0]
    got = forecast_hierarchy(debts, 1, non_negative=False, **ask)
    assert got["forecast"].tolist() == [2, 5, -3]
    with pytest.raises(InputError, match="history has no known amount in 'amount'"):
        forecast_hierarchy(debts.assign(amount=np.nan), 1, **ask)
    for name in ("_at", "cutoff", "residual"):
        with pytest.raises(InputError, match=f"keys names '{name}'"):
            forecast_hierarchy(debts.rename(columns={"shop": name}), 1, **(ask | {"keys": name}))


@pytest.mark.parametrize("low", [0.0, -3.0])
def test_an_item_that_may_sell_nothing_still_may_when_its_forecast_of_zero_is_raised(low):
    from salesmgmt._forecast.tree import _around

    base = pd.DataFrame({"forecast": [0.0], "lo_80": [low], "hi_80": [4.0]})
    moved = _around(base.assign(forecast=[2.0]), base, True)
    assert moved[["lo_80", "hi_80"]].to_numpy().tolist() == [[0.0, 6.0]]


@pytest.mark.parametrize(("seed", "wild"), [(0, 2.0), (15, 2.0), (53, 2.0), (53, 5.0)])
def test_non_negative_with_errors_of_unlike_size_is_the_optimum(seed, wild):
    """Least squares on the whitened problem; at 15 the distance was 26 times as large, and with
    errors that spread wider still the steps overflowed."""
    rng = np.random.default_rng(seed)
    leaves = 30
    group, kind = rng.integers(0, 6, leaves), rng.integers(0, 4, leaves)
    sums = [np.ones(leaves), *(group == np.arange(6)[:, None]), *(kind == np.arange(4)[:, None])]
    S = np.vstack([*sums, np.eye(leaves)]).astype(float)
    sd = np.exp(rng.normal(0, wild, len(S)))
    W, _ = shrink(rng.normal(size=(len(S), 12)) * sd[:, None])
    b = rng.gamma(0.3, 1, (leaves, 20)) * np.exp(rng.normal(0, 2, (leaves, 1)))
    y = S @ b + rng.normal(size=(len(S), 20)) * 2 * sd[:, None]
    own = np.arange(len(S) - leaves, len(S))
    got = Projection(sparse.csr_array(S), own, W).leaves(y, non_negative=True)
    assert (got >= 0).all()
    if wild > 2:  # what such variances leave of the others is not to be told
        return
    full = np.diag(W.diagonal) + W.factor @ W.factor.T
    white = np.linalg.cholesky(np.linalg.inv(full)).T
    for j in range(20):
        _, best = nnls(white @ S, white @ y[:, j])
        assert np.linalg.norm(white @ (S @ got[:, j] - y[:, j])) == pytest.approx(best, rel=1e-7)
