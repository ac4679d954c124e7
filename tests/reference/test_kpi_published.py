"""Published bridges, control charts and poolings."""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt.kpi import Metric, bridge, control_chart, scorecard, shrink, totals

KOLA = ["Kola", "Limor", "Orlem"]


def kola(units):
    return pd.DataFrame({"product": KOLA, "price": [2.0, 1.2, 2.5], "quantity": units})


@pytest.mark.parametrize(
    ("method", "effect", "want"),
    [
        ("price_volume", "volume", [160_000, 360_000, 300_000]),
        ("price_volume_mix", "volume", [160_000, 144_000, 750_000]),
        ("price_volume_mix", "mix", [0, 216_000, -450_000]),
    ],
)
def test_horngren_kola_limor_orlem(method, effect, want):
    before, after = kola([400_000, 600_000, 1_500_000]), kola([480_000, 900_000, 1_620_000])
    got = bridge(before, after, keys="product", method=method, by="product")
    got = got[got["effect"] == effect]
    assert got["product"].tolist() == KOLA
    assert got["amount"].tolist() == want
    total = bridge(before, after, keys="product", method=method).set_index("effect")["amount"]
    assert total[effect] == sum(want)


def test_pm_workbook_tables_chairs_sideboards():
    products = ["table", "chair", "sideboard"]
    budget = pd.DataFrame(
        {"product": products, "price": [760, 94, 940], "quantity": [8000, 26000, 6000]}
    )
    # The quantity variance needs the actual total of 46,000 only; here at the budgeted mix.
    actual = budget.assign(quantity=budget["quantity"] * 46_000 / 40_000)
    got = bridge(budget, actual, keys="product", method="price_volume_mix")
    assert got.set_index("effect")["amount"]["volume"] == pytest.approx(2_124_600, abs=1)
    average = (budget["price"] * budget["quantity"]).sum() / budget["quantity"].sum()
    assert average == 354.1


def test_mix_change_by_item():
    # Mix = Q1 (share1 - share0) (p0 - P0) and volume = (q1 - q0) p0 less it, as the pages of Zebra
    # BI ("The mix change method"), Enterprise DNA (thread 30808) and businessintelligist.com
    # (11 December 2020: (q1 - q0) P0 + (p0 - P0) (Q1 share0 - q0)) have them. Kola: P0 = 2.108.
    before, after = kola([400_000, 600_000, 1_500_000]), kola([480_000, 900_000, 1_620_000])
    got = bridge(before, after, keys="product", method="mix_change", by="product")
    got = got.pivot(index="product", columns="effect", values="amount").loc[KOLA]
    before, after = before.set_index("product"), after.set_index("product")
    share0, share1 = [0.16, 0.24, 0.60], [0.16, 0.30, 0.54]
    for i, name in enumerate(KOLA):
        price, q0, q1 = (*before.loc[name], after.loc[name, "quantity"])
        mix = 3_000_000 * (share1[i] - share0[i]) * (price - 2.108)
        volume = (q1 - q0) * 2.108 + (price - 2.108) * (3_000_000 * share0[i] - q0)
        assert got.loc[name, ["mix", "volume"]].tolist() == pytest.approx([mix, volume], abs=0.011)
    before, after = before.reset_index(), after.reset_index()
    same = bridge(before, after, keys="product", method="price_volume_mix").set_index("effect")
    assert got.sum().reindex(same.index).tolist() == same["amount"].tolist()


def test_acca_sales_mix_variance():
    # OpenTuition, ask the tutor, "variances F5": 7,000 X at 9 and 3,000 Y at 12 of contribution
    # budgeted; 8,000 and 7,000 sold: mix 7,500 favourable.
    budget = pd.DataFrame({"product": ["X", "Y"], "price": [9.0, 12], "quantity": [7000, 3000]})
    actual = budget.assign(quantity=[8000, 7000])
    got = bridge(budget, actual, keys="product", method="price_volume_mix").set_index("effect")
    assert got["amount"]["mix"] == 7500
    assert got["amount"]["volume"] == 148_500 - 99_000


FLOW = pd.Series([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])


def test_nist_flow_rate_batches():
    got = control_chart(FLOW)
    row = got.iloc[-1]
    assert row["centre"] == pytest.approx(50.81, abs=1e-3)
    assert got["moving_range"].mean() == pytest.approx(1.8778, abs=1e-4)
    assert (row["ucl"], row["lcl"]) == pytest.approx((55.8041, 45.8159), abs=1e-4)
    assert not got["signal"].any()


def test_nist_flow_rate_batches_by_the_shortcut():
    assert control_chart(FLOW, constants="shortcut")["ucl"].iloc[0] == pytest.approx(
        55.8049, abs=1e-4
    )


def test_rubin_1981_eight_schools():
    schools = pd.DataFrame(
        {
            "school": list("ABCDEFGH"),
            "effect": [28, 8, -3, 7, -1, 1, 18, 12],
            "se": [15, 10, 16, 11, 9, 11, 10, 18],
        }
    )
    got = shrink(schools, numerator="effect", denominator="se", by="school", method="normal")
    assert got.attrs["pooled_mean"] == pytest.approx(7.686, abs=1e-3)
    assert got.attrs["pooled_se"] == pytest.approx(4.072, abs=1e-3)
    assert got.attrs["q"] == pytest.approx(4.707, abs=1e-3)
    assert got.attrs["tau2"] == 0
    # No variance between schools is found: all take the pooled mean.
    assert got["shrunk"].round(3).unique().tolist() == [7.686]


def test_efron_morris_1977_baseball():
    hits = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
    frame = pd.DataFrame({"player": range(18), "average": [h / 45 for h in hits]})
    mean = frame["average"].mean()
    frame["se"] = (mean * (1 - mean) / 45) ** 0.5
    got = shrink(
        frame, numerator="average", denominator="se", by="player", method="normal", tau2="js"
    )
    # The article: shrinking factor .212, grand average .265; Clemente .294, Alvis .242.
    assert mean == pytest.approx(0.265, abs=5e-4)
    assert got["weight"].iloc[0] == pytest.approx(0.212, abs=2e-3)
    assert got["shrunk"].iloc[0] == pytest.approx(0.294, abs=5e-4)
    assert got["shrunk"].iloc[17] == pytest.approx(0.242, abs=5e-4)


def test_nist_p_chart_of_wafers():
    defects = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24,
               15, 9, 12, 7, 13, 9, 6]  # fmt: skip
    got = control_chart(pd.Series(defects), method="p", n=50)
    assert got["centre"].iloc[0] == pytest.approx(0.2313, abs=1e-4)
    assert (got["lcl"].iloc[0], got["ucl"].iloc[0]) == pytest.approx((0.0524, 0.4102), abs=1e-4)


def test_pyzdek_p_chart_of_peaches():
    # The Handbook for Quality Management (2nd ed.), table 9.6: crates of 250 and 500 peaches.
    bruised = [47, 42, 55, 51, 46, 61, 39, 44, 41, 51, 88, 101, 101, 40, 48, 47, 50, 48, 57, 45, 43,
               105, 98, 100, 96]  # fmt: skip
    n = [250] * 10 + [500] * 3 + [250] * 8 + [500] * 4
    got = control_chart(pd.Series(bruised, dtype=float), method="p", n=pd.Series(n))
    assert got["centre"].iloc[0] == 1544 / 8000
    assert got[["lcl", "ucl"]].iloc[0].round(3).tolist() == [0.118, 0.268]
    assert got[["lcl", "ucl"]].iloc[10].round(3).tolist() == [0.140, 0.246]


def test_screened_moving_ranges():
    # QI Macros, "XmR individuals chart formulas": a mean moving range of 11.14 falls to 9.73
    # without the one of 46.50; here on 25 ranges of 9.73 and that one.
    x = [0.0]
    for i in range(26):
        x.append(x[-1] + (46.5 if i == 20 else 9.73 * (-1) ** i))
    series = pd.Series(x)
    plain, screened = (control_chart(series, spread=s).iloc[0] for s in ("mean", "screened"))
    assert control_chart(series)["moving_range"].mean() == pytest.approx(11.14, abs=0.006)
    assert screened["ucl"] - screened["centre"] == pytest.approx(3 * 9.73 / 1.128)
    assert screened["mr_ucl"] == pytest.approx(3.267 * 9.73)
    assert screened["ucl"] < plain["ucl"]
    level = control_chart(pd.Series([5.0] * 8), spread="screened")
    assert level["ucl"].tolist() == [5.0] * 8


def test_achievement_of_published_scorecards():
    # codingace.net, "KPI achievement rate": actual / target, target / actual where less is better,
    # capped at 120 %.
    metrics = [Metric("growth", target=15, weight=25, cap=1.2),
               Metric("csat", target=90, weight=20, cap=1.2),
               Metric("hours", target=8, weight=20, cap=1.2, direction="lower", inverse="ratio"),
               Metric("delivery", target=95, weight=20, cap=1.2),
               Metric("absence", target=3, weight=15, cap=1.2, direction="lower",
                      inverse="ratio")]  # fmt: skip
    actual = {"growth": [18], "csat": [92], "hours": [6.5], "delivery": [88], "absence": [2.4]}
    got = totals(scorecard(pd.DataFrame({"who": ["a"], **actual}), metrics, keys="who"))
    points = 1.2 * 25 + 92 / 90 * 20 + 1.2 * 20 + 88 / 95 * 20 + 1.2 * 15
    assert got["total"].item() == pytest.approx(points)
    # Camms, "Calculation methods": less is better is 1 - actual / target + 1, and a target of 0
    # is met or not; SAP SSM (answers.sap.com 6163728): 3 for a target of -2 is more than enough.
    told = pd.DataFrame({"who": list("ab"), "interest": [0.08, 0.08], "faults": [0, 1],
                         "growth": [3.0, -5.0]})  # fmt: skip
    card = scorecard(told, [Metric("interest", target=0.10, direction="lower"),
                            Metric("faults", target=0, direction="lower"),
                            Metric("growth", target=-2)], keys="who")  # fmt: skip
    assert card["attainment"].round(12).tolist() == [1.2, 1, 3.5, 1.2, 0, -0.5]
