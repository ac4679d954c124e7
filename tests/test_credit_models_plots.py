"""Figures of the credit models draw what they are given, in both languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from common import english_on

from salesmgmt import load_sample, plots
from salesmgmt.credit import CreditScorecard, cash_forecast
from salesmgmt.errors import InputError


@pytest.fixture(scope="module")
def card():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"late": rng.gamma(1.5, 12, 500), "staff": rng.integers(1, 90, 500)})
    y = (rng.random(500) < 0.1 + 0.01 * X["late"].clip(upper=60)).astype(int)
    return CreditScorecard().fit(X, y), X, y


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_score_distribution_has_a_bar_a_band_and_a_line_a_cutoff(card, lang):
    model, X, y = card
    bands = model.bands(X, y, width=5)
    ax = plots.score_distribution(bands, lang=lang, cutoffs=[bands["low"].iloc[2]])
    assert lang == "en" or not english_on(ax)
    heights = np.array([bar.get_height() for bar in ax.patches])
    assert heights.sum() == len(X)
    assert len(ax.lines) == 1
    assert f"{bands['approved'].iloc[2]:.0%}" in ax.texts[0].get_text()
    k = int(bands["rows"].iloc[:-1].argmax())
    inside = plots.score_distribution(bands, lang=lang, cutoffs=bands["low"].iloc[k] + 2)
    next_, own = bands["approved"].iloc[[k + 1, k]]
    assert f"{next_:.0%}–{own:.0%}" in inside.texts[0].get_text()
    ends = [bands["low"].iloc[0] - 9, bands["high"].iloc[-1] + 9]
    ends = plots.score_distribution(bands, lang=lang, cutoffs=ends).texts
    assert [t.get_text().replace(" pass", "").split()[-1] for t in ends] == ["100%", "0%"]
    plain = plots.score_distribution(model.bands(X, width=5), lang=lang)
    assert sum(bar.get_height() for bar in plain.patches) == len(X)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_calibration_curve_shows_every_band(card, lang):
    model, X, y = card
    table = model.calibration(X, y, bins=5)
    ax = plots.calibration_curve(table, lang=lang)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), table["observed"])
    assert lang == "en" or not english_on(ax)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_cash_fan_stacks_to_what_is_expected(lang):
    frames = [load_sample(n) for n in ("invoices", "payments")]
    plan = pd.DataFrame({"date": ["2026-01-10"], "amount": [1e6]})
    got = cash_forecast(*frames, horizon=20, fx={"USD": 7.1}, sales=plan, calibrate=4)
    ax = plots.cash_fan(got, lang=lang)
    heights = np.array([bar.get_height() for bar in ax.patches])
    assert heights.sum() == pytest.approx(got["expected"].sum(), abs=1)
    assert lang == "en" or not english_on(ax)


def test_cash_fan_wants_one_key():
    got = cash_forecast(load_sample("invoices"), load_sample("payments"), horizon=2, calibrate=2)
    with pytest.raises(InputError, match="several keys"):
        plots.cash_fan(got)
