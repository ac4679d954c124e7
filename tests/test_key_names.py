"""A key named like a column of the result would be lost under it: refused by name, everywhere."""

from __future__ import annotations

import pandas as pd
import pytest

from salesmgmt import credit, kpi, load_sample, segmentation, targets
from salesmgmt.errors import InputError
from salesmgmt.forecast import accuracy

ORDERS = load_sample("transactions").head(400)
REPS = pd.DataFrame({"rep": ["a", "b", "c"], "sales": [1.0, 2.0, 3.0]})
SEEN = pd.DataFrame({"date": "2025-01-01", "k": ["a", "b"], "actual": 1.0, "forecast": [1.0, 2]})


def _orders(old: str, new: str) -> pd.DataFrame:
    return ORDERS.rename(columns={old: new})


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda n: segmentation.abc(_orders("product", n), item=n, value="amount"), "share"),
        (lambda n: segmentation.purchases(_orders("customer_id", n), customer=n), "t_x"),
        (lambda n: segmentation.clv(_orders("customer_id", n), customer=n), "p_alive"),
        (lambda n: kpi.indicators(_orders("region", n), by=n), "metric"),
        (
            lambda n: kpi.scorecard(
                REPS.rename(columns={"rep": n}), [kpi.Metric("sales", target=2)], keys=n
            ),
            "weight",
        ),
        (
            lambda n: kpi.rank(REPS.rename(columns={"rep": n}), [kpi.Metric("sales")], keys=n),
            "rank",
        ),
        (lambda n: targets.seasonal_profile(_orders("region", n), by=n), "share"),
        (
            lambda n: credit.aging(
                load_sample("invoices").rename(columns={"region": n}), by=n, fx={"USD": 7.1}
            ),
            "total",
        ),
        (lambda n: accuracy(SEEN.rename(columns={"k": n}), by=n), "mae"),
    ],
)
def test_a_key_named_like_a_result_column_is_refused(call, name):
    with pytest.raises(InputError, match=rf"names '{name}', which is a column of the result too"):
        call(name)


@pytest.mark.parametrize("engine", ["polars", "pyarrow", "duckdb"])
def test_follow_up_tables_of_receivables_take_other_engines_frames(engine):
    module = pytest.importorskip(engine)
    give = {
        "polars": lambda f: module.from_pandas(f),
        "pyarrow": lambda f: module.Table.from_pandas(f),
        "duckdb": lambda f: module.from_df(f),
    }[engine]
    invoices, payments = load_sample("invoices"), load_sample("payments")
    options = {"shape": "long", "fx": {"USD": 7.1}}
    parts = [
        credit.aging(invoices, payments, as_of=day, **options)
        for day in ("2024-06-30", "2025-06-30")
    ]
    want = credit.aging_movement(*parts)
    got = credit.aging_movement(*map(give, parts))
    pd.testing.assert_frame_equal(got, want, check_dtype=False)
    ratings = credit.rate_customers(invoices, payments, fx={"USD": 7.1})
    want = credit.credit_limits(ratings, credit.CN_LIMIT_POLICY)
    got = credit.credit_limits(give(ratings), credit.CN_LIMIT_POLICY)
    pd.testing.assert_frame_equal(got, want, check_dtype=False)
    steps = [0.01, 0.02, 0.1, 0.3, 0.5]
    shown = [
        credit.provision(credit.aging(invoices, payments, as_of=day, by="currency"), steps)
        for day in ("2024-06-30", "2025-06-30")
    ]
    want = credit.provision_movement(*shown, fx={"USD": 7.1})
    got = credit.provision_movement(*map(give, shown), fx={"USD": 7.1})
    pd.testing.assert_frame_equal(got, want, check_dtype=False)
