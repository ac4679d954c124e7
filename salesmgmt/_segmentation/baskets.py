"""What is bought together, and what to offer next."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pandas as pd

from .._frames import (
    Amount,
    Key,
    Rows,
    check_int,
    check_number,
    factorise,
    refuse_names,
    stack_keys,
    take,
    warn,
)
from ..engine.itemsets import distinct_cells, frequent_pairs, frequent_sets
from ..engine.offers import best_offers
from ..errors import InputError

__all__ = ["baskets", "cross_sell", "itemsets"]


def baskets(
    transactions: pd.DataFrame,
    *,
    min_support: float = 0.01,
    max_len: int | None = 2,
    min_confidence: float = 0.0,
    order: str = "order_id",
    product: str = "product",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Association rules: who buys this also buys that.

    Parameters
    ----------
    transactions : DataFrame
        One row a line of an order; not modified. Rows with a negative amount (returns) are no
        purchase, if there is such a column.
    min_support : float, default=0.01
        Least share of orders that hold all items of a rule.
    max_len : int or None, default=2
        Most items in a rule, both sides together. None: no limit.
    min_confidence : float, default=0.0
        Least share of the orders with the antecedent that hold the consequent, too.
    order, product : str
        Columns of the order and the item.
    amount : str
        Column of amounts, if there is one.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a rule, the highest lift first: ``antecedent`` (a tuple of items where
        ``max_len`` is not 2), ``consequent`` (one item), ``count`` (orders with both),
        ``support``, ``confidence``, ``lift``, ``leverage``, ``conviction`` (infinite for a
        rule without exception), ``chi2`` and ``p_value`` (of independence, with continuity
        correction). ``attrs``: ``orders``, ``items``.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or an option is wrong.

    References
    ----------
    .. [1] S. Brin, R. Motwani, J. D. Ullman and S. Tsur, "Dynamic itemset counting and
       implication rules for market basket data", SIGMOD 1997, 255-264 (conviction).
    .. [2] F. Yates, "Contingency Tables Involving Small Numbers and the chi-squared Test",
       Supplement to the Journal of the Royal Statistical Society 1 (1934), 217-235.

    Examples
    --------
    >>> import pandas as pd
    >>> sold = pd.DataFrame({"order_id": [1, 1, 2, 2, 3], "product": list("ababb")})
    >>> baskets(sold)[["antecedent", "consequent", "support", "confidence", "lift"]].round(2)
      antecedent consequent  support  confidence  lift
    0          a          b     0.67        1.00   1.0
    1          b          a     0.67        0.67   1.0
    """
    caller = "baskets"
    check_number(min_confidence, "min_confidence", caller=caller, low=0, high=1)
    held = _Held(transactions, order, product, amount, invalid, min_support, max_len, caller)
    if max_len == 2:
        first, second, n, counts = frequent_pairs(
            held.baskets, held.items, held.n_items, held.least
        )
        left, right = np.concatenate([first, second]), np.concatenate([second, first])
        both = np.concatenate([n, n])
        table = _measures(both, counts[left], counts[right], held.n_orders)
        keys: tuple[np.ndarray, ...] = (left, right)
        labels = held.labels
        table.insert(0, "antecedent", labels.take(left).reset_index(drop=True))
        table.insert(1, "consequent", labels.take(right).reset_index(drop=True))
    else:
        table, keys = _rules(held, max_len)
    table = table[table["confidence"].to_numpy() >= min_confidence - 1e-12]
    keys = tuple(k[table.index] for k in keys)
    order_by = np.lexsort((*keys[::-1], -table["support"].to_numpy(), -table["lift"].round(12)))
    out = table.iloc[order_by].reset_index(drop=True)
    out.attrs |= {"orders": held.n_orders, "items": held.n_items}
    return out


def itemsets(
    transactions: pd.DataFrame,
    *,
    min_support: float = 0.01,
    max_len: int | None = None,
    order: str = "order_id",
    product: str = "product",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """All sets of items that enough orders hold.

    Parameters
    ----------
    transactions : DataFrame
        As in :func:`baskets`.
    min_support : float, default=0.01
        Least share of orders that hold the set.
    max_len : int or None, default=None
        Most items in a set; None: no limit.
    order, product, amount : str
        As in :func:`baskets`.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a set, short ones first: ``items`` (a tuple), ``size``, ``count``, ``support``.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or an option is wrong.

    References
    ----------
    .. [1] M. J. Zaki, "Scalable Algorithms for Association Mining", IEEE Transactions on
       Knowledge and Data Engineering 12 (2000), 372-390.

    Examples
    --------
    >>> import pandas as pd
    >>> sold = pd.DataFrame({"order_id": [1, 1, 2, 2, 3], "product": list("ababb")})
    >>> itemsets(sold)["items"].tolist()
    [('a',), ('b',), ('a', 'b')]
    """
    held = _Held(transactions, order, product, amount, invalid, min_support, max_len, "itemsets")
    found = held.sets(max_len)
    names = held.labels.tolist()
    out = pd.DataFrame(
        {
            "items": pd.Series([tuple(names[i] for i in s) for s, _ in found], dtype=object),
            "size": np.array([len(s) for s, _ in found], dtype=np.int64),
            "count": np.array([n for _, n in found], dtype=np.int64),
        }
    )
    out["support"] = out["count"] / held.n_orders
    out.attrs |= {"orders": held.n_orders, "items": held.n_items}
    return out


def cross_sell(
    transactions: pd.DataFrame,
    rules: pd.DataFrame,
    *,
    n: int = 3,
    min_lift: float = 1.0,
    customer: str = "customer_id",
    product: str = "product",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """What to offer each customer: items that go with what it owns, without what it owns.

    Parameters
    ----------
    transactions : DataFrame
        What has been bought, by all customers or by some; not modified. Rows with a negative
        amount are no purchase.
    rules : DataFrame
        What :func:`baskets` returned, of these or of other transactions.
    n : int, default=3
        Most offers a customer.
    min_lift : float, default=1.0
        Only rules with a lift above it.
    customer, product : str
        Columns of the customer and the item.
    amount : str
        Column of amounts, if there is one.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row an offer, by customer and rank: the customer, ``rank``, the product,
        ``because`` (what it goes with), ``confidence`` (of the best rule), ``lift``.

    Raises
    ------
    InputError
        A column is missing or rows cannot be used.

    References
    ----------
    .. [1] B. Sarwar, G. Karypis, J. Konstan and J. Riedl, "Analysis of Recommendation Algorithms
       for E-Commerce", ACM Conference on Electronic Commerce 2000, 158-167.

    Examples
    --------
    >>> import pandas as pd
    >>> sold = pd.DataFrame({"order_id": [1, 1, 2, 2, 3, 4], "product": list("ababac"),
    ...                      "customer_id": list("xxyyzw")})
    >>> cross_sell(sold, baskets(sold))[["customer_id", "product", "because"]]
      customer_id product because
    0           z       b       a
    """
    check_int(n, "n", caller="cross_sell", low=1, high=1_000_000)
    check_number(min_lift, "min_lift", caller="cross_sell", low=0)
    own = ("rank", "because", "confidence", "lift")
    refuse_names([product], own, caller="cross_sell", option="product")
    refuse_names([customer], [*own, product], caller="cross_sell", option="customer")
    rows = take(
        transactions,
        caller="cross_sell",
        arg="transactions",
        invalid=invalid,
        customer=Key(customer),
        product=Key(product),
        amount=Amount(amount, optional=amount == "amount", missing="allow"),
    )
    checked = take(
        rules,
        caller="cross_sell",
        arg="rules",
        empty="allow",
        antecedent=Key("antecedent"),
        consequent=Key("consequent"),
        confidence=Amount("confidence"),
        lift=Amount("lift"),
    )
    _refuse_written_tuples(checked)
    labels, at = _items(rows, checked, product)
    place = {label: i for i, label in enumerate(labels.tolist())}
    chosen, known = _known_rules(checked, place, min_lift)
    kept = _bought(rows)
    customers = rows.keys("customer")
    who, what = distinct_cells(
        customers.codes[kept], at[rows.keys("product").codes[kept]], max(len(place), 1)
    )
    who, rule = best_offers(
        who,
        what,
        (len(customers), len(place)),
        known,
        checked["confidence"][chosen],
        checked["lift"][chosen],
        n,
    )
    out = customers.labels.iloc[who].reset_index(drop=True)
    out["rank"] = np.arange(len(who)) - np.searchsorted(who, who) + 1
    given = np.array([give for _, give in known], dtype=np.int64)[rule]
    out[product] = labels.take(given).reset_index(drop=True)
    used = checked.frame.iloc[chosen[rule]].reset_index(drop=True)
    out["because"] = used["antecedent"]
    out["confidence"] = used["confidence"]
    out["lift"] = used["lift"]
    return out


# --------------------------------------------------------------------------------------


class _Held:
    """Orders and items as dense codes without repeats, and the least count."""

    def __init__(
        self,
        transactions: Any,
        order: str,
        product: str,
        amount: str,
        invalid: str,
        min_support: float,
        max_len: int | None,
        caller: str,
    ):
        check_number(min_support, "min_support", caller=caller, low=0, high=1, open_low=True)
        if max_len is not None:
            check_int(max_len, "max_len", caller=caller, low=2 if caller == "baskets" else 1)
        rows = take(
            transactions,
            caller=caller,
            arg="transactions",
            invalid=invalid,
            order=Key(order),
            product=Key(product),
            amount=Amount(amount, optional=amount == "amount", missing="allow"),
        )
        kept = _bought(rows)
        if not kept.any():
            raise InputError(f"{caller}(): every row has a negative amount; nothing was bought.")
        used, codes = np.unique(rows.keys("order").codes[kept], return_inverse=True)
        keys = rows.keys("product")
        self.n_orders, self.n_items = len(used), len(keys)
        self.baskets, self.items = distinct_cells(codes.reshape(-1), keys.codes[kept], self.n_items)
        self.labels = keys.labels[product]
        self.least = max(1, int(np.ceil(min_support * self.n_orders - 1e-9)))
        self.caller = caller

    def sets(self, max_len: int | None) -> list[tuple[tuple[int, ...], int]]:
        """All frequent sets; too many of them is a matter of the options."""
        try:
            return frequent_sets(self.baskets, self.items, self.n_items, self.least, max_len)
        except OverflowError as err:
            raise InputError(
                f"{self.caller}(): {err} of items are frequent; raise min_support or give a "
                "smaller max_len."
            ) from None


def _bought(rows: Rows) -> np.ndarray:
    """Rows that are no return."""
    if "amount" not in rows:
        return np.ones(len(rows), dtype=bool)
    with np.errstate(invalid="ignore"):
        return ~(rows["amount"] < 0)


def _measures(both: np.ndarray, left: np.ndarray, right: np.ndarray, n: int) -> pd.DataFrame:
    """Measures of rules from counts of both sides, the left, the right, and all orders."""
    from scipy.special import chdtrc

    support, a, b = both / n, left / n, right / n
    confidence = both / left
    with np.errstate(divide="ignore", invalid="ignore"):
        conviction = np.where(both == left, np.inf, (1 - b) / (1 - confidence))
        # n (|ad - bc| - n/2)^2 / (row and column sums), the correction never beyond zero.
        gap = np.abs(
            both * (n - left - right + both) - (left - both) * (right - both.astype(float))
        )
        margins = left * (n - left) * (right * (n - right).astype(float))
        chi2 = np.where(margins > 0, n * np.maximum(gap - n / 2, 0) ** 2 / margins, 0.0)
    return pd.DataFrame(
        {
            "count": both,
            "support": support,
            "confidence": confidence,
            "lift": confidence / b,
            "leverage": support - a * b,
            "conviction": conviction,
            "chi2": chi2,
            "p_value": chdtrc(1, chi2),
        }
    )


def _rules(held: _Held, max_len: int | None) -> tuple[pd.DataFrame, tuple[np.ndarray, ...]]:
    """Rules with one consequent from all frequent sets."""
    found = dict(held.sets(max_len))
    names = held.labels.tolist()
    left, right, both, ahead, after = [], [], [], [], []
    for items, n in found.items():
        if len(items) < 2:
            continue
        for i, item in enumerate(items):
            rest = items[:i] + items[i + 1 :]
            left.append(tuple(names[j] for j in rest))
            right.append(item)
            both.append(n)
            ahead.append(found[rest])
            after.append(found[(item,)])
    counts = [np.array(c, dtype=np.int64) for c in (both, ahead, after)]
    table = _measures(counts[0], counts[1], counts[2], held.n_orders)
    table.insert(0, "antecedent", pd.Series(left, dtype=object))
    at = np.array(right, dtype=np.int64)
    table.insert(1, "consequent", held.labels.take(at).reset_index(drop=True))
    return table, (np.arange(len(table)),)


def _items(rows: Rows, rules: Rows, product: str) -> tuple[pd.Series, np.ndarray]:
    """Items sold or offered by a rule, ascending, and the place of each item sold among them."""
    sold = rows.keys("product").labels[product]
    _tell_strangers(sold, rules, product)
    offered = rules.series("consequent").drop_duplicates().rename(product)
    if offered.isin(sold.tolist()).all():
        return sold, np.arange(len(sold))
    both = stack_keys(
        [sold.to_frame(), offered.to_frame()],
        [product],
        caller="cross_sell",
        args=("transactions", "rules"),
    )
    keys = factorise(both, [product])
    labels, kind = keys.labels[product], rows.series("product").dtype
    if not isinstance(kind, pd.CategoricalDtype) and labels.dtype != kind:
        same = labels.astype(kind)
        labels = same if (same == labels).all() else labels
    return labels, keys.codes[: len(sold)]


def _tell_strangers(sold: pd.Series, rules: Rows, product: str) -> None:
    """Warn of rules that speak of other items than the column holds: they can offer nothing."""
    given = [v if isinstance(v, tuple) else (v,) for v in rules.series("antecedent").tolist()]
    items = {item for items in given for item in items}
    if items and not items.intersection(sold.tolist()):
        first = sorted(items, key=str)[0]
        warn(
            f"cross_sell(): no rule speaks of anything in column {product!r} (rules: {first!r}, "
            f"...; {product!r}: {sold.iloc[0]!r}, ...), so nothing is offered; name the column "
            "that the rules were made from with product=."
        )


def _refuse_written_tuples(rules: Rows) -> None:
    """Tuples of items become their own text in a file; no customer holds such an item."""
    texts = [v for v in rules.series("antecedent").tolist() if isinstance(v, str)]
    written = [v for v in texts if v.startswith("(") and v.endswith(")") and _tuple_in(v)]
    if written:
        raise InputError(
            f"cross_sell(): rules: column 'antecedent' holds {len(written)} text(s) of tuples "
            f"({written[0]!r}), as after a file; make them tuples again: "
            "rules['antecedent'].map(ast.literal_eval)."
        )


def _tuple_in(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), tuple)
    except (ValueError, SyntaxError):
        return False


def _known_rules(
    rules: Rows, place: dict[Any, int], min_lift: float
) -> tuple[np.ndarray, list[tuple[tuple[int, ...], int]]]:
    """Rules above the lift whose left side has been sold, in codes; and their positions."""
    chosen, known = [], []
    pairs = zip(
        rules.series("antecedent").tolist(), rules.series("consequent").tolist(), strict=True
    )
    for i, ((left, right), lift) in enumerate(zip(pairs, rules["lift"], strict=True)):
        needs = left if isinstance(left, tuple) else (left,)
        if lift > min_lift and all(item in place for item in needs):
            chosen.append(i)
            known.append((tuple(place[item] for item in needs), place[right]))
    return np.array(chosen, dtype=np.int64), known
