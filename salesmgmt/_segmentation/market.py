"""Products and markets: portfolio, price elasticity, market share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from .._frames import (
    Amount,
    Date,
    Key,
    check_column,
    check_freq,
    check_int,
    check_names,
    check_number,
    day,
    days_of,
    factorise,
    one_currency,
    refuse_names,
    take,
    to_pandas,
    warn,
)
from ..engine.panel import within_slope
from ..engine.periods import period_of, period_start
from ..errors import InputError
from .condense import added_up

__all__ = ["elasticity", "market_share", "portfolio"]


# A year, quarter or month; a single day would rather be half of a (start, end) pair.
_PERIOD = re.compile(r"\d{4}([-/]?[Qq][1-4]|[-/](0?[1-9]|1[0-2]))?")
_PORTFOLIO = (
    *("before", "after", "growth", "share", "share_change", "contribution", "class", "margin"),
)
_ELASTICITY = ("elasticity", "standard_error", "lo", "hi", "p_value", "lines", "status")
_SHARES = (
    *("date", "amount", "market", "share", "share_change", "growth", "market_growth"),
    "growth_gap",
)


def portfolio(
    transactions: pd.DataFrame,
    *,
    product: str,
    market: str | None = None,
    periods: Any,
    date: str = "date",
    amount: str = "amount",
    cost: str | None = None,
    invalid: str = "raise",
) -> pd.DataFrame:
    """Growth, share and contribution of each product (in each market) between two periods.

    Parameters
    ----------
    transactions : DataFrame
        One row a line; not modified. Negative amounts (returns) reduce their product's amount.
    product : str
        Column of the product or product line.
    market : str, optional
        Column of the market (region, channel, industry): one row a product and market.
    periods : pair of (start, end) dates, or of periods
        The period before and the period after, both ends included: dates, ``pandas.Period``
        values, or a year, quarter or month by name (``2024``, ``"2024Q1"``, ``"2024-03"``).
    date, amount : str
        Columns of the day and the amount.
    cost : str, optional
        Column of costs: also return ``margin`` of the second period. None: ``"cost"`` if there
        is one.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a product (and market), the largest now first: the keys, ``before``, ``after``,
        ``growth`` (missing without a positive amount before), ``share`` (of the amount after),
        ``share_change``, ``contribution`` (to the growth of the whole; adds up to it),
        ``class`` (``star``, ``cash_cow``, ``question_mark``, ``dog``: growth against the
        whole's, share against an equal one; ``new``, ``gone``), with costs ``margin`` (missing
        without a positive amount after).

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or a period holds no amount.

    References
    ----------
    .. [1] B. D. Henderson, "The Product Portfolio", BCG Perspectives 66, 1970.

    Examples
    --------
    >>> import pandas as pd
    >>> sold = pd.DataFrame({"product": list("abab"), "amount": [10.0, 10.0, 30.0, 10.0],
    ...     "date": pd.to_datetime(["2024-05-01"] * 2 + ["2025-05-01"] * 2)})
    >>> years = [("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")]
    >>> portfolio(sold, product="product", periods=years)[["product", "growth", "contribution"]]
      product  growth  contribution
    0       a     2.0           1.0
    1       b     0.0           0.0
    """
    spans = _spans(periods)
    keyed = [product] if market is None else [product, market]
    refuse_names(keyed, _PORTFOLIO, caller="portfolio", option="product or market")
    one_currency(transactions, keyed, caller="portfolio", arg="transactions")
    rows = take(
        transactions,
        caller="portfolio",
        arg="transactions",
        invalid=invalid,
        product=Key(product),
        market=None if market is None else Key(market),
        date=Date(date),
        amount=Amount(amount),
        cost=Amount("cost" if cost is None else cost, optional=cost is None),
    )
    keys = rows.keys("product") if market is None else rows.keys("product", "market")
    days, n = rows.days("date"), len(keys)
    inside = [(days >= a) & (days <= b) for a, b in spans]
    before, after = (
        added_up(keys.codes[i], rows["amount"][i], n, caller="portfolio") for i in inside
    )
    if before.sum() <= 0 or after.sum() <= 0:
        raise _nothing_in([before.sum(), after.sum()], spans, days)
    there = (np.bincount(keys.codes[inside[0] | inside[1]], minlength=n)) > 0
    out = keys.labels.copy()
    out["before"], out["after"] = before, after
    with np.errstate(divide="ignore", invalid="ignore"):
        out["growth"] = np.where(before > 0, after / before - 1, np.nan)
    out["share"] = after / after.sum()
    out["share_change"] = out["share"] - before / before.sum()
    out["contribution"] = (after - before) / before.sum()
    out["class"] = _bcg(before, after, int(there.sum()))
    if "cost" in rows:
        own = keys.codes[inside[1]]
        costs = added_up(own, rows["cost"][inside[1]], n, caller="portfolio")
        with np.errstate(divide="ignore", invalid="ignore"):
            out["margin"] = np.where(after > 0, (after - costs) / after, np.nan)
    out = out[there]
    return out.sort_values("after", ascending=False, kind="stable", ignore_index=True)


def _nothing_in(amounts: list[float], spans: list[tuple[int, int]], days: np.ndarray) -> InputError:
    """What the two periods hold, and from when to when there are data."""
    named = [f"{np.datetime64(a, 'D')} to {np.datetime64(b, 'D')}" for a, b in spans]
    told = ", ".join(f"{v:,.6g} from {n}" for v, n in zip(amounts, named, strict=True))
    known = " to ".join(str(np.datetime64(int(d), "D")) for d in (days.min(), days.max()))
    return InputError(
        f"portfolio(): each of the two periods must hold a positive amount, there are {told}; the "
        f"data are of {known}."
    )


def _spans(periods: Any) -> list[tuple[int, int]]:
    try:
        (a, b), (c, d) = (_ends(period) for period in periods)
    except (TypeError, ValueError):
        raise InputError(
            "portfolio(): periods must be two (start, end) pairs of dates or two periods such as "
            f"'2024', '2024Q1' or '2024-03', the earlier first; got {periods!r}."
        ) from None
    days = [
        day(v, name="periods", caller="portfolio", last=last)
        for v, last in ((a, False), (b, True), (c, False), (d, True))
    ]
    ends = days_of(np.array(days, dtype="datetime64[us]"))
    if ends[0] > ends[1] or ends[2] > ends[3] or ends[1] >= ends[2]:
        raise InputError("portfolio(): periods must be in order and must not overlap.")
    return [(int(ends[0]), int(ends[1])), (int(ends[2]), int(ends[3]))]


def _ends(period: Any) -> Any:
    """First and last day of a period; a pair of dates is taken as it is."""
    if isinstance(period, str | int) and _PERIOD.fullmatch(str(period)):
        period = pd.Period(str(period).replace("/", "-"))
    if not isinstance(period, pd.Period):
        if isinstance(period, str):
            raise ValueError(period)  # two letters are no pair of dates
        return period
    return [str(edge.date()) for edge in (period.start_time, period.end_time)]


def _bcg(before: np.ndarray, after: np.ndarray, n: int) -> np.ndarray:
    """Growth against the whole's, share against an equal one; a tie is not better."""
    fast = after * before.sum() > before * after.sum() * (1 + 1e-12)
    large = after * n > after.sum() * (1 + 1e-12)
    names = np.array(["dog", "cash_cow", "question_mark", "star"], dtype=object)
    out = names[2 * fast + large]
    out[(before <= 0) & (after > 0)] = "new"
    out[(before > 0) & (after <= 0)] = "gone"
    out[(before <= 0) & (after <= 0)] = "dog"  # a smaller loss is no growth
    return out


def elasticity(
    transactions: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    freq: str = "M",
    level: float = 0.95,
    product: str = "product",
    price: str = "price",
    quantity: str = "quantity",
    discount: str | None = None,
    customer: str = "customer_id",
    date: str = "date",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Price elasticity: by how many per cent the quantity changes with a price 1 % higher.

    The logarithm of the quantity of a line is regressed on the logarithm of the list price,
    within product, customer and period, so that dear products, large customers and busy months
    do not pass for an effect of the price. The price before the discount is taken, since larger
    orders earn larger discounts.

    Parameters
    ----------
    transactions : DataFrame
        One row a line; not modified. Lines without a positive quantity and price are left out.
    by : str or sequence of str, optional
        One elasticity a group (product line, channel, ...). None: one for all.
    freq : {"M", "Q", "W", "Y"}
        Length of the periods whose level is allowed for.
    level : float, default=0.95
        Coverage of the interval.
    product, price, quantity, date : str
        Columns of the product, the price paid a piece, the pieces and the day.
    discount : str, optional
        Column of the discount of the line as an amount. None: ``"discount"`` if there is one.
    customer : str
        Column of the customer, if there is one.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a group: the keys, ``elasticity``, ``standard_error`` (clustered by product and
        period, with the factor for small samples), ``lo``, ``hi`` and ``p_value`` (Student's t
        on the clusters less one; these four are missing where all is one product in one
        period), ``lines``, ``status``: ``ok``, or why it is missing.
        ``too_few_lines``: no more lines than products, customers and periods to allow for.
        ``no_price_change``: within product, customer and period the price does not move (one
        line a period, customers who are there once: give a longer ``freq``, or a frame without
        customers). ``same_quantity``: every line has as many pieces, so that demand shows in
        the number of lines: add them up by product and day or week first.

    Raises
    ------
    InputError
        A column is missing or rows cannot be used.

    References
    ----------
    .. [1] T. H. A. Bijmolt, H. J. van Heerde and R. G. M. Pieters, "New Empirical
       Generalizations on the Determinants of Price Elasticity", Journal of Marketing Research
       42 (2005), 141-156.

    Examples
    --------
    >>> from salesmgmt import load_sample
    >>> found = elasticity(load_sample("transactions"), by="product_line")
    >>> bool(found.set_index("product_line").loc["Tools", "elasticity"] < -1.3)
    True
    """
    check_freq(freq, caller="elasticity", choices=("W", "M", "Q", "Y"))
    check_number(level, "level", caller="elasticity", low=0, high=1, open_low=True, open_high=True)
    groups = check_names(by, "by", caller="elasticity")
    refuse_names(groups, _ELASTICITY, caller="elasticity", option="by")
    rows = take(
        transactions,
        caller="elasticity",
        arg="transactions",
        invalid=invalid,
        by=groups,
        product=Key(product),
        price=Amount(price),
        quantity=Amount(quantity),
        discount=Amount("discount" if discount is None else discount, optional=discount is None),
        customer=Key(customer, optional=customer == "customer_id"),
        date=Date(date),
    )
    pieces, paid = rows["quantity"], rows["price"]
    use = (pieces > 0) & (paid > 0)
    if not use.any():
        raise InputError("elasticity(): no line has a positive quantity and price.")
    listed = paid[use]
    if "discount" in rows:
        listed = listed + np.maximum(rows["discount"][use], 0.0) / pieces[use]
    period = period_of(rows.days("date")[use], freq)
    period = period - period.min()
    goods = rows.keys("product").codes[use]
    effects = [goods, period]
    if "customer" in rows:
        effects.append(rows.keys("customer").codes[use])
    cluster = goods * (int(period.max()) + 1) + period
    log_price, log_pieces = np.log(listed), np.log(pieces[use])
    order = np.lexsort((*effects, log_price, log_pieces))  # sums do not move with the rows
    log_price, log_pieces, cluster = log_price[order], log_pieces[order], cluster[order]
    effects = [e[order] for e in effects]
    if not groups:
        return pd.DataFrame([_slope(log_price, log_pieces, effects, cluster, level)])
    keys = rows.keys(*[f"by{i}" for i in range(len(groups))])
    at = keys.codes[use][order]
    together = np.argsort(at, kind="stable")
    ends = np.cumsum(np.bincount(at, minlength=len(keys)))[:-1]
    found = [
        _slope(log_price[g], log_pieces[g], [e[g] for e in effects], cluster[g], level)
        for g in np.split(together, ends)
    ]
    return pd.concat([keys.labels, pd.DataFrame(found)], axis=1)


def _slope(
    x: np.ndarray, y: np.ndarray, effects: list[np.ndarray], cluster: np.ndarray, level: float
) -> dict[str, float | str]:
    """One row of the result."""
    slope = error = float("nan")
    status = "ok"
    if len(y) < 2:
        status = "too_few_lines"
    elif float(np.ptp(y)) == 0:  # a slope of 0 +- 0 would be a wrong answer
        status = "same_quantity"
    else:
        slope, error = within_slope(x, y, effects, cluster)
        if np.isnan(slope):
            status = "no_price_change"
        elif np.isinf(error):
            slope = error = float("nan")
            status = "too_few_lines"
    free = max(len(np.unique(cluster)) - 1, 1)  # Student's t, as few clusters know little
    half = float(stdtrit(free, 0.5 + level / 2)) * error
    return {
        "elasticity": slope,
        "standard_error": error,
        "lo": slope - half,
        "hi": slope + half,
        "p_value": float(2 * stdtr(free, -abs(slope / error))) if error > 0 else float("nan"),
        "lines": len(x),
        "status": status,
    }


def market_share(
    transactions: pd.DataFrame,
    market: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    freq: str = "Q",
    year_start: int = 1,
    date: str = "date",
    amount: str = "amount",
    invalid: str = "raise",
) -> pd.DataFrame:
    """Our share of the market by period, and whether we grow faster than it.

    Parameters
    ----------
    transactions : DataFrame
        Our sales, one row a line; not modified. Negative amounts reduce their period's amount.
    market : DataFrame
        Size of the market: ``date`` (in the period), ``amount``, and the columns of ``by``.
    by : str or sequence of str, optional
        Key columns in both frames. None: all but date and amount that both frames have.
    freq : {"Q", "M", "Y", "W"}
        Length of the periods; a period that is not over in our data shows a low share.
    year_start : int, default=1
        First month of the year, for quarters and years.
    date, amount : str
        Columns of the day and the amount, in both frames.
    invalid : {"raise", "drop"}
        What to do with rows that cannot be used.

    Returns
    -------
    DataFrame
        One row a key and period of the market: the keys, ``date`` (first day of the period),
        ``amount`` (ours), ``market``, ``share``, ``share_change`` and ``growth``,
        ``market_growth`` (all against a year or 52 weeks before), ``growth_gap`` (growth less the
        market's). ``attrs["rows"]`` accounts for every row of ``transactions``: those of keys
        or periods for which the market has no size are in no share.

    Raises
    ------
    InputError
        A column is missing, rows cannot be used, or the market has an amount that is not
        positive.

    Warns
    -----
    DataWarning
        Transactions have keys that the market lacks altogether, we sell more than the whole
        market (another unit of money?), rows of the market are there twice, or it has no two
        periods in a row (is it given by quarters, and ``freq`` months?).

    Examples
    --------
    >>> import pandas as pd
    >>> ours = pd.DataFrame({"date": pd.to_datetime(["2024-02-01", "2025-02-01"]),
    ...                      "amount": [10.0, 11.0]})
    >>> whole = pd.DataFrame({"date": pd.to_datetime(["2024-01-01", "2025-01-01"]),
    ...                       "amount": [100.0, 120.0]})
    >>> market_share(ours, whole)[["share", "growth_gap"]].round(3)
       share  growth_gap
    0  0.100         NaN
    1  0.092        -0.1
    """
    check_freq(freq, caller="market_share", choices=("W", "M", "Q", "Y"))
    check_int(year_start, "year_start", caller="market_share", low=1, high=12)
    names = check_names(by, "by", caller="market_share")
    for name, option in ((date, "date"), (amount, "amount")):
        check_column(name, option, caller="market_share")
    transactions = to_pandas(transactions, caller="market_share", arg="transactions")
    market = to_pandas(market, caller="market_share", arg="market")
    if by is None:
        names = [c for c in market.columns if c in transactions.columns and c not in (date, amount)]
    refuse_names(names, _SHARES, caller="market_share", option="by")
    one_currency(transactions, names, caller="market_share", arg="transactions")
    one_currency(market, names, caller="market_share", arg="market")
    options: dict[str, Any] = {"invalid": invalid, "date": Date(date), "by": names}
    options["amount"] = Amount(amount)
    ours = take(transactions, caller="market_share", arg="transactions", **options)
    size = take(market, caller="market_share", arg="market", **options)
    if (size["amount"] <= 0).any():
        raise InputError(
            f"market_share(): {int((size['amount'] <= 0).sum())} row(s) of market have an amount "
            "that is not positive; a share needs a market."
        )
    keyed = pd.concat([ours.frame[names], size.frame[names]], ignore_index=True)
    codes = factorise(keyed, names).codes if names else np.zeros(len(keyed), dtype=np.int64)
    _tell_twice(market)
    _tell_unknown(keyed, codes, len(ours), names)
    periods = [period_of(r.days("date"), freq, year_start=year_start) for r in (ours, size)]
    cells = pd.DataFrame({"key": codes, "period": np.concatenate(periods)})
    groups = factorise(cells, ["key", "period"])
    n = len(groups)
    a, b = groups.codes[: len(ours)], groups.codes[len(ours) :]
    known = np.bincount(b, minlength=n) > 0
    sums = [added_up(c, r["amount"], n, caller="market_share") for c, r in ((a, ours), (b, size))]
    out = pd.DataFrame({"key": groups.labels["key"], "period": groups.labels["period"]})
    out["amount"], out["market"] = sums
    out["market"] = out["market"].where(known)
    out = _against_last_year(out, {"W": 52, "M": 12, "Q": 4, "Y": 1}[freq])
    out = out[known].reset_index(drop=True)
    if names:
        labels = factorise(keyed, names).labels.iloc[out["key"].to_numpy()]
    else:
        labels = pd.DataFrame(index=range(len(out)))
    start = period_start(out["period"].to_numpy(), freq, year_start=year_start)
    result = labels.reset_index(drop=True).assign(date=start.astype("M8[D]").astype("M8[us]"))
    result = pd.concat([result, out.drop(columns=["key", "period"])], axis=1)
    _tell_beyond(result)
    if not known[a].all():
        _tell_longer(codes[len(ours) :], periods[1], freq)
    result.attrs["rows"] = {
        "given": len(ours) + len(ours.dropped),
        "invalid": len(ours.dropped),
        "without_a_market": int((~known[a]).sum()),
        "used": int(known[a].sum()),
    }
    return result


def _tell_twice(market: pd.DataFrame) -> None:
    """Warn of rows that are there twice, as after reading a file twice: both are added up."""
    twice = market.astype(str).duplicated()
    if twice.any():
        warn(
            f"market_share(): {int(twice.sum())} of {len(market)} row(s) of market repeat another "
            "one in every column, and are added to it; drop them if they are no sales of their "
            "own: market.drop_duplicates()."
        )


def _tell_longer(codes: np.ndarray, periods: np.ndarray, freq: str) -> None:
    """Warn of a market whose amounts never follow each other: those of longer periods."""
    known = pd.DataFrame({"key": codes, "period": periods}).drop_duplicates()
    apart = known.sort_values(["key", "period"]).groupby("key")["period"].diff().dropna()
    if len(apart) and apart.min() > 1:
        warn(
            f"market_share(): the amounts of market lie {apart.min():g} or more periods of "
            f"freq={freq!r} apart; each is taken as the market of its one period. If they are of "
            "longer ones (quarters, years), give freq for those."
        )


def _tell_beyond(table: pd.DataFrame) -> None:
    """Warn of shares above 1: sales that are not a part of the market they stand against."""
    beyond = table[table["share"] > 1 + 1e-9]
    if len(beyond):
        first = beyond.iloc[0]
        warn(
            f"market_share(): in {len(beyond)} of {len(table)} row(s) our amount is more than the "
            f"whole market, first {first['amount']:,.6g} of {first['market']:,.6g} from "
            f"{first['date'].date()}: is the market given in the same unit, for all of the period?"
        )


def _tell_unknown(keyed: pd.DataFrame, codes: np.ndarray, ours: int, names: list[str]) -> None:
    """Warn of our keys that the market does not have at all: often another spelling."""
    there = np.zeros(int(codes.max()) + 1, dtype=bool)
    there[codes[ours:]] = True
    lost = np.flatnonzero(~there[codes[:ours]])
    if len(lost):
        first = keyed.iloc[lost].drop_duplicates().head(3).to_numpy().tolist()
        shown = ", ".join(repr(v[0] if len(names) == 1 else tuple(v)) for v in first)
        warn(
            f"market_share(): {len(lost)} row(s) of transactions have {', '.join(names)} that "
            f"market lacks ({shown}); they are in no share."
        )


def _against_last_year(table: pd.DataFrame, lag: int) -> pd.DataFrame:
    """Share, growth of ours and of the market against the same period a year before."""
    table = table.assign(share=table["amount"] / table["market"])
    past = table.assign(period=table["period"] + lag)[
        ["key", "period", "amount", "market", "share"]
    ]
    both = table.merge(past, on=["key", "period"], how="left", suffixes=("", "_before"))
    table["share_change"] = both["share"] - both["share_before"]
    ours = both["amount_before"].where(both["amount_before"] > 0)
    table["growth"] = both["amount"] / ours - 1
    table["market_growth"] = both["market"] / both["market_before"] - 1
    table["growth_gap"] = table["growth"] - table["market_growth"]
    return table
