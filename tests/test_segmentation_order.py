"""Fits do not depend on the order of the rows, not even in the last digit."""

from __future__ import annotations

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
