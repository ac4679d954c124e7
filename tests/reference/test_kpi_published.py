"""Published bridges, control charts and poolings."""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt.kpi import bridge, control_chart, shrink

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
