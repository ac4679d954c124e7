"""How often the bands of ``funnel.bookings`` hold, on pipelines that are made up.

    python benchmarks/bookings.py [--companies 14]

Deals arrive evenly, live for a gamma time of fifty days and are won with 40 %. Pipelines differ in
how many deals there are a day, how unequal their amounts are, and what moves the chance to win:
nothing, each month, each week, a random walk over months; or half of the closings wait for the end
of the quarter. Each is forecast every 40 days with what was known then. A score of the 80 % band
(width and what is outside, over the size of the forecast: Winkler's) is a geometric mean.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from salesmgmt.funnel import simulate_bookings

DAYS, START = 900, np.datetime64("2023-01-01")
RATES = (0.4, 2.0, 10.0)  # deals a day
AMOUNTS = {"even": 0.1, "unequal": 1.0, "very unequal": 1.6}  # standard deviation of the logarithm
SHOCKS = ("none", "month", "week", "walk", "quarter end")
SPANS = ((30, False), (91, False), (30, True))  # days ahead, with deals that do not exist yet


def pipeline(seed: int, rate: float, sigma: float, shock: str) -> pd.DataFrame:
    """Every deal with its end, known or not."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(rate * DAYS)
    born = np.sort(rng.integers(0, DAYS, n))
    end = born + np.ceil(rng.gamma(2, 25, n)).astype(int)
    if shock == "quarter end":
        late = rng.random(n) < 0.5
        end = np.where(late, (end // 91 + 1) * 91 - rng.integers(1, 10, n), end)
        end = np.maximum(end, born + 1)
    month, week = end // 30, end // 7
    moves = {
        "month": lambda: rng.normal(0, 0.6, month.max() + 1)[month],
        "week": lambda: rng.normal(0, 1.0, week.max() + 1)[week],
        "walk": lambda: np.clip(rng.normal(0, 0.12, month.max() + 1).cumsum(), -1.5, 1.5)[month],
    }.get(shock, lambda: 0.0)()
    won = rng.random(n) < 1 / (1 + np.exp(0.4 - moves))
    amount = rng.lognormal(8, sigma, n).round(2)
    return pd.DataFrame(
        {"deal_id": range(n), "born": born, "end": end, "won": won, "amount": amount}
    )


def held(deals: pd.DataFrame, ahead: int, new: bool, seed: int) -> Iterator[tuple[float, ...]]:
    """50, 80 and 95 % band held, score of the 80 % band; at each day forecast from."""
    for day in range(300, DAYS - 40, 40):
        known = deals[deals["born"] <= day]
        over = known["end"] <= day
        table = pd.DataFrame(
            {
                "deal_id": known["deal_id"],
                "amount": known["amount"],
                "created_at": START + known["born"].to_numpy().astype("timedelta64[D]"),
                "close_date": pd.Series(
                    START + known["end"].to_numpy().astype("timedelta64[D]"), known.index
                ).where(over),
                "stage": np.where(over, np.where(known["won"], "won", "lost"), "open"),
            }
        )
        draws = simulate_bookings(
            table, horizon=f"{ahead}D", new_business=new, n=600, random_state=seed,
            as_of=START + np.timedelta64(day, "D"),
        )["amount"].to_numpy()  # fmt: skip
        span = deals["won"] & (deals["end"] > day) & (deals["end"] <= day + ahead)
        came = deals.loc[span & (new | (deals["born"] <= day)), "amount"].sum()
        edges = np.quantile(draws, [0.25, 0.75, 0.1, 0.9, 0.025, 0.975]).reshape(3, 2)
        low, high = edges[1]
        score = high - low + 10 * max(low - came, came - high, 0.0)
        yield *((edges[:, 0] <= came) & (came <= edges[:, 1])), score / draws.mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--companies", type=int, default=14)
    companies = parser.parse_args().companies
    rows = []
    for (ahead, new), rate, (amounts, sigma), shock in itertools.product(
        SPANS, RATES, AMOUNTS.items(), SHOCKS
    ):
        for seed in range(companies):
            deals = pipeline(seed, rate, sigma, shock)
            for *inside, score in held(deals, ahead, new, seed):
                rows.append(
                    (f"{ahead} days{', new too' * new}", rate, amounts, shock, *inside, score)
                )
    names = ["ahead", "deals a day", "amounts", "shock", "50 %", "80 %", "95 %", "score"]
    out = pd.DataFrame(rows, columns=names)
    out["score"] = np.log(out["score"])
    for by in ("shock", "deals a day", "amounts", "ahead"):
        told = out.groupby(by, sort=False)[names[4:]].mean()
        print((100 * told[names[4:7]]).round(1).assign(score=np.exp(told["score"]).round(3)), "\n")
    print(
        "all",
        (100 * out[names[4:7]].mean()).round(1).to_dict(),
        f"{np.exp(out['score'].mean()):.3f}",
    )


if __name__ == "__main__":
    main()
