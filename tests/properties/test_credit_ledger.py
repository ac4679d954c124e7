"""Generated ledgers against a decimal oracle that is written apart from the library."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import numpy as np
import pandas as pd
import pytest

from salesmgmt import DataWarning, InputError, credit
from salesmgmt.engine import fast_matching, matching, matching_daily

START = date(2024, 1, 1)
NAMELESS = ("fifo", "lifo", "proportional")
BATCH = 500  # ledgers in one call: each has customers of its own
METHODS = (
    "specific",
    "specific_then_fifo",
    "specific_then_oldest_due",
    "specific_then_lifo",
    "specific_then_proportional",
    "fifo",
    "lifo",
    "proportional",
    "cn_560",
)


def _ledger(random: Random, n: int) -> dict[str, list[dict]]:
    """One small company: two customers, two currencies, everything that goes wrong in life."""

    def money(low: int, high: int) -> Decimal:
        return Decimal(random.randint(low, high)) / 100

    def day(late: int = 200) -> date:
        return START + timedelta(days=random.randint(0, late))

    invoices, payments, adjustments = [], [], []
    for k in range(random.randint(1, 6)):
        issued = day()
        common = {
            "customer_id": f"{n:05d}-{random.choice('AB')}",
            "currency": random.choice(["CNY", "USD"]),
        }
        row = {
            "invoice_id": f"{n:05d}/{random.randint(10, 99)}{k}",
            **common,
            "invoice_date": issued,
            "due_date": issued + timedelta(days=random.choice([0, 15, 30, 60, 90])),
            "amount": money(1, 50_000),
            "type": random.choice(["invoice", "invoice", "invoice", "retainage"]),
            "parent": None,
            "security": random.choice([0, 0, 1]),
            "burden": random.choice([0, 0, 0.1]),
        }
        if random.random() < 0.15:  # in instalments, each with its own due date and number
            for part in range(1, random.randint(2, 3)):
                later = row["due_date"] + timedelta(days=30 * part)
                number = f"{row['invoice_id']}.{part}"
                plan = f"PLAN {row['invoice_id']}"
                row["parent"] = plan
                more = {"invoice_id": number, "due_date": later, "amount": money(1, 30_000)}
                invoices.append({**row, **more})
        invoices.append(row)
        if random.random() < 0.2:
            note = dict(row, invoice_id=row["invoice_id"] + "C", type="credit_note")
            note["invoice_date"] = note["due_date"] = issued + timedelta(days=random.randint(0, 40))
            note["amount"] = -money(1, 60_000)
            note["parent"] = row["invoice_id"] if random.random() < 0.6 else None
            invoices.append(note)
    own = [i for i in invoices if i["type"] != "credit_note"]
    for k in range(random.randint(0, 7)):
        target = random.choice(own)
        named = random.random() < 0.6
        amount = target["amount"] if random.random() < 0.3 else money(1, 60_000)
        payments.append(
            {
                "payment_id": f"{n:05d}P{random.randint(10, 99)}{k}",
                "customer_id": target["customer_id"],
                "currency": target["currency"],
                "date": day(260),
                "amount": -amount if random.random() < 0.08 else amount,
                "invoice_id": (target["parent"] or target["invoice_id"]) if named else None,
            }
        )
    if random.random() < 0.1:  # an advance of somebody who has no invoice at all
        advance = {"customer_id": f"{n:05d}-Z", "currency": "CNY", "date": day()}
        more = {"payment_id": f"{n:05d}PZ", "amount": money(1, 9_000), "invoice_id": None}
        payments.append({**advance, **more})
    if random.random() < 0.3:
        target = random.choice(own)
        adjustments.append(
            {
                "customer_id": target["customer_id"],
                "currency": target["currency"],
                "date": day(260),
                "amount": money(1, 20_000),
                "kind": random.choice(["write_off", "allowance", "recovery", "dispute"]),
                "invoice_id": target["invoice_id"] if random.random() < 0.7 else None,
            }
        )
    return {"invoices": invoices, "payments": payments, "adjustments": adjustments}


def _oracle(book: dict[str, list[dict]], today: date, method: str) -> dict[tuple, dict]:
    """Buckets and unapplied money by customer and currency, in exact decimals, step by step."""
    issued = [i for i in book["invoices"] if i["invoice_date"] <= today]
    every = {i["invoice_id"] for i in book["invoices"]}
    open_ = {i["invoice_id"]: i["amount"] for i in issued}
    size = dict(open_)
    known = {i["invoice_id"]: i for i in issued}
    plans = {i["parent"] for i in issued if i["type"] != "credit_note"} - {None}
    coming = every | {i["parent"] for i in book["invoices"]} - {None}
    receipts = []
    for p in book["payments"]:
        if p["date"] <= today:
            receipts.append({**p, "rank": (0, p["payment_id"]), "left": p["amount"]})
    for a in book["adjustments"]:
        if a["date"] <= today and a["kind"] in ("write_off", "allowance"):
            rank = (1 if a["kind"] == "write_off" else 2, "")
            receipts.append({**a, "rank": rank, "left": a["amount"]})
    for r in receipts:
        r["reserved"] = r["invoice_id"] in coming - set(known) - plans
    for i in issued:
        if i["type"] == "credit_note" and i["parent"] in known:
            receipts.append(
                {
                    "customer_id": i["customer_id"],
                    "currency": i["currency"],
                    "date": i["invoice_date"],
                    "invoice_id": i["parent"],
                    "left": -i["amount"],
                    "rank": (3, i["invoice_id"]),
                    "note": i["invoice_id"],
                    "reserved": False,
                }
            )
    receipts.sort(key=lambda r: (r["date"], r["rank"]))
    for r in receipts:
        name = r["invoice_id"]
        if name in known and (method not in NAMELESS or "note" in r):
            paid = size[name] - open_[name]
            reached = min(max(paid + r["left"], Decimal(0)), size[name])
            open_[name] = size[name] - reached
            r["left"] -= reached - paid
    for r in receipts:
        if r["invoice_id"] in plans and method not in NAMELESS and r["left"] > 0:
            mine = [
                i for i in issued if i["parent"] == r["invoice_id"] and i["type"] != "credit_note"
            ]
            for i in sorted(
                mine, key=lambda i: (i["due_date"], i["invoice_date"], i["invoice_id"])
            ):
                part = min(r["left"], max(open_[i["invoice_id"]], Decimal(0)))
                open_[i["invoice_id"]] -= part
                r["left"] -= part
    for r in receipts:
        if "note" in r:
            open_[r["note"]] = -r["left"]
    out: dict[tuple, dict] = {}
    for key in sorted({(r["customer_id"], r["currency"]) for r in [*issued, *receipts]}):
        mine = [r for r in receipts if (r["customer_id"], r["currency"]) == key and "note" not in r]
        free = [r["left"] for r in mine if not r["reserved"]]
        pool = Decimal(0)
        if method != "specific":
            money = [r for r in mine if not r["reserved"] and r["rank"][0] == 0]
            received = sum((r["left"] for r in money if r["left"] > 0), Decimal(0))
            refunds = sum((-r["left"] for r in money if r["left"] < 0), Decimal(0))
            other = sum(
                (r["left"] for r in mine if not r["reserved"] and r["rank"][0] > 0), Decimal(0)
            )
            pool = max(received - refunds, Decimal(0)) + other
        spent = Decimal(0)
        own = [i for i in issued if (i["customer_id"], i["currency"]) == key]
        if method.endswith(("lifo", "proportional", "cn_560")):
            spent = _day_by_day(own, [r for r in mine if not r["reserved"]], open_, method)
        elif method.endswith("fifo"):
            queue = sorted((i["invoice_date"], i["invoice_id"]) for i in own)
        else:
            queue = sorted((i["due_date"], i["invoice_date"], i["invoice_id"]) for i in own)
        if method.endswith(("fifo", "oldest_due")):
            for *_, name in queue:
                part = min(max(open_[name], Decimal(0)), pool - spent)
                open_[name] -= part
                spent += part
        reserved = sum((r["left"] for r in mine if r["reserved"]), Decimal(0))
        row = dict.fromkeys(["current", "1-30", "31-60", "61-90", "91+"], Decimal(0))
        row["unapplied"] = -(sum(free, Decimal(0)) - spent + reserved)
        for i in issued:
            if (i["customer_id"], i["currency"]) == key:
                late = (today - i["due_date"]).days
                names = [(0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90")]
                bucket = next((b for high, b in names if late <= high), "91+")
                row[bucket] += open_[i["invoice_id"]]
        out[key] = row
    return out


def _day_by_day(own: list[dict], mine: list[dict], open_: dict, method: str) -> Decimal:
    """Rules that look at what is open on the day; returns what they spend."""
    refunds = sum((-r["left"] for r in mine if r["left"] < 0), Decimal(0))
    money = [r for r in mine if r["left"] > 0]
    takes_back = [r for r in money if r["rank"][0] == 0]
    left = {id(r): r["left"] for r in money}
    takes_back.sort(key=lambda r: r["rank"])
    for r in sorted(takes_back, key=lambda r: r["date"], reverse=True):
        part = min(refunds, left[id(r)])
        left[id(r)] -= part
        refunds -= part
    money = [r for r in money if left[id(r)]]
    debts = [i for i in own if open_[i["invoice_id"]] > 0]
    before = sum(left.values())
    days = sorted({i["invoice_date"] for i in debts} | {r["date"] for r in money})
    for now in days:
        for r in money:  # receipts stand in order of date and rank
            while r["date"] <= now and left[id(r)]:
                live = [i for i in debts if i["invoice_date"] <= now and open_[i["invoice_id"]]]
                if not live:
                    break
                tier = _first_tier(live, now, method)
                weights = [int(open_[i["invoice_id"]] * 100) for i in tier]
                amount = min(int(left[id(r)] * 100), sum(weights))
                shares = [Fraction(amount * w, sum(weights)) for w in weights]
                parts = [int(s) for s in shares]
                rank = sorted(range(len(tier)), key=lambda k: (parts[k] - shares[k], k))
                for k in rank[: amount - sum(parts)]:
                    parts[k] += 1
                for i, part in zip(tier, parts, strict=True):
                    open_[i["invoice_id"]] -= Decimal(part) / 100
                left[id(r)] -= Decimal(amount) / 100
    return before - sum(left.values())


def _first_tier(live: list[dict], now: date, method: str) -> list[dict]:
    """Debts that are paid before any other, equals among them, by id."""
    live = sorted(live, key=lambda i: i["invoice_id"])
    if method.endswith("proportional"):
        return live
    if method.endswith("lifo"):
        last = max(i["invoice_date"] for i in live)
        return [next(i for i in live if i["invoice_date"] == last)]

    def by_law(i: dict) -> tuple:
        if i["due_date"] <= now:
            return (0, i["security"], -i["burden"], i["due_date"])
        return (1, i["due_date"])

    first = min(map(by_law, live))
    return [i for i in live if by_law(i) == first]


def _balance(book: dict[str, list[dict]], today: date) -> Decimal:
    total = sum((i["amount"] for i in book["invoices"] if i["invoice_date"] <= today), Decimal(0))
    total -= sum((p["amount"] for p in book["payments"] if p["date"] <= today), Decimal(0))
    settling = ("write_off", "allowance")
    gone = [a for a in book["adjustments"] if a["date"] <= today and a["kind"] in settling]
    return total - sum((a["amount"] for a in gone), Decimal(0))


def _frames(books: list[dict], random: Random) -> list[pd.DataFrame]:
    """The ledgers' rows in one frame each, shuffled, as floats and text dates."""
    columns = {
        "invoices": ["invoice_id", "customer_id", "currency", "invoice_date", "due_date", "amount",
                     "type", "parent", "security", "burden"],
        "payments": ["payment_id", "customer_id", "currency", "date", "amount", "invoice_id"],
        "adjustments": ["customer_id", "currency", "date", "amount", "kind", "invoice_id"],
    }  # fmt: skip
    out = []
    for table, names in columns.items():
        rows = [row for book in books for row in book[table]]
        random.shuffle(rows)
        frame = pd.DataFrame(rows, columns=names)
        out.append(frame.assign(amount=frame["amount"].astype(float)))
    return out


def _cents(value: float) -> int:
    return round(value * 100)


def _check_against_oracle(seed: int, count: int, method: str, today: date) -> None:
    random = Random(seed)
    books = [_ledger(random, n) for n in range(count)]
    invoices, payments, adjustments = _frames(books, random)
    got = credit.aging(invoices, payments, adjustments, as_of=today, method=method)
    have = {(r.customer_id, r.currency): r._asdict() for r in _renamed(got).itertuples(index=False)}
    want: dict[tuple, dict] = {}
    for book in books:
        want |= _oracle(book, today, method)
    assert set(have) == set(want)
    for key, row in want.items():
        for name, amount in row.items():
            assert _cents(have[key][_safe(name)]) == int(amount * 100), (key, name)
        assert _cents(have[key]["total"]) == int(sum(row.values()) * 100)
    total = sum((_balance(book, today) for book in books), Decimal(0))
    assert sum(_cents(v) for v in got["total"]) == int(total * 100)


@pytest.mark.parametrize("batch", range(18))
def test_generated_ledgers_match_the_oracle_to_the_cent(batch):
    today = START + timedelta(days=45 + 13 * batch)
    _check_against_oracle(1_000 + batch, 25, METHODS[batch % len(METHODS)], today)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(20))
def test_ten_thousand_ledgers_match_the_oracle_to_the_cent(batch):
    today = START + timedelta(days=40 + 11 * batch)
    _check_against_oracle(batch, BATCH, METHODS[batch % len(METHODS)], today)


def _safe(name: str) -> str:
    return "b" + name.replace("-", "_").replace("+", "") if name[0].isdigit() else name


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns=_safe)


@pytest.mark.parametrize("method", METHODS)
def test_pairs_are_whole_dated_and_tie_at_any_past_day(method):
    random = Random(99)
    today = START + timedelta(days=180)
    books = [_ledger(random, n) for n in range(60)]
    invoices, payments, adjustments = _frames(books, random)
    pairs = credit.ledger(invoices, payments, adjustments, as_of=today, method=method)
    for past in (today, today - timedelta(days=50), today - timedelta(days=120)):
        got = credit.aging(pairs, as_of=past)
        total = sum((_balance(book, past) for book in books), Decimal(0))
        assert sum(_cents(v) for v in got["total"]) == int(total * 100)
    matched = pairs[pairs["kind"].isin(["payment", "write_off", "allowance", "credit_note"])]
    later = matched[["invoice_date", "payment_date"]].max(axis=1)
    assert (matched["date"] == later).all()
    assert (matched["date"] <= pd.Timestamp(today)).all()
    paid = pairs[pairs["payment_id"].notna()].groupby("payment_id")["amount"].sum()
    of_document = pairs[pairs["invoice_id"].notna()].groupby("invoice_id")["amount"].sum()
    for book in books:
        for p in book["payments"]:
            if p["date"] <= today:
                assert _cents(paid[p["payment_id"]]) == int(p["amount"] * 100)
        for i in book["invoices"]:
            if i["invoice_date"] <= today:
                own = of_document.get(i["invoice_id"], 0.0)
                if i["type"] == "credit_note":  # what it settles stands with what it settled
                    own -= paid.get(i["invoice_id"], 0.0)
                assert _cents(own) == int(i["amount"] * 100)


@pytest.mark.parametrize(
    "method", ["specific_then_fifo", "specific_then_oldest_due", "lifo", "proportional", "cn_560"]
)
def test_row_order_index_and_scale_of_ids_never_matter(method):
    random = Random(7)
    books = [_ledger(random, n) for n in range(80)]
    for book in books:  # adjustments without an id, twice on a day
        book["adjustments"] += [dict(a, amount=a["amount"] + 1) for a in book["adjustments"]]
    frames = _frames(books, random)
    again = [f.sample(frac=1, random_state=4).set_axis(["x"] * len(f)) for f in frames]
    options = {"as_of": START + timedelta(days=170), "method": method}
    one, two = credit.ledger(*frames, **options), credit.ledger(*again, **options)
    pd.testing.assert_frame_equal(one, two)
    pd.testing.assert_frame_equal(
        credit.open_items(*frames, **options), credit.open_items(*again, **options)
    )


# --------------------------------------------------------------------------------------
# Plain books and books in blocks take shorter ways to the same rows


def _plain(seed: int, n: int = 300) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Invoices and receipts that name none, several on a day, ids out of order."""
    random = Random(seed)
    ids = random.sample(range(10_000), n)
    day = pd.to_datetime(pd.Series([START + timedelta(days=random.randint(0, 40)) for _ in ids]))
    terms = pd.to_timedelta(random.choices([0, 30, 60], k=n), unit="D")
    invoices = pd.DataFrame(
        {
            "invoice_id": ids,
            "customer_id": [random.choice([3, 5, 8, 90, 91]) for _ in ids],
            "invoice_date": day,
            "due_date": day + terms,
            "amount": [random.randint(1, 9_000) / 100 for _ in ids],
            "rep": random.choices(["Li", "Wu"], k=n),
        }
    )
    payments = pd.DataFrame(
        {
            "payment_id": random.sample(range(10_000), n),
            "customer_id": [random.choice([3, 5, 8, 91, 99]) for _ in ids],
            "date": pd.to_datetime(
                pd.Series([START + timedelta(days=random.randint(0, 90)) for _ in ids])
            ),
            "amount": [random.randint(0, 12_000) / 100 for _ in ids],
        }
    )
    return invoices, payments


PLAIN = ("fifo", "specific_then_fifo", "specific_then_oldest_due")


@pytest.mark.parametrize("method", PLAIN)
@pytest.mark.parametrize("as_of", ["2023-12-31", "2024-01-20", "2024-02-15", None])
def test_plain_books_give_what_the_long_way_gives(method, as_of, monkeypatch):
    frames = _plain(11)
    options = {"method": method, "as_of": as_of}
    calls = [
        lambda: credit.ledger(*frames, **options),
        lambda: credit.aging(*frames, **options),
        lambda: credit.aging(*frames, **options, by=None, unapplied="current"),
        lambda: credit.aging(*frames, **options, basis="invoice", buckets=(5, 10, 25)),
        lambda: credit.aging(*frames, **options, buckets="cn_years", shape="long"),
    ]
    short = [call() for call in calls]
    monkeypatch.setattr("salesmgmt._credit.ledger.plain_books", lambda *a, **k: None)
    monkeypatch.setattr("salesmgmt._credit.aging.plain_books", lambda *a, **k: None)
    for one, call in zip(short, calls, strict=True):
        pd.testing.assert_frame_equal(one, call())


@pytest.mark.parametrize("as_of", ["2024-01-20", "2024-02-15", None])
def test_the_compiled_pass_gives_the_same_lines(as_of, monkeypatch):
    pytest.importorskip("numba")
    calls = []

    def compiled():
        calls.append(1)
        return fast_matching._lines  # the same code uncompiled, so that a test need not wait

    slow = credit.ledger(*_plain(12), as_of=as_of)
    monkeypatch.setattr(fast_matching, "LEAST", 0)
    monkeypatch.setattr(fast_matching, "compiled_lines", compiled)
    pd.testing.assert_frame_equal(credit.ledger(*_plain(12), as_of=as_of), slow)
    assert calls


@pytest.mark.slow
def test_the_compiled_pass_compiles(monkeypatch):
    pytest.importorskip("numba")
    slow = credit.ledger(*_plain(13))
    monkeypatch.setattr(fast_matching, "LEAST", 0)
    pd.testing.assert_frame_equal(credit.ledger(*_plain(13)), slow)


def test_merge_of_queues_matches_unit_by_unit():
    random = Random(21)
    for _ in range(200):
        sides = []
        for least in (1, 0):
            groups = sorted(random.choices(range(5), k=random.randint(0, 9)))
            sides += [groups, [random.randint(least, 6) for _ in groups]]
        arrays = [np.array(side, dtype=np.int64) for side in sides]
        got = list(zip(*(a.tolist() for a in matching.queue_segments(*arrays, 5)), strict=True))
        want = []
        for group in range(5):
            debits = [i for i, g in enumerate(sides[0]) if g == group for _ in range(sides[1][i])]
            credits = [j for j, g in enumerate(sides[2]) if g == group for _ in range(sides[3][j])]
            pairs = itertools.zip_longest(debits, credits, fillvalue=-1)
            want += [(i, j, len(list(same))) for (i, j), same in itertools.groupby(pairs)]
        assert got == want


@pytest.mark.parametrize("method", [*PLAIN, "specific", "proportional"])
def test_blocks_of_customers_give_what_all_at_once_gives(method, monkeypatch):
    random = Random(5)
    books = [_ledger(random, n) for n in range(40)]
    frames = _frames(books, random)
    frames[0].loc[frames[0].index[::9], "due_date"] = None
    options = {"method": method, "as_of": START + timedelta(days=150)}
    calls = [
        lambda: credit.ledger(*frames, **options),
        lambda: credit.ledger(*frames, **options, fx={"USD": 7.1}),
        lambda: credit.open_items(*frames, **options),
        lambda: credit.aging(*frames, **options),
        lambda: credit.aging(*frames, **options, by="currency", fx={"USD": 7.1}),
        lambda: credit.aging(*_plain(4), **{**options, "as_of": None}),
        lambda: credit.ledger(*_plain(4), **{**options, "as_of": None}),
    ]
    with pytest.warns(DataWarning):
        whole = [call() for call in calls]
    monkeypatch.setattr("salesmgmt._credit.blocks.SMALL", 0)
    for rows in (40, 200):
        monkeypatch.setattr("salesmgmt._credit.blocks._ROWS", rows)
        with pytest.warns(DataWarning) as told:
            parts = [call() for call in calls]
        assert len(told) == 2  # one for each aging with missing due dates, not one for each block
        for one, two in zip(whole, parts, strict=True):
            pd.testing.assert_frame_equal(one, two)


def test_what_blocks_refuse_is_told_as_for_the_whole(monkeypatch):
    monkeypatch.setattr("salesmgmt._credit.blocks.SMALL", 0)
    monkeypatch.setattr("salesmgmt._credit.blocks._ROWS", 10)
    invoices, payments = _plain(4)
    other = invoices.loc[invoices["customer_id"] == 91, "invoice_id"].iloc[0]
    wrong = payments["customer_id"] == 3
    named = payments.assign(invoice_id=[other if w else None for w in wrong])
    with pytest.raises(InputError, match="invoice of another customer"):
        credit.aging(invoices, named)
    with pytest.raises(InputError, match="not in invoices"):
        credit.ledger(invoices, payments.assign(invoice_id=-1))


# --------------------------------------------------------------------------------------
# A ledger at a past date is what the frames are at that date


@pytest.mark.parametrize(
    ("method", "notes"),
    [*((method, "parent") for method in METHODS), ("specific_then_fifo", "own"),
     ("specific_then_fifo", "net"), ("specific_then_oldest_due", "net"), ("cn_560", "net")],
)  # fmt: skip
def test_a_ledger_at_a_past_day_is_what_the_frames_are(method, notes):
    random = Random(f"{method} {notes}")
    books = [_ledger(random, n) for n in range(25)]
    frames = _frames(books, random)
    options = {"method": method, "credit_notes": notes}
    pairs = credit.ledger(*frames, as_of=START + timedelta(days=330), **options)
    for days in (150, 60):
        past = START + timedelta(days=days)
        one = credit.open_items(pairs, as_of=past, include="all")
        two = credit.open_items(*frames, as_of=past, include="all", **options)
        columns = ["due_date", "amount", "outstanding", "days_past_due", "future", "remaining"]
        documents = [f[f["invoice_id"].notna()].set_index("invoice_id") for f in (one, two)]
        pd.testing.assert_frame_equal(*(d.sort_index()[columns] for d in documents))
        for unapplied in ("own", "bucket"):
            pd.testing.assert_frame_equal(
                credit.aging(pairs, as_of=past, unapplied=unapplied),
                credit.aging(*frames, as_of=past, unapplied=unapplied, **options),
            )


@pytest.mark.parametrize("method", ["specific_then_fifo", "specific_then_oldest_due", "cn_560"])
def test_each_month_of_a_series_knows_what_was_booked_by_then(method):
    random = Random(5)
    books = [_ledger(random, n) for n in range(40)]
    frames = _frames(books, random)
    pairs = credit.ledger(*frames, method=method)
    for measure in (credit.delinquent_days, credit.dso):
        options = {"method": "best_possible"} if measure is credit.dso else {}
        months = measure(pairs, freq="M", **options)
        for day in pd.to_datetime(["2024-03-31", "2024-06-30"]):
            month = months[months["as_of"] == day].reset_index(drop=True)
            single = measure(pairs, as_of=day, **options)
            pd.testing.assert_frame_equal(month, single)


# --------------------------------------------------------------------------------------
# Balances without their matches


@pytest.mark.parametrize("rule", matching_daily.RULES)
def test_balances_are_what_the_matches_leave(rule):
    rng = np.random.default_rng(11)
    for _ in range(150):
        groups, bills, money, days = rng.integers(1, [5, 25, 25, 15])
        unit = rng.choice([1, 100, 10**9, 2**40])
        group = np.sort(rng.integers(0, groups, bills))
        day = rng.integers(0, days, bills)
        documents = matching_daily.Side(
            group, day, rng.integers(1, 30, bills) * unit, rng.permutation(bills),
            day + rng.integers(0, 5, bills), rng.integers(0, 2, bills) * 1.0,
            rng.integers(0, 2, bills) * 1.0,
        )  # fmt: skip
        payer, paid = np.sort(rng.integers(0, groups, money)), rng.integers(0, days, money)
        order = np.lexsort((paid, payer))
        receipts = matching_daily.Side.of_receipts(
            payer, paid[order], rng.integers(1, 30, money) * unit
        )
        i, j, units = matching_daily.replay(rule, documents, receipts)
        left, rest = documents.units.copy(), receipts.units.copy()
        np.subtract.at(left, i, units)
        np.subtract.at(rest, j, units)
        got = matching_daily.balances(rule, documents, receipts)
        assert (got[0] == left).all()
        assert (got[1] == rest).all()
