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


KEY_INDICATORS = [[1, 7, 1 / 5, 1 / 8, 1 / 2, 1 / 3, 1 / 5, 1],
                  [1 / 7, 1, 1 / 8, 1 / 9, 1 / 4, 1 / 5, 1 / 9, 1 / 8],
                  [5, 8, 1, 1 / 3, 4, 2, 1, 1], [8, 9, 3, 1, 7, 5, 3, 3],
                  [2, 4, 1 / 4, 1 / 7, 1, 1 / 2, 1 / 5, 1 / 5],
                  [3, 5, 1 / 2, 1 / 5, 2, 1, 1 / 3, 1 / 3], [5, 9, 1, 1 / 3, 5, 3, 1, 1],
                  [1, 8, 1, 1 / 3, 5, 3, 1, 1]]  # fmt: skip


def test_column_means_of_published_matrices():
    # The test-suite of JMcDM 0.7 (test/mcdm/testahp.jl): lambda and CR of an 8 x 8 matrix.
    got = weights(np.array(KEY_INDICATORS), estimate="arithmetic_mean")
    assert got.attrs["lambda_max"] == pytest.approx(8.72642777, abs=1e-8)
    assert got.attrs["consistency_ratio"] == pytest.approx(0.07359957, abs=1e-8)
    # 和积法, gaojiufeng.cn question 1053205: four indicators, worked with two decimals.
    matrix = [[1, 3, 3, 7], [1 / 3, 1, 1, 5], [1 / 3, 1, 1, 3], [1 / 7, 1 / 5, 1 / 3, 1]]
    got = weights(np.array(matrix), estimate="arithmetic_mean")
    assert got.round(2).tolist() == [0.53, 0.22, 0.19, 0.06]
    with pytest.raises(InputError, match="needs every judgement"):
        weights([("a", "b", 2), ("b", "c", 2)], estimate="arithmetic_mean")


def test_bozoki_fulop_ronyai_2010_completion():
    # The article's example as AHPy's test-suite has it: weights to four digits, and the
    # consistency ratio by the table of Donegan and Dodd.
    judged = [("a", "b", 1), ("a", "c", 5), ("a", "d", 2), ("b", "c", 3), ("b", "d", 4)]
    got = weights(judged, estimate="completion", random_index="donegan_dodd")
    assert got.round(4).tolist() == [0.3738, 0.3920, 0.0985, 0.1357]
    assert got.attrs["consistency_ratio"] == pytest.approx(0.0372, abs=5e-5)
    # No other completion is more consistent: the missing c : d is 0.7303.
    for missing in (0.7, 0.7303, 0.76):
        other = weights([*judged, ("c", "d", missing)]).attrs["lambda_max"]
        assert other >= got.attrs["lambda_max"] - 1e-12
        assert missing != 0.7303 or other == pytest.approx(got.attrs["lambda_max"], abs=1e-6)


def test_saaty_2005_city_by_five_criteria():
    # Saaty, Theory and Applications of the Analytic Network Process (2005), the move to a city.
    goal = weights({
        ("culture", "housing"): 3, ("culture", "transport"): 5, ("family", "culture"): 5,
        ("family", "housing"): 7, ("family", "transport"): 7, ("housing", "transport"): 3,
        ("jobs", "culture"): 2, ("jobs", "housing"): 4, ("jobs", "transport"): 7,
        ("family", "jobs"): 1,
    })  # fmt: skip
    upper = {  # Bethesda, Boston, Pittsburgh, Santa Fe
        "culture": (1 / 2, 1, 1 / 2, 2.5, 1, 1 / 2.5), "family": (2, 1 / 3, 4, 1 / 8, 2, 9),
        "housing": (5, 1 / 2, 2.5, 1 / 9, 1 / 4, 7), "jobs": (1 / 2, 3, 4, 6, 8, 1),
        "transport": (1.5, 1 / 2, 4, 1 / 3.5, 2.5, 9),
    }  # fmt: skip
    total = np.zeros(4)
    for criterion, judged in upper.items():
        matrix = np.eye(4)
        matrix[np.triu_indices(4, 1)] = judged
        matrix[np.tril_indices(4, -1)] = 1 / matrix.T[np.tril_indices(4, -1)]
        total += goal[criterion] * weights(matrix).to_numpy()
    np.testing.assert_allclose(total, [0.2291, 0.2748, 0.3852, 0.1110], atol=5e-5)


def test_random_indices_of_other_tables_and_of_ones_own():
    # Drinks: 0.0235 by Donegan and Dodd (AHPy's default).
    got = weights(DRINKS, random_index="donegan_dodd").attrs
    assert got["consistency_ratio"] == pytest.approx(0.0235, abs=5e-5)
    index = (got["lambda_max"] - 7) / 6
    for own, value in ((1.32, 1.32), ("saaty", 1.32), ("saaty_2005", 1.35)):
        ratio = weights(DRINKS, random_index=own).attrs["consistency_ratio"]
        assert ratio == pytest.approx(index / value, rel=1e-12)
    for wrong in (0, -1.0, "dd", float("nan")):
        with pytest.raises(InputError, match="random_index"):
            weights(DRINKS, random_index=wrong)


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


@pytest.mark.parametrize(
    ("matrix", "want"),
    [
        # X. Xu, EJOR 156 (2004), 530-532.
        ([[30, 30, 38, 29], [19, 54, 86, 29], [19, 15, 85, 28.9], [68, 70, 60, 29]],
         [0.4630, 0.3992, 0.1378, 0.0000]),
        # Zavadskas and Podvezko, Int. J. Inf. Technol. Decis. Mak. 15 (2016), 267-283.
        ([[3.0, 100, 10, 7], [2.5, 80, 8, 5], [1.8, 50, 20, 11], [2.2, 70, 12, 9]],
         [0.1146, 0.1981, 0.4185, 0.2689]),
        # Lotfi and Fallahnejad, Entropy 12 (2010), 53-62.
        ([[2, 1, 4, 7, 6, 6, 7, 3000], [4, 1, 5, 6, 7, 7, 6, 3500], [3, 2, 6, 6, 5, 6, 8, 4000],
          [5, 1, 5, 7, 6, 7, 7, 3000], [4, 2, 5, 6, 7, 7, 6, 3000], [3, 2, 6, 6, 6, 6, 6, 3500]],
         [0.2997, 0.4414, 0.0701, 0.0212, 0.0490, 0.0231, 0.0478, 0.0478]),
    ],
)  # fmt: skip
def test_published_entropy_weights(matrix, want):
    frame, metrics = table(matrix)
    got = weights(frame, method="entropy", metrics=metrics)
    np.testing.assert_allclose(got, want, atol=6e-5)


CARE = """100 90 100 84 90 100 100 100 100;100 100 78.6 100 90 100 100 100 100;
75 100 85.7 100 90 100 100 100 100;100 100 78.6 100 90 100 94.4 100 100;
100 90 100 100 100 90 100 100 80;100 100 100 100 90 100 100 85.7 100;
100 100 78.6 100 90 100 55.6 100 100;87.5 100 85.7 100 100 100 100 100 100;
100 100 92.9 100 80 100 100 100 100;100 90 100 100 100 100 100 100 100;
100 100 92.9 100 90 100 100 100 100"""


def test_entropy_weights_of_eleven_wards():
    # 指标权重确定方法之熵权法 (renrendoc.com 133129052): 11 wards, 9 kinds of care, 极差标准化.
    x = np.array([[float(v) for v in row.split()] for row in CARE.split(";")])
    frame, metrics = table(x)
    got = weights(frame, method="entropy", metrics=metrics, normalisation="minmax")
    assert got.round(2).tolist() == [0.08, 0.22, 0.27, 0.07, 0.11, 0.07, 0.07, 0.07, 0.07]
    # What is less the better is turned round: the same weights; and zero has no special place.
    turned, worse = table(-x, directions=[-1] * 9)
    again = weights(turned, method="entropy", metrics=worse, normalisation="minmax")
    np.testing.assert_allclose(again, got, atol=1e-12)
    flat, metrics = table([[1, 5, -3], [2, 5, 4], [4, 5, 9]])
    assert weights(flat, method="entropy", metrics=metrics, normalisation="minmax")["c1"] == 0
    with pytest.raises(InputError, match="normalisation='minmax'"):
        weights(flat, method="entropy", metrics=metrics)
    with pytest.raises(InputError, match="goes with"):
        weights(flat, method="critic", metrics=metrics, normalisation="minmax")


def test_tus_adali_2019_critic():
    # Opsearch 56 (2019), 528-538: weights of six criteria, all of them taken as the more the
    # better.
    matrix = [[5000, 3, 3, 4, 3, 2], [680, 5, 3, 2, 2, 1], [2000, 3, 2, 3, 4, 3],
              [600, 4, 3, 1, 2, 2], [800, 2, 4, 3, 3, 4]]  # fmt: skip
    got = weights(np.array(matrix), method="critic")
    np.testing.assert_allclose(got, [0.157, 0.249, 0.168, 0.121, 0.154, 0.151], atol=6e-4)


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


DAMS = [[4184.3, 2914.0, 407.2, 251.0, 195, 244, 15, 2.41],
        [5211.9, 3630.0, 501.7, 308.3, 282, 346, 21, 1.41],
        [5021.3, 3920.5, 504.0, 278.6, 12, 56, 3, 4.42],
        [5566.1, 3957.9, 559.5, 335.3, 167, 268, 16, 3.36],
        [5060.5, 3293.5, 514.1, 284.2, 69, 90, 7, 4.04],
        [4317.9, 2925.9, 432.8, 239.3, 12, 55, 3, 4.36]]  # fmt: skip


@pytest.mark.parametrize(
    ("social", "q", "compromise"),
    [
        (1, [0.991, 1.0, 0.473, 0.670, 0.0, 0.578], [4]),
        (0.5, [1.0, 0.533, 0.552, 0.563, 0.0, 0.686], [4]),
        (2, [0.684, 1.0, 0.147, 0.554, 0.041, 0.191], [2, 4, 5]),
        (3.2, [0.668, 1.0, 0.051, 0.588, 0.058, 0.078], [2, 4, 5]),
    ],
)
def test_opricovic_tzeng_2007_dams(social, q, compromise):
    # "Extended VIKOR method in comparison with outranking methods", EJOR 178 (2007), 514-529:
    # six reservoir systems on the Drina by four sets of weights.
    w = np.array([1.0] * 4 + [social] * 4)
    frame, metrics = table(DAMS, weights=w / w.sum(), directions=[1, -1, 1, 1, -1, -1, -1, 1])
    got = rank(frame, metrics, keys="k", method="vikor")
    np.testing.assert_allclose(got["score"], q, atol=6e-4)
    assert np.flatnonzero(got["compromise"]).tolist() == compromise


def test_papathanasiou_ploskas_2018_vikor_and_promethee():
    # Multiple Criteria Decision Aid, Springer 2018: a facility's location; chapters 2 and 3.
    matrix = [[8, 7, 2, 1], [5, 3, 7, 5], [7, 5, 6, 4], [9, 9, 7, 3], [11, 10, 3, 7], [6, 9, 5, 4]]
    frame, metrics = table(matrix, weights=[0.4, 0.3, 0.1, 0.2])
    got = rank(frame, metrics, keys="k", method="vikor", v=0.625)
    assert got["score"].round(3).tolist() == [0.640, 1.000, 0.693, 0.271, 0.000, 0.694]
    got = rank(frame, metrics, keys="k", method="promethee", preference="linear", q=1, p=2)
    np.testing.assert_allclose(got["score"], [-0.26, -0.52, -0.22, 0.36, 0.70, -0.06], atol=1e-9)


def test_ziemba_2017_2019_wind_farms_and_waste():
    # Energies 10 (2017), 1755: v-shape; Sustainability 11 (2019), 1555: linear. Net flows.
    x = [[16347, 14219, 8160, 8160], [9, 8.5, 9, 8.5], [73.8, 55, 64.8, 62.5],
         [36.7, 36, 28.5, 29.5], [1.5, 2, 2, 1.5], [3730, 3240, 1860, 1860], [2, 1, 2, 1],
         [1, 1, 2, 3], [38.8, 33.1, 45.8, 27.3], [4, 2, 4, 3],
         [1720524, 1496512, 858830, 858830], [40012, 34803, 19973, 19973]]  # fmt: skip
    w = np.array([20, 5, 5, 1.67, 1.67, 11.67, 11.67, 5, 5, 16.67, 8.33, 8.33])
    p = [7280, 4, 13.4, 7.4, 3, 1662, 3, 3, 13.8, 3, 766240, 17820]
    frame, metrics = table(np.transpose(x), weights=w / w.sum(),
                           directions=[-1, -1, -1, -1, -1, 1, -1, -1, 1, -1, 1, 1])  # fmt: skip
    got = rank(frame, metrics, keys="k", method="promethee", preference="v_shape",
               p={m.name: v for m, v in zip(metrics, p, strict=True)})  # fmt: skip
    assert got["score"].round(4).tolist() == [-0.0445, 0.1884, -0.0954, -0.0485]
    x = [[38723, 34913, 25596, 34842, 22570, 39773, 19500, 34525, 16486],
         [33207, 32085, 2123, 32095, 1445, 17485, 868, 16958, 958],
         [0, 0.2, 5, 0.2, 0.2, 0.2, 99, 99, 99],
         [3375, 3127, 3547, 3115, 3090, 4135, 3160, 4295, 3653],
         [11.36, 12.78, 12.78, 12.86, 12.86, 17, 12.86, 17, 12.86],
         [-320.9, -148.4, -148.4, -9.9, -9.9, 0, -9.9, 0, -9.9],
         [203.7, 463, 356.2, 552.5, 295, 383, 264, 352, 264],
         [0, 11.7, 44.8, 11.7, 95.9, 95.9, 116.8, 116.8, 164.9],
         [0, 4.9, 10.7, 5.4, 11.2, 11.2, 11.2, 11.2, 11.2], [1, 1, 1, 3.5, 4, 4, 4, 4, 4],
         [21.5, 47.9, 27.7, 39.7, 1.5, 22.7, 2.7, 23.9, 1],
         [0, 3.7, 4.5, 10.3, 11.5, 11.5, 11.3, 11.3, 11.4]]  # fmt: skip
    w = np.array([0.3333, 0.1667, 0.1667, 0.3333, 0.25, 0.75, 1, 1, 0.4, 0.20, 0.40, 1])
    frame, metrics = table(np.transpose(x), weights=w / w.sum(),
                           directions=[-1, -1, 1, -1, 1, 1, -1, 1, 1, -1, -1, 1])  # fmt: skip
    q, p = (dict(zip([m.name for m in metrics], v, strict=True)) for v in (
        [420, 1000, 10, 40, 1, 7, 50, 20, 1, 1, 4.6, 1],
        [2100, 5000, 50, 200, 5, 20, 100, 80, 4, 2, 23, 3],
    ))  # fmt: skip
    got = rank(frame, metrics, keys="k", method="promethee", preference="linear", q=q, p=p)
    want = [-0.4143, -0.5056, -0.2317, -0.2892, 0.3313, 0.0619, 0.4296, 0.1626, 0.4554]
    assert got["score"].round(4).tolist() == want


def test_a_leader_that_is_not_stable_shares_the_compromise():
    # The test-suite of scikit-criteria 0.9 (tests/agg/test_vikor.py): the leader by Q leads
    # neither by S nor by R; and two that tie in the lead with a third close behind.
    matrix = [[1, 101, 1, 101, 1], [101, 1, 101, 1, 101], [1, 1, 1, 1, 101],
              [11, 11, 11, 16, 61], [56] * 5]  # fmt: skip
    frame, metrics = table(matrix, weights=[0.2] * 5, directions=[-1] * 5)
    got = rank(frame, metrics, keys="k", method="vikor")
    np.testing.assert_allclose(got["score"], [0.75, 1, 0.5, 0.068, 0.4375], atol=1e-3)
    assert np.flatnonzero(got["compromise"]).tolist() == [3, 4]
    frame, metrics = table([[4, 4, 4], [7, 6, 8], [8, 8, 6], [6, 8, 8]], weights=[0.3, 0.4, 0.3])
    got = rank(frame, metrics, keys="k", method="vikor")
    np.testing.assert_allclose(got["score"], [1, 0.17352941, 0, 0], atol=1e-8)
    assert got["rank"].tolist() == [4, 3, 1, 1]
    assert np.flatnonzero(got["compromise"]).tolist() == [1, 2, 3]


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


def test_scores_of_the_julia_test_suite():
    # JMcDM 0.7, test/mcdm: testgra.jl, testsaw.jl, testwpm.jl, testtopsis.jl.
    frame, metrics = table(
        [[105_000, 105, 10, 4, 300, 10], [120_000, 110, 15, 4, 500, 8],
         [150_000, 120, 12, 3, 550, 12], [115_000, 105, 20, 4, 600, 9],
         [135_000, 115, 15, 5, 400, 9]],
        weights=[0.05, 0.20, 0.10, 0.15, 0.10, 0.40], directions=[-1, 1, -1, 1, 1, -1],
    )  # fmt: skip
    got = rank(frame, metrics, keys="k", method="grey")["score"]
    np.testing.assert_allclose(got, [0.525, 0.700714, 0.546429, 0.576282, 0.650952], atol=1e-6)
    frame, metrics = table([[25, 65, 7, 20], [21, 78, 6, 24], [19, 53, 5, 33], [22, 25, 2, 31]],
                           weights=[0.25] * 4, directions=[1, 1, -1, 1])  # fmt: skip
    got = rank(frame, metrics, keys="k", method="saw")["score"]
    np.testing.assert_allclose(got, [0.681277, 0.725151, 0.709871, 0.784976], atol=1e-6)
    frame, metrics = table(
        [[3, 12.5, 2, 120, 14, 3], [5, 15, 3, 110, 38, 4], [3, 13, 2, 120, 19, 3],
         [4, 14, 2, 100, 31, 4], [3, 15, 1.5, 125, 40, 4]],
        weights=[0.221, 0.159, 0.175, 0.127, 0.117, 0.201], directions=[1, -1, -1, 1, -1, 1],
    )  # fmt: skip
    got = rank(frame, metrics, keys="k", method="wpm")["score"]
    want = [0.79752243, 0.75325415, 0.76474636, 0.78739569, 0.76742787]
    np.testing.assert_allclose(got / got[0], np.array(want) / want[0], atol=1e-7)
    frame, metrics = table([[9, 7, 6, 7], [8, 7, 9, 6], [7, 8, 6, 6]],
                           weights=[0.2, 0.1, 0.3, 0.4])  # fmt: skip
    got = rank(frame, metrics, keys="k")["score"]
    np.testing.assert_allclose(got, [0.3876870, 0.6503238, 0.0834767], atol=1e-7)


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
