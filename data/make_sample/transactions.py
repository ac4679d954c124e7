"""transactions.csv: order lines and returns, in CNY without tax."""

from functools import cache

import _company as co
import numpy as np
import pandas as pd


@cache
def make() -> pd.DataFrame:
    """One row an order line; a return is a row with negative quantity, amount and cost."""
    r = co.rng("transactions")
    lines = co.demand()
    people = co.customers()
    frame = pd.DataFrame({"date": lines["day"], "customer": lines["customer"]})
    frame["order_id"] = _order_numbers(lines)
    frame["customer_id"] = people["customer_id"].to_numpy()[lines["customer"]]
    for column in ("region", "channel"):
        frame[column] = people[column].to_numpy()[lines["customer"]]
    first = people["rep"].to_numpy()[lines["customer"]]
    frame["rep"] = [co.owner_on(a, d) for a, d in zip(first, lines["day"], strict=True)]
    own = co.products()
    frame["product"] = own["product"].to_numpy()[lines["product"]]
    frame["product_line"] = own["product_line"].to_numpy()[lines["product"]]
    frame = _priced(frame, lines["product"].to_numpy(), r)
    frame = pd.concat([frame, _returns(frame, r)], ignore_index=True)
    frame = frame.sort_values(["date", "order_id", "product", "amount"], ignore_index=True)
    columns = ["order_id", "date", "customer_id", "product", "product_line", "quantity", "price"]
    return frame[[*columns, "discount", "amount", "cost", "region", "rep", "channel"]]


def _order_numbers(lines: pd.DataFrame) -> list[str]:
    new = (lines["day"].diff() != 0) | (lines["customer"].diff() != 0)
    return [f"O{i:05d}" for i in new.cumsum()]


def _priced(frame: pd.DataFrame, product: np.ndarray, r: np.random.Generator) -> pd.DataFrame:
    own = co.products()
    n = len(frame)
    region = frame["region"].map({name: i for i, name in enumerate(co.REGIONS)}).to_numpy()
    when = frame["date"].to_numpy()
    quarter = (co.YEAR[when] - 2023) * 4 + co.MONTH[when] // 3
    index = co.price_index()[product, region, quarter]
    first = own["list"].to_numpy()[product]
    listed = np.rint(first * index * 100).astype(int)
    elastic = frame["product_line"].map(co.ELASTICITY).fillna(co.OTHER_ELASTICITY).to_numpy()
    size = co.customers()["size"].to_numpy()[frame["customer"]]
    wanted = own["usual"].to_numpy()[product] * size * np.exp(r.normal(0, 0.45, n))
    quantity = np.maximum(np.rint(wanted * index**elastic), 1).astype(int)
    share = _discount_share(frame, quantity * listed / 100, r)
    price = np.rint(listed * (1 - share)).astype(int)
    unit_cost = first * own["cost_share"].to_numpy()[product] * 1.015 ** (co.YEAR[when] - 2023)
    line, year, jump = co.COST_JUMP
    unit_cost *= np.where((frame["product_line"] == line) & (co.YEAR[when] == year), jump, 1.0)
    return frame.assign(
        quantity=quantity,
        price=price,
        discount=quantity * (listed - price),
        amount=quantity * price,
        cost=quantity * np.rint(unit_cost * 100).astype(int),
    )


def _discount_share(frame: pd.DataFrame, value: np.ndarray, r: np.random.Generator) -> np.ndarray:
    """Share off the list price, in steps of half a per cent."""
    usual = {f"R{i + 1:02d}": float(u) for i, u in enumerate(r.uniform(0.02, 0.06, 30))}
    usual[co.DISCOUNTER] = 0.13
    share = frame["rep"].map(usual).to_numpy() + r.normal(0, 0.02, len(frame))
    share += np.where(value > 60_000, 0.03, 0.0)
    share[frame["channel"] == "online"] -= 0.02
    for promotion in co.PROMOTIONS:
        scope = promotion["scope"]
        hit = np.logical_and.reduce([frame[c] == v for c, v in scope.items()])
        spans = [frame["date"].between(co.day(a), co.day(b)) for a, b in promotion["spans"]]
        share = share + np.where(hit & np.logical_or.reduce(spans), promotion["discount"], 0.0)
    return np.clip(np.rint(share * 200) / 200, 0, 0.35)


def _returns(frame: pd.DataFrame, r: np.random.Generator) -> pd.DataFrame:
    """Lines sent back 5 to 40 days later, wholly or in part; order, price and rep are kept."""
    product, first, last, rate = co.DEFECT
    bad = (frame["product"] == product) & frame["date"].between(co.day(first), co.day(last))
    back = r.random(len(frame)) < np.where(bad, rate, co.RETURN_RATE)
    whole = r.random(len(frame)) < 0.5
    part = np.maximum(1, frame["quantity"] // 3)
    days = r.integers(5, 41, len(frame))
    out = frame[back].copy()
    sold = out["quantity"]
    out["quantity"] = -np.where(whole[back], sold, part[back])
    for column in ("discount", "amount", "cost"):
        out[column] = out[column] // sold * out["quantity"]  # a unit's cents are whole
    out["date"] = out["date"] + days[back]
    out["rep"] = [co.owner_on(a, d) for a, d in zip(out["rep"], out["date"], strict=True)]
    return out[out["date"] < co.N_DAYS]


if __name__ == "__main__":
    co.run("transactions", make)
