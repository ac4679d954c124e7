"""Why a number moved: price, volume, mix; and who contributed what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Key,
    Keys,
    Rows,
    check_bool,
    check_choice,
    check_names,
    check_number,
    factorise,
    money,
    one_currency,
    refuse_names,
    same_currency,
    stack_keys,
    take,
    units,
    warn,
)
from ..engine.bridge import METHODS, WITH_MIX, effects, round_to_sum
from ..engine.sums import group_sums
from ..errors import InputError
from .options import only_for
from .sums import whole_sums

__all__ = ["bridge", "contribution"]

#: Columns of results: no key may have their names.
_CONTRIBUTED = ("before", "after", "change", "growth", "contribution", "share_of_change", "status")

_LINES, _MOST = 20, 0.9  # rows, and the share of them, that tell costs of lines from those of units

_ORDER = (
    "price", "volume", "mix", "joint", "new", "lost", "currency", "cost", "other",
)  # fmt: skip


def bridge(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    keys: str | Sequence[str],
    method: str,
    price: str = "price",
    quantity: str = "quantity",
    cost: str | None = None,
    rate: str | None = None,
    per: str = "unit",
    by: str | Sequence[str] | None = None,
    within: str | Sequence[str] | None = None,
    new_lost: str = "apart",
    ends: bool = False,
    step: float = 0.01,
) -> pd.DataFrame:
    """Price–volume–mix bridge from one period to another, closed to the cent at every level.

    Parameters
    ----------
    before, after : DataFrame
        Sales of the two periods: keys, price, quantity; several rows an item are summed. Budget
        and actual, or last year and this. Not modified.
    keys : str or sequence of str
        What an item is (``"product"``, ``["region", "product"]``).
    method : str
        With unit values p and quantities q, 0 before and 1 after, of items sold both times:

        - ``"price_volume"``: price (p1-p0) q1, volume (q1-q0) p0. The volume is Horngren's
          sales-volume variance.
        - ``"price_volume_mix"``: price as above; volume: all items grow as the total quantity
          does, (Q1/Q0 - 1) q0 p0 (Horngren's sales-quantity variance); mix: (q1 - q0 Q1/Q0) p0
          (his sales-mix variance).
        - ``"average_price_mix"``: volume (q1-q0) P0 with the average price P0; mix (q1-q0)
          (p0-P0). The same totals, told apart otherwise by item.
        - ``"mix_change"``: mix (q1 - q0 Q1/Q0) (p0-P0), the change of an item's share times Q1
          times what its price was above the average; volume (q1-q0) p0 less the mix. The same
          totals again, as reports of Zebra BI and Power BI tell them apart by item.
        - ``"midpoint"``: price (p1-p0) (q0+q1)/2, volume (q1-q0) (p0+p1)/2 (Bennet): the same
          whichever period is called before.
        - ``"price_at_before"``: price (p1-p0) q0, volume (q1-q0) p1.
        - ``"joint"``: price (p1-p0) q0, volume (q1-q0) p0, joint (p1-p0) (q1-q0).
    price, quantity : str
        Columns. ``price`` is a unit price or, with ``per="line"``, the amount of the row.
    cost : str, optional
        Column of costs (unit or line, as the price): the bridge then explains the gross profit;
        volume and mix are valued at the unit margin, and ``cost`` is an effect.
    rate : str, optional
        Column of exchange rates into the currency of the report: price, volume and mix are at
        the rate of before, ``currency`` is what the rate moved. An item has one currency: where
        a column ``currency`` says otherwise, make it a key.
    per : {"unit", "line"}
        Whether price and cost are a unit's or the whole row's.
    by : str or sequence of str, optional
        Keys to show effects by; None: the total. Any level is the sum of the items below it.
        Several currencies (a key ``currency``) without a ``rate`` are never added: show them.
    within : str or sequence of str, optional
        Keys within which the mix is measured, for methods that have one; None: among all items
        (of a currency).
    new_lost : {"apart", "mix"}
        Items sold only once: effects ``new`` and ``lost``; or volume and mix like the others
        (valued at the one price they had).
    ends : bool, default=False
        Add rows ``before`` (first) and ``after`` (last), for a waterfall.
    step : float, default=0.01
        Smallest unit of money.

    Returns
    -------
    DataFrame
        ``by`` columns, ``effect``, ``amount``, in the order of a waterfall: price, volume, mix,
        joint, new, lost, currency, cost, other (amounts without quantity; only where there are
        some). They add up to the change exactly.

    Raises
    ------
    InputError
        A column is missing or no number, an option is unknown, or amounts of several currencies
        would be added.

    References
    ----------
    .. [1] C. T. Horngren, S. M. Datar and M. V. Rajan, Cost Accounting, 13th ed., ch. 14.
    .. [2] T. L. Bennet, "The theory of measurement of changes in cost of living", J. R. Stat.
       Soc. 83 (1920), 455-462.

    Examples
    --------
    >>> import pandas as pd
    >>> old = pd.DataFrame({"product": ["A", "B"], "price": [10.0, 20], "quantity": [100, 50]})
    >>> new = pd.DataFrame({"product": ["A", "B"], "price": [11.0, 20], "quantity": [90, 60]})
    >>> bridge(old, new, keys="product", method="price_volume_mix")
       effect  amount
    0   price    90.0
    1  volume     0.0
    2     mix   100.0
    3     new     0.0
    4    lost     0.0
    """
    caller = "bridge"
    refuse_names(
        check_names(by, "by", caller=caller), ("effect", "amount"), caller=caller, option="by"
    )
    check_choice(method, "method", METHODS, caller=caller)
    check_choice(per, "per", ("unit", "line"), caller=caller)
    check_choice(new_lost, "new_lost", ("apart", "mix"), caller=caller)
    check_bool(ends, "ends", caller=caller)
    step = check_number(step, "step", caller=caller, low=0, open_low=True)
    names = check_names(keys, "keys", caller=caller)
    shown = check_names(by, "by", caller=caller)
    inside = check_names(within, "within", caller=caller)
    only_for(method, WITH_MIX, {"within": bool(inside)}, caller=caller)
    if not names:
        raise InputError(f"{caller}(): keys must name what an item is.")
    for option, columns in (("by", shown), ("within", inside)):
        lost = [c for c in columns if c not in names]
        if lost:
            raise InputError(f"{caller}(): {option}: {lost[0]!r} is not among the keys {names}.")
    items, sums = _items(before, after, names, price, quantity, cost, rate, per, caller=caller)
    if rate is None and "currency" in names:
        have = sorted(map(str, items.labels["currency"].unique()))
        if "currency" not in shown and len(have) > 1:
            raise InputError(
                f"{caller}(): items are in {len(have)} currencies ({', '.join(have[:5])}), which "
                "are never added; name 'currency' in by=, too, or convert them with rate=."
            )
        inside = [*inside, *({"currency"} - set(inside))]
    group = factorise(items.labels, inside).codes if inside else np.zeros(len(items), np.int64)
    parts = _parts(method, sums, group, new_lost, cost is not None, rate is not None)
    start, end = (units(sums[f"worth{t}"], step, name=price, caller=caller) for t in (0, 1))
    whole = round_to_sum(np.column_stack(list(parts.values())) / step, end - start)
    return _bridge_frame(items, list(parts), whole, start, end, shown, ends, step)


def _items(
    before: Any,
    after: Any,
    names: list[str],
    price: str,
    quantity: str,
    cost: str | None,
    rate: str | None,
    per: str,
    *,
    caller: str,
) -> tuple[Keys, dict[str, np.ndarray]]:
    """Items of both periods, and their sums: quantity, value and cost in local money, worth."""
    taken = []
    for arg, frame in (("before", before), ("after", after)):
        roles: dict[str, Any] = {"price": Amount(price), "quantity": Amount(quantity)}
        if cost is not None:
            roles["cost"] = Amount(cost)
        if rate is not None:
            roles["rate"] = Amount(rate, low=0)
        one_currency(frame, names, caller=caller, arg=arg, each=rate is not None)
        roles |= {f"key{i}": Key(name) for i, name in enumerate(names)}
        taken.append(take(frame, caller=caller, arg=arg, **roles))
    same_currency({"before": before, "after": after}, names, caller=caller)
    both = stack_keys([r.frame for r in taken], names, caller=caller, args=("before", "after"))
    items = factorise(both, names)
    sums: dict[str, np.ndarray] = {}
    cut = len(taken[0])
    for t, (rows, codes) in enumerate(
        zip(taken, (items.codes[:cut], items.codes[cut:]), strict=True)
    ):
        times = rows["quantity"] if per == "unit" else np.ones(len(rows))
        exchange = rows["rate"] if rate is not None else np.ones(len(rows))
        value = rows["price"] * times
        spent = rows["cost"] * times if cost is not None else np.zeros(len(rows))
        for name, part in (
            ("q", rows["quantity"]),
            ("value", value),
            ("spent", spent),
            ("worth", (value - spent) * exchange),
        ):
            sums[f"{name}{t}"] = group_sums(codes, part, len(items))
        sums[f"seen{t}"] = np.bincount(codes, minlength=len(items)) > 0
        sums[f"rate{t}"] = _rate_of_items(codes, exchange, sums[f"value{t}"] - sums[f"spent{t}"],
                                          sums[f"worth{t}"])  # fmt: skip
    if cost is not None and per == "unit":
        _check_unit_cost(taken, cost, caller=caller)
    return items, sums


def _rate_of_items(
    codes: np.ndarray, exchange: np.ndarray, local: np.ndarray, worth: np.ndarray
) -> np.ndarray:
    """Exchange rate of each item: what its money is worth; the mean of its rows where that is no
    rate of theirs, as of goods given away, sold at cost, or sold and returned."""
    low, high = np.full(len(local), np.inf), np.full(len(local), -np.inf)
    np.minimum.at(low, codes, exchange)
    np.maximum.at(high, codes, exchange)
    count = np.bincount(codes, minlength=len(local))
    mean = group_sums(codes, exchange, len(local)) / np.maximum(count, 1)
    own = worth / np.where(local != 0, local, 1.0)
    slack = 1e-9 * high
    known = (local != 0) & (own >= low - slack) & (own <= high + slack)
    return np.where(count > 0, np.where(known, own, mean), 1.0)


def _check_unit_cost(taken: list[Rows], cost: str, *, caller: str) -> None:
    """Costs of whole lines, taken for those of one unit, would be many times the sales."""
    price, quantity, spent = (
        np.concatenate([rows[option] for rows in taken]) for option in ("price", "quantity", "cost")
    )
    lots = (quantity > 2) & (price > 0)
    if lots.sum() < _LINES:
        return
    price, quantity, spent = price[lots], quantity[lots], spent[lots]
    if np.mean(spent > 2 * price) > _MOST and np.mean(spent < price * quantity) > _MOST:
        warn(
            f"{caller}(): column {cost!r} is more than twice the price in most rows, and less than "
            "price times quantity: it seems to hold the cost of whole lines, and not of one unit. "
            "Divide it by the quantity, or take per='line' with the line's amount as price=."
        )


def _parts(
    method: str,
    s: dict[str, np.ndarray],
    group: np.ndarray,
    new_lost: str,
    costed: bool,
    converted: bool,
) -> dict[str, np.ndarray]:
    """Effects by item, in money of the report."""
    n = len(group)
    traded = [s[f"seen{t}"] & (s[f"q{t}"] > 0) for t in (0, 1)]
    empty = [(s[f"q{t}"] == 0) & (s[f"worth{t}"] == 0) for t in (0, 1)]
    both = traded[0] & traded[1]
    new, lost = traded[1] & empty[0], traded[0] & empty[1]
    unit, margin, exchange = {}, {}, {}
    for t in (0, 1):
        quantity = np.where(traded[t], s[f"q{t}"], 1.0)
        unit[t] = s[f"value{t}"] / quantity
        margin[t] = (s[f"value{t}"] - s[f"spent{t}"]) / quantity
        exchange[t] = s[f"rate{t}"]
    if new_lost == "mix":
        for one, other, only in ((0, 1, new), (1, 0, lost)):
            for values in (unit, margin, exchange):
                values[one] = np.where(only, values[other], values[one])
        both = both | new | lost
        new, lost = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    # Price and cost move the margin at unit prices; volume and mix are valued at the margin, in
    # the currency of the report: an average price over items has no other.
    q0, q1 = (np.where(both, s[f"q{t}"], 0.0) for t in (0, 1))
    p0, p1 = (margin[t] * exchange[0] for t in (0, 1))
    found = effects(method, p0, q0, p1, q1, group)
    out = {name: np.where(both, part, 0.0) for name, part in found.items()}
    if costed:
        # What moves the margin of a unit is its price and its cost, in proportion.
        base = {"price_at_before": q0, "joint": q0, "midpoint": (q0 + q1) / 2}.get(method, q1)
        out["price"] = np.where(both, (unit[1] - unit[0]) * base * exchange[0], 0.0)
        spent = (unit[1] - margin[1]) - (unit[0] - margin[0])
        charged = np.where(both, -spent * base * exchange[0], 0.0)
    out["new"] = np.where(new, s["worth1"], 0.0)
    out["lost"] = np.where(lost, -s["worth0"], 0.0)
    if converted:
        moved = s["worth1"] - s["worth0"] - (p1 * q1 - p0 * q0)
        out["currency"] = np.where(both, moved, 0.0)
    if costed:
        out["cost"] = charged
    rest = ~(both | new | lost)
    if rest.any() and (s["worth1"] - s["worth0"])[rest].any():
        out["other"] = np.where(rest, s["worth1"] - s["worth0"], 0.0)
    return {name: out[name] for name in _ORDER if name in out}


def _bridge_frame(
    items: Keys,
    names: list[str],
    whole: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    shown: list[str],
    ends: bool,
    step: float,
) -> pd.DataFrame:
    key = factorise(items.labels, shown) if shown else None
    codes = key.codes if key is not None else np.zeros(len(items), dtype=np.int64)
    n = len(key) if key is not None else 1
    columns = list(names)
    blocks = [whole[:, j] for j in range(whole.shape[1])]
    if ends:
        columns, blocks = ["before", *columns, "after"], [start, *blocks, end]
    grid = np.zeros((n, len(columns)), dtype=np.int64)
    for j, block in enumerate(blocks):
        np.add.at(grid[:, j], codes, block)
    labels = key.labels if key is not None else pd.DataFrame(index=range(1))
    out = labels.loc[np.repeat(np.arange(n), len(columns))].reset_index(drop=True)
    out["effect"] = pd.Series(columns * n, dtype="str")
    out["amount"] = money(grid.reshape(-1), step)
    return out


# --------------------------------------------------------------------------------------
# Contribution


def contribution(
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    by: str | Sequence[str],
    amount: str = "amount",
    step: float = 0.01,
) -> pd.DataFrame:
    """Who contributed what to the change of a total.

    Parameters
    ----------
    before, after : DataFrame
        Rows of the two periods: ``by`` columns and amounts; summed. Not modified.
    by : str or sequence of str
        Key columns.
    amount : str
        Column of amounts.
    step : float, default=0.01
        Smallest unit of money; changes add up exactly in it. Finer amounts are added before
        they are rounded to it.

    Returns
    -------
    DataFrame
        Keys, ``before``, ``after``, ``change``, ``growth`` (of the key itself; NaN where it
        began at zero or less), ``contribution`` (change as a share of the total before; they
        add up to the growth of the total), ``share_of_change``, ``status`` (``new``, ``lost``,
        ``kept``). The largest change up first, ties by key. With a key ``currency`` the totals
        are those of each currency.

    Raises
    ------
    InputError
        A column is missing or holds no numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> old = pd.DataFrame({"region": ["N", "S"], "amount": [100.0, 100.0]})
    >>> new = pd.DataFrame({"region": ["N", "S"], "amount": [130.0, 90.0]})
    >>> contribution(old, new, by="region")[["region", "change", "contribution"]]
      region  change  contribution
    0      N    30.0          0.15
    1      S   -10.0         -0.05
    """
    caller = "contribution"
    names = check_names(by, "by", caller=caller)
    refuse_names(names, _CONTRIBUTED, caller=caller, option="by")
    if not names:
        raise InputError(f"{caller}(): by must name a column.")
    for arg, frame in (("before", before), ("after", after)):
        one_currency(frame, names, caller=caller, arg=arg)
    same_currency({"before": before, "after": after}, names, caller=caller)
    rows = [
        take(frame, caller=caller, arg=arg, by=names, amount=Amount(amount))
        for arg, frame in (("before", before), ("after", after))
    ]
    both = stack_keys([r.frame for r in rows], names, caller=caller, args=("before", "after"))
    key = factorise(both, names)
    cut = len(rows[0])
    sums, seen = [], []
    for r, codes in zip(rows, (key.codes[:cut], key.codes[cut:]), strict=True):
        sums.append(whole_sums(codes, r["amount"], len(key), step, name=amount, caller=caller))
        seen.append(np.bincount(codes, minlength=len(key)) > 0)
    out = key.labels.copy()
    # Currencies are never added: with such a key the totals are those of its currency.
    whole = np.zeros(len(key), dtype=np.int64)
    if "currency" in names:
        whole = factorise(key.labels, ["currency"]).codes
    out["before"], out["after"] = (money(s, step) for s in sums)
    change = sums[1] - sums[0]
    out["change"] = money(change, step)
    with np.errstate(divide="ignore", invalid="ignore"):
        out["growth"] = np.where(sums[0] > 0, change / sums[0], np.nan)
        total, moved = (_added(v, whole) for v in (sums[0], change))
        out["contribution"] = np.where(total > 0, change / total, np.nan)
        out["share_of_change"] = np.where(moved != 0, change / moved, np.nan)
    status = np.where(seen[0] & seen[1], "kept", np.where(seen[1], "new", "lost"))
    out["status"] = pd.Series(status, dtype="str")
    order = np.lexsort((np.arange(len(out)), -change))
    return out.iloc[order].reset_index(drop=True)


def _added(values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The total of the whole that each value is a part of."""
    total = np.zeros(int(whole.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(total, whole, values)
    return total[whole]
