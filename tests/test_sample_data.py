"""The sample company: small, whole in every link, exact in cents, made again byte for byte."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data" / "sample"
SCRIPTS = ROOT / "data" / "make_sample"
TABLES = [
    "transactions", "deals", "stage_events", "deal_snapshots", "invoices", "payments",
    "adjustments", "plan", "accounts", "reps", "activities", "cases", "surveys", "expenses",
    "budget", "contracts", "market", "orders",
]  # fmt: skip
MONEY = {"amount", "price", "discount", "cost", "tax", "target", "credit_limit", "potential"}
MONEY |= {"promised_amount"}
STAGES = ["lead", "qualified", "proposal", "negotiation"]


@cache
def table(name: str) -> pd.DataFrame:
    """A table as text, empty fields as empty strings."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)


@cache
def truths() -> dict:
    return json.loads((FOLDER / "truths.json").read_text(encoding="utf-8"))


def cents(column: pd.Series) -> pd.Series:
    return column.str.replace(".", "", regex=False).astype("int64")


def ids(name: str, column: str) -> set[str]:
    return set(table(name)[column]) - {""}


def test_the_files_are_the_tables_and_small_together():
    names = {p.name for p in FOLDER.iterdir()}
    assert names == {f"{t}.csv" for t in TABLES} | {"README.md", "truths.json"}
    assert sum(p.stat().st_size for p in FOLDER.iterdir()) < 6_000_000


@pytest.mark.parametrize("name", TABLES)
def test_files_are_clean_utf8_without_repeated_rows(name):
    raw = (FOLDER / f"{name}.csv").read_bytes()
    text = raw.decode("utf-8")
    assert raw[:3] != b"\xef\xbb\xbf"
    assert "\r" not in text
    assert text.endswith("\n")
    assert not table(name).duplicated().any()


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described_in_the_readme(name):
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    line = next(x for x in readme.splitlines() if x.startswith(f"| `{name}` |"))
    assert [c for c in table(name).columns if f"`{c}`" not in line] == []


@pytest.mark.parametrize("name", TABLES)
def test_money_has_whole_cents(name):
    for column in MONEY & set(table(name).columns):
        filled = table(name)[column].loc[lambda s: s != ""]
        assert filled.str.fullmatch(r"-?\d+\.\d\d").all(), column


@pytest.mark.parametrize("name", TABLES)
def test_dates_are_dates_and_lie_within_the_company_s_time(name):
    frame = table(name)
    for column in frame.columns:
        if not re.search(r"date$|_at$|^period_", column):
            continue
        filled = frame[column].loc[lambda s: s != ""]
        day = pd.to_datetime(filled, format="ISO8601")
        first = {"hire_date": "2010", "since_date": "2010"}.get(column, "2023-01-01")
        planned = name in ("plan", "budget", "contracts", "deal_snapshots", "deals", "orders")
        planned |= column in ("due_date", "promised_date")
        last = "2028-12-31" if planned else "2025-12-31 23:59"
        assert day.between(pd.Timestamp(first), pd.Timestamp(last)).all(), column


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("transactions", "order_id"), ("deals", "deal_id"), ("invoices", "invoice_id"),
        ("payments", "payment_id"), ("accounts", "customer_id"), ("reps", "rep"),
        ("activities", "activity_id"), ("cases", "case_id"), ("contracts", "contract_id"),
        ("orders", "order_id"),
    ],
)  # fmt: skip
def test_ids_are_there_and_name_one_row(name, column):
    values = table(name)[column]
    assert (values != "").all()
    assert name == "transactions" or values.is_unique


@pytest.mark.parametrize("name", [t for t in TABLES if t not in ("accounts", "reps")])
def test_customers_reps_and_regions_are_known_everywhere(name):
    frame = table(name)
    homes = {"customer_id": "accounts", "rep": "reps", "owner": "reps", "region": "reps"}
    for column in set(homes) & set(frame.columns):
        key = "rep" if column == "owner" else column
        assert ids(name, column) <= ids(homes[column], key), column
    if "product_line" in frame.columns:
        assert ids(name, "product_line") <= ids("market", "product_line")


def test_the_company_has_the_size_that_it_says():
    sold = table("transactions")
    counts = {"product": 40, "product_line": 6, "channel": 4, "region": 3, "customer_id": 1500}
    assert {c: sold[c].nunique() for c in counts} == counts
    assert len(table("accounts")) == 1500
    assert len(table("reps")) == 30
    assert table("reps")["team"].nunique() == 10
    assert sold["date"].str[:7].nunique() == 36


def test_an_account_s_region_team_and_rep_agree():
    merged = table("accounts").merge(table("reps"), on="rep", suffixes=("", "_rep"))
    assert len(merged) == 1500
    assert (merged["region"] == merged["region_rep"]).all()
    assert (merged["team"] == merged["team_rep"]).all()
    assert (merged["leave_date"] == "").all()


@pytest.mark.parametrize(
    ("name", "who", "when"),
    [
        ("transactions", "rep", "date"), ("stage_events", "owner", "entered_at"),
        ("activities", "rep", "date"), ("cases", "rep", "opened_at"),
    ],
)  # fmt: skip
def test_nobody_sells_before_being_hired_or_after_leaving(name, who, when):
    merged = table(name).merge(table("reps"), left_on=who, right_on="rep", suffixes=("", "_rep"))
    day = merged[when].str[:10]
    assert (day >= merged["hire_date"]).all()
    assert ((merged["leave_date"] == "") | (day <= merged["leave_date"])).all()


def test_a_line_s_amount_is_quantity_times_price_and_returns_stay_within_the_order():
    sold = table("transactions")
    quantity = sold["quantity"].astype(int)
    assert (cents(sold["amount"]) == quantity * cents(sold["price"])).all()
    assert (cents(sold["discount"]) * quantity >= 0).all()
    net = quantity.groupby([sold["order_id"], sold["product"]]).sum()
    assert (net >= 0).all()
    one = sold.groupby("order_id")[["customer_id", "region", "channel"]].nunique()
    assert (one == 1).all(axis=None)


def test_orders_are_the_orders_of_the_transactions():
    sold = table("transactions").assign(quantity=lambda f: f["quantity"].astype(int))
    sold = sold[sold["quantity"] > 0].groupby("order_id")
    orders = table("orders").set_index("order_id")
    assert set(orders.index) == ids("transactions", "order_id")
    assert (orders["quantity"].astype(int) == sold["quantity"].sum().loc[orders.index]).all()
    assert (orders["order_date"] == sold["date"].first().loc[orders.index]).all()
    assert (orders["customer_id"] == sold["customer_id"].first().loc[orders.index]).all()
    arrived = orders[orders["delivered_date"] != ""]
    assert (arrived["delivered_date"] >= arrived["order_date"]).all()
    assert (arrived["delivered_quantity"].astype(int) <= arrived["quantity"].astype(int)).all()


def test_an_invoice_is_its_order_and_tax():
    bills = table("invoices")
    sold = table("transactions").assign(net=lambda f: cents(f["amount"]))
    net = sold[sold["net"] > 0].groupby("order_id")["net"].sum()
    bills = bills[bills["type"] == "invoice"]
    assert bills["order_id"].is_unique
    got = cents(bills["amount"]) - cents(bills["tax"])
    rate = bills["invoice_date"].str[:4].map(truths()["fx_cny_per_usd"])
    rate = rate.where(bills["currency"] == "USD", 1.0)
    assert ((got * rate - bills["order_id"].map(net)).abs() <= rate / 2 + 1e-6).all()
    sent = table("orders").set_index("order_id")["delivered_date"]
    assert (bills["invoice_date"] == bills["order_id"].map(sent)).all()
    assert (bills["due_date"] > bills["invoice_date"]).all()


def test_every_delivered_order_of_a_customer_on_credit_has_its_invoice():
    credit = table("accounts").query("payment_days != ''")["customer_id"]
    orders = table("orders")
    due = orders[orders["customer_id"].isin(credit) & (orders["delivered_date"] != "")]
    bills = table("invoices")
    assert set(due["order_id"]) == set(bills.loc[bills["type"] == "invoice", "order_id"])


def test_a_credit_note_names_an_earlier_invoice_of_the_same_customer():
    bills = table("invoices").set_index("invoice_id")
    notes = bills[bills["type"] == "credit_note"]
    assert len(notes) > 20
    assert set(notes["parent"]) <= set(bills.index)
    parent = bills.loc[notes["parent"]]
    assert (parent["type"] == "invoice").all()
    for column in ("customer_id", "order_id", "currency"):
        assert (parent[column].to_numpy() == notes[column].to_numpy()).all()
    assert (parent["invoice_date"].to_numpy() <= notes["invoice_date"].to_numpy()).all()
    assert (cents(notes["amount"]) < 0).all()
    assert (bills.loc[bills["type"] == "invoice", "parent"] == "").all()


@pytest.mark.parametrize("name", ["payments", "adjustments"])
def test_payments_and_adjustments_keep_their_link_to_the_invoice(name):
    rows = table(name)
    named = rows[rows["invoice_id"] != ""]
    assert len(named) > 100
    bills = table("invoices").set_index("invoice_id")
    assert set(named["invoice_id"]) <= set(bills.index)
    bill = bills.loc[named["invoice_id"]]
    for column in ("customer_id", "currency"):
        assert (bill[column].to_numpy() == named[column].to_numpy()).all()
    assert (bill["type"] == "invoice").all()
    assert (bill["invoice_date"].to_numpy() <= named["date"].to_numpy()).all()
    assert (cents(rows["amount"]) > 0).all()


def test_nobody_is_paid_for_more_than_was_billed_but_for_the_stray_hundreds():
    """What names an invoice never exceeds it by more than the 100.00 of an overpayment."""
    bills, paid, off = table("invoices"), table("payments"), table("adjustments")
    owed = (
        cents(bills["amount"])
        .groupby(bills["parent"].where(bills["parent"] != "", bills["invoice_id"]))
        .sum()
    )
    off = off[off["kind"].isin(["allowance", "write_off"])]
    settled = pd.concat([paid, off])[["invoice_id", "amount"]]
    settled = settled[settled["invoice_id"] != ""]
    rest = owed.sub(cents(settled["amount"]).groupby(settled["invoice_id"]).sum(), fill_value=0)
    assert rest.min() >= -100_00
    assert (rest < 0).sum() < 40


def test_stage_events_tell_the_same_story_as_the_deals():
    deals, events = table("deals").set_index("deal_id"), table("stage_events")
    assert set(events["deal_id"]) == set(deals.index)
    assert set(events["stage"]) == {*STAGES, "won", "lost"}
    by_deal = events.sort_values("entered_at", kind="stable").groupby("deal_id")
    assert (by_deal["stage"].first() == "lead").all()
    assert (by_deal["stage"].last() == deals["stage"].loc[list(by_deal.groups)]).all()
    assert (by_deal["entered_at"].first() == deals["created_at"].loc[list(by_deal.groups)]).all()
    decided = deals[deals["status"] != "open"]
    assert (decided["stage"] == decided["status"]).all()
    assert deals.loc[deals["status"] == "open", "stage"].isin(STAGES).all()
    assert ((deals["lost_reason"] != "") == (deals["status"] == "lost")).all()
    assert (deals.loc[deals["lost_reason"] == "competitor", "competitor"] != "").all()


def test_time_runs_forward_in_every_deal():
    deals, events = table("deals"), table("stage_events")
    assert (deals["close_date"] > deals["created_at"]).all()
    time = pd.to_datetime(events["entered_at"]).sort_values()
    gaps = time.groupby(events["deal_id"]).diff().dropna()
    assert (gaps > pd.Timedelta(0)).all()


def test_deals_skip_go_back_and_are_reopened():
    events = table("stage_events").sort_values(["deal_id", "entered_at"], kind="stable")
    step = events["stage"].map({s: i for i, s in enumerate([*STAGES, "won", "lost"])})
    before = step.groupby(events["deal_id"]).shift()
    assert ((before == 0) & (step == 2)).sum() > 20
    assert ((before == 3) & (step == 2)).sum() > 10
    assert ((before == 5) & (step < 5)).sum() > 10


def test_the_last_snapshot_is_the_deals_as_they_stand():
    deals, snapshots = table("deals").set_index("deal_id"), table("deal_snapshots")
    assert ids("deal_snapshots", "deal_id") <= set(deals.index)
    assert snapshots["snapshot_date"].nunique() == 36
    last = snapshots[snapshots["snapshot_date"] == "2025-12-31"].set_index("deal_id")
    still = deals[deals["status"] == "open"]
    now = last[last["status"] == "open"]
    assert set(now.index) == set(still.index)
    for column in ("amount", "close_date", "stage", "owner"):
        assert (now[column] == still[column].loc[now.index]).all(), column


def test_plan_has_one_target_a_rep_month_and_measure():
    plan = table("plan")
    keys = ["region", "team", "rep", "period_start", "measure"]
    assert not plan.duplicated(keys).any()
    assert set(plan["measure"]) == {"销售额", "回款"}
    assert plan["period_start"].nunique() == 24
    home = plan.merge(table("reps"), on=["region", "team", "rep"])
    assert len(home) == len(plan)
    assert (cents(plan["target"]) > 0).all()


def test_known_truths_name_what_exists():
    known, customers = truths(), ids("accounts", "customer_id")
    kinds = known["customers"]["kinds"]
    assert sum(len(v) for v in kinds.values()) == 1500
    assert set().union(*kinds.values()) == customers
    assert set(known["customers"]["leaving_since"]) == set(kinds["leaving"])
    bad, slow = known["default"]["customers"], known["default"]["slow_for_a_while_only"]
    assert {*bad, *slow} <= ids("invoices", "customer_id")
    assert not set(bad) & set(slow)
    reps = ids("reps", "rep")
    single = [v for v in known["reps"].values() if isinstance(v, str)]
    assert len(single) == 8
    assert set(single) <= reps
    assert set(known["reps"]["skill_log_odds"]) == reps
    pairs = {*known["pairs"], *(v["with"] for v in known["pairs"].values())}
    assert {*pairs, known["defect"]["product"]} <= ids("transactions", "product")
    assert known["warehouse"]["warehouse"] in ids("orders", "warehouse")
    assert known["funnel"]["strong_competitor"] in ids("deals", "competitor")
    campaigns = {p["name"] for p in known["promotions"]}
    assert campaigns == ids("expenses", "campaign")


def test_defaulters_stop_ordering_and_paying_when_the_truths_say():
    orders, paid = table("orders"), table("payments")
    for customer, when in truths()["default"]["customers"].items():
        mine = orders[orders["customer_id"] == customer]
        assert mine["order_date"].max() < when["orders_stop"]
        assert paid.loc[paid["customer_id"] == customer, "date"].max() < when["stops_paying"]
        assert when["90_days_past_due"] > when["signs_from"]


def test_scripts_are_one_a_table():
    own = {p.stem for p in SCRIPTS.glob("*.py") if not p.stem.startswith("_")}
    assert own == {*TABLES, "truths", "make_all"}


@pytest.mark.parametrize("name", ["reps", "deals", ""])
def test_scripts_make_their_files_again_byte_for_byte(name, tmp_path):
    """A table by itself, and (without a name) the whole company in one run."""
    script = SCRIPTS / f"{name}.py" if name else SCRIPTS
    subprocess.run([sys.executable, script, "--out", tmp_path], check=True, capture_output=True)
    made = sorted(tmp_path.iterdir())
    assert len(made) == (1 if name else len(TABLES) + 1)
    for file in made:
        assert file.read_bytes() == (FOLDER / file.name).read_bytes(), file.name
