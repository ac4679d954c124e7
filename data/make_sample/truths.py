"""truths.json: what was built into the sample company, for notebooks and tests to look for."""

import argparse
import json
from pathlib import Path

import _company as co
import _pipeline as pipe
import expenses
import invoices
import market
import numpy as np
import orders
import surveys
from _receivables import settled


def _date(when: int) -> str:
    return str(co.START + np.timedelta64(int(when), "D"))


def facts() -> dict:
    """Everything that is known to be true, by desk."""
    people = co.customers()
    ids = {k: sorted(people.loc[people["kind"] == k, "customer_id"]) for k, _ in co.KINDS}
    return {
        "as_of": _date(co.N_DAYS - 1),
        "fx_cny_per_usd": {str(y): rate for y, rate in co.FX.items()},
        "reps": {
            "best": co.BEST_REP,
            "lucky": co.LUCKY_REP,
            "weak": co.WEAK_REP,
            "skill_log_odds": dict(zip(co.reps()["rep"], co.reps()["skill"], strict=True)),
            "sandbagger": co.SANDBAGGER,
            "happy_ears": co.HAPPY_EARS,
            "too_much_discount": co.DISCOUNTER,
            "visits_the_wrong_customers": co.POOR_PLANNER,
            "big_spender": expenses.BIG_SPENDER,
            "successors": {a: {"left": d, "to": b} for a, (d, b, _) in co.LEAVERS.items()},
        },
        "customers": {
            "kinds": ids,
            "leaving_since": {
                c: _date(t)
                for c, t, k in zip(
                    people["customer_id"], people["turn"], people["kind"], strict=True
                )
                if k == "leaving"
            },
        },
        "default": _default(),
        "funnel": {
            "pass_rates": pipe.PASS,
            "median_days": pipe.DWELL,
            "bottleneck": {
                "stage": pipe.BOTTLENECK[0],
                "region": pipe.BOTTLENECK[1],
                "pass_rate": pipe.BOTTLENECK_PASS,
                "median_days": pipe.BOTTLENECK_DWELL,
            },
            "source_log_odds": pipe.SOURCE_EFFECT,
            "strong_competitor": pipe.STRONG_COMPETITOR,
            "strong_competitor_log_odds": pipe.COMPETITOR_EFFECT,
        },
        "promotions": [{**p, "uplift_of_all_lines": co.realised_uplift(p)} for p in co.PROMOTIONS],
        "season_by_working_day": [float(v) for v in co.SEASON / co.SEASON.mean()],
        "season_cooling": [float(v) for v in co.SUMMER / co.SUMMER.mean()],
        "spring_festival": {
            "dates": list(co.SPRING_FESTIVAL),
            "factor_days_-24_to_-11": co.FESTIVAL_LEAD,
            "factor_days_-10_to_-1": co.FESTIVAL_WEEK,
            "factor_days_8_to_17": co.FESTIVAL_LAG,
        },
        "growth_a_year_per_customer": co.GROWTH,
        "shrinking": dict(zip(("region", "product_line", "growth"), co.SHRINKING, strict=True)),
        "market_growth": market.GROWTH,
        "elasticity": {**co.ELASTICITY, "other_lines": co.OTHER_ELASTICITY},
        "pairs": {a: {"with": b, "probability": p} for a, (b, p) in co.PAIRS.items()},
        "line_pairs": {a: {"with": b, "probability": p} for a, (b, p) in co.LINE_PAIRS.items()},
        "defect": dict(
            zip(("product", "from", "to", "return_rate"), co.DEFECT, strict=True),
            usual_return_rate=co.RETURN_RATE,
        ),
        "cost_jump": dict(zip(("product_line", "year", "factor"), co.COST_JUMP, strict=True)),
        "warehouse": dict(
            zip(
                ("warehouse", "since", "on_time_before", "on_time_after"),
                orders.SLIPPING,
                strict=True,
            )
        ),
        "satisfaction_drivers": surveys.DRIVER_WEIGHTS,
        "expense_overrun": dict(
            zip(("region", "category", "year", "factor"), expenses.OVERRUN, strict=True)
        ),
    }


def _default() -> dict:
    people = co.customers()
    bad = people[people["default_day"] != co.NONE].sort_values("default_day")
    scared = people[people["scare_day"] != co.NONE].sort_values("scare_day")
    return {
        "customers": {
            one.customer_id: {
                "signs_from": _date(one.default_day - co.SIGNS_FROM),
                "orders_stop": _date(one.default_day - co.ORDERS_STOP),
                "stops_paying": _date(one.default_day),
                "90_days_past_due": _first_90(one.customer_id),
            }
            for one in bad.itertuples()
        },
        "slow_for_a_while_only": {
            one.customer_id: _date(one.scare_day) for one in scared.itertuples()
        },
    }


def _first_90(customer: str) -> str | None:
    """Day on which the first of the customer's invoices is 90 days past due and not paid."""
    bills = invoices.make()
    bills = bills[(bills["customer_id"] == customer) & (bills["type"] == "invoice")]
    payments = settled()[0].groupby("bill")["amount"].sum()
    last = settled()[0].groupby("bill")["date"].max()
    credit = invoices.make().groupby("parent")["amount"].sum()
    signs = co.customers().set_index("customer_id").at[customer, "default_day"] - co.SIGNS_FROM
    for bill in bills[bills["due_date"] > signs].sort_values("due_date").itertuples():
        owed = bill.amount + credit.get(bill.invoice_id, 0) - payments.get(bill.invoice_id, 0)
        paid_late = last.get(bill.invoice_id, 0) >= bill.due_date + 90
        if (owed > 0 or paid_late) and bill.due_date + 90 < co.N_DAYS:
            return _date(bill.due_date + 90)
    return None


def write(folder: Path) -> Path:
    """Write truths.json."""
    path = folder / "truths.json"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(facts(), ensure_ascii=False, indent=1)
    path.write_bytes((text + "\n").encode("utf-8"))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=co.FOLDER, help="folder to write into")
    print(write(parser.parse_args().out))
