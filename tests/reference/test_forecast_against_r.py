"""Exponential smoothing and Theta against R on series everybody has.

R 4.2.2, package forecast 8.20: ``ets(y)`` (form and AICc) and ``thetaf(y, h = 12)$mean`` for
series of R's ``datasets``, ``lmtest`` and ``urca``. Likelihoods are compared, not parameters:
the optimum is often a ridge. Where a form other than R's is chosen, its AICc must be the lower one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from r_series import FURTHER, SERIES, STEP, history

from salesmgmt.forecast import Forecaster, forecast

ETS = {
    "Nile": ("ETS(M,N,N)", 1458.552),
    "WWWusage": ("ETS(A,Ad,N)", 718.634),
    "USAccDeaths": ("ETS(A,N,A)", 1148.716),
    "AirPassengers": ("ETS(M,Ad,M)", 1400.638),
    "LakeHuron": ("ETS(A,N,N)", 396.933),
    "lynx": ("ETS(M,N,N)", 2058.356),
    "UKgas": ("ETS(M,A,M)", 1256.558),
    "JohnsonJohnson": ("ETS(M,A,A)", 166.072),
    "lh": ("ETS(A,N,N)", 125.273),
    "uspop": ("ETS(A,A,N)", 122.959),
    "nhtemp": ("ETS(A,N,N)", 266.358),
    "airmiles": ("ETS(A,A,N)", 422.826),
    "BJsales": ("ETS(A,Ad,N)", 849.111),
    "ldeaths": ("ETS(M,N,M)", 1089.369),
    "mdeaths": ("ETS(M,A,A)", 1044.807),
    "fdeaths": ("ETS(M,N,M)", 917.39),
    "austres": ("ETS(M,Ad,A)", 813.206),
    "discoveries": ("ETS(A,N,N)", 618.324),
    "nottem": ("ETS(A,N,A)", 1737.087),
    "eggs": ("ETS(A,N,N)", 778.369),
    "rate": ("ETS(M,Ad,N)", 175.575),
    "stocks": ("ETS(M,Ad,N)", 237.459),
    "consumption": ("ETS(M,A,A)", 1125.250),
    "gnp": ("ETS(A,Ad,N)", 609.129),
}

THETAF = {
    "Nile": [
        799.812, 798.455, 797.098, 795.741, 794.383, 793.026, 791.669, 790.312, 788.955, 787.598,
        786.24, 784.883,
    ],
    "WWWusage": [
        220.31, 220.619, 220.928, 221.238, 221.547, 221.857, 222.166, 222.475, 222.785, 223.094,
        223.404, 223.713,
    ],
    "USAccDeaths": [
        8270.69, 7508.92, 8322.12, 8554.14, 9450.09, 9870.93, 10822.5, 10091.8, 8944.43, 9329.29,
        8778.91, 8990.78,
    ],
    "AirPassengers": [
        440.078, 428.384, 489.707, 475.705, 479.67, 545.366, 602.752, 601.101, 523.951, 456.627,
        397.954, 447.645,
    ],
    "LakeHuron": [
        579.948, 579.936, 579.924, 579.912, 579.899, 579.887, 579.875, 579.863, 579.851, 579.839,
        579.827, 579.815,
    ],
    "lynx": [
        3397.57, 3399.21, 3400.85, 3402.5, 3404.14, 3405.78, 3407.42, 3409.07, 3410.71, 3412.35,
        3414, 3415.64,
    ],
    "UKgas": [
        999.744, 660.098, 387.189, 718.361, 1016.08, 670.838, 393.464, 729.954, 1032.41, 681.577,
        399.738, 741.548,
    ],
    "JohnsonJohnson": [
        13.9218, 14.5667, 15.8008, 12.2672, 14.246, 14.904, 16.1646, 12.548, 14.5702, 15.2412,
        16.5283, 12.8288,
    ],
    "lh": [
        2.91343, 2.92, 2.92658, 2.93315, 2.93972, 2.94629, 2.95287, 2.95944, 2.96601, 2.97259,
        2.97916, 2.98573,
    ],
    "uspop": [
        208.592, 213.985, 219.379, 224.773, 230.166, 235.56, 240.954, 246.347, 251.741, 257.134,
        262.528, 267.922,
    ],
    "nhtemp": [
        51.9719, 51.9904, 52.0088, 52.0273, 52.0457, 52.0642, 52.0827, 52.1011, 52.1196, 52.138,
        52.1565, 52.175,
    ],
    "airmiles": [
        31189.1, 31864.2, 32539.4, 33214.5, 33889.6, 34564.8, 35239.9, 35915.1, 36590.2, 37265.4,
        37940.5, 38615.6,
    ],
    "BJsales": [
        262.923, 263.147, 263.37, 263.594, 263.817, 264.041, 264.264, 264.488, 264.711, 264.935,
        265.158, 265.382,
    ],
    "ldeaths": [
        2668.28, 2669.71, 2481.55, 2004.93, 1603.61, 1456.78, 1393.84, 1257.5, 1249.15, 1529.16,
        1673.45, 2301.91,
    ],
    "mdeaths": [
        1878.27, 1861.68, 1745.97, 1422.13, 1130.76, 1040.72, 992.454, 902.012, 889.911,
        1090.31, 1193.9, 1625.61,
    ],
    "fdeaths": [
        784.09, 802.575, 729.446, 576.634, 468.294, 410.693, 396.641, 350.613, 354.567,
        433.565, 473.426, 669.792,
    ],
    "austres": [
        17684.8, 17715.5, 17745.6, 17766.2, 17789.5, 17820.2, 17850.3, 17870.9, 17894.2,
        17924.9, 17955, 17975.6,
    ],
    "discoveries": [
        1.09535, 1.08708, 1.07882, 1.07055, 1.06228, 1.05401, 1.04574, 1.03747, 1.0292,
        1.02093, 1.01266, 1.0044,
    ],
    "nottem": [
        40.1261, 39.5458, 42.5477, 46.7887, 53.0991, 58.672, 62.7038, 61.1868, 57.0758,
        50.2612, 42.8937, 40.1118,
    ],
    "eggs": [
        5679.425, 5702.834, 5726.243, 5749.652, 5773.06, 5796.469, 5819.878, 5843.287, 5866.695,
        5890.104, 5913.513, 5936.922,
    ],
    "rate": [
        7.80454, 7.809139, 7.813739, 7.818338, 7.822938, 7.827537, 7.832137, 7.836736, 7.841336,
        7.845935, 7.850535, 7.855134,
    ],
    "stocks": [
        29.68502, 29.63014, 30.103, 29.95564, 29.96517, 29.90912, 30.38576, 30.23636, 30.24532,
        30.18809, 30.66852, 30.51708,
    ],
    "consumption": [
        9976.924, 10256.81, 10314.48, 10560.07, 10094.39, 10377.22, 10435.2, 10683.31, 10211.86,
        10497.63, 10555.93, 10806.55,
    ],
    "gnp": [
        730.6898, 734.6058, 736.4664, 738.6328, 749.477, 753.3731, 755.1618, 757.265, 768.2642,
        772.1403, 773.8572, 775.8971,
    ],
}  # fmt: skip


@pytest.mark.parametrize("m", list(STEP))
def test_ets_is_as_likely_as_in_r(m):
    model = Forecaster(by="series", model="ets", season_length=m).fit(history(m, SERIES | FURTHER))
    found = model.summary_.set_index("series")
    for name in found.index:
        row, (form, aicc) = found.loc[name], ETS[name]
        assert row["aicc"] <= aicc + 0.5, name
        assert row["form"] == form or row["aicc"] < aicc, name


@pytest.mark.parametrize("m", list(STEP))
def test_theta_forecasts_what_r_does(m):
    found = forecast(
        history(m, SERIES | FURTHER), 12, by="series", model="theta", season_length=m, level=None
    )
    for name, one in found.groupby("series"):
        np.testing.assert_allclose(one["forecast"], THETAF[name], rtol=5e-3, err_msg=name)


# ``thetaf(ts(y, frequency = m), h = 3)$mean``: the least sum of squares lies at a bound of the
# smoothing parameter (1e-4, 0.9999), or in another dip than the one beside 0.3.
AT_BOUNDS = {
    ("m3_yearly", "N0014"): [3861.5208, 3852.2585, 3842.9963],
    ("m3_quarterly", "N0835"): [4387.3233, 4398.2214, 4409.1194],
    ("m3_quarterly", "N0838"): [3035.6541, 3047.1411, 3058.6281],
    ("m3_monthly", "N2093"): [2312.5545, 2309.9574, 2307.3602],
    ("m3_monthly", "N1745"): [4231.9698, 4235.7390, 4239.5082],
    ("m3_monthly", "N1459"): [2457.6263, 2448.6987, 2439.7711],
}


@pytest.mark.parametrize("name, m", [("m3_yearly", 1), ("m3_quarterly", 4), ("m3_monthly", 12)])
def test_theta_goes_to_the_bounds_as_r_does(data_dir, name, m):
    want = {key: values for (of, key), values in AT_BOUNDS.items() if of == name}
    train = pd.read_parquet(data_dir / "forecast" / f"{name}_train.parquet")
    train = train[train["unique_id"].isin(list(want))]
    train["date"] = pd.Timestamp("1900-01-01") + pd.to_timedelta(train["ds"] * 7, unit="D")
    ask = {"by": "unique_id", "amount": "y", "freq": "W", "season_length": m, "level": None}
    found = forecast(train, 3, model="theta", **ask)
    for key, one in found.groupby("unique_id"):
        np.testing.assert_allclose(one["forecast"], want[key], rtol=5e-4, err_msg=str(key))


# ``forecast(ets(y, model = ...), h, level = 95)``: lower and upper ends, and ``$model$sigma2``.
ETS_ENDS = {
    "LakeHuron": (
        [578.491839, 577.883814, 577.417246],
        [581.428147, 582.036172, 582.502740],
        0.56111,
    ),
    "USAccDeaths": (
        [7823.83364, 6931.81151, 7647.07465, 7823.02584],
        [8971.16017, 8266.62972, 9146.11473, 9469.99356],
        85667.856,
    ),
}


@pytest.mark.parametrize("name", list(ETS_ENDS))
def test_ets_has_r_s_intervals_or_wider_ones(name):
    """Long records without a season keep them; elsewhere they are the least a model is given."""
    low, high, sigma2 = ETS_ENDS[name]
    m = 12 if name == "USAccDeaths" else 1
    data = history(m, {name: (SERIES | FURTHER)[name]})
    ask = {"by": "series", "model": "ets", "season_length": m}
    out = forecast(data, len(low), level=[95], **ask)
    if m == 1:
        np.testing.assert_allclose(out["lo_95"], low, rtol=1e-3)
        np.testing.assert_allclose(out["hi_95"], high, rtol=1e-3)
    width = (out["hi_95"] - out["lo_95"]).to_numpy()
    least = 0.995 if m == 1 else 0.95  # a likelier optimum has other variances
    assert (width >= least * (np.array(high) - np.array(low))).all()
    told = Forecaster(**ask).fit(data).summary_.iloc[0]["parameters"]["sigma2"]
    assert told == pytest.approx(sigma2, rel=1e-2 if m == 1 else 0.1)  # a likelier optimum
