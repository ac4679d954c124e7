"""Published weights and rankings, to their printed digits; and slow calculators of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesmgmt import DataWarning, InputError
from salesmgmt.engine.ranking import PREFERENCES, promethee
from salesmgmt.kpi import Metric, rank, sensitivity, weights


def table(matrix, **options):
    """Matrix as a measures frame, and its metrics."""
    x = np.asarray(matrix, dtype=float)
    names = [f"c{j}" for j in range(x.shape[1])]
    frame = pd.DataFrame(x, columns=names).assign(k=range(len(x)))
    directions = options.get("directions", [1] * len(names))
    w = options.get("weights", [None] * len(names))
    metrics = [
        Metric(n, weight=v, direction="higher" if d > 0 else "lower")
        for n, v, d in zip(names, w, directions, strict=True)
    ]
    return frame, metrics


DRINKS = [
    ("coffee", "wine", 9), ("coffee", "tea", 5), ("coffee", "beer", 2), ("coffee", "soda", 1),
    ("coffee", "milk", 1), ("water", "coffee", 2), ("water", "wine", 9), ("water", "tea", 9),
    ("water", "beer", 3), ("water", "soda", 2), ("water", "milk", 3), ("tea", "wine", 3),
    ("beer", "wine", 9), ("beer", "tea", 3), ("beer", "milk", 1), ("soda", "wine", 9),
    ("soda", "tea", 4), ("soda", "beer", 2), ("soda", "milk", 2), ("milk", "wine", 9),
    ("milk", "tea", 3),
]  # fmt: skip


def test_saaty_2008_drinks():
    got = weights(DRINKS)
    want = {"coffee": 0.177, "wine": 0.019, "tea": 0.042, "beer": 0.116, "soda": 0.190,
            "milk": 0.129, "water": 0.327}  # fmt: skip
    assert got.round(3).to_dict() == want
    assert got.attrs["consistency_ratio"] == pytest.approx(0.022, abs=0.001)


def test_ahp_takes_judgements_in_every_form_alike():
    want = weights(DRINKS)
    pairs = {(a, b): v for a, b, v in DRINKS}
    square = pd.DataFrame(np.nan, index=sorted(want.index), columns=sorted(want.index))
    for (a, b), v in pairs.items():
        square.loc[a, b] = v
        square.loc[b, a] = 1 / v
    for form in (pairs, square, pd.DataFrame(DRINKS), [DRINKS, DRINKS], DRINKS[::-1]):
        pd.testing.assert_series_equal(weights(form), want, atol=1e-12, check_like=True)
    matrix = square.fillna(1.0)
    for bare in (matrix.to_numpy(), matrix.reset_index(drop=True)):
        np.testing.assert_allclose(weights(bare), want.reindex(square.columns), atol=1e-12)


@given(st.lists(st.floats(0.2, 5), min_size=3, max_size=7), st.data())
def test_consistent_judgements_give_their_weights_back_even_when_some_are_missing(w, data):
    n = len(w)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chain = [(i, i + 1) for i in range(n - 1)]
    kept = chain + [p for p in pairs if p not in chain and data.draw(st.booleans())]
    judged = [(i, j, w[i] / w[j]) for i, j in kept]
    for estimate in ("eigenvector", "geometric_mean"):
        got = weights(judged, estimate=estimate)
        np.testing.assert_allclose(got.to_numpy(), np.array(w) / sum(w), rtol=1e-6)
        assert got.attrs["consistency_ratio"] < 1e-6


def test_geometric_mean_is_that_of_the_rows():
    names = sorted({a for a, _, _ in DRINKS} | {b for _, b, _ in DRINKS})
    matrix = np.eye(len(names))
    for a, b, v in DRINKS:
        matrix[names.index(a), names.index(b)] = v
        matrix[names.index(b), names.index(a)] = 1 / v
    means = np.exp(np.log(matrix).mean(axis=1))
    got = weights(DRINKS, estimate="geometric_mean")
    np.testing.assert_allclose(got.to_numpy(), means / means.sum(), rtol=1e-12)


def test_contradictory_judgements_are_named():
    with pytest.warns(DataWarning, match="revisit first"):
        got = weights([("a", "b", 5), ("b", "c", 5), ("c", "a", 5)])
    assert got.attrs["consistency_ratio"] > 0.1
    with pytest.raises(InputError, match="judged twice"):
        weights([("a", "b", 5), ("b", "a", 5)])
    with pytest.raises(InputError, match="no chain of judgements"):
        weights([("a", "b", 5), ("c", "d", 5)])


def test_diakoulaki_1995_critic():
    matrix = [[61, 1.08, 4.33], [20.7, 0.26, 4.34], [16.3, 1.98, 2.53], [9, 3.29, 1.65],
              [5.4, 2.77, 2.33], [4, 4.12, 1.21], [-6.1, 3.52, 2.10],
              [-34.6, 3.31, 0.98]]  # fmt: skip
    frame, _ = table(matrix)
    got = weights(frame, method="critic", keys="k")
    np.testing.assert_allclose(got, [0.20222554, 0.48090173, 0.31687273], atol=1e-6)


def test_entropy_two_by_two():
    frame, metrics = table([[1, 2], [4, 16]])
    got = weights(frame, method="entropy", metrics=metrics)
    np.testing.assert_allclose(got, [0.358889, 0.641111], atol=1e-6)


def test_keshavarz_ghorabaee_2021_merec():
    # Illustrative example of the paper; min-type criteria are the second and the fourth.
    matrix = [[450, 8000, 54, 145], [10, 9100, 2, 160], [100, 8200, 31, 153],
              [220, 9300, 1, 162], [5, 8400, 23, 158]]  # fmt: skip
    frame, metrics = table(matrix, directions=[1, 1, -1, -1])
    got = weights(frame, method="merec", metrics=metrics)
    np.testing.assert_allclose(got, [0.5752, 0.0141, 0.4016, 0.0091], atol=5e-5)


def slow_merec(x, higher):
    n = np.where(higher, x.min(axis=0) / x, x / x.max(axis=0))
    m = x.shape[1]
    s = np.log(1 + np.abs(np.log(n)).sum(axis=1) / m)
    effects = []
    for j in range(m):
        rest = np.delete(n, j, axis=1)
        effects.append(np.abs(np.log(1 + np.abs(np.log(rest)).sum(axis=1) / m) - s).sum())
    return np.array(effects) / sum(effects)


def test_merec_follows_its_definition():
    rng = np.random.default_rng(0)
    x = rng.lognormal(size=(12, 5))
    frame, metrics = table(x, directions=[1, -1, 1, -1, 1])
    got = weights(frame, method="merec", metrics=metrics)
    np.testing.assert_allclose(got, slow_merec(x, np.array([1, 0, 1, 0, 1], dtype=bool)))


USARRESTS = """13.2 236 58 21.2;10 263 48 44.5;8.1 294 80 31;8.8 190 50 19.5;9 276 91 40.6;
7.9 204 78 38.7;3.3 110 77 11.1;5.9 238 72 15.8;15.4 335 80 31.9;17.4 211 60 25.8;5.3 46 83 20.2;
2.6 120 54 14.2;10.4 249 83 24;7.2 113 65 21;2.2 56 57 11.3;6 115 66 18;9.7 109 52 16.3;
15.4 249 66 22.2;2.1 83 51 7.8;11.3 300 67 27.8;4.4 149 85 16.3;12.1 255 74 35.1;2.7 72 66 14.9;
16.1 259 44 17.1;9 178 70 28.2;6 109 53 16.4;4.3 102 62 16.5;12.2 252 81 46;2.1 57 56 9.5;
7.4 159 89 18.8;11.4 285 70 32.1;11.1 254 86 26.1;13 337 45 16.1;0.8 45 44 7.3;7.3 120 75 21.4;
6.6 151 68 20;4.9 159 67 29.3;6.3 106 72 14.9;3.4 174 87 8.3;14.4 279 48 22.5;3.8 86 45 12.8;
13.2 188 59 26.9;12.7 201 80 25.5;3.2 120 80 22.9;2.2 48 32 11.2;8.5 156 63 20.7;4 145 73 26.2;
5.7 81 39 9.3;2.6 53 66 10.8;6.8 161 60 15.6"""


def test_usarrests_principal_components():
    x = [[float(v) for v in row.split()] for row in USARRESTS.replace("\n", "").split(";")]
    frame = pd.DataFrame(x, columns=["Murder", "Assault", "UrbanPop", "Rape"])
    got = weights(frame, method="pca", components=1)
    first = {n: abs(v[0]) for n, v in got.attrs["loadings"].items()}
    want = {"Murder": 0.5358995, "Assault": 0.5831836, "UrbanPop": 0.2781909, "Rape": 0.5434321}
    assert first == pytest.approx(want, abs=1e-6)
    explained = [0.62006039, 0.24744129, 0.0891408, 0.04335752]
    assert got.attrs["explained"] == pytest.approx(explained, abs=1e-6)
    total = sum(want.values())
    assert got.to_dict() == pytest.approx({k: v / total for k, v in want.items()}, abs=1e-6)


def test_tzeng_huang_2011_topsis():
    frame, metrics = table([[5, 8, 4], [7, 6, 8], [8, 8, 6], [7, 4, 6]], weights=[0.3, 0.4, 0.3])
    got = rank(frame, metrics, keys="k")
    np.testing.assert_allclose(got["score"], [0.5037, 0.6581, 0.7482, 0.3340], atol=1e-4)
    assert got["rank"].tolist() == [3, 2, 1, 4]


def test_hwang_yoon_1981_fighter_aircraft_topsis():
    matrix = [[2.0, 1500, 20000, 5.5, 5, 9], [2.5, 2700, 18000, 6.5, 3, 5],
              [1.8, 2000, 21000, 4.5, 7, 7], [2.2, 1800, 20000, 5.0, 5, 5]]  # fmt: skip
    w = [0.2, 0.1, 0.1, 0.1, 0.2, 0.3]
    frame, metrics = table(matrix, weights=w, directions=[1, 1, 1, -1, 1, 1])
    got = rank(frame, metrics, keys="k")
    np.testing.assert_allclose(got["score"], [0.643, 0.268, 0.613, 0.312], atol=1e-3)


def test_opricovic_tzeng_2004_vikor():
    frame, metrics = table(
        [[1, 3000], [2, 3750], [5, 4500]], weights=[0.5, 0.5], directions=[-1, 1]
    )
    got = rank(frame, metrics, keys="k", method="vikor")
    np.testing.assert_allclose(got["s"], [0.5, 0.375, 0.5], atol=1e-6)
    np.testing.assert_allclose(got["r"], [0.5, 0.25, 0.5], atol=1e-6)
    np.testing.assert_allclose(got["score"], [1, 0, 1], atol=1e-6)
    assert got["compromise"].tolist() == [False, True, False]
    assert got["rank"].tolist() == [2, 1, 2]


def test_vikor_with_a_zero_weight_or_a_constant_criterion_stays_finite():
    frame, metrics = table([[1, 5, 3], [2, 5, 2], [3, 5, 1]], weights=[0.5, 0.5, 0.0])
    got = rank(frame, metrics, keys="k", method="vikor")
    assert np.isfinite(got["score"]).all()
    assert got["rank"].tolist() == [3, 2, 1]


def test_weighted_sum_and_product_of_the_encyclopaedia():
    matrix = [[25, 20, 15, 30], [10, 30, 20, 30], [30, 10, 30, 10]]
    frame, metrics = table(matrix, weights=[0.2, 0.15, 0.4, 0.25])
    got = rank(frame, metrics, keys="k", method="saw", normalisation="none")["score"]
    np.testing.assert_allclose(got, [21.5, 22, 22], atol=1e-9)
    got = rank(frame, metrics, keys="k", method="wpm")["score"]
    np.testing.assert_allclose(
        [got[0] / got[1], got[0] / got[2], got[1] / got[2]], [1.007, 1.067, 1.059], atol=1e-3
    )


def test_promethee_usual_on_one_criterion():
    frame, metrics = table([[10], [20], [30]], weights=[1])
    got = rank(frame, metrics, keys="k", method="promethee")
    assert got["score"].tolist() == [-1, 0, 1]


def test_grey_grade_of_the_definition():
    frame, metrics = table([[1, 10], [2, 20], [3, 15]], weights=[0.5, 0.5])
    got = rank(frame, metrics, keys="k", method="grey")["score"]
    np.testing.assert_allclose(got, [1 / 3, 0.75, 0.75], atol=1e-6)


def slow_promethee(x, w, higher, kind, q, p):
    n, m = x.shape
    plus, minus = np.zeros(n), np.zeros(n)
    for j in range(m):
        v = x[:, j] if higher[j] else -x[:, j]
        d = v[:, None] - v[None, :]
        share = {
            "usual": d > 0,
            "u_shape": d > q,
            "v_shape": np.clip(d / p, 0, 1),
            "level": np.where(d > p, 1, np.where(d > q, 0.5, 0)),
            "linear": np.clip((d - q) / (p - q), 0, 1),
            "gaussian": np.where(d > 0, 1 - np.exp(-(d**2) / (2 * p * p)), 0),
        }[kind]
        plus += w[j] * share.sum(axis=1) / (n - 1)
        minus += w[j] * share.sum(axis=0) / (n - 1)
    return plus, minus


@settings(max_examples=30)
@given(st.integers(2, 25), st.integers(0, 10_000), st.sampled_from(PREFERENCES))
def test_promethee_in_n_log_n_equals_all_pairs(n, seed, kind):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 8, (n, 3)) / 2 + rng.choice([0.0, 1000.0])
    w, higher = np.array([0.2, 0.5, 0.3]), np.array([True, False, True])
    got = promethee(x, w, higher, [kind] * 3, np.full(3, 0.75), np.full(3, 2.25))
    want = slow_promethee(x, w, higher, kind, 0.75, 2.25)
    np.testing.assert_allclose(got, want, atol=1e-9)


METHODS = ["topsis", "saw", "wpm", "vikor", "promethee", "grey"]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(METHODS))
def test_rankings_do_not_care_about_row_order_or_units(seed, method):
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 9, (7, 3)).round(2)
    frame, metrics = table(x, weights=[0.5, 0.3, 0.2], directions=[1, -1, 1])
    base = rank(frame, metrics, keys="k", method=method)
    mixed = frame.sample(frac=1, random_state=seed).set_axis(["x"] * 7, axis=0)
    pd.testing.assert_frame_equal(rank(mixed, metrics, keys="k", method=method), base)
    scaled = frame.assign(c1=frame["c1"] * 1000)
    got = rank(scaled, metrics, keys="k", method=method)
    assert got["rank"].tolist() == base["rank"].tolist()


@pytest.mark.parametrize("method", METHODS)
def test_one_that_is_better_in_everything_leads(method):
    frame, metrics = table([[1, 9], [5, 5], [9, 1]], weights=[0.5, 0.5], directions=[1, -1])
    assert rank(frame, metrics, keys="k", method=method)["rank"].tolist() == [3, 2, 1]


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_criterion_changes_nothing(method):
    x = np.array([[1.0, 9, 4], [5, 5, 4], [9, 2, 4]])
    frame, metrics = table(x, weights=[0.3, 0.3, 0.4])
    got = rank(frame, metrics, keys="k", method=method)
    assert np.isfinite(got["score"]).all()
    less, fewer = table(x[:, :2], weights=[0.5, 0.5])
    assert got["rank"].tolist() == rank(less, fewer, keys="k", method=method)["rank"].tolist()


def test_sensitivity_finds_the_crossing_of_two_straight_lines():
    # A: 1.0 w + 0.5 (1 - w); B: 0.8 w + 1.0 (1 - w): they meet at w = 5/7.
    frame, metrics = table([[1.0, 0.5], [0.8, 1.0]], weights=[0.8, 0.2])
    got = sensitivity(frame, metrics, keys="k", method="saw", top=1)
    assert got["at"].tolist() == pytest.approx([5 / 7, 2 / 7])
    assert got["loses"].tolist() == ["0", "0"]


def test_what_a_method_cannot_use_is_refused():
    frame, metrics = table([[0, 1], [2, 3]])
    with pytest.raises(InputError, match="positive values; column 'c0'"):
        rank(frame, metrics, keys="k", method="wpm")
    with pytest.raises(InputError, match="needs p"):
        rank(frame, metrics, keys="k", method="promethee", preference="linear")
    with pytest.raises(InputError, match="positive values"):
        weights(frame, method="merec", metrics=metrics)


def test_each_option_of_a_method_changes_its_scores():
    rng = np.random.default_rng(1)
    frame, metrics = table(rng.uniform(1, 9, (6, 3)), weights=[0.5, 0.3, 0.2])

    def score(**options):
        return rank(frame, metrics, keys="k", **options)["score"].to_numpy()

    for base, other in (
        ({"method": "vikor"}, {"method": "vikor", "v": 0.9}),
        ({"method": "grey"}, {"method": "grey", "rho": 0.2}),
        ({"method": "promethee"}, {"method": "promethee", "preference": "u_shape", "q": 1.0}),
        (
            {"method": "promethee", "preference": "linear", "q": 1.0, "p": 3.0},
            {"method": "promethee", "preference": "linear", "q": 1.0, "p": 5.0},
        ),
    ):
        assert not np.allclose(score(**base), score(**other))
    base = weights(frame, method="critic", keys="k")
    assert not np.allclose(base, weights(frame, method="critic", keys="k", correlation="spearman"))
    base = weights(frame, method="pca", keys="k")
    assert not np.allclose(base, weights(frame, method="pca", keys="k", loadings="squared"))


def test_a_column_that_tells_nothing_has_exactly_no_entropy_weight():
    for constant in (3.0, 0.1, 7e9):
        data = pd.DataFrame({"a": [constant] * 3, "b": [1.0, 2.0, 3.0]})
        assert weights(data, method="entropy").tolist() == [0.0, 1.0]
