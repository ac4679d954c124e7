"""The sample company's common truths: calendar, people, products, customers, demand.

Every table's script takes from here what is true of the company; what only that table knows is
drawn in its own script from its own seed. Inside, days are whole numbers from 2023-01-01, clock
times whole minutes from then, money whole cents; :func:`save` writes them as dates and decimals.
"""

from __future__ import annotations

import argparse
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parents[1] / "sample"
START = np.datetime64("2023-01-01")
N_DAYS = 1096  # 2023-01-01 .. 2025-12-31
DATES = START + np.arange(N_DAYS)
YEAR = DATES.astype("datetime64[Y]").astype(int) + 1970
MONTH = DATES.astype("datetime64[M]").astype(int) % 12  # 0..11
NONE = -(2**62)  # a missing day, time or amount

MONEY = {"amount", "price", "discount", "cost", "tax", "target", "credit_limit", "potential"}
MONEY |= {"promised_amount"}
DAYS = {"date", "order_date", "promised_date", "delivered_date", "invoice_date", "due_date"}
DAYS |= {"close_date", "snapshot_date", "period_start", "period_end", "hire_date", "leave_date"}
DAYS |= {"signed_date", "start_date", "end_date", "opened_at", "closed_at", "since_date"}
TIMES = {"entered_at", "created_at"}

REGIONS = ("华东", "华南", "International")
CHANNELS = ("direct", "distributor", "online", "oem")
LINES = ("Sensors", "Drives", "Valves", "Pumps", "Cooling", "Tools")
CODES = ("SEN", "DRV", "VLV", "PMP", "COO", "TLS")
FX = {2023: 7.00, 2024: 7.10, 2025: 7.20, 2026: 7.20}  # the books' CNY for one USD, by year
VAT = 13  # per cent, on domestic invoices


def rng(name: str) -> np.random.Generator:
    """Random numbers whose seed is the name's CRC-32: a new name moves no other."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def day(text: str) -> int:
    """Day number of an ISO date."""
    return int((np.datetime64(text) - START).astype(int))


# ---------------------------------------------------------------------------------------------
# Calendar
# ---------------------------------------------------------------------------------------------

SPRING_FESTIVAL = ("2023-01-22", "2024-02-10", "2025-01-29")
DAYS_OFF = (
    ("2023-01-01", "2023-01-02"), ("2023-01-21", "2023-01-27"), ("2023-04-05", "2023-04-05"),
    ("2023-04-29", "2023-05-03"), ("2023-06-22", "2023-06-24"), ("2023-09-29", "2023-10-06"),
    ("2024-01-01", "2024-01-01"), ("2024-02-10", "2024-02-17"), ("2024-04-04", "2024-04-06"),
    ("2024-05-01", "2024-05-05"), ("2024-06-08", "2024-06-10"), ("2024-09-15", "2024-09-17"),
    ("2024-10-01", "2024-10-07"), ("2025-01-01", "2025-01-01"), ("2025-01-28", "2025-02-04"),
    ("2025-04-04", "2025-04-06"), ("2025-05-01", "2025-05-05"), ("2025-05-31", "2025-06-02"),
    ("2025-10-01", "2025-10-08"),
)  # fmt: skip
MAKE_UP = (
    "2023-01-28", "2023-01-29", "2023-04-23", "2023-05-06", "2023-06-25", "2023-10-07",
    "2023-10-08", "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11",
    "2024-09-14", "2024-09-29", "2024-10-12", "2025-01-26", "2025-02-08", "2025-04-27",
    "2025-09-28", "2025-10-11",
)  # fmt: skip

# Demand per working day of each month, all lines but Cooling; and Cooling's own summer.
SEASON = np.array([0.96, 0.90, 1.06, 1.02, 0.98, 1.05, 0.94, 0.92, 1.04, 1.00, 1.08, 1.05])
SUMMER = np.array([0.45, 0.50, 0.80, 1.15, 1.55, 1.85, 1.75, 1.35, 0.85, 0.65, 0.55, 0.55])
FESTIVAL_LEAD, FESTIVAL_WEEK, FESTIVAL_LAG = 1.30, 0.55, 0.60  # days -24..-11, -10..-1, +8..+17


@cache
def working() -> np.ndarray:
    """True on working days of the mainland calendar, make-up weekends included."""
    weekday = (np.arange(N_DAYS) + 6) % 7  # 2023-01-01 was a Sunday
    out = weekday < 5
    for first, last in DAYS_OFF:
        out[day(first) : day(last) + 1] = False
    out[[day(d) for d in MAKE_UP]] = True
    return out


@cache
def day_weight() -> np.ndarray:
    """Relative demand of a day, shape (regions, days), without season and trend."""
    weekday = (np.arange(N_DAYS) + 6) % 7
    home = np.where(working(), 1.0, 0.07)
    abroad = np.where(weekday < 5, 1.0, 0.05)
    for text in SPRING_FESTIVAL:
        eve = day(text)
        for shift, value in ((-24, FESTIVAL_LEAD), (-10, FESTIVAL_WEEK), (8, FESTIVAL_LAG)):
            span = slice(max(eve + shift, 0), eve + shift + (14 if shift == -24 else 10))
            home[span] *= value
            abroad[span] *= 1 + (value - 1) * 0.4
        abroad[eve - 1 : eve + 8] *= 0.7
    for year in (2023, 2024, 2025):
        abroad[max(day(f"{year}-12-23"), 0) : day(f"{year}-12-31") + 1] *= 0.35
    for last in np.flatnonzero((MONTH % 3 == 2) & (np.roll(MONTH, -1) % 3 == 0)):
        home[last - 6 : last + 1] *= 1.25  # the push at the end of a quarter
        abroad[last - 6 : last + 1] *= 1.25
    return np.vstack([home, home, abroad]) / 0.69


@cache
def online_weight() -> np.ndarray:
    """The same for orders placed online, which do not stop on ordinary weekends."""
    weekend = (np.arange(N_DAYS) + 6) % 7 >= 5
    for first, last in DAYS_OFF:
        weekend[day(first) : day(last) + 1] = False
    return np.where(weekend, np.maximum(day_weight(), 0.45 / 0.69), day_weight())


# ---------------------------------------------------------------------------------------------
# People
# ---------------------------------------------------------------------------------------------

TEAMS = {
    "华东一部": ("华东", ("R01", "R02", "R03", "R24")),
    "华东二部": ("华东", ("R04", "R05", "R06", "R27")),
    "华东三部": ("华东", ("R07", "R08")),
    "华东四部": ("华东", ("R09", "R10", "R30")),
    "华南一部": ("华南", ("R11", "R12", "R28")),
    "华南二部": ("华南", ("R13", "R14", "R15")),
    "华南三部": ("华南", ("R16", "R17", "R25")),
    "SEA": ("International", ("R18", "R19", "R26")),
    "EMEA": ("International", ("R20", "R21")),
    "Americas": ("International", ("R22", "R23", "R29")),
}
REP_NAMES = (
    "王磊", "李娜", "张伟", "刘洋", "陈静", "杨帆", "赵敏", "黄强", "周婷", "吴昊",
    "何志明", "林晓彤", "梁家豪", "谢思远", "罗嘉欣", "郑凯", "邓伟杰",
    "Nguyen Minh", "Siti Rahman", "Lukas Weber", "Claire Martin", "James Carter", "Maria Lopez",
    "孙悦", "冯德轩", "Arun Kumar", "徐晨", "曾慧", "Emily Clark", "马骏",
)  # fmt: skip
LEAVERS = {  # rep: (last day, successor, the successor's first day)
    "R19": ("2023-11-30", "R26", "2023-12-01"),
    "R05": ("2024-03-31", "R27", "2024-03-11"),
    "R11": ("2024-09-30", "R28", "2024-09-23"),
    "R23": ("2025-04-30", "R29", "2025-04-21"),
    "R09": ("2025-08-31", "R30", "2025-09-01"),
}
NEW_HIRES = {"R24": "2023-07-03", "R25": "2024-02-19"}
BEST_REP, LUCKY_REP, WEAK_REP = "R07", "R02", "R04"
SANDBAGGER, HAPPY_EARS, DISCOUNTER, POOR_PLANNER = "R10", "R21", "R17", "R14"
SKILL = {BEST_REP: 0.80, LUCKY_REP: 0.0, WEAK_REP: -0.50}  # log-odds added at every stage


@cache
def reps() -> pd.DataFrame:
    """One row a rep, hire and leave days known; -- ``skill`` is the latent truth."""
    r = rng("company.reps")
    hired = {new: d for _, new, d in LEAVERS.values()} | NEW_HIRES
    home = {rep: (team, region) for team, (region, members) in TEAMS.items() for rep in members}
    rows = []
    for i, name in enumerate(REP_NAMES):
        rep = f"R{i + 1:02d}"
        before = -int(r.integers(200, 2600))
        skill = SKILL.get(rep, float(np.round(r.normal(0, 0.12), 3)))
        rows.append(
            {
                "rep": rep,
                "name": name,
                "team": home[rep][0],
                "region": home[rep][1],
                "hire_date": day(hired[rep]) if rep in hired else before,
                "leave_date": day(LEAVERS[rep][0]) if rep in LEAVERS else NONE,
                "skill": skill,
            }
        )
    return pd.DataFrame(rows)


def owner_on(rep: str, when: int) -> str:
    """Whom a rep's customers belong to on a day: the successor after the rep has left."""
    if rep in LEAVERS and when > day(LEAVERS[rep][0]):
        return LEAVERS[rep][1]
    return rep


def team_of(rep: str) -> tuple[str, str]:
    """Team and region of a rep."""
    return next((team, region) for team, (region, m) in TEAMS.items() if rep in m)


# ---------------------------------------------------------------------------------------------
# Products and prices
# ---------------------------------------------------------------------------------------------

ELASTICITY = {"Tools": -1.8}
OTHER_ELASTICITY = -0.4
DEFECT = ("VLV-05", "2024-09-01", "2025-02-28", 0.25)  # product, from, to, share returned
RETURN_RATE = 0.022
PAIRS = {"PMP-02": ("VLV-03", 0.55), "COO-01": ("COO-04", 0.50)}
LINE_PAIRS = {"Pumps": ("Valves", 0.25), "Drives": ("Sensors", 0.25)}
COST_JUMP = ("Drives", 2025, 1.08)


@cache
def products() -> pd.DataFrame:
    """40 products in 6 lines: list price of early 2023, unit cost (cents), usual quantity."""
    r = rng("company.products")
    sizes = (7, 7, 7, 7, 6, 6)
    ranges = ((80, 600), (900, 6000), (60, 900), (700, 5000), (400, 4000), (8, 90))
    rows = []
    for line, code, n, (low, high) in zip(LINES, CODES, sizes, ranges, strict=True):
        for i in range(n):
            price = float(np.exp(r.uniform(np.log(low), np.log(high))))
            rows.append(
                {
                    "product": f"{code}-{i + 1:02d}",
                    "product_line": line,
                    "list": round(price, 1),
                    "cost_share": float(r.uniform(0.60, 0.76)),
                    "usual": max(1.0, (7500 if line == "Tools" else 12_000) / price),
                    "popularity": float(r.uniform(0.4, 1.6)),
                }
            )
    return pd.DataFrame(rows)


@cache
def price_index() -> np.ndarray:
    """List price over the first list price, shape (products, regions, quarters)."""
    r = rng("company.prices")
    lines = products()["product_line"].to_numpy()
    yearly = {"Sensors": 0.01, "Drives": 0.03, "Valves": 0.02, "Pumps": 0.025, "Cooling": 0.02}
    out = np.ones((len(lines), 3, 12))
    for p, line in enumerate(lines):
        if line == "Tools":  # prices were tried out: they differ by region and quarter
            out[p] = np.exp(r.uniform(-0.22, 0.22, (3, 12)))
        else:
            out[p] = (1 + yearly[line]) ** (np.arange(12) // 4)
    return out


# ---------------------------------------------------------------------------------------------
# Promotions and trends
# ---------------------------------------------------------------------------------------------

PROMOTIONS = (
    {
        "name": "Double 11",
        "scope": {"channel": "online"},
        "spans": [(f"{y}-11-01", f"{y}-11-11") for y in (2023, 2024, 2025)],
        "uplift": 1.10,
        "discount": 0.06,
        "dip_after": [-0.25, 10],
    },
    {
        "name": "Spring restart (开工季)",
        "scope": {"product_line": "Pumps", "region": "华东"},
        "spans": [("2024-03-04", "2024-04-28")],
        "uplift": 0.95,
        "discount": 0.03,
        "dip_after": [0.0, 0],
    },
    {
        "name": "Summer rebate (年中返利)",
        "scope": {"product_line": "Valves", "region": "华南"},
        "spans": [("2025-05-12", "2025-07-06")],
        "uplift": 0.0,
        "discount": 0.10,
        "dip_after": [0.0, 0],
    },
)
GROWTH = {"华东": 0.06, "华南": 0.02, "International": 0.12}  # a year, per customer, all lines
SHRINKING = ("华东", "Drives", -0.12)  # a year, against a market that grows


def in_promotion(promotion: dict, line: str, region: str, channel: np.ndarray) -> np.ndarray:
    """Which customers (given by their channels) a promotion reaches in one line and region."""
    scope = promotion["scope"]
    hit = scope.get("product_line", line) == line and scope.get("region", region) == region
    return (channel == scope["channel"]) & hit if "channel" in scope else np.full(len(channel), hit)


def promotion_factor(line: str, region: str, channel: np.ndarray) -> np.ndarray:
    """Demand factor of all promotions, shape (customers, days)."""
    out = np.ones((len(channel), N_DAYS))
    for promotion in PROMOTIONS:
        hit = in_promotion(promotion, line, region, channel)
        dip, length = promotion["dip_after"]
        for first, last in promotion["spans"]:
            out[hit, day(first) : day(last) + 1] *= 1 + promotion["uplift"]
            out[hit, day(last) + 1 : day(last) + 1 + length] *= 1 + dip
    return out


# ---------------------------------------------------------------------------------------------
# Customers
# ---------------------------------------------------------------------------------------------

KINDS = (
    ("stable", 520), ("growing", 140), ("new", 330), ("lapsed", 180),
    ("lost", 110), ("leaving", 50), ("seasonal", 70), ("one_time", 100),
)  # fmt: skip
N_CUSTOMERS = 1500
N_DEFAULTERS, N_SCARES = 14, 10
SIGNS_FROM, ORDERS_STOP = 182, 42  # days before the day on which a defaulter stops paying


@cache
def customers() -> pd.DataFrame:
    """One row a customer with all that is true of it; only some of it is in ``accounts``."""
    r = rng("company.customers")
    n = N_CUSTOMERS
    kind = r.permutation(np.repeat([k for k, _ in KINDS], [m for _, m in KINDS]))
    region = r.choice(REGIONS, n, p=[0.46, 0.30, 0.24])
    channel = r.choice(CHANNELS, n, p=[0.40, 0.25, 0.25, 0.10])
    rate = r.gamma(0.95, 0.21, n) * np.where(channel == "direct", 1.25, 1.0)  # order lines a month
    rate = np.where(kind == "leaving", 0.7 + rate, rate)
    rate = np.where(kind == "seasonal", 0.4 + rate, rate)
    start = np.where(kind == "new", r.integers(30, 1010, n), -r.integers(60, 2500, n))
    turn = r.integers(150, 780, n)  # when lapsed customers begin to fade and lost ones stop
    turn = np.where(kind == "lost", r.integers(150, 960, n), turn)
    turn = np.where(kind == "leaving", r.integers(day("2025-06-15"), day("2025-10-01"), n), turn)
    credit = (channel != "online") & (r.random(n) < 0.52) & (kind != "one_time")
    terms = r.choice([30, 45, 60, 90], n, p=[0.40, 0.15, 0.30, 0.15])
    habit = r.choice([-4, 1, 12, 32], n, p=[0.20, 0.45, 0.25, 0.10])
    out = pd.DataFrame(
        {
            "customer_id": [f"C{i + 1:04d}" for i in range(n)],
            "kind": kind,
            "region": region,
            "channel": channel,
            "rate": rate,
            "size": np.exp(r.normal(0, 0.45, n)),
            "start": start,
            "turn": np.where(np.isin(kind, ["lapsed", "lost", "leaving"]), turn, N_DAYS),
            "credit": credit,
            "payment_days": np.where(credit, terms, 0),
            "currency": np.where((region == "International") & (r.random(n) < 0.85), "USD", "CNY"),
            "habit": habit,
        }
    )
    out["rep"] = _first_reps(out, r)
    return _troubled(out, r)


def _first_reps(frame: pd.DataFrame, r: np.random.Generator) -> list[str]:
    people = reps()
    successors = {new for _, new, _ in LEAVERS.values()}
    out = []
    for region, start in zip(frame["region"], frame["start"], strict=True):
        able = people[
            (people["region"] == region)
            & (people["hire_date"] <= max(start, 0))
            & ~people["rep"].isin(successors)
        ]
        weight = np.where(able["rep"].isin(list(NEW_HIRES)), 4.0, 1.0)
        out.append(str(r.choice(able["rep"].to_numpy(), p=weight / weight.sum())))
    return out


def _troubled(frame: pd.DataFrame, r: np.random.Generator) -> pd.DataFrame:
    """Choose who slides into default, and who only pays slowly for some months."""
    able = frame.index[
        (frame["kind"] == "stable")
        & frame["credit"]
        & (frame["habit"] < 20)
        & (frame["rate"] > 0.35)
    ].to_numpy()
    chosen = r.choice(able, N_DEFAULTERS + N_SCARES, replace=False)
    bad, scared = np.sort(chosen[:N_DEFAULTERS]), np.sort(chosen[N_DEFAULTERS:])
    frame["default_day"], frame["scare_day"] = NONE, NONE
    spread = np.linspace(day("2024-02-15"), day("2025-08-20"), N_DEFAULTERS).astype(int)
    frame.loc[bad, "default_day"] = r.permutation(spread) + r.integers(-15, 16, N_DEFAULTERS)
    frame.loc[scared, "scare_day"] = r.integers(200, 850, N_SCARES)
    frame.loc[chosen, "rate"] = np.maximum(frame.loc[chosen, "rate"], 1.3)
    return frame


@cache
def presence() -> np.ndarray:
    """How active each customer is on each day, shape (customers, days); 1 is usual."""
    people = customers()
    t = np.arange(N_DAYS)
    out = np.ones((N_CUSTOMERS, N_DAYS))
    kind = people["kind"].to_numpy()
    out[kind == "growing"] = 0.55 * 3.2 ** (t / N_DAYS)
    out[kind == "seasonal"] = np.where(np.isin(MONTH, (3, 4, 5, 6, 7)), 2.2, 0.04)
    for i in np.flatnonzero(np.isin(kind, ["lapsed", "lost", "leaving"])):
        half = {"lapsed": 70.0, "lost": 0.01, "leaving": 50.0}[kind[i]]
        out[i] *= np.exp2(-np.maximum(t - people["turn"].iat[i], 0) / half)
    out[t[None, :] < people["start"].to_numpy()[:, None]] = 0.0
    stop = people["default_day"].to_numpy()
    late = (stop[:, None] != NONE) & (t[None, :] >= stop[:, None] - ORDERS_STOP)
    return np.where(late, 0.0, out)


# ---------------------------------------------------------------------------------------------
# Order lines: what was asked for on each day
# ---------------------------------------------------------------------------------------------


@cache
def demand() -> pd.DataFrame:
    """Order lines (customer number, day, product number), ordered by day and customer.

    ``main`` lines follow seasons, trends and promotions; the others were bought along with one.
    """
    r = rng("company.demand")
    people = customers()
    taste = r.dirichlet(np.array([1.3, 0.8, 1.2, 0.9, 0.8, 1.3]), N_CUSTOMERS)
    favourite = r.random((N_CUSTOMERS, len(LINES)))
    found = [_main_lines(k, taste[:, k], favourite[:, k], r) for k in range(len(LINES))]
    one_time = np.flatnonzero((people["kind"] == "one_time").to_numpy())
    chosen = r.choice(np.flatnonzero(working()), len(one_time))
    single = r.integers(0, len(products()), len(one_time))
    found.append(np.column_stack([one_time, chosen, single]))
    lines = np.vstack(found)
    lines = np.vstack([lines, _at_least_one(lines, r)])
    more = _companions(lines, r)
    out = pd.DataFrame(np.vstack([lines, more]), columns=["customer", "day", "product"])
    out["main"] = np.arange(len(out)) < len(lines)
    out = out.drop_duplicates(["customer", "day", "product"])
    return out.sort_values(["day", "customer", "product"], ignore_index=True)


def _main_lines(
    k: int, taste: np.ndarray, favourite: np.ndarray, r: np.random.Generator
) -> np.ndarray:
    people = customers()
    region = people["region"].to_numpy()
    channel = people["channel"].to_numpy()
    t = np.arange(N_DAYS)
    rate = np.where(people["kind"] == "one_time", 0.0, people["rate"]) / 30.4375 * taste
    lam = rate[:, None] * presence() * (SUMMER if LINES[k] == "Cooling" else SEASON)[MONTH]
    usual = day_weight()
    for i, name in enumerate(REGIONS):
        here = region == name
        trend = (1 + GROWTH[name]) ** (t / 365.25)
        if (name, LINES[k]) == SHRINKING[:2]:
            trend = (1 + SHRINKING[2]) ** (t / 365.25)
        lam[here] *= trend
        lam[here] *= np.where((channel[here] == "online")[:, None], online_weight()[i], usual[i])
        lam[here] *= promotion_factor(LINES[k], name, channel[here])
    customer, when = np.nonzero(r.poisson(lam) > 0)
    own = products()
    numbers = np.flatnonzero((own["product_line"] == LINES[k]).to_numpy())
    popular = own["popularity"].to_numpy()[numbers]
    usual = np.searchsorted(np.cumsum(popular) / popular.sum(), favourite[customer])
    other = np.searchsorted(np.cumsum(popular) / popular.sum(), r.random(len(customer)))
    pick = np.where(r.random(len(customer)) < 0.55, usual, other)
    return np.column_stack([customer, when, numbers[np.minimum(pick, len(numbers) - 1)]])


def _at_least_one(lines: np.ndarray, r: np.random.Generator) -> np.ndarray:
    silent = np.setdiff1d(np.arange(N_CUSTOMERS), lines[:, 0])
    out = []
    for customer in silent:
        able = np.flatnonzero((presence()[customer] > 0.5) & working())
        out.append((customer, r.choice(able), r.integers(0, len(products()))))
    return np.array(out)


def _companions(lines: np.ndarray, r: np.random.Generator) -> np.ndarray:
    own = products()
    number = {p: i for i, p in enumerate(own["product"])}
    line_of = own["product_line"].to_numpy()
    out = []
    for customer, when, product in lines:
        u, v, w = r.random(3)
        name, line = own["product"].iat[product], line_of[product]
        if name in PAIRS:
            other, p = PAIRS[name]
            if u < p:
                out.append((customer, when, number[other]))
        elif line in LINE_PAIRS:
            other, p = LINE_PAIRS[line]
            if u < p:
                out.append((customer, when, _any_of(other, w)))
        if v < 0.12 and line != "Tools":
            out.append((customer, when, _any_of("Tools", w)))
        elif v < 0.52:
            out.append((customer, when, _any_of(LINES[int(v * 1e4) % 6], w)))
    return np.array(out)


def _any_of(line: str, u: float) -> int:
    numbers = np.flatnonzero((products()["product_line"] == line).to_numpy())
    return int(numbers[int(u * len(numbers))])


def realised_uplift(promotion: dict) -> float:
    """Expected uplift of all order lines in a promotion's scope, those bought along included.

    What is bought along follows a whole channel's promotion, but not one of a single line.
    """
    scope = promotion["scope"]
    if "product_line" not in scope:
        return promotion["uplift"]
    lines = demand()
    people, own = customers(), products()
    inside = np.zeros(N_DAYS, dtype=bool)
    for first, last in promotion["spans"]:
        inside[day(first) : day(last) + 1] = True
    hit = inside[lines["day"]]
    for column, value in scope.items():
        table, key = (own, "product") if column == "product_line" else (people, "customer")
        hit = hit & (table[column].to_numpy()[lines[key]] == value)
    without = lines.loc[hit, "main"].sum() / (1 + promotion["uplift"])
    return round(float(without * promotion["uplift"] / (without + (~lines["main"])[hit].sum())), 3)


# ---------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------


def save(name: str, frame: pd.DataFrame, folder: Path = FOLDER) -> Path:
    """Write a table: cents as decimals, day numbers as ISO dates, nothing missing but ''."""
    text = {c: _text(c, frame[c]) for c in frame.columns}
    path = folder / f"{name}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [",".join(frame.columns), *(",".join(row) for row in zip(*text.values(), strict=True))]
    path.write_bytes(("\n".join(rows) + "\n").encode("utf-8"))
    return path


def _text(name: str, column: pd.Series) -> list[str]:
    if name in MONEY:
        return ["" if v == NONE else money(v) for v in column.tolist()]
    if name in DAYS:
        return ["" if v == NONE else str(START + np.timedelta64(v, "D")) for v in column.tolist()]
    if name in TIMES:
        first = START.astype("datetime64[m]")
        return [str(first + np.timedelta64(v, "m")).replace("T", " ") for v in column.tolist()]
    return ["" if v == NONE else str(v) for v in column.tolist()]


def money(cents: int) -> str:
    """Cents as a decimal with two places."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def run(name: str, make) -> None:
    """Command line of one table's script: ``python TABLE.py [--out FOLDER]``."""
    parser = argparse.ArgumentParser(description=f"Write {name}.csv of the sample company.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write into")
    print(save(name, make(), parser.parse_args().out))
