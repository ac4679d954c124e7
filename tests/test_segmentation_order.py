"""Fits do not depend on the order of the rows, not even in the last digit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import load_sample, segmentation


@pytest.mark.parametrize("model", ["BGNBD", "MBGNBD", "ParetoNBD"])
def test_shuffled_histories_give_the_same_fit(model):
    sales = load_sample("transactions")
    bought = segmentation.purchases(sales[sales["region"] == "International"])
    kind = getattr(segmentation, model)
    one = kind().fit(bought)
    other = kind().fit(bought.sample(frac=1, random_state=3))
    assert dict(one.params_) == dict(other.params_)
    assert one.log_likelihood_ == other.log_likelihood_


def test_shuffled_amounts_end_at_the_same_place_of_a_ridge():
    """Customers that spend alike: q and gamma grow without end, only their ratio is known."""
    rng = np.random.default_rng(7)
    x = rng.integers(1, 9, 300)
    seen = pd.DataFrame({"x": x, "monetary": rng.gamma(2.0 * x) / x * 40})
    one = segmentation.GammaGamma().fit(seen)
    assert one.params_["q"] > 100
    for seed in range(3):
        two = segmentation.GammaGamma().fit(seen.sample(frac=1, random_state=seed))
        pd.testing.assert_series_equal(two.params_, one.params_, check_exact=True)
