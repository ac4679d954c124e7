"""Every KPI and incentive case of the case file, where the file is given."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesmgmt.incentives import CommissionPlan, fairness, payout
from salesmgmt.kpi import Metric, bridge, control_chart, rank, shrink, weights


@pytest.fixture(scope="module")
def cases(data_dir):
    file = data_dir / "targets_kpi" / "cases.json"
    if not file.is_file():
        pytest.skip(f"there is no {file}")
    listed = json.loads(file.read_text(encoding="utf-8"))["cases"]
    return {c["id"]: (c["input"], c["expected"]) for c in listed}


def ranked(given, **options):
    x = np.array(given["matrix"], dtype=float)
    directions = given.get("directions", [1] * x.shape[1])
    names = [f"c{j}" for j in range(x.shape[1])]
    metrics = [
        Metric(n, weight=w, direction="higher" if d > 0 else "lower")
        for n, w, d in zip(names, given["weights"], directions, strict=True)
    ]
    frame = pd.DataFrame(x, columns=names).assign(k=range(len(x)))
    return rank(frame, metrics, keys="k", **options)


def test_weights(cases):
    given, want = cases["ahp-drinks"]
    got = weights([tuple(p) for p in given["pairs"]])
    assert got.to_dict() == pytest.approx(want["weights"], abs=1e-3)
    assert got.attrs["consistency_ratio"] == pytest.approx(want["cr"], abs=1e-3)
    for case, method in (("critic-1995", "critic"), ("entropy-2x2", "entropy")):
        given, want = cases[case]
        got = weights(pd.DataFrame(given["matrix"]).add_prefix("c"), method=method)
        np.testing.assert_allclose(got, want["weights"], atol=1e-6)


def test_rankings(cases):
    given, want = cases["topsis-tzeng"]
    got = ranked(given)
    np.testing.assert_allclose(got["score"], want["closeness"], atol=1e-4)
    assert got["rank"].tolist() == want["rank"]
    given, want = cases["vikor-2004"]
    got = ranked(given, method="vikor", v=given["v"])
    np.testing.assert_allclose(got[["s", "r", "score"]].T, [want[k] for k in "SRQ"], atol=1e-6)
    assert (np.flatnonzero(got["compromise"]) + 1).tolist() == want["compromise"]
    given, want = cases["wsm-wpm"]
    got = ranked(given, method="saw", normalisation="none")["score"]
    np.testing.assert_allclose(got, want["wsm"], atol=1e-3)
    p = ranked(given, method="wpm")["score"]
    ratios = [p[0] / p[1], p[0] / p[2], p[1] / p[2]]
    np.testing.assert_allclose(ratios, list(want["wpm_ratio"].values()), atol=1e-3)
    given, want = cases["promethee-usual"]
    assert ranked(given, method="promethee")["score"].tolist() == want["phi"]
    given, want = cases["gra-rule"]
    np.testing.assert_allclose(ranked(given, method="grey")["score"], want["grade"], atol=1e-6)


def test_price_volume_mix(cases):
    given, want = cases["pvm-horngren"]
    items = list(given["budget_units"])
    before, after = (
        pd.DataFrame({"k": items, "price": [given["budget_cm"][i] for i in items],
                      "quantity": [given[u][i] for i in items]})
        for u in ("budget_units", "actual_units")
    )  # fmt: skip
    for name, method, effect in (
        ("volume", "price_volume", "volume"),
        ("quantity", "price_volume_mix", "volume"),
        ("mix", "price_volume_mix", "mix"),
    ):
        each = bridge(before, after, keys="k", method=method, by="k").set_index(["k", "effect"])
        total = bridge(before, after, keys="k", method=method).set_index("effect")["amount"]
        got = {i: each.loc[(i, effect), "amount"] for i in items} | {"total": total[effect]}
        assert got == pytest.approx(want[name], abs=0.01)
    given, want = cases["pvm-sideboards"]
    units = np.array(given["budget_units"], dtype=float)
    before = pd.DataFrame({"k": list("abc"), "price": given["budget_cm"], "quantity": units})
    after = before.assign(quantity=units * given["actual_total"] / units.sum())
    got = bridge(before, after, keys="k", method="price_volume_mix").set_index("effect")["amount"]
    assert got["volume"] == pytest.approx(want["quantity_variance_000"], abs=1)


def plan_of(given, **options):
    return CommissionPlan([tuple(t) for t in given["tiers"]], base="amount", **options)


def test_commissions(cases):
    given, want = cases["comm-spiff-mamount"]
    deals = pd.DataFrame({"r": "a", "period": [1, 2], "amount": [given["prior"], given["deal"]]})
    got = payout(deals, plan_of(given, cumulative=True), by="r")["payout"].iloc[1]
    assert got == want["commission"]
    assert got / given["deal"] == want["blended_rate"]
    given, want = cases["comm-oracle-step"]
    deals = pd.DataFrame({"deal": range(6), "amount": given["transactions"]})
    got = payout(deals, plan_of(given), by="deal")["payout"]
    assert got.tolist() == want["per_transaction"]
    assert got.sum() == want["total"]
    given, want = cases["comm-draw"]
    earned = pd.DataFrame({"r": "a", "period": [1, 2, 3], "amount": given["earnings"]})
    got = payout(earned, CommissionPlan([(0, 1)], base="amount", draw=given["minimum"]), by="r")
    assert got["payout"].tolist() == want["paid"]
    assert got["balance"].tolist() == want["balance"]
    for case in ("comm-gist", "comm-2050"):
        given, want = cases[case]
        sales = np.atleast_1d(given["sales"])
        frame = pd.DataFrame({"r": range(len(sales)), "amount": sales})
        got = payout(frame, plan_of(given), by="r")["payout"]
        assert got.tolist() == np.atleast_1d(want["commission"]).tolist()


def test_inequality_charts_and_pooling(cases):
    given, want = cases["gini-ineq"]
    got = fairness(pd.DataFrame({"payout": given["x"]})).set_index("metric")["value"]
    assert got["gini"] == pytest.approx(want["gini"], abs=1e-6)
    assert got["gini_corrected"] == pytest.approx(want["bias_corrected"], abs=1e-6)
    given, want = cases["xmr-nist"]
    got = control_chart(pd.Series(given["x"]))
    assert got["moving_range"].mean() == pytest.approx(want["mr_bar"], abs=1e-3)
    row = got[["centre", "ucl", "lcl"]].iloc[0].tolist()
    assert row == pytest.approx([want["mean"], want["ucl"], want["lcl"]], abs=1e-3)
    given, want = cases["shrink-8schools"]
    frame = pd.DataFrame({"k": range(8), **given})
    got = shrink(frame, numerator="y", denominator="se", by="k", method="normal").attrs
    keys = {"pooled_mean": "pooled_mean", "pooled_se": "pooled_se", "q": "Q",
            "tau2": "dersimonian_laird_tau2"}  # fmt: skip
    for own, name in keys.items():
        assert got[own] == pytest.approx(want[name], abs=1e-3)
