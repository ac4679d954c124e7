"""Accuracy measures against loops written from their definitions; Diebold-Mariano against R."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from salesmgmt import plots
from salesmgmt.forecast import accuracy, backtest, compare_models

H = 6


def acf(x, k):
    mean = sum(x) / len(x)
    d = [v - mean for v in x]
    return sum(a * b for a, b in zip(d[k:], d)) / sum(a * a for a in d)


def naive2(past, horizon, m):
    """The M4 benchmark: 90 % autocorrelation test, classical multiplicative indices."""
    n = len(past)
    if m == 1 or n < 3 * m or min(past) <= 0:
        return [past[-1]] * horizon
    r = [acf(past, k) for k in range(1, m + 1)]
    limit = 1.645 * math.sqrt((1 + 2 * sum(v * v for v in r[:-1])) / n)
    if abs(r[-1]) <= limit:
        return [past[-1]] * horizon
    ratios = [[] for _ in range(m)]
    for t in range(m // 2, n - m // 2):
        if m % 2:
            mean = sum(past[t - m // 2 : t + m // 2 + 1]) / m
        else:
            inner = sum(past[t - m // 2 + 1 : t + m // 2])
            mean = (inner + (past[t - m // 2] + past[t + m // 2]) / 2) / m
        ratios[t % m].append(past[t] / mean)
    index = [sum(x) / len(x) for x in ratios]
    index = [x / (sum(index) / m) for x in index]
    level = past[-1] / index[(n - 1) % m]
    return [level * index[(n + h) % m] for h in range(horizon)]


def measures(runs, m):
    """Every measure of one group; a run: past, actual, forecast, bounds of 80 and 95 %."""
    table = {k: [] for k in ("mase", "rmsse", "smape", "msis_80", "msis_95")}
    scaled = {k: [] for k in ("smape", "smape2", "mase", "mase2")}
    rows, loss, seasonal_naive = [], [], []
    for past, actual, forecast, lo80, hi80, lo95, hi95 in runs:
        gaps = [
            abs(past[t] - past[t - m])
            for t in range(m, len(past))
            if not math.isnan(past[t] + past[t - m])
        ]
        ones = [
            (past[t] - past[t - 1]) ** 2
            for t in range(1, len(past))
            if not math.isnan(past[t] + past[t - 1])
        ]
        q = sum(gaps) / len(gaps)

        def smape(f, actual=actual):
            parts = [
                0.0 if y == f == 0 else 200 * abs(y - f) / (abs(y) + abs(f))
                for y, f in zip(actual, f)
            ]
            return sum(parts) / len(parts)

        def mae(f, actual=actual):
            return sum(abs(y - f) for y, f in zip(actual, f)) / len(actual)

        def msis(lo, hi, a, actual=actual):
            total = 0.0
            for y, u, v in zip(actual, lo, hi):
                total += (
                    v - u + (2 / a * (u - y) if y < u else 0) + (2 / a * (y - v) if y > v else 0)
                )
            return total / len(actual)

        table["smape"].append(smape(forecast))
        square = sum((y - f) ** 2 for y, f in zip(actual, forecast)) / len(actual)
        table["rmsse"].append(math.sqrt(square / (sum(ones) / len(ones))) if sum(ones) else None)
        if q:
            table["mase"].append(mae(forecast) / q)
            table["msis_80"].append(msis(lo80, hi80, 0.2) / q)
            table["msis_95"].append(msis(lo95, hi95, 0.05) / q)
            two = naive2(past, len(actual), m)
            for name, value in (
                ("smape", smape(forecast)), ("smape2", smape(two)),
                ("mase", mae(forecast) / q), ("mase2", mae(two) / q),
            ):  # fmt: skip
                scaled[name].append(value)
        for h, row in enumerate(zip(actual, forecast, lo80, hi80, lo95, hi95)):
            rows.append(row)
            y = row[0]
            ends = zip((0.5, 0.1, 0.9, 0.025, 0.975), row[1:])
            loss.append([t * (y - x) if y >= x else (1 - t) * (x - y) for t, x in ends])
            back = len(past) - m + h % m
            while back >= 0 and math.isnan(past[back]):
                back -= m
            seasonal_naive.append(abs(past[back] - y))
    out = {k: sum(v) / len(v) for k, v in table.items() for v in [[x for x in v if x is not None]]}
    errors = [f - y for y, f, *_ in rows]
    size = sum(abs(r[0]) for r in rows)
    out["mape"] = np.mean([100 * abs(r[1] - r[0]) / abs(r[0]) for r in rows if r[0] != 0])
    out["wape"] = sum(map(abs, errors)) / size
    out["bias"] = sum(errors) / size
    out["mae"] = sum(map(abs, errors)) / len(rows)
    out["rmse"] = math.sqrt(sum(e * e for e in errors) / len(rows))
    out["coverage_80"] = sum(lo <= y <= hi for y, _, lo, hi, *_ in rows) / len(rows)
    out["coverage_95"] = sum(r[4] <= r[0] <= r[5] for r in rows) / len(rows)
    out["pinball"] = np.mean(loss)
    mean = {k: sum(v) / len(v) for k, v in scaled.items()}
    out["owa"] = 0.5 * (mean["smape"] / mean["smape2"] + mean["mase"] / mean["mase2"])
    out["fva"] = sum(seasonal_naive) / size - out["wape"]
    return out


def case(m, seed, zeros):
    """Several shops: histories, and predictions of two people with their bounds."""
    rng = np.random.default_rng(seed)
    freq = {1: "YS", 4: "QS", 12: "MS"}[m]
    history, rows, runs = [], [], {}
    for j, shop in enumerate(["a", "b", "c", "flat"]):
        n = 5 * m + 8 + H
        y = 100 * (1 + 0.4 * np.sin(2 * np.pi * np.arange(n) / max(m, 2))) * rng.gamma(40, 0.025, n)
        if zeros and shop == "b":
            y = y * (rng.random(n) < 0.5)
            y[-3] = 0.0
        if shop == "flat":
            y[:-H] = 7.0
        dates = pd.date_range("1980-01-01", periods=n, freq=freq)
        history.append(pd.DataFrame({"shop": shop, "size": j // 2, "date": dates, "amount": y}))
        for who in ("planner", "model"):
            f = y[-H:] * rng.gamma(30, 1 / 30, H)
            if zeros:
                f[3] = 0.0
            a, b, c, d = rng.gamma(4, 4, (4, H))
            bounds = f - a, f + b, f - a - c, f + b + d
            frame = {"shop": shop, "size": j // 2, "who": who, "date": dates[-H:]}
            names = dict(zip(("lo_80", "hi_80", "lo_95", "hi_95"), bounds))
            rows.append(pd.DataFrame({**frame, "actual": y[-H:], "forecast": f, **names}))
            runs.setdefault((who, j // 2), []).append((list(y[:-H]), list(y[-H:]), f, *bounds))
    return pd.concat(history), pd.concat(rows), runs


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("m", [1, 4, 12])
def test_every_measure_is_what_its_definition_says(m, zeros):
    history, seen, runs = case(m, m, zeros)
    mixed = seen.rename(columns={"who": "model"}).sample(frac=1, random_state=1)
    got = accuracy(mixed, history=history, by=("model", "size"), season_length=m)
    assert len(got) == 4
    for row in got.to_dict("records"):
        want = measures(runs[row["model"], row["size"]], m)
        for name, value in want.items():
            assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name
    unscaled = accuracy(mixed, by=("model", "size"))
    for name in ("smape", "mape", "wape", "bias", "mae", "rmse", "coverage_80", "pinball"):
        np.testing.assert_allclose(unscaled[name], got[name], rtol=1e-12)


def test_own_names_and_actuals_of_the_history():
    history, seen, _ = case(4, 3, True)
    seen = seen.rename(columns={"who": "model"})
    want = accuracy(seen, history=history, season_length=4)
    named = {"date": "day", "amount": "sold"}
    got = accuracy(
        seen.drop(columns="actual").rename(columns=named),
        history=history.rename(columns=named),
        season_length=4,
        date="day",
        amount="sold",
    )
    pd.testing.assert_frame_equal(got, want)


@pytest.mark.parametrize("lost", [[], [20], [47], [44, 46, 47], list(range(36, 48))])
def test_values_unknown_before_the_cutoff_do_not_shift_the_benchmarks(lost):
    """The last values before the forecast are missing: its season stays where it was."""
    rng = np.random.default_rng(0)
    y = np.tile(np.arange(12.0) * 10 + 50, 5) + np.arange(60) + rng.normal(0, 2, 60)
    known = y.copy()
    known[lost] = np.nan
    history = pd.DataFrame({"date": pd.date_range("2019-01-01", periods=60, freq="MS")})
    history["amount"] = known
    seen = backtest(history, 12, windows=1, models="seasonal_naive")
    got = accuracy(seen, history=history).iloc[0]
    forecast = seen["forecast"].to_numpy()
    past = known[:48]
    scale = np.nanmean(np.abs(past[12:] - past[:-12]))
    assert got["mase"] == pytest.approx(np.abs(forecast - y[48:]).mean() / scale)
    assert got["rmsse"] == pytest.approx(
        np.sqrt(((forecast - y[48:]) ** 2).mean() / np.nanmean(np.diff(past) ** 2))
    )
    assert got["fva"] == pytest.approx(0.0, abs=1e-12)
    # Naive2 knows the season as well: nearly as good as the seasonal naive, whatever is missing
    assert 0.7 < got["owa"] < 1.6


def test_value_added_over_the_naive_by_a_model_and_by_judgement():
    rng = np.random.default_rng(5)
    months = pd.date_range("2020-01-01", periods=60, freq="MS")
    season = 100 + 30 * np.sin(np.arange(60) * np.pi / 6)
    history = pd.concat(
        pd.DataFrame({"shop": s, "date": months, "amount": season * k + rng.normal(0, 8, 60)})
        for s, k in (("a", 1.0), ("b", 3.0))
    )
    seen = backtest(history, 6, windows=2, by="shop", models=["seasonal_naive", "mean"])
    judged = seen[seen["model"] == "mean"].copy()
    judged["model"] = "judgement"
    judged["forecast"] = judged["actual"] * 1.01
    judged["lo_80"] = judged["lo_95"] = judged["forecast"] - 1
    judged["hi_80"] = judged["hi_95"] = judged["forecast"] + 1
    got = accuracy(pd.concat([seen, judged]), history=history).set_index("model")
    naive = seen[seen["model"] == "seasonal_naive"]
    base = (naive["forecast"] - naive["actual"]).abs().sum() / naive["actual"].sum()
    assert got.loc["seasonal_naive", "fva"] == pytest.approx(0.0, abs=1e-12)
    assert got.loc["judgement", "fva"] == pytest.approx(base - 0.01)
    assert got.loc["judgement", "bias"] == pytest.approx(0.01)
    assert got.loc["mean", "fva"] == pytest.approx(base - got.loc["mean", "wape"])
    assert got.loc["mean", "fva"] < 0 < got.loc["judgement", "fva"]


def test_value_added_is_drawn_as_it_is_written():
    """No gain is neither green nor red, and tick labels are the ticks."""
    table = pd.DataFrame({"model": list("abcd"), "wape": [0.08, 0.11, 0.15, 0.171]})
    table["fva"] = [0.03, 4e-17, -0.04, np.nan]
    ax = plots.accuracy_against_naive(table)
    ax.figure.canvas.draw()
    words = {w.get_text().strip() for w in ax.texts}
    assert words == {"8.0%  (+3.0)", "11.0%  (0.0)", "15.0%  (-4.0)", "17.1%"}
    unknown, worse, same, better = (bar.get_facecolor() for bar in ax.patches)
    assert unknown == same
    assert len({worse, same, better}) == 3
    for tick, label in zip(ax.get_xticks(), ax.get_xticklabels()):
        assert float(label.get_text().rstrip("%")) == pytest.approx(100 * tick, abs=1e-9)


# R version 4.2.2 Patched, forecast 8.20: dm.test(E1, E2, h = h, power = p), statistic and p.value
E1 = [1.2, -0.7, 3.1, 0.4, -2.2, 1.9, 0.8, -1.5, 2.6, -0.3, 1.1, -2.8]
E2 = [0.9, -1.1, 1.6, 1.2, -1.4, 2.9, -0.2, -0.6, 1.8, 0.7, -0.4, -1.3]
R_VALUES = [
    (1, 1, 1.54241537136649, 0.151235029352931),
    (1, 2, 1.47224141688432, 0.168981086336337),
    (2, 1, 3.94042842348422, 0.00231033240211347),
    (2, 2, 2.28380400646598, 0.0432461197001855),
    (3, 1, 1.90329720497016, 0.0834831682776809),
    (3, 2, 1.6830782967072, 0.120493025830048),
]


@pytest.mark.parametrize("h, power, statistic, p_value", R_VALUES)
def test_diebold_mariano_is_that_of_r(h, power, statistic, p_value):
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    rows = [
        pd.DataFrame({"date": months, "model": k, "actual": 50.0, "forecast": 50 + np.array(e)})
        for k, e in (("ours", E1), ("theirs", E2))
    ]
    seen = pd.concat(rows).assign(step=h)
    loss = {1: "absolute", 2: "squared"}[power]
    got = compare_models(seen, reference="theirs", loss=loss).iloc[0]
    assert got["n"] == 12
    assert got["statistic"] == pytest.approx(statistic, rel=1e-9)
    assert got["p_value"] == pytest.approx(p_value, rel=1e-8)
