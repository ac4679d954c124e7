"""Real files, with all that is odd in them; skipped where they are not at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, credit, forecast, funnel, segmentation
from salesmgmt.__main__ import main


@pytest.fixture(scope="module")
def retail(data_dir):
    return pd.read_parquet(data_dir / "segmentation" / "online_retail_2011.parquet")


@pytest.mark.slow
def test_retail_lines_without_customer_are_told_and_cancellations_netted(retail):
    with pytest.raises(InputError, match=r"'customer_id' is missing in 135080 row"):
        segmentation.rfm(retail)
    with pytest.warns(DataWarning, match=r"left out 135080 of 541909"):
        got = segmentation.rfm(retail, invalid="drop")
    known = retail[retail["customer_id"].notna()]
    assert len(got) == known["customer_id"].nunique()
    assert got["monetary"].sum() == pytest.approx(known["amount"].sum(), abs=0.01)
    assert got["frequency"].sum() == known["order_id"].nunique()


@pytest.mark.slow
def test_report_on_the_retail_file_as_gbk_csv(retail, tmp_path):
    file = tmp_path / "零售.csv"
    retail.head(25_000).assign(country="英国").to_csv(file, index=False, encoding="gb18030")
    page = tmp_path / "r.html"
    assert main(["report", "--transactions", str(file), "-o", str(page)]) == 2
    done = main(
        [
            "report",
            "--transactions",
            str(file),
            "--invalid",
            "drop",
            "--lang",
            "zh",
            "-o",
            str(page),
        ]
    )
    assert done == 0
    assert page.stat().st_size > 20_000


@pytest.mark.slow
def test_walmart_weeks_stay_on_fridays_and_every_series_gets_a_finite_forecast(data_dir):
    train = pd.read_parquet(data_dir / "forecast" / "walmart_weekly_train.parquet")
    ids = train["unique_id"].drop_duplicates().iloc[::8]
    train = train[train["unique_id"].isin(ids)]
    got = forecast.forecast(train, 13, by="unique_id", date="ds", amount="y", freq="W")
    assert len(got) == 13 * len(ids)
    assert np.isfinite(got["forecast"]).all()
    assert (got["date"].dt.day_of_week == 4).all()
    assert set(got["unique_id"]) == set(ids)


def test_process_log_counts_agree_with_a_plain_count(data_dir):
    log = pd.read_parquet(data_dir / "funnel" / "bpi2020_DomesticDeclarations.parquet")
    stages = log["stage"].value_counts().index[:2].tolist()
    got = funnel.conversion(log, stages, deal="case_id", entered="ts")
    first = log[log["stage"] == stages[0]].groupby("case_id")["ts"].min()
    last = log[log["stage"] == stages[1]].groupby("case_id")["ts"].max()
    both = last.reindex(first.index) >= first
    assert got["entered"].tolist() == [len(first), int(both.sum())]


def test_open_invoices_add_up_in_each_currency(data_dir):
    items = pd.read_parquet(data_dir / "credit" / "highradius_open_invoices.parquet")
    items = items.drop_duplicates("invoice_id")
    got = credit.aging(
        items, invoice_date="document_date", amount="open_amount", as_of="2020-05-22", by="currency"
    )
    want = items.groupby("currency")["open_amount"].sum().round(2)
    assert got.set_index("currency")["total"].round(2).to_dict() == want.to_dict()
    buckets = got.drop(columns=["currency", "total", "as_of"]).sum(axis=1)
    np.testing.assert_allclose(buckets, got["total"], atol=0.005)
